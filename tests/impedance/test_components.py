"""Several components under a steady current: collocation on the same equations, parallel paths, small signals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_bvp

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY

from .cases import coated, mixed_layer, pair

LAW = sc.ChargeTransfer(rate_constant=1.9847733e21)
VOLT = BOLTZMANN * 298.15 / ELEMENTARY_CHARGE
CHARGE = np.array([1.0, -1.0])
# Ions and electrons of two layers: sites [nm-3], occupancies, diffusivities [m2/s].
SITES = np.array([[20.0, 5.0], [12.0, 5.0]])
THETA = np.array([[0.3, 0.3], [0.1, 0.05]])
SPEED = np.array([[1e-15, 2e-15], [1e-13, 1e-14]])
SIZE, PERMITTIVITY, STEP = np.array([4e-9, 5e-9]), np.array([12.0, 20.0]), 0.1


def two_mixed(**contact: Any) -> sc.Stack:
    layers = []
    for i, name in enumerate("ab"):
        species = {
            label: {
                "site_density_per_nm3": SITES[i, s],
                "occupancy": THETA[i, s],
                "diffusivity_m2_per_s": SPEED[i, s],
                "charge_number": CHARGE[s],
            }
            for s, label in enumerate(("Li", "electron"))
        }
        layers.append(
            sc.Layer(
                name=name,
                thickness_nm=SIZE[i] * 1e9,
                potential_V=3.0 + (1 - i) * STEP,
                permittivity=PERMITTIVITY[i],
                species=species,
            )
        )
    return sc.Stack(layers, contacts=(sc.Contact(**contact),), temperature_K=298.15)


def collocated(current: float, kept: float | None = None) -> Any:
    """Run of ``solve_bvp`` for `two_mixed`; with `kept` electrons carry nothing and have that charge [e nm/nm3].

    Per layer psi, displacement, w of ions and of electrons, charge of the electrons up to here; parameters: V and the
    current of the ions, or V and w of the electrons.
    """
    odds = np.log(THETA / (1.0 - THETA))
    conduct = ELEMENTARY_CHARGE**2 * SITES * 1e27 * SPEED / (BOLTZMANN * 298.15)
    # Displacements in kT/e over nm; charges in the same over nm2.
    unit = ELEMENTARY_CHARGE * 1e27 * 1e-18 / (VACUUM_PERMITTIVITY * VOLT)

    def right(t: np.ndarray, s: np.ndarray, p: np.ndarray) -> np.ndarray:
        out = np.empty_like(s)
        ions = current if kept is not None else p[1]
        for i in range(2):
            psi, d, w = s[5 * i], s[5 * i + 1], s[5 * i + 2 : 5 * i + 4]
            filled = 1.0 / (1.0 + np.exp(CHARGE[:, None] * (psi - w) - odds[i][:, None]))
            flows = np.array([ions, current - ions])
            nm = SIZE[i] * 1e9
            excess = CHARGE[:, None] * SITES[i][:, None] * (filled - THETA[i][:, None])
            out[5 * i] = nm * d / PERMITTIVITY[i]
            out[5 * i + 1] = -nm * unit * excess.sum(axis=0)
            out[5 * i + 2 : 5 * i + 4] = -SIZE[i] * flows[:, None] / (conduct[i][:, None] * filled * VOLT)
            out[5 * i + 4] = nm * excess[1]
        return out

    def ends(a: np.ndarray, b: np.ndarray, p: np.ndarray) -> np.ndarray:
        # phi is continuous: psi counts from neutral bulks that differ by the step.
        joined = [a[5] - b[0] - STEP / VOLT, a[6] - b[1], a[7] - b[2], a[8] - b[3], a[9] - b[4], a[4]]
        outer = [a[0] - p[0], a[2] - p[0], b[5], b[7]]
        electrons = [a[3] - p[0], b[8]] if kept is None else [a[3] - p[1], b[9] - kept]
        return np.array(joined + outer + electrons)

    t = 0.5 * (1.0 + np.tanh(4.0 * np.linspace(-1, 1, 301)) / np.tanh(4.0))
    whole, run = current, None
    for share in (0.0, 0.1, 0.4, 1.0):
        current = share * whole
        guess = np.zeros((10, t.size)) if run is None else run.y
        start = np.zeros(2) if run is None else run.p
        run = solve_bvp(right, ends, t if run is None else run.x, guess, start, tol=1e-7, max_nodes=30000)
        assert run.success, run.message
    return run


@pytest.mark.parametrize("current", [-300.0, 40.0, pytest.param(800.0, marks=pytest.mark.slow)])
def test_two_components_against_collocation(current: float) -> None:
    run = collocated(current)
    state = sc.steady_state(two_mixed(), current_density=current, tolerance_V=1e-9)
    assert state.voltage == pytest.approx(float(run.p[0]) * VOLT, rel=1e-6)
    assert state.component_current_density[0] == pytest.approx(float(run.p[1]), rel=1e-6)
    assert state.component_current_density.sum() == pytest.approx(current, rel=1e-13)
    drops = -np.array([[run.y[5 * i + 2 + c, -1] - run.y[5 * i + 2 + c, 0] for i in range(2)] for c in range(2)]) * VOLT
    assert state.component_layer_voltage == pytest.approx(drops, rel=1e-6)


def test_electrons_that_no_end_exchanges_keep_their_amount() -> None:
    rest = collocated(0.0)
    kept = float(rest.y[9, -1])
    run = collocated(120.0, kept)
    state = sc.steady_state(two_mixed(), current_density=120.0, components=["Li"], tolerance_V=1e-9)
    assert state.voltage == pytest.approx(float(run.p[0]) * VOLT, rel=1e-6)
    assert state.component_current_density == pytest.approx([120.0, 0.0])
    v = state.profiles["electrochemical_potential"][1]
    assert v == pytest.approx(np.full(v.size, float(run.p[1]) * VOLT), rel=1e-6)


@pytest.mark.parametrize("law", [None, LAW, {"Li": LAW, "electrons": LAW}])
def test_slope_at_rest_is_that_of_parallel_paths(law: Any) -> None:
    state = sc.steady_state(two_mixed(), current_density=0.0, charge_transfer=law)
    profile = state.profiles
    # Paths from the printed profiles, by the weights of the elements that they lie on.
    weights = np.array([1 / 20, 49 / 180, 16 / 45, 49 / 180, 1 / 20])
    x, total = profile["x"], np.zeros(2)
    contact = int(np.flatnonzero(np.diff(x) == 0.0)[0]) + 1
    for i, part in enumerate((slice(0, contact), slice(contact, None))):
        for s in range(2):
            conduct = ELEMENTARY_CHARGE**2 * SITES[i, s] * 1e27 * SPEED[i, s] / (BOLTZMANN * 298.15)
            nodes, inverse = x[part], 1.0 / (conduct * profile["occupancy"][s, part])
            for e in range(0, nodes.size - 1, 4):
                total[s] += (nodes[e + 4] - nodes[e]) * float(weights @ inverse[e : e + 5])
    for s, name in enumerate(("Li", "electrons")):
        if (law is LAW and s == 0) or (isinstance(law, dict) and name in law):
            left, right = profile["occupancy"][s, contact - 1], profile["occupancy"][s, contact]
            rate = 1.9847733e21 * np.sqrt(left * (1 - right) * right * (1 - left))
            total[s] += VOLT / (ELEMENTARY_CHARGE * rate)
    assert state.differential_resistance == pytest.approx(1.0 / np.sum(1.0 / total), rel=1e-9)
    if law is None:
        bulk = two_mixed().replace(left=sc.End(kind="bulk"), right=sc.End(kind="bulk"))
        assert sc.dc_resistance(sc.solve(bulk)) == pytest.approx(state.differential_resistance, rel=1e-9)


def test_a_plain_resistance_stands_in_every_path() -> None:
    free = sc.steady_state(two_mixed(), current_density=0.0)
    one = sc.steady_state(two_mixed(), current_density=1e-6)
    paths = one.voltage / one.component_current_density
    state = sc.steady_state(two_mixed(resistance_ohm_cm2=2.0), current_density=0.0)
    assert free.differential_resistance == pytest.approx(1.0 / np.sum(1.0 / paths), rel=1e-7)
    assert state.differential_resistance == pytest.approx(1.0 / np.sum(1.0 / (paths + 2e-4)), rel=1e-7)


@pytest.mark.parametrize("current", [-200.0, 50.0])
@pytest.mark.parametrize("components", [None, ("Li",)])
def test_slow_signals_are_the_slope_of_the_curve(current: float, components: tuple[str, ...] | None) -> None:
    state = sc.steady_state(two_mixed(), current_density=current, components=components, tolerance_V=1e-9)
    z = complex(sc.impedance(state, 1e-6))
    assert z.real == pytest.approx(state.differential_resistance, rel=1e-8)
    step = 0.02
    near = [
        sc.steady_state(
            two_mixed(), current_density=current + k * step, components=components, tolerance_V=1e-10
        ).voltage
        for k in (-2, -1, 1, 2)
    ]
    slope = (8.0 * (near[2] - near[1]) - (near[3] - near[0])) / (12.0 * step)
    assert state.differential_resistance == pytest.approx(slope, rel=1e-5)


def test_mixed_conductor_of_jamnik_and_maier_at_low_frequency() -> None:
    """w -> 0 between ends that block ions: the electrons alone carry, R_0 = L/sigma_e."""
    stack, sigma, _ = mixed_layer(50.0, ratio=3.0)
    both = sc.steady_state(stack, current_density=0.0)
    one = sc.steady_state(stack, current_density=0.0, components=["electrons"])
    assert both.differential_resistance == pytest.approx(50e-9 / sigma.sum(), rel=1e-12)
    assert one.differential_resistance == pytest.approx(50e-9 / sigma[1], rel=1e-12)
    for ends in ({"reversible": ["electrons"]}, "reversible", {"left": "reversible"}):
        z = complex(sc.impedance(one, 1e-6, ends=ends))
        assert z.real == pytest.approx(50e-9 / sigma[1], rel=1e-9)
    every = complex(sc.impedance(one, 1e-6, ends={"reversible": list(one.components)}))
    assert every.real == pytest.approx(50e-9 / sigma.sum(), rel=1e-9)


def test_two_components_of_one_kind_are_one() -> None:
    stack = pair(sites=22.4, energy=0.0, thickness=8.0)
    halves = []
    for layer in stack.layers:
        same = {
            "site_density_per_nm3": layer.site_density_per_nm3 / 2,
            "occupancy": layer.occupancy,
            "diffusivity_m2_per_s": layer.diffusivity_m2_per_s,
        }
        halves.append(
            sc.Layer(
                name=layer.name, thickness_nm=layer.thickness_nm, potential_V=layer.potential_V,
                permittivity=layer.permittivity, species={"Li": dict(same), "Na": dict(same)},
            )
        )  # fmt: skip
    split = sc.Stack(halves, temperature_K=stack.temperature_K)
    for current in (-400.0, 300.0):
        one = sc.steady_state(stack, current_density=current, tolerance_V=1e-9)
        two = sc.steady_state(split, current_density=current, tolerance_V=1e-9)
        assert two.voltage == pytest.approx(one.voltage, rel=1e-9)
        assert two.component_current_density == pytest.approx([current / 2] * 2, rel=1e-9)
        assert two.contact_current_density == pytest.approx(np.full((1, 2), current / 2), rel=1e-9)


def test_what_is_blocked_carries_nothing() -> None:
    """Electrons live in the coating alone: they keep their amount there, and are level."""
    rest = sc.steady_state(coated(), current_density=0.0, tolerance_V=1e-9)
    state = sc.steady_state(coated(), current_density=200.0, tolerance_V=1e-9)
    assert state.component_current_density == pytest.approx([200.0, 0.0])
    amounts = []
    for each in (rest, state):
        profile = each.profiles
        ends = np.flatnonzero(np.diff(profile["x"]) == 0.0) + 1
        part = slice(int(ends[0]), int(ends[1]))
        x, theta = profile["x"][part], profile["occupancy"][1, part]
        assert np.ptp(profile["electrochemical_potential"][1, part]) < 1e-12
        weights = np.array([1 / 20, 49 / 180, 16 / 45, 49 / 180, 1 / 20])
        pieces = [(x[e + 4] - x[e]) * float(weights @ theta[e : e + 5]) for e in range(0, x.size - 1, 4)]
        amounts.append(sum(pieces))
    assert amounts[1] == pytest.approx(amounts[0], rel=1e-9)
    assert np.isnan(state.profiles["electrochemical_potential"][1, 0])


def test_mirror_of_two_components() -> None:
    stack = two_mixed()
    one = sc.steady_state(stack, current_density=150.0)
    two = sc.steady_state(stack.replace(layers=stack.layers[::-1]), current_density=-150.0)
    assert two.voltage == pytest.approx(-one.voltage, rel=1e-6)
    assert two.component_current_density == pytest.approx(-one.component_current_density, rel=1e-6)


def test_given_voltage_gives_the_current_back() -> None:
    state = sc.steady_state(two_mixed(), current_density=-120.0)
    back = sc.steady_state(two_mixed(), voltage_V=state.voltage)
    assert back.current_density == pytest.approx(-120.0, rel=1e-6)


def test_what_cannot_be() -> None:
    with pytest.raises(sc.ModelError, match="no component is called 'Na'"):
        sc.steady_state(two_mixed(), current_density=1.0, components=["Na"])
    with pytest.raises(sc.ModelError, match="no component passes"):
        sc.steady_state(coated(), current_density=1.0, components=["electrons"])
    with pytest.raises(sc.ModelError, match="no component called 'Na' crosses"):
        sc.steady_state(two_mixed(), current_density=1.0, charge_transfer={"Na": LAW})
    with pytest.raises(sc.ModelError, match="either a law"):
        sc.steady_state(two_mixed(resistance_ohm_cm2=1.0), current_density=1.0, charge_transfer=LAW)
