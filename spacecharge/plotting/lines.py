"""Sweeps as lines: along one axis, one line per value of a second, a band over all others."""

from __future__ import annotations

import textwrap
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..report.strain import share_lines
from ..report.view import Quantity, View
from ..units import display_of
from .bounds import BLOCKED_OHM_M2, blocked, has_blocked, over, second_axis, widen
from .expression import Term, crossing_layers, evaluate, parse
from .frame import Frame, frame
from .style import (
    LOGARITHMIC,
    MAX_LEGEND,
    PALETTE,
    STYLES,
    WIDE,
    axis_label,
    defect_label,
    label_text,
    letters,
    line_legend,
    name_ticks,
    new_figure,
    scale_axis,
    styled,
    zero_line,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

BAR_POINTS = 12
"""A sweep of a few unrelated points is drawn as bars, because lines between them mean nothing."""


def plot_sweep(
    view: View, *, x: str | None = None, y: str | None = None, title: str = "", relative_to: str | None = None
) -> Figure:
    """Draw a sweep as lines.

    Without `y`: interface and excess resistance, then for each contact the space-charge potentials and
    the widths. Where inner layers (a coating) have to be crossed, their layer resistance is added. Of states with
    current the voltage, the resistance to a change of it, and where the voltage drops come first.

    Parameters
    ----------
    view : View
        At least one free axis.
    x : str, optional
        Coordinate to draw along; default the first axis.
    y : str, optional
        Variable, entry of a variable (``layer_resistance:coating``) or sum of such.
    title : str
        Heading.
    relative_to : str, optional
        ``AXIS=VALUE``: draw `y` over its value there, everything else equal; that value itself is left out.

    Returns
    -------
    matplotlib.figure.Figure
        Not yet saved.

    Raises
    ------
    StoreError
        No such variable or axis.
    """
    base = None
    if relative_to is not None:
        base = view.apart(relative_to)
    terms = parse(view, y or "interface_resistance") if y or base is not None else None
    shape = frame(view, x)
    with styled():
        if terms:
            quantity, is_capped = evaluate(view, terms), False
            if base is not None:
                reference = evaluate(base, terms)
                is_capped = has_blocked(quantity) or has_blocked(reference)
                quantity = over(quantity, reference, base.chosen[-1])
            figure, panels = new_figure(1, 1, title, note_of(view, shape, is_capped=is_capped))
            draw_panel(panels[0, 0], view, shape, [quantity])
            if base is not None:
                panels[0, 0].set_yscale("log")
                panels[0, 0].axhline(1.0, color="black", linewidth=0.8)
            explain_colours(figure, shape)
            return figure
        rows = [*_load_panels(view, shape), *_panels(view, bool(shape.band))]
        figure, panels = new_figure(len(rows), 2, title, note_of(view, shape))
        flat = [panel for row in panels for panel in row]
        for panel, (heading, drawn) in zip(flat, [q for row in rows for q in row], strict=True):
            draw_panel(panel, view, shape, drawn)
            panel.set_title(heading, fontsize=8.5)
        letters(flat)
        explain_colours(figure, shape)
    return figure


def _panels(view: View, banded: bool) -> list[list[tuple[str, list[Quantity]]]]:
    """Return heading and quantities of each panel of each row.

    Under a band only resistances are drawn: their range is the answer, the rest would hide it.
    """
    results = view.results
    interface = interface_resistance(view)
    whole: list[Quantity] = []
    if "total_resistance" in results:
        whole.append(view.variable("total_resistance"))
    crossed = crossing_layers(view)
    if crossed:
        terms = [Term("interface_resistance"), *(Term("layer_resistance", (name,)) for name in crossed)]
        whole.append(evaluate(view, terms, f"{interface.label} + layer resistance of {', '.join(crossed)}"))
    if banded and whole:
        return [[("", whole), ("", [interface])]]
    rows = [[("", [*whole, interface]), ("", [excess_resistance(view)])]]
    if banded or not results.contacts:
        return rows
    potential, width = view.variable("space_charge_potential"), view.variable("space_charge_width")
    for contact, name in enumerate(results.contacts):
        heading = name.replace("|", " | ") if len(results.contacts) > 1 else ""
        rows.append(
            [
                (heading, sides(view, potential.renamed("space-charge potential"), contact)),
                (heading, sides(view, width.renamed("space-charge width"), contact)),
            ]
        )
    return [row for row in rows if any(np.isfinite(q.values).any() for _, drawn in row for q in drawn)] or rows[:1]


def _load_panels(view: View, shape: Frame) -> list[list[tuple[str, list[Quantity]]]]:
    """Return heading and quantities of the panels of a load: what a cell measures, and where its voltage drops."""
    if "voltage" not in view.results or not np.isfinite(view.variable("voltage").values).any():
        return []
    drops = [view.variable("layer_voltage"), view.variable("overpotential")]
    measured = view.variable("current_density" if shape.along == "load_voltage" else "voltage")
    slope = view.variable("differential_resistance")
    if shape.band:
        return [[("", [measured]), ("", [slope])]]
    return [[("", [measured]), ("", [slope])], [("", [drops[0].renamed("voltage drop over layers")]), ("", [drops[1]])]]


def interface_resistance(view: View) -> Quantity:
    """Return the interface resistance, with the layers it counts in its label."""
    counted = view.results.variable_attributes("interface_resistance").get("layers")
    quantity = view.variable("interface_resistance")
    return quantity.renamed(f"interface resistance, space charge of {' + '.join(counted)}") if counted else quantity


def excess_resistance(view: View) -> Quantity:
    """Return the excess resistance summed over the layers of the interface resistance."""
    results = view.results
    counted = results.variable_attributes("interface_resistance").get("layers", list(results.layers))
    terms = [Term("excess_resistance", (str(name),)) for name in counted]
    return evaluate(view, terms).renamed(f"excess resistance of {' + '.join(counted)}")


def sides(view: View, quantity: Quantity, contact: int) -> list[Quantity]:
    """Return the two sides of a contact, named after their layers; an end has one."""
    at = quantity.dims.index("contact")
    values = np.take(quantity.values, contact, axis=at)
    dims = tuple(d for d in quantity.dims if d != "contact")
    side_axis = dims.index("side")
    found = []
    for side, layer in enumerate(side_names(view.results.contacts[contact])):
        part = np.take(values, side, axis=side_axis)
        if np.isfinite(part).any():
            left = tuple(d for d in dims if d != "side")
            found.append(replace(quantity, name=layer, values=part, dims=left))
    return found


def side_names(contact: str) -> tuple[str, str]:
    """Return the names of the layers at the two sides of a contact."""
    left, bar, right = contact.partition("|")
    return (left, right) if bar and "|" not in right else ("left", "right")


def draw_panel(panel: Axes, view: View, shape: Frame, quantities: list[Quantity]) -> None:
    """Draw quantities of one unit into a panel: a line style for each, a colour per line."""
    entries: list[tuple[str, Array, str]] = []
    for quantity in quantities:
        values = shape.arrange(quantity)
        own = [d for d in quantity.dims if d not in (shape.along, shape.across, shape.styled_by, *shape.band)]
        labels = [
            tuple(map(defect_label, view.results.names(d))) if d == "species" else view.results.names(d) for d in own
        ]
        for index in np.ndindex(*values.shape[4:]):
            part = values[(*(slice(None),) * 4, *index)]
            where = ", ".join(label[i] for label, i in zip(labels, index, strict=True))
            if np.isfinite(part).any():
                name = quantity.name if quantity.name in (*view.results.layers, "left", "right") else quantity.label
                label = ", ".join(filter(None, [name if name != quantity.label or not where else "", where]))
                entries.append((label, part, axis_label(quantity)))
    if not entries:
        panel.text(0.5, 0.5, "no values", ha="center", va="center", transform=panel.transAxes, color="0.5")
        panel.set_axis_off()
        return
    bars = _is_bars(shape)
    entries = blocked(panel, entries, quantities[0].units)
    for number, (label, values, _) in enumerate(entries):
        style = STYLES[number % len(STYLES)]
        if bars:
            _bars(panel, shape, values[:, 0, 0, 0], number, len(entries), label)
        else:
            _lines(panel, shape, values, style, thin=bool(number) and shape.styles is not None)
    everything = np.concatenate([values.ravel() for _, values, _ in entries])
    if (everything[np.isfinite(everything)] < 0).any():
        zero_line(panel)
    if entries and not bars and (quantities[0].units in LOGARITHMIC or spans_decades(everything)):
        scale_axis(panel.yaxis, everything, LOGARITHMIC.get(quantities[0].units, 0.0))
    if bars and spans_decades(everything):
        panel.set_yscale("log")
    widen(panel, everything)
    if not bars:
        _scale_x(panel, shape)
    panel.set_xlabel(axis_label(shape.x, WIDE))
    if shape.companion is not None and not bars:
        second_axis(panel, shape.x.values, shape.companion)
    same = len({label for _, _, label in entries}) == 1
    panel.set_ylabel(entries[0][2] if same else label_text(_common_words(quantities), quantities[0].display.math))
    if len(entries) > 1:
        _style_legend(panel, entries, bars, styled=shape.styles is not None)


def _lines(panel: Axes, shape: Frame, values: Array, style: str, *, thin: bool = False) -> None:
    """Draw the lines of one quantity, in every style of the frame; `thin`: the second quantity beside a styled one."""
    for k in range(shape.n_styles):
        _style_lines(panel, shape, values[:, :, k], STYLES[k] if shape.styles is not None else style, thin)


def _style_lines(panel: Axes, shape: Frame, values: Array, style: str, thin: bool) -> None:
    order = np.argsort(shape.x.values, kind="stable")
    x = shape.x.values[order]
    marker = "o" if len(x) <= 12 else ""
    if values.shape[2] > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # columns of NaN: failed points
            low, high = np.nanmin(values, axis=(1, 2)), np.nanmax(values, axis=(1, 2))
        colour = "0.55" if shape.n_lines > 1 else PALETTE[0]
        alpha = 0.30 if style == "-" else 0.15
        panel.fill_between(x, low[order], high[order], color=colour, alpha=alpha, linewidth=0)
    for line, colour in enumerate(shape.colours):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            middle = np.nanmedian(values[:, line], axis=1) if values.shape[2] > 1 else values[:, line, 0]
        width = 0.7 if thin else None
        (drawn,) = panel.plot(x, middle[order], style, color=colour, marker=marker, markersize=3, linewidth=width)
        if shape.x.names:
            # Between two materials there is nothing.
            drawn.set(linestyle="none", marker="o")


def _bars(panel: Axes, shape: Frame, values: Array, number: int, total: int, label: str) -> None:
    place = np.arange(len(values)) + (number - (total - 1) / 2) * 0.8 / total
    bars = panel.bar(place, values, width=0.72 / total, color=PALETTE[number % len(PALETTE)], label=label)
    panel.bar_label(bars, [f"{v:.3g}".replace("e+0", "e") for v in values], fontsize=7, padding=1.5)
    panel.margins(y=0.12)
    panel.set_xticks(np.arange(len(values)), shape.x.marks(6))


MANY_DECADES = 2.0
"""Positive values that span more than so many decades show nothing on a linear axis but the largest."""


def spans_decades(values: Array) -> bool:
    """Say whether all values are positive and differ by decades (Debye lengths from nanometres to micrometres).

    Parameters
    ----------
    values : ndarray
        NaN is left out.
    """
    values = values[np.isfinite(values)]
    return bool(values.size and values.min() > 0.0 and values.max() > 10.0**MANY_DECADES * values.min())


def _is_bars(shape: Frame) -> bool:
    return shape.along == "point" and len(shape.x) <= BAR_POINTS and not shape.across


def _scale_x(panel: Axes, shape: Frame) -> None:
    """Draw an axis logarithmically whose values were spread so."""
    if shape.x.names:
        name_ticks(panel.xaxis, shape.x)
        return
    x = np.unique(shape.x.values)
    if len(x) > 3 and x[0] > 0 and x[-1] / x[0] > 50 and np.ptp(np.diff(np.log(x))) < np.ptp(np.diff(x)) / x[0]:
        panel.set_xscale("log")
    else:
        panel.margins(x=0.02)


def _common_words(quantities: list[Quantity]) -> str:
    return "resistance" if quantities[0].units == "ohm m2" else quantities[0].label


LEGEND_WIDTH = 28
"""Characters in a line of a legend inside a panel: longer ones would cover its axes."""


def _style_legend(panel: Axes, entries: list[tuple[str, Array, str]], bars: bool, *, styled: bool) -> None:
    from matplotlib.lines import Line2D

    if bars:
        panel.legend()
        return
    handles = [
        Line2D([], [], color="0.25", linewidth=0.7 if i else None, label=textwrap.fill(label, LEGEND_WIDTH))
        if styled
        else Line2D([], [], color="0.25", linestyle=STYLES[i % len(STYLES)], label=textwrap.fill(label, LEGEND_WIDTH))
        for i, (label, _, _) in enumerate(entries)
    ]
    panel.legend(handles=handles, loc="best")


def explain_colours(figure: Figure, shape: Frame) -> None:
    """Explain styles and colours: a legend for a few lines, a colour bar for many."""
    if shape.styles is not None:
        _explain_styles(figure, shape.styles)
    if shape.series is None:
        return
    series = shape.series
    if shape.n_lines <= MAX_LEGEND:
        labels = series.texts()
        line_legend(figure, shape.colours, labels, series.label)
        return
    import matplotlib as mpl
    from matplotlib.colors import BoundaryNorm, ListedColormap

    n = shape.n_lines
    mapper = mpl.cm.ScalarMappable(BoundaryNorm(np.arange(n + 1) - 0.5, n), ListedColormap(shape.colours))
    bar = figure.colorbar(mapper, ax=figure.axes, shrink=0.6, aspect=30, ticks=np.arange(n), pad=0.01)
    bar.set_ticklabels(series.marks())
    bar.ax.tick_params(length=0)
    bar.set_label(axis_label(series, WIDE))


def _explain_styles(figure: Figure, styles: Quantity) -> None:
    """Explain the line styles beside the panels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color="0.25", linestyle=style, label=text)
        for style, text in zip(STYLES, styles.texts(), strict=False)
    ]
    heading = label_text(styles.label, "", 80)
    figure.legend(handles=handles, loc="outside lower right", ncols=len(handles), title=heading, title_fontsize=7.5)


def note_of(view: View, shape: Frame, *, is_capped: bool = False) -> str:
    """Return what was selected, what the band covers, and how what is blocked entered a ratio (`is_capped`)."""
    parts = [q.statement for q in view.chosen]
    if shape.band:
        covered = [*([shape.across] if shape.across else []), *shape.band]
        names = ", ".join(name.replace("_", " ") for name in covered)
        parts.append(f"Band: smallest to largest over {names}. Lines: medians")
    if is_capped:
        ohms = display_of("ohm m2")
        limit = ohms.after(f"{ohms.factor * BLOCKED_OHM_M2:.0e}")
        parts.append(f"A resistance above {limit} counts as blocked, with that value")
    if "validity" in view.results:
        lines = share_lines(view.variable("validity").values.astype(np.int64))
        parts += [line[:1].upper() + line[1:] for line in lines]
    if not view.results.is_complete:
        parts.append("Unfinished run")
    return ". ".join(parts)
