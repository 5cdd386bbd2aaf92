"""Second-order finite volumes for the small signal in phi and v, solved by a sparse LU; no code of the kernels.

Only the static profile comes from the solution (it has its own oracles), read off by polynomials through its nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.linalg import splu

from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.solver.solution import Solution

Array = NDArray[np.float64]


def interpolated(x: Array, nodes: Array, values: Array) -> Array:
    """Values (n_nodes,) on elements of five nodes at x, by Lagrange's formula."""
    starts = nodes[:-1:4]
    e = np.clip(np.searchsorted(starts, x, side="right") - 1, 0, starts.size - 1)
    at = nodes[4 * e[:, None] + np.arange(5)]
    v = values[4 * e[:, None] + np.arange(5)]
    total = np.zeros(x.size)
    for i in range(5):
        factor = np.ones(x.size)
        for j in range(5):
            if j != i:
                factor *= (x - at[:, j]) / (at[:, i] - at[:, j])
        total += factor * v[:, i]
    return total


@dataclass
class LayerLaws:
    """sigma and C per component as functions of the distance from the left face."""

    nodes: Array
    logits: Array
    solution: Solution
    layer: int
    component: list[int]
    count: int

    def slopes(self, x: Array) -> Array:
        """d sigma/dw [S m-1 V-1] of every component for species without interaction; w = v - phi."""
        p, i = self.solution.parameters, self.layer
        kt = BOLTZMANN * float(p.temperature[0])
        found = np.zeros((self.count, x.size))
        for s, c in enumerate(self.component):
            charge = float(p.charge_number[0, i, s]) * ELEMENTARY_CHARGE
            theta = 1.0 / (1.0 + np.exp(-interpolated(x, self.nodes, self.logits[s])))
            share = (1 - 2 * theta) / float(p.bulk_vacancy[0, i, s]) if p.transport[i, s] == 1 else 1.0
            conduct = charge**2 * float(p.site_density[0, i, s]) * float(p.diffusivity[0, i, s]) / kt
            found[c] += conduct * theta * (1 - theta) * share * charge / kt
        return found

    def __call__(self, x: Array) -> tuple[Array, Array]:
        p, i = self.solution.parameters, self.layer
        kt = BOLTZMANN * float(p.temperature[0])
        sigma, capacity = np.zeros((self.count, x.size)), np.zeros((self.count, x.size))
        for s, c in enumerate(self.component):
            charge = float(p.charge_number[0, i, s]) * ELEMENTARY_CHARGE
            sites, d = float(p.site_density[0, i, s]), float(p.diffusivity[0, i, s])
            theta = 1.0 / (1.0 + np.exp(-interpolated(x, self.nodes, self.logits[s])))
            occ, vac = float(p.interaction_occupied[0, i, s]) / kt, float(p.interaction_vacancy[0, i, s]) / kt
            slope = 1.0 + 4.0 / 9.0 * (occ * theta ** (1 / 3) * (1 - theta) + vac * (1 - theta) ** (1 / 3) * theta)
            share = (1 - theta) / float(p.bulk_vacancy[0, i, s]) if p.transport[i, s] == 1 else 1.0
            sigma[c] += charge**2 * sites * theta * d * share / kt
            capacity[c] += charge**2 * sites * theta * (1 - theta) / slope / kt
        return sigma, capacity


def graded(length: float, n: int, finest: float) -> Array:
    """Nodes on [0, length], dense at both faces: the first spacing is about `finest`."""
    # x = L/2 (1 + sinh(b t)/sinh(b)) on t in [-1, 1]; spacing at the face L/(2 n/2) b coth(b).. solved for b.
    from scipy.optimize import brentq

    t = np.linspace(-1.0, 1.0, n + 1)
    if length / n <= finest:
        return 0.5 * length * (1.0 + t)

    def first(b: float) -> float:
        # tanh maps dense to the faces.
        return 0.5 * length * (1.0 - np.tanh(b * (1.0 - 2.0 / n)) / np.tanh(b)) - finest

    b = float(brentq(first, 1e-6, 18.0))
    return 0.5 * length * (1.0 + np.tanh(b * t) / np.tanh(b))


