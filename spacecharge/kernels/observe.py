"""Observables of a converged state: charges, fields, widths, resistances, capacitances.

Definitions are those of the functions in `spacecharge.solver.outputs`, which carry the documentation.
"""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import inlined, kernel
from .element import W0, W1, W2, coefficients, evaluate, polynomial
from .ends import end_stiffness
from .faces import is_contact
from .laws import has_vacancies, state_of, threshold_shift
from .layout import (
    LAYER_SIZE,
    LAYER_START,
    N_LAYERS,
    N_SPECIES,
    OF_LEFT,
    OF_RIGHT,
    PLANE_OF,
    TEMPERATURE,
)
from .planes import plane_code, plane_stiffness
from .pool import pool_threshold
from .rows import POOL
from .species import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY, bulk_conductivity, bulk_slope
from .workspace import STRIDE as S

THIN_DEBYE = 0.2e-9
STRONG_FIELD = 1e9
FLAG_DEBYE, FLAG_FIELD, FLAG_THIN = 1, 2, 4
# Where length and excess leave less than this share of the length, the resistance is summed up anew without them.
CANCELLED = 1e-3
# The logarithm of y is interpolated where y stays above this share of the threshold; crossings are found to this step,
# which Newton squares.
LOGARITHM_FROM, CROSSING_STEP = 1e-4, 1e-9
# Regions that fill a layer but for this share fill it.
WHOLE = 1.0 - 1e-12


@inlined
def node_delta(work, species, layer, s, e, i, interacting):
    """Return Delta of a species at node `i` of element `e`."""
    if interacting:
        return work[(w.species_row(s) + w.DELTA + i) * S + e]
    return -species[layer, s, o.P_Z] * work[(w.Y + i) * S + e]


@kernel
def node_deltas(work, species, n_species, layer, e, i, interacting, deltas):
    """Fill `deltas` for node `i` of element `e`."""
    for s in range(n_species):
        deltas[s] = node_delta(work, species, layer, s, e, i, interacting)


@kernel
def point_deltas(work, species, n_species, layer, e, t, interacting, deltas):
    """Fill `deltas` at local coordinate `t` of element `e`, from the element's polynomials."""
    if not interacting:
        y, _ = evaluate(work, w.Y, e, t)
    for s in range(n_species):
        if interacting:
            deltas[s], _ = evaluate(work, w.species_row(s) + w.DELTA, e, t)
        else:
            deltas[s] = -species[layer, s, o.P_Z] * y


@kernel
def threshold_potential(species, layer, s, fraction, sign):
    """Return y at which theta is off bulk by `fraction` of min(theta_b, 1 - theta_b), for the sign of y given."""
    z, theta_b, vacancy_b = species[layer, s, o.P_Z], species[layer, s, o.P_THETA], species[layer, s, o.P_VACANCY]
    if species[layer, s, o.P_DILUTE] >= POOL:
        return sign * pool_threshold(species[layer], s, fraction, sign)
    up = -sign * z > 0.0
    delta = threshold_shift(species[layer, s, o.P_DILUTE], fraction if up else -fraction, theta_b, vacancy_b)
    if species[layer, s, o.P_OCC] == 0.0 and species[layer, s, o.P_VAC] == 0.0:
        return -delta / z
    _, _, _, _, potential, _ = state_of(species, layer, s, delta)
    return -(delta + potential) / z


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
        if sign * inner > sign * level:
            x += size
            continue
        y0, y1, y2 = work[w.Y * S + e] / level, work[(w.Y + 1) * S + e] / level, work[(w.Y + 2) * S + e] / level
        y3, y4 = work[(w.Y + 3) * S + e] / level, work[(w.Y + 4) * S + e] / level
        start = y0 - 1.0
        c1, c2, c3, c4 = polynomial(y1 - y0, y2 - y0, y3 - y0, y4 - y0)
        if min(min(y0, y4), min(y1, min(y2, y3))) > LOGARITHM_FROM:
            # Thresholds mostly lie where y falls exponentially: its logarithm is nearly straight there and interpolates
            # far better. Where field lines cross a layer y itself may be the straighter one.
            z0 = math.log(y0)
            z1, z2, z3, z4 = math.log(y1) - z0, math.log(y2) - z0, math.log(y3) - z0, math.log(y4) - z0
            l1, l2, l3, l4 = polynomial(z1, z2, z3, z4)
            if (abs(l3) + abs(l4)) * abs(y4 - y0) < (abs(c3) + abs(c4)) * abs(z4):
                start, c1, c2, c3, c4 = z0, l1, l2, l3, l4
        low, high = 0.0, 1.0
        t = min(max(start / -(c1 + c2 + c3 + c4), 0.0), 1.0)
        for _ in range(80):
            value = start + t * (c1 + t * (c2 + t * (c3 + t * c4)))
            slope = c1 + t * (2.0 * c2 + t * (3.0 * c3 + t * 4.0 * c4))
            if (value > 0.0) == (side == 0):
                low = t
            else:
                high = t
            trial = t - value / slope if slope != 0.0 else 0.5 * (low + high)
            if not low < trial < high:
                trial = 0.5 * (low + high)
            moved = abs(trial - t)
            t = trial
            if moved <= CROSSING_STEP:
                break
        return e, t, x + size * (t if side == 0 else 1.0 - t)
    e = last - 1 if side == 0 else first
    return e, (1.0 if side == 0 else 0.0), x


