"""Kernels as parts of others: compiled once for all literals, without machine code; no array is held for good.

Where the numba installed is not what they were made for, kernels are compiled as it does by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spacecharge.kernels import _jit
from spacecharge.kernels._jit import inlined, kernel, merged
from spacecharge.solver.equilibrium import solve, work_array
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack

numba = pytest.importorskip("numba")
needs_jit = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="kernels run as plain Python")
needs_parts = pytest.mark.skipif(_jit._parts is None, reason="numba compiles kernels by itself")
ROOT = Path(__file__).resolve().parents[2]


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


@merged
def root_of_powers(x):
    """Return the root of the sum of powers, for one caller."""
    return np.sqrt(sum_of_powers(x))


@kernel
def both(x):
    """Return a sum of powers and its root."""
    return sum_of_powers(x), root_of_powers(x)


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
def square(x):
    """Return a number times itself."""
    return x * x


@kernel
def copy_into(target, source):
    """Copy an array, which may take a third one to keep them apart."""
    target[:] = source


@needs_parts
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


@needs_parts
def test_an_interrupt_while_machine_code_is_made_is_not_lost() -> None:
    square(2.0)
    library = square.overloads[square.signatures[0]].library
    assert library.serialize_using_object_code()
    # What an interrupt within LLVM's call of Python leaves behind.
    library._compiled_object = None
    with pytest.raises(KeyboardInterrupt):
        library.serialize_using_object_code()
    assert square(3.0) == 9.0


AS_NUMBA_DOES = """
import json, sys
import numba.core.typed_passes
if {taken!r}:
    del numba.core.typed_passes.NativeLowering
import numpy as np
from spacecharge.kernels import _jit, tridiagonal
from tests.kernels import test_parts
values, spare = np.array([1.0, 3.0, 2.0, 5.0, 9.0, 9.0]), np.empty(3)
numbers = [*test_parts.both(3.0), test_parts.largest_of_half(values), test_parts.swap_halves(values, spare)]
diagonal, off, rhs = np.array([4.0, 5.0, 6.0]), np.array([-1.0, -2.0]), np.array([1.0, 2.0, 3.0])
assert tridiagonal.solve_tridiagonal(diagonal, off, rhs, 3)
json.dump([_jit._parts is None, [*numbers, *values, *spare, *rhs]], sys.stdout)
"""


def numbers(folder: Path, code: str) -> tuple[bool, list[float]]:
    """Run code in a process of its own, with an empty cache; return what it prints."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr
    by_itself, values = json.loads(run.stdout)
    return by_itself, values


@needs_parts
def test_without_an_inner_class_of_numba_the_numbers_are_the_same(tmp_path: Path) -> None:
    found, expected = numbers(tmp_path / "parts", AS_NUMBA_DOES.format(taken=False))
    assert not found
    by_itself, values = numbers(tmp_path / "plain", AS_NUMBA_DOES.format(taken=True))
    assert by_itself
    assert values == pytest.approx(expected, rel=1e-15)
    assert values[:2] == pytest.approx([255.0, 255.0**0.5])


ONE_POINT = """
import json, sys
import numba
if {taken!r}:
    numba.__version__ = "0.99.0"
from spacecharge.kernels import _jit
from spacecharge.solver.equilibrium import solve
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack
solved = solve(cheng_stack(*REFERENCE_ROWS[0][0]))
scalars = [v for k in sorted(solved.scalars) if "estimate" not in k and "balance" not in k
           for v in solved.scalars[k].ravel()]
json.dump([_jit._parts is None, [float(v) for v in (*scalars, *solved.potential)]], sys.stdout)
"""


@needs_parts
@pytest.mark.slow
def test_a_numba_that_was_not_tried_solves_a_point_to_the_same_numbers(tmp_path: Path) -> None:
    by_itself, values = numbers(tmp_path, ONE_POINT.format(taken=True))
    assert by_itself
    _, expected = numbers(tmp_path / "parts", ONE_POINT.format(taken=False))
    assert values == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@needs_parts
@pytest.mark.parametrize("version", ["0.59.1", "0.69.0", "1.0", "0+unknown"])
def test_versions_that_were_not_tried_compile_kernels_by_themselves(monkeypatch, version: str) -> None:
    monkeypatch.setattr(numba, "__version__", version)
    assert _jit._own_compiler() is None


@needs_parts
def test_changed_arguments_of_an_inner_function_are_seen(monkeypatch) -> None:
    from numba.core.registry import CPUDispatcher

    assert _jit._own_compiler() is not None
    before = CPUDispatcher.get_call_template
    with monkeypatch.context() as patch:
        patch.setattr(CPUDispatcher, "get_call_template", lambda self, args, kws, more=0: before(self, args, kws))
        assert _jit._own_compiler() is None
    with monkeypatch.context() as patch:
        for base in CPUDispatcher.__mro__:
            if "get_overload" in vars(base):
                patch.delattr(base, "get_overload")
        assert _jit._own_compiler() is None
