"""The common shift of all potentials where layers that are empty or full leave it to the last traces of charge.

With both ends free the shift follows from the total charge alone. Where every layer is empty or full to rounding, the
sum of charges cancels and Newton's system no longer knows the shift. Here the charge of a layer is split into what it
holds when empty or full, a sum that is formed once and in twice the digits, and what is left over: theta where it is
empty, -(1 - theta) where it is full. The left-overs keep all their digits. What is above zero falls with the shift and
what is below grows, each exponentially: the logarithm of their ratio is nearly straight, and a secant finds its root.
"""

from __future__ import annotations

import math

import numpy as np

from . import workspace as w
from ._jit import inlined, kernel
from .element import W0, W1, W2
from .ends import given_charge, takes_any_charge
from .laws import has_vacancies, point_state
from .layout import (
    CODE_START,
    CONTACT_SIZE,
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
    species_start,
)
from .planes import has_planes
from .pool import pool_state
from .rows import POOL
from .species import ELEMENTARY_CHARGE, reference_density
from .statistics import equilibrate, pool_table
from .workspace import STRIDE as S

# Relative rounding of a sum of charges, and the uncertainty of the shift (in kT/e) from which on it is found here.
ROUNDING_OF_SUM = 4e-16
LARGEST_DOUBT = 1e-9
# Response over stiffness below which elimination loses the first four digits of the response.
LEAST_RESPONSE = 1e-11
# The longest first trial shift (in kT/e), its doublings, cuts of the bracket after that; below the last is rounding.
LONGEST_TRIAL, DOUBLINGS, CUTS, ROUNDING_OF_SHIFT = 100.0, 24, 80, 1e-15
# Instead of the logarithm of nothing.
LEAST_CHARGE = 1e-290


@kernel
def loses_level(work, codes, n):
    """Say whether rounding leaves the common shift of all potentials in doubt: both ends free, hardly any response."""
    if has_planes(codes):
        return False
    for side in range(2):
        if takes_any_charge(codes, side):
            return False
    charge, slope, stiffness = 0.0, 0.0, 0.0
    q, c = w.CHARGE * S, w.SLOPE * S
    for e in range(n):
        # The five nodes at once: every solve comes here, and chains of additions are what it would wait for.
        ends = W0 * (abs(work[q + e]) + abs(work[q + 4 * S + e]))
        middle = W1 * (abs(work[q + S + e]) + abs(work[q + 3 * S + e])) + W2 * abs(work[q + 2 * S + e])
        charge += work[w.SIZE * S + e] * (ends + middle)
        ends = W0 * (work[c + e] + work[c + 4 * S + e])
        middle = W1 * (work[c + S + e] + work[c + 3 * S + e]) + W2 * work[c + 2 * S + e]
        slope += work[w.SIZE * S + e] * (ends + middle)
        stiffness += work[w.STIFFNESS * S + e]
    return slope < max(ROUNDING_OF_SUM / LARGEST_DOUBT * charge, LEAST_RESPONSE * stiffness)


@inlined
def _split(a):
    big = 134217729.0 * a
    high = big - (big - a)
    return high, a - high


@inlined
def exact_product(a, b):
    """Return a b as the sum of two numbers (T. J. Dekker, Numer. Math. 18, 224 (1971))."""
    p = a * b
    a1, a2 = _split(a)
    b1, b2 = _split(b)
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


@inlined
def exact_sum(a, b):
    """Return a + b as the sum of two numbers (D. E. Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@kernel
def _room(row, codes, layer, s):
    """Return 1 - theta_b of a species: the empty share, and what other species hold of its sites."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    law = codes[CODE_START + 2 * (layer * n_species + s)]
    start = species_start(n_layers)
    room = row[start + SPECIES_SIZE * (layer * n_species + s) + VACANCY]
    if law >= POOL:
        for j in range(n_species):
            if j != s and codes[CODE_START + 2 * (layer * n_species + j)] == law:
                room += row[start + SPECIES_SIZE * (layer * n_species + j) + THETA]
    return room


