"""Read processed two-dimensional spectra of Bruker experiments: 2rr, its axes, mixing time and temperature."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError

Array = NDArray[np.float64]

MOST_POINTS = 2**28
"""Largest spectrum that is read [points]."""

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
        Not there, no 2D spectrum, no axes; nmrglue is missing.
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
    try:
        from nmrglue.fileio import bruker
    except ImportError:
        raise FitError("Bruker spectra need nmrglue: pip install 'spacecharge[bruker]'") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parameters, data = bruker.read_pdata(str(place), bin_files=["2rr"], scale_data=True)
    except Exception as error:  # nmrglue raises whatever its parsing meets
        raise FitError(f"{place}: cannot be read as a Bruker spectrum: {' '.join(str(error).split())[:120]}") from None
    intensity = np.asarray(data, dtype=np.float64)
    if intensity.ndim != 2 or min(intensity.shape) < 8:
        raise FitError(f"{place}: is no 2D spectrum (shape {intensity.shape})")
    if not np.isfinite(intensity).all() or not np.any(intensity):
        raise FitError(f"{place}: the spectrum is zero or not finite")
    acquired = parameters.get("acqus", {})
    scans = _number(acquired, "NS")
    return Spectrum2d(
        path=str(place),
        ppm_1=_axis(place, "proc2s", parameters, intensity.shape[0]),
        ppm_2=_axis(place, "procs", parameters, intensity.shape[1]),
        intensity=intensity / scans if scans > 0.0 else intensity,
        mixing_time_s=_mixing_time(acquired, delay),
        temperature_K=_number(acquired, "TE"),
        receiver_gain=_number(acquired, "RG"),
    )


def _number(section: Mapping[str, Any], key: str) -> float:
    try:
        return float(section[key])
    except (KeyError, TypeError, ValueError):
        return math.nan


def _axis(place: Path, name: str, parameters: Mapping[str, Any], n: int) -> Array:
    """Return the shifts of one dimension: OFFSET at its first point, SW_p/SF wide."""
    section = parameters.get(name, {})
    offset, width, frequency = (_number(section, key) for key in ("OFFSET", "SW_p", "SF"))
    if not (math.isfinite(offset) and width > 0.0 and frequency > 0.0):
        raise FitError(f"{place / name}: OFFSET, SW_p and SF are needed for the axis")
    return np.asarray(offset - np.arange(n) * (width / frequency / n))


def _mixing_time(acquired: Mapping[str, Any], delay: str) -> float:
    match = _DELAY.match(delay)
    if match is None:
        raise FitError(f"{delay!r} is no delay of the parameters (allowed: D0 to D63 in s, P0 to P63 in us)")
    try:
        return float(acquired[match[1]][int(match[2])]) * (1.0 if match[1] == "D" else 1e-6)
    except (KeyError, IndexError, TypeError, ValueError):
        return math.nan


__all__ = ["Spectrum2d", "read_bruker_2d"]
