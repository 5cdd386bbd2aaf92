"""A result file as one table for other programs: CSV, xlsx or JSON, in shown units with the unit in every header.

One row is one point of the sweep. A variable with dimensions of its own takes a column for each contact, side, layer
and species; a frequency axis or profiles take further rows instead, since they are read along them.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..store.columns import Rows
from ..store.files import replacing, system_errors
from ..store.read import Results
from ..store.target import output_file, refuse_replacing
from .view import Quantity, View

LONG = ("frequency", "arc", "relaxation")
"""Dimensions that run down the rows of a table instead of across its columns."""

UNASKED = ("arc", "relaxation")
"""Those whose variables stand in a table only where they are asked for: they have nothing to do with the others."""

FORMATS = (".csv", ".xlsx", ".json")

OWN_TITLES = (
    "layer",
    "x",
    "potential",
    "occupancy",
    "vacancy",
    "impedance_modulus",
    "impedance_phase",
    "-impedance_imag",
)
"""Titles of columns beside the variables of a file: those of profiles, and of spectra in the shapes of others."""

LONGEST_LINE = 1 << 20
"""Characters of a line of titles; a table of four layers and two species takes some thousands."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        Name in the file, with contact, side, layer or species in brackets.
    unit : str
        Shown unit; empty for pure numbers and names.
    values : ndarray, shape (n_rows,)
        Numbers in that unit, or text.
    """

    name: str
    unit: str
    values: NDArray[Any]

    @property
    def header(self) -> str:
        """Name with its unit: ``interface_resistance (Ohm cm2)``."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def point_table(
    results: Results,
    selections: Sequence[str] = (),
    variables: Sequence[str] = (),
    *,
    area_cm2: float | None = None,
) -> list[Column]:
    """Return the scalars of a result file as columns, one row a point (and frequency).

    Parameters
    ----------
    results : Results
        The file.
    selections : sequence of str
        ``AXIS=VALUE``, as :class:`~spacecharge.report.view.View` takes them.
    variables : sequence of str
        Names of the variables; default all.
    area_cm2 : float, optional
        Area of a cell: Ohm cm2 become Ohm, uF/cm2 uF.

    Returns
    -------
    list of Column
        Swept coordinates first, then the variables.

    Raises
    ------
    StoreError
        The file has no points, or no such axis or variable.
    """
    view = View(results, selections, area_cm2)
    names = [view.find(name) for name in variables] or _variables(results)
    quantities = [view.variable(name) for name in names]
    long = tuple(d for d in LONG if any(d in q.dims for q in quantities))
    rows = _rows(view, long, tuple(results.fields[d].shape[0] for d in long))
    columns = _swept(view, rows)
    for dimension in long:
        columns += _columns(view.variable(dimension), rows)
    present = {column.name for column in columns}
    for quantity in quantities:
        columns += [column for column in _columns(quantity, rows) if column.name not in present]
    return columns


SPECTRUM = ("impedance_real", "impedance_imag")
"""Variables of a spectrum."""

SHAPES = ("real,-imag", "real,imag", "modulus,phase")
"""The shapes in which programs for impedance data read a spectrum, after its frequency."""


def spectrum_table(
    results: Results, selections: Sequence[str] = (), shape: str = SHAPES[0], *, area_cm2: float | None = None
) -> list[Column]:
    """Return the spectra of a result file in one of the common shapes, one row a frequency of a point.

    Parameters
    ----------
    results : Results
        The file.
    selections : sequence of str
        ``AXIS=VALUE``.
    shape : {"real,-imag", "real,imag", "modulus,phase"}
        The two columns after the frequency; the phase in degrees.
    area_cm2 : float, optional
        Area of a cell: Ohm cm2 become Ohm.

    Returns
    -------
    list of Column
        Swept coordinates, ``frequency``, then the two.

    Raises
    ------
    StoreError
        The file has no spectra, or the shape is none of these.
    """
    if shape not in SHAPES:
        raise StoreError(f"--spectrum {shape}: is not known (allowed: {' '.join(SHAPES)})")
    if any(name not in results for name in SPECTRUM):
        raise StoreError(f"{results.path}: holds no spectra (`impedance:` in a configuration computes them)")
    *axes, real, imag = point_table(results, selections, SPECTRUM, area_cm2=area_cm2)
    if shape == "modulus,phase":
        modulus = Column("impedance_modulus", real.unit, np.hypot(real.values, imag.values))
        phase = Column("impedance_phase", "degrees", np.degrees(np.arctan2(imag.values, real.values)))
        return [*axes, modulus, phase]
    if shape == "real,-imag":
        return [*axes, real, Column("-impedance_imag", imag.unit, -imag.values)]
    return [*axes, real, imag]


