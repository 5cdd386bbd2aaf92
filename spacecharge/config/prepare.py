"""What a configuration may say in other words: degrees Celsius, materials in files of one's own."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..document.problems import Problems
from ..document.yaml import Document, Locator
from ..model.numbers import number_of
from .paths import is_list_of_names, is_material, normalised

CELSIUS = "temperature_degC"
KELVIN = "temperature_K"
ZERO_CELSIUS_K = 273.15
"""0 degC [K], by definition of the scale."""

COLD_K = 100.0
"""Below, a temperature is more likely one in degC [K]: no cell is measured there, and 25 or 60 degC are."""


def prepared(document: Document, problems: Problems) -> dict[str, Any]:
    """Return the data of a document in the keys that the rest of the package knows.

    Parameters
    ----------
    document : Document
        What was read; its data stay as they are, its positions learn the new keys.
    problems : Problems
        Takes one line per problem.

    Returns
    -------
    dict
        A copy: temperatures in K, material files relative to the working folder.
    """
    data = copy.deepcopy(document.data)
    if CELSIUS in data:
        _to_kelvin(data, (), document.locate, problems)
    if isinstance(data.get("sweep"), dict) and CELSIUS in data["sweep"]:
        _to_kelvin(data["sweep"], ("sweep",), document.locate, problems)
    layers = data.get("layers")
    if isinstance(layers, dict) and isinstance(data.get("sweep"), dict):
        _first_materials(layers, data["sweep"])
    for layer in layers.values() if isinstance(layers, dict) else ():
        material = layer.get("material") if isinstance(layer, dict) else None
        if isinstance(material, str) and is_material_file(material):
            layer["material"] = str(Path(document.path).parent / os.path.expanduser(material))
    return data


def _first_materials(layers: Mapping[str, Any], sweep: Mapping[str, Any]) -> None:
    """Give layers without a material the first of those that they are swept over."""
    for path, materials in sweep.items():
        path = normalised(str(path))
        layer = layers.get(path.partition(".")[0]) if is_material(path) else None
        if isinstance(layer, dict) and is_list_of_names(materials):
            layer.setdefault("material", materials[0])


def is_material_file(material: str) -> bool:
    """Return whether a material is named by a file instead of by its name in the library."""
    return material.endswith((".yaml", ".yml")) or "/" in material or os.sep in material


def _to_kelvin(section: dict[str, Any], place: tuple[str, ...], locate: Locator, problems: Problems) -> None:
    """Replace a temperature in degC by one in K, in its place among the other keys."""
    if KELVIN in section:
        problems.add((*place, CELSIUS), f"stands beside {KELVIN}: give either", key=True)
        del section[CELSIUS]
        return
    items = list(section.items())
    section.clear()
    for key, value in items:
        if key != CELSIUS:
            section[key] = value
            continue
        section[KELVIN] = _shifted(value, (*place, CELSIUS), problems)
        old, new = ".".join((*place, CELSIUS)), ".".join((*place, KELVIN))
        for table in (locate.keys, locate.values):
            for path, position in list(table.items()):
                if path == old or path.startswith(f"{old}."):
                    table[new + path[len(old) :]] = position


def _shifted(value: Any, place: tuple[str, ...], problems: Problems) -> Any:
    """Return a temperature, a list or a range of them in K; what is none of these is left for the schema to refuse."""
    if isinstance(value, list):
        return [_shifted(item, (*place, str(i)), problems) for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {
            key: _shifted(part, (*place, str(key)), problems) if key in ("start", "stop") else part
            for key, part in value.items()
        }
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    row = number_of(KELVIN)
    if row.outside(value + ZERO_CELSIUS_K):
        low, high = row.low - ZERO_CELSIUS_K, row.high - ZERO_CELSIUS_K
        problems.add(place, f"{value:g} is out of range (allowed: {low:g} to {high:g})")
        return ZERO_CELSIUS_K
    # Exact to the last digit that the user wrote: 25 degC are 298.15 K, not 298.15000000000003.
    return round(value + ZERO_CELSIUS_K, 9)


def temperature_note(lowest_K: float) -> str:
    """Return a line about a temperature that looks like one in degC; empty for others."""
    if lowest_K >= COLD_K:
        return ""
    return f"{KELVIN}: {lowest_K:g} K is very cold; if degC are meant, write {CELSIUS}: {lowest_K:g}"


__all__ = ["CELSIUS", "KELVIN", "ZERO_CELSIUS_K", "is_material_file", "prepared", "temperature_note"]
