"""Impedance spectra among the data of a fit of the interface model: keys, files, errors, the Kramers-Kronig bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictStr

from ..document.problems import Problems
from ..document.yaml import beside
from ..errors import FitError
from ..measured.spectra import Spectrum, read_spectrum
from .fields import Keys, Plain
from .schema import Temperature

Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0.0)]


class KramersKronigKeys(Keys):
    """What the Kramers-Kronig test of a measured spectrum decides."""

    warn_above: Positive = Field(default=0.02, description="Residual (rms, over the modulus) that is warned of")
    refuse_above: Positive = Field(default=0.1, description="Residual with which no fit is made")
    elements_per_decade: Positive | None = Field(
        default=None, description="Relaxation times a decade; default: by cross-validation, 1 to 7"
    )


class SpectrumKeys(Keys):
    """A measured spectrum."""

    path: StrictStr | None = Field(
        default=None, description="CSV or .mpt, relative to this configuration; of a table, to the table"
    )
    columns: dict[str, StrictStr] = Field(
        default_factory=dict, description="frequency_Hz, real_ohm, sigma_ohm, ... to titles; default: found"
    )
    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal sign; default: found")
    temperature_K: Temperature | None = None
    relative_sigma: Positive | None = Field(
        default=None,
        description="One sigma of either part over the modulus; default: columns, else the scatter about the "
        "Kramers-Kronig series as a weight",
    )
    frequency_range_Hz: Annotated[list[Plain], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="Lowest and highest frequency that counts"
    )
    kramers_kronig: KramersKronigKeys = Field(default_factory=KramersKronigKeys)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredSpectrum:
    """A measured spectrum of an interface.

    Parameters
    ----------
    interface, path : str
        Whose it is; its file as messages name it.
    frequency : ndarray, shape (n,)
        [Hz]
    impedance : ndarray of complex, shape (n,)
        [ohm m2], or [ohm] of a cell.
    per_area : bool
        Which of the two.
    sigma : ndarray, shape (n, 2), or None
        One sigma of both parts; None where nothing is said of them.
    temperature : float
        [K]
    warn_above, refuse_above, elements_per_decade
        Of the Kramers-Kronig test.
    notes : tuple of str
        How the file was read.
    """

    interface: str
    path: str
    frequency: NDArray[np.float64]
    impedance: NDArray[np.complex128]
    per_area: bool
    sigma: NDArray[np.float64] | None
    temperature: float
    warn_above: float
    refuse_above: float
    elements_per_decade: float | None
    notes: tuple[str, ...]


LEAST = 5
"""Frequencies below which no Kramers-Kronig test means anything."""


def read_spectra(
    interfaces: Mapping[str, Any], path: str, temperature: float, problems: Problems
) -> tuple[MeasuredSpectrum, ...]:
    """Read the spectra of interfaces.

    Parameters
    ----------
    interfaces : mapping of str to InterfaceKeys
        By name; rows of tables stand as interfaces of their own.
    path : str
        The configuration; files are relative to it.
    temperature : float
        Of spectra that give none [K].
    problems : Problems
        Takes one line per problem.
    """
    found = []
    for name, entry in interfaces.items():
        for i, keys in enumerate(entry.spectrum):
            if keys.path is None:
                continue
            place = ("interfaces", name, "spectrum", i)
            try:
                file = beside(path, keys.path)
                read = read_spectrum(file, columns=keys.columns or None, decimal=keys.decimal)
            except FitError as error:
                problems.add(place, str(error))
                continue
            made = _measured(name, keys, read, keys.temperature_K or temperature, place, problems)
            if made is not None:
                found.append(made)
    return tuple(found)


def _measured(
    name: str, keys: SpectrumKeys, read: Spectrum, temperature: float, place: tuple[str | int, ...], problems: Problems
) -> MeasuredSpectrum | None:
    stays = np.ones(read.frequency.size, dtype=bool)
    notes = list(read.notes)
    if keys.frequency_range_Hz is not None:
        low, high = sorted(keys.frequency_range_Hz)
        stays = (read.frequency >= low) & (read.frequency <= high)
        notes.append(f"{read.path}: {int(np.sum(stays))} of {stays.size} frequencies, {low:g} to {high:g} Hz")
    if int(np.sum(stays)) < LEAST:
        problems.add(place, f"{int(np.sum(stays))} frequencies are too few (allowed: {LEAST} at least)")
        return None
    modulus = np.abs(read.impedance)
    if np.any(modulus[stays] == 0.0):
        line = int(read.lines[stays][np.argmin(modulus[stays])])
        problems.add(place, f"{read.path}: line {line}: the impedance is 0")
        return None
    sigma = read.sigma
    if keys.relative_sigma is not None:
        if sigma is not None:
            problems.add((*place, "relative_sigma"), "the columns bring errors already", key=True)
            return None
        sigma = np.column_stack([modulus, modulus]) * keys.relative_sigma
    return MeasuredSpectrum(
        interface=name,
        path=read.path,
        frequency=read.frequency[stays],
        impedance=read.impedance[stays],
        per_area=read.unit == "ohm m2",
        sigma=None if sigma is None else sigma[stays],
        temperature=temperature,
        warn_above=keys.kramers_kronig.warn_above,
        refuse_above=keys.kramers_kronig.refuse_above,
        elements_per_decade=keys.kramers_kronig.elements_per_decade,
        notes=tuple(notes),
    )


__all__ = ["KramersKronigKeys", "MeasuredSpectrum", "SpectrumKeys", "read_spectra"]
