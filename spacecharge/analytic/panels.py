"""Quadrature over one thick layer: Gauss-Legendre nodes on panels of the parameter from the bulk to the contact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .laws import LocalState, Side

Array = NDArray[np.float64]

ORDER = 16
"""Gauss-Legendre nodes per panel; with the widths of `laws._knots` the truncation error is below 1e-14."""


@lru_cache(maxsize=1)
def gauss_legendre() -> tuple[Array, Array, Array]:
    """Return nodes on (-1, 1), weights, and the matrix of integrals from -1 to each node.

    The matrix integrates the polynomial through the values at the nodes, by its Legendre series.
    """
    from numpy.polynomial import legendre

    nodes, weights = legendre.leggauss(ORDER)
    values = legendre.legvander(nodes, ORDER)
    degree = np.arange(ORDER)
    coefficients = (2 * degree[:, None] + 1) / 2.0 * values[:, :ORDER].T * weights
    integrals = np.empty((ORDER, ORDER))
    integrals[:, 0] = nodes + 1.0
    integrals[:, 1:] = (values[:, 2:] - values[:, :-2]) / (2 * degree[1:] + 1)
    return nodes, weights, integrals @ coefficients


@dataclass(frozen=True, slots=True, kw_only=True)
class Panels:
    """Quadrature nodes on panels of the parameter, shape (n_panels, ORDER) unless said otherwise.

    Attributes
    ----------
    parameter, tau : ndarray
        Parameter of :meth:`Side.along` and reduced potential ``e |phi - phi_b|/kT`` [1].
    weight : ndarray
        Weight of d tau in an integral [1].
    push : ndarray
        ``sum |z| share |theta - theta_b|``, the derivative of `energy` by tau [1].
    energy : ndarray
        Integral of the push from the bulk, ``length^2 tau'^2/2`` [1].
    states : tuple of LocalState
        One per carrier.
    edge_energy : ndarray, shape (n_panels + 1,)
        `energy` at the panel edges, where the start energies were not given.
    """

    parameter: Array
    tau: Array
    weight: Array
    push: Array
    energy: Array
    states: tuple[LocalState, ...]
    edge_energy: Array


def panels(side: Side, sign: float, start: Array, stop: Array, energy: Array | None = None) -> Panels:
    """Return the nodes between `start` and `stop`, each of shape (n_panels,).

    Parameters
    ----------
    side : Side
        The layer.
    sign : float
        Sign of phi - phi_b.
    start, stop : ndarray, shape (n_panels,)
        Edges in the parameter.
    energy : ndarray, shape (n_panels,), optional
        Energy at `start`. Default: the panels join, the first begins in the bulk.
    """
    nodes, weights, cumulative = gauss_legendre()
    half = 0.5 * (stop - start)[:, None]
    parameter = start[:, None] + half * (1.0 + nodes)
    tau, stretch, states = side.along(sign, parameter)
    push = side.push(states)
    density = push * stretch * half
    if energy is None:
        edge = np.concatenate([[0.0], np.cumsum(density @ weights)])
        energy = edge[:-1]
    else:
        edge = energy + density @ weights
    return Panels(
        parameter=parameter,
        tau=tau,
        weight=weights * half * stretch,
        push=push,
        energy=energy[:, None] + density @ cumulative.T,
        states=states,
        edge_energy=edge,
    )
