"""Arrhenius laws about a reference temperature, and their regression.

A law is its value at the reference temperature and its activation energy. The value at infinite
temperature is an extrapolation that is correlated with the energy almost perfectly, so it is derived,
never fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN_EV
from ..errors import FitError
from ..model.arrhenius import arrhenius as law


def arrhenius(
    temperature: ArrayLike, value: float, activation_energy_eV: float, reference_K: float
) -> NDArray[np.float64]:
    """Return value exp[-(Ea/k)(1/T - 1/T_ref)].

    Parameters
    ----------
    temperature : array_like
        [K].
    value : float
        At the reference temperature.
    activation_energy_eV : float
        Ea [eV]; negative for a correlation time, which falls as it gets warmer.
    reference_K : float
        T_ref [K].

    Returns
    -------
    ndarray
        In the unit of `value`.
    """
    return law(value, activation_energy_eV, temperature, reference_K)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrheniusFit:
    """Line through ln(value) against 1/T.

    Parameters
    ----------
    value, sigma_ln_value : float
        Value at the reference temperature, and one sigma of its logarithm.
    activation_energy_eV, sigma_activation_energy_eV : float
        Ea with one sigma [eV].
    correlation : float
        Between ln(value) and Ea [1].
    reference_K : float
        [K].
    n_points : int
        Temperatures used.
    chi2_reduced : float
        NaN for two points.
    """

    value: float
    sigma_ln_value: float
    activation_energy_eV: float
    sigma_activation_energy_eV: float
    correlation: float
    reference_K: float
    n_points: int
    chi2_reduced: float


def arrhenius_regression(
    temperature: ArrayLike,
    value: ArrayLike,
    sigma_ln: ArrayLike | None = None,
    *,
    reference_K: float,
    covariance_ln: ArrayLike | None = None,
) -> ArrheniusFit:
    """Fit an Arrhenius law to values at several temperatures by weighted linear regression.

    Parameters
    ----------
    temperature : array_like, shape (n,)
        [K].
    value : array_like, shape (n,)
        Positive.
    sigma_ln : array_like, shape (n,), optional
        One sigma of ln(value); default: equal weights.
    reference_K : float
        Where the law's value is stated [K].
    covariance_ln : array_like, shape (n, n), optional
        Covariance of ln(value) where the values share an error. The line is the weighted one by `sigma_ln` all the
        same; its errors carry the covariance.

    Returns
    -------
    ArrheniusFit
        Errors are scaled by the scatter about the line where there are more than two points and the
        scatter exceeds the given errors; with two points they are those of the errors given.

    Raises
    ------
    FitError
        Fewer than two different temperatures, or values that are not positive.
    """
    t = np.atleast_1d(np.asarray(temperature, dtype=float))
    y = np.atleast_1d(np.asarray(value, dtype=float))
    s = np.ones_like(y) if sigma_ln is None else np.atleast_1d(np.asarray(sigma_ln, dtype=float))
    if np.unique(t).size < 2:
        raise FitError("an activation energy needs at least two different temperatures")
    if not (np.all(y > 0.0) and np.all(s > 0.0) and np.all(t > 0.0)):
        raise FitError("an Arrhenius law needs positive temperatures, values and errors")
    slope = (1.0 / reference_K - 1.0 / t) / BOLTZMANN_EV
    design = np.column_stack([np.ones_like(slope), slope]) / s[:, None]
    # Scaled columns: the two differ by the Boltzmann constant, which is no reason to lose digits.
    norms = np.linalg.norm(design, axis=0)
    coefficients, *_ = np.linalg.lstsq(design / norms, np.log(y) / s, rcond=None)
    residuals = design / norms @ coefficients - np.log(y) / s
    covariance = np.linalg.inv((design / norms).T @ (design / norms)) / np.outer(norms, norms)
    if covariance_ln is not None:
        by_value = covariance @ (design / s[:, None]).T
        covariance = by_value @ np.asarray(covariance_ln, dtype=float) @ by_value.T
    intercept, energy = coefficients / norms
    freedom = y.size - 2
    chi2 = float(residuals @ residuals / freedom) if freedom else math.nan
    if freedom and (sigma_ln is None or chi2 > 1.0):
        covariance = covariance * chi2
    elif sigma_ln is None:
        covariance = covariance * math.nan
    sigma = np.sqrt(np.diag(covariance))
    return ArrheniusFit(
        value=float(np.exp(intercept)),
        sigma_ln_value=float(sigma[0]),
        activation_energy_eV=float(energy),
        sigma_activation_energy_eV=float(sigma[1]),
        correlation=float(covariance[0, 1] / (sigma[0] * sigma[1])) if sigma[0] > 0 and sigma[1] > 0 else 0.0,
        reference_K=reference_K,
        n_points=int(y.size),
        chi2_reduced=chi2,
    )
