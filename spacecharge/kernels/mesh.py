"""The mesh of a whole stack: elements of all layers in a chain, with parameters and starting values on them."""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import kernel, merged
from .element import X1
from .ends import takes_any_charge
from .grading import grade_side
from .layout import CODE_START, LAYER_SIZE, LAYER_START, N_LAYERS, N_SPECIES
from .rows import TRANSPORT_VACANCY
from .species import bulk_slope
from .tables import field_at, march, march_lattice
from .workspace import STRIDE as S

NO_CONTACT = -1.0


@kernel
def lay_elements(work, row, codes, species, guess, memo, aim, general):
    """Lay the elements of all layers for given potentials and fields at the contacts; return their number or -1.

    `guess` is what is known of the faces, left and right of each layer: signed y and |dy/dx| (n_layers, 2), the latter
    `NO_CONTACT` where the face is no contact; entries and sign of its table (n_layers, 2, 2) of int, 0 entries where
    there is none yet. `aim`: size of elements in steps of Delta, and |y| that counts as bulk.
    Fills SIZE, LAYER, FIRST, and the starting values of Y and Delta. Returns -1 where the work array is too small.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    contact_y, contact_field, tables = guess
    resolution, tail = aim
    n = np.int64(0)
    for layer in range(n_layers):
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
                face, stop = (layer, n_species, sign, permittivity), (abs(y), math.inf)
                if general is None:
                    entries = march_lattice(work, at, species, 0, face, resolution, memo, stop)
                else:
                    entries = march(work, at, species, face, resolution, memo, stop)
                tables[layer, side, 0] = entries
                tables[layer, side, 1] = int(sign)
        thickness = row[LAYER_START + LAYER_SIZE * layer]
        crossing = _crossing(work, codes, guess, layer, thickness)
        for side in range(2):
            if contact_field[layer, side] == NO_CONTACT:
                continue
            at, side_row = w.table_row(layer, side, n_species), w.side_row(side, n_layers, n_species)
            y, entries, through = contact_y[layer, side], tables[layer, side, 0], crossing
            sign = 1.0 if y >= 0.0 else -1.0
            table = (at, entries, n_species, slope)
            for _ in range(2):
                count = grade_side(work, table, side_row, abs(y), through, resolution, memo, tail)
                if through == 0.0 or not _fits(work, side_row, count, thickness):
                    break
                # No field line crosses a layer that reaches its bulk: what exceeds the table's field is its error, and
                # would shorten all that follows.
                through = 0.0
            if side == 0:
                counts, signs = (count, counts[1]), (sign, signs[1])
            else:
                counts, signs = (counts[0], count), (signs[0], sign)
        work[w.FIRST * S + layer] = n
        n = _fill_layer(work, n, layer, n_layers, n_species, thickness, counts, signs)
        if n < 0:
            return -1
    work[w.FIRST * S + n_layers] = n
    return n


@kernel
def _crossing(work, codes, guess, layer, thickness):
    """Return the square of |dy/dx| that crosses a layer, beyond what a thick layer has at the same y.

    (dy/dx)^2 - 2 int -charge dy is the same all through a layer. At a contact of strong accumulation it is the small
    difference of two squares that hold for 0.2 %; taken there, it would cut the whole layer as fine as the contact.
    It counts at the face where less of it cancels, is 0 where the other end is free of field, and is never more than
    a straight line from face to face has.
    """
    n_species = codes[N_SPECIES]
    contact_y, contact_field, tables = guess
    least, through, fall = math.inf, 0.0, 0.0
    for side in range(2):
        field = contact_field[layer, side]
        if field == NO_CONTACT:
            if not takes_any_charge(codes, 0 if layer == 0 and side == 0 else 1):
                return 0.0
            continue
        y = contact_y[layer, side]
        fall += y if side == 0 else -y
        thick, _ = field_at(work, w.table_row(layer, side, n_species), tables[layer, side, 0], y)
        if thick < least:
            least, through = thick, field * field - thick * thick
    return min(max(through, 0.0), (fall / thickness) ** 2)


@kernel
def _fits(work, row, count, thickness):
    """Say whether all `count` elements of a side fit into the layer."""
    total = 0.0
    for k in range(count):
        total += work[row * S + k]
    return total < thickness


@merged
def _take_elements(work, sides, counts, thickness):
    """Count the elements taken from both contacts, the smaller first, until they meet or the rest is bulk.

    `sides`: first rows of both; returns both numbers and the length that is left.
    """
    left, right = sides
    taken_left, taken_right = 0, 0
    rest = thickness
    while True:
        from_left = work[left * S + taken_left] if taken_left < counts[0] else math.inf
        from_right = work[right * S + taken_right] if taken_right < counts[1] else math.inf
        step = min(from_left, from_right)
        # Asked this way round, sizes that are no numbers end the loop, too.
        if not step < math.inf or not rest > 1.5 * step:
            break
        if from_left <= from_right:
            taken_left += 1
        else:
            taken_right += 1
        rest -= step
    return taken_left, taken_right, rest


@kernel
def _fill_layer(work, n, layer, n_layers, n_species, thickness, counts, signs):
    """Append the elements of a layer, seen from both contacts, and one between them; return their new number."""
    left, right = w.side_row(0, n_layers, n_species), w.side_row(1, n_layers, n_species)
    taken_left, taken_right, rest = _take_elements(work, (left, right), counts, thickness)
    total = taken_left + 1 + taken_right
    if n + total > w.CAPACITY:
        return -1
    # Values, slopes and curvatures at the ends of elements, where rows of Newton are free.
    slope_left, slope_right, bend_left, bend_right = w.STEP * S, (w.STEP + 1) * S, (w.STEP + 2) * S, (w.STEP + 3) * S
    for side in range(2):
        here, taken, sign = left, taken_left, signs[0]
        if side == 1:
            here, taken, sign = right, taken_right, signs[1]
        toward = -sign if side == 0 else sign
        for k in range(taken):
            e = n + k if side == 0 else n + total - 1 - k
            # Column of the left and of the right end of the element.
            a, b = (k, k + 1) if side == 0 else (k + 1, k)
            work[w.SIZE * S + e] = work[here * S + k]
            work[w.Y * S + e] = sign * work[(here + 1) * S + a]
            work[(w.Y + 4) * S + e] = sign * work[(here + 1) * S + b]
            work[slope_left + e] = toward * work[(here + 2) * S + a]
            work[slope_right + e] = toward * work[(here + 2) * S + b]
            work[bend_left + e] = sign * work[(here + 3) * S + a]
            work[bend_right + e] = sign * work[(here + 3) * S + b]
            for s in range(n_species):
                base, at, turn = w.species_row(s) * S, (here + 4 + s) * S, (here + 4 + n_species + s) * S
                work[base + w.DELTA * S + e], work[base + (w.DELTA + 4) * S + e] = work[at + a], work[at + b]
                work[base + w.PULL * S + e] = sign * work[turn + a]
                work[base + (w.PULL + 1) * S + e] = sign * work[turn + b]
    # The closing element: a straight line between what both sides have come to. What no contact knows is bulk, or what
    # the other contact left of it.
    e = n + taken_left
    bulk = taken_left == counts[0] and taken_right == counts[1]
    y_left = signs[0] * work[(left + 1) * S + taken_left] if counts[0] > 0 else 0.0
    y_right = signs[1] * work[(right + 1) * S + taken_right] if counts[1] > 0 else 0.0
    if counts[1] == 0 and not bulk:
        y_right = y_left
    if counts[0] == 0 and not bulk:
        y_left = y_right
    work[w.SIZE * S + e] = rest
    work[w.Y * S + e], work[(w.Y + 4) * S + e] = y_left, y_right
    straight = (y_right - y_left) / rest
    work[slope_left + e], work[slope_right + e] = straight, straight
    work[bend_left + e], work[bend_right + e] = 0.0, 0.0
    for s in range(n_species):
        base = w.species_row(s) * S
        d_left = work[(left + 4 + s) * S + taken_left] if counts[0] > 0 else 0.0
        d_right = work[(right + 4 + s) * S + taken_right] if counts[1] > 0 else 0.0
        if counts[1] == 0 and not bulk:
            d_right = d_left
        if counts[0] == 0 and not bulk:
            d_left = d_right
        work[base + w.DELTA * S + e], work[base + (w.DELTA + 4) * S + e] = d_left, d_right
        straight = (d_right - d_left) / (y_right - y_left) if y_right != y_left else 0.0
        work[base + w.PULL * S + e], work[base + (w.PULL + 1) * S + e] = straight, straight
    part = work[n:]
    for e in range(total):
        size = part[w.SIZE * S + e]
        y0, y4 = part[w.Y * S + e], part[(w.Y + 4) * S + e]
        a, b = size * part[slope_left + e], size * part[slope_right + e]
        c, d = size * size * part[bend_left + e], size * size * part[bend_right + e]
        part[w.LAYER * S + e] = layer
        part[(w.Y + 1) * S + e] = (1.0 - _H3) * y0 + _H3 * y4 + _H1 * a - _H4 * b + _H2 * c + _H5 * d
        part[(w.Y + 2) * S + e] = 0.5 * (y0 + y4) + 0.15625 * (a - b) + 0.015625 * (c + d)
        part[(w.Y + 3) * S + e] = _H3 * y0 + (1.0 - _H3) * y4 + _H4 * a - _H1 * b + _H5 * c + _H2 * d
    if bulk:
        e = n + taken_left
        for i in range(1, 4):
            work[(w.Y + i) * S + e] = 0.0
    return n + total


# Hermite quintic at the first mid node: shares of left slope and curvature, of right value, slope and curvature.
_H1 = X1 * (1.0 - X1) ** 3 * (1.0 + 3.0 * X1)
_H2 = 0.5 * X1**2 * (1.0 - X1) ** 3
_H3 = X1**3 * (10.0 - 15.0 * X1 + 6.0 * X1**2)
_H4 = X1**3 * (1.0 - X1) * (4.0 - 3.0 * X1)
_H5 = 0.5 * X1**3 * (1.0 - X1) ** 2


@kernel
def start_deltas(work, codes, species, n):
    """Complete the starting Delta: the cubic in y with the slopes at both ends of an element, which PULL holds."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    for s in range(n_species):
        d, turn = (w.species_row(s) + w.DELTA) * S, (w.species_row(s) + w.PULL) * S
        for layer in range(n_layers):
            lowest, highest = species[layer, s, o.P_LOWEST], species[layer, s, o.P_HIGHEST]
            first = int(work[w.FIRST * S + layer])
            part = work[first:]
            for e in range(int(work[w.FIRST * S + layer + 1]) - first):
                y0, d0, d4 = part[w.Y * S + e], part[d + e], part[d + 4 * S + e]
                h = part[(w.Y + 4) * S + e] - y0
                inverse = 1.0 / (h if h != 0.0 else 1.0)
                a, b = h * part[turn + e], h * part[turn + S + e]
                c2, c3 = 3.0 * (d4 - d0) - 2.0 * a - b, 2.0 * (d0 - d4) + a + b
                for i in range(1, 4):
                    t = (part[(w.Y + i) * S + e] - y0) * inverse
                    delta = d0 + t * (a + t * (c2 + t * c3))
                    part[d + i * S + e] = min(max(delta, lowest), highest)


