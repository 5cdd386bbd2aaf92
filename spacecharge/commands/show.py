"""``spacecharge show``: print a result file as tables in nm, V, uF/cm2, Ohm cm2."""

from __future__ import annotations

import argparse

DEFAULT_ROWS = 40


def execute(args: argparse.Namespace) -> int:
    """Print the tables; returns the exit code."""
    from ..errors import EXIT_SOLVED
    from ..report.points import points_text
    from ..store import read_results, refusing_damage

    with refusing_damage(args.file):
        results = read_results(args.file)
        rows = DEFAULT_ROWS if args.rows is None else args.rows
        if args.json:
            from ..report.objects import as_json, results_object

            text = as_json(results_object(results, args.select, args.rows, args.area_cm2))
        elif str(results.attributes.get("kind", "")).startswith("fit "):
            from ..report.fits import sweep_table

            text = sweep_table(args.file, rows)
        else:
            blocks = points_text(results, args.select, rows, args.area_cm2)
            if results.has_fits:
                from ..fitting.stored import fit_table

                blocks.append(fit_table(args.file).splitlines())
            text = "\n\n".join("\n".join(block) for block in blocks if block)
    print(text)
    return EXIT_SOLVED
