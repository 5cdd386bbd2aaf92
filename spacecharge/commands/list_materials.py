"""``spacecharge materials``: list the library, or print one material with its sources."""

from __future__ import annotations

import argparse


def execute(args: argparse.Namespace) -> int:
    """Print the library or one material; returns the exit code."""
    from ..library import materials

    if args.name is not None:
        print(materials[args.name])
        return 0
    width = max(len(name) for name in materials)
    for name, material in materials.items():
        n_assumed = sum(value.is_assumed for value in material.values.values())
        print(
            f"{name:<{width}}  {material.role:<11}  {material.title}"
            f"  ({len(material.values)} values, {n_assumed} assumed)"
        )
    return 0
