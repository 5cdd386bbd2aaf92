"""Capacitance and resistance against bias, from tables, without charge transfer: permittivity and density together.

The table was made with a permittivity of 40 and 5 sites/nm3 of the electrolyte; noise 5 % in R, 3 % in C.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.document.yaml import parse_document
from spacecharge.errors import ConfigError, FitError, FitReason
from spacecharge.fitting.interface_setup import interface_setup
from spacecharge.fitting.load import check_fit_document

DATA = Path(__file__).parent / "data"
TEXT = """
fit: interface
temperature_K: 298.15
layers:
  cathode: {material: NMC811, thickness_nm: 30, potential_V: 3.8}
  electrolyte: {material: LLZO, thickness_nm: 100, potential_V: 3.4, diffusivity_m2_per_s: 1.0e-12}
interfaces:
  cell:
    table: capacitance_resistance.csv
    columns: {cathode.potential_V: bias_V, resistance_ohm_cm2: R_ohm_cm2, capacitance_uF_per_cm2: C_uF_cm2}
    relative_sigma: {resistance_ohm_cm2: 0.05, capacitance_uF_per_cm2: 0.03}
parameters:
  electrolyte.permittivity: {}
  electrolyte.site_density_per_nm3: {}
output: {resistance_of: [electrolyte]}
"""
C_ALONE = TEXT.replace("resistance_ohm_cm2: R_ohm_cm2, ", "").replace("resistance_ohm_cm2: 0.05, ", "")
ERRORS = "    relative_sigma: {resistance_ohm_cm2: 0.05, capacitance_uF_per_cm2: 0.03}\n"


def config(text: str = TEXT) -> object:
    return check_fit_document(parse_document(text.lstrip(), DATA / "eis.yaml"))


def test_capacitance_and_resistance_tell_permittivity_from_density(tmp_path: Path) -> None:
    result = sc.fit(config())
    for name, truth in (("electrolyte.permittivity", 40.0), ("electrolyte.site_density_per_nm3", 5.0)):
        found = result.parameters[name]
        assert found.value == pytest.approx(truth, rel=0.03)
        assert abs(found.value - truth) < 2.0 * found.sigma
    assert result.chi2_reduced == pytest.approx(1.0, abs=0.7)
    assert result.table["fitted_capacitance"].shape == (10,)
    assert result.plot(tmp_path / "f.png").stat().st_size > 20_000


def test_capacitance_alone_gives_the_product() -> None:
    with pytest.raises(FitError) as error:
        sc.fit(config(C_ALONE))
    assert error.value.reason is FitReason.UNRESOLVED
    assert set(error.value.names) == {"electrolyte.permittivity", "electrolyte.site_density_per_nm3"}
    text = str(error.value)
    assert "cannot tell apart electrolyte.permittivity and electrolyte.site_density_per_nm3" in text
    product = float(text.partition("electrolyte.site_density_per_nm3 = ")[2].split()[0])
    assert product == pytest.approx(200.0, rel=0.02)


def test_slopes_are_those_of_differences() -> None:
    setup, _ = interface_setup(config())
    values = np.array([37.0, 6.0])
    slopes = setup.problem.jacobian(values)
    for k, step in enumerate((0.01, 0.001)):
        change = np.zeros(2)
        change[k] = step
        above, below = setup.problem.predict(values + change), setup.problem.predict(values - change)
        assert slopes[:, k] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-7)


def test_a_table_without_errors_is_weighted_and_said() -> None:
    result = sc.fit(config(TEXT.replace(ERRORS, "")))
    assert any("bring no errors" in text for text in result.notes)
    assert not result.estimate.problem.absolute_sigma
    assert result.parameters["electrolyte.permittivity"].value == pytest.approx(40.0, rel=0.03)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("table: capacitance_resistance.csv", "table: nothing.csv", r"interfaces.cell.table: .*nothing.csv"),
        ("C_uF_cm2}", "C_uF}", r"no column C_uF"),
        ("cathode.potential_V: bias_V", "cathode.potential: bias_V", "names no number of this stack"),
        ("relative_sigma: {resistance", "relative_sigma: {resistence", "the error of resistence_ohm_cm2"),
        (", resistance_ohm_cm2: R_ohm_cm2, capacitance_uF_per_cm2: C_uF_cm2}", "}", "nothing measured is among"),
        (
            "    table: capacitance_resistance.csv\n",
            "    exchange_current_density_mA_per_cm2: {value: 1, sigma: 0.1}\n    at: {cathode.potential_V: 4}\n",
            "belongs to a table",
        ),
    ],
)
def test_broken_tables_are_one_line_errors(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError, match=message) as error:
        config(TEXT.replace(old, new))
    assert all(":" in line and "\n" not in line for line in error.value.problems)


def test_an_exchange_current_needs_its_law() -> None:
    entry = "    at: {cathode.potential_V: 4}\n    exchange_current_density_mA_per_cm2: {value: 1, sigma: 0.1}\n"
    start, end = TEXT.index("    table:"), TEXT.index("parameters:")
    with pytest.raises(ConfigError, match="needs the charge_transfer of a contact"):
        config(TEXT[:start] + entry + TEXT[end:])


def test_check_lists_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "eis.yaml").write_text(
        TEXT.lstrip().replace("capacitance_resistance.csv", str(DATA / "capacitance_resistance.csv"))
    )
    assert main(["check", str(tmp_path / "eis.yaml")]) == 0
    assert "cell 10: cathode.potential_V = 4.2; 2 measured" in capsys.readouterr().out


def test_a_diffusivity_beside_a_law_is_found_from_two_decades_off(tmp_path: Path) -> None:
    truth, rate, potentials = 3e-14, 2e22, (2.4, 3.0, 3.4)
    interfaces = []
    for u in potentials:
        layers = [
            sc.Layer(name="electrode", material="LixV2O5", potential_V=u, thickness_nm=30),
            sc.Layer(name="electrolyte", material="LAGP", thickness_nm=30, diffusivity_m2_per_s=truth),
        ]
        solution = sc.solve(sc.Stack(layers, temperature_K=298.15), tolerance_V=1e-9, resistance_of=["electrolyte"])
        # What the fit has in one number, of the two functions that a user has.
        total = float(solution.interface_resistance)
        total += float(sc.charge_transfer_resistance(solution, sc.ChargeTransfer(rate_constant=rate))[0])
        measured = f"resistance_ohm_cm2: {{value: {1e4 * total!r}, sigma: {100 * total!r}}}"
        interfaces.append(f"  U{len(interfaces)}: {{at: {{electrode.potential_V: {u}}}, {measured}}}\n")
    name = "electrolyte.diffusivity_m2_per_s"
    text = f"""
fit: interface
temperature_K: 298.15
layers:
  electrode: {{material: LixV2O5, potential_V: 3.0, thickness_nm: 30}}
  electrolyte: {{material: LAGP, thickness_nm: 30}}
contacts:
  - charge_transfer: {{rate_constant_per_m2_s: 2.0e22}}
output: {{resistance_of: [electrolyte]}}
interfaces:
{"".join(interfaces)}parameters:
"""
    for start in (100.0 * truth, truth / 100.0):
        result = sc.fit(config(f"{text}  {name}: {{initial: {start!r}}}\n"))
        (parameter,) = result.estimate.problem.parameters
        assert parameter.log
        assert result.parameters[name].value == pytest.approx(truth, rel=1e-4)
