"""Collect what is wrong with a configuration of fits, by dotted path; positions are added by who read the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Checker:
    """Collects what is wrong with a fit configuration, by dotted path."""

    def __init__(self, nearest: Callable[[object, Sequence[str]], str]) -> None:
        self.found: list[tuple[str, str, bool]] = []
        self.nearest = nearest

    def add(self, path: str, message: str, *, key: bool = False) -> None:
        """Add one problem; `key` points at the key instead of the value."""
        self.found.append((path, message, key))

    def mapping(self, value: Any, path: str, allowed: Sequence[str]) -> dict[str, Any]:
        """Return a mapping with known keys only."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.add(path, f"a mapping of keys is needed, got {value!r}")
            return {}
        for key in value:
            if key not in allowed:
                self.add(f"{path}.{key}" if path else str(key), f"unknown key ({self.nearest(key, allowed)})", key=True)
        return {k: v for k, v in value.items() if k in allowed}

    def number(
        self, section: Mapping[str, Any], key: str, path: str, low: float, high: float, default: Any = None
    ) -> Any:
        """Return a number of a section within its range, or the default."""
        value = section.get(key)
        if value is None:
            return default
        where = f"{path}.{key}" if path else key
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.add(where, f"a number is needed, got {value!r} (allowed: {low:g} to {high:g})")
            return default
        if not (math.isfinite(value) and low <= value <= high):
            self.add(where, f"{value:g} is out of range (allowed: {low:g} to {high:g})")
            return default
        return float(value)

    def choice(
        self, section: Mapping[str, Any], key: str, path: str, allowed: Sequence[Any], default: Any = None
    ) -> Any:
        """Return one of the allowed values of a section; without a default it has to be given."""
        where = f"{path}.{key}" if path else key
        if key not in section:
            if default is None:
                self.add(path or key, f"{key} is missing (allowed: {', '.join(map(str, allowed))})")
            return default
        if section[key] not in allowed or isinstance(section[key], bool):
            self.add(where, f"{section[key]!r} is not known (allowed: {', '.join(map(str, allowed))})")
            return default
        return section[key]
