"""The mesh of a direct current: joined and cut by its polynomials, followed where the current moves the layers."""

from __future__ import annotations

import math

import numpy as np

from ._jit import kernel, merged
from .element import NODES, basis_at
from .steady_newton import A_FLOWS, A_SLOPE, A_VOLTAGE, SOLVED, fill_nodes, follow_load
from .steady_nodes import OFFSET, ROUTE_SIZE, ROUTE_START, SIGMA, Y

# Elements beyond which a mesh is not cut any further, and how often it is cut at all.
MOST_ELEMENTS = 4000
MOST_CUTS = 24
# Roughness [kT/e] that an element may always have, at a tolerance of 1e-6 V.
SMOOTH = 3e-5
# What halving the mesh changes, times this, is the error estimate of the finer one; measured errors are smaller.
SAFETY = 2.0
# Share of the tolerance that covers two meshes that agree by chance.
LUCK = 0.02
# Relative error of the voltage that a tolerance of 1 V would allow.
VOLTAGE_SHARE = 1.0
# Newton ends at such a step on meshes that a finer one follows, and on the last one.
COARSE, FINE = 1e-5, 1e-9

INTACT, NOT_REACHED, NOT_CUT, INACCURATE = range(4)
# Columns of the results: relative error of the voltage, error of the potentials [kT/e], load reached, iterations.
R_RELATIVE, R_ERROR, R_LOAD, R_ITERATIONS, RESULTS = range(5)


# Values at the nodes of the left and the right half, [half, node, basis]; and at the nodes of a pair of elements as
# one.
HALVES = basis_at(np.stack([NODES / 2.0, (1.0 + NODES) / 2.0]))
PAIR = basis_at(2.0 * NODES - (NODES > 0.5))


@kernel
def interpolate(basis, nodes, deltas, new_nodes, new_deltas):
    """Fill y, offsets and Delta of a node from those of an element."""
    for j in range(5):
        new_nodes[Y] += basis[j] * (nodes[j, Y] - nodes[0, Y])
        for k in range(ROUTE_START + OFFSET, nodes.shape[1], ROUTE_SIZE):
            new_nodes[k] += basis[j] * nodes[j, k]
        for s in range(deltas.shape[1]):
            new_deltas[s] += basis[j] * deltas[j, s]
    new_nodes[Y] += nodes[0, Y]


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
        if not cuts[e]:
            new[at], points[at], inner[at] = elements[e], nodes[e], deltas[e]
            at += 1
            continue
        for half in range(2):
            new[at, 0], new[at, 1] = 0.5 * elements[e, 0], elements[e, 1]
            for i in range(5):
                interpolate(HALVES[half, i], nodes[e], deltas[e], points[at, i], inner[at, i])
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
        if together and abs(elements[e, 0] - elements[e + 1, 0]) < 1e-9 * elements[e, 0]:
            new[at, 0], new[at, 1] = elements[e, 0] + elements[e + 1, 0], elements[e, 1]
            for i in range(5):
                part = e if i < 3 else e + 1
                interpolate(PAIR[i], nodes[part], deltas[part], points[at, i], inner[at, i])
            e += 2
        else:
            new[at], points[at], inner[at] = elements[e], nodes[e], deltas[e]
            e += 1
        at += 1
    return new[:at].copy(), points[:at].copy(), inner[:at].copy(), np.zeros((at, 5, n_species))


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
            worst = max(worst, max(abs(first), abs(second)) / 128.0)
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
    results[R_ERROR], results[R_RELATIVE] = SAFETY * change, SAFETY * relative + 1e-12


@kernel
def carry_load(problem, mesh, flows, aim, tolerance, answer, results):
    """Bring a stack to a load and halve its mesh until the change is below the tolerance [V].

    Returns (status, mesh). `aim`: (by voltage or not, target, the load that it is at); `flows` (n_routes), `answer` and
    `results` (RESULTS) are filled.
    """
    bound, n_faces = tolerance / problem[4], 2 * (problem[2].shape[0] - 1)
    fill_nodes(problem, mesh)
    rough = np.empty(mesh[0].shape[0])
    roughness(mesh, flows, rough)
    limit = max(1.5 * np.max(rough), SMOOTH * (tolerance / 1e-6) ** 0.625)
    results[:] = 0.0
    faces, answers = np.zeros((2, n_faces, flows.shape[0])), np.zeros((2, answer.shape[0]))
    start, cuts_made, halved = aim[2], 0, False
    while True:
        status, more, load = follow_load(
            problem, mesh, flows, (aim[0], aim[1]), start, FINE if halved else COARSE, answers[1]
        )
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
                continue
            cuts[:] = True
        read_faces(mesh, faces[1])
        if halved:
            compare(mesh, faces, flows, answers, aim[0], results)
            results[R_ERROR] += LUCK * bound
            done = results[R_ERROR] <= bound and results[R_RELATIVE] <= VOLTAGE_SHARE * tolerance
            if done or 2 * n > MOST_ELEMENTS:
                # What is read from the nodes later belongs to the last step.
                fill_nodes(problem, mesh)
                answer[:] = answers[1]
                return INTACT if done else INACCURATE, mesh
        faces[0], answers[0] = faces[1], answers[1]
        halved = True
        mesh = cut_mesh(mesh, cuts)
