"""The keys of a configuration: names, units, ranges and descriptions, as pydantic models.

Every key that is not named here is an error. Numbers come from the table in :mod:`spacecharge.model.numbers`,
so a configuration and ``sc.Layer(...)`` refuse the same ones. Tags of unions stand in angle brackets:
:func:`spacecharge.config.validation.validate` takes them out of the dotted paths again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictStr,
    Tag,
    ValidationInfo,
    create_model,
)

from ..codes import STATISTICS_NAMES, TRANSPORT_NAMES, EndKind, Statistics
from ..errors import ModelError
from ..library.metals import METALS
from ..model.conduction import ENERGY_OF, ENERGY_OF_NAMES
from ..model.declaration import BAND
from ..model.layer import ELECTRONS
from ..model.numbers import CONTACT, END, LAYER, LOAD, SOLVER, SPECIES, STACK, TRANSFER, Number, number_of
from ..model.planes import PLANE
from ..units import stem
from .fields import Keys, Plain, Whole, quantity
from .schema_document import json_schema
from .sweep_keys import AxisKeys, SweepKeys

_END_WORDS = tuple(kind.key for kind in EndKind if not kind.is_contact)

MAX_POINTS = 2**53
"""Most points of a sweep: their numbers must be exact as floats."""

MAX_FREQUENCIES = 1_000_000
"""Most frequencies of a spectrum: every point computes and holds all of them."""


def numbers_model(name: str, rows: Iterable[Number], base: type[Keys] = Keys, *, optional: bool) -> Any:
    """Return a model with the keys of these numbers.

    Parameters
    ----------
    name : str
        Its name.
    rows : iterable of Number
        What they are; of dotted keys the last part counts.
    base : type
        What it extends.
    optional : bool
        Whether every key may be left out for a material or a law to fill in; else those with a default may.
    """
    keys: dict[str, Any] = {}
    for row in rows:
        kind = _law_or_number(row) if row.rule == "law" and not row.is_part else Annotated[float, quantity(row)]
        if row.widest is not row:
            kind = Annotated[float, quantity(row.widest), AfterValidator(partial(_under_statistics, row))]
        default = ... if row.default is None else row.default
        keys[row.key.rpartition(".")[2]] = (kind | None, None) if optional else (kind, default)
    made: Any = create_model(name, __base__=base, __module__=__name__, __doc__=base.__doc__, **keys)
    return made


def _under_statistics(row: Number, value: float, info: ValidationInfo) -> float:
    """Return a number within the range that the statistics beside it allows."""
    try:
        return row.under(info.data.get("statistics")).check(value, row.key)
    except ModelError as error:
        raise ValueError(error.message) from None


def _below(rows: Iterable[Number], key: str) -> list[Number]:
    """Return the numbers whose keys lie below `key`."""
    return [row for row in rows if row.key.startswith(f"{key}.")]


def _own(rows: Iterable[Number]) -> list[Number]:
    """Return the numbers whose keys lie below no other."""
    return [row for row in rows if "." not in row.key]


class FitReferenceKeys(Keys):
    """A number taken from a fit (`spacecharge fit`)."""

    from_fit: StrictStr = Field(description="Result file of the fit, relative to this configuration")
    parameter: StrictStr = Field(description="Name of the fitted parameter")


def _law_kind(value: Any) -> str:
    if not isinstance(value, dict):
        return "<number>"
    return "<fit>" if "from_fit" in value or "parameter" in value else "<law>"


def _law_or_number(row: Number) -> Any:
    """Return the type of a number that may follow an Arrhenius law, or come from a fit."""
    name = "".join(word.capitalize() for word in stem(row.key).split("_"))
    law = numbers_model(f"{name}Law", _below(SPECIES, row.key), optional=False)
    law.__doc__ = "Arrhenius law value exp[-(Ea/k)(1/T - 1/at_K)]."
    if row.array == "given_conductivity":
        words = "sigma_T (default): the law holds for sigma T, as for the diffusivity; sigma: for sigma itself"
        energy_of: Any = (Literal[ENERGY_OF_NAMES] | None, Field(default=None, description=words))
        more: dict[str, Any] = {ENERGY_OF: energy_of}
        law = create_model(law.__name__, __base__=law, __module__=__name__, **more)
    number = Annotated[float, quantity(replace(row, text=f"{row.text}, the same at every temperature"))]
    return Annotated[
        Annotated[number, Tag("<number>")] | Annotated[law, Tag("<law>")] | Annotated[FitReferenceKeys, Tag("<fit>")],
        Discriminator(_law_kind),
        Field(description=f"{row.text} [{row.unit.text or '1'}]: a number, an Arrhenius law, or a fit"),
    ]


class StatisticsKeys(Keys):
    """The law of a species, known before the numbers whose ranges follow it."""

    statistics: Literal[STATISTICS_NAMES] | None = Field(  # type: ignore[valid-type]
        default=None, description=", ".join(f"{law.words} ({law.name.lower()})" for law in Statistics)
    )


Temperature = Annotated[float, quantity(number_of("temperature_K"))]

if TYPE_CHECKING:
    # Checkers see the keys that a class names itself; those of numbers come from the table.
    SpeciesNumbers = StatisticsKeys
    InteractionNumbers = Keys
    ContactNumbers = Keys
    PlaneNumbers = Keys
    PlaneBackground = Keys
    EndNumbers = Keys
    TransferNumbers = Keys
    CalibrationNumbers = Keys
    SolverNumbers = Keys
    LoadNumbers = Keys
    StackNumbers = Keys
else:
    SpeciesNumbers = numbers_model("SpeciesNumbers", _own(SPECIES), StatisticsKeys, optional=True)
    InteractionNumbers = numbers_model("InteractionNumbers", _below(SPECIES, "interaction"), optional=False)
    ContactNumbers = numbers_model("ContactNumbers", CONTACT, optional=False)
    PlaneNumbers = numbers_model("PlaneNumbers", PLANE[:2], optional=False)
    PlaneBackground = numbers_model("PlaneBackground", PLANE[2:], optional=False)
    EndNumbers = numbers_model("EndNumbers", END, optional=True)
    TransferNumbers = numbers_model("TransferNumbers", _own(TRANSFER), optional=True)
    CalibrationNumbers = numbers_model("CalibrationNumbers", _below(TRANSFER, "calibrate"), optional=False)
    SolverNumbers = numbers_model("SolverNumbers", SOLVER, optional=False)
    LoadNumbers = numbers_model("LoadNumbers", LOAD, optional=True)
    StackNumbers = numbers_model("StackNumbers", STACK, optional=False)


class Interaction(InteractionNumbers):
    """Cube-root interaction of the carriers; positive values repel."""


class Ocv(Keys):
    """Open-circuit voltage: three lists of one length, each rising or falling strictly."""

    composition: list[Annotated[float, quantity(number_of("composition"))]]
    occupancy: list[Annotated[float, quantity(number_of("occupancy"))]]
    potential_V: list[Annotated[float, quantity(number_of("potential_V"))]]


class OcvColumns(Keys):
    """Titles of the columns of a table."""

    composition: StrictStr = Field(description="Title of the column of the composition")
    potential_V: StrictStr = Field(description="Title of the column of the potential [V]")
    occupancy: StrictStr | None = Field(
        default=None, description="Title of the column of the occupancy; default: occupancy_per_composition decides"
    )


class OcvSource(Keys):
    """What is common to curves from files."""

    occupancy_per_composition: Annotated[Plain, Field(gt=0.0, le=100.0)] = Field(
        default=1.0, description="Occupancy = this times the composition"
    )
    composition_range: Annotated[list[Plain], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="Part of the curve that is used, lowest and highest composition"
    )


class OcvTable(OcvSource):
    """Open-circuit voltage from a table."""

    path: StrictStr = Field(description="Table, relative to this configuration")
    columns: OcvColumns
    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal sign; default: found")


class OcvFit(OcvSource):
    """Open-circuit voltage from a fit of the kind ocv."""

    from_fit: StrictStr = Field(description="Result file of the fit, relative to this configuration")
    fit: StrictStr | None = Field(default=None, description="Name of the fit where the file holds several")


def _ocv_kind(value: Any) -> str:
    if isinstance(value, dict):
        if "from_fit" in value:
            return "<fit>"
        if "path" in value or "columns" in value:
            return "<table>"
    return "<lists>"


AnyOcv = Annotated[
    Annotated[Ocv, Tag("<lists>")] | Annotated[OcvTable, Tag("<table>")] | Annotated[OcvFit, Tag("<fit>")],
    Discriminator(_ocv_kind),
    Field(description="Open-circuit voltage: three lists, a table, or a fit of the kind ocv"),
]


_NARROWER: dict[str, Any] = {row.key: {"exclusiveMaximum": row.high} for row in SPECIES if row.widest is not row}
"""What holds of numbers of species that stand on sites."""


class SpeciesKeys(SpeciesNumbers):
    """What belongs to one mobile species."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"statistics": {"const": BAND}}, "required": ["statistics"]},
            "else": {"properties": _NARROWER},
        }
    )

    interaction: Interaction | None = None
    transport: Literal[TRANSPORT_NAMES] | None = Field(  # type: ignore[valid-type]
        default=None, description="How the diffusivity follows the occupancy"
    )
    ocv: AnyOcv | None = None
    component: StrictStr | None = Field(default=None, description="Species of one component share one potential")
    pool: StrictStr | None = Field(default=None, description="Sites shared with the other species of that name")


