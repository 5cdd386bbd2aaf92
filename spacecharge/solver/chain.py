"""A mesh with the state of a steady current on it, and how the kernels move, cut and read it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..constants import ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from ..errors import ModelError
from ..model import StackParameters
from ..model.charge_transfer import ChargeTransfer
from .solution import Solution

Array = NDArray[np.float64]

MOST_ELEMENTS = 4000
"""Elements beyond which a mesh is not cut any further."""


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
        from ..kernels.steady_newton import follow_current

        steps = np.empty(self.nodes.shape[:2])
        status, more, self.current = follow_current(
            self.problem, self.elements, self.nodes, self.deltas, self.current, current, steps
        )
        self.iterations += int(more)
        return bool(status == 0)

    def cut(self, pieces: NDArray[np.int64]) -> bool:
        """Cut elements and solve again at the same current; False where that fails, which leaves all as it was."""
        from ..kernels.steady_newton import cut_elements, solve_current

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
        from ..kernels.steady_newton import roughness

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
        from ..kernels.steady_newton import measure_voltage

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


__all__ = ["MOST_ELEMENTS", "Chain", "contact_rows"]
