"""``spacecharge plot``: draw a result file."""

from __future__ import annotations

import argparse
from pathlib import Path


def execute(args: argparse.Namespace) -> int:
    """Draw and save the figure, print its path; returns the exit code."""
    from ..errors import EXIT_SOLVED
    from ..store import refusing_damage

    with refusing_damage(args.file):
        if args.text:
            from ..report.sketch import sketch

            shown = sketch(args.file, x=args.x, y=args.y, select=args.select)
        else:
            shown = str(_draw(args))
    print(shown)
    return EXIT_SOLVED


def _draw(args: argparse.Namespace) -> Path:
    """Draw what the file holds: a fit (by name, where there are points too), a sweep over fits, or points."""
    import logging

    from ..plotting.figures import FigureStyle, default_target, plot_file
    from ..store import read_results
    from ..store.target import refuse_replacing

    # Without a home folder matplotlib says in two lines where it keeps its list of fonts: nothing follows from it.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    style = FigureStyle(width=args.width, dpi=args.dpi)
    results = read_results(args.file)
    is_fit = results.has_fits and (not results.n_points or args.y in results.fits)
    is_sweep_of_fits = str(results.attributes.get("kind", "")).startswith("fit ")
    if not (is_fit or is_sweep_of_fits):
        return plot_file(
            results.path,
            args.output,
            x=args.x,
            y=args.y,
            select=args.select,
            profiles=args.profiles,
            relative_to=args.relative_to,
            style=style,
            overwrite=args.overwrite,
        )
    target = Path(args.output) if args.output is not None else default_target(results.path, args.y)
    if is_fit:
        from ..plotting.fits import plot_fit

        return plot_fit(results.path, target, name=args.y, overwrite=args.overwrite)
    refuse_replacing(target, overwrite=args.overwrite)
    from ..plotting.fits import plot_fit_sweep

    return plot_fit_sweep(results.path, target, x=args.x, y=args.y)
