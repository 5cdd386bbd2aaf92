"""A sweep over materials in what stands around the solve: labels, assumed ranges, xarray, resume, export, messages."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.config import parse_config
from spacecharge.store import read_results
from spacecharge.store.work import WorkFile
from spacecharge.sweeping import engine, make_task, run_sweep
from spacecharge.sweeping.assumptions import assume
from spacecharge.sweeping.companions import companions
from spacecharge.sweeping.task import chunk_range, n_chunks

ROOT = Path(__file__).parents[2]
PLATE = """layers:
  electrolyte: {material: LAGP, thickness_nm: 40}
ends: {left: {electrostatic_potential_V: 0.2}, right: bulk}
sweep:
"""
CATHODES = """layers:
  electrode: {material: LCO, potential_V: 3.9, thickness_nm: 20}
  electrolyte: {material: LAGP, thickness_nm: 20}
sweep:
  electrode.potential_V: [3.9, 4.0]
"""
BOTH = "  electrolyte.material: [LAGP, LLZO]\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three biases on both materials, as a file."""
    folder = tmp_path_factory.mktemp("materials")
    config = parse_config(f"{PLATE}  ends.left.electrostatic_potential_V: [-0.3, 0.1, 0.4]\n{BOTH}")
    return run_sweep(config, output=folder / "run.h5", workers=1, quiet=True).path


def one_problem(text: str, path: Path) -> str:
    path.write_text(text)
    with pytest.raises(sc.ConfigError) as caught:
        sc.load_config(path)
    (problem,) = caught.value.problems
    return problem


def test_the_composition_of_one_material_labels_no_other():
    """LCO's composition at a potential is not that of NMC811."""
    alone = companions(parse_config(CATHODES), zipped=False)
    assert [c.name for c in alone] == ["electrode_composition"]
    both = parse_config(f"{CATHODES}  electrode.material: [LCO, NMC811]\n")
    assert list(companions(both, zipped=False)) == []
    held = both.parameters().bulk_occupancy[:, 0, 0].reshape(2, 2)
    assert (np.abs(held[:, 0] - held[:, 1]) > 0.01).all()


def test_what_is_assumed_of_one_material_is_not_run_through_on_another():
    config = parse_config(f"{PLATE}  ends.left.electrostatic_potential_V: [0.1, 0.2]\n{BOTH}")
    both = {(a.path, a.material) for a in config.assumed}
    assert {m for path, m in both if path == "electrolyte.occupancy"} == {"LAGP", "LLZO"}
    made = assume(config, y="differential_capacitance", num=2, samples=2, workers=1)
    assert {run.assumed.material for run in made.runs} == {"LAGP"}
    assert len({run.assumed.path for run in made.runs}) == len(made.runs)
    assert made.axis == "ends.left.electrostatic_potential_V"


def test_files_that_the_result_would_call_the_same_are_refused(tmp_path):
    source = next((ROOT / "spacecharge" / "library").rglob("LLZO.yaml")).read_text(encoding="utf-8")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.yaml").write_text(source, encoding="utf-8")
    text = f"{PLATE}  electrolyte.material: [a/mine.yaml, b/mine.yaml]\n"
    problem = one_problem(text, tmp_path / "c.yaml")
    assert "c.yaml:5:39: sweep.electrolyte.material.1: the result would call two materials mine" in problem


def test_a_material_without_the_table_is_a_failed_point_and_says_so():
    config = parse_config(
        CATHODES.replace("LCO, potential_V: 3.9", "LixV2O5, potential_V: 3.0, occupancy: 0.5").replace(
            "electrode.potential_V: [3.9, 4.0]", "electrode.ocv.potential_V.1: [2.5, 2.6]"
        )
        + "  electrode.material: [LixV2O5, LAGP]\n"
    )
    parameters = config.parameters()
    assert parameters.invalid.tolist() == [False, True, False, True]
    assert parameters.reasons == ("electrode.ocv.potential_V.1: LAGP has no such number",)
    assert "(electrode.ocv.potential_V.1 = 2.5, electrode.material = LAGP)" in make_task(config).explain(1, 3)


def test_a_swept_number_stands_in_where_a_material_has_none():
    config = parse_config(
        CATHODES.replace("LCO, potential_V: 3.9", "LixV2O5").replace("[3.9, 4.0]", "[3.0, 3.9]")
        + "  electrode.material: [LixV2O5, LCO]\n"
    )
    # Each potential is one of one of the tables.
    assert config.parameters().invalid.tolist() == [False, True, True, False]


def test_a_layer_with_its_material_in_the_sweep_needs_no_other(tmp_path):
    text = PLATE.replace("material: LAGP, ", "") + "  electrolyte.material: [LLZO, LAGP]\n"
    assert parse_config(text).parameters().permittivity[:, 0].tolist() == [60.0, 15.0]
    assert "unknown material 'LLZZO' (nearest: LLZO)" in one_problem(text.replace("LLZO", "LLZZO"), tmp_path / "c.yaml")


