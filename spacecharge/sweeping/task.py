"""What a sweep runs: a task of independent points, worked off in chunks.

A point costs a few microseconds, so the engine never sees one: it hands out ranges of points and gets
NumPy arrays back. The cut into chunks depends on the task alone, never on the number of workers or on
where a run was interrupted: a run that is resumed, or split otherwise, gives the same file to the last bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..store.layout import Layout

if TYPE_CHECKING:
    from ..config.axes import Axis

CHUNK_TARGET_BYTES = 4 << 20
CHUNK_MAX_POINTS = 2048
CHUNK_MIN_POINTS = 64
CHUNKS_WANTED = 32


class Task(Protocol):
    """Points to evaluate and what each of them gives; has to be picklable for a cluster.

    Attributes
    ----------
    layout : Layout
        Axes, coordinates and declared outputs (name, dims, units, long name, dtype). One of them is
        ``status`` (i4): 0 is a solved point, anything above a failed one.
    chunk_points : int
        Points per chunk.
    fingerprint : str
        Digest of everything that decides the values; a run is resumed only by an equal one.
    """

    @property
    def layout(self) -> Layout: ...  # noqa: D102

    @property
    def chunk_points(self) -> int: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def evaluate(self, lo: int, hi: int) -> Mapping[str, NDArray[Any]]:
        """Return every output of points lo to hi - 1, by path, arrays of shape ``(hi - lo, ...)``."""
        ...

    def explain(self, index: int, status: int) -> str:
        """Return one line about a failed point: where it is and what is wrong."""
        ...


def chunk_points(n_points: int, bytes_per_point: int) -> int:
    """Return how many points make a chunk.

    Enough chunks for every worker of a small sweep to have some, large enough that Python costs
    nothing beside the solves, and small enough that a chunk in flight is a few megabytes.

    Parameters
    ----------
    n_points : int
        Points of the sweep.
    bytes_per_point : int
        Size of all outputs of a point [bytes].

    Returns
    -------
    int
        At least 1.
    """
    wanted = -(-n_points // CHUNKS_WANTED)
    fitting = max(1, CHUNK_TARGET_BYTES // max(1, bytes_per_point))
    return max(1, min(max(wanted, CHUNK_MIN_POINTS), CHUNK_MAX_POINTS, fitting))


def fingerprint_of(described: tuple[Any, ...], axes: Sequence[Axis]) -> str:
    """Return the digest of what describes a task; of listed axes the values themselves, whose text is abridged."""
    digest = hashlib.sha256(repr(described).encode())
    for axis in axes:
        if axis.grid.listed is not None:
            digest.update(np.ascontiguousarray(axis.grid.listed).tobytes())
    return digest.hexdigest()


def failed_line(index: int, values: Mapping[str, str], reason: str) -> str:
    """Return one line about a failed point: its number, where it is, and what is wrong."""
    where = ", ".join(f"{path} = {value}" for path, value in values.items())
    return f"point {index}{where and f' ({where})'}: {reason}"


def n_chunks(task: Task) -> int:
    """Return the number of chunks of a task."""
    return -(-task.layout.n_points // task.chunk_points)


def chunk_range(task: Task, chunk: int) -> tuple[int, int]:
    """Return the points ``lo, hi`` of a chunk."""
    lo = chunk * task.chunk_points
    return lo, min(lo + task.chunk_points, task.layout.n_points)
