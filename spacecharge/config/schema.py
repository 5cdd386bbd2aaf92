"""The keys of a configuration: names, units, ranges and descriptions, as pydantic models.

Every key that is not named here is an error. The ranges are those of :data:`spacecharge.model.layer.RANGES`,
so a configuration and ``sc.Layer(...)`` refuse the same numbers. Tags of unions stand in angle brackets:
:func:`spacecharge.config.validation.validate` takes them out of the dotted paths again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, StrictBool, StrictStr, Tag

from ..model.layer import ARRHENIUS_REFERENCE_K, RANGES, TOLERANCE_RANGE_V
from ..units import unit_of

DEFAULT_TOLERANCE_V = 1e-6

EXTRA_RANGES: dict[str, tuple[float, float]] = {
    "tolerance_V": TOLERANCE_RANGE_V,
    "rate_constant_per_m2_s": (1e-60, 1e60),
    "reference_temperature_K": (1.0, 5000.0),
    "symmetry_factor": (0.0, 1.0),
    "exchange_current_density_mA_per_cm2": (1e-30, 1e30),
    "grain_boundary_resistance_ohm_cm2": (0.0, 1e30),
}
"""Ranges of numbers that are no part of the stack, in the unit of the key."""

MAX_SIGMAS = 10.0
"""A fit knows nothing of what lies further from its best value."""

MAX_POINTS = 2**53
"""Most points of a sweep: their numbers must be exact as floats."""


def _quantity(name: str, text: str) -> Any:
    """Return the pydantic field of a number with the unit and range of the key `name`."""
    low, high = RANGES[name] if name in RANGES else EXTRA_RANGES[name]
    unit = unit_of(name).text
    return Field(
        strict=True,
        allow_inf_nan=False,
        description=f"{text} [{unit or '1'}]",
        json_schema_extra={"unit": unit or "1"},
        gt=low if name == "occupancy" else None,
        lt=high if name == "occupancy" else None,
        ge=None if name == "occupancy" else low,
        le=None if name == "occupancy" else high,
    )


def _whole(value: object) -> object:
    """Take 1e3 for the whole number it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole), Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Temperature = Annotated[float, _quantity("temperature_K", "Temperature")]
ActivationEnergy = Annotated[float, _quantity("activation_energy_eV", "Activation energy")]
DiffusivityNumber = Annotated[
    float, _quantity("diffusivity_m2_per_s", "Self-diffusivity, the same at every temperature")
]


