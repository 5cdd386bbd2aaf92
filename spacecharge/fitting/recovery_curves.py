"""Recovery curves of one experiment: their prediction, where their fit begins, and what they cannot tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np

from ..config.fit_keys import FitConfig, ParameterSpec
from ..errors import FitError, FitReason
from ..nmr.arrhenius import arrhenius_regression
from ..nmr.parameters import energy_of, rules_for
from ..nmr.recovery import recovery_curve, relaxing_part
from .least_squares import minimise
from .problem import Array, Estimate, Problem
from .recovery_starts import Curve, starting_points
from .setup import Bound, DataTable, ParameterSet, Rows, between_times, distinct, limits_of

_MOST_POINTS = 200
"""Points of a curve on which the starting points are compared."""

_GONE = 20.0
"""First delay over a time constant from which on nothing of the relaxing part is left in the data."""

_NOT_BEGUN = 1e4
"""Time constant over the last delay from which on the relaxing part is a straight line in the data."""

_LEAST_SIZE, _LARGEST_SIZE = 1e-100, 1e100
"""Intensities whose squares neither vanish nor overflow."""

_DIGITS = 1e-8
"""Part of the largest intensity below which a difference is rounding of the file: no curve is known better."""

_FLAT = 20.0
"""Fall of chi-square (of two parameters) below which a relaxing part may be noise: 1 of 20,000."""

_TIMES = ("time_constant_s", "time_constant_2_s")


class RecoveryCurves:
    """The curves of a configuration.

    Parameters
    ----------
    config : FitConfig
        Of kind ``recovery``.
    table : DataTable
        ``delay``, ``intensity``, perhaps ``sigma_intensity`` and ``limit``.
    temperature : ndarray, shape (n_data,)
        [K].
    """

    def __init__(self, config: FitConfig, table: DataTable, temperature: Array) -> None:
        self.config, self.table, self.temperature = config, table, temperature
        self.model, self.sequence = config.model, str(config.model["sequence"])
        self.temperatures, self.index = distinct(temperature)
        self.lawful = self.model["temperature_law"] == "arrhenius"
        self.warnings: list[str] = []
        for k in range(self.temperatures.size):
            self._look_at(k)
        self.parameters = ParameterSet(
            rules_for("recovery", self.model), config.parameters, self.temperatures, self._first_values()
        )
        self._at = self._laws()

    def _laws(self) -> dict[str, Any]:
        """Return what every parameter is at each datum, by name."""
        reference = self.config.reference_temperature_K
        return {
            name: self.parameters.law(name, self.temperature, reference)
            if self.lawful and name in _TIMES
            else self.parameters.per_datum(name, self.index)
            for name in self.parameters.places
        }

    def dense(self) -> RecoveryCurves:
        """Return the same curves at many delays, from the shortest to the longest of each."""
        other = copy(self)
        delay, place = between_times(self.table["delay"], self.index)
        other.table = DataTable(delay=delay, intensity=self.table["intensity"][place])
        other.temperature, other.index = self.temperature[place], self.index[place]
        other._at = other._laws()
        return other

    def _curve(self, k: int) -> tuple[Array, Array, Array]:
        """Return delay, intensity and weight of one curve, ordered by delay."""
        rows = np.flatnonzero(self.index == k)
        rows = rows[np.argsort(self.table["delay"][rows], kind="stable")]
        sigma = self.table.get("sigma_intensity")
        weight = np.ones(rows.size) if sigma is None else 1.0 / sigma[rows]
        return self.table["delay"][rows], self.table["intensity"][rows], weight

    def _look_at(self, k: int) -> None:
        """Refuse a curve without delays, and say where an inversion shows no change of sign."""
        delay, y, _ = self._curve(k)
        if not np.any(delay > 0.0):
            raise FitError("every delay is zero", FitReason.DATA)
        size, where = np.abs(y), self._where(k)
        if not np.any(size > 0.0):
            raise FitError(f"every intensity{where} is zero", FitReason.DATA)
        if not _LEAST_SIZE <= float(size.max()) <= _LARGEST_SIZE:
            raise FitError(
                f"the largest intensity{where} is {size.max():g} (allowed: {_LEAST_SIZE:g} to {_LARGEST_SIZE:g}); "
                "give the intensities in another unit",
                FitReason.DATA,
            )
        if self.sequence != "inversion" or self.model["magnitude"] or y.size < 4 or np.min(y) < 0.0 < np.max(y):
            return
        lowest = int(np.argmin(size))
        if 0 < lowest < y.size - 1 and size[lowest] < 0.5 * min(size[0], size[-1]):
            raise FitError(
                f"the intensities{where} fall and rise without a change of sign, as magnitudes of an inversion "
                "recovery do: fit them with model.magnitude: true, or give them with their sign",
                FitReason.DATA,
            )
        self.warnings.append(
            f"the intensities{where} do not change sign: the inversion is less than half, or the delays start late"
        )

    def _where(self, k: int) -> str:
        return "" if self.temperatures.size == 1 else f" at {self.temperatures[k]:g} K"

    def _known(self) -> dict[str, float]:
        """Return what is fixed or given for every curve, by parameter."""
        known = {}
        for rule in rules_for("recovery", self.model):
            spec = self.config.parameters.get(rule.name, ParameterSpec())
            if spec.fixed is not None or spec.initial is not None:
                known[rule.name] = float(spec.fixed if spec.fixed is not None else spec.initial or 0.0)
            elif rule.fixed and spec == ParameterSpec():
                known[rule.name] = float(rule.initial or 0.0)
        if self.lawful:
            # A given value belongs to the reference temperature, a curve to its own.
            known = {name: value for name, value in known.items() if name not in _TIMES}
        return known

    def _first_values(self) -> dict[str, float | list[float]]:
        """Return the first value of every parameter, from fits of single curves."""
        alone = [self._best_alone(k) for k in range(self.temperatures.size)]
        values: dict[str, float | list[float]] = {name: [point[name] for point in alone] for name in alone[0]}
        if not self.lawful:
            return values
        for name in ("stretching", "fraction"):
            values[name] = float(np.median(np.asarray(values[name])))
        for name in _TIMES:
            times = np.asarray(values[name])
            found = arrhenius_regression(
                self.temperatures, times, np.full(times.size, 0.1), reference_K=self.config.reference_temperature_K
            )
            energy = energy_of(name)
            assert energy is not None
            values[name], values[energy] = found.value, -found.activation_energy_eV
        return values

    def _best_alone(self, k: int) -> dict[str, float]:
        """Return the best parameters of one curve, gone on to from every starting point."""
        delay, y, weight = self._curve(k)
        few = np.unique(np.linspace(0, delay.size - 1, min(delay.size, _MOST_POINTS)).astype(np.intp))
        curve = Curve(
            delay=delay[few],
            intensity=y[few],
            weight=weight[few],
            shape=str(self.model["kind"]),
            sequence=self.sequence,
            magnitude=bool(self.model["magnitude"]),
            known=self._known(),
        )
        points = starting_points(curve)
        if self.model["kind"] == "exponential" and not self.model["magnitude"]:
            return points[0]
        best, least = points[0], math.inf
        for point in points:
            try:
                estimate = minimise(self._alone(curve, point), check_rank=False)
            except FitError:
                continue
            if estimate.height < least:
                best, least = (
                    point | dict(zip(estimate.problem.names, estimate.values.tolist(), strict=True)),
                    estimate.height,
                )
        return best

    def _alone(self, curve: Curve, point: Mapping[str, float]) -> Problem:
        """Return the fit of one curve from one starting point."""
        rules = rules_for("recovery", {**self.model, "temperature_law": "each"})
        specs = {n: s for n, s in self.config.parameters.items() if not (self.lawful and n in _TIMES)}
        parameters = ParameterSet(rules, specs, None, point)

        def predict(values: Array) -> Array:
            named = {name: values[places[0]] for name, places in parameters.places.items()}
            return self._signal(curve.delay, named)

        return Problem(
            parameters=tuple(parameters.parameters), predict=predict, data=curve.intensity, sigma=1.0 / curve.weight
        )

    def _signal(self, delay: Array, values: Mapping[str, Any]) -> Array:
        relaxing = relaxing_part(
            delay,
            str(self.model["kind"]),
            time_constant=values["time_constant_s"],
            stretching=values.get("stretching", 1.0),
            time_constant_2=values.get("time_constant_2_s", 1.0),
            fraction=values.get("fraction", 1.0),
        )
        return recovery_curve(
            relaxing,
            self.sequence,
            amplitude=values["amplitude"],
            offset=values["offset"],
            efficiency=values.get("efficiency", 1.0),
            noise_floor=values.get("noise_floor"),
        )

    def predict(self, values: Array, rows: Rows) -> Array:
        """Return the prediction of some of the data."""
        return self._signal(self.table["delay"][rows], {name: at(values, rows) for name, at in self._at.items()})

    def problem(self) -> Problem:
        """Return the fit of all curves."""
        return Problem(
            parameters=tuple(self.parameters.parameters),
            predict=lambda values: self.predict(values, slice(None)),
            data=self.table["intensity"],
            sigma=self.table.get("sigma_intensity"),
            limit=limits_of(self.table, self.table["intensity"].size),
            absolute_sigma=self.config.absolute_sigma,
        )

    def search(self, problem: Problem) -> Estimate:
        """Find the minimum; name the parts that one curve does not have, hold time constants that it does not show.

        Raises
        ------
        FitError
            Two components where one is as good; parameters that cannot be told apart.
        """
        try:
            estimate = minimise(problem)
        except FitError as error:
            if self.model["kind"] == "biexponential":
                self._refuse_needless(problem, None)
            if not any(spec.initial is not None for spec in self.config.parameters.values()):
                # The search began at the best of a grid: close enough to say whether there is a curve at all.
                rest = problem.data - problem.predict(problem.initial)
                self._refuse_flat(problem, rest, self._scale_of(problem, rest))
            if error.reason is not FitReason.UNRESOLVED or self.lawful:
                raise
            estimate = self._without_hidden(problem, error)
        if self.model["kind"] == "biexponential":
            self._refuse_needless(problem, estimate)
        self._refuse_flat(problem, estimate.residuals, self._scale(estimate))
        return estimate

    def _refuse_flat(self, problem: Problem, residuals: Array, scale: float) -> None:
        """Refuse curves without a signal, and those that a constant describes as well where it takes any time."""
        if problem.limit is not None:
            return
        sigma = np.ones(problem.data.size) if problem.sigma is None else problem.sigma
        for k in range(self.temperatures.size):
            of = self.index == k
            y, weight = problem.data[of], 1.0 / sigma[of] ** 2
            free = [n for n in ("efficiency", "offset") if n in self.parameters.places]
            level = any(self._is_free(problem, self._place_of(n, k)) for n in free)
            flat = float(np.average(y, weights=weight)) if level else self._known().get("offset", 0.0)
            if float(np.sum(weight * ((y - flat) ** 2 - residuals[of] ** 2))) > _FLAT * scale:
                continue
            if not level:
                raise FitError(
                    f"the intensities{self._where(k)} hold no signal above their noise", FitReason.UNRESOLVED
                )
            delay = self._curve(k)[0]
            raise FitError(
                f"the intensities{self._where(k)} do not depend on the delay: all has relaxed before the first one "
                f"({self._first_delay(k):g} s), nothing by the last one ({delay[-1]:g} s), or nothing was inverted or "
                "saturated; with efficiency and offset fixed the fit gives a bound of time_constant_s",
                FitReason.UNRESOLVED,
            )

    def _refuse_needless(self, problem: Problem, estimate: Estimate | None) -> None:
        """Refuse two components where one is as good: nothing then tells their share and times apart."""
        if not any(name.startswith("fraction") and self._is_free(problem, name) for name in problem.names):
            return
        try:
            # Either part may be the one that is there.
            single = min(
                (minimise(self._single(problem, k), check_rank=False) for k in range(2)), key=attrgetter("height")
            )
            double = estimate or minimise(problem, check_rank=False, max_evaluations=2000)
        except FitError:
            return
        scale = 1.0 if problem.absolute_sigma else double.chi2_reduced
        from scipy.special import gammaincinv

        lost = double.problem.free.size - single.problem.free.size
        allowed = 2.0 * float(gammaincinv(0.5 * lost, 0.9545))
        rise = max(single.chi2 - double.chi2, 0.0)
        if not rise <= allowed * scale:
            return
        times = f"{rise / scale:.2g} times its reduced value" if scale > 0.0 else "nothing"
        raise FitError(
            "the data cannot tell apart time_constant_s, time_constant_2_s and fraction: one exponential fits as well "
            f"(chi-square rises by {times} with {lost} parameters less, up to {allowed:.2g} means nothing); use "
            "model.kind: exponential",
            FitReason.UNRESOLVED,
        )

    @staticmethod
    def _single(problem: Problem, kept: int) -> Problem:
        """Return the fit of the first component alone, begun at the time constants of component `kept`."""
        first = dict(zip(problem.names, problem.initial, strict=True))
        if kept == 1:
            twins = {n: n.replace("time_constant_s", "time_constant_2_s") for n in first}
            first = {n: first[twins[n]] if n.startswith("time_constant_s") else v for n, v in first.items()}
        one = replace(problem, parameters=tuple(replace(p, initial=first[p.name]) for p in problem.parameters))
        for name in problem.names:
            if name.startswith("fraction"):
                one = one.with_fixed(name, 1.0)
            elif name.startswith("time_constant_2"):
                one = one.with_fixed(name, first[name])
        return one

    @staticmethod
    def _is_free(problem: Problem, name: str) -> bool:
        return not problem.parameters[problem.names.index(name)].fixed

    def _first_delay(self, k: int) -> float:
        delay = self._curve(k)[0]
        return float(delay[delay > 0.0].min())

    def _ends(self, k: int) -> tuple[float, float]:
        """Return time constants of which nothing is left at the first delay, and nothing seen by the last one [s]."""
        return self._first_delay(k) / _GONE, float(self._curve(k)[0][-1]) * _NOT_BEGUN

    def _end_of(self, k: int, value: float) -> float | None:
        """Return the end beyond the delays on whose side a time constant lies, None among the delays."""
        shortest, longest = self._ends(k)
        if value < 0.5 * self._first_delay(k):
            return shortest
        return longest if value > float(self._curve(k)[0][-1]) else None

    def _place_of(self, name: str, k: int) -> str:
        place = self.parameters.places[name]
        return self.parameters.parameters[place[min(k, len(place) - 1)]].name

    def _without_hidden(self, problem: Problem, error: FitError) -> Estimate:
        """Return the fit with those time constants held that lie beyond the delays; raise where none does."""
        held = problem
        best = minimise(problem, check_rank=False)
        for k in range(self.temperatures.size):
            name = self._place_of("time_constant_s", k)
            end = self._end_of(k, best.value(name))
            if self._is_free(problem, name) and end is not None:
                held = held.with_fixed(name, end)
        if held is problem or self.model["kind"] != "exponential":
            raise error
        estimate = minimise(held)
        if estimate.height > best.height + best.quantile(0.9545) ** 2 * self._scale(best):
            raise error
        return estimate

    @classmethod
    def _scale(cls, estimate: Estimate) -> float:
        return cls._scale_of(estimate.problem, estimate.residuals)

    @staticmethod
    def _scale_of(problem: Problem, residuals: Array) -> float:
        """Return what chi-square is measured by: its reduced value, or the digits of the data where these are less."""
        if problem.absolute_sigma:
            return 1.0
        sigma = np.ones(problem.data.size) if problem.sigma is None else problem.sigma
        reduced = float(np.sum((residuals / sigma) ** 2)) / max(problem.data.size - problem.free.size, 1)
        return max(reduced, float(np.max(_DIGITS * np.max(np.abs(problem.data)) / sigma)) ** 2)

    def bounds(self, estimate: Estimate, level: float) -> dict[str, Bound]:
        """Return the time constants that are known on one side only: the curve is over before, or begins after them.

        Parameters
        ----------
        estimate : Estimate
            The fit.
        level : float
            Confidence of a bound.
        """
        found: dict[str, Bound] = {}
        if self.lawful or self.model["kind"] != "exponential" or estimate.freedom <= 0:
            return found
        for k in range(self.temperatures.size):
            name = self._place_of("time_constant_s", k)
            value = estimate.value(name)
            given = self.config.parameters.get("time_constant_s", ParameterSpec())
            end = self._end_of(k, value)
            if given.fixed is not None or end is None:
                continue
            goal = estimate.quantile(level) ** 2 * self._scale(estimate)
            if self._height_at(estimate, name, end) - estimate.height >= goal:
                continue
            first, last = self._first_delay(k), float(self._curve(k)[0][-1])
            inside, outside = value, 100.0 * first if value < first else 0.01 * last
            for _ in range(20):
                middle = math.sqrt(inside * outside)
                above = self._height_at(estimate, name, middle) - estimate.height >= goal
                inside, outside = (inside, middle) if above else (middle, outside)
            confidence = f"{outside:.3g} s ({100 * level:.4g} %)"
            if value < first:
                text = (
                    f"{name} lies below the first delay ({first:g} s): nothing of the curve is left to see, it is at "
                    f"most {confidence}"
                )
                found[name] = Bound(lower=0.0, upper=outside, text=text)
            else:
                text = (
                    f"{name} lies beyond the last delay ({last:g} s): the curve has hardly begun, it is at least "
                    f"{confidence}; what is fitted beside it holds for this value alone"
                )
                found[name] = Bound(lower=outside, upper=math.inf, text=text)
        return found

    @staticmethod
    def _height_at(estimate: Estimate, name: str, value: float) -> float:
        problem = estimate.problem.starting_at(estimate.values).with_fixed(name, value)
        return minimise(problem, check_rank=False).height


__all__ = ["RecoveryCurves"]
