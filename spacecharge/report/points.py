"""A result file as tables in nm, V, uF/cm2, Ohm cm2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..codes import Validity, status_words
from ..store.read import Results
from ..units import display_of
from .arcs import arc_lines
from .strain import validity_lines
from .tables import table
from .view import Quantity, View

_MAX_COLUMNS = 8

# Short titles, in the order of the columns; whatever else a file holds follows under its own name.
_CONTACT_COLUMNS = (
    ("contact_potential", "potential"),
    ("space_charge_potential", "space charge"),
    ("contact_field", "field"),
    ("contact_occupancy", "occupancy"),
    ("contact_vacancy", "vacancy"),
    ("space_charge_width", "width"),
    ("resistance", "resistance"),
)
_LAYER_COLUMNS = (
    ("charge", "charge"),
    ("debye_length", "Debye length"),
    ("layer_resistance", "resistance"),
    ("excess_resistance", "excess"),
)
_PLANE_COLUMNS = (
    ("static_capacitance", "static C"),
    ("differential_capacitance", "differential C"),
    ("characteristic_frequency", "1/(2 pi R C)"),
)
_SCALARS = (
    ("voltage", ""),
    ("cell_voltage", ""),
    ("current_density", ""),
    ("differential_resistance", ""),
    ("grain_boundary_resistance", ""),
    ("barrier", ""),
    ("interface_resistance", ""),
    ("total_resistance", ""),
    ("potential_error_estimate", ""),
    ("resistance_error_estimate", ""),
    ("charge_balance", ""),
    ("iterations", ""),
)
_SWEEP_COLUMNS = (
    ("voltage", "polarisation"),
    ("current_density", "current"),
    ("differential_resistance", "dV/dJ"),
    ("interface_resistance", "resistance"),
    ("total_resistance", "total resistance"),
    ("barrier", "barrier"),
    ("grain_boundary_resistance", "boundary"),
    ("grain_boundary_activation_energy", "Ea boundary"),
    ("total_conductivity", "polycrystal"),
    ("total_conductivity_activation_energy", "Ea polycrystal"),
    ("space_charge_potential", "space charge"),
    ("space_charge_width", "width"),
    ("excess_resistance", "excess"),
    ("charge", "charge"),
)
_SAID_IN_WORDS = ("status", "validity")


def points_text(
    results: Results, selections: Sequence[str], rows: int, area_cm2: float | None = None
) -> list[list[str]]:
    """Return the blocks of lines that show a result file: its head, what was selected, a table.

    Parameters
    ----------
    results : Results
        The file.
    selections : sequence of str
        ``AXIS=VALUE``, as :class:`~spacecharge.report.view.View` takes them.
    rows : int
        Rows of a table at most.
    area_cm2 : float, optional
        Area of a cell, as :class:`~spacecharge.report.view.View` takes it.

    Returns
    -------
    list of list of str
        Blocks of lines.
    """
    blocks = [_head(results)]
    if results.n_points:
        view = View(results, selections, area_cm2)
        if view.chosen:
            blocks.append(["selected   " + ", ".join(_chosen(q) for q in view.chosen)])
        blocks.append(_points(view, max(1, rows)))
        blocks.append(arc_lines(results, selections, max(1, rows), area_cm2))
    return blocks


def number(value: float) -> str:
    """Return a number of five digits, or a dash for NaN."""
    # Adding zero turns -0 into 0.
    return "-" if np.isnan(value) else f"{value + 0.0:.5g}"


def _head(results: Results) -> list[str]:
    attributes = results.attributes
    lines = [str(attributes.get("title", results.path.name))]
    written = f"spacecharge {attributes.get('spacecharge_version', '?')}, {attributes.get('created_utc', '?')}"
    lines.append(f"{results.path}: {written}")
    if results.layers:
        lines.append("layers     " + " | ".join(results.layers))
    for axis in results.sweep:
        for name in results.coordinates(axis):
            lines.append("axis       " + _axis(results, name))
    if results.n_points:
        counts = results.status_counts()
        parts = [f"{n} {status_words(status)}" for status, n in sorted(counts.items())]
        lines.append(f"points     {results.n_points}: {', '.join(parts)}")
    lines += [f"validity   {line}" for line in validity_lines(results)]
    for name, label in (("assumed", "assumed"), ("notes", "note")):
        lines += [f"{label:<11}{line}" for line in attributes.get(name, ())]
    if not results.is_complete:
        lines.append("state      unfinished: `spacecharge run CONFIG --resume` goes on")
    return lines


def _axis(results: Results, name: str) -> str:
    field = results.fields[name]
    display = display_of(field.units)
    values = results[name] * display.factor
    if names := results.names_of(name):
        return f"{name}: {', '.join(names)}"
    return f"{name}: {values.size} from {values[0]:g} to {display.after(f'{values[-1]:g}')}"


def _chosen(quantity: Quantity) -> str:
    return f"{quantity.name} = {quantity.display.after(quantity.cells(10)[0])}"


def _points(view: View, rows: int) -> list[str]:
    if view.results.attributes.get("kind") == "lattice":
        from .lattice import lattice_lines

        return lattice_lines(view, rows)
    if not view.axes:
        return _single(view)
    if len(view.axes) == 1:
        given = view.axes[0].removeprefix("load_")
        shown = [column for column in _SWEEP_COLUMNS if column[0] in view.results and column[0] != given]
        return point_rows(view, rows, shown)
    return pivot(view, rows, _over_two_axes(view.results))


def _single(view: View) -> list[str]:
    """Return the tables of one point: per contact and side, per layer, per contact."""
    results = view.results
    species: tuple[str, ...] = results.names("species")
    lines: list[str] = []
    of_side = _all_columns(view, _CONTACT_COLUMNS, ("contact", "side"))
    if results.contacts:
        rows = []
        for c, contact in enumerate(results.contacts):
            for s, side in enumerate(results.names("side")):
                rows.append([contact, side, *_cells(view, of_side, (c, s))])
        lines += table(_header(view, of_side, ("contact", "side"), species), rows, left=2)
        lines.append("")
    of_layer = _all_columns(view, _LAYER_COLUMNS, ("layer",))
    rows = [[layer, *_cells(view, of_layer, (i,))] for i, layer in enumerate(results.layers)]
    lines += table(_header(view, of_layer, ("layer",), species), rows)
    if results.contacts:
        of_plane = _all_columns(view, _PLANE_COLUMNS, ("contact",))
        rows = [[name, *_cells(view, of_plane, (i,))] for i, name in enumerate(results.contacts)]
        lines += ["", *table(_header(view, of_plane, ("contact",), species), rows)]
        lines += _why_not(view, of_plane)
    lines.append("")
    status = int(view.variable("status").values)
    for name, _ in _all_columns(view, _SCALARS, ()):
        if name in results:
            quantity = view.variable(name)
            lines.append(f"{quantity.label:<44}{quantity.display.after(number(float(quantity.values)))}")
    lines.append(f"{'status':<44}{status} ({status_words(status)})")
    if "validity" in results:
        flags = int(view.variable("validity").values)
        strained = [flag.words for flag in Validity if flags > 0 and flags & flag]
        lines += [f"{'the continuum is strained':<44}{text}" for text in strained]
    return lines


def _why_not(view: View, columns: Sequence[tuple[str, str]]) -> list[str]:
    """Return a line for each reason that columns without a number have, as the file says it."""
    titles: dict[str, list[str]] = {}
    for name, title in columns:
        if name in view.results and np.isnan(view.variable(name).values).any():
            titles.setdefault(str(view.results.variable_attributes(name).get("comment", "")), []).append(title)
    return [f"{', '.join(named)}: {reason}" for reason, named in titles.items() if reason]


def _all_columns(view: View, known: Sequence[tuple[str, str]], dims: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return name and title of every variable with these dimensions (and species): the known ones, then the others."""
    results = view.results
    axes = {name for axis in results.sweep for name in results.coordinates(axis)}
    others = []
    for name, field in results.fields.items():
        own = tuple(d for d in field.dims if d not in results.sweep and d != "species")
        is_variable = "/" not in name and name not in axes and name not in field.dims and name not in _SAID_IN_WORDS
        if is_variable and own == dims and name not in dict(known):
            others.append((name, name.replace("_", " ")))
    return [*known, *others]


