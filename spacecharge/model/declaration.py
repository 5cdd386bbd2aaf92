"""How a number is declared: what a row of the table in :mod:`spacecharge.model.numbers` says, and what follows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import Statistics
from ..errors import ModelError
from ..units import NO_UNIT, Unit, stem, unit_of

Scope = Literal[
    "stack", "layer", "species", "contact", "charge_transfer", "end", "solver", "load", "lattice", "lattice_species"
]
Rule = Literal["plain", "potential", "bulk", "law", "temperature", "none"]


BAND = Statistics.FERMI_DIRAC.name.lower()
"""Statistics of the carriers of a band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """Declaration of one number.

    Parameters
    ----------
    low, high : float
        Allowed range in the unit of the key, bounds included.
    text : str
        What it is, as the schema and docstrings say it (a capital first, no full stop).
    words : str
        What an axis of a figure says; by default the key without its unit.
    default : float, optional
        Value where neither the user nor the material gives one, in the unit of the key.
    required : bool
        Whether a layer cannot do without it.
    array : str
        Array of :class:`~spacecharge.model.StackParameters` that it fills; empty where something else reads it.
    rule : str
        How the array follows: ``plain`` is the value times the SI factor of the unit, and the derivative follows; the
        others name what :mod:`~spacecharge.model.parameters` and :mod:`~spacecharge.model.tangents` do:
        ``potential`` takes bulk occupancies along by the ocv, ``bulk`` sets them, ``law`` is a number or an Arrhenius
        law, ``temperature`` takes these laws along, ``none`` leaves it to its own law.
    column : str
        Name of its column among those of a species in the input row of the kernels (``kernels.rows``).
    harmless : float
        Stands in at invalid points, and while the next problem of a file is looked for, in the unit of the key.
    absent : float
        Entry of the array where a layer has no such species [SI].
    is_open : bool
        Whether both bounds are excluded.
    high_without_sites : float
        Upper bound instead of `high` where the statistics of the species is that of a band, whose carriers stand on no
        sites; NaN where it is the same.
    nonzero : str
        Why it cannot be 0; empty where it can.
    by_decades : bool
        Whether a first guess of it may be decades off: fits take its logarithm unless they are told otherwise.
    key, scope, unit
        Filled in by the table: the whole key, what it belongs to, its unit.
    """

    low: float
    high: float
    text: str
    words: str = ""
    default: float | None = None
    required: bool = False
    array: str = ""
    rule: Rule = "plain"
    column: str = ""
    harmless: float = math.nan
    absent: float = math.nan
    is_open: bool = False
    high_without_sites: float = math.nan
    nonzero: str = ""
    by_decades: bool = False
    key: str = ""
    scope: Scope = "stack"
    unit: Unit = NO_UNIT

    @property
    def allowed(self) -> str:
        """Range as messages print it."""
        if self.is_open:
            return f"above {self.low:g} and below {self.high:g}"
        return f"{self.low:g} to {self.high:g}" + (", not 0" if self.nonzero else "")

    @property
    def widest(self) -> Number:
        """The same with the range that some statistics allows."""
        return self if math.isnan(self.high_without_sites) else replace(self, high=self.high_without_sites)

    def under(self, statistics: object) -> Number:
        """Return the same with the range for this word of ``statistics``."""
        return self.widest if statistics == BAND else self

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a law: its value, the temperature of that, an activation energy."""
        return self.rule == "law" and not self.array

    @property
    def fill(self) -> float:
        """SI value at invalid points."""
        value = self.harmless if self.default is None or not math.isnan(self.harmless) else self.default
        return value * self.unit.factor

    def outside(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Say which values leave the range (NaN does)."""
        array = np.asarray(values, dtype=float)
        if self.is_open:
            inside = (array > self.low) & (array < self.high)
        else:
            inside = (array >= self.low) & (array <= self.high)
        return np.asarray(~inside | (array == 0.0)) if self.nonzero else np.asarray(~inside)

    def check(self, value: object, path: str) -> float:
        """Return `value` as a float inside the range, or say what is wrong.

        Raises
        ------
        ModelError
            If it is no finite number or outside the range.
        """
        if isinstance(value, bool) or (not isinstance(value, (int, float)) and not hasattr(value, "__float__")):
            raise ModelError(f"a number is needed, got {value!r} (allowed: {self.allowed})", path)
        number = float(value)
        if number == 0.0 and self.nonzero:
            raise ModelError(f"{self.nonzero} (allowed: {self.allowed})", path)
        inside = self.low < number < self.high if self.is_open else self.low <= number <= self.high
        if not inside:
            raise ModelError(f"{number:g} is out of range (allowed: {self.allowed})", path)
        return number


PREFIX = {"charge_transfer": "charge_transfer.", "solver": "solver.", "load": "load."}
"""What stands between the place of a number and its key."""

SECTION: dict[Scope, str] = {
    "stack": "layers",
    "layer": "layers",
    "species": "layers",
    "contact": "contacts",
    "charge_transfer": "contacts",
    "end": "ends",
    "solver": "solver",
    "load": "load",
    "lattice": "lattice",
    "lattice_species": "lattice",
}
"""Part of the configuration that a scope lies in; paths leave ``layers.`` away."""


def rows_of(declared: type, scope: Scope, prefix: str = "", *, law: type | None = None) -> tuple[Number, ...]:
    """Return the numbers that a class of annotated fields declares itself, in its order.

    Parameters
    ----------
    declared : type
        Its fields are annotated with a :class:`Number`.
    scope : str
        What they belong to.
    prefix : str
        Stands before their keys, ``interaction.``.
    law : type, optional
        Declares the parts of an Arrhenius law, which follow every number that may be one.
    """
    rows = []
    # Annotations as they were written, not as text: evaluating a text takes half a millisecond each.
    for name, kind in vars(declared)["__annotations__"].items():
        if isinstance(kind, str):
            raise TypeError(
                f"{declared.__name__}.{name}: its module postpones annotations, which are read as they stand"
            )
        row = next((note for note in get_args(kind)[1:] if isinstance(note, Number)), None)
        if row is not None:
            key = prefix + name
            words = row.words or stem(PREFIX.get(scope, "") + key).replace("_", " ").replace(".", " ")
            rows.append(replace(row, key=key, scope=scope, words=words, unit=unit_of(key)))
            if row.rule == "law" and law is not None:
                rows += _law_rows(rows[-1], law)
    return tuple(rows)


def _law_rows(law: Number, parts: type) -> list[Number]:
    """Return the numbers of the Arrhenius law that `law` may follow."""
    value = replace(
        law,
        key=f"{law.key}.value",
        array="",
        column="",
        text=f"{law.text} at the temperature at_K",
        words=f"{law.words} at its reference temperature",
    )
    rest = rows_of(parts, law.scope, f"{law.key}.")
    return [value, *(replace(row, words=f"{row.words} of the {law.words}") for row in rest)]


__all__ = ["PREFIX", "SECTION", "Number", "Rule", "Scope", "rows_of"]
