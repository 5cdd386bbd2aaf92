"""The baseline of all timings: two layers by ``scipy.integrate.solve_bvp``, written as well as it goes.

Reduced potentials, both layers mapped to one interval with the contact at 0, analytic Jacobians, layers cut
where nothing happens any more, exponential first guess on 60 nodes crowded at the contact.

    python benchmarks/bvp_baseline.py            # work and error of solve_bvp on a reference case
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_bvp
from scipy.special import expit

from spacecharge.analytic import first_integral
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.model import Stack, StackParameters, Statistics, stack_parameters

Array = NDArray[np.float64]

N_START = 60
MAX_NODES = 50_000
CUT_DEBYE_LENGTHS = 25.0
"""Debye lengths kept beyond the depletion width; cutting there moves the contact by exp(-50)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BvpReference:
    """Answer of one run of solve_bvp.

    Attributes
    ----------
    contact_potential : ndarray, shape (2,)
        Potential at the contact minus each layer's neutral bulk [V].
    distance, potential : ndarray, shape (2, n_nodes)
        Distance from the contact [m] and potential against bulk [V] in the left and the right layer.
    n_nodes : int
        Nodes of the final mesh; each carries both layers.
    seconds : float
        Wall time of solve_bvp, its set-up included.
    success : bool
        Whether solve_bvp met its own tolerance.
    message : str
        Its message.
    """

    contact_potential: Array
    distance: Array
    potential: Array
    n_nodes: int
    seconds: float
    success: bool
    message: str


@dataclass(frozen=True, slots=True)
class _Layer:
    """One species of one layer in reduced units; x = length * s with s from 0 at the contact to 1."""

    z: float
    occupancy: float
    log_odds: float
    jo: float
    jv: float
    length: float
    debye: float
    displacement: float
    curvature: float

    @classmethod
    def of(cls, p: StackParameters, layer: int, step: float) -> _Layer:
        energy = BOLTZMANN * float(p.temperature[0])
        theta, holes = float(p.bulk_occupancy[0, layer, 0]), float(p.bulk_vacancy[0, layer, 0])
        jo = float(p.interaction_occupied[0, layer, 0]) / energy
        jv = float(p.interaction_vacancy[0, layer, 0]) / energy
        z, density = float(p.charge_number[0, layer, 0]), float(p.site_density[0, layer, 0])
        permittivity = VACUUM_PERMITTIVITY * float(p.permittivity[0, layer])
        scale = permittivity * energy / (ELEMENTARY_CHARGE**2 * density)
        slope = 1.0 + 4.0 / 9.0 * (jo * np.cbrt(theta) * holes + jv * np.cbrt(holes) * theta)
        debye = math.sqrt(scale * slope / (z**2 * theta * holes))
        reduced = abs(step) * ELEMENTARY_CHARGE / energy
        depletion = math.sqrt(2.0 * scale * reduced / (abs(z) * min(theta, holes)))
        length = min(float(p.thickness[0, layer]), depletion + CUT_DEBYE_LENGTHS * debye)
        return cls(z, theta, math.log(theta / holes), jo, jv, length, debye, permittivity / length, length**2 / scale)

    def charge(self, psi: Array) -> tuple[Array, Array]:
        """Return ``d2 psi/ds2`` and its derivative by psi."""
        drive = self.log_odds - self.z * psi
        u, slope = drive, np.ones_like(psi)
        if self.jo or self.jv:
            bulk = self._interaction(np.array(self.log_odds))
            u = drive.copy()
            # The repulsive law is monotone with slope 1 to 6, so that Newton in u needs no safeguard
            # beyond staying between the bulk and the drive.
            low, high = np.minimum(drive, self.log_odds), np.maximum(drive, self.log_odds)
            for _ in range(50):
                theta, holes = expit(u), expit(-u)
                slope = 1.0 + 4.0 / 9.0 * (self.jo * np.cbrt(theta) * holes + self.jv * np.cbrt(holes) * theta)
                miss = u + self._interaction(u) - bulk - drive
                low, high = np.where(miss < 0.0, u, low), np.where(miss < 0.0, high, u)
                new = u - miss / slope
                new = np.where((new >= low) & (new <= high), new, 0.5 * (low + high))
                change = float(np.max(np.abs(new - u)))
                u = new
                if change < 1e-10:
                    break
        theta, holes = expit(u), expit(-u)
        return (
            -self.curvature * self.z * (theta - self.occupancy),
            self.curvature * self.z**2 * theta * holes / slope,
        )

    def _interaction(self, u: Array) -> Array:
        return np.asarray(4.0 / 3.0 * (self.jo * np.cbrt(expit(u)) - self.jv * np.cbrt(expit(-u))))


