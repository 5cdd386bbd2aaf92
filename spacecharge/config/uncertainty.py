"""How a fit states its errors: the method, the priors of its parameters, the settings of a sampler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from ..document.problems import Problems, nearest
from .fields import Keys, Plain, Whole

DEFAULT_SAMPLES = {"posterior": 20_000}
"""Draws of a posterior; a bootstrap resamples less often."""

RESAMPLINGS = 200

Pair = Annotated[list[Plain], Field(min_length=2, max_length=2)]


class PriorKeys(Keys):
    """What is known of a parameter beside the data: one of these, in the unit of the parameter."""

    normal: Pair | None = Field(default=None, description="Mean and one sigma")
    log_normal: Pair | None = Field(default=None, description="Median, and one sigma of the natural logarithm")
    uniform: Pair | None = Field(default=None, description="Ends of a flat density of the value")
    log_uniform: Pair | None = Field(default=None, description="Ends of a flat density of the logarithm")


class SamplingKeys(Keys):
    """Settings of the sampler of a posterior."""

    walkers: Annotated[Whole, Field(ge=4, le=10_000, description="Default: 4 a parameter, at least 12")] | None = None
    warm_up: (
        Annotated[Whole, Field(ge=0, le=1_000_000, description="Steps of every walker that are not kept")] | None
    ) = Field(default=None, description="Default: a fifth of the steps that are kept, at least 100")
    threads: Annotated[Whole, Field(ge=1, le=1024)] | None = Field(
        default=None, description="Default: every processor where one evaluation takes more than a millisecond"
    )


class UncertaintyKeys(Keys):
    """Keys about errors that every fit of parameters has."""

    uncertainty: Literal["covariance", "bootstrap", "profile", "posterior"] = "covariance"
    samples: Annotated[Whole, Field(ge=10, le=10_000_000)] | None = Field(
        default=None, description="Resamplings of a bootstrap (200) or draws of a posterior (20000)"
    )
    seed: Annotated[Whole, Field(ge=0, le=2**31, description="Of the random numbers")] = 0
    priors: dict[str, PriorKeys] = Field(
        default_factory=dict,
        description="Parameter to its prior; default: flat between min and max, in the logarithm where that is fitted",
    )
    sampling: SamplingKeys = Field(default_factory=SamplingKeys)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorSpec:
    """A checked prior.

    Parameters
    ----------
    law : {'normal', 'log_normal', 'uniform', 'log_uniform'}
        Its law.
    first, second : float
        Mean (median) and sigma, or both ends, in the unit of the parameter; sigma of `log_normal` is one of ln.
    """

    law: str
    first: float
    second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Settings of the sampler; None: the default that :class:`SamplingKeys` states."""

    walkers: int | None = None
    warm_up: int | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of the errors of a fit.

    Parameters
    ----------
    uncertainty : str
        ``covariance``, ``bootstrap``, ``profile`` or ``posterior``.
    samples, seed : int
        Draws or resamplings; of the random numbers.
    priors : dict of str to PriorSpec
        By parameter.
    sampling : Sampling
        Of a posterior.
    """

    uncertainty: str
    samples: int
    seed: int
    priors: dict[str, PriorSpec] = field(default_factory=dict)
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a prior may cover: the bounds of a parameter, and whether it is fitted at all."""

    minimum: float
    maximum: float
    fixed: bool = False


def asked(keys: UncertaintyKeys, parameters: Mapping[str, Range] | None, problems: Problems) -> Asked:
    """Return the checked keys about errors.

    Parameters
    ----------
    keys : UncertaintyKeys
        As read.
    parameters : mapping of str to Range or None
        Every parameter; None where the model is broken and nothing can be said of them.
    problems : Problems
        Takes one line per problem.
    """
    priors = {}
    for name, prior in keys.priors.items():
        if parameters is None:
            continue
        if name not in parameters:
            problems.add(("priors", name), f"unknown key ({nearest(name, list(parameters))})", key=True)
            continue
        spec = _prior(name, prior, parameters[name], problems)
        if spec is not None:
            priors[name] = spec
    s = keys.sampling
    if s.walkers is not None and s.walkers % 2:
        problems.add("sampling.walkers", f"an even number is needed, got {s.walkers}")
    return Asked(
        uncertainty=keys.uncertainty,
        samples=keys.samples or DEFAULT_SAMPLES.get(keys.uncertainty, RESAMPLINGS),
        seed=keys.seed,
        priors=priors,
        sampling=Sampling(walkers=s.walkers, warm_up=s.warm_up, threads=s.threads),
    )


def _prior(name: str, keys: PriorKeys, allowed: Range, problems: Problems) -> PriorSpec | None:
    """Return a prior that lies within the bounds of its parameter, or report why it does not."""
    where = ("priors", name)
    given = {law: pair for law in PriorKeys.model_fields if (pair := getattr(keys, law)) is not None}
    if len(given) != 1:
        problems.add(where, f"one of {', '.join(PriorKeys.model_fields)} is needed, got {len(given)}")
        return None
    ((law, (first, second)),) = given.items()
    low, high = allowed.minimum, allowed.maximum
    said = len(problems)
    if allowed.fixed:
        problems.add(where, "is not fitted, it takes no prior", key=True)
    elif law.endswith("normal"):
        if not second > 0.0:
            problems.add((*where, law), f"sigma {second:g} is out of range (allowed: above 0)")
        if not low <= first <= high:
            words = "mean" if law == "normal" else "median"
            problems.add((*where, law), f"{words} {first:g} is out of bounds (allowed: {low:g} to {high:g})")
    else:
        if not first < second:
            problems.add((*where, law), f"{first:g} is not below {second:g}")
        elif not low <= first or not second <= high:
            problems.add(
                (*where, law), f"{first:g} to {second:g} is out of bounds (allowed: {low:g} to {high:g}, min and max)"
            )
    if law.startswith("log_") and not first > 0.0:
        problems.add((*where, law), f"{first:g} has no logarithm (allowed: above 0)")
    return PriorSpec(law=law, first=first, second=second) if len(problems) == said else None


__all__ = [
    "Asked",
    "PriorSpec",
    "Range",
    "Sampling",
    "UncertaintyKeys",
    "asked",
]
