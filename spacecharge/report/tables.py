"""The one printer of tables: lines of columns."""

from __future__ import annotations

from collections.abc import Sequence


def table(
    header: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], *, left: Sequence[int] | int = 1, indent: str = ""
) -> list[str]:
    """Return lines of columns, names flush left and numbers flush right.

    Parameters
    ----------
    header : sequence of sequence of str
        Header lines, e.g. names and units; may be empty.
    rows : sequence of sequence of str
        Cells.
    left : int or sequence of int
        Number of columns of names that stand first, or which columns are flush left.
    indent : str
        Stands before every line.

    Returns
    -------
    list of str
        Without trailing blanks.
    """
    lines = [*header, *rows]
    if not lines:
        return []
    flush_left = range(left) if isinstance(left, int) else left
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        (
            indent
            + "  ".join(
                cell.ljust(width) if i in flush_left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
        ).rstrip()
        for line in lines
    ]


__all__ = ["table"]
