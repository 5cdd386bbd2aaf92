"""What the group ``fits/NAME`` of a result file holds, as tables and figures take it.

A fit of parameters has a summary (values, errors, notes) and its data; beside them any kind may keep tables of its
own, which are written and read without knowing what they mean.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .fit_reader import GROUP, fit_arrays, fit_summary
from .hdf5 import scale_name
from .opening import open_hdf5
from .posterior import StoredPosterior, read_posterior

if TYPE_CHECKING:
    import h5py

_OWN_GROUPS = {"parameters", "derived", "data", "each_temperature", "profile", "posterior"}
_OWN_DATASETS = {"parameter", "other_parameter", "covariance", "sample", "bootstrap"}
"""What every fit of parameters writes; anything else belongs to a table of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitColumn:
    """One column of a table.

    Parameters
    ----------
    values : ndarray or sequence of str, shape (n_rows,) or (n_rows, n)
        In SI (energies in eV), or names.
    unit, long_name : str
        SI unit; in words.
    """

    values: Any
    unit: str
    long_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FitTable:
    """Columns of one length.

    Parameters
    ----------
    columns : dict of str to FitColumn
        By name.
    attributes : dict
        Texts, numbers, lists of texts that belong to the table.
    axis : str
        The column that the others stand against; empty for none.
    """

    columns: Mapping[str, FitColumn]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    axis: str = ""

    def __getitem__(self, name: str) -> Any:
        """Return the values of a column."""
        return self.columns[name].values

    def __contains__(self, name: object) -> bool:
        return name in self.columns


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFit:
    """The content of one group ``fits/NAME``.

    Parameters
    ----------
    name, kind, title : str
        Name, kind of fit, title.
    summary : dict
        As ``FitResult.to_json`` gives it; empty where no parameters were fitted.
    arrays : dict
        Data, model and residuals as :func:`spacecharge.store.fit_reader.fit_arrays` gives them; empty likewise.
    tables : dict of str to FitTable
        Tables of the kind; the one of the group itself has the empty name.
    attributes : dict
        Texts of the kind.
    profiles : tuple of (str, str, ndarray, ndarray)
        Name and unit of a parameter, values at which it was held, chi-square.
    level : float
        Confidence of the intervals.
    parts : tuple of StoredFit
        Of a chain: its steps, as far as the file still has them.
    posterior : StoredPosterior, optional
        The chain of a posterior.
    """

    name: str
    kind: str
    title: str
    summary: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, FitTable] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    profiles: tuple[tuple[str, str, Any, Any], ...] = ()
    level: float = 0.9545
    parts: tuple[StoredFit, ...] = ()
    posterior: StoredPosterior | None = None


def read_fits(path: str | os.PathLike[str], name: str | None = None) -> list[StoredFit]:
    """Read the fits of a file.

    Parameters
    ----------
    path : str or path
        HDF5 file.
    name : str, optional
        Only this one.

    Returns
    -------
    list of StoredFit
        In the order of the file.

    Raises
    ------
    StoreError
        The file cannot be read.
    """
    with open_hdf5(path) as file:
        groups = file.get(GROUP, {})
        return [_stored(key, groups[key]) for key in groups if name is None or key == name]


def _stored(name: str, group: h5py.Group) -> StoredFit:
    import h5py

    fitted = "parameters" in group
    tables = {
        key: _table(part) for key, part in group.items() if isinstance(part, h5py.Group) and key not in _OWN_GROUPS
    }
    root = _table(group, skip=_OWN_DATASETS)
    if root.columns:
        tables[""] = root
    return StoredFit(
        name=name,
        kind=str(group.attrs["kind"]),
        title=str(group.attrs["title"]),
        summary=fit_summary(name, group) if fitted else {},
        arrays=fit_arrays(group) if fitted else {},
        tables=tables,
        attributes={key: _plain(value) for key, value in group.attrs.items()},
        profiles=tuple(
            (key, str(part["value"].attrs["units"]), part["value"][()], part["chi2"][()])
            for key, part in group.get("profile", {}).items()
        ),
        level=float(group.attrs.get("level", 0.9545)),
        parts=_parts(group),
        posterior=read_posterior(group),
    )


def _parts(group: h5py.Group) -> tuple[StoredFit, ...]:
    """Return the steps of a chain that the file still has; a chain is no step."""
    kind = str(group.attrs["kind"])
    named = {str(n): group.parent.get(str(n)) for n in group.attrs.get("parts", ())}
    return tuple(
        _stored(name, part) for name, part in named.items() if part is not None and part.attrs.get("kind", kind) != kind
    )


def _table(group: h5py.Group, skip: set[str] | frozenset[str] = frozenset()) -> FitTable:
    import h5py

    columns, axis = {}, ""
    for name, dataset in group.items():
        if not isinstance(dataset, h5py.Dataset) or name in skip:
            continue
        values = dataset[()]
        if np.asarray(values).dtype.kind in "OS":
            values = [v.decode() if isinstance(v, bytes) else str(v) for v in values]
        columns[name] = FitColumn(
            values=values,
            unit=str(dataset.attrs.get("units", "1")),
            long_name=str(dataset.attrs.get("long_name", name)),
        )
        if scale_name(dataset) is not None:
            axis = name
    hidden = ("CLASS", "NAME")
    attributes = {key: _plain(value) for key, value in group.attrs.items() if key not in hidden}
    return FitTable(columns=columns, attributes=attributes, axis=axis)


def _plain(value: Any) -> Any:
    """Return an attribute as Python has it: texts, numbers, tuples of them."""
    if isinstance(value, np.ndarray):
        return tuple(_plain(v) for v in value.tolist())
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


__all__ = ["FitColumn", "FitTable", "StoredFit", "read_fits"]