def profile_table(results: Results, selections: Sequence[str] = (), variables: Sequence[str] = ()) -> list[Column]:
    """Return the profiles of a result file as columns: one row a node, layer after layer, point after point.

    Parameters
    ----------
    results : Results
        The file.
    selections : sequence of str
        ``AXIS=VALUE``.
    variables : sequence of str
        Of ``potential``, ``occupancy`` and what else the file has; default all.

    Returns
    -------
    list of Column
        Swept coordinates, ``layer``, ``x``, then the variables.

    Raises
    ------
    StoreError
        The file has no profiles, or no such variable.
    """
    layers = list(dict.fromkeys(p.split("/")[1] for p in results.fields if p.startswith("profiles/")))
    if not layers:
        raise StoreError(f"{results.path}: holds no profiles (output: profiles: true writes them)")
    view = View(results, selections)
    parts = []
    for layer in layers:
        group = f"profiles/{layer}"
        names = [p.rpartition("/")[2] for p in results.fields if p.startswith(f"{group}/")]
        wanted = [n for n in names if n != "x" and (not variables or n in variables)]
        unknown = [v for v in variables if v not in names]
        if unknown:
            raise StoreError(f"{results.path}: has no profile of {unknown[0]} (profiles: {', '.join(names)})")
        x = view.variable(f"{group}/x")
        rows = _rows(view, ("x",), (len(x),))
        columns = _swept(view, rows)
        columns.append(Column("layer", "", np.full(math.prod(rows.shape), layer, dtype=object)))
        for quantity in (x, *(view.variable(f"{group}/{name}") for name in wanted)):
            columns += _columns(quantity, rows)
        parts.append(columns)
    return [
        Column(first.name, first.unit, np.concatenate([part[i].values for part in parts]))
        for i, first in enumerate(parts[0])
    ]


def _variables(results: Results) -> list[str]:
    """Return the variables that a table has unasked."""
    own = {name: results.fields[name].dims[len(results.sweep) :] for name in results.variables}
    return [
        name
        for name, dims in own.items()
        if not set(dims) & set(UNASKED) and all(d in LONG or results.names(d) for d in dims)
    ]


def _rows(view: View, long: tuple[str, ...], sizes: tuple[int, ...]) -> Rows:
    """Return the rows of a table: the free axes of a view, and the dimensions that run down the rows within them."""
    return Rows((*view.axes, *long), (*view.shape, *sizes), view.results.names)


def _swept(view: View, rows: Rows) -> list[Column]:
    """Return what was selected and what runs along the free axes."""
    chosen = [Column(q.name, q.display.text, np.full(math.prod(rows.shape), _named(q)[0])) for q in view.chosen]
    return chosen + [c for axis in view.axes for q in view.coordinates(axis) for c in _columns(q, rows)]


def _columns(quantity: Quantity, rows: Rows) -> list[Column]:
    """Return the columns of a quantity: one for each contact, side, layer and species."""
    unit = quantity.display.text
    return [Column(name, unit, values) for name, values in rows.columns(quantity.name, quantity.dims, _named(quantity))]


def _named(quantity: Quantity) -> NDArray[Any]:
    """Return the values, or the names that they stand for."""
    return np.array(quantity.cells(), dtype=object) if quantity.names else np.asarray(quantity.values)


def csv_text(columns: Sequence[Column]) -> str:
    """Return a table as CSV: numbers to their last digit, nothing where there is no number."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.header for column in columns])
    cells = [[json_cell(v) for v in column.values] for column in columns]
    writer.writerows(zip(*(["" if c is None else c for c in column] for column in cells), strict=True))
    return stream.getvalue()


def json_text(columns: Sequence[Column], title: str) -> str:
    """Return a table as one JSON object: title, columns with units, rows; null where there is no number."""
    return json.dumps({"title": title} | table_object(columns), allow_nan=False) + "\n"


def table_object(columns: Sequence[Column], rows: int | None = None) -> dict[str, Any]:
    """Return a table for other programs: ``columns`` with their units and ``rows``, at most so many."""
    cells = ([json_cell(v) for v in column.values[:rows]] for column in columns)
    return {
        "columns": [{"name": column.name, "unit": column.unit or "1"} for column in columns],
        "rows": [list(row) for row in zip(*cells, strict=True)],
    }


def json_cell(value: Any) -> Any:
    """Return a plain number or text; None for NaN and infinities, which neither CSV nor JSON has a word for."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        return None
    return plain


