"""Spectra in fits of the interface model: what an instrument sees, the truth found again, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.document.yaml import parse_document
from spacecharge.errors import ConfigError, FitError
from spacecharge.fitting.cell import constant_phase_contact, constant_phase_end, open_warburg, transmissive_warburg
from spacecharge.fitting.interface_setup import interface_setup
from spacecharge.fitting.load import check_fit_document

F = np.geomspace(1e-1, 1e7, 61)
S = 2j * np.pi * F
BIAS = np.linspace(3.6, 4.2, 20)
AREA_M2, SERIES, INDUCTANCE = 0.5e-4, 2e-4, 80e-9
TEXT = """
fit: interface
temperature_K: 298.15
layers:
  cathode: {material: NMC811, thickness_nm: 30, potential_V: 3.8}
  electrolyte: {material: LLZO, thickness_nm: 100, potential_V: 3.4, diffusivity_m2_per_s: 1.0e-12}
interfaces:
  cell:
    table: c.csv
    columns: {cathode.potential_V: U, capacitance_uF_per_cm2: C}
    relative_sigma: {capacitance_uF_per_cm2: 0.02}
  spectrum:
    at: {cathode.potential_V: 4.05}
    spectrum: {path: z.csv, relative_sigma: 0.01}
parameters:
  electrolyte.permittivity: {}
  electrolyte.site_density_per_nm3: {}
  electrode_area_cm2: {fixed: 0.5}
  series_resistance_ohm_cm2: {}
  inductance_nH: {}
