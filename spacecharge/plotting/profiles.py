"""Profiles of potential and occupancy around the contacts, zoomed to where they change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ..model.species_axis import species_axis
from ..report.view import View
from ..units import display_of
from .frame import profile_lines
from .lines import side_names, spans_decades
from .style import PALETTE, STYLES, defect_label, letters, line_colours, line_legend, new_figure, styled, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..solver.solution import Solution

Array = NDArray[np.float64]

_NM = display_of("m").factor

OFF_BULK = 0.01
"""A layer is shown as far as its potential is off its far value by more than this share of the largest
deviation there."""

DRIVING = "electrochemical_potential"
"""Profile that only a state with current has."""

LOWEST_DECADES = 14.0
"""Occupancies are shown this far below the largest."""

AIR = 1.6
"""Shown distance over the distance at which profiles become flat."""


@dataclass(frozen=True, slots=True)
class LayerLines:
    """Profiles of one layer for the lines of a figure, shown units.

    Attributes
    ----------
    name : str
        Name of the layer.
    x : ndarray, shape (n_x,)
        Position [nm].
    potential : ndarray, shape (n_lines, n_x)
        Potential [V].
    occupancy : ndarray, shape (n_lines, n_species, n_x)
        Occupancy [1].
    driving : ndarray, shape (n_lines, n_species, n_x), optional
        Electrochemical potential over its charge under a load [V].
    """

    name: str
    x: Array
    potential: Array
    occupancy: Array
    driving: Array | None = None


def plot_profiles(view: View, *, title: str = "") -> Figure:
    """Draw potential and occupancy around each contact of a result file.

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
    species = results.names("species")
    layers = []
    for name in results.layers:
        group = f"profiles/{name}"
        x = results[f"{group}/x"] * _NM
        potential = view.variable(f"{group}/potential").values.reshape(n_lines, x.size)
        occupancy = view.variable(f"{group}/occupancy").values.reshape(n_lines, -1, x.size)
        driving = None
        if f"{group}/{DRIVING}" in results.fields:
            driving = view.variable(f"{group}/{DRIVING}").values.reshape(n_lines, -1, x.size)
        layers.append(LayerLines(name, x, potential, occupancy, driving))
    labels = [] if series is None else series.texts()
    return draw(layers, results.contacts, species, labels, series.label if series else "", title, "; ".join(notes))


def draw_potential(solution: Solution, ax: Axes) -> Figure:
    """Draw the potential of a solution into axes that exist, and return their figure.

    Parameters
    ----------
    solution : Solution
        Solved.
    ax : matplotlib.axes.Axes
        Takes a line a layer.
    """
    for layer in solution.layers:
        ax.plot(layer.x * _NM, layer.potential, label=layer.name)
    ax.set_xlabel("Distance from the first contact (nm)")
    ax.set_ylabel("Electrostatic potential (V)")
    return cast("Figure", ax.get_figure())


def plot_solution(solution: Solution) -> Figure:
    """Draw potential and occupancy of a solution around each contact.

    Parameters
    ----------
    solution : Solution
        Solved.

    Returns
    -------
    matplotlib.figure.Figure
        Shown by a notebook; ``.savefig`` writes it.
    """
    parameters = solution.parameters
    axis = species_axis(parameters.layer_species)
    several = parameters.n_species > 1
    layers = []
    for i, layer in enumerate(solution.layers):
        occupancy = np.atleast_2d(layer.occupancy)[np.newaxis]
        occupancy = axis.by_name(occupancy, np.array(i)) if several else occupancy
        layers.append(LayerLines(layer.name, layer.x * _NM, layer.potential[np.newaxis], occupancy))
    species = axis.names if several else ()
    title = f"{' | '.join(parameters.layer_names)} at {solution.stack.temperature_K:g} K"
    return draw(layers, parameters.contact_names, species, [], "", title, "")


