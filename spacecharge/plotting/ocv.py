"""Figures of equilibrium curves: the record with its rests, the curve with both branches, diffusivity, factor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..units import display_of
from .style import label_text, letters, line_colours, new_figure, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..store.stored_fit import StoredFit


def ocv_figure(stored: StoredFit) -> Figure:
    """Return the figure of a fit of the kind ocv.

    Parameters
    ----------
    stored : StoredFit
        Its content.

    Returns
    -------
    matplotlib Figure
        Voltage against time with the rests marked; U(x) with both branches, uncertainty and plateaus; the chemical
        diffusivity where pulses tell it; the thermodynamic factor.
    """
    diffusive = bool(np.isfinite(stored.tables[""]["chemical_diffusivity"]).any())
    figure, grid = new_figure(2, 2, stored.title or f"fit {stored.name}")
    axes = list(np.ravel(grid))
    if not diffusive:
        # The factor takes the whole row.
        whole = axes[2].get_gridspec()[1, :]
        axes[2].remove()
        axes[3].remove()
        axes = [*axes[:2], figure.add_subplot(whole)]
    _record(axes[0], stored)
    draw_equilibrium(axes[1], stored)
    if diffusive:
        _diffusivity(axes[2], stored)
    _factor(axes[-1], stored)
    letters(axes)
    return figure


def _record(axis: Axes, stored: StoredFit) -> None:
    colours = line_colours(2)
    record = stored.tables["record"]
    axis.plot(np.asarray(record["time"]) / 3600.0, record["voltage"], color="#7F7F7F", lw=0.8)
    if "rests" in stored.tables:
        rests = stored.tables["rests"]
        for k, (start, end) in enumerate(zip(rests["start"], rests["end"], strict=True)):
            axis.axvspan(
                start / 3600.0, end / 3600.0, color=colours[0], alpha=0.12, lw=0, label="rest" if k == 0 else None
            )
        if stored.attributes.get("taken_from") == "rests":
            ends = np.asarray(rests["end"]) / 3600.0
            axis.plot(ends, rests["rest_potential"], "o", ms=3, color=colours[1], label="taken as U")
        axis.legend(loc="best")
    axis.set_xlabel("Time (h)")
    axis.set_ylabel("Voltage (V)")


def draw_equilibrium(axis: Axes, stored: StoredFit) -> None:
    """Draw U(x) with its branches, uncertainty and plateaus."""
    colours = line_colours(3)
    curve = stored.tables[""]
    x, u, sigma = (np.asarray(curve[key], dtype=float) for key in ("composition", "potential", "potential_sigma"))
    for branch, colour in (("charge", colours[1]), ("discharge", colours[2])):
        if branch in stored.tables:
            own = stored.tables[branch]
            points = len(own["branch_composition"]) <= 100
            look = {"marker": "o", "ms": 3, "ls": "none"} if points else {"lw": 0.9}
            axis.plot(own["branch_composition"], own["branch_potential"], color=colour, label=branch, **look)
    known = np.isfinite(sigma)
    if np.any(known):
        axis.fill_between(
            x[known], (u - sigma)[known], (u + sigma)[known], color=colours[0], alpha=0.25, lw=0, label="1 sigma"
        )
    axis.plot(x, u, color=colours[0], marker="o" if x.size == 1 else "", ms=4, label="equilibrium potential")
    if "plateaus" in stored.tables:
        plateaus = stored.tables["plateaus"]
        for k, (low, high) in enumerate(
            zip(plateaus["lowest_composition"], plateaus["highest_composition"], strict=True)
        ):
            axis.axvspan(low, high, color="#E69F00", alpha=0.2, lw=0, label="two phases" if k == 0 else None)
    # The steep end of a scan may reach far below: what is drawn is the curve, not the whole branch.
    low, high = float(u.min()), float(u.max())
    beyond = 0.08 * (high - low) or 0.01
    axis.set_ylim(low - beyond, high + beyond)
    axis.set_xlabel("Composition")
    axis.set_ylabel("Potential (V)")
    axis.legend(loc="best")


def _diffusivity(axis: Axes, stored: StoredFit) -> None:
    curve = stored.tables[""]
    x, d = (np.asarray(curve[key], dtype=float) for key in ("composition", "chemical_diffusivity"))
    axis.plot(x, d, "o", ms=3.5, color=line_colours(1)[0])
    axis.set_yscale("log")
    finite = d[np.isfinite(d)]
    if finite.max() < 3.0 * finite.min():
        # Less than half a decade would be drawn without a single tick.
        middle = float(np.sqrt(finite.max() * finite.min()))
        axis.set_ylim(middle / 4.0, middle * 4.0)
    beyond = 0.03 * float(np.ptp(x))
    axis.set_xlim(float(x.min()) - beyond, float(x.max()) + beyond)
    axis.set_xlabel("Composition")
    axis.set_ylabel(label_text("chemical diffusivity", display_of("m2 s-1").math))


def _factor(axis: Axes, stored: StoredFit) -> None:
    curve = stored.tables[""]
    factor = np.asarray(curve["thermodynamic_factor"], dtype=float)
    positive = factor[factor > 0.0]
    if positive.size and positive.max() > 50.0 * positive.min():
        # A plateau and a steep end stand side by side: no linear axis shows both.
        axis.plot(curve["composition"], np.where(factor > 0.0, factor, np.nan), color=line_colours(1)[0])
        axis.set_yscale("log")
    else:
        axis.plot(curve["composition"], factor, color=line_colours(1)[0])
        zero_line(axis)
    axis.set_xlabel("Composition")
    axis.set_ylabel("Thermodynamic factor")


__all__ = ["draw_equilibrium", "ocv_figure"]
