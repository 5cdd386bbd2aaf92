"""The files of a Bruker experiment: parameters (JCAMP-DX) and raw signals (ser)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from .text import NUMBER, read_text

MOST_POINTS = 2**28
"""Largest spectrum or set of signals that is read [points]."""

_MOST_BYTES = 10_000_000
"""Largest parameter file; real ones have about 20 kB."""

_BLOCK = 1024
"""Every signal of a ser file begins at a multiple of so many bytes."""

_LINE = re.compile(r"##\$(\w+)=(.*)")
_BOUNDS = re.compile(r"^\s*\([0-9]+\.\.[0-9]+\)")


def read_parameters(path: Path) -> dict[str, list[str]]:
    """Read a parameter file: name to the words of its value, arrays without their bounds.

    Readers that wait for the closing line of a damaged file wait for ever; this one ends where the file does.

    Raises
    ------
    DataError
        The file is missing, too large or no text.
    """
    text = read_text(path, max_bytes=_MOST_BYTES)
    found: dict[str, list[str]] = {}
    words: list[str] | None = None
    for line in text.lines:
        match = _LINE.match(line)
        if match is not None:
            words = found.setdefault(match[1], [])
            words += _BOUNDS.sub("", match[2]).split()
        elif line.startswith("##") or line.startswith("$$"):
            words = None
        elif words is not None:
            words += line.split()
    return found


def parameter(section: Mapping[str, list[str]], key: str) -> float:
    """Return a parameter, NaN where it is not there or no number."""
    words = section.get(key, [])
    return float(words[0]) if words and NUMBER.match(words[0]) else math.nan


def planned_signals(folder: Path) -> int:
    """Return the number of signals that the experiment was set up for; 0 where it does not say."""
    if not (folder / "acqu2s").is_file():
        return 0
    planned = parameter(read_parameters(folder / "acqu2s"), "TD")
    return int(planned) if 1.0 <= planned <= MOST_POINTS else 0


def read_signals(folder: Path) -> NDArray[np.complex128]:
    """Return the free induction decays that a ser file has whole: a run that was halted may end within one.

    Parameters
    ----------
    folder : path
        Experiment, with ``acqus`` and ``ser`` in it.

    Returns
    -------
    ndarray, shape (n_signals, n_points)
        With the zeros that fill up the last block of a signal.

    Raises
    ------
    FitError
        Neither is there, or they do not belong together.
    """
    for name, what in (("ser", "no raw data (ser)"), ("acqus", "raw data (ser), but not their parameters (acqus)")):
        if not (folder / name).is_file():
            raise FitError(f"{folder}: has {what}")
    acquired = read_parameters(folder / "acqus")
    numbers, kind, order = parameter(acquired, "TD"), parameter(acquired, "DTYPA"), parameter(acquired, "BYTORDA")
    if not 2.0 <= numbers <= MOST_POINTS:
        raise FitError(f"{folder / 'acqus'}: TD, the numbers of a signal, is needed (allowed: 2 to {MOST_POINTS})")
    if not (math.isnan(kind) or kind in (0.0, 2.0)):
        raise FitError(f"{folder / 'acqus'}: DTYPA {kind:g} is not known (allowed: 0, integers; 2, floats)")
    dtype = np.dtype((">" if order == 1.0 else "<") + ("f8" if kind == 2.0 else "i4"))
    size = (folder / "ser").stat().st_size
    if size > MOST_POINTS * dtype.itemsize:
        raise FitError(f"{folder / 'ser'}: is too large (allowed: {MOST_POINTS} numbers)")
    length = int(numbers) * dtype.itemsize
    # What other programs write may do without filling up blocks.
    dense = size == planned_signals(folder) * length
    stride = length if dense else -(-length // _BLOCK) * _BLOCK
    try:
        raw = (folder / "ser").read_bytes()
    except OSError as error:
        raise FitError(f"{folder / 'ser'}: cannot be read: {error.strerror or error}") from None
    n = len(raw) // stride
    if n == 0:
        raise FitError(f"{folder}: ser ends before its first signal")
    values = np.frombuffer(raw[: n * stride], dtype=dtype).reshape(n, -1).astype(float)
    if not (np.isfinite(values).all() and np.abs(values).max() < 1e100):
        raise FitError(f"{folder}: the raw data are not finite")
    # One channel (AQ_mod 0 and 2, or not said), or real and imaginary part in turn.
    if parameter(acquired, "AQ_mod") not in (1.0, 3.0):
        return values.astype(np.complex128)
    values = values[:, : values.shape[1] // 2 * 2]
    return np.asarray(values[:, ::2] + 1j * values[:, 1::2])


__all__ = ["MOST_POINTS", "parameter", "planned_signals", "read_parameters", "read_signals"]
