"""Components: species that react with one another locally and share one electrochemical potential."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .layer import Stack
from .statistics import is_pooled

Integers = NDArray[np.int64]

ELECTRONIC = {"electron", "electrons", "hole", "holes"}
"""Species that are always one component: a hole is a missing electron."""


class Components(NamedTuple):
    """Components of a stack.

    Attributes
    ----------
    names : tuple of str
        Their names.
    of_species : ndarray of int, shape (n_layers, n_species)
        Component of each species; -1 where a layer has no such species.
    """

    names: tuple[str, ...]
    of_species: Integers


def components_of(stack: Stack) -> Components:
    """Return the components of a stack: species of one component react locally and share one v.

    A species belongs to the component of its own name unless its key ``component`` says otherwise.

    Raises
    ------
    ModelError
        States of one pool of sites are of several components: each would push the other off its sites.
    """
    names: list[str] = []
    width = max(len(layer.species_names) for layer in stack.layers)
    index = np.full((len(stack.layers), width), -1, dtype=np.int64)
    for i, layer in enumerate(stack.layers):
        for k, ((_, keys), species) in enumerate(zip(layer.species_items(), layer.species_names, strict=True)):
            name = str(keys.get("component") or ("electrons" if species in ELECTRONIC else species))
            if name not in names:
                names.append(name)
            index[i, k] = names.index(name)
        pools: dict[str, int] = {}
        for k, (suffix, keys) in enumerate(layer.species_items()):
            if is_pooled(keys) and pools.setdefault(str(keys.get("pool", "")), index[i, k]) != index[i, k]:
                raise ModelError(
                    "shares its sites with another component: under a signal or a current the states of a pool need "
                    "one `component`",
                    f"{layer.name}{suffix}",
                )
    return Components(tuple(names), index)


def check_no_planes(stack: Stack) -> None:
    """Refuse planes of sites beside biased contacts, and where relaxation about a current is asked for.

    Raises
    ------
    ModelError
        A contact has one.
    """
    for c, contact in enumerate(stack.contacts):
        if contact.sites is not None:
            raise ModelError(
                "a biased contact, or how a state with current relaxes, does not know planes of sites: use a core",
                f"contacts.{c}.sites",
            )


__all__ = ["Components", "check_no_planes", "components_of"]
