"""A steady current through a stack: space-charge layers that move with the current, and the voltage that it takes.

The current j_c of every component c is the same at every x. With y_c = (phi - phi_b - v_c)/(kT/e) the occupancies are
those of equilibrium at y_c, v_c' = -j_c/sigma_c(y_c), and Poisson's equation reads, with y of one of the components,

    -(eps0 eps (y' + v'/(kT/e)))' = rho,

which Newton solves on the elements of the equilibrium solve, cut where the current moves the layers. Both ends are
reservoirs of neutral bulk for the components that they exchange; what is blocked somewhere carries nothing, and what no
end exchanges keeps its amount. At a contact v jumps by what the charge transfer takes (or a plain resistance), phi does
not.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import EndKind, Status
from ..errors import ConvergenceError, ModelError
from ..model import End, Stack, StackParameters
from ..model.components import components_of
from .chain import Chain, ContactLaw, contact_rows, steady_kernels
from .equilibrium import solve
from .routes import Routes, routes_of
from .solution import Solution
from .steady_path import Reached, follow_voltage

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SteadyState:
    """A stack that carries a current; read-only.

    Attributes
    ----------
    stack : Stack
        What was solved.
    status : Status
        Solved, not converged (no path to that load was found: the message says how far one came), accuracy not
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
    voltage_error_estimate, potential_error_estimate : float
        Estimated errors of the voltage, relative [1], and of the contact potentials [V].
    iterations, n_elements : int
        Newton iterations over all meshes and currents, elements of the last mesh.
    chain : Chain or None
        Mesh and state that spectra about the current are computed on; None without an answer.
    """

    stack: Stack
    status: Status
    message: str
    current_density: float
    voltage: float
    cell_voltage: float
    differential_resistance: float
    voltage_error_estimate: float
    potential_error_estimate: float
    iterations: int
    n_elements: int
    chain: Chain | None = field(default=None, repr=False)

    @property
    def success(self) -> bool:
        """Whether the answer meets its tolerance."""
        return self.status == Status.SOLVED

    @property
    def has_answer(self) -> bool:
        """Whether there is a state, exact enough or not."""
        return self.chain is not None

    @classmethod
    def failed(cls, stack: Stack, status: Status, message: str, iterations: int = 0) -> SteadyState:
        """Return what stands for a state that was not found.

        Parameters
        ----------
        stack, status, message, iterations
            As the attributes; every number of the state is NaN.

        Returns
        -------
        SteadyState
        """
        nan = math.nan
        return cls(stack, status, message, nan, nan, nan, nan, nan, nan, iterations, 0)

    @cached_property
    def layer_voltage(self) -> Array:
        """Drop of v over each layer, of the component that conducts best from end to end, (n_layers,) [V]."""
        return np.full(len(self.stack.layers), math.nan) if self.chain is None else self._drops[0, 0]

    @cached_property
    def overpotential(self) -> Array:
        """Its v left minus v right of each inner contact, (n_layers - 1,) [V]."""
        return np.full(len(self.stack.layers) - 1, math.nan) if self.chain is None else self._drops[1, 0, 1:]

    @cached_property
    def component_current_density(self) -> Array:
        """Current of each component, 0 for what does not pass from end to end, (n_components,) [A m-2].

        Their sum is J.
        """
        if self.chain is None:
            return np.full(len(self.components), math.nan)
        return np.bincount(self.chain.routes.component, self.chain.flows, len(self.components)).astype(float)

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components of the stack."""
        return components_of(self.stack).names

    @cached_property
    def component_layer_voltage(self) -> Array:
        """Drop of v of each component over each layer, (n_components, n_layers) [V]; NaN where it is not."""
        return self._chain().routes.by_component(self._drops[0])

    @cached_property
    def component_overpotential(self) -> Array:
        """Jump of v, left minus right, of each component at each inner contact, (n_components, n_layers - 1) [V].

        NaN where it does not cross.
        """
        return self._chain().routes.by_component(self._drops[1, :, 1:])

    @cached_property
    def contact_current_density(self) -> Array:
        """Current through each inner contact [A m-2].

        Shape (n_layers - 1,), or (n_layers - 1, n_species) with several species. Species of one component share its
        current as they conduct at the left face of the contact.
        """
        currents = self._chain().contact_currents()
        return currents[:, 0] if currents.shape[1] == 1 else currents

    @cached_property
    def exchange_current_density(self) -> Array:
        """i0 from the occupancies that the current leaves at each inner contact [A m-2]; NaN without a law.

        Shape (n_layers - 1,), or (n_components, n_layers - 1) with several components.
        """
        chain = self._chain()
        every = chain.exchange_currents()
        if len(self.components) == 1:
            return every[:, 0]
        return chain.routes.by_component(every.T)

    @cached_property
    def scalars(self) -> dict[str, Any]:
        """Observables of the state with current, by their names in result files."""
        return self._chain().scalars(self.profiles)

    @cached_property
    def profiles(self) -> dict[str, Array]:
        """Profiles at all nodes.

        ``x`` [m], 0 at the first contact; ``potential`` phi and ``electrochemical_potential`` v [V], both 0 in the
        neutral bulk of the right end; ``occupancy``, ``vacancy`` (n_species, n_nodes) [1]; ``current_density`` j
        [A m-2], the same everywhere since v' is -j/sigma at every node. v and j are (n_components, n_nodes) where there
        are several components, NaN where one is not.
        """
        return self._chain().profiles(self.voltage)

    @cached_property
    def _drops(self) -> Array:
        return self._chain().drops()

    def _chain(self) -> Chain:
        if self.chain is None:
            raise ConvergenceError(self.message, self.status)
        return self.chain


