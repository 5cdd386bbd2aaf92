"""Weighted least squares of any model: named bounded parameters, logarithmic scales, one-sided data.

Nothing here knows what is fitted. A :class:`Problem` joins parameters, a prediction and data;
:func:`minimise` returns an :class:`Estimate` with its covariance, or refuses with the names of the
parameters that the data cannot tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError, FitReason
from .identifiability import Unresolved, unresolved_parameters
from .problem import AT_LEAST, AT_MOST, Array, Estimate, Parameter, Problem

_FORWARD_STEP = 1.5e-8
_CENTRAL_STEP = 6e-6
_TOLERANCE = 1e-10

_STAGE = 40
"""Steps after which a search is looked at: most are done within half of them."""

_NO_GAIN = 0.1
"""Fall of chi-square over so many steps, in units of its scale, that nobody would see in the data."""


def minimise(problem: Problem, *, max_evaluations: int = 400, check_rank: bool = True) -> Estimate:
    """Fit the free parameters of a problem.

    Trust-region reflective least squares (scipy) in internal coordinates: the logarithm of log-scaled
    parameters, the others in units of their initial value.

    Parameters
    ----------
    problem : Problem
        Parameters, prediction and data.
    max_evaluations : int
        Steps of the search at most.
    check_rank : bool
        Refuse where parameters cannot be told apart; otherwise their covariance is NaN.

    Returns
    -------
    Estimate
        Values, covariance, residuals.

    Raises
    ------
    FitError
        Fewer data than parameters, a model that is not finite, a search that does not end, or
        parameters that cannot be told apart (named).
    """
    work = _Work(problem)
    free = problem.free
    if check_rank and problem.data.size + len(problem.normal_priors) < free.size:
        raise FitError(
            f"{free.size} parameters ({', '.join(problem.names[i] for i in free)}) cannot be fitted to "
            f"{problem.data.size} {'datum' if problem.data.size == 1 else 'data'}"
        )
    u, message = work.start(), "nothing to fit"
    if free.size:
        u, message = _searched(work, u, max_evaluations)
    return _estimate(work, u, message, check_rank)


def _searched(work: _Work, u: Array, max_evaluations: int) -> tuple[Array, str]:
    """Return where the search from `u` ends, and why; it is left early where it goes on along a valley for ever."""
    from scipy.optimize import least_squares

    before, left, unit = math.inf, max_evaluations, work.unit_of_data

    def residuals(u: Array) -> Array:
        return work.residuals(u) / unit

    def jacobian(u: Array) -> Array:
        return work.jacobian(u) / unit

    while left > 0:
        with np.errstate(all="ignore"):
            solution = least_squares(
                residuals,
                u,
                jac=jacobian,
                bounds=(work.lower, work.upper),
                x_scale="jac",
                ftol=_TOLERANCE,
                xtol=_TOLERANCE,
                gtol=1e-12,
                max_nfev=min(_STAGE, left),
            )
        u = solution.x
        if solution.status > 0:
            return u, str(solution.message).rstrip(".")
        left -= int(solution.nfev)
        chi2 = 2.0 * float(solution.cost) * unit**2
        if before - chi2 <= _NO_GAIN * work.scale(chi2) and work.unresolved(u, chi2):
            return u, "the data leave a direction open, along which nothing changes"
        before = chi2
    raise FitError(
        f"the fit did not converge in {max_evaluations} steps; give other initial values", FitReason.NOT_CONVERGED
    )


class _Work:
    """Internal coordinates, residuals and their derivatives of one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.free = problem.free
        chosen = [problem.parameters[i] for i in self.free]
        self.log = np.array([p.log for p in chosen], dtype=bool)
        self.unit = np.array([p.span for p in chosen])
        self.lower = np.array([self._inside(p, p.minimum) for p in chosen])
        self.upper = np.array([self._inside(p, p.maximum) for p in chosen])
        self.weight = 1.0 if problem.sigma is None else 1.0 / problem.sigma
        self.measured = problem.measured
        self.priors = problem.normal_priors
        # A search ends where its gradient is small, which that of data without errors is too where they are small.
        largest = float(np.max(np.abs(problem.data), initial=0.0)) if problem.sigma is None else 1.0
        self.unit_of_data = largest if 0.0 < largest < 1.0 else 1.0
        self.n_rows = problem.data.size + len(self.priors)
        self.n_evaluations = 0

    @staticmethod
    def _inside(p: Parameter, value: float) -> float:
        if p.log:
            return math.log(value) if value > 0.0 else -math.inf
        return value / p.span

    def internal(self, values: Array) -> Array:
        """Return internal coordinates of the free parameters."""
        chosen = values[self.free]
        u = chosen / self.unit
        u[self.log] = np.log(chosen[self.log])
        # A point on a bound has no room for the search to move.
        room = np.minimum(1e-8, 0.25 * (self.upper - self.lower))
        return np.asarray(np.clip(u, self.lower + room, self.upper - room))

    def values(self, u: Array) -> Array:
        """Return the values of all parameters."""
        values = self.problem.initial
        chosen = u * self.unit
        chosen[self.log] = np.exp(u[self.log])
        values[self.free] = chosen
        return values

    def values_of(self, points: Array) -> Array:
        """Return the same of many points (n, n_free) -> (n, n_parameters)."""
        values = np.tile(self.problem.initial, (points.shape[0], 1))
        chosen = points * self.unit
        chosen[:, self.log] = np.exp(points[:, self.log])
        values[:, self.free] = chosen
        return values

    def slopes(self, u: Array) -> Array:
        """Return d value / d internal of the free parameters."""
        return np.where(self.log, np.exp(np.where(self.log, u, 0.0)), self.unit)

    def model(self, u: Array) -> Array:
        self.n_evaluations += 1
        return np.asarray(self.problem.predict(self.values(u)), dtype=np.float64)

    def residuals(self, u: Array) -> Array:
        """Return the weighted residuals of the data, and behind them those of the normal priors."""
        r = self._weigh(self.model(u))
        return np.concatenate([r, self.prior_residuals(u)]) if self.priors else r

    def prior_residuals(self, u: Array) -> Array:
        values = self.values(u)
        return self.problem.noise * np.array([prior.residual(float(values[k])) for k, prior in self.priors])

    def prior_jacobian(self, u: Array) -> Array:
        values, slopes = self.values(u), self.slopes(u)
        out = np.zeros((len(self.priors), u.size))
        for row, (k, prior) in enumerate(self.priors):
            for place in np.flatnonzero(self.free == k):
                out[row, place] = self.problem.noise * prior.slope(float(values[k])) * slopes[place]
        return out

    def _weigh(self, model: Array) -> Array:
        r = (model - self.problem.data) * self.weight
        limit = self.problem.limit
        if limit is not None:
            for kind in (AT_MOST, AT_LEAST):
                rows = limit == kind
                if np.any(rows):
                    r[..., rows] = -kind * _one_sided(-kind * r[..., rows])
        if self.problem.student:
            r[..., self.measured] = student_residual(r[..., self.measured], self.problem.student)
        return np.asarray(r)

    def _weights(self, model: Array) -> Array:
        """Return d residual / d model (n_data,), the square root of the information of each datum."""
        w = np.broadcast_to(np.asarray(self.weight, dtype=float), model.shape).copy()
        limit = self.problem.limit
        if limit is not None:
            for kind in (AT_MOST, AT_LEAST):
                rows = limit == kind
                if np.any(rows):
                    z = -kind * (model[rows] - self.problem.data[rows]) * w[rows]
                    w[rows] *= _one_sided_slope(z)
        if self.problem.student:
            r = (model - self.problem.data)[self.measured] * w[self.measured]
            w[self.measured] *= student_slope(r, self.problem.student)
        return w

    def scale(self, chi2: float) -> float:
        """Return the factor of a covariance: one, or the reduced chi-square where errors are weights."""
        freedom = self.problem.n_measured - self.free.size
        return 1.0 if self.problem.absolute_sigma or freedom <= 0 else chi2 / freedom

    def unresolved(self, u: Array, chi2: float) -> list[Unresolved]:
        """Return what the data, and the priors beside them, cannot tell apart at a point."""
        with np.errstate(all="ignore"):
            jacobian = self.jacobian(u, central=True)
        names = [self.problem.names[i] for i in self.free]
        return (
            unresolved_parameters(jacobian, names, self.log, self.scale(chi2)) if np.all(np.isfinite(jacobian)) else []
        )

    def start(self) -> Array:
        """Return the best of the given starting points."""
        best, least = None, math.inf
        judge = self if self.problem.coarse is None or not self.problem.starts else _Work(self.problem.coarse)
        with np.errstate(all="ignore"):
            for values in (self.problem.initial, *self.problem.starts):
                u = self.internal(values)
                r = judge.residuals(u)
                chi2 = float(r @ r) if r.size == judge.n_rows else math.nan
                if chi2 < least:
                    best, least = u, chi2
        if best is None:
            raise FitError("the model is not finite at the initial values; give others", FitReason.NOT_FINITE)
        return best

    def jacobian(self, u: Array, central: bool = False) -> Array:
        """Return d residual / d internal (n_data + n_normal_priors, n_free)."""
        of_data = self._data_jacobian(u, central)
        return np.vstack([of_data, self.prior_jacobian(u)]) if self.priors else of_data

    def _data_jacobian(self, u: Array, central: bool) -> Array:
        model = self.model(u)
        weights = self._weights(model)
        if self.problem.jacobian is not None:
            full = np.asarray(self.problem.jacobian(self.values(u)), dtype=np.float64)
            return np.asarray(full[:, self.free] * self.slopes(u) * weights[:, None])
        out = np.empty((model.size, u.size))
        for k in range(u.size):
            step = (_CENTRAL_STEP if central else _FORWARD_STEP) * max(1.0, abs(u[k]) * (not self.log[k]))
            up, down = u.copy(), u.copy()
            up[k] = min(u[k] + step, self.upper[k])
            if central or up[k] == u[k]:
                down[k] = max(u[k] - step, self.lower[k])
            low = model if down[k] == u[k] else self.model(down)
            out[:, k] = (self.model(up) - low) / (up[k] - down[k])
        return out * weights[:, None]


