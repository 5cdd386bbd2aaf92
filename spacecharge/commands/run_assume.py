"""``spacecharge assume``: run every assumed value of a configuration through its plausible range."""

from __future__ import annotations

import argparse
from pathlib import Path


def execute(args: argparse.Namespace) -> int:
    """Print the table, write it and the figure; returns the exit code."""
    from ..config import load_config
    from ..errors import EXIT_SOLVED
    from ..kernels.compiling import compiling_announced
    from ..plotting.figures import save
    from ..report.assumptions import assumption_columns
    from ..report.export import table_target, write_table
    from ..store.target import refuse_replacing
    from ..sweeping.assumptions import Y, assume

    config = load_config(args.config)
    table = Path(args.output) if args.output is not None else Path(f"{config.source.stem}_assumed.csv")
    figure = table.with_suffix(".png")
    table_target(table, overwrite=args.overwrite)
    refuse_replacing(figure, overwrite=args.overwrite)
    with compiling_announced(quiet=args.quiet):
        result = assume(config, y=args.y or Y, samples=args.samples, workers=args.workers)
    print(result)
    write_table(assumption_columns(result), table, config.title, overwrite=args.overwrite)
    save(result.plot(), figure)
    print(f"\n{table}, {figure}")
    return EXIT_SOLVED
