"""A fit of the interface model with what it says of every interface: table, curve with its band, verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ...config.axes import Grid
from ...config.cell_parameters import CELL, NOT_OF_THE_MODEL
from ...config.interface_fit import KIND as NAME
from ...config.interface_fit import InterfaceFitConfig, InterfaceFitKeys, check_interface_fit
from ...constants import BOLTZMANN, ELEMENTARY_CHARGE
from ...errors import FitError
from ...model.charge_transfer import apparent_activation_energy
from ...report.fits import fit_text
from ...report.interface_fits import interface_text
from ...store.stored_fit import FitColumn, FitTable, StoredFit
from ...units import stem, unit_of
from ..interface_model import InterfaceModel
from ..interface_setup import interface_setup
from ..kind import Kind
from ..problem import Array, Estimate
from ..result import FitResult
from ..run import bands_of, run_setup
from ..spectra_table import spectra_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..posterior import Posterior
    from ..setup import Setup


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class InterfaceResult(FitResult):
    """A fit of the interface model with what it says of every interface.

    Parameters
    ----------
    table : dict of str to ndarray, shape (n_interfaces,)
        ``measured_*``, ``default_*`` (the configuration before the fit) and ``fitted_*`` of every interface.
    interfaces : tuple of str
        Their names.
    curve : dict of str to ndarray, shape (n_curve,)
        Axis, default and fitted resistance and activation energy, ends of the band; empty without a curve.
    axis : str
        Path of the axis of the curve; empty without one.
    verdict : tuple of str
        Which data the fit meets and which it does not, datum by datum.
    """

    table: dict[str, Array]
    interfaces: tuple[str, ...]
    curve: dict[str, Array]
    axis: str
    verdict: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the object of every fit, with the table by interface and the verdict."""
        rows = {
            name: {key: float(v[i]) if math.isfinite(v[i]) else None for key, v in self.table.items()}
            for i, name in enumerate(self.interfaces)
        }
        found = FitResult.to_json(self)
        for name, entry in found["parameters"].items():
            if name in CELL:
                entry["of_model"] = False
        return {**found, "interfaces": rows, "verdict": list(self.verdict)}


def fit_interface(config: InterfaceFitConfig) -> InterfaceResult:
    """Fit the interface model and set it beside the data.

    Parameters
    ----------
    config : InterfaceFitConfig
        Checked; without parameters the model is only compared.

    Returns
    -------
    InterfaceResult
        Fit, table, curve with its band, verdict.

    Raises
    ------
    FitError
        The data cannot tell the parameters apart, or the model has no solution where the fit begins.
    """
    started = time.perf_counter()
    setup, measured = interface_setup(config)
    model = measured.model
    if not np.all(np.isfinite(setup.problem.predict(setup.problem.initial))):
        raise FitError(f"{config.path}: the model has no solution at the initial values of the parameters")
    fit = run_setup(config, setup, started)
    table = _table(config, model, fit.estimate)
    curve, axis = _curve(config, model, fit.estimate)
    drawn = fit.posterior if fit.posterior is not None and fit.posterior.converged else None
    if axis and drawn is not None:
        curve |= _drawn_band(config, model, drawn)
    verdict = _verdict(config, fit.estimate)
    given = {f.name: getattr(fit, f.name) for f in fields(fit)}
    given["tables"] = _stored_tables(tuple(config.interfaces), table, curve, axis or _axis_of(config))
    given["tables"] |= spectra_tables(measured, fit.estimate, drawn)
    given["texts"] = {"verdict": verdict}
    return InterfaceResult(
        **given, table=table, interfaces=tuple(config.interfaces), curve=curve, axis=axis, verdict=verdict
    )


