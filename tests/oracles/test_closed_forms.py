"""Closed forms against quadrature, limits and published numbers."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from spacecharge import analytic
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.model import End, Layer, Stack
from spacecharge.model.statistics import interaction_potential, thermodynamic_slope

T = 298.15
KT = BOLTZMANN * T


def test_critical_interaction_and_spinodal_table() -> None:
    # 4.762 and 2.835 kT from the maximum of x^(1/3) (1 - x) at 1/4 and the symmetric point 1/2.
    peak = 0.25 ** (1 / 3) * 0.75
    assert analytic.critical_interaction(T, 0.0, -1.0) / KT == pytest.approx(2.25 / peak, rel=1e-12, abs=0.0)
    assert analytic.critical_interaction(T, -1.0, 0.0) / KT == pytest.approx(4.762, abs=5e-4)
    assert analytic.critical_interaction(T, -1.0, -1.0) / KT == pytest.approx(9.0 / 2 ** (5 / 3), rel=1e-12, abs=0.0)
    assert analytic.critical_interaction(T, 0.0, -1.0) / ELEMENTARY_CHARGE == pytest.approx(0.122, abs=5e-4)
    assert analytic.critical_interaction(T, -1.0, -1.0) / ELEMENTARY_CHARGE == pytest.approx(0.0728, abs=5e-5)
    assert analytic.critical_interaction(T, 1.0, 1.0) == math.inf
    table = {
        5: (0.1466, 0.3772),
        6: (0.0644, 0.5393),
        8: (0.0239, 0.6802),
        10: (0.0118, 0.7526),
        15: (0.0034, 0.8411),
        20: (0.00143, 0.8827),
        30: (0.00042, 0.9230),
    }
    for strength, (low, high) in table.items():
        ((a, b),) = analytic.spinodal(-float(strength), 0.0)
        # Printed digits, which are two to four.
        assert a == pytest.approx(low, abs=5e-6 if low < 0.002 else 5e-5)
        assert b == pytest.approx(high, abs=5e-5)
        ((c, d),) = analytic.spinodal(0.0, -float(strength))
        # The vacancy law is the mirror image.
        assert (1.0 - d, 1.0 - c) == pytest.approx((a, b), rel=1e-10, abs=0.0)
        assert thermodynamic_slope(a, -strength, 0.0) == pytest.approx(0.0, abs=1e-10)
    assert analytic.spinodal(-4.76, 0.0) == ()
    assert analytic.spinodal(50.0, 50.0) == ()
    # A gap far narrower than any grid is still seen.
    critical = 9.0 / 2 ** (5 / 3)
    ((a, b),) = analytic.spinodal(-critical * (1 + 1e-9), -critical * (1 + 1e-9))
    assert a < 0.5 < b < a + 1e-3
    ((a, b),) = analytic.spinodal(-2.25 / peak * (1 + 1e-9), 0.0)
    assert a < 0.25 < b < a + 1e-3


def test_debye_length_is_the_curvature_of_the_chemical_potential() -> None:
    theta, jo, jv, h = 0.3, 0.04, -0.03, 1e-5
    mu = [
        KT * math.log(t / (1 - t)) + float(interaction_potential(t, jo, jv)) * ELEMENTARY_CHARGE
        for t in (theta - h, theta + h)
    ]
    slope = (mu[1] - mu[0]) / (2 * h)
    expected = math.sqrt(VACUUM_PERMITTIVITY * 12.0 * slope / (4 * ELEMENTARY_CHARGE**2 * 1e28))
    length = analytic.lattice_debye_length(
        12.0,
        T,
        1e28,
        theta,
        charge_number=2.0,
        interaction_occupied=jo * ELEMENTARY_CHARGE,
        interaction_vacancy=jv * ELEMENTARY_CHARGE,
    )
    # Central difference, h^2 = 1e-10.
    assert length == pytest.approx(expected, rel=1e-8, abs=0.0)
    assert analytic.small_signal_capacitance(12.0, length) == pytest.approx(VACUUM_PERMITTIVITY * 12.0 / length)


def test_gouy_chapman_solves_its_equation_and_meets_debye_hueckel() -> None:
    volts, density, eps = 0.2, 1e25, 10.0
    length = analytic.gouy_chapman_debye_length(eps, T, density)
    x = np.linspace(0.0, 5.0, 2001) * length
    v = analytic.gouy_chapman_potential(x, volts, length, T)
    h = x[1] - x[0]
    second = (v[2:] - 2 * v[1:-1] + v[:-2]) / h**2
    kt = KT / ELEMENTARY_CHARGE
    exact = kt / length**2 * np.sinh(v[1:-1] / kt)
    # Second differences with h = lambda/400 where v'' changes over lambda/50.
    assert second == pytest.approx(exact, rel=2e-3, abs=0.0)
    assert v[0] == pytest.approx(volts, rel=1e-12, abs=0.0)
    slope = analytic.grahame_charge(volts, eps, T, density) / (VACUUM_PERMITTIVITY * eps)
    gradient = (-25 * v[0] + 48 * v[1] - 36 * v[2] + 16 * v[3] - 3 * v[4]) / (12 * h)
    # Negative layer charge balances the field out of a positive wall: eps phi'(0) = Q_layer.
    assert gradient == pytest.approx(slope, rel=1e-4, abs=0.0)
    small = analytic.gouy_chapman_potential(x, 1e-6, length, T)
    # tanh u = u to u^2/3 with u = 1e-5.
    assert small == pytest.approx(analytic.debye_hueckel_potential(x, 1e-6, length), rel=1e-9, abs=0.0)


@pytest.mark.parametrize("enrichment", [0.01, 0.5, 3.0, 100.0])
def test_gouy_chapman_excess_against_quadrature(enrichment: float) -> None:
    length, sigma = 2e-9, 0.3
    volts = -math.log(enrichment) * KT / ELEMENTARY_CHARGE

    def ratio(s: float) -> float:
        v = float(analytic.gouy_chapman_potential(s * length, volts, length, T))
        return math.exp(-v * ELEMENTARY_CHARGE / KT)

    conductance, resistance = analytic.gouy_chapman_excess(enrichment, length, sigma)
    more, _ = quad(lambda s: ratio(s) - 1.0, 0.0, 45.0, epsrel=1e-11, limit=200)
    less, _ = quad(lambda s: 1.0 / ratio(s) - 1.0, 0.0, 45.0, epsrel=1e-11, limit=200)
    # quad's tolerance with the cancellation of the tail.
    assert conductance == pytest.approx(sigma * length * more, rel=1e-8, abs=0.0)
    assert resistance == pytest.approx(length / sigma * less, rel=1e-8, abs=0.0)
    if enrichment == 100.0:
        assert conductance == pytest.approx(18.0 * sigma * length, rel=1e-14, abs=0.0)


def test_mott_schottky_numbers() -> None:
    # Published checks of the approximation and of the exact form, to the digits printed.
    for u, rough, exact in (
        (5, 14.84, 17.172),
        (10, 1101.3, 1168.2),
        (15, 1.0897e5, 1.1304e5),
        (20, 1.2129e7, 1.2459e7),
    ):
        assert float(analytic.mott_schottky_resistance(u, approximate=True)) == pytest.approx(rough, rel=5e-4, abs=0.0)
        value = float(analytic.mott_schottky_resistance(u))
        assert value == pytest.approx(exact, rel=1e-4, abs=0.0)
        by_quadrature, _ = quad(lambda s, u=u: math.exp(u * (1 - s) ** 2), 0.0, 1.0, epsrel=1e-12)
        assert value == pytest.approx(by_quadrature, rel=1e-11, abs=0.0)
    assert float(analytic.mott_schottky_resistance(0.0)) == 1.0
    # w = lambda sqrt(4 u) with the Debye length of the symmetric pair.
    length = analytic.gouy_chapman_debye_length(15.0, T, 1e26)
    width = analytic.mott_schottky_width(0.5, 15.0, 1e26)
    assert width == pytest.approx(length * math.sqrt(4 * 0.5 * ELEMENTARY_CHARGE / KT), rel=1e-13, abs=0.0)
    # Width at 7.4 nm^-3 and eps 15: 0.30 nm at 0.4 V, 0.37 nm at 0.6 V.
    assert analytic.mott_schottky_width(0.4, 15.0, 7.4e27) == pytest.approx(0.30e-9, abs=5e-12)
    assert analytic.mott_schottky_width(0.6, 15.0, 7.4e27) == pytest.approx(0.37e-9, abs=5e-12)


def test_deep_depletion_tends_to_mott_schottky() -> None:
    volts = 1.2
    layer = Layer(
        name="a",
        thickness_nm=1e4,
        potential_V=0.0,
        permittivity=10.0,
        site_density_per_nm3=1.0,
        occupancy=1e-3,
        statistics="dilute",
        diffusivity_m2_per_s=1e-12,
    )
    end = End(kind="electrostatic_potential_V", value=volts)
    (state,) = analytic.first_integral(Stack((layer,), temperature_K=T, left=end))
    density = 1e24
    u = volts * ELEMENTARY_CHARGE / KT
    # The charge of the abrupt layer is too large by about kT/(2 e v).
    abrupt = ELEMENTARY_CHARGE * density * analytic.mott_schottky_width(volts, 10.0, density)
    assert state.charge_left == pytest.approx(abrupt * math.sqrt(1.0 - (1.0 - math.exp(-u)) / u), rel=1e-10, abs=0.0)
    sigma = ELEMENTARY_CHARGE**2 * density * 1e-12 / KT
    rough = float(analytic.mott_schottky_resistance(u)) * analytic.mott_schottky_width(volts, 10.0, density) / sigma
    # The same, for the resistance, whose weight sits at the contact.
    assert state.resistance[1] == pytest.approx(rough, rel=3.0 / u, abs=0.0)


def test_kornyshev_curve() -> None:
    u = np.array([-3.0, -1.0, -1e-3, 0.0, 1e-7, 0.5, 2.0, 6.0])
    for g in (0.01, 1 / 3, 1.0):
        curve = analytic.kornyshev_capacitance(u, g)
        with mp.workdps(40):
            for value, at in zip(curve, u, strict=True):
                if at == 0.0:
                    assert value == 1.0
                    continue
                s = 2 * mp.mpf(g) * mp.sinh(mp.mpf(at) / 2) ** 2
                exact = mp.cosh(mp.mpf(at) / 2) / (1 + s) * mp.sqrt(s / mp.log1p(s))
                assert value == pytest.approx(float(exact), rel=1e-13, abs=0.0)
    # Bell below g = 1/3 is a camel: curvature at zero changes sign at 1/3.
    h = 0.05
    assert analytic.kornyshev_capacitance(h, 0.2) > 1.0 > analytic.kornyshev_capacitance(h, 0.5)
    assert np.isfinite(analytic.kornyshev_capacitance([1e3, -1e4], 0.5)).all()


def test_one_lattice_species_of_charge_two_is_kornyshev_without_voids() -> None:
    u = np.array([-4.0, -0.3, 1e-8, 0.7, 5.0])
    kornyshev = analytic.kornyshev_capacitance(u, 1.0)
    # The lattice form cancels like eps/psi near zero; elsewhere round-off.
    assert analytic.lattice_capacitance(2.0 * u, 0.5) == pytest.approx(kornyshev, rel=1e-9, abs=0.0)
    layer = Layer(
        name="a",
        thickness_nm=100.0,
        potential_V=0.0,
        permittivity=10.0,
        site_density_per_nm3=3.0,
        occupancy=0.5,
        charge_number=2.0,
    )
    for reduced, expected in zip(u, kornyshev, strict=True):
        end = End(kind="electrostatic_potential_V", value=float(reduced * KT / ELEMENTARY_CHARGE))
        (state,) = analytic.first_integral(Stack((layer,), temperature_K=T, left=end))
        zero = analytic.small_signal_capacitance(10.0, float(state.debye_length[1]))
        assert state.differential_capacitance / zero == pytest.approx(expected, rel=1e-12, abs=0.0)


def test_lattice_capacitance_at_any_filling() -> None:
    for theta in (1e-4, 0.2, 0.97):
        for psi in (-30.0, -2.0, -1e-5, 1e-3, 4.0, 200.0):
            with mp.workdps(60):
                t, p = mp.mpf(theta), mp.mpf(psi)
                work = mp.log1p(t * mp.expm1(-p)) + t * p
                change = t * (1 - t) * mp.expm1(-p) / (1 + t * mp.expm1(-p))
                exact = float(abs(change) / mp.sqrt(2 * work * t * (1 - t)))
            # Cancellation of the work: eps/psi at worst, 1e-11 for psi = 1e-5.
            assert float(analytic.lattice_capacitance(psi, theta)) == pytest.approx(exact, rel=3e-10, abs=0.0)


def test_swift_first_integral_against_quadrature() -> None:
    volts, density, formation, eps = 1.621636, 3.27455e28, 0.01439 * ELEMENTARY_CHARGE, 50.0
    charge, capacitance = analytic.poisson_fermi_dirac(volts, density, formation, eps)
    assert charge / ELEMENTARY_CHARGE * 1e-18 == pytest.approx(-5.3271, abs=5e-5)
    assert capacitance * 100.0 == pytest.approx(52.632, abs=5e-4)
    kt = BOLTZMANN * 300.0
    b = 0.1 * math.exp(formation / kt)

    def rho(v: float) -> float:
        f = -v * ELEMENTARY_CHARGE / kt
        return ELEMENTARY_CHARGE * 0.1 * density * (1 / (1 + b * math.exp(-f)) - 1 / (1 + b * math.exp(f)))

    work, _ = quad(rho, 0.0, volts, epsrel=1e-12, limit=200)
    assert charge == pytest.approx(-math.sqrt(-2.0 * VACUUM_PERMITTIVITY * eps * work), rel=1e-11, abs=0.0)
    negative, same = analytic.poisson_fermi_dirac(-volts, density, formation, eps)
    assert (negative, same) == pytest.approx((-charge, capacitance), rel=1e-13, abs=0.0)


def test_thermal_voltage_and_li_iodide_films() -> None:
    # Enrichment by 20 belongs to 77 mV at 298 K.
    volts = math.log(20.0) * analytic.thermal_voltage(298.0)
    assert volts == pytest.approx(0.077, abs=5e-4)
    root = brentq(lambda v: math.exp(v / analytic.thermal_voltage(298.0)) - 20.0, 0.0, 1.0, xtol=1e-14)
    assert root == pytest.approx(volts, rel=1e-12, abs=0.0)
