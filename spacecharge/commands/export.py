"""``spacecharge export``: write a result file as one table, in shown units."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def execute(args: argparse.Namespace) -> int:
    """Write or print the table; returns the exit code."""
    from ..errors import EXIT_SOLVED
    from ..report.export import csv_text, point_table, profile_table, spectrum_table, write_table
    from ..store import read_results, refusing_damage

    with refusing_damage(args.file):
        results = read_results(args.file)
        variables = [name.strip() for text in args.variables for name in text.split(",") if name.strip()]
        if args.spectrum is not None:
            columns = spectrum_table(results, args.select, args.spectrum, area_cm2=args.area_cm2)
        elif args.profiles:
            columns = profile_table(results, args.select, variables)
        else:
            columns = point_table(results, args.select, variables, area_cm2=args.area_cm2)
    if args.output is None:
        sys.stdout.write(csv_text(columns))
        return EXIT_SOLVED
    title = str(results.attributes.get("title", results.path.stem))
    names = {path.rpartition("/")[2] for path in results.fields}
    write_table(columns, Path(args.output), title, overwrite=args.overwrite, others=names)
    print(f"{args.output}: {len(columns[0].values)} rows, {len(columns)} columns")
    return EXIT_SOLVED
