"""Relaxation rates against the Redfield superoperator, quadrature and their known limits."""

import math

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

from spacecharge.constants import PLANCK_REDUCED, VACUUM_PERMEABILITY
from spacecharge.errors import ModelError
from spacecharge.nmr import relaxation as r

RELATIVE = 1e-8


def spin_operators(spin):
    m = np.arange(spin, -spin - 1, -1)
    up = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1)
    return np.diag(m).astype(complex), up.astype(complex), up.T.astype(complex)


def rank_two(z1, p1, m1, z2, p2, m2):
    """Components of the rank-two product of two vector operators, m from -2 to 2."""
    return {
        0: (3 * z1 @ z2 - (z1 @ z2 + 0.5 * (p1 @ m2 + m1 @ p2))) / math.sqrt(6),
        1: -0.5 * (z1 @ p2 + p1 @ z2),
        -1: 0.5 * (z1 @ m2 + m1 @ z2),
        2: 0.5 * p1 @ p2,
        -2: 0.5 * m1 @ m2,
    }


def pair(spin=0.5):
    z, p, m = spin_operators(spin)
    one = np.eye(z.shape[0])
    a = [np.kron(o, one) for o in (z, p, m)]
    b = [np.kron(one, o) for o in (z, p, m)]
    return a, b


def redfield_rate(tensors, weights, observable):
    """sum_m w_m Tr(Q [T_m, [T_m^+, Q]]) / Tr(Q^2)."""
    total = 0.0
    for m, t in tensors.items():
        inner = t.conj().T @ observable - observable @ t.conj().T
        outer = t @ inner - inner @ t
        total += weights[m] * np.trace(observable @ outer).real
    return total / np.trace(observable @ observable).real


@pytest.mark.parametrize("wtau", [1e-3, 0.3, 1.0, 40.0])
def test_dipolar_rates_equal_redfield(wtau):
    omega, b = 2 * np.pi * 117e6, 3.0e4
    tau = wtau / omega
    lock = 2 * np.pi * 50e3 * (1 + wtau)
    a_ops, b_ops = pair()
    tensors = rank_two(*a_ops, *b_ops)
    variance = 6 * b**2 / 5  # H = -sqrt6 b T20 in the frame of the pair, averaged over directions
    j = {m: variance * tau / (1 + (m * omega * tau) ** 2) for m in tensors}
    z = a_ops[0] + b_ops[0]
    x = 0.5 * (a_ops[1] + a_ops[2] + b_ops[1] + b_ops[2])
    coupling = 0.4 * 0.5 * 1.5 * b**2
    r1, r2, r1rho = (
        float(v) for v in r.dipolar_rates(tau, larmor_rad_s=omega, coupling=coupling, spin_lock_rad_s=lock)
    )
    assert r1 == pytest.approx(redfield_rate(tensors, j, z), rel=RELATIVE, abs=0)
    assert r2 == pytest.approx(redfield_rate(tensors, j, x), rel=RELATIVE, abs=0)
    # Spin lock along x: the secular part T20 turns with 0 and +-2 lock about x (d00 = -1/2, d20 = sqrt(3/8));
    # its zero-frequency component commutes with the locked magnetisation.
    rotate = expm(-1j * np.pi / 2 * (a_ops[1] - a_ops[2] + b_ops[1] - b_ops[2]) / 2j)
    tilted = {m: rotate @ t @ rotate.conj().T for m, t in tensors.items()}
    secular = {m: tilted[m] for m in (-2, 0, 2)}
    shares = {-2: 3 / 8, 0: 1 / 4, 2: 3 / 8}
    locked = {m: variance * shares[m] * tau / (1 + (m * lock * tau) ** 2) for m in secular}
    rest = {m: j[m] for m in (-2, -1, 1, 2)}
    expected = redfield_rate(secular, locked, x) + redfield_rate({m: tensors[m] for m in rest}, rest, x)
    assert r1rho == pytest.approx(expected, rel=RELATIVE, abs=0)


