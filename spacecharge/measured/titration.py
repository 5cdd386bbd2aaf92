"""Chemical diffusivity from the pulses of a titration, and the thermodynamic factor from its curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE

Array = NDArray[np.float64]

SHORT = 0.1
"""Largest tau D/L^2 of a pulse that still sees a half space: a slab of thickness L then errs by less than 1e-6."""

_SKIP = 0.02
"""Share of a pulse that is left out at its start: charging of the double layer."""


def pulse_slope(time: Array, voltage: Array) -> float:
    """Return the first slope of the potential against the root of time [V s-1/2].

    A parabola in the root of time takes in the curvature of U(x), and that of a particle's surface, in first order;
    its constant is the ohmic drop.

    Parameters
    ----------
    time, voltage : ndarray, shape (n,)
        Rows of a pulse: time since the current was switched on [s], potential [V].

    Returns
    -------
    float
        NaN where there are fewer than three rows.
    """
    use = time > _SKIP * time[-1] if time.size else np.zeros(0, dtype=bool)
    if np.sum(use) < 3:
        return float("nan")
    root = np.sqrt(time[use] / time[-1])
    order = 2 if root.size >= 6 else 1
    return float(np.polyfit(root, voltage[use], order)[-2] / np.sqrt(time[-1]))


def slopes(composition: Array, potential: Array) -> Array:
    """Return dU/dx at every point of a curve, from the parabola through it and its neighbours.

    Parameters
    ----------
    composition, potential : ndarray, shape (n,)
        Composition rising or falling strictly; [V].

    Returns
    -------
    ndarray, shape (n,)
        [V]; NaN for fewer than two points.
    """
    if composition.size < 2:
        return np.full(composition.shape, np.nan)
    if composition.size == 2:
        return np.asarray(np.gradient(potential, composition, edge_order=1))
    return np.asarray(np.gradient(potential, composition, edge_order=2))


def chemical_diffusivity(
    length: float, potential_slope: Array, rate: Array, transient_slope: Array, duration: Array
) -> Array:
    """Return the chemical diffusivity of galvanostatic pulses.

    Parameters
    ----------
    length : float
        Volume of the active material over its area of contact, n V_M/A [m]: the thickness of a film, a third of the
        radius of a sphere.
    potential_slope : ndarray, shape (n,)
        dU/dx where the pulse starts [V].
    rate : ndarray, shape (n,)
        Change of the mean composition in time [s-1].
    transient_slope : ndarray, shape (n,)
        First slope of the potential against the root of time [V s-1/2].
    duration : ndarray, shape (n,)
        Of the pulse [s].

    Returns
    -------
    ndarray, shape (n,)
        [m2 s-1]; NaN where the pulse is too long for a half space, tau D/L^2 above `SHORT`.

    Notes
    -----
    D = 4/(pi tau) (n V_M/A)^2 (dE_s/dE_t)^2 with dE_s = U' dx/dt tau and dE_t = (dE/d sqrt t) sqrt tau, both taken
    where the pulse starts; valid for tau much shorter than L^2/D.

    References
    ----------
    W. Weppner and R. A. Huggins, J. Electrochem. Soc. 124 (1977) 1569.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 4.0 / np.pi * (length * potential_slope * rate / transient_slope) ** 2
        # A step and a transient of opposite signs have no diffusivity in common.
        usable = (potential_slope * rate * transient_slope > 0.0) & (duration * value <= SHORT * length**2)
    return np.asarray(np.where(usable, value, np.nan))


def thermodynamic_factor(composition: Array, potential: Array, temperature: float, electrons: float = 1.0) -> Array:
    """Return d ln a/d ln x of the inserted element, -(z e/kT) x dU/dx.

    Parameters
    ----------
    composition, potential : ndarray, shape (n,)
        Composition rising or falling strictly; [V].
    temperature : float
        [K].
    electrons : float
        Elementary charges per unit of composition.

    Returns
    -------
    ndarray, shape (n,)
        1 for an ideal solution, 1/(1 - x) for an ideal lattice, 0 where two phases stand side by side.
    """
    thermal = BOLTZMANN * temperature / ELEMENTARY_CHARGE
    return np.asarray(-electrons * composition * slopes(composition, potential) / thermal)


__all__ = ["SHORT", "chemical_diffusivity", "pulse_slope", "slopes", "thermodynamic_factor"]
