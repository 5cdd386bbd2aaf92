"""What ``--y`` names: a variable, one entry of it, or a sum of such."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import StoreError
from ..report.view import Quantity, View


@dataclass(frozen=True, slots=True)
class Term:
    """One variable with some of its own dimensions fixed by names."""

    path: str
    entries: tuple[str, ...] = ()


def parse(view: View, text: str) -> list[Term]:
    """Return the terms of ``NAME``, ``NAME:ENTRY``, ``NAME:ENTRY+NAME``.

    Parameters
    ----------
    view : View
        The file, which knows the names.
    text : str
        E.g. ``interface_resistance+layer_resistance:coating``.

    Returns
    -------
    list of Term
        At least one.

    Raises
    ------
    StoreError
        No such variable or entry.
    """
    terms = []
    for part in text.split("+"):
        name, *entries = (p.strip() for p in part.split(":"))
        path = view.find(name)
        dims = view.variable(path).dims
        for entry in entries:
            known = [n for d in dims for n in view.results.names(d)]
            if entry not in known:
                raise StoreError(
                    f"{view.results.path}: {path} has no entry {entry} (entries: {', '.join(known) or 'none'})"
                )
        terms.append(Term(path, tuple(entries)))
    return terms


def evaluate(view: View, terms: list[Term], label: str = "") -> Quantity:
    """Return the sum of terms; the terms need the same dimensions left and the same unit.

    Raises
    ------
    StoreError
        They do not go together.
    """
    parts = [_entry(view, term) for term in terms]
    first = parts[0]
    for part in parts[1:]:
        if part.dims != first.dims or part.display != first.display:
            raise StoreError(
                f"{view.results.path}: {part.name} and {first.name} cannot be added (different units or "
                "dimensions; choose entries with NAME:ENTRY)"
            )
    if len(parts) == 1:
        return first
    values = np.sum([part.values for part in parts], axis=0)
    return Quantity(
        "+".join(part.name for part in parts),
        values,
        first.dims,
        first.display,
        label or " + ".join(part.label for part in parts),
        first.units,
    )


def _entry(view: View, term: Term) -> Quantity:
    quantity = view.variable(term.path)
    values, dims, label = quantity.values, list(quantity.dims), quantity.label
    for entry in term.entries:
        for dim in dims:
            names = view.results.names(dim)
            if entry in names:
                values = np.take(values, names.index(entry), axis=dims.index(dim))
                dims.remove(dim)
                label = f"{label}, {entry}"
                break
    return Quantity(quantity.name, values, tuple(dims), quantity.display, label, quantity.units)


def crossing_layers(view: View) -> tuple[str, ...]:
    """Return the inner layers that have to be crossed and are not part of the interface resistance.

    A coating between electrode and electrolyte belongs to the contact as a whole: its layer
    resistance adds to the resistance of the space charge.
    """
    results = view.results
    counted = {str(name) for name in results.variable_attributes("interface_resistance").get("layers", ())}
    inner = results.layers[1:-1]
    if not inner or "layer_resistance" not in results:
        return ()
    resistance = view.variable("layer_resistance")
    axis = resistance.dims.index("layer")
    chosen = []
    for name in inner:
        values = np.take(resistance.values, results.layers.index(name), axis=axis)
        if name not in counted and np.isfinite(values).any():
            chosen.append(name)
    return tuple(chosen)
