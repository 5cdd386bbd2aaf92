"""Stability of the interacting lattice gas: critical interaction strengths and spinodal occupancies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN

Array = NDArray[np.float64]

# Largest value of theta^(1/3) (1 - theta), reached at theta = 1/4.
PEAK = 0.25 ** (1.0 / 3.0) * 0.75


def _softening(log_odds: Array | float, occupied: float, vacancy: float) -> Array:
    """Return ``(4/9) [j_occ theta^(1/3) n + j_vac n^(1/3) theta]`` at ``u = ln(theta/n)``, n = 1 - theta."""
    u = np.asarray(log_odds, dtype=float)
    theta = np.exp(-np.logaddexp(0.0, -u))
    vac = np.exp(-np.logaddexp(0.0, u))
    return np.asarray((4.0 / 9.0) * (occupied * np.cbrt(theta) * vac + vacancy * np.cbrt(vac) * theta))


def critical_interaction(temperature: float, occupied: float = -1.0, vacancy: float = -1.0) -> float:
    """Return the interaction strength at which the cube-root law loses its stability.

    The law is ``mu = kT ln[theta/(1-theta)] + (4/3)[J_occ theta^(1/3) - J_vac (1-theta)^(1/3)]``. Along
    ``J_occ = occupied * J``, ``J_vac = vacancy * J`` it becomes non-monotone for J above the value returned.

    Parameters
    ----------
    temperature : float
        Temperature [K].
    occupied, vacancy : float
        Direction of the pair of interactions, negative for attraction [1].

    Returns
    -------
    float
        Critical J [J]; infinite where no strength makes the law unstable. For ``(0, -1)`` and ``(-1, 0)``
        it is 4.762 kT, for ``(-1, -1)`` 2.835 kT.

    Notes
    -----
    ``d mu/d ln[theta/(1-theta)] = kT + (4/9)[J_occ theta^(1/3)(1-theta) + J_vac (1-theta)^(1/3) theta]``; the
    critical J makes its minimum zero. For one attraction alone the minimum lies at theta (or 1-theta) = 1/4,
    for two equal ones at 1/2.

    References
    ----------
    .. [1] N. Hainovsky and J. Maier, Phys. Rev. B 51, 15789 (1995). DOI 10.1103/PhysRevB.51.15789.

    Examples
    --------
    >>> round(critical_interaction(298.15, 0.0, -1.0) / (BOLTZMANN * 298.15), 3)
    4.762
    """
    from scipy.optimize import minimize_scalar

    grid = np.linspace(-60.0, 60.0, 961)
    values = _softening(grid, occupied, vacancy)
    at = int(np.argmin(values))
    if values[at] >= 0.0:
        return math.inf
    best = minimize_scalar(
        lambda u: float(_softening(u, occupied, vacancy)),
        bounds=(grid[max(at - 1, 0)], grid[min(at + 1, grid.size - 1)]),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return BOLTZMANN * temperature / -min(float(best.fun), float(values[at]))


def spinodal_log_odds(occupied: float, vacancy: float) -> tuple[float, ...]:
    """Return every ``u = ln[theta/(1-theta)]`` at which ``d mu/d theta = 0``, in rising order.

    Parameters
    ----------
    occupied, vacancy : float
        J_occ/kT and J_vac/kT [1].

    Returns
    -------
    tuple of float
        Empty where the law is monotone [1].
    """
    if 1.0 + (4.0 / 9.0) * PEAK * (min(occupied, 0.0) + min(vacancy, 0.0)) > 0.0:
        return ()
    from scipy.optimize import brentq

    def slope(u: float) -> float:
        return 1.0 + float(_softening(u, occupied, vacancy))

    # The two terms decay like exp(-|u|/3): beyond this |u| neither can reach -1.
    reach = 3.0 * math.log(max(4.0 / 9.0 * (abs(occupied) + abs(vacancy)), 1.0)) + 5.0
    grid = np.linspace(-reach, reach, 4001)
    values = 1.0 + _softening(grid, occupied, vacancy)
    # A narrow gap may lie between two grid points: put the lowest point itself on the grid.
    at = int(np.argmin(values))
    if 0 < at < grid.size - 1 and values[at] > 0.0:
        from scipy.optimize import minimize_scalar

        best = minimize_scalar(slope, bounds=(grid[at - 1], grid[at + 1]), method="bounded", options={"xatol": 1e-12})
        grid = np.insert(grid, at + (1 if best.x > grid[at] else 0), best.x)
        values = 1.0 + _softening(grid, occupied, vacancy)
    crossings = np.flatnonzero(np.signbit(values[:-1]) != np.signbit(values[1:]))
    return tuple(float(brentq(slope, grid[i], grid[i + 1], xtol=1e-14, rtol=1e-14)) for i in crossings)


def spinodal(occupied: float, vacancy: float) -> tuple[tuple[float, float], ...]:
    """Return the ranges of occupancy in which the interacting lattice gas is unstable.

    Parameters
    ----------
    occupied, vacancy : float
        J_occ/kT and J_vac/kT, negative for attraction [1].

    Returns
    -------
    tuple of (float, float)
        Lower and upper occupancy of each range in which ``d mu/d theta < 0``; empty below the critical
        strength [1].

    References
    ----------
    .. [1] N. Hainovsky and J. Maier, Phys. Rev. B 51, 15789 (1995). DOI 10.1103/PhysRevB.51.15789.

    Examples
    --------
    >>> [[round(x, 4) for x in pair] for pair in spinodal(-5.0, 0.0)]
    [[0.1466, 0.3772]]
    """
    edges = [1.0 / (1.0 + math.exp(-u)) for u in spinodal_log_odds(occupied, vacancy)]
    return tuple(zip(edges[::2], edges[1::2], strict=True))
