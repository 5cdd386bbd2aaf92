"""Diffusion out of slabs, cylinders and spheres: the fraction that has left through the surface.

Time enters as tau = D t / a^2 with a the radius or the half thickness. The sink has closed forms for
short and long times; a surface barrier and a finite bath have eigenvalue series for long times and the
Laplace domain for short ones, where the series needs ever more terms.

References
----------
.. [1] J. Crank, The Mathematics of Diffusion, 2nd ed., Oxford (1975), chapters 4 to 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError
from .kernels import SLAB, exchange_curves, sink_fractions

GEOMETRIES = {"slab": 1, "cylinder": 2, "sphere": 3}
"""Name of a particle shape to its number of diffusing directions."""

SERIES_FROM = 0.05
"""Smallest tau at which the eigenvalue series is used: 30 terms then fall below 1e-16."""

N_TERMS = 40

SMALL_BIOT = 1e-4
"""Below, the first weight is one but for L^2 and 1 - sum would cancel; summing weight (1 - exp) instead
leaves out the terms beyond :data:`N_TERMS`, less than 1e-9 of the whole here."""


def geometry_code(geometry: str) -> int:
    """Return the number of diffusing directions of a geometry.

    Raises
    ------
    ModelError
        If the name is none of slab, cylinder, sphere.
    """
    try:
        return GEOMETRIES[geometry]
    except KeyError:
        raise ModelError(f"{geometry!r} is no geometry (allowed: slab, cylinder, sphere)") from None


def released_fraction(
    tau: ArrayLike,
    *,
    geometry: str,
    biot: float | None = None,
    ratio: float | None = None,
) -> NDArray[np.float64]:
    """Return the fraction of the initial content that has left a particle.

    Parameters
    ----------
    tau : array_like, shape (n,)
        D t / a^2, a the radius or the HALF thickness [1].
    geometry : {'slab', 'cylinder', 'sphere'}
        Shape of the particle.
    biot : float, optional
        L = h a / D of a surface barrier with transfer coefficient h; default: no barrier.
    ratio : float, optional
        Capacity of the well-mixed bath outside over that of the particle; default: an infinite bath
        (sink). The fraction then ends at ratio / (1 + ratio).

    Returns
    -------
    ndarray, shape (n,)
        Fraction, 0 to 1 [1]; relative error below 1e-8 for tau from 1e-12 to 1e3.

    Raises
    ------
    ModelError
        Negative tau, Biot number or ratio; an unknown geometry.

    References
    ----------
    .. [1] J. Crank, The Mathematics of Diffusion (1975): sink eqs. 4.18, 5.23, 6.20; barrier eqs. 4.53,
       5.49, 6.43; bath eqs. 4.37, 5.33, 6.30.

    Examples
    --------
    >>> from spacecharge.nmr.diffusion import released_fraction
    >>> f"{released_fraction([1e-6], geometry='sphere')[0]:.7f}"
    '0.0033821'
    """
    code = geometry_code(geometry)
    times = np.array(np.atleast_1d(tau), dtype=np.float64, order="C")
    if not np.all(times >= 0.0):
        raise ModelError("tau must be a number of at least 0")
    if biot is not None and not biot > 0.0:
        raise ModelError(f"the Biot number must be above 0, got {biot:g}")
    if ratio is not None and not ratio > 0.0:
        raise ModelError(f"the capacity ratio of the bath must be above 0, got {ratio:g}")
    out = np.empty_like(times)
    if biot is None and ratio is None:
        sink_fractions(code, times, out)
        return out
    late = times >= SERIES_FROM
    use_series = biot is None or ratio is None
    if use_series and np.any(late):
        roots, weights = (
            barrier_eigenvalues(biot, code) if biot is not None else bath_eigenvalues(float(ratio or 0), code)
        )
        end = 1.0 if ratio is None else ratio / (1.0 + ratio)
        exponents = -np.multiply.outer(times[late], roots**2)
        if biot is not None and biot < SMALL_BIOT:
            out[late] = -np.expm1(exponents) @ weights
        else:
            out[late] = end * (1.0 - np.exp(exponents) @ weights)
    early = ~late if use_series else np.ones_like(late)
    if np.any(early):
        out[early] = _by_laplace(times[early], code, biot, ratio)
    return out


def _by_laplace(tau: NDArray[np.float64], code: int, biot: float | None, ratio: float | None) -> NDArray[np.float64]:
    n = tau.size
    ones, zeros, curves = np.ones(n), np.zeros(n), np.empty((n, 3))
    barrier = np.full(n, 0.0 if biot is None else 1.0 / biot)
    surroundings = (0 if ratio is None else 1, float(ratio or 1.0), SLAB, 1.0, ones, zeros)
    exchange_curves(tau, (code, np.ones(1), np.ones(1), ones, zeros), barrier, surroundings, curves)
    return curves[:, 1]


def barrier_eigenvalues(biot: float, code: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return roots b and weights of a particle behind a surface barrier.

    The fraction is 1 - sum(weight exp(-b^2 tau)); slab b tan b = L, cylinder b J1 = L J0, sphere
    b cot b = 1 - L.

    Parameters
    ----------
    biot : float
        L = h a / D [1].
    code : int
        1 slab, 2 cylinder, 3 sphere.

    Returns
    -------
    roots, weights : ndarray, shape (40,)
        Dimensionless.
    """
    n = np.arange(N_TERMS)
    if code == 1:
        low, high = n * np.pi, (n + 0.5) * np.pi
        roots = _bisect(lambda b: b * np.sin(b) - biot * np.cos(b), low, high)
        return roots, 2.0 * biot**2 / (roots**2 * (roots**2 + biot**2 + biot))
    if code == 2:
        from scipy.special import j0, j1, jn_zeros

        low = np.concatenate([[0.0], jn_zeros(1, N_TERMS - 1)])
        roots = _bisect(lambda b: b * j1(b) - biot * j0(b), low, jn_zeros(0, N_TERMS))
        return roots, 4.0 * biot**2 / (roots**2 * (roots**2 + biot**2))
    roots = _bisect(lambda b: _one_minus_cot(b) - biot * np.sinc(b / np.pi), n * np.pi, (n + 1.0) * np.pi)
    return roots, 6.0 * biot**2 / (roots**2 * (roots**2 + biot * (biot - 1.0)))


