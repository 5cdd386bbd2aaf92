"""Progress on stderr: a bar on a terminal, a line every few seconds in a log, nothing when quiet."""

from __future__ import annotations

import queue
import shutil
import sys
import time
from typing import TextIO

LOG_SECONDS = 5.0
BAR_SECONDS = 0.1


class Progress:
    """Shows how far a sweep is.

    Only points that are safe on the disk count as done.

    Parameters
    ----------
    total : int
        Points of the sweep.
    quiet : bool
        Show nothing.
    stream : text stream, optional
        Default: stderr.
    """

    def __init__(self, total: int, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self._bar = not quiet and self._stream.isatty()
        self._total, self._before = total, 0
        self._started = self._shown = time.monotonic()
        self._last: tuple[int, int] | None = None
        self._posted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._width = 0

    def start(self, done: int) -> None:
        """Take the time from here; `done` points are left from an earlier run."""
        self._before = done
        self._started = self._shown = time.monotonic()

    def update(self, done: int, failed: int) -> None:
        """Show the state if it is time to; in a log, only one that has changed."""
        while not self._posted.empty():
            self.message(self._posted.get())
        now = time.monotonic()
        if self._quiet or now - self._shown < (BAR_SECONDS if self._bar else LOG_SECONDS):
            return
        if not self._bar and (done, failed) == self._last:
            return
        self._shown, self._last = now, (done, failed)
        self._write(progress_line(self._total, done, failed, done - self._before, now - self._started))

    def message(self, text: str) -> None:
        """Show a line of its own."""
        if self._quiet:
            return
        self._clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def post(self, text: str) -> None:
        """Show a line of its own with the next update; may be called from any thread."""
        self._posted.put(text)

    def close(self) -> None:
        """Remove the bar."""
        self._clear()

    def _clear(self) -> None:
        if self._bar and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0

    def _write(self, line: str) -> None:
        if not self._bar:
            self._stream.write(line + "\n")
        else:
            columns = shutil.get_terminal_size().columns - 1
            line = line[:columns]
            self._stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
        self._stream.flush()


def progress_line(total: int, done: int, failed: int, here: int, seconds: float) -> str:
    """Return one line: share, points, rate, remaining time, failures.

    Parameters
    ----------
    total, done, failed : int
        Points of the sweep, of them done, of those failed.
    here : int
        Points done by this run, which give the rate.
    seconds : float
        Time since this run began [s].

    Returns
    -------
    str
        E.g. ``[#####-----]  50 %  50000/100000 points  101000/s  0:00:01 left  3 failed``.
    """
    share = done / total if total else 1.0
    n = int(20 * share)
    parts = [f"[{'#' * n}{'-' * (20 - n)}] {100 * share:3.0f} %", f"{done}/{total} points"]
    if here > 0 and seconds > 0:
        rate = here / seconds
        parts.append(f"{rate:.0f}/s" if rate >= 10 else f"{rate:.2g}/s")
        parts.append(f"{duration((total - done) / rate)} left")
    parts.append(f"{failed} failed")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return a time as ``h:mm:ss``."""
    whole = int(seconds + 0.5)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
