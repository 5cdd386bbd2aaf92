"""Symmetric positive definite tridiagonal systems, eliminated from both ends at once."""

from __future__ import annotations

from ._jit import kernel


@kernel
def solve_tridiagonal(diagonal, off, rhs, n):
    """Solve the symmetric system in place; `rhs` becomes the solution.

    Elimination runs from both ends towards the middle: the two chains of divisions do not wait for each
    other, which halves the latency that dominates a system of this size. What one step hands to the next stays out of
    memory, since a load that has to wait for the store before it would double that latency again.

    Parameters: `diagonal` (n), `off` (n - 1; ``off[i]`` couples i and i + 1) and `rhs` (n) are overwritten.
    Returns False where a pivot is not positive (the matrix is not positive definite).
    """
    middle = n // 2
    last = n - 1
    paired = min(middle, last - middle)
    d_left, r_left = diagonal[0], rhs[0]
    d_right, r_right = diagonal[last], rhs[last]
    smallest = min(d_left, d_right)
    for i in range(paired):
        j = last - i
        a, b = off[i], off[j - 1]
        p, q = a / d_left, b / d_right
        off[i], off[j - 1] = p, q
        rhs[i], rhs[j] = r_left / d_left, r_right / d_right
        if i + 1 < j - 1:
            d_left, r_left = diagonal[i + 1] - p * a, rhs[i + 1] - p * r_left
            d_right, r_right = diagonal[j - 1] - q * b, rhs[j - 1] - q * r_right
            smallest = min(smallest, min(d_left, d_right))
        else:
            # Both chains meet in the middle unknown.
            d_left = diagonal[middle] - p * a - q * b
            r_left = rhs[middle] - p * r_left - q * r_right
    if middle > paired:
        # An even number of unknowns leaves one on the left side unpaired; the right chain has come to the middle.
        a = off[paired]
        p = a / d_left
        off[paired] = p
        rhs[paired] = r_left / d_left
        d_left, r_left = d_right - p * a, r_right - p * r_left
    smallest = min(smallest, d_left)
    x = r_left / d_left
    rhs[middle] = x
    left = right = x
    if middle > paired:
        left = rhs[paired] - off[paired] * x
        rhs[paired] = left
    for k in range(paired):
        i, j = paired - 1 - k, last - paired + 1 + k
        left = rhs[i] - off[i] * left
        right = rhs[j] - off[j - 1] * right
        rhs[i], rhs[j] = left, right
    return smallest > 0.0
