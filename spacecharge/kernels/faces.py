"""Faces of layers: which are contacts, and the displacement and the field at each of a converged state."""

from __future__ import annotations

from . import workspace as w
from ._jit import inlined, kernel
from .element import K01, K02, K03, K04, W0, W1, W2
from .layout import (
    END_LEFT,
    END_RIGHT,
    FIXED_CHARGE,
    FIXED_POTENTIAL,
    N_LAYERS,
)
from .workspace import STRIDE as S

# Charge passed from the left over charge ahead, from which on a displacement is counted from the right end.
LOPSIDED = 1e3


@inlined
def is_contact(codes, layer, side):
    """Say whether the face `side` of `layer` is a contact: inner, or an end with fixed potential or charge."""
    if side == 0 and layer == 0:
        return codes[END_LEFT] >= FIXED_POTENTIAL
    if side == 1 and layer == codes[N_LAYERS] - 1:
        return codes[END_RIGHT] >= FIXED_POTENTIAL
    return True


@kernel
def face_states(work, codes, n, faces):
    """Fill `faces` (n_layers, 5): y left, y right, displacement alpha dy/dx left and right, charge; return the balance.

    Displacements follow from Gauss's law, from the left end on; the balance is what it misses at the right end. Beyond
    a layer that holds far more charge than all that follows they would be rounding, and count from the right end.
    """
    n_layers = codes[N_LAYERS]
    displacement = 0.0
    if codes[END_LEFT] == FIXED_CHARGE:
        displacement = -work[w.SOURCE * S]
    elif codes[END_LEFT] != 0:
        g, y0 = work[w.STRENGTH * S], work[w.Y * S]
        u1, u2, u3, u4 = (
            work[(w.Y + 1) * S] - y0,
            work[(w.Y + 2) * S] - y0,
            work[(w.Y + 3) * S] - y0,
            work[(w.Y + 4) * S] - y0,
        )
        f0 = K01 * u1 + K02 * u2 + K03 * u3 + K04 * u4 - g * W0 * work[w.CHARGE * S]
        displacement = -work[w.STIFFNESS * S] * f0
    passed = abs(displacement)
    for layer in range(n_layers):
        first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
        charge = 0.0
        for e in range(first, last):
            q = W0 * (work[w.CHARGE * S + e] + work[(w.CHARGE + 4) * S + e])
            q += W1 * (work[(w.CHARGE + 1) * S + e] + work[(w.CHARGE + 3) * S + e]) + W2 * work[(w.CHARGE + 2) * S + e]
            charge += work[w.SIZE * S + e] * q
        if layer > 0:
            displacement -= work[w.SOURCE * S + first]
            passed += abs(work[w.SOURCE * S + first])
        faces[layer, 0] = work[w.Y * S + first]
        faces[layer, 1] = work[(w.Y + 4) * S + last - 1]
        faces[layer, 2] = displacement
        displacement -= charge
        passed += abs(charge)
        faces[layer, 3] = displacement
        faces[layer, 4] = charge
    end = _end_displacement(work, codes, n)
    balance = end - displacement
    ahead = abs(end)
    for layer in range(n_layers - 1, -1, -1):
        if passed > LOPSIDED * ahead:
            faces[layer, 3] = end
        charge, source = faces[layer, 4], work[w.SOURCE * S + int(work[w.FIRST * S + layer])]
        end, ahead, passed = end + charge, ahead + abs(charge), passed - abs(charge)
        if passed > LOPSIDED * ahead:
            faces[layer, 2] = end
        end, ahead, passed = end + source, ahead + abs(source), passed - abs(source)
    return balance


@kernel
def _end_displacement(work, codes, n):
    """Return the displacement alpha dy/dx at the right end, from its condition."""
    if codes[END_RIGHT] == FIXED_CHARGE:
        return work[w.SOURCE * S + n]
    if codes[END_RIGHT] == 0:
        return 0.0
    e = n - 1
    g, y4 = work[w.STRENGTH * S + e], work[(w.Y + 4) * S + e]
    u0, u1, u2, u3 = (
        work[w.Y * S + e] - y4,
        work[(w.Y + 1) * S + e] - y4,
        work[(w.Y + 2) * S + e] - y4,
        work[(w.Y + 3) * S + e] - y4,
    )
    f4 = K04 * u0 + K03 * u1 + K02 * u2 + K01 * u3 - g * W0 * work[(w.CHARGE + 4) * S + e]
    return work[w.STIFFNESS * S + e] * f4
