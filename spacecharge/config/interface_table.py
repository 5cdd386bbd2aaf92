"""Tables of measured interfaces: every row becomes an interface of its own."""

from __future__ import annotations

import math
import os

from ..document.problems import Problems, nearest
from ..errors import FitError
from ..measured.table import read_table
from .interface_fit import QUANTITIES, DatumKeys, FitPartKeys, InterfaceKeys

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
            for key in ("columns", "decimal", "relative_sigma"):
                if key in entry.model_fields_set:
                    problems.add(("interfaces", name, key), "belongs to a table", key=True)
            if not entry.at:
                problems.add(("interfaces", name), "at is missing: numbers of the stack that make it this interface")
            interfaces[name] = entry
            continue
        rows, bare = _rows(name, entry, path, problems)
        interfaces |= rows
        weights |= bare
    return keys.model_copy(update={"interfaces": interfaces}), weights


def _rows(name: str, entry: InterfaceKeys, path: str, problems: Problems) -> tuple[dict[str, InterfaceKeys], bool]:
    where = ("interfaces", name)
    measured = [key for key in entry.columns if key in QUANTITIES and key != "activation_energy_eV"]
    if not measured:
        known = [q for q in QUANTITIES if q != "activation_energy_eV"]
        problems.add((*where, "columns"), f"nothing measured is among the columns (known: {', '.join(known)})")
        return {}, False
    for key in (*entry.relative_sigma, *(k.removeprefix("sigma_") for k in entry.columns if k.startswith("sigma_"))):
        if key not in measured:
            problems.add((*where, "columns"), f"the error of {key}, which is no column ({nearest(key, measured)})")
    axes = [k for k in entry.columns if k not in QUANTITIES and not k.startswith("sigma_") and k != "temperature_K"]
    if not axes and not entry.at:
        problems.add((*where, "columns"), "no number of the stack is among the columns, nor is there an at")
        return {}, False
    try:
        file = os.path.join(os.path.dirname(path), str(entry.table))
        table = read_table(file, tuple(dict.fromkeys(entry.columns.values())), decimal=entry.decimal)
    except FitError as error:
        problems.add((*where, "table"), str(error))
        return {}, False
    out: dict[str, InterfaceKeys] = {}
    bare = False
    n = len(table[next(iter(entry.columns.values()))])
    for i in range(n):
        row = {key: float(table[title][i]) for key, title in entry.columns.items()}
        update: dict[str, object] = {"at": {**entry.at, **{key: row[key] for key in axes}}}
        for quantity in measured:
            value = row[quantity]
            relative = entry.relative_sigma.get(quantity)
            bare |= relative is None and f"sigma_{quantity}" not in row
            sigma = row.get(f"sigma_{quantity}", value * (_WEIGHT if relative is None else relative))
            if not (value > 0.0 and sigma > 0.0 and math.isfinite(value)):
                problems.add((*where, "table"), f"row {i + 1}: {quantity} is {value:g} +- {sigma:g} (allowed: above 0)")
                return {}, False
            update[quantity] = [DatumKeys(value=value, sigma=sigma, temperature_K=row.get("temperature_K"))]
        out[f"{name} {i + 1}"] = InterfaceKeys().model_copy(update=update)
    return out, bare


__all__ = ["WEIGHTS_NOTE", "with_tables"]
