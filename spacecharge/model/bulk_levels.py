"""Bulks that follow from something else: from defects at a temperature and potential, or from a grain through a core.

Also the levels that go with them: where the electrostatic potential of a neutral bulk is not its U alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE, PER_NM3
from ..errors import ModelError
from .cores import core_bulk
from .layer import Layer, Stack
from .values import Values

Array = NDArray[np.float64]


def bulk_levels(
    stack: Stack,
    values: Values,
    arrays: Mapping[str, Array],
    statistics: NDArray[np.int64],
    temperature: Array,
    potential: Array,
) -> tuple[Array, Array]:
    """Fill the bulks of layers with defects and of cores; return Fermi levels [eV] and offsets of the potential [V].

    Parameters
    ----------
    stack : Stack
        The stack.
    values : Values
        Its numbers, swept ones included; takes what is wrong.
    arrays : mapping of str to ndarray, shape (n_points, n_layers, n_species)
        Filled where a bulk follows from defects or from a grain.
    statistics : ndarray of int, shape (n_layers, n_species)
        Laws.
    temperature : ndarray, shape (n_points,)
        [K]
    potential : ndarray, shape (n_points, n_layers)
        U [V].

    Returns
    -------
    fermi_level, neutral_offset : ndarray, shape (n_points, n_layers)
        [eV], NaN where unknown; [V].
    """
    n_points = temperature.size
    fermi_level = np.full((n_points, len(stack.layers)), np.nan)
    for i, layer in enumerate(stack.layers):
        if layer.defects is not None:
            _from_defects(layer, i, values, arrays, temperature, potential[:, i], fermi_level[:, i])
    offset = _aligned_bands(stack, values, fermi_level)
    for i, layer in enumerate(stack.layers):
        if layer.core_of is not None:
            grain = stack.names.index(layer.core_of)
            potential[:, i] = potential[:, grain]
            relative = _core(layer, (i, grain), values, arrays, statistics, temperature)
            offset[:, i] = offset[:, grain] + relative
            fermi_level[:, i] = fermi_level[:, grain] + relative
    return fermi_level, offset


def _from_defects(
    layer: Layer,
    i: int,
    values: Values,
    arrays: Mapping[str, Array],
    temperature: Array,
    potential: Array,
    fermi_level: Array,
) -> None:
    """Fill the bulk of a layer from the equilibrium of its defects, once for every different set of numbers."""
    prefix = f"{layer.name}.defects."
    swept = [path for path in values.overrides if path.startswith(prefix)]
    values.used.update(swept)
    columns = np.column_stack([temperature, potential, *(values.overrides[path] for path in swept)])
    different, place = np.unique(columns, axis=0, return_inverse=True)
    place = place.ravel()
    for j, numbers in enumerate(different):
        points = place == j
        try:
            defects = layer.defects
            if swept:
                defects = defects.at(
                    {p.removeprefix(prefix): float(v) for p, v in zip(swept, numbers[2:], strict=True)}
                )
            bulk = defects.bulk(float(numbers[0]), None if np.isnan(numbers[1]) else float(numbers[1]))
        except ModelError as error:
            values.mark(points, f"{prefix}{error}")
            arrays["site_density"][points, i], arrays["bulk_occupancy"][points, i] = 1.0, 0.5
            continue
        n = len(bulk.occupancy)
        arrays["site_density"][points, i, :n] = bulk.site_density_per_m3
        arrays["bulk_occupancy"][points, i, :n] = bulk.occupancy
        arrays["bulk_vacancy"][points, i, :n] = bulk.vacancy
        fermi_level[points] = bulk.fermi_level_eV


def _aligned_bands(stack: Stack, values: Values, fermi_level: Array) -> Array:
    """Return what the neutral potentials have beside U where both layers of a contact know their bands [V].

    phi_a - phi_b = U_a - U_b + [(E_F - I)_a - (E_F - I)_b]/e: U fixes the level of lithium, ion and electron together,
    and the electron's share of it is E_F - I.
    """
    offset = np.zeros_like(fermi_level)
    grains = [i for i, layer in enumerate(stack.layers) if layer.core_of is None]
    levels = {}
    for i in grains:
        layer = stack.layers[i]
        if layer.ionisation_potential_eV is not None:
            path = f"{layer.name}.ionisation_potential_eV"
            levels[i] = fermi_level[:, i] - values.get(path, layer.ionisation_potential_eV)
    # From the right: the last layer is the gauge.
    for left, right in reversed(list(pairwise(grains))):
        offset[:, left] = offset[:, right]
        if left in levels and right in levels:
            offset[:, left] += levels[left] - levels[right]
    return offset


def _core(
    layer: Layer,
    where: tuple[int, int],
    values: Values,
    arrays: Mapping[str, Array],
    statistics: NDArray[np.int64],
    temperature: Array,
) -> Array:
    """Fill the neutral bulk of a core and return its potential against that of its grain [V]."""
    i, grain = where
    items = layer.species_items()
    n = len(items)
    kt = (BOLTZMANN * temperature)[:, None]
    if layer.defects is not None:
        # Sites of defects are the grain's unless the core has a number of its own.
        arrays["site_density"][:, i, :n] = arrays["site_density"][:, grain, :n]
        for k, (suffix, spec) in enumerate(items):
            path = f"{layer.name}{suffix}.site_density_per_nm3"
            if "site_density_per_nm3" in spec or values.has(path):
                density = values.get(path, spec.get("site_density_per_nm3"))
                arrays["site_density"][:, i, k] = density * PER_NM3
    energies = np.empty((temperature.size, n))
    for k, (suffix, spec) in enumerate(items):
        path = f"{layer.name}{suffix}.segregation_energy_eV"
        energies[:, k] = values.get(path, spec.get("segregation_energy_eV", 0.0)) * ELEMENTARY_CHARGE
    z = arrays["charge_number"][:, i, :n]
    theta, vacancy = arrays["bulk_occupancy"][:, grain, :n], arrays["bulk_vacancy"][:, grain, :n]
    vacancy = np.where(np.isnan(vacancy), 1.0 - theta, vacancy)
    own = -(arrays["charge_number"][:, grain, :n] * arrays["site_density"][:, grain, :n] * theta).sum(axis=1)
    path = f"{layer.name}.background_charge_e_per_nm3"
    background = values.get(path, layer.background_charge_e_per_nm3) * PER_NM3
    found = core_bulk(
        z,
        arrays["site_density"][:, i, :n],
        energies / kt,
        (theta, vacancy),
        (arrays["interaction_occupied"][:, i, :n] / kt, arrays["interaction_vacancy"][:, i, :n] / kt),
        [int(law) for law in statistics[i, :n]],
        np.where(np.isnan(background), own, background),
    )
    for bad, reason in found.problems:
        values.mark(bad, f"{layer.name}.background_charge_e_per_nm3: {reason}")
    arrays["bulk_occupancy"][:, i, :n] = found.occupancy
    arrays["bulk_vacancy"][:, i, :n] = found.vacancy
    return np.asarray(found.potential * kt[:, 0] / ELEMENTARY_CHARGE)


def boundary_paths(layer: Layer) -> list[str]:
    """Return the dotted paths of the numbers that defects and cores add to a layer."""
    paths = []
    if layer.ionisation_potential_eV is not None:
        paths.append(f"{layer.name}.ionisation_potential_eV")
    if layer.core_of is not None:
        if layer.background_charge_e_per_nm3 is not None:
            paths.append(f"{layer.name}.background_charge_e_per_nm3")
        for suffix, spec in layer.species_items():
            if "segregation_energy_eV" in spec:
                paths.append(f"{layer.name}{suffix}.segregation_energy_eV")
            if layer.defects is not None and "site_density_per_nm3" in spec:
                paths.append(f"{layer.name}{suffix}.site_density_per_nm3")
    elif layer.defects is not None and layer.defects.data is not None:
        from ..defect_chemistry.layers import numbers_of

        # The temperature of the stack is what a layer has.
        numbers = [p for p in numbers_of(layer.defects.data) if p != "temperature_K"]
        paths += [f"{layer.name}.defects.{path}" for path in numbers]
    return paths
