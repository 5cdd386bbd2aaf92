"""scipy's solve_bvp on the same equations agrees with the first integral; it is also the timing baseline."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bvp_baseline import bvp_reference, loosest_tolerance
from spacecharge.analytic import first_integral, side_profile
from spacecharge.model import Contact, Stack

from .cases import REFERENCE_ROWS, cheng_stack


@pytest.mark.parametrize("row", [0, 1])
def test_solve_bvp_agrees(row: int) -> None:
    stack = cheng_stack(*REFERENCE_ROWS[row][0])
    run = bvp_reference(stack, 1e-8)
    assert run.success
    (exact,) = first_integral(stack)
    # solve_bvp holds its relative residual to 1e-8; the contact is far better (2e-12 V seen).
    assert run.contact_potential == pytest.approx(exact.space_charge_potential, abs=1e-10)
    for i in range(2):
        profile = side_profile(stack, run.distance[i], side=i)
        # Along the layer the residual tolerance shows, 1e-8 of half a volt.
        assert run.potential[i] == pytest.approx(profile.potential, abs=1e-8)


def test_loosest_tolerance_reaches_its_target() -> None:
    stack = cheng_stack(*REFERENCE_ROWS[0][0])
    tolerance, run, error = loosest_tolerance(stack, 1e-6)
    assert error <= 1e-6
    (exact,) = first_integral(stack)
    true = np.abs(run.contact_potential - exact.space_charge_potential).max()
    assert true == error
    looser = bvp_reference(stack, tolerance * 10.0**0.5)
    assert np.abs(looser.contact_potential - exact.space_charge_potential).max() > 1e-6 or not looser.success


def test_what_the_baseline_does_not_take() -> None:
    stack = cheng_stack(*REFERENCE_ROWS[0][0])
    with pytest.raises(ValueError, match="two layers"):
        bvp_reference(Stack(stack.layers[:1]), 1e-3)
    with pytest.raises(ValueError, match="no contact charge"):
        bvp_reference(stack.replace(contacts=(Contact(charge_C_per_m2=0.1),)), 1e-3)
    with pytest.raises(ValueError, match="repulsive"):
        bvp_reference(cheng_stack(22.4, -0.01, 3.4, 0.2), 1e-3)
