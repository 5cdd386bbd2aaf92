"""Collect everything that is wrong with a file, and say it in one line each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from ..errors import ConfigError

Position = tuple[int, int]
_LAST = 1 << 60
"""Line number after every other."""
Locate = Callable[..., Position | None]


_PATH_WIDTH, _LINE_WIDTH = 120, 500
"""Longest dotted path, and longest text behind it, in a message: files of others hold values of any length."""

_MOST_LISTED = 20
_LISTED_WIDTH = 240
"""So many known names, and characters of them, stand in a message at most."""


def nearest(name: object, known: Iterable[str]) -> str:
    """Return the known name nearest to `name`, as the tail of a message, or an empty text.

    Parameters
    ----------
    name : object
        What the user wrote.
    known : iterable of str
        Names that would have been right.

    Returns
    -------
    str
        ``nearest: NAME``, or ``known: A, B, C`` where nothing is near.
    """
    from difflib import SequenceMatcher

    names = list(known)
    written = str(name)[:100].lower()
    matcher = SequenceMatcher(b=written)
    best, score = "", 0.55
    for candidate in names:
        matcher.set_seq1(candidate.lower())
        # Swapped letters are the commonest slip, and the ratio alone ranks them below one wrong letter.
        swapped = 0.2 if sorted(candidate.lower()) == sorted(written) else 0.0
        closeness = matcher.ratio() + swapped
        if closeness > score:
            best, score = candidate, closeness
    if best:
        return f"nearest: {best}"
    listed: list[str] = []
    for candidate in names:
        if len(listed) == _MOST_LISTED or sum(map(len, listed)) + len(candidate) > _LISTED_WIDTH:
            break
        listed.append(candidate if len(candidate) <= _LISTED_WIDTH else f"{candidate[:_LISTED_WIDTH]}...")
    if not names:
        return ""
    return f"known: {', '.join([*listed, *(['...'] if len(names) > len(listed) else [])])}"


def dotted_path(path: str | tuple[str | int, ...]) -> str:
    """Return a path of keys and list items as it is written: ``sweep.temperature_K.1``."""
    return path if isinstance(path, str) else ".".join(str(part) for part in path)


def shown(value: object, width: int = 40) -> str:
    """Return `value` as it may stand in a message: short, in one line."""
    text = repr(value)
    return text if len(text) <= width else text[: width - 3] + "..."


class Problems:
    """Errors of one file, reported together.

    Parameters
    ----------
    file : str or path
        The file as the user named it.
    locate : callable, optional
        ``locate(dotted_path, key=False) -> (line, column) or None``, as :func:`read_yaml` returns it.
    """

    def __init__(self, file: str | os.PathLike[str], locate: Locate | None = None) -> None:
        self.file = os.fspath(file)
        self.locate = locate
        self._lines: list[tuple[Position, str]] = []

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def lines(self) -> list[str]:
        """The problems in the order of the file, one line each."""
        return [line for _, line in sorted(self._lines, key=lambda item: item[0])]

    def add(
        self,
        path: str | tuple[str | int, ...],
        message: str,
        *,
        key: bool = False,
        position: Position | None = None,
        file: str | None = None,
    ) -> None:
        """Add one problem.

        Parameters
        ----------
        path : str or tuple
            Dotted path of the offending value; empty for the file as a whole.
        message : str
            What is wrong, with the allowed range or the nearest key in brackets.
        key : bool
            Point at the key instead of at its value.
        position : (line, column), optional
            Counted from 1; default: where `path`, or its nearest parent, stands in the file.
        file : str, optional
            Another file that the problem lies in (a table of points); `position` then refers to it.
        """
        dotted = dotted_path(path)
        if position is None and file is None and self.locate is not None and dotted:
            position = self.locate(path, key=key)
        dotted = dotted if len(dotted) <= _PATH_WIDTH else f"{dotted[: _PATH_WIDTH - 3]}..."
        name = file or self.file
        where = f"{name}:{position[0]}:{position[1]}" if position else name
        text = " ".join(message.split())
        text = text if len(text) <= _LINE_WIDTH else f"{text[: _LINE_WIDTH - 3]}..."
        line = f"{where}: {dotted}: {text}" if dotted else f"{where}: {text}"
        if all(line != other for _, other in self._lines):
            self._lines.append((position or (0, 0), line))

    def add_lines(self, lines: Iterable[str]) -> None:
        """Add problems of another file that has named them itself, after those of this one."""
        for number, line in enumerate(lines):
            self._lines.append(((_LAST, number), line))

    def raise_if_any(self) -> None:
        """Raise all problems as one error.

        Raises
        ------
        ConfigError
            With one line per problem.
        """
        if self._lines:
            raise ConfigError(self.lines)


__all__ = ["Locate", "Position", "Problems", "dotted_path", "nearest", "shown"]
