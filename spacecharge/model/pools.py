"""Pools of sites: which species of a layer share their sites, and what of them is empty in its bulk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..codes import Statistics
from .layer import Layer
from .statistics import is_pooled
from .values import Values

Array = NDArray[np.float64]

_LATTICE = int(Statistics.LATTICE)
SAME = 1e-12
"""Relative difference up to which the site densities of a pool are one number."""


def pools_of(layers: Sequence[Layer]) -> NDArray[np.int64]:
    """Return the pool of every species, counted from 0 in each layer; 0 where it has sites of its own.

    Parameters
    ----------
    layers : sequence of Layer
        Of a stack.

    Returns
    -------
    ndarray of int, shape (n_layers, n_species)
        Species of one layer with statistics ``pool`` and one number share their sites.
    """
    species = [layer.species_items() for layer in layers]
    pools = np.zeros((len(layers), max(len(of_layer) for of_layer in species)), dtype=np.int64)
    for i, of_layer in enumerate(species):
        names: list[str] = []
        for k, (_, spec) in enumerate(of_layer):
            if is_pooled(spec):
                name = str(spec.get("pool", ""))
                if name not in names:
                    names.append(name)
                pools[i, k] = names.index(name)
    return pools


def members(pools: NDArray[np.int64], statistics: NDArray[np.int64], layer: int) -> list[NDArray[np.int64]]:
    """Return the species of every pool of a layer."""
    pooled = statistics[layer] == Statistics.POOL
    return [np.flatnonzero(pooled & (pools[layer] == pool)) for pool in np.unique(pools[layer][pooled])]


def close_pools(
    layers: Sequence[Layer],
    values: Values,
    arrays: Mapping[str, Array],
    statistics: NDArray[np.int64],
    pools: NDArray[np.int64],
) -> None:
    """Fill the empty share of the sites of every pool that a user describes, as the vacancy of all its species.

    Parameters
    ----------
    layers : sequence of Layer
        Of the stack.
    values : Values
        Its numbers; takes points at which a pool is overfull, has two site densities, or what its law does not know.
    arrays : mapping of str to ndarray
        Those of the parameters, SI, with an axis over points; ``bulk_vacancy`` is filled.
    statistics, pools : ndarray of int, shape (n_layers, n_species)
        Laws and pools.
    """
    if (statistics == _LATTICE).all():
        return
    for i, layer in enumerate(layers):
        names = [f"{layer.name}{suffix}" for suffix, _ in layer.species_items()]
        for k, name in enumerate(names):
            law = Statistics(int(statistics[i, k]))
            if law.is_ideal:
                _check_ideal(values, arrays, (i, k), name, law)
        if layer.defects is not None or layer.core_of is not None:
            continue
        for species in members(pools, statistics, i):
            sites, occupancy = arrays["site_density"][:, i, species], arrays["bulk_occupancy"][:, i, species]
            first = names[species[0]]
            unequal = np.abs(sites - sites[:, :1]).max(axis=1) > SAME * sites[:, 0]
            if unequal.any():
                values.mark(unequal, f"{first}.site_density_per_nm3", "one number for all species of a pool is needed")
            empty = 1.0 - occupancy.sum(axis=1)
            full = ~(empty > 0.0)
            if full.any():
                total = float(occupancy.sum(axis=1)[full][0])
                message = f"the pool holds {total:g} a site in all (allowed: below 1 together)"
                values.mark(full, f"{first}.occupancy", message)
            arrays["bulk_vacancy"][:, i, species] = np.where(full, 0.5, empty)[:, None]


def _check_ideal(values: Values, arrays: Mapping[str, Array], at: tuple[int, int], name: str, law: Statistics) -> None:
    """Mark points that ask an ideal law for what it does not know."""
    word = law.name.lower()
    for part in ("occupied", "vacancy"):
        bad = np.nan_to_num(arrays[f"interaction_{part}"][:, at[0], at[1]]) != 0.0
        if bad.any():
            values.mark(bad, f"{name}.interaction.{part}_eV", f"{word} statistics knows no interaction (allowed: 0)")
    bad = np.nan_to_num(arrays["mobile_fraction"][:, at[0], at[1]], nan=1.0) != 1.0
    if bad.any():
        values.mark(bad, f"{name}.mobile_fraction", f"{word} statistics counts all its sites (allowed: 1)")


__all__ = ["close_pools", "members", "pools_of"]
