"""Plans of sweeps: enumerated lazily, in row-major order, with the values of numpy."""

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacecharge.config import Config, load_config, parse_config
from spacecharge.config.axes import Axis, Grid, Sweep, listed_grid, step_grid
from spacecharge.errors import ConfigError
from spacecharge.model import stack_parameters
from spacecharge.units import UNITS, coordinate_name, unit_of

BASE = """\
layers:
  electrode: {material: LixV2O5, potential_V: 2.4, thickness_nm: 30}
  electrolyte: {material: LAGP, thickness_nm: 30}
"""


def plan(sweep: str, base: str = BASE) -> Config:
    return parse_config(base + "sweep:\n" + "".join(f"  {line}\n" for line in sweep.splitlines()))


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(1, 50))
def test_linear_values_are_those_of_linspace(start: float, stop: float, n: int) -> None:
    grid = Grid(n=n, start=start, stop=stop, spacing="linear")
    got = grid.at(np.arange(n))
    expected = np.linspace(start, stop, n)
    if abs(stop - start) > 1e-300:  # numpy takes another route where the step underflows
        np.testing.assert_array_equal(got, expected)
    assert grid.low == min(start, stop)
    assert grid.high == max(start, stop)


@given(st.floats(1e-20, 1e20), st.floats(1e-20, 1e20), st.integers(2, 50))
def test_log_values_are_those_of_geomspace(start: float, stop: float, n: int) -> None:
    got = Grid(n=n, start=start, stop=stop, spacing="log").at(np.arange(n))
    # Forty decades at most: the exponent is off by at most 92 eps.
    np.testing.assert_allclose(got, np.geomspace(start, stop, n), rtol=1e-13)
    assert (got[0], got[-1]) == (start, stop)


@pytest.mark.parametrize(
    ("start", "stop", "step", "n", "last"),
    [
        (0.0, 1.0, 0.1, 11, 1.0),
        (2.4, 3.4, 0.05, 21, 3.4),
        (0.0, 1.0, 0.3, 4, 0.9),
        (3.0, 2.0, -0.5, 3, 2.0),
        (1.0, 1.0, 0.5, 1, 1.0),
    ],
)
def test_steps_include_a_stop_that_they_meet(start: float, stop: float, step: float, n: int, last: float) -> None:
    grid = step_grid(start, stop, step)
    assert grid.n == n
    assert grid.at(np.array([n - 1]))[0] == pytest.approx(last, rel=1e-14)  # a few roundings


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.data())
def test_outer_order_is_that_of_itertools_product(sizes: list[int], data: st.DataObject) -> None:
    axes = tuple(
        Axis(path=f"layer{i}.potential_V", grid=listed_grid(np.arange(n) + 10.0 * i)) for i, n in enumerate(sizes)
    )
    sweep = Sweep(axes=axes)
    every = np.array(list(itertools.product(*(axis.values for axis in axes))))
    assert sweep.n_points == len(every)
    lo = data.draw(st.integers(0, len(every)))
    hi = data.draw(st.integers(lo, len(every) + 3))
    got = sweep.values(lo, hi)
    for k, axis in enumerate(axes):
        np.testing.assert_array_equal(got[axis.path], every[lo:hi, k])
        np.testing.assert_array_equal(
            sweep.values(0, len(every))[axis.path].reshape(sweep.shape),
            np.meshgrid(*(a.values for a in axes), indexing="ij")[k],
        )


def test_a_hundred_million_points_cost_nothing() -> None:
    begun = time.thread_time()
    config = plan(
        "electrode.potential_V: {start: 2.4, stop: 3.4, num: 10000}\n"
        "temperature_K: {start: 250, stop: 400, num: 100}\n"
        "electrolyte.permittivity: {start: 5, stop: 50, num: 100}"
    )
    assert config.n_points == 10**8
    over = config.point_overrides(99_999_990, 10**8)
    # Far below what even an array of a hundred million would take; loading alone is some 0.05 s.
    assert time.thread_time() - begun < 1.0
    assert {path: values.shape for path, values in over.items()} == dict.fromkeys(over, (10,))
    np.testing.assert_array_equal(over["electrode.potential_V"], 3.4)
    np.testing.assert_array_equal(over["electrolyte.permittivity"], np.linspace(5, 50, 100)[90:])