if TYPE_CHECKING:
    LayerNumbers = SpeciesKeys
else:
    LayerNumbers = numbers_model("LayerNumbers", LAYER, SpeciesKeys, optional=True)


class LayerKeys(LayerNumbers):
    """One layer; what is not given comes from the material."""

    material: StrictStr | None = Field(default=None, description="Name in the library (spacecharge materials)")
    defects: StrictStr | dict[str, Any] | None = Field(
        default=None, description="Defects of the material, which say its carriers: a file, or their keys"
    )
    core_of: StrictStr | None = Field(default=None, description="Layer whose grain-boundary core this is")
    species: dict[str, SpeciesKeys] | None = Field(default=None, min_length=1, description="Several species, by name")


class Calibration(CalibrationNumbers):
    """Rate constant set so that a named neutral case has a measured exchange current density."""

    contact: StrictStr = Field(description="Contact of the neutral case, LEFT|RIGHT")
    temperature_K: Temperature | None = None
    at: dict[str, Plain] | None = Field(
        default=None, description="Numbers of the neutral case by dotted path, e.g. electrode.composition"
    )


class ChargeTransfer(TransferNumbers):
    """Jumps across a contact: i0 = e k0 [theta_e (1-theta_s)]^(1-alpha) [theta_s (1-theta_e)]^alpha."""

    from_fit: StrictStr | None = Field(default=None, description="Result file of an interface fit")
    parameter: StrictStr | None = Field(default=None, description="Name of the fitted rate constant")
    calibrate: Calibration | None = None


