"""Monotone cubic interpolation of tables in NumPy alone: scipy.interpolate loads slower than a sweep runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def pchip(x: ArrayLike, y: ArrayLike, at: ArrayLike, *, derivative: bool = False) -> Array:
    """Interpolate a table by monotone piecewise cubics.

    The curve passes through every point, has a continuous slope, and rises or falls only where the
    table does.

    Parameters
    ----------
    x : array_like, shape (n,)
        Knots, strictly rising; at least two.
    y : array_like, shape (n,)
        Values at the knots.
    at : array_like
        Where to interpolate; outside the knots the outermost cubic goes on.
    derivative : bool
        Return the slope of the curve instead of its value.

    Returns
    -------
    ndarray
        Values, same shape as `at`.

    References
    ----------
    .. [1] F. N. Fritsch and J. Butland, SIAM J. Sci. Stat. Comput. 5, 300 (1984), eq. (5).
    .. [2] F. N. Fritsch and R. E. Carlson, SIAM J. Numer. Anal. 17, 238 (1980): the end slopes.

    Examples
    --------
    >>> float(pchip([0.0, 1.0, 2.0], [0.0, 1.0, 4.0], 1.0))
    1.0
    """
    table = _prepared(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    return _cubics(table, np.asarray(at, dtype=float), derivative)


class _Table(NamedTuple):
    """A table with what its cubics are made of: lengths and slopes of the chords, slopes at the knots."""

    knots: Array
    values: Array
    step: Array
    secant: Array
    slope: Array


def _prepared(knots: Array, values: Array) -> _Table:
    step = np.diff(knots)
    secant = np.diff(values) / step
    return _Table(knots, values, step, secant, _slopes(step, secant))


def _cubics(table: _Table, where: Array, derivative: bool = False) -> Array:
    """Return the cubics of a table, or their slopes, as :func:`pchip`."""
    knots, values, step, secant, slope = table
    cell = np.minimum(np.maximum(np.searchsorted(knots, where, side="right") - 1, 0), knots.size - 2)
    h, s = step[cell], (where - knots[cell])
    left, right, chord = slope[cell], slope[cell + 1], secant[cell]
    quadratic = (3.0 * chord - 2.0 * left - right) / h
    cubic = (left + right - 2.0 * chord) / h**2
    if derivative:
        return np.asarray(left + s * (2.0 * quadratic + 3.0 * s * cubic))
    return np.asarray(values[cell] + s * (left + s * (quadratic + s * cubic)))


def _slopes(step: Array, secant: Array) -> Array:
    """Return the slope at every knot: weighted harmonic means, a limited three-point rule at the ends."""
    if secant.size == 1:
        return np.array([secant[0], secant[0]])
    slope = np.empty(secant.size + 1)
    before, after = secant[:-1], secant[1:]
    same = before * after > 0.0
    w_before, w_after = 2.0 * step[1:] + step[:-1], step[1:] + 2.0 * step[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (w_before + w_after) / (w_before / before + w_after / after)
    slope[1:-1] = np.where(same, mean, 0.0)
    slope[0] = _end_slope(step[0], step[1], secant[0], secant[1])
    slope[-1] = _end_slope(step[-1], step[-2], secant[-1], secant[-2])
    return slope


def _end_slope(h0: float, h1: float, d0: float, d1: float) -> float:
    slope = ((2.0 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    if slope * d0 <= 0.0:
        return 0.0
    if d0 * d1 < 0.0 and abs(slope) > 3.0 * abs(d0):
        return 3.0 * d0
    return float(slope)


def tabulated(ocv: Mapping[str, Any], x: str, y: str, at: Array) -> Array:
    """Return column `y` of an ocv against column `x`, by monotone cubic interpolation (PCHIP), NaN outside the table.

    F. N. Fritsch and J. Butland, SIAM J. Sci. Stat. Comput. 5, 300 (1984). No extrapolation.
    """
    return on_table(ocv, x, y, at)[0]


def knots_of(ocv: Mapping[str, Any], x: str, y: str) -> tuple[Array, Array]:
    """Return columns `x` and `y` of an ocv, by rising `x`."""
    table = _sorted(tuple(ocv[x]), tuple(ocv[y]))
    return table.knots, table.values


def on_table(ocv: Mapping[str, Any], x: str, y: str, at: Array) -> tuple[Array, float, float, float]:
    """Return the interpolated column, the ends of `x`, and the entry of `y` at the lower one."""
    table = _sorted(tuple(ocv[x]), tuple(ocv[y]))
    knots, column = table.knots, table.values
    # Swept values from linspace may miss the end knots by rounding: that is no extrapolation.
    slack = 1e-12 * max(1.0, abs(float(knots[0])), abs(float(knots[-1])))
    inside = (at >= knots[0] - slack) & (at <= knots[-1] + slack)
    found = _cubics(table, np.minimum(np.maximum(np.where(inside, at, knots[0]), knots[0]), knots[-1]))
    return np.where(inside, found, np.nan), float(knots[0]), float(knots[-1]), float(column[0])


@lru_cache(maxsize=64)
def _sorted(x: tuple[float, ...], y: tuple[float, ...]) -> _Table:
    """Return a table by rising `x`: an ocv is asked at every chunk of a sweep."""
    knots, column = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    order = np.argsort(knots)
    knots, column = knots[order], column[order]
    knots.flags.writeable = column.flags.writeable = False
    return _prepared(knots, column)


__all__ = ["knots_of", "on_table", "pchip", "tabulated"]