def write_table(
    columns: Sequence[Column], path: Path, title: str, *, overwrite: bool = False, others: Iterable[str] = ()
) -> None:
    """Write a table to a file whose ending says the format: .csv, .xlsx or .json.

    Parameters
    ----------
    columns : sequence of Column
        The table.
    path : Path
        The file; written whole or not at all.
    title : str
        Of the table, where the format has a place for it.
    overwrite : bool
        Replace an existing table of the same results; what neither is empty nor has such titles stays.
    others : iterable of str
        Names of columns that other tables of these results have.

    Raises
    ------
    StoreError
        The ending is none of these, the file exists already, what is to be replaced is no table of results, or xlsx
        is asked for without openpyxl.
    """
    path, ending = table_target(path, overwrite=overwrite), path.suffix.lower()
    known = {*(_bare(column.header) for column in columns), *others, *OWN_TITLES}
    if path.is_file() and not _is_table_of(path, known):
        raise StoreError(
            f"{path}: is no table of these results, and only such are replaced; choose another name, or move it away"
        )
    with system_errors(path, lambda: "free some space and export again"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            if ending == ".xlsx":
                _write_xlsx(columns, temporary, title)
            else:
                text = csv_text(columns) if ending == ".csv" else json_text(columns, title)
                # A damaged text of a result file may hold bytes that are no UTF-8.
                temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def table_target(path: Path, *, overwrite: bool) -> Path:
    """Return where a table goes; known before anything is computed.

    Parameters
    ----------
    path : Path
        As it was asked for.
    overwrite : bool
        Whether a table may stand there.

    Raises
    ------
    StoreError
        The ending names no format, or the file exists already.
    """
    if path.suffix.lower() not in FORMATS:
        raise StoreError(f"{path}: the ending says the format (allowed: {', '.join(FORMATS)})")
    path = output_file(path)
    refuse_replacing(path, overwrite=overwrite)
    return path


def _is_table_of(path: Path, known: Collection[str]) -> bool:
    """Say whether a file is empty, or a table that has no other columns than these."""
    try:
        titles = _titles(path)
    except (OSError, ValueError, LookupError, TypeError, BadZipFile):
        return False
    return path.stat().st_size == 0 or (bool(titles) and all(_bare(title) in known for title in titles))


def _titles(path: Path) -> list[str]:
    """Return the titles of a table of one of the formats."""
    ending = path.suffix.lower()
    if ending == ".xlsx":
        from openpyxl import load_workbook

        book = load_workbook(path, read_only=True)
        try:
            return [str(cell) for cell in next(book.worksheets[0].iter_rows(max_row=1, values_only=True), ())]
        finally:
            book.close()
    with path.open(encoding="utf-8", newline="") as file:
        if ending == ".csv":
            return next(csv.reader([file.readline(LONGEST_LINE)]), [])
        return [str(column["name"]) for column in json.load(file)["columns"]]


def _bare(title: str) -> str:
    """Return the name in a title, without unit, contact, side, layer or species."""
    return title.partition(" (")[0].partition("[")[0]


def _write_xlsx(columns: Sequence[Column], path: Path, title: str) -> None:
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise StoreError("an xlsx table needs the extra xlsx: pip install 'spacecharge[xlsx]'") from error
    book = Workbook(write_only=True)
    # A sheet's name has at most 31 characters, none of these, and no apostrophe at its ends.
    name = "".join(c for c in title if c not in "[]:*?/\\" and c.isprintable())[:31].strip("' ")
    sheet = book.create_sheet(name or "results")
    sheet.append([_printable(column.header) for column in columns])
    for row in zip(*([_printable(json_cell(v)) for v in column.values] for column in columns), strict=True):
        sheet.append(list(row))
    book.save(path)


def _printable(cell: Any) -> Any:
    """Return a cell without the control characters that no XML file can hold."""
    if not isinstance(cell, str) or cell.isprintable():
        return cell
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cell)


__all__ = [
    "SHAPES",
    "Column",
    "csv_text",
    "json_cell",
    "json_text",
    "point_table",
    "profile_table",
    "spectrum_table",
    "table_object",
    "table_target",
    "write_table",
]
