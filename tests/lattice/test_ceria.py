"""Gd-doped CeO2 (111): the table of the design, from pyscses' own input, and a dense solver beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.constants import elementary_charge, k

import spacecharge as sc
from spacecharge.lattice import solve_lattice_points

from .ceria import Dense, ceria

# Published input of pyscses (commit 6c2875c) solved with its closure; 1e-6 V and 1e-5 are the digits of the table.
TABLE = [
    # site charges, kelvin, barrier V, any plane V, r_perp, r_perp blocked, r_par, r_par blocked, excess nm
    (False, 773.15, 0.3351599, 0.3351599, 2321.53, 2209.65, 0.923152, 1.062393, 3993.23),
    (True, 773.15, 0.3359105, 0.6202088, 2508.82, 2387.92, 0.923375, 1.057929, 4315.52),
    (False, 673.15, 0.3426461, 0.3426461, 12428.9, None, None, None, None),
    (False, 873.15, 0.3280008, 0.3280008, 640.652, None, None, None, None),
]


@pytest.mark.parametrize("row", TABLE)
def test_the_table(row: tuple[float, ...]) -> None:
    charged, kelvin, barrier, any_plane, across, across_blocked, along, along_blocked, excess = row
    s = sc.solve_lattice(ceria(site_charges=bool(charged), temperature_K=kelvin)).scalars
    assert s["barrier"] == pytest.approx(barrier, abs=1e-6)
    assert s["barrier_any_plane"] == pytest.approx(any_plane, abs=1e-6)
    assert s["space_charge_planes"] == 11
    assert s["space_charge_width"] == pytest.approx(1.72075e-9, rel=1e-5)
    assert s["resistivity_ratio_perpendicular"] == pytest.approx(across, rel=1e-5)
    for name, value in (
        ("resistivity_ratio_perpendicular_blocked", across_blocked),
        ("resistivity_ratio_parallel", along),
        ("resistivity_ratio_parallel_blocked", along_blocked),
        ("excess_thickness", excess and excess * 1e-9),
    ):
        if value is not None:
            assert s[name] == pytest.approx(value, rel=1e-5), name


def test_activation_energy_between_two_temperatures_and_at_one() -> None:
    kelvin = np.array([673.15, 773.15, 873.15])
    s = solve_lattice_points(ceria(), {"temperature_K": kelvin}).scalars
    ratio = s["resistivity_ratio_perpendicular"]
    slope = math.log(ratio[0] / ratio[2]) / (elementary_charge / k * (1 / kelvin[0] - 1 / kelvin[2]))
    assert slope == pytest.approx(0.75095, abs=5e-6)
    # The exact slope at one temperature, beside a difference over 0.2 K.
    for name in ("", "_blocked"):
        near = solve_lattice_points(ceria(), {"temperature_K": np.array([773.05, 773.25])}).scalars
        values = near["resistivity_ratio_perpendicular" + name]
        difference = math.log(values[0] / values[1]) / (elementary_charge / k * (1 / 773.05 - 1 / 773.25))
        assert s["apparent_activation_energy" + name][1] == pytest.approx(difference, abs=1e-7)


def test_the_neutral_cell() -> None:
    solution = sc.solve_lattice(ceria(closure="neutral"))
    assert solution.scalars["barrier"] == pytest.approx(0.33573, abs=1e-6)
    assert solution.scalars["resistivity_ratio_perpendicular"] == pytest.approx(2286.6, abs=0.05)
    # Neutral to rounding: one elementary charge per cross-section is 0.27 C/m2.
    assert abs(solution.scalars["charge_balance"]) < 1e-14
    assert abs(solution.charge.sum()) < 1e-14
    assert solution.scalars["background_charge_density"] == 0.0


def test_the_background_of_the_other_closure_neutralises_the_cell() -> None:
    s = sc.solve_lattice(ceria()).scalars
    assert s["background_charge_density"] / elementary_charge * 1e-6 == pytest.approx(1.5536e20, rel=1e-4)
    # The end spacings of the two closures differ in the tenth digit.
    assert abs(s["charge_balance"]) < 1e-9


@pytest.mark.parametrize("closure", ["neutral", "uniform_background"])
@pytest.mark.parametrize("charged", [False, True])
def test_potentials_beside_the_dense_solver(closure: str, charged: bool) -> None:
    dense = Dense(closure, charged).solve(773.15)
    solution = sc.solve_lattice(ceria(closure=closure, site_charges=charged))
    assert np.allclose(solution.x, dense.x, rtol=0, atol=1e-18)
    offset = 0.0 if closure == "uniform_background" else dense.potential[0] - solution.potential[0]
    assert np.abs(solution.potential + offset - dense.potential).max() < 1e-9
    found = np.nan_to_num(solution.occupancy["Vo"])
    assert np.allclose(found, dense.vacancies, rtol=1e-7, atol=0)


def test_mobile_and_frozen_dopant_beside_the_dense_solver() -> None:
    hot = Dense().solve(1300.0, mobile=True)
    cold = Dense().solve(773.15, dopant=hot.dopant)
    mobile = sc.solve_lattice(ceria(True, temperature_K=1300.0))
    assert np.abs(mobile.potential - hot.potential).max() < 1e-9
    assert mobile.scalars["bulk_fraction"] == pytest.approx([0.05, 0.2], rel=1e-12)
    frozen = sc.solve_lattice(ceria({"frozen_at_K": 1300.0}))
    assert np.allclose(np.nan_to_num(frozen.occupancy["Gd"]), hot.dopant, rtol=1e-8, atol=0)
    assert np.abs(frozen.potential - cold.potential).max() < 1e-9
    # Above its temperature it is not frozen.
    above = sc.solve_lattice(ceria({"frozen_at_K": 1300.0}, temperature_K=1350.0))
    assert above.scalars["barrier"] == sc.solve_lattice(ceria(True, temperature_K=1350.0)).scalars["barrier"]


def test_gouy_chapman_as_stored_by_pyscses() -> None:
    """Stored: 0.2993566 V, by damped iteration that stops at a mean square step of 1e-8 V^2."""
    assert sc.solve_lattice(ceria(True)).potential.max() == pytest.approx(0.2993566, abs=5e-5)
    assert sc.solve_lattice(ceria()).potential.max() == pytest.approx(0.3351592, abs=1e-6)


def test_ohm_m2_from_a_conductivity() -> None:
    law = {"value": 2.0, "at_K": 673.15, "activation_energy_eV": 0.7}
    hotter = 673.15 / 773.15 * math.exp(0.7 * elementary_charge / k * (1 / 673.15 - 1 / 773.15))
    for given, sigma in ((2.0, 2.0), (law, 2.0 * hotter)):
        s = sc.solve_lattice(ceria(conductivity_S_per_m=given)).scalars
        for name in ("", "_blocked"):
            ohms = s["excess_thickness" + name] / sigma
            assert s["grain_boundary_resistance" + name] == pytest.approx(ohms, rel=1e-12)


def test_the_offset_of_a_neutral_cell_is_its_own() -> None:
    """Dopant fixed, no background: the vacancies follow from neutrality, and their mole fraction says nothing."""
    swept = {"lattice.species.Vo.fraction": np.array([0.01, 0.05, 0.3])}
    s = solve_lattice_points(ceria(closure="neutral"), swept).scalars
    assert np.ptp(s["barrier"]) < 1e-12
    assert np.ptp(s["excess_thickness"]) / s["excess_thickness"][0] < 1e-10
