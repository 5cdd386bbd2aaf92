"""Where the numbers of a stack stand: their dotted paths, and which of them it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ModelError
from .layer import Layer, Stack
from .numbers import CONTACT, END, LAYER, SPECIES, STACK, Number, number_of
from .planes import PLANE, plane_value
from .species_keys import MOBILITY_KEYS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number of a stack stands.

    Attributes
    ----------
    number : Number
        Its declaration.
    where : tuple of int
        Layer, layer and species, contact or side; empty for the stack as a whole.
    spec : mapping
        The keys around it.
    is_given : bool
        Whether the stack has it: the user or the material gives it, or it has a default.
    """

    number: Number
    where: tuple[int, ...]
    spec: Mapping[str, Any]
    is_given: bool

    @property
    def at(self) -> tuple[slice | int, ...]:
        """Index of its entries in the array that it fills, over all points."""
        return (slice(None), *self.where)


def places(stack: Stack) -> Iterator[tuple[str, Place]]:
    """Yield the dotted path of every number that the stack has or may have, and where it stands."""
    for row in STACK:
        yield row.key, Place(row, (), {}, True)
    for i, layer in enumerate(stack.layers):
        for row in LAYER:
            yield f"{layer.name}.{row.key}", Place(row, (i,), {}, getattr(layer, row.key) is not None)
        if layer.defects is not None and layer.core_of is None:
            for path in layer.defects.numbers:
                whole = f"{layer.name}.defects.{path}"
                yield whole, Place(number_of(whole), (i,), {}, True)
        for k, (suffix, spec) in enumerate(layer.species_items()):
            for row in SPECIES:
                if _follows(layer, row):
                    continue
                yield f"{layer.name}{suffix}.{row.key}", Place(row, (i, k), spec, _has(spec, row))
    for c, contact in enumerate(stack.contacts):
        for row in CONTACT:
            yield f"contacts.{c}.{row.key}", Place(row, (c,), {}, True)
        for row in PLANE if contact.sites is not None else ():
            yield f"contacts.{c}.{row.key}", Place(row, (c,), {}, plane_value(contact, row) is not None)
    for side, (label, end) in enumerate((("left", stack.left), ("right", stack.right))):
        for row in END:
            if row.key == end.kind:
                yield f"ends.{label}.{row.key}", Place(row, (side,), {}, True)


def placed(stack: Stack) -> Mapping[str, Place]:
    """Return :func:`places` by path, walked once and kept with the stack."""
    found: Mapping[str, Place] | None = stack.cache.get("places")
    if found is None:
        found = stack.cache["places"] = dict(places(stack))
    return found


def given(spec: Mapping[str, Any], key: str) -> Any:
    """Return what keys of a layer or species say at a dotted key; None where they say nothing."""
    outer, _, inner = key.partition(".")
    value = spec.get(outer)
    if not inner:
        return value
    return value.get(inner) if isinstance(value, Mapping) else None


def _follows(layer: Layer, row: Number) -> bool:
    """Say whether a number of a species follows from defects or from a grain, and cannot be chosen."""
    if row.key in ("occupancy", "composition"):
        return layer.defects is not None or layer.core_of is not None
    return layer.defects is not None and row.key.partition(".")[0] in ("charge_number", "interaction")


def value_at(stack: Stack, path: str, place: Place) -> float:
    """Return the number of a stack at a path, in the unit of its key: what is given, else the default, else 0."""
    if path.startswith("contacts."):
        contact, row = stack.contacts[place.where[0]], place.number
        value = plane_value(contact, row) if row in PLANE else getattr(contact, row.key)
        return 0.0 if value is None else float(value)
    if path.startswith("ends."):
        return float((stack.left, stack.right)[place.where[0]].value)
    if not place.where:
        return float(getattr(stack, place.number.key))
    layer = stack.layers[place.where[0]]
    if place.number.scope == "layer" and ".defects." in path:
        found: Any = layer.defects.data
        for part in path.partition(".defects.")[2].split("."):
            found = found[part]
        return float(found)
    value = getattr(layer, place.number.key) if len(place.where) == 1 else given(place.spec, place.number.key)
    if isinstance(value, Mapping):
        value = None
    if value is None:
        value = place.number.default
    return 0.0 if value is None else float(value)


def value_of(stack: Stack, path: str) -> float:
    """Return a number of a stack in the unit of its key.

    Parameters
    ----------
    stack : Stack
        The stack.
    path : str
        One of :func:`numeric_paths`.

    Raises
    ------
    ModelError
        The path names no number that the stack has.
    """
    place = placed(stack).get(path)
    if place is None or not place.is_given:
        raise ModelError("names no number of this stack", path)
    return value_at(stack, path, place)


def _has(spec: Mapping[str, Any], row: Number) -> bool:
    """Return whether a species has a number: a law as a whole or its parts, never both."""
    if row.rule == "law":
        is_law = isinstance(spec.get(row.key.partition(".")[0]), Mapping)
        return is_law if row.is_part else row.key in spec and not is_law
    return row.default is not None or given(spec, row.key) is not None


def numeric_paths(stack: Stack) -> list[str]:
    """Return the dotted path of every number of the stack that a sweep or a sensitivity may vary.

    Parameters
    ----------
    stack : Stack
        The stack.

    Returns
    -------
    list of str
        Paths as :func:`stack_parameters` takes them.
    """
    return [path for path, place in placed(stack).items() if place.is_given]


def conducting_layers(stack: Stack) -> tuple[str, ...]:
    """Return the layers with a diffusivity of their own: those that count in resistances where none are named."""
    return tuple(
        layer.name
        for layer in stack.layers
        if any(key in spec for _, spec in layer.species_items() for key in MOBILITY_KEYS)
    )


__all__ = ["Place", "conducting_layers", "given", "numeric_paths", "placed", "places", "value_of"]
