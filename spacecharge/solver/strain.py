"""Where a solved point strains what it rests on, beyond the flags that the kernel sets itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..codes import Statistics, Validity
from ..constants import ELEMENTARY_CHARGE, NM, VACUUM_PERMITTIVITY
from ..kernels import rows as o
from ..units import UNITS
from .output import Rows

Array = NDArray[np.float64]

_DILUTE = int(Statistics.DILUTE)
FULL, CROWDED = 1.0, 0.1
"""Occupancies of a dilute species from which Boltzmann statistics puts more than one carrier on a site, or neglects
a tenth of the sites [1]."""

PATCH = (100.0 * NM) ** 2
"""A mean field needs carriers to average over: at least one in the region above this area [m2]."""

OTHERS_CONDUCT = 1e9 * next(unit.factor for unit in UNITS if unit.suffix == "_ohm_cm2")
"""Resistance of a region from which electrons or other ions carry the current [ohm m2]: 1e9 Ohm cm2."""


def strained(rows: Rows) -> NDArray[np.int32]:
    """Return the flags of every point that follow from its observables; NaN raises none.

    Parameters
    ----------
    rows : Rows
        The output rows and their points.

    Returns
    -------
    ndarray of int, shape (n_points,)
        Members of :class:`~spacecharge.codes.Validity`, added up.
    """
    p = rows.parameters
    flags = np.zeros(p.n_points, dtype=np.int32)
    is_dilute = p.statistics == _DILUTE
    if is_dilute.any():
        dilute = is_dilute & (p.site_density > 0.0)
        theta = _of_species(rows, o.FACE_THETA)
        largest = np.fmax(np.fmax(theta[:, :, 0], theta[:, :, 1]), p.bulk_occupancy)
        flags[(dilute & (largest > FULL)).any(axis=(1, 2))] |= int(Validity.DILUTE_ABOVE_ONE)
        flags[(dilute & (largest > CROWDED)).any(axis=(1, 2))] |= int(Validity.DILUTE_ABOVE_TENTH)
    if _may_be_few(rows):
        flags[(carriers(rows) * PATCH < 1.0).any(axis=(1, 2))] |= int(Validity.FEW_CARRIERS)
    high = rows.faces[..., o.FACE_RESISTANCE] > OTHERS_CONDUCT
    if high.any():
        flags[high.any(axis=(1, 2))] |= int(Validity.HIGH_RESISTANCE)
    return flags


def without_cores(rows: Rows, flags: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the flags of the kernel, with the one of thin layers from layers alone that have a bulk to reach.

    A core of a grain boundary is level with the bulk of its grain: it has no bulk of its own inside, and being within
    the regions of its faces says nothing.
    """
    if all(core < 0 for core in rows.parameters.core_of):
        return flags
    grains = np.array([core < 0 for core in rows.parameters.core_of])
    bit = np.int32(Validity.THIN_LAYER)
    thin = without_bulk(rows)[:, grains].any(axis=1)
    return np.asarray(np.where(thin, flags | bit, flags & ~bit), dtype=np.int32)


def without_bulk(rows: Rows) -> NDArray[np.bool_]:
    """Return which layers are too thin to reach their bulk, shape (n_points, n_layers): the kernel's rule, by layer."""
    p = rows.parameters
    thickness = p.thickness * (1.0 - 1e-12)
    charged = ((p.charge_number != 0.0) & (p.site_density > 0.0))[:, :, None, :]
    widths = np.nan_to_num(np.where(charged, _of_species(rows, o.FACE_WIDTH), 0.0)).max(axis=3)
    resistance = rows.blocks[..., o.RESISTANCE]
    # Where the regions of those that conduct meet, the kernel counts the whole layer as region.
    meeting = (widths.sum(axis=2) >= thickness) & (np.isnan(resistance) | (rows.blocks[..., o.REGION] == resistance))
    return np.asarray(meeting | (widths.max(axis=2) >= thickness))


def _of_species(rows: Rows, column: int) -> Array:
    """Return a number of the species at the faces, shape (n_points, n_layers, 2, n_species)."""
    faces, n_species = rows.faces, rows.parameters.n_species
    return np.asarray(
        faces[..., o.FACE_SPECIES :].reshape(*faces.shape[:3], n_species, o.FACE_SPECIES_SIZE)[..., column]
    )


def _may_be_few(rows: Rows) -> bool:
    """Say whether any region can hold fewer carriers than one a patch; spares counting them in nearly every sweep.

    A region reaches to where the occupancy is all but that of the bulk: its last Debye length alone holds more than a
    tenth of what the bulk would, unless the region is the whole layer.
    """
    p = rows.parameters
    densest = (p.site_density * p.bulk_occupancy).max(axis=2)
    if (densest * rows.blocks[..., o.DEBYE] * PATCH < 10.0).any():
        return True
    return bool((_of_species(rows, o.FACE_WIDTH) >= 0.999 * p.thickness[:, :, None, None]).any())


def carriers(rows: Rows) -> Array:
    """Return the mobile carriers of the region at each face per area [m-2], shape (n_points, n_layers, 2).

    With one species: those of the bulk plus what the charge of the region adds, which Gauss's law gives from the field
    at the face (the bulk beyond is neutral), or the charge of the layer where the region is all of it. With several,
    whose charges cannot be told apart, an upper bound: the higher of face and bulk over the width. A region is counted
    at least one Debye length wide; NaN where there is none.
    """
    p = rows.parameters
    faces = rows.faces
    theta, width = _of_species(rows, o.FACE_THETA), _of_species(rows, o.FACE_WIDTH)
    extent = np.where(width > 0.0, np.maximum(width, rows.blocks[..., o.DEBYE, None, None]), np.nan)
    density, bulk = p.site_density[:, :, None, :], p.bulk_occupancy[:, :, None, :]
    if p.n_species > 1:
        several = density * np.fmax(theta, bulk) * extent
        return np.where(np.isfinite(several).any(axis=-1), np.nansum(several, axis=-1), np.nan)
    displacement = VACUUM_PERMITTIVITY * p.permittivity[:, :, None] * faces[..., o.FACE_FIELD]
    charge = displacement * np.array([-1.0, 1.0])
    whole = width[..., 0] >= p.thickness[:, :, None] * (1.0 - 1e-12)
    charge = np.where(whole, rows.blocks[..., o.CHARGE, None], charge)
    extent = np.where(whole, p.thickness[:, :, None], extent[..., 0])
    number = density[..., 0] * bulk[..., 0] * extent + charge / (p.charge_number * ELEMENTARY_CHARGE)
    return np.asarray(np.where(np.isfinite(extent), number, np.nan))


__all__ = ["carriers", "strained", "without_cores"]