_UNITS = {
    "exchange_current_density": "A m-2",
    "charge_transfer_resistance": "ohm m2",
    "interface_resistance": "ohm m2",
    "total_resistance": "ohm m2",
    "resistance": "ohm m2",
    "activation_energy": "eV",
    "apparent_activation_energy": "eV",
    "capacitance": "F m-2",
    **dict.fromkeys(("lower", "upper", "lower_68", "upper_68", "lower_95", "upper_95", "median"), "ohm m2"),
}
_WHOSE = {
    "measured": "measured",
    "default": "of the model before the fit",
    "fitted": "of the fit",
}


_NOT_OF_AN_AREA = ("resistance_ohm", "capacitance_uF", "resistance_ratio", "capacitance_ratio")
"""Data that stand in the verdict only: the tables are of one area."""


def _stored_tables(
    names: tuple[str, ...], table: Mapping[str, Array], curve: Mapping[str, Array], axis: str
) -> dict[str, FitTable]:
    """Return the groups ``interfaces`` and ``curve`` of the result file."""
    on_axis = {"path": axis} if "axis" in table else {}
    tables = {
        "interfaces": FitTable(
            columns={key: _column(key, values, axis) for key, values in table.items()},
            attributes={"names": names, **on_axis},
        )
    }
    if curve:
        columns = {key: _column(key, values, axis) for key, values in curve.items()}
        tables["curve"] = FitTable(columns=columns, attributes={"path": axis}, axis="axis")
    return tables


_BAND = {
    "lower": "lower end of the band",
    "upper": "upper end of the band",
    **{f"{end}_{share}": f"{end} end of the band of {share} %" for end in ("lower", "upper") for share in ("68", "95")},
    "median": "total resistance, median of the posterior",
}


def _column(name: str, values: Array, axis: str) -> FitColumn:
    whose, _, what = name.partition("_")
    limit, sigma = what.endswith("_limit"), what.endswith("_sigma")
    bare = what.removesuffix("_limit").removesuffix("_sigma")
    words = _BAND.get(bare, bare.replace("_", " "))
    if limit:
        words = f"kind of the {words}: 0 measured, -1 at most, 1 at least"
    elif sigma:
        words = f"one sigma of the {words}"
    unit = "1" if limit else _UNITS.get(bare) or (unit_of(axis).si if axis else "1")
    return FitColumn(values=values, unit=unit, long_name=f"{words}, {_WHOSE[whose]}" if whose in _WHOSE else axis)


def as_data(stored: StoredFit) -> dict[str, Any]:
    """Return names, table, curve, its path, verdict, level and profiles, as tables and figures take them."""
    table, curve = stored.tables["interfaces"], stored.tables.get("curve")
    return {
        "names": [str(n) for n in table.attributes["names"]],
        "table": {key: column.values for key, column in table.columns.items()},
        "curve": {} if curve is None else {key: column.values for key, column in curve.columns.items()},
        "path": str(table.attributes.get("path", "")) if curve is None else str(curve.attributes["path"]),
        "verdict": [str(t) for t in stored.attributes["verdict"]],
        "level": stored.level,
        "profiles": list(stored.profiles),
    }


def _axis_of(config: InterfaceFitConfig) -> str:
    """Return the path of the one number that interfaces differ by, that of the curve if there is one; or nothing."""
    entries = list(config.interfaces.values())
    different = [path for path in entries[0] if len({entry[path] for entry in entries}) > 1]
    if config.curve is not None:
        return config.curve[0] if set(entries[0]) == {config.curve[0]} else ""
    return different[0] if len(different) == 1 else ""


