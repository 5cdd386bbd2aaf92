"""The laws of occupancy in plain NumPy, for oracles, plots and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import Statistics
from ..defect_chemistry.fermi_dirac import fermi_integral, fermi_level_of
from ..errors import ModelError

Array = NDArray[np.float64]
Functions = tuple[Callable[[Array, Array], Array], Callable[[Array], tuple[Array, Array]]]


def interaction_potential(occupancy: ArrayLike, occupied: float, vacancy: float) -> Array:
    """Return the cube-root interaction part of the chemical potential.

    ``mu_int = (4/3) [J_occ theta^(1/3) - J_vac (1 - theta)^(1/3)]``, positive J repulsive, per
    single carrier.

    Parameters
    ----------
    occupancy : array_like
        Filled share of the sites theta [1].
    occupied, vacancy : float
        J_occ and J_vac, in the unit wanted for the result [J or eV].

    Returns
    -------
    ndarray
        mu_int, same shape as `occupancy`, same unit as the energies.

    References
    ----------
    .. [1] N. Hainovsky and J. Maier, Phys. Rev. B 51, 15789 (1995). DOI 10.1103/PhysRevB.51.15789.
    """
    theta = np.asarray(occupancy, dtype=float)
    return np.asarray((4.0 / 3.0) * (occupied * np.cbrt(theta) - vacancy * np.cbrt(1.0 - theta)))


def thermodynamic_slope(occupancy: ArrayLike, occupied: float, vacancy: float) -> Array:
    """Return ``d(mu/kT) / d ln[theta/(1 - theta)]`` on an interacting lattice.

    ``1 + (4/9) [j_occ theta^(1/3) (1 - theta) + j_vac (1 - theta)^(1/3) theta]`` with j = J/kT.
    A value of zero or below marks a miscibility gap.

    Parameters
    ----------
    occupancy : array_like
        Filled share of the sites theta [1].
    occupied, vacancy : float
        J_occ/kT and J_vac/kT [1].

    Returns
    -------
    ndarray
        The slope [1]; 1 without interaction.
    """
    theta = np.asarray(occupancy, dtype=float)
    vac = 1.0 - theta
    return np.asarray(1.0 + (4.0 / 9.0) * (occupied * np.cbrt(theta) * vac + vacancy * np.cbrt(vac) * theta))


def is_pooled(spec: Mapping[str, Any]) -> bool:
    """Say whether a species shares its sites with others."""
    return spec.get("statistics") == Statistics.POOL.name.lower()


MOST_LOG_ODDS = 700.0
"""exp(700) is still a number."""


def log_odds(law: int, occupancy: Array, vacancy: Array) -> Array:
    """Return u, of which the ideal part of the chemical potential is kT times: ln odds, or ln theta without sites.

    Parameters
    ----------
    law : int
        A :class:`~spacecharge.codes.Statistics`.
    occupancy, vacancy : ndarray
        theta and 1 - theta [1].
    """
    return _law(law)[0](occupancy, vacancy)


def of_log_odds(law: int, u: Array) -> tuple[Array, Array]:
    """Return theta and 1 - theta at u; 1 vacant where sites do not limit."""
    return _law(law)[1](u)


def _law(code: int) -> Functions:
    law = Statistics(code)
    if law not in _LAWS:
        raise ModelError(
            f"is not known here (allowed: {', '.join(known.name.lower() for known in _LAWS)})", "statistics"
        )
    return _LAWS[law]


def _lattice(u: Array) -> tuple[Array, Array]:
    small = np.exp(-np.abs(u))
    large = 1.0 / (1.0 + small)
    return np.where(u >= 0.0, large, small * large), np.where(u >= 0.0, small * large, large)


_LAWS: dict[Statistics, Functions] = {
    Statistics.LATTICE: (lambda theta, vacancy: np.log(theta / vacancy), _lattice),
    Statistics.DILUTE: (
        lambda theta, vacancy: np.log(theta),
        lambda u: (np.exp(np.minimum(u, MOST_LOG_ODDS)), np.ones_like(u)),
    ),
    Statistics.FERMI_DIRAC: (
        lambda theta, vacancy: fermi_level_of(theta),
        lambda u: (fermi_integral(0.5, np.minimum(u, MOST_LOG_ODDS)), np.ones_like(u)),
    ),
    # Of one state; those that share its sites are the caller's to count.
    Statistics.POOL: (lambda theta, vacancy: np.log(theta / vacancy), _lattice),
}
