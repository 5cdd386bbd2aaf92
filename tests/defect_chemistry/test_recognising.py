"""Formats are told by what stands in a file, whatever its name: the right reader, or one line naming what was found."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from spacecharge.cli import main
from spacecharge.defect_chemistry import equilibrium, read_defects
from spacecharge.errors import ConfigError

from .test_reading import CSV, FERMI, FILES, GIVEN, NEW, OLD, OWN, TOTDOS

JSON_OF_OURS = """\
{"cell_volume_A3": 100, "temperature_K": 500,
 "species": {"v_Li": {"sites_per_cell": 3, "states": {"0": {"formation_energy_eV": 2.9, "degeneracy": 2},
                                                      "-1": {"formation_energy_eV": 1.4}}},
             "Li_i": {"sites_per_cell": 2, "states": [{"charge": 1, "formation_energy_eV": -0.4}]}}}
"""
# How doped and pymatgen write their objects, cut to the head.
DOPED = (
    '{"@module": "doped.thermodynamics", "@class": "DefectThermodynamics", "defect_entries": [{"defect": '
    '{"@module": "doped.core", "@class": "Vacancy", "structure": {"@module": "pymatgen.core.structure"}}}]}'
)
SITES = "O -2 1.0e-9 Vo -0.3\nCe 4 1.2e-9 Gd 0.1\n"
CELL = "1.0\n5 0 0\n0 5 0\n0 0 4\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "totdos.dat").write_text(TOTDOS)
    (tmp_path / "unitcell.dat").write_text("2\n2.5 0 0\n0 2.5 0\n0 0 2\n")
    return tmp_path


@pytest.mark.parametrize("ending", [".yaml", ".csv", ".dat", ".json", ".txt", ""])
@pytest.mark.parametrize("name", FILES)
def test_the_name_of_a_file_plays_no_part(name: str, ending: str, folder: Path) -> None:
    options = dict(GIVEN.get(name, {}))
    if name == "table.csv":
        options["density_of_states"] = str(folder / "totdos.dat")
    (folder / f"x{ending}").write_text(FILES[name])
    (folder / name).write_text(FILES[name])
    if name == "input-fermi.dat":
        options["cell_volume_A3"] = 100.0
        options["density_of_states"] = str(folder / "totdos.dat")
    found, expected = (equilibrium(read_defects(folder / one, **options)) for one in (f"x{ending}", name))
    assert found.fermi_level_eV == expected.fermi_level_eV


def test_json_with_the_keys_of_the_yaml_is_read(folder: Path) -> None:
    (folder / "own.json").write_text(JSON_OF_OURS)
    (folder / "own.yaml").write_text(OWN)
    ours, same = read_defects(folder / "own.json"), read_defects(folder / "own.yaml")
    assert [d.states for d in ours.defects] == [d.states for d in same.defects]


def test_a_table_below_a_title_and_in_latin_1_is_read(folder: Path) -> None:
    titled = "Verteilung f\xfcr LLZO\n" + CSV.partition("\n")[2]
    (folder / "titled.dat").write_bytes(titled.encode("latin-1"))
    assert [d.name for d in read_defects(folder / "titled.dat", cell_volume_A3=100.0).defects] == ["v_Li", "Li_i"]


# What stands in the file, and what its one line says.
OTHERS: dict[str, tuple[str | bytes, str]] = {
    "doped, thermodynamics": (DOPED, "recognised as JSON of doped (DefectThermodynamics), which is not read; write"),
    "doped, entries by name": ('{"v_0": ' + DOPED.replace("DefectThermodynamics", "DefectEntry") + "}", "DefectEntry"),
    "doped, cut off": (DOPED[:150], "recognised as JSON of doped (DefectThermodynamics)"),
    "pymatgen": ('{"@module": "pymatgen.core.structure", "@class": "Structure"}', "JSON of pymatgen (Structure)"),
    "doped, table": ("Defect,q,dE_raw,dE_form\nv_Li,-1,2.1,1.4\n", "recognised as a table of doped; write"),
    "JSON, other keys": ('{"defects_list": [1, 2]}', "holds no defects: defect_species (py-sc-fermi) or species"),
    "JSON, a list": ('[{"species": "v_Li", "charge": -1}]', "recognised as a JSON list"),
    "JSON, cut off": (JSON_OF_OURS[:120], "x.any:2:75: is no YAML"),
    "packed yaml": (gzip.compress(NEW.encode(), mtime=0), "recognised as packed with gzip: unpack it first"),
    "packed, cut off": (gzip.compress(FERMI.encode(), mtime=0)[:20], "recognised as packed with gzip"),
    "spreadsheet": (b"PK\x03\x04\x14\x00\x06\x00", "save the table as CSV"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "recognised as HDF5"),
    "zero byte": (b"1\n8\n\x003.0\n", "it holds a zero byte"),
    "empty": ("", "is empty"),
    "comments only": ("# SC-Fermi\n\n", "holds comments only"),
    "vasprun": ('<?xml version="1.0"?>\n<modeling>\n', "recognised as a vasprun.xml"),
    "density of states": (TOTDOS, "recognised as a density of states"),
    "cell": (CELL, "recognised as a cell (unitcell.dat)"),
    "POSCAR": ("LLZO\n" + CELL + "Li O\n1 1\n", "recognised as a cell (POSCAR)"),
    "site file": (SITES, "recognised as a site file of lattice planes"),
    "table without header": (CSV.split("\n", 2)[2], "recognised as a table without a header"),
    "table of other columns": ("name,q,E,n\nv_Li,x,y,z\n", "recognised as a table with the columns name, q, E, n"),
    "prose": ("Dear colleague\nattached the energies\n", "not recognised as defects, begins with 'Dear colleague'"),
    "configuration in a path": ("path: conf.yaml\n", "holds no defects: defect_species (py-sc-fermi) or species"),
    "path to itself": ("path: x.any\n", "x.any leads back to itself"),
    "yaml, cut off": (NEW[: NEW.index("degeneracy: 1}") - 5], "x.any:"),
    "old shape with own key": (OLD.replace("formation_energy: 1.4", "formation_energy_eV: 1.4"), "formation_energy_eV"),
    "own with a key of py-sc-fermi": (OWN + "volume: 100\n", "unknown key"),
    "fermi, then table": (FERMI + CSV.split("\n", 1)[1], "number of frozen defects: a whole number is needed"),
    "fermi, cut off": (FERMI[:60], "the file ends where"),
    "fermi, wrong spin": (FERMI.replace("# SC-Fermi\n1\n", "3\n"), "spin polarisation: allowed: 1 or 2"),
    "table, no sites": (CSV.replace("sites_per_cell", "nsites"), "the column sites_per_cell is missing"),
    "table, no charge": (CSV.replace("charge", "q", 1), "the column charge is missing"),
}  # fmt: skip


@pytest.mark.parametrize("ending", ["any", "csv", "yaml"])
@pytest.mark.parametrize("case", OTHERS)
def test_what_is_no_file_of_defects_is_named_in_one_line(
    case: str, ending: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, words = OTHERS[case]
    raw = content if isinstance(content, bytes) else content.replace("x.any", f"x.{ending}").encode()
    file = folder / f"x.{ending}"
    file.write_bytes(raw)
    (folder / "conf.yaml").write_text("layers: {a: {thickness_nm: 10}}\n")
    assert main(["defects", str(file), "--cell-volume-A3", "100"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert words.replace("x.any", f"x.{ending}") in lines[0], lines
    assert len(lines) == 1, lines


def test_missing_files_and_folders_are_one_line(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.json: no such file"):
        read_defects(folder / "nothing.json")
    with pytest.raises(ConfigError, match="is a directory"):
        read_defects(folder)


@pytest.mark.parametrize("raw", [gzip.compress(TOTDOS.encode(), mtime=0), b"<modeling/>", DOPED.encode(), b"\xff\x00"])
def test_a_density_of_states_that_is_none_is_one_line(
    raw: bytes, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "totdos.dat").write_bytes(raw)
    (folder / "input-fermi.dat").write_text(FERMI)
    assert main(["defects", str(folder / "input-fermi.dat")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert "totdos.dat" in lines[0]
