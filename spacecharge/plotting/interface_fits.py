"""Figures of fits of the interface model: bars per interface, resistance and activation energy along the axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..fitting.kind import Curve, Panel
from ..model.numbers import long_name
from ..units import display_of, stem, unit_of
from .panels import panels_figure
from .style import PALETTE, label_text, letters, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..store.stored_fit import StoredFit

OHMS = display_of("ohm m2")
OHM_CM2 = OHMS.factor

_MEASURED, _LAYER, _MODEL, _FIT = PALETTE[6], PALETTE[2], PALETTE[0], PALETTE[1]

_RANGE = 30.0
"""A curve may leave the data by this factor before it is cut off: what a fit says far away is not the question."""


def interface_figure(stored: StoredFit) -> Figure:
    """Return the figure of a fit of the interface model.

    Parameters
    ----------
    stored : StoredFit
        Of the kind ``interface``.

    Returns
    -------
    matplotlib Figure
        Bars of measured and computed resistances; resistance and activation energy along the axis with the measured
        points, bounds as arrows; profiles of chi-square where they were made.
    """
    from ..fitting.kinds.interface import as_data

    summary, data = stored.summary, as_data(stored)
    if "spectra" in stored.tables:
        from .spectrum_fits import spectra_figure

        found = stored.tables["spectra"]
        spectra = {name: column.values for name, column in found.columns.items()}
        spectra |= {"names": found.attributes["names"], "unit": found.columns["measured_real"].unit}
        if "spectra_draws" in stored.tables:
            drawn = stored.tables["spectra_draws"]
            spectra["drawn"] = np.asarray(drawn["real"]) + 1j * np.asarray(drawn["imag"])
        return spectra_figure(summary, spectra, _against_axis(data) if "axis" in data["table"] else [])
    if np.isnan(data["table"]["fitted_exchange_current_density"]).all() and "axis" in data["table"]:
        return _without_transfer(summary, data)
    has_fit = any(not entry.get("fixed") for entry in summary["parameters"].values())
    chi2 = summary["chi2_reduced"]
    note = f"{summary['n_data']} data" + ("" if chi2 is None or not has_fit else f", reduced chi-square {chi2:.3g}")
    n_panels = 1 + 2 * bool(data["curve"]) + bool(data["profiles"])
    figure, grid = new_figure(-(-n_panels // 2), min(2, n_panels), summary["title"] or summary["name"], note)
    panels = list(np.ravel(grid))
    draw_bars(panels[0], data, has_fit)
    if data["curve"]:
        _resistance(panels[1], data, has_fit)
        _energy(panels[2], data, has_fit)
    if data["profiles"]:
        _profiles(panels[n_panels - 1], summary, data)
    for spare in panels[n_panels:]:
        spare.set_visible(False)
    letters(panels[:n_panels])
    return figure


def _without_transfer(summary: dict[str, Any], data: dict[str, Any]) -> Figure:
    note = f"{summary['n_data']} data, reduced chi-square {summary['chi2_reduced']:.3g}"
    return panels_figure(_against_axis(data), summary["title"] or summary["name"], note)


def _against_axis(data: dict[str, Any]) -> list[Panel]:
    """Return resistance and capacitance against the number that the interfaces differ by, measured and fitted."""
    table, path = data["table"], data["path"]
    order = np.argsort(table["axis"])
    x = np.asarray(table["axis"])[order]
    panels = []
    for key, fitted, unit, words, log in (
        ("resistance", "total_resistance", "ohm m2", "interface resistance", True),
        ("capacitance", "capacitance", "F m-2", "differential capacitance", False),
    ):
        measured = np.asarray(table[f"measured_{key}"])[order]
        if np.isnan(measured).all():
            continue
        sigma = np.asarray(table[f"measured_{key}_sigma"])[order]
        best = np.asarray(table[f"fitted_{fitted}"])[order]
        reach = np.asarray(table.get(f"fitted_{fitted}_sigma", np.full(best.shape, np.nan)))[order]
        curves = [
            Curve(x=x, y=measured, sigma=sigma, style="points", label="measured", colour=6),
            Curve(x=x, y=np.asarray(table[f"default_{fitted}"])[order], style="dashed", label="before the fit"),
            Curve(x=x, y=best, label="fit", colour=1),
        ]
        if np.isfinite(reach).all():
            # As a factor: a resistance of unknown size has no band below zero.
            factor = np.exp(reach / best)
            band = {"lower": best / factor, "upper": best * factor}
            curves.insert(0, Curve(x=x, y=best, style="band", label="1 sigma of the fit", colour=1, **band))
        panels.append(
            Panel(x=long_name(path, 1), x_unit=unit_of(path).si, y=words, y_unit=unit, curves=curves, y_log=log)
        )
    return panels


_BARS = 0.6
"""Part of the height that bars take."""


def draw_bars(panel: Axes, data: dict[str, Any], has_fit: bool) -> None:
    """Draw measured, space-charge and charge-transfer resistance of every interface; bounds as arrows."""
    table, place = data["table"], np.arange(len(data["names"]))
    columns = [
        ("measured", "measured_resistance", _MEASURED),
        ("space charge alone", "default_interface_resistance", _LAYER),
        ("with charge transfer", "default_total_resistance", _MODEL),
    ]
    if has_fit:
        columns.append(("fit", "fitted_total_resistance", _FIT))
    width = 0.84 / len(columns)
    shown = np.concatenate([table[key] for _, key, _ in columns]) * OHM_CM2
    shown = shown[np.isfinite(shown) & (shown > 1e-8)]
    low = 10.0 ** np.floor(np.log10(shown.min()) - 0.3)
    # The upper part is for the numbers above the bars, and for the legend above those.
    high = low * (shown.max() / low) ** (1.0 / _BARS)
    panel.set_yscale("log")
    panel.set_ylim(low, high)
    for k, (label, key, colour) in enumerate(columns):
        x = place + (k - 0.5 * (len(columns) - 1)) * width
        value = table[key] * OHM_CM2
        there = value > 1e-8
        panel.bar(x[there], value[there] - low, width, bottom=low, color=colour, label=label)
        for i in np.flatnonzero(there):
            bound = key.startswith("measured") and table["measured_resistance_limit"][i] > 0
            text = ("≥ " if bound else "") + _short(float(value[i]))
            above = value[i] * (12.0 if bound else 1.4)
            # Upright numbers stay within their own bar's width, whatever stands beside it.
            panel.text(x[i], above, text, ha="center", va="bottom", rotation=90, fontsize=6, zorder=6)
            if bound:
                panel.annotate(
                    "", (x[i], 7.0 * value[i]), (x[i], value[i]), arrowprops={"arrowstyle": "->", "color": colour}
                )
        for i in np.flatnonzero(~there):
            panel.text(x[i], low * 1.4, "none", ha="center", va="bottom", rotation=90, fontsize=6, color=colour)
    panel.set_xticks(place, [_formula(name) for name in data["names"]])
    panel.set_xlim(-0.6, place.size - 0.4)
    panel.set_ylabel(label_text("interface resistance", OHMS.math))
    panel.legend(loc="upper center", ncols=2, fontsize=6.5)


def _short(value: float) -> str:
    """Return a number of two digits (three where that is all of it), as short as it goes above a bar."""
    return f"{value:.0f}" if 10.0 <= value < 1e4 else f"{value:.2g}"


def _formula(name: str) -> str:
    """Return a chemical formula with its numbers lowered."""
    out, number = "", ""
    for i, letter in enumerate(f"{name} "):
        if letter.isdigit() or (letter == "." and number):
            number += letter
            continue
        out += f"$_{{{number}}}$" if number and i > len(number) else number
        number = ""
        out += letter
    return out.strip()


def _axis(data: dict[str, Any]) -> tuple[Any, str]:
    """Return the values of the axis in its shown unit, and its label."""
    display = display_of(unit_of(data["path"]).si)
    return data["curve"]["axis"] * display.factor, label_text(long_name(data["path"]), display.math, 40)


def _places(data: dict[str, Any]) -> Any:
    """Return where on the axis the interfaces lie, NaN where they are not told by it alone."""
    at = data["table"].get("axis", np.full(len(data["names"]), np.nan))
    return at * display_of(unit_of(data["path"]).si).factor


def _resistance(panel: Axes, data: dict[str, Any], has_fit: bool) -> None:
    """Draw the resistance along the axis, with the band of the fit and the measured points."""
    curve, table = data["curve"], data["table"]
    x, label = _axis(data)
    panel.set_yscale("log")
    panel.plot(x, curve["default_interface_resistance"] * OHM_CM2, color=_LAYER, label="space charge alone")
    panel.plot(x, curve["default_total_resistance"] * OHM_CM2, color=_MODEL, label="with charge transfer")
    if has_fit:
        percent = f"{100 * data['level']:.4g} %"
        panel.plot(x, curve["fitted_total_resistance"] * OHM_CM2, color=_FIT, label=f"fit, band {percent}")
        if np.all(np.isfinite(curve["fitted_lower"])):
            band = (curve["fitted_lower"] * OHM_CM2, curve["fitted_upper"] * OHM_CM2)
            panel.fill_between(x, *band, color=_FIT, alpha=0.25, lw=0)
        if "fitted_median" in curve:
            inner = (curve["fitted_lower_68"] * OHM_CM2, curve["fitted_upper_68"] * OHM_CM2)
            panel.fill_between(x, *inner, color=_FIT, alpha=0.3, lw=0, label="68 % of the posterior")
            panel.plot(x, curve["fitted_median"] * OHM_CM2, ":", color=_FIT, label="its median")
    value, limit = table["measured_resistance"] * OHM_CM2, table["measured_resistance_limit"]
    error = table["measured_resistance_sigma"] * OHM_CM2
    at = _places(data)
    exact = limit == 0
    panel.errorbar(at[exact], value[exact], error[exact], fmt="o", ms=4, color=_MEASURED, label="measured", zorder=5)
    for i in np.flatnonzero(limit != 0):
        if np.isfinite(value[i]):
            panel.plot(at[i], value[i], "o", ms=4, color=_MEASURED, mfc="white", zorder=5)
            tip = value[i] * (6.0 if limit[i] > 0 else 1.0 / 6.0)
            panel.annotate("", (at[i], tip), (at[i], value[i]), arrowprops={"arrowstyle": "->", "color": _MEASURED})
    region = curve["default_interface_resistance"] * OHM_CM2
    least = np.nanmin(np.where(region > 1e-6, region, np.nan))
    most = max(np.nanmax(curve["default_total_resistance"]) * OHM_CM2, np.nanmax(value)) * _RANGE
    panel.set_ylim(max(0.3 * float(np.nanmin([least, most])), 1e-5), most)
    panel.set_xlabel(label)
    panel.set_ylabel(label_text("interface resistance", OHMS.math))
    panel.legend(loc="center left", fontsize=6.5)


def _energy(panel: Axes, data: dict[str, Any], has_fit: bool) -> None:
    """Draw the apparent activation energy along the axis and the measured ones."""
    curve, table = data["curve"], data["table"]
    x, label = _axis(data)
    panel.plot(x, curve["default_apparent_activation_energy"], color=_MODEL, label="with charge transfer")
    if has_fit:
        panel.plot(x, curve["fitted_apparent_activation_energy"], color=_FIT, label="fit")
    value, error = table["measured_activation_energy"], table["measured_activation_energy_sigma"]
    panel.errorbar(_places(data), value, error, fmt="o", ms=4, color=_MEASURED, label="measured", zorder=5)
    panel.set_xlabel(label)
    panel.set_ylabel(label_text("apparent activation energy", "eV"))
    panel.legend(loc="upper center")


def _profiles(panel: Axes, summary: dict[str, Any], data: dict[str, Any]) -> None:
    """Draw the rise of chi-square along every profiled parameter, over its distance from the best value in sigmas."""
    from scipy.special import ndtri

    goal = float(ndtri(0.5 + 0.5 * data["level"])) ** 2
    for colour, (name, unit, value, chi2) in zip(PALETTE, data["profiles"], strict=False):
        best = int(np.argmin(chi2))
        sigma = summary["parameters"][name]["sigma"]
        rise, near = chi2 - chi2[best], chi2 - chi2[best] <= 3.0 * goal
        unit_text = "" if unit == "1" else f" {display_of(unit).math}"
        words = f"{_words(name)}: {value[best]:.3g} ± {sigma:.2g}{unit_text}"
        panel.plot((value[near] - value[best]) / sigma, rise[near], "o-", ms=2.5, color=colour, label=words)
    reach = np.linspace(-np.sqrt(2.5 * goal), np.sqrt(2.5 * goal), 101)
    panel.plot(reach, reach**2, ":", color="0.5", label="parabola")
    panel.axhline(goal, color="0.75", linewidth=0.6, zorder=0)
    panel.set_ylim(0.0, 3.4 * goal)
    panel.set_xlabel("Distance from the best value (sigma)")
    panel.set_ylabel("Rise of chi-square")
    panel.legend(loc="upper center", fontsize=6.2)


def _words(name: str) -> str:
    return stem(name.rsplit(".", 1)[-1]).replace("_", " ")


__all__ = ["draw_bars", "interface_figure"]
