"""Many points at once: the same answers as one by one, whatever the threads and the chunks; failures stay rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.analytic import side_profile, spinodal
from spacecharge.codes import Status
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE
from spacecharge.errors import ConvergenceError, MiscibilityGapError, ModelError
from spacecharge.model import Contact, End, Stack, StackParameters, stack_parameters
from spacecharge.solver.equilibrium import BLOCK, SolverOptions, gap_messages, profile_mesh, solve, solve_points
from spacecharge.solver.outputs import OUTPUTS
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack, swift_stack

from .compare import simple_layer

ROOT = Path(__file__).resolve().parents[2]


def sweep(n: int) -> StackParameters:
    values = np.linspace(2.4, 3.4, n)
    temperatures = np.linspace(250.0, 370.0, n)[::-1]
    return stack_parameters(
        cheng_stack(*REFERENCE_ROWS[1][0]), {"electrode.potential_V": values, "temperature_K": temperatures}
    )


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f"), name


def test_points_are_single_solves() -> None:
    base = cheng_stack(*REFERENCE_ROWS[1][0])
    volts = np.linspace(2.4, 3.4, 9)
    points = solve_points(stack_parameters(base, {"electrode.potential_V": volts}), tolerance_V=1e-7)
    assert (points.scalars["status"] == 0).all()
    for i, value in enumerate(volts):
        stack = base.replace(layers=(base.layers[0].replace(potential_V=float(value)), base.layers[1]))
        single = solve(stack, tolerance_V=1e-7).scalars
        for output in OUTPUTS:
            # One and the same kernel: not even rounding differs; 1e-12 is what is promised.
            assert points.scalars[output.name][i] == pytest.approx(
                single[output.name], rel=1e-12, abs=1e-300, nan_ok=True
            ), output.name


def test_threads_and_chunks_change_nothing() -> None:
    n = 3 * BLOCK + 17
    parameters = sweep(n)
    whole = solve_points(parameters)
    assert (whole.scalars["status"] == 0).all()
    mesh = profile_mesh(parameters, 21)
    profiles = solve_points(parameters, profile_x=mesh, n_threads=3)
    for threads in (2, 5):
        assert_same(whole.scalars, solve_points(parameters, n_threads=threads).scalars)
    assert_same(whole.scalars, profiles.scalars)
    again = solve_points(parameters, profile_x=mesh, n_threads=1)
    for a, b in zip(profiles.profiles, again.profiles, strict=True):
        assert_same(a, b)
    # Any order, any neighbours.
    pick = np.random.default_rng(1).permutation(n)[:40]
    values, temperatures = np.linspace(2.4, 3.4, n)[pick], np.linspace(250.0, 370.0, n)[::-1][pick]
    chunk = solve_points(
        stack_parameters(
            cheng_stack(*REFERENCE_ROWS[1][0]), {"electrode.potential_V": values, "temperature_K": temperatures}
        )
    )
    assert_same({k: v[pick] for k, v in whole.scalars.items()}, chunk.scalars)


def test_tolerance_per_point() -> None:
    parameters = sweep(6)
    tolerance = np.array([1e-4, 1e-10, 1e-6, 1e-8, 1e-4, 1e-6])
    mixed = solve_points(parameters, tolerance_V=tolerance)
    for value in np.unique(tolerance):
        alone = solve_points(parameters, tolerance_V=float(value))
        at = tolerance == value
        assert_same({k: v[at] for k, v in mixed.scalars.items()}, {k: v[at] for k, v in alone.scalars.items()})
        assert (mixed.scalars["potential_error_estimate"][at] <= value).all()


@pytest.mark.parametrize("statistics", ["lattice", "dilute"])
def test_mixed_tolerances_do_not_meet(statistics: str) -> None:
    """What the kernel remembers from point to point belongs to one tolerance, whatever the layers are made of."""
    layers = [
        sc.Layer(
            name=name, thickness_nm=50, potential_V=volts, permittivity=20, site_density_per_nm3=10, occupancy=0.01,
            diffusivity_m2_per_s=1e-13, statistics=statistics,
        )
        for name, volts in (("a", 3.1), ("b", 3.0))
    ]  # fmt: skip
    stack = sc.Stack(layers, temperature_K=298.15)
    tolerances = [1e-9, 1e-3, 1e-6, 1e-3]
    parameters = stack_parameters(stack, {"a.potential_V": [3.1] * len(tolerances)})
    batch = solve_points(parameters, tolerance_V=tolerances).scalars
    for i, tolerance in enumerate(tolerances):
        single = sc.solve(stack, tolerance_V=tolerance).scalars
        for name, values in single.items():
            assert np.array_equal(batch[name][i], values, equal_nan=True), (tolerance, name)


@pytest.mark.parametrize("garbage", [np.nan, 1e300])
def test_nothing_is_left_over_from_other_solves(garbage: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three species, one of them absent in a layer that has the two others, in a work array full of something else."""
    import importlib

    module = importlib.import_module("spacecharge.solver.equilibrium")
    kinds: dict[str, dict[str, object]] = {
        "a": {"site_density_per_nm3": 10.0, "occupancy": 0.3, "interaction": {"occupied_eV": 0.05}},
        "b": {"site_density_per_nm3": 5.0, "occupancy": 0.2, "charge_number": -1.0},
        "c": {"site_density_per_nm3": 2.0, "occupancy": 0.1, "charge_number": 2.0},
    }
    layers = [
        sc.Layer(name=name, thickness_nm=30, potential_V=volts, permittivity=20, species={k: kinds[k] for k in present})
        for name, volts, present in (("l", 3.4, "abc"), ("r", 3.0, "ab"))
    ]
    stack = sc.Stack(layers, temperature_K=298.15)
    rows = []
    for value in (0.0, garbage):
        monkeypatch.setattr(module._local, "work", np.full(400 * 8200, value), raising=False)
        rows.append(sc.solve(stack).row)
    assert np.array_equal(rows[0], rows[1], equal_nan=True)


