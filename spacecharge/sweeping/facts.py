"""What a configuration asks for beyond the plain solve: which variables its results have follows from it."""

from __future__ import annotations

from ..config import Config
from ..store.layout import Coordinate


def facts_of(config: Config) -> frozenset[str]:
    """Return the words that :attr:`spacecharge.solver.output.Output.needs` names and that hold for a configuration.

    Parameters
    ----------
    config : Config
        The configuration.

    Returns
    -------
    frozenset of str
        ``charge_transfer``: a contact has a law of jumps; ``charge_transfer_and_temperature``: and it is swept over
        the temperature; ``several_species``; ``defects``: carriers of a layer follow from them; ``grain_boundary``:
        there is a core or a plane of sites; ``planes``: a contact has one.
    """
    facts = set()
    layers = config.base_stack.layers
    if max(len(layer.species_names) for layer in layers) > 1:
        facts.add("several_species")
    if any(layer.defects is not None for layer in layers):
        facts.add("defects")
    planes = any(contact.sites is not None for contact in config.base_stack.contacts)
    if planes:
        facts.add("planes")
    if planes or any(layer.core_of is not None for layer in layers):
        facts.add("grain_boundary")
    if any(law is not None for law in config.charge_transfer):
        facts.add("charge_transfer")
        if any(axis.path == "temperature_K" for axis in config.axes):
            facts.add("charge_transfer_and_temperature")
    return frozenset(facts)


def own_dimensions(config: Config) -> tuple[Coordinate, ...]:
    """Return the coordinates of dimensions that variables have besides layers, contacts, sides and species.

    Such a dimension is the last of its variables. There is none yet: a frequency would be one.
    """
    del config
    return ()


__all__ = ["facts_of", "own_dimensions"]
