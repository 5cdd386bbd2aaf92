"""``spacecharge plot``: draw a result file."""

from __future__ import annotations

import argparse
from pathlib import Path


def execute(args: argparse.Namespace) -> int:
    """Draw and save the figure, print its path; returns the exit code."""
    from ..errors import EXIT_SOLVED
    from ..store import refusing_damage

    with refusing_damage(args.file):
        figure = _draw(args)
    print(figure)
    return EXIT_SOLVED


def _draw(args: argparse.Namespace) -> Path:
    """Draw what the file holds: a fit (by name, where there are points too), a sweep over fits, or points."""
    from ..store import read_results

    results = read_results(args.file)
    target = Path(args.output) if args.output is not None else results.path.with_suffix(".png")
    if results.has_fits and (not results.n_points or args.y in results.fits):
        from ..plotting.fits import plot_fit

        return plot_fit(results.path, target, name=args.y)
    if str(results.attributes.get("kind", "")).startswith("fit "):
        from ..plotting.fits import plot_fit_sweep

        return plot_fit_sweep(results.path, target, x=args.x, y=args.y)
    from ..plotting.figures import plot_file

    return plot_file(results.path, target, x=args.x, y=args.y, select=args.select, profiles=args.profiles)
