"""Least squares with named parameters, their errors, and the fits that a configuration describes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "fit": "run",
    "FitResult": "result",
    "Value": "result",
    "Parameter": "least_squares",
    "Problem": "least_squares",
    "Estimate": "least_squares",
    "minimise": "least_squares",
    "bootstrap": "uncertainty",
    "profile": "uncertainty",
    "propagate": "uncertainty",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
