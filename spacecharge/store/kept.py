"""Groups that go along when a file is written anew: the fits beside a run that is packed.

HDF5 can copy a group, but the copy's dimension scales point nowhere. So a group is read as it is meant, values,
attributes and which axis has which scale, and written again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import h5py

_OF_SCALES = ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST")
"""Attributes in which HDF5 keeps dimension scales."""


@dataclass(slots=True)
class Kept:
    """A group and all below it, in memory.

    Parameters
    ----------
    groups : dict of str to dict
        Attributes of every group by path, the group itself as ``""``: name to value and type.
    datasets : dict of str to Dataset
        Every dataset by path.
    """

    groups: dict[str, dict[str, tuple[Any, Any]]] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)


@dataclass(slots=True)
class Dataset:
    """A dataset in memory: values, type, attributes, its name as a scale, and the scales of its axes by path."""

    values: Any
    dtype: Any
    attributes: dict[str, tuple[Any, Any]]
    scale_name: str | None
    scales: list[list[str]]


def read_kept(file: h5py.File, name: str) -> Kept | None:
    """Read a group of a file.

    Parameters
    ----------
    file : h5py.File
        Open for reading.
    name : str
        The group.

    Returns
    -------
    Kept or None
        None where the file has no such group.
    """
    import h5py

    from .hdf5 import scale_name, scales_of

    root = file.get(name)
    if root is None:
        return None
    kept = Kept({"": _attributes(root)})
    prefix = f"{root.name}/"

    def visit(path: str, item: Any) -> None:
        if isinstance(item, h5py.Group):
            kept.groups[path] = _attributes(item)
        elif isinstance(item, h5py.Dataset):
            scales = [[scale.removeprefix(prefix) for scale in scales] for scales in scales_of(file, item)]
            kept.datasets[path] = Dataset(item[()], item.dtype, _attributes(item), scale_name(item), scales)

    root.visititems(visit)
    for path, entry in kept.datasets.items():
        for scale in itertools.chain.from_iterable(entry.scales):
            known = kept.datasets.get(scale)
            if known is None or known.scale_name is None or entry.scale_name is not None:
                raise ValueError(f"{name}/{path} has an axis along {scale}, which is no scale of the group")
    return kept


def write_kept(file: h5py.File, name: str, kept: Kept) -> None:
    """Write a group that was read by :func:`read_kept` into a file that does not have it.

    Parameters
    ----------
    file : h5py.File
        Open for writing.
    name : str
        The group.
    kept : Kept
        What it held.
    """
    from .hdf5 import create_checked

    root = file.create_group(name, track_order=True)
    for path, attributes in kept.groups.items():
        group = root.create_group(path, track_order=True) if path else root
        _write_attributes(group, attributes)
    for path, entry in kept.datasets.items():
        dataset = create_checked(root, path, entry.values, entry.dtype)
        _write_attributes(dataset, entry.attributes)
        if entry.scale_name is not None:
            dataset.make_scale(entry.scale_name)
    for path, entry in kept.datasets.items():
        for axis, scales in enumerate(entry.scales):
            for scale in scales:
                root[path].dims[axis].attach_scale(root[scale])


def refuse_unwritable(attributes: Mapping[str, Any]) -> None:
    """Refuse attributes that could be read and cannot be written again: at the end that would cost the whole run.

    Parameters
    ----------
    attributes : mapping
        Values by name.

    Raises
    ------
    UnicodeError
        A text holds bytes that are none.
    """
    import numpy as np

    for value in attributes.values():
        for text in np.ravel(np.asarray(value, dtype=object)):
            if isinstance(text, str):
                text.encode()


def _attributes(item: Any) -> dict[str, tuple[Any, Any]]:
    kept = {key: value for key, value in item.attrs.items() if key not in _OF_SCALES}
    refuse_unwritable(kept)
    return {key: (value, item.attrs.get_id(key).dtype) for key, value in kept.items()}


def _write_attributes(item: Any, attributes: dict[str, tuple[Any, Any]]) -> None:
    import numpy as np

    for key, (value, dtype) in attributes.items():
        item.attrs.create(key, value, shape=np.shape(value), dtype=dtype)


__all__ = ["Kept", "read_kept", "refuse_unwritable", "write_kept"]
