"""Command line: parses arguments, calls one command module, turns errors into one line and an exit code.

No arithmetic here, and no import of a heavy package before a command needs it: ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import errno
import functools
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from .errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_SOLVED, EXIT_SYSTEM, SpaceChargeError, SystemStop
from .terminal import PlainStream, plain_streams

_FULL = tuple(getattr(errno, name) for name in ("ENOSPC", "EFBIG", "EDQUOT", "EIO") if hasattr(errno, name))
_SHOWN = 200
"""Longest name of a file in a message about the system."""

# Commands whose module has another name than the command, so that no module is called as a public object.
_MODULES = {"assume": "run_assume", "defects": "show_defects", "fit": "run_fit", "materials": "list_materials"}


def module_of(command: str) -> str:
    """Return the name of the module below ``commands`` that executes a command."""
    return _MODULES.get(command, command)


def _add_runs(commands: Any) -> None:
    """Add the commands that take a configuration."""
    run = commands.add_parser("run", help="solve every point of a configuration and write an HDF5 file")
    run.add_argument("config", metavar="CONFIG", help="YAML configuration")
    run.add_argument("-o", "--output", metavar="FILE", help="result file (default: output.path of the configuration)")
    existing = run.add_mutually_exclusive_group()
    existing.add_argument("--resume", action="store_true", help="finish an interrupted run of the same configuration")
    existing.add_argument("--overwrite", action="store_true", help="replace an existing result file")
    run.add_argument("--workers", type=int, metavar="N", help="threads (default: all cores)")
    run.add_argument(
        "--scheduler", metavar="ADDRESS", help="dask scheduler: tcp://HOST:PORT, a scheduler file, or local"
    )
    run.add_argument("--dry-run", action="store_true", help="print points, time, memory and file size; write nothing")
    run.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    run.add_argument("--quiet", action="store_true", help="no progress on stderr")

    check = commands.add_parser("check", help="check a configuration, solve nothing")
    check.add_argument("config", metavar="CONFIG")
    check.add_argument("--json", action="store_true", help="print one JSON object on stdout")

    assume = commands.add_parser("assume", help="run every assumed value through its range: table, tornado, band")
    assume.add_argument("config", metavar="CONFIG")
    assume.add_argument("-o", "--output", metavar="TABLE", help="table (default: NAME_assumed.csv), figure beside it")
    assume.add_argument("--y", metavar="NAME", help="the answer looked at (default: interface_resistance)")
    assume.add_argument("--samples", type=int, default=0, metavar="N", help="band over N samples of all values at once")
    assume.add_argument("--workers", type=int, metavar="N", help="threads (default: all cores)")
    assume.add_argument("--overwrite", action="store_true", help="replace an existing table and figure")
    assume.add_argument("--quiet", action="store_true", help="no progress on stderr")

    fit = commands.add_parser("fit", help="fit NMR or interface data as a configuration says")
    fit.add_argument("config", metavar="CONFIG")
    fit.add_argument("-o", "--output", metavar="FILE", help="HDF5 file for the group fits/NAME")
    fit.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    fit.add_argument("--overwrite", action="store_true", help="replace an existing result of the same name")
    fit.add_argument("--quiet", action="store_true", help="no progress on stderr")


def _add_results(commands: Any) -> None:
    """Add the commands that take a result file."""
    show = commands.add_parser("show", help="print a result file as a table")
    show.add_argument("file", metavar="FILE")
    show.add_argument("--select", action="append", default=[], metavar="AXIS=VALUE", help="nearest point of an axis")
    show.add_argument("--area-cm2", type=float, metavar="A", help="area of the cell: Ohm instead of Ohm cm2")
    show.add_argument("--rows", type=int, metavar="N", help="rows printed at most (default 40, of --json all)")
    show.add_argument("--json", action="store_true", help="print one JSON object on stdout")

    plot = commands.add_parser("plot", help="draw a result file")
    plot.add_argument("file", metavar="FILE")
    plot.add_argument("-o", "--output", metavar="PNG", help="figure file (default: beside the result file)")
    plot.add_argument("--x", metavar="AXIS", help="axis to draw along")
    plot.add_argument("--y", metavar="NAME", help="variable to draw")
    plot.add_argument("--select", action="append", default=[], metavar="AXIS=VALUE", help="nearest point of an axis")
    plot.add_argument("--profiles", action="store_true", help="potential and occupancy around each contact")
    plot.add_argument("--relative-to", metavar="AXIS=VALUE", help="draw --y over its value there, all else equal")
    plot.add_argument("--text", action="store_true", help="a sketch in the terminal instead of a file")
    plot.add_argument("--width", default="double", metavar="WIDTH", help="double (7.2 inch, default) or single (3.5)")
    plot.add_argument("--dpi", type=int, default=200, metavar="N", help="dots per inch of a PNG (default 200)")
    plot.add_argument("--overwrite", action="store_true", help="replace an existing figure")

    export = commands.add_parser("export", help="write a result file as a table: CSV, xlsx or JSON, in shown units")
    export.add_argument("file", metavar="FILE")
    export.add_argument("-o", "--output", metavar="TABLE", help="table.csv, .xlsx or .json (default: CSV on stdout)")
    export.add_argument("--select", action="append", default=[], metavar="AXIS=VALUE", help="nearest point of an axis")
    export.add_argument("--variables", action="append", default=[], metavar="NAMES", help="with commas; default: all")
    export.add_argument(
        "--area-cm2", type=float, metavar="A", help="area of the cell: Ohm instead of Ohm cm2, and so on"
    )
    export.add_argument("--profiles", action="store_true", help="the profiles instead, a row a node")
    export.add_argument(
        "--spectrum",
        metavar="SHAPE",
        help="the spectra instead: real,-imag | real,imag | modulus,phase",
    )
    export.add_argument("--overwrite", action="store_true", help="replace an existing table")


def _add_texts(commands: Any) -> None:
    """Add the commands that print what comes with the package."""
    materials = commands.add_parser("materials", help="list the materials library, or one material with sources")
    materials.add_argument("name", metavar="NAME", nargs="?")

    guide = commands.add_parser("guide", help="list the pages of the guide, or print one")
    guide.add_argument("topic", metavar="TOPIC", nargs="?")

    example = commands.add_parser("example", help="list the configurations that come along, or copy one to this folder")
    example.add_argument("name", metavar="NAME", nargs="?")

    schema = commands.add_parser("schema", help="print the JSON schema of configurations of runs and fits")
    schema.add_argument(
        "--text", metavar="PART", help="print one part as text: run, the name of a kind of fit, or any key"
    )


def _add_defects(commands: Any) -> None:
    """Add the command for bulk defect chemistry."""
    defects = commands.add_parser("defects", help="carriers from the formation energies of defects")
    defects.add_argument(
        "file", metavar="FILE", help="py-sc-fermi YAML, input-fermi.dat, CSV, own YAML, or a configuration"
    )
    defects.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    defects.add_argument("--temperature-K", type=float, metavar="T", help="temperature (default: the file's)")
    defects.add_argument("--potential-V", type=float, metavar="U", help="potential against Li/Li+")
    defects.add_argument("--frozen-at-K", type=float, metavar="T", help="totals keep the value of this temperature")
    defects.add_argument("--cell-volume-A3", type=float, metavar="V", help="volume of the cell where the file has none")
    defects.add_argument("--density-of-states", metavar="FILE", help="totdos.dat or vasprun.xml")
    defects.add_argument("--reference-potential-V", type=float, metavar="U", help="potential of the formation energies")
    defects.add_argument("--statistics", choices=("dilute", "pool"), help="pool: states share the sites of a defect")
    defects.add_argument(
        "--against", metavar="KEY=START:STOP[:NUM]", help="scan temperature_K, potential_V or a fixed charge (cm-3)"
    )
    defects.add_argument("-o", "--output", metavar="PNG", help="draw log concentrations against the scan")
    defects.add_argument("--overwrite", action="store_true", help="replace an existing figure")


@functools.cache
def build_parser() -> argparse.ArgumentParser:
    """Return the argument parser of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="spacecharge",
        description="Space-charge layers in all-solid-state batteries: equilibrium profiles, interface "
        "resistance against electrode potential, exchange and relaxation NMR.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    _add_runs(commands)
    _add_results(commands)
    _add_texts(commands)
    _add_defects(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments after the program name; default: those of the process.

    Returns
    -------
    int
        0 all solved; 1 finished, some points failed; 2 bad input, nothing written; 3 stopped by the
        system; 130 interrupted.
    """
    with plain_streams() as output:
        try:
            return _run(arguments, output)
        except BrokenPipeError:
            # The reader of a pipe (head, less) went away: not an error of ours.
            output.silence()
            return EXIT_SOLVED


def _run(arguments: Sequence[str] | None, output: PlainStream) -> int:
    """Parse, call the command, and turn what went wrong into one line and an exit code."""
    parser = build_parser()
    try:
        args = parser.parse_args(arguments)
        code = _called(args, parser)
        output.flush()
        return code
    except SystemStop as error:
        output.silence()
        print(f"spacecharge: {error}", file=sys.stderr)
        return EXIT_SYSTEM
    except SpaceChargeError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("spacecharge: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except MemoryError:
        print("spacecharge: out of memory; run fewer points at a time or without profiles", file=sys.stderr)
        return EXIT_SYSTEM
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        print("spacecharge: no more threads can be started (memory or processes are limited)", file=sys.stderr)
        return EXIT_SYSTEM
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename is None:
            raise
        name = str(error.filename)
        shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
        print(f"{shown}: {os.strerror(error.errno or 0)}", file=sys.stderr)
        return EXIT_SYSTEM if error.errno in _FULL else EXIT_BAD_INPUT


def _called(args: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if args.version:
        from . import __version__

        print(__version__)
        return EXIT_SOLVED
    if args.command is None:
        parser.print_help()
        return EXIT_BAD_INPUT
    return int(import_module(f".commands.{module_of(args.command)}", __package__).execute(args))


if __name__ == "__main__":
    sys.exit(main())
