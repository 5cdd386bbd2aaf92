"""A conductivity instead of a diffusivity, and sites that take no part: what both mean for the arrays of a stack.

Nernst-Einstein ties the two, sigma = (z e)^2 N theta_b D/kT (see MODEL in the guide). An activation energy is that of
sigma T, which is that of D, unless it is said to be that of sigma.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from .arrhenius import arrhenius, relative_slope

Array = NDArray[np.float64]

MOBILITIES = ("diffusivity", "given_conductivity")
"""Arrays of numbers that say how a species moves; one gives the other."""

ENERGY_OF = "activation_energy_of"
"""Key of a conductivity's law that says what its activation energy belongs to."""

ENERGY_OF_NAMES = ("sigma_T", "sigma")
"""What an activation energy may belong to; the first where nothing is said."""


def conductivity_law(parts: Mapping[str, Array | float], temperature: Array, law: Mapping[str, Any]) -> Array:
    """Return a conductivity that follows an Arrhenius law, in the unit of its value.

    Parameters
    ----------
    parts : mapping of str to ndarray
        ``value``, ``at_K`` [K], ``activation_energy_eV`` [eV]; numbers where they are the same at all points.
    temperature : ndarray, shape (n_points,)
        [K]
    law : mapping
        As it was given; :data:`ENERGY_OF` may stand in it.
    """
    sigma = arrhenius(parts["value"], parts["activation_energy_eV"], temperature, parts["at_K"])
    return sigma if _is_of_sigma(law) else sigma * parts["at_K"] / temperature


def conductivity_slope(key: str, parts: Mapping[str, Array], temperature: Array, law: Mapping[str, Any]) -> Array:
    """Return d ln sigma by ``temperature``, ``at_K`` or ``activation_energy_eV`` [1 per SI unit]."""
    slope = relative_slope(key, parts["activation_energy_eV"], temperature, parts["at_K"])
    if not _is_of_sigma(law):
        slope = slope + {"temperature": -1.0 / temperature, "at_K": 1.0 / parts["at_K"]}.get(key, np.zeros(1))
    return slope


def _is_of_sigma(law: Mapping[str, Any]) -> bool:
    return bool(law.get(ENERGY_OF) == "sigma")


def carrier_factor(arrays: Mapping[str, Array]) -> Array:
    """Return (z e)^2 N theta_b/kT of every species, sigma over D [S s m-3], shape (n_points, n_layers, n_species)."""
    charge = arrays["charge_number"] * ELEMENTARY_CHARGE
    kt = BOLTZMANN * arrays["temperature"][:, None, None]
    return np.asarray(charge**2 * arrays["site_density"] * arrays["bulk_occupancy"] / kt)


def apply_mobile_fraction(arrays: Mapping[str, Array]) -> None:
    """Take the mobile fraction into the site densities."""
    arrays["site_density"] *= arrays["mobile_fraction"]


def apply_conduction(arrays: Mapping[str, Array]) -> None:
    """Take given conductivities into the diffusivities."""
    given = np.isfinite(arrays["given_conductivity"])
    if not given.any():
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        diffusivity = arrays["given_conductivity"] / carrier_factor(arrays)
    arrays["diffusivity"][given] = diffusivity[given]


def apply_to_tangent(base: Mapping[str, Array], tangent: Mapping[str, Array]) -> None:
    """Carry a tangent through :func:`apply_mobile_fraction` and :func:`apply_conduction`.

    Parameters
    ----------
    base : mapping of str to ndarray
        The arrays, as these left them.
    tangent : mapping of str to ndarray
        Their derivatives before it; those of site densities and diffusivities are overwritten.
    """
    fraction = base["mobile_fraction"]
    density = tangent["site_density"]
    density *= fraction
    density += base["site_density"] / fraction * tangent["mobile_fraction"]
    given = np.isfinite(base["given_conductivity"])
    if not given.any():
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = (
            tangent["given_conductivity"] / base["given_conductivity"]
            + (tangent["temperature"] / base["temperature"])[:, None, None]
            - 2.0 * tangent["charge_number"] / base["charge_number"]
            - density / base["site_density"]
            - tangent["bulk_occupancy"] / base["bulk_occupancy"]
        )
        slope = base["diffusivity"] * relative
    tangent["diffusivity"][given] = slope[given]


__all__ = [
    "ENERGY_OF",
    "ENERGY_OF_NAMES",
    "MOBILITIES",
    "apply_conduction",
    "apply_mobile_fraction",
    "apply_to_tangent",
    "carrier_factor",
    "conductivity_law",
    "conductivity_slope",
]
