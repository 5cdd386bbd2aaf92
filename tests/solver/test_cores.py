"""Grain-boundary cores: level with their grain, against a boundary value problem that knows no bulk of the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_bvp

import spacecharge as sc
from spacecharge import constants as c
from spacecharge.model import stack_parameters

from .compare import random_grain

GRAIN: dict[str, Any] = {
    "thickness_nm": 15.0, "permittivity": 30.0, "potential_V": 3.0, "site_density_per_nm3": 2.0, "occupancy": 0.3,
    "diffusivity_m2_per_s": 1e-13,
}  # fmt: skip
KELVIN = 500.0
VOLT = c.BOLTZMANN * KELVIN / c.ELEMENTARY_CHARGE


def boundary(core: dict[str, Any] | None = None, grain: dict[str, Any] | None = None) -> sc.Stack:
    grain = GRAIN | (grain or {})
    layers = [
        sc.Layer(name="left", **grain),
        sc.Layer(name="core", core_of="left", **({"thickness_nm": 1.0} | (core or {}))),
        sc.Layer(name="right", **grain),
    ]
    return sc.Stack(layers, temperature_K=KELVIN)


@pytest.mark.parametrize(
    ("energy", "background", "sites"),
    [(-0.2, None, None), (0.25, None, None), (0.0, -0.4, 3.0), (-0.1, -1.5, 2.5), (0.3, -0.05, 0.6)],
)
def test_core_against_a_boundary_value_problem(energy: float, background: float | None, sites: float | None) -> None:
    """One potential phi through grain and core, the core's charge from the grain's level alone."""
    keys = {"segregation_energy_eV": energy, "background_charge_e_per_nm3": background, "site_density_per_nm3": sites}
    solution = sc.solve(boundary({k: v for k, v in keys.items() if v is not None}), tolerance_V=1e-9)
    odds, own_sites = np.log(0.3 / 0.7), 2.0 if sites is None else sites
    fixed = -0.3 * 2.0 if background is None else background
    eps = 30.0 * c.VACUUM_PERMITTIVITY
    lengths = 15.0, 0.5  # nm; by symmetry half of the core
    scale = c.ELEMENTARY_CHARGE * 1e27 / eps * 1e-18

    def slopes(_: np.ndarray, y: np.ndarray) -> np.ndarray:
        grain = 2.0 / (1.0 + np.exp(y[0] / VOLT - odds)) - 0.6
        core = own_sites / (1.0 + np.exp((y[2] + energy) / VOLT - odds)) + fixed
        return np.array([y[1] * lengths[0], -scale * grain * lengths[0], y[3] * lengths[1], -scale * core * lengths[1]])

    def ends(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([a[1], b[0] - a[2], b[1] - a[3], b[3]])

    x = np.concatenate([np.linspace(0.0, 0.7, 20), np.linspace(0.7, 1.0, 300)[1:]])
    found = solve_bvp(slopes, ends, x, np.zeros((4, x.size)), tol=1e-9, max_nodes=200_000)
    assert found.status == 0
    assert sc.contact_potential(solution)[0] == pytest.approx(found.y[0, -1], abs=2e-7)
    assert abs(sc.charge_balance(solution)) < 1e-14
    profile = solution.layers[1]
    middle = np.interp(0.5e-9, np.asarray(profile.x) - profile.x[0], profile.potential)
    assert middle == pytest.approx(found.y[2, -1], abs=2e-5)


def test_a_core_like_its_grain_is_no_boundary() -> None:
    solution = sc.solve(boundary(), tolerance_V=1e-9)
    assert np.abs(sc.contact_potential(solution)).max() < 1e-12
    assert np.abs(sc.charge(solution)).max() < 1e-12


def test_an_interacting_core_is_neutral_where_its_own_equation_says() -> None:
    """mu(theta_core) + E_seg + e phi = mu(theta_grain) with the cube-root terms, and sites times theta = background."""
    j = 0.12
    keys = {"segregation_energy_eV": 0.15, "background_charge_e_per_nm3": -0.9, "site_density_per_nm3": 2.0}
    stack = boundary(keys, {"interaction": {"occupied_eV": j, "vacancy_eV": j}})
    p = stack_parameters(stack)
    theta = p.bulk_occupancy[0, 1, 0]
    assert theta == pytest.approx(0.45, rel=1e-12)

    def mu(t: float) -> float:
        return float(VOLT * np.log(t / (1 - t)) + 4.0 / 3.0 * j * (np.cbrt(t) - np.cbrt(1 - t)))

    assert p.neutral_offset[0, 1] == pytest.approx(mu(0.3) - mu(0.45) - 0.15, abs=1e-12)
    assert np.abs(sc.charge_balance(sc.solve(stack))) < 1e-14


@pytest.mark.parametrize(
    ("background", "words"),
    [
        (
            -2.5,
            r"a background of -2\.5 e/nm3 cannot be balanced: its sites hold at the most 2 e/nm3 of positive charge",
        ),
        (0.5, r"hold at the most 0 e/nm3 of negative charge"),
    ],
)
def test_a_core_that_cannot_be_neutral_is_refused_with_what_it_holds(background: float, words: str) -> None:
    with pytest.raises(sc.ModelError, match=words) as error:
        stack_parameters(boundary({"background_charge_e_per_nm3": background}))
    assert error.value.path == "core.background_charge_e_per_nm3"


def test_a_core_follows_its_grain_in_a_sweep_unless_it_has_a_number_of_its_own() -> None:
    over = {"left.permittivity": [20.0, 40.0], "left.site_density_per_nm3": [1.0, 4.0], "left.potential_V": [2.0, 2.5]}
    p = stack_parameters(boundary({"segregation_energy_eV": 0.1}), over)
    assert p.permittivity[:, 1].tolist() == [20.0, 40.0]
    assert p.site_density[:, 1, 0] == pytest.approx([1e27, 4e27])
    # The same sites and background: neutral where the electrostatic energy makes up for the segregation energy.
    assert p.contact_step[:, 0] == pytest.approx([0.1, 0.1], abs=1e-12)
    p = stack_parameters(boundary({"permittivity": 9.0, "site_density_per_nm3": 3.0}), over)
    assert p.permittivity[:, 1].tolist() == [9.0, 9.0]
    assert p.site_density[:, 1, 0] == pytest.approx([3e27, 3e27])
    with pytest.raises(sc.ModelError, match="follows from the grain"):
        stack_parameters(boundary(), {"core.occupancy": [0.2, 0.3]})


@pytest.mark.parametrize(
    ("core", "path", "words"),
    [
        ({"core_of": "other"}, "core.core_of", "no grain of this stack"),
        ({"potential_V": 1.0}, "core.potential_V", "is the grain's"),
        ({"species": {"Li": {"segregation_energy_eV": 0.1}}}, "core.species", "one species without a name"),
        ({"segregation_energy_eV": 50.0}, "core.segregation_energy_eV", "out of range"),
    ],
)
def test_broken_cores_are_refused(core: dict[str, Any], path: str, words: str) -> None:
    keys = {"name": "core", "core_of": "left", "thickness_nm": 1.0} | core
    with pytest.raises(sc.ModelError, match=words) as error:
        sc.Stack([sc.Layer(name="left", **GRAIN), sc.Layer(**keys)])
    assert error.value.path == path


def test_sensitivities_to_the_core_are_those_of_differences() -> None:
    """Exact derivatives of contact potential and charge against solves on both sides."""
    keys = {"segregation_energy_eV": -0.15, "background_charge_e_per_nm3": -0.9}
    solution = sc.solve(boundary(keys), tolerance_V=1e-10)
    for path, key, value, step, factor in (
        ("core.segregation_energy_eV", "segregation_energy_eV", -0.15, 1e-4, c.ELEMENTARY_CHARGE),
        ("core.background_charge_e_per_nm3", "background_charge_e_per_nm3", -0.9, 1e-4, c.ELEMENTARY_CHARGE * 1e27),
    ):
        slope = sc.sensitivities(solution, [path])[path]
        pair = [sc.solve(boundary(keys | {key: value + s * step}), tolerance_V=1e-10) for s in (1.0, -1.0)]
        for name, of in (("contact_potential", sc.contact_potential), ("charge", sc.charge)):
            rough = (of(pair[0]) - of(pair[1])) / (2.0 * step * factor)
            assert np.asarray(slope[name]) == pytest.approx(rough, rel=1e-5, abs=1e-7 * np.abs(rough).max()), (
                path,
                name,
            )


def test_five_hundred_random_cores_are_solved_or_refused_with_a_reason() -> None:
    rng = np.random.default_rng(11)
    solved = 0
    for _ in range(500):
        grain = random_grain(rng)
        sites = float(10.0 ** rng.uniform(-2.0, 1.5))
        core = {
            "segregation_energy_eV": float(rng.uniform(-1.0, 1.0)),
            "thickness_nm": float(10.0 ** rng.uniform(-0.7, 1.0)),
            "site_density_per_nm3": sites,
        }  # fmt: skip
        if rng.random() < 0.6:
            core["background_charge_e_per_nm3"] = float(-grain["charge_number"] * sites * rng.uniform(-0.2, 1.4))
        stack = boundary(core, grain).replace(temperature_K=float(rng.uniform(250.0, 1200.0)))
        try:
            solution = sc.solve(stack, tolerance_V=1e-6)
        except sc.ModelError as error:
            assert "hold" in str(error) or "out of range" in str(error)
            continue
        solved += 1
        assert abs(float(sc.charge_balance(solution))) <= 1e-12 * max(1e-3, float(np.abs(sc.charge(solution)).sum()))
    assert solved > 300


def test_sensitivity_of_the_boundary_resistance_is_that_of_differences() -> None:
    """With a grain that ends in its own contact too: the region of one side, the whole layer on the other."""
    keys = {"segregation_energy_eV": -0.15, "background_charge_e_per_nm3": -0.9}

    def with_wall(**grain: float) -> sc.Stack:
        return boundary(keys, grain).replace(left=sc.End(kind="surface_charge_C_per_m2", value=0.01))

    solution = sc.solve(with_wall(), tolerance_V=1e-10)
    for path, key, step, factor in (("left.permittivity", "permittivity", 1e-3, 1.0),):
        slope = sc.sensitivities(solution, [path, "right.permittivity"])
        both = sum(np.asarray(slope[p]["grain_boundary_resistance"]) for p in slope)
        pair = [sc.solve(with_wall(**{key: 30.0 + s * step}), tolerance_V=1e-10) for s in (1.0, -1.0)]
        rough = (sc.grain_boundary_resistance(pair[0]) - sc.grain_boundary_resistance(pair[1])) / (2.0 * step * factor)
        # The core has no permittivity of its own and follows the left grain.
        assert both == pytest.approx(rough, rel=1e-4)
