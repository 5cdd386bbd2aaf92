"""Chemical diffusivity from the pulses of a titration, and the thermodynamic factor from its curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE

Array = NDArray[np.float64]

SHORT = 0.1
"""Largest tau D/L^2 of a pulse that still sees a half space: a slab of thickness L then errs by less than 1e-6."""

_ROWS = 6
"""Least rows of a pulse, for its ohmic drop, its slope and a scatter."""

BEND = 0.03
"""Largest share by which the first slopes of polynomials of neighbouring orders through a transient may differ."""

_REACH = 0.4
"""By how much, in the logarithm, a slope through the curve may differ from that of a parabola in the root of time."""

_SKIP = 0.02
"""Share of a pulse that is left out at its start: charging of the double layer."""


def _past_the_start(time: Array) -> NDArray[np.bool_]:
    """Say which rows of a pulse come after the charging of the double layer."""
    return time > _SKIP * time[-1] if time.size else np.zeros(0, dtype=bool)


def pulse_slope(time: Array, voltage: Array) -> tuple[float, float]:
    """Return the first slope of the potential against the root of time [V s-1/2], and how sure it is.

    A polynomial in the root of time takes in the curvature of U(x), and that of a particle's surface, in its higher
    parts; its constant is the ohmic drop.

    Parameters
    ----------
    time, voltage : ndarray, shape (n,)
        Rows of a pulse: time since the current was switched on [s], potential [V].

    Returns
    -------
    slope, spread : float
        Of a cubic (of a parabola where there are few rows), and by which share that of the next lower order differs;
        infinity where nothing can be compared; NaN for fewer than three rows.
    """
    use = _past_the_start(time)
    if np.sum(use) < 3:
        return float("nan"), float("nan")
    root, values = np.sqrt(time[use] / time[-1]), voltage[use]
    if root.size < _ROWS:
        return float(np.polyfit(root, values, 1)[-2] / np.sqrt(time[-1])), float("inf")
    orders = (2, 3) if root.size >= 2 * _ROWS else (1, 2)
    lower, higher = (float(np.polyfit(root, values, order)[-2]) for order in orders)
    return higher / float(np.sqrt(time[-1])), abs(lower / higher - 1.0) if higher else float("inf")


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


def surface_rate(
    time: Array, voltage: Array, curve: tuple[Array, Array], start: float, guess: float, curvature: float = 0.0
) -> float:
    """Return the first slope of the surface's composition against the root of time [s-1/2], through the curve U(x).

    The voltage is a constant (ohmic drop, hysteresis) plus U at the composition of the surface, which is start +
    slope (sqrt t + curvature t). However far U bends over the stretch that the surface runs through, a linear
    reading of dE_t errs by that bend; this does not.

    Parameters
    ----------
    time, voltage : ndarray, shape (n,)
        Rows of a pulse: time since the current was switched on [s], potential [V].
    curve : tuple of two ndarrays, shape (m,)
        Composition, rising strictly, and potential [V].
    start : float
        Composition before the pulse.
    guess : float
        First value; its sign is kept [s-1/2].
    curvature : float
        Of a particle, sqrt(pi D)/(2 R) [s-1/2]; 0 for a film.

    Returns
    -------
    float
        NaN where the surface leaves the curve before six rows are reached.
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.optimize import minimize_scalar

    x, u = curve
    use = _past_the_start(time)
    grid, values = np.sqrt(time[use]) + curvature * time[use], voltage[use]
    if grid.size < _ROWS or x.size < 3 or not abs(guess) > 0.0:
        return float("nan")
    potential = PchipInterpolator(x, u, extrapolate=False)
    room = (x[-1] if guess > 0.0 else x[0]) - start

    def best(inside: NDArray[np.bool_], low: float, high: float) -> float:
        # A fixed set of rows: with fewer of them any slope fits well.
        def misfit(logarithm: float) -> float:
            surface = start + np.sign(guess) * np.minimum(np.exp(logarithm) * grid[inside], abs(room))
            return float(np.var(values[inside] - potential(surface)))

        scan = np.linspace(low, high, 17)
        at = int(np.argmin([misfit(one) for one in scan]))
        bounds = scan[max(at - 1, 0)], scan[min(at + 1, scan.size - 1)]
        return float(minimize_scalar(misfit, bounds=bounds, method="bounded", options={"xatol": 1e-7}).x)

    logarithm = float(np.log(abs(guess)))
    for reach in (_REACH, 0.5 * _REACH):
        inside = np.exp(logarithm + reach) * grid <= abs(room)
        if np.sum(inside) < _ROWS:
            return float("nan")
        found = best(inside, logarithm - reach, logarithm + reach)
        if abs(found - logarithm) > 0.99 * reach:
            return float("nan")
        logarithm = found
    return float(np.sign(guess) * np.exp(logarithm))


def chemical_diffusivity(length: float, rate: float, surface: float, duration: float) -> float:
    """Return the chemical diffusivity of a galvanostatic pulse.

    Parameters
    ----------
    length : float
        Volume of the active material over its area of contact, n V_M/A [m]: the thickness of a film, a third of the
        radius of a sphere.
    rate : float
        Change of the mean composition in time [s-1].
    surface : float
        First slope of the surface's composition against the root of time [s-1/2].
    duration : float
        Of the pulse [s].

    Returns
    -------
    float
        [m2 s-1]; NaN where the pulse is too long for a half space, tau D/L^2 above `SHORT`.

    Notes
    -----
    D = 4/(pi tau) (n V_M/A)^2 (dE_s/dE_t)^2 with dE_s = U' rate tau and dE_t = U' surface sqrt tau.

    References
    ----------
    W. Weppner and R. A. Huggins, J. Electrochem. Soc. 124 (1977) 1569.
    """
    if not rate * surface > 0.0:
        return float("nan")
    value = 4.0 / np.pi * (length * rate / surface) ** 2
    return float(value) if duration * value <= SHORT * length**2 else float("nan")


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


__all__ = ["BEND", "SHORT", "chemical_diffusivity", "pulse_slope", "slopes", "surface_rate", "thermodynamic_factor"]
