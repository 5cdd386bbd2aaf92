"""N-site kinetics against the matrix exponential in extended precision."""

import mpmath
import numpy as np
import pytest

from spacecharge.errors import ModelError
from spacecharge.nmr.kinetics import kinetic_intensities, rate_matrix


def exact(matrix, rates, m0, t):
    with mpmath.workdps(40):
        generator = mpmath.matrix((matrix - np.diag(rates)).tolist()) * t
        return np.array((mpmath.expm(generator) * mpmath.diag(list(m0))).tolist(), dtype=float)


def three_sites():
    rates = np.array([[0.0, 40.0, 0.3], [40.0, 0.0, 2.0], [0.3, 2.0, 0.0]])
    return rate_matrix(rates, [1.0, 0.2, 3.0])


def test_rate_matrix_keeps_equilibrium():
    k, p = three_sites(), np.array([1.0, 0.2, 3.0])
    assert k.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-14)
    assert k @ p == pytest.approx(np.zeros(3), abs=1e-13)
    assert k[0, 1] + k[1, 0] == pytest.approx(40.0, rel=1e-6, abs=0)


@pytest.mark.parametrize("t", [1e-6, 0.02, 1.0])
def test_reversible_exchange_equals_expm(t):
    k, m0, rates = three_sites(), np.array([1.0, 0.2, 3.0]), np.array([1.0, 30.0, 0.1])
    got = kinetic_intensities(k, rates, m0, [t])[0]
    # Small off-diagonal entries at short times keep their relative accuracy to rounding over their size.
    assert got == pytest.approx(exact(k, rates, m0, t), rel=1e-8, abs=0)


@pytest.mark.parametrize("driven", [0.0, 0.1])
def test_each_time_has_its_own_matrix(driven):
    """Several matrices at once, reversible and not, with relaxation and magnetisation of their own."""
    rates = np.array([[1.0, 30.0, 0.1], [2.0, 0.0, 0.5]])
    m0 = np.array([[1.0, 0.2, 3.0], [2.0, 0.4, 0.7]])
    between = np.array([[0.0, 40.0, 0.3], [40.0, 0.0, 2.0], [0.3, 2.0, 0.0]]) * np.array([1.0, 0.2])[:, None, None]
    k = rate_matrix(between, m0)
    k[1, 0, 1] += driven
    k[1, 1, 1] -= driven
    times, which = [0.02, 1.0, 0.3, 0.05], [1, 0, 1, 0]
    got = kinetic_intensities(k, rates, m0, times, which)
    for intensities, t, one in zip(got, times, which, strict=True):
        assert intensities == pytest.approx(exact(k[one], rates[one], m0[one], t), rel=1e-8, abs=0)


def test_driven_cycle_equals_expm():
    k = np.array([[-3.0, 0.5, 4.0], [3.0, -5.5, 0.1], [0.0, 5.0, -4.1]])
    m0, rates = np.array([0.9, 0.6, 0.7]), np.array([0.2, 0.1, 0.0])
    got = kinetic_intensities(k, rates, m0, [0.3, 2.0])
    assert got[1] == pytest.approx(exact(k, rates, m0, 2.0), rel=1e-10, abs=0)


def test_symmetric_and_general_route_agree():
    k, m0 = three_sites(), np.array([1.0, 0.2, 3.0])
    t = np.geomspace(1e-3, 3.0, 9)
    fast = kinetic_intensities(k, [1.0, 2.0, 3.0], m0, t)
    # One part in 1e10 off detailed balance goes through expm.
    tilted = k.copy()
    tilted[0, 1] *= 1 + 1e-10
    tilted[1, 1] -= tilted[:, 1].sum()
    assert kinetic_intensities(tilted, [1.0, 2.0, 3.0], m0, t) == pytest.approx(fast, rel=1e-7, abs=0)


def test_exact_degeneracy_does_not_break_two_sites():
    # The usual two-site closed form divides by the difference of the eigenvalues here.
    k = rate_matrix(np.zeros((2, 2)), [0.5, 0.5])
    got = kinetic_intensities(k, [1.0, 1.0], [0.5, 0.5], [1.0])[0]
    assert got == pytest.approx(np.diag([0.5 * np.exp(-1), 0.5 * np.exp(-1)]), abs=1e-15)


def test_bad_matrices_are_refused():
    with pytest.raises(ModelError, match="columns"):
        kinetic_intensities([[0.0, 1.0], [1.0, -1.0]], [0, 0], [1, 1], [1.0])
    with pytest.raises(ModelError, match="populations"):
        rate_matrix(np.ones((2, 2)), [1.0, 0.0])
    with pytest.raises(ModelError, match="symmetric"):
        rate_matrix([[0, 1], [2, 0]], [1.0, 1.0])
    with pytest.raises(ModelError, match="shape"):
        rate_matrix(np.ones((3, 3)), [1.0, 1.0])
