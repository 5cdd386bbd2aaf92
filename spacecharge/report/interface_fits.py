"""Tables of fits of the interface model, as ``spacecharge fit`` and ``spacecharge show`` print them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def interface_text(data: Mapping[str, Any]) -> str:
    """Return the comparison of measurement, model and fit, interface by interface.

    Parameters
    ----------
    data : mapping
        As :func:`spacecharge.fitting.kinds.interface.as_data` gives it.

    Returns
    -------
    str
        Two tables (resistances in Ohm cm2; exchange currents in mA/cm2 and activation energies in eV) and the verdict.
    """
    table, names = data["table"], data["names"]
    lines = ["resistance, Ohm cm2   (space charge: the layers alone; total: with charge transfer)"]
    rows = [
        [
            name,
            _measured(table, "resistance", i, 1e4),
            _number(table["default_interface_resistance"][i], 1e4, zero=True),
            _number(table["default_charge_transfer_resistance"][i], 1e4),
            _number(table["default_total_resistance"][i], 1e4),
            _number(table["fitted_total_resistance"][i], 1e4),
        ]
        for i, name in enumerate(names)
    ]
    heads = ["interface", "measured", "space charge", "charge transfer", "model, total", "fit, total"]
    lines += _columns([heads, *rows])
    lines += ["", "exchange current density, mA/cm2, and apparent activation energy, eV"]
    heads = ["interface", "i0 measured", "i0 model", "i0 fit", "Ea measured", "Ea model", "Ea fit"]
    rows = [
        [
            name,
            _measured(table, "exchange_current_density", i, 0.1),
            _number(table["default_exchange_current_density"][i], 0.1),
            _number(table["fitted_exchange_current_density"][i], 0.1),
            _measured(table, "activation_energy", i, 1.0),
            _number(table["default_apparent_activation_energy"][i], 1.0),
            _number(table["fitted_apparent_activation_energy"][i], 1.0),
        ]
        for i, name in enumerate(names)
    ]
    lines += _columns([heads, *rows])
    lines += ["", "what the fit meets (within 2 sigma)", *(f"  {line}" for line in data["verdict"])]
    return "\n".join(lines)


def _number(value: float, factor: float, *, zero: bool = False) -> str:
    if math.isnan(value):
        return "-"
    # Rounding of a layer that is not there.
    return "0" if zero and abs(value) < 1e-12 else f"{factor * value:.3g}"


def _measured(table: Mapping[str, Any], key: str, i: int, factor: float) -> str:
    value, limit = float(table[f"measured_{key}"][i]), table[f"measured_{key}_limit"][i]
    if math.isnan(value):
        return "-"
    return {-1.0: "<= ", 1.0: ">= "}.get(float(limit), "") + f"{factor * value:.3g}"


def _columns(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(
            cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


__all__ = ["interface_text"]
