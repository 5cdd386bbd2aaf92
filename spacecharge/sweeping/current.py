"""Currents and spectra at the points of a sweep, from a configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import Config
from ..errors import ConfigError, ModelError
from ..model import StackParameters
from .facts import facts_of
from .transfer import transfer_laws

Array = NDArray[np.float64]

CURRENT_PATH, VOLTAGE_PATH = "load.current_density_mA_per_cm2", "load.voltage_V"
MILLIAMPERE_PER_CM2 = 10.0


def shown_beside(config: Config) -> dict[str, Any]:
    """Return what figures add, divide by or draw beside, as root attributes of a result file [ohm m2, m2]."""
    said: dict[str, Any] = {}
    if config.output.reference_lines:
        said["reference_lines"] = [
            json.dumps({"of": of, "units": units, "label": label, "low": low, "high": high})
            for of, low, high, units, label in config.output.reference_lines
        ]
    if config.impedance is not None:
        if config.impedance.series_resistance:
            said["series_resistance_ohm_m2"] = config.impedance.series_resistance
        if config.impedance.electrode_area is not None:
            said["electrode_area_m2"] = config.impedance.electrode_area
    return said


def loads_of(config: Config, lo: int, hi: int) -> tuple[Array | None, Array | None, tuple[str, ...] | None]:
    """Return current densities [A m-2] or voltages [V] of points, the other one None, and what the ends exchange."""
    load = config.load
    if load is None:
        return None, None, None
    values = config.point_values(lo, hi)
    n = hi - lo
    if load.current_density is not None:
        swept = values.get(CURRENT_PATH)
        current = np.full(n, load.current_density) if swept is None else swept * MILLIAMPERE_PER_CM2
        return current, None, load.components
    assert load.voltage is not None
    return None, np.asarray(values.get(VOLTAGE_PATH, np.full(n, load.voltage))), load.components


def current_values(
    config: Config,
    lo: int,
    hi: int,
    parameters: StackParameters,
    scalars: Mapping[str, Array],
    profile_x: Sequence[Array] | None = None,
) -> dict[str, Any]:
    """Return the variables of currents and spectra at the points lo to hi - 1; none where neither is asked for.

    With a load they hold every observable anew, that of the state with current, and with `profile_x` its profiles.

    Raises
    ------
    ConfigError
        The stack cannot carry a steady current, or a law meets several mobile species.
    """
    facts = facts_of(config)
    if not facts & {"current", "impedance"}:
        return {}
    from ..solver.points import arc_values, bias_values, load_values, spectrum_values

    laws = transfer_laws(config, lo, hi)
    tolerance = config.tolerance(lo, hi)
    values: dict[str, Any] = {}
    states = None
    try:
        if "load" in facts:
            values, states = load_values(
                config.stack, parameters, laws, loads_of(config, lo, hi), tolerance, config.output.resistance_of
            )
            del values["cell_voltage"]
            values |= {} if profile_x is None else _profiles(config, states, profile_x)
            if "cell_voltage" in scalars:
                values["cell_voltage"] = scalars["cell_voltage"] + values["voltage"]
        elif "bias" in facts:
            tangents = {
                i: config.tangent(f"contacts.{i}.bias_V", lo, hi) for i, law in enumerate(laws) if law is not None
            }
            found = bias_values(config.stack, parameters, laws, scalars, tolerance, tangents)
            values = {name: array for name, array in found.items() if name != "contact_differential_resistance"}
        if config.impedance is not None:
            frequencies = np.array(config.impedance.frequency_Hz)
            values |= spectrum_values(
                config.stack, parameters, laws, frequencies, config.impedance.ends, tolerance, states
            )
            if "arcs" in facts:
                tangent = config.tangent("temperature_K", lo, hi) if "arcs_and_temperature" in facts else None
                values |= arc_values(config.stack, parameters, laws, config.impedance.ends, tolerance, tangent, states)
    except ModelError as error:
        raise ConfigError([f"{config.source}: {error}"]) from None
    return values


def _profiles(config: Config, states: Sequence[Any], profile_x: Sequence[Array]) -> dict[str, Array]:
    """Return the profiles of states by the paths of a result file."""
    from ..solver.steady_profiles import FIELDS, sample_state

    every = [sample_state(state, profile_x) for state in states]
    return {
        f"profiles/{layer}/{name}": np.stack([point[i][name] for point in every])
        for i, layer in enumerate(config.base_stack.names)
        for name in FIELDS
    }


__all__ = ["current_values", "loads_of", "shown_beside"]
