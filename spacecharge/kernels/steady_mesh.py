"""The mesh of a direct current: joined and cut by its polynomials, followed where the current moves the layers."""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from ._jit import kernel, merged
from .element import NODES, basis_at
from .steady_newton import A_FLOWS, A_SLOPE, A_VOLTAGE, SOLVED, follow_load
from .steady_nodes import OFFSET, ROUTE_SIZE, ROUTE_START, SIGMA, Y, fill_nodes

# Elements beyond which a mesh is not cut any further, and how often it is cut at all.
MOST_ELEMENTS = 4000
MOST_CUTS = 24
# Roughness [kT/e] that an element may always have, at a tolerance of 1e-6 V; it is of the fifth power of the size,
# which follows the tolerance to 1/8. Elements as rough as so many times the roughest at rest stay whole, too.
SMOOTH, SMOOTH_POWER, AS_AT_REST = 3e-5, 0.625, 1.5
# Neighbours of one size, to rounding, are halves of one element.
ONE_SIZE = 1e-9
# Fourth differences over the height of what an element of half the size would lose (`roughness`).
FIFTH_DEGREE = 128.0
# No estimate of the voltage lies below: rounding.
LEAST_RELATIVE = 1e-12
# What halving the mesh changes, times this, is the error estimate of the finer one; measured errors are smaller.
SAFETY = 2.0
# Share of the tolerance that covers two meshes that agree by chance.
LUCK = 0.02
# Relative error of the voltage that a tolerance of 1 V would allow.
VOLTAGE_SHARE = 1.0
# Newton ends at such a step, on meshes that a finer one follows and at most on that one, where it is a share of the
# bound as well: it leaves the square of the step in y, and less than the step in dV/dJ, relative.
COARSE, FINE, SHARE = 1e-5, 1e-7, 1e-3
# Square of the step over the bound (at most LOOSEST) that may end it where dV/dJ is read again, on both.
COARSE_SQUARE, FINE_SQUARE, LOOSEST = 1e-2, 1e-4, 1e-4

# That of the reference is 0.
FIRST_OFFSET = ROUTE_START + ROUTE_SIZE + OFFSET

INTACT, NOT_REACHED, NOT_CUT, INACCURATE = range(4)
# Columns of the results: relative error of the voltage, error of the potentials [kT/e], load reached, iterations,
# whether an occupancy stands at the end of its range.
R_RELATIVE, R_ERROR, R_LOAD, R_ITERATIONS, R_SATURATED, RESULTS = range(6)
# Rows kept of a solve: y at five nodes, sizes, layers, where layers begin, then Delta at five nodes per species.
K_SIZE, K_LAYER, K_DELTA = 5, 6, 8


# Values at the nodes of the left and the right half, [node, basis]; and at the nodes of a pair of elements as one.
LEFT_HALF, RIGHT_HALF = basis_at(NODES / 2.0), basis_at((1.0 + NODES) / 2.0)
PAIR = basis_at(2.0 * NODES - (NODES > 0.5))


@kernel
def lay_state(kept, species, deltas, n_routes):
    """Return the mesh of a solve at rest from the rows kept of it (`solver.prepared`): y, sizes, layers, Delta.

    Where the solve carries no Delta it is -z y. `deltas` (n, 5, n_species) is filled and becomes part of the mesh.
    """
    n, n_species = deltas.shape[0], deltas.shape[2]
    elements, nodes = np.empty((n, 2)), np.zeros((n, 5, ROUTE_START + ROUTE_SIZE * n_routes))
    for e in range(n):
        elements[e, 0], elements[e, 1] = kept[K_SIZE, e], kept[K_LAYER, e]
        for i in range(5):
            nodes[e, i, Y] = kept[i, e]
    for s in range(n_species):
        carried = False
        for i in range(5):
            for e in range(n):
                deltas[e, i, s] = kept[K_DELTA + 5 * s + i, e]
                carried = carried or deltas[e, i, s] != 0.0
        if not carried:
            for e in range(n):
                charge = species[int(elements[e, 1]), s, o.P_Z]
                for i in range(5):
                    deltas[e, i, s] = -charge * nodes[e, i, Y]
    return elements, nodes, deltas, np.zeros(deltas.shape)


@kernel
def interpolate(table, old, e, new, f, first, last):
    """Fill y, offsets and Delta of nodes first..last-1 of element f from those of element e; `table`: values of l_j."""
    (nodes, deltas), (new_nodes, new_deltas) = old, new
    base = nodes[e, 0, Y]
    for i in range(first, last):
        total = 0.0
        for j in range(5):
            total += table[i, j] * (nodes[e, j, Y] - base)
        new_nodes[f, i, Y] = total + base
        for k in range(FIRST_OFFSET, nodes.shape[2], ROUTE_SIZE):
            total = 0.0
            for j in range(5):
                total += table[i, j] * nodes[e, j, k]
            new_nodes[f, i, k] = total
        for s in range(deltas.shape[2]):
            total = 0.0
            for j in range(5):
                total += table[i, j] * deltas[e, j, s]
            new_deltas[f, i, s] = total


