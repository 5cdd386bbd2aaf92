"""Symmetric positive definite tridiagonal systems, eliminated from both ends at once."""

from __future__ import annotations

from ._jit import kernel


@kernel
def solve_tridiagonal(diagonal, off, rhs, n):
    """Solve the symmetric system in place; `rhs` becomes the solution.

    Elimination runs from both ends towards the middle: the two chains of divisions do not wait for each
    other, which halves the latency that dominates a system of this size.

    Parameters: `diagonal` (n), `off` (n - 1; ``off[i]`` couples i and i + 1) and `rhs` (n) are overwritten.
    Returns False where a pivot is not positive (the matrix is not positive definite).
    """
    middle = n // 2
    last = n - 1
    smallest = diagonal[middle]
    paired = min(middle, last - middle)
    for i in range(paired):
        j = last - i
        smallest = min(smallest, min(diagonal[i], diagonal[j]))
        left, right = 1.0 / diagonal[i], 1.0 / diagonal[j]
        diagonal[i], diagonal[j] = left, right
        down, up = off[i] * left, off[j - 1] * right
        diagonal[i + 1] -= down * off[i]
        rhs[i + 1] -= down * rhs[i]
        diagonal[j - 1] -= up * off[j - 1]
        rhs[j - 1] -= up * rhs[j]
    if middle > paired:
        # An even number of unknowns leaves one on the left side unpaired.
        left = 1.0 / diagonal[paired]
        smallest = min(smallest, diagonal[paired])
        diagonal[paired] = left
        down = off[paired] * left
        diagonal[paired + 1] -= down * off[paired]
        rhs[paired + 1] -= down * rhs[paired]
    smallest = min(smallest, diagonal[middle])
    rhs[middle] /= diagonal[middle]
    if middle > paired:
        rhs[paired] = (rhs[paired] - off[paired] * rhs[paired + 1]) * diagonal[paired]
    for k in range(paired):
        i, j = paired - 1 - k, last - paired + 1 + k
        rhs[i] = (rhs[i] - off[i] * rhs[i + 1]) * diagonal[i]
        rhs[j] = (rhs[j] - off[j - 1] * rhs[j - 1]) * diagonal[j]
    return smallest > 0.0
