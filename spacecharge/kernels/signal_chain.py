"""Impedance of a stack: elements, contacts and ends joined from left to right, one pass a frequency.

The state of the pass at a face is what lies left of it, seen from there: U = (w_r, w_c - w_r) of the layer's components
obeys ``X U + I = b`` with I the currents of the components to the right (as the dual of U, without the J that the
reference carries), and each layer's drop of phi is ``f U + z``. See `signal_element` for U, w and r.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import inlined, kernel
from .element import WEIGHTS
from .signal_element import (
    E_PERMITTIVITY,
    E_SIZE,
    N_SIGMA,
    invert,
    multiply,
    reduce_element,
    store_plane,
    subtract_product,
)


@kernel
def append_segment(state, segment, vectors, value, n, m, layer):
    """Add a reduced element of `layer` to the right of the state."""
    x, b, f, z = state
    pivot, inverse = np.empty((m, m), dtype=np.complex128), np.empty((m, m), dtype=np.complex128)
    across, kept = np.empty((m, m), dtype=np.complex128), np.empty((m, m), dtype=np.complex128)
    shift = np.empty(m, dtype=np.complex128)
    for a in range(n):
        for c in range(n):
            kept[a, c] = segment[2, a, c] + x[a, c]
            pivot[a, c] = kept[a, c] - segment[1, a, c]
        b[a] += vectors[0, 0, a]
        f[layer, a] += vectors[1, 0, a]
    invert(pivot, inverse, n)
    multiply(inverse, segment[0], across, n)
    for a in range(n):
        total = 0.0j
        for c in range(n):
            total += inverse[a, c] * b[c]
        shift[a] = total
    advance_functionals(f, z, shift, across, n, m, layer)
    z[layer] += value
    for a in range(n):
        f[layer, a] += vectors[1, 1, a]
        total = vectors[0, 1, a]
        for c in range(n):
            total -= segment[1, a, c] * shift[c]
            x[a, c] = segment[3, a, c]
        b[a] = total
    subtract_product(x, kept, across, n)


@kernel
def advance_functionals(f, z, shift, across, n, m, layer):
    """Replace U by ``shift - across U'`` in the functionals of all layers up to `layer`."""
    row = np.empty(m, dtype=np.complex128)
    for above in range(layer + 1):
        for a in range(n):
            z[above] += f[above, a] * shift[a]
        for a in range(n):
            total = 0.0j
            for c in range(n):
                total -= f[above, c] * across[c, a]
            row[a] = total
        for a in range(n):
            f[above, a] = row[a]


@inlined
def project(p, matrix, out, free, n):
    """Fill ``out = P^T A P``: the leading (n, n) block of a matrix on the first `free` columns of P."""
    for a in range(free):
        for c in range(free):
            total = 0.0j
            for i in range(n):
                for j in range(n):
                    total += p[i, a] * matrix[i, j] * p[j, c]
            out[a, c] = total


@kernel
def first_segment(state, segment, vectors, value, held, n, m):
    """Start the state with the first element of a stack whose left end holds w_c = 0 for the components `held`.

    A node of which some components are held keeps the rest: U = P alpha + Q beta with beta = 0. With all of them free
    this is an ordinary element.
    """
    x, b, f, z = state
    p, q, q_dual = np.zeros((m, m)), np.zeros((m, m)), np.zeros((m, m))
    free, fixed = split_space(held, n, p, q, q_dual)
    left = np.zeros((m, m), dtype=np.complex128)
    for a in range(n):
        for c in range(n):
            left[a, c] = segment[2, a, c] - segment[1, a, c]
        b[a] += vectors[0, 0, a]
        f[0, a] += vectors[1, 0, a]
    # S = P^T A00 P, G = P S^-1 P^T.
    pivot, inverse = np.empty((m, m), dtype=np.complex128), np.empty((m, m), dtype=np.complex128)
    project(p, left, pivot, free, n)
    invert(pivot, inverse, free)
    green = np.zeros((m, m), dtype=np.complex128)
    for i in range(n):
        for j in range(n):
            total = 0.0j
            for a in range(free):
                for c in range(free):
                    total += p[i, a] * inverse[a, c] * p[j, c]
            green[i, j] = total
    # What A00 G leaves of the identity: Q_dual^T (Q^T - Q^T A00 G), free of differences of large numbers.
    seen = np.zeros((m, m), dtype=np.complex128)
    through = np.empty((m, m), dtype=np.complex128)
    multiply(left, green, through, n)
    for i in range(n):
        for j in range(n):
            total = 0.0j
            for a in range(fixed):
                inner = q[j, a] + 0.0j
                for k in range(n):
                    inner -= q[k, a] * through[k, j]
                total += q_dual[i, a] * inner
            seen[i, j] = total
    across, shift = np.empty((m, m), dtype=np.complex128), np.empty(m, dtype=np.complex128)
    multiply(green, segment[0], across, n)
    for a in range(n):
        total = 0.0j
        for c in range(n):
            total += green[a, c] * b[c]
        shift[a] = total
    advance_functionals(f, z, shift, across, n, m, 0)
    z[0] += value
    for a in range(n):
        f[0, a] += vectors[1, 1, a]
        total = vectors[0, 1, a]
        for c in range(n):
            total -= segment[1, a, c] * shift[c]
            x[a, c] = segment[3, a, c]
        b[a] = total
    subtract_product(x, segment[2], across, n)
    subtract_product(x, seen, segment[0], n)


