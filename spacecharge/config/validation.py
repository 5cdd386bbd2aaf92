"""Hold data against pydantic models, and say what is wrong in the words of the file.

Shared by all kinds of configuration: models that forbid extra keys, unions with tags in angle brackets.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from ..document.problems import Problems, nearest, shown
from ..units import stem

Model = TypeVar("Model", bound=BaseModel)
Ranges = Mapping[str, tuple[float, float]]


def validate(
    model: type[Model],
    data: Mapping[str, Any],
    problems: Problems,
    *,
    prefix: tuple[str | int, ...] = (),
    ranges: Ranges | None = None,
    sections: Mapping[str, str] | None = None,
) -> Model | None:
    """Return `data` as `model`, or None after adding every problem to `problems`.

    Parameters
    ----------
    model : type
        A pydantic model.
    data : mapping
        As :func:`~spacecharge.document.yaml.read_yaml` returns it, or a part of it.
    problems : Problems
        Takes one line per problem.
    prefix : tuple
        Path of `data` within the file.
    ranges : mapping, optional
        Allowed range by key, for messages about numbers; default: the range of the field.
    sections : mapping, optional
        What to say where a section is missing, by its key. Given at all, a missing key is named at its section,
        with the values it may have; otherwise at the place where it should stand.

    Returns
    -------
    model or None
        None if there was any problem.
    """
    n_before = len(problems)
    _report_empty(data, prefix, problems)
    try:
        result = model.model_validate(data)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            if item["type"] == "missing" and sections is not None:
                _report_missing(model, tuple(item["loc"]), problems, prefix, sections)
            else:
                _report(model, item, problems, prefix, ranges or {}, _holder(data, tuple(item["loc"])))
        return None
    return result if len(problems) == n_before else None


def _holder(data: object, loc: tuple[object, ...]) -> object:
    """Return the mapping that holds the value at `loc`, tags of unions left out; None where the way is lost."""
    for part in [part for part in loc if not _is_tag(part)][:-1]:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _report_empty(data: Any, path: tuple[str | int, ...], problems: Problems) -> None:
    """Report keys without a value: an empty place is a slip, not a default."""
    items: Iterator[tuple[Any, Any]]
    if isinstance(data, Mapping):
        items = iter(data.items())
    elif isinstance(data, list):
        items = enumerate(data)
    else:
        return
    for key, value in items:
        if value is None:
            problems.add((*path, key), "is empty: give a value or take the key out", key=True)
        else:
            _report_empty(value, (*path, key), problems)


def _report(
    model: type[BaseModel],
    item: Mapping[str, Any],
    problems: Problems,
    prefix: tuple[str | int, ...],
    ranges: Ranges,
    beside: object,
) -> None:
    loc = tuple(item["loc"])
    value = item.get("input")
    path = (*prefix, *(part for part in loc if not _is_tag(part)))
    if value is None and item["type"] != "missing":
        return  # reported as empty
    if item["type"] == "extra_forbidden":
        problems.add(path, _unknown_key(str(loc[-1]), _known_keys(model, loc[:-1])), key=True)
        return
    if item["type"] == "missing":
        problems.add(path, "is missing")
        return
    key = next((part for part in reversed(path) if isinstance(part, str) and not part.isdigit()), "")
    if key == "value" and len(path) > 1 and "value" not in ranges:
        key = str(path[-2])
    if item["type"].startswith("union_tag"):
        _report_tag(item, path, problems)
        return
    problems.add(path, _message(item, value, _range_beside(key, beside) or ranges.get(key) or _range_of(model, loc)))


def _range_beside(key: str, beside: object) -> tuple[float, float] | None:
    """Return the range of a number that the statistics in the same mapping sets, or None."""
    from ..model.numbers import SPECIES

    statistics = beside.get("statistics") if isinstance(beside, Mapping) else None
    row = next((row for row in SPECIES if row.key == key and row.under(statistics) is not row), None)
    return None if row is None else (row.low, row.under(statistics).high)


def _report_tag(item: Mapping[str, Any], path: tuple[str | int, ...], problems: Problems) -> None:
    """Report a section whose `kind` (the tag of a union) is missing or not known."""
    value, context = item.get("input"), item.get("ctx", {})
    known = [name.strip(" '<>") for name in str(context.get("expected_tags", "")).split(",")]
    if not isinstance(value, Mapping):
        problems.add(path, f"a mapping of keys is needed, got {_described(value)}")
    elif "kind" not in value:
        problems.add(path, f"kind is missing (allowed: {', '.join(known)})")
    else:
        words = f"{shown(value['kind'])} is not known (allowed: {', '.join(known)}; {nearest(value['kind'], known)})"
        problems.add((*path, "kind"), words)


def _report_missing(
    model: type[BaseModel],
    loc: tuple[Any, ...],
    problems: Problems,
    prefix: tuple[str | int, ...],
    sections: Mapping[str, str],
) -> None:
    path = (*prefix, *(part for part in loc if not _is_tag(part)))
    if len(path) == 1 and path[0] in sections:
        problems.add(path, sections[str(path[0])])
        return
    known = [str(v) for kind in _kinds_at(model, loc) if get_origin(kind) is Literal for v in get_args(kind)]
    problems.add(path[:-1] or path, f"{path[-1]} is missing" + (f" (allowed: {', '.join(known)})" if known else ""))


def _kinds_at(model: type[BaseModel], loc: tuple[Any, ...]) -> list[Any]:
    """Return the types that the value at `loc` may have, without annotations."""
    here: list[Any] = [model]
    for part in loc:
        here = [found for kind in here for found in _step(kind, part)]
    return [member for kind in here for member, _ in _members(kind)]


def _range_of(model: type[BaseModel], loc: tuple[Any, ...]) -> tuple[float, float] | None:
    """Return the closed range that the field at `loc` states, or None."""
    here: list[Any] = [model]
    for part in loc[:-1]:
        here = [found for kind in here for found in _step(kind, part)]
    for kind in here:
        for member, _ in _members(kind):
            if isinstance(member, type) and issubclass(member, BaseModel) and loc[-1] in member.model_fields:
                limits = list(_limits(member.model_fields[loc[-1]]))
                low = [number for name, number in limits if name == "ge"]
                high = [number for name, number in limits if name == "le"]
                if low and high:
                    return low[0], high[0]
    return None


def _limits(kind: Any) -> Iterator[tuple[str, float]]:
    """Yield the bounds (ge, le) among the annotations of a type or field, those of its unions too."""
    if hasattr(kind, "metadata") and hasattr(kind, "annotation"):
        notes, inner = kind.metadata, [kind.annotation]
    elif get_origin(kind) is Annotated:
        first, *notes = get_args(kind)
        inner = [first]
    else:
        notes, inner = [], list(get_args(kind)) if get_origin(kind) in (Union, types.UnionType) else []
    for note in notes:
        if hasattr(note, "metadata"):
            yield from _limits(note)
        for name in ("ge", "le"):
            number = getattr(note, name, None)
            if number is not None:
                yield name, float(number)
    for part in inner:
        yield from _limits(part)


def _is_tag(part: object) -> bool:
    return isinstance(part, str) and part.startswith("<") and part.endswith(">")


def _unknown_key(key: str, known: tuple[str, ...]) -> str:
    for candidate in known:
        bare = stem(candidate)
        if bare != candidate and (key == bare or key.startswith(bare + "_")):
            if key == bare:
                return f"unknown key: the unit is missing (nearest: {candidate})"
            return f"unknown key: wrong unit suffix (nearest: {candidate})"
    return f"unknown key ({nearest(key, known)})"


def _message(item: Mapping[str, Any], value: Any, allowed: tuple[float, float] | None) -> str:
    """Return the message for one error of pydantic."""
    kind, context = str(item["type"]), item.get("ctx", {})
    bounds = f" (allowed: {allowed[0]:g} to {allowed[1]:g})" if allowed else ""
    if kind in ("float_type", "int_type", "int_from_float"):
        noun = "a number" if kind == "float_type" else "a whole number"
        hint = ", without quotes" if isinstance(value, str) and _reads_as_number(value) else ""
        return f"{noun} is needed{hint}, got {_described(value)}{bounds}"
    if kind == "finite_number":
        return f"a finite number is needed, got {value}{bounds}"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        if kind in ("greater_than", "less_than") and allowed:
            bounds = f" (allowed: above {allowed[0]:g} and below {allowed[1]:g})"
        if not bounds:
            words = {
                "greater_than": "above",
                "greater_than_equal": "at least",
                "less_than": "below",
                "less_than_equal": "at most",
            }
            limit = next(iter(context.values()))
            bounds = f" (allowed: {words[kind]} {limit:g})"
        return f"{value:g} is out of range{bounds}"
    if kind in ("string_type", "bool_type", "list_type", "dict_type", "model_type", "model_attributes_type"):
        nouns = {
            "string_type": "a text",
            "bool_type": "true or false",
            "list_type": "a list",
            "dict_type": "a mapping of keys",
        }
        return f"{nouns.get(kind, 'a mapping of keys')} is needed, got {_described(value)}"
    if kind == "literal_error":
        choices = str(context.get("expected", "")).replace("'", "")
        names = [c.strip() for c in choices.replace(" or ", ", ").split(",")]
        return f"{_described(value)} is not known (allowed: {', '.join(names)}; {nearest(value, names)})"
    if kind in ("too_short", "string_too_short"):
        return f"is empty (allowed: at least {context.get('min_length', 1)})"
    if kind == "value_error":
        return str(context.get("error", item["msg"]))
    return f"{item['msg']}, got {_described(value)}"


def _described(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return shown(value)


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _known_keys(model: type[BaseModel], loc: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the keys that the model at `loc` knows."""
    names: list[str] = []
    for kind in _kinds_at(model, loc):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += [name for name in kind.model_fields if name not in names]
    return tuple(names)


