"""The interface model against measurements: exchange currents, resistances and activation energies of interfaces.

One prediction solves every interface at every temperature at once; its derivatives are the exact sensitivities of the
solver, carried through the law of charge transfer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..errors import FitError
from ..model import Stack, StackParameters, stack_parameters
from ..model.arrhenius import arrhenius
from ..model.charge_transfer import ChargeTransfer, law_of_keys, occupancy_factor
from ..model.conduction import conductivity_law
from ..model.parameters import law_parts
from ..model.tangents import parameter_tangent
from ..solver.transfer import local_activation_energy, transfer_scalars
from ..units import unit_of
from .interface_loads import at_rest, loads_at
from .interface_measured import State
from .problem import Array

if TYPE_CHECKING:
    from ..config.interface_fit import InterfaceFitConfig
    from ..solver.equilibrium import Points

REVERSIBLE_ENDS = {"left": "reversible", "right": "reversible"}

ADDED = "grain_boundary_resistance_ohm_cm2"

SHARPEST_TOLERANCE_V = 1e-9
"""Contact potentials of a fit: 4e-8 of kT/e, so that a chi-square is smooth over steps of a thousandth of a sigma."""

OF_A_SIGMA = 1e-3
"""What a draw of a sampler may be wrong by, in the smallest sigma of the data: it takes no differences."""


class Solving(NamedTuple):
    """How points are solved.

    Attributes
    ----------
    tolerance_V : float
        Of the contact potentials [V].
    n_threads : int
        Threads over spectra.
    """

    tolerance_V: float
    n_threads: int


class InterfaceModel:
    """The model of a configuration as a function of its fitted parameters.

    Parameters
    ----------
    config : InterfaceFitConfig
        Checked.
    """

    def __init__(self, config: InterfaceFitConfig) -> None:
        self.config = config
        self.stack: Stack = config.model.stack
        lawful = [i for i, law in enumerate(config.model.charge_transfer) if law is not None]
        self.has_law = bool(lawful)
        self.contact = lawful[0] if lawful else 0
        self.keys: Mapping[str, Any] = config.model.charge_transfer[self.contact] or {} if lawful else {}
        self.prefix = f"contacts.{self.contact}.charge_transfer."

    @property
    def base(self) -> Array:
        """The parameters as the configuration has them before any fit (n_parameters,), in the units of their keys."""
        return np.array(
            [p.initial if p.of_cell else self._base_value(p.paths[0]) for p in self.config.parameters], dtype=float
        )

    def _base_value(self, path: str) -> float:
        if path.startswith(self.prefix):
            key = path.removeprefix(self.prefix)
            law = self._law({})
            plain = {
                "rate_constant_per_m2_s": law.rate_constant,
                "reference_temperature_K": law.reference_temperature,
                "activation_energy_eV": law.activation_energy_eV,
                "symmetry_factor": law.symmetry_factor,
                ADDED: np.asarray(law.grain_boundary_resistance) / unit_of(ADDED).factor,
            }
            if key in plain:
                return float(np.asarray(plain[key]))
            return float(self.keys["calibrate"][key.partition(".")[2]])
        name, _, below = path.partition(".")
        value: Any = self.stack.temperature_K if path == "temperature_K" else None
        if name in self.stack.names:
            layer = self.stack[name]
            first, *rest = below.split(".")
            value = layer.species if first == "species" else getattr(layer, first)
            for part in rest:
                value = value.get(part, 0.0 if part.endswith("_eV") else None) if isinstance(value, Mapping) else None
            if below.startswith("interaction.") and value is None:
                value = 0.0
        if value is None:
            raise FitError(f"{path}: give its initial value (parameters.NAME.initial)")
        if isinstance(value, Mapping):
            # A law of the temperature, which one number is to replace: what it says at the temperature of the stack.
            parts = {key: number for key, (_, number) in law_parts(path, value).items()}
            at = float(self.stack.temperature_K)
            if path.endswith("conductivity_S_per_m"):
                return float(conductivity_law(parts, np.array(at), value))
            return float(arrhenius(parts["value"], parts["activation_energy_eV"], at, parts["at_K"]))
        return float(value)

    def _law(self, swept: Mapping[str, Any]) -> ChargeTransfer:
        return law_of_keys(self.keys, self.stack, swept)

    def split(self, values: Sequence[float] | Array) -> tuple[dict[str, float], dict[str, float]]:
        """Return the values by path: numbers of the stack, and keys of the law."""
        of_stack, of_law = {}, {}
        for p, value in zip(self.config.parameters, values, strict=True):
            for path in p.paths:
                if path.startswith(self.prefix):
                    of_law[path.removeprefix(self.prefix)] = float(value)
                else:
                    of_stack[path] = float(value)
        return of_stack, of_law

    def _over(self, rows: Array, at: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return numbers of the stack and keys of the law at every point of every row of parameters, rows outermost."""
        n_rows, n = rows.shape[0], next(iter(at.values())).size
        of_stack: dict[str, Array] = {}
        of_law: dict[str, Array] = {}
        for k, p in enumerate(self.config.parameters):
            for path in p.paths:
                if path.startswith(self.prefix):
                    of_law[path.removeprefix(self.prefix)] = np.repeat(rows[:, k], n)
                else:
                    of_stack[path] = np.repeat(rows[:, k], n)
        return of_stack | {path: np.tile(array, n_rows) for path, array in at_rest(at).items()}, of_law

    def scalars(self, rows: Array, at: Mapping[str, Array], solving: Solving | None = None) -> dict[str, Array]:
        """Return observables of every point for rows of parameters at once.

        Parameters
        ----------
        rows : ndarray, shape (n_rows, n_parameters)
            In the units of their keys.
        at : mapping of str to ndarray, shape (n_points,)
            As for :meth:`solve`.
        solving : Solving, optional
            Default: the tolerance of the fit, every processor.

        Returns
        -------
        dict of str to ndarray, shape (n_rows, n_points)
            ``exchange_current_density``, ``total_resistance``, ``capacitance``; NaN where a point has no solution.
        """
        from ..solver.equilibrium import solve_points

        over, of_law = self._over(rows, at)
        parameters = stack_parameters(self.stack, over)
        points = solve_points(
            parameters,
            tolerance_V=(solving or self.solving).tolerance_V,
            resistance_of=self.config.model.output.resistance_of,
        )
        c = int(parameters.end_contacts[0]) + self.contact
        found = {
            "total_resistance": points.scalars["interface_resistance"],
            "capacitance": points.scalars["differential_capacitance"][:, c],
        }
        found["exchange_current_density"] = np.full_like(found["capacitance"], np.nan)
        if self.has_law:
            made = transfer_scalars(self._laws(of_law, parameters), parameters, _with_space_charge(points.scalars))
            found["total_resistance"] = made["total_resistance"]
            found["exchange_current_density"] = made["exchange_current_density"][:, c]
        return {key: array.reshape(rows.shape[0], -1) for key, array in found.items()}

    def spectra(
        self, rows: Array, at: Mapping[str, Array], omega: Sequence[Array], solving: Solving | None = None
    ) -> tuple[list[NDArray[np.complex128]], Array, Array]:
        """Return spectra of every point for rows of parameters, rows outermost.

        Parameters
        ----------
        rows, at, solving
            As for :meth:`scalars`.
        omega : sequence of ndarray, length n_points
            Angular frequencies of every point [s-1].

        Returns
        -------
        spectra : list of ndarray of complex, length n_rows * n_points
            Of the stack [ohm m2].
        resistance, capacitance : ndarray, shape (n_rows * n_points,)
            Of the contact [ohm m2, F m-2]; NaN about a bias or a load, the capacitance about a load only.
        """
        from ..solver.point_spectra import solve_spectra

        over, of_law = self._over(rows, at)
        parameters = stack_parameters(self.stack, over)
        settings = self.config.model.impedance
        loads = loads_at(self.config.model.load, at, rows.shape[0])
        points, found, resistance = solve_spectra(
            self.stack,
            parameters,
            list(omega) * rows.shape[0],
            REVERSIBLE_ENDS if settings is None else settings.ends,
            laws=self._laws(of_law, parameters),
            **(solving or self.solving)._asdict(),
            loads=loads,
        )
        if loads is not None:
            return found, resistance[:, self.contact], np.full(len(found), np.nan)
        c = int(parameters.end_contacts[0]) + self.contact
        return found, resistance[:, self.contact], points.scalars["differential_capacitance"][:, c]

    @property
    def tolerance_V(self) -> float:
        """Tolerance of the contact potentials [V]."""
        return min(self.config.model.solver.tolerance_V, SHARPEST_TOLERANCE_V)

    @property
    def solving(self) -> Solving:
        """How a fit solves."""
        return Solving(self.tolerance_V, os.cpu_count() or 1)

    def draw_tolerance_V(self, sigma: Array) -> float:
        """Return the tolerance [V] with which data of relative errors `sigma` cannot tell a draw from the exact one."""
        volts = BOLTZMANN * float(self.stack.temperature_K) / ELEMENTARY_CHARGE
        enough = OF_A_SIGMA * float(np.min(sigma)) * volts
        return max(self.tolerance_V, min(self.config.model.solver.tolerance_V, enough))

    def _laws(self, of_law: Mapping[str, Any], parameters: StackParameters) -> list[ChargeTransfer | None]:
        law = self._law(of_law) if self.has_law else None
        return [law if i == self.contact else None for i in range(parameters.n_layers - 1)]

    def solve(
        self, values: Sequence[float] | Array, at: Mapping[str, Array], *, slopes: bool = False, energy: bool = False
    ) -> State:
        """Solve the model.

        Parameters
        ----------
        values : array_like, shape (n_parameters,)
            Fitted parameters in the units of their keys.
        at : mapping of str to ndarray, shape (n_points,)
            Numbers of the stack at each point, with ``temperature_K``.
        slopes : bool
            Derivatives by the parameters too.
        energy : bool
            Apparent activation energies too; otherwise NaN.

        Returns
        -------
        State
            NaN where a point has no solution.
        """
        from ..solver.equilibrium import solve_points

        of_stack, of_law = self.split(values)
        n = next(iter(at.values())).size
        over = {**{path: np.full(n, value) for path, value in of_stack.items()}, **at_rest(at)}
        parameters = stack_parameters(self.stack, over)
        tangents = {"temperature_K": parameter_tangent(self.stack, "temperature_K", over)[1]} if energy else {}
        if slopes:
            tangents |= self._tangents(over)
        points = solve_points(
            parameters,
            tolerance_V=self.tolerance_V,
            resistance_of=self.config.model.output.resistance_of,
            tangents=tangents,
        )
        c = int(parameters.end_contacts[0]) + self.contact
        if not self.has_law:
            return self._without_law(points, c, slopes)
        laws = self._laws(of_law, parameters)
        law = laws[self.contact]
        assert law is not None
        solved = _with_space_charge(points.scalars)
        made = transfer_scalars(laws, parameters, solved)
        energies = np.full(made["exchange_current_density"].shape, np.nan)
        if energy:
            energies = local_activation_energy(laws, parameters, solved, points.sensitivities["temperature_K"])
        scalars = {
            "exchange_current_density": made["exchange_current_density"][:, c],
            "charge_transfer_resistance": made["charge_transfer_resistance"][:, c],
            "apparent_activation_energy": energies[:, c],
            "interface_resistance": points.scalars["interface_resistance"],
            "total_resistance": made["total_resistance"],
            "capacitance": points.scalars["differential_capacitance"][:, c],
        }
        derived = {}
        if slopes:
            derived = self._slopes(parameters, solved, scalars, points.sensitivities, law, of_law, c)
            derived["capacitance"] = self._plain_slopes(points, "differential_capacitance", c)
        return State(scalars=scalars, slopes=derived)

    def _without_law(self, points: Points, c: int, slopes: bool) -> State:
        """Return the state of a contact without a law of charge transfer: its space charge alone."""
        resistance = points.scalars["interface_resistance"]
        nothing = np.full(resistance.shape, np.nan)
        scalars = {
            "exchange_current_density": nothing,
            "charge_transfer_resistance": nothing,
            "apparent_activation_energy": nothing,
            "interface_resistance": resistance,
            "total_resistance": resistance,
            "capacitance": points.scalars["differential_capacitance"][:, c],
        }
        if not slopes:
            return State(scalars=scalars, slopes={})
        n = len(self.config.parameters)
        derived = {
            "exchange_current_density": np.zeros((nothing.size, n)),
            "total_resistance": self._plain_slopes(points, "interface_resistance", None),
            "capacitance": self._plain_slopes(points, "differential_capacitance", c),
        }
        return State(scalars=scalars, slopes=derived)

    def _plain_slopes(self, points: Points, name: str, c: int | None) -> Array:
        """Return d ln(observable) by every parameter, in the units of the keys; keys of the law do not move it."""

        def of(arrays: Mapping[str, Array]) -> Array:
            return arrays[name] if c is None else arrays[name][:, c]

        value = of(points.scalars)
        out = np.zeros((value.size, len(self.config.parameters)))
        for k in range(out.shape[1]):
            if f"{k}" in points.sensitivities:
                with np.errstate(divide="ignore", invalid="ignore"):
                    out[:, k] = of(points.sensitivities[f"{k}"]) / value
        return out

    def _tangents(self, over: Mapping[str, Array]) -> dict[str, StackParameters]:
        """Return d(arrays)/d(parameter) by the place of each parameter that moves the stack, in the units of the keys.

        Paths that share a parameter move together: one direction, whatever their number.
        """
        directions = {}
        for k, p in enumerate(self.config.parameters):
            parts = [
                (unit_of(path).factor, parameter_tangent(self.stack, path, over)[1])
                for path in p.paths
                if not path.startswith(self.prefix)
            ]
            if parts:
                directions[f"{k}"] = _combined(parts)
        return directions

    def _slopes(
        self,
        parameters: StackParameters,
        solved: Mapping[str, Array],
        scalars: Mapping[str, Array],
        sensitivities: Mapping[str, Mapping[str, Array]],
        law: ChargeTransfer,
        of_law: Mapping[str, float],
        c: int,
    ) -> dict[str, Array]:
        """Return d ln i0 and d ln R_total by every parameter, in the units of the keys."""
        n_points = parameters.n_points
        alpha = float(np.asarray(law.symmetry_factor))
        theta, vacancy = solved["contact_occupancy"][:, c], solved["contact_vacancy"][:, c]
        current = np.zeros((n_points, len(self.config.parameters)))
        region, series = np.zeros_like(current), np.zeros_like(current)
        for k, p in enumerate(self.config.parameters):
            for path in p.paths:
                if path.startswith(self.prefix):
                    key = path.removeprefix(self.prefix)
                    by_law, in_series = self._law_slope(key, of_law, parameters, theta, vacancy)
                    current[:, k] += by_law
                    series[:, k] += in_series
            if f"{k}" not in sensitivities:
                continue
            slope = _with_space_charge(sensitivities[f"{k}"])
            d_theta, d_vacancy = slope["contact_occupancy"][:, c] / theta, slope["contact_vacancy"][:, c] / vacancy
            current[:, k] += (1.0 - alpha) * (d_theta[:, 0] + d_vacancy[:, 1])
            current[:, k] += alpha * (d_theta[:, 1] + d_vacancy[:, 0])
            region[:, k] += slope["interface_resistance"]
        transfer = scalars["charge_transfer_resistance"][:, None]
        total = (region - transfer * current + series) / scalars["total_resistance"][:, None]
        return {"exchange_current_density": current, "total_resistance": total}

    def _law_slope(
        self, key: str, of_law: Mapping[str, float], parameters: StackParameters, theta: Array, vacancy: Array
    ) -> tuple[Array, float]:
        """Return d ln i0 and d R_series [ohm m2] by one key of the law.

        The law is closed: differences of it at frozen occupancies cost no solve and lose no digit that counts.
        """
        value = of_law[key]
        step = 1e-5 * max(abs(value), 1e-2)
        high, low = value + step, value - step
        if key == "symmetry_factor":
            high, low = min(high, 1.0), max(low, 0.0)

        def logarithm(x: float) -> tuple[Array, float]:
            law = self._law({**of_law, key: x})
            factor = occupancy_factor(theta[:, 0], vacancy[:, 0], theta[:, 1], vacancy[:, 1], law.symmetry_factor)
            return np.log(law.rate_at(parameters.temperature) * factor), float(
                np.asarray(law.grain_boundary_resistance)
            )

        if key == "grain_boundary_resistance_ohm_cm2":
            return np.zeros(parameters.n_points), 1e-4
        if key == "rate_constant_per_m2_s":
            return np.full(parameters.n_points, 1.0 / value), 0.0
        (above, _), (below, _) = logarithm(high), logarithm(low)
        return (above - below) / (high - low), 0.0


def _combined(parts: Sequence[tuple[float, StackParameters]]) -> StackParameters:
    """Return the sum of tangents, each times its factor."""
    first = parts[0][1]
    arrays = {
        f.name: sum(factor * getattr(tangent, f.name) for factor, tangent in parts)
        for f in fields(first)
        if isinstance(getattr(first, f.name), np.ndarray) and getattr(first, f.name).dtype == np.float64
    }
    return replace(first, **arrays)


def _with_space_charge(scalars: Mapping[str, Array]) -> dict[str, Array]:
    """Return scalars whose interface resistance is 0 where no layer has a diffusivity: only the jumps are known."""
    resistance = scalars["interface_resistance"]
    known = np.isfinite(resistance) | ~np.isfinite(scalars["contact_occupancy"]).any(axis=tuple(range(1, 3)))
    return {**scalars, "interface_resistance": np.where(known, resistance, 0.0)}


__all__ = ["ADDED", "InterfaceModel", "Solving"]
