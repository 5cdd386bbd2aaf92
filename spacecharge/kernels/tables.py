"""Tables of a thick layer from its bulk outwards, |y| against |dy/dx|, and the first guess of a contact from two.

The slope follows from the first integral of the equation, (dy/dx)^2 = 2 int -charge dy. Entries are set in Delta: steps
of a fixed share of what the statistics feels, a fixed ratio in the linear range. The tables place nodes and start
Newton; what the nodes carry is decided by the discrete equations, on any mesh.
"""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import inlined, kernel
from .laws import DELTA_MAX, LEAST_SLOPE, interaction, lattice_point, state_of
from .layout import MEMO_GRID, MEMO_RESOLUTION, MEMO_TAIL
from .species import bulk_slope
from .statistics import delta_of
from .workspace import STRIDE as S

# Below this |y| a layer is linear to a few per cent, enough to place nodes.
LINEAR = 0.05
# In the linear range a step of Delta is this many times the resolution times Delta: as much decay as in the tail.
LINEAR_GROWTH = 1.6
# Of several species, steps of y follow the smallest |dy/dDelta|, but no smaller one.
LEAST_REACH = 0.05
# Where sites are full or empty to the last bit steps grow by this share.
FULL_GROWTH = 0.3
# A step that is this share of the whole branch has come to its end; y then goes on this far where nothing else ends it.
BRANCH_END, BEYOND_BRANCH, UNBOUNDED = 1e-9, 50.0, 1e6
# How well the first contact potential is found, relative and in kT/e: it only starts Newton.
GUESS_SHARE, GUESS = 1e-3, 1e-12


@kernel
def extend_grid(work, memo, resolution, entries):
    """Make sure that GRID holds `entries` sizes |Delta| of the given resolution, from the linear range outwards.

    Steps grow with the size itself up to a bound, the scale on which theta changes. `memo` remembers what GRID and the
    tail's rows hold: resolution, entries of GRID, entries of the tail.
    """
    match_resolution(work, memo, resolution)
    have = int(memo[MEMO_GRID])
    while have < entries:
        size = work[w.GRID * S + have - 1]
        work[w.GRID * S + have] = size + grid_step(size, resolution)
        have += 1
    memo[MEMO_GRID] = max(memo[MEMO_GRID], float(entries))


@inlined
def match_resolution(work, memo, resolution):
    """Forget GRID and the tail where they were made for another resolution."""
    if memo[MEMO_RESOLUTION] != resolution:
        memo[MEMO_RESOLUTION] = resolution
        memo[MEMO_GRID] = 1.0
        memo[MEMO_TAIL] = 0.0
        work[w.GRID * S] = LINEAR


@inlined
def grid_step(size, resolution):
    """Return the step from one tabulated |Delta| to the next.

    In the linear range the decay over one element may be as strong as in the tail; where charge piles up, a step of
    Delta is what the element has to follow. Where sites are empty or full to the last bit, nothing has to be followed.
    """
    step = 1.0 / (1.0 / (LINEAR_GROWTH * resolution * size) + 1.0 / resolution)
    return step if size < DELTA_MAX else FULL_GROWTH * size


@kernel
def march(work, row, species, face, resolution, memo, stop):
    """Tabulate a thick layer from its linear range outwards, to |y| or the displacement in `stop`.

    `face`: layer, number of species, sign of y, permittivity. Writes rows of `work` from `row` on: |y|, D = |dy/dx|,
    dD/d|y|, Delta per species, d Delta/d|y| per species; returns the number of entries. D^2 = 2 int -charge d|y| by
    Simpson's rule on each step, 0.2 % on steps of this size.
    """
    layer, n_species, _, _ = face
    # int64, not a literal: every literal would make another copy of the kernels that receive it.
    active, count = np.int64(0), 0
    for s in range(n_species):
        if species[layer, s, o.P_STRENGTH] != 0.0:
            active = s
            count += 1
    for s in range(2 * n_species):
        work[(row + 3 + s) * S] = 0.0
    lattice = species[layer, active, o.P_DILUTE] == 0.0
    if (
        count == 1
        and lattice
        and species[layer, active, o.P_LOWEST] == -DELTA_MAX
        and species[layer, active, o.P_HIGHEST] == DELTA_MAX
    ):
        return march_lattice(work, row, species, active, face, resolution, memo, stop)
    if count == 1:
        return _march_single(work, row, species, active, face, resolution, stop)
    return _march_many(work, row, species, face, resolution, stop)


