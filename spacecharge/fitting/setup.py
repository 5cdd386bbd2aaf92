"""What a kind of fit hands to the general machinery: parameters from rules, data in SI, what to derive."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config.fit_keys import FitConfig, ParameterSpec
from ..document.yaml import beside
from ..errors import FitError
from ..nmr.arrhenius import arrhenius
from ..nmr.parameters import FALLING, Rule, energy_of
from ..store.stored_fit import FitTable
from .least_squares import Array, Estimate, Parameter, Problem, minimise

Rows = slice | NDArray[np.intp]
Predict = Callable[[Array, Rows], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One value per datum, for the result file and the figures."""

    values: Array
    unit: str
    long_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number that follows from the parameters.

    Parameters
    ----------
    name, unit, long_name : str
        As reported; SI.
    function : callable
        ``function(values (n_parameters,)) -> float``.
    many : callable, optional
        The same of many rows at once, where that costs less: ``many(rows (n, n_parameters)) -> (n,)``.
    """

    name: str
    unit: str
    long_name: str
    function: Callable[[Array], float]
    many: Callable[[Array], Array] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A parameter of which the data say on which side of a value it lies, and no more.

    Parameters
    ----------
    lower, upper : float
        Ends; zero or infinite on the open side.
    text : str
        One line for the reader.
    """

    lower: float
    upper: float
    text: str


