"""From branches of a titration or slow scan to one potential curve: mean, hysteresis, monotone regression, plateaus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MEAN, CHARGE, DISCHARGE = 0, 1, -1
BRANCHES = {MEAN: "mean", CHARGE: "charge", DISCHARGE: "discharge"}
"""What the numbers of a branch mean."""

PLATEAU_SLOPE = 0.02
"""Size of dU/dx [V] below which a curve is taken to be flat. A lattice gas has 0.103 V at half filling and room
temperature without attraction, and reaches zero only where it falls into two phases."""

PLATEAU_WIDTH = 0.05
"""Least width of a plateau in composition: below it, noise makes ties."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Potential against composition.

    Parameters
    ----------
    composition : ndarray, shape (n,)
        Rising strictly.
    potential, sigma : ndarray, shape (n,)
        [V].
    branch : ndarray of int, shape (n,)
        A key of `BRANCHES`.
    half_hysteresis : ndarray, shape (n,), optional
        Half of charge minus discharge, part of `sigma` [V]; None: of one branch.
    """

    composition: Array
    potential: Array
    sigma: Array
    branch: NDArray[np.int8]
    half_hysteresis: Array | None = None


def single_branch(composition: Array, potential: Array, sigma: Array, branch: int) -> Curve:
    """Return a branch in the order of its composition; points of one composition are averaged.

    Parameters
    ----------
    composition, potential, sigma : ndarray, shape (n,)
        In any order; [V].
    branch : int
        A key of `BRANCHES`.

    Returns
    -------
    Curve
        Composition rising strictly.
    """
    x, place = np.unique(composition, return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    mean = np.bincount(place, potential) / count
    error = np.sqrt(np.bincount(place, sigma**2) / count)
    return Curve(x, mean, error, np.full(x.shape, branch, dtype=np.int8))


def mean_of_branches(charge: Curve, discharge: Curve, grid: Array | None = None) -> Curve | None:
    """Return the mean of charge and discharge where both are, with half their difference as uncertainty.

    Parameters
    ----------
    charge, discharge : Curve
        The branches.
    grid : ndarray, shape (m,), optional
        Compositions, rising; default: those of both branches.

    Returns
    -------
    Curve or None
        None where fewer than two compositions are common to both.
    """
    low = max(charge.composition[0], discharge.composition[0])
    high = min(charge.composition[-1], discharge.composition[-1])
    x = np.unique(np.concatenate([charge.composition, discharge.composition])) if grid is None else grid
    # Rounding of sums of charge makes twins of one composition.
    x = x[(x >= low) & (x <= high)]
    if x.size:
        x = x[np.concatenate([[True], np.diff(x) > 1e-9])]
    if x.size < 2:
        return None
    both = [np.interp(x, c.composition, c.potential) for c in (charge, discharge)]
    # Half the hysteresis is an error by itself where rests of few rows tell none of their own.
    errors = [np.nan_to_num(np.interp(x, c.composition, c.sigma)) for c in (charge, discharge)]
    half = 0.5 * (both[0] - both[1])
    sigma = np.hypot(half, 0.5 * np.hypot(errors[0], errors[1]))
    return Curve(x, 0.5 * (both[0] + both[1]), sigma, np.full(x.shape, MEAN, dtype=np.int8), half)


def falling_regression(values: Array, weights: Array | None = None) -> Array:
    """Return the closest sequence that does not rise.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Any.
    weights : ndarray, shape (n,), optional
        Above zero; default: equal.

    Returns
    -------
    ndarray, shape (n,)
        Minimises the weighted sum of squared changes.

    References
    ----------
    R. E. Barlow et al., Statistical Inference under Order Restrictions, Wiley 1972.
    """
    from scipy.optimize import isotonic_regression

    return np.asarray(isotonic_regression(values, weights=weights, increasing=False).x)


@dataclass(frozen=True, slots=True)
class Plateau:
    """Compositions at one potential: two phases side by side.

    Parameters
    ----------
    low, high : float
        Range of composition.
    potential : float
        In its middle [V].
    """

    low: float
    high: float
    potential: float

    def __str__(self) -> str:
        return f"composition {self.low:.4g} to {self.high:.4g} at {self.potential:.4g} V"


def plateaus(
    composition: Array, potential: Array, slope: float = PLATEAU_SLOPE, width: float = PLATEAU_WIDTH
) -> list[Plateau]:
    """Return the plateaus of a curve that does not rise.

    Parameters
    ----------
    composition, potential : ndarray, shape (n,)
        Composition rising strictly; [V].
    slope : float
        A chord of `width` flatter than this is part of a plateau [V].
    width : float
        Least width in composition.

    Returns
    -------
    list of Plateau
        In the order of composition.
    """
    found: list[tuple[int, int]] = []
    n = composition.size
    # From every point the first one at least `width` away: local steps of a dense scan are finer than its noise.
    ends = np.searchsorted(composition, composition + width * (1.0 - 1e-9))
    for first in range(n):
        last = int(ends[first])
        if last < n and potential[first] - potential[last] < slope * (composition[last] - composition[first]):
            if found and first <= found[-1][1]:
                found[-1] = found[-1][0], max(last, found[-1][1])
            else:
                found.append((first, last))
    out = []
    for first, last in found:
        middle = 0.5 * (composition[first] + composition[last])
        at = float(np.interp(middle, composition, potential))
        out.append(Plateau(float(composition[first]), float(composition[last]), at))
    return out


def strictly_falling(composition: Array, potential: Array) -> tuple[Array, Array]:
    """Return a curve whose ties are each replaced by the point in their middle.

    Parameters
    ----------
    composition, potential : ndarray, shape (n,)
        Composition rising strictly, potential not rising; [V].

    Returns
    -------
    composition, potential : ndarray, shape (m,)
        m is at most n; a tie at an end takes half its width away.
    """
    if composition.size < 3:
        return composition, potential
    starts = np.concatenate([[0], np.flatnonzero(np.diff(potential) < 0.0) + 1])
    stops = np.concatenate([starts[1:] - 1, [composition.size - 1]])
    x = 0.5 * (composition[starts] + composition[stops])
    return x, potential[starts]


__all__ = [
    "BRANCHES", "CHARGE", "DISCHARGE", "MEAN", "PLATEAU_SLOPE", "PLATEAU_WIDTH", "Curve", "Plateau",
    "falling_regression", "mean_of_branches", "plateaus", "single_branch", "strictly_falling",
]  # fmt: skip
