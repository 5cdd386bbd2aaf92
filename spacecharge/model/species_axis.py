"""The species of a whole stack, by name: kernels count those of each layer by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class SpeciesAxis(NamedTuple):
    """Names along the species axis of results, and where those of each layer stand on it.

    Attributes
    ----------
    names : tuple of str
        Those of the layer with the most first, then what other layers have besides.
    columns : tuple of tuple of int
        By layer, the place on the axis of each of its species.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]

    @property
    def is_plain(self) -> bool:
        """Whether every layer counts its species as the axis does."""
        return all(column == tuple(range(len(column))) for column in self.columns)

    def by_name(self, values: Array, layers: NDArray[np.int64]) -> Array:
        """Return values with the species of each layer at their places on the axis, NaN where a layer lacks one.

        Parameters
        ----------
        values : ndarray, shape (n_points, *layers.shape, n_species, ...)
            Species as the layers count them.
        layers : ndarray of int
            Layer of each entry; -1 where there is none.

        Returns
        -------
        ndarray, shape (n_points, *layers.shape, n_names, ...)
            By name.
        """
        at = 1 + layers.ndim
        found = np.full((*values.shape[:at], len(self.names), *values.shape[at + 1 :]), np.nan)
        for index in np.ndindex(layers.shape):
            if layers[index] >= 0:
                columns = self.columns[layers[index]]
                found[(slice(None), *index, list(columns))] = values[(slice(None), *index, slice(len(columns)))]
        return found


def species_axis(layer_species: Sequence[Sequence[str]]) -> SpeciesAxis:
    """Return the species axis of a stack.

    Parameters
    ----------
    layer_species : sequence of sequence of str
        Names of the species of each layer.
    """
    longest = max(layer_species, key=len)
    names = tuple(dict.fromkeys([*longest, *(name for layer in layer_species for name in layer)]))
    return SpeciesAxis(names, tuple(tuple(names.index(name) for name in layer) for layer in layer_species))


__all__ = ["SpeciesAxis", "species_axis"]