class Keys(BaseModel):
    """Base of all parts of a configuration: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class Interaction(Keys):
    """Cube-root interaction of the carriers; positive values repel."""

    occupied_eV: Annotated[float, _quantity("occupied_eV", "J_occ, between occupied sites")] = 0.0
    vacancy_eV: Annotated[float, _quantity("vacancy_eV", "J_vac, between vacant sites")] = 0.0


class DiffusivityLaw(Keys):
    """Arrhenius law D = value exp[-(Ea/k)(1/T - 1/at_K)]."""

    value: Annotated[float, _quantity("diffusivity_m2_per_s", "Self-diffusivity at the temperature at_K")]
    at_K: Annotated[float, _quantity("at_K", "Temperature of the value")] = ARRHENIUS_REFERENCE_K
    activation_energy_eV: ActivationEnergy = 0.0


class FitReferenceKeys(Keys):
    """A number taken from a fit (`spacecharge fit`)."""

    from_fit: StrictStr = Field(description="Result file of the fit, relative to this configuration")
    parameter: StrictStr = Field(description="Name of the fitted parameter")


def _diffusivity_kind(value: Any) -> str:
    if not isinstance(value, dict):
        return "<number>"
    return "<fit>" if "from_fit" in value or "parameter" in value else "<law>"


Diffusivity = Annotated[
    Annotated[DiffusivityNumber, Tag("<number>")]
    | Annotated[DiffusivityLaw, Tag("<law>")]
    | Annotated[FitReferenceKeys, Tag("<fit>")],
    Discriminator(_diffusivity_kind),
    Field(description="Self-diffusivity of the whole Li content [m2/s]: a number, an Arrhenius law, or a fit"),
]


class Ocv(Keys):
    """Open-circuit voltage: three lists of one length, each rising or falling strictly."""

    composition: list[Annotated[float, _quantity("composition", "Composition x")]]
    occupancy: list[Annotated[float, _quantity("occupancy", "Occupancy")]]
    potential_V: list[Annotated[float, _quantity("potential_V", "Potential against Li/Li+")]]


class SpeciesKeys(Keys):
    """What belongs to one mobile species."""

    site_density_per_nm3: Annotated[float, _quantity("site_density_per_nm3", "Lattice sites per volume")] | None = None
    occupancy: Annotated[float, _quantity("occupancy", "Bulk occupancy of the sites, between 0 and 1")] | None = None
    composition: (
        Annotated[float, _quantity("composition", "Composition x of the ocv; sets potential and occupancy")] | None
    ) = None
    charge_number: Annotated[float, _quantity("charge_number", "Signed charge number, not 0")] | None = None
    interaction: Interaction | None = None
    diffusivity_m2_per_s: Diffusivity | None = None
    transport: Literal["constant", "vacancy"] | None = Field(
        default=None, description="How the diffusivity follows the occupancy"
    )
    statistics: Literal["lattice", "dilute"] | None = Field(
        default=None, description="Site-limited (lattice) or Boltzmann (dilute)"
    )
    ocv: Ocv | None = None


class LayerKeys(SpeciesKeys):
    """One layer; what is not given comes from the material."""

    material: StrictStr | None = Field(default=None, description="Name in the library (spacecharge materials)")
    thickness_nm: Annotated[float, _quantity("thickness_nm", "Thickness")] | None = None
    potential_V: Annotated[float, _quantity("potential_V", "Equilibrium potential U against Li/Li+")] | None = None
    permittivity: Annotated[float, _quantity("permittivity", "Relative permittivity")] | None = None
    species: dict[str, SpeciesKeys] | None = Field(default=None, min_length=1, description="Several species, by name")


class Calibration(Keys):
    """Rate constant set so that a named neutral case has a measured exchange current density."""

    contact: StrictStr = Field(description="Contact of the neutral case, LEFT|RIGHT")
    exchange_current_density_mA_per_cm2: Annotated[
        float,
        _quantity("exchange_current_density_mA_per_cm2", "Exchange current density of the neutral case"),
    ]
    temperature_K: Temperature | None = None
    at: dict[str, Number] | None = Field(
        default=None, description="Numbers of the neutral case by dotted path, e.g. electrode.composition"
    )


class ChargeTransfer(Keys):
    """Jumps across a contact: i0 = e k0 [theta_e (1-theta_s)]^(1-alpha) [theta_s (1-theta_e)]^alpha."""

    rate_constant_per_m2_s: Annotated[float, _quantity("rate_constant_per_m2_s", "Jumps per area and time")] | None = (
        None
    )
    reference_temperature_K: (
        Annotated[float, _quantity("reference_temperature_K", "Temperature of the rate constant")] | None
    ) = None
    activation_energy_eV: ActivationEnergy | None = None
    symmetry_factor: Annotated[float, _quantity("symmetry_factor", "Symmetry factor alpha, 0 to 1")] | None = None
    from_fit: StrictStr | None = Field(default=None, description="Result file of an interface fit")
    parameter: StrictStr | None = Field(default=None, description="Name of the fitted rate constant")
    calibrate: Calibration | None = None
    grain_boundary_resistance_ohm_cm2: (
        Annotated[float, _quantity("grain_boundary_resistance_ohm_cm2", "Resistance added to the total")] | None
    ) = None


class ContactKeys(Keys):
    """What sits in the plane between two layers."""

    charge_C_per_m2: Annotated[float, _quantity("charge_C_per_m2", "Charge in the plane")] = 0.0
    dipole_V: Annotated[float, _quantity("dipole_V", "Step of the electrostatic potential, right minus left")] = 0.0
    charge_transfer: ChargeTransfer | None = None


class FixedEnd(Keys):
    """An end held at a potential or a surface charge."""

    electrostatic_potential_V: (
        Annotated[float, _quantity("electrostatic_potential_V", "Against the neutral bulk of the last layer")] | None
    ) = None
    surface_charge_C_per_m2: Annotated[float, _quantity("surface_charge_C_per_m2", "Surface charge")] | None = None


EndKeys = Annotated[
    Annotated[Literal["zero_field", "bulk"], Tag("<word>")] | Annotated[FixedEnd, Tag("<fixed>")],
    Discriminator(lambda value: "<fixed>" if isinstance(value, dict) else "<word>"),
]


class Ends(Keys):
    """Conditions at the two outer ends."""

    left: EndKeys = "zero_field"
    right: EndKeys = "zero_field"


class AxisRange(Keys):
    """Values from start to stop, both included."""

    start: Number
    stop: Number
    num: Annotated[Whole, Field(ge=1, le=MAX_POINTS, description="Number of values")]
    spacing: Literal["linear", "log"] = "linear"


class AxisStep(Keys):
    """Values from start in steps, stop included where a step meets it."""

    start: Number
    stop: Number
    step: Number


class AxisSigma(Keys):
    """Values around a number that comes from a fit, as far as its error reaches on either side.

    Evenly spaced, for diffusivities and rate constants in their logarithm, which is what a fit has of them.
    """

    within_sigma: Annotated[
        float,
        Field(
            strict=True,
            allow_inf_nan=False,
            gt=0.0,
            le=MAX_SIGMAS,
            description="How many sigma of the fit on either side [1]",
            json_schema_extra={"unit": "1"},
        ),
    ]
    num: Annotated[
        Whole, Field(ge=2, le=MAX_POINTS, description="Number of values; the fitted one is among an odd number")
    ]


def _axis_kind(value: Any) -> str:
    if not isinstance(value, dict):
        return "<list>"
    if "within_sigma" in value:
        return "<sigma>"
    return "<step>" if "step" in value else "<range>"


AxisKeys = Annotated[
    Annotated[list[Number], Field(min_length=1), Tag("<list>")]
    | Annotated[AxisRange, Tag("<range>")]
    | Annotated[AxisStep, Tag("<step>")]
    | Annotated[AxisSigma, Tag("<sigma>")],
    Discriminator(_axis_kind),
]


class SweepKeys(BaseModel):
    """Axes by dotted path, in order; the last one runs fastest."""

    model_config = ConfigDict(extra="allow", defer_build=True)
    __pydantic_extra__: dict[str, AxisKeys]

    mode: Literal["outer", "zip"] = Field(
        default="outer", description="outer: every combination; zip: the first values, the second values ..."
    )
    points: StrictStr | None = Field(
        default=None, description="CSV table with dotted paths as header, relative to this configuration"
    )


class SolverKeys(Keys):
    """How exactly to solve."""

    tolerance_V: Annotated[float, _quantity("tolerance_V", "Error allowed in the contact potential")] = (
        DEFAULT_TOLERANCE_V
    )


class ProfileKeys(Keys):
    """Profiles of potential and occupancy in the result file."""

    nodes: Annotated[Whole, Field(ge=3, le=1_000_000, description="Nodes for each layer")]


ProfileSwitch = Annotated[
    Annotated[StrictBool, Tag("<switch>")] | Annotated[ProfileKeys, Tag("<nodes>")],
    Discriminator(lambda value: "<nodes>" if isinstance(value, dict) else "<switch>"),
]


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


class Configuration(Keys):
    """A stack of layers, a sweep over any of its numbers, and what to write."""

    title: StrictStr | None = Field(default=None, description="Title of figures and files")
    temperature_K: Temperature = ARRHENIUS_REFERENCE_K
    layers: dict[str, LayerKeys] = Field(min_length=1, description="Layers from left to right, by name")
    contacts: list[ContactKeys] = Field(default_factory=list, description="Inner contacts from left to right")
    ends: Ends = Field(default_factory=Ends)
    sweep: SweepKeys | None = None
    solver: SolverKeys = Field(default_factory=SolverKeys)
    output: OutputKeys = Field(default_factory=OutputKeys)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration, with descriptions, units and ranges."""
    schema = Configuration.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


__all__ = ["DEFAULT_TOLERANCE_V", "EXTRA_RANGES", "MAX_POINTS", "Configuration", "Keys", "json_schema"]
