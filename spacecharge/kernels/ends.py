"""Conditions at the outer ends: all that kernels know of one kind and not of another.

The node of an end has the equation of any other with the charge that is given there, zero without one, or is held at
a potential. A further kind is a code in `rows` and a branch in these functions.
"""

from __future__ import annotations

import math

from . import workspace as w
from ._jit import inlined, kernel, merged
from .element import K01, K02, K03, K04, W0
from .layout import END_LEFT, N_LAYERS, end_start
from .rows import BULK, ELECTROSTATIC_POTENTIAL, SURFACE_CHARGE
from .species import VACUUM_PERMITTIVITY
from .workspace import STRIDE as S


@inlined
def is_held(codes, side):
    """Say whether the potential of the end `side` (0 left, 1 right) is given."""
    return codes[END_LEFT + side] == BULK or codes[END_LEFT + side] == ELECTROSTATIC_POTENTIAL


@inlined
def takes_any_charge(codes, side):
    """Say whether an end takes up any charge, and so ties the common shift of all potentials."""
    return is_held(codes, side)


@inlined
def has_value(codes, side):
    """Say whether an end has a number of its own, and counts as a contact."""
    return codes[END_LEFT + side] >= ELECTROSTATIC_POTENTIAL


@inlined
def given_charge(row, codes, side):
    """Return the charge that is given in the plane of an end [C/m2]."""
    if codes[END_LEFT + side] == SURFACE_CHARGE:
        return row[end_start(codes[N_LAYERS]) + side]
    return 0.0


@merged
def place_ends(work, row, codes, n, volt):
    """Put what is given at the ends where Newton reads it: charges in SOURCE, potentials in the nodes."""
    for side in range(2):
        if is_held(codes, side):
            given = codes[END_LEFT + side] == ELECTROSTATIC_POTENTIAL
            y = row[end_start(codes[N_LAYERS]) + side] / volt if given else 0.0
            if side == 0:
                work[w.Y * S] = y
            else:
                work[(w.Y + 4) * S + n - 1] = y
        else:
            charge = given_charge(row, codes, side)
            work[w.SOURCE * S + (0 if side == 0 else n)] = charge / (VACUUM_PERMITTIVITY * volt)


@inlined
def end_stiffness(codes, side):
    """Return how stiffly an end holds its potential, beside the element next to it: without bound, or not at all."""
    return math.inf if is_held(codes, side) else 0.0


@merged
def fix_ends(work, codes, n):
    """Turn the rows of ends with a fixed potential into ``d y = 0``, keeping symmetry."""
    if is_held(codes, 0):
        work[w.DIAGONAL * S] = 1.0
        work[w.RHS * S] = 0.0
        work[w.OFF * S] = 0.0
    if is_held(codes, 1):
        work[w.DIAGONAL * S + n] = 1.0
        work[w.RHS * S + n] = 0.0
        work[w.OFF * S + n - 1] = 0.0


@kernel
def end_displacement(work, codes, n, side):
    """Return the displacement alpha dy/dx at an end, from its condition."""
    if not is_held(codes, side):
        return 0.0 - work[w.SOURCE * S] if side == 0 else work[w.SOURCE * S + n]
    # From the equation of its node, which no charge but that of the layer stands in.
    e, first, step = (0, 0, 1) if side == 0 else (n - 1, 4, -1)
    g, y = work[w.STRENGTH * S + e], work[(w.Y + first) * S + e]
    u1, u2, u3, u4 = (
        work[(w.Y + first + step) * S + e] - y,
        work[(w.Y + first + 2 * step) * S + e] - y,
        work[(w.Y + first + 3 * step) * S + e] - y,
        work[(w.Y + 4 - first) * S + e] - y,
    )
    # Added up as `assemble` does, from left to right.
    pull = K01 * u1 + K02 * u2 + K03 * u3 + K04 * u4 if side == 0 else K04 * u4 + K03 * u3 + K02 * u2 + K01 * u1
    f = pull - g * W0 * work[(w.CHARGE + first) * S + e]
    return -work[w.STIFFNESS * S + e] * f if side == 0 else work[w.STIFFNESS * S + e] * f


@merged
def move_ends(work, move, codes, n, volt):
    """Put what `move`, the derivative of an input row, adds at the ends where `assemble` reads it."""
    for side in range(2):
        value = move[end_start(codes[N_LAYERS]) + side] / volt
        e, i = (0, 0) if side == 0 else (n - 1, 4)
        if codes[END_LEFT + side] == SURFACE_CHARGE:
            work[w.SOURCE * S + (0 if side == 0 else n)] = value / VACUUM_PERMITTIVITY
        elif codes[END_LEFT + side] == ELECTROSTATIC_POTENTIAL:
            work[(w.Y + i) * S + e] += value
            work[(w.CHARGE + i) * S + e] -= work[(w.SLOPE + i) * S + e] * value


@merged
def shift_ends(work, move, codes, n, volt):
    """Add the derivative of given potentials to the step, which has none at ends that are held."""
    for side in range(2):
        if codes[END_LEFT + side] == ELECTROSTATIC_POTENTIAL:
            e, i = (0, 0) if side == 0 else (n - 1, 4)
            work[(w.STEP + i) * S + e] += move[end_start(codes[N_LAYERS]) + side] / volt