def volumes_impedance(
    solution: Solution,
    omega: float,
    *,
    components: list[list[int]],
    held: tuple[tuple[bool, ...], tuple[bool, ...]],
    resistance: float = 0.0,
    currents: Array | None = None,
    n: int = 400,
    finest: float = 0.02,
) -> tuple[complex, float]:
    """Return Z of a stack and the largest relative deviation of J between two cells from its mean.

    `components[layer][species]`: component of a species; `held[side][component]`; `finest`: first spacing in units of
    the smallest sqrt(eps/C) at a face. `currents[component]`: direct current [A m-2] of the state, whose field moves
    what the signal adds: j' = -sigma dv' + (j/sigma)(d sigma/dw) w'.
    """
    p = solution.parameters
    count = len(held[0])
    rows: list[int] = []
    cols: list[int] = []
    data: list[complex] = []
    unknowns = 0
    index: list[list[NDArray[np.int64]]] = []
    fluxes = []

    def add(i: int, j: int, value: complex) -> None:
        rows.append(i)
        cols.append(j)
        data.append(value)

    for i in range(p.n_layers):
        profile = solution.layers[i]
        nodes = profile.x - profile.x[0]
        theta = np.atleast_2d(profile.occupancy)
        vacancy = np.atleast_2d(profile.vacancy)
        laws = LayerLaws(nodes, np.log(theta / vacancy), solution, i, components[i], count)
        eps = VACUUM_PERMITTIVITY * float(p.permittivity[0, i])
        _, at_faces = laws(np.array([0.0, nodes[-1]]))
        sigma0, _ = laws(np.array([0.0, nodes[-1]]))
        # The signal may decay faster than a static charge does.
        rate = at_faces.sum(axis=0) / eps * np.abs(1.0 + 1j * omega * eps / sigma0.sum(axis=0))
        x = graded(float(nodes[-1]), n, finest / float(np.sqrt(rate.max())))
        h = np.diff(x)
        middle = 0.5 * (x[1:] + x[:-1])
        sigma, _ = laws(middle)
        drift = np.zeros(sigma.shape)
        if currents is not None:
            drift = np.divide(laws.slopes(middle), sigma, out=drift, where=sigma > 0.0) * currents[:, None]
        _, capacity = laws(x)
        weight = np.zeros(x.size)
        weight[:-1] += 0.5 * h
        weight[1:] += 0.5 * h
        own = []
        for c in range(1 + count):
            shared = i > 0 and (c == 0 or (resistance == 0.0 and sigma[c - 1].any() and fluxes[-1][0][c - 1].any()))
            ids = np.arange(unknowns, unknowns + x.size - int(shared), dtype=np.int64)
            unknowns += ids.size
            own.append(np.concatenate([[index[-1][c][-1]], ids]) if shared else ids)
        index.append(own)
        fluxes.append((sigma / h, eps / h, drift))
        phi = own[0]
        for k in range(x.size):
            for c in range(count):
                y = 1j * omega * capacity[c, k] * weight[k]
                v = own[1 + c]
                add(phi[k], phi[k], y)
                add(phi[k], v[k], -y)
                add(v[k], v[k], y)
                add(v[k], phi[k], -y)
        for k in range(h.size):
            for c in range(1 + count):
                y = 1j * omega * eps / h[k] if c == 0 else sigma[c - 1, k] / h[k]
                a, b = own[c][k], own[c][k + 1]
                add(a, a, y)
                add(b, b, y)
                add(a, b, -y)
                add(b, a, -y)
                for at in (k, k + 1) if c > 0 and drift[c - 1, k] != 0.0 else ():
                    half = 0.5 * drift[c - 1, k]
                    for row, sign in ((a, half), (b, -half)):
                        add(row, own[c][at], sign)
                        add(row, phi[at], -sign)
        if i > 0 and 0.0 < resistance < np.inf:
            for c in range(count):
                if sigma[c].any() and fluxes[-2][0][c].any():
                    a, b = index[-2][1 + c][-1], own[1 + c][0]
                    for s, t, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
                        add(s, t, sign / resistance)
    matrix = coo_matrix((data, (rows, cols)), shape=(unknowns, unknowns)).tocsc()
    known = _solved(matrix, index, held)
    totals = np.concatenate([_currents(known, own, flux, omega) for own, flux in zip(index, fluxes, strict=True)])
    mean = complex(np.mean(totals))
    return 1.0 / mean, float(np.abs(totals / mean - 1.0).max())


def _solved(
    matrix: csc_matrix, index: list[list[NDArray[np.int64]]], held: tuple[tuple[bool, ...], tuple[bool, ...]]
) -> NDArray[np.complex128]:
    """Return all unknowns under 1 V on the left and 0 V on the right."""
    fixed, values = [int(index[0][0][0]), int(index[-1][0][-1])], [1.0, 0.0]
    for side, (at, value) in enumerate(((0, 1.0), (-1, 0.0))):
        for c, is_held in enumerate(held[side]):
            if is_held:
                fixed.append(int(index[at][1 + c][at]))
                values.append(value)
    dead = np.flatnonzero(np.abs(matrix.diagonal()) == 0.0)
    known = np.zeros(matrix.shape[0], dtype=complex)
    known[fixed] = values
    free = np.setdiff1d(np.arange(known.size), np.concatenate([fixed, dead]))
    known[free] = splu(matrix[free][:, free].tocsc()).solve(-(matrix @ known)[free])
    return known


def _currents(
    known: NDArray[np.complex128], own: list[NDArray[np.int64]], flux: tuple[Array, Array, Array], omega: float
) -> NDArray[np.complex128]:
    """Return the whole current between the cells of a layer, that of displacement included."""
    conductance, stiff, drift = flux
    j = -1j * omega * stiff * np.diff(known[own[0]])
    for c, of_component in enumerate(own[1:]):
        w = known[of_component] - known[own[0]]
        j = j - conductance[c] * np.diff(known[of_component]) + 0.5 * drift[c] * (w[1:] + w[:-1])
    return j


def extrapolated(solution: Solution, omega: float, n: int = 400, **options: object) -> complex:
    """Return Z from n and 2 n cells a layer: errors of second order removed."""
    finest = float(options.pop("finest", 0.02))  # type: ignore[arg-type]
    coarse, _ = volumes_impedance(solution, omega, n=n, finest=finest, **options)  # type: ignore[arg-type]
    fine, _ = volumes_impedance(solution, omega, n=2 * n, finest=0.5 * finest, **options)  # type: ignore[arg-type]
    return fine + (fine - coarse) / 3.0
