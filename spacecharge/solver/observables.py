"""Observables: names, dimensions and units as in the result file, and one plain function for each.

Arrays over contacts have shape (n_contacts, 2): contacts left to right (an end with a fixed potential or charge is
one), then the layer left and right of it; what a side does not have is NaN. With several species an axis
(n_species) follows. Every definition is that of the design of the package and is tested against an independent route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .solution import Solution

Array = NDArray[np.float64]


def _value(solution: Solution, name: str) -> Array:
    values: Any = solution.scalars[name]
    return np.asarray(values)


def contact_potential(solution: Solution) -> Array:
    """Return the electrostatic potential at each contact.

    Phi(contact) against the neutral bulk of the last layer.

    Returns
    -------
    ndarray, shape (n_contacts, 2)
        [V]

    Notes
    -----
    The two sides differ by the dipole of the contact only.
    """
    return _value(solution, "contact_potential")


def contact_field(solution: Solution) -> Array:
    """Return the electric field -dphi/dx at each contact.

    Returns
    -------
    ndarray, shape (n_contacts, 2)
        [V m-1]

    Notes
    -----
    From Gauss's law over the discrete charge, hence consistent with `charge` to rounding.
    """
    return _value(solution, "contact_field")


def space_charge_potential(solution: Solution) -> Array:
    """Return phi(contact) minus phi of the neutral bulk of the layer on that side.

    Returns
    -------
    ndarray, shape (n_contacts, 2)
        [V]

    Notes
    -----
    Positive where the contact repels Li+ from the layer: the layer is depleted there.
    """
    return _value(solution, "space_charge_potential")


def contact_occupancy(solution: Solution) -> Array:
    """Return the occupancy theta at each contact.

    Returns
    -------
    ndarray, shape (n_contacts, 2[, n_species])
        [1]
    """
    return _value(solution, "contact_occupancy")


def contact_vacancy(solution: Solution) -> Array:
    """Return the vacancy fraction 1 - theta at each contact.

    Carried separately (no cancellation); NaN for dilute species.

    Returns
    -------
    ndarray, shape (n_contacts, 2[, n_species])
        [1]
    """
    return _value(solution, "contact_vacancy")


def space_charge_width(solution: Solution) -> Array:
    """Return how far the space-charge region reaches into the layer.

    Returns
    -------
    ndarray, shape (n_contacts, 2[, n_species])
        [m]

    Notes
    -----
    Distance from the contact to where theta first comes within `width_fraction` (default 1 %) of min(theta_b, 1
    - theta_b) of the bulk, found on the element polynomials, not snapped to a node; the whole layer where it
    never does.
    """
    return _value(solution, "space_charge_width")


def resistance(solution: Solution) -> Array:
    """Return the resistance of the space-charge region, int dx/sigma over its width.

    Returns
    -------
    ndarray, shape (n_contacts, 2)
        [ohm m2]

    Notes
    -----
    With several species the widest region of those that conduct counts, sigma is their sum. NaN without a
    diffusivity.
    """
    return _value(solution, "resistance")


def charge(solution: Solution) -> Array:
    """Return the areal charge of each layer, int rho dx.

    Returns
    -------
    ndarray, shape (n_layers,)
        [C m-2]
    """
    return _value(solution, "charge")


def debye_length(solution: Solution) -> Array:
    """Return sqrt(eps0 eps / (-d rho/d phi)) of the neutral bulk of each layer.

    Returns
    -------
    ndarray, shape (n_layers,)
        [m]
    """
    return _value(solution, "debye_length")


def layer_resistance(solution: Solution) -> Array:
    """Return int dx/sigma over the whole of each layer.

    Returns
    -------
    ndarray, shape (n_layers,)
        [ohm m2]

    Notes
    -----
    sigma = (z e)^2 N theta D(theta)/kT (Nernst-Einstein), D = D_b or D_b (1 - theta)/(1 - theta_b). NaN without
    a diffusivity.
    """
    return _value(solution, "layer_resistance")


def excess_resistance(solution: Solution) -> Array:
    """Return int (1/sigma - 1/sigma_b) dx over each layer, formed from theta - theta_b.

    Returns
    -------
    ndarray, shape (n_layers,)
        [ohm m2]
    """
    return _value(solution, "excess_resistance")


def interface_resistance(solution: Solution) -> Array:
    """Return the resistance of all space-charge regions of the layers asked for.

    Returns
    -------
    ndarray, shape ()
        [ohm m2]

    Notes
    -----
    Layers: `resistance_of` of the solve, by default all with a diffusivity. Where the two regions of a thin
    layer overlap their union counts once.
    """
    return _value(solution, "interface_resistance")


def static_capacitance(solution: Solution) -> Array:
    """Return q/(U - U_0) of each contact: charge to its left over the bias from the neutral bias U_0.

    Returns
    -------
    ndarray, shape (n_contacts,)
        [F m-2]

    Notes
    -----
    The bias acts between all that lies left and all that lies right, at fixed bulk occupancies; at U = U_0 the
    differential capacitance, its limit.
    """
    return _value(solution, "static_capacitance")


def differential_capacitance(solution: Solution) -> Array:
    """Return dq/dU of each contact by implicit differentiation of the discrete equations.

    Returns
    -------
    ndarray, shape (n_contacts,)
        [F m-2]

    Notes
    -----
    The two chains of elements left and right of the contact are eliminated exactly and stand in series.
    """
    return _value(solution, "differential_capacitance")


def characteristic_frequency(solution: Solution) -> Array:
    """Return 1/(2 pi R C) of each contact.

    Returns
    -------
    ndarray, shape (n_contacts,)
        [Hz]

    Notes
    -----
    R: the regions on both sides in the layers asked for; C: the differential capacitance. NaN where R is 0 or
    unknown.
    """
    return _value(solution, "characteristic_frequency")


def potential_error_estimate(solution: Solution) -> Array:
    """Return the estimated error of the contact potentials.

    Returns
    -------
    ndarray, shape ()
        [V]
    """
    return _value(solution, "potential_error_estimate")


def resistance_error_estimate(solution: Solution) -> Array:
    """Return the estimated relative error of the region resistances, against max(R, debye/sigma_b).

    Returns
    -------
    ndarray, shape ()
        [1]
    """
    return _value(solution, "resistance_error_estimate")


def charge_balance(solution: Solution) -> Array:
    """Return the total charge of the stack, its contacts and ends: zero to rounding.

    Returns
    -------
    ndarray, shape ()
        [C m-2]
    """
    return _value(solution, "charge_balance")


def validity(solution: Solution) -> Array:
    """Return the flags of strained continuum: 1 Debye length below 0.2 nm.

    2 field above 1 V/nm, 4 a layer too thin to reach its bulk.

    Returns
    -------
    ndarray, shape ()
        [1]
    """
    return _value(solution, "validity")


def status(solution: Solution) -> Array:
    """Return the status of the solve (see `spacecharge.codes.Status`).

    Returns
    -------
    ndarray, shape ()
        [1]
    """
    return _value(solution, "status")


def iterations(solution: Solution) -> Array:
    """Return the number of Newton iterations over all meshes.

    Returns
    -------
    ndarray, shape ()
        [1]
    """
    return _value(solution, "iterations")
