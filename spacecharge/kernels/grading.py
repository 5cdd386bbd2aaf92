"""Meshes made for the solution: element ends where the potential of a thick layer says they belong.

Seen from a contact, the potential of a layer falls to its bulk along a curve whose slope follows from the first
integral of the equation, E^2 = 2 G(y), G = int -charge dy. Element ends are set in y, not in x: steps of a fixed
share of the change that the statistics feels (|dDelta| of about one), a fixed ratio where the decay is
exponential, and their distances follow from dy / E. The same tables give the first guess of the contact potential.
They only place nodes and start Newton; what the nodes carry is decided by the discrete equations, on any mesh.
"""

from __future__ import annotations

import math

import numpy as np

from . import workspace as w
from ._jit import inlined, kernel
from .layout import (
    CODE_START,
    DIFFUSIVITY,
    J_OCC,
    J_VAC,
    N_LAYERS,
    N_SPECIES,
    SITES,
    SPECIES_SIZE,
    TEMPERATURE,
    THETA,
    VACANCY,
    Z,
    species_start,
)
from .statistics import DELTA_MAX, interaction, lattice_point, point_state, solve_delta
from .workspace import STRIDE as S

BOLTZMANN = 1.380649e-23
ELEMENTARY_CHARGE = 1.602176634e-19
VACUUM_PERMITTIVITY = 8.8541878188e-12

# Below this |y| a layer is linear to a few per cent, enough to place nodes.
LINEAR = 0.05
# Distance over which element sizes grow e-fold in the exponential tail, in Debye lengths: the weight of an error there
# falls as exp(-2 x) and the element of order 8 turns that into a growth exp(x / 4).
GROWTH = 4.0
SHORTEST_TAIL = 9.0
"""Debye lengths between a contact and the mesh's end where nothing is left to resolve: 2 exp(-18) of the contact's
potential and capacitance."""


@inlined
def reference_density(temperature):
    """Return e / (eps0 kT/e): number density times this is the charge in units of eps0 kT/e [m]."""
    return ELEMENTARY_CHARGE / (VACUUM_PERMITTIVITY * BOLTZMANN * temperature / ELEMENTARY_CHARGE)


@kernel
def spinodal_bounds(theta_b, vacancy_b, occ, vac):
    """Return lowest and highest Delta of the branch of rising mu around the bulk, and whether the bulk is stable.

    Only attraction (a negative J) can end a branch. The slope 1 + (4/9)(j_occ theta^(1/3) n + j_vac n^(1/3) theta) is
    scanned in Delta on both sides of the bulk and the first zero refined by bisection.
    """
    low, high, stable = -600.0, 600.0, True
    if occ >= 0.0 and vac >= 0.0:
        return low, high, stable
    root_theta, root_vacancy = theta_b ** (1.0 / 3.0), vacancy_b ** (1.0 / 3.0)
    if 1.0 + (4.0 / 9.0) * (occ * root_theta * vacancy_b + vac * root_vacancy * theta_b) <= 0.0:
        return 0.0, 0.0, False
    # Occupancies from 1e-12 to 1 - 1e-12: outside, the cube roots times the other fraction are below 1e-4 |j|.
    bulk = math.log(theta_b / vacancy_b)
    for direction in range(2):
        sign = 1.0 if direction == 1 else -1.0
        inside, step = 0.0, 0.02
        found = False
        while -28.0 < bulk + sign * inside < 28.0 or inside == 0.0:
            outside = inside + step
            if _branch_slope(bulk + sign * outside, occ, vac) <= 0.0:
                found = True
                break
            inside = outside
            if inside > 700.0:
                break
        if found:
            outside = inside + step
            for _ in range(60):
                middle = 0.5 * (inside + outside)
                if _branch_slope(bulk + sign * middle, occ, vac) <= 0.0:
                    outside = middle
                else:
                    inside = middle
            if direction == 1:
                high = inside
            else:
                low = -inside
    return low, high, stable


