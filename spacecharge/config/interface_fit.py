"""Configurations of fits of the interface model: measured interfaces, and which numbers of the model follow them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictStr

from ..document.problems import Problems, nearest, shown
from ..document.yaml import Document
from ..errors import ConfigError
from ..model.numbers import RANGES
from .axes import Grid
from .config import Config
from .fit_keys import FitAxisKeys, result_name
from .load import load_document
from .paths import allowed_range, normalised, sweepable
from .schema import Configuration, Keys, Plain, Temperature, Whole
from .uncertainty import PriorSpec, Range, Sampling, UncertaintyKeys, asked
from .validation import validate

KIND = "interface"

QUANTITIES = (
    "exchange_current_density_mA_per_cm2",
    "resistance_ohm_cm2",
    "capacitance_uF_per_cm2",
    "activation_energy_eV",
)
"""What may be measured of an interface, in the unit of the key."""

_OF_UNKNOWN_SIZE = (
    "rate_constant_per_m2_s",
    "site_density_per_nm3",
    "permittivity",
    "diffusivity_m2_per_s",
    "diffusivity_m2_per_s.value",
    "conductivity_S_per_m",
)
"""Positive numbers whose logarithm is fitted by default where space charge alone is fitted: some are decades off."""

Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0.0)]


class DatumKeys(Keys):
    """One measured number."""

    value: Positive = Field(description="What was measured, in the unit of the key above")
    sigma: Positive = Field(description="One standard deviation, in the same unit")
    limit: Literal["measured", "at_most", "at_least"] = "measured"
    temperature_K: Temperature | None = None
    between_K: Annotated[list[Temperature], Field(min_length=2)] | None = Field(
        default=None, description="Temperatures of an activation energy"
    )


class InterfaceKeys(Keys):
    """What was measured at one interface."""

    at: dict[str, Plain] = Field(default_factory=dict, description="Numbers of the stack that make it this interface")
    table: StrictStr | None = Field(
        default=None, description="Table whose rows are interfaces of their own, relative to this configuration"
    )
    columns: dict[str, StrictStr] = Field(
        default_factory=dict,
        description="Number of the stack, temperature_K, a quantity or sigma_QUANTITY to the title of its column",
    )
    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal sign; default: found")
    relative_sigma: dict[str, Positive] = Field(
        default_factory=dict, description="One sigma over the value, by quantity, where no column has it"
    )
    exchange_current_density_mA_per_cm2: list[DatumKeys] = Field(default_factory=list)
    resistance_ohm_cm2: list[DatumKeys] = Field(default_factory=list)
    capacitance_uF_per_cm2: list[DatumKeys] = Field(
        default_factory=list, description="Differential capacitance of the contact"
    )
    activation_energy_eV: list[DatumKeys] = Field(default_factory=list)


class ParameterKeys(Keys):
    """A fitted number; with several paths they all take its value."""

    paths: Annotated[list[StrictStr], Field(min_length=1)] | None = None
    initial: Plain | None = None
    min: Plain | None = None
    max: Plain | None = None
    fixed: Plain | None = None
    log: StrictBool | None = Field(
        default=None,
        description="Fit its logarithm; default for rate constants and, without charge transfer, for positive numbers",
    )


class CurveKeys(Keys):
    """Values at which resistance and band are drawn."""

    path: StrictStr
    start: Plain
    stop: Plain
    num: Annotated[Whole, Field(ge=2, le=100_000)] = 101


class FitPartKeys(UncertaintyKeys):
    """What a fit of the interface model says besides the keys of a run."""

    fit: Literal["interface"]
    name: StrictStr | None = None
    title: StrictStr | None = None
    interfaces: dict[str, InterfaceKeys] = Field(min_length=1)
    parameters: dict[str, ParameterKeys] = Field(default_factory=dict)
    curve: CurveKeys | None = None
    level: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9545
    absolute_sigma: StrictBool | None = Field(
        default=None, description="Default: true, or false where a table brings no errors"
    )


class InterfaceFitKeys(Configuration, FitPartKeys):
    """A fit of the interface model: a stack with a law of charge transfer, and what was measured."""

    sweep: dict[str, FitAxisKeys | list[Any]] | None = Field(  # type: ignore[assignment]  # its own kind of sweep
        default=None, description="Dotted path to values: one fit for every combination"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """One measured number of an interface.

    Parameters
    ----------
    interface : str
        Its name.
    quantity : str
        One of :data:`QUANTITIES`.
    value, sigma : float
        In the unit of the quantity.
    limit : int
        0 measured, -1 the truth is at most this, 1 at least.
    temperatures : tuple of float
        One, or those between which an activation energy was measured [K].
    """

    interface: str
    quantity: str
    value: float
    sigma: float
    limit: int
    temperatures: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPath:
    """One parameter of the fit: the numbers of the model that take its value, bounds in their unit."""

    name: str
    paths: tuple[str, ...]
    minimum: float
    maximum: float
    initial: float | None
    fixed: float | None
    log: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceFitConfig:
    """A checked configuration of a fit of the interface model.

    Parameters
    ----------
    name : str
        Name of the result, ``fits/NAME``.
    model : Config
        Stack, law of charge transfer, tolerance, output.
    interfaces : dict
        By name, the numbers that make the stack this interface.
    data : tuple of Datum
        What was measured.
    parameters : tuple of FittedPath
        What is fitted.
    curve : (path, Grid) or None
        Where the resistance is drawn.
    uncertainty, level, samples, seed, absolute_sigma, priors, sampling
        As in every fit.
    output : str
        HDF5 file; empty for none.
    notes : tuple of str
        What a reader of the result has to know.
    sweep, raw : dict
        Dotted path to values of a swept fit; the mapping as read.
    """

    name: str
    model: Config
    interfaces: dict[str, dict[str, float]]
    data: tuple[Datum, ...]
    parameters: tuple[FittedPath, ...]
    curve: tuple[str, Grid] | None
    uncertainty: str
    level: float
    samples: int
    seed: int
    absolute_sigma: bool
    output: str
    priors: dict[str, PriorSpec] = field(default_factory=dict)
    sampling: Sampling = field(default_factory=Sampling)
    notes: tuple[str, ...] = ()
    sweep: dict[str, list[Any]] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Name of the kind of fit."""
        return KIND

    @property
    def title(self) -> str:
        """Title of figures."""
        return self.model.title

    @property
    def path(self) -> str:
        """The configuration's file."""
        return str(self.model.source)

    @property
    def text(self) -> str:
        """Its text."""
        return self.model.text

    @property
    def reference_temperature_K(self) -> float:
        """Temperature of the stack [K]."""
        return float(self.model.base_stack.temperature_K)