def draw(
    layers: list[LayerLines],
    contacts: tuple[str, ...],
    species: tuple[str, ...],
    labels: list[str],
    heading: str,
    title: str,
    note: str,
) -> Figure:
    """Draw one column per contact: potential above, occupancy below, and what drives the current under a load.

    Parameters
    ----------
    layers : list of LayerLines
        Left to right.
    contacts, species, labels : sequence of str
        Names of the contacts, of the species (empty for a single one) and of the lines.
    heading, title, note : str
        Legend heading; figure heading; second line of it.

    Returns
    -------
    matplotlib.figure.Figure
        Not yet saved.
    """
    planes = [_plane(layers, contact) for contact in contacts] or [(float(layers[0].x[0]), 0, 0)]
    n_lines = layers[0].potential.shape[0]
    colours = line_colours(n_lines)
    looks = _looks(colours, layers[0].occupancy.shape[1])
    with styled():
        driven = layers[0].driving is not None
        figure, panels = new_figure(3 if driven else 2, len(planes), title, note)
        for column, (position, first, last) in enumerate(planes):
            above, below = panels[0, column], panels[1, column]
            near = layers[first : last + 1]
            for layer in near:
                for line, colour in enumerate(colours):
                    above.plot(layer.x - position, layer.potential[line], color=colour)
                    for values, look in zip(layer.occupancy[line], looks[line], strict=True):
                        below.plot(layer.x - position, values, **look)
            _zoom(above, below, near, position)
            _name_layers(above, near)
            _scale_occupancy(below, near, position)
            if driven:
                _draw_driving(panels[2, column], near, position, looks)
                panels[2, column].set_xlim(above.get_xlim())
                _fit_height(panels[2, column], near, position, [layer.driving for layer in near])
            panels[-1, column].set_xlabel("Distance from the contact (nm)" if contacts else "Position (nm)")
            for panel in panels[:-1, column]:
                panel.tick_params(labelbottom=False)
            for panel in panels[:, column]:
                panel.axvline(0.0, color="0.6", linewidth=0.7, zorder=0)
            zero_line(above)
        panels[0, 0].set_ylabel("Electrostatic potential (V)")
        panels[1, 0].set_ylabel("Occupancy")
        if driven:
            panels[2, 0].set_ylabel("Electrochemical\npotential (V)")
        letters([panel for row in panels for panel in row])
        _legends(figure, panels[1, -1], species, labels, heading, looks)
    return figure


