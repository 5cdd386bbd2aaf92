"""Read delays and intensities of a pseudo-2D relaxation experiment from a Bruker directory.

The delay lists of TopSpin carry no unit of their own: a vdlist is in seconds, a vplist in microseconds,
a vclist counts loops, and an entry may end in u, m or s. What a bare number means is asked for, never
guessed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from .columns import TIME_UNITS

LISTS = ("vdlist", "vplist", "vclist")

_BAND_EDGE = 0.1
"""Power above the floor, in units of the peak's, at which the band of a line ends."""

_PASSES = 5
"""Passes of reference and strengths; both settle to the noise after three."""

_ENTRY = re.compile(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(ns|us|ms|s|n|u|m)?\Z")
_LETTERS = {"n": 1e-9, "u": 1e-6, "m": 1e-3}


def read_delays(
    directory: str | os.PathLike[str],
    *,
    delay_unit: str | None,
    delay_list: str | None = None,
    echo_spacing_s: float | None = None,
) -> NDArray[np.float64]:
    """Read the list of delays.

    Parameters
    ----------
    directory : str or path
        Experiment directory.
    delay_unit : {'s', 'ms', 'us', 'ns'}, optional
        Unit of entries without a letter.
    delay_list : {'vdlist', 'vplist', 'vclist'}, optional
        Which file; needed where there are several.
    echo_spacing_s : float, optional
        Delay per loop of a vclist [s].

    Returns
    -------
    ndarray, shape (n,)
        [s].

    Raises
    ------
    FitError
        No list or several, a bare number without `delay_unit`, loops without `echo_spacing_s`.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise FitError(f"{folder}: no such directory")
    found = [name for name in LISTS if (folder / name).is_file()]
    if delay_list is None:
        if len(found) != 1:
            what = f"several delay lists ({', '.join(found)})" if found else "no delay list"
            raise FitError(f"{folder}: has {what}; name one with delay_list (allowed: {', '.join(LISTS)})")
        delay_list = found[0]
    elif delay_list not in found:
        raise FitError(f"{folder}: has no {delay_list} (found: {', '.join(found) or 'none'})")
    path = folder / delay_list
    if delay_unit is not None and delay_unit not in TIME_UNITS:
        raise FitError(f"{path}: {delay_unit!r} is no unit of time (allowed: {', '.join(TIME_UNITS)})")
    delays = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _ENTRY.match(text)
        if match is None:
            raise FitError(f"{path}:{number}: a delay is needed, got {text[:40]}")
        try:
            value = float(match[1])
        except ValueError:
            raise FitError(f"{path}:{number}: a delay is needed, got {text[:40]}") from None
        if delay_list == "vclist":
            if echo_spacing_s is None:
                raise FitError(f"{path}: counts loops; give the delay of one loop as echo_spacing_s")
            delays.append(value * echo_spacing_s)
        elif match[2]:
            delays.append(value * (TIME_UNITS.get(match[2]) or _LETTERS[match[2]]))
        elif delay_unit is None:
            raise FitError(
                f"{path}:{number}: {text} has no unit; give delay_unit (s, ms or us): TopSpin reads a vdlist in "
                "seconds and a vplist in microseconds, but lists get copied"
            )
        else:
            delays.append(value * TIME_UNITS[delay_unit])
    if not delays:
        raise FitError(f"{path}: is empty")
    if min(delays) < 0.0:
        raise FitError(f"{path}: has a negative delay")
    return np.array(delays)


def read_intensities(
    directory: str | os.PathLike[str], *, source: str | None = None, peak: int = 1
) -> NDArray[np.float64]:
    """Read one intensity per delay.

    Parameters
    ----------
    directory : str or path
        Experiment directory.
    source : {'ser', 't1ints'}, optional
        Raw data (needs nmrglue), or the intensities that TopSpin's relaxation module wrote; default: the
        raw data where they are there.
    peak : int
        Peak of ``t1ints``, from 1.

    Returns
    -------
    ndarray, shape (n,)
        Arbitrary units. Of raw data: the part of each signal in phase with the strongest one (its
        projection, a matched filter), so that no phase, baseline or integration region is chosen.

    Raises
    ------
    FitError
        Neither source is there, or it cannot be read.
    """
    folder = Path(directory)
    if source is None:
        source = "ser" if (folder / "ser").is_file() else "t1ints"
    if source == "ser":
        return _from_raw(folder)
    if source != "t1ints":
        raise FitError(f"{source!r} is no source of intensities (allowed: ser, t1ints)")
    path = folder / "t1ints.txt"
    if not path.is_file():
        raise FitError(f"{folder}: has neither raw data (ser) nor t1ints.txt")
    return _from_t1ints(path, peak)


def _from_raw(folder: Path) -> NDArray[np.float64]:
    if not (folder / "ser").is_file():
        raise FitError(f"{folder}: has no raw data (ser)")
    try:
        from nmrglue.fileio import bruker
    except ImportError:
        raise FitError("raw Bruker data need nmrglue: pip install 'spacecharge[bruker]'") from None
    try:
        _, data = bruker.read(str(folder), read_pulseprogram=False)
        signals = np.atleast_2d(np.asarray(data, dtype=np.complex128))
    except Exception as error:  # nmrglue raises whatever its parsing meets
        raise FitError(f"{folder}: cannot be read as Bruker data: {error}") from None
    if not np.any(signals):
        raise FitError(f"{folder}: the raw data are zero")
    return matched_intensities(signals)


def matched_intensities(signals: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the strength of one line in every signal, without choosing phase or baseline.

    Within the band of the line (where the mean power stands out of the floor) every spectrum is projected
    on the sum of the others, each with its own strength: no signal meets its own noise, so a noisy one is
    not favoured.

    Parameters
    ----------
    signals : ndarray, shape (n_delays, n_points)
        Free induction decays.

    Returns
    -------
    ndarray, shape (n_delays,)
        Signed; the strongest is positive. The largest size is one.
    """
    spectra = np.fft.fft(signals, axis=1)
    power = np.mean(np.abs(spectra) ** 2, axis=0)
    width = max(1, power.size // 200)
    kernel = np.zeros_like(power)
    kernel[:width] = 1.0 / width
    # Circular smoothing: the line may lie at the edge of the spectrum.
    smooth = np.fft.ifft(np.fft.fft(power) * np.fft.fft(np.roll(kernel, -(width // 2)))).real
    floor = float(np.median(smooth))
    centred = np.roll(smooth, power.size // 2 - int(np.argmax(smooth)))
    low = centred < floor + _BAND_EDGE * (centred.max() - floor)
    middle = power.size // 2
    left = middle - int(np.argmax(low[middle::-1])) if np.any(low[: middle + 1]) else 0
    right = middle + int(np.argmax(low[middle:])) if np.any(low[middle:]) else power.size
    band = np.roll(spectra, middle - int(np.argmax(smooth)), axis=1)[:, left + 1 : max(right, left + 2)]
    strongest = int(np.argmax(np.sum(np.abs(band) ** 2, axis=1)))
    strength = (band @ band[strongest].conj()).real
    for _ in range(_PASSES):
        strength = strength / np.abs(strength).max()
        total = strength @ band
        others = total[None, :] - strength[:, None] * band
        weight = np.sum(strength**2) - strength**2
        usable = weight > 0.0
        overlap = np.sum((band * others.conj()).real, axis=1)
        strength = np.where(usable, overlap / np.where(usable, weight, 1.0), strength)
    return np.asarray(strength / strength[int(np.argmax(np.abs(strength)))])


def _from_t1ints(path: Path, peak: int) -> NDArray[np.float64]:
    """Read the table: a number, then per delay `delay 0 0`, `0 0 n_peaks`, n_peaks times `place height point`."""
    rows = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    heights, k = [], 1
    try:
        while k < len(rows) and float(rows[k][0]) >= 0.0:
            n_peaks = int(rows[k + 1][2])
            if not 1 <= peak <= n_peaks:
                raise FitError(f"{path}: has {n_peaks} peaks, peak {peak} is asked for")
            heights.append(float(rows[k + 1 + peak][1]))
            k += 2 + n_peaks
    except FitError:
        raise
    except (IndexError, ValueError):
        raise FitError(f"{path}:{k + 1}: is no table of TopSpin's relaxation module") from None
    if not heights:
        raise FitError(f"{path}: has no intensities")
    return np.array(heights)


def read_recovery(
    directory: str | os.PathLike[str],
    *,
    delay_unit: str | None = None,
    delay_list: str | None = None,
    echo_spacing_s: float | None = None,
    source: str | None = None,
    peak: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read delays [s] and intensities of one experiment; see :func:`read_delays`, :func:`read_intensities`.

    Raises
    ------
    FitError
        Also where their numbers differ by more than an unfinished run explains: more intensities than
        delays, or fewer.
    """
    delays = read_delays(directory, delay_unit=delay_unit, delay_list=delay_list, echo_spacing_s=echo_spacing_s)
    heights = read_intensities(directory, source=source, peak=peak)
    if delays.size != heights.size:
        raise FitError(f"{os.fspath(directory)}: {delays.size} delays but {heights.size} intensities")
    return delays, heights
