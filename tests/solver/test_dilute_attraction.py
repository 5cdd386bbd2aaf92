"""Species that attract each other: a gap, with its reason, where the chemical potential turns back."""

from __future__ import annotations

import numpy as np
import pytest

from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE
from spacecharge.errors import MiscibilityGapError
from spacecharge.model import Stack, Statistics, stack_parameters
from spacecharge.solver.equilibrium import solve
from tests.solver.random_stacks import random_stacks

from .test_every_solve_ends import DILUTE_ATTRACTION, LONGEST_SOLVE_S, layer, seconds_of, wall


@pytest.mark.parametrize("name", DILUTE_ATTRACTION)
def test_dilute_attraction_is_a_gap_where_its_branch_ends(name: str) -> None:
    stack = DILUTE_ATTRACTION[name]
    solution, seconds = seconds_of(stack)
    assert solution.status == 2
    assert seconds < LONGEST_SOLVE_S
    # mu = kT ln theta + (4/3) J theta^(1/3) turns at theta = (9 kT / (4 |J|))^3.
    p = solution.parameters
    occ = p.interaction_occupied[0, 0, 0]
    end = (9.0 * BOLTZMANN * p.temperature[0] / (4.0 * abs(occ))) ** 3
    assert f"from {end:.4g} on" in solution.message
    assert stack.layers[0].name in solution.message
    with pytest.raises(MiscibilityGapError, match="dilute"):
        solve(stack)


def test_dilute_bulk_beyond_its_turn_is_a_gap() -> None:
    solution = solve(Stack([layer(statistics="dilute", interaction={"occupied_eV": -0.2})]), throw=False)
    assert solution.status == 2
    assert "from" in solution.message


def turn_of(temperature: float, interaction_eV: float) -> float:
    """Return the occupancy at which mu = kT ln theta + (4/3) J theta^(1/3) turns, for J < 0."""
    kt = BOLTZMANN * temperature / ELEMENTARY_CHARGE
    return float((9.0 * kt / (4.0 * abs(interaction_eV))) ** 3)


@pytest.mark.parametrize("n", [1500, pytest.param(25_000, marks=pytest.mark.slow)])
def test_every_dilute_bulk_beyond_its_turn_is_a_gap(n: int) -> None:
    """24 of the 25,000 were once called solved: at rest such a bulk is a state without charge, but no minimum.

    In 23 of them the bulk itself lies beyond the turn of its chemical potential, which is asked of all here.
    """
    beyond = 0
    for number, stack in enumerate(random_stacks(n, seed=1)):
        p = stack_parameters(stack)
        occ = p.interaction_occupied[0] / ELEMENTARY_CHARGE
        for place in np.argwhere((p.statistics == Statistics.DILUTE) & (occ < 0.0)).tolist():
            if p.bulk_occupancy[0][tuple(place)] > 1.0001 * turn_of(stack.temperature_K, occ[tuple(place)]):
                assert solve(stack, throw=False).status == 2, number
                beyond += 1
    assert beyond >= n // 100


def test_a_wall_that_pulls_a_dilute_layer_beyond_its_turn_is_a_gap() -> None:
    """The 24th: bulk and turn lie 97 mV apart, the wall asks for 3.4 V; half of the 97 mV it may ask."""
    temperature, theta, j = 476.24255735128133, 0.00824706452509496, -0.0940506905081399
    kt, end = BOLTZMANN * temperature / ELEMENTARY_CHARGE, turn_of(temperature, j)
    room = kt * np.log(end / theta) + 4.0 / 3.0 * j * (np.cbrt(end) - np.cbrt(theta))
    assert room == pytest.approx(0.097, abs=1e-3)
    one = layer(
        thickness_nm=2e3, permittivity=125.6, charge_number=-1, site_density_per_nm3=2.4876e-6, occupancy=theta,
        statistics="dilute", interaction={"occupied_eV": j},
    )  # fmt: skip
    for share, status in ((0.5, 0), (1.05, 2), (35.0, 2)):
        stack = Stack([one], right=wall("electrostatic_potential_V", share * room), temperature_K=temperature)
        assert solve(stack, throw=False).status == status, share


def test_two_sided_attraction_is_a_gap_on_either_side() -> None:
    for sign in (1.0, -1.0):
        pair = {"occupied_eV": -0.08, "vacancy_eV": -0.08}
        stack = Stack(
            [layer(occupancy=0.03 if sign < 0.0 else 0.97, thickness_nm=50.0, interaction=pair)],
            left=wall("electrostatic_potential_V", sign * 1.0),
        )
        solution, seconds = seconds_of(stack)
        assert (solution.status, "J_vac" in solution.message) == (2, True)
        assert seconds < LONGEST_SOLVE_S
