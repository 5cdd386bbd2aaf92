"""What must hold for every stack: symmetries, units, conservation, levels, monotony."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.model import Contact, End, Layer, Stack, stack_parameters
from spacecharge.solver.equilibrium import SolverOptions, solve, solve_points
from spacecharge.solver.solution import Solution
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack, required_thickness, swift_stack

TOLERANCE_V = 1e-9
SAME_V = 2.0 * TOLERANCE_V
"""Two answers, each within its tolerance."""
SAME_R = 1e-6
"""Resistances follow exp(e v/kT): 2e-9 V at 150 K is 1.6e-7, times z and the weight of a width."""
ROUNDED_C = 1e-12
"""F/m2: of a layer that ran empty, what is left of its capacitance is rounding."""
FIXED = "electrostatic_potential_V"

drawn = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])


def between(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False).map(lambda value: round(value, 6))


@st.composite
def layers(draw: st.DrawFn, name: str) -> Layer:
    species = {
        "site_density_per_nm3": 10.0 ** draw(between(-1.5, 1.5)),
        "occupancy": draw(between(0.02, 0.98)),
        "charge_number": draw(st.sampled_from([1.0, -1.0, 2.0])),
        "interaction": draw(
            st.none() | st.fixed_dictionaries({"occupied_eV": between(-0.02, 0.2), "vacancy_eV": between(-0.02, 0.2)})
        ),
        "diffusivity_m2_per_s": 10.0 ** draw(between(-16.0, -11.0)),
        "transport": draw(st.sampled_from(["constant", "vacancy"])),
    }
    return Layer(
        name=name,
        thickness_nm=draw(between(2.0, 80.0)),
        potential_V=draw(between(-1.0, 1.0)),
        permittivity=draw(between(4.0, 80.0)),
        **species,
    )


@st.composite
def stacks(draw: st.DrawFn, *, bare: bool = False) -> Stack:
    """Two or three layers, with charge and dipole in the contacts and walls held at a potential if not `bare`."""
    names = ("a", "b", "c")[: draw(st.integers(2, 3))]
    content = tuple(draw(layers(name)) for name in names)
    temperature = draw(between(250.0, 700.0))
    if bare:
        return Stack(content, temperature_K=temperature)
    planes = st.builds(Contact, charge_C_per_m2=between(-0.05, 0.05), dipole_V=between(-0.3, 0.3))
    ends = st.just(End()) | st.builds(End, kind=st.just(FIXED), value=between(-0.5, 0.5))
    return Stack(
        content,
        temperature_K=temperature,
        contacts=tuple(draw(planes) for _ in names[1:]),
        left=draw(ends),
        right=draw(ends),
    )


def solved(stack: Stack) -> Solution:
    solution = solve(stack, tolerance_V=TOLERANCE_V)
    assert solution.status == 0
    return solution


def assert_close(found: np.ndarray, expected: np.ndarray, scale: float = 1.0) -> None:
    """Potentials within two tolerances."""
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.nanmax(np.abs(found - expected)) <= SAME_V * scale


def scaled_end(end: End, factor: float) -> End:
    return End(kind=end.kind, value=end.value * factor)


@drawn
@given(stacks())
def test_mirror(stack: Stack) -> None:
    step = stack.layers[0].potential_V - stack.layers[-1].potential_V  # type: ignore[operator]

    def moved(end: End) -> End:
        """Potentials of walls count from the bulk of the last layer, which is now the other one."""
        return End(kind=end.kind, value=end.value - step) if end.kind == FIXED else end

    mirrored = Stack(
        stack.layers[::-1],
        temperature_K=stack.temperature_K,
        contacts=tuple(Contact(charge_C_per_m2=c.charge_C_per_m2, dipole_V=-c.dipole_V) for c in stack.contacts[::-1]),
        left=moved(stack.right),
        right=moved(stack.left),
    )
    a, b = solved(stack).scalars, solved(mirrored).scalars
    assert_close(b["space_charge_potential"][::-1, ::-1], a["space_charge_potential"])
    assert_close(b["contact_potential"][::-1, ::-1] + step, a["contact_potential"])
    largest = np.abs(a["charge"]).max()
    assert b["charge"][::-1] == pytest.approx(a["charge"], abs=SAME_R * largest)
    field = np.nanmax(np.abs(a["contact_field"]))
    assert -b["contact_field"][::-1, ::-1] == pytest.approx(a["contact_field"], abs=SAME_R * field, nan_ok=True)
    assert b["layer_resistance"][::-1] == pytest.approx(a["layer_resistance"], rel=SAME_R, abs=0.0)
    assert b["differential_capacitance"][::-1] == pytest.approx(
        a["differential_capacitance"], rel=SAME_R, abs=ROUNDED_C
    )


@drawn
@given(stacks())
def test_charge_conjugation(stack: Stack) -> None:
    other = Stack(
        tuple(
            layer.replace(charge_number=-layer.charge_number, potential_V=-layer.potential_V)  # type: ignore[operator]
            for layer in stack.layers
        ),
        temperature_K=stack.temperature_K,
        contacts=tuple(Contact(charge_C_per_m2=-c.charge_C_per_m2, dipole_V=-c.dipole_V) for c in stack.contacts),
        left=scaled_end(stack.left, -1.0),
        right=scaled_end(stack.right, -1.0),
    )
    first, second = solved(stack), solved(other)
    a, b = first.scalars, second.scalars
    # Signs change and nothing else: the same operations, to rounding of many iterations.
    assert -b["space_charge_potential"] == pytest.approx(a["space_charge_potential"], abs=1e-12, nan_ok=True)
    assert -second.potential == pytest.approx(first.potential, abs=1e-12)
    assert second.occupancy == pytest.approx(first.occupancy, rel=1e-9, abs=0.0)
    assert -b["charge"] == pytest.approx(a["charge"], abs=1e-11 * np.abs(a["charge"]).max())
    for name in ("layer_resistance", "differential_capacitance", "debye_length"):
        assert b[name] == pytest.approx(a[name], rel=1e-9, abs=0.0), name
    assert b["resistance"] == pytest.approx(a["resistance"], rel=1e-7, abs=0.0, nan_ok=True)


@drawn
@given(stacks(), between(0.5, 3.0), between(0.5, 3.0), between(0.6, 1.6))
def test_units(stack: Stack, length: float, density: float, energy: float) -> None:
    """Lengths times a, densities times b, energies times c: permittivities follow as a^2 b/c, and all else is known."""
    permittivity = length**2 * density / energy
    if any(layer.permittivity * permittivity < 1.0 for layer in stack.layers):  # type: ignore[operator]
        permittivity, length, density, energy = 2.0, 2.0, 0.5, 1.0

    def scaled(layer: Layer) -> Layer:
        energies = dict(layer.interaction or {})
        return layer.replace(
            thickness_nm=layer.thickness_nm * length,  # type: ignore[operator]
            potential_V=layer.potential_V * energy,  # type: ignore[operator]
            permittivity=layer.permittivity * permittivity,  # type: ignore[operator]
            site_density_per_nm3=layer.site_density_per_nm3 * density,  # type: ignore[operator]
            interaction={k: v * energy for k, v in energies.items()} or None,
        )

    charge = length * density
    other = Stack(
        tuple(scaled(layer) for layer in stack.layers),
        temperature_K=stack.temperature_K * energy,
        contacts=tuple(
            Contact(charge_C_per_m2=c.charge_C_per_m2 * charge, dipole_V=c.dipole_V * energy) for c in stack.contacts
        ),
        left=scaled_end(stack.left, energy),
        right=scaled_end(stack.right, energy),
    )
    a, b = solved(stack).scalars, solved(other).scalars
    assert_close(b["space_charge_potential"] / energy, a["space_charge_potential"], 1.0 / min(energy, 1.0))
    largest = np.abs(a["charge"]).max()
    assert b["charge"] / charge == pytest.approx(a["charge"], abs=SAME_R * largest)
    assert b["debye_length"] / length == pytest.approx(a["debye_length"], rel=1e-12, abs=0.0)
    # sigma = (z e)^2 N theta D/kT.
    resistance = length * energy / density
    assert b["layer_resistance"] / resistance == pytest.approx(a["layer_resistance"], rel=SAME_R, abs=0.0)
    assert b["differential_capacitance"] * energy / charge == pytest.approx(
        a["differential_capacitance"], rel=SAME_R, abs=ROUNDED_C
    )


@drawn
@given(stacks(bare=True))
def test_monotone_in_the_potential(stack: Stack) -> None:
    """An electrode of higher U takes more Li: its charge rises, and so does its potential."""
    stack = stack.replace(layers=tuple(layer.replace(charge_number=1.0) for layer in stack.layers))
    volts = np.linspace(-1.5, 1.5, 25)
    points = solve_points(stack_parameters(stack, {"a.potential_V": volts}), tolerance_V=TOLERANCE_V).scalars
    assert (points["status"] == 0).all()
    charge = points["charge"][:, 0]
    # Thin layers run full or empty, and nothing moves any more but by the error of the answers.
    assert (np.diff(charge) >= -SAME_R * np.abs(charge).max()).all()
    assert charge[-1] > charge[0]
    assert (np.diff(points["contact_potential"][:, 0, 0]) >= -SAME_V).all()
    # d theta = theta n z e dv/kT at most, 4e-8 per nanovolt at 250 K.
    assert (np.diff(points["contact_occupancy"][:, 0, 0]) >= -4e-8).all()


def assert_level(solution: Solution) -> None:
    """Check occupancies and mu0 + kT ln[theta/n] + mu_int + z e phi = const at every node of every species."""
    p = solution.parameters
    kt = BOLTZMANN * p.temperature[0]
    for i, layer in enumerate(solution.layers):
        occupancy = np.atleast_2d(layer.occupancy)
        vacancy = np.atleast_2d(layer.vacancy)
        for s in range(p.n_species):
            theta, free = occupancy[s], vacancy[s]
            assert (theta >= 0.0).all()
            assert (theta <= 1.0).all()
            assert (free >= 0.0).all()
            assert theta + free == pytest.approx(np.ones_like(theta), abs=4e-16)
            bulk = p.bulk_occupancy[0, i, s]

            def mu(t: np.ndarray, n: np.ndarray, i: int = i, s: int = s) -> np.ndarray:
                occ, vac = p.interaction_occupied[0, i, s] / kt, p.interaction_vacancy[0, i, s] / kt
                return np.log(t) - np.log(n) + 4.0 / 3.0 * (occ * np.cbrt(t) - vac * np.cbrt(n))

            v = layer.potential - (p.potential[0, i] - p.potential[0, -1])
            level = mu(theta, free) - mu(bulk, 1.0 - bulk) + p.charge_number[0, i, s] * ELEMENTARY_CHARGE * v / kt
            # In units of kT; Newton stops where its last step was 1e-8, which leaves the square of it.
            assert np.abs(level).max() <= 1e-10


@drawn
@given(stacks())
def test_levels_are_flat(stack: Stack) -> None:
    assert_level(solved(stack))


@pytest.mark.parametrize("volts", [-1.5, -0.2, 0.4, 1.6])
def test_levels_of_two_species_are_flat(volts: float) -> None:
    assert_level(solved(swift_stack(volts, 32.7455, 0.01439, 50.0)))


@drawn
@given(stacks())
def test_gauss_law(stack: Stack) -> None:
    solution = solved(stack)
    p, scalars = solution.parameters, solution.scalars
    charge, field = scalars["charge"], scalars["contact_field"]
    largest = np.abs(charge).max()
    # Sums of some hundred terms: 1e-12 of the charge in one layer is what is promised.
    assert abs(scalars["charge_balance"]) <= 1e-12 * largest
    first = int(stack.left.kind == FIXED)
    permittivity = VACUUM_PERMITTIVITY * p.permittivity[0]
    # Displacement at the left end, then the charge of layers and contacts one by one.
    flux = permittivity[0] * field[0, 1] if first else 0.0
    for i in range(len(stack.layers) - 1):
        flux += charge[i]
        assert permittivity[i] * field[first + i, 0] == pytest.approx(flux, abs=1e-11 * largest)
        flux += p.contact_charge[0, i]
        assert permittivity[i + 1] * field[first + i, 1] == pytest.approx(flux, abs=1e-11 * largest)
    flux += charge[-1]
    right = permittivity[-1] * field[-1, 0] if stack.right.kind == FIXED else 0.0
    assert right == pytest.approx(flux, abs=1e-11 * largest)
    # The charge of a layer is the integral of e z N (theta - theta_b), here by Lobatto's rule on the elements.
    weights = np.array([0.1, 49.0 / 90.0, 32.0 / 45.0, 49.0 / 90.0, 0.1]) / 2.0
    for i, layer in enumerate(solution.layers):
        density = ELEMENTARY_CHARGE * p.charge_number[0, i, 0] * p.site_density[0, i, 0]
        values = density * (layer.occupancy - p.bulk_occupancy[0, i, 0])
        total = sum(
            (layer.x[k + 4] - layer.x[k]) * float(weights @ values[k : k + 5]) for k in range(0, layer.x.size - 1, 4)
        )
        # Positions are differences of sums: 1e-9 allows for their rounding in elements of 1e-4 of a layer.
        assert total == pytest.approx(charge[i], abs=1e-9 * largest)


@drawn
@given(stacks(bare=True), between(1.5, 10.0))
def test_more_of_a_thick_layer_changes_nothing(stack: Stack, factor: float) -> None:
    from spacecharge.analytic import first_integral, make_side

    stack = stack.replace(layers=stack.layers[:2], contacts=())
    parameters = stack_parameters(stack)
    (state,) = first_integral(parameters)
    needed = [
        required_thickness(make_side(parameters, 0, i), float(state.space_charge_potential[i])) * 1e9 for i in range(2)
    ]
    thick = stack.replace(
        layers=tuple(
            layer.replace(thickness_nm=nm, diffusivity_m2_per_s=1e-14)
            for layer, nm in zip(stack.layers, needed, strict=True)
        )
    )
    for grown in range(2):
        more = list(thick.layers)
        more[grown] = more[grown].replace(thickness_nm=needed[grown] * factor)
        one, two = solved(thick), solved(thick.replace(layers=tuple(more)))
        a, b = one.scalars, two.scalars
        assert_close(b["space_charge_potential"], a["space_charge_potential"])
        largest = np.abs(a["charge"]).max()
        assert b["charge"] == pytest.approx(a["charge"], abs=SAME_R * largest)
        floor = SAME_R * np.abs(a["resistance"]).max()
        assert b["resistance"] == pytest.approx(a["resistance"], abs=floor)
        p = one.parameters
        charge = (p.charge_number[0, grown, 0] * ELEMENTARY_CHARGE) ** 2
        carriers = p.site_density[0, grown, 0] * p.bulk_occupancy[0, grown, 0] * p.diffusivity[0, grown, 0]
        added = needed[grown] * 1e-9 * (factor - 1.0) * BOLTZMANN * p.temperature[0] / (charge * carriers)
        expected = a["layer_resistance"].copy()
        expected[grown] += added
        assert b["layer_resistance"] == pytest.approx(expected, rel=SAME_R, abs=0.0)


@pytest.mark.parametrize("row", range(len(REFERENCE_ROWS)))
@pytest.mark.parametrize("start", ["estimate", "flat"])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-10])
def test_newton_needs_few_iterations(row: int, start: str, tolerance: float) -> None:
    solution = sc.solve(cheng_stack(*REFERENCE_ROWS[row][0]), tolerance_V=tolerance, options=SolverOptions(start=start))
    assert 0 < solution.stats.iterations <= 20
    # The start of thick layers is what saves the steps from flat to 0.4 V.
    if start == "estimate" and tolerance >= 1e-6:
        # One step on each of two meshes; a third where the first iterate is less lucky than here.
        assert solution.stats.iterations <= 3
