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
    Unit("_e_per_nm3", "e/nm3", "C m-3", ELEMENTARY_CHARGE * PER_NM3),
    Unit("_per_nm3", "nm-3", "m-3", PER_NM3),
    Unit("_per_cm3", "cm-3", "m-3", 1e6),
    Unit("_m2_per_s", "m2/s", "m2 s-1", 1.0),
    Unit("_per_m2_s", "m-2 s-1", "m-2 s-1", 1.0),
    Unit("_C_per_m2", "C/m2", "C m-2", 1.0),
    Unit("_mA_per_cm2", "mA/cm2", "A m-2", 10.0),
    Unit("_ohm_cm2", "Ohm cm2", "ohm m2", 1e-4),
    Unit("_mS_per_cm", "mS/cm", "S m-1", 0.1),
    Unit("_S_per_m", "S/m", "S m-1", 1.0),
    Unit("_nm", "nm", "m", NM),
    Unit("_eV", "eV", "J", ELEMENTARY_CHARGE),
    Unit("_V", "V", "V", 1.0),
    Unit("_K", "K", "K", 1.0),
)
"""Longer suffixes first, so that ``_eV`` is never read as ``_V``."""

NO_UNIT = Unit("", "", "1", 1.0)


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


@dataclass(frozen=True, slots=True)
class Display:
    """How a quantity is shown.

    Attributes
    ----------
    text : str
        Unit in a table; empty for pure numbers.
    math : str
        Unit in a figure (matplotlib mathtext).
    factor : float
        Shown value over SI value.
    """

    text: str
    math: str
    factor: float


DISPLAY: dict[str, Display] = {
    "1": Display("", "", 1.0),
    "V": Display("V", "V", 1.0),
    "K": Display("K", "K", 1.0),
    "s": Display("s", "s", 1.0),
    "Hz": Display("Hz", "Hz", 1.0),
    "m": Display("nm", "nm", 1e9),
    "J": Display("eV", "eV", 1.0 / ELEMENTARY_CHARGE),
    "m-3": Display("nm-3", "nm$^{-3}$", 1e-27),
    "V m-1": Display("V/nm", "V nm$^{-1}$", 1e-9),
    "C m-2": Display("uC/cm2", "µC cm$^{-2}$", 1e2),
    "F m-2": Display("uF/cm2", "µF cm$^{-2}$", 1e2),
    "ohm m2": Display("Ohm cm2", "Ω cm$^{2}$", 1e4),
    "A m-2": Display("mA/cm2", "mA cm$^{-2}$", 1e-1),
    "S m-1": Display("mS/cm", "mS cm$^{-1}$", 10.0),
    "m2 s-1": Display("m2/s", "m$^{2}$ s$^{-1}$", 1.0),
    "m-2 s-1": Display("m-2 s-1", "m$^{-2}$ s$^{-1}$", 1.0),
}


def display_of(units: str) -> Display:
    """Return how a quantity in the SI unit `units` is shown; unknown units are shown as they are."""
    return DISPLAY.get(units, Display(units, units, 1.0))


def number_text(value: float, digits: int = 4) -> str:
    """Return a number for a label, without trailing zeros: 298.15, 30, 1e-13."""
    return f"{value:.{digits}g}" if abs(value) < 1e4 or digits > 4 else f"{value:.{max(digits, 6)}g}"


__all__ = [
    "DISPLAY",
    "Display",
    "NO_UNIT",
    "UNITS",
    "Unit",
    "coordinate_name",
    "display_of",
    "number_text",
    "stem",
    "unit_of",
]
