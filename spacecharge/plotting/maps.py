"""Sweeps over two long axes as maps with contours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..report.view import Quantity, View
from .expression import evaluate, parse
from .lines import excess_resistance, interface_resistance, sides
from .style import (
    LINEAR_DECADES,
    LOGARITHMIC,
    WIDE,
    axis_label,
    letters,
    name_ticks,
    new_figure,
    styled,
    symmetric_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

MAX_SIDE = 600
"""Most values along a side: more than a printed figure resolves."""

CONTOURS = 7


def plot_map(view: View, *, y: str | None = None, title: str = "") -> Figure:
    """Draw a sweep over two axes as maps.

    Without `y`: interface and excess resistance, and the space-charge potentials at both sides of the
    first contact.

    Parameters
    ----------
    view : View
        Two free axes.
    y : str, optional
        Variable, entry of a variable, or sum of such; each of its entries gets a map.
    title : str
        Heading.

    Returns
    -------
    matplotlib.figure.Figure
        Not yet saved.

    Raises
    ------
    StoreError
        No such variable.
    """
    terms = parse(view, y) if y else None
    for axis in view.axes:
        view.thin(axis, MAX_SIDE)
    across, up = view.coordinates(view.axes[0])[0], view.coordinates(view.axes[1])[0]
    if terms:
        drawn = _entries(view, evaluate(view, terms))
    else:
        drawn = [interface_resistance(view), excess_resistance(view)]
        if view.results.contacts:
            potential = view.variable("space_charge_potential")
            for side in sides(view, potential, 0):
                drawn.append(side.renamed(f"space-charge potential, {side.name}"))
    columns = min(2, len(drawn))
    rows = -(-len(drawn) // columns)
    with styled():
        figure, panels = new_figure(rows, columns, title)
        flat = [panel for row in panels for panel in row]
        for panel, quantity in zip(flat, drawn, strict=False):
            values = np.transpose(quantity.values, [quantity.dims.index(a) for a in view.axes])
            _draw(figure, panel, across, up, quantity, values)
        for panel in flat[len(drawn) :]:
            panel.set_axis_off()
        letters(flat[: len(drawn)])
    return figure


def _entries(view: View, quantity: Quantity) -> list[Quantity]:
    """Return one quantity per entry of a variable's own dimensions."""
    from dataclasses import replace

    own = [d for d in quantity.dims if d not in view.axes]
    order = [quantity.dims.index(d) for d in [*view.axes, *own]]
    values = np.transpose(quantity.values, order)
    entries = []
    for index in np.ndindex(*values.shape[2:]):
        part = values[(slice(None), slice(None), *index)]
        where = [view.results.names(d)[i] for d, i in zip(own, index, strict=True)]
        if np.isfinite(part).any() or not own:
            label = ", ".join([quantity.label, *where])
            entries.append(replace(quantity, values=part, dims=view.axes, label=label))
    return entries or [replace(quantity, values=values.reshape(values.shape[:2]), dims=view.axes)]


def _draw(figure: Figure, panel: Axes, across: Quantity, up: Quantity, quantity: Quantity, values: Array) -> None:
    from matplotlib.colors import SymLogNorm

    floor = LOGARITHMIC.get(quantity.units)
    norm, colours, levels = _norm(values, floor)
    x, y = across.values, up.values
    mesh = panel.pcolormesh(x, y, values.T, norm=norm, cmap=colours, shading="nearest", rasterized=True)
    bar = figure.colorbar(mesh, ax=panel, pad=0.02, aspect=25)
    bar.outline.set_linewidth(0.5)
    bar.set_label(axis_label(quantity))
    if isinstance(norm, SymLogNorm):
        bar.set_ticks(symmetric_ticks(np.array([norm.vmin, norm.vmax]), norm.linthresh))
        bar.minorticks_off()
    inside = [level for level in levels if np.nanmin(values) < level < np.nanmax(values)]
    # Between two materials there is nothing that a contour could run through.
    if inside and np.isfinite(values).sum() > 3 and not (across.names or up.names):
        contours = panel.contour(x, y, values.T, levels=inside, colors="black", linewidths=0.6)
        panel.clabel(contours, fmt=_contour_text, fontsize=6.5, inline_spacing=2)
    if not np.isfinite(values).all():
        panel.set_facecolor("0.85")
    for axis, quantity in ((panel.xaxis, across), (panel.yaxis, up)):
        name_ticks(axis, quantity)
    panel.set_xlabel(axis_label(across, WIDE))
    panel.set_ylabel(axis_label(up))
    for spine in panel.spines.values():
        spine.set_visible(True)


def _norm(values: Array, floor: float | None) -> tuple[Any, str, Array]:
    """Return the colour scale, the colour map and the contour levels that fit the values."""
    from matplotlib.colors import LogNorm, Normalize, SymLogNorm
    from matplotlib.ticker import MaxNLocator

    finite = values[np.isfinite(values)]
    if not finite.size:
        return Normalize(0.0, 1.0), "viridis", np.array([])
    low, high = float(finite.min()), float(finite.max())
    if floor is not None:
        size = np.abs(finite[np.abs(finite) > floor])
        if size.size and size.max() / np.percentile(size, 5) >= 10.0:
            threshold = float(10.0 ** np.floor(np.log10(max(np.percentile(size, 5), floor))))
            decades = 10.0 ** np.arange(round(np.log10(threshold)), np.ceil(np.log10(size.max())) + 1)
            decades = decades[:: max(1, -(-len(decades) // CONTOURS))]
            if low >= 0.0:
                return LogNorm(max(low, threshold), high, clip=True), "viridis", decades
            limit = max(-low, high)
            # Next to zero the contours of both signs would run into one another.
            outer = decades[1:]
            levels = np.concatenate([-outer[::-1], [0.0], outer])
            return SymLogNorm(threshold, linscale=LINEAR_DECADES, vmin=-limit, vmax=limit), "RdBu_r", levels
    levels = np.asarray(MaxNLocator(CONTOURS).tick_values(low, high))
    if low < 0.0 < high:
        limit = max(-low, high)
        return Normalize(-limit, limit), "RdBu_r", levels
    return Normalize(low, high), "viridis", levels


def _contour_text(value: float) -> str:
    return "0" if value == 0.0 else f"{value:.3g}"
