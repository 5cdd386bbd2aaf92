"""Charge density of a layer as a function of its potential, node by node.

With Delta = u - u_b, u = ln[theta/(1 - theta)], a species in equilibrium with its bulk obeys

    g(Delta) = Delta + (4/3) [j_occ (theta^(1/3) - theta_b^(1/3)) - j_vac (n^(1/3) - n_b^(1/3))] = - z y,

n = 1 - theta, j = J/kT, y = e v/kT. Everything is written on expm1(-|Delta|), so that theta - theta_b does not
cancel near the bulk and nothing overflows far from it. With interactions Delta is carried from one Newton
iteration to the next and moves along the linearised equation: the scalar root costs no iteration of its own.
"""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import inlined, kernel, merged
from .element import W0, W1, W2
from .laws import DELTA_MAX, LEAST_SLOPE, interaction_parts, lattice_point, point_state, state_of
from .layout import CODE_START, N_LAYERS, N_SPECIES
from .pool import pool_state
from .rows import LATTICE, POOL, TRANSPORT_VACANCY
from .workspace import STRIDE as S

# Halvings alone bring a bracket of 1200 to its last bit in 64; Newton and halvings share the rest.
INNER_ITERATIONS = 100
# Where the search for Delta ends: the residual, relative to the terms that it is a sum of, or the step, is rounding.
# The bracket is wider than the bound of its derivation by its own rounding.
RESIDUAL_ROUNDING, STEP_ROUNDING, BRACKET_ROUNDING = 1e-16, 1e-15, 1e-12
# Slope by which a step is taken at the least; beyond, the bracket decides.
SHALLOWEST = 1e-12


@inlined
def _ideal(z, y, theta_b, vacancy_b):
    """Return theta - theta_b and d theta/d Delta of a lattice species without interaction."""
    theta, vacancy, change = lattice_point(-z * y, theta_b, vacancy_b)
    return change, theta * vacancy


@inlined
def _interacting(delta, z, y, bulk, bounds):
    """Return theta - theta_b, d theta/d Delta, the inner step of Delta and - d Delta/d y of an interacting species.

    `bulk`: see `counted_delta`; `bounds`: ends of the branch.

    A node at the border of the monotone branch (miscibility gap) that is pushed outward stays there:
    charge then no longer depends on y, which keeps the problem convex.
    """
    theta_b, vacancy_b, occ, vac, root_theta, root_vacancy = bulk
    lowest, highest = bounds
    theta, vacancy, change = lattice_point(delta, theta_b, vacancy_b)
    numerator, denominator, steep = interaction_parts(theta, vacancy, change, occ, vac, root_theta, root_vacancy)
    steep = max(steep, LEAST_SLOPE)
    both = 1.0 / (denominator * steep)
    residual = delta + numerator * (both * steep) + z * y
    stuck = (delta >= highest) & (residual < 0.0) | (delta <= lowest) & (residual > 0.0)
    inverse = 0.0 if stuck else both * denominator
    return change, theta * vacancy, residual * inverse, z * inverse


# The loops over elements of the first species: the five nodes are written out and every row is a constant. Only then
# does LLVM see that rows do not overlap, and vectorises (measured: 2.2 ns a node instead of 11). Further species, and
# dilute ones, take the plain loop of `charge_general`.


@inlined
def _ideal_node(work, at, strength, z, theta_b, vacancy_b):
    """Store charge and slope at one node: entry `at` of the first of its five rows."""
    change, response = _ideal(z, work[w.Y * S + at], theta_b, vacancy_b)
    work[w.CHARGE * S + at] = strength * change
    work[w.SLOPE * S + at] = strength * z * response


@kernel
def ideal_first(work, n):
    """Store charge and slope of the first species, on a lattice without interaction, at all nodes of `n` elements."""
    base = w.SPECIES_START * S
    for e in range(n):
        strength, z = work[base + w.STRENGTH_Z * S + e], work[base + w.CHARGE_Z * S + e]
        theta_b, vacancy_b = work[base + w.THETA_B * S + e], work[base + w.VACANCY_B * S + e]
        _ideal_node(work, e, strength, z, theta_b, vacancy_b)
        _ideal_node(work, e + S, strength, z, theta_b, vacancy_b)
        _ideal_node(work, e + 2 * S, strength, z, theta_b, vacancy_b)
        _ideal_node(work, e + 3 * S, strength, z, theta_b, vacancy_b)
        _ideal_node(work, e + 4 * S, strength, z, theta_b, vacancy_b)