def bvp_reference(stack: Stack, tolerance: float) -> BvpReference:
    """Solve a two-layer, one-species stack with solve_bvp.

    Parameters
    ----------
    stack : Stack
        Two thick layers on lattices, no interaction or repulsion, field-free ends, no contact charge.
    tolerance : float
        ``tol`` of solve_bvp: relative residual of the equations.

    Returns
    -------
    BvpReference

    Raises
    ------
    ValueError
        The stack is none that this baseline handles.
    """
    start = time.perf_counter()
    p = stack_parameters(stack)
    if p.n_layers != 2 or p.n_species != 1 or (p.statistics != Statistics.LATTICE).any():
        raise ValueError("the baseline takes two layers with one lattice species each")
    if p.contact_charge.any() or p.end_kind.any():
        raise ValueError("the baseline takes no contact charge and field-free ends only")
    if min(p.interaction_occupied.min(), p.interaction_vacancy.min()) < 0.0:
        raise ValueError("the baseline takes repulsive interactions only")
    volt = float(p.thermal_voltage[0])
    step = float(p.contact_step[0, 0])
    layers = (_Layer.of(p, 0, step), _Layer.of(p, 1, step))
    fun, fun_jac, bc, bc_jac = _equations(layers, step / volt)
    s, guess = _first_guess(layers, step / volt)
    with np.errstate(over="ignore", invalid="ignore"):
        result = solve_bvp(fun, bc, s, guess, fun_jac=fun_jac, bc_jac=bc_jac, tol=tolerance, max_nodes=MAX_NODES)
    seconds = time.perf_counter() - start
    potential = volt * result.y[[0, 2]]
    return BvpReference(
        contact_potential=potential[:, 0].copy(),
        distance=np.outer([layer.length for layer in layers], result.x),
        potential=potential,
        n_nodes=int(result.x.size),
        seconds=seconds,
        success=bool(result.success),
        message=str(result.message),
    )


def _equations(layers: tuple[_Layer, _Layer], step: float) -> tuple[Callable[..., object], ...]:
    """Return right-hand side, its Jacobian, boundary conditions, theirs; y = (psi, psi') of each layer."""
    left, right = layers
    scale = max(left.displacement, right.displacement)
    a, b = left.displacement / scale, right.displacement / scale

    def fun(s: Array, y: Array) -> Array:
        return np.vstack((y[1], left.charge(y[0])[0], y[3], right.charge(y[2])[0]))

    def fun_jac(s: Array, y: Array) -> Array:
        jacobian = np.zeros((4, 4, s.size))
        jacobian[0, 1] = jacobian[2, 3] = 1.0
        jacobian[1, 0] = left.charge(y[0])[1]
        jacobian[3, 2] = right.charge(y[2])[1]
        return jacobian

    def bc(contact: Array, far: Array) -> Array:
        return np.array([contact[2] - contact[0] - step, a * contact[1] + b * contact[3], far[1], far[3]])

    at_contact, at_end = np.zeros((4, 4)), np.zeros((4, 4))
    at_contact[0, 2], at_contact[0, 0] = 1.0, -1.0
    at_contact[1, 1], at_contact[1, 3] = a, b
    at_end[2, 1] = at_end[3, 3] = 1.0

    def bc_jac(contact: Array, far: Array) -> tuple[Array, Array]:
        return at_contact, at_end

    return fun, fun_jac, bc, bc_jac


