"""Newton's method on the discrete Poisson-Boltzmann problem.

The discrete problem is the minimum of a convex function of y: Newton with a step bound and, where that is not
enough, with the inner equations solved exactly and a line search along the step. Mid nodes are eliminated
element by element, the end points solve one symmetric positive definite tridiagonal system.
"""

from __future__ import annotations

import math

from . import workspace as w
from ._jit import bits_of, float_of, kernel, merged
from .element import K00, K01, K02, K03, K04, K11, K12, K13, K22, W0, W1, W2
from .ends import fix_ends, is_held
from .layout import CODE_START, EFFORT, N_LAYERS, N_SPECIES
from .level import find_level, loses_level
from .planes import charge_planes, linearise_planes, stiffen_planes
from .rows import LATTICE, POOL
from .statistics import charge_general, charge_pool, equilibrate, ideal_first, interacting_first, move_deltas
from .tridiagonal import solve_tridiagonal
from .workspace import STRIDE as S
from .workspace import padded, row_of

CONVERGED, NOT_CONVERGED = 0, 1

# A step this small leaves an error of its square: below rounding.
STEP_TOLERANCE = 1e-8
# What a step leaves behind, over its square: 0.1 measured; the exponential's own series would give 0.5.
SQUARE = 0.5
# Steps beyond this many kT/e leave the region where the linearisation means anything.
LARGEST_STEP = 6.0
FAST_ITERATIONS = 16
SAFE_ITERATIONS = 1500
# Steps below this that no longer shrink, to STALLED of the one before, are rounding; a step of DIVERGED has no meaning.
ROUNDING_STEP, STALLED, DIVERGED = 1e-6, 0.25, 1e6
# Halvings of a step, and growths of the shift of the diagonal from its first value on: to 1e-14 1e2^7 = 1.
LINE_TRIES, MOST_SHIFTS = 60, 8
# A line search ends where the slope has fallen to this share, or the move to this many kT/e; each try keeps between
# these shares of the step. Room of a step beside all jumps, in kT/e.
SLOPE_LEFT, SHORTEST_MOVE, LEAST_CUT, MOST_CUT, STEP_ROOM = 0.5, 1e-9, 0.1, 0.7, 20.0
FIRST_SHIFT, SHIFT_GROWTH = 1e-14, 100.0
# Potentials and steps below this are none: layers that return to their bulk would fill with denormal numbers, which
# take arithmetic ten to a hundred times as long.
LEAST = 1e-100
# What the safe mode may spend on one point, in units of 0.1 us; what an iteration of an inner equation takes, an
# evaluation of the charge of a species of an element that is not in the vectorised loop (one, where all are), and an
# element at each shift of a search for the level.
MOST_EFFORT, INNER_EFFORT, GENERAL_EFFORT, LEVEL_EFFORT = 4e6, 1.0, 1.5, 6.0


