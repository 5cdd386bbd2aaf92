"""The work file of a running sweep: an HDF5 file that opens at every moment, whatever happens.

HDF5 is not safe against a crash while its metadata change: a chunked, compressed dataset that grows
keeps its index in memory, and a kill in between leaves a file that does not open. So the metadata of
the work file are written once, before the first point is solved. Every dataset is contiguous, of its
final size and filled with NaN (status: -1); from then on the HDF5 library has no part in it, and the
sweep only overwrites bytes of raw data at offsets that HDF5 gave:

1. the values of the finished points, then `fsync`;
2. their status, then `fsync`; only now they are reported as done.

A kill, a full disk or a power loss between any two bytes leaves a file that opens, in which a point
whose status is not -1 has all its values. The space is taken at the start, so a disk that is too
small says so before the first solve. When every point is done, :func:`spacecharge.store.packing.pack`
writes the compressed file beside it and renames it over the work file.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError, SystemStop
from .files import guarded_hdf5, no_follow, replacing, write_all
from .hdf5 import write_structure
from .kept import Kept, read_kept, refuse_unwritable, write_kept
from .layout import MARKER, Layout, Variable
from .opening import has_member, open_hdf5

if TYPE_CHECKING:
    import h5py

    from .lock import RunLock

STATE = "state"
UNFINISHED, COMPLETE = "unfinished", "complete"

FITS = "fits"
"""Group of the fits that ``spacecharge fit`` stored beside the run."""

BLOCK_BYTES = 1 << 22
"""Filling and scanning go through blocks of about this size [bytes]: large reads, little memory."""


HEAD_BYTES = 1 << 16
"""By so much of what stands before its data a file is known to be that of the run [bytes]."""


class WorkFile:
    """Raw access to the variables of a work file.

    Parameters
    ----------
    path : Path
        The file.
    layout : Layout
        What it holds.
    offsets : mapping of str to int
        Byte offset of each variable's data in the file, by path.
    fits : Kept, optional
        Fits that somebody stored in the unfinished file; they go into the result.
    lock : RunLock, optional
        The lock of the file, looked at before the result takes its place.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        offsets: Mapping[str, int],
        *,
        fits: Kept | None = None,
        lock: RunLock | None = None,
    ) -> None:
        self.path = path
        self.layout = layout
        self.fits = fits
        self.lock = lock
        self._offsets = dict(offsets)
        self._marker = next(v for v in layout.variables if v.path == MARKER)
        self._file = io.FileIO(path, "r+", opener=no_follow)
        self._pending: list[tuple[int, NDArray[Any]]] = []
        self._head = self._file.read(min(HEAD_BYTES, *self._offsets.values()))
        self._is_saved = False

    @classmethod
    def create(
        cls, path: Path, layout: Layout, lock: RunLock | None = None, *, say: Callable[[str], None] | None = None
    ) -> WorkFile:
        """Create the work file under `path`, replacing the points that stand there; fits beside them stay.

        Parameters
        ----------
        path : Path
            Result file; its folder exists.
        layout : Layout
            What it is to hold.
        lock : RunLock, optional
            The lock of the file, looked at before it takes its place.
        say : callable, optional
            Takes one line about fits that were kept.

        Returns
        -------
        WorkFile
            On the disk, no point run.

        Raises
        ------
        OSError
            The disk does not take it; an existing file is untouched.
        StoreError
            The fits of the existing file cannot be read, and so not be kept.
        """
        layout = replace(layout, attributes={**layout.attributes, STATE: UNFINISHED})
        fits, names = _kept_fits(path)
        if fits is not None and say is not None:
            say(f"{path}: keeps the fits that were stored in it: {', '.join(names)}")
        with replacing(path, lock) as temporary:
            with guarded_hdf5(temporary, "w") as file:
                datasets = write_structure(file, layout, _create_contiguous)
                if fits is not None:
                    write_kept(file, FITS, fits)
                offsets = {name: int(dataset.id.get_offset()) for name, dataset in datasets.items()}
            with io.FileIO(temporary, "r+", opener=no_follow) as raw:
                for variable in layout.variables:
                    raw.seek(offsets[variable.path])
                    for block in _fill_blocks(layout, variable):
                        write_all(raw, block)
        return cls(path, layout, offsets, fits=fits, lock=lock)

    @classmethod
    def open(cls, path: Path, layout: Layout, lock: RunLock | None = None) -> WorkFile:
        """Open an existing work file for going on.

        Parameters
        ----------
        path : Path
            The file.
        layout : Layout
            What it has to hold; its attributes are replaced by those of the file.
        lock : RunLock, optional
            The lock of the file.

        Returns
        -------
        WorkFile
            Ready for :meth:`write`.

        Raises
        ------
        StoreError
            The file is no work file or has other variables or sizes.
        """
        offsets = {}
        with open_hdf5(path) as file:
            for variable in layout.variables:
                dataset = file.get(variable.path)
                if (
                    dataset is None
                    or dataset.shape != layout.full_shape(variable)
                    or dataset.dtype != variable.numpy_dtype
                    or dataset.id.get_offset() is None
                ):
                    raise StoreError(f"{path}: {variable.path} does not have the shape of this run")
                offsets[variable.path] = int(dataset.id.get_offset())
            layout = replace(layout, attributes=dict(file.attrs))
            refuse_unwritable(layout.attributes)
            fits = read_kept(file, FITS)
        return cls(path, layout, offsets, fits=fits, lock=lock)

    def write(self, lo: int, values: Mapping[str, NDArray[Any]]) -> None:
        """Write the values of consecutive points; their status waits for :meth:`commit`.

        Parameters
        ----------
        lo : int
            Index of the first point.
        values : mapping of str to ndarray
            For every variable, by path, an array of shape ``(n, *point shape)``.

        Raises
        ------
        OSError
            The disk failed.
        StoreError
            A variable is missing or has the wrong shape.
        """
        for variable in self.layout.variables:
            expected = self.layout.point_shape(variable)
            array = np.ascontiguousarray(values[variable.path], dtype=variable.numpy_dtype)
            if array.shape[1:] != expected:
                raise StoreError(f"{variable.path}: values of shape {array.shape[1:]} per point, expected {expected}")
            if variable is self._marker:
                status = array
            else:
                self._put(variable, lo, array)
        self._pending.append((lo, status))

    def commit(self) -> None:
        """Bring everything written to the disk, and only then mark the points as done.

        Raises
        ------
        OSError
            The disk failed; the points stay marked as not run.
        SystemStop
            See :meth:`check`.
        """
        if not self._pending:
            return
        os.fsync(self._file.fileno())
        for lo, status in self._pending:
            self._put(self._marker, lo, status)
        os.fsync(self._file.fileno())
        self._pending.clear()
        self.check()

    def check(self) -> None:
        """Make sure that the file under the name of the run is that of the run, as far as it is there.

        Raises
        ------
        SystemStop
            Another program put a file in its place, which stays (the points go into a file beside it), or wrote into
            it, which leaves nothing to rely on: what reads as zeros would pass for solved.
        """
        try:
            with io.FileIO(self.path, "r", opener=no_follow) as there:
                if there.read(len(self._head)) == self._head:
                    return
        except FileNotFoundError:
            # Removed: the result takes its name at the end.
            return
        except OSError:
            # A link or a folder, which is no file of ours.
            pass
        self._file.seek(0)
        if self._file.read(len(self._head)) != self._head:
            raise SystemStop(
                f"{self.path}: another program wrote into the file of this run, which is lost; begin again "
                "with --overwrite"
            )
        if not self._is_saved:
            self._is_saved = True
            raise SystemStop(
                f"{self.path}: another file was put in the place of this run's and stays; go on with "
                f"-o {self._saved()} --resume"
            )

    def _saved(self) -> Path:
        """Return a file beside, of a new name, with all that is committed."""
        numbers = itertools.count(1)
        free = (self.path.with_name(f"{self.path.stem}-saved{n}{self.path.suffix}") for n in numbers)
        target = next(path for path in free if not os.path.lexists(path))
        self._file.seek(0)
        with replacing(target) as temporary, io.FileIO(temporary, "r+", opener=no_follow) as copy:
            while block := self._file.read(BLOCK_BYTES):
                write_all(copy, block)
        return target

    def statuses(self) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """Yield ``(first point, statuses)`` in blocks, as they stand in the file."""
        rows = max(1, BLOCK_BYTES // self._marker.numpy_dtype.itemsize)
        for lo in range(0, self.layout.n_points, rows):
            hi = min(lo + rows, self.layout.n_points)
            yield lo, self.read_rows(self._marker, lo, hi)

    def read_rows(self, variable: Variable, lo: int, hi: int) -> NDArray[Any]:
        """Return the values of consecutive points, shape ``(hi - lo, *point shape)``."""
        row = self.layout.row_bytes(variable)
        data = bytearray((hi - lo) * row)
        self._file.seek(self._offsets[variable.path] + lo * row)
        view = memoryview(data)
        while len(view):
            n = self._file.readinto(view)
            if not n:
                raise StoreError(f"{self.path}: the file ends before its data")
            view = view[n:]
        array = np.frombuffer(data, dtype=variable.numpy_dtype)
        return array.reshape((hi - lo, *self.layout.point_shape(variable)))

    def close(self) -> None:
        """Close the file; what was not committed stays marked as not run."""
        self._file.close()

    def __enter__(self) -> WorkFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _put(self, variable: Variable, lo: int, array: NDArray[Any]) -> None:
        self._file.seek(self._offsets[variable.path] + lo * self.layout.row_bytes(variable))
        write_all(self._file, array.reshape(-1).view(np.uint8).data)


def _kept_fits(path: Path) -> tuple[Kept | None, list[str]]:
    """Return the fits in a file and their names; none stand where it is no result file any more, or none yet."""
    with contextlib.ExitStack() as opened:
        try:
            # Opening a result file looks it over as a whole: not without need.
            file = opened.enter_context(open_hdf5(path)) if has_member(path, FITS) else {}
        except StoreError:
            return None, []
        return (read_kept(file, FITS), list(file[FITS])) if FITS in file else (None, [])


def _create_contiguous(group: h5py.Group, variable: Variable, shape: tuple[int, ...]) -> h5py.Dataset:
    """Create a dataset whose place in the file is fixed at once and whose bytes HDF5 never writes."""
    import h5py

    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.CONTIGUOUS)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    dtype = h5py.h5t.py_create(variable.numpy_dtype)
    space = h5py.h5s.create_simple(shape) if shape else h5py.h5s.create(h5py.h5s.SCALAR)
    return h5py.Dataset(h5py.h5d.create(group.id, variable.name.encode(), dtype, space, dcpl=plist))


def _fill_blocks(layout: Layout, variable: Variable) -> Iterator[memoryview]:
    """Yield the bytes of a dataset without any point run."""
    left = layout.n_points * layout.row_bytes(variable)
    values = np.full(min(left, BLOCK_BYTES) // variable.numpy_dtype.itemsize, variable.fill_value, variable.numpy_dtype)
    block = values.view(np.uint8).data
    while left:
        n = min(left, len(block))
        yield block[:n]
        left -= n


__all__ = ["COMPLETE", "FITS", "STATE", "UNFINISHED", "WorkFile"]
