"""The one reader of tables: header, delimiter and decimal sign found, rows left out counted, errors with their line.

What a spreadsheet, an instrument or a script writes is read alike: commas, semicolons, tabs or white space, quotes,
decimal commas, lines of the instrument above the header, a row of units below it, rows without values.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, Trouble
from .cells import column_of, complaint, decimal_sign, says_nothing, scientific, told
from .text import (
    COMMA_NUMBER,
    MAX_BYTES,
    MOST_COLUMNS,
    NUMBER,
    Text,
    cut,
    is_missing,
    is_number,
    listed,
    read_text,
    split,
    without_comment,
)
from .titles import same_title

Array = NDArray[np.float64]
Lines = NDArray[np.int64]

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", " ": "white space"}
"""In the order of preference where several serve equally."""

_HEADER_WITHIN = 400
"""Lines within which a header is looked for; the longest ones of instruments have about 150."""

_SAMPLE, _TROUBLES = 20, 10
"""Rows below a header that decide on its delimiter; bad cells that are reported before the rest is left unread."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of numbers.

    Parameters
    ----------
    path : str
        As messages name it.
    titles : tuple of str
        Of the columns that were asked for.
    values : ndarray, shape (n_rows, n_titles)
        Finite numbers, as they stand in the file.
    lines : ndarray of int, shape (n_rows,)
        Line of each row in the file, from 1.
    notes : tuple of str
        What a reader has to know: what was left out, how the file was read.
    """

    path: str
    titles: tuple[str, ...]
    values: Array
    lines: Lines
    notes: tuple[str, ...]

    def __getitem__(self, title: str) -> Array:
        return self.values[:, self.titles.index(title)]


class TextTable:
    """A text file whose header and delimiter are found and whose columns are not yet read.

    Parameters
    ----------
    text : Text
        The file.
    wanted : sequence of str, optional
        Titles that the header has to hold; by them the header is told from lines above it.
    header_line : int, optional
        Line of the header, from 1, where it is known.
    delimiter : str, optional
        One of the keys of `DELIMITERS`; default: found.

    Attributes
    ----------
    titles : tuple of str
        As they stand in the header.
    header_line : int
        From 1.
    delimiter : str
        A blank for white space.

    Raises
    ------
    DataError
        There is no header, or it does not hold what is wanted.
    """

    def __init__(
        self,
        text: Text,
        wanted: Sequence[str] = (),
        header_line: int | None = None,
        delimiter: str | None = None,
    ) -> None:
        self.text = text
        self.rows = [
            (number, line)
            for number, line in enumerate(text.lines, start=1)
            if line and not line.isspace() and without_comment(line).strip()
        ]
        if not self.rows:
            raise DataError(text.path, [(0, "is empty")])
        candidates = tuple(DELIMITERS) if delimiter is None else (delimiter,)
        try:
            if header_line is not None:
                start = next((k for k, (number, _) in enumerate(self.rows) if number >= header_line), 0)
                place, self.delimiter = start, self._delimiter(start, candidates)[1]
            else:
                place, self.delimiter = self._find(wanted, candidates)
            self.header_line = self.rows[place][0]
            cells = split(without_comment(self.rows[place][1]), self.delimiter)
        except ValueError as error:
            raise DataError(text.path, [(0, str(error))]) from None
        while len(cells) > 1 and not cells[-1]:
            cells.pop()
        self.titles = tuple(cells)
        self._place = place
        if len(cells) > MOST_COLUMNS:
            raise DataError(text.path, [(self.header_line, f"has {len(cells)} columns (allowed: {MOST_COLUMNS})")])
        missing = [title for title in wanted if not self._places(title)]
        if missing:
            columns = f"(columns: {listed(self.titles)})"
            raise DataError(text.path, [(self.header_line, f"no column {listed(missing)} {columns}")])
        twice = next((title for title in wanted if len(self._places(title)) > 1), None)
        if twice is not None:
            raise DataError(text.path, [(self.header_line, f"the column {cut(twice)} stands twice")])

    def _places(self, title: str) -> list[int]:
        return [k for k, own in enumerate(self.titles) if same_title(own, title)]

    def _find(self, wanted: Sequence[str], candidates: Sequence[str]) -> tuple[int, str]:
        """Return the place of the header among the rows, and the delimiter."""
        first_rows = range(min(len(self.rows), _HEADER_WITHIN))
        if wanted:
            for k in first_rows:
                fits = []
                for delimiter in candidates:
                    cells = split(without_comment(self.rows[k][1]), delimiter)
                    if all(any(same_title(cell, title) for cell in cells) for title in wanted):
                        fits.append(delimiter)
                if fits:
                    return k, self._delimiter(k, fits)[1]
        # By the numbers: the first row of numbers with as many cells as the row above it.
        for k in first_rows:
            if k == 0:
                continue
            best = 0, ""
            for delimiter in candidates:
                cells = split(without_comment(self.rows[k][1]), delimiter)
                above = split(without_comment(self.rows[k - 1][1]), delimiter)
                while len(above) > len(cells) and not above[-1]:
                    above.pop()
                row = all(is_number(c) or is_missing(c) for c in cells) and any(map(is_number, cells))
                if row and len(above) == len(cells) and not any(map(is_number, above)) and len(cells) > best[0]:
                    best = len(cells), delimiter
            n, delimiter = best
            if n:
                # Two rows of words above the numbers: titles, and a row of units.
                if n > 1 and k > 1:
                    titles = split(without_comment(self.rows[k - 2][1]), delimiter)
                    if len(titles) == n and not any(map(is_number, titles)) and all(titles):
                        return k - 2, delimiter
                return k - 1, delimiter
        return 0, self._delimiter(0, candidates)[1]

    def _delimiter(self, place: int, candidates: Sequence[str]) -> tuple[float, str]:
        """Return the delimiter under which the rows below fit the header best, and how well."""
        sample = self.rows[place + 1 : place + 1 + _SAMPLE]
        best: tuple[float, int, str] | None = None
        for delimiter in candidates:
            n = len(split(without_comment(self.rows[place][1]), delimiter))
            score = 0.0
            for _, line in sample:
                cells = split(without_comment(line), delimiter)
                if len(cells) == n:
                    score += sum(is_number(c) or is_missing(c) for c in cells) / n
            if best is None or (round(score, 6), n) > best[:2]:
                best = round(score, 6), n, delimiter
        assert best is not None
        return best[0], best[2]

    def cells(self) -> list[tuple[int, list[str]]]:
        """Return line and cells of every row below the header, for tables of words and numbers.

        Returns
        -------
        list of (int, list of str)
            Decimal commas become points where commas divide no cells.

        Raises
        ------
        DataError
            A cell is longer than is allowed.
        """
        out = []
        for number, line in self.rows[self._place + 1 :]:
            try:
                cells = split(without_comment(line), self.delimiter)
            except ValueError as error:
                raise DataError(self.text.path, [(number, str(error))]) from None
            if self.delimiter != ",":
                cells = [cell.replace(",", ".") if COMMA_NUMBER.match(cell) else cell for cell in cells]
            out.append((number, cells))
        return out

    def numbers(
        self, titles: Sequence[str] | None = None, *, decimal: str | None = None, missing: bool = True
    ) -> Table:
        """Read columns.

        Parameters
        ----------
        titles : sequence of str, optional
            Default: every column.
        decimal : {'.', ','}, optional
            Default: found.
        missing : bool
            Leave out rows that say nan, n/a or the like in one of the columns or are blank in all (and a row of
            units) and count them; False: refuse them.

        Returns
        -------
        Table
            In the order of `titles`.

        Raises
        ------
        DataError
            A cell is no finite number, a row has another number of cells, there are no rows.
        """
        names = self.titles if titles is None else tuple(titles)
        places = [self._places(title)[0] for title in names] if titles is not None else list(range(len(names)))
        body = self.rows[self._place + 1 :]
        left_out: dict[str, list[int]] = {}
        if self._place:
            left_out["above the header"] = [number for number, _ in self.rows[: self._place]]
        if missing and body and self._is_words(body[0][1], places):
            left_out["of units"] = [body[0][0]]
            body = body[1:]
        notes = list(self.text.notes)
        fast = self._fast(body, places, decimal, missing)
        if fast is None:
            values, body, sign = self._careful(body, names, places, decimal, left_out if missing else None)
        else:
            values, stays, sign = fast
            if not stays.all():
                left_out["without a value"] = [
                    number for (number, _), stay in zip(body, stays, strict=True) if not stay
                ]
                body = [row for row, stay in zip(body, stays, strict=True) if stay]
        if sign == "," and decimal is None:
            notes.append(f"{self.text.path}: read with decimal commas")
        if not body:
            empty = left_out.get("without a value")
            if empty:
                title, cell = self._first_missing(empty[0], names, places)
                raise DataError(self.text.path, [(empty[0], f"{cut(title)}: {complaint(cell, sign)}, as in every row")])
            raise DataError(self.text.path, [(0, f"has no rows of numbers below its header{told(left_out)}")])
        if left_out:
            notes.append(f"{self.text.path}:{told(left_out).removeprefix(';')}")
        lines = np.array([number for number, _ in body], dtype=np.int64)
        return Table(self.text.path, names, values, lines, tuple(notes))

    def _first_missing(self, number: int, names: Sequence[str], places: Sequence[int]) -> tuple[str, str]:
        """Return title and content of the first cell without a value in a line."""
        cells = split(without_comment(self.text.lines[number - 1]), self.delimiter)
        return next((name, cells[p]) for name, p in zip(names, places, strict=True) if is_missing(cells[p]))

    def unit_row(self) -> dict[str, str]:
        """Return the cells of a row of units below the titles, by title."""
        for _, line in self.rows[self._place + 1 : self._place + 2]:
            if self._is_words(line, range(len(self.titles))):
                return dict(zip(self.titles, split(without_comment(line), self.delimiter), strict=False))
        return {}

    def _is_words(self, line: str, places: Sequence[int]) -> bool:
        """Tell whether none of the wanted cells of a row is a number and one is a word."""
        try:
            cells = split(without_comment(line), self.delimiter)
        except ValueError:
            return False
        found = [cells[place] for place in places if place < len(cells)]
        return not any(map(is_number, found)) and any(
            not is_missing(cell) and cell.lstrip("+-").lower() not in ("inf", "infinity") for cell in found
        )

    def _fast(
        self, body: list[tuple[int, str]], places: list[int], decimal: str | None, missing: bool
    ) -> tuple[Array, NDArray[np.bool_], str] | None:
        """Return the columns, the rows that have all values, the decimal sign; None where every cell needs a look."""
        n = len(self.titles)
        lines = [line for _, line in body]
        if not lines or any("#" in line or '"' in line for line in lines):
            return None
        # Further cells would be ignored without a word; a decimal comma in a table of commas makes them.
        if self.delimiter != " " and any(line.count(self.delimiter) != n - 1 for line in lines):
            return None
        sign = "."
        if self.delimiter != "," and any("," in line for line in lines):
            if decimal == "." or any("." in line for line in lines):
                return None
            sign, lines = ",", [line.replace(",", ".") for line in lines]
        elif decimal == ",":
            return None
        try:
            table = np.loadtxt(
                lines,
                delimiter=None if self.delimiter == " " else self.delimiter,
                usecols=None if places == list(range(n)) else places,
                comments=None,
                ndmin=2,
            )
        except ValueError:
            return None
        if table.shape != (len(lines), len(places)) or np.isinf(table).any():
            return None
        whole = np.logical_not(np.isnan(table).any(axis=1))
        if not (missing or whole.all()):
            return None
        return np.asarray(table[whole], dtype=np.float64), np.asarray(whole, dtype=np.bool_), sign

    def _careful(
        self,
        body: list[tuple[int, str]],
        names: Sequence[str],
        places: Sequence[int],
        decimal: str | None,
        left_out: dict[str, list[int]] | None,
    ) -> tuple[Array, list[tuple[int, str]], str]:
        """Return the columns cell by cell, the rows that stay, and the decimal sign."""
        n = len(self.titles)
        whole = left_out is None
        troubles: list[Trouble] = []
        rows: list[list[str]] = []
        kept: list[tuple[int, str]] = []
        empty: list[int] = []
        for number, line in body:
            try:
                cells = split(without_comment(line), self.delimiter)
            except ValueError as error:
                troubles.append(Trouble(number, str(error)))
                continue
            while len(cells) > n and not cells[-1]:
                cells.pop()
            if len(cells) > n or (len(cells) < n and (left_out is None or len(cells) <= max(places))):
                troubles.append(Trouble(number, self._miscounted(cells, None if whole else places)))
            elif left_out is not None and says_nothing([cells[place] for place in places]):
                empty.append(number)
            else:
                rows.append([cells[place] for place in places])
                kept.append((number, line))
            if len(troubles) >= _TROUBLES:
                raise DataError(self.text.path, troubles)
        sign = decimal or decimal_sign(rows)
        pattern = COMMA_NUMBER if sign == "," else NUMBER
        values = np.empty((len(rows), len(places)))
        for i, row in enumerate(rows):
            for k, cell in enumerate(row):
                digits = cell.isascii() and cell.lstrip("+-").isdigit()
                plain = digits or pattern.match(cell)
                value = float(cell.replace(",", ".")) if plain else scientific(cell, sign)
                if not np.isfinite(value):
                    place = column_of(kept[i][1], self.delimiter, places[k])
                    troubles.append(
                        Trouble(
                            kept[i][0], f"{'column ' if whole else ''}{cut(names[k])}: {complaint(cell, sign)}", place
                        )
                    )
                values[i, k] = value
            if len(troubles) >= _TROUBLES:
                break
        if troubles:
            troubles.sort(key=lambda trouble: (trouble.line, trouble.column))
            raise DataError(self.text.path, troubles)
        if empty and left_out is not None:
            left_out["without a value"] = empty
        return values, kept, sign

    def _miscounted(self, cells: Sequence[str], places: Sequence[int] | None) -> str:
        n = len(self.titles)
        if places is None:
            return f"{len(cells)} columns, the header has {n}"
        if len(cells) > n:
            hint = "; is the comma also the decimal sign?" if self.delimiter == "," else ""
            return f"the row has {len(cells)} cells, the header has {n}{hint}"
        place = next((p for p in places if p >= len(cells)), n - 1)
        return f"{cut(self.titles[place])}: the row has {len(cells)} cells, this column is missing"


def read_table(
    path: str | os.PathLike[str],
    titles: Sequence[str] | None = None,
    *,
    decimal: str | None = None,
    missing: bool = True,
    max_bytes: int = MAX_BYTES,
) -> Table:
    """Read columns of a table.

    Parameters
    ----------
    path : str or path
        The file.
    titles : sequence of str, optional
        Columns; default: all.
    decimal : {'.', ','}, optional
        Default: found.
    missing : bool
        Leave out rows without a value, and a row of units; False: refuse them.
    max_bytes : int
        Largest file that is read [bytes].

    Returns
    -------
    Table
        Columns, the line of each row, notes.

    Raises
    ------
    DataError
        With file and line.
    """
    text = read_text(path, max_bytes=max_bytes)
    return TextTable(text, titles or ()).numbers(titles, decimal=decimal, missing=missing)


__all__ = ["DELIMITERS", "Table", "TextTable", "read_table"]
