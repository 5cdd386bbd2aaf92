"""The named problems of all benchmarks, with their exact answers, and the loosest tolerance that meets an error.

LixV2O5 | LAGP of Cheng et al., Joule 4, 1311 (2020), layers of 30 nm, permittivities 15, 298.15 K:
``mild`` 3.05 against 3.0 V at half filling, ``depleted`` x = 0.2 at 3.4 V (Li leaves LAGP), ``strong`` x = 2
at 2.4 V (both sides close to saturation). With J = 0.10 eV these are the default materials of the package.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import spacecharge as sc
from spacecharge.analytic import first_integral

Array = NDArray[np.float64]

CASES = {"mild": (3.05, 0.498), "depleted": (3.4, 0.0996), "strong": (2.4, 0.99)}
"""Potential [V] and occupancy of the electrode."""
INTERACTIONS_eV = (0.0, 0.10)


def stack_of(case: str, interaction_eV: float) -> sc.Stack:
    """Return the stack of a named case."""
    potential, occupancy = CASES[case]
    pair = {"occupied_eV": interaction_eV, "vacancy_eV": interaction_eV}
    common: dict[str, Any] = {"thickness_nm": 30.0, "permittivity": 15.0, "interaction": pair}
    electrode = sc.Layer(
        name="electrode", potential_V=potential, site_density_per_nm3=22.4, occupancy=occupancy, **common
    )
    electrolyte = sc.Layer(
        name="electrolyte",
        potential_V=3.0,
        site_density_per_nm3=19.7,
        occupancy=7.4 / 19.7,
        diffusivity_m2_per_s=1e-13,
        **common,
    )
    return sc.Stack((electrode, electrolyte), temperature_K=298.15)


def exact_potential(stack: sc.Stack) -> Array:
    """Return the contact potentials of both sides from the first integral, which shares no code with the solver [V]."""
    (contact,) = first_integral(stack)
    return np.asarray(contact.space_charge_potential)


def true_error(solution: sc.Solution, exact: Array) -> float:
    """Return the error of the contact potential [V]."""
    return float(np.max(np.abs(sc.space_charge_potential(solution)[0] - exact)))


def loosest_tolerance(run: Callable[[float], float], target_V: float, *, start: float = 1e-2) -> tuple[float, float]:
    """Return the first tolerance from `start` down, two per decade, whose true error meets the target, and that error.

    `run` takes a tolerance and returns the true error, infinite where the method failed.
    """
    for k in range(27):
        tolerance = start * 10.0 ** (-0.5 * k)
        error = run(tolerance)
        if error <= target_V:
            return tolerance, error
    raise RuntimeError(f"no tolerance reaches {target_V:g} V")


def best_of(function: Callable[[], object], *, repeats: int, number: int = 1) -> float:
    """Return the shortest time of a call [s]; other load can only add to it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(number):
            function()
        times.append((time.perf_counter() - start) / number)
    return min(times)
