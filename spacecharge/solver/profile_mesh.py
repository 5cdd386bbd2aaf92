"""One mesh for the profiles of all points of a sweep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from ..model import StackParameters

Array = NDArray[np.float64]


def profile_mesh(parameters: StackParameters, n_per_layer: int = 121) -> tuple[Array, ...]:
    """Return one mesh per layer that serves all points of a sweep.

    Nodes crowd at every contact, from a fiftieth of the smallest Debye length in the sweep on, and thin out
    geometrically; the values on it come from the solver's own polynomials, so the mesh decides what is seen, not how
    accurate it is. Where a thickness is swept, the mesh is that of the thickest stack (values outside are NaN).

    Parameters
    ----------
    parameters : StackParameters
        The points, or a few that span them.
    n_per_layer : int
        Nodes per layer.

    Returns
    -------
    tuple of ndarray
        Positions [m], 0 at the first contact (at the left end for a single layer).
    """
    p = parameters
    thickness = p.thickness.max(axis=0)
    right_faces = np.cumsum(thickness) - (thickness[0] if p.n_layers > 1 else 0.0)
    density = (p.charge_number**2 * p.site_density).max(axis=(0, 2)) * ELEMENTARY_CHARGE**2
    scale = np.sqrt(VACUUM_PERMITTIVITY * p.permittivity.min(axis=0) * BOLTZMANN * p.temperature.min() / density)
    meshes = []
    for i in range(p.n_layers):
        has_left = i > 0 or p.end_contacts[0]
        has_right = i < p.n_layers - 1 or p.end_contacts[1]
        start = min(float(scale[i]) / 25.0, thickness[i] / n_per_layer)
        if has_left and has_right:
            half = _graded(thickness[i] / 2.0, start, n_per_layer // 2 + 1)
            local = np.concatenate([half, thickness[i] - half[-2::-1]])
        elif has_right:
            local = thickness[i] - _graded(thickness[i], start, n_per_layer)[::-1]
        else:
            local = _graded(thickness[i], start, n_per_layer)
        local[0], local[-1] = 0.0, thickness[i]
        meshes.append(right_faces[i] - thickness[i] + local)
        if i == 0 and p.n_layers > 1:
            meshes[0][-1] = 0.0
    return tuple(meshes)


def _graded(length: float, start: float, n: int) -> Array:
    """Return `n` positions from 0 to `length` whose spacing grows geometrically from `start`."""
    if start * (n - 1) >= length:
        return np.linspace(0.0, length, n)
    low, high = 0.0, 60.0 / (n - 1)
    for _ in range(80):
        rate = 0.5 * (low + high)
        total = start * np.expm1(rate * (n - 1)) / np.expm1(rate) if rate > 0 else start * (n - 1)
        if total > length:
            high = rate
        else:
            low = rate
    steps = start * np.exp(low * np.arange(n - 1))
    return np.concatenate([[0.0], np.cumsum(steps) * (length / steps.sum())])
