"""Model and NMR side by side: the resistance of a space-charge layer and the one of its exchange current."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...document.checker import Checker
from ...document.problems import nearest
from ...document.yaml import Document, read_document
from ...errors import ConfigError, StoreError
from ...nmr.transport import horvai_resistance

KIND = "comparison"

_TOP = ("fit", "name", "title", "model", "interfaces", "output")
_INTERFACE = ("exchange_current_density_mA_per_cm2", "sigma_mA_per_cm2", "limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The three numbers of each interface.

    Parameters
    ----------
    name, title : str
        Of the comparison.
    text : str
        Its configuration, verbatim.
    interfaces : tuple of str
        Names.
    temperature : ndarray, shape (n_interfaces,)
        [K].
    model_resistance : ndarray, shape (n_interfaces,)
        Resistance of the space-charge layers [ohm m^2]; NaN where the solve failed.
    status : ndarray of int, shape (n_interfaces,)
        Of the solves.
    exchange_current_density, sigma : ndarray, shape (n_interfaces,)
        i0 with one sigma (NaN: not known) [A/m^2].
    is_bound : ndarray of bool, shape (n_interfaces,)
        i0 is an upper bound, so its resistance and the factor are lower ones.
    """

    name: str
    title: str
    text: str
    interfaces: tuple[str, ...]
    temperature: NDArray[np.float64]
    model_resistance: NDArray[np.float64]
    status: NDArray[np.int32]
    exchange_current_density: NDArray[np.float64]
    sigma: NDArray[np.float64]
    is_bound: NDArray[np.bool_]

    @property
    def nmr_resistance(self) -> NDArray[np.float64]:
        """Interface resistance kT/(e i0) [ohm m^2] (Horvai, Electroanalysis 3, 673 (1991))."""
        return horvai_resistance(self.exchange_current_density, self.temperature)

    @property
    def factor(self) -> NDArray[np.float64]:
        """NMR over model [1]; NaN where the model has no resistance of its own.

        Without a space-charge layer the model's resistance is zero but for rounding, and a ratio to it
        would mean nothing.
        """
        model = self.model_resistance
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.nmr_resistance / model
        return np.where(np.abs(model) > _NOTHING * np.nanmax(np.abs(model), initial=0.0), ratio, math.nan)


_NOTHING = 1e-6
"""Share of the largest model resistance below which there is none."""


def is_comparison(path: str | os.PathLike[str]) -> bool:
    """Return whether a configuration asks for a comparison.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    return bool(read_document(path).data.get("fit") == KIND)


def compare(path: str | os.PathLike[str]) -> tuple[Comparison, str]:
    """Solve the interfaces of a configuration and set them beside the measured exchange currents.

    Parameters
    ----------
    path : str or path
        YAML file of kind ``comparison``.

    Returns
    -------
    comparison : Comparison
        The numbers.
    output : str
        Result file that the configuration names; empty for none.

    Raises
    ------
    ConfigError
        The configuration, or the one it names as model, is broken.
    """
    from ...config.load import load_document
    from ...solver.equilibrium import solve_points
    from ..from_fit import with_fits

    document = read_document(path)
    interfaces, model, output = _check(document)
    config = with_fits(load_document(read_document(os.path.join(os.path.dirname(document.path), model))))
    if config.n_points != len(interfaces):
        problems = document.problems()
        problems.add("interfaces", f"{len(interfaces)} interfaces, but {model} has {config.n_points} points")
        problems.raise_if_any()
    parameters = config.parameters(0, config.n_points)
    points = solve_points(
        parameters,
        tolerance_V=config.tolerance(0, config.n_points),
        resistance_of=config.output.resistance_of,
        n_threads=1,
    )
    folder = os.path.dirname(document.path)
    currents = [_current(entry, folder, document, name) for name, entry in interfaces.items()]
    comparison = Comparison(
        name=str(document.data.get("name") or os.path.splitext(os.path.basename(document.path))[0]),
        title=str(document.data.get("title", "")),
        text=document.text,
        interfaces=tuple(interfaces),
        temperature=np.array(np.broadcast_to(parameters.temperature, (config.n_points,)), dtype=float),
        model_resistance=np.array(points.scalars["interface_resistance"], dtype=float),
        status=np.array(points.scalars["status"], dtype=np.int32),
        exchange_current_density=np.array([value for value, _ in currents]),
        sigma=np.array([sigma for _, sigma in currents]),
        is_bound=np.array([entry.get("limit") == "at_most" for entry in interfaces.values()]),
    )
    return comparison, output


def _check(document: Document) -> tuple[dict[str, dict[str, Any]], str, str]:
    check = Checker(nearest)
    top = check.mapping(document.data, "", _TOP)
    model = top.get("model")
    if not isinstance(model, str):
        check.add("model", "the configuration of the interfaces is needed, a file name")
    given = top.get("interfaces")
    interfaces: dict[str, dict[str, Any]] = {}
    if not isinstance(given, Mapping) or not given:
        check.add("interfaces", "a mapping from the name of an interface to its exchange current density is needed")
    else:
        for name, entry in given.items():
            where = f"interfaces.{name}"
            section = check.mapping(entry, where, _INTERFACE)
            current = section.get(_INTERFACE[0])
            if isinstance(current, Mapping):
                reference = check.mapping(current, f"{where}.{_INTERFACE[0]}", ("from_fit", "parameter"))
                if not all(isinstance(reference.get(k), str) for k in ("from_fit", "parameter")):
                    check.add(f"{where}.{_INTERFACE[0]}", "from_fit and parameter are needed")
            elif check.number(section, _INTERFACE[0], where, 1e-12, 1e12) is None and current is None:
                check.add(where, f"{_INTERFACE[0]} is missing")
            check.number(section, "sigma_mA_per_cm2", where, 1e-15, 1e12)
            check.choice(section, "limit", where, ("at_most", "measured"), "measured")
            interfaces[str(name)] = section
    output = check.mapping(top.get("output"), "output", ("path",)).get("path", "")
    problems = document.problems()
    for where, message, key in check.found:
        problems.add(where, message, key=key)
    problems.raise_if_any()
    return interfaces, str(model), str(output)


def _current(entry: Mapping[str, Any], folder: str, document: Document, name: str) -> tuple[float, float]:
    """Return exchange current density and sigma [A/m^2]."""
    given = entry[_INTERFACE[0]]
    if not isinstance(given, Mapping):
        sigma = entry.get("sigma_mA_per_cm2")
        return 10.0 * float(given), math.nan if sigma is None else 10.0 * float(sigma)
    from ...store.fit_reader import read_fit

    try:
        number = read_fit(os.path.join(folder, given["from_fit"]), given["parameter"])
    except StoreError as error:
        raise ConfigError([f"{document.path}: interfaces.{name}: {error}"]) from None
    if number.unit != "A m-2":
        raise ConfigError([f"{document.path}: interfaces.{name}: {given['parameter']} is in {number.unit}, not A m-2"])
    return number.value, number.sigma
