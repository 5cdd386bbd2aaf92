"""Charge states that share one pool of sites: theta_k = w_k/(1 + sum w), each w_k following its own charge.

With w_k = w_k,b exp(-z_k y) and v_b the empty share of the bulk,

    theta_k = theta_k,b E_k/D,     D = v_b + sum_j theta_j,b E_j,     E_j = exp(-z_j y).

Every theta_k is a function of y alone, so that a layer stays one function of its potential. A species on its own has no
response of fixed sign, since another state may drive it out; what its pool answers in all is N times the variance of
z, never below 0: the discrete problem stays convex. Numbers are scaled by the largest E: nothing overflows.
"""

from __future__ import annotations

from . import layout as o
from ._jit import inlined, kernel
from .elementary import exp_nonpositive

# Thresholds of the width are looked for up to this |y|.
FARTHEST = 600.0


@inlined
def _difference(a, b, largest):
    """Return (exp(a) - exp(b)) exp(-largest), `largest` at least a and b, without cancellation."""
    high = max(a, b)
    scale, _ = exp_nonpositive(high - largest)
    _, minus = exp_nonpositive(-abs(a - b))
    return scale * (minus if a < b else -minus)


@kernel
def pool_state(table, s, delta):
    """Return theta, the empty share, theta - theta_b, d theta/d Delta of a species whose pool moves along with it.

    `table` (n_species, SPECIES_COLUMNS) are the species of the layer (see `species.fill_species`); those with the same
    law as `s` are its pool. Last, theta summed over the other members.
    """
    z, law = table[s, o.P_Z], table[s, o.P_DILUTE]
    y = -delta / z
    largest = 0.0
    for j in range(table.shape[0]):
        if table[j, o.P_DILUTE] == law and table[j, o.P_STRENGTH] != 0.0:
            largest = max(largest, -table[j, o.P_Z] * y)
    empty, _ = exp_nonpositive(-largest)
    empty *= table[s, o.P_VACANCY]
    total, change, others, turn = empty, table[s, o.P_VACANCY] * _difference(delta, 0.0, largest), 0.0, empty
    for j in range(table.shape[0]):
        if table[j, o.P_DILUTE] != law or table[j, o.P_STRENGTH] == 0.0 or j == s:
            continue
        other = -table[j, o.P_Z] * y
        weight, _ = exp_nonpositive(other - largest)
        weight *= table[j, o.P_THETA]
        total += weight
        others += weight
        change += table[j, o.P_THETA] * _difference(delta, other, largest)
        # 1 - sum (z_j/z) theta_j = v + sum theta_j (1 - z_j/z): the species itself drops out.
        turn += weight * (1.0 - table[j, o.P_Z] / z)
    own, _ = exp_nonpositive(delta - largest)
    own *= table[s, o.P_THETA]
    inverse = 1.0 / (total + own)
    theta = own * inverse
    return (
        theta,
        empty * inverse,
        table[s, o.P_THETA] * change * inverse,
        theta * turn * inverse,
        others * inverse,
    )


@kernel
def pool_threshold(table, s, share, sign):
    """Return the |y| at which theta is off bulk by `share` of the smaller of theta_b and 1 - theta_b.

    The first such |y| seen from the bulk, on the side of `sign` of y; where another state holds theta back for ever,
    the end of the search.
    """
    z = table[s, o.P_Z]
    _, empty, _, _, others = pool_state(table, s, 0.0)
    off = share * min(table[s, o.P_THETA], empty + others)
    inside, outside = 0.0, 1e-3 * share / abs(z)
    while outside < FARTHEST:
        _, _, change, _, _ = pool_state(table, s, -z * sign * outside)
        if abs(change) >= off:
            break
        inside = outside
        outside *= 1.3
    for _ in range(200):
        middle = 0.5 * (inside + outside)
        if middle <= inside or middle >= outside:
            break
        _, _, change, _, _ = pool_state(table, s, -z * sign * middle)
        if abs(change) >= off:
            outside = middle
        else:
            inside = middle
    return outside


@kernel
def pool_slopes(table, s, y, delta, moves, warm):
    """Return d theta at fixed v, as the numbers of the pool move along `moves` and the temperature by the share `warm`.

    `moves` (n_species, 3): derivatives of z, theta_b and v_b of every species of the layer.
    """
    theta, vacancy, _, _, _ = pool_state(table, s, delta)
    law = table[s, o.P_DILUTE]
    # d ln theta of the species less that of D; every E moves with its z, and with y = e v/kT.
    own = moves[s, 1] / table[s, o.P_THETA] - moves[s, 0] * y + table[s, o.P_Z] * y * warm
    # Shares of the bulk add up to 1: what their derivatives leave is rounding, which a thick neutral bulk would add up.
    total = moves[s, 2] / table[s, o.P_VACANCY] * vacancy - moves[s, 2]
    for j in range(table.shape[0]):
        if table[j, o.P_DILUTE] != law or table[j, o.P_STRENGTH] == 0.0:
            continue
        there, _, _, _, _ = pool_state(table, j, -table[j, o.P_Z] * y)
        part = moves[j, 1] / table[j, o.P_THETA] - moves[j, 0] * y + table[j, o.P_Z] * y * warm
        total += there * part - moves[j, 1]
    return theta * (own - total)
