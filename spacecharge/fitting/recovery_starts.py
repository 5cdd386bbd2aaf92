"""Where the fit of a recovery curve begins: a grid of time constants, everything linear solved at each of them.

With the time constants (and a stretching exponent) held, a recovery curve is linear in what is left, so each place
of the grid has its best curve at once. The best places are the starting points: no initial value is needed, and a
minimum that one start misses is found by another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..nmr.recovery import relaxing_part
from .problem import Array

_PER_DECADE = 10
_BEYOND = 10.0
"""Time constants are looked for from a tenth of the first delay to ten times the last one."""

_RATIOS = (1.1, 1.5, 2.0, 2.7, 3.5, 4.0)
"""Second over first time constant of I = 3/2: K j(w) over K j(2w), between 1 (fast) and 4 (slow)."""

_STRETCHINGS = (0.3, 0.45, 0.6, 0.8, 1.0, 1.3)

MOST_STARTS = 4
"""Places of the grid that are gone on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One recovery curve, ordered by delay.

    Parameters
    ----------
    delay, intensity, weight : ndarray, shape (n,)
        [s]; the signal; 1/sigma of it.
    shape, sequence : str
        As in :mod:`spacecharge.nmr.recovery`.
    magnitude : bool
        The sign of the signal is lost.
    known : mapping of str to float
        Values of parameters that are fixed or given by the user, by name.
    """

    delay: Array
    intensity: Array
    weight: Array
    shape: str
    sequence: str
    magnitude: bool
    known: Mapping[str, float]


def starting_points(curve: Curve) -> list[dict[str, float]]:
    """Return the best starting points of one curve, best first.

    Parameters
    ----------
    curve : Curve
        With at least one delay above zero.

    Returns
    -------
    list of dict
        Parameter to value, at most :data:`MOST_STARTS`.
    """
    places = _grid(curve)
    parts = [
        relaxing_part(curve.delay, "stretched", time_constant=t[:, None], stretching=places["stretching"][:, None])
        for t in (places["time_constant_s"], places["time_constant_2_s"])
    ]
    best: list[tuple[float, int, dict[str, float]]] = []
    for signs in _signs(curve):
        squares, linear = _solved(curve, signs, parts)
        for k in np.argsort(squares)[: 12 * MOST_STARTS].tolist():
            point = {name: float(values[k]) for name, values in (places | linear).items()}
            best.append((float(squares[k]), k, point))
    best.sort(key=lambda item: item[0])
    chosen: list[dict[str, float]] = []
    for _, _, point in best:
        if all(_apart(point, other) for other in chosen):
            chosen.append(point)
        if len(chosen) == MOST_STARTS:
            break
    return chosen


def _apart(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Return whether two places are further apart than neighbours of the grid."""
    near = 1.5 * np.log(10.0) / _PER_DECADE
    names = ("time_constant_s", "time_constant_2_s", "stretching")
    return any(abs(np.log(one[name] / other[name])) > near for name in names)


def _grid(curve: Curve) -> dict[str, Array]:
    """Return every combination of time constants and exponent that is tried."""
    positive = curve.delay[curve.delay > 0.0]
    low, high = positive.min() / _BEYOND, positive.max() * _BEYOND
    times = np.geomspace(low, high, int(_PER_DECADE * np.log10(high / low)) + 2)
    first = np.array([curve.known["time_constant_s"]]) if "time_constant_s" in curve.known else times
    second: Callable[[float], Array]
    if curve.shape == "quadrupolar":
        second = lambda t: t * np.array(_RATIOS)  # noqa: E731  # one of three short forms
    elif curve.shape == "biexponential":
        second = lambda t: times[times < 0.9 * t] if "time_constant_s" not in curve.known else times  # noqa: E731
    else:
        second = lambda t: np.array([t])  # noqa: E731
    if "time_constant_2_s" in curve.known and curve.shape in ("quadrupolar", "biexponential"):
        given = curve.known["time_constant_2_s"]
        second = lambda t: np.array([given])  # noqa: E731
    stretchings = np.array([1.0])
    if curve.shape == "stretched":
        stretchings = np.array([curve.known["stretching"]] if "stretching" in curve.known else _STRETCHINGS)
    rows = [(t, u, b) for t in first for u in second(t) for b in stretchings]
    if not rows:
        rows = [(t, 0.1 * t, b) for t in first for b in stretchings]
    columns = np.array(rows).T
    return dict(zip(("time_constant_s", "time_constant_2_s", "stretching"), columns, strict=True))


