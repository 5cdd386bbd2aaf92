"""Impedance of a stack at rest with one component a layer: the pass of `signal_chain` on numbers instead of matrices.

The same equations and the same eliminations, symmetric here. Unrolled, since nearly all spectra are of this kind.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import kernel
from .element import WEIGHTS
from .signal_element import E_BULK, E_PERMITTIVITY, E_SIZE, N_CAPACITY, N_SIGMA
from .signal_reduced import bulk_scalar, inverse_of, reduce_scalar


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
