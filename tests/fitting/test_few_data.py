"""Bootstrap with four degrees of freedom: the interval holds the truth as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from spacecharge.fitting.least_squares import Parameter, Problem, minimise
from spacecharge.fitting.uncertainty import bootstrap, widened

X = np.linspace(-1.0, 1.0, 6)


def line(data: np.ndarray, **more: object) -> Problem:
    parameters = (Parameter(name="height", initial=1.0), Parameter(name="slope", initial=1.0))
    return Problem(parameters=parameters, predict=lambda v: v[0] + v[1] * X, data=data, **more)


def test_widening_is_students_t_over_the_normal_law() -> None:
    estimate = minimise(line(1.0 + X + 0.1 * np.resize([1.0, -1.0], 6)))
    # 2.8693 of four degrees of freedom over 2.0000 at 95.45 %.
    low, high = widened((0.9, 1.2), 1.0, estimate, 0.9545, log=False)
    assert (1.0 - low, high - 1.0) == pytest.approx((0.14347, 0.28693), rel=1e-3)
    low, high = widened((0.5, 2.0), 1.0, estimate, 0.9545, log=True)
    assert np.log([low, high]) == pytest.approx(np.array([-1.43465, 1.43465]) * np.log(2.0), rel=1e-3)
    exact = minimise(line(1.0 + X, sigma=np.full(6, 0.1), absolute_sigma=True))
    assert widened((0.9, 1.2), 1.0, exact, 0.9545, log=False) == pytest.approx((0.9, 1.2), rel=1e-6)


def test_absolute_errors_are_drawn_as_they_are() -> None:
    # Residuals of zero say nothing of noise whose size is given.
    estimate = minimise(line(1.0 + X, sigma=np.full(6, 0.1), absolute_sigma=True))
    sigma = bootstrap(estimate, n_samples=400, seed=1).sigma()
    assert sigma == pytest.approx(estimate.sigma, rel=0.12)


@pytest.mark.slow
def test_coverage_with_four_degrees_of_freedom() -> None:
    random = np.random.default_rng(2)
    held = plain = 0
    for seed in range(300):
        estimate = minimise(line(1.0 + X + 0.1 * random.standard_normal(6)))
        found = bootstrap(estimate, n_samples=200, seed=seed).interval(1)
        low, high = widened(found, estimate.value("slope"), estimate, 0.9545, log=False)
        held += low <= 1.0 <= high
        plain += found[0] <= 1.0 <= found[1]
    # Binomial standard deviation 1.3 %; the plain percentiles hold it in 88 %.
    assert 0.915 <= held / 300 <= 0.985
    assert plain / 300 < 0.92
