"""The schema of configurations as text: one line a key, with its type, range, unit and meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_DEEPEST = 12
"""Nesting that is followed; no configuration goes deeper."""


def schema_lines(schema: Mapping[str, Any], part: str) -> list[str]:
    """Return the lines about one part of a configuration.

    Parameters
    ----------
    schema : mapping
        As :func:`spacecharge.config.json_schema` returns it.
    part : str
        ``run``, ``lattice``, the name of a kind of fit, or a key at any depth (``sweep``, ``thickness_nm``).

    Returns
    -------
    list of str
        ``dotted.key: type, range [unit]; meaning``; empty where no part has this name.
    """
    found: dict[str, str] = {}
    for root, path, words in _walk(schema):
        if part == root or part in path or ".".join(path) == part:
            found.setdefault(f"{root}: {'.'.join(path)}", words)
    width = max(map(len, found), default=0)
    return [f"{name:<{width}}  {words}".rstrip() for name, words in found.items()]


def parts(schema: Mapping[str, Any]) -> list[str]:
    """Return the names that :func:`schema_lines` knows."""
    names: dict[str, None] = {}
    for root, path, _ in _walk(schema):
        names |= dict.fromkeys((root, *path))
    return list(names)


def _walk(schema: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    definitions = schema["$defs"]
    roots = {"run": definitions["Configuration"], "lattice": definitions["LatticeConfiguration"]}
    roots |= {ref["$ref"].rpartition("/")[2]: ref for ref in schema["then"]["oneOf"]}
    for root, node in roots.items():
        for path, words in _keys(node, definitions, ()):
            yield root, path, words


def _keys(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Any]:
    """Yield path and words of every key below a node."""
    if len(path) > _DEEPEST:
        return
    for form in _forms(node, definitions):
        for key, inner in form.get("properties", {}).items():
            yield (*path, key), _words(inner, definitions, key in form.get("required", ()))
            yield from _keys(inner, definitions, (*path, key))
        more = form.get("additionalProperties")
        if isinstance(more, Mapping):
            yield from _keys(more, definitions, (*path, "NAME"))
        if isinstance(form.get("items"), Mapping):
            yield from _keys(form["items"], definitions, (*path, "N"))


def _forms(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a node, or the alternatives it stands for."""
    if "$ref" in node:
        yield from _forms(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    elif "anyOf" in node or "oneOf" in node:
        for inner in node.get("anyOf", node.get("oneOf", ())):
            yield from _forms(inner, definitions)
    else:
        yield node


def _words(node: Mapping[str, Any], definitions: Mapping[str, Any], required: bool) -> str:
    forms = [form for form in _forms(node, definitions) if form.get("type") != "null"]
    types, ranges, meaning = [], [], node.get("description", "")
    for form in forms:
        values = form.get("enum") or ([form["const"]] if "const" in form else None)
        types.append(" | ".join(map(str, values)) if values else _TYPES.get(str(form.get("type")), "any"))
        low = form.get("minimum", form.get("exclusiveMinimum"))
        high = form.get("maximum", form.get("exclusiveMaximum"))
        if low is not None or high is not None:
            above = "" if low is None else f"{low:g}"
            ranges.append(f"{above} to {'' if high is None else f'{high:g}'}".strip())
        meaning = meaning or (form.get("description", "") if form.get("type") != "object" else "")
    text = " or ".join(dict.fromkeys(types))
    if ranges:
        text += f", {' or '.join(dict.fromkeys(ranges))}"
    if required:
        text += ", required"
    elif node.get("default") not in (None, "", [], {}):
        text += f", default {node['default']}"
    return f"{text}; {meaning}" if meaning else text


_TYPES = {
    "number": "number",
    "integer": "whole number",
    "string": "text",
    "boolean": "true | false",
    "object": "mapping",
    "array": "list",
}

__all__ = ["parts", "schema_lines"]
