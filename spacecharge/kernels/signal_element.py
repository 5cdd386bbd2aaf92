"""Small signals on one element: complex blocks per pair of nodes, mid nodes eliminated, homogeneous stretches doubled.

At exp(i w t) with the total current J = 1 the potential is eliminated from the start: with w_c = v_c - phi and
s = sigma_t + i w eps, phi' = -(J + sum F_c)/s, F_c = sigma_c w_c' - g_c w_c (g_c = 0 at rest). What is left is

    -(F_c - sigma_c (J + sum F_d)/s)' + i w C_c w_c = 0                    for every component c.

J is then the same at every x by construction, and nothing that is solved for carries the large common part of v and
phi. Unknowns of a node are U = (w_r, w_c - w_r): r is the component that conducts best. The row of w_r is the sum of
all rows, i w times Poisson's equation; the others stay of order one as w falls.

Every matrix is kept as its off-diagonal blocks and the sums of its columns (charge stored, i w C): diagonals follow
from both, and eliminations update the sums without a difference (Grassmann, Taksar and Heyman's way). A chain of
elements that differ by twelve orders of magnitude in conductance then loses no digit, and real and imaginary parts are
each right to rounding down to any frequency.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import inlined, kernel
from .element import NODES, WEIGHTS

# Columns of what an element carries, and blocks of columns of its nodes (each as wide as the components).
E_SIZE, E_PERMITTIVITY, E_BULK, ELEMENT_COLUMNS = range(4)
N_SIGMA, N_CAPACITY, N_DRIFT, NODE_BLOCKS = range(4)

# Degree four leaves this, times the eighth power of its size in decay lengths, of what an element holds.
UNRESOLVED = 4e-8
# A homogeneous stretch is built from pieces of at most this many decay lengths: error 3e-13 of the element's own.
PIECE = 0.25


def _derivatives():
    """Return D[i, k] = l_i'(x_k) of the basis polynomials on [0, 1]."""
    table = np.zeros((5, 5))
    for i in range(5):
        for k in range(5):
            total = 0.0
            for j in range(5):
                if j == i:
                    continue
                part = 1.0 / (NODES[i] - NODES[j])
                for other in range(5):
                    if other not in (i, j):
                        part *= (NODES[k] - NODES[other]) / (NODES[i] - NODES[other])
                total += part
            table[i, k] = total
    return table


SLOPES = _derivatives()


@kernel
def invert(matrix, inverse, n):
    """Fill `inverse` of the leading (n, n) block; `matrix` is overwritten.

    Without pivoting: rows differ by powers of i w, and scaling rows and columns alike does not change the elimination.
    """
    for i in range(n):
        for j in range(n):
            inverse[i, j] = 1.0 if i == j else 0.0
    for k in range(n):
        pivot = 1.0 / matrix[k, k]
        for j in range(n):
            matrix[k, j] *= pivot
            inverse[k, j] *= pivot
        for i in range(n):
            if i != k:
                factor = matrix[i, k]
                for j in range(n):
                    matrix[i, j] -= factor * matrix[k, j]
                    inverse[i, j] -= factor * inverse[k, j]


@inlined
def multiply(a, b, out, n):
    """Fill ``out = a b`` on leading (n, n) blocks."""
    for i in range(n):
        for j in range(n):
            total = 0.0j
            for k in range(n):
                total += a[i, k] * b[k, j]
            out[i, j] = total


@inlined
def subtract_product(out, a, b, n):
    """Do ``out -= a b`` on leading (n, n) blocks."""
    for i in range(n):
        for j in range(n):
            total = 0.0j
            for k in range(n):
                total += a[i, k] * b[k, j]
            out[i, j] -= total


@kernel
def node_laws(omega, permittivity, values, node, n, m, matrices):
    """Fill matrices of one node in U: flux by U', drift by U, storage by U; and forces (2, m): load, drift of phi.

    `values` (5, NODE_BLOCKS m): sigma, C and g of the components of the layer, the reference first; n of m are there.
    """
    flux, drift, store, force = matrices
    total, capacity, pull = 0.0, 0.0, 0.0
    for c in range(n):
        total += values[node, N_SIGMA * m + c]
        capacity += values[node, N_CAPACITY * m + c]
        pull += values[node, N_DRIFT * m + c]
    displacement = 1j * omega * permittivity
    inverse = 1.0 / (total + displacement)
    leak = displacement * inverse
    flux[0, 0], store[0, 0], drift[0, 0] = leak * total, 1j * omega * capacity, leak * pull
    force[0, 0], force[1, 0] = -leak, pull * inverse
    for c in range(1, n):
        sigma, share = values[node, N_SIGMA * m + c], 1j * omega * values[node, N_CAPACITY * m + c]
        g = values[node, N_DRIFT * m + c]
        flux[0, c] = flux[c, 0] = leak * sigma
        store[0, c] = store[c, 0] = share
        drift[0, c] = leak * g
        drift[c, 0] = g - sigma * inverse * pull
        force[0, c], force[1, c] = sigma * inverse, g * inverse
        for d in range(1, n):
            other = values[node, N_SIGMA * m + d]
            flux[c, d] = -sigma * other * inverse
            store[c, d] = 0.0
            drift[c, d] = -sigma * inverse * values[node, N_DRIFT * m + d]
        # sigma (s - sigma)/s without the difference.
        rest = displacement
        for d in range(n):
            if d != c:
                rest += values[node, N_SIGMA * m + d]
        flux[c, c] = sigma * rest * inverse
        store[c, c] = share
        drift[c, c] += g


