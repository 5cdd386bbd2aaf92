"""Figures of result files and of solutions; matplotlib loads with the first of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "plot_carriers": "carriers",
    "plot_file": "figures",
    "plot_profiles": "profiles",
    "plot_solution": "profiles",
    "plot_sweep": "lines",
    "plot_map": "maps",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
