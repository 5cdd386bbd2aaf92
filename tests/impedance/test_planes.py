"""Small signals across planes of sites: a closed form of flat layers, a core that gets thinner, static limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import spacecharge as sc
from spacecharge import constants as c

KELVIN = 400.0
VOLT = c.BOLTZMANN * KELVIN / c.ELEMENTARY_CHARGE
GRAIN: dict[str, Any] = {
    "thickness_nm": 30.0, "permittivity": 30.0, "potential_V": 3.0, "site_density_per_nm3": 2.0, "occupancy": 0.3,
    "diffusivity_m2_per_s": 1e-13,
}  # fmt: skip
DILUTE = GRAIN | {"site_density_per_nm3": 2e-4}
FREQUENCIES = np.geomspace(1e-1, 1e10, 23)


def stack(sites: dict[str, Any], grain: dict[str, Any] = GRAIN, **right: Any) -> sc.Stack:
    layers = [sc.Layer(name="left", **grain), sc.Layer(name="right", **(grain | right))]
    return sc.Stack(layers, temperature_K=KELVIN, contacts=[sc.Contact(sites=sites)])


def flat_layers(omega: float, stored: float, right: float) -> complex:
    """Z of two equal flat layers with i w C_p w between them, the left end reversible and the right one blocking.

    w'' = K^2 w with K^2 = C s/(sigma eps), s = sigma + i w eps; G = (sigma i w eps w' - sigma)/s at J = 1 jumps by
    i w C_p w at the plane, w = 0 at the left end, G = 0 at the right one; Z = int dx (1 + sigma w')/s.
    """
    n, theta, z = 2e23, 0.3, c.ELEMENTARY_CHARGE
    kt = c.BOLTZMANN * KELVIN
    sigma = z * z * n * theta * 1e-13 / kt
    capacity = z * z * n * theta * (1.0 - theta) / kt
    eps = 30.0 * c.VACUUM_PERMITTIVITY
    s = sigma + 1j * omega * eps
    k = np.sqrt(capacity * s / (sigma * eps))
    lengths = np.array([30e-9, right])
    # w = a (exp(-k y) - exp(k y - 2 k L1)) at y left of the plane, b exp(-k x) + d exp(k x - k L2) at x right of it.
    e1, e2 = np.exp(-2.0 * k * lengths[0]), np.exp(-k * lengths[1])
    g = sigma * 1j * omega * eps / s
    matrix = np.array(
        [
            [1.0 - e1, -1.0, -e2],
            [-g * k * (1.0 + e1) - 1j * omega * stored * (1.0 - e1), -g * k, g * k * e2],
            [0.0, -g * k * e2, g * k],
        ]
    )
    _, b, d = np.linalg.solve(matrix, np.array([0.0, 0.0, sigma / s]))
    return complex((lengths.sum() + sigma * (b * e2 + d)) / s)


@pytest.mark.parametrize("of", ["left", "right"])
def test_flat_layers_against_their_closed_form(of: str) -> None:
    """A plane that is neutral at the bulk's occupancy bends nothing, and stores (z e)^2 n theta (1 - theta)/kT."""
    density = 5e-3
    solution = sc.solve(stack({"density_per_nm2": density, "of": of}, DILUTE, thickness_nm=3.0), tolerance_V=1e-9)
    assert np.abs(sc.contact_potential(solution)).max() < 1e-12
    stored = c.ELEMENTARY_CHARGE / VOLT * density * 1e18 * 0.3 * 0.7
    found = sc.impedance(solution, FREQUENCIES, ends={"left": "reversible", "right": "blocking"})
    exact = np.array([flat_layers(2.0 * np.pi * f, stored, 3e-9) for f in FREQUENCIES])
    assert np.abs(found / exact - 1.0).max() < 1e-9
    without = np.array([flat_layers(2.0 * np.pi * f, 0.0, 3e-9) for f in FREQUENCIES])
    assert np.abs(without / exact - 1.0).max() > 0.05


@pytest.mark.parametrize("species", [1, 2])
def test_a_core_that_gets_thinner_tends_to_the_plane(species: int) -> None:
    """Sites per area held, width halved: the difference of the spectra halves, one and two components alike."""
    sites, energy = 1.5, -0.2
    ends = {"left": "reversible", "right": "blocking"}

    def keys(density: float, **more: Any) -> dict[str, Any]:
        ion = {"site_density_per_nm3": density, "occupancy": 0.3, "diffusivity_m2_per_s": 1e-13} | more
        if species == 1:
            return ion
        electrons = {
            "charge_number": -1, "site_density_per_nm3": 0.1, "occupancy": 0.2, "statistics": "dilute",
            "diffusivity_m2_per_s": 1e-12,
        }  # fmt: skip
        return {"species": {"Li": ion, "electrons": electrons}}

    shape = {"thickness_nm": 20.0, "permittivity": 30.0, "potential_V": 3.0}
    left, right = (sc.Layer(name=name, **shape, **keys(2.0)) for name in ("left", "right"))
    contact = {"density_per_nm2": sites, "segregation_energy_eV": energy, "species": "Li"}
    bare = sc.Stack([left, right], temperature_K=KELVIN, contacts=[sc.Contact(sites=contact)])
    frequencies = np.geomspace(1e2, 1e9, 8)
    target = sc.impedance(sc.solve(bare, tolerance_V=1e-9), frequencies, ends=ends)
    misses = []
    for width in (0.02, 0.01, 0.005):
        # Fast enough that the width stands in the way of nothing.
        own: dict[str, Any] = {
            "site_density_per_nm3": sites / width, "segregation_energy_eV": energy, "diffusivity_m2_per_s": 1e-9,
        }  # fmt: skip
        # What the grain's electrons leave to be balanced: the plane itself is neutral at the bulk's occupancy.
        charge = -0.3 * sites / width + (0.02 if species == 2 else 0.0)
        changes = own if species == 1 else {"species": {"Li": own, "electrons": {"diffusivity_m2_per_s": 1e-9}}}
        core = sc.Layer(name="core", core_of="left", thickness_nm=width, background_charge_e_per_nm3=charge, **changes)
        found = sc.solve(sc.Stack([left, core, right], temperature_K=KELVIN), tolerance_V=1e-9)
        misses.append(np.abs(sc.impedance(found, frequencies, ends=ends) / target - 1.0).max())
    assert misses[-1] < 0.01
    assert np.array(misses[:-1]) / np.array(misses[1:]) == pytest.approx(2.0, abs=0.3)


def test_at_low_frequency_blocking_plates_see_the_static_capacitance() -> None:
    """-1/(w Im Z) tends to dq/dV of plates that carry q and -q: planes and layers follow at rest."""
    sites = {"density_per_nm2": 3.0, "segregation_energy_eV": -0.2}
    bare = stack(sites, thickness_nm=5.0)

    def voltage(q: float) -> float:
        ends = {side: sc.End(kind="surface_charge_C_per_m2", value=v) for side, v in (("left", q), ("right", -q))}
        potentials = sc.contact_potential(sc.solve(bare.replace(**ends), tolerance_V=1e-11))
        return float(potentials[0, 1] - potentials[-1, 0])

    omega = 1e-3
    z = sc.impedance(sc.solve(bare, tolerance_V=1e-10), [omega / (2.0 * np.pi)], ends="blocking")[0]
    q = 1e-4
    assert -1.0 / (omega * z.imag) == pytest.approx(2.0 * q / (voltage(q) - voltage(-q)), rel=1e-5)


@pytest.mark.parametrize("of", ["left", "right"])
def test_poles_know_what_planes_store(of: str) -> None:
    """Their sum is the impedance, which stores the plane's charge frequency by frequency."""
    ends = {"left": "reversible", "right": "blocking"}
    bent = stack({"density_per_nm2": 5e-3, "of": of, "segregation_energy_eV": -0.1}, DILUTE, thickness_nm=6.0)
    solution = sc.solve(bent, tolerance_V=1e-8)
    poles = sc.relaxation_times(solution, ends=ends)
    assert np.abs(poles.impedance(FREQUENCIES) / sc.impedance(solution, FREQUENCIES, ends=ends) - 1.0).max() < 1e-6


@pytest.mark.parametrize("density", [0.0, 1.5])
def test_shares_are_level_with_a_blocked_component(density: float) -> None:
    """Of sites under a current: the odds of the face of their own species times exp(-E/kT), without any sites too."""
    ion = {"site_density_per_nm3": 2.0, "occupancy": 0.3, "diffusivity_m2_per_s": 1e-13}
    electrons = {"charge_number": -1, "site_density_per_nm3": 0.1, "occupancy": 0.2, "diffusivity_m2_per_s": 1e-12}
    grain: dict[str, Any] = {
        "thickness_nm": 20.0, "permittivity": 30.0, "potential_V": 3.0, "species": {"Li": ion, "electrons": electrons},
    }  # fmt: skip
    sites = {"species": "electrons", "density_per_nm2": density, "segregation_energy_eV": -0.2}
    layers = [sc.Layer(name=name, **grain) for name in ("left", "right")]
    stack = sc.Stack(layers, temperature_K=KELVIN, contacts=[sc.Contact(sites=sites)])
    state = sc.steady_state(stack, current_density=2e4, components=["Li"], tolerance_V=1e-9)
    face = float(state.scalars["contact_occupancy"][0, 0, 1])
    odds = face / (1.0 - face) * np.exp(0.2 / VOLT)
    share = odds / (1.0 + odds)
    assert state.scalars["plane_occupancy"][0] == pytest.approx(share, rel=1e-7)
    charge = -c.ELEMENTARY_CHARGE * 1e18 * density * (share - 0.2)
    assert state.scalars["plane_charge"][0] == pytest.approx(charge, rel=1e-7, abs=1e-30)
