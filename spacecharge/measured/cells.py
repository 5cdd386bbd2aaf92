"""Cells of a table as numbers: the decimal sign, what is no number, and the words for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .text import COMMA_NUMBER, NUMBER, cut, is_missing

LEAVES_OUT = " (nan leaves the row out)"
"""What is added where a row may be left out; in a table of points none may."""


def says_nothing(cells: Sequence[str]) -> bool:
    """Tell whether a row says that it has no value; a single blank cell may as well be a slip."""
    return not any(cells) or any(cell and is_missing(cell) for cell in cells)


def column_of(line: str, delimiter: str, place: int) -> int:
    """Return the character at which a cell starts, from 1; quotes are not looked into."""
    return 1 + sum(len(cell) + 1 for cell in line.split(delimiter)[:place]) if '"' not in line else 1


def scientific(cell: str, sign: str) -> float:
    """Return 1e5 of a file of decimal commas, NaN where a cell is no number."""
    return float(cell) if sign == "," and "." not in cell and NUMBER.match(cell) else np.nan


def decimal_sign(rows: Sequence[Sequence[str]]) -> str:
    """Return the decimal sign: a comma only where no cell of the wanted columns has a point."""
    comma = False
    for row in rows:
        for cell in row:
            if "." in cell and NUMBER.match(cell):
                return "."
            comma = comma or bool(COMMA_NUMBER.match(cell))
    return "," if comma else "."


def complaint(cell: str, sign: str) -> str:
    """Return what is wrong with a cell, in words."""
    if cell.lstrip("+-").lower() in ("inf", "infinity", "nan") or NUMBER.match(cell):
        if sign == "," and "." in cell:
            return f"a number with a decimal comma is needed, got {cut(cell)}"
        return f"a finite number is needed, got {cut(cell)}"
    if COMMA_NUMBER.match(cell):
        return f"a number is needed, got {cut(cell)}; other cells have a decimal point"
    if not cell:
        return f"a number is needed, got nothing{LEAVES_OUT}"
    return f"a number is needed, got {cut(cell)}"


def told(left_out: dict[str, list[int]]) -> str:
    """Return what was left out in words."""
    if not left_out:
        return ""
    parts = []
    for what, lines in left_out.items():
        noun = "line" if what == "above the header" else "row"
        where = _where(lines)
        parts.append(f"{len(lines)} {noun}{'s' if len(lines) > 1 else ''} {what} ({where})")
    return f"; left out: {', '.join(parts)}"


def _where(lines: Sequence[int]) -> str:
    """Return where lines stand; only those without a gap are a range."""
    first, last = lines[0], lines[-1]
    if len(lines) == 1:
        return f"line {first}"
    if last - first == len(lines) - 1:
        return f"lines {first} to {last}"
    return f"lines {', '.join(map(str, lines))}" if len(lines) <= 6 else f"from line {first} to {last}"


__all__ = ["LEAVES_OUT", "column_of", "complaint", "decimal_sign", "says_nothing", "scientific", "told"]
