"""Derivatives of the SI arrays of a stack with respect to one of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE, NM, PER_NM3
from ..errors import ModelError
from .interpolation import pchip
from .layer import ARRHENIUS_REFERENCE_K, RANGES, Layer, Stack
from .parameters import StackParameters, number_at, numeric_paths, stack_parameters

Array = NDArray[np.float64]

SI_FACTOR = {
    "thickness_nm": NM,
    "site_density_per_nm3": PER_NM3,
    "occupied_eV": ELEMENTARY_CHARGE,
    "vacancy_eV": ELEMENTARY_CHARGE,
    "activation_energy_eV": ELEMENTARY_CHARGE,
    "segregation_energy_eV": ELEMENTARY_CHARGE,
    "ionisation_potential_eV": ELEMENTARY_CHARGE,
    "background_charge_e_per_nm3": PER_NM3,
}
"""SI units per unit of the key, where they differ."""


def parameter_tangent(
    stack: Stack, path: str, overrides: Mapping[str, ArrayLike] | None = None
) -> tuple[StackParameters, StackParameters]:
    """Return the arrays of a stack and their derivatives with respect to one number.

    Parameters
    ----------
    stack : Stack
        The stack.
    path : str
        Dotted path of the number, one of :func:`~spacecharge.model.numeric_paths`.
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
    if path not in numeric_paths(stack) and path not in over:
        raise ModelError("names no number of this stack that a sensitivity can be taken of", path)
    if any(layer.defects is not None or layer.core_of is not None for layer in stack.layers):
        return base, _by_differences(stack, path, over, base)
    zeros = {f.name: np.zeros_like(getattr(base, f.name)) for f in fields(base) if _is_array(getattr(base, f.name))}
    kept = {f.name: getattr(base, f.name) for f in fields(base) if not _is_array(getattr(base, f.name))}
    tangent = StackParameters(**zeros, **kept)
    tangent.diffusivity[np.isnan(base.diffusivity)] = np.nan
    head, _, tail = path.partition(".")
    if path == "temperature_K":
        tangent.temperature[:] = 1.0
        _temperature(stack, over, base, tangent)
    elif head == "contacts":
        index, _, key = tail.partition(".")
        field = tangent.contact_charge if key == "charge_C_per_m2" else tangent.contact_dipole
        field[:, int(index)] = 1.0
    elif head == "ends":
        tangent.end_value[:, 0 if tail.startswith("left") else 1] = 1.0
    else:
        _layer(stack, head, tail, over, base, tangent)
    return base, tangent


def _by_differences(stack: Stack, path: str, over: Mapping[str, ArrayLike], base: StackParameters) -> StackParameters:
    """Return d(array)/d(number) where bulks follow from equilibria: a five-point rule on the arrays themselves.

    Equilibria are exact to rounding, so that the rule is good to about 1e-10.
    """
    key = path.rsplit(".", 1)[-1]
    here = np.broadcast_to(_value(over, path, number_at(stack, path)), (base.n_points,)).astype(float)
    step = np.where(here == 0.0, 1.0, np.abs(here)) * 1e-4
    if key == "temperature_K":
        step = here * 2e-5
    elif key.endswith(("_eV", "_V")):
        step = np.full_like(here, 1e-4)
    moved = [stack_parameters(stack, {**over, path: here + m * step}) for m in (-2.0, -1.0, 1.0, 2.0)]
    scale = 12.0 * step * SI_FACTOR.get(key, 1.0)
    rules = {}
    for f in fields(base):
        value = getattr(base, f.name)
        if _is_array(value):
            a, b, c, d = (getattr(m, f.name) for m in moved)
            over_points = scale.reshape(-1, *[1] * (value.ndim - 1))
            rules[f.name] = (8.0 * (c - b) - (d - a)) / over_points
        else:
            rules[f.name] = value
    return StackParameters(**rules)


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float64


def _value(over: Mapping[str, ArrayLike], path: str, default: float) -> Array:
    return np.asarray(over.get(path, default), dtype=float)


def _temperature(stack: Stack, over: Mapping[str, ArrayLike], base: StackParameters, tangent: StackParameters) -> None:
    """dD/dT = D Ea/(k T^2) of every Arrhenius law."""
    for i, layer in enumerate(stack.layers):
        for k, (suffix, spec) in enumerate(layer.species_items()):
            law = spec.get("diffusivity_m2_per_s")
            path = f"{layer.name}{suffix}.diffusivity_m2_per_s"
            if isinstance(law, Mapping) and path not in over:
                barrier = _value(over, f"{path}.activation_energy_eV", law.get("activation_energy_eV", 0.0))
                rate = barrier * ELEMENTARY_CHARGE / (BOLTZMANN * base.temperature**2)
                tangent.diffusivity[:, i, k] = base.diffusivity[:, i, k] * rate


