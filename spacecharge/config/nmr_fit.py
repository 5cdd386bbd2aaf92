"""From a YAML file to a checked fit configuration, with every error of the file in one go."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import product
from typing import Any

from ..document.problems import nearest
from ..document.yaml import read_document
from ..errors import ConfigError
from .nmr_keys import FitConfig, check_fit, replaced


def load_fit_config(path: str | os.PathLike[str]) -> FitConfig:
    """Read and check a fit configuration.

    Parameters
    ----------
    path : str or path
        YAML file; its data paths are relative to it.

    Returns
    -------
    FitConfig
        Checked.

    Raises
    ------
    ConfigError
        One line per problem, with line and column.
    """
    document = read_document(path)
    config, check = check_fit(document.data, path=document.path, text=document.text, nearest=nearest)
    problems = document.problems()
    for where, message, key in check.found:
        problems.add(where, message, key=key)
    if config is not None:
        for point in sweep_points(config):
            _, inner = check_fit(replaced(config.raw, point), path=config.path)
            for where, message, _ in inner.found:
                axis = next((a for a in point if where.startswith(a) or where == a.split(".")[0]), "")
                problems.add(f"sweep.{axis}" if axis else where, f"{where}: {message} (at {_named(point)})")
    problems.raise_if_any()
    if config is None:
        raise ConfigError([f"{document.path}: is no fit configuration"])
    return config


def sweep_points(config: FitConfig) -> list[dict[str, Any]]:
    """Return the points of a swept fit in order, one mapping of dotted path to value each."""
    axes = list(config.sweep)
    return [dict(zip(axes, values, strict=True)) for values in product(*config.sweep.values())] if axes else []


def config_at(config: FitConfig, point: Mapping[str, Any]) -> FitConfig:
    """Return the checked configuration of one point of a sweep.

    Raises
    ------
    ConfigError
        The point makes no valid configuration.
    """
    single, check = check_fit(replaced(config.raw, point), path=config.path, text=config.text)
    if single is None:
        raise ConfigError([f"{config.path}: {where}: {message}" for where, message, _ in check.found])
    return single


def _named(point: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in point.items())