@inlined
def _lattice_charge(size, toward, z, theta_b, vacancy_b):
    """Return |y| at |Delta| = `size`, |theta - theta_b| and its product with d|y|/d|Delta|, without interaction."""
    _, _, change = lattice_point(toward * size, theta_b, vacancy_b)
    return size / z, abs(change), abs(change) / z


@inlined
def _interacting_charge(size, toward, z, bulk):
    """Return the same with interaction; `bulk`: see `statistics.counted_delta`."""
    theta_b, vacancy_b, occ, vac, root_theta, root_vacancy = bulk
    theta, vacancy, change = lattice_point(toward * size, theta_b, vacancy_b)
    potential, steep = interaction(theta, vacancy, change, occ, vac, root_theta, root_vacancy)
    return (size + toward * potential) / z, abs(change), abs(change) * steep / z


@kernel
def march_lattice(work, row, species, active, face, resolution, memo, stop):
    """March of a layer with one lattice species without a miscibility gap, eight entries at a time (vectorised)."""
    layer, n_species, sign, permittivity = face
    stop_y, stop_field = stop
    z, theta_b, vacancy_b = (
        species[layer, active, o.P_Z],
        species[layer, active, o.P_THETA],
        species[layer, active, o.P_VACANCY],
    )
    toward = -1.0 if sign * z > 0.0 else 1.0
    z = abs(z)
    occ, vac = species[layer, active, o.P_OCC], species[layer, active, o.P_VAC]
    root_theta, root_vacancy = species[layer, active, o.P_ROOT_THETA], species[layer, active, o.P_ROOT_VACANCY]
    bulk = (theta_b, vacancy_b, occ, vac, root_theta, root_vacancy)
    scale = abs(species[layer, active, o.P_STRENGTH]) / permittivity
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
                y, change, part = _interacting_charge(size, toward, z, bulk)
                work[at_y + k], work[at_change + k], work[at_end + k] = y, change, part
                size = 0.5 * (size + work[w.GRID * S + k + 1])
                _, _, part = _interacting_charge(size, toward, z, bulk)
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
            for s in range(2 * n_species):
                work[(row + 3 + s) * S + k] = 0.0
            work[(row + 3 + active) * S + k] = toward * size
            work[(row + 3 + n_species + active) * S + k] = toward * work[at_change + k] / work[at_end + k]
            n = k + 1
            if y >= stop_y or field >= limit:
                return n
        done += 8
        if done + 9 >= w.CAPACITY:
            return n


