"""The finite element of the scheme: five Gauss-Lobatto nodes, lumped quadrature, mid nodes eliminated.

On ``[0, 1]`` the nodes are the Gauss-Lobatto points of degree 4. Stiffness is integrated exactly and
charge with the Gauss-Lobatto weights, so that (i) the discrete problem is the minimum of a convex function
for any mesh, (ii) summing its equations gives Gauss's law to rounding, and (iii) the nodes shared by two
elements are superconvergent, formally of order 8 (A. T. Layton, Appl. Numer. Math. 1998 discusses such schemes); what
halving gains in fact is measured in ``tests/verification``: about 7.

Arrays of nodes have shape (5, n_elements): node ``i`` of element ``e`` is ``[i, e]``, a layout in which the
loops over elements vectorise.
"""

from __future__ import annotations

import numpy as np

from ._jit import inlined, kernel
from .workspace import STRIDE as S

X1 = 0.1726731646460114281
NODES = np.array([0.0, X1, 0.5, 1.0 - X1, 1.0])
W0, W1, W2 = 1.0 / 20.0, 49.0 / 180.0, 16.0 / 45.0
WEIGHTS = np.array([W0, W1, W2, W1, W0])

# Stiffness: K[i, j] = int l_i' l_j' on [0, 1]; symmetric under reversal of the nodes.
K00, K01, K02, K03, K04 = 7.0, -7.825770150880602672, 16.0 / 15.0, -0.34089651578606399462, 0.1
K11, K12, K13, K22 = (
    12.703703703703703704,
    -5.8074074074074074074,
    1.2703703703703703704,
    9.4814814814814814815,
)

# Values of the five basis polynomials at nodes 1, 2, 3 of the left half (the right half is its mirror).
_HALF = np.array(
    [
        [0.33850784352481428601, 0.78985163489123333402, -0.18840186844712381031, 0.092029673021753333196,
         -0.031987282990677142916],
        [-0.1171875, 0.88403171663579500072, 0.3125, -0.11840671663579500072, 0.0390625],
        [-0.070650700667671428866, 0.2829703269782466668, 0.90268758273283809602, -0.16485163489123333402,
         0.049844425847820000059],
    ]
)  # fmt: skip


def basis_at(t):
    """Return the five basis polynomials at positions `t`, along a last axis; for tables and outside of kernels."""
    t = np.asarray(t, dtype=float)
    values = np.ones((*t.shape, 5))
    for j in range(5):
        for other in range(5):
            if other != j:
                values[..., j] *= (t - NODES[other]) / (NODES[j] - NODES[other])
    return values


@kernel
def split_halves(work, row, n):
    """Replace nodal values on `n` elements by those of the same polynomials on ``2 n`` half elements.

    Rows `row` to `row` + 4 of `work` are overwritten; going from the last element down never overwrites one that
    is still to be read.
    """
    r0, r1, r2, r3, r4 = row * S, (row + 1) * S, (row + 2) * S, (row + 3) * S, (row + 4) * S
    for e in range(n - 1, -1, -1):
        v0, v1, v2, v3, v4 = work[r0 + e], work[r1 + e], work[r2 + e], work[r3 + e], work[r4 + e]
        left, right = 2 * e, 2 * e + 1
        for i in range(3):
            a, b, c, d, f = _HALF[i, 0], _HALF[i, 1], _HALF[i, 2], _HALF[i, 3], _HALF[i, 4]
            work[r1 + i * S + left] = a * v0 + b * v1 + c * v2 + d * v3 + f * v4
            work[r3 - i * S + right] = a * v4 + b * v3 + c * v2 + d * v1 + f * v0
        work[r0 + left], work[r4 + left] = v0, v2
        work[r0 + right], work[r4 + right] = v2, v4


@inlined
def polynomial(d1, d2, d3, d4):
    """Return the coefficients of t, t^2, t^3, t^4 of the polynomial through the nodes; d: values minus the first."""
    return (
        13.513004977448480008 * d1 - 16.0 / 3.0 * d2 + 2.8203283558848533256 * d3 - d4,
        -56.872348265678773356 * d1 + 128.0 / 3.0 * d2 - 24.79431840098789331 * d3 + 9.0 * d4,
        76.026009954896960015 * d1 - 224.0 / 3.0 * d2 + 54.640656711769706651 * d3 - 21.0 * d4,
        -98.0 / 3.0 * (d1 + d3) + 112.0 / 3.0 * d2 + 14.0 * d4,
    )


@inlined
def coefficients(work, row, e):
    """Return the same for rows `row` to `row` + 4 on element `e`."""
    v0 = work[row * S + e]
    return polynomial(
        work[(row + 1) * S + e] - v0,
        work[(row + 2) * S + e] - v0,
        work[(row + 3) * S + e] - v0,
        work[(row + 4) * S + e] - v0,
    )


@kernel
def evaluate(work, row, e, t):
    """Return the polynomial of rows `row` to `row` + 4 on element `e` at local `t`, and its derivative by `t`.

    Written on differences against the first node, so that a nearly constant element loses no digits.
    """
    c1, c2, c3, c4 = coefficients(work, row, e)
    value = work[row * S + e] + t * (c1 + t * (c2 + t * (c3 + t * c4)))
    return value, c1 + t * (2.0 * c2 + t * (3.0 * c3 + t * 4.0 * c4))
