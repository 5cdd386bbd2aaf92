"""Random stacks for the proofs: two to four layers, one or two components, both transports, laws or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import spacecharge as sc


@dataclass(frozen=True)
class Case:
    """A stack, the laws of its contacts, plain resistances of its contacts [ohm m2], and the components that move."""

    stack: sc.Stack
    laws: tuple[sc.ChargeTransfer | None, ...]
    resistances: tuple[float, ...]
    components: tuple[str, ...]
    ends: Any


def random_case(seed: int, *, interaction: bool = True) -> Case:
    """Return the case of a seed; laws where there is one component, plain resistances where there are two."""
    rng = np.random.default_rng(seed)
    n, two = int(rng.integers(2, 5)), bool(rng.random() < 0.5)
    layers = []
    energy = float(rng.choice([0.0, 0.05, 0.1])) if interaction and not two else 0.0
    for i in range(n):

        def species(charge: float) -> dict[str, Any]:
            return {
                "site_density_per_nm3": float(rng.uniform(3.0, 30.0)),
                "occupancy": float(1.0 / (1.0 + np.exp(rng.uniform(-4.0, 4.0)))),
                "charge_number": charge,
                "diffusivity_m2_per_s": float(10.0 ** rng.uniform(-16.0, -12.0)),
                "transport": str(rng.choice(["constant", "vacancy"])),
                "interaction": {"occupied_eV": energy, "vacancy_eV": energy},
            }

        each = {"Li": species(1.0)}
        if two:
            each["electron"] = species(-1.0)
        layers.append(
            sc.Layer(
                name=f"layer{i}",
                thickness_nm=float(10.0 ** rng.uniform(0.5, 1.6)),
                potential_V=float(3.0 + rng.uniform(-0.3, 0.3)),
                permittivity=float(rng.uniform(5.0, 50.0)),
                species=each,
            )
        )
    bulk = bool(rng.random() < 0.5)
    end = sc.End(kind="bulk" if bulk else "zero_field")
    stack = sc.Stack(layers, left=end, right=end, temperature_K=float(rng.uniform(260.0, 350.0)))
    lawful = [bool(rng.random() < 0.5) for _ in range(n - 1)]
    rates = [float(10.0 ** rng.uniform(20.0, 23.0)) for _ in range(n - 1)]
    alphas = [float(rng.uniform(0.2, 0.8)) if interaction else 0.5 for _ in range(n - 1)]
    laws = tuple(
        sc.ChargeTransfer(rate_constant=k, symmetry_factor=a) if there and not two else None
        for there, k, a in zip(lawful, rates, alphas, strict=True)
    )
    resistances = tuple(
        float(1e22 / k) * 1e-4 if there and two else 0.0 for there, k in zip(lawful, rates, strict=True)
    )
    names = ("Li", "electrons") if two else ("Li",)
    kinds: list[Any] = ["reversible", "blocking", *({"reversible": [name]} for name in names if two)]
    ends = {side: kinds[int(rng.integers(len(kinds)))] for side in ("left", "right")}
    return Case(stack, laws, resistances, names, ends)


__all__ = ["Case", "random_case"]
