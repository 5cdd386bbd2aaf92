"""Where a result comes from: time, versions and machine, as attributes of its file."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from .. import __version__


def created_utc() -> str:
    """Return the present time, ``2025-01-31T12:00:00+00:00``."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def host_cpu() -> str:
    """Return the name of this machine's processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def provenance() -> dict[str, str]:
    """Return the attributes that say when, with what and where a result was computed."""
    return {
        "spacecharge_version": __version__,
        "created_utc": created_utc(),
        "numba_version": metadata.version("numba"),
        "host_cpu": host_cpu(),
    }


__all__ = ["created_utc", "host_cpu", "provenance"]
