"""Say that the solver is being compiled: many seconds without a point done look like a hang.

Numba announces every function that it compiles and none that it
loads from its cache on the disk, so the line appears when, and only when, a compilation happens: whether a cache is
there, stale, or of another processor is numba's to know.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

NOTICE = "compiling the solver (a quarter of a minute; only on the first run on this machine and after an upgrade)"

NOTICE_SECONDS = 2.0
"""Shorter compilations pass in silence: a small kernel takes 0.5 s, the solver 15 s."""

_KERNELS = (f"{__package__}.", f"{__package__.replace('.kernels', '.lattice.kernels')}.")
"""Rooms whose kernels are worth a word; others compile in a moment."""


@contextmanager
def compiling_announced(say: Callable[[str], None] | None = None, *, quiet: bool = False) -> Iterator[None]:
    """Announce, once and as soon as it takes a while, that kernels of the solver are being compiled.

    Loads numba, so it belongs around what will need it anyway.

    Parameters
    ----------
    say : callable, optional
        Takes the line, from a thread of its own; default: writes it to stderr.
    quiet : bool
        Announce nothing, load nothing.
    """
    if quiet:
        yield
        return
    from numba.core.event import Listener, install_listener

    class Watch(Listener):  # type: ignore[misc]  # numba carries no types
        """Starts a clock with the outermost kernel; the kernels it calls are compiled within its time."""

        def __init__(self) -> None:
            self.depth = 0
            self.said = False
            self.clock: threading.Timer | None = None

        def on_start(self, event: Any) -> None:
            if not _is_ours(event):
                return
            self.depth += 1
            if self.depth == 1 and not self.said:
                self.clock = threading.Timer(NOTICE_SECONDS, self.announce)
                # An interrupted run does not wait for it.
                self.clock.daemon = True
                self.clock.start()

        def on_end(self, event: Any) -> None:
            if not _is_ours(event):
                return
            self.depth -= 1
            if self.depth == 0:
                self.stop()

        def announce(self) -> None:
            self.said = True
            (say or _to_stderr)(NOTICE)

        def stop(self) -> None:
            if self.clock is not None:
                self.clock.cancel()

    watch = Watch()
    try:
        with install_listener("numba:compile", watch):
            yield
    finally:
        watch.stop()


def _is_ours(event: Any) -> bool:
    return str(event.data["dispatcher"].py_func.__module__).startswith(_KERNELS)


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["NOTICE", "compiling_announced"]