@inlined
def integral_to(t, side, c0, c1, c2, c3, c4):
    """Return the integral of a polynomial of local t from one side of an element to t."""
    part = t * (c0 + t * (c1 / 2.0 + t * (c2 / 3.0 + t * (c3 / 4.0 + t * c4 / 5.0))))
    return c0 + c1 / 2.0 + c2 / 3.0 + c3 / 4.0 + c4 / 5.0 - part if side == 1 else part


@kernel
def region_excess(work, layer, side, e_cut, t_cut):
    """Return int (sigma_b/sigma - 1) dx from a contact to local coordinate `t_cut` of element `e_cut` [m].

    Whole elements come from the EXCESS row, the last part from the integral of the polynomial through its nodes.
    """
    first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
    total = 0.0
    if side == 0:
        for e in range(first, e_cut):
            total += work[w.EXCESS * S + e]
        if t_cut >= 1.0:
            return total + work[w.EXCESS * S + e_cut]
    else:
        for e in range(e_cut + 1, last):
            total += work[w.EXCESS * S + e]
        if t_cut <= 0.0:
            return total + work[w.EXCESS * S + e_cut]
    c1, c2, c3, c4 = coefficients(work, w.TOTAL, e_cut)
    part = integral_to(t_cut, side, work[w.TOTAL * S + e_cut], c1, c2, c3, c4)
    return total + part * work[w.SIZE * S + e_cut]


@inlined
def resistance_ratio(work, bulk, e, i):
    """Return sigma_b/sigma at a node, without cancellation: from the conductivity itself where that is the larger."""
    excess, change = work[(w.TOTAL + i) * S + e], work[(w.CHANGE + i) * S + e]
    return bulk / (bulk + change) if excess < -0.5 else 1.0 + excess


@kernel
def relative_resistance(work, bulk, first, last):
    """Return int sigma_b/sigma dx over elements `first` to `last` - 1 as a sum of positive terms [m].

    For layers that conduct far better than their bulk: there length and excess cancel.
    """
    total = 0.0
    for e in range(first, last):
        part = W0 * (resistance_ratio(work, bulk, e, 0) + resistance_ratio(work, bulk, e, 4))
        part += W1 * (resistance_ratio(work, bulk, e, 1) + resistance_ratio(work, bulk, e, 3))
        total += work[w.SIZE * S + e] * (part + W2 * resistance_ratio(work, bulk, e, 2))
    return total


@kernel
def relative_region(work, bulk, layer, side, e_cut, t_cut):
    """Return the same from a contact to local coordinate `t_cut` of element `e_cut` [m]."""
    first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
    first, last = (first, e_cut) if side == 0 else (e_cut + 1, last)
    c0 = resistance_ratio(work, bulk, e_cut, 0)
    c1, c2, c3, c4 = polynomial(
        resistance_ratio(work, bulk, e_cut, 1) - c0,
        resistance_ratio(work, bulk, e_cut, 2) - c0,
        resistance_ratio(work, bulk, e_cut, 3) - c0,
        resistance_ratio(work, bulk, e_cut, 4) - c0,
    )
    part = integral_to(t_cut, side, c0, c1, c2, c3, c4)
    return relative_resistance(work, bulk, first, last) + max(part, 0.0) * work[w.SIZE * S + e_cut]


