"""Charge transfer in sweeps: keys, variables in the file, swept numbers, rates from fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import ConfigError
from spacecharge.sweeping import make_task

from .cases import BASE, RATE, ROOM, WARM

LAYERS = """
layers:
  electrode: {material: LixV2O5, potential_V: 2.4, thickness_nm: 30}
  electrolyte: {material: LAGP, thickness_nm: 30}
output: {path: out.h5, resistance_of: [electrolyte]}
"""
CALIBRATED = """
contacts:
  - charge_transfer:
      calibrate:
        contact: electrode|electrolyte
        exchange_current_density_mA_per_cm2: 0.77
        at: {electrode.potential_V: 3.0}
      activation_energy_eV: 0.315
"""


def run(tmp_path: Path, text: str):
    """Run a configuration and return its data."""
    path = tmp_path / "config.yaml"
    path.write_text(text)
    report = sc.run_sweep(path, output=tmp_path / "out.h5", overwrite=True, workers=1)
    assert report.n_failed == 0
    return sc.open_results(report.path, units="SI")


def test_variables_of_the_file(tmp_path: Path) -> None:
    sweep = f"sweep:\n  electrode.potential_V: [3.0, 2.4, 3.4]\n  temperature_K: [{ROOM}, {WARM}]\n"
    # The file keeps its axes sorted.
    data = run(tmp_path, LAYERS + CALIBRATED + sweep).sel(electrode_potential=[3.0, 2.4, 3.4])
    current = data.exchange_current_density.values[..., 0]
    assert current[:, 0] / 7.7 == pytest.approx([1.0, 0.103, 0.123], abs=5e-4)
    # The parts of the total are what the file says they are.
    parts = data.charge_transfer_resistance.values[..., 0] + data.interface_resistance.values
    assert data.total_resistance.values == pytest.approx(parts, rel=1e-12)
    assert data.exchange_current_density.attrs["units"] == "A m-2"
    # The local slope of the Arrhenius plot lies around that of the line through both ends (it varies by 3 meV).
    line = sc.apparent_activation_energy(data.temperature.values, data.total_resistance.values.T)
    local = data.apparent_activation_energy.values[..., 0]
    assert local.mean(axis=1) == pytest.approx(line, abs=5e-4)


def test_local_activation_energy_is_the_derivative(tmp_path: Path) -> None:
    text = LAYERS + CALIBRATED + "solver: {tolerance_V: 1.0e-10}\n"
    middle = run(tmp_path, text + "sweep: {temperature_K: [300.0]}\n").apparent_activation_energy.values[0, 0]
    around = run(tmp_path, text + "sweep: {temperature_K: [299.0, 301.0]}\n")
    difference = sc.apparent_activation_energy([299.0, 301.0], around.charge_transfer_resistance.values[:, 0])
    assert middle == pytest.approx(float(difference), abs=1e-6)  # third derivative over one kelvin


def test_nothing_is_declared_without_a_law(tmp_path: Path) -> None:
    data = run(tmp_path, LAYERS)
    assert "exchange_current_density" not in data and "total_resistance" not in data


def test_added_resistance_and_swept_numbers_of_the_law(tmp_path: Path) -> None:
    base = "contacts: [{charge_transfer: {rate_constant_per_m2_s: 2.0e+20}}]\n"
    path = "contacts.0.charge_transfer."
    data = run(tmp_path, LAYERS + base + f"sweep: {{{path}grain_boundary_resistance_ohm_cm2: [0.0, 50.0]}}\n")
    total = data.total_resistance.values * 1e4
    assert total[1] - total[0] == pytest.approx(50.0, rel=1e-10)
    data = run(tmp_path, LAYERS + base + f"sweep: {{{path}symmetry_factor: [0.0, 0.5, 1.0]}}\n")
    low, middle, high = data.exchange_current_density.values[:, 0]
    assert middle == pytest.approx(np.sqrt(low * high), rel=1e-12)  # the geometric mean


def test_calibration_at_another_temperature(tmp_path: Path) -> None:
    warm = CALIBRATED.replace(
        "at: {electrode.potential_V: 3.0}", f"at: {{electrode.potential_V: 3.0}}\n        temperature_K: {WARM}"
    )
    data = run(tmp_path, LAYERS + warm + f"sweep:\n  electrode.potential_V: [3.0]\n  temperature_K: [{WARM}]\n")
    assert data.exchange_current_density.values.ravel() == pytest.approx([7.7], rel=1e-9)


def test_calibration_that_is_not_neutral_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(LAYERS + CALIBRATED.replace("        at: {electrode.potential_V: 3.0}\n", ""))
    with pytest.raises(ConfigError, match=r"contacts\.0\.charge_transfer: calibrate: .*not neutral"):
        make_task(sc.load_config(path))


def test_two_species_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        """
layers:
  a: {permittivity: 10, thickness_nm: 5, potential_V: 0,
      species: {Li: {site_density_per_nm3: 10, occupancy: 0.5}, V: {site_density_per_nm3: 10, occupancy: 0.5}}}
  b: {permittivity: 10, thickness_nm: 5, potential_V: 0, site_density_per_nm3: 10, occupancy: 0.5}
