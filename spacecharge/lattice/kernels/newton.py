"""Occupancies, the charge balance of the planes, its factors, and Newton with given background and odds."""

from __future__ import annotations

import math

import numpy as np

from ...kernels._jit import kernel, merged
from .layout import (
    BELOW,
    BETA,
    COUNT,
    COUPLING,
    CURVATURE,
    END,
    ENERGY,
    FIRST,
    INACCURATE,
    LAST,
    LOWER,
    MOBILE,
    NOT_CONVERGED,
    OCCUPANCY,
    ODDS,
    PERIODIC,
    PIVOT,
    PLANE,
    RESIDUAL,
    REST,
    RIGHT,
    SHARE,
    SITE_CHARGE,
    SOLVED,
    SPECIES,
    STEP,
    TRIAL,
    UPPER,
    Z,
)

STEP_TOLERANCE = 1e-13
"""Newton ends when no potential moves by more than this [V]."""
STALLED = 1e-10
"""Steps below this that no longer shrink are rounding: the answer counts, with status 4 and the step as its error."""
LARGEST_STEP = 0.5
"""Potentials move by no more than this per step [V]: Newton's step is exact for a quadratic, not for an exponential."""
OVERSHOOT = 0.5
"""A step is halved while the slope along it is reversed by more than this share: the minimum was passed by far."""
MOST_ITERATIONS = 300
MOST_HALVINGS = 40


@merged
def occupy_one(h, phi, beta, entries, species, x):
    """Fill the occupancy of the only defect of a group; see `occupy`."""
    s = int(entries[h, SPECIES])
    z = species[Z, s]
    if not species[MOBILE, s] > 0.0:
        x[REST, h] = 1.0 - x[OCCUPANCY, h]
        return z * x[OCCUPANCY, h], 0.0
    exponent = species[ODDS, s] - beta * (z * phi + entries[h, ENERGY])
    small = math.exp(-abs(exponent))
    larger, smaller = 1.0 / (1.0 + small), small / (1.0 + small)
    taken, rest = (larger, smaller) if exponent > 0.0 else (smaller, larger)
    x[OCCUPANCY, h], x[REST, h] = taken, rest
    return z * taken, beta * z * z * taken * rest


@merged
def occupy(g, phi, beta, groups, entries, species, x):
    """Fill the occupancies of group `g` at the potential `phi`.

    Row OCCUPANCY of `x` holds, on entry, the fixed occupancies of species that do not move; on return all. Row REST is
    one minus the occupancy, summed without cancellation. Returns the charge of a site, and minus its derivative.
    """
    first, end = int(groups[g, FIRST]), int(groups[g, END])
    if end == first + 1:
        return occupy_one(first, phi, beta, entries, species, x)
    top, taken, charge = 0.0, 0.0, 0.0
    for h in range(first, end):
        s = int(entries[h, SPECIES])
        if species[MOBILE, s] > 0.0:
            top = max(top, species[ODDS, s] - beta * (species[Z, s] * phi + entries[h, ENERGY]))
        else:
            taken += x[OCCUPANCY, h]
            charge += species[Z, s] * x[OCCUPANCY, h]
    total = math.exp(-top)
    for h in range(first, end):
        s = int(entries[h, SPECIES])
        if species[MOBILE, s] > 0.0:
            x[OCCUPANCY, h] = math.exp(species[ODDS, s] - beta * (species[Z, s] * phi + entries[h, ENERGY]) - top)
            total += x[OCCUPANCY, h]
    free = 1.0 - taken
    empty = math.exp(-top) / total
    fall = 0.0
    for h in range(first, end):
        s = int(entries[h, SPECIES])
        if species[MOBILE, s] > 0.0:
            z, share = species[Z, s], x[OCCUPANCY, h] / total
            x[OCCUPANCY, h] = free * share
            charge += z * x[OCCUPANCY, h]
            fall += z * z * x[OCCUPANCY, h] * empty
            for k in range(first, h):
                other = int(entries[k, SPECIES])
                if species[MOBILE, other] > 0.0:
                    fall += (z - species[Z, other]) ** 2 * share * x[OCCUPANCY, k]
    for h in range(first, end):
        rest = free * empty
        for k in range(first, end):
            if k != h:
                rest += x[OCCUPANCY, k]
        x[REST, h] = rest
    return charge, beta * fall


