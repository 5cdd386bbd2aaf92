"""What a cell reports: its voltage, its area, where the model is strained."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.codes import Validity
from spacecharge.report.strain import share_lines
from spacecharge.report.view import View
from spacecharge.store import read_results

CELL = """
layers:
  electrolyte: {material: LLZO, thickness_nm: 100, conductivity_mS_per_cm: 0.3, mobile_fraction: 0.12}
  cathode: {material: NMC811, composition: 0.5, thickness_nm: 30}
ends: {left: {potential_V: 0.1}}
sweep: {cathode.composition: [0.4, 0.5, 0.6]}
output: {resistance_of: [electrolyte]}
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(CELL)
    assert main(["run", "c.yaml", "-o", "r.h5"]) == 0
    return tmp_path / "r.h5"


def test_a_full_cell_reports_its_voltage(path):
    results = read_results(path)
    # The left electrode is a metal at 0.1 V, the right one lies at the potential of its composition.
    np.testing.assert_allclose(results["cell_voltage"], 0.1 - results["cathode_potential"], rtol=1e-13)


def test_half_a_cell_has_no_voltage():
    config = {
        "layers": {
            "e": {"material": "LLZO", "thickness_nm": 30},
            "c": {"material": "LCO", "potential_V": 4.0, "thickness_nm": 30},
        }
    }
    assert "cell_voltage" not in sc.sweep(sc.load_config(config), {}).names
    both = {"layers": {**config["layers"], "a": {"material": "graphite", "composition": 0.5, "thickness_nm": 30}}}
    both["layers"] = {k: both["layers"][k] for k in ("c", "e", "a")}
    table = sc.sweep(sc.load_config(both), {})
    graphite = sc.materials["graphite"].values["ocv"].value
    by_hand = 4.0 - np.interp(0.5, sorted(graphite["composition"]), sorted(graphite["potential_V"], reverse=True))
    # Linear instead of monotone cubic between the points of the table.
    assert float(table["cell_voltage"]) == pytest.approx(by_hand, abs=0.05)


def test_the_area_of_a_cell_turns_ohm_cm2_into_ohm(path, capsys):
    results = read_results(path)
    assert (
        main(
            ["export", str(path), "--area-cm2", "2.5", "--variables", "interface_resistance,charge,static_capacitance"]
        )
        == 0
    )
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    ohm = [float(row["interface_resistance (Ohm)"]) for row in rows]
    np.testing.assert_allclose(ohm, 1e4 * results["interface_resistance"] / 2.5, rtol=1e-14)
    charge = [float(row["charge[cathode] (uC)"]) for row in rows]
    np.testing.assert_allclose(charge, 1e6 * 2.5e-4 * results["charge"][:, 1], rtol=1e-14)
    assert main(["show", str(path), "--area-cm2", "2.5", "--select", "cathode_composition=0.5"]) == 0
    assert f"{ohm[1]:.5g} Ohm" in capsys.readouterr().out
    assert main(["show", str(path), "--area-cm2", "-1"]) == 2
    assert View(results, (), 1.0).variable("debye_length").display.text == "nm"


def test_run_show_and_figures_say_where_the_model_is_strained(path, capsys):
    flags = read_results(path)["validity"]
    assert np.all(flags & Validity.SHORT_DEBYE_LENGTH)
    assert main(["run", "c.yaml", "-o", "r.h5", "--overwrite"]) == 0
    assert "validity: Debye length under 0.2 nm at 100% of the points" in capsys.readouterr().err
    assert main(["show", str(path)]) == 0
    assert "Debye length under 0.2 nm at 100% of the points" in capsys.readouterr().out
    assert main(["plot", str(path), "-o", "r.svg"]) == 0
    assert "Debye length under 0.2 nm" in " ".join((path.parent / "r.svg").read_text().split())


def test_shares_count_solved_points_alone():
    assert share_lines(np.array([1, 1, 3, -1])) == [
        "Debye length under 0.2 nm at 100% of the points",
        "field over 1 V/nm at 33% of the points",
    ]
    assert share_lines(np.array([-1])) == []
