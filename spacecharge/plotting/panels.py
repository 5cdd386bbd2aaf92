"""Figures that are described: panels of curves, as kinds of fits declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..units import display_of
from .style import PALETTE, label_text, letters, new_figure, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..fitting.kind import Curve, Panel


def panels_figure(panels: Sequence[Panel], title: str, note: str = "") -> Figure:
    """Return a figure of described panels, two in a row.

    Parameters
    ----------
    panels : sequence of Panel
        At least one.
    title, note : str
        Above the panels.

    Returns
    -------
    matplotlib Figure
        In display units.
    """
    n_columns = min(2, len(panels))
    figure, grid = new_figure(-(-len(panels) // n_columns), n_columns, title, note)
    axes = list(np.ravel(grid))
    for spare in axes[len(panels) :]:
        spare.set_visible(False)
    for axis, panel in zip(axes, panels, strict=False):
        draw_panel(axis, panel)
    letters(axes[: len(panels)])
    return figure


def draw_panel(axis: Axes, panel: Panel) -> None:
    """Draw a described panel in display units."""
    x, y = display_of(panel.x_unit), display_of(panel.y_unit)
    for curve in panel.curves:
        _curve(axis, curve, x.factor, y.factor)
    if panel.zero:
        zero_line(axis)
    axis.set_xlabel(label_text(panel.x, x.math))
    axis.set_ylabel(label_text(panel.y, y.math))
    if panel.x_log:
        axis.set_xscale("log")
    if panel.y_log:
        axis.set_yscale("log")
    if any(curve.label for curve in panel.curves):
        axis.legend(loc="best")


_LOOK: dict[str, dict[str, Any]] = {
    "line": {"linestyle": "-"},
    "dashed": {"linestyle": "--"},
    "steps": {"linestyle": "-", "drawstyle": "steps-post"},
    "points": {"linestyle": "", "marker": "o", "ms": 3},
    "marks": {"linestyle": "", "marker": "o", "ms": 5, "fillstyle": "none"},
}


def _curve(axis: Axes, curve: Curve, x_factor: float, y_factor: float) -> None:
    colour, label = PALETTE[curve.colour % len(PALETTE)], curve.label or None
    x = x_factor * np.asarray(curve.x, dtype=float)
    if curve.style == "band":
        low, high = (y_factor * np.asarray(edge, dtype=float) for edge in (curve.lower, curve.upper))
        axis.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0, label=label)
        return
    y = y_factor * np.asarray(curve.y, dtype=float)
    look = _LOOK[curve.style]
    if curve.sigma is None:
        axis.plot(x, y, color=colour, label=label, **look)
        return
    error = y_factor * np.asarray(curve.sigma, dtype=float)
    axis.errorbar(x, y, yerr=error, color=colour, label=label, elinewidth=0.8, **look)


__all__ = ["draw_panel", "panels_figure"]
