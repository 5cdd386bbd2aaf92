"""Exponential and inverse cube root against 40-digit arithmetic."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from spacecharge.kernels.elementary import LOWEST_EXPONENT, exp_nonpositive, inverse_cube_root

DIGITS = 40
# Polynomial and reduction leave about one unit in the last place (1.1 and 1.0 seen).
MAX_ULP = 2.0


def ulp_error(found: float, exact: mp.mpf) -> float:
    return float(abs(mp.mpf(found) - exact) / mp.mpf(math.ulp(float(exact))))


def arguments() -> list[float]:
    rng = np.random.default_rng(11)
    half = 0.5 * math.log(2.0)
    # Both sides of the points where the reduction changes its integer, and the ends of the range.
    edges = [k * half * (1.0 + s * 1e-15) for k in (1.0, 3.0, 5.0, 2001.0) for s in (-1.0, 0.0, 1.0)]
    sizes = np.concatenate(
        [10.0 ** rng.uniform(-300.0, -1.0, 300), rng.uniform(0.0, 1.0, 500), rng.uniform(0.0, 708.0, 700), edges]
    )
    return [*(-sizes).tolist(), LOWEST_EXPONENT, -5e-324]


def test_exp_and_expm1_to_the_last_places() -> None:
    with mp.workdps(DIGITS):
        for x in arguments():
            value, minus_one = exp_nonpositive(x)
            assert ulp_error(value, mp.exp(x)) <= MAX_ULP, x
            assert ulp_error(minus_one, mp.expm1(x)) <= MAX_ULP, x


def test_exp_at_and_beyond_the_ends() -> None:
    assert exp_nonpositive(0.0) == (1.0, 0.0)
    assert exp_nonpositive(-0.0) == (1.0, 0.0)
    # Clamped: the smallest normal numbers, never a denormal, never a negative shift of the exponent.
    for x in (-709.0, -1e4, -1e300, -math.inf):
        value, minus_one = exp_nonpositive(x)
        assert value == exp_nonpositive(LOWEST_EXPONENT)[0] > 0.0
        assert minus_one == -1.0
    assert all(math.isnan(v) for v in exp_nonpositive(math.nan))


def test_exp_is_monotone() -> None:
    x = -np.sort(np.random.default_rng(3).uniform(0.0, 40.0, 4000))[::-1]
    values = np.array([exp_nonpositive(v)[0] for v in x])
    assert (np.diff(values) >= 0.0).all()


def test_inverse_cube_root_to_the_last_places() -> None:
    rng = np.random.default_rng(5)
    with mp.workdps(DIGITS):
        for x in np.concatenate([10.0 ** rng.uniform(-306.9, 0.0, 1000), rng.uniform(0.0, 1.0, 1000), [1.0, 1e-300]]):
            assert ulp_error(inverse_cube_root(x), 1 / mp.cbrt(mp.mpf(x))) <= MAX_ULP, x


@pytest.mark.parametrize("exponent", range(-1020, 1, 30))
def test_inverse_cube_root_just_off_powers_of_two(exponent: int) -> None:
    # The first guess is linear between powers of two: its slope jumps there.
    with mp.workdps(DIGITS):
        for x in (2.0**exponent, math.nextafter(2.0**exponent, 0.0)):
            assert ulp_error(inverse_cube_root(x), 1 / mp.cbrt(mp.mpf(x))) <= MAX_ULP