@merged
def evaluate_charge(work, codes, n, n_pad, interacting, general=True):
    """Fill charge and slope of all nodes from y (and Delta).

    The loops of the first species run over all elements to stay vectorised; where it is dilute its strength is 0.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    if interacting:
        interacting_first(work, n_pad)
    else:
        ideal_first(work, n_pad)
    if general is None:
        return
    for s in range(n_species):
        for layer in range(n_layers):
            dilute = codes[CODE_START + 2 * (layer * n_species + s)]
            if dilute >= POOL:
                charge_pool(work, codes, s, layer, interacting)
            elif s > 0 or dilute != LATTICE:
                charge_general(work, s, layer, dilute, interacting)
    charge_planes(work, codes)


@kernel
def assemble(work, n, n_pad):
    """Eliminate the mid nodes of every element and add up the tridiagonal system of the end points."""
    y0, y1, y2, y3, y4 = w.Y * S, (w.Y + 1) * S, (w.Y + 2) * S, (w.Y + 3) * S, (w.Y + 4) * S
    q0, q1, q2, q3, q4 = (
        w.CHARGE * S,
        (w.CHARGE + 1) * S,
        (w.CHARGE + 2) * S,
        (w.CHARGE + 3) * S,
        (w.CHARGE + 4) * S,
    )
    c0, c1, c2, c3, c4 = (
        w.SLOPE * S,
        (w.SLOPE + 1) * S,
        (w.SLOPE + 2) * S,
        (w.SLOPE + 3) * S,
        (w.SLOPE + 4) * S,
    )
    a0, a1, a2 = w.SHAPE_LEFT * S, (w.SHAPE_LEFT + 1) * S, (w.SHAPE_LEFT + 2) * S
    b0, b1, b2 = w.SHAPE_RIGHT * S, (w.SHAPE_RIGHT + 1) * S, (w.SHAPE_RIGHT + 2) * S
    m0, m1, m2 = w.MID * S, (w.MID + 1) * S, (w.MID + 2) * S
    stiffness, strength = w.STIFFNESS * S, w.STRENGTH * S
    t00, t44, off = w.STEP * S, (w.STEP + 1) * S, w.OFF * S
    r0, r4 = (w.STEP + 2) * S, (w.STEP + 3) * S
    for e in range(n_pad):
        g = work[strength + e]
        u1, u2, u3, u4 = (
            work[y1 + e] - work[y0 + e],
            work[y2 + e] - work[y0 + e],
            work[y3 + e] - work[y0 + e],
            work[y4 + e] - work[y0 + e],
        )
        f0 = K01 * u1 + K02 * u2 + K03 * u3 + K04 * u4 - g * W0 * work[q0 + e]
        f1 = K11 * u1 + K12 * u2 + K13 * u3 + K03 * u4 - g * W1 * work[q1 + e]
        f2 = K12 * u1 + K22 * u2 + K12 * u3 + K02 * u4 - g * W2 * work[q2 + e]
        f3 = K13 * u1 + K12 * u2 + K11 * u3 + K01 * u4 - g * W1 * work[q3 + e]
        f4 = K03 * u1 + K02 * u2 + K01 * u3 + K00 * u4 - g * W0 * work[q4 + e]
        # Mid block, symmetric: L D L^T (cofactors would overflow where a dilute species piles up).
        d1 = K11 + g * W1 * work[c1 + e]
        i1 = 1.0 / d1
        l21, l31 = K12 * i1, K13 * i1
        d2 = K22 + g * W2 * work[c2 + e] - l21 * K12
        i2 = 1.0 / d2
        e23 = K12 - l31 * K12
        l32 = e23 * i2
        i3 = 1.0 / (K11 + g * W1 * work[c3 + e] - l31 * K13 - l32 * e23)
        # Three right-hand sides: the two end points and the residual.
        s2, s3 = K02 - l21 * K01, K03 - l31 * K01
        s3 -= l32 * s2
        x3 = s3 * i3
        x2 = s2 * i2 - l32 * x3
        x1 = K01 * i1 - l21 * x2 - l31 * x3
        s2, s3 = K02 - l21 * K03, K01 - l31 * K03
        s3 -= l32 * s2
        z3 = s3 * i3
        z2 = s2 * i2 - l32 * z3
        z1 = K03 * i1 - l21 * z2 - l31 * z3
        s2, s3 = f2 - l21 * f1, f3 - l31 * f1
        s3 -= l32 * s2
        p3 = s3 * i3
        p2 = s2 * i2 - l32 * p3
        p1 = f1 * i1 - l21 * p2 - l31 * p3
        work[a0 + e], work[a1 + e], work[a2 + e] = x1, x2, x3
        work[b0 + e], work[b1 + e], work[b2 + e] = z1, z2, z3
        work[m0 + e], work[m1 + e], work[m2 + e] = p1, p2, p3
        h = work[stiffness + e]
        work[t00 + e] = h * (K00 + g * W0 * work[c0 + e] - (K01 * x1 + K02 * x2 + K03 * x3))
        work[t44 + e] = h * (K00 + g * W0 * work[c4 + e] - (K03 * z1 + K02 * z2 + K01 * z3))
        work[off + e] = h * (K04 - (K01 * z1 + K02 * z2 + K03 * z3))
        work[r0 + e] = -h * (f0 - (x1 * f1 + x2 * f2 + x3 * f3))
        work[r4 + e] = -h * (f4 - (z1 * f1 + z2 * f2 + z3 * f3))
    diagonal, rhs, source = w.DIAGONAL * S, w.RHS * S, w.SOURCE * S
    work[diagonal + 0] = work[t00 + 0]
    work[rhs + 0] = work[r0 + 0] + work[source + 0]
    for e in range(1, n):
        work[diagonal + e] = work[t00 + e] + work[t44 + e - 1]
        work[rhs + e] = work[r0 + e] + work[r4 + e - 1] + work[source + e]
    work[diagonal + n] = work[t44 + n - 1]
    work[rhs + n] = work[r4 + n - 1] + work[source + n]


@merged
def expand_step(work, n, n_pad):
    """Fill the step at all nodes from the end points' step in RHS; return its largest size."""
    ends = w.RHS * S
    d0, d1, d2, d3, d4 = w.STEP * S, (w.STEP + 1) * S, (w.STEP + 2) * S, (w.STEP + 3) * S, (w.STEP + 4) * S
    a0, a1, a2 = w.SHAPE_LEFT * S, (w.SHAPE_LEFT + 1) * S, (w.SHAPE_LEFT + 2) * S
    b0, b1, b2 = w.SHAPE_RIGHT * S, (w.SHAPE_RIGHT + 1) * S, (w.SHAPE_RIGHT + 2) * S
    m0, m1, m2 = w.MID * S, (w.MID + 1) * S, (w.MID + 2) * S
    for e in range(n + 1, n_pad + 1):
        work[ends + e] = 0.0
    for e in range(n_pad):
        left, right = work[ends + e], work[ends + e + 1]
        work[d0 + e] = left
        work[d1 + e] = -work[m0 + e] - work[a0 + e] * left - work[b0 + e] * right
        work[d2 + e] = -work[m1 + e] - work[a1 + e] * left - work[b1 + e] * right
        work[d3 + e] = -work[m2 + e] - work[a2 + e] * left - work[b2 + e] * right
        work[d4 + e] = right
    # Bits of positive floats sort as the floats do, a NaN above all: their maximum is found eight at a time.
    largest = 0
    for e in range(n_pad):
        a, b = bits_of(abs(work[d0 + e])), bits_of(abs(work[d1 + e]))
        c, d = bits_of(abs(work[d2 + e])), bits_of(abs(work[d3 + e]))
        largest = max(largest, max(max(a, b), max(c, d)))
    size = max(float_of(largest), abs(work[d4 + n - 1]))
    return size if math.isfinite(size) else math.inf