@kernel
def set_parameters(work, row, codes, species, n, interacting):
    """Fill the per-element coefficients of `n` elements and pad to a multiple of 8; return the padded number.

    Without `interacting`, what only the interaction asks for is left out.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    n_pad = w.padded(n)
    # Padding: neutral elements of the last layer.
    for e in range(n, n_pad + 8):
        work[w.SIZE * S + e] = 1.0
    for e in range(n, n_pad):
        work[w.JUMP * S + e] = 0.0
        for i in range(5):
            work[(w.Y + i) * S + e] = 0.0
            for s in range(n_species):
                work[(w.species_row(s) + w.DELTA + i) * S + e] = 0.0
    for layer in range(n_layers):
        first = int(work[w.FIRST * S + layer])
        last = n_pad if layer == n_layers - 1 else int(work[w.FIRST * S + layer + 1])
        permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
        # A view from the first element on: an index that might be negative, for all the compiler knows, does not
        # vectorise. Whole groups of eight: what reaches into the next layer is overwritten by that layer.
        part, m = work[first:], (last - first + 7) // 8 * 8
        for e in range(m):
            size = part[w.SIZE * S + e]
            part[w.STIFFNESS * S + e] = permittivity / size
            part[w.STRENGTH * S + e] = size * size / permittivity
        for s in range(n_species):
            base = w.species_row(s) * S
            on_lattice = species[layer, s, o.P_DILUTE] == 0.0
            lattice, dilute = (
                (species[layer, s, o.P_STRENGTH], 0.0) if on_lattice else (0.0, species[layer, s, o.P_STRENGTH])
            )
            z, theta_b, vacancy_b = (
                species[layer, s, o.P_Z],
                species[layer, s, o.P_THETA],
                species[layer, s, o.P_VACANCY],
            )
            occ, vac, root_theta, root_vacancy, lowest, highest = (
                species[layer, s, o.P_OCC],
                species[layer, s, o.P_VAC],
                species[layer, s, o.P_ROOT_THETA],
                species[layer, s, o.P_ROOT_VACANCY],
                species[layer, s, o.P_LOWEST],
                species[layer, s, o.P_HIGHEST],
            )
            conduct = species[layer, s, o.P_CONDUCT] if species[layer, s, o.P_CONDUCT] > 0.0 and on_lattice else 0.0
            blocks = codes[CODE_START + 2 * (layer * n_species + s) + 1] == TRANSPORT_VACANCY
            keep, block = (0.0, 1.0 / species[layer, s, o.P_VACANCY]) if blocks else (1.0, 0.0)
            for e in range(m):
                part[base + w.STRENGTH_Z * S + e] = lattice
                part[base + w.STRENGTH_DILUTE * S + e] = dilute
                part[base + w.CHARGE_Z * S + e] = z
                part[base + w.THETA_B * S + e] = theta_b
                part[base + w.VACANCY_B * S + e] = vacancy_b
                part[base + w.CONDUCT * S + e] = conduct
                part[base + w.KEEP * S + e] = keep
                part[base + w.BLOCK * S + e] = block
            if interacting:
                for e in range(m):
                    part[base + w.OCC * S + e] = occ
                    part[base + w.VAC * S + e] = vac
                    part[base + w.ROOT_THETA * S + e] = root_theta
                    part[base + w.ROOT_VACANCY * S + e] = root_vacancy
                    part[base + w.LOWEST * S + e] = lowest
                    part[base + w.HIGHEST * S + e] = highest
    return n_pad
