"""Tables for other programs: the numbers of the file, in the units of their headers."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import StoreError
from spacecharge.report.export import point_table, profile_table, write_table
from spacecharge.store import read_results

CONFIG = """
title: "Two: layers/and a [title]"
layers:
  electrode: {material: LixV2O5, potential_V: 3.4, thickness_nm: 30}
  electrolyte: {material: LAGP, thickness_nm: 30}
sweep:
  electrolyte.site_density_per_nm3: [12.0, 5.0, 19.7]
  temperature_K: [298.15, 363.15]
output: {profiles: {nodes: 9}, resistance_of: [electrolyte]}
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    (folder / "c.yaml").write_text(CONFIG)
    assert main(["run", str(folder / "c.yaml"), "-o", str(folder / "r.h5"), "--quiet"]) == 0
    return folder / "r.h5"


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_every_point_and_variable_with_units(path, capsys):
    assert main(["export", str(path)]) == 0
    rows = read(capsys.readouterr().out)
    results = read_results(path)
    assert len(rows) == 6
    resistance = np.array([float(row["interface_resistance (Ohm cm2)"]) for row in rows]).reshape(3, 2)
    np.testing.assert_allclose(resistance, 1e4 * results["interface_resistance"], rtol=1e-15)
    width = [float(row["space_charge_width[electrode|electrolyte, right] (nm)"]) for row in rows]
    np.testing.assert_allclose(np.reshape(width, (3, 2)), 1e9 * results["space_charge_width"][:, :, 0, 1], rtol=1e-15)
    assert [float(row["temperature (K)"]) for row in rows[:2]] == [298.15, 363.15]
    scalars = {f.path for f in results.fields.values() if f.dims[:2] == results.sweep and "/" not in f.path}
    assert {name.split(" (")[0].split("[")[0] for name in rows[0]} == scalars | set(results.sweep)


def test_selection_takes_the_nearest_within_half_a_step(path, capsys):
    assert main(["export", str(path), "--select", "temperature=300", "--variables", "charge,interface_resistance"]) == 0
    rows = read(capsys.readouterr().out)
    assert len(rows) == 3
    assert {float(row["temperature (K)"]) for row in rows} == {298.15}
    assert len(rows[0]) == 2 + 2 + 1
    assert main(["export", str(path), "--select", "temperature=450"]) == 2
    assert "outside the axis" in capsys.readouterr().err


def test_profiles_are_rows_of_nodes(path):
    results = read_results(path)
    columns = {c.header: c.values for c in profile_table(results, ["temperature=298.15"])}
    first = columns["layer"] == "electrode"
    assert first.sum() == 3 * 9
    expected = results["profiles/electrode/potential"][:, 0].ravel()
    np.testing.assert_allclose(columns["potential (V)"][first].astype(float), expected, rtol=1e-15)
    positions = np.tile(1e9 * results["profiles/electrode/x"], 3)
    np.testing.assert_allclose(columns["x (nm)"][first].astype(float), positions, rtol=1e-15)


def test_formats_hold_the_same_numbers(path, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    columns = point_table(read_results(path))
    for ending in (".csv", ".json", ".xlsx"):
        write_table(columns, tmp_path / f"t{ending}", "Two: layers/and a [title]")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx", read_only=True)
    sheet = list(book.worksheets[0].iter_rows(values_only=True))
    book.close()
    assert list(sheet[0]) == [c.header for c in columns]
    whole = json.loads((tmp_path / "t.json").read_text())
    assert [c["name"] for c in whole["columns"]] == [c.name for c in columns]
    rows = read((tmp_path / "t.csv").read_text())
    for i, (from_csv, from_json, from_xlsx) in enumerate(zip(rows, whole["rows"], sheet[1:], strict=True)):
        for k, column in enumerate(columns):
            value = column.values[i]
            if isinstance(value, float) and np.isnan(value):
                assert from_csv[column.header] == ""
                assert from_json[k] is None
                assert from_xlsx[k] is None
            else:
                assert float(from_csv[column.header]) == from_json[k] == value
                # openpyxl writes 16 digits.
                assert from_xlsx[k] == pytest.approx(value, rel=1e-15)


def test_folders_of_a_table_are_made(path, tmp_path):
    target = tmp_path / "new" / "folder" / "t.csv"
    write_table(point_table(read_results(path)), target, "a title")
    assert len(target.read_text().splitlines()) == 1 + read_results(path).n_points


def test_nothing_is_overwritten_unasked(path, tmp_path, capsys):
    target = tmp_path / "t.csv"
    target.touch()
    assert main(["export", str(path), "-o", str(target)]) == 2
    assert target.read_text() == ""
    assert main(["export", str(path), "-o", str(target), "--overwrite"]) == 0
    assert target.read_text().startswith("electrolyte_site_density (nm-3)")
    capsys.readouterr()
    assert main(["export", str(path), "-o", str(tmp_path / "t.ods")]) == 2
    assert "allowed: .csv, .xlsx, .json" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".csv", ".json", ".xlsx"])
