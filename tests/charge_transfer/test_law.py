"""The law of charge transfer: published and independent numbers, symmetries, limits."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE
from spacecharge.errors import ModelError
from spacecharge.model import stack_parameters
from spacecharge.model.charge_transfer import (
    ChargeTransfer,
    apparent_activation_energy,
    calibrated_rate_constant,
    jump_rates,
    occupancy_factor,
    resistance_of_exchange,
)

from .cases import NEUTRAL_I0, POTENTIALS, ROOM, WARM, law, stack, transfer

SIDES = (0.15, 0.85, 0.995, 0.005)


def test_ratios_and_activation_energies_of_the_default_set() -> None:
    current, total = transfer(0.10)
    ratio = current[:, 0] / NEUTRAL_I0
    # Three digits of an independent calculation without any mesh.
    assert ratio == pytest.approx([1.0, 0.103, 0.123], abs=5e-4)
    # "About 325 and 272 Ohm cm2".
    assert total[:, 0] * 1e4 == pytest.approx([33.37, 325.0, 272.0], rel=5e-3)
    rise = apparent_activation_energy([ROOM, WARM], total.T) - 0.315
    assert rise == pytest.approx([0.0, 0.094, 0.062], abs=5e-4)


def test_without_interaction_the_law_overshoots() -> None:
    current, total = transfer(0.0)
    assert (current[1:, 0] / NEUTRAL_I0 < 0.005).all()
    rise = apparent_activation_energy([ROOM, WARM], total.T) - 0.315
    assert rise == pytest.approx([0.0, 0.299, 0.195], abs=5e-4)


def test_order_of_the_charged_interfaces_is_that_of_alpha() -> None:
    even, _ = transfer(0.10)
    slanted, _ = transfer(0.10, alpha=0.7)
    # Measured: Li2V2O5 exchanges faster than Li0.2V2O5. Even jumps give the opposite, slanted ones the measured order.
    assert even[1, 0] < even[2, 0]
    assert slanted[1, 0] > slanted[2, 0]


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("potential", POTENTIALS.values())
def test_detailed_balance_with_energies_from_the_bulk(potential: float, alpha: float) -> None:
    """The step of energy comes from the neutral bulks and the interactions, not from the contact's occupancies."""
    solution = sc.solve(stack(potential), tolerance_V=1e-9)
    p = stack_parameters(stack(potential))
    theta = np.array([float(v) for v in solution.scalars["contact_occupancy"][0]])
    vacancy = np.array([float(v) for v in solution.scalars["contact_vacancy"][0]])
    thermal = BOLTZMANN * ROOM
    coupling = 0.10 * ELEMENTARY_CHARGE

    def interaction(t: float, v: float) -> float:
        return 4.0 / 3.0 * coupling * (t ** (1.0 / 3.0) - v ** (1.0 / 3.0))

    energy = []
    for side in (0, 1):
        bulk, empty = p.bulk_occupancy[0, side, 0], p.bulk_vacancy[0, side, 0]
        # mu0 = -e U - kT ln(...) - interaction of the bulk, level with U against Li; phi = 0 where both bulks are.
        standard = -ELEMENTARY_CHARGE * p.potential[0, side] - thermal * np.log(bulk / empty) - interaction(bulk, empty)
        energy.append(standard + interaction(theta[side], vacancy[side]))
    forward, backward = jump_rates(
        2e20, theta[0], vacancy[0], theta[1], vacancy[1], (energy[1] - energy[0]) / thermal, alpha
    )
    # 1e-9 V of the contact potential is 4e-8 of the rates; the occupancies add as much.
    assert forward == pytest.approx(backward, rel=1e-6)
    factor = occupancy_factor(theta[0], vacancy[0], theta[1], vacancy[1], alpha)
    assert 2e20 * factor == pytest.approx(forward, rel=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.5, 0.9])
def test_exchange_of_sides_turns_alpha_over(alpha: float) -> None:
    there = occupancy_factor(*SIDES, alpha)
    back = occupancy_factor(SIDES[2], SIDES[3], SIDES[0], SIDES[1], 1.0 - alpha)
    assert there == pytest.approx(back, rel=1e-14)


def test_mirrored_stack_has_the_same_exchange_current() -> None:
    forward = stack(2.4)
    mirror = sc.Stack(tuple(reversed(forward.layers)))
    one = sc.exchange_current_density(sc.solve(forward, tolerance_V=1e-9), law(alpha=0.3))
    # The rate constant is the same number: the mirrored law, not a new calibration.
    turned = ChargeTransfer(rate_constant=law(alpha=0.3).rate_constant, activation_energy_eV=0.315, symmetry_factor=0.7)
    two = sc.exchange_current_density(sc.solve(mirror, tolerance_V=1e-9), turned)
    assert one == pytest.approx(two, rel=1e-6)


def test_without_a_layer_the_bulk_stands_in_the_law() -> None:
    solution = sc.solve(stack(3.0), resistance_of=["electrolyte"])
    assert sc.exchange_current_density(solution, law())[0] == pytest.approx(NEUTRAL_I0, rel=1e-9)
    # kT/(e i0) of 0.77 mA/cm2: 33.37 Ohm cm2, and nothing of the layer.
    assert sc.charge_transfer_resistance(solution, law())[0] == pytest.approx(33.367e-4, rel=1e-4)
    assert sc.total_resistance(solution, law()) == pytest.approx(33.367e-4, rel=1e-4)


