"""Random layers from defects, and random grain boundaries of every law, for tests that look for what breaks a solve."""

from __future__ import annotations

from typing import Any

import numpy as np

import spacecharge as sc
from tests.solver.random_stacks import Random, log_uniform


def random_states(rng: Random, charges: list[int], gap: float) -> list[dict[str, Any]]:
    """Return charge states whose energies cross zero somewhere in the gap."""
    n = int(rng.integers(1, len(charges) + 1))
    return [
        {
            "charge": q, "degeneracy": float(rng.integers(1, 7)),
            "formation_energy_eV": float(rng.uniform(0.2, 1.6) - q * rng.uniform(0.1, 0.9) * gap),
        }
        for q in rng.choice(charges, n, replace=False).tolist()
    ]  # fmt: skip


def random_defects(rng: Random) -> dict[str, Any]:
    """Return defects of a layer: vacancies and interstitials of several charges, perhaps redox, electrons, freezing."""
    gap = float(rng.uniform(0.8, 4.0))
    charged = [{"v_Li": [-1, -2, 1], "Li_i": [1, 2, -1]}, {"v_Li": [-1, -2, -3], "Li_i": [1]}][int(rng.integers(2))]
    species: dict[str, Any] = {
        name: {"sites_per_cell": float(rng.integers(1, 7)), "states": random_states(rng, charges, gap)}
        for name, charges in charged.items()
    }
    data: dict[str, Any] = {
        "cell_volume_A3": float(rng.uniform(60.0, 1200.0)), "species": species, "mobile": ["v_Li", "Li_i"],
        "statistics": str(rng.choice(["dilute", "pool", "pool"])),
    }  # fmt: skip
    if rng.random() < 0.2:
        for keys in species.values():
            keys |= {"pool": "Li sites", "sites_per_cell": 4.0}
    if rng.random() < 0.3:
        first = float(rng.uniform(0.2, 0.8) * gap)
        states = [(1, 0.0), (0, first), (-1, 2.0 * first + float(rng.uniform(-0.2, 0.4)))][: int(rng.integers(2, 4))]
        total = 10.0 ** rng.uniform(17.0, 20.5)
        species["Ti"] = {
            "sites_per_cell": 1.0, "fixed_concentration_per_cm3": float(total),
            "states": [{"charge": q, "formation_energy_eV": energy} for q, energy in states],
        }  # fmt: skip
        data["redox"] = ["Ti"]
    if rng.random() < 0.7:
        data["electrons"] = {
            "band_gap_eV": gap, "conduction_per_cm3": log_uniform(rng, 1e18, 1e20),
            "valence_per_cm3": log_uniform(rng, 1e18, 1e20),
            "carrier_statistics": str(rng.choice(["boltzmann", "fermi_dirac"])),
        }  # fmt: skip
        data["electronic_carriers"] = bool(rng.random() < 0.7)
    if rng.random() < 0.5:
        charge = int(rng.choice([-2, -1, 1, 2]))
        data["fixed_charges"] = {"D": {"charge": charge, "concentration_per_cm3": log_uniform(rng, 1e16, 1e21)}}
    if rng.random() < 0.4:
        data["frozen_at_K"] = float(rng.uniform(600.0, 1500.0))
    return data


def random_defect_stack(rng: Random) -> sc.Stack:
    """Return a layer from defects beside another, or beside a wall, at 300 to 1500 K."""

    def layer(name: str) -> sc.Layer:
        keys = {"thickness_nm": log_uniform(rng, 5.0, 1e4), "permittivity": float(rng.uniform(5.0, 60.0))}
        return sc.Layer(name=name, potential_V=float(rng.uniform(1.5, 3.0)), defects=random_defects(rng), **keys)

    kelvin = float(rng.uniform(300.0, 1500.0))
    if rng.random() < 0.5:
        return sc.Stack([layer("a"), layer("b")], temperature_K=kelvin)
    wall = sc.End(kind="electrostatic_potential_V", value=float(rng.uniform(-0.8, 0.8)))
    return sc.Stack([layer("a")], temperature_K=kelvin, left=wall, right=sc.End(kind="bulk"))


