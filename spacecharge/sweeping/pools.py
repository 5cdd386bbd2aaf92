"""Workers of a sweep on this machine: threads, since the kernels release the interpreter lock."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from .task import Task, chunk_range

Values = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk that came back: its values, or the error that it met."""

    chunk: int
    values: Values | None
    error: BaseException | None = None


class Pool(Protocol):
    """Where chunks are evaluated."""

    capacity: int
    """Chunks in flight that keep every worker busy while the main thread writes."""

    def submit(self, chunk: int) -> None:
        """Hand out a chunk."""
        ...

    def get(self, timeout: float) -> Done | None:
        """Return the next chunk that came back, or None after `timeout` seconds."""
        ...

    def close(self) -> None:
        """Drop what waits; do not wait for what runs."""
        ...


class ThreadPool:
    """Threads that evaluate chunks.

    Daemon threads on queues instead of `concurrent.futures`: its threads are joined at exit, which
    would make Ctrl-C wait for a compilation.

    Parameters
    ----------
    task : Task
        What to evaluate.
    workers : int
        Number of threads.
    """

    def __init__(self, task: Task, workers: int) -> None:
        self._task = task
        self._inbox: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._closed = threading.Event()
        self.capacity = 2 * workers + 2
        self._threads = [threading.Thread(target=self._work, name=f"sweep-{i}", daemon=True) for i in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, chunk: int) -> None:
        """Hand out a chunk."""
        self._inbox.put(chunk)

    def get(self, timeout: float) -> Done | None:
        """Return the next chunk that came back, or None after `timeout` seconds."""
        try:
            return self._outbox.get(timeout=timeout) if timeout > 0 else self._outbox.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        """Drop what waits; do not wait for what runs."""
        self._closed.set()
        for _ in self._threads:
            self._inbox.put(None)

    def _work(self) -> None:
        while (chunk := self._inbox.get()) is not None and not self._closed.is_set():
            try:
                done = Done(chunk, self._task.evaluate(*chunk_range(self._task, chunk)))
            except BaseException as error:
                done = Done(chunk, None, error)
            self._outbox.put(done)
