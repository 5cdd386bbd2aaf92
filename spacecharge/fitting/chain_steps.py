"""Steps of a chain of fits: which need each other, and their documents with the numbers of others filled in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from ..config.interface_keys import QUANTITIES
from ..document.problems import Problems, nearest
from ..document.yaml import Document, beside
from ..units import unit_of

Place = tuple[str | int, ...]

FILES = ("ocv", "charge_transfer")
"""Keys whose ``from_fit`` takes more than a number: they are given the result file of the step."""

_INNER = ("value", "fixed", "initial", "min", "max")
"""Keys whose unit is that of the key around them."""

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A place in the configuration of a step that another step fills.

    Parameters
    ----------
    place : tuple
        Keys and list positions down to the mapping with ``from_fit``.
    step : str
        The step that it names.
    parameter : str
        Its number; empty where the result file itself is wanted.
    """

    place: Place
    step: str
    parameter: str

    @property
    def key(self) -> str:
        """Last key of the place, in the unit of which a number is wanted; ``value`` has that of the key around it."""
        keys = [part for part in self.place if isinstance(part, str)]
        return keys[-2] if keys[-1] in _INNER and len(keys) > 1 else keys[-1]

    @property
    def is_file(self) -> bool:
        """Whether the result file itself is wanted."""
        return self.key in FILES

    @property
    def is_datum(self) -> bool:
        """Whether it is a measured number of an interface, which comes with its error."""
        return self.place[0] == "interfaces" and self.key in QUANTITIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One fit of a chain.

    Parameters
    ----------
    name : str
        In the chain, and of its result.
    document : Document
        Its configuration as read.
    references : tuple of Reference
        What it takes from other steps.
    """

    name: str
    document: Document
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A number that one step hands to another.

    Parameters
    ----------
    value, sigma : float
        As the fit states it.
    unit : str
        Likewise.
    """

    value: float
    sigma: float
    unit: str


def steps_in_order(documents: Mapping[str, Document], problems: Problems) -> tuple[Step, ...]:
    """Return the steps of a chain, every one behind those that it needs.

    Parameters
    ----------
    documents : mapping of str to Document
        Configurations by the names of the steps.
    problems : Problems
        Of the chain; takes circles and references to what is no step.

    Returns
    -------
    tuple of Step
        Otherwise in the given order; empty where anything is wrong.
    """
    names = {_real(document.path): name for name, document in documents.items()}
    steps: dict[str, Step] = {}
    before = len(problems)
    for name, document in documents.items():
        found = []
        for place, mapping in _mappings(document.data):
            target = mapping.get("from_fit")
            if not (isinstance(target, str) and target.endswith(_SUFFIXES)):
                continue
            dotted = ".".join(map(str, place))
            step = names.get(_real(beside(document.path, target)))
            reference = Reference(place=place, step=step or "", parameter=str(mapping.get("parameter", "")))
            if step is None:
                hint = nearest(os.path.basename(target), [os.path.basename(d.path) for d in documents.values()])
                problems.add(("steps", name), f"{document.path}: {dotted}: {target} is no step of this chain ({hint})")
            elif not reference.is_file and not reference.parameter:
                problems.add(("steps", name), f"{document.path}: {dotted}: parameter is missing beside from_fit")
            else:
                found.append(reference)
        steps[name] = Step(name=name, document=document, references=tuple(found))
    if len(problems) > before:
        return ()
    needs = {name: {reference.step for reference in step.references} for name, step in steps.items()}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        problems.add("steps", f"the steps need each other in a circle: {circle}", key=True)
        return ()
    order: list[str] = []
    while len(order) < len(steps):
        order.append(next(name for name in steps if name not in order and needs[name] <= set(order)))
    return tuple(steps[name] for name in order)


def _real(path: str) -> str:
    return os.path.realpath(os.path.expanduser(path))


def _mappings(value: Any, place: Place = ()) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Yield every mapping below a value with its place."""
    if isinstance(value, Mapping):
        yield place, value
        for key, inner in value.items():
            yield from _mappings(inner, (*place, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _mappings(inner, (*place, i))


def filled(
    step: Step, numbers: Mapping[tuple[str, str], Given], files: Mapping[str, Path], problems: Problems
) -> Document:
    """Return the document of a step with what other steps give it.

    Parameters
    ----------
    step : Step
        Of the chain.
    numbers : mapping of (str, str) to Given
        By step and parameter.
    files : mapping of str to Path
        Result files by step.
    problems : Problems
        Of the step; takes numbers of another unit than the one of their key.

    Returns
    -------
    Document
        Its result has the name of the step.
    """
    data = deepcopy(step.document.data)
    for reference in step.references:
        *way, last = reference.place
        section: Any = data
        for part in way:
            section = section[part]
        given = section[last]
        if reference.is_file:
            section[last] = {**given, "from_fit": str(files[reference.step])}
            continue
        number = numbers[reference.step, reference.parameter]
        factor = _factor(number.unit, reference)
        if factor is None:
            unit = unit_of(reference.key).text or "1"
            message = f"{reference.parameter} of {reference.step} is in {number.unit} (needed: {unit})"
            problems.add(reference.place, message, key=True)
        elif reference.is_datum:
            rest = {key: value for key, value in given.items() if key not in ("from_fit", "parameter")}
            section[last] = {"value": factor * number.value, "sigma": factor * number.sigma, **rest}
        else:
            section[last] = factor * number.value
    data["name"] = step.name
    return replace(step.document, data=data)


def _factor(unit: str, reference: Reference) -> float | None:
    """Return what turns a number of a fit into the unit of a key; None where they do not belong together.

    Parameters of fits have names of which the table of units does not know every one: those are taken as they are.
    """
    wanted = unit_of(reference.key)
    if unit == (wanted.text or "1") or (not wanted.text and reference.place[0] == "parameters"):
        return 1.0
    return wanted.per_si if unit == wanted.si else None


__all__ = ["Given", "Reference", "Step", "filled", "steps_in_order"]
