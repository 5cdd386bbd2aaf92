"""What a result file holds: coordinates, variables and attributes, as plain declarations.

Knows names, units and shapes, and no physics: a sweep over interfaces and a sweep over fits declare
their variables the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codes import Status

FORMAT_VERSION = 1
"""Version of the layout of the file; readers refuse newer ones."""

MARKER = "status"
"""Variable that every sweep has: -1 says that a point has not been run."""

NOT_RUN = int(Status.NOT_RUN)

CHUNK_BYTES = 1 << 18
"""Size aimed at for an HDF5 chunk [bytes]: four fit the default chunk cache of HDF5 (1 MiB), and one
decompresses in about a millisecond, which is what a single profile or a short line costs to read."""

PLANES_GROUP = "profiles/planes"
"""Group of what stands plane by plane in files of planes of lattice sites."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinate:
    """Values along one dimension (a dimension scale), or along another coordinate's dimension.

    Parameters
    ----------
    name : str
        Name of the dataset.
    values : ndarray, shape (size,)
        Numbers, or text (object or unicode array).
    units : str
        SI units; ``1`` for counts and names.
    long_name : str
        What a plot axis says.
    dimension : str
        Dimension that the values run along; by default the coordinate's own.
    group : str
        Group of the file, e.g. ``profiles/electrode``; empty for the root.
    names : tuple of str
        What values that only count stand for, without blanks: attributes ``flag_values`` and ``flag_meanings`` of the
        CF conventions.
    """

    name: str
    values: NDArray[Any]
    units: str = "1"
    long_name: str = ""
    dimension: str = ""
    group: str = ""
    names: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Path of the dataset in the file."""
        return f"{self.group}/{self.name}" if self.group else self.name

    @property
    def is_scale(self) -> bool:
        """Whether the coordinate defines the dimension of its own name."""
        return self.dimension in ("", self.name)

    @property
    def is_text(self) -> bool:
        """Whether the values are names."""
        return np.asarray(self.values).dtype.kind in "OU"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One dataset with the sweep axes in front of its own dimensions.

    Parameters
    ----------
    name, units, long_name : str
        As in the file.
    dims : tuple of str
        Dimensions after the sweep axes.
    dtype : str
        ``f8``, ``i4`` or ``i8``.
    group : str
        Group of the file; empty for the root.
    fill : float, optional
        Value of points that were not run; default NaN, or -1 for integers.
    attributes : mapping
        Further attributes of the dataset.
    """

    name: str
    dims: tuple[str, ...] = ()
    units: str = "1"
    long_name: str = ""
    dtype: str = "f8"
    group: str = ""
    fill: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Path of the dataset in the file."""
        return f"{self.group}/{self.name}" if self.group else self.name

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """Little-endian type in the file."""
        return np.dtype(f"<{self.dtype}")

    @property
    def fill_value(self) -> float:
        """Value that stands where nothing was computed."""
        if self.fill is not None:
            return self.fill
        return math.nan if self.dtype.startswith("f") else NOT_RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All that a result file declares.

    Parameters
    ----------
    sweep : tuple of str
        Names of the sweep axes, slowest first; empty for a single solve.
    shape : tuple of int
        Their sizes.
    coordinates : tuple of Coordinate
        Scales of every dimension, and what runs along them.
    variables : tuple of Variable
        One of them is called ``status``.
    attributes : mapping
        Root attributes.
    """

    sweep: tuple[str, ...]
    shape: tuple[int, ...]
    coordinates: tuple[Coordinate, ...]
    variables: tuple[Variable, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_points(self) -> int:
        """Number of points of the sweep (1 for a single solve)."""
        return math.prod(self.shape)

    @property
    def bytes_per_point(self) -> int:
        """Uncompressed size of one point [bytes]."""
        return sum(self.row_bytes(v) for v in self.variables)

    @property
    def n_bytes(self) -> int:
        """Uncompressed size of the file without its metadata [bytes]."""
        coordinates = sum(np.asarray(c.values).nbytes for c in self.coordinates)
        return self.n_points * self.bytes_per_point + coordinates

    def scale(self, dimension: str, group: str = "") -> Coordinate:
        """Return the scale of a dimension as seen from a group: its own first, then the root's."""
        for where in (group, ""):
            for coordinate in self.coordinates:
                if coordinate.name == dimension and coordinate.group == where and coordinate.is_scale:
                    return coordinate
        raise KeyError(dimension)

    def point_shape(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of one point of a variable."""
        return tuple(len(self.scale(d, variable.group).values) for d in variable.dims)

    def full_shape(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of the dataset: sweep axes, then the variable's own dimensions."""
        return self.shape + self.point_shape(variable)

    def row_bytes(self, variable: Variable) -> int:
        """Return the size of one point of a variable [bytes]."""
        return math.prod(self.point_shape(variable)) * variable.numpy_dtype.itemsize


def chunk_shape(shape: tuple[int, ...], n_sweep: int, itemsize: int) -> tuple[int, ...]:
    """Return an HDF5 chunk shape for reading lines of the sweep and single points.

    A chunk holds whole points (a profile is read by one chunk) and is as even as possible along the
    sweep axes, so that a line along any of them touches about the same number of chunks.

    Parameters
    ----------
    shape : tuple of int
        Shape of the dataset.
    n_sweep : int
        How many of the leading axes are sweep axes.
    itemsize : int
        Size of one value [bytes].

    Returns
    -------
    tuple of int
        At most :data:`CHUNK_BYTES` large unless a single point is larger.
    """
    chunk = [max(1, s) for s in shape]
    while math.prod(chunk) * itemsize > CHUNK_BYTES:
        axis = max(range(n_sweep), key=lambda i: chunk[i], default=-1)
        if axis < 0 or chunk[axis] == 1:
            break
        # Halving the number of points per chunk, not the size of the axis, keeps the last chunk full.
        n_chunks = -(-shape[axis] // chunk[axis])
        while -(-shape[axis] // n_chunks) >= chunk[axis]:
            n_chunks += max(1, n_chunks // 2)
        chunk[axis] = -(-shape[axis] // n_chunks)
    return tuple(chunk)
