"""Whether a law describes its data: the size of chi-square, and residuals that keep their sign for too long."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .problem import Array, Estimate
from .setup import Setup

_SYSTEMATIC_Z = -3.3
"""Standard deviations below what noise gives from which on residuals are called systematic: 1 of 2000."""

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
    .. [2] J. von Neumann, Ann. Math. Statist. 12, 367 (1941): the mean square successive difference, which sees a
       smooth misfit in a dozen points already.
    """
    found: list[str] = []
    problem = estimate.problem
    measured = problem.measured
    size = 1.0 if setup.is_log else float(np.max(np.abs(problem.data)))
    spread = float(np.sqrt(np.mean(estimate.residuals[measured] ** 2))) if np.any(measured) else 0.0
    if estimate.freedom <= 0 or spread <= _ROUNDING * size:
        return found
    # Student's t has no chi-square law.
    if problem.sigma is not None and not problem.student:
        from scipy.special import gammaincc

        probability = float(gammaincc(0.5 * estimate.freedom, 0.5 * estimate.chi2))
        if probability < _CHI2_P:
            found.append(
                f"chi-square is {estimate.chi2:.4g} for {estimate.freedom} degrees of freedom (probability "
                f"{probability:.1g}): the errors of the data are too small, or the law does not hold"
            )
    weighted = estimate.residuals if problem.sigma is None else estimate.residuals / problem.sigma
    tests = ("runs of one sign", "successive differences")
    for words, z in zip(tests, _order(setup, weighted, measured), strict=True):
        if z < _SYSTEMATIC_Z:
            found.append(
                f"the residuals are systematic ({words}: {-z:.1f} standard deviations from noise); another law, or a "
                "parameter that is held, may be needed, and the errors mean little"
            )
            break
    return found


def _order(setup: Setup, residuals: Array, measured: NDArray[np.bool_]) -> tuple[float, float]:
    """Return by how many standard deviations runs and successive differences lie above (below 0: under) chance."""
    order = setup.temperatures[setup.temperature_index] if setup.order is None else setup.order
    curve = setup.series
    if setup.order is not None:
        curve = setup.series * setup.temperatures.size + setup.temperature_index
    runs, runs_variance, ratio, ratio_variance = 0.0, 0.0, 0.0, 0.0
    for key in np.unique(curve):
        rows = np.flatnonzero((curve == key) & measured)
        if rows.size < 5:
            continue
        r = residuals[rows[np.argsort(order[rows], kind="stable")]]
        n, plus = r.size, int(np.sum(r > 0.0))
        expected = 1.0 + 2.0 * plus * (n - plus) / n
        runs += 1 + int(np.sum((r[1:] > 0.0) != (r[:-1] > 0.0))) - expected
        runs_variance += (expected - 1.0) * (expected - 2.0) / (n - 1.0)
        ratio += float(np.sum(np.diff(r) ** 2) / np.sum(r**2)) - 2.0
        ratio_variance += 4.0 * (n - 2.0) / (n * n - 1.0)
    return (
        runs / math.sqrt(runs_variance) if runs_variance > 0.0 else 0.0,
        ratio / math.sqrt(ratio_variance) if ratio_variance > 0.0 else 0.0,
    )


__all__ = ["misfit"]
