"""Derivatives of a solve with respect to a parameter, exact for the discrete problem.

The state moves by implicit differentiation: the equations linearised at the solution, with the parameter's own part on
the right-hand side, are one more tridiagonal system. What follows from the state explicitly (resistances, widths,
capacitances) is then differentiated along that exact direction by a five-point rule, whose error is the fourth power of
the step. The mesh is frozen; the elements of a layer keep their share of its thickness.
"""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import kernel, merged
from .ends import fix_ends, move_ends, shift_ends
from .faces import face_states
from .laws import LEAST_SLOPE, bulk_response, has_vacancies, state_of
from .layout import (
    CONTACT_SIZE,
    DIFFUSIVITY,
    J_OCC,
    J_VAC,
    LAYER_SIZE,
    LAYER_START,
    N_LAYERS,
    N_SPECIES,
    NO_PLANE,
    OF_LEFT,
    OF_RIGHT,
    PLANE_DENSITY,
    PLANE_ENERGY,
    PLANE_OF,
    SITES,
    SPECIES_SIZE,
    TEMPERATURE,
    THETA,
    VACANCY,
    Z,
    contact_start,
    species_start,
)
from .neutral import save_state, simple_static, state_size
from .newton import assemble, evaluate_charge, expand_step
from .observe import capacitances, find_regions, observe_layers
from .planes import PLANE_SIZE, plane_code, plane_tangent, stiffen_planes
from .planes import RESPONSE as PLANE_RESPONSE
from .poisson_boltzmann import WIDTH_FRACTION
from .pool import pool_slopes
from .rows import POOL
from .species import (
    BOLTZMANN,
    ELEMENTARY_CHARGE,
    VACUUM_PERMITTIVITY,
    fill_species,
    is_interacting,
)
from .start import set_up
from .statistics import conductivity
from .tridiagonal import solve_tridiagonal
from .workspace import STRIDE as S
from .workspace import padded, row_of

# Along the tangent, no reduced quantity moves by more than this: the five-point rule is then good to 1e-12.
LARGEST_MOVE = 2e-3


@kernel
def state_tangent(work, row, move, codes, species, n, tangent):
    """Fill `tangent` with the derivative of the state in `work` along the parameter direction `move`.

    Parameters: `row` input row of the solve, `move` (same layout) its derivative, `tangent` (5 (1 + n_species), n):
    rows of d y, then of d Delta per species. Rows Y, CHARGE, SLOPE, SOURCE of `work` are overwritten and y restored.
    """
    n_layers = codes[N_LAYERS]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    saved = np.empty((5, n))
    for i in range(5):
        for e in range(n):
            saved[i, e] = work[(w.Y + i) * S + e]
    _move_nodes(work, row, move, codes, species, n, saved)
    _move_faces(work, row, move, codes, n, saved)
    n_pad = padded(n)
    assemble(work, n, n_pad)
    stiffen_planes(work, codes)
    fix_ends(work, codes, n)
    solve_tridiagonal(row_of(work, w.DIAGONAL), row_of(work, w.OFF), row_of(work, w.RHS), n + 1)
    expand_step(work, n, n_pad)
    for c in range(n_layers - 1):
        work[w.STEP * S + int(work[w.FIRST * S + c + 1])] += move[contact_start(n_layers) + CONTACT_SIZE * c] / volt
    shift_ends(work, move, codes, n, volt)
    _collect_tangent(work, row, move, codes, species, n, saved, tangent)


