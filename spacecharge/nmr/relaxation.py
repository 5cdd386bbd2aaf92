"""Relaxation rates of nuclei in a solid whose ions jump: spectral densities, rates, rigid lattice.

Angular frequencies in rad/s, correlation times in s. The dipolar constant C and the second moment M2
are in s^-2, as is the quadrupolar constant K.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import PLANCK_REDUCED, VACUUM_PERMEABILITY
from ..errors import ModelError
from .kernels import anderson_weiss_roots
from .stretched import stretched_spectral_density

BPP_MAXIMUM_WTAU = 0.6157951
"""omega tau_c at which the dipolar R1 of one nucleus is largest."""

BPP_MAXIMUM_R1 = 1.4251753
"""R1 omega / C there."""


LAWS = ("bpp", "richards", "kww")
"""Spectral densities: one correlation time, Richards, Kohlrausch-Williams-Watts."""


def spectral_density(omega: ArrayLike, tau: ArrayLike, beta: float = 2.0, law: str = "richards") -> NDArray[np.float64]:
    """Return j = tau / (1 + (omega tau)^beta), or that of a stretched exponential.

    Parameters
    ----------
    omega : array_like
        Angular frequency [rad/s].
    tau : array_like
        Correlation time [s].
    beta : float
        2 for one correlation time (BPP); 1 < beta < 2 for correlated motion in disorder (Richards),
        whose low-temperature slope is (beta - 1) Ea. Of the law ``kww`` the stretching exponent, 0.1 to 1; its
        low-temperature slope is beta Ea.
    law : {'bpp', 'richards', 'kww'}
        Spectral density; ``bpp`` and ``richards`` differ by `beta` alone.

    Returns
    -------
    ndarray
        [s].

    References
    ----------
    .. [1] N. Bloembergen, E. M. Purcell, R. V. Pound, Phys. Rev. 73, 679 (1948).
    .. [2] P. M. Richards, in Physics of Superionic Conductors, Springer (1979), p. 141.
    """
    if law not in LAWS:
        raise ModelError(f"{law!r} is no spectral density (allowed: {', '.join(LAWS)})")
    if law == "kww":
        return stretched_spectral_density(omega, tau, beta)
    t = np.asarray(tau, dtype=float)
    x = np.asarray(omega, dtype=float) * t
    return np.asarray(t / (1.0 + x**beta))


def dipolar_rates(
    tau: ArrayLike,
    *,
    larmor_rad_s: ArrayLike,
    coupling: float,
    spin_lock_rad_s: ArrayLike = 0.0,
    beta: float = 2.0,
    law: str = "richards",
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return R1, R2 and R1rho of like spins coupled by dipoles.

    Parameters
    ----------
    tau : array_like, shape (n,)
        Correlation times [s].
    larmor_rad_s : array_like, shape (n,) or scalar
        Larmor frequency [rad/s].
    coupling : float
        C = (2/5) I (I + 1) sum b^2, see :func:`dipolar_constant` [s^-2].
    spin_lock_rad_s : array_like, shape (n,) or scalar
        Frequency of the spin-lock field [rad/s].
    beta, law
        Exponent and kind of the spectral density, see :func:`spectral_density`.

    Returns
    -------
    r1, r2, r1rho : ndarray, shape (n,)
        Rates [1/s]. R1 is largest at omega tau = 0.615795 with 1.425176 C/omega.

    References
    ----------
    .. [1] A. Abragam, The Principles of Nuclear Magnetism, Oxford (1961), chapter VIII.
    .. [2] D. C. Look, I. J. Lowe, J. Chem. Phys. 44, 2995 (1966).
    """
    t, larmor = np.asarray(tau, dtype=float), np.asarray(larmor_rad_s, dtype=float)
    nutation = np.asarray(spin_lock_rad_s, dtype=float)
    # All frequencies in one call, which costs as much as one of them.
    omega = np.empty((4, *np.broadcast(t, larmor, nutation, beta).shape))
    omega[0], omega[1], omega[2], omega[3] = larmor, 2.0 * larmor, 0.0, 2.0 * nutation
    one, two, still, lock = spectral_density(omega, t, beta, law)
    rest = 5.0 * one + 2.0 * two
    return coupling * (one + 4.0 * two), 0.5 * coupling * (3.0 * still + rest), 0.5 * coupling * (3.0 * lock + rest)


def dipolar_constant(gamma_rad_per_s_T: float, spin: float, distances: ArrayLike) -> float:
    """Return C = (2/5) I (I + 1) sum b^2 with b = mu0 gamma^2 hbar / (4 pi r^3).

    Parameters
    ----------
    gamma_rad_per_s_T : float
        Gyromagnetic ratio [rad s^-1 T^-1].
    spin : float
        I [1].
    distances : array_like, shape (n_neighbours,)
        Distances to the like spins [m].

    Returns
    -------
    float
        [s^-2].

    References
    ----------
    .. [1] A. Abragam, The Principles of Nuclear Magnetism, Oxford (1961), chapter VIII.
    """
    r = np.asarray(distances, dtype=float)
    b = VACUUM_PERMEABILITY * gamma_rad_per_s_T**2 * PLANCK_REDUCED / (4.0 * math.pi * r**3)
    return 0.4 * spin * (spin + 1.0) * float(np.sum(b**2))


