"""What a small signal about a state with current needs: conductivity, chemical capacitance and drift at the nodes."""

from __future__ import annotations

import math

import numpy as np

from ._jit import kernel
from .element import NODES
from .signal_element import (
    E_BULK,
    E_PERMITTIVITY,
    E_SIZE,
    ELEMENT_COLUMNS,
    N_CAPACITY,
    N_DRIFT,
    N_SIGMA,
    NODE_BLOCKS,
    stored_and_slowest,
)
from .signal_profile import point_values
from .species import VACUUM_PERMITTIVITY
from .steady_nodes import ROUTE_SIZE, ROUTE_START, SIGMA, SIGMA_SLOPE

# Variation below which the values of an element are taken for the same. At rest the bulk is the same throughout; about
# a current its composition may change slowly, and what a mean neglects then shows at every frequency and on every mesh.
SAME = 1e-9
# An element is bisected at most this often.
MOST_BISECTIONS = 40


@kernel
def basis_values(t, basis):
    """Fill the five basis polynomials at a local coordinate."""
    for j in range(5):
        basis[j] = 1.0
        for other in range(5):
            if other != j:
                basis[j] *= (t - NODES[other]) / (NODES[j] - NODES[other])


@kernel
def variation(values, size, m):
    """Return by how much sigma, C and g vary on an element against their values in its middle; g against sigma/size."""
    worst = 1e-30
    for c in range(m):
        sigma, capacity = values[2, N_SIGMA * m + c], values[2, N_CAPACITY * m + c]
        if sigma <= 0.0:
            continue
        for i in range(5):
            worst = max(worst, abs(values[i, N_SIGMA * m + c] - sigma) / sigma)
            worst = max(worst, abs(values[i, N_DRIFT * m + c] - values[2, N_DRIFT * m + c]) * size / sigma)
            worst = max(worst, abs(values[i, N_CAPACITY * m + c] - capacity) / capacity)
    return worst


@kernel
def decay_length(omega, permittivity, values, m):
    """Return the shortest length on which a signal decays, from the values at the five nodes of an element."""
    steepest = 0.0
    for i in range(5):
        drift = 0.0
        for c in range(m):
            sigma = values[i, N_SIGMA * m + c]
            if sigma > 0.0:
                drift = max(drift, abs(values[i, N_DRIFT * m + c]) / sigma)
        capacity, slowest = stored_and_slowest(values[i], m)
        steepest = max(steepest, capacity / permittivity + omega * slowest + drift * drift)
    return 1.0 / math.sqrt(max(steepest, 1e-300))


@kernel
def bisect_element(left, right, size, length, near, breaks):
    """Fill the local ends of the pieces of an element; return how many there are.

    `left`, `right`: distances of its ends from the faces of its layer on their side; `length`: decay length. A piece is
    at most `near` times the latter or its distance from the nearer face long: signals decay from there.
    """
    n, at, width = 0, 0.0, 1.0
    least = 0.5**MOST_BISECTIONS
    breaks[0] = 0.0
    while at < 1.0 and n < breaks.shape[0] - 2:
        # The largest dyadic piece that begins here and is short enough.
        width = 1.0
        while True:
            aligned = at / width == math.floor(at / width)
            nearest = min(left + at * size, right + (1.0 - at - width) * size)
            if aligned and (width * size <= near * max(length, nearest) or width <= least):
                break
            width *= 0.5
        at += width
        n += 1
        breaks[n] = at
    breaks[n] = 1.0
    return n


@kernel
def node_values(problem, mesh, flows, routes, e, at, m, values):
    """Fill sigma, C and g of the components at a node of element `e`.

    `routes` (positions, places of the routes) of its layer as for `fill_state`; `at`: place of the node in the element.
    """
    species, codes, volt = problem[0], problem[1], problem[4]
    elements, nodes, deltas, _ = mesh
    layer, basis, inner = int(elements[e, 1]), np.empty(5), np.zeros(deltas.shape[2])
    basis_values(at, basis)
    for j in range(5):
        for s in range(inner.shape[0]):
            inner[s] += basis[j] * deltas[e, j, s]
    point_values(species, layer, codes, inner, routes[0], m, values)
    for k in range(flows.shape[0]):
        if routes[1][k] >= 0 and flows[k] != 0.0:
            own = ROUTE_START + ROUTE_SIZE * k
            for j in range(5):
                drift = nodes[e, j, own + SIGMA_SLOPE] / nodes[e, j, own + SIGMA]
                values[N_DRIFT * m + routes[1][k]] -= basis[j] * flows[k] * drift / volt


@kernel
def fill_state(problem, mesh, flows, positions, of_routes, omega, near, m):
    """Return (first, elements, values) of a state for small signals, as `signal_profile.fill_profile` does at rest.

    The drift of a component is g = (j/sigma) d sigma/dw, and w is -y kT/e. `of_routes` (n_layers, n_routes): place of
    each route among the components of a layer, -1 where it does not conduct. Elements are cut so that signals up to the
    angular frequency `omega` are resolved, with pieces of `near` decay lengths; 0: they stay as they are.
    """
    old, permittivities = mesh[0], problem[2]
    n_old, n_layers = old.shape[0], permittivities.shape[0]
    breaks, ends = np.empty((n_old, 64)), np.zeros(n_layers)
    counts, own = np.ones(n_old, dtype=np.int64), np.empty((n_old, 5, NODE_BLOCKS * m))
    for e in range(n_old):
        layer = int(old[e, 1])
        ends[layer] += old[e, 0]
        for i in range(5):
            node_values(problem, mesh, flows, (positions[layer], of_routes[layer]), e, NODES[i], m, own[e, i])
    first, begin, total = np.zeros(n_layers + 1, dtype=np.int64), 0.0, 0
    for e in range(n_old):
        layer, size = int(old[e, 1]), old[e, 0]
        begin = 0.0 if e == 0 or int(old[e - 1, 1]) != layer else begin
        if omega > 0.0:
            length = decay_length(omega, VACUUM_PERMITTIVITY * permittivities[layer], own[e], m)
            rest = max(ends[layer] - begin - size, 0.0)
            if e + 1 == n_old or int(old[e + 1, 1]) != layer:
                rest = 0.0
            counts[e] = bisect_element(begin, rest, size, length, near, breaks[e])
        begin += size
        total += counts[e]
        first[layer + 1] = total
    rows, values = np.zeros((total, ELEMENT_COLUMNS)), np.empty((total, 5, NODE_BLOCKS * m))
    at = 0
    for e in range(n_old):
        layer = int(old[e, 1])
        for k in range(counts[e]):
            left, right = (breaks[e, k], breaks[e, k + 1]) if counts[e] > 1 else (0.0, 1.0)
            rows[at, E_SIZE] = old[e, 0] * (right - left)
            rows[at, E_PERMITTIVITY] = VACUUM_PERMITTIVITY * permittivities[layer]
            for i in range(5):
                if counts[e] == 1:
                    values[at, i] = own[e, i]
                else:
                    place = left + (right - left) * NODES[i]
                    node_values(
                        problem, mesh, flows, (positions[layer], of_routes[layer]), e, place, m, values[at, i]
                    )  # fmt: skip
            varies = variation(values[at], rows[at, E_SIZE], m)
            rows[at, E_BULK] = varies if varies < SAME else 0.0
            at += 1
    return first, rows, values
