"""Brouwer-like figure: log concentrations and Fermi level against temperature, potential or a dopant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from .figures import save
from .style import PALETTE, STYLES, defect_label, letters, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

MOST_LINES = 10
DECADES = 16.0
"""Species further below the highest are left out: they matter to nothing."""

_CARRIERS = {"electrons": "k", "holes": "0.5"}


def draw_scan(
    axis: str,
    values: Array,
    columns: Mapping[str, Array],
    fermi_level_eV: Array,
    output: str | os.PathLike[str],
    *,
    title: str,
    fixed: Mapping[str, float] | None = None,
    overwrite: bool = False,
) -> Path:
    """Draw a scan and save it.

    Parameters
    ----------
    axis : str
        ``temperature_K``, ``potential_V`` or the name of a dopant.
    values : ndarray, shape (n,)
        Along the axis.
    columns : mapping of str to ndarray, shape (n,)
        Concentrations by species, ``electrons`` and ``holes`` among them [cm^-3].
    fermi_level_eV : ndarray, shape (n,)
        Fermi level above the valence band edge [eV].
    output : path
        Figure; its suffix decides the format.
    title : str
        Heading.
    fixed : mapping of str to float, optional
        Concentrations of fixed charges, drawn as thin lines [cm^-3].
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Path
        The figure.

    Raises
    ------
    StoreError
        The file exists, or cannot be written, or there is nothing to draw.
    """
    target = Path(output)
    if target.exists() and not overwrite:
        raise StoreError(f"{target} exists: choose another name or --overwrite")
    if not any(np.isfinite(column).any() for column in columns.values()):
        raise StoreError("no point of the scan has an equilibrium: nothing to draw")
    with styled():
        figure = scan_figure(axis, values, columns, fermi_level_eV, title=title, fixed=fixed)
        save(figure, target)
    return target


def scan_figure(
    axis: str,
    values: Array,
    columns: Mapping[str, Array],
    fermi_level_eV: Array,
    *,
    title: str,
    fixed: Mapping[str, float] | None = None,
) -> Figure:
    """Return the figure; arguments as :func:`draw_scan` takes them."""
    figure, grid = new_figure(1, 2, title)
    left, right = grid[0]
    _concentrations(left, values, columns, {} if axis in (fixed or {}) else dict(fixed or {}))
    right.plot(values, fermi_level_eV, color=PALETTE[0])
    right.set_ylabel("Fermi level above\nvalence band edge (eV)")
    words = {"temperature_K": "Temperature (K)", "potential_V": "Potential vs. Li/Li$^{+}$ (V)"}
    for panel in (left, right):
        panel.set_xlabel(words.get(axis, f"{axis} (cm$^{{-3}}$)"))
        if axis not in words:
            panel.set_xscale("log")
    letters([left, right])
    return figure


def _concentrations(panel: Axes, values: Array, columns: Mapping[str, Array], fixed: Mapping[str, float]) -> None:
    """Draw the species that matter, named at their ends."""
    peaks = {name: float(np.nanmax(c)) for name, c in columns.items() if np.isfinite(c).any() and np.nanmax(c) > 0.0}
    top = max(peaks.values())
    shown = [n for n in sorted(peaks, key=lambda n: -peaks[n]) if peaks[n] > top * 10.0**-DECADES][:MOST_LINES]
    lowest = max(min(float(np.nanmin(columns[n])) for n in shown), top * 10.0**-DECADES, 1e-300)
    panel.set_yscale("log")
    panel.set_ylim(lowest / 3.0, max(top, *fixed.values()) * 5.0 if fixed else top * 5.0)
    handles: list[Any] = []
    coloured = [n for n in shown if n not in _CARRIERS]
    for name in shown:
        if name in _CARRIERS:
            colour, style = _CARRIERS[name], "-."
        else:
            i = coloured.index(name)
            colour, style = PALETTE[i % 6], STYLES[i // 6]
        handles += panel.plot(values, columns[name], color=colour, linestyle=style, label=defect_label(name))
    for name, height in fixed.items():
        handles.append(
            panel.axhline(height, color="0.6", linewidth=0.8, linestyle=":", label=f"{defect_label(name)} (fixed)")
        )
    panel.set_ylabel("Concentration (cm$^{-3}$)")
    panel.legend(handles=handles, loc="center left", bbox_to_anchor=(1.01, 0.5), borderaxespad=0.0)
