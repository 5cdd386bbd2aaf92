"""Keys of currents and small signals: what a configuration says below ``load`` and ``impedance``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codes import EndKind
from ..constants import CM2
from ..document.problems import Problems, nearest, shown
from ..errors import ModelError
from ..model import Stack
from ..model.components import check_no_planes, components_of
from .axes import Grid
from .config import ImpedanceSettings, LoadSettings
from .schema import ImpedanceKeys, LoadKeys, ReversibleFor

Array = NDArray[np.float64]

CURRENT_PATH, VOLTAGE_PATH = "load.current_density_mA_per_cm2", "load.voltage_V"

LOWEST_HZ, HIGHEST_HZ = 1e-9, 1e18
"""Frequencies from thirty years to beyond any that matter for ions."""


def load_settings(
    keys: LoadKeys | None, swept: set[str], data: Mapping[str, Any], stack: Stack, problems: Problems
) -> LoadSettings | None:
    """Return the load of a configuration, or None; reports what does not go together.

    Parameters
    ----------
    keys : LoadKeys or None
        What stands below ``load``.
    swept : set of str
        Paths of the axes.
    data : mapping
        The configuration as it was read.
    stack : Stack
        Its stack.
    problems : Problems
        Takes one line per problem.
    """
    of_load = {path for path in swept if path.startswith("load.")}
    if keys is None and not of_load:
        return None
    current = None if keys is None else keys.current_density_mA_per_cm2  # type: ignore[attr-defined]
    voltage = None if keys is None else keys.voltage_V  # type: ignore[attr-defined]
    given = {CURRENT_PATH: current is not None, VOLTAGE_PATH: voltage is not None}
    present = [path for path, stands in given.items() if stands or path in swept]
    place = "load" if keys is not None else ("sweep", sorted(of_load)[0])
    if len(present) != 1:
        problems.add(place, "give one of current_density_mA_per_cm2, voltage_V (a value or an axis)", key=True)
        return None
    for side in ("left", "right"):
        end = EndKind.of((stack.left if side == "left" else stack.right).kind)
        written = side in (data.get("ends") or {})
        if end.is_contact or (written and end is EndKind.ZERO_FIELD):
            problems.add(
                ("ends", side), "a load makes both ends reservoirs of neutral bulk (allowed: bulk, or leave it out)"
            )
    _check_components(keys, stack, problems)
    output = data.get("output") or {}
    if output.get("sensitivities"):
        problems.add(("output", "sensitivities"), "sensitivities are those of the state at rest: not beside a load")
    for c, contact in enumerate(data.get("contacts") or ()):
        if contact.get("bias_V"):
            problems.add(("contacts", c, "bias_V"), "stands beside a load, which biases the contacts itself")
    return LoadSettings(
        current_density=None if present[0] == VOLTAGE_PATH else 10.0 * float(current or 0.0),
        voltage=None if present[0] == CURRENT_PATH else float(voltage or 0.0),
        components=None if keys is None or keys.components is None else tuple(keys.components),
    )


def _check_components(keys: LoadKeys | None, stack: Stack, problems: Problems) -> None:
    """Report components that no layer has."""
    known = component_names(stack)
    for i, name in enumerate((keys.components if keys is not None else None) or ()):
        if name not in known:
            message = f"no component is called {shown(name)} ({nearest(name, known)})"
            problems.add(("load", "components", i), message)


def component_names(stack: Stack) -> list[str]:
    """Return the names of the components of a stack, in order."""
    return list(components_of(stack).names)


def impedance_settings(
    keys: ImpedanceKeys | None, grid: Grid | None, stack: Stack, problems: Problems
) -> ImpedanceSettings | None:
    """Return the spectrum of a configuration, or None; reports frequencies and components that cannot be.

    Parameters
    ----------
    keys : ImpedanceKeys or None
        What stands below ``impedance``.
    grid : Grid or None
        Its frequencies; None where they were refused.
    stack : Stack
        The stack.
    problems : Problems
        Takes one line per problem.
    """
    if keys is None:
        return None
    known = component_names(stack)
    ends: dict[str, Any] = {}
    for side in ("left", "right"):
        end = getattr(keys.ends, side)
        if isinstance(end, ReversibleFor):
            for i, name in enumerate(end.reversible):
                if name not in known:
                    message = f"no component is called {shown(name)} ({nearest(name, known)})"
                    problems.add(("impedance", "ends", side, "reversible", i), message)
            ends[side] = {"reversible": tuple(end.reversible)}
        else:
            ends[side] = end
    values = np.empty(0) if grid is None else np.sort(grid.at(np.arange(grid.n)))
    bad = values[~((values >= LOWEST_HZ) & (values <= HIGHEST_HZ))]
    if bad.size:
        message = f"{bad[0]:g} is out of range (allowed: {LOWEST_HZ:g} to {HIGHEST_HZ:g})"
        problems.add(("impedance", "frequency_Hz"), message)
    area = keys.electrode_area_cm2
    return ImpedanceSettings(
        frequency_Hz=tuple(values.tolist()),
        ends=ends,
        electrode_area=None if area is None else area * CM2,
        series_resistance=keys.series_resistance_ohm_cm2 * CM2,
        arcs=keys.arcs,
    )


def is_biased(stack: Stack, paths: Iterable[str]) -> bool:
    """Say whether a contact has a bias: in the stack, or by one of the dotted paths that are swept or given."""
    return any(contact.bias_V for contact in stack.contacts) or any(path.endswith(".bias_V") for path in paths)


def check_planes(
    keys: ImpedanceKeys | None, swept: set[str], stack: Stack, problems: Problems, *, with_load: bool
) -> None:
    """Report planes of sites where a spectrum, or its arcs, are those of a state that does not know them.

    Parameters
    ----------
    keys : ImpedanceKeys or None
        What stands below ``impedance``.
    swept : set of str
        Paths of the axes.
    stack : Stack
        The stack.
    problems : Problems
        Takes one line per problem.
    with_load : bool
        Whether there is a load.
    """
    if keys is not None and (is_biased(stack, swept) or (with_load and keys.arcs)):
        try:
            check_no_planes(stack)
        except ModelError as error:
            problems.add(error.path, error.message)
