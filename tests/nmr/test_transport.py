"""The number chains of Cheng et al., Joule 4, 1311 (2020), and the laws behind them."""

import numpy as np
import pytest

from spacecharge.errors import FitError, ModelError
from spacecharge.nmr import transport as t
from spacecharge.nmr.arrhenius import arrhenius, arrhenius_regression
from spacecharge.nmr.diffusion import released_fraction

ROOM = 298.15

# tau_c at the break [s], its temperature [K], Ea [eV], printed tau_inf [s], recomputed, printed and
# recomputed tau_c at room temperature [s], printed D [cm2/s].
CHAINS = {
    "LiV2O5": (12.4e-6, 360.0, 0.17, 52e-9, 51.7e-9, 38.6e-6, 38.65e-6, 1.68e-11),
    "Li2V2O5": (11.4e-6, 373.0, 0.08, 950e-9, 946e-9, 21.3e-6, 21.29e-6, 3.04e-11),
    "Li0.2V2O5": (27.1e-6, 317.0, 0.13, 230e-9, 232e-9, 36.2e-6, 36.61e-6, 1.79e-11),
}


@pytest.mark.parametrize("name", CHAINS)
def test_correlation_times_of_the_paper(name):
    tau_break, temperature, energy, printed_inf, exact_inf, printed_room, exact_room, diffusivity = CHAINS[name]
    prefactor = t.prefactor_correlation_time(tau_break, temperature, energy)
    room = t.correlation_time(prefactor, ROOM, energy)
    # What the chain gives, to the digits of the contract ...
    assert prefactor == pytest.approx(exact_inf, abs=0.6e-9 if exact_inf > 1e-7 else 0.06e-9)
    assert room == pytest.approx(exact_room, abs=0.006e-6)
    # ... and what is printed, within its rounding to two digits: the third tau_c (36.2) follows from 230 ns.
    assert prefactor == pytest.approx(printed_inf, rel=0.012, abs=0)
    assert room == pytest.approx(printed_room, rel=0.012, abs=0)
    # D to three digits from the printed tau_c, l = 3.60 A, two directions.
    assert 1e4 * t.jump_diffusivity(3.60e-10, printed_room, 2) == pytest.approx(diffusivity, abs=0.006e-11)


def test_exchange_currents_share_one_constant():
    constants = [0.77 / 0.57, 0.41 / 0.30]
    assert constants == pytest.approx([1.351, 1.367], abs=6e-4)
    # The same particle for both: the constants agree to the rounding of the printed fractions (1.2 %).
    assert constants[0] == pytest.approx(constants[1], rel=0.012, abs=0)


@pytest.mark.parametrize(("i0", "printed", "computed"), [(0.77, 33.0, 33.4), (0.41, 63.0, 62.7), (0.13, None, 197.6)])
def test_interface_resistances(i0, printed, computed):
    resistance = 1e4 * t.horvai_resistance(10 * i0, ROOM)
    assert resistance == pytest.approx(computed, abs=0.06)
    if printed is not None:
        assert resistance == pytest.approx(printed, rel=0.015, abs=0)


def test_the_third_resistance_does_not_follow():
    # The paper prints 188 Ohm cm2 for at most 0.13 mA/cm2; that gives 198, and 188 needs 0.137.
    assert 1e4 * t.horvai_resistance(1.3, ROOM) == pytest.approx(198, abs=1)
    assert 1e4 * t.horvai_resistance(1.37, ROOM) == pytest.approx(188, abs=1)


def test_printed_d_eff_and_fractions_need_two_particle_sizes():
    # 57 % at 1.0e-12 cm2/s and 30 % at 4.4e-14 cm2/s in 1 s: spheres of 97 nm and of 43 nm diameter.
    from scipy.optimize import brentq

    for fraction, d, diameter in ((0.57, 1.0e-16, 97e-9), (0.30, 4.4e-18, 43e-9)):
        tau = brentq(lambda x, f=fraction: released_fraction([x], geometry="sphere")[0] - f, 1e-6, 1.0)
        assert 2 * np.sqrt(d / tau) == pytest.approx(diameter, abs=0.5e-9)


def test_readings_of_an_exchanged_fraction():
    for fraction, factor in ((0.57, 1.48), (0.30, 1.19)):
        paper = t.exchange_rate_from_fraction(fraction, 1.0, "paper")
        first = t.exchange_rate_from_fraction(fraction, 1.0, "initial-rate")
        assert first / paper == pytest.approx(factor, abs=0.005)
    with pytest.raises(ModelError, match="reading"):
        t.exchange_rate_from_fraction(0.5, 1.0, "guess")


def test_nernst_einstein_of_lagp():
    # 0.12 mS/cm and 7.4 Li per nm3 make 2.6e-9 cm2/s.
    conductivity = t.nernst_einstein(2.6e-13, 7.4e27, ROOM)
    assert conductivity == pytest.approx(0.012, rel=0.01, abs=0)
    assert t.nernst_einstein(2.6e-13, 7.4e27, ROOM, haven_ratio=0.5) == pytest.approx(2 * conductivity, rel=1e-6, abs=0)


def test_exchange_current_density():
    # 1 e per nm3, sphere of 30 nm (V/A = 10 nm), 1/s: e 1e27 1e-8 A/m2.
    assert t.exchange_current_density(1.0, 1e27, 1e-8) == pytest.approx(1.602176634, rel=1e-12, abs=0)


def test_jump_directions_are_checked():
    with pytest.raises(ModelError, match="2, 4, 6"):
        t.jump_diffusivity(3e-10, 1e-6, 3)


def test_regression_recovers_a_law_exactly():
    temperature = np.array([280.0, 300.0, 340.0])
    fit = arrhenius_regression(temperature, arrhenius(temperature, 2e-16, 0.315, 298.15), reference_K=298.15)
    assert fit.value == pytest.approx(2e-16, rel=1e-12, abs=0)
    assert fit.activation_energy_eV == pytest.approx(0.315, rel=1e-12, abs=0)


def test_regression_equals_numpy_polyfit():
    random = np.random.default_rng(5)
    temperature = np.linspace(280, 400, 9)
    sigma = np.full(9, 0.05)
    y = arrhenius(temperature, 1e-16, 0.4, 300.0) * np.exp(0.2 * random.standard_normal(9))
    fit = arrhenius_regression(temperature, y, sigma, reference_K=300.0)
    x = (1 / 300.0 - 1 / temperature) / 8.617333262145179e-5
    (slope, intercept), covariance = np.polyfit(x, np.log(y), 1, w=1 / sigma, cov=True)
    assert fit.activation_energy_eV == pytest.approx(slope, rel=1e-9, abs=0)
    assert np.log(fit.value) == pytest.approx(intercept, rel=1e-9, abs=0)
    # The scatter exceeds the given errors, so both scale by it.
    assert fit.sigma_activation_energy_eV == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-7, abs=0)


def test_regression_needs_two_temperatures():
    with pytest.raises(FitError, match="two different temperatures"):
        arrhenius_regression([300.0, 300.0], [1.0, 2.0], reference_K=300.0)
    with pytest.raises(FitError, match="positive"):
        arrhenius_regression([300.0, 310.0], [1.0, -2.0], reference_K=300.0)
