"""What a small signal needs of a solved state: conductivity and chemical capacitance at the nodes of its elements."""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import kernel
from .element import NODES
from .laws import state_of
from .layout import CODE_START, LAYER_SIZE, LAYER_START, MEMO_SIZE, N_LAYERS, N_SPECIES
from .newton import CONVERGED, MOST_EFFORT, newton
from .observe import node_deltas, point_deltas
from .rows import TRANSPORT_VACANCY
from .signal_element import (
    E_BULK,
    E_PERMITTIVITY,
    E_SIZE,
    ELEMENT_COLUMNS,
    N_CAPACITY,
    N_SIGMA,
    NODE_BLOCKS,
    is_homogeneous,
    stored_and_slowest,
)
from .species import VACUUM_PERMITTIVITY, fill_species, is_bordered, is_interacting
from .start import refine, set_up
from .workspace import CAPACITY
from .workspace import STRIDE as S

# Elements at a face are cut towards it at most this often: 2^12 below a Debye length the layer there is immaterial.
MOST_CUTS = 12
# Cuts come in threes: frequencies share a mesh, and reading one costs as much as three frequencies on it.
TOGETHER = 3
# Largest size of the element at a face in decay lengths of the signal.
NEAR_FACE = 1.0
# An element whose Delta stays below this may be taken as homogeneous; E_BULK carries its largest Delta, LEAST_DELTA
# in place of 0.
BULK_DELTA = 1e-4
LEAST_DELTA = 1e-30
# Each cut leaves a half: geometric steps resolve every decay length between the first and the last, to 1e-6 of a piece
# where thirds leave 2e-4.
CUT = 0.5


@kernel
def element_breaks(index, n, splits, breaks):
    """Fill the local ends of the pieces of element `index` of a layer with `n` elements; return how many pieces.

    `splits` (2): how often the elements at the left and right face are cut, each time towards the face.
    """
    left = splits[0] if index == 0 else 0
    right = splits[1] if index == n - 1 else 0
    middle = 1.0
    if left > 0 and right > 0:
        middle = 0.5
    elif right > 0:
        middle = 0.0
    at = 0
    breaks[0] = 0.0
    for k in range(left, 0, -1):
        at += 1
        breaks[at] = middle * CUT**k
    if middle > 0.0 and middle < 1.0:
        at += 1
        breaks[at] = middle
    for k in range(1, right + 1):
        at += 1
        breaks[at] = 1.0 - (1.0 - middle) * CUT**k
    breaks[at + 1] = 1.0
    return at + 1


@kernel
def point_values(species, layer, codes, deltas, positions, m, values):
    """Fill sigma and C of the components of a layer for the Delta of its species; `values` (NODE_BLOCKS m).

    `positions` (n_species): place of the component of each species in the layer, -1 where nothing of it moves.
    """
    n_species = codes[N_SPECIES]
    values[:] = 0.0
    for s in range(n_species):
        c = positions[s]
        if c < 0 or species[layer, s, o.P_STRENGTH] == 0.0:
            continue
        theta, vacancy, _, response, _, steep = state_of(species, layer, s, deltas[s])
        if species[layer, s, o.P_CONDUCT] > 0.0:
            share = 1.0
            if codes[CODE_START + 2 * (layer * n_species + s) + 1] == TRANSPORT_VACANCY:
                share = vacancy / species[layer, s, o.P_VACANCY]
            values[N_SIGMA * m + c] += species[layer, s, o.P_CONDUCT] * theta * share
        strength = VACUUM_PERMITTIVITY * species[layer, s, o.P_STRENGTH] * species[layer, s, o.P_Z]
        values[N_CAPACITY * m + c] += strength * response / max(steep, 1e-9)


@kernel
def count_elements(work, n_layers, splits, first):
    """Fill `first` (n_layers + 1) of the mesh with its cuts; return the number of elements."""
    total = 0
    breaks = np.empty(64)
    for layer in range(n_layers):
        first[layer] = total
        n = int(work[w.FIRST * S + layer + 1]) - int(work[w.FIRST * S + layer])
        for index in range(n):
            total += element_breaks(index, n, splits[layer], breaks)
    first[n_layers] = total
    return total


@kernel
def fill_profile(work, row, codes, positions, splits, m):
    """Return (first, elements, values) of the state in `work` for small signals; see `signal_element`.

    `positions` (n_layers, n_species), `splits` (n_layers, 2) as for `point_values` and `element_breaks`.
    """
    first = np.empty(codes[N_LAYERS] + 1, dtype=np.int64)
    total = count_elements(work, codes[N_LAYERS], splits, first)
    elements, values = np.zeros((total, ELEMENT_COLUMNS)), np.zeros((total, 5, NODE_BLOCKS * m))
    fill_elements(work, row, codes, positions, splits, first, elements, values)
    return first, elements, values


