"""What the first run compiles: kernels, seconds of numba's front end and of LLVM; first runs of two checkouts.

python benchmarks/compile_split.py                      # kernels of the main job, largest first
python benchmarks/compile_split.py --beside ../before   # whole first runs of both in turn, each with an empty cache

All times are processor time, since a busy machine stretches the others.
"""

from __future__ import annotations

import argparse
import collections
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CONFIGURATION = "configs/lixv2o5_lagp.yaml"
HERE = Path(__file__).resolve().parents[1]


def first_run(checkout: Path) -> tuple[float, float]:
    """Run the main job with an empty cache; return seconds of processor time and on the clock."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(checkout)}
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-m", "spacecharge", "run", CONFIGURATION, "-o", f"{folder}/out.h5"]
        subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
        seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, seconds


def compare(other: Path, rounds: int) -> None:
    """Print first runs of this checkout and of another, taken in turn, and the ratio of their minima."""
    taken: dict[Path, list[tuple[float, float]]] = {other: [], HERE: []}
    for _ in range(rounds):
        for checkout, times in taken.items():
            times.append(first_run(checkout))
            print(f"{checkout}: {times[-1][0]:.1f} s of processor time, {times[-1][1]:.1f} s on the clock", flush=True)
    ratios = [min(t[k] for t in taken[HERE]) / min(t[k] for t in taken[other]) for k in range(2)]
    print(f"ratio {ratios[0]:.2f} of processor time, {ratios[1]:.2f} on the clock")


class Split:
    """Processor time of what is nested: each kernel's own, without that of the kernels it calls."""

    def __init__(self) -> None:
        self.open: list[list[Any]] = []
        self.front: collections.Counter[str] = collections.Counter()
        self.llvm: collections.Counter[str] = collections.Counter()
        self.times: collections.Counter[str] = collections.Counter()

    def start(self, name: str) -> None:
        self.open.append([name, time.thread_time(), 0.0, 0.0])

    def in_llvm(self, seconds: float) -> None:
        if self.open:
            self.open[-1][3] += seconds

    def end(self) -> None:
        name, begin, inner, llvm = self.open.pop()
        whole = time.thread_time() - begin
        self.front[name] += whole - inner - llvm
        self.llvm[name] += llvm
        self.times[name] += 1
        if self.open:
            self.open[-1][2] += whole


def split() -> Split:
    """Compile the main job into an empty cache and return where its time went."""
    from numba.core.event import Listener, install_listener

    from spacecharge.config import load_config
    from spacecharge.solver.equilibrium import profile_mesh, solve_points

    result = Split()

    class Compiles(Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            function = event.data["dispatcher"].py_func
            result.start(f"{function.__module__.removeprefix('spacecharge.kernels.')}.{function.__qualname__}")

        def on_end(self, event: Any) -> None:
            result.end()

    class Llvm(Listener):  # type: ignore[misc]
        depth = 0
        begin = 0.0

        def on_start(self, event: Any) -> None:
            self.depth += 1
            if self.depth == 1:
                self.begin = time.thread_time()

        def on_end(self, event: Any) -> None:
            self.depth -= 1
            if self.depth == 0:
                result.in_llvm(time.thread_time() - self.begin)

    parameters = load_config(HERE / CONFIGURATION).parameters(0, 1)
    with install_listener("numba:compile", Compiles()), install_listener("numba:llvm_lock", Llvm()):
        solve_points(parameters, profile_x=profile_mesh(parameters))
    return result


def main() -> None:
    """Print the table, or the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, help="another checkout, whose first run is taken in turn with this one")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=30, help="kernels to print")
    asked = parser.parse_args()
    if asked.beside:
        compare(asked.beside.resolve(), asked.rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NUMBA_CACHE_DIR"] = folder
        taken = split()
    total = {name: taken.front[name] + taken.llvm[name] for name in taken.times}
    print("front end   LLVM  times  kernel")
    for name in sorted(total, key=lambda name: -total[name])[: asked.rows]:
        print(f"{taken.front[name]:9.2f} {taken.llvm[name]:6.2f} {taken.times[name]:6d}  {name}")
    print(
        f"{sum(taken.front.values()):9.2f} {sum(taken.llvm.values()):6.2f} {sum(taken.times.values()):6d}  "
        f"{len(total)} functions"
    )


if __name__ == "__main__":
    main()
