"""What drives a current through the interfaces of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..config.current import CURRENT_PATH, VOLTAGE_PATH
from ..config.interface_loads import DRIVING, has_bias
from ..units import unit_of
from .problem import Array

if TYPE_CHECKING:
    from ..config.config import LoadSettings
    from ..config.interface_fit import InterfaceFitConfig
    from ..solver.points import Loads


def at_rest(at: Mapping[str, Array]) -> dict[str, Array]:
    """Return the numbers of interfaces that equilibrium knows."""
    return {path: values for path, values in at.items() if path not in DRIVING}


def loads_at(load: LoadSettings | None, at: Mapping[str, Array], n_rows: int) -> Loads | None:
    """Return what drives the points of an interface model.

    Parameters
    ----------
    load : LoadSettings or None
        Of the configuration.
    at : mapping of str to ndarray, shape (n_points,)
        Numbers of the points; their own load replaces that of the configuration.
    n_rows : int
        Rows of parameters, outermost.

    Returns
    -------
    tuple or None
        Currents [A m-2] or voltages [V], shape (n_rows * n_points,), the other one None, and what the ends exchange;
        None at rest.
    """
    if load is None:
        return None
    n = next(iter(at.values())).size
    if load.current_density is not None:
        amperes = unit_of(CURRENT_PATH).factor * at[CURRENT_PATH] if CURRENT_PATH in at else load.current_density
        return np.tile(np.broadcast_to(amperes, (n,)), n_rows), None, load.components
    assert load.voltage is not None
    volts = at.get(VOLTAGE_PATH, np.asarray(load.voltage))
    return None, np.tile(np.broadcast_to(volts, (n,)), n_rows), load.components


def is_driven(config: InterfaceFitConfig, name: str) -> bool:
    """Say whether an interface has a biased contact or carries a current."""
    return config.model.load is not None or has_bias(config.model, config.interfaces[name])


__all__ = ["at_rest", "is_driven", "loads_at"]
