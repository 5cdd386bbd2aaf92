"""What an answer owes to assumed values, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..units import unit_of
from .export import Column
from .points import number
from .tables import table

if TYPE_CHECKING:
    # The result is handed in; nothing of the sweeps is needed to print it.
    Assumptions = Any


def assumptions_text(result: Assumptions) -> str:
    """Return base, a row for each assumed value with the answers at the ends of its range, and the band.

    Parameters
    ----------
    result : Assumptions
        What :func:`spacecharge.assume` returned.
    """
    unit = f" {result.unit}" if result.unit else ""
    words = result.name.replace("_", " ")
    lines = [result.title, f"{words} with every assumed value as the library has it: {number(result.base)}{unit}", ""]
    header = [["assumed value", "value", "plausible", "answer there", "", "why"], ["", "", "", "lowest", "highest", ""]]
    rows = []
    for run in result.runs:
        item = run.assumed
        value = f"{item.value:g} {unit_of(item.path).text}".rstrip()
        span = f"{item.low:g} to {item.high:g}"
        rows.append([item.path, value, span, *(number(end) for end in run.span), item.why])
    lines += table(header, rows, left=6)
    if result.runs:
        run = result.runs[0]
        own = unit_of(run.assumed.path).text
        body = [[number(float(v)), number(float(y))] for v, y in zip(run.values, run.y, strict=True)]
        lines += ["", f"the largest: {run.assumed.path}, step by step"]
        lines += table([[f"value ({own or '1'})", f"answer ({result.unit or '1'})"]], body, left=0)
    if result.n_samples:
        lines += ["", *_band_lines(result)]
    return "\n".join(lines)


def _band_lines(result: Assumptions) -> list[str]:
    """Return the band as a table."""
    head = ["lowest", "5 %", "median", "95 %", "highest"]
    lines = [
        f"all assumed values at once, {result.n_samples} latin-hypercube samples ({result.n_failed} solves failed)"
    ]
    first = [f"{result.axis} ({result.axis_unit or '1'})"] if result.axis else []
    rows = [
        [*([f"{result.axis_values[i]:g}"] if result.axis else []), *(number(float(v)) for v in levels)]
        for i, levels in enumerate(result.band)
    ]
    return lines + table([[*first, *head]], rows, left=0)


def assumption_columns(result: Assumptions) -> list[Column]:
    """Return the runs as a table: path, value in the unit of its key, answer."""
    paths = np.concatenate([np.full(len(run.values), run.assumed.path, dtype=object) for run in result.runs])
    units = np.concatenate(
        [np.full(len(run.values), unit_of(run.assumed.path).text or "1", dtype=object) for run in result.runs]
    )
    return [
        Column("assumed_value", "", paths),
        Column("value", "", np.concatenate([run.values for run in result.runs])),
        Column("unit", "", units),
        Column(result.name, result.unit, np.concatenate([run.y for run in result.runs])),
    ]


__all__ = ["assumption_columns", "assumptions_text"]
