"""Whole profiles of a thick layer from the first integral: potential and occupancies at given distances."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError
from ..model import Stack, StackParameters, stack_parameters
from .contact_state import first_integral
from .laws import Side, make_side
from .panels import panels

Array = NDArray[np.float64]

TAIL = 1e-9
"""Reduced potential below which the decay is taken as exponential; the relative error made is of its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideProfile:
    """Profile of one side of a contact.

    Attributes
    ----------
    distance : ndarray, shape (n_x,)
        Distance from the contact [m].
    potential : ndarray, shape (n_x,)
        Electrostatic potential minus that of the layer's neutral bulk [V].
    slope : ndarray, shape (n_x,)
        Derivative of the potential by the distance from the contact [V/m].
    occupancy, vacancy : ndarray, shape (n_species, n_x)
        theta and 1 - theta; NaN for a species without sites here, vacancy NaN for a dilute one [1].
    """

    distance: Array
    potential: Array
    slope: Array
    occupancy: Array
    vacancy: Array


def side_profile(
    stack: Stack | StackParameters,
    distance: ArrayLike,
    *,
    contact: int = 0,
    side: int = 0,
    point: int = 0,
) -> SideProfile:
    """Return the exact profile of one side of a contact at given distances from it.

    Parameters
    ----------
    stack : Stack or StackParameters
        The stack; every layer is taken as thick.
    distance : array_like, shape (n_x,)
        Distances from the contact, zero or more, in any order [m].
    contact : int
        Index into ``StackParameters.contact_names``.
    side : int
        0 for the layer left of the contact, 1 for the layer right of it.
    point : int
        Which point of the sweep.

    Returns
    -------
    SideProfile
        Accurate to about 1e-12 of the contact potential.

    Raises
    ------
    ModelError
        The contact has no layer on that side, or a distance is negative.
    """
    parameters = stack_parameters(stack) if isinstance(stack, Stack) else stack
    states = first_integral(parameters, point)
    potential = float(states[contact].space_charge_potential[side])
    if math.isnan(potential):
        raise ModelError("there is no layer on that side", parameters.contact_names[contact])
    is_left_end = parameters.end_contacts[0]
    layer = make_side(parameters, point, contact - int(is_left_end) + side)
    return _profile(layer, potential, np.asarray(distance, dtype=float), parameters.n_species)


def _profile(side: Side, contact_potential: float, distance: Array, n_species: int) -> SideProfile:
    """Invert x(tau) panel by panel; beyond the last panel the potential decays with the Debye length."""
    if (distance < 0.0).any():
        raise ModelError("distances from a contact cannot be negative", "distance")
    sign = math.copysign(1.0, contact_potential)
    tau_s = abs(contact_potential) / side.thermal_voltage
    tau = np.zeros_like(distance)
    if tau_s > 0.0:
        tau = _potential_at(side, sign, tau_s, distance)
    parameter = side.parameter_of(sign, tau)
    _, _, states = side.along(sign, parameter)
    occupancy = np.full((n_species, distance.size), np.nan)
    vacancy = np.full_like(occupancy, np.nan)
    for s, state in zip(side.species, states, strict=True):
        occupancy[s], vacancy[s] = state.occupancy, state.vacancy
    slope = np.zeros_like(tau)
    if tau_s > 0.0:
        edges, energy, _ = _table(side, sign, tau_s)
        k = np.clip(np.searchsorted(edges, parameter) - 1, 0, edges.size - 2)
        p = panels(side, sign, edges[k], parameter, energy[k])
        slope = -sign * side.thermal_voltage / side.length * np.sqrt(2.0 * p.edge_energy)
    return SideProfile(
        distance=distance,
        potential=sign * side.thermal_voltage * tau,
        slope=slope,
        occupancy=occupancy,
        vacancy=vacancy,
    )


def _table(side: Side, sign: float, tau_s: float) -> tuple[Array, Array, Array]:
    """Return panel edges down to the tail, the energy there, and the distance from the contact [m]."""
    # A fraction of 1e-2 puts the first edge near 0.01; halve from there down to the tail.
    edges = side.knots(sign, tau_s, 0.01)
    low = min(TAIL, 0.5 * edges[1])
    fine = np.geomspace(low, edges[1], 1 + max(1, math.ceil(math.log2(edges[1] / low))))
    edges = np.concatenate([[0.0], fine, edges[2:]])
    p = panels(side, sign, edges[:-1], edges[1:])
    lengths = (side.length * p.weight / np.sqrt(2.0 * p.energy)).sum(axis=1)
    # The first panel reaches the bulk, infinitely far away.
    lengths[0] = np.inf
    distance = np.concatenate([np.cumsum(lengths[::-1])[::-1], [0.0]])
    return edges, p.edge_energy, distance


def _potential_at(side: Side, sign: float, tau_s: float, distance: Array) -> Array:
    """Return the reduced potential at the distances: Newton inside the panel that holds each of them."""
    edges, energy, at = _table(side, sign, tau_s)
    tail_parameter = np.array([edges[1]])
    tail = float(side.along(sign, tail_parameter)[0][0])
    result = tail * np.exp(-np.maximum(distance - at[1], 0.0) / side.debye_length)
    inside = distance < at[1]
    x = distance[inside]
    if x.size == 0:
        return np.asarray(result)
    k = np.clip(np.searchsorted(-at, -x, side="right") - 1, 1, edges.size - 2)
    low, high = edges[k].copy(), edges[k + 1].copy()
    start, stop = edges[k], edges[k + 1]
    # Distance is closer to a logarithm than to a line in the panels near the bulk.
    share = (at[k] - x) / (at[k] - at[k + 1])
    guess = start * (stop / start) ** share
    for _ in range(60):
        p = panels(side, sign, start, guess, energy[k])
        reached = at[k] - (side.length * p.weight / np.sqrt(2.0 * p.energy)).sum(axis=1)
        _, stretch, _ = side.along(sign, guess)
        rate = side.length * stretch / np.sqrt(2.0 * p.edge_energy)
        miss = reached - x
        low, high = np.where(miss > 0.0, guess, low), np.where(miss > 0.0, high, guess)
        new = guess + miss / rate
        ok = (new >= low) & (new <= high)
        new = np.where(ok, new, 0.5 * (low + high))
        done = np.abs(new - guess) <= 1e-9 * guess
        guess = new
        if done.all():
            break
    result[inside] = side.along(sign, guess)[0]
    return np.asarray(result)