def test_spectral_density_is_the_transform_of_an_exponential():
    tau, omega = 2e-9, 7e8
    exact = quad(lambda t: math.exp(-t), 0, np.inf, weight="cos", wvar=omega * tau, epsabs=1e-13)[0] * tau
    assert r.spectral_density(omega, tau) == pytest.approx(exact, rel=RELATIVE, abs=0)


def test_bpp_maximum():
    omega, c = 1e9, 1e10
    tau = r.BPP_MAXIMUM_WTAU / omega * np.array([0.999, 1.0, 1.001])
    rates = r.dipolar_rates(tau, larmor_rad_s=omega, coupling=c)[0]
    assert rates[1] == rates.max()
    assert rates[1] * omega / c == pytest.approx(1.425176, abs=1e-6)
    assert rates[1] * omega / c == pytest.approx(r.BPP_MAXIMUM_R1, abs=1e-6)


def test_richards_low_temperature_slope():
    omega, beta = 1e9, 1.5
    tau = np.array([1e-4, 2e-4])
    r1 = r.dipolar_rates(tau, larmor_rad_s=omega, coupling=1.0, beta=beta)[0]
    assert np.log(r1[1] / r1[0]) / np.log(2) == pytest.approx(1 - beta, abs=1e-4)


@pytest.mark.parametrize("n", [3, 4])
def test_exponents_along_an_array_are_those_one_by_one(n):
    """As many exponents as there are frequencies in the sums, too."""
    exponents = np.linspace(1.2, 2.0, n)
    together = r.dipolar_rates(3e-9, larmor_rad_s=4e8, coupling=1e9, spin_lock_rad_s=1e5, beta=exponents)
    for k, beta in enumerate(exponents):
        j = [3e-9 / (1.0 + (w * 3e-9) ** beta) for w in (4e8, 8e8, 0.0, 2e5)]
        assert together[0][k] == pytest.approx(1e9 * (j[0] + 4.0 * j[1]), rel=1e-12)
        assert together[1][k] == pytest.approx(0.5e9 * (3.0 * j[2] + 5.0 * j[0] + 2.0 * j[1]), rel=1e-12)
        assert together[2][k] == pytest.approx(0.5e9 * (3.0 * j[3] + 5.0 * j[0] + 2.0 * j[1]), rel=1e-12)


@pytest.mark.parametrize("wtau", [0.05, 1.0, 20.0])
def test_quadrupolar_recovery_equals_population_master_equation(wtau):
    omega, cq, eta = 2 * np.pi * 117e6, 4.0e4, 0.4
    tau = wtau / omega
    z, p, m = spin_operators(1.5)
    tensors = rank_two(z, p, m, z, p, m)
    # Principal frame: H = (2 pi CQ / (4 I (2I-1))) sqrt6 T20, eta adds its share to the variance.
    strength = 2 * np.pi * cq / (4 * 1.5 * 2.0)
    variance = 6 * strength**2 / 5 * (1 + eta**2 / 3)
    weight = {k: variance * tau / (1 + (k * omega * tau) ** 2) for k in tensors}

    def relax(rho):
        return -sum(weight[k] * (t @ (c := t.conj().T @ rho - rho @ t.conj().T) - c @ t) for k, t in tensors.items())

    rate = np.array([np.diag(relax(np.diag(e).astype(complex))).real for e in np.eye(4)]).T
    k = r.quadrupolar_constant(cq, eta)
    slow, fast = (float(v) for v in r.quadrupolar_rates(tau, larmor_rad_s=omega, coupling=k))
    levels = np.diag(z).real
    for t in (0.1 / fast, 1.0 / fast, 3.0 / fast):
        exact = levels @ expm(rate * t) @ levels / (levels @ levels)
        assert 0.2 * math.exp(-slow * t) + 0.8 * math.exp(-fast * t) == pytest.approx(exact, rel=RELATIVE, abs=0)


