"""What the statistics of every species needs, worked out once per point: reduced numbers, branch, bulk response."""

from __future__ import annotations

import math

from . import layout as o
from ._jit import inlined, kernel
from .fermi import fermi_inverse
from .laws import DELTA_MAX, LEAST_SLOPE, state_of
from .layout import (
    CODE_START,
    DIFFUSIVITY,
    J_OCC,
    J_VAC,
    N_LAYERS,
    N_SPECIES,
    SITES,
    SPECIES_SIZE,
    TEMPERATURE,
    THETA,
    VACANCY,
    Z,
    species_start,
)
from .rows import DILUTE, FERMI_DIRAC

# Where a branch ends is looked for in steps of Delta of this size, at log odds up to this (theta from 1e-12 to
# 1 - 1e-12: outside, the cube roots times the other fraction are below 1e-4 |j|), and not beyond this Delta.
BRANCH_STEP, BRANCH_ODDS, BRANCH_MAX = 0.02, 28.0, 700.0

BOLTZMANN = 1.380649e-23
ELEMENTARY_CHARGE = 1.602176634e-19
VACUUM_PERMITTIVITY = 8.8541878188e-12


@inlined
def reference_density(temperature):
    """Return e / (eps0 kT/e): number density times this is the charge in units of eps0 kT/e [m]."""
    return ELEMENTARY_CHARGE / (VACUUM_PERMITTIVITY * BOLTZMANN * temperature / ELEMENTARY_CHARGE)


@kernel
def spinodal_bounds(theta_b, vacancy_b, occ, vac):
    """Return lowest and highest Delta of the branch of rising mu around the bulk, and whether the bulk is stable.

    Only attraction (a negative J) can end a branch. The slope 1 + (4/9)(j_occ theta^(1/3) n + j_vac n^(1/3) theta) is
    scanned in Delta on both sides of the bulk and the first zero refined by bisection.
    """
    low, high, stable = -DELTA_MAX, DELTA_MAX, True
    if occ >= 0.0 and vac >= 0.0:
        return low, high, stable
    root_theta, root_vacancy = theta_b ** (1.0 / 3.0), vacancy_b ** (1.0 / 3.0)
    if 1.0 + (4.0 / 9.0) * (occ * root_theta * vacancy_b + vac * root_vacancy * theta_b) <= 0.0:
        return 0.0, 0.0, False
    bulk = math.log(theta_b / vacancy_b)
    for direction in range(2):
        sign = 1.0 if direction == 1 else -1.0
        inside, step = 0.0, BRANCH_STEP
        found = False
        while -BRANCH_ODDS < bulk + sign * inside < BRANCH_ODDS or inside == 0.0:
            outside = inside + step
            if _branch_slope(bulk + sign * outside, occ, vac) <= 0.0:
                found = True
                break
            inside = outside
            if inside > BRANCH_MAX:
                break
        if found:
            outside = inside + step
            for _ in range(60):
                middle = 0.5 * (inside + outside)
                if _branch_slope(bulk + sign * middle, occ, vac) <= 0.0:
                    outside = middle
                else:
                    inside = middle
            if direction == 1:
                high = inside
            else:
                low = -inside
    return low, high, stable


@inlined
def dilute_bounds(theta_b, occ):
    """Return the same for dilute statistics, whose slope 1 + (4/9) j_occ theta^(1/3) falls with occupancy."""
    if occ >= 0.0:
        return -DELTA_MAX, DELTA_MAX, True
    highest = min(3.0 * math.log(-9.0 / (4.0 * occ)) - math.log(theta_b), DELTA_MAX)
    return (-DELTA_MAX, highest, True) if highest > 0.0 else (0.0, 0.0, False)


@inlined
def _branch_slope(u, occ, vac):
    theta = 1.0 / (1.0 + math.exp(-u)) if u > -700.0 else 0.0
    vacancy = 1.0 / (1.0 + math.exp(u)) if u < 700.0 else 0.0
    return 1.0 + (4.0 / 9.0) * (occ * theta ** (1.0 / 3.0) * vacancy + vac * vacancy ** (1.0 / 3.0) * theta)


@kernel
def fill_species(row, codes, species):
    """Fill `species` for layers of every kind (see `fill_columns`)."""
    return fill_columns(row, codes, species, codes)


