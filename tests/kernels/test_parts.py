"""Kernels as parts of others: compiled once for all literals, without machine code; no array is held for good."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from spacecharge.kernels._jit import inlined, kernel
from spacecharge.solver.equilibrium import solve, work_array
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack

numba = pytest.importorskip("numba")
needs_jit = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="kernels run as plain Python")


@inlined
def power(x, n):
    """Return x^n, one factor after the other."""
    result = 1.0
    for _ in range(n):
        result *= x
    return result


@kernel
def sum_of_powers(x):
    """Return x + x^2 + x^5."""
    return power(x, 1) + power(x, 2) + power(x, 5)


@kernel
def largest_of_half(values):
    """Return the largest of the first half of an array, by way of a part that hands out an array."""
    part = first_half(values)
    largest = part[0]
    for value in part:
        largest = max(largest, value)
    return largest


@kernel
def first_half(values):
    """Return the first half of an array."""
    return values[: values.size // 2]


@kernel
def swap_halves(values, spare):
    """Swap both halves of an array, by way of a part that copies arrays into each other."""
    n = values.size // 2
    copy_into(spare, values[:n])
    copy_into(values[:n], values[n:])
    copy_into(values[n:], spare)
    return values[0]


@kernel
def copy_into(target, source):
    """Copy an array, which may take a third one to keep them apart."""
    target[:] = source


@needs_jit
def test_a_part_is_compiled_once_and_for_its_whole_alone() -> None:
    assert sum_of_powers(3.0) == 3.0 + 9.0 + 243.0
    assert len(power.part.nopython_signatures) == 1
    assert power.nopython_signatures == []
    # Called from Python, the same function is a whole of its own.
    assert power(2.0, 10) == 1024.0
    assert len(power.nopython_signatures) == 1


@needs_jit
def test_parts_hold_no_array_for_good() -> None:
    values = np.array([1.0, 3.0, 2.0, 5.0, 9.0, 9.0])
    assert largest_of_half(values) == 3.0
    before = sys.getrefcount(values)
    for _ in range(10):
        largest_of_half(values)
    assert sys.getrefcount(values) == before
    spare = np.empty(3)
    assert swap_halves(values, spare) == 5.0
    assert values.tolist() == [5.0, 9.0, 9.0, 1.0, 3.0, 2.0]
    # The call that compiles may leave its arguments in a circle that is not yet collected.
    before = sys.getrefcount(values), sys.getrefcount(spare)
    for _ in range(10):
        swap_halves(values, spare)
    assert (sys.getrefcount(values), sys.getrefcount(spare)) == before
    stack = cheng_stack(*REFERENCE_ROWS[0][0])
    solve(stack)
    work = work_array(1)
    before = sys.getrefcount(work)
    for _ in range(10):
        solve(stack)
    assert work_array(1) is work
    assert sys.getrefcount(work) == before
