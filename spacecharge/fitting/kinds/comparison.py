"""Model and NMR side by side: the resistance of a space-charge layer and the one of its exchange current."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, StrictStr, Tag

from ...config.fields import Keys
from ...config.fit_keys import FitOutputKeys, number, result_name
from ...config.validation import validate
from ...document.problems import Problems
from ...document.yaml import Document, beside, read_document
from ...errors import ConfigError, StoreError
from ...nmr.transport import horvai_resistance
from ...report.fits import comparison_text
from ...store.stored_fit import FitColumn, FitTable, StoredFit
from ..kind import Kind
from ..result import UnfittedResult

if TYPE_CHECKING:
    from ...config import Config

NAME = "comparison"

_CURRENT = "exchange_current_density_mA_per_cm2"


class FromFitKeys(Keys):
    """A number of a stored fit."""

    from_fit: StrictStr = Field(description="Result file of the fit, relative to this configuration")
    parameter: StrictStr


def _current_tag(value: Any) -> str:
    return "<fit>" if isinstance(value, (Mapping, FromFitKeys)) else "<number>"


class ComparedInterfaceKeys(Keys):
    """The exchange current density of one interface."""

    exchange_current_density_mA_per_cm2: Annotated[
        Annotated[float, number(1e-12, 1e12, "Exchange current density", "mA/cm2"), Tag("<number>")]
        | Annotated[FromFitKeys, Tag("<fit>")],
        Discriminator(_current_tag),
    ]
    sigma_mA_per_cm2: Annotated[float, number(1e-15, 1e12, "One sigma of it", "mA/cm2")] | None = None
    limit: Literal["at_most", "measured"] = "measured"


class ComparisonKeys(Keys):
    """The resistance of a space-charge layer beside the one of its exchange current."""

    fit: Literal["comparison"]
    name: StrictStr | None = None
    title: StrictStr = ""
    model: StrictStr = Field(description="Configuration whose points are the interfaces, relative to this one")
    interfaces: Annotated[dict[StrictStr, ComparedInterfaceKeys], Field(min_length=1)]
    output: FitOutputKeys = Field(default_factory=FitOutputKeys)


_SECTIONS = {
    "model": "the configuration of the interfaces is needed, a file name",
    "interfaces": "a mapping from the name of an interface to its exchange current density is needed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonConfig:
    """A checked comparison.

    Parameters
    ----------
    name, title, output, path, text : str
        Name of the result, title, HDF5 file (empty for none), configuration file and its text.
    model : str
        Configuration of the interfaces.
    interfaces : dict of str to ComparedInterfaceKeys
        By name, in the order of the points of `model`.
    """

    name: str
    title: str
    output: str
    path: str
    text: str
    model: str
    interfaces: dict[str, ComparedInterfaceKeys]

    @property
    def kind(self) -> str:
        """Name of the kind of fit."""
        return NAME


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison(UnfittedResult):
    """The three numbers of each interface.

    Parameters
    ----------
    name, title, text
        As :class:`~spacecharge.fitting.result.UnfittedResult` has them.
    interfaces : tuple of str
        Names.
    temperature : ndarray, shape (n_interfaces,)
        [K].
    model_resistance : ndarray, shape (n_interfaces,)
        Resistance of the space-charge layers [ohm m^2]; NaN where the solve failed.
    status : ndarray of int, shape (n_interfaces,)
        Of the solves.
    exchange_current_density, sigma : ndarray, shape (n_interfaces,)
        i0 with one sigma (NaN: not known) [A/m^2].
    is_bound : ndarray of bool, shape (n_interfaces,)
        i0 is an upper bound, so its resistance and the factor are lower ones.
    """

    kind: ClassVar[str] = NAME
    interfaces: tuple[str, ...]
    temperature: NDArray[np.float64]
    model_resistance: NDArray[np.float64]
    status: NDArray[np.int32]
    exchange_current_density: NDArray[np.float64]
    sigma: NDArray[np.float64]
    is_bound: NDArray[np.bool_]

    @property
    def nmr_resistance(self) -> NDArray[np.float64]:
        """Interface resistance kT/(e i0) [ohm m^2] (Horvai, Electroanalysis 3, 673 (1991))."""
        return horvai_resistance(self.exchange_current_density, self.temperature)

    @property
    def factor(self) -> NDArray[np.float64]:
        """NMR over model [1]; NaN where the model has no resistance of its own.

        Without a space-charge layer the model's resistance is zero but for rounding, and a ratio to it
        would mean nothing.
        """
        model = self.model_resistance
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.nmr_resistance / model
        return np.where(np.abs(model) > _NOTHING * np.nanmax(np.abs(model), initial=0.0), ratio, math.nan)

    def __repr__(self) -> str:
        """Return the table."""
        return comparison_text(as_data(self.stored()))

    @property
    def warnings(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """None."""
        return {}

    @property
    def n_failed(self) -> int:
        """Interfaces that were not solved."""
        return int((self.status > 0).sum())

    @property
    def tables(self) -> Mapping[str, FitTable]:
        """The one table, of the group itself."""
        columns = {
            "interface": (self.interfaces, "1", "interface"),
            "temperature": (self.temperature, "K", "temperature"),
            "model_resistance": (self.model_resistance, "ohm m2", "space-charge resistance of the model"),
            "exchange_current_density": (self.exchange_current_density, "A m-2", "exchange current density"),
            "sigma": (self.sigma, "A m-2", "one sigma of the exchange current density (NaN: not known)"),
            "is_bound": (
                self.is_bound.astype(np.int8),
                "1",
                "1: the exchange current density is an upper bound",
            ),
            "nmr_resistance": (self.nmr_resistance, "ohm m2", "interface resistance kT/(e i0)"),
            "factor": (self.factor, "1", "NMR over model"),
            "status": (self.status, "1", "status of the solve"),
        }
        made = {
            name: FitColumn(values=values, unit=unit, long_name=words)
            for name, (values, unit, words) in columns.items()
        }
        return {"": FitTable(columns=made, axis="interface")}

    def stored(self) -> StoredFit:
        """Return what the group ``fits/NAME`` of a result file would hold."""
        return StoredFit(name=self.name, kind=self.kind, title=self.title, tables=dict(self.tables))

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``spacecharge fit --json`` prints; what is not known is null."""
        columns = {
            "model_resistance": self.model_resistance,
            "exchange_current_density": self.exchange_current_density,
            "sigma": self.sigma,
            "nmr_resistance": self.nmr_resistance,
            "factor": self.factor,
            "is_bound": self.is_bound,
        }
        rows = {
            name: {key: values[k].item() if math.isfinite(values[k]) else None for key, values in columns.items()}
            for k, name in enumerate(self.interfaces)
        }
        units = {key: column.unit for key, column in self.tables[""].columns.items() if key in columns}
        return {"name": self.name, "title": self.title, "interfaces": rows, "units": units}


