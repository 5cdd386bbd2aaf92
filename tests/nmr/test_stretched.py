"""Spectral density of a stretched exponential: direct integration, limits, and fits that find their truth."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest

import spacecharge as sc
from spacecharge.errors import FitError, ModelError
from spacecharge.nmr import relaxation
from spacecharge.nmr.relaxation import dipolar_rates, quadrupolar_rates
from spacecharge.nmr.stretched import stretched_spectral_density
from tests.fitting.support import configured

T = np.linspace(220.0, 520.0, 21)
BOLTZMANN_EV = 8.617333262e-5


def along_the_imaginary_axis(x: float, beta: float) -> mp.mpf:
    """Return the integral turned by a right angle: exp(-x v - v^beta cos) sin(v^beta sin), v = exp(y)."""
    with mp.workdps(20):
        half = mp.pi * mp.mpf(beta) / 2
        cosine, sine, x = mp.cos(half), mp.sin(half), mp.mpf(x)

        def integrand(y: mp.mpf) -> mp.mpf:
            power = mp.exp(beta * y)
            return mp.exp(y - x * mp.exp(y) - cosine * power) * mp.sin(sine * power)

        return mp.quad(integrand, list(range(-60, 41, 5)))


@pytest.mark.parametrize(("beta", "x"), list(itertools.product((0.35, 0.8), (1e-3, 0.4, 3.0, 50.0))))
def test_direct_integration(beta: float, x: float) -> None:
    exact = along_the_imaginary_axis(x, beta)
    assert stretched_spectral_density(x, 1.0, beta) == pytest.approx(float(exact), rel=1e-11)


def test_the_cosine_transform_itself() -> None:
    # Nothing in common with the other two routes: the oscillating integral along the real axis.
    with mp.workdps(20):
        for beta, x in ((0.5, 0.7), (0.9, 2.0)):

            def signal(t: mp.mpf, beta: float = beta, x: float = x) -> mp.mpf:
                return mp.exp(-(t**beta)) * mp.cos(x * t)

            period = 2 * mp.pi / x
            # The root at zero spoils a quadrature; in the fourth root of time it is smooth.
            head = mp.quad(lambda s: 4 * s**3 * signal(s**4), [0, period ** mp.mpf("0.25")])
            exact = head + mp.quadosc(signal, [period, mp.inf], omega=x)
            assert stretched_spectral_density(2.0 * x, 0.5, beta) == pytest.approx(0.5 * float(exact), rel=1e-10)


def test_one_exponent_is_one_correlation_time() -> None:
    x = np.geomspace(1e-9, 1e9, 60)
    assert stretched_spectral_density(x, 1.0, 1.0) == pytest.approx(1.0 / (1.0 + x**2), rel=1e-12)


@pytest.mark.parametrize("beta", [0.1, 0.3, 0.75, 1.0])
def test_limits(beta: float) -> None:
    mean = float(mp.gamma(1 / mp.mpf(beta)) / beta)
    assert stretched_spectral_density(0.0, 3.0, beta) == pytest.approx(3.0 * mean, rel=1e-12)
    far = 1e40
    tail = float(mp.gamma(1 + mp.mpf(beta)) * mp.sin(mp.pi * beta / 2)) * far ** (-1.0 - beta)
    if beta < 1.0:
        assert stretched_spectral_density(far, 1.0, beta) == pytest.approx(tail, rel=1e-3)


def test_refused_exponents() -> None:
    for beta in (0.05, 1.2):
        with pytest.raises(ModelError, match=r"stretching exponent.*0.1 to 1"):
            stretched_spectral_density(1.0, 1.0, beta)


def tau(time: float, energy: float, temperature: np.ndarray = T) -> np.ndarray:
    return time * np.exp(energy / BOLTZMANN_EV * (1.0 / temperature - 1.0 / 298.15))


TRUTHS = ((3e-10, 0.15), (5e-8, 0.42))
LAWS = {"bpp": (2.0,), "richards": (1.45, 1.8), "kww": (0.4, 0.8)}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", ["bpp", "quadrupolar"])
def test_noise_free_relaxation_gives_the_truth_without_initial_values(tmp_path, kind: str, law: str) -> None:
    for (time, energy), beta in itertools.product(TRUTHS, LAWS[law]):
        omega = 2e6 * np.pi * 116.6
        name = "richards" if law == "bpp" else law
        if kind == "bpp":
            r1, r2, lock = dipolar_rates(
                tau(time, energy), larmor_rad_s=omega, coupling=6e9, spin_lock_rad_s=2e4 * np.pi, beta=beta, law=name
            )
            columns = {"temperature_K": T, "T1_s": 1 / r1, "T2_s": 1 / r2, "T1rho_s": 1 / lock}
            model = {"spin_lock_frequency_kHz": 10.0}
        else:
            slow, fast = quadrupolar_rates(tau(time, energy), larmor_rad_s=omega, coupling=6e9, beta=beta, law=name)
            columns, model = {"temperature_K": T, "T1_s": 1 / (0.2 * slow + 0.8 * fast)}, {}
        model |= {"kind": kind, "larmor_frequency_MHz": 116.6, "spectral_density": law}
        result = sc.fit(configured(tmp_path, columns, fit="relaxation", model=model))
        got = {n: result.parameters[n].value for n in ("correlation_time_s", "activation_energy_eV", "beta")}
        truth = {"correlation_time_s": time, "activation_energy_eV": energy, "beta": beta}
        assert got == pytest.approx(truth, rel=1e-6), (law, truth)


@pytest.mark.parametrize("moment", [1e7, 4e9])
def test_noise_free_rigid_lattice(tmp_path, moment: float) -> None:
    from spacecharge.nmr.relaxation import anderson_weiss_t2

    for time, energy in ((1e-5, 0.17), (3e-4, 0.3)):
        t2 = anderson_weiss_t2(tau(time, energy), moment)
        result = sc.fit(
            configured(tmp_path, {"temperature_K": T, "T2_s": t2}, fit="relaxation", model={"kind": "anderson_weiss"})
        )
        got = [
            result.parameters[n].value for n in ("correlation_time_s", "activation_energy_eV", "second_moment_per_s2")
        ]
        assert got == pytest.approx([time, energy, moment], rel=1e-6)


def test_several_larmor_frequencies_in_one_fit(tmp_path) -> None:
    temperature = np.tile(T, 3)
    larmor = np.repeat([77.8, 116.6, 194.4], T.size)
    r1, _, _ = dipolar_rates(
        tau(4e-9, 0.3, temperature), larmor_rad_s=2e6 * np.pi * larmor, coupling=6e9, beta=0.6, law="kww"
    )
    columns = {"temperature_K": temperature, "larmor_frequency_MHz": larmor, "T1_s": 1 / r1}
    model = {"kind": "bpp", "spectral_density": "kww"}
    result = sc.fit(configured(tmp_path, columns, fit="relaxation", model=model))
    assert result.parameters["beta"].value == pytest.approx(0.6, rel=1e-6)
    assert result.parameters["activation_energy_eV"].value == pytest.approx(0.3, rel=1e-6)
    assert result.series_names == ("T1, 77.8 MHz", "T1, 116.6 MHz", "T1, 194.4 MHz")
    with pytest.raises(sc.ConfigError, match="stands in a column too"):
        configured(tmp_path, columns, fit="relaxation", model={**model, "larmor_frequency_MHz": 100.0})


def test_the_wrong_law_is_said(tmp_path) -> None:
    """T1 of a stretched correlation function with beta 0.5 at three frequencies, 1 % noise."""
    temperature, larmor = np.tile(T, 3), np.repeat([77.8, 116.6, 194.4], T.size)
    omega = 2e6 * np.pi * larmor
    r1, _, _ = dipolar_rates(tau(4e-9, 0.3, temperature), larmor_rad_s=omega, coupling=6e9, beta=0.5, law="kww")
    noise = 1.0 + 0.01 * np.random.default_rng(3).standard_normal(r1.size)
    columns = {"temperature_K": temperature, "larmor_frequency_MHz": larmor, "T1_s": noise / r1}
    columns["sigma_T1_s"] = 0.01 * columns["T1_s"]
    found = {}
    for law in ("bpp", "richards", "kww"):
        model = {"kind": "bpp", "spectral_density": law}
        found[law] = sc.fit(configured(tmp_path, columns, fit="relaxation", model=model))
    for law in ("bpp", "richards"):
        text = " ".join(found[law].warnings)
        assert "chi-square is" in text and "systematic" in text, law
    assert not found["kww"].warnings
    # Richards errs by tens of percent, and nothing but the warning says so.
    tau_of = {law: result.parameters["correlation_time_s"].value for law, result in found.items()}
    assert abs(tau_of["richards"] / 4e-9 - 1.0) > 0.3
    assert tau_of["kww"] == pytest.approx(4e-9, rel=0.03)


def test_one_flank_does_not_fix_the_stretching(tmp_path, monkeypatch) -> None:
    """T1 below its minimum alone, 1 % noise: every search went on along the valley to its last step (15 s)."""
    cold = np.linspace(180.0, 260.0, 12)
    r1, _, _ = dipolar_rates(tau(4e-9, 0.3, cold), larmor_rad_s=2e6 * np.pi * 116.6, coupling=6e9, beta=0.6, law="kww")
    t1 = (1.0 + 0.01 * np.random.default_rng(3).standard_normal(cold.size)) / r1
    columns = {"temperature_K": cold, "T1_s": t1, "sigma_T1_s": 0.01 * t1}
    model = {"kind": "bpp", "spectral_density": "kww", "larmor_frequency_MHz": 116.6}
    evaluations = 0

    def counted(*given, **named):
        nonlocal evaluations
        evaluations += 1
        return stretched_spectral_density(*given, **named)

    monkeypatch.setattr(relaxation, "stretched_spectral_density", counted)
    with pytest.raises(FitError, match=r"cannot tell apart .*beta; one flank of a relaxation time"):
        sc.fit(configured(tmp_path, columns, fit="relaxation", model=model))
    # One a model; the searches that went to their ends took 12,000.
    assert 0 < evaluations < 4_000
    # It is true: the data are the same to within their noise whatever beta is, with energies that differ by a third.
    found = [
        sc.fit(configured(tmp_path, columns, fit="relaxation", model=model, parameters={"beta": {"fixed": beta}}))
        for beta in (0.5, 0.75)
    ]
    chi2 = [result.chi2_reduced * (cold.size - 3) for result in found]
    energies = [result.parameters["activation_energy_eV"].value for result in found]
    assert abs(chi2[1] - chi2[0]) < 4.0
    assert energies[0] / energies[1] > 1.3
