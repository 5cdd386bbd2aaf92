"""The search of a fit with priors: how they weigh against the data, and what they carry that the data do not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..errors import FitError, FitReason
from .identifiability import determined_only, unresolved_parameters
from .least_squares import _Work, minimise
from .problem import Array, Estimate, Problem

_SEARCHES = 20
"""Searches for the size of the noise at most."""

_SAME_NOISE = 1e-4


def searched(search: Callable[[Problem], Estimate], problem: Problem) -> Estimate:
    """Return the best point of a problem, normal priors weighed against the data.

    Parameters
    ----------
    search : callable
        Of the fit.
    problem : Problem
        Where the errors of its data are weights, their size is taken from the fit itself: the search is repeated until
        the prior weighs against the scatter that is left.

    Raises
    ------
    FitError
        As the search raises it.
    """
    estimate = search(problem)
    if estimate.problem.absolute_sigma or not problem.normal_priors:
        return estimate
    for _ in range(_SEARCHES):
        noise = math.sqrt(estimate.chi2_reduced) if estimate.freedom > 0 and estimate.chi2 > 0.0 else 1.0
        if abs(noise - estimate.problem.noise) <= _SAME_NOISE * noise:
            return estimate
        found = problem.starting_at(estimate.values)
        estimate = search(replace(found, starts=(), coarse=None, noise=noise))
    return estimate


def carried_by_priors(problem: Problem, refusal: FitError) -> Estimate:
    """Return the best point of a problem that the data leave open, where proper priors close it.

    Parameters
    ----------
    problem : Problem
        With the priors that were given.
    refusal : FitError
        Why least squares refused.

    Raises
    ------
    FitError
        What the data leave open has no prior: a sampler would only show the bounds of its parameters.
    """
    estimate = minimise(problem, check_rank=False)
    names = [problem.names[i] for i in problem.free]
    without = [k for k, name in enumerate(names) if name not in problem.priors]
    log = np.array([problem.parameters[i].log for i in problem.free], dtype=bool)
    limits = [n for n in refusal.names if n not in problem.priors]
    open_ones = unresolved_parameters(estimate.jacobian[:, without], [names[k] for k in without], log[without])
    if open_ones or len(limits) == len(refusal.names):
        remark = unresolved_by_data(estimate) or str(refusal)
        wanted = " or ".join(f"priors.{n}" for n in (refusal.names or [n for g in open_ones for n in g.names]))
        raise FitError(
            f"{remark}; sampling would show the bounds of these parameters, not the data: give {wanted}",
            FitReason.UNRESOLVED,
            refusal.names,
        )
    return estimate


def unresolved_by_data(estimate: Estimate) -> str:
    """Return what the data alone cannot tell apart, with the combination that they do determine; or nothing."""
    problem = estimate.problem
    names = [problem.names[i] for i in problem.free]
    work = _Work(problem)
    scale = 1.0 if problem.absolute_sigma else estimate.chi2_reduced
    parts = []
    values = estimate.values[problem.free]
    relative: Array = np.where(work.log, 1.0, values / work.unit)
    for group in unresolved_parameters(estimate.jacobian, names, work.log, scale):
        places = [names.index(n) for n in group.names]
        words = determined_only(estimate.jacobian[:, places] * relative[places], group.names, values[places])
        parts.append(f"{group.text}; {words}" if words else group.text)
    return "; ".join(parts)


__all__ = ["carried_by_priors", "searched", "unresolved_by_data"]
