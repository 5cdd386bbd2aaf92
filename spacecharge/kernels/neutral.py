"""Static capacitance: the charge at a contact over the bias from where it carries none.

The neutral bias of a contact is the step that appears when the stack is cut there: each part relaxes on its own,
field-free at the cut but for the charge of the plane. An element without stiffness between the parts does the cutting.
"""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import inlined, kernel, merged
from .ends import given_charge, has_value, takes_any_charge
from .faces import is_contact
from .laws import has_vacancies
from .layout import (
    CODE_START,
    CONTACT_SIZE,
    EFFORT,
    END_LEFT,
    END_RIGHT,
    LAYER_SIZE,
    LAYER_START,
    N_LAYERS,
    N_SPECIES,
    SITES,
    SPECIES_SIZE,
    TEMPERATURE,
    THETA,
    VACANCY,
    Z,
    contact_start,
    end_start,
    species_start,
)
from .newton import CONVERGED, STEP_TOLERANCE, newton
from .planes import has_planes, plane_bounds
from .rows import POOL, ZERO_FIELD
from .species import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY, is_bordered, is_interacting
from .start import set_up
from .workspace import STRIDE as S

# Below this bias (in kT/e) the static capacitance is its limit, the differential one, to the same accuracy.
SMALL_BIAS = 1e-7
# A mesh serves another state whose contacts lie no further from their bulks than its own by a tenth and this (in kT/e).
ROOM, SHARE_MORE = 0.3, 1.1


@kernel
def insert_gap(work, codes, n, plane):
    """Insert an element before contact plane `plane` (1 .. n_layers - 1) and return its index."""
    gap = int(work[w.FIRST * S + plane])
    n_species = codes[N_SPECIES]
    for e in range(n - 1, gap - 1, -1):
        _copy_element(work, n_species, e, e + 1)
    _copy_element(work, n_species, gap - 1, gap)
    for layer in range(plane, codes[N_LAYERS] + 1):
        work[w.FIRST * S + layer] += 1.0
    left, right = work[(w.Y + 4) * S + gap - 1], work[w.Y * S + gap + 1] - work[w.JUMP * S + gap]
    for i in range(5):
        work[(w.Y + i) * S + gap] = left + 0.25 * i * (right - left)
    return gap


@kernel
def _copy_element(work, n_species, source, target):
    work[w.SIZE * S + target] = work[w.SIZE * S + source]
    work[w.LAYER * S + target] = work[w.LAYER * S + source]
    for i in range(5):
        work[(w.Y + i) * S + target] = work[(w.Y + i) * S + source]
        for s in range(n_species):
            at = (w.species_row(s) + w.DELTA + i) * S
            work[at + target] = work[at + source]


@inlined
def state_size(n_layers, n_species, n):
    """Return how many numbers `save_state` saves."""
    return (7 + 5 * n_species) * n + n_layers + 1


@kernel
def save_state(work, codes, n, state, restore):
    """Copy y, size and layer, Delta of `n` elements, row by row, and the first elements to `state`, or back."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    k = 0
    for block in range(3 + n_species):
        first = (w.Y, w.SIZE, w.LAYER)[block] if block < 3 else w.species_row(block - 3) + w.DELTA
        rows = 1 if block == 1 or block == 2 else 5
        for i in range(rows):
            for e in range(n):
                if restore:
                    work[(first + i) * S + e] = state[k]
                else:
                    state[k] = work[(first + i) * S + e]
                k += 1
    for layer in range(n_layers + 1):
        if restore:
            work[w.FIRST * S + layer] = state[k]
        else:
            state[k] = work[w.FIRST * S + layer]
        k += 1


@kernel
def is_driven(row, codes, plane):
    """Say whether a plane (0 left end .. n_layers right end) pulls charge: step, areal charge or fixed value."""
    n_layers = codes[N_LAYERS]
    if plane == 0 or plane == n_layers:
        side = 0 if plane == 0 else 1
        return has_value(codes, side) and row[end_start(n_layers) + side] != 0.0
    at = contact_start(n_layers) + CONTACT_SIZE * (plane - 1)
    return row[at] != 0.0 or row[at + 1] != 0.0


@kernel
def needs_neutral_solve(row, codes, plane):
    """Say whether the bias at which no charge crosses `plane` has to be solved for (else it is zero)."""
    n_layers = codes[N_LAYERS]
    for other in range(n_layers + 1):
        if other != plane and is_driven(row, codes, other):
            return True
    if 0 < plane < n_layers:
        return row[contact_start(n_layers) + CONTACT_SIZE * (plane - 1) + 1] != 0.0
    return False


@kernel
def holds_charge(row, codes, first, last):
    """Say whether layers `first` to `last` - 1, on their own, have states that undo the charges at their faces.

    One sum decides: a lattice layer holds - z e N theta_b L to z e N (1 - theta_b) L, a dilute one has no bound
    on one side, and an end at a given potential takes up anything. The charge of the plane left of `first` counts.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    fixed, low, high = 0.0, 0.0, 0.0
    for side in range(2):
        if (first > 0) if side == 0 else (last < n_layers):
            continue
        if takes_any_charge(codes, side):
            return True
        fixed += given_charge(row, codes, side)
    for c in range(max(first - 1, 0), last - 1):
        fixed += row[contact_start(n_layers) + CONTACT_SIZE * c + 1]
        least, most = plane_bounds(row, codes, c)
        low += least
        high += most
    for layer in range(first, last):
        for s in range(n_species):
            at = species_start(n_layers) + SPECIES_SIZE * (layer * n_species + s)
            whole = row[at + Z] * row[at + SITES] * ELEMENTARY_CHARGE * row[LAYER_START + LAYER_SIZE * layer]
            law = codes[CODE_START + 2 * (layer * n_species + s)]
            if law >= POOL:
                least, most = pool_charges(row, codes, layer, s)
                low += least
                high += most
                continue
            room = row[at + VACANCY] if has_vacancies(law) else math.inf
            empty, full = -whole * row[at + THETA], whole * room if whole != 0.0 else 0.0
            low += min(empty, full)
            high += max(empty, full)
    return fixed == 0.0 or low < -fixed < high


