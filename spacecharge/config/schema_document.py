"""The JSON schema of every kind of configuration, from the models of its keys."""

from __future__ import annotations

from typing import Any


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of configurations, with descriptions, units and ranges.

    A configuration with the key ``fit`` follows the schema of its kind of fit, one with ``lattice`` that of lattice
    planes, any other one that of a stack.
    """
    from ..fitting.kinds import REGISTRY, kind_of
    from .lattice import LatticeConfiguration
    from .schema import Configuration

    run = Configuration.model_json_schema()
    definitions: dict[str, Any] = {**run.pop("$defs", {}), "Configuration": run}
    names = dict.fromkeys(run["properties"])
    planes = LatticeConfiguration.model_json_schema(ref_template="#/$defs/lattice.{model}")
    definitions |= {f"lattice.{key}": value for key, value in planes.pop("$defs", {}).items()}
    definitions["LatticeConfiguration"] = planes
    names |= dict.fromkeys(planes["properties"])
    for kind in map(kind_of, REGISTRY):
        schema = kind.keys.model_json_schema(ref_template=f"#/$defs/{kind.name}.{{model}}")
        definitions |= {f"{kind.name}.{key}": value for key, value in schema.pop("$defs", {}).items()}
        definitions[kind.name] = {**schema, "title": f"fit: {kind.name}", "description": kind.words}
        names |= dict.fromkeys(schema["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration",
        "type": "object",
        "properties": {name: {} for name in names},
        "additionalProperties": False,
        "if": {"required": ["fit"]},
        "then": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in REGISTRY]},
        "else": {
            "if": {"required": ["lattice"]},
            "then": {"$ref": "#/$defs/LatticeConfiguration"},
            "else": {"$ref": "#/$defs/Configuration"},
        },
        "$defs": definitions,
    }


__all__ = ["json_schema"]