def test_a_core_is_made_of_its_grain(tmp_path):
    text = "layers:\n  g: {material: LAGP, thickness_nm: 40}\n  core: {thickness_nm: 1, core_of: g}\nsweep:\n"
    problem = one_problem(f"{text}  g.material: [LAGP, LLZO]\n", tmp_path / "c.yaml")
    assert "c.yaml:5:3: sweep.g.material: core is the core of g" in problem


def test_a_sweep_in_memory_says_where_materials_are_swept():
    stack = sc.Stack([sc.Layer(name="electrolyte", material="LAGP", thickness_nm=40)], temperature_K=298.15)
    with pytest.raises(sc.ModelError, match=r"electrolyte.material: materials are swept by a configuration"):
        sc.sweep(stack, {"electrolyte.material": ["LAGP", "LLZO"]})


@pytest.mark.parametrize("units", ["display", "SI"])
def test_xarray_selects_by_name(run, units):
    data = sc.open_results(run, units=units)
    assert data.electrolyte_material.values.tolist() == ["LAGP", "LLZO"]
    found = data.status.sel(electrolyte_material="LLZO")
    assert found.shape == (3,)
    one = data.differential_capacitance.sel(electrolyte_material="LLZO").values
    assert np.array_equal(one, data.differential_capacitance.values[:, 1])
    assert data.status.attrs["flag_meanings"].startswith("solved")


def test_a_zip_takes_a_material_twice_and_a_selection_finds_both(tmp_path, capsys):
    text = f"{PLATE}  mode: zip\n  electrolyte.thickness_nm: [30, 40, 50]\n  electrolyte.material: [LAGP, LLZO, LAGP]\n"
    (tmp_path / "c.yaml").write_text(text)
    path, table = tmp_path / "z.h5", tmp_path / "z.csv"
    assert main(["run", str(tmp_path / "c.yaml"), "-o", str(path), "--workers", "1", "--quiet"]) == 0
    assert main(["export", str(path), "-o", str(table), "--select", "electrolyte_material=LAGP"]) == 0
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
    column = next(k for k, name in enumerate(rows[0]) if name.startswith("electrolyte_material"))
    assert [row[column] for row in rows[1:]] == ["LAGP", "LAGP"]
    assert sc.open_results(path).electrolyte_material.values.tolist() == ["LAGP", "LLZO", "LAGP"]


def test_a_resumed_file_holds_the_same_bits(tmp_path):
    config = parse_config(f"{PLATE}  ends.left.electrostatic_potential_V: {{start: -0.4, stop: 0.4, num: 40}}\n{BOTH}")
    whole = read_results(run_sweep(config, output=tmp_path / "whole.h5", workers=1, quiet=True))
    task = make_task(config)
    assert n_chunks(task) >= 2
    with WorkFile.create(tmp_path / "part.h5", engine.file_layout(task)) as work:
        lo, hi = chunk_range(task, 1)
        work.write(lo, task.evaluate(lo, hi))
        work.commit()
    resumed = run_sweep(config, output=tmp_path / "part.h5", workers=1, resume=True, quiet=True)
    assert resumed.n_resumed == hi - lo
    other = read_results(resumed)
    for path in whole.fields:
        np.testing.assert_array_equal(whole[path], other[path], err_msg=path)


@pytest.mark.parametrize("x", ["electrolyte_material", "ends_left_electrostatic_potential"])
def test_a_figure_along_either_axis_and_a_table(run, x, tmp_path, capsys):
    assert main(["plot", str(run), "-o", str(tmp_path / "a.png"), "--x", x, "--y", "differential_capacitance"]) == 0
    assert (tmp_path / "a.png").stat().st_size > 5000
    capsys.readouterr()
    assert main(["show", str(run)]) == 0
    assert re.search(r"electrolyte_material\W+LAGP, LLZO", capsys.readouterr().out)


def test_a_rate_constant_is_not_calibrated_on_the_first_of_several_materials(tmp_path):
    """Its composition and sites would be those of the base material at the points of all others."""
    text = """\
layers:
  electrode: {material: LixV2O5, thickness_nm: 10, potential_V: 2.6}
  electrolyte: {material: LAGP, thickness_nm: 10}
contacts:
  - charge_transfer:
      LAW
sweep: {layers.electrolyte.material: [LAGP, LLZO]}
"""
    law = "calibrate: {contact: electrode|electrolyte, exchange_current_density_mA_per_cm2: 1}"
    file = tmp_path / "c.yaml"
    file.write_text(text.replace("LAW", law))
    with pytest.raises(sc.ConfigError, match=r"charge_transfer.calibrate calibrates a rate") as error:
        sc.load_config(file)
    assert f"{file}:7:" in str(error.value)
    file.write_text(text.replace("LAW", "rate_constant_per_m2_s: 1e20"))
    assert sc.load_config(file).n_points == 2
