"""Figures of fits: data with error bars, curve, residuals; Arrhenius plots with 1/T below and T above."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import StoreError
from ..fitting.setup import WIDE
from ..model.arrhenius import arrhenius
from ..nmr.parameters import FALLING
from ..report.fits import quality
from ..store.stored_fit import FitTable, StoredFit, read_fits
from ..store.target import refuse_replacing
from ..units import display_of
from .corner import corner_figure
from .figures import save
from .spectra import draw_contour
from .style import label_text, letters, line_colours, new_figure, styled, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_CURVES = 8
"""More curves than this are thinned in the figure, not in the file."""

MAX_POINTS = 5000


def plot_fit(
    path: str | os.PathLike[str],
    png: str | os.PathLike[str] | None = None,
    *,
    name: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Draw the fits of a file.

    Parameters
    ----------
    path : str or path
        HDF5 file with a group ``fits``.
    png : str or path, optional
        Figure file; default beside `path`. With several fits the name of the fit is added; of a posterior there is a
        corner figure too, with ``_posterior`` in its name.
    name : str, optional
        Only this fit.
    overwrite : bool
        Replace existing figures.

    Returns
    -------
    Path
        The (first) figure.

    Raises
    ------
    StoreError
        There is nothing to draw, or one of the figures exists already: then none is drawn.
    """
    fits = read_fits(path, name)
    if not fits:
        raise StoreError(f"{os.fspath(path)}: holds no fit{f' {name}' if name else 's'} to draw")
    target = Path(png) if png is not None else Path(path).with_suffix(".png")
    if len(fits) == 1:
        own = [target]
    else:
        own = [target.with_name(f"{target.stem}_{stored.name}{target.suffix}") for stored in fits]
    corners = [beside(figure) for figure, stored in zip(own, fits, strict=True) if stored.posterior is not None]
    refuse_replacing(*own, *corners, overwrite=overwrite)
    for figure, stored in zip(own, fits, strict=True):
        save(figure_of(stored), figure, overwrite=overwrite)
        if stored.posterior is not None:
            save(corner_figure(stored), beside(figure), overwrite=overwrite)
    return own[0]


def beside(figure: Path) -> Path:
    """Return the name of the corner figure beside the figure of a fit."""
    return figure.with_name(f"{figure.stem}_posterior{figure.suffix}")


def figure_of(stored: StoredFit) -> Figure:
    """Return the figure of a fit, in the form that its kind declares.

    Parameters
    ----------
    stored : StoredFit
        Of any kind.

    Returns
    -------
    matplotlib Figure
        In the style of all figures.

    Raises
    ------
    StoreError
        The kind has no figure.
    """
    from importlib import import_module

    from ..fitting.kinds import REGISTRY, kind_of

    kind = kind_of(stored.kind) if stored.kind in REGISTRY else None
    with styled():
        if kind is not None and kind.panels is not None:
            from .panels import panels_figure

            return panels_figure(kind.panels(stored), stored.title or f"fit {stored.name}")
        if kind is None or not kind.figure:
            raise StoreError(f"fit {stored.name}: there is no figure of the kind {stored.kind}")
        home, _, function = kind.figure.partition(":")
        figure: Figure = getattr(import_module(f".{home}", __package__), function)(stored)
        return figure


def comparison_figure(stored: StoredFit) -> Figure:
    """Return the bars of model and NMR resistance, the factor between them written above.

    Parameters
    ----------
    stored : StoredFit
        Of the kind ``comparison``.

    Returns
    -------
    matplotlib Figure
        Resistances on a logarithmic axis; an arrow marks a lower bound.
    """
    from ..fitting.kinds.comparison import as_data

    comparison = as_data(stored)
    figure, grid = new_figure(1, 1, comparison["title"] or comparison["name"])
    panel = grid[0, 0]
    shown = display_of("ohm m2")
    nmr = shown.factor * comparison["nmr_resistance"]
    model = np.where(np.isfinite(comparison["factor"]), shown.factor * comparison["model_resistance"], np.nan)
    place = np.arange(nmr.size)
    colours = line_colours(2)
    panel.bar(place - 0.2, model, 0.4, color=colours[0], label="space-charge layer, model")
    panel.bar(place + 0.2, nmr, 0.4, color=colours[1], label="kT/(e i0), NMR")
    for k in place:
        if comparison["is_bound"][k]:
            panel.annotate(
                "", (k + 0.2, 3.0 * nmr[k]), (k + 0.2, nmr[k]), arrowprops={"arrowstyle": "->", "color": colours[1]}
            )
        if np.isnan(model[k]):
            panel.text(
                k - 0.2, np.nanmin(model) if np.any(np.isfinite(model)) else 1.0, "none", ha="center", va="bottom"
            )
        else:
            sign = "at least " if comparison["is_bound"][k] else ""
            panel.text(k, 4.0 * nmr[k], f"x {sign}{comparison['factor'][k]:.1g}", ha="center", va="bottom")
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    panel.set_ylim(low, high * 30.0)
    panel.set_xticks(place, comparison["interfaces"])
    panel.set_ylabel(label_text("interface resistance", shown.math))
    panel.legend(loc="upper center", ncols=2)
    return figure