def steady_state(
    stack: Stack,
    *,
    current_density: float | None = None,
    voltage_V: float | None = None,
    components: Sequence[str] | None = None,
    charge_transfer: ContactLaw | Sequence[ContactLaw] = None,
    contact_resistance: Sequence[float] | Array | None = None,
    tolerance_V: float = 1e-6,
    throw: bool = True,
) -> SteadyState:
    """Solve a stack that carries a steady current, or stands under a steady voltage.

    Parameters
    ----------
    stack : Stack
        Ends that are field-free or bulk become reservoirs of neutral bulk.
    current_density : float, optional
        J [A m-2], positive from left to right.
    voltage_V : float, optional
        Polarisation against equilibrium instead [V].
    components : sequence of str, optional
        Components that the ends exchange; default all. The others carry nothing and keep their amount.
    charge_transfer : ChargeTransfer, mapping or sequence, optional
        Law of the first contact, or one (or None) per contact: of the ions, or by component.
    contact_resistance : array_like, shape (n_layers - 1,), optional
        Plain resistances of contacts without a law [ohm m2], beside those of the stack's contacts; every component
        meets them.
    tolerance_V : float
        Error wanted in the contact potentials [V].
    throw : bool
        Raise where the answer does not meet its tolerance; otherwise the status says so.

    Returns
    -------
    SteadyState
        Voltage or current, drops, profiles, and the observables of the state with current.

    Raises
    ------
    ModelError
        No component passes from end to end, an end is neither field-free nor bulk, not one of current and voltage, or a
        law that does not say what it is about.
    ConvergenceError
        The status is not 0 and `throw` is true.

    Notes
    -----
    Currents are constant by construction. dV/dJ is exact for the discrete equations; at J = 0 its inverse is the sum
    over the components of 1/(resistances of the layers + charge-transfer resistances). A component without a
    diffusivity in a layer does not leave that layer: it is level there, and keeps its amount.
    """
    if (current_density is None) == (voltage_V is None):
        raise ModelError("give either a current density or a voltage", "load")
    rest = between_reservoirs(stack)
    solution = solve(rest, tolerance_V=tolerance_V, throw=throw)
    p = solution.parameters
    routes = _kept_routes(rest, solution, None if components is None else tuple(components))
    if not solution.success:
        return SteadyState.failed(rest, solution.status, solution.message)
    laws = tuple(charge_transfer) if isinstance(charge_transfer, Sequence) else (charge_transfer,)
    contacts = _kept_contacts(rest, p, routes, laws, contact_resistance)
    state = solve_load(solution, contacts, routes, current_density, voltage_V)
    if throw and not state.success:
        raise ConvergenceError(state.message, state.status)
    return state


def _kept_routes(stack: Stack, solution: Solution, components: tuple[str, ...] | None) -> Routes:
    """Return the routes of a stack, remembered with it."""
    key = f"routes {components}"
    if key not in stack.cache:
        stack.cache[key] = routes_of(stack, solution.parameters, components)
    routes: Routes = stack.cache[key]
    return routes


