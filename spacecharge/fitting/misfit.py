"""Whether a law describes its data: the size of chi-square, and residuals that keep their sign for too long."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .problem import MEASURED, Array, Estimate
from .setup import Setup

_RUNS_Z = -3.0
"""Standard deviations below the expected number of runs from which on residuals are called systematic: 1 of 740."""

_CHI2_P = 1e-5
"""Probability of a larger chi-square below which the given errors do not explain it."""

_ROUNDING = 1e-6
"""Residuals below this part of the data are no misfit, whatever their order."""


def misfit(setup: Setup, estimate: Estimate) -> list[str]:
    """Return warnings about a law that does not describe its data.

    Parameters
    ----------
    setup : Setup
        Series and order of the data.
    estimate : Estimate
        The fit.

    Returns
    -------
    list of str
        Empty where chi-square and the order of the residuals are those of noise.

    References
    ----------
    .. [1] A. Wald, J. Wolfowitz, Ann. Math. Statist. 11, 147 (1940): the number of runs of one sign.
    """
    found: list[str] = []
    problem = estimate.problem
    measured = np.ones(problem.data.size, bool) if problem.limit is None else problem.limit == MEASURED
    size = 1.0 if setup.is_log else float(np.max(np.abs(problem.data)))
    spread = float(np.sqrt(np.mean(estimate.residuals[measured] ** 2))) if np.any(measured) else 0.0
    if estimate.freedom <= 0 or spread <= _ROUNDING * size:
        return found
    if problem.sigma is not None:
        from scipy.special import gammaincc

        probability = float(gammaincc(0.5 * estimate.freedom, 0.5 * estimate.chi2))
        if probability < _CHI2_P:
            found.append(
                f"chi-square is {estimate.chi2:.4g} for {estimate.freedom} degrees of freedom (probability "
                f"{probability:.1g}): the errors of the data are too small, or the law does not hold"
            )
    z = _runs(setup, estimate.residuals, measured)
    if z < _RUNS_Z:
        found.append(
            f"the residuals are systematic: they keep their sign for longer than noise does (runs test, z = {z:.1f}); "
            "another law or a parameter that is held may be needed, and the errors mean little"
        )
    return found


def _runs(setup: Setup, residuals: Array, measured: NDArray[np.bool_]) -> float:
    """Return by how many standard deviations the runs of one sign are more (or, below 0, fewer) than by chance."""
    order = setup.temperatures[setup.temperature_index] if setup.order is None else setup.order
    curve = setup.series
    if setup.order is not None:
        curve = setup.series * setup.temperatures.size + setup.temperature_index
    excess = variance = 0.0
    for key in np.unique(curve):
        rows = np.flatnonzero((curve == key) & measured)
        signs = residuals[rows[np.argsort(order[rows], kind="stable")]] > 0.0
        plus, minus = int(np.sum(signs)), int(np.sum(~signs))
        n = plus + minus
        if n < 4:
            continue
        expected = 1.0 + 2.0 * plus * minus / n
        runs = 1 + int(np.sum(signs[1:] != signs[:-1]))
        excess += runs - expected
        variance += (expected - 1.0) * (expected - 2.0) / (n - 1.0)
    return excess / math.sqrt(variance) if variance > 0.0 else 0.0


__all__ = ["misfit"]
