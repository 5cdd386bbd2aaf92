"""The two-sided elimination against scipy's banded solver."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import solve_banded

from spacecharge.kernels.tridiagonal import solve_tridiagonal

Array = NDArray[np.float64]


def definite_system(n: int, seed: int, decades: float = 3.0) -> tuple[Array, Array, Array]:
    """Return a positive definite system: stiffness of a chain of springs, and springs to the ground."""
    rng = np.random.default_rng(seed)
    springs = 10.0 ** rng.uniform(-decades, decades, n - 1)
    diagonal = 10.0 ** rng.uniform(-decades, decades, n)
    diagonal[:-1] += springs
    diagonal[1:] += springs
    return diagonal, -springs, rng.normal(size=n)


def banded(diagonal: Array, off: Array, rhs: Array) -> Array:
    n = diagonal.size
    bands = np.zeros((3, n))
    bands[0, 1:], bands[1], bands[2, :-1] = off, diagonal, off
    return np.asarray(solve_banded((1, 1), bands, rhs)) if n > 1 else rhs / diagonal


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 8, 63, 64, 1001])
def test_agrees_with_solve_banded(n: int) -> None:
    for seed in range(5):
        diagonal, off, rhs = definite_system(n, seed)
        expected = banded(diagonal, off, rhs)
        d, o, b = diagonal.copy(), off.copy(), rhs.copy()
        assert solve_tridiagonal(diagonal, off, rhs, n)
        # The condition number reaches 1e6: both solvers may be off by 1e-10 ...
        assert rhs == pytest.approx(expected, rel=1e-10, abs=1e-14 * float(np.abs(expected).max()))
        # ... but the equations hold to rounding of their own terms.
        product, size = d * rhs, np.abs(d * rhs) + np.abs(b)
        product[:-1] += o * rhs[1:]
        product[1:] += o * rhs[:-1]
        size[:-1] += np.abs(o * rhs[1:])
        size[1:] += np.abs(o * rhs[:-1])
        assert (np.abs(product - b) <= 1e-14 * size).all()


def test_uses_only_the_first_n_entries() -> None:
    diagonal, off, rhs = definite_system(9, 1)
    expected = banded(diagonal[:6].copy(), off[:5].copy(), rhs[:6].copy())
    after = rhs[6:].copy()
    off[5:] = np.nan
    assert solve_tridiagonal(diagonal, off, rhs, 6)
    assert rhs[:6] == pytest.approx(expected, rel=1e-12)
    assert (rhs[6:] == after).all()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10])
def test_says_where_the_matrix_is_not_definite(n: int) -> None:
    for at in range(n):
        diagonal, off, rhs = definite_system(n, 2)
        diagonal[at] = -1e3 if n > 1 else -1.0
        assert not solve_tridiagonal(diagonal, off, rhs, n)
    if n > 1:
        # Positive diagonal, yet indefinite: an eigenvalue, not an entry, has the wrong sign.
        assert not solve_tridiagonal(np.ones(n), np.full(n - 1, 1.2), np.ones(n), n)
