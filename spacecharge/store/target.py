"""Where a result may be written: into a regular file, or where nothing stands yet."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ..errors import StoreError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""What an HDF5 file begins with (HDF5 File Format Specification 3.0, II.A)."""

_ENDINGS = (".h5", ".hdf5", ".hdf", ".nc")

_MOST_FOLDERS = 250
"""Folders in each other; Python makes missing ones by recursion, which ends at a thousand."""

_SHOWN = 80
"""Longest part of a path that stands in a message about a path that cannot be one."""


def output_file(path: str | os.PathLike[str]) -> Path:
    """Return the file that an output path names, a symbolic link followed to its end.

    A result is never written in the place of what is no regular file: a run as root would replace a device node.

    Parameters
    ----------
    path : str or path
        As the user wrote it; ``~`` stands for the home folder.

    Returns
    -------
    Path
        The path itself, or the end of the link that stands there. Nothing or a regular file is under it.

    Raises
    ------
    StoreError
        A directory, a device, a pipe or a circle of links stands there, or no file can have this name.
    """
    name = os.path.expanduser(os.fspath(path))
    if not name.strip() or "\0" in name:
        reason = "holds a zero byte" if "\0" in name else "is empty"
        raise StoreError(f"{_short(name)}: no file can have this name (it {reason})")
    parts = Path(name).parts
    if len(parts) > 1 and parts[0].startswith("~") and (parts[0] == "~" or not os.path.isdir(parts[0])):
        whose = "home folder is not known (HOME)" if parts[0] == "~" else f"user {_short(parts[0][1:])} is not known"
        raise StoreError(f"{_short(name)}: the {whose}; write the path out")
    if len(parts) > _MOST_FOLDERS:
        raise StoreError(f"{_short(name)}: no file can have this name ({len(parts) - 1} folders in each other)")
    try:
        target = Path(os.path.realpath(name) if os.path.islink(name) else name)
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return target
    except NotADirectoryError:
        # The folder is looked at when it is prepared.
        return target
    except OSError as error:
        raise StoreError(f"{_short(name)}: no file can have this name ({_reason(error)})") from None
    if stat.S_ISDIR(mode):
        raise StoreError(f"{name}: is a directory, a file name is needed")
    if not stat.S_ISREG(mode):
        raise StoreError(f"{name}: is {_kind(mode)}; a result is written into a regular file only")
    return target


def prepared_file(path: str | os.PathLike[str]) -> Path:
    """Return the file that an output path names, its folder made, and say so if it could not be written there.

    Parameters
    ----------
    path : str or path
        As the user wrote it.

    Returns
    -------
    Path
        See :func:`output_file`.

    Raises
    ------
    StoreError
        No result can be written there, or its folder cannot be created or written.
    """
    target = output_file(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{_short(str(target))}: the folder cannot be created ({_reason(error)})") from error
    if not os.access(target.parent, os.W_OK | os.X_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise StoreError(f"{target}: cannot be written (permission denied)")
    return target


def refuse_taken(path: Path, asked: bool) -> None:
    """Refuse to replace results unasked, and ever what is none: a configuration, a table of data, a figure.

    Parameters
    ----------
    path : Path
        Where a result would be written in the place of what stands there.
    asked : bool
        The user wants to go on with what stands there, or to replace it.

    Raises
    ------
    StoreError
        Results stand there unasked, or what neither is nor is called an HDF5 file.
    """
    if path.exists() and not asked:
        raise StoreError(f"{path}: exists already; --resume goes on with an interrupted run, --overwrite replaces it")
    if path.suffix.lower() in _ENDINGS:
        return
    try:
        with path.open("rb") as file:
            start = file.read(len(_SIGNATURE))
    except OSError:
        # Nothing stands there, or what does cannot be written either, which is said elsewhere.
        return
    if start and start != _SIGNATURE:
        raise StoreError(
            f"{path}: is no result file, and only these are replaced; choose another output, or move it away"
        )


def refuse_replacing(*paths: Path, overwrite: bool) -> None:
    """Refuse to replace tables and figures unasked.

    Parameters
    ----------
    *paths : Path
        Where they go.
    overwrite : bool
        The user asks for it.

    Raises
    ------
    StoreError
        One of them exists already.
    """
    for path in paths:
        if path.exists() and not overwrite:
            raise StoreError(f"{path}: exists already; --overwrite replaces it")


def _short(name: str) -> str:
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _reason(error: OSError) -> str:
    return "too many links" if error.errno == errno.ELOOP else os.strerror(error.errno or 0)


def _kind(mode: int) -> str:
    kinds = {
        "a device": (stat.S_ISCHR, stat.S_ISBLK),
        "a pipe": (stat.S_ISFIFO,),
        "a socket": (stat.S_ISSOCK,),
        "a circle of links": (stat.S_ISLNK,),
    }
    return next((words for words, tests in kinds.items() if any(test(mode) for test in tests)), "no regular file")


__all__ = ["output_file", "prepared_file", "refuse_replacing", "refuse_taken"]
