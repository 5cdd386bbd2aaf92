"""Layers too thin for the first integral, against collocation on the same equations (``plain``)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq

from spacecharge.constants import VACUUM_PERMITTIVITY
from spacecharge.model import Contact, End, Layer, Stack
from spacecharge.solver.equilibrium import SolverOptions, solve
from spacecharge.solver.solution import Solution

from .compare import bulk_conductivity, simple_layer
from .plain import plain_solve

Array = NDArray[np.float64]
TOLERANCE_V = 1e-8
THIN_FLAG = 4


def two_species(name: str, potential: float, thickness_nm: float) -> Layer:
    return Layer(
        name=name,
        thickness_nm=thickness_nm,
        potential_V=potential,
        permittivity=10.0,
        species={
            "cation": {
                "site_density_per_nm3": 5.0,
                "occupancy": 0.5,
                "diffusivity_m2_per_s": 1e-12,
                "transport": "vacancy",
                "interaction": {"vacancy_eV": -0.05},
            },
            "anion": {
                "site_density_per_nm3": 5.0,
                "occupancy": 0.01,
                "charge_number": -1.0,
                "diffusivity_m2_per_s": 1e-15,
            },
        },
    )


def coated(thickness_nm: float, interaction: float) -> Stack:
    pair = {"occupied_eV": interaction, "vacancy_eV": interaction}
    coating = simple_layer(
        "coating",
        3.3,
        thickness_nm=thickness_nm,
        occupancy=1e-3,
        site_density_per_nm3=5.0,
        permittivity=50.0,
        interaction=pair,
        transport="vacancy",
    )
    cathode = simple_layer("cathode", 3.9, thickness_nm=8.0, occupancy=0.5, interaction=pair)
    return Stack(
        (cathode, coating, simple_layer("electrolyte", 2.0, thickness_nm=8.0, occupancy=0.9, interaction=pair))
    )


def spaced(thickness_nm: float, interaction: float) -> Stack:
    spacer = simple_layer(
        "spacer",
        3.3,
        thickness_nm=thickness_nm,
        occupancy=1e-3,
        site_density_per_nm3=1e-3,
        statistics="dilute",
        interaction={"occupied_eV": interaction},
    )
    a, b = (simple_layer(n, u, thickness_nm=8.0, occupancy=t) for n, u, t in (("a", 3.9, 0.5), ("b", 2.0, 0.9)))
    return Stack((a, spacer, b))


def single(thickness_nm: float, left: End, right: End, potential: float = 0.0) -> Stack:
    return Stack((simple_layer("only", potential, thickness_nm=thickness_nm),), left=left, right=right)


def volts(value: float) -> End:
    return End(kind="electrostatic_potential_V", value=value)


def walls(value: float) -> End:
    return End(kind="surface_charge_C_per_m2", value=value)


STACKS = {
    "electrode of 1 nm starves the interface": Stack(
        (simple_layer("a", -2.0, thickness_nm=1.0), simple_layer("b", 3.0, thickness_nm=15.0))
    ),
    "electrode of 0.1 nm": Stack((simple_layer("a", 5.0, thickness_nm=0.1), simple_layer("b", 3.0, thickness_nm=15.0))),
    "two species beside one": Stack((simple_layer("a", 1.0, thickness_nm=5.0), two_species("b", 0.0, 5.0))),
    "two species, thin": Stack((two_species("a", 0.4, 0.3), two_species("b", 0.0, 0.5))),
    "charge and dipole": Stack(
        (simple_layer("a", 1.0, thickness_nm=8.0), simple_layer("b", thickness_nm=3.0)),
        contacts=(Contact(charge_C_per_m2=0.3, dipole_V=-0.4),),
    ),
    "one wall with charge": single(8.0, walls(0.25), End()),
    "two walls with charge": single(2.0, walls(0.25), walls(-0.2)),
    "a wall held, field crosses to bulk": single(0.3, volts(1.0), End(kind="bulk")),
    "two walls held, field crosses": single(0.2, volts(1.0), volts(-1.0)),
    "two walls held": single(3.0, volts(1.0), volts(-1.0)),
    "held wall before two layers": Stack(
        (simple_layer("a", 1.0, thickness_nm=0.3), simple_layer("b", thickness_nm=0.2)),
        left=volts(0.2),
        right=End(kind="bulk"),
    ),
    "charged wall, then bulk": Stack(
        (simple_layer("a", 1.0, thickness_nm=0.4), simple_layer("b", thickness_nm=1.0)),
        left=End(kind="bulk"),
        right=walls(0.1),
    ),
    "five layers": Stack(
        tuple(
            simple_layer(f"l{i}", u, thickness_nm=d)
            for i, (u, d) in enumerate(((0.0, 5.0), (1.0, 1.0), (-1.0, 0.3), (0.5, 8.0), (0.2, 4.0)))
        )
    ),
    **{f"coating {d:g} nm, J {j:g} eV": coated(d, j) for d in (1e-3, 0.1, 1.0, 10.0, 100.0) for j in (0.0, 0.2)},
    **{f"spacer {d:g} nm, J {j:g} eV": spaced(d, j) for d in (0.1, 1.0, 30.0) for j in (0.0, 0.3)},
}


def starts(solution: Solution) -> list[tuple[Array, Array]]:
    p = solution.parameters
    levels = p.potential[0] - p.potential[0, -1]
    return [(la.x - la.x[0], la.potential - level) for la, level in zip(solution.layers, levels, strict=True)]


def faces(solution: Solution) -> Array:
    return np.array([[v[0], v[-1]] for _, v in starts(solution)])


@pytest.mark.parametrize("name", STACKS)
def test_agrees_with_collocation(name: str) -> None:
    stack = STACKS[name]
    solution = solve(stack, tolerance_V=TOLERANCE_V)
    # Residuals of 1e-8 leave 1e-11 V at the faces (measured by halving the tolerance).
    plain = plain_solve(stack, starts(solution), 1e-8)
    assert np.abs(faces(solution) - plain.faces).max() <= TOLERANCE_V
    largest = np.abs(plain.displacement).max() * VACUUM_PERMITTIVITY
    # Charges follow the potentials exponentially: e 1e-8/kT = 4e-7; against the largest displacement.
    assert np.abs(solution.scalars["charge"] - plain.charge).max() <= 4e-7 * largest
    known = np.isfinite(plain.layer_resistance)
    estimate = max(solution.stats.resistance_error_estimate, 1e-6)
    assert (np.isfinite(solution.scalars["layer_resistance"]) == known).all()
    error = solution.scalars["layer_resistance"][known] / plain.layer_resistance[known] - 1.0
    assert np.abs(error).max() <= estimate
    charges = np.abs(solution.scalars["charge"]).max()
    assert abs(solution.stats.charge_balance) <= 1e-12 * max(charges, largest)


@pytest.mark.parametrize("name", STACKS)
def test_flat_start_finds_the_same(name: str) -> None:
    guessed = solve(STACKS[name], tolerance_V=TOLERANCE_V)
    flat = solve(STACKS[name], tolerance_V=TOLERANCE_V, options=SolverOptions(start="flat"))
    assert np.abs(faces(guessed) - faces(flat)).max() <= 1e-11


def test_fields_at_the_faces_are_those_of_the_profile() -> None:
    solution = solve(STACKS["coating 1 nm, J 0 eV"], tolerance_V=1e-10)
    field = solution.scalars["contact_field"]
    for i, layer in enumerate(solution.layers):
        for side, contact in ((0, i - 1), (1, i)):
            if not 0 <= contact < 2:
                continue
            at = slice(0, 5) if side == 0 else slice(-5, None)
            middle = layer.x[0] if side == 0 else layer.x[-1]
            fit = np.polynomial.Polynomial.fit(layer.x[at] - middle, layer.potential[at], 4)
            # The slope of the element's own polynomial: two orders less accurate than Gauss's law.
            assert field[contact, 1 - side] == pytest.approx(-float(fit.deriv()(0.0)), rel=1e-4)


def region_by_hand(solution: Solution, layer: int, side: int) -> tuple[float, float]:
    """Return width and resistance of a region from a spline through the nodes, not from the elements."""
    from scipy.interpolate import CubicSpline

    profile = solution.layers[layer]
    thickness = profile.x[-1] - profile.x[0]
    x = profile.x - profile.x[0] if side == 0 else profile.x[-1] - profile.x[::-1]
    order = slice(None) if side == 0 else slice(None, None, -1)
    p = solution.parameters
    bulk = float(p.bulk_occupancy[0, layer, 0])
    level = float(p.potential[0, layer] - p.potential[0, -1])
    volt = float(p.thermal_voltage[0])
    v = CubicSpline(x, (profile.potential - level)[order] / volt)

    def theta(at: float) -> float:
        odds = bulk / (1.0 - bulk) * np.exp(-v(at))
        return float(odds / (1.0 + odds))

    off = 0.01 * min(bulk, 1.0 - bulk)
    sampled = np.array([abs(theta(a) - bulk) - off for a in x])
    width = 0.0
    if sampled[0] > 0.0:
        inside = np.flatnonzero(sampled <= 0.0)
        width = thickness
        if inside.size:
            k = inside[0]
            width = float(brentq(lambda a: abs(theta(a) - bulk) - off, x[k - 1], x[k], xtol=1e-20))
    blocked = p.transport[layer, 0] == 1
    resistivity = 1.0 / bulk_conductivity(solution)[layer]

    def local(at: float) -> float:
        t = theta(at)
        return resistivity * bulk / t * ((1.0 - bulk) / (1.0 - t) if blocked else 1.0)

    points = x[(x > 0.0) & (x < width)]
    edges = [0.0, *points, width]
    total = sum(quad(local, a, b, epsrel=1e-8)[0] for a, b in pairwise(edges)) if width else 0.0
    return width, total


@pytest.mark.parametrize(
    "stack",
    [
        coated(10.0, 0.0),
        coated(0.8, 0.0),
        Stack(
            (simple_layer("a", 0.6, thickness_nm=6.0), simple_layer("b", 0.0, thickness_nm=6.0, transport="vacancy"))
        ),
    ],
    ids=["thick coating", "thin coating", "two layers"],
)
def test_widths_and_region_resistances_by_hand(stack: Stack) -> None:
    # A mesh halved often, for the sake of the spline.
    fine = SolverOptions(max_refinements=4, resistance_tolerance=1e-30)
    solution = solve(stack, tolerance_V=1e-9, options=fine)
    scalars = solution.scalars
    regions = np.zeros(len(stack.layers))
    widths = np.zeros(len(stack.layers))
    for i in range(len(stack.layers)):
        for side, contact in ((0, i - 1), (1, i)):
            if not 0 <= contact < len(stack.layers) - 1:
                continue
            width, resistance = region_by_hand(solution, i, side)
            # The spline through the nodes is of fourth order, the elements of higher order.
            assert scalars["space_charge_width"][contact, 1 - side] == pytest.approx(width, rel=1e-6)
            assert scalars["resistance"][contact, 1 - side] == pytest.approx(resistance, rel=1e-6)
            regions[i] += scalars["resistance"][contact, 1 - side]
            widths[i] += width
    thickness = np.array([la.x[-1] - la.x[0] for la in solution.layers])
    # Where regions meet the layer counts once.
    union = np.where(widths >= thickness * (1.0 - 1e-9), scalars["layer_resistance"], regions)
    assert float(scalars["interface_resistance"]) == pytest.approx(float(union.sum()), rel=1e-12)
    excess = scalars["layer_resistance"] - thickness / bulk_conductivity(solution)
    assert scalars["excess_resistance"] == pytest.approx(excess, rel=1e-9, abs=1e-12 * float(excess.max()))


def test_overlapping_regions_count_once() -> None:
    stack = coated(0.3, 0.0)
    solution = solve(stack, resistance_of=("coating",))
    scalars = solution.scalars
    assert int(scalars["validity"]) & THIN_FLAG
    both = float(scalars["resistance"][0, 1] + scalars["resistance"][1, 0])
    assert both > 1.5 * float(scalars["layer_resistance"][1])
    assert float(scalars["interface_resistance"]) == float(scalars["layer_resistance"][1])
    thick = solve(coated(100.0, 0.0), resistance_of=("coating",))
    assert not int(thick.scalars["validity"]) & THIN_FLAG
    both = float(thick.scalars["resistance"][0, 1] + thick.scalars["resistance"][1, 0])
    assert float(thick.scalars["interface_resistance"]) == pytest.approx(both, rel=1e-14)


def test_a_vanishing_coating_is_no_coating() -> None:
    thin = solve(coated(1e-3, 0.0))
    bare = Stack((coated(1.0, 0.0).layers[0], coated(1.0, 0.0).layers[2]))
    without = solve(bare)
    # 0.001 nm of charge at 5 nm^-3: a thousandth of the interface's.
    assert float(thin.scalars["charge"][0]) == pytest.approx(float(without.scalars["charge"][0]), rel=4e-3)
    assert float(thin.scalars["charge"][0]) != float(without.scalars["charge"][0])


def test_an_electrode_cannot_give_more_than_it_has() -> None:
    for thickness in (0.01, 0.1, 0.5):
        stack = Stack((simple_layer("a", 8.0, thickness_nm=thickness), simple_layer("b", 3.0)))
        charge = float(solve(stack).scalars["charge"][0])
        # 0.7 of 10 sites per nm3 are empty, and 0.3 are filled.
        room = 0.7 * 10.0 * thickness * 0.1602176634
        filled = 0.3 * 10.0 * thickness * 0.1602176634
        limit = filled if charge < 0 else room
        # Full to rounding of the sum over the nodes, and not beyond.
        assert 0.99 * limit < abs(charge) <= limit * (1.0 + 1e-12)
