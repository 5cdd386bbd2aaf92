"""Keys of measured interfaces: numbers, tables and spectra."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictStr

from .fields import Keys, Plain, Whole
from .interface_spectra import Positive, SpectrumKeys
from .schema import Temperature

QUANTITIES = (
    "exchange_current_density_mA_per_cm2",
    "resistance_ohm_cm2",
    "capacitance_uF_per_cm2",
    "activation_energy_eV",
    "resistance_ohm",
    "capacitance_uF",
    "resistance_ratio",
    "capacitance_ratio",
)
"""What may be measured of an interface, in the unit of the key; without an area in it, of a cell; or over that of
another interface."""


class DatumKeys(Keys):
    """One measured number."""

    value: Positive = Field(description="What was measured, in the unit of the key above")
    sigma: Positive = Field(description="One standard deviation, in the same unit")
    limit: Literal["measured", "at_most", "at_least"] = "measured"
    temperature_K: Temperature | None = None
    between_K: Annotated[list[Temperature], Field(min_length=2)] | None = Field(
        default=None, description="Temperatures of an activation energy"
    )
    to: StrictStr | None = Field(default=None, description="Interface over which a ratio is")


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
    resistance_ohm: list[DatumKeys] = Field(default_factory=list, description="Of the cell: by electrode_area_cm2")
    capacitance_uF: list[DatumKeys] = Field(default_factory=list, description="Of the cell: by electrode_area_cm2")
    resistance_ratio: list[DatumKeys] = Field(default_factory=list, description="Over that of another interface")
    capacitance_ratio: list[DatumKeys] = Field(default_factory=list, description="Over that of another interface")
    spectrum: list[SpectrumKeys] = Field(default_factory=list, description="Impedance spectra")
    reference_row: Annotated[Whole, Field(ge=1)] = Field(
        default=1, description="Row of the table whose value divides those of ratios"
    )


__all__ = ["QUANTITIES", "DatumKeys", "InterfaceKeys"]
