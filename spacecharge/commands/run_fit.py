"""``spacecharge fit``: fit data as a configuration says, whatever its kind."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..store.stored_fit import StoredFit


def execute(args: argparse.Namespace) -> int:
    """Fit, write, print, draw; returns the exit code."""
    from ..errors import EXIT_SOLVED, EXIT_SOME_FAILED
    from ..fitting.kinds import kind_of
    from ..fitting.load import load_fit_config
    from ..kernels.compiling import compiling_announced
    from ..store.fits import fit_names, refuse_existing, write_fit

    config = load_fit_config(args.config)
    kind = kind_of(config.kind)
    path = args.output if args.output is not None else config.output
    if getattr(config, "sweep", None):
        return _sweep(config, path, args)
    # What says on stderr that the result file is in use.
    say = None if args.quiet else partial(print, file=sys.stderr, flush=True)
    if path:
        # A chain stores the results of its steps too.
        refuse_existing(path, [config.name, *getattr(config, "stores", ())], args.overwrite, say=say)
    with compiling_announced(quiet=args.quiet) if kind.solves else nullcontext():
        result = kind.run(config)
    if path:
        write_fit(path, result, overwrite=args.overwrite, say=say)
    if args.json:
        import json

        print(json.dumps(result.to_json(), indent=2, allow_nan=False))
    else:
        print(kind.text(result.stored()))
    said = [f"warning: {text}" for text in result.warnings] if args.json else []
    if path:
        said.append(f"{path}: fits/{config.name}")
        if kind.draws:
            # Beside other fits of the file its figure has a name of its own, as `plot` names it.
            others = set(fit_names(path)) - {config.name, *getattr(config, "stores", ())}
            name = f"{Path(path).stem}_{config.name}.png" if others else f"{Path(path).stem}.png"
            said += _draw(result.stored(), Path(path).with_name(name), args.overwrite)
    for text in () if args.quiet else said:
        print(text, file=sys.stderr)
    return EXIT_SOME_FAILED if result.n_failed else EXIT_SOLVED


def _draw(stored: StoredFit, figure: Path, overwrite: bool) -> list[str]:
    """Draw a fit, and its posterior beside it; return a line for each. What somebody else made stays unasked."""
    from ..fitting.result import draw
    from ..plotting.figures import is_own_figure
    from ..plotting.fits import beside

    said = []
    for target, corner in ((figure, False), (beside(figure), True)):
        if corner and stored.posterior is None:
            continue
        if target.exists() and not (overwrite or is_own_figure(target)):
            said.append(
                f"{target}: exists already and is no figure of this program, nothing was drawn; "
                f"`spacecharge plot` draws the fit under another name"
            )
        else:
            said.append(str(draw(stored, target, corner=corner)))
    return said


def _sweep(config: Any, path: str, args: argparse.Namespace) -> int:
    """Run a fit at every point of its sweep into a result file."""
    from ..errors import EXIT_SOLVED, EXIT_SOME_FAILED, ConfigError
    from ..sweeping.fits import run_fit_sweep

    if not path:
        raise ConfigError([f"{config.path}: output: a sweep of fits needs a file (output.path, or -o FILE)"])
    report = run_fit_sweep(config, path, overwrite=args.overwrite, quiet=args.quiet)
    if args.json:
        import json

        counts = {str(status): n for status, n in sorted(report.counts.items())}
        print(json.dumps({"path": str(report.path), "n_points": report.n_points, "status": counts}, indent=2))
    else:
        print(f"{report.path}: {report.n_points} fits, {report.n_failed} failed, {report.seconds:.2f} s")
    for line in () if args.quiet else report.failures:
        print(line, file=sys.stderr)
    return EXIT_SOME_FAILED if report.n_failed else EXIT_SOLVED
