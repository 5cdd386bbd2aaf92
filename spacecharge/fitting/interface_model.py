"""The interface model against measurements: exchange currents, resistances and activation energies of interfaces.

One prediction solves every interface at every temperature at once; its derivatives are the exact sensitivities of the
solver, carried through the law of charge transfer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FitError, ModelError
from ..model import Stack, StackParameters, stack_parameters
from ..model.charge_transfer import ChargeTransfer, law_of_keys, occupancy_factor
from ..model.tangents import parameter_tangent
from ..solver.transfer import local_activation_energy, transfer_scalars
from ..units import unit_of
from .curvature import minimise_by_curvature
from .interface_measured import Measured, State
from .problem import Array, Parameter, Problem
from .setup import Column, Quantity, Rows, Setup

if TYPE_CHECKING:
    from ..config.interface_fit import Datum, FittedPath, InterfaceFitConfig
    from ..solver.equilibrium import Points

ADDED = "grain_boundary_resistance_ohm_cm2"

SHARPEST_TOLERANCE_V = 1e-9
"""Contact potentials of a fit: 4e-8 of kT/e, so that a chi-square is smooth over steps of a thousandth of a sigma."""


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
        return np.array([self._base_value(p.paths[0]) for p in self.config.parameters])

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
        return float(value)

    def _law(self, swept: Mapping[str, float]) -> ChargeTransfer:
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
        over = {**{path: np.full(n, value) for path, value in of_stack.items()}, **at}
        parameters = stack_parameters(self.stack, over)
        tangents = {"temperature_K": parameter_tangent(self.stack, "temperature_K", over)[1]} if energy else {}
        if slopes:
            tangents |= self._tangents(over)
        points = solve_points(
            parameters,
            tolerance_V=min(self.config.model.solver.tolerance_V, SHARPEST_TOLERANCE_V),
            resistance_of=self.config.model.output.resistance_of,
            tangents=tangents,
        )
        c = int(parameters.end_contacts[0]) + self.contact
        if not self.has_law:
            return self._without_law(points, c, slopes)
        law = self._law(of_law)
        laws = [law if i == self.contact else None for i in range(parameters.n_layers - 1)]
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


_MOST_DERIVED = 12
"""Interfaces of which derived numbers are listed; the rows of a long table stand in the table of interfaces."""


def interface_setup(config: InterfaceFitConfig) -> tuple[Setup, InterfaceModel]:
    """Return the fit of a configuration, ready to run, and its model.

    Raises
    ------
    FitError
        A parameter needs an initial value, or the calibration is no neutral case.
    """
    try:
        model = InterfaceModel(config)
        base = model.base
    except ModelError as error:
        raise FitError(f"{config.model.source}: {error}") from None
    measured = Measured(config)
    parameters = tuple(_parameter(p, value) for p, value in zip(config.parameters, base.tolist(), strict=True))

    def predict(values: Array, rows: Rows) -> Array:
        return measured.prediction(model.solve(values, measured.at))[rows]

    names = list(config.interfaces)
    temperature = np.array([float(np.mean(d.temperatures)) for d in config.data])
    problem = Problem(
        parameters=parameters,
        predict=lambda values: predict(values, slice(None)),
        jacobian=lambda values: measured.jacobian(model.solve(values, measured.at, slopes=True)),
        data=measured.values,
        sigma=measured.sigma,
        limit=measured.limit if np.any(measured.limit) else None,
        absolute_sigma=config.absolute_sigma,
        advise=lambda values, names: _advice(measured, model, values, names),
    )
    series = np.array([names.index(d.interface) for d in config.data], dtype=np.intp)
    unique, index = np.unique(temperature, return_inverse=True)
    few = names if len(names) <= _MOST_DERIVED else []
    derived = tuple(q for name in few for q in _derived(model, config, name))
    columns = {
        "temperature": Column(values=temperature, unit="K", long_name="temperature, mean of those of a slope"),
        "quantity": Column(
            values=np.array([_code(d) for d in config.data], dtype=float),
            unit="1",
            long_name="0 ln of an exchange current density [A m-2], 1 ln of a resistance [ohm m2], 2 energy [eV], "
            "3 ln of a capacitance [F m-2]",
        ),
    }
    return (
        Setup(
            problem=problem,
            predict=predict,
            columns=columns,
            quantity=Column(
                values=measured.values, unit="1", long_name="data in the form that is fitted (see quantity)"
            ),
            series=series,
            series_names=tuple(names),
            temperature_index=index.astype(np.intp),
            temperatures=unique,
            derived=derived,
            search=minimise_by_curvature,
            notes=(
                "exchange currents, resistances and capacitances are fitted as logarithms, activation energies as they "
                "are",
                *config.notes,
            ),
        ),
        model,
    )


def _advice(measured: Measured, model: InterfaceModel, values: Array, names: Sequence[str]) -> str:
    """Say which product or quotient of two parameters the data do determine."""
    places = [k for k, p in enumerate(model.config.parameters) if p.name in names]
    if len(places) != 2 or not np.all(values[places] > 0.0):
        return ""
    slopes = measured.jacobian(model.solve(values, measured.at, slopes=True))[:, places] * values[places]
    weighted = slopes / measured.sigma[:, None]
    if not np.all(np.isfinite(weighted)):
        return ""
    _, singular, rows = np.linalg.svd(weighted, full_matrices=False)
    one, other = rows[0]
    if singular[1] > 1e-3 * singular[0] or abs(abs(one) - abs(other)) > 1e-3:
        return ""
    (a, b), (x, y) = [model.config.parameters[k].name for k in places], values[places]
    # Along (1, 1) the logarithms move together: one step of the product is two of this direction.
    sigma = np.sqrt(2.0) / singular[0]
    if one * other > 0.0:
        return f"the data determine their product only, {a} x {b} = {x * y:.4g} (1 sigma {100 * sigma:.2g} %): fix one"
    return f"the data determine their quotient only, {a} / {b} = {x / y:.4g} (1 sigma {100 * sigma:.2g} %): fix one"


def _code(datum: Datum) -> int:
    return ("exchange", "resistance", "activation", "capacitance").index(datum.quantity.split("_")[0])


def _parameter(p: FittedPath, base: float) -> Parameter:
    start = p.fixed if p.fixed is not None else p.initial if p.initial is not None else base
    return Parameter(
        name=p.name,
        unit=unit_of(p.paths[0]).text or "1",
        initial=float(np.clip(start, p.minimum, p.maximum)),
        minimum=p.minimum,
        maximum=p.maximum,
        fixed=p.fixed is not None,
        log=p.log,
        long_name=" = ".join(p.paths),
    )


def _derived(model: InterfaceModel, config: InterfaceFitConfig, name: str) -> list[Quantity]:
    """Return what follows for one interface, at the temperature of the configuration."""
    at = {path: np.array([value]) for path, value in config.interfaces[name].items()}
    at["temperature_K"] = np.array([float(model.stack.temperature_K)])
    wanted = [("total_resistance", "ohm m2", "total resistance")]
    if model.has_law:
        wanted.insert(0, ("exchange_current_density", "A m-2", "exchange current density"))
    if any(d.quantity.startswith("capacitance") for d in config.data):
        wanted.append(("capacitance", "F m-2", "differential capacitance"))

    def function(key: str) -> Any:
        return lambda values: float(model.solve(values, at).scalars[key][0])

    return [
        Quantity(name=f"{key}_{name}", unit=unit, long_name=f"{words} of {name}", function=function(key))
        for key, unit, words in wanted
    ]


__all__ = ["InterfaceModel", "Measured", "State", "interface_setup"]
