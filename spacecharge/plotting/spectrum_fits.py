"""Figures of fits to impedance spectra: Nyquist, Bode and residuals, with the numbers measured beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..units import display_of
from .panels import draw_panel
from .style import PALETTE, label_nyquist, label_text, letters, line_colours, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..fitting.kind import Panel

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

MOST_NAMED = 6
"""Spectra with a name in the legend."""


def spectra_figure(summary: Mapping[str, Any], spectra: Mapping[str, Any], panels: Sequence[Panel]) -> Figure:
    """Return Nyquist, Bode and residuals of every spectrum, and further panels.

    Parameters
    ----------
    summary : mapping
        Of the fit: title, number of data, chi-square.
    spectra : mapping
        ``names`` and ``unit``; ``spectrum`` (which one), ``frequency`` [Hz], ``measured_real``, ``fitted_real``,
        ``sigma_real``, ``kramers_kronig_real``, the same of ``imag`` (n,). Of a posterior ``lower_95_real``,
        ``upper_95_real``, the same of ``imag``, ``modulus`` and ``phase`` (n,), and complex ``drawn`` (n, n_draws).
    panels : sequence of Panel
        What else was measured.

    Returns
    -------
    matplotlib Figure
        Nyquist to one scale with a mark at every decade; modulus and phase; (data - fit) over the modulus, with what
        the Kramers-Kronig series leaves in grey where there is one spectrum. A posterior is drawn as some of its
        spectra in the complex plane, where two parts move together, and as the pointwise band of 95 % elsewhere.
    """
    n = 3 + len(panels)
    note = f"{summary['n_data']} data, reduced chi-square {summary['chi2_reduced']:.3g}"
    note += ", bands: 95 % of the posterior" if "drawn" in spectra else ""
    with styled():
        figure, grid = new_figure(-(-n // 2), 2, summary["title"] or summary["name"], note)
        axes = list(np.ravel(grid))
        nyquist, bode, residuals = axes[:3]
        phase = bode.twinx()
        display = display_of(spectra["unit"])
        which = np.asarray(spectra["spectrum"]).astype(int)
        extent = [
            np.ptp(np.asarray(spectra["fitted_real"])[which == k])
            + np.ptp(np.asarray(spectra["fitted_imag"])[which == k])
            for k in range(int(which.max()) + 1)
        ]
        colours = [PALETTE[1]] if which.max() == 0 else line_colours(int(which.max()) + 1)
        for k, colour in enumerate(colours):
            one = spectrum_of(spectra, k)
            label = str(spectra["names"][k]) if 0 < which.max() < MOST_NAMED else ""
            _spectrum(nyquist, bode, phase, one, display.factor, colour, label)
            if extent[k] > _NAMED_ABOVE * max(extent):
                _name_decades(nyquist, one, display.factor, colour, display.factor * max(extent))
            _residuals(residuals, one, colour, first=k == 0, with_series=which.max() == 0)
        label_nyquist(nyquist, display.math)
        nyquist.set_aspect("equal", adjustable="datalim")
        nyquist.legend(loc="best")
        bode.set_xlabel("Frequency (Hz)")
        bode.set_ylabel(label_text("|Z| (circles, full line)", display.math))
        phase.set_ylabel("- phase (degrees; squares, dotted)")
        residuals.set_xlabel("Frequency (Hz)")
        residuals.set_ylabel("Residual over |Z| (%)")
        residuals.axhline(0.0, color="0.7", linewidth=0.6, zorder=0)
        # Room for the legend above the points.
        low, high = residuals.get_ylim()
        residuals.set_ylim(low, high + 0.35 * (high - low))
        residuals.legend(loc="upper center", ncols=2, fontsize=6.2)
        for axis, panel in zip(axes[3:], panels, strict=False):
            draw_panel(axis, panel)
        for spare in axes[n:]:
            spare.set_visible(False)
        letters(axes[:n])
    return figure


def spectrum_of(spectra: Mapping[str, Any], k: int) -> dict[str, Array]:
    """Return the columns of one of the spectra of a fit, its frequencies rising."""
    rows = np.flatnonzero(np.asarray(spectra["spectrum"]).astype(int) == k)
    rows = rows[np.argsort(np.asarray(spectra["frequency"])[rows])]
    return {key: np.asarray(v)[rows] for key, v in spectra.items() if key not in ("names", "unit")}


def _spectrum(
    nyquist: Axes, bode: Axes, phase: Axes, one: Mapping[str, Array], factor: float, colour: Any, label: str
) -> None:
    frequency = one["frequency"]
    measured = factor * (one["measured_real"] + 1j * one["measured_imag"])
    fitted = factor * (one["fitted_real"] + 1j * one["fitted_imag"])
    points: dict[str, Any] = {
        "linestyle": "",
        "color": PALETTE[6],
        "markersize": 3,
        "fillstyle": "none",
        "markeredgewidth": 0.7,
    }
    nyquist.plot(measured.real, -measured.imag, marker="o", label="" if label else "measured", **points)
    curve = between(frequency, np.asarray(fitted, dtype=np.complex128))
    nyquist.plot(curve.real, -curve.imag, color=colour, label=label or "fit")
    if "drawn" in one:
        drawn = between(frequency, np.asarray(factor * one["drawn"], dtype=np.complex128))
        nyquist.plot(drawn.real, -drawn.imag, color=colour, alpha=0.1, linewidth=0.7, zorder=1)
        words = "" if label else f"{drawn.shape[1]} draws of the posterior"
        nyquist.plot([], [], color=colour, alpha=0.3, linewidth=3.0, label=words)
        for axes, what, scale in ((bode, "modulus", factor), (phase, "phase", -np.degrees(1.0))):
            low, high = (scale * one[f"{end}_95_{what}"] for end in ("lower", "upper"))
            axes.fill_between(frequency, low, high, color=colour, alpha=0.25, linewidth=0)
    bode.loglog(frequency, np.abs(measured), marker="o", **points)
    bode.loglog(frequency, np.abs(fitted), color=colour)
    phase.semilogx(frequency, -np.degrees(np.angle(measured)), marker="s", **{**points, "markersize": 2.4})
    phase.semilogx(frequency, -np.degrees(np.angle(fitted)), color=colour, linestyle=":")


def between(frequency: Array, z: Complex) -> Complex:
    """Return spectra (n, ...) between the measured frequencies too, rising, of which an arc has only a dozen."""
    from scipy.interpolate import CubicSpline

    logs = np.log(frequency)
    distinct = np.append(np.diff(logs) > 0.0, True)
    if np.count_nonzero(distinct) < 2:
        return z
    return np.asarray(CubicSpline(logs[distinct], z[distinct])(np.linspace(logs[0], logs[-1], 10 * logs.size)))


_NAMED_ABOVE = 0.5
"""Decades are named on arcs that are at least this large a part of the largest."""

_APART = 0.1
"""Neighbouring names of decades stand at least this part of the figure's extent apart."""


