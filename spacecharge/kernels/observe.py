"""Observables of a converged state: charges, fields, widths, resistances, capacitances.

Definitions are those of the functions in `spacecharge.observables`, which carry the documentation.
"""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import inlined, kernel
from .element import K01, K02, K03, K04, W0, W1, W2, evaluate
from .grading import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY, bulk_slope
from .layout import (
    BULK,
    CODE_START,
    END_LEFT,
    END_RIGHT,
    FIXED_CHARGE,
    FIXED_POTENTIAL,
    LAYER_SIZE,
    LAYER_START,
    N_LAYERS,
    N_SPECIES,
    TEMPERATURE,
    TRANSPORT_VACANCY,
)
from .statistics import conductivity, point_state
from .workspace import STRIDE as S

_GAUSS_X = (0.04691007703066800, 0.23076534494715845, 0.5, 0.76923465505284155, 0.95308992296933200)
_GAUSS_W = (
    0.11846344252809454,
    0.23931433524968324,
    0.28444444444444444,
    0.23931433524968324,
    0.11846344252809454,
)

THIN_DEBYE = 0.2e-9
STRONG_FIELD = 1e9
FLAG_DEBYE, FLAG_FIELD, FLAG_THIN = 1, 2, 4


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

    Displacements follow from Gauss's law, from the left end on; the balance is what it misses at the right end.
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
    for layer in range(n_layers):
        first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
        charge = 0.0
        for e in range(first, last):
            q = W0 * (work[w.CHARGE * S + e] + work[(w.CHARGE + 4) * S + e])
            q += W1 * (work[(w.CHARGE + 1) * S + e] + work[(w.CHARGE + 3) * S + e]) + W2 * work[(w.CHARGE + 2) * S + e]
            charge += work[w.SIZE * S + e] * q
        if layer > 0:
            displacement -= work[w.SOURCE * S + first]
        faces[layer, 0] = work[w.Y * S + first]
        faces[layer, 1] = work[(w.Y + 4) * S + last - 1]
        faces[layer, 2] = displacement
        displacement -= charge
        faces[layer, 3] = displacement
        faces[layer, 4] = charge
    e = n - 1
    if codes[END_RIGHT] == FIXED_CHARGE:
        return -displacement + work[w.SOURCE * S + n]
    if codes[END_RIGHT] == 0:
        return -displacement
    g, y4 = work[w.STRENGTH * S + e], work[(w.Y + 4) * S + e]
    u0, u1, u2, u3 = (
        work[w.Y * S + e] - y4,
        work[(w.Y + 1) * S + e] - y4,
        work[(w.Y + 2) * S + e] - y4,
        work[(w.Y + 3) * S + e] - y4,
    )
    f4 = K04 * u0 + K03 * u1 + K02 * u2 + K01 * u3 - g * W0 * work[(w.CHARGE + 4) * S + e]
    return work[w.STIFFNESS * S + e] * f4 - displacement


@kernel
def bulk_conductivity(species, layer, n_species):
    """Return sigma_b of a layer [S/m], NaN where no species has a diffusivity."""
    total = 0.0
    for s in range(n_species):
        if species[layer, s, 11] > 0.0:
            total += species[layer, s, 11] * species[layer, s, 2]
    return total if total > 0.0 else math.nan


@kernel
def _relative_excess(species, codes, layer, deltas):
    """Return sigma_b/sigma - 1 of a layer where the species have `deltas`, formed from theta - theta_b."""
    n_species = codes[N_SPECIES]
    total, change = 0.0, 0.0
    for s in range(n_species):
        p = species[layer, s]
        if not p[11] > 0.0:
            continue
        theta, vacancy, difference, _, _, _ = point_state(deltas[s], int(p[10]), p[2], p[3], p[4], p[5], p[6], p[7])
        if codes[CODE_START + 2 * (layer * n_species + s) + 1] == TRANSPORT_VACANCY:
            total += p[11] * theta * vacancy / p[3]
            change += p[11] * difference * (p[3] - theta) / p[3]
        else:
            total += p[11] * theta
            change += p[11] * difference
    return -change / max(total, 1e-300)


@kernel
def node_deltas(work, species, n_species, layer, e, i, interacting, deltas):
    """Fill `deltas` for node `i` of element `e`."""
    for s in range(n_species):
        if interacting:
            deltas[s] = work[(w.species_row(s) + w.DELTA + i) * S + e]
        else:
            deltas[s] = -species[layer, s, 1] * work[(w.Y + i) * S + e]


