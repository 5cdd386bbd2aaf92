"""Spectra in fits of the interface model: what an instrument sees, the truth found again, refusals."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.document.yaml import parse_document
from spacecharge.errors import ConfigError, FitError
from spacecharge.fitting.interface_setup import interface_setup
from spacecharge.fitting.least_squares import minimise
from spacecharge.fitting.load import check_fit_document
from spacecharge.fitting.posterior import sample
from spacecharge.fitting.problem import Parameter, Problem
from spacecharge.plotting.fits import plot_fit
from spacecharge.store.fits import write_fit
from spacecharge.store.stored_fit import read_fits

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


RATIOS = TEXT[: TEXT.index("  spectrum:\n")].replace("capacitance_uF_per_cm2", "capacitance_ratio")
RATIOS += "parameters:\n  electrolyte.permittivity: {fixed: 40}\n  electrolyte.site_density_per_nm3: {}\n"
RATIOS += "  electrode_area_cm2: {}\n"


def test_ratios_leave_an_unknown_area_to_its_prior(folder: Path) -> None:
    text = RATIOS.replace("capacitance_ratio: C", "capacitance_ratio: C_rel")
    table = np.loadtxt(folder / "c.csv", delimiter=",", skiprows=1)
    rows = np.column_stack([table, table[:, 1] / table[0, 1]])
    np.savetxt(folder / "c.csv", rows, delimiter=",", header="U,C,C_rel", comments="")
    with pytest.raises(FitError, match="the data do not depend on electrode_area_cm2"):
        sc.fit(config(folder, text))
    result = sc.fit(config(folder, text + "priors:\n  electrode_area_cm2: {log_normal: [0.3, 0.2]}\n"))
    area = result.parameters["electrode_area_cm2"]
    assert area.value == pytest.approx(0.3, rel=1e-6)
    assert area.sigma == pytest.approx(0.3 * 0.2, rel=1e-3)


def test_absolute_numbers_alone_leave_area_and_diffusivity_as_a_product(folder: Path) -> None:
    bias = np.linspace(3.7, 4.1, 6)
    ohm = [float(sc.interface_resistance(sc.solve(stack(u), resistance_of=["layer2"]))) / AREA_M2 for u in bias]
    np.savetxt(folder / "r.csv", np.column_stack([bias, ohm]), delimiter=",", header="U,R", comments="")
    text = (
        TEXT[: TEXT.index("interfaces:")]
        + """
interfaces:
  cell:
    table: r.csv
    columns: {cathode.potential_V: U, resistance_ohm: R}
    relative_sigma: {resistance_ohm: 0.02}
parameters:
  electrolyte.diffusivity_m2_per_s: {initial: 3.0e-12}
  electrode_area_cm2: {initial: 0.2}
  electrolyte.permittivity: {fixed: 40}
  electrolyte.site_density_per_nm3: {fixed: 5}
