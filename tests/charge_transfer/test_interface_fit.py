"""Fits of the interface model: exact derivatives, recovery of known parameters, refusals, the shipped comparison."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spacecharge.cli import main
from spacecharge.errors import ConfigError, FitError
from spacecharge.fitting.curvature import minimise_by_curvature
from spacecharge.fitting.interface_setup import interface_setup
from spacecharge.fitting.kinds.interface import fit_interface
from spacecharge.fitting.least_squares import minimise
from spacecharge.fitting.load import load_fit_config
from spacecharge.fitting.uncertainty import profile

from .cases import ALPHA, INTERACTION, RATE, ROOM, WARM, fit_config, grid_text

COMPARISON = Path(__file__).parents[2] / "configs" / "joule2020_comparison.yaml"
TRUTH = np.array([0.10, 2.0e20, 0.55])
SHIPPED = (
    "interaction_eV",
    "rate_constant_per_m2_s",
    "symmetry_factor",
)
EVERY = """
  electrode.permittivity: {}
  electrolyte.site_density_per_nm3: {}
  contacts.0.charge_transfer.activation_energy_eV: {}
  contacts.0.charge_transfer.grain_boundary_resistance_ohm_cm2: {initial: 5.0, max: 1000.0}
"""


def synthetic(extra: str = "", sigma: float = 0.05) -> tuple:
    """Return the fit of resistances at six potentials and two temperatures, and what the truth predicts."""
    setup, _ = interface_setup(fit_config(grid_text(sigma=sigma) + "parameters:" + INTERACTION + RATE + ALPHA + extra))
    return setup.problem, setup.problem.predict(TRUTH)


def test_exact_derivatives_agree_with_differences() -> None:
    text = grid_text() + "parameters:" + INTERACTION + RATE + ALPHA + EVERY
    more = (
        "    activation_energy_eV: {value: 0.4, sigma: 0.02, between_K: [290, 360]}\n"
        "    exchange_current_density_mA_per_cm2: {value: 0.2, sigma: 0.02}\n"
    )
    text = text.replace("    resistance_ohm_cm2: [", more + "    resistance_ohm_cm2: [")
    problem = interface_setup(fit_config(text))[0].problem
    values = problem.initial
    exact = problem.jacobian(values)
    for k, value in enumerate(values):
        step = 1e-5 * abs(value)
        up, down = values.copy(), values.copy()
        up[k], down[k] = value + step, value - step
        difference = (problem.predict(up) - problem.predict(down)) / (2.0 * step)
        # Rounding of the solves (1e-13 of a logarithm) over the step, and its square.
        assert exact[:, k] == pytest.approx(difference, rel=2e-6, abs=1e-7 * np.abs(exact[:, k]).max())


def test_known_parameters_come_back() -> None:
    problem, data = synthetic()
    estimate = minimise(replace(problem, data=data))
    assert estimate.values == pytest.approx(TRUTH, rel=1e-5)  # the tolerances of search and solver


@pytest.mark.slow
def test_intervals_of_a_hundred_noisy_sets_hold_the_truth() -> None:
    problem, data = synthetic()
    random = np.random.default_rng(20)
    start = replace(problem, absolute_sigma=False)
    inside = np.zeros(3)
    for _ in range(100):
        noisy = data + np.log1p(0.05 * random.standard_normal(data.size))
        estimate = minimise(replace(start, data=noisy))
        for k, name in enumerate(problem.names):
            low, high = estimate.interval(name, 0.9545)
            inside[k] += low <= TRUTH[k] <= high
    # Of 100 intervals of 95.45 %, 90 to 100 hold the truth (a count below 90 has a chance of 1 %).
    assert ((inside >= 90) & (inside <= 100)).all(), inside


def test_profiles_of_good_data_agree_with_the_covariance() -> None:
    problem, data = synthetic(sigma=0.01)
    estimate = minimise(replace(problem, data=data + 0.01 * np.random.default_rng(3).standard_normal(data.size)))
    for name in ("interaction_eV", "symmetry_factor"):
        found = profile(estimate, name)
        low, high = estimate.interval(name)
        # With 1 % noise the model is nearly linear over the interval: a tenth of its width.
        assert (found.lower, found.upper) == pytest.approx((low, high), abs=0.1 * (high - low))


def test_a_bound_counts_on_one_side_only() -> None:
    text = """
interfaces:
  neutral:
    at: {electrode.potential_V: 3.0}
    exchange_current_density_mA_per_cm2: {value: 0.77, sigma: 0.02}
  depleted:
    at: {electrode.potential_V: 3.4}
    exchange_current_density_mA_per_cm2: {value: LIMIT, sigma: 0.002, limit: at_most}
