"""Impedance: the linear response of a stack at rest to a small alternating voltage.

The equations are those of the small signal about the state that a solve has left: with v_c the electrochemical
potential of a component over its charge and C its chemical capacitance,

    i w C (v_c - phi) = d/dx(sigma_c dv_c/dx),   -d/dx(eps0 eps dphi/dx) = sum_c C_c (v_c - phi),   Z = V/J,

solved on the elements of that solve (see ``kernels.signal_element``), cut finer towards the faces where a frequency
asks for it; homogeneous stretches are exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError
from ..model.charge_transfer import ChargeTransfer, occupancy_factor
from .network import EndKinds, Network, components_of, held_components, network_of
from .signal_mesh import drops_on, meshes_of

if TYPE_CHECKING:
    from .solution import Solution
    from .steady import SteadyState

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Laws = ChargeTransfer | Sequence[ChargeTransfer | None] | None
Transfers = tuple[tuple[int, float, float], ...]

VANISHING = 1e-30
"""An angular frequency [s-1] so low that Re Z is its limit: its first correction is the square of w tau.

Real and imaginary parts are each right to rounding (see ``kernels.signal_element``): a derivative by a complex step."""

SAFETY = 4.0
"""What the mesh gets wrong is what halving it changes; the factor covers what the halved one still misses.

Where lengths of several layers meet the first differences are irregular: of 300 random stacks 2 % exceed twice the
change, by up to 2.2 times."""

NEGLECTED = 5e-9
"""What both meshes may neglect alike, where they take the same stretch for homogeneous: no estimate lies below this.