@kernel
def _march_single(work, row, species, active, face, resolution, stop):
    """March of any layer with one species, in Delta: y(Delta) is explicit, no root is sought."""
    layer, n_species, sign, permittivity = face
    stop_y, stop_field = stop
    z = species[layer, active, o.P_Z]
    toward = -1.0 if sign * z > 0.0 else 1.0
    z = abs(z)
    border = species[layer, active, o.P_HIGHEST] if toward > 0.0 else -species[layer, active, o.P_LOWEST]
    scale = abs(species[layer, active, o.P_STRENGTH]) / permittivity
    size = min(LINEAR, 0.5 * border)
    _, _, change, _, potential, slope = state_of(species, layer, active, toward * size)
    y = abs(toward * size + potential) / z
    field = math.sqrt(bulk_slope(species, layer, n_species) / permittivity) * y
    work[row * S] = y
    work[(row + 1) * S] = field
    work[(row + 2) * S] = field / y
    work[(row + 3 + active) * S] = toward * size
    work[(row + 3 + n_species + active) * S] = toward * z / slope
    # Integrand in Delta: charge times dy/dDelta.
    before = scale * abs(change) * slope / z
    n = 1
    while y < stop_y and n < w.CAPACITY and permittivity * field < stop_field:
        step = grid_step(size, resolution)
        if size + step >= border:
            step = border - size
        for s in range(2 * n_species):
            work[(row + 3 + s) * S + n] = 0.0
        if step <= BRANCH_END * border:
            # End of the branch of rising mu: charge stays, y goes on.
            end = stop_y if stop_y < UNBOUNDED else y + BEYOND_BRANCH
            field = math.sqrt(field * field + 2.0 * scale * abs(change) * (end - y))
            work[row * S + n] = end
            work[(row + 1) * S + n] = field
            work[(row + 2) * S + n] = scale * abs(change) / field
            work[(row + 3 + active) * S + n] = toward * size
            return n + 1
        _, _, change, _, _, slope = state_of(species, layer, active, toward * (size + 0.5 * step))
        middle = scale * abs(change) * slope / z
        size += step
        _, _, change, _, potential, slope = state_of(species, layer, active, toward * size)
        after = scale * abs(change) * slope / z
        field = math.sqrt(field * field + (before + 4.0 * middle + after) * step / 3.0)
        y = abs(toward * size + potential) / z
        before = after
        work[row * S + n] = y
        work[(row + 1) * S + n] = field
        work[(row + 2) * S + n] = scale * abs(change) / field
        work[(row + 3 + active) * S + n] = toward * size
        work[(row + 3 + n_species + active) * S + n] = toward * z / slope
        n += 1
    return n


@kernel
def _march_many(work, row, species, face, resolution, stop):
    """March of a layer with several species, in y."""
    layer, n_species, sign, permittivity = face
    stop_y, stop_field = stop
    capacity = w.CAPACITY
    rate = math.sqrt(bulk_slope(species, layer, n_species) / permittivity)
    y = LINEAR
    field = rate * y
    charge, reach = _charge_at(work, row, np.int64(0), species, layer, n_species, sign * y)
    work[row * S] = y
    work[(row + 1) * S] = field
    work[(row + 2) * S] = rate
    n = np.int64(1)
    while y < stop_y and n < capacity and permittivity * field < stop_field:
        step = 1.0 / (1.0 / (LINEAR_GROWTH * resolution * y) + 1.0 / (resolution * max(reach, LEAST_REACH)))
        for s in range(n_species):
            work[(row + 3 + s) * S + n] = work[(row + 3 + s) * S + n - 1]
            # Of a species that is absent here, nobody else would write it.
            work[(row + 3 + n_species + s) * S + n] = 0.0
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
        if species[layer, s, o.P_STRENGTH] == 0.0:
            continue
        z = species[layer, s, o.P_Z]
        delta = delta_of(species, layer, s, y, work[(row + 3 + s) * S + n])
        _, _, change, _, _, slope = state_of(species, layer, s, delta)
        work[(row + 3 + s) * S + n] = delta
        work[(row + 3 + n_species + s) * S + n] = -math.copysign(z, z * y) / max(slope, LEAST_SLOPE)
        total += species[layer, s, o.P_STRENGTH] * change
        reach = min(reach, slope / abs(z))
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
    return hermite(
        work[row * S + low],
        work[row * S + high],
        work[(row + 1) * S + low],
        work[(row + 1) * S + high],
        work[(row + 2) * S + low],
        work[(row + 2) * S + high],
        y,
    )


@inlined
def hermite(left, right, a, b, slope_a, slope_b, y):
    """Return value and slope at `y` of the cubic with values a, b and the slopes given at `left` and `right`."""
    h = right - left
    t = (y - left) / h
    da, db = h * slope_a, h * slope_b
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
        if moved <= GUESS_SHARE * min(y, total - y) + GUESS:
            break
    return -math.copysign(y, step)
