"""Whether a sampler has seen enough: autocorrelation, effective sample size, split R-hat."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS_PER_TIME = 50.0
"""Steps over the integrated autocorrelation time below which its estimate, and what is made of the draws, is not
trusted: the criterion of emcee's authors."""

LARGEST_RHAT = 1.05
"""Split R-hat above this says that walkers, or halves of the run, have seen different distributions. Halves of 25
autocorrelation times of one distribution give 1.02."""


def autocorrelation(chain: Array) -> Array:
    """Return the integrated autocorrelation time of every parameter, in steps (n_parameters,).

    Parameters
    ----------
    chain : ndarray, shape (n_steps, n_walkers, n_parameters)
        Draws.

    Notes
    -----
    The autocorrelation functions of the walkers are averaged before they are summed, up to the first lag above five
    times the sum [1]_ [2]_. NaN for a parameter that never moves.

    References
    ----------
    .. [1] A. Sokal, in Functional Integration (Springer, 1997), p. 131.
    .. [2] D. Foreman-Mackey et al., PASP 125, 306 (2013).
    """
    n = chain.shape[0]
    size = 1 << (2 * n - 1).bit_length()
    out = np.full(chain.shape[2], math.nan)
    for k in range(out.size):
        centred = chain[:, :, k] - chain[:, :, k].mean(axis=0)
        spectrum = np.fft.rfft(centred, size, axis=0)
        lags = np.fft.irfft(spectrum * np.conj(spectrum), size, axis=0)[:n]
        if not np.all(lags[0] > 0.0):
            continue
        times = 2.0 * np.cumsum((lags / lags[0]).mean(axis=1)) - 1.0
        window = np.flatnonzero(np.arange(n) >= 5.0 * times)
        out[k] = max(1.0, times[window[0] if window.size else n - 1])
    return out


def split_rhat(chain: Array) -> Array:
    """Return the rank-normalised split R-hat of every parameter (n_parameters,).

    Parameters
    ----------
    chain : ndarray, shape (n_steps, n_walkers, n_parameters)
        Draws; each half of each walker counts as a chain.

    Returns
    -------
    ndarray
        The larger one of location and spread (folded draws); NaN for a parameter that never moves.

    References
    ----------
    .. [1] A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Bürkner, Bayesian Analysis 16, 667 (2021).
    """
    half = chain.shape[0] // 2
    halves = np.concatenate([chain[:half], chain[-half:]], axis=1)
    out = np.full(chain.shape[2], math.nan)
    for k in range(out.size):
        draws = halves[:, :, k]
        if np.ptp(draws) > 0.0:
            out[k] = max(_rhat(_normal_scores(draws)), _rhat(_normal_scores(np.abs(draws - np.median(draws)))))
    return out


def _normal_scores(draws: Array) -> Array:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(draws, axis=None).reshape(draws.shape)
    return np.asarray(ndtri((ranks - 0.375) / (draws.size + 0.25)))


def _rhat(chains: Array) -> float:
    n = chains.shape[0]
    within = float(chains.var(axis=0, ddof=1).mean())
    between = float(chains.mean(axis=0).var(ddof=1))
    return math.sqrt((n - 1) / n + between / within) if within > 0.0 else math.inf


def samples_needed(n_steps: int, n_walkers: int, times: Array, rhat: Array) -> int:
    """Return how many draws convergence would take, at least; 0 where these are enough.

    Parameters
    ----------
    n_steps, n_walkers : int
        Of the chain.
    times, rhat : ndarray, shape (n_parameters,)
        Autocorrelation times in steps, and R-hat.
    """
    longest = float(np.max(times)) if np.all(np.isfinite(times)) else math.inf
    if n_steps >= STEPS_PER_TIME * longest and np.all(rhat <= LARGEST_RHAT):
        return 0
    # A time that the chain is too short for comes out too small: more are asked for.
    steps = 1.5 * STEPS_PER_TIME * longest if math.isfinite(longest) else 10.0 * n_steps
    digits = 10.0 ** (len(str(n_walkers * n_steps)) - 2)
    return int(math.ceil(n_walkers * max(steps, 2.0 * n_steps) / digits) * digits)


__all__ = ["autocorrelation", "samples_needed", "split_rhat"]
