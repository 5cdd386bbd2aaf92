"""Collect everything that is wrong with a file, and say it in one line each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from ..errors import ConfigError

Position = tuple[int, int]
Locate = Callable[..., Position | None]


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
    from difflib import get_close_matches

    names = list(known)
    written = str(name)
    folded = {n.lower(): n for n in reversed(names)}
    match = get_close_matches(written.lower(), list(folded), n=1, cutoff=0.5)
    if match:
        return f"nearest: {folded[match[0]]}"
    if not names:
        return ""
    return f"known: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"


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
        """
        dotted = path if isinstance(path, str) else ".".join(str(part) for part in path)
        if position is None and self.locate is not None and dotted:
            position = self.locate(path, key=key)
        where = f"{self.file}:{position[0]}:{position[1]}" if position else self.file
        text = " ".join(message.split())
        line = f"{where}: {dotted}: {text}" if dotted else f"{where}: {text}"
        if all(line != other for _, other in self._lines):
            self._lines.append((position or (0, 0), line))

    def raise_if_any(self) -> None:
        """Raise all problems as one error.

        Raises
        ------
        ConfigError
            With one line per problem.
        """
        if self._lines:
            raise ConfigError(self.lines)


__all__ = ["Locate", "Position", "Problems", "nearest", "shown"]
