"""Student errors: the likelihood by scipy, and whether two sigmas hold what they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import t as student

from spacecharge.fitting.problem import Parameter, Problem
from spacecharge.fitting.student import minimise_student

X = np.linspace(0.0, 1.0, 40)


def line(noise: np.ndarray, *, absolute: bool) -> Problem:
    return Problem(
        parameters=(Parameter(name="a", initial=1.0), Parameter(name="b", initial=1.0)),
        predict=lambda v: v[0] + v[1] * X,
        jacobian=lambda v: np.column_stack([np.ones(X.size), X]),
        data=1.0 + 2.0 * X + 0.1 * noise,
        sigma=np.full(X.size, 0.1 if absolute else 1.0),
        absolute_sigma=absolute,
    )


def test_the_best_point_is_that_of_the_likelihood() -> None:
    problem = line(np.random.default_rng(1).standard_t(3, X.size), absolute=True)

    def height(v: np.ndarray) -> float:
        return -2.0 * float(np.sum(student.logpdf((problem.data - v[0] - v[1] * X) / 0.1, 3.0)))

    found = minimise_student(problem, 3.0)
    other = minimize(height, [1.0, 2.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11})
    assert found.values == pytest.approx(other.x, abs=1e-6)
    # chi2 is -2 ln L up to a constant.
    aside = found.values + np.array([0.01, 0.0])
    r = (problem.data - aside[0] - aside[1] * X) / 0.1
    rise = float(4.0 * np.sum(np.log1p(r**2 / 3.0))) - found.chi2
    assert rise == pytest.approx(height(aside) - height(found.values), rel=1e-6)


def normal(random: np.random.Generator) -> np.ndarray:
    return random.standard_normal(X.size)


def heavy(random: np.random.Generator) -> np.ndarray:
    return random.standard_t(4, X.size)


def spoilt(random: np.random.Generator) -> np.ndarray:
    noise = random.standard_normal(X.size)
    noise[random.choice(X.size, 4, replace=False)] += random.choice([-10.0, 10.0], 4)
    return noise


@pytest.mark.parametrize("noise", [normal, heavy, spoilt])
@pytest.mark.parametrize("absolute", [True, False])
def test_two_sigmas_hold_what_they_say(noise: Callable[..., np.ndarray], absolute: bool) -> None:
    n, inside, spread = 120, 0, []
    for seed in range(n):
        found = minimise_student(line(noise(np.random.default_rng(seed)), absolute=absolute), 4.0)
        spread.append((found.values[1] - 2.0) / found.sigma[1])
        inside += abs(spread[-1]) < 2.0
    # 95.45 % of 120 with a binomial sigma of 1.9 %; absolute errors are a bound from above.
    assert 0.89 <= inside / n
    assert 0.7 < float(np.std(spread)) < 1.25
