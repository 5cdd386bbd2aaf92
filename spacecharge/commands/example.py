"""``spacecharge example``: list the configurations that come with the package, or copy one."""

from __future__ import annotations

import argparse
from pathlib import Path


def execute(args: argparse.Namespace) -> int:
    """Print the list, or copy one example into the working folder; returns the exit code."""
    from ..guide.examples import copy_example, examples

    listed = examples()
    if args.name is None:
        width = max(len(example.name) for example in listed)
        for example in listed:
            print(f"{example.name:<{width}}  {example.question}")
        return 0
    written = copy_example(args.name, Path())
    for path in written:
        print(path)
    command = next(example.command for example in listed if example.name == written[0].stem)
    print(f"now: spacecharge {command} {written[0]}")
    return 0
