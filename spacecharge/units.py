"""Units in the names of keys: what they are in SI, and what an axis is called."""

from __future__ import annotations

from dataclasses import dataclass

from .constants import ELEMENTARY_CHARGE, NM, PER_NM3


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as the suffix of a key.

    Parameters
    ----------
    suffix : str
        End of the key, ``_nm``; empty for pure numbers.
    text : str
        As printed, ``nm``.
    si : str
        SI unit as result files write it, ``m``.
    factor : float
        SI value of one unit.
    """

    suffix: str
    text: str
    si: str
    factor: float


UNITS: tuple[Unit, ...] = (
    Unit("_per_nm3", "nm-3", "m-3", PER_NM3),
    Unit("_m2_per_s", "m2/s", "m2 s-1", 1.0),
    Unit("_per_m2_s", "m-2 s-1", "m-2 s-1", 1.0),
    Unit("_C_per_m2", "C/m2", "C m-2", 1.0),
    Unit("_mA_per_cm2", "mA/cm2", "A m-2", 10.0),
    Unit("_ohm_cm2", "Ohm cm2", "ohm m2", 1e-4),
    Unit("_nm", "nm", "m", NM),
    Unit("_eV", "eV", "J", ELEMENTARY_CHARGE),
    Unit("_V", "V", "V", 1.0),
    Unit("_K", "K", "K", 1.0),
)
"""Longer suffixes first, so that ``_eV`` is never read as ``_V``."""

NO_UNIT = Unit("", "", "1", 1.0)

_WORDS = {
    "potential": "equilibrium potential against Li/Li+",
    "thickness": "thickness",
    "permittivity": "relative permittivity",
    "site_density": "site density",
    "occupancy": "bulk occupancy",
    "composition": "composition x",
    "charge_number": "charge number",
    "interaction.occupied": "interaction of occupied sites",
    "interaction.vacancy": "interaction of vacant sites",
    "diffusivity": "diffusivity",
    "diffusivity.value": "diffusivity at its reference temperature",
    "diffusivity.at": "reference temperature of the diffusivity",
    "diffusivity.activation_energy": "activation energy of the diffusivity",
    "charge": "charge in the contact plane",
    "dipole": "dipole step of the contact",
    "electrostatic_potential": "electrostatic potential of the end",
    "surface_charge": "surface charge of the end",
    "temperature": "temperature",
    "tolerance": "tolerance of the contact potential",
    "exchange_current_density": "exchange current density",
}


def unit_of(path: str) -> Unit:
    """Return the unit of the number at a dotted path.

    Parameters
    ----------
    path : str
        ``electrode.potential_V``; numbers of list items and of ``diffusivity_m2_per_s.value`` take the
        unit of the key above them.

    Returns
    -------
    Unit
        :data:`NO_UNIT` for pure numbers.
    """
    parts = path.split(".")
    while len(parts) > 1 and (parts[-1].isdigit() or parts[-1] == "value"):
        parts.pop()
    return _suffix(parts[-1])


def _suffix(key: str) -> Unit:
    return next((u for u in UNITS if key.endswith(u.suffix) and key != u.suffix), NO_UNIT)


def stem(key: str) -> str:
    """Return a key without its unit suffix: ``thickness_nm`` gives ``thickness``."""
    return key.removesuffix(_suffix(key).suffix)


def coordinate_name(path: str, n_names: int = 1) -> str:
    """Return the name of an axis in result files.

    Parameters
    ----------
    path : str
        Dotted path without a leading ``layers.``.
    n_names : int
        How many leading parts are names of the user's (kept as they are).

    Returns
    -------
    str
        ``electrode.potential_V`` gives ``electrode_potential``.
    """
    parts = path.split(".")
    return "_".join([*parts[:n_names], *(stem(part) for part in parts[n_names:])])


def long_name(path: str, n_names: int = 1) -> str:
    """Return what an axis of a figure says, without the unit.

    Parameters
    ----------
    path, n_names
        As :func:`coordinate_name` takes them.

    Returns
    -------
    str
        ``electrode equilibrium potential against Li/Li+``.
    """
    parts = path.split(".")
    names, keys = parts[:n_names], ".".join(stem(part) for part in parts[n_names:])
    words = _WORDS.get(keys) or keys.replace("_", " ").replace(".", " ")
    return " ".join([*(n for n in names if n != "species"), words])


__all__ = ["NO_UNIT", "UNITS", "Unit", "coordinate_name", "long_name", "stem", "unit_of"]