def _name_decades(nyquist: Axes, one: Mapping[str, Array], factor: float, colour: Any, extent: float) -> None:
    frequency = one["frequency"]
    decades = np.arange(np.ceil(np.log10(frequency[0]) - 1e-9), np.floor(np.log10(frequency[-1]) + 1e-9) + 1)
    parts = factor * one["fitted_real"], -factor * one["fitted_imag"]
    at = [np.interp(decades, np.log10(frequency), part) for part in parts]
    nyquist.plot(*at, ".", color=colour, markersize=6)
    named: list[Array] = []
    # The top of an arc is what is looked for: from there outwards.
    for k in np.argsort(-at[1]):
        here = np.array([at[0][k], at[1][k]])
        if 0 < k and at[1][k] < 0.15 * at[1].max():
            continue
        if any(np.hypot(*(here - other)) < _APART * extent for other in named):
            continue
        named.append(here)
        text = f"10$^{{{int(decades[k])}}}$ Hz"
        place = (here[0], here[1])
        nyquist.annotate(text, place, (6, 0), textcoords="offset points", fontsize=6, color=colour, va="center")


def _residuals(panel: Axes, one: Mapping[str, Array], colour: Any, *, first: bool, with_series: bool) -> None:
    modulus = np.hypot(one["measured_real"], one["measured_imag"])
    for part, marker in (("real", "o"), ("imag", "s")):
        words = {"real": "Re", "imag": "Im"}[part]
        kk = 100.0 * one[f"kramers_kronig_{part}"]
        if with_series:
            panel.semilogx(one["frequency"], kk, marker, color="0.7", ms=2.4, label=f"Kramers-Kronig, {words}")
        off = 100.0 * (one[f"measured_{part}"] - one[f"fitted_{part}"]) / modulus
        panel.semilogx(
            one["frequency"], off, marker, color=colour, ms=3, fillstyle="full" if part == "real" else "none",
            label=f"fit, {words}" if first else "",
        )  # fmt: skip
        if "drawn" in one:
            # About the line of nothing, as the residuals are those of the fit: what other parameters would leave.
            low, high = (one[f"{end}_95_{part}"] - one[f"fitted_{part}"] for end in ("lower", "upper"))
            low, high = 100.0 * low / modulus, 100.0 * high / modulus
            panel.fill_between(one["frequency"], low, high, color=colour, alpha=0.2, linewidth=0, zorder=1)
    panel.fill_between(
        one["frequency"], -100.0 * one["sigma_real"] / modulus, 100.0 * one["sigma_real"] / modulus, color="0.9",
        linewidth=0, zorder=-1, label="1 sigma of the data" if first else "",
    )  # fmt: skip


__all__ = ["between", "spectra_figure", "spectrum_of"]
