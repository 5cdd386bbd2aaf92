"""Newton's method for a direct current: one pass through the stack, what closes it, and the continuation.

A mesh is (elements, nodes, deltas, turns): `elements` (n, 2) size and layer, `nodes` (n, 5, ...) as in `steady_nodes`,
`deltas` and `turns` (n, 5, n_species). A problem is (species, codes, permittivities, contacts, volt, routes, spans,
amounts): `contacts` (n_layers - 1, n_routes, CONTACT_COLUMNS), `routes` (n_layers, n_species), `spans` (n_routes, 3)
first and last layer of a route and how it ends, `amounts` (n_routes) the charge that isolated ones keep. `flows`
(n_routes) are the currents. Both ends are reservoirs of neutral bulk: y = 0.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import kernel, merged
from .element import WEIGHTS
from .steady_element import add_offsets, condense_steady, far_offset, mid_steps, reduce_steady, tie_route
from .steady_nodes import (
    AMOUNT,
    C_SHEET,
    C_SIDE,
    C_STEP,
    FROM_LEFT,
    ISOLATED,
    OFFSET,
    PASSING,
    PULL,
    ROUTE_SIZE,
    ROUTE_START,
    SIGMA,
    SIGMA_SLOPE,
    Y,
    add_planes,
    contact_jump,
    fill_nodes,
    plane_state,
)

SOLVED, STOPPED = 0, 1
# Steps beyond this many kT/e leave the region where the linearisation means anything.
LARGEST_STEP = 4.0
# Steps below this that no longer shrink, to STALLED of the one before, are rounding.
ROUNDING_STEP, STALLED = 1e-7, 0.25
MOST_ITERATIONS = 60
# A continuation gives up when it has to cut its steps to this share of the way, or after so many iterations.
SHORTEST = 1e-7
MOST_EFFORT = 400
# Columns of an answer: voltage, dV/dJ, then dj/dJ per route.
A_VOLTAGE, A_SLOPE, A_FLOWS = range(3)


@kernel
def rates_of(spans):
    """Return how the currents (n_routes) change with a unit of each column (1 + n_routes)."""
    n_routes = spans.shape[0]
    rates = np.zeros((n_routes, 1 + n_routes))
    rates[0, 1] = 1.0
    for k in range(1, n_routes):
        if spans[k, 2] == PASSING:
            rates[0, 1 + k], rates[k, 1 + k] = -1.0, 1.0
    return rates


@kernel
def start_links(layer, spans, links):
    """Set offsets of the routes that start with a layer: 0, or a unit of their own column where that is looked for."""
    for k in range(1, spans.shape[0]):
        if spans[k, 0] == layer:
            links[k - 1] = 0.0
            if spans[k, 2] != PASSING and spans[k, 2] != FROM_LEFT:
                links[k - 1, 2 + k] = 1.0


@merged
def cross_contact(problem, mesh, e, flows, rates, chain, jumped):
    """Carry `chain` = (x, b, links) over the contact left of element e; fills `jumped` (1 + columns), returns x.

    x y = b: Gauss's law of all that lies left; `links` (n_routes - 1, 1 + columns): offsets by y and by column. The
    step of the left face is jumped[1:] + jumped[0] times that of the right one.
    """
    species, _, _, contacts, volt, _, spans, _ = problem
    elements, nodes, deltas, _ = mesh
    x, b, links = chain
    layer = int(elements[e - 1, 1])
    left, right = nodes[e - 1, 4], nodes[e, 0]
    faces = (deltas[e - 1, 4], deltas[e, 0])
    contact = contacts[layer, 0]
    jump, other = np.empty(6), np.empty(6)
    contact_jump(contact, species, layer, faces, flows[0], volt, jump)
    miss = contact[C_STEP] + jump[0] - (right[Y] - left[Y])
    scale = 1.0 / (1.0 + jump[1])
    ratio = (1.0 - jump[2]) * scale
    jumped[0] = ratio
    b[0] += contact[C_SHEET]
    x = add_planes(contacts, layer, 1.0, (left, right), (x, b, links))
    for c in range(b.shape[0]):
        jumped[1 + c] = -(miss if c == 0 else jump[3] * rates[0, c]) * scale
        b[c] -= x * jumped[1 + c]
    for k in range(1, spans.shape[0]):
        if not spans[k, 0] <= layer < spans[k, 1]:
            links[k - 1] = 0.0
            continue
        contact_jump(contacts[layer, k], species, layer, faces, flows[k], volt, other)
        at = ROUTE_START + ROUTE_SIZE * k + OFFSET
        rest = left[at] - right[at] - other[0] + jump[0] - miss
        scale = 1.0 / (1.0 - other[2])
        slope = links[k - 1, 0]
        for c in range(b.shape[0]):
            by_column = (1.0 + other[1]) * (links[k - 1, 1 + c] + slope * jumped[1 + c])
            by_column -= (1.0 + other[1]) * jumped[1 + c] + other[3] * rates[k, c]
            links[k - 1, 1 + c] = (by_column + (rest if c == 0 else 0.0)) * scale
        links[k - 1, 0] = ((1.0 + other[1]) * (slope - 1.0) * ratio + 1.0 - other[2]) * scale
    start_links(layer + 1, spans, links)
    return add_planes(contacts, layer, 2.0, (left, right), (x * ratio, b, links))


@merged
def append_element(chain, system, e, passed):
    """Carry `chain` over a reduced element; fills passed[e] (1 + columns), returns x.

    The step of the left end is passed[e, 1:] - passed[e, 0] times that of the right one.
    """
    (x, b, links), (matrices, loads, _) = chain, system
    extra, columns = links.shape[0], b.shape[0]
    pivot, back = x + matrices[e, 0, 0], matrices[e, 4, 0]
    for k in range(extra):
        pivot -= loads[e, 0, columns + k] * links[k, 0]
        back -= loads[e, 4, columns + k] * links[k, 0]
    pivot = 1.0 / pivot
    passed[e, 0] = matrices[e, 0, 4] * pivot
    for c in range(columns):
        near, total = b[c] + loads[e, 0, c], loads[e, 4, c]
        for k in range(extra):
            near += loads[e, 0, columns + k] * links[k, 1 + c]
            total += loads[e, 4, columns + k] * links[k, 1 + c]
        passed[e, 1 + c] = near * pivot
        b[c] = total - back * passed[e, 1 + c]
    return matrices[e, 4, 4] - back * passed[e, 0]


@merged
def carry_links(links, far, passed, first):
    """Carry offsets over an element: as functions of y and of the columns at its right end."""
    extra, columns = links.shape[0], links.shape[1] - 1
    new = np.empty(links.shape)
    for k in range(extra):
        slope = far[k, 0]
        for j in range(extra):
            slope += far[k, 2 + columns + j] * links[j, 0]
        new[k, 0] = far[k, 1] - (0.0 if first else slope * passed[0])
        for c in range(columns):
            total = far[k, 2 + c]
            for j in range(extra):
                total += far[k, 2 + columns + j] * links[j, 1 + c]
            new[k, 1 + c] = total + (0.0 if first else slope * passed[1 + c])
    links[:] = new


@merged
def linear_steps(problem, mesh, flows, rates, steps):
    """Fill `steps` (n, 5, n_routes, columns): y of the reference, then offsets, for each column of `steady_element`."""
    _, _, permittivities, _, volt, _, spans, _ = problem
    elements = mesh[0]
    n, columns, extra = elements.shape[0], rates.shape[1], rates.shape[0] - 1
    system = np.empty((n, 5, 5)), np.empty((n, 5, columns + extra)), np.zeros((n, extra, 5, 6 + columns))
    far = np.zeros((extra, 2 + columns + extra))
    passed, jumped = np.zeros((n, 1 + columns)), np.zeros((n, 1 + columns))
    starts = np.zeros((n, extra, 1 + columns))
    x, b, links = 0.0, np.zeros(columns), np.zeros((extra, 1 + columns))
    start_links(0, spans, links)
    for e in range(n):
        layer = int(elements[e, 1])
        reduce_steady(system, mesh, e, permittivities[layer], flows, rates, volt)
        for k in range(1, 1 + extra):
            if spans[k, 0] <= layer <= spans[k, 1]:
                tie_route(system, mesh, e, k, flows, rates, volt)
                add_offsets(system, mesh, e, k, columns)
        condense_steady(system, e)
        if e > 0 and int(elements[e - 1, 1]) != layer:
            x = cross_contact(problem, mesh, e, flows, rates, (x, b, links), jumped[e])
        else:
            jumped[e, 0] = 1.0
        if extra > 0:
            starts[e] = links
        if e == 0:
            # y is held at the end.
            x = system[0][e, 4, 4]
            for c in range(columns):
                b[c] = system[1][e, 4, c]
                for k in range(extra):
                    b[c] += system[1][e, 4, columns + k] * links[k, 1 + c]
        else:
            x = append_element((x, b, links), system, e, passed)
        if extra > 0:
            for k in range(extra):
                far[k] = 0.0
                if spans[1 + k, 0] <= layer <= spans[1 + k, 1]:
                    far_offset(system, e, 1 + k, columns, far[k])
            carry_links(links, far, passed[e], e == 0)
    right = np.zeros(columns)
    for e in range(n - 1, -1, -1):
        for c in range(columns):
            left = passed[e, 1 + c] - passed[e, 0] * right[c]
            steps[e, 0, 0, c], steps[e, 4, 0, c] = left, right[c]
            for k in range(extra):
                steps[e, 0, 1 + k, c] = starts[e, k, 0] * left + starts[e, k, 1 + c]
            right[c] = jumped[e, 1 + c] + jumped[e, 0] * left
        mid_steps(system, e, columns, steps)


@merged
def closing_rows(problem, mesh, steps, rows):
    """Fill `rows` (n_routes, columns): what must vanish for each route from 1 on."""
    _, _, _, contacts, _, _, spans, amounts = problem
    elements, nodes, _, _ = mesh
    rows[:] = 0.0
    n = elements.shape[0]
    for k in range(1, spans.shape[0]):
        at = ROUTE_START + ROUTE_SIZE * k
        if spans[k, 2] == FROM_LEFT:
            rows[k, 1 + k] = 1.0
        elif spans[k, 2] == ISOLATED:
            rows[k, 0] = -amounts[k]
            for e in range(n):
                if not spans[k, 0] <= int(elements[e, 1]) <= spans[k, 1]:
                    continue
                for i in range(5):
                    weight = elements[e, 0] * WEIGHTS[i]
                    rows[k, 0] += weight * nodes[e, i, at + AMOUNT]
                    for c in range(rows.shape[1]):
                        rows[k, c] -= weight * nodes[e, i, at + PULL] * (steps[e, i, 0, c] - steps[e, i, k, c])
            for e in range(1, n):
                here = int(elements[e - 1, 1])
                if int(elements[e, 1]) == here or contacts[here, k, C_SIDE] == 0.0:
                    continue
                charge, response = plane_state(contacts, here, k, nodes[e - 1, 4], nodes[e, 0])
                f, i = (e - 1, 4) if contacts[here, k, C_SIDE] == 1.0 else (e, 0)
                rows[k, 0] += charge
                for c in range(rows.shape[1]):
                    rows[k, c] -= response * (steps[f, i, 0, c] - steps[f, i, k, c])
        else:
            rows[k, 0] = nodes[n - 1, 4, at + OFFSET]
            for c in range(rows.shape[1]):
                rows[k, c] += steps[n - 1, 4, k, c]


@merged
def voltage_row(problem, mesh, flows, rates, steps, row):
    """Fill `row` (columns): how V changes with each column; returns V, in kT/e, and dV/dJ of what y does not move."""
    species, _, _, contacts, volt, _, _, _ = problem
    elements, nodes, deltas, _ = mesh
    columns = rates.shape[1]
    voltage, held, jump = 0.0, 0.0, np.empty(6)
    row[:] = 0.0
    for e in range(elements.shape[0]):
        layer = int(elements[e, 1])
        if e > 0 and int(elements[e - 1, 1]) != layer:
            contact_jump(
                contacts[layer - 1, 0], species, layer - 1, (deltas[e - 1, 4], deltas[e, 0]), flows[0], volt, jump
            )
            voltage += jump[0]
            held += jump[3]
            for c in range(columns):
                moved = jump[1] * steps[e - 1, 4, 0, c] + jump[2] * steps[e, 0, 0, c]
                row[c] += jump[3] * rates[0, c] + moved
        for i in range(5):
            sigma = nodes[e, i, ROUTE_START + SIGMA]
            weight = WEIGHTS[i] * elements[e, 0] / (sigma * volt)
            bend = flows[0] * nodes[e, i, ROUTE_START + SIGMA_SLOPE] / sigma
            voltage += weight * flows[0]
            held += weight
            for c in range(columns):
                row[c] += weight * (rates[0, c] - bend * steps[e, i, 0, c])
    return voltage, held


@merged
def close_routes(rows, amounts):
    """Solve `rows` for the columns of the routes: `amounts` (n_routes, 2), at this current and per unit of it."""
    n = rows.shape[0]
    matrix = rows.copy()
    for k in range(1, n):
        best = k
        for i in range(k + 1, n):
            if abs(matrix[i, 1 + k]) > abs(matrix[best, 1 + k]):
                best = i
        for c in range(n + 1):
            matrix[k, c], matrix[best, c] = matrix[best, c], matrix[k, c]
        pivot = 1.0 / matrix[k, 1 + k]
        for i in range(1, n):
            if i != k:
                factor = matrix[i, 1 + k] * pivot
                for c in range(n + 1):
                    matrix[i, c] -= factor * matrix[k, c]
    for k in range(1, n):
        amounts[k, 0] = -matrix[k, 0] / matrix[k, 1 + k]
        amounts[k, 1] = -matrix[k, 1] / matrix[k, 1 + k]


@merged
def newton_step(problem, mesh, flows, rates, aim, steps, moves, answer):
    """Put the step into column 0 of `steps` and that of the currents into `moves`; return the largest part of it.

    `aim`: (by voltage or not, target).
    """
    n_routes = flows.shape[0]
    volt = problem[4]
    rows, row, amounts = np.empty((n_routes, 1 + n_routes)), np.empty(1 + n_routes), np.zeros((n_routes, 2))
    linear_steps(problem, mesh, flows, rates, steps)
    closing_rows(problem, mesh, steps, rows)
    close_routes(rows, amounts)
    voltage, _ = voltage_row(problem, mesh, flows, rates, steps, row)
    start, slope = voltage + row[0], row[1]
    for k in range(1, n_routes):
        start += row[1 + k] * amounts[k, 0]
        slope += row[1 + k] * amounts[k, 1]
    total = 0.0
    for k in range(n_routes):
        total += flows[k]
    change = (aim[1] / volt - start) / slope if aim[0] > 0.0 else aim[1] - total
    answer[A_VOLTAGE], answer[A_SLOPE] = (start + change * slope) * volt, slope * volt
    for k in range(n_routes):
        moves[k] = rates[k, 1] * change
        answer[A_FLOWS + k] = rates[k, 1]
        for j in range(1, n_routes):
            moves[k] += rates[k, 1 + j] * (amounts[j, 0] + amounts[j, 1] * change)
            answer[A_FLOWS + k] += rates[k, 1 + j] * amounts[j, 1]
    largest = 0.0
    for e in range(steps.shape[0]):
        for i in range(5):
            for k in range(n_routes):
                step = steps[e, i, k, 0] + change * steps[e, i, k, 1]
                for j in range(1, n_routes):
                    step += (amounts[j, 0] + amounts[j, 1] * change) * steps[e, i, k, 1 + j]
                steps[e, i, k, 0] = step
                largest = max(largest, abs(step) if math.isfinite(step) else math.inf)
    return largest


@merged
def move_nodes(problem, mesh, steps, fraction):
    """Move y, offsets and Delta along the step; both copies of a point within a layer agree to the last bit."""
    routes = problem[5]
    elements, nodes, deltas, turns = mesh
    n = elements.shape[0]
    for e in range(n):
        layer = int(elements[e, 1])
        for i in range(5):
            nodes[e, i, Y] += fraction * steps[e, i, 0, 0]
            for k in range(1, steps.shape[2]):
                nodes[e, i, ROUTE_START + ROUTE_SIZE * k + OFFSET] += fraction * steps[e, i, k, 0]
            for s in range(deltas.shape[2]):
                k = routes[layer, s]
                if k >= 0:
                    step = steps[e, i, 0, 0] - (steps[e, i, k, 0] if k > 0 else 0.0)
                    deltas[e, i, s] += fraction * turns[e, i, s] * step
        if e > 0 and elements[e, 1] == elements[e - 1, 1]:
            nodes[e, 0, Y] = nodes[e - 1, 4, Y]
            for k in range(1, steps.shape[2]):
                at = ROUTE_START + ROUTE_SIZE * k + OFFSET
                nodes[e, 0, at] = nodes[e - 1, 4, at]
    nodes[0, 0, Y], nodes[n - 1, 4, Y] = 0.0, 0.0


@merged
def read_again(problem, mesh, flows, rates, steps, answer):
    """Fill `answer` for the state after a step, with what a unit of the current did before it; one route only.

    V is then that of the state. dV/dJ is off by the step in what y moves of it, a share that vanishes with the current:
    returns that share.
    """
    volt, row = problem[4], np.empty(2)
    voltage, held = voltage_row(problem, mesh, flows, rates, steps, row)
    answer[A_VOLTAGE], answer[A_SLOPE] = voltage * volt, row[1] * volt
    return abs(1.0 - held / row[1])


@merged
def solve_load(problem, mesh, flows, aim, small, answer):
    """Solve for one load from the state in the mesh, whose nodes are filled; returns (status, iterations).

    `small`: step that ends it, and that of y which may do so where one component carries a given current, since its
    square is small and dV/dJ is read again.
    """
    n, n_routes = mesh[0].shape[0], flows.shape[0]
    rates = rates_of(problem[6])
    steps, moves = np.empty((n, 5, n_routes, 1 + n_routes)), np.empty(n_routes)
    before = math.inf
    for iteration in range(1, MOST_ITERATIONS + 1):
        largest = newton_step(problem, mesh, flows, rates, aim, steps, moves, answer)
        if not math.isfinite(largest):
            return STOPPED, iteration
        fraction = min(1.0, LARGEST_STEP / largest) if largest > 0.0 else 1.0
        move_nodes(problem, mesh, steps, fraction)
        for k in range(n_routes):
            flows[k] += fraction * moves[k]
        done = largest <= small[0] or (largest < ROUNDING_STEP and largest > STALLED * before)
        if not done:
            fill_nodes(problem, mesh)
            if n_routes == 1 and not aim[0] > 0.0 and largest <= small[1]:
                done = largest * read_again(problem, mesh, flows, rates, steps, answer) <= small[0]
        if done:
            if not aim[0] > 0.0:
                flows[0] = aim[1]
                for k in range(1, n_routes):
                    flows[0] -= flows[k]
            return SOLVED, iteration
        before = largest
    return STOPPED, MOST_ITERATIONS


@merged
def follow_load(problem, mesh, flows, aim, start, small, answer):
    """Go from the load `start` to that of `aim`; returns (status, iterations, load reached). `small`: last steps.

    The nodes are filled for the state that it starts from. The first try is the whole way. A step that fails is cut to
    a third; each next one may be twice as long.
    """
    _, nodes, deltas, _ = mesh
    saved_nodes, saved_deltas, saved_flows = nodes.copy(), deltas.copy(), flows.copy()
    by_voltage, target = aim
    load, move, total = start, target - start, 0
    while True:
        trial = load + move
        if abs(move) >= abs(target - load):
            trial = target
        status, more = solve_load(problem, mesh, flows, (by_voltage, trial), small, answer)
        total += more
        if status == SOLVED:
            load = trial
            if load == target:
                return SOLVED, total, load
            saved_nodes[:], saved_deltas[:], saved_flows[:] = nodes, deltas, flows
            move *= 2.0
        else:
            nodes[:], deltas[:], flows[:] = saved_nodes, saved_deltas, saved_flows
            move /= 3.0
            if abs(move) <= SHORTEST * abs(target - start) or total > MOST_EFFORT:
                return STOPPED, total, load
        fill_nodes(problem, mesh)
