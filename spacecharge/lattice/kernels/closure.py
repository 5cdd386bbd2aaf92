"""The closure: background and mole fractions, the stages of a freezing, and slopes with temperature."""

from __future__ import annotations

import math

import numpy as np

from ...kernels._jit import kernel, merged
from .layout import (
    ADJUSTED,
    ASKED,
    BACKGROUND,
    BETA,
    CHANGE,
    CHARGE,
    COLUMNS,
    FIRST_ODDS,
    FRACTION,
    FROZEN,
    GAUGE_ALL,
    GAUGE_CARRIER,
    INVALID,
    ITERATIONS,
    LAST_STEP,
    MOBILE,
    NOT_CONVERGED,
    OCCUPANCY,
    ODDS,
    PER_SPECIES,
    PHI,
    RESIDUAL,
    SLOPE,
    SOLVED,
    SPECIES,
    SPECIES_COLUMNS,
    SPECIES_ROWS,
    START,
    START_ODDS,
    STATUS,
    STEP,
    TEMPERATURE,
    TRIAL,
    UNIFORM,
    Z,
)
from .newton import LARGEST_STEP, STEP_TOLERANCE, balance, copy_row, factorise, newton, substitute
from .response import condition_slopes, conditions, eliminate, outer_matrix, respond, vary

MOST_OUTER = 80
MOST_JOINT = 16
"""Where `joint` arrives it takes 6 to 15 iterations; a swing between two states is cut short here."""
JOINT_STEP = 0.2
"""Potentials move by no more than this per step of `joint` [V]: it has no line search."""
LARGEST_ODDS_STEP = 2.0
"""Odds of an adjusted species change by no more than exp of this per outer step."""
ODDS_TOLERANCE = 1e-12
"""The closure is met when no odds change by more than this: bulk means hold to the same share."""


@merged
def largest_step(missing, unknowns, gauge, work, n):
    """Take the outer unknowns' part off row STEP of `work`; return the largest step of a potential and of the odds."""
    moved, odds = 0.0, 0.0
    for i in range(n):
        for u in range(unknowns):
            work[STEP, i] -= missing[u] * work[COLUMNS + u, i]
        moved = max(moved, abs(work[STEP, i]))
    for u in range(1 if gauge >= 0 else 0, unknowns):
        odds = max(odds, abs(missing[u]))
    return moved, odds


@kernel
def shift_odds(missing, gauge, share, species):
    """Apply a step to the odds that are adjusted."""
    u = 1 if gauge >= 0 else 0
    for s in range(species.shape[1]):
        if species[ADJUSTED, s] > 0.0:
            species[ODDS, s] -= share * missing[u]
            u += 1


@merged
def joint(phi, point, tables, flags, gauge, work, x):
    """Newton on potentials, background and odds at once: nearly always the shortest way, but without a safeguard.

    Returns as `close` does; status NOT_CONVERGED sends the caller on its longer way.
    """
    planes, _, _, species = tables
    n, most = planes.shape[0], 1 + species.shape[1]
    background = 0.0
    missing, slopes, matrix = np.zeros(most), np.zeros(most), np.zeros((most, most))
    for iteration in range(1, MOST_JOINT + 1):
        balance(phi, background, point, tables, flags, work, x)
        if not factorise(point, planes, flags, work) > 0.0:
            return NOT_CONVERGED, iteration, np.inf, background
        unknowns = conditions(phi, tables, gauge, x, missing)
        outer_matrix(phi, point, tables, gauge, work, x, matrix)
        copy_row(work, RESIDUAL, STEP, n)
        substitute(point, planes, work, work[STEP, :])
        vary(work[STEP, :], 0.0, phi, point, tables, x)
        condition_slopes(work[STEP, :], tables, gauge, x, slopes)
        for u in range(unknowns):
            missing[u] += slopes[u]
        if not eliminate(matrix, missing, unknowns):
            return NOT_CONVERGED, iteration, np.inf, background
        moved, odds = largest_step(missing, unknowns, gauge, work, n)
        if not math.isfinite(moved + odds):
            return NOT_CONVERGED, iteration, moved, background
        share = min(1.0, min(JOINT_STEP / max(moved, 1e-300), LARGEST_ODDS_STEP / max(odds, 1e-300)))
        if gauge >= 0:
            background -= share * missing[0]
        shift_odds(missing, gauge, share, species)
        for i in range(n):
            phi[i] += share * work[STEP, i]
        if moved <= STEP_TOLERANCE and odds <= ODDS_TOLERANCE:
            balance(phi, background, point, tables, flags, work, x)
            return SOLVED, iteration, moved, background
    return NOT_CONVERGED, MOST_JOINT, np.inf, background


