"""Fits as text: the table that ``spacecharge fit`` and ``spacecharge show`` print."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from ..codes import status_words
from ..units import display_of
from .tables import table

_SHOWN = {si: (display_of(si).text, display_of(si).factor) for si in ("ohm m2", "A m-2", "1", "m")}
"""SI unit to the unit of a table; others are shown as they are: fits state them in the unit of their key."""

_OHMS, _AMPERES = display_of("ohm m2"), display_of("A m-2")

MAX_TEMPERATURES = 12


def comparison_text(comparison: Mapping[str, Any]) -> str:
    """Return a comparison of model and NMR as a table.

    Parameters
    ----------
    comparison : mapping
        Name, title, interfaces and columns, as :mod:`spacecharge.fitting.kinds.comparison` has them.

    Returns
    -------
    str
        Lines.
    """
    header = ["interface", "model resistance", "i0", "NMR resistance", "NMR / model"]
    lines = [header, ["", _OHMS.text, _AMPERES.text, _OHMS.text, ""]]
    for k, name in enumerate(comparison["interfaces"]):
        bound = bool(comparison["is_bound"][k])
        model = float(comparison["model_resistance"][k])
        factor = float(comparison["factor"][k])
        sigma = float(comparison["sigma"][k])
        current = f"{_AMPERES.factor * comparison['exchange_current_density'][k]:.3g}"
        spread = "" if math.isnan(sigma) else f" +- {_AMPERES.factor * sigma:.2g}"
        lines.append(
            [
                name,
                "not solved" if math.isnan(model) else f"{_OHMS.factor * model:.3g}",
                ("<= " if bound else "") + current + spread,
                (">= " if bound else "") + f"{_OHMS.factor * comparison['nmr_resistance'][k]:.4g}",
                "-" if math.isnan(factor) else (">= " if bound else "") + f"{factor:.2g}",
            ]
        )
    out = [f"comparison {comparison['name']}" + (f": {comparison['title']}" if comparison["title"] else "")]
    out += table((), lines)
    if any(math.isnan(f) for f in comparison["factor"]):
        out.append("- : the model has no space-charge layer there, its resistance is rounding")
    return "\n".join(out)


def fit_text(summary: Mapping[str, Any]) -> str:
    """Return one fit as a table.

    Parameters
    ----------
    summary : mapping
        As ``FitResult.to_json`` gives it.

    Returns
    -------
    str
        Lines.
    """
    lines = [f"fit {summary['name']} ({summary['kind']})" + (f": {summary['title']}" if summary["title"] else "")]
    for section in ("parameters", "derived"):
        entries = summary[section]
        if not entries:
            continue
        lines.append(f"{section} (posterior)" if "posterior" in summary else section)
        lines += table((), [_row(name, entry) for name, entry in entries.items()], left=(0, 2, 3), indent="  ")
    for series in summary["each_temperature"]:
        lines += _series(series)
    lines.append(f"{summary['n_data']} data, {quality(summary)}")
    if summary["errors"]:
        lines.append(summary["errors"])
    lines += _posterior(summary.get("posterior"))
    lines += [f"note: {text}" for text in summary["notes"]]
    lines += [f"warning: {text}" for text in summary["warnings"]]
    return "\n".join(lines)


def _posterior(said: Mapping[str, Any] | None) -> list[str]:
    """Return how a posterior was drawn: its priors, and whether it has converged."""
    if said is None:
        return []
    of = said["parameters"]
    lines = [
        f"posterior {said['status']}: {said['steps']} steps of {said['walkers']} walkers after {said['warm_up']}, "
        f"{100 * said['acceptance']:.0f} % accepted; priors:"
    ]
    rows = []
    for name, p in of.items():
        shown = ("?" if p[key] is None else f"{p[key]:{form}}" for key, form in _DIAGNOSTICS)
        rows.append((name, p["prior"], "autocorrelation {} steps, R-hat {}".format(*shown)))
    return lines + table((), rows, left=(0, 1, 2), indent="  ")


_DIAGNOSTICS = (("autocorrelation_steps", ".3g"), ("rhat", ".3f"))


def quality(summary: Mapping[str, Any]) -> str:
    """Return how well a fit meets its data: chi-square where they have errors, else their scatter."""
    chi2 = summary["chi2_reduced"]
    if chi2 is None:
        return "no degree of freedom left"
    if summary["data_have_errors"]:
        return f"reduced chi-square {chi2:.4g}"
    return f"scatter {math.sqrt(chi2):.4g} about the fit (they carry no errors)"


def _row(name: str, entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    unit, factor = _SHOWN.get(entry["unit"], (entry["unit"], 1.0))
    value, sigma = entry["value"], entry["sigma"]
    if value is None:
        return name, "not known", "", unit
    whose = "" if entry.get("of_model", True) else "(not of the model)"
    if entry.get("fixed"):
        return name, f"{factor * value:.6g}", "fixed", f"{unit} {whose}".strip()
    lower, upper = entry.get("lower"), entry.get("upper")
    between = ""
    if lower is not None and upper is not None:
        between = f"[{factor * lower:.4g}, {factor * upper:.4g}]"
    error = "+- ?" if sigma is None else f"+- {factor * sigma:.2g}"
    return (
        name,
        with_digits(factor * value, None if sigma is None else factor * sigma),
        error,
        " ".join(part for part in (unit, between, whose) if part),
    )


def with_digits(value: float, sigma: float | None) -> str:
    """Return a value with the digits that its sigma leaves it (two of the error)."""
    if sigma is None or not sigma > 0.0 or not math.isfinite(sigma) or value == 0.0:
        return f"{value:.6g}"
    digits = math.floor(math.log10(abs(value))) - math.floor(math.log10(sigma)) + 2
    return f"{value:#.{min(max(digits, 2), 10)}g}"


def _series(series: Mapping[str, Any]) -> list[str]:
    unit = series["unit"]
    lines = [f"{series['parameter']} of each temperature alone [{unit}]"]
    points = list(zip(series["temperature_K"], series["value"], series["sigma"], strict=True))
    for temperature, value, sigma in points[:MAX_TEMPERATURES]:
        shown = (
            "failed" if value is None else f"{with_digits(value, sigma)} +- {'?' if sigma is None else f'{sigma:.2g}'}"
        )
        lines.append(f"  {temperature:8.2f} K  {shown}")
    if len(points) > MAX_TEMPERATURES:
        lines.append(f"  ... and {len(points) - MAX_TEMPERATURES} more")
    if "regression" in series:
        r = series["regression"]
        value, energy = r["value"], r["activation_energy_eV"]
        shown = with_digits(value["value"], value["sigma"])
        lines.append(
            f"  Arrhenius regression: {shown} +- {value['sigma'] or math.nan:.2g} {unit}"
            f" at {r['reference_temperature_K']:g} K, {with_digits(energy['value'], energy['sigma'])}"
            f" +- {energy['sigma'] or math.nan:.2g} eV"
        )
    return lines


MAX_QUANTITIES = 5
"""Columns of a swept fit that fit a terminal."""


def sweep_table(path: str | os.PathLike[str], rows: int = 40) -> str:
    """Return a sweep over fits as a table, one row per fit.

    Parameters
    ----------
    path : str or path
        Result file of a swept fit.
    rows : int
        Rows at most.

    Returns
    -------
    str
        Lines.

    Raises
    ------
    StoreError
        The file cannot be read.
    """
    from ..store.fit_reader import read_sweep

    sweep = read_sweep(path)
    fitted = [name for name in sweep.quantities if name not in sweep.fixed][:MAX_QUANTITIES]
    header = [*sweep.axes, "status", "chi2_red", *fitted]
    units = [*(_unit(sweep.units[a]) for a in sweep.axes), "", "", *(_unit(sweep.units[name]) for name in fitted)]
    factors = [_SHOWN.get(sweep.units[a], ("", 1.0))[1] for a in sweep.axes]
    lines = [header, units]
    total = len(sweep.points)
    step = max(1, -(-total // max(1, rows)))
    for k in range(0, total, step):
        point = zip(sweep.points[k], factors, strict=True)
        cells = [f"{factor * v:.6g}" if isinstance(v, float) else str(v) for v, factor in point]
        cells += [status_words(int(sweep.status[k]), fit=True), f"{sweep.chi2[k]:.4g}"]
        for name in fitted:
            factor = _SHOWN.get(sweep.units[name], ("", 1.0))[1]
            value, sigma = factor * sweep.values[name][k], factor * sweep.sigmas[name][k]
            cells.append("-" if math.isnan(value) else f"{with_digits(value, sigma)} +- {sigma:.2g}")
        lines.append(cells)
    out = [sweep.title, f"{total} fits, {int((sweep.status > 0).sum())} failed", *table((), lines, left=0)]
    if step > 1:
        out.append(f"(one of {step} fits; --rows N shows more)")
    return "\n".join(out)


def _unit(unit: str) -> str:
    return _SHOWN.get(unit, (unit, 1.0))[0]
