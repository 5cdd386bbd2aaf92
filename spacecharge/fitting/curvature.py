"""Errors from the curvature of chi-square, where its linearised form has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import FitError, FitReason
from .least_squares import _Work, minimise
from .problem import Array, Estimate, Problem

STEP = 1e-3
"""Step of the second derivative in internal coordinates: an e-fold or the value itself, times this."""

LEAST_CURVATURE = 1e-3
"""Smallest eigenvalue, relative to the largest, of the second derivative with a unit diagonal that counts."""

CLOSE = 0.999
"""Correlation beyond which one error alone says little: fixing one parameter shrinks that of the other by 22."""


def minimise_by_curvature(problem: Problem) -> Estimate:
    """Fit a problem; where its Jacobian has no full rank, take the errors from the second derivative.

    A model with as many parameters as data that matter, which still misses the data, ends on a fold: the best point
    is where the Jacobian loses its rank, and the covariance of the linearised model does not exist. The chi-square
    itself has a minimum there, curved by the residuals that remain.

    Parameters
    ----------
    problem : Problem
        With a Jacobian: the second derivative is its difference.

    Returns
    -------
    Estimate
        As :func:`~spacecharge.fitting.least_squares.minimise` returns it; with a warning where it used the curvature.

    Raises
    ------
    FitError
        The parameters cannot be told apart by the curvature either (they are named).
    """
    try:
        return _with_correlations(minimise(problem))
    except FitError as refusal:
        if refusal.reason is not FitReason.UNRESOLVED or len(refusal.names) < 2:
            raise
        estimate = minimise(problem, check_rank=False)
        covariance = _inverse_curvature(problem, estimate)
        if covariance is None:
            raise
        apart = f"{', '.join(refusal.names[:-1])} and {refusal.names[-1]}"
    work = _Work(problem)
    free, n = problem.free, len(problem.parameters)
    scale = 1.0 if problem.absolute_sigma else estimate.chi2_reduced
    slopes = work.slopes(work.internal(estimate.values))
    inner, outer = np.zeros((n, n)), np.zeros((n, n))
    units = np.where(work.log, 1.0, work.unit)
    inner[np.ix_(free, free)] = covariance * scale * np.outer(units, units)
    outer[np.ix_(free, free)] = covariance * scale * np.outer(slopes, slopes)
    warning = (
        f"the model cannot come nearer to the data and ends on a fold, where to first order they do not tell apart "
        f"{apart}; errors come from the curvature of chi-square, trust the profiles"
    )
    found = replace(estimate, internal_covariance=inner, covariance=outer, warnings=(*estimate.warnings, warning))
    return _with_correlations(found)


def _with_correlations(estimate: Estimate) -> Estimate:
    """Add a warning for parameters that the data tell apart by a hair."""
    problem = estimate.problem
    free = problem.free
    covariance = estimate.internal_covariance[np.ix_(free, free)]
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    pairs = [
        f"the data hardly tell apart {problem.names[free[i]]} and {problem.names[free[j]]} "
        f"(correlation {correlation[i, j]:+.5f})"
        for i in range(free.size)
        for j in range(i + 1, free.size)
        if abs(correlation[i, j]) > CLOSE
    ]
    return replace(estimate, warnings=(*estimate.warnings, *pairs))


def _inverse_curvature(problem: Problem, estimate: Estimate) -> Array | None:
    """Return twice the inverse of the second derivative of chi-square, or None where it is no minimum."""
    work = _Work(problem)
    u = work.internal(estimate.values)
    hessian = np.empty((u.size, u.size))
    for k in range(u.size):
        step = STEP * (1.0 if work.log[k] else max(abs(float(u[k])), 1e-2))
        up, down = u.copy(), u.copy()
        up[k], down[k] = min(u[k] + step, work.upper[k]), max(u[k] - step, work.lower[k])
        change = work.jacobian(up).T @ work.residuals(up) - work.jacobian(down).T @ work.residuals(down)
        hessian[:, k] = change / (up[k] - down[k])
    hessian = 0.5 * (hessian + hessian.T)
    diagonal = np.diag(hessian)
    if not np.all(np.isfinite(hessian)) or np.any(diagonal <= 0.0):
        return None
    unit = hessian / np.sqrt(np.outer(diagonal, diagonal))
    eigenvalues = np.linalg.eigvalsh(unit)
    if eigenvalues[0] < LEAST_CURVATURE * eigenvalues[-1]:
        return None
    return np.asarray(np.linalg.inv(unit) / np.sqrt(np.outer(diagonal, diagonal)))


__all__ = ["minimise_by_curvature"]