@inlined
def _interacting_node(work, at, strength, z, bulk, bounds):
    """Store the same with interaction, and the inner step."""
    base = w.SPECIES_START * S
    change, response, move, turn = _interacting(work[base + w.DELTA * S + at], z, work[w.Y * S + at], bulk, bounds)
    work[base + w.PULL * S + at] = move
    work[base + w.RATE * S + at] = turn
    work[w.CHARGE * S + at] = strength * (change - response * move)
    work[w.SLOPE * S + at] = strength * response * turn


@kernel
def interacting_first(work, n):
    """Store linearised charge and slope of the first species, on a lattice with interaction; keep the inner step."""
    base = w.SPECIES_START * S
    for e in range(n):
        strength, z = work[base + w.STRENGTH_Z * S + e], work[base + w.CHARGE_Z * S + e]
        theta_b, vacancy_b = work[base + w.THETA_B * S + e], work[base + w.VACANCY_B * S + e]
        occ, vac = work[base + w.OCC * S + e], work[base + w.VAC * S + e]
        root_theta, root_vacancy = work[base + w.ROOT_THETA * S + e], work[base + w.ROOT_VACANCY * S + e]
        bulk = (theta_b, vacancy_b, occ, vac, root_theta, root_vacancy)
        bounds = (work[base + w.LOWEST * S + e], work[base + w.HIGHEST * S + e])
        _interacting_node(work, e, strength, z, bulk, bounds)
        _interacting_node(work, e + S, strength, z, bulk, bounds)
        _interacting_node(work, e + 2 * S, strength, z, bulk, bounds)
        _interacting_node(work, e + 3 * S, strength, z, bulk, bounds)
        _interacting_node(work, e + 4 * S, strength, z, bulk, bounds)


@inlined
def _move_node(work, at, fraction, lowest, highest):
    """Move Delta of the first species at one node."""
    base = w.SPECIES_START * S
    pull = work[base + w.PULL * S + at]
    delta = work[base + w.DELTA * S + at] - fraction * (pull + work[base + w.RATE * S + at] * work[w.STEP * S + at])
    delta = delta if delta > lowest else lowest
    work[base + w.DELTA * S + at] = delta if delta < highest else highest


@kernel
def move_first(work, n, fraction):
    """Move Delta of the first species along its linearised equation, within its branch."""
    base = w.SPECIES_START * S
    for e in range(n):
        lowest, highest = work[base + w.LOWEST * S + e], work[base + w.HIGHEST * S + e]
        _move_node(work, e, fraction, lowest, highest)
        _move_node(work, e + S, fraction, lowest, highest)
        _move_node(work, e + 2 * S, fraction, lowest, highest)
        _move_node(work, e + 3 * S, fraction, lowest, highest)
        _move_node(work, e + 4 * S, fraction, lowest, highest)


@inlined
def _conduct_node(work, at, interacting, z, bulk, ways):
    """Store conductivity and its difference to the bulk at one node; `ways`: conductivity, and what of it is free."""
    theta_b, vacancy_b = bulk
    conduct, keep, block = ways
    delta = work[(w.SPECIES_START + w.DELTA) * S + at] if interacting else -z * work[w.Y * S + at]
    theta, vacancy, change = lattice_point(delta, theta_b, vacancy_b)
    work[w.TOTAL * S + at] = conduct * theta * (keep + block * vacancy)
    work[w.CHANGE * S + at] = conduct * change * (keep + block * (vacancy_b - theta))


@kernel
def conduct_first(work, n, interacting):
    """Store conductivity and its difference to the bulk of the first species (0 where it is dilute)."""
    base = w.SPECIES_START * S
    for e in range(n):
        z, conduct = work[base + w.CHARGE_Z * S + e], work[base + w.CONDUCT * S + e]
        theta_b, vacancy_b = work[base + w.THETA_B * S + e], work[base + w.VACANCY_B * S + e]
        ways = (conduct, work[base + w.KEEP * S + e], work[base + w.BLOCK * S + e])
        _conduct_node(work, e, interacting, z, (theta_b, vacancy_b), ways)
        _conduct_node(work, e + S, interacting, z, (theta_b, vacancy_b), ways)
        _conduct_node(work, e + 2 * S, interacting, z, (theta_b, vacancy_b), ways)
        _conduct_node(work, e + 3 * S, interacting, z, (theta_b, vacancy_b), ways)
        _conduct_node(work, e + 4 * S, interacting, z, (theta_b, vacancy_b), ways)


