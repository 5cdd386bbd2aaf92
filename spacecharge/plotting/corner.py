"""The corner figure of a posterior: densities of single parameters on the diagonal, of pairs below it.

Drawn here and not by a package: it is opened from a result file without the extras of a fit, in display units, with
the priors, and without a state of pyplot.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..fitting.priors import Prior
from ..report.fits import with_digits
from ..store.posterior import StoredPosterior
from ..store.stored_fit import StoredFit
from ..units import display_of, mathtext_of, stem
from .style import PALETTE, label_text, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

MOST = 7
"""Parameters in a figure; of more, the first ones."""

BINS = 36

SHARES = (0.95, 0.68)
"""Shares of the draws inside the contours."""

LOG_ABOVE = 3.0
"""Ratio of the ends from which on a parameter whose logarithm was sampled has a logarithmic axis."""

_DRAWS, _PRIOR, _BEST = PALETTE[0], PALETTE[1], PALETTE[6]


def corner_figure(stored: StoredFit) -> Figure:
    """Return the corner figure of a fit.

    Parameters
    ----------
    stored : StoredFit
        With a posterior.

    Returns
    -------
    matplotlib Figure
        Histograms with median, 68 % and prior; contours of 68 and 95 % of the draws; the least-squares values.

    Raises
    ------
    StoreError
        The fit has no posterior.
    """
    posterior = stored.posterior
    if posterior is None:
        raise StoreError(f"fit {stored.name}: has no posterior to draw (uncertainty: posterior)")
    n = min(MOST, len(posterior.names))
    said = posterior.settings
    title = stored.title or f"fit {stored.name}"
    note = f"Posterior, {said['samples']} draws, contours of 68 and 95 %; dashed: prior, cross: least squares"
    if n < len(posterior.names):
        note += f"; {n} of {len(posterior.names)} parameters"
    if not said["converged"]:
        title = f"NOT CONVERGED ({said['samples_needed']} samples are needed at least): {title}"
    with styled():
        figure, grid = new_figure(n, n, title, note)
        side = max(3.6, min(7.2, 1.9 * n + 0.6))
        figure.set_size_inches(side, side + 0.5)
        axes = [_Axis(posterior, k) for k in range(n)]
        for row in range(n):
            for column in range(n):
                panel = grid[row, column]
                if column > row:
                    panel.set_visible(False)
                elif column == row:
                    _single(panel, axes[row], bool(said["converged"]))
                else:
                    _pair(panel, axes[column], axes[row])
                _dress(panel, axes[column], axes[row], row, column, n)
    return figure


class _Axis:
    """One parameter as it is shown."""

    def __init__(self, posterior: StoredPosterior, k: int) -> None:
        display = display_of(posterior.units[k])
        shown: Array = display.factor * posterior.chain[:, :, k].ravel()
        low, high = np.quantile(shown, [0.001, 0.999])
        self.is_log = bool(posterior.is_log[k]) and low > 0.0 and high > LOG_ABOVE * low
        # Numbers on a linear axis have few digits before their point: the power of ten goes to the unit.
        power = int(np.floor(np.log10(max(abs(low), abs(high), 1e-300))))
        power = 0 if self.is_log or -3 <= power <= 3 else power
        self.factor = display.factor * 10.0**-power
        self.draws: Array = shown * 10.0**-power
        self.best = self.factor * float(posterior.best[k])
        math = mathtext_of(display.math)
        unit = math if "$" in math else re.sub(r"(?<=[A-Za-z])(-?\d+)", r"$^{\1}$", math)
        unit = "" if unit == "1" else unit
        self.unit = f"10$^{{{power}}}$ {unit}".rstrip() if power else unit
        self.prior = Prior(
            law=posterior.prior_laws[k],
            first=float(posterior.prior_numbers[k, 0]),
            second=float(posterior.prior_numbers[k, 1]),
        )
        self.name = _words(posterior.names, k)
        low, high = np.quantile(self.draws, [0.001, 0.999])
        low, high = (np.log10(low), np.log10(high)) if self.is_log else (low, high)
        margin = 0.06 * (high - low) or 0.5
        edges = np.linspace(low - margin, high + margin, BINS + 1)
        self.edges: Array = 10.0**edges if self.is_log else edges

    @property
    def centres(self) -> Array:
        edges = self.edges
        return np.sqrt(edges[1:] * edges[:-1]) if self.is_log else 0.5 * (edges[1:] + edges[:-1])

    def prior_counts(self) -> Array | None:
        """Return the prior in each bin, of the height of the histogram's scale; None of one that is not proper."""
        prior, factor = self.prior, self.factor
        if not prior.is_normal and not (np.isfinite(prior.first) and np.isfinite(prior.second)):
            return None
        inside = np.linspace(0.05, 0.95, 10)
        fine = self.edges[:-1, None] + inside * np.diff(self.edges)[:, None]
        mass = prior.mass(fine / factor)
        return np.asarray(mass.mean(axis=1) * np.diff(self.edges) / factor)


