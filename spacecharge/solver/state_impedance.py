"""Impedance about a state that carries a current, or of a biased contact: what theta changes conducts differently.

The current of a component changes by -sigma dv' - (d sigma/dw) dw v', and that of a contact by more than dv over a
resistance, since i0 follows the occupancies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..model.components import check_no_planes
from .network import EndKinds, Network, components_of, held_components, network_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.charge_transfer import ChargeTransfer
    from .chain import Chain
    from .small_signal import Spectrum
    from .solution import Solution
    from .steady import SteadyState

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


def linear_contacts(chain: Chain, currents: Array) -> Array:
    """Return how w jumps at every inner contact: w_left = ratio w_right + resistance dj.

    Parameters
    ----------
    chain : Chain
        The state.
    currents : ndarray, shape (n_layers - 1,)
        Current through each contact [A m-2].

    Returns
    -------
    ndarray, shape (n_layers - 1, 2)
        Resistance [ohm m2] and ratio; 0 and 1 where a contact passes freely.
    """
    from ..kernels.steady_nodes import contact_jump

    species, _, _, rows, volt = chain.problem
    ends = np.flatnonzero(np.diff(chain.elements[:, 1]))
    found = np.empty((rows.shape[0], 2))
    jump = np.empty(6)
    for c, e in enumerate(ends):
        contact_jump(
            rows[c], species, c, chain.deltas[e, 4, 0], chain.deltas[e + 1, 0, 0], float(currents[c]), volt, jump
        )
        found[c] = volt * jump[3] / (1.0 + jump[1]), (1.0 - jump[2]) / (1.0 + jump[1])
    return found


def _layers_on(chain: Chain, network: Network, held: NDArray[np.bool_], omega: Array) -> Complex:
    """Return the drop of phi over each layer on the present mesh of the chain, shape (n_frequencies, n_layers)."""
    from ..kernels.signal_chain import spectrum
    from ..kernels.signal_profile import fill_profile
    from ..kernels.steady_profile import add_drift

    prepared = chain.solution._prepared
    m = network.order.shape[1]
    none = np.zeros((network.counts.size, 2), dtype=np.int64)
    base = fill_profile(chain.work(), prepared.rows[0], prepared.codes, network.positions, none, m)
    if chain.current != 0.0:
        add_drift(chain.elements, chain.nodes, chain.current, chain.volt, m, base[2])
    out = np.empty((omega.size, network.counts.size), dtype=np.complex128)
    spectrum(omega, (*base, *base), network.order, network.counts, network.contacts, held, out)
    return out


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
    currents : ndarray, shape (n_layers - 1,)
        Current through each contact [A m-2].
    estimate : bool
        Halve the mesh for an estimate of the error (NaN without).

    Returns
    -------
    Spectrum
        Impedance, its parts, and its estimated error.
    """
    from .small_signal import SAFETY, Spectrum

    solution = chain.solution
    check_no_planes(solution.stack)
    components = components_of(solution.stack)
    held = held_components(ends, components)

    def layers() -> Complex:
        network = network_of(solution.parameters, 0, components)
        network.contacts[:, :2] = linear_contacts(chain, currents)[:, :, None]
        return _layers_on(chain, network, held, omega)

    parts = layers()
    total = parts.sum(axis=1)
    error = np.full(omega.size, np.nan)
    if estimate:
        before = chain.elements, chain.nodes, chain.deltas, chain.iterations
        if chain.cut(np.full(chain.elements.shape[0], 2, dtype=np.int64)):
            error = SAFETY * np.abs(layers().sum(axis=1) - total) / np.abs(total) + 1e-13
        chain.elements, chain.nodes, chain.deltas, chain.iterations = before
    return Spectrum(total, parts, error)


def state_spectrum(
    state: SteadyState, omega: Array, ends: EndKinds | Mapping[str, EndKinds], *, estimate: bool = True
) -> Spectrum:
    """Return the spectrum about a state with current; arguments as for :func:`spectrum_about`.

    Raises
    ------
    ModelError
        There is no such state.
    """
    if state.chain is None:
        raise ModelError(f"a solved state is needed ({state.message})", "impedance")
    currents = np.full(len(state.stack.layers) - 1, state.current_density)
    return spectrum_about(state.chain, omega, ends, currents, estimate=estimate)


def biased_spectrum(
    solution: Solution,
    laws: Sequence[ChargeTransfer | None],
    omega: Array,
    ends: EndKinds | Mapping[str, EndKinds],
    *,
    resistance: Array,
    estimate: bool = True,
) -> Spectrum:
    """Return the spectrum of a stack with biased contacts, whose layers are level in themselves.

    Parameters
    ----------
    solution : Solution
        Of the stack with its ``bias_V``.
    laws : sequence of ChargeTransfer or None
        One per inner contact.
    omega, ends, estimate
        As for :func:`spectrum_about`.
    resistance : ndarray, shape (n_layers - 1,)
        Plain resistances of contacts without a law [ohm m2].

    Returns
    -------
    Spectrum
        Impedance, its parts, and its estimated error.
    """
    from .bias import bias_scalars
    from .chain import Chain, contact_rows

    p = solution.parameters
    scalars: dict[str, Any] = {key: np.asarray(value)[None] for key, value in solution.scalars.items()}
    first = int(p.end_contacts[0])
    every = bias_scalars(laws, p, scalars, {})["contact_current_density"][0, first : first + p.n_layers - 1]
    chain = Chain(solution, contact_rows(p, laws, resistance))
    return spectrum_about(chain, omega, ends, np.nan_to_num(every), estimate=estimate)
