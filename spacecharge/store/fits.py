"""Results of fits in HDF5: one group ``fits/NAME`` per fit, in a file of their own or beside a sweep.

Everything carries its unit and says in words what it is. Values are in SI (energies in eV, as the names
of the parameters say).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import StoreError
from .fit_reader import GROUP, fit_names
from .opening import open_hdf5
from .posterior import write_posterior
from .provenance import provenance

if TYPE_CHECKING:
    import h5py

    from ..fitting.result import FitResult, Value
    from .stored_fit import FitTable

CONVENTIONS = "CF-1.10"


WAIT_SECONDS = 20.0
"""A fit waits so long for another fit that is being stored in the same file, or for the end of a run that writes it."""

Say = Callable[[str], None]


def write_fit(path: str | os.PathLike[str], result: Any, *, overwrite: bool = False, say: Say | None = None) -> None:
    """Write a fit of any kind into a file; other fits and whatever else the file holds stay.

    The file is locked as by a run, and replaced as a whole: a fit is in it completely or not at all, and so is
    what was there before.

    Parameters
    ----------
    path : str or path
        HDF5 file; missing folders are created.
    result : FitResult or another result
        What to write, as ``fits/NAME``: its parameters and data where it fitted some, its tables and texts. The
        results of the steps of a chain (``parts``) become groups of their own, all of them or none.
    overwrite : bool
        Replace a fit of the same name.
    say : callable, optional
        Takes one line when the file is in use and the wait becomes noticeable.

    Raises
    ------
    StoreError
        The name is taken, the file is in use, or it cannot be written.
    SystemStop
        The disk is full; what was there is untouched.
    """
    from .files import edited_hdf5, guarded_hdf5, remove_leftovers, replacing, system_errors
    from .lock import RunLock
    from .target import prepared_file

    target = prepared_file(path)
    results = (*getattr(result, "parts", ()), result)

    def make(file: h5py.File) -> None:
        for one in results:
            _write_group(file, one)

    with (
        system_errors(target, lambda: "nothing was written"),
        RunLock(target, wait_seconds=WAIT_SECONDS, say=say) as lock,
    ):
        remove_leftovers(target)
        if target.exists():
            _refuse_taken(target, [one.name for one in results], overwrite)
            with edited_hdf5(target, lock) as file:
                make(file)
            return
        with replacing(target, lock) as temporary, guarded_hdf5(temporary, "w") as file:
            _root(file, result.title or f"fit {result.name}")
            make(file)


def _write_group(file: h5py.File, result: Any) -> None:
    """Write the group ``fits/NAME`` of one result, in the place of what has its name."""
    where = f"{GROUP}/{result.name}"
    if where in file:
        del file[where]
    group = file.create_group(where, track_order=True)
    group.attrs.update({"title": result.title, "config_yaml": result.text, **provenance(), "kind": result.kind})
    if result.estimate is not None:
        _write(group, result)
    for key, value in result.texts.items():
        _texts(group, key, value)
    for key, table in result.tables.items():
        _write_table(group.create_group(key, track_order=True) if key else group, table)


def refuse_existing(
    path: str | os.PathLike[str], name: str | Sequence[str], overwrite: bool = False, *, say: Say | None = None
) -> None:
    """Say that fits cannot be stored, before any work is done: a name is taken, or the file is in use.

    Parameters
    ----------
    path : str or path
        Where it is to go.
    name : str or sequence of str
        Of the fit, or of several.
    overwrite : bool
        Fits of the same names may be replaced.
    say : callable, optional
        Takes one line when the file is in use and the wait becomes noticeable.

    Raises
    ------
    StoreError
        No fit of this name can be stored there.
    """
    from .files import system_errors
    from .lock import RunLock
    from .target import output_file

    target = output_file(path)
    if not target.exists():
        return
    with (
        system_errors(target, lambda: "nothing was written"),
        RunLock(target, wait_seconds=WAIT_SECONDS, say=say),
    ):
        _refuse_taken(target, [name] if isinstance(name, str) else name, overwrite)


def _refuse_taken(target: Path, names: Sequence[str], overwrite: bool) -> None:
    if overwrite:
        return
    with open_hdf5(target) as file:
        taken = [name for name in names if f"{GROUP}/{name}" in file]
    if taken:
        what = f"a fit {taken[0]}" if len(taken) == 1 else f"fits {', '.join(taken)}"
        raise StoreError(f"{target}: has {what} already; --overwrite replaces {'it' if len(taken) == 1 else 'them'}")


def _root(file: h5py.File, title: str) -> None:
    from .layout import FORMAT_VERSION

    file.attrs["Conventions"] = CONVENTIONS
    file.attrs["title"] = title
    file.attrs["format_version"] = FORMAT_VERSION
    file.attrs.update(provenance())


def _write(group: h5py.Group, result: FitResult) -> None:
    estimate = result.estimate
    group.attrs.update(
        {
            "chi2_reduced": result.chi2_reduced,
            "n_data": result.n_data,
            "data_have_errors": estimate.problem.sigma is not None,
            "degrees_of_freedom": estimate.freedom,
            "reference_temperature_K": result.config.reference_temperature_K,
            "uncertainty": result.config.uncertainty,
            "level": result.config.level,
            "errors": result.error_statement,
            "message": estimate.message,
            "seconds": result.seconds,
        }
    )
    _texts(group, "warnings", result.warnings)
    _texts(group, "notes", result.notes)
    _texts(group, "series_names", result.series_names)
    for title, values in (("parameters", result.parameters), ("derived", result.derived)):
        section = group.create_group(title, track_order=True)
        for value in values.values():
            _scalar(section, value)
    names = list(estimate.problem.names)
    _texts(group, "parameter_names", names)
    axis = _scale(group, "parameter", names, "1", "parameter")
    # Two scales of one content: readers of NetCDF refuse a variable with the same dimension twice.
    other = _scale(group, "other_parameter", names, "1", "parameter")
    words = "covariance of the parameters, in their units"
    _dataset(group, "covariance", estimate.covariance, "1", words, axis, other)
    _write_data(group.create_group("data", track_order=True), result)
    for series in result.each_temperature:
        _write_series(group.require_group("each_temperature").create_group(series.name, track_order=True), series)
    for name, curve in result.profiles.items():
        section = group.require_group("profile").create_group(name, track_order=True)
        held = _scale(section, "value", curve.value, result.parameters[name].unit, f"{name}, held")
        _dataset(section, "chi2", curve.chi2, "1", "chi-square with all other parameters refitted", held)
    if result.bootstrap is not None:
        samples = result.bootstrap.samples
        sample = _scale(group, "sample", np.arange(samples.shape[0]), "1", "number of the resampling")
        _dataset(group, "bootstrap", samples, "1", "refitted parameters, in their units", sample, axis)
        group["bootstrap"].attrs["seed"] = result.bootstrap.seed
    if result.posterior is not None:
        write_posterior(group, result.posterior.stored())


def _write_table(group: h5py.Group, table: FitTable) -> None:
    """Write a table of a kind: its axis as a scale, the columns against it."""
    for key, value in table.attributes.items():
        if isinstance(value, (list, tuple)):
            _texts(group, key, value)
        else:
            group.attrs[key] = value
    axes = []
    if table.axis:
        column = table.columns[table.axis]
        axes = [_scale(group, table.axis, column.values, column.unit, column.long_name)]
    for name, column in table.columns.items():
        if name != table.axis:
            _dataset(group, name, column.values, column.unit, column.long_name, *axes)


def _write_data(group: h5py.Group, result: FitResult) -> None:
    datum = _scale(group, "datum", np.arange(result.n_data), "1", "number of the datum")
    for name, column in result.columns.items():
        _dataset(group, name, column.values, column.unit, column.long_name, datum)
    unit, words = result.data.unit, result.data.long_name
    _dataset(group, "value", result.measured, unit, words, datum)
    _dataset(group, "sigma", result.sigma, unit, f"one sigma of the {words} as given (NaN: none)", datum)
    _dataset(group, "model", result.model, unit, f"{words} of the fit", datum)
    residual = "ln(data) - ln(fit)" if result.is_log else "data minus fit"
    _dataset(group, "residual", result.estimate.residuals, "1" if result.is_log else unit, residual, datum)
    _dataset(group, "series", result.series, "1", "curve, as position in series_names", datum)
    for name, band in result.bands.items():
        _dataset(
            group, name, band, unit, f"{words}, {name.removeprefix('model_').replace('_', ' ')} of the posterior", datum
        )
    limit = result.estimate.problem.limit
    if limit is not None:
        _dataset(group, "limit", limit, "1", "0 measured, -1 at most, 1 at least", datum)


def _write_series(group: h5py.Group, series: Any) -> None:
    axis = _scale(group, "temperature", series.temperature, "K", "temperature")
    _dataset(group, "value", series.value, series.unit, f"{series.long_name}, temperature by temperature", axis)
    _dataset(group, "sigma", series.sigma, series.unit, "one sigma", axis)
    _dataset(group, "global_value", series.global_value, series.unit, f"{series.long_name} of the global fit", axis)
    if series.regression is not None:
        r = series.regression
        group.attrs.update(
            {
                "regression_value": r.value,
                "regression_sigma": r.value * r.sigma_ln_value,
                "regression_activation_energy_eV": r.activation_energy_eV,
                "regression_sigma_activation_energy_eV": r.sigma_activation_energy_eV,
                "regression_correlation": r.correlation,
                "regression_reference_temperature_K": r.reference_K,
            }
        )


def _scalar(group: h5py.Group, value: Value) -> None:
    _dataset(group, value.name, np.float64(value.value), value.unit, value.long_name or value.name)
    group[value.name].attrs.update(
        {"sigma": value.sigma, "lower": value.lower, "upper": value.upper, "fixed": bool(value.fixed)}
    )
    if value.best is not None:
        attributes = group[value.name].attrs
        attributes["best"] = value.best
        attributes.update({f"interval_{name}": np.array(ends) for name, ends in value.intervals.items()})


def _dataset(group: h5py.Group, name: str, values: Any, unit: str, words: str, *axes: h5py.Dataset) -> h5py.Dataset:
    """Write an array with its unit and name, its axes joined to their scales."""
    from .hdf5 import create_checked

    dataset = create_checked(group, name, values)
    dataset.attrs["units"] = unit
    dataset.attrs["long_name"] = words
    for number, axis in enumerate(axes):
        dataset.dims[number].attach_scale(axis)
    return dataset


def _scale(group: h5py.Group, name: str, values: Any, unit: str, words: str) -> h5py.Dataset:
    """Write the values along an axis: numbers, or names."""
    import h5py

    array = np.asarray(values)
    if array.dtype.kind in "OU":
        array = np.array([str(v) for v in values], dtype=h5py.string_dtype("utf-8"))
    dataset = _dataset(group, name, array, unit, words)
    dataset.make_scale(name)
    return dataset


def _texts(group: h5py.Group, name: str, texts: Any) -> None:
    import h5py

    group.attrs.create(name, list(texts), shape=(len(texts),), dtype=h5py.string_dtype("utf-8"))


__all__ = ["fit_names", "refuse_existing", "write_fit"]
