"""Newton's method for a direct current, its continuation, and how the voltage follows the current.

Nodes of a mesh: `nodes` (n, 5, NODE_STATE), `deltas` (n, 5, n_species); `elements` (n, 2): size and layer. A problem is
(species, codes, permittivities, contacts, volt). Both ends are reservoirs of neutral bulk: y = 0.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import kernel
from .element import NODES, WEIGHTS
from .steady_nodes import (
    C_SHEET,
    C_STEP,
    SIGMA,
    SIGMA_SLOPE,
    Y,
    contact_jump,
    fill_node,
    mid_steps,
    reduce_steady,
)

SOLVED, STOPPED = 0, 1
# What a Newton step this small leaves behind is its square, 1e-12 kT/e.
SMALL_STEP = 1e-6
# Steps beyond this many kT/e leave the region where the linearisation means anything.
LARGEST_STEP = 4.0
MOST_ITERATIONS = 60
# A continuation gives up when it has to cut its steps to this share of the current.
SHORTEST = 1e-7


@kernel
def fill_nodes(problem, elements, nodes, deltas, current):
    """Fill the state of all nodes from their y."""
    species, codes, _, _, volt = problem
    for e in range(elements.shape[0]):
        layer = int(elements[e, 1])
        for i in range(5):
            fill_node(species, codes, layer, current, volt, nodes[e, i], deltas[e, i])


@kernel
def linear_steps(problem, elements, nodes, deltas, current, by_current, steps):
    """Fill `steps` (n, 5): Newton's step, or dy/dJ with `by_current`; return the largest.

    The chain is eliminated from the left; a contact turns the step of its left face into that of its right face.
    """
    species, _, permittivities, contacts, volt = problem
    n = elements.shape[0]
    matrices, loads = np.empty((n, 5, 5)), np.empty((n, 5))
    # Way back over element e: step of its left end is passed[e, 0] - passed[e, 1] times that of its right end, and the
    # step of a left face jumped[e, 0] + jumped[e, 1] times that of the right face before element e.
    passed, jumped = np.zeros((n, 2)), np.zeros((n, 2))
    jump = np.empty(6)
    x, b = 0.0, 0.0
    for e in range(n):
        layer = int(elements[e, 1])
        matrix, load = matrices[e], loads[e]
        reduce_steady(elements[e, 0], permittivities[layer], nodes[e], volt, by_current, matrix, load)
        if e > 0 and int(elements[e - 1, 1]) != layer:
            contact = contacts[layer - 1]
            contact_jump(contact, species, layer - 1, deltas[e - 1, 4, 0], deltas[e, 0, 0], current, volt, jump)
            rest = jump[3]
            if not by_current:
                rest = contact[C_STEP] + jump[0] - (nodes[e, 0, Y] - nodes[e - 1, 4, Y])
                b += contact[C_SHEET]
            scale = 1.0 / (1.0 + jump[1])
            jumped[e, 0], jumped[e, 1] = -rest * scale, (1.0 - jump[2]) * scale
            b -= x * jumped[e, 0]
            x *= jumped[e, 1]
        elif e > 0:
            jumped[e, 1] = 1.0
        if e == 0:
            x, b = matrix[4, 4], load[4]
            continue
        pivot = 1.0 / (x + matrix[0, 0])
        passed[e, 0], passed[e, 1] = (b + load[0]) * pivot, matrix[0, 4] * pivot
        x, b = matrix[4, 4] - matrix[4, 0] * passed[e, 1], load[4] - matrix[4, 0] * passed[e, 0]
    right, largest = 0.0, 0.0
    for e in range(n - 1, -1, -1):
        left = passed[e, 0] - passed[e, 1] * right
        mid_steps(matrices[e], loads[e], left, right, steps[e])
        for i in range(5):
            largest = max(largest, abs(steps[e, i]) if math.isfinite(steps[e, i]) else math.inf)
        right = jumped[e, 0] + jumped[e, 1] * left
    return largest


@kernel
def move_nodes(elements, nodes, steps, fraction):
    """Move y along the step and make both copies of an end point within a layer agree to the last bit."""
    for e in range(elements.shape[0]):
        for i in range(5):
            nodes[e, i, Y] += fraction * steps[e, i]
        if e > 0 and elements[e, 1] == elements[e - 1, 1]:
            nodes[e, 0, Y] = nodes[e - 1, 4, Y]
    nodes[0, 0, Y], nodes[elements.shape[0] - 1, 4, Y] = 0.0, 0.0


@kernel
def solve_current(problem, elements, nodes, deltas, current, steps):
    """Solve for one current from the y in `nodes`; returns (status, iterations)."""
    before = math.inf
    for iteration in range(1, MOST_ITERATIONS + 1):
        fill_nodes(problem, elements, nodes, deltas, current)
        largest = linear_steps(problem, elements, nodes, deltas, current, False, steps)
        if not math.isfinite(largest):
            return STOPPED, iteration
        fraction = min(1.0, LARGEST_STEP / largest) if largest > 0.0 else 1.0
        move_nodes(elements, nodes, steps, fraction)
        # The second test is the floor of rounding: steps that no longer shrink and are too small to mean anything.
        if largest <= SMALL_STEP or (largest < 1e-7 and largest > 0.25 * before):
            fill_nodes(problem, elements, nodes, deltas, current)
            return SOLVED, iteration
        before = largest
    return STOPPED, MOST_ITERATIONS


@kernel
def follow_current(problem, elements, nodes, deltas, start, target, steps):
    """Go from the solved current `start` to `target`; returns (status, iterations, current reached).

    The first try is the whole way. A step that fails is cut to a third, along with what is left; each next one may be
    twice as long. y starts each step on the tangent where the step is short against the current reached.
    """
    saved_nodes, saved_deltas = nodes.copy(), deltas.copy()
    current, move, total = start, target - start, 0
    while True:
        trial = current + move
        if abs(move) >= abs(target - current):
            trial = target
        status, more = solve_current(problem, elements, nodes, deltas, trial, steps)
        total += more
        if status == SOLVED:
            current = trial
            if current == target:
                return SOLVED, total, current
            saved_nodes[:], saved_deltas[:] = nodes, deltas
            move *= 2.0
        else:
            nodes[:], deltas[:] = saved_nodes, saved_deltas
            move /= 3.0
            if abs(move) < SHORTEST * abs(target - start):
                fill_nodes(problem, elements, nodes, deltas, current)
                return STOPPED, total, current


@kernel
def measure_voltage(problem, elements, nodes, deltas, current, steps, drops):
    """Return V and dV/dJ; fills `drops` (2, n_layers): drop of v over each layer, overpotential left of it [V]."""
    species, _, _, contacts, volt = problem
    linear_steps(problem, elements, nodes, deltas, current, True, steps)
    drops[:] = 0.0
    voltage, slope = 0.0, 0.0
    jump = np.empty(6)
    for e in range(elements.shape[0]):
        layer, size = int(elements[e, 1]), elements[e, 0]
        if e > 0 and int(elements[e - 1, 1]) != layer:
            contact = contacts[layer - 1]
            contact_jump(contact, species, layer - 1, deltas[e - 1, 4, 0], deltas[e, 0, 0], current, volt, jump)
            drops[1, layer] = jump[0] * volt
            voltage += jump[0] * volt
            slope += (jump[3] + jump[1] * steps[e - 1, 4] + jump[2] * steps[e, 0]) * volt
        for i in range(5):
            weight, sigma = WEIGHTS[i] * size, nodes[e, i, SIGMA]
            drops[0, layer] += weight * current / sigma
            slope += weight / sigma * (1.0 - current * nodes[e, i, SIGMA_SLOPE] / sigma * steps[e, i])
    for layer in range(drops.shape[1]):
        voltage += drops[0, layer]
    return voltage, slope


@kernel
def cut_elements(elements, nodes, deltas, pieces):
    """Return elements, nodes and deltas with each element cut into `pieces` equal parts, y by its polynomial."""
    n, n_species = elements.shape[0], deltas.shape[2]
    total = 0
    for e in range(n):
        total += pieces[e]
    new = np.empty((total, 2))
    points, inner = np.zeros((total, 5, nodes.shape[2])), np.zeros((total, 5, n_species))
    at = 0
    for e in range(n):
        for k in range(pieces[e]):
            new[at, 0], new[at, 1] = elements[e, 0] / pieces[e], elements[e, 1]
            for i in range(5):
                t = (k + NODES[i]) / pieces[e]
                for j in range(5):
                    factor = 1.0
                    for other in range(5):
                        if other != j:
                            factor *= (t - NODES[other]) / (NODES[j] - NODES[other])
                    points[at, i, Y] += factor * (nodes[e, j, Y] - nodes[e, 0, Y])
                    for s in range(n_species):
                        inner[at, i, s] += factor * deltas[e, j, s]
                points[at, i, Y] += nodes[e, 0, Y]
            at += 1
    return new, points, inner


@kernel
def roughness(elements, nodes, rough):
    """Fill `rough` (n): size of the highest coefficients of y and ln sigma on each element, in units of kT/e.

    Fourth differences, scaled to the height of the fifth-degree rest that an element of half the size would lose.
    """
    for e in range(elements.shape[0]):
        worst = 0.0
        for kind in range(2):
            total = 0.0
            for i in range(5):
                weight = 1.0
                for j in range(5):
                    if j != i:
                        weight /= NODES[i] - NODES[j]
                value = nodes[e, i, Y] if kind == 0 else math.log(nodes[e, i, SIGMA])
                base = nodes[e, 0, Y] if kind == 0 else math.log(nodes[e, 0, SIGMA])
                total += weight * (value - base)
            worst = max(worst, abs(total) / 128.0)
        rough[e] = worst
