"""A composition takes its potential along as a coordinate, and a potential its composition: figures label both."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..config import Config
from ..config.axes import Axis
from ..model import Layer
from ..model.interpolation import tabulated
from ..model.numbers import long_name
from ..store.layout import Coordinate
from ..units import coordinate_name, unit_of

Array = NDArray[np.float64]

PARTNER = {"composition": "potential_V", "potential_V": "composition"}
"""What an open-circuit-voltage table ties to each other."""


def companions(config: Config, *, zipped: bool) -> Iterator[Coordinate]:
    """Yield, for every axis that an ocv ties to another number, that number along the same axis.

    Parameters
    ----------
    config : Config
        The configuration; only layers with one species and an ocv have such a pair.
    zipped : bool
        All axes share the dimension ``point``.
    """
    taken = {axis.name for axis in config.axes}
    # What several materials make of a potential is no coordinate of one axis.
    several = {axis.path.partition(".")[0] for axis in config.axes if axis.layers}
    for axis in config.axes:
        name, _, key = axis.path.partition(".")
        if key not in PARTNER or name not in config.base_stack.names or axis.grid.is_open or name in several:
            continue
        path = f"{name}.{PARTNER[key]}"
        coordinate = coordinate_name(path)
        values = _partner(config.base_stack[name], axis, key)
        if values is None or coordinate in taken:
            continue
        yield Coordinate(
            name=coordinate,
            values=values,
            units=unit_of(path).si,
            long_name=long_name(path),
            dimension="point" if zipped else axis.name,
        )


def _partner(layer: Layer, axis: Axis, key: str) -> Array | None:
    """Return the other number of the ocv at every value of an axis, NaN outside the table; None without an ocv."""
    if layer.ocv is None or layer.occupancy is not None:
        return None
    return tabulated(layer.ocv, key, PARTNER[key], axis.values)


__all__ = ["companions"]