@kernel
def assemble_element(omega, element, values, length, frozen, n, m, scratch):
    """Fill blocks (5, 5, m, m), column sums (5, m, m) and vectors (2, 5, m) in `scratch`.

    Vectors: load, and the functional that is the drop of phi.
    `frozen`: the values of the middle node hold throughout (a piece of bulk).
    """
    blocks, sums, vectors = scratch
    flux, drift = np.zeros((m, m), dtype=np.complex128), np.zeros((m, m), dtype=np.complex128)
    store, force = np.zeros((m, m), dtype=np.complex128), np.zeros((2, m), dtype=np.complex128)
    matrices = (flux, drift, store, force)
    blocks[:] = 0.0
    vectors[:] = 0.0
    for k in range(5):
        if k == 0 or not frozen:
            node_laws(omega, element[E_PERMITTIVITY], values, 2 if frozen else k, n, m, matrices)
        weight = WEIGHTS[k]
        for a in range(n):
            for b in range(n):
                sums[k, a, b] = weight * length * store[a, b]
        for i in range(5):
            slope = weight * SLOPES[i, k]
            for a in range(n):
                vectors[0, i, a] += slope * force[0, a]
                vectors[1, i, a] += slope * force[0, a]
            for j in range(5):
                if j == i:
                    continue
                stiff = slope * SLOPES[j, k] / length
                for a in range(n):
                    for b in range(n):
                        blocks[i, j, a, b] += stiff * flux[a, b]
            if i != k:
                for a in range(n):
                    for b in range(n):
                        blocks[i, k, a, b] -= slope * drift[a, b]
        for a in range(n):
            vectors[1, k, a] -= weight * length * force[1, a]


@kernel
def condense(blocks, sums, vectors, n, m):
    """Eliminate the mid nodes; returns what they add to the functional. Answers stand at nodes 0 and 4."""
    pivot, inverse = np.empty((m, m), dtype=np.complex128), np.empty((m, m), dtype=np.complex128)
    turned = np.empty((5, m, m), dtype=np.complex128)
    shift = np.empty(m, dtype=np.complex128)
    gone = np.zeros(5, dtype=np.bool_)
    value = 0.0j
    for k in range(1, 4):
        gone[k] = True
        for a in range(n):
            for b in range(n):
                total = sums[k, a, b]
                for i in range(5):
                    if not gone[i]:
                        total -= blocks[i, k, a, b]
                pivot[a, b] = total
        invert(pivot, inverse, n)
        for a in range(n):
            total = 0.0j
            for b in range(n):
                total += inverse[a, b] * vectors[0, k, b]
            shift[a] = total
            value += vectors[1, k, a] * total
        for j in range(5):
            if not gone[j]:
                multiply(inverse, blocks[k, j], turned[j], n)
                subtract_product(sums[j], sums[k], turned[j], n)
                for a in range(n):
                    total = 0.0j
                    for b in range(n):
                        total += vectors[1, k, b] * turned[j, b, a]
                    vectors[1, j, a] -= total
        for i in range(5):
            if gone[i]:
                continue
            for a in range(n):
                total = 0.0j
                for b in range(n):
                    total += blocks[i, k, a, b] * shift[b]
                vectors[0, i, a] -= total
            for j in range(5):
                if not gone[j] and j != i:
                    subtract_product(blocks[i, j], blocks[i, k], turned[j], n)
    return value


