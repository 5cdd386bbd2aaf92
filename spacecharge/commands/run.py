"""``spacecharge run``: solve every point of a configuration and write the result file."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..config import Config
    from ..config.lattice import LatticeConfig
    from ..store.read import Results
    from ..sweeping.engine import RunReport


COLLECT_EVERY = 100_000
"""New objects between two looks for garbage in circles, of which a sweep makes next to none."""


MOST_ARCS_SHOWN = 12
"""Arcs that a run prints; `spacecharge show` has all."""


def execute(args: argparse.Namespace) -> int:
    """Run the sweep (or say what it would take); returns the exit code."""
    with _lean_process():
        return _execute(args)


@contextmanager
def _lean_process() -> Iterator[None]:
    """Spare the process of a sweep, most of whose life is loading libraries, what it does not need."""
    if "numpy" not in sys.modules:
        # No linear algebra here: a BLAS that starts a thread per core only takes cores from the solver.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # The libraries make a hundred thousand objects that stay: the collector would walk them again and again.
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_EVERY, *before[1:])
    # At the end the system takes it all at once.
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _execute(args: argparse.Namespace) -> int:
    from ..config import load_config
    from ..errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_SOLVED, EXIT_SOME_FAILED
    from ..store import read_results
    from ..sweeping import available_cores, run_sweep

    if args.workers is not None and args.workers < 1:
        print("--workers: at least 1 is needed", file=sys.stderr)
        return EXIT_BAD_INPUT
    config = load_config(args.config)
    path = Path(args.output if args.output is not None else config.output.path)
    workers = args.workers or available_cores()
    if args.dry_run:
        _dry_run(config, path, workers, args)
        return EXIT_SOLVED
    try:
        report = run_sweep(
            config,
            output=path,
            resume=args.resume,
            overwrite=args.overwrite,
            workers=workers,
            scheduler=args.scheduler,
            quiet=args.quiet,
        )
    except KeyboardInterrupt:
        print(f"{path}: interrupted; continue with --resume", file=sys.stderr)
        return EXIT_INTERRUPTED
    results = read_results(report.path)
    lines = {} if args.quiet and not args.json else _said(config, results)
    if args.json:
        from ..report.arcs import arcs_object, has_arcs
        from ..report.objects import as_json

        arcs = {"arcs": arcs_object(results)} if has_arcs(results) else {}
        print(as_json({**_report_object(report), **lines, **arcs}))
    else:
        _print_report(report, results)
    if not args.quiet:
        _print_failures(report)
        for label, line in ((label, line) for label, found in lines.items() for line in found):
            print(f"{label}: {line}", file=sys.stderr)
    return EXIT_SOME_FAILED if report.n_failed else EXIT_SOLVED


def _said(config: Config | LatticeConfig, results: Results) -> dict[str, list[str]]:
    """Return what a reader of the results has to know, by what it is about."""
    from ..report.strain import validity_lines

    return {
        "validity": list(validity_lines(results)),
        "assumed": [a.line for a in config.assumed],
        "note": list(config.notes),
    }


def _report_object(report: RunReport) -> dict[str, Any]:
    """Return what a run did, for other programs."""
    return {
        "path": str(report.path),
        "n_points": report.n_points,
        "n_resumed": report.n_resumed,
        "n_failed": report.n_failed,
        "status": {str(status): n for status, n in sorted(report.counts.items())},
        "seconds": report.seconds,
        "failures": list(report.failures),
    }


def _print_report(report: RunReport, results: Results) -> None:
    points = "point" if report.n_points == 1 else "points"
    there = f", {report.n_resumed} of them from before" if report.n_resumed else ""
    print(f"{report.path}: {report.n_points} {points}{there}, {report.n_failed} failed, {report.seconds:.2f} s")
    from ..report.arcs import arc_lines

    for line in arc_lines(results, (), MOST_ARCS_SHOWN):
        print(line)


def _print_failures(report: RunReport) -> None:
    for line in report.failures:
        print(line, file=sys.stderr)
    hidden = report.n_failed - len(report.failures)
    if report.failures and hidden > 0:
        print(f"... and {hidden} more failed points; their status is in the file", file=sys.stderr)


def _dry_run(config: Config | LatticeConfig, path: Path, workers: int, args: argparse.Namespace) -> None:
    from ..kernels.compiling import compiling_announced
    from ..sweeping import make_task
    from ..sweeping.engine import size_text
    from ..sweeping.estimate import estimate
    from ..sweeping.progress import duration

    with compiling_announced(quiet=args.quiet):
        expected = estimate(make_task(config), workers)
    if args.json:
        from dataclasses import asdict

        from ..report.objects import as_json

        print(as_json({"path": str(path), "workers": workers, **asdict(expected)}))
        return
    axes = " x ".join(f"{name} {size}" for name, size in zip(config.sweep.dims, config.shape, strict=True))
    time_text = f"{expected.seconds:.1f} s" if expected.seconds < 60 else duration(expected.seconds)
    lines = [
        ("points", f"{expected.n_points}{axes and f' ({axes})'} in {expected.n_chunks} chunks"),
        ("time", f"about {time_text} on {workers} threads, from {expected.n_sampled} points solved now"),
        ("memory", f"about {size_text(expected.memory)}"),
        (
            "file",
            f"{path}, about {size_text(expected.file_bytes)}; {size_text(expected.work_bytes)} while it runs",
        ),
    ]
    if expected.profile_bytes:
        lines.append(("profiles", f"{size_text(expected.profile_bytes)} of these"))
    for label, text in lines:
        print(f"{label:<10}{text}")
