"""Faces of layers: which are contacts, and the displacement and the field at each of a converged state."""

from __future__ import annotations

from . import workspace as w
from ._jit import inlined, kernel
from .element import W0, W1, W2
from .ends import end_displacement, has_value
from .layout import N_LAYERS
from .workspace import STRIDE as S

# Charge passed from the left over charge ahead, from which on a displacement is counted from the right end.
LOPSIDED = 1e3


@inlined
def is_contact(codes, layer, side):
    """Say whether the face `side` of `layer` is a contact: inner, or an end with fixed potential or charge."""
    if side == 0 and layer == 0:
        return has_value(codes, 0)
    if side == 1 and layer == codes[N_LAYERS] - 1:
        return has_value(codes, 1)
    return True


@kernel
def face_states(work, codes, n, faces):
    """Fill `faces` (n_layers, 5): y left, y right, displacement alpha dy/dx left and right, charge; return the balance.

    Displacements follow from Gauss's law, from the left end on; the balance is what it misses at the right end. Beyond
    a layer that holds far more charge than all that follows they would be rounding, and count from the right end.
    """
    n_layers = codes[N_LAYERS]
    displacement = end_displacement(work, codes, n, 0)
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
    end = end_displacement(work, codes, n, 1)
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
