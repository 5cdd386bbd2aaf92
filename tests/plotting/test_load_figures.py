"""Figures and tables of a sweep over a current: what a cell measures comes first, profiles show the space charge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.plotting.lines import plot_sweep
from spacecharge.plotting.profiles import plot_profiles
from spacecharge.report.view import View
from spacecharge.store.read import read_results

CURRENTS = [-10.0, 0.0, 0.3]
CONFIG = {
    "layers": {
        "electrode": {"material": "LixV2O5", "potential_V": 3.4, "thickness_nm": 30},
        "electrolyte": {"material": "LAGP", "thickness_nm": 30},
    },
    "contacts": [{"charge_transfer": {"rate_constant_per_m2_s": 1.98e20}}],
    "load": {"current_density_mA_per_cm2": 0.0},
    "sweep": {"load.current_density_mA_per_cm2": CURRENTS},
    "output": {"profiles": True},
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loads") / "out.h5"
    sc.run_sweep(sc.load_config(CONFIG), output=path, workers=1)
    return path


def test_a_sweep_over_a_current_shows_its_voltage(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = plot_sweep(View(read_results(swept)))
    measured, slope, drops, jumps = figure.axes[:4]
    assert [panel.get_ylabel().split(" (")[0] for panel in figure.axes[:4]] == [
        "Polarisation", "Differential resistance", "Voltage drop over layers", "Overpotential",
    ]  # fmt: skip
    law = sc.ChargeTransfer(rate_constant=1.98e20)
    stack = sc.load_config(CONFIG).base_stack
    states = [sc.steady_state(stack, current_density=10.0 * j, charge_transfer=law) for j in CURRENTS]
    x, y = measured.get_lines()[0].get_data()
    assert np.asarray(x, dtype=float) == pytest.approx(CURRENTS)
    assert np.asarray(y, dtype=float) == pytest.approx([state.voltage for state in states], abs=1e-12)
    total = sum(np.asarray(line.get_ydata(), dtype=float) for line in (*drops.get_lines()[:2], jumps.get_lines()[0]))
    assert total == pytest.approx(np.asarray(y, dtype=float), abs=1e-9)
    ohms = np.asarray(slope.get_lines()[0].get_ydata(), dtype=float)
    assert ohms == pytest.approx([1e4 * state.differential_resistance for state in states], rel=1e-9)
    assert main(["show", str(swept)]) == 0
    lines = capsys.readouterr().out.splitlines()
    header = next(line for line in lines if "dV/dJ" in line)
    assert header.split()[:2] == ["load_current_density", "polarisation"]


def test_profiles_show_the_space_charge_and_not_the_layer(swept: Path) -> None:
    """At -10 mA/cm2 the potential falls by 0.13 V over the 30 nm of the electrode; its space charge takes 0.8 nm."""
    figure = plot_profiles(View(read_results(swept)))
    low, high = figure.axes[0].get_xlim()
    assert -2.0 < low < -0.5
    assert 0.3 < high < 2.0
