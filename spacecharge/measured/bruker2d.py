"""Read processed two-dimensional spectra of Bruker experiments: 2rr, its axes, mixing time and temperature."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from .bruker_files import MOST_POINTS, parameter, read_parameters
from .text import NUMBER

Array = NDArray[np.float64]

_DELAY = re.compile(r"(D|P)\s?([0-9]{1,2})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum2d:
    """A processed spectrum of one mixing time.

    Parameters
    ----------
    path : str
        Folder of the processed data.
    ppm_1, ppm_2 : ndarray, shape (n_1,), (n_2,)
        Shift before (indirect) and after (direct dimension) mixing, falling [ppm].
    intensity : ndarray, shape (n_1, n_2)
        Scaled by NC_proc, per scan.
    mixing_time_s, temperature_K : float
        From the parameters; NaN where they do not say.
    receiver_gain : float
        RG; NaN where the parameters do not say.
    """

    path: str
    ppm_1: Array
    ppm_2: Array
    intensity: Array
    mixing_time_s: float
    temperature_K: float
    receiver_gain: float


def read_bruker_2d(directory: str | os.PathLike[str], *, procno: int = 1, delay: str = "D8") -> Spectrum2d:
    """Read the processed spectrum of an experiment.

    Parameters
    ----------
    directory : str or path
        Experiment directory, with ``pdata/PROCNO`` in it.
    procno : int
        Number of the processed data.
    delay : str
        Parameter that holds the mixing time: D0 to D63 [s], or P0 to P63 [us].

    Returns
    -------
    Spectrum2d
        Spectrum, axes, mixing time, temperature.

    Raises
    ------
    FitError
        Not there, no 2D spectrum, no axes.
    """
    folder = Path(directory)
    place = folder / "pdata" / str(procno)
    if not place.is_dir():
        raise FitError(f"{folder}: has no processed data pdata/{procno}")
    for name in ("2rr", "procs", "proc2s"):
        if not (place / name).is_file():
            raise FitError(f"{place}: {name} is missing: no processed 2D spectrum")
    if (place / "2rr").stat().st_size > 8 * MOST_POINTS:
        raise FitError(f"{place}: 2rr is too large (allowed: {MOST_POINTS} points)")
    sections = {name: read_parameters(place / name) for name in ("procs", "proc2s")}
    intensity = _intensity(place / "2rr", sections["proc2s"], sections["procs"])
    acquired = read_parameters(folder / "acqus") if (folder / "acqus").is_file() else {}
    scans = parameter(acquired, "NS")
    if scans <= 0.0:
        raise FitError(f"{folder / 'acqus'}: NS, the number of scans, is {scans:g} (allowed: 1 or more)")
    return Spectrum2d(
        path=str(place),
        ppm_1=_axis(place / "proc2s", sections["proc2s"], intensity.shape[0]),
        ppm_2=_axis(place / "procs", sections["procs"], intensity.shape[1]),
        intensity=intensity / scans if scans > 0.0 else intensity,
        mixing_time_s=_mixing_time(acquired, delay),
        temperature_K=parameter(acquired, "TE"),
        receiver_gain=parameter(acquired, "RG"),
    )


def _intensity(path: Path, before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> Array:
    """Read 2rr: blocks of XDIM points in both dimensions, scaled by 2 to the power NC_proc."""
    shape, block = [], []
    for name, section in (("proc2s", before), ("procs", after)):
        size, inner = parameter(section, "SI"), parameter(section, "XDIM")
        if not 8.0 <= size <= MOST_POINTS:
            raise FitError(f"{path.parent / name}: SI, the number of points, is needed (allowed: 8 or more)")
        if not (1.0 <= inner <= size and size % inner == 0.0):
            message = f"XDIM, the size of a block, is needed (allowed: a divisor of SI, {int(size)})"
            raise FitError(f"{path.parent / name}: {message}")
        shape.append(int(size))
        block.append(int(inner))
    order = ">" if parameter(after, "BYTORDP") == 1.0 else "<"
    kind = f"{order}f8" if parameter(after, "DTYPP") == 2.0 else f"{order}i4"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FitError(f"{path}: cannot be read: {error.strerror or error}") from None
    n_1, n_2 = shape
    if len(raw) != n_1 * n_2 * np.dtype(kind).itemsize:
        raise FitError(f"{path}: holds {len(raw)} bytes, {n_1} x {n_2} points of the parameters need another number")
    data = np.frombuffer(raw, dtype=kind).astype(np.float64)
    other = np.frombuffer(raw, dtype=kind.translate(str.maketrans("<>", "><"))).astype(np.float64)
    if _roughness(other) < _SMOOTHER * _roughness(data):
        raise FitError(f"{path}: the bytes stand in the other order than BYTORDP in procs says")
    b_1, b_2 = block
    data = data.reshape(n_1 // b_1, n_2 // b_2, b_1, b_2).transpose(0, 2, 1, 3).reshape(n_1, n_2)
    exponent = parameter(after, "NC_proc")
    if math.isfinite(exponent) and abs(exponent) <= 200.0:
        data = data * 2.0**exponent
    elif kind.endswith("i4"):
        raise FitError(f"{path.parent / 'procs'}: NC_proc, the power of two of the intensities, is needed")
    with np.errstate(invalid="ignore", over="ignore"):
        sound = np.isfinite(data).all() and np.any(data) and bool(np.abs(data).max() < 1e150)
    if not sound:
        raise FitError(f"{path.parent}: the spectrum is zero or not finite")
    return np.asarray(data)


_SMOOTHER = 0.3
"""Where the bytes of a smooth spectrum are swapped, neighbours differ as numbers thrown at random do."""


def _roughness(data: Array) -> float:
    """Return how much neighbours differ, over their size; 0 for nothing."""
    with np.errstate(invalid="ignore", over="ignore"):
        size, change = np.mean(np.abs(data)), np.mean(np.abs(np.diff(data)))
    return float(change / size) if np.isfinite(size) and size > 0.0 and np.isfinite(change) else math.inf


def _axis(path: Path, section: Mapping[str, list[str]], n: int) -> Array:
    """Return the shifts of one dimension: OFFSET at its first point, SW_p/SF wide."""
    offset, width, frequency = (parameter(section, key) for key in ("OFFSET", "SW_p", "SF"))
    if not (abs(offset) < 1e6 and 0.0 < width < 1e12 and 1e-3 < frequency < 1e6):
        raise FitError(f"{path}: OFFSET, SW_p and SF are needed for the axis")
    return np.asarray(offset - np.arange(n) * (width / frequency / n))


def _mixing_time(acquired: Mapping[str, list[str]], delay: str) -> float:
    match = _DELAY.match(delay)
    if match is None:
        raise FitError(f"{delay!r} is no delay of the parameters (allowed: D0 to D63 in s, P0 to P63 in us)")
    words, place = acquired.get(match[1], []), int(match[2])
    if place >= len(words) or not NUMBER.match(words[place]):
        return math.nan
    return float(words[place]) * (1.0 if match[1] == "D" else 1e-6)


__all__ = ["Spectrum2d", "read_bruker_2d"]
