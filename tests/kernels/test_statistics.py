"""Occupancies, charge derivatives and the border of the stable branch, against mpmath and the oracle."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from spacecharge.analytic import critical_interaction, spinodal_log_odds
from spacecharge.constants import BOLTZMANN
from spacecharge.kernels.laws import DELTA_MAX, interaction, lattice_point, point_state
from spacecharge.kernels.species import spinodal_bounds
from spacecharge.kernels.statistics import counted_delta, solve_delta

OCCUPANCIES = (1e-6, 1e-3, 0.1, 0.5, 0.9, 1.0 - 1e-6)
SHIFTS = (0.0, 1e-12, -1e-9, 1e-4, -0.3, 0.7, 3.0, -8.0, 40.0, -40.0, 300.0, -590.0)
LATTICE, DILUTE = 0, 1


def roots(theta: float, vacancy: float) -> tuple[float, float]:
    return theta ** (1.0 / 3.0), vacancy ** (1.0 / 3.0)


def exact_lattice(delta: float, theta: float, vacancy: float) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    t, n = mp.mpf(theta), mp.mpf(vacancy)
    odds = t / n * mp.exp(mp.mpf(delta))
    # theta and vacancy as given need not add up to one in the last place: the kernels normalise.
    total = odds + 1
    return odds / total, 1 / total, odds / total - t / (t + n)


@pytest.mark.parametrize("theta", OCCUPANCIES)
def test_lattice_point_against_mpmath(theta: float) -> None:
    vacancy = 1.0 - theta
    with mp.workdps(400):
        for delta in SHIFTS:
            found = lattice_point(delta, theta, vacancy)
            for value, exact in zip(found, exact_lattice(delta, theta, vacancy), strict=True):
                # A dozen roundings; theta, 1 - theta and theta - theta_b each keep their relative accuracy.
                assert value == pytest.approx(float(exact), rel=4e-15, abs=1e-307)


@pytest.mark.parametrize("theta", OCCUPANCIES)
@pytest.mark.parametrize(("occ", "vac"), [(4.0, 0.0), (0.0, 4.0), (12.0, 3.0), (-2.0, -1.0)])
def test_interaction_does_not_cancel(theta: float, occ: float, vac: float) -> None:
    with mp.workdps(400):
        for delta in (1e-12, -1e-9, 1e-4, -0.3, 0.7, 3.0, -8.0, 40.0, -40.0):
            # Bulk fractions that add up exactly, so that the differences are those of the kernel.
            t = mp.mpf(theta)
            n = 1 - t
            odds = t / n * mp.exp(mp.mpf(delta))
            there, empty = odds / (1 + odds), 1 / (1 + odds)
            third = mp.mpf(1) / 3
            exact = mp.mpf(4) / 3 * (occ * (there**third - t**third) - vac * (empty**third - n**third))
            root_theta, root_vacancy = roots(theta, float(n))
            a, b, change = lattice_point(delta, theta, float(n))
            potential, slope = interaction(a, b, change, occ, vac, root_theta, root_vacancy)
            # Opposite signs of the two parts cost a digit at most here.
            assert potential == pytest.approx(float(exact), rel=2e-14)
            steep = 1 + mp.mpf(4) / 9 * (occ * there**third * empty + vac * empty**third * there)
            assert slope == pytest.approx(float(steep), rel=2e-14)


@pytest.mark.parametrize("dilute", [LATTICE, DILUTE])
def test_slopes_are_derivatives(dilute: int) -> None:
    for theta in (1e-4, 0.2, 0.95):
        for occ, vac in ((0.0, 0.0), (6.0, 0.0 if dilute else 4.0), (-1.0, 0.0)):
            p = (theta, 1.0 - theta, occ, vac, *roots(theta, 1.0 - theta))
            for delta in (-3.0, -0.01, 0.4, 2.0):
                h = 1e-5
                up, down = point_state(delta + h, dilute, *p), point_state(delta - h, dilute, *p)
                here = point_state(delta, dilute, *p)
                # Central differences of step 1e-5: 1e-10 from the cubic term, 1e-11 from rounding.
                assert (up[0] - down[0]) / (2.0 * h) == pytest.approx(here[3], rel=1e-8)
                assert 1.0 + (up[4] - down[4]) / (2.0 * h) == pytest.approx(here[5], rel=1e-8)
                assert (up[2] - down[2]) / (2.0 * h) == pytest.approx(here[3], rel=1e-8)


@pytest.mark.parametrize("dilute", [LATTICE, DILUTE])
def test_solve_delta_meets_its_equation(dilute: int) -> None:
    rng = np.random.default_rng(8)
    for _ in range(200):
        theta = float(1.0 / (1.0 + np.exp(rng.uniform(-13.0, 13.0))))
        occ = float(rng.uniform(0.0, 20.0))
        vac = 0.0 if dilute else float(rng.uniform(0.0, 20.0))
        z = float(rng.choice([-2.0, -1.0, 1.0, 3.0]))
        y = float(rng.uniform(-150.0, 150.0)) if not dilute else float(rng.uniform(-20.0, 20.0))
        p = (theta, 1.0 - theta, occ, vac, *roots(theta, 1.0 - theta))
        delta = solve_delta(y, z, 0.0, dilute, p, (-DELTA_MAX, DELTA_MAX))
        potential, slope = point_state(delta, dilute, *p)[4:6]
        # The residual divided by its slope is the error of Delta: rounding of sizes up to a few hundred.
        assert abs(delta + potential + z * y) / slope <= 1e-13 * max(1.0, abs(z * y))
        again = solve_delta(y, z, delta, dilute, p, (-DELTA_MAX, DELTA_MAX))
        assert again == pytest.approx(delta, rel=1e-13, abs=1e-14)


def test_a_far_start_costs_no_more_than_a_near_one() -> None:
    """Beyond what interaction can add, Delta is -z y: up to 40 halvings before the bracket knew it."""
    rng = np.random.default_rng(9)
    for _ in range(300):
        theta = float(1.0 / (1.0 + np.exp(rng.uniform(-20.0, 20.0))))
        occ, vac = (float(v) for v in rng.uniform(0.0, 30.0, size=2))
        p = (theta, 1.0 - theta, occ, vac, *roots(theta, 1.0 - theta))
        y, start = (float(v) for v in rng.uniform(-500.0, 500.0, size=2))
        delta, iterations = counted_delta(y, 1.0, start, LATTICE, p, (-DELTA_MAX, DELTA_MAX))
        potential, slope = point_state(delta, LATTICE, *p)[4:6]
        assert abs(delta + potential + y) / slope <= 1e-13 * max(1.0, abs(y))
        assert iterations <= 12


def test_a_far_start_costs_no_more_where_sites_do_not_limit() -> None:
    """Repulsion grows as exp(Delta/3), which Newton comes down by 3 at a time: once up to 99 iterations, 11 on average.

    The answer by Lambert's W: with a = (4/3) j theta_b^(1/3), Delta + a exp(Delta/3) = a - y.
    """
    rng = np.random.default_rng(10)
    for _ in range(300):
        theta, occ = 10.0 ** rng.uniform(-12.0, 0.0), 10.0 ** rng.uniform(-2.0, 2.5)
        y, start = float(rng.choice([-1.0, 1.0])) * 10.0 ** rng.uniform(-1.0, 3.0), rng.uniform(-50.0, 50.0)
        p = (theta, 1.0, occ, 0.0, np.cbrt(theta), 1.0)
        delta, iterations = counted_delta(y, 1.0, start, DILUTE, p, (-DELTA_MAX, DELTA_MAX))
        a = mp.mpf(4) / 3 * occ * mp.cbrt(theta)
        whole = a - mp.mpf(y)
        exact = float(whole - 3 * mp.lambertw(a / 3 * mp.exp(whole / 3)).real)
        assert delta == pytest.approx(max(exact, -DELTA_MAX), rel=1e-12, abs=1e-13)
        assert iterations <= 12


def test_spinodal_bounds_against_the_oracle() -> None:
    rng = np.random.default_rng(21)
    seen = {"stable": 0, "unstable": 0, "below": 0, "above": 0}
    for _ in range(300):
        angle = rng.uniform(-0.4, math.pi / 2.0 + 0.4)
        occ, vac = -math.cos(angle), -math.sin(angle)
        critical = critical_interaction(300.0, occ, vac) / (BOLTZMANN * 300.0)
        strength = critical * float(rng.choice([0.97, 1.03, 1.5, 4.0]))
        occ, vac = occ * strength, vac * strength
        bulk = float(rng.uniform(-12.0, 12.0))
        theta, vacancy = 1.0 / (1.0 + math.exp(-bulk)), 1.0 / (1.0 + math.exp(bulk))
        edges = spinodal_log_odds(occ, vac)
        low, high, stable = spinodal_bounds(theta, vacancy, occ, vac)
        inside = any(a < bulk < b for a, b in zip(edges[::2], edges[1::2], strict=True))
        if inside:
            assert not stable
            seen["unstable"] += 1
            continue
        assert stable
        seen["stable"] += 1
        below = max((u - bulk for u in edges if u < bulk), default=-DELTA_MAX)
        above = min((u - bulk for u in edges if u > bulk), default=DELTA_MAX)
        seen["below"] += below > -DELTA_MAX
        seen["above"] += above < DELTA_MAX
        # Bisection to 60 digits of a step of 0.02 in Delta; the sum with the bulk rounds at 1e-15.
        assert low == pytest.approx(below, abs=1e-11)
        assert high == pytest.approx(above, abs=1e-11)
    assert min(seen.values()) > 20, seen


def test_the_critical_strength_itself() -> None:
    for (occ, vac), at in (((0.0, -1.0), 0.75), ((-1.0, 0.0), 0.25), ((-1.0, -1.0), 0.5)):
        critical = critical_interaction(300.0, occ, vac) / (BOLTZMANN * 300.0)
        for share, is_stable in ((1.0 - 1e-6, True), (1.0 + 1e-6, False)):
            *_, stable = spinodal_bounds(at, 1.0 - at, occ * critical * share, vac * critical * share)
            assert stable is is_stable


def test_extreme_finite_inputs_give_numbers() -> None:
    sizes = (0.0, 5e-324, 1e-300, 1e-16, 1.0, 700.0, 1e4, 1e300)
    for theta in (1e-300, 1e-16, 0.5, 1.0 - 1e-16):
        vacancy = max(1.0 - theta, 1e-16)
        for size in sizes:
            for delta in (-size, size):
                assert np.isfinite(lattice_point(delta, theta, vacancy)).all()
                for dilute in (LATTICE, DILUTE):
                    # A dilute shift is bounded by the solver: beyond, numbers leave the range of floats.
                    bounded = min(max(delta, -DELTA_MAX), DELTA_MAX)
                    p = (theta, vacancy, 50.0, 0.0 if dilute else 50.0, *roots(theta, vacancy))
                    assert np.isfinite(point_state(bounded, dilute, *p)).all()
                    root = solve_delta(delta, 1.0, 0.0, dilute, p, (-DELTA_MAX, DELTA_MAX))
                    assert -DELTA_MAX <= root <= DELTA_MAX
