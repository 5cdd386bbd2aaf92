"""The shipped pellet of LLZO against a boundary value problem: barrier, resistances, activation energies."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_bvp

import spacecharge as sc
from spacecharge import constants as c

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "llzo_polycrystal.yaml"
CELL = 1056.622886e-30
SITES = {"v_Li": 3.0 / CELL, "Li_i": 1.0 / CELL}
CHARGE = {"v_Li": -1.0, "Li_i": 1.0}
CORE_CHARGE, SEGREGATION = 0.2e27, {"v_Li": 0.2, "Li_i": 0.0}
GRAIN_SIZE, HALF, GRAIN, SCALE = 100e-9, 0.5e-9, 40e-9, 1e-9


class Pellet:
    """Half a boundary at a temperature; only the carriers of the bulk are taken from the product."""

    def __init__(self, kelvin: float, bulk: dict[str, float]) -> None:
        self.volt, self.kelvin = c.BOLTZMANN * kelvin / c.ELEMENTARY_CHARGE, kelvin
        self.odds = {name: bulk[name] / (SITES[name] - bulk[name]) for name in SITES}
        self.fixed = -sum(CHARGE[name] * bulk[name] for name in SITES)

    def numbers(self, phi: np.ndarray, core: bool) -> dict[str, np.ndarray]:
        """Carriers [m^-3] where the potential is `phi` above the grain's."""
        found = {}
        for name, sites in SITES.items():
            energy = CHARGE[name] * phi + (SEGREGATION[name] if core else 0.0)
            weight = self.odds[name] * np.exp(-energy / self.volt)
            found[name] = sites * weight / (1.0 + weight)
        return found

    def charge(self, phi: np.ndarray, core: bool) -> np.ndarray:
        fixed = CORE_CHARGE if core else self.fixed
        return fixed + sum(CHARGE[name] * n for name, n in self.numbers(phi, core).items())

    def conductivity(self, phi: np.ndarray, core: bool) -> np.ndarray:
        value, energy = (1e-15, 0.55) if core else (1e-12, 0.35)
        at_300 = c.BOLTZMANN * 300.0 / c.ELEMENTARY_CHARGE
        diffusivity = value * math.exp(energy / at_300 - energy / self.volt)
        factor = c.ELEMENTARY_CHARGE**2 * diffusivity / (c.BOLTZMANN * self.kelvin)
        return factor * sum(self.numbers(phi, core).values())

    def solve(self) -> tuple[float, float, float]:
        """Return barrier [V], resistance of the boundary [ohm m2] and conductivity of the pellet [S/m]."""
        factor = c.ELEMENTARY_CHARGE / (50.0 * c.VACUUM_PERMITTIVITY)

        def rhs(s: np.ndarray, y: np.ndarray) -> np.ndarray:
            # Middle of the core to the interface, and interface to the middle of the grain, finer at the interface.
            x = GRAIN * 3.0 * s**2
            inside, outside = factor * self.charge(y[0], True), factor * self.charge(y[2], False)
            return np.array([y[1] * HALF / SCALE, -inside * HALF * SCALE, y[3] * x / SCALE, -outside * x * SCALE])

        def ends(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return np.array([a[1], b[0] - a[2], b[1] - a[3], b[3]])

        s = np.linspace(0.0, 1.0, 400)
        found = solve_bvp(rhs, ends, s, np.zeros((4, s.size)), tol=1e-8, max_nodes=50_000)
        assert found.success
        y = found.sol(s := np.linspace(0.0, 1.0, 20001))
        grain = float(self.conductivity(np.zeros(1), False)[0])
        core = np.trapezoid(1.0 / self.conductivity(y[0], True) - 1.0 / grain, s * HALF)
        region = np.trapezoid(1.0 / self.conductivity(y[2], False) - 1.0 / grain, GRAIN * s**3)
        resistance = 2.0 * float(core + region)
        return float(y[0, 0] - y[2, -1]), resistance, 1.0 / (1.0 / grain + resistance / GRAIN_SIZE)


def both(stack: sc.Stack, kelvin: float) -> tuple[sc.Solution, tuple[float, float, float]]:
    """Solve with the product and with the boundary value problem."""
    stack = stack.replace(temperature_K=kelvin)
    bulk = stack["left"].defects.bulk(kelvin, 2.0).result
    carriers = {name: 1e6 * bulk.concentration_per_cm3(name, int(q)) for name, q in CHARGE.items()}
    return sc.solve(stack, tolerance_V=1e-9), Pellet(kelvin, carriers).solve()


def pellet() -> sc.Stack:
    stack = sc.load_config(CONFIG).base_stack
    grain = stack["left"].replace(grain_size_nm=1e9 * GRAIN_SIZE)
    return stack.replace(layers=[grain, stack["core"], stack["right"]])


@pytest.mark.parametrize("kelvin", [300.0, 450.0])
def test_barrier_resistance_and_brick_layers_against_solve_bvp(kelvin: float) -> None:
    mine, (barrier, resistance, total) = both(pellet(), kelvin)
    assert float(sc.barrier(mine)) == pytest.approx(barrier, abs=1e-6)
    assert float(sc.grain_boundary_resistance(mine)) == pytest.approx(resistance, rel=1e-5)
    assert float(sc.total_conductivity(mine)[0]) == pytest.approx(total, rel=1e-5)


def test_activation_energies_against_two_temperatures() -> None:
    """E = -d ln sigma/d(1/kT) from the exact slope, against solves of the boundary value problem 1 K apart."""
    stack, kelvin = pellet().replace(temperature_K=350.0), 350.0
    slopes = sc.sensitivities(stack, ["temperature_K"])["temperature_K"]
    here = sc.solve(stack, tolerance_V=1e-9)
    (_, low), (_, high) = both(stack, kelvin - 0.5), both(stack, kelvin + 0.5)
    per_inverse = c.ELEMENTARY_CHARGE / c.BOLTZMANN * (1.0 / (kelvin - 0.5) - 1.0 / (kelvin + 0.5))
    for name, at, sign in (("grain_boundary_resistance", 1, -1.0), ("total_conductivity", 2, 1.0)):
        value = float(np.ravel(getattr(sc, name)(here))[0])
        exact = sign * float(np.ravel(slopes[name])[0]) / value * c.BOLTZMANN * kelvin**2 / c.ELEMENTARY_CHARGE
        assert exact == pytest.approx(sign * math.log(high[at] / low[at]) / per_inverse, abs=2e-5), name
        assert 0.3 < exact < 0.6
