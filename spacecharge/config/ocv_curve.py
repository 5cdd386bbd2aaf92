"""Open-circuit voltages that stand in files: tables, and results of fits of the kind ocv."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..document.problems import Problems
from ..errors import SpaceChargeError
from ..model.numbers import number_of
from ..model.ocv import OCV_KEYS, PLATEAU, not_strict


class _Bad(Exception):
    """What is wrong with a curve: message, and the line of its file (0: none)."""

    def __init__(self, message: str, line: int = 0) -> None:
        self.message, self.line = message, line


def take_curves(data: dict[str, Any], folder: Path, problems: Problems) -> tuple[str, tuple[str, ...]]:
    """Replace every ocv that stands in a file by its three lists.

    Parameters
    ----------
    data : mapping
        The configuration, held against the schema; changed in place.
    folder : Path
        Where its files are looked for.
    problems : Problems
        Takes one line for every curve that cannot be used.

    Returns
    -------
    digest : str
        Of the curves; empty where there are none.
    notes : tuple of str
        What was left out of tables, how they were read.
    """
    digests: list[str] = []
    notes: list[str] = []
    for name, layer in data["layers"].items():
        places: list[tuple[tuple[str, ...], Any]] = [(("layers", name), layer)]
        places += [(("layers", name, "species", s), spec) for s, spec in (layer.get("species") or {}).items()]
        for path, keys in places:
            ocv = keys.get("ocv")
            if not isinstance(ocv, Mapping) or not {"path", "from_fit"} & ocv.keys():
                continue
            file = folder / Path(ocv.get("path") or ocv["from_fit"]).expanduser()
            try:
                columns, where = _from_table(file, ocv, notes) if "path" in ocv else _from_fit(file, ocv)
                keys["ocv"] = _checked(columns, where, ocv, file)
            except _Bad as bad:
                if bad.line:
                    problems.add("", bad.message, file=str(file), position=(bad.line, 1))
                else:
                    problems.add((*path, "ocv"), bad.message, key=True)
                keys.pop("ocv")
                continue
            except SpaceChargeError as error:
                problems.add((*path, "ocv"), str(error), key=True)
                keys.pop("ocv")
                continue
            digests.append(hashlib.sha256(repr(keys["ocv"]).encode()).hexdigest())
    return "".join(digests), tuple(notes)


Columns = dict[str, list[float]]
Where = Callable[[int], int]


def _from_table(file: Path, ocv: Mapping[str, Any], notes: list[str]) -> tuple[Columns, Where]:
    """Return the columns of a table, and the line of each row."""
    from ..measured.table import read_table

    titles = {key: str(ocv["columns"][key]) for key in OCV_KEYS if ocv["columns"].get(key) is not None}
    table = read_table(file, tuple(titles.values()), decimal=ocv.get("decimal"))
    notes.extend(table.notes)
    lines = [int(line) for line in table.lines]
    return {key: table[title].tolist() for key, title in titles.items()}, lambda i: lines[i]


def _from_fit(file: Path, ocv: Mapping[str, Any]) -> tuple[Columns, Where]:
    """Return composition and potential of a fit; ties that noise makes become single points."""
    import numpy as np

    from ..measured.equilibrium import strictly_falling
    from ..store.curves import read_curve

    composition, potential = read_curve(file, ocv.get("fit"))
    _refuse_plateaus(composition, potential, ocv, file)
    order = np.argsort(composition)
    x, u = strictly_falling(composition[order], potential[order])
    return {"composition": x.tolist(), "potential_V": u.tolist()}, lambda i: 0


def _refuse_plateaus(composition: Any, potential: Any, ocv: Mapping[str, Any], file: Path) -> None:
    """Refuse a curve with a plateau in the part that is used."""
    import numpy as np

    from ..measured.equilibrium import falling_regression, plateaus

    low, high = _bounds(ocv)
    x, u = np.asarray(composition, dtype=float), np.asarray(potential, dtype=float)
    order = np.argsort(x)
    x, u = x[order], u[order]
    used = (x >= low) & (x <= high)
    flat = plateaus(x[used], falling_regression(u[used]))
    if flat:
        raise _Bad(f"{file}: a plateau, {'; '.join(map(str, flat))}: {PLATEAU} (composition_range: [lowest, highest])")


def _bounds(ocv: Mapping[str, Any]) -> tuple[float, float]:
    low, high = ocv.get("composition_range") or (-1e300, 1e300)
    return (low, high) if low <= high else (high, low)


def _checked(columns: Columns, where: Where, ocv: Mapping[str, Any], file: Path) -> Columns:
    """Return the three lists of the part that is used, or say what is wrong with them."""
    low, high = _bounds(ocv)
    rows = [i for i, x in enumerate(columns["composition"]) if low <= x <= high]
    if len(rows) < 2:
        found = columns["composition"]
        span = f"{min(found):.4g} to {max(found):.4g}" if found else "nothing"
        raise _Bad(f"{file}: {len(rows)} rows within composition_range (allowed: 2 or more; the file has {span})")
    used = {key: [column[i] for i in rows] for key, column in columns.items()}
    share = float(ocv.get("occupancy_per_composition", 1.0))
    if "occupancy" not in used:
        used["occupancy"] = [share * x for x in used["composition"]]
    for key in OCV_KEYS:
        number = number_of(key)
        for i, value in enumerate(used[key]):
            if not number.low <= value <= number.high:
                hint = "; see occupancy_per_composition and composition_range" if key == "occupancy" else ""
                message = f"{key} {value:.6g} is out of range (allowed: {number.low:g} to {number.high:g}{hint})"
                raise _Bad(message if where(rows[i]) else f"{file}: {message}", where(rows[i]))
    for key in OCV_KEYS:
        named = (lambda i: f"line {where(rows[i])}") if where(0) else (lambda i: f"row {i + 1}")
        trouble = not_strict(key, used[key], named)
        if trouble is not None:
            line = where(rows[trouble[0]])
            raise _Bad(f"{key}: {trouble[1]}" if line else f"{file}: {key}: {trouble[1]}", line)
    if "path" in ocv:
        _refuse_plateaus(used["composition"], used["potential_V"], ocv, file)
    return {key: used[key] for key in OCV_KEYS}


__all__ = ["take_curves"]
