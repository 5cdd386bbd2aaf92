"""What a state with current looks like: profiles, faces, and the observables that the equilibrium solve reports too."""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import kernel
from .element import NODES, WEIGHTS
from .laws import has_vacancies, state_of
from .layout import N_LAYERS, N_SPECIES
from .mesh import set_parameters
from .observe import find_regions, observe_layers
from .species import is_interacting
from .statistics import conductivity
from .steady_element import INTEGRALS, STIFF, WEIGHTED
from .steady_nodes import (
    C_SHEET,
    CHARGE,
    OFFSET,
    ROUTE_SIZE,
    ROUTE_START,
    SIGMA,
    Y,
    contact_jump,
    plane_state,
)
from .workspace import STRIDE as S


@kernel
def read_profiles(problem, mesh, flows, x, v, currents):
    """Fill x from the left end [m] (n, 5); v minus v of the left end [V] and the current [A m-2] of each route.

    `v`, `currents` (n_routes, n, 5) are NaN where a route does not go.
    """
    species, _, _, contacts, volt, _, spans, _ = problem
    elements, nodes, deltas, _ = mesh
    start, level = 0.0, 0.0
    jump, parts = np.empty(6), np.empty(5)
    for e in range(elements.shape[0]):
        size, layer = elements[e, 0], int(elements[e, 1])
        if e > 0 and int(elements[e - 1, 1]) != layer:
            faces = (deltas[e - 1, 4], deltas[e, 0])
            contact_jump(contacts[layer - 1, 0], species, layer - 1, faces, flows[0], volt, jump)
            level -= jump[0] * volt
        # v' at the nodes, integrated along the element by its polynomial.
        for i in range(5):
            parts[i] = -flows[0] / nodes[e, i, ROUTE_START + SIGMA]
        for i in range(5):
            x[e, i] = start + NODES[i] * size
            total = 0.0
            for k in range(5):
                total += INTEGRALS[i, k] * parts[k]
            for k in range(flows.shape[0]):
                here = spans[k, 0] <= layer <= spans[k, 1]
                offset = nodes[e, i, ROUTE_START + ROUTE_SIZE * k + OFFSET] if k > 0 else 0.0
                v[k, e, i] = level + size * total + offset * volt if here else math.nan
                currents[k, e, i] = flows[k] if here else math.nan
        start += size
        level = v[0, e, 4]


@kernel
def read_occupancies(problem, mesh, occupancy, vacancy):
    """Fill theta and 1 - theta (n_species, n, 5), NaN where a layer has no such species or no such sites."""
    species = problem[0]
    elements, _, deltas, _ = mesh
    for e in range(elements.shape[0]):
        layer = int(elements[e, 1])
        for i in range(5):
            for s in range(deltas.shape[2]):
                theta, empty, _, _, _, _ = state_of(species, layer, s, deltas[e, i, s])
                present = species[layer, s, o.P_STRENGTH] != 0.0
                occupancy[s, e, i] = theta if present else math.nan
                vacancy[s, e, i] = empty if present and has_vacancies(species[layer, s, o.P_DILUTE]) else math.nan


@kernel
def occupancies_of(species, layer, s, deltas, theta, vacancy):
    """Fill theta and 1 - theta (NaN without sites) of a species for its `deltas` (n)."""
    for i in range(deltas.shape[0]):
        theta[i], empty, _, _, _, _ = state_of(species, layer, s, deltas[i])
        vacancy[i] = empty if has_vacancies(species[layer, s, o.P_DILUTE]) else math.nan


@kernel
def drops_of(problem, mesh, flows, drops):
    """Fill the drop of v of each route over each layer and over the contact left of it.

    `drops` (2, n_routes, n_layers) in volts, left minus right; NaN where a route does not go.
    """
    species, _, _, contacts, volt, _, spans, _ = problem
    elements, nodes, deltas, _ = mesh
    n_routes = flows.shape[0]
    jump = np.empty(6)
    drops[:] = math.nan
    for k in range(n_routes):
        for layer in range(spans[k, 0], spans[k, 1] + 1):
            drops[0, k, layer] = 0.0
    for e in range(elements.shape[0]):
        layer, size = int(elements[e, 1]), elements[e, 0]
        if e > 0 and int(elements[e - 1, 1]) != layer:
            faces = (deltas[e - 1, 4], deltas[e, 0])
            contact_jump(contacts[layer - 1, 0], species, layer - 1, faces, flows[0], volt, jump)
            for k in range(n_routes):
                at = ROUTE_START + ROUTE_SIZE * k + OFFSET
                if spans[k, 0] < layer <= spans[k, 1]:
                    offset = nodes[e - 1, 4, at] - nodes[e, 0, at] if k > 0 else 0.0
                    drops[1, k, layer] = (jump[0] + offset) * volt
        total = 0.0
        for i in range(5):
            total += WEIGHTS[i] * size * flows[0] / nodes[e, i, ROUTE_START + SIGMA]
        for k in range(n_routes):
            at = ROUTE_START + ROUTE_SIZE * k + OFFSET
            if spans[k, 0] <= layer <= spans[k, 1]:
                drops[0, k, layer] += total + ((nodes[e, 0, at] - nodes[e, 4, at]) * volt if k > 0 else 0.0)


