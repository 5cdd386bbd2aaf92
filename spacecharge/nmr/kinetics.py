"""Exchange between N sites by first-order kinetics, with relaxation of each site."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError


def rate_matrix(exchange_rates: ArrayLike, populations: ArrayLike) -> NDArray[np.float64]:
    """Return the matrix K of a reversible exchange between sites.

    Parameters
    ----------
    exchange_rates : array_like, shape (n_sites, n_sites)
        Symmetric; entry i, j is k_ij + k_ji of the pair [1/s]; the diagonal is ignored.
    populations : array_like, shape (n_sites,)
        Equilibrium populations, positive; scaled to a sum of one.

    Returns
    -------
    ndarray, shape (n_sites, n_sites)
        K[i, j] is the rate from j to i; columns sum to zero and K p = 0 [1/s].

    Raises
    ------
    ModelError
        A population that is not positive, or rates that are negative or not symmetric.
    """
    rates = np.array(exchange_rates, dtype=float)
    p = np.asarray(populations, dtype=float)
    if not np.all(p > 0.0):
        raise ModelError("populations must be above 0")
    if rates.shape != (p.size, p.size):
        raise ModelError(f"exchange rates have the shape {rates.shape}, {(p.size, p.size)} is needed")
    np.fill_diagonal(rates, 0.0)
    if not (np.all(rates >= 0.0) and np.allclose(rates, rates.T, rtol=1e-12, atol=0.0)):
        raise ModelError("exchange rates must be symmetric and at least 0")
    matrix = rates * p[:, None] / (p[:, None] + p[None, :])
    np.fill_diagonal(matrix, -matrix.sum(axis=0))
    return np.asarray(matrix)


def kinetic_intensities(
    matrix: ArrayLike, relaxation_rates: ArrayLike, magnetisation: ArrayLike, time: ArrayLike
) -> NDArray[np.float64]:
    """Return all diagonal and cross intensities I(t) = expm[(K - R) t] diag(M0).

    Parameters
    ----------
    matrix : array_like, shape (n_sites, n_sites)
        K, columns summing to zero, K[i, j] from j to i [1/s].
    relaxation_rates : array_like, shape (n_sites,)
        1/T1 of each site [1/s].
    magnetisation : array_like, shape (n_sites,)
        Equilibrium magnetisation of each site.
    time : array_like, shape (n,)
        Mixing times [s].

    Returns
    -------
    ndarray, shape (n, n_sites, n_sites)
        Entry t, i, j: from site j to site i, in the unit of `magnetisation`.

    Notes
    -----
    With detailed balance K is similar to a symmetric matrix, whose eigenproblem serves all times;
    without it (a driven cycle) every time takes its own matrix exponential.

    References
    ----------
    .. [1] R. R. Ernst, G. Bodenhausen, A. Wokaun, Principles of Nuclear Magnetic Resonance in One and
       Two Dimensions, Oxford (1987), section 9.3.
    """
    k = np.asarray(matrix, dtype=float)
    rates = np.asarray(relaxation_rates, dtype=float)
    m0 = np.asarray(magnetisation, dtype=float)
    times = np.atleast_1d(np.asarray(time, dtype=float))
    scale = np.abs(k).max(initial=0.0)
    if np.any(np.abs(k.sum(axis=0)) > 1e-9 * scale):
        raise ModelError("the columns of the rate matrix must sum to zero")
    slowest = float(rates.min(initial=np.inf))
    root = np.sqrt(m0)
    flows = k * m0[None, :]
    decay = np.exp(-slowest * times)[:, None, None]
    generator = k - np.diag(rates - slowest)
    if np.all(m0 > 0.0) and np.all(np.abs(flows - flows.T) <= 1e-12 * np.abs(flows).max(initial=0.0)):
        symmetric = generator * root[None, :] / root[:, None]
        values, vectors = np.linalg.eigh(0.5 * (symmetric + symmetric.T))
        growth = np.exp(np.multiply.outer(times, values))
        inner = (vectors[None, :, :] * growth[:, None, :]) @ vectors.T
        intensities = inner * root[:, None] * root[None, :] * decay
    else:
        from scipy.linalg import expm

        intensities = expm(generator * times[:, None, None]) * m0 * decay
    return np.asarray(intensities)