@kernel
def copy_element(old, e, new, f):
    """Let element f be what element e is."""
    (nodes, deltas), (new_nodes, new_deltas) = old, new
    for i in range(5):
        for k in range(nodes.shape[2]):
            new_nodes[f, i, k] = nodes[e, i, k]
        for s in range(deltas.shape[2]):
            new_deltas[f, i, s] = deltas[e, i, s]


@kernel
def cut_mesh(mesh, cuts):
    """Return the mesh with those elements cut in half that `cuts` says."""
    elements, nodes, deltas, _ = mesh
    n, n_species = elements.shape[0], deltas.shape[2]
    total = n
    for e in range(n):
        total += 1 if cuts[e] else 0
    new, points = np.empty((total, 2)), np.zeros((total, 5, nodes.shape[2]))
    inner = np.zeros((total, 5, n_species))
    at = 0
    for e in range(n):
        halves = 2 if cuts[e] else 1
        for half in range(halves):
            new[at, 0], new[at, 1] = elements[e, 0] / halves, elements[e, 1]
            if halves == 1:
                copy_element((nodes, deltas), e, (points, inner), at)
            elif half == 0:
                interpolate(LEFT_HALF, (nodes, deltas), e, (points, inner), at, 0, 5)
            else:
                interpolate(RIGHT_HALF, (nodes, deltas), e, (points, inner), at, 0, 5)
            at += 1
    return new, points, inner, np.zeros((total, 5, n_species))


@kernel
def join_pairs(mesh):
    """Return the mesh whose elements are pairs of neighbours of one layer and one size; others stay as they are."""
    elements, nodes, deltas, _ = mesh
    n, n_species = elements.shape[0], deltas.shape[2]
    new, points = np.empty((n, 2)), np.zeros((n, 5, nodes.shape[2]))
    inner = np.zeros((n, 5, n_species))
    at, e = 0, 0
    while e < n:
        together = e + 1 < n and elements[e, 1] == elements[e + 1, 1]
        if together and abs(elements[e, 0] - elements[e + 1, 0]) < ONE_SIZE * elements[e, 0]:
            new[at, 0], new[at, 1] = elements[e, 0] + elements[e + 1, 0], elements[e, 1]
            interpolate(PAIR, (nodes, deltas), e, (points, inner), at, 0, 3)
            interpolate(PAIR, (nodes, deltas), e + 1, (points, inner), at, 3, 5)
            e += 2
        else:
            new[at, 0], new[at, 1] = elements[e, 0], elements[e, 1]
            copy_element((nodes, deltas), e, (points, inner), at)
            e += 1
        at += 1
    return new[:at], points[:at], inner[:at], np.zeros((at, 5, n_species))


@kernel
def roughness(mesh, flows, rough):
    """Fill `rough` (n): size of the highest coefficients of y, offsets and ln sigma of an element, in units of kT/e.

    Fourth differences, scaled to the height of the fifth-degree rest that an element of half the size would lose.
    Conductivities count of what carries current.
    """
    elements, nodes, _, _ = mesh
    differences = np.empty(5)
    for i in range(5):
        differences[i] = 1.0
        for j in range(5):
            if j != i:
                differences[i] /= NODES[i] - NODES[j]
    for e in range(elements.shape[0]):
        worst = 0.0
        for k in range(flows.shape[0]):
            own = ROUTE_START + ROUTE_SIZE * k
            first, second = 0.0, 0.0
            conducts = k == 0 or flows[k] != 0.0
            for i in range(5):
                first += differences[i] * (nodes[e, i, Y] if k == 0 else nodes[e, i, own + OFFSET])
                if conducts and nodes[e, 0, own + SIGMA] > 0.0:
                    second += differences[i] * math.log(nodes[e, i, own + SIGMA] / nodes[e, 0, own + SIGMA])
            worst = max(worst, max(abs(first), abs(second)) / FIFTH_DEGREE)
        rough[e] = worst


@kernel
def read_faces(mesh, faces):
    """Fill y and offsets left and right of every inner contact."""
    elements, nodes, _, _ = mesh
    at = 0
    for e in range(1, elements.shape[0]):
        if elements[e, 1] != elements[e - 1, 1]:
            for side in range(2):
                node = nodes[e - 1, 4] if side == 0 else nodes[e, 0]
                faces[at, 0] = node[Y]
                for k in range(1, faces.shape[1]):
                    faces[at, k] = node[ROUTE_START + ROUTE_SIZE * k + OFFSET]
                at += 1


@merged
def compare(mesh, faces, flows, answers, by_voltage, results):
    """Fill the errors of a mesh from what changed against the one before: faces (2, n, n_routes), answers (2, ...)."""
    change = 0.0
    for i in range(faces.shape[1]):
        for k in range(faces.shape[2]):
            change = max(change, abs(faces[1, i, k] - faces[0, i, k]))
    slope, voltage = answers[1, A_SLOPE], answers[1, A_VOLTAGE]
    relative = abs(slope - answers[0, A_SLOPE]) / abs(slope)
    if voltage != 0.0 and not by_voltage > 0.0:
        relative = max(relative, abs(voltage - answers[0, A_VOLTAGE]) / abs(voltage))
    for k in range(flows.shape[0]):
        part, before = answers[1, A_FLOWS + k], answers[0, A_FLOWS + k]
        # Of small shares of the current the absolute change counts.
        relative = max(relative, abs(part - before) / max(1.0, abs(part)))
    results[R_ERROR], results[R_RELATIVE] = SAFETY * change, SAFETY * relative + LEAST_RELATIVE


