"""A variable of a sweep as columns of a table: a row a point, a column for each contact, side, layer and species."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a table run along.

    Parameters
    ----------
    axes : tuple of str
        Dimensions, the slowest first.
    shape : tuple of int
        Their sizes.
    labels : callable
        ``labels(dimension)`` returns the names along a dimension that runs across the columns instead.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...]
    labels: Callable[[str], Sequence[Any]]

    def columns(self, name: str, dims: Sequence[str], values: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield title and values of every column of a variable.

        Parameters
        ----------
        name : str
            Of the variable.
        dims : sequence of str
            Dimensions of its values; those that are no `axes` run across the columns, of `axes` some may be missing.
        values : ndarray
            Its values.

        Yields
        ------
        title : str
            The name, with contact, side, layer or species in brackets: ``space_charge_width[left|right, left]``.
        column : ndarray, shape (n_rows,)
            Values, the same in all rows of an axis that `dims` does not have.
        """
        own = [d for d in dims if d not in self.axes]
        ordered = [*(d for d in self.axes if d in dims), *own]
        values = values.transpose([list(dims).index(d) for d in ordered])
        sizes = values.shape[len(dims) - len(own) :]
        present = [n if d in dims else 1 for d, n in zip(self.axes, self.shape, strict=True)]
        values = values.reshape((*present, *sizes))
        labels = [self.labels(d) for d in own]
        for index in np.ndindex(*sizes):
            where = ", ".join(str(label[i]) for label, i in zip(labels, index, strict=True))
            title = f"{name}[{where}]" if where else name
            yield title, np.broadcast_to(values[(..., *index)], self.shape).reshape(-1)


__all__ = ["Rows"]
