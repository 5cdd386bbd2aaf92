"""The configurations that come with the package: listed with their questions, and copied with the files they name."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreError
from . import not_known

SHIPPED = Path(__file__).parent / "examples"
"""Where an installed package keeps them (the build copies the folder ``configs`` here)."""

IN_CHECKOUT = Path(__file__).resolve().parents[2] / "configs"
"""Where they lie in a copy of the repository."""

_NAMED_FILE = re.compile(r"[\w./-]+\.(?:csv|txt|yaml|dat|mpt|h5)\b|[\w./-]*\bdata/[\w./-]+")
"""A file, or a folder of measured data."""


@dataclass(frozen=True, slots=True)
class Example:
    """One configuration that comes with the package.

    Parameters
    ----------
    name : str
        What ``spacecharge example NAME`` takes.
    path : Path
        The file.
    question : str
        Its first line: what it is for.
    command : str
        The command that runs it, ``run`` or ``fit``.
    """

    name: str
    path: Path
    question: str
    command: str


def folder() -> Path:
    """Return the folder of the configurations: that of the installed package, or of the checkout."""
    return SHIPPED if SHIPPED.is_dir() else IN_CHECKOUT


def examples() -> list[Example]:
    """Return every configuration, by name."""
    found = []
    for path in sorted(folder().glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        question = _first_sentence(text)
        command = "fit" if re.search(r"^fit:", text, flags=re.M) else "run"
        found.append(Example(path.stem, path, question, command))
    return found


def _first_sentence(text: str) -> str:
    """Return the first sentence of the comment at the head of a configuration."""
    lines: list[str] = []
    for line in text.splitlines():
        words = line.lstrip("#").strip()
        if not line.startswith("#") or not words:
            break
        lines.append(words)
    return re.split(r"(?<=[.?:])\s", " ".join(lines) + " ", maxsplit=1)[0].rstrip(":")


def copy_example(name: str, target: Path) -> list[Path]:
    """Copy one configuration, and the files that it names, into a folder.

    Parameters
    ----------
    name : str
        Name of the example.
    target : Path
        Folder; the files keep their places relative to the configuration.

    Returns
    -------
    list of Path
        What was written, the configuration first.

    Raises
    ------
    ConfigError
        There is no such example.
    StoreError
        A file of that name is there already, or cannot be written; nothing was copied.
    """
    known = {example.name: example for example in examples()}
    wanted = name.removesuffix(".yaml")
    if wanted not in known:
        raise not_known("example", "example", name, wanted, list(known))
    sources = _with_named_files(known[wanted].path)
    written = [target / source.relative_to(folder()) for source in sources]
    present = [path for path in written if os.path.lexists(path)]
    if present:
        raise StoreError(f"{present[0]}: exists already; an example never replaces a file")
    try:
        for source, path in zip(sources, written, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)
    except OSError as error:
        raise StoreError(f"{error.filename}: cannot be written ({error.strerror})") from None
    return written


def _with_named_files(path: Path) -> list[Path]:
    """Return a configuration and every file of the folder that it, or one it names, needs."""
    found = [path]
    for current in found:
        if current.suffix != ".yaml":
            continue
        # Without comments: what a comment mentions is not needed to run the file.
        text = re.sub(r"(^|\s)#.*", "", current.read_text(encoding="utf-8"))
        for name in _NAMED_FILE.findall(text):
            other = (current.parent / name).resolve()
            if not other.is_relative_to(folder().resolve()):
                continue
            inside = sorted(path for path in other.rglob("*") if path.is_file()) if other.is_dir() else []
            found.extend(path for path in (other, *inside) if path.is_file() and path not in found)
    return found


__all__ = ["Example", "copy_example", "examples", "folder"]
