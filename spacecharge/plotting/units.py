"""Units at the face: nm, V, uF/cm2, Ohm cm2 instead of SI, with the labels of figures and tables."""

from __future__ import annotations

from dataclasses import dataclass


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


_ELEMENTARY_CHARGE = 1.602176634e-19

DISPLAY: dict[str, Display] = {
    "1": Display("", "", 1.0),
    "V": Display("V", "V", 1.0),
    "K": Display("K", "K", 1.0),
    "s": Display("s", "s", 1.0),
    "Hz": Display("Hz", "Hz", 1.0),
    "m": Display("nm", "nm", 1e9),
    "J": Display("eV", "eV", 1.0 / _ELEMENTARY_CHARGE),
    "m-3": Display("nm-3", "nm$^{-3}$", 1e-27),
    "V m-1": Display("V/nm", "V nm$^{-1}$", 1e-9),
    "C m-2": Display("uC/cm2", "µC cm$^{-2}$", 1e2),
    "F m-2": Display("uF/cm2", "µF cm$^{-2}$", 1e2),
    "ohm m2": Display("Ohm cm2", "Ω cm$^{2}$", 1e4),
    "A m-2": Display("mA/cm2", "mA cm$^{-2}$", 1e-1),
    "m2 s-1": Display("m2/s", "m$^{2}$ s$^{-1}$", 1.0),
    "m-2 s-1": Display("m-2 s-1", "m$^{-2}$ s$^{-1}$", 1.0),
}


def display_of(units: str) -> Display:
    """Return how a quantity in the SI unit `units` is shown; unknown units are shown as they are."""
    return DISPLAY.get(units, Display(units, units, 1.0))


def number_text(value: float, digits: int = 4) -> str:
    """Return a number for a label, without trailing zeros: 298.15, 30, 1e-13."""
    return f"{value:.{digits}g}" if abs(value) < 1e4 or digits > 4 else f"{value:.{max(digits, 6)}g}"


__all__ = ["DISPLAY", "Display", "display_of", "number_text"]
