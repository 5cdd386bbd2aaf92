"""Impedance about a state with current, one component a layer: the pass of `signal_chain` on numbers, with drift.

The equations and eliminations of `signal_chain`. What drifts makes the coupling of two nodes depend on the direction,
and the functional that is the drop of phi differs from the load: an element is (coupling left-right, right-left, stored
left, right, load left, right, functional left, right, constant), unrolled as `signal_scalar` is at rest.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import inlined, kernel
from .element import W0, W1, W2, WEIGHTS
from .signal_element import (
    E_BULK,
    E_PERMITTIVITY,
    E_SIZE,
    N_CAPACITY,
    N_DRIFT,
    N_SIGMA,
    halvings,
    is_homogeneous,
    mean_values,
)
from .signal_scalar import COUPLING, LOAD, inverse_of, leak_of, mixed


@kernel
def reduce_drift(omega, length, permittivity, sigma, capacity, drift):
    """Return an element without its mid nodes; `sigma`, `capacity` and `drift` (5): values of the nodes."""
    d = omega * permittivity
    l0, l1, l2 = leak_of(d, sigma[0]), leak_of(d, sigma[1]), leak_of(d, sigma[2])
    l3, l4 = leak_of(d, sigma[3]), leak_of(d, sigma[4])
    f = 1.0 / length
    a0, a1, a2, a3, a4 = f * sigma[0] * l0, f * sigma[1] * l1, f * sigma[2] * l2, f * sigma[3] * l3, f * sigma[4] * l4
    g0, g1, g2, g3, g4 = drift[0] * l0, drift[1] * l1, drift[2] * l2, drift[3] * l3, drift[4] * l4
    k = mixed(COUPLING, 0, a0, a1, a2, a3, a4)
    k01, k10 = k - LOAD[0, 1] * g1, k - LOAD[1, 0] * g0
    k = mixed(COUPLING, 1, a0, a1, a2, a3, a4)
    k02, k20 = k - LOAD[0, 2] * g2, k - LOAD[2, 0] * g0
    k = mixed(COUPLING, 2, a0, a1, a2, a3, a4)
    k03, k30 = k - LOAD[0, 3] * g3, k - LOAD[3, 0] * g0
    k = mixed(COUPLING, 3, a0, a1, a2, a3, a4)
    k04, k40 = k - LOAD[0, 4] * g4, k - LOAD[4, 0] * g0
    k = mixed(COUPLING, 4, a0, a1, a2, a3, a4)
    k12, k21 = k - LOAD[1, 2] * g2, k - LOAD[2, 1] * g1
    k = mixed(COUPLING, 5, a0, a1, a2, a3, a4)
    k13, k31 = k - LOAD[1, 3] * g3, k - LOAD[3, 1] * g1
    k = mixed(COUPLING, 6, a0, a1, a2, a3, a4)
    k14, k41 = k - LOAD[1, 4] * g4, k - LOAD[4, 1] * g1
    k = mixed(COUPLING, 7, a0, a1, a2, a3, a4)
    k23, k32 = k - LOAD[2, 3] * g3, k - LOAD[3, 2] * g2
    k = mixed(COUPLING, 8, a0, a1, a2, a3, a4)
    k24, k42 = k - LOAD[2, 4] * g4, k - LOAD[4, 2] * g2
    k = mixed(COUPLING, 9, a0, a1, a2, a3, a4)
    k34, k43 = k - LOAD[3, 4] * g4, k - LOAD[4, 3] * g3
    b0, b1 = -mixed(LOAD, 0, l0, l1, l2, l3, l4), -mixed(LOAD, 1, l0, l1, l2, l3, l4)
    b2, b3 = -mixed(LOAD, 2, l0, l1, l2, l3, l4), -mixed(LOAD, 3, l0, l1, l2, l3, l4)
    b4 = -mixed(LOAD, 4, l0, l1, l2, l3, l4)
    # The drift of phi, g/(sigma + i w eps), at each node.
    f0 = b0 - length * W0 * drift[0] * inverse_of(complex(sigma[0], d))
    f1 = b1 - length * W1 * drift[1] * inverse_of(complex(sigma[1], d))
    f2 = b2 - length * W2 * drift[2] * inverse_of(complex(sigma[2], d))
    f3 = b3 - length * W1 * drift[3] * inverse_of(complex(sigma[3], d))
    f4 = b4 - length * W0 * drift[4] * inverse_of(complex(sigma[4], d))
    c = 1j * omega * length
    e0, e1, e2 = c * W0 * capacity[0], c * W1 * capacity[1], c * W2 * capacity[2]
    e3, e4 = c * W1 * capacity[3], c * W0 * capacity[4]
    r = inverse_of(e1 - (k01 + k21 + k31 + k41))
    t0, t2, t3, t4, s = r * k10, r * k12, r * k13, r * k14, r * b1
    e0, e2, e3, e4 = e0 - e1 * t0, e2 - e1 * t2, e3 - e1 * t3, e4 - e1 * t4
    f0, f2, f3, f4 = f0 - f1 * t0, f2 - f1 * t2, f3 - f1 * t3, f4 - f1 * t4
    b0, b2, b3, b4 = b0 - k01 * s, b2 - k21 * s, b3 - k31 * s, b4 - k41 * s
    value = f1 * s
    k02, k03, k04 = k02 - k01 * t2, k03 - k01 * t3, k04 - k01 * t4
    k20, k23, k24 = k20 - k21 * t0, k23 - k21 * t3, k24 - k21 * t4
    k30, k32, k34 = k30 - k31 * t0, k32 - k31 * t2, k34 - k31 * t4
    k40, k42, k43 = k40 - k41 * t0, k42 - k41 * t2, k43 - k41 * t3
    r = inverse_of(e2 - (k02 + k32 + k42))
    t0, t3, t4, s = r * k20, r * k23, r * k24, r * b2
    e0, e3, e4 = e0 - e2 * t0, e3 - e2 * t3, e4 - e2 * t4
    f0, f3, f4 = f0 - f2 * t0, f3 - f2 * t3, f4 - f2 * t4
    b0, b3, b4 = b0 - k02 * s, b3 - k32 * s, b4 - k42 * s
    value += f2 * s
    k03, k04 = k03 - k02 * t3, k04 - k02 * t4
    k30, k34 = k30 - k32 * t0, k34 - k32 * t4
    k40, k43 = k40 - k42 * t0, k43 - k42 * t3
    r = inverse_of(e3 - (k03 + k43))
    t0, t4, s = r * k30, r * k34, r * b3
    e0, e4 = e0 - e3 * t0, e4 - e3 * t4
    f0, f4 = f0 - f3 * t0, f4 - f3 * t4
    b0, b4 = b0 - k03 * s, b4 - k43 * s
    value += f3 * s
    k04 = k04 - k03 * t4
    k40 = k40 - k43 * t0
    return k04, k40, e0, e4, b0, b4, f0, f4, value


@kernel
def bulk_drift(omega, length, permittivity, values, square, m):
    """Return the same of a homogeneous element, its pieces joined two by two.

    `values` (5, NODE_BLOCKS m): of its nodes; `square`: of its size in decay lengths.
    """
    times = halvings(square)
    means = mean_values(values, 1, m)
    for i in range(5):
        means[i] = means[2]
    k, back, e, e_right, b, b_right, f, f_right, value = reduce_drift(
        omega, length * 0.5**times, permittivity, means[:, N_SIGMA * m], means[:, N_CAPACITY * m], means[:, N_DRIFT * m]
    )
    for _ in range(times):
        both = e + e_right
        r = inverse_of(both - k - back)
        to_left, to_right = back * r, k * r
        s, total = (b + b_right) * r, f + f_right
        value = 2.0 * value + total * s
        b, b_right = b - k * s, b_right - back * s
        f, f_right = f - total * to_left, f_right - total * to_right
        e, e_right = e - both * to_left, e_right - both * to_right
        k, back = -k * to_right, -back * to_left
    return k, back, e, e_right, b, b_right, f, f_right, value


@inlined
def element_of(omega, element, values, m):
    """Return an element as it is best taken: as homogeneous or as a polynomial."""
    at_sigma, at_capacity, at_drift = N_SIGMA * m, N_CAPACITY * m, N_DRIFT * m
    size, permittivity = element[E_SIZE], element[E_PERMITTIVITY]
    if element[E_BULK] > 0.0:
        capacity, sigma = values[2, at_capacity], values[2, at_sigma]
        square = (capacity / permittivity + omega * capacity / sigma) * size * size
        if is_homogeneous(element[E_BULK], square):
            return bulk_drift(omega, size, permittivity, values, square, m)
    return reduce_drift(omega, size, permittivity, values[:, at_sigma], values[:, at_capacity], values[:, at_drift])


@kernel
def cross_contact(x, b, layer, passes, contact, f, out):
    """Return x and b right of the contact behind `layer`: W_left = ratio W_right + resistance I, or blocked.

    `contact`: resistance and ratio of the component; `f`, `out` (n_layers): functionals and drops up to here.
    """
    f[layer] += 1.0
    if passes:
        resistance, ratio = contact
        r = inverse_of(1.0 + x * resistance)
        rest = (b - x * resistance) * r
        for above in range(layer + 1):
            out[above] += f[above] * resistance * (1.0 + rest)
            f[above] *= ratio * r
        return x * ratio * r, rest
    for above in range(layer + 1):
        out[above] += f[above] * (b + 1.0) * inverse_of(x)
        f[above] = 0.0
    return 0.0j, -1.0 + 0.0j


@kernel
def drift_impedances(omega, mesh, order, counts, contacts, held, out):
    """Fill `out` (n_layers) as `signal_chain.layer_impedances` does, for at most one component a layer."""
    first, base_first, elements, values = mesh
    n_layers, m = order.shape
    f = np.zeros(n_layers, dtype=np.complex128)
    x, b = 0.0j, -1.0 + 0.0j
    for layer in range(n_layers):
        out[layer] = 0.0
        for e in range(base_first[layer], base_first[layer + 1]):
            d, part = omega * elements[e, E_PERMITTIVITY], 0.0j
            for k in range(5):
                sigma = values[e, k, N_SIGMA * m] if counts[layer] > 0 else 0.0
                part += WEIGHTS[k] * inverse_of(complex(sigma, d))
            out[layer] += elements[e, E_SIZE] * part
        c = order[layer, 0]
        if layer > 0 and counts[layer - 1] > 0:
            here, contact = order[layer - 1, 0], contacts[layer - 1]
            passes = counts[layer] > 0 and here == c and contact[0, c] < math.inf
            # What planes of sites store lies beside their own layer's face.
            x += 1j * omega * contact[2, here]
            x, b = cross_contact(x, b, layer - 1, passes, (contact[0, here], contact[1, here]), f, out)
        if counts[layer] == 0:
            continue
        if layer > 0:
            x += 1j * omega * contacts[layer - 1, 3, c]
        f[layer] -= 1.0
        for e in range(first[layer], first[layer + 1]):
            k, back, e_left, e_right, b_left, b_right, f_left, f_right, value = element_of(
                omega, elements[e], values[e], m
            )
            b += b_left
            f[layer] += f_left
            out[layer] += value
            if layer > 0 or e > first[0] or not held[0, c]:
                r = inverse_of(e_left + x - back)
                t, s = k * r, b * r
                for above in range(layer + 1):
                    out[above] += f[above] * s
                    f[above] *= -t
                x, b = e_right - (e_left + x) * t, b_right - back * s
            else:
                f[0] = 0.0
                x, b = e_right - k, b_right
            f[layer] += f_right
    last = n_layers - 1
    if counts[last] > 0 and not held[1, order[last, 0]]:
        f[last] += 1.0
        for above in range(n_layers):
            out[above] += f[above] * (b + 1.0) * inverse_of(x)


@kernel
def drift_spectrum(omegas, meshes, order, counts, contacts, held, out):
    """Fill `out` as `signal_chain.spectrum` does, for at most one component a layer."""
    firsts, elements, values, which = meshes
    for i in range(omegas.shape[0]):
        mesh = (firsts[which[i]], firsts[0], elements, values)
        drift_impedances(omegas[i], mesh, order, counts, contacts, held, out[i])
