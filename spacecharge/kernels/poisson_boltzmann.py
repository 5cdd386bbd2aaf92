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
from .workspace import STRIDE as S
from ._jit import kernel
from .element import split_halves
from .grading import (
    BOLTZMANN,
    ELEMENTARY_CHARGE,
    VACUUM_PERMITTIVITY,
    bulk_slope,
    fill_species,
    first_integral,
)
from .grading import guess_contact, march
from .layout import (
    CODE_START,
    CONTACT_SIZE,
    DILUTE,
    END_LEFT,
    END_RIGHT,
    FIXED_CHARGE,
    FIXED_POTENTIAL,
    LAYER_SIZE,
)
from .layout import LAYER_START, N_LAYERS, N_SPECIES, TEMPERATURE, TOLERANCE, contact_start, end_start
from .mesh import NO_CONTACT, lay_elements, set_parameters, start_deltas
from .newton import CONVERGED, assemble, evaluate_charge, newton_fast, newton_safe
from .observe import bulk_conductivity, capacitances, face_states, is_contact, observe_layers

SOLVED, UNCONVERGED, MISCIBILITY_GAP, INVALID, INACCURATE, NOT_RUN = 0, 1, 2, 3, 4, -1

# Options of a solve, one float array (SolverOptions in `spacecharge.solve` documents them).
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


@kernel
def is_interacting(codes, species):  # type: ignore[no-untyped-def]
    """Say whether any species carries Delta as an unknown of its own (interaction or dilute statistics)."""
    for layer in range(codes[N_LAYERS]):
        for s in range(codes[N_SPECIES]):
            p = species[layer, s]
            if p[0] != 0.0 and (p[4] != 0.0 or p[5] != 0.0 or p[10] != 0.0):
                return True
    return False


