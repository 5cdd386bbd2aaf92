"""Standard output and error of the commands: no text of a file steers the terminal, no failed write is a traceback."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, cast

from .errors import SystemStop

# Escape sequences, backspaces, bells, and marks that turn the direction of what follows; line ends and tabs stay.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\r(?!\n)"
)
_CONTROL_BUT_RETURN = re.compile(_CONTROL.pattern.removesuffix("|\r(?!\n)"))


class _Closed:
    """Stands for a stream that the process was started without."""

    encoding = "ascii"

    def write(self, text: str) -> int:
        raise ValueError("it is closed")

    def flush(self) -> None:
        """Do nothing: nothing was written."""

    def isatty(self) -> bool:
        return False


class PlainStream:
    """A text stream that shows what its encoding lacks, and what would steer a terminal, by backslashes.

    Parameters
    ----------
    stream : text stream or None
        Where the text goes; None where the process was started without it.
    is_output : bool
        Standard output: a write that fails ends the command. Otherwise standard error, whose failure has no place
        to be told, and on which a carriage return redraws the progress.
    """

    def __init__(self, stream: Any, *, is_output: bool) -> None:
        self._stream = stream if stream is not None else _Closed()
        self._is_output = is_output
        self._control = _CONTROL if is_output else _CONTROL_BUT_RETURN

    def write(self, text: str) -> int:
        """Write a text.

        Raises
        ------
        SystemStop
            Standard output is closed, full or broken.
        BrokenPipeError
            Its reader went away.
        """
        shown = self._control.sub(_escaped, text)
        with self._telling():
            try:
                self._stream.write(shown)
            except UnicodeEncodeError:
                encoding = self._stream.encoding or "ascii"
                self._stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Bring what was written on its way; raises as :meth:`write` does."""
        with self._telling():
            self._stream.flush()

    def writable(self) -> bool:
        """Say yes."""
        return True

    def isatty(self) -> bool:
        """Say whether the text goes to a terminal."""
        return bool(self._stream.isatty())

    def silence(self) -> None:
        """Send what is left in the buffer nowhere, so that the end of the process does not fail over it."""
        if self._stream in (sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            if self._is_output:
                raise
        except (OSError, ValueError) as error:
            if isinstance(error, UnicodeError):
                raise
            if self._is_output:
                reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
                raise SystemStop(
                    f"standard output cannot be written ({reason}); files that were reported as written are complete"
                ) from None


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


@contextlib.contextmanager
def plain_streams() -> Iterator[PlainStream]:
    """Put plain streams in the place of standard output and error; yields that of the output.

    Descriptors that the process was started without lead nowhere from now on: the next file opened would get their
    numbers, and what some library prints would go into it.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        for number in range(3):
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
    out, err = PlainStream(sys.stdout, is_output=True), PlainStream(sys.stderr, is_output=False)
    with contextlib.redirect_stdout(cast(Any, out)), contextlib.redirect_stderr(cast(Any, err)):
        yield out


__all__ = ["PlainStream", "plain_streams"]