def _one_sided(z: Array) -> Array:
    """Return sqrt(-2 ln Phi(-z)): what a bound that is overstepped by z sigmas adds to the residuals."""
    from scipy.special import log_ndtr

    return np.asarray(np.sqrt(-2.0 * log_ndtr(-z)))


def _one_sided_slope(z: Array) -> Array:
    """Return its derivative, z from far below (0) to far above (1) the bound."""
    from scipy.special import log_ndtr

    log_phi = -0.5 * z**2 - 0.5 * math.log(2.0 * math.pi)
    r = np.sqrt(-2.0 * log_ndtr(-z))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.exp(log_phi - log_ndtr(-z)) / r
    return np.asarray(np.where(r > 0.0, slope, 0.0))


def student_residual(r: Array, degrees: float) -> Array:
    """Return what the squares of are -2 ln L of Student's t, up to a constant, for residuals in sigmas."""
    return np.asarray(np.sign(r) * np.sqrt((degrees + 1.0) * np.log1p(r**2 / degrees)))


def student_slope(r: Array, degrees: float) -> Array:
    """Return the derivative of :func:`student_residual`."""
    turned = np.abs(student_residual(r, degrees))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (degrees + 1.0) * np.abs(r) / (degrees + r**2) / turned
    return np.asarray(np.where(turned > 1e-8, slope, math.sqrt((degrees + 1.0) / degrees)))


