"""The posterior of a fit by an ensemble of walkers (emcee): draws, and whether they are enough of them."""

from __future__ import annotations

import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError, FitReason
from ..store.posterior import StoredPosterior
from .convergence import autocorrelation, samples_needed, split_rhat
from .least_squares import _Work
from .priors import default_prior, internal_spread
from .problem import Array, Estimate, Problem

MOVES = "differential evolution 80 %, stretch 20 %"
"""Proposals: a difference of two other walkers [Nelson, Ford, Payne, ApJS 210, 11 (2014)], which takes a quarter of the
autocorrelation time of the stretch move [Goodman, Weare, CAMCoS 5, 65 (2010)], and the stretch against walkers that
keep to themselves. The snooker move of emcee 3.1 is left out: its ratio of acceptance makes a normal distribution
in three dimensions ten percent too narrow."""

SLOW_S = 1e-3
"""An evaluation that takes longer is worth a thread: the kernels of the solver let the others run."""

_LEAST = 1e-300
"""A chi-square of exactly nothing has no logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Draws of the fitted parameters.

    Parameters
    ----------
    problem : Problem
        What was sampled.
    values : ndarray, shape (n_parameters,)
        All parameters where the sum of squares is smallest; held ones stay there.
    chain : ndarray, shape (n_steps, n_walkers, n_free)
        Draws, in the units of the parameters.
    log_probability : ndarray, shape (n_steps, n_walkers)
        Logarithm of the density in internal coordinates, up to a constant.
    acceptance : ndarray, shape (n_walkers,)
        Share of accepted proposals.
    autocorrelation, rhat : ndarray, shape (n_free,)
        Integrated autocorrelation time in steps; rank-normalised split R-hat.
    needed : int
        Draws that convergence would take, at least; 0 where these are enough.
    warm_up, seed, threads : int
        Steps before the first kept one; of the random numbers; how many worked.
    n_without_value : int
        Proposals for which the model has no value.
    sampler : str
        Library and version.
    seconds : float
        Wall time.
    """

    problem: Problem
    values: Array
    chain: Array
    log_probability: Array
    acceptance: Array
    autocorrelation: Array
    rhat: Array
    needed: int
    warm_up: int = 0
    seed: int = 0
    threads: int = 1
    n_without_value: int = 0
    sampler: str = ""
    seconds: float = 0.0

    @property
    def free(self) -> NDArray[np.intp]:
        """Positions of the fitted parameters."""
        return self.problem.free

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fitted parameters."""
        return tuple(self.problem.names[k] for k in self.free)

    @property
    def converged(self) -> bool:
        """Whether the draws are enough to state errors."""
        return self.needed == 0

    @property
    def n_draws(self) -> int:
        """Steps times walkers."""
        return int(self.chain.shape[0] * self.chain.shape[1])

    @property
    def effective(self) -> Array:
        """Draws that independent ones would be worth (n_free,)."""
        return np.asarray(self.n_draws / self.autocorrelation)

    def of(self, name: str) -> Array:
        """Return all draws of a parameter (n_draws,)."""
        return np.asarray(self.chain[:, :, self.names.index(name)].ravel())

    def some(self, n: int) -> Array:
        """Return about `n` draws of all parameters, evenly over the run (n, n_parameters)."""
        flat = self.chain.reshape(-1, self.free.size)
        rows = np.unique(np.linspace(0, flat.shape[0] - 1, min(n, flat.shape[0])).round().astype(np.intp))
        draws = np.tile(self.values, (rows.size, 1))
        draws[:, self.free] = flat[rows]
        return draws

    def stored(self) -> StoredPosterior:
        """Return it as files, tables and figures take it."""
        chosen = [self.problem.parameters[k] for k in self.free]
        priors = [self.problem.priors.get(p.name) or default_prior(p) for p in chosen]
        default = [p.name not in self.problem.priors for p in chosen]
        return StoredPosterior(
            names=self.names,
            units=tuple(p.unit for p in chosen),
            long_names=tuple(p.long_name or p.name for p in chosen),
            chain=self.chain,
            log_probability=self.log_probability,
            acceptance=self.acceptance,
            autocorrelation=self.autocorrelation,
            rhat=self.rhat,
            effective=self.effective,
            best=self.values[self.free],
            is_log=np.array([p.log for p in chosen], dtype=bool),
            prior_laws=tuple(prior.law for prior in priors),
            prior_numbers=np.array([[prior.first, prior.second] for prior in priors]),
            prior_texts=tuple(
                prior.text(p.unit) + (" (default)" if d else "")
                for prior, p, d in zip(priors, chosen, default, strict=True)
            ),
            settings={
                "converged": self.converged,
                "samples": self.n_draws,
                "samples_needed": self.needed,
                "steps": int(self.chain.shape[0]),
                "walkers": int(self.chain.shape[1]),
                "warm_up": self.warm_up,
                "seed": self.seed,
                "thin": 1,
                "moves": MOVES,
                "sampler": self.sampler,
                "seconds": self.seconds,
            },
        )

    def warnings(self) -> list[str]:
        """Return what a reader has to know."""
        found = []
        if not self.converged:
            slow = int(np.argmax(np.nan_to_num(self.autocorrelation, nan=math.inf)))
            found.append(
                f"the posterior has NOT converged: {self.chain.shape[0]} steps of {self.chain.shape[1]} walkers, "
                f"autocorrelation time {self.autocorrelation[slow]:.3g} steps ({self.names[slow]}), largest R-hat "
                f"{np.max(self.rhat):.3f}; no errors are given; samples: {self.needed} are needed at least"
            )
        proposals = self.n_draws + self.warm_up * self.chain.shape[1]
        if self.n_without_value > 0.01 * proposals:
            share = 100.0 * self.n_without_value / proposals
            found.append(f"the model has no solution at {share:.2g} % of the proposals; they count as impossible")
        return found


class _Target:
    """The logarithm of the posterior density in internal coordinates."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.work = _Work(problem)
        self.n_without_value = 0
        chosen = [problem.parameters[i] for i in self.work.free]
        self.priors = [problem.priors.get(p.name) or default_prior(p) for p in chosen]
        # A prior that is flat in the internal coordinate is its bounds: most are, and cost nothing.
        flat = [
            prior.law == ("log_uniform" if p.log else "uniform") for prior, p in zip(self.priors, chosen, strict=True)
        ]
        self.shaped = [(k, chosen[k].log, self.priors[k]) for k in range(len(chosen)) if not flat[k]]

    def log_prior(self, u: Array) -> float:
        """Return the logarithm of the density of the priors in internal coordinates, up to a constant."""
        if ((u < self.work.lower) | (u > self.work.upper)).any():
            return -math.inf
        total = 0.0
        for k, is_log, prior in self.shaped:
            value = math.exp(u[k]) if is_log else u[k] * self.work.unit[k]
            # From a density of the value to one of its logarithm.
            total += prior.log_density(float(value)) + (u[k] if is_log else 0.0)
        return total

    def __call__(self, u: Array) -> float:
        total = self.log_prior(u)
        if not math.isfinite(total):
            return -math.inf
        # numpy's state of errors belongs to a thread: each sets its own.
        with np.errstate(all="ignore"):
            return self._with_data(total, self.work.model(u))

    def many(self, points: Array, n_threads: int) -> Array:
        """Return the same of many points (n,), predicted together: the model takes the threads where they pay."""
        if self.shaped:
            totals = np.array([self.log_prior(u) for u in points])
        else:
            outside = ((points < self.work.lower) | (points > self.work.upper)).any(axis=1)
            totals = np.where(outside, -math.inf, 0.0)
        inside = np.flatnonzero(np.isfinite(totals))
        if not inside.size:
            return totals
        values = self.work.values_of(points[inside])
        assert self.problem.predict_many is not None
        with np.errstate(all="ignore"):
            predicted = np.asarray(self.problem.predict_many(values, n_threads), dtype=np.float64)
            r = self.work._weigh(predicted)
            solved = np.isfinite(r).all(axis=1)
            self.n_without_value += int(np.sum(~solved))
            totals[inside] = np.where(solved, totals[inside] + self.log_likelihood(r), -math.inf)
        return totals

    def _with_data(self, log_prior: float, model: Array) -> float:
        r = self.work._weigh(model)
        if not np.isfinite(r).all():
            self.n_without_value += 1
            return -math.inf
        return log_prior + float(self.log_likelihood(r))

    def log_likelihood(self, r: Array) -> Array:
        """Return the logarithm of the likelihood of weighted residuals (..., n_data) -> (...).

        Notes
        -----
        Where the errors of the data are weights, their common size s is unknown. With Jeffreys' prior ds/s it is
        integrated out, which leaves chi2^(-n/2): of a linear model the posterior is then Student's t with n - p
        degrees of freedom, as the covariance scaled by the reduced chi-square says it. Bounds keep their width.
        """
        if self.problem.absolute_sigma:
            return np.asarray(-0.5 * _squares(r))
        own, bounds = r[..., self.work.measured], r[..., ~self.work.measured]
        chi2 = np.maximum(_squares(own), _LEAST)
        return np.asarray(-0.5 * own.shape[-1] * np.log(chi2) - 0.5 * _squares(bounds))


