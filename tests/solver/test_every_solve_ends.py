"""Every solve ends with an answer or with a reason: stacks that once hung, failed, or answered nonsense."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.errors import ConvergenceError, ModelError
from spacecharge.model import Contact, End, Layer, Stack, stack_parameters
from spacecharge.solver import equilibrium
from spacecharge.solver.equilibrium import solve, solve_points
from spacecharge.solver.kernel_choice import run_rows
from tests.solver.random_stacks import random_stacks

LONGEST_SOLVE_S = 1.0


def layer(name: str = "a", **changes: Any) -> Layer:
    keys: dict[str, Any] = {
        "name": name,
        "thickness_nm": 9.0,
        "potential_V": 0.0,
        "permittivity": 10.0,
        "site_density_per_nm3": 0.5,
        "occupancy": 0.4,
    }
    return Layer(**{**keys, **changes})


def wall(kind: str, value: float) -> End:
    return End(kind=kind, value=value)


def seconds_of(stack: Stack) -> tuple[sc.Solution, float]:
    """Return the second solve of a stack and its processor time: what others do on the machine does not count."""
    solve(stack, throw=False)
    begin = time.process_time()
    solution = solve(stack, throw=False)
    return solution, time.process_time() - begin


DILUTE_ATTRACTION = {
    "held wall": Stack(
        [
            layer(
                permittivity=7000, site_density_per_nm3=0.46, occupancy=7e-4, statistics="dilute",
                interaction={"occupied_eV": -0.02},
            )
        ],
        left=wall("electrostatic_potential_V", -0.4),
    ),
    "hot wall": Stack(
        [
            layer(
                charge_number=-1, thickness_nm=6.356863531226856, permittivity=71804.46516754969,
                site_density_per_nm3=32.40200802004137, occupancy=0.37979400768205007, statistics="dilute",
                interaction={"occupied_eV": -0.04988760349754491},
            )
        ],
        temperature_K=861.2550396142216,
        left=wall("electrostatic_potential_V", 4.428230297285838),
    ),
    "two layers": Stack(
        [
            layer(
                "l0", charge_number=-2, thickness_nm=4.447370838663698, permittivity=9.82692330143419,
                potential_V=17.42699161662197, site_density_per_nm3=1.1905237098064754, occupancy=0.9825132416148352,
                statistics="dilute", interaction={"occupied_eV": -0.057448584478918006},
            ),
            layer(
                "l1", thickness_nm=0.8215256938494786, permittivity=36.737368200237064, potential_V=2.9109285431532186,
                site_density_per_nm3=3.2181962624291347, occupancy=0.9996520517368669,
            ),
        ],
        left=wall("surface_charge_C_per_m2", 0.007607780116901521),
    ),
}  # fmt: skip


def test_thin_layers_that_empty_solve_at_every_step() -> None:
    """Two layers of 1 nm, 0.01 nm-3: what the left one takes up is all that the right one has.

    Both hold their charge evenly (it moves their potential by 0.2 mV), so that theta = 0.8 on the left alone says how
    far it lies from its bulk; half of that drop comes on top.
    """
    pair = [layer(n, thickness_nm=1, site_density_per_nm3=0.01) for n in "ab"]
    p = stack_parameters(Stack(pair), {"a.potential_V": np.linspace(0.0, 5.0, 101)})
    points = solve_points(p)
    assert (points.scalars["status"] == 0).all()
    two = solve(Stack([pair[0].replace(potential_V=2.0), pair[1]]))
    assert two.scalars["space_charge_potential"][0, 0] == pytest.approx(-0.04844, abs=1e-5)
    assert two.layers[0].occupancy.mean() == pytest.approx(0.8, abs=0.02)
    assert two.layers[1].occupancy.max() < 1e-30


STATUS_1 = Stack(
    [
        layer(
            "a", thickness_nm=6e5, potential_V=5.3, permittivity=90, site_density_per_nm3=0.04,
            occupancy=0.9999941249076522, charge_number=-1,
        ),
        layer(
            "b", thickness_nm=20, potential_V=1.6, permittivity=3, site_density_per_nm3=0.0015,
            occupancy=0.01029110225671783, charge_number=3,
        ),
        layer(
            "c", thickness_nm=8000, potential_V=1.6, permittivity=90, site_density_per_nm3=0.005,
            occupancy=0.7020543191734572, charge_number=-2,
        ),
    ],
    temperature_K=200,
    contacts=[Contact(dipole_V=0.2127862772045136), Contact()],
)  # fmt: skip
STATUS_4 = Stack(
    [
        layer(
            "a", thickness_nm=1000, potential_V=1, permittivity=200, site_density_per_nm3=2,
            occupancy=0.9841584699578367, charge_number=-2,
        ),
        layer(
            "b", thickness_nm=2, potential_V=3, permittivity=10, site_density_per_nm3=0.2,
            occupancy=0.0021117225306256353, charge_number=-2,
        ),
        layer(
            "c", thickness_nm=9e4, potential_V=2.4, permittivity=3, site_density_per_nm3=0.1,
            occupancy=0.9999974478679813, charge_number=-2,
        ),
    ],
    temperature_K=1000,
)  # fmt: skip


@pytest.mark.parametrize("stack", [STATUS_1, STATUS_4], ids=["status 1", "status 4"])
def test_three_layers_solve_at_every_tolerance(stack: Stack) -> None:
    sharp = solve(stack, tolerance_V=1e-8).scalars["contact_potential"]
    for tolerance in (1e-2, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6):
        solution = solve(stack, tolerance_V=tolerance, throw=False)
        assert solution.status == 0, tolerance
        error = np.abs(solution.scalars["contact_potential"] - sharp).max()
        assert error <= min(tolerance, solution.stats.potential_error_estimate) + 1e-8
    if stack is STATUS_4:
        # From an independent solver.
        assert sharp[:, 0] == pytest.approx([-1.359185, -0.849899], abs=1e-6)


def corners() -> Iterator[Stack]:
    """Two layers at the corners of the documented ranges: 4,608 of them."""
    pair = list(itertools.product((2.0, 200.0), (0.001, 100.0), (1e-6, 0.5, 1.0 - 1e-6), (1.0, 1e6)))
    for j, temperature, step in itertools.product((0.0, 0.2), (150.0, 1500.0), (5.0, -5.0)):
        interaction = {"occupied_eV": j, "vacancy_eV": j}
        for ends in itertools.product(pair, repeat=2):
            layers = [
                layer(
                    name, potential_V=u, permittivity=eps, site_density_per_nm3=sites, occupancy=theta,
                    thickness_nm=length, interaction=interaction,
                )
                for name, u, (eps, sites, theta, length) in zip("ab", (step, 0.0), ends, strict=True)
            ]  # fmt: skip
            yield Stack(layers, temperature_K=temperature)


def assert_corner_solves(stack: Stack) -> None:
    found = [solve(stack, tolerance_V=tolerance, throw=False) for tolerance in (1e-6, 1e-9)]
    assert [s.status for s in found] == [0, 0], stack
    coarse, fine = (s.scalars["space_charge_potential"][0] for s in found)
    assert np.abs(coarse - fine).max() <= 1e-6 + 1e-9, stack
    for solution in found:
        scale = np.abs(solution.scalars["charge"]).max()
        assert abs(solution.stats.charge_balance) <= 1e-11 * scale + 1e-13, stack


def test_corners_of_the_documented_ranges() -> None:
    """Every 29th of the 4,608; the slow test takes them all."""
    for stack in itertools.islice(corners(), 7, None, 29):
        assert_corner_solves(stack)


@pytest.mark.slow
def test_all_corners_of_the_documented_ranges() -> None:
    count = 0
    for stack in corners():
        assert_corner_solves(stack)
        count += 1
    assert count == 4608


def test_layers_that_are_exactly_full_and_empty_find_their_level() -> None:
    """What one layer can take up is what the other has: their last traces decide, and say the middle by symmetry."""
    for temperature, permittivity in itertools.product((150.0, 1500.0), (2.0, 200.0)):
        pair = [
            layer(
                n, thickness_nm=1, site_density_per_nm3=0.001, occupancy=0.5, permittivity=permittivity, potential_V=u
            )
            for n, u in (("a", 5.0), ("b", 0.0))
        ]
        for tolerance in (1e-6, 1e-9):
            solution = solve(Stack(pair, temperature_K=temperature), tolerance_V=tolerance)
            potential = solution.scalars["space_charge_potential"][0]
            assert potential == pytest.approx([-2.5, 2.5], abs=2.0 * tolerance)


def test_level_of_layers_that_miss_each_other_by_little() -> None:
    """One layer can take up a ten-millionth more than the other has: that share stays vacant, and says its level.

    Both layers are so thin that their potential is even but for what their charge bends it: theta over all of a layer.
    """
    vacancy, temperature = 1e-3 * (1.0 + 1e-7), 300.0
    left = layer("a", thickness_nm=1, site_density_per_nm3=0.001, occupancy=1.0 - vacancy, potential_V=4.0)
    right = layer("b", thickness_nm=1, site_density_per_nm3=0.001, occupancy=1e-3)
    solution = solve(Stack([left, right], temperature_K=temperature), tolerance_V=1e-9)
    p = solution.parameters
    volt = BOLTZMANN * temperature / ELEMENTARY_CHARGE
    spare = p.bulk_vacancy[0, 0, 0] - p.bulk_occupancy[0, 1, 0]
    # The charge of 1.6e-7 C/m2 bends the potential by 1e-6 V.
    even = volt * (np.log(spare / (1.0 - spare)) - np.log(p.bulk_vacancy[0, 0, 0] / p.bulk_occupancy[0, 0, 0]))
    assert solution.layers[0].vacancy.mean() == pytest.approx(spare, rel=1e-3)
    assert solution.scalars["space_charge_potential"][0, 0] == pytest.approx(even, abs=2e-6)


def test_charges_that_no_layer_can_hold_are_named() -> None:
    pair = [layer("a"), layer("b", potential_V=1.0)]
    # Each layer takes up 0.6 and gives 0.4 of e N L.
    whole = 0.5e27 * 9e-9 * ELEMENTARY_CHARGE
    for charge, status in ((-1.19 * whole, 0), (-1.21 * whole, 1), (0.79 * whole, 0), (0.81 * whole, 1)):
        for stack in (
            Stack(pair, left=wall("surface_charge_C_per_m2", charge)),
            Stack(pair, contacts=[Contact(charge_C_per_m2=charge)]),
        ):
            solution = solve(stack, throw=False)
            assert solution.status == status, charge
            if status:
                assert "no solution exists" in solution.message
                assert f"{-0.8 * whole:.6g} to {1.2 * whole:.6g}" in solution.message
                with pytest.raises(ConvergenceError, match="no solution exists"):
                    solve(stack)
        assert solve(Stack(pair, left=wall("surface_charge_C_per_m2", charge), right=End(kind="bulk"))).status == 0
    # Dilute layers take up anything, and give no more than they have.
    dilute = [layer("a", statistics="dilute")]
    assert solve(Stack(dilute, left=wall("surface_charge_C_per_m2", -3.0 * whole)), throw=False).status == 0
    assert solve(Stack(dilute, left=wall("surface_charge_C_per_m2", 0.41 * whole)), throw=False).status == 1


def test_a_full_layer_under_a_strong_field() -> None:
    """12 nm that fill up under a wall charge of 0.83 C/m2: 499 V across, once a status without a mesh."""
    full = layer(thickness_nm=12, permittivity=2.2, site_density_per_nm3=13.7, occupancy=0.999238, charge_number=-2)
    solution = solve(
        Stack([full], left=wall("surface_charge_C_per_m2", 0.83), right=End(kind="bulk")), tolerance_V=1e-4
    )
    p = solution.parameters
    eps = VACUUM_PERMITTIVITY * 2.2
    density = 2.0 * ELEMENTARY_CHARGE * 13.7e27 * float(p.bulk_vacancy[0, 0, 0])
    thick = 12e-9
    # Full up to where it joins the bulk at the right end, within its Debye length.
    drop = 0.83 * thick / eps - density * thick**2 / (2.0 * eps)
    found = solution.scalars["space_charge_potential"][0, 1]
    assert found == pytest.approx(drop, abs=density * float(solution.scalars["debye_length"][0]) * thick / eps)


def test_a_status_without_a_mesh_prints() -> None:
    """A resolution so fine that no mesh holds it."""
    stack = Stack([layer(thickness_nm=1e6), layer("b", potential_V=5.0, thickness_nm=1e6)], temperature_K=20.0)
    solution = solve(stack, options=sc.SolverOptions(resolution=1e-3), tolerance_V=1e-9, throw=False)
    assert solution.status == 4
    assert "no mesh" in solution.message
    assert solution.layers == ()
    assert "no mesh" in repr(solution)
    for values in (solution.x, solution.potential, solution.occupancy, solution.vacancy):
        assert values.shape == (0,)


def test_profiles_of_a_failed_solve_are_empty() -> None:
    for solution in (
        solve(DILUTE_ATTRACTION["held wall"], throw=False),
        solve(Stack([layer()], left=wall("surface_charge_C_per_m2", 9.0)), throw=False),
    ):
        assert solution.status in (1, 2)
        assert solution.x.size == solution.potential.size == solution.occupancy.size == solution.vacancy.size == 0
        assert solution.message in repr(solution)


def test_resistance_of_layers_that_conduct_far_better_than_their_bulk() -> None:
    """Accumulation by e^40: length and excess cancel to nothing, the sum of sigma_b/sigma does not.

    A layer far thinner than its Debye length lies evenly at the potential of its end: sigma_b/sigma = theta_b/theta.
    """
    for statistics in ("dilute", "lattice"):
        accumulated = layer(
            thickness_nm=1e-3, permittivity=1e7, site_density_per_nm3=1e-9, occupancy=1e-18, statistics=statistics,
            diffusivity_m2_per_s=1e-14,
        )  # fmt: skip
        solution = solve(Stack([accumulated], left=wall("electrostatic_potential_V", -1.03)))
        p = solution.parameters
        theta = float(solution.scalars["contact_occupancy"][0, 1])
        carriers = float(p.site_density[0, 0, 0]) * theta
        sigma = ELEMENTARY_CHARGE**2 * carriers * 1e-14 / (BOLTZMANN * float(p.temperature[0]))
        for name in ("layer_resistance", "resistance", "interface_resistance"):
            values = np.ravel(solution.scalars[name])
            assert values[np.isfinite(values)] == pytest.approx(1e-12 / sigma, rel=1e-6), (statistics, name)


def test_blocked_contacts_have_no_negative_capacitance() -> None:
    """A layer without carriers next to one that answers: nothing crosses, whatever rounding says."""
    for thickness in (1.0, 10.0, 1e3, 1e5):
        empty = layer("b", site_density_per_nm3=1e-9, occupancy=1e-12, potential_V=2.0, thickness_nm=thickness)
        for stack in (Stack([layer(occupancy=1e-12, site_density_per_nm3=1e-9), empty]), Stack([layer(), empty])):
            scalars = solve(stack, throw=False).scalars
            assert (scalars["differential_capacitance"] >= 0.0).all()
            frequency = scalars["characteristic_frequency"]
            assert not (frequency < 0.0).any()


def test_static_capacitance_needs_a_neutral_bias() -> None:
    """Cut off at its contact, a layer can only be neutral if it undoes the charge of its end."""
    pair = [layer("a", thickness_nm=2.0), layer("b", thickness_nm=200.0, potential_V=1.0)]
    whole = 0.5e27 * 2e-9 * ELEMENTARY_CHARGE
    for share, exists in ((0.39, True), (0.41, False), (-0.59, True), (-0.61, False)):
        solution = solve(Stack(pair, left=wall("surface_charge_C_per_m2", share * whole)))
        static = solution.scalars["static_capacitance"]
        assert np.isfinite(static[1]) == exists, share
        assert np.isfinite(solution.scalars["differential_capacitance"]).all()


@pytest.mark.parametrize("tolerance", [1e-12, 0.5, float("nan"), 0.0])
def test_one_range_of_tolerances(tolerance: float) -> None:
    stack = Stack([layer()])
    for ask in (
        lambda: solve(stack, tolerance_V=tolerance),
        lambda: solve_points(stack_parameters(stack), tolerance_V=[tolerance]),
    ):
        with pytest.raises(ModelError, match=r"1e-11 to 0\.01"):
            ask()


@pytest.mark.parametrize("n_threads", [1, 2])
def test_interrupt_ends_a_solve_of_many_points(
    n_threads: int, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Ctrl-C during the third block of 196: over within the blocks at work, not at the end."""
    blocks: list[int] = []

    def interrupted(first: int, *rest: Any) -> int:
        blocks.append(first)
        if len(blocks) == 3:
            signal.raise_signal(signal.SIGINT)
        return run_rows(first, *rest)

    monkeypatch.setattr(equilibrium, "run_rows", interrupted)
    # A shell starts what runs in its background with SIGINT ignored: this test is about what follows a signal.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, handler))
    pair = Stack([layer("a", thickness_nm=1e3), layer("b", thickness_nm=1e3)])
    parameters = stack_parameters(pair, {"a.potential_V": np.linspace(0.5, 3.0, 50_000)})
    with pytest.raises(KeyboardInterrupt):
        solve_points(parameters, n_threads=n_threads)
    assert len(blocks) < 60


