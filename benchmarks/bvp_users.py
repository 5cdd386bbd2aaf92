"""``solve_bvp`` in the forms in which one meets it, for timings beside the tuned baseline.

============ ============================================================================================
tuned        `bvp_baseline`: reduced units, layers cut beyond the space charge, analytic Jacobians
differences  the same equations without Jacobians: scipy's default
plain        volts and nanometres over the whole layers, no Jacobians: what one writes first
============ ============================================================================================

All start from exponential profiles on 60 nodes crowded at the contact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from bvp_baseline import MAX_NODES, _equations, _first_guess, _Layer, bvp_reference
from cases import Array
from scipy.integrate import solve_bvp

from spacecharge.model import Stack, stack_parameters


@dataclass(frozen=True, slots=True)
class Answer:
    """Contact potentials of both sides [V] and the nodes of the final mesh."""

    contact_potential: Array
    n_nodes: int
    success: bool

    def error(self, exact: Array) -> float:
        """Return the true error [V], infinite where solve_bvp gave up."""
        return float(np.max(np.abs(self.contact_potential - exact))) if self.success else np.inf


def tuned(stack: Stack, tolerance: float) -> Answer:
    """Reduced units, cut layers, analytic Jacobians."""
    run = bvp_reference(stack, tolerance)
    return Answer(run.contact_potential, run.n_nodes, run.success)


def differences(stack: Stack, tolerance: float) -> Answer:
    """Reduced units, cut layers, Jacobians by finite differences."""
    p = stack_parameters(stack)
    volt, step = float(p.thermal_voltage[0]), float(p.contact_step[0, 0])
    layers = (_Layer.of(p, 0, step), _Layer.of(p, 1, step))
    fun, _, bc, _ = _equations(layers, step / volt)
    s, guess = _first_guess(layers, step / volt)
    with np.errstate(over="ignore", invalid="ignore"):
        result = solve_bvp(fun, bc, s, guess, tol=tolerance, max_nodes=MAX_NODES)
    return Answer(volt * result.y[[0, 2], 0], result.x.size, bool(result.success))


def plain(stack: Stack, tolerance: float) -> Answer:
    """Volts and nanometres, whole layers, Jacobians by finite differences."""
    p = stack_parameters(stack)
    volt, step = float(p.thermal_voltage[0]), float(p.contact_step[0, 0])
    thickness = 1e9 * p.thickness[0]
    permittivity = p.permittivity[0]
    laws = (_Layer.of(p, 0, step), _Layer.of(p, 1, step))
    scale = [volt / (1e9 * law.length) ** 2 for law in laws]

    def second_derivative(i: int, potential: Array) -> Array:
        return scale[i] * laws[i].charge(potential / volt)[0]

    def fun(s: Array, y: Array) -> Array:
        a, b = thickness
        return np.vstack((a * y[1], a * second_derivative(0, y[0]), b * y[3], b * second_derivative(1, y[2])))

    def bc(contact: Array, far: Array) -> Array:
        displacement = permittivity[0] * contact[1] + permittivity[1] * contact[3]
        return np.array([contact[2] - contact[0] - step, displacement, far[1], far[3]])

    whole = (replace(laws[0], length=1e-9 * thickness[0]), replace(laws[1], length=1e-9 * thickness[1]))
    s, guess = _first_guess(whole, step / volt)
    guess = guess * volt
    guess[[1, 3]] /= thickness[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        result = solve_bvp(fun, bc, s, guess, tol=tolerance, max_nodes=MAX_NODES)
    return Answer(result.y[[0, 2], 0], result.x.size, bool(result.success))


FORMS: dict[str, Callable[[Stack, float], Answer]] = {"tuned": tuned, "differences": differences, "plain": plain}