@kernel
def pool_charges(row, codes, layer, s):
    """Return lowest and highest charge of the pool that species `s` is the first of, 0 of its other members [C/m2]."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    law = codes[CODE_START + 2 * (layer * n_species + s)]
    lowest, highest, bulk = 0.0, 0.0, 0.0
    for j in range(n_species):
        if codes[CODE_START + 2 * (layer * n_species + j)] != law:
            continue
        if j < s:
            return 0.0, 0.0
        at = species_start(n_layers) + SPECIES_SIZE * (layer * n_species + j)
        lowest, highest = min(lowest, row[at + Z]), max(highest, row[at + Z])
        bulk += row[at + Z] * row[at + THETA]
    sites = row[species_start(n_layers) + SPECIES_SIZE * (layer * n_species + s) + SITES]
    whole = sites * ELEMENTARY_CHARGE * row[LAYER_START + LAYER_SIZE * layer]
    return whole * (lowest - bulk), whole * (highest - bulk)


@kernel
def is_plane(codes, plane):
    """Say whether plane 0 (left end) .. n_layers (right end) is a contact."""
    n_layers = codes[N_LAYERS]
    if plane == 0:
        return is_contact(codes, 0, 0)
    if plane == n_layers:
        return is_contact(codes, n_layers - 1, 1)
    return True


@kernel
def charge_left(codes, faces, plane):
    """Return the charge to the left of a plane (of the wall, at an end), in units of eps0 kT/e [m^-1]."""
    n_layers = codes[N_LAYERS]
    if plane == 0:
        return -faces[0, 2]
    if plane == n_layers:
        return faces[n_layers - 1, 3]
    return -faces[plane - 1, 3]


@kernel
def neutral_ends(codes, plane):
    """Return the codes with an end that is the plane itself set free."""
    freed = codes.copy()
    if plane == 0:
        freed[END_LEFT] = ZERO_FIELD
    elif plane == codes[N_LAYERS]:
        freed[END_RIGHT] = ZERO_FIELD
    return freed


@inlined
def parts_hold_charge(row, codes, plane):
    """Say whether the stack, cut at `plane`, has a state on either side."""
    n_layers = codes[N_LAYERS]
    if plane == 0 or plane == n_layers:
        return holds_charge(row, codes, 0, n_layers)
    return holds_charge(row, codes, 0, plane) and holds_charge(row, codes, plane, n_layers)


@kernel
def neutral_bias(work, codes, faces, n, plane):
    """Return the bias over a plane of the state in `work` (a gap before it), at an end against that in `faces`."""
    n_layers = codes[N_LAYERS]
    if plane == 0:
        return faces[0, 0] - work[w.Y * S]
    if plane == n_layers:
        return faces[n_layers - 1, 1] - work[(w.Y + 4) * S + n - 1]
    first = int(work[w.FIRST * S + plane])
    return work[w.JUMP * S + first] - (work[w.Y * S + first] - work[(w.Y + 4) * S + first - 2])


@kernel
def _is_strained(work, codes, faces, n, gap, plane):
    """Say whether the state in `work` asks more of the mesh than the one in `faces` that it was made for."""
    for layer in range(codes[N_LAYERS]):
        for side in range(2):
            if not is_contact(codes, layer, side):
                continue
            if side == 0:
                y = work[w.Y * S + int(work[w.FIRST * S + layer])]
            else:
                last = int(work[w.FIRST * S + layer + 1]) - 1
                # The gap counts as the last element of the layer before the cut.
                y = work[(w.Y + 4) * S + (last - 1 if gap >= 0 and layer == plane - 1 else last)]
            before = faces[layer, side]
            if abs(y) > SHARE_MORE * abs(before) + ROOM or (y * before < 0.0 and abs(y) > ROOM):
                return True
    return False


@kernel
def solve_neutral(work, row, codes, species, faces, n, memo, out):
    """Fill static capacitances whose neutral bias has to be solved for, contact by contact, each from the state given.

    NaN where no state without charge at the plane exists; infinite where none is found on this mesh, or one that the
    mesh was not made for: the parts then want solves of their own. The state is as before afterwards.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    interacting = is_interacting(codes, species)
    kind = (interacting, is_bordered(codes, species), False)
    state = np.empty(state_size(n_layers, n_species, n))
    saved = False
    for plane in range(n_layers + 1):
        if not (is_plane(codes, plane) and needs_neutral_solve(row, codes, plane)):
            continue
        at = o.capacitance_start(n_layers, n_species) + 2 * plane + o.STATIC
        ends = neutral_ends(codes, plane)
        if not parts_hold_charge(row, ends, plane):
            out[at] = math.nan
            continue
        if memo[EFFORT] < 0.0:
            out[at] = math.inf
            continue
        if not saved:
            save_state(work, codes, n, state, False)
            saved = True
        gap, m = -1, n
        if 0 < plane < n_layers:
            gap, m = insert_gap(work, codes, n, plane), n + 1
        set_up(work, row, ends, species, m, interacting)
        if gap >= 0:
            work[w.STIFFNESS * S + gap] = 0.0
            work[w.STRENGTH * S + gap] = 0.0
        status, _, _ = newton(work, row, ends, m, kind, STEP_TOLERANCE, memo)
        bias = neutral_bias(work, codes, faces, n, plane)
        unfit = status != CONVERGED or _is_strained(work, codes, faces, n, gap, plane)
        save_state(work, codes, n, state, True)
        if unfit:
            out[at] = math.inf
        elif abs(bias) > SMALL_BIAS:
            out[at] = charge_left(codes, faces, plane) / bias * VACUUM_PERMITTIVITY
    if saved:
        # Coefficients of the mesh without the cut, for those who read the state afterwards.
        set_up(work, row, codes, species, n, interacting)


