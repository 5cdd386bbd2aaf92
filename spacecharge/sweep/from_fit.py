"""Numbers of a configuration that come from fits: ``diffusivity_m2_per_s: {from_fit: FILE, parameter: NAME}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConfigError, StoreError

if TYPE_CHECKING:
    from ..config.build import FitReference

DIFFUSIVITY_UNIT = "m2 s-1"


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
    from ..store_fits import read_fit

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
    if number.activation_energy_eV is None or number.reference_temperature_K is None:
        return number.value
    return {
        "value": number.value,
        "at_K": number.reference_temperature_K,
        "activation_energy_eV": number.activation_energy_eV,
    }
