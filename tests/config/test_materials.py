"""A sweep over materials: what it refuses, and that every point is that of a configuration with this material."""

from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.config import parse_config
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.errors import StoreError
from spacecharge.report.export import point_table
from spacecharge.report.points import points_text
from spacecharge.report.view import View
from spacecharge.store import read_results

BASE = """layers:
  electrolyte: {{material: LAGP, thickness_nm: 40{more}}}
ends: {{left: {{electrostatic_potential_V: 0.2}}, right: bulk}}
sweep:
  {axis}
"""
AXIS = "layers.electrolyte.material: [LAGP, LLZO]"


def text(axis: str = AXIS, more: str = "") -> str:
    return BASE.format(axis=axis, more=more)


@pytest.mark.parametrize(
    ("axis", "more", "line"),
    [
        ("layers.electrolyte.material: [LAGP, LLZZO]", "", "cell.yaml:5:39: sweep.layers.electrolyte.material.1: "),
        ("electrolyte.material: [LAGP, LAGP]", "", "LAGP stands twice on this axis"),
        ("electrolyte.material: [1, 2]", "", "a list of materials is needed"),
        ("electrolyte.thickness_nm: [LAGP]", "", "numbers, not names, are needed"),
        ("electrolyte.material: {start: 0, stop: 1, num: 2}", "", "a list of materials is needed"),
        ("electrolyte.material: [LAGP, none.yaml]", "", "none.yaml: no such file"),
    ],
)
def test_what_is_refused(tmp_path: Path, axis: str, more: str, line: str) -> None:
    path = tmp_path / "cell.yaml"
    path.write_text(text(axis, more))
    with pytest.raises(sc.ConfigError) as caught:
        sc.load_config(path)
    (problem,) = caught.value.problems
    assert line in problem
    assert "cell.yaml:5:" in problem or "none.yaml" in problem


@pytest.mark.parametrize("axis", [AXIS, "electrolyte.ocv.potential_V.1: [3.0, 3.05]"])
def test_derivatives_of_one_stack_are_not_those_of_another(axis: str) -> None:
    written = text(axis) + "output: {sensitivities: [electrolyte.permittivity]}\n"
    with pytest.raises(sc.ConfigError, match="sensitivities: needs one stack for all points"):
        parse_config(
            written.replace("material: LAGP", "material: LixV2O5, potential_V: 3") if axis != AXIS else written
        )


def test_a_table_of_points_has_numbers_only(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("electrolyte.material\n1\n")
    (tmp_path / "cell.yaml").write_text(text("points: points.csv"))
    with pytest.raises(sc.ConfigError, match=r"points.csv.*electrolyte.material.*sweep them as a list"):
        sc.load_config(tmp_path / "cell.yaml")


def test_every_point_is_that_of_its_material() -> None:
    bias, own = "ends.left.electrostatic_potential_V: [-0.3, 0.1, 0.4]", ", permittivity: 20"
    swept = parse_config(text(f"{bias}\n  {AXIS}", own))
    assert swept.shape == (3, 2)
    for k, name in enumerate(("LAGP", "LLZO")):
        one = parse_config(text(bias, own).replace("LAGP", name))
        for array, values in one.parameters().over_points().items():
            found = swept.parameters().over_points()[array].reshape(3, 2, *values.shape[1:])[:, k]
            assert np.array_equal(found, values, equal_nan=True), array


def test_a_swept_number_wins_for_every_material() -> None:
    p = parse_config(text("electrolyte.permittivity: [7, 9]\n  " + AXIS)).parameters()
    assert p.permittivity[:, 0].tolist() == [7.0, 7.0, 9.0, 9.0]
    assert p.site_density[:2, 0, 0] == pytest.approx([19.7e27, 32.7e27])


def test_zipped_with_numbers() -> None:
    p = parse_config(text("mode: zip\n  electrolyte.thickness_nm: [30, 50]\n  " + AXIS)).parameters()
    assert p.thickness[:, 0] == pytest.approx([30e-9, 50e-9])
    assert p.permittivity[:, 0].tolist() == [15.0, 60.0]


def test_assumed_values_are_those_of_every_material() -> None:
    assert {a.material for a in parse_config(text()).assumed} == {"LAGP", "LLZO"}


def lattice_charge(volts: np.ndarray, sites: float, theta: float, permittivity: float, kelvin: float) -> np.ndarray:
    """Size of the charge of a lattice gas without interaction behind a potential: its first integral."""
    kt = BOLTZMANN * kelvin
    y = ELEMENTARY_CHARGE * volts / kt
    pressure = np.log1p(theta * np.expm1(-y)) + theta * y
    return np.sign(volts) * np.sqrt(2.0 * permittivity * VACUUM_PERMITTIVITY * sites * kt * pressure)


def test_names_in_tables_figures_and_files(tmp_path: Path) -> None:
    config = parse_config(text("ends.left.electrostatic_potential_V: [-0.3, 0.1, 0.4]\n  " + AXIS))
    results = read_results(sc.run_sweep(config, output=tmp_path / "run.h5", workers=1).path)
    assert results.names_of("electrolyte_material") == ("LAGP", "LLZO")
    assert "electrolyte_material: LAGP, LLZO" in "\n".join(points_text(results, [], 5)[0])
    columns = {c.name: c.values for c in point_table(results, ["electrolyte_material=LLZO"])}
    assert columns["electrolyte_material"].tolist() == ["LLZO"] * 3
    with pytest.raises(StoreError, match="one of LAGP, LLZO is needed"):
        View(results, ["electrolyte_material=1"])
    assert View(results).coordinates("electrolyte_material")[0].texts() == ["LAGP", "LLZO"]
    material = sc.materials["LLZO"].values
    volts = np.array([-0.3, 0.1, 0.4])
    sites, theta, permittivity = (material[key].value for key in ("site_density_per_nm3", "occupancy", "permittivity"))
    numbers = sites * 1e27, theta, permittivity, 298.15
    step = 1e-5
    exact = (lattice_charge(volts + step, *numbers) - lattice_charge(volts - step, *numbers)) / (2.0 * step)
    found = results["differential_capacitance"].reshape(3, 2)[:, 1]
    assert found == pytest.approx(exact, rel=1e-6)


def test_capacitance_of_the_shipped_configuration_twice(tmp_path: Path) -> None:
    """-1/(w Im Z) at 1 Hz beside dq/dU at equilibrium, both materials."""
    base = Path(__file__).parents[2] / "configs" / "blocking_capacitance.yaml"
    config = parse_config(base.read_text().replace("num: 81", "num: 5"))
    results = read_results(sc.run_sweep(config, output=tmp_path / "c.h5", workers=1).path)
    assert results.shape == (5, 2)
    dynamic = -1.0 / (2.0 * np.pi * results["impedance_imag"][..., 0])
    assert dynamic == pytest.approx(results["differential_capacitance"][..., 0], rel=2e-6)
