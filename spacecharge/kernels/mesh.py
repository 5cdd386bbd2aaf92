"""The mesh of a whole stack: elements of all layers in a chain, with parameters and starting values on them."""

from __future__ import annotations

import math

import numpy as np

from . import workspace as w
from ._jit import kernel
from .grading import bulk_slope, grade_side, march
from .layout import CODE_START, LAYER_SIZE, LAYER_START, N_LAYERS, N_SPECIES, TRANSPORT_VACANCY
from .workspace import STRIDE as S

NO_CONTACT = -1.0


@kernel
def lay_elements(work, row, codes, species, contact_y, contact_field, tables, resolution, tail):
    """Lay the elements of all layers for given potentials and fields at the contacts; return their number or -1.

    Parameters: `contact_y`, `contact_field` (n_layers, 2) signed y and |dy/dx| at the left and right face of each layer
    (field `NO_CONTACT` where the face is no contact); `tables` (n_layers, 2, 2) of int: entries and sign of the table
    of each face, 0 entries where there is none yet.
    Fills SIZE, LAYER, FIRST, and the starting values of Y and Delta. Returns -1 where the work array is too small.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    capacity = w.CAPACITY
    n = np.int64(0)
    for layer in range(n_layers):
        thickness = row[LAYER_START + LAYER_SIZE * layer]
        permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
        slope = bulk_slope(species, layer, n_species) / permittivity
        counts = (np.int64(0), np.int64(0))
        signs = (1.0, 1.0)
        for side in range(2):
            if contact_field[layer, side] == NO_CONTACT:
                continue
            y = contact_y[layer, side]
            sign = 1.0 if y >= 0.0 else -1.0
            at = w.table_row(layer, side, n_species)
            entries = tables[layer, side, 0]
            if entries == 0 or tables[layer, side, 1] != int(sign) or work[at * S + entries - 1] < abs(y):
                entries = march(work, at, species, layer, n_species, sign, permittivity, resolution, abs(y), math.inf)
                tables[layer, side, 0] = entries
                tables[layer, side, 1] = int(sign)
            count = grade_side(
                work, at, entries, w.side_row(side, n_layers, n_species), n_species, slope, abs(y),
                contact_field[layer, side], resolution, tail,
            )  # fmt: skip
            if side == 0:
                counts, signs = (count, counts[1]), (sign, signs[1])
            else:
                counts, signs = (counts[0], count), (signs[0], sign)
        work[w.FIRST * S + layer] = n
        n = _fill_layer(work, n, capacity, layer, n_layers, n_species, thickness, contact_y, counts, signs)
        if n < 0:
            return -1
    work[w.FIRST * S + n_layers] = n
    return n


@kernel
def _fill_layer(work, n, capacity, layer, n_layers, n_species, thickness, contact_y, counts, signs):
    """Take elements from both contacts, the smaller first, until they meet or the rest is bulk; return new count."""
    left, right = w.side_row(0, n_layers, n_species), w.side_row(1, n_layers, n_species)
    taken_left, taken_right = 0, 0
    rest = thickness
    while True:
        from_left = work[left * S + taken_left] if taken_left < counts[0] else math.inf
        from_right = work[right * S + taken_right] if taken_right < counts[1] else math.inf
        step = min(from_left, from_right)
        if step == math.inf or rest <= 1.5 * step:
            break
        if from_left <= from_right:
            taken_left += 1
        else:
            taken_right += 1
        rest -= step
    total = taken_left + 1 + taken_right
    if n + total > capacity:
        return -1
    bulk = taken_left == counts[0] and taken_right == counts[1]
    # Values at the ends of the closing element.
    ends = (0.0, 0.0)
    slopes = (0.0, 0.0)
    for k in range(taken_left):
        outer = contact_y[layer, 0] if k == 0 else signs[0] * work[(left + 1) * S + k - 1]
        inner = signs[0] * work[(left + 1) * S + k]
        inner_slope = -signs[0] * work[(left + 2) * S + k]
        outer_slope = inner_slope if k == 0 else -signs[0] * work[(left + 2) * S + k - 1]
        _set_element(work, n + k, layer, work[left * S + k], outer, inner, outer_slope, inner_slope, k == 0)
        for s in range(n_species):
            base = w.species_row(s) + w.DELTA
            work[base * S + n + k] = work[(left + 3 + s) * S + k - 1] if k > 0 else math.nan
            work[(base + 4) * S + n + k] = work[(left + 3 + s) * S + k]
        ends, slopes = (inner, ends[1]), (inner_slope, slopes[1])
    if taken_left == 0:
        ends = (contact_y[layer, 0] if counts[0] > 0 else 0.0, ends[1])
    for k in range(taken_right):
        e = n + total - 1 - k
        outer = contact_y[layer, 1] if k == 0 else signs[1] * work[(right + 1) * S + k - 1]
        inner = signs[1] * work[(right + 1) * S + k]
        inner_slope = signs[1] * work[(right + 2) * S + k]
        outer_slope = inner_slope if k == 0 else signs[1] * work[(right + 2) * S + k - 1]
        _set_element(work, e, layer, work[right * S + k], inner, outer, inner_slope, outer_slope, k == 0)
        for s in range(n_species):
            base = w.species_row(s) + w.DELTA
            work[base * S + e] = work[(right + 3 + s) * S + k]
            work[(base + 4) * S + e] = work[(right + 3 + s) * S + k - 1] if k > 0 else math.nan
        ends, slopes = (ends[0], inner), (slopes[0], inner_slope)
    if taken_right == 0:
        # A face without contact: the layer ends in its bulk, or in what the other side leaves of it.
        if counts[1] > 0:
            ends = (ends[0], contact_y[layer, 1])
        else:
            ends = (ends[0], 0.0 if bulk else ends[0])
    if taken_left == 0 and counts[0] == 0 and not bulk:
        ends = (ends[1], ends[1])
    e = n + taken_left
    _set_element(work, e, layer, rest, ends[0], ends[1], 0.0, 0.0, taken_left >= 0)
    if bulk:
        for i in range(1, 4):
            work[(w.Y + i) * S + e] = 0.0
    for s in range(n_species):
        base = w.species_row(s) + w.DELTA
        work[base * S + e] = work[(base + 4) * S + e - 1] if taken_left > 0 else math.nan
        work[(base + 4) * S + e] = work[base * S + e + 1] if taken_right > 0 else math.nan
    return n + total


@kernel
def _set_element(work, e, layer, size, y_left, y_right, slope_left, slope_right, straight):
    """Set size and starting y of an element: Hermite cubic from values and slopes, or a straight line."""
    work[w.SIZE * S + e] = size
    work[w.LAYER * S + e] = layer
    for i in range(5):
        t = (0.0, 0.1726731646460114281, 0.5, 0.8273268353539885719, 1.0)[i]
        if straight:
            work[(w.Y + i) * S + e] = y_left + (y_right - y_left) * t
        else:
            a = (1.0 + 2.0 * t) * (1.0 - t) * (1.0 - t)
            b = t * (1.0 - t) * (1.0 - t) * size
            c = t * t * (t - 1.0) * size
            work[(w.Y + i) * S + e] = a * y_left + (1.0 - a) * y_right + b * slope_left + c * slope_right


@kernel
def start_deltas(work, codes, species, n):
    """Complete the starting Delta: linear in y between the ends of an element, from the bulk slope where unknown."""
    n_species = codes[N_SPECIES]
    for s in range(n_species):
        base = w.species_row(s) + w.DELTA
        for e in range(n):
            p = species[int(work[w.LAYER * S + e]), s]
            for i in (0, 4):
                if not math.isfinite(work[(base + i) * S + e]):
                    work[(base + i) * S + e] = min(max(-p[1] * work[(w.Y + i) * S + e], p[8]), p[9])
            y0, y4 = work[w.Y * S + e], work[(w.Y + 4) * S + e]
            d0, d4 = work[base * S + e], work[(base + 4) * S + e]
            ratio = (d4 - d0) / (y4 - y0) if y4 != y0 else 0.0
            for i in range(1, 4):
                work[(base + i) * S + e] = min(max(d0 + ratio * (work[(w.Y + i) * S + e] - y0), p[8]), p[9])


@kernel
def set_parameters(work, row, codes, species, n):
    """Fill the per-element coefficients of `n` elements and pad to a multiple of 8; return the padded number."""
    n_species = codes[N_SPECIES]
    n_pad = (n + 7) // 8 * 8
    for e in range(n):
        layer = int(work[w.LAYER * S + e])
        permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
        size = work[w.SIZE * S + e]
        work[w.STIFFNESS * S + e] = permittivity / size
        work[w.STRENGTH * S + e] = size * size / permittivity
    for s in range(n_species):
        base = w.species_row(s)
        for e in range(n):
            p = species[int(work[w.LAYER * S + e]), s]
            work[(base + w.STRENGTH_Z) * S + e] = p[0] if p[10] == 0.0 else 0.0
            work[(base + w.STRENGTH_DILUTE) * S + e] = p[0] if p[10] != 0.0 else 0.0
            for k in range(1, 8):
                work[(base + w.STRENGTH_Z + k) * S + e] = p[k]
            conducts = p[11] > 0.0 and p[10] == 0.0
            blocks = codes[CODE_START + 2 * (int(work[w.LAYER * S + e]) * n_species + s) + 1] == TRANSPORT_VACANCY
            work[(base + w.CONDUCT) * S + e] = p[11] if conducts else 0.0
            work[(base + w.KEEP) * S + e] = 0.0 if blocks else 1.0
            work[(base + w.BLOCK) * S + e] = 1.0 / p[3] if blocks else 0.0
            work[(base + w.LOWEST) * S + e] = p[8]
            work[(base + w.HIGHEST) * S + e] = p[9]
    # Padding: harmless elements, so that vector loops have no remainder.
    for e in range(n, n_pad):
        work[w.STIFFNESS * S + e] = 1.0
        work[w.STRENGTH * S + e] = 1.0
        work[w.JUMP * S + e] = 0.0
        for i in range(5):
            work[(w.Y + i) * S + e] = 0.0
        for s in range(n_species):
            base = w.species_row(s)
            for i in range(5):
                work[(base + w.DELTA + i) * S + e] = 0.0
            for k in range(w.STRENGTH_Z, w.SPECIES_ROWS):
                work[(base + k) * S + e] = 0.0
            work[(base + w.THETA_B) * S + e] = 0.5
            work[(base + w.VACANCY_B) * S + e] = 0.5
            work[(base + w.ROOT_THETA) * S + e] = 0.7937005259840998
            work[(base + w.ROOT_VACANCY) * S + e] = 0.7937005259840998
            work[(base + w.LOWEST) * S + e] = -600.0
            work[(base + w.HIGHEST) * S + e] = 600.0
    return n_pad