@kernel
def saturated_charge(row, codes, filled):
    """Return the charge of all layers empty or full (`filled`, (n_layers, n_species)) and all faces, in e [m^-2]."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    total, rest = 0.0, 0.0
    for side in range(2):
        total, error = exact_sum(total, given_charge(row, codes, side) / ELEMENTARY_CHARGE)
        rest += error
    for c in range(n_layers - 1):
        charge = row[contact_start(n_layers) + CONTACT_SIZE * c + 1] / ELEMENTARY_CHARGE
        total, error = exact_sum(total, charge)
        rest += error
    for layer in range(n_layers):
        for s in range(n_species):
            at = species_start(n_layers) + SPECIES_SIZE * (layer * n_species + s)
            share = _room(row, codes, layer, s) if filled[layer, s] else -row[at + THETA]
            # The densities of metres and the lengths of nanometres meet far from overflow.
            p, p_rest = exact_product(row[at + SITES], row[LAYER_START + LAYER_SIZE * layer])
            q, q_rest = exact_product(row[at + Z], share)
            whole, error = exact_product(p, q)
            rest += error + p * q_rest + p_rest * q
            total, error = exact_sum(total, whole)
            rest += error
    return total + rest


@kernel
def _left_over(work, codes, filled, interacting):
    """Return what is left over in all layers above and below zero, both as positive sums [m^-1 of eps0 kT/e]."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    above, below = 0.0, 0.0
    for layer in range(n_layers):
        first, last = int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])
        for s in range(n_species):
            base = w.species_row(s)
            dilute = codes[CODE_START + 2 * (layer * n_species + s)]
            strength = work[((base + w.STRENGTH_DILUTE) if dilute else (base + w.STRENGTH_Z)) * S + first]
            z, theta_b = work[(base + w.CHARGE_Z) * S + first], work[(base + w.THETA_B) * S + first]
            vacancy_b = work[(base + w.VACANCY_B) * S + first]
            if strength == 0.0:
                continue
            root_vacancy = work[(base + w.ROOT_VACANCY) * S + first] if interacting else 1.0
            table = pool_table(work, codes, layer)
            for e in range(first, last):
                part = 0.0
                for i in range(5):
                    weight = W2 if i == 2 else (W0 if i == 0 or i == 4 else W1)
                    y = work[(w.Y + i) * S + e]
                    delta = work[(base + w.DELTA + i) * S + e] if interacting else -z * y
                    if dilute >= POOL:
                        theta, vacancy, _, _, others = pool_state(table, s, delta)
                        vacancy += others
                    else:
                        theta, vacancy, _, _, _, _ = point_state(
                            delta, dilute, theta_b, vacancy_b, 0.0, 0.0, 1.0, root_vacancy
                        )
                    part += weight * (-vacancy if filled[layer, s] else theta)
                part *= strength * work[w.SIZE * S + e]
                above += max(part, 0.0)
                below += max(-part, 0.0)
    return above, below


@inlined
def _imbalance(work, codes, filled, fixed, interacting):
    """Return the logarithm of all that is above zero over all that is below."""
    above, below = _left_over(work, codes, filled, interacting)
    above += max(fixed, 0.0) + LEAST_CHARGE
    below += max(-fixed, 0.0) + LEAST_CHARGE
    if abs(above - below) < 0.5 * below:
        return math.log1p((above - below) / below)
    return math.log(above) - math.log(below)


@kernel
def _shift(work, codes, n, amount, interacting):
    """Move all potentials by `amount`, with the inner equations solved exactly; return their iterations."""
    for i in range(5):
        for e in range(n):
            work[(w.Y + i) * S + e] += amount
    return equilibrate(work, codes, n) if interacting else 0


@kernel
def find_level(work, row, codes, n, interacting):
    """Shift all potentials so that the charges add up to zero; leaves charge and slope as they were.

    Returns what it took: shifts of the whole mesh, and iterations of the inner equations.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    filled = np.zeros((n_layers, n_species), dtype=np.bool_)
    for layer in range(n_layers):
        middle = (int(work[w.FIRST * S + layer]) + int(work[w.FIRST * S + layer + 1])) // 2
        for s in range(n_species):
            limited = has_vacancies(codes[CODE_START + 2 * (layer * n_species + s)])
            z = work[(w.species_row(s) + w.CHARGE_Z) * S + middle]
            filled[layer, s] = limited and z * work[(w.Y + 2) * S + middle] < 0.0
            law = codes[CODE_START + 2 * (layer * n_species + s)]
            for j in range(n_species if law >= POOL else 0):
                # Of a pool, the state with the largest charge of the right sign takes all sites.
                if j != s and codes[CODE_START + 2 * (layer * n_species + j)] == law:
                    other = work[(w.species_row(j) + w.CHARGE_Z) * S + middle]
                    drive = (other - z) * work[(w.Y + 2) * S + middle]
                    filled[layer, s] = filled[layer, s] and (drive > 0.0 or (drive == 0.0 and j > s))
    fixed = saturated_charge(row, codes, filled) * reference_density(row[TEMPERATURE])
    # Charge falls as the potential rises.
    first = _imbalance(work, codes, filled, fixed, interacting)
    sign, f_near, f_far = 1.0 if first > 0.0 else -1.0, abs(first), 0.0
    near, far, at = 0.0, max(min(f_near, LONGEST_TRIAL), 1.0), 0.0
    shifts, iterations, side = 0, 0, 0
    for _ in range(DOUBLINGS):
        iterations += _shift(work, codes, n, sign * (far - at), interacting)
        shifts += 1
        at = far
        f_far = sign * _imbalance(work, codes, filled, fixed, interacting)
        if not f_far > 0.0:
            break
        near, f_near, far = far, f_far, 2.0 * far
    for cut in range(CUTS):
        # Secants of the bracket; an end that stays counts half (Illinois), and every fourth cut halves, come what may.
        trial = near + (far - near) * f_near / (f_near - f_far) if cut % 4 < 3 else 0.5 * (near + far)
        if not near < trial < far or abs(f_far) <= ROUNDING_OF_SHIFT:
            break
        iterations += _shift(work, codes, n, sign * (trial - at), interacting)
        shifts += 1
        done = abs(trial - at) <= ROUNDING_OF_SHIFT * trial
        at = trial
        value = sign * _imbalance(work, codes, filled, fixed, interacting)
        if done or abs(value) <= ROUNDING_OF_SHIFT:
            break
        if value > 0.0:
            near, f_near = trial, value
            f_far *= 0.5 if side > 0 else 1.0
            side = 1
        else:
            far, f_far = trial, value
            f_near *= 0.5 if side < 0 else 1.0
            side = -1
    return shifts, iterations
