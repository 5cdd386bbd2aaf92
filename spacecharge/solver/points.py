"""Currents and spectra at the points of a sweep: every point becomes a solution of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import EndKind, Status
from ..errors import ConvergenceError, ModelError
from ..model import Stack, StackParameters
from ..model.charge_transfer import ChargeTransfer
from ..model.components import components_of
from .arcs import MOST_ARCS, arc_energies, empty_arcs, place_names, stored_arcs
from .bias import bias_path, bias_scalars
from .chain import contact_rows
from .equilibrium import solve_points, work_array
from .impedance_limits import blocking_resistance, path_resistances, stack_capacitance, through_resistance
from .kernel_choice import run_prepared
from .network import held_components, network_of
from .options import SolverOptions
from .outputs import CELL_VOLTAGE, CURRENT_OUTPUTS, OUTPUTS
from .prepared import prepared_point
from .relaxation import relaxation_times
from .routes import routes_of
from .small_signal import contact_resistances, full_work, spectrum_of
from .solution import Solution
from .steady import SteadyState, solve_load

Array = NDArray[np.float64]
Laws = Sequence[ChargeTransfer | None]
Loads = tuple[Array | None, Array | None, tuple[str, ...] | None]
"""Current densities [A m-2] or voltages [V] of points, one of them None, and the components that the ends exchange."""


def point_of(parameters: StackParameters, point: int, *, reservoirs: bool = False) -> StackParameters:
    """Return the arrays of one point; with `reservoirs` both ends stand in neutral bulk."""
    arrays = {name: array[point : point + 1] for name, array in parameters.over_points().items()}
    if not reservoirs:
        return parameters.with_arrays(arrays)
    arrays["end_value"] = np.zeros((1, 2))
    return parameters.with_arrays(arrays, end_kind=np.full(2, EndKind.BULK, dtype=np.int64))


def law_of(law: ChargeTransfer | None, point: int) -> ChargeTransfer | None:
    """Return a law whose numbers may be arrays over points, at one of them."""
    if law is None:
        return None
    at: dict[str, Any] = {}
    for f in fields(law):
        values = np.asarray(getattr(law, f.name), dtype=float)
        at[f.name] = float(values if values.ndim == 0 else values[point])
    return ChargeTransfer(**at)


def solve_point_of(
    stack: Stack, parameters: StackParameters, tolerance_V: float, resistance_of: Sequence[str] | None
) -> Solution:
    """Solve one point whose arrays are given; nothing raises, the status says what became of it."""
    prepared = prepared_point(parameters, tolerance_V, SolverOptions())
    work, out = work_array(prepared.work_rows), prepared.blank.copy()
    n = 0
    if not parameters.invalid[0]:
        n = run_prepared(prepared, work, out)
    else:
        out[0, 0] = Status.INVALID_POINT
    status = Status(int(out[0, 0]))
    counted = None if resistance_of is None else tuple(resistance_of)
    return Solution(stack, prepared, counted, (status, status.message), out, prepared.keep(work, n), 0.0)


def load_values(
    stack: Stack,
    parameters: StackParameters,
    laws: Laws,
    loads: Loads,
    tolerance_V: ArrayLike,
    resistance_of: Sequence[str] | None,
) -> tuple[dict[str, Array], list[SteadyState]]:
    """Return the variables of states with current at many points, and the states.

    Parameters
    ----------
    stack : Stack
        The stack at its base point.
    parameters : StackParameters
        The points.
    laws : sequence of ChargeTransfer or None
        One per inner contact.
    loads : tuple
        Current densities [A m-2] or voltages [V], shape (n_points,), one of them None; and the components that the ends
        exchange, None for all.
    tolerance_V : array_like
        Tolerance of the contact potentials [V].
    resistance_of : sequence of str or None
        Layers that count in the interface resistance.

    Returns
    -------
    dict, list
        ``status``, ``iterations``, every observable of the equilibrium solve in the state with current, and
        ``current_density``, ``voltage``, ``cell_voltage``, ``differential_resistance``, ``layer_voltage``,
        ``overpotential``, ``contact_current_density``; NaN and a status where a point has no answer.

    Raises
    ------
    ModelError
        No component passes from end to end.
    """
    p = parameters
    tolerances = np.broadcast_to(np.asarray(tolerance_V, dtype=float), (p.n_points,))
    states, each = [], []
    for i in range(p.n_points):
        here = point_of(p, i, reservoirs=True)
        routes = routes_of(stack, here, loads[2])
        solution = solve_point_of(stack, here, float(tolerances[i]), resistance_of)
        if solution.status == Status.SOLVED:
            at = [law_of(law, i) for law in laws]
            rows = contact_rows(here, at, here.array("contact_resistance")[0], routes)
            current, voltage = (None if load is None else float(load[i]) for load in loads[:2])
            state = solve_load(solution, rows, routes, current, voltage)
        else:
            state = SteadyState.failed(stack, solution.status, solution.message)
        states.append(state)
        each.append(_state_values(state, p))
    return {name: np.stack([values[name] for values in each]) for name in each[0]}, states


def _state_values(state: SteadyState, p: StackParameters) -> dict[str, Array]:
    """Return the variables of one state, NaN where there is none."""
    found: dict[str, Any] = state.scalars if state.chain is not None else {}
    values: dict[str, Array] = {}
    for output in OUTPUTS:
        none = np.full(output.shape(p), 0 if output.dtype == "i4" else np.nan)
        values[output.name] = np.asarray(found.get(output.name, none), dtype=output.dtype)
    values["status"] = np.asarray(int(state.status), dtype=np.int32)
    values["iterations"] = np.asarray(state.iterations, dtype=np.int32)
    values["potential_error_estimate"] = np.asarray(state.potential_error_estimate)
    values["resistance_error_estimate"] = np.asarray(state.voltage_error_estimate)
    for output in (CELL_VOLTAGE, *CURRENT_OUTPUTS):
        if output.needs != "bias":
            none = np.full(output.shape(p), np.nan)
            values[output.name] = np.asarray(getattr(state, output.name) if state.has_answer else none, dtype=float)
    if p.n_species > 1:
        passing = np.full((2, p.n_layers - 1), np.nan) if state.chain is None else state.chain.charge_transfer()
        values["exchange_current_density"], values["charge_transfer_resistance"] = passing
    return values


def bias_values(
    stack: Stack,
    parameters: StackParameters,
    laws: Laws,
    scalars: Mapping[str, Array],
    tolerance_V: ArrayLike,
    tangents: Mapping[int, StackParameters],
) -> dict[str, Array]:
    """Return the variables of biased contacts at many points; `tangents`: derivatives by the bias of each contact."""
    paths = {bias_path(i): tangent for i, tangent in tangents.items()}
    slopes: dict[int, Mapping[str, Array]] = {}
    if paths:
        found = solve_points(parameters, tolerance_V=tolerance_V, tangents=paths).sensitivities
        slopes = {i: found[bias_path(i)] for i in tangents}
    del stack
    return bias_scalars(laws, parameters, scalars, slopes)


def spectrum_values(
    stack: Stack,
    parameters: StackParameters,
    laws: Laws,
    frequency_Hz: Array,
    ends: Mapping[str, Any],
    tolerance_V: ArrayLike,
    states: Sequence[SteadyState] | None = None,
) -> dict[str, Array]:
    """Return the variables of a spectrum at many points.

    Parameters
    ----------
    stack, parameters, laws, tolerance_V
        As for :func:`load_values`.
    frequency_Hz : ndarray, shape (n_frequencies,)
        Frequencies [Hz].
    ends : mapping
        ``{left, right}`` as :func:`spacecharge.impedance` takes them.
    states : sequence of SteadyState, optional
        States with current, one per point.

    Returns
    -------
    dict
        ``impedance_real``, ``impedance_imag`` (n_points, n_frequencies), ``layer_impedance_real``, ``_imag`` (n_points,
        n_layers, n_frequencies) [ohm m2], ``impedance_error_estimate`` [1], ``dc_resistance``, ``blocking_resistance``
        [ohm m2], ``geometric_capacitance`` [F m-2]; NaN where a point has no answer.
    """
    p = parameters
    tolerances = np.broadcast_to(np.asarray(tolerance_V, dtype=float), (p.n_points,))
    n, n_layers = frequency_Hz.size, p.n_layers
    z = np.full((p.n_points, n), np.nan, dtype=np.complex128)
    layers = np.full((p.n_points, n_layers, n), np.nan, dtype=np.complex128)
    values = {
        "impedance_error_estimate": np.full((p.n_points, n), np.nan),
        "dc_resistance": np.full(p.n_points, np.nan),
        "blocking_resistance": np.full(p.n_points, np.nan),
        "geometric_capacitance": np.full(p.n_points, np.nan),
    }
    for i in range(p.n_points):
        at = [law_of(law, i) for law in laws]
        if states is not None:
            if not states[i].has_answer:
                continue
            found = spectrum_of(states[i], frequency_Hz, ends=ends)
            values["dc_resistance"][i] = states[i].differential_resistance
        else:
            solution = solve_point_of(stack, point_of(p, i), float(tolerances[i]), None)
            if not Status(solution.status).has_answer:
                continue
            found = spectrum_of(solution, frequency_Hz, ends=ends, charge_transfer=at)
            values["dc_resistance"][i], values["blocking_resistance"][i] = _limits(solution, at, ends)
        z[i], layers[i] = found.impedance, found.layers.T
        values["impedance_error_estimate"][i] = found.error_estimate
        values["geometric_capacitance"][i] = stack_capacitance(p, i)
    return values | {
        "impedance_real": z.real,
        "impedance_imag": z.imag,
        "layer_impedance_real": layers.real,
        "layer_impedance_imag": layers.imag,
    }


WARMER = 1e-4
"""Relative step of the temperature on both sides, for activation energies: its square is lost, and 1e-9 over it."""


def arc_values(
    stack: Stack,
    parameters: StackParameters,
    laws: Laws,
    ends: Mapping[str, Any],
    tolerance_V: ArrayLike,
    by_temperature: StackParameters | None = None,
    states: Sequence[SteadyState] | None = None,
) -> dict[str, Array]:
    """Return the variables of relaxation times and arcs at many points.

    Parameters
    ----------
    stack, parameters, laws, ends, tolerance_V
        As for :func:`spectrum_values`.
    by_temperature : StackParameters, optional
        Derivatives of the arrays by the temperature [K-1], for activation energies; at rest.
    states : sequence of SteadyState, optional
        States with current, one per point.

    Returns
    -------
    dict
        What :func:`~spacecharge.solver.arcs.stored_arcs` has of every point, and ``arc_activation_energy`` (n_points,
        MOST_ARCS) [eV], NaN without derivatives; NaN where a point has no answer.
    """
    p = parameters
    tolerances = np.broadcast_to(np.asarray(tolerance_V, dtype=float), (p.n_points,))
    names = place_names(p)

    def arcs_about(state: Solution | SteadyState, laws: Any) -> dict[str, Array]:
        try:
            times = relaxation_times(state, ends=ends, charge_transfer=laws)
        except ConvergenceError:
            # `codes.NO_ARCS` says so where the arcs are shown.
            return empty_arcs()
        return stored_arcs(times, names)

    def at(arrays: StackParameters, i: int) -> dict[str, Array]:
        if states is not None:
            return arcs_about(states[i], None) if states[i].has_answer else empty_arcs()
        solution = solve_point_of(stack, point_of(arrays, i), float(tolerances[i]), None)
        if not Status(solution.status).has_answer:
            return empty_arcs()
        each = [law_of(law, i) for law in laws]
        return arcs_about(solution, each)

    points = [at(p, i) for i in range(p.n_points)]
    energies = np.full((p.n_points, MOST_ARCS), np.nan)
    if by_temperature is not None:
        step = WARMER * p.temperature
        beside = []
        for sign in (-1.0, 1.0):
            moved = p.over_points()
            for name, array in moved.items():
                if array.dtype == np.float64:
                    change = sign * step.reshape(-1, *[1] * (array.ndim - 1))
                    moved[name] = array + change * by_temperature.array(name)
            beside.append(p.with_arrays(moved))
        for i, here in enumerate(points):
            low, high = (at(other, i) for other in beside)
            kelvins = np.array([other.temperature[i] for other in (beside[0], p, beside[1])])
            energies[i] = arc_energies(low, here, high, kelvins)
    stacked = {name: np.stack([point[name] for point in points]) for name in empty_arcs()}
    return stacked | {"arc_activation_energy": energies}


def _limits(solution: Solution, laws: Laws, ends: Mapping[str, Any]) -> tuple[float, float]:
    """Return the resistances to a direct current and between blocking plates; NaN with a bias, which has neither."""
    if np.any(solution.parameters.array("contact_bias")):
        return np.nan, np.nan
    components = components_of(solution.stack)
    prepared = solution._prepared
    network = network_of(solution.parameters, 0, components, contact_resistances(solution, laws))
    paths = path_resistances(full_work(solution), prepared.rows[0], prepared.codes, network)
    try:
        blocked = blocking_resistance(solution, charge_transfer=laws)
    except ModelError:
        blocked = np.nan
    return through_resistance(paths, held_components(ends, components)), blocked