output: {resistance_of: [electrolyte]}
"""
    )
    with pytest.raises(FitError, match="cannot tell apart") as error:
        sc.fit(config(folder, text))
    product = str(error.value).partition("electrode_area_cm2 x electrolyte.diffusivity_m2_per_s = ")[2]
    product = product or str(error.value).partition("electrolyte.diffusivity_m2_per_s x electrode_area_cm2 = ")[2]
    assert float(product.split()[0]) == pytest.approx(0.5e-12, rel=0.02)
    # With the area known the same data give the diffusivity.
    result = sc.fit(config(folder, text.replace("{initial: 0.2}", "{fixed: 0.5}")))
    assert result.parameters["electrolyte.diffusivity_m2_per_s"].value == pytest.approx(1e-12, rel=1e-5)


def test_figure_table_and_json(folder: Path, tmp_path: Path) -> None:
    result = sc.fit(config(folder))
    table = result.tables["spectra"].columns
    assert table["measured_real"].unit == "ohm"
    assert table["fitted_imag"].values == pytest.approx(seen().imag, rel=0.2, abs=0.1)
    assert result.plot(tmp_path / "f.png").stat().st_size > 60_000
    entry = result.to_json()["parameters"]["inductance_nH"]
    assert entry["of_model"] is False
    assert "of_model" not in result.to_json()["parameters"]["electrolyte.permittivity"]
    # Twenty capacitances of 2 % say their mean to 0.5 %.
    relative = result.table["fitted_capacitance_sigma"] / result.table["fitted_capacitance"]
    assert 0.001 < relative.min() < relative.max() < 0.01


def test_an_outlier_does_not_pull_student_errors(folder: Path) -> None:
    table = np.loadtxt(folder / "z.csv", delimiter=",", skiprows=1)
    table[30, 1] *= 1.5
    table[12, 2] -= 8.0
    header = "Frequency (Hz),Re(Z) (Ohm),-Im(Z) (Ohm)"
    np.savetxt(folder / "outlier.csv", table, delimiter=",", header=header, comments="")
    text = TEXT.replace("z.csv", "outlier.csv") + "errors: {student: 4}\n"
    result, clean = sc.fit(config(folder, text)), sc.fit(config(folder))
    normal = sc.fit(config(folder, text.replace("errors: {student: 4}\n", "")))
    name = "electrolyte.permittivity"
    pulled = abs(normal.parameters[name].value - clean.parameters[name].value)
    held = abs(result.parameters[name].value - clean.parameters[name].value)
    assert held < 0.3 * pulled
    assert held < clean.parameters[name].sigma
    assert clean.parameters[name].sigma < result.parameters[name].sigma < 2.0 * clean.parameters[name].sigma
    said = next(text for text in result.warnings if "Student errors with 4 degrees of freedom" in text)
    assert "outlier.csv, Re Z at 1e+03 Hz" in said


def test_a_table_of_files_is_a_spectrum_a_row(folder: Path) -> None:
    names = []
    for k, bias in enumerate((4.0, 4.1)):
        write(folder, f"row{k}.csv", seen(bias))
        names.append(f"{bias},{298.15 + 10 * k},row{k}.csv")
    (folder / "files.csv").write_text("\n".join(["U,T,file", *names]))
    text = TEXT.replace("c.csv", "files.csv").replace("capacitance_uF_per_cm2: C", "temperature_K: T, spectrum: file")
    text = text.replace("relative_sigma: {capacitance_uF_per_cm2: 0.02}", "spectrum: {relative_sigma: 0.01}")
    checked = config(folder, text)
    assert [s.temperature for s in checked.spectra] == [298.15, 308.15, 298.15]
    assert [s.interface for s in checked.spectra] == ["cell 1", "cell 2", "spectrum"]
    setup, _ = interface_setup(checked)
    got = setup.problem.predict(np.array([40.0, 5.0, 0.5, 2.0, 80.0]))
    z = seen(4.0)
    assert got[:61] * np.abs(z) == pytest.approx(z.real, rel=1e-5)
    with pytest.raises(ConfigError, match=r"row9\.csv"):
        (folder / "files.csv").write_text("U,T,file\n4.0,298.15,row9.csv\n")
        config(folder, text)


def test_errors_may_stand_in_columns(folder: Path) -> None:
    z = seen()
    rows = np.column_stack([F, z.real, z.imag, 0.01 * np.abs(z), 0.03 * np.abs(z)])
    np.savetxt(folder / "s.csv", rows, delimiter=",", header="f,a,b,sa,sb", comments="")
    columns = "columns: {frequency_Hz: f, real_ohm: a, imaginary_ohm: b, sigma_real_ohm: sa, sigma_imaginary_ohm: sb}"
    setup, _ = interface_setup(config(folder, TEXT.replace("z.csv, relative_sigma: 0.01", f"s.csv, {columns}")))
    assert setup.problem.sigma is not None
    assert setup.problem.sigma[20:81] == pytest.approx(0.01, rel=1e-9)
    assert setup.problem.sigma[81:] == pytest.approx(0.03, rel=1e-9)
    half = columns.replace(", sigma_imaginary_ohm: sb", "")
    with pytest.raises(ConfigError, match="the error of one part is missing"):
        config(folder, TEXT.replace("z.csv, relative_sigma: 0.01", f"s.csv, {half}"))


LAWFUL = """
fit: interface
layers:
  electrode: {material: LixV2O5, potential_V: 3.4, thickness_nm: 30}
  electrolyte: {material: LAGP, thickness_nm: 30}
contacts:
  - charge_transfer: {rate_constant_per_m2_s: 1.9847733e20}
impedance: {ends: {right: blocking}}
interfaces:
  cell: {at: {electrode.potential_V: 3.4}, spectrum: {path: law.csv, relative_sigma: 0.01}}