parameters:
"""
    # The model gives 0.094 at 3.4 V: a bound far above changes nothing, one below pulls the rate constant down.
    far = fit_interface(fit_config(text.replace("LIMIT", "0.5") + RATE))
    near = fit_interface(fit_config(text.replace("LIMIT", "0.05") + RATE))
    assert far.estimate.value("rate_constant_per_m2_s") == pytest.approx(1.98477e20, rel=1e-4)
    assert near.estimate.value("rate_constant_per_m2_s") < 1.9e20
    assert far.verdict[1].endswith(": met") and near.verdict[1].endswith(": NOT met")
    # A bound of the current from above is one of the resistance from below.
    assert far.table["measured_resistance_limit"].tolist() == [0.0, 1.0]


def test_parameters_that_act_alike_are_refused_or_warned_of_by_name() -> None:
    # Contact occupancies depend on the products permittivity x site density alone; only the resistance of the
    # layers, a millionth of the total, knows one permittivity from the other.
    pair = "  electrode.permittivity: {}\n  electrolyte.permittivity: {}\n"
    text = grid_text() + "parameters:\n" + RATE + pair
    noise = 0.01 * np.random.default_rng(1).standard_normal(12)
    setup, _ = interface_setup(fit_config(text.replace("resistance_ohm_cm2", "exchange_current_density_mA_per_cm2")))
    data = setup.problem.predict(setup.problem.initial) + noise
    with pytest.raises(FitError, match=r"cannot tell apart electrode\.permittivity and electrolyte\.permittivity"):
        minimise_by_curvature(replace(setup.problem, data=data))
    # Their logarithms are open by more than a factor of twenty; the numbers themselves have a sigma.
    setup, _ = interface_setup(fit_config(text))
    data = setup.problem.predict(setup.problem.initial) + noise
    with pytest.raises(FitError, match=r"determine only electrode\.permittivity / electrolyte\.permittivity"):
        minimise_by_curvature(replace(setup.problem, data=data))
    setup, _ = interface_setup(fit_config(text.replace("permittivity: {}", "permittivity: {log: false}")))
    estimate = minimise_by_curvature(replace(setup.problem, data=data))
    assert any("hardly tell apart electrode.permittivity and electrolyte" in text for text in estimate.warnings)


def test_model_that_stops_short_of_its_data_gets_errors_from_the_curvature() -> None:
    config = load_fit_config(COMPARISON)
    problem = interface_setup(config)[0].problem
    with pytest.raises(FitError, match="cannot tell apart"):
        minimise(problem)
    estimate = minimise_by_curvature(problem)
    assert any("ends on a fold" in text for text in estimate.warnings)
    assert np.isfinite(estimate.sigma).all() and (estimate.sigma > 0.0).all()
    # By hand: chi-square along the rate constant, all else refitted, is a parabola of that sigma near the minimum.
    k = problem.names.index("rate_constant_per_m2_s")
    away = float(estimate.values[k] * np.exp(0.5 * np.sqrt(estimate.internal_covariance[k, k])))
    held = minimise(problem.with_fixed("rate_constant_per_m2_s", away), check_rank=False)
    assert held.chi2 - estimate.chi2 == pytest.approx(0.25, rel=0.15)


def test_the_comparison_of_the_paper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        COMPARISON.read_text().replace("uncertainty: profile", "uncertainty: covariance").replace("num: 201", "num: 21")
    )
    path = tmp_path / "comparison.yaml"
    path.write_text(text)
    output = tmp_path / "comparison.h5"
    assert main(["fit", str(path), "-o", str(output), "--json", "--quiet"]) == 0
    rows = json.loads(capsys.readouterr().out)["interfaces"]
    ohm = {name: row["default_total_resistance"] * 1e4 for name, row in rows.items()}
    assert ohm == pytest.approx({"LiV2O5": 33.37, "Li2V2O5": 324.3, "Li0.2V2O5": 272.2}, rel=1e-3)
    layer = {name: row["default_interface_resistance"] * 1e4 for name, row in rows.items()}
    # Printed: 0.0009 and 0.0061 Ohm cm2.
    assert layer == pytest.approx({"LiV2O5": 0.0, "Li2V2O5": 9.78e-4, "Li0.2V2O5": 5.972e-3}, abs=5e-6)
    assert rows["Li2V2O5"]["default_apparent_activation_energy"] == pytest.approx(0.409, abs=5e-4)
    # The verdict: all exchange currents at once, and not the activation energy.
    fit = {name: row["fitted_exchange_current_density"] / 10 for name, row in rows.items()}
    assert fit["Li2V2O5"] == pytest.approx(0.372, abs=0.002) and fit["Li0.2V2O5"] < 0.13
    assert rows["Li2V2O5"]["fitted_apparent_activation_energy"] == pytest.approx(0.394, abs=0.002)
    import h5py

    with h5py.File(output) as file:
        group = file["fits/comparison"]
        assert group["interfaces/default_total_resistance"].attrs["units"] == "ohm m2"
        curve = group["curve"]
        assert (curve["fitted_lower"][()] <= curve["fitted_upper"][()]).all()
        assert curve["default_axis" if "default_axis" in curve else "axis"].attrs["units"] == "V"
    assert output.with_suffix(".png").stat().st_size > 50_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("interfaces: {a: {at: {electrode.potential: 3.0}}}\n", "names no number"),
        ("interfaces: {a: {at: {electrode.potential_V: 3.0}}}\n", "nothing was measured"),
        (
            "interfaces: {a: {at: {electrode.potential_V: 3.0}, activation_energy_eV: {value: 0.3, sigma: 0.1}}}\n",
            "between_K",
        ),
        (
            "interfaces: {a: {at: {electrode.potential_V: 3.0}, resistance_ohm_cm2: {value: 3, sigma: 1}}}\n"
            "parameters: {electrode.permitivity: {}}\n",
            "nearest: electrode.permittivity",
        ),
        (
            "interfaces: {a: {at: {electrode.potential_V: 3.0}, resistance_ohm_cm2: {value: 3, sigma: 0}}}\n",
            "out of range",
        ),
        ("interfaces: {}\nwrong: 1\n", "unknown key"),
    ],
)
def test_broken_configurations_are_one_line_errors(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        fit_config(text)
    assert all(line.startswith("test.yaml:") for line in caught.value.problems)


def test_names_of_the_shipped_comparison() -> None:
    config = load_fit_config(COMPARISON)
    assert tuple(p.name for p in config.parameters) == SHIPPED
    energies = [d.temperatures for d in config.data if d.quantity == "activation_energy_eV"]
    assert energies == [(ROOM, WARM)] * 2
