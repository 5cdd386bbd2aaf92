"""Load a configuration: from a file to a :class:`Config`, or to one error with a line per problem."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..document.problems import Problems, nearest, shown
from ..document.yaml import Document, as_yaml, parse_document, read_document
from ..errors import ConfigError, ModelError
from ..model import Stack, stack_parameters
from ..model.places import conducting_layers, numeric_paths
from ..units import stem
from .axes import Axis, Grid, Kind, Sweep, listed_grid, one_stack_needed, sigma_grid, step_grid
from .build import FitReference, build_stack, fitted_paths, put_swept, take_fits
from .config import Config, OutputSettings, SolverSettings
from .current import check_planes, impedance_settings, load_settings
from .defect_keys import take_defects
from .material_axes import with_materials
from .ocv_curve import take_curves
from .paths import is_list_of_names, is_material, normalised, number_at, sweepable
from .points import read_points
from .prepare import CELSIUS, KELVIN, ZERO_CELSIUS_K, prepared
from .references import check_references, references_of
from .schema import MAX_FREQUENCIES, MAX_POINTS, Configuration, ContactKeys, ImpedanceKeys, OutputKeys, ProfileKeys
from .sweep_keys import AxisRange, AxisSigma, AxisStep, SweepKeys
from .validation import Model, validate

if TYPE_CHECKING:
    from .lattice import LatticeConfig

_SWEEP_WORDS = ("mode", "points")


def load_config(path: str | os.PathLike[str] | Mapping[str, Any]) -> Config | LatticeConfig:
    """Load a configuration from a YAML file, or from a mapping of the same keys.

    Parameters
    ----------
    path : str, path or mapping
        The file; or its content as nested mappings and lists, where NumPy arrays and numbers, tuples and pandas
        Series may stand for lists and numbers. Data files are then looked for in the working folder.

    Returns
    -------
    Config or LatticeConfig
        With ``.stack`` (``.lattice`` where the file has ``lattice:``), ``.sweep``, ``.output``.

    Raises
    ------
    ConfigError
        One line ``FILE:LINE:COLUMN: dotted.path: what is wrong (...)`` for every problem of the file.
    """
    if isinstance(path, Mapping):
        return parse_config(as_yaml(path), "<mapping>")
    return _load(read_document(path))


def parse_config(text: str, path: str | os.PathLike[str] = "<text>") -> Config | LatticeConfig:
    """Load a configuration from YAML text, e.g. that of a result file.

    Parameters
    ----------
    text : str
        The configuration.
    path : str or path
        Name for messages; data files are looked for beside it.

    Returns
    -------
    Config or LatticeConfig
        As :func:`load_config` returns it.

    Raises
    ------
    ConfigError
        One line for every problem.
    """
    return _load(parse_document(text, path))


def _load(document: Document) -> Config | LatticeConfig:
    """Check a document of either kind."""
    if "lattice" in document.data:
        from .lattice import load_lattice

        return load_lattice(document)
    return load_document(document)


def load_document(document: Document) -> Config:
    """Check a document with layers that was read, or the part of one that describes a run; see :func:`load_config`."""
    problems = document.problems()
    if "fit" in document.data:
        problems.add("fit", "this is the configuration of a fit: run it by spacecharge fit", key=True)
        problems.raise_if_any()
    folder = Path(document.path).parent
    keys, data, sweep, digest = read_keys(Configuration, document, problems)
    references = [
        FitReference(
            path=path,
            file=str(folder / os.path.expanduser(file)),
            parameter=parameter,
            where=_where(document, f"layers.{path}"),
        )
        for path, file, parameter in take_fits(data)
    ]
    n_before = len(problems)
    curves, notes = take_curves(data, folder, problems)
    if len(problems) > n_before:
        problems.raise_if_any()
    curves += take_defects(data, folder, problems)
    if len(problems) > n_before:
        problems.raise_if_any()
    digest, sweep = digest + curves, replace(sweep, notes=(*sweep.notes, *notes))
    put_swept(data, sweep.axes)
    _check_transfer(keys.contacts, list(data["layers"]), problems)
    stack = build_stack(data, problems)
    if stack is not None:
        sweep = with_materials(sweep, stack, data, keys.sweep, [r.path for r in references], problems)
        _try_axes(stack, sweep, problems)
        _try_jumps(stack, keys.contacts, sweep, problems, with_load=keys.load is not None)
        _check_output(stack, keys.output, sweep, problems)
        swept = {axis.path for axis in sweep.axes}
        load = load_settings(keys.load, swept, data, stack, problems)
        impedance = impedance_settings(keys.impedance, _frequencies(keys.impedance, problems), stack, problems)
        check_planes(keys.impedance, swept, stack, problems, with_load=load is not None)
    problems.raise_if_any()
    assert stack is not None
    return Config(
        source=Path(document.path),
        title=keys.title or Path(document.path).stem,
        text=document.text,
        sha256=hashlib.sha256((document.text + digest).encode()).hexdigest(),
        base_stack=stack,
        sweep=sweep,
        solver=SolverSettings(**keys.solver.model_dump()),
        output=_output(keys.output, stack, document.path),
        charge_transfer=_transfer(data, len(stack.layers) - 1),
        fit_references=tuple(references),
        load=load,
        impedance=impedance,
    )


def _frequencies(keys: ImpedanceKeys | None, problems: Problems) -> Grid | None:
    """Return the frequencies of a spectrum, or None after reporting why there are none."""
    if keys is None:
        return None
    place = ("impedance", "frequency_Hz")
    if isinstance(keys.frequency_Hz, AxisSigma):
        problems.add(place, "comes from no fit: give a list or {start, stop, num, spacing: log}")
        return None
    grid = _grid("frequency_Hz", keys.frequency_Hz, problems, ordered=True, section="impedance")
    if grid is not None and grid.n > MAX_FREQUENCIES:
        problems.add(place, f"{grid.n:.3g} frequencies are too many (allowed: {MAX_FREQUENCIES:.3g})")
        return None
    return grid


def read_keys(model: type[Model], document: Document, problems: Problems) -> tuple[Model, dict[str, Any], Sweep, str]:
    """Return the keys of a run, its data, the plan of its sweep and the digest of the table of points.

    Raises
    ------
    ConfigError
        A key is not as `model` has it: nothing after that could be checked.
    """
    from ..model.numbers import RANGES

    data = prepared(document, problems)
    kinds, sound = _swept_kinds(data, problems)
    keys = validate(model, sound, problems, ranges=RANGES)
    if keys is None:
        problems.raise_if_any()
        raise ConfigError([f"{document.path}: is no valid configuration"])
    plan = getattr(keys, "sweep", None) or SweepKeys.model_validate({})
    return keys, data, *_plan_sweep(plan, data, kinds, Path(document.path).parent, problems)


def _swept_kinds(data: dict[str, Any], problems: Problems) -> tuple[dict[str, Kind], dict[str, Any]]:
    """Return the kind of every path under ``sweep``, and the document without the paths of nothing, now reported."""
    raw = data.get("sweep")
    if not isinstance(raw, dict):
        return {}, data
    found = {p: _kind_of(p, ("sweep", p), data, problems) for p in raw if p not in _SWEEP_WORDS}
    kinds = {path: kind for path, kind in found.items() if kind is not None}
    # What stands under a path that does not exist needs no second complaint.
    kept = {key: v for key, v in raw.items() if key in kinds or key in _SWEEP_WORDS}
    return kinds, {**data, "sweep": kept}


def _where(document: Document, path: str) -> str:
    position = document.locate(path)
    return f"{document.path}:{position[0]}:{position[1]}" if position else document.path


def _kind_of(
    path: str, place: tuple[str, ...], data: dict[str, Any], problems: Problems, file: str | None = None
) -> Kind | None:
    """Return the kind of a swept path, or None after saying that there is no such number."""
    known = sweepable(data)
    kind = known.get(normalised(path))
    if kind is not None:
        return kind
    first, _, rest = normalised(path).partition(".")
    layers = data.get("layers")
    if isinstance(layers, dict) and first in layers and rest:
        message = f"names no number of the layer {first} that a sweep can vary"
        same = [p for p in known if p.startswith(f"{first}.")]
    else:
        message, same = "names no number that a sweep can vary", list(known)
    wrong_unit = [p for p in same if stem(p) == stem(normalised(path)) and stem(p) != p]
    hint = f"nearest: {wrong_unit[0]}" if wrong_unit else nearest(normalised(path), same)
    if file is None:
        problems.add(place, f"{message} ({hint})", key=True)
    else:
        problems.add("", f"column {path}: {message} ({hint})", file=file, position=(1, 1))
    return None


def _plan_sweep(
    keys: SweepKeys,
    data: dict[str, Any],
    kinds: dict[str, Kind],
    folder: Path,
    problems: Problems,
) -> tuple[Sweep, str]:
    """Return the plan of the sweep, and the digest of its table of points."""
    extra = keys.model_extra or {}
    axes: list[Axis] = []
    fitted = fitted_paths(data)
    digest = ""
    if keys.points is not None:
        if extra:
            problems.add(("sweep", next(iter(extra))), "stands beside points: give either", key=True)
            return Sweep(), digest
        table = folder / os.path.expanduser(keys.points)
        file = str(table)
        columns, digest, notes = read_points(table, file, problems)
        if CELSIUS in columns:
            columns = {KELVIN if p == CELSIUS else p: c + ZERO_CELSIUS_K * (p == CELSIUS) for p, c in columns.items()}
        for path, column in columns.items():
            kind = _kind_of(path, (), data, problems, file)
            if kind is None:
                continue
            if is_material(normalised(path)):
                problems.add("", f"column {path}: materials are no numbers: sweep them as a list", file=file)
                continue
            number = number_at(normalised(path), data.get("layers"))
            axis = Axis(path=normalised(path), grid=listed_grid(column), kind=kind)
            bad = column[number.outside(column)]
            if bad.size:
                message = f"column {path}: {bad[0]:g} is out of range (allowed: {number.allowed})"
                problems.add("", message, file=file)
            axes.append(axis)
        return Sweep(axes=tuple(axes), mode="points", notes=notes), digest
    for path, spec in extra.items():
        if path in kinds and is_material(normalised(path)) != is_list_of_names(spec):
            wanted = "a list of materials is" if is_material(normalised(path)) else "numbers, not names, are"
            problems.add(("sweep", path), f"{wanted} needed", key=True)
            continue
        grid = _grid(path, spec, problems, ordered=keys.mode == "outer")
        if path not in kinds or grid is None:
            continue
        if grid.is_open and normalised(path) not in fitted:
            hint = f" ({nearest(path, sorted(fitted))})" if fitted else ""
            message = f"needs a number that a fit gives (from_fit){hint}"
            problems.add(("sweep", path, "within_sigma"), message)
        if any(axis.path == normalised(path) for axis in axes):
            problems.add(("sweep", path), "is swept twice", key=True)
            continue
        axes.append(Axis(path=normalised(path), grid=grid, kind=kinds[path], where=_place(path, problems)))
        _check_axis(path, spec, axes[-1], data.get("layers"), problems)
    _check_pairs(axes, problems)
    if keys.mode == "zip" and len({axis.n for axis in axes}) > 1:
        lengths = ", ".join(f"{axis.path}: {axis.n}" for axis in axes)
        problems.add(("sweep", "mode"), f"zip needs axes of one length, got {lengths}")
    sweep = Sweep(axes=tuple(axes), mode=keys.mode)
    if sweep.n_points > MAX_POINTS:
        problems.add("sweep", f"{sweep.n_points:.3g} points are too many (allowed: {MAX_POINTS:.3g})", key=True)
    return sweep, digest


def _grid(path: str, spec: Any, problems: Problems, *, ordered: bool, section: str = "sweep") -> Grid | None:
    """Return the grid of an axis, or None after reporting why there is none; `ordered`: an axis of its own."""
    if isinstance(spec, AxisRange):
        if ordered and spec.num > 1 and spec.start == spec.stop:
            problems.add((section, path), f"{spec.num} values from {spec.start:g} to the same (give num: 1)", key=True)
            return None
        if spec.spacing == "log" and not spec.start * spec.stop > 0.0:
            problems.add((section, path), "log spacing needs start and stop of one sign, neither zero", key=True)
            return None
        return Grid(n=spec.num, start=spec.start, stop=spec.stop, spacing=spec.spacing)
    if isinstance(spec, AxisStep):
        try:
            return step_grid(spec.start, spec.stop, spec.step)
        except (ValueError, OverflowError) as error:
            problems.add((section, path, "step"), f"{spec.step:g}: {error}")
            return None
    if isinstance(spec, AxisSigma):
        return sigma_grid(spec.num, spec.within_sigma)
    if is_list_of_names(spec) and (not ordered or len(set(spec)) == len(spec)):
        # Materials are counted in the order given; a zip may name one several times.
        different = list(dict.fromkeys(spec))
        return listed_grid([different.index(name) for name in spec])
    if not ordered:
        return listed_grid(spec)
    seen: set[float | str] = set()
    for i, value in enumerate(spec):
        if value in seen:
            written = value if isinstance(value, str) else f"{value:g}"
            problems.add((section, path, str(i)), f"{written} stands twice on this axis (give every value once)")
            return None
        seen.add(value)
    # Along a sorted axis a reader can look values up; those of a zip belong together in the order given.
    return listed_grid(sorted(spec))


def _place(path: str, problems: Problems) -> str:
    """Return ``FILE:LINE:COLUMN`` of a swept path."""
    at = problems.locate(("sweep", path), key=True) if problems.locate is not None else None
    return f"{problems.file}:{at[0]}:{at[1]}" if at else problems.file


def _check_axis(path: str, spec: Any, axis: Axis, layers: object, problems: Problems) -> None:
    """Report values outside the range of the key; those around a fit are looked at when it is read."""
    if axis.grid.is_open or is_material(axis.path):
        return
    number = number_at(axis.path, layers)
    for place, value in enumerate(spec) if isinstance(spec, list) else (("start", spec.start), ("stop", spec.stop)):
        if number.outside(value):
            problems.add(("sweep", path, place), f"{value:g} is out of range (allowed: {number.allowed})")


def _check_pairs(axes: list[Axis], problems: Problems) -> None:
    """Report axes that set the same thing in two ways."""
    paths = {axis.path for axis in axes}
    # Around a fit the value of a law is swept, not the law as a whole.
    values = {axis.path for axis in axes if axis.grid.is_open}
    for path in paths:
        base, _, key = path.rpartition(".")
        rivals = [f"{base}.occupancy", f"{base.split('.')[0]}.potential_V"] if key == "composition" else []
        for rival in rivals:
            if rival in paths:
                problems.add(("sweep", path), f"is swept beside {rival}: the ocv ties them", key=True)
        rest = {f"{path}.value"} if path in values else {other for other in paths if other.startswith(f"{path}.")}
        if path.endswith(".diffusivity_m2_per_s") and rest & paths:
            problems.add(("sweep", path), "is swept beside a part of its own law", key=True)


def _try_axes(stack: Stack, sweep: Sweep, problems: Problems) -> None:
    """Report swept paths that this stack has no number for, and names used twice."""
    for axis in sweep.axes:
        if axis.kind != "stack":
            continue
        try:
            stack_parameters(stack, {axis.path: [axis.grid.start]})
        except ModelError as error:
            problems.add(
                ("sweep", axis.path),
                f"{error.message} ({nearest(axis.path, numeric_paths(stack))})",
                key=True,
            )
    names = [axis.name for axis in sweep.axes]
    for axis in sweep.axes:
        if names.count(axis.name) > 1:
            problems.add(("sweep", axis.path), f"two axes would be called {axis.name} in the result", key=True)


def _try_jumps(stack: Stack, contacts: list[ContactKeys], sweep: Sweep, problems: Problems, *, with_load: bool) -> None:
    """Report contacts across which no ion can jump, and axes that would make them so."""
    from ..model.charge_transfer import jumps_are_defined

    lawful = [i for i, contact in enumerate(contacts[: len(stack.names) - 1]) if contact.charge_transfer is not None]
    if not lawful or (with_load and max(len(layer.species_names) for layer in stack.layers) > 1):
        # Under a load the components say which species a law is about: the state with current is asked.
        return
    try:
        jumps_are_defined(stack_parameters(stack), lawful)
    except ModelError as error:
        problems.add(error.path, error.message, key=True)
        return
    sides = {stack.names[j] for i in lawful for j in (i, i + 1)}
    for axis in sweep.axes:
        if axis.path.endswith("charge_number") and axis.path.split(".")[0] in sides:
            problems.add(("sweep", axis.path), "a jump across a contact needs one ion on both sides", key=True)


def _check_output(stack: Stack, keys: OutputKeys, sweep: Sweep, problems: Problems) -> None:
    if sweep.rebuilt_by and keys.sensitivities:
        problems.add(("output", "sensitivities"), one_stack_needed(sweep), key=True)
    for i, name in enumerate(keys.resistance_of or ()):
        if name not in stack.names:
            message = f"no layer is called {shown(name)} ({nearest(name, stack.names)})"
            problems.add(("output", "resistance_of", i), message)
        elif name not in conducting_layers(stack):
            message = f"the layer {name} has no diffusivity, so it has no resistance"
            problems.add(("output", "resistance_of", i), message)
    known = numeric_paths(stack)
    for i, path in enumerate(keys.sensitivities):
        if normalised(path) not in known:
            message = f"{shown(path)} names no number of this stack ({nearest(normalised(path), known)})"
            problems.add(("output", "sensitivities", i), message)
    check_references(keys.reference_lines, problems)


def _output(keys: OutputKeys, stack: Stack, path: str) -> OutputSettings:
    nodes = keys.profiles.nodes if isinstance(keys.profiles, ProfileKeys) else None
    return OutputSettings(
        path=os.path.expanduser(keys.path or f"results/{Path(path).stem or 'results'}.h5"),
        profiles=nodes is not None or keys.profiles is True,
        profile_nodes=nodes,
        resistance_of=conducting_layers(stack) if keys.resistance_of is None else tuple(keys.resistance_of),
        sensitivities=tuple(normalised(p) for p in keys.sensitivities),
        reference_lines=references_of(keys.reference_lines),
    )


def _check_transfer(contacts: list[ContactKeys], names: list[str], problems: Problems) -> None:
    known = [f"{a}|{b}" for a, b in pairwise(names)]
    for i, contact in enumerate(contacts):
        law = contact.charge_transfer
        if law is None:
            continue
        place = ("contacts", i, "charge_transfer")
        ways = ("rate_constant_per_m2_s", "from_fit", "calibrate")
        given = [key for key in ways if getattr(law, key) is not None]
        if len(given) != 1:
            problems.add(place, f"give one of {', '.join(ways)}, got {', '.join(given) or 'none'}", key=True)
        if law.calibrate is not None and law.calibrate.contact not in known:
            written = law.calibrate.contact
            message = f"no contact is called {shown(written)} ({nearest(written, known)})"
            problems.add((*place, "calibrate", "contact"), message)


def _transfer(data: dict[str, Any], n_contacts: int) -> tuple[dict[str, Any] | None, ...]:
    given = [contact.get("charge_transfer") for contact in data.get("contacts", ())]
    return tuple(given) + (None,) * (n_contacts - len(given))


__all__ = ["load_config", "load_document", "parse_config", "read_keys"]
