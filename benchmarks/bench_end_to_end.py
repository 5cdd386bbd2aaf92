"""End to end, as the shell sees it: start-up, the main job, a sweep of 100,000 points, the first run of all.

    python -m pytest benchmarks/bench_end_to_end.py --benchmark-json results/bench_end_to_end.json
    python -m pytest benchmarks/bench_end_to_end.py -m slow        # the first run, kernels compiled, alone

Every round is a new process. Times are to be read as minima: other load can only add to them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from bench_sweep import configuration
from pytest_benchmark.fixture import BenchmarkFixture

from spacecharge.store import read_results
from spacecharge.sweeping import available_cores

MAIN_JOB = Path(__file__).parents[1] / "configs" / "lixv2o5_lagp.yaml"
MAIN_JOB_R = {2.4: 9.7817e-4, 3.4: 5.9721e-3}
"""Interface resistance at 298.15 K [Ohm cm2] by electrode potential [V], from the first integral."""


def python(*arguments: str, folder: Path, compiled_in: Path | None = None) -> str:
    """Run a new interpreter in `folder` and return its stdout."""
    environment = dict(os.environ)
    if compiled_in is not None:
        environment["NUMBA_CACHE_DIR"] = str(compiled_in)
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=True, capture_output=True)
    return done.stdout.decode()


def run(config: Path, folder: Path, compiled_in: Path | None = None) -> Path:
    """Run a configuration from the command line; the file is closed when it returns."""
    target = folder / "out.h5"
    arguments = ["-m", "spacecharge", "run", str(config), "-o", str(target), "--overwrite", "--quiet"]
    python(*arguments, folder=folder, compiled_in=compiled_in)
    return target


def check_main_job(path: Path) -> None:
    results = read_results(path)
    assert (results.read("status") == 0).all()
    resistance = 1e4 * results.read("interface_resistance")
    assert resistance.shape == (201, 3)
    potentials = results.read("electrode_potential")
    for potential, expected in MAIN_JOB_R.items():
        found = resistance[int(np.argmin(np.abs(potentials - potential))), 1]
        # Five digits are printed.
        assert found == pytest.approx(expected, rel=1e-5 * 5)


def describe(benchmark: BenchmarkFixture, points: int, error: float, limit_s: float) -> None:
    benchmark.extra_info.update(points=points, threads=available_cores(), error=error, claim_s=limit_s)


def test_main_job(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """603 points with profiles, from the prompt to the closed file, compiled kernels on disk: under 2.5 s."""
    check_main_job(run(MAIN_JOB, tmp_path))
    path = benchmark.pedantic(run, (MAIN_JOB, tmp_path), rounds=5)
    check_main_job(path)
    estimate = float(np.max(read_results(path).read("potential_error_estimate")))
    assert estimate <= 1e-6
    describe(benchmark, 603, estimate, 2.5)


@pytest.mark.parametrize("interaction", [False, True], ids=["J=0", "J=0.1"])
def test_100_000_points(benchmark: BenchmarkFixture, tmp_path: Path, interaction: bool) -> None:
    """100,000 points at 1e-6 V with all scalar observables, from the prompt to the closed file: under 4 s."""
    config = configuration(tmp_path, 100_000, interaction=interaction)
    run(config, tmp_path)
    path = benchmark.pedantic(run, (config, tmp_path), rounds=3)
    results = read_results(path)
    status = results.read("status")
    assert status.size == 100_000 and (status == 0).all()
    describe(benchmark, 100_000, float(np.max(results.read("potential_error_estimate"))), 4.0)


def test_help(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """``spacecharge --help``: under 0.15 s."""
    text = benchmark.pedantic(lambda: python("-m", "spacecharge", "--help", folder=tmp_path), rounds=10)
    assert "materials" in text
    describe(benchmark, 0, 0.0, 0.15)


def test_import(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """``import spacecharge`` in a new interpreter, its start included: under 0.3 s; nothing heavy comes along."""
    heavy = "{'numba', 'h5py', 'matplotlib', 'pydantic', 'scipy'}"
    code = f"import sys, spacecharge; print(sorted({heavy} & set(sys.modules)))"
    text = benchmark.pedantic(lambda: python("-c", code, folder=tmp_path), rounds=10)
    assert text.strip() == "[]"
    describe(benchmark, 0, 0.0, 0.3)


@pytest.mark.slow
def test_first_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The main job with nothing compiled: under 40 s on an otherwise idle machine; the time is printed."""
    start = time.perf_counter()
    path = run(MAIN_JOB, tmp_path, compiled_in=tmp_path / "cache")
    seconds = time.perf_counter() - start
    check_main_job(path)
    start = time.perf_counter()
    run(MAIN_JOB, tmp_path, compiled_in=tmp_path / "cache")
    again = time.perf_counter() - start
    with capsys.disabled():
        print(f"\nfirst run {seconds:.1f} s, second {again:.2f} s, load {os.getloadavg()[0]:.1f}")
    assert again < 0.5 * seconds
