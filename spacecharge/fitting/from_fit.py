"""Numbers of a configuration that come from fits: ``diffusivity_m2_per_s: {from_fit: FILE, parameter: NAME}``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..errors import ConfigError, StoreError

if TYPE_CHECKING:
    from ..config import Config
    from ..config.build import FitReference
    from ..store.fit_reader import FittedNumber

DIFFUSIVITY_UNIT = "m2 s-1"


def with_fits(config: Config) -> Config:
    """Return a configuration whose diffusivities from fits, and the axes around them, have their numbers.

    Raises
    ------
    ConfigError
        A file, fit or parameter is missing, is no diffusivity, or has no error to be swept within.
    """
    return config.with_fits(resolve_fit, sigma_of_fit) if config.fit_references else config


def resolve_fit(reference: FitReference) -> float | dict[str, float]:
    """Return a diffusivity from the result file of a fit.

    Parameters
    ----------
    reference : FitReference
        Where it is wanted, and the file and parameter it comes from.

    Returns
    -------
    float or dict
        The diffusivity [m2/s], or its Arrhenius law ``{value, at_K, activation_energy_eV}`` where the
        fit has an activation energy.

    Raises
    ------
    ConfigError
        The file, the fit or the parameter is missing, or it is no diffusivity.
    """
    number = _read(reference)
    if number.activation_energy_eV is None or number.reference_temperature_K is None:
        return number.value
    return {
        "value": number.value,
        "at_K": number.reference_temperature_K,
        "activation_energy_eV": number.activation_energy_eV,
    }


def sigma_of_fit(reference: FitReference, key: str) -> float:
    """Return one sigma of a fitted diffusivity.

    Parameters
    ----------
    reference : FitReference
        Where the diffusivity comes from.
    key : {"value", "activation_energy_eV"}
        The diffusivity at its reference temperature [m2/s], or its activation energy [eV].

    Returns
    -------
    float
        NaN where the fit has none.

    Raises
    ------
    ConfigError
        As :func:`resolve_fit`.
    """
    number = _read(reference)
    sigma = number.sigma if key == "value" else number.sigma_activation_energy_eV
    return math.nan if sigma is None else sigma


def _read(reference: FitReference) -> FittedNumber:
    from ..store.fit_reader import read_fit

    try:
        number = read_fit(reference.file, reference.parameter)
    except StoreError as error:
        raise ConfigError([f"{reference.where}: {reference.path}: {error}"]) from None
    if number.unit != DIFFUSIVITY_UNIT:
        raise ConfigError(
            [
                f"{reference.where}: {reference.path}: {reference.parameter} of {reference.file} is in "
                f"{number.unit or '1'} (allowed: a diffusivity in {DIFFUSIVITY_UNIT})"
            ]
        )
    return number
