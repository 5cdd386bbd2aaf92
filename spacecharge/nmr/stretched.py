"""Spectral density of a stretched exponential correlation function (Kohlrausch, Williams, Watts)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError

BETA_RANGE = (0.1, 1.0)
"""Exponents that are evaluated."""

_ANGLE = 0.25 * math.pi
"""Direction of the integral in the plane of complex times. Along the real axis the cosine oscillates, along the
imaginary one exp(-t^beta) does; half way between, both have decayed before they turn."""

_STEP = 0.14
"""Step of the trapezoidal rule in ln(time). The integrand is analytic within 45 degrees on either side, so the rule
errs by exp(-2 pi (pi/4)/step) = 5e-16."""

_SERIES_FROM = 4.0
"""(omega tau)^beta from which on the series in its inverse is summed: 30 terms leave 4^-30."""

_TERMS = 30


def stretched_spectral_density(omega: ArrayLike, tau: ArrayLike, beta: float) -> NDArray[np.float64]:
    """Return j = integral of exp(-(t/tau)^beta) cos(omega t) dt over positive t.

    Parameters
    ----------
    omega : array_like
        Angular frequency [rad/s].
    tau : array_like
        Time constant of the correlation function [s].
    beta : float
        Stretching exponent, 1 for one correlation time (j = tau/(1 + omega^2 tau^2)), less for a distribution of them.
        The slope of ln T1 against 1/T is Ea on the warm side of its minimum and beta Ea on the cold one.

    Returns
    -------
    ndarray
        [s]; relative error below 1e-12.

    Raises
    ------
    ModelError
        `beta` outside 0.1 to 1.

    Notes
    -----
    With x = omega tau, far out the series sum (-1)^(n+1) Gamma(n beta + 1)/n! sin(n pi beta/2) x^(-n beta - 1),
    elsewhere the integral itself along exp(i pi/4) by the trapezoidal rule in the logarithm of time.

    References
    ----------
    .. [1] G. Williams, D. C. Watts, Trans. Faraday Soc. 66, 80 (1970).
    .. [2] J. Wuttke, Algorithms 5, 604 (2012).
    """
    low, high = BETA_RANGE
    if not low <= beta <= high:
        raise ModelError(f"the stretching exponent is {beta:g} (allowed: {low:g} to {high:g})")
    t = np.asarray(tau, dtype=float)
    x = np.abs(np.asarray(omega, dtype=float)) * t
    places, back = np.unique(x, return_inverse=True)
    values = np.empty(places.shape)
    far = places**beta >= _SERIES_FROM
    values[far] = _series(places[far], beta)
    values[~far] = _integral(places[~far], beta)
    return np.asarray(t * values[back].reshape(x.shape))


def _series(x: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    n = np.arange(1, _TERMS + 1)
    log_size = np.array([math.lgamma(k * beta + 1.0) - math.lgamma(k + 1.0) for k in n.tolist()])
    signed = -((-1.0) ** n) * np.sin(0.5 * np.pi * beta * n) * np.exp(log_size)
    inverse = x[:, None] ** -beta
    return np.asarray((inverse**n) @ signed / x)


def _integral(x: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """Return the integral with time in units of tau."""
    # u exp(-u^beta cos(beta angle)) is nothing after the last node. What lies below the first one is nothing beside the
    # smallest value of the integral, about 1/x at the largest x that comes here.
    last = 0.0
    for _ in range(6):
        last = math.log((40.0 + last) / math.cos(beta * _ANGLE)) / beta
    first = math.log(1e-17) - math.log(_SERIES_FROM) / beta
    y = np.arange(first, last + _STEP, _STEP)
    u = np.exp(y)
    weight = u * np.exp(1j * _ANGLE - np.exp(beta * y) * np.exp(1j * beta * _ANGLE)) * _STEP
    # exp(i x u exp(i pi/4)) with equal real and imaginary parts; after 60 nothing is left of it.
    a = np.minimum(np.outer(x, u * math.cos(_ANGLE)), 60.0)
    decay = np.exp(-a)
    return np.asarray((decay * np.cos(a)) @ weight.real - (decay * np.sin(a)) @ weight.imag)


__all__ = ["BETA_RANGE", "stretched_spectral_density"]
