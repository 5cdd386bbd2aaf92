"""A chain of fits, each of which may take numbers and curves of others, and what they find beside the truth."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, StrictStr

from ...config.fit_keys import FitOutputKeys, result_name
from ...config.schema import Keys
from ...config.validation import validate
from ...document.problems import Problems, nearest, shown
from ...document.yaml import Document, beside, read_document
from ...errors import ConfigError
from ...report.chains import chain_text
from ...store.stored_fit import FitColumn, FitTable, StoredFit
from ..chain_run import ChainRun, run_steps
from ..chain_steps import Step, steps_in_order
from ..kind import Kind, Outcome
from ..result import UnfittedResult

NAME = "chain"


class ChainKeys(Keys):
    """Fits that take numbers and curves of each other."""

    fit: Literal["chain"]
    name: StrictStr | None = None
    title: StrictStr = ""
    steps: Annotated[dict[StrictStr, StrictStr], Field(min_length=1)] = Field(
        description="Name of a step to the configuration of a fit, relative to this one"
    )
    truth: StrictStr | None = Field(default=None, description="File of what synthetic data were made with")
    output: FitOutputKeys = Field(default_factory=FitOutputKeys)


_SECTIONS = {"steps": "a mapping from names to configurations of fits is needed"}

Truth = dict[str, dict[str, tuple[float, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainConfig:
    """A checked chain.

    Parameters
    ----------
    name, title, output, path, text : str
        Name of the result, title, HDF5 file (empty for none), configuration file and its text.
    steps : tuple of Step
        In the order in which they run.
    truth : dict
        By step and number, value and unit; empty where nothing is known.
    """

    name: str
    title: str
    output: str
    path: str
    text: str
    steps: tuple[Step, ...]
    truth: Truth

    @property
    def kind(self) -> str:
        """Name of the kind of fit."""
        return NAME

    @property
    def stores(self) -> tuple[str, ...]:
        """Names of the results beside its own."""
        return tuple(step.name for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ChainResult(UnfittedResult):
    """What the steps of a chain found.

    Parameters
    ----------
    name, title, text
        As :class:`~spacecharge.fitting.result.UnfittedResult` has them.
    parts : tuple of outcomes
        Results of the steps in the order in which they ran.
    run : ChainRun
        Their numbers with errors that hold those of the steps before.
    truth : dict
        As in the configuration.
    """

    kind: ClassVar[str] = NAME
    parts: tuple[Outcome, ...]
    run: ChainRun
    truth: Truth

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the steps, and of what they hand on."""
        return (*(f"{part.name}: {text}" for part in self.parts for text in part.warnings), *self.run.warnings)

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """Steps in order, and the numbers of the table with their units."""
        rows = self.rows
        return {
            "parts": tuple(part.name for part in self.parts),
            "number_steps": tuple(step for step, *_ in rows),
            "number_names": tuple(name for _, name, *_ in rows),
            "number_units": tuple(unit for *_, unit in rows),
            "chain_warnings": self.warnings,
        }

    @property
    def n_failed(self) -> int:
        """Points of the steps that were not solved."""
        return sum(part.n_failed for part in self.parts)

    @property
    def rows(self) -> list[tuple[str, str, float, float, float, str]]:
        """Step, number, value, sigma, truth (NaN: not known), unit: what the truth names, or else everything fitted."""
        if self.truth:
            wanted = [(step, name) for step, numbers in self.truth.items() for name in numbers]
        else:
            wanted = list(self.run.fitted)
        rows = []
        for step, name in wanted:
            number = self.run.number(step, name)
            true = self.truth.get(step, {}).get(name, (math.nan, ""))[0]
            rows.append((step, name, number.value, number.sigma, true, number.unit))
        return rows

    @property
    def pulls(self) -> dict[str, float]:
        """(fit - truth)/sigma by ``STEP/NUMBER``; empty without a truth."""
        return {
            f"{step}/{name}": (value - true) / sigma
            for step, name, value, sigma, true, _ in self.rows
            if math.isfinite(true)
        }

    @property
    def tables(self) -> Mapping[str, FitTable]:
        """The table of the numbers."""
        rows = self.rows
        value, sigma, true = (np.array([row[k] for row in rows], dtype=float) for k in (2, 3, 4))
        unit = "in the unit of number_units"
        columns = {
            "number": FitColumn(values=[f"{r[0]}/{r[1]}" for r in rows], unit="1", long_name="step and number"),
            "value": FitColumn(values=value, unit="1", long_name=f"value, {unit}"),
            "sigma": FitColumn(values=sigma, unit="1", long_name=f"one sigma, earlier steps included, {unit}"),
            "truth": FitColumn(values=true, unit="1", long_name=f"truth (NaN: not known), {unit}"),
            "pull": FitColumn(values=(value - true) / sigma, unit="1", long_name="(value - truth)/sigma"),
        }
        return {"": FitTable(columns=columns, axis="number")}

    def stored(self) -> StoredFit:
        """Return what the group ``fits/NAME`` of a result file would hold, with the results of the steps."""
        return StoredFit(
            name=self.name,
            kind=NAME,
            title=self.title,
            tables=dict(self.tables),
            attributes=dict(self.texts),
            parts=tuple(part.stored() for part in self.parts),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``spacecharge fit --json`` prints; what is not known is null."""
        numbers = [
            {
                "step": step,
                "number": name,
                **{key: x if math.isfinite(x) else None for key, x in (("value", value), ("sigma", sigma))},
                "unit": unit,
                **({"truth": true, "pull": (value - true) / sigma} if math.isfinite(true) else {}),
            }
            for step, name, value, sigma, true, unit in self.rows
        ]
        return {
            "name": self.name,
            "kind": NAME,
            "title": self.title,
            "numbers": numbers,
            "steps": {part.name: part.to_json() for part in self.parts},
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        """Return the table of the numbers."""
        return chain_text(self.stored())


def _check(document: Document, problems: Problems) -> ChainConfig | None:
    before = len(problems)
    keys = validate(ChainKeys, document.data, problems, sections=_SECTIONS)
    name = result_name(document, problems)
    if keys is None or len(problems) > before:
        return None
    documents: dict[str, Document] = {}
    lines: list[str] = []
    for step, path in keys.steps.items():
        if step == name or "/" in step:
            problems.add(("steps", step), "a name without a slash is needed, another one than that of the chain")
        try:
            documents[step] = read_document(beside(document.path, path))
        except ConfigError as error:
            lines += error.problems
    steps = () if lines else steps_in_order(documents, problems)
    for one in steps:
        lines += _broken(one, problems)
    truth = {} if keys.truth is None else _truth(beside(document.path, keys.truth), list(documents), lines)
    if lines:
        raise ConfigError([*problems.lines, *lines])
    if len(problems) > before:
        return None
    return ChainConfig(
        name=name,
        title=keys.title,
        output=os.path.expanduser(keys.output.path),
        path=document.path,
        text=document.text,
        steps=steps,
        truth=truth,
    )


def _broken(step: Step, problems: Problems) -> list[str]:
    """Return what is wrong with a step; one that needs others is checked as a whole when it runs."""
    from ..load import check_fit_document

    kind = step.document.data.get("fit")
    if kind == NAME or "sweep" in step.document.data:
        problems.add(("steps", step.name), "a step is a single fit, no chain and no sweep")
        return []
    if step.references and kind is not None:
        return []
    try:
        check_fit_document(step.document)
    except ConfigError as error:
        return list(error.problems)
    return []


def _truth(path: str, steps: list[str], lines: list[str]) -> Truth:
    """Read what synthetic data were made with."""
    try:
        document = read_document(path)
    except ConfigError as error:
        lines += error.problems
        return {}
    problems = document.problems()
    out: Truth = {}
    for step, numbers in document.data.items():
        if step not in steps or not isinstance(numbers, Mapping):
            problems.add((step,), f"a step with its numbers is needed ({nearest(step, steps)})", key=True)
            continue
        for name, given in numbers.items():
            entry = given if isinstance(given, Mapping) else {"value": given}
            value, unit = entry.get("value"), entry.get("unit", "1")
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not isinstance(unit, str):
                problems.add((step, name), f"value (a number) and unit are needed, got {shown(given)}")
                continue
            out.setdefault(step, {})[str(name)] = (float(value), unit)
    lines += problems.lines
    return out


def fit_chain(config: ChainConfig) -> ChainResult:
    """Run every step of a chain.

    Parameters
    ----------
    config : ChainConfig
        Checked.

    Returns
    -------
    ChainResult
        Results of the steps, their numbers with errors.

    Raises
    ------
    ConfigError
        A step is broken with what others give it, or the truth names a number that there is not.
    FitError
        A step cannot be fitted.
    """
    places = {step: [name for name in numbers if "@" in name] for step, numbers in config.truth.items()}
    parts, run = run_steps(config.steps, places)
    lines = []
    for step, numbers in config.truth.items():
        for name, (_, unit) in numbers.items():
            try:
                found = run.number(step, name).unit
            except KeyError as error:
                lines.append(f"{config.path}: truth: {step}: {error.args[0]}")
                continue
            if found != unit:
                lines.append(f"{config.path}: truth: {step}: {name} is in {found}, not {unit}")
    if lines:
        raise ConfigError(lines)
    return ChainResult(name=config.name, title=config.title, text=config.text, parts=parts, run=run, truth=config.truth)


def _summary(config: ChainConfig) -> Iterator[tuple[str, str]]:
    """Yield a line for every step, in the order in which they run."""
    yield "fit", f"{NAME} {config.name}"
    yield "title", config.title
    for step in config.steps:
        needs = ", ".join(dict.fromkeys(reference.step for reference in step.references))
        later = f"; needs {needs}, checked as a whole when it runs" if needs else ""
        yield "step", f"{step.name}: {step.document.data['fit']}, {step.document.path}{later}"
    known = sum(map(len, config.truth.values()))
    if known:
        yield "truth", f"{known} numbers"


KIND = Kind(
    name=NAME,
    words="fits that take numbers and curves of each other, from raw files to one inference",
    keys=ChainKeys,
    check=_check,
    run=fit_chain,
    summary=_summary,
    text=chain_text,
    figure="chains:chain_figure",
    draws=True,
    solves=True,
)

__all__ = ["KIND", "ChainConfig", "ChainResult", "fit_chain"]
