"""The meshes on which a small signal is solved: that of the state, cut finer towards the faces where it must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .network import Network

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


def fill_planes(network: Network, work: Array, row: Array, codes: Any) -> None:
    """Fill what planes of sites store in the state of a work array into the contacts of a network."""
    if network.planes:
        from ..kernels.planes import plane_capacitances

        stored = np.zeros(network.counts.size - 1)
        plane_capacitances(work, row, codes, stored)
        for contact, side, component in network.planes:
            network.contacts[contact, 2 + side, component] = stored[contact]


class Meshes(NamedTuple):
    """The elements of one state as a spectrum needs them; nothing in it refers to a work array.

    Attributes
    ----------
    firsts : ndarray of int, shape (n_meshes, n_layers + 1)
        Where the layers of each mesh begin and the last one ends; the mesh of the solve comes first.
    elements, values : ndarray
        Elements of all meshes and the values at their nodes (see `kernels.signal_element`).
    which : ndarray of int, shape (n_frequencies,)
        The mesh of each frequency.
    """

    firsts: NDArray[np.int64]
    elements: Array
    values: Array
    which: NDArray[np.int64]


def meshes_of(work: Array, row: Array, codes: Any, network: Network, omega: Array) -> Meshes:
    """Return the meshes of the state in `work` for angular frequencies [s-1]; resistances of contacts do not matter."""
    from ..kernels.signal_profile import fill_meshes

    fill_planes(network, work, row, codes)
    m = network.order.shape[1]
    return Meshes(*fill_meshes(work, row, codes, network.positions, network.counts, omega, m))


def loaded_meshes(profile: Callable[[float], Any], omega: Array) -> Meshes:
    """Return the meshes of a state with current for angular frequencies [s-1].

    Parameters
    ----------
    profile : callable
        Given an angular frequency [s-1] that the mesh must resolve (0: none), first elements, elements and values.
    omega : ndarray, shape (n_frequencies,)
        Angular frequencies [s-1].
    """
    from ..kernels.signal_element import E_PERMITTIVITY, NODE_BLOCKS
    from ..kernels.signal_profile import TOGETHER

    base = profile(0.0)
    elements, values = base[1:]
    m = values.shape[2] // NODE_BLOCKS
    sigma, capacity = values[:, :, :m], values[:, :, m : 2 * m]
    slow = np.divide(capacity, sigma, out=np.zeros(sigma.shape), where=sigma > 0.0).max(axis=2)
    stored = capacity.sum(axis=2) / elements[:, E_PERMITTIVITY, None]
    # Below the frequency at which the first signal decays faster than the static one, all share one mesh.
    moving = stored > 0.0
    rate = float((slow[moving] / stored[moving]).max(initial=0.0))
    steps = np.zeros(omega.size)
    if rate > 0.0:
        steps = np.maximum(np.ceil(np.log(omega * rate) / np.log(4.0) / TOGETHER), 0.0)
    each, which = np.unique(steps, return_inverse=True)
    every = [base, *(profile(4.0 ** (TOGETHER * step) / rate if rate > 0.0 else 0.0) for step in each)]
    ends = np.cumsum([0, *(first[-1] for first, _, _ in every)])
    firsts = np.array([first + begin for (first, _, _), begin in zip(every, ends[:-1], strict=True)])
    elements, values = (np.concatenate([mesh[k] for mesh in every]) for k in (1, 2))
    return Meshes(firsts, elements, values, which.ravel() + 1)


def drops_on(
    meshes: Meshes, network: Network, held: NDArray[np.bool_], omega: Array, *, at_rest: bool = True
) -> Complex:
    """Return the drop of phi over each layer over J, shape (n_frequencies, n_layers) [ohm m2].

    `at_rest`: nothing drifts, and the contacts are resistances.
    """
    from ..kernels.signal_chain import spectrum
    from ..kernels.signal_drift import drift_spectrum
    from ..kernels.signal_scalar import scalar_spectrum

    run: Callable[..., None] = spectrum
    if network.counts.max() <= 1:
        run = scalar_spectrum if at_rest else drift_spectrum
    out = np.empty((omega.size, network.counts.size), dtype=np.complex128)
    run(omega, tuple(meshes), network.order, network.counts, network.contacts, held, out)
    return out


__all__ = ["Meshes", "drops_on", "fill_planes", "loaded_meshes", "meshes_of"]
