"""What a configuration asks for beyond the plain solve: which variables its results have follows from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..codes import EndKind
from ..config import Config
from ..config.current import is_biased
from ..model import StackParameters
from ..solver.arcs import MOST_ARCS, MOST_TIMES
from ..store.layout import Coordinate

MOST_WITH_ARCS = 100
"""Points that have arcs unasked: some tenths of a second each, where a spectrum takes some thousandths."""

FEWEST_HZ = 10
"""Frequencies that are a spectrum rather than a value."""

_last: tuple[Config, frozenset[str]] | None = None
"""The configuration whose facts were last asked for, and these."""


def facts_of(config: Config) -> frozenset[str]:
    """Return the words that :attr:`spacecharge.solver.output.Output.needs` names and that hold for a configuration.

    Parameters
    ----------
    config : Config
        The configuration.

    Returns
    -------
    frozenset of str
        ``full_cell``: both ends are electrodes; ``charge_transfer``: a contact has a law of jumps; ``several_species``;
        ``defects``: carriers of a layer follow from them; ``grain_boundary``: there is a core or a plane of sites;
        ``grain_size``: and a layer says how large its grains are; ``planes``: a contact has a plane of sites;
        ``load``: a steady current flows; ``bias``: a contact is biased; ``current``: one of the two; ``impedance``: a
        spectrum is asked for; ``arcs``: and its relaxation times. Of what is swept over the temperature at rest:
        ``charge_transfer_and_temperature``, ``grain_boundary_and_temperature``, ``grain_size_and_temperature`` and
        ``arcs_and_temperature``.
    """
    global _last
    known = _last
    if known is None or known[0] is not config:
        # Asked for several times a chunk of the same configuration.
        known = _last = (config, _facts_of(config))
    return known[1]


def _facts_of(config: Config) -> frozenset[str]:
    facts = set()
    layers = config.base_stack.layers
    # Slopes by the temperature are those of the state at rest: none under a load.
    is_heated = config.load is None and any(axis.path == "temperature_K" for axis in config.axes)
    if max(len(layer.species_names) for layer in layers) > 1:
        facts.add("several_species")
    if any(layer.defects is not None for layer in layers):
        facts.add("defects")
    planes = any(contact.sites is not None for contact in config.base_stack.contacts)
    if planes:
        facts.add("planes")
    if planes or any(layer.core_of is not None for layer in layers):
        facts.add("grain_boundary")
        sizes = [axis.path for axis in config.axes if axis.path.endswith(".grain_size_nm")]
        if sizes or any(layer.grain_size_nm is not None for layer in layers):
            facts.add("grain_size")
        if is_heated:
            facts |= {f"{fact}_and_temperature" for fact in facts & {"grain_boundary", "grain_size"}}
    if all(is_electrode(config, side) for side in ("left", "right")):
        facts.add("full_cell")
    if any(law is not None for law in config.charge_transfer):
        facts.add("charge_transfer")
        if is_heated:
            facts.add("charge_transfer_and_temperature")
    if config.load is not None:
        facts |= {"load", "current"}
    elif is_biased(config.base_stack, (axis.path for axis in config.axes)):
        facts |= {"bias", "current"}
    if config.impedance is not None:
        facts.add("impedance")
        wanted = config.impedance.arcs
        if wanted is None:
            few = config.n_points <= MOST_WITH_ARCS and "current" not in facts
            wanted = few and len(config.impedance.frequency_Hz) >= FEWEST_HZ
        if wanted:
            facts.add("arcs")
            if is_heated and "current" not in facts:
                facts.add("arcs_and_temperature")
    return frozenset(facts)


def is_electrode(config: Config, side: str) -> bool:
    """Return whether an end of the stack is an electrode: a metal, or a layer with an open-circuit voltage.

    Parameters
    ----------
    config : Config
        The configuration.
    side : {"left", "right"}
        The end.
    """
    from ..library import materials

    stack = config.base_stack
    if getattr(stack, side).kind == EndKind.METAL.key:
        return True
    layer = stack.layers[0 if side == "left" else -1]
    is_known = layer.material is not None and materials[layer.material].role == "electrode"
    return is_known or any("ocv" in spec for _, spec in layer.species_items())


def equilibrium_voltage(config: Config, parameters: StackParameters) -> NDArray[np.float64]:
    """Return U of the left electrode minus U of the right one at every point [V]."""
    potentials = []
    for k, side in enumerate(("left", "right")):
        if getattr(config.base_stack, side).kind == EndKind.METAL.key:
            # The value of a metal counts from the last layer (see `model.parameters`).
            potentials.append(parameters.end_value[:, k] + parameters.potential[:, -1])
        else:
            potentials.append(parameters.potential[:, 0 if k == 0 else -1])
    return np.asarray(potentials[0] - potentials[1])


def own_dimensions(config: Config) -> tuple[Coordinate, ...]:
    """Return the coordinates of dimensions that variables have besides layers, contacts, sides and species.

    Such a dimension is the last of its variables: the frequency of a spectrum, the numbers of its arcs and times.
    """
    if config.impedance is None:
        return ()
    frequencies = np.array(config.impedance.frequency_Hz)
    own = [Coordinate(name="frequency", values=frequencies, units="Hz", long_name="frequency")]
    if "arcs" in facts_of(config):
        for name, n, words in (("arc", MOST_ARCS, "arc, slowest first"), ("relaxation", MOST_TIMES, "relaxation")):
            own.append(Coordinate(name=name, values=np.arange(1, n + 1, dtype=np.int64), long_name=words))
    return tuple(own)


__all__ = ["equilibrium_voltage", "facts_of", "is_electrode", "own_dimensions"]
