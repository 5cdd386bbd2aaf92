"""Where compiled kernels are kept when neither the package nor the home folder can be written.

Containers and clusters have read-only file systems; numba then refuses to compile at all what it is asked to keep.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path


def temporary_cache() -> Path | None:
    """Return a folder for compiled kernels under the temporary folder of the system, and say so in one line.

    Returns
    -------
    Path or None
        A folder of this user's alone, the same one for all processes, so that the compilation is met once; where
        somebody else sits on its name, one that is removed at the end of the process. None where nothing can be
        written at all: then every process compiles for itself.
    """
    try:
        folder, lasting = _folder(Path(tempfile.gettempdir()))
    except OSError:
        _say("no folder can be written: the solver is compiled by every process anew")
        return None
    kept = "" if lasting else " for this process"
    _say(
        f"package and home folder cannot be written: compiled kernels go to {folder}{kept} "
        "(NUMBA_CACHE_DIR names another folder)"
    )
    return folder


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(f"spacecharge: {text}", file=sys.stderr, flush=True)


def _folder(root: Path) -> tuple[Path, bool]:
    """Return a folder that only this user can write, and whether it outlives the process."""
    user = os.getuid() if hasattr(os, "getuid") else None
    folder = root / ("spacecharge-kernels" if user is None else f"spacecharge-kernels-{user}")
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # Machine code is run: a folder that others can write, or a link to one, is not taken.
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and (user is None or (found.st_uid == user and not found.st_mode & 0o022))
        if not ours or not os.access(folder, os.W_OK | os.X_OK):
            own = Path(tempfile.mkdtemp(prefix="spacecharge-kernels-", dir=root))
            atexit.register(shutil.rmtree, own, ignore_errors=True)
            return own, False
    return folder, True


__all__ = ["temporary_cache"]
