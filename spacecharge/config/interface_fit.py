"""Configurations of fits of the interface model: measured interfaces, and which numbers of the model follow them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictStr

from ..document.problems import Problems
from ..document.yaml import Document
from ..errors import ConfigError
from ..model.numbers import RANGES
from .axes import Grid
from .cell_parameters import AREA, PAIRS
from .config import Config
from .fields import Keys, Plain, Whole
from .fit_keys import FitAxisKeys, result_name
from .interface_keys import QUANTITIES, InterfaceKeys
from .interface_loads import check_driven
from .interface_parameters import FittedPath, ParameterKeys, fitted_path, is_known
from .interface_spectra import MeasuredSpectrum, read_spectra
from .load import load_document
from .paths import allowed_range, normalised, sweepable
from .schema import Configuration
from .uncertainty import PriorSpec, Range, Sampling, UncertaintyKeys, asked
from .validation import validate

KIND = "interface"


class ErrorKeys(Keys):
    """The law of the errors of the data; default: normal."""

    student: Annotated[float, Field(strict=True, ge=1.0, le=100.0)] = Field(
        description="Degrees of freedom of Student's t: 2 to 5 where outliers are to count little"
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
    errors: ErrorKeys | None = None
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
    to : str
        Interface over whose value a ratio is; empty otherwise.
    """

    interface: str
    quantity: str
    value: float
    sigma: float
    limit: int
    temperatures: tuple[float, ...]
    to: str = ""


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
    spectra : tuple of MeasuredSpectrum
        Measured spectra.
    student : float
        Degrees of freedom of Student errors; 0: normal.
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
    spectra: tuple[MeasuredSpectrum, ...] = ()
    student: float = 0.0
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
    if isinstance(run.get("impedance"), dict):
        # The frequencies of a fit are those of its spectra.
        run["impedance"] = {"frequency_Hz": [1.0], **run["impedance"]}
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
    paths = sweepable(document.data)
    known = sorted(p for p, kind in paths.items() if kind in ("stack", "charge_transfer"))
    laws = [law for law in model.charge_transfer if law is not None]
    if len(laws) > 1:
        problems.add("contacts", f"a fit knows the charge_transfer of one contact, got {len(laws)}", key=True)
    layers = document.data.get("layers")
    parameters = tuple(fitted_path(name, spec, known, problems, layers) for name, spec in keys.parameters.items())
    from .interface_table import WEIGHTS_NOTE, with_tables

    keys, weights = with_tables(keys, document.path, problems)
    driving = [p for p, kind in paths.items() if kind == "load"]
    interfaces, data = _measured(keys, model, [*known, *driving], problems)
    spectra = read_spectra(keys.interfaces, document.path, float(model.base_stack.temperature_K), problems)
    weights |= any(spectrum.sigma is None for spectrum in spectra)
    _check_law(data, model, bool(laws), problems)
    _check_cell(parameters, data, spectra, model, problems)
    if not any(entry.spectrum for entry in keys.interfaces.values()):
        for of_cell in sorted({p.name for p in parameters if p.of_cell} - {AREA}):
            problems.add(("parameters", of_cell), "acts on spectra only, and there is none", key=True)
    check_driven(interfaces, data, parameters, model, problems)
    curve = _curve(keys.curve, known, layers, problems)
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
        spectra=spectra,
        student=0.0 if keys.errors is None else keys.errors.student,
        notes=(WEIGHTS_NOTE,) if weights else (),
        output=os.path.expanduser(str((document.data.get("output") or {}).get("path", ""))),
        raw=dict(document.data),
    )


def _listed(key: str, value: Any) -> Any:
    """Let a single datum stand without a list around it."""
    if key != "interfaces" or not isinstance(value, dict):
        return value
    return {
        name: {k: [v] if k in (*QUANTITIES, "spectrum") and isinstance(v, dict) else v for k, v in entry.items()}
        if isinstance(entry, dict)
        else entry
        for name, entry in value.items()
    }


