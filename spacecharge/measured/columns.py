"""Read measured curves from CSV files: columns by role, units by the name of the role.

The unit is part of the role (``mixing_time_ms``), so that no number is ever read without one. Errors
name the file and the line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from .table import Table, read_table

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Suffix of a time to its value [s]."""


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


_TIME = {unit: ("s", factor, 0.0) for unit, factor in TIME_UNITS.items()}
_RATE = {"per_s": ("s-1", 1.0, 0.0)}
_QUANTITIES: dict[str, Mapping[str, tuple[str, float, float]]] = {
    "mixing_time": _TIME,
    "delay": _TIME,
    "T1": _TIME,
    "T2": _TIME,
    "T1rho": _TIME,
    "temperature": {"K": ("K", 1.0, 0.0), "degC": ("K", 1.0, 273.15)},
    "larmor_frequency": {"MHz": ("Hz", 1e6, 0.0)},
    "spin_lock_frequency": {"kHz": ("Hz", 1e3, 0.0)},
    "R1": _RATE,
    "R2": _RATE,
    "R1rho": _RATE,
}
"""Quantities with a dimension: the units that may stand behind their name, with SI unit, factor and shift of each."""


def missing_unit(key: str) -> str:
    """Return what is wrong with a role key that names a quantity without its unit; empty where nothing is."""
    stem = key.removeprefix("sigma_")
    if stem not in _QUANTITIES:
        return ""
    return f"the unit is missing (allowed: {', '.join(f'{stem}_{unit}' for unit in _QUANTITIES[stem])})"


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
    missing = missing_unit(key)
    if missing:
        raise FitError(f"{key}: {missing}")
    for stem, units in _QUANTITIES.items():
        unit = key.removeprefix(f"{stem}_")
        if unit != key and unit in units:
            return Role(stem, *units[unit])
    return Role(key, "1")


def read_rows(
    path: str | os.PathLike[str], columns: Mapping[str, str], decimal: str | None = None
) -> tuple[dict[str, NDArray[np.float64]], Table]:
    """Read columns of a table, with the line of every row and what a reader has to know.

    Parameters
    ----------
    path : str or path
        The file.
    columns : mapping
        Role key (with its unit) to column name.
    decimal : {'.', ','}, optional
        Default: found.

    Returns
    -------
    columns : dict of str to ndarray, shape (n_rows,)
        Stem of the role to values in SI.
    table : Table
        As it stands in the file: lines, notes.

    Raises
    ------
    FitError
        The file or a column is missing, a cell is no finite number, there are no rows.
    """
    table = read_table(path, tuple(dict.fromkeys(columns.values())), decimal=decimal)
    out: dict[str, NDArray[np.float64]] = {}
    for key, title in columns.items():
        role = role_of(key)
        if role.stem in out:
            raise FitError(f"{table.path}: two columns are given for {role.stem}")
        out[role.stem] = table[title] * role.factor + role.shift
    return out, table


def read_columns(path: str | os.PathLike[str], columns: Mapping[str, str]) -> dict[str, NDArray[np.float64]]:
    """Read columns of a table; see :func:`read_rows`."""
    return read_rows(path, columns)[0]


def check_columns(name: str, table: Mapping[str, NDArray[np.float64]], lines: NDArray[np.int64] | None = None) -> None:
    """Refuse values that no experiment gives.

    Parameters
    ----------
    name : str
        File, for the message.
    table : mapping
        Stem to values in SI, as :func:`read_columns` returns.
    lines : ndarray of int, shape (n_rows,), optional
        Line of each row in the file; without them rows are counted.

    Raises
    ------
    FitError
        Temperatures that are not positive, negative delays, relaxation times or errors that are not
        positive.
    """
    for stem, values in table.items():
        if stem == "temperature":
            bad, rule = values <= 0.0, "above 0 K"
        elif stem in ("mixing_time", "delay"):
            bad, rule = values < 0.0, "at least 0"
        elif stem.startswith("sigma_") or stem in _QUANTITIES:
            bad, rule = values <= 0.0, "above 0"
        else:
            continue
        if np.any(bad):
            first = int(np.argmax(bad))
            where = f"{name}: row {first + 1}" if lines is None else f"{name}:{lines[first]}"
            raise FitError(f"{where}: {stem} is {values[first]:g} (allowed: {rule})")
