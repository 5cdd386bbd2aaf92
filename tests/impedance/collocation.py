"""Steady currents by collocation (``scipy.integrate.solve_bvp``) in phi and v; no code of the kernels.

Lattice species without interaction, present in every layer. Per layer psi = (phi - phi_b)/(kT/e), the displacement, and
for every component w = v/(kT/e) and the charge that it has gathered up to here. Parameters are the voltage, and for
each component but the first its current, or its w where no end exchanges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_bvp

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY

Array = NDArray[np.float64]


@dataclass
class Collocated:
    """Voltage [V], currents [A m-2], drops of v (n_components, n_layers) [V], charges gathered, the run itself."""

    voltage: float
    currents: Array
    drops: Array
    amounts: Array
    levels: Array
    y: Array


class Collocation:
    """The equations of a stack; `rates` (n_contacts, n_components): k0 of each law [m-2 s-1], 0 passes freely."""

    def __init__(self, stack: sc.Stack, rates: Array | None = None) -> None:
        bulk = sc.End(kind="bulk")
        p = sc.solve(stack.replace(left=bulk, right=bulk)).parameters
        self.n, self.m = p.n_layers, p.n_species
        self.volt = float(p.thermal_voltage[0])
        self.size, self.eps = p.thickness[0] * 1e9, p.permittivity[0]
        self.z, self.sites, self.theta = p.charge_number[0], p.site_density[0] * 1e-27, p.bulk_occupancy[0]
        self.odds = np.log(self.theta / (1.0 - self.theta))
        conduct = (self.z * ELEMENTARY_CHARGE) ** 2 * p.site_density[0] * p.diffusivity[0]
        self.conduct = conduct / (BOLTZMANN * float(p.temperature[0]))
        self.vacancy = np.where(p.transport == 1, 1.0 / (1.0 - self.theta), 0.0)
        self.step = p.contact_step[0] / self.volt
        self.unit = ELEMENTARY_CHARGE * 1e9 / (VACUUM_PERMITTIVITY * self.volt)
        self.rates = np.zeros((self.n - 1, self.m)) if rates is None else rates
        self.stack = stack

    def state(self, s: Array, i: int) -> tuple[Array, Array, Array, Array]:
        """psi, displacement, w, occupancies of a layer."""
        rows = s[(2 + 2 * self.m) * i :]
        psi, d, w = rows[0], rows[1], rows[2 : 2 + self.m]
        shape = (self.m,) + (1,) * (s.ndim - 1)
        y = psi - w
        return psi, d, w, 1.0 / (1.0 + np.exp(self.z[i].reshape(shape) * y - self.odds[i].reshape(shape)))

    def currents(self, p: Array, total: float, kept: Array) -> Array:
        flows = np.zeros(self.m)
        for c in range(1, self.m):
            flows[c] = p[c] if np.isnan(kept[c]) else 0.0
        flows[0] = total - flows.sum()
        return flows

    def slopes(self, s: Array, p: Array, total: float, kept: Array) -> Array:
        out, flows, wide = np.empty_like(s), self.currents(p, total, kept), 2 + 2 * self.m
        for i in range(self.n):
            _, d, _, filled = self.state(s, i)
            excess = (self.z[i] * self.sites[i])[:, None] * (filled - self.theta[i][:, None])
            share = np.where(self.vacancy[i][:, None] > 0.0, self.vacancy[i][:, None] * (1.0 - filled), 1.0)
            sigma = self.conduct[i][:, None] * filled * share
            out[wide * i] = self.size[i] * d / self.eps[i]
            out[wide * i + 1] = -self.size[i] * self.unit * excess.sum(axis=0)
            out[wide * i + 2 : wide * i + 2 + self.m] = -self.size[i] * 1e-9 * flows[:, None] / (sigma * self.volt)
            out[wide * i + 2 + self.m : wide * (i + 1)] = self.size[i] * excess
        return out

    def ends(self, a: Array, b: Array, p: Array, total: float, kept: Array) -> Array:
        rest, flows, wide = [], self.currents(p, total, kept), 2 + 2 * self.m
        for i in range(self.n - 1):
            left_psi, left_d, left_w, left = self.state(b, i)
            right_psi, right_d, right_w, right = self.state(a, i + 1)
            rest += [right_psi - left_psi - self.step[i], right_d - left_d]
            for c in range(self.m):
                eta = 0.0
                if self.rates[i, c] > 0.0:
                    eta = self.jump(i, c, float(flows[c]), (float(left[c]), float(right[c])))
                rest.append(left_w[c] - right_w[c] - eta)
                rest.append(a[wide * (i + 1) + 2 + self.m + c] - b[wide * i + 2 + self.m + c])
        rest += [a[0] - p[0], b[wide * (self.n - 1)], a[2] - p[0], b[wide * (self.n - 1) + 2]]
        rest += list(a[2 + self.m : wide])
        for c in range(1, self.m):
            if np.isnan(kept[c]):
                rest += [a[2 + c] - p[0], b[wide * (self.n - 1) + 2 + c]]
            else:
                rest += [a[2 + c] - p[c], b[wide * self.n - self.m + c] - kept[c]]
        return np.array(rest)

    def jump(self, contact: int, c: int, current: float, filled: tuple[float, float]) -> float:
        """Overpotential of a component at a contact over kT/e, for a symmetry factor of 1/2."""
        charge, (left, right) = abs(self.z[contact, c]), filled
        exchange = ELEMENTARY_CHARGE * charge * self.rates[contact, c]
        exchange *= np.sqrt(left * (1.0 - right) * right * (1.0 - left))
        return float(2.0 * np.arcsinh(0.5 * current / exchange) / charge)

    def solve(
        self,
        total: float,
        kept: Array | None = None,
        tol: float = 1e-8,
        shares: Sequence[float] = (0.0, 0.03, 0.1, 0.3, 0.6, 1.0),
    ) -> Collocated:
        """Return the state at a current; `kept` (n_components): charge of what no end exchanges, NaN for the others."""
        amounts = np.full(self.m, np.nan) if kept is None else kept
        wide = 2 + 2 * self.m
        t = 0.5 * (1.0 + np.tanh(5.0 * np.linspace(-1, 1, 241)) / np.tanh(5.0))
        guess, start, run = np.zeros((wide * self.n, t.size)), np.zeros(self.m), None
        self._rest(t, guess)
        for share in shares if total else (0.0,):
            run = solve_bvp(
                lambda _, s, p, j=share * total: self.slopes(s, p, j, amounts),
                lambda a, b, p, j=share * total: self.ends(a, b, p, j, amounts),
                t, guess, start, tol=tol if share in (1.0, 0.0) else 1e-4, max_nodes=40000,
            )  # fmt: skip
            assert run.success, run.message
            t, guess, start = run.x, run.y, run.p
        assert run is not None
        rows = [range(wide * i + 2, wide * i + 2 + self.m) for i in range(self.n)]
        drops = np.array([run.y[r, 0] - run.y[r, -1] for r in map(list, rows)]).T * self.volt
        flows = self.currents(run.p, total, amounts)
        return Collocated(float(run.p[0]) * self.volt, flows, drops, run.y[-self.m :, -1], run.p * self.volt, run.y)

    def _rest(self, t: Array, guess: Array) -> None:
        """Start psi from the profile at rest, which the equations then solve anew."""
        bulk = sc.End(kind="bulk")
        solution = sc.solve(self.stack.replace(left=bulk, right=bulk))
        neutral = solution.parameters.neutral_potential[0]
        for i, layer in enumerate(solution.layers):
            x = layer.x[0] + t * (layer.x[-1] - layer.x[0])
            row = (2 + 2 * self.m) * i
            psi = np.interp(x, layer.x, layer.potential - (neutral[i] - neutral[-1])) / self.volt
            guess[row] = psi
            guess[row + 1] = np.gradient(psi, t) * self.eps[i] / self.size[i]


__all__ = ["Collocated", "Collocation"]
