"""From the work file to the result file: compressed, in chunks that are quick to read.

Shuffle and deflate run here, in threads, and the chunks go to HDF5 ready-made: zlib releases the
interpreter lock, the HDF5 library does not. The result appears by an atomic rename over the work
file, so under its name there is always one whole file.
"""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .checksum import fletcher32
from .files import guarded_hdf5, replacing
from .hdf5 import write_structure
from .kept import write_kept
from .layout import Layout, Variable, chunk_shape
from .work import COMPLETE, FITS, STATE, WorkFile

if TYPE_CHECKING:
    import h5py

    Waiting = deque[tuple[h5py.Dataset, tuple[int, ...], Future[bytes]]]

GZIP_LEVEL = 1
"""Level 4 takes the same time and saves 1 % (mantissas of doubles are noise, shuffle does the rest)."""

ZLIB_HEADER = b"\x78\x01"
"""A window of 32 KiB, fastest compression."""

MOST_STORED = (1 << 16) - 1
"""Longest block of deflate that is stored as it is [bytes]."""

LAST_BLOCK = b"\x03\x00"
"""A last block of deflate with nothing in it."""

NOISE_SHARE = 0.95
"""A plane of bytes whose sample does not shrink below this share is kept as it is."""

SAMPLES, SAMPLE_BYTES = 4, 512
"""A plane is judged by so many pieces of this size, spread over it [bytes]; shorter planes by the whole."""

SLAB_BYTES = 1 << 25
"""Largest piece of a variable held in memory on its way from the work file to the chunks [bytes]."""


def pack(work: WorkFile, *, workers: int = 1, progress: Callable[[float], None] | None = None) -> None:
    """Replace a work file by its compressed result file; fits that it holds go along.

    Parameters
    ----------
    work : WorkFile
        Every point committed; closed by this call before the result takes its place.
    workers : int
        Threads that compress.
    progress : callable, optional
        Called with the share done, 0 to 1.

    Raises
    ------
    OSError
        The disk failed; the work file stands as it was.
    SystemStop
        Another program put a file in its place, or wrote into it (:meth:`WorkFile.check`).
    """
    layout = replace(work.layout, attributes={**work.layout.attributes, STATE: COMPLETE})
    total = max(1, layout.n_points * layout.bytes_per_point)
    done = 0
    waiting: Waiting = deque()
    with replacing(work.path, work.lock) as temporary, ThreadPoolExecutor(workers) as pool:
        with guarded_hdf5(temporary, "w") as file:
            datasets = write_structure(file, layout, _create_compressed)
            for variable in layout.variables:
                _copy(work, layout, variable, datasets[variable.path], pool, workers, waiting)
                done += layout.n_points * layout.row_bytes(variable)
                if progress is not None:
                    progress(done / total)
            while waiting:
                _put(*waiting.popleft())
            if work.fits is not None:
                write_kept(file, FITS, work.fits)
        work.check()
        # Windows replaces no file that is open.
        work.close()


def _create_compressed(group: h5py.Group, variable: Variable, shape: tuple[int, ...]) -> h5py.Dataset:
    if not shape:
        return group.create_dataset(variable.name, shape, variable.numpy_dtype)
    n_sweep = len(shape) - len(variable.dims)
    return group.create_dataset(
        variable.name,
        shape,
        variable.numpy_dtype,
        chunks=chunk_shape(shape, n_sweep, variable.numpy_dtype.itemsize),
        compression="gzip",
        compression_opts=GZIP_LEVEL,
        shuffle=True,
        fletcher32=True,
        fillvalue=variable.fill_value,
    )


def _copy(
    work: WorkFile,
    layout: Layout,
    variable: Variable,
    dataset: h5py.Dataset,
    pool: ThreadPoolExecutor,
    workers: int,
    waiting: Waiting,
) -> None:
    """Hand the chunks of a variable to the threads, and write those that they have done, of whatever variable."""
    if dataset.chunks is None:
        dataset[...] = work.read_rows(variable, 0, 1)[0]
        return
    for offset, chunk in _chunks(work, layout, variable, dataset.chunks):
        waiting.append((dataset, offset, pool.submit(_deflate, chunk, dataset.chunks, variable.fill_value)))
        # A bounded queue keeps the memory flat however large the file is.
        if len(waiting) > 4 * workers:
            _put(*waiting.popleft())


def _put(dataset: h5py.Dataset, offset: tuple[int, ...], data: Future[bytes]) -> None:
    dataset.id.write_direct_chunk(offset, data.result())


def _deflate(chunk: NDArray[Any], shape: tuple[int, ...], fill: float) -> bytes:
    """Return the bytes of one HDF5 chunk after shuffle, deflate and checksum; cut chunks are filled up."""
    if chunk.shape != shape:
        full = np.full(shape, fill, chunk.dtype)
        full[tuple(slice(0, n) for n in chunk.shape)] = chunk
        chunk = full
    raw = np.ascontiguousarray(chunk).reshape(-1).view(np.uint8)
    packed = deflated(np.ascontiguousarray(raw.reshape(-1, chunk.dtype.itemsize).T))
    return packed + fletcher32(packed).to_bytes(4, "little")