@kernel
def double_segment(segment, vectors, value, n, m):
    """Join a homogeneous segment with a copy of itself; returns the new constant of the functional.

    `segment` (4, m, m): blocks left-right and right-left, column sums left and right; `vectors` (2, 2, m): load and
    functional at both ends.
    """
    pivot, inverse = np.empty((m, m), dtype=np.complex128), np.empty((m, m), dtype=np.complex128)
    to_left, to_right = np.empty((m, m), dtype=np.complex128), np.empty((m, m), dtype=np.complex128)
    both, work = np.empty((m, m), dtype=np.complex128), np.empty((m, m), dtype=np.complex128)
    shift = np.empty(m, dtype=np.complex128)
    for a in range(n):
        for b in range(n):
            both[a, b] = segment[2, a, b] + segment[3, a, b]
            pivot[a, b] = both[a, b] - segment[0, a, b] - segment[1, a, b]
    invert(pivot, inverse, n)
    multiply(inverse, segment[1], to_left, n)
    multiply(inverse, segment[0], to_right, n)
    value = 2.0 * value
    for a in range(n):
        total = 0.0j
        for b in range(n):
            total += inverse[a, b] * (vectors[0, 0, b] + vectors[0, 1, b])
        shift[a] = total
        value += (vectors[1, 0, a] + vectors[1, 1, a]) * total
    for a in range(n):
        left, right = 0.0j, 0.0j
        for b in range(n):
            left += segment[0, a, b] * shift[b]
            right += segment[1, a, b] * shift[b]
        vectors[0, 0, a] -= left
        vectors[0, 1, a] -= right
    for a in range(n):
        shift[a] = vectors[1, 0, a] + vectors[1, 1, a]
    for a in range(n):
        left, right = 0.0j, 0.0j
        for b in range(n):
            left += shift[b] * to_left[b, a]
            right += shift[b] * to_right[b, a]
        vectors[1, 0, a] -= left
        vectors[1, 1, a] -= right
    subtract_product(segment[2], both, to_left, n)
    subtract_product(segment[3], both, to_right, n)
    multiply(segment[0], to_right, work, n)
    segment[0, :n, :n] = -work[:n, :n]
    multiply(segment[1], to_left, work, n)
    segment[1, :n, :n] = -work[:n, :n]
    return value


@kernel
def stored_and_slowest(node, m):
    """Return the capacity of all components at a node [F m-3] and the largest C/sigma: what sets decay lengths."""
    stored, slowest = 0.0, 0.0
    for c in range(m):
        capacity, sigma = node[N_CAPACITY * m + c], node[N_SIGMA * m + c]
        if sigma > 0.0:
            stored += capacity
            slowest = max(slowest, capacity / sigma)
    return stored, slowest


@inlined
def is_homogeneous(largest, size_squared):
    """Say whether an element is better taken as homogeneous than as a polynomial.

    `largest`: column E_BULK, what the former neglects (0: never); `size_squared`: of its size in decay lengths.
    """
    square = size_squared * size_squared
    return (largest > 0.0) & (largest < UNRESOLVED * square * square)


@inlined
def halvings(size_squared):
    """Return how often a stretch is halved until its pieces are short; `size_squared`: of its size in decay lengths."""
    return int(max(math.ceil(math.log2(max(math.sqrt(size_squared), 1e-300) / PIECE)), 0.0))


@kernel
def pieces(omega, element, values, m):
    """Return how often a bulk element is halved until its pieces are short against every decay length, -1: none is."""
    capacity, slowest = stored_and_slowest(values[2], m)
    square = (capacity / element[E_PERMITTIVITY] + omega * slowest) * element[E_SIZE] ** 2
    if not is_homogeneous(element[E_BULK], square):
        return -1
    return halvings(square)


@kernel
def mean_values(values, n, m):
    """Return node values of which the middle ones are means over the element: of 1/sigma, of C and of g.

    A direct current sees the mean of 1/sigma; what else a piece of bulk neglects then enters squared.
    """
    means = np.zeros((5, NODE_BLOCKS * m))
    for c in range(n):
        resistivity = 0.0
        for i in range(5):
            resistivity += WEIGHTS[i] / values[i, N_SIGMA * m + c]
            means[2, N_CAPACITY * m + c] += WEIGHTS[i] * values[i, N_CAPACITY * m + c]
            means[2, N_DRIFT * m + c] += WEIGHTS[i] * values[i, N_DRIFT * m + c]
        means[2, N_SIGMA * m + c] = 1.0 / resistivity
    return means


@kernel
def reduce_element(omega, element, values, n, m, scratch, segment, vectors):
    """Reduce one element to its end points: fills `segment` and `vectors` (see `double_segment`), returns the constant.

    `scratch` is (blocks, sums, vectors) of `assemble_element`.
    """
    blocks, sums, nodal = scratch
    times = pieces(omega, element, values, m) if element[E_BULK] > 0.0 else -1
    bulk = times >= 0
    times = max(times, 0)
    if bulk:
        values = mean_values(values, n, m)
    assemble_element(omega, element, values, element[E_SIZE] * 0.5**times, bulk, n, m, scratch)
    value = condense(blocks, sums, nodal, n, m)
    segment[0], segment[1] = blocks[0, 4], blocks[4, 0]
    segment[2], segment[3] = sums[0], sums[4]
    for kind in range(2):
        vectors[kind, 0], vectors[kind, 1] = nodal[kind, 0], nodal[kind, 4]
    for _ in range(times):
        value = double_segment(segment, vectors, value, n, m)
    return value


@kernel
def store_plane(x, omega, capacities, order, n):
    """Add i w C w_c of a plane of sites to the stored part at a face: it exchanges with its layer at once.

    `capacities` (m): - d charge/d phi of the plane's sites by component [F m-2], on the side of the face.
    """
    for k in range(n):
        stored = 1j * omega * capacities[order[k]]
        # w_c of the k-th component is U_0 + U_k, that of the reference U_0.
        x[0, 0] += stored
        if k > 0:
            x[0, k] += stored
            x[k, 0] += stored
            x[k, k] += stored
