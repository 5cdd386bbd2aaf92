"""How well a fit is known: propagated errors, bootstrap, profile likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError, FitReason
from .least_squares import Array, Estimate, minimise


def propagate(estimate: Estimate, function: Callable[[Array], float]) -> tuple[float, float]:
    """Return a derived quantity and one sigma of it, by the gradient and the full covariance.

    Parameters
    ----------
    estimate : Estimate
        A fit.
    function : callable
        ``function(values (n_parameters,)) -> float``.

    Returns
    -------
    value, sigma : float
        In the unit of `function`. A positive quantity is differentiated as its logarithm where the
        parameters are logarithms, so a product of powers is exact.
    """
    value = float(function(estimate.values))
    gradient = np.zeros(estimate.values.size)
    for k in estimate.problem.free:
        p = estimate.problem.parameters[k]
        here = estimate.values[k]
        step = 1e-5 if p.log else 1e-5 * max(abs(here), p.span)
        up, down = estimate.values.copy(), estimate.values.copy()
        up[k], down[k] = (here * math.exp(step), here * math.exp(-step)) if p.log else (here + step, here - step)
        gradient[k] = (float(function(up)) - float(function(down))) / (2.0 * step)
    used = gradient != 0.0
    variance = gradient[used] @ estimate.internal_covariance[np.ix_(used, used)] @ gradient[used]
    return value, math.sqrt(variance) if variance >= 0.0 else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """Fits of resampled data.

    Parameters
    ----------
    samples : ndarray, shape (n_samples, n_parameters)
        Values of every parameter.
    n_failed : int
        Resamplings whose fit failed; they are left out.
    seed : int
        Of the random numbers.
    """

    samples: NDArray[np.float64]
    n_failed: int
    seed: int

    def sigma(self) -> Array:
        """Return the standard deviation of every parameter (n_parameters,)."""
        return np.asarray(self.samples.std(axis=0, ddof=1))

    def interval(self, position: int, level: float = 0.9545) -> tuple[float, float]:
        """Return the percentile interval of a parameter."""
        low, high = np.quantile(self.samples[:, position], [0.5 - 0.5 * level, 0.5 + 0.5 * level])
        return float(low), float(high)


def bootstrap(estimate: Estimate, *, n_samples: int = 200, seed: int = 0) -> Bootstrap:
    """Refit data made of the prediction and resampled residuals.

    Standardised residuals are drawn with replacement and inflated by sqrt(n / freedom), since fitted
    residuals are smaller than the noise; where the errors of the data are absolute, normal noise of these errors is
    drawn. Bounds among the data stay as they are. Percentiles of few data are too narrow, since the noise itself is
    known by `freedom` numbers only: see :func:`widened`.

    Parameters
    ----------
    estimate : Estimate
        A fit with more data than parameters.
    n_samples : int
        Resamplings.
    seed : int
        Of the random numbers.

    Returns
    -------
    Bootstrap
        Samples in the order of the parameters.

    Raises
    ------
    FitError
        No degree of freedom is left, or more than half of the refits failed.
    """
    if estimate.freedom <= 0:
        raise FitError("a bootstrap needs more data than parameters")
    problem = estimate.problem
    random = np.random.default_rng(seed)
    sigma = np.ones(problem.data.size) if problem.sigma is None else problem.sigma
    measured = problem.measured
    pool = (estimate.residuals / sigma)[measured] * math.sqrt(measured.sum() / estimate.freedom)
    start = problem.starting_at(estimate.values)
    samples = []
    for _ in range(n_samples):
        data = problem.data.copy()
        n = int(measured.sum())
        if problem.student:
            drawn = random.standard_t(problem.student, n)
        else:
            drawn = random.standard_normal(n) if problem.absolute_sigma else random.choice(pool, size=n)
        data[measured] = estimate.model[measured] + sigma[measured] * drawn
        # A prior is a measurement of its parameter, made anew like the others.
        priors = {n: p.moved(random.standard_normal()) if p.is_normal else p for n, p in problem.priors.items()}
        changed = replace(start, data=data, starts=(), priors=priors)
        try:
            fit = minimise(changed, check_rank=False)
        except FitError:
            continue
        samples.append(fit.values)
    if len(samples) < max(2, n_samples // 2):
        raise FitError(
            f"the bootstrap failed: {n_samples - len(samples)} of {n_samples} refits did not converge",
            FitReason.NOT_CONVERGED,
        )
    return Bootstrap(samples=np.array(samples), n_failed=n_samples - len(samples), seed=seed)


def widened(
    interval: tuple[float, float], value: float, estimate: Estimate, level: float, *, log: bool
) -> tuple[float, float]:
    """Return a percentile interval widened by Student's t over the normal quantile.

    Parameters
    ----------
    interval : (float, float)
        Percentiles.
    value : float
        Best value, which stays where it is.
    estimate : Estimate
        Its degrees of freedom; nothing is widened where the errors of the data are absolute.
    level : float
        Confidence.
    log : bool
        Widen in the logarithm.

    Returns
    -------
    (float, float)
        With 4 degrees of freedom the percentiles of 95.45 % hold the truth in 88 % of linear fits, these in 95 %.
    """
    from scipy.special import ndtri

    factor = estimate.quantile(level) / float(ndtri(0.5 + 0.5 * level))
    if log and value > 0.0 and min(interval) > 0.0:
        low, high = (value * math.exp(factor * math.log(end / value)) for end in interval)
        return low, high
    low, high = (value + factor * (end - value) for end in interval)
    return low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Chi-square along one parameter with all others refitted.

    Parameters
    ----------
    name : str
        The parameter.
    value, chi2 : ndarray, shape (n_points,)
        Where it was held, ascending, and the chi-square there.
    lower, upper : float
        Ends of the interval at `level`; infinite (or the bound) where the chi-square never rises enough.
    level : float
        Confidence.
    """

    name: str
    value: NDArray[np.float64]
    chi2: NDArray[np.float64]
    lower: float
    upper: float
    level: float


