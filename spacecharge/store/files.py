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
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StoreError, SystemStop

if TYPE_CHECKING:
    import h5py

    from .lock import RunLock

METADATA_BLOCK_BYTES = 1 << 16
"""HDF5 allocates its metadata in blocks of this size: few, large writes."""

WINDOWS = os.name == "nt"
"""Where a file that somebody has open can be neither replaced nor removed, and signal 0 is Ctrl-C."""

_NAMES = ("ENOSPC", "EFBIG", "EDQUOT", "EIO", "ENOMEM")
SYSTEM_ERRNOS = tuple(getattr(errno, name) for name in _NAMES if hasattr(errno, name))
"""Errors of the system that end a run with exit code 3 and leave it resumable."""

COPY_BYTES = 1 << 24
"""Files are copied in pieces of this size [bytes], between which the lock is touched."""

REPLACE_SECONDS = 5.0
"""Windows does not replace a file that somebody has open; a reader of ours is done sooner than this."""

_TEMPORARY_STEM = 100
"""Characters of a file's name that the name of its temporary file repeats."""


class GuardedFile(io.RawIOBase):
    """A file for h5py's ``fileobj`` driver that remembers the first failed write and swallows the rest.

    Parameters
    ----------
    path : Path
        File to create, or to change with ``mode="r+"``; a symbolic link is refused.
    mode : str
        Mode of :class:`io.FileIO`.
    """

    def __init__(self, path: Path, mode: str = "w+") -> None:
        self._file = io.FileIO(path, mode, opener=no_follow)
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


def no_follow(path: str, flags: int) -> int:
    """Open a file, but never through a symbolic link: the `opener` of whatever is written."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o666)


def _temporary_start(path: Path) -> str:
    return f".{path.name[:_TEMPORARY_STEM]}.tmp-"


def create_beside(path: Path, mode: int) -> Path:
    """Create an empty file of a random name in the folder of `path`, and nothing else under that name.

    Parameters
    ----------
    path : Path
        The file whose successor is prepared.
    mode : int
        Permissions, cut by the umask.

    Raises
    ------
    OSError
        The system does not take it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    temporary = path.with_name(_temporary_start(path) + secrets.token_hex(8))
    os.close(os.open(temporary, flags, mode))
    return temporary


def remove_leftovers(path: Path) -> None:
    """Remove what a killed process was preparing for `path`; call it only while holding the lock."""
    start = _temporary_start(path)
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.startswith(start):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


@contextlib.contextmanager
def replacing(path: Path, lock: RunLock | None = None) -> Iterator[Path]:
    """Prepare a file that appears under `path` only when it is complete and on the disk.

    Parameters
    ----------
    path : Path
        Final name; an existing file is replaced atomically and hands on its permissions.
    lock : RunLock, optional
        The lock of `path`, looked at once more before the file takes its place.

    Yields
    ------
    Path
        An empty file of a random name in the same folder; the body writes and closes it.

    Raises
    ------
    OSError
        The system failed to write; nothing of the new file remains, an old one is untouched.
    StoreError
        What stands under `path` is no regular file.
    SystemStop
        Another run took the lock over.
    """
    try:
        before: os.stat_result | None = os.lstat(path)
    except FileNotFoundError:
        before = None
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise StoreError(f"{path}: is no regular file; a result is written into a regular file only")
    # What others may not read stays so while it is being written.
    temporary = create_beside(path, 0o666 if before is None else 0o600)
    try:
        yield temporary
        with open(temporary, "r+b", opener=no_follow) as file:
            if before is not None:
                _hand_on(file.fileno(), before)
            os.fsync(file.fileno())
        if lock is not None:
            lock.check()
        _replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def _hand_on(descriptor: int, before: os.stat_result) -> None:
    """Give a new file the permissions, and where it is allowed the owner, of the one that it replaces."""
    # Windows knows neither; another user's file in a shared folder cannot be given back to its owner.
    if hasattr(os, "fchown"):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, before.st_uid, before.st_gid)
    if hasattr(os, "fchmod"):
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & 0o777)


def _replace(temporary: Path, path: Path) -> None:
    """Rename a file over another one, waiting a moment for readers where the system asks for it."""
    deadline = time.monotonic() + (REPLACE_SECONDS if WINDOWS else 0.0)
    while True:
        try:
            os.replace(temporary, path)
            return
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)


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
def edited_hdf5(path: Path, lock: RunLock | None = None) -> Iterator[h5py.File]:
    """Change a copy of an HDF5 file and put it in the place of the old one when that succeeded.

    Parameters
    ----------
    path : Path
        Existing file.
    lock : RunLock, optional
        Its lock.

    Yields
    ------
    h5py.File
        The copy, open for reading and writing.

    Raises
    ------
    OSError
        The system failed to write; the old file is untouched.
    StoreError
        `path` is no regular file.
    """
    with replacing(path, lock) as temporary:
        with open(path, "rb", opener=no_follow) as old, io.FileIO(temporary, "r+", opener=no_follow) as new:
            while piece := old.read(COPY_BYTES):
                write_all(new, piece)
                if lock is not None:
                    lock.touch()
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
