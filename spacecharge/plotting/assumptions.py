"""The tornado of assumed values, and the band that they leave."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model.numbers import long_name
from ..units import mathtext_of, unit_of
from .style import PALETTE, label_text, letters, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Assumptions = Any

LOG_ABOVE = 20.0
"""Ratio of the answers above which their axis is logarithmic."""


def assumptions_figure(result: Assumptions) -> Figure:
    """Return the figure of :func:`spacecharge.assume`: a bar for each value, and the band where there is one.

    Parameters
    ----------
    result : Assumptions
        The result.
    """
    with styled():
        has_band = bool(result.n_samples and result.axis)
        note = "What rests on assumed values."
        if has_band:
            note += f" Band: {result.n_samples} samples of all assumed values at once."
        figure, grid = new_figure(1, 2 if has_band else 1, result.title, note)
        panels = list(grid.ravel())
        extra = max(0, len(result.runs) - 5)
        figure.set_figheight(figure.get_figheight() + 0.36 * extra)
        _tornado(panels[0], result)
        if has_band:
            _band(panels[1], result)
            letters(panels)
        return figure


def _label(result: Assumptions) -> str:
    return label_text(result.name.replace("_", " "), mathtext_of(result.unit), 46)


def _is_log(values: np.ndarray) -> bool:
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0.0 and finite.max() > LOG_ABOVE * finite.min())


def _tornado(panel: Axes, result: Assumptions) -> None:
    """Draw a bar from the lowest to the highest answer of every value, the largest on top."""
    runs = result.runs[::-1]
    ends = np.array([[run.y[0], run.y[-1]] for run in runs])
    spans = np.array([run.span for run in runs])
    if _is_log(np.append(spans.ravel(), result.base)):
        panel.set_xscale("log")
    for at, (run, span, end) in enumerate(zip(runs, spans, ends, strict=True)):
        panel.plot(span, [at, at], color="0.75", linewidth=7, solid_capstyle="butt", zorder=1)
        panel.plot(end[0], at, "o", color=PALETTE[0], markersize=4, zorder=3)
        panel.plot(end[1], at, "s", color=PALETTE[1], markersize=4, zorder=3)
        unit = unit_of(run.assumed.path).text
        words = f"{run.assumed.low:g} to {run.assumed.high:g} {unit}".rstrip()
        panel.annotate(words, (1.02, at), xycoords=("axes fraction", "data"), fontsize=6.5, va="center")
    panel.axvline(result.base, color="black", linewidth=0.8, zorder=2)
    panel.plot([], [], "o", color=PALETTE[0], markersize=4, label="at the lowest plausible value")
    panel.plot([], [], "s", color=PALETTE[1], markersize=4, label="at the highest")
    panel.plot([], [], color="black", linewidth=0.8, label="as the library has it")
    panel.figure.legend(*panel.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    panel.set_yticks(range(len(runs)), [_words(run.assumed.path) for run in runs])
    panel.set_ylim(-0.6, len(runs) - 0.3)
    panel.set_xlabel(_label(result))


def _words(path: str) -> str:
    """Return a dotted path in words: layer, then what it is, in lines that fit."""
    return "\n".join(textwrap.wrap(long_name(path), 30))


def _band(panel: Axes, result: Assumptions) -> None:
    """Draw the quantiles of the samples along the axis of the configuration."""
    x, band = result.axis_values, result.band
    if _is_log(band.ravel()):
        panel.set_yscale("log")
    panel.fill_between(x, band[:, 0], band[:, 4], color="0.88", linewidth=0, label="lowest to highest")
    panel.fill_between(x, band[:, 1], band[:, 3], color="0.7", linewidth=0, label="5 to 95 %")
    panel.plot(x, band[:, 2], color=PALETTE[0], label="median")
    panel.legend(loc="best")
    panel.set_xlabel(label_text(long_name(result.axis), result.axis_unit, 46))
    panel.set_ylabel(_label(result))


__all__ = ["assumptions_figure"]