def _measured(
    keys: FitPartKeys, model: Config, known: list[str], problems: Problems
) -> tuple[dict[str, dict[str, float]], tuple[Datum, ...]]:
    """Return the interfaces and their data."""
    interfaces, data = {}, []
    first = {normalised(path) for path in next(iter(keys.interfaces.values())).at} if keys.interfaces else set()
    for name, entry in keys.interfaces.items():
        at = {normalised(path): float(value) for path, value in entry.at.items()}
        for path in entry.at:
            is_known(path, ("interfaces", name, "at", path), known, problems, key=True)
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
                ratio = quantity.endswith("_ratio")
                if ratio and item.to not in keys.interfaces:
                    problems.add(place, f"to: an interface is needed ({', '.join(list(keys.interfaces)[:8])})")
                elif not ratio and item.to is not None:
                    problems.add(place, "to belongs to a ratio")
                single = (item.temperature_K or float(model.base_stack.temperature_K),)
                data.append(
                    Datum(
                        interface=name,
                        quantity=quantity,
                        value=item.value,
                        sigma=item.sigma,
                        limit={"measured": 0, "at_most": -1, "at_least": 1}[item.limit],
                        temperatures=tuple(item.between_K) if energy and item.between_K else single,
                        to=item.to or "",
                    )
                )
    if not data and not any(entry.spectrum for entry in keys.interfaces.values()):
        problems.add("interfaces", f"nothing was measured (known: {', '.join(QUANTITIES)}, spectrum)")
    return interfaces, tuple(data)


def _check_law(data: Sequence[Datum], model: Config, lawful: bool, problems: Problems) -> None:
    """Report quantities that need a law of charge transfer, or the choice of a contact."""
    if lawful:
        return
    if any(d.quantity.startswith("exchange") for d in data):
        message = "exchange_current_density_mA_per_cm2 needs the charge_transfer of a contact"
        problems.add("contacts", message, key=True)
    if data and len(model.base_stack.names) != 2:
        problems.add("layers", "without charge_transfer a fit takes two layers and their contact", key=True)


def _check_cell(
    parameters: Sequence[FittedPath],
    data: Sequence[Datum],
    spectra: Sequence[MeasuredSpectrum],
    model: Config,
    problems: Problems,
) -> None:
    """Report parameters of the cell that say nothing, and data that need one."""
    given = {p.name for p in parameters if p.of_cell}
    if AREA not in given and (model.impedance is None or model.impedance.electrode_area is None):
        of_cell = sorted({d.quantity for d in data if d.quantity in ("resistance_ohm", "capacitance_uF")})
        of_cell += [spectrum.path for spectrum in spectra if not spectrum.per_area]
        of_cell += ["parameters.inductance_nH"] * ("inductance_nH" in given)
        if of_cell:
            message = f"{AREA} is needed (free, or {{fixed: ...}}): {of_cell[0]} is of a cell, the model of an area"
            problems.add("parameters", message, key=True)
    for pair in PAIRS:
        missing = set(pair) - given
        if len(missing) == 1:
            problems.add(("parameters", (set(pair) & given).pop()), f"needs {missing.pop()} beside it", key=True)
    ends = () if model.impedance is None else tuple(model.impedance.ends.values())
    if "blocking_phase_exponent" in given and "blocking" not in ends:
        problems.add(("parameters", "blocking_phase_exponent"), "needs impedance.ends with a blocking one", key=True)


def _curve(keys: CurveKeys | None, known: list[str], layers: object, problems: Problems) -> tuple[str, Grid] | None:
    if keys is None or not is_known(keys.path, ("curve", "path"), known, problems):
        return None
    low, high = allowed_range(normalised(keys.path), layers)
    for key in ("start", "stop"):
        value = getattr(keys, key)
        if not low <= value <= high:
            problems.add(("curve", key), f"{value:g} is out of range (allowed: {low:g} to {high:g})")
    return normalised(keys.path), Grid(n=keys.num, start=keys.start, stop=keys.stop, spacing="linear")


__all__ = [
    "KIND",
    "Datum",
    "FitPartKeys",
    "InterfaceFitConfig",
    "InterfaceFitKeys",
    "check_interface_fit",
]
