"""What keeps a figure honest: blocked resistances, ratios to a reference, axes not zoomed into errors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..report.view import Quantity
from ..units import display_of, number_text
from .style import WIDE, axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

BLOCKED_OHM_M2 = 1e5
"""Resistance above which a region is called blocked, 1e9 Ohm cm2: other carriers would take over (see `validity`)."""

FLAT = 1e-4
"""Relative spread of values below which an axis is not zoomed into them: it would show their errors."""


def blocked(panel: Axes, entries: list[tuple[str, Array, str]], units: str) -> list[tuple[str, Array, str]]:
    """Draw resistances above the bound at the bound, under a line that says so."""
    bound = BLOCKED_OHM_M2 * display_of("ohm m2").factor
    if units != "ohm m2" or not any((values[np.isfinite(values)] > bound).any() for _, values, _ in entries):
        return entries
    panel.axhline(bound, color="0.4", linewidth=0.8, linestyle=(0, (1, 2)))
    panel.annotate(
        "blocked", (0.99, bound), xycoords=("axes fraction", "data"), xytext=(0, -8), textcoords="offset points",
        fontsize=7, color="0.3", ha="right",
    )  # fmt: skip
    with np.errstate(invalid="ignore"):
        return [(label, np.minimum(values, bound), words) for label, values, words in entries]


def has_blocked(quantity: Quantity) -> bool:
    """Say whether a quantity is a resistance that is blocked somewhere."""
    return quantity.units == "ohm m2" and bool((quantity.values > BLOCKED_OHM_M2 * quantity.display.factor).any())


def widen(panel: Axes, values: Array) -> None:
    """Keep an axis from being zoomed into the errors of values that are all the same."""
    finite = values[np.isfinite(values)]
    if not finite.size or panel.get_yscale() == "log":
        return
    middle, spread = float(np.abs(finite).max()), float(np.ptp(finite))
    if spread < FLAT * middle:
        panel.set_ylim(float(finite.mean()) - 0.1 * middle, float(finite.mean()) + 0.1 * middle)


def over(quantity: Quantity, base: Quantity, reference: Quantity) -> Quantity:
    """Return a quantity over its value at a reference, everything else equal.

    Resistances above the bound count as blocked, with the bound as their value, on both sides.
    """
    missing = [d for d in quantity.dims if d not in base.dims]
    denominator = np.expand_dims(base.values, [quantity.dims.index(d) for d in missing])
    numerator = quantity.values
    if quantity.units == "ohm m2":
        bound = BLOCKED_OHM_M2 * quantity.display.factor
        numerator, denominator = np.minimum(numerator, bound), np.minimum(denominator, bound)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = numerator / denominator
    at = f"{reference.label} {number_text(float(reference.values[0]), 4)} {reference.display.text}".rstrip()
    return replace(
        quantity, values=ratio, display=display_of("1"), units="ratio", label=f"{quantity.label} over that at {at}"
    )


def second_axis(panel: Axes, x: Array, companion: Quantity) -> None:
    """Label the upper side of a panel with what an open-circuit voltage ties to its x axis.

    Ticks stand at round values of the companion; nothing is drawn where the two do not rise or fall together.
    """
    good = np.isfinite(companion.values)
    values, at = companion.values[good], x[good]
    steps = np.diff(values[np.argsort(at, kind="stable")])
    if values.size < 3 or not (np.all(steps > 0.0) or np.all(steps < 0.0)):
        return
    from matplotlib.ticker import MaxNLocator

    order = np.argsort(values)
    ticks = [t for t in MaxNLocator(5).tick_values(values.min(), values.max()) if values.min() <= t <= values.max()]
    upper = panel.secondary_xaxis("top")
    upper.set_xticks(np.interp(ticks, values[order], at[order]), [number_text(t) for t in ticks])
    upper.set_xlabel(axis_label(companion, WIDE), fontsize=7.5)


__all__ = ["BLOCKED_OHM_M2", "blocked", "has_blocked", "over", "second_axis", "widen"]