@kernel
def find_regions(work, codes, species, faces, fraction, everywhere, levels, regions):
    """Fill `regions` (n_layers, 2, 2 + n_species): resistance of the region, its width, width per species.

    Call after `conductivity`. Not `everywhere`: only where something conducts. `levels` (n_layers, n_species, 2)
    remembers the thresholds of a point by the sign of y; NaN where not yet known.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    for layer in range(n_layers):
        bulk = bulk_conductivity(species, layer, n_species)
        conducting = bulk > 0.0
        for side in range(2):
            regions[layer, side, 0] = math.nan
            if not is_contact(codes, layer, side) or not (conducting or everywhere):
                continue
            sign = 1 if faces[layer, side] >= 0.0 else 0
            width, e_cut, t_cut = 0.0, np.int64(-1), 0.0
            for s in range(n_species):
                regions[layer, side, 2 + s] = math.nan
                if species[layer, s, o.P_STRENGTH] == 0.0 or not (everywhere or species[layer, s, o.P_CONDUCT] > 0.0):
                    continue
                level = levels[layer, s, sign]
                if not math.isfinite(level):
                    level = threshold_potential(species, layer, s, fraction, 2.0 * sign - 1.0)
                    levels[layer, s, sign] = level
                e, t, distance = find_crossing(work, layer, side, level)
                regions[layer, side, 2 + s] = distance
                if distance > width and (species[layer, s, o.P_CONDUCT] > 0.0 or not conducting):
                    width, e_cut, t_cut = distance, e, t
            regions[layer, side, 1] = width
            if conducting:
                regions[layer, side, 0] = 0.0
                if e_cut >= 0:
                    length = width + region_excess(work, layer, side, e_cut, t_cut)
                    if length < CANCELLED * width:
                        length = relative_region(work, bulk, layer, side, e_cut, t_cut)
                    regions[layer, side, 0] = length / bulk


@kernel
def observe_layers(work, row, codes, species, faces, regions, interacting, out):
    """Fill the layer blocks of the output row and return the validity flags; call after `find_regions` everywhere."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    flags = 0
    for layer in range(n_layers):
        thickness = row[LAYER_START + LAYER_SIZE * layer]
        permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
        block = o.HEAD_SIZE + layer * o.block_size(n_species)
        first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
        debye = math.sqrt(permittivity / bulk_slope(species, layer, n_species))
        bulk = bulk_conductivity(species, layer, n_species)
        excess = math.nan
        if bulk > 0.0:
            excess = 0.0
            for e in range(first, last):
                excess += work[w.EXCESS * S + e]
        out[block + o.CHARGE] = faces[layer, 4] * VACUUM_PERMITTIVITY * volt
        out[block + o.DEBYE] = debye
        out[block + o.CENTRE] = centre_potential(work, layer) * volt
        out[block + o.EXCESS] = excess / bulk
        length = thickness + excess
        if length < CANCELLED * thickness:
            length = relative_resistance(work, bulk, first, last)
        out[block + o.RESISTANCE] = length / bulk
        if debye < THIN_DEBYE:
            flags |= FLAG_DEBYE
        widths, union, deepest = 0.0, 0.0, 0.0
        for side in range(2):
            at = block + o.FACE_START + side * o.face_size(n_species)
            if not is_contact(codes, layer, side):
                for k in range(o.face_size(n_species)):
                    out[at + k] = math.nan
                continue
            field = -faces[layer, 2 + side] / permittivity * volt
            out[at + o.FACE_POTENTIAL] = faces[layer, side] * volt
            out[at + o.FACE_FIELD] = field
            if abs(field) > STRONG_FIELD:
                flags |= FLAG_FIELD
            e_face, i_face = (first, 0) if side == 0 else (last - 1, 4)
            for s in range(n_species):
                delta = node_delta(work, species, layer, s, e_face, i_face, interacting)
                theta, vacancy, _, _, _, _ = state_of(species, layer, s, delta)
                out[at + o.FACE_SPECIES + 3 * s + o.FACE_THETA] = theta
                out[at + o.FACE_SPECIES + 3 * s + o.FACE_VACANCY] = (
                    vacancy if has_vacancies(species[layer, s, o.P_DILUTE]) else math.nan
                )
                out[at + o.FACE_SPECIES + 3 * s + o.FACE_WIDTH] = regions[layer, side, 2 + s]
                if species[layer, s, o.P_STRENGTH] != 0.0:
                    deepest = max(deepest, regions[layer, side, 2 + s])
            out[at + o.FACE_RESISTANCE] = regions[layer, side, 0]
            widths += regions[layer, side, 1]
            union += regions[layer, side, 0]
        if widths >= thickness * WHOLE:
            union = out[block + o.RESISTANCE]
        if widths >= thickness * WHOLE or deepest >= thickness * WHOLE:
            flags |= FLAG_THIN
        out[block + o.REGION] = union
    return flags


