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
from ._jit import inlined, kernel, merged
from .faces import face_states, is_contact
from .layout import (
    EFFORT,
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
from .level import loses_level
from .mesh import NO_CONTACT, lay_elements, start_deltas
from .neutral import direct_static, holds_charge, simple_static, solve_neutral
from .newton import (
    CONVERGED,
    MOST_EFFORT,
    NOT_CONVERGED,
    SQUARE,
    STEP_TOLERANCE,
    assemble,
    evaluate_charge,
    fast_mode,
    newton,
)
from .observe import capacitances, find_regions, observe_layers
from .planes import has_planes
from .species import (
    BOLTZMANN,
    ELEMENTARY_CHARGE,
    VACUUM_PERMITTIVITY,
    bulk_conductivity,
    bulk_slope,
    fill_columns,
    is_bordered,
    is_interacting,
)
from .start import guess_contacts, refine, set_up, touches_gap
from .statistics import conductivity
from .tables import field_at
from .workspace import padded

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

# Formal order of the nodes that elements share: sizes of elements follow the tolerance to 1/ORDER.
ORDER = 8.0
# Rounding of a contact potential, per volt of it and as of ROUNDING_VOLT where it is small: measured on random cases at
# the tightest tolerance.
ROUNDING, ROUNDING_VOLT = 4e-13, 0.2
# Share of the tolerance that Newton's last step may leave behind, and that on the first mesh, whose answer only serves
# the comparison with the next.
NEWTON_SHARE, FIRST_SHARE = 1e-2, 5e-2
# Shares of the tolerances below which no estimate goes: two meshes may agree by luck.
LUCK, LUCK_RESISTANCE = 0.02, 0.05
LEAST_RESISTANCE_ERROR = 1e-9
# Bounds of the size of elements that a tolerance asks for, in steps of Delta.
FINEST_RESOLUTION, COARSEST_RESOLUTION = 0.08, 6.0
# First meshes made anew before the contacts stop moving; two do nearly always, thin stacks take three. A contact has
# moved that is off what its mesh was made for by MOVED kT/e and this share of it, or whose field has grown so much.
MOST_MESHES = 6
MOVED, MOVED_SHARE, FIELD_GROWTH = 0.3, 0.1, 1.3
# |y| that counts as bulk at the end of a mesh: at the most, and per root of the tolerance in kT/e. The cut leaves
# 2 tail^2 on a contact, 4.5e-6 of the tolerance. The first is a thousandth of THRESHOLD, the usual threshold of a
# width, and follows a smaller one.
LARGEST_TAIL, TAIL_PER_ROOT, THRESHOLD = 1e-5, 1.5e-3, 0.01
# Tolerance at which the sizes of elements are those of the options.
REFERENCE_TOLERANCE = 1e-6
# Newton's last step at loose tolerances: beyond, it says nothing any more of what it leaves.
LARGEST_LAST_STEP = 1e-2


@merged
def relax(work, row, codes, n, kind, target, memo, general):
    """Solve on the present mesh from the present start; takes and returns what `newton` does."""
    if general is None:
        status, iterations, last = fast_mode(work, codes, n, padded(n), kind[0], False, target, None)
        if status == CONVERGED and loses_level(work, codes, n):
            status = NOT_CONVERGED
    else:
        status, iterations, last = newton(work, row, codes, n, kind, target, memo)
    return status, iterations, last


@kernel
def _needs_new_mesh(work, row, codes, faces, guess):
    """Compare potentials and fields with those the mesh was made for, store them, say whether to make it anew."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    contact_y, contact_field, tables = guess
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
            moved = abs(y - assumed) > MOVED + MOVED_SHARE * abs(assumed)
            if moved or (field > FIELD_GROWTH * through and abs(y) > MOVED):
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


@inlined
def _aims(row, options, memo):
    """Return what the tolerance asks of mesh and Newton: resolution, tail, targets of the steps, tolerance in kT/e."""
    tolerance = row[TOLERANCE]
    reduced = tolerance / (BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE)
    # Of the tolerance alone, not of temperature: a sweep over temperature then shares the tables that depend on it.
    if memo[MEMO_TOLERANCE] != tolerance:
        memo[MEMO_TOLERANCE] = tolerance
        resolution = options[FIRST_RESOLUTION] * (tolerance / REFERENCE_TOLERANCE) ** (1.0 / ORDER)
        memo[MEMO_OWN_RESOLUTION] = min(max(resolution, FINEST_RESOLUTION), COARSEST_RESOLUTION)
    # Where the mesh of a thick layer ends in one element of bulk; halving does not see that cut, so it stays far below
    # the tolerance and below the threshold of a width ((tail / fraction)^2 on a resistance).
    tail = min(LARGEST_TAIL, TAIL_PER_ROOT * math.sqrt(reduced)) * min(1.0, options[WIDTH_FRACTION] / THRESHOLD)
    # Newton's last step: its square stays far below the tolerance.
    target = min(max(math.sqrt(NEWTON_SHARE / SQUARE * reduced), STEP_TOLERANCE), LARGEST_LAST_STEP)
    first_target = min(math.sqrt(FIRST_SHARE / SQUARE * reduced), LARGEST_LAST_STEP)
    return memo[MEMO_OWN_RESOLUTION], tail, target, first_target, reduced


@kernel
def _estimate(row, faces, options, change, last_step, tail, reduced, out):
    """Fill the error estimates of a halved mesh; say whether the potential is good enough, and whether all is.

    `change` is what `_compare` returns of the mesh before, `last_step` is Newton's.
    """
    potential, resistance = change
    tolerance, fraction = row[TOLERANCE], options[WIDTH_FRACTION]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    largest = 0.0
    for layer in range(faces.shape[0]):
        largest = max(largest, max(abs(faces[layer, 0]), abs(faces[layer, 1])))
    left_over = SQUARE * last_step * last_step
    out[o.POTENTIAL_ERROR] = (
        (potential * options[SAFETY] + left_over) * volt
        + ROUNDING * (largest * volt + ROUNDING_VOLT)
        + LUCK * tolerance
    )
    # A width ends where y is as small as the threshold: there the same error is a larger share.
    aim = options[RESISTANCE_TOLERANCE] * reduced
    out[o.RESISTANCE_ERROR] = (
        resistance * 2.0 * options[SAFETY]
        + (tail / fraction) ** 2
        + left_over / fraction
        + LUCK_RESISTANCE * aim
        + LEAST_RESISTANCE_ERROR
    )
    good = out[o.POTENTIAL_ERROR] <= tolerance
    return good, good and out[o.RESISTANCE_ERROR] <= aim


@inlined
def _failed(out, status, iterations):
    """Leave nothing but a status and the iterations; return the number of elements, none."""
    out[:] = math.nan
    out[o.STATUS] = status
    out[o.ITERATIONS] = iterations
    return 0


@merged
def _observe(work, row, codes, scratch, n, options, out, general):
    """Fill the output row from the state on the last mesh."""
    species, _, faces, memo, _, regions, _ = scratch
    interacting = is_interacting(codes, species)
    out[o.VALIDITY] = observe_layers(work, row, codes, species, faces, regions, interacting, out)
    # Slopes of the final state, for the capacitances.
    n_pad = padded(n)
    evaluate_charge(work, codes, n, n_pad, interacting, general)
    assemble(work, n, n_pad)
    capacitances(work, codes, n, out)
    if general is None:
        direct_static(row, codes, faces, out)
    else:
        simple_static(row, codes, faces, out)
        if options[WITH_STATIC] > 0.0 and not has_planes(codes):
            solve_neutral(work, row, codes, species, faces, n, memo, out)


@merged
def solve_point(work, row, codes, scratch, options, out, general):
    """Solve one point; fills `out` (layout: `rows.output_size`), returns the number of elements left in `work`.

    `work` is flat (see `workspace`), `row` and `codes` are input, `scratch` belongs to the thread. Without `general`
    (None) the point has one species a layer, on a lattice without attraction, starts from the estimate, and has no
    neutral bias to be solved for; what needs more than Newton's fast mode is left with status `NOT_RUN`.
    """
    species, guess, faces, memo, levels, regions, before = scratch
    out[:] = math.nan
    unstable = fill_columns(row, codes, species, general)
    bordered = False
    if general is not None:
        if unstable >= 0:
            return _failed(out, MISCIBILITY_GAP, 0)
        if not holds_charge(row, codes, 0, codes[N_LAYERS]):
            return _failed(out, UNCONVERGED, 0)
        bordered = is_bordered(codes, species)
    interacting = is_interacting(codes, species)
    resolution, tail, target, first_target, reduced = _aims(row, options, memo)
    levels[:] = math.nan
    memo[EFFORT] = MOST_EFFORT
    guess_contacts(work, row, codes, species, resolution, memo, guess, general)
    # One loop for the coarse mesh, made anew while the contacts move, and the halved ones: every kernel is then called,
    # and compiled, at one place.
    coarse, flat, attempt, level, iterations, n = True, options[START_FLAT] > 0.0, 0, 0, 0, 0
    good = False
    while True:
        if coarse:
            n = lay_elements(work, row, codes, species, guess, memo, (resolution, tail), general)
            if n < 0 or 2 * n + 8 > w.CAPACITY:
                return _failed(out, INACCURATE, iterations)
            if interacting:
                start_deltas(work, codes, species, n)
        kind = (interacting, bordered, flat and coarse)
        set_up(work, row, codes, species, n, interacting)
        status, more, last_step = relax(
            work, row, codes, n, kind, first_target if coarse else target, memo, general
        )  # fmt: skip
        iterations += more
        if status != CONVERGED:
            return _failed(out, NOT_RUN if general is None else UNCONVERGED, iterations)
        balance = face_states(work, codes, n, faces)
        if coarse:
            attempt += 1
            if attempt < MOST_MESHES and _needs_new_mesh(work, row, codes, faces, guess):
                flat = False
                continue
        if general is not None and bordered and touches_gap(work, codes, species, n):
            return _failed(out, MISCIBILITY_GAP, iterations)
        if not coarse:
            level += 1
        more_room = level < int(options[MAX_LEVELS]) and 2 * n + 8 <= w.CAPACITY
        conductivity(work, codes, species, interacting, general)
        find_regions(
            work, codes, species, faces, options[WIDTH_FRACTION], not coarse or not more_room, levels, regions
        )  # fmt: skip
        change = _compare(row, codes, species, faces, regions, before)
        enough = False
        if not coarse:
            good, enough = _estimate(row, faces, options, change, last_step, tail, reduced, out)
        if enough or not more_room:
            break
        coarse = False
        refine(work, codes, n)
        n *= 2
    out[o.STATUS] = SOLVED if good else INACCURATE
    out[o.ITERATIONS], out[o.ELEMENTS] = iterations, n
    out[o.BALANCE] = balance * VACUUM_PERMITTIVITY * (BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE)
    _observe(work, row, codes, scratch, n, options, out, general)
    return n


@merged
def _solve_all(first, last, rows, codes, options, work, out, general):
    """Solve points first..last-1; returns as `solve_rows`."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    scratch = (
        np.empty((n_layers, n_species, o.SPECIES_COLUMNS)),
        (np.empty((n_layers, 2)), np.empty((n_layers, 2)), np.empty((n_layers, 2, 2), dtype=np.int64)),
        np.empty((n_layers, 5)),
        np.zeros(MEMO_SIZE),
        np.empty((n_layers, n_species, 2)),
        np.empty((n_layers, 2, 2 + n_species)),
        np.empty((n_layers, 2, 2)),
    )
    n = 0
    for p in range(first, last):
        if out[p, o.STATUS] == INVALID:
            n = 0
        else:
            n = solve_point(work, rows[p], codes, scratch, options, out[p], general)
    return n


@kernel
def solve_rows(first, last, rows, codes, options, work, out):
    """Solve points first..last-1 of `rows` (n_points, row_size) into `out` (n_points, output_size): the main job.

    One species a layer, on a lattice without attraction; a point that needs more keeps status `NOT_RUN`. Returns the
    number of elements that the last point left in `work`, 0 where it failed.
    """
    return _solve_all(first, last, rows, codes, options, work, out, None)


@kernel
def solve_any_rows(first, last, rows, codes, options, work, out):
    """Solve points of every kind, as `solve_rows`; compiled when the first of them comes along."""
    return _solve_all(first, last, rows, codes, options, work, out, codes)
