"""The HDF5 side of a layout: datasets, dimension scales, attributes. No values of variables here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .layout import FORMAT_VERSION, Coordinate, Layout, Variable

if TYPE_CHECKING:
    import h5py

    Create = Callable[[h5py.Group, Variable, tuple[int, ...]], h5py.Dataset]


MANY_VALUES = 1024
"""Arrays of more values are compressed."""


def write_structure(file: h5py.File, layout: Layout, create: Create) -> dict[str, h5py.Dataset]:
    """Write attributes and coordinates, and let `create` make the datasets of the variables.

    Parameters
    ----------
    file : h5py.File
        Open for writing and empty.
    layout : Layout
        What it is to hold.
    create : callable
        ``create(group, variable, shape)`` returns the dataset of one variable.

    Returns
    -------
    dict of str to h5py.Dataset
        The variables by their path.
    """
    import h5py

    file.attrs["format_version"] = FORMAT_VERSION
    if layout.sweep:
        file.attrs.create("sweep_axes", list(layout.sweep), dtype=h5py.string_dtype("utf-8"))
    for key, value in layout.attributes.items():
        file.attrs[key] = value
    # NetCDF and xarray readers learn from this attribute which variables are coordinates.
    auxiliary = [c.name for c in layout.coordinates if not c.is_scale and not c.group]
    if auxiliary:
        file.attrs["coordinates"] = " ".join(auxiliary)
    scales = {c.path: _write_scale(file, c) for c in layout.coordinates if c.is_scale}
    for coordinate in layout.coordinates:
        if not coordinate.is_scale:
            dataset = _write_values(file, coordinate)
            dataset.dims[0].attach_scale(scales[layout.scale(coordinate.dimension, coordinate.group).path])
    datasets = {}
    for variable in layout.variables:
        group = file.require_group(variable.group) if variable.group else file
        dataset = create(group, variable, layout.full_shape(variable))
        describe(dataset, variable.units, variable.long_name, **variable.attributes)
        dimensions = [layout.scale(d) for d in layout.sweep]
        dimensions += [layout.scale(d, variable.group) for d in variable.dims]
        for axis, dimension in enumerate(dimensions):
            dataset.dims[axis].attach_scale(scales[dimension.path])
        datasets[variable.path] = dataset
    return datasets


def create_checked(group: h5py.Group, name: str, values: Any, dtype: Any = None) -> h5py.Dataset:
    """Create a dataset with its values and, where HDF5 can keep one, a checksum that every reading compares.

    Parameters
    ----------
    group : h5py.Group
        Where.
    name : str
        Its name.
    values : array-like
        Numbers or texts. A scalar has no chunks, and of texts a chunk holds the places only: these have no checksum.
    dtype : dtype, optional
        Type in the file; default: that of the values.

    Returns
    -------
    h5py.Dataset
        Compressed where there are many values.
    """
    array = np.asarray(values)
    if array.ndim == 0 or array.size == 0 or array.dtype.kind not in "biuf":
        return group.create_dataset(name, data=values, dtype=dtype)
    options: dict[str, Any] = {"chunks": array.shape}
    if array.size > MANY_VALUES:
        rows = max(1, (1 << 15) * array.shape[0] // array.size)
        options = {"chunks": (min(rows, array.shape[0]), *array.shape[1:])}
        options |= {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    return group.create_dataset(name, data=array, dtype=dtype, fletcher32=True, **options)


def scales_of(file: h5py.File, item: h5py.Dataset, known: dict[Any, str] | None = None) -> list[list[str]]:
    """Return the paths of the scales of each axis of a dataset.

    Read from the attribute in which HDF5 keeps them: its own functions for that end the process (segmentation fault)
    where the attribute is damaged.

    Parameters
    ----------
    file : h5py.File
        The file.
    item : h5py.Dataset
        The dataset.
    known : dict, optional
        Paths found before, by the object, and those that are found: the library looks through the file for each.

    Returns
    -------
    list of list of str
        One list per axis.
    """
    lists = item.attrs.get("DIMENSION_LIST")
    if lists is None:
        return [[] for _ in item.shape or ()]
    if len(lists) != len(item.shape or ()):
        raise ValueError(f"{item.name} has a scale list for {len(lists)} axes")
    known = {} if known is None else known
    return [[_path_of(file, item, reference, known) for reference in references] for references in lists]


def _path_of(file: h5py.File, item: h5py.Dataset, reference: Any, known: dict[Any, str]) -> str:
    import h5py

    if not isinstance(reference, h5py.Reference):
        raise TypeError(f"a scale of {item.name} is no reference")
    target = h5py.h5r.dereference(reference, file.id)
    if target not in known:
        name = file[reference].name
        if name is None:
            raise ValueError(f"a scale of {item.name} is not in the file")
        known[target] = str(name)
    return known[target]


def scale_name(item: h5py.Dataset) -> str | None:
    """Return the name of a dataset as a dimension scale, or None for one that is none; see :func:`scales_of`."""
    kind = item.attrs.get("CLASS")
    if kind not in (b"DIMENSION_SCALE", "DIMENSION_SCALE"):
        return None
    name = item.attrs.get("NAME", "")
    return name.decode() if isinstance(name, bytes) else str(name)


def describe(dataset: h5py.Dataset, units: str, long_name: str, **attributes: Any) -> None:
    """Set units, long name and further attributes of a dataset."""
    dataset.attrs["units"] = units
    dataset.attrs["long_name"] = long_name or dataset.name.rsplit("/", 1)[-1].replace("_", " ")
    for key, value in attributes.items():
        dataset.attrs[key] = value


def _write_values(file: h5py.File, coordinate: Coordinate) -> h5py.Dataset:
    import h5py

    group = file.require_group(coordinate.group) if coordinate.group else file
    values = np.asarray(coordinate.values)
    if coordinate.is_text:
        dataset = group.create_dataset(coordinate.name, data=values.astype(object), dtype=h5py.string_dtype("utf-8"))
    else:
        dataset = create_checked(group, coordinate.name, values)
    describe(dataset, coordinate.units, coordinate.long_name, **_flags(coordinate))
    return dataset


def _flags(coordinate: Coordinate) -> dict[str, Any]:
    """Return the attributes that say what counted values stand for."""
    if not coordinate.names:
        return {}
    counts = np.arange(len(coordinate.names), dtype=float)
    return {"flag_values": counts, "flag_meanings": " ".join(coordinate.names)}


def _write_scale(file: h5py.File, coordinate: Coordinate) -> h5py.Dataset:
    dataset = _write_values(file, coordinate)
    dataset.make_scale(coordinate.name)
    return dataset