@pytest.mark.parametrize("fraction", [1e-6, 1e-4, 0.5])
def test_estimates_hold_for_any_threshold_of_a_width(fraction: float) -> None:
    layers = [
        sc.Layer(
            name=name, thickness_nm=1e6, potential_V=volts, permittivity=20, site_density_per_nm3=10, occupancy=0.3,
            diffusivity_m2_per_s=1e-13,
        )
        for name, volts in (("a", 3.4), ("b", 3.0))
    ]  # fmt: skip
    stack, options = sc.Stack(layers, temperature_K=298.15), sc.SolverOptions(width_fraction=fraction)
    found, exact = (sc.solve(stack, tolerance_V=t, options=options) for t in (1e-6, 1e-11))
    error = np.abs(found.scalars["resistance"] / exact.scalars["resistance"] - 1.0).max()
    assert error <= found.stats.resistance_error_estimate


def test_shapes_follow_the_table_of_outputs() -> None:
    stacks = {
        "two layers": cheng_stack(*REFERENCE_ROWS[0][0]),
        "wall, two species": swift_stack(0.3, 30.0, 0.01, 50.0),
        "three layers, ends": Stack(
            (simple_layer("a"), simple_layer("b", 0.2, thickness_nm=1.0), simple_layer("c")),
            left=End(kind="electrostatic_potential_V", value=0.1),
            right=End(kind="surface_charge_C_per_m2", value=0.1),
        ),
    }
    for stack in stacks.values():
        parameters = stack_parameters(stack)
        lengths = {
            "contact": len(parameters.contact_names),
            "side": 2,
            "layer": parameters.n_layers,
            "species": parameters.n_species,
        }
        solution = solve(stack)
        many = solve_points(parameters)
        for output in OUTPUTS:
            dims = [d for d in output.dims if d != "species" or parameters.n_species > 1]
            shape = tuple(lengths[d] for d in dims)
            function = getattr(sc, output.name, None)
            assert many.scalars[output.name].shape == (1, *shape), output.name
            if function is not None:
                assert function(solution).shape == shape, output.name
            assert many.scalars[output.name].dtype == np.dtype("i4" if output.dtype == "i4" else "f8"), output.name


def test_what_an_end_does_not_have_is_nan() -> None:
    stack = Stack((simple_layer("a"), simple_layer("b", 0.3)), left=End(kind="electrostatic_potential_V", value=0.1))
    solution = solve(stack)
    assert solution.parameters.contact_names == ("left|a", "a|b")
    for name in ("contact_potential", "contact_field", "contact_occupancy", "space_charge_width", "resistance"):
        values = solution.scalars[name]
        assert np.isnan(values[0, 0]), name
        assert np.isfinite(values[0, 1]), name
        assert np.isfinite(values[1]).all(), name


