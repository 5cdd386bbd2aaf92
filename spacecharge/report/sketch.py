"""A result file as a sketch in the terminal, for people on a remote shell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..store.read import read_results
from .view import Quantity, View

Array = NDArray[np.float64]

MOST_LINES = 6
HEIGHT = 22


def sketch(
    path: str | os.PathLike[str], *, x: str | None = None, y: str | None = None, select: Sequence[str] = ()
) -> str:
    """Return a variable against an axis as lines of text.

    Parameters
    ----------
    path : path
        Result file with points.
    x : str, optional
        Axis along; default the first.
    y : str, optional
        Variable without dimensions of its own; default the interface resistance (lattice planes: the excess thickness).
    select : sequence of str
        ``AXIS=VALUE``.

    Returns
    -------
    str
        As wide as the terminal, 100 characters at most.

    Raises
    ------
    StoreError
        No such variable or axis, nothing to draw along, or plotext is not installed.
    """
    try:
        import plotext
    except ImportError as error:
        raise StoreError("--text needs the extra terminal: pip install 'spacecharge[terminal]'") from error
    results = read_results(path)
    view = View(results, select)
    if not view.axes:
        raise StoreError(f"{results.path}: no axis is left to draw along (`spacecharge show` prints the numbers)")
    along = view.axes[0]
    if x is not None:
        wanted = view.find(x)
        matches = [a for a in view.axes if wanted == a or wanted in results.coordinates(a)]
        if not matches:
            raise StoreError(f"{results.path}: {x} is no free axis (axes: {', '.join(view.axes)})")
        along = matches[0]
    others = [a for a in view.axes if a != along]
    for k, axis in enumerate(others):
        view.thin(axis, MOST_LINES if k == 0 else 1)
    quantity = view.variable(view.find(y or _main_variable(view)))
    own = [d for d in quantity.dims if d not in view.axes]
    if own:
        raise StoreError(
            f"{quantity.name} has dimensions of its own ({', '.join(own)}): choose another, or draw a figure"
        )
    order = [quantity.dims.index(along), *(quantity.dims.index(a) for a in others)]
    values = np.transpose(quantity.values, order).reshape(view.shape[view.axes.index(along)], -1)
    along_values = view.coordinates(along)[0]
    series = view.coordinates(others[0])[0] if others else None
    return _drawn(plotext, along_values, quantity, values, series)


def _main_variable(view: View) -> str:
    """Return what is drawn unasked."""
    is_lattice = view.results.attributes.get("kind") == "lattice"
    return "excess_thickness" if is_lattice else "interface_resistance"


def _drawn(plotext: Any, along: Quantity, quantity: Quantity, values: Array, series: Quantity | None) -> str:
    """Return the sketch of prepared values."""
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(min(100, shutil.get_terminal_size((90, 24)).columns), HEIGHT)
    finite = values[np.isfinite(values)]
    is_log = bool(finite.size and finite.min() > 0.0 and finite.max() > 20.0 * finite.min())
    markers = ("dot", "o", "x", "+", "*", "#")
    for k in range(values.shape[1]):
        column = values[:, k]
        good = np.isfinite(column)
        shown = np.log10(column[good]) if is_log else column[good]
        label = f"{series.cells(5)[k]} {series.display.text}".rstrip() if series is not None else None
        plotext.plot(along.values[good].tolist(), shown.tolist(), marker=markers[k % len(markers)], label=label)
    plotext.xlabel(along.table_label)
    title = f"log10 of {quantity.name}" if is_log else quantity.name
    plotext.title(f"{title} [{quantity.display.text or '1'}]")
    lines = plotext.uncolorize(plotext.build()).splitlines()
    return "\n".join(line.rstrip() for line in lines)


__all__ = ["sketch"]
