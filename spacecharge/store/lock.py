"""One writer per result file, run or fit, also where the file system knows no locks.

The lock is a small file ``FILE.lock`` beside the result, created by a hard link (atomic on local disks
and on NFS) and naming its holder: host, boot, process and the start time of the process. It is not an
advisory lock of the operating system, which many cluster file systems do not have or ignore.

A lock is stale when its process is gone (same host and same boot), or when a holder elsewhere has not
touched it for :data:`STALE_SECONDS`; a running sweep touches it every few seconds. Ages are differences
of time stamps that the file system itself gave, so clocks of different hosts do not matter.

Whoever takes a stale lock over, or gives his own back, does it alone: an advisory lock of the operating system on the
folder keeps two that judged the same lock stale from replacing each other's. Where the file system has no such lock,
a holder that was replaced notices before it puts its file in place.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import StoreError, SystemStop
from .files import WINDOWS

UNKNOWN = "unknown"
"""Start time of a process where the system does not tell."""

STALE_SECONDS = 120.0
"""A holder on another host that was silent for so long is taken for dead."""

TOUCH_SECONDS = 5.0

POLL_SECONDS = 0.05
"""How often one that waits looks whether the file is free."""

SAY_SECONDS = 2.0
"""A wait of this length is announced."""

ALONE_SECONDS = 2.0
"""Longest wait for another process that is just taking over or releasing a lock of the same folder."""


class RunLock:
    """Holds the right to write one result file; a context manager.

    Parameters
    ----------
    path : Path
        The result file.
    wait_seconds : float
        How long to wait for another holder before giving up.
    say : callable, optional
        Takes one line when the wait becomes noticeable.

    Raises
    ------
    StoreError
        Another run or fit holds it (on entering).
    """

    def __init__(self, path: Path, *, wait_seconds: float = 0.0, say: Callable[[str], None] | None = None) -> None:
        self.path = path.with_name(path.name + ".lock")
        self._target = path
        self._token = uuid.uuid4().hex
        self._touched = 0.0
        self._wait = wait_seconds
        self._say = say

    def __enter__(self) -> RunLock:
        started, said = time.monotonic(), self._say is None
        own = self.path.with_name(f".{self.path.name[:100]}.{self._token}")
        holder = {**_identity(os.getpid()), "token": self._token}
        _write_new(own, json.dumps(holder))
        try:
            while not (_link(own, self.path) or self._take_over(own)):
                waited = time.monotonic() - started
                if waited >= self._wait:
                    raise StoreError(
                        f"{self._target}: in use by {self._holder()}; wait for it, or remove {self.path.name} "
                        "if it is gone"
                    )
                if waited >= SAY_SECONDS and not said and self._say is not None:
                    said = True
                    self._say(f"{self._target}: waiting for {self._holder()}")
                time.sleep(POLL_SECONDS)
                # Its time stamp is the "now" against which the age of a lock from elsewhere is taken.
                os.utime(own)
            self._clear(own)
        finally:
            _unlink(own)
        self._touched = time.monotonic()
        return self

    def _clear(self, own: Path) -> None:
        """Remove what runs left that were killed while they took this lock."""
        begin = own.name.removesuffix(self._token)
        with contextlib.suppress(OSError):
            for left in list(own.parent.iterdir()):
                # The file of a run that is only about to write it is empty: it counts by its age.
                if left.name.startswith(begin) and left != own and _is_stale(left, _read(left), own):
                    left.unlink(missing_ok=True)

    def __exit__(self, *exc: object) -> None:
        with _alone(self.path.parent):
            if self._is_ours():
                _unlink(self.path)

    def touch(self) -> None:
        """Show that the holder lives; call it often, it acts every few seconds.

        Raises
        ------
        SystemStop
            Another run took the lock over, because this one stood still for too long.
        """
        now = time.monotonic()
        if now - self._touched < TOUCH_SECONDS:
            return
        self._touched = now
        self.check()
        with contextlib.suppress(OSError):
            os.utime(self.path)

    def check(self) -> None:
        """Make sure that the lock is still ours.

        Raises
        ------
        SystemStop
            It is not.
        """
        if not self._is_ours():
            raise SystemStop(f"{self._target}: another run took over while this one stood still; it goes on from here")

    def _is_ours(self) -> bool:
        return _read(self.path).get("token") == self._token

    def _holder(self) -> str:
        holder = _read(self.path)
        return f"another run (process {holder.get('pid', '?')} on {holder.get('host', '?')})"

    def _take_over(self, own: Path) -> bool:
        """Put `own` in the place of a stale lock; say whether that made the lock ours."""
        if not _is_stale(self.path, _read(self.path), own):
            return False
        with _alone(self.path.parent) as is_alone:
            holder = _read(self.path)
            if not self.path.exists() or not _is_stale(self.path, holder, own):
                return False
            with contextlib.suppress(PermissionError):
                # A copy, since `own` is still needed when somebody else was faster.
                copy = own.with_name(f"{own.name}.over")
                _write_new(copy, own.read_text(encoding="utf-8"))
                os.replace(copy, self.path)
        if not is_alone:
            # Two runs may have judged the same lock stale at once: the last rename wins, the other sees it.
            time.sleep(POLL_SECONDS)
        return self._is_ours()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Keep other processes from changing locks in `folder`; yields whether the system can do that."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        # Windows, or a folder that may not be read.
        yield False
        return
    try:
        yield _flock(fcntl, descriptor)
    finally:
        # Ends the lock too.
        os.close(descriptor)


def _flock(fcntl: Any, descriptor: int) -> bool:
    """Lock an open folder; false where the file system cannot, or where somebody sits on it."""
    deadline = time.monotonic() + ALONE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.002)
        except OSError:
            return False


def _unlink(path: Path) -> None:
    """Remove a file, waiting a moment for somebody who reads it where the system asks for that."""
    deadline = time.monotonic() + (ALONE_SECONDS if WINDOWS else 0.0)
    while True:
        try:
            path.unlink(missing_ok=True)
            return
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(POLL_SECONDS)


def _write_new(path: Path, text: str) -> None:
    """Write a small file that does not exist yet, never through a link; nothing stays of one that fails."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        _unlink(path)
        raise


