"""The cases of `beside.py`, as one checkout runs them: started once a checkout, answers line by line.

    PYTHONPATH=CHECKOUT python benchmarks/beside_cases.py CHECKOUT

Modules of the benchmarks are imported where they are used: they are those of the checkout that is measured, not those
beside this file.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
TARGET_V = 1e-6
ROUND_SECONDS = 0.03
"""What a round of a case takes, where one call is shorter."""
Makers = Iterator[tuple[str, Callable[[], "Case"]]]


@dataclass
class Case:
    """What is timed, what has to be put right before each call, and the error of what it returns."""

    call: Callable[[], object]
    error: float | None = None
    before: Callable[[], object] | None = None
    per: float = 1.0

    def shortest(self) -> float:
        """Return the shortest time of one call in a round [s]."""
        once = self._timed(1)
        number = max(1, int(2e-4 / once)) if self.before is None else 1
        blocks = max(1, int(ROUND_SECONDS / (once * number)))
        return min(once, *(self._timed(number) for _ in range(blocks))) / self.per

    def _timed(self, number: int) -> float:
        if self.before is not None:
            self.before()
        begin = time.perf_counter()
        for _ in range(number):
            self.call()
        return (time.perf_counter() - begin) / number


def solve_cases() -> Makers:
    """Yield the single solves: through Python at four tolerances, by the kernel alone, with derivatives."""
    from cases import CASES, INTERACTIONS_eV

    for case in CASES:
        for interaction in INTERACTIONS_eV:
            name = f"solve {case} J={interaction:g}"
            for tolerance in (1e-4, TARGET_V, 1e-8, 1e-10):
                yield f"{name} {tolerance:.0e} V", lambda c=case, j=interaction, t=tolerance: one_solve(c, j, t)
            yield f"{name} kernel alone", lambda c=case, j=interaction: one_kernel(c, j)
    for interaction in INTERACTIONS_eV:
        yield f"solve derivatives of five numbers J={interaction:g}", lambda j=interaction: derivatives(j)
    yield "solve two sides J=0.1", lambda: whole_stack("two sides")
    yield "solve three layers of three materials", lambda: whole_stack("coated_cathode.yaml")
    yield "solve several species", lambda: whole_stack("llzo_defects.yaml")


def one_solve(case: str, interaction_eV: float, tolerance_V: float) -> Case:
    """Return a solve of a named case from Python."""
    from cases import exact_potential, stack_of, true_error

    import spacecharge as sc

    stack = stack_of(case, interaction_eV)
    error = true_error(sc.solve(stack, tolerance_V=tolerance_V), exact_potential(stack))
    return Case(lambda: sc.solve(stack, tolerance_V=tolerance_V), error)


def one_kernel(case: str, interaction_eV: float) -> Case:
    """Return the kernel alone."""
    from bench_solve import kernel_call
    from cases import stack_of

    return Case(kernel_call(stack_of(case, interaction_eV), TARGET_V), one_solve(case, interaction_eV, TARGET_V).error)


def derivatives(interaction_eV: float) -> Case:
    """Return the derivatives of a solve with respect to numbers that both checkouts know."""
    from cases import stack_of

    import spacecharge as sc

    stack = stack_of("depleted", interaction_eV)
    paths = ["temperature_K", "electrode.permittivity", "electrolyte.permittivity", "electrode.potential_V"]
    paths.append("electrolyte.site_density_per_nm3")
    return Case(lambda: sc.sensitivities(stack, paths, tolerance_V=TARGET_V))


def whole_stack(which: str) -> Case:
    """Return a solve of more than two layers, or of several species in a layer."""
    import spacecharge as sc

    if which == "two sides":
        from cases import stack_of

        left, middle = stack_of("depleted", 0.1).layers
        stack = sc.Stack((left, middle, replace(left, name="counter", potential_V=2.8)), temperature_K=298.15)
    else:
        stack = sc.load_config(CONFIGS / which).stack
    solution = sc.solve(stack, tolerance_V=TARGET_V)
    return Case(lambda: sc.solve(stack, tolerance_V=TARGET_V), solution.stats.potential_error_estimate)


def kernel_cases() -> Makers:
    """Yield the kernels of `bench_kernels`, without what stands beside them there."""
    yield "kernel exp and expm1, 8192 numbers", elementary
    yield "kernel cube root, 8192 numbers", cube_roots
    for interaction in (0.0, 0.1):
        yield f"kernel charge at all nodes J={interaction:g}", lambda j=interaction: charge(j)
    for n in (50, 500, 5000):
        yield f"kernel tridiagonal, {n} unknowns", lambda n=n: tridiagonal(n)
    for n in (40, 400, 4000):
        yield f"kernel Newton, {n} elements or more", lambda n=n: newton(n)


def elementary() -> Case:
    """Return the exponential and what it differs from one by."""
    from bench_kernels import N, exp_both

    x = -np.geomspace(1e-8, 700.0, N)
    value, minus_one = np.empty(N), np.empty(N)
    exp_both(x, value, minus_one)
    error = max(np.abs(value / np.exp(x) - 1.0).max(), np.abs(minus_one / np.expm1(x) - 1.0).max())
    return Case(lambda: exp_both(x, value, minus_one), float(error))


def cube_roots() -> Case:
    """Return the cube root."""
    from bench_kernels import N, cube_root

    x, out = np.geomspace(1e-300, 1.0, N), np.empty(N)
    cube_root(x, out)
    return Case(lambda: cube_root(x, out), float(np.abs(out / np.cbrt(x) - 1.0).max()))


def charge(interaction_eV: float) -> Case:
    """Return charge and slope at all nodes; without interaction the error is that beside scipy's `expit`."""
    from bench_kernels import ideal_first, interacting_first, mesh_of, w
    from scipy.special import expit

    mesh = mesh_of(interaction_eV, 400)
    found = mesh.rows(w.CHARGE, 5)
    found[...] = mesh.rows(w.SLOPE, 5)[...] = 0.0
    if interaction_eV:
        return Case(lambda: interacting_first(mesh.work, mesh.n_pad))
    mesh.rows(w.Y, 5)[...] = np.random.default_rng(1).uniform(-15.0, 15.0, found.shape)
    strength, theta = (mesh.rows(w.SPECIES_START + row, 1)[0] for row in (w.STRENGTH_Z, w.THETA_B))
    ideal_first(mesh.work, mesh.n_pad)
    expected = strength * (expit(np.log(theta / (1.0 - theta)) - mesh.rows(w.Y, 5)) - theta)
    error = float(np.abs(found - expected).max() / np.abs(strength).max())
    return Case(lambda: ideal_first(mesh.work, mesh.n_pad), error)