def fit_figure(stored: StoredFit) -> Figure:
    """Return the figure of a fit of measured curves.

    Parameters
    ----------
    stored : StoredFit
        With summary and arrays.

    Returns
    -------
    matplotlib Figure
        Data and curve, residuals, and an Arrhenius plot where temperatures were fitted alone.
    """
    summary, arrays = stored.summary, stored.arrays
    laws = summary["each_temperature"]
    contours = [table for key, table in stored.tables.items() if key.startswith("contour_")]
    n_panels = len(contours) + 2 + len(laws)
    n_columns = 2
    note = f"{summary['n_data']} data, {quality(summary)}"
    note += ", bands of 68 and 95 % of the posterior" if "model_median" in arrays else ""
    figure, grid = new_figure(-(-n_panels // n_columns), n_columns, summary["title"] or f"fit {summary['name']}", note)
    panels = list(grid.flat)
    for spare in panels[n_panels:]:
        spare.set_visible(False)
    for panel, table in zip(panels, contours, strict=False):
        draw_contour(panel, table)
    first = len(contours)
    draw_curves(panels[first], panels[first + 1], arrays, stored.tables.get("curves"))
    for panel, law in zip(panels[first + 2 :], laws, strict=False):
        _arrhenius(panel, law, arrays["global_value"][law["parameter"]])
    letters(panels[:n_panels])
    return figure


def draw_curves(panel: Axes, below: Axes | None, arrays: dict[str, Any], smooth: FitTable | None = None) -> None:
    """Draw data, curve and, where there is an axis for them, residuals, one colour per temperature and curve.

    Against mixing time or delay, and against temperature where the data have neither. The curve is that of `smooth`, a
    dense axis, where there is one; else it joins the values of the fit at the data.
    """
    x_name = next(name for name in ("mixing_time", "delay", "temperature") if name in arrays)
    against_temperature, by_temperature = x_name == "temperature", "temperature" in arrays
    x = 1000.0 / arrays["temperature"] if against_temperature else arrays[x_name]
    keys = arrays["series"]
    if by_temperature and not against_temperature:
        keys = keys + 0.5 * _rank(arrays["temperature"])
    groups = np.unique(keys)
    if groups.size > MAX_CURVES:
        groups = groups[np.linspace(0, groups.size - 1, MAX_CURVES).round().astype(int)]
    residual_scale = arrays["sigma"] if np.all(np.isfinite(arrays["sigma"])) else None
    relative = arrays["units"]["residual"] != arrays["units"]["value"]
    bounds = arrays.get("limit", np.zeros(x.size))
    for colour, key in zip(line_colours(groups.size), groups, strict=True):
        rows = np.flatnonzero(keys == key)
        rows = rows[:: max(1, rows.size // MAX_POINTS)]
        rows = rows[np.argsort(x[rows])]
        label = arrays["series_names"][int(arrays["series"][rows[0]])]
        if by_temperature and not against_temperature and not label.endswith(" K"):
            label = f"{arrays['temperature'][rows[0]]:g} K" + (f", {label}" if len(arrays["series_names"]) > 1 else "")
        error = arrays["sigma"][rows]
        panel.errorbar(
            x[rows],
            arrays["value"][rows],
            yerr=error if np.all(np.isfinite(error)) else None,
            fmt="o",
            ms=3,
            color=colour,
            elinewidth=0.8,
            lw=0,
            label=label,
            uplims=bounds[rows] < 0,
            lolims=bounds[rows] > 0,
        )
        _draw_law(panel, arrays, rows, x, smooth, x_name, colour)
        shown, unit_error = arrays["residual"][rows], np.ones(rows.size)
        if residual_scale is not None:
            unit_error = residual_scale[rows] / (arrays["value"][rows] if relative else 1.0)
        if below is not None:
            below.plot(x[rows], shown / unit_error, "o", ms=3, color=colour)
        for share in ("95", "68") if "model_median" in arrays else ():
            ends = [arrays[f"model_{end}_{share}"][rows] for end in ("lower", "upper")]
            if below is None:
                continue
            model = arrays["model"][rows]
            away = [(np.log(end / model) if relative else end - model) / unit_error for end in ends]
            below.fill_between(x[rows], *away, color=colour, alpha=0.12, lw=0)
    unit = display_of(arrays["units"]["value"])
    panel.set_ylabel(label_text(arrays["long_names"]["value"], unit.math))
    if below is not None:
        zero_line(below)
        below.set_ylabel("Residual / sigma" if residual_scale is not None else "Residual")
    for axis in (panel,) if below is None else (panel, below):
        if against_temperature:
            axis.set_xlabel("1000 / T (K$^{-1}$)")
            _temperature_above(axis)
        else:
            axis.set_xlabel(label_text(x_name.replace("_", " "), "s"))
            positive = x[x > 0.0]
            if positive.size and positive.max() > WIDE * positive.min():
                axis.set_xscale("log")
    if against_temperature:
        panel.set_yscale("log")
        panel.legend(loc="best")
        return
    # Room for the legend above build-ups and decays, which leave no corner free.
    handles, labels = panel.get_legend_handles_labels()
    n_columns = 1 if len(labels) < 3 else 2
    low, high = panel.get_ylim()
    panel.set_ylim(low, high + 0.11 * -(-len(labels) // n_columns) * (high - low))
    panel.legend(handles, labels, loc="upper center", ncols=n_columns, fontsize=6.5)


def _draw_law(
    panel: Axes,
    arrays: dict[str, Any],
    rows: NDArray[np.intp],
    x: NDArray[np.float64],
    smooth: FitTable | None,
    x_name: str,
    colour: Any,
) -> None:
    """Draw the curve of one series at one temperature, with the bands of a posterior."""
    source: Any = arrays
    where: Any = rows
    if smooth is not None:
        source = {name: np.asarray(column.values) for name, column in smooth.columns.items()}
        same = source["series"] == arrays["series"][rows[0]]
        if "temperature" in arrays:
            same &= source["temperature"] == arrays["temperature"][rows[0]]
        where, x = np.flatnonzero(same), source[x_name]
    panel.plot(x[where], source["model"][where], "-", color=colour)
    for share in ("95", "68") if "model_median" in source else ():
        low, high = (source[f"model_{end}_{share}"][where] for end in ("lower", "upper"))
        panel.fill_between(x[where], low, high, color=colour, alpha=0.25, lw=0)


def _rank(temperature: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a number below one for each datum, ascending with temperature."""
    values, index = np.unique(temperature, return_inverse=True)
    return np.asarray(index / values.size)


def _arrhenius(panel: Axes, law: dict[str, Any], global_value: NDArray[np.float64]) -> None:
    """Draw values of single temperatures, their regression and the global law."""
    temperature = np.array(law["temperature_K"])
    value = np.array([np.nan if v is None else v for v in law["value"]], dtype=float)
    sigma = np.array([np.nan if v is None else v for v in law["sigma"]], dtype=float)
    x = 1000.0 / temperature
    colours = line_colours(2)
    panel.errorbar(
        x, value, yerr=sigma, fmt="o", ms=3.5, color=colours[0], elinewidth=0.8, lw=0, label="each temperature"
    )
    panel.plot(x, global_value, "-", color=colours[1], label="global fit")
    if "regression" in law:
        r = law["regression"]
        sign = -1.0 if law["parameter"] in FALLING else 1.0
        energy = sign * r["activation_energy_eV"]["value"]
        line = arrhenius(r["value"]["value"], energy, temperature, r["reference_temperature_K"])
        panel.plot(x, line, "--", color=colours[0], label=f"regression, {abs(energy):.3f} eV")
    panel.set_yscale("log")
    panel.set_xlabel("1000 / T (K$^{-1}$)")
    name = law["parameter"]
    words = {"diffusivity_m2_per_s": "diffusivity", "correlation_time_s": "correlation time"}.get(name)
    panel.set_ylabel(label_text(words or name.split("_per_")[0].replace("_", " "), display_of(law["unit"]).math))
    _temperature_above(panel)
    panel.legend(loc="best")


def _temperature_above(panel: Axes) -> None:
    """Add the temperature as upper axis to an axis of 1000/T."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = panel.get_xlim()
    warm, cold = 1000.0 / max(low, 1e-9), 1000.0 / max(high, 1e-9)
    top = panel.secondary_xaxis("top", functions=(_inverse, _inverse))
    top.set_xlabel("T (K)")
    step = next((s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500) if (warm - cold) / s <= 6), 1000)
    top.xaxis.set_major_locator(FixedLocator(list(np.arange(np.ceil(cold / step) * step, warm, step))))
    top.xaxis.set_minor_locator(NullLocator())


def _inverse(x: ArrayLike) -> ArrayLike:
    """Return 1000/x; matplotlib asks at zero, too."""
    return np.asarray(1000.0 / np.maximum(np.asarray(x, dtype=float), 1e-9))


def plot_fit_sweep(
    path: str | os.PathLike[str],
    png: str | os.PathLike[str] | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
) -> Path:
    """Draw a sweep over fits: how well each fits, and what each finds.

    Parameters
    ----------
    path : str or path
        File that ``spacecharge fit`` wrote for a configuration with a sweep.
    png : str or path, optional
        Figure file; default beside `path`.
    x : str, optional
        Axis to draw along; default: the last one with numbers.
    y : str, optional
        Quantity to draw; default: the first fitted ones.

    Returns
    -------
    Path
        The figure.

    Raises
    ------
    StoreError
        The file is no sweep over fits, or has no such axis or quantity.
    """
    from ..store.fit_reader import read_sweep

    sweep = read_sweep(path)
    numeric = [a for k, a in enumerate(sweep.axes) if isinstance(sweep.points[0][k], float)]
    along = x or (numeric[-1] if numeric else sweep.axes[-1])
    fitted = [q for q in sweep.quantities if q not in sweep.fixed]
    chosen = [y] if y else fitted[:3]
    for name, known in ((along, sweep.axes), *((q, sweep.quantities) for q in chosen)):
        if name not in known:
            raise StoreError(f"{os.fspath(path)}: has no {name} (known: {', '.join(known)})")
    place = sweep.axes.index(along)
    others = [tuple(v for k, v in enumerate(p) if k != place) for p in sweep.points]
    groups = list(dict.fromkeys(others))[:MAX_CURVES]
    target = Path(png) if png is not None else Path(path).with_suffix(".png")
    target.parent.mkdir(parents=True, exist_ok=True)
    with styled():
        n_panels = 1 + len(chosen)
        figure, grid = new_figure(-(-n_panels // 2), 2, sweep.title)
        panels = list(grid.flat)
        for spare in panels[n_panels:]:
            spare.set_visible(False)
        shown = display_of(sweep.units[along])
        for colour, group in zip(line_colours(len(groups)), groups, strict=True):
            rows = [k for k, other in enumerate(others) if other == group]
            at: list[Any] = [sweep.points[k][place] for k in rows]
            if along in numeric:
                at = [shown.factor * v for v in at]
            label = ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in group)
            panels[0].plot(at, sweep.chi2[rows], "o-", ms=3, color=colour, label=label)
            for panel, name in zip(panels[1:], chosen, strict=False):
                unit = display_of(sweep.units[name])
                value, sigma = unit.factor * sweep.values[name][rows], unit.factor * sweep.sigmas[name][rows]
                panel.errorbar(at, value, yerr=sigma, fmt="o-", ms=3, elinewidth=0.8, color=colour, label=label)
        panels[0].set_ylabel("Reduced chi-square")
        for panel, name in zip(panels[1:], chosen, strict=False):
            panel.set_ylabel(label_text(sweep.long_names[name], display_of(sweep.units[name]).math))
            values = sweep.values[name][np.isfinite(sweep.values[name])]
            if values.size and values.min() > 0.0 and values.max() > 10.0 * values.min():
                panel.set_yscale("log")
        for panel in panels[:n_panels]:
            panel.set_xlabel(label_text(sweep.long_names[along], shown.math))
        if any(groups[0]):
            panels[0].legend(loc="best")
        letters(panels[:n_panels])
        save(figure, target)
    return target
