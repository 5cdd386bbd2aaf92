"""Biases and loads of measured interfaces: what they go with in a fit of the interface model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..document.problems import Problems
from .config import Config
from .current import CURRENT_PATH, VOLTAGE_PATH, is_biased
from .interface_parameters import FittedPath

if TYPE_CHECKING:
    from .interface_fit import Datum

DRIVING = (CURRENT_PATH, VOLTAGE_PATH)
"""Numbers of an interface that drive a current through it."""

_OF_REST = ("contact_phase_exponent", "blocking_phase_exponent")

_BIASED = ("capacitance_uF_per_cm2", "capacitance_uF", "capacitance_ratio")
"""Numbers that a bias moves with its space-charge layer only."""


def has_bias(model: Config, at: Mapping[str, float]) -> bool:
    """Say whether the contacts of an interface have a bias, of the stack or of its own; one of zero is none."""
    return is_biased(model.base_stack, (path for path, value in at.items() if value))


def check_driven(
    interfaces: Mapping[str, Mapping[str, float]],
    data: Sequence[Datum],
    parameters: Sequence[FittedPath],
    model: Config,
    problems: Problems,
) -> None:
    """Report data and parameters that a bias or a load does not go with.

    Parameters
    ----------
    interfaces : mapping
        By name, the numbers that make the stack this interface.
    data, parameters : sequence
        Measured numbers; what is fitted.
    model : Config
        Stack and load.
    problems : Problems
        Takes one line per problem.
    """
    load = model.load
    given = "" if load is None else CURRENT_PATH if load.current_density is not None else VOLTAGE_PATH
    for path in sorted({p for at in interfaces.values() for p in at if p in DRIVING} - {given}):
        key = path.partition(".")[2]
        problems.add("load", f"{key} is missing, which interfaces give (load: {{{key}: 0}})", key=True)
    if load is not None and data:
        message = "acts on spectra only; numbers are those at rest: they need a fit of their own"
        problems.add("load", message, key=True)
    biased = {name: has_bias(model, at) for name, at in interfaces.items()}
    for d in data:
        if biased[d.interface] and d.quantity not in _BIASED:
            where = ("interfaces", d.interface, d.quantity)
            problems.add(where, "is a number at rest: about a bias give a spectrum or a capacitance", key=True)
    if load is not None and any(biased.values()):
        problems.add("load", "stands beside a bias_V: a load biases the contacts itself", key=True)
    if load is not None or any(biased.values()):
        for p in parameters:
            if p.name in _OF_REST:
                problems.add(("parameters", p.name), "acts on spectra at rest only", key=True)


__all__ = ["DRIVING", "check_driven", "has_bias"]