@kernel
def guess_contacts(work, row, codes, species, resolution, contact_y, contact_field, tables):  # type: ignore[no-untyped-def]
    """Fill y and |dy/dx| at every contact as if all layers were thick."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    contact_field[:, :] = NO_CONTACT
    contact_y[:, :] = 0.0
    tables[:, :, :] = 0
    for c in range(n_layers - 1):
        step = row[contact_start(n_layers) + CONTACT_SIZE * c] / volt
        sign = 1.0 if step >= 0.0 else -1.0
        left, right = w.table_row(c, 1, n_species), w.table_row(c + 1, 0, n_species)
        eps_left = row[LAYER_START + LAYER_SIZE * c + 1]
        eps_right = row[LAYER_START + LAYER_SIZE * (c + 1) + 1]
        n_left = march(work, left, species, c, n_species, -sign, eps_left, resolution, abs(step), math.inf)
        n_right = march(
            work, right, species, c + 1, n_species, sign, eps_right, resolution, abs(step), math.inf
        )
        tables[c, 1, 0], tables[c, 1, 1] = n_left, -int(sign)
        tables[c + 1, 0, 0], tables[c + 1, 0, 1] = n_right, int(sign)
        slope_left = bulk_slope(species, c, n_species) / eps_left
        slope_right = bulk_slope(species, c + 1, n_species) / eps_right
        y = guess_contact(
            work, step, left, n_left, slope_left, eps_left, right, n_right, slope_right, eps_right
        )
        contact_y[c, 1] = y
        contact_y[c + 1, 0] = y + step
        contact_field[c, 1] = 0.0
        contact_field[c + 1, 0] = 0.0
    for side in range(2):
        kind = codes[END_LEFT + side]
        if kind < FIXED_POTENTIAL:
            continue
        layer = 0 if side == 0 else n_layers - 1
        value = row[end_start(n_layers) + side]
        contact_field[layer, side] = 0.0
        if kind == FIXED_POTENTIAL:
            contact_y[layer, side] = value / volt
            continue
        permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
        field = abs(value) / (VACUUM_PERMITTIVITY * volt)
        sign = 1.0 if value >= 0.0 else -1.0
        at = w.table_row(layer, side, n_species)
        entries = march(work, at, species, layer, n_species, sign, permittivity, resolution, 500.0, field)
        tables[layer, side, 0], tables[layer, side, 1] = entries, int(sign)
        slope = bulk_slope(species, layer, n_species) / permittivity
        small = field / (permittivity * math.sqrt(slope))
        contact_y[layer, side] = sign * min(small, work[at * S + entries - 1])


@kernel
def place_jumps(work, row, codes, n):  # type: ignore[no-untyped-def]
    """Put steps and areal charges of contacts and ends at their end points."""
    n_layers = codes[N_LAYERS]
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    for e in range(n + 1):
        work[w.JUMP * S + e] = 0.0
        work[w.SOURCE * S + e] = 0.0
    for c in range(n_layers - 1):
        at = contact_start(n_layers) + CONTACT_SIZE * c
        e = int(work[w.FIRST * S + c + 1])
        work[w.JUMP * S + e] = row[at] / volt
        work[w.SOURCE * S + e] = row[at + 1] / (VACUUM_PERMITTIVITY * volt)
    for side in range(2):
        e = 0 if side == 0 else n
        value = row[end_start(n_layers) + side]
        if codes[END_LEFT + side] == FIXED_CHARGE:
            work[w.SOURCE * S + e] = value / (VACUUM_PERMITTIVITY * volt)
        elif codes[END_LEFT + side] == FIXED_POTENTIAL:
            if side == 0:
                work[w.Y * S] = value / volt
            else:
                work[(w.Y + 4) * S + n - 1] = value / volt
        elif codes[END_LEFT + side] == o.BULK:
            if side == 0:
                work[w.Y * S] = 0.0
            else:
                work[(w.Y + 4) * S + n - 1] = 0.0
    for e in range(1, n):
        work[w.Y * S + e] = work[(w.Y + 4) * S + e - 1] + work[w.JUMP * S + e]


@kernel
def refine(work, codes, n):  # type: ignore[no-untyped-def]
    """Cut every element in half, carrying the solution over."""
    split_halves(work, w.Y, n)
    for s in range(codes[N_SPECIES]):
        base = w.species_row(s) + w.DELTA
        split_halves(work, base, n)
    for e in range(n - 1, -1, -1):
        size, layer = 0.5 * work[w.SIZE * S + e], work[w.LAYER * S + e]
        work[w.SIZE * S + 2 * e], work[w.SIZE * S + 2 * e + 1] = size, size
        work[w.LAYER * S + 2 * e], work[w.LAYER * S + 2 * e + 1] = layer, layer
    for layer in range(codes[N_LAYERS] + 1):
        work[w.FIRST * S + layer] *= 2.0


@kernel
def relax(work, row, codes, species, n, interacting, flat):  # type: ignore[no-untyped-def]
    """Solve on the present mesh from the present start; returns (status, iterations)."""
    n_pad = set_parameters(work, row, codes, species, n)
    place_jumps(work, row, codes, n)
    status, iterations = 1, 0
    if not flat:
        status, iterations = newton_fast(work, codes, n, n_pad, interacting)
    if status != CONVERGED:
        for i in range(5):
            for e in range(n_pad):
                work[(w.Y + i) * S + e] = 0.0
                for s in range(codes[N_SPECIES]):
                    work[(w.species_row(s) + w.DELTA + i) * S + e] = 0.0
        place_jumps(work, row, codes, n)
        status, more = newton_safe(work, codes, n, n_pad, interacting)
        iterations += more
    evaluate_charge(work, codes, n, n_pad, interacting)
    return status, iterations


@kernel
def touches_gap(work, codes, species, n):  # type: ignore[no-untyped-def]
    """Say whether any node sits at the border of the branch of rising chemical potential."""
    n_species = codes[N_SPECIES]
    for s in range(n_species):
        base = w.species_row(s)
        for e in range(n):
            p = species[int(work[w.LAYER * S + e]), s]
            if p[0] == 0.0 or p[10] == DILUTE or (p[4] >= 0.0 and p[5] >= 0.0):
                continue
            for i in range(5):
                delta = work[(base + w.DELTA + i) * S + e]
                if (p[9] < 600.0 and delta >= p[9] - 1e-9) or (p[8] > -600.0 and delta <= p[8] + 1e-9):
                    return True
    return False


@kernel
def _needs_new_mesh(work, row, codes, species, faces, contact_y, contact_field, tables):  # type: ignore[no-untyped-def]
    """Compare potentials and fields found with those the mesh was made for; store the found ones; say whether to remake."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    remake = False
    for layer in range(n_layers):
        permittivity = row[LAYER_START + LAYER_SIZE * layer + 1]
        slope = bulk_slope(species, layer, n_species) / permittivity
        for side in range(2):
            if contact_field[layer, side] == NO_CONTACT:
                continue
            y, field = faces[layer, side], abs(faces[layer, 2 + side]) / permittivity
            assumed = contact_y[layer, side]
            at = w.table_row(layer, side, n_species)
            g = first_integral(work, at, tables[layer, side, 0], slope, assumed)
            through = max(contact_field[layer, side], math.sqrt(2.0 * g))
            if abs(y - assumed) > 0.3 + 0.1 * abs(assumed) or (field > 1.3 * through and abs(y) > 0.3):
                remake = True
            contact_y[layer, side] = y
            contact_field[layer, side] = field
    return remake


