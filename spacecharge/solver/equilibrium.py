"""The face of the solver: packs parameters, calls the kernels, unpacks results, turns status into errors.

Kernels (and with them numba) load with the first solve, not with the package.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import Status
from ..constants import BOLTZMANN
from ..errors import ConvergenceError, MiscibilityGapError
from ..kernels import rows as k
from ..model import Stack, StackParameters
from ..model.numbers import DEFAULT_TOLERANCE_V
from .kernel_choice import beyond_the_main_job, run_any, run_prepared, run_rows
from .options import SolverOptions
from .output import Rows, counted_layers, output_width
from .packing import (
    Observables,
    pack_rows,
    profile_positions,
    unpack_profiles,
    unpack_sensitivities,
)
from .prepared import check_tolerance, prepare, work_rows
from .profile_mesh import profile_mesh
from .reasons import failure_message, gap_messages
from .solution import Solution

Array = NDArray[np.float64]

_DEFAULT_OPTIONS = SolverOptions()

_OUTCOMES = {float(status): (status, status.message) for status in Status}
"""By the number that the kernel leaves: looked up, not made, for every solve."""
_SOLVED, _INVALID, _NOT_RUN = Status.SOLVED, float(Status.INVALID_POINT), float(Status.NOT_RUN)


@dataclass(frozen=True, slots=True)
class Points:
    """Results of many points.

    Attributes
    ----------
    scalars : mapping of str to ndarray
        Every variable of ``solver.outputs.OUTPUTS``, shape (n_points, ...), read when it is asked for; NaN and a status
        where a point failed.
    profiles : tuple of dict
        One dict per layer with ``potential``, ``occupancy``, ``vacancy`` on the mesh asked for, or ().
    sensitivities : dict of str to dict
        Per parameter asked for, the derivatives of the observables by name.
    """

    scalars: Mapping[str, Array]
    profiles: tuple[dict[str, Array], ...] = ()
    sensitivities: dict[str, dict[str, Array]] = field(default_factory=dict)


class _Local(threading.local):
    """Arrays of a thread."""

    work: Array = np.empty(0)


_local = _Local()


def _work_array(n_layers: int, n_species: int) -> Array:
    """Return this thread's work array for so many layers and species."""
    return work_array(work_rows(n_layers, n_species))


def work_array(n_rows: int) -> Array:
    """Return this thread's work array of at least so many rows, kept warm from solve to solve."""
    size = n_rows * k.STRIDE
    work = _local.work
    if work.size < size:
        work = _local.work = np.zeros(size)
    return work


def solve_points(
    parameters: StackParameters,
    *,
    tolerance_V: ArrayLike = DEFAULT_TOLERANCE_V,
    options: SolverOptions | None = None,
    resistance_of: Sequence[str] | None = None,
    n_threads: int = 1,
    profile_x: Sequence[Array] | None = None,
    tangents: Mapping[str, StackParameters] | None = None,
    keep: Callable[[int, Array], None] | None = None,
) -> Points:
    """Solve every point of a sweep.

    Parameters
    ----------
    parameters : StackParameters
        The points.
    tolerance_V : float or array_like, shape (n_points,)
        Tolerance of the contact potentials [V].
    options : SolverOptions, optional
        Settings.
    resistance_of : sequence of str, optional
        Layers that count in `interface_resistance`; default: every layer with a diffusivity.
    n_threads : int
        Threads over the points; an answer does not depend on it.
    profile_x : sequence of ndarray, optional
        Per layer the positions [m] at which profiles are wanted (see :func:`profile_mesh`).
    tangents : mapping of str to StackParameters, optional
        Derivatives of `parameters` by the name of a number, from
        :func:`~spacecharge.model.tangents.parameter_tangent`, for which sensitivities are wanted.
    keep : callable, optional
        ``keep(point, work)`` sees the work array after every solved point, before the next one takes it.

    Returns
    -------
    Points
        Observables and profiles; nothing raises for a point that fails, it carries a status.

    Raises
    ------
    ModelError
        A tolerance is out of range.
    """
    answers, slopes, sampled = solved_rows(
        parameters,
        tolerance_V=tolerance_V,
        options=options,
        resistance_of=resistance_of,
        n_threads=n_threads,
        profile_x=profile_x,
        tangents=tangents,
        keep=keep,
    )
    return Points(
        Observables(answers),
        sampled() if sampled is not None else (),
        {path: unpack_sensitivities(answers, of_path) for path, of_path in slopes.items()},
    )