def _header(
    view: View, columns: Sequence[tuple[str, str]], first: tuple[str, ...], species: tuple[str, ...]
) -> list[list[str]]:
    names, units = list(first), [""] * len(first)
    for name, title in columns:
        if name not in view.results:
            continue
        field = view.results.fields[name]
        titles = [f"{title} {s}" for s in species] if "species" in field.dims else [title]
        names += titles
        units += [view.variable(name).display.text] * len(titles)
    return [names, units]


def _cells(view: View, columns: Sequence[tuple[str, str]], index: tuple[int, ...]) -> list[str]:
    cells: list[str] = []
    for name, _ in columns:
        if name in view.results:
            cells += [number(float(v)) for v in np.atleast_1d(view.variable(name).values[index])]
    return cells


def point_rows(view: View, n_rows: int, titles: Sequence[tuple[str, str]]) -> list[str]:
    """Return one row per point of the free axis.

    Parameters
    ----------
    view : View
        One free axis, which is thinned.
    n_rows : int
        Rows at most.
    titles : sequence of tuple of str
        Variables that make columns, each with its title.

    Returns
    -------
    list of str
        Lines of the table, the coordinates first, the status last.
    """
    axis = view.axes[0]
    total = view.shape[0]
    step = view.thin(axis, n_rows)
    columns: list[tuple[str, str, str, list[str]]] = []
    for quantity in view.coordinates(axis):
        columns.append((quantity.name, "", quantity.display.text, quantity.cells()))
    for name, title in titles:
        columns += columns_of(view, name, title)
    columns.append(("status", "", "", [status_words(int(s)) for s in view.variable("status").values]))
    header = [list(line) for line in zip(*(c[:3] for c in columns), strict=True)]
    lines = table([line for line in header if any(line)], list(zip(*(c[3] for c in columns), strict=True)), left=0)
    if step > 1:
        lines.append(f"(every {ordinal(step)} of {total} points; --rows N shows more)")
    return lines


