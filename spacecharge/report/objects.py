"""What the commands print under ``--json``: the same content as their text, for other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..codes import status_words
from ..store.read import Results
from ..store.stored_fit import StoredFit, read_fits
from .arcs import arcs_object, has_arcs
from .export import json_cell, point_table, table_object


def results_object(
    results: Results, selections: Sequence[str] = (), rows: int | None = None, area_cm2: float | None = None
) -> dict[str, Any]:
    """Return a result file as one object.

    Parameters
    ----------
    results : Results
        The file.
    selections : sequence of str
        ``AXIS=VALUE``, as :class:`~spacecharge.report.view.View` takes them.
    rows : int, optional
        Points at most; default all.
    area_cm2 : float, optional
        Area of a cell: Ohm cm2 become Ohm.

    Returns
    -------
    dict
        Head of the file; ``columns`` (name and shown unit) and ``rows`` of its points; ``fits`` as ``fit --json``
        prints each of them. What is not known is None.
    """
    attributes = results.attributes
    found: dict[str, Any] = {
        "path": str(results.path),
        "title": str(attributes.get("title", "")),
        "spacecharge_version": str(attributes.get("spacecharge_version", "")),
        "created_utc": str(attributes.get("created_utc", "")),
        "complete": results.is_complete,
        "layers": list(results.layers),
        "contacts": list(results.contacts),
        "sweep": list(results.sweep),
        "n_points": results.n_points,
    }
    for key in ("assumed", "notes"):
        found[key] = [str(line) for line in attributes.get(key, ())]
    if results.n_points:
        counts = results.status_counts()
        found["status"] = {str(status): {"points": n, "words": status_words(status)} for status, n in counts.items()}
        found |= table_object(point_table(results, selections, area_cm2=area_cm2), rows)
        if has_arcs(results):
            found["arcs"] = arcs_object(results, selections, area_cm2)
    if results.has_fits:
        found["fits"] = [_fit(stored) for stored in read_fits(results.path)]
    return found


def _fit(stored: StoredFit) -> dict[str, Any]:
    tables = {}
    for name, table in stored.tables.items():
        values = [_listed(column.values) for column in table.columns.values()]
        if len({len(column) for column in values}) == 1:
            columns = [{"name": key, "unit": column.unit} for key, column in table.columns.items()]
            tables[name] = {"columns": columns, "rows": [list(row) for row in zip(*values, strict=True)]}
    head = {"name": stored.name, "kind": stored.kind, "title": stored.title}
    return {**head, **stored.summary, **({"tables": tables} if tables else {})}


def _listed(values: Any) -> list[Any]:
    return [json_cell(value) for value in np.atleast_1d(np.asarray(values, dtype=object)).reshape(-1)]


def lines_object(lines: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return labelled lines as an object: a text for each label, a list where a label stands more than once.

    Parameters
    ----------
    lines : iterable of (str, str)
        Label and text.

    Returns
    -------
    dict
        Labels with underscores.
    """
    listed: dict[str, list[str]] = {}
    for label, text in lines:
        listed.setdefault(label.replace(" ", "_"), []).append(text)
    return {label: texts if label in ALWAYS_LISTED or len(texts) > 1 else texts[0] for label, texts in listed.items()}


ALWAYS_LISTED = ("layer", "contact", "end", "axis", "assumed", "note", "warning", "parameter", "interface", "from_fit")
"""Labels of which there may be several: a list also where there is one."""


def as_json(content: Mapping[str, Any]) -> str:
    """Return an object as JSON text; null where a number is not finite."""
    return json.dumps(_finite(content), indent=2, allow_nan=False, ensure_ascii=True)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


__all__ = ["as_json", "lines_object", "results_object"]
