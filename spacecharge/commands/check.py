"""``spacecharge check``: read a configuration, solve nothing, say what a run would do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config.axes import Axis
    from ..config.config import Config
    from ..config.lattice import LatticeConfig
    from ..document.yaml import Document
    from ..model import Layer

_WIDTH = 16
_MAX_LISTED = 100_000
_MAX_TRIED = 1000
"""Points of a sweep of which all are looked at before a run is said to be without any that can be solved."""


def execute(args: argparse.Namespace) -> int:
    """Print a summary of the configuration; returns the exit code."""
    from ..errors import ConfigError

    if not args.json:
        for label, text in _lines(args.config):
            print(f"{label:<{_WIDTH}}{text}".rstrip())
        return 0
    from ..report.objects import as_json, lines_object

    try:
        print(as_json({"path": args.config, "valid": True, **lines_object(_lines(args.config))}))
    except ConfigError as error:
        print(as_json({"path": args.config, "valid": False, "problems": error.problems}))
        raise
    return 0


def _lines(path: str) -> list[tuple[str, str]]:
    """Return the lines of whatever a configuration describes."""
    from ..document.yaml import read_document
    from ..fitting.load import is_fit

    document = read_document(path)
    return _of_fit(document) if is_fit(document) else _of_run(document)


def _of_run(document: Document) -> list[tuple[str, str]]:
    """Return the lines of a stack or of lattice planes."""
    from ..config.load import load_document

    if "lattice" in document.data:
        from ..config.lattice import load_lattice

        return list(_of_planes(load_lattice(document)))
    return list(_summary(load_document(document)))


def _of_planes(config: LatticeConfig) -> Iterator[tuple[str, str]]:
    """Yield the lines of lattice planes."""
    from ..lattice import summary_of

    yield "title", config.title
    yield from summary_of(config.lattice)
    yield from _axis_lines(config)
    yield "output", config.output.path + (" with profiles" if config.output.profiles else "")


def _axis_lines(config: Config | LatticeConfig) -> Iterator[tuple[str, str]]:
    """Yield a line for each axis, and one for the number of points."""
    for axis in config.axes:
        unit = f" {axis.unit}" if axis.unit else ""
        if axis.names:
            yield "axis", f"{axis.path}: {', '.join(axis.names)}"
        elif axis.grid.is_open:
            yield "axis", f"{axis.path}: {axis.n} within {axis.grid.within_sigma:g} sigma of the fit"
        else:
            yield "axis", f"{axis.path}: {axis.n} from {axis.grid.start:g} to {axis.grid.stop:g}{unit}"
    shape = f" ({' x '.join(str(n) for n in config.shape)})" if len(config.shape) > 1 else ""
    yield "points", f"{config.n_points}{shape}"


def _of_fit(document: Document) -> list[tuple[str, str]]:
    """Return the lines of a fit of any kind, those of the stack that it solves first."""
    from ..fitting.kinds import kind_of
    from ..fitting.load import check_fit_document

    config = check_fit_document(document)
    kind = kind_of(config.kind)
    stack = [] if kind.runs is None else list(_summary(kind.runs(config)))
    return [*stack, *kind.summary(config)]


def _summary(config: Config) -> Iterator[tuple[str, str]]:
    """Yield the lines of the summary as label and text."""
    from ..codes import EndKind
    from ..model.numbers import CONTACT

    stack = config.base_stack
    yield "title", config.title
    yield "temperature", f"{stack.temperature_K:g} K"
    for layer in stack.layers:
        material = layer.material or "no material"
        potential = "" if layer.potential_V is None else f", {layer.potential_V:g} V"
        if layer.composition is not None:
            potential = f", x = {layer.composition:g}"
        species = "" if len(layer.species_names) < 2 else f", species {', '.join(layer.species_names)}"
        if layer.core_of is not None:
            material = f"core of {layer.core_of}"
        yield "layer", f"{layer.name}: {material}, {layer.thickness_nm:g} nm{potential}{species}"
    for i, (left, right) in enumerate(zip(stack.names, stack.names[1:], strict=False)):
        contact = stack.contacts[i]
        parts = [f"{left}|{right}"]
        for row in CONTACT:
            value = getattr(contact, row.key)
            if value != row.default:
                parts.append(f"{row.words.removeprefix('contact ')} {value:g} {row.unit.text}")
        if contact.electrons == "level":
            parts.append("electrons level")
        if config.charge_transfer[i] is not None:
            parts.append("with charge transfer")
        bands = _bands(stack.layers[i], stack.layers[i + 1])
        if bands:
            parts.append(bands)
        yield "contact", ", ".join(parts)
    yield from _bulks(config)
    for side, end in (("left", stack.left), ("right", stack.right)):
        value = f" {end.value:g}" if EndKind.of(end.kind).is_contact else ""
        yield "end", f"{side}: {end.kind}{value}"
    for reference in config.fit_references:
        yield "from fit", f"{reference.path}: {reference.parameter} of {reference.file}"
    for item in config.assumed:
        yield "assumed", item.line
    for note in config.notes:
        yield "note", note
    yield from _axis_lines(config)
    yield "tolerance", f"{config.solver.tolerance_V:g} V"
    yield "resistance of", ", ".join(config.output.resistance_of) or "no layer: none has a diffusivity"
    if config.output.sensitivities:
        yield "sensitivities", ", ".join(config.output.sensitivities)
    yield "output", config.output.path + (" with profiles" if config.output.profiles else "")
    _refuse_without_a_point(config)
    for axis in config.axes:
        note = _invalid(config, axis)
        if note:
            yield "warning", note


def _bands(left: Layer, right: Layer) -> str:
    """Say what decides the step of the potential, where defects leave a choice."""
    if left.core_of is not None or right.core_of is not None or (left.defects is None and right.defects is None):
        return ""
    if left.ionisation_potential_eV is not None and right.ionisation_potential_eV is not None:
        return "step from U and the bands"
    return "step from U alone: ionisation_potential_eV of both layers would align their bands"


def _bulks(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what layers from defects and cores hold at the first point."""
    made = [
        i for i, layer in enumerate(config.base_stack.layers) if layer.defects is not None or layer.core_of is not None
    ]
    if not made or config.fit_references or any(axis.grid.is_open for axis in config.axes):
        return
    p = config.parameters(0, 1)
    for i in made:
        layer = config.base_stack.layers[i]
        names = layer.species_names
        held = [
            f"{name} {1e-6 * p.site_density[0, i, k] * p.bulk_occupancy[0, i, k]:.4g}" for k, name in enumerate(names)
        ]
        level = f", E_F {p.fermi_level[0, i]:.4f} eV" if layer.defects is not None else ""
        yield "carriers", f"{layer.name}: {', '.join(held)} cm-3{level}"
        if layer.defects is not None and layer.core_of is None:
            for note in layer.defects.system.notes:
                yield "note", f"{layer.name}: {note}"


