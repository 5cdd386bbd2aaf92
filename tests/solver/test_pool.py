"""Charge states on one pool of sites: against the first integral, the lattice, dilute species, differences."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import spacecharge as sc
from spacecharge import constants as c
from spacecharge.analytic import first_integral
from spacecharge.analytic.laws import make_side
from spacecharge.analytic.panels import panels
from spacecharge.model import stack_parameters

OTHER: dict[str, Any] = {
    "name": "other", "thickness_nm": 400.0, "permittivity": 20.0, "site_density_per_nm3": 10.0, "occupancy": 0.3,
    "diffusivity_m2_per_s": 1e-14,
}  # fmt: skip


def states(charges: list[float], shares: list[float], density: float, **keys: Any) -> dict[str, dict[str, Any]]:
    common = {"site_density_per_nm3": density, "statistics": "pool", "diffusivity_m2_per_s": 1e-14} | keys
    pairs = zip(charges, shares, strict=True)
    return {f"s{i}": {"charge_number": z, "occupancy": share} | common for i, (z, share) in enumerate(pairs)}


def stack(species: dict[str, dict[str, Any]], step: float = 0.3, **changes: Any) -> sc.Stack:
    layer = sc.Layer(name="a", thickness_nm=400.0, potential_V=3.0, permittivity=12.0, species=species)
    return sc.Stack([layer, sc.Layer(potential_V=3.0 - step, **(OTHER | changes))])


def random_pools(rng: np.random.Generator) -> sc.Stack:
    """A layer of one or two pools and perhaps a dilute species beside another layer, thick against every length."""
    species: dict[str, dict[str, Any]] = {}
    for pool in range(int(rng.integers(1, 3))):
        n = int(rng.integers(1, 4 - pool))
        shares = rng.dirichlet(10.0 ** rng.uniform(-1.0, 1.0, n + 1)) + 1e-4
        charges = rng.choice([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], n, replace=False)
        density = float(10.0 ** rng.uniform(-0.5, 1.5))
        of_pool = states(charges.tolist(), (shares[:-1] / shares.sum()).tolist(), density, pool=f"p{pool}")
        species |= {f"{name}_{pool}": keys for name, keys in of_pool.items()}
    if rng.random() < 0.3:
        species["e"] = {
            "charge_number": -1.0, "site_density_per_nm3": 1.0, "occupancy": 0.01, "statistics": "dilute",
            "diffusivity_m2_per_s": 1e-9,
        }  # fmt: skip
    return stack(species, float(rng.uniform(-1.0, 1.0)), permittivity=float(rng.uniform(5.0, 60.0)))


def check_against_first_integral(case: sc.Stack, tolerance: float) -> None:
    solution = sc.solve(case, tolerance_V=tolerance)
    (exact,) = first_integral(case)
    errors = np.abs(sc.space_charge_potential(solution)[0] - exact.space_charge_potential)
    assert errors.max() <= tolerance
    assert sc.potential_error_estimate(solution) >= errors.max() - 1e-12
    for found, wanted in (
        (sc.contact_occupancy(solution)[0], exact.contact_occupancy),
        (sc.contact_vacancy(solution)[0], exact.contact_vacancy),
    ):
        here = np.isfinite(wanted)
        assert np.reshape(found, wanted.shape)[here] == pytest.approx(wanted[here], rel=1e-4)
    assert sc.debye_length(solution) == pytest.approx(exact.debye_length, rel=1e-12)
    assert sc.differential_capacitance(solution)[0] == pytest.approx(exact.differential_capacitance, rel=1e-5)
    assert sc.static_capacitance(solution)[0] == pytest.approx(exact.static_capacitance, rel=1e-5)
    floor = exact.debye_length / np.array([make_side(stack_parameters(case), 0, i).conductivity for i in (0, 1)])
    miss = np.abs(sc.resistance(solution)[0] - exact.resistance) / np.maximum(exact.resistance, floor)
    assert miss.max() <= 1e-4
    size = float(np.abs(sc.charge(solution)).max())
    assert abs(float(sc.charge_balance(solution))) <= 1e-12 * size


def test_random_pools_against_the_first_integral() -> None:
    rng = np.random.default_rng(17)
    for _ in range(12):
        check_against_first_integral(random_pools(rng), 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("tolerance", [1e-5, 1e-8])
def test_three_hundred_random_pools(tolerance: float) -> None:
    rng = np.random.default_rng(18)
    for _ in range(300):
        check_against_first_integral(random_pools(rng), tolerance)


def test_pressure_is_the_logarithm_of_all_weights() -> None:
    """eps E^2/2 = kT n [ln (1 + sum w)/(1 + sum w_b) + sum z theta_b y]: the oracle's quadrature against it."""
    charges, shares = [-1.0, 2.0, 1.0], [0.2, 0.05, 0.1]
    p = stack_parameters(stack(states(charges, shares, 4.0)))
    side = make_side(p, 0, 0)
    for sign in (1.0, -1.0):
        tau = np.array([0.0, 0.5, 2.0, 7.0, 15.0, 30.0])
        fine = np.unique(np.concatenate([np.linspace(a, b, 40) for a, b in itertools.pairwise(tau)]))
        found = panels(side, sign, fine[:-1], fine[1:]).edge_energy
        y = sign * fine
        weights = np.array(shares)[:, None] * np.exp(-np.array(charges)[:, None] * y)
        log_total = np.log(1.0 - sum(shares) + weights.sum(axis=0))
        pressure = log_total + (np.array(charges) * np.array(shares)).sum() * y
        # In units of kT a site of all that are counted: three times those of the pool.
        assert 3.0 * found == pytest.approx(pressure, rel=1e-12, abs=1e-15)