@pytest.mark.parametrize("product", [1e-9, 1e-3, 0.5, 1.0, 30.0, 1e6])
def test_anderson_weiss_equals_quadrature_of_the_memory(product):
    # product = tau sqrt(M2); the phase grows as M2 int (t - s) exp(-s/tau) ds.
    m2 = 3e9
    tau = product / math.sqrt(m2)
    t2 = float(r.anderson_weiss_t2(tau, m2)[0])
    with mpmath.workdps(30):
        x = mpmath.mpf(t2) / mpmath.mpf(tau)
        phase = mpmath.quad(
            lambda s: (x - s) * mpmath.exp(-s), [0, min(x, 1), min(x, 40), min(x, 400)] + ([x] if x > 400 else [])
        )
        assert float(mpmath.mpf(m2) * mpmath.mpf(tau) ** 2 * phase) == pytest.approx(1.0, rel=RELATIVE, abs=0)


def test_anderson_weiss_limits_and_smoothness():
    m2 = 2e10
    rigid, fast = r.anderson_weiss_t2([1e3, 1e-9], m2)
    assert rigid == pytest.approx(math.sqrt(2 / m2), rel=1e-7, abs=0)
    assert fast == pytest.approx(1 / (m2 * 1e-9), rel=1e-4, abs=0)  # corrections are M2 tau^2 = 2e-8 and exp
    tau = np.geomspace(1e-12, 1e3, 4001)
    slope = np.diff(np.log(r.anderson_weiss_t2(tau, m2))) / np.diff(np.log(tau))
    # From -1 to 0, without a spike where the root finder changes its form.
    assert slope.min() >= -1 - 1e-9
    assert slope.max() <= 1e-9
    assert np.abs(np.diff(slope)).max() < 5e-3


def test_break_readings():
    assert r.break_correlation_time(math.sqrt(2) * 1e-5, "unit-product") == pytest.approx(1e-5, rel=1e-6, abs=0)
    assert r.break_correlation_time(2e-5, "asymptotes") == pytest.approx(1e-5, rel=1e-6, abs=0)
    # unit-product is tau sqrt(M2) = 1 on the rigid plateau sqrt(2/M2).
    m2 = 4e9
    assert r.break_correlation_time(math.sqrt(2 / m2), "unit-product") * math.sqrt(m2) == pytest.approx(
        1.0, rel=1e-6, abs=0
    )
    # asymptotes is where 1/(M2 tau) meets sqrt(2/M2).
    tau = r.break_correlation_time(math.sqrt(2 / m2), "asymptotes")
    assert 1 / (m2 * tau) == pytest.approx(math.sqrt(2 / m2), rel=1e-6, abs=0)
    with pytest.raises(ModelError, match="criterion"):
        r.break_correlation_time(1.0, "other")


def test_break_curve():
    t2 = r.break_t2([300.0, 360.0, 400.0], plateau=1e-5, break_temperature=360.0, activation_temperature=2000.0)
    assert t2[:2] == pytest.approx([1e-5, 1e-5], rel=1e-6, abs=0)
    assert t2[2] == pytest.approx(1e-5 * math.exp(2000 * (1 / 360 - 1 / 400)), rel=1e-6, abs=0)


def test_coupling_constants():
    # 7Li pair at 3.6 A: b = mu0 gamma^2 hbar / (4 pi r^3), about 2.2e3 rad/s.
    gamma = 1.03977e8
    b = VACUUM_PERMEABILITY * gamma**2 * PLANCK_REDUCED / (4 * np.pi * 3.6e-10**3)
    assert r.dipolar_constant(gamma, 1.5, [3.6e-10, 3.6e-10]) == pytest.approx(
        0.4 * 1.5 * 2.5 * 2 * b**2, rel=1e-6, abs=0
    )
    assert r.quadrupolar_constant(1e5) == pytest.approx(3 * np.pi**2 / 10 * 6 / (2.25 * 2) * 1e10, rel=1e-6, abs=0)


@pytest.mark.parametrize("zeroed", ["tau", "coupling", "larmor_rad_s", "spin_lock_rad_s"])
def test_rates_stay_finite_with_a_parameter_at_zero(zeroed):
    values = {"tau": 1e-9, "coupling": 1e9, "larmor_rad_s": 1e9, "spin_lock_rad_s": 1e5} | {zeroed: 0.0}
    tau = values.pop("tau")
    assert all(np.all(np.isfinite(v)) for v in r.dipolar_rates(tau, **values))
