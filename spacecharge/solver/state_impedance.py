"""Impedance about a state that carries a current, or of a biased contact: what theta changes conducts differently.

The current of a component changes by -sigma dv' - (d sigma/dw) dw v', and that of a contact by more than dv over a
resistance, since i0 follows the occupancies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..constants import VACUUM_PERMITTIVITY
from ..errors import ModelError
from ..model.charge_transfer import ChargeTransfer
from ..model.components import check_no_planes
from .network import EndKinds, Network, components_of, held_components, network_of
from .signal_mesh import drops_on, loaded_meshes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from .chain import Chain
    from .small_signal import Laws, Spectrum
    from .solution import Solution
    from .steady import SteadyState

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Mesh = tuple[NDArray[np.int64], Array, Array]


def linear_contacts(chain: Chain, currents: Array, n_components: int) -> Array:
    """Return how w jumps at every inner contact: w_left = ratio w_right + resistance dj.

    Parameters
    ----------
    chain : Chain
        The state.
    currents : ndarray, shape (n_layers - 1, n_routes)
        Current of every route through each contact [A m-2].
    n_components : int
        Components of the stack.

    Returns
    -------
    ndarray, shape (n_layers - 1, 2, n_components)
        Resistance [ohm m2] and ratio; 0 and 1 where a component passes freely.
    """
    from ..kernels.steady_nodes import contact_jump

    species, _, _, rows, volt, *_ = chain.problem
    elements, _, deltas, _ = chain.mesh
    found = np.zeros((rows.shape[0], 2, n_components))
    found[:, 1] = 1.0
    jump = np.empty(6)
    for c, e in enumerate(np.flatnonzero(np.diff(elements[:, 1]))):
        for k, component in enumerate(chain.routes.component):
            if chain.routes.spans[k, 0] <= c < chain.routes.spans[k, 1]:
                faces = (deltas[e, 4], deltas[e + 1, 0])
                contact_jump(rows[c, k], species, c, faces, float(currents[c, k]), volt, jump)
                found[c, :, component] = volt * jump[3] / (1.0 + jump[1]), (1.0 - jump[2]) / (1.0 + jump[1])
    return found


def _stored(chain: Chain, contact: int, side: int, component: int) -> float:
    """Return what a plane of sites beside a contact stores of a component [F m-2]; it is level at any current."""
    at = contact + side
    for k, (first, last, _) in enumerate(chain.routes.spans):
        if chain.routes.component[k] == component and first <= at <= last:
            return float(VACUUM_PERMITTIVITY * chain.planes()[1, contact, k])
    return 0.0


def _profile_of(chain: Chain, network: Network, near: float) -> Callable[[float], Mesh]:
    """Return what cuts and reads the mesh of a chain for small signals; see `kernels.signal_state.fill_state`."""
    from ..kernels.signal_state import fill_state

    n_layers, m = network.order.shape
    of_routes = np.full((n_layers, chain.flows.size), -1, dtype=np.int64)
    for k, (component, (first, last, _)) in enumerate(zip(chain.routes.component, chain.routes.spans, strict=True)):
        for layer in range(first, last + 1):
            place = np.flatnonzero(network.order[layer] == component)
            of_routes[layer, k] = place[0] if place.size else -1
    return lambda omega: fill_state(
        chain.problem, chain.mesh, chain.flows, network.positions, of_routes, omega, near, m
    )


def state_values(chain: Chain, network: Network, omega: float = 0.0) -> Mesh:
    """Return where layers begin, elements, and values at their nodes for small signals about the state of a chain.

    As `kernels.signal_state.fill_state` returns them; elements are cut for signals up to `omega` [s-1], 0: not at all.
    """
    from ..kernels.signal_profile import NEAR_FACE

    return _profile_of(chain, network, NEAR_FACE)(omega)


def spectrum_about(
    chain: Chain,
    omega: Array,
    ends: EndKinds | Mapping[str, EndKinds],
    currents: Array,
    *,
    estimate: bool = True,
) -> Spectrum:
    """Return the spectrum about the state of a chain.

    Parameters
    ----------
    chain : Chain
        The state; left as it is.
    omega : ndarray, shape (n_frequencies,)
        Angular frequencies [s-1].
    ends : str or mapping
        As for :func:`spacecharge.impedance`.
    currents : ndarray, shape (n_layers - 1, n_routes)
        Current of every route through each contact [A m-2].
    estimate : bool
        Halve the mesh for an estimate of the error (NaN without).

    Returns
    -------
    Spectrum
        Impedance, its parts, and its estimated error.
    """
    from ..kernels.signal_profile import NEAR_FACE
    from .small_signal import judged

    solution = chain.solution
    components = components_of(solution.stack)
    held = held_components(ends, components, chain.routes.exchanged)

    def layers(state: Chain, near: float) -> Complex:
        network = network_of(solution.parameters, 0, components)
        network.contacts[:, :2] = linear_contacts(state, currents, len(components.names))
        for contact, side, component in network.planes:
            network.contacts[contact, 2 + side, component] = _stored(state, contact, side, component)
        meshes = loaded_meshes(_profile_of(state, network, near), omega)
        return drops_on(meshes, network, held, omega, at_rest=False)

    several = len(components.names) > 1
    halved = chain.halved() if estimate or several else None
    finer = None if halved is None else layers(halved, 0.5 * NEAR_FACE)
    return judged(layers(chain, NEAR_FACE) if estimate or finer is None else None, finer, several)


def loaded_chain(
    solution: Solution | SteadyState, charge_transfer: Laws, contact_resistance: ArrayLike | None
) -> tuple[Chain, Array]:
    """Return a state with current or with biased contacts, and what passes through each of its contacts.

    Parameters
    ----------
    solution : Solution or SteadyState
        The state.
    charge_transfer, contact_resistance : optional
        As for :func:`spacecharge.impedance`; a state with current brings its own.

    Returns
    -------
    chain : Chain
        Mesh and state.
    currents : ndarray, shape (n_layers - 1, n_routes)
        Current of every route through each contact [A m-2].

    Raises
    ------
    ModelError
        There is no such state, or it has contacts of its own.
    """
    from .steady import SteadyState

    if isinstance(solution, SteadyState):
        if charge_transfer is not None or contact_resistance is not None:
            raise ModelError("a state with current brings its contacts along: no law and no resistance", "impedance")
        if solution.chain is None:
            raise ModelError(f"a solved state is needed ({solution.message})", "impedance")
        return solution.chain, np.tile(solution.chain.flows, (len(solution.stack.layers) - 1, 1))
    from .small_signal import contact_resistances

    laws = [charge_transfer] if isinstance(charge_transfer, ChargeTransfer) else list(charge_transfer or ())
    return biased_chain(solution, laws, contact_resistances(solution, None, contact_resistance))


def biased_chain(solution: Solution, laws: Sequence[ChargeTransfer | None], resistance: Array) -> tuple[Chain, Array]:
    """Return the state of a stack with biased contacts, and the current of every route through each contact [A m-2].

    `laws`: one per inner contact; `resistance` (n_layers - 1): plain resistances of contacts without one [ohm m2].
    Shape of the currents: (n_layers - 1, n_routes).
    """
    from .bias import bias_scalars
    from .chain import Chain, contact_rows
    from .routes import routes_of

    check_no_planes(solution.stack)
    p = solution.parameters
    scalars: dict[str, Any] = {key: np.asarray(value)[None] for key, value in solution.scalars.items()}
    first = int(p.end_contacts[0])
    every = bias_scalars(laws, p, scalars, {})["contact_current_density"][0, first : first + p.n_layers - 1]
    routes = routes_of(solution.stack, p)
    chain = Chain(solution, contact_rows(p, laws, resistance, routes), routes)
    currents = np.zeros((p.n_layers - 1, routes.component.size))
    currents[:, 0] = np.nan_to_num(every)
    return chain, currents
