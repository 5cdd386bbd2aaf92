"""The Fermi-Dirac integral of the kernels and its inverse against mpmath, and against the quadrature of the bulk."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from spacecharge.defect_chemistry.fermi_dirac import fermi_difference, fermi_integral, fermi_level_of
from spacecharge.kernels.fermi import LARGEST, fermi_half, fermi_inverse, fermi_point

# Both sides of every piece, and far out.
LEVELS = (
    -600.0,
    -40.0,
    -5.0,
    -1.0,
    -1e-9,
    0.0,
    1e-9,
    0.7,
    2.0,
    2.0001,
    3.3,
    4.0,
    7.9,
    8.1,
    15.9,
    16.1,
    31.9,
    32.1,
    60.0,
)


def exact(order: float, eta: float, digits: int = 30) -> mp.mpf:
    with mp.workdps(digits):
        if eta < 5.0:
            return -mp.polylog(mp.mpf(order) + 1, -mp.exp(mp.mpf(eta))).real
        root = mp.sqrt(eta)
        ends = [0, root / 2, root - 0.3, root - 0.1, root, root + 0.1, root + 0.3, root + 1, mp.sqrt(eta + 80)]
        whole = mp.quad(lambda t: t ** (2 * mp.mpf(order) + 1) / (1 + mp.exp(t * t - eta)), ends)
        return 2 * whole / mp.gamma(mp.mpf(order) + 1)


@pytest.mark.parametrize("eta", LEVELS)
def test_integral_and_response_against_mpmath(eta: float) -> None:
    value, slope = fermi_half(eta)
    assert value == pytest.approx(float(exact(0.5, eta)), rel=4e-15)
    assert slope == pytest.approx(float(exact(-0.5, eta)), rel=2e-14)
    for order, kernel in ((0.5, value), (-0.5, slope)):
        assert float(fermi_integral(order, eta)) == pytest.approx(kernel, rel=2e-14)
    # The pressure's derivative is the density.
    assert float(fermi_integral(1.5, eta)) == pytest.approx(float(exact(1.5, eta)), rel=4e-15)


def test_pieces_join() -> None:
    for edge in (0.0, 2.0, 4.0, 8.0, 16.0, LARGEST):
        below, above = fermi_half(np.nextafter(edge, -1.0)), fermi_half(np.nextafter(edge, 100.0))
        assert above == pytest.approx(below, rel=2e-14)


@pytest.mark.parametrize("share", [1e-250, 1e-9, 1e-3, 0.1, 1.0, 7.99, 8.01, 200.0, 1e5])
def test_inverse(share: float) -> None:
    eta = fermi_inverse(share)
    assert fermi_half(eta)[0] == pytest.approx(share, rel=1e-14 * max(1.0, abs(eta)))
    assert float(fermi_level_of(share)) == pytest.approx(eta, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("eta", [-20.0, -1.0, 0.5, 6.0, 50.0])
def test_differences_do_not_cancel(eta: float) -> None:
    bulk = fermi_half(eta)[0]
    # Digits enough that the difference of two integrals 1e-14 apart keeps twenty.
    digits = 40
    base = exact(0.5, eta, digits)
    for delta in (1e-14, -1e-9, 1e-4, -0.24, 0.26, -3.0, 5.0):
        value, change, _ = fermi_point(delta, bulk, eta)
        with mp.workdps(digits):
            target = float(exact(0.5, mp.mpf(eta) + mp.mpf(delta), digits) - base)
        assert change == pytest.approx(target, rel=1e-13)
        assert value == pytest.approx(bulk + target, rel=1e-13)
        assert float(fermi_difference(eta, delta)) == pytest.approx(target, rel=1e-13)


def test_boltzmann_limit() -> None:
    """F = exp(eta) [1 - 2^(-3/2) exp(eta)] to the next order."""
    for eta in (-21.0, -30.0):
        assert fermi_half(eta)[0] == pytest.approx(np.exp(eta), rel=1e-9)
        assert 1.0 - fermi_half(eta)[0] / np.exp(eta) == pytest.approx(2.0**-1.5 * np.exp(eta), rel=1e-3, abs=3e-16)
