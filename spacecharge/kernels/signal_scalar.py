"""Impedance of a stack at rest with one component a layer: the pass of `signal_chain` on numbers instead of matrices.

The same equations and the same eliminations, symmetric here: an element is its coupling k, what it stores at both ends
and its load, which is also its share of the drop of phi. Unrolled, since nearly all spectra are of this kind.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import inlined, kernel
from .element import W0, W1, W2, WEIGHTS
from .signal_element import E_BULK, E_PERMITTIVITY, E_SIZE, N_CAPACITY, N_SIGMA, SLOPES, halvings, is_homogeneous

# Load: weight times slope; coupling: weight times slope times slope; [i][k] and [pair][k] of nodes i and j, k summed.
LOAD = WEIGHTS * SLOPES
PAIRS = ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4))
COUPLING = np.array([WEIGHTS * SLOPES[i] * SLOPES[j] for i, j in PAIRS])


@inlined
def inverse_of(value):
    """Return 1/value; no branches, since the sizes that occur are far from the ends of the range."""
    scale = 1.0 / (value.real * value.real + value.imag * value.imag)
    return complex(value.real * scale, -value.imag * scale)


@inlined
def leak_of(displacement, sigma):
    """Return i d/(sigma + i d) of a displacement conductivity d."""
    scale = displacement / (sigma * sigma + displacement * displacement)
    return complex(displacement * scale, sigma * scale)


@inlined
def mixed(table, row, a0, a1, a2, a3, a4):
    """Return the row of a table times five nodal values."""
    return table[row, 0] * a0 + table[row, 1] * a1 + table[row, 2] * a2 + table[row, 3] * a3 + table[row, 4] * a4


@kernel
def reduce_scalar(omega, length, permittivity, sigma, capacity):
    """Return (coupling, stored left, stored right, load left, load right, constant) of an element without mid nodes.

    `sigma` and `capacity` (5): values of the nodes.
    """
    d = omega * permittivity
    l0, l1, l2 = leak_of(d, sigma[0]), leak_of(d, sigma[1]), leak_of(d, sigma[2])
    l3, l4 = leak_of(d, sigma[3]), leak_of(d, sigma[4])
    f = 1.0 / length
    a0, a1, a2, a3, a4 = f * sigma[0] * l0, f * sigma[1] * l1, f * sigma[2] * l2, f * sigma[3] * l3, f * sigma[4] * l4
    k01, k02 = mixed(COUPLING, 0, a0, a1, a2, a3, a4), mixed(COUPLING, 1, a0, a1, a2, a3, a4)
    k03, k04 = mixed(COUPLING, 2, a0, a1, a2, a3, a4), mixed(COUPLING, 3, a0, a1, a2, a3, a4)
    k12, k13 = mixed(COUPLING, 4, a0, a1, a2, a3, a4), mixed(COUPLING, 5, a0, a1, a2, a3, a4)
    k14, k23 = mixed(COUPLING, 6, a0, a1, a2, a3, a4), mixed(COUPLING, 7, a0, a1, a2, a3, a4)
    k24, k34 = mixed(COUPLING, 8, a0, a1, a2, a3, a4), mixed(COUPLING, 9, a0, a1, a2, a3, a4)
    b0, b1 = -mixed(LOAD, 0, l0, l1, l2, l3, l4), -mixed(LOAD, 1, l0, l1, l2, l3, l4)
    b2, b3 = -mixed(LOAD, 2, l0, l1, l2, l3, l4), -mixed(LOAD, 3, l0, l1, l2, l3, l4)
    b4 = -mixed(LOAD, 4, l0, l1, l2, l3, l4)
    c = 1j * omega * length
    e0, e1, e2 = c * W0 * capacity[0], c * W1 * capacity[1], c * W2 * capacity[2]
    e3, e4 = c * W1 * capacity[3], c * W0 * capacity[4]
    r = inverse_of(e1 - (k01 + k12 + k13 + k14))
    t0, t2, t3, t4, s = k01 * r, k12 * r, k13 * r, k14 * r, b1 * r
    k02, k03, k04 = k02 - t0 * k12, k03 - t0 * k13, k04 - t0 * k14
    k23, k24, k34 = k23 - t2 * k13, k24 - t2 * k14, k34 - t3 * k14
    e0, e2, e3, e4 = e0 - e1 * t0, e2 - e1 * t2, e3 - e1 * t3, e4 - e1 * t4
    b0, b2, b3, b4 = b0 - b1 * t0, b2 - b1 * t2, b3 - b1 * t3, b4 - b1 * t4
    value = b1 * s
    r = inverse_of(e2 - (k02 + k23 + k24))
    t0, t3, t4, s = k02 * r, k23 * r, k24 * r, b2 * r
    k03, k04, k34 = k03 - t0 * k23, k04 - t0 * k24, k34 - t3 * k24
    e0, e3, e4 = e0 - e2 * t0, e3 - e2 * t3, e4 - e2 * t4
    b0, b3, b4 = b0 - b2 * t0, b3 - b2 * t3, b4 - b2 * t4
    value += b2 * s
    r = inverse_of(e3 - (k03 + k34))
    t0, t4, s = k03 * r, k34 * r, b3 * r
    value += b3 * s
    return k04 - t0 * k34, e0 - e3 * t0, e4 - e3 * t4, b0 - b3 * t0, b4 - b3 * t4, value


@kernel
def bulk_scalar(omega, length, permittivity, sigma, capacity, largest):
    """Return the same of an element of bulk: where it is taken as homogeneous, its pieces joined two by two."""
    square = (capacity[2] / permittivity + omega * capacity[2] / sigma[2]) * length * length
    if not is_homogeneous(largest, square):
        return reduce_scalar(omega, length, permittivity, sigma, capacity)
    times = halvings(square)
    # Means, as `signal_element.mean_values` has them.
    resistivity, stored = 0.0, 0.0
    for i in range(5):
        resistivity += WEIGHTS[i] / sigma[i]
        stored += WEIGHTS[i] * capacity[i]
    s, c = np.full(5, 1.0 / resistivity), np.full(5, stored)
    k, e, _, left, right, _ = reduce_scalar(omega, length * 0.5**times, permittivity, s, c)
    for _ in range(times):
        r = inverse_of(e - k)
        e, k = e - k * (e * r), -0.5 * k * (k * r)
    return k, e, e, left, right, 0.0j


@kernel
def scalar_impedances(omega, mesh, order, counts, contacts, held, out):
    """Fill `out` (n_layers) as `signal_chain.layer_impedances` does, for at most one component a layer."""
    first, base_first, elements, values = mesh
    n_layers, m = order.shape
    sigma_at, capacity_at = N_SIGMA * m, N_CAPACITY * m
    f = np.zeros(n_layers, dtype=np.complex128)
    x, b = 0.0j, 0.0j
    for layer in range(n_layers):
        out[layer] = 0.0
        for e in range(base_first[layer], base_first[layer + 1]):
            d, part = omega * elements[e, E_PERMITTIVITY], 0.0j
            for k in range(5):
                sigma = values[e, k, sigma_at] if counts[layer] > 0 else 0.0
                part += WEIGHTS[k] * inverse_of(complex(sigma, d))
            out[layer] += elements[e, E_SIZE] * part
        if layer > 0 and counts[layer - 1] > 0:
            # What a plane of sites stores that belongs to the layer on the left.
            x += 1j * omega * contacts[layer - 1, 2, order[layer - 1, 0]]
        start = layer > 0 and counts[layer - 1] > 0 and counts[layer] > 0
        c = order[layer, 0]
        if start and order[layer - 1, 0] == c and contacts[layer - 1, 0, c] < math.inf:
            f[layer - 1] += 1.0
            resistance = contacts[layer - 1, 0, c]
            if resistance > 0.0:
                r = inverse_of(1.0 + x * resistance)
                shift = resistance * (1.0 + (b - x * resistance) * r)
                x, b = x * r, (b - x * resistance) * r
                for above in range(layer):
                    out[above] += f[above] * shift
                    f[above] *= r
        else:
            if layer > 0 and counts[layer - 1] > 0:
                f[layer - 1] += 1.0
                for above in range(layer):
                    out[above] += f[above] * (b + 1.0) * inverse_of(x)
            for above in range(layer):
                f[above] = 0.0
            x, b = 0.0j, -1.0 + 0.0j
        if counts[layer] == 0:
            continue
        if layer > 0:
            x += 1j * omega * contacts[layer - 1, 3, c]
        f[layer] -= 1.0
        for e in range(first[layer], first[layer + 1]):
            sigma, capacity = values[e, :, sigma_at], values[e, :, capacity_at]
            size, permittivity = elements[e, E_SIZE], elements[e, E_PERMITTIVITY]
            if elements[e, E_BULK] > 0.0:
                k, e_left, e_right, b_left, b_right, value = bulk_scalar(
                    omega, size, permittivity, sigma, capacity, elements[e, E_BULK]
                )
            else:
                k, e_left, e_right, b_left, b_right, value = reduce_scalar(omega, size, permittivity, sigma, capacity)
            b += b_left
            f[layer] += b_left
            out[layer] += value
            if layer > 0 or e > first[0] or not held[0, c]:
                r = inverse_of(e_left + x - k)
                t, s = k * r, b * r
                for above in range(layer + 1):
                    out[above] += f[above] * s
                    f[above] *= -t
                x, b = e_right - (e_left + x) * t, b_right - k * s
            else:
                f[0] = 0.0
                x, b = e_right - k, b_right
            f[layer] += b_right
    last = n_layers - 1
    if counts[last] > 0 and not held[1, order[last, 0]]:
        f[last] += 1.0
        for above in range(n_layers):
            out[above] += f[above] * (b + 1.0) * inverse_of(x)


@kernel
def scalar_spectrum(omegas, meshes, order, counts, contacts, held, out):
    """Fill `out` as `signal_chain.spectrum` does, for at most one component a layer, at rest."""
    firsts, elements, values, which = meshes
    for i in range(omegas.shape[0]):
        mesh = (firsts[which[i]], firsts[0], elements, values)
        scalar_impedances(omegas[i], mesh, order, counts, contacts, held, out[i])