@merged
def _move_nodes(work, row, move, codes, species, n, saved):
    """Put what the parameter adds to charge and stiffness of elements, with y of `saved`, where `assemble` reads it."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    warm = move[TEMPERATURE] / row[TEMPERATURE]
    start = species_start(n_layers)
    pool_moves = np.empty((n_layers, n_species, 3))
    for layer in range(n_layers):
        for s in range(n_species):
            c = start + SPECIES_SIZE * (layer * n_species + s)
            pool_moves[layer, s, 0], pool_moves[layer, s, 1] = move[c + Z], move[c + THETA]
            pool_moves[layer, s, 2] = move[c + VACANCY]
    for e in range(n):
        layer = int(work[w.LAYER * S + e])
        at = LAYER_START + LAYER_SIZE * layer
        stretch = move[at] / row[at]
        stiffer = move[at + 1] / row[at + 1] - stretch
        for i in range(5):
            y = saved[i, e]
            part = stretch * work[(w.CHARGE + i) * S + e]
            for s in range(n_species):
                if species[layer, s, o.P_STRENGTH] == 0.0:
                    continue
                c = start + SPECIES_SIZE * (layer * n_species + s)
                delta = work[(w.species_row(s) + w.DELTA + i) * S + e]
                _, _, change, response, _, slope = state_of(species, layer, s, delta)
                if species[layer, s, o.P_DILUTE] >= POOL:
                    shift = pool_slopes(species[layer], s, y, delta, pool_moves[layer], warm) - move[c + THETA]
                    relative = move[c + Z] / row[c + Z] + move[c + SITES] / row[c + SITES]
                    part += species[layer, s, o.P_STRENGTH] * (relative * change + shift)
                    continue
                pull = _inner_source(species, layer, s, row, move, c, delta, y)
                # d theta at fixed v, less d theta_b; both response and source belong to the same bulk.
                bulk = move[c + THETA]
                part += species[layer, s, o.P_STRENGTH] * (
                    (move[c + Z] / row[c + Z] + move[c + SITES] / row[c + SITES]) * change
                )
                part += species[layer, s, o.P_STRENGTH] * (
                    response * (pull / max(slope, LEAST_SLOPE) + _bulk_shift(species, layer, s, bulk)) - bulk
                )
            # assemble() takes charge per eps0 kT/e at the temperature of the solve and y as differences only.
            work[(w.CHARGE + i) * S + e] = part
            work[(w.Y + i) * S + e] = stiffer * y


@merged
def _move_faces(work, row, move, codes, n, saved):
    """Put what the parameter adds at contacts and ends where `assemble` reads it."""
    n_layers = codes[N_LAYERS]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    for e in range(n + 1):
        work[w.SOURCE * S + e] = 0.0
    for c in range(n_layers - 1):
        at = contact_start(n_layers) + CONTACT_SIZE * c
        e = int(work[w.FIRST * S + c + 1])
        work[w.SOURCE * S + e] = move[at + 1] / (VACUUM_PERMITTIVITY * volt)
        side = plane_code(codes, c, PLANE_OF)
        if side != NO_PLANE:
            y = saved[4, e - 1] if side == OF_LEFT else saved[0, e]
            work[w.SOURCE * S + e] += plane_tangent(work, row, move, codes, c, y)
            if side == OF_RIGHT:
                response = work[w.PLANES * S + PLANE_SIZE * c + PLANE_RESPONSE]
                work[w.SOURCE * S + e] -= response * move[at] / volt
        work[w.Y * S + e] += move[at] / volt
        work[w.CHARGE * S + e] -= work[w.SLOPE * S + e] * move[at] / volt
    move_ends(work, move, codes, n, volt)


@merged
def _collect_tangent(work, row, move, codes, species, n, saved, tangent):
    """Fill `tangent` from the solved step, and put y back."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    warm = move[TEMPERATURE] / row[TEMPERATURE]
    start = species_start(n_layers)
    for e in range(n):
        layer = int(work[w.LAYER * S + e])
        for i in range(5):
            y = saved[i, e]
            work[(w.Y + i) * S + e] = y
            # STEP is d v in units of kT/e at fixed T.
            shift = work[(w.STEP + i) * S + e]
            tangent[i, e] = shift - y * warm
            for s in range(n_species):
                tangent[5 + 5 * s + i, e] = 0.0
                if species[layer, s, o.P_STRENGTH] == 0.0:
                    continue
                c = start + SPECIES_SIZE * (layer * n_species + s)
                delta = work[(w.species_row(s) + w.DELTA + i) * S + e]
                _, _, _, _, _, slope = state_of(species, layer, s, delta)
                pull = _inner_source(species, layer, s, row, move, c, delta, y) - species[layer, s, o.P_Z] * shift
                tangent[5 + 5 * s + i, e] = pull / max(slope, LEAST_SLOPE)


