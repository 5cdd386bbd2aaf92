"""From YAML files to checked configurations of fits of every kind, with every error of a file in one go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from ..config.fit_sweep import check_fit_sweep, replaced
from ..document.problems import Problems, dotted_path, nearest, shown
from ..document.yaml import Document, Locator, read_document
from ..errors import ConfigError
from .kind import Kind
from .kinds import REGISTRY, kind_of

MAX_CHECKED = 1000
"""Points of a sweep that are all checked before it runs; of a larger one, every value of every axis is."""


def is_fit(document: Document) -> bool:
    """Return whether a document is the configuration of a fit."""
    return "fit" in document.data


def load_fit_config(path: str | os.PathLike[str]) -> Any:
    """Read and check the configuration of a fit.

    Parameters
    ----------
    path : str or path
        YAML file; its data paths are relative to it.

    Returns
    -------
    FitConfig or another configuration
        Checked; of the type of its kind.

    Raises
    ------
    ConfigError
        One line per problem, with line and column.
    """
    return check_fit_document(read_document(path))


def check_fit_mapping(data: Mapping[str, Any], path: str = "") -> Any:
    """Check a configuration that is no file; see :func:`load_fit_config`.

    Parameters
    ----------
    data : mapping
        The keys.
    path : str
        Name for messages; data paths are relative to its folder.
    """
    import json

    # JSON is YAML: the text that a result file keeps can be run again.
    text = json.dumps(data, indent=2, default=str)
    return check_fit_document(_bare(path, text, dict(data)))


def check_fit_document(document: Document) -> Any:
    """Check a document; see :func:`load_fit_config`."""
    problems = document.problems()
    kind = _kind(document.data, problems)
    problems.raise_if_any()
    assert kind is not None
    axes = check_fit_sweep(document.data.get("sweep"), kind.sweeps, problems)
    first = {axis: values[0] for axis, values in axes.items()}
    if len(problems):
        # A broken axis needs no second complaint that what it sweeps is missing.
        first |= _stand_ins(document.data["sweep"], axes, problems)
    if first:
        # What is swept need not stand in its section: the first point fills it in.
        config = kind.check(replace(document, data=replaced(document.data, first)), problems)
    else:
        config = kind.check(document, problems)
    problems.raise_if_any()
    if config is not None and axes:
        config = replace(config, sweep=axes, raw=dict(document.data))
        _check_points(kind, document, axes, problems)
    problems.raise_if_any()
    if config is None:
        raise ConfigError([f"{document.path}: is no fit configuration"])
    return config


def _stand_ins(given: Any, axes: Mapping[str, Sequence[Any]], problems: Problems) -> dict[str, Any]:
    """Return a value for every axis that is broken; where there is none, raise what was found so far."""
    found = {}
    for axis, values in given.items() if isinstance(given, Mapping) else ():
        if axis not in axes:
            value = values.get("stop", values.get("start")) if isinstance(values, Mapping) else values
            value = next(iter(value), None) if isinstance(value, list) else value
            if value is None:
                problems.raise_if_any()
            found[str(axis)] = value
    return found


def _kind(data: Mapping[str, Any], problems: Problems) -> Kind | None:
    allowed = ", ".join(REGISTRY)
    name = data.get("fit")
    if name is None:
        problems.add("fit", f"fit is missing (allowed: {allowed})")
        return None
    if not isinstance(name, str) or name not in REGISTRY:
        problems.add("fit", f"{shown(name)} is not known (allowed: {allowed}; {nearest(name, REGISTRY)})")
        return None
    return kind_of(name)


def _check_points(kind: Kind, document: Document, axes: Mapping[str, Sequence[Any]], problems: Problems) -> None:
    """Report the values of a sweep that make no valid configuration, at their axis."""
    for point in _points_to_check(axes):
        inner = _Plain(document.path)
        kind.check(_bare(document.path, document.text, replaced(document.data, point)), inner)
        for where, message in inner.found:
            axis = next((a for a in point if where.startswith(a) or where == a.split(".")[0]), "")
            named = ", ".join(f"{key} = {value}" for key, value in point.items())
            problems.add(("sweep", axis) if axis else where, f"{where}: {message} (at {named})")


def _points_to_check(axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    total = 1
    for values in axes.values():
        total *= len(values)
    if total <= MAX_CHECKED:
        for combination in product(*axes.values()):
            yield dict(zip(axes, combination, strict=True))
        return
    first = {axis: values[0] for axis, values in axes.items()}
    for axis, values in axes.items():
        for value in values:
            yield first | {axis: value}


class _Plain(Problems):
    """Problems by dotted path and message, without positions."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.found: list[tuple[str, str]] = []

    def add(self, path: str | tuple[str | int, ...], message: str, **more: Any) -> None:
        """Add one problem."""
        dotted = dotted_path(path)
        if (dotted, message) not in self.found:
            self.found.append((dotted, message))
        super().add(path, message, **more)


def _bare(path: str, text: str, data: dict[str, Any]) -> Document:
    return Document(path=path, text=text, data=data, locate=Locator())


def sweep_shape(config: Any) -> tuple[int, ...]:
    """Return the number of values of every axis of a swept fit."""
    return tuple(len(values) for values in config.sweep.values())


def sweep_point(config: Any, index: int) -> dict[str, Any]:
    """Return dotted path to value of one point of a swept fit, the last axis fastest."""
    point = {}
    for axis, values in reversed(config.sweep.items()):
        index, place = divmod(index, len(values))
        point[axis] = values[place]
    return dict(reversed(point.items()))


def config_at(config: Any, point: Mapping[str, Any]) -> Any:
    """Return the checked configuration of one point of a sweep.

    Raises
    ------
    ConfigError
        The point makes no valid configuration.
    """
    document = _bare(config.path, config.text, replaced(config.raw, point))
    problems = document.problems()
    single = kind_of(config.kind).check(document, problems)
    problems.raise_if_any()
    return single


__all__ = [
    "check_fit_document",
    "config_at",
    "is_fit",
    "load_fit_config",
    "sweep_point",
    "sweep_shape",
]
