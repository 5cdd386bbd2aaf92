"""Every case of bench_kernels, bench_solve and bench_sweep in two checkouts, taken in turn: one table of ratios.

    python benchmarks/beside.py ../before                           # all cases, some two minutes when all is compiled
    python benchmarks/beside.py ../before --only solve kernel       # cases whose names hold one of these words
    python benchmarks/beside.py ../before --only sweep --json results/beside.json --add    # more rows of one table
    python benchmarks/beside.py ../before --compile                 # and first runs with empty caches, minutes

Each checkout is measured by a process of its own, with its package and its benchmark modules, which know the names of
its kernels; both run `beside_cases.py` of this checkout. They take turns case by case, so that what else the machine
does meets both. A row has the shortest time of each, the ratio of the two, and the quartiles of the ratios of single
rounds; what one of them cannot do is a row that says so. Errors are those of this checkout: of solves beside the first
integral, of sweeps the largest estimate, of kernels as `bench_kernels` has them. `solve_bvp`, NumPy and C, which stand
beside our own times in those benchmarks, are nobody's checkout and not timed here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parents[1]
CONFIGS = HERE / "configs"
LIMIT = 1.05
"""A ratio above it is marked."""
HEAD = f"{'case':50s} {'here':>11s} {'there':>11s}  ratio  quartiles    error"

PROCESSES = {
    "start of Python alone": ("-c", "pass"),
    "start import spacecharge": ("-c", "import spacecharge"),
    "start --help": ("-m", "spacecharge", "--help"),
    "start to the closed file, main job": ("-m", "spacecharge", "run", str(CONFIGS / "lixv2o5_lagp.yaml"), "--quiet"),
}
"""What is a process of its own each time; the interpreter's start is in it."""


class Checkout:
    """A checkout and the process that measures it."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.folder = path, folder
        # Modules are read from bytecode, as they are where somebody works, and the checkouts get no file of it.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        own = {"PYTHONPATH": path, "BESIDE_FOLDER": folder, "PYTHONPYCACHEPREFIX": folder / "bytecode"}
        self.environment = kept | {name: str(value) for name, value in own.items()}
        folder.mkdir()
        command = [sys.executable, str(Path(__file__).with_name("beside_cases.py")), str(path)]
        self.process = subprocess.Popen(
            command, cwd=folder, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, name: str) -> dict[str, Any]:
        """Return what the process answers to the name of a case; the first time it makes it ready."""
        if name in PROCESSES:
            begin = time.perf_counter()
            target = ("-o", str(self.folder / "p.h5"), "--overwrite") if "run" in PROCESSES[name] else ()
            command = [sys.executable, *PROCESSES[name], *target]
            done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True)
            if done.returncode:
                return {"failed": done.stderr.decode().strip().splitlines()[-1]}
            return {"seconds": time.perf_counter() - begin}
        assert self.process.stdin and self.process.stdout
        print(name, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.path}: the process that measures it has ended, for the reason printed above")
        return dict(json.loads(line))

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def measure(name: str, here: Checkout, there: Checkout, rounds: int) -> dict[str, Any]:
    """Return a row: times of both by round, the error of the case, or what one of them cannot do."""
    row: dict[str, Any] = {"case": name, "here": [], "there": []}
    both = {"here": here, "there": there}
    for which, checkout in both.items():
        answer = checkout.ask(name)
        if "failed" in answer:
            row["failed"] = f"{which}: {answer['failed']}"
            return row
        if which == "here":
            row["error"] = answer.get("error")
    for k in range(rounds):
        # Who comes first has cold caches: each does every second time.
        for which in ("here", "there") if k % 2 else ("there", "here"):
            answer = both[which].ask(name)
            if "failed" in answer:
                row["failed"] = f"{which}: {answer['failed']}"
                return row
            row[which].append(answer["seconds"])
    return row


def shown(row: dict[str, Any]) -> str:
    """Return one line of the table."""
    if "failed" in row:
        return f"{row['case']:50s} not compared, {row['failed']}"
    here, there = min(row["here"]), min(row["there"])
    low, high = np.percentile(np.divide(row["here"], row["there"]), (25, 75))
    error = "" if row["error"] is None else f"{row['error']:.1e}"
    mark = "  slower" if here > LIMIT * there else ""
    return (
        f"{row['case']:50s} {_time(here)} {_time(there)} {here / there:6.3f}  {low:.2f}..{high:.2f} {error:>8s}{mark}"
    )


def _time(seconds: float) -> str:
    for unit, factor in (("s ", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:8.2f} {unit}"
    return f"{seconds * 1e9:8.1f} ns"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="cases whose names hold one of them")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, default=Path("results/beside.json"))
    parser.add_argument("--add", action="store_true", help="keep the other rows that the JSON file holds")
    parser.add_argument("--compile", action="store_true", help="first runs of the main job with empty caches, besides")
    asked = parser.parse_args()
    rows: dict[str, Any] = json.loads(asked.json.read_text()) if asked.add and asked.json.exists() else {}
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        checkouts = [Checkout(path, Path(folder, name)) for name, path in (("h", HERE), ("t", asked.other.resolve()))]
        for name in [*PROCESSES, *checkouts[0].ask("")["names"]]:
            if asked.only and not any(word in name for word in asked.only):
                continue
            rows[name] = measure(name, checkouts[0], checkouts[1], asked.rounds)
            print(shown(rows[name]), flush=True)
        for checkout in checkouts:
            checkout.close()
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps(rows, indent=1))
    lines = [HEAD, *map(shown, rows.values())]
    ratios = [min(row["here"]) / min(row["there"]) for row in rows.values() if "failed" not in row]
    if ratios:
        lines.append(
            f"{len(ratios)} cases, ratio {min(ratios):.2f} to {max(ratios):.2f}, median {np.median(ratios):.2f}"
        )
        print(lines[-1])
    table = asked.json.with_suffix(".txt")
    table.write_text("\n".join(lines) + "\n")
    print(f"{asked.json}, {table}")
    if asked.compile:
        from compile_split import compare

        compare(asked.other.resolve(), 2)


if __name__ == "__main__":
    main()