def columns_of(view: View, name: str, title: str) -> list[tuple[str, str, str, list[str]]]:
    """Return a column per contact, side, layer and species of a variable, without empty ones."""
    quantity = view.variable(name)
    own = quantity.dims[1:]
    labels = [view.results.names(d) for d in own]
    columns = []
    for index in np.ndindex(*quantity.values.shape[1:]):
        values = quantity.values[(slice(None), *index)]
        if own and np.isnan(values).all():
            continue
        parts = []
        for dim, label, i in zip(own, labels, index, strict=True):
            # A lone contact needs no name; the sides are named after their layers.
            if dim == "contact" and len(label) == 1:
                continue
            if dim == "side" and "contact" in own:
                contact = view.results.contacts[index[own.index("contact")]]
                parts.append(contact.split("|")[i] if contact.count("|") == 1 else label[i])
                continue
            parts.append(label[i])
        cells = [number(float(v)) for v in values]
        columns.append((title, " ".join(parts), quantity.display.text, cells))
    return columns


def _over_two_axes(results: Results) -> list[tuple[str, ...]]:
    """Return what a sweep over two axes may be about: what a cell measures, a boundary, or a resistance."""
    is_given = any("load_voltage" in results.coordinates(axis) for axis in results.sweep)
    measured = "voltage" if "voltage" in results and not is_given else "current_density"
    groups = [
        (measured, "differential_resistance"),
        ("grain_boundary_resistance", "barrier"),
        ("total_resistance" if "total_resistance" in results else "interface_resistance",),
    ]
    return [group for group in groups if all(name in results for name in group)]


def pivot(view: View, n_rows: int, groups: Sequence[Sequence[str]]) -> list[str]:
    """Return tables of variables over the first two free axes, the others at their first value.

    Parameters
    ----------
    view : View
        At least two free axes, which are thinned.
    n_rows : int
        Rows at most.
    groups : sequence of sequence of str
        Variables without dimensions of their own: the first group of which any has values, and of it those that have.

    Returns
    -------
    list of str
        Lines: a table for each variable, then what was left out.
    """
    down, across = view.axes[0], view.axes[1]
    sizes = view.shape
    steps = (view.thin(down, n_rows), view.thin(across, _MAX_COLUMNS))
    for axis in view.axes[2:]:
        view.thin(axis, 1)
    rows_of, columns_of = view.coordinates(down)[0], view.coordinates(across)[0]
    others = [view.coordinates(axis)[0] for axis in view.axes[2:]]
    read = [[view.variable(name) for name in group] for group in groups]
    known = [[q for q in group if np.isfinite(q.values).any()] for group in read]
    lines: list[str] = []
    for quantity in next(filter(None, known), read[-1]):
        at = "".join(f", {_chosen(q)}" for q in others)
        unit = f" [{quantity.display.text}]" if quantity.display.text else ""
        lines += ["", f"{quantity.label}{unit}, a column for each {columns_of.table_label}{at}"]
        values = quantity.values.reshape(quantity.values.shape[:2])
        body = [[at, *(number(float(v)) for v in line)] for at, line in zip(rows_of.cells(), values, strict=True)]
        lines += table([[rows_of.table_label, *columns_of.cells()]], body, left=0)
    notes = [
        f"every {ordinal(step)} of {size} values of {axis}"
        for axis, step, size in zip((down, across), steps, sizes, strict=False)
        if step > 1
    ]
    if notes:
        lines.append(f"({'; '.join(notes)}; --rows N shows more)")
    if others:
        lines.append(f"(--select chooses other values of {', '.join(q.name for q in others)})")
    lines.append(f"(--select {columns_of.name}={columns_of.cells()[0]} shows potentials, widths and charges)")
    return lines[1:]


def ordinal(n: int) -> str:
    """Return 2nd, 3rd, 11th."""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
