"""Figures of chains of fits: what every step saw and found, and how far all of it is from the truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..store.stored_fit import StoredFit
from ..units import display_of
from .fits import draw_curves
from .interface_fits import draw_bars
from .ocv import draw_equilibrium
from .spectrum_fits import between, spectrum_of
from .style import PALETTE, label_nyquist, letters, line_colours, new_figure, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CURVES = 6
"""More legend entries than this hide a small panel: the legend is left out."""


def chain_figure(stored: StoredFit) -> Figure:
    """Return the figure of a chain.

    Parameters
    ----------
    stored : StoredFit
        Of the kind ``chain``, with its steps.

    Returns
    -------
    matplotlib Figure
        A panel a step (curve of a titration, times against 1/T, build-up of the cross peaks, Nyquist, bars of measured
        and computed resistances), and (fit - truth)/sigma of every number where the truth is known.
    """
    pulls = np.asarray(stored.tables[""]["pull"], dtype=float)
    n_panels = len(stored.parts) + bool(np.isfinite(pulls).any())
    note = "" if n_panels > len(stored.parts) else "the truth is not known"
    figure, grid = new_figure(-(-n_panels // 2), 2, stored.title or stored.name, note)
    panels = list(np.ravel(grid))
    for panel, part in zip(panels, stored.parts, strict=False):
        _draw_step(panel, part, stored)
        name = f"{part.name} ({part.kind})"
        panel.set_title(name, fontsize=8, loc="center")
    if n_panels > len(stored.parts):
        if n_panels % 2:
            # The last one takes the whole row.
            row = panels[n_panels - 1].get_gridspec()[n_panels // 2, :]
            for spare in panels[n_panels - 1 :]:
                spare.remove()
            panels = [*panels[: n_panels - 1], figure.add_subplot(row)]
        _draw_pulls(panels[n_panels - 1], stored, pulls)
    for spare in panels[n_panels:]:
        spare.set_visible(False)
    letters(panels[:n_panels])
    return figure


def _draw_step(panel: Axes, part: StoredFit, stored: StoredFit) -> None:
    """Draw what a step saw and found, as its kind does."""
    if part.kind == "ocv":
        draw_equilibrium(panel, part)
        _mark_truth(panel, part, stored)
    elif part.kind == "interface" and "spectra" in part.tables and not _has_numbers(part):
        _draw_nyquist(panel, part)
    elif part.kind == "interface":
        from ..fitting.kinds.interface import as_data

        draw_bars(panel, as_data(part), any(not p.get("fixed") for p in part.summary["parameters"].values()))
    elif part.arrays:
        draw_curves(panel, None, _crossed(part.arrays), part.tables.get("curves"))
    legend = panel.get_legend()
    if legend is not None and len(legend.get_texts()) > _CURVES:
        legend.remove()


def _draw_nyquist(panel: Axes, part: StoredFit) -> None:
    """Draw measured and fitted spectra to one scale."""
    table = part.tables["spectra"]
    display = display_of(table.columns["measured_real"].unit)
    columns = {name: column.values for name, column in table.columns.items()}
    names = [str(name) for name in table.attributes["names"]]
    for k, colour in enumerate(line_colours(len(names))):
        one = spectrum_of(columns, k)
        x, y, u, v = (
            display.factor * one[f"{whose}_{what}"] for whose in ("measured", "fitted") for what in ("real", "imag")
        )
        panel.plot(x, -y, "o", ms=3, fillstyle="none", color=colour)
        curve = between(one["frequency"], u + 1j * v)
        panel.plot(curve.real, -curve.imag, color=colour, label=names[k])
    label_nyquist(panel, display.math)
    panel.set_aspect("equal", adjustable="datalim")
    panel.legend(loc="best")


def _has_numbers(part: StoredFit) -> bool:
    """Say whether an interface fit has measured numbers beside its spectra."""
    table = part.tables["interfaces"]
    return any(
        bool(np.isfinite(np.asarray(table[key], dtype=float)).any())
        for key in table.columns
        if key.startswith("measured_") and not key.endswith(("_limit", "_sigma"))
    )


def _crossed(arrays: dict[str, Any]) -> dict[str, Any]:
    """Return the build-up of the cross peaks alone where diagonal ones are fitted beside them."""
    names = arrays["series_names"]
    wanted = [i for i, name in enumerate(names) if "cross" in name]
    if not 0 < len(wanted) < len(names):
        return arrays
    rows = np.isin(arrays["series"], wanted[:1])
    return {key: v[rows] if isinstance(v, np.ndarray) and v.shape == rows.shape else v for key, v in arrays.items()}


def _mark_truth(panel: Axes, part: StoredFit, stored: StoredFit) -> None:
    """Mark where a curve should run."""
    numbers, said = stored.tables[""], stored.attributes
    points = [
        (float(name.partition("@")[2]), float(true))
        for step, name, true in zip(said["number_steps"], said["number_names"], numbers["truth"], strict=True)
        if step == part.name and name.startswith("potential@") and math.isfinite(float(true))
    ]
    if points:
        panel.plot(*zip(*points, strict=True), "o", ms=8, fillstyle="none", color=PALETTE[6], label="truth")
        panel.legend(loc="best")


def _draw_pulls(panel: Axes, stored: StoredFit, pulls: Any) -> None:
    """Draw (fit - truth)/sigma of every number, step by step, over the range of two sigmas."""
    steps = [str(s) for s in stored.attributes["number_steps"]]
    known = np.flatnonzero(np.isfinite(pulls))
    place = np.arange(known.size)
    panel.axhspan(-2.0, 2.0, color=PALETTE[5], alpha=0.15, lw=0, label="2 sigma")
    panel.axhspan(-1.0, 1.0, color=PALETTE[5], alpha=0.25, lw=0, label="1 sigma")
    zero_line(panel)
    panel.plot(place, pulls[known], "o", ms=3.5, color=PALETTE[0])
    own = [steps[i] for i in known]
    starts = [i for i in range(len(own)) if i == 0 or own[i] != own[i - 1]]
    for start in starts[1:]:
        panel.axvline(start - 0.5, color=PALETTE[7], lw=0.5)
    middles = [0.5 * (a + b - 1) for a, b in zip(starts, [*starts[1:], len(own)], strict=True)]
    panel.set_xticks(middles, [own[i] for i in starts], rotation=35, ha="right", fontsize=6.5)
    reach = max(3.0, 1.15 * float(np.abs(pulls[known]).max()))
    panel.set_ylim(-reach, reach)
    panel.set_ylabel("(fit - truth) / sigma")
    panel.set_title("truth beside fit", fontsize=8, loc="center")
    panel.legend(loc="upper right", ncols=2)


__all__ = ["chain_figure"]