@kernel
def _bulk_shift(species, layer, s, bulk):
    """Return d u_b for d theta_b."""
    law, theta, vacancy = species[layer, s, o.P_DILUTE], species[layer, s, o.P_THETA], species[layer, s, o.P_VACANCY]
    return bulk / bulk_response(law, theta, vacancy)


@kernel
def _inner_source(species, layer, s, row, move, c, delta, y):
    """Return the right-hand side of slope * d Delta = ... at fixed v, from g(Delta) = -z y differentiated.

    g(Delta) = Delta + (4/3)[j_occ (theta^(1/3) - theta_b^(1/3)) - j_vac (n^(1/3) - n_b^(1/3))].
    """
    warm = move[TEMPERATURE] / row[TEMPERATURE]
    theta, vacancy, change, _, _, slope = state_of(species, layer, s, delta)
    _, _, _, _, _, slope_b = state_of(species, layer, s, 0.0)
    root, root_b = theta ** (1.0 / 3.0), species[layer, s, o.P_THETA] ** (1.0 / 3.0)
    occupied = change / (root * root + root * root_b + root_b * root_b)
    vacant = 0.0
    if has_vacancies(species[layer, s, o.P_DILUTE]):
        root, root_b = vacancy ** (1.0 / 3.0), species[layer, s, o.P_VACANCY] ** (1.0 / 3.0)
        vacant = change / (root * root + root * root_b + root_b * root_b)
    shift = _bulk_shift(species, layer, s, move[c + THETA])
    result = (slope_b - slope) * shift - warm * delta - move[c + Z] * y
    kt = BOLTZMANN * row[TEMPERATURE]
    return result - (4.0 / 3.0) * (move[c + J_OCC] * occupied + move[c + J_VAC] * vacant) / kt


