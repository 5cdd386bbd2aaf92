"""``spacecharge schema``: print the JSON schema of the configuration."""

from __future__ import annotations

import argparse
import json


def execute(args: argparse.Namespace) -> int:
    """Print the schema; returns the exit code."""
    from ..config.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
