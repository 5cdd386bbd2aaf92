"""The look of all figures: sizes of a journal page, colours that colour-blind readers tell apart."""

from __future__ import annotations

import contextlib
import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as AxisOfFigure
    from matplotlib.figure import Figure

    from ..report.view import Quantity

Array = NDArray[np.float64]

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
"""Okabe and Ito's colours (Color Universal Design, 2008), dark ones first, yellow left out."""

STYLES = ("-", "--", ":", "-.")

WIDTH = 7.2
"""Width of a figure over both columns of a journal [inch]."""

PANEL_HEIGHT = 2.65

DPI = 200

MAX_LEGEND = 6
"""More lines than this get a colour bar instead of a legend."""

_RC = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "legend.borderpad": 0.2,
    "legend.handlelength": 1.8,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.4,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "savefig.dpi": DPI,
    "figure.dpi": 100,
    "mathtext.default": "regular",
    "axes.formatter.useoffset": False,
    # What a journal takes: TrueType in PDF, text as text in SVG.
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
}

SINGLE_WIDTH = 3.5
"""Width of a figure over one column of a journal [inch]."""

_single: ContextVar[bool] = ContextVar("single", default=False)


@contextlib.contextmanager
def single_column(wanted: bool = True) -> Iterator[None]:
    """Make figures of one column's width inside a ``with`` block: panels stand below each other."""
    token = _single.set(wanted)
    try:
        yield
    finally:
        _single.reset(token)


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Apply the style inside a ``with`` block, and leave matplotlib as it was."""
    import matplotlib as mpl

    with mpl.rc_context(_RC):
        yield


HEAD_SIZE, NOTE_SIZE = 9.5, 7.5
"""Letters of the title, and of what is said below it of selections and limits of the model [points]."""


def new_figure(n_rows: int, n_columns: int, title: str, note: str = "") -> tuple[Figure, Any]:
    """Return a figure and its panels, shape (n_rows, n_columns).

    No window, no pyplot state: the figure works in scripts, notebooks and on machines without a display. The note
    stands below the title in small letters.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    single = _single.get()
    grid = (n_rows * n_columns, 1) if single else (n_rows, n_columns)
    width = SINGLE_WIDTH if single else WIDTH if n_columns > 1 else 0.62 * WIDTH
    lines = textwrap.wrap(title, int(12.5 * width))
    notes = textwrap.wrap(note, int(12.5 * width * HEAD_SIZE / NOTE_SIZE))
    # Room for the note is kept by empty lines of the title, which the layout knows.
    kept = math.ceil(len(notes) * NOTE_SIZE / HEAD_SIZE)
    height = PANEL_HEIGHT * grid[0] + 0.19 * (len(lines) + kept) + 0.1
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(*grid, squeeze=False).reshape(n_rows, n_columns)
    head = figure.suptitle("\n".join([*lines, *[" "] * kept]), fontsize=HEAD_SIZE, x=0.01, ha="left")
    below = Annotation(
        "\n".join(notes),
        xy=(0.0, 1.0),
        xycoords=head,
        xytext=(0.0, -1.25 * HEAD_SIZE * len(lines)),
        textcoords="offset points",
        va="top",
        fontsize=NOTE_SIZE,
        color="0.3",
    )
    if notes:
        figure.add_artist(below)
    return figure, panels


def line_colours(n: int) -> list[Any]:
    """Return a colour per line: distinct ones for a few, a perceptually even ramp for many."""
    if n <= 4:
        return list(PALETTE[:n])
    import matplotlib as mpl

    # The ramp stops before its pale end, which vanishes on white.
    return [mpl.colormaps["viridis"](v) for v in np.linspace(0.0, 0.88, n)]


LINEAR_DECADES = 0.8
"""Length of the linear part of a symmetric logarithmic axis on each side of zero, in decades."""

LOGARITHMIC = {"ohm m2": 1e-6, "Hz": 1e-9, "A m-2": 1e-9, "m2 s-1": 0.0, "m-3": 0.0}
"""SI units of quantities that follow exponentials, and the shown value below which they count as nothing
(1e-6 Ohm cm2 is a thousandth of what any cell can resolve). Others keep a linear axis."""


def scale_axis(axis: AxisOfFigure, values: Array, floor: float) -> None:
    """Choose linear, logarithmic or symmetric logarithmic, so that zeros and changes of sign survive.

    Symmetric: linear around zero up to the decade of the smallest few per cent, logarithmic outside.

    Parameters
    ----------
    axis : matplotlib axis
        ``panel.xaxis`` or ``panel.yaxis``.
    values : ndarray
        All that is drawn along it; NaN is left out.
    floor : float
        Smaller values count as nothing.
    """
    from matplotlib.ticker import FixedLocator, NullLocator

    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    size = np.abs(values[np.abs(values) > floor])
    if not size.size or size.max() / np.percentile(size, 5) < 10.0:
        return
    panel = axis.axes
    along_x = axis is panel.xaxis
    change = panel.set_xscale if along_x else panel.set_yscale
    if size.size == values.size and (values > 0.0).all():
        change("log")
        _few_decades(axis, float(np.log10(size.max() / size.min())))
        return
    threshold = float(10.0 ** np.floor(np.log10(max(np.percentile(size, 5), floor))))
    change("symlog", linthresh=threshold, linscale=LINEAR_DECADES)
    axis.set_major_locator(FixedLocator(symmetric_ticks(values, threshold)))
    axis.set_minor_locator(NullLocator())
    high, low = values.max(), values.min()
    limit = panel.set_xlim if along_x else panel.set_ylim
    # Half a decade of air, and nothing below zero where nothing is negative.
    limit(_outside(low, threshold) if low < 0.0 else 0.0, _outside(high, threshold) if high > 0.0 else 0.0)