@merged
def apply_step(work, codes, n, n_pad, fraction, interacting, general):
    """Move y by `fraction` of the step, and Delta along its linearised equation; return the largest inner step."""
    for i in range(5):
        y, d = (w.Y + i) * S, (w.STEP + i) * S
        for e in range(n_pad):
            work[y + e] += fraction * work[d + e]
    join(work, n)
    if interacting:
        return move_deltas(work, codes[N_SPECIES], n, n_pad, fraction, general)
    return 0.0


@kernel
def directional_slope(work, n):
    """Return the derivative of the convex function along the step in STEP, at the present charge."""
    total = 0.0
    for e in range(n):
        g, h = work[w.STRENGTH * S + e], work[w.STIFFNESS * S + e]
        y0 = work[w.Y * S + e]
        u1, u2, u3, u4 = (
            work[(w.Y + 1) * S + e] - y0,
            work[(w.Y + 2) * S + e] - y0,
            work[(w.Y + 3) * S + e] - y0,
            work[(w.Y + 4) * S + e] - y0,
        )
        f0 = K01 * u1 + K02 * u2 + K03 * u3 + K04 * u4 - g * W0 * work[w.CHARGE * S + e]
        f1 = K11 * u1 + K12 * u2 + K13 * u3 + K03 * u4 - g * W1 * work[(w.CHARGE + 1) * S + e]
        f2 = K12 * u1 + K22 * u2 + K12 * u3 + K02 * u4 - g * W2 * work[(w.CHARGE + 2) * S + e]
        f3 = K13 * u1 + K12 * u2 + K11 * u3 + K01 * u4 - g * W1 * work[(w.CHARGE + 3) * S + e]
        f4 = K03 * u1 + K02 * u2 + K01 * u3 + K00 * u4 - g * W0 * work[(w.CHARGE + 4) * S + e]
        total += h * (
            f0 * work[w.STEP * S + e] + f1 * work[(w.STEP + 1) * S + e] + f2 * work[(w.STEP + 2) * S + e]
            + f3 * work[(w.STEP + 3) * S + e] + f4 * work[(w.STEP + 4) * S + e]
        )  # fmt: skip
        total -= work[w.SOURCE * S + e] * work[w.STEP * S + e]
    return total - work[w.SOURCE * S + n] * work[(w.STEP + 4) * S + n - 1]


