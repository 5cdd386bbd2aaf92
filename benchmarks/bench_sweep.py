"""Sweeps: points per second against threads, chunk size and tolerance; what writing and dask cost.

    python benchmarks/bench_sweep.py                    # measure, write JSON and figure into results/
    python benchmarks/bench_sweep.py --points 20000     # quicker
    python benchmarks/bench_sweep.py --plot FILE.json   # only draw an earlier measurement

Warm numbers: everything is compiled before a clock starts. Each number is the best of three, because
whatever else the machine does can only add time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spacecharge.config import load_config
from spacecharge.plotting.style import PALETTE, letters, new_figure, styled
from spacecharge.store import read_results
from spacecharge.store.provenance import host_cpu
from spacecharge.store.work import WorkFile
from spacecharge.sweeping import available_cores, make_task, run_sweep
from spacecharge.sweeping import engine as engine_module
from spacecharge.sweeping.plan import InterfaceTask
from spacecharge.sweeping.pools import ThreadPool
from spacecharge.sweeping.task import n_chunks

CONFIG = """\
title: benchmark of sweeps, LixV2O5 | LAGP
layers:
  electrode: {{material: LixV2O5, potential_V: 2.4, thickness_nm: 30{interaction}}}
  electrolyte: {{material: LAGP, thickness_nm: 30{interaction}}}
sweep:
  electrode.potential_V: {{start: 2.4, stop: 3.4, num: {along}}}
  temperature_K: {{start: 258.15, stop: 363.15, num: {across}}}
solver: {{tolerance_V: {tolerance}}}
output: {{resistance_of: [electrolyte]}}
"""

REPEATS = 3


def configuration(folder: Path, n: int, *, interaction: bool = False, tolerance: float = 1e-6) -> Path:
    """Write the configuration of a sweep of about n points: potential times 100 temperatures."""
    across = min(100, n)
    energies = "" if interaction else ", interaction: {occupied_eV: 0, vacancy_eV: 0}"
    text = CONFIG.format(along=max(1, n // across), across=across, tolerance=tolerance, interaction=energies)
    path = folder / f"{n}_{int(interaction)}_{tolerance:g}.yaml"
    path.write_text(text)
    return path


def best(function: Callable[[], object]) -> float:
    """Return the shortest of a few runs [s]."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


class Cut:
    """A task with another size of chunks."""

    def __init__(self, task: InterfaceTask, chunk_points: int) -> None:
        self.layout, self.chunk_points, self.evaluate = task.layout, chunk_points, task.evaluate
        self.fingerprint = ""
        self.explain = task.explain


def evaluate_all(task: Any, threads: int) -> None:
    """Evaluate every chunk on threads and drop the values; every point has to be solved."""
    pool = ThreadPool(task, threads)
    for chunk in range(n_chunks(task)):
        pool.submit(chunk)
    for _ in range(n_chunks(task)):
        done = pool.get(600.0)
        assert done is not None
        assert done.values is not None, done.error
        assert (done.values["status"] == 0).all()
    pool.close()


def rate(path: Path, threads: int, chunk_points: int | None = None) -> float:
    """Return points per second of evaluating, without writing."""
    task: Any = make_task(load_config(path))
    n = task.layout.n_points
    if chunk_points is not None:
        task = Cut(task, chunk_points)
    task.evaluate(0, 2)
    return n / best(lambda: evaluate_all(task, threads))


