"""Stacks that several tests use, and closed forms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.model import Layer, Stack

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
CM2 = 1e-4


def pair(
    potential: float = 3.4, x: float = 0.2, sites: float = 22.4, energy: float = 0.10, thickness: float = 30.0
) -> Stack:
    """LixV2O5 | LAGP, the default set (DYNAMICS 3 and 4)."""
    both = {"occupied_eV": energy, "vacancy_eV": energy}
    electrode = Layer(
        name="electrode",
        thickness_nm=thickness,
        potential_V=potential,
        permittivity=15.0,
        site_density_per_nm3=sites,
        occupancy=min(11.16 * x / sites, 0.99),
        interaction=both,
        diffusivity_m2_per_s=1.79e-15,
    )
    electrolyte = Layer(
        name="electrolyte",
        thickness_nm=thickness,
        potential_V=3.0,
        permittivity=15.0,
        site_density_per_nm3=19.7,
        occupancy=7.4 / 19.7,
        interaction=both,
        diffusivity_m2_per_s=1e-13,
    )
    return Stack((electrode, electrolyte), temperature_K=298.15)


def homogeneous(debye_lengths: float = 100.0) -> tuple[Stack, float, float, float, float]:
    """One layer of one ion without a space charge: stack, sigma, eps, Debye length, thickness."""
    sites, theta, d, eps = 10e27, 0.4, 1e-13, 15.0 * VACUUM_PERMITTIVITY
    kt = BOLTZMANN * 298.15
    strength = ELEMENTARY_CHARGE**2 * sites / kt
    debye = float(np.sqrt(eps / (strength * theta * (1.0 - theta))))
    length = debye_lengths * debye
    layer = Layer(
        name="only",
        thickness_nm=length * 1e9,
        potential_V=3.0,
        permittivity=15.0,
        site_density_per_nm3=10.0,
        occupancy=theta,
        diffusivity_m2_per_s=d,
    )
    return Stack((layer,)), strength * theta * d, eps, debye, length


def between_plates(omega: Array, sigma: float, eps: float, debye: float, length: float) -> Complex:
    """Z of a homogeneous layer of one ion between ideal plates (DYNAMICS 4.1)."""
    p = 1j * omega * eps / sigma
    diffuse = 2.0 * debye * np.tanh(0.5 * length / debye * np.sqrt(1.0 + p))
    return np.asarray(length / (sigma * (1.0 + p)) + diffuse / (1j * omega * eps * (1.0 + p) ** 1.5))


def mixed_layer(length_nm: float, ratio: float = 1.0, permittivity: float = 10.0) -> tuple[Stack, Array, Array]:
    """Ions and electrons of equal density in one layer: stack, sigma and C of both."""
    kt = BOLTZMANN * 298.15
    species = {
        "Li": {"site_density_per_nm3": 20.0, "occupancy": 0.5, "diffusivity_m2_per_s": 1e-14},
        "electron": {
            "site_density_per_nm3": 20.0,
            "occupancy": 0.5,
            "charge_number": -1.0,
            "diffusivity_m2_per_s": 1e-14 * ratio,
        },
    }
    layer = Layer(name="mixed", thickness_nm=length_nm, potential_V=3.0, permittivity=permittivity, species=species)
    sigma = ELEMENTARY_CHARGE**2 * 20e27 * 0.5 / kt * np.array([1e-14, 1e-14 * ratio])
    capacity = ELEMENTARY_CHARGE**2 * 20e27 * 0.25 / kt * np.ones(2)
    return Stack((layer,)), sigma, capacity


def coated() -> Stack:
    """Three layers; the middle one carries ions and electrons, which both neighbours block."""
    names = ("left", "coating", "right")
    single = {"Li": {"site_density_per_nm3": 12.0, "occupancy": 0.45, "diffusivity_m2_per_s": 3e-13}}
    both = {
        "electron": {
            "site_density_per_nm3": 5.0,
            "occupancy": 0.02,
            "charge_number": -1.0,
            "diffusivity_m2_per_s": 1e-12,
        },
        "Li": {"site_density_per_nm3": 8.0, "occupancy": 0.3, "diffusivity_m2_per_s": 2e-15, "transport": "vacancy"},
    }
    # The same order of species in all layers: the static solve pairs them by place.
    layers = (
        Layer(name=names[0], thickness_nm=12.0, potential_V=3.3, permittivity=12.0, species=single),
        Layer(
            name=names[1],
            thickness_nm=4.0,
            potential_V=3.1,
            permittivity=20.0,
            species={k: both[k] for k in ("Li", "electron")},
        ),
        Layer(name=names[2], thickness_nm=9.0, potential_V=2.9, permittivity=15.0, species=single),
    )
    return Stack(layers, temperature_K=310.0)
