"""What a fit is: named parameters with bounds and scales, a prediction, data; and what comes out of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from .priors import Prior

Array = NDArray[np.float64]

MEASURED, AT_MOST, AT_LEAST = 0, -1, 1
"""Kinds of a datum: measured; an upper bound of the truth; a lower bound of the truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a fit.

    Parameters
    ----------
    name : str
        Name, with its unit as suffix where it has one.
    initial : float
        First value, or the value of a fixed parameter.
    unit : str
        SI unit as result files write it.
    minimum, maximum : float
        Bounds, included.
    fixed : bool
        Whether it stays at `initial`.
    log : bool
        Fit its logarithm: for rates and other positive quantities of unknown size.
    long_name : str
        What it is, in words.
    """

    name: str
    initial: float
    unit: str = "1"
    minimum: float = -math.inf
    maximum: float = math.inf
    fixed: bool = False
    log: bool = False
    long_name: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.initial):
            raise FitError(f"{self.name}: a finite initial value is needed, got {self.initial:g}")
        if not self.minimum <= self.initial <= self.maximum:
            raise FitError(
                f"{self.name}: {self.initial:g} is out of bounds (allowed: {self.minimum:g} to {self.maximum:g})"
            )
        if not self.fixed and self.minimum == self.maximum:
            raise FitError(f"{self.name}: minimum equals maximum; write it as fixed")
        if self.log and not self.fixed and not self.initial > 0.0:
            raise FitError(f"{self.name}: must be above 0, got {self.initial:g}")

    @property
    def span(self) -> float:
        """Size of a natural change of the internal coordinate: an e-fold, or the value itself."""
        if self.log:
            return 1.0
        if self.initial != 0.0:
            return abs(self.initial)
        width = self.maximum - self.minimum
        return width if math.isfinite(width) else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is fitted to what.

    Parameters
    ----------
    parameters : tuple of Parameter
        All of them, fixed ones too; `predict` takes their values in this order.
    predict : callable
        ``predict(values (n_parameters,)) -> (n_data,)``.
    data : ndarray, shape (n_data,)
        What was measured, or its bound.
    sigma : ndarray, shape (n_data,), optional
        One sigma of each datum, in its unit; default: equal and unknown.
    limit : ndarray of int, shape (n_data,), optional
        0 measured, -1 the truth is at most this, +1 at least this. Bounds need `sigma`, the width over
        which they become firm.
    jacobian : callable, optional
        ``jacobian(values) -> (n_data, n_parameters)``, the derivative of `predict`; default: differences.
    absolute_sigma : bool
        Take `sigma` as it is; by default it weighs the data only and the covariance is scaled by the
        reduced chi-square.
    starts : tuple of ndarray, shape (n_parameters,)
        Further points to start from; the one with the smallest chi-square is used.
    coarse : Problem, optional
        The same fit to a part of the data, on which the starting points are compared.
    advise : callable, optional
        ``advise(values, names) -> str``: what the user may do where parameters cannot be told apart.
    priors : mapping of str to Prior
        What is known of parameters beside the data. Normal ones are terms of the sum of squares, which the chi-square
        of the result leaves out.
    noise : float
        Size of the noise in units of `sigma`, where that is a weight only: priors are absolute and weigh against it.
    student : float
        Degrees of freedom of Student's t, where the errors of measured data follow it; 0: the normal law.
    predict_many : callable, optional
        ``predict_many(values (n_rows, n_parameters), n_threads) -> (n_rows, n_data)``: `predict` for many rows at once,
        as exactly as the data can tell.
    """

    parameters: tuple[Parameter, ...]
    predict: Callable[[Array], Array]
    data: Array
    sigma: Array | None = None
    limit: NDArray[np.int8] | None = None
    jacobian: Callable[[Array], Array] | None = None
    absolute_sigma: bool = False
    starts: tuple[Array, ...] = ()
    coarse: Problem | None = None
    advise: Callable[[Array, Sequence[str]], str] | None = None
    priors: Mapping[str, Prior] = field(default_factory=dict)
    noise: float = 1.0
    student: float = 0.0
    predict_many: Callable[[Array, int], Array] | None = None

    def __post_init__(self) -> None:
        names = [p.name for p in self.parameters]
        if len(set(names)) != len(names):
            raise FitError(f"two parameters of one name among {', '.join(names)}")
        n = self.data.size
        if n == 0:
            raise FitError("there are no data to fit")
        if not np.all(np.isfinite(self.data)):
            raise FitError(f"datum {int(np.argmin(np.isfinite(self.data))) + 1} of {n} is no finite number")
        if self.sigma is not None:
            if self.sigma.shape != self.data.shape:
                raise FitError(f"sigma has the shape {self.sigma.shape}, the data {self.data.shape}")
            bad = ~(np.isfinite(self.sigma) & (self.sigma > 0.0))
            if np.any(bad):
                first = int(np.argmax(bad))
                raise FitError(f"sigma of datum {first + 1} is {self.sigma[first]:g} (allowed: above 0)")
        if self.limit is not None and np.any(self.limit != MEASURED) and self.sigma is None:
            raise FitError("a bound among the data needs a sigma")

    @property
    def free(self) -> NDArray[np.intp]:
        """Positions of the parameters that are fitted."""
        return np.flatnonzero([not p.fixed for p in self.parameters])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters."""
        return tuple(p.name for p in self.parameters)

    @property
    def initial(self) -> Array:
        """First values of all parameters."""
        return np.array([p.initial for p in self.parameters])

    @property
    def normal_priors(self) -> tuple[tuple[int, Prior], ...]:
        """Positions of parameters with a normal prior, held ones too: along a profile it is part of the height."""
        found = ((k, self.priors.get(p.name)) for k, p in enumerate(self.parameters))
        return tuple((k, prior) for k, prior in found if prior is not None and prior.is_normal)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which data are no bounds (n_data,)."""
        return np.ones(self.data.size, dtype=bool) if self.limit is None else np.asarray(self.limit == MEASURED)

    @property
    def n_measured(self) -> int:
        """Data that are no bounds."""
        return int(self.measured.sum())

    def starting_at(self, values: Array) -> Problem:
        """Return the same problem with other first values, each within its bounds; held parameters stay."""
        parameters = tuple(
            p if p.fixed else replace(p, initial=float(np.clip(v, p.minimum, p.maximum)))
            for p, v in zip(self.parameters, values, strict=True)
        )
        return replace(self, parameters=parameters)

    def with_fixed(self, name: str, value: float) -> Problem:
        """Return the same problem with one parameter held at a value."""
        return replace(
            self,
            parameters=tuple(replace(p, initial=value, fixed=True) if p.name == name else p for p in self.parameters),
            starts=(),
            coarse=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Where the sum of squares is smallest, and how well that is known.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    values : ndarray, shape (n_parameters,)
        All parameters, fixed ones too.
    covariance : ndarray, shape (n_parameters, n_parameters)
        In the units of the parameters; zero for fixed ones, NaN where it cannot be known.
    internal_covariance : ndarray, shape (n_parameters, n_parameters)
        The same with the logarithm of log-scaled parameters.
    model : ndarray, shape (n_data,)
        Prediction.
    residuals : ndarray, shape (n_data,)
        Data minus prediction; zero for a bound that is met.
    chi2 : float
        Sum of squares of the weighted residuals of the data.
    freedom : int
        Measured data minus fitted parameters; of those with priors, the number that the data determine.
    penalty : float
        Sum of squares of the normal priors, in the units of `chi2`.
    warnings : tuple of str
        What a reader of the result has to know.
    n_evaluations : int
        Calls of `predict`.
    message : str
        How the search ended.
    jacobian : ndarray, shape (n_data, n_free)
        Weighted residuals of the data by internal coordinates.
    prior_jacobian : ndarray, shape (n_normal_priors, n_free)
        The same of the priors.
    """

    problem: Problem
    values: Array
    covariance: Array
    internal_covariance: Array
    model: Array
    residuals: Array
    chi2: float
    freedom: int
    penalty: float = 0.0
    warnings: tuple[str, ...] = ()
    n_evaluations: int = 0
    message: str = ""
    jacobian: Array = field(default_factory=lambda: np.zeros((0, 0)))
    prior_jacobian: Array = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def height(self) -> float:
        """What the search made small: chi-square of the data and the terms of the priors."""
        return self.chi2 + self.penalty

    @property
    def sigma(self) -> Array:
        """One sigma of every parameter (n_parameters,); zero for fixed ones."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def chi2_reduced(self) -> float:
        """Chi-square per degree of freedom; NaN without any."""
        return self.chi2 / self.freedom if self.freedom > 0 else math.nan

    def value(self, name: str) -> float:
        """Return the value of a parameter."""
        return float(self.values[self.problem.names.index(name)])

    def interval(self, name: str, level: float = 0.9545) -> tuple[float, float]:
        """Return the two-sided interval of a parameter at a level.

        By Student's t with `freedom` degrees where the covariance is scaled, by the normal law where
        sigma is absolute; symmetric in the logarithm for log-scaled parameters.
        """
        position = self.problem.names.index(name)
        p, value = self.problem.parameters[position], float(self.values[position])
        reach = self.quantile(level) * math.sqrt(self.internal_covariance[position, position])
        if p.log:
            return value * math.exp(-reach), value * math.exp(reach) if reach < 700.0 else math.inf
        return value - reach, value + reach

    def quantile(self, level: float) -> float:
        """Return the half width of an interval in sigmas."""
        from scipy.special import ndtri, stdtrit

        tail = 0.5 + 0.5 * level
        if self.problem.absolute_sigma:
            return float(ndtri(tail))
        return float(stdtrit(self.freedom, tail)) if self.freedom > 0 else math.nan