def _layer(
    stack: Stack,
    name: str,
    tail: str,
    over: Mapping[str, ArrayLike],
    base: StackParameters,
    tangent: StackParameters,
) -> None:
    """Fill the tangent of a number of a layer or of one of its species."""
    i = stack.names.index(name)
    layer = stack.layers[i]
    if tail == "thickness_nm":
        tangent.thickness[:, i] = 1.0
        return
    if tail == "permittivity":
        tangent.permittivity[:, i] = 1.0
        return
    if tail == "potential_V":
        tangent.potential[:, i] = 1.0
        for k, (suffix, spec) in enumerate(layer.species_items()):
            if _tied_by(layer, f"{name}{suffix}", spec, over) == "potential_V":
                _move_bulk(base, tangent, i, k, _slope(spec["ocv"], "potential_V", "occupancy", base.potential[:, i]))
        return
    for k, (suffix, spec) in enumerate(layer.species_items()):
        prefix = f"{suffix[1:]}." if suffix else ""
        if tail.startswith(prefix):
            key = tail[len(prefix) :]
            if suffix or "." not in key or key.split(".")[0] in ("interaction", "diffusivity_m2_per_s"):
                _species(layer, f"{name}{suffix}", spec, key, over, base, tangent, (i, k))
                return
    raise ModelError("names no number of this stack that a sensitivity can be taken of", f"{name}.{tail}")


def _species(
    layer: Layer,
    path: str,
    spec: Mapping[str, Any],
    key: str,
    over: Mapping[str, ArrayLike],
    base: StackParameters,
    tangent: StackParameters,
    where: tuple[int, int],
) -> None:
    """Fill the tangent of a number of one species."""
    i, k = where
    at = np.s_[:, i, k]
    plain = {
        "charge_number": tangent.charge_number,
        "site_density_per_nm3": tangent.site_density,
        "interaction.occupied_eV": tangent.interaction_occupied,
        "interaction.vacancy_eV": tangent.interaction_vacancy,
        "diffusivity_m2_per_s": tangent.diffusivity,
    }
    if key in plain:
        plain[key][at] = 1.0
    elif key == "occupancy":
        _move_bulk(base, tangent, i, k, np.ones(base.n_points))
    elif key == "composition":
        x = np.broadcast_to(_value(over, f"{path}.composition", spec.get("composition", np.nan)), (base.n_points,))
        _move_bulk(base, tangent, i, k, _slope(spec["ocv"], "composition", "occupancy", x))
        if f"{layer.name}.potential_V" not in over:
            tangent.potential[:, i] = _slope(spec["ocv"], "composition", "potential_V", x)
    elif key.startswith("diffusivity_m2_per_s."):
        law = spec["diffusivity_m2_per_s"]
        base_path = f"{path}.diffusivity_m2_per_s"
        value = _value(over, f"{base_path}.value", law["value"])
        reference = _value(over, f"{base_path}.at_K", law.get("at_K", ARRHENIUS_REFERENCE_K))
        barrier = _value(over, f"{base_path}.activation_energy_eV", law.get("activation_energy_eV", 0.0))
        factor = {
            "value": 1.0 / value,
            "at_K": -barrier * ELEMENTARY_CHARGE / (BOLTZMANN * reference**2),
            "activation_energy_eV": -(1.0 / base.temperature - 1.0 / reference) / BOLTZMANN,
        }[key.rsplit(".", 1)[-1]]
        tangent.diffusivity[at] = base.diffusivity[at] * factor
    else:
        raise ModelError("names no number of this stack that a sensitivity can be taken of", f"{path}.{key}")


def _tied_by(layer: Layer, path: str, spec: Mapping[str, Any], over: Mapping[str, ArrayLike]) -> str:
    """Say which key sets the bulk occupancy: ``occupancy``, ``composition`` or ``potential_V``."""
    by_composition = f"{path}.composition" in over or "composition" in spec
    if f"{path}.occupancy" in over or ("occupancy" in spec and not by_composition):
        return "occupancy"
    return "composition" if by_composition else "potential_V"


def _move_bulk(base: StackParameters, tangent: StackParameters, i: int, k: int, slope: Array) -> None:
    tangent.bulk_occupancy[:, i, k] = slope
    tangent.bulk_vacancy[:, i, k] = -slope


def _slope(ocv: Mapping[str, Any], x: str, y: str, at: Array) -> Array:
    """Return dy/dx of the ocv table at `at`, with the same interpolation as the values."""
    knots, column = np.asarray(ocv[x], dtype=float), np.asarray(ocv[y], dtype=float)
    order = np.argsort(knots)
    knots, column = knots[order], column[order]
    return pchip(knots, column, np.clip(at, knots[0], knots[-1]), derivative=True)


__all__ = ["RANGES", "SI_FACTOR", "parameter_tangent"]
