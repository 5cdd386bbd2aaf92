"""The constants are those of CODATA 2022, as scipy has them."""

import pytest
import scipy.constants as codata

from spacecharge import constants


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("ELEMENTARY_CHARGE", "elementary charge"),
        ("BOLTZMANN", "Boltzmann constant"),
        ("AVOGADRO", "Avogadro constant"),
        ("PLANCK_REDUCED", "reduced Planck constant"),
        ("VACUUM_PERMITTIVITY", "vacuum electric permittivity"),
        ("VACUUM_PERMEABILITY", "vacuum mag. permeability"),
        ("FARADAY", "Faraday constant"),
        ("GAS_CONSTANT", "molar gas constant"),
    ],
)
def test_constants_are_those_of_codata(name: str, entry: str) -> None:
    value, _, sigma = codata.physical_constants[entry]
    # Measured ones change between adjustments by about their sigma; defined ones agree to the digits of the table.
    allowed = max(5.0 * sigma, 1e-10 * value if sigma == 0.0 else 0.0)
    assert abs(getattr(constants, name) - value) <= allowed
    if "CODATA 2022" in (codata.codata.__doc__ or ""):
        assert getattr(constants, name) == pytest.approx(value, rel=1e-11)


def test_the_kernels_count_with_the_same_constants() -> None:
    from spacecharge.kernels import species

    for name in ("ELEMENTARY_CHARGE", "BOLTZMANN", "VACUUM_PERMITTIVITY"):
        assert getattr(species, name) == getattr(constants, name)


def test_lengths() -> None:
    assert codata.nano == constants.NM
    assert pytest.approx(codata.nano**-3, rel=1e-15) == constants.PER_NM3