def _first_guess(layers: tuple[_Layer, _Layer], step: float) -> tuple[Array, Array]:
    """Return 60 nodes crowded at the contact and Debye-Hueckel exponentials on them."""
    finest = min(layer.debye / layer.length for layer in layers)
    # Spacing grows by a constant factor from a tenth of a Debye length.
    growth = _growth(0.1 * finest)
    s = np.expm1(growth * np.linspace(0.0, 1.0, N_START)) / math.expm1(growth)
    # The linear capacitances share the step between the two sides.
    stiff = [layer.displacement * layer.length / layer.debye for layer in layers]
    drops = (-step * stiff[1] / sum(stiff), step * stiff[0] / sum(stiff))
    y = np.empty((4, N_START))
    for i, (layer, drop) in enumerate(zip(layers, drops, strict=True)):
        rate = layer.length / layer.debye
        y[2 * i] = drop * np.exp(-rate * s)
        y[2 * i + 1] = -rate * y[2 * i]
    return s, y


def _growth(first: float) -> float:
    """Return g for which the first of the spacings of ``expm1(g t)/expm1(g)`` equals `first`."""
    low, high = 1e-3, 60.0
    for _ in range(60):
        g = 0.5 * (low + high)
        if math.expm1(g / (N_START - 1)) / math.expm1(g) > first:
            low = g
        else:
            high = g
    return g


def loosest_tolerance(stack: Stack, target_error_V: float, *, per_decade: int = 2) -> tuple[float, BvpReference, float]:
    """Return the loosest ``tol`` with which solve_bvp reaches a true error in the contact potential.

    Parameters
    ----------
    stack : Stack
        As for :func:`bvp_reference`.
    target_error_V : float
        True error wanted, against the first integral [V].
    per_decade : int
        Tolerances tried per decade, from 1 downwards.

    Returns
    -------
    tolerance : float
        The ``tol``.
    reference : BvpReference
        The run with it.
    error : float
        Its true error [V].

    Raises
    ------
    RuntimeError
        No tolerance down to 1e-13 reaches the target.
    """
    (exact,) = first_integral(stack)
    for k in range(13 * per_decade + 1):
        tolerance = 10.0 ** (-k / per_decade)
        run = bvp_reference(stack, tolerance)
        error = float(np.max(np.abs(run.contact_potential - exact.space_charge_potential)))
        if run.success and error <= target_error_V:
            return tolerance, run, error
    raise RuntimeError(f"solve_bvp does not reach {target_error_V:g} V on this case")


def main() -> None:
    """Print work and true error of solve_bvp on LixV2O5 | LAGP, with and without interaction."""
    from spacecharge.model import Layer

    for interaction in (0.0, 0.10):
        pair = {"occupied_eV": interaction, "vacancy_eV": interaction}
        common = {"thickness_nm": 30.0, "permittivity": 15.0, "interaction": pair}
        stack = Stack(
            (
                Layer(
                    name="electrode",
                    potential_V=3.4,
                    site_density_per_nm3=22.4,
                    occupancy=0.0996,
                    **common,
                ),
                Layer(
                    name="electrolyte",
                    potential_V=3.0,
                    site_density_per_nm3=19.7,
                    occupancy=0.3756,
                    **common,
                ),
            ),
            temperature_K=298.15,
        )
        for target in (1e-4, 1e-6, 1e-8, 1e-10):
            tolerance, run, error = loosest_tolerance(stack, target)
            print(
                f"J {interaction:.2f} eV  target {target:.0e} V  tol {tolerance:.1e}  error {error:.1e} V  "
                f"{run.n_nodes:6d} nodes  {1e3 * run.seconds:8.1f} ms"
            )


if __name__ == "__main__":
    main()
