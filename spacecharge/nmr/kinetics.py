"""Exchange between N sites by first-order kinetics, with relaxation of each site."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError


def rate_matrix(exchange_rates: ArrayLike, populations: ArrayLike) -> NDArray[np.float64]:
    """Return the matrix K of a reversible exchange between sites.

    Parameters
    ----------
    exchange_rates : array_like, shape (..., n_sites, n_sites)
        Symmetric; entry i, j is k_ij + k_ji of the pair [1/s]; the diagonal is ignored.
    populations : array_like, shape (..., n_sites)
        Equilibrium populations, positive; scaled to a sum of one.

    Returns
    -------
    ndarray, shape (..., n_sites, n_sites)
        K[i, j] is the rate from j to i; columns sum to zero and K p = 0 [1/s].

    Raises
    ------
    ModelError
        A population that is not positive, or rates that are negative or not symmetric.
    """
    rates = np.array(exchange_rates, dtype=float)
    p = np.asarray(populations, dtype=float)
    if not (p > 0.0).all():
        raise ModelError("populations must be above 0")
    needed = (p.shape[-1], p.shape[-1])
    if rates.shape[-2:] != needed:
        raise ModelError(f"exchange rates have the shape {rates.shape}, {needed} is needed")
    diagonal = np.arange(p.shape[-1])
    rates[..., diagonal, diagonal] = 0.0
    turned = rates.swapaxes(-1, -2)
    # Equal to the last bit is what is asked mostly, and asked in a tenth of the time.
    same = (rates == turned).all() or np.allclose(rates, turned, rtol=1e-12, atol=0.0)
    if not ((rates >= 0.0).all() and same):
        raise ModelError("exchange rates must be symmetric and at least 0")
    matrix = rates * p[..., :, None] / (p[..., :, None] + p[..., None, :])
    matrix[..., diagonal, diagonal] = -matrix.sum(axis=-2)
    return np.asarray(matrix)


def kinetic_intensities(
    matrix: ArrayLike,
    relaxation_rates: ArrayLike,
    magnetisation: ArrayLike,
    time: ArrayLike,
    which: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return all diagonal and cross intensities I(t) = expm[(K - R) t] diag(M0).

    Parameters
    ----------
    matrix : array_like, shape (n_sites, n_sites) or (n_matrices, n_sites, n_sites)
        K, columns summing to zero, K[i, j] from j to i [1/s].
    relaxation_rates : array_like, shape (n_sites,) or (n_matrices, n_sites)
        1/T1 of each site [1/s].
    magnetisation : array_like, shape (n_sites,) or (n_matrices, n_sites)
        Equilibrium magnetisation of each site.
    time : array_like, shape (n,)
        Mixing times [s].
    which : array_like of int, shape (n,), optional
        The matrix of each time; default: the first.

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
    k = k.reshape(-1, *k.shape[-2:])
    shape = k.shape[:2]
    rates = np.broadcast_to(np.asarray(relaxation_rates, dtype=float), shape)
    m0 = np.broadcast_to(np.asarray(magnetisation, dtype=float), shape)
    times = np.atleast_1d(np.asarray(time, dtype=float))
    of = np.zeros(times.size, dtype=np.intp) if which is None else np.asarray(which, dtype=np.intp)
    scale = np.abs(k).max(axis=(1, 2), initial=0.0)
    if (np.abs(k.sum(axis=1)) > 1e-9 * scale[:, None]).any():
        raise ModelError("the columns of the rate matrix must sum to zero")
    slowest = rates.min(axis=1, initial=np.inf)
    flows = k * m0[:, None, :]
    decay = np.exp(-slowest[of] * times)[:, None, None]
    diagonal = np.arange(shape[1])
    generator = k.copy()
    generator[:, diagonal, diagonal] -= rates - slowest[:, None]
    largest = np.abs(flows).max(axis=(1, 2), initial=0.0)[:, None, None]
    if (m0 > 0.0).all() and (np.abs(flows - flows.swapaxes(1, 2)) <= 1e-12 * largest).all():
        root = np.sqrt(m0)
        symmetric = generator * root[:, None, :] / root[:, :, None]
        values, vectors = np.linalg.eigh(0.5 * (symmetric + symmetric.swapaxes(1, 2)))
        growth = np.exp(times[:, None] * values[of])
        modes = vectors[of]
        inner = (modes * growth[:, None, :]) @ modes.swapaxes(1, 2)
        intensities = inner * (root[:, :, None] * root[:, None, :])[of] * decay
    else:
        from scipy.linalg import expm

        intensities = expm(generator[of] * times[:, None, None]) * m0[of][:, None, :] * decay
    return np.asarray(intensities)