def test_resistance_is_the_slope_of_the_net_rate() -> None:
    """A small voltage shifts the electrochemical potential; however it is split, the net rate follows kT/(e i0)."""
    alpha, k0 = 0.3, 2e20
    te, ve, ts, vs = SIDES
    step = -np.log(ts * ve / (te * vs))
    current = ELEMENTARY_CHARGE * k0 * occupancy_factor(*SIDES, alpha)
    tilt = 1e-6
    for energy, occupancy in ((tilt, 0.0), (0.0, tilt), (0.5 * tilt, 0.5 * tilt)):
        # Energy of the left site up by `energy` kT, its theta/(1 - theta) by exp(occupancy).
        odds = te / ve * np.exp(occupancy)
        forward, backward = jump_rates(k0, odds / (1 + odds), 1 / (1 + odds), ts, vs, step - energy, alpha)
        volts = tilt * BOLTZMANN * ROOM / ELEMENTARY_CHARGE
        net = ELEMENTARY_CHARGE * (forward - backward)
        assert volts / net == pytest.approx(resistance_of_exchange(current, ROOM), rel=1e-5)  # second order of tilt


def test_activation_energy_comes_from_t_over_r() -> None:
    temperature = np.array([298.15, 330.0, 363.15])
    current = 7.7 * np.exp(-0.4 * ELEMENTARY_CHARGE / BOLTZMANN * (1 / temperature - 1 / 298.15))
    resistance = resistance_of_exchange(current, temperature)
    assert apparent_activation_energy(temperature, resistance) == pytest.approx(0.4, abs=1e-12)
    # ln R alone is lower by kT, 0.028 eV in the middle of the range.
    plain = np.polyfit(1 / temperature, np.log(resistance), 1)[0] * BOLTZMANN / ELEMENTARY_CHARGE
    assert 0.4 - plain == pytest.approx(BOLTZMANN * 329 / ELEMENTARY_CHARGE, rel=0.01)


def test_activation_energy_needs_two_temperatures() -> None:
    with pytest.raises(ModelError, match="two different temperatures"):
        apparent_activation_energy([298.15, 298.15], [1.0, 2.0])


def test_vacancies_of_full_layers_do_not_cancel() -> None:
    # 1 - (1 - 1e-20) is zero in doubles: the law must take the fraction as it is carried.
    assert occupancy_factor(0.5, 0.5, 1.0, 1e-20, 0.5) == pytest.approx(np.sqrt(0.5 * 1e-20 * 0.5), rel=1e-12)


def test_calibration_refuses_what_is_not_neutral() -> None:
    with pytest.raises(ModelError, match="not neutral"):
        calibrated_rate_constant(stack(2.4), "electrode|electrolyte", NEUTRAL_I0)
    with pytest.raises(ModelError, match="no contact is called"):
        calibrated_rate_constant(stack(3.0), "electrode|coating", NEUTRAL_I0)


@pytest.mark.parametrize("bad", [{"symmetry_factor": 1.1}, {"rate_constant": 0.0}])
def test_law_refuses_numbers_out_of_range(bad: dict[str, float]) -> None:
    with pytest.raises(ModelError):
        ChargeTransfer(**{"rate_constant": 1e20, **bad})


JUMP = """
layers:
  a: {thickness_nm: 20, potential_V: 3.2, permittivity: 12, site_density_per_nm3: 22, occupancy: 0.45,
      charge_number: 1, STATdiffusivity_m2_per_s: 1e-13}
  b: {thickness_nm: 20, potential_V: 3.0, permittivity: 18, site_density_per_nm3: 19.7, occupancy: 0.38,
      charge_number: Z, STATdiffusivity_m2_per_s: 1e-13}
contacts:
  - charge_transfer: {rate_constant_per_m2_s: 3.0e20}
"""


@pytest.mark.parametrize(
    ("z", "word", "more", "message"),
    [
        ("2", "", "", r"c.yaml:7:5: contacts.0.charge_transfer: a and b carry ions of charge 1 and 2"),
        ("1", "statistics: dilute, ", "", r"c.yaml:7:5: contacts.0.charge_transfer: a and b have dilute statistics"),
        ("1", "", "sweep: {b.charge_number: [1, 2]}", r"c.yaml:8:9: sweep.b.charge_number: a jump across"),
    ],
)
def test_contacts_that_no_ion_can_jump_across_are_refused(z: str, word: str, more: str, message: str) -> None:
    from spacecharge.config import parse_config
    from spacecharge.errors import ConfigError

    text = JUMP.lstrip().replace("Z,", f"{z},").replace("STAT", word) + more
    with pytest.raises(ConfigError, match=message):
        parse_config(text, "c.yaml")
    parse_config(JUMP.lstrip().replace("Z,", "1,").replace("STAT", ""), "c.yaml")


def test_the_law_itself_refuses_them_too() -> None:
    from spacecharge.errors import ModelError

    def of(**changes: object) -> sc.Stack:
        layer = {"thickness_nm": 20.0, "permittivity": 12.0, "site_density_per_nm3": 20.0, "occupancy": 0.4}
        return sc.Stack(
            (
                sc.Layer(name="a", potential_V=3.2, **layer),
                sc.Layer(name="b", potential_V=3.0, **(layer | changes)),
            )
        )

    law = ChargeTransfer(rate_constant=3e20)
    assert np.isfinite(sc.exchange_current_density(sc.solve(of()), law)).all()
    for changes, message in (({"charge_number": 2.0}, "one ion on both sides"), ({"statistics": "dilute"}, "dilute")):
        with pytest.raises(ModelError, match=message):
            sc.exchange_current_density(sc.solve(of(**changes)), law)
