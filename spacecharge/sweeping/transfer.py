"""Charge transfer at the points of a sweep: laws from configurations and fits, and their variables in results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import Config
from ..constants import BOLTZMANN_EV
from ..errors import ConfigError, ModelError, StoreError
from ..model import StackParameters
from ..model.charge_transfer import ChargeTransfer, law_of_keys
from ..model.numbers import TRANSFER
from ..solver.outputs import ACTIVATION_OUTPUT, BOUNDARY_ACTIVATION, TOTAL_ACTIVATION
from ..solver.transfer import local_activation_energy, transfer_scalars, with_total
from .facts import facts_of

Array = NDArray[np.float64]
RATE_UNIT = "m-2 s-1"
DEFAULT_PARAMETER = "rate_constant_per_m2_s"


def transfer_tangents(config: Config, lo: int, hi: int) -> dict[str, StackParameters]:
    """Return the derivative of the points by the temperature, where an activation energy is asked for."""
    facts = facts_of(config)
    wanted = (ACTIVATION_OUTPUT, BOUNDARY_ACTIVATION, TOTAL_ACTIVATION)
    is_wanted = any(output.exists(facts) for output in wanted)
    return {"temperature_K": config.tangent("temperature_K", lo, hi)} if is_wanted else {}


def transfer_values(
    config: Config, lo: int, hi: int, parameters: StackParameters, scalars: Mapping[str, Array], slopes: Any
) -> dict[str, Array]:
    """Return the variables of charge transfer at the points lo to hi - 1; none without a law.

    Parameters
    ----------
    config : Config
        With its fits read.
    lo, hi : int
        Range of points.
    parameters, scalars
        The points and their solved observables.
    slopes : mapping
        Sensitivities by path; those of :func:`transfer_tangents` among them.
    """
    facts = facts_of(config)
    if "charge_transfer" not in facts:
        return {}
    laws = transfer_laws(config, lo, hi)
    if "load" in facts and "several_species" in facts:
        # The state with current says which species a law is about.
        of_contacts = ("exchange_current_density", "charge_transfer_resistance")
        values = with_total(laws, parameters, scalars, {name: scalars[name] for name in of_contacts})
    else:
        values = transfer_scalars(laws, parameters, scalars)
    if ACTIVATION_OUTPUT.exists(facts):
        # At rest a law is one of layers with one species: the slopes are there, and so is what they are of.
        values[ACTIVATION_OUTPUT.name] = local_activation_energy(laws, parameters, scalars, slopes["temperature_K"])
    return values


def boundary_energies(
    config: Config, parameters: StackParameters, scalars: Mapping[str, Array], slopes: Mapping[str, Any]
) -> dict[str, Array]:
    """Return the activation energies of grain boundaries and polycrystals, exact at every temperature [eV].

    Parameters
    ----------
    config : Config
        The configuration.
    parameters, scalars
        The points and their solved observables.
    slopes : mapping
        Sensitivities by path; those of :func:`transfer_tangents` among them.
    """
    facts, found = facts_of(config), {}
    for output, name, sign in (
        (BOUNDARY_ACTIVATION, "grain_boundary_resistance", -1.0),
        (TOTAL_ACTIVATION, "total_conductivity", 1.0),
    ):
        if not output.exists(facts):
            continue
        value = scalars[name]
        slope = slopes["temperature_K"][name]
        kelvin = parameters.temperature.reshape(-1, *[1] * (value.ndim - 1))
        # What is not positive has no logarithm.
        relative = np.divide(slope, value, out=np.full_like(value, np.nan), where=value > 0.0)
        found[output.name] = sign * BOLTZMANN_EV * kelvin**2 * relative
    return found


def transfer_laws(config: Config, lo: int = 0, hi: int | None = None) -> list[ChargeTransfer | None]:
    """Return the law of each inner contact, its swept numbers as arrays over the points lo to hi - 1.

    Raises
    ------
    ConfigError
        A calibration is no neutral case, or a rate constant is missing.
    """
    values = config.point_values(lo, config.n_points if hi is None else hi)
    laws: list[ChargeTransfer | None] = []
    for i, keys in enumerate(config.charge_transfer):
        if keys is None:
            laws.append(None)
            continue
        prefix = f"contacts.{i}.charge_transfer."
        swept = {path.removeprefix(prefix): v for path, v in values.items() if path.startswith(prefix)}
        try:
            laws.append(law_of_keys(keys, config.stack, swept))
        except ModelError as error:
            raise ConfigError([f"{config.source}: contacts.{i}.charge_transfer: {error}"]) from None
    return laws


def with_fitted_rates(config: Config) -> Config:
    """Return a configuration whose laws of charge transfer no longer refer to fits.

    ``from_fit`` takes the rate constant, and from the same fit what else it has of the law and the configuration
    does not say: activation energy, symmetry factor, added resistance.

    Raises
    ------
    ConfigError
        The file, the fit or the parameter is missing, or it is no rate constant.
    """
    laws: list[Mapping[str, Any] | None] = []
    filled = config
    for i, keys in enumerate(config.charge_transfer):
        if keys is None or "from_fit" not in keys:
            laws.append(keys)
            continue
        law, sigmas = _fitted(config, i, keys)
        laws.append(law)
        for axis in config.axes:
            key = axis.path.removeprefix(f"contacts.{i}.charge_transfer.")
            if axis.grid.is_open and key != axis.path:
                # A number that the fit has not got has no error either.
                value, sigma = law.get(key, np.nan), sigmas.get(key, np.nan)
                filled = filled.with_axis_closed(axis.path, value, sigma, log=key == "rate_constant_per_m2_s")
    filled = replace(filled, charge_transfer=tuple(laws))
    if filled.charge_transfer and any(law is not None for law in laws):
        base = filled.parameters(0, 1)
        if base.n_species > 1 and config.load is None:
            message = "a law of charge transfer needs layers with one mobile species each"
            raise ConfigError([f"{config.source}: contacts: {message}"])
        transfer_laws(filled, 0, 1)
    return filled


def _fitted(config: Config, i: int, keys: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the keys of a law with the numbers of its fit, and one sigma of each of these."""
    from ..store.fit_reader import read_fit

    where = f"{config.source}: contacts.{i}.charge_transfer"
    path = config.source.parent / os.path.expanduser(keys["from_fit"])
    fit, _, parameter = keys.get("parameter", DEFAULT_PARAMETER).rpartition("/")
    try:
        rate = read_fit(path, parameter, fit or None)
    except StoreError as error:
        raise ConfigError([f"{where}.from_fit: {error}"]) from None
    if rate.unit != RATE_UNIT:
        raise ConfigError([f"{where}.parameter: {parameter} is in {rate.unit or '1'} (allowed: a rate in {RATE_UNIT})"])
    law = {key: value for key, value in keys.items() if key not in ("from_fit", "parameter")}
    law["rate_constant_per_m2_s"] = rate.value
    sigmas = {"rate_constant_per_m2_s": rate.sigma}
    for key in (row.key for row in TRANSFER if "." not in row.key):
        if key in law:
            continue
        try:
            number = read_fit(path, key, fit or None)
        except StoreError:
            continue
        law[key], sigmas[key] = number.value, number.sigma
    return law, sigmas


__all__ = [
    "boundary_energies",
    "transfer_laws",
    "transfer_tangents",
    "transfer_values",
    "with_fitted_rates",
]
