"""Text of a bulk defect equilibrium and of a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from .tables import table

_WIDTH = 22
_MOST_COLUMNS = 8


def equilibrium_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table of one equilibrium.

    Parameters
    ----------
    result : mapping
        ``Equilibrium.as_dict()``.

    Returns
    -------
    list of str
        Fermi level, carriers, totals, charge states, notes.
    """
    lines = [f"{'source':<{_WIDTH}}{result['source']}"] if result["source"] else []
    lines.append(f"{'temperature':<{_WIDTH}}{result['temperature_K']:g} K")
    if result["potential_V"] is not None:
        lines.append(f"{'potential':<{_WIDTH}}{result['potential_V']:g} V against Li/Li+")
    if result["frozen_at_K"] is not None:
        lines.append(f"{'totals frozen at':<{_WIDTH}}{result['frozen_at_K']:g} K")
    lines.append(f"{'Fermi level':<{_WIDTH}}{result['fermi_level_eV']:.6f} eV above the valence band edge")
    lines.append("")
    lines.append(f"{'':<{_WIDTH}}{'cm-3':>12}   charge states (share)")
    for name, key in (("electrons", "electrons_per_cm3"), ("holes", "holes_per_cm3")):
        lines.append(f"{name:<{_WIDTH}}{result[key]:>12.5e}")
    for name, total in result["concentrations_per_cm3"].items():
        shares = []
        for charge, value in sorted(result["states_per_cm3"][name].items(), key=lambda item: -item[1]):
            if total > 0.0 and value >= 1e-3 * total:
                shares.append(f"{_state(charge)} ({100.0 * value / total:.3g} %)")
        lines.append(f"{name:<{_WIDTH}}{total:>12.5e}   {', '.join(shares)}".rstrip())
    for name, fixed in result["fixed_charges_per_cm3"].items():
        lines.append(f"{name:<{_WIDTH}}{fixed['concentration_per_cm3']:>12.5e}   {fixed['charge']:+g} (fixed)")
    lines.append("")
    lines.append(f"{'charge balance':<{_WIDTH}}{result['charge_balance']:.1e} of the charge of one sign")
    lines += [f"{'note':<{_WIDTH}}{note}" for note in result["notes"]]
    return lines


def _state(charge: str) -> str:
    """Return a charge state as it is written: the neutral one has no sign."""
    return "0" if float(charge) == 0.0 else charge


def scan_lines(
    axis: str,
    values: Sequence[float],
    fermi_level_eV: Sequence[float],
    columns: Mapping[str, Sequence[float]],
    reasons: Sequence[str],
) -> list[str]:
    """Return the lines of a table along an axis: the species that matter most, and why a row is empty.

    Parameters
    ----------
    axis : str
        Name of the axis.
    values, fermi_level_eV : sequence of float
        Along the axis; Fermi level [eV].
    columns : mapping of str to sequence of float
        Concentrations along the axis, NaN where there is none [cm^-3].
    reasons : sequence of str
        Per row, empty where it was solved.

    Returns
    -------
    list of str
        A header and a line a row.
    """
    largest = {name: max(filter(isfinite, column), default=0.0) for name, column in columns.items()}
    names = sorted(columns, key=lambda name: -largest[name])[:_MOST_COLUMNS]
    heads = [axis if axis in ("temperature_K", "potential_V") else f"{axis}_cm-3", "E_F_eV", *names]
    rows = []
    for i, value in enumerate(values):
        if reasons[i]:
            rows.append([f"{value:.6g}", *("-" for _ in heads[1:]), reasons[i]])
        else:
            rows.append([f"{value:.6g}", f"{fermi_level_eV[i]:.6f}", *(f"{columns[n][i]:.5e}" for n in names), ""])
    lines = table([[*heads, ""]], rows, left=(len(heads),))
    left = len(columns) - len(names)
    if left:
        lines.append(f"({left} rarer species left out; --json has them all)")
    return lines
