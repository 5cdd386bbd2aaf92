"""The result of a fit: values with errors that say what they are, and what follows from them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ..store.stored_fit import FitTable, StoredFit
from .least_squares import Array, Estimate
from .per_temperature import Series
from .posterior import Posterior
from .setup import Column
from .uncertainty import Bootstrap, Profile

if TYPE_CHECKING:
    import os

    from ..config.uncertainty import PriorSpec, Sampling


class FitSettings(Protocol):
    """What a configuration says of a fit, whatever is fitted."""

    @property
    def name(self) -> str:
        """Name of the result."""

    @property
    def kind(self) -> str:
        """Name of the kind of fit."""

    @property
    def title(self) -> str:
        """Title of figures."""

    @property
    def path(self) -> str:
        """The configuration's file."""

    @property
    def text(self) -> str:
        """Its text."""

    @property
    def reference_temperature_K(self) -> float:
        """Where Arrhenius laws are stated [K]."""

    @property
    def uncertainty(self) -> str:
        """How intervals are made."""

    @property
    def level(self) -> float:
        """Confidence of intervals."""

    @property
    def samples(self) -> int:
        """Resamplings of a bootstrap, draws of a posterior."""

    @property
    def seed(self) -> int:
        """Of its random numbers."""

    @property
    def priors(self) -> Mapping[str, PriorSpec]:
        """Prior of each parameter that has one."""

    @property
    def sampling(self) -> Sampling:
        """Settings of the sampler of a posterior."""

    @property
    def absolute_sigma(self) -> bool:
        """Whether errors of the data are absolute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number with its error.

    Parameters
    ----------
    name, unit, long_name : str
        SI.
    value, sigma : float
        Value and one standard deviation; zero for a fixed parameter, NaN where it is not known.
    lower, upper : float
        Interval at the level of the fit.
    fixed : bool
        Whether it was held.
    best : float or None
        Of a posterior: where the sum of squares is smallest; `value` is the median.
    intervals : dict of str to (float, float)
        Of a posterior: ``68`` and ``95`` percent.
    """

    name: str
    unit: str
    long_name: str
    value: float
    sigma: float
    lower: float
    upper: float
    fixed: bool = False
    best: float | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FitResult:
    """What a fit found.

    Parameters
    ----------
    name, kind : str
        Name in the result file and kind of fit.
    config : FitConfig or another configuration
        What was asked for.
    estimate : Estimate
        Values, covariance, residuals of the global fit.
    parameters, derived : dict of str to Value
        Fitted and fixed parameters; what follows from them.
    columns : dict of str to Column
        What the data stand against.
    data : Column
        The data; where `is_log`, with prediction and residuals as logarithms.
    is_log : bool
        Data and prediction are natural logarithms of the quantity.
    series, series_names
        Which curve each datum belongs to (n_data,), and their names.
    each_temperature : tuple of Series
        Fits of single temperatures with their Arrhenius regression.
    error_statement : str
        What sigma and the interval are.
    warnings, notes : tuple of str
        What a reader has to know; which choices were made.
    bootstrap, profiles, posterior
        Where asked for.
    bands : dict of str to ndarray, shape (n_data,)
        Of a posterior: median and ends of the bands of the prediction, in the unit of the data.
    tables, texts : dict
        What the kind stores beside the parameters.
    seconds : float
        Wall time.
    """

    name: str
    kind: str
    config: FitSettings
    estimate: Estimate
    parameters: dict[str, Value]
    derived: dict[str, Value]
    columns: dict[str, Column]
    data: Column
    series: NDArray[np.intp]
    series_names: tuple[str, ...]
    is_log: bool = False
    each_temperature: tuple[Series, ...] = ()
    error_statement: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    bootstrap: Bootstrap | None = None
    profiles: dict[str, Profile] = field(default_factory=dict)
    posterior: Posterior | None = None
    bands: Mapping[str, Array] = field(default_factory=dict)
    tables: Mapping[str, FitTable] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seconds: float = 0.0

    def __repr__(self) -> str:
        """Return name, kind, quality and the fitted parameters in one short block."""
        lines = [f"<fit {self.name} ({self.kind}): {self.n_data} data, reduced chi-square {self.chi2_reduced:.4g}"]
        fitted = [v for v in self.parameters.values() if not v.fixed]
        for v in fitted[:_SHOWN]:
            unit = "" if v.unit == "1" else f" {v.unit}"
            lines.append(f"  {v.name} = {v.value:.5g} +- {v.sigma:.2g}{unit}")
        if len(fitted) > _SHOWN:
            lines.append(f"  ... and {len(fitted) - _SHOWN} more")
        if self.warnings:
            lines.append(f"  {len(self.warnings)} warning{'s' if len(self.warnings) > 1 else ''}: see .warnings")
        return "\n".join(lines) + ">"

    @property
    def title(self) -> str:
        """Title of the configuration."""
        return self.config.title

    @property
    def text(self) -> str:
        """The configuration, verbatim."""
        return self.config.text

    @property
    def n_failed(self) -> int:
        """Points without a solution: none, a fit that fails raises."""
        return 0

    @property
    def chi2_reduced(self) -> float:
        """Chi-square per degree of freedom."""
        return self.estimate.chi2_reduced

    @property
    def n_data(self) -> int:
        """Number of data."""
        return int(self.data.values.size)

    @property
    def measured(self) -> Array:
        """Data in their unit (n_data,)."""
        return np.exp(self.data.values) if self.is_log else self.data.values

    @property
    def model(self) -> Array:
        """Prediction in the unit of the data (n_data,)."""
        return np.exp(self.estimate.model) if self.is_log else self.estimate.model

    @property
    def sigma(self) -> Array:
        """One sigma of the data in their unit (n_data,); NaN where none was given."""
        given = self.estimate.problem.sigma
        if given is None:
            return np.full(self.n_data, math.nan)
        return given * self.measured if self.is_log else given

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``spacecharge fit --json`` prints; what is not known is null."""
        return {
            "name": self.name,
            "kind": self.kind,
            "title": self.config.title,
            "parameters": {k: _entry(v) for k, v in self.parameters.items()},
            "derived": {k: _entry(v) for k, v in self.derived.items()},
            "each_temperature": [_series(s) for s in self.each_temperature],
            "chi2_reduced": _finite(self.chi2_reduced),
            "n_data": self.n_data,
            "data_have_errors": self.estimate.problem.sigma is not None,
            "n_parameters": int(self.estimate.problem.free.size),
            "errors": self.error_statement,
            "notes": list(self.notes),
            "warnings": list(self.warnings),
            "seconds": self.seconds,
            **({} if self.posterior is None else {"posterior": self.posterior.stored().summary()}),
        }

    def stored(self) -> StoredFit:
        """Return what the group ``fits/NAME`` of a result file would hold."""
        return StoredFit(
            name=self.name,
            kind=self.kind,
            title=self.title,
            summary=self.to_json(),
            arrays=self._arrays(),
            tables=dict(self.tables),
            attributes=dict(self.texts),
            profiles=tuple((p.name, self.parameters[p.name].unit, p.value, p.chi2) for p in self.profiles.values()),
            level=self.config.level,
            posterior=None if self.posterior is None else self.posterior.stored(),
        )

    def _arrays(self) -> dict[str, Any]:
        """Return data, model and residuals as a figure takes them."""
        unit, words = self.data.unit, self.data.long_name
        limit = self.estimate.problem.limit
        return {
            **{name: column.values for name, column in self.columns.items()},
            "value": self.measured,
            "sigma": self.sigma,
            "model": self.model,
            "residual": self.estimate.residuals,
            "series": self.series,
            **self.bands,
            **({} if limit is None else {"limit": limit}),
            "units": {
                **{name: column.unit for name, column in self.columns.items()},
                **dict.fromkeys(("value", "sigma", "model"), unit),
                "residual": "1" if self.is_log else unit,
            },
            "long_names": {**{name: c.long_name for name, c in self.columns.items()}, "value": words},
            "series_names": list(self.series_names),
            "global_value": {s.name: s.global_value for s in self.each_temperature},
        }

    def plot_posterior(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the marginal and pairwise densities of a posterior; saved under `path`, else the figure is returned."""
        return draw(self.stored(), path, corner=True)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the fit.

        Parameters
        ----------
        path : str or path, optional
            Figure file (png, pdf, svg).

        Returns
        -------
        matplotlib Figure or Path
            The figure, or where it was saved.
        """
        return draw(self.stored(), path)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class UnfittedResult(ABC):
    """A result that has no parameters of its own; its kinds add what they found.

    Parameters
    ----------
    name, title, text : str
        Of the fit; its configuration, verbatim.
    """

    kind: ClassVar[str]
    name: str
    title: str
    text: str

    @property
    def estimate(self) -> None:
        """No parameters are fitted."""
        return None

    @abstractmethod
    def stored(self) -> StoredFit:
        """Return what the group ``fits/NAME`` of a result file would hold."""

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw what was found; saved under `path`, else the figure is returned."""
        return draw(self.stored(), path)


