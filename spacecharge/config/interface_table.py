"""Tables of measured interfaces: every row becomes an interface of its own."""

from __future__ import annotations

import math
import os

from ..document.problems import Problems, nearest
from ..document.yaml import beside
from ..errors import FitError
from ..measured.table import TextTable, read_table
from ..measured.text import read_text
from ..measured.titles import same_title
from .interface_fit import FitPartKeys
from .interface_keys import QUANTITIES, DatumKeys, InterfaceKeys
from .interface_spectra import SpectrumKeys

SPECTRUM = "spectrum"
"""Key of a column of file names."""

_WEIGHT = 0.05

WEIGHTS_NOTE = (
    "the tables bring no errors: every number counts with the same relative error, which the scatter about the fit sets"
)


def with_tables(keys: FitPartKeys, path: str, problems: Problems) -> tuple[FitPartKeys, bool]:
    """Return the keys with the rows of tables as interfaces, and whether any of them came without errors.

    Parameters
    ----------
    keys : FitPartKeys
        Of the configuration.
    path : str
        Its file; tables are relative to it.
    problems : Problems
        Takes one line per problem.
    """
    interfaces: dict[str, InterfaceKeys] = {}
    weights = False
    for name, entry in keys.interfaces.items():
        if entry.table is None:
            for key in ("columns", "decimal", "relative_sigma", "reference_row"):
                if key in entry.model_fields_set:
                    problems.add(("interfaces", name, key), "belongs to a table", key=True)
            if any(keys.path is None for keys in entry.spectrum):
                problems.add(("interfaces", name, "spectrum"), "path is missing: the file of the spectrum")
            if not entry.at and not entry.spectrum:
                problems.add(("interfaces", name), "at is missing: numbers of the stack that make it this interface")
            interfaces[name] = entry
            continue
        rows, bare = _rows(name, entry, path, problems)
        interfaces |= rows
        weights |= bare
    return keys.model_copy(update={"interfaces": interfaces}), weights


def _rows(name: str, entry: InterfaceKeys, path: str, problems: Problems) -> tuple[dict[str, InterfaceKeys], bool]:
    where = ("interfaces", name)
    numbers = {key: title for key, title in entry.columns.items() if key != SPECTRUM}
    measured = [key for key in numbers if key in QUANTITIES and key != "activation_energy_eV"]
    if not measured and SPECTRUM not in entry.columns:
        known = [*(q for q in QUANTITIES if q != "activation_energy_eV"), SPECTRUM]
        problems.add((*where, "columns"), f"nothing measured is among the columns (known: {', '.join(known)})")
        return {}, False
    for key in (*entry.relative_sigma, *(k.removeprefix("sigma_") for k in numbers if k.startswith("sigma_"))):
        if key not in measured:
            problems.add((*where, "columns"), f"the error of {key}, which is no column ({nearest(key, measured)})")
    axes = [k for k in numbers if k not in QUANTITIES and not k.startswith("sigma_") and k != "temperature_K"]
    if not axes and not entry.at:
        problems.add((*where, "columns"), "no number of the stack is among the columns, nor is there an at")
        return {}, False
    file = beside(path, str(entry.table))
    try:
        table = read_table(file, tuple(dict.fromkeys(numbers.values())), decimal=entry.decimal)
        spectra = _files(file, entry.columns[SPECTRUM], table.lines.tolist()) if SPECTRUM in entry.columns else None
    except FitError as error:
        problems.add((*where, "table"), str(error))
        return {}, False
    if entry.reference_row > table.lines.size:
        problems.add((*where, "reference_row"), f"the table has {table.lines.size} rows")
        return {}, False
    first = f"{name} {entry.reference_row}"
    out: dict[str, InterfaceKeys] = {}
    bare = False
    for i in range(table.lines.size):
        row = {key: float(table[title][i]) for key, title in numbers.items()}
        update: dict[str, object] = {"at": {**entry.at, **{key: row[key] for key in axes}}}
        for quantity in measured:
            value = row[quantity]
            ratio = quantity.endswith("_ratio")
            if ratio and f"{name} {i + 1}" == first:
                continue
            relative = entry.relative_sigma.get(quantity)
            bare |= relative is None and f"sigma_{quantity}" not in row
            sigma = row.get(f"sigma_{quantity}", value * (_WEIGHT if relative is None else relative))
            if not (value > 0.0 and sigma > 0.0 and math.isfinite(value)):
                problems.add((*where, "table"), f"row {i + 1}: {quantity} is {value:g} +- {sigma:g} (allowed: above 0)")
                return {}, False
            to = first if ratio else None
            update[quantity] = [DatumKeys(value=value, sigma=sigma, temperature_K=row.get("temperature_K"), to=to)]
        if spectra is not None:
            template = entry.spectrum[0] if entry.spectrum else SpectrumKeys()
            at: dict[str, object] = {"path": os.path.join(os.path.dirname(str(entry.table)), spectra[i])}
            if "temperature_K" in row:
                at["temperature_K"] = row["temperature_K"]
            update[SPECTRUM] = [template.model_copy(update=at)]
        out[f"{name} {i + 1}"] = InterfaceKeys().model_copy(update=update)
    return out, bare


def _files(path: str, title: str, lines: list[int]) -> list[str]:
    """Return the cells of a column of file names in some lines of a table."""
    table = TextTable(read_text(path), (title,))
    place = next(k for k, own in enumerate(table.titles) if same_title(own, title))
    cells = dict(table.cells())
    return [cells[line][place].strip() for line in lines]


__all__ = ["SPECTRUM", "WEIGHTS_NOTE", "with_tables"]
