"""Read measured curves from CSV files: columns by role, units by the name of the role.

The unit is part of the role (``mixing_time_ms``), so that no number is ever read without one. Errors
name the file and the line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Suffix of a time to its value [s]."""

MAX_ROWS = 5_000_000


@dataclass(frozen=True, slots=True)
class Role:
    """What a column is.

    Parameters
    ----------
    stem : str
        Name without the unit: ``mixing_time``.
    unit : str
        SI unit of the values that are handed on.
    factor, shift : float
        SI value = factor * number + shift.
    """

    stem: str
    unit: str
    factor: float = 1.0
    shift: float = 0.0


_TIMES = ("mixing_time", "delay", "T1", "T2", "T1rho")
_RATES = ("R1", "R2", "R1rho")


def role_of(key: str) -> Role:
    """Return what a role key means.

    Parameters
    ----------
    key : str
        ``temperature_K``, ``mixing_time_ms``, ``sigma_T1_s``, ``cross_AB``, ``intensity``, ...

    Returns
    -------
    Role
        Stem, unit, conversion.

    Raises
    ------
    FitError
        A quantity with a dimension stands without its unit.
    """
    if key.startswith("sigma_"):
        inner = role_of(key.removeprefix("sigma_"))
        return Role(f"sigma_{inner.stem}", inner.unit, inner.factor)
    for stem in _TIMES:
        if key == stem:
            raise FitError(f"{key}: the unit is missing (allowed: {', '.join(f'{stem}_{u}' for u in TIME_UNITS)})")
        if key.startswith(f"{stem}_") and key.removeprefix(f"{stem}_") in TIME_UNITS:
            return Role(stem, "s", TIME_UNITS[key.removeprefix(f"{stem}_")])
    if key == "temperature":
        raise FitError("temperature: the unit is missing (allowed: temperature_K, temperature_degC)")
    if key == "temperature_K":
        return Role("temperature", "K")
    if key == "temperature_degC":
        return Role("temperature", "K", 1.0, 273.15)
    for stem in _RATES:
        if key == stem:
            raise FitError(f"{key}: the unit is missing (allowed: {stem}_per_s)")
        if key == f"{stem}_per_s":
            return Role(stem, "s-1")
    return Role(key, "1")


def read_columns(path: str | os.PathLike[str], columns: Mapping[str, str]) -> dict[str, NDArray[np.float64]]:
    """Read columns of a CSV file.

    The first line that is neither empty nor a comment (#) names the columns; commas, semicolons or tabs
    divide them. Rows may stand in any order.

    Parameters
    ----------
    path : str or path
        The file.
    columns : mapping
        Role key (with its unit) to column name.

    Returns
    -------
    dict of str to ndarray, shape (n_rows,)
        Stem of the role to values in SI.

    Raises
    ------
    FitError
        The file or a column is missing, a cell is no finite number, there are no rows.
    """
    name = os.fspath(path)
    try:
        with open(path, encoding="utf-8-sig", newline=None) as file:
            header, skipped = _header(file, name)
    except OSError as error:
        raise FitError(f"{name}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise FitError(f"{name}: is no UTF-8 text") from None
    delimiter = max(",;\t", key=header.count)
    titles = [cell.strip().strip('"') for cell in header.split(delimiter)]
    repeated = sorted({t for t in columns.values() if titles.count(t) > 1})
    if repeated:
        raise FitError(f"{name}:{skipped}: the column {repeated[0]} stands twice")
    missing = [column for column in columns.values() if column not in titles]
    if missing:
        raise FitError(f"{name}:{skipped}: no column {', '.join(missing)} (columns: {', '.join(titles)})")
    places = [titles.index(column) for column in columns.values()]
    table = _table(name, skipped, delimiter, places, list(columns.values()))
    out: dict[str, NDArray[np.float64]] = {}
    for k, key in enumerate(columns):
        role = role_of(key)
        if role.stem in out:
            raise FitError(f"{name}: two columns are given for {role.stem}")
        out[role.stem] = table[:, k] * role.factor + role.shift
    return out


def _header(lines: Iterable[str], name: str) -> tuple[str, int]:
    """Return the line that names the columns, and its number."""
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            return text, number
    raise FitError(f"{name}: is empty")


def _table(name: str, skipped: int, delimiter: str, places: list[int], titles: list[str]) -> NDArray[np.float64]:
    """Return the wanted columns (n_rows, n_columns); on any trouble, say where."""
    import warnings

    try:
        with warnings.catch_warnings():
            # An empty table is reported below, with the name of the file.
            warnings.simplefilter("ignore", UserWarning)
            table = np.loadtxt(
                name,
                encoding="utf-8-sig",
                comments="#",
                delimiter=delimiter,
                skiprows=skipped,
                usecols=places,
                ndmin=2,
                quotechar='"',
                max_rows=MAX_ROWS + 1,
            )
    except UnicodeDecodeError:
        raise FitError(f"{name}: is no UTF-8 text") from None
    except ValueError:
        raise FitError(_first_bad_cell(name, skipped, delimiter, places, titles)) from None
    if table.shape[0] == 0:
        raise FitError(f"{name}: has no rows below its header")
    if table.shape[0] > MAX_ROWS:
        raise FitError(f"{name}: has more than {MAX_ROWS} rows")
    if not np.all(np.isfinite(table)):
        raise FitError(_first_bad_cell(name, skipped, delimiter, places, titles))
    return np.asarray(table, dtype=np.float64)


def _first_bad_cell(name: str, skipped: int, delimiter: str, places: list[int], titles: list[str]) -> str:
    with open(name, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            text = line.split("#")[0].strip("\r\n")
            if number <= skipped or not text.strip():
                continue
            cells = [cell.strip().strip('"') for cell in text.split(delimiter)]
            for place, title in zip(places, titles, strict=True):
                if place >= len(cells):
                    return f"{name}:{number}: {title}: the row has {len(cells)} cells, this column is missing"
                try:
                    value = float(cells[place])
                except ValueError:
                    shown = cells[place][:40] or "nothing"
                    return f"{name}:{number}: {title}: a number is needed, got {shown}"
                if not np.isfinite(value):
                    return f"{name}:{number}: {title}: a finite number is needed, got {cells[place]}"
    return f"{name}: cannot be read as a table of numbers"


def check_columns(name: str, table: Mapping[str, NDArray[np.float64]]) -> None:
    """Refuse values that no experiment gives.

    Parameters
    ----------
    name : str
        File, for the message.
    table : mapping
        Stem to values in SI, as :func:`read_columns` returns.

    Raises
    ------
    FitError
        Temperatures that are not positive, negative delays, relaxation times or errors that are not
        positive; the row is counted without comments and header.
    """
    for stem, values in table.items():
        if stem == "temperature":
            bad, rule = values <= 0.0, "above 0 K"
        elif stem in ("mixing_time", "delay"):
            bad, rule = values < 0.0, "at least 0"
        elif stem.startswith("sigma_") or stem in _TIMES or stem in _RATES:
            bad, rule = values <= 0.0, "above 0"
        else:
            continue
        if np.any(bad):
            first = int(np.argmax(bad))
            raise FitError(f"{name}: row {first + 1}: {stem} is {values[first]:g} (allowed: {rule})")
