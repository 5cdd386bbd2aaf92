"""A steady current through two layers: beside scipy's solve_bvp at equal error, and beside an equilibrium solve.

python benchmarks/bench_steady.py                   # ratios of one run, and a row for the README
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from cases import best_of
from numpy.typing import NDArray
from scipy.integrate import solve_bvp

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY

Array = NDArray[np.float64]

TARGETS = (1e-6, 1e-9)
"""Relative errors of V."""

UNIT = ELEMENTARY_CHARGE * 1e27 * 1e-9
"""Displacement that is one [C/m2]: e a cubic and a linear nanometre."""

CASES = ((3.2, 1.0, 5.0, 3.0), (3.2, 1.0, 5.0, -300.0), (3.4, 0.2, 10.0, 20.0), (3.4, 0.2, 10.0, 1000.0))
"""Potential of the electrode [V], its x, thickness of both layers [nm], current [A/m2]. The last one moves the layers
by more than their step (V = 0.50475 V by finite volumes); from equilibrium `solve_bvp` does not reach it."""


def stack(potential: float, x: float, thickness: float) -> sc.Stack:
    """LixV2O5 | LAGP without interaction against 3.0 V."""
    numbers: dict[str, Any] = {"thickness_nm": thickness, "permittivity": 15.0}
    electrode = sc.Layer(
        name="electrode", potential_V=potential, site_density_per_nm3=33.5, occupancy=11.16 * x / 33.5,
        diffusivity_m2_per_s=1.79e-15, **numbers,
    )  # fmt: skip
    electrolyte = sc.Layer(
        name="electrolyte", potential_V=3.0, site_density_per_nm3=19.7, occupancy=7.4 / 19.7,
        diffusivity_m2_per_s=1e-13, **numbers,
    )  # fmt: skip
    return sc.Stack((electrode, electrolyte), temperature_K=298.15)


@dataclass(frozen=True)
class Collocation:
    """The equations of DYNAMICS 3 for `solve_bvp`: y, displacement and v of both layers on one interval.

    The first guess is the equilibrium of the package, free of charge, on 60 nodes crowded at both faces.
    """

    size: Array
    eps: Array
    sites: Array
    theta: Array
    sigma: Array
    step: float
    volt: float
    grid: Array
    guess: Array

    @classmethod
    def of(cls, stack: sc.Stack) -> Collocation:
        """Prepare a stack."""
        bulk = sc.End(kind="bulk")
        solution = sc.solve(stack.replace(left=bulk, right=bulk), tolerance_V=1e-9)
        p = solution.parameters
        volt = float(p.thermal_voltage[0])
        size, sites, theta = p.thickness[0], p.site_density[0, :, 0], p.bulk_occupancy[0, :, 0]
        sigma = ELEMENTARY_CHARGE**2 * sites * p.diffusivity[0, :, 0] / (BOLTZMANN * float(p.temperature[0]))
        grid = 0.5 * (1.0 + np.tanh(4.0 * np.linspace(-1, 1, 60)) / np.tanh(4.0))
        guess = np.zeros((6, grid.size))
        eps = VACUUM_PERMITTIVITY * p.permittivity[0]
        for i, layer in enumerate(solution.layers):
            level = float(p.neutral_potential[0, i] - p.neutral_potential[0, -1])
            x = layer.x - layer.x[0]
            guess[3 * i] = np.interp(grid * size[i], x, (layer.potential - level) / volt)
            guess[3 * i + 1] = np.gradient(guess[3 * i], grid) * eps[i] * volt / size[i] / UNIT
        step = float(p.contact_step[0, 0]) / volt
        return cls(size, eps, sites, theta, sigma, step, volt, grid, guess)

    def voltage(self, current: float, tolerance: float) -> tuple[float, int]:
        """Return V [V], NaN where solve_bvp fails, and the nodes that it took."""
        odds = np.log(self.theta / (1.0 - self.theta))

        def right(t: Array, s: Array) -> Array:
            out = np.empty_like(s)
            for i in range(2):
                filled = 1.0 / (1.0 + np.exp(s[3 * i] - odds[i]))
                drift = -current / (self.sigma[i] * filled) / self.volt
                out[3 * i] = self.size[i] * (s[3 * i + 1] * UNIT / self.eps[i] / self.volt - drift)
                out[3 * i + 1] = -self.size[i] * ELEMENTARY_CHARGE * self.sites[i] * (filled - self.theta[i]) / UNIT
                out[3 * i + 2] = self.size[i] * drift
            return out

        def ends(a: Array, b: Array) -> Array:
            return np.array([a[0], b[3], b[1] - a[4], a[3] - b[0] - self.step, a[2], a[5] - b[2]])

        with np.errstate(over="ignore", invalid="ignore"):
            run = solve_bvp(right, ends, self.grid, self.guess, tol=tolerance, max_nodes=50000)
        return (-float(run.y[5, -1]) * self.volt if run.success else float("nan")), run.x.size


def loosest(run: Callable[[float], float], exact: float, start: float, target: float) -> tuple[float, float]:
    """Return the first tolerance from `start` down, two a decade, whose relative error of V meets the target."""
    tolerance = start
    while tolerance > 1e-11:
        miss = abs(run(tolerance) / exact - 1.0)
        if miss <= target:
            return tolerance, miss
        tolerance /= 10.0**0.5
    raise RuntimeError("no tolerance meets the target")


def compare(case: tuple[float, float, float, float], target: float, rounds: int) -> str:
    """Print the times of one case; returns a row for the README."""
    current = case[3]
    one = stack(*case[:3])
    baseline = Collocation.of(one)
    exact, nodes = baseline.voltage(current, 1e-10)
    failed = not np.isfinite(exact)
    if failed:
        exact = float(sc.steady_state(one, current_density=current, tolerance_V=1e-10).voltage)
    tol, coarse = (
        (1e-3, float("nan")) if failed else loosest(lambda t: baseline.voltage(current, t)[0], exact, 1e-1, target)
    )
    state = sc.steady_state(one, current_density=current)
    bulk = sc.End(kind="bulk")
    rest = one.replace(left=bulk, right=bulk)
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "steady_state": (lambda: sc.steady_state(one, current_density=current), 5),
        "solve_bvp": (lambda: baseline.voltage(current, tol), 1),
        "equilibrium": (lambda: sc.solve(rest), 20),
    }
    times = dict.fromkeys(calls, np.inf)
    for _ in range(rounds):
        for name, (call, number) in calls.items():
            times[name] = min(times[name], best_of(call, repeats=3 if number > 1 else 1, number=number))
    used = baseline.voltage(current, tol)[1]
    whose = "ours" if failed else f"solve_bvp of {nodes} nodes"
    print(f"\n{case[0]} V, {case[2]:g} nm, J = {current:g} A/m2: V = {exact:.9f} V, {whose} at 1e-10")
    for name, error, words in (
        ("steady_state", abs(state.voltage / exact - 1.0), "tolerance 1e-6 V"),
        ("solve_bvp", coarse, f"tol {tol:.0e}, {used} nodes"),
    ):
        ratio = times[name] / times["steady_state"]
        print(f"{name:18s} {1e6 * times[name]:10.0f} us  {ratio:8.1f} x  error of V {error:.1e}  ({words})")
    solves = times["steady_state"] / times["equilibrium"]
    print(
        f"{'equilibrium solve':18s} {1e6 * times['equilibrium']:10.1f} us: a steady current costs {solves:.0f} of them"
    )
    beside = "`solve_bvp` fails"
    if not failed:
        ratio = times["solve_bvp"] / times["steady_state"]
        beside = f"`solve_bvp` to {target:.0e} {1e3 * times['solve_bvp']:.1f} ms = {ratio:.0f} ×"
    ours = f"{1e3 * times['steady_state']:.2f} ms = {solves:.0f} solves"
    return f"| steady current, {current:g} A/m² at {case[0]} V | {ours} | {beside} |"


def main() -> None:
    """Print times and rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    print(f"LixV2O5 | LAGP without interaction; one thread, minima of {rounds} rounds taken in turn")
    rows = [compare(case, target, rounds) for target in TARGETS for case in CASES]
    print("\n" + "\n".join(rows))


if __name__ == "__main__":
    main()
