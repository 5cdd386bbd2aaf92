"""The loop of a sweep: hand out chunks, take results, write them, report what is safe on the disk.

One thread does all of it beside the workers: it is the only one that touches the result file. The
system may stop it at any moment; :mod:`spacecharge.store.work` says why nothing reported is lost.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from ..codes import Status
from ..errors import SpaceChargeError, StoreError, SystemStop
from ..kernels.compiling import compiling_announced
from ..store.files import remove_leftovers, system_errors
from ..store.layout import MARKER, NOT_RUN, Layout
from ..store.lock import RunLock
from ..store.packing import pack
from ..store.read import Results, read_results
from ..store.target import prepared_file, refuse_taken
from ..store.work import WorkFile
from .pools import Done, Pool
from .progress import Progress
from .task import Task, chunk_range, n_chunks

COMMIT_SECONDS = 0.5
"""Results go to the disk for good this often: what a kill may cost, and rare enough for slow disks."""

COMMIT_SHARE = 0.1
"""A commit that takes long (network file system) is followed by at least ten times as long without."""

WAIT_SECONDS = 0.2
"""How long the loop waits for a chunk before it looks at signals, lock and progress again."""

EXAMPLES_PER_STATUS = 3

PACK_TO_ANNOUNCE = 1e9
"""Larger files take so long to compress that a user wonders what happens [bytes]."""

FINGERPRINT = "task_fingerprint"

_SIGNALS = ("SIGINT", "SIGTERM")
"""What stops a run in good order, where the system knows it."""

_Handler = Callable[[int, FrameType | None], Any] | int | None
"""What `signal.signal` takes and returns."""

GIVE_UP_AFTER = 100
"""So many chunks that failed on every try end the run: the others would not fare better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a sweep did; can be given to ``open_results`` in place of the path.

    Attributes
    ----------
    path : Path
        The result file.
    n_points : int
        Points of the sweep.
    counts : mapping of int to int
        Points by status.
    n_resumed : int
        Points that an earlier run had done.
    seconds : float
        Wall time of this run [s].
    failures : tuple of str
        A line for the first failed points of each status.
    """

    path: Path
    n_points: int
    counts: dict[int, int]
    n_resumed: int
    seconds: float
    failures: tuple[str, ...] = ()

    @property
    def n_failed(self) -> int:
        """Points that were run and not solved."""
        return sum(n for status, n in self.counts.items() if status not in (Status.SOLVED, Status.NOT_RUN))

    def __fspath__(self) -> str:
        return os.fspath(self.path)


class Interrupt:
    """Turns SIGINT and SIGTERM into a question that the loop asks when it is safe; a context manager.

    A second signal ends the process at once, wherever it is: the file survives every kill. Outside the main thread
    signals stay as they are.
    """

    def __init__(self) -> None:
        self.asked = False
        self._old: dict[int, _Handler] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for name in _SIGNALS:
                number = getattr(signal, name, None)
                if number is not None:
                    self._old[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        for other in self._old:
            # Python would hear a second one only when a call of a library has come back.
            signal.signal(other, signal.SIG_DFL)

    def check(self) -> None:
        """Raise KeyboardInterrupt if the user or the system asked to stop."""
        if self.asked:
            raise KeyboardInterrupt


@dataclass(slots=True)
class _Tally:
    """Points by status, and the first failed points of each."""

    counts: Counter[int]
    examples: dict[int, list[int]]

    def add(self, lo: int, status: np.ndarray) -> None:
        values, numbers = np.unique(status, return_counts=True)
        for value, n in zip(values.tolist(), numbers.tolist(), strict=True):
            self.counts[value] += n
            known = self.examples.setdefault(value, [])
            if value not in (Status.SOLVED, Status.NOT_RUN):
                found = np.flatnonzero(status == value)[:EXAMPLES_PER_STATUS]
                # Chunks come back in any order; the first points of the sweep are named whichever came first.
                known[:] = sorted([*known, *(lo + found).tolist()])[:EXAMPLES_PER_STATUS]

    @property
    def done(self) -> int:
        return sum(n for status, n in self.counts.items() if status != NOT_RUN)

    @property
    def failed(self) -> int:
        return self.done - self.counts[0]


def run_task(
    task: Task,
    path: Path,
    make_pool: Callable[[Task], Pool],
    *,
    resume: bool = False,
    overwrite: bool = False,
    workers: int = 1,
    quiet: bool = True,
    explain_change: Callable[[Mapping[str, Any]], str] | None = None,
) -> RunReport:
    """Evaluate every point of a task into a result file.

    Parameters
    ----------
    task : Task
        What to evaluate.
    path : Path
        Result file; missing folders are created.
    make_pool : callable
        Returns the workers for the task.
    resume : bool
        Go on with an interrupted run; starts afresh where there is no file yet.
    overwrite : bool
        Replace the points of an existing file; fits stored in it stay.
    workers : int
        Threads that compress the result.
    quiet : bool
        No progress on stderr.
    explain_change : callable, optional
        Called with the root attributes of a file whose fingerprint is another one; returns what
        differs, for the refusal.

    Returns
    -------
    RunReport
        Path, statuses, time.

    Raises
    ------
    StoreError
        The file exists (and neither `resume` nor `overwrite` is given), is in use, cannot be written,
        or belongs to another configuration.
    SystemStop
        Disk full or a similar failure, or no worker is left; the file can be resumed.
    KeyboardInterrupt
        Ctrl-C or SIGTERM; the file can be resumed.
    """
    started = time.monotonic()
    path = prepared_file(path)
    refuse_taken(path, resume or overwrite)

    def advice() -> str:
        return advice_after_stop(path, task)

    with system_errors(path, advice), RunLock(path) as lock:
        remove_leftovers(path)
        # Another run may have come and gone since the first look.
        refuse_taken(path, resume or overwrite)
        # Before signals are taken over: reading a damaged file may never end, and then only the system can.
        found = _found(task, path, lock, explain_change) if resume and path.exists() else None
        if isinstance(found, Results):
            return RunReport(
                path=path,
                n_points=found.n_points,
                counts=found.status_counts(),
                n_resumed=found.n_points,
                seconds=time.monotonic() - started,
            )
        if found is None:
            check_space(path, task.layout)
        progress = Progress(task.layout.n_points, quiet=quiet)
        with Interrupt() as interrupt, compiling_announced(progress.post, quiet=quiet):
            pool = make_pool(task)
            try:
                tally, n_resumed = _run(task, path, found, pool, lock, interrupt, workers, progress)
            finally:
                pool.close()
    return RunReport(
        path=path,
        n_points=task.layout.n_points,
        counts=dict(tally.counts),
        n_resumed=n_resumed,
        seconds=time.monotonic() - started,
        failures=tuple(
            task.explain(index, status) for status, indices in sorted(tally.examples.items()) for index in indices
        ),
    )


def _found(
    task: Task, path: Path, lock: RunLock, explain_change: Callable[[Mapping[str, Any]], str] | None
) -> Results | WorkFile:
    """Return the results of a run that is complete, or the open work file of one that is not."""
    results = read_results(path)
    if results.has_fits and not results.n_points and FINGERPRINT not in results.attributes:
        # The run was stopped before it began its file, and a fit has been stored there since.
        check_space(path, task.layout)
        return WorkFile.create(path, file_layout(task), lock)
    if results.attributes.get(FINGERPRINT) != task.fingerprint:
        change = explain_change(results.attributes) if explain_change else ""
        raise StoreError(
            f"{path}: belongs to another configuration{change and f' ({change})'}; restore it, "
            "choose another output, or --overwrite"
        )
    return results if results.is_complete else WorkFile.open(path, task.layout, lock)


def _run(
    task: Task,
    path: Path,
    work: WorkFile | None,
    pool: Pool,
    lock: RunLock,
    interrupt: Interrupt,
    workers: int,
    progress: Progress,
) -> tuple[_Tally, int]:
    tally = _Tally(Counter(), {})
    fresh = work is None
    in_flight: set[int] = set()
    if work is None:
        # The workers start (and load or compile the kernels) while the file is being made.
        todo = iter(range(n_chunks(task)))
        _fill(pool, todo, in_flight)
        work = WorkFile.create(path, file_layout(task), lock, say=progress.message)
    with work:
        if not fresh:
            todo = iter(_open_chunks(work, task, tally))
        n_resumed = tally.done
        progress.start(n_resumed)
        if n_resumed:
            progress.message(f"{path}: {n_resumed} of {task.layout.n_points} points are there already")
        try:
            _loop(work, task, pool, todo, in_flight, tally, lock, interrupt, progress)
            if task.layout.n_bytes > PACK_TO_ANNOUNCE:
                progress.message(f"{path}: all points are done, compressing {size_text(task.layout.n_bytes)}")
            _pack(work, workers, interrupt, lock)
        finally:
            progress.close()
    return tally, n_resumed


def _loop(
    work: WorkFile,
    task: Task,
    pool: Pool,
    todo: Iterator[int],
    in_flight: set[int],
    tally: _Tally,
    lock: RunLock,
    interrupt: Interrupt,
    progress: Progress,
) -> None:
    """Run until no chunk is left; on any stop, first commit what has come back."""
    written: list[tuple[int, np.ndarray]] = []
    errors: dict[int, BaseException] = {}
    next_commit = time.monotonic() + COMMIT_SECONDS

    def take(done: Done) -> None:
        in_flight.discard(done.chunk)
        if done.values is None:
            errors[done.chunk] = done.error or RuntimeError("no reason given")
            return
        lo, _ = chunk_range(task, done.chunk)
        work.write(lo, done.values)
        written.append((lo, np.array(done.values[MARKER], dtype=np.int32)))

    def commit() -> None:
        work.commit()
        for lo, status in written:
            tally.add(lo, status)
        written.clear()

    try:
        while True:
            if len(errors) < GIVE_UP_AFTER:
                _fill(pool, todo, in_flight)
            if not in_flight:
                break
            done = pool.get(WAIT_SECONDS)
            if done is not None:
                take(done)
            _raise_fatal(errors)
            now = time.monotonic()
            if now >= next_commit:
                commit()
                spent = time.monotonic() - now
                next_commit = now + max(COMMIT_SECONDS, spent / COMMIT_SHARE)
                progress.update(tally.done, tally.failed)
            lock.touch()
            interrupt.check()
    except (KeyboardInterrupt, SpaceChargeError, MemoryError):
        # A pool that is the reason for stopping may fail again here; what was written counts all the same.
        with contextlib.suppress(SpaceChargeError):
            while (done := pool.get(0.0)) is not None:
                take(done)
        commit()
        raise
    commit()
    progress.update(tally.done, tally.failed)
    if errors:
        chunk, error = next(iter(sorted(errors.items())))
        lo, hi = chunk_range(task, chunk)
        raise SystemStop(
            f"{work.path}: {len(errors)} chunks of {n_chunks(task)} failed on every try, the first "
            f"(points {lo} to {hi - 1}) with {type(error).__name__}: {error}; {tally.done} of "
            f"{task.layout.n_points} points are in the file, --resume tries the others again"
        ) from error


def _fill(pool: Pool, todo: Iterator[int], in_flight: set[int]) -> None:
    """Keep the pool supplied."""
    while len(in_flight) < pool.capacity and (chunk := next(todo, None)) is not None:
        in_flight.add(chunk)
        pool.submit(chunk)


def _raise_fatal(errors: dict[int, BaseException]) -> None:
    """Raise what will not get better with the next chunk."""
    for error in errors.values():
        if isinstance(error, (MemoryError, SpaceChargeError)):
            raise error


def _open_chunks(work: WorkFile, task: Task, tally: _Tally) -> Sequence[int]:
    """Return the chunks that still have a point to run, and count the points of the others."""
    n, size = task.layout.n_points, task.chunk_points
    is_open = np.zeros(n_chunks(task), dtype=bool)
    for lo, status in work.statuses():
        rows = np.flatnonzero(status == NOT_RUN) + lo
        is_open[np.unique(rows // size)] = True
    for lo, status in work.statuses():
        chunk = (np.arange(lo, min(lo + status.size, n)) // size).astype(np.int64)
        # A chunk that was cut by a kill while being marked is run again as a whole.
        keep = ~is_open[chunk]
        tally.add(lo, np.where(keep, status, NOT_RUN))
    tally.counts.pop(NOT_RUN, None)
    return [int(c) for c in np.flatnonzero(is_open)]


def _pack(work: WorkFile, workers: int, interrupt: Interrupt, lock: RunLock) -> None:
    def step(share: float) -> None:
        lock.touch()
        interrupt.check()

    pack(work, workers=workers, progress=step)


def check_space(path: Path, layout: Layout) -> None:
    """Say so before the first point if the disk cannot hold the file: filling it up would hurt others.

    Raises
    ------
    SystemStop
        Not enough space.
    """
    free = shutil.disk_usage(path.parent)[2]
    if layout.n_bytes > free:
        raise SystemStop(
            f"{path}: the run needs {size_text(layout.n_bytes)} while it runs, {size_text(free)} are free; "
            "free some space, or run fewer points or no profiles"
        )


def size_text(n_bytes: float) -> str:
    """Return a size as ``1.2 MB``."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}"
    return f"{max(1.0, n_bytes / 1e3):.0f} kB"


def advice_after_stop(path: Path, task: Task) -> str:
    """Return what the user finds after a stop by the system, and what to do."""
    need = size_text(1.1 * task.layout.n_bytes)
    if path.exists():
        return (
            f"free some space (up to {need} beside the file) and continue with --resume; "
            "what was reported done is in the file"
        )
    return f"the run needs {need} and could not start; free some space and start again"


def file_layout(task: Task) -> Layout:
    """Return the layout of a task's file: what resuming needs stands in the attributes."""
    attributes = {FINGERPRINT: task.fingerprint, "chunk_points": task.chunk_points}
    return replace(task.layout, attributes={**task.layout.attributes, **attributes})
