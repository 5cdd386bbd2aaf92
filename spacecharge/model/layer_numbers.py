"""Rows of the table of numbers (see `numbers`): a layer, its species, their interaction, an Arrhenius law."""

# No future import: the table reads its annotations as they are (see `declaration.rows_of`).
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from .declaration import Number

ARRHENIUS_REFERENCE_K = 298.15
"""Temperature at which a number holds when ``at_K`` is not given [K]; also that of a stack that names none."""


MOST_IN_BAND = 1e3
"""Largest n/N_c of degenerate carriers, with the Fermi level 121 kT inside their band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesNumbers:
    """Numbers of a species of a layer."""

    site_density_per_nm3: Annotated[
        float | None,
        Number(
            low=1e-9,
            high=1e4,
            text="Lattice sites per volume",
            words="site density",
            required=True,
            array="site_density",
            column="SITES",
            by_decades=True,
            harmless=10.0,
            absent=0.0,
        ),
    ] = None
    occupancy: Annotated[
        float | None,
        Number(
            low=0.0,
            high=1.0,
            is_open=True,
            high_without_sites=MOST_IN_BAND,
            text="Bulk occupancy of the sites, between 0 and 1 (fermi_dirac: n/N_c, below 1000)",
            words="bulk occupancy",
            array="bulk_occupancy",
            rule="bulk",
            column="THETA",
            harmless=0.5,
            absent=0.5,
        ),
    ] = None
    composition: Annotated[
        float | None,
        Number(
            low=-100.0,
            high=100.0,
            text="Composition x of the ocv; sets potential and occupancy",
            words="composition x",
            rule="bulk",
        ),
    ] = None
    charge_number: Annotated[
        float | None,
        Number(
            low=-10.0,
            high=10.0,
            text="Signed charge number, not 0",
            words="charge number",
            nonzero="a mobile species must carry charge",
            default=1.0,
            array="charge_number",
            column="Z",
        ),
    ] = None
    diffusivity_m2_per_s: Annotated[
        float | Mapping[str, Any] | None,
        Number(
            low=1e-60,
            high=1.0,
            text="Self-diffusivity of the whole Li content",
            words="diffusivity",
            array="diffusivity",
            rule="law",
            column="DIFFUSIVITY",
            by_decades=True,
        ),
    ] = None
    segregation_energy_eV: Annotated[
        float | None,
        Number(low=-20.0, high=20.0, text="Energy in a core minus that in the grain", array="segregation_energy"),
    ] = None
    conductivity_S_per_m: Annotated[
        float | Mapping[str, Any] | None,
        Number(
            low=1e-40,
            high=1e7,
            text="Conductivity of the neutral layer, instead of a diffusivity",
            words="conductivity",
            array="given_conductivity",
            rule="law",
            by_decades=True,
        ),
    ] = None
    conductivity_mS_per_cm: Annotated[
        float | Mapping[str, Any] | None,
        Number(
            low=1e-39,
            high=1e8,
            text="Conductivity of the neutral layer, instead of a diffusivity",
            words="conductivity",
            array="given_conductivity",
            rule="law",
            by_decades=True,
        ),
    ] = None
    mobile_fraction: Annotated[
        float | None,
        Number(
            low=1e-9,
            high=1.0,
            text="Share of the sites that takes part; a conductivity stays what it is",
            words="mobile fraction",
            default=1.0,
            array="mobile_fraction",
            harmless=1.0,
        ),
    ] = None


class InteractionNumbers:
    """Numbers below ``interaction``."""

    occupied_eV: Annotated[
        float,
        Number(
            low=-10.0,
            high=10.0,
            text="J_occ, between occupied sites",
            words="interaction of occupied sites",
            default=0.0,
            array="interaction_occupied",
            column="J_OCC",
        ),
    ]
    vacancy_eV: Annotated[
        float,
        Number(
            low=-10.0,
            high=10.0,
            text="J_vac, between vacant sites",
            words="interaction of vacant sites",
            default=0.0,
            array="interaction_vacancy",
            column="J_VAC",
        ),
    ]


class LawNumbers:
    """Numbers below a number that may follow an Arrhenius law, besides its ``value``."""

    at_K: Annotated[
        float,
        Number(
            low=1.0,
            high=5000.0,
            text="Temperature of the value",
            words="reference temperature",
            default=ARRHENIUS_REFERENCE_K,
            rule="law",
        ),
    ]
    activation_energy_eV: Annotated[
        float,
        Number(low=-5.0, high=10.0, text="Activation energy", words="activation energy", default=0.0, rule="law"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNumbers(SpeciesNumbers):
    """Numbers of a layer as a whole, and of its species where it has one."""

    thickness_nm: Annotated[
        float | None,
        Number(low=1e-3, high=1e8, text="Thickness", required=True, array="thickness", harmless=10.0),
    ] = None
    potential_V: Annotated[
        float | None,
        Number(
            low=-20.0,
            high=20.0,
            text="Equilibrium potential U against Li/Li+",
            words="equilibrium potential against Li/Li+",
            array="potential",
            rule="potential",
            harmless=0.0,
        ),
    ] = None
    permittivity: Annotated[
        float | None,
        Number(
            low=1.0,
            high=1e7,
            text="Relative permittivity",
            words="relative permittivity",
            required=True,
            array="permittivity",
            harmless=10.0,
            by_decades=True,
        ),
    ] = None
    ionisation_potential_eV: Annotated[
        float | None,
        Number(low=-30.0, high=30.0, text="Vacuum level minus valence band edge", array="ionisation_potential"),
    ] = None
    background_charge_e_per_nm3: Annotated[
        float | None,
        Number(low=-1e4, high=1e4, text="Fixed charge of a core, default its grain's", array="background_charge"),
    ] = None
    grain_size_nm: Annotated[
        float | None,
        Number(low=0.1, high=1e9, text="Edge of the grains of a polycrystal", words="grain size", array="grain_size"),
    ] = None
