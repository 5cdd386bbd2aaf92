"""Bulks that follow from something else: from defects at a temperature and potential, or from a grain through a core.

Also the levels that go with them: where the electrostatic potential of a neutral bulk is not its U alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..errors import ModelError, SpaceChargeError
from .cores import core_bulk
from .layer import Layer, Stack
from .pools import members
from .values import Values

Array = NDArray[np.float64]


def bulk_levels(
    stack: Stack,
    values: Values,
    arrays: Mapping[str, Array],
    statistics: NDArray[np.int64],
    pools: NDArray[np.int64],
) -> tuple[Array, Array]:
    """Fill the bulks of layers with defects and of cores; return Fermi levels [eV] and offsets of the potential [V].

    Parameters
    ----------
    stack : Stack
        The stack.
    values : Values
        Its numbers, swept ones included; takes what is wrong.
    arrays : mapping of str to ndarray
        Those of the parameters, SI, with an axis over points; filled where a bulk follows from defects or a grain.
    statistics, pools : ndarray of int, shape (n_layers, n_species)
        Laws, and which species share their sites.

    Returns
    -------
    fermi_level, neutral_offset : ndarray, shape (n_points, n_layers)
        [eV], NaN where unknown; [V].
    """
    potential = arrays["potential"]
    fermi_level = np.full_like(potential, np.nan)
    if all(layer.defects is None and layer.core_of is None for layer in stack.layers):
        return fermi_level, np.zeros_like(potential)
    for i, layer in enumerate(stack.layers):
        if layer.defects is not None and layer.core_of is None:
            _from_defects(layer, i, values, arrays, fermi_level[:, i])
    offset = _aligned_bands(stack, arrays["ionisation_potential"], fermi_level)
    for i, layer in enumerate(stack.layers):
        if layer.core_of is not None:
            grain = stack.names.index(layer.core_of)
            potential[:, i] = potential[:, grain]
            relative = _core(layer, (i, grain), values, arrays, (statistics, pools))
            offset[:, i] = offset[:, grain] + relative
            fermi_level[:, i] = fermi_level[:, grain] + relative
    return fermi_level, offset


def _from_defects(
    layer: Layer,
    i: int,
    values: Values,
    arrays: Mapping[str, Array],
    fermi_level: Array,
) -> None:
    """Fill the bulk of a layer from the equilibrium of its defects, once for every different set of numbers."""
    prefix = f"{layer.name}.defects."
    swept = [path for path in values.overrides if path.startswith(prefix)]
    values.used.update(swept)
    columns = np.column_stack(
        [arrays["temperature"], arrays["potential"][:, i], *(values.overrides[path] for path in swept)]
    )
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
        except SpaceChargeError as error:
            inner, message = (error.path, error.message) if isinstance(error, ModelError) else ("", str(error))
            values.mark(points, f"{prefix}{inner}".rstrip("."), message)
            arrays["site_density"][points, i], arrays["bulk_occupancy"][points, i] = 1.0, 0.5
            continue
        n = len(bulk.occupancy)
        arrays["site_density"][points, i, :n] = bulk.site_density_per_m3
        arrays["bulk_occupancy"][points, i, :n] = bulk.occupancy
        arrays["bulk_vacancy"][points, i, :n] = bulk.vacancy
        fermi_level[points] = bulk.fermi_level_eV


def _aligned_bands(stack: Stack, ionisation_potential: Array, fermi_level: Array) -> Array:
    """Return what the neutral potentials have beside U where both layers of a contact know their bands [V].

    phi_a - phi_b = U_a - U_b + [(E_F - I)_a - (E_F - I)_b]/e: U fixes the level of lithium, ion and electron together,
    and the electron's share of it is E_F - I.
    """
    offset = np.zeros_like(fermi_level)
    grains = [i for i, layer in enumerate(stack.layers) if layer.core_of is None]
    electrons = fermi_level - ionisation_potential / ELEMENTARY_CHARGE
    # From the right: the last layer is the gauge.
    for left, right in reversed(list(pairwise(grains))):
        step = electrons[:, left] - electrons[:, right]
        offset[:, left] = offset[:, right] + np.where(np.isnan(step), 0.0, step)
    return offset


def _core(
    layer: Layer,
    where: tuple[int, int],
    values: Values,
    arrays: Mapping[str, Array],
    laws: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Array:
    """Fill the neutral bulk of a core and return its potential against that of its grain [V]."""
    (i, grain), (statistics, pools) = where, laws
    n = len(layer.species_items())
    kt = (BOLTZMANN * arrays["temperature"])[:, None]
    sites, z = arrays["site_density"], arrays["charge_number"]
    if layer.defects is not None:
        # Sites of defects are the grain's unless the core has a number of its own.
        own = sites[:, i, :n]
        sites[:, i, :n] = np.where(np.isnan(own), sites[:, grain, :n], own)
    energies = arrays["segregation_energy"][:, i, :n] / kt
    theta, vacancy = arrays["bulk_occupancy"][:, grain, :n], arrays["bulk_vacancy"][:, grain, :n]
    background = arrays["background_charge"][:, i] / ELEMENTARY_CHARGE
    of_grain = -(z[:, grain, :n] * sites[:, grain, :n] * theta).sum(axis=1)
    found = core_bulk(
        z[:, i, :n],
        sites[:, i, :n],
        np.where(np.isnan(energies), 0.0, energies),
        (theta, vacancy),
        (arrays["interaction_occupied"][:, i, :n] / kt, arrays["interaction_vacancy"][:, i, :n] / kt),
        [int(law) for law in statistics[i, :n]],
        members(pools, statistics, i),
        np.where(np.isnan(background), of_grain, background),
    )
    for bad, reason in found.problems:
        values.mark(bad, f"{layer.name}.background_charge_e_per_nm3", reason)
    arrays["bulk_occupancy"][:, i, :n] = found.occupancy
    arrays["bulk_vacancy"][:, i, :n] = found.vacancy
    return np.asarray(found.potential * kt[:, 0] / ELEMENTARY_CHARGE)
