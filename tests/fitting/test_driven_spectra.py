"""Spectra about a bias or a load in fits of interfaces: those of `sc.impedance`, and their truth found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.document.yaml import parse_document
from spacecharge.errors import ConfigError
from spacecharge.fitting.interface_setup import interface_setup
from spacecharge.fitting.load import check_fit_document

F = np.geomspace(1.0, 1e7, 29)
RATE, PERMITTIVITY = 3e22, 18.0
TEXT = """
fit: interface
temperature_K: 298.15
layers:
  electrode: {material: LixV2O5, potential_V: 3.0, thickness_nm: 20, diffusivity_m2_per_s: 1.0e-14}
  electrolyte: {material: LAGP, thickness_nm: 20, diffusivity_m2_per_s: 1.0e-13}
contacts:
  - charge_transfer: {rate_constant_per_m2_s: 1.0e22}
interfaces:
  above:
    at: {contacts.0.bias_V: 0.04}
    spectrum: {path: above.csv, relative_sigma: 0.01}
  below:
    at: {contacts.0.bias_V: -0.05}
    spectrum: {path: below.csv, relative_sigma: 0.01}
parameters:
  electrolyte.permittivity: {}
  contacts.0.charge_transfer.rate_constant_per_m2_s: {}
"""
ZERO = "load: {current_density_mA_per_cm2: 0}\n"
CURRENT = "load.current_density_mA_per_cm2"
LOADED = (
    TEXT.replace("contacts.0.bias_V: 0.04", f"{CURRENT}: 300").replace("contacts.0.bias_V: -0.05", f"{CURRENT}: -200")
    + ZERO
)


def stack(bias: float) -> sc.Stack:
    layers = [
        sc.Layer(material="LixV2O5", potential_V=3.0, thickness_nm=20, diffusivity_m2_per_s=1e-14),
        sc.Layer(material="LAGP", permittivity=PERMITTIVITY, thickness_nm=20, diffusivity_m2_per_s=1e-13),
    ]
    return sc.Stack(layers, contacts=[sc.Contact(bias_V=bias)], temperature_K=298.15)


def biased(bias: float) -> np.ndarray:
    law = sc.ChargeTransfer(rate_constant=RATE)
    return sc.impedance(sc.solve(stack(bias), tolerance_V=1e-9), F, charge_transfer=law)


def loaded(current: float) -> np.ndarray:
    law = sc.ChargeTransfer(rate_constant=RATE)
    state = sc.steady_state(stack(0.0), current_density=current, charge_transfer=law, tolerance_V=1e-9)
    return sc.impedance(state, F)


@pytest.mark.parametrize(
    ("text", "above", "below"), [(TEXT, (biased, 0.04), (biased, -0.05)), (LOADED, (loaded, 3000.0), (loaded, -2000.0))]
)
def test_the_truth_is_found_about_a_bias_and_about_a_load(tmp_path: Path, text: str, above, below) -> None:
    random = np.random.default_rng(3)
    exact = []
    for name, (make, value) in (("above", above), ("below", below)):
        z = make(value)
        exact.append(z)
        noise = random.standard_normal(F.size) + 1j * random.standard_normal(F.size)
        z = 1e4 * (z + 0.01 * np.abs(z) * noise)
        header = "Frequency (Hz),Re(Z) (Ohm cm2),-Im(Z) (Ohm cm2)"
        columns = np.column_stack([F, z.real, -z.imag])
        np.savetxt(tmp_path / f"{name}.csv", columns, delimiter=",", header=header, comments="")
    checked = check_fit_document(parse_document(text.lstrip(), tmp_path / "eis.yaml"))
    setup, spectra = interface_setup(checked)
    rows = np.array([[PERMITTIVITY, RATE]])
    for i, z in enumerate(exact):
        assert spectra.impedances(rows, i)[0] == pytest.approx(z, rel=1e-6)
    # About rest the spectra are others: what drives them acts.
    assert np.abs(spectra.impedances(rows, 0)[0] / biased(0.0) - 1.0).max() > 0.02
    result = sc.fit(checked)
    for name, truth in (("electrolyte.permittivity", PERMITTIVITY), (setup.problem.names[1], RATE)):
        value = result.parameters[name]
        assert value.sigma < 0.05 * truth
        assert abs(value.value - truth) < 2.5 * value.sigma
    assert any("no differential resistances" in note for note in result.notes)
    assert not any(name.startswith("contact_") for name in result.derived)
    assert result.plot(tmp_path / "f.png").stat().st_size > 60_000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (ZERO, "", "load.*current_density_mA_per_cm2 is missing"),
        (ZERO, "load: {voltage_V: 0}", "load.*current_density_mA_per_cm2 is missing"),
        ("spectrum: {path: b", "capacitance_uF: {value: 1, sigma: 0.1}\n    spectrum: {path: b", "spectra only"),
        ("permittivity: {}", "permittivity: {}\n  contact_phase_exponent: {}", "at rest only"),
    ],
)  # fmt: skip
def test_what_a_load_does_not_go_with(tmp_path: Path, old: str, new: str, message: str) -> None:
    for name in ("above", "below"):
        text = "f,Re(Z),-Im(Z)\n" + "".join(f"{f},{1 + 1 / f},{1 / f}\n" for f in F)
        (tmp_path / f"{name}.csv").write_text(text.replace("f,Re(Z),-Im(Z)", "freq/Hz,Re(Z)/Ohm cm2,-Im(Z)/Ohm cm2"))
    assert old in LOADED
    with pytest.raises(ConfigError, match=message):
        check_fit_document(parse_document(LOADED.lstrip().replace(old, new), tmp_path / "eis.yaml"))


def test_resistances_at_a_bias_are_refused(tmp_path: Path) -> None:
    text = TEXT.replace("spectrum: {path: below.csv, relative_sigma: 0.01}", "resistance_ohm_cm2: {value: 3, sigma: 1}")
    with pytest.raises(ConfigError, match="a number at rest"):
        check_fit_document(parse_document(text.lstrip(), tmp_path / "eis.yaml"))
