"""Random stacks over and beyond the documented ranges, for tests that look for what breaks a solve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from spacecharge.model import Contact, End, Layer, Stack

Random = np.random.Generator


def log_uniform(rng: Random, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def random_occupancy(rng: Random) -> float:
    draw = rng.random()
    if draw < 0.4:
        return float(rng.uniform(0.01, 0.99))
    small = log_uniform(rng, 1e-12, 0.1)
    return small if draw < 0.7 else 1.0 - max(small, 1e-9)


def random_species(rng: Random) -> dict[str, Any]:
    keys: dict[str, Any] = {
        "site_density_per_nm3": log_uniform(rng, 1e-6, 1e3),
        "occupancy": random_occupancy(rng),
        "charge_number": float(rng.choice([1, 1, 1, -1, 2, -2, 3, 0.5])),
    }
    if rng.random() < 0.25:
        keys["statistics"] = "dilute"
    if rng.random() < 0.7:
        keys["diffusivity_m2_per_s"] = log_uniform(rng, 1e-25, 1e-9)
        if rng.random() < 0.3 and "statistics" not in keys:
            keys["transport"] = "vacancy"
    draw = rng.random()
    if draw < 0.3:
        keys["interaction"] = {"occupied_eV": log_uniform(rng, 1e-3, 2.0), "vacancy_eV": log_uniform(rng, 1e-3, 2.0)}
    elif draw < 0.5:
        # Attraction of one kind or both.
        occupied, vacancy = rng.choice([0.0, -1.0, 1.0], size=2)
        keys["interaction"] = {
            "occupied_eV": float(occupied) * log_uniform(rng, 1e-3, 0.3),
            "vacancy_eV": float(vacancy) * log_uniform(rng, 1e-3, 0.3),
        }
    if "interaction" in keys and keys.get("statistics") == "dilute":
        keys["interaction"]["vacancy_eV"] = 0.0
    return keys


def random_layer(rng: Random, name: str, two_species: bool) -> Layer:
    keys: dict[str, Any] = {
        "name": name,
        "thickness_nm": log_uniform(rng, 1e-3, 1e6),
        "potential_V": float(rng.uniform(-10.0, 10.0)) if rng.random() < 0.3 else float(rng.uniform(0.0, 5.0)),
        "permittivity": log_uniform(rng, 1.0, 1e5) if rng.random() < 0.2 else log_uniform(rng, 2.0, 200.0),
    }
    if two_species:
        return Layer(**keys, species={"a": random_species(rng), "b": random_species(rng)})
    return Layer(**keys, **random_species(rng))


def random_end(rng: Random) -> End:
    draw = rng.random()
    if draw < 0.6:
        return End()
    if draw < 0.75:
        return End(kind="bulk")
    if draw < 0.9:
        return End(kind="electrostatic_potential_V", value=float(rng.normal(scale=3.0)))
    return End(kind="surface_charge_C_per_m2", value=float(rng.normal()) * log_uniform(rng, 1e-6, 1.0))


def random_stacks(n: int, seed: int) -> Iterator[Stack]:
    """Yield `n` stacks of one to four layers, one or two species, at 10 to 3000 K."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        n_layers = int(rng.choice([1, 2, 2, 2, 3, 4]))
        layers = [random_layer(rng, f"l{i}", bool(rng.random() < 0.3)) for i in range(n_layers)]
        contacts = [
            Contact(
                charge_C_per_m2=float(rng.normal()) * log_uniform(rng, 1e-6, 1.0) if rng.random() < 0.2 else 0.0,
                dipole_V=float(rng.normal()) if rng.random() < 0.2 else 0.0,
            )
            for _ in range(n_layers - 1)
        ]
        temperature = 298.15 if rng.random() < 0.5 else log_uniform(rng, 10.0, 3000.0)
        yield Stack(layers, contacts=contacts, left=random_end(rng), right=random_end(rng), temperature_K=temperature)