@kernel
def flatten(work, codes, n_pad):
    """Set every layer to its bulk, keeping the values of ends with a fixed potential."""
    left, right = work[w.Y * S], work[(w.Y + 4) * S + int(work[w.FIRST * S + codes[N_LAYERS]]) - 1]
    for i in range(5):
        for e in range(n_pad):
            work[(w.Y + i) * S + e] = 0.0
            for s in range(codes[N_SPECIES]):
                work[(w.species_row(s) + w.DELTA + i) * S + e] = 0.0
    if is_held(codes, 0):
        work[w.Y * S] = left
    if is_held(codes, 1):
        work[(w.Y + 4) * S + int(work[w.FIRST * S + codes[N_LAYERS]]) - 1] = right


@kernel
def join(work, n):
    """Make both copies of every shared end point agree to the last bit, or Gauss's law drifts."""
    for e in range(1, n):
        work[w.Y * S + e] = work[(w.Y + 4) * S + e - 1] + work[w.JUMP * S + e]


@kernel
def linearise_charge(work, n_pad):
    """Carry the charge along the step just made: with it, the equations just solved hold to rounding."""
    for i in range(5):
        charge, slope, step = (w.CHARGE + i) * S, (w.SLOPE + i) * S, (w.STEP + i) * S
        for e in range(n_pad):
            work[charge + e] -= work[slope + e] * work[step + e]


@kernel
def newton(work, row, codes, n, kind, target, memo):
    """Iterate to convergence; returns (status, iterations, last step).

    `kind` holds three flags: interacting, with a branch that ends (bordered), in safe mode from flat layers.
    Done when a full step is below `target`, which leaves an error of about `SQUARE` its square. The charge is then the
    linearised one, which balances to rounding, and the slope that before the last step. Where a branch of rising
    chemical potential ends (`bordered`) charge is not smooth: the target is rounding, and the charge that of the
    final y.

    The fast mode moves Delta along with y. Where it does not converge, the safe mode starts over from flat layers with
    the inner equations solved exactly and a line search on the slope of the convex function along the step.
    """
    interacting, bordered, safe = kind
    n_pad, iterations, last = padded(n), 0, 0.0
    if not safe:
        status, iterations, last = fast_mode(work, codes, n, n_pad, interacting, bordered, target, codes)
        if status == CONVERGED:
            if not loses_level(work, codes, n):
                return status, iterations, last
        else:
            flatten(work, codes, n_pad)
    else:
        flatten(work, codes, n_pad)
    status, more, last = _safe_mode(work, row, codes, n, n_pad, interacting, memo)
    return status, iterations + more, last


@kernel
def fast_mode(work, codes, n, n_pad, interacting, bordered, target, general):
    """Newton from the present start, Delta moving along its linearised equation; returns as `newton`.

    Without `general` (None) only the first species is looked after, on a lattice.
    """
    if bordered:
        target = STEP_TOLERANCE
    before = math.inf
    for iteration in range(1, FAST_ITERATIONS + 1):
        evaluate_charge(work, codes, n, n_pad, interacting, general)
        largest = newton_step(work, codes, n, n_pad, 0.0, False)
        if not largest < DIVERGED:
            return NOT_CONVERGED, iteration, largest
        fraction = 1.0 if largest <= LARGEST_STEP else LARGEST_STEP / largest
        inner = apply_step(work, codes, n, n_pad, fraction, interacting, general)
        change = max(largest, inner)
        if change <= target or (change <= ROUNDING_STEP and change >= STALLED * before):
            if bordered:
                evaluate_charge(work, codes, n, n_pad, interacting, general)
            else:
                linearise_charge(work, n_pad)
                if general is not None:
                    linearise_planes(work, codes)
            return CONVERGED, iteration, change
        before = change
    return NOT_CONVERGED, FAST_ITERATIONS, before


@kernel
def newton_step(work, codes, n, n_pad, shift, pinned):
    """Fill STEP with the Newton step of the charge and slope in `work`; return its largest size, infinite if unsound.

    `shift` adds this share of itself to the diagonal of the end points' system (Levenberg and Marquardt).
    `pinned` holds the potential of the left end, where the common shift of all potentials has been found otherwise.
    """
    assemble(work, n, n_pad)
    stiffen_planes(work, codes)
    if shift > 0.0:
        for e in range(n + 1):
            work[w.DIAGONAL * S + e] *= 1.0 + shift
    if pinned:
        work[w.DIAGONAL * S], work[w.RHS * S], work[w.OFF * S] = 1.0, 0.0, 0.0
    fix_ends(work, codes, n)
    sound = solve_tridiagonal(row_of(work, w.DIAGONAL), row_of(work, w.OFF), row_of(work, w.RHS), n + 1)
    largest = expand_step(work, n, n_pad)
    return largest if sound else math.inf


