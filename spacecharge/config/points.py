"""Tables of sweep points: a CSV file with dotted paths as header and one row per point."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..document.problems import Problems, shown

Array = NDArray[np.float64]
MAX_BYTES = 2_000_000_000
"""Largest table that is read [bytes]."""


def read_points(path: Path, shown_path: str, problems: Problems) -> tuple[dict[str, Array], str]:
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
    """

    def add(message: str, line: int = 0, column: int = 1) -> None:
        problems.add("", message, file=shown_path, position=(line, column) if line else None)

    try:
        if path.stat().st_size > MAX_BYTES:
            problems.add("sweep.points", f"{shown_path} is too large (allowed: {MAX_BYTES / 1e9:g} GB)")
            return {}, ""
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        add("is no UTF-8 text")
        return {}, ""
    except OSError as error:
        problems.add("sweep.points", f"{shown_path} cannot be read: {error.strerror or error}")
        return {}, ""
    lines = text.splitlines()
    kept = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    if len(kept) < 2:
        add("needs a header of dotted paths and at least one row of numbers")
        return {}, ""
    names = [name.strip() for name in next(csv.reader([kept[0][1]]))]
    if len(set(names)) != len(names) or not all(names):
        add("every column of the header needs a name of its own", kept[0][0])
        return {}, ""
    rows = kept[1:]
    values = _fast(rows, len(names))
    if values is None:
        values = _careful(rows, names, add)
    if values is None:
        return {}, ""
    return dict(zip(names, values.T.copy(), strict=True)), hashlib.sha256(raw).hexdigest()


def _fast(rows: list[tuple[int, str]], n_columns: int) -> Array | None:
    """Return the table, or None if any cell is not a finite number."""
    try:
        table = np.loadtxt(io.StringIO("\n".join(line for _, line in rows)), delimiter=",", ndmin=2)
    except ValueError:
        return None
    if table.shape[1] != n_columns or not np.isfinite(table).all():
        return None
    return np.asarray(table, dtype=float)


def _careful(rows: list[tuple[int, str]], names: list[str], add: object) -> Array | None:
    """Return the table cell by cell, reporting up to ten cells that are not numbers."""
    assert callable(add)
    table = np.empty((len(rows), len(names)))
    n_bad = 0
    for i, (line, text) in enumerate(rows):
        cells = next(csv.reader([text]))
        if len(cells) != len(names):
            add(f"{len(cells)} columns, the header has {len(names)}", line)
            n_bad += 1
        else:
            for k, cell in enumerate(cells):
                try:
                    table[i, k] = float(cell)
                except ValueError:
                    table[i, k] = math.nan
                if not math.isfinite(table[i, k]):
                    column = len(",".join(cells[:k])) + (2 if k else 1)
                    add(f"column {names[k]}: a finite number is needed, got {shown(cell)}", line, column)
                    n_bad += 1
        if n_bad >= 10:
            add("further rows were not looked at", line)
            break
    return None if n_bad else table


__all__ = ["read_points"]
