"""Read fits from result files: single numbers for configurations, summaries and curves for tables and figures."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import StoreError
from .opening import open_hdf5
from .posterior import read_posterior

if TYPE_CHECKING:
    import h5py

GROUP = "fits"


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedNumber:
    """A number taken from a fit, with its Arrhenius law where it has one.

    Parameters
    ----------
    value, sigma : float
        At the reference temperature, one sigma.
    unit : str
        SI.
    activation_energy_eV, sigma_activation_energy_eV : float or None
        Of its law; None where it has none. Negative for what falls as it gets warmer.
    reference_temperature_K : float or None
        Where `value` holds.
    """

    value: float
    sigma: float
    unit: str
    activation_energy_eV: float | None = None
    sigma_activation_energy_eV: float | None = None
    reference_temperature_K: float | None = None


def fit_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the names of the fits in a file."""
    with open_hdf5(path) as file:
        return tuple(file[GROUP]) if GROUP in file else ()


def read_fit(path: str | os.PathLike[str], parameter: str, name: str | None = None) -> FittedNumber:
    """Read one number of a fit.

    Parameters
    ----------
    path : str or path
        HDF5 file with a group ``fits``.
    parameter : str
        Fitted parameter or derived quantity; ``NAME/PARAMETER`` where the file holds several fits.
    name : str, optional
        The fit; default: the only one.

    Returns
    -------
    FittedNumber
        Value, sigma, unit, Arrhenius law.

    Raises
    ------
    StoreError
        No such file, fit or parameter, or a value that is not finite.
    """
    where = os.fspath(path)
    if name is None and "/" in parameter:
        name, _, parameter = parameter.partition("/")
    with open_hdf5(path) as file:
        fits = file.get(GROUP)
        if fits is None:
            raise StoreError(f"{where}: holds no fits")
        if name is None:
            if len(fits) != 1:
                raise StoreError(f"{where}: holds several fits ({', '.join(fits)}): write NAME/{parameter}")
            name = next(iter(fits))
        if name not in fits:
            raise StoreError(f"{where}: no fit {name} (fits: {', '.join(fits)})")
        group = fits[name]
        section = next((s for s in ("parameters", "derived") if parameter in group.get(s, {})), None)
        if section is None:
            known = [*group.get("parameters", ()), *group.get("derived", ())]
            raise StoreError(f"{where}: fit {name} has no {parameter} (it has: {', '.join(known)})")
        dataset = group[section][parameter]
        if dataset.shape != ():
            raise StoreError(f"{where}: {parameter} of {name} is swept; name a fit of one point")
        value, sigma = float(dataset[()]), float(dataset.attrs["sigma"])
        if not math.isfinite(value):
            raise StoreError(f"{where}: {parameter} of {name} is not finite")
        law = _law(group, parameter) if section == "parameters" else {}
        return FittedNumber(value=value, sigma=sigma, unit=str(dataset.attrs["units"]), **law)


def _law(group: h5py.Group, parameter: str) -> Mapping[str, float]:
    from ..nmr.parameters import FALLING, energy_of

    energy = energy_of(parameter)
    if energy is None or energy not in group["parameters"]:
        return {}
    dataset = group["parameters"][energy]
    sign = -1.0 if parameter in FALLING else 1.0
    return {
        "activation_energy_eV": sign * float(dataset[()]),
        "sigma_activation_energy_eV": float(dataset.attrs["sigma"]),
        "reference_temperature_K": float(group.attrs["reference_temperature_K"]),
    }


