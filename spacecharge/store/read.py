"""Reading a result file back with h5py alone, and as an xarray Dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..units import display_of
from .columns import Rows
from .hdf5 import scale_name, scales_of
from .layout import MARKER
from .opening import damaged, open_hdf5, refusing_damage
from .work import COMPLETE, FITS, STATE

if TYPE_CHECKING:
    import h5py
    import pandas
    import xarray


_SCALE_ATTRIBUTES = ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME")
"""How HDF5 itself keeps dimension scales."""

LOAD_BYTES = 1 << 25
"""Files of fewer values [bytes] are read at once by :func:`open_results`."""

_NAMES = ("layer", "contact", "side", "species")
"""Coordinates that hold names."""


@dataclass(frozen=True, slots=True)
class Field:
    """What the file says about one dataset.

    Attributes
    ----------
    path : str
        Path in the file, e.g. ``interface_resistance`` or ``profiles/electrode/potential``.
    dims : tuple of str
        Names of its dimensions, sweep axes first.
    shape : tuple of int
        Their sizes.
    units, long_name : str
        Its unit and its label.
    kind : str
        Kind of its values as NumPy calls it: ``f``, ``i``, ``u``, or ``O`` for texts.
    """

    path: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    units: str
    long_name: str
    kind: str = "f"


class Results:
    """A result file: its metadata in memory, its values read when asked for.

    The file is open only while values are read, so it can be replaced or removed at any time.

    Parameters
    ----------
    path : str or Path
        The file.

    Attributes
    ----------
    path : Path
        The file.
    attributes : mapping
        Root attributes (``title``, ``config_yaml``, ``format_version`` ...).
    sweep : tuple of str
        Dimensions of the sweep, slowest first; empty for a single solve.
    fields : mapping of str to Field
        Every dataset, coordinates included, by its path.

    Raises
    ------
    StoreError
        The file is missing, no result file, damaged, or of a newer format.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with open_hdf5(self.path) as file:
            self.attributes: Mapping[str, Any] = MappingProxyType(
                {k: _plain(v) for k, v in file.attrs.items() if not k.startswith("_")}
            )
            self.fields: Mapping[str, Field] = MappingProxyType(_fields(file))
            axes = self.attributes.get("sweep_axes", [])
            if not isinstance(axes, list) or not all(isinstance(a, str) and a in self.fields for a in axes):
                raise damaged(self.path, "its attribute sweep_axes names no axes")
            self.sweep: tuple[str, ...] = tuple(axes)
            self._check_fields()

    def _check_fields(self) -> None:
        """Refuse a file whose datasets do not fit each other: what reads on relies on that."""
        status = self.fields.get(MARKER)
        if status is not None and (status.kind not in "iu" or status.dims != self.sweep):
            raise damaged(self.path, f"{MARKER} does not run along the axes of the sweep")
        for path, field in self.fields.items():
            group, _, name = path.rpartition("/")
            is_names = name in _NAMES and not group
            if is_names and (field.kind != "O" or len(field.shape) != 1):
                raise damaged(self.path, f"{path} holds no names")
            if field.kind not in "fiuO" or (field.kind == "O" and len(field.shape) != 1 and not group):
                raise damaged(self.path, f"{path} holds neither numbers nor names")
            if group.split("/")[0] == FITS:
                continue
            for dimension, size in zip(field.dims, field.shape, strict=True):
                scale = self.fields.get(f"{group}/{dimension}" if group else dimension) or self.fields.get(dimension)
                if scale is None or scale.shape != (size,):
                    raise damaged(self.path, f"{path} has an axis without values")

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the sweep axes."""
        return self.fields[MARKER].shape if MARKER in self.fields else ()

    @property
    def n_points(self) -> int:
        """Number of points; 0 for a file that holds fits only."""
        return int(np.prod(self.shape, dtype=np.int64)) if MARKER in self.fields else 0

    @property
    def is_complete(self) -> bool:
        """Whether the run that wrote the file came to its end."""
        return bool(self.attributes.get(STATE, COMPLETE) == COMPLETE)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers."""
        return self.names("layer")

    @property
    def contacts(self) -> tuple[str, ...]:
        """Names of the contacts."""
        return self.names("contact")

    @property
    def fits(self) -> tuple[str, ...]:
        """Names of the fits in the file."""
        return tuple(dict.fromkeys(p.split("/")[1] for p in self.fields if p.startswith("fits/")))

    @property
    def has_fits(self) -> bool:
        """Whether the file holds fits."""
        return bool(self.fits)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of what the root holds of every point: all that is no coordinate."""
        n_axes, along = len(self.sweep), {c for axis in self.sweep for c in self.coordinates(axis)}
        return tuple(
            path
            for path, field in self.fields.items()
            if "/" not in path
            and path not in along
            and field.dims[:n_axes] == self.sweep
            and field.dims[n_axes:] != (path,)
        )

    def coordinates(self, axis: str) -> tuple[str, ...]:
        """Return what runs along a sweep axis: its own values (if any), then the swept keys of `point`."""
        listed = str(self.attributes.get("coordinates", "")).split()
        return tuple(name for name in (axis, *listed) if name in self.fields and self.fields[name].dims == (axis,))

    def names_of(self, path: str) -> tuple[str, ...]:
        """Return what the values of a swept coordinate stand for, where they only count (``flag_meanings``)."""
        if not any(path in self.coordinates(axis) for axis in self.sweep):
            return ()
        return tuple(str(self.variable_attributes(path).get("flag_meanings", "")).split())

    def variable_attributes(self, path: str) -> dict[str, Any]:
        """Return the attributes of a dataset."""
        with open_hdf5(self.path) as file:
            return {k: _plain(v) for k, v in file[path].attrs.items() if k not in _SCALE_ATTRIBUTES}

    def names(self, coordinate: str) -> tuple[str, ...]:
        """Return a coordinate of names, or () where the file has none."""
        return tuple(str(v) for v in self[coordinate]) if coordinate in self.fields else ()

    def __contains__(self, path: object) -> bool:
        return path in self.fields

    def __getitem__(self, path: str) -> NDArray[Any]:
        return self.read(path)

    def read(self, path: str, index: Any = ()) -> NDArray[Any]:
        """Return values of a dataset.

        Parameters
        ----------
        path : str
            Key of :attr:`fields`.
        index : slice, int or tuple of them
            What to read; default everything.

        Returns
        -------
        ndarray
            Numbers, or an object array of text.

        Raises
        ------
        StoreError
            There is no such dataset, or it cannot be read.
        """
        if path not in self.fields:
            raise StoreError(f"{self.path}: has no variable {path}")
        with open_hdf5(self.path) as file:
            dataset = file[path]
            try:
                if dataset.dtype.kind == "O":
                    return np.asarray(dataset.asstr()[index], dtype=object)
                return np.asarray(dataset[index])
            except OSError as error:
                raise StoreError(f"{self.path}: {path} cannot be read ({error})") from error

    def status_counts(self) -> dict[int, int]:
        """Return how many points have each status; reads the file in blocks."""
        counts: dict[int, int] = {}
        shape = self.shape
        step = max(1, (1 << 20) // max(1, int(np.prod(shape[1:], dtype=np.int64)))) if shape else 1
        for lo in range(0, shape[0] if shape else 1, step):
            block = self.read(MARKER, slice(lo, lo + step) if shape else ())
            for status, n in zip(*np.unique(block, return_counts=True), strict=True):
                counts[int(status)] = counts.get(int(status), 0) + int(n)
        return counts


def read_results(path: str | os.PathLike[str]) -> Results:
    """Open a result file without xarray.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    Results
        Metadata; values come with ``results["interface_resistance"]``.

    Raises
    ------
    StoreError
        The file is missing, no result file, or of a newer format.
    """
    return Results(path)


def open_results(path: str | os.PathLike[str], *, group: str = "", units: str = "display") -> xarray.Dataset:
    """Open a result file as an xarray Dataset; values of large files load when they are used.

    Parameters
    ----------
    path : str or path-like
        The file, or what :func:`spacecharge.run_sweep` returned.
    group : str
        Group to open, e.g. ``profiles/electrode``; default the scalars. The sweep axes and the
        names of layers, contacts and sides come along.
    units : {"display", "SI"}
        ``display``: nm, V, uF/cm2, Ohm cm2, nm-3 as tables and figures show them; ``SI``: as in the file. The
        attribute ``units`` of every variable says which.

    Returns
    -------
    xarray.Dataset
        Sweep axes and names as coordinates; ``.to_dataframe()`` gives a pandas table.

    Raises
    ------
    StoreError
        The file is missing, no result file, of a newer format, or has no such group; `units` is neither.

    Examples
    --------
    >>> import spacecharge as sc
    >>> data = sc.open_results("results/lixv2o5_lagp.h5")                         # doctest: +SKIP
    >>> data.interface_resistance.sel(temperature=298.15, method="nearest")       # doctest: +SKIP
    """
    if find_spec("xarray") is None:
        raise StoreError("open_results needs the extra xarray: pip install 'spacecharge[xarray]'")
    if units not in ("display", "SI"):
        raise StoreError(f"open_results: units {units!r} is not known (allowed: display, SI)")
    name = os.fspath(path)
    with refusing_damage(name):
        return _dataset(name, group, units)


def _dataset(name: str, group: str, units: str) -> xarray.Dataset:
    import xarray

    results = Results(name)
    if group and not any(p.startswith(f"{group}/") for p in results.fields):
        known = sorted({p.rpartition("/")[0] for p in results.fields} - {""})
        raise StoreError(f"{name}: has no group {group} (groups: {', '.join(known) or 'none'})")

    def opened(inner: str | None) -> xarray.Dataset:
        raw = xarray.open_dataset(name, group=inner, engine="h5netcdf", decode_cf=False)
        if units == "display":
            for variable in raw.variables.values():
                display = display_of(str(variable.attrs.get("units", "1")))
                if variable.dtype.kind == "f" and display.factor != 1.0:
                    # xarray multiplies when values are used, so that opening stays as quick as before.
                    variable.attrs["scale_factor"] = display.factor
                    variable.attrs["units"] = display.text
        return xarray.decode_cf(raw, decode_times=False)

    dataset = opened(None)
    if group:
        inner = opened(group)
        inherited = [c for c in dataset.coords if set(dataset[c].dims) <= set(inner.dims)]
        dataset = inner.assign_coords({c: dataset[c] for c in inherited})
    for c in [c for axis in results.sweep for c in results.coordinates(axis) if c in dataset.variables]:
        if names := results.names_of(c):
            # As with layers and contacts, `sel` takes the name.
            said = {key: dataset[c].attrs[key] for key in ("units", "long_name") if key in dataset[c].attrs}
            dataset = dataset.assign_coords({c: (dataset[c].dims, _named(dataset[c].values, names), said)})
    scales = [p.rpartition("/")[2] for p, f in results.fields.items() if f.dims == (p.rpartition("/")[2],)]
    dataset = dataset.set_coords([s for s in scales if s in dataset.variables])
    if sum(variable.nbytes for variable in dataset.variables.values()) <= LOAD_BYTES:
        # Damage shows here and not somewhere in the middle of somebody's evaluation, and the file is free again.
        dataset.load().close()
    return dataset


def _named(values: NDArray[Any], names: Sequence[str]) -> NDArray[Any]:
    """Return the names that values stand for, where they only count; else the values."""
    return np.array(names, dtype=object)[values.astype(np.intp)] if names else values


def to_dataframe(path: str | os.PathLike[str]) -> pandas.DataFrame:
    """Return a table with one row per point and one column per scalar, for pandas.

    ``open_results(path).to_dataframe()`` repeats every row per contact, side and layer; here these
    stand in the column names: ``space_charge_potential[electrode|electrolyte, left]``.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    pandas.DataFrame
        Swept coordinates first, then the variables; SI units, that of every column in ``frame.attrs["units"]``.

    Raises
    ------
    StoreError
        The file is missing or no result file, or pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise StoreError("to_dataframe needs pandas: pip install 'spacecharge[xarray]'") from error

    results = Results(path)
    rows = Rows(results.sweep, results.shape, results.names)
    columns: dict[str, NDArray[Any]] = {}
    units: dict[str, str] = {}
    for name in (*(c for axis in results.sweep for c in results.coordinates(axis)), *results.variables):
        field = results.fields[name]
        found = dict(rows.columns(name, field.dims, _named(results[name], results.names_of(name))))
        columns |= found
        units |= dict.fromkeys(found, field.units)
    frame = pandas.DataFrame(columns)
    frame.attrs["units"] = units
    return frame


def _fields(file: h5py.File) -> dict[str, Field]:
    """Return every dataset of the file with the names of its dimensions."""
    import h5py

    found: dict[str, Field] = {}
    scales_known: dict[Any, str] = {}

    def visit(path: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        dims = [scales[0].rpartition("/")[2] if scales else "" for scales in scales_of(file, item, scales_known)]
        if len(dims) == 1 and scale_name(item) is not None:
            dims = [path.rpartition("/")[2]]
        found[path] = Field(
            path,
            tuple(dims),
            item.shape or (),
            str(_plain(item.attrs.get("units", "1"))),
            str(_plain(item.attrs.get("long_name", ""))),
            item.dtype.kind,
        )

    file.visititems(visit)
    return found


def _plain(value: Any) -> Any:
    """Return an attribute as plain Python where it is a single value.

    Raises
    ------
    TypeError
        It has no value.
    """
    if type(value).__name__ == "Empty":
        raise TypeError("an attribute without a value")
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray):
        return [v.decode() if isinstance(v, bytes) else v for v in value.tolist()]
    if isinstance(value, np.generic):
        return value.item()
    return value


__all__ = ["Field", "Results", "open_results", "read_results", "to_dataframe"]
