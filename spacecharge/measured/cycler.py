"""Voltage, current and charge against time as cyclers write them: CSV, BDF, BioLogic."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .table import Table, TextTable
from .text import Text, cut, listed, read_text
from .titles import plain_title

Array = NDArray[np.float64]

FORMATS = ("csv", "bdf", "biologic", "mpt", "mpr")

ROLES: dict[str, tuple[str, float]] = {
    "time_s": ("time", 1.0),
    "time_min": ("time", 60.0),
    "time_h": ("time", 3600.0),
    "voltage_V": ("voltage", 1.0),
    "voltage_mV": ("voltage", 1e-3),
    "current_A": ("current", 1.0),
    "current_mA": ("current", 1e-3),
    "current_uA": ("current", 1e-6),
    "current_A_per_g": ("specific_current", 1e3),
    "current_mA_per_g": ("specific_current", 1.0),
    "capacity_Ah": ("charge", 3600.0),
    "capacity_mAh": ("charge", 3.6),
    "capacity_uAh": ("charge", 3.6e-3),
    "capacity_C": ("charge", 1.0),
    "capacity_Ah_per_kg": ("specific_charge", 3600.0),
    "capacity_mAh_per_g": ("specific_charge", 3600.0),
}
"""Key of a column to what it is and its factor to SI: s, V, A, A kg-1, C, C kg-1."""

_BDF = {
    "time": ("Test Time / s", "test_time_second"),
    "voltage": ("Voltage / V", "voltage_volt"),
    "current": ("Current / A", "current_ampere"),
}
"""Battery Data Format: preferred labels and machine-readable names of the three columns it requires.

