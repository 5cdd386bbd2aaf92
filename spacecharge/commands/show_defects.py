"""``spacecharge defects``: carriers of a material from the formation energies of its defects."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import EXIT_SOLVED, EXIT_SOME_FAILED, ConfigError

if TYPE_CHECKING:
    from ..defect_chemistry import DefectSystem
    from ..defect_chemistry.scanning import Scan

_OPTIONS = ("cell_volume_A3", "density_of_states", "reference_potential_V", "statistics")
_GIVEN = ("temperature_K", "potential_V", "frozen_at_K")
_DEFAULT_SCAN = "temperature_K=300:1500:61"


def execute(args: argparse.Namespace) -> int:
    """Print the equilibrium, or a scan, and draw it if asked; returns the exit code."""
    from ..defect_chemistry import equilibrium, read_defects

    if _is_configuration(args.file):
        return _of_configuration(args)
    from ..report.defect_tables import equilibrium_lines, scan_lines
    from ..report.objects import as_json

    options = {key: getattr(args, key) for key in _OPTIONS}
    system = read_defects(args.file, **options)
    given = {key: getattr(args, key) for key in _GIVEN}
    if args.against is None and args.output is None:
        result = equilibrium(system, **given).as_dict()
        print(as_json(result) if args.json else "\n".join(equilibrium_lines(result)))
        return EXIT_SOLVED
    found = _scan(system, args.against or _DEFAULT_SCAN, given)
    columns = found.concentrations_per_cm3()
    level = found.fermi_level_eV
    if args.json:
        rows = {"axis": found.axis, "values": found.values.tolist(), "reasons": list(found.reasons)}
        numbers = {name: column.tolist() for name, column in {"fermi_level_eV": level, **columns}.items()}
        print(as_json(rows | {"columns": numbers}))
    else:
        plain = {name: column.tolist() for name, column in columns.items()}
        print("\n".join(scan_lines(found.axis, found.values.tolist(), level.tolist(), plain, found.reasons)))
    if args.output is not None:
        from ..plotting.defect_scan import draw_scan

        draw_scan(
            found.axis, found.values, columns, level, args.output,
            title=f"Defects of {system.source}", fixed={f.name: f.concentration_per_cm3 for f in system.fixed_charges},
            overwrite=args.overwrite,
        )  # fmt: skip
        print(args.output, file=sys.stderr)
    return EXIT_SOME_FAILED if any(found.reasons) else EXIT_SOLVED


def _is_configuration(path: str) -> bool:
    """Say whether a file is a configuration of a stack."""
    from ..defect_chemistry import is_mapping
    from ..document.yaml import read_document

    return is_mapping(path) and "layers" in read_document(path).data


def _of_configuration(args: argparse.Namespace) -> int:
    """Print the bulk of every layer with defects at the configuration's own numbers; draw carriers and bands."""
    from ..config import Config, load_config
    from ..report.defect_tables import equilibrium_lines
    from ..report.objects import as_json

    config = load_config(args.file)
    stack = config.base_stack if isinstance(config, Config) else config.stack
    given = [key for key in (*_OPTIONS, *_GIVEN, "against") if getattr(args, key) is not None]
    if given:
        raise ConfigError([f"--{given[0].replace('_', '-')}: a configuration says it itself"])
    kelvin = stack.temperature_K
    found = {
        layer.name: layer.defects.bulk(kelvin, layer.potential_V).result.as_dict()
        for layer in stack.layers
        if layer.defects is not None and layer.core_of is None
    }
    if not found:
        raise ConfigError([f"{args.file}: no layer has defects"])
    if args.json:
        print(as_json(found))
    else:
        blocks = ["\n".join([f"[{name}]", *equilibrium_lines(result)]) for name, result in found.items()]
        print("\n\n".join(blocks))
    if args.output is not None:
        from ..plotting.carriers import draw_carriers
        from ..solver.equilibrium import solve

        draw_carriers(solve(stack), args.output, title=config.title, overwrite=args.overwrite)
        print(args.output, file=sys.stderr)
    return EXIT_SOLVED


def _scan(system: DefectSystem, text: str, given: dict[str, float | None]) -> Scan:
    """Return the scan that ``KEY=START:STOP[:NUM]`` asks for."""
    import numpy as np

    from ..defect_chemistry.scanning import AXES, scan

    key, _, span = text.partition("=")
    try:
        start, stop, *count = span.split(":")
        low, high, n = float(start), float(stop), int(count[0]) if count else 61
        if not (low < high and 2 <= n <= 100_000 and len(count) <= 1):
            raise ValueError
    except ValueError:
        raise ConfigError([f"--against: KEY=START:STOP[:NUM] is needed, START below STOP, got {text!r}"]) from None
    if key not in AXES and low <= 0.0:
        raise ConfigError([f"--against: concentrations of {key} run logarithmically and must be above 0"])
    values = np.linspace(low, high, n) if key in AXES else np.geomspace(low, high, n)
    return scan(system, key, values, **{k: v for k, v in given.items() if k != key})