def _refuse_without_a_point(config: Config) -> None:
    """Refuse a configuration none of whose points can be solved, if there are few enough to look at.

    Raises
    ------
    ConfigError
        With the reasons.
    """
    from ..errors import ConfigError

    if config.fit_references or any(axis.grid.is_open for axis in config.axes) or config.n_points > _MAX_TRIED:
        return
    parameters = config.parameters()
    if parameters.invalid.all():
        every = "the point" if config.n_points == 1 else f"none of the {config.n_points} points"
        can = "cannot be solved" if config.n_points == 1 else "can be solved"
        raise ConfigError([f"{config.source}: {every} {can}: {'; '.join(dict.fromkeys(parameters.reasons))}"])


def _invalid(config: Config, axis: Axis) -> str:
    """Return a warning about values of an axis that no solve can take, the others at their first value."""
    import numpy as np

    from ..codes import Status
    from ..model import stack_parameters

    if axis.kind != "stack" or axis.grid.is_open or axis.n > _MAX_LISTED or config.sweep.mode != "outer":
        return ""
    others = {a.path: a.grid.start for a in config.axes if a.kind == "stack" and a.path != axis.path}
    over = {path: np.full(axis.n, value) for path, value in others.items()} | {axis.path: axis.values}
    parameters = stack_parameters(config.base_stack, over)
    n_bad = int(parameters.invalid.sum())
    if not n_bad:
        return ""
    return (
        f"{n_bad} of {axis.n} values cannot be solved (status {Status.INVALID_POINT}): "
        f"{'; '.join(dict.fromkeys(parameters.reasons))}"
    )
