"""Before Newton: first potentials of the contacts, steps and charges at their places, halved meshes, gap check."""

from __future__ import annotations

import math

from . import layout as o
from . import workspace as w
from ._jit import kernel, merged
from .element import split_halves
from .ends import given_charge, is_held, place_ends
from .faces import is_contact
from .laws import DELTA_MAX
from .layout import (
    CONTACT_SIZE,
    LAYER_SIZE,
    LAYER_START,
    N_LAYERS,
    N_SPECIES,
    TEMPERATURE,
    contact_start,
    end_start,
)
from .mesh import NO_CONTACT, set_parameters
from .newton import join
from .planes import place_planes
from .species import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from .tables import guess_contact, march, march_lattice
from .workspace import STRIDE as S

# Farthest |y| to which the layer at a surface charge is tabulated: exp of it stays finite.
FARTHEST_WALL = 500.0
# A node this close to the end of its branch, in Delta, touches it.
TOUCH = 1e-9


@merged
def guess_contacts(work, row, codes, species, resolution, memo, guess, general):
    """Fill y and |dy/dx| at every contact as if all layers were thick; `guess` as for `lay_elements`."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    contact_y, contact_field, tables = guess
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    for layer in range(n_layers):
        permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
        for side in range(2):
            contact_field[layer, side] = NO_CONTACT
            contact_y[layer, side] = 0.0
            tables[layer, side, 0] = 0
            if not is_contact(codes, layer, side):
                continue
            contact_field[layer, side] = 0.0
            stop, field = 0.0, math.inf
            plane = layer + side
            if 0 < plane < n_layers:
                step = row[contact_start(n_layers) + CONTACT_SIZE * (plane - 1)] / volt
                sign = 1.0 if (step >= 0.0) == (side == 0) else -1.0
                stop = abs(step)
            else:
                value = row[end_start(n_layers) + side]
                sign = 1.0 if value >= 0.0 else -1.0
                if is_held(codes, side):
                    stop = abs(value) / volt
                    contact_y[layer, side] = value / volt
                else:
                    stop, field = FARTHEST_WALL, abs(given_charge(row, codes, side)) / (VACUUM_PERMITTIVITY * volt)
            at = w.table_row(layer, side, n_species)
            face = (layer, n_species, sign, permittivity)
            if general is None:
                entries = march_lattice(work, at, species, 0, face, resolution, memo, (stop, field))
            else:
                entries = march(work, at, species, face, resolution, memo, (stop, field))
            tables[layer, side, 0] = entries
            tables[layer, side, 1] = int(sign)
            if field < math.inf:
                rate = work[(at + 1) * S] / work[at * S]
                contact_y[layer, side] = sign * min(field / (permittivity * rate), work[at * S + entries - 1])
    for c in range(n_layers - 1):
        step = row[contact_start(n_layers) + CONTACT_SIZE * c] / volt
        eps_left = row[LAYER_START + LAYER_SIZE * c + 1]
        eps_right = row[LAYER_START + LAYER_SIZE * (c + 1) + 1]
        y = guess_contact(
            work, step, w.table_row(c, 1, n_species), tables[c, 1, 0], eps_left,
            w.table_row(c + 1, 0, n_species), tables[c + 1, 0, 0], eps_right,
        )  # fmt: skip
        contact_y[c, 1] = y
        contact_y[c + 1, 0] = y + step


@kernel
def place_jumps(work, row, codes, n):
    """Put steps and areal charges of contacts and ends at their end points."""
    n_layers = codes[N_LAYERS]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    for e in range(n + 1):
        work[w.JUMP * S + e] = 0.0
        work[w.SOURCE * S + e] = 0.0
    for c in range(n_layers - 1):
        at = contact_start(n_layers) + CONTACT_SIZE * c
        e = int(work[w.FIRST * S + c + 1])
        work[w.JUMP * S + e] = row[at] / volt
        work[w.SOURCE * S + e] = row[at + 1] / (VACUUM_PERMITTIVITY * volt)
    place_ends(work, row, codes, n, volt)
    place_planes(work, row, codes)
    join(work, n)


@kernel
def set_up(work, row, codes, species, n, interacting):
    """Fill all that Newton needs of a problem on a mesh of `n` elements."""
    set_parameters(work, row, codes, species, n, interacting)
    place_jumps(work, row, codes, n)


@kernel
def refine(work, codes, n):
    """Cut every element in half, carrying the solution over."""
    split_halves(work, w.Y, n)
    for s in range(codes[N_SPECIES]):
        base = w.species_row(s) + w.DELTA
        split_halves(work, base, n)
    for e in range(n - 1, -1, -1):
        size, layer = 0.5 * work[w.SIZE * S + e], work[w.LAYER * S + e]
        work[w.SIZE * S + 2 * e], work[w.SIZE * S + 2 * e + 1] = size, size
        work[w.LAYER * S + 2 * e], work[w.LAYER * S + 2 * e + 1] = layer, layer
    for layer in range(codes[N_LAYERS] + 1):
        work[w.FIRST * S + layer] *= 2.0


@kernel
def touches_gap(work, codes, species, n):
    """Say whether any node sits at the border of the branch of rising chemical potential."""
    n_species = codes[N_SPECIES]
    for s in range(n_species):
        base = w.species_row(s)
        for e in range(n):
            layer = int(work[w.LAYER * S + e])
            lowest, highest = species[layer, s, o.P_LOWEST], species[layer, s, o.P_HIGHEST]
            if species[layer, s, o.P_STRENGTH] == 0.0 or (lowest == -DELTA_MAX and highest == DELTA_MAX):
                continue
            for i in range(5):
                delta = work[(base + w.DELTA + i) * S + e]
                if (highest < DELTA_MAX and delta >= highest - TOUCH) or (
                    lowest > -DELTA_MAX and delta <= lowest + TOUCH
                ):
                    return True
    return False