Of 300 random stacks the largest error that halving did not show was 3e-9."""


class Spectrum(NamedTuple):
    """Impedance of one point.

    Attributes
    ----------
    impedance : ndarray of complex, shape (n_frequencies,)
        Z = V/J of the whole stack [ohm m2].
    layers : ndarray of complex, shape (n_frequencies, n_layers)
        Drop of phi over each layer, over J [ohm m2].
    error_estimate : ndarray, shape (n_frequencies,)
        Estimated relative error of Z [1].
    """

    impedance: Complex
    layers: Complex
    error_estimate: Array


def contact_resistances(solution: Solution, charge_transfer: Laws = None, resistance: ArrayLike | None = None) -> Array:
    """Return the resistance to charge transfer of every inner contact, shape (n_layers - 1,) [ohm m2].

    Parameters
    ----------
    solution : Solution
        The space-charge layers.
    charge_transfer : ChargeTransfer or sequence, optional
        Law of the first contact, or one (or None) per contact.
    resistance : array_like, shape (n_layers - 1,), optional
        Plain resistances [ohm m2], in series with the laws and with those of the stack's contacts.
    """
    return _contacts(solution, charge_transfer, resistance)[0]


def _contacts(solution: Solution, charge_transfer: Laws, resistance: ArrayLike | None) -> tuple[Array, Transfers]:
    """Return the resistances of all contacts, and contact, symmetry factor and resistance [ohm m2] of every law."""
    n = solution.parameters.n_layers - 1
    total: Array = solution.parameters.array("contact_resistance")[0].copy()
    transfers: Transfers = ()
    if charge_transfer is not None:
        from .transfer import charge_transfer_resistance

        first = int(solution.parameters.end_contacts[0])
        per_contact = charge_transfer_resistance(solution, charge_transfer)[first : first + n]
        total += np.nan_to_num(per_contact, nan=0.0)
        laws = [charge_transfer] if isinstance(charge_transfer, ChargeTransfer) else charge_transfer
        transfers = tuple(
            (i, float(np.asarray(law.symmetry_factor)), float(per_contact[i]))
            for i, law in enumerate(laws)
            if law is not None
        )
    if resistance is not None:
        total += np.broadcast_to(np.asarray(resistance, dtype=float), (n,))
    return total, transfers


def on_mesh(work: Array, row: Array, codes: Any, network: Network, held: NDArray[np.bool_], omega: Array) -> Complex:
    """Return the drop of phi over each layer on the mesh in `work`, shape (n_frequencies, n_layers)."""
    return drops_on(meshes_of(work, row, codes, network, omega), network, held, omega)


def point_spectrum(
    work: Array,
    row: Array,
    codes: Any,
    network: Network,
    held: NDArray[np.bool_],
    omega: Array,
    *,
    estimate: bool = True,
) -> Spectrum:
    """Return the spectrum of the state in a work array; with `estimate` the array then holds that of a halved mesh.

    Parameters
    ----------
    work, row, codes
        Work array, input row and codes of a solve.
    network : Network
        Components and contacts.
    held : ndarray of bool, shape (2, n_components)
        Components that an end exchanges.
    omega : ndarray, shape (n_frequencies,)
        Angular frequencies [s-1].
    estimate : bool
        Solve again on a halved mesh; what changes is the error estimate (NaN without). Where several components conduct
        the answer is always that of the halved mesh: there their paths add up to the direct resistance to 1e-9.

    Returns
    -------
    Spectrum
        Impedance, its parts, and its estimated error.
    """
    from ..kernels.signal_profile import face_shares, halve_state

    several = bool(network.counts.max() > 1)
    meshes, before = meshes_of(work, row, codes, network, omega), np.empty((network.counts.size, 2, 2))
    finer = None
    if network.transfers and (estimate or several):
        face_shares(work, row, codes, before)
    if (estimate or several) and halve_state(work, row, codes):
        halved = network._replace(contacts=network.contacts.copy())
        if network.transfers:
            after = np.empty(before.shape)
            face_shares(work, row, codes, after)
            halved = _with_exchange(network, before, after)
        finer = on_mesh(work, row, codes, halved, held, omega)
    layers = drops_on(meshes, network, held, omega) if estimate or finer is None else None
    return judged(layers, finer, several)


def judged(layers: Complex | None, finer: Complex | None, several: bool) -> Spectrum:
    """Return the spectrum of what two meshes say, each (n_frequencies, n_layers).

    Parameters
    ----------
    layers, finer : ndarray of complex, shape (n_frequencies, n_layers)
        Drops of phi on the mesh of the state and on the halved one; None where that has no answer.
    several : bool
        Several components conduct in a layer: the answer is that of the halved mesh.
    """
    answer = layers if finer is None or (layers is not None and not several) else finer
    assert answer is not None  # one of the two is there
    total = answer.sum(axis=1)
    if layers is None or finer is None:
        return Spectrum(total, answer, np.full(total.size, np.nan))
    # Layer by layer: errors of two layers that cancel at one frequency do not at the next.
    changed = np.abs(finer - layers).sum(axis=1)
    return Spectrum(total, answer, SAFETY * changed / np.abs(total) + NEGLECTED)


def _with_exchange(network: Network, before: Array, after: Array) -> Network:
    """Return the network with the exchange currents of other occupancies at the faces, each (n_layers, 2, 2)."""
    contacts = network.contacts.copy()
    for contact, alpha, resistance in network.transfers:
        old, new = (
            float(occupancy_factor(left[0], left[1], right[0], right[1], alpha))
            for left, right in ((shares[contact, 1], shares[contact + 1, 0]) for shares in (before, after))
        )
        contacts[contact, 0] += resistance * (old / new - 1.0)
    return network._replace(contacts=contacts)


def full_work(solution: Solution) -> Array:
    """Return this thread's work array with the state of a solution, which holds until the next solve of the thread."""
    from ..kernels.workspace import STRIDE
    from .equilibrium import work_array
    from .prepared import work_rows

    state, p = solution.state, solution.parameters
    work = work_array(work_rows(p.n_layers, p.n_species))
    work[: state.shape[0] * STRIDE].reshape(-1, STRIDE)[:, : state.shape[1]] = state
    return work


def is_at_rest(state: Solution | SteadyState) -> TypeGuard[Solution]:
    """Say whether a state carries no current and none of its contacts is biased."""
    from .steady import SteadyState

    return not isinstance(state, SteadyState) and not np.any(state.parameters.array("contact_bias"))


def spectrum_of(
    solution: Solution | SteadyState,
    frequency_Hz: ArrayLike,
    *,
    ends: EndKinds | Mapping[str, EndKinds] = "reversible",
    charge_transfer: Laws = None,
    contact_resistance: ArrayLike | None = None,
    estimate: bool = True,
) -> Spectrum:
    """Return impedance, its parts by layer and its estimated error; arguments as for :func:`impedance`."""
    omega = 2.0 * np.pi * np.atleast_1d(np.asarray(frequency_Hz, dtype=float)).ravel()
    if not np.all(np.isfinite(omega) & (omega > 0.0)):
        raise ModelError("must be above 0 and finite (a direct current: dc_resistance)", "impedance.frequency_Hz")
    if not is_at_rest(solution):
        from .state_impedance import loaded_chain, spectrum_about

        chain, currents = loaded_chain(solution, charge_transfer, contact_resistance)
        return spectrum_about(chain, omega, ends, currents, estimate=estimate)
    network, held = circuit(solution, ends, charge_transfer, contact_resistance)
    prepared = solution._prepared
    return point_spectrum(
        full_work(solution), prepared.rows[0], prepared.codes, network, held, omega, estimate=estimate
    )  # fmt: skip


