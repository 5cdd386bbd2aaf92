"""Published values that figures draw beside a variable: what a configuration says below ``output: reference_lines``."""

from __future__ import annotations

from collections.abc import Sequence

from ..document.problems import Problems, nearest, shown
from ..units import display_of
from .schema import ReferenceLine

Reference = tuple[str, float, float, str, str]


def check_references(lines: Sequence[ReferenceLine], problems: Problems) -> None:
    """Report lines of variables that no result has, and values in another unit than that of the figures.

    Parameters
    ----------
    lines : sequence of ReferenceLine
        What stands below ``output: reference_lines``.
    problems : Problems
        Collects the errors.
    """
    known = _units() if lines else {}
    for i, line in enumerate(lines):
        place = ("output", "reference_lines", i)
        if line.of not in known:
            problems.add((*place, "of"), f"no variable is called {shown(line.of)} ({nearest(line.of, known)})")
            continue
        text = display_of(known[line.of]).text or "1"
        if line.unit != text:
            problems.add((*place, "unit"), f"{line.of} is shown in {text}, not in {shown(line.unit)}")


def references_of(lines: Sequence[ReferenceLine]) -> tuple[Reference, ...]:
    """Return (variable, lowest and highest value in SI units, SI unit, words) of lines that were checked."""
    known = _units() if lines else {}
    found = []
    for line in lines:
        factor = display_of(known[line.of]).factor
        values = line.value if isinstance(line.value, list) else [line.value]
        found.append((line.of, min(values) / factor, max(values) / factor, known[line.of], line.label))
    return tuple(found)


def _units() -> dict[str, str]:
    """Return the SI unit of every variable that a result may hold."""
    from ..solver.outputs import EVERY_OUTPUT

    return {output.name: output.units for output in EVERY_OUTPUT}


__all__ = ["Reference", "check_references", "references_of"]
