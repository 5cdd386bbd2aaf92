"""Read delays and intensities of a pseudo-2D relaxation experiment from a Bruker directory.

The delay lists of TopSpin carry no unit of their own: a vdlist is in seconds, a vplist in microseconds,
a vclist counts loops, and an entry may end in u, m or s. What a bare number means is asked for, never
guessed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from .bruker_files import planned_signals, read_signals
from .columns import TIME_UNITS

Array = NDArray[np.float64]

LISTS = ("vdlist", "vplist", "vclist")

_BAND_EDGE = 0.1
"""Power above the floor, in units of the peak's, at which the band of a line ends."""

_MARGIN = 3
"""Widths of the band that its region extends on either side."""

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


SOURCES = ("ser", "t1ints", "projection", "region", "magnitude")
"""Where intensities come from: raw data by projection (``ser`` and ``projection`` are the same), by the integral of the
line's region, by its magnitude; or the table of TopSpin's relaxation module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySeries:
    """Delays and intensities of one experiment.

    Parameters
    ----------
    delay, intensity : ndarray, shape (n,)
        [s]; arbitrary units.
    beside : dict of str to ndarray, shape (n,)
        Intensities of raw data by the other ways: ``projection``, ``region``, ``magnitude``.
    notes, warnings : tuple of str
        What was left out; what a reader has to know.
    """

    delay: Array
    intensity: Array
    beside: dict[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_intensities(
    directory: str | os.PathLike[str], *, source: str | None = None, peak: int = 1, procno: int = 1
) -> Array:
    """Read one intensity per signal; see :func:`read_series`.

    Raises
    ------
    FitError
        Neither raw data nor a table is there, or it cannot be read.
    """
    return _strengths(Path(directory), source, peak, procno)[0]


def _strengths(
    folder: Path, source: str | None, peak: int, procno: int
) -> tuple[Array, dict[str, Array], NDArray[np.bool_], str]:
    """Return intensities, those by other ways, which signals were recorded, and a warning (or nothing)."""
    if source is None:
        source = "ser" if (folder / "ser").is_file() else "t1ints"
    if source not in SOURCES:
        raise FitError(f"{source!r} is no source of intensities (allowed: {', '.join(SOURCES)})")
    if source == "t1ints":
        places = (folder / "t1ints.txt", folder / "pdata" / str(procno) / "t1ints.txt")
        path = next((p for p in places if p.is_file()), None)
        if path is None:
            raise FitError(f"{folder}: has neither raw data (ser) nor t1ints.txt (here or in pdata/{procno})")
        heights = _from_t1ints(path, peak)
        return heights, {}, np.ones(heights.size, bool), ""
    signals = read_signals(folder)
    recorded = np.any(signals != 0.0, axis=1)
    if not np.any(recorded):
        raise FitError(f"{folder}: the raw data are zero")
    ways, warning = line_intensities(signals[recorded])
    wanted = "projection" if source == "ser" else source
    out = {name: np.zeros(recorded.size) for name in ways}
    for name, values in ways.items():
        out[name][recorded] = values
    return out.pop(wanted), out, recorded, warning


def matched_intensities(signals: NDArray[np.complex128]) -> Array:
    """Return the strength of one line in every signal by projection; see :func:`line_intensities`."""
    return line_intensities(signals)[0]["projection"]


def line_intensities(signals: NDArray[np.complex128]) -> tuple[dict[str, Array], str]:
    """Return the strength of one line in every signal in three ways, without choosing phase or baseline.

    All look at the band of the line, where the mean power stands out of the floor.

    ``projection``: every spectrum is projected on the sum of the others, each with its own strength: no signal meets
    its own noise, so a noisy one is not favoured. The least noise, if all spectra have one shape.

    ``region``: the integral over the band, as the signal of the band at the time when it is strongest; a line that
    moves or changes its width keeps its integral.

    ``magnitude``: the root of the power in the band above the floor; without sign.

    Parameters
    ----------
    signals : ndarray, shape (n_delays, n_points)
        Free induction decays.

    Returns
    -------
    ways : dict of str to ndarray, shape (n_delays,)
        Signed (but the magnitude), the strongest is positive; the largest size of each is one.
    warning : str
        Says that the spectra do not look alike; empty where they do.
    """
    spectra = np.fft.fft(signals, axis=1)
    left, right, shift = _band_of(spectra)
    rolled = np.roll(spectra, shift, axis=1)
    band = rolled[:, left:right]
    projection = _projected(band)
    # The tails of a line count for its integral, and a line that moves must not leave the region.
    margin = _MARGIN * (right - left)
    region_left, region_right = max(0, left - margin), right + margin
    filtered = np.zeros_like(rolled)
    filtered[:, region_left:region_right] = rolled[:, region_left:region_right]
    in_time = np.fft.ifft(filtered, axis=1)
    strongest = int(np.argmax(np.sum(np.abs(band) ** 2, axis=1)))
    place = int(np.argmax(np.sum(np.abs(in_time) ** 2, axis=0)))
    region = (in_time[:, place] * np.conj(in_time[strongest, place])).real
    region = region / region[int(np.argmax(np.abs(region)))]
    region *= np.sign(np.sum(region * projection)) or 1.0
    # Power of noise has an exponential distribution; the median of each spectrum outside the line gives its mean.
    outside = np.concatenate([rolled[:, :left], rolled[:, right:]], axis=1)
    floor = np.median(np.abs(outside) ** 2, axis=1) / np.log(2.0) if outside.size else np.zeros(rolled.shape[0])
    noise = floor * band.shape[1]
    power = np.sum(np.abs(band) ** 2, axis=1)
    magnitude = np.sqrt(np.maximum(power - noise, 0.0))
    magnitude = magnitude / magnitude.max()
    ways = {"projection": projection, "region": region, "magnitude": magnitude}
    return ways, _unlike(projection, magnitude, power, noise)


_ALIKE = 0.98
"""Share of a spectrum's size that its projection has where all spectra have one shape (noise apart)."""


