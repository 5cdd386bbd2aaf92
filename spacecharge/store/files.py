"""Writing files so that no failure of the system leaves a broken one.

Every file appears under its name by an atomic rename, after its bytes reached the disk. HDF5 writes
through :class:`GuardedFile`, because the HDF5 library cannot recover from a failed write: it fails
again on close and at exit. The guard keeps the error for us and lets the library end in peace.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StoreError, SystemStop

if TYPE_CHECKING:
    import h5py

METADATA_BLOCK_BYTES = 1 << 16
"""HDF5 allocates its metadata in blocks of this size: few, large writes."""

SYSTEM_ERRNOS = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO, errno.ENOMEM)
"""Errors of the system that end a run with exit code 3 and leave it resumable."""


class GuardedFile(io.RawIOBase):
    """A file for h5py's ``fileobj`` driver that remembers the first failed write and swallows the rest.

    Parameters
    ----------
    path : Path
        File to create, or to change with ``mode="r+"``.
    mode : str
        Mode of :class:`io.FileIO`.
    """

    def __init__(self, path: Path, mode: str = "w+") -> None:
        self._file = io.FileIO(path, mode)
        self.error: OSError | None = None

    def readable(self) -> bool:
        """Say yes."""
        return True

    def writable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move as the file does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position [bytes]."""
        return self._file.tell()

    def readinto(self, buffer: Any, /) -> int:
        """Read; what a swallowed write never wrote reads as zeros."""
        n = int(self._file.readinto(buffer) or 0)
        if self.error is not None and n < len(buffer):
            memoryview(buffer).cast("B")[n:] = bytes(len(buffer) - n)
            return len(buffer)
        return n

    def write(self, data: Any, /) -> int:
        """Write all of `data`, or keep the error and pretend."""
        view = memoryview(data).cast("B")
        if self.error is None:
            try:
                write_all(self._file, view)
            except OSError as error:
                self.error = error
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        """Truncate, or keep the error and pretend."""
        if self.error is None:
            try:
                return self._file.truncate(size)
            except OSError as error:
                self.error = error
        return size or 0

    def flush(self) -> None:
        """Do nothing: the file is not buffered, and durability is the business of :func:`replacing`."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def write_all(file: io.FileIO, data: bytes | memoryview) -> None:
    """Write every byte of `data`: a raw write may take only the part that still fits the disk.

    Raises
    ------
    OSError
        As the system says it.
    """
    view = memoryview(data).cast("B")
    while len(view):
        n = file.write(view)
        if not n:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = view[n:]


def sync_folder(folder: Path) -> None:
    """Bring a rename in `folder` to the disk (a no-op where folders cannot be synced)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def temporary_path(path: Path) -> Path:
    """Return the name under which a successor of `path` is prepared, in the same folder."""
    return path.with_name(f".{path.name}.tmp-{os.getpid()}")


def remove_leftovers(path: Path) -> None:
    """Remove what a killed process was preparing for `path`; call it only while holding the lock."""
    for leftover in path.parent.glob(f".{path.name}.tmp-*"):
        with contextlib.suppress(OSError):
            leftover.unlink()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Prepare a file that appears under `path` only when it is complete and on the disk.

    Parameters
    ----------
    path : Path
        Final name; an existing file is replaced atomically.

    Yields
    ------
    Path
        Temporary name in the same folder; the body creates and closes it.

    Raises
    ------
    OSError
        The system failed to write; nothing of the new file remains, an old one is untouched.
    """
    temporary = temporary_path(path)
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextlib.contextmanager
def guarded_hdf5(path: Path, mode: str) -> Iterator[h5py.File]:
    """Open an HDF5 file for writing through a :class:`GuardedFile`.

    Parameters
    ----------
    path : Path
        The file; nobody else has it open.
    mode : {"w", "r+"}
        Create or change.

    Yields
    ------
    h5py.File
        Closed at the end of the body.

    Raises
    ------
    OSError
        The first write that failed, as the system says it.
    """
    import h5py

    guard = GuardedFile(path, "w+" if mode == "w" else "r+")
    try:
        with h5py.File(guard, mode, meta_block_size=METADATA_BLOCK_BYTES) as file:
            yield file
    except (OSError, RuntimeError):
        # What HDF5 says after a failed write is a consequence; the write itself is the cause.
        if guard.error is not None:
            raise guard.error from None
        raise
    finally:
        guard.close()
    if guard.error is not None:
        raise guard.error


def read_hdf5(path: Path) -> h5py.File:
    """Open an HDF5 file for reading, also on file systems that know no locks.

    The library's own choice comes first: a file that is open twice in one process must be open in
    the same way.

    Raises
    ------
    OSError
        It is no HDF5 file or cannot be read.
    """
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "unable to lock" not in str(error):
            raise
        return h5py.File(path, "r", locking=False)


@contextlib.contextmanager
def edited_hdf5(path: Path) -> Iterator[h5py.File]:
    """Change a copy of an HDF5 file and put it in the place of the old one when that succeeded.

    Parameters
    ----------
    path : Path
        Existing file.

    Yields
    ------
    h5py.File
        The copy, open for reading and writing.

    Raises
    ------
    OSError
        The system failed to write; the old file is untouched.
    """
    with replacing(path) as temporary:
        shutil.copyfile(path, temporary)
        with guarded_hdf5(temporary, "r+") as file:
            yield file


@contextlib.contextmanager
def system_errors(path: Path, advice: Callable[[], str]) -> Iterator[None]:
    """Turn errors of the disk into the exceptions that the command line knows.

    Parameters
    ----------
    path : Path
        File concerned, for the message.
    advice : callable
        Returns what the user finds and can do now; called only on failure.

    Raises
    ------
    SystemStop
        Disk full, quota or size limit reached, input/output error.
    StoreError
        The file cannot be written for another reason (permissions).
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in SYSTEM_ERRNOS:
            raise SystemStop(f"{path}: {reason}; {advice()}") from error
        raise StoreError(f"{path}: cannot be written ({reason})") from error
