"""What the keys of all configurations are made of: numbers with unit and range, and the base of their models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..model.numbers import Number


def quantity(number: Number) -> Any:
    """Return the pydantic field of a number: its range, its unit, what it is."""
    unit = number.unit.text or "1"
    return Field(
        strict=True,
        allow_inf_nan=False,
        description=f"{number.text} [{unit}]",
        json_schema_extra={"unit": unit},
        gt=number.low if number.is_open else None,
        lt=number.high if number.is_open else None,
        ge=None if number.is_open else number.low,
        le=None if number.is_open else number.high,
    )


def _whole(value: object) -> object:
    """Take 1e3 for the whole number it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole), Field(strict=True)]
Plain = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Keys(BaseModel):
    """Base of all parts of a configuration: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
