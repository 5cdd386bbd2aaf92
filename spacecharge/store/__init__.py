"""The result file: HDF5 that opens in xarray, MATLAB and HDFView, and survives a crash while written.

:mod:`~spacecharge.store.layout` declares, :mod:`~spacecharge.store.work` takes the points of a running
sweep, :mod:`~spacecharge.store.packing` makes the compressed file, :mod:`~spacecharge.store.read` reads.
"""

from .files import edited_hdf5, guarded_hdf5, remove_leftovers, replacing, system_errors
from .layout import FORMAT_VERSION, MARKER, NOT_RUN, Coordinate, Layout, Variable, chunk_shape
from .lock import RunLock
from .opening import open_hdf5, refusing_damage
from .packing import pack
from .read import Field, Results, open_results, read_results, to_dataframe
from .target import output_file, prepared_file
from .work import COMPLETE, STATE, UNFINISHED, WorkFile

__all__ = [
    "COMPLETE",
    "FORMAT_VERSION",
    "MARKER",
    "NOT_RUN",
    "STATE",
    "UNFINISHED",
    "Coordinate",
    "Field",
    "Layout",
    "Results",
    "RunLock",
    "Variable",
    "WorkFile",
    "chunk_shape",
    "edited_hdf5",
    "guarded_hdf5",
    "open_hdf5",
    "open_results",
    "output_file",
    "pack",
    "prepared_file",
    "read_results",
    "refusing_damage",
    "remove_leftovers",
    "replacing",
    "system_errors",
    "to_dataframe",
]