def read_summaries(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read every fit of a file as the object that ``spacecharge fit --json`` prints.

    Parameters
    ----------
    path : str or path
        HDF5 file.

    Returns
    -------
    list of dict
        One per fit; see ``FitResult.to_json``.
    """
    with open_hdf5(path) as file:
        return [fit_summary(name, group) for name, group in file.get(GROUP, {}).items() if "parameters" in group]


def fit_summary(name: str, group: h5py.Group) -> dict[str, Any]:
    """Return the summary of a group; see :func:`read_summaries`."""
    posterior = read_posterior(group)
    return {
        "name": name,
        "kind": str(group.attrs["kind"]),
        "title": str(group.attrs["title"]),
        "parameters": {k: _read_value(d) for k, d in group["parameters"].items()},
        "derived": {k: _read_value(d) for k, d in group["derived"].items()},
        "each_temperature": [_read_series(k, g) for k, g in group.get("each_temperature", {}).items()],
        "chi2_reduced": _known(group.attrs["chi2_reduced"]),
        "n_data": int(group.attrs["n_data"]),
        "data_have_errors": bool(group.attrs["data_have_errors"]),
        "errors": str(group.attrs["errors"]),
        "notes": [str(t) for t in group.attrs["notes"]],
        "warnings": [str(t) for t in group.attrs["warnings"]],
        **({} if posterior is None else {"posterior": posterior.summary()}),
    }


def _known(number: Any) -> float | None:
    return float(number) if math.isfinite(number) else None


def _read_value(dataset: h5py.Dataset) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "value": _known(dataset[()]),
        "unit": str(dataset.attrs["units"]),
        "fixed": bool(dataset.attrs["fixed"]),
    }
    entry |= {key: _known(dataset.attrs[key]) for key in ("sigma", "lower", "upper")}
    if "best" in dataset.attrs:
        ends = {name: dataset.attrs.get(name) for name in ("interval_68", "interval_95")}
        entry |= {name: None if pair is None else [float(v) for v in pair] for name, pair in ends.items()}
        entry |= {"best": _known(dataset.attrs["best"]), "median": entry["value"] if entry["interval_68"] else None}
    return entry


def _read_series(name: str, group: h5py.Group) -> dict[str, Any]:
    out: dict[str, Any] = {
        "parameter": name,
        "unit": str(group["value"].attrs["units"]),
        "temperature_K": [float(t) for t in group["temperature"][()]],
        "value": [_known(v) for v in group["value"][()]],
        "sigma": [_known(v) for v in group["sigma"][()]],
    }
    if "regression_value" in group.attrs:
        a = group.attrs
        out["regression"] = {
            "value": {"value": float(a["regression_value"]), "sigma": _known(a["regression_sigma"])},
            "activation_energy_eV": {
                "value": float(a["regression_activation_energy_eV"]),
                "sigma": _known(a["regression_sigma_activation_energy_eV"]),
            },
            "reference_temperature_K": float(a["regression_reference_temperature_K"]),
        }
    return out


def fit_arrays(group: h5py.Group) -> dict[str, Any]:
    """Return what figures of a fit need.

    Parameters
    ----------
    group : h5py Group
        ``fits/NAME``.

    Returns
    -------
    dict
        ``temperature``, ``value``, ``sigma``, ``model``, ``residual``, ``series``, further columns, ``units`` and
        ``long_names`` by array, ``series_names``, and ``global_value`` by parameter.
    """
    data = group["data"]
    arrays: dict[str, Any] = {key: data[key][()] for key in data}
    arrays["units"] = {key: str(data[key].attrs["units"]) for key in data}
    arrays["long_names"] = {key: str(data[key].attrs["long_name"]) for key in data}
    arrays["series_names"] = [str(t) for t in group.attrs["series_names"]]
    series = group.get("each_temperature", {})
    arrays["global_value"] = {key: series[key]["global_value"][()] for key in series}
    return arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSweep:
    """A sweep over fits, flat.

    Parameters
    ----------
    title : str
        Of the file.
    axes : tuple of str
        Names of the sweep axes.
    points : list of tuple
        Values of the axes at every fit, numbers in SI or names.
    quantities : tuple of str
        Parameters and derived quantities.
    fixed : frozenset of str
        Those that were held at every point.
    units, long_names : dict of str to str
        Of axes and quantities.
    values, sigmas : dict of str to ndarray, shape (n_points,)
        Of the quantities.
    status, chi2 : ndarray, shape (n_points,)
        Status and reduced chi-square.
    """

    title: str
    axes: tuple[str, ...]
    points: list[tuple[Any, ...]]
    quantities: tuple[str, ...]
    fixed: frozenset[str]
    units: dict[str, str]
    long_names: dict[str, str]
    values: dict[str, Any]
    sigmas: dict[str, Any]
    status: Any
    chi2: Any


def read_sweep(path: str | os.PathLike[str]) -> FitSweep:
    """Read a sweep over fits.

    Parameters
    ----------
    path : str or path
        File that ``spacecharge fit`` wrote for a configuration with a sweep.

    Returns
    -------
    FitSweep
        Flat arrays in the order of the file.

    Raises
    ------
    StoreError
        The file cannot be read or is no sweep over fits.
    """
    from itertools import product

    with open_hdf5(path) as file:
        if not str(file.attrs.get("kind", "")).startswith("fit "):
            raise StoreError(f"{os.fspath(path)}: is no sweep over fits")
        axes = tuple(str(a) for a in file.attrs["sweep_axes"])
        ticks = [_axis_values(file[a]) for a in axes]
        names = [n for n in file if n.startswith("sigma_") and n.removeprefix("sigma_") in file]
        quantities = tuple(n.removeprefix("sigma_") for n in names)
        values = {q: file[q][()].ravel() for q in quantities}
        sigmas = {q: file[f"sigma_{q}"][()].ravel() for q in quantities}
        order = sorted(quantities, key=lambda q: ("_per_" not in q and "_eV" not in q, q))
        return FitSweep(
            title=str(file.attrs.get("title", "")),
            axes=axes,
            points=list(product(*ticks)),
            quantities=tuple(order),
            fixed=frozenset(q for q in quantities if np.all(np.nan_to_num(sigmas[q]) == 0.0)),
            units={n: str(file[n].attrs["units"]) for n in (*axes, *quantities)},
            long_names={n: str(file[n].attrs["long_name"]) for n in (*axes, *quantities)},
            values=values,
            sigmas=sigmas,
            status=file["status"][()].ravel(),
            chi2=file["chi2_reduced"][()].ravel(),
        )


def _axis_values(dataset: h5py.Dataset) -> list[Any]:
    values = dataset[()]
    if values.dtype.kind in "OS":
        return [v.decode() if isinstance(v, bytes) else str(v) for v in values]
    return [float(v) for v in values]
