"""Equilibrium curves as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .tables import table

if TYPE_CHECKING:
    from ..store.stored_fit import StoredFit

MOST_ROWS = 40
"""Points of a curve that are printed; of a longer one, every n-th."""


def ocv_text(stored: StoredFit) -> str:
    """Return a fit of the kind ocv as a table.

    Parameters
    ----------
    stored : StoredFit
        Its content.

    Returns
    -------
    str
        Lines.
    """
    said, curve = stored.attributes, stored.tables[""]
    lines = [f"fit {stored.name} (ocv)" + (f": {stored.title}" if stored.title else "")]
    specific = said.get("charge_unit") == "C kg-1"
    scale, unit = (3600.0, "mAh/g") if specific else (3.6, "mAh")
    charge, discharge = float(said["charge"]) / scale, float(said["discharge"]) / scale
    lines.append(
        f"{int(said['n_rows'])} rows, {float(said['duration_s']) / 3600:.4g} h, charge {charge:.4g} {unit}, discharge "
        f"{discharge:.4g} {unit}, {float(said['voltage_min']):.6g} to {float(said['voltage_max']):.6g} V"
    )
    if "rests" in stored.tables:
        lines.append(f"{len(stored.tables['rests']['start'])} rests")
    x, n = curve["composition"], len(curve["composition"])
    header = ["composition", "U (V)", "sigma (mV)", "D (m2/s)", "factor"]
    rows = [header]
    step = -(-n // MOST_ROWS)
    for k in range(0, n, step):
        rows.append(
            [
                f"{x[k]:.5f}",
                f"{curve['potential'][k]:.5f}",
                _shown(1e3 * curve["potential_sigma"][k], ".2g"),
                _shown(curve["chemical_diffusivity"][k], ".3g"),
                _shown(curve["thermodynamic_factor"][k], ".3g"),
            ]
        )
    lines += table((), rows, left=0)
    if step > 1:
        lines.append(f"(every {step}th of {n} points)")
    if "plateaus" in stored.tables:
        p = stored.tables["plateaus"]
        for low, high, u in zip(p["lowest_composition"], p["highest_composition"], p["plateau_potential"], strict=True):
            lines.append(f"two-phase plateau: composition {low:.4g} to {high:.4g} at {u:.4g} V")
    lines += [f"note: {text}" for text in said.get("notes", ())]
    lines += [f"warning: {text}" for text in said.get("warnings", ())]
    return "\n".join(lines)


def _shown(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "-"


__all__ = ["ocv_text"]
