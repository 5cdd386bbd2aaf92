"""An independent route for stacks of any thickness: scipy's solve_bvp on the equations as MODEL states them.

Shares nothing with the kernels: the occupancies come from a bisection in ln[theta/(1 - theta)], the
potentials from collocation with residual control. Its start is whatever profile is at hand: what it
returns has passed its own residual test, and the problem is convex, so there is one answer only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_bvp
from scipy.special import expit

from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.model import Stack, stack_parameters

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PlainLayer:
    """Local charge of one layer, per species arrays of shape (n_species,)."""

    temperature: float
    thickness: float
    permittivity: float
    z: Array
    sites: Array
    occupancy: Array
    occupied: Array
    vacancy: Array
    dilute: NDArray[np.bool_]

    def occupancies(self, y: Array) -> tuple[Array, Array]:
        """Return theta and d theta/d y at reduced potentials y, shape (n_species, *y.shape)."""
        theta, slope = np.zeros((self.z.size, *y.shape)), np.zeros((self.z.size, *y.shape))
        for s in range(self.z.size):
            if self.sites[s] == 0.0:
                continue
            theta[s], slope[s] = self._one(s, y)
        return theta, slope

    def _one(self, s: int, y: Array) -> tuple[Array, Array]:
        tb, jo, jv = self.occupancy[s], self.occupied[s], self.vacancy[s]

        def filled(u: Array) -> tuple[Array, Array]:
            return (np.exp(u), np.ones_like(u)) if self.dilute[s] else (expit(u), expit(-u))

        def mu(u: Array) -> Array:
            t, n = filled(u)
            return u + 4.0 / 3.0 * (jo * np.cbrt(t) - (0.0 if self.dilute[s] else jv * np.cbrt(n)))

        bulk = np.log(tb) if self.dilute[s] else np.log(tb / (1.0 - tb))
        goal = mu(np.float64(bulk)) - self.z[s] * y
        # Attraction carries the shift beyond the drive, by no more than the whole change of its cube roots.
        reach = np.abs(self.z[s] * y) + 1.0 + 4.0 / 3.0 * (max(-jo, 0.0) + max(-jv, 0.0))
        low, high = bulk - reach, bulk + reach
        if jo == 0.0 and jv == 0.0:
            low = high = bulk - self.z[s] * y
        else:
            for _ in range(70):
                middle = 0.5 * (low + high)
                above = mu(middle) > goal
                low, high = np.where(above, low, middle), np.where(above, middle, high)
        u = 0.5 * (low + high)
        t, n = filled(u)
        steep = 1.0 + 4.0 / 9.0 * (jo * np.cbrt(t) * n + (0.0 if self.dilute[s] else jv * np.cbrt(n) * t))
        return t, -self.z[s] * t * n / steep

    def charge(self, y: Array) -> tuple[Array, Array]:
        """Return rho [C m-3] and d rho/d y."""
        theta, slope = self.occupancies(y)
        strength = (ELEMENTARY_CHARGE * self.z * self.sites)[:, None]
        return (strength * (theta - self.occupancy[:, None])).sum(axis=0), (strength * slope).sum(axis=0)


def plain_layers(stack: Stack) -> list[PlainLayer]:
    p = stack_parameters(stack)
    kt = BOLTZMANN * p.temperature[0]
    return [
        PlainLayer(
            float(p.temperature[0]),
            float(p.thickness[0, i]),
            float(p.permittivity[0, i]),
            p.charge_number[0, i],
            p.site_density[0, i],
            p.bulk_occupancy[0, i],
            p.interaction_occupied[0, i] / kt,
            p.interaction_vacancy[0, i] / kt,
            p.statistics[i] == 1,
        )
        for i in range(p.n_layers)
    ]


@dataclass(frozen=True)
class PlainSolution:
    """Contact potentials against each layer's bulk [V] and displacement fields eps phi' [V/m], (n_layers, 2)."""

    faces: Array
    displacement: Array
    charge: Array
    layer_resistance: Array
    rms_residual: float


def plain_solve(stack: Stack, starts: list[tuple[Array, Array]], tolerance: float = 1e-9) -> PlainSolution:
    """Solve a stack by collocation, started from (x, v) per layer: x from the layer's left face, v against bulk."""
    p = stack_parameters(stack)
    layers = plain_layers(stack)
    n = len(layers)
    volt = float(p.thermal_voltage[0])
    length = np.array([la.thickness for la in layers])
    eps = np.array([la.permittivity for la in layers])
    # Displacement in units that make it of order one.
    unit = max(np.abs(np.gradient(v, x, edge_order=2)).max() * e for (x, v), e in zip(starts, eps, strict=True))
    unit = max(unit / volt, 1.0 / length.max())
    scale = ELEMENTARY_CHARGE and 1.0 / (VACUUM_PERMITTIVITY * volt * unit)
    t = np.unique(np.concatenate([x / x[-1] for x, _ in starts]))
    t = t[np.concatenate([[True], np.diff(t) > 1e-13])]
    t[0], t[-1] = 0.0, 1.0
    state = np.empty((2 * n, t.size))
    for i, (x, v) in enumerate(starts):
        state[2 * i] = np.interp(t, x / x[-1], v / volt)
        state[2 * i + 1] = np.interp(t, x / x[-1], eps[i] * np.gradient(v / volt, x, edge_order=2) / unit)

    def right(_: Array, f: Array) -> Array:
        out = np.empty_like(f)
        for i, layer in enumerate(layers):
            out[2 * i] = length[i] * unit / eps[i] * f[2 * i + 1]
            out[2 * i + 1] = -length[i] * scale * layer.charge(f[2 * i])[0]
        return out

    def jacobian(_: Array, f: Array) -> Array:
        out = np.zeros((2 * n, 2 * n, f.shape[1]))
        for i, layer in enumerate(layers):
            out[2 * i, 2 * i + 1] = length[i] * unit / eps[i]
            out[2 * i + 1, 2 * i] = -length[i] * scale * layer.charge(f[2 * i])[1]
        return out

    kinds, values = p.end_kind, p.end_value[0]
    plane = p.contact_charge[0] / VACUUM_PERMITTIVITY / volt / unit

    def ends(a: Array, b: Array) -> Array:
        level = float(p.potential[0, 0] - p.potential[0, -1])
        left = {
            0: a[1],
            1: a[0],
            2: a[0] - (values[0] - level) / volt,
            3: a[1] + values[0] / VACUUM_PERMITTIVITY / volt / unit,
        }[int(kinds[0])]
        last = {
            0: b[-1],
            1: b[-2],
            2: b[-2] - values[1] / volt,
            3: b[-1] - values[1] / VACUUM_PERMITTIVITY / volt / unit,
        }[int(kinds[1])]
        rows = [left, last]
        for i in range(n - 1):
            rows.append(a[2 * i + 2] - b[2 * i] - p.contact_step[0, i] / volt)
            rows.append(b[2 * i + 1] - a[2 * i + 3] - plane[i])
        return np.array(rows)

    run = solve_bvp(right, ends, t, state, fun_jac=jacobian, tol=tolerance, max_nodes=60000)
    if not run.success:
        raise RuntimeError(run.message)
    faces = np.stack([run.y[0::2, 0], run.y[0::2, -1]], axis=1) * volt
    displacement = np.stack([run.y[1::2, 0], run.y[1::2, -1]], axis=1) * unit * volt
    nodes, weights = np.polynomial.legendre.leggauss(4)
    h = np.diff(run.x)
    at = (run.x[:-1, None] + 0.5 * h[:, None] * (1.0 + nodes)).ravel()
    w = (0.5 * h[:, None] * weights).ravel()
    f = run.sol(at)
    resistance = np.full(n, np.nan)
    for i, layer in enumerate(layers):
        theta, _ = layer.occupancies(f[2 * i])
        d = p.diffusivity[0, i]
        known = np.isfinite(d) & (layer.sites > 0.0)
        if not known.any():
            continue
        kt = BOLTZMANN * layer.temperature
        blocked = p.transport[i] == 1
        share = np.where(blocked[:, None], (1.0 - theta) / (1.0 - layer.occupancy[:, None]), 1.0)
        each = ((layer.z * ELEMENTARY_CHARGE) ** 2 * layer.sites * d / kt)[:, None] * theta * share
        resistance[i] = float((w * length[i] / each[known].sum(axis=0)).sum())
    charge = -VACUUM_PERMITTIVITY * (displacement[:, 1] - displacement[:, 0])
    return PlainSolution(faces, displacement, charge, resistance, float(run.rms_residuals.max()))
