"""Charge, capacity and composition: what passed, against what is stated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..constants import FARADAY
from ..errors import FitError
from .cycler import Cycling

Array = NDArray[np.float64]

SLIPS = {60.0: "minutes", 3600.0: "hours", 1000.0: "milli", 3.6e6: "hours and milli", 1e6: "micro"}
"""Factors by which units get mistaken."""

_CAPACITY_SLACK = 1.5
"""Largest change of composition, over the widest that the material allows, that is taken to be a measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was measured.

    Parameters
    ----------
    capacity : float
        Charge that changes the composition by one [C kg-1].
    mass : float, optional
        Of the active material [kg]; not needed where the file gives charge per mass.
    start : float
        Composition in the first row.
    electrons : float
        Elementary charges per unit of composition.
    length : float
        Volume of the active material over its area of contact [m]; NaN: no diffusivity.
    radius : float
        Of the particles [m]; infinite for a film.
    temperature : float
        [K].
    span : float
        Widest change of composition that the material allows.
    """

    capacity: float
    mass: float = math.nan
    start: float = 1.0
    electrons: float = 1.0
    length: float = math.nan
    radius: float = math.inf
    temperature: float = 298.15
    span: float = 1.0


_LITTLE = 500.0
"""A charge that is smaller than the stated capacity by more than this is warned of."""


def summary_of(cycling: Cycling) -> dict[str, float]:
    """Return rows, duration [s], charge in either direction [C] or [C kg-1], and the range of voltage [V]."""
    steps = np.diff(cycling.passed())
    return {
        "n_rows": float(cycling.time.size),
        "duration_s": float(cycling.time[-1] - cycling.time[0]),
        "charge": float(steps[steps > 0.0].sum()),
        "discharge": abs(float(steps[steps < 0.0].sum())),
        "voltage_min": float(cycling.voltage.min()),
        "voltage_max": float(cycling.voltage.max()),
    }


def composition_of(cycling: Cycling, sample: Sample) -> Array:
    """Return the composition of every row, shape (n,).

    Raises
    ------
    FitError
        A mass is needed; the charge does not belong to the stated capacity.
    """
    passed = cycling.passed()
    whole = sample.capacity
    if not cycling.specific:
        if not sample.mass > 0.0:
            raise FitError(
                f"{cycling.path}: the charge is that of the cell: sample.active_mass_g is needed (or area_cm2, "
                "thickness_nm and density_g_per_cm3)"
            )
        whole *= sample.mass
    ratio = float(np.ptp(passed)) / whole
    if ratio > _CAPACITY_SLACK * sample.span:
        raise FitError(f"{cycling.path}: {_slip(ratio, passed, cycling, sample)}")
    return np.asarray(sample.start - passed / whole)


def too_little(cycling: Cycling, composition: Array) -> str:
    """Return a warning where hardly any charge passes, with the factor that may explain it; empty otherwise."""
    span = float(np.ptp(composition))
    if not 0.0 < span < 1.0 / _LITTLE:
        return ""
    return (
        f"{cycling.path}: the charge that passes is {span:.2g} of the stated capacity: times in hours that are read as "
        "seconds (data.time_scale: 3600), or currents in A read as mA, would explain it"
    )


def _slip(ratio: float, passed: Array, cycling: Cycling, sample: Sample) -> str:
    """Return the words about a charge that is too large, with the factor that explains it."""
    unit, factor = ("mAh/g", 3600.0) if cycling.specific else ("mAh", 3.6)
    stated = sample.capacity * (1.0 if cycling.specific else sample.mass) / factor
    text = (
        f"the charge that passes, {np.ptp(passed) / factor:.4g} {unit}, is {ratio:.4g} times the stated capacity, "
        f"{stated:.4g} {unit}"
    )
    slip = min(SLIPS, key=lambda s: abs(math.log(ratio / s)))
    if not 0.4 < ratio / slip < 2.5:
        return f"{text}: check mass, capacity and the units of the columns, or give sample.composition_span"
    if cycling.charge is None and slip in (60.0, 3600.0):
        return (
            f"{text}: a time column {slip:g} times too large would explain it ({SLIPS[slip]} converted twice): give "
            f"data.time_scale: {1.0 / slip:.4e}"
        )
    return f"{text}: a unit mistaken by a factor of {slip:g} ({SLIPS[slip]}) would explain it: check data.columns"


def capacity_from_molar_mass(molar_mass_g_per_mol: float, electrons: float) -> float:
    """Return the charge that changes the composition by one, z F/M [C kg-1]."""
    return electrons * FARADAY / (molar_mass_g_per_mol * 1e-3)


__all__ = ["SLIPS", "Sample", "capacity_from_molar_mass", "composition_of", "summary_of", "too_little"]