def test_only_tables_of_results_are_replaced(path, tmp_path, ending, capsys):
    """Data that a configuration reads went without a word where their name was given by mistake."""
    target = tmp_path / f"t{ending}"
    if ending == ".xlsx":
        from openpyxl import Workbook

        book = Workbook()
        book.active.append(["T (K)", "capacitance"])
        book.save(target)
        book.active.delete_rows(1)
        book.save(tmp_path / "empty.xlsx")
    else:
        target.write_text("temperature_K,resistance (Ohm cm2)\n300,12\n" if ending == ".csv" else '{"rows": [[1]]}')
    foreign = [target, *tmp_path.glob("empty*")]
    for one in (tmp_path / f"noise{ending}", tmp_path / f"title{ending}"):
        one.write_bytes(b"\xff\xfe\x00noise" if one.stem == "noise" else b"notes\n")
        foreign.append(one)
    for one in foreign:
        before = one.read_bytes()
        assert main(["export", str(path), "-o", str(one), "--overwrite"]) == 2
        said = capsys.readouterr().err
        assert (said.count("\n"), f"{one}: is no table of these results" in said) == (1, True)
        assert one.read_bytes() == before
    # A table of other columns of the file is one of these results.
    own = tmp_path / f"own{ending}"
    assert main(["export", str(path), "-o", str(own), "--variables", "interface_resistance,contact_field"]) == 0
    size = own.stat().st_size
    assert main(["export", str(path), "-o", str(own), "--overwrite"]) == 0
    assert own.stat().st_size > size


def test_unknown_names_are_one_line(path):
    with pytest.raises(StoreError, match="has no variable nonsense"):
        point_table(read_results(path), variables=["nonsense"])
    with pytest.raises(StoreError, match="has no profile of charge"):
        profile_table(read_results(path), variables=["charge"])


def test_open_results_speaks_the_units_of_tables(path):
    data = sc.open_results(path)
    si = sc.open_results(path, units="SI")
    # Without display units the nearest to 5 would silently be 5 m-3.
    assert float(data.sel(electrolyte_site_density=5.2, method="nearest").electrolyte_site_density) == pytest.approx(5)
    assert data.interface_resistance.attrs["units"] == "Ohm cm2"
    assert data.electrolyte_site_density.attrs["units"] == "nm-3"
    assert si.interface_resistance.attrs["units"] == "ohm m2"
    np.testing.assert_allclose(data.interface_resistance, 1e4 * si.interface_resistance, rtol=1e-15)
    profile = sc.open_results(path, group="profiles/electrolyte")
    assert profile.x.attrs["units"] == "nm"
    assert float(profile.x[-1]) == pytest.approx(30)
    with pytest.raises(StoreError, match="allowed: display, SI"):
        sc.open_results(path, units="cgs")


def test_axes_are_sorted_and_unique(path, tmp_path, capsys):
    assert read_results(path)["electrolyte_site_density"].tolist() == pytest.approx([5e27, 12e27, 19.7e27])
    twice = tmp_path / "twice.yaml"
    twice.write_text(CONFIG.replace("[298.15, 363.15]", "[298.15, 363.15, 298.15]"))
    assert main(["run", str(twice), "-o", str(tmp_path / "x.h5")]) == 2
    error = capsys.readouterr().err
    assert "sweep.temperature_K.2" in error
    assert "twice" in error.partition("temperature_K")[2]
