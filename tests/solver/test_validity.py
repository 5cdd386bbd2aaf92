"""Flags of strained assumptions, against closed forms and sums over the profile."""

import math

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.codes import Validity
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE
from spacecharge.model import stack_parameters
from spacecharge.solver.output import Rows
from spacecharge.solver.strain import carriers, without_bulk
from tests.solver.random_stacks import random_stacks

VOLT = BOLTZMANN * 298.15 / ELEMENTARY_CHARGE


def wall(reduced: float, occupancy: float, **keys: object) -> sc.Stack:
    """Return a thick layer whose left end is `reduced` kT/e above its bulk."""
    base = {"thickness_nm": 300.0, "permittivity": 10.0, "potential_V": 3.0, "site_density_per_nm3": 1.0}
    layer = sc.Layer(name="a", **{**base, "occupancy": occupancy, **keys})
    return sc.Stack([layer], left=sc.End(kind="electrostatic_potential_V", value=reduced * VOLT))


@pytest.mark.parametrize("occupancy", [0.02, 0.2, 0.8])
@pytest.mark.parametrize("reduced", [-4.0, -1.0, 0.5])
def test_dilute_species_are_held_to_their_sites(occupancy: float, reduced: float) -> None:
    solution = sc.solve(wall(reduced, occupancy, statistics="dilute"))
    # Boltzmann's factor at the wall; what the whole layer reaches at most lies there or in the bulk.
    largest = max(occupancy * math.exp(-reduced), occupancy)
    flags = int(sc.validity(solution))
    assert bool(flags & Validity.DILUTE_ABOVE_ONE) == (largest > 1.0)
    assert bool(flags & Validity.DILUTE_ABOVE_TENTH) == (largest > 0.1)
    lattice = int(sc.validity(sc.solve(wall(reduced, occupancy))))
    assert not lattice & (Validity.DILUTE_ABOVE_ONE | Validity.DILUTE_ABOVE_TENTH)


@pytest.mark.parametrize("reduced", [-6.0, -1.0, 1.0, 6.0, 12.0])
@pytest.mark.parametrize("charge_number", [1.0, -1.0, 2.0])
@pytest.mark.parametrize("side", ["left", "right"])
def test_carriers_of_a_region_are_those_of_its_profile(reduced: float, charge_number: float, side: str) -> None:
    stack = wall(reduced, 0.01, charge_number=charge_number, statistics="dilute", thickness_nm=60.0)
    if side == "right":
        stack = stack.replace(left=sc.End(), right=stack.left)
    solution = sc.solve(stack, tolerance_V=1e-9)
    p = stack_parameters(stack)
    counted = carriers(Rows(solution.row[None], p, None))
    found = counted[0, 0, 0 if side == "left" else 1]
    assert np.isnan(counted[0, 0, 1 if side == "left" else 0])
    width = float(np.nanmax(solution.space_charge_width))
    x = solution.x - solution.x[0]
    depth = x if side == "left" else x[-1] - x
    order = np.argsort(depth)
    depth, theta = depth[order], solution.occupancy[order]
    inside = depth <= width
    summed = float(np.trapezoid(theta[inside], depth[inside])) * 1e27
    # The field at the end of the region, where theta is 1 % off, is left out; nodes are a few per decay length.
    assert found == pytest.approx(summed, rel=0.05)


def test_few_carriers_and_high_resistances_are_said() -> None:
    few = {"site_density_per_nm3": 1e-6, "thickness_nm": 1e5, "diffusivity_m2_per_s": 1e-14}
    # Debye length 119 nm at 1e18 m-3: a few 1e11 carriers per m2 in the region.
    flags = int(sc.validity(sc.solve(wall(2.0, 0.001, **few))))
    assert flags & Validity.FEW_CARRIERS
    many = sc.solve(wall(2.0, 0.3, diffusivity_m2_per_s=1e-14))
    assert not int(sc.validity(many)) & (Validity.FEW_CARRIERS | Validity.HIGH_RESISTANCE)
    blocked = sc.solve(wall(40.0, 0.3, diffusivity_m2_per_s=1e-14))
    assert np.nanmax(blocked.resistance) * 1e4 > 1e9
    assert int(sc.validity(blocked)) & Validity.HIGH_RESISTANCE
    # No region, nothing to count.
    assert not int(sc.validity(sc.solve(wall(0.0, 0.001, **few)))) & Validity.FEW_CARRIERS


def test_flags_have_words() -> None:
    assert [int(flag) for flag in Validity] == [1, 2, 4, 8, 16, 32, 64]
    assert all(flag.words and flag.flag for flag in Validity)
    assert (Validity.STRONG_FIELD | Validity.THIN_LAYER).words.count(";") == 1


def test_layers_without_bulk_are_those_of_the_kernel() -> None:
    """The rule by layer, which stacks with a core need, against the flag that the kernel sets for all of them."""
    raised, solved = 0, 0
    for stack in random_stacks(60, seed=31):
        try:
            solution = sc.solve(stack, tolerance_V=1e-6)
        except (sc.ModelError, sc.ConvergenceError):
            continue
        solved += 1
        rows = Rows(solution.row[None], solution.parameters, None)
        flag = bool(int(sc.validity(solution)) & Validity.THIN_LAYER)
        assert bool(without_bulk(rows).any()) == flag
        raised += flag
    # The others are miscibility gaps, charges that no layer holds, potentials that no mesh resolves.
    assert solved >= 50
    assert 5 <= raised <= solved - 5


@pytest.mark.parametrize(("thickness_nm", "thin"), [(15.0, False), (0.8, True)])
def test_a_core_is_not_asked_to_reach_its_bulk(thickness_nm: float, thin: bool) -> None:
    """Grains of many Debye lengths are in order whatever the core is; grains of less than one are not."""
    grain = {
        "thickness_nm": thickness_nm, "permittivity": 30.0, "potential_V": 3.0, "site_density_per_nm3": 2.0,
        "occupancy": 0.3, "diffusivity_m2_per_s": 1e-13,
    }  # fmt: skip
    core = sc.Layer(name="core", core_of="left", thickness_nm=0.5, segregation_energy_eV=-0.2)
    stack = sc.Stack([sc.Layer(name="left", **grain), core, sc.Layer(name="right", **grain)], temperature_K=500.0)
    assert bool(int(sc.validity(sc.solve(stack))) & Validity.THIN_LAYER) == thin
