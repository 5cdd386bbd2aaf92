"""Profiles of a state with current at positions of the caller's choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..kernels.rows import TRANSPORT_VACANCY

if TYPE_CHECKING:
    from .chain import Chain
    from .steady import SteadyState

Array = NDArray[np.float64]

FIELDS = ("potential", "occupancy", "vacancy", "electrochemical_potential", "current_density")
"""Names of the profiles; all but the potential are those of a species."""


def sample_state(state: SteadyState, profile_x: Sequence[Array]) -> tuple[dict[str, Array], ...]:
    """Return the profiles of a state layer by layer, NaN outside a layer and where there is no state.

    Parameters
    ----------
    state : SteadyState
        The state.
    profile_x : sequence of ndarray
        Positions of each layer [m], 0 at the first contact.

    Returns
    -------
    tuple of dict
        ``potential`` phi [V], ``occupancy``, ``vacancy`` [1], ``electrochemical_potential`` v of the species' component
        [V], ``current_density`` of the species [A m-2]; (n_x,), or (n_species, n_x) with several species.

    Notes
    -----
    Read off the polynomials of the solve: phi, v and the logarithm of theta/(1 - theta) are interpolated, so that
    occupancies stay between 0 and 1. Species of one component share its current as they conduct.
    """
    n_species = max(len(layer.species_names) for layer in state.stack.layers)
    species = () if n_species == 1 else (n_species,)
    layers = []
    for i, x in enumerate(profile_x):
        shapes = {name: (x.size,) if name == "potential" else (*species, x.size) for name in FIELDS}
        found = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
        if state.chain is not None:
            _sample_layer(state.chain, state.voltage, i, np.asarray(x, dtype=float), found)
        layers.append(found)
    return tuple(layers)


def _sample_layer(chain: Chain, voltage: float, layer: int, x: Array, found: dict[str, Array]) -> None:
    """Fill the profiles of one layer."""
    from ..kernels.element import basis_at
    from ..kernels.steady_profile import occupancies_of

    p, (elements, nodes, deltas, _) = chain.solution.parameters, chain.mesh
    places, v, _ = chain.at_nodes()
    mine = np.flatnonzero(elements[:, 1] == layer)
    left, right = places[mine[0], 0], places[mine[-1], 4]
    slack = 1e-12 * (right - left)
    inside = np.flatnonzero((x >= left - slack) & (x <= right + slack))
    e = mine[np.clip(np.searchsorted(places[mine, 0], x[inside], side="right") - 1, 0, mine.size - 1)]
    t = np.clip((x[inside] - places[e, 0]) / elements[e, 0], 0.0, 1.0)
    basis = basis_at(t)

    def at(values: Array) -> Array:
        return np.asarray((basis * values[e]).sum(axis=1))

    level = float(p.neutral_potential[0, layer] - p.neutral_potential[0, -1])
    found["potential"][inside] = at(nodes[:, :, 0] * chain.volt + v[0]) + voltage + level
    conducting = np.zeros((p.n_species, inside.size))
    for s, route in enumerate(chain.routes.of_species[layer]):
        if route < 0:
            continue
        row = (inside,) if p.n_species == 1 else (s, inside)
        theta, vacancy = np.empty(inside.size), np.empty(inside.size)
        occupancies_of(chain.problem[0], layer, s, at(deltas[:, :, s]), theta, vacancy)
        found["occupancy"][row], found["vacancy"][row] = theta, vacancy
        found["electrochemical_potential"][row] = at(v[route]) + voltage
        mobility = float(p.charge_number[0, layer, s]) ** 2 * float(p.site_density[0, layer, s])
        conducting[s] = mobility * np.nan_to_num(float(p.diffusivity[0, layer, s])) * theta
        if p.transport[layer, s] == TRANSPORT_VACANCY:
            conducting[s] *= vacancy / float(p.bulk_vacancy[0, layer, s])
    for s, route in enumerate(chain.routes.of_species[layer]):
        if route < 0:
            continue
        row = (inside,) if p.n_species == 1 else (s, inside)
        together = conducting[chain.routes.of_species[layer] == route].sum(axis=0)
        share = np.divide(conducting[s], together, out=np.zeros(inside.size), where=together > 0.0)
        found["current_density"][row] = chain.flows[route] * share


__all__ = ["FIELDS", "sample_state"]
