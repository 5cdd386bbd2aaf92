"""A result file as tables and figures see it: some axes fixed, the others free, shown units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..constants import CM2
from ..errors import StoreError
from ..store.read import Results
from ..units import DISPLAY, Display, display_of, display_of_cell, number_text

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """Values in shown units with their dimensions and label.

    Attributes
    ----------
    name : str
        Name in the file.
    values : ndarray
        In the unit of `display`.
    dims : tuple of str
        Free sweep axes first.
    display : Display
        Unit.
    label : str
        What it is, without the unit.
    units : str
        SI unit in the file.
    names : tuple of str
        What values that only count stand for.
    """

    name: str
    values: Array
    dims: tuple[str, ...]
    display: Display
    label: str
    units: str = "1"
    names: tuple[str, ...] = ()

    def renamed(self, label: str) -> Quantity:
        """Return a copy with another label."""
        return replace(self, label=label)

    @property
    def table_label(self) -> str:
        """Name with unit for a table."""
        return f"{self.name} [{self.display.text}]" if self.display.text else self.name

    def texts(self, digits: int = 5) -> list[str]:
        """Return every value with its unit as mathtext, for the labels of a figure."""
        return [f"{text} {self.display.math}".rstrip() for text in self.marks(digits)]

    def marks(self, digits: int = 5) -> list[str]:
        """Return every value without its unit, for the ticks of a figure."""
        return [self.names[int(v)] if self.names else number_text(float(v), digits) for v in self.values]

    def cells(self, digits: int = 6) -> list[str]:
        """Return every value without its unit, for tables."""
        return [self.names[int(v)] if self.names else f"{v:.{digits}g}" for v in self.values]

    @property
    def statement(self) -> str:
        """Label and first value for the note of a figure: electrode potential = 2.4 V."""
        return f"{self.label} = {self.texts(6)[0]}"

    def __len__(self) -> int:
        return len(self.values)


LEAST_AREA, MOST_AREA = 1e-9, 1e9


class View:
    """Some points of a result file.

    Parameters
    ----------
    results : Results
        The file.
    selections : sequence of str
        ``AXIS=VALUE``: the nearest value of an axis, by its name in the file and in the unit that tables
        show (``temperature=298.15``, ``electrolyte_thickness=30`` for 30 nm), or by its key of the YAML
        file (``electrolyte.thickness_nm=30``). In a sweep of points, every point of that value.
    area_cm2 : float, optional
        Area of a cell: Ohm cm2 become Ohm, uF/cm2 uF, mA/cm2 mA.

    Attributes
    ----------
    axes : tuple of str
        Axes that are left free.
    chosen : tuple of Quantity
        What was selected: one value each.

    Raises
    ------
    StoreError
        The file has no points, no such axis, or the value lies outside the axis.
    """

    def __init__(self, results: Results, selections: Sequence[str] = (), area_cm2: float | None = None) -> None:
        if not results.n_points:
            raise StoreError(f"{results.path}: holds no points")
        if area_cm2 is not None and not LEAST_AREA <= area_cm2 <= MOST_AREA:
            allowed = f"(allowed: {LEAST_AREA:g} to {MOST_AREA:g})"
            raise StoreError(f"--area-cm2 {area_cm2:g}: is out of range {allowed}")
        self.area_cm2 = area_cm2
        self.results = results
        self._index: dict[str, Any] = {axis: slice(None) for axis in results.sweep}
        self.chosen: tuple[Quantity, ...] = ()
        for selection in selections:
            self._select(selection)
        self._thin: dict[str, int] = {}

    @property
    def axes(self) -> tuple[str, ...]:
        """Axes that are left free."""
        return tuple(a for a in self.results.sweep if not isinstance(self._index[a], int))

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the free axes."""
        return tuple(len(np.arange(self._size(a))[self._index[a]]) for a in self.axes)

    def thin(self, axis: str, n: int) -> int:
        """Leave at most `n` evenly spread values of an axis; return the step taken."""
        size = self.shape[self.axes.index(axis)]
        step = max(1, -(-size // max(1, n)))
        index = self._index[axis]
        self._index[axis] = slice(0, None, step) if isinstance(index, slice) else index[::step]
        return step

    def coordinates(self, axis: str) -> list[Quantity]:
        """Return what runs along a free axis."""
        names = self.results.coordinates(axis)
        # The mere number of a point says less than what was swept along it.
        names = names[1:] if axis == "point" and len(names) > 1 else names
        return [self.variable(name) for name in names]

    def variable(self, path: str) -> Quantity:
        """Return a variable or coordinate at the points of the view, free axes first, then its own dimensions."""
        field = self.results.fields.get(path)
        if field is None:
            raise StoreError(f"{self.results.path}: has no variable {path} (see `spacecharge show`)")
        index = tuple(self._index.get(d, slice(None)) for d in field.dims)
        values = self.results.read(path, index)
        area = self.area_cm2
        display = display_of(field.units) if area is None else display_of_cell(field.units, area * CM2)
        dims = tuple(d for d in field.dims if not isinstance(self._index.get(d), int))
        if values.dtype.kind == "f" and display.factor != 1.0:
            values = values * display.factor
        name = path.rpartition("/")[2]
        names = self.results.names_of(path)
        return Quantity(name, values, dims, display, field.long_name or name.replace("_", " "), field.units, names)

    def find(self, name: str) -> str:
        """Return the path of a variable from what the user typed; an error names the nearest."""
        import difflib

        known = [p for p in self.results.fields if "/" not in p]
        wanted = name.replace(".", "_")
        for candidate in (name, wanted, _without_unit(wanted)[0]):
            if candidate in known:
                return candidate
        near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.0)
        raise StoreError(f"{self.results.path}: has no variable {name} (nearest: {near[0]})")

    def apart(self, selection: str) -> View:
        """Take one value of an axis out of this view and return it as a view of its own.

        Parameters
        ----------
        selection : str
            ``AXIS=VALUE``, of an axis that is free here.

        Raises
        ------
        StoreError
            The axis is none of an outer sweep, or has no other value.
        """
        other = View(self.results)
        other._index = dict(self._index)
        other.chosen = self.chosen
        free = self.axes
        other._select(selection)
        taken = [a for a in free if a not in other.axes]
        if len(taken) != 1 or self._size(taken[0]) < 2:
            raise StoreError(f"--relative-to {selection}: one value of a free axis is needed (axes: {', '.join(free)})")
        everything = np.arange(self._size(taken[0]))[self._index[taken[0]]]
        self._index[taken[0]] = everything[everything != other._index[taken[0]]]
        return other

    def _size(self, axis: str) -> int:
        return self.results.shape[self.results.sweep.index(axis)]

    def _select(self, selection: str) -> None:
        name, equals, text = selection.partition("=")
        known = {c: a for a in self.results.sweep for c in self.results.coordinates(a)}
        match = re.fullmatch(r"\s*([-+0-9.eE]+)\s*([A-Za-z]\S*)?\s*", text)
        wanted = name.strip().replace(".", "_")
        names = self.results.names_of(wanted) if wanted in known else ()
        try:
            number = float(match[1]) if match else float("nan")
        except ValueError:
            number = float("nan")
        if names and text.strip() in names:
            number = float(names.index(text.strip()))
        elif names:
            raise StoreError(f"--select {selection}: one of {', '.join(names)} is needed")
        if not equals or not np.isfinite(number):
            raise StoreError(f"--select {selection}: AXIS=VALUE with a number is needed")
        stem, unit = _without_unit(wanted)
        coordinate = wanted if wanted in known else stem
        if coordinate not in known:
            axes = ", ".join(known) or "none, it is a single solve"
            raise StoreError(f"--select {selection}: no such axis (axes: {axes})")
        axis = known[coordinate]
        field = self.results.fields[coordinate]
        display = display_of(field.units)
        given = match[2] if match and match[2] else unit
        if given and given.replace("_", "") not in {display.text.replace("/", ""), display.text}:
            raise StoreError(f"--select {selection}: the unit of this axis is {display.text or '1'}")
        values = self.results[coordinate] * display.factor
        nearest = int(np.argmin(np.abs(values - number)))
        slack = _reach(values, nearest, number)
        if not values.min() - slack <= number <= values.max() + slack:
            raise StoreError(
                f"--select {selection}: outside the axis ({values.min():g} to {values.max():g} {display.text}".rstrip()
                + ")"
            )
        if coordinate == axis:
            self._index[axis] = nearest
        else:
            same = np.flatnonzero(values == values[nearest])
            current = self._index[axis]
            index = same if isinstance(current, slice) else np.intersect1d(current, same)
            if not len(index):
                raise StoreError(f"--select {selection}: no point has this together with the others")
            self._index[axis] = int(index[0]) if len(index) == 1 else index
        self.chosen = (
            *self.chosen,
            Quantity(coordinate, np.array([values[nearest]]), (), display, field.long_name, field.units, names),
        )


SINGLE_REACH = 0.01
"""Share of its value within which the one value of an axis is meant."""


def _reach(values: Array, nearest: int, number: float) -> float:
    """Return how far from the nearest value of an axis a selection may lie: half the step there."""
    others = np.abs(values - values[nearest])
    others = others[others > 0.0]
    rounding = 1e-6 * max(float(np.abs(values).max()), abs(number))
    return max(rounding, 0.5 * float(others.min()) if others.size else SINGLE_REACH * abs(float(values[nearest])))


def _without_unit(name: str) -> tuple[str, str]:
    """Split a unit off the end of a key: ``thickness_nm`` gives ``thickness`` and ``nm``."""
    for display in DISPLAY.values():
        if display.text and name.endswith("_" + display.text):
            return name.removesuffix("_" + display.text), display.text
    return name, ""