@inlined
def _branch_slope(u, occ, vac):
    theta = 1.0 / (1.0 + math.exp(-u)) if u > -700.0 else 0.0
    vacancy = 1.0 / (1.0 + math.exp(u)) if u < 700.0 else 0.0
    return 1.0 + (4.0 / 9.0) * (occ * theta ** (1.0 / 3.0) * vacancy + vac * vacancy ** (1.0 / 3.0) * theta)


@kernel
def fill_species(row, codes, species):
    """Fill `species` (n_layers, n_species, 12) with what the statistics needs, in reduced units; return gap flag.

    Columns: strength z e N / (eps0 kT/e) [m^-2], z, theta_b, 1 - theta_b, j_occ, j_vac, cube roots of the two
    fractions, lowest and highest Delta, dilute code, conductivity prefactor z^2 e^2 N D / kT [S/m] (NaN without D).
    Returns the index of the first layer whose bulk lies in a miscibility gap, or -1.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    temperature = row[TEMPERATURE]
    kt = BOLTZMANN * temperature
    density = reference_density(temperature)
    start = species_start(n_layers)
    unstable = -1
    for layer in range(n_layers):
        for s in range(n_species):
            at = start + SPECIES_SIZE * (layer * n_species + s)
            z, sites, theta, vacancy = row[at + Z], row[at + SITES], row[at + THETA], row[at + VACANCY]
            occ, vac = row[at + J_OCC] / kt, row[at + J_VAC] / kt
            out = species[layer, s]
            dilute = codes[CODE_START + 2 * (layer * n_species + s)]
            out[0] = z * sites * density
            out[1] = z
            out[2] = theta
            out[3] = vacancy
            out[4] = occ
            out[5] = vac
            # Only the interaction asks for cube roots.
            rooted = occ != 0.0 or vac != 0.0
            out[6] = theta ** (1.0 / 3.0) if rooted else 0.0
            out[7] = vacancy ** (1.0 / 3.0) if rooted else 0.0
            out[10] = dilute
            out[11] = z * z * ELEMENTARY_CHARGE * ELEMENTARY_CHARGE * sites * row[at + DIFFUSIVITY] / kt
            if dilute == 1:
                out[8], out[9] = -600.0, 600.0
            else:
                out[8], out[9], stable = spinodal_bounds(theta, vacancy, occ, vac)
                if not stable and sites > 0.0 and unstable < 0:
                    unstable = layer
    return unstable


@kernel
def bulk_slope(species, layer, n_species):
    """Return -d charge/d y of the neutral bulk, in units of eps0 kT/e [m^-2]."""
    total = 0.0
    for s in range(n_species):
        p = species[layer, s]
        _, _, _, response, _, slope = point_state(0.0, int(p[10]), p[2], p[3], p[4], p[5], p[6], p[7])
        total += p[0] * p[1] * response / max(slope, 1e-9)
    return total


@kernel
def extend_grid(work, memo, resolution, entries):
    """Make sure that GRID holds `entries` sizes |Delta| of the given resolution, from the linear range outwards.

    Steps grow with the size itself up to a bound, the scale on which theta changes. `memo` remembers what GRID and the
    tail's rows hold: resolution, entries of GRID, entries of the tail.
    """
    if memo[0] != resolution:
        memo[0] = resolution
        memo[1] = 1.0
        memo[2] = 0.0
        work[w.GRID * S] = LINEAR
    have = int(memo[1])
    while have < entries:
        size = work[w.GRID * S + have - 1]
        work[w.GRID * S + have] = size + grid_step(size, resolution)
        have += 1
    memo[1] = max(memo[1], float(entries))


@inlined
def grid_step(size, resolution):
    """Return the step from one tabulated |Delta| to the next.

    In the linear range the decay over one element may be as strong as in the tail; where charge piles up, a step of
    Delta is what the element has to follow.
    """
    return 1.0 / (1.0 / (1.6 * resolution * size) + 1.0 / resolution)


@kernel
def march(work, row, species, layer, n_species, sign, permittivity, resolution, memo, stop, stop_field):
    """Tabulate a thick layer from its linear range outwards, to |y| = `stop` or displacement `stop_field`.

    `sign` is that of y. Writes rows of `work` from `row` on: |y|, D = |dy/dx|, dD/d|y|, Delta per species; returns the
    number of entries. D^2 = 2 int -charge d|y| by Simpson's rule on each step, 0.2 % on steps of this size.
    """
    # int64, not a literal: every literal would make another copy of the kernels that receive it.
    active, count = np.int64(0), 0
    for s in range(n_species):
        if species[layer, s, 0] != 0.0:
            active = s
            count += 1
    p = species[layer, active]
    for s in range(n_species):
        work[(row + 3 + s) * S] = 0.0
    if count == 1 and p[10] == 0.0 and p[8] == -DELTA_MAX and p[9] == DELTA_MAX:
        return _march_lattice(work, row, p, active, n_species, sign, permittivity, resolution, memo, stop, stop_field)
    if count == 1:
        return _march_single(
            work, row, species, layer, active, n_species, sign, permittivity, resolution, stop, stop_field
        )
    return _march_many(work, row, species, layer, n_species, sign, permittivity, resolution, stop, stop_field)


@inlined
def _lattice_charge(size, toward, z, theta_b, vacancy_b):
    """Return |y| at |Delta| = `size`, |theta - theta_b| and its product with d|y|/d|Delta|, without interaction."""
    _, _, change = lattice_point(toward * size, theta_b, vacancy_b)
    return size / z, abs(change), abs(change) / z


@inlined
def _interacting_charge(size, toward, z, theta_b, vacancy_b, occ, vac, root_theta, root_vacancy):
    """Return the same with interaction."""
    theta, vacancy, change = lattice_point(toward * size, theta_b, vacancy_b)
    potential, steep = interaction(theta, vacancy, change, occ, vac, root_theta, root_vacancy)
    return (size + toward * potential) / z, abs(change), abs(change) * steep / z


@kernel
def _march_lattice(work, row, p, active, n_species, sign, permittivity, resolution, memo, stop, stop_field):
    """March of a layer with one lattice species without a miscibility gap, eight entries at a time (vectorised)."""
    toward = -1.0 if sign * p[1] > 0.0 else 1.0
    z, theta_b, vacancy_b = abs(p[1]), p[2], p[3]
    occ, vac, root_theta, root_vacancy = p[4], p[5], p[6], p[7]
    scale = abs(p[0]) / permittivity
    ideal = occ == 0.0 and vac == 0.0
    # Rows of Newton, free at this time: |y|, |change|, the integrands at the ends and in the middle of steps.
    at_y, at_change, at_end, at_middle = w.STEP * S, (w.STEP + 1) * S, (w.STEP + 2) * S, (w.STEP + 3) * S
    limit = stop_field / permittivity
    g, n, done = 0.0, 0, 0
    while True:
        extend_grid(work, memo, resolution, done + 9)
        if ideal:
            for k in range(done, done + 8):
                size = work[w.GRID * S + k]
                y, change, part = _lattice_charge(size, toward, z, theta_b, vacancy_b)
                work[at_y + k], work[at_change + k], work[at_end + k] = y, change, part
                size = 0.5 * (size + work[w.GRID * S + k + 1])
                _, _, part = _lattice_charge(size, toward, z, theta_b, vacancy_b)
                work[at_middle + k + 1] = part
        else:
            for k in range(done, done + 8):
                size = work[w.GRID * S + k]
                y, change, part = _interacting_charge(
                    size, toward, z, theta_b, vacancy_b, occ, vac, root_theta, root_vacancy
                )
                work[at_y + k], work[at_change + k], work[at_end + k] = y, change, part
                size = 0.5 * (size + work[w.GRID * S + k + 1])
                _, _, part = _interacting_charge(
                    size, toward, z, theta_b, vacancy_b, occ, vac, root_theta, root_vacancy
                )
                work[at_middle + k + 1] = part
        for k in range(done, done + 8):
            y, size = work[at_y + k], work[w.GRID * S + k]
            if k == 0:
                g = 0.5 * scale * work[at_change] * y
            else:
                step = size - work[w.GRID * S + k - 1]
                g += scale * (work[at_end + k - 1] + 4.0 * work[at_middle + k] + work[at_end + k]) * step / 6.0
            field = math.sqrt(2.0 * g)
            work[row * S + k] = y
            work[(row + 1) * S + k] = field
            work[(row + 2) * S + k] = scale * work[at_change + k] / field
            for s in range(n_species):
                work[(row + 3 + s) * S + k] = 0.0
            work[(row + 3 + active) * S + k] = toward * size
            n = k + 1
            if y >= stop or field >= limit:
                return n
        done += 8
        if done + 9 >= w.CAPACITY:
            return n


@kernel
def _march_single(work, row, species, layer, active, n_species, sign, permittivity, resolution, stop, stop_field):
    """March of any layer with one species, in Delta: y(Delta) is explicit, no root is sought."""
    p = species[layer, active]
    dilute = int(p[10])
    toward = -1.0 if sign * p[1] > 0.0 else 1.0
    border = p[9] if toward > 0.0 else -p[8]
    z = abs(p[1])
    scale = abs(p[0]) / permittivity
    size = min(LINEAR, 0.5 * border)
    _, _, change, _, potential, slope = point_state(toward * size, dilute, p[2], p[3], p[4], p[5], p[6], p[7])
    y = abs(toward * size + potential) / z
    field = math.sqrt(bulk_slope(species, layer, n_species) / permittivity) * y
    work[row * S] = y
    work[(row + 1) * S] = field
    work[(row + 2) * S] = field / y
    work[(row + 3 + active) * S] = toward * size
    # Integrand in Delta: charge times dy/dDelta.
    before = scale * abs(change) * slope / z
    n = 1
    while y < stop and n < w.CAPACITY and permittivity * field < stop_field:
        step = grid_step(size, resolution)
        if size + step >= border:
            step = border - size
        for s in range(n_species):
            work[(row + 3 + s) * S + n] = 0.0
        if step <= 1e-9 * border:
            # End of the branch of rising mu: charge stays, y goes on.
            end = stop if stop < 1e6 else y + 50.0
            field = math.sqrt(field * field + 2.0 * scale * abs(change) * (end - y))
            work[row * S + n] = end
            work[(row + 1) * S + n] = field
            work[(row + 2) * S + n] = scale * abs(change) / field
            work[(row + 3 + active) * S + n] = toward * size
            return n + 1
        _, _, change, _, _, slope = point_state(
            toward * (size + 0.5 * step), dilute, p[2], p[3], p[4], p[5], p[6], p[7]
        )
        middle = scale * abs(change) * slope / z
        size += step
        _, _, change, _, potential, slope = point_state(toward * size, dilute, p[2], p[3], p[4], p[5], p[6], p[7])
        after = scale * abs(change) * slope / z
        field = math.sqrt(field * field + (before + 4.0 * middle + after) * step / 3.0)
        y = abs(toward * size + potential) / z
        before = after
        work[row * S + n] = y
        work[(row + 1) * S + n] = field
        work[(row + 2) * S + n] = scale * abs(change) / field
        work[(row + 3 + active) * S + n] = toward * size
        n += 1
    return n


@kernel
def _march_many(work, row, species, layer, n_species, sign, permittivity, resolution, stop, stop_field):
    """March of a layer with several species, in y."""
    capacity = w.CAPACITY
    rate = math.sqrt(bulk_slope(species, layer, n_species) / permittivity)
    y = LINEAR
    field = rate * y
    charge, reach = _charge_at(work, row, np.int64(0), species, layer, n_species, sign * y)
    work[row * S] = y
    work[(row + 1) * S] = field
    work[(row + 2) * S] = rate
    n = np.int64(1)
    while y < stop and n < capacity and permittivity * field < stop_field:
        step = 1.0 / (1.0 / (1.6 * resolution * y) + 1.0 / (resolution * max(reach, 0.05)))
        for s in range(n_species):
            work[(row + 3 + s) * S + n] = work[(row + 3 + s) * S + n - 1]
        middle, _ = _charge_at(work, row, n, species, layer, n_species, sign * (y + 0.5 * step))
        after, reach = _charge_at(work, row, n, species, layer, n_species, sign * (y + step))
        field = math.sqrt(
            max(field * field - sign * (charge + 4.0 * middle + after) * step / (3.0 * permittivity), 0.0)
        )
        y += step
        charge = after
        work[row * S + n] = y
        work[(row + 1) * S + n] = field
        work[(row + 2) * S + n] = -sign * charge / (permittivity * max(field, 1e-300))
        n += 1
    return n


@kernel
def _charge_at(work, row, n, species, layer, n_species, y):
    """Return charge density of a layer at `y` and smallest |dy/dDelta|; column `n` holds the Delta in and out."""
    total, reach = 0.0, 1e300
    for s in range(n_species):
        p = species[layer, s]
        if p[0] == 0.0:
            continue
        delta = solve_delta(
            y, p[1], work[(row + 3 + s) * S + n], int(p[10]), p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9]
        )
        work[(row + 3 + s) * S + n] = delta
        _, _, change, _, _, slope = point_state(delta, int(p[10]), p[2], p[3], p[4], p[5], p[6], p[7])
        total += p[0] * change
        reach = min(reach, slope / abs(p[1]))
    return total, reach


@kernel
def field_at(work, row, n, y):
    """Return D = |dy/dx| of a thick layer at |y| from its table, and dD/d|y|.

    A straight line below the first entry and beyond the last, a cubic with the right slopes between.
    """
    y = abs(y)
    first, last = work[row * S], work[row * S + n - 1]
    if y <= first:
        rate = work[(row + 1) * S] / first
        return rate * y, rate
    if y >= last:
        rate = work[(row + 1) * S + n - 1] / last
        return rate * y, rate
    low, high = 0, n - 1
    while high - low > 1:
        middle = (low + high) // 2
        if work[row * S + middle] <= y:
            low = middle
        else:
            high = middle
    h = work[row * S + high] - work[row * S + low]
    t = (y - work[row * S + low]) / h
    a, b = work[(row + 1) * S + low], work[(row + 1) * S + high]
    da, db = h * work[(row + 2) * S + low], h * work[(row + 2) * S + high]
    c2, c3 = 3.0 * (b - a) - 2.0 * da - db, 2.0 * (a - b) + da + db
    return a + t * (da + t * (c2 + t * c3)), (da + t * (2.0 * c2 + t * 3.0 * c3)) / h


@kernel
def guess_contact(work, step, left, n_left, eps_left, right, n_right, eps_right):
    """Return y just left of a bare contact of two thick layers, from continuity of the displacement.

    The displacement eps D grows with |y| on both sides and the two |y| add up to |step|: bisection over the entries of
    one table, then Newton within its bracket.
    """
    total = abs(step)
    low, high = 0.0, total
    i, j = 0, n_left
    while i < j:
        middle = (i + j) // 2
        y = work[left * S + middle]
        if y >= total:
            j = middle
            continue
        other, _ = field_at(work, right, n_right, total - y)
        if eps_left * work[(left + 1) * S + middle] > eps_right * other:
            high = min(high, y)
            j = middle
        else:
            low = max(low, y)
            i = middle + 1
    y = 0.5 * (low + high)
    for _ in range(30):
        a, da = field_at(work, left, n_left, y)
        b, db = field_at(work, right, n_right, total - y)
        miss = eps_left * a - eps_right * b
        if miss > 0.0:
            high = y
        else:
            low = y
        slope = eps_left * da + eps_right * db
        trial = y - miss / slope if slope > 0.0 else low
        if not low < trial < high:
            trial = 0.5 * (low + high)
        moved = abs(trial - y)
        y = trial
        if moved <= 1e-3 * min(y, total - y) + 1e-12:
            break
    return -math.copysign(y, step)


@kernel
def grade_side(work, row, n_table, out, n_species, slope, contact_y, contact_field, resolution, memo, tail):
    """Lay elements from a contact inwards until the layer counts as bulk (|y| below `tail`); return their number.

    Writes rows of `work` from `out` on: size of element k in column k, |y|, |dy/dx| and Delta at its inner end in
    column k + 1, at the contact in column 0. `contact_field` beyond that of a thick layer means that field lines cross
    the layer: the steps in x shrink accordingly.
    """
    capacity = w.CAPACITY
    y = contact_y
    thick, _ = field_at(work, row, n_table, y)
    through = max(0.0, contact_field * contact_field - thick * thick)
    field = math.sqrt(thick * thick + through)
    k = n_table - 1
    while k >= 0 and work[row * S + k] >= y:
        k -= 1
    work[(out + 1) * S] = y
    work[(out + 2) * S] = field
    for s in range(n_species):
        at = (row + 3 + s) * S
        if k < 0:
            delta = work[at] * y / work[row * S]
        elif k + 1 < n_table:
            t = (y - work[row * S + k]) / (work[row * S + k + 1] - work[row * S + k])
            delta = work[at + k] + t * (work[at + k + 1] - work[at + k])
        else:
            delta = work[at + k]
        work[(out + 3 + s) * S] = delta
    if k >= 0 and k + 1 < n_table and y - work[row * S + k] < 0.4 * (work[row * S + k + 1] - work[row * S + k]):
        k -= 1
    n = 0
    while k >= 0 and n < capacity:
        inner = work[row * S + k]
        inner_field = work[(row + 1) * S + k]
        if through > 0.0:
            inner_field = math.sqrt(inner_field * inner_field + through)
        work[out * S + n] = (y - inner) / math.sqrt(field * inner_field)
        n += 1
        work[(out + 1) * S + n] = inner
        work[(out + 2) * S + n] = inner_field
        for s in range(n_species):
            work[(out + 3 + s) * S + n] = work[(row + 3 + s) * S + k]
        y, field = inner, inner_field
        k -= 1
    debye = 1.0 / math.sqrt(slope)
    length = max(math.log(max(y, 1e-300) / tail), SHORTEST_TAIL)
    start, x, j = y, 0.0, 0
    while x < length and n < capacity:
        extend_tail(work, memo, resolution, j)
        x = work[w.TAIL_X * S + j]
        y = start * work[w.TAIL_DECAY * S + j]
        work[out * S + n] = work[w.TAIL_STEP * S + j] * debye
        n += 1
        j += 1
        work[(out + 1) * S + n] = y
        work[(out + 2) * S + n] = y / debye
        for s in range(n_species):
            # Linear range: Delta in proportion to y.
            work[(out + 3 + s) * S + n] = work[(row + 3 + s) * S] * y / work[row * S]
    return n


@kernel
def extend_tail(work, memo, resolution, j):
    """Make sure that the rows of the tail hold element `j`; elements grow as the weight of an error there falls."""
    have = int(memo[2])
    while have <= j:
        x = work[w.TAIL_X * S + have - 1] if have > 0 else 0.0
        step = resolution * math.exp(x / GROWTH)
        work[w.TAIL_STEP * S + have] = step
        work[w.TAIL_X * S + have] = x + step
        work[w.TAIL_DECAY * S + have] = math.exp(-x - step)
        have += 1
    memo[2] = float(have)
