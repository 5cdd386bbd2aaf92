"""One jitted function per solve: guess, mesh, Newton, error estimate, observables.

The mesh is made twice over: solved on n elements, then on 2 n (each cut in half, started from the coarse answer), and
what changed between the two is the error estimate. It depends on the point alone, never on its neighbours in a sweep,
so that an answer does not depend on how a sweep is cut into chunks.
"""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from . import workspace as w
from ._jit import kernel, merged
from .layout import (
    EFFORT,
    END_LEFT,
    END_RIGHT,
    LAYER_SIZE,
    LAYER_START,
    MEMO_OWN_RESOLUTION,
    MEMO_SIZE,
    MEMO_TOLERANCE,
    N_LAYERS,
    N_SPECIES,
    TEMPERATURE,
    TOLERANCE,
)
from .mesh import NO_CONTACT, lay_elements, set_parameters, start_deltas
from .neutral import (
    SMALL_BIAS,
    charge_left,
    holds_charge,
    insert_gap,
    is_plane,
    needs_neutral_solve,
    save_state,
    simple_static,
)
from .newton import CONVERGED, MOST_EFFORT, SQUARE, STEP_TOLERANCE, assemble, evaluate_charge, newton
from .observe import capacitances, face_states, find_regions, is_contact, observe_layers
from .planes import has_planes
from .species import (
    BOLTZMANN,
    ELEMENTARY_CHARGE,
    VACUUM_PERMITTIVITY,
    bulk_conductivity,
    bulk_slope,
    fill_species,
    is_bordered,
    is_interacting,
)
from .start import guess_contacts, place_jumps, refine, touches_gap
from .tables import field_at
from .workspace import STRIDE as S

SOLVED, UNCONVERGED, MISCIBILITY_GAP, INVALID, INACCURATE, NOT_RUN = 0, 1, 2, 3, 4, -1

# Options of a solve, one float array (SolverOptions in `spacecharge.solver.options` documents them).
(
    WIDTH_FRACTION,
    FIRST_RESOLUTION,
    SAFETY,
    MAX_LEVELS,
    WITH_STATIC,
    RESISTANCE_TOLERANCE,
    START_FLAT,
    OPTIONS_SIZE,
) = range(8)

ORDER = 8.0
# Rounding of a contact potential, per volt of it: measured on random cases at the tightest tolerance.
ROUNDING = 4e-13
# Share of the tolerance that Newton's last step may leave behind, and that on the first mesh, whose answer only serves
# the comparison with the next.
NEWTON_SHARE, FIRST_SHARE = 1e-2, 5e-2
# Shares of the tolerances below which no estimate goes: two meshes may agree by luck.
LUCK, LUCK_RESISTANCE = 0.02, 0.05
COARSE, HALVED, NEUTRAL = 0, 1, 2


@merged
def relax(work, row, codes, species, n, interacting, bordered, flat, target, gap, memo):
    """Solve on the present mesh from the present start; returns (status, iterations, last step).

    `gap` is the index of an element without stiffness that cuts the stack in two, or -1.
    """
    n_pad = set_parameters(work, row, codes, species, n, interacting)
    place_jumps(work, row, codes, n)
    if gap >= 0:
        work[w.STIFFNESS * S + gap] = 0.0
        work[w.STRENGTH * S + gap] = 0.0
    return newton(work, row, codes, n, n_pad, interacting, bordered, flat, target, memo)


