"""``spacecharge schema``: print the JSON schema of configurations of runs and fits, or one part of it as text."""

from __future__ import annotations

import argparse
import json


def execute(args: argparse.Namespace) -> int:
    """Print the schema; returns the exit code."""
    from ..config.schema import json_schema
    from ..errors import EXIT_SOLVED, ConfigError
    from ..report.schema import parts, schema_lines

    schema = json_schema()
    if args.text is None:
        print(json.dumps(schema, indent=2))
        return EXIT_SOLVED
    lines = schema_lines(schema, args.text)
    if not lines:
        from ..document.problems import nearest

        raise ConfigError([f"schema: no part is called {args.text} ({nearest(args.text, parts(schema))})"])
    print("\n".join(lines))
    return EXIT_SOLVED
