"""What keeps a table of potential, composition and occupancy from being that of one phase, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ModelError
from .numbers import check_number

PLATEAU = (
    "a plateau means two phases side by side, and a layer is one phase: give the part of the curve on one side of it"
)

OCV_KEYS = ("composition", "occupancy", "potential_V")
"""Lists of an open-circuit-voltage table."""


def _row(index: int) -> str:
    return f"row {index + 1}"


def not_strict(key: str, values: Sequence[float], where: Callable[[int], str] = _row) -> tuple[int, str] | None:
    """Return where a column stops to rise or fall strictly, and what that means; None where it does not.

    Parameters
    ----------
    key : str
        ``composition``, ``occupancy`` or ``potential_V``.
    values : sequence of float
        The column, two values or more.
    where : callable, optional
        Names a row by its index from 0; default: ``row 3``.

    Returns
    -------
    index : int
        Of the first value that does not go on.
    message : str
        Values, rows, and what to do.
    """
    direction = 1.0 if values[-1] > values[0] else -1.0
    for i in range(1, len(values)):
        step = direction * (values[i] - values[i - 1])
        if step > 0.0:
            continue
        rule = "must rise or fall strictly along the list"
        if step < 0.0:
            going = "rising" if direction > 0.0 else "falling"
            pair = f"{values[i]:g} ({where(i)}) after {values[i - 1]:g} ({where(i - 1)})"
            text = f"{pair} while the others are {going}: {rule}"
            if key == "potential_V":
                text += "; noise of a measurement is smoothed by a fit of the kind ocv"
            return i, text
        last = i
        while last + 1 < len(values) and values[last + 1] == values[i]:
            last += 1
        text = f"{values[i]:g} stands in {where(i - 1)} to {where(last)}: {rule}"
        if key == "potential_V":
            text += f"; {PLATEAU}"
        return i, text
    return None


def as_lists(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table whose columns are plain lists wherever they were arrays."""
    return {key: column.tolist() if hasattr(column, "tolist") else column for key, column in table.items()}


def check_ocv(ocv: Mapping[str, Sequence[float]], path: str) -> None:
    """Check the three lists of an open-circuit-voltage table."""
    lengths = set()
    for key in OCV_KEYS:
        if key not in ocv:
            raise ModelError("needed", f"{path}.{key}")
        values = ocv[key]
        if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
            raise ModelError("a list of numbers is needed", f"{path}.{key}")
        for i, value in enumerate(values):
            check_number(value, f"{path}.{key}.{i}")
        lengths.add(len(values))
    extra = [k for k in ocv if k not in OCV_KEYS]
    if extra:
        raise ModelError(f"unknown key (known: {', '.join(OCV_KEYS)})", f"{path}.{extra[0]}")
    if len(lengths) != 1 or min(lengths) < 2:
        raise ModelError("the three lists need one common length of at least 2", path)
    for key in OCV_KEYS:
        trouble = not_strict(key, ocv[key])
        if trouble is not None:
            raise ModelError(trouble[1], f"{path}.{key}")


__all__ = ["OCV_KEYS", "PLATEAU", "as_lists", "check_ocv", "not_strict"]
