"""A task that costs no physics, for testing the machinery around it; also a program to be killed."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spacecharge.store import Coordinate, Layout, Variable

NAMES = np.array(["electrode", "electrolyte"], dtype=object)
SIDES = np.array(["left", "right"], dtype=object)


def fake_layout(shape=(100, 3), *, n_x=0, attributes=None):
    axes = [f"axis{i}" for i in range(len(shape))]
    coordinates = [
        Coordinate(name=name, values=np.linspace(0.0, 1.0, n), units="V", long_name=f"the {name}")
        for name, n in zip(axes, shape, strict=True)
    ]
    coordinates += [
        Coordinate(name="contact", values=np.array(["electrode|electrolyte"], dtype=object)),
        Coordinate(name="side", values=SIDES),
        Coordinate(name="layer", values=NAMES),
    ]
    variables = [
        Variable(name="status", dtype="i4", long_name="status of the solve"),
        Variable(name="iterations", dtype="i4"),
        Variable(name="contact_potential", dims=("contact", "side"), units="V"),
        Variable(name="charge", dims=("layer",), units="C m-2"),
        Variable(name="interface_resistance", units="ohm m2"),
    ]
    if n_x:
        x = np.linspace(0.0, 1e-8, n_x)
        coordinates.append(Coordinate(name="x", values=x, units="m", group="profiles/electrode"))
        variables.append(Variable(name="potential", dims=("x",), units="V", group="profiles/electrode"))
    return Layout(
        sweep=tuple(axes),
        shape=tuple(shape),
        coordinates=tuple(coordinates),
        variables=tuple(variables),
        attributes={"title": "fake", "config_yaml": "", **(attributes or {})},
    )


@dataclass
class FakeTask:
    """Values are a known function of the index of the point; some points fail on purpose."""

    layout: Layout
    chunk_points: int = 16
    fingerprint: str = "fake"
    delay: float = 0.0
    fails: int = 0  # every so many points one has status 2 and NaN
    error: str = ""  # what evaluate does instead: "raise", "exit", "memory"

    def evaluate(self, lo, hi):
        if self.delay:
            time.sleep(self.delay)
        if self.error == "raise":
            raise RuntimeError("on purpose")
        if self.error == "memory":
            raise MemoryError
        if self.error == "exit":
            os._exit(1)
        index = np.arange(lo, hi)
        values = {}
        for variable in self.layout.variables:
            point = self.layout.point_shape(variable)
            scale = np.arange(1.0, 1.0 + np.prod(point, dtype=int)).reshape(point)
            values[variable.path] = np.sin(index + len(variable.path)).reshape(-1, *[1] * len(point)) * scale
        status = np.zeros(hi - lo, dtype=np.int32)
        values["iterations"] = (index % 7).astype(np.int32)
        if self.fails:
            bad = index % self.fails == self.fails - 1
            status[bad] = 2
            for path, array in values.items():
                if array.dtype.kind == "f":
                    values[path][bad] = np.nan
        values["status"] = status
        return values

    def explain(self, index, status):
        return f"point {index}: status {status}"


def expected(task):
    n = task.layout.n_points
    quiet = FakeTask(task.layout, fails=task.fails)
    return quiet.evaluate(0, n)


def check_file(path, task, *, whole=True):
    """Assert that every point marked as run has its values; return how many there are."""
    from spacecharge.store import read_results

    results = read_results(path)
    n = task.layout.n_points
    status = results["status"].reshape(n)
    done = status != -1
    if whole:
        assert done.all()
    right = expected(task)
    for variable in task.layout.variables:
        values = results[variable.path].reshape(n, *task.layout.point_shape(variable))
        np.testing.assert_array_equal(values[done], right[variable.path][done])
    return int(done.sum())


def main():
    from spacecharge.cli import EXIT_INTERRUPTED, EXIT_SYSTEM
    from spacecharge.errors import EXIT_BAD_INPUT, StoreError, SystemStop
    from spacecharge.sweeping.engine import run_task
    from spacecharge.sweeping.pools import ThreadPool

    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--points", type=int, default=400)
    parser.add_argument("--delay", type=float, default=0.01)
    parser.add_argument("--commit", type=float, default=0.5)
    parser.add_argument("--file-limit", type=int, default=0)
    args = parser.parse_args()
    import spacecharge.sweeping.engine as engine

    engine.COMMIT_SECONDS = args.commit
    if args.file_limit:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (args.file_limit, args.file_limit))
    task = FakeTask(fake_layout((args.points // 2, 2), n_x=20), chunk_points=8, delay=args.delay)
    try:
        report = run_task(task, Path(args.path), lambda t: ThreadPool(t, 2), resume=True, workers=2)
    except SystemStop as stop:
        print(stop, file=sys.stderr)
        return EXIT_SYSTEM
    except StoreError as refusal:
        print(refusal, file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    print(report.n_resumed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
