"""What two configurations say differently."""

from __future__ import annotations

import math
from typing import Any

from ..document.yaml import parse_document


def changed_keys(old: str, new: str) -> list[str]:
    """Return the dotted paths in which two configurations differ.

    Parameters
    ----------
    old, new : str
        YAML texts.

    Returns
    -------
    list of str
        Sorted; empty if they say the same, whatever their comments and layout.

    Raises
    ------
    ConfigError
        One of the texts is no YAML.
    """
    flat_old, flat_new = (_flat(parse_document(text).data) for text in (old, new))
    return sorted(p for p in flat_old.keys() | flat_new.keys() if not _same(flat_old.get(p), flat_new.get(p)))


def _flat(data: Any, path: str = "") -> dict[str, Any]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else None
    if items is None:
        return {path: data}
    result: dict[str, Any] = {}
    for key, value in items:
        result |= _flat(value, f"{path}.{key}" if path else str(key))
    return result


def _same(a: Any, b: Any) -> bool:
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return both_nan or (a == b and isinstance(a, bool) == isinstance(b, bool))


__all__ = ["changed_keys"]
