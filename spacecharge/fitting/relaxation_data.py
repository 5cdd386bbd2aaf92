"""Relaxation times of a table as one vector of logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..config.fit_keys import FitConfig
from ..errors import FitError
from .problem import Array
from .setup import DataTable, distinct, table_of

TIMES = ("T1", "T2", "T1rho")
ACCEPTED = {"bpp": TIMES, "quadrupolar": ("T1",), "anderson_weiss": ("T2",), "break": ("T2",)}


class RelaxationData:
    """Relaxation times of all columns as one vector of logarithms."""

    def __init__(self, config: FitConfig) -> None:
        table = table_of(config, ("temperature",))
        self.notes = table.notes
        accepted = ACCEPTED[config.model["kind"]]
        logs, sigmas, limits, self.kinds = [], [], [], []
        bound = table.get("limit")
        for kind in TIMES:
            rate = f"R{kind[1:]}"
            if kind in table and rate in table:
                raise FitError(f"data.columns: {kind} and {rate} are the same quantity: give one")
            stem = kind if kind in table else rate if rate in table else None
            if stem is None:
                continue
            if kind not in accepted:
                raise FitError(f"the model {config.model['kind']} describes {', '.join(accepted)}, not {kind}")
            sign = 1.0 if stem == kind else -1.0
            value = table[stem]
            self.kinds.append(kind)
            logs.append(sign * np.log(value))
            sigmas.append(table[f"sigma_{stem}"] / value if f"sigma_{stem}" in table else None)
            if bound is not None:
                limits.append((sign * bound).astype(np.int8))
        if not logs:
            columns = ", ".join(f"{k}_s or R{k[1:]}_per_s" for k in accepted)
            raise FitError(f"{config.path}: data.columns: one of {columns} is needed")
        if any(s is None for s in sigmas) and any(s is not None for s in sigmas):
            raise FitError("either every relaxation time has an error column or none")
        repeat, n = len(logs), table["temperature"].size
        self.y = np.concatenate(logs)
        self.sigma = None if sigmas[0] is None else np.concatenate([s for s in sigmas if s is not None])
        self.limit = np.concatenate(limits) if limits else None
        self.temperature = np.tile(table["temperature"], repeat)
        self.kind_index = np.repeat(np.arange(repeat), n)
        self.series, self.names = self._curves(table)
        self.larmor = self._frequency(config, table, "larmor_frequency", "MHz", 1e6)
        self.lock = self._frequency(config, table, "spin_lock_frequency", "kHz", 1e3)
        self.temperatures, self.index = distinct(self.temperature)

    def _frequency(self, config: FitConfig, table: DataTable, stem: str, unit: str, factor: float) -> Array:
        """Return the angular frequency of every datum; zero where none is given [rad/s]."""
        given = config.model.get(f"{stem}_{unit}")
        constant = np.full(table["temperature"].size, factor * float(given or 0.0))
        return np.tile(2.0 * math.pi * table.get(stem, constant), len(self.kinds))

    def _curves(self, table: DataTable) -> tuple[NDArray[np.intp], tuple[str, ...]]:
        """Return which curve a datum belongs to, and their names: one for each time and each frequency."""
        known = (("larmor_frequency", "MHz", 1e6), ("spin_lock_frequency", "kHz", 1e3))
        frequencies = [entry for entry in known if entry[0] in table]
        if not frequencies:
            return self.kind_index.astype(np.intp), tuple(self.kinds)
        rows = np.column_stack([table[stem] / factor for stem, _, factor in frequencies])
        different, place = np.unique(rows, axis=0, return_inverse=True)
        units = [unit for _, unit, _ in frequencies]
        words = [", ".join(f"{v:g} {unit}" for v, unit in zip(row, units, strict=True)) for row in different]
        series = self.kind_index * len(words) + np.tile(place.ravel(), len(self.kinds))
        return series.astype(np.intp), tuple(f"{kind}, {text}" for kind in self.kinds for text in words)


def one_flank_advice(values: NDArray[np.float64], names: Sequence[str]) -> str:
    """Return what to do where a relaxation time leaves numbers of its spectral density open."""
    if "beta" not in names:
        return ""
    return (
        "one flank of a relaxation time gives its slope and height alone: fix beta, or add the other flank, another "
        "frequency or another time (T2, T1rho)"
    )