parameters:
  contacts.0.charge_transfer.rate_constant_per_m2_s: {}
  electrode_area_cm2: {fixed: 1.0}
"""


@pytest.mark.parametrize("cell", ["", "contact_phase_exponent", "blocking_phase_exponent"])
def test_charge_transfer_a_blocking_end_and_constant_phases(folder: Path, cell: str) -> None:
    layers = [
        sc.Layer(material="LixV2O5", potential_V=3.4, thickness_nm=30), sc.Layer(material="LAGP", thickness_nm=30),
    ]  # fmt: skip
    solution = sc.solve(sc.Stack(layers, temperature_K=298.15), tolerance_V=1e-9)
    law = sc.ChargeTransfer(rate_constant=1.9847733e20)
    ends = {"left": "reversible", "right": "blocking"}
    z = 1e4 * sc.impedance(solution, F, ends=ends, charge_transfer=law)
    write(folder, "law.csv", z)
    text = LAWFUL + (f"  {cell}: {{initial: 0.9}}\n" if cell else "")
    setup, _ = interface_setup(config(folder, text))
    values = [1.9847733e20, 1.0, *([0.9] if cell else [])]
    predicted = setup.problem.predict(np.array(values)) * np.tile(np.abs(z), 2)
    found = predicted[:61] + 1j * predicted[61:]
    if not cell:
        assert found == pytest.approx(z, rel=1e-5)
        result = sc.fit(
            config(folder, LAWFUL.replace("rate_constant_per_m2_s: {}", "rate_constant_per_m2_s: {initial: 1e20}"))
        )
        # The slowest of the exact poles of the stack is the arc that the fit lists.
        arc = sc.impedance_arcs(solution, ends=ends, charge_transfer=law)[0]
        for word in ("resistance", "capacitance", "frequency"):
            listed = result.derived[f"contact_{word}_cell"]
            assert listed.value == pytest.approx(getattr(arc, word), rel=1e-3)
            assert 0.0 <= listed.sigma < 0.05 * listed.value
        assert result.derived["contact_frequency_cell"].sigma > 0.0
        name = "contacts.0.charge_transfer.rate_constant_per_m2_s"
        assert result.parameters[name].value == pytest.approx(1.9847733e20, rel=1e-4)
        return
    resistance = float(sc.charge_transfer_resistance(solution, law)[0]) * 1e4
    capacitance = float(sc.differential_capacitance(solution)[0]) * 1e-4
    if cell == "contact_phase_exponent":
        p = S * resistance * capacitance
        assert found - z == pytest.approx(
            resistance / (1 + p**0.9) - resistance / (1 + p), rel=1e-3, abs=1e-4 * resistance
        )
    else:
        # Far below the frequency of the end its phase is that of the exponent.
        assert np.angle(found[0] - z[0] + 1j * z[0].imag) == pytest.approx(-0.9 * np.pi / 2, rel=1e-4)


def test_rows_at_once_are_rows_one_by_one(folder: Path) -> None:
    setup, _ = interface_setup(config(folder))
    assert setup.problem.predict_many is not None
    rows = np.array([40.0, 5.0, 0.5, 2.0, 80.0]) * (1.0 + 0.1 * np.random.default_rng(0).standard_normal((6, 5)))
    one_by_one = np.array([setup.problem.predict(row) for row in rows])
    many = setup.problem.predict_many(rows, 2)
    # Draws are solved as exactly as the data can tell: to a thousandth of the smallest sigma.
    assert np.abs((many - one_by_one) / setup.problem.sigma).max() < 1e-3
    assert np.array_equal(many, setup.problem.predict_many(rows, 1))


def test_a_sampler_draws_the_same_from_rows_at_once() -> None:
    x = np.linspace(0.0, 1.0, 12)
    problem = Problem(
        parameters=(Parameter(name="a", initial=1.0, minimum=0.0), Parameter(name="b", initial=2.0)),
        predict=lambda v: v[0] + v[1] * x,
        data=1.1 + 2.0 * x,
        sigma=np.full(12, 0.1),
        absolute_sigma=True,
    )
    at_once = replace(problem, predict_many=lambda rows, n_threads: rows[:, :1] + rows[:, 1:] * x)
    one, other = (sample(minimise(p), samples=400, seed=5) for p in (problem, at_once))
    assert np.array_equal(one.chain, other.chain)


def test_a_joint_fit_takes_half_a_second_of_a_processor(folder: Path) -> None:
    checked = config(folder)
    sc.fit(checked)
    began = time.process_time()
    sc.fit(checked)
    assert time.process_time() - began < 2.0


@pytest.mark.slow
def test_twenty_thousand_draws_take_less_than_a_minute_on_two_processors(folder: Path) -> None:
    checked = config(folder, TEXT + "uncertainty: posterior\nsamples: 20000\n")
    began = time.process_time()
    result = sc.fit(checked)
    assert time.process_time() - began < 90.0
    assert result.posterior is not None and result.posterior.converged
    laplace = sc.fit(config(folder))
    for name in ("series_resistance_ohm_cm2", "inductance_nH", "electrolyte.site_density_per_nm3"):
        assert result.parameters[name].sigma == pytest.approx(laplace.parameters[name].sigma, rel=0.15)


def test_the_posterior_of_a_spectrum_has_the_width_of_its_closed_form(folder: Path, tmp_path: Path) -> None:
    """Series resistance and inductance are linear: each part of Z is normal, with the error of a weighted mean."""
    text = TEXT.replace("permittivity: {}", "permittivity: {fixed: 40}").replace("_nm3: {}", "_nm3: {fixed: 5}")
    text = text.replace("series_resistance_ohm_cm2: {}", "series_resistance_ohm_cm2: {min: 0.1, max: 100}")
    text = text.replace("inductance_nH: {}", "inductance_nH: {min: 1, max: 1000}")
    start, end = text.index("  cell:\n"), text.index("  spectrum:\n")
    text = text[:start] + text[end:].replace("0.01}", "0.01, frequency_range_Hz: [2e4, 2e7]}")
    result = sc.fit(config(folder, text + "uncertainty: posterior\nsamples: 20000\nabsolute_sigma: true\n"))
    assert result.posterior is not None and result.posterior.converged
    table = result.tables["spectra"]
    measured = np.loadtxt(folder / "z.csv", delimiter=",", skiprows=1)
    measured = measured[measured[:, 0] >= 2e4]
    omega, sigma = 2 * np.pi * measured[:, 0], 0.01 * np.hypot(measured[:, 1], measured[:, 2])
    for part, slope in (("real", np.ones(omega.size)), ("imag", omega)):
        width = slope / np.sqrt(np.sum((slope / sigma) ** 2))
        for end, sign in (("lower", -1.0), ("upper", 1.0)):
            away = (table[f"{end}_95_{part}"] - table[f"fitted_{part}"]) / width
            assert away == pytest.approx(np.full(omega.size, sign * 1.96), abs=0.4)
    below, above = (np.hypot(table[f"{end}_95_real"], table[f"{end}_95_imag"]) for end in ("lower", "upper"))
    assert np.all(table["lower_95_modulus"] < table["upper_95_modulus"])
    assert np.all(table["upper_95_modulus"] < 1.001 * np.maximum(below, above))
    drawn = result.tables["spectra_draws"]
    assert np.shape(drawn["real"]) == (omega.size, 50)
    spread = np.std(drawn["real"], axis=1) * np.sqrt(np.sum(sigma**-2.0))
    assert spread == pytest.approx(np.ones(omega.size), abs=0.4)
    write_fit(tmp_path / "f.h5", result)
    (stored,) = read_fits(tmp_path / "f.h5")
    assert np.array_equal(stored.tables["spectra_draws"]["imag"], drawn["imag"])
    assert plot_fit(tmp_path / "f.h5").stat().st_size > 60_000


def test_a_broken_spectrum_is_one_line_and_a_short_circuit_no_crash(folder: Path) -> None:
    with pytest.raises(ConfigError) as error:
        config(folder, TEXT.replace("path: z.csv", "path: gone.csv"))
    assert len(error.value.problems) == 1 and "gone.csv: cannot be read" in error.value.problems[0]
    z = seen()
    write(folder, "tiny.csv", 1e-9 * z)
    # The contact of the fit has no resistance left, and its arc no frequency.
    result = sc.fit(config(folder, TEXT.replace("path: z.csv", "path: tiny.csv")))
    assert any("chi-square" in text or "bound" in text for text in result.warnings)