@kernel
def split_space(held, n, p, q, q_dual):
    """Fill P (U that w_c = 0 of the held ones allows), Q and the dual of Q; return how many columns each has.

    ``held[k]``: the k-th component of the layer; the reference is the first.
    """
    free, fixed = 0, 0
    if not held[0]:
        p[0, 0] = 1.0
        for c in range(1, n):
            if held[c]:
                p[c, 0] = -1.0
        free = 1
    else:
        q[0, 0] = 1.0
        q_dual[0, 0] = 1.0
        fixed = 1
    for c in range(1, n):
        if held[c]:
            q[c, fixed] = 1.0
            q_dual[c, fixed] = 1.0
            if not held[0]:
                q_dual[0, fixed] = 1.0
            fixed += 1
        else:
            p[c, free] = 1.0
            free += 1
    return free, fixed


@kernel
def close_chain(state, held, n, m, n_layers):
    """Add what the right end sees to the drops of all layers: w_c = 0 for the held ones, no current of the others."""
    x, b, f, z = state
    p, q, q_dual = np.zeros((m, m)), np.zeros((m, m)), np.zeros((m, m))
    free, _ = split_space(held, n, p, q, q_dual)
    if n == 0 or free == 0:
        return
    f[n_layers - 1, 0] += 1.0
    b[0] += 1.0
    pivot, inverse = np.empty((m, m), dtype=np.complex128), np.empty((m, m), dtype=np.complex128)
    project(p, x, pivot, free, n)
    invert(pivot, inverse, free)
    for layer in range(n_layers):
        for a in range(free):
            for c in range(free):
                for i in range(n):
                    for j in range(n):
                        z[layer] += f[layer, i] * p[i, a] * inverse[a, c] * p[j, c] * b[j]


@kernel
def change_basis(state, old, n_old, new, n_new, m, layer):
    """Rewrite the state in U of the components `new` (the reference first), which hold all of `old`."""
    x, b, f, _ = state
    turn = np.zeros((m, m))
    for i in range(n_old):
        if old[0] != new[0]:
            for k in range(1, n_new):
                if new[k] == old[0]:
                    turn[i, k] += 1.0 if i == 0 else -1.0
        if i == 0:
            turn[0, 0] = 1.0
        elif old[i] != new[0]:
            for k in range(1, n_new):
                if new[k] == old[i]:
                    turn[i, k] += 1.0
    square, line = np.zeros((m, m), dtype=np.complex128), np.zeros(m, dtype=np.complex128)
    rows = np.zeros((layer + 1, m), dtype=np.complex128)
    for a in range(n_new):
        for i in range(n_old):
            line[a] += turn[i, a] * b[i]
            for above in range(layer + 1):
                rows[above, a] += turn[i, a] * f[above, i]
            for c in range(n_new):
                for j in range(n_old):
                    square[a, c] += turn[i, a] * x[i, j] * turn[j, c]
    x[:], b[:] = square, line
    for above in range(layer + 1):
        for a in range(m):
            f[above, a] = rows[above, a]


