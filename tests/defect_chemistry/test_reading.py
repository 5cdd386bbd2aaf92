"""Readers of defect files: what they take, and the one line with its place that a broken file gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spacecharge.cli import main
from spacecharge.defect_chemistry import defects_of_mapping, equilibrium, lithium_from_name, read_defects
from spacecharge.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
LLZO = ROOT / "configs" / "data" / "t-LLZO"

NEW = """\
bandgap: 3.0
temperature: 500
nelect: 8
volume: 100
edos: [-2, -1, 0, 3, 4, 5]
dos: [1, 1, 1, 1, 1, 1]
defect_species:
  - name: v_Li
    nsites: 3
    charge_states:
      0: {charge: 0, energy: 2.9, degeneracy: 2}
      -1: {charge: -1, energy: 1.4, degeneracy: 1}
  - name: Li_i
    nsites: 2
    charge_states:
      1: {charge: 1, energy: -0.4, degeneracy: 1}
"""
OLD = """\
bandgap: 3.0
temperature: 500
nelect: 8
volume: 100
edos: [-2, -1, 0, 3, 4, 5]
dos: [1, 1, 1, 1, 1, 1]
defect_species:
  - v_Li:
      nsites: 3
      charge_states:
        0: {formation_energy: 2.9, degeneracy: 2}
        -1: {formation_energy: 1.4, degeneracy: 1}
  - Li_i:
      nsites: 2
      charge_states:
        1: {formation_energy: -0.4, degeneracy: 1}
"""
OWN = """\
cell_volume_A3: 100
temperature_K: 500
electrons: {band_gap_eV: 3.0, density_of_states: totdos.dat, electrons_per_cell: 8, quadrature: mid_gap}
species:
  v_Li: {sites_per_cell: 3, states: {0: {formation_energy_eV: 2.9, degeneracy: 2}, -1: {formation_energy_eV: 1.4}}}
  Li_i: {sites_per_cell: 2, lithium: 1, states: [{charge: 1, formation_energy_eV: -0.4}]}
