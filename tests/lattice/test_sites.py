"""Files of sites: what is read, and what broken lines are told, with file and line, never a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spacecharge as sc
from spacecharge.lattice import Site, read_sites
from spacecharge.lattice.sites import plane_positions

from .ceria import SITES, ceria

GOOD = "O -2 0.0 Vo 0.1\nO -2 0.0 Vo 0.1\n\n# a comment\nCe +4 1e-10 Gd -0.2 Y 0.3  # and one here\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "sites.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(sc.ConfigError) as caught:
        read_sites(path)
    return caught.value.problems


def test_repeated_lines_are_multiplicity(tmp_path: Path) -> None:
    sites = read_sites(write(tmp_path, GOOD))
    assert sites.items == (
        Site("O", -2.0, 0.0, (("Vo", 0.1),), 2),
        Site("Ce", 4.0, 1e-10, (("Gd", -0.2), ("Y", 0.3)), 1),
    )
    assert sites.labels == ("O", "Ce")
    assert sites.defects == ("Vo", "Gd", "Y")


def test_the_shipped_file_has_its_licence_and_all_its_lines() -> None:
    text = SITES.read_text(encoding="utf-8")
    assert "Permission is hereby granted" in text
    assert "10.21105/joss.01209" in text
    sites = read_sites(SITES)
    assert sum(site.count for site in sites.items) == 2402
    assert len({site.x for site in sites.items}) == 600


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("O", r"1 columns, site_charge is missing; each line must hold site_label site_charge x_m defect E_seg_eV"),
        ("O -2", r"2 columns, x_m is missing"),
        ("O -2 0", r"3 columns, defect is missing"),
        ("O -2 0 Vo", r"4 columns, E_seg_eV is missing"),
        ("O -2 0 Vo 0.1 Y", r"E_seg_eV of defect 'Y' is missing; defects and energies come in pairs"),
        ("O two 0 Vo 0.1", r"site_charge is 'two', a finite number is needed"),
        ("O -2 nan Vo 0.1", r"x_m is 'nan', a finite number is needed; positions are in metres"),
        ("O -2 1.5 Vo 0.1", r"x_m 1.5 is out of range \(allowed: -0.0001 to 0.0001\); positions are in metres"),
        ("O -2 0 Vo inf", r"E_seg_eV of defect 'Vo' is 'inf'"),
        ("O -2 0 Vo 1e-9d", r"E_seg_eV of defect 'Vo' is '1e-9d'"),
        ("O -2 0 Vo 99", r"E_seg_eV of defect 'Vo' 99 is out of range \(allowed: -50 to 50\)"),
        ("O 200 0 Vo 0", r"site_charge 200 is out of range \(allowed: -20 to 20\)"),
        ("O -2 0 Vo 0.1 Vo 0.2", r"defect 'Vo' stands there twice; name each defect of a site once"),
        ("O -2 0 0.1 Vo", r"defect '0.1' is a number; each line must hold"),
        ("-2 -2 0 Vo 0.1", r"site_label '-2' is a number; each line must hold"),
        ("O -2 1_0e-9 Vo 0.1", r"x_m is '1_0e-9', a finite number is needed"),
        ("-2 1e-10 Vo 0.1", r"4 columns, site_label is missing"),
        ("O 1e-10 Vo 0.1", r"4 columns, site_charge or x_m is missing"),
        ("O -2 1e-10 0.1", r"4 columns, defect is missing"),
        ("O -2 1e-10 1e-10 Vo 0.1", r"defect '1e-10' is a number; each line must hold"),
        # A number too many shifts names and energies against each other from there on.
        ("O -2 0 Vo 0.1 0.2", r"defect '0.2' is a number; each line must hold"),
        ("O -2 0 Vo -72.4", r"E_seg_eV of defect 'Vo' -72.4 is out of range .*; energies are in eV \(1 kJ/mol is"),
        ("O -2 0 Vo nan", r"E_seg_eV of defect 'Vo' is 'nan', a finite number is needed; energies are in eV"),
    ],
)
def test_each_broken_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = write(tmp_path, f"O -2 0.0 Vo 0.1\n{line}\n")
    found = problems(path)
    assert any(re.match(rf"{re.escape(str(path))}:2: {said}", line) for line in found), found


def test_every_broken_line_is_told_at_once(tmp_path: Path) -> None:
    found = problems(write(tmp_path, "O -2\nO -2 0 Vo 0\nO x y Vo z\n"))
    assert [re.search(r":(\d+): ", line)[1] for line in found] == ["1", "3", "3", "3"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "is no text in UTF-8; save the site file as plain text"),
        (b"", "no site in the file; each line must hold"),
        (b"# nothing\n\n", "no site in the file"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, said: str) -> None:
    (found,) = problems(write(tmp_path, content))
    assert said in found


@pytest.mark.parametrize(
    ("first", "rest", "said"),
    [
        ("site_label site_charge x_m defect E_seg_eV", GOOD, "titles of columns"),
        ("Defect E_seg_eV X_M Site_Label Site_Charge", GOOD, "titles of columns"),
        ("label,charge,x,defect,energy", "", "columns are separated by commas; separate them by blanks"),
        ("O,-2,0.0,Vo,0.1", "O,-2,1e-10,Vo,0.1\n" * 50, "columns are separated by commas"),
        ("O, -2, 0.0, Vo, 0.1", "O, -2, 1e-10, Vo, 0.1\n" * 50, "columns are separated by commas"),
        ("O;-2;0.0;Vo;0.1", "O;-2;1e-10;Vo;0.1\n" * 50, "columns are separated by semicolons"),
    ],
)
def test_another_kind_of_table_is_one_line(tmp_path: Path, first: str, rest: str, said: str) -> None:
    """Not one line for each of its rows, and none that takes a title for a charge."""
    path = write(tmp_path, f"# sites\n{first}\n{rest}")
    (found,) = problems(path)
    assert found.startswith(f"{path}:2: {said}") and "site_label site_charge x_m defect E_seg_eV" in found


def test_what_programs_put_around_lines_is_no_part_of_them(tmp_path: Path) -> None:
    """A byte order mark was part of the first label; old line ends made one line of all."""
    lines = ["O -2 2e-10 Vo 0.1", "O\t-2\t0.0\tVo\t0.1"]
    expected = read_sites(write(tmp_path, "\n".join(lines))).items
    assert [site.x for site in expected] == [0.0, 2e-10] and {site.label for site in expected} == {"O"}
    for end in ("\r\n", "\r"):
        assert read_sites(write(tmp_path, "\ufeff" + end.join(lines))).items == expected


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.txt", tmp_path):
        (found,) = problems(path)
        assert "cannot be read" in found


MUTANTS = st.lists(
    st.tuples(
        st.sampled_from(["drop", "swap", "double", "replace", "cut", "noise"]),
        st.integers(0, 39),
        st.integers(0, 4),
        st.sampled_from(["", "nan", "1e999", "-", "Vo", "0x10", "½", "\x00", "1,5", "-2.5", "9" * 400, "é", "\u2028"]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=MUTANTS)
def test_mutants_are_read_or_told_with_their_line(tmp_path: Path, changes: list[tuple[str, int, int, str]]) -> None:
    rows = [line.split(" ") for line in SITES.read_text(encoding="utf-8").splitlines() if line.startswith("O")][:40]
    for kind, line, column, text in changes:
        row = rows[line]
        column = min(column, len(row) - 1)
        if kind == "drop" and len(row) > 1:
            del row[column]
        elif kind == "swap":
            row[column], row[0] = row[0], row[column]
        elif kind == "double":
            row.insert(column, row[column])
        elif kind == "replace":
            row[column] = text
        elif kind == "cut":
            row[column] = row[column][: len(row[column]) // 2]
        else:
            row.append(text)
    path = write(tmp_path, "\n".join(" ".join(row) for row in rows))
    try:
        sites = read_sites(path)
    except sc.ConfigError as error:
        for line in error.problems:
            number = re.match(rf"{re.escape(str(path))}:(\d+): [^\n]+; ?[^\n]+$|{re.escape(str(path))}:(\d+): ", line)
            assert number, line
            assert 1 <= int(number[1] or number[2]) <= 40
            assert "\n" not in line
    else:
        assert sum(site.count for site in sites.items) <= 40
        assert all(np.isfinite([site.x, site.charge, *(e for _, e in site.defects)]).all() for site in sites.items)


def test_planes_merge_within_a_distance_of_their_first_site() -> None:
    x = np.array([0.0, 0.015e-9, 0.030e-9, 0.2e-9])
    positions, plane = plane_positions(x, np.array([1.0, 3.0, 1.0, 1.0]), 0.02e-9)
    assert plane.tolist() == [0, 0, 1, 2]
    assert positions == pytest.approx([0.01125e-9, 0.030e-9, 0.2e-9], rel=1e-12)
    assert plane_positions(x, np.ones(4), 0.0)[1].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"window_nm": (5.0, 5.1)}, "lattice.window_nm", "holds 1 planes, 3 are needed"),
        ({"window_nm": (5.0, -5.0)}, "lattice.window_nm", "must rise, got 5 to -5"),
        ({"bulk_nm": (20.0, 30.0)}, "lattice.bulk_nm", "needs three planes"),
        ({"bulk_nm": (20.0, 30.0), "closure": "neutral"}, "lattice.bulk_nm", "holds no plane"),
        ({"window_nm": None}, "lattice.window_nm", "leave one plane before it and two after it"),
        ({"boundary": "open"}, "lattice.boundary", "'open' is not known (allowed: periodic, bulk)"),
        ({"boundary": "bulk"}, "lattice.closure", "a uniform background closes a periodic cell"),
        ({"closure": "charged"}, "lattice.closure", "allowed: neutral, uniform_background"),
        ({"permittivity": 0.5}, "lattice.permittivity", "0.5 is out of range (allowed: 1 to 1e+07)"),
        ({"temperature_K": float("nan")}, "temperature_K", "out of range"),
        ({"site_charges": 1}, "lattice.site_charges", "allowed: true, false"),
        ({"conductivity_S_per_m": {"at_K": 300.0}}, "lattice.conductivity_S_per_m.value", "needed"),
        ({"sites": 3}, "lattice.sites", "the path of a file of sites is needed"),
        ({"species": {}}, "lattice.species", "at least one species is needed"),
    ],
)
def test_problems_that_cannot_be(changes: dict[str, object], path: str, said: str) -> None:
    with pytest.raises(sc.ModelError) as caught:
        sc.solve_lattice(ceria(**changes))
    assert caught.value.path == path
    assert said in caught.value.message


VO = {"site": "O", "charge_number": 2, "fraction": 0.05}
GD = {"site": "Ce", "charge_number": -1, "fraction": 0.2, "mobile": False}


@pytest.mark.parametrize(
    ("species", "path", "said"),
    [
        ({"Vo": VO}, "lattice.species", "lists the defect Gd: describe it here (fraction: 0 leaves it out)"),
        ({"Vo": VO, "Gd": GD, "Y": GD}, "lattice.species.Y", "no site of"),
        ({"Vo": {**VO, "site": "Ce"}, "Gd": GD}, "lattice.species.Vo.site", "has it on O"),
        ({"Vo": {**VO, "fraction": 1.0}, "Gd": GD}, "lattice.species.Vo.fraction", "allowed: 0 to 0.999999"),
        ({"Vo": {**VO, "charge_number": 0}, "Gd": GD}, "lattice.species.Vo.charge_number", "must carry charge"),
        ({"Vo": {**VO, "mobile": {"at": 1}}, "Gd": GD}, "lattice.species.Vo.mobile", "{frozen_at_K: temperature}"),
        ({"Vo": {**VO, "mobile": "yes"}, "Gd": GD}, "lattice.species.Vo.mobile", "allowed: true, false"),
        ({"Vo": {**VO, "mobile": False}, "Gd": GD}, "lattice.species", "one species must move"),
        ({"Vo": {"site": "O"}, "Gd": GD}, "lattice.species.Vo", "needs the keys site, charge_number, fraction"),
    ],
)
def test_species_that_do_not_fit_the_file(species: dict[str, object], path: str, said: str) -> None:
    with pytest.raises(sc.ModelError) as caught:
        ceria(species=species)
    assert caught.value.path == path
    assert said in caught.value.message
