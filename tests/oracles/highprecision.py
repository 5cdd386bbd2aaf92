"""The first integral of one lattice species in 60 digits: closed-form energy, plain quadrature, no tricks.

With 60 digits nothing cancels that matters, so this shares no idea with ``spacecharge.analytic``: the energy
comes from its closed form, the roots from bisection, the lengths from plain Gauss-Legendre panels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import mpmath as mp
import numpy as np

from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.model import Stack, StackParameters, stack_parameters

DIGITS = 60

NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)

FRACTION = mp.mpf(1) / 100


@dataclass
class PreciseSide:
    """One species on a lattice in one thick layer; energies per kT."""

    theta_b: mp.mpf
    vac_b: mp.mpf
    jo: mp.mpf
    jv: mp.mpf
    z: mp.mpf
    permittivity: mp.mpf
    density: mp.mpf
    energy: mp.mpf
    diffusivity: mp.mpf
    needs_vacancy: bool

    @classmethod
    def of(cls, p: StackParameters, layer: int) -> PreciseSide:
        kt = mp.mpf(BOLTZMANN) * mp.mpf(float(p.temperature[0]))
        theta, vac = mp.mpf(float(p.bulk_occupancy[0, layer, 0])), mp.mpf(float(p.bulk_vacancy[0, layer, 0]))
        return cls(
            theta / (theta + vac),
            vac / (theta + vac),
            mp.mpf(float(p.interaction_occupied[0, layer, 0])) / kt,
            mp.mpf(float(p.interaction_vacancy[0, layer, 0])) / kt,
            mp.mpf(float(p.charge_number[0, layer, 0])),
            mp.mpf(float(p.permittivity[0, layer])) * mp.mpf(VACUUM_PERMITTIVITY),
            mp.mpf(float(p.site_density[0, layer, 0])),
            kt,
            mp.mpf(float(p.diffusivity[0, layer, 0])),
            bool(p.transport[layer, 0]),
        )

    def theta(self, u):
        return 1 / (1 + mp.exp(-u)), 1 / (1 + mp.exp(u))

    @cached_property
    def u_b(self):
        return mp.log(self.theta_b / self.vac_b)

    def at(self, u):
        """Occupancy and vacancy at u with their cube roots: the roots are most of the time, all below share them."""
        t, n = self.theta(u)
        return u, t, n, mp.cbrt(t), mp.cbrt(n)

    @cached_property
    def bulk(self):
        """The same of the bulk, whose occupancies are given; its softplus."""
        return self.theta_b, self.vac_b, mp.cbrt(self.theta_b), mp.cbrt(self.vac_b), mp.log1p(mp.exp(self.u_b))

    def mu(self, u):
        _, _, _, root_t, root_n = self.at(u)
        return u + mp.mpf(4) / 3 * (self.jo * root_t - self.jv * root_n)

    def mu_slope(self, at):
        _, t, n, root_t, root_n = at
        return 1 + mp.mpf(4) / 9 * (self.jo * root_t * n + self.jv * root_n * t)

    def work(self, at):
        """MODEL's closed form of W/kT."""
        u, t, n, root_t, root_n = at
        tb, nb, root_tb, root_nb, soft_b = self.bulk
        soft = mp.log1p(mp.exp(u)) - soft_b - tb * (u - self.u_b)
        occ = (t * root_t - tb * root_tb) / 4 - tb * (root_t - root_tb)
        vac = nb * (root_n - root_nb) - (n * root_n - nb * root_nb) / 4
        return soft + mp.mpf(4) / 3 * (self.jo * occ - self.jv * vac)

    def u_of(self, v):
        """Bisection then secant for u at the potential v [V] against bulk."""
        target = self.mu(self.u_b) - self.z * mp.mpf(ELEMENTARY_CHARGE) * v / self.energy
        reach = abs(target - self.mu(self.u_b)) + 4 * (abs(self.jo) + abs(self.jv)) + 1
        return bisect(lambda u: self.mu(u) - target, self.u_b - reach, self.u_b + reach)

    def charge(self, v):
        u = self.u_of(v)
        size = mp.sqrt(2 * self.permittivity * self.density * self.energy * max(self.work(self.at(u)), 0))
        return -mp.sign(v) * size

    def integrals(self, v, fraction=FRACTION):
        """Return (width, resistance, excess resistance) of the side."""
        u_s = self.u_of(v)
        grow = u_s > self.u_b
        off = (1 if grow else -1) * fraction * min(self.theta_b, self.vac_b)
        u_w = mp.log((self.theta_b + off) / (self.vac_b - off))
        scale = mp.sqrt(self.permittivity * self.energy / (2 * self.density)) / mp.mpf(ELEMENTARY_CHARGE)
        scale /= abs(self.z)
        kind = 1 if self.needs_vacancy else 0
        base = (self.z * mp.mpf(ELEMENTARY_CHARGE)) ** 2 * self.density * self.diffusivity / self.energy
        base /= self.vac_b**kind

        bulk = 1 / (base * self.theta_b * self.vac_b**kind)
        sign = 1 if grow else -1
        start = self.u_b + sign * abs(u_s - self.u_b) * mp.mpf(10) ** -15
        if (u_s - u_w) * sign <= 0:
            inner, outer = panel_points(self.u_b, start, u_s), [u_s]
        else:
            # The same panels for all three integrals, so that every integrand is evaluated once.
            inner, outer = panel_points(self.u_b, start, u_w), panel_points(self.u_b, u_w, u_s)

        def both(u):
            at = self.at(u)
            length = scale * self.mu_slope(at) / mp.sqrt(self.work(at))
            rho = 1 / (base * at[1] * at[2] ** kind)
            return np.array([length, length * rho, length * (rho - bulk)])

        region, tail = quadrature(both, outer), quadrature(both, inner)
        return abs(region[0]), abs(region[1]), sign * (region[2] + tail[2])


def panel_points(u_b, start, stop):
    """Break an interval geometrically away from the bulk, then in steps of at most 2."""
    sign = 1 if stop > start else -1
    points, at = [start], abs(start - u_b)
    end = abs(stop - u_b)
    while at < end:
        at = min(end, at + min(at, 2))
        points.append(u_b + sign * at)
    return points


def quadrature(f, points):
    """Integrate the three of f, 24 nodes a panel no wider than its distance from the bulk: 1e-15."""
    total = np.array([mp.mpf(0)] * 3)
    for a, b in itertools.pairwise(points):
        half = (b - a) / 2
        for x, w in zip(NODES, WEIGHTS, strict=True):
            total = total + half * float(w) * f(a + half * (1 + float(x)))
    return total


def bisect(f, low, high):
    """Root of a rising f: bisection until the secant method is safe."""
    a, b = mp.mpf(low), mp.mpf(high)
    for _ in range(16):
        m = (a + b) / 2
        if f(m) < 0:
            a = m
        else:
            b = m
    return mp.findroot(f, (a, b), solver="anderson", tol=mp.mpf(10) ** -60, verify=False)


def contact(stack: Stack):
    """Return the two drops and the two sides of a two-layer stack, to 40 digits or so."""
    p = stack_parameters(stack)
    left, right = PreciseSide.of(p, 0), PreciseSide.of(p, 1)
    step = mp.mpf(float(p.contact_step[0, 0]))
    v = bisect(lambda w: -(left.charge(w) + right.charge(w + step)), min(-step, 0), max(-step, 0))
    return v, v + step, left, right
