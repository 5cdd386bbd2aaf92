"""What a run will take, before it runs: points, time, memory, disk."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..store.layout import Layout
from .task import Task, n_chunks

SAMPLE_CHUNKS = 4
SAMPLE_POINTS = 32
"""Points of a sample, one after the other as a worker takes them."""

BASE_MEMORY = 200e6
"""Resident memory of Python with the compiled kernels and the HDF5 library [bytes]; measured."""

PACKED_SHARE = 0.65
"""Size of a packed file over that of its arrays; measured on sweeps of potential and temperature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run will take.

    Attributes
    ----------
    n_points, n_chunks, n_sampled : int
        Points of the sweep, chunks, and points solved for this estimate.
    seconds : float
        Solving and writing [s].
    memory, file_bytes, work_bytes : float
        Resident memory, size of the result, and of the work file beside it [bytes].
    profile_bytes : float
        Share of the profiles in the work file [bytes].
    """

    n_points: int
    n_chunks: int
    n_sampled: int
    seconds: float
    memory: float
    file_bytes: float
    work_bytes: float
    profile_bytes: float


def profile_bytes(layout: Layout) -> float:
    """Return the size of the profiles in the work file [bytes]."""
    row = sum(layout.row_bytes(v) for v in layout.variables if v.group.startswith("profiles/"))
    return float(layout.n_points * row)


def estimate(task: Task, workers: int) -> Estimate:
    """Measure a small sample of a task and extrapolate; writes nothing.

    Parameters
    ----------
    task : Task
        What would be run.
    workers : int
        Threads it would have.

    Returns
    -------
    Estimate
        Time from some hundred points spread over the sweep, sizes from the layout.
    """
    layout = task.layout
    n = layout.n_points
    size = min(SAMPLE_POINTS, n)
    starts = sorted({(n - size) * k // max(1, SAMPLE_CHUNKS - 1) for k in range(SAMPLE_CHUNKS)})
    # Once for the compiler or its cache, which a run meets once and not per point.
    task.evaluate(0, min(2, n))
    began = time.perf_counter()
    for lo in starts:
        task.evaluate(lo, lo + size)
    n_sampled = size * len(starts)
    per_point = (time.perf_counter() - began) / n_sampled
    chunk_bytes = task.chunk_points * layout.bytes_per_point
    # Shuffle and deflate run at some 100 MB/s and thread, writing twice at some 300 MB/s.
    writing = layout.n_bytes * (1.0 / 100e6 / workers + 2.0 / 300e6)
    return Estimate(
        n_points=n,
        n_chunks=n_chunks(task),
        n_sampled=n_sampled,
        seconds=n * per_point / workers + writing + 0.1,
        memory=BASE_MEMORY + 4 * (2 * workers + 2) * chunk_bytes + 8 * sum(layout.shape),
        file_bytes=PACKED_SHARE * layout.n_bytes + 1e5,
        work_bytes=layout.n_bytes + 1e5,
        profile_bytes=profile_bytes(layout),
    )
