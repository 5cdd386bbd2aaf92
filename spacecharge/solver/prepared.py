"""What a solve needs of a stack, derived once and kept with it; which part of the work array outlives a solve.

A warm solve spends a few microseconds in its kernel: whatever does not depend on the answer belongs here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.rows import PLANE_SIZE, STATIC, capacitance_start, n_rows, species_row
from ..model import Stack, StackParameters, stack_parameters
from ..model.numbers import number_of
from .kernel_choice import beyond_the_main_job
from .options import SolverOptions
from .output import output_width
from .packing import pack_rows

Array = NDArray[np.float64]
_TOLERANCE = number_of("tolerance_V")
Integers = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Prepared:
    """Arrays of one stack at one tolerance and one set of options, as the kernels take them; read, never written.

    Attributes
    ----------
    parameters : StackParameters
        The stack in SI units.
    tolerance_V : float
        Error wanted in the contact potentials [V].
    options : SolverOptions
        Settings of the solve.
    rows, codes, packed : ndarray
        Input row, integer codes and options of the kernel.
    blank : ndarray, shape (1, output_width)
        An output row not yet filled.
    work_rows : int
        Rows that the work array needs.
    beyond : bool
        Whether the kernel of the main job is not made for it.
    static : slice
        Places of the static capacitances in an output row.
    """

    parameters: StackParameters
    tolerance_V: float
    options: SolverOptions
    rows: Array
    codes: Integers
    packed: Array
    blank: Array
    work_rows: int
    beyond: bool
    static: slice
    _places: Integers = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    _species: Array | None = None

    def species(self) -> Array:
        """Return the reduced numbers of all species (`kernels.species.fill_species`), made once."""
        if self._species is None:
            from ..kernels.layout import SPECIES_COLUMNS
            from ..kernels.species import fill_species

            species = np.empty((self.parameters.n_layers, self.parameters.n_species, SPECIES_COLUMNS))
            fill_species(self.rows[0], self.codes, species)
            self._species = species
        return self._species

    def keep(self, work: Array, n: int) -> Array:
        """Return a copy of the rows of `work` that describe a solve on `n` elements (see :func:`full_state`).

        Their places are remembered: the same problem always ends on the same mesh.
        """
        places = self._places
        if places.shape[1] != n + 1:
            places = self._places = _state_places(self.parameters.n_species, n)
        return work[places]


def check_tolerance(tolerance_V: ArrayLike) -> None:
    """Refuse tolerances out of the range that the table of numbers gives.

    Raises
    ------
    ModelError
        One of them is; the message names it.
    """
    number = _TOLERANCE
    one: Any = tolerance_V
    if isinstance(one, float) and number.low <= one <= number.high:
        return
    values = np.atleast_1d(np.asarray(tolerance_V, dtype=float))
    bad = values[number.outside(values)]
    if bad.size:
        number.check(float(bad[0]), number.key)


def prepare(stack: Stack, tolerance_V: float, options: SolverOptions) -> Prepared:
    """Return what a solve needs of `stack`, from the stack's cache if it was asked the same the last time.

    Raises
    ------
    ModelError
        The stack or the tolerance is out of range.
    """
    prepared: Prepared | None = stack.cache.get("prepared")
    if (
        prepared is not None
        and prepared.tolerance_V == tolerance_V
        and (prepared.options is options or prepared.options == options)
    ):
        return prepared
    check_tolerance(tolerance_V)
    prepared = prepared_point(stack_parameters(stack), tolerance_V, options)
    # One object, stored at once: another thread sees all of it or nothing.
    stack.cache["prepared"] = prepared
    return prepared


def prepared_point(parameters: StackParameters, tolerance_V: float, options: SolverOptions) -> Prepared:
    """Return what a solve needs of one point whose arrays are given."""
    p = parameters
    rows, codes = pack_rows(p, tolerance_V)
    blank = np.full((1, output_width(p)), np.nan)
    beyond = bool(beyond_the_main_job(p, options)[0])
    size = work_rows(p.n_layers, p.n_species)
    static = slice(capacitance_start(p.n_layers, p.n_species) + STATIC, None, PLANE_SIZE)
    return Prepared(p, float(tolerance_V), options, rows, codes, options.packed(), blank, size, beyond, static)


def used_rows(n_species: int) -> int:
    """Return the rows of a work array that hold the state of a solve (see ``kernels.workspace``)."""
    return species_row(n_species)


def work_rows(n_layers: int, n_species: int) -> int:
    """Return the rows of a work array for so many layers and species (see ``kernels.workspace``)."""
    return n_rows(n_layers, n_species)


def _state_rows(n_species: int) -> Integers:
    """Return the rows of a work array from which everything else about a solve follows."""
    from ..kernels import workspace as w

    deltas = [w.SPECIES_START + w.SPECIES_ROWS * s + w.DELTA + i for s in range(n_species) for i in range(5)]
    return np.array([*range(w.Y, w.Y + 5), w.SIZE, w.LAYER, w.FIRST, *deltas])


def _state_places(n_species: int, n: int) -> Integers:
    """Return the indices of these rows, ``n + 1`` entries each, in the flat work array."""
    from ..kernels.workspace import STRIDE

    return _state_rows(n_species)[:, None] * STRIDE + np.arange(n + 1)


def full_state(kept: Array, n_species: int) -> Array:
    """Return the rows kept of a work array at their places in it, shape (used_rows, n_elements + 1); the others are 0.

    Kept are the potential, sizes of the elements, their layers and where these begin, and Delta of every species.
    """
    state = np.zeros((used_rows(n_species), kept.shape[1]))
    state[_state_rows(n_species)] = kept
    return state
