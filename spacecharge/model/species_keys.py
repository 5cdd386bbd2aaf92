"""Keys of one species of a layer, and what has to hold between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from ..codes import Statistics, Transport
from ..errors import ModelError
from .conduction import ENERGY_OF, ENERGY_OF_NAMES, MOBILITIES
from .numbers import SPECIES, Number, check_number
from .ocv import check_ocv
from .statistics import is_pooled

if TYPE_CHECKING:
    from .layer import Layer

Code = TypeVar("Code", bound=IntEnum)

SPECIES_KEYS = (
    *dict.fromkeys(row.key.partition(".")[0] for row in SPECIES),
    "transport",
    "statistics",
    "component",
    "pool",
    "ocv",
)
"""Keys of a layer that belong to one species; with several species they stand in ``species:``."""

MOBILITY_KEYS = tuple(row.key for row in SPECIES if row.array in MOBILITIES)
"""Numbers that give a species its diffusivity, one of which is enough."""


def check_species(spec: Mapping[str, Any], path: str, layer: Layer) -> None:
    """Check one species' keys; raises ModelError naming the key."""
    unknown = [k for k in spec if k not in SPECIES_KEYS]
    if unknown:
        raise ModelError(f"unknown key (known: {', '.join(SPECIES_KEYS)})", f"{path}.{unknown[0]}")
    for row in SPECIES:
        if "." not in row.key:
            check_own(row.under(spec.get("statistics")), spec, path, layer)
    statistics = _member(Statistics, spec.get("statistics"), f"{path}.statistics")
    word = statistics.name.lower()
    transport = _member(Transport, spec.get("transport"), f"{path}.transport")
    if transport == Transport.VACANCY and (statistics.is_ideal or not statistics.has_vacancies):
        reason = "does not know it" if statistics.has_vacancies else "has no vacancies"
        raise ModelError(f"{word} statistics {reason} (allowed: constant)", f"{path}.transport")
    if "pool" in spec and not is_pooled(spec):
        raise ModelError("names shared sites, which needs statistics: pool", f"{path}.pool")
    interaction = spec.get("interaction", {})
    known = _keys_below("interaction")
    for key, value in interaction.items():
        if key not in known:
            raise ModelError(f"unknown key (known: {', '.join(known)})", f"{path}.interaction.{key}")
        check_number(value, f"{path}.interaction.{key}")
    if not statistics.has_vacancies and interaction.get("vacancy_eV"):
        message = f"{word} statistics has no vacancies (allowed: 0)"
        raise ModelError(message, f"{path}.interaction.vacancy_eV")
    if statistics.is_ideal:
        strong = next((key for key, value in interaction.items() if value), None)
        if strong is not None:
            raise ModelError(f"{word} statistics knows no interaction (allowed: 0)", f"{path}.interaction.{strong}")
    conduct = [key for key in MOBILITY_KEYS if key in spec]
    if len(conduct) > 1:
        raise ModelError(f"stands beside {conduct[0]}: give one of them, the other follows", f"{path}.{conduct[1]}")
    ocv = spec.get("ocv")
    if ocv is not None:
        check_ocv(ocv, f"{path}.ocv")
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


__all__ = ["MOBILITY_KEYS", "SPECIES_KEYS", "check_own", "check_species"]
