"""Fits of the interface model in HDF5: the group of the fit, and in it the table of interfaces and the curve."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .fit_reader import GROUP
from .fits import write_fit
from .hdf5 import create_checked
from .opening import open_hdf5

if TYPE_CHECKING:
    import h5py

    from ..fitting.kinds.interface_result import InterfaceResult

_UNITS = {
    "exchange_current_density": "A m-2",
    "charge_transfer_resistance": "ohm m2",
    "interface_resistance": "ohm m2",
    "total_resistance": "ohm m2",
    "resistance": "ohm m2",
    "activation_energy": "eV",
    "apparent_activation_energy": "eV",
    "lower": "ohm m2",
    "upper": "ohm m2",
}
_WHOSE = {
    "measured": "measured",
    "default": "of the model before the fit",
    "fitted": "of the fit",
}


def write_interface(
    path: str | os.PathLike[str],
    result: InterfaceResult,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] | None = None,
) -> None:
    """Write a fit of the interface model as ``fits/NAME`` with the groups ``interfaces`` and ``curve``.

    Parameters
    ----------
    path : str or path
        HDF5 file; missing folders are created, what else it holds stays.
    result : InterfaceResult
        What to write.
    overwrite, say
        See :func:`~spacecharge.store.fits.write_fit`.

    Raises
    ------
    StoreError
        The name is taken, the file is in use, or it cannot be written.
    """

    def tables(group: h5py.Group) -> None:
        _texts(group, "verdict", result.verdict)
        table = group.create_group("interfaces", track_order=True)
        _texts(table, "names", result.interfaces)
        if "axis" in result.table:
            table.attrs["path"] = result.axis
        for name, values in result.table.items():
            _put(table, name, values)
        if result.curve:
            curve = group.create_group("curve", track_order=True)
            curve.attrs["path"] = result.axis
            for name, values in result.curve.items():
                _put(curve, name, values)

    write_fit(path, result.fit, overwrite=overwrite, say=say, also=tables)


def _put(group: h5py.Group, name: str, values: Any) -> None:
    whose, _, what = name.partition("_")
    limit, sigma = what.endswith("_limit"), what.endswith("_sigma")
    stem = what.removesuffix("_limit").removesuffix("_sigma")
    dataset = create_checked(group, name, values)
    dataset.attrs["units"] = "1" if limit else _UNITS.get(stem, _axis_unit(group))
    words = {"lower": "lower end of the band", "upper": "upper end of the band"}.get(stem, stem.replace("_", " "))
    if limit:
        words = f"kind of the {words}: 0 measured, -1 at most, 1 at least"
    elif sigma:
        words = f"one sigma of the {words}"
    dataset.attrs["long_name"] = f"{words}, {_WHOSE[whose]}" if whose in _WHOSE else str(group.attrs["path"])


def _axis_unit(group: h5py.Group) -> str:
    from ..units import unit_of

    return unit_of(str(group.attrs["path"])).si if "path" in group.attrs else "1"


def _texts(group: h5py.Group, name: str, texts: Any) -> None:
    import h5py

    group.attrs.create(name, list(texts), shape=(len(texts),), dtype=h5py.string_dtype("utf-8"))


def read_interface(path: str | os.PathLike[str], name: str) -> dict[str, Any]:
    """Read the table, the curve, the profiles and the verdict of a fit of the interface model.

    Parameters
    ----------
    path : str or path
        HDF5 file.
    name : str
        Name of the fit.

    Returns
    -------
    dict
        ``names``, ``table``, ``curve``, ``path``, ``verdict``, ``level``, and ``profiles``: name, unit, value, chi2.
    """
    with open_hdf5(path) as file:
        group = file[f"{GROUP}/{name}"]
        curve = group.get("curve", {})
        return {
            "names": [str(n) for n in group["interfaces"].attrs["names"]],
            "table": {key: group["interfaces"][key][()] for key in group["interfaces"]},
            "curve": {key: curve[key][()] for key in curve},
            "path": str(curve.attrs["path"]) if curve else "",
            "verdict": [str(t) for t in group.attrs["verdict"]],
            "level": float(group.attrs["level"]),
            "profiles": [
                (key, str(part["value"].attrs["units"]), part["value"][()], part["chi2"][()])
                for key, part in group.get("profile", {}).items()
            ],
        }


__all__ = ["read_interface", "write_interface"]
