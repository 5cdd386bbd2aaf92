"""Make a stack of a configuration's keys, and report everything that keeps it from being one."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..codes import EndKind
from ..document.problems import Problems
from ..errors import ModelError
from ..library.metals import METALS
from ..model import ARRHENIUS_REFERENCE_K, Contact, End, Layer, Stack
from ..model.numbers import END, LAYER, SPECIES, STACK, TRANSFER
from .axes import Axis
from .paths import LAYER_NAME, RESERVED_NAMES, layer_keys

PLACEHOLDER_DIFFUSIVITY = 1e-12
"""Stands for a fitted diffusivity while a file is checked; no result is ever computed with it."""

_STAND_INS = {row.key: row.harmless for row in (*LAYER, *SPECIES) if not math.isnan(row.harmless)}
"""Put in for a missing key, so that the next missing one is found too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitReference:
    """A number that comes from a fit.

    Parameters
    ----------
    path : str
        Dotted path of the number, ``electrolyte.diffusivity_m2_per_s``.
    file : str
        Result file of the fit; absolute, or relative to the working directory.
    parameter : str
        Name of the fitted parameter.
    where : str
        ``FILE:LINE:COLUMN`` of the reference, for messages.
    """

    path: str
    file: str
    parameter: str
    where: str


_OF_TRANSFER = tuple(row.key for row in TRANSFER if "." not in row.key and row.unit.si != "K")
"""Numbers of a law of charge transfer that ``from_fit`` takes where the file does not give them, with their errors."""


def fitted_paths(data: Mapping[str, Any]) -> set[str]:
    """Return the dotted paths of the numbers that may come from fits.

    Parameters
    ----------
    data : mapping
        The configuration as it was read; it need not be sound.

    Returns
    -------
    set of str
        A diffusivity from a fit, value and activation energy of its law, and what a law of charge transfer takes.
    """
    found: set[str] = set()
    layers = data.get("layers")
    for name, layer in layers.items() if isinstance(layers, dict) else ():
        species = layer.get("species") if isinstance(layer, dict) else None
        places = [(name, layer), *((f"{name}.species.{s}", spec) for s, spec in (species or {}).items())]
        for path, keys in places:
            law = keys.get("diffusivity_m2_per_s") if isinstance(keys, dict) else None
            if isinstance(law, dict) and "from_fit" in law:
                base = f"{path}.diffusivity_m2_per_s"
                found |= {base, f"{base}.value", f"{base}.activation_energy_eV"}
    contacts = data.get("contacts")
    for i, contact in enumerate(contacts if isinstance(contacts, list) else ()):
        law = contact.get("charge_transfer") if isinstance(contact, dict) else None
        if isinstance(law, dict) and "from_fit" in law:
            found |= {f"contacts.{i}.charge_transfer.{key}" for key in _OF_TRANSFER if key not in law}
    return found


