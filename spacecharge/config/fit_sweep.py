"""Sweeps over fits: values of dotted paths of a configuration, combined when a point is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from ..document.problems import Problems, shown
from .fit_keys import FitAxisKeys
from .validation import validate

MAX_FITS = 1_000_000
"""Most fits of one sweep: at some 30 ms each, eight hours."""


def check_fit_sweep(value: Any, roots: Sequence[str], problems: Problems) -> dict[str, list[Any]]:
    """Return the values of every swept path, and report what is wrong with them.

    Parameters
    ----------
    value : any
        The section ``sweep`` as read.
    roots : sequence of str
        Sections whose keys may be swept.
    problems : Problems
        Takes one line per problem.

    Returns
    -------
    dict of str to list
        Empty without a sweep, or with a broken one.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not value:
        problems.add("sweep", f"a mapping from a dotted path to values is needed, got {shown(value)}")
        return {}
    if not roots:
        problems.add("sweep", "this kind of fit has no sweep", key=True)
        return {}
    out: dict[str, list[Any]] = {}
    for key, given in value.items():
        path = ("sweep", key)
        if str(key).split(".")[0] not in roots or "." not in str(key):
            *most, last = roots
            problems.add(path, f"a path inside {', '.join(most)} or {last} is needed", key=True)
        if isinstance(given, Mapping):
            given = _range(given, path, problems)
            if given is None:
                continue
        if not isinstance(given, list) or not given or any(isinstance(v, (list, Mapping)) for v in given):
            problems.add(path, "a list of values, or start, stop and num, is needed")
            continue
        out[str(key)] = list(given)
    total = math.prod(len(values) for values in out.values())
    if total > MAX_FITS:
        sizes = " x ".join(str(len(values)) for values in out.values())
        problems.add("sweep", f"{sizes} = {total} fits are too many (allowed: {MAX_FITS})", key=True)
        return {}
    return out


def _range(given: Mapping[str, Any], path: tuple[str | int, ...], problems: Problems) -> list[float] | None:
    keys = validate(FitAxisKeys, given, problems, prefix=path, sections={})
    if keys is None:
        return None
    if keys.spacing is not None and keys.scale is not None:
        problems.add(path, "spacing and scale are the same: give spacing")
        return None
    if "log" not in (keys.spacing, keys.scale):
        return [float(v) for v in np.linspace(keys.start, keys.stop, keys.num)]
    if not keys.start * keys.stop > 0.0:
        problems.add(path, "log spacing needs start and stop of one sign, neither zero", key=True)
        return None
    return [float(v) for v in np.geomspace(keys.start, keys.stop, keys.num)]


def replaced(raw: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the values of one point of its sweep, and without the sweep.

    Parameters
    ----------
    raw : mapping
        The configuration as read.
    point : mapping
        Dotted path to value; the items of lists by number.

    Returns
    -------
    dict
        A deep copy.
    """
    data = deepcopy({key: value for key, value in raw.items() if key != "sweep"})
    for path, value in point.items():
        _put(data, path, value)
    return data


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a dotted path; the longest key that stands there is followed (names may hold dots)."""
    section: Any = data
    parts = path.split(".")
    while len(parts) > 1:
        if isinstance(section, list) and parts[0].isdigit() and int(parts[0]) < len(section):
            section, parts = section[int(parts[0])], parts[1:]
            continue
        if not isinstance(section, dict):
            return
        n = next(
            (n for n in range(len(parts) - 1, 0, -1) if isinstance(section.get(".".join(parts[:n])), (dict, list))), 0
        )
        if n == 0:
            section[parts[0]] = {}
            n = 1
        section, parts = section[".".join(parts[:n])], parts[n:]
    if isinstance(section, list) and parts[0].isdigit() and int(parts[0]) < len(section):
        section[int(parts[0])] = value
    elif isinstance(section, dict):
        section[parts[0]] = value


__all__ = ["MAX_FITS", "check_fit_sweep", "replaced"]