@kernel
def drop_component(state, k, n, layer):
    """Eliminate the k-th unknown of the state: nothing of it passes on."""
    x, b, f, z = state
    pivot = 1.0 / x[k, k]
    for above in range(layer + 1):
        share = f[above, k] * pivot
        z[above] += share * b[k]
        for a in range(n):
            if a != k:
                f[above, a] -= share * x[k, a]
    for a in range(n):
        if a != k:
            share = x[a, k] * pivot
            b[a] -= share * b[k]
            for c in range(n):
                if c != k:
                    x[a, c] -= share * x[k, c]
    for a in range(k, n - 1):
        b[a] = b[a + 1]
        for above in range(layer + 1):
            f[above, a] = f[above, a + 1]
        for c in range(n):
            x[a, c] = x[a + 1, c]
    for c in range(k, n - 1):
        for a in range(n):
            x[a, c] = x[a, c + 1]


@kernel
def block_all(state, n, m, layer):
    """Stop every component at the right face: only displacement passes; the state on the other side starts anew."""
    x, b, f, z = state
    if n > 0:
        pivot, inverse = x.copy(), np.empty((m, m), dtype=np.complex128)
        invert(pivot, inverse, n)
        b[0] += 1.0
        for above in range(layer + 1):
            for a in range(n):
                for c in range(n):
                    z[above] += f[above, a] * inverse[a, c] * b[c]
    x[:] = 0.0
    b[:] = 0.0
    f[:] = 0.0
    b[0] = -1.0


@kernel
def pass_resistances(state, resistance, ratio, n, m, layer):
    """Pass a contact where W_left = ratio W_right + resistance I for each component of the basis, the reference first.

    At rest the ratio is 1: w_left - w_right = R_ct j.
    """
    x, b, f, z = state
    series, turn = np.zeros((m, m)), np.zeros((m, m))
    for a in range(n):
        series[a, 0] = series[0, a] = -resistance[0] if a > 0 else resistance[0]
        turn[a, a] = ratio[a]
        if a > 0:
            turn[a, 0] = ratio[a] - ratio[0]
            for c in range(1, n):
                series[a, c] = resistance[0] + (resistance[a] if a == c else 0.0)
    # I = M^-1 (b - X R e J - X T U'), M = 1 + X R, without the J of the reference.
    pivot, inverse = np.zeros((m, m), dtype=np.complex128), np.zeros((m, m), dtype=np.complex128)
    load, turned = np.zeros(m, dtype=np.complex128), np.zeros((m, m), dtype=np.complex128)
    for a in range(n):
        load[a] = b[a]
        for c in range(n):
            total, moved = 0.0j, 0.0j
            for k in range(n):
                total += x[a, k] * series[k, c]
                moved += x[a, k] * turn[k, c]
            pivot[a, c] = total
            turned[a, c] = moved
        load[a] -= pivot[a, 0]
        pivot[a, a] += 1.0
    invert(pivot, inverse, n)
    multiply(inverse, turned, x, n)
    shift, across = np.zeros(m, dtype=np.complex128), np.zeros((m, m), dtype=np.complex128)
    for a in range(n):
        b[a] = 0.0
        for c in range(n):
            b[a] += inverse[a, c] * load[c]
    for a in range(n):
        for k in range(n):
            shift[a] += series[a, k] * (b[k] + (1.0 if k == 0 else 0.0))
            across[a, k] -= turn[a, k]
            for c in range(n):
                across[a, c] += series[a, k] * x[k, c]
    advance_functionals(f, z, shift, across, n, m, layer)