def take_fits(data: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Put placeholders for fitted diffusivities into `data`; return (path, file, parameter) of each."""
    found = []
    for name, layer in data["layers"].items():
        places = [(name, layer)]
        places += [(f"{name}.species.{s}", spec) for s, spec in layer.get("species", {}).items()]
        for path, keys in places:
            law = keys.get("diffusivity_m2_per_s")
            if isinstance(law, dict) and "from_fit" in law:
                keys["diffusivity_m2_per_s"] = PLACEHOLDER_DIFFUSIVITY
                found.append((f"{path}.diffusivity_m2_per_s", law["from_fit"], law["parameter"]))
    return found


def put_swept(data: dict[str, Any], axes: Iterable[Axis]) -> None:
    """Give swept keys that neither file nor material holds the first value of their axis.

    A swept potential takes the place of a composition in the file: the sweep wins over the base.
    """
    for axis in axes:
        parts = axis.path.split(".")
        value = axis.grid.start
        if parts[0] == "ends":
            ends = data.setdefault("ends", {})
            if parts[1] not in ends:
                ends[parts[1]] = {parts[2]: value}
        if axis.kind != "stack" or parts[0] not in data["layers"]:
            continue
        layer = data["layers"][parts[0]]
        known = layer_keys(layer)
        if parts[1] == "species":
            layer = known = layer.setdefault("species", {}).setdefault(parts[2], {})
            parts = parts[2:]
        if parts[1] == "potential_V":
            layer.pop("composition", None)
        if parts[1] == "composition" and ("potential_V" in layer or "occupancy" in layer):
            continue
        if len(parts) == 2 and parts[1] not in known:
            layer[parts[1]] = value
        elif parts[1] == "diffusivity_m2_per_s" and len(parts) == 3:
            law = known.get(parts[1])
            if parts[2] == "value" and law is None:
                layer[parts[1]] = {"value": value}
            elif isinstance(law, (int, float)):
                layer[parts[1]] = {"value": law, "at_K": ARRHENIUS_REFERENCE_K, "activation_energy_eV": 0.0}


def build_stack(data: Mapping[str, Any], problems: Problems) -> Stack | None:
    """Return the stack of a configuration, or None after reporting every problem.

    Parameters
    ----------
    data : mapping
        The configuration, already held against the schema.
    problems : Problems
        Takes one line per problem.

    Returns
    -------
    Stack or None
        None if there was any problem.
    """
    n_before = len(problems)
    layers = [_layer(name, keys, problems) for name, keys in data["layers"].items()]
    ends = {side: _end(side, data.get("ends", {}).get(side), problems) for side in ("left", "right")}
    contacts = [
        Contact(**{key: value for key, value in contact.items() if key != "charge_transfer"})
        for contact in data.get("contacts", ())
    ]
    if len(contacts) > len(layers) - 1:
        message = f"{len(contacts)} contacts given (allowed: at most {len(layers) - 1} for {len(layers)} layers)"
        problems.add("contacts", message, key=True)
    if len(problems) > n_before:
        return None
    try:
        return Stack(
            tuple(layer for layer in layers if layer is not None),
            **{row.key: data[row.key] for row in STACK if row.key in data},
            contacts=tuple(contacts),
            left=ends["left"],
            right=ends["right"],
        )
    except ModelError as error:
        is_layer = error.path.partition(".")[0] in data["layers"]
        problems.add(f"layers.{error.path}" if is_layer else error.path, error.message)
        return None


def _layer(name: str, keys: Mapping[str, Any], problems: Problems) -> Layer | None:
    if not LAYER_NAME.match(name):
        problems.add(("layers", name), "a layer's name has letters, digits, _, + and - alone", key=True)
        return None
    if name in RESERVED_NAMES:
        problems.add(("layers", name), "the name has another meaning: choose another", key=True)
        return None
    for label in keys.get("species", ()):
        if not LAYER_NAME.match(label):
            place = ("layers", name, "species", label)
            problems.add(place, "a species' name has letters, digits, _, + and - alone", key=True)
            return None
    filled = dict(keys)
    while True:
        try:
            return Layer(name=name, **filled)
        except ModelError as error:
            if error.path == "material":
                problems.add(("layers", name, "material"), error.message)
                return None
            problems.add(f"layers.{error.path}", error.message)
            key = error.path.removeprefix(f"{name}.")
            if key not in _STAND_INS or key in filled:
                return None
            filled[key] = _STAND_INS[key]


def _end(side: str, given: Any, problems: Problems) -> End:
    if given is None:
        return End()
    if isinstance(given, str):
        return End(kind=given)
    if len(given) != 1:
        message = f"give one of {', '.join(row.key for row in END)}, material"
        problems.add(("ends", side), message, key=True)
        return End()
    kind, value = next(iter(given.items()))
    if kind == "material":
        return End(kind=EndKind.METAL.key, value=METALS[value])
    return End(kind=kind, value=value)


def with_table_value(layer: Layer, path: str, value: float) -> Layer:
    """Return a layer with one number of its ocv replaced.

    Parameters
    ----------
    layer : Layer
        The layer at its base.
    path : str
        Path below the layer: ``ocv.potential_V.1`` or ``species.Li.ocv.potential_V.1``.
    value : float
        The new number.

    Returns
    -------
    Layer
        A copy.

    Raises
    ------
    ModelError
        The table no longer rises or falls strictly, or the layer has no such number: another material has.
    """
    *species, _, column, item = path.split(".")
    label = species[1] if species else ""
    ocv = (layer.species or {}).get(label, {}).get("ocv") if species else layer.ocv
    if int(item) >= len((ocv or {}).get(column, ())):
        raise ModelError(f"{layer.material or 'the layer'} has no such number", f"{layer.name}.{path}")
    if species:
        every = {name: copy.deepcopy(dict(spec)) for name, spec in (layer.species or {}).items()}
        every[label]["ocv"][column][int(item)] = value
        return layer.replace(species=every)
    table = {key: list(values) for key, values in (layer.ocv or {}).items()}
    table[column][int(item)] = value
    return layer.replace(ocv=table)


__all__ = ["FitReference", "build_stack", "fitted_paths", "put_swept", "take_fits", "with_table_value"]