def _squares(r: Array) -> Array:
    """Return the sums of squares along the last axis."""
    return np.asarray(np.einsum("...k,...k", r, r))


def sample(
    estimate: Estimate,
    *,
    samples: int,
    seed: int = 0,
    walkers: int | None = None,
    warm_up: int | None = None,
    threads: int | None = None,
) -> Posterior:
    """Draw from the posterior of a fit.

    Parameters
    ----------
    estimate : Estimate
        Where the search ended; its problem holds the priors. A parameter without one has a flat density between its
        bounds: of the logarithm where that is fitted, of the value otherwise.
    samples : int
        Draws of all walkers together, after the warm-up.
    seed : int
        Of the random numbers: the same draws, whatever the threads.
    walkers, warm_up, threads : int, optional
        See :class:`spacecharge.config.uncertainty.SamplingKeys`.

    Returns
    -------
    Posterior
        Draws, and whether they are enough.

    Raises
    ------
    FitError
        emcee is not installed, nothing is fitted, the data leave no degree of freedom for the size of their errors,
        or no start with a finite density was found.
    """
    emcee = _emcee()
    problem = estimate.problem
    free = problem.free
    if not free.size:
        raise FitError("a posterior needs a parameter that is fitted")
    if not problem.absolute_sigma and estimate.freedom <= 0:
        raise FitError("a posterior needs more data than parameters, or errors of the data that are absolute")
    started = time.perf_counter()
    target = _Target(problem)
    n_walkers = walkers or max(12, 4 * free.size)
    if n_walkers < 2 * free.size:
        raise FitError(
            f"sampling.walkers: {n_walkers} is too few for {free.size} parameters (at least {2 * free.size})"
        )
    n_steps = max(10, -(-samples // n_walkers))
    before = max(100, n_steps // 5) if warm_up is None else warm_up
    first = _starts(estimate, target, n_walkers, np.random.default_rng(seed))
    n_threads = _threads(target, first, threads)
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.StretchMove(), 0.2)]
    together = problem.predict_many is not None
    with ThreadPoolExecutor(n_threads) if n_threads > 1 and not together else nullcontext() as pool:
        density = partial(target.many, n_threads=n_threads) if together else target
        sampler = emcee.EnsembleSampler(n_walkers, free.size, density, pool=pool, moves=moves, vectorize=together)
        state = emcee.State(first, random_state=np.random.RandomState(seed).get_state())
        if before:
            # Parameters that are told apart by a hair make emcee's check of the start complain: they are spread right.
            state = sampler.run_mcmc(state, before, skip_initial_state_check=True)
            sampler.reset()
        sampler.run_mcmc(state, n_steps, skip_initial_state_check=True)
    internal = sampler.get_chain()
    times, rhat = autocorrelation(internal), split_rhat(internal)
    chain = internal * target.work.unit
    chain[:, :, target.work.log] = np.exp(internal[:, :, target.work.log])
    return Posterior(
        problem=problem,
        values=estimate.values,
        chain=chain,
        log_probability=sampler.get_log_prob(),
        acceptance=np.asarray(sampler.acceptance_fraction),
        autocorrelation=times,
        rhat=rhat,
        needed=samples_needed(n_steps, n_walkers, times, rhat),
        warm_up=before,
        seed=seed,
        threads=n_threads,
        n_without_value=target.n_without_value,
        sampler=f"emcee {emcee.__version__}",
        seconds=time.perf_counter() - started,
    )


def _emcee() -> Any:
    try:
        import emcee
    except ImportError:
        raise FitError("uncertainty: posterior needs emcee: pip install 'spacecharge[fit]'") from None
    return emcee


def _starts(estimate: Estimate, target: _Target, n: int, random: np.random.Generator) -> Array:
    """Return where the walkers begin (n, n_free): about the best point, as wide as curvature and priors say."""
    work, problem = target.work, estimate.problem
    u = work.internal(estimate.values)
    spread = np.array(
        [internal_spread(prior, problem.parameters[k]) for k, prior in zip(work.free, target.priors, strict=True)]
    )
    scale = 1.0 if problem.absolute_sigma else max(estimate.chi2_reduced, 0.0)
    jacobian = estimate.jacobian / math.sqrt(scale) if scale > 0.0 else estimate.jacobian
    width = np.where(np.isfinite(spread), spread, 1e3)
    information = jacobian.T @ jacobian + np.diag(width**-2.0)
    # In units of what each parameter is known to alone: bounds that are decades away cost no digit.
    alone = 1.0 / np.sqrt(np.diag(information))
    values, vectors = np.linalg.eigh(information * np.outer(alone, alone))
    root = alone[:, None] * vectors / np.sqrt(np.maximum(values, _LEAST_EIGENVALUE))
    step = np.linalg.norm(root, axis=1)
    starts = np.empty((n, u.size))
    for row in range(n):
        reach = 1.0
        for _ in range(200):
            starts[row] = _reflected(u + reach * (root @ random.standard_normal(u.size)), work.lower, work.upper, step)
            if math.isfinite(target(starts[row])):
                break
            reach *= 0.9
        else:
            raise FitError("the sampler found no start at which the model has a solution", FitReason.NOT_FINITE)
    return starts


_LEAST_EIGENVALUE = 1e-12
"""Of the information with a unit diagonal: smaller ones are rounding."""


def _reflected(u: Array, lower: Array, upper: Array, step: Array) -> Array:
    """Return a point folded back at the bounds; far outside, it is put inside by a part of a step."""
    u = np.where(u < lower, 2.0 * lower - u, u)
    u = np.where(u > upper, 2.0 * upper - u, u)
    width = np.where(np.isfinite(upper - lower), upper - lower, 1.0)
    margin = 1e-3 * np.minimum(width, step)
    return np.asarray(np.clip(u, lower + margin, upper - margin))


def _threads(target: _Target, first: Array, asked: int | None) -> int:
    """Return the number of threads: as asked, else every processor where an evaluation is slow."""
    if asked is not None:
        return asked
    started = time.perf_counter()
    for u in first[:4]:
        target(u)
    slow = (time.perf_counter() - started) / min(4, first.shape[0]) > SLOW_S
    return min(os.cpu_count() or 1, first.shape[0] // 2) if slow else 1


__all__ = ["MOVES", "Posterior", "sample"]
