"""Currents against a bias, and capacitances against one: what biased contacts and blocking plates show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..report.view import Quantity, View
from ..units import display_of
from .frame import Frame, frame
from .lines import explain_colours, note_of
from .nyquist import has_spectra
from .references import draw_references
from .style import STYLES, axis_label, label_text, letters, name_ticks, new_figure, styled, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

BIAS = re.compile(r"contacts_\d+_bias")

FEWEST = 5
"""Values of a bias that make a curve."""


def bias_axis(view: View) -> str:
    """Return the axis along which a contact is biased finely enough for a curve of its current; empty for none."""
    if "current_density" not in view.results.fields:
        return ""
    for axis, n in zip(view.axes, view.shape, strict=True):
        if BIAS.fullmatch(axis) and n >= FEWEST and np.isfinite(view.variable("current_density").values).any():
            return axis
    return ""


def plot_currents(view: View, *, title: str = "") -> Figure:
    """Draw the current through a biased contact, linear and as Tafel does, with the slope at equilibrium.

    Parameters
    ----------
    view : View
        With a bias as one of its axes.
    title : str
        Heading.

    Returns
    -------
    matplotlib Figure
        Current against bias, and its size on a logarithmic axis; dashed: bias over the resistance at rest.

    Raises
    ------
    StoreError
        No axis biases a contact.
    """
    axis = bias_axis(view)
    if not axis:
        raise StoreError(f"{view.results.path}: no axis is a bias of a contact")
    shape = frame(view, axis)
    current, resistance = view.variable("current_density"), view.variable("differential_resistance")
    order = np.argsort(shape.x.values, kind="stable")
    bias = shape.x.values[order]
    drawn, slopes = shape.arrange(current)[order], shape.arrange(resistance)[order] / resistance.display.factor
    with styled():
        figure, grid = new_figure(1, 2, title, note_of(view, shape))
        linear, tafel = grid[0]
        at_rest = 0.0
        for index in np.ndindex(*drawn.shape[1:]):
            colour, style = shape.colours[index[0]], STYLES[index[1]] if shape.styles is not None else "-"
            j = drawn[(slice(None), *index)]
            linear.plot(bias, j, style, color=colour)
            tafel.semilogy(bias, np.where(j != 0.0, np.abs(j), np.nan), style, color=colour)
        limits = linear.get_ylim(), tafel.get_ylim()
        for index in np.ndindex(*drawn.shape[1:]):
            at_rest = _at_rest(bias, slopes[(slice(None), *index)])
            if np.isfinite(at_rest):
                line = bias / at_rest * current.display.factor
                colour = shape.colours[index[0]]
                linear.plot(bias, line, "--", color=colour, linewidth=0.8)
                tafel.semilogy(bias, np.where(line != 0.0, np.abs(line), np.nan), "--", color=colour, linewidth=0.8)
        zero_line(linear)
        linear.axvline(0.0, color="0.75", linewidth=0.6, zorder=0)
        linear.set_ylim(limits[0])
        # Room for the legend above the curves.
        tafel.set_ylim(limits[1][0], 8.0 * limits[1][1])
        linear.set_ylabel(axis_label(current))
        tafel.set_ylabel(label_text("size of the current density", current.display.math))
        for panel in (linear, tafel):
            panel.set_xlabel(label_text("overpotential", shape.x.display.math))
            panel.margins(x=0.02)
            panel.locator_params(axis="x", nbins=5)
        if np.isfinite(at_rest):
            _explain(tafel)
        letters([linear, tafel])
        explain_colours(figure, shape)
    return figure


def _at_rest(bias: Array, resistance: Array) -> float:
    """Return the differential resistance at no bias, between its neighbours; NaN where the axis does not reach it."""
    known = np.isfinite(resistance) & (resistance > 0.0)
    if known.sum() < 2 or not bias[known][0] <= 0.0 <= bias[known][-1]:
        return float("nan")
    return float(np.exp(np.interp(0.0, bias[known], np.log(resistance[known]))))


def _explain(panel: Axes) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color="0.25", label="Butler-Volmer, layer moves along"),
        Line2D([], [], color="0.25", linestyle="--", linewidth=0.8, label="slope at equilibrium"),
    ]
    panel.legend(handles=handles, loc="upper center")


def has_capacitance(view: View) -> bool:
    """Say whether a file holds impedances at one frequency behind a blocking end: capacitances, not spectra."""
    if not has_spectra(view) or not view.axes or view.variable("frequency").values.size != 1:
        return False
    return bool(np.isinf(view.variable("dc_resistance").values).any())


def plot_capacitance(view: View, *, x: str | None = None, title: str = "") -> Figure:
    """Draw the capacitance of blocking ends from the impedance, -1/(w Im Z), and that of equilibrium beside it.

    Parameters
    ----------
    view : View
        For which :func:`has_capacitance` holds.
    x : str, optional
        Coordinate to draw along; default the first axis.
    title : str
        Heading.

    Returns
    -------
    matplotlib Figure
        Circles: impedance; line: dq/dU of the equilibrium solve, several contacts in series.
    """
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    shape = frame(view, x)
    imaginary = view.variable("impedance_imag")
    frequency = float(view.variable("frequency").values[0])
    unit = display_of("F m-2")
    with np.errstate(divide="ignore", invalid="ignore"):
        z = imaginary.values[..., 0] / imaginary.display.factor
        dynamic = -unit.factor / (2.0 * np.pi * frequency * z)
        contacts = view.variable("differential_capacitance")
        static = 1.0 / np.nansum(1.0 / contacts.values, axis=-1)
    series = ", contacts in series" if contacts.values.shape[-1] > 1 else ""
    with styled():
        figure, grid = new_figure(1, 1, title, note_of(view, shape))
        panel = grid[0, 0]
        for values, words in ((static, f"dq/dU at equilibrium{series}"), (dynamic, f"impedance at {frequency:g} Hz")):
            quantity = Quantity("differential_capacitance", values, view.axes, unit, words, "F m-2")
            _draw(panel, shape, quantity, marks=words.startswith("impedance"))
        panel.set_xlabel(axis_label(shape.x))
        panel.set_ylabel(label_text("capacitance", unit.math))
        known = static[np.isfinite(static) & (static > 0.0)]
        if known.size and known.max() > 10.0 * known.min():
            panel.set_yscale("log")
            panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            panel.yaxis.set_minor_locator(NullLocator())
        else:
            panel.set_ylim(bottom=0.0)
        legend = panel.legend(loc="best")
        for handle in legend.legend_handles if shape.n_lines > 1 else ():
            handle.set_color("0.25")
        draw_references(panel, view, ("differential_capacitance", "impedance_imag"))
        explain_colours(figure, shape)
    return figure


def _draw(panel: Axes, shape: Frame, quantity: Quantity, *, marks: bool) -> None:
    """Draw one quantity as a line for each value of the second axis, or as open circles."""
    values = shape.arrange(quantity)
    order = np.argsort(shape.x.values, kind="stable")
    for k, index in enumerate(np.ndindex(*values.shape[1:])):
        colour = shape.colours[index[0]]
        label = quantity.label if k == 0 else None
        (line,) = panel.plot(shape.x.values[order], values[(order, *index)], color=colour, label=label)
        if marks:
            line.set(marker="o", markersize=3.5, markerfacecolor="none", linestyle="")
        elif shape.x.names:
            # Between two materials there is nothing: a dash at each, inside the circle of the impedance.
            line.set(marker="_", markersize=7.0, linestyle="")
    name_ticks(panel.xaxis, shape.x)


__all__ = ["bias_axis", "has_capacitance", "plot_capacitance", "plot_currents"]
