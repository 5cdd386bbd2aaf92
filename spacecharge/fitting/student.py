"""Student errors: a fit that a few outliers do not pull, and the errors of its parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .curvature import minimise_by_curvature
from .least_squares import _from, minimise, student_slope
from .problem import Array, Estimate, Problem

MOST_ROUNDS = 30
"""Of scale and parameters in turn; each round shrinks the error of the scale by about three."""

SAME_SCALE = 1e-4

LITTLE = 0.25
"""A datum that counts less than this part of one in the middle is named."""


def minimise_student(problem: Problem, degrees: float, labels: Sequence[str] = ()) -> Estimate:
    """Fit by the likelihood of Student's t instead of the normal law.

    Parameters
    ----------
    problem : Problem
        What is fitted. Where its sigma are weights, their common size is found with the parameters.
    degrees : float
        Degrees of freedom of the errors: few make outliers likely.
    labels : sequence of str, optional
        What each datum is, for those that hardly count.

    Returns
    -------
    Estimate
        Its problem has the scaled sigma; `chi2` is -2 ln L up to a constant.

    Raises
    ------
    FitError
        As :func:`~spacecharge.fitting.least_squares.minimise` raises it.

    Notes
    -----
    Residuals r become sign(r) sqrt[(n + 1) ln(1 + r^2/n)], whose sum of squares is -2 ln L: profiles, priors and
    samplers need know nothing of it. The covariance is not that of the linearised transform, which holds within a
    sigma of the middle only, but Huber's [1]: (J^T J)^-1 [sum psi^2/(N - p)]/[mean psi']^2 with
    psi = (n + 1) r/(n + r^2), right whatever law the errors follow. Where the errors are given as absolute it is not
    below the inverse of the expected information, (n + 3)/(n + 1) (J^T J)^-1 [2].

    References
    ----------
    .. [1] P. J. Huber, Robust Statistics, Wiley (1981), sections 7.6 and 8.4.
    .. [2] K. L. Lange, R. J. A. Little, J. M. G. Taylor, J. Am. Stat. Assoc. 84, 881 (1989).
    """
    measured = problem.measured
    base = np.ones(problem.data.size) if problem.sigma is None else problem.sigma
    scale = 1.0
    current = problem
    if not problem.absolute_sigma:
        estimate = minimise(problem, check_rank=False)
        scale = max(1.4826 * float(np.median(np.abs(estimate.residuals / base)[measured])), 1e-300)
        for _ in range(MOST_ROUNDS):
            current = _from(_student(problem, base, scale, measured, degrees), estimate.values)
            estimate = minimise(current, check_rank=False)
            fresh = _scale(estimate.residuals[measured] / base[measured], scale, degrees, problem.free.size)
            step, scale = abs(math.log(fresh / scale)), fresh
            if step < SAME_SCALE:
                break
        current = _from(problem, estimate.values)
    found = minimise_by_curvature(_student(current, base, scale, measured, degrees))
    return _honest(found, measured, degrees, scale, labels, absolute=problem.absolute_sigma)


def _student(problem: Problem, base: Array, scale: float, measured: NDArray[np.bool_], degrees: float) -> Problem:
    # A bound keeps its own width: the scatter of what was measured says nothing of it.
    sigma = np.where(measured, base * scale, base)
    return replace(problem, sigma=sigma, absolute_sigma=True, noise=1.0, student=degrees, coarse=None)


def _scale(r: Array, scale: float, degrees: float, n_parameters: int) -> float:
    """Return the size of the errors of largest likelihood, by its fixed point, for residuals r."""
    freedom = max(r.size - n_parameters, 1)
    for _ in range(200):
        weight = (degrees + 1.0) / (degrees + (r / scale) ** 2)
        fresh = math.sqrt(float(np.sum(weight * r**2)) / freedom)
        if not fresh > 0.0:
            return scale
        if abs(math.log(fresh / scale)) < 1e-10:
            break
        scale = fresh
    return scale


def _honest(
    estimate: Estimate,
    measured: NDArray[np.bool_],
    degrees: float,
    scale: float,
    labels: Sequence[str],
    *,
    absolute: bool,
) -> Estimate:
    problem = estimate.problem
    assert problem.sigma is not None
    r = (estimate.residuals / problem.sigma)[measured]
    psi = (degrees + 1.0) * r / (degrees + r**2)
    slope = (degrees + 1.0) * (degrees - r**2) / (degrees + r**2) ** 2
    plain = estimate.jacobian.copy()
    plain[measured] /= student_slope(r, degrees)[:, None]
    information = plain.T @ plain + estimate.prior_jacobian.T @ estimate.prior_jacobian
    mean = float(np.mean(slope))
    factor = float(np.sum(psi**2)) / max(estimate.freedom, 1) / mean**2 if mean > 0.0 else math.nan
    expected = (degrees + 3.0) / (degrees + 1.0)
    if absolute or not math.isfinite(factor):
        factor = max(expected, factor) if math.isfinite(factor) else expected
    linear = estimate.jacobian.T @ estimate.jacobian + estimate.prior_jacobian.T @ estimate.prior_jacobian
    inner, outer = estimate.internal_covariance.copy(), estimate.covariance.copy()
    free = problem.free
    if free.size and np.all(np.isfinite(inner[np.ix_(free, free)])):
        # What changes from the linearised transform, carried over in the coordinates of the search.
        with np.errstate(all="ignore"):
            ratio = factor * np.diag(np.linalg.pinv(information)) / np.diag(np.linalg.pinv(linear))
        root = np.sqrt(ratio)
        inner[np.ix_(free, free)] *= np.outer(root, root)
        outer[np.ix_(free, free)] *= np.outer(root, root)
    return replace(
        estimate,
        internal_covariance=inner,
        covariance=outer,
        warnings=(*estimate.warnings, *_said(r, measured, degrees, scale, labels)),
    )


def _said(r: Array, measured: NDArray[np.bool_], degrees: float, scale: float, labels: Sequence[str]) -> list[str]:
    """Say how many data hardly count, and which."""
    weight = degrees / (degrees + r**2)
    few = np.flatnonzero(weight < LITTLE)
    if not few.size:
        return []
    worst = few[np.argsort(weight[few])][:5]
    places = np.flatnonzero(measured)
    named = [f"{labels[places[k]]} ({r[k]:+.1f} sigma)" for k in worst] if labels else []
    which = f": {', '.join(named)}{', ...' if few.size > worst.size else ''}" if named else ""
    size = "" if scale == 1.0 else f", sigma {scale:.3g} of the weights"
    return [
        f"Student errors with {degrees:g} degrees of freedom{size}: {few.size} of {r.size} data count less than "
        f"{LITTLE:g} of the others{which}"
    ]


__all__ = ["minimise_student"]