def _no_bounds(estimate: Estimate, level: float) -> Mapping[str, Bound]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A fit ready to run.

    Parameters
    ----------
    problem : Problem
        Parameters, prediction, data.
    predict : callable
        ``predict(values, rows) -> (n_rows,)``, the prediction of some of the data.
    columns : dict of str to Column
        What the data are plotted against, (n_data,) each.
    quantity : Column
        Unit and name of the data (its values are the data).
    series : ndarray of int, shape (n_data,)
        Which curve a datum belongs to.
    series_names : tuple of str
        Names of the curves.
    temperature_index : ndarray of int, shape (n_data,)
        Position in `temperatures`.
    temperatures : ndarray, shape (n_temperatures,)
        Different temperatures, ascending [K].
    laws : tuple of str
        Parameters with an Arrhenius law that each temperature can give alone.
    derived : tuple of Quantity
        What follows from the parameters.
    warnings, notes : tuple of str
        What a reader has to know; which choices were made.
    is_log : bool
        Data and prediction are natural logarithms of the quantity.
    limits : tuple of (str, float)
        Parameters that may be superfluous, with the value at which they no longer act. A fit that gets
        on without one of them is refused: the pair would mean nothing.
    tables : mapping of str to FitTable
        What is written beside the fit as it is, by name.
    search : callable
        Finds the minimum.
    order : ndarray, shape (n_data,), optional
        What the data of a series are ordered by when their residuals are looked at; default: the temperature.
    bounds : callable
        ``bounds(estimate, level)`` returns the parameters that the data bound on one side only.
    dense : Setup, optional
        The same law where nothing was measured, with which figures draw it smoothly.
    """

    problem: Problem
    predict: Predict
    columns: dict[str, Column]
    quantity: Column
    series: NDArray[np.intp]
    series_names: tuple[str, ...]
    temperature_index: NDArray[np.intp]
    temperatures: Array
    laws: tuple[str, ...] = ()
    derived: tuple[Quantity, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_log: bool = False
    limits: tuple[tuple[str, float], ...] = ()
    tables: Mapping[str, FitTable] = field(default_factory=dict)
    search: Callable[[Problem], Estimate] = minimise
    order: Array | None = None
    bounds: Callable[[Estimate, float], Mapping[str, Bound]] = _no_bounds
    dense: Setup | None = None


class ParameterSet:
    """Parameters made of rules and of what the configuration says, and their places.

    Parameters
    ----------
    rules : sequence of Rule
        Of the model.
    specs : mapping of str to ParameterSpec
        From the configuration.
    temperatures : ndarray, shape (n_temperatures,), optional
        Those at which a parameter that differs between temperatures has values [K]; default: one.
    defaults : mapping of str to float, optional
        First values where neither rule nor configuration gives one.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        specs: Mapping[str, ParameterSpec],
        temperatures: Array | None = None,
        defaults: Mapping[str, float | Sequence[float]] | None = None,
    ) -> None:
        self.parameters: list[Parameter] = []
        self.places: dict[str, list[int]] = {}
        self.searched: list[str] = []
        n_temperatures = 1 if temperatures is None else temperatures.size
        for rule in rules:
            spec = specs.get(rule.name)
            if rule.optional and spec is None:
                continue
            made = self._make(rule, spec or ParameterSpec(), (defaults or {}).get(rule.name))
            repeat = n_temperatures if rule.per_temperature and not made[0].fixed else 1
            self.places[rule.name] = list(range(len(self.parameters), len(self.parameters) + repeat))
            for k in range(repeat):
                one = made[min(k, len(made) - 1)]
                if repeat > 1 and temperatures is not None:
                    words = f"{rule.long_name} at {temperatures[k]:g} K"
                    one = replace(one, name=f"{rule.name}_{k + 1}", long_name=words)
                self.parameters.append(one)

    def _make(self, rule: Rule, spec: ParameterSpec, default: float | Sequence[float] | None) -> list[Parameter]:
        low = rule.minimum if spec.minimum is None else spec.minimum
        high = rule.maximum if spec.maximum is None else spec.maximum
        fixed = spec.fixed is not None or (rule.fixed and spec == ParameterSpec())
        if spec.fixed is not None:
            starts: list[float] = [spec.fixed]
        elif spec.initial is not None:
            starts = [spec.initial]
        else:
            given = rule.initial if default is None else default
            if given is None:
                raise FitError(f"{rule.name}: a first value is needed (parameters.{rule.name}.initial)")
            starts = list(given) if isinstance(given, Sequence) else [given]
            if rule.search:
                self.searched.append(rule.name)
        return [
            Parameter(
                name=rule.name,
                unit=rule.unit,
                long_name=rule.long_name,
                log=rule.log,
                fixed=fixed,
                minimum=low,
                maximum=high,
                initial=float(np.clip(start, low, high)),
            )
            for start in starts
        ]

    def __contains__(self, name: str) -> bool:
        return name in self.places

    def place(self, name: str) -> int:
        """Return the position of a parameter with one value."""
        return self.places[name][0]

    def get(self, values: Array, name: str, default: float) -> float:
        """Return the value of a parameter, or a default where the model has none."""
        return float(values[self.places[name][0]]) if name in self.places else default

    def column(self, values: Array, name: str, default: float) -> Array:
        """Return the same of many rows of values (n_rows, n_parameters) -> (n_rows,)."""
        return values[:, self.places[name][0]] if name in self.places else np.full(values.shape[0], default)

    def per_datum(self, name: str, index: NDArray[np.intp]) -> Callable[[Array, Rows], Array]:
        """Return ``f(values (..., n_parameters), rows)``: the value for each datum of a parameter that may differ."""
        places = np.array(self.places[name])
        which = places[index] if places.size > 1 else np.full(index.shape, places[0])
        return lambda values, rows: np.asarray(values[..., which[rows]])

    def law(self, name: str, temperature: Array, reference_K: float) -> Callable[[Array, Rows], Array]:
        """Return ``f(values, rows)``: an Arrhenius law at the temperature of each datum."""
        energy = energy_of(name)
        value = self.place(name)
        if energy is None or energy not in self.places:
            return lambda values, rows: np.full(temperature[rows].shape, values[value])
        sign = -1.0 if name in FALLING else 1.0
        place = self.place(energy)
        return lambda values, rows: arrhenius(
            temperature[rows], float(values[value]), sign * float(values[place]), reference_K
        )

    def starts(self, grids: Mapping[str, Sequence[float]]) -> tuple[Array, ...]:
        """Return starting points: every combination of the grids of searched parameters."""
        from itertools import product

        wanted = [name for name in grids if name in self.searched]
        first = np.array([p.initial for p in self.parameters])
        points = []
        for combination in product(*(grids[name] for name in wanted)):
            point = first.copy()
            for name, value in zip(wanted, combination, strict=True):
                for place in self.places[name]:
                    p = self.parameters[place]
                    point[place] = float(np.clip(value, p.minimum, p.maximum))
            points.append(point)
        return tuple(points)


