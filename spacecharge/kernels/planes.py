"""Planes of sites in contacts: an areal charge that follows the potential of the plane, inside Newton.

A plane holds ``n`` sites per area, level with the neutral bulk of the layer that it belongs to:
``ln[theta/(1-theta)] = ln[theta_b/(1-theta_b)] - [E_seg + z e v]/kT``, v the potential on that layer's side. Its charge
``z e n (theta - theta_b)``, or ``z e n theta`` beside a background of its own, sits on the contact's node and falls
with the potential: the discrete problem stays convex.
"""

from __future__ import annotations

import math

from . import workspace as w
from ._jit import inlined, kernel
from .layout import (
    N_LAYERS,
    N_SPECIES,
    PLANE_CODES,
    PLANE_DENSITY,
    PLANE_ENERGY,
    PLANE_NEUTRAL,
    PLANE_OF,
    PLANE_SPECIES,
    SPECIES_SIZE,
    TEMPERATURE,
    THETA,
    VACANCY,
    Z,
    contact_column,
    plane_start,
    species_start,
)
from .species import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY, reference_density
from .workspace import STRIDE as S

# What is kept of each plane, one after the other in the row PLANES: z n in units of eps0 kT/e [m^-1], z, ln of the odds
# at v = 0, charge that does not follow, side (0 none, 1 left, 2 right), - d charge/d y.
STRENGTH, CHARGE_Z, ODDS, FIXED, SIDE, RESPONSE, PLANE_SIZE = range(7)


@inlined
def plane_code(codes, c, which):
    """Return an integer of the plane in inner contact `c`."""
    return codes[plane_start(codes[N_LAYERS], codes[N_SPECIES]) + PLANE_CODES * c + which]


@kernel
def has_planes(codes):
    """Say whether any contact holds a plane of sites."""
    for c in range(codes[N_LAYERS] - 1):
        if plane_code(codes, c, PLANE_OF) != 0:
            return True
    return False


@inlined
def plane_species(codes, c):
    """Return the column of the species of the plane in contact `c` among an input row's."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    layer = c + plane_code(codes, c, PLANE_OF) - 1
    return species_start(n_layers) + SPECIES_SIZE * (layer * n_species + plane_code(codes, c, PLANE_SPECIES))


@inlined
def filled_share(u):
    """Return theta and 1 - theta of log-odds `u`."""
    small = math.exp(-abs(u))
    large = 1.0 / (1.0 + small)
    return (large, small * large) if u >= 0.0 else (small * large, large)


@kernel
def place_planes(work, row, codes):
    """Put the numbers of every plane into the row PLANES; their charge without carriers is in SOURCE already."""
    n_layers = codes[N_LAYERS]
    kt = BOLTZMANN * row[TEMPERATURE]
    for c in range(n_layers - 1):
        at = w.PLANES * S + PLANE_SIZE * c
        of = plane_code(codes, c, PLANE_OF)
        work[at + SIDE] = of
        work[at + RESPONSE] = 0.0
        if of == 0:
            continue
        column = contact_column(n_layers, c)
        s = plane_species(codes, c)
        theta, vacancy = row[s + THETA], row[s + VACANCY]
        strength = row[s + Z] * row[column + PLANE_DENSITY] * reference_density(row[TEMPERATURE])
        work[at + STRENGTH] = strength
        work[at + CHARGE_Z] = row[s + Z]
        work[at + ODDS] = math.log(theta) - math.log(vacancy) - row[column + PLANE_ENERGY] / kt
        work[at + FIXED] = work[w.SOURCE * S + int(work[w.FIRST * S + c + 1])]
        if plane_code(codes, c, PLANE_NEUTRAL) != 0:
            work[at + FIXED] -= strength * theta


@inlined
def plane_potential(work, at, e):
    """Return y of the plane whose numbers begin at `at`, on the side it belongs to, at end point `e`."""
    return work[(w.Y + 4) * S + e - 1] if work[at + SIDE] == 1.0 else work[w.Y * S + e]


@kernel
def charge_planes(work, codes):
    """Fill the charge of every plane into SOURCE, and how it responds, from the present potentials."""
    for c in range(codes[N_LAYERS] - 1):
        at = w.PLANES * S + PLANE_SIZE * c
        if work[at + SIDE] == 0.0:
            continue
        e = int(work[w.FIRST * S + c + 1])
        z = work[at + CHARGE_Z]
        theta, vacancy = filled_share(work[at + ODDS] - z * plane_potential(work, at, e))
        work[w.SOURCE * S + e] = work[at + FIXED] + work[at + STRENGTH] * theta
        work[at + RESPONSE] = work[at + STRENGTH] * z * theta * vacancy


@kernel
def stiffen_planes(work, codes):
    """Add the response of every plane to the diagonal of the end points' system (call after `assemble`)."""
    for c in range(codes[N_LAYERS] - 1):
        at = w.PLANES * S + PLANE_SIZE * c
        if work[at + SIDE] != 0.0:
            work[w.DIAGONAL * S + int(work[w.FIRST * S + c + 1])] += work[at + RESPONSE]


