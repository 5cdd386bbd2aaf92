"""Published values beside computed ones: lines that a configuration names under ``output: reference_lines``."""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..units import display_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Transform

    from ..report.view import View

Array = NDArray[np.float64]

GREY = "0.45"

LETTERS, BREADTH = 6.5, 0.58
"""Size of the words [points], and the mean breadth of a letter over it."""

STEPS = 8
"""Points looked at between two of a curve."""


def draw_references(panel: Axes, view: View, names: Collection[str]) -> None:
    """Draw the reference lines of a result file that belong to one of these variables, each with its words.

    Parameters
    ----------
    panel : matplotlib Axes
        Shows the variables in shown units.
    view : View
        Of the file.
    names : collection of str
        What the panel shows.
    """
    for text in view.results.attributes.get("reference_lines", ()):
        line = json.loads(str(text))
        if line["of"] not in names:
            continue
        factor = display_of(line["units"]).factor
        low, high = line["low"] * factor, line["high"] * factor
        if high > low:
            # With an edge, so that a band thinner than a line is seen too.
            panel.axhspan(low, high, color="0.81", linewidth=0.9, zorder=0)
        else:
            panel.axhline(low, color=GREY, linewidth=0.9, linestyle="--", zorder=0)
        words, x, side, above = _free_place(panel, line["label"], low, high)
        panel.annotate(
            words, (x, high if above else low), (0, 2 if above else -2), xycoords=("axes fraction", "data"),
            textcoords="offset points", fontsize=LETTERS, color="0.25", ha=side, va="bottom" if above else "top",
        )  # fmt: skip


def _free_place(panel: Axes, label: str, low: float, high: float) -> tuple[str, float, str, bool]:
    """Return how and where the words of a reference cover least: lines, x [share of the panel], side, whether above.

    One line to the left and above comes first, where curves that fall off at both sides leave room.
    """
    size = np.array(panel.bbox.size) * 72.0 / panel.figure.dpi
    # Asking for the limits brings them up to date, which the transformations are not by themselves.
    edge = panel.get_xlim()[0], *panel.get_ylim()
    to_panel = panel.transData + panel.transAxes.inverted()
    drawn = [_along(line, to_panel) for line in panel.get_lines() if line.get_transform() == panel.transData]
    points = np.concatenate(drawn) if drawn else np.empty((0, 2))
    lowest, highest = to_panel.transform([(edge[0], low), (edge[0], high)])[:, 1]
    best, fewest = (label, 0.02, "left", True), np.inf
    folded = textwrap.fill(label, len(label) // 2 + 6)
    sides = ((0.02, "left", 0.0), (0.5, "center", 0.5), (0.98, "right", 1.0))
    for words, above, (x, side, start) in itertools.product((label, folded), (True, False), sides):
        lines = words.splitlines()
        width = BREADTH * LETTERS * max(map(len, lines), default=0) / size[0]
        height = (1.2 * len(lines) + 0.4) * LETTERS / size[1]
        left, bottom = x - start * width, highest if above else lowest - height
        inside = (points[:, 0] >= left) & (points[:, 0] <= left + width)
        inside &= (points[:, 1] >= bottom) & (points[:, 1] <= bottom + height)
        # Words that leave the panel are worse than words on a line.
        covered = int(np.count_nonzero(inside)) + len(points) * (bottom < 0.0 or bottom + height > 1.0)
        if covered < fewest:
            best, fewest = (words, x, side, above), covered
    return best


def _along(line: Line2D, to_panel: Transform) -> Array:
    """Return points of a line as shares of the panel: its marks, and between them what joins them."""
    points: Array = to_panel.transform(np.asarray(line.get_xydata(), dtype=float))
    if line.get_linestyle() not in ("None", "none", "", " ") and len(points) > 1:
        at = np.linspace(0.0, len(points) - 1.0, STEPS * len(points))
        points = np.column_stack([np.interp(at, np.arange(len(points)), column) for column in points.T])
    return np.asarray(points[np.isfinite(points).all(axis=1)])


__all__ = ["draw_references"]