@kernel
def point_deltas(work, species, n_species, layer, e, t, interacting, deltas):
    """Fill `deltas` at local coordinate `t` of element `e`, from the element's polynomials."""
    if not interacting:
        y, _ = evaluate(work, w.Y, e, t)
    for s in range(n_species):
        if interacting:
            deltas[s], _ = evaluate(work, w.species_row(s) + w.DELTA, e, t)
        else:
            deltas[s] = -species[layer, s, 1] * y


@kernel
def threshold_potential(p, fraction, sign):
    """Return y at which theta is off bulk by `fraction` of min(theta_b, 1 - theta_b), for the sign of y given."""
    theta_b, vacancy_b = p[2], p[3]
    if p[10] != 0.0:
        off = fraction * theta_b
        up = -sign * p[1] > 0.0
        delta = math.log1p(off / theta_b) if up else math.log1p(-off / theta_b)
    else:
        off = fraction * min(theta_b, vacancy_b)
        up = -sign * p[1] > 0.0
        change = off if up else -off
        delta = math.log1p(change / theta_b) - math.log1p(-change / vacancy_b)
    _, _, _, _, potential, _ = point_state(delta, int(p[10]), theta_b, vacancy_b, p[4], p[5], p[6], p[7])
    return -(delta + potential) / p[1]


@kernel
def find_crossing(work, layer, side, level):
    """Return (element, local coordinate, distance from the contact) where y first falls to `level`, going inwards.

    Element -1 where y starts within `level`; the far end of the layer where it never falls to it.
    """
    first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
    sign = 1.0 if level >= 0.0 else -1.0
    start = work[w.Y * S + first] if side == 0 else work[(w.Y + 4) * S + last - 1]
    if sign * start <= sign * level:
        return -1, 0.0, 0.0
    x = 0.0
    for k in range(last - first):
        e = first + k if side == 0 else last - 1 - k
        inner = work[(w.Y + 4) * S + e] if side == 0 else work[w.Y * S + e]
        size = work[w.SIZE * S + e]
        if sign * inner <= sign * level:
            low, high = 0.0, 1.0
            t = 0.5
            for _ in range(80):
                value, slope = evaluate(work, w.Y, e, t)
                above = sign * (value - level) > 0.0
                if above == (side == 0):
                    low = t
                else:
                    high = t
                trial = t - (value - level) / slope if slope != 0.0 else 0.5 * (low + high)
                if not low < trial < high:
                    trial = 0.5 * (low + high)
                if abs(trial - t) <= 1e-15:
                    t = trial
                    break
                t = trial
            return e, t, x + size * (t if side == 0 else 1.0 - t)
        x += size
    e = last - 1 if side == 0 else first
    return e, (1.0 if side == 0 else 0.0), x


@kernel
def region_excess(work, species, codes, layer, side, e_cut, t_cut, interacting, deltas):
    """Return int (sigma_b/sigma - 1) dx from a contact to local coordinate `t_cut` of element `e_cut` [m].

    Whole elements come from the EXCESS row, the last part from Gauss-Legendre quadrature.
    """
    first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
    total = 0.0
    if side == 0:
        for e in range(first, e_cut):
            total += work[w.EXCESS * S + e]
        low, high = 0.0, t_cut
    else:
        for e in range(e_cut + 1, last):
            total += work[w.EXCESS * S + e]
        low, high = t_cut, 1.0
    if high - low >= 1.0:
        return total + work[w.EXCESS * S + e_cut]
    part = 0.0
    for q in range(5):
        point_deltas(
            work, species, codes[N_SPECIES], layer, e_cut, low + (high - low) * _GAUSS_X[q], interacting, deltas
        )
        part += _GAUSS_W[q] * _relative_excess(species, codes, layer, deltas)
    return total + part * (high - low) * work[w.SIZE * S + e_cut]


