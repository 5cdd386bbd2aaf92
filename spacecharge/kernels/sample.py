"""Profiles: nodes of a solve, or a solve read off at positions of the caller's choice."""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import inlined, kernel
from .element import NODES, evaluate
from .laws import has_vacancies, state_of
from .layout import N_LAYERS, N_SPECIES
from .observe import node_deltas, point_deltas
from .species import fill_species, is_interacting
from .workspace import STRIDE as S


@inlined
def _store(species, layer, n_species, deltas, at, occupancy, vacancy):
    """Store theta and 1 - theta of all species at column `at`."""
    for s in range(n_species):
        theta, empty, _, _, _, _ = state_of(species, layer, s, deltas[s])
        present = species[layer, s, o.P_STRENGTH] != 0.0
        occupancy[s, at] = theta if present else math.nan
        vacancy[s, at] = empty if present and has_vacancies(species[layer, s, o.P_DILUTE]) else math.nan


@kernel
def read_nodes(work, row, codes, layer, x, y, occupancy, vacancy):
    """Copy the nodes of one layer of the solve left in `work`: x from its left face [m], y, theta, 1 - theta.

    Shapes: x, y (4 n + 1,) for n elements; occupancy, vacancy (n_species, 4 n + 1).
    """
    n_species = codes[N_SPECIES]
    species = np.empty((codes[N_LAYERS], n_species, o.SPECIES_COLUMNS))
    fill_species(row, codes, species)
    interacting = is_interacting(codes, species)
    deltas = np.empty(n_species)
    first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
    left = 0.0
    for e in range(first, last):
        size = work[w.SIZE * S + e]
        for i in range(5 if e == last - 1 else 4):
            at = 4 * (e - first) + i
            x[at] = left + NODES[i] * size
            y[at] = work[(w.Y + i) * S + e]
            node_deltas(work, species, n_species, layer, e, i, interacting, deltas)
            _store(species, layer, n_species, deltas, at, occupancy, vacancy)
        left += size


@kernel
def read_positions(work, row, codes, positions, starts, y, occupancy, vacancy):
    """Read the solve left in `work` at positions of the caller's choice; what lies outside a layer is left as it is.

    `positions` holds the distances of all layers one after the other, layer ``l`` from ``starts[l]`` to
    ``starts[l + 1]``: from the left face, in the first of several layers from the right face (both are the first
    contact). `y` (n_x,), `occupancy` and `vacancy` (n_species, n_x) are filled.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    species = np.empty((n_layers, n_species, o.SPECIES_COLUMNS))
    fill_species(row, codes, species)
    interacting = is_interacting(codes, species)
    deltas = np.empty(n_species)
    for layer in range(n_layers):
        first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
        thickness = 0.0
        for e in range(first, last):
            thickness += work[w.SIZE * S + e]
        slack = 1e-12 * thickness
        from_right = layer == 0 and n_layers > 1
        # Distances from the right face come in falling order: left to right they rise again.
        e, left = first, 0.0
        for at in range(starts[layer], starts[layer + 1]):
            x = thickness - positions[at] if from_right else positions[at]
            if x < -slack or x > thickness + slack:
                continue
            while e < last - 1 and left + work[w.SIZE * S + e] < x:
                left += work[w.SIZE * S + e]
                e += 1
            t = min(max((x - left) / work[w.SIZE * S + e], 0.0), 1.0)
            y[at], _ = evaluate(work, w.Y, e, t)
            point_deltas(work, species, n_species, layer, e, t, interacting, deltas)
            _store(species, layer, n_species, deltas, at, occupancy, vacancy)