def _step(kind: Any, part: Any) -> list[Any]:
    """Return the types that the value under `part` of a value of type `kind` may have."""
    found = []
    for member, tag in _members(kind):
        if _is_tag(part):
            if tag == part:
                found.append(member)
        elif get_origin(member) is dict:
            found.append(get_args(member)[1])
        elif get_origin(member) is list:
            found.append(get_args(member)[0])
        elif isinstance(member, type) and issubclass(member, BaseModel):
            if part in member.model_fields:
                found.append(member.model_fields[part].annotation)
            elif member.model_config.get("extra") == "allow":
                # Paths that are swept: what may stand under any name.
                found += [
                    get_args(kind)[1]
                    for name, kind in inspect.get_annotations(member, eval_str=True).items()
                    if name == "__pydantic_extra__"
                ]
    return found


def _members(kind: Any, tag: str = "") -> Iterator[tuple[Any, str]]:
    """Yield the members of unions, without annotations, each with its tag."""
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *notes = get_args(kind)
        tags = [note.tag for note in notes if isinstance(note, Tag)]
        yield from _members(inner, tags[0] if tags else tag)
    elif origin in (Union, types.UnionType):
        for member in get_args(kind):
            yield from _members(member, tag)
    else:
        yield kind, tag


__all__ = ["validate"]