@kernel
def balance(phi, background, point, tables, flags, work, x):
    """Fill the residual of every plane (row RESIDUAL) and minus its own derivative (row CURVATURE)."""
    planes, groups, entries, species = tables
    n = planes.shape[0]
    for i in range(n):
        work[RESIDUAL, i] = planes[i, SITE_CHARGE] - background * planes[i, SHARE]
        work[CURVATURE, i] = 0.0
    for g in range(groups.shape[0]):
        i = int(groups[g, PLANE])
        charge, fall = occupy(g, phi[i], point[BETA], groups, entries, species, x)
        work[RESIDUAL, i] += groups[g, COUNT] * charge
        work[CURVATURE, i] += groups[g, COUNT] * fall
    for i in range(n):
        left = phi[i - 1] if i > 0 else (phi[n - 1] if flags[PERIODIC] > 0 else 0.0)
        right = phi[i + 1] if i + 1 < n else (phi[0] if flags[PERIODIC] > 0 else 0.0)
        flux = planes[i, LOWER] * (left - phi[i]) + planes[i, UPPER] * (right - phi[i])
        work[RESIDUAL, i] += point[COUPLING] * flux


@kernel
def factorise(point, planes, flags, work):
    """Eliminate the planes one after the other, the last one kept to the end; every number stays positive.

    A row is its couplings to the right neighbour (RIGHT) and to the last plane (LAST) and its row sum; its pivot is
    their sum (Grassmann, Taksar, Heyman 1985). BELOW holds what the last row couples to the plane eliminated. Returns
    the pivot of the last plane, which is the row sum left for it.
    """
    n = planes.shape[0]
    k = point[COUPLING]
    periodic = flags[PERIODIC] > 0
    rowsum = work[CURVATURE, 0]
    last = k * planes[0, LOWER] if periodic else 0.0
    below = k * planes[n - 1, UPPER] if periodic else 0.0
    final = work[CURVATURE, n - 1]
    if not periodic:
        rowsum += k * planes[0, LOWER]
        final += k * planes[n - 1, UPPER]
    for i in range(n - 1):
        right = k * planes[i, UPPER]
        if i == n - 2:
            last, right = last + right, 0.0
            below += k * planes[n - 1, LOWER]
        pivot = right + last + rowsum
        work[PIVOT, i], work[RIGHT, i], work[LAST, i], work[BELOW, i] = pivot, right, last, below
        final += below * rowsum / pivot
        below = below * right / pivot
        if i < n - 2:
            down = k * planes[i + 1, LOWER] / pivot
            last, rowsum = down * last, work[CURVATURE, i + 1] + down * rowsum
    work[PIVOT, n - 1] = final
    return final


@kernel
def substitute(point, planes, work, rhs):
    """Solve with the factors in `work` for `rhs` (n_planes), in place."""
    n = planes.shape[0]
    k = point[COUPLING]
    carried = rhs[n - 1]
    for i in range(n - 1):
        share = rhs[i] / work[PIVOT, i]
        carried += work[BELOW, i] * share
        if i < n - 2:
            rhs[i + 1] += k * planes[i + 1, LOWER] * share
    x = carried / work[PIVOT, n - 1]
    rhs[n - 1] = x
    for j in range(n - 1):
        i = n - 2 - j
        rhs[i] = (rhs[i] + work[RIGHT, i] * rhs[i + 1] + work[LAST, i] * x) / work[PIVOT, i]


@merged
def copy_row(work, source, target, n):
    """Copy a row of the work array; slices would cost a second of compilation each."""
    for i in range(n):
        work[target, i] = work[source, i]


@kernel
def newton(phi, background, point, tables, flags, work, x):
    """Bring every plane into balance, the background and the odds being given.

    On return `phi` is the answer, and the factors in `work` are those of its last step. Returns status, iterations and
    the size of the last step [V].
    """
    planes = tables[0]
    n = planes.shape[0]
    balance(phi, background, point, tables, flags, work, x)
    before, size, stalls = np.inf, np.inf, 0
    for iteration in range(1, MOST_ITERATIONS + 1):
        if not factorise(point, planes, flags, work) > 0.0:
            return NOT_CONVERGED, iteration, size
        copy_row(work, RESIDUAL, STEP, n)
        substitute(point, planes, work, work[STEP, :])
        size, downhill = 0.0, 0.0
        for i in range(n):
            size = max(size, abs(work[STEP, i]))
            downhill += work[STEP, i] * work[RESIDUAL, i]
        if not math.isfinite(size):
            return NOT_CONVERGED, iteration, size
        share = min(1.0, LARGEST_STEP / size) if size > 0.0 else 1.0
        for _ in range(MOST_HALVINGS):
            for i in range(n):
                work[TRIAL, i] = phi[i] + share * work[STEP, i]
            balance(work[TRIAL, :], background, point, tables, flags, work, x)
            slope = 0.0
            for i in range(n):
                slope += work[STEP, i] * work[RESIDUAL, i]
            if slope >= -OVERSHOOT * abs(downhill) or size < STALLED:
                break
            share *= 0.5
        for i in range(n):
            phi[i] = work[TRIAL, i]
        if size <= STEP_TOLERANCE:
            return SOLVED, iteration, size
        stalls = stalls + 1 if size < STALLED and size > 0.5 * before else 0
        if stalls == 3:
            return INACCURATE, iteration, size
        before = size
    return NOT_CONVERGED, MOST_ITERATIONS, size