def test_one_state_is_a_lattice_species() -> None:
    for theta, z in ((0.2, 1.0), (0.97, -2.0)):
        one = states([z], [theta], 3.0)
        lattice = {"s0": {key: value for key, value in one["s0"].items() if key != "statistics"}}
        pool, plain = (sc.solve(stack(species), tolerance_V=1e-9) for species in (one, lattice))
        for name in ("contact_potential", "contact_occupancy", "contact_vacancy", "resistance", "space_charge_width"):
            assert getattr(pool, name) == pytest.approx(getattr(plain, name), rel=1e-7, nan_ok=True), name
        assert pool.contact_potential == pytest.approx(plain.contact_potential, abs=1e-12)
        assert pool.static_capacitance == pytest.approx(plain.static_capacitance, rel=1e-10)


def test_dilute_states_do_not_see_each_other() -> None:
    """On 1e-8 of the sites the pool is its states one by one, to the order of the filling at the contact."""
    charges, shares = [1.0, 2.0, -1.0], [1e-8, 1e-10, 2e-8]
    pool = sc.solve(stack(states(charges, shares, 1e4), 0.15), tolerance_V=1e-9)
    apart = sc.solve(stack(states(charges, shares, 1e4, statistics="dilute"), 0.15), tolerance_V=1e-9)
    filled = float(np.nansum(apart.contact_occupancy[0, 0]))
    assert filled < 1e-4
    assert pool.contact_potential == pytest.approx(apart.contact_potential, rel=10.0 * filled)
    assert np.abs(pool.contact_potential - apart.contact_potential).max() > 0.0