@merged
def close(phi, point, tables, flags, gauge, work, x):
    """Solve with the closure: background and adjusted odds from the gauge and the bulk means asked for.

    Without such unknowns this is `newton`. With them, `joint` comes first; where it does not arrive, an outer Newton
    over these unknowns with the potentials solved for at every step. Returns status, iterations, last step [V] and the
    background [e].
    """
    planes, species = tables[0], tables[3]
    n, most = planes.shape[0], 1 + species.shape[1]
    background, iterations = 0.0, 0
    missing, matrix = np.zeros(most), np.zeros((most, most))
    unknowns = conditions(phi, tables, gauge, x, missing)
    if unknowns > 0:
        for i in range(n):
            work[START, i] = phi[i]
        for s in range(species.shape[1]):
            species[FIRST_ODDS, s] = species[ODDS, s]
        for attempt in range(2):
            status, used, step, background = joint(phi, point, tables, flags, gauge, work, x)
            iterations += used
            if status == SOLVED:
                return status, iterations, step, background
            background = 0.0
            for i in range(n):
                phi[i] = work[START, i]
            for s in range(species.shape[1]):
                species[ODDS, s] = species[FIRST_ODDS, s]
            if attempt == 0:
                # From the potentials of the odds as they are, the way is mostly short.
                status, used, step = newton(phi, background, point, tables, flags, work, x)
                iterations += used
                for i in range(n):
                    work[START, i] = phi[i]
                if status == NOT_CONVERGED:
                    break
    status, used, step = newton(phi, background, point, tables, flags, work, x)
    for _ in range(MOST_OUTER):
        iterations += used
        unknowns = conditions(phi, tables, gauge, x, missing)
        if status == NOT_CONVERGED or unknowns == 0:
            return status, iterations, step, background
        outer_matrix(phi, point, tables, gauge, work, x, matrix)
        if not eliminate(matrix, missing, unknowns):
            return NOT_CONVERGED, iterations, step, background
        for i in range(n):
            work[STEP, i] = 0.0
        moved, odds = largest_step(missing, unknowns, gauge, work, n)
        if not math.isfinite(moved + odds):
            return NOT_CONVERGED, iterations, moved, background
        share = min(1.0, min(LARGEST_STEP / max(moved, 1e-300), LARGEST_ODDS_STEP / max(odds, 1e-300)))
        if gauge >= 0:
            background -= share * missing[0]
        shift_odds(missing, gauge, share, species)
        for i in range(n):
            phi[i] += share * work[STEP, i]
        status, used, step = newton(phi, background, point, tables, flags, work, x)
        if status != NOT_CONVERGED and moved <= STEP_TOLERANCE and odds <= ODDS_TOLERANCE:
            return status, iterations + used, max(step, moved), background
    return NOT_CONVERGED, iterations, step, background


@merged
def temperature_slope(phi, point, tables, gauge, work, x):
    """Fill row TRIAL of `work` with d phi/d(e/kT), the closure kept, and row OCCUPANCY_SLOPE of `x` accordingly."""
    planes, _, _, species = tables
    n, most = planes.shape[0], 1 + species.shape[1]
    change, matrix = np.zeros(most), np.zeros((most, most))
    unknowns = conditions(phi, tables, gauge, x, change)
    outer_matrix(phi, point, tables, gauge, work, x, matrix)
    respond(1.0, phi, point, tables, work, x, work[TRIAL, :])
    if unknowns > 0:
        slopes = np.zeros(most)
        condition_slopes(work[TRIAL, :], tables, gauge, x, slopes)
        for u in range(unknowns):
            change[u] = slopes[u]
        eliminate(matrix, change, unknowns)
        for u in range(unknowns):
            for i in range(n):
                work[TRIAL, i] -= change[u] * work[COLUMNS + u, i]
        u = 1 if gauge >= 0 else 0
        for s in range(species.shape[1]):
            if species[ADJUSTED, s] > 0.0:
                species[CHANGE, s] = -change[u]
                u += 1
        vary(work[TRIAL, :], 1.0, phi, point, tables, x)


