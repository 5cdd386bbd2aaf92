"""Compare a solve with the first integral: true errors in the units in which the solver promises them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spacecharge.analytic import ContactState
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE
from spacecharge.model import Layer
from spacecharge.solver.solution import Solution

Array = NDArray[np.float64]

ROUNDING_V = 1e-12
"""Below this neither route knows a contact potential of volts: sums over the mesh round at 1e-13."""


@dataclass(frozen=True)
class TrueErrors:
    """Largest error of a contact potential [V], and of a region's resistance relative to max(R, debye/sigma_b)."""

    potential: float
    resistance: float
    charge_balance: float


def bulk_conductivity(solution: Solution) -> Array:
    """Return sigma_b of the layers of a stack with one species [S/m]."""
    p = solution.parameters
    charge = (p.charge_number[0, :, 0] * ELEMENTARY_CHARGE) ** 2
    carriers = p.site_density[0, :, 0] * p.bulk_occupancy[0, :, 0] * p.diffusivity[0, :, 0]
    return np.asarray(charge * carriers / (BOLTZMANN * p.temperature[0]))


def true_errors(solution: Solution, exact: ContactState) -> TrueErrors:
    """Return the errors of a solve of two thick layers."""
    scalars = solution.scalars
    potential = np.abs(scalars["space_charge_potential"][0] - exact.space_charge_potential).max()
    floor = exact.debye_length / bulk_conductivity(solution)
    resistance = np.abs(scalars["resistance"][0] - exact.resistance) / np.maximum(exact.resistance, floor)
    charge = np.abs(scalars["charge"]).max()
    return TrueErrors(
        float(potential),
        float(np.nanmax(resistance)),
        float(abs(scalars["charge_balance"]) / charge) if charge else 0.0,
    )


def simple_layer(name: str, potential: float = 0.0, **changes: object) -> Layer:
    """Return a layer of one lattice species; every key can be changed."""
    keys: dict[str, object] = {
        "name": name,
        "thickness_nm": 60.0,
        "potential_V": potential,
        "permittivity": 20.0,
        "site_density_per_nm3": 10.0,
        "occupancy": 0.3,
        "diffusivity_m2_per_s": 1e-13,
    }
    return Layer(**{**keys, **changes})  # type: ignore[arg-type]


def random_grain(rng: np.random.Generator) -> dict[str, float]:
    """Return numbers of a grain of one lattice species, drawn over their ranges."""
    return {
        "permittivity": 10.0 ** rng.uniform(0.7, 2.0),
        "site_density_per_nm3": 10.0 ** rng.uniform(-2.0, 1.5),
        "occupancy": float(1.0 / (1.0 + np.exp(rng.uniform(-7.0, 7.0)))),
        "charge_number": float(rng.choice([-2.0, -1.0, 1.0, 2.0])),
    }