output: {resistance_of: [electrolyte]}
"""


def stack(bias: float) -> sc.Stack:
    layers = [
        sc.Layer(material="NMC811", potential_V=bias, thickness_nm=30),
        sc.Layer(
            material="LLZO", potential_V=3.4, permittivity=40, site_density_per_nm3=5, thickness_nm=100,
            diffusivity_m2_per_s=1e-12,
        ),
    ]  # fmt: skip
    return sc.Stack(layers, temperature_K=298.15)


def write(path: Path, name: str, z: np.ndarray) -> None:
    header = "Frequency (Hz),Re(Z) (Ohm),-Im(Z) (Ohm)"
    np.savetxt(path / name, np.column_stack([F, z.real, -z.imag]), delimiter=",", header=header, comments="")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spectra")
    random = np.random.default_rng(7)
    z = seen()
    write(path, "exact.csv", z)
    write(path, "z.csv", z + 0.01 * abs(z) * (random.standard_normal(61) + 1j * random.standard_normal(61)))
    # A resistance that drifts while the spectrum is taken.
    write(path, "drift.csv", z + 200.0 * np.linspace(1.0, 0.0, 61) / (1 + S * 1e-2))
    write(path, "wrong.csv", z.real + 2j * z.imag)
    capacitance = [float(sc.differential_capacitance(sc.solve(stack(u)))[0]) for u in BIAS]
    noisy = 100.0 * np.array(capacitance) * (1 + 0.02 * random.standard_normal(20))
    np.savetxt(path / "c.csv", np.column_stack([BIAS, noisy]), delimiter=",", header="U,C", comments="")
    return path


def seen(bias: float = 4.05) -> np.ndarray:
    z = sc.impedance(sc.solve(stack(bias), tolerance_V=1e-9), F)
    return np.asarray((z + SERIES) / AREA_M2 + S * INDUCTANCE)


def config(folder: Path, text: str = TEXT) -> object:
    return check_fit_document(parse_document(text.lstrip(), folder / "eis.yaml"))


def test_a_spectrum_and_capacitances_give_both_numbers(folder: Path) -> None:
    result = sc.fit(config(folder))
    for name, truth in (
        ("electrolyte.permittivity", 40.0),
        ("electrolyte.site_density_per_nm3", 5.0),
        ("series_resistance_ohm_cm2", 2.0),
        ("inductance_nH", 80.0),
    ):
        found = result.parameters[name]
        assert found.value == pytest.approx(truth, rel=0.05), name
        assert abs(found.value - truth) < 2.5 * found.sigma, name
    assert result.chi2_reduced == pytest.approx(1.0, abs=0.3)
    assert any("Kramers-Kronig test passed" in note for note in result.notes)
    assert "not of the model" in result.to_json()["parameters"]["series_resistance_ohm_cm2"]["long_name"]
    assert result.n_data == 142


def test_the_prediction_is_what_an_instrument_sees(folder: Path) -> None:
    setup, _ = interface_setup(config(folder))
    got = setup.problem.predict(np.array([40.0, 5.0, 0.5, 2.0, 80.0]))[20:]
    measured = np.loadtxt(folder / "z.csv", delimiter=",", skiprows=1)
    modulus = np.hypot(measured[:, 1], measured[:, 2])
    z = seen()
    assert got[:61] * modulus == pytest.approx(z.real, rel=1e-6)
    assert got[61:] * modulus == pytest.approx(z.imag, rel=1e-6)


def test_slopes_are_those_of_differences(folder: Path) -> None:
    setup, _ = interface_setup(config(folder))
    values = np.array([37.0, 6.0, 0.5, 3.0, 60.0])
    slopes = setup.problem.jacobian(values)
    for k in (0, 1, 3, 4):
        # Five points with another step than the fit's own.
        change = np.zeros(5)
        change[k] = 4e-3 * values[k]
        f = [setup.problem.predict(values + m * change) for m in (-2, -1, 1, 2)]
        rule = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * change[k])
        assert slopes[:, k] * values[k] == pytest.approx(rule * values[k], rel=1e-4, abs=2e-5)


def test_a_spectrum_that_drifts_is_warned_of_and_a_wrong_one_refused(folder: Path) -> None:
    result = sc.fit(config(folder, TEXT.replace("z.csv", "drift.csv")))
    assert any("breaks the Kramers-Kronig relations" in text for text in result.warnings)
    with pytest.raises(FitError, match=r"allowed: up to 0\.1, kramers_kronig\.refuse_above"):
        sc.fit(config(folder, TEXT.replace("z.csv", "wrong.csv")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  electrode_area_cm2: {fixed: 0.5}\n", "", "electrode_area_cm2 is needed .*z.csv is of a cell"),
        ("inductance_nH: {}", "open_warburg_time_s: {}", "needs open_warburg_resistance_ohm_cm2 beside it"),
        ("inductance_nH: {}", "blocking_phase_exponent: {}", "needs impedance.ends with a blocking one"),
        ("inductance_nH: {}", "contact_phase_exponent: {fixed: 1.2}", r"1.2 is out of range \(allowed: 0.5 to 1\)"),
        ("z.csv", "nothing.csv", r"interfaces.spectrum.spectrum.*nothing.csv"),
        ("relative_sigma: 0.01}", "frequency_range_Hz: [1, 2]}", "frequencies are too few"),
    ],
)
def test_broken_configurations(folder: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError, match=message):
        config(folder, TEXT.replace(old, new))


def test_diffusion_elements_have_their_limits() -> None:
    w = np.array([1e-4, 1e4])
    r, tau = np.array(3.0), np.array(2.0)
    low, high = open_warburg(w, r, tau)
    # R/3 before a capacitor tau/R; a Warburg line R/sqrt(i w tau) above.
    assert low == pytest.approx(1.0 + 3.0 / (1j * w[0] * 2.0), rel=1e-6)
    assert high == pytest.approx(3.0 / np.sqrt(1j * w[1] * 2.0), rel=1e-9)
    low, high = transmissive_warburg(w, r, tau)
    assert low == pytest.approx(3.0, rel=1e-4)
    assert high == pytest.approx(3.0 / np.sqrt(1j * w[1] * 2.0), rel=1e-9)
    # Both by the sum over the modes of a slab: tanh(s)/s and coth(s)/s as their partial fractions.
    p, n = 1j * 0.7 * 2.0, np.arange(1, 200_000)
    tanh = np.sum(2.0 / (p + ((n - 0.5) * np.pi) ** 2))
    assert transmissive_warburg(np.array([0.7]), r, tau)[0] == pytest.approx(3.0 * tanh, rel=1e-5)
    coth = 1.0 / p + np.sum(2.0 / (p + (n * np.pi) ** 2))
    assert open_warburg(np.array([0.7]), r, tau)[0] == pytest.approx(3.0 * coth, rel=1e-5)


def test_constant_phases_vanish_at_one_and_keep_the_resistance() -> None:
    w = 2 * np.pi * np.geomspace(1e-4, 1e6, 21)
    r, c = np.array(5.0), np.array(1e-3)
    assert np.abs(constant_phase_contact(w, r, c, np.array(1.0))).max() == 0.0
    assert np.abs(constant_phase_end(w, r, c, np.array(1.0))).max() == 0.0
    arc = r / (1 + 1j * w * r * c) + constant_phase_contact(w, r, c, np.array(0.8))
    assert arc[0].real == pytest.approx(5.0, rel=1e-3)
    # A depressed arc: its phase at high frequencies is that of the exponent.
    assert np.angle(arc[-1]) == pytest.approx(-0.8 * np.pi / 2, rel=1e-3)
    end = 1 / (1j * w * c) + constant_phase_end(w, r, c, np.array(0.8))
    assert np.angle(end) == pytest.approx(-0.8 * np.pi / 2, rel=1e-9)
    assert np.abs(constant_phase_end(np.array([1 / (r * c)]), r, c, np.array(0.8)) + r / 1j)[0] == pytest.approx(r)
