"""Units in the names of keys: what they are in SI, and what an axis is called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .constants import CM2, ELEMENTARY_CHARGE, NM, PER_NM3


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: as the suffix of a key, as printed, as drawn, and in SI.

    Parameters
    ----------
    suffix : str
        End of the key, ``_nm``; empty for pure numbers and for units that no key has.
    text : str
        As printed, ``nm``.
    si : str
        SI unit as result files write it, ``m``.
    factor : float
        SI value of one unit.
    math : str
        As figures draw it (matplotlib mathtext); by default the text.
    is_shown : bool
        Whether tables and figures show numbers of its SI unit in it: one of every SI unit is.
    """

    suffix: str
    text: str
    si: str
    factor: float
    math: str = ""
    is_shown: bool = False

    @property
    def per_si(self) -> float:
        """Units in one SI unit: 1e9 and not 999999999.9999999, which 1/1e-9 is."""
        inverse = 1.0 / self.factor
        short = float(f"{inverse:.12g}")
        return short if abs(short * self.factor - 1.0) < 4e-16 else inverse


UNITS: tuple[Unit, ...] = (
    Unit("_e_per_nm2", "e/nm2", "C m-2", ELEMENTARY_CHARGE / NM**2),
    Unit("_e_per_nm3", "e/nm3", "C m-3", ELEMENTARY_CHARGE * PER_NM3, "e nm$^{-3}$", True),
    Unit("_per_nm2", "nm-2", "m-2", NM**-2, "nm$^{-2}$", True),
    Unit("_per_nm3", "nm-3", "m-3", PER_NM3, "nm$^{-3}$", True),
    Unit("_per_cm3", "cm-3", "m-3", 1e6),
    Unit("_m2_per_s", "m2/s", "m2 s-1", 1.0, "m$^{2}$ s$^{-1}$", True),
    Unit("_per_m2_s", "m-2 s-1", "m-2 s-1", 1.0, "m$^{-2}$ s$^{-1}$", True),
    Unit("_C_per_m2", "C/m2", "C m-2", 1.0),
    Unit("_mA_per_cm2", "mA/cm2", "A m-2", 10.0, "mA cm$^{-2}$", True),
    Unit("_ohm_cm2", "Ohm cm2", "ohm m2", CM2, "Ω cm$^{2}$", True),
    Unit("_mS_per_cm", "mS/cm", "S m-1", 0.1, "mS cm$^{-1}$", True),
    Unit("_S_per_m", "S/m", "S m-1", 1.0),
    Unit("_nm2", "nm2", "m2", NM**2, "nm$^{2}$", True),
    Unit("_nm", "nm", "m", NM, "nm", True),
    Unit("_eV", "eV", "J", ELEMENTARY_CHARGE, "eV", True),
    Unit("_V", "V", "V", 1.0, "V", True),
    Unit("_K", "K", "K", 1.0, "K", True),
    Unit("", "s", "s", 1.0, "s", True),
    Unit("", "Hz", "Hz", 1.0, "Hz", True),
    Unit("", "V/nm", "V m-1", 1e9, "V nm$^{-1}$", True),
    Unit("", "uC/cm2", "C m-2", 1e-2, "µC cm$^{-2}$", True),
    Unit("_uF_per_cm2", "uF/cm2", "F m-2", 1e-2, "µF cm$^{-2}$", True),
    Unit("_uF", "uF", "F", 1e-6, "µF", True),
    Unit("_ohm", "Ohm", "ohm", 1.0, "Ω", True),
    Unit("_cm2", "cm2", "m2", CM2, "cm$^{2}$"),
)
"""The one table. Longer suffixes first, so that ``_eV`` is never read as ``_V``."""

NO_UNIT = Unit("", "", "1", 1.0, "", True)


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
    return _suffix(last_key(path))


def last_key(path: str) -> str:
    """Return the last key of a dotted path: of items of a list and of ``KEY.value`` the key above them."""
    parts = path.split(".")
    while len(parts) > 1 and (parts[-1].isdigit() or parts[-1] == "value"):
        parts.pop()
    return parts[-1]


@lru_cache(maxsize=4096)
def _suffix(key: str) -> Unit:
    return next((u for u in UNITS if u.suffix and key.endswith(u.suffix) and key != u.suffix), NO_UNIT)


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

    def after(self, number: str) -> str:
        """Return a number with the unit behind it, as lines of text have it."""
        return f"{number} {self.text}" if self.text else number


DISPLAY: dict[str, Display] = {
    unit.si: Display(unit.text, unit.math or unit.text, unit.per_si) for unit in (NO_UNIT, *UNITS) if unit.is_shown
}
"""How numbers are shown, by their SI unit."""


AREAL = {
    "ohm m2": Display("Ohm", "Ω", 1.0),
    "F m-2": Display("uF", "µF", 1e6),
    "A m-2": Display("mA", "mA", 1e3),
    "C m-2": Display("uC", "µC", 1e6),
}
"""How quantities per area are shown for a whole cell, once multiplied by its area (resistances: divided by it)."""


def display_of_cell(units: str, area_m2: float) -> Display:
    """Return how a quantity is shown for a cell of this area [m2]; what is not per area, as everywhere."""
    if units not in AREAL:
        return display_of(units)
    shown = AREAL[units]
    return Display(shown.text, shown.math, shown.factor / area_m2 if units == "ohm m2" else shown.factor * area_m2)


def display_of(units: str) -> Display:
    """Return how a quantity in the SI unit `units` is shown; unknown units are shown as they are."""
    return DISPLAY.get(units, Display(units, units, 1.0))


def mathtext_of(text: str) -> str:
    """Return the mathtext of a shown unit; a text that no unit has stays as it is."""
    return next((display.math for display in DISPLAY.values() if display.text == text), text)


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
    "last_key",
    "mathtext_of",
    "number_text",
    "stem",
    "unit_of",
]
