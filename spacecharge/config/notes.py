"""What a reader of the results has to know about the numbers that went in, and about those that are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .prepare import KELVIN, temperature_note

if TYPE_CHECKING:
    from .config import Config

NO_ENERGIES_UNDER_LOAD = (
    "activation energies are slopes of the state at rest: the result has none beside a load "
    "(sc.apparent_activation_energy takes temperatures and resistances)"
)
NO_ENERGIES_OF_BIASED_ARCS = (
    "activation energies of arcs are slopes of the state at rest: the result has none beside a bias "
    "(sc.apparent_activation_energy takes temperatures and resistances)"
)


def notes_of(config: Config) -> tuple[str, ...]:
    """Return the notes of a configuration, a line each.

    Parameters
    ----------
    config : Config
        The configuration.
    """
    axis = next((a for a in config.axes if a.path == KELVIN), None)
    lowest = float(config.base_stack.temperature_K) if axis is None or axis.grid.is_open else axis.grid.low
    energies = "" if axis is None else _without_energies(config)
    return tuple(note for note in (temperature_note(lowest), energies, *config.sweep.notes) if note)


def _without_energies(config: Config) -> str:
    """Say why a sweep over the temperature has fewer activation energies than the same sweep at rest; else nothing."""
    stack = config.base_stack
    if config.load is not None:
        has_boundary = any(layer.core_of is not None for layer in stack.layers) or any(c.sites for c in stack.contacts)
        has_arcs = config.impedance is not None and config.impedance.arcs
        has_law = any(law is not None for law in config.charge_transfer)
        return NO_ENERGIES_UNDER_LOAD if has_boundary or has_arcs or has_law else ""
    is_biased = any(c.bias_V for c in stack.contacts) or any(axis.path.endswith(".bias_V") for axis in config.axes)
    return NO_ENERGIES_OF_BIASED_ARCS if is_biased and config.impedance is not None and config.impedance.arcs else ""


__all__ = ["notes_of"]
