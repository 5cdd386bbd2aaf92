"""Published values beside computed ones: lines that a configuration names under ``output: reference_lines``."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from ..units import display_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..report.view import View

GREY = "0.45"


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
        # To the left and above the line, where curves that fall off at both sides leave room.
        panel.annotate(
            line["label"], (0.02, high), (0, 2), xycoords=("axes fraction", "data"), textcoords="offset points",
            fontsize=6.5, color="0.25", va="bottom",
        )  # fmt: skip


__all__ = ["draw_references"]
