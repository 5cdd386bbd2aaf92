"""Kernels: elementary functions, charge, tridiagonal solve, a Newton iteration; beside plain NumPy and plain C.

    python -m pytest benchmarks/bench_kernels.py --benchmark-json results/bench_kernels.json
    python benchmarks/bench_kernels.py           # ns per node and iteration against the size of the mesh

The C loop (plain_solver.c) is compiled when the benchmark starts, by gcc -O3 -march=native.
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from cases import Array, stack_of
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.linalg import solveh_banded
from scipy.special import expit

import spacecharge as sc
from spacecharge.kernels import workspace as w
from spacecharge.kernels.element import WEIGHTS
from spacecharge.kernels.elementary import exp_nonpositive, inverse_cube_root
from spacecharge.kernels.layout import MEMO_SIZE, SPECIES_COLUMNS
from spacecharge.kernels.mesh import set_parameters
from spacecharge.kernels.newton import STEP_TOLERANCE, join, newton
from spacecharge.kernels.species import fill_species
from spacecharge.kernels.start import place_jumps, refine
from spacecharge.kernels.statistics import ideal_first, interacting_first
from spacecharge.kernels.tridiagonal import solve_tridiagonal
from spacecharge.kernels.workspace import STRIDE
from spacecharge.model import stack_parameters
from spacecharge.solver.equilibrium import _work_array
from spacecharge.solver.packing import pack_rows

N = 8192
SOURCE = Path(__file__).with_name("plain_solver.c")

# Stiffness of the five-node Gauss-Lobatto element on [0, 1].
K = np.array(
    [
        [7.0, -7.825770150880602672, 16.0 / 15.0, -0.34089651578606399462, 0.1],
        [-7.825770150880602672, 12.703703703703703704, -5.8074074074074074074, 1.2703703703703703704,
         -0.34089651578606399462],
        [16.0 / 15.0, -5.8074074074074074074, 9.4814814814814814815, -5.8074074074074074074, 16.0 / 15.0],
        [-0.34089651578606399462, 1.2703703703703703704, -5.8074074074074074074, 12.703703703703703704,
         -7.825770150880602672],
        [0.1, -0.34089651578606399462, 16.0 / 15.0, -7.825770150880602672, 7.0],
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mesh:
    """A mesh of the depleted case in the solver's own work array, ready for Newton from a flat start."""

    work: Array
    row: Array
    codes: np.ndarray[Any, np.dtype[np.int64]]
    n: int
    n_pad: int

    @property
    def n_nodes(self) -> int:
        """Nodes, shared ones counted once."""
        return 4 * self.n + 1

    def rows(self, first: int, count: int) -> Array:
        """Return rows of the work array as a view (count, n)."""
        return self.work[: self.work.size // STRIDE * STRIDE].reshape(-1, STRIDE)[first : first + count, : self.n]

    def start(self) -> None:
        """Put every layer at its bulk."""
        self.rows(w.Y, 5)[...] = 0.0
        join(self.work, self.n)


@functools.cache
def mesh_of(interaction_eV: float, n_least: int) -> Mesh:
    """Return a mesh of at least so many elements, by halving that of the solver."""
    stack = stack_of("depleted", interaction_eV)
    solution = sc.solve(stack, tolerance_V=1e-6)
    p = stack_parameters(stack)
    rows, codes = pack_rows(p, 1e-6)
    work = np.zeros(_work_array(p.n_layers, p.n_species).size)
    work[: work.size // STRIDE * STRIDE].reshape(-1, STRIDE)[: solution.state.shape[0], : solution.state.shape[1]] = (
        solution.state
    )
    species = np.empty((p.n_layers, p.n_species, SPECIES_COLUMNS))
    fill_species(rows[0], codes, species)
    n = int(solution.state[w.FIRST, p.n_layers])
    while n < n_least:
        refine(work, codes, n)
        n *= 2
    n_pad = set_parameters(work, rows[0], codes, species, n, interaction_eV != 0.0)
    place_jumps(work, rows[0], codes, n)
    return Mesh(work, rows[0], codes, n, n_pad)


def info(benchmark: BenchmarkFixture, nodes: int, iterations: int | None, error: float) -> None:
    benchmark.extra_info.update(nodes=nodes, iterations=iterations, threads=1, error=error)


@numba.njit(error_model="numpy", fastmath={"contract"})
def exp_both(x: Array, value: Array, minus_one: Array) -> None:
    for i in range(x.size):
        value[i], minus_one[i] = exp_nonpositive(x[i])


@numba.njit(error_model="numpy", fastmath={"contract"})
def cube_root(x: Array, out: Array) -> None:
    for i in range(x.size):
        r = inverse_cube_root(x[i])
        out[i] = x[i] * r * r


@pytest.mark.parametrize("who", ["ours", "numpy"])
def test_exp_and_expm1(benchmark: BenchmarkFixture, who: str) -> None:
    x = -np.geomspace(1e-8, 700.0, N)
    value, minus_one = np.empty(N), np.empty(N)
    exp_both(x, value, minus_one)
    error = max(np.abs(value / np.exp(x) - 1.0).max(), np.abs(minus_one / np.expm1(x) - 1.0).max())
    assert error < 1e-15
    benchmark.group = "exp and expm1"
    info(benchmark, N, None, float(error))
    benchmark((lambda: exp_both(x, value, minus_one)) if who == "ours" else (lambda: (np.exp(x), np.expm1(x))))


@pytest.mark.parametrize("who", ["ours", "numpy"])
def test_cube_root(benchmark: BenchmarkFixture, who: str) -> None:
    x, out = np.geomspace(1e-300, 1.0, N), np.empty(N)
    cube_root(x, out)
    error = np.abs(out / np.cbrt(x) - 1.0).max()
    assert error < 2e-15
    benchmark.group = "cube root"
    info(benchmark, N, None, float(error))
    benchmark((lambda: cube_root(x, out)) if who == "ours" else (lambda: np.cbrt(x)))


@pytest.mark.parametrize("who", ["ours", "numpy"])
def test_charge(benchmark: BenchmarkFixture, who: str) -> None:
    """Charge and slope at all nodes, J = 0."""
    mesh = mesh_of(0.0, 400)
    rng = np.random.default_rng(1)
    y = mesh.rows(w.Y, 5)
    y[...] = rng.uniform(-15.0, 15.0, y.shape)
    base = w.SPECIES_START
    strength, theta = mesh.rows(base + w.STRENGTH_Z, 1)[0], mesh.rows(base + w.THETA_B, 1)[0]
    odds = np.log(theta / (1.0 - theta))
    charge, slope = mesh.rows(w.CHARGE, 5), mesh.rows(w.SLOPE, 5)

    def plain() -> tuple[Array, Array]:
        filled = expit(odds - y)
        return strength * (filled - theta), strength * filled * (1.0 - filled)

    charge[...] = slope[...] = 0.0
    ideal_first(mesh.work, mesh.n_pad)
    expected = plain()
    scale = np.abs(strength).max()
    error = max(np.abs(charge - expected[0]).max(), np.abs(slope - expected[1]).max()) / scale
    # expit and the subtraction of the bulk each round once or twice.
    assert error < 1e-15
    benchmark.group = "charge at all nodes, J = 0"
    info(benchmark, 5 * mesh.n, None, float(error))
    benchmark((lambda: ideal_first(mesh.work, mesh.n_pad)) if who == "ours" else plain)


def test_charge_with_interaction(benchmark: BenchmarkFixture) -> None:
    """Linearised charge with J on: the root of the cube-root law costs no loop of its own."""
    mesh = mesh_of(0.1, 400)
    charge = mesh.rows(w.CHARGE, 5)
    charge[...] = mesh.rows(w.SLOPE, 5)[...] = 0.0
    interacting_first(mesh.work, mesh.n_pad)
    assert np.isfinite(charge).all()
    benchmark.group = "charge at all nodes, J = 0.1"
    info(benchmark, 5 * mesh.n, None, 0.0)
    benchmark(interacting_first, mesh.work, mesh.n_pad)


@pytest.mark.parametrize("who", ["ours", "scipy solveh_banded"])
@pytest.mark.parametrize("n", [50, 500, 5000])
def test_tridiagonal(benchmark: BenchmarkFixture, n: int, who: str) -> None:
    rng = np.random.default_rng(2)
    off = rng.uniform(-1.0, 0.0, n - 1)
    diagonal = 0.1 + np.abs(np.append(off, 0.0)) + np.abs(np.append(0.0, off))
    rhs = rng.standard_normal(n)
    banded = np.vstack((np.append(0.0, off), diagonal))
    expected = solveh_banded(banded, rhs)
    found = rhs.copy()
    assert solve_tridiagonal(diagonal.copy(), off.copy(), found, n)
    error = np.abs(found - expected).max() / np.abs(expected).max()
    assert error < 1e-13
    benchmark.group = f"tridiagonal, {n} unknowns"
    info(benchmark, n, None, float(error))
    if who == "ours":
        fresh = lambda: ((diagonal.copy(), off.copy(), rhs.copy(), n), {})  # noqa: E731 (overwritten by every call)
        benchmark.pedantic(solve_tridiagonal, setup=fresh, rounds=500)
    else:
        benchmark(lambda: solveh_banded(banded, rhs, check_finite=False))


def ours(mesh: Mesh) -> int:
    """Solve by the package's kernel from where y stands; return the iterations."""
    status, iterations, _ = newton(
        mesh.work, mesh.row, mesh.codes, mesh.n, (False, False, False), STEP_TOLERANCE, np.zeros(MEMO_SIZE)
    )
    assert status == 0
    return int(iterations)


def plain_numpy(mesh: Mesh) -> tuple[int, Array]:
    """Solve the same equations by vectorised NumPy and a LAPACK band solver; return iterations and y (5, n)."""
    n, base = mesh.n, w.SPECIES_START
    size, g = mesh.rows(w.SIZE, 1)[0], mesh.rows(w.STRENGTH, 1)[0]
    h, jump = mesh.rows(w.STIFFNESS, 1)[0], mesh.rows(w.JUMP, 1)[0]
    strength, theta = mesh.rows(base + w.STRENGTH_Z, 1)[0], mesh.rows(base + w.THETA_B, 1)[0]
    odds = np.log(theta / (1.0 - theta))
    y = np.zeros((5, n))
    y[0, 1:] += jump[1:]
    assert size.size == n
    for iteration in range(1, 61):
        filled = expit(odds - y)
        f = K @ y - g * WEIGHTS[:, None] * (strength * (filled - theta))
        matrix = np.broadcast_to(K, (n, 5, 5)).copy()
        matrix[:, range(5), range(5)] += (g * WEIGHTS[:, None] * strength * filled * (1.0 - filled)).T
        ends = np.stack((matrix[:, 1:4, 0], matrix[:, 1:4, 4], f[1:4].T), axis=-1)
        shape = np.linalg.solve(matrix[:, 1:4, 1:4], ends)
        d00 = h * (matrix[:, 0, 0] - (matrix[:, 0, 1:4] * shape[:, :, 0]).sum(1))
        d44 = h * (matrix[:, 4, 4] - (matrix[:, 4, 1:4] * shape[:, :, 1]).sum(1))
        off = h * (matrix[:, 0, 4] - (matrix[:, 0, 1:4] * shape[:, :, 1]).sum(1))
        r0 = -h * (f[0] - (matrix[:, 0, 1:4] * shape[:, :, 2]).sum(1))
        r4 = -h * (f[4] - (matrix[:, 4, 1:4] * shape[:, :, 2]).sum(1))
        banded = np.vstack((np.append(0.0, off), np.append(d00, 0.0) + np.append(0.0, d44)))
        ends_step = solveh_banded(banded, np.append(r0, 0.0) + np.append(0.0, r4), check_finite=False)
        step = np.empty((5, n))
        step[0], step[4] = ends_step[:-1], ends_step[1:]
        step[1:4] = -(shape[:, :, 2] + shape[:, :, 0] * step[0][:, None] + shape[:, :, 1] * step[4][:, None]).T
        largest = float(np.abs(step).max())
        y += min(1.0, 6.0 / largest) * step
        y[0, 1:] = y[4, :-1] + jump[1:]
        if largest <= 1e-8:
            return iteration, y
    raise RuntimeError("no convergence")


@functools.cache
def library() -> Any:
    """Compile plain_solver.c and return its function, or None without gcc."""
    if shutil.which("gcc") is None:
        return None
    target = Path(tempfile.mkdtemp(prefix="plain_solver_")) / "plain.so"
    command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", str(SOURCE), "-o", str(target), "-lm"]
    subprocess.run(command, check=True)
    function = ctypes.CDLL(str(target)).newton
    function.restype = ctypes.c_int
    return function


class PlainC:
    """The C loop on arrays of its own, laid out node after node."""

    def __init__(self, mesh: Mesh) -> None:
        n, base = mesh.n, w.SPECIES_START
        self.y = np.zeros((n, 5))
        self.jump = mesh.rows(w.JUMP, 1)[0].copy()
        size = mesh.rows(w.SIZE, 1)[0].copy()
        permittivity = mesh.rows(w.STIFFNESS, 1)[0] * size
        strength, theta = mesh.rows(base + w.STRENGTH_Z, 1)[0].copy(), mesh.rows(base + w.THETA_B, 1)[0].copy()
        scratch = [np.empty(3 * n) for _ in range(3)] + [np.empty(n + 1) for _ in range(3)]
        self.arrays = [self.y, self.jump, size, permittivity, strength, theta, *scratch]
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in self.arrays]
        self.call: Callable[[], int] = functools.partial(library(), ctypes.c_int(n), *pointers)

    def start(self) -> None:
        self.y[...] = 0.0
        self.y[1:, 0] += self.jump[1:]


needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc: the C baseline cannot be compiled")


@pytest.mark.parametrize("who", ["ours", "numpy", pytest.param("c", marks=needs_gcc)])
@pytest.mark.parametrize("n_least", [40, 400, 4000])
def test_newton(benchmark: BenchmarkFixture, n_least: int, who: str) -> None:
    """From a flat start to convergence on a fixed mesh; all three make the same iterations."""
    mesh = mesh_of(0.0, n_least)
    mesh.start()
    iterations = ours(mesh)
    answer = mesh.rows(w.Y, 5).copy()
    benchmark.group = f"Newton, {mesh.n_nodes} nodes"
    if who == "ours":
        benchmark.pedantic(ours, (mesh,), setup=mesh.start, rounds=50, warmup_rounds=2)
        error = float(np.abs(mesh.rows(w.Y, 5) - answer).max())
        assert error == 0.0
    elif who == "numpy":
        count, y = plain_numpy(mesh)
        error = float(np.abs(y - answer).max())
        assert count == iterations
        benchmark.pedantic(plain_numpy, (mesh,), rounds=5, warmup_rounds=1)
    else:
        c = PlainC(mesh)
        c.start()
        assert c.call() == iterations
        error = float(np.abs(c.y.T - answer).max())
        benchmark.pedantic(c.call, setup=c.start, rounds=50, warmup_rounds=2)
    # NumPy's K @ y rounds values of 15 kT/e where the others take differences; finer meshes amplify that.
    assert error < 1e-12 * mesh.n
    info(benchmark, mesh.n_nodes, iterations, error)


