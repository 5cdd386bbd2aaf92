"""What a state with current looks like: profiles, faces, and the observables that the equilibrium solve reports too."""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import kernel
from .element import NODES, WEIGHTS
from .laws import state_of
from .layout import N_LAYERS, N_SPECIES
from .mesh import set_parameters
from .observe import find_regions, observe_layers
from .signal_element import N_DRIFT
from .species import is_interacting
from .steady_nodes import CHARGE, DRIFT, PULL, SIGMA, SIGMA_SLOPE, STIFF, Y, contact_jump
from .workspace import STRIDE as S


@kernel
def read_profiles(problem, elements, nodes, deltas, current, x, v, occupancy, vacancy):
    """Fill x from the left end [m], v minus v of the left end [V] (n, 5), theta and 1 - theta (n_species, n, 5)."""
    species, codes, _, contacts, volt = problem
    n_species = codes[N_SPECIES]
    start, level = 0.0, 0.0
    jump, parts = np.empty(6), np.empty(5)
    for e in range(elements.shape[0]):
        size, layer = elements[e, 0], int(elements[e, 1])
        if e > 0 and int(elements[e - 1, 1]) != layer:
            contact_jump(
                contacts[layer - 1], species, layer - 1, deltas[e - 1, 4, 0], deltas[e, 0, 0], current, volt, jump
            )
            level -= jump[0] * volt
        # v' at the nodes, integrated along the element by its polynomial.
        for i in range(5):
            parts[i] = -current / nodes[e, i, SIGMA]
        for i in range(5):
            x[e, i] = start + NODES[i] * size
            total = 0.0
            for k in range(5):
                total += integral_to(i, k) * parts[k]
            v[e, i] = level + size * total
            for s in range(n_species):
                theta, empty, _, _, _, _ = state_of(species, layer, s, deltas[e, i, s])
                present = species[layer, s, o.P_STRENGTH] != 0.0
                occupancy[s, e, i] = theta if present else math.nan
                vacancy[s, e, i] = empty if present and species[layer, s, o.P_DILUTE] == 0.0 else math.nan
        start += size
        level = v[e, 4]


def _integrals():
    """Return I[i, k], the integral of l_k from 0 to node i."""
    table = np.zeros((5, 5))
    points, weights = np.polynomial.legendre.leggauss(3)
    for i in range(5):
        for k in range(5):
            for point, weight in zip(points, weights, strict=True):
                t = 0.5 * NODES[i] * (1.0 + point)
                factor = 1.0
                for j in range(5):
                    if j != k:
                        factor *= (t - NODES[j]) / (NODES[k] - NODES[j])
                table[i, k] += 0.5 * NODES[i] * weight * factor
    return table


INTEGRALS = _integrals()


@kernel
def integral_to(i, k):
    """Return the integral of the k-th basis polynomial from 0 to node i."""
    return INTEGRALS[i, k]


@kernel
def exchange_currents(problem, elements, deltas, current, out):
    """Fill i0 of every inner contact [A m-2], NaN without a law."""
    species, _, _, contacts, volt = problem
    jump = np.empty(6)
    for e in range(1, elements.shape[0]):
        layer = int(elements[e, 1])
        if int(elements[e - 1, 1]) != layer:
            contact_jump(
                contacts[layer - 1], species, layer - 1, deltas[e - 1, 4, 0], deltas[e, 0, 0], current, volt, jump
            )
            out[layer - 1] = jump[4]


@kernel
def store_state(work, elements, nodes, deltas):
    """Put a state with current where the equilibrium solve leaves its own: sizes, layers, y and Delta."""
    n, n_species = elements.shape[0], deltas.shape[2]
    for e in range(n):
        layer = int(elements[e, 1])
        work[w.SIZE * S + e], work[w.LAYER * S + e] = elements[e, 0], elements[e, 1]
        if e == 0 or int(elements[e - 1, 1]) != layer:
            work[w.FIRST * S + layer] = e
        work[w.FIRST * S + layer + 1] = e + 1
        for i in range(5):
            work[(w.Y + i) * S + e] = nodes[e, i, Y]
            for s in range(n_species):
                work[(w.species_row(s) + w.DELTA + i) * S + e] = deltas[e, i, s]


@kernel
def steady_faces(problem, elements, nodes, faces):
    """Fill `faces` (n_layers, 5) as `observe.face_states` does: y, displacements eps phi' over kT/e, charge."""
    _, _, permittivities, contacts, _ = problem
    displacement = 0.0
    size, permittivity = elements[0, 0], permittivities[0]
    for k in range(5):
        displacement -= permittivity / size * STIFF[0, k] * (nodes[0, k, Y] - nodes[0, 0, Y])
        displacement -= permittivity * PULL[0, k] * nodes[0, k, DRIFT]
    displacement += size * WEIGHTS[0] * nodes[0, 0, CHARGE]
    for e in range(elements.shape[0]):
        layer = int(elements[e, 1])
        if e == 0 or int(elements[e - 1, 1]) != layer:
            if e > 0:
                displacement -= contacts[layer - 1, 5]
            faces[layer, 0], faces[layer, 2], faces[layer, 4] = nodes[e, 0, Y], displacement, 0.0
        charge = 0.0
        for i in range(5):
            charge += elements[e, 0] * WEIGHTS[i] * nodes[e, i, CHARGE]
        displacement -= charge
        faces[layer, 4] += charge
        faces[layer, 1], faces[layer, 3] = nodes[e, 4, Y], displacement


@kernel
def observe_steady(work, row, problem, faces, fraction, out):
    """Fill the layer blocks of an output row for the state in `work`; returns the validity flags."""
    species, codes, _, _, _ = problem
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    interacting = is_interacting(codes, species)
    n = int(work[w.FIRST * S + n_layers])
    set_parameters(work, row, codes, species, n, interacting)
    levels, regions = np.full((n_layers, n_species, 2), math.nan), np.empty((n_layers, 2, 2 + n_species))
    find_regions(work, codes, species, faces, fraction, interacting, True, levels, regions, codes)
    return observe_layers(work, row, codes, species, faces, regions, interacting, np.empty(n_species), out)


@kernel
def add_drift(elements, nodes, current, volt, m, values):
    """Fill the drift g = (J/sigma) d sigma/dw of the nodes of a small-signal mesh without cuts; w is -y kT/e."""
    for e in range(elements.shape[0]):
        for i in range(5):
            g = -current / nodes[e, i, SIGMA] * nodes[e, i, SIGMA_SLOPE] / volt
            values[e, i, N_DRIFT * m] = g
