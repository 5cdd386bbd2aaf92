"""The table of variables: functions and properties follow from it, and each is read where the kernel put it."""

import inspect
from collections.abc import Iterator

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.kernels import layout as k
from spacecharge.model import Stack, stack_parameters
from spacecharge.solver import output as o
from spacecharge.solver.equilibrium import solve_points
from spacecharge.solver.outputs import EVERY_OUTPUT, OUTPUTS, Output, outputs_for
from spacecharge.sweeping.facts import facts_of
from tests.oracles.cases import cheng_stack, swift_stack

STACKS = [cheng_stack(22.4, 0.1, 3.4, 0.2), swift_stack(0.1, 30.0, 0.01, 50.0)]


def test_names_are_given_once() -> None:
    names = [output.name for output in EVERY_OUTPUT]
    # Under a bias a contact has one current, under a load one per species; a stack has either a bias or a load.
    twice = [output for output in EVERY_OUTPUT if names.count(output.name) > 1]
    assert {output.name for output in twice} == {"contact_current_density"}
    assert sorted(output.needs for output in twice) == ["bias", "load"]
    assert outputs_for(()) == tuple(output for output in OUTPUTS if not output.needs)
    documented = inspect.getdoc(facts_of) or ""
    assert all(not output.needs or f"``{output.needs}``" in documented for output in EVERY_OUTPUT)
    for output in EVERY_OUTPUT:
        assert "frequency" not in output.dims[:-1], "a dimension of its own is the last"


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda o: o.name)
def test_every_observable_is_public_documented_and_a_property(output: Output) -> None:
    assert output.name in sc.__all__
    function = getattr(sc, output.name)
    assert list(inspect.signature(function).parameters) == ["solution"]
    text = inspect.getdoc(function) or ""
    assert f"[{output.units}]" in text
    if output.name != "status":  # A solution has it as an enumeration, with words of its own.
        assert inspect.getdoc(inspect.getattr_static(sc.Solution, output.name)) == text
    solution = sc.solve(STACKS[0])
    np.testing.assert_array_equal(getattr(solution, output.name), function(solution))


def _marked(p: object) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Yield an observable, where in it, and the column that the kernel's own layout names for it."""
    n = p.n_species  # type: ignore[attr-defined]
    for name, column in (("charge", k.CHARGE), ("debye_length", k.DEBYE), ("layer_resistance", k.RESISTANCE)):
        for i in range(2):
            yield name, (i,), k.HEAD_SIZE + i * k.block_size(n) + column
    for side in range(2):
        # The contact is the right face of the left layer and the left face of the right one.
        face = k.HEAD_SIZE + side * k.block_size(n) + k.FACE_START + (1 - side) * k.face_size(n)
        yield "contact_field", (0, side), face + k.FACE_FIELD
        yield "space_charge_potential", (0, side), face + k.FACE_POTENTIAL
        yield "resistance", (0, side), face + k.FACE_RESISTANCE
        for s in range(n):
            at = (0, side) if n == 1 else (0, side, s)
            species = face + k.FACE_SPECIES + 3 * s
            yield "contact_occupancy", at, species + k.FACE_THETA
            yield "contact_vacancy", at, species + k.FACE_VACANCY
            yield "space_charge_width", at, species + k.FACE_WIDTH
    start = k.capacitance_start(2, n) + 2
    yield "static_capacitance", (0,), start + k.STATIC
    yield "differential_capacitance", (0,), start + k.DIFFERENTIAL
    yield "charge_balance", (), k.BALANCE
    yield "potential_error_estimate", (), k.POTENTIAL_ERROR
    yield "resistance_error_estimate", (), k.RESISTANCE_ERROR


@pytest.mark.parametrize("n_species", [1, 2])
def test_readers_and_kernels_agree_on_every_column(n_species: int) -> None:
    """A row of numbers that say where they stand."""
    layer = {"thickness_nm": 10.0, "permittivity": 9.0}
    species = {"site_density_per_nm3": 5.0, "occupancy": 0.5}
    both = {"species": {name: species for name in "xy"[:n_species]}}
    stack = Stack([sc.Layer(**layer, potential_V=volts, **both) for volts in (1.0, 2.0)])
    p = stack_parameters(stack)
    assert p.n_species == n_species
    assert o.output_width(p) == k.output_size(2, n_species)
    row = np.arange(o.output_width(p), dtype=float)[None]
    row[0, k.STATUS] = 0.0
    rows = o.Rows(row, p, None)
    read = {output.name: output.read(rows)[0] for output in OUTPUTS if output.read is not None}
    for name, at, column in _marked(p):
        assert read[name][at] == column, (name, at)


def test_failed_points_have_a_status_and_no_numbers() -> None:
    p = stack_parameters(STACKS[0], {"temperature_K": [300.0, -1.0]})
    scalars = solve_points(p).scalars
    for output in OUTPUTS:
        values = scalars[output.name]
        assert values.shape[0] == 2
        if output.dtype == "f8":
            assert np.isnan(values[1]).all(), output.name
    assert scalars["status"].tolist() == [0, 3]


def test_species_that_a_side_lacks_have_no_occupancy_there() -> None:
    lone = sc.Layer(name="a", potential_V=3.1, thickness_nm=30, permittivity=15, site_density_per_nm3=20, occupancy=0.3)
    shape = dict(site_density_per_nm3=5.0, occupancy=0.01)
    pair = {"v_Li": dict(charge_number=-1, **shape), "Li_i": dict(charge_number=1, **shape)}
    stack = Stack([lone, sc.Layer(name="b", potential_V=3.0, thickness_nm=30, permittivity=15, species=pair)])
    solution = sc.solve(stack)
    occupancy, vacancy = sc.contact_occupancy(solution)[0], sc.contact_vacancy(solution)[0]
    # Ions alone: theta = 1/[1 + exp(-u_b + z e phi/kT)] at the space-charge potential of that side.
    volt = 1.380649e-23 * 298.15 / 1.602176634e-19
    potentials = sc.space_charge_potential(solution)[0] / volt
    for side, of, z, bulk in ((0, 0, 1, 0.3), (1, 0, -1, 0.01), (1, 1, 1, 0.01)):
        shift = z * potentials[side]
        expected = bulk / (bulk + (1.0 - bulk) * np.exp(shift))
        assert occupancy[side, of] == pytest.approx(expected, rel=1e-6)
        assert vacancy[side, of] == pytest.approx(1.0 - expected, rel=1e-6)
    assert np.isnan(occupancy[0, 1]) and np.isnan(vacancy[0, 1])
    slopes = sc.sensitivities(solution, ["a.potential_V"])["a.potential_V"]["contact_occupancy"][0]
    step = 1e-4
    moved = [
        sc.contact_occupancy(sc.solve(Stack([lone.replace(potential_V=3.1 + d), stack["b"]]), tolerance_V=1e-10))[0]
        for d in (-step, step)
    ]
    assert slopes == pytest.approx((moved[1] - moved[0]) / (2.0 * step), rel=1e-4, nan_ok=True)
    assert np.isnan(slopes[0, 1]) and np.isfinite(slopes[[0, 1, 1], [0, 0, 1]]).all()
