"""Points whose stack is built anew: for numbers inside an ocv, and for materials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ModelError
from ..model import Stack, StackParameters
from .axes import Array, Axis, Index
from .build import with_table_value


def rebuilt_stacks(
    stack: Stack, axes: Sequence[Axis], values: Mapping[str, Array]
) -> Iterator[tuple[Index, Stack, str]]:
    """Yield the points of equal table values, with a stack of their own and why it could not be built (else empty).

    Parameters
    ----------
    stack : Stack
        At its base point; it stands in where none can be built.
    axes : sequence of Axis
        Of the sweep; those of the kind ``rebuild`` count, of which there must be one.
    values : mapping
        Values of all axes at the points, shape (n_points,).
    """
    # Materials first: what else is swept of their layers is swept of each.
    slow = sorted((axis for axis in axes if axis.kind == "rebuild"), key=lambda axis: not axis.layers)
    table = np.column_stack([values[axis.path] for axis in slow])
    rows, group = np.unique(table, axis=0, return_inverse=True)
    for g, row in enumerate(rows):
        problem, own = "", stack
        try:
            for axis, value in zip(slow, row, strict=True):
                name, _, below = axis.path.partition(".")
                layer = axis.layers[int(value)] if axis.layers else with_table_value(own[name], below, value)
                own = own.replace(layers=tuple(layer if old.name == name else old for old in own.layers))
        except ModelError as error:
            problem, own = str(error), stack
        yield np.flatnonzero(group.ravel() == g), own, problem


def put_together(
    groups: Iterator[tuple[Index, Stack, str]],
    arrays_of: Callable[[Stack, dict[str, Array]], StackParameters],
    over: Mapping[str, Array],
) -> StackParameters | None:
    """Return the arrays of all points of some groups; None without points.

    Parameters
    ----------
    groups : iterator
        Of :func:`rebuilt_stacks`.
    arrays_of : callable
        Takes a stack and the swept values of its points, returns their arrays.
    over : mapping
        Swept values of all points, shape (n_points,).
    """
    arrays: dict[str, Any] = {}
    reasons: dict[str, None] = {}
    part: StackParameters | None = None
    n = len(next(iter(over.values())))
    for at, stack, problem in groups:
        part = arrays_of(stack, {path: column[at] for path, column in over.items()})
        if problem:
            part.invalid[:] = True
        reasons |= dict.fromkeys((problem,) if problem else part.reasons)
        for array, piece in part.over_points().items():
            whole = arrays.setdefault(array, np.empty((n, *piece.shape[1:]), piece.dtype))
            whole[at] = piece
    return None if part is None else part.with_arrays(arrays, reasons=tuple(reasons))


__all__ = ["put_together", "rebuilt_stacks"]
