"""The answer of a solve: profiles, status, statistics, and the objects that made it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..codes import Status
from ..model import Stack, StackParameters
from ..units import display_of
from . import bulk
from . import outputs as o
from .options import SolverOptions
from .output import Observed, Rows
from .packing import LayerProfile, unpack_layers, unpack_scalars
from .prepared import Prepared, full_state

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers about the solve itself.

    Attributes
    ----------
    iterations : int
        Newton iterations over all meshes.
    n_nodes : int
        Nodes of the final mesh.
    potential_error_estimate : float
        Estimated error of the contact potentials [V].
    resistance_error_estimate : float
        Estimated relative error of the resistances [1].
    charge_balance : float
        Total charge of the stack and its ends [C m-2].
    seconds : float
        Wall time of the kernel [s].
    """

    iterations: int
    n_nodes: int
    potential_error_estimate: float
    resistance_error_estimate: float
    charge_balance: float
    seconds: float


class Solution:
    """Equilibrium profiles of a stack; read-only.

    Attributes
    ----------
    x : ndarray, shape (n_nodes,)
        Position [m], 0 at the first contact; nodes of a contact stand once in each neighbour.
    potential : ndarray, shape (n_nodes,)
        Electrostatic potential phi [V], 0 in the neutral bulk of the last layer.
    occupancy, vacancy : ndarray, shape (n_nodes,) or (n_species, n_nodes)
        theta and 1 - theta, carried separately [1].
    status : Status
        What became of the solve.
    message : str
        What the status means here.
    stats : Stats
        Iterations, nodes, error estimates, charge balance, time.
    stack : Stack
        What was solved.
    parameters : StackParameters
        The same in SI arrays (one point).
    resistance_of : tuple of str or None
        Layers that count in `interface_resistance`; None: every layer with a diffusivity.
    options : SolverOptions
        Settings of the solve.
    row : ndarray
        Output row of the kernel (layout: ``kernels.rows``).
    state : ndarray, shape (n_rows, n_elements + 1)
        Work array of the kernel: the rows that describe the answer, the others 0.

    Notes
    -----
    Made by :func:`spacecharge.solve`. A solve costs a few microseconds: it stores what the kernel left, and all else
    is derived on first use. Plain slots behind properties are filled five times faster than a frozen dataclass.
    """

    __slots__ = (
        "_cache", "_kept", "_message", "_out", "_prepared", "_resistance_of", "_seconds", "_stack", "_status",
    )  # fmt: skip

    def __init__(
        self,
        stack: Stack,
        prepared: Prepared,
        resistance_of: tuple[str, ...] | None,
        outcome: tuple[Status, str],
        out: Array,
        kept: Array,
        seconds: float,
    ) -> None:
        self._stack = stack
        self._prepared = prepared
        self._resistance_of = resistance_of
        self._status, self._message = outcome
        self._out = out
        self._kept = kept
        self._seconds = seconds
        self._cache: dict[str, Any] = {}

    iterations = Observed(o.iterations)
    contact_potential = Observed(o.contact_potential)
    contact_field = Observed(o.contact_field)
    space_charge_potential = Observed(o.space_charge_potential)
    contact_occupancy = Observed(o.contact_occupancy)
    contact_vacancy = Observed(o.contact_vacancy)
    space_charge_width = Observed(o.space_charge_width)
    resistance = Observed(o.resistance)
    charge = Observed(o.charge)
    debye_length = Observed(o.debye_length)
    layer_resistance = Observed(o.layer_resistance)
    excess_resistance = Observed(o.excess_resistance)
    interface_resistance = Observed(o.interface_resistance)
    static_capacitance = Observed(o.static_capacitance)
    differential_capacitance = Observed(o.differential_capacitance)
    characteristic_frequency = Observed(o.characteristic_frequency)
    potential_error_estimate = Observed(o.potential_error_estimate)
    resistance_error_estimate = Observed(o.resistance_error_estimate)
    charge_balance = Observed(o.charge_balance)
    validity = Observed(o.validity)
    conductivity = Observed(bulk.conductivity)
    concentration = Observed(bulk.concentration)
    transference_number = Observed(bulk.transference_number)
    fermi_level = Observed(bulk.fermi_level)
    grain_boundary_resistance = Observed(bulk.grain_boundary_resistance)
    total_conductivity = Observed(bulk.total_conductivity)
    barrier = Observed(bulk.barrier)
    plane_occupancy = Observed(bulk.plane_occupancy)
    plane_charge = Observed(bulk.plane_charge)

    @property
    def stack(self) -> Stack:
        """What was solved."""
        return self._stack

    @property
    def parameters(self) -> StackParameters:
        """The stack in SI arrays (one point)."""
        return self._prepared.parameters

    @property
    def status(self) -> Status:
        """What became of the solve; an integer with words."""
        return self._status

    @property
    def message(self) -> str:
        """What the status means here."""
        return self._message

    @property
    def resistance_of(self) -> tuple[str, ...] | None:
        """Layers that count in `interface_resistance`; None: every layer with a diffusivity."""
        return self._resistance_of

    @property
    def options(self) -> SolverOptions:
        """Settings of the solve."""
        return self._prepared.options

    @property
    def row(self) -> Array:
        """Output row of the kernel (layout: ``kernels.rows``)."""
        row: Array = self._out[0]
        return row

    @property
    def state(self) -> Array:
        """Work array of the kernel, shape (n_rows, n_elements + 1): the rows that describe the answer, the others 0."""
        return full_state(self._kept, self.parameters.n_species)

    @property
    def cache(self) -> dict[str, Any]:
        """What was derived so far."""
        return self._cache

    @property
    def stats(self) -> Stats:
        """Iterations, nodes, error estimates, charge balance, time."""
        if "stats" not in self.cache:
            _, iterations, _, potential, resistance, balance = self._out[0, :6].tolist()
            n = self._kept.shape[1] - 1
            self.cache["stats"] = Stats(
                iterations=0 if math.isnan(iterations) else int(iterations),
                n_nodes=4 * n + self.parameters.n_layers if n else 0,
                potential_error_estimate=potential,
                resistance_error_estimate=resistance,
                charge_balance=balance,
                seconds=self._seconds,
            )
        result: Stats = self.cache["stats"]
        return result

    @property
    def scalars(self) -> dict[str, Any]:
        """Every observable of the result file, by name; made on first use."""
        if "scalars" not in self.cache:
            many = unpack_scalars(Rows(self.row[None, :], self.parameters, self.resistance_of))
            self.cache["scalars"] = {name: values[0] for name, values in many.items()}
        result: dict[str, Any] = self.cache["scalars"]
        return result

    @property
    def layers(self) -> tuple[LayerProfile, ...]:
        """Profiles layer by layer; made on first use, empty where the solve failed or found no mesh."""
        if "layers" not in self.cache:
            self.cache["layers"] = (
                unpack_layers(self.state, self.parameters) if self.status.has_answer and self._kept.shape[1] > 1 else ()
            )
        result: tuple[LayerProfile, ...] = self.cache["layers"]
        return result

    @property
    def success(self) -> bool:
        """Whether the answer meets its tolerance."""
        return self.status == Status.SOLVED

    @property
    def x(self) -> Array:
        """Positions of all nodes [m]."""
        return np.concatenate([layer.x for layer in self.layers] or [np.empty(0)])

    @property
    def potential(self) -> Array:
        """Electrostatic potential of all nodes [V]."""
        return np.concatenate([layer.potential for layer in self.layers] or [np.empty(0)])

    @property
    def occupancy(self) -> Array:
        """Occupancy of all nodes [1]."""
        return np.concatenate([layer.occupancy for layer in self.layers] or [self._empty()], axis=-1)

    @property
    def vacancy(self) -> Array:
        """Vacancy fraction of all nodes [1]."""
        return np.concatenate([layer.vacancy for layer in self.layers] or [self._empty()], axis=-1)

    def _empty(self) -> Array:
        """Return the occupancies of no node."""
        n_species = self.parameters.n_species
        return np.empty(0 if n_species == 1 else (n_species, 0))

    def layer(self, name: str) -> LayerProfile:
        """Return the profiles of one layer.

        Parameters
        ----------
        name : str
            Of the layer.

        Returns
        -------
        LayerProfile

        Raises
        ------
        KeyError
            No layer has that name.
        """
        for profile in self.layers:
            if profile.name == name:
                return profile
        raise KeyError(f"no layer {name!r}; layers are {', '.join(p.name for p in self.layers)}")

    def __repr__(self) -> str:
        names = " | ".join(self.parameters.layer_names)
        lines = [f"<Solution of {names} at {self.stack.temperature_K:g} K: {self.message}>"]
        if self.layers:
            step = self.scalars["space_charge_potential"]
            width = self.scalars["space_charge_width"]
            for c, contact in enumerate(self.parameters.contact_names):
                for s, side in enumerate(("left", "right")):
                    if np.isfinite(step[c, s]):
                        widths = np.atleast_1d(width[c, s]) * display_of("m").factor
                        text = ", ".join(f"{value:.4g}" for value in widths)
                        lines.append(
                            f"  {contact}, {side}: space-charge potential {step[c, s]:+.6f} V, width {text} nm"
                        )
            resistance = float(self.scalars["interface_resistance"])
            shown = display_of("ohm m2")
            lines.append(f"  interface resistance {resistance * shown.factor:.6g} {shown.text}")
            stats = self.stats
            lines.append(
                f"  {stats.n_nodes} nodes, {stats.iterations} iterations, "
                f"error {stats.potential_error_estimate:.1e} V, "
                f"{stats.seconds * 1e6:.0f} us"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(repr(self))}</pre>"

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw potential and occupancy around each contact, or the potential into axes of your own.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Takes the potential [V] against the position [nm], a line a layer with its name as label.

        Returns
        -------
        matplotlib.figure.Figure
            The figure; nothing is written.
        """
        from ..plotting.profiles import draw_potential, plot_solution

        return plot_solution(self) if ax is None else draw_potential(self, ax)