def test_one_axis_of_a_hundred_million_costs_nothing() -> None:
    config = plan("electrode.potential_V: {start: 2.4, stop: 3.4, num: 1e8}")
    assert config.shape == (10**8,)
    np.testing.assert_allclose(
        config.point_overrides(10**8 - 2, 10**8)["electrode.potential_V"], [3.4 - 1e-8, 3.4], rtol=1e-15
    )


def test_main_job_in_si() -> None:
    config = plan(
        "electrode.potential_V: {start: 2.4, stop: 3.4, num: 3}\nelectrolyte.site_density_per_nm3: [19.7, 10]\n"
        "layers.electrolyte.thickness_nm: [30]\nelectrolyte.interaction.occupied_eV: [0.1]"
    )
    names = [axis.name for axis in config.axes]
    assert names == [
        "electrode_potential",
        "electrolyte_site_density",
        "electrolyte_thickness",
        "electrolyte_interaction_occupied",
    ]
    assert [axis.si_unit for axis in config.axes] == ["V", "m-3", "m", "J"]
    np.testing.assert_allclose(config.axes[1].si_values, [1e28, 1.97e28], rtol=1e-15)
    np.testing.assert_allclose(config.axes[2].si_values, [30e-9], rtol=1e-15)
    np.testing.assert_allclose(config.axes[3].si_values, [1.602176634e-20], rtol=1e-15)
    parameters = config.parameters()
    assert parameters.n_points == 6
    np.testing.assert_allclose(parameters.site_density[:, 1, 0], np.tile([1e28, 1.97e28], 3), rtol=1e-15)


@pytest.mark.parametrize(
    ("path", "names", "coordinate", "si"),
    [
        ("temperature_K", 0, "temperature", "K"),
        ("electrode.potential_V", 1, "electrode_potential", "V"),
        ("electrode.interaction.vacancy_eV", 1, "electrode_interaction_vacancy", "J"),
        ("electrode.diffusivity_m2_per_s", 1, "electrode_diffusivity", "m2 s-1"),
        ("electrode.diffusivity_m2_per_s.value", 1, "electrode_diffusivity_value", "m2 s-1"),
        ("electrode.diffusivity_m2_per_s.at_K", 1, "electrode_diffusivity_at", "K"),
        ("electrode.ocv.potential_V.2", 1, "electrode_ocv_potential_2", "V"),
        ("contacts.0.charge_C_per_m2", 2, "contacts_0_charge", "C m-2"),
        ("ends.left.surface_charge_C_per_m2", 2, "ends_left_surface_charge", "C m-2"),
        ("solver.tolerance_V", 0, "solver_tolerance", "V"),
        ("a_nm.species.Li_V.occupancy", 3, "a_nm_species_Li_V_occupancy", "1"),
    ],
)
def test_names_and_units_of_axes(path: str, names: int, coordinate: str, si: str) -> None:
    axis = Axis(path=path, grid=listed_grid([1.0]))
    assert axis.name == coordinate_name(path, names) == coordinate
    assert axis.si_unit == si
    assert axis.long_name


def test_every_suffix_is_found() -> None:
    suffixed = [unit for unit in UNITS if unit.suffix]
    assert len(suffixed) > 10
    for unit in suffixed:
        assert unit_of(f"layer.some{unit.suffix}") is unit


def test_points_by_number_are_those_of_their_range() -> None:
    config = plan("electrode.potential_V: {start: 2.4, stop: 3.4, num: 5}\ntemperature_K: [258.15, 298.15, 400]")
    chosen = np.array([0, 4, 14])
    picked, every = config.parameters_at(chosen), config.parameters()
    for name in ("temperature", "potential", "bulk_occupancy", "diffusivity", "invalid"):
        np.testing.assert_array_equal(getattr(picked, name), getattr(every, name)[chosen])


