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
from ..errors import ConvergenceError, ModelError
from ..model import End, Stack, StackParameters
from ..model.charge_transfer import ChargeTransfer
from ..model.components import check_no_planes
from .chain import MOST_ELEMENTS, Chain, contact_rows
from .equilibrium import solve
from .network import bulk_conductivities, components_of
from .options import SolverOptions
from .small_signal import Laws
from .solution import Solution

Array = NDArray[np.float64]

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

    @property
    def has_answer(self) -> bool:
        """Whether there is a state, exact enough or not."""
        return self.chain is not None

    @classmethod
    def failed(cls, stack: Stack, status: int, message: str, iterations: int = 0) -> SteadyState:
        """Return what stands for a state that was not found."""
        n, nan = len(stack.layers), math.nan
        none = np.full(n - 1, nan)
        return cls(stack, status, message, nan, nan, nan, nan, np.full(n, nan), none, nan, nan, iterations, 0)

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


def one_component(stack: Stack, parameters: StackParameters) -> None:
    """Refuse what the equation for one component a layer does not describe."""
    check_no_planes(stack)
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
    one_component(rest, p)
    if solution.status != 0:
        return SteadyState.failed(rest, solution.status, solution.message)
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
        return SteadyState.failed(solution.stack, Status.NOT_CONVERGED, message, chain.iterations)
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


def _finished(chain: Chain, status: int, message: str, errors: tuple[float, float]) -> SteadyState:
    """Collect the answer."""
    p = chain.solution.parameters
    voltage, slope, drops = chain.voltage()
    ends = float(p.potential[0, 0] - p.potential[0, -1])
    return SteadyState(
        chain.solution.stack, status, message, chain.current, voltage, ends + voltage, slope, drops[0], drops[1, 1:],
        *errors, chain.iterations, chain.elements.shape[0], chain,
    )  # fmt: skip
