"""A direct current on one element: Poisson's equation on the nodes, offsets by collocation, mid nodes eliminated.

Poisson's equation reads -(eps (y' + G))' = q with G = -j/(sigma kT/e) of the reference; an offset obeys
delta' = G_c - G, which is integrated along the element by the polynomial through its nodes. Linearised, offsets follow
from the offset of the left node and from y, and are put into Poisson's equation.

Columns of right-hand sides: 0 is the residual, 1 a unit of the total current, 1 + k a unit of what is looked for of
route k (its current, or the offset it starts with); then, one per route from 1 on, a unit of its offset at the left
node.
"""

from __future__ import annotations

import numpy as np

from ._jit import kernel
from .element import NODES, WEIGHTS, basis_at
from .signal_element import SLOPES
from .steady_nodes import CHARGE, OFFSET, PULL, ROUTE_SIZE, ROUTE_START, SIGMA, SIGMA_SLOPE, SLOPE, Y

STIFF = np.array([[float(np.sum(WEIGHTS * SLOPES[i] * SLOPES[j])) for j in range(5)] for i in range(5)])
WEIGHTED = SLOPES * WEIGHTS


def _integrals():
    """Return I[i, k], the integral of l_k from 0 to node i."""
    table = np.zeros((5, 5))
    points, weights = np.polynomial.legendre.leggauss(3)
    for i in range(5):
        for point, weight in zip(points, weights, strict=True):
            table[i] += 0.5 * NODES[i] * weight * basis_at(0.5 * NODES[i] * (1.0 + point))
    return table


INTEGRALS = _integrals()


@kernel
def tie_route(system, mesh, e, route, flows, rates, volt):
    """Fill a tie (5, 6 + columns): what the offset of each node is, by the y of all nodes, by column, by its own start.

    `flows` (n_routes): currents; `rates` (n_routes, columns): how they change with a unit of each column.
    """
    columns, size, nodes, tie = rates.shape[1], mesh[0][e, 0], mesh[1][e], system[2][e, route - 1]
    own = ROUTE_START + ROUTE_SIZE * route
    passes = rates[route, 1 + route] != 0.0
    tie[:] = 0.0
    tie[0, 5 + columns] = 1.0
    system = np.zeros((5, 5))
    for m in range(5):
        reference = 1.0 / (nodes[m, ROUTE_START + SIGMA] * volt)
        drift = -flows[0] * reference
        bend = drift * nodes[m, ROUTE_START + SIGMA_SLOPE] * reference * volt
        mine, inverse, turn = 0.0, 0.0, 0.0
        if passes:
            inverse = 1.0 / (nodes[m, own + SIGMA] * volt)
            mine = -flows[route] * inverse
            turn = mine * nodes[m, own + SIGMA_SLOPE] * inverse * volt
        for i in range(1, 5):
            weight = size * INTEGRALS[i, m]
            system[i, m] = -weight * turn
            tie[i, m] = weight * (bend - turn)
            tie[i, 5] += weight * (mine - drift)
            for c in range(1, columns):
                tie[i, 5 + c] += weight * (rates[0, c] * reference - rates[route, c] * inverse)
    for i in range(1, 5):
        tie[i, 5] += nodes[0, own + OFFSET] - nodes[i, own + OFFSET]
        tie[i, 5 + columns] = 1.0 - system[i, 0]
        system[i, i] += 1.0
    if passes:
        for k in range(1, 5):
            pivot = 1.0 / system[k, k]
            for i in range(1, 5):
                if i == k:
                    continue
                factor = system[i, k] * pivot
                for m in range(k + 1, 5):
                    system[i, m] -= factor * system[k, m]
                tie[i] -= factor * tie[k]
        for i in range(1, 5):
            tie[i] /= system[i, i]