@kernel
def _compare(codes, coarse, fine, floor):  # type: ignore[no-untyped-def]
    """Return the largest change of a face's potential [V] and the largest relative change of a region's resistance.

    Resistances are compared with max(R, debye / sigma_b), below which a difference has no meaning.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    potential, resistance = 0.0, 0.0
    for layer in range(n_layers):
        block = o.HEAD_SIZE + layer * o.block_size(n_species)
        for side in range(2):
            if not is_contact(codes, layer, side):
                continue
            at = block + o.FACE_START + side * o.face_size(n_species)
            potential = max(potential, abs(fine[at] - coarse[at]))
            new, old = fine[at + o.FACE_RESISTANCE], coarse[at + o.FACE_RESISTANCE]
            if math.isfinite(new) and math.isfinite(old):
                scale = max(abs(new), floor[layer])
                resistance = max(resistance, abs(new - old) / scale)
    return potential, resistance


@kernel
def _observe(work, row, codes, species, faces, options, interacting, deltas, n, out):  # type: ignore[no-untyped-def]
    """Fill faces and the layer blocks of `out`; store balance and flags."""
    balance = face_states(work, codes, n, faces)
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    flags = observe_layers(
        work, row, codes, species, faces, options[WIDTH_FRACTION], interacting, deltas, out
    )
    out[o.BALANCE] = balance * VACUUM_PERMITTIVITY * volt
    out[o.VALIDITY] = flags


@kernel
def solve_point(work, row, codes, species, scratch, tables, options, out, coarse):  # type: ignore[no-untyped-def]
    """Solve one point; fills `out` (layout: `layout.output_size`), returns the number of elements left in `work`.

    Parameters: `work` (workspace.n_rows, capacity), `row` input row, `codes` int, `species` (n_layers, n_species, 12),
    `scratch` (n_layers, 11), `tables` (n_layers, 2, 2) int, `options` (OPTIONS_SIZE); all but row, codes and options are
    overwritten.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    contact_y, contact_field = scratch[:, 0:2], scratch[:, 2:4]
    faces = scratch[:, 4:9]
    floor = scratch[:, 9]
    deltas = scratch[n_layers]
    out[:] = math.nan
    out[o.ITERATIONS] = 0.0
    volt = BOLTZMANN * row[TEMPERATURE] / ELEMENTARY_CHARGE
    unstable = fill_species(row, codes, species)
    if unstable >= 0:
        out[o.STATUS] = MISCIBILITY_GAP
        return 0
    interacting = is_interacting(codes, species)
    tolerance = row[TOLERANCE]
    reduced = tolerance / volt
    resolution = min(max(options[FIRST_RESOLUTION] * (reduced / 4e-5) ** (1.0 / ORDER), 0.08), 6.0)
    tail = min(1e-5, 0.1 * math.sqrt(reduced))
    flat = options[START_FLAT] > 0.0
    guess_contacts(work, row, codes, species, resolution, contact_y, contact_field, tables)
    iterations = 0
    status, n = 1, 0
    for attempt in range(6):
        n = lay_elements(work, row, codes, species, contact_y, contact_field, tables, resolution, tail)
        if n < 0 or 2 * n + 8 > w.CAPACITY:
            out[o.STATUS] = INACCURATE
            return 0
        if interacting:
            start_deltas(work, codes, species, n)
        status, more = relax(work, row, codes, species, n, interacting, flat)
        iterations += more
        if status != CONVERGED:
            break
        face_states(work, codes, n, faces)
        if not _needs_new_mesh(work, row, codes, species, faces, contact_y, contact_field, tables):
            break
        # Steps of another size need tables of another size only where the potential has grown: marched anew there.
        flat = False
        iterations += 0 * attempt
    out[o.ITERATIONS] = iterations
    out[o.ELEMENTS] = n
    if status != CONVERGED:
        out[o.STATUS] = UNCONVERGED
        return 0
    if interacting and touches_gap(work, codes, species, n):
        out[:] = math.nan
        out[o.STATUS] = MISCIBILITY_GAP
        out[o.ITERATIONS] = iterations
        return 0
    _observe(work, row, codes, species, faces, options, interacting, deltas, n, coarse)
    for layer in range(n_layers):
        bulk = bulk_conductivity(species, layer, n_species)
        block = o.HEAD_SIZE + layer * o.block_size(n_species)
        floor[layer] = coarse[block + o.DEBYE] / bulk if bulk > 0.0 else 0.0
    result = INACCURATE
    levels = int(options[MAX_LEVELS])
    for _ in range(levels):
        if 2 * n + 8 > w.CAPACITY:
            break
        refine(work, codes, n)
        n *= 2
        status, more = relax(work, row, codes, species, n, interacting, False)
        iterations += more
        if status != CONVERGED:
            result = UNCONVERGED
            break
        _observe(work, row, codes, species, faces, options, interacting, deltas, n, out)
        potential, resistance = _compare(codes, coarse, out, floor)
        out[o.POTENTIAL_ERROR] = potential * options[SAFETY] + 1e-13
        out[o.RESISTANCE_ERROR] = resistance * options[SAFETY] + 1e-12
        if (
            out[o.POTENTIAL_ERROR] <= tolerance
            and out[o.RESISTANCE_ERROR] <= options[RESISTANCE_TOLERANCE] * reduced
        ):
            result = SOLVED
            break
        if out[o.POTENTIAL_ERROR] <= tolerance:
            result = SOLVED
        coarse[:] = out
    out[o.ITERATIONS] = iterations
    out[o.ELEMENTS] = n
    out[o.STATUS] = result
    if result == UNCONVERGED:
        return 0
    if interacting and touches_gap(work, codes, species, n):
        out[:] = math.nan
        out[o.STATUS] = MISCIBILITY_GAP
        out[o.ITERATIONS] = iterations
        return 0
    n_pad = (n + 7) // 8 * 8
    assemble(work, n, n_pad)
    capacitances(work, codes, n, out)
    return n


@kernel
def solve_rows(first, last, rows, codes, options, work, out):  # type: ignore[no-untyped-def]
    """Solve points first..last-1 of `rows` (n_points, row_size) into `out` (n_points, output_size)."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    species = np.empty((n_layers, n_species, 12))
    scratch = np.empty((n_layers + 1, max(11, n_species)))
    tables = np.empty((n_layers, 2, 2), dtype=np.int64)
    coarse = np.empty(out.shape[1])
    n = 0
    for p in range(first, last):
        if out[p, o.STATUS] == INVALID:
            continue
        n = solve_point(work, rows[p], codes, species, scratch, tables, options, out[p], coarse)
    return n


__all__ = ["CODE_START", "END_RIGHT", "solve_point", "solve_rows"]