def test_interpolated_profiles_against_the_first_integral() -> None:
    base = cheng_stack(*REFERENCE_ROWS[1][0])
    volts = np.array([2.4, 2.9, 3.4])
    parameters = stack_parameters(base, {"electrode.potential_V": volts})
    mesh = profile_mesh(parameters)
    points = solve_points(parameters, tolerance_V=1e-8, profile_x=mesh)
    for i in range(volts.size):
        for side in range(2):
            exact = side_profile(parameters, np.abs(mesh[side]), side=side, point=i)
            level = parameters.potential[i, side] - parameters.potential[i, 1]
            fields = points.profiles[side]
            # Polynomials of degree four between nodes: between them they are less exact than at shared nodes.
            assert np.abs(fields["potential"][i] - level - exact.potential).max() <= 2e-5
            assert fields["occupancy"][i] == pytest.approx(exact.occupancy[0], rel=2e-3)
            assert fields["vacancy"][i] == pytest.approx(exact.vacancy[0], rel=2e-3)


def test_profile_positions_outside_a_layer_are_nan() -> None:
    base = cheng_stack(*REFERENCE_ROWS[1][0])
    parameters = stack_parameters(base, {"electrolyte.thickness_nm": [10.0, 30.0]})
    mesh = profile_mesh(parameters)
    assert mesh[1][-1] == pytest.approx(30e-9)
    points = solve_points(parameters, profile_x=mesh)
    inside = mesh[1] <= 10e-9
    fields = points.profiles[1]
    assert np.isfinite(fields["potential"][0][inside]).all()
    assert np.isnan(fields["potential"][0][~inside]).all()
    assert np.isfinite(fields["potential"][1]).all()
    assert np.isfinite(points.profiles[0]["occupancy"]).all()


def gap_stack() -> Stack:
    base = cheng_stack(22.4, 0.0, 3.4, 0.2)
    return base.replace(layers=(base.layers[0], base.layers[1].replace(interaction={"vacancy_eV": -0.2})))


def test_miscibility_gap_is_named() -> None:
    stack = gap_stack()
    with pytest.raises(MiscibilityGapError) as caught:
        solve(stack)
    text = str(caught.value)
    assert caught.value.status == 2
    assert "\n" not in text
    assert "electrolyte" in text
    assert "298.15 K" in text
    assert "-0.2 eV" in text
    critical = 4.762203155904598 * BOLTZMANN * 298.15 / ELEMENTARY_CHARGE
    assert f"{-critical:.4g} eV" in text
    ((low, high),) = spinodal(0.0, -0.2 * ELEMENTARY_CHARGE / (BOLTZMANN * 298.15))
    printed = [float(part) for part in text.split("occupancies ")[1].split(" at ")[0].split(" to ")]
    # Found on a grid of 20,001 points in ln[theta/(1 - theta)]: half a step of 0.0025 at either end.
    assert printed == pytest.approx([low, high], rel=3e-3)
    quiet = solve(stack, throw=False)
    assert quiet.status == 2
    assert not quiet.success
    assert quiet.message in text
    assert "miscibility gap" in quiet.message
    assert quiet.layers == ()


def test_a_gap_that_is_not_reached_is_none() -> None:
    far = Stack((simple_layer("a", 3.1), simple_layer("b", 3.0, occupancy=0.99, interaction={"occupied_eV": -0.15})))
    assert solve(far).status == 0
    near = far.replace(layers=(far.layers[0].replace(potential_V=5.0), far.layers[1]))
    with pytest.raises(MiscibilityGapError, match="b: "):
        solve(near)


def test_failed_points_keep_their_rows() -> None:
    base = gap_stack()
    volts = [3.4, 3.2, 3.4, 99.0, 3.4]
    energies = [0.0, -0.2, -0.05, 0.0, np.nan]
    parameters = stack_parameters(
        base, {"electrode.potential_V": volts, "electrolyte.interaction.vacancy_eV": energies}
    )
    points = solve_points(parameters, profile_x=profile_mesh(parameters))
    status = points.scalars["status"]
    assert status.tolist() == [0, 2, 0, 3, 3]
    for output in OUTPUTS:
        if output.dtype == "f8":
            assert np.isnan(points.scalars[output.name][status != 0]).all(), output.name
    assert np.isfinite(points.scalars["space_charge_potential"][status == 0]).all()
    for fields in points.profiles:
        assert np.isnan(fields["potential"][status != 0]).all()
        assert np.isfinite(fields["potential"][status == 0]).all()
    assert "electrolyte" in gap_messages(parameters, 1)
    alone = solve_points(stack_parameters(base, {"electrolyte.interaction.vacancy_eV": [0.0]}))
    assert_same({k: v[:1] for k, v in points.scalars.items()}, alone.scalars)


