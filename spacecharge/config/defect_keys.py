"""Defects of layers: files and mappings of a configuration become what the model takes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..defect_chemistry.layers import LayerDefects, layer_defects, numbers_of
from ..document.problems import Problems
from ..errors import ConfigError, ModelError


def take_defects(data: dict[str, Any], folder: Path, problems: Problems) -> str:
    """Replace the ``defects`` of every layer by what they mean, and return their digest.

    Parameters
    ----------
    data : mapping
        The configuration, held against the schema; changed in place.
    folder : Path
        Where its files are looked for.
    problems : Problems
        Takes one line for everything that is wrong.

    Returns
    -------
    str
        SHA-256 of what was read; empty where no layer has defects.
    """
    digests = []
    for name, keys in data["layers"].items():
        if keys.get("defects") is None:
            continue
        prefix = f"layers.{name}.defects"
        n_before = len(problems)
        try:
            keys["defects"] = layer_defects(keys["defects"], folder, problems, f"{prefix}.")
        except ModelError as error:
            problems.add(f"{prefix}.{error.path}" if error.path else prefix, error.message)
        except ConfigError as error:
            # What is wrong in the configuration itself stands among the problems; what is in another file does not.
            if len(problems) == n_before:
                for line in error.problems:
                    problems.add(prefix, line)
        if len(problems) > n_before:
            keys.pop("defects")
            continue
        digests.append(_digest(keys["defects"]))
    return "".join(digests)


def _digest(defects: LayerDefects) -> str:
    """Return the SHA-256 of everything that equilibria depend on."""
    system = defects.system
    parts = [repr(system.defects), repr(system.fixed_charges), repr(defects.mobile), repr(defects.redox)]
    parts += [repr((system.cell_volume_A3, system.statistics, system.frozen_at_K, system.reference_potential_V))]
    digest = hashlib.sha256("".join(parts).encode())
    if system.bands is not None:
        digest.update(system.bands.digest().encode())
    return digest.hexdigest()


def defect_paths(name: str, layer: Mapping[str, Any]) -> list[str]:
    """Return the dotted paths of the numbers below the ``defects`` of a layer of the file."""
    given = layer.get("defects")
    if not isinstance(given, Mapping):
        return []
    return [f"{name}.defects.{path}" for path in numbers_of(given) if path != "temperature_K"]


__all__ = ["defect_paths", "take_defects"]
