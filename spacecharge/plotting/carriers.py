"""Carriers and bands against position: the figure in which defect people think."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from .figures import save
from .style import PALETTE, STYLES, defect_label, letters, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..solver.solution import Solution

Array = NDArray[np.float64]

OFF_BULK = 0.01
"""Shown is where the potential is off the neutral bulk by more than this share of the largest deviation, and air."""

AIR = 1.5
LOWEST_DECADES = 14.0
"""Concentrations are shown this far below the largest."""


def plot_carriers(solution: Solution, *, title: str = "") -> Figure:
    """Draw log concentrations of every species, and band edges against the Fermi level, over the stack.

    Parameters
    ----------
    solution : Solution
        A solve.
    title : str
        Heading.

    Returns
    -------
    matplotlib Figure
        One panel, or two where the carriers of a layer follow from defects that know their bands. Each layer is drawn
        against its own Fermi level: ions are level throughout, electrons within a layer.
    """
    bands = [_bands_of(layer) for layer in solution.stack.layers]
    with styled():
        figure, grid = new_figure(1 + any(b is not None for b in bands), 1, title)
        panels = list(np.ravel(grid))
        _concentrations(panels[0], solution)
        if len(panels) > 1:
            _bands(panels[1], solution, bands)
        low, high = _shown(solution)
        names = solution.stack.names
        for panel in panels:
            panel.set_xlim(low, high)
            for profile in solution.layers[1:]:
                panel.axvline(float(profile.x[0]) * 1e9, color="0.6", linewidth=0.6, zorder=0)
        for name, profile in zip(names, solution.layers, strict=True):
            left, right = max(float(profile.x[0]) * 1e9, low), min(float(profile.x[-1]) * 1e9, high)
            if right > left:
                place = ((left + right) / 2.0, 1.01)
                panels[0].text(*place, name, transform=panels[0].get_xaxis_transform(), ha="center", fontsize=7.5)
        panels[-1].set_xlabel("Position (nm)")
        # Above the names of the layers: a narrow first one is named where the letter stands otherwise.
        letters(panels, pad=14.0)
    return figure


def draw_carriers(
    solution: Solution, output: str | os.PathLike[str], *, title: str = "", overwrite: bool = False
) -> Path:
    """Draw carriers and bands and save the figure.

    Raises
    ------
    StoreError
        The file exists, or cannot be written.
    """
    target = Path(output)
    if target.exists() and not overwrite:
        raise StoreError(f"{target} exists: choose another name or --overwrite")
    save(plot_carriers(solution, title=title), target)
    return target


def _bands_of(layer: object) -> tuple[float, float] | None:
    """Return the band gap of a layer whose defects know it, and 0; None for others."""
    defects = getattr(layer, "defects", None)
    bands = None if defects is None else defects.system.bands
    return None if bands is None else (0.0, float(bands.band_gap_eV))


def _shown(solution: Solution) -> tuple[float, float]:
    """Return the positions between which something happens [nm]."""
    edges = float(solution.layers[0].x[0]) * 1e9, float(solution.layers[-1].x[-1]) * 1e9
    neutral = solution.parameters.neutral_potential[0] - solution.parameters.neutral_potential[0, -1]
    near: list[float] = []
    largest = max(float(np.abs(p.potential - v).max()) for p, v in zip(solution.layers, neutral, strict=True))
    for profile, level in zip(solution.layers, neutral, strict=True):
        off = np.abs(profile.potential - level) > OFF_BULK * largest
        near += (profile.x[off] * 1e9).tolist()
        # Contacts are shown whatever happens there.
        near += [float(x) * 1e9 for x in (profile.x[0], profile.x[-1]) if len(solution.layers) > 1][1:-1]
    if not near or largest == 0.0:
        return edges
    middle, half = 0.5 * (min(near) + max(near)), 0.5 * AIR * (max(near) - min(near))
    return max(edges[0], middle - half), min(edges[1], middle + half)


def _concentrations(panel: Axes, solution: Solution) -> None:
    """Draw ln c of every species of every layer, in cm-3."""
    p = solution.parameters
    largest = 0.0
    colours: dict[str, tuple[str, str]] = {}
    for i, (layer, profile) in enumerate(zip(solution.stack.layers, solution.layers, strict=True)):
        occupancy = np.asarray(profile.occupancy).reshape(-1, profile.x.size)
        for k, name in enumerate(layer.species_names):
            density = float(p.site_density[0, i, k]) * occupancy[k] * 1e-6
            first = name not in colours
            n = len(colours)
            colour, style = colours.setdefault(name, (PALETTE[n % 6], STYLES[(n // 6) % len(STYLES)]))
            label = defect_label(name) if first else None
            panel.plot(profile.x * 1e9, density, color=colour, linestyle=style, label=label)
            largest = max(largest, float(density.max()))
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    panel.set_ylim(max(low, largest * 10.0**-LOWEST_DECADES), high)
    panel.set_ylabel("Concentration (cm$^{-3}$)")
    panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), borderaxespad=0.0)


def _bands(panel: Axes, solution: Solution, bands: list[tuple[float, float] | None]) -> None:
    """Draw the band edges against the Fermi level of their layer."""
    p = solution.parameters
    neutral = p.neutral_potential[0] - p.neutral_potential[0, -1]
    drawn = False
    for i, (gap, profile) in enumerate(zip(bands, solution.layers, strict=True)):
        if gap is None:
            continue
        # The energy of an electron falls where the potential rises.
        shift = -(profile.potential - neutral[i]) - p.fermi_level[0, i]
        for edge, colour, words in ((gap[1], PALETTE[0], "conduction band"), (gap[0], PALETTE[1], "valence band")):
            label = None if drawn else words
            panel.plot(profile.x * 1e9, edge + shift, color=colour, label=label)
        drawn = True
    panel.axhline(0.0, color="k", linewidth=0.9, linestyle="--", label="Fermi level")
    panel.set_ylabel("Energy against the\nFermi level (eV)")
    panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), borderaxespad=0.0)


__all__ = ["draw_carriers", "plot_carriers"]
