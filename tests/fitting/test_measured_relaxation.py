"""Relaxation of measured Bruker folders: units of the delays, the authors' own fits, what cannot be told apart."""

from pathlib import Path

import pytest

from spacecharge.errors import FitError
from spacecharge.fitting.load import check_fit_mapping
from spacecharge.fitting.run import fit

REAL = Path(__file__).parents[1] / "nmr" / "data" / "relaxometrynmr_MIT"


def bruker(folder, **more):
    data = {"bruker": str(folder)} | more.pop("data", {})
    return fit(check_fit_mapping({"fit": "recovery", "data": data, **more}, path="fit.yaml"))


def test_spin_lock_in_microseconds_gives_milliseconds():
    result = bruker(
        REAL / "T1_rho_data" / "79",
        data={"delay_unit": "us", "temperature_K": 163.0},
        model={"kind": "exponential", "sequence": "decay"},
    )
    t1rho = result.parameters["time_constant_s"]
    # The title of the experiment says 17.407 ms; the vendor's report, reading seconds, says 10203 s and 16090 s.
    assert 12e-3 < t1rho.value < 22e-3
    assert t1rho.sigma < 2e-3
    report = (REAL / "T1_rho_data" / "79" / "ct1t2.txt").read_text()
    assert "10202.919s" in report


def test_saturation_recovery_of_an_oxide_ion_conductor():
    result = bruker(
        REAL / "T1_data" / "1",
        data={"delay_unit": "s"},
        model={"kind": "stretched", "sequence": "saturation"},
        parameters={"offset": {"initial": 0.1}},
    )
    # Its author's fits: 4.65 ms (exponential), 3.4 to 4.2 ms with exponent 0.46 (stretched).
    assert 2e-3 < result.parameters["time_constant_s"].value < 6e-3
    assert 0.3 < result.parameters["stretching"].value < 1.1


def test_unidentifiable_recovery_is_refused_where_the_vendor_prints_nonsense():
    # Efficiency, amplitude and offset of a saturation recovery are two numbers, not three.
    with pytest.raises(FitError, match="cannot tell apart amplitude, efficiency and offset"):
        bruker(
            REAL / "T1_data" / "1",
            data={"delay_unit": "s"},
            model={"kind": "exponential", "sequence": "saturation"},
            parameters={"offset": {"initial": 0.1}, "efficiency": {"initial": 0.9}},
        )