def _table(config: InterfaceFitConfig, model: InterfaceModel, estimate: Estimate) -> dict[str, Array]:
    """Return measured, default and fitted numbers of every interface at the temperature of the configuration."""
    names = list(config.interfaces)
    room = float(model.stack.temperature_K)
    at = {path: np.array([config.interfaces[n][path] for n in names]) for path in config.interfaces[names[0]]}
    at["temperature_K"] = np.full(len(names), room)
    table: dict[str, Array] = {}
    path = _axis_of(config)
    if path:
        table["axis"] = at[path] * unit_of(path).factor
    for key in ("exchange_current_density", "resistance", "capacitance", "activation_energy"):
        for part in ("", "_sigma", "_limit"):
            table[f"measured_{key}{part}"] = np.full(len(names), np.nan)
    slope = next((d.temperatures for d in config.data if d.quantity == "activation_energy_eV"), None)
    for d in config.data:
        if d.quantity != "activation_energy_eV" and d.temperatures[0] != room:
            continue
        if d.quantity in _NOT_OF_AN_AREA:
            continue
        i, key = names.index(d.interface), stem(d.quantity)
        factor = 1.0 if key == "activation_energy" else unit_of(d.quantity).factor
        table[f"measured_{key}"][i] = d.value * factor
        table[f"measured_{key}_sigma"][i] = d.sigma * factor
        table[f"measured_{key}_limit"][i] = d.limit
    _fill_resistance(table, room)
    for label, values in (("default", model.base), ("fitted", estimate.values)):
        state = model.solve(values, at, slopes=label == "fitted")
        table |= {f"{label}_{key}": array for key, array in state.scalars.items()}
        for key in ("total_resistance", "capacitance") if label == "fitted" else ():
            slope_ln = state.slopes[key]
            spread = np.sqrt(np.einsum("ij,jk,ik->i", slope_ln, estimate.covariance, slope_ln))
            table[f"fitted_{key}_sigma"] = spread * state.scalars[key]
        if slope is not None:
            table[f"{label}_apparent_activation_energy"] = _energies(model, values, at, slope)
    return table


def _fill_resistance(table: dict[str, Array], temperature: float) -> None:
    """Give a measured exchange current its resistance kT/(e i0); the bounds of the two are opposite."""
    current, resistance = table["measured_exchange_current_density"], table["measured_resistance"]
    volts = BOLTZMANN * temperature / ELEMENTARY_CHARGE
    only = np.isfinite(current) & ~np.isfinite(resistance)
    resistance[only] = volts / current[only]
    table["measured_resistance_sigma"][only] = (
        resistance * table["measured_exchange_current_density_sigma"] / current
    )[only]
    table["measured_resistance_limit"][only] = -table["measured_exchange_current_density_limit"][only]


def _energies(model: InterfaceModel, values: Array, at: Mapping[str, Array], temperatures: Sequence[float]) -> Array:
    """Return the slope of ln(T/R_total) against 1/T between temperatures, at each point [eV]."""
    n = at["temperature_K"].size
    wide = {path: np.tile(array, len(temperatures)) for path, array in at.items()}
    wide["temperature_K"] = np.repeat(np.asarray(temperatures, dtype=float), n)
    resistance = model.solve(values, wide).scalars["total_resistance"].reshape(len(temperatures), n)
    return apparent_activation_energy(temperatures, resistance)


def _along(curve: tuple[str, Grid], model: InterfaceModel) -> tuple[str, Array, dict[str, Array]]:
    """Return the path of a curve, its values there, and the points of the model along it."""
    path, grid = curve
    x = grid.at(np.arange(grid.n))
    return path, x, {path: x, "temperature_K": np.full(x.size, float(model.stack.temperature_K))}


def _curve(config: InterfaceFitConfig, model: InterfaceModel, estimate: Estimate) -> tuple[dict[str, Array], str]:
    """Return resistance and activation energy along the curve, with the band of the fit."""
    if config.curve is None:
        return {}, ""
    path, x, at = _along(config.curve, model)
    default = model.solve(model.base, at, energy=True)
    fitted = model.solve(estimate.values, at, slopes=True, energy=True)
    curve = {"axis": x * unit_of(path).factor}
    for label, state in (("default", default), ("fitted", fitted)):
        for key in ("interface_resistance", "charge_transfer_resistance", "total_resistance"):
            curve[f"{label}_{key}"] = state.scalars[key]
        curve[f"{label}_apparent_activation_energy"] = state.scalars["apparent_activation_energy"]
    slopes = fitted.slopes["total_resistance"]
    variance = np.einsum("ij,jk,ik->i", slopes, estimate.covariance, slopes)
    reach = estimate.quantile(config.level) * np.sqrt(variance)
    curve["fitted_lower"] = fitted.scalars["total_resistance"] * np.exp(-reach)
    curve["fitted_upper"] = fitted.scalars["total_resistance"] * np.exp(reach)
    return curve, path


