r"""A biased contact: Butler-Volmer with a space-charge layer that moves along.

Both layers are level in themselves and differ by the overpotential eta = v_left - v_right (the limit of fast layers):
one equilibrium solve whose step is larger by eta leaves the occupancies at the contact, and the jump law gives

    j = sgn(z) i0 [exp(alpha Delta) - exp(-(1 - alpha) Delta)],   Delta = z e eta/kT,

with the exchange current i0 of those occupancies. d eta/d j follows from the derivatives of the solve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..errors import ModelError
from ..model import StackParameters
from ..model.charge_transfer import ChargeTransfer
from .transfer import transfer_scalars

if TYPE_CHECKING:
    from .solution import Solution
    from .steady import SteadyState

Array = NDArray[np.float64]
Laws = ChargeTransfer | Sequence[ChargeTransfer | None] | None


def bias_path(contact: int) -> str:
    """Return the dotted path of the bias of an inner contact."""
    return f"contacts.{contact}.bias_V"


def bias_scalars(
    laws: Sequence[ChargeTransfer | None],
    parameters: StackParameters,
    scalars: Mapping[str, Array],
    slopes: Mapping[int, Mapping[str, Array]],
) -> dict[str, Array]:
    """Return what passes biased contacts, for solved points.

    Parameters
    ----------
    laws : sequence of ChargeTransfer or None
        One per inner contact; a contact without one takes its plain resistance.
    parameters : StackParameters
        The points.
    scalars : mapping
        Their solved observables.
    slopes : mapping
        By inner contact the derivatives of ``contact_occupancy`` and ``contact_vacancy`` by its bias [V-1].

    Returns
    -------
    dict
        ``contact_current_density`` (n_points, n_contacts) [A m-2], ``overpotential`` (n_points, n_contacts) [V],
        ``contact_differential_resistance`` (n_points, n_contacts) [ohm m2]; ``current_density`` and
        ``differential_resistance`` (n_points,): those of the one contact with a law or a resistance, NaN for several.

    Raises
    ------
    ModelError
        A law meets several mobile species.
    """
    p = parameters
    first = int(p.end_contacts[0])
    bias, plain = p.array("contact_bias"), p.array("contact_resistance")
    shape = np.shape(scalars["contact_potential"])[:2]
    current, slope, eta = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    if any(laws):
        exchange = transfer_scalars(laws, p, scalars)["exchange_current_density"]
    passing = []
    for i in range(p.n_layers - 1):
        c, law = first + i, laws[i] if i < len(laws) else None
        eta[:, c] = bias[:, i]
        if law is not None:
            passing.append(c)
            current[:, c], slope[:, c] = _jumps(law, p, i, exchange[:, c], bias[:, i], scalars, slopes.get(i))
        elif np.any(plain[:, i] > 0.0):
            passing.append(c)
            with np.errstate(divide="ignore", invalid="ignore"):
                current[:, c], slope[:, c] = bias[:, i] / plain[:, i], plain[:, i]
    whole = passing[0] if len(passing) == 1 else None
    none = np.full(p.n_points, np.nan)
    return {
        "contact_current_density": current,
        "overpotential": eta,
        "contact_differential_resistance": slope,
        "current_density": current[:, whole] if whole is not None else none,
        "differential_resistance": slope[:, whole] if whole is not None else none,
    }


def _jumps(
    law: ChargeTransfer,
    p: StackParameters,
    contact: int,
    exchange: Array,
    bias: Array,
    scalars: Mapping[str, Array],
    slopes: Mapping[str, Array] | None,
) -> tuple[Array, Array]:
    """Return j and d eta/d j of a contact with a law."""
    c = int(p.end_contacts[0]) + contact
    alpha = np.asarray(law.symmetry_factor, dtype=float)
    z = p.charge_number[:, contact, 0]
    over = z * ELEMENTARY_CHARGE / (BOLTZMANN * p.temperature)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        forward, backward = np.exp(alpha * over * bias), np.exp(-(1.0 - alpha) * over * bias)
        # Of nearly equal exponentials the difference is formed from expm1.
        net = np.expm1(alpha * over * bias) - np.expm1(-(1.0 - alpha) * over * bias)
        current = np.sign(z) * exchange * net
        rise = np.sign(z) * exchange * over * (alpha * forward + (1.0 - alpha) * backward)
        if slopes is not None:
            theta = slopes["contact_occupancy"][:, c] / scalars["contact_occupancy"][:, c]
            vacancy = slopes["contact_vacancy"][:, c] / scalars["contact_vacancy"][:, c]
            moved = (1.0 - alpha) * (theta[:, 0] + vacancy[:, 1]) + alpha * (theta[:, 1] + vacancy[:, 0])
            rise = rise + current * moved
        else:
            rise = np.where(bias == 0.0, rise, np.nan)
        return np.asarray(current), np.asarray(1.0 / rise)


def _of_solution(solution: Solution, laws: Laws, name: str) -> Array:
    from .sensitivity import sensitivities

    each = [laws] if isinstance(laws, ChargeTransfer) else list(laws or [])
    scalars = {key: np.asarray(value)[None] for key, value in solution.scalars.items()}
    slopes = {}
    if name.endswith("differential_resistance"):
        for i, law in enumerate(each):
            if law is not None:
                found = sensitivities(solution, [bias_path(i)], tolerance_V=solution._prepared.tolerance_V)
                slopes[i] = {key: value[None] for key, value in found[bias_path(i)].items()}
    return np.asarray(bias_scalars(each, solution.parameters, scalars, slopes)[name][0])


def current_density(state: Solution | SteadyState, charge_transfer: Laws = None) -> float:
    """Return the current density through a biased contact, or that of a state with current.

    Parameters
    ----------
    state : Solution or SteadyState
        Solution of a stack whose contact has a ``bias_V``, or a state with current.
    charge_transfer : ChargeTransfer or sequence, optional
        Law of the first contact, or one (or None) per contact; for a biased contact without a plain resistance.

    Returns
    -------
    float
        [A m-2], positive from left to right; NaN where several contacts pass current or none does.

    Raises
    ------
    ModelError
        A law meets several mobile species.

    References
    ----------
    .. [1] A. N. Frumkin, Z. Phys. Chem. A 164, 121 (1933): occupancies at the plane of reaction.
    """
    if hasattr(state, "current_density"):
        return float(state.current_density)
    return float(_of_solution(state, charge_transfer, "current_density"))


def differential_resistance(state: Solution | SteadyState, charge_transfer: Laws = None) -> float:
    """Return d eta/d j of a biased contact, or dV/dJ of a state with current.

    Parameters
    ----------
    state, charge_transfer : Solution or SteadyState, ChargeTransfer or sequence
        As for :func:`current_density`.

    Returns
    -------
    float
        [ohm m2]; i0 moves with the bias and so does this: it may be negative.

    Raises
    ------
    ModelError
        A law meets several mobile species.
    """
    if hasattr(state, "differential_resistance"):
        return float(state.differential_resistance)
    return float(_of_solution(state, charge_transfer, "differential_resistance"))


def overpotential(state: Solution | SteadyState) -> Array:
    """Return v left minus v right of every contact.

    Parameters
    ----------
    state : Solution or SteadyState
        Solution of a stack with biased contacts, or a state with current.

    Returns
    -------
    ndarray, shape (n_contacts,)
        [V]
    """
    if hasattr(state, "overpotential"):
        return np.asarray(state.overpotential)
    return _of_solution(state, None, "overpotential")


def contact_current_density(state: Solution | SteadyState, charge_transfer: Laws = None) -> Array:
    """Return the current density of every contact.

    Parameters
    ----------
    state, charge_transfer : Solution or SteadyState, ChargeTransfer or sequence
        As for :func:`current_density`.

    Returns
    -------
    ndarray, shape (n_contacts,) or (n_contacts, n_species)
        [A m-2], positive from left to right; of a state with current by species where there are several, otherwise NaN
        at contacts that pass none.

    Raises
    ------
    ModelError
        A law meets several mobile species.
    """
    if hasattr(state, "contact_current_density"):
        return np.asarray(state.contact_current_density)
    return _of_solution(state, charge_transfer, "contact_current_density")


def voltage(state: SteadyState) -> float:
    """Return the polarisation of a state with current: v of the left end minus v of the right end.

    Parameters
    ----------
    state : SteadyState
        As :func:`steady_state` returns it.

    Returns
    -------
    float
        [V]; 0 at rest.

    Raises
    ------
    ModelError
        The state is one at rest.
    """
    return float(_with_current(state).voltage)


def cell_voltage(state: SteadyState) -> float:
    """Return the voltage of a cell under current: U of the left end minus U of the right end plus the polarisation.

    Parameters
    ----------
    state : SteadyState
        As :func:`steady_state` returns it; both ends are electrodes.

    Returns
    -------
    float
        [V]

    Raises
    ------
    ModelError
        The state is one at rest.
    """
    return float(_with_current(state).cell_voltage)


def layer_voltage(state: SteadyState) -> Array:
    """Return the drop of the electrochemical potential over each layer under current.

    Parameters
    ----------
    state : SteadyState
        As :func:`steady_state` returns it.

    Returns
    -------
    ndarray, shape (n_layers,)
        [V], of the component that conducts best from end to end.

    Raises
    ------
    ModelError
        The state is one at rest.
    """
    return np.asarray(_with_current(state).layer_voltage)


def _with_current(state: SteadyState) -> SteadyState:
    if not hasattr(state, "voltage"):
        raise ModelError("a state with current is needed (steady_state)", "load")
    return state