@kernel
def exchange_currents(problem, mesh, flows, out):
    """Fill i0 of every route through every inner contact (n_layers - 1, n_routes) [A m-2], NaN without a law."""
    species, _, _, contacts, volt, _, spans, _ = problem
    elements, _, deltas, _ = mesh
    jump = np.empty(6)
    out[:] = math.nan
    for e in range(1, elements.shape[0]):
        layer = int(elements[e, 1])
        if int(elements[e - 1, 1]) == layer:
            continue
        for k in range(flows.shape[0]):
            if spans[k, 0] < layer <= spans[k, 1]:
                faces = (deltas[e - 1, 4], deltas[e, 0])
                contact_jump(contacts[layer - 1, k], species, layer - 1, faces, flows[k], volt, jump)
                out[layer - 1, k] = jump[4]


@kernel
def store_state(work, mesh):
    """Put a state with current where the equilibrium solve leaves its own: sizes, layers, y and Delta."""
    elements, nodes, deltas, _ = mesh
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
def store_potential(work, mesh, route, faces, own_faces):
    """Put y of a route into `work` and into a copy of `faces`, for what is found along it."""
    elements, nodes, _, _ = mesh
    at = ROUTE_START + ROUTE_SIZE * route + OFFSET
    own_faces[:] = faces
    for e in range(elements.shape[0]):
        layer = int(elements[e, 1])
        for i in range(5):
            work[(w.Y + i) * S + e] = nodes[e, i, Y] - (nodes[e, i, at] if route > 0 else 0.0)
        if e == 0 or int(elements[e - 1, 1]) != layer:
            own_faces[layer, 0] = work[w.Y * S + e]
        own_faces[layer, 1] = work[(w.Y + 4) * S + e]


@kernel
def steady_faces(problem, mesh, flows, faces):
    """Fill `faces` (n_layers, 5) as `faces.face_states` does: y, displacements eps phi' over kT/e, charge."""
    _, _, permittivities, contacts, volt, _, _, _ = problem
    elements, nodes, _, _ = mesh
    displacement = 0.0
    size, permittivity = elements[0, 0], permittivities[0]
    for k in range(5):
        displacement -= permittivity / size * STIFF[0, k] * (nodes[0, k, Y] - nodes[0, 0, Y])
        displacement += permittivity * WEIGHTED[0, k] * flows[0] / (nodes[0, k, ROUTE_START + SIGMA] * volt)
    displacement += size * WEIGHTS[0] * nodes[0, 0, CHARGE]
    for e in range(elements.shape[0]):
        layer = int(elements[e, 1])
        if e == 0 or int(elements[e - 1, 1]) != layer:
            if e > 0:
                displacement -= contacts[layer - 1, 0, C_SHEET]
                for k in range(contacts.shape[1]):
                    displacement -= plane_state(contacts, layer - 1, k, nodes[e - 1, 4], nodes[e, 0])[0]
            faces[layer, 0], faces[layer, 2], faces[layer, 4] = nodes[e, 0, Y], displacement, 0.0
        charge = 0.0
        for i in range(5):
            charge += elements[e, 0] * WEIGHTS[i] * nodes[e, i, CHARGE]
        displacement -= charge
        faces[layer, 4] += charge
        faces[layer, 1], faces[layer, 3] = nodes[e, 4, Y], displacement


@kernel
def observe_steady(work, row, problem, mesh, faces, fraction, out):
    """Fill the layer blocks of an output row for the state in `work`; returns the validity flags.

    Widths of a species follow from y of its own component; the region of a face is the widest of them.
    """
    species, codes, _, _, _, routes, spans, _ = problem
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    several = spans.shape[0] > 1
    interacting = several or is_interacting(codes, species)
    n = int(work[w.FIRST * S + n_layers])
    set_parameters(work, row, codes, species, n, interacting)
    levels, regions = np.full((n_layers, n_species, 2), math.nan), np.empty((n_layers, 2, 2 + n_species))
    own, own_faces = np.empty(regions.shape), np.empty(faces.shape)
    conductivity(work, codes, species, interacting, codes)
    find_regions(work, codes, species, faces, fraction, True, levels, regions)
    for k in range(1, spans.shape[0]):
        store_potential(work, mesh, k, faces, own_faces)
        find_regions(work, codes, species, own_faces, fraction, True, levels, own)
        for layer in range(n_layers):
            for s in range(n_species):
                if routes[layer, s] != k:
                    continue
                for side in range(2):
                    regions[layer, side, 2 + s] = own[layer, side, 2 + s]
                    if species[layer, s, o.P_CONDUCT] > 0.0 and own[layer, side, 2 + s] > regions[layer, side, 1]:
                        regions[layer, side, :2] = own[layer, side, :2]
    if several:
        store_potential(work, mesh, 0, faces, own_faces)
    return observe_layers(work, row, codes, species, faces, regions, interacting, out)
