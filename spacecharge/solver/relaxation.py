r"""Relaxation times of a stack at rest: the exact poles of its impedance, the model's own distribution of them.

With w_c = v_c - phi and e = dphi/dx the small signal about equilibrium is linear in i w,

    (K + i w M) y = -J b,   y = (w_c, e),   Z = b^T (K + i w M)^-1 b,
    y^T K y = int sum_c sigma_c (w_c' + e)^2 dx + sum (step of w_c)^2/R_ct,
    y^T M y = int (sum_c C_c w_c^2 + eps e^2) dx,

what is dissipated and what is stored, both symmetric: with K y_k = M y_k/tau_k and y_k^T M y_k = 1

    Z(w) = 1/(i w C) + sum_k R_k/(1 + i w tau_k),   R_k = tau_k (b^T y_k)^2 >= 0.

b is the integral of e, the drop of phi. Poisson's equation holds by itself where w is not 0; states without a current
that it excludes are those of K y = 0, and b excites of them only the charged capacitor C. On the five nodes of an
element, integrated as the static solve does, M is a diagonal and K = A^T A is known by its factor: the poles are the
squared singular values of A M^-1/2, so that 16 digits resolve relaxation times that differ by 1e25. Homogeneous
stretches, which the spectra of :mod:`spacecharge.solver.small_signal` take exactly at every frequency, are cut towards
the faces here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError
from ..model import StackParameters
from .impedance_limits import path_resistances, through_resistance
from .network import EndKinds, Network
from .signal_mesh import fill_planes
from .small_signal import Laws, circuit, full_work, is_at_rest

if TYPE_CHECKING:
    from .solution import Solution
    from .steady import SteadyState

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Integers = NDArray[np.int64]

NEAREST, GROWTH = 0.5, 0.7
"""Longest piece of a homogeneous stretch: in decay lengths of the signal at a face, else over the distance from it."""

LONGEST = 1.0 / 16.0
"""Longest piece over the thickness of a layer in which several components diffuse against each other: the six slowest
times then have five digits."""

NOISE = 1e-28
"""A pole below so much of the largest is 0: singular values are right to 1e-15 of theirs."""

SAME = 1e-9
"""Times that differ by less, relatively, are one: uniform layers have many equal ones, split at random by rounding."""

FACES = 30.0
"""Elements at the faces are cut as for this angular frequency, in units of the largest sigma/eps: above it the carriers
follow no more."""

FAINT = 1e-9
"""Share of the resistance below which a pole makes no arc."""

UNSEEN = 1e-15
"""A pole counts whose share of the resistance or of the inverse geometric capacitance is above this."""

MOST_UNKNOWNS = 5000
"""Currents beyond which the dense matrices would take minutes and gigabytes."""


@dataclass(frozen=True, eq=False)
class RelaxationTimes:
    """Relaxation times of a stack and how much each adds to its impedance.

    Attributes
    ----------
    time : ndarray, shape (n_poles,)
        tau_k [s], the slowest first. At rest real; about a state with current or bias complex where there are poles
        in pairs: such a pair rings.
    strength : ndarray, shape (n_poles,)
        R_k [ohm m2]: Z(w) = 1/(i w C) + sum_k R_k/(1 + i w tau_k). Not negative at rest; about a state with current or
        bias of any sign, complex beside complex times.
    capacitance : float
        C [F m-2] where an end or a contact stops the current, inf where a direct current gets through.
    places : dict of str
        Where power can be dissipated: ``electrode`` (the bulk of a layer), ``electrode at electrode|electrolyte`` (its
        space charge there), ``electrode|electrolyte`` (charge transfer); with the name of the layer, empty for the
        last kind.
    power : ndarray, shape (n_poles, n_places)
        Share of the power of each pole that is dissipated at each place [1]. About a state with current or bias the
        share of the place in the rate of the pole, at rest the same; of any sign, complex beside complex times.
    """

    time: Array
    strength: Array
    capacitance: float
    places: dict[str, str]
    power: Array

    def impedance(self, frequency_Hz: ArrayLike) -> Complex:
        """Return the impedance that the poles add up to.

        Parameters
        ----------
        frequency_Hz : array_like
            Frequencies [Hz], above 0.

        Returns
        -------
        ndarray of complex, shape of `frequency_Hz`
            [ohm m2]
        """
        rate = 2j * np.pi * np.asarray(frequency_Hz, dtype=float)
        relaxed = np.sum(self.strength / (1.0 + rate[..., None] * self.time), axis=-1)
        return np.asarray(relaxed + (1.0 / self.capacitance) / rate)


class SignalMesh(NamedTuple):
    """Elements with sigma and C of every component at their nodes, shape (n_elements, 5, n_components)."""

    size: Array
    permittivity: Array
    layer: Integers
    start: Array  # distance of the element from the left face of its layer
    sigma: Array
    capacity: Array
    drift: Array  # (j/sigma) d sigma/dw: what the current of the state adds


def relaxation_times(
    solution: Solution | SteadyState,
    *,
    ends: EndKinds | Mapping[str, EndKinds] = "reversible",
    charge_transfer: Laws = None,
    contact_resistance: ArrayLike | None = None,
) -> RelaxationTimes:
    """Return the relaxation times of a stack and their strengths: the exact poles of its impedance.

    Parameters
    ----------
    solution : Solution or SteadyState
        The state, at rest, with biased contacts, or with a current.
    ends, charge_transfer, contact_resistance : optional
        As for :func:`impedance`.

    Returns
    -------
    RelaxationTimes
        Times [s], strengths [ohm m2], the capacitance in series, and where each dissipates.

    Raises
    ------
    ModelError
        An end or a component is not known, the solution is none, or the mesh is too large.
    ConvergenceError
        About a current: rounding spoils the poles, whose sum would not be the impedance to 1e-3.

    Notes
    -----
    A homogeneous layer that diffuses has infinitely many poles; the slow ones are right to the error of the mesh, the
    fast ones stand for those that it does not resolve, and their sum is the impedance at every frequency.

    References
    ----------
    .. [1] E. Warburg, Ann. Phys. 303, 493 (1899), the first of such series; J. Jamnik and J. Maier, Phys. Chem. Chem.
       Phys. 3, 1668 (2001), the equations.
    """
    if not is_at_rest(solution):
        from .loaded_poles import poles_about
        from .state_impedance import loaded_chain

        chain, currents = loaded_chain(solution, charge_transfer, contact_resistance)
        return poles_about(chain, ends, currents)
    network, held = circuit(solution, ends, charge_transfer, contact_resistance)
    mesh = _cut_mesh(solution, network)
    matrix, _, load, origin = factors(mesh, network, held)
    refuse_large(matrix.shape[0], f"allowed: {MOST_UNKNOWNS}", MOST_UNKNOWNS)
    places = places_of(solution.parameters)
    widths = np.asarray(solution.space_charge_width, dtype=float)
    where = rows_at_places(solution.parameters, widths, mesh, origin, tuple(places))
    prepared = solution._prepared
    paths = path_resistances(full_work(solution), prepared.rows[0], prepared.codes, network)
    is_open = bool(np.isfinite(through_resistance(paths, held)))
    left, singular, right = singular_vectors(matrix)
    rate = singular**2
    real = rate > NOISE * rate.max(initial=0.0)
    seen = right[real] @ load
    rest = load - seen @ right[real]
    power = np.stack([(left[where == k][:, real] ** 2).sum(axis=0) for k in range(len(places))], axis=1)
    time, strength, power = _merged(1.0 / rate[real], seen**2 / rate[real], power)
    stored = strength / time
    counts = (strength > UNSEEN * strength.sum()) | (stored > UNSEEN * float(load @ load))
    capacitance = np.inf if is_open else 1.0 / float(rest @ rest)
    return RelaxationTimes(time[counts], strength[counts], capacitance, places, power[counts])


def singular_vectors(matrix: Array) -> tuple[Array, Array, Array]:
    """Return the thin singular value decomposition U, s, V^T of a matrix.

    It is that of the triangle of its rows, turned back: what the columns beyond the rows cost falls to products of
    matrices, and both take six tenths of the time. More than five components have more rows than columns.
    """
    basis, triangle = np.linalg.qr(matrix.T)
    left, singular, right = np.linalg.svd(triangle.T, full_matrices=False)
    return left, singular, right @ basis.T


def _merged(time: Array, strength: Array, power: Array) -> tuple[Array, Array, Array]:
    """Return times, the slowest first, their strengths and their power, with equal times as one."""
    order = np.argsort(-time, kind="stable")
    time, strength, power = time[order], strength[order], power[order]
    begins = np.flatnonzero(np.concatenate([[True], time[1:] < (1.0 - SAME) * time[:-1]])[: time.size])
    total = np.add.reduceat(strength, begins) if begins.size else strength
    share = np.add.reduceat(strength[:, None] * power, begins, axis=0) if begins.size else power
    return time[begins], total, np.divide(share, total[:, None], out=power[begins], where=total[:, None] > 0.0)


def refuse_large(size: int, allowed: str, most: int) -> None:
    """Refuse a mesh with more currents than a dense eigenproblem takes."""
    if size > most:
        raise ModelError(
            f"the mesh has {size} currents ({allowed}): fewer layers or a coarser tolerance", "relaxation_times"
        )


def _cut_mesh(solution: Solution, network: Network) -> SignalMesh:
    """Return the elements of a solution, cut towards the faces of their layers; every int dx/sigma stays as it was."""
    from ..kernels.signal_profile import face_cuts, fill_profile

    n_layers, m = network.order.shape
    prepared, work = solution._prepared, full_work(solution)
    fill_planes(network, work, prepared.rows[0], prepared.codes)
    read: Any = partial(fill_profile, work, prepared.rows[0], prepared.codes, network.positions)
    first, elements, values = read(np.zeros((n_layers, 2), dtype=np.int64), m)
    paths = [layer_paths(elements, values, first, i, m) for i in range(n_layers)]
    fastest = FACES * float((values[:, :, :m].sum(axis=2) / elements[:, 1:2]).max())
    cuts = np.empty((1, n_layers, 2), dtype=np.int64)
    face_cuts(elements, values, first, network.counts, np.array([fastest]), cuts)
    if cuts.any():
        first, elements, values = read(cuts[0], m)
    return cut_bulk(first, elements, values, network, fastest, paths)


def cut_bulk(
    first: Integers, elements: Array, values: Array, network: Network, fastest: float, paths: list[Array]
) -> SignalMesh:
    """Return elements whose homogeneous stretches are cut towards the faces; `paths`: int dx/sigma of each layer."""
    from ..kernels.element import WEIGHTS

    n_layers, m = network.order.shape
    pieces: list[float] = []
    starts: list[float] = []
    chosen: list[int] = []
    for i in range(n_layers):
        ends = np.concatenate([[0.0], np.cumsum(elements[first[i] : first[i + 1], 0])])
        for k, e in enumerate(range(first[i], first[i + 1])):
            breaks = ends[k : k + 2]
            capacity = values[e, 2, m : 2 * m]
            if elements[e, 2] > 0.0 and capacity.any():
                n = int(network.counts[i])
                rate = capacity.sum() / elements[e, 1] + fastest * (capacity[:n] / values[e, 2, :n]).max()
                longest = (LONGEST if n > 1 else 1.0) * ends[-1]
                breaks = _breaks(ends[k : k + 2], ends[-1], NEAREST / float(np.sqrt(rate)), longest)
            pieces += [elements[e, 0]] if breaks.size == 2 else np.diff(breaks).tolist()
            starts += breaks[:-1].tolist()
            chosen += [e] * (breaks.size - 1)
            if breaks.size > 2:
                # One value throughout, with the resistance of the element.
                sigma = values[e, :, :m]
                mean = np.divide(1.0, sigma, out=np.zeros_like(sigma), where=sigma > 0.0).T @ WEIGHTS
                values[e, :, m : 2 * m] = values[e, 2, m : 2 * m]
                values[e, :, :m] = np.divide(1.0, mean, out=np.zeros(m), where=mean > 0.0)
    layer = np.searchsorted(first, chosen, side="right") - 1
    size, at = np.array(pieces), values[chosen]
    sigma, capacities, drift = np.zeros((3, size.size, 5, m))
    for i in range(n_layers):
        here, n = layer == i, int(network.counts[i])
        now = layer_paths(np.stack([size, size], axis=1)[here], at[here], np.array([0, here.sum()]), 0, m)
        for k, c in enumerate(network.order[i, :n]):
            sigma[here, :, c] = at[here, :, k] * (now[k] / paths[i][k])
            capacities[here, :, c] = at[here, :, m + k]
            drift[here, :, c] = at[here, :, 2 * m + k]
    return SignalMesh(size, elements[chosen, 1], layer, np.array(starts), sigma, capacities, drift)


def layer_paths(elements: Array, values: Array, first: NDArray[np.int64], layer: int, m: int) -> Array:
    """Return int dx/sigma of the components of a layer, 0 where one does not conduct; in the order of its values."""
    from ..kernels.element import WEIGHTS

    own = slice(first[layer], first[layer + 1])
    sigma = values[own, :, :m]
    over = np.divide(1.0, sigma, out=np.zeros_like(sigma), where=sigma > 0.0)
    return np.asarray(np.einsum("e,eik,i->k", elements[own, 0], over, WEIGHTS))


def _breaks(stretch: Array, thickness: float, nearest: float, longest: float) -> Array:
    """Return the ends of the pieces of a homogeneous stretch of a layer; `nearest`: longest piece at a face."""
    low, high = stretch
    open_pieces, ends = [(low, high)], [high]
    while open_pieces:
        a, b = open_pieces.pop()
        distance = max(min(a, thickness - b), 0.0)
        if b - a > min(max(nearest, GROWTH * distance), longest):
            middle = 0.5 * (a + b)
            open_pieces += [(a, middle), (middle, b)]
        else:
            ends.append(a)
    return np.array(sorted(ends))


def factors(
    mesh: SignalMesh, network: Network, held: NDArray[np.bool_]
) -> tuple[Array, Array, Array, tuple[Integers, Integers]]:
    """Return A M^-1/2, B M^-1/2, M^-1/2 b and where each row stands: its element (or ~contact), and its node.

    K is A^T B: A takes the fields that drive currents, B the currents that they drive, A itself at rest.
    """
    from ..kernels.element import WEIGHTS
    from ..kernels.signal_element import SLOPES

    n, _, m = mesh.sigma.shape
    flows = mesh.sigma > 0.0
    width = mesh.size[:, None] * WEIGHTS
    node = np.arange(n * 5 * m).reshape(n, 5, m)
    steps = []
    for e in range(1, n):
        contact = int(mesh.layer[e - 1])
        resistance = network.contacts[contact, 0] if mesh.layer[e] != contact else np.zeros(m)
        both = flows[e - 1, 4] & flows[e, 0]
        joined = both & (resistance == 0.0)
        node[e, 0, joined] = node[e - 1, 4, joined]
        steps += [(contact, c) for c in np.flatnonzero(both & (resistance != 0.0) & np.isfinite(resistance))]
    mass = np.zeros(node.size)
    np.add.at(mass, node, width[:, :, None] * mesh.capacity)
    mass[node[0, 0, held[0]]] = np.inf
    mass[node[-1, 4, held[1]]] = np.inf
    last = np.flatnonzero(np.diff(mesh.layer))
    for contact, side, of in network.planes:
        mass[node[last[contact] + side, 4 - 4 * side, of]] += network.contacts[contact, 2 + side, of]
    inverse = np.divide(1.0, np.sqrt(mass), out=np.zeros(mass.size), where=mass > 0.0)
    used = np.flatnonzero(inverse)
    column = np.full(mass.size, used.size)  # one more, for nodes that are held
    column[used] = np.arange(used.size)
    element, point, component = np.nonzero(flows)
    matrix = np.zeros((element.size + len(steps), used.size + 1 + 5 * n))
    conductance = np.sqrt(width[element, point] * mesh.sigma[element, point, component])
    row = np.arange(element.size)
    for i in range(5):
        unknown = node[element, i, component]
        matrix[row, column[unknown]] = conductance * SLOPES[i, point] / mesh.size[element] * inverse[unknown]
    stiff = width * mesh.permittivity[:, None]
    matrix[row, used.size + 1 + 5 * element + point] = conductance / np.sqrt(stiff[element, point])
    driven = matrix
    if mesh.drift.any() or (network.contacts[:, 1] != 1.0).any() or (network.contacts[:, 0] < 0.0).any():
        driven = matrix.copy()
        unknown = node[element, point, component]
        carried = conductance * mesh.drift[element, point, component] / mesh.sigma[element, point, component]
        driven[row, column[unknown]] -= carried * inverse[unknown]
    for k, (contact, c) in enumerate(steps):
        resistance, ratio = network.contacts[contact, :2, c]
        ends = (node[last[contact], 4, c], 1.0, 1.0), (node[last[contact] + 1, 0, c], -1.0, -ratio)
        for unknown, of_field, of_current in ends:
            share = inverse[unknown] / np.sqrt(abs(resistance))
            matrix[element.size + k, column[unknown]] = of_field * share
            driven[element.size + k, column[unknown]] = of_current * share * np.sign(resistance)
    at_rest = driven is matrix
    matrix = np.delete(matrix, used.size, axis=1)
    driven = matrix if at_rest else np.delete(driven, used.size, axis=1)
    load = np.concatenate([np.zeros(used.size), (width / np.sqrt(stiff)).ravel()])
    at_contacts = ~np.array([contact for contact, _ in steps], dtype=np.int64)
    return matrix, driven, load, (np.concatenate([element, at_contacts]), np.concatenate([point, 0 * at_contacts]))


def places_of(parameters: StackParameters) -> dict[str, str]:
    """Return the places at which a stack dissipates power, left to right, and the layer of each (empty: a contact)."""
    p = parameters
    contacts, shift = p.contact_names, int(p.end_contacts[0])
    found: dict[str, str] = {}
    for i, layer in enumerate(p.layer_names):
        left, right = i - 1 + shift, i + shift
        names = [f"{layer} at {contacts[left]}"] if left >= 0 else []
        names.append(layer)
        names += [f"{layer} at {contacts[right]}"] if right < len(contacts) else []
        found |= dict.fromkeys(names, layer)
        if i < p.n_layers - 1:
            found[contacts[right]] = ""
    return found


def rows_at_places(
    parameters: StackParameters,
    space_charge_width: Array,
    mesh: SignalMesh,
    origin: tuple[Integers, Integers],
    places: tuple[str, ...],
) -> Integers:
    """Return the number of the place of every row of the factor."""
    from ..kernels.element import NODES

    p = parameters
    contacts, shift = p.contact_names, int(p.end_contacts[0])
    widths = np.nan_to_num(space_charge_width)
    widths = widths.max(axis=-1) if widths.ndim == 3 else widths
    element, point = origin
    inside = element >= 0
    x = mesh.start[element] + mesh.size[element] * NODES[point]
    where = np.empty(element.size, dtype=np.int64)
    for i, name in enumerate(p.layer_names):
        here = np.flatnonzero(inside & (mesh.layer[element] == i))
        where[here] = places.index(name)
        distances = np.maximum(np.stack([x[here], float(p.thickness[0, i]) - x[here]]), 0.0)
        beside = (i - 1 + shift, i + shift)
        reach = [
            float(widths[contact, 1 - side]) if 0 <= contact < len(contacts) else 0.0
            for side, contact in enumerate(beside)
        ]
        near = distances < np.array(reach)[:, None]
        # Where two regions overlap the nearer contact counts.
        left = near[0] & ~(near[1] & (distances[1] < distances[0]))
        for contact, rows in zip(beside, (left, near[1] & ~left), strict=True):
            if rows.any():
                where[here[rows]] = places.index(f"{name} at {contacts[contact]}")
        if i < p.n_layers - 1:
            where[element == ~i] = places.index(contacts[i + shift])
    return where


__all__ = ["RelaxationTimes", "places_of", "relaxation_times"]