def check_interface_fit(document: Document, problems: Problems) -> InterfaceFitConfig | None:
    """Check the configuration of a fit of the interface model.

    Parameters
    ----------
    document : Document
        The keys of a run (without a sweep) and those of :class:`FitPartKeys`.
    problems : Problems
        Takes one line per problem.

    Returns
    -------
    InterfaceFitConfig or None
        None where anything is wrong.

    Raises
    ------
    ConfigError
        The stack is broken; what is wrong besides stands in its lines too.
    """
    of_fit = set(FitPartKeys.model_fields)
    of_run = set(Configuration.model_fields) - of_fit - {"sweep"}
    run = {key: value for key, value in document.data.items() if key in of_run or key == "title"}
    rest = {key: _listed(key, value) for key, value in document.data.items() if key not in of_run and key != "sweep"}
    keys = validate(FitPartKeys, rest, problems, ranges=RANGES)
    name = result_name(document, problems)
    lines = list(problems.lines)
    try:
        model = load_document(replace(document, data=run))
    except ConfigError as error:
        raise ConfigError([*lines, *error.problems]) from None
    if keys is None or lines:
        return None
    known = sorted(p for p, kind in sweepable(document.data).items() if kind in ("stack", "charge_transfer"))
    laws = [law for law in model.charge_transfer if law is not None]
    if len(laws) > 1:
        problems.add("contacts", f"a fit knows the charge_transfer of one contact, got {len(laws)}", key=True)
    parameters = tuple(_parameter(name, spec, known, problems, bool(laws)) for name, spec in keys.parameters.items())
    from .interface_table import WEIGHTS_NOTE, with_tables

    keys, weights = with_tables(keys, document.path, problems)
    interfaces, data = _measured(keys, model, known, problems)
    _check_law(data, model, bool(laws), problems)
    curve = _curve(keys.curve, known, problems)
    bounds = {p.name: Range(minimum=p.minimum, maximum=p.maximum, fixed=p.fixed is not None) for p in parameters}
    errors = asked(keys, bounds, problems)
    if len(problems):
        return None
    return InterfaceFitConfig(
        name=name,
        model=model,
        interfaces=interfaces,
        data=data,
        parameters=parameters,
        curve=curve,
        uncertainty=errors.uncertainty,
        level=keys.level,
        samples=errors.samples,
        seed=errors.seed,
        priors=errors.priors,
        sampling=errors.sampling,
        absolute_sigma=not weights if keys.absolute_sigma is None else keys.absolute_sigma,
        notes=(WEIGHTS_NOTE,) if weights else (),
        output=os.path.expanduser(str((document.data.get("output") or {}).get("path", ""))),
        raw=dict(document.data),
    )


def _listed(key: str, value: Any) -> Any:
    """Let a single datum stand without a list around it."""
    if key != "interfaces" or not isinstance(value, dict):
        return value
    return {
        name: {k: [v] if k in QUANTITIES and isinstance(v, dict) else v for k, v in entry.items()}
        if isinstance(entry, dict)
        else entry
        for name, entry in value.items()
    }


