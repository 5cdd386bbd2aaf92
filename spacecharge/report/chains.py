"""Tables of chains of fits, as ``spacecharge fit`` and ``spacecharge show`` print them."""

from __future__ import annotations

import math

from ..store.stored_fit import StoredFit
from ..units import display_of
from .fits import quality, with_digits
from .tables import table


def chain_text(stored: StoredFit) -> str:
    """Return the steps of a chain, their numbers beside the truth, and what measurements and model say of each other.

    Parameters
    ----------
    stored : StoredFit
        Of the kind ``chain``.

    Returns
    -------
    str
        Lines.
    """
    numbers, said = stored.tables[""], stored.attributes
    lines = [f"chain {stored.name}" + (f": {stored.title}" if stored.title else "")]
    lines += table((), [(part.name, part.kind, _size(part)) for part in stored.parts], left=3, indent="  ")
    rows = []
    columns = (numbers["value"], numbers["sigma"], numbers["truth"], numbers["pull"])
    keys = (said["number_steps"], said["number_names"], said["number_units"])
    for step, name, unit, *values in zip(*keys, *columns, strict=True):
        value, sigma, true, pull = (float(v) for v in values)
        shown = display_of(unit)
        value, sigma, true = (shown.factor * v for v in (value, sigma, true))
        text = "" if shown.text == "1" else shown.text
        error = "?" if math.isnan(sigma) else f"{sigma:.2g}"
        known = ("", "") if math.isnan(true) else (with_digits(true, sigma), f"{pull:+.1f}")
        rows.append((step, name, with_digits(value, sigma), f"+- {error}", *known, text))
    known = ("truth", "(fit - truth)/sigma") if any(row[4] for row in rows) else ("", "")
    lines += ["", *table((), [("step", "number", "fit", "", *known, ""), *rows], left=(0, 1, 3, 6))]
    pulls = [float(p) for p in numbers["pull"] if math.isfinite(p)]
    if pulls:
        total = sum(p * p for p in pulls)
        lines.append(f"sum of squares of the last column {total:.1f} over {len(pulls)} numbers (some go together)")
    lines.append("+- holds the errors of what a step takes from earlier ones, curves included")
    for part in stored.parts:
        if part.attributes.get("verdict"):
            lines += ["", f"{part.name}: {part.title}" if part.title else part.name]
            lines += [f"  {line}" for line in part.attributes["verdict"]]
    warnings = said.get("chain_warnings", ())
    return "\n".join([*lines, *([""] if len(warnings) else []), *(f"warning: {text}" for text in warnings)])


def _size(part: StoredFit) -> str:
    """Return how much a step has, and how well it is met."""
    if part.summary:
        return f"{part.summary['n_data']} data, {quality(part.summary)}"
    columns = part.tables[""].columns if "" in part.tables else {}
    return f"{len(next(iter(columns.values())).values)} points" if columns else ""


__all__ = ["chain_text"]
