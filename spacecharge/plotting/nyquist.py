"""Spectra of a result file: Nyquist with its decades marked, and Bode."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from .style import label_nyquist, label_text, letters, line_colours, line_legend, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..report.view import View

Array = NDArray[np.float64]

MOST_SPECTRA = 12
"""Lines of a figure; a finer sweep is thinned."""

NAMES = ("impedance_real", "impedance_imag")


def has_spectra(view: View) -> bool:
    """Say whether a result file has spectra."""
    return all(name in view.results.fields for name in NAMES)


def plot_spectra(view: View, *, title: str = "", series_resistance: float = 0.0) -> Figure:
    """Draw the spectra of a view: -Im Z against Re Z to one scale, |Z| and the phase against the frequency.

    Parameters
    ----------
    view : View
        Points of a result file with spectra; an area turns Ohm cm2 into Ohm.
    title : str
        Heading.
    series_resistance : float
        Added to the real part [ohm m2].

    Returns
    -------
    matplotlib Figure
        Nyquist on the left with a mark at every decade, Bode on the right.

    Raises
    ------
    StoreError
        The file has no spectra, or no point of the view has been solved.
    """
    if not has_spectra(view):
        raise StoreError(f"{view.results.path}: has no spectra (impedance: in the configuration)")
    for axis in view.axes:
        view.thin(axis, MOST_SPECTRA)
    frequency = view.variable("frequency").values
    real, imag = (view.variable(name) for name in NAMES)
    extra = series_resistance * real.display.factor
    lines, labels = [], []
    shape = real.values.shape[:-1]
    for index in product(*map(range, shape)):
        z = real.values[index] + extra + 1j * imag.values[index]
        if np.isfinite(z).any():
            lines.append(z)
            labels.append(point_label(view, index))
    if not lines:
        raise StoreError(f"{view.results.path}: no point of the selection has a spectrum")
    colours = line_colours(len(lines))
    widest = max(float(np.nanmax(z.real)) for z in lines)
    with styled():
        figure, grid = new_figure(1, 2, title)
        nyquist = grid[0, 0]
        magnitude = grid[0, 1]
        phase = magnitude.twinx()
        for z, colour in zip(lines, colours, strict=True):
            _draw_nyquist(nyquist, z, frequency, colour, named=float(np.nanmax(z.real)) > 0.25 * widest)
            magnitude.loglog(frequency, np.abs(z), color=colour)
            phase.semilogx(frequency, -np.degrees(np.angle(z)), color=colour, linestyle=":")
        unit = real.display.math
        label_nyquist(nyquist, unit)
        _one_scale(nyquist, lines)
        magnitude.set_xlabel("Frequency (Hz)")
        magnitude.set_ylabel(label_text("|Z| (full lines)", unit))
        phase.set_ylabel("- phase (degrees, dotted)")
        phase.set_ylim(-5.0, 95.0)
        letters([nyquist, magnitude])
        if len(lines) > 1:
            line_legend(figure, colours, labels, ", ".join(q.label for a in view.axes for q in view.coordinates(a)[:1]))
    return figure


def point_label(view: View, index: tuple[int, ...]) -> str:
    """Return the values of the swept numbers at one point."""
    parts = []
    for axis, i in zip(view.axes, index, strict=True):
        coordinate = view.coordinates(axis)[0]
        parts.append(f"{coordinate.cells(4)[i]} {coordinate.display.text}".rstrip())
    return ", ".join(parts)


def _draw_nyquist(panel: Axes, z: NDArray[np.complex128], frequency: Array, colour: Any, *, named: bool) -> None:
    """Draw one spectrum and mark its decades; the one nearest to the top is `named` where there is room."""
    panel.plot(z.real, -z.imag, color=colour)
    decades = np.arange(np.ceil(np.log10(frequency.min()) - 1e-9), np.floor(np.log10(frequency.max()) + 1e-9) + 1)
    logs = np.log10(frequency)
    at_real, at_imag = (np.interp(decades, logs, part) for part in (z.real, -z.imag))
    panel.plot(at_real, at_imag, ".", color=colour, markersize=4.0)
    if named and decades.size:
        k = int(np.argmax(np.where(np.isfinite(at_imag), at_imag, -np.inf)))
        panel.annotate(
            _hertz(float(decades[k])), (at_real[k], at_imag[k]), (0, 4), textcoords="offset points", fontsize=6.5,
            color=colour, ha="center",
        )  # fmt: skip


def _hertz(decade: float) -> str:
    """Return a decade of the frequency as text."""
    power = round(decade)
    for low, name in ((9, "GHz"), (6, "MHz"), (3, "kHz"), (0, "Hz"), (-3, "mHz")):
        if power >= low:
            return f"{10 ** (power - low)} {name}"
    return f"1e{power} Hz"


def _one_scale(panel: Axes, lines: list[NDArray[np.complex128]]) -> None:
    """Give both axes of a Nyquist plot the same scale, so that an arc of one RC element is a half circle.

    A blocking end sends -Im Z to infinity: shown is what lies below twice the largest real part.
    """
    widest = max(float(np.nanmax(z.real)) for z in lines)
    top = min(max(float(np.nanmax(-z.imag)) for z in lines), 2.0 * widest)
    panel.set_xlim(-0.03 * widest, 1.06 * widest)
    panel.set_ylim(-0.03 * top, 1.12 * top)
    panel.set_aspect("equal", adjustable="box")


__all__ = ["has_spectra", "plot_spectra", "point_label"]
