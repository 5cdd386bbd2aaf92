"""A plain table of defects, one line a charge state: ``species,charge,formation_energy_eV,sites_per_cell,...``."""

from __future__ import annotations

import math
from pathlib import Path

from ..document.problems import Problems, nearest
from ..document.problems import shown as as_shown
from ..errors import ConfigError, DataError
from ..measured.table import TextTable
from ..measured.text import read_text, without_comment
from .read_scfermi import as_number
from .reading import MAX_BYTES, Draft
from .system import ChargeState

NEEDED = ("species", "charge", "formation_energy_eV", "sites_per_cell")
OPTIONAL = ("degeneracy", "lithium", "pool", "fixed_concentration_per_cm3")


def read_csv(file: Path, shown: str) -> Draft:
    """Read a table of charge states; columns in any order, degeneracy 1 where there is no such column.

    Raises
    ------
    ConfigError
        The file cannot be read; problems of its content are in the draft.
    """
    draft = Draft(file, shown, Problems(shown))
    table = _table(file, shown)
    rows = table.cells() if table is not None else []
    if table is None or not rows:
        draft.problems.add("", f"needs a header ({','.join(NEEDED)},...) and a line per charge state")
        return draft
    header_line, names = table.header_line, list(table.titles)
    known = (*NEEDED, *OPTIONAL)
    unknown = [name for name in names if name not in known]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        which = f"the column {missing[0]} is" if len(missing) == 1 else f"the columns {', '.join(missing)} are"
        others = f"; unknown here: {', '.join(map(as_shown, unknown))}" if unknown else ""
        draft.problems.add("", f"{which} missing{others}", position=(header_line, 1))
    for name in unknown if not missing else ():
        draft.problems.add("", f"unknown column {as_shown(name)} ({nearest(name, known)})", position=(header_line, 1))
    if len(set(names)) != len(names):
        draft.problems.add("", "a column stands twice", position=(header_line, 1))
    draft.problems.raise_if_any()
    species: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, cells in rows:
        if len(cells) != len(names):
            draft.problems.add("", f"{len(cells)} columns, the header has {len(names)}", position=(number, 1))
            continue
        row = dict(zip(names, cells, strict=True))
        species.setdefault(row["species"], []).append((number, row))
    for name, own in species.items():
        _add(draft, name, own)
    return draft


def _table(file: Path, shown: str) -> TextTable | None:
    """Return the table with its header and delimiter found, as every other text table; None for an empty file.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    if not file.exists():
        raise ConfigError([f"{shown}: no such file"])
    try:
        text = read_text(file, shown, MAX_BYTES)
        if not any(without_comment(line).strip() for line in text.lines):
            return None
        try:
            return TextTable(text, NEEDED)
        except DataError:
            # Without what is needed the first line is the header, and its reader says what is missing.
            return TextTable(text, header_line=1)
    except DataError as error:
        raise ConfigError([str(error)]) from None


def _add(draft: Draft, name: str, rows: list[tuple[int, dict[str, str]]]) -> None:
    """Add the defect that several lines describe."""
    states: list[ChargeState] = []
    first_line, first = rows[0]
    for number, row in rows:
        position = (number, 1)
        for column in ("sites_per_cell", "lithium", "pool"):
            if row.get(column) != first.get(column):
                message = f"{column} {row[column]}, but {first[column]} in line {first_line}"
                draft.problems.add(name, message, position=position)
        values = {
            column: _cell(draft, name, row, column, position)
            for column in ("charge", "formation_energy_eV", "degeneracy", "fixed_concentration_per_cm3")
            if row.get(column)
        }
        if "charge" not in values:
            draft.problems.add(f"{name}.charge", "a charge is needed", position=position)
        elif None not in values.values():
            draft.add_state(states, name, position, **values)
    sites = _cell(draft, name, first, "sites_per_cell", (first_line, 1))
    lithium = _cell(draft, name, first, "lithium", (first_line, 1)) if first.get("lithium") else None
    if sites is not None:
        sites = draft.number(sites, "sites_per_cell", f"{name}.sites_per_cell", (first_line, 1))
    if sites is not None and len(states) == len(rows):
        draft.add_defect(
            name, (first_line, 1), name=name, sites_per_cell=sites, states=tuple(states), lithium=lithium,
            pool=first.get("pool") or None,
        )  # fmt: skip


def _cell(draft: Draft, name: str, row: dict[str, str], column: str, position: tuple[int, int]) -> float | None:
    value = as_number(row[column])
    if math.isfinite(value):
        return value
    draft.problems.add(f"{name}.{column}", f"a number is needed, got {as_shown(row[column])}", position=position)
    return None