def deflated(planes: NDArray[np.uint8]) -> bytes:
    """Return a zlib stream (RFC 1950) of the rows of `planes`, those that are noise stored as they are.

    Shuffled doubles are planes of bytes, of which the lower bits of the mantissa fill five or six. Deflate spends four
    fifths of its time to find that these do not shrink.

    Parameters
    ----------
    planes : ndarray of uint8, shape (n, size)
        Contiguous.

    Returns
    -------
    bytes
        Some 3 % longer than from one run of deflate over all planes.
    """
    parts: list[bytes | memoryview] = [ZLIB_HEADER]
    stream = None
    for plane in planes:
        if not _is_noise(plane):
            stream = stream or zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            parts.append(stream.compress(plane.data))
            continue
        if stream is not None:
            # Ends at a whole byte, where a stored block begins.
            parts.append(stream.flush(zlib.Z_SYNC_FLUSH))
            stream = None
        for lo in range(0, plane.size, MOST_STORED):
            piece = plane[lo : lo + MOST_STORED].data
            parts += [struct.pack("<xHH", len(piece), len(piece) ^ MOST_STORED), piece]
    parts.append(LAST_BLOCK if stream is None else stream.flush(zlib.Z_FINISH))
    parts.append(zlib.adler32(planes.reshape(-1).data).to_bytes(4, "big"))
    return b"".join(parts)


def _is_noise(plane: NDArray[np.uint8]) -> bool:
    """Say whether deflate would gain nothing, from a few pieces of a plane."""
    sample: bytes | memoryview = plane.data
    if plane.size > SAMPLES * SAMPLE_BYTES:
        step = (plane.size - SAMPLE_BYTES) // (SAMPLES - 1)
        sample = b"".join([plane.data[lo : lo + SAMPLE_BYTES] for lo in range(0, SAMPLES * step, step)])
    return len(zlib.compress(sample, GZIP_LEVEL)) > NOISE_SHARE * len(sample)


def _chunks(
    work: WorkFile, layout: Layout, variable: Variable, chunk: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
    """Yield ``(offset, values)`` of every HDF5 chunk; the work file is read in long runs."""
    shape, point = layout.shape, layout.point_shape(variable)
    if not shape:
        for offset in itertools.product(*(range(0, n, c) for n, c in zip(point, chunk, strict=True))):
            block = work.read_rows(variable, 0, 1)[0]
            yield offset, block[_box(offset, chunk, point)]
        return
    row = layout.row_bytes(variable)
    # One slab: whole chunks along every axis but the last, and along the last as many as memory takes.
    cross = math.prod(chunk[: len(shape) - 1])
    along = max(1, SLAB_BYTES // max(1, cross * row * chunk[len(shape) - 1])) * chunk[len(shape) - 1]
    tail = (0,) * len(point)
    steps = (*chunk[: len(shape) - 1], along)
    for start in itertools.product(*(range(0, n, c) for n, c in zip(shape, steps, strict=True))):
        stop = tuple(min(a + s, n) for a, s, n in zip(start, steps, shape, strict=True))
        slab = _read_slab(work, layout, variable, start, stop)
        for lo in range(start[-1], stop[-1], chunk[len(shape) - 1]):
            hi = min(lo + chunk[len(shape) - 1], stop[-1])
            part = slab[(*(slice(None),) * (len(shape) - 1), slice(lo - start[-1], hi - start[-1]))]
            yield (*start[:-1], lo, *tail), part


def _box(offset: tuple[int, ...], chunk: tuple[int, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(o, min(o + c, n)) for o, c, n in zip(offset, chunk, shape, strict=True))


def _read_slab(
    work: WorkFile, layout: Layout, variable: Variable, start: tuple[int, ...], stop: tuple[int, ...]
) -> NDArray[Any]:
    """Return the values between two corners of the sweep, shape ``(*(stop - start), *point shape)``."""
    shape = layout.shape
    size = tuple(b - a for a, b in zip(start, stop, strict=True))
    slab = np.empty((*size, *layout.point_shape(variable)), variable.numpy_dtype)
    # Trailing axes that are covered whole make one run of points in the file.
    k = len(shape) - 1
    while k > 0 and size[k] == shape[k]:
        k -= 1
    inner = math.prod(shape[k + 1 :])
    for index in np.ndindex(*size[:k]):
        position = [a + i for a, i in zip(start[:k], index, strict=True)]
        first = 0
        for axis, i in enumerate([*position, start[k]]):
            first = first * shape[axis] + i
        lo, n = first * inner, size[k] * inner
        slab[index] = work.read_rows(variable, lo, lo + n).reshape(slab[index].shape)
    return slab
