"""Columns of a table in memory as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..units import mathtext_of, number_text
from .style import label_text, line_colours, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Columns = Mapping[str, tuple[NDArray[Any], str]]

MAX_LABELLED = 8
"""More lines than this are not named: the legend would hide them."""


def plot_columns(
    columns: Columns, sweep: Sequence[str], shape: Sequence[int], y: str, x: str | None, ax: Axes | None
) -> Figure:
    """Draw one column of a table against an axis of its sweep.

    Parameters
    ----------
    columns : mapping of str to (ndarray of shape (n_points,), str)
        Values and shown units.
    sweep, shape : sequence
        Names and sizes of the axes, slowest first.
    y, x : str
        Column and axis; `x` None: the first axis.
    ax : Axes or None
        Where to draw; None: a new figure.

    Raises
    ------
    StoreError
        No such column or axis.
    """
    if y not in columns:
        raise StoreError(f"no column {y} (columns: {', '.join(columns)})")
    along = sweep[0] if x is None and sweep else x
    if along is None or along not in sweep:
        raise StoreError(f"no axis {along} (axes: {', '.join(sweep) or 'none, it is a single point'})")
    at = list(sweep).index(along)
    values = np.moveaxis(columns[y][0].reshape(shape), at, -1).reshape(-1, shape[at])
    coordinate = next(iter(columns)) if along == "point" else along
    xs = np.moveaxis(columns[coordinate][0].reshape(shape), at, -1).reshape(-1, shape[at])
    labels = _labels(columns, [name for name in sweep if name != along], shape, at)
    with styled():
        if ax is None:
            figure, panels = new_figure(1, 1, "")
            panel = panels[0, 0]
        else:
            panel, figure = ax, cast("Figure", ax.get_figure())
        for x_line, line, label, colour in zip(xs, values, labels, line_colours(len(values)), strict=True):
            panel.plot(x_line, line, label=label, color=colour)
        panel.set_xlabel(_label(coordinate, columns[coordinate][1]))
        panel.set_ylabel(_label(y, columns[y][1]))
        if 1 < len(values) <= MAX_LABELLED:
            panel.legend()
    return figure


def _label(name: str, unit: str) -> str:
    return label_text(name.replace("_", " "), mathtext_of(unit))


def _labels(columns: Columns, others: Sequence[str], shape: Sequence[int], at: int) -> list[str]:
    """Return the values of the other axes for every line."""
    n_lines = int(np.prod([n for k, n in enumerate(shape) if k != at], dtype=int))
    parts: list[list[str]] = [[] for _ in range(n_lines)]
    for name in others:
        values, unit = columns[name]
        lines = np.moveaxis(values.reshape(shape), at, -1).reshape(n_lines, -1)[:, 0]
        for part, value in zip(parts, lines, strict=True):
            part.append(f"{name.replace('_', ' ')} {number_text(float(value))} {unit}".rstrip())
    return [", ".join(part) for part in parts]


__all__ = ["plot_columns"]