def tridiagonal(n: int) -> Case:
    """Return the linear system, filled anew before each call, which overwrites it; the error is that beside scipy."""
    from bench_kernels import solve_tridiagonal
    from scipy.linalg import solveh_banded

    rng = np.random.default_rng(2)
    off = rng.uniform(-1.0, 0.0, n - 1)
    diagonal = 0.1 + np.abs(np.append(off, 0.0)) + np.abs(np.append(0.0, off))
    rhs = rng.standard_normal(n)
    own = diagonal.copy(), off.copy(), rhs.copy()

    def fill() -> None:
        for array, values in zip(own, (diagonal, off, rhs), strict=True):
            array[...] = values

    solve_tridiagonal(*own, n)
    expected = solveh_banded(np.vstack((np.append(0.0, off), diagonal)), rhs)
    error = float(np.abs(own[2] - expected).max() / np.abs(expected).max())
    return Case(lambda: solve_tridiagonal(*own, n), error, fill)


def newton(n_least: int) -> Case:
    """Return Newton's method on a fixed mesh, from a flat start; on the smallest the error is that beside NumPy."""
    from bench_kernels import mesh_of, ours, plain_numpy, w

    mesh = mesh_of(0.0, n_least)
    mesh.start()
    ours(mesh)
    error = float(np.abs(plain_numpy(mesh)[1] - mesh.rows(w.Y, 5)).max()) if n_least == 40 else None
    return Case(lambda: ours(mesh), error, mesh.start)


def sweep_cases() -> Makers:
    """Yield the sweeps of `bench_sweep`, in seconds a point: solved on one thread, written, read again."""
    for interaction in (False, True):
        name = f"sweep J={0.1 if interaction else 0:g}"
        yield f"{name} 3,000 points", lambda j=interaction: evaluated(3000, interaction=j)
        yield f"{name} 30,000 points to the closed file", lambda j=interaction: to_file(interaction=j)
    for tolerance in (1e-4, 1e-8, 1e-10):
        yield f"sweep J=0 {tolerance:.0e} V, 1,000 points", lambda t=tolerance: evaluated(1000, tolerance=t)
    for chunk in (16, 1024):
        yield f"sweep J=0 3,000 points in chunks of {chunk}", lambda c=chunk: evaluated(3000, c)
    yield "sweep of the main job, 603 points with profiles", lambda: configured("lixv2o5_lagp.yaml")
    yield "sweep of three layers, 1,260 points", lambda: configured("coated_cathode.yaml")
    for chunk in (256, 1024):
        yield f"sweep J=0 through dask, 1 process, chunks of {chunk}", lambda c=chunk: through_dask(c)
    for along in ("first", "second"):
        yield f"sweep file read along its {along} axis", lambda a=along: reading(a)