@kernel
def centre_potential(work, layer):
    """Return y in the middle of a layer."""
    first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
    thickness = 0.0
    for e in range(first, last):
        thickness += work[w.SIZE * S + e]
    before = 0.0
    for e in range(first, last):
        size = work[w.SIZE * S + e]
        if before + size >= 0.5 * thickness:
            value, _ = evaluate(work, w.Y, e, (0.5 * thickness - before) / size)
            return value
        before += size
    return work[(w.Y + 4) * S + last - 1]


@kernel
def capacitances(work, codes, n, out):
    """Fill the differential capacitance of every contact from the element stiffnesses (call after `assemble`).

    A contact joins two chains in series; the stiffness that a chain shows at its end follows from eliminating it
    from the far end. Needs the element blocks, which `assemble` leaves in STEP, STEP + 1 and OFF. The chains from both
    ends run side by side, so that their divisions do not wait for each other.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    t00, t44, off = w.STEP * S, (w.STEP + 1) * S, w.OFF * S
    start = o.capacitance_start(n_layers, n_species)
    plane_stiffness(work, codes, n)
    of_plane = w.PLANE_STIFFNESS * S
    # Stiffness seen at an end point from its left and from its right.
    left, right = w.RHS * S, w.DIAGONAL * S
    at_left, at_right = is_contact(codes, 0, 0), is_contact(codes, n_layers - 1, 1)
    # End points up to which each chain is asked for.
    to = n if at_right else int(work[w.FIRST * S + n_layers - 1])
    down = 0 if at_left else int(work[w.FIRST * S + 1])
    a, b = end_stiffness(codes, 0), end_stiffness(codes, 1)
    for k in range(max(to, n - down)):
        i, j = min(k, n - 1), max(n - 1 - k, 0)
        # Not below 0, where a chain that answers to nothing leaves only rounding.
        a = max(work[t44 + i] - work[off + i] * work[off + i] / (work[t00 + i] + a), 0.0)
        b = max(work[t00 + j] - work[off + j] * work[off + j] / (work[t44 + j] + b), 0.0)
        work[left + i + 1] = a
        work[right + j] = b
        # A plane of sites on the way answers as the chain behind it does.
        a += work[of_plane + i + 1]
        b += work[of_plane + j]
    for c in range(n_layers - 1):
        # At its own contact it belongs to one side.
        side, e = plane_code(codes, c, PLANE_OF), int(work[w.FIRST * S + c + 1])
        if side == OF_LEFT:
            work[left + e] += work[of_plane + e]
        elif side == OF_RIGHT:
            work[right + e] += work[of_plane + e]
    for plane in range(n_layers + 1):
        e = int(work[w.FIRST * S + plane])
        value = math.nan
        if plane == 0:
            value = work[right] if at_left else math.nan
        elif plane == n_layers:
            value = work[left + n] if at_right else math.nan
        else:
            value = work[right + e] * work[left + e] / max(work[right + e] + work[left + e], 1e-300)
        out[start + 2 * plane + o.DIFFERENTIAL] = value * VACUUM_PERMITTIVITY
