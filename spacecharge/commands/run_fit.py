"""``spacecharge fit``: fit data as a configuration says."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..config.nmr_keys import FitConfig


def execute(args: argparse.Namespace) -> int:
    """Fit, write, print; returns the exit code."""
    from ..config.interface_fit import is_interface_fit
    from ..config.nmr_fit import load_fit_config
    from ..errors import EXIT_SOLVED
    from ..fitting.kinds.comparison import is_comparison
    from ..fitting.run import fit
    from ..report.fits import fit_text
    from ..store.fits import refuse_existing, write_fit

    if is_interface_fit(args.config):
        from .fit_interface import execute as fit_interface

        return fit_interface(args)
    if is_comparison(args.config):
        return _comparison(args)
    config = load_fit_config(args.config)
    path = args.output if args.output is not None else config.output
    if config.sweep:
        return _sweep(config, path, args)
    if path:
        refuse_existing(path, config.name, args.overwrite)
    result = fit(config)
    if path:
        write_fit(path, result, overwrite=args.overwrite)
    if args.json:
        import json

        print(json.dumps(result.to_json(), indent=2, allow_nan=False))
    else:
        print(fit_text(result.to_json()))
    if not args.quiet:
        for text in result.warnings if args.json else ():
            print(f"warning: {text}", file=sys.stderr)
        if path:
            print(f"{path}: fits/{config.name}", file=sys.stderr)
    return EXIT_SOLVED


def _comparison(args: argparse.Namespace) -> int:
    """Set the model beside the measured exchange currents."""
    from ..errors import EXIT_SOLVED, EXIT_SOME_FAILED
    from ..fitting.kinds.comparison import compare
    from ..kernels.compiling import compiling_announced
    from ..report.fits import comparison_text
    from ..store.fits import write_comparison

    with compiling_announced(quiet=args.quiet):
        comparison, output = compare(args.config)
    path = args.output if args.output is not None else output
    if path:
        write_comparison(path, comparison, overwrite=args.overwrite)
    columns = {
        "model_resistance": comparison.model_resistance,
        "exchange_current_density": comparison.exchange_current_density,
        "sigma": comparison.sigma,
        "nmr_resistance": comparison.nmr_resistance,
        "factor": comparison.factor,
        "is_bound": comparison.is_bound,
    }
    if args.json:
        import json
        import math

        units = {"factor": "1", "is_bound": "1", "model_resistance": "ohm m2", "nmr_resistance": "ohm m2"}
        rows = {
            name: {key: _plain(values[k], math.isfinite(values[k])) for key, values in columns.items()}
            for k, name in enumerate(comparison.interfaces)
        }
        shown = {"name": comparison.name, "title": comparison.title, "interfaces": rows}
        shown["units"] = {key: units.get(key, "A m-2") for key in columns}
        print(json.dumps(shown, indent=2, allow_nan=False))
    else:
        names = {"name": comparison.name, "title": comparison.title, "interfaces": comparison.interfaces}
        print(comparison_text({**names, **columns}))
    if path and not args.quiet:
        print(f"{path}: fits/{comparison.name}", file=sys.stderr)
    return EXIT_SOME_FAILED if (comparison.status > 0).any() else EXIT_SOLVED


def _plain(value: Any, finite: bool) -> Any:
    """Return a number or truth value as JSON knows it; null where it is not finite."""
    return value.item() if finite else None


def _sweep(config: FitConfig, path: str, args: argparse.Namespace) -> int:
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
