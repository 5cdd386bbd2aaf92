"""A mesh with the state of a steady current on it, and how the kernels move, cut and read it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..constants import ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from ..errors import ModelError
from ..model import StackParameters
from ..model.charge_transfer import ChargeTransfer, jump_is_defined
from .routes import Routes
from .solution import Solution

Array = NDArray[np.float64]
Mesh = tuple[Array, Array, Array, Array]
ContactLaw = ChargeTransfer | Mapping[str, ChargeTransfer] | None


class SteadyKernels(NamedTuple):
    """What every steady current needs of the kernels."""

    lay_state: Callable[..., Mesh]
    carry_load: Callable[..., tuple[int, Mesh]]
    fill_nodes: Callable[..., None]
    drops_of: Callable[..., None]
    RESULTS: int
    A_FLOWS: int
    A_VOLTAGE: int
    A_SLOPE: int
    R_RELATIVE: int
    R_ERROR: int
    R_ITERATIONS: int
    R_SATURATED: int
    INTACT: int
    INACCURATE: int
    ISOLATED: int


_loaded: SteadyKernels | None = None


def steady_kernels() -> SteadyKernels:
    """Return the kernels; numba loads with the first call.

    Kept in a global, as those of a solve are (:func:`.kernel_choice.kernels`).
    """
    global _loaded
    if _loaded is None:
        from ..kernels import steady_mesh, steady_newton, steady_nodes, steady_profile

        every = vars(steady_nodes) | vars(steady_newton) | vars(steady_profile) | vars(steady_mesh)
        _loaded = SteadyKernels(*(every[name] for name in SteadyKernels._fields))
    return _loaded


class Chain:
    """A mesh with its state, and what the kernels need beside it; mutable while a state is looked for."""

    def __init__(self, solution: Solution, contacts: Array, routes: Routes) -> None:
        k = steady_kernels()
        p, prepared, kept = solution.parameters, solution._prepared, solution._kept
        n_routes = routes.component.size
        self.volt = float(p.thermal_voltage[0])
        self.routes = routes
        species, amounts = prepared.species(), np.zeros(n_routes)
        self.problem = (
            species, prepared.codes, np.ascontiguousarray(p.permittivity[0]), contacts, self.volt, routes.of_species,
            routes.spans, amounts,
        )  # fmt: skip
        deltas = np.empty((kept.shape[1] - 1, 5, p.n_species))
        self._mesh: Mesh = k.lay_state(kept, species, deltas, n_routes)
        # Whether the nodes are filled for y and offsets as they are: done when somebody asks for the mesh.
        self._is_filled = False
        self.solution = solution
        self.flows = np.zeros(n_routes)
        self.answer = np.zeros(k.A_FLOWS + n_routes)
        self.iterations = 0
        if n_routes > 1 and np.any(routes.spans[:, 2] == k.ISOLATED):
            amounts[:] = self.amounts()

    @property
    def current(self) -> float:
        """The total current [A m-2]."""
        return float(self.flows.sum())

    @property
    def mesh(self) -> Mesh:
        """Elements, nodes, Delta and its slopes as the kernels know them, in the state as it is."""
        if not self._is_filled:
            steady_kernels().fill_nodes(self.problem, self._mesh)
            self._is_filled = True
        return self._mesh

    @property
    def n_elements(self) -> int:
        """Elements of the mesh."""
        return int(self._mesh[0].shape[0])

    def amounts(self) -> Array:
        """Return the charge of every route above that of the bulk."""
        from ..kernels.element import WEIGHTS
        from ..kernels.steady_nodes import AMOUNT, ROUTE_SIZE, ROUTE_START

        elements, nodes, _, _ = self.mesh
        within = np.einsum("e,i,eik->k", elements[:, 0], WEIGHTS, nodes[:, :, ROUTE_START + AMOUNT :: ROUTE_SIZE])
        return np.asarray(within + self.planes()[0].sum(axis=0))

    def planes(self, of_one: bool = False) -> Array:
        """Return the charge that sites of planes hold and how it falls with y_c, (2, n_layers - 1, n_routes).

        In units of eps0 kT/e and of eps0, each per metre; 0 where a contact has no plane of a route. `of_one`: of a
        single site of charge 1 instead, which is its filled share even where a plane has no sites.
        """
        from ..kernels.steady_nodes import C_SITES, plane_charges

        found = np.zeros((2, self.problem[2].size - 1, self.flows.size))
        problem: list[Any] = list(self.problem)
        if of_one:
            problem[3] = problem[3].copy()
            problem[3][:, :, C_SITES] = 1.0
        plane_charges(tuple(problem), self.mesh, found[0], found[1])
        return found

    def carry(self, target: float, by_voltage: bool, tolerance_V: float, start: float = 0.0) -> tuple[int, Array]:
        """Go from `start` to a current or a voltage on a mesh that follows; returns what `carry_load` does."""
        k = steady_kernels()
        results = np.empty(k.RESULTS)
        # The solve before has halved its mesh once; so does this one.
        aim = (1.0 if by_voltage else 0.0, target, start, 1.0)
        status, self._mesh = k.carry_load(self.problem, self._mesh, self.flows, aim, tolerance_V, self.answer, results)
        self._is_filled = False
        return status, results

    def kept(self) -> tuple[Mesh, Array, Array]:
        """Return the state, for :meth:`restore`; :meth:`carry` works on a mesh of its own."""
        return self._mesh, self.flows.copy(), self.answer.copy()

    def restore(self, kept: tuple[Mesh, Array, Array]) -> None:
        """Take a state up again that :meth:`kept` returned."""
        self._mesh, self.flows, self.answer = kept
        self._is_filled = False

    def halved(self) -> Chain | None:
        """Return the same state with every element cut in half and solved again; None where that fails."""
        k = steady_kernels()
        finer = copy(self)
        finer.flows, finer.answer = self.flows.copy(), self.answer.copy()
        elements, nodes, deltas, turns = self.mesh
        mesh = (elements, nodes.copy(), deltas.copy(), turns.copy())
        aim, results = (0.0, self.current, self.current, 0.0), np.empty(k.RESULTS)
        status, finer._mesh = k.carry_load(self.problem, mesh, finer.flows, aim, math.inf, finer.answer, results)
        finer._is_filled = False
        return finer if status == k.INTACT else None

    def drops(self) -> Array:
        """Return the drop of v of each route over layers and contacts left of them, (2, n_routes, n_layers) [V]."""
        drops = np.empty((2, self.flows.size, self.problem[2].size))
        steady_kernels().drops_of(self.problem, self.mesh, self.flows, drops)
        return drops

    def work(self) -> Array:
        """Return a work array that holds this state as an equilibrium solve would."""
        from ..kernels.steady_profile import store_state
        from ..kernels.workspace import STRIDE

        work = np.zeros(self.solution._prepared.work_rows * STRIDE)
        store_state(work, self.mesh)
        return work

    def exchange_currents(self) -> Array:
        """Return i0 of every route through every inner contact, (n_layers - 1, n_routes) [A m-2], NaN without a law."""
        from ..kernels.steady_profile import exchange_currents

        out = np.empty((self.problem[2].size - 1, self.flows.size))
        exchange_currents(self.problem, self.mesh, self.flows, out)
        return out

    def charge_transfer(self) -> Array:
        """Return i0 [A m-2] and kT/(|z| e i0) [ohm m2] of the one law of each inner contact, (2, n_layers - 1)."""
        from ..kernels.steady_nodes import C_CHARGE

        every, out = self.exchange_currents(), np.full((2, self.problem[2].size - 1), np.nan)
        for contact, route in zip(*np.nonzero(np.isfinite(every)), strict=True):
            exchange = every[contact, route]
            out[:, contact] = exchange, self.volt / (abs(self.problem[3][contact, route, C_CHARGE]) * exchange)
        return out

    def contact_currents(self) -> Array:
        """Return the current of every species through every inner contact, (n_layers - 1, n_species) [A m-2].

        Species of one component share its current as they conduct at the left face.
        """
        from ..kernels import layout as o
        from ..kernels.rows import TRANSPORT_VACANCY
        from ..kernels.steady_nodes import ROUTE_SIZE, ROUTE_START, SIGMA
        from ..kernels.steady_profile import occupancies_of

        p, (elements, nodes, deltas, _) = self.solution.parameters, self.mesh
        species, spans = self.problem[0], self.routes.spans
        out = np.full((p.n_layers - 1, p.n_species), np.nan)
        for layer, e in enumerate(np.flatnonzero(np.diff(elements[:, 1]))):
            for s, route in enumerate(self.routes.of_species[layer]):
                if route < 0:
                    continue
                out[layer, s] = 0.0
                if self.flows[route] == 0.0 or not spans[route, 0] <= layer < spans[route, 1]:
                    continue
                theta, vacancy = np.empty((2, 1))
                occupancies_of(species, layer, s, deltas[e, 4, s : s + 1].copy(), theta, vacancy)
                conduct = float(species[layer, s, o.P_CONDUCT] * theta[0])
                if p.transport[layer, s] == TRANSPORT_VACANCY:
                    conduct *= float(vacancy[0]) / species[layer, s, o.P_VACANCY]
                total = nodes[e, 4, ROUTE_START + ROUTE_SIZE * route + SIGMA]
                out[layer, s] = self.flows[route] * conduct / total
        return out

    def at_nodes(self) -> tuple[Array, Array, Array]:
        """Return x from the first contact, (n, 5) [m], and v from the right end [V] and j [A m-2], (n_routes, n, 5)."""
        from ..kernels.steady_profile import read_profiles

        p, n = self.solution.parameters, self.n_elements
        x, v, currents = np.empty((n, 5)), np.empty((self.flows.size, n, 5)), np.empty((self.flows.size, n, 5))
        read_profiles(self.problem, self.mesh, self.flows, x, v, currents)
        if p.n_layers > 1:
            x -= float(p.thickness[0, 0])
        return x, v, currents

    def profiles(self, voltage: float) -> dict[str, Array]:
        """Return profiles at all nodes, by name; `voltage` is v of the left end."""
        from ..kernels.steady_profile import read_occupancies

        p = self.solution.parameters
        elements, nodes, _, _ = self.mesh
        n = self.n_elements
        x, v, currents = self.at_nodes()
        occupancy, vacancy = np.empty((p.n_species, n, 5)), np.empty((p.n_species, n, 5))
        read_occupancies(self.problem, self.mesh, occupancy, vacancy)
        layer = elements[:, 1].astype(int)
        # phi_b differs between layers as at rest.
        v += voltage
        level = (p.neutral_potential[0] - p.neutral_potential[0, -1])[layer]
        keep = np.ones((n, 5), dtype=bool)
        keep[1:, 0] = layer[1:] != layer[:-1]
        every = [self.routes.by_component(values)[:, keep] for values in (v, currents)]
        several = len(self.routes.components) > 1
        return {
            "x": x[keep],
            "potential": (nodes[:, :, 0] * self.volt + v[0] + level[:, None])[keep],
            "electrochemical_potential": every[0] if several else every[0][0],
            "occupancy": occupancy[:, keep],
            "vacancy": vacancy[:, keep],
            "current_density": every[1] if several else every[1][0],
        }

    def scalars(self, profiles: dict[str, Array]) -> dict[str, Any]:
        """Return what the result file holds of a state with current, by name.

        Static and differential capacitances are those of equilibrium only and stay NaN.
        """
        from ..kernels.rows import VALIDITY
        from ..kernels.steady_profile import observe_steady, steady_faces
        from .output import Rows
        from .packing import unpack_scalars

        solution = self.solution
        p, prepared = solution.parameters, solution._prepared
        faces = np.empty((p.n_layers, 5))
        steady_faces(self.problem, self.mesh, self.flows, faces)
        out = solution.row.copy()
        out[-2 * (p.n_layers + 1) :] = math.nan
        fraction = float(prepared.packed[0])
        out[VALIDITY] = observe_steady(self.work(), prepared.rows[0], self.problem, self.mesh, faces, fraction, out)
        named = {name: values[0] for name, values in unpack_scalars(Rows(out[None], p, solution.resistance_of)).items()}
        # phi at a contact counts from the neutral bulk at the right end, where v is 0 as well.
        contacts = np.flatnonzero(np.diff(profiles["x"]) == 0.0)
        potential = profiles["potential"]
        self._observe_planes(named)
        named["contact_potential"] = np.stack([potential[contacts], potential[contacts + 1]], axis=1)
        return named

    def _observe_planes(self, named: dict[str, Any]) -> None:
        """Let planes of sites be level with their own component; `named` has them level with the reference."""
        from ..kernels.steady_nodes import C_SITES

        p, shares = self.solution.parameters, self.planes(of_one=True)[0]
        for plane in p.planes:
            route = self.routes.of_species[plane.contact + plane.side, plane.species]
            at, sites = plane.contact + int(p.end_contacts[0]), self.problem[3][plane.contact, route, C_SITES]
            moved = shares[plane.contact, route] - named["plane_occupancy"][at]
            named["plane_occupancy"][at] += moved
            named["plane_charge"][at] += sites * VACUUM_PERMITTIVITY * self.volt * moved


def contact_rows(parameters: StackParameters, laws: Sequence[ContactLaw], resistance: Array, routes: Routes) -> Array:
    """Return what the kernels need of every inner contact, shape (n_layers - 1, n_routes, CONTACT_COLUMNS).

    Parameters
    ----------
    parameters : StackParameters
        The point.
    laws : sequence of ChargeTransfer, mapping or None
        One per contact: of the ions that pass, or by component; what has no law passes freely.
    resistance : ndarray, shape (n_layers - 1,)
        Plain resistance of every component [ohm m2] where there is no law.
    routes : Routes
        The components.

    Raises
    ------
    ModelError
        A contact has both a law and a plain resistance, or it is not clear which species a law is about.
    """
    from ..kernels import steady_nodes as k

    p = parameters
    rows = np.zeros((p.n_layers - 1, routes.component.size, k.CONTACT_COLUMNS))
    volt = float(p.thermal_voltage[0])
    rows[:, :, k.C_STEP] = (p.contact_step[0] / volt)[:, None]
    rows[:, :, k.C_SHEET] = (p.contact_charge[0] / (VACUUM_PERMITTIVITY * volt))[:, None]
    _place_planes(p, routes, rows)
    for c in range(p.n_layers - 1):
        law = laws[c] if c < len(laws) else None
        if law is not None:
            if resistance[c] != 0.0:
                raise ModelError("give either a law of charge transfer or a resistance", f"contacts.{c}")
            for route, one in _laws_at(law, c, routes).items():
                left, right = (np.flatnonzero(routes.of_species[i] == route) for i in (c, c + 1))
                if left.size != 1 or right.size != 1:
                    raise ModelError(
                        "a law of charge transfer needs one species of its component on each side", f"contacts.{c}"
                    )
                jump_is_defined(p, c, int(left[0]), int(right[0]))
                z = float(p.charge_number[0, c, left[0]])
                prefactor = abs(z) * ELEMENTARY_CHARGE * float(one.rate_at(p.temperature[0]))
                row = rows[c, route]
                row[k.C_KIND], row[k.C_VALUE], row[k.C_CHARGE] = k.JUMPS, prefactor, z
                row[k.C_ALPHA] = float(np.asarray(one.symmetry_factor))
                row[k.C_LEFT], row[k.C_RIGHT] = left[0], right[0]
        elif resistance[c] > 0.0:
            rows[c, :, k.C_KIND], rows[c, :, k.C_VALUE] = k.RESISTOR, resistance[c]
    return rows


def _place_planes(p: StackParameters, routes: Routes, rows: Array) -> None:
    """Put the planes of sites into the rows of their contacts: their sites by route, their background for all."""
    from ..kernels import steady_nodes as k

    volt = float(p.thermal_voltage[0])
    for plane in p.planes:
        at = (0, plane.contact + plane.side, plane.species)
        route = routes.of_species[at[1:]]
        if route < 0:
            raise ModelError("the species of the plane has no sites in its layer", f"contacts.{plane.contact}.sites")
        z, theta = float(p.charge_number[at]), float(p.bulk_occupancy[at])
        sites = z * float(p.array("plane_density")[0, plane.contact]) * ELEMENTARY_CHARGE / (VACUUM_PERMITTIVITY * volt)
        energy = float(np.nan_to_num(p.array("plane_energy")[0, plane.contact]))
        odds = math.log(theta) - math.log(float(p.bulk_vacancy[at])) - energy / (ELEMENTARY_CHARGE * volt)
        row = rows[plane.contact, route]
        row[k.C_SIDE], row[k.C_SITES], row[k.C_PLANE_Z], row[k.C_ODDS] = 1 + plane.side, sites, z, odds
        fixed = float(np.nan_to_num(p.array("plane_background")[0, plane.contact]))
        rest = -sites * theta if plane.is_neutral else fixed / (VACUUM_PERMITTIVITY * volt)
        rows[plane.contact, :, k.C_SHEET] += rest


def _laws_at(
    law: ChargeTransfer | Mapping[str, ChargeTransfer], contact: int, routes: Routes
) -> dict[int, ChargeTransfer]:
    """Return the laws of one contact by route; a bare law is that of the only component of ions that crosses."""
    crossing = {
        routes.components[component]: k
        for k, (component, (first, last, _)) in enumerate(zip(routes.component, routes.spans, strict=True))
        if first <= contact < last
    }
    path = f"contacts.{contact}.charge_transfer"
    if isinstance(law, Mapping):
        for name in law:
            if name not in crossing:
                raise ModelError(
                    f"no component called {name!r} crosses this contact (crossing: {', '.join(crossing)})", path
                )
        return {crossing[name]: one for name, one in law.items()}
    ions = [k for name, k in crossing.items() if name != "electrons"] if len(crossing) > 1 else list(crossing.values())
    if len(ions) != 1:
        raise ModelError(
            f"several components of ions cross this contact ({', '.join(crossing)}): give a law to each by its name",
            path,
        )
    return {ions[0]: law}


__all__ = ["Chain", "contact_rows"]