@kernel
def fill_columns(row, codes, species, general):
    """Fill `species` (n_layers, n_species, SPECIES_COLUMNS) with what the statistics needs; return gap flag.

    Columns: strength z e N / (eps0 kT/e) [m^-2], z, theta_b, 1 - theta_b, j_occ, j_vac, cube roots of the two
    fractions (with interaction only), lowest and highest Delta, dilute code, conductivity prefactor z^2 e^2 N D / kT
    [S/m] (NaN without D), share in -d charge/d y of the neutral bulk [m^-2].
    Returns the index of the first layer whose bulk lies in a miscibility gap, or -1. Without `general` (None) no
    species attracts itself.
    """
    n_layers, n_species = codes[N_LAYERS], codes[N_SPECIES]
    temperature = row[TEMPERATURE]
    kt = BOLTZMANN * temperature
    density = reference_density(temperature)
    start = species_start(n_layers)
    unstable = -1
    for layer in range(n_layers):
        for s in range(n_species):
            at = start + SPECIES_SIZE * (layer * n_species + s)
            z, sites, theta, vacancy = row[at + Z], row[at + SITES], row[at + THETA], row[at + VACANCY]
            occ, vac = row[at + J_OCC] / kt, row[at + J_VAC] / kt
            dilute = codes[CODE_START + 2 * (layer * n_species + s)]
            species[layer, s, o.P_STRENGTH] = z * sites * density
            species[layer, s, o.P_Z] = z
            species[layer, s, o.P_THETA] = theta
            species[layer, s, o.P_VACANCY] = vacancy
            species[layer, s, o.P_OCC] = occ
            species[layer, s, o.P_VAC] = vac
            # Only the interaction asks for cube roots.
            rooted = occ != 0.0 or vac != 0.0
            species[layer, s, o.P_ROOT_THETA] = theta ** (1.0 / 3.0) if rooted else 0.0
            species[layer, s, o.P_ROOT_VACANCY] = vacancy ** (1.0 / 3.0) if rooted else 0.0
            if general is not None and dilute == FERMI_DIRAC:
                # This law has no interaction: the column holds its eta_b.
                species[layer, s, o.P_ROOT_VACANCY] = fermi_inverse(theta)
            species[layer, s, o.P_DILUTE] = dilute
            species[layer, s, o.P_CONDUCT] = (
                z * z * ELEMENTARY_CHARGE * ELEMENTARY_CHARGE * sites * row[at + DIFFUSIVITY] / kt
            )
            species[layer, s, o.P_LOWEST], species[layer, s, o.P_HIGHEST] = -DELTA_MAX, DELTA_MAX
            if general is not None:
                if dilute == DILUTE:
                    lowest, highest, stable = dilute_bounds(theta, occ)
                else:
                    lowest, highest, stable = spinodal_bounds(theta, vacancy, occ, vac)
                species[layer, s, o.P_LOWEST], species[layer, s, o.P_HIGHEST] = lowest, highest
                if not stable and sites > 0.0 and unstable < 0:
                    unstable = layer
        for s in range(n_species):
            # Once all are there: those of a pool ask for each other.
            _, _, _, response, _, slope = state_of(species, layer, s, 0.0)
            strength = species[layer, s, o.P_STRENGTH] * species[layer, s, o.P_Z]
            species[layer, s, o.P_RESPONSE] = strength * response / max(slope, LEAST_SLOPE)
    return unstable


@kernel
def bulk_slope(species, layer, n_species):
    """Return -d charge/d y of the neutral bulk, in units of eps0 kT/e [m^-2]."""
    total = 0.0
    for s in range(n_species):
        total += species[layer, s, o.P_RESPONSE]
    return total


@kernel
def bulk_conductivity(species, layer, n_species):
    """Return sigma_b of a layer [S/m], NaN where no species has a diffusivity."""
    total = 0.0
    for s in range(n_species):
        if species[layer, s, o.P_CONDUCT] > 0.0:
            total += species[layer, s, o.P_CONDUCT] * species[layer, s, o.P_THETA]
    return total if total > 0.0 else math.nan


@kernel
def is_interacting(codes, species):
    """Say whether any species carries Delta as an unknown of its own (interaction or dilute statistics)."""
    for layer in range(codes[N_LAYERS]):
        for s in range(codes[N_SPECIES]):
            if species[layer, s, o.P_STRENGTH] != 0.0 and (
                species[layer, s, o.P_OCC] != 0.0
                or species[layer, s, o.P_VAC] != 0.0
                or species[layer, s, o.P_DILUTE] != 0.0
            ):
                return True
    return False


@kernel
def is_bordered(codes, species):
    """Say whether the branch of rising chemical potential of any species ends somewhere (attraction only)."""
    for layer in range(codes[N_LAYERS]):
        for s in range(codes[N_SPECIES]):
            if species[layer, s, o.P_STRENGTH] != 0.0 and (
                species[layer, s, o.P_LOWEST] > -DELTA_MAX or species[layer, s, o.P_HIGHEST] < DELTA_MAX
            ):
                return True
    return False
