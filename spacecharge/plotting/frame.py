"""How the axes of a sweep become a figure: what runs along x, what makes lines, styles and bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..report.view import Quantity, View
from .style import STYLES, line_colours

Array = NDArray[np.float64]

MAX_ALONG = 4000
"""Most points along a line: more than pixels."""

MAX_LINES = 12

MAX_PROFILES = 6
"""Points of a sweep whose profiles are drawn."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How the free axes of a view are drawn.

    Attributes
    ----------
    x : Quantity
        Along the x axis.
    along : str
        The axis that `x` runs along.
    series : Quantity or None
        One line per value.
    across : str
        The axis that `series` runs along; empty without one.
    band : tuple of str
        Axes that a band covers.
    styles : Quantity or None
        One line style per value.
    styled_by : str
        The axis that `styles` runs along; empty without one.
    companion : Quantity or None
        What an open-circuit voltage ties to `x`: a second axis on top.
    """

    x: Quantity
    along: str
    series: Quantity | None
    across: str
    band: tuple[str, ...]
    styles: Quantity | None = None
    styled_by: str = ""
    companion: Quantity | None = None

    @property
    def n_styles(self) -> int:
        """Number of line styles."""
        return 1 if self.styles is None else len(self.styles)

    @property
    def n_lines(self) -> int:
        """Number of lines."""
        return 1 if self.series is None else len(self.series)

    @property
    def colours(self) -> list[Any]:
        """A colour per line."""
        return line_colours(self.n_lines)

    def arrange(self, quantity: Quantity) -> Array:
        """Return values with axes (x, line, style, everything under the band, own dimensions ...)."""
        order = [self.along, *filter(None, (self.across, self.styled_by)), *self.band]
        own = [d for d in quantity.dims if d not in order]
        if any(d not in quantity.dims for d in order):
            raise StoreError(f"{quantity.name} does not run along the axes of the sweep")
        values = np.transpose(quantity.values, [quantity.dims.index(d) for d in [*order, *own]])
        n_own = len(own)
        shape = values.shape
        n_band = int(np.prod(shape[len(order) - len(self.band) : len(order)], dtype=int))
        return values.reshape(len(self.x), self.n_lines, self.n_styles, n_band, *shape[len(shape) - n_own :])


def frame(view: View, x: str | None = None) -> Frame:
    """Choose what runs along x, what makes lines, and what the band covers.

    Parameters
    ----------
    view : View
        At least one free axis; long axes are thinned.
    x : str, optional
        Coordinate to draw along; default the first axis.

    Returns
    -------
    Frame
        The choice.

    Raises
    ------
    StoreError
        No such coordinate.
    """
    axes = view.axes
    if not axes:
        raise StoreError(f"{view.results.path}: no axis is left to draw along")
    along, coordinate = axes[0], None
    if x is not None:
        path = view.find(x)
        matches = [a for a in axes if path == a or path in view.results.coordinates(a)]
        if not matches:
            raise StoreError(f"{view.results.path}: {path} is not a free axis (axes: {', '.join(axes)})")
        along, coordinate = matches[0], path
    others = [a for a in axes if a != along]
    view.thin(along, MAX_ALONG)
    across = others[0] if others else ""
    if across:
        view.thin(across, MAX_LINES)
    xs = view.variable(coordinate) if coordinate else _telling(view.coordinates(along))
    series = _telling(view.coordinates(across)) if across else None
    rest = others[1:]
    styled_by = _styled_axis(view, rest)
    if styled_by:
        view.thin(styled_by, len(STYLES) - 1)
    styles = _telling(view.coordinates(styled_by)) if styled_by else None
    pair = [] if coordinate else view.coordinates(along)
    companion = pair[1] if len(pair) == 2 and along != "point" else None
    return Frame(xs, along, series, across, tuple(a for a in rest if a != styled_by), styles, styled_by, companion)


def profile_lines(view: View) -> tuple[Quantity | None, list[str]]:
    """Choose the points whose profiles are drawn: some values of the first free axis, and of the others the first.

    Parameters
    ----------
    view : View
        Points of a file that has profiles; its axes are thinned.

    Returns
    -------
    series : Quantity or None
        One line per value; None for a single point.
    notes : list of str
        What was selected, and the values at which the other axes stand.

    Raises
    ------
    StoreError
        The file has no profiles.
    """
    results = view.results
    if not any(path.startswith("profiles/") for path in results.fields):
        raise StoreError(
            f"{results.path}: has no profiles; run with `output: {{profiles: true}}`, or solve a single point"
        )
    notes = [quantity.statement for quantity in view.chosen]
    if not view.axes:
        return None, notes
    first, *others = view.axes
    view.thin(first, MAX_PROFILES)
    for axis in others:
        view.thin(axis, 1)
        notes.append(view.coordinates(axis)[0].statement)
    return view.coordinates(first)[0], notes


def _styled_axis(view: View, axes: list[str]) -> str:
    """Return the axis whose values have a line style each: the temperature always, others where they are few.

    Nobody measures at a median over temperatures, so a temperature is never part of a band.
    """
    if "temperature" in axes:
        return "temperature"
    short = [a for a in axes if view.shape[view.axes.index(a)] < len(STYLES)]
    return short[0] if len(axes) == 1 and short else ""


def _telling(coordinates: list[Quantity]) -> Quantity:
    """Return the first coordinate whose values all differ, or else the first."""
    for quantity in coordinates:
        if len(np.unique(quantity.values)) == len(quantity):
            return quantity
    return coordinates[0]


__all__ = ["MAX_ALONG", "MAX_LINES", "MAX_PROFILES", "Frame", "frame", "profile_lines"]