_CURVES = 200
"""Draws of a posterior whose curves make the band."""


def _drawn_band(config: InterfaceFitConfig, model: InterfaceModel, posterior: Posterior) -> dict[str, Array]:
    """Return median and bands of the resistance along the curve, by the draws of a posterior."""
    assert config.curve is not None
    _, _, at = _along(config.curve, model)
    drawn = np.array([model.solve(values, at).scalars["total_resistance"] for values in posterior.some(_CURVES)])
    return {f"fitted_{name}": values for name, values in bands_of(drawn, config.level).items()}


def _verdict(config: InterfaceFitConfig, estimate: Estimate) -> tuple[str, ...]:
    """Say of every datum how far the fit is from it."""
    lines = []
    n = len(config.data)
    for d, model, value in zip(config.data, estimate.model[:n], estimate.problem.data[:n], strict=True):
        energy = d.quantity == "activation_energy_eV"
        fitted = float(model) if energy else float(np.exp(model)) / unit_of(d.quantity).factor
        off = float((model - value) / (d.sigma if energy else d.sigma / d.value))
        met = off * d.limit >= 0.0 if d.limit else abs(off) <= 2.0
        sign = {0: "", -1: "at most ", 1: "at least "}[d.limit]
        word = "met" if met else "NOT met"
        words = stem(d.quantity)
        unit = unit_of(d.quantity).text
        at = "" if energy else f" at {d.temperatures[0]:g} K"
        # Beyond a bound there is no distance to speak of: nothing was measured there.
        distance = "" if d.limit and met else f" ({off:+.1f} sigma)"
        lines.append(
            f"{d.interface}: {words.replace('_', ' ')}{at} {sign}{d.value:g} {unit}, fit {fitted:.4g} {unit}"
            f"{distance}: {word}"
        )
    return tuple(lines)


def _text(stored: StoredFit) -> str:
    return "\n\n".join([interface_text(as_data(stored)), fit_text(stored.summary)])


def _summary(config: InterfaceFitConfig) -> Iterator[tuple[str, str]]:
    """Yield the lines about the interfaces and the parameters."""
    for name, at in config.interfaces.items():
        n = sum(datum.interface == name for datum in config.data)
        spectra = [f"spectrum of {s.frequency.size} frequencies" for s in config.spectra if s.interface == name]
        where = ", ".join(f"{path} = {value:g}" for path, value in at.items())
        measured = [f"{n} measured"] if n or not spectra else []
        yield "interface", f"{name}: {where}; {', '.join([*measured, *spectra])}"
    for p in config.parameters:
        state = "fixed" if p.fixed is not None else f"{p.minimum:g} to {p.maximum:g}"
        whose = f"{CELL[p.name].words}, {NOT_OF_THE_MODEL}" if p.of_cell else " = ".join(p.paths)
        yield "parameter", f"{p.name}: {state}; {whose}"


def _build(config: InterfaceFitConfig) -> Setup:
    return interface_setup(config)[0]


KIND = Kind(
    name=NAME,
    words="the interface model against exchange currents, resistances and activation energies",
    keys=InterfaceFitKeys,
    check=check_interface_fit,
    run=fit_interface,
    build=_build,
    summary=_summary,
    runs=lambda config: config.model,
    text=_text,
    figure="interface_fits:interface_figure",
    sweeps=("parameters", "layers", "contacts", "interfaces"),
    draws=True,
    solves=True,
)

__all__ = ["KIND", "InterfaceResult", "as_data", "fit_interface"]