@inlined
def _interaction_range(occ, vac, root_theta, root_vacancy):
    """Return the least and the largest potential that the interaction can give a species on a lattice."""
    a, b = -4.0 / 3.0 * occ * root_theta, 4.0 / 3.0 * occ * (1.0 - root_theta)
    c, d = 4.0 / 3.0 * vac * root_vacancy, -4.0 / 3.0 * vac * (1.0 - root_vacancy)
    return min(a, b) + min(c, d), max(a, b) + max(c, d)


@inlined
def _dilute_range(target, occ, root_theta):
    """Return between which Delta a dilute species meets the potential ``target = -z y``, far bounds where none is near.

    Delta + a (exp(Delta/3) - 1) = target with a = (4/3) j_occ theta_b^(1/3). Below the bulk the second term lies
    between -a and 0; above it, where it repels, one of the two terms is half the target or more.
    """
    whole = 4.0 / 3.0 * occ * root_theta
    if target <= 0.0:
        return target + min(whole, 0.0), min(target + max(whole, 0.0), 0.0)
    if whole <= 0.0:
        return target, DELTA_MAX
    half = 0.5 * target
    return min(half, 3.0 * math.log1p(half / whole)), min(target, 3.0 * math.log1p(target / whole))


@kernel
def counted_delta(y, z, start, dilute, bulk, bounds):
    """Return Delta of a species at potential `y`, and the iterations: safeguarded Newton on the monotone branch.

    `bulk`: theta_b, 1 - theta_b, J_occ/kT, J_vac/kT and the cube roots of the first two. The answer is one of the
    `bounds` itself where the branch ends there before the potential is met.
    """
    theta_b, vacancy_b, occ, vac, root_theta, root_vacancy = bulk
    lowest, highest = bounds
    if occ == 0.0 and vac == 0.0:
        return min(max(-z * y, lowest), highest), 0
    # Far from the bulk the interaction has done what it can; where sites do not limit, repulsion grows as exp(Delta/3)
    # and Newton comes down it by 3 at a time. A start from there would need dozens of steps.
    if dilute == LATTICE:
        least, most = _interaction_range(occ, vac, root_theta, root_vacancy)
        low, high = -z * y - most, -z * y - least
    else:
        low, high = _dilute_range(-z * y, occ, root_theta)
    slack = BRACKET_ROUNDING * (abs(z * y) + high - low)
    low = min(max(lowest, low - slack), highest)
    high = max(min(highest, high + slack), lowest)
    delta = min(max(start, low), high)
    before = 1e300
    for iteration in range(1, INNER_ITERATIONS + 1):
        _, _, _, _, potential, slope = point_state(
            delta, dilute, theta_b, vacancy_b, occ, vac, root_theta, root_vacancy
        )
        residual = delta + potential + z * y
        if abs(residual) <= RESIDUAL_ROUNDING * (abs(delta) + abs(potential) + abs(z * y)):
            # Rounding of the sum: from here on the iteration would wander.
            return delta, iteration
        if residual > 0.0:
            high = delta
        else:
            low = delta
        move = residual / max(slope, SHALLOWEST)
        trial = delta - move
        # Strong repulsion bends the equation twice: Newton can swing between two points; it has to halve the residual.
        if not low <= trial <= high or abs(residual) > 0.5 * before:
            trial = 0.5 * (low + high)
        before = abs(residual)
        if abs(trial - delta) <= STEP_ROUNDING * max(1.0, abs(delta)):
            return trial, iteration
        delta = trial
    return delta, INNER_ITERATIONS


@kernel
def solve_delta(y, z, start, dilute, bulk, bounds):
    """Return the Delta of :func:`counted_delta` alone."""
    return counted_delta(y, z, start, dilute, bulk, bounds)[0]


@kernel
def delta_of(species, layer, s, y, start):
    """Return the same for a species of a layer."""
    bulk = (
        species[layer, s, o.P_THETA],
        species[layer, s, o.P_VACANCY],
        species[layer, s, o.P_OCC],
        species[layer, s, o.P_VAC],
        species[layer, s, o.P_ROOT_THETA],
        species[layer, s, o.P_ROOT_VACANCY],
    )
    bounds = (species[layer, s, o.P_LOWEST], species[layer, s, o.P_HIGHEST])
    return solve_delta(y, species[layer, s, o.P_Z], start, int(species[layer, s, o.P_DILUTE]), bulk, bounds)


