"""Figures of lattice planes: what a sweep says of the grain boundary, and profiles plane by plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..report.view import View
from ..units import display_of
from .frame import frame, profile_lines
from .lines import draw_panel, explain_colours, note_of
from .style import (
    STYLES,
    defect_label,
    label_text,
    letters,
    line_colours,
    line_legend,
    new_figure,
    scale_axis,
    styled,
    zero_line,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
GROUP = "profiles/planes"

OFF_BULK = 0.02
"""Planes are shown as far as the potential is off that of the grain by more than this share of its largest value."""

PANELS = (
    ("barrier",),
    ("resistivity_ratio_perpendicular", "resistivity_ratio_perpendicular_blocked"),
    ("excess_thickness",),
    ("apparent_activation_energy",),
)
"""What is drawn of a sweep; where a conductivity is given, ohm m2 take the place of the excess thickness."""


def plot_lattice_sweep(view: View, *, x: str | None = None, title: str = "") -> Figure:
    """Draw barrier, resistivity ratio across, excess thickness (or resistance) and activation energy along a sweep.

    Parameters
    ----------
    view : View
        At least one free axis.
    x : str, optional
        Coordinate to draw along; default the first axis.
    title : str
        Heading.

    Returns
    -------
    matplotlib.figure.Figure
        Not yet saved.
    """
    shape = frame(view, x)
    with styled():
        figure, panels = new_figure(2, 2, title, note_of(view, shape))
        flat = [panel for row in panels for panel in row]
        for panel, names in zip(flat, PANELS, strict=True):
            drawn = [view.variable(name) for name in _absolute(view, names)]
            labels = [q.renamed(f"x(1 - x) instead of x: {q.label}") if "blocked" in q.name else q for q in drawn]
            draw_panel(panel, view, shape, labels[:1])
            if drawn[0].units in ("1", "m", "ohm m2"):
                scale_axis(panel.yaxis, drawn[0].values, 0.0)
        letters(flat)
        explain_colours(figure, shape)
    return figure


def _absolute(view: View, names: tuple[str, ...]) -> tuple[str, ...]:
    """Put the resistance in the place of the excess thickness where the file has it."""
    if names == ("excess_thickness",) and np.isfinite(view.variable("grain_boundary_resistance").values).any():
        return ("grain_boundary_resistance",)
    return names


def plot_planes(view: View, *, title: str = "") -> Figure:
    """Draw potential, mole fractions and charge plane by plane.

    Of a sweep the points of :func:`~spacecharge.plotting.frame.profile_lines`.

    Parameters
    ----------
    view : View
        Points of a file that has profiles.
    title : str
        Heading.

    Returns
    -------
    matplotlib.figure.Figure
        Not yet saved.

    Raises
    ------
    StoreError
        The file has no profiles.
    """
    results = view.results
    series, notes = profile_lines(view)
    n_lines = 1 if series is None else len(series)
    x = results[f"{GROUP}/x"] * display_of("m").factor
    species = results.names("species") or (str(results.attributes.get("carrier", "")),)
    potential = view.variable(f"{GROUP}/potential").values.reshape(n_lines, x.size)
    charge = view.variable(f"{GROUP}/charge").values.reshape(n_lines, x.size)
    fraction = view.variable(f"{GROUP}/occupancy").values.reshape(n_lines, len(species), x.size)
    colours = line_colours(n_lines)
    with styled():
        figure, panels = new_figure(3, 1, title, "; ".join(notes))
        figure.set_figwidth(1.35 * figure.get_figwidth())
        above, middle, below = panels[:, 0]
        carrier = species.index(str(results.attributes["carrier"]))
        for line, colour in enumerate(colours):
            _by_sublattice(above, x, potential[line], fraction[line], carrier, colour)
            for s in range(len(species)):
                there = np.isfinite(fraction[line, s])
                middle.plot(
                    x[there], fraction[line, s, there], STYLES[s % len(STYLES)], color=colour, marker="o", markersize=2
                )
            below.plot(x, charge[line], color=colour, marker="o", markersize=2, linewidth=0.8)
        zero_line(above)
        zero_line(below)
        scale_axis(middle.yaxis, fraction, 0.0)
        above.set_ylabel("Electrostatic potential (V)")
        middle.set_ylabel("Mole fraction")
        below.set_ylabel(label_text("charge of the plane", display_of("C m-2").math))
        below.set_xlabel("Position (nm)")
        for panel in (above, middle):
            panel.tick_params(labelbottom=False)
        low, high = _active(x, potential[:, np.isfinite(fraction[0, carrier])], x[np.isfinite(fraction[0, carrier])])
        for panel in (above, middle, below):
            panel.set_xlim(low, high)
        letters([above, middle, below])
        _legends(above, middle, species, carrier)
        if series is not None:
            line_legend(figure, colours, series.texts(), series.label)
    return figure


def _active(x: Array, potential: Array, on: Array) -> tuple[float, float]:
    """Return the range of positions in which the potential on planes of the carrier is off the grain's, with air."""
    off = np.abs(potential) > OFF_BULK * np.nanmax(np.abs(potential), initial=1e-9)
    found = on[off.any(axis=0)]
    if not found.size:
        return float(x[0]), float(x[-1])
    air = max(0.6 * float(np.ptp(found)), 4.0 * float(np.ptp(x)) / len(x))
    return max(float(x[0]), float(found[0]) - air), min(float(x[-1]), float(found[-1]) + air)


def _by_sublattice(panel: Axes, x: Array, potential: Array, fraction: Array, carrier: int, colour: Any) -> None:
    """Draw the potential on planes of the carrier as a line, on the others as open circles."""
    on = np.isfinite(fraction[carrier])
    panel.plot(x[on], potential[on], color=colour, marker="o", markersize=2.5)
    panel.plot(x[~on], potential[~on], "o", color=colour, markersize=2.5, markerfacecolor="white", markeredgewidth=0.7)


def _legends(above: Axes, middle: Axes, species: tuple[str, ...], carrier: int) -> None:
    from matplotlib.lines import Line2D

    planes = [
        Line2D([], [], color="0.25", marker="o", markersize=3, label=f"planes of {defect_label(species[carrier])}"),
        Line2D([], [], color="0.25", marker="o", markersize=3, markerfacecolor="white", linestyle="", label="others"),
    ]
    above.legend(handles=planes, loc="best")
    kinds = [
        Line2D([], [], color="0.25", linestyle=style, label=defect_label(name))
        for name, style in zip(species, STYLES * len(species), strict=False)
    ]
    middle.legend(handles=kinds, loc="best")