contacts: [{charge_transfer: {rate_constant_per_m2_s: 2.0e+20}}]
"""
    )
    with pytest.raises(ConfigError, match="one mobile species"):
        make_task(sc.load_config(path))


def test_law_from_a_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = tmp_path / "fit.yaml"
    fit.write_text(
        BASE.replace("output: {", "output: {path: unused.h5, ")
        + """
interfaces:
  neutral:
    at: {electrode.potential_V: 3.0}
    resistance_ohm_cm2: {value: 40.0, sigma: 2.0}
parameters:
"""
        + RATE
    )
    assert main(["fit", str(fit), "-o", str(tmp_path / "fit.h5"), "--quiet"]) == 0
    assert (tmp_path / "fit.png").stat().st_size > 10_000
    # show prints what fit printed.
    printed = capsys.readouterr().out
    assert main(["show", str(tmp_path / "fit.h5")]) == 0
    assert printed.splitlines()[1] in capsys.readouterr().out
    law = "contacts: [{charge_transfer: {from_fit: fit.h5}}]\n"
    data = run(tmp_path, LAYERS + law + "sweep: {electrode.potential_V: [3.0]}\n")
    assert data.total_resistance.values * 1e4 == pytest.approx([40.0], rel=1e-6)
    # Within its uncertainty: 5 % of R are 5 % of k0, up to the numbers of the fit being held.
    path = "contacts.0.charge_transfer.rate_constant_per_m2_s"
    sweep = f"sweep: {{electrode.potential_V: [3.0], {path}: {{within_sigma: 2, num: 3}}}}\n"
    band = run(tmp_path, LAYERS + law + sweep)
    assert band.contacts_0_charge_transfer_rate_constant.attrs["units"] == "m-2 s-1"
    assert band.total_resistance.values[0] * 1e4 == pytest.approx(40.0 * np.exp([0.1, 0.0, -0.1]), rel=1e-5)
    for key, message in (("symmetry_factor", "gives no error of it"), ("rate_constant", "names no number")):
        (tmp_path / "config.yaml").write_text(
            LAYERS + law + f"sweep: {{contacts.0.charge_transfer.{key}: {{within_sigma: 2, num: 3}}}}\n"
        )
        with pytest.raises(ConfigError, match=rf"config\.yaml:\d+:9: sweep\.contacts.*{message}"):
            make_task(sc.load_config(tmp_path / "config.yaml"))
    missing = LAYERS + "contacts: [{charge_transfer: {from_fit: fit.h5, parameter: k9}}]\n"
    (tmp_path / "config.yaml").write_text(missing)
    with pytest.raises(ConfigError, match="has no k9"):
        make_task(sc.load_config(tmp_path / "config.yaml"))
