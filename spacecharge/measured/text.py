"""From the bytes of a text file to lines and cells: encodings, quotes, delimiters, what looks like a number."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError

MAX_BYTES = 2_000_000_000
"""Largest table that is read [bytes]."""

LONGEST_CELL = 100_000
"""Characters of a cell; the csv module of Python ends at 131,072."""

MOST_COLUMNS = 10_000

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z", re.ASCII)
COMMA_NUMBER = re.compile(r"[+-]?(?:[0-9]+,[0-9]+|,[0-9]+)(?:[eE][+-]?[0-9]+)?\Z", re.ASCII)

MISSING = frozenset(
    ("", "nan", "+nan", "-nan", "na", "n/a", "null", "none", "-", "--", "---", "#n/a", "#div/0!", "#value!", "#num!")
)
"""What instruments and spreadsheets write where there is no value, in lower case."""

_COMMENT = re.compile(r"(?:\A|\s)#(?!N/A|DIV/0!|VALUE!|NUM!).*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Text:
    """The lines of a file.

    Parameters
    ----------
    path : str
        As messages name it.
    lines : list of str
        Without their ends; line n of the file stands at n - 1.
    notes : tuple of str
        How the bytes were read, where that is not plain UTF-8.
    digest : str
        SHA-256 of the bytes of the file.
    """

    path: str
    lines: list[str]
    notes: tuple[str, ...]
    digest: str


def read_text(path: str | os.PathLike[str], shown_path: str | None = None, max_bytes: int = MAX_BYTES) -> Text:
    """Read a text file: UTF-8 or UTF-16 by its mark, UTF-8 without one, else Latin-1 with a note.

    Parameters
    ----------
    path : str or path
        The file.
    shown_path : str, optional
        Its name in messages.
    max_bytes : int
        Largest size that is read [bytes].

    Raises
    ------
    DataError
        The file is missing, too large, not a regular file, or no text.
    """
    name = os.fspath(path) if shown_path is None else shown_path
    seen = _SEEN.get()
    key = (os.path.abspath(path), name, max_bytes)
    if seen is not None and key in seen:
        return seen[key]
    try:
        # A device or a pipe would be read without end.
        if Path(path).exists() and not Path(path).is_file():
            raise DataError(name, [(0, "is no regular file")])
        with open(path, "rb") as file:
            raw = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise DataError(name, [(0, f"cannot be read: {getattr(error, 'strerror', None) or error}")]) from None
    if len(raw) > max_bytes:
        raise DataError(name, [(0, f"is too large (allowed: {max_bytes / 1e9:g} GB)")])
    notes: tuple[str, ...] = ()
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
        notes = (f"{name}: is no UTF-8 text, read as Latin-1",)
    place = text.find("\0")
    if place >= 0:
        raise DataError(name, [(text.count("\n", 0, place) + 1, "is no text: it holds a zero byte")])
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    text_of_file = Text(name, lines, notes, hashlib.sha256(raw).hexdigest())
    if seen is not None:
        seen[key] = text_of_file
    return text_of_file


_SEEN: ContextVar[dict[tuple[str, str, int], Text] | None] = ContextVar("files that were read", default=None)


@contextmanager
def each_file_once() -> Iterator[None]:
    """Let a file be read once within: a chain that fits a step again and again sees the same bytes."""
    token = _SEEN.set({})
    try:
        yield
    finally:
        _SEEN.reset(token)


def without_comment(line: str) -> str:
    """Return a line without what stands behind a #; the error codes of spreadsheets are no comments."""
    return _COMMENT.sub("", line) if "#" in line else line


def split(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, read as CSV with quotes; a blank stands for any white space.

    Raises
    ------
    ValueError
        A cell is longer than is allowed.
    """
    if len(line) > LONGEST_CELL and max(map(len, line.split(delimiter))) > LONGEST_CELL:
        raise ValueError(f"a cell has more than {LONGEST_CELL} characters")
    if '"' not in line:
        cells = line.split() if delimiter == " " else line.split(delimiter)
        return [cell.strip() for cell in cells]
    text = " ".join(line.split()) if delimiter == " " else line
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter, skipinitialspace=True))]
    except csv.Error as error:
        raise ValueError(f"cannot be read as cells: {error}") from None


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number, with a decimal point or a decimal comma."""
    return bool(NUMBER.match(cell) or COMMA_NUMBER.match(cell))


def is_missing(cell: str) -> bool:
    """Tell whether a cell says that there is no value."""
    return len(cell) < 10 and cell.lower() in MISSING


def cut(text: str, length: int = 40) -> str:
    """Return a text for a message: at most `length` characters, control characters escaped."""
    plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: length + 1])
    return plain if len(plain) <= length else plain[: length - 3] + "..."


def listed(titles: Sequence[str], most: int = 12) -> str:
    """Return titles for a message, cut short."""
    more = f", and {len(titles) - most} more" if len(titles) > most else ""
    return ", ".join(cut(title) or '""' for title in titles[:most]) + more


__all__ = [
    "COMMA_NUMBER", "LONGEST_CELL", "MAX_BYTES", "MOST_COLUMNS", "NUMBER", "Text", "cut", "is_missing", "is_number",
    "each_file_once", "listed", "read_text", "split", "without_comment",
]  # fmt: skip
