"""Exchange data: columns of intensities as one vector of the exchanged fraction, or of every intensity in turn."""

from __future__ import annotations

from copy import copy

import numpy as np

from ..config.fit_keys import FitConfig
from ..errors import FitError
from ..store.stored_fit import FitTable
from .least_squares import Array
from .setup import DataTable, between_times, distinct, limits_of, table_of


class ExchangeData:
    """Rows of the file as one vector: the exchanged fraction, or every intensity in turn."""

    def __init__(self, config: FitConfig) -> None:
        sites = config.model.get("sites", ["A", "B"])
        self.warnings: list[str] = []
        self.tables: dict[str, FitTable] = {}
        if "bruker_2d" in config.data:
            from .exchange_spectra import spectra_table

            table, said, self.tables = spectra_table(config)
            self.warnings += said
        else:
            table = table_of(config, ("temperature", "mixing_time"))
        if config.data["observable"] == "fraction":
            table = _without_noise(table)
        self.notes = table.notes
        n = table["mixing_time"].size
        self.pairs: list[tuple[int, int]] = []
        names, sigmas = [], []
        if config.data["observable"] == "fraction":
            self.y, self.sigma = _fraction(table, self.warnings, one_level=bool(config.data.get("one_noise_level")))
            self.pairs = [(0, 1)]
            names = ["exchanged fraction"]
        else:
            ys = []
            for i, a in enumerate(sites):
                for j, b in enumerate(sites):
                    key = f"diagonal_{a}" if i == j else f"cross_{a}{b}"
                    if key in table:
                        self.pairs.append((i, j))
                        names.append(key)
                        ys.append(table[key])
                        sigmas.append(table.get(f"sigma_{key}"))
            if not ys:
                raise FitError(f"{config.path}: data.columns: no diagonal_A, cross_AB, ... among the columns")
            self.y = np.concatenate(ys)
            known = next((s for s in sigmas if s is not None), None)
            if known is not None and any(s is None for s in sigmas):
                self.warnings.append(
                    "intensities without an error column take the error of the others (one noise level)"
                )
            self.sigma = None if known is None else np.concatenate([known if s is None else s for s in sigmas])
        repeat = len(self.pairs)
        self.time = np.tile(table["mixing_time"], repeat)
        self.temperature = np.tile(table["temperature"], repeat)
        self.series = np.repeat(np.arange(repeat), n)
        self.names = tuple(names)
        self.limit = limits_of(table, self.y.size)
        self.temperatures, self.index = distinct(self.temperature)

    def dense(self) -> ExchangeData:
        """Return the same curves at many mixing times, from the shortest to the longest of each."""
        other = copy(self)
        other.time, place = between_times(self.time, self.series * self.temperatures.size + self.index)
        other.y = self.y[place]
        other.temperature, other.series, other.index = self.temperature[place], self.series[place], self.index[place]
        other.sigma, other.limit = None, None
        return other

    @property
    def middle_time(self) -> float:
        """A mixing time in the middle of those above zero [s]."""
        positive = self.time[self.time > 0.0]
        if not positive.size:
            raise FitError("every mixing time is zero")
        return float(np.exp(np.mean(np.log(positive))))


_ABOVE_NOISE = 3.0
"""Sum of intensities over its noise below which their quotient says nothing."""


def _without_noise(table: DataTable) -> DataTable:
    """Leave out rows whose signal has decayed into noise: their fraction is a quotient of noise.

    Without error columns the most negative intensity tells the noise.
    """
    if "fraction" in table or not {"cross_AB", "diagonal_A"} <= table.keys():
        return table
    cross, diagonal = table["cross_AB"], table["diagonal_A"]
    errors = [table[key] for key in ("sigma_cross_AB", "sigma_diagonal_A") if key in table]
    noise = np.hypot(errors[0], errors[-1]) if errors else -min(0.0, float(cross.min()), float(diagonal.min()))
    lost = cross + diagonal <= _ABOVE_NOISE * noise
    if not np.any(lost):
        return table
    if np.all(lost):
        raise FitError(f"{table.path}: row 1: cross_AB + diagonal_A is not above 0 or its noise, as in every row")
    return table.without(lost, "cross_AB + diagonal_A is not above its noise, the signal has decayed")


_UNEVEN = 3.0
"""Ratio of the errors of two fractions from which on equal weights are spoken of."""


def _fraction(table: dict[str, Array], warnings: list[str], *, one_level: bool) -> tuple[Array, Array | None]:
    """Return the exchanged fraction cross / (cross + diagonal) and its error.

    With `one_level` intensities without errors have one and the same, of a size that the scatter tells: the error of
    their quotient then grows as the signal decays.
    """
    if "fraction" in table:
        return table["fraction"], table.get("sigma_fraction")
    for key in ("diagonal_A", "cross_AB"):
        if key not in table:
            raise FitError(f"data.columns: {key} is missing (or give a column fraction)")
    cross, diagonal = table["cross_AB"], table["diagonal_A"]
    total = cross + diagonal
    sigma_cross, sigma_diagonal = table.get("sigma_cross_AB"), table.get("sigma_diagonal_A")
    if sigma_cross is None and sigma_diagonal is None:
        grown = np.hypot(diagonal, cross) / total**2
        if one_level:
            return cross / total, grown
        if grown.max() > _UNEVEN * grown.min():
            warnings.append(
                "every fraction weighs the same, though with one noise level of the intensities the errors differ "
                f"{grown.max() / grown.min():.2g} times and those given here are too small: give columns with errors, "
                "or data.one_noise_level: true"
            )
        return cross / total, None
    if one_level:
        raise FitError("data.one_noise_level: stands beside columns with errors; give either")
    if sigma_cross is None or sigma_diagonal is None:
        warnings.append("one of cross_AB and diagonal_A has no error column: both take the same (one noise level)")
        sigma_cross = sigma_diagonal = sigma_cross if sigma_diagonal is None else sigma_diagonal
    assert sigma_cross is not None and sigma_diagonal is not None
    return cross / total, np.hypot(diagonal * sigma_cross, cross * sigma_diagonal) / total**2