def solved_rows(
    parameters: StackParameters,
    *,
    tolerance_V: ArrayLike = DEFAULT_TOLERANCE_V,
    options: SolverOptions | None = None,
    resistance_of: Sequence[str] | None = None,
    n_threads: int = 1,
    profile_x: Sequence[Array] | None = None,
    tangents: Mapping[str, StackParameters] | None = None,
    keep: Callable[[int, Array], None] | None = None,
) -> tuple[Rows, dict[str, Rows], Callable[[], tuple[dict[str, Array], ...]] | None]:
    """Solve every point of a sweep, as :func:`solve_points` does, and leave the answers in their rows.

    Reading all observables takes longer than a warm solve of one point: who wants few of them reads those.

    Returns
    -------
    answers, slopes, sampled
        Output rows; their derivatives per parameter; what hands out the profiles, None where none are wanted.
    """
    p = parameters
    check_tolerance(tolerance_V)
    rows, codes = pack_rows(p, tolerance_V)
    out = _empty_rows(p)
    packed = (options or _DEFAULT_OPTIONS).packed()
    beyond = beyond_the_main_job(p, options or _DEFAULT_OPTIONS)
    readers: list[Callable[[int, Array], None]] = [] if keep is None else [keep]
    sampled = _sampler(p, rows, codes, profile_x, readers) if profile_x is not None else None
    tangents = tangents or {}
    slopes = _differentiator(p, rows, codes, packed, out, tangents, readers) if tangents else {}

    def block(first: int, last: int) -> None:
        work = _work_array(p.n_layers, p.n_species)
        if not readers:
            run_rows(first, last, rows, codes, packed, work, out, beyond)
            return
        for i in range(first, last):
            if run_rows(i, i + 1, rows, codes, packed, work, out, beyond) > 0:
                for reader in readers:
                    reader(i, work)

    _run_blocks(block, p.n_points, n_threads)
    for path, tangent in tangents.items():
        if _moves_neutral_bias(p, tangent):
            _replace_static(p, rows, codes, packed, tangent, slopes[path], n_threads)
    moved = {path: Rows(slopes[path], tangent, resistance_of) for path, tangent in tangents.items()}
    return Rows(out, p, resistance_of), moved, sampled


def _empty_rows(parameters: StackParameters) -> Array:
    """Return an output row for every point: nothing known but the status, ``invalid`` or ``not run``."""
    out = np.full((parameters.n_points, output_width(parameters)), np.nan)
    out[:, 0] = np.where(parameters.invalid, _INVALID, _NOT_RUN)
    return out


def _sampler(
    parameters: StackParameters,
    rows: Array,
    codes: NDArray[np.int64],
    profile_x: Sequence[Array],
    readers: list[Callable[[int, Array], None]],
) -> Callable[[], tuple[dict[str, Array], ...]]:
    """Add a reader of profiles to `readers`; return the function that hands out what it has read."""
    from ..kernels.sample import read_positions

    p = parameters
    positions, starts = profile_positions(p, profile_x)
    y = np.full((p.n_points, positions.size), np.nan)
    occupancy = np.full((p.n_points, p.n_species, positions.size), np.nan)
    vacancy = np.full((p.n_points, p.n_species, positions.size), np.nan)

    def read(i: int, work: Array) -> None:
        read_positions(work, rows[i], codes, positions, starts, y[i], occupancy[i], vacancy[i])

    readers.append(read)
    return lambda: unpack_profiles(p, starts, y, occupancy, vacancy)


