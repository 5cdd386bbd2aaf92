"""Closed forms of space-charge theory, each with its source; permittivities here are relative [1].

Potentials ``v`` are against the neutral bulk; reduced potentials are ``e v/kT``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY

Array = NDArray[np.float64]


def thermal_voltage(temperature: float) -> float:
    """Return kT/e.

    Parameters
    ----------
    temperature : float
        [K]

    Returns
    -------
    float
        [V]
    """
    return BOLTZMANN * temperature / ELEMENTARY_CHARGE


def lattice_debye_length(
    permittivity: float,
    temperature: float,
    site_density: float,
    occupancy: float,
    *,
    charge_number: float = 1.0,
    interaction_occupied: float = 0.0,
    interaction_vacancy: float = 0.0,
) -> float:
    """Return the Debye length of one lattice species on a fixed background.

    ``sqrt(eps0 eps (d mu/d theta)/(z^2 e^2 N))``, with ``d mu/d theta = kT/[theta (1-theta)] + (4/9)[J_occ
    theta^(-2/3) + J_vac n^(-2/3)]``, n = 1 - theta; without interaction
    ``sqrt(eps0 eps kT/[z^2 e^2 N theta n])``.

    Parameters
    ----------
    permittivity, temperature : float
        Relative [1], [K].
    site_density : float
        Sites per volume [m^-3].
    occupancy : float
        Bulk occupancy [1].
    charge_number : float
        z [1].
    interaction_occupied, interaction_vacancy : float
        J_occ, J_vac [J].

    Returns
    -------
    float
        Debye length [m].

    References
    ----------
    .. [1] P. Debye and E. Hueckel, Phys. Z. 24, 185 (1923) (the dilute limit).
    """
    holes = 1.0 - occupancy
    slope = BOLTZMANN * temperature / (occupancy * holes)
    slope += (4.0 / 9.0) * (interaction_occupied * occupancy ** (-2 / 3) + interaction_vacancy * holes ** (-2 / 3))
    square = VACUUM_PERMITTIVITY * permittivity * slope / (charge_number * ELEMENTARY_CHARGE) ** 2
    return math.sqrt(square / site_density)


def debye_hueckel_potential(distance: ArrayLike, contact_potential: float, debye_length: float) -> Array:
    """Return the linear profile ``v_0 exp(-x/lambda)``.

    Parameters
    ----------
    distance : array_like, shape (n_x,)
        Distance from the contact [m].
    contact_potential : float
        Potential at the contact against bulk [V].
    debye_length : float
        [m]

    Returns
    -------
    ndarray, shape (n_x,)
        Potential against bulk [V]; valid for potentials well below kT/e.

    References
    ----------
    .. [1] P. Debye and E. Hueckel, Phys. Z. 24, 185 (1923).
    """
    return np.asarray(contact_potential * np.exp(-np.asarray(distance, dtype=float) / debye_length))


def small_signal_capacitance(permittivity: float, debye_length: float) -> float:
    """Return ``eps0 eps/lambda``, the capacitance of one side at vanishing potential [F m-2].

    Parameters
    ----------
    permittivity : float
        Relative permittivity [1].
    debye_length : float
        [m]

    Returns
    -------
    float
        [F m-2]
    """
    return VACUUM_PERMITTIVITY * permittivity / debye_length


def gouy_chapman_debye_length(
    permittivity: float, temperature: float, number_density: float, charge_number: float = 1.0
) -> float:
    """Return ``sqrt(eps0 eps kT/(2 z^2 e^2 c))`` of a symmetric dilute pair of density c each [m].

    Parameters
    ----------
    permittivity, temperature : float
        Relative [1], [K].
    number_density : float
        Bulk density of each of the two species [m^-3].
    charge_number : float
        z of the positive species [1].

    Returns
    -------
    float
        Debye length [m]; that of one species on a fixed background is sqrt(2) larger.

    References
    ----------
    .. [1] P. Debye and E. Hueckel, Phys. Z. 24, 185 (1923).
    """
    square = VACUUM_PERMITTIVITY * permittivity * BOLTZMANN * temperature / (2.0 * number_density)
    return math.sqrt(square) / (abs(charge_number) * ELEMENTARY_CHARGE)


def gouy_chapman_potential(
    distance: ArrayLike,
    contact_potential: float,
    debye_length: float,
    temperature: float,
    charge_number: float = 1.0,
) -> Array:
    """Return the Gouy-Chapman profile ``(4kT/ze) artanh[tanh(z e v_0/4kT) exp(-x/lambda)]``.

    Parameters
    ----------
    distance : array_like, shape (n_x,)
        Distance from the contact [m].
    contact_potential : float
        Potential at the contact against bulk [V].
    debye_length, temperature : float
        Of :func:`gouy_chapman_debye_length` [m], [K].
    charge_number : float
        z of the symmetric pair [1].

    Returns
    -------
    ndarray, shape (n_x,)
        Potential against bulk [V].

    References
    ----------
    .. [1] G. Gouy, J. Phys. Theor. Appl. 9, 457 (1910). DOI 10.1051/jphystap:019100090045700.
    .. [2] D. L. Chapman, Philos. Mag. 25, 475 (1913).
    """
    unit = 4.0 * thermal_voltage(temperature) / charge_number
    decay = np.exp(-np.asarray(distance, dtype=float) / debye_length)
    return np.asarray(unit * np.arctanh(math.tanh(contact_potential / unit) * decay))


def grahame_charge(
    contact_potential: float,
    permittivity: float,
    temperature: float,
    number_density: float,
    charge_number: float = 1.0,
) -> float:
    """Return the areal charge of a Gouy-Chapman layer, ``-sqrt(8 eps0 eps kT c) sinh(z e v_0/2kT)``.

    Parameters
    ----------
    contact_potential : float
        Potential at the contact against bulk [V].
    permittivity, temperature : float
        Relative [1], [K].
    number_density : float
        Bulk density of each species [m^-3].
    charge_number : float
        z of the symmetric pair [1].

    Returns
    -------
    float
        Charge of the layer (not of the wall) [C m-2].

    References
    ----------
    .. [1] D. C. Grahame, Chem. Rev. 41, 441 (1947).
    """
    scale = 8.0 * VACUUM_PERMITTIVITY * permittivity * BOLTZMANN * temperature * number_density
    half = abs(charge_number) * contact_potential / (2.0 * thermal_voltage(temperature))
    return -math.sqrt(scale) * math.sinh(half)


def gouy_chapman_excess(enrichment: float, debye_length: float, conductivity: float) -> tuple[float, float]:
    """Return excess conductance along, and excess resistance across, a Gouy-Chapman layer.

    With zeta the enrichment of the conducting species at the contact and
    ``th = (sqrt(zeta) - 1)/(sqrt(zeta) + 1)``: conductance ``4 sigma lambda th/(1 - th)``, resistance
    ``-(4 lambda/sigma) th/(1 + th)``.

    Parameters
    ----------
    enrichment : float
        Contact density over bulk density; below 1 for depletion [1].
    debye_length : float
        [m]
    conductivity : float
        Bulk conductivity of the species [S/m].

    Returns
    -------
    conductance, resistance : float
        [S] (per square), [ohm m2].

    References
    ----------
    .. [1] S. Kim, J. Fleig and J. Maier, Phys. Chem. Chem. Phys. 5, 2268 (2003). DOI 10.1039/b300170a.
    """
    theta = (math.sqrt(enrichment) - 1.0) / (math.sqrt(enrichment) + 1.0)
    conductance = 4.0 * conductivity * debye_length * theta / (1.0 - theta)
    return conductance, -4.0 * debye_length / conductivity * theta / (1.0 + theta)


def mott_schottky_width(
    contact_potential: float, permittivity: float, number_density: float, charge_number: float = 1.0
) -> float:
    """Return the depletion width ``sqrt(2 eps0 eps |v_0|/(z e c))`` [m].

    Parameters
    ----------
    contact_potential : float
        Potential at the contact against bulk [V].
    permittivity : float
        Relative permittivity [1].
    number_density : float
        Density of the frozen background, which is the bulk density of the depleted species [m^-3].
    charge_number : float
        z [1].

    Returns
    -------
    float
        Width [m].

    References
    ----------
    .. [1] S. Kim, J. Fleig and J. Maier, Phys. Chem. Chem. Phys. 5, 2268 (2003). DOI 10.1039/b300170a.
    """
    charge = abs(charge_number) * ELEMENTARY_CHARGE * number_density
    return math.sqrt(2.0 * VACUUM_PERMITTIVITY * permittivity * abs(contact_potential) / charge)


def mott_schottky_resistance(reduced_potential: ArrayLike, *, approximate: bool = False) -> Array:
    """Return the resistance of a depletion layer over that of bulk material of its width.

    Exact integral of ``exp(u (1 - x/w)^2)``: ``exp(u) Dawson(sqrt u)/sqrt u``; for large u ``exp(u)/(2u)``.

    Parameters
    ----------
    reduced_potential : array_like
        u = z e v_0/kT, positive [1].
    approximate : bool
        Return the leading term for large u.

    Returns
    -------
    ndarray
        R/(rho_b w) [1].

    References
    ----------
    .. [1] S. Kim, J. Fleig and J. Maier, Phys. Chem. Chem. Phys. 5, 2268 (2003). DOI 10.1039/b300170a
       (the leading term).
    """
    from scipy.special import dawsn

    u = np.asarray(reduced_potential, dtype=float)
    if approximate:
        return np.asarray(np.exp(u) / (2.0 * u))
    root = np.sqrt(u)
    return np.asarray(np.exp(u) * np.where(u > 0.0, dawsn(root) / np.where(u > 0.0, root, 1.0), 1.0))


def kornyshev_capacitance(reduced_potential: ArrayLike, packing: float) -> Array:
    """Return C/C_0 of the two-ion lattice gas whose ions share their sites.

    ``cosh(u/2)/[1 + 2 g sinh^2(u/2)] sqrt{2 g sinh^2(u/2)/ln[1 + 2 g sinh^2(u/2)]}`` with u = e v_0/kT
    and g the share of filled sites in the bulk. At g = 1 no site is empty, and the curve is that of one
    lattice species with z = 2 at half filling (:func:`lattice_capacitance` at 2u).

    Parameters
    ----------
    reduced_potential : array_like
        u [1].
    packing : float
        g, above 0 and up to 1 [1].

    Returns
    -------
    ndarray
        Capacitance over its value eps0 eps/lambda at u = 0 [1].

    References
    ----------
    .. [1] J. J. Bikerman, Philos. Mag. 33, 384 (1942).
    .. [2] A. A. Kornyshev, J. Phys. Chem. B 111, 5545 (2007). DOI 10.1021/jp067857o.
    """
    half = np.abs(np.asarray(reduced_potential, dtype=float)) / 2.0
    # In logarithms, so that nothing overflows: s = 2 g sinh^2(u/2).
    flat = half == 0.0
    sinh = np.where(flat, 0.0, half + np.log(-np.expm1(-2.0 * np.where(flat, 1.0, half)))) - math.log(2.0)
    log_cosh = half + np.log1p(np.exp(-2.0 * half)) - math.log(2.0)
    log_s = math.log(2.0 * packing) + 2.0 * sinh
    log_all = np.logaddexp(0.0, log_s)
    return np.asarray(np.where(flat, 1.0, np.exp(log_cosh - log_all + 0.5 * (log_s - np.log(log_all)))))


def lattice_capacitance(reduced_potential: ArrayLike, occupancy: float) -> Array:
    """Return C/C_0 of one lattice species on its fixed background.

    ``|theta - theta_b|/sqrt(2 w)/sqrt(theta_b n_b)`` with ``w = ln(n_b + theta_b e^-psi) + theta_b psi``,
    ``psi = z e v_0/kT`` and n = 1 - theta.

    Parameters
    ----------
    reduced_potential : array_like
        psi [1].
    occupancy : float
        theta_b [1].

    Returns
    -------
    ndarray
        Capacitance over its value eps0 eps/lambda at psi = 0 [1].

    References
    ----------
    .. [1] M. S. Kilic, M. Z. Bazant and A. Ajdari, Phys. Rev. E 75, 021502 (2007).
       DOI 10.1103/PhysRevE.75.021502 (the same integral for a salt).
    """
    psi = np.asarray(reduced_potential, dtype=float)
    holes = 1.0 - occupancy
    growth = np.expm1(np.minimum(-psi, 700.0))
    work = np.log1p(occupancy * growth) + occupancy * psi
    change = occupancy * holes * np.abs(growth) / (1.0 + occupancy * growth)
    # The two terms of the work cancel near psi = 0; there the curve is its tangent.
    flat = np.abs(psi) < 1e-6
    exact = change / np.sqrt(2.0 * np.where(flat, 1.0, work) * occupancy * holes)
    return np.asarray(np.where(flat, 1.0 + psi * (2.0 * occupancy - 1.0) / 3.0, exact))


def poisson_fermi_dirac(
    wall_potential: float,
    site_density: float,
    formation_energy: float,
    permittivity: float,
    temperature: float = 300.0,
    site_share: float = 0.1,
) -> tuple[float, float]:
    """Return charge and static capacitance of the Poisson-Fermi-Dirac layer of Swift, Swift and Qi.

    Vacancies and interstitials, each saturating at `site_share` of the sites: with f = -e (phi - phi_cn)/kT
    and B = site_share exp(E_f/kT), ``f'^2 = (2/lambda^2){ln[(e^f + B)/(1 + B)] + ln[(e^-f + B)/(1 + B)]}``,
    ``lambda^2 = eps0 eps kT/(e^2 site_share N)``. In the words of this package: two lattice species, z = +1
    and -1, on `site_share` N sites each, both with bulk occupancy 1/(1 + B).

    Parameters
    ----------
    wall_potential : float
        Potential at the wall minus the charge-neutral level [V].
    site_density : float
        N [m^-3].
    formation_energy : float
        E_f of both defects at the charge-neutral level [J].
    permittivity, temperature, site_share : float
        Relative [1], [K], alpha [1].

    Returns
    -------
    charge, capacitance : float
        Charge of the layer [C m-2], and its size over the wall potential [F m-2].

    References
    ----------
    .. [1] M. W. Swift, J. W. Swift and Y. Qi, Nat. Comput. Sci. (2021).
       DOI 10.1038/s43588-021-00041-y.
    """
    volt = thermal_voltage(temperature)
    f = wall_potential / volt
    log_b = math.log(site_share) + formation_energy / (BOLTZMANN * temperature)
    log_bulk = np.logaddexp(0.0, log_b)
    work = float(np.logaddexp(f, log_b) + np.logaddexp(-f, log_b) - 2.0 * log_bulk)
    square = VACUUM_PERMITTIVITY * permittivity * BOLTZMANN * temperature / (site_share * site_density)
    length = math.sqrt(square) / ELEMENTARY_CHARGE
    charge = VACUUM_PERMITTIVITY * permittivity * volt / length * math.sqrt(2.0 * max(work, 0.0))
    return -math.copysign(charge, wall_potential), charge / abs(wall_potential)