def _estimate(work: _Work, u: Array, message: str, check_rank: bool) -> Estimate:
    problem, free = work.problem, work.free
    values, n = work.values(u), len(problem.parameters)
    with np.errstate(all="ignore"):
        model = work.model(u)
        weighted = work._weigh(model)
        jacobian = work.jacobian(u, central=True)
        of_priors = work.prior_residuals(u)
    if not (np.all(np.isfinite(model)) and np.all(np.isfinite(jacobian))):
        raise FitError(
            "the model is not finite where the fit ended; give other initial values or bounds", FitReason.NOT_FINITE
        )
    chi2 = float(weighted @ weighted)
    of_data = jacobian[: problem.data.size]
    freedom = problem.n_measured - _determined(of_data, jacobian)
    warnings: list[str] = []
    bound = _at_bound(work, u)
    for k in np.flatnonzero(bound):
        p, value = problem.parameters[free[k]], values[free[k]]
        # A search stays a hair inside: what it ended at is the bound.
        end = p.minimum if abs(value - p.minimum) < abs(value - p.maximum) else p.maximum
        warnings.append(
            f"{p.name} ended at its bound {end:g}; its error is not known, those of the others hold for this value"
        )
    scale = 1.0
    if not problem.absolute_sigma:
        scale = chi2 / freedom if freedom > 0 else math.nan
        if freedom <= 0:
            warnings.append("as many parameters as data: errors are not known")
    inner = np.full((free.size, free.size), math.nan)
    names = [problem.names[i] for i in free]
    lost = unresolved_parameters(jacobian, names, work.log, scale)
    if lost and check_rank:
        together = tuple(name for group in lost for name in group.names)
        raise FitError(_refusal(problem, values, lost), FitReason.UNRESOLVED, together)
    held = ~bound
    if not lost and np.any(held):
        inner[np.ix_(held, held)] = _covariance(jacobian[:, held]) * scale
    internal = np.zeros((n, n))
    internal[np.ix_(free, free)] = inner * np.outer(*[np.where(work.log, 1.0, work.unit)] * 2)
    covariance = np.zeros((n, n))
    slopes = work.slopes(u)
    covariance[np.ix_(free, free)] = inner * np.outer(slopes, slopes)
    residuals = problem.data - model
    if problem.limit is not None:
        met = (problem.limit == AT_MOST) & (residuals > 0.0) | (problem.limit == AT_LEAST) & (residuals < 0.0)
        residuals = np.where(met, 0.0, residuals)
    return Estimate(
        problem=problem,
        values=values,
        covariance=covariance,
        internal_covariance=internal,
        model=model,
        residuals=residuals,
        chi2=chi2,
        freedom=freedom,
        penalty=float(of_priors @ of_priors),
        warnings=tuple(warnings),
        n_evaluations=work.n_evaluations,
        message=message,
        jacobian=of_data,
        prior_jacobian=jacobian[problem.data.size :],
    )


