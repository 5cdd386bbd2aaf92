"""``spacecharge show``: tables in nm, V, uF/cm2, Ohm cm2 for single solves, sweeps and selections."""

from pathlib import Path

import numpy as np
import pytest

from spacecharge.store import WorkFile, read_results

from .conftest import SWEEP


@pytest.fixture
def sweep_file(configuration, call):
    call("run", configuration())
    return "results/r.h5"


def row(text, start):
    return next(line for line in text.splitlines() if line.strip().startswith(start)).split()


def test_single_solve_per_side_layer_and_contact(configuration, call):
    call("run", configuration("output: {path: s.h5}\n"))
    code, out, err = call("show", "s.h5")
    assert (code, err) == (0, "")
    results = read_results("s.h5")
    left = row(out, "electrode|electrolyte  left")
    assert float(left[3]) == pytest.approx(results["space_charge_potential"][0, 0], rel=1e-4)
    assert float(left[7]) == pytest.approx(results["space_charge_width"][0, 0] * 1e9, rel=1e-4)
    assert float(left[8]) == pytest.approx(results["resistance"][0, 0] * 1e4, rel=1e-4)
    layer = row(out, "electrolyte ")
    assert float(layer[1]) == pytest.approx(results["charge"][1] * 1e2, rel=1e-4)
    assert float(layer[2]) == pytest.approx(results["debye_length"][1] * 1e9, rel=1e-4)
    capacitance = results["differential_capacitance"][0] * 1e2
    assert f"{capacitance:.5g}" in out
    assert "uF/cm2" in out
    assert row(out, "interface resistance")[-3:] == [f"{results['interface_resistance'] * 1e4:.5g}", "Ohm", "cm2"]
    assert "0 (solved)" in out


def test_two_axes_make_a_table_of_resistances(sweep_file, call):
    code, out, _ = call("show", sweep_file)
    assert code == 0
    assert "points     27: 27 solved" in out
    assert "axis       temperature: 3 from 280 to 320 K" in out
    resistance = read_results(sweep_file)["interface_resistance"] * 1e4
    lines = [line.split() for line in out.splitlines() if line.strip().startswith(("2.8 ", "3.2 "))]
    np.testing.assert_allclose(np.array(lines[0][1:], float), resistance[0], rtol=1e-4)
    np.testing.assert_allclose(np.array(lines[1][1:], float), resistance[-1], rtol=1e-4)


def test_selection_leaves_rows_with_all_quantities(sweep_file, call):
    code, out, _ = call("show", sweep_file, "--select", "temperature=301")
    assert code == 0
    assert "selected   temperature = 300 K" in out
    results = read_results(sweep_file)
    last = row(out, "3.2 ")
    assert float(last[1]) == pytest.approx(results["interface_resistance"][-1, 1] * 1e4, rel=1e-4)
    assert last[-1] == "solved"


def test_selecting_every_axis_shows_one_point(sweep_file, call):
    code, out, _ = call("show", sweep_file, "--select", "temperature_K=300", "--select", "electrode.potential_V=3.2")
    assert code == 0
    assert "electrode|electrolyte  left" in out


def test_rows_are_limited_and_it_is_said(sweep_file, call):
    code, out, _ = call("show", sweep_file, "--select", "temperature=300", "--rows", "3")
    assert code == 0
    assert "(every 3rd of 9 points; --rows N shows more)" in out
    assert sum(line.endswith("solved") and line[0] in "23 " for line in out.splitlines()) >= 3


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("temperature", "AXIS=VALUE with a number is needed"),
        ("temperature=hot", "AXIS=VALUE with a number is needed"),
        ("pressure=1", "no such axis (axes: electrode_potential, temperature)"),
        ("temperature=500", "outside the axis (280 to 320 K)"),
        ("temperature=300 C", "the unit of this axis is K"),
    ],
)
def test_bad_selections_say_what_is_wrong(sweep_file, call, selection, message):
    code, out, err = call("show", sweep_file, "--select", selection)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_thickness_is_selected_in_nm(configuration, call):
    sweep = "sweep:\n  electrolyte.thickness_nm: [10, 20, 40]\noutput: {path: t.h5}\n"
    call("run", configuration(sweep))
    for text in ("electrolyte_thickness=20", "electrolyte.thickness_nm=20", "electrolyte_thickness=20nm"):
        code, out, _ = call("show", "t.h5", "--select", text)
        assert code == 0
        assert "selected   electrolyte_thickness = 20 nm" in out
    assert call("show", "t.h5", "--select", "electrolyte_thickness=20V")[0] == 2


def test_points_are_rows_and_selected_by_any_coordinate(configuration, call, tmp_path):
    rows = "electrode.potential_V,temperature_K\n3.1,290\n3.2,290\n3.1,310\n"
    (tmp_path / "points.csv").write_text(rows)
    call("run", configuration("sweep: {points: points.csv}\noutput: {path: p.h5}\n"))
    code, out, _ = call("show", "p.h5")
    assert code == 0
    assert "electrode_potential  temperature" in out
    code, out, _ = call("show", "p.h5", "--select", "temperature=290")
    assert sum(line.endswith("solved") and "290" in line for line in out.splitlines()) == 2
    code, out, _ = call("show", "p.h5", "--select", "temperature=310")
    assert "electrode|electrolyte  left" in out
    code, _, err = call("show", "p.h5", "--select", "temperature=310", "--select", "electrode_potential=3.2")
    assert code == 2
    assert "no point has this together with the others" in err


def test_unfinished_file_says_so(configuration, call, monkeypatch):
    monkeypatch.setattr(WorkFile, "commit", lambda self: (_ for _ in ()).throw(OSError(28, "No space")))
    call("run", configuration(SWEEP))
    code, out, _ = call("show", "results/r.h5", "--select", "temperature=300")
    assert code == 0
    assert "unfinished: `spacecharge run CONFIG --resume` goes on" in out
    assert "27 not yet run" in out
    assert " ".join(row(out, "3.2 ")[-3:]) == "not yet run"


def test_other_files_are_refused(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.h5").write_text("text")
    for name in ("x.h5", "missing.h5", "."):
        code, out, err = call("show", name)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