@kernel
def fill_elements(work, row, codes, positions, splits, first, elements, values):
    """Fill the rows of a mesh from ``first[0]`` on; where that is not 0, those of the uncut one come first already."""
    n_layers, n_species, m = codes[N_LAYERS], codes[N_SPECIES], values.shape[2] // NODE_BLOCKS
    species = np.empty((n_layers, n_species, o.SPECIES_COLUMNS))
    fill_species(row, codes, species)
    interacting = is_interacting(codes, species)
    deltas, breaks = np.empty(n_species), np.empty(64)
    at = first[0]
    for layer in range(n_layers):
        begin, end = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
        for e in range(begin, end):
            n = element_breaks(e - begin, end - begin, splits[layer], breaks)
            if n == 1 and first[0] > 0:
                elements[at], values[at] = elements[e], values[e]
                at += 1
                continue
            largest = 0.0
            for k in range(n):
                left, right = breaks[k], breaks[k + 1]
                # Lengths next to a face as they were cut, not as a difference of positions.
                elements[at, E_SIZE] = work[w.SIZE * S + e] * (right - left)
                elements[at, E_PERMITTIVITY] = VACUUM_PERMITTIVITY * row[LAYER_START + LAYER_SIZE * layer + 1]
                for i in range(5):
                    if n == 1:
                        node_deltas(work, species, n_species, layer, e, i, interacting, deltas)
                    else:
                        t = left + (right - left) * NODES[i]
                        point_deltas(work, species, n_species, layer, e, t, interacting, deltas)
                    point_values(species, layer, codes, deltas, positions[layer], m, values[at, i])
                    for s in range(n_species):
                        if species[layer, s, o.P_STRENGTH] != 0.0:
                            largest = max(largest, abs(deltas[s]))
                at += 1
            if n == 1 and largest < BULK_DELTA:
                elements[at - 1, E_BULK] = max(largest, LEAST_DELTA)


@kernel
def face_cuts(elements, values, first, counts, omega, cuts):
    """Fill how often the elements at both faces of each layer are cut, `cuts` (n_frequencies, n_layers, 2)."""
    m = values.shape[2] // NODE_BLOCKS
    cuts[:] = 0
    for layer in range(counts.shape[0]):
        if counts[layer] == 0:
            continue
        for side in range(2):
            e, node = (first[layer], 0) if side == 0 else (first[layer + 1] - 1, 4)
            stored, slowest = stored_and_slowest(values[e, node], m)
            whole = elements[e, E_SIZE]
            size = whole if first[layer + 1] - first[layer] > 1 else 0.5 * whole
            for i in range(omega.shape[0]):
                square = stored / elements[e, E_PERMITTIVITY] + omega[i] * slowest
                if not is_homogeneous(elements[e, E_BULK], square * whole * whole):
                    times = math.log(math.sqrt(square) * size / NEAR_FACE) / math.log(2.0) / TOGETHER
                    cuts[i, layer, side] = int(min(max(TOGETHER * math.ceil(times), 0), MOST_CUTS))


@kernel
def fill_meshes(work, row, codes, positions, counts, omega, m):
    """Return (firsts, elements, values, which) of the state in `work`: the meshes that angular frequencies ask for.

    `firsts` (n_meshes, n_layers + 1): first elements of each mesh, that of the solve before all others; `which`
    (n_frequencies): the mesh of each frequency.
    """
    n_layers = codes[N_LAYERS]
    kinds = np.zeros((omega.shape[0] + 1, n_layers, 2), dtype=np.int64)
    first, elements, values = fill_profile(work, row, codes, positions, kinds[0], m)
    cuts = np.empty((omega.shape[0], n_layers, 2), dtype=np.int64)
    face_cuts(elements, values, first, counts, omega, cuts)
    which, n_kinds = np.zeros(omega.shape[0], dtype=np.int64), 1
    for i in range(omega.shape[0]):
        k = 0
        while k < n_kinds and np.any(kinds[k] != cuts[i]):
            k += 1
        if k == n_kinds:
            kinds[k] = cuts[i]
            n_kinds += 1
        which[i] = k
    firsts, total = np.empty((n_kinds, n_layers + 1), dtype=np.int64), 0
    for k in range(n_kinds):
        more = count_elements(work, n_layers, kinds[k], firsts[k])
        for layer in range(n_layers + 1):
            firsts[k, layer] += total
        total += more
    rows, nodes = np.zeros((total, ELEMENT_COLUMNS)), np.zeros((total, 5, NODE_BLOCKS * m))
    rows[: first[-1]], nodes[: first[-1]] = elements, values
    for k in range(1, n_kinds):
        fill_elements(work, row, codes, positions, kinds[k], firsts[k], rows, nodes)
    return firsts, rows, nodes, which


@kernel
def face_shares(work, row, codes, out):
    """Fill `out` (n_layers, 2, 2): occupancy and vacancy of the first species at both faces of each layer."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    species = np.empty((n_layers, n_species, o.SPECIES_COLUMNS))
    fill_species(row, codes, species)
    interacting = is_interacting(codes, species)
    deltas = np.empty(n_species)
    for layer in range(n_layers):
        for side in range(2):
            e, node = int(work[w.FIRST * S + layer]), 0
            if side == 1:
                e, node = int(work[w.FIRST * S + layer + 1]) - 1, 4
            node_deltas(work, species, n_species, layer, e, node, interacting, deltas)
            theta, vacancy, _, _, _, _ = state_of(species, layer, 0, deltas[0])
            out[layer, side, 0], out[layer, side, 1] = theta, vacancy


@kernel
def halve_state(work, row, codes):
    """Cut every element of the state in `work` in half and solve again; return whether that worked.

    What a spectrum then differs by from that on the mesh before is what the mesh before gets wrong.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    species = np.empty((n_layers, n_species, o.SPECIES_COLUMNS))
    fill_species(row, codes, species)
    interacting = is_interacting(codes, species)
    kind = (interacting, interacting and is_bordered(codes, species), False)
    n = int(work[w.FIRST * S + n_layers])
    if 2 * n + 8 > CAPACITY:
        return False
    refine(work, codes, n)
    set_up(work, row, codes, species, 2 * n, interacting)
    memo = np.full(MEMO_SIZE, MOST_EFFORT)
    status, _, _ = newton(work, row, codes, 2 * n, kind, 1e-8, memo)
    return status == CONVERGED
