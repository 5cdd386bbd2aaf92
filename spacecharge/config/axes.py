"""Axes of a sweep, enumerated lazily: a hundred million points cost nothing until they are asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..model.numbers import long_name
from ..units import coordinate_name, unit_of

if TYPE_CHECKING:
    from ..model import Layer

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Kind = Literal["stack", "rebuild", "solver", "charge_transfer", "load", "lattice"]
_ROUNDING = 1e-9

MAX_VALUES = 100_000_000
"""Most values of one axis: a result holds them all (0.8 GB), its points only as they are solved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Values of one axis in the unit of its key.

    Parameters
    ----------
    n : int
        Number of values.
    start, stop : float
        First and last value.
    spacing : {"linear", "log", "step", "listed", "sigma"}
        How the values lie between; ``step`` counts from `start` by `step`. A ``sigma`` grid is open: its values
        are known when the fit has been read, `start` and `stop` stand in until then (see :func:`sigma_grid`).
    step : float
        Used by ``step`` alone.
    listed : ndarray, shape (n,), optional
        The values themselves, used by ``listed`` alone.
    within_sigma : float
        Sigma on either side, used by ``sigma`` alone.
    """

    n: int
    start: float
    stop: float
    spacing: Literal["linear", "log", "step", "listed", "sigma"]
    step: float = 0.0
    within_sigma: float = 0.0
    listed: Array | None = field(default=None, repr=False, compare=False)

    def at(self, index: Index) -> Array:
        """Return the values at `index`, same shape; the last linear or log value is exactly `stop`."""
        if self.is_open:
            raise ConfigError(["the fit that an axis is swept around has not been read yet"])
        if self.listed is not None:
            return np.asarray(self.listed[index], dtype=float)
        if self.spacing == "step":
            return np.asarray(self.start + index * self.step, dtype=float)
        if self.n == 1:
            return np.full(index.shape, self.start, dtype=float)
        if self.spacing == "log":
            values = self.start * np.exp(index * (math.log(self.stop / self.start) / (self.n - 1)))
        else:
            # The same operations as numpy.linspace, so that the values agree to the last bit.
            values = index * ((self.stop - self.start) / (self.n - 1)) + self.start
        return np.asarray(np.where(index == self.n - 1, self.stop, values), dtype=float)

    @property
    def is_open(self) -> bool:
        """Whether the values wait for a fit."""
        return self.spacing == "sigma"

    @property
    def low(self) -> float:
        """Smallest value."""
        return float(self.listed.min()) if self.listed is not None else min(self.start, self.stop)

    @property
    def high(self) -> float:
        """Largest value."""
        return float(self.listed.max()) if self.listed is not None else max(self.start, self.stop)


def listed_grid(values: Any) -> Grid:
    """Return the grid of explicit values."""
    array = np.array(values, dtype=float)
    return Grid(n=array.size, start=float(array[0]), stop=float(array[-1]), spacing="listed", listed=array)


def step_grid(start: float, stop: float, step: float) -> Grid:
    """Return start, start + step, ... up to `stop`, included where a step meets it within rounding.

    Raises
    ------
    ValueError
        The step is zero, leads away from `stop`, or takes more than :data:`MAX_VALUES` values.
    """
    if step == 0.0 or (stop - start) / step < 0.0:
        raise ValueError("the step must lead from start to stop")
    n = math.floor((stop - start) / step * (1.0 + _ROUNDING) + _ROUNDING) + 1
    if n > MAX_VALUES:
        raise ValueError(f"makes {n:.3g} values, too many (allowed: {MAX_VALUES:.3g})")
    return Grid(n=n, start=start, stop=start + (n - 1) * step, spacing="step", step=step)


def sigma_grid(n: int, within_sigma: float) -> Grid:
    """Return the open grid of `n` values within so many sigma of a fitted number."""
    return Grid(n=n, start=1.0, stop=1.0, spacing="sigma", within_sigma=within_sigma)


def closed_grid(grid: Grid, value: float, sigma: float, *, log: bool) -> Grid:
    """Return an open grid with its values.

    Parameters
    ----------
    grid : Grid
        An open one.
    value, sigma : float
        Of the fit, in the unit of the key.
    log : bool
        Evenly in the logarithm, whose sigma is sigma/value: such values keep their sign.

    Returns
    -------
    Grid
        From `within_sigma` below the value to as much above it.

    Raises
    ------
    ValueError
        The fit gives no error of the number.
    """
    if not (math.isfinite(sigma) and sigma > 0.0):
        raise ValueError("the fit gives no error of it (a fixed number has none)")
    width = grid.within_sigma * sigma
    if log:
        # Far enough to leave every allowed range, short of where floats end.
        factor = math.exp(min(width / value, 300.0))
        return Grid(n=grid.n, start=value / factor, stop=value * factor, spacing="log")
    return Grid(n=grid.n, start=value - width, stop=value + width, spacing="linear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One swept number.

    Parameters
    ----------
    path : str
        Dotted path as :func:`~spacecharge.model.stack_parameters` takes it.
    grid : Grid
        The values, in the unit of the key.
    kind : {"stack", "rebuild", "solver", "charge_transfer", "load", "lattice"}
        ``stack``: an override of ``stack_parameters``; ``rebuild``: part of a table, the stack is built
        anew for each value (slow); ``solver``: the tolerance; ``charge_transfer``: a number of the law
        of charge transfer at a contact; ``load``: a current or voltage; ``lattice``: a number of lattice planes.
    over : str
        The path that ``stack_parameters`` takes, where it is another: the value of a law that came from a fit.
    where : str
        ``FILE:LINE:COLUMN`` of an open axis, for messages.
    layers : tuple of Layer
        Of an axis over materials: the layer made of each; the values count them.
    """

    path: str
    grid: Grid
    kind: Kind = "stack"
    over: str = ""
    where: str = ""
    layers: tuple[Layer, ...] = ()

    @property
    def _n_names(self) -> int:
        parts = self.path.split(".")
        if len(parts) == 1 or parts[0] in ("solver", "load"):
            return 0
        if parts[0] in ("contacts", "ends"):
            return 2
        return 3 if parts[1] == "species" else 1

    @property
    def n(self) -> int:
        """Number of values."""
        return self.grid.n

    @property
    def names(self) -> tuple[str, ...]:
        """What the values stand for, where they only count: materials."""
        # Blanks part the names of the CF conventions' flags.
        return tuple("_".join(Path(layer.material or "").stem.split()) for layer in self.layers)

    def text(self, value: float) -> str:
        """Return a value for messages: the name that it stands for, or the number."""
        return self.names[int(value)] if self.layers else f"{value:g}"

    @property
    def name(self) -> str:
        """Coordinate in result files: the path without units and with ``_`` for ``.``."""
        return coordinate_name(self.path, self._n_names)

    @property
    def long_name(self) -> str:
        """What an axis of a figure says."""
        return long_name(self.path, self._n_names)

    @property
    def unit(self) -> str:
        """Unit of the key as printed; empty for pure numbers."""
        return unit_of(self.path).text

    @property
    def si_unit(self) -> str:
        """SI unit as result files write it."""
        return unit_of(self.path).si

    @property
    def factor(self) -> float:
        """SI value of one unit of the key."""
        return unit_of(self.path).factor

    @property
    def values(self) -> Array:
        """All values in the unit of the key, shape (n,); makes the array."""
        return self.grid.at(np.arange(self.n))

    @property
    def si_values(self) -> Array:
        """All values in SI, shape (n,); makes the array."""
        return self.values * self.factor

    def at(self, index: Index) -> Array:
        """Return the values at `index` in the unit of the key."""
        return self.grid.at(index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The plan of a sweep; no point of it is made before it is asked for.

    Parameters
    ----------
    axes : tuple of Axis
        In the order of the file.
    mode : {"outer", "zip", "points"}
        ``outer``: every combination, the last axis fastest; ``zip`` and ``points``: the i-th values
        together.
    notes : tuple of str
        How tables of points and potentials were read, where there is something to say.
    """

    axes: tuple[Axis, ...] = ()
    mode: Literal["outer", "zip", "points"] = "outer"
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the results' sweep axes; empty for a single solve."""
        if not self.axes:
            return ()
        return tuple(a.n for a in self.axes) if self.mode == "outer" else (self.axes[0].n,)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the sweep dimensions in result files."""
        if not self.axes:
            return ()
        return tuple(a.name for a in self.axes) if self.mode == "outer" else ("point",)

    @property
    def rebuilt_by(self) -> str:
        """Path of the first axis whose values are stacks of their own (materials, tables); empty for none."""
        return next((axis.path for axis in self.axes if axis.kind == "rebuild"), "")

    @property
    def n_points(self) -> int:
        """Number of points; 1 for a single solve."""
        return math.prod(self.shape)

    def values(self, lo: int, hi: int) -> dict[str, Array]:
        """Return the swept values of the points `lo` to `hi` - 1 in row-major order.

        Parameters
        ----------
        lo, hi : int
            Range of point numbers; clipped to the sweep.

        Returns
        -------
        dict of str to ndarray, shape (hi - lo,)
            By dotted path, in the unit of the key.
        """
        return self.values_at(np.arange(max(lo, 0), min(hi, self.n_points), dtype=np.int64))

    def texts_at(self, point: int) -> dict[str, str]:
        """Return the swept values of one point as messages have them, by dotted path."""
        values = self.values(point, point + 1)
        return {axis.path: axis.text(values[axis.path][0]) for axis in self.axes}

    def values_at(self, points: Index) -> dict[str, Array]:
        """Return the swept values of the points with these numbers; see :meth:`values`."""
        if self.mode != "outer":
            return {axis.path: axis.at(points) for axis in self.axes}
        result: dict[str, Array] = {}
        stride = self.n_points
        for axis in self.axes:
            stride //= axis.n
            result[axis.path] = axis.at(points // stride % axis.n)
        return result


def one_stack_needed(sweep: Sweep) -> str:
    """Say why derivatives are refused beside an axis that makes the stack anew."""
    return f"needs one stack for all points: {sweep.rebuilt_by} is swept"


__all__ = [
    "MAX_VALUES",
    "Axis",
    "Grid",
    "Sweep",
    "closed_grid",
    "listed_grid",
    "one_stack_needed",
    "sigma_grid",
    "step_grid",
]
