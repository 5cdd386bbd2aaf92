"""Between named quantities and the packed rows of the kernels: parameters in, observables and profiles out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import EndKind, Status
from ..errors import ModelError
from ..model import StackParameters
from ..model.numbers import SPECIES
from .outputs import OUTPUTS

Array = NDArray[np.float64]

SPECIES_COLUMNS = ("Z", "SITES", "THETA", "VACANCY", "J_OCC", "J_VAC", "DIFFUSIVITY")
"""Columns of a species in an input row (see ``kernels.layout``)."""


@dataclass(frozen=True, slots=True)
class LayerProfile:
    """Profiles of one layer, left to right.

    Attributes
    ----------
    name : str
        Name of the layer.
    x : ndarray, shape (n_nodes,)
        Position [m], 0 at the first contact.
    potential : ndarray, shape (n_nodes,)
        Electrostatic potential [V], 0 in the neutral bulk of the last layer.
    occupancy, vacancy : ndarray, shape (n_nodes,) or (n_species, n_nodes)
        theta and 1 - theta [1]; the vacancy fraction is NaN for dilute species.
    """

    name: str
    x: Array
    potential: Array
    occupancy: Array
    vacancy: Array


def pack_rows(parameters: StackParameters, tolerance_V: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    """Return input rows (n_points, row_size) and integer codes for the kernels (see ``kernels.layout``)."""
    p = parameters
    n_points, n_layers, n_species = p.n_points, p.n_layers, p.n_species
    width = 2 + 2 * n_layers + 2 * (n_layers - 1) + 2 + 7 * n_layers * n_species
    rows = np.empty((n_points, width))
    rows[:, 0] = p.temperature
    rows[:, 1] = tolerance_V
    at = 2 + 2 * n_layers
    rows[:, 2:at:2] = p.thickness
    rows[:, 3:at:2] = p.permittivity
    end = at + 2 * (n_layers - 1)
    rows[:, at:end:2] = p.contact_step
    rows[:, at + 1 : end : 2] = p.contact_charge
    rows[:, end : end + 2] = p.end_value
    if p.end_kind[0] == EndKind.ELECTROSTATIC_POTENTIAL:
        # The kernels count from the neutral bulk of the layer itself.
        rows[:, end] -= p.neutral_potential[:, 0] - p.neutral_potential[:, -1]
    per_species = rows[:, end + 2 :].reshape(n_points, n_layers, n_species, 7)
    for number in SPECIES:
        if number.column:
            per_species[..., SPECIES_COLUMNS.index(number.column)] = p.array(number.array)
    per_species[..., SPECIES_COLUMNS.index("VACANCY")] = p.bulk_vacancy
    laws = np.stack([p.statistics, p.transport], axis=-1).ravel()
    codes = np.concatenate([np.array([n_layers, n_species, p.end_kind[0], p.end_kind[1]]), laws]).astype(np.int64)
    return rows, codes


def unpack_scalars(out: Array, parameters: StackParameters, resistance_of: Sequence[str] | None) -> dict[str, Array]:
    """Return the named observables of output rows.

    Parameters
    ----------
    out : ndarray, shape (n_points, output_width)
        Rows filled by the kernel.
    parameters : StackParameters
        The points.
    resistance_of : sequence of str, optional
        Layers that count in `interface_resistance`; default: every layer with a diffusivity.

    Returns
    -------
    dict
        Arrays by the names of ``solver.outputs.OUTPUTS``.

    Raises
    ------
    ModelError
        `resistance_of` names no layer.
    """
    p = parameters
    n_points, n_layers, n_species = p.n_points, p.n_layers, p.n_species
    face = 3 + 3 * n_species
    block = 5 + 2 * face
    blocks = out[:, 7 : 7 + n_layers * block].reshape(n_points, n_layers, block)
    faces = blocks[:, :, 5:].reshape(n_points, n_layers, 2, face)
    # Contact planes 0 .. n_layers: left end, inner contacts, right end; side 0 is the layer left of the plane.
    planes = np.full((n_points, n_layers + 1, 2, face), np.nan)
    planes[:, 1:, 0] = faces[:, :, 1]
    planes[:, :-1, 1] = faces[:, :, 0]
    capacitance = out[:, 7 + n_layers * block :].reshape(n_points, n_layers + 1, 2)
    keep = p.contact_planes
    planes, capacitance = planes[:, keep], capacitance[:, keep]
    neutral = np.full((n_points, n_layers + 1, 2), np.nan)
    against_last = p.neutral_potential - p.neutral_potential[:, -1:]
    neutral[:, 1:, 0] = against_last
    neutral[:, :-1, 1] = against_last
    of_species = planes[..., 3:].reshape(*planes.shape[:3], n_species, 3)
    if n_species == 1:
        of_species = of_species[..., 0, :]
    conducts = counted_layers(p, resistance_of)
    per_contact = contact_resistance(p, resistance_of, planes[..., 2])
    differential = capacitance[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        frequency = 1.0 / (2.0 * np.pi * per_contact * differential)
    frequency[~(per_contact > 0.0)] = np.nan
    if conducts.any():
        interface = blocks[:, conducts, 4].sum(axis=1)
    else:
        interface = np.full(n_points, np.nan)
    scalars: dict[str, Array] = {
        "status": out[:, 0].astype(np.int32),
        "iterations": np.nan_to_num(out[:, 1]).astype(np.int32),
        "contact_potential": planes[..., 0] + neutral[:, keep],
        "contact_field": planes[..., 1],
        "space_charge_potential": planes[..., 0],
        "contact_occupancy": of_species[..., 0],
        "contact_vacancy": of_species[..., 1],
        "space_charge_width": of_species[..., 2],
        "resistance": planes[..., 2],
        "charge": blocks[..., 0],
        "debye_length": blocks[..., 1],
        "layer_resistance": blocks[..., 2],
        "excess_resistance": blocks[..., 3],
        "interface_resistance": interface,
        "static_capacitance": capacitance[..., 1],
        "differential_capacitance": differential,
        "characteristic_frequency": frequency,
        "potential_error_estimate": out[:, 3],
        "resistance_error_estimate": out[:, 4],
        "charge_balance": out[:, 5],
        "validity": np.nan_to_num(out[:, 6]).astype(np.int32),
    }
    failed = ~np.isin(scalars["status"], [status for status in Status if status.has_answer])
    if failed.any():
        for output in OUTPUTS:
            if output.dtype == "f8":
                scalars[output.name][failed] = np.nan
    return scalars


def counted_layers(parameters: StackParameters, resistance_of: Sequence[str] | None) -> NDArray[np.bool_]:
    """Return which layers count in the interface resistance."""
    p = parameters
    if resistance_of is None:
        return np.asarray(np.isfinite(p.diffusivity).any(axis=(0, 2)))
    counted = np.zeros(p.n_layers, dtype=bool)
    for name in resistance_of:
        if name not in p.layer_names:
            raise ModelError(f"no layer {name!r} (layers: {', '.join(p.layer_names)})", "output.resistance_of")
        counted[p.layer_names.index(name)] = True
    return counted


def contact_resistance(parameters: StackParameters, resistance_of: Sequence[str] | None, resistance: Array) -> Array:
    """Return the resistance of both regions of every contact, over the layers that count.

    Parameters
    ----------
    parameters : StackParameters
        The points.
    resistance_of : sequence of str or None
        Layers that count.
    resistance : ndarray, shape (n_points, n_contacts, 2)
        Resistance per side [ohm m2].

    Returns
    -------
    ndarray, shape (n_points, n_contacts)
        Sum over the sides [ohm m2]; 0 where no side counts.
    """
    p = parameters
    counted = counted_layers(p, resistance_of)
    of_plane = np.zeros((p.n_layers + 1, 2), dtype=bool)
    of_plane[1:, 0] = counted
    of_plane[:-1, 1] = counted
    return np.asarray(np.nansum(np.where(of_plane[p.contact_planes], resistance, np.nan), axis=2))


SENSITIVE = tuple(
    output.name
    for output in OUTPUTS
    if output.dtype == "f8"
    and output.name not in ("potential_error_estimate", "resistance_error_estimate", "charge_balance")
)
"""Observables that have sensitivities."""


def unpack_sensitivities(
    slopes: Array, tangent: StackParameters, scalars: dict[str, Array], resistance_of: Sequence[str] | None
) -> dict[str, Array]:
    """Return the named derivatives of observables with respect to one parameter.

    Parameters
    ----------
    slopes : ndarray, shape (n_points, output_width)
        Derivatives of the output rows.
    tangent : StackParameters
        Derivatives of the arrays of the stack.
    scalars : dict
        The observables themselves.
    resistance_of : sequence of str or None
        Layers that count in `interface_resistance`.

    Returns
    -------
    dict
        Arrays shaped like the observables, in their unit per SI unit of the parameter.
    """
    rows = slopes.copy()
    rows[:, 0] = scalars["status"]
    named = unpack_scalars(rows, tangent, resistance_of)
    change = contact_resistance(tangent, resistance_of, named["resistance"])
    value = contact_resistance(tangent, resistance_of, scalars["resistance"])
    with np.errstate(divide="ignore", invalid="ignore"):
        named["characteristic_frequency"] = -scalars["characteristic_frequency"] * (
            change / value + named["differential_capacitance"] / scalars["differential_capacitance"]
        )
    return {name: named[name] for name in SENSITIVE}


def output_width(parameters: StackParameters) -> int:
    """Return the length of an output row (see ``kernels.layout``)."""
    p = parameters
    return 7 + p.n_layers * (5 + 2 * (3 + 3 * p.n_species)) + 2 * (p.n_layers + 1)


def profile_positions(parameters: StackParameters, profile_x: Sequence[Array]) -> tuple[Array, NDArray[np.int64]]:
    """Return distances from the faces that `sample_rows` wants, and where each layer starts in them."""
    parts = []
    for i, x in enumerate(profile_x):
        if i == 0 and parameters.n_layers > 1:
            parts.append(-np.asarray(x, dtype=float))
        else:
            parts.append(np.asarray(x, dtype=float) - float(x[0]))
    starts = np.concatenate([[0], np.cumsum([part.size for part in parts])]).astype(np.int64)
    return np.ascontiguousarray(np.concatenate(parts)), starts


def unpack_profiles(
    parameters: StackParameters, starts: NDArray[np.int64], y: Array, occupancy: Array, vacancy: Array
) -> tuple[dict[str, Array], ...]:
    """Split sampled profiles by layer; potentials in volts against the neutral bulk of the last layer."""
    p = parameters
    result = []
    for i in range(p.n_layers):
        part = slice(starts[i], starts[i + 1])
        neutral = p.neutral_potential[:, i] - p.neutral_potential[:, -1]
        fields = {"potential": y[:, part] * p.thermal_voltage[:, None] + neutral[:, None]}
        for name, values in (("occupancy", occupancy), ("vacancy", vacancy)):
            fields[name] = values[:, 0, part] if p.n_species == 1 else values[:, :, part]
        result.append(fields)
    return tuple(result)


def unpack_layers(state: Array, parameters: StackParameters) -> tuple[LayerProfile, ...]:
    """Return the nodes of the solve whose work array is `state`, layer by layer."""
    from ..kernels.sample import read_nodes
    from ..kernels.workspace import FIRST, STRIDE

    p = parameters
    row, codes = pack_rows(p, 1e-6)
    work = np.zeros(state.shape[0] * STRIDE)
    work.reshape(-1, STRIDE)[:, : state.shape[1]] = state
    first = state[FIRST, : p.n_layers + 1].astype(int)
    volt = float(p.thermal_voltage[0])
    left = -float(p.thickness[0, 0]) if p.n_layers > 1 else 0.0
    layers = []
    for i, name in enumerate(p.layer_names):
        n = 4 * (first[i + 1] - first[i]) + 1
        x, y = np.empty(n), np.empty(n)
        occupancy, vacancy = np.empty((p.n_species, n)), np.empty((p.n_species, n))
        read_nodes(work, row[0], codes, i, x, y, occupancy, vacancy)
        x += left
        left += float(p.thickness[0, i])
        if i == 0 and p.n_layers > 1:
            x[-1] = 0.0
        neutral = float(p.neutral_potential[0, i] - p.neutral_potential[0, -1])
        if p.n_species == 1:
            occupancy, vacancy = occupancy[0], vacancy[0]
        layers.append(LayerProfile(name, x, y * volt + neutral, occupancy, vacancy))
    return tuple(layers)
