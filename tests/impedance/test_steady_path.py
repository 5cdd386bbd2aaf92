"""Loads that Newton's method does not reach from rest in one go: along the voltage, and beside collocation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE

from .collocation import Collocation
from .random_stacks import Case, random_case
from .test_random import load_of

Array = NDArray[np.float64]


class Repelling(Collocation):
    """One component with interaction, and laws of charge transfer with any symmetry factor."""

    def __init__(self, case: Case) -> None:
        rates = [[float(law.rate_at(case.stack.temperature_K)) if law else 0.0] for law in case.laws]
        super().__init__(case.stack, np.array(rates))
        p = sc.solve(self.stack).parameters
        kt = BOLTZMANN * float(p.temperature[0])
        self.energies = (
            4.0 / 3.0 * p.interaction_occupied[0, :, 0] / kt,
            4.0 / 3.0 * p.interaction_vacancy[0, :, 0] / kt,
        )
        self.alpha = [float(np.asarray(law.symmetry_factor)) if law else 0.5 for law in case.laws]

    def state(self, s: Array, i: int) -> tuple[Array, Array, Array, Array]:
        psi, d, w, _ = super().state(s, i)
        occupied, vacant = (float(part[i]) for part in self.energies)

        def level(logit: Array) -> Array:
            return occupied * (1.0 + np.exp(-logit)) ** (-1 / 3) - vacant * (1.0 + np.exp(logit)) ** (-1 / 3)

        bulk = float(self.odds[i, 0])
        aim = bulk + level(np.array(bulk)) - self.z[i, 0] * (psi - w[0])
        low, high = aim - 5.0, aim + 5.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            above = middle + level(middle) > aim
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return psi, d, w, (1.0 / (1.0 + np.exp(-0.5 * (low + high))))[None]

    def jump(self, contact: int, c: int, current: float, filled: tuple[float, float]) -> float:
        a, (left, right) = self.alpha[contact], filled
        exchange = ELEMENTARY_CHARGE * self.rates[contact, c]
        exchange *= (left * (1.0 - right)) ** (1.0 - a) * (right * (1.0 - left)) ** a
        ratio = current / exchange
        return float(brentq(lambda x: np.exp(a * x) - np.exp(-(1.0 - a) * x) - ratio, -600.0, 600.0, xtol=1e-13))


@pytest.mark.slow
def test_a_load_beyond_a_depleted_layer_beside_collocation() -> None:
    """Four layers whose voltage rises from 0.5 to 1.3 V; from rest along the current Newton stops at a fourth of it."""
    case = random_case(181)
    current = load_of(case, 181)
    state = sc.steady_state(case.stack, current_density=current, charge_transfer=case.laws)
    shares = (0.0, *np.geomspace(0.02, 1.0, 24))
    run = Repelling(case).solve(current, tol=1e-6, shares=shares)
    assert state.voltage == pytest.approx(run.voltage, rel=1e-6)


class Resisting(Collocation):
    """Ions and electrons; every component meets the plain resistance of a contact."""

    def __init__(self, case: Case) -> None:
        super().__init__(case.stack, np.array([[r] * len(case.components) for r in case.resistances]))

    def jump(self, contact: int, c: int, current: float, filled: tuple[float, float]) -> float:
        return float(self.rates[contact, c] * current / self.volt)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [25, 128])
def test_layers_that_lose_both_carriers_beside_collocation(seed: int) -> None:
    """14.5 and -9.6 V over some nanometres, occupancies down to 4e-7: drift through a depleted layer."""
    case = random_case(seed)
    current = load_of(case, seed)
    state = sc.steady_state(case.stack, current_density=current, contact_resistance=case.resistances)
    run = Resisting(case).solve(current, tol=1e-5, shares=(0.0, *np.linspace(0.01, 1.0, 100)))
    assert state.voltage == pytest.approx(run.voltage, rel=1e-7)
    assert state.component_current_density == pytest.approx(run.currents, rel=1e-7)


@pytest.mark.slow
def test_a_current_beyond_saturation_says_what_it_would_take() -> None:
    """A contact in reverse: both minority carriers are carried off as fast as they diffuse, at -67 to -68 A/m2."""
    case = random_case(220)
    current = load_of(case, 220)
    state = sc.steady_state(case.stack, current_density=current, contact_resistance=case.resistances, throw=False)
    assert state.status == 1
    words = state.message
    reached = float(words.split(" A/m2 flow")[0].split()[-1])
    slope = float(words.split("dV/dJ is ")[1].split()[0])
    assert float(words.split("would take ")[1].split()[0]) == pytest.approx((reached - current) * slope, rel=0.05)
    # Below it: the state that collocation finds.
    state = sc.steady_state(case.stack, current_density=0.652 * current, contact_resistance=case.resistances)
    run = Resisting(case).solve(0.652 * current, tol=1e-6, shares=(0.0, *np.linspace(0.01, 1.0, 100)))
    assert state.voltage == pytest.approx(run.voltage, rel=1e-7)
