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
        the temperature.
    """
    facts = set()
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