class _Contacts(NamedTuple):
    """Rows of the contacts of a stack, and what they were made of."""

    parameters: StackParameters
    routes: Routes
    laws: tuple[ContactLaw, ...]
    rows: Array


def _kept_contacts(
    stack: Stack, p: StackParameters, routes: Routes, laws: tuple[ContactLaw, ...], resistance: ArrayLike | None
) -> Array:
    """Return the rows of the contacts (`chain.contact_rows`), remembered while the same laws are asked for.

    Raises
    ------
    ModelError
        A contact has a bias of its own, or what `contact_rows` refuses.
    """
    kept: _Contacts | None = stack.cache.get("contact rows")
    if resistance is None and kept is not None and kept.parameters is p and kept.routes is routes:
        if len(laws) == len(kept.laws) and all(map(operator.is_, laws, kept.laws)):
            return kept.rows
    plain = p.array("contact_resistance")[0]
    if resistance is not None:
        plain = plain + np.asarray(resistance, dtype=float)
    if p.array("contact_bias").any():
        raise ModelError("stands beside a load, which biases the contacts itself", "contacts.0.bias_V")
    rows = contact_rows(p, laws, plain, routes)
    if resistance is None and not any(isinstance(law, Mapping) for law in laws):
        stack.cache["contact rows"] = _Contacts(p, routes, laws, rows)
    return rows


def between_reservoirs(stack: Stack) -> Stack:
    """Return the stack with both ends in neutral bulk, remembered with it.

    Raises
    ------
    ModelError
        An end is held or charged.
    """
    kept: Stack | None = stack.cache.get("between_reservoirs")
    if kept is not None:
        return kept
    for side, end in (("left", stack.left), ("right", stack.right)):
        if EndKind.of(end.kind).is_contact:
            raise ModelError("a load makes the ends reservoirs of neutral bulk (allowed: bulk)", f"ends.{side}")
    if stack.left.kind == stack.right.kind == EndKind.BULK.key:
        return stack
    bulk = End(kind=EndKind.BULK.key)
    stack.cache["between_reservoirs"] = loaded = stack.replace(left=bulk, right=bulk)
    return loaded


def solve_load(
    solution: Solution, contacts: Array, routes: Routes, current_density: float | None, voltage_V: float | None
) -> SteadyState:
    """Return the state with current of a stack at rest; arguments as the kernels and :func:`steady_state` take them."""
    k = steady_kernels()
    chain = Chain(solution, contacts, routes)
    by_voltage = current_density is None
    target = voltage_V if current_density is None else current_density
    assert target is not None
    tolerance = solution._prepared.tolerance_V
    at_rest = chain.kept()
    state, results = chain.carry(float(target), by_voltage, tolerance)
    chain.iterations = int(results[k.R_ITERATIONS])
    if state not in (k.INTACT, k.INACCURATE) or results[k.R_SATURATED]:
        chain.restore(at_rest)
        path = follow_voltage(chain, float(target), by_voltage, tolerance)
        chain.iterations += path.iterations
        if path.found is None:
            return SteadyState.failed(solution.stack, Status.NOT_CONVERGED, _not_found(path), chain.iterations)
        state, results = path.found
    status = Status.SOLVED if state == k.INTACT else Status.ACCURACY_NOT_REACHED
    return _finished(chain, status, (float(results[k.R_RELATIVE]), float(results[k.R_ERROR]) * chain.volt))


def _not_found(path: Reached) -> str:
    """Say how far a path came, and no more than that."""
    return (
        f"not converged: no path to this load was found; followed along the voltage to {path.voltage:.4g} V, where "
        f"{path.current:.6g} A/m2 flow and dV/dJ is {path.slope:.3g} ohm m2 ({path.why}"
        + (f"; at this slope the rest would take {path.rest:.2g} V)" if path.rest > 0.0 else ")")
    )


def _finished(chain: Chain, status: Status, errors: tuple[float, float]) -> SteadyState:
    """Collect the answer."""
    k, p = steady_kernels(), chain.solution.parameters
    voltage, slope = float(chain.answer[k.A_VOLTAGE]), float(chain.answer[k.A_SLOPE])
    ends = float(p.potential[0, 0] - p.potential[0, -1])
    return SteadyState(
        chain.solution.stack, status, status.message, chain.current, voltage, ends + voltage, slope, *errors,
        chain.iterations, chain.n_elements, chain,
    )  # fmt: skip
