"""Random two-layer cases over the ranges that the solver has to master (thick layers, one species)."""

from __future__ import annotations

import numpy as np

from spacecharge.analytic import Side, critical_interaction, first_integral, make_side
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, NM, VACUUM_PERMITTIVITY
from spacecharge.model import End, Layer, Stack, stack_parameters

MAX_THICKNESS = 1e-3
"""Thickest layer that a case may ask for [m]."""

MIN_THICKNESS = 1e-9
"""Thinnest layer of a case [m]."""

STEP_V = 5.0
PERMITTIVITY = (2.0, 200.0)
SITE_DENSITY_PER_NM3 = (1e-3, 100.0)
OCCUPANCY = 1e-6
TEMPERATURE_K = (150.0, 1500.0)
REPULSION_EV = 0.3
ATTRACTION = 0.9
"""Strongest attraction as a share of the critical one: close enough to matter, away from the gap."""


def random_two_layer_cases(n: int, seed: int) -> list[Stack]:
    """Return `n` two-layer stacks of thick layers, the same for the same seed.

    Potential steps of +-5 V, permittivities 2 to 200, site densities 1e24 to 1e29 m^-3, occupancies 1e-6 to
    1 - 1e-6, 150 to 1500 K; half of the stacks with interactions (repulsive to 0.3 eV, or attractive below
    critical), half of the layers with the vacancy law of transport. Decades are sampled evenly. A layer is
    one to three times as thick as the depletion width plus 20 Debye lengths; a case that needs more than
    1 mm is drawn again.

    Parameters
    ----------
    n : int
        Number of stacks.
    seed : int
        Seed of the generator.
    """
    rng = np.random.default_rng(seed)
    cases: list[Stack] = []
    while len(cases) < n:
        stack = thickened(_draw(rng, with_interaction=len(cases) % 2 == 1), rng)
        if stack is not None:
            cases.append(stack)
    return cases


def required_thickness(side: Side, potential: float) -> float:
    """Return depletion width plus 20 Debye lengths of one lattice species [m].

    The width is that of a layer emptied (or filled) altogether, ``sqrt(2 eps0 eps |v|/(z e N limit))`` with
    the limit theta_b (or 1 - theta_b): an upper bound of the charged region's own width.
    """
    (carrier,) = side.carriers
    density = VACUUM_PERMITTIVITY * side.permittivity * side.thermal_voltage / side.length**2
    limit = carrier.occupancy if potential * carrier.charge_number > 0 else carrier.vacancy
    charge = abs(carrier.charge_number) * density * limit
    width = np.sqrt(2.0 * VACUUM_PERMITTIVITY * side.permittivity * abs(potential) / charge)
    return float(width + 20.0 * side.debye_length)


def _draw(rng: np.random.Generator, *, with_interaction: bool) -> Stack:
    temperature = float(rng.uniform(*TEMPERATURE_K))
    step = float(rng.uniform(-STEP_V, STEP_V))
    return Stack(
        (
            _layer("left", 3.0 + step, temperature, rng, with_interaction),
            _layer("right", 3.0, temperature, rng, with_interaction),
        ),
        temperature_K=temperature,
    )


def _layer(name: str, potential: float, temperature: float, rng: np.random.Generator, with_interaction: bool) -> Layer:
    reach = np.log(OCCUPANCY / (1.0 - OCCUPANCY))
    occupancy = float(1.0 / (1.0 + np.exp(rng.uniform(reach, -reach))))
    return Layer(
        name=name,
        thickness_nm=1.0,
        potential_V=potential,
        permittivity=_log_uniform(rng, *PERMITTIVITY),
        site_density_per_nm3=_log_uniform(rng, *SITE_DENSITY_PER_NM3),
        occupancy=min(max(occupancy, OCCUPANCY), 1.0 - OCCUPANCY),
        interaction=_interaction(rng, temperature) if with_interaction else None,
        diffusivity_m2_per_s=_log_uniform(rng, 1e-18, 1e-10),
        transport="vacancy" if rng.random() < 0.5 else "constant",
    )


