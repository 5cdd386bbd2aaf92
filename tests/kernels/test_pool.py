"""States on one pool of sites against mpmath: occupancies, differences and slopes, however full the pool."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from spacecharge.kernels import layout as o
from spacecharge.kernels import rows
from spacecharge.kernels.laws import lattice_point
from spacecharge.kernels.pool import FARTHEST, pool_slopes, pool_state, pool_threshold

POOLS = [
    ([1.0], [0.3]),
    ([-1.0, -2.0, 1.0], [0.2, 0.05, 1e-6]),
    ([2.0, 1.0], [1.0 - 3e-9, 1e-9]),
    ([1.0, 2.0, 3.0, -1.0], [1e-7, 1e-3, 0.6, 0.3]),
    ([0.5, -3.0], [1e-12, 1.0 - 1e-6]),
]


def table_of(charges: list[float], shares: list[float]) -> np.ndarray:
    table = np.zeros((len(charges) + 1, o.SPECIES_COLUMNS))
    table[:-1, o.P_Z], table[:-1, o.P_THETA], table[:-1, o.P_DILUTE] = charges, shares, rows.POOL
    table[:-1, o.P_STRENGTH] = charges
    with mp.workdps(40):
        table[:, o.P_VACANCY] = float(1 - sum(mp.mpf(share) for share in shares))
    # A species of its own sites in the same layer: not asked.
    table[-1, o.P_Z], table[-1, o.P_THETA], table[-1, o.P_STRENGTH] = 1.0, 0.7, 1.0
    return table


def exact(charges: list[float], shares: list[float], s: int, y: mp.mpf) -> tuple[mp.mpf, mp.mpf, mp.mpf, mp.mpf]:
    weights = [mp.mpf(share) * mp.exp(-mp.mpf(z) * y) for z, share in zip(charges, shares, strict=True)]
    empty = 1 - sum(mp.mpf(share) for share in shares)
    total = empty + sum(weights)
    thetas = [w / total for w in weights]
    mean = sum(mp.mpf(z) * t for z, t in zip(charges, thetas, strict=True))
    slope = thetas[s] * (1 - mean / mp.mpf(charges[s]))
    return thetas[s], empty / total, thetas[s] - mp.mpf(shares[s]), slope


@pytest.mark.parametrize(("charges", "shares"), POOLS)
def test_states_against_mpmath(charges: list[float], shares: list[float]) -> None:
    table = table_of(charges, shares)
    for s in range(len(charges)):
        for y in (0.0, 1e-13, -1e-7, 1e-3, -0.4, 3.0, -11.0, 40.0, -150.0):
            delta = -charges[s] * y
            found = pool_state(table, s, delta)
            with mp.workdps(400):
                wanted = exact(charges, shares, s, -mp.mpf(delta) / mp.mpf(charges[s]))
            for value, target, rel in zip(found[:4], wanted, (4e-15, 4e-15, 4e-14, 4e-14), strict=True):
                # Slopes and differences of several states may have a zero: then to that of the largest part.
                floor = 1e-14 * float(abs(wanted[0])) if rel > 1e-14 else 0.0
                assert value == pytest.approx(float(target), rel=rel, abs=max(floor * abs(delta or 1.0), 1e-306))


def test_pool_answers_with_the_variance_of_its_charges() -> None:
    """The sum over its states of z^2 d theta/d Delta is never negative."""
    for charges, shares in POOLS:
        table = table_of(charges, shares)
        for y in np.linspace(-30.0, 30.0, 41):
            states = [pool_state(table, s, -z * y) for s, z in enumerate(charges)]
            total = sum(z * z * state[3] for z, state in zip(charges, states, strict=True))
            thetas = np.array([state[0] for state in states])
            z = np.array(charges)
            assert total >= 0.0
            assert total == pytest.approx((z**2 * thetas).sum() - (z * thetas).sum() ** 2, rel=1e-9, abs=1e-14)


def test_one_state_is_a_lattice() -> None:
    for theta in (1e-9, 0.3, 1.0 - 1e-9):
        table = table_of([2.0], [theta])
        for delta in (-80.0, -1e-6, 0.5, 300.0):
            theta_there, vacancy, change = lattice_point(delta, theta, table[0, o.P_VACANCY])
            found = pool_state(table, 0, delta)
            assert found[:3] == pytest.approx((theta_there, vacancy, change), rel=1e-14, abs=1e-300)
            assert found[3] == pytest.approx(theta_there * vacancy, rel=1e-14, abs=1e-300)


@pytest.mark.parametrize(("charges", "shares"), POOLS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_threshold_is_the_first_that_the_bulk_meets(charges: list[float], shares: list[float], sign: float) -> None:
    table = table_of(charges, shares)
    for s, z in enumerate(charges):
        off = 0.01 * min(shares[s], float(1 - mp.mpf(shares[s])))
        y = pool_threshold(table, s, 0.01, sign)
        before = [abs(pool_state(table, s, -z * sign * y * part)[2]) for part in np.linspace(0.0, 0.999, 200)]
        assert max(before) < off
        if y < FARTHEST:
            assert abs(pool_state(table, s, -z * sign * y)[2]) == pytest.approx(off, rel=1e-9)


def test_slopes_are_derivatives() -> None:
    """d theta along changes of every number of the pool and of the temperature, against differences."""
    rng = np.random.default_rng(2)
    for charges, shares in (POOLS[1], POOLS[3]):
        n, y = len(charges), -1.3
        moves = np.zeros((n + 1, 3))
        moves[:n, 0], moves[:n, 1] = 0.2 * rng.normal(size=n), np.array(shares) * rng.normal(size=n)
        moves[:n, 2], warm = -moves[:n, 1].sum(), 0.7

        def at(step: float, s: int, n: int = n, charges: list[float] = charges, shares: list[float] = shares,
               moves: np.ndarray = moves, warm: float = warm, y: float = y) -> float:  # fmt: skip
            z = [q + step * m for q, m in zip(charges, moves[:n, 0], strict=True)]
            theta = [q + step * m for q, m in zip(shares, moves[:n, 1], strict=True)]
            return float(exact(z, theta, s, mp.mpf(y * (1.0 - step * warm)))[0])

        for s, z in enumerate(charges):
            found = pool_slopes(table_of(charges, shares), s, y, -z * y, moves, warm)
            assert found == pytest.approx((at(1e-5, s) - at(-1e-5, s)) / 2e-5, rel=1e-7)
