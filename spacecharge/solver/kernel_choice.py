"""Which kernel solves a point: that of the main job, or the one for everything, compiled when first needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codes import EndKind, Status
from ..kernels import rows as k
from ..model import StackParameters, Statistics
from .neutral_parts import complete_static
from .options import SolverOptions

if TYPE_CHECKING:
    from .prepared import Prepared

Array = NDArray[np.float64]


class Kernels(NamedTuple):
    """Kernels of a solve.

    Attributes
    ----------
    main : callable
        One species a layer, on a lattice without attraction; what it cannot do it leaves with status -1.
    any : callable
        Every kind of point, by the same method; with Newton's safe mode.
    """

    main: Callable[..., int]
    any: Callable[..., int]


_loaded: Kernels | None = None
_NOT_RUN = float(Status.NOT_RUN)
_LATTICE = int(Statistics.LATTICE)
_CHARGED = frozenset(int(kind) for kind in EndKind if kind.is_contact and not kind.is_potential)
"""A member of an enumeration takes 50 ns to look up and as long to compare: a warm solve has none to spare."""


def kernels() -> Kernels:
    """Return the kernels; numba loads with the first call.

    Kept in a global: an import statement costs 2 us each time, an eighth of a solve.
    """
    global _loaded
    if _loaded is None:
        from ..kernels.poisson_boltzmann import solve_any_rows, solve_rows

        _loaded = Kernels(solve_rows, solve_any_rows)
    return _loaded


def beyond_the_main_job(parameters: StackParameters, options: SolverOptions) -> NDArray[np.bool_]:
    """Return which points the kernel of the main job is not made for, shape (n_points,).

    Several species, planes of sites, dilute statistics, attraction, a flat start; a charge at an end, which the layers
    may not be able to undo; and static capacitances whose neutral bias has to be solved for: where more than one plane
    pulls charge.
    """
    p = parameters
    if p.n_species > 1 or p.planes or (p.statistics != _LATTICE).any() or options.start == "flat":
        return np.ones(p.n_points, dtype=bool)
    beyond = (p.contact_charge != 0.0).any(axis=1)
    for energy in (p.interaction_occupied, p.interaction_vacancy):
        attracts = energy < 0.0
        if attracts.any():
            beyond |= attracts.any(axis=(1, 2))
    for side, kind in enumerate(p.end_kind.tolist()):
        if kind in _CHARGED:
            beyond |= p.end_value[:, side] != 0.0
    ends = sum(p.end_contacts)
    if p.n_layers - 1 + ends > 1:
        # A contact that pulls nothing has to be looked at next to one that does.
        beyond |= ends > 0 or ((p.contact_step != 0.0) | (p.contact_charge != 0.0)).any(axis=1)
    return np.asarray(beyond)


def run_prepared(prepared: Prepared, work: Array, out: Array) -> int:
    """Solve one prepared point into `out` (1, output_width); return the number of elements left in `work`."""
    main, _ = _loaded or kernels()
    if not prepared.beyond:
        n = main(0, 1, prepared.rows, prepared.codes, prepared.packed, work, out)
        if out.item(0) != _NOT_RUN:
            return n
    general = kernels().any
    n = general(0, 1, prepared.rows, prepared.codes, prepared.packed, work, out)
    # As `run_any` does for many points, in a fifth of a microsecond instead of five.
    if math.inf in out[0, prepared.static].tolist():
        complete_static(general, prepared.rows[0], prepared.codes, prepared.packed, out[0])
    return n


def run_any(
    first: int, last: int, rows: Array, codes: NDArray[np.int64], packed: Array, work: Array, out: Array
) -> int:
    """Solve points first..last-1 of every kind; return the elements that the last one left in `work`."""
    general = kernels().any
    n = general(first, last, rows, codes, packed, work, out)
    static = out[first:last, k.capacitance_start(int(codes[0]), int(codes[1])) + k.STATIC :: k.PLANE_SIZE]
    if np.isinf(static).any():
        for i in np.flatnonzero(np.isinf(static).any(axis=1)).tolist():
            complete_static(general, rows[first + i], codes, packed, out[first + i])
    return n


def run_rows(
    first: int,
    last: int,
    rows: Array,
    codes: NDArray[np.int64],
    packed: Array,
    work: Array,
    out: Array,
    beyond: NDArray[np.bool_],
) -> int:
    """Solve points first..last-1, each with the kernel made for it; return the elements the last one left in `work`."""
    main, _ = kernels()
    if last - first == 1 and not beyond[first]:
        n = main(first, last, rows, codes, packed, work, out)
        return n if out[first, 0] != _NOT_RUN else run_any(first, last, rows, codes, packed, work, out)
    part = beyond[first:last]
    if part.all():
        return run_any(first, last, rows, codes, packed, work, out)
    if part.any():
        n = 0
        for i in range(first, last):
            n = run_rows(i, i + 1, rows, codes, packed, work, out, beyond)
        return n
    n = main(first, last, rows, codes, packed, work, out)
    for i in np.flatnonzero(out[first:last, 0] == _NOT_RUN).tolist():
        n = run_any(first + i, first + i + 1, rows, codes, packed, work, out)
    return n
