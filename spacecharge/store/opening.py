"""Opening a file for reading that may be damaged, foreign, or made to mislead.

Before anything is read, the file is looked over: every link in it leads to something in it (no soft, external or user
links), every dataset keeps its values in it (no external storage, no virtual datasets) and claims no more of them than
the file can hold, through filters that the HDF5 library itself brings. So nothing outside the file is ever read.
Whatever goes wrong while reading becomes one line.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SpaceChargeError, StoreError
from .files import read_hdf5
from .layout import FORMAT_VERSION

if TYPE_CHECKING:
    import h5py

DAMAGE = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""What h5py, and code that takes a file for what it says it is, raise on one that is not."""

MOST_OBJECTS = 100_000
"""Groups and datasets of a file; ours have some hundreds."""

MOST_SHRUNK = 1100
"""Deflate shrinks to a 1032th at the very most."""

HEAP_BYTES = 1 << 22
"""Texts stand within so many bytes from the beginning or from the end of a file of ours [bytes]."""

_HEAP = b"GCOL\x01\0\0\0"
_TEXT_WIDTH = 160

_sound: dict[tuple[str, int, int, int, int], None] = {}
_MOST_REMEMBERED = 64


@contextlib.contextmanager
def open_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open a file of ours for reading, checked for being one.

    Parameters
    ----------
    path : str or path
        The file.

    Yields
    ------
    h5py.File
        Open for reading.

    Raises
    ------
    StoreError
        The file is missing, not HDF5, not ours, damaged, or of a newer format; also whatever goes wrong in the body
        because the file does not hold what it should.
    """
    name = os.fspath(path)
    with refusing_damage(name):
        key = _regular(name)
        if key not in _sound:
            _check_heaps(name)
        try:
            file = read_hdf5(Path(name))
        except PermissionError:
            raise StoreError(f"{name}: cannot be opened (permission denied)") from None
        except OSError as error:
            raise StoreError(f"{name}: damaged or not ours (not an HDF5 file or damaged: {_text(error)})") from None
        with file:
            _check_format(name, file)
            if key not in _sound:
                _check_objects(name, file, key[-1])
                if len(_sound) >= _MOST_REMEMBERED:
                    _sound.pop(next(iter(_sound)))
                _sound[key] = None
            yield file


def has_member(path: str | os.PathLike[str], label: str) -> bool:
    """Say whether the root of a file has a link of a name, without looking over the rest of the file.

    Parameters
    ----------
    path : str or path
        The file.
    label : str
        Name of the link; where it leads is not followed.

    Raises
    ------
    StoreError
        The file is missing, no regular file or not HDF5.
    """
    name = os.fspath(path)
    with refusing_damage(name):
        _regular(name)
        with read_hdf5(Path(name)) as file:
            return bool(file.id.links.exists(label.encode()))


@contextlib.contextmanager
def refusing_damage(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what goes wrong while a file is read, because it is not what it should be, into one line.

    Parameters
    ----------
    path : str or path
        The file.

    Raises
    ------
    StoreError
        With the file, and what was met.
    """
    try:
        yield
    except SpaceChargeError:
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.filename is not None:
            # A file of its own, such as a figure, that could not be written.
            raise
        raise StoreError(f"{os.fspath(path)}: damaged or not ours ({_text(error)})") from error


def damaged(path: str | os.PathLike[str], what: str) -> StoreError:
    """Return the error about a file that does not hold what it should."""
    return StoreError(f"{os.fspath(path)}: damaged or not ours ({what})")


def _text(error: BaseException) -> str:
    words = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())
    if len(words) > _TEXT_WIDTH:
        words = f"{words[:_TEXT_WIDTH]}..."
    return words if isinstance(error, OSError) and words else f"{type(error).__name__}: {words}"


