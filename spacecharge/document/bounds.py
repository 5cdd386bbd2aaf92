"""How large a YAML document may be, how one that is not is refused, and where an anchored node stands again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 40
"""Deepest nesting; a configuration needs six levels."""

MAX_NODES = 50_000
"""Most keys and values in a file with all aliases written out, so that aliases of aliases cannot fill
memory nor a long list of numbers stop the program for minutes (long lists belong in a CSV file)."""


class Refused(Exception):
    """Stops reading: what follows would be unsafe or without meaning.

    Parameters
    ----------
    path : str
        Dotted path of the place.
    message : str
        What is wrong.
    mark : object
        ruamel.yaml's mark of the place, with line and column from 0.
    """

    def __init__(self, path: str, message: str, mark: Any) -> None:
        self.path = path
        self.message = message
        self.mark = mark
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Alias:
    """A place where an anchored node stands again.

    Parameters
    ----------
    target : object
        The node.
    anchor : str
        Its anchor.
    start_mark : object
        Mark of the alias itself.
    """

    target: Any
    anchor: str
    start_mark: Any


def refused_size(path: str, mark: Any) -> Refused:
    """Return the error for a document with too many values."""
    return Refused(path, f"more values than a configuration may hold (allowed: {MAX_NODES})", mark)


__all__ = ["MAX_DEPTH", "MAX_NODES", "Alias", "Refused", "refused_size"]