def _interaction(rng: np.random.Generator, temperature: float) -> dict[str, float]:
    """Three in four repulsive; the rest attractive in a random direction, below critical."""
    if rng.random() < 0.75:
        occupied, vacancy = rng.uniform(0.0, REPULSION_EV, size=2)
        return {"occupied_eV": float(occupied), "vacancy_eV": float(vacancy)}
    angle = rng.uniform(0.0, np.pi / 2.0)
    critical = critical_interaction(temperature, -np.cos(angle), -np.sin(angle)) / ELEMENTARY_CHARGE
    strength = rng.uniform(0.0, ATTRACTION) * critical
    return {
        "occupied_eV": float(-np.cos(angle) * strength),
        "vacancy_eV": float(-np.sin(angle) * strength),
    }


def thickened(stack: Stack, rng: np.random.Generator) -> Stack | None:
    """Return the stack with layers thick enough for the first integral, or None beyond 1 mm."""
    parameters = stack_parameters(stack)
    (state,) = first_integral(parameters)
    layers = []
    for i, layer in enumerate(stack.layers):
        needed = required_thickness(make_side(parameters, 0, i), float(state.space_charge_potential[i]))
        if needed > MAX_THICKNESS:
            return None
        thickness = min(max(needed * rng.uniform(1.0, 3.0), MIN_THICKNESS), MAX_THICKNESS)
        layers.append(layer.replace(thickness_nm=float(thickness) / NM))
    return stack.replace(layers=tuple(layers))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def cheng_stack(electrode_sites: float, interaction: float, potential: float, composition: float) -> Stack:
    """Return LixV2O5 | LAGP as in the reference rows (Cheng et al., Joule 2020).

    Parameters
    ----------
    electrode_sites : float
        Sites of the electrode [nm^-3].
    interaction : float
        J_occ = J_vac [eV].
    potential : float
        U of the electrode [V].
    composition : float
        x in LixV2O5; 11.16 formula units per nm^3.
    """
    pair = {"occupied_eV": interaction, "vacancy_eV": interaction}
    return Stack(
        (
            Layer(
                name="electrode",
                thickness_nm=30.0,
                potential_V=potential,
                permittivity=15.0,
                site_density_per_nm3=electrode_sites,
                occupancy=min(11.16 * composition / electrode_sites, 0.99),
                interaction=pair,
            ),
            Layer(
                name="electrolyte",
                thickness_nm=30.0,
                potential_V=3.0,
                permittivity=15.0,
                site_density_per_nm3=19.7,
                occupancy=7.4 / 19.7,
                interaction=pair,
                diffusivity_m2_per_s=1e-13,
            ),
        ),
        temperature_K=298.15,
    )


REFERENCE_ROWS = (
    # sites nm^-3, J eV, U V, x; charge uC/cm2, drops V, occupancies, R Ohm cm2, width nm (electrolyte side)
    ((33.5, 0.0, 3.4, 0.2), 27.441, (0.1287, 0.2713), (0.9144, 1.560e-5), 0.69285, 0.4990),
    ((22.4, 0.10, 3.4, 0.2), 22.003, (0.1802, 0.2198), (0.7205, 4.395e-3), 5.9721e-3, 0.5848),
    ((22.4, 0.10, 2.4, 2.0), 31.441, (0.3221, 0.2779), (0.1504, 0.9951), 9.7817e-4, 0.5889),
)
"""LixV2O5 | LAGP rows computed by two independent routes before this package existed."""


def swift_stack(
    wall_potential: float,
    site_density_per_nm3: float,
    formation_energy_eV: float,
    permittivity: float,
    *,
    temperature: float = 300.0,
    site_share: float = 0.1,
) -> Stack:
    """Return a solid electrolyte at a wall with interstitials and vacancies (Swift, Swift and Qi 2021)."""
    thermal = BOLTZMANN * temperature / ELEMENTARY_CHARGE
    ratio = site_share * np.exp(formation_energy_eV / thermal)
    defect = {
        "site_density_per_nm3": site_density_per_nm3 * site_share,
        "occupancy": float(1.0 / (1.0 + ratio)),
    }
    layer = Layer(
        name="electrolyte",
        thickness_nm=100.0,
        potential_V=0.0,
        permittivity=permittivity,
        species={
            "interstitial": {**defect, "charge_number": 1.0},
            "vacancy": {**defect, "charge_number": -1.0},
        },
    )
    end = End(kind="electrostatic_potential_V", value=wall_potential)
    return Stack((layer,), temperature_K=temperature, left=end)


__all__ = [
    "REFERENCE_ROWS",
    "cheng_stack",
    "random_two_layer_cases",
    "required_thickness",
    "swift_stack",
    "thickened",
]
