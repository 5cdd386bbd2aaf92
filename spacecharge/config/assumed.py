"""Which numbers of a configuration rest on nothing but an assumption of the materials library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..model import Layer, Stack
from ..model.places import given
from ..units import unit_of
from .axes import Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """One value in use that the library marks ``assumed``.

    Parameters
    ----------
    path : str
        Dotted path, ``electrolyte.potential_V``; a sweep may vary it.
    value : float
        In the unit of the key.
    low, high : float
        Plausible range, in the unit of the key.
    why : str
        What the library says about it.
    material : str
        Where it comes from.
    """

    path: str
    value: float
    low: float
    high: float
    why: str
    material: str

    @property
    def line(self) -> str:
        """One line: path, value, range, material."""
        unit = unit_of(self.path).text
        span = f"{self.low:g} to {self.high:g}" + (f" {unit}" if unit else "")
        return f"{self.path} = {self.value:g} (plausible: {span}; {self.material})"


def assumed_values(stack: Stack, axes: Iterable[Axis] = ()) -> tuple[Assumed, ...]:
    """Return every value of a stack that its materials only assume.

    Parameters
    ----------
    stack : Stack
        The stack.
    axes : iterable of Axis
        What a sweep varies: that is no assumption any more.

    Returns
    -------
    tuple of Assumed
        Layer by layer. What the user gave, and what another key of the user's replaces, is not among them.
    """
    from ..library import materials

    swept = {axis.path for axis in axes}
    found = []
    by_material = {axis.layers[0].name: axis.layers for axis in axes if axis.layers}
    for layer in (each for own in stack.layers for each in by_material.get(own.name, (own,))):
        if layer.material is None:
            continue
        for key, entry in materials[layer.material].values.items():
            path = f"{layer.name}.{key}"
            is_swept = path in swept or path.rpartition(".")[0] in swept or f"{path}.value" in swept
            if not entry.is_assumed or entry.range is None or is_swept or not _in_use(layer, key, entry.value):
                continue
            low, high = entry.range
            found.append(
                Assumed(
                    path=path, value=float(entry.value), low=low, high=high, why=entry.assumed, material=layer.material
                )
            )
    return tuple(found)


def _in_use(layer: Layer, key: str, value: float) -> bool:
    """Return whether a layer has the value of its material at a dotted key."""
    outer = key.partition(".")[0]
    own = getattr(layer, outer, None)
    return bool(given({outer: own}, key) == value)


__all__ = ["Assumed", "assumed_values"]
