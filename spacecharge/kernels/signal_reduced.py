"""Elements of one component without their mid nodes, at rest and with drift: what a pass along the stack eliminates.

The equations and eliminations of `signal_element` on numbers instead of matrices, unrolled, since nearly all spectra
are of this kind. At rest an element is its coupling k, what it stores at both ends and its load, which is also its
share of the drop of phi. What drifts makes the coupling of two nodes depend on the direction, and the functional that
is the drop of phi differs from the load: then it is (coupling left-right, right-left, stored left, right, load left,
right, functional left, right, constant).
"""

from __future__ import annotations

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
    SLOPES,
    halvings,
    is_homogeneous,
    mean_values,
)

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
def element_at_rest(omega, element, values, m):
    """Return an element without drift, as homogeneous or as a polynomial, in the form of one with drift."""
    sigma, capacity = values[:, N_SIGMA * m], values[:, N_CAPACITY * m]
    size, permittivity = element[E_SIZE], element[E_PERMITTIVITY]
    if element[E_BULK] > 0.0:
        k, e, e_right, b, b_right, value = bulk_scalar(omega, size, permittivity, sigma, capacity, element[E_BULK])
    else:
        k, e, e_right, b, b_right, value = reduce_scalar(omega, size, permittivity, sigma, capacity)
    return k, k, e, e_right, b, b_right, b, b_right, value


@inlined
def element_with_drift(omega, element, values, m):
    """Return an element as it is best taken: as homogeneous or as a polynomial."""
    at_sigma, at_capacity, at_drift = N_SIGMA * m, N_CAPACITY * m, N_DRIFT * m
    size, permittivity = element[E_SIZE], element[E_PERMITTIVITY]
    if element[E_BULK] > 0.0:
        capacity, sigma = values[2, at_capacity], values[2, at_sigma]
        square = (capacity / permittivity + omega * capacity / sigma) * size * size
        if is_homogeneous(element[E_BULK], square):
            return bulk_drift(omega, size, permittivity, values, square, m)
    return reduce_drift(omega, size, permittivity, values[:, at_sigma], values[:, at_capacity], values[:, at_drift])