def check_random_stacks(n: int, seed: int) -> dict[int, int]:
    """Solve random stacks, assert what must hold for every one of them, and return how many had which status."""
    counts: dict[int, int] = {}
    for number, stack in enumerate(random_stacks(n, seed)):
        solution, seconds = solve(stack, throw=False), 0.0
        if solution.stats.seconds > LONGEST_SOLVE_S:
            solution, seconds = seconds_of(stack)
        case = (seed, number)
        assert seconds < LONGEST_SOLVE_S, case
        counts[solution.status] = counts.get(solution.status, 0) + 1
        assert str(solution.status), repr(solution)
        scalars = solution.scalars
        for name in ("layer_resistance", "resistance", "interface_resistance", "differential_capacitance"):
            assert not (scalars[name] < 0.0).any(), (case, name)
        if solution.status != 0:
            continue
        conducting = np.isfinite(solution.parameters.diffusivity[0]).any(axis=-1)
        assert np.isfinite(scalars["layer_resistance"][conducting]).all(), case
        for name in ("charge", "debye_length", "charge_balance", "potential_error_estimate"):
            assert np.isfinite(scalars[name]).all(), (case, name)
        inner = slice(int(stack.left.kind not in ("zero_field", "bulk")), None)
        of_contacts = scalars["space_charge_potential"][inner][: len(stack.layers) - 1]
        assert np.isfinite(of_contacts).all(), case
    return counts