def test_status_one_where_there_is_no_solution() -> None:
    """More charge in the plane than the layers can take up: no equilibrium exists, and none is claimed."""
    thin = Stack(
        (simple_layer("a", thickness_nm=1.0), simple_layer("b", thickness_nm=1.0)),
        contacts=(Contact(charge_C_per_m2=50.0),),
    )
    with pytest.raises(ConvergenceError, match="not converged") as caught:
        solve(thin)
    assert caught.value.status == 1
    solution = solve(thin, throw=False)
    assert solution.status == Status.NOT_CONVERGED
    assert "no solution exists" in solution.message
    assert np.isnan(solution.scalars["charge"]).all()


def test_status_four_where_the_mesh_ends() -> None:
    stack = cheng_stack(*REFERENCE_ROWS[0][0])
    coarse = SolverOptions(resolution=6.0, max_refinements=1)
    with pytest.raises(ConvergenceError, match="accuracy not reached") as caught:
        solve(stack, tolerance_V=1e-9, options=coarse)
    assert caught.value.status == 4
    solution = solve(stack, tolerance_V=1e-9, options=coarse, throw=False)
    assert solution.status == 4
    assert solution.stats.potential_error_estimate > 1e-9
    # The answer is there, with its error.
    fine = solve(stack, tolerance_V=1e-9)
    error = np.abs(solution.scalars["space_charge_potential"] - fine.scalars["space_charge_potential"]).max()
    assert 1e-12 < error <= solution.stats.potential_error_estimate
    assert np.isfinite(solution.potential).all()


@pytest.mark.parametrize("tolerance", [0.0, -1e-6, 1e-13, 0.1, float("nan"), float("inf")])
def test_a_tolerance_out_of_range_is_refused(tolerance: float) -> None:
    with pytest.raises(ModelError, match="tolerance_V"):
        solve(cheng_stack(*REFERENCE_ROWS[0][0]), tolerance_V=tolerance)


@pytest.mark.parametrize(
    "options",
    [{"width_fraction": 0.0}, {"width_fraction": 1.0}, {"resolution": 0.0}, {"start": "warm"}, {"max_refinements": 0}],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=next(iter(options))):
        SolverOptions(**options)  # type: ignore[arg-type]


def test_resistance_of_picks_layers() -> None:
    stack = Stack((simple_layer("a", 0.5, diffusivity_m2_per_s=1e-15), simple_layer("b")))
    parts = solve(stack).scalars["resistance"][0]
    for names, expected in ((("a",), parts[0]), (("b",), parts[1]), (None, parts.sum()), (("a", "b"), parts.sum())):
        solution = solve(stack, resistance_of=names)
        assert float(sc.interface_resistance(solution)) == pytest.approx(float(expected), rel=1e-14)
    both = solve(stack).scalars
    frequency = 1.0 / (2.0 * np.pi * parts.sum() * both["differential_capacitance"][0])
    assert float(both["characteristic_frequency"][0]) == pytest.approx(float(frequency), rel=1e-13)
    with pytest.raises(ModelError, match="c"):
        solve(stack, resistance_of=("c",)).scalars  # noqa: B018 - unpacking is what raises
    poor = Stack((simple_layer("a", 0.5, diffusivity_m2_per_s=None), simple_layer("b", diffusivity_m2_per_s=None)))
    assert np.isnan(sc.interface_resistance(solve(poor)))
    assert np.isnan(sc.layer_resistance(solve(poor))).all()


def test_validity_flags() -> None:
    def flags(*layers: object) -> int:
        return int(sc.validity(solve(Stack(layers))))  # type: ignore[arg-type]

    quiet = {"site_density_per_nm3": 0.01}
    assert flags(simple_layer("a", 0.05, **quiet), simple_layer("b", **quiet)) == 0
    dense = {"site_density_per_nm3": 90.0, "permittivity": 2.0}
    assert flags(simple_layer("a", 0.001, **dense), simple_layer("b", **dense)) == 1
    assert flags(simple_layer("a", 5.0), simple_layer("b")) & 2
    thin = {"thickness_nm": 2.0, **quiet}
    assert flags(simple_layer("a", 0.05, **thin), simple_layer("b", **quiet)) == 4
