"""Priors of parameters: as residuals of a least-squares fit, as densities of a sampler, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..config.uncertainty import PriorSpec

if TYPE_CHECKING:
    from .problem import Parameter, Problem

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior(PriorSpec):
    """What is known of one parameter beside the data; as :class:`~spacecharge.config.uncertainty.PriorSpec` has it."""

    @property
    def is_normal(self) -> bool:
        """Whether it adds a term to a sum of squares; the others are bounds there."""
        return self.law.endswith("normal")

    def residual(self, value: float) -> float:
        """Return the distance from the middle of a normal prior, in sigmas."""
        if self.law == "log_normal":
            return (math.log(value) - math.log(self.first)) / self.second if value > 0.0 else -math.inf
        return (value - self.first) / self.second

    def slope(self, value: float) -> float:
        """Return the derivative of :meth:`residual` by the value."""
        return 1.0 / (self.second * value) if self.law == "log_normal" else 1.0 / self.second

    def log_density(self, value: float) -> float:
        """Return the logarithm of the density of a value, up to a constant; within the bounds, if it has any."""
        if self.law == "uniform":
            return 0.0
        if self.law.startswith("log_") and not value > 0.0:
            return -math.inf
        if self.law == "log_uniform":
            return -math.log(value)
        away = self.residual(value)
        return -0.5 * away * away - (math.log(value) if self.law == "log_normal" else 0.0)

    def mass(self, value: Array) -> Array:
        """Return the density of the value, with its constant; 0 outside the ends of a flat one."""
        density = np.exp([self.log_density(float(v)) for v in np.ravel(value)]).reshape(np.shape(value))
        if self.is_normal:
            return np.asarray(density / (self.second * math.sqrt(2.0 * math.pi)))
        width = self.second - self.first if self.law == "uniform" else math.log(self.second / self.first)
        return np.asarray(np.where((value >= self.first) & (value <= self.second), density / width, 0.0))

    def moved(self, sigmas: float) -> Prior:
        """Return a normal prior about another middle, so many sigmas away."""
        if self.law == "log_normal":
            return replace(self, first=self.first * math.exp(sigmas * self.second))
        return replace(self, first=self.first + sigmas * self.second)

    def text(self, unit: str) -> str:
        """Return it in words."""
        shown = "" if unit == "1" else f" {unit}"
        if self.law == "normal":
            return f"normal, {self.first:.6g} +- {self.second:.6g}{shown}"
        if self.law == "log_normal":
            return f"log-normal, median {self.first:.6g}{shown}, sigma of ln {self.second:.6g}"
        return f"{self.law.replace('_', '-')}, {self.first:.6g} to {self.second:.6g}{shown}"


def default_prior(p: Parameter) -> Prior:
    """Return the prior of a parameter of which nothing is said: flat between its bounds, as it is fitted.

    Parameters
    ----------
    p : Parameter
        Fitted; where its logarithm is fitted, the prior is flat in the logarithm.
    """
    return Prior(law="log_uniform" if p.log else "uniform", first=p.minimum, second=p.maximum)


def internal_spread(prior: Prior, p: Parameter) -> float:
    """Return about one standard deviation of a prior in the internal coordinate of its parameter; may be infinite."""
    if prior.is_normal:
        if prior.law == "log_normal":
            return prior.second if p.log else prior.second * prior.first / p.span
        return prior.second / (max(abs(prior.first), prior.second) if p.log else p.span)
    low, high = p.minimum, p.maximum
    if p.log:
        width = math.log(high) - math.log(low) if low > 0.0 and math.isfinite(high) else math.inf
    else:
        width = (high - low) / p.span
    return width / math.sqrt(12.0)


def with_priors(problem: Problem, priors: Mapping[str, Prior]) -> Problem:
    """Return a problem with priors: normal ones add terms, the ends of flat ones become bounds.

    Parameters
    ----------
    problem : Problem
        Its parameters may be numbered copies (``amplitude_1``, ``amplitude_2``) of a name; each takes its prior.
    priors : mapping of str to Prior
        By name.
    """
    given: dict[str, Prior] = {}
    parameters = []
    for p in problem.parameters:
        stem, _, number = p.name.rpartition("_")
        prior = priors.get(p.name) or (priors.get(stem) if number.isdigit() else None)
        if prior is not None and not p.fixed:
            given[p.name] = prior
            if not prior.is_normal:
                low, high = max(p.minimum, prior.first), min(p.maximum, prior.second)
                p = replace(p, minimum=low, maximum=high, initial=min(max(p.initial, low), high))
        parameters.append(p)
    return replace(problem, parameters=tuple(parameters), priors=given)


__all__ = ["Prior", "default_prior", "internal_spread", "with_priors"]