_SHOWN = 8
"""Parameters in a short text."""


def draw(stored: StoredFit, path: str | os.PathLike[str] | None = None, *, corner: bool = False) -> Any:
    """Return the figure of a fit (or the corner figure of its posterior), or save it and return its path."""
    from ..plotting.corner import corner_figure
    from ..plotting.figures import save
    from ..plotting.fits import figure_of

    figure = corner_figure(stored) if corner else figure_of(stored)
    if path is None:
        return figure
    save(figure, Path(path))
    return Path(path)


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


def _entry(v: Value) -> dict[str, Any]:
    entry: dict[str, Any] = {"value": _finite(v.value), "sigma": _finite(v.sigma), "unit": v.unit}
    if v.fixed:
        return {**entry, "fixed": True}
    entry |= {"lower": _finite(v.lower), "upper": _finite(v.upper), "long_name": v.long_name}
    if v.best is None:
        return entry
    entry |= {"best": _finite(v.best), "median": _finite(v.value) if v.intervals else None}
    return entry | {
        f"interval_{name}": list(v.intervals[name]) if name in v.intervals else None for name in ("68", "95")
    }


def _series(s: Series) -> dict[str, Any]:
    out: dict[str, Any] = {
        "parameter": s.name,
        "unit": s.unit,
        "temperature_K": [float(t) for t in s.temperature],
        "value": [_finite(v) for v in s.value],
        "sigma": [_finite(v) for v in s.sigma],
    }
    if s.regression is not None:
        r = s.regression
        out["regression"] = {
            "value": {"value": r.value, "sigma": _finite(r.value * r.sigma_ln_value), "unit": s.unit},
            "activation_energy_eV": {
                "value": r.activation_energy_eV,
                "sigma": _finite(r.sigma_activation_energy_eV),
                "unit": "eV",
            },
            "reference_temperature_K": r.reference_K,
        }
    return out