def _signs(curve: Curve) -> list[Array]:
    """Return the signs that magnitude data may have lost: the first few points of an inversion were negative."""
    n = curve.delay.size
    if not curve.magnitude or curve.sequence != "inversion":
        return [np.ones(n)]
    lowest = int(np.argmin(curve.intensity))
    return [np.where(np.arange(n) < flip, -1.0, 1.0) for flip in range(max(0, lowest - 1), min(n, lowest + 2) + 1)]


def _solved(curve: Curve, signs: Array, parts: list[Array]) -> tuple[Array, dict[str, Array]]:
    """Return the sum of squares at every place of the grid, and what is linear there."""
    known, n = curve.known, parts[0].shape[0]
    offset = 0.0 if curve.magnitude else known.get("offset", np.nan)
    y = signs * curve.intensity - (0.0 if np.isnan(offset) else offset)
    depth = 2.0 if curve.sequence == "inversion" else 1.0
    efficiency = 0.0 if curve.sequence == "decay" else known.get("efficiency", np.nan)
    two = curve.shape == "biexponential" and "fraction" not in known
    share = 0.2 if curve.shape == "quadrupolar" else known.get("fraction", 1.0)
    relaxing = parts if two else [share * parts[0] + (1.0 - share) * parts[1]]
    ones = np.ones_like(parts[0])
    if curve.sequence == "decay":
        columns, constant = list(relaxing), np.isnan(offset)
    elif np.isnan(efficiency):
        columns, constant = list(relaxing), True
    else:
        columns, constant = [ones - depth * efficiency * r for r in relaxing], np.isnan(offset)
    if constant:
        columns.append(ones)
    design = np.stack(columns, axis=-1) * curve.weight[:, None]
    target = y * curve.weight
    with np.errstate(all="ignore"):
        solved = np.einsum("kpn,n->kp", np.linalg.pinv(design, rcond=1e-10), target)
    squares = np.sum((np.einsum("knp,kp->kn", design, solved) - target) ** 2, axis=1)
    return _named(curve, solved, squares, n, two=two, efficiency=efficiency, offset=offset, share=share)


def _named(
    curve: Curve,
    solved: Array,
    squares: Array,
    n: int,
    *,
    two: bool,
    efficiency: float,
    offset: float,
    share: float,
) -> tuple[Array, dict[str, Array]]:
    """Turn linear coefficients into amplitude, efficiency, fraction and offset; places without such are put last."""
    depth = 2.0 if curve.sequence == "inversion" else 1.0
    relaxing = np.sum(solved[:, : 2 if two else 1], axis=1)
    last = solved[:, -1]
    zero = np.zeros(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = solved[:, 0] / relaxing if two else np.full(n, share)
        if curve.sequence != "decay" and np.isnan(efficiency):
            # A - depth e A r: with the offset free as well nobody can tell the constant apart; the fit says so.
            amplitude, constant = last, zero
            effective = -relaxing / (depth * last)
        else:
            amplitude, effective = relaxing, np.full(n, 1.0 if np.isnan(efficiency) else efficiency)
            constant = last if np.isnan(offset) else np.full(n, offset)
    wrong: NDArray[np.bool_] = ~np.isfinite(fraction) | ~np.isfinite(effective) | (fraction < 0.0) | (fraction > 1.0)
    wrong |= (effective < 0.0) | (effective > 1.5)
    punished = np.where(wrong, squares + np.sum((curve.intensity * curve.weight) ** 2), squares)
    linear = {
        "amplitude": amplitude,
        "efficiency": np.where(np.isfinite(effective), effective, 1.0),
        "fraction": np.clip(np.where(np.isfinite(fraction), fraction, 0.5), 0.02, 0.98) if two else fraction,
        "offset": zero if curve.magnitude else constant,
        "noise_floor": zero,
    }
    return punished, linear


__all__ = ["MOST_STARTS", "Curve", "starting_points"]
