"""Dotted paths of the numbers that a sweep may vary: which exist, of which kind, in which range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ModelError
from ..model.numbers import (
    CONTACT,
    END,
    LATTICE,
    LATTICE_SPECIES,
    LAYER,
    LOAD,
    SOLVER,
    SPECIES,
    STACK,
    TRANSFER,
    Number,
    number_of,
)
from ..model.planes import PLANE
from .axes import Kind
from .defect_keys import defect_paths

TOLERANCE_PATH = "solver.tolerance_V"

INTERVALS = ("window_nm", "bulk_nm")
"""Keys of lattice planes that hold two numbers."""

LAYER_NAME = re.compile(r"[^\W_][\w+-]*\Z")
RESERVED_NAMES = frozenset(
    {
        "contact",
        "contacts",
        "ends",
        "impedance",
        "lattice",
        "layers",
        "load",
        "output",
        "point",
        "solver",
        "space_charge",
        "sweep",
    }
    | {"temperature", "title"}
    | {row.key for row in STACK}
)
"""Names that a layer cannot have: its paths or coordinates would be those of something else."""


MATERIAL = "material"
"""Key of a layer whose values are names; a sweep over it takes a list of them."""


def is_material(path: str) -> bool:
    """Return whether a path is that of the material of a layer."""
    return path.count(".") == 1 and path.endswith(f".{MATERIAL}")


def is_list_of_names(value: Any) -> bool:
    """Return whether an axis is written as a list of names."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)


def normalised(path: str) -> str:
    """Return a path without a leading ``layers.``."""
    return path.removeprefix("layers.")


def layer_keys(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a layer of the file over those of its material (none if that is unknown)."""
    given = dict(layer)
    if isinstance(given.get("material"), str):
        from ..library import material_keys

        try:
            return {**material_keys(given["material"]), **given}
        except ModelError:
            return given
    return given


def sweepable(data: Mapping[str, Any]) -> dict[str, Kind]:
    """Return every path that a sweep of this configuration may vary, with its kind.

    Parameters
    ----------
    data : mapping
        The configuration; its layers, contacts and ends need not be sound.

    Returns
    -------
    dict of str to str
        Kind as :class:`~spacecharge.config.axes.Axis` has it.
    """
    if "lattice" in data:
        return _lattice_paths(data["lattice"])
    paths: dict[str, Kind] = {row.key: "stack" for row in STACK}
    layers = data.get("layers")
    for name, layer in layers.items() if isinstance(layers, dict) else ():
        if not isinstance(layer, dict):
            continue
        keys = layer_keys(layer)
        paths |= {f"{name}.{row.key}": "stack" for row in LAYER}
        if "material" in layer:
            paths[f"{name}.{MATERIAL}"] = "rebuild"
        paths |= dict.fromkeys(defect_paths(name, layer), "stack")
        species = layer.get("species")
        core_of = layer.get("core_of")
        grain = layers.get(core_of) if isinstance(layers, dict) and isinstance(core_of, str) else None
        if isinstance(grain, dict) and isinstance(grain.get("species"), dict):
            # Species that a core takes from its grain.
            species = grain["species"] | (species if isinstance(species, dict) else {})
        if isinstance(species, dict):
            for label, spec in species.items():
                paths |= _species_paths(f"{name}.species.{label}", spec)
        else:
            paths |= _species_paths(name, keys)
    n_layers = len(layers) if isinstance(layers, dict) else 0
    contacts = data.get("contacts")
    for c in range(n_layers - 1):
        paths |= {f"contacts.{c}.{row.key}": "stack" for row in CONTACT}
        contact = contacts[c] if isinstance(contacts, list) and c < len(contacts) else None
        if isinstance(contact, dict) and isinstance(contact.get("sites"), dict):
            own = isinstance(contact["sites"].get("background"), dict)
            paths |= {f"contacts.{c}.{row.key}": "stack" for row in PLANE if own or "background" not in row.key}
        if isinstance(contact, dict) and isinstance(contact.get("charge_transfer"), dict):
            base = f"contacts.{c}.charge_transfer"
            paths |= {f"{base}.{row.key}": "charge_transfer" for row in TRANSFER}
    for side in ("left", "right"):
        paths |= {f"ends.{side}.{row.key}": "stack" for row in END}
    paths |= {f"load.{row.key}": "load" for row in LOAD}
    return paths | {f"solver.{row.key}": "solver" for row in SOLVER}


def _species_paths(base: str, spec: Any) -> dict[str, Kind]:
    paths: dict[str, Kind] = {f"{base}.{row.key}": "stack" for row in SPECIES}
    ocv = spec.get("ocv") if isinstance(spec, Mapping) else None
    if isinstance(ocv, Mapping):
        for key, column in ocv.items():
            if isinstance(column, list):
                paths |= {f"{base}.ocv.{key}.{i}": "rebuild" for i in range(len(column))}
    return paths


def _lattice_paths(lattice: Any) -> dict[str, Kind]:
    """Return the paths of a configuration with ``lattice:``."""
    paths: dict[str, Kind] = {row.key: "lattice" for row in STACK}
    if not isinstance(lattice, dict):
        return paths
    is_law = isinstance(lattice.get("conductivity_S_per_m"), dict)
    for row in LATTICE:
        if row.key in INTERVALS:
            found = isinstance(lattice.get(row.key), list)
            paths |= {f"lattice.{row.key}.{i}": "lattice" for i in range(2 * found)}
        elif row.rule != "law" or ("." in row.key) == is_law:
            paths[f"lattice.{row.key}"] = "lattice"
    species = lattice.get("species")
    for name, keys in species.items() if isinstance(species, dict) else ():
        freezes = isinstance(keys, dict) and isinstance(keys.get("mobile"), dict)
        for row in LATTICE_SPECIES:
            if "." not in row.key or freezes:
                paths[f"lattice.species.{name}.{row.key}"] = "lattice"
    return paths


def number_at(path: str, layers: object = None) -> Number:
    """Return the declaration of the number at a sweepable path, with the range that its species allows.

    Parameters
    ----------
    path : str
        One of :func:`sweepable`.
    layers : mapping, optional
        What the file says of the layers; without it, sites limit every species.
    """
    number, parts = number_of(path), path.split(".")
    layer = layers.get(parts[0]) if isinstance(layers, Mapping) else None
    keys: Any = layer_keys(layer) if isinstance(layer, Mapping) else {}
    for part in parts[1:-1]:
        keys = keys.get(part) if isinstance(keys, Mapping) else None
    return number.under(keys.get("statistics")) if isinstance(keys, Mapping) else number


def allowed_range(path: str, layers: object = None) -> tuple[float, float]:
    """Return the lowest and highest allowed value of the number at a path; see :func:`number_at`."""
    number = number_at(path, layers)
    return number.low, number.high


__all__ = [
    "INTERVALS",
    "LAYER_NAME",
    "RESERVED_NAMES",
    "TOLERANCE_PATH",
    "allowed_range",
    "is_list_of_names",
    "is_material",
    "layer_keys",
    "normalised",
    "number_at",
    "sweepable",
]