def circuit(
    solution: Solution,
    ends: EndKinds | Mapping[str, EndKinds],
    charge_transfer: Laws,
    contact_resistance: ArrayLike | None,
) -> tuple[Network, NDArray[np.bool_]]:
    """Return the network of a solution and the components that its ends hold; arguments as for :func:`impedance`."""
    if not solution.status.has_answer:
        raise ModelError(f"a solved state is needed ({solution.message})", "impedance")
    components = components_of(solution.stack)
    resistance, transfers = _contacts(solution, charge_transfer, contact_resistance)
    network = network_of(solution.parameters, 0, components, resistance)._replace(transfers=transfers)
    return network, held_components(ends, components)


def impedance(
    solution: Solution | SteadyState,
    frequency_Hz: ArrayLike,
    *,
    ends: EndKinds | Mapping[str, EndKinds] = "reversible",
    charge_transfer: Laws = None,
    contact_resistance: ArrayLike | None = None,
) -> Complex:
    """Return the impedance of a stack about its equilibrium, with biased contacts, or about a state with current.

    Parameters
    ----------
    solution : Solution or SteadyState
        The state; contacts with a ``bias_V`` pass the current of their law.
    frequency_Hz : array_like
        Frequencies [Hz], above 0.
    ends : str or mapping
        ``reversible`` (default: both ends exchange every component, those of a state with current the `components`
        that it exchanges), ``blocking`` (ideal metal plates), ``{"reversible": [components]}``, or
        ``{"left": ..., "right": ...}`` of these.
    charge_transfer : ChargeTransfer or sequence, optional
        Law of the first contact, or one (or None) per contact: a resistance R_ct beside the displacement current.
    contact_resistance : array_like, shape (n_layers - 1,), optional
        Plain resistances of the contacts [ohm m2] beside those that the stack gives them, in parallel with the
        displacement current.

    Returns
    -------
    ndarray of complex, shape of `frequency_Hz`
        Z = V/J [ohm m2]; V is the drop of v where an end is reversible, of phi where it is blocking.

    Raises
    ------
    ModelError
        A frequency is not above 0, an end or a component is not known, or the solution is none.

    Notes
    -----
    A species without a diffusivity does not move: neither its current nor its chemical capacitance counts. What is on
    one side of a contact only is blocked there. A plane of sites exchanges its species with its own layer at once, at
    every frequency; what it stores, ``(z e)^2 n theta (1 - theta)/kT``, lies beside that layer's face.

    References
    ----------
    .. [1] J. Jamnik and J. Maier, Phys. Chem. Chem. Phys. 3, 1668 (2001), the equations and their circuit.
    """
    found = spectrum_of(
        solution, frequency_Hz, ends=ends, charge_transfer=charge_transfer, contact_resistance=contact_resistance,
        estimate=False,
    )  # fmt: skip
    return found.impedance.reshape(np.shape(frequency_Hz))


def impedance_error_estimate(
    solution: Solution | SteadyState,
    frequency_Hz: ArrayLike,
    *,
    ends: EndKinds | Mapping[str, EndKinds] = "reversible",
    charge_transfer: Laws = None,
    contact_resistance: ArrayLike | None = None,
) -> Array:
    """Return the estimated relative error of the impedance.

    Parameters
    ----------
    solution : Solution or SteadyState
        The state.
    frequency_Hz, ends, charge_transfer, contact_resistance : array_like and optional
        As for :func:`impedance`.

    Returns
    -------
    ndarray, shape of `frequency_Hz`
        [1]; four times what the drops of all layers change by when every element is cut in half and the state solved
        again, and 5e-9 for what both meshes neglect.

    Raises
    ------
    ModelError
        As for :func:`impedance`.
    """
    found = spectrum_of(
        solution, frequency_Hz, ends=ends, charge_transfer=charge_transfer, contact_resistance=contact_resistance
    )  # fmt: skip
    return found.error_estimate.reshape(np.shape(frequency_Hz))
