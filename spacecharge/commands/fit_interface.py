"""``spacecharge fit`` of kind ``interface``: tables on stdout, result in HDF5, figure beside it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..fitting.kinds.interface_result import InterfaceResult


def execute(args: argparse.Namespace) -> int:
    """Fit, write, print, draw; returns the exit code."""
    from ..config.interface_fit import load_interface_fit
    from ..errors import EXIT_SOLVED
    from ..fitting.kinds.interface_result import fit_interface
    from ..kernels.compiling import compiling_announced
    from ..report.fits import fit_text
    from ..report.interface_fits import interface_text
    from ..store.fits import refuse_existing
    from ..store.interface_fits import write_interface

    config = load_interface_fit(args.config)
    path = args.output if args.output is not None else config.output
    if path:
        refuse_existing(path, config.name, args.overwrite)
    with compiling_announced(quiet=args.quiet):
        result = fit_interface(config)
    if path:
        write_interface(path, result, overwrite=args.overwrite)
    summary = result.fit.to_json()
    table = {"names": result.interfaces, "table": result.table, "verdict": result.verdict}
    if args.json:
        import json

        print(json.dumps({**summary, **_plain(result)}, indent=2, allow_nan=False))
    else:
        print(interface_text(table))
        print()
        print(fit_text(summary))
    if path:
        from ..plotting.fits import plot_fit

        figure = plot_fit(path, Path(path).with_suffix(".png"), name=config.name)
        if not args.quiet:
            print(f"{path}: fits/{config.name}", file=sys.stderr)
            print(figure, file=sys.stderr)
    return EXIT_SOLVED


def _plain(result: InterfaceResult) -> dict[str, object]:
    """Return the table as JSON knows it: per interface, null where a number is not known; and the verdict."""
    import math

    rows = {
        name: {key: float(v[i]) if math.isfinite(v[i]) else None for key, v in result.table.items()}
        for i, name in enumerate(result.interfaces)
    }
    return {"interfaces": rows, "verdict": list(result.verdict)}