def _unlike(projection: Array, magnitude: Array, power: Array, noise: Array) -> str:
    """Return a warning where the projection of a clear spectrum misses part of it."""
    clear = power > 20.0 * noise
    if not np.any(clear):
        return ""
    share = np.abs(projection[clear]) / magnitude[clear]
    share = share / share.max()
    doubt = np.sqrt(noise[clear] / power[clear])
    missed = share + doubt < _ALIKE
    if not np.any(missed):
        return ""
    worst = int(np.flatnonzero(clear)[np.argmin(share)]) + 1
    return (
        f"the spectra of different delays do not look alike (signal {worst} has {100 * share.min():.3g} % of its size "
        "in common with the others): a line that moves, or several with their own times. The integral of the region "
        "does not mind a line that moves (data.intensities: region)"
    )


def _band_of(spectra: NDArray[np.complex128]) -> tuple[int, int, int]:
    """Return the ends of the line's band after a roll by the third number."""
    power = np.mean(np.abs(spectra) ** 2, axis=0)
    width = max(1, power.size // 200)
    kernel = np.zeros_like(power)
    kernel[:width] = 1.0 / width
    # Circular smoothing: the line may lie at the edge of the spectrum.
    smooth = np.fft.ifft(np.fft.fft(power) * np.fft.fft(np.roll(kernel, -(width // 2)))).real
    floor = float(np.median(smooth))
    middle = power.size // 2
    shift = middle - int(np.argmax(smooth))
    centred = np.roll(smooth, shift)
    low = centred < floor + _BAND_EDGE * (centred.max() - floor)
    left = middle - int(np.argmax(low[middle::-1])) if np.any(low[: middle + 1]) else 0
    right = middle + int(np.argmax(low[middle:])) if np.any(low[middle:]) else power.size
    return left + 1, max(right, left + 2), shift


def _projected(band: NDArray[np.complex128]) -> Array:
    """Return the projection of every spectrum on the sum of the others."""
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


def read_series(
    directory: str | os.PathLike[str],
    *,
    delay_unit: str | None = None,
    delay_list: str | None = None,
    echo_spacing_s: float | None = None,
    source: str | None = None,
    peak: int = 1,
    procno: int = 1,
    use_first: int | None = None,
) -> RecoverySeries:
    """Read delays and intensities of one experiment.

    Parameters
    ----------
    directory : str or path
        Experiment directory.
    delay_unit, delay_list, echo_spacing_s
        See :func:`read_delays`.
    source : str, optional
        One of :data:`SOURCES`; default: the raw data (by projection) where they are there, else the table.
    peak : int
        Peak of ``t1ints``, from 1.
    procno : int
        ``pdata/PROCNO`` where the table may stand.
    use_first : int, optional
        So many delays and signals, where the list of delays is longer than the experiment.

    Returns
    -------
    RecoverySeries
        Without signals that were never recorded (all zero), and without those that a file lacks: both are noted.

    Raises
    ------
    FitError
        No delays, no data, or numbers of both that differ by more than an unfinished run explains.
    """
    folder = Path(directory)
    delays = read_delays(folder, delay_unit=delay_unit, delay_list=delay_list, echo_spacing_s=echo_spacing_s)
    heights, beside, recorded, warning = _strengths(folder, source, peak, procno)
    notes = []
    if use_first is not None:
        if use_first > min(delays.size, heights.size):
            raise FitError(
                f"{folder}: use_first is {use_first}, there are {delays.size} delays, {heights.size} signals"
            )
        delays, heights, recorded = delays[:use_first], heights[:use_first], recorded[:use_first]
        beside = {name: values[:use_first] for name, values in beside.items()}
        notes.append(f"{folder}: the first {use_first} delays and signals are used")
    if heights.size < delays.size and beside and heights.size < planned_signals(folder):
        notes.append(f"{folder}: {heights.size} of {delays.size} signals are there, the run was not finished")
        delays = delays[: heights.size]
    if delays.size != heights.size:
        raise FitError(
            f"{folder}: {delays.size} delays but {heights.size} intensities (use_first: N takes the first N of both)"
        )
    if not np.all(recorded):
        missing = int(np.sum(~recorded))
        notes.append(
            f"{folder}: {missing} of {recorded.size} signals are zero throughout, they were never recorded: left out"
        )
    kept = {name: values[recorded] for name, values in beside.items()}
    return RecoverySeries(
        delay=delays[recorded],
        intensity=heights[recorded],
        beside=kept,
        notes=tuple(notes),
        warnings=(f"{folder}: {warning}",) if warning else (),
    )


def read_recovery(directory: str | os.PathLike[str], **options: Any) -> tuple[Array, Array]:
    """Read delays [s] and intensities of one experiment; see :func:`read_series`."""
    series = read_series(directory, **options)
    return series.delay, series.intensity