class DataTable(dict[str, Array]):
    """Columns of a data file by stem, in SI, with where they stand and what was left out.

    Attributes
    ----------
    path : str
        The file.
    lines : ndarray of int, shape (n_rows,)
        Line of every row.
    notes : tuple of str
        What was left out, how the file was read.
    """

    path: str = ""
    lines: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    notes: tuple[str, ...] = ()

    def without(self, rows: NDArray[np.bool_], why: str) -> DataTable:
        """Return the table without some rows, which are named in a note."""
        out = DataTable({stem: values[~rows] for stem, values in self.items()})
        out.path, out.lines = self.path, self.lines[~rows]
        where = ", ".join(str(line) for line in self.lines[rows][:8])
        more = f" and {int(np.sum(rows)) - 8} more" if np.sum(rows) > 8 else ""
        noun = "line" if np.sum(rows) == 1 else "lines"
        out.notes = (*self.notes, f"{self.path}: {noun} {where}{more} left out: {why}")
        return out


def table_of(config: FitConfig, needed: Sequence[str]) -> DataTable:
    """Read the columns of a configuration's table, with its constant temperature filled in.

    Raises
    ------
    FitError
        A column is missing or holds something that no experiment gives.
    """
    from ..measured.columns import check_columns, read_rows, role_of

    columns = {str(k): str(v) for k, v in config.data["columns"].items()}
    stems = {role_of(key).stem for key in columns}
    missing = [
        stem
        for stem in needed
        if stem not in stems and not (stem == "temperature" and config.data.get("temperature_K"))
    ]
    if missing:
        raise FitError(f"{config.path}: data.columns: {', '.join(missing)} is missing")
    path = beside(config.path, str(config.data["path"]))
    read, source = read_rows(path, columns, config.data.get("decimal"))
    table = DataTable(read)
    table.path, table.lines, table.notes = path, source.lines, source.notes
    if "temperature" not in table and config.data.get("temperature_K"):
        n = next(iter(table.values())).size
        table["temperature"] = np.full(n, float(config.data["temperature_K"]))
    check_columns(path, table, table.lines)
    return table


def distinct(temperature: Array) -> tuple[Array, NDArray[np.intp]]:
    """Return the different temperatures and the place of each datum among them."""
    values, index = np.unique(temperature, return_inverse=True)
    return values, index.astype(np.intp)


_DENSE = 81
"""Times of a smooth curve."""

WIDE = 30.0
"""Longest over shortest time from which on figures have a logarithmic axis."""


def between_times(time: Array, curve: NDArray[np.intp]) -> tuple[Array, NDArray[np.intp]]:
    """Return many times from the shortest to the longest of each curve, and the datum each stands for."""
    times, kept = [], []
    for k in np.unique(curve):
        rows = np.flatnonzero(curve == k)
        positive = time[rows][time[rows] > 0.0]
        low, high = float(time[rows].min()), float(time[rows].max())
        if positive.size and high > WIDE * positive.min():
            times.append(np.geomspace(positive.min(), high, _DENSE))
        else:
            times.append(np.linspace(low, high, _DENSE))
        kept.append(np.full(_DENSE, rows[0]))
    return np.concatenate(times), np.concatenate(kept)


def limits_of(table: Mapping[str, Array], n: int) -> NDArray[np.int8] | None:
    """Return the column `limit` as kinds of data: 0 measured, -1 at most, +1 at least."""
    if "limit" not in table:
        return None
    limit = table["limit"]
    if not np.all(np.isin(limit, (-1.0, 0.0, 1.0))):
        raise FitError("the column limit holds 0 (measured), -1 (at most) or 1 (at least) only")
    return np.tile(limit.astype(np.int8), n // limit.size)


def transport_number(config: FitConfig, key: str) -> float:
    """Return a number of the transport section, NaN where it is not given."""
    value: Any = config.transport.get(key)
    return math.nan if value is None else float(value)
