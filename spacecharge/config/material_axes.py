"""A sweep over the materials of a layer: the layer is made of each in turn, with the keys that the file gives it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..document.problems import Problems
from ..errors import ModelError
from ..model import Layer, Stack, StackParameters, stack_parameters
from .axes import Axis, Sweep
from .build import put_swept
from .paths import is_material, normalised
from .prepare import is_material_file
from .sweep_keys import SweepKeys

_CODES = {
    "statistics": "statistics",
    "transport": "transport",
    "pools": "pools",
    "layer_species": "species names",
    "from_defects": "from defects",
}
"""What all points of a sweep share, in words."""


def with_materials(
    sweep: Sweep,
    stack: Stack,
    data: Mapping[str, Any],
    keys: SweepKeys | None,
    fitted: Sequence[str],
    problems: Problems,
) -> Sweep:
    """Return the sweep with the layers of its materials.

    Parameters
    ----------
    sweep : Sweep
        The plan; axes over materials count them.
    stack : Stack
        With the material that the file gives.
    data : mapping
        The configuration, complete.
    keys : SweepKeys
        Axes as they were written.
    fitted : sequence of str
        Paths of numbers that come from fits.
    problems : Problems
        Takes one line for each material that cannot be used.
    """
    written = {normalised(path): path for path in (keys.model_extra or {} if keys is not None else {})}
    axes = []
    for axis in sweep.axes:
        if is_material(axis.path) and keys is not None:
            name, path = axis.path.split(".")[0], written[axis.path]
            if any(of_fit.startswith(f"{name}.") for of_fit in fitted):
                message = f"a number of {name} comes from a fit, which is one of one material"
                problems.add(("sweep", path), message, key=True)
                continue
            calibrated = _calibrated_at(name, data)
            if calibrated:
                message = (
                    f"{calibrated} calibrates a rate constant on one material: give rate_constant_per_m2_s, or a run"
                )
                problems.add(("sweep", path), f"{message} for each material", key=True)
                continue
            core = next((layer.name for layer in stack.layers if layer.core_of == name), "")
            if core:
                message = f"{core} is the core of {name}, of one material with it: a run for each is needed"
                problems.add(("sweep", path), message, key=True)
                continue
            materials = (keys.model_extra or {})[path]
            made = {m: _made(materials.index(m), m, path, name, stack, (data, sweep), problems) for m in materials}
            axis = replace(axis, layers=tuple(layer for layer in made.values() if layer is not None))
            _check_names(axis, materials, path, problems)
        axes.append(axis)
    return replace(sweep, axes=tuple(axes))


def _calibrated_at(name: str, data: Mapping[str, Any]) -> str:
    """Return the key of a calibration at a contact of this layer; empty where there is none."""
    for i, contact in enumerate(data.get("contacts") or ()):
        law = contact.get("charge_transfer") if isinstance(contact, Mapping) else None
        known = law.get("calibrate") if isinstance(law, Mapping) else None
        if isinstance(known, Mapping) and name in str(known.get("contact", "")).split("|"):
            return f"contacts.{i}.charge_transfer.calibrate"
    return ""


def _made(
    i: int,
    material: str,
    path: str,
    name: str,
    stack: Stack,
    plan: tuple[Mapping[str, Any], Sweep],
    problems: Problems,
) -> Layer | None:
    """Return the layer of one material, or None after saying why there is none."""
    data, sweep = plan
    place = ("sweep", path, str(i))
    if is_material_file(material):
        material = str(Path(problems.file).parent / os.path.expanduser(material))
    own_keys: dict[str, Any] = {"layers": {name: {**data["layers"][name], "material": material}}}
    # What is swept need not stand in any of the materials.
    put_swept(own_keys, sweep.axes)
    try:
        layer = Layer(name=name, **own_keys["layers"][name])
        layers = tuple(layer if old.name == name else old for old in stack.layers)
        # A value that is swept need not suit every material: that is a matter of its points.
        first = {a.path: a.at(np.zeros(1, np.int64)) for a in sweep.axes if a.kind == "stack" and not a.grid.is_open}
        here = {key: value for key, value in first.items() if key.startswith(f"{name}.")}
        own, base = stack_parameters(stack.replace(layers=layers), here), stack_parameters(stack, here)
    except ModelError as error:
        problems.add(place, error.message if error.path == "material" else f"{material}: {error}")
        return None
    other = [words for code, words in _CODES.items() if not _same(own, base, code)]
    if other:
        differ = f"{', '.join(other)} differ from those of {stack[name].material}"
        problems.add(place, f"{material}: {differ}: a run of its own is needed")
        return None
    return layer


def _check_names(axis: Axis, materials: Sequence[str], path: str, problems: Problems) -> None:
    """Report a material file that the result could not tell from another material."""
    different = list(dict.fromkeys(materials))
    if len(axis.names) < len(different):
        return
    for k, called in enumerate(axis.names):
        if called in axis.names[:k]:
            message = f"the result would call two materials {called}: rename a file"
            problems.add(("sweep", path, str(materials.index(different[k]))), message)


def _same(a: StackParameters, b: StackParameters, code: str) -> bool:
    one, other = getattr(a, code), getattr(b, code)
    return one == other if isinstance(one, tuple) else bool(np.array_equal(one, other))


__all__ = ["with_materials"]
