"""The Arrhenius law, once: everything activated follows it from the value at a reference temperature."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE

Array = NDArray[np.float64]


def arrhenius(value: ArrayLike, energy_eV: ArrayLike, temperature: ArrayLike, reference: ArrayLike) -> Array:
    """Return value exp[-(Ea/k)(1/T - 1/T_ref)], in the unit of the value.

    Parameters
    ----------
    value : array_like
        At the reference temperature.
    energy_eV : array_like
        Activation energy Ea [eV].
    temperature, reference : array_like
        T and T_ref [K].

    Examples
    --------
    >>> round(float(arrhenius(1.0, 0.3, 310.0, 300.0)), 3)
    1.454
    """
    kelvin = np.asarray(energy_eV, dtype=float) * ELEMENTARY_CHARGE / BOLTZMANN
    inverse = 1.0 / np.asarray(temperature, dtype=float) - 1.0 / np.asarray(reference, dtype=float)
    return np.asarray(np.asarray(value, dtype=float) * np.exp(-kelvin * inverse))


def relative_slope(part: str, energy_eV: ArrayLike, temperature: ArrayLike, reference: ArrayLike) -> Array:
    """Return the derivative of ln(law) by one of its numbers other than the value.

    Parameters
    ----------
    part : {"temperature", "at_K", "activation_energy_eV"}
        What is varied: T, T_ref or Ea.
    energy_eV, temperature, reference : array_like
        As :func:`arrhenius` takes them.

    Returns
    -------
    ndarray
        [K^-1] for the temperatures, [J^-1] for the energy.
    """
    energy = np.asarray(energy_eV, dtype=float)
    at, base = np.asarray(temperature, dtype=float), np.asarray(reference, dtype=float)
    if part == "temperature":
        return np.asarray(energy * ELEMENTARY_CHARGE / (BOLTZMANN * at**2))
    if part == "at_K":
        return np.asarray(-energy * ELEMENTARY_CHARGE / (BOLTZMANN * base**2))
    return np.asarray(-(1.0 / at - 1.0 / base) / BOLTZMANN)


__all__ = ["arrhenius", "relative_slope"]