def _words(names: tuple[str, ...], k: int) -> str:
    last = [re.sub(r"(_per_\w+|_s|_K|_nH)$", "", stem(name.rsplit(".", 1)[-1])) for name in names]
    shown = last[k] if last.count(last[k]) == 1 else ".".join([*names[k].split(".")[:-1], last[k]])
    return shown.replace("_", " ").replace(".", " ")


def _single(panel: Axes, axis: _Axis, converged: bool) -> None:
    """Draw a histogram and the prior; of a chain that has converged its median, its 68 percent, and the numbers."""
    counts, _ = np.histogram(axis.draws, axis.edges)
    share = counts / axis.draws.size
    panel.stairs(share, axis.edges, color=_DRAWS, lw=1.1)
    low, middle, high = np.quantile(axis.draws, [0.5 - 0.5 * 0.6827, 0.5, 0.5 + 0.5 * 0.6827])
    if converged:
        panel.axvspan(low, high, color=_DRAWS, alpha=0.15, lw=0)
        panel.axvline(middle, color=_DRAWS, lw=0.9)
        sigma = float(axis.draws.std(ddof=1))
        panel.set_title(f"{with_digits(middle, sigma)} ± {sigma:.2g}", fontsize=7, pad=3)
    prior = axis.prior_counts()
    if prior is not None:
        panel.plot(axis.centres, prior, "--", color=_PRIOR, lw=1.0)
    panel.set_ylim(0.0, 1.15 * share.max())
    panel.set_yticks([])


def _pair(panel: Axes, x: _Axis, y: _Axis) -> None:
    """Draw contours of the shares of a pair of parameters."""
    from scipy.ndimage import gaussian_filter

    counts, _, _ = np.histogram2d(x.draws, y.draws, [x.edges, y.edges])
    density = gaussian_filter(counts.T, 1.0)
    ordered = np.sort(density.ravel())[::-1]
    inside = np.cumsum(ordered) / ordered.sum()
    levels = [float(ordered[min(int(np.searchsorted(inside, share)), ordered.size - 1)]) for share in SHARES]
    levels = [*levels, float(density.max()) * 1.001]
    if np.all(np.diff(levels) > 0.0):
        shades: list[Any] = [(*_rgb(_DRAWS), 0.25), (*_rgb(_DRAWS), 0.6)]
        panel.contourf(x.centres, y.centres, density, levels, colors=shades)
        panel.contour(x.centres, y.centres, density, levels[:-1], colors=_DRAWS, linewidths=0.7)
    else:
        panel.plot(x.draws[:2000], y.draws[:2000], ".", ms=1, color=_DRAWS)
    panel.plot(x.best, y.best, "+", color=_BEST, ms=6)


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def _dress(panel: Axes, x: _Axis, y: _Axis, row: int, column: int, n: int) -> None:
    """Set limits, scales and labels: numbers at the left and lower edge of the figure only."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    panel.set_xlim(x.edges[0], x.edges[-1])
    if x.is_log:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(numticks=4))
        panel.xaxis.set_minor_formatter(NullFormatter())
    else:
        panel.xaxis.set_major_locator(MaxNLocator(3))
    if column < row:
        panel.set_ylim(y.edges[0], y.edges[-1])
        if y.is_log:
            panel.set_yscale("log")
            panel.yaxis.set_minor_formatter(NullFormatter())
        else:
            panel.yaxis.set_major_locator(MaxNLocator(3))
    if row == n - 1:
        panel.set_xlabel(label_text(x.name, x.unit, 26))
        panel.tick_params(axis="x", rotation=30)
    else:
        panel.tick_params(axis="x", labelbottom=False)
    if column == 0 and row > 0:
        panel.set_ylabel(label_text(y.name, y.unit, 26))
    elif column < row:
        panel.tick_params(axis="y", labelleft=False)


__all__ = ["corner_figure"]