@kernel
def observe_layers(work, row, codes, species, faces, fraction, interacting, deltas, out):
    """Fill the layer blocks of the output row and return the validity flags."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    flags = 0
    n = int(work[w.FIRST * S + n_layers])
    conductivity(work, codes, species, n, (n + 7) // 8 * 8, interacting)
    for layer in range(n_layers):
        thickness = row[LAYER_START + LAYER_SIZE * layer]
        permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
        block = o.HEAD_SIZE + layer * o.block_size(n_species)
        debye = math.sqrt(permittivity / bulk_slope(species, layer, n_species))
        bulk = bulk_conductivity(species, layer, n_species)
        conducting = bulk > 0.0
        excess = 0.0
        for e in range(int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])):
            excess += work[w.EXCESS * S + e]
        out[block + o.CHARGE] = faces[layer, 4] * VACUUM_PERMITTIVITY * volt
        out[block + o.DEBYE] = debye
        out[block + o.EXCESS] = excess / bulk
        out[block + o.RESISTANCE] = (thickness + excess) / bulk
        if debye < THIN_DEBYE:
            flags |= FLAG_DEBYE
        widths = 0.0
        union = 0.0
        deepest = 0.0
        for side in range(2):
            at = block + o.FACE_START + side * o.face_size(n_species)
            if not is_contact(codes, layer, side):
                for k in range(o.face_size(n_species)):
                    out[at + k] = math.nan
                continue
            y = faces[layer, side]
            field = -faces[layer, 2 + side] / permittivity * volt
            out[at + o.FACE_POTENTIAL] = y * volt
            out[at + o.FACE_FIELD] = field
            if abs(field) > STRONG_FIELD:
                flags |= FLAG_FIELD
            first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
            e_face, i_face = (first, 0) if side == 0 else (last - 1, 4)
            node_deltas(work, species, n_species, layer, e_face, i_face, interacting, deltas)
            for s in range(n_species):
                p = species[layer, s]
                theta, vacancy, _, _, _, _ = point_state(deltas[s], int(p[10]), p[2], p[3], p[4], p[5], p[6], p[7])
                out[at + o.FACE_SPECIES + 3 * s + o.FACE_THETA] = theta
                out[at + o.FACE_SPECIES + 3 * s + o.FACE_VACANCY] = vacancy if p[10] == 0.0 else math.nan
            width, e_cut, t_cut = 0.0, np.int64(-1), 0.0
            for s in range(n_species):
                p = species[layer, s]
                if p[0] == 0.0:
                    out[at + o.FACE_SPECIES + 3 * s + o.FACE_WIDTH] = math.nan
                    continue
                level = threshold_potential(p, fraction, 1.0 if y >= 0.0 else -1.0)
                e, t, distance = find_crossing(work, layer, side, level)
                out[at + o.FACE_SPECIES + 3 * s + o.FACE_WIDTH] = distance
                deepest = max(deepest, distance)
                if distance > width and (p[11] > 0.0 or not conducting):
                    width, e_cut, t_cut = distance, e, t
            resistance = math.nan
            if conducting:
                resistance = 0.0
                if e_cut >= 0:
                    resistance = (
                        width + region_excess(work, species, codes, layer, side, e_cut, t_cut, interacting, deltas)
                    ) / bulk
            out[at + o.FACE_RESISTANCE] = resistance
            widths += width
            union += resistance
        if widths >= thickness * (1.0 - 1e-12):
            union = out[block + o.RESISTANCE]
        if widths >= thickness * (1.0 - 1e-12) or deepest >= thickness * (1.0 - 1e-12):
            flags |= FLAG_THIN
        out[block + o.REGION] = union
    return flags


@kernel
def capacitances(work, codes, n, out):
    """Fill the differential capacitance of every contact from the element stiffnesses (call after `assemble`).

    A contact joins two chains in series; the stiffness that a chain shows at its end follows from eliminating it
    from the far end. Needs the element blocks, which `assemble` leaves in STEP, STEP + 1 and OFF.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    t00, t44, off = w.STEP * S, (w.STEP + 1) * S, w.OFF * S
    start = o.capacitance_start(n_layers, n_species)
    seen = w.RHS * S
    fixed = codes[END_LEFT] == BULK or codes[END_LEFT] == FIXED_POTENTIAL
    show = work[t44 + 0] if fixed else work[t44 + 0] - work[off + 0] * work[off + 0] / work[t00 + 0]
    for e in range(1, n):
        work[seen + e] = show
        show = work[t44 + e] - work[off + e] * work[off + e] / (work[t00 + e] + show)
    work[seen + n] = show
    fixed = codes[END_RIGHT] == BULK or codes[END_RIGHT] == FIXED_POTENTIAL
    show = work[t00 + n - 1] if fixed else work[t00 + n - 1] - work[off + n - 1] * work[off + n - 1] / work[t44 + n - 1]
    layer = n_layers - 1
    for e in range(n - 1, -1, -1):
        if e < n - 1:
            show = work[t00 + e] - work[off + e] * work[off + e] / (work[t44 + e] + show)
        if e == int(work[w.FIRST * S + layer]):
            value = show
            if layer > 0:
                value = show * work[seen + e] / (show + work[seen + e])
            out[start + 2 * layer + o.DIFFERENTIAL] = value * VACUUM_PERMITTIVITY
            layer -= 1
    out[start + 2 * n_layers + o.DIFFERENTIAL] = work[seen + n] * VACUUM_PERMITTIVITY
