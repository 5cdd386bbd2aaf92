"""What a solve hands out stays as it was: later solves, other threads and other tolerances leave it alone."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.kernels import workspace as w
from spacecharge.solver.equilibrium import _work_array, solve
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack, swift_stack

INTERACTING = cheng_stack(*REFERENCE_ROWS[1][0])
STACKS = {"one species": INTERACTING, "two species": swift_stack(0.1, 30.0, 0.01, 50.0)}

ATTRIBUTES = (
    "cache", "message", "options", "parameters", "resistance_of", "row", "stack", "state", "stats", "status",
)  # fmt: skip


def answer(solution: sc.Solution) -> tuple[np.ndarray, ...]:
    """Copies of all numbers of a solution but its time; the last column of the state belongs to no element."""
    arrays = (
        solution.row,
        solution.state[:, :-1],
        solution.x,
        solution.potential,
        solution.occupancy,
        solution.vacancy,
    )
    return tuple(array.copy() for array in arrays)


def assert_same(a: tuple[np.ndarray, ...], b: tuple[np.ndarray, ...]) -> None:
    for i, (mine, other) in enumerate(zip(a, b, strict=True)):
        assert np.array_equal(mine, other, equal_nan=True), i


@pytest.mark.parametrize("name", STACKS)
def test_state_is_what_the_kernel_left(name: str) -> None:
    """All rows from which profiles are read, at the places where the kernels look for them."""
    solution = solve(STACKS[name])
    p = solution.parameters
    work = _work_array(p.n_layers, p.n_species).reshape(-1, w.STRIDE)
    n = (solution.stats.n_nodes - p.n_layers) // 4
    assert solution.state.shape == (w.table_row(0, 0, p.n_species), n + 1)
    rows = [*range(w.Y, w.Y + 5), w.SIZE, w.LAYER, w.FIRST]
    for s in range(p.n_species):
        rows += range(w.species_row(s) + w.DELTA, w.species_row(s) + w.DELTA + 5)
    for row in rows:
        assert np.array_equal(solution.state[row, :n], work[row, :n]), row
    assert solution.state[w.FIRST, p.n_layers] == n


def test_later_solves_change_nothing() -> None:
    first = solve(INTERACTING)
    row, state = first.row.copy(), first.state
    for tolerance in (1e-4, 1e-9, 1e-6):
        for stack in STACKS.values():
            solve(stack, tolerance_V=tolerance)
    # Read only now: profiles and statistics are derived on first use.
    assert_same(answer(first), answer(solve(cheng_stack(*REFERENCE_ROWS[1][0]))))
    assert np.array_equal(first.row, row, equal_nan=True)
    assert np.array_equal(first.state, state)


def test_answers_share_no_memory() -> None:
    """Whoever writes into one answer spoils no other."""
    first, second = solve(INTERACTING), solve(INTERACTING)
    assert not np.shares_memory(first.row, second.row)
    first.row[:] = 0.0
    first.state[:] = 0.0
    assert_same(answer(solve(INTERACTING)), answer(second))


def test_threads_share_a_stack_at_several_tolerances() -> None:
    tolerances = (1e-4, 1e-5, 1e-7, 1e-9)
    stack = cheng_stack(*REFERENCE_ROWS[1][0])
    expected = {t: solve(cheng_stack(*REFERENCE_ROWS[1][0]), tolerance_V=t).row for t in tolerances}
    assert len({float(row[3]) for row in expected.values()}) == len(tolerances)

    def wrong(tolerance: float) -> int:
        rows = (solve(stack, tolerance_V=tolerance).row for _ in range(500))
        return sum(not np.array_equal(row, expected[tolerance], equal_nan=True) for row in rows)

    with ThreadPoolExecutor(len(tolerances)) as pool:
        assert list(pool.map(wrong, tolerances)) == [0] * len(tolerances)


class Interrupted(dict[str, Any]):
    """A cache during whose every write another thread takes over: it solves the same stack at another tolerance."""

    stack: sc.Stack
    interrupting = False

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if not self.interrupting:
            self.interrupting = True
            solve(self.stack, tolerance_V=1e-4)
            self.interrupting = False


def test_no_thread_mixes_its_tolerance_with_that_of_another() -> None:
    stack = cheng_stack(*REFERENCE_ROWS[1][0])
    object.__setattr__(stack, "cache", Interrupted())
    stack.cache.stack = stack  # type: ignore[attr-defined]
    for tolerance in (1e-9, 1e-4, 1e-9):
        expected = solve(cheng_stack(*REFERENCE_ROWS[1][0]), tolerance_V=tolerance)
        for _ in range(2):
            assert np.array_equal(solve(stack, tolerance_V=tolerance).row, expected.row, equal_nan=True), tolerance


def test_settings_of_each_solve_are_kept() -> None:
    stack = cheng_stack(*REFERENCE_ROWS[1][0])
    plain = solve(stack)
    wide = solve(stack, options=sc.SolverOptions(width_fraction=0.1), resistance_of=["electrode"])
    again = solve(stack)
    assert (plain.options, plain.resistance_of) == (again.options, again.resistance_of) == (sc.SolverOptions(), None)
    assert (wide.options, wide.resistance_of) == (sc.SolverOptions(width_fraction=0.1), ("electrode",))
    assert np.array_equal(plain.row, again.row, equal_nan=True)
    assert (wide.scalars["space_charge_width"] < plain.scalars["space_charge_width"]).all()


def test_a_bad_tolerance_is_refused_after_a_good_one() -> None:
    solve(INTERACTING)
    for tolerance in (0.0, 1e-12, 1.0, float("nan")):
        with pytest.raises(sc.ModelError, match="out of range"):
            solve(INTERACTING, tolerance_V=tolerance)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_solutions_are_read_only(name: str) -> None:
    solution = solve(INTERACTING)
    getattr(solution, name)
    with pytest.raises(AttributeError):
        setattr(solution, name, None)


def test_solutions_travel() -> None:
    """A solution is whole: what was not derived before it was sent is derived where it arrives."""
    solution = solve(INTERACTING, resistance_of=["electrode"])
    arrived = pickle.loads(pickle.dumps(solution))
    assert_same(answer(arrived), answer(solution))
    assert arrived.stats == solution.stats
    assert arrived.stack == solution.stack
    assert (arrived.status, arrived.message) == (solution.status, solution.message)
    assert (arrived.options, arrived.resistance_of) == (solution.options, solution.resistance_of)
