"""What a spectrum tends to at rest: the direct resistance, that between blocking plates, the geometric capacitance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import VACUUM_PERMITTIVITY
from ..model import StackParameters
from .network import EndKinds, Network
from .small_signal import VANISHING, Laws, circuit, full_work, on_mesh
from .solution import Solution

Array = NDArray[np.float64]


def path_resistances(work: Array, row: Array, codes: Any, network: Network) -> Array:
    """Return the resistance of each component through the whole stack, shape (n_components,) [ohm m2]; inf: blocked."""
    from ..kernels.element import WEIGHTS
    from ..kernels.signal_profile import fill_profile

    n_layers, m = network.order.shape
    none = np.zeros((n_layers, 2), dtype=np.int64)
    first, elements, values = fill_profile(work, row, codes, network.positions, none, m)
    total = np.zeros(m)
    for layer in range(n_layers):
        part = slice(first[layer], first[layer + 1])
        here = np.full(m, np.inf)
        for k in range(int(network.counts[layer])):
            here[network.order[layer, k]] = float(np.sum(elements[part, 0] * ((1.0 / values[part, :, k]) @ WEIGHTS)))
        total += here
    if n_layers > 1:
        total += network.contacts[:, 0].sum(axis=0)
    return total


def dc_resistance(
    solution: Solution,
    *,
    ends: EndKinds | Mapping[str, EndKinds] = "reversible",
    charge_transfer: Laws = None,
    contact_resistance: ArrayLike | None = None,
) -> float:
    """Return the resistance to a direct current.

    1/R = sum over the components of 1/(sum over the layers of int dx/sigma + resistances of the contacts); one that is
    blocked anywhere adds nothing.

    Parameters
    ----------
    solution : Solution
        The state at rest.
    ends, charge_transfer, contact_resistance : optional
        As for :func:`impedance`.

    Returns
    -------
    float
        [ohm m2]; inf where no component gets through.

    Raises
    ------
    ModelError
        An end or a component is not known, or the solution is none.

    References
    ----------
    .. [1] J. Jamnik and J. Maier, Phys. Chem. Chem. Phys. 3, 1668 (2001): the circuit, of which this is the limit.
    """
    network, held = circuit(solution, ends, charge_transfer, contact_resistance)
    prepared = solution._prepared
    paths = path_resistances(full_work(solution), prepared.rows[0], prepared.codes, network)
    return through_resistance(paths, held)


def through_resistance(paths: Array, held: NDArray[np.bool_]) -> float:
    """Return what the components that both ends exchange let through in parallel [ohm m2]; inf for none."""
    open_paths = held.all(axis=0) & np.isfinite(paths)
    return float(1.0 / np.sum(1.0 / paths[open_paths])) if open_paths.any() else float("inf")


def blocking_resistance(
    solution: Solution, *, charge_transfer: Laws = None, contact_resistance: ArrayLike | None = None
) -> float:
    """Return the limit of Re Z at low frequency between two blocking plates.

    int [dQ(x)/dQ]^2 dx/sigma + sum R_ct [dQ(contact)/dQ]^2: a plate does not see what its charge does not cross, such
    as the depleted zone at a contact, which a direct current must cross.

    Parameters
    ----------
    solution : Solution
        The state at rest.
    charge_transfer, contact_resistance : optional
        As for :func:`impedance`.

    Returns
    -------
    float
        [ohm m2]

    Raises
    ------
    ModelError
        The solution is none.

    Notes
    -----
    Follows from the low-frequency expansion of the small-signal equations: what is charged to x needs the current
    dQ(x)/dQ there. Held against that integral by collocation in the tests (``tests/impedance/test_limits.py``).
    """
    network, held = circuit(solution, "blocking", charge_transfer, contact_resistance)
    prepared = solution._prepared
    omega = np.array([VANISHING])
    return float(on_mesh(full_work(solution), prepared.rows[0], prepared.codes, network, held, omega).sum().real)


def geometric_capacitance(solution: Solution) -> float:
    """Return 1/int dx/(eps0 eps), the capacitance at frequencies that no carrier follows.

    Parameters
    ----------
    solution : Solution
        Any solution of the stack.

    Returns
    -------
    float
        [F m-2]
    """
    p = solution.parameters
    return stack_capacitance(p, 0)


def stack_capacitance(parameters: StackParameters, point: int) -> float:
    """Return the same for a point."""
    p = parameters
    return float(VACUUM_PERMITTIVITY / np.sum(p.thickness[point] / p.permittivity[point]))