def _determined(of_data: Array, jacobian: Array) -> int:
    """Return how many parameters the data determine: all without priors, else the trace of the data's share."""
    if jacobian.shape[0] == of_data.shape[0]:
        return int(jacobian.shape[1])
    return round(float(np.sum(of_data * (of_data @ np.linalg.pinv(jacobian.T @ jacobian)))))


def _at_bound(work: _Work, u: Array) -> NDArray[np.bool_]:
    near = 1e-6 * np.maximum(1.0, np.abs(u))
    return np.asarray((u - work.lower < near) | (work.upper - u < near))


def _covariance(jacobian: Array) -> Array:
    """Return (J^T J)^-1 by the singular values of J with columns scaled to one."""
    norms = np.linalg.norm(jacobian, axis=0)
    _, s, vt = np.linalg.svd(jacobian / norms, full_matrices=False)
    root = vt.T / s
    return np.asarray((root @ root.T) / np.outer(norms, norms))


def _refusal(problem: Problem, values: Array, lost: Sequence[Unresolved]) -> str:
    parts = [group.text for group in lost]
    names = [name for group in lost for name in group.names]
    advice = problem.advise(values, names) if problem.advise is not None else ""
    return "; ".join(parts) + (f"; {advice}" if advice else "; fix one of them or add data")


def minimise_from_several(problem: Problem, *, most: int = 5) -> Estimate:
    """Fit from the best few of the starting points and return the lowest minimum.

    Parameters
    ----------
    problem : Problem
        Its `starts` and first values are compared; on its coarse part where it has one.
    most : int
        Starting points that are gone on from.

    Returns
    -------
    Estimate
        As :func:`minimise` returns it.

    Raises
    ------
    FitError
        As :func:`minimise` raises it, for the lowest minimum.
    """
    judge = problem.coarse or problem
    work = _Work(judge)
    ranked: list[tuple[float, Array]] = []
    with np.errstate(all="ignore"):
        for values in (problem.initial, *problem.starts):
            r = work.residuals(work.internal(values))
            if r.size == work.n_rows and np.all(np.isfinite(r)):
                ranked.append((float(r @ r), values))
    ranked.sort(key=lambda item: item[0])
    best, least = None, math.inf
    for _, values in ranked[:most]:
        try:
            found = minimise(_from(judge, values), check_rank=False)
        except FitError:
            continue
        if found.chi2 < least:
            best, least = found.values, found.chi2
    return minimise(_from(problem, problem.initial if best is None else best))


def _from(problem: Problem, values: Array) -> Problem:
    """Return the problem with these first values and no others."""
    return replace(problem.starting_at(values), starts=(), coarse=None)


__all__ = [
    "AT_LEAST",
    "AT_MOST",
    "Array",
    "Estimate",
    "Parameter",
    "Problem",
    "minimise",
    "minimise_from_several",
    "student_residual",
    "student_slope",
]