@kernel
def add_state(mesh, other, factor):
    """Add `factor` times y, offsets and Delta of another mesh of as many elements."""
    (_, nodes, deltas, _), (_, points, inner, _) = mesh, other
    for e in range(nodes.shape[0]):
        for i in range(5):
            nodes[e, i, Y] += factor * points[e, i, Y]
            for k in range(FIRST_OFFSET, nodes.shape[2], ROUTE_SIZE):
                nodes[e, i, k] += factor * points[e, i, k]
            for s in range(deltas.shape[2]):
                deltas[e, i, s] += factor * inner[e, i, s]


@kernel
def is_saturated(problem, mesh):
    """Say whether an occupancy stands at the end of its range, beyond which it no longer follows the potential."""
    species, routes = problem[0], problem[5]
    elements, _, deltas, _ = mesh
    for e in range(elements.shape[0]):
        layer = int(elements[e, 1])
        for s in range(deltas.shape[2]):
            if routes[layer, s] < 0 or species[layer, s, o.P_STRENGTH] == 0.0:
                continue
            low, high = species[layer, s, o.P_LOWEST], species[layer, s, o.P_HIGHEST]
            for i in range(5):
                if not low < deltas[e, i, s] < high:
                    return True
    return False


@kernel
def carry_load(problem, mesh, flows, aim, tolerance, answer, results):
    """Bring a stack to a load and halve its mesh until the change is below the tolerance [V].

    Returns (status, mesh). `aim`: (by voltage or not, target, the load that it is at, whether halves are joined first,
    since the solve before has cut its mesh once more); `flows` (n_routes), `answer` and `results` (RESULTS) are filled.
    """
    rest, joined = mesh, mesh
    if aim[3] > 0.0:
        joined = join_pairs(mesh)
        mesh = (joined[0], joined[1].copy(), joined[2].copy(), joined[3])
    bound, n_faces = tolerance / problem[4], 2 * (problem[2].shape[0] - 1)
    fill_nodes(problem, mesh)
    rough = np.empty(mesh[0].shape[0])
    roughness(mesh, flows, rough)
    limit = max(AS_AT_REST * np.max(rough), SMOOTH * (tolerance / 1e-6) ** SMOOTH_POWER)
    results[:] = 0.0
    faces, answers = np.zeros((2, n_faces, flows.shape[0])), np.zeros((2, answer.shape[0]))
    start, cuts_made, halved = aim[2], 0, False
    coarse = (COARSE, math.sqrt(COARSE_SQUARE * min(bound, LOOSEST)))
    fine = (min(FINE, SHARE * bound), math.sqrt(FINE_SQUARE * min(bound, LOOSEST)))
    while True:
        small = fine if halved else coarse
        status, more, load = follow_load(problem, mesh, flows, (aim[0], aim[1]), start, small, answers[1])
        results[R_ITERATIONS] += more
        results[R_LOAD] = load
        if status != SOLVED:
            return NOT_REACHED if cuts_made == 0 and not halved else NOT_CUT, mesh
        start = aim[1]
        n = mesh[0].shape[0]
        cuts = np.ones(n, dtype=np.bool_)
        if not halved and cuts_made < MOST_CUTS and n <= MOST_ELEMENTS:
            rough = np.empty(n)
            roughness(mesh, flows, rough)
            cuts = rough > limit
            if np.any(cuts):
                cuts_made += 1
                mesh = cut_mesh(mesh, cuts)
                fill_nodes(problem, mesh)
                continue
            cuts[:] = True
        read_faces(mesh, faces[1])
        if halved:
            compare(mesh, faces, flows, answers, aim[0], results)
            results[R_ERROR] += LUCK * bound
            # What Newton's last step may leave of dV/dJ.
            results[R_RELATIVE] += fine[0]
            done = results[R_ERROR] <= bound and results[R_RELATIVE] <= VOLTAGE_SHARE * tolerance
            if done or 2 * n > MOST_ELEMENTS:
                answer[:] = answers[1]
                results[R_SATURATED] = 1.0 if is_saturated(problem, mesh) else 0.0
                return INTACT if done else INACCURATE, mesh
        faces[0], answers[0] = faces[1], answers[1]
        # Where the halves are those that were joined, only the change since then is carried over.
        back = not halved and cuts_made == 0 and aim[3] > 0.0 and 2 * n == rest[0].shape[0]
        if back:
            add_state(mesh, joined, -1.0)
        mesh = cut_mesh(mesh, cuts)
        if back:
            add_state(mesh, rest, 1.0)
        fill_nodes(problem, mesh)
        halved = True
