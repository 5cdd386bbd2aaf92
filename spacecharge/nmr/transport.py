"""From what NMR measures to what a cell feels: diffusion coefficients, conductivities, exchange currents.

Plain functions of numbers or arrays; errors are propagated by the fit that calls them, through the full
covariance (see :func:`spacecharge.fitting.uncertainty.propagate`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..errors import ModelError
from ..model.charge_transfer import resistance_of_exchange

JUMP_DIRECTIONS = {1: 2, 2: 4, 3: 6}
"""Dimensions of the motion to the number n of jump directions."""

READINGS = ("paper", "initial-rate")
"""How an exchanged fraction becomes a rate: ``paper`` divides it by the time (linear, as Cheng et al., Joule
2020, did); ``initial-rate`` is the first-order rate -ln(1 - f)/t that would have led to it."""


def prefactor_correlation_time(
    tau: ArrayLike, temperature: ArrayLike, activation_energy_eV: ArrayLike
) -> NDArray[np.float64]:
    """Return tau_inf of tau = tau_inf exp(Ea/kT) [s] from tau at one temperature [s, K, eV]."""
    exponent = np.asarray(activation_energy_eV) * ELEMENTARY_CHARGE / (BOLTZMANN * np.asarray(temperature))
    return np.asarray(tau * np.exp(-exponent))


def correlation_time(
    prefactor: ArrayLike, temperature: ArrayLike, activation_energy_eV: ArrayLike
) -> NDArray[np.float64]:
    """Return tau = tau_inf exp(Ea/kT) [s] at a temperature [s, K, eV]."""
    exponent = np.asarray(activation_energy_eV) * ELEMENTARY_CHARGE / (BOLTZMANN * np.asarray(temperature))
    return np.asarray(prefactor * np.exp(exponent))


def jump_diffusivity(jump_length: ArrayLike, tau: ArrayLike, directions: int) -> NDArray[np.float64]:
    """Return D = l^2 / (n tau).

    Parameters
    ----------
    jump_length : array_like
        l [m].
    tau : array_like
        Mean residence time [s].
    directions : {2, 4, 6}
        n: 2 along channels, 4 in planes, 6 in space.

    Returns
    -------
    ndarray
        [m^2/s]. Uncorrelated jumps; a tracer diffuses slower by its correlation factor.

    Raises
    ------
    ModelError
        Another number of directions.

    References
    ----------
    .. [1] H. Mehrer, Diffusion in Solids, Springer (2007), chapter 4.
    """
    if directions not in JUMP_DIRECTIONS.values():
        raise ModelError(f"{directions} jump directions (allowed: 2, 4, 6)")
    return np.asarray(np.asarray(jump_length) ** 2 / (directions * np.asarray(tau)))


def nernst_einstein(
    diffusivity: ArrayLike,
    number_density: ArrayLike,
    temperature: ArrayLike,
    *,
    charge_number: float = 1.0,
    haven_ratio: float = 1.0,
) -> NDArray[np.float64]:
    """Return the conductivity sigma = n z^2 e^2 D / (H k T).

    Parameters
    ----------
    diffusivity : array_like
        Tracer or jump diffusivity D [m^2/s].
    number_density : array_like
        n of the mobile ions [m^-3].
    temperature : array_like
        [K].
    charge_number : float
        z [1].
    haven_ratio : float
        H = D / D_sigma [1].

    Returns
    -------
    ndarray
        [S/m].

    References
    ----------
    .. [1] H. Mehrer, Diffusion in Solids, Springer (2007), chapter 11: the Haven ratio.
    """
    charge2 = (charge_number * ELEMENTARY_CHARGE) ** 2
    return np.asarray(
        np.asarray(number_density)
        * charge2
        * np.asarray(diffusivity)
        / (haven_ratio * BOLTZMANN * np.asarray(temperature))
    )


def exchange_rate_from_fraction(fraction: ArrayLike, time: ArrayLike, reading: str) -> NDArray[np.float64]:
    """Return the rate that an exchanged fraction stands for.

    Parameters
    ----------
    fraction : array_like
        Share of the ions exchanged, 0 to below 1 [1].
    time : array_like
        Mixing time [s].
    reading : {'paper', 'initial-rate'}
        See :data:`READINGS`.

    Returns
    -------
    ndarray
        [1/s].
    """
    f = np.asarray(fraction, dtype=float)
    if reading == "paper":
        return np.asarray(f / time)
    if reading == "initial-rate":
        return np.asarray(-np.log1p(-f) / time)
    raise ModelError(f"{reading!r} is no reading (allowed: {', '.join(READINGS)})")


def exchange_current_density(
    rate: ArrayLike, number_density: ArrayLike, volume_to_area: ArrayLike
) -> NDArray[np.float64]:
    """Return i0 = e n (V/A) k0.

    Parameters
    ----------
    rate : array_like
        Initial exchange rate k0 of the ions [1/s].
    number_density : array_like
        n of the exchanging ions [m^-3].
    volume_to_area : array_like
        Volume of the particle over its surface: a/3 for a sphere, a/2 cylinder, a slab [m].

    Returns
    -------
    ndarray
        [A/m^2].

    References
    ----------
    .. [1] Z. Cheng et al., Joule 4, 1311 (2020). DOI 10.1016/j.joule.2020.04.002.
    """
    return np.asarray(ELEMENTARY_CHARGE * np.asarray(number_density) * np.asarray(volume_to_area) * np.asarray(rate))


def horvai_resistance(exchange_current: ArrayLike, temperature: ArrayLike) -> NDArray[np.float64]:
    """Return the interface resistance R = k T / (e i0).

    Parameters
    ----------
    exchange_current : array_like
        i0 [A/m^2].
    temperature : array_like
        [K].

    Returns
    -------
    ndarray
        [ohm m^2].

    References
    ----------
    .. [1] G. Horvai, Electroanalysis 3, 673 (1991).
    """
    return resistance_of_exchange(exchange_current, temperature)