def _link(own: Path, lock: Path) -> bool:
    """Create the lock with its content in one step; say whether it was free."""
    try:
        os.link(own, lock)
        return True
    except FileExistsError:
        return False
    except (OSError, AttributeError):
        # No hard links here (FAT, some network mounts, some systems): exclusive creation is the next best.
        try:
            _write_new(lock, own.read_text(encoding="utf-8"))
            return True
        except FileExistsError:
            return False


def _read(lock: Path) -> dict[str, object]:
    try:
        content = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_stale(lock: Path, holder: dict[str, object], fresh: Path) -> bool:
    pid = holder.get("pid")
    if isinstance(pid, int):
        now = _identity(pid)
        if now["host"] == holder.get("host") and now["boot"] == holder.get("boot") and now["started"] != UNKNOWN:
            return now["started"] is None or now["started"] != holder.get("started")
    try:
        # `fresh` was written a moment ago by the same file system: its time stamp is "now".
        return fresh.stat().st_mtime - lock.stat().st_mtime > STALE_SECONDS
    except OSError:
        return True


def _identity(pid: int) -> dict[str, object]:
    """Return host, boot (with the process namespace of containers), pid and its start time or None."""
    return {"host": socket.gethostname(), "boot": _boot(), "pid": pid, "started": _started(pid)}


def _boot() -> str:
    parts = []
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _started(pid: int) -> str | None:
    """Return what tells this process from a later one of the same number; None if there is none."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        # A zombie has ended; its entry waits for the parent only.
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return None
    if WINDOWS:
        # There, signal 0 is no question but Ctrl-C. The age of the lock decides.
        return UNKNOWN
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "alive"