def bath_eigenvalues(ratio: float, code: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return roots q and weights of a particle in a finite well-mixed bath.

    The fraction is ratio/(1 + ratio) (1 - sum(weight exp(-q^2 tau))); slab tan q = -ratio q, cylinder
    ratio q J0 + 2 J1 = 0, sphere tan q = 3 q / (3 + ratio q^2).

    Parameters
    ----------
    ratio : float
        Capacity of the bath over that of the particle [1].
    code : int
        1 slab, 2 cylinder, 3 sphere.

    Returns
    -------
    roots, weights : ndarray, shape (40,)
        Dimensionless.
    """
    n = np.arange(1, N_TERMS + 1)
    if code == 1:
        roots = _bisect(lambda q: np.sin(q) + ratio * q * np.cos(q), (n - 0.5) * np.pi, n * np.pi)
        return roots, 2.0 * ratio * (1.0 + ratio) / (1.0 + ratio + (ratio * roots) ** 2)
    if code == 2:
        from scipy.special import j0, j1, jn_zeros

        low, high = jn_zeros(0, N_TERMS), jn_zeros(1, N_TERMS)
        roots = _bisect(lambda q: ratio * q * j0(q) + 2.0 * j1(q), low, high)
        return roots, 4.0 * ratio * (1.0 + ratio) / (4.0 + 4.0 * ratio + (ratio * roots) ** 2)
    roots = _bisect(lambda q: (3.0 + ratio * q**2) * np.sin(q) - 3.0 * q * np.cos(q), n * np.pi, (n + 1.0) * np.pi)
    return roots, 6.0 * ratio * (1.0 + ratio) / (9.0 + 9.0 * ratio + (ratio * roots) ** 2)


def size_average(median: float, spread: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sizes and weights of a lognormal distribution.

    The distribution is that of the signal: weighted by the spins a particle holds (its volume), not
    by its number. `median` and `spread` describe the weighted one; a number distribution of the same
    spread has the median exp(-3 spread^2) times smaller for spheres.

    Parameters
    ----------
    median : float
        Median size [m].
    spread : float
        Standard deviation of ln(size) [1]; zero gives one size.

    Returns
    -------
    sizes, weights : ndarray, shape (n_sizes,)
        Sizes [m]; weights sum to 1.

    Notes
    -----
    Trapezoidal rule in z = ln(size/median)/spread. The curves are analytic in a strip of half width
    d = pi/(4 spread), where the Gaussian grows by exp(d^2/2): the step h errs by exp(d^2/2 - 2 pi d/h), at
    most exp(-23) here.
    """
    if spread <= 0.0:
        return np.array([median]), np.ones(1)
    strip = np.pi / (4.0 * spread)
    step = min(0.9, 2.0 * np.pi * strip / (23.0 + 0.5 * strip**2)) if strip < 7.0 else 0.9
    half = int(np.ceil(7.0 / step))
    z = step * np.arange(-half, half + 1)
    weights = np.exp(-0.5 * z**2)
    return median * np.exp(spread * z), weights / weights.sum()


def _one_minus_cot(b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sinc(b) - cos(b) (b in radians), by series where it cancels."""
    small = np.abs(b) < 0.05
    b2 = b * b
    series = b2 * (1 / 3 - b2 * (1 / 30 - b2 * (1 / 840 - b2 / 45360)))
    return np.where(small, series, np.sinc(b / np.pi) - np.cos(b))


def _bisect(function: Callable[..., Any], low: Any, high: Any) -> NDArray[np.float64]:
    """Return one root in every bracket, to the last bit."""
    a, b = np.array(low, dtype=float), np.array(high, dtype=float)
    # A bracket ends where the function changes sign, not on the root of its own end.
    sign = np.sign(function(a + 1e-12 * (b - a)))
    for _ in range(1080):
        middle = 0.5 * (a + b)
        above = np.sign(function(middle)) == sign
        if np.all((middle == a) | (middle == b)):
            break
        a, b = np.where(above, middle, a), np.where(above, b, middle)
    return np.asarray(0.5 * (a + b))
