"""The baseline of impedances: ``scipy.sparse.linalg.splu`` on second-order finite volumes, written as well as it goes.

One sparse matrix for the frequency-free part and one for what is multiplied by i w, assembled once for a spectrum;
a factorisation a frequency. Poisson's equation is scaled so that no frequency spoils it. The static profile is that of
the package, read off by polynomials, free of charge; the grid is that of the oracle in ``tests/impedance/volumes.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from spacecharge.constants import VACUUM_PERMITTIVITY
from spacecharge.solver.solution import Solution
from tests.impedance.volumes import LayerLaws, graded

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


class Volumes:
    """Finite volumes of a stack with one component that passes everywhere, between reversible ends.

    Parameters
    ----------
    solution : Solution
        The state at rest.
    n : int
        Cells a layer.
    finest : float
        First spacing at a face, in units of sqrt(eps/C) there.
    """

    def __init__(self, solution: Solution, n: int, finest: float = 0.02) -> None:
        p = solution.parameters
        grids, sigma, stiff, stored = [], [], [], []
        for i in range(p.n_layers):
            profile = solution.layers[i]
            nodes = profile.x - profile.x[0]
            theta, vacancy = np.atleast_2d(profile.occupancy), np.atleast_2d(profile.vacancy)
            laws = LayerLaws(nodes, np.log(theta / vacancy), solution, i, [0], 1)
            eps = VACUUM_PERMITTIVITY * float(p.permittivity[0, i])
            x = graded(float(nodes[-1]), n, finest * float(np.sqrt(eps / laws(nodes[[0, -1]])[1].max())))
            h = np.diff(x)
            weight = np.zeros(x.size)
            weight[:-1] += 0.5 * h
            weight[1:] += 0.5 * h
            grids.append(x)
            sigma.append(laws(0.5 * (x[1:] + x[:-1]))[0][0] / h)
            stiff.append(eps / h)
            stored.append(laws(x)[1][0] * weight)
        conductance, permittance = np.concatenate(sigma), np.concatenate(stiff)
        size = conductance.size + 1
        charge = np.zeros(size)
        for i, part in enumerate(stored):
            charge[i * n : i * n + n + 1] += part
        # Interleaved (v, phi) of a node, so that the band is narrow.
        v, phi = 2 * np.arange(size), 2 * np.arange(size) + 1
        still = _edges(v, conductance) + _edges(phi, permittance) + [(phi, phi, charge), (phi, v, -charge)]
        moved = [(v, v, charge), (v, phi, -charge)]
        self.still, self.moved = (_matrix(parts, 2 * size) for parts in (still, moved))
        self.conductance, self.permittance, self.charge = conductance, permittance, charge

    def impedance(self, omega: Array) -> Complex:
        """Return Z [ohm m2] at angular frequencies [s-1]."""
        inner = slice(2, self.still.shape[0] - 2)
        still, moved = (m[inner, inner].tocsc() for m in (self.still, self.moved))
        # v = phi = 1 at the left end.
        known = np.zeros(self.still.shape[0])
        known[:2] = 1.0
        load_still, load_moved = -(self.still @ known)[inner], -(self.moved @ known)[inner]
        found = np.empty(omega.size, dtype=complex)
        for k, w in enumerate(omega):
            answer = splu(still + 1j * w * moved).solve(load_still + 1j * w * load_moved)
            v, phi = answer[0], answer[1]
            # The current through the first cell.
            found[k] = 1.0 / (self.conductance[0] * (1.0 - v) + 1j * w * self.permittance[0] * (1.0 - phi))
        return found


def _edges(at: NDArray[np.int64], values: Array) -> list[Any]:
    a, b = at[:-1], at[1:]
    return [(a, a, values), (b, b, values), (a, b, -values), (b, a, -values)]


def _matrix(parts: list[Any], size: int) -> Any:
    rows, columns, values = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return coo_matrix((values, (rows, columns)), shape=(size, size)).tocsr()
