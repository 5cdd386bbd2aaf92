"""Static capacitances whose neutral bias the mesh of a solve does not serve: the stack is cut, its parts are solved.

The neutral bias of a contact is the step that appears where the stack is cut there. The kernel solves the cut stack on
the mesh of the whole one; where that fails, or the contacts that are left go further from their bulks than the mesh was
made for, it leaves an infinity, and each part is solved here as a stack of its own, with its own mesh and tolerance.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..codes import EndKind, Status
from ..constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from ..kernels import rows as k

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

_SMALL_BIAS = 1e-7
"""Below this bias (in kT/e) the static capacitance is its limit, the differential one, as in the kernels."""


class _Spare(threading.local):
    """A work array beside that of the solve, which still holds its answer: one of each thread."""

    work: Array = np.empty(0)


_spare = _Spare()

_MOST_ITERATIONS = 800
"""Newton iterations in the parts of one point after which no other contact is begun: a tenth of them suffices nearly
always, and no point may take longer than a second."""

_LOOSE = 1e-6
"""Share of the bias that the tolerance of the parts may be, where that of the solve is finer than a mesh can hold: a
neutral bias of 90 V is no matter of microvolts."""

_LOOSEST = 1e-3
"""No part is tried at a looser tolerance [V]."""

_INACCURATE, _NOT_RUN = float(Status.ACCURACY_NOT_REACHED), float(Status.NOT_RUN)
_ANSWERED = (float(Status.SOLVED), _INACCURATE)
_SURFACE_CHARGE, _FIXED_POTENTIAL = int(EndKind.SURFACE_CHARGE), int(EndKind.ELECTROSTATIC_POTENTIAL)
"""Numbers, since a member of an enumeration takes as long to look up as ten of them."""


def complete_static(general: Callable[..., int], row: Array, codes: Codes, packed: Array, out: Array) -> None:
    """Replace infinite static capacitances in the output row of a point.

    Parameters
    ----------
    general : callable
        The kernel for every kind of point.
    row, codes, packed : ndarray
        Input row, codes and options of the point.
    out : ndarray
        Its output row; what no part gives becomes NaN.
    """
    from ..kernels.poisson_boltzmann import WITH_STATIC

    n_layers, n_species = int(codes[0]), int(codes[1])
    options = packed.copy()
    options[WITH_STATIC] = 0.0
    start = k.capacitance_start(n_layers, n_species)
    volt = BOLTZMANN * row[k.TEMPERATURE] / ELEMENTARY_CHARGE
    spent = 0.0
    for plane in range(n_layers + 1):
        at = start + k.PLANE_SIZE * plane
        if abs(out[at + k.STATIC]) != math.inf:
            continue
        if spent > _MOST_ITERATIONS:
            out[at + k.STATIC] = np.nan
            continue
        # By Gauss the field on the left side of a plane says what charge lies left of it; a left wall has a right side.
        layer, side = (0, 0) if plane == 0 else (plane - 1, 1)
        permittivity = VACUUM_PERMITTIVITY * row[k.LAYER_START + k.LAYER_SIZE * layer + 1]
        charge = permittivity * out[_face(layer, side, n_species) + k.FACE_FIELD]
        bias, iterations = _bias(general, row, codes, options, (plane, _jump(out, plane, n_layers, n_species)))
        spent += iterations
        # Where a part has no answer neither has the capacitance.
        is_limit = abs(bias) <= _SMALL_BIAS * volt
        out[at + k.STATIC] = out[at + k.DIFFERENTIAL] if is_limit else charge / bias


def _face(layer: int, side: int, n_species: int) -> int:
    """Return where the numbers of a face begin in an output row."""
    return k.HEAD_SIZE + layer * k.block_size(n_species) + k.FACE_START + side * k.face_size(n_species)


def _jump(out: Array, plane: int, n_layers: int, n_species: int) -> float:
    """Return the potential right of a plane minus that left of it, each against its bulk; a wall counts as 0 [V]."""
    right = out[_face(plane, 0, n_species) + k.FACE_POTENTIAL] if plane < n_layers else 0.0
    left = out[_face(plane - 1, 1, n_species) + k.FACE_POTENTIAL] if plane > 0 else 0.0
    return float(right - left)


def _bias(
    general: Callable[..., int], row: Array, codes: Codes, options: Array, contact: tuple[int, float]
) -> tuple[float, float]:
    """Return the bias of a contact (its plane, its jump) from the neutral one, and the iterations spent.

    Where no mesh holds a part at the tolerance of the solve it is solved at ten times that, and so on.
    """
    plane, jump = contact
    loose, iterations = row.copy(), 0.0
    while True:
        neutral, more, without_mesh = _neutral_jump(general, loose, codes, options, plane)
        bias, iterations = jump - neutral, iterations + more
        if not without_mesh or 10.0 * loose[k.TOLERANCE] > _LOOSEST:
            break
        loose[k.TOLERANCE] *= 10.0
    enough = loose[k.TOLERANCE] <= max(row[k.TOLERANCE], _LOOSE * abs(bias))
    return (bias if enough else np.nan), iterations


def _neutral_jump(
    general: Callable[..., int], row: Array, codes: Codes, options: Array, plane: int
) -> tuple[float, float, bool]:
    """Return that jump where no charge crosses the plane, the iterations spent, and whether a mesh was too large.

    The jump is NaN where a part has no answer.
    """
    n_layers, n_species = int(codes[0]), int(codes[1])
    if plane == 0 or plane == n_layers:
        whole = _solved(general, row, codes, options, (0, n_layers), freed=min(plane, 1))
        return _jump(whole, plane, n_layers, n_species), float(whole[k.ITERATIONS]), _without_mesh(whole)
    left = _solved(general, row, codes, options, (0, plane))
    right = _solved(general, row, codes, options, (plane, n_layers))
    jump = _jump(left, plane, plane, n_species) + _jump(right, 0, n_layers - plane, n_species)
    return jump, float(left[k.ITERATIONS] + right[k.ITERATIONS]), _without_mesh(left) or _without_mesh(right)


def _without_mesh(out: Array) -> bool:
    return bool(out[k.STATUS] == _INACCURATE and not out[k.ELEMENTS] > 0.0)


def _solved(
    general: Callable[..., int], row: Array, codes: Codes, options: Array, layers: tuple[int, int], freed: int = -1
) -> Array:
    """Return the output row of the layers from the first to before the last, alone; NaN where there is no answer.

    A face of a cut carries the charge of the contact that lies left of it, otherwise none; an end set free (0 left,
    1 right) carries none. Both are ends with a charge, whose potential an output row has.
    """
    n_layers, n_species = int(codes[0]), int(codes[1])
    first, last = layers
    n, kinds = last - first, codes[2:4].tolist()
    ends = row[k.end_start(n_layers) : k.end_start(n_layers) + 2].tolist()
    if first > 0:
        kinds[0], ends[0] = _SURFACE_CHARGE, row[k.contact_column(n_layers, first - 1) + 1]
    if freed == 0:
        kinds[0], ends[0] = _SURFACE_CHARGE, 0.0
    if last < n_layers or freed == 1:
        kinds[1], ends[1] = _SURFACE_CHARGE, 0.0
    out = np.full((1, k.output_size(n, n_species)), np.nan)
    if n == 1 and not any(kind >= _FIXED_POTENTIAL and value != 0.0 for kind, value in zip(kinds, ends, strict=True)):
        # A layer on its own that nothing charges is flat.
        out[0, k.STATUS], out[0, k.ITERATIONS] = _ANSWERED[0], 0.0
        for side in range(2):
            out[0, _face(0, side, n_species) + k.FACE_POTENTIAL] = 0.0
        return np.asarray(out[0])
    part = np.empty(k.row_size(n, n_species))
    part[: k.LAYER_START] = row[: k.LAYER_START]
    part[k.LAYER_START : k.contact_start(n)] = row[k.contact_start(first) : k.contact_start(last)]
    at = k.contact_start(n_layers) + k.CONTACT_SIZE * first
    part[k.contact_start(n) : k.end_start(n)] = row[at : at + k.CONTACT_SIZE * (n - 1)]
    part[k.end_start(n) : k.species_start(n)] = row[k.end_start(n_layers) : k.species_start(n_layers)]
    part[k.end_start(n) : k.end_start(n) + 2] = ends
    at = k.species_start(n_layers) + k.SPECIES_SIZE * n_species * first
    part[k.species_start(n) :] = row[at : at + k.SPECIES_SIZE * n_species * n]
    laws = codes[k.CODE_START + 2 * n_species * first : k.CODE_START + 2 * n_species * last]
    planes = codes[k.plane_start(n_layers, n_species) :].reshape(n_layers - 1, k.PLANE_CODES)[first : last - 1]
    of_part = np.array([n, n_species, *kinds, *laws.tolist(), *planes.ravel().tolist()], dtype=np.int64)
    out[0, k.STATUS] = _NOT_RUN
    size = k.n_rows(n, n_species) * k.STRIDE
    if _spare.work.size < size:
        _spare.work = np.zeros(size)
    general(0, 1, part[None], of_part, options, _spare.work, out)
    if out[0, k.STATUS] not in _ANSWERED:
        out[0, k.ITERATIONS + 1 :] = np.nan
    return np.asarray(out[0])


__all__ = ["complete_static"]