_NOTHING = 1e-6
"""Share of the largest model resistance below which there is none."""


def _check(document: Document, problems: Problems) -> ComparisonConfig | None:
    before = len(problems)
    keys = validate(ComparisonKeys, document.data, problems, sections=_SECTIONS)
    name = result_name(document, problems)
    if keys is None or len(problems) > before:
        return None
    return ComparisonConfig(
        name=name,
        title=keys.title,
        output=keys.output.path,
        path=document.path,
        text=document.text,
        model=keys.model,
        interfaces=keys.interfaces,
    )


def _model(config: ComparisonConfig) -> Config:
    """Return the configuration of the interfaces, which has a point for each."""
    from ...config.load import load_document
    from ..from_fit import with_fits

    model = with_fits(load_document(read_document(beside(config.path, config.model))))
    if model.n_points != len(config.interfaces):
        n = len(config.interfaces)
        raise ConfigError(
            [f"{config.path}: interfaces: {n} interfaces, but {config.model} has {model.n_points} points"]
        )
    return model


def compare(config: ComparisonConfig) -> Comparison:
    """Solve the interfaces of a configuration and set them beside the measured exchange currents.

    Parameters
    ----------
    config : ComparisonConfig
        Checked.

    Returns
    -------
    Comparison
        The numbers.

    Raises
    ------
    ConfigError
        The configuration that it names as model is broken.
    """
    from ...solver.equilibrium import solve_points

    model = _model(config)
    parameters = model.parameters(0, model.n_points)
    points = solve_points(
        parameters,
        tolerance_V=model.tolerance(0, model.n_points),
        resistance_of=model.output.resistance_of,
        n_threads=1,
    )
    currents = [_current(entry, config, name) for name, entry in config.interfaces.items()]
    return Comparison(
        name=config.name,
        title=config.title,
        text=config.text,
        interfaces=tuple(config.interfaces),
        temperature=np.array(np.broadcast_to(parameters.temperature, (model.n_points,)), dtype=float),
        model_resistance=np.array(points.scalars["interface_resistance"], dtype=float),
        status=np.array(points.scalars["status"], dtype=np.int32),
        exchange_current_density=np.array([value for value, _ in currents]),
        sigma=np.array([sigma for _, sigma in currents]),
        is_bound=np.array([entry.limit == "at_most" for entry in config.interfaces.values()]),
    )


def _current(entry: ComparedInterfaceKeys, config: ComparisonConfig, name: str) -> tuple[float, float]:
    """Return exchange current density and sigma [A/m^2]."""
    given = entry.exchange_current_density_mA_per_cm2
    if not isinstance(given, FromFitKeys):
        sigma = entry.sigma_mA_per_cm2
        return 10.0 * given, math.nan if sigma is None else 10.0 * sigma
    from ...store.fit_reader import read_fit

    where = f"{config.path}: interfaces.{name}"
    try:
        found = read_fit(beside(config.path, given.from_fit), given.parameter)
    except StoreError as error:
        raise ConfigError([f"{where}: {error}"]) from None
    if found.unit != "A m-2":
        raise ConfigError([f"{where}: {given.parameter} is in {found.unit}, not A m-2"])
    return found.value, found.sigma


def as_data(stored: StoredFit) -> dict[str, Any]:
    """Return name, title, interfaces and columns, as tables and figures take them."""
    table = stored.tables[""]
    columns = {key: column.values for key, column in table.columns.items() if key != "interface"}
    return {"name": stored.name, "title": stored.title, "interfaces": list(table["interface"]), **columns}


def _summary(config: ComparisonConfig) -> Iterator[tuple[str, str]]:
    """Yield the lines about the interfaces."""
    for name, entry in config.interfaces.items():
        current, sigma = _current(entry, config, name)
        error = "" if math.isnan(sigma) else f" +- {0.1 * sigma:g}"
        limit = "at most " if entry.limit == "at_most" else ""
        yield "interface", f"{name}: {limit}{0.1 * current:g}{error} mA/cm2"


KIND = Kind(
    name=NAME,
    words="the resistance of a space-charge layer beside the one of its exchange current",
    keys=ComparisonKeys,
    check=_check,
    run=compare,
    summary=_summary,
    runs=_model,
    text=lambda stored: comparison_text(as_data(stored)),
    figure="fits:comparison_figure",
    solves=True,
)

__all__ = ["KIND", "Comparison", "ComparisonConfig", "as_data", "compare"]