def test_random_stacks_end() -> None:
    counts = check_random_stacks(200, seed=11)
    assert counts.get(1, 0) <= 30, counts


@pytest.mark.slow
def test_many_random_stacks_end() -> None:
    """25,000; what is left unconverged stays a small share (measured: 2 % of the first 3,000)."""
    counts = check_random_stacks(25_000, seed=1)
    assert sum(counts.values()) == 25_000
    assert counts.get(1, 0) <= 25_000 * 0.07, counts


@pytest.mark.slow
def test_random_stacks_keep_their_promise() -> None:
    """500 solved stacks again at 1e-10 V: within tolerance and estimate of the first answer."""
    missed = known = 0
    for stack in random_stacks(2000, seed=3):
        first = solve(stack, throw=False)
        if first.status != 0:
            continue
        sharp = solve(stack, tolerance_V=1e-10, throw=False)
        if sharp.status != 0:
            continue
        error = np.nanmax(np.abs(first.scalars["contact_potential"] - sharp.scalars["contact_potential"]), initial=0.0)
        assert error <= 1e-6
        known += 1
        missed += error > first.stats.potential_error_estimate
        if known == 500:
            break
    assert known == 500
    assert missed <= 5


def test_level_is_the_root_of_the_whole_charge() -> None:
    """Two even layers: the charge of both as a function of the level, to which a scalar root is the answer."""
    temperature = 200.0
    volt = BOLTZMANN * temperature / ELEMENTARY_CHARGE
    left = layer("a", thickness_nm=1, site_density_per_nm3=1e-7, occupancy=0.3, potential_V=1.0)
    right = layer("b", thickness_nm=1, site_density_per_nm3=1e-7, occupancy=0.3)

    def total(y: float) -> float:
        def taken(v: float) -> float:
            return 0.3 * 0.7 * np.expm1(-v) / (0.7 + 0.3 * np.exp(-v))

        return float(taken(y) + taken(y + 1.0 / volt))

    solution = solve(Stack([left, right], temperature_K=temperature), tolerance_V=1e-8)
    exact = brentq(total, -1.0 / volt, 0.0, xtol=1e-14) * volt
    # The charge bends the potential by 5e-8 V.
    assert solution.scalars["space_charge_potential"][0, 0] == pytest.approx(exact, abs=1e-7)