@kernel
def reduce_steady(system, mesh, e, permittivity, flows, rates, volt):
    """Fill matrix (5, 5) and load (5, columns + n_routes - 1) of Poisson's equation with fixed offsets."""
    (elements, nodes, _, _), (matrices, loads, _) = mesh, system
    columns, size = rates.shape[1], elements[e, 0]
    stiff = permittivity / size
    for i in range(5):
        for c in range(loads.shape[2]):
            loads[e, i, c] = 0.0
    for k in range(5):
        inverse = 1.0 / (nodes[e, k, ROUTE_START + SIGMA] * volt)
        drift = -flows[0] * inverse
        bend = drift * nodes[e, k, ROUTE_START + SIGMA_SLOPE] * inverse * volt
        rise = nodes[e, k, Y] - nodes[e, 0, Y]
        for i in range(5):
            pull = permittivity * WEIGHTED[i, k]
            matrices[e, i, k] = stiff * STIFF[i, k] - pull * bend
            loads[e, i, 0] -= stiff * STIFF[i, k] * rise + pull * drift
            for c in range(1, columns):
                loads[e, i, c] += pull * inverse * rates[0, c]
    for i in range(5):
        loads[e, i, 0] += size * WEIGHTS[i] * nodes[e, i, CHARGE]
        matrices[e, i, i] += size * WEIGHTS[i] * nodes[e, i, SLOPE]


@kernel
def add_offsets(system, mesh, e, route, columns):
    """Put the offsets of a route into Poisson's equation."""
    size, nodes = mesh[0][e, 0], mesh[1][e]
    matrix, load, tie = system[0][e], system[1][e], system[2][e, route - 1]
    for i in range(5):
        weight = size * WEIGHTS[i] * nodes[i, ROUTE_START + ROUTE_SIZE * route + PULL]
        for m in range(5):
            matrix[i, m] -= weight * tie[i, m]
        for c in range(columns):
            load[i, c] += weight * tie[i, 5 + c]
        load[i, columns + route - 1] += weight * tie[i, 5 + columns]


@kernel
def condense_steady(system, e):
    """Eliminate the mid nodes; rows 1 to 3 are left as the way back needs them: upper triangular on the mid nodes."""
    matrices, loads, _ = system
    width = loads.shape[2]
    for k in range(1, 4):
        pivot = 1.0 / matrices[e, k, k]
        for i in range(5):
            if 0 < i <= k:
                continue
            factor = matrices[e, i, k] * pivot
            matrices[e, i, 0] -= factor * matrices[e, k, 0]
            for j in range(k + 1, 5):
                matrices[e, i, j] -= factor * matrices[e, k, j]
            for c in range(width):
                loads[e, i, c] -= factor * loads[e, k, c]


@kernel
def far_offset(system, e, route, columns, far):
    """Fill `far` (2 + columns + n_routes - 1): offset of the right node by y of both ends, by column, by all starts."""
    matrix, load, tie = system[0][e], system[1][e], system[2][e, route - 1]
    line = np.zeros(5 + load.shape[1])
    line[: 5 + columns] = tie[4, : 5 + columns]
    line[5 + columns + route - 1] = tie[4, 5 + columns]
    for k in range(1, 4):
        factor = line[k] / matrix[k, k]
        line[0] -= factor * matrix[k, 0]
        for j in range(k + 1, 5):
            line[j] -= factor * matrix[k, j]
        for c in range(load.shape[1]):
            line[5 + c] += factor * load[k, c]
    far[0], far[1] = line[0], line[4]
    far[2:] = line[5:]


@kernel
def mid_steps(system, e, columns, steps):
    """Fill `steps` (n, 5, n_routes, columns) of the inner nodes from y of both ends and the offsets of the left one."""
    matrices, loads, ties = system
    extra = ties.shape[1]
    for c in range(columns):
        for k in range(3, 0, -1):
            total = loads[e, k, c]
            total -= matrices[e, k, 0] * steps[e, 0, 0, c] + matrices[e, k, 4] * steps[e, 4, 0, c]
            for j in range(k + 1, 4):
                total -= matrices[e, k, j] * steps[e, j, 0, c]
            for r in range(extra):
                total += loads[e, k, columns + r] * steps[e, 0, 1 + r, c]
            steps[e, k, 0, c] = total / matrices[e, k, k]
        for r in range(extra):
            for i in range(1, 5):
                total = ties[e, r, i, 5 + c] + ties[e, r, i, 5 + columns] * steps[e, 0, 1 + r, c]
                for m in range(5):
                    total += ties[e, r, i, m] * steps[e, m, 0, c]
                steps[e, i, 1 + r, c] = total
