r"""Poles of the impedance about a state with current or bias, where the linear system is real but not symmetric.

As in :mod:`spacecharge.solver.relaxation`, (K + i w M) y = -J b, with K = A^T B: the fields A y drive the currents
B y, and B differs from A by what a change of the occupancies conducts differently in the field that is there, and by
an exchange current that moves. In the currents, with A = U s V^T on the unknowns scaled by M^-1/2,

    T = s^(1/2) (U^T B V) s^(1/2) = sum_k lambda_k u_k w_k^T,
    Z(w) = 1/(i w C) + sum_k R_k/(1 + i w tau_k),    tau_k = 1/lambda_k,    R_k = (a^T u_k) (w_k^T c)/lambda_k^2,

u_k and w_k right and left eigenvectors, a = s^(1/2) V^T b, c = s^(1/2) U^T B b. R_k need not be positive, and poles may
come in complex pairs. What a place adds to lambda_k = w_k^T T u_k, by the rows of A and B that stand there, is its
share of the pole; at rest that of the power. Rates spread over a dozen decades: the fast half is read from T, the slow
half from its inverse, which is built from the factors, as R_k = (a^T T^-1 u_k) (w_k^T T^-1 c).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..codes import Status
from ..errors import ConvergenceError
from ..model.components import check_no_planes
from .network import EndKinds, components_of, held_components, network_of
from .relaxation import (
    FAINT,
    NOISE,
    SAME,
    UNSEEN,
    RelaxationTimes,
    cut_bulk,
    factors,
    layer_paths,
    places_of,
    refuse_large,
    rows_at_places,
    singular_vectors,
)
from .state_impedance import linear_contacts, spectrum_about, state_values

if TYPE_CHECKING:
    from .chain import Chain

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

MOST_LOADED = 2000
"""Currents beyond which eigenvalues of dense matrices without symmetry would take minutes."""

MATCH = 1e-3
"""Share of the impedance by which the sum of the poles may miss it, where it is not `FAINT`; most stay below 1e-6."""

COMPARED = 25
"""Frequencies of that comparison, over all rates: some microseconds each beside the eigenvalues."""

AROUND = 100.0
"""Fast and slow poles part at the widest gap within this factor of the middle of all rates."""


def poles_about(chain: Chain, ends: EndKinds | Mapping[str, EndKinds], currents: Array) -> RelaxationTimes:
    """Return the relaxation times about the state of a chain and their strengths.

    Parameters
    ----------
    chain : Chain
        The state; left as it is.
    ends : str or mapping
        As for :func:`spacecharge.impedance`.
    currents : ndarray, shape (n_layers - 1, n_routes)
        Current of every route through each contact [A m-2].

    Returns
    -------
    RelaxationTimes
        Complex times, strengths and shares, in pairs, where there are such.

    Raises
    ------
    ModelError
        An end is not known, a plane of sites is there, or the mesh is too large.
    ConvergenceError
        Their sum is not the impedance of the state to `MATCH`.
    """
    check_no_planes(chain.solution.stack)
    components = components_of(chain.solution.stack)
    held = held_components(ends, components, chain.routes.exchanged)
    network = network_of(chain.solution.parameters, 0, components)
    network.contacts[:, :2] = linear_contacts(chain, currents, len(components.names))
    n_layers, m = network.order.shape
    _, elements, values = state_values(chain, network)
    fastest = float((values[:, :, :m].sum(axis=2) / elements[:, 1:2]).max())
    first, elements, values = state_values(chain, network, fastest)
    paths = [layer_paths(elements, values, first, i, m) for i in range(n_layers)]
    mesh = cut_bulk(first, elements, values, network, fastest, paths)
    matrix, driven, load, origin = factors(mesh, network, held)
    refuse_large(matrix.shape[0], f"allowed with a current or a bias: {MOST_LOADED}", MOST_LOADED)
    p = chain.solution.parameters
    places = places_of(p)
    widths = np.asarray(chain.scalars(chain.profiles(0.0))["space_charge_width"], dtype=float)
    where = rows_at_places(p, widths, mesh, origin, tuple(places))
    rate, strength, power = _poles(matrix, driven, load, np.eye(len(places))[where])
    rest = float(load @ load) - float(np.sum(strength * rate).real)
    order = np.argsort(-np.abs(1.0 / rate), kind="stable")
    time, strength, power = 1.0 / rate[order], strength[order], power[order]
    size, stored = np.abs(strength), np.abs(strength / time)
    counts = (size > UNSEEN * size.sum()) | (stored > UNSEEN * float(load @ load))
    time, strength, power = time[counts], strength[counts], power[counts]
    # Two equal real times come apart into a pair by rounding.
    is_real = bool((np.abs(time.imag) <= SAME * np.abs(time)).all())
    capacitance = 1.0 / rest if rest > 1e-9 * float(load @ load) else np.inf
    if is_real:
        found = RelaxationTimes(time.real, strength.real, capacitance, places, power.real)
    else:
        found = RelaxationTimes(time, strength, capacitance, places, power)
    _compare(found, chain, ends, currents)
    return found


def _compare(found: RelaxationTimes, chain: Chain, ends: EndKinds | Mapping[str, EndKinds], currents: Array) -> None:
    """Refuse poles whose sum is not the spectrum of the same state.

    Where a current depletes a layer the eigenvectors are nearly parallel, and rounding may leave nothing of the
    strengths; their sum alone, the resistance, can still be right.
    """
    if not found.time.size:
        return
    rates = 1.0 / np.abs(found.time)
    omega = np.geomspace(0.1 * rates.min(), rates.max(), COMPARED)
    spectrum = spectrum_about(chain, omega, ends, currents, estimate=False).impedance
    size = np.abs(spectrum)
    apart = np.abs(found.impedance(omega / (2.0 * np.pi)) - spectrum)
    miss = float(np.max(apart / (size + FAINT * size.max())))
    if not miss < MATCH:
        raise ConvergenceError(
            "relaxation times about this state drown in rounding: "
            f"their sum misses the impedance by {100 * miss:.2g} % "
            "(a current depletes a layer; the impedance itself does not suffer)",
            Status.NOT_CONVERGED,
        )


def _poles(matrix: Array, driven: Array, load: Array, at: Array) -> tuple[Complex, Complex, Complex]:
    """Return lambda_k, R_k and the share of each place; fast poles from T, slow ones from its inverse.

    `at` (n_rows, n_places): 1 where a row stands.
    """
    left, singular, right = singular_vectors(matrix)
    kept = singular**2 > NOISE * singular.max(initial=0.0) ** 2
    left, singular, right = left[:, kept], singular[kept], right[kept]
    root = np.sqrt(singular)
    # From B - A, small and mostly 0, so that what is slow is no difference of what is fast.
    added = left.T @ (driven - matrix)
    middle = np.diag(singular) + added @ right.T
    inverse = np.linalg.inv(middle)
    along = right @ load
    beside = added @ (load - along @ right)
    fast, ahead, behind = _modes(root[:, None] * middle * root)
    product = ((root * along) @ ahead) * (behind @ (root * (middle @ along + beside)))
    slow, late, before = _modes(inverse / root[:, None] / root)
    share = (((along @ inverse) / root) @ late) * (before @ ((along + inverse @ beside) / root))
    order, back = np.argsort(-np.abs(fast), kind="stable"), np.argsort(-np.abs(slow), kind="stable")
    size = np.log(np.abs(fast[order]))
    # Both halves hold whole pairs where the gap between them is wide.
    near = np.abs(size - 0.5 * (size[0] + size[-1])) < np.log(AROUND)
    gaps = np.where(near[:-1] | near[1:], size[:-1] - size[1:], -1.0)
    n_fast = int(np.argmax(gaps)) + 1 if gaps.size else 1
    of_fast, of_slow = order[:n_fast], back[: size.size - n_fast]
    rates, strengths = (fast[of_fast], 1.0 / slow[of_slow]), (product[of_fast] / fast[of_fast] ** 2, share[of_slow])
    # w_k^T s^(1/2) and s^(1/2) u_k; where they are slow from what T does to them, lambda (U^T B V)^-1 s^(-1/2) u_k.
    swift = (behind[of_fast] * root, root[:, None] * ahead[:, of_fast])
    calm = ((before[of_slow] / root) @ inverse, inverse @ (late[:, of_slow] / root[:, None]))
    shares = [
        ((fields @ left.T) * (driven @ right.T @ moved).T) @ at * factor[:, None]
        for (fields, moved), factor in ((swift, 1.0 / rates[0]), (calm, rates[1]))
    ]
    return np.concatenate(rates), np.concatenate(strengths), np.concatenate(shares)


def _modes(matrix: Array) -> tuple[Complex, Complex, Complex]:
    """Return the eigenvalues of a matrix, right eigenvectors as columns and left ones as rows, w_k^T u_k = 1."""
    values, vectors = np.linalg.eig(matrix)
    return values.astype(complex), vectors.astype(complex), np.linalg.inv(vectors).astype(complex)


__all__ = ["poles_about"]
