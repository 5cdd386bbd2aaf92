"""Relaxation times of a result file: how much of the resistance relaxes when, and which arc is which."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..report.arcs import has_arcs
from ..report.view import View
from .nyquist import MOST_SPECTRA, point_label
from .style import label_text, letters, line_colours, line_legend, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

NAMES = ("relaxation_strength", "relaxation_time")

LOWEST = 1e-6
"""Strengths below so much of the largest are not drawn."""


def plot_relaxation(view: View, *, title: str = "") -> Figure:
    """Draw the strength of every relaxation over its time, and -Im Z that they add up to, with its arcs named.

    Parameters
    ----------
    view : View
        Points of a result file with relaxation times.
    title : str
        Heading.

    Returns
    -------
    matplotlib Figure
        Stems on the left, their frequency 1/(2 pi tau) on top; -Im Z against the frequency on the right.

    Raises
    ------
    StoreError
        The file has none, or no point of the view has been solved.
    """
    if not has_arcs(view.results):
        raise StoreError(f"{view.results.path}: has no relaxation times (impedance: {{arcs: true}} in a configuration)")
    for axis in view.axes:
        view.thin(axis, MOST_SPECTRA)
    strength, time = (view.variable(name) for name in NAMES)
    times = time.values / time.display.factor
    points = [index for index in product(*map(range, times.shape[:-1])) if np.isfinite(strength.values[index]).any()]
    if not points:
        raise StoreError(f"{view.results.path}: no point of the selection has relaxation times")
    colours = line_colours(len(points))
    with styled():
        figure, grid = new_figure(1, 2, title)
        stems, tops = grid[0]
        largest = max(float(np.nanmax(strength.values[index])) for index in points)
        drawn = times[(strength.values > LOWEST * largest)]
        omega = np.geomspace(0.03 / drawn.max(), 30.0 / drawn.min(), 600)
        for index, colour in zip(points, colours, strict=True):
            seen = strength.values[index] > LOWEST * largest
            tau, r = times[index][seen], strength.values[index][seen]
            stems.vlines(tau, LOWEST * largest, r, color=colour, linewidth=0.8)
            stems.plot(tau, r, "o", color=colour, markersize=3.0)
            x = omega[:, None] * tau
            tops.plot(omega / (2.0 * np.pi), (r * x / (1.0 + x**2)).sum(axis=1), color=colour)
            _mark_arcs(tops, view, index, colour, named=index == points[-1])
        stems.set_xscale("log")
        stems.set_yscale("log")
        stems.set_ylim(LOWEST * largest, 5.0 * largest)
        stems.set_xlabel("Relaxation time (s)")
        stems.set_ylabel(label_text("strength", strength.display.math))
        tops.set_xscale("log")
        tops.set_yscale("log")
        tops.set_ylim(1e-4 * largest, 3.0 * largest)
        tops.set_xlabel("Frequency (Hz)")
        tops.set_ylabel(label_text("-Im Z of the relaxations", strength.display.math, 26))
        for panel, words in ((stems, "Frequency (Hz)"), (tops, "Relaxation time (s)")):
            panel.secondary_xaxis("top", functions=(_turned, _turned)).set_xlabel(words)
        letters([stems, tops])
        if len(points) > 1:
            heading = ", ".join(q.label for a in view.axes for q in view.coordinates(a)[:1])
            line_legend(figure, colours, [point_label(view, index) for index in points], heading)
    return figure


def _turned(value: Any) -> Any:
    """Return 1/(2 pi value): frequency of a time, and time of a frequency."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 / (2.0 * np.pi * np.asarray(value, dtype=float))


def _mark_arcs(panel: Axes, view: View, index: tuple[int, ...], colour: Any, *, named: bool) -> None:
    """Mark the top of each arc of one point; with its place where it is `named`."""
    names = view.results.variable_attributes("arc_place")["names"]
    place = view.variable("arc_place").values[index]
    for k in np.flatnonzero(place >= 0):
        f, r = (float(view.variable(name).values[index][k]) for name in ("arc_frequency", "arc_resistance"))
        panel.plot(f, 0.5 * r, "v", color=colour, markersize=4.0)
        if named:
            panel.annotate(
                str(names[place[k]]), (f, 0.5 * r), (0, 6), textcoords="offset points", fontsize=6.5, ha="center"
            )


__all__ = ["NAMES", "plot_relaxation"]