@kernel
def cross_contact(state, layer, order, counts, contact):
    """Carry the state from the right face of `layer` to the left face of the next one.

    `order` (n_layers, m) and `counts` (n_layers): components of each layer, the reference first; `contact` (4, m):
    resistance of every component (0 passes freely, inf is blocked), the ratio of `pass_resistances`, and what a plane
    of sites stores (see `store_plane`).
    """
    m = order.shape[1]
    n_left, n_right = counts[layer], counts[layer + 1]
    here, there = order[layer], order[layer + 1]
    through = np.empty(m, dtype=np.int64)
    basis = np.empty(m, dtype=np.int64)
    n = 0
    for i in range(n_left):
        for k in range(n_right):
            if there[k] == here[i] and contact[0, here[i]] < math.inf:
                through[n] = here[i]
                n += 1
    if n_left > 0:
        state[2][layer, 0] += 1.0
    if n == 0:
        block_all(state, n_left, m, layer)
    else:
        # The first that passes becomes the reference, the blocked ones stand at the end.
        at = n
        for i in range(n_left):
            passes = False
            for k in range(n):
                if through[k] == here[i]:
                    basis[k] = here[i]
                    passes = True
            if not passes:
                basis[at] = here[i]
                at += 1
        if basis[0] != here[0]:
            change_basis(state, here, n_left, basis, n_left, m, layer)
            move_load(state, here[0], basis, n_left, 1.0)
        for k in range(n_left - 1, n - 1, -1):
            drop_component(state, k, k + 1, layer)
        resistance, ratio = np.empty(m), np.empty(m)
        plain = True
        for k in range(n):
            resistance[k], ratio[k] = contact[0, basis[k]], contact[1, basis[k]]
            plain = plain and resistance[k] == 0.0 and ratio[k] == 1.0
        if not plain:
            pass_resistances(state, resistance, ratio, n, m, layer)
        change_basis(state, basis, n, there, n_right, m, layer)
        if basis[0] != there[0]:
            move_load(state, basis[0], there, n_right, 1.0)
    if n_right > 0:
        state[2][layer + 1, 0] -= 1.0


@kernel
def move_load(state, component, basis, n, amount):
    """Put the current that `component` carried as the reference on its own row of the new basis."""
    for k in range(1, n):
        if basis[k] == component:
            state[1][k] += amount


@kernel
def layer_impedances(omega, mesh, order, counts, contacts, held, out):
    """Fill `out` (n_layers): drop of phi over each layer at J = 1, left minus right [ohm m2].

    `mesh` is (first, base_first, elements, values): elements of each layer, cut towards the faces as the frequency asks
    for, and those of the static solve, on which the leading part is integrated.
    """
    first, base_first, elements, values = mesh
    n_layers, m = order.shape
    x, b = np.zeros((m, m), dtype=np.complex128), np.zeros(m, dtype=np.complex128)
    f, z = np.zeros((n_layers, m), dtype=np.complex128), np.zeros(n_layers, dtype=np.complex128)
    state = (x, b, f, z)
    blocks, sums = np.empty((5, 5, m, m), dtype=np.complex128), np.empty((5, m, m), dtype=np.complex128)
    scratch = (blocks, sums, np.empty((2, 5, m), dtype=np.complex128))
    segment, vectors = np.empty((4, m, m), dtype=np.complex128), np.empty((2, 2, m), dtype=np.complex128)
    mine = np.zeros(m, dtype=np.bool_)
    for layer in range(n_layers):
        n = counts[layer]
        for e in range(base_first[layer], base_first[layer + 1]):
            for k in range(5):
                total = 1j * omega * elements[e, E_PERMITTIVITY]
                for c in range(n):
                    total += values[e, k, N_SIGMA * m + c]
                z[layer] += WEIGHTS[k] * elements[e, E_SIZE] / total
        if layer > 0:
            store_plane(x, omega, contacts[layer - 1, 2], order[layer - 1], counts[layer - 1])
            cross_contact(state, layer - 1, order, counts, contacts[layer - 1])
            store_plane(x, omega, contacts[layer - 1, 3], order[layer], n)
        elif n > 0:
            b[0], f[0, 0] = -1.0, -1.0
        if n == 0:
            continue
        for e in range(first[layer], first[layer + 1]):
            value = reduce_element(omega, elements[e], values[e], n, m, scratch, segment, vectors)
            if layer == 0 and e == first[0]:
                for c in range(n):
                    mine[c] = held[0, order[0, c]]
                first_segment(state, segment, vectors, value, mine, n, m)
            else:
                append_segment(state, segment, vectors, value, n, m, layer)
    n = counts[n_layers - 1]
    for c in range(n):
        mine[c] = held[1, order[n_layers - 1, c]]
    close_chain(state, mine, n, m, n_layers)
    for layer in range(n_layers):
        out[layer] = z[layer]


@kernel
def spectrum(omegas, meshes, order, counts, contacts, held, out):
    """Fill `out` (n_frequencies, n_layers) with `layer_impedances` of every angular frequency.

    `meshes` as `signal_profile.fill_meshes` returns them.
    """
    firsts, elements, values, which = meshes
    for i in range(omegas.shape[0]):
        mesh = (firsts[which[i]], firsts[0], elements, values)
        layer_impedances(omegas[i], mesh, order, counts, contacts, held, out[i])