@kernel
def linearise_planes(work, codes):
    """Carry the charge of every plane along the step just made, as `newton.linearise_charge` does for layers."""
    for c in range(codes[N_LAYERS] - 1):
        at = w.PLANES * S + PLANE_SIZE * c
        if work[at + SIDE] != 0.0:
            e = int(work[w.FIRST * S + c + 1])
            work[w.SOURCE * S + e] -= work[at + RESPONSE] * work[w.STEP * S + e]


@kernel
def plane_stiffness(work, codes, n):
    """Fill the row PLANE_STIFFNESS with the responses at their end points, 0 elsewhere."""
    for e in range(n + 1):
        work[w.PLANE_STIFFNESS * S + e] = 0.0
    for c in range(codes[N_LAYERS] - 1):
        at = w.PLANES * S + PLANE_SIZE * c
        if work[at + SIDE] != 0.0:
            work[w.PLANE_STIFFNESS * S + int(work[w.FIRST * S + c + 1])] = work[at + RESPONSE]


@kernel
def plane_capacitances(work, row, codes, values):
    """Fill - d charge/d phi of every plane in the state of `work`, 0 where a contact has none [F/m2]."""
    place_planes(work, row, codes)
    charge_planes(work, codes)
    for c in range(codes[N_LAYERS] - 1):
        values[c] = VACUUM_PERMITTIVITY * work[w.PLANES * S + PLANE_SIZE * c + RESPONSE]


@kernel
def plane_bounds(row, codes, c):
    """Return the lowest and highest areal charge that the sites of the plane in contact `c` can hold [C/m2]."""
    if plane_code(codes, c, PLANE_OF) == 0:
        return 0.0, 0.0
    s = plane_species(codes, c)
    whole = row[s + Z] * ELEMENTARY_CHARGE * row[contact_column(codes[N_LAYERS], c) + PLANE_DENSITY]
    below = row[s + THETA] if plane_code(codes, c, PLANE_NEUTRAL) != 0 else 0.0
    empty, full = -whole * below, whole * (1.0 - below)
    return min(empty, full), max(empty, full)


@kernel
def plane_tangent(work, row, move, codes, c, y):
    """Return the derivative of a plane's charge at fixed v along `move`, in units of eps0 kT/e [m^-1].

    `y` is its potential before rows of `work` were overwritten. The fixed charge of the contact is not in it.
    """
    n_layers = codes[N_LAYERS]
    at, column, s = w.PLANES * S + PLANE_SIZE * c, contact_column(n_layers, c), plane_species(codes, c)
    kt, warm = BOLTZMANN * row[TEMPERATURE], move[TEMPERATURE] / row[TEMPERATURE]
    z = row[s + Z]
    theta, vacancy = filled_share(work[at + ODDS] - z * y)
    is_neutral = plane_code(codes, c, PLANE_NEUTRAL) != 0
    change = theta - (row[s + THETA] if is_neutral else 0.0)
    relative = move[s + Z] / z
    if row[column + PLANE_DENSITY] > 0.0:
        relative += move[column + PLANE_DENSITY] / row[column + PLANE_DENSITY]
    shift = move[s + THETA] / row[s + THETA] - move[s + VACANCY] / row[s + VACANCY]
    shift += (row[column + PLANE_ENERGY] * warm - move[column + PLANE_ENERGY]) / kt
    shift += z * y * warm - move[s + Z] * y
    result = work[at + STRENGTH] * (relative * change + theta * vacancy * shift)
    return result - (work[at + STRENGTH] * move[s + THETA] if is_neutral else 0.0)