@kernel
def _drop_least(work, row, n):
    """Set what is below LEAST in five rows to zero."""
    for i in range(5):
        at = (row + i) * S
        for e in range(n):
            if abs(work[at + e]) < LEAST:
                work[at + e] = 0.0


@kernel
def _evaluation_effort(codes):
    """Return what an evaluation of the charge takes for an element."""
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    for layer in range(n_layers):
        for s in range(n_species):
            if s > 0 or codes[CODE_START + 2 * (layer * n_species + s)] != LATTICE:
                return 1.0 + GENERAL_EFFORT * n_species
    return 1.0


@kernel
def _move(work, codes, n, n_pad, amount, interacting):
    """Move y by `amount` of the step, solve the inner equations exactly, fill charge and slope; return the effort."""
    if amount != 0.0:
        for i in range(5):
            for e in range(n):
                work[(w.Y + i) * S + e] += amount * work[(w.STEP + i) * S + e]
        _drop_least(work, w.Y, n)
    join(work, n)
    effort = n * _evaluation_effort(codes)
    if interacting:
        effort += INNER_EFFORT * equilibrate(work, codes, n)
    evaluate_charge(work, codes, n, n_pad, interacting)
    return effort


@kernel
def _reach(work, n):
    """Return a step that no solution needs to exceed: all jumps together, and as far as y has come so far."""
    total, largest = STEP_ROOM, 0.0
    for e in range(n):
        total += abs(work[w.JUMP * S + e])
        largest = max(largest, max(abs(work[w.Y * S + e]), abs(work[(w.Y + 4) * S + e])))
    return total + largest


@kernel
def _safe_mode(work, row, codes, n, n_pad, interacting, memo):
    """Minimise the convex function from the present state, with a line search along each step; returns as `newton`.

    Layers that are empty or full answer no more to their potential: a system that this leaves singular to rounding gets
    a shift of its diagonal, and a step beyond everything that could be asked for is cut. Both leave a direction of
    descent, so the line search needs no more. What it spends is counted down in ``memo[EFFORT]``.
    """
    memo[EFFORT] -= _move(work, codes, n, n_pad, 0.0, interacting)
    before, largest, shift = math.inf, math.inf, 0.0
    for iteration in range(1, SAFE_ITERATIONS + 1):
        pinned = loses_level(work, codes, n)
        if pinned:
            shifts, inner = find_level(work, row, codes, n, interacting)
            memo[EFFORT] -= LEVEL_EFFORT * n * shifts + INNER_EFFORT * inner
            memo[EFFORT] -= _move(work, codes, n, n_pad, 0.0, interacting)
            pinned = loses_level(work, codes, n)
        largest = newton_step(work, codes, n, n_pad, shift, pinned)
        for _ in range(MOST_SHIFTS):
            if math.isfinite(largest):
                break
            shift = max(SHIFT_GROWTH * shift, FIRST_SHIFT)
            largest = newton_step(work, codes, n, n_pad, shift, pinned)
        if not math.isfinite(largest):
            return NOT_CONVERGED, iteration, largest
        _drop_least(work, w.STEP, n)
        start = directional_slope(work, n)
        fraction = min(1.0, _reach(work, n) / largest)
        moved = 0.0
        for _ in range(LINE_TRIES):
            memo[EFFORT] -= _move(work, codes, n, n_pad, fraction - moved, interacting)
            moved = fraction
            slope = directional_slope(work, n)
            if not slope > SLOPE_LEFT * abs(start) or largest * fraction <= SHORTEST_MOVE or memo[EFFORT] < 0.0:
                break
            fraction *= min(max(abs(start) / (abs(start) + slope), LEAST_CUT), MOST_CUT)
        # The second test is the rounding floor: the step no longer shrinks and is too small to mean anything.
        if (largest <= STEP_TOLERANCE and moved == 1.0) or (largest <= ROUNDING_STEP and largest >= STALLED * before):
            return CONVERGED, iteration, largest
        if memo[EFFORT] < 0.0:
            return NOT_CONVERGED, iteration, largest
        before = largest
        shift = 0.0 if shift <= FIRST_SHIFT else shift / SHIFT_GROWTH
    return NOT_CONVERGED, SAFE_ITERATIONS, largest
