"""Rests of a titration: where no current flows, and the potential that each of them tends to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rest:
    """A stretch without current.

    Parameters
    ----------
    first, last : int
        Rows: the last one under current (or the first of the file), and the last one of the rest.
    potential : float
        What it tends to [V].
    sigma : float
        Scatter of the last third of the rest, and what its drift leaves to come [V]; NaN where it has too few rows.
    """

    first: int
    last: int
    potential: float
    sigma: float


def interval_current(time: Array, current: Array | None, charge: Array | None) -> Array:
    """Return the current between every two rows, shape (n - 1,).

    Parameters
    ----------
    time : ndarray, shape (n,)
        [s].
    current : ndarray, shape (n,), optional
        [A] or [A kg-1]; a cycler logs at the end of a step, so an interval has the current of its last row.
    charge : ndarray, shape (n,), optional
        [C] or [C kg-1], used where there is no current.

    Returns
    -------
    ndarray, shape (n - 1,)
        In the unit of `current`.
    """
    if current is not None:
        return current[1:]
    assert charge is not None
    steps = np.diff(time)
    rate = np.zeros(steps.shape)
    np.divide(np.diff(charge), steps, out=rate, where=steps > 0.0)
    return rate


def find_rests(
    time: Array,
    voltage: Array,
    flow: Array,
    *,
    below: float,
    at_least_s: float,
    extrapolate: str = "end",
) -> list[Rest]:
    """Find the rests of a titration.

    Parameters
    ----------
    time, voltage : ndarray, shape (n,)
        [s], [V].
    flow : ndarray, shape (n - 1,)
        Current of every interval.
    below : float
        Size of a current that counts as none, in the unit of `flow`.
    at_least_s : float
        Shortest rest that is taken [s].
    extrapolate : {'end', 'sqrt_time'}
        Take the last value, or E_inf of E(t) = E_inf + a t^(-1/2) over the last decade of the time since the current
        was cut off.

    Returns
    -------
    list of Rest
        In order.
    """
    still = np.concatenate([[False], np.abs(flow) <= below, [False]]).astype(np.int8)
    edges = np.diff(still)
    rests = []
    for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        # Rows `first` to `last`: the row before the first still interval carries the current, or opens the file.
        if time[last] - time[first] >= at_least_s and last > first:
            potential, sigma = _settled(time[first : last + 1], voltage[first : last + 1], extrapolate)
            rests.append(Rest(int(first), int(last), potential, sigma))
    return rests


def _settled(time: Array, voltage: Array, extrapolate: str) -> tuple[float, float]:
    """Return where a rest tends to, and how sure that is [V]."""
    elapsed, values = (time[1:] - time[0]) / (time[-1] - time[0]), voltage[1:]
    end = float(values[-1])
    sigma = float("nan")
    late = elapsed >= 0.7
    if np.sum(late) >= 4:
        (slope, _), covariance = np.polyfit(elapsed[late], values[late], 1, cov=True)
        line = values[late] - np.polyval([slope, _], elapsed[late])
        noise = float(np.sqrt(np.sum(line**2) / (line.size - 2)))
        # A tail a t^(-1/2) still falls by twice its dE/d ln t; a drift within twice its own error is none.
        left = 2.0 * max(0.0, abs(float(slope)) - 2.0 * float(np.sqrt(covariance[0, 0])))
        sigma = float(np.hypot(noise, left))
    decade = elapsed >= 0.1
    if extrapolate == "end" or np.sum(decade) < 3:
        return end, sigma
    return float(np.polyfit(1.0 / np.sqrt(elapsed[decade]), values[decade], 1)[1]), sigma


__all__ = ["Rest", "find_rests", "interval_current"]
