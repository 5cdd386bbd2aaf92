"""Planes of sites in contacts: against closed forms, a thin core, and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

import spacecharge as sc
from spacecharge import constants as c

from .compare import random_grain

GRAIN: dict[str, Any] = {
    "thickness_nm": 25.0, "permittivity": 30.0, "potential_V": 3.0, "site_density_per_nm3": 2.0, "occupancy": 0.3,
    "diffusivity_m2_per_s": 1e-13,
}  # fmt: skip
KELVIN = 500.0
VOLT = c.BOLTZMANN * KELVIN / c.ELEMENTARY_CHARGE


def plane(sites: dict[str, Any], grain: dict[str, Any] | None = None, **right: Any) -> sc.Stack:
    grain = GRAIN | (grain or {})
    layers = [sc.Layer(name="left", **grain), sc.Layer(name="right", **(grain | right))]
    return sc.Stack(layers, temperature_K=KELVIN, contacts=[sc.Contact(sites=sites)])


def balance(sites: dict[str, Any]) -> float:
    """Potential of a plane between two thick equal grains [V]: its charge is twice what a half space answers with."""
    theta_b, n = 0.3, 2e27
    odds = np.log(theta_b / (1 - theta_b))
    eps = 30.0 * c.VACUUM_PERMITTIVITY
    fixed = (
        -theta_b * sites["density_per_nm2"] if "background" not in sites else sites["background"]["charge_e_per_nm2"]
    )

    def excess(v: float) -> float:
        u = odds - v / VOLT
        # First integral of the lattice gas: eps E^2/2 = N kT [ln((1 - theta_b)/(1 - theta)) - theta_b (u - u_b)].
        rest = np.logaddexp(0.0, u) - np.logaddexp(0.0, odds)
        energy = n * c.BOLTZMANN * KELVIN * (rest - theta_b * (u - odds))
        answer = -np.sign(v) * np.sqrt(2.0 * eps * max(energy, 0.0))
        filled = 1.0 / (1.0 + np.exp(-(u - sites.get("segregation_energy_eV", 0.0) / VOLT)))
        areal = c.ELEMENTARY_CHARGE * 1e18 * (sites["density_per_nm2"] * filled + fixed)
        return float(areal + 2.0 * answer)

    return float(brentq(excess, -2.0, 2.0, xtol=1e-15))


@pytest.mark.parametrize(
    "sites",
    [
        {"density_per_nm2": 3.0, "segregation_energy_eV": -0.2},
        {"density_per_nm2": 3.0, "segregation_energy_eV": 0.3},
        {"density_per_nm2": 0.5, "background": {"charge_e_per_nm2": 0.4}},
        {"density_per_nm2": 20.0, "segregation_energy_eV": -0.6, "background": {"charge_e_per_nm2": -5.0}},
    ],
)
@pytest.mark.parametrize("of", ["left", "right"])
def test_plane_between_equal_grains_balances_their_first_integrals(sites: dict[str, Any], of: str) -> None:
    solution = sc.solve(plane(sites | {"of": of}), tolerance_V=1e-9)
    assert sc.contact_potential(solution)[0] == pytest.approx(balance(sites), abs=2e-9)
    assert abs(sc.charge_balance(solution)) < 1e-14
    # What the plane holds is what the layers answer with, and what its occupancy says.
    held = float(sc.plane_charge(solution)[0])
    assert held == pytest.approx(-float(sc.charge(solution).sum()), rel=1e-7)
    assert float(sc.barrier(solution)) == pytest.approx(balance(sites), abs=2e-9)


def test_a_plane_without_sites_is_no_plane() -> None:
    bare = sc.solve(plane({"density_per_nm2": 0.0}, potential_V=2.7), tolerance_V=1e-8)
    none = plane({"density_per_nm2": 0.0}, potential_V=2.7).replace(contacts=())
    assert (sc.contact_potential(bare) == sc.contact_potential(sc.solve(none, tolerance_V=1e-8))).all()


def test_a_core_that_gets_thinner_tends_to_the_plane() -> None:
    """Sites per area held, width halved: the difference falls with the width, at first order."""
    sites, energy = 1.5, -0.25
    target = float(
        sc.contact_potential(sc.solve(plane({"density_per_nm2": sites, "segregation_energy_eV": energy})))[0, 0]
    )
    misses = []
    for width in (0.08, 0.04, 0.02):
        layers = [
            sc.Layer(name="left", **GRAIN),
            sc.Layer(
                name="core", core_of="left", thickness_nm=width, segregation_energy_eV=energy,
                site_density_per_nm3=sites / width, background_charge_e_per_nm3=-0.3 * sites / width,
            ),
            sc.Layer(name="right", **GRAIN),
        ]  # fmt: skip
        misses.append(
            float(sc.contact_potential(sc.solve(sc.Stack(layers, temperature_K=KELVIN), tolerance_V=1e-9))[0, 0])
            - target
        )
    ratios = np.array(misses[:-1]) / np.array(misses[1:])
    assert abs(misses[-1]) < 2e-3
    assert ratios == pytest.approx(2.0, abs=0.15)


def test_capacitance_and_sensitivities_are_those_of_differences() -> None:
    sites = {"density_per_nm2": 2.0, "segregation_energy_eV": -0.15, "background": {"charge_e_per_nm2": -0.7}}

    def solved(changes: dict[str, Any] | None = None, right: float = 2.9, of: str = "right") -> sc.Solution:
        return sc.solve(plane(sites | {"of": of} | (changes or {}), potential_V=right), tolerance_V=1e-10)

    solution = solved()
    paths = {
        "contacts.0.sites.density_per_nm2": ({"density_per_nm2": 1e-4}, 1e18),
        "contacts.0.sites.segregation_energy_eV": ({"segregation_energy_eV": 1e-4}, c.ELEMENTARY_CHARGE),
        "contacts.0.sites.background.charge_e_per_nm2": ({"background": 1e-4}, c.ELEMENTARY_CHARGE * 1e18),
        "right.potential_V": ({}, 1.0),
    }
    slopes = sc.sensitivities(solution, list(paths))
    for path, (change, factor) in paths.items():
        pair = []
        for sign in (1.0, -1.0):
            moved = {k: sites[k] + sign * v for k, v in change.items() if k != "background"}
            if "background" in change:
                moved["background"] = {"charge_e_per_nm2": -0.7 + sign * 1e-4}
            pair.append(solved(moved, 2.9 + (0.0 if change else sign * 1e-4)))
        for name, of in (("contact_potential", sc.contact_potential), ("charge", sc.charge)):
            rough = (of(pair[0]) - of(pair[1])) / (2e-4 * factor)
            assert np.asarray(slopes[path][name]) == pytest.approx(rough, rel=2e-5, abs=1e-6 * np.abs(rough).max()), (
                path
            )
    # dq/dU with the plane on the right: the charge of the left layer alone, against the bias that the step is.
    pair = [solved(None, 2.9 + s * 1e-4) for s in (1.0, -1.0)]
    rough = (sc.charge(pair[0])[0] - sc.charge(pair[1])[0]) / 2e-4
    assert abs(float(sc.differential_capacitance(solution)[0])) == pytest.approx(abs(rough), rel=1e-6)
    assert np.isnan(sc.static_capacitance(solution)).all()


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        ({}, "density_per_nm2: needed"),
        ({"density_per_nm2": -1.0}, "out of range"),
        ({"density_per_nm2": 1.0, "of": "middle"}, "no layer of this contact"),
        ({"density_per_nm2": 1.0, "species": "Na"}, "no species of left"),
        ({"density_per_nm2": 1.0, "background": "charged"}, "allowed: neutral"),
        ({"density_per_nm2": 1.0, "sites": 2}, "unknown key"),
    ],
)
def test_broken_planes_are_refused(sites: dict[str, Any], words: str) -> None:
    with pytest.raises(sc.ModelError, match=words):
        plane(sites)


def test_five_hundred_random_planes_are_solved_or_refused_with_a_reason() -> None:
    rng = np.random.default_rng(3)
    solved = 0
    for _ in range(500):
        grain = random_grain(rng)
        density = float(10.0 ** rng.uniform(-2.0, 1.3))
        sites: dict[str, Any] = {
            "density_per_nm2": density, "segregation_energy_eV": float(rng.uniform(-1.0, 1.0)),
            "of": str(rng.choice(["left", "right"])),
        }  # fmt: skip
        if rng.random() < 0.5:
            sites["background"] = {"charge_e_per_nm2": float(rng.uniform(-1.5, 1.5) * density)}
        stack = plane(sites, grain, potential_V=float(rng.uniform(2.0, 4.0)))
        stack = stack.replace(temperature_K=float(rng.uniform(250.0, 1200.0)))
        try:
            solution = sc.solve(stack, tolerance_V=1e-6)
        except sc.ConvergenceError as error:
            assert "no solution exists" in str(error)
            continue
        solved += 1
        size = float(np.abs(sc.charge(solution)).sum()) + abs(float(sc.plane_charge(solution)[0]))
        assert abs(float(sc.charge_balance(solution))) <= 1e-12 * max(1e-3, size)
    assert solved > 450


@pytest.mark.parametrize("of", ["left", "right"])
def test_plane_between_different_layers_against_the_first_integral(of: str) -> None:
    """The field jumps by the charge of the plane: potentials, charges and resistances of random contacts."""
    rng = np.random.default_rng(23)
    for _ in range(10):
        sites: dict[str, Any] = {
            "density_per_nm2": float(10.0 ** rng.uniform(-1.0, 1.0)), "of": of,
            "segregation_energy_eV": float(rng.uniform(-0.5, 0.5)),
        }  # fmt: skip
        if rng.random() < 0.5:
            sites["background"] = {"charge_e_per_nm2": float(rng.uniform(-1.0, 1.0))}
        right = {
            "potential_V": float(rng.uniform(2.5, 3.5)), "permittivity": float(rng.uniform(5.0, 60.0)),
            "site_density_per_nm3": float(10.0 ** rng.uniform(0.0, 1.5)), "occupancy": float(rng.uniform(0.05, 0.95)),
            "charge_number": float(rng.choice([-1.0, 1.0, 2.0])), "thickness_nm": 60.0,
        }  # fmt: skip
        stack = plane(sites, {"thickness_nm": 60.0}, **right)
        stack = stack.replace(contacts=[sc.Contact(sites=sites, charge_C_per_m2=float(rng.uniform(-0.05, 0.05)))])
        solution = sc.solve(stack, tolerance_V=1e-8)
        (exact,) = sc.analytic.first_integral(stack)
        assert sc.space_charge_potential(solution)[0] == pytest.approx(exact.space_charge_potential, abs=1e-8)
        assert float(sc.charge(solution)[0]) == pytest.approx(exact.charge_left, rel=1e-6, abs=1e-9)
        assert sc.contact_field(solution)[0] == pytest.approx(exact.contact_field, rel=1e-6, abs=1e3)
        assert sc.resistance(solution)[0] == pytest.approx(exact.resistance, rel=1e-4, abs=1e-12)
        capacitance = float(sc.differential_capacitance(solution)[0])
        assert capacitance == pytest.approx(exact.differential_capacitance, rel=1e-6)
        assert np.isnan(exact.static_capacitance)


def test_a_bias_and_relaxation_about_a_load_do_not_know_planes() -> None:
    stack = plane({"density_per_nm2": 1.0, "segregation_energy_eV": 0.1})
    with pytest.raises(sc.ModelError, match=r"contacts.0.sites: a biased contact, or how a state with current relaxes"):
        sc.relaxation_times(sc.steady_state(stack, current_density=1.0))
    biased = stack.replace(contacts=[sc.Contact(sites=stack.contacts[0].sites, bias_V=0.1)])
    with pytest.raises(sc.ModelError, match="does not know planes of sites"):
        sc.impedance(sc.solve(biased), frequency_Hz=[1.0])


def test_planes_on_two_threads_are_those_of_one() -> None:
    stack = plane({"density_per_nm2": 2.0, "segregation_energy_eV": -0.15}, potential_V=2.9)
    axes = {"contacts.0.sites.segregation_energy_eV": np.linspace(-0.3, 0.3, 7), "temperature_K": [400.0, 500.0, 600.0]}
    one, two = (sc.sweep(stack, axes, workers=n) for n in (1, 2))
    for name in ("contact_potential", "plane_charge", "grain_boundary_resistance", "barrier"):
        assert (one[name] == two[name]).all(), name
    assert (one.status == 0).all()
