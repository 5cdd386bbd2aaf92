"""Equilibria along one axis: temperature, potential, or how much of a dopant there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError
from .neutral_bulk import Equilibrium, equilibrium, reference_of
from .system import DefectSystem, FixedCharge

Array = NDArray[np.float64]

AXES = ("temperature_K", "potential_V")


@dataclass(frozen=True, slots=True)
class Scan:
    """Equilibria along an axis; a point without one is a row of NaN with a reason.

    Attributes
    ----------
    axis : str
        ``temperature_K``, ``potential_V`` or the name of a fixed charge.
    values : ndarray, shape (n,)
        Temperatures [K], potentials [V] or concentrations [cm^-3].
    points : tuple of Equilibrium or None
        None where there is none.
    reasons : tuple of str
        Why not; empty where there is one.
    """

    axis: str
    values: Array
    points: tuple[Equilibrium | None, ...]
    reasons: tuple[str, ...]

    @property
    def fermi_level_eV(self) -> Array:
        """Fermi levels above the valence band edge, shape (n,) [eV]."""
        return np.array([np.nan if p is None else p.fermi_level_eV for p in self.points])

    def concentrations_per_cm3(self) -> dict[str, Array]:
        """Return concentrations along the axis.

        Returns
        -------
        dict of str to ndarray, shape (n,)
            Totals of the defects by name, ``electrons`` and ``holes`` [cm^-3]; NaN where a point failed.
        """
        first = next((p for p in self.points if p is not None), None)
        if first is None:
            return {}
        columns = {
            d.name: np.array([np.nan if p is None else p.concentration_per_cm3(d.name) for p in self.points])
            for d in first.system.defects
        }
        if first.system.bands is not None:
            columns["electrons"] = np.array([np.nan if p is None else p.electrons_per_cm3 for p in self.points])
            columns["holes"] = np.array([np.nan if p is None else p.holes_per_cm3 for p in self.points])
        return columns


def scan(system: DefectSystem, axis: str, values: ArrayLike, **given: Any) -> Scan:
    """Solve for equilibrium at every value of an axis.

    Parameters
    ----------
    system : DefectSystem
        Defects, bands, dopants.
    axis : str
        ``temperature_K``, ``potential_V``, or the name of a fixed charge of the system, whose concentration [cm^-3]
        is varied.
    values : array_like, shape (n,)
        Values along it.
    **given
        Further arguments of :func:`equilibrium`.

    Returns
    -------
    Scan
        One row a value.

    Raises
    ------
    ModelError
        The axis is not known, or no value of it has a meaning for these defects.
    """
    dopants = {f.name: f for f in system.fixed_charges}
    if axis not in AXES and axis not in dopants:
        raise ModelError(f"no such axis (known: {', '.join((*AXES, *dopants))})", axis)
    points: list[Equilibrium | None] = []
    reasons = []
    numbers = np.atleast_1d(np.asarray(values, dtype=float))
    if axis == "potential_V":
        # What every row would say is said once.
        reference_of(system)
    for value in numbers.tolist():
        try:
            if axis in AXES:
                point = equilibrium(system, **(given | {axis: value}))
            else:
                varied = FixedCharge(name=axis, charge=dopants[axis].charge, concentration_per_cm3=value)
                others = tuple(varied if f.name == axis else f for f in system.fixed_charges)
                point = equilibrium(system.replace(fixed_charges=others), **given)
        except ModelError as error:
            points.append(None)
            reasons.append(str(error))
        else:
            points.append(point)
            reasons.append("")
    return Scan(axis, numbers, tuple(points), tuple(reasons))