@merged
def prepare_stage(temperature, point, tables, flags):
    """Set the species table for `temperature`: who moves, whose odds are adjusted. Return the gauge's column (or -1).

    With more than one mobile species mole fractions are adjusted until the bulk means meet what was asked. Where no
    background takes up charge, the grain is neutral by itself, and the bulk mean of the carrier (the first species that
    always moves) follows from those of the others: it keeps its odds.
    """
    species = tables[3]
    moving, carrier = 0, -1
    for s in range(species.shape[1]):
        asked = point[PER_SPECIES + s * SPECIES_COLUMNS + FRACTION]
        frozen = point[PER_SPECIES + s * SPECIES_COLUMNS + FROZEN]
        species[Z, s] = point[PER_SPECIES + s * SPECIES_COLUMNS + CHARGE]
        species[ASKED, s] = asked
        species[ODDS, s] = point[PER_SPECIES + s * SPECIES_COLUMNS + START_ODDS]
        species[MOBILE, s] = 1.0 if asked > 0.0 and temperature >= frozen else 0.0
        species[ADJUSTED, s] = species[MOBILE, s]
        if species[MOBILE, s] > 0.0:
            moving += 1
            if frozen == 0.0 and carrier < 0:
                carrier = s
    if moving < 2:
        for s in range(species.shape[1]):
            species[ADJUSTED, s] = 0.0
    elif flags[UNIFORM] == 0 and carrier >= 0:
        species[ADJUSTED, carrier] = 0.0
    if moving == 0:
        return -2
    if flags[UNIFORM] == 0:
        return -1
    return GAUGE_CARRIER if moving == 1 else GAUGE_ALL


@merged
def solve_point(point, tables, flags, work, x, scalars, out_planes):
    """Solve one point: the stages at which species freeze, hottest first, then its own temperature.

    `x` (3, n_entries) and `out_planes` (2, n_planes) are filled. A frozen species keeps the profile of its stage.
    """
    planes, _, entries, species = tables
    n = planes.shape[0]
    phi = out_planes[PHI, :]
    for i in range(n):
        phi[i] = 0.0
    own = point[TEMPERATURE]
    for h in range(entries.shape[0]):
        x[OCCUPANCY, h] = point[PER_SPECIES + int(entries[h, SPECIES]) * SPECIES_COLUMNS + FRACTION]
    stage = point.copy()
    hotter = np.inf
    scalars[ITERATIONS] = 0.0
    while True:
        temperature = own
        for s in range(species.shape[1]):
            frozen = point[PER_SPECIES + s * SPECIES_COLUMNS + FROZEN]
            if temperature < frozen < hotter:
                temperature = frozen
        stage[TEMPERATURE], stage[BETA] = temperature, point[BETA] * own / temperature
        gauge = prepare_stage(temperature, stage, tables, flags)
        if gauge == -2:
            scalars[STATUS] = INVALID
            return
        status, used, step, background = close(phi, stage, tables, flags, gauge, work, x)
        scalars[ITERATIONS] += used
        scalars[STATUS], scalars[LAST_STEP], scalars[BACKGROUND] = status, step, background
        if status == NOT_CONVERGED:
            return
        if temperature == own:
            break
        hotter = temperature
    temperature_slope(phi, stage, tables, gauge, work, x)
    for i in range(n):
        out_planes[SLOPE, i] = work[TRIAL, i]


@kernel
def solve_many(points, planes, groups, entries, flags, scalars, out_planes, out_entries):
    """Solve every row of `points`; rows whose STATUS column is not 0 on entry are left alone.

    Shapes: `points` (n_points, PER_SPECIES + SPECIES_COLUMNS n_species), `scalars` (n_points, SCALARS), `out_planes`
    (n_points, 2, n_planes), `out_entries` (n_points, 3, n_entries).
    """
    n_species = (points.shape[1] - PER_SPECIES) // SPECIES_COLUMNS
    work = np.zeros((COLUMNS + 1 + n_species, planes.shape[0]))
    species = np.zeros((SPECIES_ROWS, n_species))
    tables = (planes, groups, entries, species)
    for p in range(points.shape[0]):
        if scalars[p, STATUS] == 0.0:
            solve_point(points[p, :], tables, flags, work, out_entries[p], scalars[p, :], out_planes[p])
