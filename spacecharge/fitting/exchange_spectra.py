"""Exchange spectra of Bruker folders as rows of an exchange fit: volumes, mixing times, temperatures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..document.yaml import beside
from ..errors import FitError
from ..measured.bruker2d import Spectrum2d, read_bruker_2d
from ..measured.volumes import Volumes, peak_volumes
from ..store.stored_fit import FitColumn, FitTable
from .least_squares import Array
from .setup import DataTable

if TYPE_CHECKING:
    from ..config.fit_keys import FitConfig

MOST_POINTS = 128
"""Points of a stored contour in either dimension."""

_GAIN = 1.01
"""Ratio of receiver gains above which intensities of different spectra are not compared without a word."""


def spectra_table(config: FitConfig) -> tuple[DataTable, list[str], dict[str, FitTable]]:
    """Read the spectra of a configuration.

    Parameters
    ----------
    config : FitConfig
        Of kind ``exsy``, with ``data.bruker_2d``.

    Returns
    -------
    table : DataTable
        ``mixing_time``, ``temperature``, ``diagonal_A``, ``cross_AB``, ... with errors; one row per spectrum, the
        largest diagonal volume is one.
    warnings : list of str
        Of the volumes.
    tables : dict of str to FitTable
        Volumes and contours for the result file.

    Raises
    ------
    FitError
        A folder cannot be read, or a mixing time or temperature is not known.
    """
    data = config.data
    given = data["bruker_2d"]
    folders = [given] if isinstance(given, str) else list(given)
    times = data.get("mixing_time_s")
    times = [times] if isinstance(times, float) else times
    if times is not None and len(times) != len(folders):
        raise FitError(f"{config.path}: data.mixing_time_s: {len(times)} mixing times for {len(folders)} spectra")
    sites = tuple(data["regions_ppm"])
    spectra, volumes = [], []
    for folder in folders:
        spectrum = read_bruker_2d(
            beside(config.path, folder), procno=data.get("procno", 1), delay=data.get("from", "D8")
        )
        volumes.append(
            peak_volumes(
                spectrum.ppm_1,
                spectrum.ppm_2,
                spectrum.intensity,
                data["regions_ppm"],
                data["noise_ppm"],
                method=data.get("volumes", "lines"),
                name=folder,
            )
        )
        spectra.append(spectrum)
    table = DataTable(
        mixing_time=_known(
            times or [s.mixing_time_s for s in spectra], "mixing time", "mixing_time_s", folders, config
        ),
        temperature=_known(
            [data.get("temperature_K") or s.temperature_K for s in spectra],
            "temperature",
            "temperature_K",
            folders,
            config,
        ),
    )
    scale = max(float(np.abs(np.diag(v.value)).max()) for v in volumes)
    for i, a in enumerate(sites):
        for j, b in enumerate(sites):
            key = f"diagonal_{a}" if i == j else f"cross_{a}{b}"
            table[key] = np.array([v.value[i, j] for v in volumes]) / scale
            table[f"sigma_{key}"] = np.array([v.sigma[i, j] for v in volumes]) / scale
    table.path, table.lines = ", ".join(folders), np.arange(1, len(folders) + 1)
    table.notes = (_note(data, folders),)
    warnings = [text for v in volumes for text in v.warnings]
    gains = [s.receiver_gain for s in spectra if s.receiver_gain > 0.0]
    if data["observable"] == "intensities" and gains and max(gains) > _GAIN * min(gains):
        warnings.append(f"the receiver gain goes from {min(gains):g} to {max(gains):g}: so do intensities")
    return table, warnings, _tables(table, folders, spectra, volumes, data["regions_ppm"])


def _note(data: Mapping[str, Any], folders: Sequence[str]) -> str:
    how = {"lines": "by lines on a tilted plane", "boxes": "by boxes above a tilted plane"}[
        data.get("volumes", "lines")
    ]
    return f"volumes of {len(folders)} spectra {how}, rows before and columns after mixing"


def _known(values: Sequence[float], words: str, key: str, folders: Sequence[str], config: FitConfig) -> Array:
    for value, folder in zip(values, folders, strict=True):
        # A mixing time may be none; a temperature of 0 K is that of a sensor which is not there.
        if not (math.isfinite(value) and (value > 0.0 or (value == 0.0 and key == "mixing_time_s"))):
            raise FitError(f"{config.path}: {folder}: its parameters do not say the {words}: give data.{key}")
    return np.array(values, dtype=np.float64)


def _tables(
    table: DataTable,
    folders: Sequence[str],
    spectra: Sequence[Spectrum2d],
    volumes: Sequence[Volumes],
    regions: Mapping[str, Sequence[float]],
) -> dict[str, FitTable]:
    units = {"mixing_time": "s", "temperature": "K"}
    columns = {
        key: FitColumn(values=values, unit=units.get(key, "1"), long_name=key.replace("_", " "))
        for key, values in table.items()
    }
    out = {"spectra": FitTable(columns=columns, attributes={"folders": list(folders)})}
    # One spectrum before much is exchanged, and the one with the strongest cross peak, at one temperature.
    usual = np.sort(table["temperature"])[table["temperature"].size // 2]
    rows = np.flatnonzero(table["temperature"] == usual)
    first = int(rows[np.argmin(table["mixing_time"][rows])])
    crossed = next(key for key in table if key.startswith("cross_"))
    best = int(rows[np.argmax(table[crossed][rows])])
    for number, row in enumerate(dict.fromkeys((first, best)), start=1):
        name = f"{table['mixing_time'][row]:.3g} s, {table['temperature'][row]:g} K"
        out[f"contour_{number}"] = _contour(spectra[row], volumes[row].noise, regions, name)
    return out


def _contour(spectrum: Spectrum2d, noise: float, regions: Mapping[str, Sequence[float]], name: str) -> FitTable:
    """Return the part of a spectrum around its regions, thinned for figures."""
    low = min(min(r) for r in regions.values())
    high = max(max(r) for r in regions.values())
    beyond = 0.15 * (high - low)
    places = []
    for ppm in (spectrum.ppm_1, spectrum.ppm_2):
        rows = np.flatnonzero((ppm >= low - beyond) & (ppm <= high + beyond))
        places.append(rows[:: max(1, -(-rows.size // MOST_POINTS))])
    part = spectrum.intensity[np.ix_(*places)]
    before, after = np.meshgrid(spectrum.ppm_1[places[0]], spectrum.ppm_2[places[1]], indexing="ij")
    columns = {
        "shift_before": FitColumn(values=before.ravel(), unit="ppm", long_name="shift before mixing"),
        "shift_after": FitColumn(values=after.ravel(), unit="ppm", long_name="shift after mixing"),
        "intensity": FitColumn(values=part.ravel() / part.max(), unit="1", long_name="intensity"),
    }
    attributes = {
        "n_before": part.shape[0],
        "n_after": part.shape[1],
        "noise": noise / float(part.max()),
        "title": name,
        "sites": list(regions),
        "regions": [f"{min(r):.10g} {max(r):.10g}" for r in regions.values()],
    }
    return FitTable(columns=columns, attributes=attributes)


__all__ = ["spectra_table"]
