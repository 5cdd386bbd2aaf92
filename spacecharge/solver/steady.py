"""A steady current through a stack: space-charge layers that move with the current, and the voltage that it takes.

Every layer has one mobile component, whose current J is the same at every x. With y = (phi - phi_b - v)/(kT/e) the
occupancies are those of equilibrium at y, v' = -J/sigma(y), and Poisson's equation reads

    -(eps0 eps (y' + v'/(kT/e)))' = rho(y),

which Newton solves on the elements of the equilibrium solve, cut where the current moves the layers. Both ends are
reservoirs of neutral bulk. At a contact v jumps by what the charge transfer takes (or a plain resistance), phi does
not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codes import EndKind, Status
from ..constants import ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from ..errors import ConvergenceError, ModelError
from ..model import End, Stack, StackParameters
from ..model.charge_transfer import ChargeTransfer
from .equilibrium import solve
from .impedance import Laws
from .network import bulk_conductivities, components_of
from .options import SolverOptions
from .solution import Solution

Array = NDArray[np.float64]

MOST_ELEMENTS = 4000
"""Elements beyond which a mesh is not cut any further."""

SMOOTH = 3e-6
"""Roughness [kT/e] that an element may always have, at a tolerance of 1e-6 V: far below what the tolerance allows."""

SAFETY = 2.0
"""What halving the mesh changes, times this, is the error estimate of the finer one; measured errors are smaller."""


@dataclass(frozen=True)
class SteadyState:
    """A stack that carries a current; read-only.

    Attributes
    ----------
    stack : Stack
        What was solved.
    status : int
        0 solved, 1 not converged (the stack cannot carry that current, or no path to it was found), 4 accuracy not
        reached.
    message : str
        What the status means here.
    current_density : float
        J, positive from left to right [A m-2].
    voltage : float
        v of the left end minus v of the right end: the polarisation against equilibrium [V].
    cell_voltage : float
        U_left - U_right + voltage [V].
    differential_resistance : float
        dV/dJ [ohm m2], by implicit differentiation.
    layer_voltage : ndarray, shape (n_layers,)
        Drop of v over each layer [V].
    overpotential : ndarray, shape (n_layers - 1,)
        v left minus v right of each inner contact [V].
    voltage_error_estimate, potential_error_estimate : float
        Estimated errors of the voltage, relative [1], and of the contact potentials [V].
    iterations, n_elements : int
        Newton iterations over all meshes and currents, elements of the last mesh.
    """

    stack: Stack
    status: int
    message: str
    current_density: float
    voltage: float
    cell_voltage: float
    differential_resistance: float
    layer_voltage: Array
    overpotential: Array
    voltage_error_estimate: float
    potential_error_estimate: float
    iterations: int
    n_elements: int
    chain: Chain | None = field(default=None, repr=False)

    @property
    def success(self) -> bool:
        """Whether the answer meets its tolerance."""
        return self.status == 0

    @cached_property
    def exchange_current_density(self) -> Array:
        """i0 from the occupancies that the current leaves at each inner contact [A m-2]; NaN without a law."""
        return self._chain().exchange_currents()

    @cached_property
    def scalars(self) -> dict[str, Any]:
        """Observables of the state with current, by their names in result files."""
        return self._chain().scalars(self.profiles)

    @cached_property
    def profiles(self) -> dict[str, Array]:
        """Profiles at all nodes.

        ``x`` [m], 0 at the first contact; ``potential`` phi and ``electrochemical_potential`` v [V], both 0 in the
        neutral bulk of the right end; ``occupancy``, ``vacancy`` (n_species, n_nodes) [1]; ``current_density`` J
        [A m-2], the same everywhere since v' is -J/sigma at every node.
        """
        return self._chain().profiles(self.voltage)

    def _chain(self) -> Chain:
        if self.chain is None:
            raise ConvergenceError(self.message, self.status)
        return self.chain


class Chain:
    """A mesh with its state, and what the kernels need beside it; mutable while a state is looked for."""

    def __init__(self, solution: Solution, contacts: Array) -> None:
        from ..kernels import layout as o
        from ..kernels import workspace as w
        from ..kernels.species import fill_species
        from ..kernels.steady_nodes import NODE_STATE, Y

        p = solution.parameters
        prepared = solution._prepared
        state = solution.state
        first = state[w.FIRST, : p.n_layers + 1].astype(int)
        n = int(first[-1])
        self.volt = float(p.thermal_voltage[0])
        species = np.empty((p.n_layers, p.n_species, o.SPECIES_COLUMNS))
        fill_species(prepared.rows[0], prepared.codes, species)
        self.problem = (species, prepared.codes, np.ascontiguousarray(p.permittivity[0]), contacts, self.volt)
        self.elements = np.stack([state[w.SIZE, :n], state[w.LAYER, :n]], axis=1)
        self.nodes = np.zeros((n, 5, NODE_STATE))
        self.nodes[:, :, Y] = state[w.Y : w.Y + 5, :n].T
        charge = species[self.elements[:, 1].astype(int), :, o.P_Z]
        self.deltas = -charge[:, None, :] * self.nodes[:, :, Y][:, :, None]
        for s in range(p.n_species):
            at = w.SPECIES_START + w.SPECIES_ROWS * s + w.DELTA
            kept = state[at : at + 5, :n].T
            if np.any(kept):
                self.deltas[:, :, s] = kept
        self.solution = solution
        self.current = 0.0
        self.iterations = 0

    def reach(self, current: float) -> bool:
        """Go to a current; False where the way ends before, which leaves the last state on it."""
        from ..kernels.steady_state import follow_current

        steps = np.empty(self.nodes.shape[:2])
        status, more, self.current = follow_current(
            self.problem, self.elements, self.nodes, self.deltas, self.current, current, steps
        )
        self.iterations += int(more)
        return bool(status == 0)

    def cut(self, pieces: NDArray[np.int64]) -> bool:
        """Cut elements and solve again at the same current; False where that fails, which leaves all as it was."""
        from ..kernels.steady_state import cut_elements, solve_current

        before = self.elements, self.nodes, self.deltas
        self.elements, self.nodes, self.deltas = cut_elements(*before, pieces)
        steps = np.empty(self.nodes.shape[:2])
        status, more = solve_current(self.problem, self.elements, self.nodes, self.deltas, self.current, steps)
        self.iterations += int(more)
        if status != 0:
            self.elements, self.nodes, self.deltas = before
        return bool(status == 0)

    def rough(self) -> Array:
        """Return the roughness of every element."""
        from ..kernels.steady_state import roughness

        rough = np.empty(self.elements.shape[0])
        roughness(self.elements, self.nodes, rough)
        return rough

    def adapt(self, limit: float) -> bool:
        """Cut what is rougher than the limit until nothing is; False where that fails."""
        for _ in range(24):
            rough = self.rough() > limit
            n = rough.size
            if not rough.any() or n > MOST_ELEMENTS:
                return True
            if not self.cut(np.where(rough, 2, 1).astype(np.int64)):
                return False
        return True

    def voltage(self) -> tuple[float, float, Array]:
        """Return V, dV/dJ and the drops (2, n_layers) of layers and of the contacts left of them."""
        from ..kernels.steady_state import measure_voltage

        steps = np.empty(self.nodes.shape[:2])
        drops = np.empty((2, self.problem[2].size))
        voltage, slope = measure_voltage(
            self.problem, self.elements, self.nodes, self.deltas, self.current, steps, drops
        )
        return float(voltage), float(slope), drops

    def work(self) -> Array:
        """Return a work array that holds this state as an equilibrium solve would."""
        from ..kernels.steady_profile import store_state
        from ..kernels.workspace import STRIDE

        work = np.zeros(self.solution._prepared.work_rows * STRIDE)
        store_state(work, self.elements, self.nodes, self.deltas)
        return work

    def exchange_currents(self) -> Array:
        """Return i0 of every inner contact [A m-2], NaN without a law."""
        from ..kernels.steady_profile import exchange_currents

        out = np.empty(self.problem[2].size - 1)
        exchange_currents(self.problem, self.elements, self.deltas, self.current, out)
        return out

    def profiles(self, voltage: float) -> dict[str, Array]:
        """Return profiles at all nodes, by name; `voltage` is v of the left end."""
        from ..kernels.steady_profile import read_profiles

        p = self.solution.parameters
        n = self.elements.shape[0]
        x, v = np.empty((n, 5)), np.empty((n, 5))
        occupancy, vacancy = np.empty((p.n_species, n, 5)), np.empty((p.n_species, n, 5))
        read_profiles(self.problem, self.elements, self.nodes, self.deltas, self.current, x, v, occupancy, vacancy)
        if p.n_layers > 1:
            x -= float(p.thickness[0, 0])
        layer = self.elements[:, 1].astype(int)
        # v counts from the right end; phi_b differs between layers as at rest.
        v += voltage
        level = (p.neutral_potential[0] - p.neutral_potential[0, -1])[layer]
        keep = np.ones((n, 5), dtype=bool)
        keep[1:, 0] = layer[1:] != layer[:-1]
        return {
            "x": x[keep],
            "potential": (self.nodes[:, :, 0] * self.volt + v + level[:, None])[keep],
            "electrochemical_potential": v[keep],
            "occupancy": occupancy[:, keep],
            "vacancy": vacancy[:, keep],
            "current_density": np.full(int(keep.sum()), self.current),
        }

    def scalars(self, profiles: dict[str, Array]) -> dict[str, Any]:
        """Return what the result file holds of a state with current, by name.

        Static and differential capacitances are those of equilibrium only and stay NaN.
        """
        from ..kernels.steady_profile import observe_steady, steady_faces
        from .output import VALIDITY, Rows
        from .packing import unpack_scalars

        solution = self.solution
        p, prepared = solution.parameters, solution._prepared
        faces = np.empty((p.n_layers, 5))
        steady_faces(self.problem, self.elements, self.nodes, faces)
        out = solution.row.copy()
        out[-2 * (p.n_layers + 1) :] = math.nan
        fraction = float(prepared.packed[0])
        out[VALIDITY] = observe_steady(self.work(), prepared.rows[0], self.problem, faces, fraction, out)
        named = {name: values[0] for name, values in unpack_scalars(Rows(out[None], p, solution.resistance_of)).items()}
        # phi at a contact counts from the neutral bulk at the right end, where v is 0 as well.
        contacts = np.flatnonzero(np.diff(profiles["x"]) == 0.0)
        potential = profiles["potential"]
        named["contact_potential"] = np.stack([potential[contacts], potential[contacts + 1]], axis=1)
        return named

    def faces(self) -> Array:
        """Return y left and right of every inner contact, shape (n_layers - 1, 2) [kT/e]."""
        layer = self.elements[:, 1]
        ends = np.flatnonzero(np.diff(layer))
        return np.stack([self.nodes[ends, 4, 0], self.nodes[ends + 1, 0, 0]], axis=1)


def contact_rows(parameters: StackParameters, laws: Sequence[ChargeTransfer | None], resistance: Array) -> Array:
    """Return what the kernels need of every inner contact, shape (n_layers - 1, CONTACT_COLUMNS).

    Raises
    ------
    ModelError
        A contact has both a law and a plain resistance, or a law meets several species.
    """
    from ..kernels import steady_nodes as k

    p = parameters
    rows = np.zeros((p.n_layers - 1, k.CONTACT_COLUMNS))
    volt = float(p.thermal_voltage[0])
    for c in range(p.n_layers - 1):
        rows[c, k.C_STEP] = float(p.contact_step[0, c]) / volt
        rows[c, k.C_SHEET] = float(p.contact_charge[0, c]) / (VACUUM_PERMITTIVITY * volt)
        law = laws[c] if c < len(laws) else None
        if law is not None:
            if (p.site_density[0, c : c + 2] > 0.0).sum() != 2:
                raise ModelError("a law of charge transfer needs layers with one mobile species each", "contacts")
            if resistance[c] != 0.0:
                raise ModelError("give either a law of charge transfer or a resistance", f"contacts.{c}")
            z = float(p.charge_number[0, c, 0])
            prefactor = abs(z) * ELEMENTARY_CHARGE * float(law.rate_at(p.temperature[0]))
            rows[c, k.C_KIND], rows[c, k.C_VALUE] = k.JUMPS, prefactor
            rows[c, k.C_ALPHA], rows[c, k.C_CHARGE] = float(np.asarray(law.symmetry_factor)), z
        elif resistance[c] > 0.0:
            rows[c, k.C_KIND], rows[c, k.C_VALUE] = k.RESISTOR, resistance[c]
    return rows


def _one_component(stack: Stack, parameters: StackParameters) -> None:
    """Refuse what the equation for one component a layer does not describe."""
    components = components_of(stack)
    sigma = bulk_conductivities(parameters, 0, components)
    for i, name in enumerate(parameters.layer_names):
        members = set(components.of_species[i][parameters.site_density[0, i] > 0.0].tolist())
        if len(members) != 1:
            raise ModelError(
                "a steady current needs layers whose mobile species form one component (give them one `component`)",
                f"{name}.species",
            )
        if not sigma[i].any():
            raise ModelError("a steady current needs a diffusivity in every layer", f"{name}.diffusivity_m2_per_s")
        if members != set(components.of_species[0][parameters.site_density[0, 0] > 0.0].tolist()):
            raise ModelError(
                "no component passes from the first layer to this one: no steady current can flow", f"{name}.species"
            )


def steady_state(
    stack: Stack,
    *,
    current_density: float | None = None,
    voltage_V: float | None = None,
    charge_transfer: Laws = None,
    contact_resistance: Sequence[float] | Array | None = None,
    tolerance_V: float = 1e-6,
    options: SolverOptions | None = None,
    throw: bool = True,
) -> SteadyState:
    """Solve a stack that carries a steady current, or stands under a steady voltage.

    Parameters
    ----------
    stack : Stack
        Layers of one mobile component each. Ends that are field-free or bulk become reservoirs of neutral bulk.
    current_density : float, optional
        J [A m-2], positive from left to right.
    voltage_V : float, optional
        Polarisation against equilibrium instead [V].
    charge_transfer : ChargeTransfer or sequence, optional
        Law of the first contact, or one (or None) per contact.
    contact_resistance : array_like, shape (n_layers - 1,), optional
        Plain resistances of contacts without a law [ohm m2], beside those of the stack's contacts.
    tolerance_V : float
        Error wanted in the contact potentials [V].
    options : SolverOptions, optional
        Settings of the equilibrium solve.
    throw : bool
        Raise where the answer does not meet its tolerance; otherwise the status says so.

    Returns
    -------
    SteadyState
        Voltage or current, drops, profiles, and the observables of the state with current.

    Raises
    ------
    ModelError
        Several mobile components, an end that is neither field-free nor bulk, or not one of current and voltage.
    ConvergenceError
        The status is not 0 and `throw` is true.

    Notes
    -----
    J is constant by construction. dV/dJ is exact for the discrete equations; at J = 0 it is the sum of the layers'
    resistances and of the charge-transfer resistances.
    """
    if (current_density is None) == (voltage_V is None):
        raise ModelError("give either a current density or a voltage", "load")
    rest = between_reservoirs(stack)
    solution = solve(rest, tolerance_V=tolerance_V, options=options, throw=throw)
    p = solution.parameters
    _one_component(rest, p)
    if solution.status != 0:
        return _failed(rest, solution.status, solution.message)
    laws = (charge_transfer,) if isinstance(charge_transfer, ChargeTransfer) else tuple(charge_transfer or ())
    plain = p.array("contact_resistance")[0].copy()
    if contact_resistance is not None:
        plain += np.asarray(contact_resistance, dtype=float)
    if p.array("contact_bias").any():
        raise ModelError("stands beside a load, which biases the contacts itself", "contacts.0.bias_V")
    state = solve_load(solution, contact_rows(p, laws, plain), current_density, voltage_V)
    if throw and state.status != 0:
        raise ConvergenceError(state.message, state.status)
    return state


def between_reservoirs(stack: Stack) -> Stack:
    """Return the stack with both ends in neutral bulk, remembered with it.

    Raises
    ------
    ModelError
        An end is held or charged.
    """
    for side, end in (("left", stack.left), ("right", stack.right)):
        if EndKind.of(end.kind).is_contact:
            raise ModelError("a load makes the ends reservoirs of neutral bulk (allowed: bulk)", f"ends.{side}")
    if stack.left.kind == stack.right.kind == "bulk":
        return stack
    if "between_reservoirs" not in stack.cache:
        stack.cache["between_reservoirs"] = stack.replace(left=End(kind="bulk"), right=End(kind="bulk"))
    loaded: Stack = stack.cache["between_reservoirs"]
    return loaded


def solve_load(
    solution: Solution, contacts: Array, current_density: float | None, voltage_V: float | None
) -> SteadyState:
    """Return the state with current of a stack at rest; arguments as the kernels and :func:`steady_state` take them."""
    tolerance = solution._prepared.tolerance_V
    chain = Chain(solution, contacts)
    chain.reach(0.0)
    limit = max(1.5 * float(chain.rough().max()), SMOOTH * (tolerance / 1e-6) ** 0.625)
    reached = _reach_load(chain, current_density, voltage_V)
    message = ""
    if reached:
        reached = chain.adapt(limit) and (voltage_V is None or _reach_load(chain, None, voltage_V))
        message = "not converged: the mesh could not be cut where the current moves the layers"
    else:
        message = (
            f"not converged: the stack cannot carry this load (reached {chain.current:.4g} A/m2, "
            f"{chain.voltage()[0]:.4g} V); a layer or a contact depletes"
        )
    if not reached:
        return _failed(solution.stack, Status.NOT_CONVERGED, message, chain.iterations)
    error, relative = math.inf, math.inf
    while True:
        faces, before = chain.faces(), chain.voltage()
        if not chain.cut(np.full(chain.elements.shape[0], 2, dtype=np.int64)):
            break
        if voltage_V is not None and not _reach_load(chain, None, voltage_V):
            break
        voltage, slope, _ = chain.voltage()
        change = np.abs(chain.faces() - faces).max(initial=0.0)
        error = SAFETY * float(change) * chain.volt + 0.02 * tolerance
        if voltage_V is None:
            relative = SAFETY * max(
                abs(voltage - before[0]) / abs(voltage) if voltage != 0.0 else 0.0, abs(slope - before[1]) / abs(slope)
            )
        else:
            relative = SAFETY * abs(slope - before[1]) / abs(slope)
        if error <= tolerance or 2 * chain.elements.shape[0] > MOST_ELEMENTS:
            break
    status = Status.SOLVED if error <= tolerance else Status.ACCURACY_NOT_REACHED
    return _finished(chain, status, status.message, (relative + 1e-12, error))


def _reach_load(chain: Chain, current_density: float | None, voltage_V: float | None) -> bool:
    """Bring the chain to a current or to a voltage."""
    if current_density is not None:
        return chain.reach(float(current_density))
    assert voltage_V is not None
    for _ in range(80):
        voltage, slope, _ = chain.voltage()
        miss = voltage_V - voltage
        if abs(miss) <= 1e-13 + 1e-12 * abs(voltage_V):
            return True
        move = miss / slope
        start = chain.current
        if not chain.reach(start + move) and chain.current == start:
            return False
        # Beyond the target the slope there leads back; a depleted layer may make the first step far too long.
        if chain.current == start:
            return abs(miss) <= 1e-9
    return False


def _failed(stack: Stack, status: int, message: str, iterations: int = 0) -> SteadyState:
    n, nan = len(stack.layers), math.nan
    return SteadyState(
        stack, status, message, nan, nan, nan, nan, np.full(n, nan), np.full(n - 1, nan), nan, nan, iterations, 0
    )


def _finished(chain: Chain, status: int, message: str, errors: tuple[float, float]) -> SteadyState:
    """Collect the answer."""
    p = chain.solution.parameters
    voltage, slope, drops = chain.voltage()
    ends = float(p.potential[0, 0] - p.potential[0, -1])
    return SteadyState(
        chain.solution.stack, status, message, chain.current, voltage, ends + voltage, slope, drops[0], drops[1, 1:],
        *errors, chain.iterations, chain.elements.shape[0], chain,
    )  # fmt: skip