def _looks(colours: list[Any], n_species: int) -> list[list[dict[str, Any]]]:
    """Return how each species of each line is drawn: a style each, or of one line with many species a colour each."""
    if len(colours) == 1 and n_species > len(STYLES):
        n = len(PALETTE)
        return [[{"color": PALETTE[s % n], "linestyle": STYLES[s // n % len(STYLES)]} for s in range(n_species)]]
    return [[{"color": c, "linestyle": STYLES[s % len(STYLES)]} for s in range(n_species)] for c in colours]


def _draw_driving(panel: Axes, near: list[LayerLines], position: float, looks: list[list[dict[str, Any]]]) -> None:
    """Draw the electrochemical potentials of the layers of a contact, over their charge."""
    for layer in near:
        if layer.driving is not None:
            for driving, line in zip(layer.driving, looks, strict=True):
                for values, look in zip(driving, line, strict=True):
                    panel.plot(layer.x - position, values, **look)
    zero_line(panel)


def _scale_occupancy(panel: Axes, near: list[LayerLines], position: float) -> None:
    """Draw occupancies from 0 to 1, or logarithmically where what is seen of them spans decades."""
    every = _visible(panel, near, position, [layer.occupancy for layer in near])
    # Of carriers of a band n/N_c may exceed 1.
    top = float(every.max(initial=0.0))
    seen = every[every > 10.0**-LOWEST_DECADES * top]
    if spans_decades(seen):
        panel.set_yscale("log")
        air = float(seen.max() / seen.min()) ** 0.04
        panel.set_ylim(seen.min() / air, seen.max() * air)
    else:
        panel.set_ylim(-0.03 * max(top, 1.0), 1.03 * max(top, 1.0))


def _plane(layers: list[LayerLines], contact: str) -> tuple[float, int, int]:
    """Return position [nm] of a contact and the numbers of its first and last layer."""
    names = [layer.name for layer in layers]
    left, _ = side_names(contact)
    for i in range(len(layers) - 1):
        if contact == f"{names[i]}|{names[i + 1]}":
            return float(layers[i].x[-1]), i, i + 1
    if left == "left" and contact == f"left|{names[0]}":
        return float(layers[0].x[0]), 0, 0
    return float(layers[-1].x[-1]), len(layers) - 1, len(layers) - 1


def _zoom(above: Axes, below: Axes, near: list[LayerLines], position: float) -> None:
    """Show each layer as far as anything happens in it."""
    low, high = 0.0, 0.0
    for layer in near:
        distance = layer.x - position
        # What counts is the change on the contact's side: the other end may have a layer of its own.
        middle = np.argmin(np.abs(np.abs(distance) - 0.5 * np.abs(distance).max()))
        inner = np.abs(distance) <= np.abs(distance[middle])
        bent = _bent(layer)
        change = np.abs(bent - bent[:, [middle]])[:, inner]
        largest = np.nanmax(change, initial=0.0)
        active = (change > OFF_BULK * largest).any(axis=0) if largest > 1e-9 else np.zeros(inner.sum(), bool)
        reach = np.abs(distance[inner][active]).max(initial=0.0) * AIR
        reach = min(max(reach, 0.02 * np.abs(distance).max()), np.abs(distance).max())
        if distance[middle] < 0.0:
            low = min(low, -reach)
        else:
            high = max(high, reach)
    # A thin side next to a thick one stays visible.
    span = max(-low, high)
    low, high = (min(low, -0.3 * span) if low < 0 else low), (max(high, 0.3 * span) if high > 0 else high)
    for panel in (above, below):
        panel.set_xlim(low if low < 0 else -0.03 * span, high if high > 0 else 0.03 * span)
    _fit_height(above, near, position, [layer.potential for layer in near])


def _bent(layer: LayerLines) -> Array:
    """Return the potential less what drives a current: the part of it that is space charge."""
    if layer.driving is not None:
        for s in range(layer.driving.shape[1]):
            if np.isfinite(layer.driving[:, s]).any():
                return np.asarray(layer.potential - layer.driving[:, s])
    return layer.potential


def _fit_height(panel: Axes, near: list[LayerLines], position: float, every: list[Array | None]) -> None:
    """Let a panel be as high as what its width shows of some values, and 0."""
    values = _visible(panel, near, position, every)
    if values.size:
        air = 0.06 * max(float(np.ptp(values)), 1e-3)
        panel.set_ylim(min(values.min(), 0.0) - air, max(values.max(), 0.0) + air)


def _visible(panel: Axes, near: list[LayerLines], position: float, every: list[Array | None]) -> Array:
    """Return what the width of a panel shows of some values."""
    low, high = panel.get_xlim()
    shown = [
        values[..., (layer.x - position >= low) & (layer.x - position <= high)].ravel()
        for layer, values in zip(near, every, strict=True)
        if values is not None
    ]
    values = np.concatenate(shown)
    return values[np.isfinite(values)]


def _name_layers(panel: Axes, near: list[LayerLines]) -> None:
    """Write the names of the layers above their sides of the contact."""
    low, high = panel.get_xlim()
    zero = -low / (high - low)
    sides = ((layer, zero / 2 if layer.x[0] < near[-1].x[0] else zero + (1 - zero) / 2) for layer in near)
    if len(near) == 1:
        sides = ((layer, 0.5) for layer in near)
    for layer, at in sides:
        panel.text(at, 1.02, layer.name, transform=panel.transAxes, ha="center", va="bottom", color="0.35", fontsize=8)


def _legends(
    figure: Figure,
    panel: Axes,
    species: tuple[str, ...],
    labels: list[str],
    heading: str,
    looks: list[list[dict[str, Any]]],
) -> None:
    from matplotlib.lines import Line2D

    if species:
        # The colours of several lines are explained below the panels.
        every = {} if len(looks) == 1 else {"color": "0.25"}
        handles = [
            Line2D([], [], label=defect_label(name), **(look | every))
            for name, look in zip(species, looks[0], strict=True)
        ]
        panel.legend(handles=handles, loc="best")
    if labels:
        line_legend(figure, [line[0]["color"] for line in looks], labels, heading)
