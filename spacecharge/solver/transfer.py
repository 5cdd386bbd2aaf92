"""Observables of charge transfer: what a law and the occupancies at a contact give, for one solution or many points.

The law itself, its derivation and its sources are in :mod:`spacecharge.model.charge_transfer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN_EV, ELEMENTARY_CHARGE
from ..model import StackParameters
from ..model.charge_transfer import ChargeTransfer, jumps_are_defined, occupancy_factor, resistance_of_exchange

if TYPE_CHECKING:
    from .solution import Solution

Array = NDArray[np.float64]


def transfer_scalars(
    laws: Sequence[ChargeTransfer | None], parameters: StackParameters, scalars: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the observables of charge transfer of solved points.

    Parameters
    ----------
    laws : sequence of ChargeTransfer or None
        One per inner contact.
    parameters : StackParameters
        The points.
    scalars : mapping
        Their solved observables.

    Returns
    -------
    dict
        ``exchange_current_density`` (n_points, n_contacts) [A m-2], ``charge_transfer_resistance`` (n_points,
        n_contacts) [ohm m2], NaN at a contact without a law; ``total_resistance`` (n_points,) [ohm m2].

    Raises
    ------
    ModelError
        The stack has more than one mobile species.
    """
    p = parameters
    jumps_are_defined(p, [i for i, law in enumerate(laws) if law is not None])
    theta, vacancy = scalars["contact_occupancy"], scalars["contact_vacancy"]
    current = np.full(theta.shape[:2], np.nan)
    resistance = current.copy()
    first = int(p.end_contacts[0])
    for i, law in enumerate(laws):
        if law is None:
            continue
        c, z = first + i, np.abs(p.charge_number[:, i, 0])
        factor = occupancy_factor(
            theta[:, c, 0], vacancy[:, c, 0], theta[:, c, 1], vacancy[:, c, 1], law.symmetry_factor
        )
        current[:, c] = ELEMENTARY_CHARGE * z * law.rate_at(p.temperature) * factor
        resistance[:, c] = resistance_of_exchange(current[:, c], p.temperature, z)
    return with_total(laws, p, scalars, {"exchange_current_density": current, "charge_transfer_resistance": resistance})


def with_total(
    laws: Sequence[ChargeTransfer | None],
    parameters: StackParameters,
    scalars: Mapping[str, Array],
    passing: Mapping[str, Array],
) -> dict[str, Array]:
    """Return exchange currents and resistances of the contacts with the ``total_resistance`` that follows from them."""
    extra, first = np.zeros(parameters.n_points), int(parameters.end_contacts[0])
    for i, law in enumerate(laws):
        if law is not None:
            extra += passing["charge_transfer_resistance"][:, first + i]
            extra += np.asarray(law.grain_boundary_resistance, dtype=float)
    return {**passing, "total_resistance": scalars["interface_resistance"] + extra}


def local_activation_energy(
    laws: Sequence[ChargeTransfer | None],
    parameters: StackParameters,
    scalars: Mapping[str, Array],
    slopes: Mapping[str, Array],
) -> Array:
    """Return k T^2 d(ln i0)/dT of every point, the slope of its Arrhenius plot there.

    Parameters
    ----------
    laws, parameters, scalars
        As :func:`transfer_scalars` takes them.
    slopes : mapping
        Derivatives of ``contact_occupancy`` and ``contact_vacancy`` by the temperature [K-1].

    Returns
    -------
    ndarray, shape (n_points, n_contacts)
        [eV]; Ea0 where there is no space-charge layer.
    """
    p = parameters
    jumps_are_defined(p, [i for i, law in enumerate(laws) if law is not None])
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = slopes["contact_occupancy"] / scalars["contact_occupancy"]
        vacancy = slopes["contact_vacancy"] / scalars["contact_vacancy"]
    energy = np.full(theta.shape[:2], np.nan)
    first = int(p.end_contacts[0])
    for i, law in enumerate(laws):
        if law is not None:
            c, alpha = first + i, np.asarray(law.symmetry_factor, dtype=float)
            change = (1.0 - alpha) * (theta[:, c, 0] + vacancy[:, c, 1]) + alpha * (theta[:, c, 1] + vacancy[:, c, 0])
            barrier = np.asarray(law.activation_energy_eV, dtype=float)
            energy[:, c] = barrier + BOLTZMANN_EV * p.temperature**2 * change
    return energy


def _of_solution(solution: Solution, laws: ChargeTransfer | Sequence[ChargeTransfer | None], name: str) -> Array:
    each = [laws] if isinstance(laws, ChargeTransfer) else laws
    scalars = {key: np.asarray(value)[None] for key, value in solution.scalars.items()}
    return np.asarray(transfer_scalars(each, solution.parameters, scalars)[name][0])


def exchange_current_density(solution: Solution, laws: ChargeTransfer | Sequence[ChargeTransfer | None]) -> Array:
    """Return i0 = |z| e k0(T) [theta_e (1 - theta_s)]^(1 - alpha) [theta_s (1 - theta_e)]^alpha of each contact.

    Parameters
    ----------
    solution : Solution
        The space-charge layers.
    laws : ChargeTransfer or sequence
        Law of the first inner contact, or one (or None) per inner contact.

    Returns
    -------
    ndarray, shape (n_contacts,)
        Exchange current density [A m-2]; NaN without a law.

    Raises
    ------
    ModelError
        The stack has more than one mobile species.

    References
    ----------
    .. [1] M. Z. Bazant, Acc. Chem. Res. 46, 1144 (2013): `spacecharge.model.charge_transfer` derives this form.
    """
    return _of_solution(solution, laws, "exchange_current_density")


def charge_transfer_resistance(solution: Solution, laws: ChargeTransfer | Sequence[ChargeTransfer | None]) -> Array:
    """Return R_ct = kT/(|z| e i0) of each contact.

    The resistance of the jumps alone, at small voltages; the space-charge layers are not in it.

    Parameters
    ----------
    solution : Solution
        The space-charge layers, which set the occupancies at the contact.
    laws : ChargeTransfer or sequence
        Law of the first inner contact, or one (or None) per inner contact.

    Returns
    -------
    ndarray, shape (n_contacts,)
        Charge-transfer resistance [ohm m2]; NaN without a law.

    Raises
    ------
    ModelError
        The stack has more than one mobile species.

    References
    ----------
    .. [1] G. Horvai, Electroanalysis 3, 673 (1991): R = RT/(F i0).
    """
    return _of_solution(solution, laws, "charge_transfer_resistance")


def total_resistance(solution: Solution, laws: ChargeTransfer | Sequence[ChargeTransfer | None]) -> float:
    """Return charge transfer, interface resistance and added resistances in series.

    The sum of `charge_transfer_resistance` over the contacts that have a law, of their
    `grain_boundary_resistance`, and of `interface_resistance` over the layers that the solution counts.

    Parameters
    ----------
    solution : Solution
        The space-charge layers.
    laws : ChargeTransfer or sequence
        Law of the first inner contact, or one (or None) per inner contact.

    Returns
    -------
    float
        Total resistance [ohm m2]; NaN where no layer has a diffusivity: the space-charge part is then unknown.

    Raises
    ------
    ModelError
        The stack has more than one mobile species.
    """
    return float(_of_solution(solution, laws, "total_resistance"))


__all__ = [
    "charge_transfer_resistance",
    "exchange_current_density",
    "local_activation_energy",
    "total_resistance",
    "with_total",
    "transfer_scalars",
]
