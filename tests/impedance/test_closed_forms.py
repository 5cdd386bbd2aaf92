"""Impedances that are known in closed form (DYNAMICS 4.1 and 4.4)."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.constants import VACUUM_PERMITTIVITY

from .cases import between_plates, homogeneous, mixed_layer

HELD = {"left": {"reversible": ["electrons"]}, "right": {"reversible": ["electrons"]}}


def test_one_ion_between_plates_has_the_digits_of_the_design() -> None:
    stack, sigma, eps, _, length = homogeneous()
    frequency = np.array([0.01, 0.1, 1.0, 10.0]) * sigma / eps / (2.0 * np.pi)
    z = sc.impedance(sc.solve(stack), frequency, ends="blocking") * sigma / length
    printed = [
        0.96990438 - 2.00962405j,
        0.96053116 - 0.29530854j,
        0.48901316 - 0.50455090j,
        0.00985048 - 0.09897262j,
    ]
    assert np.abs(z - printed).max() < 6e-9


@pytest.mark.parametrize("debye_lengths", [0.3, 3.0, 1e2, 1e7])
def test_one_ion_between_plates(debye_lengths: float) -> None:
    stack, sigma, eps, debye, length = homogeneous(debye_lengths)
    frequency = np.geomspace(1e-4, 1e13, 35)
    z = sc.impedance(sc.solve(stack), frequency, ends="blocking")
    exact = between_plates(2.0 * np.pi * frequency, sigma, eps, debye, length)
    assert np.abs(z / exact - 1.0).max() < 1e-12
    # The real part is a hundred million times smaller at low frequency and right all the same.
    assert np.abs(z.real / exact.real - 1.0)[frequency < 1e6].max() < 1e-9


def test_one_ion_through_reversible_ends_is_a_resistor_beside_a_capacitor() -> None:
    stack, sigma, eps, _, length = homogeneous()
    frequency = np.geomspace(1e-4, 1e13, 18)
    z = sc.impedance(sc.solve(stack), frequency)
    assert np.abs(z * (sigma + 2j * np.pi * frequency * eps) / length - 1.0).max() < 1e-13


def jamnik_maier(w: float) -> complex:
    """Unit length, sigma_i = sigma_e and D, so R_0 = 1 and R_inf = 1/2."""
    p = np.sqrt(1j * w / 4.0)
    return complex(0.5 + 0.5 * np.tanh(p) / p)


def test_mixed_conductor_between_plates_that_block_ions() -> None:
    errors = []
    for length_nm in (1e2, 1e3, 1e4):
        stack, sigma, capacity = mixed_layer(length_nm)
        length = length_nm * 1e-9
        d = 0.5 * sigma[0] * (2.0 / capacity[0])
        frequency = 10.0 * d / length**2 / (2.0 * np.pi)
        z = complex(sc.impedance(sc.solve(stack), frequency, ends=HELD)) * sigma[0] / length
        errors.append(abs(z - jamnik_maier(10.0)))
    assert abs(jamnik_maier(10.0) - (0.79410315 - 0.20858768j)) < 6e-9
    # The layers at the plates are lambda thick: first order in lambda/L.
    assert np.log10(errors[0] / errors[1]) == pytest.approx(1.0, abs=0.02)
    assert np.log10(errors[1] / errors[2]) == pytest.approx(1.0, abs=0.02)
    assert errors[2] < 1e-5


@pytest.mark.parametrize("ratio", [1e-6, 1.0, 1e8])
def test_thick_mixed_conductor_over_all_frequencies(ratio: float) -> None:
    """0.1 mm with a Debye length of 0.1 nm: sqrt(D/w) is a length that the static mesh knows nothing of."""
    stack, sigma, capacity = mixed_layer(1e5, ratio)
    length, eps = 1e-4, 10.0 * 8.8541878188e-12
    d = sigma.prod() / sigma.sum() * (1.0 / capacity).sum()
    # Below the dielectric relaxation, whose arc the closed form leaves out.
    omega = d / length**2 * np.geomspace(1e-3, 1e5, 17)
    omega = omega[omega < 1e-6 * sigma.sum() / eps]
    z = sc.impedance(sc.solve(stack), omega / (2.0 * np.pi), ends=HELD)
    p = np.sqrt(1j * omega * length**2 / (4.0 * d))
    low, high = length / sigma[1], length / sigma.sum()
    exact = high + (low - high) * np.tanh(p) / p
    # What the closed form leaves out: a Debye length at either plate, for the slower carrier.
    debye = np.sqrt(eps / capacity.sum())
    assert np.abs(z - exact).max() < 3.0 * debye / sigma.min()
    assert np.abs(z / exact - 1.0)[omega < d / length**2 * 10.0].max() < 1e-6


def two_modes(omega: float, sigma: np.ndarray, capacity: np.ndarray, eps: float, length: float, free: int) -> complex:
    """Z of a homogeneous layer of two carriers, all held at the left end, `free` stopped at the right one.

    With w = v - phi and s = sigma_t + i w eps: K w'' = i w C w, K = diag(sigma) - sigma sigma^T/s; w = 0 where held,
    K w' = sigma/s where stopped. Both eigenmodes of K^-1 C are written as decays from the two ends.
    """
    displacement = 1j * omega * eps
    s = sigma.sum() + displacement
    stiff = -np.outer(sigma, sigma) / s
    np.fill_diagonal(stiff, sigma * (displacement + sigma[::-1]) / s)
    squares, modes = np.linalg.eig(np.linalg.solve(stiff, np.diag(1j * omega * capacity)))
    q = np.sqrt(squares)
    gone = np.exp(-q * length)
    matrix, load = np.zeros((4, 4), dtype=complex), np.zeros(4, dtype=complex)
    matrix[:2] = np.hstack([modes, modes * gone])
    at_right = np.hstack([modes * gone, modes])
    matrix[2:] = at_right
    matrix[2 + free] = (stiff @ np.hstack([-modes * q * gone, modes * q]))[free]
    load[2 + free] = sigma[free] / s
    return complex((length + sigma @ (at_right @ np.linalg.solve(matrix, load))) / s)


@pytest.mark.parametrize("free", [0, 1])
@pytest.mark.parametrize("ratio", [3e-3, 2e2])
def test_two_carriers_of_which_one_end_stops_one(ratio: float, free: int) -> None:
    """Two diffusion layers of different width at the end: a part in 1e10 of Z at high frequency, with its digits.

    Rounding of the closed form leaves 5e-11 at low frequency.
    """
    stack, sigma, capacity = mixed_layer(40.0, ratio)
    eps = 10.0 * VACUUM_PERMITTIVITY
    frequency = np.geomspace(1e-4, 1e13, 35)
    held = {"left": "reversible", "right": {"reversible": ["electrons" if free == 0 else "Li"]}}
    z = sc.impedance(sc.solve(stack), frequency, ends=held)
    exact = np.array([two_modes(2.0 * np.pi * f, sigma, capacity, eps, 40e-9, free) for f in frequency])
    assert np.abs(z / exact - 1.0).max() < 1e-9


@pytest.mark.parametrize("ends", ["reversible", "blocking", HELD])
def test_two_components_of_equal_kind_are_one(ends: object) -> None:
    """Half the sites in each of two components that share everything conduct as one component does."""
    law = {"occupancy": 0.4, "diffusivity_m2_per_s": 1e-13}
    whole = sc.Layer(name="a", thickness_nm=20.0, potential_V=3.0, permittivity=15.0, site_density_per_nm3=10.0, **law)
    halves = sc.Layer(
        name="a",
        thickness_nm=20.0,
        potential_V=3.0,
        permittivity=15.0,
        species={name: {"site_density_per_nm3": 5.0, **law} for name in ("ions", "electrons")},
    )
    frequency = np.geomspace(1e-4, 1e13, 18)
    if ends == HELD:
        # Held by one of the two only, the other follows through phi alone: no closed form, but a passive one.
        z = sc.impedance(sc.solve(sc.Stack([halves])), frequency, ends=HELD)
        assert z.real.min() > 0.0
        return
    one = sc.impedance(sc.solve(sc.Stack([whole])), frequency, ends=ends)
    two = sc.impedance(sc.solve(sc.Stack([halves])), frequency, ends=ends)
    # At 1e13 Hz the two move against each other ten million times less than both against phi.
    assert np.abs(two / one - 1.0).max() < 1e-9
