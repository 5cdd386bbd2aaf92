"""``spacecharge plot``: draw a result file."""

from __future__ import annotations

import argparse


def execute(args: argparse.Namespace) -> int:
    """Draw and save the figure, print its path; returns the exit code."""
    from ..cli import EXIT_SOLVED
    from ..plotting import plot_file

    print(plot_file(args.file, args.output, x=args.x, y=args.y, select=args.select, profiles=args.profiles))
    return EXIT_SOLVED
