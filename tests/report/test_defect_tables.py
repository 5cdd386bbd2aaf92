"""The table of a defect equilibrium: charge states as they are written."""

from __future__ import annotations

import json

import pytest

from spacecharge.cli import main

CHARGES = """species,charge,formation_energy_eV,sites_per_cell
D,1,0.9,1
D,0,0.8,1
A,-1,0.9,1
A,0,0.8,1
"""


def test_a_neutral_state_has_no_sign(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "neutral.csv"
    path.write_text(CHARGES)
    given = [str(path), "--cell-volume-A3", "100", "--temperature-K", "600"]
    assert main(["defects", *given]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    for name, charge in (("D", "+1"), ("A", "-1")):
        states = [part.split(" (")[0].split()[-1] for part in rows[name].split(", ")]
        assert sorted(states) == sorted(["0", charge])
    assert main(["defects", *given, "--json"]) == 0
    # Other programs find the key that they know.
    assert set(json.loads(capsys.readouterr().out)["states_per_cm3"]["D"]) == {"+1", "+0"}


def test_a_scan_with_rows_without_an_equilibrium_is_json(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "donor.csv"
    path.write_text("species,charge,formation_energy_eV,sites_per_cell\nD,1,1.0,1\n")
    against = ["--cell-volume-A3", "100", "--against", "temperature_K=300:400:2", "--json"]
    assert main(["defects", str(path), *against]) == 1

    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is no JSON")

    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert found["columns"]["fermi_level_eV"] == [None, None]