def test_sensitivities_are_those_of_differences() -> None:
    shares = [0.2, 0.05, 0.1]

    def solved(step: float = 0.3, **changes: float) -> sc.Solution:
        species = states([-1.0, 2.0, 1.0], shares, 4.0)
        species["s1"] |= changes
        return sc.solve(stack(species, step), tolerance_V=1e-10)

    slopes = sc.sensitivities(solved(), ["a.species.s1.occupancy", "a.species.s1.charge_number", "other.potential_V"])
    pairs = {
        "a.species.s1.occupancy": [solved(occupancy=0.05 + s * 1e-6) for s in (1.0, -1.0)],
        "a.species.s1.charge_number": [solved(charge_number=2.0 + s * 1e-6) for s in (1.0, -1.0)],
        "other.potential_V": [solved(0.3 - s * 1e-6) for s in (1.0, -1.0)],
    }
    for path, (high, low) in pairs.items():
        for name in ("contact_potential", "charge", "resistance", "debye_length", "contact_vacancy"):
            # Of the other layer only the first species is there.
            part = np.s_[:, 0] if name == "contact_vacancy" else np.s_[...]
            rough = (np.asarray(getattr(high, name)) - np.asarray(getattr(low, name)))[part] / 2e-6
            scale = float(np.nanmax(np.abs(rough)))
            found = np.asarray(slopes[path][name])[part]
            assert found == pytest.approx(rough, rel=2e-4, abs=2e-5 * scale, nan_ok=True), (path, name)


def test_sweeps_take_numbers_of_a_pool() -> None:
    species = states([1.0, 2.0], [0.2, 0.05], 4.0)
    table = sc.sweep(stack(species), {"a.species.s1.occupancy": [0.05, 0.3, 0.85]})
    assert table.status.tolist() == [0, 0, 3]
    species["s1"]["occupancy"] = 0.3
    again = sc.solve(stack(species))
    assert table["interface_resistance"][1] == pytest.approx(1e4 * again.interface_resistance, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"occupancy": 0.9}, r"s0.occupancy: the pool holds 1.1 a site in all"),
        ({"site_density_per_nm3": 5.0}, r"s0.site_density_per_nm3: one number for all species of a pool"),
        ({"transport": "vacancy"}, r"s1.transport: pool statistics does not know it"),
        ({"interaction": {"occupied_eV": 0.1}}, r"s1.interaction.occupied_eV: pool statistics knows no interaction"),
        ({"statistics": "lattice", "pool": "x"}, r"s1.pool: names shared sites, which needs statistics: pool"),
        ({"mobile_fraction": 0.5}, r"s1.mobile_fraction: pool statistics counts all its sites"),
    ],
)
def test_what_a_pool_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    species = states([1.0, 2.0], [0.2, 0.05], 4.0)
    species["s1"] |= change
    with pytest.raises(sc.ModelError, match=words):
        sc.solve(stack(species))


def test_core_of_a_pool_is_neutral_where_its_weights_say() -> None:
    """c_k = n w_k/(1 + sum w) with the segregation energies in w, against a bisection of its own."""
    species = states([1.0, 2.0], [0.2, 0.05], 4.0)
    grain = sc.Layer(name="grain", thickness_nm=50.0, potential_V=3.0, permittivity=12.0, species=species)
    energies = [-0.1, 0.05]
    core = sc.Layer(
        name="core", core_of="grain", thickness_nm=1.0,
        species={f"s{i}": {"segregation_energy_eV": energy} for i, energy in enumerate(energies)},
    )  # fmt: skip
    p = stack_parameters(sc.Stack([grain, core, grain.replace(name="right")]))
    volt = c.BOLTZMANN * 298.15 / c.ELEMENTARY_CHARGE
    grain_weights = np.array([0.2, 0.05]) / 0.75

    def charge(v: float) -> tuple[float, np.ndarray]:
        w = grain_weights * np.exp(-(np.array(energies) + np.array([1.0, 2.0]) * v) / volt)
        thetas = w / (1.0 + w.sum())
        return float((np.array([1.0, 2.0]) * thetas).sum() - 0.3), thetas

    low, high = -2.0, 2.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if charge(middle)[0] > 0.0 else (low, middle)
    assert p.neutral_offset[0, 1] - p.neutral_offset[0, 0] == pytest.approx(middle, abs=1e-12)
    assert p.bulk_occupancy[0, 1] == pytest.approx(charge(middle)[1], rel=1e-10)
    assert sc.solve(sc.Stack([grain, core, grain.replace(name="right")])).status == 0