def evaluated(points: int, chunk: int | None = None, **more: Any) -> Case:
    """Return the points of a sweep on one thread, nothing written."""
    from bench_sweep import configuration

    with tempfile.TemporaryDirectory() as folder:
        return _evaluated(configuration(Path(folder), points, **more), chunk)


def configured(name: str) -> Case:
    """Return the points of a configuration of the package on one thread, nothing written."""
    return _evaluated(CONFIGS / name)


def _evaluated(path: Path, chunk: int | None = None) -> Case:
    from bench_sweep import Cut, evaluate_all, load_config, make_task

    task = make_task(load_config(path))
    points = task.layout.n_points
    error = float(np.nanmax(task.evaluate(0, points)["potential_error_estimate"]))
    if chunk is not None:
        task = Cut(task, chunk)
    return Case(lambda: evaluate_all(task, 1), error, per=points)


def to_file(interaction: bool) -> Case:
    """Return a whole run with one worker, in this process: configuration read, solved, written, packed, closed."""
    from bench_sweep import configuration, read_results, run_sweep

    points, folder = 30_000, Path(tempfile.mkdtemp(dir=_folder()))
    path, target = configuration(folder, points, interaction=interaction), folder / "out.h5"

    def call() -> None:
        report = run_sweep(path, output=target, overwrite=True, workers=1)
        assert report.n_failed == 0

    call()
    return Case(call, float(np.max(read_results(target).read("potential_error_estimate"))), per=points)


def through_dask(chunk: int) -> Case:
    """Return a run to the closed file through a dask worker of its own process."""
    from bench_sweep import _Part, configuration, engine_module, load_config
    from distributed import LocalCluster

    pool = importlib.import_module(f"{engine_module.__package__}.cluster").ClusterPool
    folder = Path(tempfile.mkdtemp(dir=_folder()))
    task = _Part(load_config(configuration(folder, 6000)), 6000, chunk)
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50)

    def call() -> None:
        start = lambda t: pool(t, cluster.scheduler_address, 1)  # noqa: E731 (the engine's own signature)
        engine_module.run_task(task, folder / "dask.h5", start, overwrite=True, workers=1)

    call()
    return Case(call, per=task.layout.n_points)


def reading(along: str) -> Case:
    """Return the reading of one line of points from a packed file."""
    from bench_sweep import configuration, read_results, run_sweep

    folder = Path(tempfile.mkdtemp(dir=_folder()))
    run_sweep(configuration(folder, 3000), output=folder / "out.h5", overwrite=True, workers=1)
    results, line = read_results(folder / "out.h5"), np.s_[:, 10] if along == "first" else np.s_[10, :]
    return Case(lambda: results.read("contact_potential", line))


def _folder() -> str:
    """Return the folder of this process's files, which the process that started it removes."""
    return os.environ["BESIDE_FOLDER"]


CASES = (kernel_cases, solve_cases, sweep_cases)


def serve(checkout: Path) -> None:
    """Answer the name of a case with its error, asked again with its time, an empty line with all names."""
    # Benchmark modules of the checkout, not those beside this file.
    sys.path[0] = str(checkout / "benchmarks")
    package = Path(importlib.import_module("spacecharge").__file__ or "").resolve()
    assert package.is_relative_to(checkout), package
    # The scheduler of dask says good-bye in ten lines.
    logging.disable(logging.CRITICAL)
    # What kernels and runs print does not belong between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    makers = {name: make for cases in CASES for name, make in cases()}
    made: dict[str, Case] = {}
    for line in sys.stdin:
        name = line.rstrip("\n")
        answer: dict[str, Any]
        try:
            if not name:
                answer = {"names": list(makers)}
            elif name in made:
                answer = {"seconds": made[name].shortest()}
            else:
                made[name] = makers[name]()
                answer = {"error": made[name].error}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]).resolve())
