"""Derivatives of the SI arrays of a stack with respect to one of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import EndKind, Statistics
from ..errors import ModelError
from ..units import unit_of
from .arrhenius import relative_slope
from .conduction import apply_to_tangent, conductivity_slope
from .interpolation import knots_of, pchip
from .layer import Stack
from .numbers import Number, number_of
from .parameters import StackParameters, law_parts, stack_parameters
from .places import Place, placed, value_at
from .pools import members

Array = NDArray[np.float64]

_NO_NUMBER = "names no number of this stack that a sensitivity can be taken of"


def parameter_tangent(
    stack: Stack, path: str, overrides: Mapping[str, ArrayLike] | None = None
) -> tuple[StackParameters, StackParameters]:
    """Return the arrays of a stack and their derivatives with respect to one number.

    Parameters
    ----------
    stack : Stack
        The stack.
    path : str
        Dotted path of the number, one of :func:`~spacecharge.model.places.numeric_paths`.
    overrides : mapping, optional
        Swept values, as for :func:`~spacecharge.model.stack_parameters`.

    Returns
    -------
    parameters, tangent : StackParameters
        The arrays, and d(array)/d(number) in SI units per SI unit of the number. A potential or composition
        takes the bulk occupancy along where an ocv ties them, the temperature takes the diffusivity along.

    Raises
    ------
    ModelError
        `path` names no number of the stack.
    """
    base = stack_parameters(stack, overrides)
    over = dict(overrides or {})
    place = placed(stack).get(path)
    if place is None or not (place.is_given or path in over):
        raise ModelError(_NO_NUMBER, path)
    if any(layer.defects is not None or layer.core_of is not None for layer in stack.layers):
        return base, _by_differences(stack, path, place, over, base)
    if overrides:
        zeros = _zeros(base)
    else:
        if "zeros" not in stack.cache:
            stack.cache["zeros"] = _zeros(base)
        zeros = {name: array.copy() for name, array in stack.cache["zeros"].items()}
    tangent = base.with_arrays(zeros)
    number = place.number
    if number.rule == "potential":
        _potential(stack, place, over, base, tangent)
    elif number.rule == "bulk":
        _bulk(stack, path, place, over, base, tangent)
    elif number.is_part:
        _law_part(path, place, over, base, tangent)
    else:
        tangent.array(number.array)[place.at] = 1.0
        if number.rule == "temperature":
            _temperature(stack, over, base, tangent)
    for side, end in enumerate((stack.left, stack.right)):
        if EndKind.of(end.kind) is EndKind.METAL:
            tangent.end_value[:, side] -= tangent.potential[:, -1]
    apply_to_tangent(base.over_points(), tangent.over_points())
    return base, tangent


def _zeros(base: StackParameters) -> dict[str, NDArray[Any]]:
    """Return arrays over points of which none moves: 0, NaN where there is no number."""
    return {
        name: np.where(np.isnan(array), np.nan, 0.0) if array.dtype == np.float64 else array
        for name, array in base.over_points().items()
    }


def _by_differences(
    stack: Stack, path: str, place: Place, over: Mapping[str, ArrayLike], base: StackParameters
) -> StackParameters:
    """Return the derivative of every array where bulks follow from equilibria: a five-point rule on the arrays.

    Equilibria are exact to rounding, so that the rule is good to about 1e-10.
    """
    # Of the path: numbers below `defects` have no declaration with a unit.
    unit = unit_of(path)
    here = np.broadcast_to(_value(over, path, value_at(stack, path, place)), (base.n_points,)).astype(float)
    step = np.where(here == 0.0, 1.0, np.abs(here)) * 1e-4
    if path == "temperature_K":
        step = here * 2e-5
    elif unit.si in ("J", "V"):
        step = np.full_like(here, 1e-4)
    moved = [stack_parameters(stack, {**over, path: here + m * step}).over_points() for m in (-2.0, -1.0, 1.0, 2.0)]
    scale = 12.0 * step * unit.factor
    slopes = {}
    for name, array in base.over_points().items():
        slopes[name] = array
        if array.dtype == np.float64:
            a, b, c, d = (m[name] for m in moved)
            slopes[name] = (8.0 * (c - b) - (d - a)) / scale.reshape(-1, *[1] * (array.ndim - 1))
    return base.with_arrays(slopes)


def _value(over: Mapping[str, ArrayLike], path: str, default: float) -> Array:
    return np.asarray(over.get(path, default), dtype=float)


def _law_values(path: str, law: Mapping[str, Any], over: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """Return the parts of an Arrhenius law in the units of their keys."""
    return {key: _value(over, at, base) for key, (at, base) in law_parts(path, law).items()}


def _temperature(stack: Stack, over: Mapping[str, ArrayLike], base: StackParameters, tangent: StackParameters) -> None:
    """Take every Arrhenius law along."""
    for path, place in placed(stack).items():
        number = place.number
        if number.rule != "law" or number.is_part:
            continue
        law = place.spec.get(number.key)
        if isinstance(law, Mapping) and path not in over:
            at = place.at
            parts = _law_values(path, law, over)
            slope = _law_slope("temperature", number, parts, base.temperature, law)
            tangent.array(number.array)[at] = base.array(number.array)[at] * slope


def _law_slope(
    key: str, number: Number, parts: Mapping[str, Array], temperature: Array, law: Mapping[str, Any]
) -> Array:
    """Return d ln(law) by the temperature or by a part of it [1 per SI unit]."""
    if number.array == "given_conductivity":
        return conductivity_slope(key, parts, temperature, law)
    return relative_slope(key, parts["activation_energy_eV"], temperature, parts["at_K"])


def _law_part(
    path: str, place: Place, over: Mapping[str, ArrayLike], base: StackParameters, tangent: StackParameters
) -> None:
    """Fill the tangent of a part of an Arrhenius law."""
    whole, _, key = path.rpartition(".")
    name = place.number.key.rpartition(".")[0]
    law = place.spec.get(name)
    if not isinstance(law, Mapping):
        raise ModelError(_NO_NUMBER, path)
    parts = _law_values(whole, law, over)
    number = number_of(name)
    if key == "value":
        slope = 1.0 / (parts["value"] * number.unit.factor)
    else:
        slope = _law_slope(key, number, parts, base.temperature, law)
    at = place.at
    tangent.array(number.array)[at] = base.array(number.array)[at] * slope


def _potential(
    stack: Stack, place: Place, over: Mapping[str, ArrayLike], base: StackParameters, tangent: StackParameters
) -> None:
    """Fill the tangent of a potential; bulk occupancies follow where an ocv ties them."""
    (i,) = place.where
    tangent.potential[:, i] = 1.0
    for k, (suffix, spec) in enumerate(stack.layers[i].species_items()):
        if _tied_by(f"{stack.layers[i].name}{suffix}", spec, over) == "potential_V":
            _move_bulk(base, tangent, i, k, _slope(spec["ocv"], "potential_V", "occupancy", base.potential[:, i]))


def _bulk(
    stack: Stack,
    path: str,
    place: Place,
    over: Mapping[str, ArrayLike],
    base: StackParameters,
    tangent: StackParameters,
) -> None:
    """Fill the tangent of an occupancy, or of a composition, which sets occupancy and potential by the ocv."""
    i, k = place.where
    if place.number.key == "occupancy":
        _move_bulk(base, tangent, i, k, np.ones(base.n_points))
        return
    spec = place.spec
    x = np.broadcast_to(_value(over, path, spec.get("composition", np.nan)), (base.n_points,))
    _move_bulk(base, tangent, i, k, _slope(spec["ocv"], "composition", "occupancy", x))
    if f"{stack.layers[i].name}.potential_V" not in over:
        tangent.potential[:, i] = _slope(spec["ocv"], "composition", "potential_V", x)


def _tied_by(path: str, spec: Mapping[str, Any], over: Mapping[str, ArrayLike]) -> str:
    """Say which key sets the bulk occupancy: ``occupancy``, ``composition`` or ``potential_V``."""
    by_composition = f"{path}.composition" in over or "composition" in spec
    if f"{path}.occupancy" in over or ("occupancy" in spec and not by_composition):
        return "occupancy"
    return "composition" if by_composition else "potential_V"


def _move_bulk(base: StackParameters, tangent: StackParameters, i: int, k: int, slope: Array) -> None:
    tangent.bulk_occupancy[:, i, k] = slope
    for shared in members(base.pools, base.statistics, i):
        if k in shared:
            tangent.bulk_vacancy[:, i, shared] = -np.asarray(slope)[:, None]
            return
    if base.statistics[i, k] != Statistics.FERMI_DIRAC:
        tangent.bulk_vacancy[:, i, k] = -slope


def _slope(ocv: Mapping[str, Any], x: str, y: str, at: Array) -> Array:
    """Return dy/dx of the ocv table at `at`, with the same interpolation as the values."""
    knots, column = knots_of(ocv, x, y)
    return pchip(knots, column, np.clip(at, knots[0], knots[-1]), derivative=True)


__all__ = ["parameter_tangent"]