def quadrupolar_constant(coupling_Hz: float, asymmetry: float = 0.0, spin: float = 1.5) -> float:
    """Return K = (3 pi^2/10) (2I + 3)/(I^2 (2I - 1)) CQ^2 (1 + eta^2/3).

    Parameters
    ----------
    coupling_Hz : float
        CQ = e^2 q Q / h [Hz].
    asymmetry : float
        eta of the field gradient, 0 to 1 [1].
    spin : float
        I, at least 1 [1].

    Returns
    -------
    float
        [s^-2].

    References
    ----------
    .. [1] A. Abragam, The Principles of Nuclear Magnetism (1961), chapter VIII, eq. 137.
    """
    factor = (2.0 * spin + 3.0) / (spin**2 * (2.0 * spin - 1.0))
    return 0.3 * math.pi**2 * factor * coupling_Hz**2 * (1.0 + asymmetry**2 / 3.0)


def quadrupolar_rates(
    tau: ArrayLike, *, larmor_rad_s: ArrayLike, coupling: float, beta: float = 2.0, law: str = "richards"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two rates of the longitudinal recovery of I = 3/2.

    Parameters
    ----------
    tau : array_like, shape (n,)
        Correlation times [s].
    larmor_rad_s : array_like, shape (n,) or scalar
        Larmor frequency [rad/s].
    coupling : float
        K, see :func:`quadrupolar_constant` [s^-2].
    beta, law
        Exponent and kind of the spectral density, see :func:`spectral_density`.

    Returns
    -------
    slow_weight, fast_weight : ndarray, shape (n,)
        K j(omega), which carries 0.2 of the magnetisation, and K j(2 omega), which carries 0.8 [1/s].

    References
    ----------
    .. [1] P. S. Hubbard, J. Chem. Phys. 53, 985 (1970).
    """
    larmor = np.asarray(larmor_rad_s, dtype=float)
    return (
        coupling * spectral_density(larmor, tau, beta, law),
        coupling * spectral_density(2.0 * larmor, tau, beta, law),
    )


def anderson_weiss_t2(tau: ArrayLike, second_moment: float) -> NDArray[np.float64]:
    """Return T2 from the rigid lattice to fast motion.

    The time after which the Gaussian-Markov signal has fallen to 1/e: with x = T2/tau,
    exp(-x) - 1 + x = 1/(M2 tau^2). Rigid: sqrt(2/M2); fast: 1/(M2 tau).

    Parameters
    ----------
    tau : array_like, shape (n,)
        Correlation times [s].
    second_moment : float
        M2 [rad^2 s^-2].

    Returns
    -------
    ndarray, shape (n,)
        T2 [s].

    References
    ----------
    .. [1] P. W. Anderson, P. R. Weiss, Rev. Mod. Phys. 25, 269 (1953).
    """
    t = np.array(np.atleast_1d(tau), dtype=np.float64, order="C")
    if not second_moment > 0.0:
        raise ModelError(f"the second moment must be above 0, got {second_moment:g}")
    roots = np.empty_like(t)
    anderson_weiss_roots(1.0 / (second_moment * t**2), roots)
    return roots * t


def break_t2(
    temperature: ArrayLike, *, plateau: float, break_temperature: float, activation_temperature: float
) -> NDArray[np.float64]:
    """Return T2 as a plateau and, above the break, an Arrhenius rise.

    Parameters
    ----------
    temperature : array_like, shape (n,)
        [K].
    plateau : float
        T2 of the rigid lattice [s].
    break_temperature : float
        Where the two branches meet [K].
    activation_temperature : float
        Ea / k [K].

    Returns
    -------
    ndarray, shape (n,)
        T2 [s].
    """
    warmth = 1.0 / break_temperature - 1.0 / np.asarray(temperature, dtype=float)
    return np.asarray(plateau * np.exp(activation_temperature * np.maximum(warmth, 0.0)))


CRITERIA = {"unit-product": math.sqrt(0.5), "asymptotes": 0.5}
"""tau_c / T2 at the break: ``unit-product`` is tau sqrt(M2) = 1, the reading tau_c = T2/sqrt 2 of Cheng et
al. (Joule 2020); ``asymptotes`` is where rigid and fast limit cross, tau_c = T2/2."""


def break_correlation_time(plateau: float, criterion: str) -> float:
    """Return the correlation time at the break of T2 against temperature.

    Parameters
    ----------
    plateau : float
        T2 of the rigid lattice [s].
    criterion : {'unit-product', 'asymptotes'}
        Which reading; see :data:`CRITERIA`.

    Returns
    -------
    float
        [s].
    """
    if criterion not in CRITERIA:
        raise ModelError(f"{criterion!r} is no criterion (allowed: {', '.join(CRITERIA)})")
    return CRITERIA[criterion] * plateau
