"""Slopes beside swept materials are those of each material; where an activation energy is left out, words say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.config import parse_config
from spacecharge.constants import BOLTZMANN_EV
from spacecharge.store import read_results
from spacecharge.sweeping import in_memory, make_task

STEP, MIDDLE = 0.5, 300.0
AROUND = f"  temperature_K: [{MIDDLE - STEP}, {MIDDLE}, {MIDDLE + STEP}]\n"
CONTACT = """layers:
  electrode: {material: LixV2O5, potential_V: 2.6, thickness_nm: 20}
  electrolyte: {material: LAGP, thickness_nm: 20}
contacts:
  - charge_transfer: {rate_constant_per_m2_s: 2.0e+20, activation_energy_eV: 0.3}
solver: {tolerance_V: 1.0e-10}
"""
BOUNDARY = """layers:
  left: {material: LAGP, thickness_nm: 20, grain_size_nm: 500}
  right: {material: LAGP, thickness_nm: 20}
contacts:
  - sites:
      of: left
      density_per_nm2: 0.2
      segregation_energy_eV: -0.05
      background: {charge_e_per_nm2: -0.1}
solver: {tolerance_V: 1.0e-10}
"""
BOTH = "  electrolyte.material: [LAGP, LLZO]\n"


def swept(text: str):
    """Return the table of a configuration, solved in memory."""
    return in_memory._evaluated(make_task(parse_config(text)), 1)


def slope(values, at) -> float:
    """Return d ln(values)/d(1/kT) over three temperatures, central."""
    return float((np.log(values[2]) - np.log(values[0])) / (1.0 / at[2] - 1.0 / at[0]) * BOLTZMANN_EV)


def test_activation_energies_of_charge_transfer_beside_swept_materials() -> None:
    table = swept(f"{CONTACT}sweep:\n{BOTH}{AROUND}")
    at = table["temperature"]
    for k in range(2):
        exchange = table["exchange_current_density"][k, :, 0]
        assert table["apparent_activation_energy"][k, 1, 0] == pytest.approx(-slope(exchange, at), abs=2e-6)


def test_activation_energies_of_boundaries_beside_swept_materials() -> None:
    six = "[LAGP, LAGP, LAGP, LLZO, LLZO, LLZO]"
    zipped = f"  mode: zip\n  left.material: {six}\n  right.material: {six}\n"
    zipped += "  temperature_K: [299.5, 300, 300.5, 299.5, 300, 300.5]\n"
    table = swept(f"{BOUNDARY}sweep:\n{zipped}")
    at = table["temperature"]
    for part in (slice(0, 3), slice(3, 6)):
        boundary, bulk = table["grain_boundary_resistance"][part], table["total_conductivity"][part, 0]
        assert table["grain_boundary_activation_energy"][part][1] == pytest.approx(slope(boundary, at[part]), abs=2e-6)
        energies = table["total_conductivity_activation_energy"][part, 0]
        assert energies[1] == pytest.approx(-slope(bulk, at[part]), abs=2e-6)


def test_activation_energies_of_arcs_beside_swept_materials() -> None:
    spectrum = "impedance: {frequency_Hz: [1, 1.0e+3], arcs: true}\n"
    # At 1e-8 V as at 1e-10 both differ by 3e-8 eV, the square of the step; the matrices have half as many rows.
    contact = CONTACT.replace("1.0e-10", "1.0e-8")
    table = swept(f"{contact}{spectrum}sweep:\n{BOTH}{AROUND}")
    at = table["temperature"]
    for k in range(2):
        resistances = table["arc_resistance"][k, :, 0] / at
        assert table["arc_activation_energy"][k, 1, 0] == pytest.approx(slope(resistances, at), abs=1e-5)


def test_the_differential_resistance_of_a_bias_beside_swept_materials() -> None:
    biases = np.array([0.0499, 0.05, 0.0501])
    table = swept(f"{CONTACT}sweep:\n{BOTH}  contacts.0.bias_V: {biases.tolist()}\n")
    for k in range(2):
        current = table["current_density"][k]
        resistance = table["differential_resistance"][k, 1]
        # In mV over mA/cm2 the tables show Ohm cm2.
        assert resistance == pytest.approx(1e3 * (biases[2] - biases[0]) / (current[2] - current[0]), rel=1e-4)


LOADED = BOUNDARY + "load: {current_density_mA_per_cm2: 0.1}\n"


def test_a_load_says_that_it_leaves_activation_energies_out(tmp_path: Path, capsys) -> None:
    config, path = tmp_path / "c.yaml", tmp_path / "out.h5"
    config.write_text(f"{LOADED}sweep: {{temperature_K: [300, 310]}}\n")
    assert main(["run", str(config), "-o", str(path), "--workers", "1"]) == 0
    words = "activation energies are slopes of the state at rest: the result has none beside a load"
    assert words in capsys.readouterr().err
    results = read_results(path)
    assert any(words in note for note in results.attributes["notes"])
    assert not any("activation_energy" in name for name in results.fields)
    assert main(["show", str(path)]) == 0
    assert f"note       {words}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        f"{LOADED}sweep: {{load.current_density_mA_per_cm2: [0.1, 0.2]}}\n",
        f"{BOUNDARY}sweep: {{temperature_K: [300, 310]}}\n",
        CONTACT.split("contacts")[0] + "load: {voltage_V: 0.1}\nsweep: {temperature_K: [300, 310]}\n",
    ],
)
def test_nothing_is_said_where_nothing_is_left_out(text: str) -> None:
    assert parse_config(text).notes == ()


def test_arcs_about_a_bias_have_no_activation_energy_and_say_so() -> None:
    text = CONTACT.replace("charge_transfer", "bias_V: 0.05\n    charge_transfer")
    text += "impedance: {frequency_Hz: [1, 1.0e+3], arcs: true}\nsweep: {temperature_K: [300, 310]}\n"
    (note,) = parse_config(text).notes
    assert note.startswith("activation energies of arcs are slopes of the state at rest")
    assert "arc_activation_energy" not in [v.name for v in make_task(parse_config(text)).layout.variables]


def test_notes_about_a_table_of_points_are_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("electrode.potential_V;temperature_K\n2,6;300\n2,7;310\n")
    config = tmp_path / "c.yaml"
    config.write_text(CONTACT + "sweep: {points: points.csv}\n")
    loaded = sc.load_config(config)
    (note,) = [line for line in loaded.notes if "decimal commas" in line]
    assert note in make_task(loaded).layout.attributes["notes"]
