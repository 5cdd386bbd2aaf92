"""The names of this room and where they live: what type checkers see, and what loads when a name is first used."""

from .axes import Axis, Sweep
from .build import FitReference
from .config import Config
from .differences import changed_keys
from .load import load_config, parse_config
from .schema import json_schema
from .validation import validate

__all__ = [
    "Axis",
    "Config",
    "FitReference",
    "Sweep",
    "changed_keys",
    "json_schema",
    "load_config",
    "parse_config",
    "validate",
]
