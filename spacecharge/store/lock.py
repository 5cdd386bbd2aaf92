"""One run per result file, also where the file system knows no locks.

The lock is a small file ``FILE.lock`` beside the result, created by a hard link (atomic on local disks
and on NFS) and naming its holder: host, boot, process and the start time of the process. It is not an
advisory lock of the operating system, which many cluster file systems do not have or ignore.

A lock is stale when its process is gone (same host and same boot), or when a holder elsewhere has not
touched it for :data:`STALE_SECONDS`; a running sweep touches it every few seconds. Ages are differences
of time stamps that the file system itself gave, so clocks of different hosts do not matter.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import uuid
from pathlib import Path

from ..errors import StoreError, SystemStop

STALE_SECONDS = 120.0
"""A holder on another host that was silent for so long is taken for dead."""

TOUCH_SECONDS = 5.0


class RunLock:
    """Holds the right to write one result file; a context manager.

    Parameters
    ----------
    path : Path
        The result file.

    Raises
    ------
    StoreError
        Another run holds it (on entering).
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".lock")
        self._target = path
        self._token = uuid.uuid4().hex
        self._touched = 0.0

    def __enter__(self) -> RunLock:
        own = self.path.with_name(f".{self.path.name}.{self._token}")
        holder = {**_identity(os.getpid()), "token": self._token}
        own.write_text(json.dumps(holder), encoding="utf-8")
        try:
            if not _link(own, self.path):
                self._take_over(own)
        finally:
            own.unlink(missing_ok=True)
        self._touched = time.monotonic()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._is_ours():
            self.path.unlink(missing_ok=True)

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
        if not self._is_ours():
            raise SystemStop(f"{self._target}: another run took over while this one stood still; it goes on from here")
        with contextlib.suppress(OSError):
            os.utime(self.path)

    def _is_ours(self) -> bool:
        return _read(self.path).get("token") == self._token

    def _take_over(self, own: Path) -> None:
        holder = _read(self.path)
        if not _is_stale(self.path, holder, own):
            raise StoreError(
                f"{self._target}: in use by another run (process {holder.get('pid', '?')} on "
                f"{holder.get('host', '?')}); wait for it, or remove {self.path.name} if it is gone"
            )
        if _read(self.path) == holder:
            os.replace(own, self.path)
        # Two runs may have judged the same lock stale at once: the last rename wins, the other sees it.
        time.sleep(0.05)
        if not self._is_ours():
            raise StoreError(f"{self._target}: in use by another run that started at the same moment")


def _link(own: Path, lock: Path) -> bool:
    """Create the lock with its content in one step; say whether it was free."""
    try:
        os.link(own, lock)
        return True
    except FileExistsError:
        return False
    except OSError:
        # No hard links here (FAT, some network mounts): exclusive creation is the next best.
        try:
            with open(lock, "x", encoding="utf-8") as file:
                file.write(own.read_text(encoding="utf-8"))
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
        if now["host"] == holder.get("host") and now["boot"] == holder.get("boot"):
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
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "alive"