def _outside(value: float, threshold: float) -> float:
    return float(np.sign(value) * max(3.0 * abs(value), threshold))


def _few_decades(axis: AxisOfFigure, decades: float) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    if decades > 1.0:
        axis.set_major_locator(LogLocator(numticks=8))
        axis.set_minor_formatter(NullFormatter())


def symmetric_ticks(values: Array, threshold: float) -> list[float]:
    """Return zero and at most five decades on each side, so that no labels run into each other.

    Parameters
    ----------
    values : ndarray
        What is drawn.
    threshold : float
        Where the linear part ends.

    Returns
    -------
    list of float
        Rising.
    """
    first = round(np.log10(threshold))
    last = int(np.floor(np.log10(np.abs(values).max()) + 1e-9))
    step = next((s for s in (1, 2, 3, 5, 10) if (last - first) // s < 5), max(1, (last - first) // 4))
    sides = [(sign, largest) for sign, largest in ((1.0, values.max()), (-1.0, -values.min())) if largest > 0.0]
    # Lengths in decades: the axis has room for a dozen labels.
    room = sum(LINEAR_DECADES + max(0.0, float(np.log10(largest / threshold))) for _, largest in sides) / 12.0
    ticks = [0.0]
    for sign, largest in sides:
        used = 0.0
        for k in range(first, last + 1):
            at = LINEAR_DECADES + k - first
            if k % step == 0 and 10.0**k <= largest and at - used >= room:
                ticks.append(sign * 10.0**k)
                used = at
    return sorted(ticks)


def zero_line(panel: Axes) -> None:
    """Draw a thin line at zero."""
    panel.axhline(0.0, color="0.75", linewidth=0.6, zorder=0)


def letters(panels: Sequence[Axes], pad: float = 4.0) -> None:
    """Mark panels a, b, c, as papers refer to them, `pad` points above them."""
    if len(panels) > 1:
        for panel, letter in zip(panels, "abcdefghijklmnop", strict=False):
            panel.set_title(f"({letter})", loc="left", fontweight="bold", fontsize=8.5, pad=pad)


def line_legend(figure: Figure, colours: Sequence[Any], labels: Sequence[str], heading: str) -> None:
    """Explain the colours of lines below the panels, in as many columns as fit."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=c, label=text) for c, text in zip(colours, labels, strict=True)]
    # Marks of raised letters take no room.
    longest = max(len(re.sub(r"[$^{}]", "", text)) for text in labels)
    fitting = max(1, int(figure.get_figwidth() / (0.45 + 0.065 * longest)))
    rows = -(-len(handles) // fitting)
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=-(-len(handles) // rows),
        title=label_text(heading, "", 80),
        title_fontsize=7.5,
    )


def name_ticks(axis: AxisOfFigure, quantity: Quantity) -> None:
    """Put names at the values of a quantity that only count, as materials."""
    if not quantity.names:
        return
    marks = quantity.marks()
    axis.set_ticks(list(quantity.values), marks)
    panel = axis.axes
    room = panel.bbox.width * 72.0 / panel.figure.dpi / 7.5
    # Letters are about as broad as half their size; two of them keep names apart.
    if axis is panel.xaxis and 0.6 * sum(len(mark) + 2 for mark in marks) > room:
        for label in axis.get_ticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")


def axis_label(quantity: Quantity, width: int = 32) -> str:
    """Return the label of an axis that shows a quantity, with its unit, in lines of `width` characters."""
    return label_text(quantity.label, quantity.display.math, width)


WIDE = 46
"""Characters in a line of a label along the width of a panel."""


def label_text(words: str, unit: str, width: int = 32) -> str:
    """Return the label of an axis: a capital, Li/Li+ with its sign raised, lines that fit, the unit whole.

    Parameters
    ----------
    words : str
        What it is.
    unit : str
        Its unit in mathtext; empty for none.
    width : int
        Characters per line.

    Returns
    -------
    str
        One line or more.
    """
    words = words.replace("equilibrium potential against Li/Li+", "potential vs. Li/Li+")
    lines = textwrap.wrap(words[:1].upper() + words[1:], width)
    shown = len(unit) - unit.count("$") - unit.count("{") - unit.count("}") - unit.count("^")
    if unit and len(lines[-1]) + shown + 3 <= width:
        lines[-1] += f" ({unit})"
    elif unit:
        lines.append(f"({unit})")
    return "\n".join(lines).replace("Li/Li+", "Li/Li$^{+}$")


def label_nyquist(panel: Axes, unit: str) -> None:
    """Name the axes of an impedance plane; `unit` as figures write it."""
    panel.set_xlabel(label_text("Re Z", unit))
    panel.set_ylabel(label_text("-Im Z", unit))


def defect_label(name: str) -> str:
    """Return a defect's name with its site as an index, and the charge that ends the name of a species raised."""
    parts = re.fullmatch(r"([^\W_]+)(?:_(\w+))?([+-]\d+)?", name)
    if parts is None:
        return name.replace("$", r"\$")
    atom, site, charge = parts.groups(default="")
    index = f"_{{{site.replace('_', ',')}}}" if site else ""
    size = charge[1:] if charge[1:] not in ("", "1") else ""
    raised = f"^{{{size}{charge[0] if int(charge) else ''}}}" if charge else ""
    return f"{atom}${index}{raised}$" if index or raised else name
