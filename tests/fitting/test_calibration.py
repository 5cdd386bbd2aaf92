"""Simulation-based calibration: data drawn from the prior, whose truth has any rank among the draws equally often.

Of 200 synthetic data sets of each kind the ranks fill ten bins (chi-square p > 0.01) and the intervals of 95 % hold the
truth 90 to 99 % of the time (S. Talts et al., arXiv:1804.06788). A wrong density, a wrong weight of a prior or moves
that do not leave the posterior as it is show here, whatever the model.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from spacecharge.fitting.posterior import sample
from spacecharge.fitting.priors import Prior, with_priors
from spacecharge.fitting.run import build
from tests.charge_transfer.test_interface_tables import config as interface
from tests.fitting.test_coverage import FAMILIES, relaxation

LAWS = {
    "normal": lambda p: stats.norm(p.first, p.second),
    "log_normal": lambda p: stats.lognorm(p.second, scale=p.first),
    "uniform": lambda p: stats.uniform(p.first, p.second - p.first),
    "log_uniform": lambda p: stats.loguniform(p.first, p.second),
}
N_DRAWS = 99


def calibrated(setup, priors, sigma, n_sets, samples):
    """Return ranks (n_sets, n_free) of the truth among 99 draws, and whether the intervals of 95 % hold it."""
    random = np.random.default_rng(20200507)
    problem = replace(with_priors(setup.problem, priors), absolute_sigma=True, limit=None, starts=())
    ranks, hits = [], []
    for _ in range(n_sets):
        truth = problem.initial
        for k in problem.free:
            truth[k] = LAWS[problem.priors[problem.names[k]].law](problem.priors[problem.names[k]]).rvs(
                random_state=random
            )
        model = problem.predict(truth)
        errors = np.broadcast_to(sigma, model.shape).copy()
        data = model + errors * random.standard_normal(model.size)
        # The search begins at the truth: calibration is of the draws, not of the starting points.
        parameters = tuple(replace(p, initial=float(v)) for p, v in zip(problem.parameters, truth, strict=True))
        estimate = setup.search(replace(problem, data=data, sigma=errors, parameters=parameters))
        drawn = sample(estimate, samples=samples, seed=int(random.integers(2**31)), threads=1)
        some = drawn.some(N_DRAWS)[:, problem.free]
        ranks.append((some < truth[problem.free]).sum(axis=0))
        flat = drawn.chain.reshape(-1, problem.free.size)
        low, high = np.quantile(flat, [0.025, 0.975], axis=0)
        hits.append((low <= truth[problem.free]) & (truth[problem.free] <= high))
    return np.array(ranks), np.array(hits)


def assert_calibrated(setup, priors, sigma, n_sets=200, samples=6000):
    ranks, hits = calibrated(setup, priors, sigma, n_sets, samples)
    for k in range(ranks.shape[1]):
        counts = np.bincount(ranks[:, k] * 10 // (N_DRAWS + 1), minlength=10)
        name = setup.problem.names[setup.problem.free[k]]
        print(
            name,
            counts,
            f"p = {stats.chisquare(counts).pvalue:.3f}, 95 % intervals hold {100 * hits[:, k].mean():.1f} %",
        )
        assert stats.chisquare(counts).pvalue > 0.01, (name, counts)
        assert 0.90 <= hits[:, k].mean() <= 0.99, name


BPP = {
    "correlation_time_s": Prior(law="log_normal", first=1e-9, second=0.3),
    "activation_energy_eV": Prior(law="normal", first=0.25, second=0.03),
    "dipolar_coupling_per_s2": Prior(law="log_uniform", first=1e9, second=4e9),
}


@pytest.mark.parametrize("n_sets", [24, pytest.param(200, marks=pytest.mark.slow)])
def test_relaxation(tmp_path, n_sets):
    config = relaxation(tmp_path, {"kind": "bpp", "larmor_frequency_MHz": 116.6})
    if n_sets == 200:
        assert_calibrated(build(config), BPP, 0.03)
        return
    ranks, hits = calibrated(build(config), BPP, 0.03, n_sets, 2000)
    # Too few for a histogram: the mean rank lies within four of its standard deviations.
    assert ranks.mean(axis=0) == pytest.approx(49.5, abs=4.0 * 28.9 / np.sqrt(n_sets))
    assert hits.mean() > 0.8


@pytest.mark.slow
def test_exchange(tmp_path):
    config, truth = FAMILIES["sink"](tmp_path)
    priors = {
        "diffusivity_m2_per_s": Prior(law="log_normal", first=truth["diffusivity_m2_per_s"], second=0.3),
        "activation_energy_eV": Prior(law="uniform", first=0.2, second=0.45),
    }
    assert_calibrated(build(config), priors, 0.02)


@pytest.mark.slow
def test_interface():
    setup = build(interface())
    priors = {
        "electrolyte.permittivity": Prior(law="log_normal", first=40.0, second=0.2),
        "electrolyte.site_density_per_nm3": Prior(law="normal", first=5.0, second=0.8),
    }
    assert_calibrated(setup, priors, setup.problem.sigma, samples=4000)