"""
CSV = """\
# made by hand
species,charge,formation_energy_eV,sites_per_cell,degeneracy,lithium
v_Li,0,2.9,3,2,-1
v_Li,-1,1.4,3,1,-1
Li_i,1,-0.4,2,1,1
"""
FERMI = """\
# SC-Fermi
1
8
3.0
500
2
v_Li 2 3
0 2.9 2
-1 1.4 1
Li_i 1 2
1 -0.4 1.0
"""
TOTDOS = "# energy states\n-2 1\n-1 1\n0 1\n3 1\n4 1\n5 1\n"
FILES = {"new.yaml": NEW, "old.yaml": OLD, "own.yaml": OWN, "table.csv": CSV, "input-fermi.dat": FERMI}
GIVEN: dict[str, dict[str, Any]] = {
    "table.csv": {
        "cell_volume_A3": 100.0, "temperature_K": 500.0, "band_gap_eV": 3.0, "electrons_per_cell": 8.0,
        "quadrature": "mid_gap",
    },
    "input-fermi.dat": {"quadrature": "mid_gap"},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "totdos.dat").write_text(TOTDOS)
    (tmp_path / "unitcell.dat").write_text("# scale\n2\n# vectors\n2.5 0 0\n0 2.5 0\n0 0 2\n")
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_every_format_says_the_same(name: str, folder: Path) -> None:
    """The same material five times; the closed form of its pair: c = sqrt(6)/V exp(-1.0 eV/2kT), to what p adds."""
    options = dict(GIVEN.get(name, {}))
    if name == "table.csv":
        options["density_of_states"] = str(folder / "totdos.dat")
    system = read_defects(folder / name, **options)
    assert system.cell_volume_A3 == pytest.approx(100.0)
    result = equilibrium(system)
    pair = np.sqrt(6.0) / 1e-22 * np.exp(-0.5 * 1.0 / (8.617333262e-5 * 500.0))
    assert result.concentration_per_cm3("Li_i") == pytest.approx(pair, rel=1e-4)
    assert [d.lithium_count for d in system.defects] == [-1.0, 1.0]
    reference = equilibrium(read_defects(folder / "new.yaml"))
    assert result.fermi_level_eV == pytest.approx(reference.fermi_level_eV, abs=1e-13)
    assert result.electrons_per_cm3 == pytest.approx(reference.electrons_per_cm3, rel=1e-12)


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_with_other_delimiters_and_decimal_commas(delimiter: str, encoding: str, folder: Path) -> None:
    text = (folder / "table.csv").read_text()
    other = folder / f"other_{encoding}_{ord(delimiter)}.csv"
    other.write_text(text.replace(",", delimiter).replace(".", ","), encoding=encoding)
    options = dict(GIVEN["table.csv"], density_of_states=str(folder / "totdos.dat"))
    one, same = (equilibrium(read_defects(folder / name, **options)) for name in ("table.csv", other.name))
    assert one.fermi_level_eV == same.fermi_level_eV


def test_a_huge_cell_is_one_line(folder: Path) -> None:
    (folder / "huge.csv").write_text((folder / "table.csv").read_text() + '"' + "x" * 140_000 + '",1\n')
    options = dict(GIVEN["table.csv"], density_of_states=str(folder / "totdos.dat"))
    with pytest.raises(ConfigError, match="a cell has more than 100000 characters"):
        read_defects(folder / "huge.csv", **options)


def test_a_mapping_of_python_is_read_like_a_file(folder: Path) -> None:
    data = {
        "cell_volume_A3": 100.0,
        "species": {
            "v_Li": {"sites_per_cell": 3, "states": {-1: {"formation_energy_eV": 1.4}}},
            "Li_i": {"sites_per_cell": 2, "states": {1: {"formation_energy_eV": -0.4}}},
        },
    }
    result = equilibrium(defects_of_mapping(data), temperature_K=500.0)
    assert result.concentration_per_cm3("Li_i") == pytest.approx(
        np.sqrt(6.0) / 1e-22 * np.exp(-0.5 / (8.617333262e-5 * 500.0)), rel=1e-8
    )
    with pytest.raises(ConfigError, match=r"species\.v_Li\.sites_per_cell: -3 is out of range"):
        defects_of_mapping({**data, "species": {"v_Li": {**data["species"]["v_Li"], "sites_per_cell": -3}}})  # type: ignore[index]  # a plain nested dict


def test_what_stands_beside_a_path_wins_over_the_file() -> None:
    system = read_defects(LLZO / "defects.yaml")
    assert system.cell_volume_A3 == 1056.622886
    assert system.fixed_charges[0].concentration_per_cm3 == 0.0
    assert system.temperature_K == 1400.0


@pytest.mark.parametrize(
    ("name", "count"),
    [("v_Li", -1), ("V_Li", -1), ("Li_i", 1), ("Zr_Li_tet", -1), ("Li_La", 1), ("v_O", 0), ("dopant", None)],
)
def test_names_say_how_much_lithium(name: str, count: float | None) -> None:
    assert lithium_from_name(name) == count


# name: (file, what is replaced, by what, file:position of the line, what it says)
BROKEN: dict[str, tuple[str, str, str, str, str]] = {
    "missing charge, new shape": (
        "new.yaml", "{charge: -1, energy: 1.4", "{energy: 1.4", "new.yaml:12", "the charge is missing",
    ),
    "charge against its key": (
        "new.yaml", "{charge: -1, energy", "{charge: 1, energy", "new.yaml:12:20", "stands under the key -1",
    ),
    "key that is no charge, old shape": ("old.yaml", "-1: {form", "minus: {form", "old.yaml:12", "charge"),
    "negative sites, new shape": ("new.yaml", "nsites: 3", "nsites: -3", "new.yaml:9:13", "-3 is out of range"),
    "no sites": ("old.yaml", "      nsites: 3\n", "", "old.yaml:8", "v_Li: nsites is missing"),
    "energy as a list": (
        "new.yaml", "energy: 1.4", "energy: [1.4, 1.5]", "new.yaml:12:32", "one number [eV] is needed, got [1.4, 1.5]",
    ),
    "energies as one list": (
        "new.yaml", "-1: {charge: -1, energy: 1.4, degeneracy: 1}", "-1: [1.4, 1]", "new.yaml:12",
        "a mapping with energy and degeneracy is needed",
    ),
    "states as a list": (
        "old.yaml", "      charge_states:\n        1: {formation_energy: -0.4, degeneracy: 1}",
        "      charge_states: [-0.4, 0.2]", "old.yaml:15", "a mapping of charge states is needed",
    ),
    "energy as text": ("new.yaml", "energy: 1.4", "energy: low", "new.yaml:12:32", "got 'low'"),
    "two shapes in one file": (
        "new.yaml", "1: {charge: 1, energy: -0.4", "1: {formation_energy: -0.4", "new.yaml:16",
        "two shapes are mixed: formation_energy here, charge and energy in defect_species.0.charge_states.0",
    ),
    "two shapes in one state": (
        "new.yaml", "energy: 1.4,", "formation_energy: 1.4,", "new.yaml:12", "two shapes are mixed",
    ),
    "density of states that is no list of numbers": (
        "new.yaml", "dos: [1, 1, 1, 1, 1, 1]\nd", "dos: [1, 1, x, 1, 1, 1]\nd", "new.yaml:6", "entry 3 is 'x'",
    ),
    "densities of two lengths": (
        "new.yaml", "dos: [1, 1, 1, 1, 1, 1]\nd", "dos: [1, 1, 1]\nd", "new.yaml:5", "need one shape",
    ),
    "energies that do not rise": (
        "new.yaml", "edos: [-2, -1, 0", "edos: [-2, -1, -1", "new.yaml:5", "energies must rise, entry 3",
    ),
    "density of states without the gap": ("new.yaml", "bandgap: 3.0", "bandgap: 6.0", "new.yaml:5", "must hold 0"),
    "gap as text": ("new.yaml", "bandgap: 3.0", "bandgap: wide", "new.yaml:1:10", "got 'wide'"),
    "unknown key": ("new.yaml", "degeneracy: 2", "degenracy: 2", "new.yaml:11", "nearest: degeneracy"),
    "no volume": ("new.yaml", "volume: 100\n", "", "new.yaml", "cell_volume_A3"),
    "own, charge missing": ("own.yaml", "[{charge: 1, f", "[{f", "own.yaml:6", "the charge is missing"),
    "own, negative sites": ("own.yaml", "sites_per_cell: 3", "sites_per_cell: -3", "own.yaml:5:26", "out of range"),
    "own, energies in the wrong shape": (
        "own.yaml", "-1: {formation_energy_eV: 1.4}", "-1: 1.4", "own.yaml:5", "unknown key",
    ),
    "own, unknown key": ("own.yaml", "cell_volume_A3", "cell_volume_nm3", "own.yaml:1:1", "nearest: cell_volume_A3"),
    "csv, no charge column": (
        "table.csv", "species,charge,", "species,", "table.csv:2:1", "the column charge is missing",
    ),
    "csv, empty charge": ("table.csv", "v_Li,-1,", "v_Li,,", "table.csv:4:1", "a charge is needed"),
    "csv, negative sites": ("table.csv", "Li_i,1,-0.4,2", "Li_i,1,-0.4,-2", "table.csv:5:1", "-2 is out of range"),
    "csv, energy is text": ("table.csv", "v_Li,-1,1.4", "v_Li,-1,low", "table.csv:4:1", "got 'low'"),
    "csv, short line": ("table.csv", "v_Li,-1,1.4,3,1,-1", "v_Li,-1,1.4", "table.csv:4:1", "3 columns"),
    "csv, sites change": ("table.csv", "v_Li,-1,1.4,3", "v_Li,-1,1.4,4", "table.csv:4:1", "sites_per_cell 4, but 3"),
    "fermi, missing charge": ("input-fermi.dat", "-1 1.4 1", "1.4 1", "input-fermi.dat:9:1", "needs 3 words"),
    "fermi, too few states": ("input-fermi.dat", "-1 1.4 1\n", "", "input-fermi.dat:9:1", "2 were announced in line 7"),
    "fermi, negative sites": ("input-fermi.dat", "v_Li 2 3", "v_Li 2 -3", "input-fermi.dat:7:1", "-3 is out of range"),
    "fermi, energy is text": ("input-fermi.dat", "-1 1.4 1", "-1 low 1", "input-fermi.dat:9:1", "got 'low'"),
    "fermi, ends early": ("input-fermi.dat", "1 -0.4 1.0\n", "", "input-fermi.dat:10:1", "the file ends where"),
    "fermi, fraction of a charge": ("input-fermi.dat", "-1 1.4 1", "-1.5 1.4 1", "input-fermi.dat:9:1", "whole"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_get_one_line_with_their_place(
    case: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, old, new, place, words = BROKEN[case]
    text = FILES[name]
    assert text.count(old) == 1, old
    (folder / name).write_text(text.replace(old, new))
    arguments = ["--cell-volume-A3", "100"] if name == "table.csv" else []
    assert main(["defects", str(folder / name), *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(str(folder / place) + ":"), lines
    assert words in lines[0], lines


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("-2 1\n-1 one\n0 1\n3 1\n4 1\n", "totdos.dat:2:1", "numbers are needed, got '-1 one'"),
        ("-2 1\n-1 1 1\n0 1\n3 1\n4 1\n", "totdos.dat:2:1", "3 columns, the lines before have 2"),
        ("-2 1\n-2 1\n0 1\n3 1\n4 1\n", "totdos.dat:2:1", "energies must rise"),
        ("-2\n0\n4\n", "totdos.dat:1:1", "2 columns"),
        ("", "totdos.dat", "holds no density of states"),
        ("-2 0\n0 0\n4 0\n", "totdos.dat", "no states below the gap"),
        ("1 1\n2 1\n4 1\n", "totdos.dat", "it must hold 0 (valence band edge)"),
    ],
)
def test_an_unreadable_density_of_states_is_named_with_its_line(
    text: str, place: str, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "totdos.dat").write_text(text)
    assert main(["defects", str(folder / "input-fermi.dat")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(str(folder / place)), lines
    assert words in lines[0]


def test_the_command_prints_numbers_and_draws(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["defects", str(folder / "new.yaml"), "--json", "--temperature-K", "600"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["temperature_K"] == 600.0
    assert set(result["concentrations_per_cm3"]) == {"v_Li", "Li_i"}
    figure = folder / "scan.png"
    arguments = ["defects", str(folder / "new.yaml"), "--against", "temperature_K=300:900:7", "-o", str(figure)]
    assert main(arguments) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 8
    assert figure.stat().st_size > 10_000
    assert main(arguments) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["defects", str(folder / "new.yaml"), "--against", "pressure=1:2"]) == 2
    assert "no such axis" in capsys.readouterr().err


def test_points_of_a_scan_without_an_equilibrium_are_rows_with_a_reason(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "donor.csv").write_text(
        "species,charge,formation_energy_eV,sites_per_cell\nD,1,1.0,1\n",
    )
    code = main(
        ["defects", str(folder / "donor.csv"), "--cell-volume-A3", "100", "--against", "temperature_K=300:400:2"]
    )
    assert code == 1
    assert capsys.readouterr().out.count("no Fermi level makes it neutral") == 2


def test_a_scan_of_potentials_without_a_reference_is_refused_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(folder / "new.yaml")
    assert main(["defects", file, "--against", "potential_V=0:4"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("--reference-potential-V"), len(err.splitlines())) == ("", 1, 1)
    # Asked where the energies were computed, they are what they are: exp[-dn e (U - U_ref)/kT] is 1.
    given = ["--reference-potential-V", "2", "--json"]
    assert main(["defects", file, "--potential-V", "2", *given]) == 0
    at_reference = json.loads(capsys.readouterr().out)["concentrations_per_cm3"]
    assert main(["defects", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["concentrations_per_cm3"] == at_reference


def test_what_is_left_out_or_lacking_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pair.csv").write_text(
        "species,charge,formation_energy_eV,sites_per_cell\nv_Li,-1,1.4,3\nLi_i,1,-0.4,2\n"
    )
    assert main(["defects", str(folder / "pair.csv")]) == 2
    assert "--cell-volume-A3" in capsys.readouterr().err
    command = ["defects", str(folder / "pair.csv"), "--cell-volume-A3", "100", "--temperature-K", "500"]
    assert main([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    # A Schottky-like pair alone: c = sqrt(N1 N2) exp[-(E1 + E2)/2kT], 100 A3 = 1e-22 cm3.
    expected = np.sqrt(3.0 * 2.0) * 1e22 * np.exp(-0.5 / (8.617333262e-5 * 500.0))
    assert result["concentrations_per_cm3"]["v_Li"] == pytest.approx(expected, rel=1e-8)
    assert [note for note in result["notes"] if note.startswith("without electrons and holes")] == result["notes"]
    assert main(["defects", str(folder / "new.yaml"), "--json"]) == 0
    assert not any("without electrons" in note for note in json.loads(capsys.readouterr().out)["notes"])
