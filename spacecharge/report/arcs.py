"""Arcs of the spectra of a result file as a table: what an instrument reads off them, and where each comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..codes import NO_ARCS, Status
from ..store.read import Results
from .export import Column, json_cell, point_table, table_object
from .tables import table

TITLES = {
    "arc_resistance": "resistance",
    "arc_capacitance": "capacitance",
    "arc_frequency": "top at",
    "arc_activation_energy": "E of R/T",
    "arc_place": "where",
    "arc_share": "share of power",
}


def has_arcs(results: Results) -> bool:
    """Say whether a result file has arcs."""
    return "arc_resistance" in results


def arc_table(results: Results, selections: Sequence[str] = (), area_cm2: float | None = None) -> list[Column]:
    """Return the arcs of a result file as columns, one row an arc of a point, the slowest first.

    Parameters
    ----------
    results : Results
        A file with arcs.
    selections : sequence of str
        ``AXIS=VALUE``, as :class:`~spacecharge.report.view.View` takes them.
    area_cm2 : float, optional
        Area of a cell: Ohm cm2 become Ohm.

    Returns
    -------
    list of Column
        Swept coordinates, ``arc``, then resistance, capacitance, frequency, activation energy, place, share of power.

    Raises
    ------
    StoreError
        No such axis.
    """
    columns = point_table(results, selections, [name for name in TITLES if name in results], area_cm2=area_cm2)
    by_name = {column.name: column for column in columns}
    there = np.isfinite(by_name["arc_resistance"].values)
    names = np.array([*results.variable_attributes("arc_place")["names"], "-"], dtype=object)
    found = []
    for column in columns:
        values = column.values[there]
        found.append(Column(column.name, column.unit, names[values] if column.name == "arc_place" else values))
    return found


def arc_lines(results: Results, selections: Sequence[str], rows: int, area_cm2: float | None = None) -> list[str]:
    """Return the same as lines of text, at most so many rows; none without arcs."""
    if not has_arcs(results):
        return []
    columns = arc_table(results, selections, area_cm2)
    n = columns[0].values.size
    header = [[TITLES.get(c.name, c.name) for c in columns], [c.unit for c in columns]]
    cells = [["-" if json_cell(v) is None else _text(v) for v in c.values[:rows]] for c in columns]
    lines = ["arcs of the spectra, the slowest first"]
    lines += table(header, list(zip(*cells, strict=True)), left=0)
    if n > rows:
        lines.append(f"({rows} of {n} arcs; `spacecharge show` with --rows N or --select shows more)")
    return lines + _without_arcs(results, selections)


def _without_arcs(results: Results, selections: Sequence[str]) -> list[str]:
    """Return a line about the points that have an answer and no arcs: how many, the first of them, and why."""
    columns = point_table(results, selections, ["arc_resistance", "status"])
    by_name = {column.name: column.values for column in columns}
    n_arcs = results.fields["arc"].shape[0]
    status = by_name["status"].reshape(-1, n_arcs)[:, 0]
    bare = np.isnan(by_name["arc_resistance"].reshape(-1, n_arcs)).all(axis=1)
    bare &= np.isin(status, [code for code in Status if code.has_answer])
    if not bare.any():
        return []
    first = int(np.argmax(bare)) * n_arcs
    places = [column for column in columns if column.name not in ("arc", "arc_resistance", "status")]
    where = ", ".join(f"{column.name} = {_text(column.values[first])} {column.unit}".rstrip() for column in places)
    at = f", first at {where}" if where else ""
    return [f"no arcs at {bare.sum()} of {bare.size} points{at}: {NO_ARCS}"]


def _text(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, (float, np.floating)) else str(value)


def arcs_object(results: Results, selections: Sequence[str] = (), area_cm2: float | None = None) -> dict[str, Any]:
    """Return the same for other programs: ``columns`` with units and ``rows``."""
    return table_object(arc_table(results, selections, area_cm2))


__all__ = ["arc_lines", "arc_table", "arcs_object", "has_arcs"]