class PlaneCharge(PlaneBackground):
    """A plane of sites with a fixed charge of its own."""


class SitesKeys(PlaneNumbers):
    """A plane of sites in a contact, whose charge follows its potential."""

    species: StrictStr | None = Field(default=None, description="Species that it holds, where there are several")
    of: StrictStr | None = Field(default=None, description="Layer whose neutral bulk it is level with (the left one)")
    background: Annotated[
        Annotated[Literal["neutral"], Tag("<word>")] | Annotated[PlaneCharge, Tag("<charge>")],
        Discriminator(lambda value: "<charge>" if isinstance(value, dict) else "<word>"),
    ] = "neutral"


class ContactKeys(ContactNumbers):
    """What sits in the plane between two layers."""

    electrons: Literal[ELECTRONS] | None = Field(  # type: ignore[valid-type]
        default=None, description="Whether electrons cross: blocked (default) or level, for layers of one potential"
    )
    charge_transfer: ChargeTransfer | None = None
    sites: SitesKeys | None = None


class FixedEnd(EndNumbers):
    """An end held at a potential or a surface charge, or a metal electrode."""

    material: Literal[tuple(METALS)] | None = Field(  # type: ignore[valid-type]
        default=None, description="Metal electrode at its own potential against Li/Li+"
    )


EndKeys = Annotated[
    Annotated[Literal[_END_WORDS], Tag("<word>")] | Annotated[FixedEnd, Tag("<fixed>")],  # type: ignore[valid-type]
    Discriminator(lambda value: "<fixed>" if isinstance(value, dict) else "<word>"),
]


class Ends(Keys):
    """Conditions at the two outer ends."""

    left: EndKeys = EndKind.ZERO_FIELD.key
    right: EndKeys = EndKind.ZERO_FIELD.key