def measure() -> list[dict[str, float]]:
    """Return ns per node and iteration of the three codes against the size of the mesh, minima of rounds in turn."""
    rows = []
    for n_least in (40, 80, 160, 320, 640, 1280, 2560, 5120):
        mesh = mesh_of(0.0, n_least)
        mesh.start()
        iterations = ours(mesh)
        c = PlainC(mesh) if library() else None
        times = {"ours": np.inf, "c": np.inf, "numpy": np.inf}
        for _ in range(40):
            mesh.start()
            begin = time.perf_counter()
            ours(mesh)
            times["ours"] = min(times["ours"], time.perf_counter() - begin)
            if c:
                c.start()
                begin = time.perf_counter()
                c.call()
                times["c"] = min(times["c"], time.perf_counter() - begin)
        for _ in range(3):
            begin = time.perf_counter()
            plain_numpy(mesh)
            times["numpy"] = min(times["numpy"], time.perf_counter() - begin)
        per = {name: 1e9 * seconds / (mesh.n_nodes * iterations) for name, seconds in times.items()}
        rows.append({"nodes": mesh.n_nodes, "iterations": iterations, **per})
    return rows


def main() -> None:
    """Print and save ns per node and iteration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", default="results/bench_newton.json")
    target = Path(parser.parse_args().json)
    rows = measure()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(rows, indent=1))
    print("ns per node and iteration, J = 0, flat start to convergence, one thread, warm")
    print("nodes   it.   ours  plain C  NumPy   C/ours")
    for row in rows:
        print(
            f"{row['nodes']:6d} {row['iterations']:4d} {row['ours']:6.1f} {row['c']:8.1f} {row['numpy']:6.0f}"
            f" {row['c'] / row['ours']:8.1f}"
        )
    print(target)


if __name__ == "__main__":
    main()