def random_grain(rng: Random) -> dict[str, Any]:
    """Return a layer of one lattice species, of a pool beside another species, or of carriers of bands beside ions."""
    grain: dict[str, Any] = {
        "permittivity": log_uniform(rng, 5.0, 100.0), "thickness_nm": log_uniform(rng, 3.0, 100.0), "potential_V": 3.0,
    }  # fmt: skip
    common = {"site_density_per_nm3": log_uniform(rng, 0.01, 30.0), "diffusivity_m2_per_s": 1e-13}
    draw = rng.random()
    if draw < 0.3:
        odds = float(rng.uniform(-7.0, 7.0))
        own = {"occupancy": float(1.0 / (1.0 + np.exp(odds))), "charge_number": float(rng.choice([-2, -1, 1, 2]))}
        return grain | common | own
    n = int(rng.integers(2, 4))
    shares = rng.dirichlet(10.0 ** rng.uniform(-1.0, 1.0, n + 1)) + 1e-5
    charges = rng.choice([-2.0, -1.0, 1.0, 2.0], n, replace=False).tolist()
    species: dict[str, Any] = {
        f"s{i}": {"charge_number": z, "occupancy": float(share), "statistics": "pool"} | common
        for i, (z, share) in enumerate(zip(charges, shares[1:] / shares.sum(), strict=True))
    }
    if draw < 0.65:
        return grain | {"species": species}
    carriers = {"site_density_per_nm3": log_uniform(rng, 1e-3, 0.1), "diffusivity_m2_per_s": 1e-6}
    for name, z in (("electrons", -1.0), ("holes", 1.0)):
        filled = log_uniform(rng, 1e-9, 0.99)
        species[name] = {"charge_number": z, "occupancy": filled, "statistics": "fermi_dirac"} | carriers
    return grain | {"species": species}


def random_boundary(rng: Random, kind: str) -> sc.Stack:
    """Return two grains with a core (``kind`` core) or a plane of sites (``plane``) between them."""
    grain = random_grain(rng)
    kelvin = float(rng.uniform(300.0, 1500.0))
    size = {"grain_size_nm": log_uniform(rng, 20.0, 5000.0)}
    several = "species" in grain
    sites = [name for name, keys in grain["species"].items() if keys["statistics"] == "pool"] if several else [""]
    spec = grain["species"][sites[0]] if several else grain
    left, right = sc.Layer(name="left", **grain, **size), sc.Layer(name="right", **grain)
    if kind == "core":
        core: dict[str, Any] = {"core_of": "left", "thickness_nm": log_uniform(rng, 0.2, 5.0)}
        energies = {name: {"segregation_energy_eV": float(rng.uniform(-0.5, 0.5))} for name in sites}
        core |= {"species": energies} if several else energies[""]
        if rng.random() < 0.6:
            charge = spec["charge_number"] * spec["site_density_per_nm3"]
            core["background_charge_e_per_nm3"] = float(-charge * rng.uniform(-0.2, 1.4))
        return sc.Stack([left, sc.Layer(name="core", **core), right], temperature_K=kelvin)
    density = log_uniform(rng, 0.01, 10.0)
    plane: dict[str, Any] = {
        "density_per_nm2": density, "segregation_energy_eV": float(rng.uniform(-0.6, 0.6)), "of": "left",
    }  # fmt: skip
    if several:
        plane["species"] = sites[0]
    if rng.random() < 0.5:
        plane["background"] = {"charge_e_per_nm2": float(rng.uniform(-1.2, 1.2) * density)}
    return sc.Stack([left, right], temperature_K=kelvin, contacts=[sc.Contact(sites=plane)])
