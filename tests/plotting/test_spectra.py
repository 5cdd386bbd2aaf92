"""Nyquist and Bode of a result file: what is drawn is what the file holds, to one scale."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.plotting.figures import plot_file
from spacecharge.plotting.nyquist import plot_spectra
from spacecharge.report.view import View
from spacecharge.store.read import read_results


@pytest.fixture
def results(tmp_path):
    config = sc.load_config(
        {
            "layers": {"only": {"material": "LAGP", "thickness_nm": 20, "potential_V": 3.0}},
            "sweep": {"only.thickness_nm": [10, 20]},
            "impedance": {
                "frequency_Hz": {"start": 1, "stop": 1e9, "num": 19, "spacing": "log"},
                "series_resistance_ohm_cm2": 0.01,
            },
        }
    )
    return sc.run_sweep(config, output=tmp_path / "out.h5", workers=1).path


def test_a_resistor_beside_a_capacitor_is_half_a_circle(results):
    figure = plot_spectra(View(read_results(results)), series_resistance=1e-6)
    nyquist = figure.axes[0]
    assert nyquist.get_aspect() == 1.0
    for k, line in enumerate(nyquist.get_lines()[::2]):
        x, y = line.get_data()
        resistance = sc.open_results(results).dc_resistance.values[k]
        # The series resistance of 0.01 Ohm cm2 shifts the circle.
        assert np.hypot(x - 0.01 - 0.5 * resistance, y) == pytest.approx(0.5 * resistance, rel=1e-9)
    assert figure.axes[1].get_xscale() == "log"


def test_the_figure_of_a_file_with_spectra(results, tmp_path):
    target = plot_file(results, tmp_path / "figure.png")
    assert target.stat().st_size > 10000
    with pytest.raises(sc.SpaceChargeError, match="exists already"):
        plot_file(results, target)


def test_spectra_leave_in_the_three_common_shapes(results):
    from spacecharge.report.export import spectrum_table

    file = read_results(results)
    real, imag = (1e4 * file[name] for name in ("impedance_real", "impedance_imag"))
    tables = {}
    for shape in ("real,-imag", "real,imag", "modulus,phase"):
        tables[shape] = {c.header: c.values for c in spectrum_table(file, (), shape)}
        np.testing.assert_array_equal(tables[shape]["frequency (Hz)"], np.tile(file["frequency"], 2))
    np.testing.assert_allclose(tables["real,-imag"]["-impedance_imag (Ohm cm2)"], -imag.ravel(), rtol=1e-15)
    np.testing.assert_allclose(tables["real,imag"]["impedance_real (Ohm cm2)"], real.ravel(), rtol=1e-15)
    phase = np.radians(tables["modulus,phase"]["impedance_phase (degrees)"])
    back = tables["modulus,phase"]["impedance_modulus (Ohm cm2)"] * np.exp(1j * phase)
    np.testing.assert_allclose(back, real.ravel() + 1j * imag.ravel(), rtol=1e-12)
    with pytest.raises(sc.SpaceChargeError, match="allowed: real,-imag"):
        spectrum_table(file, (), "polar")


def test_files_without_spectra_say_so(tmp_path):
    from spacecharge.report.export import spectrum_table

    config = sc.load_config({"layers": {"only": {"material": "LAGP", "thickness_nm": 20, "potential_V": 3.0}}})
    path = sc.run_sweep(config, output=tmp_path / "out.h5", workers=1).path
    with pytest.raises(sc.SpaceChargeError, match="holds no spectra"):
        spectrum_table(read_results(path))
