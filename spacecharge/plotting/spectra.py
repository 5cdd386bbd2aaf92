"""Contour plots of exchange spectra, with the regions whose volumes were taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .style import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..store.stored_fit import FitTable

_LOWEST = 8.0
"""Lowest contour, over the noise."""

_LEVELS = 12


def draw_contour(axis: Axes, table: FitTable) -> None:
    """Draw a spectrum as contours, its regions as boxes.

    Parameters
    ----------
    axis : matplotlib Axes
        Where.
    table : FitTable
        A table ``contour_1``, ``contour_2``, ... of a fit of exchange spectra.
    """
    from matplotlib.patches import Rectangle

    said = table.attributes
    shape = int(said["n_before"]), int(said["n_after"])
    before, after, z = (
        np.reshape(np.asarray(table[key], dtype=float), shape) for key in ("shift_before", "shift_after", "intensity")
    )
    lowest = max(_LOWEST * float(said["noise"]), 0.005)
    levels = np.geomspace(lowest, 0.9, _LEVELS)
    axis.contour(after, before, z, levels=levels, colors=PALETTE[0], linewidths=0.6)
    if z.min() < -lowest:
        axis.contour(after, before, z, levels=-levels[::-1], colors=PALETTE[7], linewidths=0.5)
    regions = [tuple(map(float, str(text).split())) for text in said["regions"]]
    sites = [str(site) for site in said["sites"]]
    for a, (low_1, high_1) in zip(sites, regions, strict=True):
        for b, (low_2, high_2) in zip(sites, regions, strict=True):
            box = Rectangle((low_2, low_1), high_2 - low_2, high_1 - low_1, fill=False, lw=0.8, ls="--", ec=PALETTE[1])
            axis.add_patch(box)
            axis.annotate(
                f"{a}{b}", (high_2, low_1), (3, -3), textcoords="offset points", va="top", ha="left", fontsize=7,
                color=PALETTE[1],
            )  # fmt: skip
    # Shifts rise to the left and downwards, as everywhere in NMR.
    axis.set_xlim(float(after.max()), float(after.min()))
    axis.set_ylim(float(before.max()), float(before.min()))
    axis.set_xlabel("Shift after mixing (ppm)")
    axis.set_ylabel("Shift before mixing (ppm)")
    axis.set_title(str(said["title"]))


__all__ = ["draw_contour"]
