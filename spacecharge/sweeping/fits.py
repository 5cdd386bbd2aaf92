"""Sweeps over fits: the same data under many models, or many data sets, with the engine of all sweeps."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..codes import FIT_FLAGS, FIT_WORDS, Status
from ..errors import FitError, FitReason, SpaceChargeError
from ..fitting.kinds import kind_of
from ..fitting.load import config_at, sweep_point, sweep_shape
from ..fitting.result import FitResult
from ..fitting.run import build
from ..model.numbers import long_name
from ..store.layout import Coordinate, Layout, Variable
from ..store.provenance import provenance
from ..units import NO_UNIT, Unit, coordinate_name, unit_of
from .engine import RunReport, run_task
from .pools import Pool, ThreadPool
from .task import Task

CHUNK_POINTS = 4
"""A fit takes some 30 ms; a chunk is what a kill may cost and what progress counts."""


def run_fit_sweep(
    config: Any, path: str | os.PathLike[str], *, overwrite: bool = False, quiet: bool = True, workers: int = 1
) -> RunReport:
    """Fit at every point of a configuration's sweep and write the result file.

    An unfinished file of the same configuration is gone on with; a finished one is not touched unless
    `overwrite` is given.

    Parameters
    ----------
    config : FitConfig or another configuration
        With a sweep.
    path : path
        Result file.
    overwrite : bool
        Replace the points of an existing file; fits stored in it stay.
    quiet : bool
        No progress on stderr.
    workers : int
        Threads. Python holds most of a fit, so more than one seldom helps.

    Returns
    -------
    RunReport
        Path, statuses and time.

    Raises
    ------
    StoreError
        The file exists, is in use or cannot be written.
    SystemStop
        Disk full; the file can be resumed by the same command.
    """
    from ..store import output_file, read_results

    task = FitTask(config)
    target = output_file(path)
    unfinished = target.exists() and not overwrite and not read_results(target).is_complete

    def make_pool(task: Task) -> Pool:
        return ThreadPool(task, workers)

    return run_task(task, target, make_pool, resume=unfinished, overwrite=overwrite, workers=workers, quiet=quiet)


@dataclass(frozen=True)
class FitTask:
    """Every point of a swept fit; see :class:`~spacecharge.sweeping.task.Task`.

    Parameters
    ----------
    config : FitConfig or another configuration
        With a sweep.
    """

    config: Any

    def point(self, index: int) -> dict[str, Any]:
        """Return dotted path to value of one point, in the order of the file."""
        return sweep_point(self.config, index)

    @cached_property
    def layout(self) -> Layout:
        """Axes, coordinates and variables of the result file."""
        coordinates = [_coordinate(path, values) for path, values in self.config.sweep.items()]
        variables = [
            Variable(
                name="status",
                dtype="i4",
                long_name="status of the fit",
                attributes={
                    "flag_values": np.array([*FIT_WORDS], dtype=np.int32),
                    "flag_meanings": FIT_FLAGS,
                },
            ),
            Variable(name="chi2_reduced", long_name="reduced chi-square"),
            Variable(name="n_data", dtype="i4", long_name="number of data"),
        ]
        for name, (unit, words) in self._quantities.items():
            variables.append(Variable(name=name, units=unit, long_name=words))
            variables.append(Variable(name=f"sigma_{name}", units=unit, long_name=f"one sigma of {words}"))
            for end in ("lower", "upper"):
                what = f"{end} end of the interval of {words} (level {self._level:g})"
                variables.append(Variable(name=f"{end}_{name}", units=unit, long_name=what))
        return Layout(
            sweep=tuple(c.name for c in coordinates),
            shape=sweep_shape(self.config),
            coordinates=tuple(coordinates),
            variables=tuple(variables),
            attributes={
                "Conventions": "CF-1.10",
                "title": self.config.title,
                **provenance(),
                "config_yaml": self.config.text,
                "config_sha256": hashlib.sha256(self.config.text.encode()).hexdigest(),
                "kind": f"fit {self.config.kind}",
            },
        )

    @property
    def _level(self) -> float:
        level = self.config.raw.get("level", 0.9545)
        return float(level)

    @cached_property
    def _quantities(self) -> dict[str, tuple[str, str]]:
        """Parameters and derived quantities that any point has, with unit and words."""
        found: dict[str, tuple[str, str]] = {}
        reason: SpaceChargeError | None = None
        for point in self._structural():
            try:
                setup = build(config_at(self.config, point))
            except SpaceChargeError as error:
                reason = error
                continue
            for p in setup.problem.parameters:
                found.setdefault(p.name, (p.unit, p.long_name or p.name))
            for q in setup.derived:
                found.setdefault(q.name, (q.unit, q.long_name))
        if not found:
            raise reason or FitError(f"{self.config.path}: the sweep has no points")
        return found

    def _structural(self) -> Iterator[dict[str, Any]]:
        """Yield points that together have every parameter: names change what is fitted, numbers do not.

        Every combination of the swept names is tried at the first numbers and, where those cannot be built, at the
        last ones.
        """
        axes = self.config.sweep
        names = [path for path, values in axes.items() if any(isinstance(v, str) for v in values)]
        for chosen in product(*(dict.fromkeys(axes[path]) for path in names)):
            for place in (0, -1):
                yield {path: values[place] for path, values in axes.items()} | dict(zip(names, chosen, strict=True))

    @property
    def chunk_points(self) -> int:
        """Points per chunk."""
        return CHUNK_POINTS

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the configuration, the data it names and the version."""
        digest = hashlib.sha256(f"{__version__}\n{self.config.text}".encode())
        folder = Path(self.config.path).parent
        data = self.config.raw.get("data")
        given = data.get("path") if isinstance(data, Mapping) else None
        for path in sorted({str(name or "") for name in self.config.sweep.get("data.path", [given])}):
            source = folder / os.path.expanduser(path)
            if path and source.is_file():
                digest.update(source.read_bytes())
        return digest.hexdigest()

    def evaluate(self, lo: int, hi: int) -> Mapping[str, NDArray[Any]]:
        """Return every output of points lo to hi - 1, by path."""
        out: dict[str, NDArray[Any]] = {
            v.path: np.full(hi - lo, v.fill_value, dtype=v.numpy_dtype) for v in self.layout.variables
        }
        for row, index in enumerate(range(lo, hi)):
            out["status"][row], _ = self._fit(index, row, out)
        return out

    def _fit(self, index: int, row: int, out: dict[str, NDArray[Any]] | None) -> tuple[int, str]:
        """Fit one point into `out`; return its status and the reason of a failure."""
        try:
            config = config_at(self.config, self.point(index))
            result = kind_of(config.kind).run(config)
        except FitError as error:
            status = Status.NOT_CONVERGED if error.reason is FitReason.NOT_CONVERGED else Status.INVALID_POINT
            return status, str(error)
        except SpaceChargeError as error:
            return Status.INVALID_POINT, str(error)
        assert isinstance(result, FitResult)  # only kinds that fit parameters are swept
        if out is not None:
            out["chi2_reduced"][row] = result.chi2_reduced
            out["n_data"][row] = result.n_data
            for name, value in (result.parameters | result.derived).items():
                if name in out:
                    out[name][row] = value.value
                    out[f"sigma_{name}"][row] = value.sigma
                    out[f"lower_{name}"][row], out[f"upper_{name}"][row] = value.lower, value.upper
        return Status.SOLVED, ""

    def explain(self, index: int, status: int) -> str:
        """Return one line about a failed point."""
        where = ", ".join(f"{path} = {value}" for path, value in self.point(index).items())
        _, reason = self._fit(index, 0, None)
        return f"point {index} ({where}): {reason}"


def _coordinate(path: str, values: list[Any]) -> Coordinate:
    """Return the axis of one swept key, in SI."""
    parts = path.split(".")
    quantity = parts[:-1] if parts[-1] in ("initial", "min", "max", "fixed") else parts
    unit: Unit = unit_of(".".join(quantity))
    name = coordinate_name(".".join(quantity), 1)
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        # An energy stays in eV: fitted ones are written in eV, as their names say.
        if unit.suffix == "_eV":
            unit = Unit("_eV", "eV", "eV", 1.0)
        numbers = np.array([unit.factor * float(v) if math.isfinite(v) else math.nan for v in values])
        return Coordinate(name=name, values=numbers, units=unit.si, long_name=long_name(".".join(quantity), 1))
    text = np.array([str(v) for v in values], dtype=object)
    return Coordinate(name=name, values=text, units=NO_UNIT.si, long_name=long_name(".".join(quantity), 1))
