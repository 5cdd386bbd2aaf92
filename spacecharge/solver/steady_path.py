"""A load that is not reached from rest in one go: followed along the voltage, on meshes that are cut at every step.

Where a layer or a contact depletes the current saturates, and hundreds of millivolts change it by a percent: along the
current such a state is a cliff, along the voltage a slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chain import Chain, steady_kernels

Array = NDArray[np.float64]

FIRST, GROWTH, LEAST = 0.05, 1.5, 2e-3
"""First step of the voltage [V], growth of each next one, and the step below which the path is given up [V]."""

MOST_STEPS = 60
LOOSE = 100.0
"""Steps on the way are as exact as this times the tolerance."""

BEYOND = 1e3
"""A voltage that no cell has [V]: the path ends where the rest of the current would take more at the slope there."""


@dataclass(frozen=True)
class Reached:
    """How far a path came: a status of `carry_load` with its results, or None with what is known about the end.

    `rest`: what is missing of a current, at the slope there [V].
    """

    found: tuple[int, Array] | None
    voltage: float = 0.0
    current: float = 0.0
    slope: float = math.nan
    why: str = ""
    iterations: int = 0
    rest: float = math.nan


def follow_voltage(chain: Chain, target: float, by_voltage: bool, tolerance_V: float) -> Reached:
    """Bring a chain at rest to a load along the voltage.

    Parameters
    ----------
    chain : Chain
        At rest; holds the state in the end where there is one.
    target : float
        Voltage [V] or current density [A m-2].
    by_voltage : bool
        Which of the two.
    tolerance_V : float
        Error wanted in the contact potentials [V].

    Returns
    -------
    Reached
        What `carry_load` returned for the load itself, or how far the path came.
    """
    k = steady_kernels()
    voltage, step, total, slope, why = 0.0, FIRST, 0, math.nan, "more steps than allowed"
    sign = math.copysign(1.0, target)
    for _ in range(MOST_STEPS):
        if by_voltage and abs(voltage) + step >= abs(target):
            trial, tolerance = target, tolerance_V
        else:
            trial, tolerance = voltage + sign * step, LOOSE * tolerance_V
        kept = chain.kept()
        status, results = chain.carry(trial, True, tolerance, voltage)
        total += int(results[k.R_ITERATIONS])
        outside = bool(results[k.R_SATURATED])
        if outside or status not in (k.INTACT, k.INACCURATE):
            why = "an occupancy leaves the range of doubles" if outside else "Newton's method finds no further state"
            chain.restore(kept)
            step /= 2.0
            if step < LEAST:
                break
            continue
        voltage, step, slope = trial, step * GROWTH, float(chain.answer[k.A_SLOPE])
        if by_voltage:
            if voltage == target:
                return Reached((status, results), iterations=total)
            continue
        missing = abs(target) - abs(chain.current)
        if missing <= 0.0:
            status, results = chain.carry(target, False, tolerance_V, chain.current)
            total += int(results[k.R_ITERATIONS])
            if status in (k.INTACT, k.INACCURATE) and not results[k.R_SATURATED]:
                return Reached((status, results), iterations=total)
            chain.restore(kept)
            why = "Newton's method finds no further state"
            break
        if abs(voltage) + missing * slope > BEYOND and step > 1.0:
            why = "the current saturates"
            break
    rest = math.nan if by_voltage else (abs(target) - abs(chain.current)) * slope
    return Reached(None, voltage, chain.current, slope, why, total, rest)


__all__ = ["Reached", "follow_voltage"]