References
----------
Battery Data Alliance, Battery Data Format, https://github.com/battery-data-alliance/battery-data-format
"""

_BIOLOGIC = {
    "time": (("time/s", 1.0),),
    "voltage": (("Ewe/V", 1.0), ("<Ewe>/V", 1.0), ("Ewe-Ece/V", 1.0), ("Ecell/V", 1.0), ("Ewe/mV", 1e-3)),
    "current": (("I/mA", 1e-3), ("<I>/mA", 1e-3), ("I/A", 1.0), ("<I>/A", 1.0)),
    "charge": (("(Q-Qo)/mA.h", 3.6), ("(Q-Qo)/C", 1.0)),
}
"""Titles of EC-Lab, in the order of preference, with their factor to SI."""

_HEADER_LINES = re.compile(r"Nb header lines\s*:\s*([0-9]{1,5})\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycling:
    """What a cycler recorded.

    Parameters
    ----------
    path : str
        As messages name it.
    time : ndarray, shape (n,)
        [s], not falling.
    voltage : ndarray, shape (n,)
        [V].
    current : ndarray, shape (n,), optional
        [A], or [A kg-1] where `specific`; positive while lithium leaves the working electrode (charge of a cathode
        against lithium).
    charge : ndarray, shape (n,), optional
        [C], or [C kg-1] where `specific`; with the sign of the current.
    specific : bool
        Current and charge are those of a mass of active material.
    lines : ndarray of int, shape (n,)
        Line of each row in the file.
    format : str
        One of `FORMATS`.
    notes : tuple of str
        What was left out, how the file was read.
    """

    path: str
    time: Array
    voltage: Array
    current: Array | None
    charge: Array | None
    specific: bool
    lines: NDArray[np.int64]
    format: str
    notes: tuple[str, ...]

    def passed(self) -> Array:
        """Return the charge that has passed since the first row, [C] or [C kg-1], shape (n,).

        By the column of the charge where there is one, else by :func:`charge_steps`.
        """
        if self.charge is not None:
            return np.asarray(self.charge - self.charge[0])
        assert self.current is not None
        return np.asarray(np.concatenate([[0.0], np.cumsum(charge_steps(self.time, self.current))]))

    def reversed(self) -> Cycling:
        """Return the record with the other sign of current and charge."""
        current = None if self.current is None else -self.current
        return replace(self, current=current, charge=None if self.charge is None else -self.charge)


REST_SHARE = 0.01
"""Share of the usual current below which a cell rests; potentiostats show offsets of some 0.1 % of their range."""


def rest_threshold(flow: Array) -> float:
    """Return the size of a current below which a cell is taken to rest: 1 % of its usual one.

    Parameters
    ----------
    flow : ndarray, shape (n,)
        Currents [A] or [A kg-1].

    Returns
    -------
    float
        In the unit of `flow`.
    """
    size = np.abs(flow)
    moving = size[size > REST_SHARE * size.max()] if size.size else size
    return float(REST_SHARE * np.median(moving)) if moving.size else 0.0


def switched_on(time: Array, row: int) -> float:
    """Return when a current was switched on whose first row is `row` [s].

    The row before may lie long before the switch: no more than the spacing of the rows that follow is counted, which
    also gives the whole of a pulse whose rows stand at the starts of their intervals instead of at the ends.
    """
    gap = time[row] - time[row - 1]
    spacing = time[row + 1] - time[row] if row + 1 < time.size else gap
    return float(time[row] - min(gap, spacing))


def charge_steps(time: Array, current: Array) -> Array:
    """Return the charge of every interval by the trapezoidal rule, but not across a switch, shape (n - 1,).

    Parameters
    ----------
    time, current : ndarray, shape (n,)
        [s]; [A] or [A kg-1].

    Returns
    -------
    ndarray, shape (n - 1,)
        [C] or [C kg-1]. An interval at whose end the current is off counts nothing; one in which it is switched on,
        from :func:`switched_on`. Half of a long first interval of every rest would shift each composition by some
        per cent of a pulse.
    """
    steps = 0.5 * (current[1:] + current[:-1]) * np.diff(time)
    on = np.abs(current) > rest_threshold(current)
    steps[on[:-1] & ~on[1:]] = 0.0
    for row in np.flatnonzero(~on[:-1] & on[1:]) + 1:
        steps[row - 1] = current[row] * (time[row] - switched_on(time, int(row)))
    return np.asarray(steps)


def read_cycling(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    time_scale: float = 1.0,
    decimal: str | None = None,
) -> Cycling:
    """Read voltage, current or charge against time.

    Parameters
    ----------
    path : str or path
        The file.
    format : {'csv', 'bdf', 'biologic', 'mpt', 'mpr'}, optional
        Default: found. ``biologic`` and ``mpt`` are the text, ``mpr`` the binary file of EC-Lab.
    columns : mapping of str to str, optional
        Key of `ROLES` to title; needed for ``csv``, and taken before what the other formats know.
    time_scale : float
        Factor on the times of the file.
    decimal : {'.', ','}, optional
        Default: found.

    Returns
    -------
    Cycling
        In SI.

    Raises
    ------
    DataError
        With file and line.
    """
    name = os.fspath(path)
    if format == "mpr" or (format is None and name.lower().endswith(".mpr")):
        return _made(name, _read_mpr(name, columns), "mpr", time_scale)
    text = read_text(path)
    known = "biologic" if format == "mpt" else format or _format_of(text)
    if known == "biologic":
        table = TextTable(text, tuple((columns or {}).values()), header_line=_header_line(text))
    else:
        table = TextTable(text, tuple((columns or {}).values()))
    titles = _titles(table, known, columns)
    read = table.numbers([title for title, _ in titles.values()], decimal=decimal)
    return _made(name, (read, titles), known, time_scale)


def _format_of(text: Text) -> str:
    if any(_HEADER_LINES.match(line.strip()) for line in text.lines[:5]):
        return "biologic"
    titles = {
        plain_title(title.strip('" ')).casefold() for line in text.lines[:1] for title in re.split(r"[,;\t]", line)
    }
    both = [{names[k].casefold() for names in _BDF.values()} for k in (0, 1)]
    return "bdf" if any(len(names & titles) >= 2 for names in both) else "csv"


def _header_line(text: Text) -> int:
    for line in text.lines[:5]:
        found = _HEADER_LINES.match(line.strip())
        if found:
            number = int(found[1])
            if not 1 <= number <= len(text.lines):
                raise DataError(text.path, [(0, f"names {number} header lines, the file has {len(text.lines)}")])
            return number
    raise DataError(text.path, [(0, "is no text file of EC-Lab: 'Nb header lines : N' is missing at its top")])


def _titles(table: TextTable, format: str, columns: Mapping[str, str] | None) -> dict[str, tuple[str, float]]:
    """Return what is read: quantity to title and factor."""
    found: dict[str, tuple[str, float]] = {}
    for key, title in (columns or {}).items():
        quantity, factor = ROLES[key]
        if quantity in found:
            raise DataError(table.text.path, [(0, f"two columns are given for {quantity.replace('_', ' ')}")])
        found[quantity] = title, factor
    own = {plain_title(title).casefold(): title for title in table.titles}
    known: dict[str, tuple[tuple[str, float], ...]] = {}
    if format == "bdf":
        known = {quantity: tuple((name, 1.0) for name in names) for quantity, names in _BDF.items()}
    elif format == "biologic":
        known = {q: names for q, names in _BIOLOGIC.items() if q != "charge"}
    for quantity, names in known.items():
        if quantity == "current" and found.keys() & {"charge", "specific_charge", "specific_current"}:
            continue
        for name, factor in names:
            if quantity not in found and name.casefold() in own:
                found[quantity] = own[name.casefold()], factor
    if format == "biologic" and not found.keys() & {"current", "charge", "specific_charge", "specific_current"}:
        for name, factor in _BIOLOGIC["charge"]:
            if name.casefold() in own:
                found.setdefault("charge", (own[name.casefold()], factor))
    for quantity in ("time", "voltage"):
        if quantity not in found:
            keys = ", ".join(key for key, (q, _) in ROLES.items() if q == quantity)
            message = (
                f"no column is known as {quantity}: name it under columns ({keys}; columns: {listed(table.titles)})"
            )
            raise DataError(table.text.path, [(table.header_line, message)])
    if not found.keys() & {"current", "charge", "specific_current", "specific_charge"}:
        message = "neither a current nor a capacity: name one under columns (current_mA, capacity_mAh_per_g, ...; "
        raise DataError(table.text.path, [(table.header_line, f"{message}columns: {listed(table.titles)})")])
    return found


def _read_mpr(name: str, columns: Mapping[str, str] | None) -> tuple[Table, dict[str, tuple[str, float]]]:
    try:
        from galvani import BioLogic
    except ImportError:
        extra = "pip install 'spacecharge[biologic]'"
        message = f"a binary file of EC-Lab needs galvani (GPL): {extra}, or export the file as text (.mpt)"
        raise DataError(name, [(0, message)]) from None
    try:
        data = BioLogic.MPRfile(name).data
        titles = tuple(str(title) for title in data.dtype.names)
        values = np.column_stack([np.asarray(data[title], dtype=np.float64) for title in titles])
    except Exception as error:  # galvani raises whatever its parsing meets
        raise DataError(name, [(0, f"cannot be read by galvani: {cut(str(error), 80)}")]) from None
    lines = np.arange(1, values.shape[0] + 1)
    text = Text(name, ["\t".join(titles), "\t".join("0" for _ in titles)], (), "")
    found = _titles(TextTable(text, header_line=1, delimiter="\t"), "biologic", columns)
    places = [titles.index(title) for title, _ in found.values()]
    chosen = values[:, places]
    whole = np.isfinite(chosen).all(axis=1)
    notes = () if whole.all() else (f"{name}: left out: {int(np.sum(~whole))} rows without a value",)
    return Table(name, tuple(titles[p] for p in places), chosen[whole], lines[whole], notes), found


def _made(name: str, source: tuple[Table, dict[str, tuple[str, float]]], format: str, time_scale: float) -> Cycling:
    table, titles = source
    si = {q: table.values[:, k] * factor for k, (q, (_, factor)) in enumerate(titles.items())}
    time = si["time"] * time_scale
    if time.size < 2:
        raise DataError(name, [(0, "has fewer than two rows of numbers")])
    back = np.flatnonzero(np.diff(time) < 0.0)
    if back.size:
        line = int(table.lines[back[0] + 1])
        message = f"the time falls from {time[back[0]]:g} to {time[back[0] + 1]:g} s: one test a file, in order"
        raise DataError(name, [(line, message)])
    specific = [q for q in si if q.startswith("specific_")]
    if specific and {"current", "charge"} & si.keys():
        raise DataError(
            name, [(0, "current and capacity are given once for the cell and once for a mass: give one kind")]
        )
    return Cycling(
        path=name,
        time=time,
        voltage=si["voltage"],
        current=si.get("specific_current", si.get("current")),
        charge=si.get("specific_charge", si.get("charge")),
        specific=bool(specific),
        lines=table.lines,
        format=format,
        notes=table.notes,
    )


__all__ = ["FORMATS", "ROLES", "Cycling", "charge_steps", "read_cycling", "rest_threshold", "switched_on"]
