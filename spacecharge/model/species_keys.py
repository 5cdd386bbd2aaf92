"""Keys of one species of a layer, and what has to hold between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from ..codes import Statistics, Transport
from ..errors import ModelError
from .conduction import ENERGY_OF, ENERGY_OF_NAMES
from .numbers import SPECIES, Number, check_number
from .ocv import not_strict

if TYPE_CHECKING:
    from .layer import Layer

Code = TypeVar("Code", bound=IntEnum)

SPECIES_KEYS = (
    *dict.fromkeys(row.key.partition(".")[0] for row in SPECIES),
    "transport",
    "statistics",
    "component",
    "ocv",
)
"""Keys of a layer that belong to one species; with several species they stand in ``species:``."""

OCV_KEYS = ("composition", "occupancy", "potential_V")
"""Lists of an open-circuit-voltage table."""

LAW_KEYS = tuple(row.key for row in SPECIES if row.rule == "law" and not row.is_part)
"""Numbers that give a species its diffusivity, one of which is enough."""


def check_species(spec: Mapping[str, Any], path: str, layer: Layer) -> None:
    """Check one species' keys; raises ModelError naming the key."""
    unknown = [k for k in spec if k not in SPECIES_KEYS]
    if unknown:
        raise ModelError(f"unknown key (known: {', '.join(SPECIES_KEYS)})", f"{path}.{unknown[0]}")
    for row in SPECIES:
        if "." not in row.key:
            check_own(row, spec, path, layer)
    statistics = _member(Statistics, spec.get("statistics"), f"{path}.statistics")
    word = statistics.name.lower()
    transport = _member(Transport, spec.get("transport"), f"{path}.transport")
    if not statistics.has_vacancies and transport == Transport.VACANCY:
        raise ModelError(f"{word} statistics has no vacancies (allowed: constant)", f"{path}.transport")
    interaction = spec.get("interaction", {})
    known = _keys_below("interaction")
    for key, value in interaction.items():
        if key not in known:
            raise ModelError(f"unknown key (known: {', '.join(known)})", f"{path}.interaction.{key}")
        check_number(value, f"{path}.interaction.{key}")
    if not statistics.has_vacancies and interaction.get("vacancy_eV"):
        message = f"{word} statistics has no vacancies (allowed: 0)"
        raise ModelError(message, f"{path}.interaction.vacancy_eV")
    conduct = [row.key for row in SPECIES if "." not in row.key and row.rule == "law" and row.key in spec]
    if len(conduct) > 1:
        raise ModelError(f"stands beside {conduct[0]}: give one of them, the other follows", f"{path}.{conduct[1]}")
    ocv = spec.get("ocv")
    if ocv is not None:
        _check_ocv(ocv, f"{path}.ocv")
    if "composition" in spec and ocv is None:
        raise ModelError("needs an ocv that ties it to potential and occupancy", f"{path}.composition")
    if "composition" in spec and "occupancy" in spec:
        raise ModelError("give either composition or occupancy", f"{path}.composition")
    if "occupancy" not in spec and ocv is None:
        raise ModelError(layer._missing("occupancy"), f"{path}.occupancy")


@cache
def _keys_below(key: str) -> tuple[str, ...]:
    """Return the keys of the numbers below a key of a species."""
    return tuple(row.key.partition(".")[2] for row in SPECIES if row.key.startswith(f"{key}."))


def _member(codes: type[Code], word: object, path: str) -> Code:
    """Return the member that a word names; the first where none is given."""
    members = {member.name.lower(): member for member in codes}
    if word is None:
        return next(iter(codes))
    if not isinstance(word, str) or word not in members:
        raise ModelError(f"{word!r} is not known (allowed: {', '.join(members)})", path)
    return members[word]


def check_own(row: Number, spec: Mapping[str, Any], path: str, layer: Layer) -> None:
    """Check a number of a species: a plain one, or the law that it follows."""
    value = spec.get(row.key)
    if value is None:
        if row.required:
            raise ModelError(layer._missing(row.key), f"{path}.{row.key}")
        return
    if row.rule != "law" or not isinstance(value, Mapping):
        row.check(value, f"{path}.{row.key}")
        return
    known = (*_keys_below(row.key), *((ENERGY_OF,) if row.array == "given_conductivity" else ()))
    for key, part in value.items():
        if key == ENERGY_OF and key in known:
            if part not in ENERGY_OF_NAMES:
                raise ModelError(
                    f"{part!r} is not known (allowed: {', '.join(ENERGY_OF_NAMES)})", f"{path}.{row.key}.{key}"
                )
            continue
        if key not in known:
            raise ModelError(f"unknown key (known: {', '.join(known)})", f"{path}.{row.key}.{key}")
        check_number(part, f"{path}.{row.key}.{key}")
    if "value" not in value:
        raise ModelError("needed", f"{path}.{row.key}.value")


def as_lists(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table whose columns are plain lists wherever they were arrays."""
    return {key: column.tolist() if hasattr(column, "tolist") else column for key, column in table.items()}


def _check_ocv(ocv: Mapping[str, Sequence[float]], path: str) -> None:
    """Check the three lists of an open-circuit-voltage table."""
    lengths = set()
    for key in OCV_KEYS:
        if key not in ocv:
            raise ModelError("needed", f"{path}.{key}")
        values = ocv[key]
        if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
            raise ModelError("a list of numbers is needed", f"{path}.{key}")
        for i, value in enumerate(values):
            check_number(value, f"{path}.{key}.{i}")
        lengths.add(len(values))
    extra = [k for k in ocv if k not in OCV_KEYS]
    if extra:
        raise ModelError(f"unknown key (known: {', '.join(OCV_KEYS)})", f"{path}.{extra[0]}")
    if len(lengths) != 1 or min(lengths) < 2:
        raise ModelError("the three lists need one common length of at least 2", path)
    for key in OCV_KEYS:
        trouble = not_strict(key, ocv[key])
        if trouble is not None:
            raise ModelError(trouble[1], f"{path}.{key}")


__all__ = ["LAW_KEYS", "OCV_KEYS", "SPECIES_KEYS", "as_lists", "check_own", "check_species"]
