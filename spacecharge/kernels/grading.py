"""Meshes made for the solution: element ends where the potential of a thick layer says they belong.

Seen from a contact, the potential of a layer falls to its bulk along a curve whose slope follows from the first
integral of the equation, E^2 = 2 G(y), G = int -charge dy. Element ends are set in y, not in x: steps of a fixed
share of the change that the statistics feels (|dDelta| of about one), a fixed ratio where the decay is
exponential, and their distances follow from dy / E. The same tables give the first guess of the contact potential.
They only place nodes and start Newton; what the nodes carry is decided by the discrete equations, on any mesh.
"""

from __future__ import annotations

import math

from . import workspace as w
from ._jit import kernel, merged
from .layout import MEMO_TAIL
from .tables import field_at, hermite, match_resolution
from .workspace import STRIDE as S

# Distance over which element sizes grow e-fold in the exponential tail, in Debye lengths: the weight of an error there
# falls as exp(-2 x) and the element of order 8 turns that into a growth exp(x / 4).
GROWTH = 4.0
SHORTEST_TAIL = 9.0
"""Debye lengths between a contact and the mesh's end where nothing is left to resolve: 2 exp(-18) of the contact's
potential and capacitance."""


# A first element shorter than this share of the table's step is joined with the next.
SHORT_FIRST = 0.4
# First point of Gauss's rule of three points on [0, 1].
_G = 0.1127016653792583


@merged
def _start_side(work, table, out, y, k):
    """Fill Delta and d Delta/d|y| at the contact; `k`: last entry of the table below its |y|, -1 where none is."""
    row, n_table, n_species, _ = table
    for s in range(n_species):
        at, turn = (row + 3 + s) * S, (row + 3 + n_species + s) * S
        if k < 0:
            change = work[at] / work[row * S]
            delta = change * y
        elif k + 1 < n_table:
            delta, change = hermite(
                work[row * S + k],
                work[row * S + k + 1],
                work[at + k],
                work[at + k + 1],
                work[turn + k],
                work[turn + k + 1],
                y,
            )
        else:
            delta, change = work[at + k], work[turn + k]
        work[(out + 4 + s) * S], work[(out + 4 + n_species + s) * S] = delta, change


@kernel
def grade_side(work, table, out, contact_y, through, resolution, memo, tail):
    """Lay elements from a contact inwards until the layer counts as bulk (|y| below `tail`); return their number.

    `table`: its first row and entries, the number of species, and the slope of the charge in the bulk over the
    permittivity. `through` is what field lines that cross the layer add to the square of a thick layer's field: the
    steps in x shrink accordingly. Writes rows of `work` from `out` on: size of element k in column k; |y|, |dy/dx|,
    |d2y/dx2|, Delta and d Delta/d|y| at its inner end in column k + 1, at the contact in column 0.
    """
    row, n_table, n_species, slope = table
    capacity = w.CAPACITY
    y = contact_y
    thick, rate = field_at(work, row, n_table, y)
    field = math.sqrt(thick * thick + through)
    k = n_table - 1
    while k >= 0 and work[row * S + k] >= y:
        k -= 1
    work[(out + 1) * S] = y
    work[(out + 2) * S] = field
    work[(out + 3) * S] = thick * rate
    _start_side(work, table, out, y, k)
    if k >= 0 and k + 1 < n_table and y - work[row * S + k] < SHORT_FIRST * (work[row * S + k + 1] - work[row * S + k]):
        k -= 1
    n = 0
    while k >= 0 and n < capacity:
        inner, inner_thick, inner_rate = work[row * S + k], work[(row + 1) * S + k], work[(row + 2) * S + k]
        # Length of the element, int dy/D, by Gauss's rule with D from the cubic of the table.
        h = y - inner
        a, b = h * inner_rate, h * rate
        c2, c3 = 3.0 * (thick - inner_thick) - 2.0 * a - b, 2.0 * (inner_thick - thick) + a + b
        d1 = inner_thick + _G * (a + _G * (c2 + _G * c3))
        d2 = inner_thick + 0.5 * (a + 0.5 * (c2 + 0.5 * c3))
        d3 = inner_thick + (1.0 - _G) * (a + (1.0 - _G) * (c2 + (1.0 - _G) * c3))
        inner_field = inner_thick
        if through > 0.0:
            d1, d2, d3 = math.sqrt(d1 * d1 + through), math.sqrt(d2 * d2 + through), math.sqrt(d3 * d3 + through)
            inner_field = math.sqrt(inner_thick * inner_thick + through)
        product = d1 * d3
        work[out * S + n] = h * (5.0 / 18.0 * (d1 + d3) * d2 + 4.0 / 9.0 * product) / (product * d2)
        n += 1
        work[(out + 1) * S + n] = inner
        work[(out + 2) * S + n] = inner_field
        work[(out + 3) * S + n] = inner_thick * inner_rate
        for s in range(2 * n_species):
            work[(out + 4 + s) * S + n] = work[(row + 3 + s) * S + k]
        y, field, thick, rate = inner, inner_field, inner_thick, inner_rate
        k -= 1
    debye = 1.0 / math.sqrt(slope)
    length = max(math.log(max(y, 1e-300) / tail), SHORTEST_TAIL)
    start, x, j = y, 0.0, 0
    while x < length and n < capacity:
        extend_tail(work, memo, resolution, j)
        x = work[w.TAIL_X * S + j]
        y = start * work[w.TAIL_DECAY * S + j]
        work[out * S + n] = work[w.TAIL_STEP * S + j] * debye
        n += 1
        j += 1
        work[(out + 1) * S + n] = y
        work[(out + 2) * S + n] = y / debye
        work[(out + 3) * S + n] = y * slope
        for s in range(n_species):
            # Linear range: Delta in proportion to y.
            change = work[(row + 3 + s) * S] / work[row * S]
            work[(out + 4 + s) * S + n] = change * y
            work[(out + 4 + n_species + s) * S + n] = change
    return n


@kernel
def extend_tail(work, memo, resolution, j):
    """Make sure that the rows of the tail hold element `j`; elements grow as the weight of an error there falls."""
    match_resolution(work, memo, resolution)
    have = int(memo[MEMO_TAIL])
    while have <= j:
        x = work[w.TAIL_X * S + have - 1] if have > 0 else 0.0
        step = resolution * math.exp(x / GROWTH)
        work[w.TAIL_STEP * S + have] = step
        work[w.TAIL_X * S + have] = x + step
        work[w.TAIL_DECAY * S + have] = math.exp(-x - step)
        have += 1
    memo[MEMO_TAIL] = float(have)
