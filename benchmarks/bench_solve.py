"""One solve: times against tolerance, interaction and case; beside solve_bvp (forms: bvp_users) at equal true error.

python -m pytest benchmarks/bench_solve.py --benchmark-json results/bench_solve.json
python benchmarks/bench_solve.py                    # the table of ratios, all measured in one run
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from bvp_users import FORMS
from cases import CASES, INTERACTIONS_eV, best_of, exact_potential, loosest_tolerance, stack_of, true_error
from pytest_benchmark.fixture import BenchmarkFixture

import spacecharge as sc
from spacecharge.kernels.poisson_boltzmann import solve_rows
from spacecharge.model import stack_parameters
from spacecharge.solver.equilibrium import SolverOptions, _work_array
from spacecharge.solver.output import output_width
from spacecharge.solver.packing import pack_rows

TOLERANCES_V = (1e-4, 1e-6, 1e-8, 1e-10)
TARGET_V = 1e-6


def kernel_call(stack: sc.Stack, tolerance_V: float) -> Callable[[], np.ndarray[Any, Any]]:
    """Return a call of the compiled kernel alone: mesh, Newton, error estimate, observables; no objects around it."""
    p = stack_parameters(stack)
    rows, codes = pack_rows(p, tolerance_V)
    out = np.full((1, output_width(p)), np.nan)
    work, options = _work_array(p.n_layers, p.n_species), SolverOptions().packed()

    def call() -> np.ndarray[Any, Any]:
        solve_rows(0, 1, rows, codes, options, work, out)
        return out

    return call


def record(benchmark: BenchmarkFixture, solution: sc.Solution, error: float, tolerance_V: float) -> None:
    stats = solution.stats
    benchmark.extra_info.update(
        nodes=stats.n_nodes, iterations=stats.iterations, threads=1, error_V=error, tolerance_V=tolerance_V
    )


@pytest.mark.parametrize("tolerance_V", TOLERANCES_V, ids=lambda t: f"{t:.0e}V")
@pytest.mark.parametrize("interaction_eV", INTERACTIONS_eV, ids=lambda j: f"J={j:g}")
@pytest.mark.parametrize("case", CASES)
def test_solve(benchmark: BenchmarkFixture, case: str, interaction_eV: float, tolerance_V: float) -> None:
    stack = stack_of(case, interaction_eV)
    solution = sc.solve(stack, tolerance_V=tolerance_V)
    error = true_error(solution, exact_potential(stack))
    assert error <= tolerance_V
    assert solution.stats.iterations <= 20
    record(benchmark, solution, error, tolerance_V)
    benchmark.group = f"solve {case} J={interaction_eV:g}"
    again = benchmark(sc.solve, stack, tolerance_V=tolerance_V)
    assert (again.row == solution.row).all() or np.array_equal(again.row, solution.row, equal_nan=True)


@pytest.mark.parametrize("interaction_eV", INTERACTIONS_eV, ids=lambda j: f"J={j:g}")
@pytest.mark.parametrize("case", CASES)
def test_kernel_alone(benchmark: BenchmarkFixture, case: str, interaction_eV: float) -> None:
    stack = stack_of(case, interaction_eV)
    solution = sc.solve(stack, tolerance_V=TARGET_V)
    record(benchmark, solution, true_error(solution, exact_potential(stack)), TARGET_V)
    benchmark.group = f"solve {case} J={interaction_eV:g}"
    out = benchmark(kernel_call(stack, TARGET_V))
    assert np.array_equal(out[0], solution.row, equal_nan=True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("interaction_eV", INTERACTIONS_eV, ids=lambda j: f"J={j:g}")
@pytest.mark.parametrize("case", CASES)
def test_solve_bvp(benchmark: BenchmarkFixture, case: str, interaction_eV: float, form: str) -> None:
    stack, solve = stack_of(case, interaction_eV), FORMS[form]
    exact = exact_potential(stack)
    tolerance, error = loosest_tolerance(lambda t: solve(stack, t).error(exact), TARGET_V, start=1.0)
    benchmark.group = f"solve {case} J={interaction_eV:g}"
    answer = benchmark.pedantic(solve, (stack, tolerance), rounds=7, warmup_rounds=1)
    assert answer.error(exact) <= TARGET_V
    benchmark.extra_info.update(nodes=answer.n_nodes, iterations=None, threads=1, error_V=error, tol=tolerance)


def test_cost_of_interaction() -> None:
    """J on costs at most 2.5 times J = 0 at the same tolerance; ratios of minima taken in turn, so load cancels."""
    for case in CASES:
        free, repelled = (kernel_call(stack_of(case, j), TARGET_V) for j in INTERACTIONS_eV)
        times = np.array([[best_of(f, repeats=5, number=20) for f in (free, repelled)] for _ in range(10)]).min(axis=0)
        assert times[1] <= 2.5 * times[0], (case, times)


@numba.njit
def nothing(first: int, last: int, rows: Any, codes: Any, options: Any, work: Any, out: Any) -> int:
    return 0


def test_cost_of_python() -> None:
    """What surrounds the kernel costs at most as much as 12 calls of an empty one with the same arguments.

    Measured: 6. Both are Python and numba's dispatch on this machine; minima of rounds taken in turn, so load cancels.
    """
    stack = stack_of("mild", 0.0)
    p = stack_parameters(stack)
    rows, codes = pack_rows(p, TARGET_V)
    out, work = np.empty((1, output_width(p))), _work_array(p.n_layers, p.n_species)
    options = SolverOptions().packed()
    calls = (
        lambda: sc.solve(stack, tolerance_V=TARGET_V),
        kernel_call(stack, TARGET_V),
        lambda: nothing(0, 1, rows, codes, options, work, out),
    )
    times = np.array([[best_of(f, repeats=5, number=100) for f in calls] for _ in range(20)]).min(axis=0)
    python, empty = times[0] - times[1], times[2]
    assert python <= 12.0 * empty, times


def measure_ratios(target_V: float) -> list[dict[str, Any]]:
    """Time everything of one case in turn, several rounds, and keep the minima; true errors at most `target_V`."""
    rows = []
    for interaction in INTERACTIONS_eV:
        for case in CASES:
            stack = stack_of(case, interaction)
            exact = exact_potential(stack)
            loose, loose_error = loosest_tolerance(
                lambda t, stack=stack, exact=exact: true_error(sc.solve(stack, tolerance_V=t), exact), target_V
            )
            strict = sc.solve(stack, tolerance_V=target_V)
            row: dict[str, Any] = {
                "target_V": target_V,
                "case": case,
                "J_eV": interaction,
                "nodes": strict.stats.n_nodes,
            }
            row |= {"iterations": strict.stats.iterations, "error_V": true_error(strict, exact)}
            row |= {"loose_tolerance_V": loose, "loose_error_V": loose_error}
            calls: dict[str, tuple[Callable[[], object], int]] = {
                "solve": (lambda s=stack: sc.solve(s, tolerance_V=target_V), 50),
                "kernel": (kernel_call(stack, target_V), 50),
                "solve_loose": (lambda s=stack, t=loose: sc.solve(s, tolerance_V=t), 50),
                "kernel_loose": (kernel_call(stack, loose), 50),
            }
            for name, solve in FORMS.items():
                tolerance, error = loosest_tolerance(
                    lambda t, f=solve, s=stack, x=exact: f(s, t).error(x), target_V, start=1.0
                )
                row[f"{name}_error_V"] = error
                calls[name] = (lambda f=solve, s=stack, t=tolerance: f(s, t), 1)
            times = dict.fromkeys(calls, np.inf)
            for _ in range(30):
                for name, (call, number) in calls.items():
                    # What takes microseconds runs three times in a row: the first round brings it back into the caches.
                    times[name] = min(times[name], best_of(call, repeats=3 if number > 1 else 1, number=number))
            row["seconds"] = times
            rows.append(row)
    return rows


def main() -> None:
    """Print and save the table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", default="results/bench_ratios.json")
    target = Path(parser.parse_args().json)
    rows = [row for target_V in (TARGET_V, 1e-9) for row in measure_ratios(target_V)]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(rows, indent=1))
    print(
        "One thread, warm, minima of rounds taken in turn. solve_bvp: with the loosest tol whose true error meets the"
    )
    print("target; sc.solve and the kernel: with the target as tolerance, and (loose) with the loosest one, too.")
    for row in rows:
        t = {name: 1e6 * seconds for name, seconds in row["seconds"].items()}
        print(
            f"\n{row['case']}, J = {row['J_eV']:g} eV, target {row['target_V']:.0e} V: ours {row['nodes']} nodes, "
            f"{row['iterations']} iterations, error {row['error_V']:.1e} V (loose {row['loose_error_V']:.1e} V)"
        )
        print("              " + "".join(f"{form:>16s}" for form in FORMS))
        print("              " + "".join(f"{t[form]:13.0f} us" for form in FORMS))
        for name in ("solve", "kernel", "solve_loose", "kernel_loose"):
            print(f"{name:13s}" + "".join(f"{t[form] / t[name]:14.0f} x" for form in FORMS) + f"   {t[name]:8.1f} us")
    print(target)


if __name__ == "__main__":
    main()
