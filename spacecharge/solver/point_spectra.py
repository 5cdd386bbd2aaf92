"""Spectra of many points in one call: at rest without solutions in between, as a fit evaluates them thousands of times.

About a bias or a load every point is solved as :func:`spacecharge.impedance` takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..codes import Status
from ..model import Stack, StackParameters
from ..model.charge_transfer import ChargeTransfer
from .equilibrium import Points, solve_points
from .network import Network, components_of, held_components, network_of
from .packing import pack_rows
from .signal_mesh import Meshes, drops_on, meshes_of
from .small_signal import spectrum_of
from .transfer import transfer_scalars

if TYPE_CHECKING:
    from .points import Loads

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

WORTH_THREADS = 4
"""Spectra from which on a second thread pays: one takes milliseconds, the hand-over microseconds."""


def solve_spectra(
    stack: Stack,
    parameters: StackParameters,
    omega: Sequence[Array],
    ends: Mapping[str, Any],
    *,
    laws: Sequence[ChargeTransfer | None],
    tolerance_V: float,
    n_threads: int = 1,
    loads: Loads | None = None,
) -> tuple[Points, list[Complex], Array]:
    """Return the spectra of many points.

    Parameters
    ----------
    stack : Stack
        Names the components.
    parameters : StackParameters
        The points.
    omega : sequence of ndarray, length n_points
        Angular frequencies of each point [s-1].
    ends : mapping
        ``{left, right}`` as :func:`spacecharge.impedance` takes them.
    laws : sequence of ChargeTransfer or None
        One per inner contact; their numbers may be arrays over the points.
    tolerance_V : float
        Tolerance of the contact potentials [V].
    n_threads : int
        Threads over the points at rest.
    loads : tuple, optional
        Current densities [A m-2] or voltages [V] of the points, the other one None, and what the ends exchange.

    Returns
    -------
    points : Points
        Observables of the equilibrium, or of the state with current.
    spectra : list of ndarray of complex, shape (n_frequencies,)
        [ohm m2]; NaN where a point has no answer.
    resistance : ndarray, shape (n_points, n_layers - 1)
        Resistance of each inner contact beside its displacement current [ohm m2]; NaN away from rest.

    Raises
    ------
    ModelError
        An end or a component is not known, or a load finds no component that passes from end to end.

    Notes
    -----
    Several components are solved on the mesh of the state too, where :func:`spacecharge.impedance` halves it: of 21
    random stacks of two components the largest error was 5e-8 with 1e-9 V and 5e-7 with 1e-6 V (with the halved mesh
    2e-8 and 4e-8).
    """
    p = parameters
    if loads is not None or np.any(p.array("contact_bias")):
        scalars, spectra = _away_from_rest(stack, p, omega, ends, laws, tolerance_V, loads)
        return Points(scalars, (), {}), spectra, np.full((p.n_points, p.n_layers - 1), np.nan)
    rows, codes = pack_rows(p, tolerance_V)
    components = components_of(stack)
    held = held_components(ends, components)
    seen: dict[int, tuple[Network, Meshes]] = {}

    def keep(i: int, work: Array) -> None:
        network = network_of(p, i, components)
        seen[i] = network, meshes_of(work, rows[i], codes, network, omega[i])

    points = solve_points(p, tolerance_V=tolerance_V, keep=keep)
    resistance: Array = p.array("contact_resistance").copy()
    if any(law is not None for law in laws):
        first = int(p.end_contacts[0])
        made = transfer_scalars(laws, p, points.scalars)["charge_transfer_resistance"]
        resistance += np.nan_to_num(made[:, first : first + p.n_layers - 1], nan=0.0)

    def spectrum(i: int) -> Complex:
        if i not in seen or not Status(int(points.scalars["status"][i])).has_answer:
            return np.full(omega[i].size, np.nan, dtype=np.complex128)
        network, meshes = seen[i]
        network.contacts[:, 0] = resistance[i][:, None]
        return np.asarray(drops_on(meshes, network, held, omega[i]).sum(axis=1))

    return points, _each(spectrum, p.n_points, n_threads if p.n_points >= WORTH_THREADS else 1), resistance


def _away_from_rest(
    stack: Stack,
    parameters: StackParameters,
    omega: Sequence[Array],
    ends: Mapping[str, Any],
    laws: Sequence[ChargeTransfer | None],
    tolerance_V: float,
    loads: Loads | None,
) -> tuple[dict[str, Array], list[Complex]]:
    """Return observables and spectra of points with biased contacts or a load, one by one."""
    from .points import law_of, load_values, point_of, solve_point_of

    p = parameters
    spectra: list[Complex] = [np.full(w.size, np.nan, dtype=np.complex128) for w in omega]
    if loads is not None:
        scalars, states = load_values(stack, p, laws, loads, tolerance_V, None)
        for i, state in enumerate(states):
            if state.has_answer:
                spectra[i] = spectrum_of(state, omega[i] / (2.0 * np.pi), ends=ends, estimate=False).impedance
        return scalars, spectra
    scalars = dict(solve_points(p, tolerance_V=tolerance_V).scalars)
    for i in range(p.n_points):
        solution = solve_point_of(stack, point_of(p, i), tolerance_V, None)
        if Status(solution.status).has_answer:
            at = [law_of(law, i) for law in laws]
            found = spectrum_of(solution, omega[i] / (2.0 * np.pi), ends=ends, charge_transfer=at, estimate=False)
            spectra[i] = found.impedance
    return scalars, spectra


def _each(function: Callable[[int], Complex], n: int, n_threads: int) -> list[Complex]:
    """Return the function of 0 to n - 1; this thread works too: few tasks of a millisecond cost one hand-over."""
    found: list[Any] = [None] * n
    places = iter(range(n))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for i in places:
                found[i] = function(i)
        except BaseException as error:
            failures.append(error)

    others = [Thread(target=work) for _ in range(min(n_threads, n) - 1)]
    for thread in others:
        thread.start()
    work()
    for thread in others:
        thread.join()
    if failures:
        raise failures[0]
    return found


__all__ = ["solve_spectra"]
