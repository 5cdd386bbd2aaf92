"""Data and models that do not belong together, and what a reader is warned of."""

import numpy as np
import pytest

from spacecharge.errors import FitError
from spacecharge.fitting.run import fit
from spacecharge.nmr.transport import nernst_einstein
from spacecharge.report.fits import fit_text
from tests.fitting.support import configured

T = np.linspace(250.0, 400.0, 12)
SPHERE = {"kind": "diffusion", "geometry": "sphere", "radius_nm": 50, "boundary": "sink"}
BPP = {"kind": "bpp", "larmor_frequency_MHz": 100.0}


def build_up(n=12, **more):
    t = np.geomspace(1e-3, 1.0, n)
    gone = 1 - np.exp(-3 * np.sqrt(t))
    return {"temperature_K": np.full(n, 300.0), "mixing_time_s": t, "diagonal_A": 1 - gone, "cross_AB": gone} | more


@pytest.mark.parametrize(
    ("columns", "sections", "message"),
    [
        ({"temperature_K": T, "T1_s": T}, {"fit": "relaxation", "model": {"kind": "anderson_weiss"}}, "not T1"),
        ({"temperature_K": T}, {"fit": "relaxation", "model": BPP}, "one of T1_s or R1_per_s"),
        ({"temperature_K": T, "T1_s": T, "R1_per_s": T}, {"fit": "relaxation", "model": BPP}, "the same quantity"),
        ({"temperature_K": T, "T1rho_s": T}, {"fit": "relaxation", "model": BPP}, "spin_lock_frequency_kHz"),
        (
            {"temperature_K": T, "T1_s": T, "sigma_T1_s": T, "T2_s": T},
            {"fit": "relaxation", "model": BPP},
            "every relaxation time has an error column or none",
        ),
        ({"T1_s": T}, {"fit": "relaxation", "model": BPP}, "temperature is missing"),
        (
            {"temperature_K": T, "T1_s": T},
            {"fit": "relaxation", "model": BPP, "absolute_sigma": True},
            "absolute_sigma needs a column",
        ),
        (
            build_up(diagonal_B=np.ones(12)),
            {"fit": "exsy", "model": SPHERE, "data": {"observable": "intensities"}},
            "B has no finite magnetisation",
        ),
        (build_up(), {"fit": "exsy", "model": {"kind": "kinetic", "sites": ["A", "B", "C"]}}, "between two sites"),
        (build_up(diagonal_A=-np.ones(12)), {"fit": "exsy", "model": SPHERE}, "row 1: .* is not above 0"),
        (build_up(mixing_time_s=np.zeros(12)), {"fit": "exsy", "model": SPHERE}, "every mixing time is zero"),
        (build_up(limit=np.full(12, 0.5)), {"fit": "exsy", "model": SPHERE}, "column limit holds"),
        (
            {"delay_s": np.zeros(5), "intensity": np.ones(5)},
            {"fit": "recovery", "model": {"kind": "exponential", "sequence": "decay"}},
            "every delay is zero",
        ),
    ],
)
def test_mismatches_are_named(tmp_path, columns, sections, message):
    with pytest.raises(FitError, match=message) as error:
        fit(configured(tmp_path, columns, **sections))
    assert "\n" not in str(error.value)


def test_missing_columns_of_an_exchange_fit(tmp_path):
    columns = build_up()
    del columns["cross_AB"]
    with pytest.raises(FitError, match="cross_AB is missing"):
        fit(configured(tmp_path, columns, fit="exsy", model=SPHERE))


def test_one_error_column_serves_both_intensities(tmp_path):
    columns = build_up(sigma_cross_AB=np.full(12, 0.01))
    config = configured(
        tmp_path, columns, fit="exsy", model=SPHERE, parameters={"activation_energy_eV": {"fixed": 0.3}}
    )
    result = fit(config)
    assert any("both take the same" in w for w in result.warnings)


def test_bpp_on_t2_warns_of_the_plateau(tmp_path):
    from spacecharge.nmr.relaxation import dipolar_rates

    tau = 1e-9 * np.exp(0.25 / 8.617333262e-5 * (1 / T - 1 / 298.15))
    r1, r2, _ = dipolar_rates(tau, larmor_rad_s=2e8 * np.pi, coupling=1e9)
    result = fit(
        configured(tmp_path, {"temperature_K": T, "T1_s": 1 / r1, "T2_s": 1 / r2}, fit="relaxation", model=BPP)
    )
    assert any("rigid lattice" in w for w in result.warnings)
    assert result.parameters["correlation_time_s"].value == pytest.approx(1e-9, rel=1e-5, abs=0)


def test_conductivity_follows_from_the_correlation_time(tmp_path):
    from spacecharge.nmr.relaxation import dipolar_rates

    tau = 1e-9 * np.exp(0.25 / 8.617333262e-5 * (1 / T - 1 / 298.15))
    r1 = dipolar_rates(tau, larmor_rad_s=2e8 * np.pi, coupling=1e9)[0]
    transport = {"jump_length_nm": 0.3, "jump_directions": 6, "number_density_per_nm3": 20.0, "haven_ratio": 0.5}
    result = fit(
        configured(tmp_path, {"temperature_K": T, "T1_s": 1 / r1}, fit="relaxation", model=BPP, transport=transport)
    )
    d = result.derived["diffusivity"]
    assert d.value == pytest.approx(9e-20 / 6e-9, rel=1e-5, abs=0)
    expected = nernst_einstein(d.value, 2e28, 298.15, haven_ratio=0.5)
    assert result.derived["conductivity"].value == pytest.approx(expected, rel=1e-12, abs=0)


def test_without_errors_the_scatter_is_stated(tmp_path):
    config = configured(
        tmp_path, build_up(), fit="exsy", model=SPHERE, parameters={"activation_energy_eV": {"fixed": 0.3}}
    )
    text = fit_text(fit(config).to_json())
    assert "scatter" in text
    assert "chi-square" not in text
