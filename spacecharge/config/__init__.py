"""From YAML files to stacks, sweeps and settings, with every error of a file in one go."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Axis": "axes",
    "Config": "config",
    "FitReference": "build",
    "Sweep": "axes",
    "changed_keys": "differences",
    "json_schema": "schema",
    "load_config": "load",
    "parse_config": "load",
    "validate": "validation",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
