"""The numbers of a stack with swept ones laid over them, and what of them is out of range."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .numbers import Number, number_of

Array = NDArray[np.float64]


class Values:
    """Numbers of the stack with the swept ones laid over them; collects what is out of range."""

    def __init__(self, overrides: Mapping[str, Array], n_points: int) -> None:
        self.overrides = overrides
        self.n_points = n_points
        self.used: set[str] = set()
        self.invalid = np.zeros(n_points, dtype=bool)
        self.reasons: list[tuple[str, str]] = []
        """Path and what is wrong there."""

    def has(self, path: str) -> bool:
        """Say whether a number is swept."""
        return path in self.overrides

    def get(self, path: str, default: float | None, number: Number | None = None) -> Array:
        """Return the values of `path` at every point, shape (n_points,), in the unit of the key.

        `number` is its declaration where the range is not that of the key alone.
        """
        if path in self.overrides:
            self.used.add(path)
            return self.checked(self.overrides[path], path, number)
        if default is None:
            return np.full(self.n_points, np.nan)
        return np.full(self.n_points, float(default))

    def plain(self, path: str, default: float | None) -> Array | float:
        """Return the same, one number for all points where it is not swept."""
        if path in self.overrides:
            return self.get(path, default)
        return math.nan if default is None else float(default)

    def checked(self, values: Array, path: str, number: Number | None = None) -> Array:
        """Return `values`, noting those out of the range of their number."""
        number = number or number_of(path)
        bad = number.outside(values)
        if bad.any():
            self.mark(bad, path, f"{values[bad][0]:g} is out of range (allowed: {number.allowed})")
        return np.asarray(values)

    def mark(self, bad: NDArray[np.bool_], path: str, message: str) -> None:
        """Note points as invalid: by which number, and what is wrong with it."""
        self.invalid |= bad
        if (path, message) not in self.reasons:
            self.reasons.append((path, message))