def end_to_end(path: Path, folder: Path, threads: int) -> dict[str, float]:
    """Return where the time of a whole run goes [s]."""
    parts = {"create": 0.0, "solve and write": 0.0, "pack": 0.0, "total": np.inf}

    def timed(name: str, function: Callable[..., Any], into: dict[str, float]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                into[name] = time.perf_counter() - start

        return wrapper

    real = engine_module._loop, engine_module.pack, WorkFile.create
    for _ in range(REPEATS):
        now: dict[str, float] = {}
        engine_module._loop = timed("solve and write", real[0], now)
        engine_module.pack = timed("pack", real[1], now)
        WorkFile.create = timed("create", real[2], now)  # type: ignore[method-assign]
        try:
            start = time.perf_counter()
            report = run_sweep(path, output=folder / "end.h5", overwrite=True, workers=threads)
            now["total"] = time.perf_counter() - start
        finally:
            engine_module._loop, engine_module.pack = real[:2]
            WorkFile.create = real[2]  # type: ignore[method-assign]
        assert report.n_failed == 0
        if now["total"] < parts["total"]:
            parts = now
    parts["file_MB"] = (folder / "end.h5").stat().st_size / 1e6
    parts["raw_MB"] = make_task(load_config(path)).layout.n_bytes / 1e6
    return parts


def prompt_to_file(path: Path, folder: Path, threads: int) -> float:
    """Return the time of ``spacecharge run`` from the shell's point of view [s]."""
    command = [sys.executable, "-m", "spacecharge", "run", str(path), "-o", str(folder / "p.h5")]
    command += ["--overwrite", "--quiet", "--workers", str(threads)]
    return best(lambda: subprocess.run(command, check=True, capture_output=True))


def reading(folder: Path) -> dict[str, float]:
    """Return the time to read a line along each axis and a single point of the packed file [s]."""
    results = read_results(folder / "end.h5")
    return {
        "line_along_first_axis": best(lambda: results.read("contact_potential", np.s_[:, 50])),
        "line_along_second_axis": best(lambda: results.read("contact_potential", np.s_[50, :])),
        "single_point": best(lambda: results.read("contact_potential", np.s_[50, 50])),
    }


def dask_overhead(path: Path, folder: Path) -> list[dict[str, float]]:
    """Return points per second through two dask worker processes against the size of the chunks."""
    from distributed import LocalCluster

    from spacecharge.sweeping.cluster import ClusterPool

    base = make_task(load_config(path))
    rows = []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
        for chunk_points in (64, 256, 1024, 4096):
            n = min(base.layout.n_points, chunk_points * 200)
            task = _Part(base.config, n, chunk_points)

            def run(task: _Part = task) -> None:
                engine_module.run_task(
                    task,
                    folder / "dask.h5",
                    lambda t: ClusterPool(t, cluster.scheduler_address, 2),
                    overwrite=True,
                    workers=2,
                )

            run()
            rows.append({"chunk_points": chunk_points, "points_per_second": n / best(run)})
    return rows


class _Part(InterfaceTask):
    """The first points of a task along its first axis, in chunks of a given size."""

    def __init__(self, config: Any, n: int, chunk: int) -> None:
        super().__init__(config)
        layout = self.layout
        rows = max(1, n // layout.shape[1])
        first = next(c for c in layout.coordinates if c.name == layout.sweep[0])
        cut = tuple(replace(c, values=c.values[:rows]) if c is first else c for c in layout.coordinates)
        part = replace(layout, shape=(rows, layout.shape[1]), coordinates=cut)
        self.__dict__["layout"] = part
        self.__dict__["chunk_points"] = chunk


def measure(points: int) -> dict[str, Any]:
    """Measure everything."""
    cores = available_cores()
    record: dict[str, Any] = {"points": points, "cores": cores, "cpu": host_cpu(), "python": sys.version}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = configuration(folder, points)
        interacting = configuration(folder, points, interaction=True)
        threads = sorted({1, 2, *(2**k for k in range(10) if 2**k <= cores), cores} & set(range(1, cores + 1)))
        record["threads"] = [{"threads": t, "points_per_second": rate(plain, t)} for t in threads]
        record["threads_interacting"] = [{"threads": t, "points_per_second": rate(interacting, t)} for t in threads]
        record["chunks"] = [
            {"chunk_points": c, "points_per_second": rate(plain, cores, c)} for c in (16, 64, 256, 1024, 4096)
        ]
        record["tolerance"] = [
            {
                "tolerance_V": tolerance,
                "points_per_second": rate(configuration(folder, points // 5, tolerance=tolerance), cores),
            }
            for tolerance in (1e-4, 1e-6, 1e-8, 1e-10)
        ]
        record["end_to_end"] = end_to_end(plain, folder, cores)
        record["reading"] = reading(folder)
        record["prompt_to_closed_file_s"] = prompt_to_file(plain, folder, cores)
        record["dask"] = dask_overhead(plain, folder)
    return record


def draw(record: dict[str, Any], path: Path) -> None:
    """Draw a measurement."""
    with styled():
        title = f"{record['points']} points, {record['cores']} cores, {record['cpu']}"
        figure, panels = new_figure(2, 2, title)
        a, b, c, d = panels.ravel()
        for key, label, colour in (("threads", "J = 0", PALETTE[0]), ("threads_interacting", "J on", PALETTE[1])):
            x = [row["threads"] for row in record[key]]
            y = [row["points_per_second"] for row in record[key]]
            a.plot(x, y, "o-", color=colour, label=label)
            a.plot(x, [y[0] * n / x[0] for n in x], ":", color=colour)
        a.set(xlabel="Threads (dotted: ideal)", ylabel="Points per second", ylim=(0, None))
        a.set_xticks(x)
        a.legend()
        for key, label, colour in (("chunks", "threads", PALETTE[0]), ("dask", "dask, 2 processes", PALETTE[1])):
            b.semilogx(
                [row["chunk_points"] for row in record[key]],
                [row["points_per_second"] for row in record[key]],
                "o-",
                color=colour,
                label=label,
            )
        b.set(xlabel="Points per chunk", ylabel="Points per second", ylim=(0, None))
        b.legend()
        c.semilogx(
            [row["tolerance_V"] for row in record["tolerance"]],
            [row["points_per_second"] for row in record["tolerance"]],
            "o-",
        )
        c.set(xlabel="Tolerance (V)", ylabel="Points per second", ylim=(0, None))
        parts = {k: v for k, v in record["end_to_end"].items() if k in ("create", "solve and write", "pack")}
        d.barh(list(parts), list(parts.values()), color=PALETTE[: len(parts)])
        d.set(xlabel="Time (s)")
        letters([a, b, c, d])
        figure.savefig(path)


def main() -> None:
    """Measure or draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--json", default="results/bench_sweep.json")
    parser.add_argument("--plot", metavar="JSON", help="draw an earlier measurement")
    args = parser.parse_args()
    target = Path(args.plot or args.json)
    if args.plot:
        record = json.loads(target.read_text())
    else:
        record = measure(args.points)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(record, indent=1))
        print(json.dumps(record, indent=1))
    draw(record, target.with_suffix(".png"))
    print(f"{target}, {target.with_suffix('.png')}")


if __name__ == "__main__":
    main()
