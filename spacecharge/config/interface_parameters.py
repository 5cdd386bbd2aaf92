"""Fitted numbers of an interface fit: paths of the model, and parameters of the cell around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StrictBool, StrictStr

from ..document.problems import Problems, nearest, shown
from ..model.numbers import number_of
from .cell_parameters import CELL
from .fields import Keys, Plain
from .paths import allowed_range, normalised


class ParameterKeys(Keys):
    """A fitted number; with several paths they all take its value."""

    paths: Annotated[list[StrictStr], Field(min_length=1)] | None = None
    initial: Plain | None = None
    min: Plain | None = None
    max: Plain | None = None
    fixed: Plain | None = None
    log: StrictBool | None = Field(
        default=None,
        description="Fit its logarithm; default for numbers of unknown size: rate constants, site densities, "
        "permittivities, diffusivities, conductivities",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPath:
    """One parameter of the fit: the numbers of the model that take its value, bounds in their unit.

    One that is not of the model (`of_cell`) has no paths.
    """

    name: str
    paths: tuple[str, ...]
    minimum: float
    maximum: float
    initial: float | None
    fixed: float | None
    log: bool
    of_cell: bool = False


def is_known(
    path: str, place: tuple[str | int, ...], known: list[str], problems: Problems, *, key: bool = False
) -> bool:
    """Say whether a path names a number of the stack, and report it where it does not."""
    if normalised(path) in known:
        return True
    message = f"{shown(path)} names no number of this stack ({nearest(normalised(path), known)})"
    problems.add(place, message, key=key)
    return False


def _bounds(name: str, spec: ParameterKeys, allowed: tuple[float, float], problems: Problems) -> tuple[float, float]:
    """Return the bounds of a fitted number, and report what lies outside of them or of the allowed range."""
    low, high = allowed
    for key in ("initial", "min", "max", "fixed"):
        value = getattr(spec, key)
        if value is not None and not low <= value <= high:
            problems.add(("parameters", name, key), f"{value:g} is out of range (allowed: {low:g} to {high:g})")
    minimum, maximum = low if spec.min is None else spec.min, high if spec.max is None else spec.max
    if spec.initial is not None and not minimum <= spec.initial <= maximum:
        message = f"{spec.initial:g} is out of range (allowed: {minimum:g} to {maximum:g})"
        problems.add(("parameters", name, "initial"), message)
    return minimum, maximum


def _cell_parameter(name: str, spec: ParameterKeys, problems: Problems) -> FittedPath:
    """Return a parameter that is not of the model."""
    number = CELL[name]
    minimum, maximum = _bounds(name, spec, (number.low, number.high), problems)
    first = number.default if spec.initial is None else spec.initial
    return FittedPath(
        name=name,
        paths=(),
        minimum=minimum,
        maximum=maximum,
        initial=min(max(first, minimum), maximum),
        fixed=spec.fixed,
        log=number.log if spec.log is None else spec.log,
        of_cell=True,
    )


def fitted_path(
    name: str, spec: ParameterKeys, known: list[str], problems: Problems, layers: object = None
) -> FittedPath:
    """Return a checked parameter: numbers of the model that take its value, or one of the cell.

    Parameters
    ----------
    name : str
        Its key.
    spec : ParameterKeys
        As read.
    known : list of str
        Paths of the stack and of its law.
    problems : Problems
        Takes one line per problem.
    layers : mapping, optional
        What the file says of the layers; their statistics decide the range of an occupancy.
    """
    if name in CELL and spec.paths is None:
        return _cell_parameter(name, spec, problems)
    paths = spec.paths if spec.paths is not None else [name]
    where: tuple[str | int, ...] = ("parameters", name)
    low, high, by_decades = -float("inf"), float("inf"), False
    for i, path in enumerate(paths):
        place = (*where, "paths", i) if spec.paths is not None else where
        if is_known(path, place, known, problems, key=spec.paths is None):
            bounds = allowed_range(normalised(path), layers)
            low, high = max(low, bounds[0]), min(high, bounds[1])
            by_decades |= number_of(path).by_decades
    minimum, maximum = _bounds(name, spec, (low, high), problems)
    return FittedPath(
        name=name,
        paths=tuple(normalised(path) for path in paths),
        minimum=minimum,
        maximum=maximum,
        initial=spec.initial,
        fixed=spec.fixed,
        log=spec.log if spec.log is not None else low >= 0.0 and by_decades,
    )


__all__ = ["FittedPath", "ParameterKeys", "fitted_path", "is_known"]
