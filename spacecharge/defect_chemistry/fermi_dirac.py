"""Fermi-Dirac integrals by quadrature, and the inverse of that of order 1/2: carriers in parabolic bands.

    F_j(eta) = 1/Gamma(j + 1) int_0^inf x^j/[1 + exp(x - eta)] dx,     n = N_c F_1/2[(E_F - E_c)/kT]

Normalised so that F_j -> exp(eta) far below 0. The solver's kernels have polynomials and an inverse of their own
(`kernels/fermi.py`): this quadrature is the oracle that they are tested against, so neither may call the other.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

FARTHEST = 45.0
"""x - eta at which the integrand is left: exp(-45) is 3e-20."""

NODES = 20
"""Gauss-Legendre nodes a panel, none of which is longer than its distance to the poles: 4.2^-40 is left out."""

DEGENERATE = 0.1
"""From this share of N_c or N_v on, exp(eta) is off by more than 3.5 % of the density."""


@lru_cache(maxsize=1)
def _rule() -> tuple[Array, Array]:
    from numpy.polynomial.legendre import leggauss

    nodes, weights = leggauss(NODES)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def _edges(eta: float) -> Array:
    """Return panel edges in t = sqrt(x): they crowd at x = eta, beside which the poles x = eta +- i pi lie."""
    middle = math.sqrt(max(eta, 0.0))
    first = 0.5 * math.pi / max(middle, 1.0)
    end = math.sqrt(max(eta, 0.0) + FARTHEST)
    steps = first * 2.0 ** np.arange(60)
    below = middle - np.cumsum(steps)
    above = middle + np.cumsum(np.minimum(steps, 1.0))
    inner = np.concatenate([below[below > 0.0], [middle], above[above < end]])
    return np.unique(np.concatenate([[0.0, end], inner]))


def fermi_integral(order: float, eta: ArrayLike) -> Array:
    """Return the Fermi-Dirac integral of an order above -1, normalised by Gamma(order + 1).

    Parameters
    ----------
    order : float
        -1/2, 1/2, 3/2 for response, density and pressure of three-dimensional parabolic bands [1].
    eta : array_like
        Fermi level against the edge, over kT [1].

    Returns
    -------
    ndarray, shape of `eta`
        Good to 1e-14 of itself.

    References
    ----------
    .. [1] J. S. Blakemore, Solid-State Electron. 25, 1067 (1982).
    """
    nodes, weights = _rule()
    values = []
    for at in np.ravel(np.asarray(eta, dtype=float)).tolist():
        edges = _edges(at)
        size = np.diff(edges)[:, None]
        t = edges[:-1, None] + size * nodes
        above = t * t - at
        small = np.exp(-np.abs(above))
        filled = np.where(above > 0.0, small, 1.0) / (1.0 + small)
        values.append(float((weights * size * t ** (2.0 * order + 1.0) * filled).sum()))
    return np.asarray(2.0 / math.gamma(order + 1.0) * np.reshape(values, np.shape(eta)))


def fermi_difference(eta: float, shift: ArrayLike) -> Array:
    """Return F(eta + shift) - F(eta) of order 1/2, without cancellation however small the shift.

    Parameters
    ----------
    eta : float
        Where the difference starts [1].
    shift : array_like
        How far it goes [1].

    Returns
    -------
    ndarray, shape of `shift`
        [1]; the integral of f(x - shift) - f(x) = [1 - exp(-shift)] [1 - f(x)] f(x - shift).
    """
    nodes, weights = _rule()
    values = []
    for step in np.ravel(np.asarray(shift, dtype=float)).tolist():
        edges = np.unique(np.concatenate([_edges(eta), _edges(eta + step)]))
        size = np.diff(edges)[:, None]
        t = edges[:-1, None] + size * nodes
        # From the higher of the two levels down, so that the factor in front is the small one.
        low, high = t * t - max(eta, eta + step), t * t - min(eta, eta + step)
        filled = np.exp(-np.logaddexp(0.0, low) - np.logaddexp(0.0, -high))
        total = float((weights * size * t * t * filled).sum()) * -math.expm1(-abs(step))
        values.append(math.copysign(total, step) if step else 0.0)
    return np.asarray(2.0 / math.gamma(1.5) * np.reshape(values, np.shape(shift)))


def fermi_level_of(share: ArrayLike) -> Array:
    """Return eta at which the integral of order 1/2 is `share`, n/N_c.

    Parameters
    ----------
    share : array_like
        Above 0 [1].

    Returns
    -------
    ndarray, shape of `share`
        eta [1].
    """
    from scipy.optimize import newton

    def off(eta: float, value: float) -> float:
        return math.log(float(fermi_integral(0.5, eta)) / value)

    def slope(eta: float, value: float) -> float:
        return float(fermi_integral(-0.5, eta)) / float(fermi_integral(0.5, eta))

    found = []
    # Steps square the error: the one below 1e-12 ends at rounding.
    for value in np.ravel(np.asarray(share, dtype=float)).tolist():
        start = math.log(value) if value < 1.0 else (0.75 * math.sqrt(math.pi) * value) ** (2.0 / 3.0)
        found.append(float(newton(off, start, slope, (value,), tol=1e-12)))
    return np.reshape(np.asarray(found), np.shape(share))


__all__ = ["DEGENERATE", "fermi_difference", "fermi_integral", "fermi_level_of"]
