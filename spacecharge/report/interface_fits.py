"""Tables of fits of the interface model, as ``spacecharge fit`` and ``spacecharge show`` print them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..units import display_of
from .tables import table as columns

_OHMS, _AMPERES, _FARADS = display_of("ohm m2"), display_of("A m-2"), display_of("F m-2")


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
    lines = [f"resistance, {_OHMS.text}   (space charge: the layers alone; total: with charge transfer)"]
    rows = [
        [
            name,
            _measured(table, "resistance", i, _OHMS.factor),
            _number(table["default_interface_resistance"][i], _OHMS.factor, zero=True),
            _number(table["default_charge_transfer_resistance"][i], _OHMS.factor),
            _number(table["default_total_resistance"][i], _OHMS.factor),
            _number(table["fitted_total_resistance"][i], _OHMS.factor),
        ]
        for i, name in enumerate(names)
    ]
    heads = ["interface", "measured", "space charge", "charge transfer", "model, total", "fit, total"]
    lines += columns((), [heads, *rows])
    heads = ["interface", "i0 measured", "i0 model", "i0 fit", "Ea measured", "Ea model", "Ea fit"]
    rows = [
        [
            name,
            _measured(table, "exchange_current_density", i, _AMPERES.factor),
            _number(table["default_exchange_current_density"][i], _AMPERES.factor),
            _number(table["fitted_exchange_current_density"][i], _AMPERES.factor),
            _measured(table, "activation_energy", i, 1.0),
            _number(table["default_apparent_activation_energy"][i], 1.0),
            _number(table["fitted_apparent_activation_energy"][i], 1.0),
        ]
        for i, name in enumerate(names)
    ]
    if any(not math.isnan(v) for v in table["fitted_exchange_current_density"]):
        title = f"exchange current density, {_AMPERES.text}, and apparent activation energy, eV"
        lines += ["", title, *columns((), [heads, *rows])]
    lines += _capacitances(table, names)
    if data["verdict"]:
        lines += ["", "what the fit meets (within 2 sigma)", *(f"  {line}" for line in data["verdict"])]
    return "\n".join(lines)


def _capacitances(table: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return the table of capacitances; nothing where none was measured."""
    if "measured_capacitance" not in table or all(math.isnan(v) for v in table["measured_capacitance"]):
        return []
    rows = [
        [
            name,
            _measured(table, "capacitance", i, _FARADS.factor),
            _number(table["default_capacitance"][i], _FARADS.factor),
            _number(table["fitted_capacitance"][i], _FARADS.factor),
        ]
        for i, name in enumerate(names)
    ]
    heads = ["interface", "measured", "model", "fit"]
    return ["", f"differential capacitance, {_FARADS.text}", *columns((), [heads, *rows])]


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


__all__ = ["interface_text"]
