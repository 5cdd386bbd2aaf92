"""The keys of a sweep: its axes, as lists, ranges, steps, or around a fit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictStr, Tag

from .axes import MAX_VALUES
from .fields import Keys, Plain, Whole
from .paths import is_list_of_names

MAX_SIGMAS = 10.0
"""A fit knows nothing of what lies further from its best value."""


class AxisRange(Keys):
    """Values from start to stop, both included."""

    start: Plain
    stop: Plain
    num: Annotated[Whole, Field(ge=1, le=MAX_VALUES, description="Number of values")]
    spacing: Literal["linear", "log"] = "linear"


class AxisStep(Keys):
    """Values from start in steps, stop included where a step meets it."""

    start: Plain
    stop: Plain
    step: Plain


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
        Whole, Field(ge=2, le=MAX_VALUES, description="Number of values; the fitted one is among an odd number")
    ]


def _axis_kind(value: Any) -> str:
    if not isinstance(value, dict):
        return "<names>" if is_list_of_names(value) else "<list>"
    if "within_sigma" in value:
        return "<sigma>"
    return "<step>" if "step" in value else "<range>"


AxisKeys = Annotated[
    Annotated[list[Plain], Field(min_length=1), Tag("<list>")]
    | Annotated[list[StrictStr], Field(min_length=1, description="Materials"), Tag("<names>")]
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
