"""The laws of occupancy in plain NumPy, for oracles, plots and tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


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
