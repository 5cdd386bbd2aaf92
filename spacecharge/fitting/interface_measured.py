"""Measured numbers of interfaces as data of a fit: logarithms of what the model has at its points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..units import unit_of
from .problem import Array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..config.interface_fit import InterfaceFitConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The solved model at some points.

    Attributes
    ----------
    scalars : dict of str to ndarray
        ``exchange_current_density``, ``charge_transfer_resistance``, ``apparent_activation_energy`` of the contact
        with a law, ``interface_resistance``, ``total_resistance``, each (n_points,) in SI (energies in eV).
    slopes : dict of str to ndarray
        Derivatives of ln i0 and ln R_total by the fitted parameters, in the units of their keys, (n_points, n).
    """

    scalars: dict[str, Array]
    slopes: dict[str, Array]


class Measured:
    """The data of a configuration and what the model says of them.

    A datum is a logarithm (exchange current, resistance) or an activation energy in units of its own, the slope of
    ln(T/R) against 1/T; both are linear in the logarithms of the solved points.
    """

    def __init__(self, config: InterfaceFitConfig) -> None:
        keys: list[tuple[str, float]] = []
        for datum in config.data:
            keys += [(datum.interface, t) for t in datum.temperatures if (datum.interface, t) not in keys]
            if datum.to and (datum.to, datum.temperatures[0]) not in keys:
                keys.append((datum.to, datum.temperatures[0]))
        self.keys = keys
        names = next(iter(config.interfaces.values()))
        self.at = {path: np.array([config.interfaces[name][path] for name, _ in keys]) for path in names}
        self.at["temperature_K"] = np.array([t for _, t in keys])
        n = len(config.data)
        self.of_current, self.of_resistance, self.of_capacitance = np.zeros((3, n, len(keys)))
        self.offset, self.values, self.sigma = np.zeros(n), np.empty(n), np.empty(n)
        self.by_area = np.zeros(n)
        """Power of the electrode area in each datum."""
        for i, datum in enumerate(config.data):
            places = [keys.index((datum.interface, t)) for t in datum.temperatures]
            if datum.quantity == "activation_energy_eV":
                x = 1.0 / np.array(datum.temperatures)
                weight = -(x - x.mean()) / np.sum((x - x.mean()) ** 2) * BOLTZMANN / ELEMENTARY_CHARGE
                self.of_resistance[i, places] = -weight
                self.offset[i] = weight @ np.log(datum.temperatures)
                self.values[i], self.sigma[i] = datum.value, datum.sigma
                continue
            kinds = {"exchange": self.of_current, "resistance": self.of_resistance, "capacitance": self.of_capacitance}
            matrix = kinds[datum.quantity.split("_")[0]]
            matrix[i, places] = 1.0
            if datum.to:
                matrix[i, keys.index((datum.to, datum.temperatures[0]))] -= 1.0
            self.by_area[i] = {"resistance_ohm": -1.0, "capacitance_uF": 1.0}.get(datum.quantity, 0.0)
            self.values[i] = np.log(datum.value * unit_of(datum.quantity).factor)
            self.sigma[i] = datum.sigma / datum.value
        self.limit = np.array([datum.limit for datum in config.data], dtype=np.int8)

    def prediction(self, scalars: Mapping[str, Array], area: Array) -> Array:
        """Return the data as the model has them (n_rows, n_data), of scalars (n_rows, n_points) and areas [m2]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            of_points = sum(_applied(matrix, np.log(scalars[key]).T) for key, matrix in self._matrices.items())
        return np.asarray((self.offset + np.asarray(of_points).T) + np.outer(np.log(area), self.by_area))

    @property
    def _matrices(self) -> dict[str, Array]:
        return {
            "exchange_current_density": self.of_current,
            "total_resistance": self.of_resistance,
            "capacitance": self.of_capacitance,
        }

    def jacobian(self, state: State) -> Array:
        """Return the derivatives of the prediction by the parameters (n_data, n_parameters)."""
        return np.asarray(sum(_applied(matrix, state.slopes[key]) for key, matrix in self._matrices.items()))


def _applied(matrix: Array, values: Array) -> Array:
    """Return the product over the points that count: what a point does not have is NaN."""
    used = matrix.any(axis=0)
    return np.asarray(matrix[:, used] @ values[used])


__all__ = ["Measured", "State"]