@kernel
def _needs_new_mesh(work, row, codes, faces, contact_y, contact_field, tables):
    """Compare potentials and fields with those the mesh was made for, store them, say whether to make it anew."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    remake = False
    for layer in range(n_layers):
        permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
        for side in range(2):
            if contact_field[layer, side] == NO_CONTACT:
                continue
            y, field = faces[layer, side], abs(faces[layer, 2 + side]) / permittivity
            assumed = contact_y[layer, side]
            thick, _ = field_at(work, w.table_row(layer, side, n_species), tables[layer, side, 0], assumed)
            through = max(contact_field[layer, side], thick)
            if abs(y - assumed) > 0.3 + 0.1 * abs(assumed) or (field > 1.3 * through and abs(y) > 0.3):
                remake = True
            contact_y[layer, side] = y
            contact_field[layer, side] = field
    return remake


@kernel
def _compare(row, codes, species, faces, regions, before):
    """Return the largest change of a face's potential and the largest relative change of a region's resistance.

    `before` (n_layers, 2, 2) holds potentials and resistances on the mesh before and takes those of this one.
    Resistances are compared with max(R, debye / sigma_b), below which a difference has no meaning.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    potential, resistance = 0.0, 0.0
    for layer in range(n_layers):
        floor = math.inf
        bulk = bulk_conductivity(species, layer, n_species)
        if bulk > 0.0:
            permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
            floor = math.sqrt(permittivity / bulk_slope(species, layer, n_species)) / bulk
        for side in range(2):
            if not is_contact(codes, layer, side):
                continue
            potential = max(potential, abs(faces[layer, side] - before[layer, side, 0]))
            new, old = regions[layer, side, 0], before[layer, side, 1]
            if math.isfinite(new) and math.isfinite(old):
                resistance = max(resistance, abs(new - old) / max(abs(new), floor))
            before[layer, side, 0], before[layer, side, 1] = faces[layer, side], new
    return potential, resistance


@kernel
def neutral_ends(codes, plane):
    """Return the codes with an end that is the plane itself set free."""
    freed = codes.copy()
    if plane == 0:
        freed[END_LEFT] = o.ZERO_FIELD
    elif plane == codes[N_LAYERS]:
        freed[END_RIGHT] = o.ZERO_FIELD
    return freed


@kernel
def _largest_drop(faces):
    """Return the largest |y| of any face."""
    largest = 0.0
    for layer in range(faces.shape[0]):
        largest = max(largest, max(abs(faces[layer, 0]), abs(faces[layer, 1])))
    return largest