def _regular(name: str) -> tuple[str, int, int, int, int]:
    """Return what tells this state of a file from any other, its size last."""
    try:
        found = os.stat(name)
    except FileNotFoundError:
        raise StoreError(f"{name}: no such file") from None
    if stat.S_ISDIR(found.st_mode):
        raise StoreError(f"{name}: is a directory, a result file is needed")
    if not stat.S_ISREG(found.st_mode):
        # A pipe would be waited for, a device has no end.
        raise StoreError(f"{name}: is no regular file, a result file is needed")
    return os.path.abspath(name), found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _check_format(name: str, file: h5py.File) -> None:
    version = file.attrs.get("format_version")
    if version is None:
        raise damaged(name, "not a spacecharge result file: no attribute format_version")
    try:
        number = int(version)
    except (TypeError, ValueError):
        raise damaged(name, "its attribute format_version is no number") from None
    if number > FORMAT_VERSION:
        writer = str(file.attrs.get("spacecharge_version", "?"))[:40]
        raise StoreError(
            f"{name}: format {number} is newer than this version reads (up to {FORMAT_VERSION}); "
            f"it was written by spacecharge {writer}"
        )


def _check_objects(name: str, file: h5py.File, size: int) -> None:
    """Refuse links that lead out, values that stand elsewhere, and more of them than the file can hold."""
    import h5py

    kinds = {h5py.h5l.TYPE_SOFT: "a soft", h5py.h5l.TYPE_EXTERNAL: "an external"}
    seen: set[Any] = set()
    waiting: list[h5py.Group] = [file["/"]]
    while waiting:
        group = waiting.pop()
        for label in group.id:
            link = group.id.links.get_info(label)
            where = f"{group.name.rstrip('/')}/{label.decode('utf-8', 'backslashreplace')}"[:80]
            if link.type != h5py.h5l.TYPE_HARD:
                raise damaged(name, f"{where!r} is {kinds.get(link.type, 'a user-defined')} link")
            item = group[label]
            if item.id in seen:
                continue
            seen.add(item.id)
            if len(seen) > MOST_OBJECTS:
                raise damaged(name, f"it holds more than {MOST_OBJECTS} objects")
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                _check_dataset(name, where, item, size)


def _check_dataset(name: str, where: str, dataset: h5py.Dataset, size: int) -> None:
    import h5py

    plist = dataset.id.get_create_plist()
    if plist.get_layout() == h5py.h5d.VIRTUAL:
        raise damaged(name, f"{where!r} is a virtual dataset: its values stand in other files")
    if plist.get_external_count():
        raise damaged(name, f"{where!r} keeps its values in another file")
    ours = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
    filters = {plist.get_filter(k)[0] for k in range(plist.get_nfilters())}
    if not filters <= ours:
        raise damaged(name, f"{where!r} goes through filters that no result file uses: {sorted(filters - ours)}")
    claimed = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
    if claimed > size * (MOST_SHRUNK if h5py.h5z.FILTER_DEFLATE in filters else 1):
        raise damaged(name, f"{where!r} claims {claimed:.3g} bytes of values in a file of {size}")


def _check_heaps(name: str) -> None:
    """Refuse a heap of texts in which the HDF5 library would go round for ever.

    A heap is a row of objects, each with its size; the library steps from one to the next and, up to version 2.0,
    does not mind a step of nothing.
    """
    with open(name, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        starts = {0, max(0, size - HEAP_BYTES)} if size > HEAP_BYTES else {0}
        for start in sorted(starts):
            file.seek(start)
            raw = file.read(HEAP_BYTES)
            at = -1
            while (at := raw.find(_HEAP, at + 1)) >= 0:
                if not _heap_ends(raw, at):
                    raise damaged(name, f"a heap of texts at byte {start + at} does not end")


def _heap_ends(raw: bytes, start: int) -> bool:
    if start + 16 > len(raw):
        return True
    end = start + struct.unpack_from("<Q", raw, start + 8)[0]
    at = start + 16
    while at + 16 <= min(end, len(raw)):
        index, size = struct.unpack_from("<H6xQ", raw, at)
        # The object of number zero is the space that is left, its size with its own head.
        step = size if index == 0 else 16 + -(-size // 8) * 8
        if step < 16 and at + step < end:
            return False
        at += step
    return True


__all__ = ["damaged", "has_member", "open_hdf5", "refusing_damage"]
