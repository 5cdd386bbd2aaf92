"""Tables of a result file of lattice planes."""

from __future__ import annotations

import numpy as np

from ..codes import status_words
from ..store.layout import PLANES_GROUP
from .points import number, pivot, point_rows
from .tables import table
from .view import View

_COLUMNS = (
    ("barrier", "barrier"),
    ("resistivity_ratio_perpendicular", "r across"),
    ("resistivity_ratio_parallel", "r along"),
    ("excess_thickness", "excess"),
    ("grain_boundary_resistance", "resistance"),
    ("apparent_activation_energy", "activation"),
)


def lattice_lines(view: View, rows: int) -> list[str]:
    """Return the lines of a table of the points: one in full, a row for each, or one quantity over two axes."""
    if not view.axes:
        return _single(view, rows)
    if len(view.axes) == 1:
        known = [column for column in _COLUMNS if np.isfinite(view.variable(column[0]).values).any()]
        return point_rows(view, rows, known)
    return pivot(view, rows, [["grain_boundary_resistance"], ["excess_thickness"]])


def _single(view: View, rows: int) -> list[str]:
    """Return every observable of one point, then its planes."""
    results = view.results
    lines = []
    names = [path for path in results.fields if "/" not in path and path not in (*results.sweep, "status", "species")]
    first = [name for name, _ in _COLUMNS]
    names.sort(key=lambda name: first.index(name) if name in first else len(first))
    for name in names:
        quantity = view.variable(name)
        for label, value in _entries(view, quantity.dims, np.asarray(quantity.values, dtype=float)):
            if np.isfinite(value):
                lines.append(f"{quantity.label + label:<60}{quantity.display.after(number(value))}")
    status = int(view.variable("status").values)
    lines.append(f"{'status':<60}{status} ({status_words(status)})")
    if f"{PLANES_GROUP}/potential" in results.fields:
        lines += ["", *_planes(view, rows)]
    return lines


def _entries(view: View, dims: tuple[str, ...], values: np.ndarray) -> list[tuple[str, float]]:
    """Return what follows the label of a variable, and its value, for each species."""
    if not dims:
        return [("", float(values))]
    return [(f" of {name}", float(value)) for name, value in zip(view.results.names(dims[0]), values, strict=True)]


def _planes(view: View, rows: int) -> list[str]:
    """Return the planes around the largest potential."""
    results = view.results
    species = results.names("species") or (str(results.attributes.get("carrier", "")),)
    names = ("x", "potential", "charge")
    quantities = [view.variable(f"{PLANES_GROUP}/{name}") for name in names]
    fraction = view.variable(f"{PLANES_GROUP}/occupancy").values.reshape(len(species), -1)
    total = len(quantities[0].values)
    if np.isfinite(quantities[1].values).any():
        centre = int(np.nanargmax(np.abs(quantities[1].values)))
    else:
        centre = 0
    first = min(max(0, centre - rows // 2), max(0, total - rows))
    shown = range(first, min(total, first + rows))
    header = [
        [*names, *(f"x of {name}" for name in species)],
        [*(q.display.text for q in quantities), *("" for _ in species)],
    ]
    body = [
        [f"{quantities[0].values[i]:.4f}", *(number(float(q.values[i])) for q in quantities[1:])]
        + [number(float(values[i])) for values in fraction]
        for i in shown
    ]
    lines = table(header, body, left=0)
    if len(shown) < total:
        lines.append(f"({len(shown)} of {total} planes; --rows N shows more)")
    return lines
