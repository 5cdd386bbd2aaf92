"""Tables of sweep points: a header of dotted paths and one row per point, read as every other table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..document.problems import Problems
from ..errors import DataError
from ..measured.cells import LEAVES_OUT
from ..measured.table import TextTable
from ..measured.text import read_text

Array = NDArray[np.float64]

_NEEDED = "needs a header of dotted paths and at least one row of numbers"


def read_points(path: Path, shown_path: str, problems: Problems) -> tuple[dict[str, Array], str, tuple[str, ...]]:
    """Read a table of points.

    Parameters
    ----------
    path : Path
        The file.
    shown_path : str
        Its name in messages.
    problems : Problems
        Takes one line per problem.

    Returns
    -------
    columns : dict of str to ndarray, shape (n_points,)
        By header; empty if there was a problem.
    digest : str
        SHA-256 of the bytes of the file.
    notes : tuple of str
        What was left out, how the file was read.
    """
    try:
        text = read_text(path, shown_path)
    except DataError as error:
        problems.add("sweep.points", f"{shown_path} {error.troubles[0].message}")
        return {}, "", ()

    def add(message: str, line: int = 0, column: int = 1) -> None:
        problems.add("", message, file=shown_path, position=(line, column) if line else None)

    try:
        table = TextTable(text)
    except DataError as error:
        for line, message, column in error.troubles:
            add(message if line else f"{_NEEDED} ({message})", line, column)
        return {}, "", ()
    names = table.titles
    if len(set(names)) != len(names) or not all(names):
        add("every column of the header needs a name of its own", table.header_line)
        return {}, "", ()
    try:
        # A point that is left out would be missed where its result is looked for.
        read = table.numbers(missing=False)
    except DataError as error:
        for line, message, column in error.troubles:
            said = message.replace(": a number is needed", ": a finite number is needed").replace(LEAVES_OUT, "")
            add(said if line else f"{_NEEDED} ({message})", line, column)
        return {}, "", ()
    return {name: read.values[:, k].copy() for k, name in enumerate(names)}, text.digest, read.notes


__all__ = ["read_points"]