def _differentiator(
    parameters: StackParameters,
    rows: Array,
    codes: NDArray[np.int64],
    packed: Array,
    out: Array,
    tangents: Mapping[str, StackParameters],
    readers: list[Callable[[int, Array], None]],
) -> dict[str, Array]:
    """Add a reader of sensitivities to `readers`; return the arrays that it fills, per parameter."""
    from ..kernels.tangent import sensitivity

    moves = np.stack([pack_rows(tangent, 0.0)[0] for tangent in tangents.values()], axis=1)
    slopes = np.full((parameters.n_points, len(tangents), out.shape[1]), np.nan)

    def read(i: int, work: Array) -> None:
        sensitivity(work, rows[i], moves[i], codes, packed, out[i], slopes[i])

    readers.append(read)
    return {path: slopes[:, k] for k, path in enumerate(tangents)}


def _moves_neutral_bias(parameters: StackParameters, tangent: StackParameters) -> bool:
    """Say whether a static capacitance refers to a neutral bias that has to be solved for, here or next to here."""
    charged = np.any(parameters.contact_charge) or np.any(tangent.contact_charge)
    return len(parameters.contact_names) > 1 or bool(charged)


def _replace_static(
    parameters: StackParameters,
    rows: Array,
    codes: NDArray[np.int64],
    packed: Array,
    tangent: StackParameters,
    slopes: Array,
    n_threads: int,
) -> None:
    """Overwrite the derivative of static capacitances by a five-point rule over whole solves.

    The neutral bias is the answer of a second problem (the stack cut at the contact), which the implicit derivative of
    the first does not know; solves at 1e-11 V leave an error of 1e-8 relative.
    """
    p = parameters
    moves = pack_rows(tangent, 0.0)[0]
    start = k.capacitance_start(p.n_layers, p.n_species)
    scale = np.abs(rows)
    contacts, species = k.contact_start(p.n_layers), k.species_start(p.n_layers)
    # Steps and charges of contacts, then the values of both ends, which take turns as a contact's do.
    scale[:, contacts : species : k.CONTACT_SIZE] = p.thermal_voltage[:, None]
    scale[:, contacts + 1 : species : k.CONTACT_SIZE] = 0.05
    per_species = scale[:, species:].reshape(p.n_points, p.n_layers, p.n_species, k.SPECIES_SIZE)
    per_species[..., k.J_OCC : k.J_VAC + 1] = BOLTZMANN * p.temperature[:, None, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = np.nanmax(np.where(moves != 0.0, np.abs(moves) / scale, 0.0), axis=1)
    step = 2e-3 / np.maximum(largest, 1e-300)
    values = []
    for amount in (-2.0, -1.0, 1.0, 2.0):
        moved = rows + (amount * step)[:, None] * moves
        moved[:, 1] = 1e-11
        out = _empty_rows(p)

        def block(first: int, last: int, moved: Array = moved, out: Array = out) -> None:
            run_any(first, last, moved, codes, packed, _work_array(p.n_layers, p.n_species), out)

        _run_blocks(block, p.n_points, n_threads)
        values.append(out[:, start + 1 :: 2])
    rule = 8.0 * (values[2] - values[1]) - (values[3] - values[0])
    slopes[:, start + 1 :: 2] = rule / (12.0 * step[:, None])


BLOCK = 256
"""Points that a thread takes at a time: long enough to hide the hand-over (20 us), short enough to balance."""

WAIT = 0.02
"""Longest time until a signal is served while threads solve [s]: some 14 blocks of two of them."""


def _run_blocks(block: Callable[[int, int], None], n_points: int, n_threads: int) -> None:
    """Call ``block(first, last)`` over all points, on `n_threads` Python threads.

    The kernels release the GIL, so plain threads run in parallel; unlike numba's own they survive fork and may be
    used from several callers at once.
    """
    if n_threads <= 1 or n_points <= BLOCK:
        # A signal waits for the kernel: between two blocks it is served.
        for first in range(0, n_points, BLOCK):
            block(first, min(first + BLOCK, n_points))
        return
    starts = iter(range(0, n_points, BLOCK))
    lock = threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        while not failures:
            with lock:
                first = next(starts, None)
            if first is None:
                return
            try:
                block(first, min(first + BLOCK, n_points))
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(min(n_threads, -(-n_points // BLOCK)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            # Whichever thread a signal reaches, its handler runs in this one, and only between two waits.
            while thread.is_alive():
                thread.join(WAIT)
    except BaseException as interruption:
        # Ctrl-C meets the thread that waits; the others stop after their block.
        failures.append(interruption)
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def solve(
    stack: Stack,
    *,
    tolerance_V: float = DEFAULT_TOLERANCE_V,
    options: SolverOptions | None = None,
    resistance_of: Sequence[str] | None = None,
    throw: bool = True,
) -> Solution:
    """Solve the equilibrium space-charge problem of a stack of layers.

    Every species is level with the neutral bulk of its own layer, the bulks differ by their equilibrium potentials,
    and Poisson's equation ``d/dx(eps0 eps dphi/dx) = -rho`` holds in between, with phi and eps dphi/dx continuous
    up to the charge and dipole of a contact. Both ends are field-free unless the stack says otherwise, which is the
    conservation of mass: what one layer loses the others gain. phi is 0 in the neutral bulk of the last layer, and
    the layer with the lower U (more Li) lies at the lower phi.

    Parameters
    ----------
    stack : Stack
        Layers, contacts, ends, temperature.
    tolerance_V : float
        Error wanted in the contact potentials [V], 1e-11 to 1e-2.
    options : SolverOptions, optional
        Settings of mesh and error estimate.
    resistance_of : sequence of str, optional
        Layers that count in `interface_resistance`; default: every layer with a diffusivity.
    throw : bool
        Raise where the answer does not meet its tolerance; otherwise the status says so.

    Returns
    -------
    Solution
        Profiles, status, statistics and scalars; observables are functions of it.

    Raises
    ------
    ConvergenceError, MiscibilityGapError
        The status is not 0 and `throw` is true.
    ModelError
        The stack or the tolerance is out of range.

    Notes
    -----
    Elements with five Gauss-Lobatto nodes, charge lumped on them: conservative to rounding, superconvergent (measured
    orders, medians of random cases: 7 in contact potential and charge, 5.7 in resistances of regions). The mesh is laid
    by the first integral of the equation and halved until the change is below the tolerance. The method is written down
    in ``spacecharge.kernels``.

    References
    ----------
    .. [1] N. J. J. de Klerk and M. Wagemaker, ACS Appl. Energy Mater. 1, 5609 (2018). DOI 10.1021/acsaem.8b01141.
    .. [2] Z. Cheng et al., Joule 4, 1311 (2020). DOI 10.1016/j.joule.2020.04.002.
    """
    prepared = prepare(stack, tolerance_V, options or _DEFAULT_OPTIONS)
    if resistance_of is not None:
        resistance_of = tuple(resistance_of)
        counted_layers(prepared.parameters, resistance_of)
    work = work_array(prepared.work_rows)
    out = prepared.blank.copy()
    begin = time.perf_counter()
    n = run_prepared(prepared, work, out)
    seconds = time.perf_counter() - begin
    outcome = _OUTCOMES[out.item(0)]
    if outcome[0] is not _SOLVED:
        status = outcome[0]
        message = failure_message(prepared.parameters, status, mesh=n > 0)
        outcome = status, message
        if throw:
            raise (MiscibilityGapError if status == Status.MISCIBILITY_GAP else ConvergenceError)(message, status)
    return Solution(stack, prepared, resistance_of, outcome, out, prepared.keep(work, n), seconds)


__all__ = ["Points", "SolverOptions", "gap_messages", "profile_mesh", "solve", "solve_points", "solved_rows"]