@kernel
def direct_static(row, codes, faces, out):
    """Fill static capacitances of stacks in which every neutral bias is zero."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    for plane in range(n_layers + 1):
        at = o.capacitance_start(n_layers, n_species) + 2 * plane
        if plane == 0:
            bias = faces[0, 0]
        elif plane == n_layers:
            bias = faces[n_layers - 1, 1]
        else:
            bias = row[contact_start(n_layers) + CONTACT_SIZE * (plane - 1)] / volt
        out[at + o.STATIC] = out[at + o.DIFFERENTIAL]
        if abs(bias) > SMALL_BIAS:
            out[at + o.STATIC] = charge_left(codes, faces, plane) / bias * VACUUM_PERMITTIVITY


@merged
def simple_static(row, codes, faces, out):
    """Fill static capacitances where the neutral bias is zero; elsewhere its limit at small bias, for now."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    for plane in range(n_layers + 1):
        at = o.capacitance_start(n_layers, n_species) + 2 * plane
        if plane == 0:
            bias = faces[0, 0]
        elif plane == n_layers:
            bias = faces[n_layers - 1, 1]
        else:
            bias = row[contact_start(n_layers) + CONTACT_SIZE * (plane - 1)] / volt
        out[at + o.STATIC] = out[at + o.DIFFERENTIAL]
        if has_planes(codes):
            # A plane answers to the bias of every contact: nowhere is the charge of a contact its own.
            out[at + o.STATIC] = math.nan
        elif abs(bias) > SMALL_BIAS and not needs_neutral_solve(row, codes, plane):
            out[at + o.STATIC] = charge_left(codes, faces, plane) / bias * VACUUM_PERMITTIVITY
