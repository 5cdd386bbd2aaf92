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
def tie_route(size, nodes, route, flows, rates, volt, tie):
    """Fill `tie` (5, 6 + columns): what the offset of each node is, by the y of all nodes, by column, by its own start.

    `flows` (n_routes): currents; `rates` (n_routes, columns): how they change with a unit of each column.
    """
    columns = rates.shape[1]
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
def reduce_steady(size, permittivity, nodes, flows, rates, volt, matrix, load):
    """Fill matrix (5, 5) and load (5, columns + n_routes - 1) of Poisson's equation with fixed offsets."""
    columns = rates.shape[1]
    stiff = permittivity / size
    load[:] = 0.0
    for k in range(5):
        inverse = 1.0 / (nodes[k, ROUTE_START + SIGMA] * volt)
        drift = -flows[0] * inverse
        bend = drift * nodes[k, ROUTE_START + SIGMA_SLOPE] * inverse * volt
        rise = nodes[k, Y] - nodes[0, Y]
        for i in range(5):
            pull = permittivity * WEIGHTED[i, k]
            matrix[i, k] = stiff * STIFF[i, k] - pull * bend
            load[i, 0] -= stiff * STIFF[i, k] * rise + pull * drift
            for c in range(1, columns):
                load[i, c] += pull * inverse * rates[0, c]
    for i in range(5):
        load[i, 0] += size * WEIGHTS[i] * nodes[i, CHARGE]
        matrix[i, i] += size * WEIGHTS[i] * nodes[i, SLOPE]


@kernel
def add_offsets(size, nodes, route, columns, tie, matrix, load):
    """Put the offsets of a route into Poisson's equation."""
    for i in range(5):
        weight = size * WEIGHTS[i] * nodes[i, ROUTE_START + ROUTE_SIZE * route + PULL]
        for m in range(5):
            matrix[i, m] -= weight * tie[i, m]
        for c in range(columns):
            load[i, c] += weight * tie[i, 5 + c]
        load[i, columns + route - 1] += weight * tie[i, 5 + columns]


@kernel
def condense_steady(matrix, load):
    """Eliminate the mid nodes; rows 1 to 3 are left as the way back needs them: upper triangular on the mid nodes."""
    width = load.shape[1]
    for k in range(1, 4):
        pivot = 1.0 / matrix[k, k]
        for i in range(5):
            if 0 < i <= k:
                continue
            factor = matrix[i, k] * pivot
            matrix[i, 0] -= factor * matrix[k, 0]
            for j in range(k + 1, 5):
                matrix[i, j] -= factor * matrix[k, j]
            for c in range(width):
                load[i, c] -= factor * load[k, c]


@kernel
def far_offset(tie, matrix, load, route, columns, far):
    """Fill `far` (2 + columns + n_routes - 1): offset of the right node by y of both ends, by column, by all starts."""
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
def mid_steps(matrix, load, ties, columns, steps):
    """Fill the steps (5, n_routes, columns) of the inner nodes from y of both ends and the offsets of the left node."""
    extra = ties.shape[0]
    for c in range(columns):
        for k in range(3, 0, -1):
            total = load[k, c] - matrix[k, 0] * steps[0, 0, c] - matrix[k, 4] * steps[4, 0, c]
            for j in range(k + 1, 4):
                total -= matrix[k, j] * steps[j, 0, c]
            for r in range(extra):
                total += load[k, columns + r] * steps[0, 1 + r, c]
            steps[k, 0, c] = total / matrix[k, k]
        for r in range(extra):
            for i in range(1, 5):
                total = ties[r, i, 5 + c] + ties[r, i, 5 + columns] * steps[0, 1 + r, c]
                for m in range(5):
                    total += ties[r, i, m] * steps[m, 0, c]
                steps[i, 1 + r, c] = total