@merged
def solve_point(
    work,
    row,
    codes,
    species,
    contact_y,
    contact_field,
    faces,
    deltas,
    tables,
    memo,
    levels,
    regions,
    before,
    options,
    out,
):
    """Solve one point; fills `out` (layout: `layout.output_size`), returns the number of elements left in `work`.

    Parameters: `work` (flat, see `workspace`), `row` input row, `codes` int, `species` (n_layers, n_species,
    SPECIES_COLUMNS), `contact_y`, `contact_field` (n_layers, 2), `faces` (n_layers, 5), `deltas` (n_species), `tables`
    (n_layers, 2, 2) int, `memo` (5), `levels` (n_layers, n_species, 2), `regions` (n_layers, 2, 2 + n_species),
    `before` (n_layers, 2, 2), `options` (OPTIONS_SIZE); all but row, codes and options are overwritten.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    out[:] = math.nan
    out[o.ITERATIONS] = 0.0
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    unstable = fill_species(row, codes, species)
    if unstable >= 0:
        out[o.STATUS] = MISCIBILITY_GAP
        return 0
    if not holds_charge(row, codes, 0, n_layers):
        out[o.STATUS] = UNCONVERGED
        return 0
    interacting = is_interacting(codes, species)
    bordered = interacting and is_bordered(codes, species)
    tolerance = row[TOLERANCE]
    reduced = tolerance / volt
    # Of the tolerance alone, not of temperature: a sweep over temperature then shares the tables that depend on it.
    if memo[MEMO_TOLERANCE] != tolerance:
        memo[MEMO_TOLERANCE] = tolerance
        memo[MEMO_OWN_RESOLUTION] = min(max(options[FIRST_RESOLUTION] * (tolerance / 1e-6) ** (1.0 / ORDER), 0.08), 6.0)
    resolution = memo[MEMO_OWN_RESOLUTION]
    # Where the mesh of a thick layer ends in one element of bulk; halving does not see that cut, so it stays far below
    # the tolerance (2 tail^2 on a contact) and below the threshold of a width ((tail / fraction)^2 on a resistance).
    fraction = options[WIDTH_FRACTION]
    tail = min(1e-5, 1.5e-3 * math.sqrt(reduced)) * min(1.0, fraction / 0.01)
    # Newton's last step: its square stays far below the tolerance.
    target = min(max(math.sqrt(NEWTON_SHARE / SQUARE * reduced), STEP_TOLERANCE), 1e-2)
    first_target = min(math.sqrt(FIRST_SHARE / SQUARE * reduced), 1e-2)
    flat = options[START_FLAT] > 0.0
    levels[:] = math.nan
    memo[EFFORT] = MOST_EFFORT
    guess_contacts(work, row, codes, species, resolution, memo, contact_y, contact_field, tables)
    # One loop for all meshes: coarse ones (made anew while the contacts move), halved ones, and the stack cut at one
    # contact for its neutral bias. Every kernel is then called, and compiled, at one place.
    stage, attempt, level, plane, gap = COARSE, 0, 0, np.int64(-1), np.int64(-1)
    result, iterations, n = INACCURATE, 0, 0
    bias = 0.0
    state = np.empty(0)
    end_codes = codes
    while True:
        if stage == COARSE:
            n = lay_elements(work, row, codes, species, contact_y, contact_field, tables, resolution, memo, tail)
            if n < 0 or 2 * n + 8 > w.CAPACITY:
                out[o.STATUS] = INACCURATE
                return 0
            if interacting:
                start_deltas(work, codes, species, n)
        status, more, last_step = relax(
            work,
            row,
            end_codes,
            species,
            n if gap < 0 else n + 1,
            interacting,
            bordered,
            flat and stage == COARSE,
            first_target if stage == COARSE else target,
            gap,
            memo,
        )
        if stage == NEUTRAL:
            start = o.capacitance_start(n_layers, n_species) + 2 * plane
            if 0 < plane < n_layers:
                first = int(work[w.FIRST * S + plane])
                bias = work[w.JUMP * S + first] - (work[w.Y * S + first] - work[(w.Y + 4) * S + first - 2])
            elif plane == 0:
                bias = faces[0, 0] - work[w.Y * S]
            else:
                bias = faces[n_layers - 1, 1] - work[(w.Y + 4) * S + n - 1]
            save_state(work, codes, n, state, stage == NEUTRAL)
            if status != CONVERGED:
                out[start + o.STATIC] = math.nan
            elif abs(bias) > SMALL_BIAS:
                out[start + o.STATIC] = charge_left(codes, faces, plane) / bias * VACUUM_PERMITTIVITY
        else:
            iterations += more
            if status != CONVERGED:
                result = UNCONVERGED
            else:
                balance = face_states(work, codes, n, faces)
                if stage == COARSE:
                    attempt += 1
                    if attempt < 6 and _needs_new_mesh(work, row, codes, faces, contact_y, contact_field, tables):
                        flat = False
                        continue
            if result == UNCONVERGED or (bordered and touches_gap(work, codes, species, n)):
                out[:] = math.nan
                out[o.STATUS] = UNCONVERGED if result == UNCONVERGED else MISCIBILITY_GAP
                out[o.ITERATIONS] = iterations
                return 0
            if stage == HALVED:
                level += 1
            more_room = level < int(options[MAX_LEVELS]) and 2 * n + 8 <= w.CAPACITY
            find_regions(
                work, codes, species, faces, fraction, interacting,
                stage == HALVED or not more_room, levels, regions,
            )  # fmt: skip
            potential, resistance = _compare(row, codes, species, faces, regions, before)
            enough = False
            if stage == HALVED:
                left_over = SQUARE * last_step * last_step
                out[o.POTENTIAL_ERROR] = (
                    (potential * options[SAFETY] + left_over) * volt
                    + ROUNDING * (_largest_drop(faces) * volt + 0.2)
                    + LUCK * tolerance
                )
                # A width ends where y is as small as the threshold: there the same error is a larger share.
                aim = options[RESISTANCE_TOLERANCE] * reduced
                out[o.RESISTANCE_ERROR] = (
                    resistance * 2.0 * options[SAFETY]
                    + (tail / fraction) ** 2
                    + left_over / fraction
                    + LUCK_RESISTANCE * aim
                    + 1e-9
                )
                if out[o.POTENTIAL_ERROR] <= tolerance:
                    result = SOLVED
                    enough = out[o.RESISTANCE_ERROR] <= aim
            if not enough and more_room:
                stage = HALVED
                refine(work, codes, n)
                n *= 2
                continue
            out[o.ITERATIONS] = iterations
            out[o.ELEMENTS] = n
            out[o.STATUS] = result
            out[o.BALANCE] = balance * VACUUM_PERMITTIVITY * volt
            out[o.VALIDITY] = observe_layers(work, row, codes, species, faces, regions, interacting, deltas, out)
            # Slopes of the final state, for the capacitances.
            n_pad = (n + 7) // 8 * 8
            evaluate_charge(work, codes, n, n_pad, interacting)
            assemble(work, n, n_pad)
            capacitances(work, codes, n, out)
            simple_static(row, codes, faces, out)
        # Neutral biases still to be solved for, contact by contact, each from the state just found.
        plane += 1
        while plane <= n_layers:
            wanted = options[WITH_STATIC] > 0.0 and not has_planes(codes)
            if wanted and is_plane(codes, plane) and needs_neutral_solve(row, codes, plane):
                end_codes = neutral_ends(codes, plane)
                if (
                    memo[EFFORT] > 0.0
                    and holds_charge(row, end_codes, 0, plane if plane > 0 else n_layers)
                    and (plane == 0 or plane == n_layers or holds_charge(row, end_codes, plane, n_layers))
                ):
                    break
                # No state without charge at this plane: no neutral bias, and nothing to refer the charge to.
                out[o.capacitance_start(n_layers, n_species) + 2 * plane + o.STATIC] = math.nan
            plane += 1
        if plane > n_layers:
            break
        if stage != NEUTRAL:
            state = np.empty((7 + 5 * n_species) * n + n_layers + 1)
            save_state(work, codes, n, state, stage == NEUTRAL)
            stage = NEUTRAL
            target = STEP_TOLERANCE
        gap = -1
        if 0 < plane < n_layers:
            gap = insert_gap(work, codes, n, plane)
    if stage == NEUTRAL:
        # Coefficients of the mesh without the cut, for those who read the state afterwards.
        set_parameters(work, row, codes, species, n, interacting)
        place_jumps(work, row, codes, n)
    return n


@kernel
def solve_rows(first, last, rows, codes, options, work, out):
    """Solve points first..last-1 of `rows` (n_points, row_size) into `out` (n_points, output_size).

    Returns the number of elements that the last point left in `work`, 0 where it failed.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    species = np.empty((n_layers, n_species, o.SPECIES_COLUMNS))
    contact_y, contact_field = np.empty((n_layers, 2)), np.empty((n_layers, 2))
    faces, deltas = np.empty((n_layers, 5)), np.empty(n_species)
    tables = np.empty((n_layers, 2, 2), dtype=np.int64)
    memo = np.zeros(MEMO_SIZE)
    levels, regions = np.empty((n_layers, n_species, 2)), np.empty((n_layers, 2, 2 + n_species))
    before = np.empty((n_layers, 2, 2))
    n = 0
    for p in range(first, last):
        if out[p, o.STATUS] == INVALID:
            n = 0
            continue
        n = solve_point(
            work,
            rows[p],
            codes,
            species,
            contact_y,
            contact_field,
            faces,
            deltas,
            tables,
            memo,
            levels,
            regions,
            before,
            options,
            out[p],
        )
    return n