@kernel
def charge_general(work, s, layer, dilute, interacting):
    """Add linearised charge and slope of any species at all nodes of one layer; keep the inner step."""
    base = w.species_row(s)
    first = int(work[w.FIRST * S + layer])
    # The same in all elements of a layer.
    strength = work[(base + w.STRENGTH_DILUTE) * S + first] if dilute else work[(base + w.STRENGTH_Z) * S + first]
    z, theta_b = work[(base + w.CHARGE_Z) * S + first], work[(base + w.THETA_B) * S + first]
    vacancy_b = work[(base + w.VACANCY_B) * S + first]
    occ, vac, root_theta, root_vacancy, lowest, highest = 0.0, 0.0, 1.0, 1.0, -DELTA_MAX, DELTA_MAX
    if interacting:
        occ, vac = work[(base + w.OCC) * S + first], work[(base + w.VAC) * S + first]
        root_theta, root_vacancy = work[(base + w.ROOT_THETA) * S + first], work[(base + w.ROOT_VACANCY) * S + first]
        lowest, highest = work[(base + w.LOWEST) * S + first], work[(base + w.HIGHEST) * S + first]
    for e in range(first, int(work[w.FIRST * S + layer + 1])):
        for i in range(5):
            y = work[(w.Y + i) * S + e]
            delta = work[(base + w.DELTA + i) * S + e] if interacting else -z * y
            _, _, change, response, potential, steep = point_state(
                delta, dilute, theta_b, vacancy_b, occ, vac, root_theta, root_vacancy
            )
            residual = delta + potential + z * y
            stuck = (delta >= highest and residual < 0.0) or (delta <= lowest and residual > 0.0)
            inverse = 0.0 if stuck else 1.0 / max(steep, LEAST_SLOPE)
            pull = residual * inverse
            work[(base + w.PULL + i) * S + e] = pull
            work[(base + w.RATE + i) * S + e] = z * inverse
            work[(w.CHARGE + i) * S + e] += strength * (change - response * pull)
            work[(w.SLOPE + i) * S + e] += strength * z * response * inverse


@kernel
def charge_pool(work, codes, s, layer, interacting):
    """Add charge and slope of a species whose sites others share, at all nodes of one layer.

    What its own slope leaves out (it may be negative), those of the others make up for.
    """
    base = w.species_row(s)
    first = int(work[w.FIRST * S + layer])
    table = pool_table(work, codes, layer)
    strength, z = table[s, o.P_STRENGTH], table[s, o.P_Z]
    for e in range(first, int(work[w.FIRST * S + layer + 1])):
        for i in range(5):
            y = work[(w.Y + i) * S + e]
            # Without an interaction Delta follows y exactly, and its own steps end with the first.
            pull = work[(base + w.DELTA + i) * S + e] + z * y if interacting else 0.0
            _, _, change, response, _ = pool_state(table, s, -z * y)
            work[(base + w.PULL + i) * S + e] = pull
            work[(base + w.RATE + i) * S + e] = z
            work[(w.CHARGE + i) * S + e] += strength * change
            work[(w.SLOPE + i) * S + e] += strength * z * response


@kernel
def pool_table(work, codes, layer):
    """Return the columns of `species.fill_species` that a pool asks for, from the rows of the work array."""
    n_species = codes[N_SPECIES]
    first = int(work[w.FIRST * S + layer])
    table = np.zeros((n_species, o.SPECIES_COLUMNS))
    for s in range(n_species):
        base = w.species_row(s)
        law = codes[CODE_START + 2 * (layer * n_species + s)]
        table[s, o.P_DILUTE] = law
        if law >= POOL:
            table[s, o.P_STRENGTH] = work[(base + w.STRENGTH_DILUTE) * S + first]
            table[s, o.P_Z] = work[(base + w.CHARGE_Z) * S + first]
            table[s, o.P_THETA] = work[(base + w.THETA_B) * S + first]
            table[s, o.P_VACANCY] = work[(base + w.VACANCY_B) * S + first]
    return table


@kernel
def equilibrate(work, codes, n):
    """Solve the inner equation of every species at every node exactly for the present y; return the iterations."""
    n_species = codes[N_SPECIES]
    iterations = 0
    for s in range(n_species):
        base = w.species_row(s)
        for e in range(n):
            dilute = codes[CODE_START + 2 * (int(work[w.LAYER * S + e]) * n_species + s)]
            bulk = (
                work[(base + w.THETA_B) * S + e],
                work[(base + w.VACANCY_B) * S + e],
                work[(base + w.OCC) * S + e],
                work[(base + w.VAC) * S + e],
                work[(base + w.ROOT_THETA) * S + e],
                work[(base + w.ROOT_VACANCY) * S + e],
            )
            bounds = (work[(base + w.LOWEST) * S + e], work[(base + w.HIGHEST) * S + e])
            z = work[(base + w.CHARGE_Z) * S + e]
            for i in range(5):
                at = (base + w.DELTA + i) * S + e
                work[at], more = counted_delta(work[(w.Y + i) * S + e], z, work[at], dilute, bulk, bounds)
                iterations += more
    return iterations


