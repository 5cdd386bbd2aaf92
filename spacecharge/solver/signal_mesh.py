"""The meshes on which a small signal is solved: that of the state, cut finer towards the faces where it must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .network import Network

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

MOST_CUTS = 12
"""Elements at a face are cut towards it at most this often: 2^12 below a Debye length the layer there is immaterial."""

TOGETHER = 3
"""Cuts come in threes: frequencies share a mesh, and reading one costs as much as three frequencies on it."""

NEAR_FACE = 1.0
"""Largest size of the element at a face in decay lengths of the signal."""


def face_cuts(elements: Array, values: Array, first: NDArray[np.int64], counts: NDArray[np.int64], omega: Array) -> Any:
    """Return how often the elements at both faces of each layer are cut, shape (n_frequencies, n_layers, 2)."""
    from ..kernels.signal_element import E_BULK, E_PERMITTIVITY, E_SIZE, NODE_BLOCKS, is_homogeneous

    # The kernel's own rule, for all frequencies at once.
    homogeneous: Callable[..., Any] = getattr(is_homogeneous, "py_func", is_homogeneous)
    m = values.shape[2] // NODE_BLOCKS
    cuts = np.zeros((omega.size, counts.size, 2), dtype=np.int64)
    for layer in range(counts.size):
        n = int(counts[layer])
        if n == 0:
            continue
        for side in range(2):
            e, node = (first[layer], 0) if side == 0 else (first[layer + 1] - 1, 4)
            sigma, capacity = values[e, node, :n], values[e, node, m : m + n]
            square = capacity.sum() / elements[e, E_PERMITTIVITY] + omega * (capacity / sigma).max()
            size = elements[e, E_SIZE] if first[layer + 1] - first[layer] > 1 else 0.5 * elements[e, E_SIZE]
            times = TOGETHER * np.ceil(np.log(np.sqrt(square) * size / NEAR_FACE) / np.log(2.0) / TOGETHER)
            whole = homogeneous(elements[e, E_BULK], square * elements[e, E_SIZE] ** 2)
            cuts[:, layer, side] = np.where(whole, 0, np.clip(times, 0, MOST_CUTS))
    return cuts


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
    base : tuple
        First elements, elements and node values of the mesh of the solve.
    cut : list of (ndarray of int, tuple)
        Places of frequencies, and the mesh cut finer towards the faces that they ask for.
    """

    base: Any
    cut: list[tuple[NDArray[np.int64], Any]]


def meshes_of(work: Array, row: Array, codes: Any, network: Network, omega: Array) -> Meshes:
    """Return the meshes of the state in `work` for angular frequencies [s-1]; resistances of contacts do not matter."""
    from ..kernels.signal_profile import fill_profile

    m = network.order.shape[1]
    n_layers = network.counts.size
    none = np.zeros((n_layers, 2), dtype=np.int64)
    fill_planes(network, work, row, codes)
    base = fill_profile(work, row, codes, network.positions, none, m)
    cuts = face_cuts(base[1], base[2], base[0], network.counts, omega)
    kinds, which = np.unique(cuts.reshape(omega.size, -1), axis=0, return_inverse=True)
    cut = []
    for k, kind in enumerate(kinds):
        mesh = base
        if kind.any():
            mesh = fill_profile(work, row, codes, network.positions, kind.reshape(n_layers, 2), m)
        cut.append((np.flatnonzero(which.ravel() == k), mesh))
    return Meshes(base, cut)


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
    cut = []
    for step in np.unique(steps):
        highest = 4.0 ** (TOGETHER * step) / rate if rate > 0.0 else 0.0
        cut.append((np.flatnonzero(steps == step), profile(highest)))
    return Meshes(base, cut)


def drops_on(
    meshes: Meshes, network: Network, held: NDArray[np.bool_], omega: Array, *, at_rest: bool = True
) -> Complex:
    """Return the drop of phi over each layer over J, shape (n_frequencies, n_layers) [ohm m2].

    `at_rest`: nothing drifts, and the contacts are resistances.
    """
    from ..kernels.signal_chain import scalar_spectrum, spectrum

    run: Callable[..., None] = scalar_spectrum if at_rest and network.counts.max() <= 1 else spectrum
    n_layers = network.counts.size
    out = np.empty((omega.size, n_layers), dtype=np.complex128)
    for chosen, mesh in meshes.cut:
        part = np.empty((chosen.size, n_layers), dtype=np.complex128)
        run(omega[chosen], (*mesh, *meshes.base), network.order, network.counts, network.contacts, held, part)
        out[chosen] = part
    return out


__all__ = ["NEAR_FACE", "Meshes", "drops_on", "face_cuts", "fill_planes", "loaded_meshes", "meshes_of"]
