"""Biased contacts (DYNAMICS 2): the table of the design, the first integral, rectification, exact slopes."""

from __future__ import annotations

import pytest

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE

from .cases import pair

LAW = sc.ChargeTransfer(rate_constant=1.9847733e20)
VOLT = BOLTZMANN * 298.15 / ELEMENTARY_CHARGE


def biased(potential: float, x: float, eta: float, thickness: float = 60.0) -> sc.Solution:
    stack = pair(potential, x, thickness=thickness).replace(contacts=(sc.Contact(bias_V=eta),))
    return sc.solve(stack, tolerance_V=1e-9)


@pytest.mark.parametrize(
    ("potential", "x", "eta", "current", "exchange", "contact"),
    [
        (3.4, 0.2, -0.1, -16.81691, 2.452014, 0.156438),
        (3.4, 0.2, 0.1, 1.866939, 0.2722118, 0.287034),
        (2.4, 2.0, 0.2, 215.2415, 4.392957, -0.162897),
        (3.0, 1.0, -0.05, -17.65628, 7.78477, -0.025935),
    ],
)
def test_digits_of_the_design(
    potential: float, x: float, eta: float, current: float, exchange: float, contact: float
) -> None:
    solution = biased(potential, x, eta)
    assert sc.current_density(solution, LAW) == pytest.approx(current, rel=1e-6)
    assert float(sc.exchange_current_density(solution, LAW)[0]) == pytest.approx(exchange, rel=1e-6)
    # Against the neutral bulk of the last layer, from either side.
    assert sc.contact_potential(solution)[0] == pytest.approx([contact, contact], abs=6e-7)
    assert sc.overpotential(solution) == pytest.approx([eta])
    assert sc.contact_current_density(solution, LAW) == pytest.approx([current], rel=1e-6)


def test_the_contact_rectifies() -> None:
    assert sc.current_density(biased(3.4, 0.2, -0.2), LAW) == pytest.approx(-219.3, abs=0.05)
    assert sc.current_density(biased(3.4, 0.2, 0.2), LAW) == pytest.approx(3.12, abs=0.005)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("eta", [-0.15, 0.0, 1e-6, 0.15])
def test_slope_is_that_of_the_curve(alpha: float, eta: float) -> None:
    law = sc.ChargeTransfer(rate_constant=1e20, symmetry_factor=alpha)
    step = 1e-3
    values = [
        sc.current_density(sc.solve(biased(3.4, 0.2, eta + k * step, 20.0).stack, tolerance_V=1e-11), law)
        for k in (-2, -1, 1, 2)
    ]
    slope = (8.0 * (values[2] - values[1]) - (values[3] - values[0])) / (12.0 * step)
    # The rule itself leaves 1e-8: (1e-3 e/kT)^4 / 30.
    assert 1.0 / sc.differential_resistance(biased(3.4, 0.2, eta, 20.0), law) == pytest.approx(slope, rel=3e-7)


def test_slope_at_rest_is_the_charge_transfer_resistance() -> None:
    solution = biased(3.4, 0.2, 0.0)
    expected = float(sc.charge_transfer_resistance(solution, LAW)[0])
    assert sc.differential_resistance(solution, LAW) == pytest.approx(expected, rel=1e-12)
    assert sc.current_density(solution, LAW) == 0.0


def test_occupancies_move_as_if_the_potential_did() -> None:
    """A bias moves the step by eta and nothing else: the same as a layer of that much more U at the same occupancy."""
    one = biased(3.4, 0.2, 0.1)
    moved = pair(3.5, 0.2, thickness=60.0)
    two = sc.solve(moved, tolerance_V=1e-9)
    assert sc.contact_occupancy(one) == pytest.approx(sc.contact_occupancy(two), rel=1e-9)


def test_a_plain_resistance_passes_its_share() -> None:
    contact = sc.Contact(bias_V=0.1, resistance_ohm_cm2=20.0)
    solution = sc.solve(pair().replace(contacts=(contact,)))
    assert sc.current_density(solution) == pytest.approx(0.1 / 20e-4)
    assert sc.differential_resistance(solution) == pytest.approx(20e-4)


def test_the_left_of_several_contacts_lifts_only_what_lies_left() -> None:
    base = pair(thickness=10.0)
    third = base.layers[1].replace(name="third", potential_V=3.1)
    contacts = (sc.Contact(bias_V=0.07), sc.Contact(bias_V=-0.03))
    solution = sc.solve(base.replace(layers=(*base.layers, third), contacts=contacts))
    levels = solution.parameters.neutral_potential[0]
    assert levels - levels[-1] == pytest.approx([3.4 - 3.1 + 0.07 - 0.03, 3.0 - 3.1 - 0.03, 0.0])
    left, right = sc.contact_potential(solution).T
    assert left == pytest.approx(right, abs=1e-12)


def test_law_with_several_species_is_refused() -> None:
    from .cases import coated

    solution = sc.solve(coated())
    with pytest.raises(sc.ModelError, match="one mobile species"):
        sc.current_density(solution, LAW)