def test_zip_takes_values_together() -> None:
    config = plan("mode: zip\nelectrode.potential_V: [2.4, 3.0, 3.4]\ntemperature_K: {start: 280, stop: 300, num: 3}")
    assert config.shape == (3,)
    assert config.sweep.dims == ("point",)
    over = config.point_overrides(1, 3)
    np.testing.assert_array_equal(over["electrode.potential_V"], [3.0, 3.4])
    np.testing.assert_array_equal(over["temperature_K"], [290.0, 300.0])


def test_points_from_a_table(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("# made by hand\nelectrode.potential_V, temperature_K\n2.5,300\n\n3.1, 310\n")
    (tmp_path / "c.yaml").write_text(BASE + "sweep: {points: p.csv}\n")
    config = load_config(tmp_path / "c.yaml")
    assert config.shape == (2,)
    np.testing.assert_array_equal(config.point_values(0, 2)["temperature_K"], [300.0, 310.0])
    before = config.sha256
    (tmp_path / "p.csv").write_text("electrode.potential_V,temperature_K\n2.5,300\n3.1,311\n")
    assert load_config(tmp_path / "c.yaml").sha256 != before


def test_a_single_solve_has_no_axes() -> None:
    config = parse_config(BASE)
    assert (config.shape, config.sweep.dims, config.n_points, config.axes) == ((), (), 1, ())
    assert config.parameters().n_points == 1


@pytest.mark.parametrize(
    "axis",
    [
        "temperature_K: [280, 300]",
        "electrode.composition: [0.2, 2]",
        "electrolyte.occupancy: [0.3, 0.4]",
        "electrolyte.charge_number: [1, 2]",
        "electrolyte.diffusivity_m2_per_s: [1e-13, 1e-12]",
        "electrolyte.diffusivity_m2_per_s.value: [1e-13, 1e-12]",
        "electrolyte.diffusivity_m2_per_s.at_K: [290, 300]",
        "contacts.0.charge_C_per_m2: [0, 0.1]",
        "contacts.0.dipole_V: [0, 0.1]",
        "ends.left.electrostatic_potential_V: [0, 0.1]",
        "ends.right.surface_charge_C_per_m2: [0, 0.1]",
        "electrode.ocv.potential_V.1: [3.0, 3.1]",
        "solver.tolerance_V: [1e-4, 1e-8]",
    ],
)
def test_any_number_is_an_axis(axis: str) -> None:
    config = plan(axis)
    parameters = config.parameters()
    assert parameters.n_points == 2
    assert not parameters.invalid.any()


def test_swept_keys_need_no_base_value() -> None:
    base = "layers:\n  a: {thickness_nm: 3, potential_V: 3, permittivity: 9, site_density_per_nm3: 9}\n"
    config = plan("a.occupancy: [0.2, 0.4]", base)
    np.testing.assert_array_equal(config.parameters().bulk_occupancy[:, 0, 0], [0.2, 0.4])
    base = "layers:\n  a: {material: LixV2O5, thickness_nm: 3}\n"
    config = plan("a.composition: [0.2, 1.0]", base)
    np.testing.assert_allclose(config.parameters().potential[:, 0], [3.4, 3.0], rtol=1e-15)


def test_a_swept_potential_replaces_a_composition() -> None:
    base = "layers:\n  a: {material: LixV2O5, thickness_nm: 3, composition: 1.0}\n"
    config = plan("a.potential_V: [2.4, 3.4]", base)
    np.testing.assert_allclose(config.parameters().bulk_occupancy[:, 0, 0], [0.99, 11.16 * 0.2 / 22.4], rtol=1e-15)


def test_activation_energy_over_a_plain_number() -> None:
    base = (
        "temperature_K: 350\nlayers:\n  a: {thickness_nm: 3, potential_V: 3, permittivity: 9,\n"
        "      site_density_per_nm3: 9, occupancy: 0.5, diffusivity_m2_per_s: 1e-13}\n"
    )
    config = plan("a.diffusivity_m2_per_s.activation_energy_eV: [0, 0.3]", base)
    ratio = np.exp(-0.3 * 1.602176634e-19 / 1.380649e-23 * (1 / 350 - 1 / 298.15))
    np.testing.assert_allclose(config.parameters().diffusivity[:, 0, 0], [1e-13, 1e-13 * ratio], rtol=1e-14)


def test_tables_are_rebuilt_for_each_value_and_the_rest_follows() -> None:
    config = plan("electrode.ocv.potential_V.1: [3.0, 2.9]\nelectrode.potential_V: [2.4, 2.9, 3.4]")
    assert config.has_slow_axes
    parameters = config.parameters()
    for k, middle in enumerate((2.9, 3.0)):  # an axis is stored in rising order
        layer = config.stack["electrode"]
        table = {**layer.ocv, "potential_V": [3.4, middle, 2.4]}
        stack = config.stack.replace(layers=(layer.replace(ocv=table), config.stack["electrolyte"]))
        alone = stack_parameters(stack, {"electrode.potential_V": [2.4, 2.9, 3.4]})
        np.testing.assert_array_equal(parameters.bulk_occupancy[3 * k : 3 * k + 3], alone.bulk_occupancy)
        np.testing.assert_array_equal(parameters.potential[3 * k : 3 * k + 3], alone.potential)
    # One chunk of the middle, which holds parts of both groups.
    np.testing.assert_array_equal(config.parameters(2, 5).bulk_occupancy, parameters.bulk_occupancy[2:5])


def test_a_table_that_turns_back_marks_its_points() -> None:
    config = plan("electrode.ocv.potential_V.1: [3.0, 3.5]\ntemperature_K: [280, 300]")
    parameters = config.parameters()
    np.testing.assert_array_equal(parameters.invalid, [False, False, True, True])
    assert "rise or fall strictly" in parameters.reasons[0]


def test_values_outside_the_table_mark_their_points() -> None:
    config = plan("electrode.potential_V: [2.3, 2.4]")
    np.testing.assert_array_equal(config.parameters().invalid, [True, False])


def test_tolerance_may_be_swept() -> None:
    config = plan("solver.tolerance_V: [1e-4, 1e-8]\ntemperature_K: [280, 300]")
    np.testing.assert_array_equal(config.tolerance(1, 3), [1e-8, 1e-4])
    assert parse_config(BASE + "solver: {tolerance_V: 1e-7}\n").tolerance(0, 1) == 1e-7


def test_charge_transfer_is_kept_and_swept() -> None:
    base = BASE + "contacts: [{charge_transfer: {rate_constant_per_m2_s: 1.0e22, symmetry_factor: 0.5}}]\n"
    config = plan("contacts.0.charge_transfer.symmetry_factor: [0.3, 0.5, 0.7]", base)
    assert config.charge_transfer == ({"rate_constant_per_m2_s": 1e22, "symmetry_factor": 0.5},)
    assert config.axes[0].kind == "charge_transfer"
    assert config.parameters().n_points == 3
    np.testing.assert_array_equal(
        config.point_values(0, 3)["contacts.0.charge_transfer.symmetry_factor"], [0.3, 0.5, 0.7]
    )


def test_no_point_of_a_table_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(BASE + "sweep: {points: p.csv}\n")
    for cell, got in (("", "nothing"), ("nan", "nan")):
        (tmp_path / "p.csv").write_text(f"electrode.potential_V,temperature_K\n3.0,300\n{cell},310\n")
        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path / "c.yaml")
        (problem,) = caught.value.problems
        assert problem.endswith(f"column electrode.potential_V: a finite number is needed, got {got}")