def profile(estimate: Estimate, name: str, *, level: float = 0.9545, max_sigmas: float = 30.0) -> Profile:
    """Walk along one parameter, refitting the others, until the chi-square has risen by the quantile.

    Parameters
    ----------
    estimate : Estimate
        A fit.
    name : str
        A fitted parameter.
    level : float
        Confidence of the interval.
    max_sigmas : float
        How far to walk, in sigmas of the covariance.

    Returns
    -------
    Profile
        Curve and interval.

    Raises
    ------
    FitError
        `name` is fixed or unknown, or its sigma is not known.
    """
    problem = estimate.problem
    if name not in problem.names or problem.parameters[problem.names.index(name)].fixed:
        raise FitError(f"{name} is not fitted, it has no profile")
    position = problem.names.index(name)
    p = problem.parameters[position]
    sigma = math.sqrt(estimate.internal_covariance[position, position])
    if not (math.isfinite(sigma) and sigma > 0.0):
        raise FitError(f"the sigma of {name} is not known, it has no profile")
    scale = 1.0 if problem.absolute_sigma else estimate.chi2_reduced
    goal = estimate.quantile(level) ** 2 * scale
    best = float(estimate.values[position])
    points = {best: estimate.height}
    ends = []
    for side in (-1.0, 1.0):
        values, inside, outside = estimate.values, 0.0, math.nan
        reach = 0.5 * estimate.quantile(level)
        end = -math.inf if side < 0 else math.inf
        while reach <= max_sigmas:
            here = best * math.exp(side * reach * sigma) if p.log else best + side * reach * sigma
            clipped = float(np.clip(here, p.minimum, p.maximum))
            values, chi2 = _held(estimate, values, name, clipped)
            points[clipped] = chi2
            if chi2 - estimate.height >= goal:
                outside = reach
                break
            inside = reach
            if clipped != here:
                end = clipped
                break
            reach *= 1.5
        if math.isfinite(outside):
            for _ in range(12):
                middle = 0.5 * (inside + outside)
                here = best * math.exp(side * middle * sigma) if p.log else best + side * middle * sigma
                values, chi2 = _held(estimate, values, name, here)
                points[here] = chi2
                inside, outside = (inside, middle) if chi2 - estimate.height >= goal else (middle, outside)
                end = here
        ends.append(end)
    order = sorted(points)
    return Profile(
        name=name,
        value=np.array(order),
        chi2=np.array([points[v] for v in order]),
        lower=ends[0],
        upper=ends[1],
        level=level,
    )


def _held(estimate: Estimate, values: Array, name: str, at: float) -> tuple[Array, float]:
    """Refit with one parameter held, starting from the last point of the walk."""
    fit = minimise(estimate.problem.with_fixed(name, at).starting_at(values), check_rank=False)
    return fit.values, fit.height
