"""What every configuration of a fit may say, and how its sections are checked; the kinds add their models.

A kind of fit (:mod:`spacecharge.fitting.kinds`) derives its keys from :class:`FitKeys` and hands them to
:func:`check_curve_fit`, which holds the file against them and against what pydantic cannot know.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import Field, StrictBool, StrictStr, TypeAdapter, ValidationError

from ..document.problems import Problems, nearest, shown
from ..document.yaml import Document
from ..measured.columns import missing_unit
from ..nmr.parameters import Rule
from .fields import Keys, Plain, Whole
from .uncertainty import UNCERTAINTIES, PriorSpec, Range, Sampling, UncertaintyKeys, asked
from .validation import validate

SECTIONS = {
    "data": "the section is missing (path and columns, or bruker and delay_unit)",
    "model": "the section is missing",
}
"""What is said where a section is missing."""

_NAME = re.compile(r"[^/]+\Z")


def number(low: float, high: float, words: str, unit: str = "1") -> Any:
    """Return the pydantic field of a number within a closed range.

    Parameters
    ----------
    low, high : float
        Range, included.
    words, unit : str
        For the schema.
    """
    return Field(
        strict=True,
        allow_inf_nan=False,
        ge=low,
        le=high,
        description=f"{words} [{unit}]",
        json_schema_extra={"unit": unit},
    )


Level = Annotated[float, number(0.01, 0.99999, "Confidence of the intervals")]


class FitDataKeys(Keys):
    """Where the data of a fit stand."""

    path: StrictStr | None = Field(default=None, description="CSV file, relative to this configuration")
    columns: Annotated[dict[StrictStr, StrictStr], Field(min_length=1)] | None = Field(
        default=None, description="What a column is (its unit in the key) to its title"
    )
    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal sign; default: found")
    bruker: StrictStr | None = Field(default=None, description="Directory of a Bruker experiment")
    delay_unit: Literal["s", "ms", "us", "ns"] | None = None
    delay_list: Literal["vdlist", "vplist", "vclist"] | None = None
    echo_spacing_s: Annotated[float, number(1e-9, 1e3, "Delay of one loop of a vclist", "s")] | None = None
    intensities: Literal["ser", "projection", "region", "magnitude", "t1ints"] | None = Field(
        default=None, description="Raw data by projection (ser), region integral or magnitude; or TopSpin's table"
    )
    peak: Annotated[Whole, Field(ge=1, le=1000, description="Peak of t1ints, from 1")] | None = None
    procno: Annotated[Whole, Field(ge=1, le=100_000, description="pdata/PROCNO of t1ints.txt")] | None = None
    use_first: Annotated[Whole, Field(ge=1, le=100_000, description="Delays and signals used")] | None = None
    temperature_K: Annotated[float, number(0.1, 5000.0, "Temperature of all data", "K")] | None = None


class ParameterKeys(Keys):
    """What is known of a parameter before the fit."""

    initial: Plain | None = None
    min: Plain | None = None
    max: Plain | None = None
    fixed: Plain | None = None


class TransportKeys(Keys):
    """What turns a fitted time or rate into transport."""

    temperature_K: Annotated[float, number(1.0, 5000.0, "Temperature of the derived numbers", "K")] = 298.15
    haven_ratio: Annotated[float, number(1e-3, 1e3, "Haven ratio")] = 1.0
    charge_number: Annotated[float, number(-10.0, 10.0, "Charge number")] = 1.0
    jump_length_nm: Annotated[float, number(1e-3, 1e3, "Jump length", "nm")] | None = None
    number_density_per_nm3: Annotated[float, number(1e-9, 1e4, "Number density of the ions", "nm-3")] | None = None
    exchange_time_s: Annotated[float, number(1e-12, 1e9, "Time of the exchanged fraction", "s")] | None = None
    volume_to_area_nm: Annotated[float, number(1e-3, 1e9, "Volume over area of A", "nm")] | None = None
    reading: Literal["paper", "initial-rate"] = "initial-rate"
    jump_directions: Literal[2, 4, 6] = 6


class FitOutputKeys(Keys):
    """Where the result goes."""

    path: StrictStr = Field(default="", description="Result file, relative to the working directory")


class FitAxisKeys(Keys):
    """Values of a swept number from start to stop, both included."""

    start: Plain
    stop: Plain
    num: Annotated[Whole, Field(ge=1, le=100_000)]
    spacing: Literal["linear", "log"] | None = None
    scale: Literal["linear", "log"] | None = Field(
        default=None, description="Former name of spacing", json_schema_extra={"deprecated": True}
    )


class FitKeys(UncertaintyKeys):
    """Keys that fits of measured curves share."""

    name: StrictStr | None = Field(default=None, description="Name of the result; default: that of the file")
    title: StrictStr = ""
    data: FitDataKeys
    reference_temperature_K: Annotated[float, number(1.0, 5000.0, "Where Arrhenius laws are stated", "K")] = 298.15
    parameters: dict[str, Plain | ParameterKeys] = Field(default_factory=dict)
    level: Level = 0.9545
    absolute_sigma: StrictBool = Field(default=False, description="Errors of the data are absolute, not weights")
    transport: TransportKeys = Field(default_factory=TransportKeys)
    sweep: dict[str, FitAxisKeys | list[Any]] | None = Field(
        default=None, description="Dotted path to values: one fit for every combination"
    )
    output: FitOutputKeys = Field(default_factory=FitOutputKeys)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSpec:
    """What the user says about one parameter; None where nothing is said."""

    initial: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    fixed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """A checked fit configuration, in the units of its keys.

    Parameters
    ----------
    name : str
        Name of the result, ``fits/NAME``.
    kind : str
        What is fitted: a name of :data:`spacecharge.fitting.kinds.REGISTRY`.
    data, model, transport : dict
        The sections of these names, defaults filled in.
    title : str
        What figures and tables are headed by.
    reference_temperature_K : float
        Where Arrhenius laws are stated [K].
    parameters : dict of str to ParameterSpec
        By parameter name.
    uncertainty : {'covariance', 'bootstrap', 'profile', 'posterior'}
        How intervals are made.
    level : float
        Confidence of intervals.
    samples, seed : int
        Of the bootstrap or the posterior.
    priors : dict of str to PriorSpec
        By parameter name.
    sampling : Sampling
        Of the posterior.
    absolute_sigma : bool
        Take the errors of the data as they are instead of as weights.
    sweep : dict
        Dotted path to a list of values; empty for a single fit.
    output : str
        HDF5 file; empty for none.
    path, text : str
        Configuration file and its text, verbatim.
    raw : dict
        The mapping as read, from which the points of a sweep are made.
    """

    name: str
    kind: str
    data: dict[str, Any]
    model: dict[str, Any]
    transport: dict[str, Any]
    title: str = ""
    reference_temperature_K: float = 298.15
    parameters: dict[str, ParameterSpec] = field(default_factory=dict)
    uncertainty: str = "covariance"
    level: float = 0.9545
    samples: int = 200
    seed: int = 0
    priors: dict[str, PriorSpec] = field(default_factory=dict)
    sampling: Sampling = field(default_factory=Sampling)
    absolute_sigma: bool = False
    sweep: dict[str, list[Any]] = field(default_factory=dict)
    output: str = ""
    path: str = ""
    text: str = ""
    raw: dict[str, Any] = field(default_factory=dict)


def result_name(document: Document, problems: Problems) -> str:
    """Return the name of the result of a fit, and report one that cannot be a group of a file."""
    given = document.data.get("name")
    name = given if isinstance(given, str) else ""
    name = name or os.path.splitext(os.path.basename(document.path))[0] or "fit"
    if not _NAME.match(name) or name in (".", ".."):
        problems.add("name", "a name without a slash is needed, not . or ..")
    return name


def check_curve_fit(
    document: Document,
    problems: Problems,
    kind: str,
    keys: type[FitKeys],
    finish: Callable[[Any, Problems], dict[str, Any]],
    rules: Callable[[Mapping[str, Any], Mapping[str, Any]], Sequence[Rule]],
) -> FitConfig | None:
    """Check the configuration of a fit of measured curves.

    Parameters
    ----------
    document : Document
        As read.
    problems : Problems
        Takes one line per problem.
    kind : str
        Name of the kind.
    keys : type
        Its keys; ``data``, ``model`` and ``transport`` are checked on their own where another section is broken.
    finish : callable
        ``finish(model keys, problems) -> dict``: what pydantic cannot know of the model.
    rules : callable
        ``rules(model, data) -> parameters`` of a checked model.

    Returns
    -------
    FitConfig or None
        None where anything is wrong.
    """
    before = len(problems)
    data = {key: value for key, value in document.data.items() if key != "sweep"}
    parameters = data.pop("parameters", None)
    checked = validate(keys, data, problems, sections=SECTIONS)
    name = result_name(document, problems)
    given, model_keys = _part(keys, "data", data), _part(keys, "model", data)
    source = _check_source(given, kind, problems) if given is not None else {}
    model = finish(model_keys, problems) if model_keys is not None else {}
    known = rules(model, source) if model else None
    specs = _check_parameters(parameters, known, problems)
    transport = data.get("transport")
    if isinstance(transport, Mapping) and "jump_length_nm" in transport and "jump_directions" not in transport:
        problems.add("transport", "jump_directions is missing (2 along channels, 4 in planes, 6 in space)")
    if checked is None:
        return None
    errors = asked(checked, _ranges(known, specs), problems)
    if len(problems) > before:
        return None
    return FitConfig(
        name=name,
        kind=kind,
        data=source,
        model=model,
        transport=checked.transport.model_dump(),
        title=checked.title,
        reference_temperature_K=checked.reference_temperature_K,
        parameters=specs,
        uncertainty=errors.uncertainty,
        level=checked.level,
        samples=errors.samples,
        seed=errors.seed,
        priors=errors.priors,
        sampling=errors.sampling,
        absolute_sigma=checked.absolute_sigma,
        output=os.path.expanduser(checked.output.path or ""),
        path=document.path,
        text=document.text,
        raw=dict(document.data),
    )


def _ranges(rules: Sequence[Rule] | None, specs: Mapping[str, ParameterSpec]) -> dict[str, Range] | None:
    """Return the bounds of every parameter of a model; None without a model."""
    if rules is None:
        return None
    found = {}
    for rule in rules:
        spec = specs.get(rule.name, ParameterSpec())
        absent = rule.optional and rule.name not in specs
        found[rule.name] = Range(
            minimum=rule.minimum if spec.minimum is None else spec.minimum,
            maximum=rule.maximum if spec.maximum is None else spec.maximum,
            fixed=absent or spec.fixed is not None or (rule.fixed and spec == ParameterSpec()),
        )
    return found


@cache
def _adapter(keys: type[FitKeys], name: str) -> TypeAdapter[Any]:
    return TypeAdapter(get_type_hints(keys, include_extras=True)[name])


def _part(keys: type[FitKeys], name: str, data: Mapping[str, Any]) -> Any:
    """Return a section that is sound by itself, whatever the others are; None otherwise."""
    try:
        return _adapter(keys, name).validate_python(data.get(name))
    except ValidationError:
        return None


def _check_source(keys: FitDataKeys, kind: str, problems: Problems) -> dict[str, Any]:
    """Return the section ``data`` without what was not given."""
    spectra = getattr(keys, "bruker_2d", None)
    if sum(source is not None for source in (keys.path, keys.bruker, spectra)) != 1:
        problems.add("data", "one of path (a CSV file) and bruker (a directory) is needed")
    if keys.bruker is not None and kind != "recovery":
        problems.add("data.bruker", f"a Bruker directory holds a recovery curve, it cannot feed a fit of kind {kind}")
    if keys.path is not None and keys.columns is None:
        problems.add("data", "columns is missing: a mapping from what a column is to its name")
    for role in keys.columns or {}:
        missing = missing_unit(role)
        if missing:
            problems.add(("data", "columns", role), missing, key=True)
    return keys.model_dump(exclude_none=True, by_alias=True)


def _check_parameters(value: Any, rules: Sequence[Rule] | None, problems: Problems) -> dict[str, ParameterSpec]:
    """Return what is said about parameters; without rules (a broken model) nothing can be checked."""
    if rules is None or value is None:
        return {}
    if not isinstance(value, Mapping):
        problems.add("parameters", f"a mapping of keys is needed, got {shown(value)}")
        return {}
    known = {rule.name: rule for rule in rules}
    specs = {}
    for name, given in value.items():
        if name not in known:
            problems.add(("parameters", name), f"unknown key ({nearest(name, list(known))})", key=True)
            continue
        specs[name] = _parameter(known[name], given, problems)
    return specs


def _parameter(rule: Rule, given: Any, problems: Problems) -> ParameterSpec:
    path = ("parameters", rule.name)
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        given = {"initial": given}
    if not isinstance(given, Mapping):
        problems.add(path, f"a mapping of keys is needed, got {shown(given)}")
        return ParameterSpec()
    low, high = rule.minimum, rule.maximum
    words = ("initial", "min", "max", "fixed")
    entry = validate(ParameterKeys, given, problems, prefix=path, ranges=dict.fromkeys(words, (low, high)))
    if entry is None:
        return ParameterSpec()
    for key in words:
        number = getattr(entry, key)
        if number is not None and not low <= number <= high:
            problems.add((*path, key), f"{number:g} is out of range (allowed: {low:g} to {high:g})")
    if entry.fixed is not None and len(given) > 1:
        problems.add(path, "fixed stands alone: no initial, min or max with it")
    minimum = low if entry.min is None else entry.min
    maximum = high if entry.max is None else entry.max
    if minimum >= maximum:
        problems.add(path, f"min {minimum:g} is not below max {maximum:g}")
    elif entry.initial is not None and not minimum <= entry.initial <= maximum:
        problems.add((*path, "initial"), f"{entry.initial:g} is out of bounds (allowed: {minimum:g} to {maximum:g})")
    return ParameterSpec(initial=entry.initial, minimum=entry.min, maximum=entry.max, fixed=entry.fixed)


__all__ = [
    "UNCERTAINTIES",
    "FitConfig",
    "FitDataKeys",
    "FitKeys",
    "FitOutputKeys",
    "ParameterKeys",
    "ParameterSpec",
    "TransportKeys",
    "check_curve_fit",
    "number",
    "result_name",
]
