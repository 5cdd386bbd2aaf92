"""Values of single temperatures carry the errors of what all temperatures share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spacecharge.fitting.per_temperature import each_temperature
from spacecharge.fitting.run import build
from spacecharge.nmr.arrhenius import arrhenius_regression
from spacecharge.nmr.relaxation import anderson_weiss_t2
from tests.fitting.support import configured

T = np.array([300.0, 330.0, 360.0, 390.0, 420.0])
BOLTZMANN_EV = 8.617333262e-5
ENERGY, TIME, MOMENT = 0.25, 2e-5, 2e9


def pulls(tmp_path, n_sets: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (value - truth)/sigma of every temperature (n_sets, n) and of the regression's energy (n_sets,)."""
    tau = TIME * np.exp(ENERGY / BOLTZMANN_EV * (1 / T - 1 / 298.15))
    columns = {"temperature_K": np.repeat(T, 2), "T2_s": np.repeat(anderson_weiss_t2(tau, MOMENT), 2)}
    columns["sigma_T2_s"] = 0.03 * columns["T2_s"]
    config = configured(tmp_path, columns, fit="relaxation", model={"kind": "anderson_weiss"}, absolute_sigma=True)
    setup = build(config)
    estimate = setup.search(setup.problem)
    random = np.random.default_rng(5)
    of_value, of_energy = [], []
    for _ in range(n_sets):
        data = setup.problem.data + 0.03 * random.standard_normal(setup.problem.data.size)
        problem = replace(setup.problem, data=data, starts=(estimate.values,))
        changed = replace(setup, problem=problem)
        (series,), _ = each_temperature(changed, changed.search(problem), 298.15)
        of_value.append((series.value - tau) / series.sigma)
        r = series.regression
        of_energy.append((r.activation_energy_eV - ENERGY) / r.sigma_activation_energy_eV)
    return np.array(of_value), np.array(of_energy)


def test_errors_are_the_scatter(tmp_path):
    # The second moment is shared and known to 2 %, the value of the coldest temperature hangs on it.
    values, energies = pulls(tmp_path, 60)
    # Mean squares of 60: one within 18 % (1 sigma). With the own data alone they are 4 and more.
    assert np.mean(values**2, axis=0) == pytest.approx(np.ones(T.size), abs=0.55)
    assert np.mean(energies**2) == pytest.approx(1.0, abs=0.55)


def test_a_shared_factor_moves_the_line_and_not_its_slope():
    # ln(value) with independent errors of 1 % and a common one of 10 %: the slope does not know the common one.
    common = 0.1**2 * np.ones((5, 5)) + 0.01**2 * np.eye(5)
    values = np.exp(-ENERGY / BOLTZMANN_EV * (1 / T - 1 / 350.0))
    sigma = np.sqrt(np.diag(common))
    own = arrhenius_regression(T, values, np.full(5, 0.01), reference_K=350.0)
    shared = arrhenius_regression(T, values, sigma, reference_K=350.0, covariance_ln=common)
    assert shared.sigma_activation_energy_eV == pytest.approx(own.sigma_activation_energy_eV, rel=1e-6)
    assert shared.sigma_ln_value**2 == pytest.approx(own.sigma_ln_value**2 + 0.01, rel=1e-6)
