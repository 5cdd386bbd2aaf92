"""The shipped grain boundary of SrTiO3 against a boundary value problem of its own: degenerate electrons."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_bvp
from scipy.optimize import brentq

import spacecharge as sc
from spacecharge import constants as c

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "titanate_boundary.yaml"
SITES, DONORS, GAP = 3.0 / 59.55e-30, 1e26, 3.0
STATES = {2: (-4.3, 1.0), 1: (-1.6, 2.0), 0: (1.39, 1.0)}
NODES, WEIGHTS = np.polynomial.legendre.leggauss(100)


def half_integral(eta: np.ndarray) -> np.ndarray:
    """F_1/2 by x = t^2 and Gauss-Legendre."""
    eta = np.atleast_1d(eta)
    t = 0.5 * (NODES + 1.0) * np.sqrt(np.maximum(eta, 0.0)[:, None] + 60.0)
    weight = 0.5 * WEIGHTS * np.sqrt(np.maximum(eta, 0.0)[:, None] + 60.0)
    return 4.0 / math.sqrt(math.pi) * (weight * t**2 / (1.0 + np.exp(np.minimum(t**2 - eta[:, None], 700)))).sum(axis=1)


class Material:
    """Charge density at a temperature with the vacancies of 1300 K."""

    def __init__(self, kelvin: float) -> None:
        self.volt = c.BOLTZMANN * kelvin / c.ELEMENTARY_CHARGE
        base = 2.0 * (2.0 * math.pi * 9.1093837015e-31 * c.BOLTZMANN * kelvin / 6.62607015e-34**2) ** 1.5
        self.n_c, self.n_v = base * 4.2**1.5, base * 3.8**1.5
        self.total = math.nan

    def weights(self, level: np.ndarray) -> dict[int, np.ndarray]:
        return {q: g * np.exp(-(e + q * level) / self.volt) for q, (e, g) in STATES.items()}

    def electrons(self, level: np.ndarray) -> np.ndarray:
        return self.n_c * half_integral((level - GAP) / self.volt)

    def density(self, level: np.ndarray, fixed: float) -> np.ndarray:
        """Charge [m^-3]; without a frozen total the vacancies are those of equilibrium."""
        w = self.weights(level)
        held = SITES * sum(w.values()) if math.isnan(self.total) else self.total
        vacancies = held * sum(q * part for q, part in w.items()) / sum(w.values())
        holes = self.n_v * half_integral(-level / self.volt)
        return fixed + vacancies + holes - self.electrons(level)

    def level(self) -> float:
        return float(brentq(lambda x: float(self.density(np.array([x]), DONORS)[0]), 1.0, 4.0, xtol=1e-14))


@pytest.mark.parametrize(("kelvin", "core"), [(300.0, -1.0), (500.0, -2.0)])
def test_barrier_and_conductivity_against_solve_bvp(kelvin: float, core: float) -> None:
    hot = Material(1300.0)
    material = Material(kelvin)
    material.total = SITES * float(sum(hot.weights(np.array([hot.level()])).values())[0])
    bulk, eps = material.level(), 300.0 * c.VACUUM_PERMITTIVITY
    half, grain = 0.5e-9, 60e-9

    def rhs(s: np.ndarray, y: np.ndarray, charge: float) -> np.ndarray:
        inside = material.density(bulk + y[0], charge * 1e27) * c.ELEMENTARY_CHARGE / eps
        outside = material.density(bulk + y[2], DONORS) * c.ELEMENTARY_CHARGE / eps
        # Of both parts from the interface outwards, in units of their lengths; slopes are -field times 1 nm.
        x = grain * 3.0 * s**2
        return np.array([y[1] * half / 1e-9, -inside * half * 1e-9, y[3] * x / 1e-9, -outside * x * 1e-9])

    def ends(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([b[1], b[3], a[0] - a[2], a[1] + a[3]])

    s, guess = np.linspace(0.0, 1.0, 200), np.zeros((4, 200))
    for charge in core * np.array([0.4, 0.7, 1.0]):
        solution = solve_bvp(lambda s, y, q=charge: rhs(s, y, q), ends, s, guess, tol=1e-6, max_nodes=20000)
        assert solution.success
        s, guess = solution.x, solution.y
    stack = sc.load_config(CONFIG).stack
    stack = stack.replace(temperature_K=kelvin)
    middle = stack["core"].replace(background_charge_e_per_nm3=core)
    stack = stack.replace(layers=[stack["left"], middle, stack["right"]])
    mine = sc.solve(stack, tolerance_V=1e-8)
    assert float(mine.parameters.fermi_level[0, 0]) == pytest.approx(bulk, abs=1e-8)
    assert float(sc.barrier(mine)) == pytest.approx(float(solution.y[0, -1]), abs=1e-5)
    # Brick layers: one boundary in series with 1 um.
    at = np.linspace(0.0, 1.0, 20001)
    y = solution.sol(at)
    factor = c.ELEMENTARY_CHARGE**2 * 1.5e-5 / (c.BOLTZMANN * kelvin)
    sigma = factor * float(material.electrons(np.array([bulk]))[0])
    parts = [
        np.trapezoid(1.0 / (factor * material.electrons(bulk + y[0])) - 1.0 / sigma, at * half),
        np.trapezoid(1.0 / (factor * material.electrons(bulk + y[2])) - 1.0 / sigma, grain * at**3),
    ]
    wanted = 1.0 / (1.0 / sigma + 2.0 * sum(parts) / 1e-6)
    assert float(sc.total_conductivity(mine)[0]) == pytest.approx(wanted, rel=1e-3)
