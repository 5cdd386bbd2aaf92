"""Numbers that stand in the arrays as they are, in SI units: written once a stack, and anew where they are swept."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..codes import STATISTICS_NAMES, TRANSPORT_NAMES, EndKind, Statistics
from .layer import Layer, Stack
from .numbers import CONTACT, END, LAYER, NUMBERS, SPECIES, STACK, Number
from .places import given
from .planes import PLANE, plane_value
from .pools import pools_of
from .values import Values

Array = NDArray[np.float64]
_Entry = tuple[str, Number, float | None, tuple[int, ...]]
"""Path of a number, its declaration, its value in the unit of the key, and where it stands behind the points."""


class PlainNumbers:
    """The plain numbers of a stack, and what else of it no sweep changes.

    Arrays of one scope are cut from one block, which is copied for the points of a sweep: what is not swept costs no
    call of its own. Kept with the stack.

    Attributes
    ----------
    species : list of list
        Per layer, what follows the name of the layer in the path of a species, and its keys.
    statistics, transport : ndarray of int, shape (n_layers, n_species)
        Codes of :class:`~spacecharge.codes.Statistics` and :class:`~spacecharge.codes.Transport`.
    pools : ndarray of int, shape (n_layers, n_species)
        See :func:`~spacecharge.model.pools.pools_of`.
    has_bands : bool
        Whether carriers of a species stand in a band.
    metals : tuple of int
        Sides that end in a metal.
    end_kind : ndarray of int, shape (2,)
        Codes of :class:`~spacecharge.codes.EndKind` as the kernels have them.
    """

    def __init__(self, stack: Stack) -> None:
        self.species = [layer.species_items() for layer in stack.layers]
        n_layers, n_species = len(stack.layers), max(len(of_layer) for of_layer in self.species)
        self.statistics = np.zeros((n_layers, n_species), dtype=np.int64)
        self.transport = np.zeros((n_layers, n_species), dtype=np.int64)
        for i, of_layer in enumerate(self.species):
            for k, (_, spec) in enumerate(of_layer):
                self.statistics[i, k] = STATISTICS_NAMES.index(spec.get("statistics", STATISTICS_NAMES[0]))
                self.transport[i, k] = TRANSPORT_NAMES.index(spec.get("transport", TRANSPORT_NAMES[0]))
        self.pools = pools_of(stack.layers)
        self.has_bands = bool((self.statistics == Statistics.FERMI_DIRAC).any())
        ends = [EndKind.of(stack.left.kind), EndKind.of(stack.right.kind)]
        self.metals = tuple(side for side, kind in enumerate(ends) if kind is EndKind.METAL)
        # A metal is a potential, that of its level.
        as_solved = [EndKind.ELECTROSTATIC_POTENTIAL if kind is EndKind.METAL else kind for kind in ends]
        self.end_kind = np.array(as_solved, dtype=np.int64)
        shapes = {"layer": (n_layers,), "species": (n_layers, n_species), "contact": (n_layers - 1,), "end": (2,)}
        filled: dict[tuple[int, ...], dict[str, Array]] = {}
        arrays: dict[str, Array] = {}
        for row in NUMBERS:
            if row.array and row.array not in arrays:
                shape = shapes.get(row.scope, ())
                absent = row.absent if row.default is None else row.default * row.unit.factor
                arrays[row.array] = filled.setdefault(shape, {})[row.array] = np.full(shape, absent)
        self._places: dict[str, list[tuple[str, tuple[int | slice, ...], float]]] = {}
        for path, row, value, where in self._entries(stack):
            arrays[row.array][where] = (math.nan if value is None else float(value)) * row.unit.factor
            self._places.setdefault(path, []).append((row.array, (slice(None), *where), row.unit.factor))
        self._blocks = [(tuple(named), np.stack([*named.values()])[:, None]) for named in filled.values()]

    def _entries(self, stack: Stack) -> Iterator[_Entry]:
        """Yield every plain number of the stack."""
        for row in STACK:
            yield row.key, row, getattr(stack, row.key), ()
        for i, layer in enumerate(stack.layers):
            for row in LAYER:
                yield f"{layer.name}.{row.key}", row, _or_default(getattr(layer, row.key), row), (i,)
            yield from self._of_species(layer, i)
        for c, contact in enumerate(stack.contacts):
            for row in CONTACT:
                yield f"contacts.{c}.{row.key}", row, getattr(contact, row.key), (c,)
            for row in PLANE if contact.sites is not None else ():
                value = plane_value(contact, row)
                if value is not None:
                    yield f"contacts.{c}.{row.key}", row, value, (c,)
        for side, (label, end) in enumerate((("left", stack.left), ("right", stack.right))):
            for row in END:
                if row.key == end.kind:
                    yield f"ends.{label}.{row.key}", row, end.value, (side,)

    def _of_species(self, layer: Layer, i: int) -> Iterator[_Entry]:
        for k, (suffix, spec) in enumerate(self.species[i]):
            for row in SPECIES:
                if row.array and row.rule == "plain":
                    yield f"{layer.name}{suffix}.{row.key}", row, _or_default(given(spec, row.key), row), (i, k)

    def arrays(self, values: Values) -> dict[str, Array]:
        """Return the array of every number over the points, by name; what is not plain as where a layer lacks it.

        Parameters
        ----------
        values : Values
            The swept numbers; takes those out of range.
        """
        arrays: dict[str, Array] = {}
        for names, block in self._blocks:
            filled = np.empty((len(names), values.n_points, *block.shape[2:]))
            filled[...] = block
            arrays.update(zip(names, filled, strict=True))
        for path in values.overrides:
            for name, at, factor in self._places.get(path, ()):
                arrays[name][at] = values.get(path, None) * factor
        return arrays


def _or_default(value: float | None, row: Number) -> float | None:
    return row.default if value is None else value


def plain_numbers(stack: Stack) -> PlainNumbers:
    """Return the plain numbers of a stack, gathered once and kept with it."""
    found: PlainNumbers | None = stack.cache.get("plain")
    if found is None:
        found = stack.cache["plain"] = PlainNumbers(stack)
    return found


__all__ = ["PlainNumbers", "plain_numbers"]
