"""The pass of `signal_chain` along the stack on numbers instead of matrices, for at most one component a layer."""

from __future__ import annotations

import math

import numpy as np

from ._jit import kernel
from .element import WEIGHTS
from .signal_element import E_PERMITTIVITY, E_SIZE, N_SIGMA
from .signal_reduced import element_at_rest, element_with_drift, inverse_of


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
        shift = resistance * (1.0 + rest)
        for above in range(layer + 1):
            out[above] += f[above] * shift
            f[above] *= ratio * r
        return x * ratio * r, rest
    for above in range(layer + 1):
        out[above] += f[above] * (b + 1.0) * inverse_of(x)
        f[above] = 0.0
    return 0.0j, -1.0 + 0.0j


@kernel
def impedances(omega, mesh, order, counts, contacts, held, out, drifts):
    """Fill `out` (n_layers) as `signal_chain.layer_impedances` does, for at most one component a layer.

    `drifts`: None at rest, where nothing drifts; decided when the pass is compiled, which then has the elements of one
    kind only.
    """
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
            if drifts is None:
                k, back, e_left, e_right, b_left, b_right, f_left, f_right, value = element_at_rest(
                    omega, elements[e], values[e], m
                )
            else:
                k, back, e_left, e_right, b_left, b_right, f_left, f_right, value = element_with_drift(
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
