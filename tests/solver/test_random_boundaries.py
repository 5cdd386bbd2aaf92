"""Random layers from defects, cores and planes of every law: solved or refused with a reason, neutral, exact slopes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.model.parameters import numeric_paths
from tests.solver.random_boundaries import random_boundary, random_defect_stack
from tests.solver.test_sensitivities import differences

Make = Callable[[np.random.Generator], sc.Stack]
KINDS: dict[str, tuple[Make, str]] = {
    "defects": (
        random_defect_stack,
        r"dilute statistics does not hold|free sites|lies in the band|reaches|nothing in it is",
    ),
    "core": (lambda rng: random_boundary(rng, "core"), r"sites hold at the most"),
    "plane": (lambda rng: random_boundary(rng, "plane"), r"no solution exists"),
}
NAMED = ("contact_potential", "charge", "debye_length", "barrier", "grain_boundary_resistance", "total_conductivity")


def solve_many(kind: str, seed: int, n: int) -> list[sc.Solution]:
    """Solve random stacks and hold each to its charges; return those with an answer."""
    make, reasons = KINDS[kind]
    rng, solved = np.random.default_rng(seed), []
    for at in range(n):
        try:
            solution = sc.solve(make(rng), tolerance_V=1e-6)
        except (sc.ModelError, sc.ConvergenceError) as error:
            assert re.search(reasons, str(error)), f"{kind} {at}"
            continue
        check_charges(solution, f"{kind} {at}")
        solved.append(solution)
    return solved


def check_charges(solution: sc.Solution, label: str) -> None:
    """Layers, planes and ends add up to nothing; every neutral bulk is neutral, summed here again."""
    p = solution.parameters
    size = max(1e-3, float(np.abs(sc.charge(solution)).max()))
    assert abs(float(sc.charge_balance(solution))) <= 1e-12 * size, label
    for i, layer in enumerate(solution.stack.layers):
        if layer.defects is None:
            continue
        bulk = layer.defects.bulk(solution.stack.temperature_K, layer.potential_V).result
        charges = [s.charge * s.per_cm3 for s in bulk.states]
        charges += [f.charge * f.concentration_per_cm3 for f in layer.defects.system.fixed_charges]
        charges += [bulk.holes_per_cm3, -bulk.electrons_per_cm3]
        assert abs(math.fsum(charges)) <= 1e-12 * math.fsum(map(abs, charges)), label
        for k, species in enumerate(layer.defects.species):
            if species.reference is None and species.defect not in ("electrons", "holes"):
                held = float(p.site_density[0, i, k] * p.bulk_occupancy[0, i, k])
                found = bulk.concentration_per_cm3(species.defect, species.charge)
                assert held == pytest.approx(1e6 * found, rel=1e-9, abs=1e-270), label


def check_slopes(solution: sc.Solution, rng: np.random.Generator, label: str, n: int = 2) -> int:
    """Hold sensitivities to some numbers against five-point differences of whole solves; returns how many.

    None on sites that are nearly full, where steps of a thousandth are too long.
    """
    stack = solution.stack
    wanted = ("occupancy", "energy_eV", "e_per_nm3", "e_per_nm2", "density_per_nm2", "_size_nm", "temperature_K",
              "_per_cm3", "degeneracy", "thickness_nm", "permittivity")  # fmt: skip
    room = float(solution.parameters.bulk_vacancy[0][solution.parameters.site_density[0] > 0.0].min())
    if room < 0.02:
        return 0
    paths = [path for path in numeric_paths(stack) if path.endswith(wanted) and not path.startswith("core.permitt")]
    for path in rng.choice(paths, min(n, len(paths)), replace=False).tolist():
        exact = sc.sensitivities(stack, [path], tolerance_V=1e-11)[path]
        rough = differences(stack, path, room)
        for name in NAMED:
            slope, scale = rough[name]
            with np.errstate(invalid="ignore", divide="ignore"):
                error = np.abs(exact[name] - slope) / scale
            error = error[np.isfinite(error)]
            assert error.size == 0 or error.max() < 1e-5, f"{label}, {path}: {name} {exact[name]} {slope}"
    return min(n, len(paths))


@pytest.mark.parametrize("kind", KINDS)
def test_random_stacks_are_solved_or_refused_and_their_slopes_are_exact(kind: str) -> None:
    solved = solve_many(kind, 5, 12)
    assert len(solved) >= 6
    rng = np.random.default_rng(9)
    for at, solution in enumerate(solved[:2]):
        check_slopes(solution, rng, f"{kind} {at}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_five_hundred_random_stacks(kind: str) -> None:
    solved = solve_many(kind, 1, 500)
    assert len(solved) >= 350
    rng = np.random.default_rng(2)
    checked = [check_slopes(solution, rng, f"{kind} {at}") for at, solution in enumerate(solved[:: len(solved) // 60])]
    assert sum(checked) >= 40