@merged
def move_deltas(work, n_species, n, n_pad, fraction, general):
    """Move Delta of all species along its linearised equation, within its branch; return the largest inner step."""
    move_first(work, n_pad, fraction)
    largest = 0.0
    for s in range(n_species):
        base = w.species_row(s)
        for i in range(5):
            for e in range(n):
                pull = work[(base + w.PULL + i) * S + e]
                largest = max(largest, abs(pull))
                if general is not None and s > 0:
                    move = fraction * (pull + work[(base + w.RATE + i) * S + e] * work[(w.STEP + i) * S + e])
                    delta = max(work[(base + w.DELTA + i) * S + e] - move, work[(base + w.LOWEST) * S + e])
                    work[(base + w.DELTA + i) * S + e] = min(delta, work[(base + w.HIGHEST) * S + e])
    return largest


@kernel
def conductivity(work, codes, species, interacting, general):
    """Fill sigma and its difference to the bulk at all nodes of conducting layers, and EXCESS of their elements."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    first, last = int(work[w.FIRST * S + n_layers]), 0
    for layer in range(n_layers):
        for s in range(n_species):
            if species[layer, s, o.P_CONDUCT] > 0.0:
                first = min(first, int(work[w.FIRST * S + layer]))
                last = max(last, int(work[w.FIRST * S + layer + 1]))
    # Whole groups of eight: vector loops then have no remainder. On a view that starts at the first of them, since
    # indices that might be negative for all that the compiler knows do not vectorise.
    first, last = first // 8 * 8, (last + 7) // 8 * 8
    part, n = work[first:], last - first
    conduct_first(part, n, interacting)
    if general is None:
        relative_excess(part, n)
        return
    for s in range(n_species):
        base = w.species_row(s)
        for layer in range(n_layers):
            if (s == 0 and species[layer, s, o.P_DILUTE] == 0.0) or not species[layer, s, o.P_CONDUCT] > 0.0:
                continue
            z, conduct = species[layer, s, o.P_Z], species[layer, s, o.P_CONDUCT]
            keep, block = 1.0, 0.0
            if codes[CODE_START + 2 * (layer * n_species + s) + 1] == TRANSPORT_VACANCY:
                keep, block = 0.0, 1.0 / species[layer, s, o.P_VACANCY]
            for e in range(int(work[w.FIRST * S + layer]), int(work[w.FIRST * S + layer + 1])):
                for i in range(5):
                    delta = work[(base + w.DELTA + i) * S + e] if interacting else -z * work[(w.Y + i) * S + e]
                    theta, vacancy, change, _, _, _ = state_of(species, layer, s, delta)
                    work[(w.TOTAL + i) * S + e] += conduct * theta * (keep + block * vacancy)
                    work[(w.CHANGE + i) * S + e] += (
                        conduct * change * (keep + block * (species[layer, s, o.P_VACANCY] - theta))
                    )
    relative_excess(part, n)


@kernel
def relative_excess(work, n):
    """Turn TOTAL into sigma_b/sigma - 1, formed from the difference, and integrate it over every element."""
    t, c = w.TOTAL * S, w.CHANGE * S
    for e in range(n):
        # A floor far below any conductivity instead of a division by 0.
        r0, r1 = -work[c + e] / max(work[t + e], 1e-300), -work[c + S + e] / max(work[t + S + e], 1e-300)
        r2 = -work[c + 2 * S + e] / max(work[t + 2 * S + e], 1e-300)
        r3 = -work[c + 3 * S + e] / max(work[t + 3 * S + e], 1e-300)
        r4 = -work[c + 4 * S + e] / max(work[t + 4 * S + e], 1e-300)
        work[t + e], work[t + S + e], work[t + 2 * S + e], work[t + 3 * S + e], work[t + 4 * S + e] = r0, r1, r2, r3, r4
        work[w.EXCESS * S + e] = (W0 * (r0 + r4) + W1 * (r1 + r3) + W2 * r2) * work[w.SIZE * S + e]
