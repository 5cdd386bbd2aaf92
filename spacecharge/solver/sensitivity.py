"""Sensitivities: derivatives of every observable with respect to the numbers of a stack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..codes import Status
from ..errors import ConvergenceError
from ..kernels.rows import STATUS
from ..model import Stack
from ..model.numbers import DEFAULT_TOLERANCE_V
from ..model.places import value_of
from ..model.tangents import parameter_tangent
from ..units import unit_of
from .equilibrium import SolverOptions, solved_rows
from .packing import unpack_scalars, unpack_sensitivities
from .solution import Solution

Array = NDArray[np.float64]


def sensitivities(
    subject: Stack | Solution,
    paths: Sequence[str],
    *,
    tolerance_V: float = DEFAULT_TOLERANCE_V,
    options: SolverOptions | None = None,
    resistance_of: Sequence[str] | None = None,
    relative: bool = False,
) -> dict[str, dict[str, Array]]:
    """Return the derivatives of all observables with respect to some numbers of a stack.

    Parameters
    ----------
    subject : Stack or Solution
        What to solve, or the solution of it (its options and layers then hold).
    paths : sequence of str
        Dotted paths of numbers, as in a configuration: ``electrode.permittivity``, ``temperature_K``.
    tolerance_V : float
        Error wanted in the contact potentials [V].
    options : SolverOptions, optional
        Settings of the solve.
    resistance_of : sequence of str, optional
        Layers that count in `interface_resistance`.
    relative : bool
        Return d ln|observable| / d ln|number| instead, without units: by how many per cent an observable moves with one
        per cent of the number. Infinite or NaN where either is 0.

    Returns
    -------
    dict of str to dict
        ``result[path][name]``: derivative of the observable, shaped like it, in its unit per SI unit of the
        parameter (metres for ``thickness_nm``, joules for ``occupied_eV``).

    Raises
    ------
    ModelError
        A path names no number of the stack.
    ConvergenceError
        The stack has no solution that meets the tolerance.

    Notes
    -----
    The state is differentiated implicitly: one tridiagonal solve per parameter, exact for the discrete problem on a
    frozen mesh. Observables follow along that direction by a five-point rule (error below 1e-9 of their scale).
    A potential takes the occupancy along where an ocv ties them; the temperature takes the diffusivity along.
    """
    if isinstance(subject, Solution):
        stack, options = subject.stack, subject.options
        resistance_of = subject.resistance_of
    else:
        stack = subject
    tangents = {}
    for path in paths:
        base, tangents[path] = parameter_tangent(stack, path)
    answers, moved, _ = solved_rows(
        base, tolerance_V=tolerance_V, options=options, resistance_of=resistance_of, tangents=tangents
    )
    status = int(answers.head(STATUS)[0])
    if status != Status.SOLVED:
        raise ConvergenceError(Status(status).message, status)
    slopes = {
        path: {name: values[0] for name, values in unpack_sensitivities(answers, of_path).items()}
        for path, of_path in moved.items()
    }
    if not relative:
        return slopes
    scalars = unpack_scalars(answers)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            path: {
                name: np.asarray(slope * value_of(stack, path) * unit_of(path).factor / scalars[name][0])
                for name, slope in named.items()
            }
            for path, named in slopes.items()
        }
