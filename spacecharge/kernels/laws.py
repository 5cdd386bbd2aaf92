"""The statistics laws: occupancy, its changes and its response, as functions of the distance Delta to the bulk.

All that kernels know of one law and not of another stands here (and how far its branch of rising chemical potential
reaches, in ``species``); a further law is a code in ``rows`` and a branch in these functions. With Delta = u - u_b,
u = ln[theta/(1 - theta)] on a lattice and ln theta where sites do not limit. Everything is written on expm1(-|Delta|):
theta - theta_b does not cancel near the bulk and nothing overflows far from it.
"""

from __future__ import annotations

import math

from . import layout as o
from ._jit import inlined, kernel
from .elementary import exp_nonpositive, inverse_cube_root
from .fermi import fermi_inverse, fermi_point, fermi_response
from .pool import pool_state
from .rows import DILUTE, FERMI_DIRAC, POOL

DELTA_MAX = 600.0
"""Bound of |Delta|: exp stays finite with room for products."""

# A slope of mu/kT by Delta below this counts as this: at the end of a branch it is 0, and the response without bound.
LEAST_SLOPE = 1e-9

THIRD = 1.0 / 3.0


@inlined
def lattice_point(delta, theta_b, vacancy_b):
    """Return theta, 1 - theta and theta - theta_b on a lattice at `delta`."""
    small, minus = exp_nonpositive(-abs(delta))
    above = delta > 0.0
    near = vacancy_b if above else theta_b
    far = theta_b if above else vacancy_b
    inverse = 1.0 / (far + near * small)
    theta = theta_b * (1.0 if above else small) * inverse
    vacancy = vacancy_b * (small if above else 1.0) * inverse
    change = theta_b * vacancy_b * minus * inverse
    return theta, vacancy, (-change if above else change)


@inlined
def interaction_parts(theta, vacancy, change, occ, vac, root_theta, root_vacancy):
    """Return ``(mu_int - mu_int,b)/kT`` as numerator and denominator, and ``d(mu/kT)/d Delta``.

    Differences of cube roots do not cancel. One division is left to the caller, who may have another to join it with.
    """
    a = inverse_cube_root(max(theta, 1e-300))
    b = inverse_cube_root(max(vacancy, 1e-300))
    c, d = theta * a * a, vacancy * b * b
    occupied = c * c + c * root_theta + root_theta * root_theta
    vacant = d * d + d * root_vacancy + root_vacancy * root_vacancy
    numerator = (4.0 * THIRD) * change * (occ * vacant + vac * occupied)
    slope = 1.0 + (4.0 / 9.0) * (occ * c * vacancy + vac * d * theta)
    return numerator, occupied * vacant, slope


@inlined
def interaction(theta, vacancy, change, occ, vac, root_theta, root_vacancy):
    """Return ``(mu_int - mu_int,b)/kT`` and ``d(mu/kT)/d Delta``."""
    numerator, denominator, slope = interaction_parts(theta, vacancy, change, occ, vac, root_theta, root_vacancy)
    return numerator / denominator, slope


@kernel
def point_state(delta, dilute, theta_b, vacancy_b, occ, vac, root_theta, root_vacancy):
    """Return theta, 1 - theta, theta - theta_b, d theta/d Delta, (mu_int - mu_int,b)/kT and d(mu/kT)/d Delta.

    Of every law but that of a pool. With Fermi-Dirac statistics, which knows no interaction, `root_vacancy` is eta_b.
    """
    if dilute == DILUTE:
        small, minus = exp_nonpositive(-abs(delta))
        ratio = small if delta <= 0.0 else 1.0 / small
        change = theta_b * (minus if delta <= 0.0 else -minus / small)
        theta = theta_b * ratio
        if occ == 0.0:
            return theta, 1.0, change, theta, 0.0, 1.0
        root = theta**THIRD
        potential = (4.0 * THIRD) * occ * change / (root * root + root * root_theta + root_theta * root_theta)
        return theta, 1.0, change, theta, potential, 1.0 + (4.0 / 9.0) * occ * root
    if dilute == FERMI_DIRAC:
        theta, change, response = fermi_point(delta, theta_b, root_vacancy)
        return theta, 1.0, change, response, 0.0, 1.0
    theta, vacancy, change = lattice_point(delta, theta_b, vacancy_b)
    if occ == 0.0 and vac == 0.0:
        return theta, vacancy, change, theta * vacancy, 0.0, 1.0
    potential, slope = interaction(theta, vacancy, change, occ, vac, root_theta, root_vacancy)
    return theta, vacancy, change, theta * vacancy, potential, slope


@inlined
def state_of(species, layer, s, delta):
    """Return the same for a species of a layer (columns of `species`: see `species.fill_species`).

    Of a pool, 1 - theta is the empty share of its sites.
    """
    if species[layer, s, o.P_DILUTE] >= POOL:
        theta, vacancy, change, response, _ = pool_state(species[layer], s, delta)
        return theta, vacancy, change, response, 0.0, 1.0
    return point_state(
        delta,
        int(species[layer, s, o.P_DILUTE]),
        species[layer, s, o.P_THETA],
        species[layer, s, o.P_VACANCY],
        species[layer, s, o.P_OCC],
        species[layer, s, o.P_VAC],
        species[layer, s, o.P_ROOT_THETA],
        species[layer, s, o.P_ROOT_VACANCY],
    )


@inlined
def has_vacancies(law):
    """Say whether sites limit the occupancy."""
    return law != DILUTE and law != FERMI_DIRAC


@kernel
def bulk_response(law, theta, vacancy):
    """Return d theta/du of the ideal part; of a pool, whose states move together, `pool.pool_slopes` says it."""
    if law == FERMI_DIRAC:
        return fermi_response(theta)
    return theta if law == DILUTE else theta * vacancy


@kernel
def threshold_shift(law, share, theta_b, vacancy_b):
    """Return Delta where theta is off bulk by `share` of min(theta_b, 1 - theta_b) (without sites: of theta_b).

    Of every law but that of a pool.
    """
    if law == DILUTE:
        return math.log1p(share)
    if law == FERMI_DIRAC:
        return fermi_inverse(theta_b * (1.0 + share)) - fermi_inverse(theta_b)
    change = share * min(theta_b, vacancy_b)
    return math.log1p(change / (theta_b * (vacancy_b - change)))