@merged
def _largest_move(work, row, move, codes, tangent, n):
    """Return the largest change of a reduced quantity per unit of the parameter."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    largest = abs(move[TEMPERATURE] / row[TEMPERATURE])
    for k in range(LAYER_START, contact_start(n_layers)):
        largest = max(largest, abs(move[k] / row[k]))
    kt = BOLTZMANN * row[TEMPERATURE]
    for k in range(n_layers * n_species):
        at = species_start(n_layers) + SPECIES_SIZE * k
        if row[at + SITES] == 0.0:
            continue
        largest = max(largest, abs(move[at + Z] / row[at + Z]))
        largest = max(largest, abs(move[at + SITES] / row[at + SITES]))
        # What is empty of a pool is not 1 - theta of a state, and has a line of its own.
        largest = max(largest, abs(move[at + THETA]) / row[at + THETA])
        largest = max(largest, abs(move[at + VACANCY]) / row[at + VACANCY])
        largest = max(largest, max(abs(move[at + J_OCC]), abs(move[at + J_VAC])) / kt)
        if row[at + DIFFUSIVITY] > 0.0:
            largest = max(largest, abs(move[at + DIFFUSIVITY] / row[at + DIFFUSIVITY]))
    for i in range(tangent.shape[0]):
        for e in range(n):
            largest = max(largest, abs(tangent[i, e]))
    for c in range(n_layers - 1):
        at = contact_start(n_layers) + CONTACT_SIZE * c
        largest = max(largest, abs(move[at]) * ELEMENTARY_CHARGE / kt)
        if plane_code(codes, c, PLANE_OF) != NO_PLANE:
            largest = max(largest, abs(move[at + PLANE_ENERGY]) / kt)
            largest = max(largest, abs(move[at + PLANE_DENSITY]) / max(row[at + PLANE_DENSITY], 1e-300))
    return largest


@merged
def _place_state(work, row, move, codes, state, tangent, amount):
    """Put the state that `save_state` saved into `work`, moved along its tangent by `amount` of the parameter."""
    n_species, n = codes[N_SPECIES], tangent.shape[1]
    for e in range(n):
        at = LAYER_START + LAYER_SIZE * int(work[w.LAYER * S + e])
        work[w.SIZE * S + e] = state[5 * n + e] * (1.0 + amount * move[at] / row[at])
        for i in range(5):
            work[(w.Y + i) * S + e] = state[i * n + e] + amount * tangent[i, e]
            for s in range(n_species):
                work[(w.species_row(s) + w.DELTA + i) * S + e] = (
                    state[(7 + 5 * s + i) * n + e] + amount * tangent[5 + 5 * s + i, e]
                )


@kernel
def sensitivity(work, row, moves, codes, options, out, result):
    """Fill `result` (n_parameters, output_size) with derivatives of the output row of the solve left in `work`.

    `moves` (n_parameters, row_size) holds the derivatives of the input row. The state is as before afterwards.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    n = int(work[w.FIRST * S + n_layers])
    species = np.empty((n_layers, n_species, o.SPECIES_COLUMNS))
    faces = np.empty((n_layers, 5))
    tangent = np.empty((5 + 5 * n_species, n))
    state = np.empty(state_size(n_layers, n_species, n))
    other = np.empty(row.size)
    values = np.empty((4, out.size))
    levels, regions = np.empty((n_layers, n_species, 2)), np.empty((n_layers, 2, 2 + n_species))
    fill_species(row, codes, species)
    # Delta is an unknown of its own from here on: an interaction may be the very parameter that moves.
    interacting = True
    n_pad = padded(n)
    set_up(work, row, codes, species, n, interacting)
    if not is_interacting(codes, species):
        for s in range(n_species):
            for e in range(n):
                z = species[int(work[w.LAYER * S + e]), s, o.P_Z]
                for i in range(5):
                    work[(w.species_row(s) + w.DELTA + i) * S + e] = -z * work[(w.Y + i) * S + e]
    save_state(work, codes, n, state, False)
    for q in range(moves.shape[0]):
        move = moves[q]
        for k in range(out.size):
            result[q, k] = 0.0
        fill_species(row, codes, species)
        set_up(work, row, codes, species, n, interacting)
        evaluate_charge(work, codes, n, n_pad, interacting)
        state_tangent(work, row, move, codes, species, n, tangent)
        largest = _largest_move(work, row, move, codes, tangent, n)
        # A parameter that moves only an areal charge or a fixed charge still needs some step.
        step = LARGEST_MOVE / largest if largest > 0.0 else 1.0
        for trial in range(4):
            amount = (-2.0, -1.0, 1.0, 2.0)[trial] * step
            for k in range(row.size):
                other[k] = row[k] + amount * move[k]
            _place_state(work, row, move, codes, state, tangent, amount)
            fill_species(other, codes, species)
            set_up(work, other, codes, species, n, interacting)
            evaluate_charge(work, codes, n, n_pad, interacting)
            face_states(work, codes, n, faces)
            for k in range(out.size):
                values[trial, k] = out[k]
            levels[:] = math.nan
            conductivity(work, codes, species, interacting, codes)
            find_regions(work, codes, species, faces, options[WIDTH_FRACTION], True, levels, regions)
            observe_layers(work, other, codes, species, faces, regions, interacting, values[trial])
            assemble(work, n, n_pad)
            capacitances(work, codes, n, values[trial])
            simple_static(other, codes, faces, values[trial])
        for k in range(out.size):
            result[q, k] = (8.0 * (values[2, k] - values[1, k]) - (values[3, k] - values[0, k])) / (12.0 * step)
        save_state(work, codes, n, state, True)
    fill_species(row, codes, species)
    set_up(work, row, codes, species, n, interacting)
    return 0
