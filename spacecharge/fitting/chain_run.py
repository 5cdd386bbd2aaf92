"""Run the steps of a chain, and carry the errors of what one step takes from another into its own numbers.

Every error of the chain is a sum of independent errors of one sigma each: those of the parameters of a step (along
the axes of their covariance) and of each number derived from them. A number carries what it changes by with each.
Where a step takes numbers, it is fitted once more for every independent error that they carry, with all of them
moved by it at once: what two steps have from the same third one stays correlated. The errors of a curve (see
``curve_errors``) go on likewise, small ones by the derivatives of the fit.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, FitError
from ..measured.text import each_file_once
from .chain_steps import Given, Step, filled
from .curve_errors import curve_shifts, error_at, is_small, linear_changes, moved_curve, without_error
from .kind import Outcome
from .ocv_result import OcvResult
from .result import FitResult
from .run import build

Source = tuple[str, str]
Errors = dict[Source, float]


@dataclass(slots=True)
class ChainRun:
    """Numbers of a chain.

    Parameters
    ----------
    values : dict
        By step and number, value and unit.
    errors : dict
        By step and number, the change with each independent error of one sigma.
    fitted : list
        Step and number of all that was fitted or follows from it.
    curves : dict
        By step, a curve that others take, and what each of its independent errors adds to its potentials [V].
    warnings : list of str
        What a reader of the errors has to know.
    """

    values: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    errors: dict[tuple[str, str], Errors] = field(default_factory=dict)
    fitted: list[tuple[str, str]] = field(default_factory=list)
    curves: dict[str, tuple[OcvResult, dict[str, Any]]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def number(self, step: str, name: str) -> Given:
        """Return a number with its error, those of the steps before included.

        Raises
        ------
        KeyError
            With a message: there is no such number.
        """
        if (step, name) not in self.values:
            known = ", ".join(n for s, n in self.values if s == step)
            raise KeyError(f"has no {name} (it has: {known or 'a curve, COLUMN@PLACE'})")
        value, unit = self.values[step, name]
        return Given(value=value, sigma=math.hypot(*self.errors[step, name].values()), unit=unit)


def run_steps(steps: tuple[Step, ...], places: Mapping[str, list[str]]) -> tuple[tuple[Outcome, ...], ChainRun]:
    """Run steps in their order.

    Parameters
    ----------
    steps : tuple of Step
        Every one behind those that it needs.
    places : mapping of str to list of str
        Values of curves that are wanted as numbers, ``COLUMN@PLACE`` by step.

    Returns
    -------
    parts : tuple
        Their results.
    run : ChainRun
        Their numbers.
    """
    run, parts = ChainRun(), []
    with tempfile.TemporaryDirectory(prefix="spacecharge-") as folder, each_file_once():
        files: dict[str, Path] = {}
        for step in steps:
            result = _run(_checked(step, run, files, None))
            parts.append(result)
            own = _own(result, places.get(step.name, []))
            for name, (value, unit, errors) in own.items():
                run.values[step.name, name] = value, unit
                run.errors[step.name, name] = {(step.name, key): error for key, error in errors.items()}
            run.fitted += [(step.name, name) for name in own]
            for source in _sources(step, run):
                changes = _changes(step, run, files, source, result, places.get(step.name, []))
                for name in own:
                    run.errors[step.name, name][source] = changes[name]
            if any(r.is_file and r.step == step.name for other in steps for r in other.references):
                files[step.name] = _written(result, Path(folder))
                if isinstance(result, OcvResult):
                    run.curves[step.name] = result, curve_shifts(result)
                    run.warnings += [f"{step.name}: {text}" for text in [without_error(result)] if text]
    return tuple(parts), run


def _written(result: Outcome, folder: Path) -> Path:
    from ..store.fits import write_fit

    path = folder / f"{result.name}.h5"
    write_fit(path, result)
    return path


def _sources(step: Step, run: ChainRun) -> list[Source]:
    """Return the independent errors that the numbers which a step takes carry; data bring their own to the fit."""
    taken = [r for r in step.references if not (r.is_file or r.is_datum)]
    curves = [r.step for r in step.references if r.is_file and r.step in run.curves]
    found = [(name, key) for name in curves for key in run.curves[name][1]]
    found += [s for r in taken for s in run.errors[r.step, r.parameter]]
    return list(dict.fromkeys(found))


def _changes(
    step: Step, run: ChainRun, files: Mapping[str, Path], source: Source, result: Outcome, places: list[str]
) -> Mapping[str, float]:
    """Return what an independent error changes in the numbers of a step."""

    def refitted(config: Any) -> dict[str, float]:
        after = _own(_run(config), places)
        return {name: after[name][0] - value for name, (value, _, _) in _own(result, places).items()}

    if source[0] not in run.curves:
        return refitted(_checked(step, run, files, source))
    curve, shifts = run.curves[source[0]]
    shift = shifts[source[1]]
    with tempfile.TemporaryDirectory(prefix="spacecharge-") as folder:
        for sign in (1.0, -1.0):
            moved = {**files, source[0]: _written(moved_curve(curve, sign * shift), Path(folder))}
            try:
                config = _checked(step, run, moved, source, sign)
            except ConfigError:
                # Two points may come too close for a layer; the other way they part.
                if sign < 0.0:
                    raise
                continue
            if is_small(shift) and isinstance(result, FitResult):
                changes = linear_changes(result, build(config))
            else:
                changes = refitted(config)
            return {name: sign * change for name, change in changes.items()}
    return {}


def _run(config: Any) -> Outcome:
    from .kinds import kind_of

    outcome: Outcome = kind_of(config.kind).run(config)
    return outcome


def _checked(step: Step, run: ChainRun, files: Mapping[str, Path], source: Source | None, sign: float = 1.0) -> Any:
    """Return the configuration of a step with what it takes, moved by an independent error."""
    from .load import check_fit_document

    numbers = {}
    for reference in step.references:
        if reference.is_file:
            continue
        try:
            given = run.number(reference.step, reference.parameter)
        except KeyError as error:
            place = ".".join(map(str, reference.place))
            raise FitError(f"{step.document.path}: {place}: {reference.step} {error.args[0]}") from None
        moved = 0.0 if source is None else sign * run.errors[reference.step, reference.parameter].get(source, 0.0)
        numbers[reference.step, reference.parameter] = Given(
            value=given.value + moved, sigma=given.sigma, unit=given.unit
        )
    problems = step.document.problems()
    document = filled(step, numbers, files, problems)
    problems.raise_if_any()
    return check_fit_document(document)


def _own(result: Any, places: list[str]) -> dict[str, tuple[float, str, dict[str, float]]]:
    """Return value, unit and own independent errors of every number of a result."""
    out: dict[str, tuple[float, str, dict[str, float]]] = {}
    if isinstance(result, FitResult):
        covariance = result.estimate.covariance
        axes = _axes(covariance)
        for k, (name, p) in enumerate(result.parameters.items()):
            if not p.fixed:
                errors = {f"parameters {j + 1}": float(axes[k, j]) for j in range(axes.shape[1])}
                out[name] = p.value, p.unit, errors
        for name, q in result.derived.items():
            out[name] = q.value, q.unit, {name: q.sigma}
    for wanted in places:
        column, _, place = wanted.partition("@")
        table = result.tables.get("")
        if not place or table is None or not table.axis or column not in table:
            continue
        curve = isinstance(result, OcvResult) and column == "potential"
        x, y, sigma = (
            np.asarray(table[key], dtype=float) if key in table else np.array([math.nan])
            for key in (table.axis, column, f"{column}_sigma")
        )
        order = np.argsort(x)
        at = float(place)
        if x[order[0]] - 1e-9 <= at <= x[order[-1]] + 1e-9:
            error = float(np.interp(at, x[order], sigma[order])) if sigma.size == x.size else math.nan
            errors = error_at(result, at) if curve else {wanted: error}
            out[wanted] = float(np.interp(at, x[order], y[order])), table.columns[column].unit, errors
    return out


def _axes(covariance: Any) -> Any:
    """Return columns whose products with themselves add up to a covariance; its zero rows stay zero."""
    sigma = np.sqrt(np.diag(covariance))
    safe = np.where(sigma > 0.0, sigma, 1.0)
    if not np.isfinite(covariance).all():
        return np.diag(sigma)
    values, vectors = np.linalg.eigh(covariance / np.outer(safe, safe))
    return safe[:, None] * vectors * np.sqrt(np.clip(values, 0.0, None))


__all__ = ["ChainRun", "run_steps"]