class SolverKeys(SolverNumbers):
    """How exactly to solve."""


class ProfileKeys(Keys):
    """Profiles of potential and occupancy in the result file."""

    nodes: Annotated[Whole, Field(ge=3, le=1_000_000, description="Nodes for each layer")]


ProfileSwitch = Annotated[
    Annotated[StrictBool, Tag("<switch>")] | Annotated[ProfileKeys, Tag("<nodes>")],
    Discriminator(lambda value: "<nodes>" if isinstance(value, dict) else "<switch>"),
]


class ReferenceLine(Keys):
    """A published value that figures draw beside a variable."""

    of: StrictStr = Field(description="Variable, as the result file names it")
    value: Plain | Annotated[list[Plain], Field(min_length=2, max_length=2)] = Field(
        description="Value, or lowest and highest"
    )
    unit: StrictStr = Field(description="Unit of the value: that in which figures show the variable")
    label: Annotated[StrictStr, Field(min_length=1)] = Field(description="What it is, and whose")


class OutputKeys(Keys):
    """What is written, and where."""

    path: Annotated[StrictStr, Field(min_length=1)] | None = Field(
        default=None, description="Result file, relative to the working directory"
    )
    profiles: ProfileSwitch = Field(default=False, description="Write profiles: true, false, or {nodes: N}")
    resistance_of: list[StrictStr] | None = Field(
        default=None, description="Layers of the interface resistance; default: all with a diffusivity"
    )
    sensitivities: list[StrictStr] = Field(
        default_factory=list, description="Dotted paths to differentiate every observable by"
    )
    reference_lines: list[ReferenceLine] = Field(default_factory=list, description="Published values in figures")


class LoadKeys(LoadNumbers):
    """A steady current, or the voltage that drives one; both ends are then reservoirs of neutral bulk."""

    components: list[StrictStr] | None = Field(default=None, min_length=1, description="What the ends exchange")


class ReversibleFor(Keys):
    """An end that exchanges some components."""

    reversible: list[StrictStr] = Field(min_length=1, description="Components with dv = dphi = applied")


SignalEnd = Annotated[
    Annotated[Literal["reversible", "blocking"], Tag("<word>")] | Annotated[ReversibleFor, Tag("<components>")],
    Discriminator(lambda value: "<components>" if isinstance(value, dict) else "<word>"),
]


class SignalEnds(Keys):
    """Ends as the small signal sees them, whatever the static ends; under a load `reversible` is for its components."""

    left: SignalEnd = "reversible"
    right: SignalEnd = "reversible"


class ImpedanceKeys(Keys):
    """A small alternating voltage about the state of the stack."""

    frequency_Hz: AxisKeys = Field(description="Frequencies: a list or {start, stop, num, spacing: log} [Hz]")
    ends: SignalEnds = Field(default_factory=SignalEnds)
    arcs: bool | None = Field(
        default=None,
        description="Relaxation times and arcs; by default of up to 100 points at rest with ten frequencies or more",
    )
    electrode_area_cm2: Plain | None = Field(default=None, gt=0.0, description="Area, for figures in ohms [cm2]")
    series_resistance_ohm_cm2: Plain = Field(default=0.0, ge=0.0, description="Added in figures [Ohm cm2]")


class Configuration(StackNumbers):
    """A stack of layers, a sweep over any of its numbers, and what to write."""

    title: StrictStr | None = Field(default=None, description="Title of figures and files")
    layers: dict[str, LayerKeys] = Field(min_length=1, description="Layers from left to right, by name")
    contacts: list[ContactKeys] = Field(default_factory=list, description="Inner contacts from left to right")
    ends: Ends = Field(default_factory=Ends)
    temperature_degC: float | None = Field(
        default=None, description="Temperature, instead of temperature_K [degC]", json_schema_extra={"unit": "degC"}
    )
    load: LoadKeys | None = Field(default=None, description="A steady current or voltage")
    impedance: ImpedanceKeys | None = Field(default=None, description="Spectrum of a small signal")
    sweep: SweepKeys | None = None
    solver: SolverKeys = Field(default_factory=SolverKeys)
    output: OutputKeys = Field(default_factory=OutputKeys)


__all__ = ["MAX_FREQUENCIES", "MAX_POINTS", "Configuration", "Keys", "json_schema", "numbers_model"]
