"""Order of accuracy: the first mesh halved again and again, against exact answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

import spacecharge as sc
from spacecharge.analytic import ContactState, first_integral
from spacecharge.model import Stack
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack, random_two_layer_cases, swift_stack
from tests.oracles.test_dilute_species import dilute_salt

Array = NDArray[np.float64]

# What `spacecharge.kernels` claims: medians over random cases; and the least of one, whose mesh may start irregular.
MEDIANS = {"potential": 6.5, "charge": 6.3, "resistance": 5.3, "excess": 6.5}
PROMISED = 3.9
QUANTITIES = ("potential", "charge", "resistance", "excess")
# Relative errors below these say nothing of the mesh: sums round at 1e-13, quadratures of the oracle at 1e-12.
ROUNDING = {"potential": 1e-11, "charge": 1e-11, "resistance": 1e-10, "excess": 1e-10}


def relative(found: Array, exact: Array) -> float:
    """Return the largest relative error of the entries that exist and are not zero."""
    there = np.isfinite(exact) & (exact != 0.0)
    if not there.any():
        return 0.0
    return float(np.abs(found[there] / exact[there] - 1.0).max())


def errors_on_halved_meshes(stack: Stack, exact: ContactState, resolution: float, n: int) -> tuple[Array, Array]:
    """Return element counts (n,) and errors (n, 4) after 1 .. n halvings of the same first mesh.

    A stack is two layers, or one layer with a wall; the potential at a wall is given and has no error.
    """
    has_wall_right = stack.right.kind != "zero_field"
    size, errors = [], []
    for halvings in range(1, n + 1):
        # No change of a resistance is small enough for this aim, so that every halving allowed is made.
        options = sc.SolverOptions(max_refinements=halvings, resistance_tolerance=1e-30, resolution=resolution)
        solution = sc.solve(stack, options=options, throw=False)
        scalars = solution.scalars
        size.append((solution.stats.n_nodes - len(stack.layers)) / 4)
        excess = scalars["excess_resistance"]
        if len(stack.layers) == 1:
            # By sides of the one contact.
            excess = np.array([excess[0], np.nan] if has_wall_right else [np.nan, excess[0]])
        left = scalars["charge"][0] if len(stack.layers) == 2 or has_wall_right else -scalars["charge"][0]
        errors.append(
            [
                relative(scalars["space_charge_potential"][0], exact.space_charge_potential),
                relative(np.array([left]), np.array([exact.charge_left])),
                relative(scalars["resistance"][0], exact.resistance),
                relative(excess, exact.excess_resistance),
            ]
        )
    return np.array(size), np.array(errors)


def slopes(size: Array, errors: Array) -> dict[str, float]:
    """Return the order of each quantity: the slope of a line through all errors above rounding, NaN under two."""
    found = {}
    for name, values in zip(QUANTITIES, errors.T, strict=True):
        used = np.logical_and.accumulate(values > ROUNDING[name])
        found[name] = -np.polyfit(np.log(size[used]), np.log(values[used]), 1)[0] if used.sum() >= 2 else math.nan
    return found


def thin_salt(volts: float) -> Stack:
    """A salt of 40 Debye lengths: in a far thicker layer the cut of its tail outlives all halvings."""
    stack = dilute_salt(volts)
    return stack.replace(layers=(stack.layers[0].replace(thickness_nm=125.0),))


# Stack, resolution, quantities. Elements as coarse as may be, for the asymptotic range is short before rounding;
# a salt piles up exponentially and leaves that range where elements are coarser still.
CASES = {
    **{f"row {i + 1}": (cheng_stack(*row[0]), 6.0, QUANTITIES) for i, row in enumerate(REFERENCE_ROWS)},
    "salt, accumulated": (thin_salt(0.3), 4.0, QUANTITIES[1:]),
    "salt, depleted": (thin_salt(-0.4), 3.0, QUANTITIES[1:]),
    "two species": (swift_stack(0.4, 32.7455, 0.01439, 50.0), 6.0, ("charge",)),
}


@pytest.mark.parametrize("name", CASES)
def test_order_on_halved_meshes(name: str) -> None:
    stack, resolution, quantities = CASES[name]
    (exact,) = first_integral(stack)
    size, errors = errors_on_halved_meshes(stack, exact, resolution, n=5)
    assert size[1:] == pytest.approx(2.0 * size[:-1])
    found = slopes(size, errors)
    for quantity in quantities:
        assert found[quantity] >= PROMISED, (quantity, found, errors)


def test_order_of_random_cases() -> None:
    """Measured here: medians 7.0 (potential), 6.8 (charge), 5.7 (resistance of a region), 7.0 (excess)."""
    found: dict[str, list[float]] = {name: [] for name in QUANTITIES}
    for stack in random_two_layer_cases(150, seed=5):
        (exact,) = first_integral(stack)
        for name, value in slopes(*errors_on_halved_meshes(stack, exact, resolution=5.0, n=5)).items():
            found[name].append(value)
    for name, values in found.items():
        known = np.array(values)[np.isfinite(values)]
        # The rest starts so close to rounding that no slope is left.
        assert known.size >= 100, name
        # A line through few points of an irregular start: one in twenty may fall short.
        assert np.mean(known >= PROMISED) >= 0.95, name
        assert np.median(known) >= MEDIANS[name], name