def _known(path: str, place: tuple[str | int, ...], known: list[str], problems: Problems, *, key: bool = False) -> bool:
    if normalised(path) in known:
        return True
    message = f"{shown(path)} names no number of this stack ({nearest(normalised(path), known)})"
    problems.add(place, message, key=key)
    return False


def _parameter(name: str, spec: ParameterKeys, known: list[str], problems: Problems, lawful: bool) -> FittedPath:
    paths = spec.paths if spec.paths is not None else [name]
    where: tuple[str | int, ...] = ("parameters", name)
    low, high = -float("inf"), float("inf")
    for i, path in enumerate(paths):
        place = (*where, "paths", i) if spec.paths is not None else where
        if _known(path, place, known, problems, key=spec.paths is None):
            bounds = allowed_range(normalised(path))
            low, high = max(low, bounds[0]), min(high, bounds[1])
    for key in ("initial", "min", "max", "fixed"):
        value = getattr(spec, key)
        if value is not None and not low <= value <= high:
            problems.add((*where, key), f"{value:g} is out of range (allowed: {low:g} to {high:g})")
    minimum, maximum = spec.min if spec.min is not None else low, spec.max if spec.max is not None else high
    if spec.initial is not None and not minimum <= spec.initial <= maximum:
        problems.add((*where, "initial"), f"{spec.initial:g} is out of range (allowed: {minimum:g} to {maximum:g})")
    logarithmic = ("rate_constant_per_m2_s",) if lawful else _OF_UNKNOWN_SIZE
    rate = any(path.endswith(logarithmic) for path in paths)
    return FittedPath(
        name=name,
        paths=tuple(normalised(path) for path in paths),
        minimum=minimum,
        maximum=maximum,
        initial=spec.initial,
        fixed=spec.fixed,
        log=spec.log if spec.log is not None else rate,
    )


def _measured(
    keys: FitPartKeys, model: Config, known: list[str], problems: Problems
) -> tuple[dict[str, dict[str, float]], tuple[Datum, ...]]:
    """Return the interfaces and their data."""
    interfaces, data = {}, []
    first = {normalised(path) for path in next(iter(keys.interfaces.values())).at} if keys.interfaces else set()
    for name, entry in keys.interfaces.items():
        at = {normalised(path): float(value) for path, value in entry.at.items()}
        for path in entry.at:
            _known(path, ("interfaces", name, "at", path), known, problems, key=True)
        if set(at) != first:
            problems.add(
                ("interfaces", name, "at"), f"every interface gives the same numbers: {', '.join(sorted(first))}"
            )
        interfaces[name] = at
        for quantity in QUANTITIES:
            for item in getattr(entry, quantity):
                place = ("interfaces", name, quantity)
                energy = quantity == "activation_energy_eV"
                if energy and (item.between_K is None or len(set(item.between_K)) < 2):
                    problems.add(place, "between_K, two different temperatures, is needed")
                elif not energy and item.between_K is not None:
                    problems.add(place, "between_K belongs to activation_energy_eV")
                single = (item.temperature_K or float(model.base_stack.temperature_K),)
                data.append(
                    Datum(
                        interface=name,
                        quantity=quantity,
                        value=item.value,
                        sigma=item.sigma,
                        limit={"measured": 0, "at_most": -1, "at_least": 1}[item.limit],
                        temperatures=tuple(item.between_K) if energy and item.between_K else single,
                    )
                )
    if not data:
        problems.add("interfaces", f"nothing was measured (known: {', '.join(QUANTITIES)})")
    return interfaces, tuple(data)


def _check_law(data: Sequence[Datum], model: Config, lawful: bool, problems: Problems) -> None:
    """Report quantities that need a law of charge transfer, or the choice of a contact."""
    if lawful:
        return
    needs = sorted({d.quantity for d in data} & {"exchange_current_density_mA_per_cm2", "activation_energy_eV"})
    if needs:
        problems.add("contacts", f"{' and '.join(needs)} needs the charge_transfer of a contact", key=True)
    if len(model.base_stack.names) != 2:
        problems.add("layers", "without charge_transfer a fit takes two layers and their contact", key=True)


def _curve(keys: CurveKeys | None, known: list[str], problems: Problems) -> tuple[str, Grid] | None:
    if keys is None or not _known(keys.path, ("curve", "path"), known, problems):
        return None
    low, high = allowed_range(normalised(keys.path))
    for key in ("start", "stop"):
        value = getattr(keys, key)
        if not low <= value <= high:
            problems.add(("curve", key), f"{value:g} is out of range (allowed: {low:g} to {high:g})")
    return normalised(keys.path), Grid(n=keys.num, start=keys.start, stop=keys.stop, spacing="linear")


__all__ = [
    "KIND",
    "QUANTITIES",
    "Datum",
    "FittedPath",
    "FitPartKeys",
    "InterfaceFitConfig",
    "InterfaceFitKeys",
    "check_interface_fit",
]
