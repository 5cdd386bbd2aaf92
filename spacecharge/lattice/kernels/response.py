"""What a parameter changes: potentials and occupancies to first order, and what the closure misses and by how much."""

from __future__ import annotations

import math

from ...kernels._jit import kernel
from .layout import (
    ADJUSTED,
    ASKED,
    BETA,
    CHANGE,
    COLUMNS,
    COUNT,
    END,
    ENERGY,
    FIRST,
    MOBILE,
    OCCUPANCY,
    OCCUPANCY_SLOPE,
    PLANE,
    REST,
    SHARE,
    SPECIES,
    WEIGHT,
    Z,
)
from .newton import substitute


@kernel
def odds_change(h, phi, moved, per_beta, point, tables):
    """Return the change of the logarithm of the odds of defect `h` on its plane with the parameter of `vary`."""
    _, _, entries, species = tables
    s = int(entries[h, SPECIES])
    energy = species[Z, s] * phi + entries[h, ENERGY]
    return species[CHANGE, s] - point[BETA] * species[Z, s] * moved - energy * per_beta


@kernel
def vary(moved, per_beta, phi, point, tables, x):
    """Fill row OCCUPANCY_SLOPE of `x`: change of the occupancies with one parameter.

    The parameter moves the potentials by `moved` (n_planes), the odds of every species by row CHANGE of its table and
    e/kT by `per_beta`.
    """
    _, groups, entries, species = tables
    for g in range(groups.shape[0]):
        i = int(groups[g, PLANE])
        first, end = int(groups[g, FIRST]), int(groups[g, END])
        taken = 0.0
        for h in range(first, end):
            if not species[MOBILE, int(entries[h, SPECIES])] > 0.0:
                taken += x[OCCUPANCY, h]
        for h in range(first, end):
            x[OCCUPANCY_SLOPE, h] = 0.0
            if taken >= 1.0 or not species[MOBILE, int(entries[h, SPECIES])] > 0.0:
                continue
            # What is left beside an occupancy of almost one is itself, not a difference of what is almost equal.
            total = odds_change(h, phi[i], moved[i], per_beta, point, tables) * (x[REST, h] - taken)
            for k in range(first, end):
                if k != h and species[MOBILE, int(entries[k, SPECIES])] > 0.0:
                    total -= odds_change(k, phi[i], moved[i], per_beta, point, tables) * x[OCCUPANCY, k]
            x[OCCUPANCY_SLOPE, h] = x[OCCUPANCY, h] * total / (1.0 - taken)


@kernel
def respond(per_beta, phi, point, tables, work, x, moved):
    """Fill `moved` (n_planes): change of the potentials with the parameter of `vary`, the background held.

    The factors in `work` must be those of the answer. Row OCCUPANCY_SLOPE of `x` then holds the whole change.
    """
    planes, groups, entries, species = tables
    for i in range(planes.shape[0]):
        moved[i] = 0.0
    vary(moved, per_beta, phi, point, tables, x)
    for g in range(groups.shape[0]):
        i = int(groups[g, PLANE])
        for h in range(int(groups[g, FIRST]), int(groups[g, END])):
            charge = species[Z, int(entries[h, SPECIES])]
            moved[i] += groups[g, COUNT] * charge * x[OCCUPANCY_SLOPE, h]
    substitute(point, planes, work, moved)
    vary(moved, per_beta, phi, point, tables, x)


@kernel
def eliminate(matrix, rhs, n):
    """Solve a small dense system in place, with row pivoting; row j of `matrix` is what unknown j does.

    Returns whether it could be solved.
    """
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(matrix[k, i]) > abs(matrix[k, pivot]):
                pivot = i
        if not abs(matrix[k, pivot]) > 0.0:
            return False
        for j in range(n):
            matrix[j, k], matrix[j, pivot] = matrix[j, pivot], matrix[j, k]
        rhs[k], rhs[pivot] = rhs[pivot], rhs[k]
        for i in range(k + 1, n):
            ratio = matrix[k, i] / matrix[k, k]
            for j in range(k, n):
                matrix[j, i] -= ratio * matrix[j, k]
            rhs[i] -= ratio * rhs[k]
    for j in range(n):
        k = n - 1 - j
        for i in range(k + 1, n):
            rhs[k] -= matrix[i, k] * rhs[i]
        rhs[k] /= matrix[k, k]
    return True


@kernel
def bulk_mean(entries, values, s):
    """Return the mean of a value of the sites of species `s` over the planes of the bulk."""
    mean = 0.0
    for h in range(entries.shape[0]):
        if int(entries[h, SPECIES]) == s:
            mean += entries[h, WEIGHT] * values[h]
    return mean


@kernel
def conditions(phi, tables, gauge, x, missing):
    """Fill `missing` with what the closure lacks; return the number of its conditions.

    They are the mean potential of the gauge (where `gauge` names a column of weights; -1: no uniform background), then
    ln(bulk mean/asked) of each adjusted species.
    """
    planes, _, entries, species = tables
    row = 0
    if gauge >= 0:
        missing[0] = 0.0
        for i in range(planes.shape[0]):
            missing[0] += planes[i, gauge] * phi[i]
        row = 1
    for s in range(species.shape[1]):
        if species[ADJUSTED, s] > 0.0:
            mean = bulk_mean(entries, x[OCCUPANCY], s)
            missing[row] = math.log(mean / species[ASKED, s])
            row += 1
    return row


@kernel
def condition_slopes(moved, tables, gauge, x, slopes):
    """Fill `slopes` with the change of each condition where the potentials move by `moved`.

    Row OCCUPANCY_SLOPE of `x` must hold the change of the occupancies.
    """
    planes, _, entries, species = tables
    row = 0
    if gauge >= 0:
        slopes[0] = 0.0
        for i in range(planes.shape[0]):
            slopes[0] += planes[i, gauge] * moved[i]
        row = 1
    for s in range(species.shape[1]):
        if species[ADJUSTED, s] > 0.0:
            slopes[row] = bulk_mean(entries, x[OCCUPANCY_SLOPE], s) / bulk_mean(entries, x[OCCUPANCY], s)
            row += 1


@kernel
def outer_matrix(phi, point, tables, gauge, work, x, matrix):
    """Fill rows COLUMNS ... of `work` with the response to each unknown of the closure, `matrix` with the slopes."""
    planes, _, _, species = tables
    for s in range(species.shape[1]):
        species[CHANGE, s] = 0.0
    column = 0
    if gauge >= 0:
        for i in range(planes.shape[0]):
            work[COLUMNS, i] = -planes[i, SHARE]
        substitute(point, planes, work, work[COLUMNS, :])
        vary(work[COLUMNS, :], 0.0, phi, point, tables, x)
        condition_slopes(work[COLUMNS, :], tables, gauge, x, matrix[0, :])
        column = 1
    for s in range(species.shape[1]):
        if species[ADJUSTED, s] > 0.0:
            species[CHANGE, s] = 1.0
            respond(0.0, phi, point, tables, work, x, work[COLUMNS + column, :])
            species[CHANGE, s] = 0.0
            condition_slopes(work[COLUMNS + column, :], tables, gauge, x, matrix[column, :])
            column += 1
