"""What a result says of site planes: names, units and definitions, for all points of a sweep at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..constants import ELEMENTARY_CHARGE
from ..solver.output import Output
from ..solver.outputs import STATUS_ATTRIBUTES
from .kernels import layout as at
from .planes import Planes

Array = NDArray[np.float64]

REGION_POTENTIAL = 0.02
"""The space-charge region are the planes of the carrier more than this above the grain [V] (pyscses' value)."""

OUTPUTS: tuple[Output, ...] = (
    Output("status", (), "1", "status of the solve", "i4", attributes=STATUS_ATTRIBUTES),
    Output("iterations", (), "1", "Newton iterations", "i4"),
    Output("barrier", (), "V", "barrier on planes of the carrier"),
    Output("barrier_any_plane", (), "V", "barrier on any plane"),
    Output("space_charge_width", (), "m", "width of the space-charge region"),
    Output("space_charge_planes", (), "1", "planes of the carrier in the space-charge region", "i4"),
    Output("resistivity_ratio_perpendicular", (), "1", "resistivity ratio across the planes"),
    Output("resistivity_ratio_parallel", (), "1", "resistivity ratio along the planes"),
    Output("excess_thickness", (), "m", "excess thickness"),
    Output("apparent_activation_energy", (), "eV", "activation energy of the ratio across the planes"),
    Output("grain_boundary_resistance", (), "ohm m2", "resistance of the grain boundary"),
    Output("resistivity_ratio_perpendicular_blocked", (), "1", "resistivity ratio across the planes, blocked"),
    Output("resistivity_ratio_parallel_blocked", (), "1", "resistivity ratio along the planes, blocked"),
    Output("excess_thickness_blocked", (), "m", "excess thickness, blocked"),
    Output("apparent_activation_energy_blocked", (), "eV", "activation energy of the ratio across the planes, blocked"),
    Output("grain_boundary_resistance_blocked", (), "ohm m2", "resistance of the grain boundary, blocked"),
    Output("bulk_fraction", ("species",), "1", "mean mole fraction in the bulk window"),
    Output("background_charge_density", (), "C m-3", "uniform background charge of the closure"),
    Output("charge_balance", (), "C m-2", "charge of the cell, background included"),
    Output("potential_error_estimate", (), "V", "last change of any potential"),
)
"""Variables of a result of lattice planes. `_blocked` counts a carrier's way only where the next site is free: its
conductivity goes as x(1 - x) instead of x."""

PROFILES: tuple[Output, ...] = (
    Output("x", ("plane",), "m", "position of the plane"),
    Output("potential", ("plane",), "V", "electrostatic potential"),
    Output("charge", ("plane",), "C m-2", "charge of the plane"),
    Output("occupancy", ("species", "plane"), "1", "mole fraction on the plane"),
    Output("vacancy", ("species", "plane"), "1", "one minus the mole fraction"),
)
"""Variables by plane; what a species does not have on a plane is NaN."""


@dataclass(frozen=True, slots=True)
class Solved:
    """What the kernel left for some points, with their physical numbers.

    Attributes
    ----------
    scalars, out_planes, out_entries : ndarray
        Output of ``kernels.closure.solve_many``.
    charge : ndarray, shape (n_points, n_species)
        Charge numbers [1].
    cross_section : ndarray, shape (n_points,)
        [m2]
    conductivity : ndarray, shape (n_points,)
        Conductivity of the grain [S m-1]; NaN where none is given.
    carrier : int
        Index of the species that carries the current.
    """

    scalars: Array
    out_planes: Array
    out_entries: Array
    charge: Array
    cross_section: Array
    conductivity: Array
    carrier: int


def _weighted(values: Array | NDArray[np.bool_], weights: Array) -> Array:
    """Return sums over the last axis, in one order of additions: no bit of a row depends on the number of rows."""
    result: Array = np.multiply(values, weights, order="C").sum(axis=-1)
    return result


def _to_planes(values: Array, plane_of: NDArray[np.int64], n_planes: int) -> Array:
    """Add up entries plane by plane, shape (n_points, n_planes); 0 where a plane has none. `plane_of` rises."""
    found, start = np.unique(plane_of, return_index=True)
    total = np.zeros((len(values), n_planes))
    total[:, found] = np.add.reduceat(values, start, axis=1)
    return total


def by_plane(values: Array, planes: Planes, species: int) -> Array:
    """Return the mean over the sites of a species in each plane, shape (n_points, n_planes); NaN where it has none."""
    mine = planes.species_of == species
    n = len(planes.x)
    count = np.bincount(planes.plane_of[mine], weights=planes.count_of[mine], minlength=n)
    total = _to_planes(values[:, mine] * planes.count_of[mine], planes.plane_of[mine], n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan)


def gauge_shift(solved: Solved, planes: Planes) -> Array:
    """Return the mean potential of the bulk window, to be subtracted, shape (n_points,) [V].

    With a uniform background the potentials have that gauge already.
    """
    if planes.flags[at.UNIFORM]:
        return np.zeros(len(solved.scalars))
    on_carrier: Array = solved.out_planes[:, at.PHI, planes.carrier_planes]
    return _weighted(on_carrier, planes.carrier_bulk)


def profiles(solved: Solved, planes: Planes) -> dict[str, Array]:
    """Return the profiles by plane, named as in :data:`PROFILES`, with a leading axis over the points."""
    n_points, n = len(solved.scalars), len(planes.x)
    per_entry = solved.charge[:, planes.species_of] * solved.out_entries[:, at.OCCUPANCY] * planes.count_of
    charge = planes.planes[:, at.SITE_CHARGE] + _to_planes(per_entry, planes.plane_of, n)
    n_species = solved.charge.shape[1]
    shape = (n_points, n_species, n)
    occupancy, vacancy = np.empty(shape), np.empty(shape)
    for s in range(n_species):
        occupancy[:, s] = by_plane(solved.out_entries[:, at.OCCUPANCY], planes, s)
        vacancy[:, s] = by_plane(solved.out_entries[:, at.REST], planes, s)
    return {
        "x": np.repeat(planes.x[None, :], n_points, axis=0),
        "potential": solved.out_planes[:, at.PHI] - gauge_shift(solved, planes)[:, None],
        "charge": charge * ELEMENTARY_CHARGE / solved.cross_section[:, None],
        "occupancy": occupancy,
        "vacancy": vacancy,
    }


def scalars(solved: Solved, planes: Planes) -> dict[str, Array]:
    """Return the observables of :data:`OUTPUTS`, each with a leading axis over the points.

    Notes
    -----
    With s_i the conductivity on a plane of the carrier (x, or x(1 - x) for `_blocked`), s_b the same of the mean mole
    fraction in the bulk window, dx_i the thickness of a plane, and a region of width w, the planes where the potential
    is more than 0.02 V above the grain (below, for a negative carrier):

        resistivity_ratio_perpendicular   (1/w) sum dx s_b/s_i          in the region
        resistivity_ratio_parallel        w / sum dx s_i/s_b            in the region
        excess_thickness                  sum dx (s_b/s_i - 1)          over all planes
        apparent_activation_energy        d ln(perpendicular ratio)/d(1/kT), the region held, exact
        grain_boundary_resistance         excess_thickness / conductivity of the grain
    """
    on = planes.carrier_planes
    sign = np.sign(solved.charge[:, solved.carrier])[:, None]
    potential = solved.out_planes[:, at.PHI] - gauge_shift(solved, planes)[:, None]
    carrier_potential = potential[:, on]
    region = sign * (carrier_potential - _weighted(carrier_potential, planes.zero)[:, None]) > REGION_POTENTIAL
    width = _weighted(region, planes.carrier_width)
    x = by_plane(solved.out_entries[:, at.OCCUPANCY], planes, solved.carrier)[:, on]
    rest = by_plane(solved.out_entries[:, at.REST], planes, solved.carrier)[:, on]
    slope = by_plane(solved.out_entries[:, at.OCCUPANCY_SLOPE], planes, solved.carrier)[:, on]
    result: dict[str, Array] = {
        "status": solved.scalars[:, at.STATUS],
        "iterations": solved.scalars[:, at.ITERATIONS],
        "barrier": sign[:, 0] * (sign * carrier_potential).max(axis=1),
        "barrier_any_plane": sign[:, 0] * (sign * potential).max(axis=1),
        "space_charge_width": width,
        "space_charge_planes": region.sum(axis=1).astype(float),
    }
    mean, mean_rest, mean_slope = (_weighted(values, planes.carrier_bulk) for values in (x, rest, slope))
    for suffix, local, grain, d_local, d_grain in (
        ("", x, mean, slope / x, mean_slope / mean),
        ("_blocked", x * rest, mean * mean_rest, slope / x - slope / rest, mean_slope / mean - mean_slope / mean_rest),
    ):
        ratio = grain[:, None] / local
        across = _weighted(region * ratio, planes.carrier_width)
        along = _weighted(region / ratio, planes.carrier_width)
        change = _weighted(region * ratio * (d_grain[:, None] - d_local), planes.carrier_width)
        excess = _weighted(ratio - 1.0, planes.carrier_width)
        result[f"resistivity_ratio_perpendicular{suffix}"] = across / width
        result[f"resistivity_ratio_parallel{suffix}"] = width / along
        result[f"excess_thickness{suffix}"] = excess
        result[f"apparent_activation_energy{suffix}"] = change / across
        result[f"grain_boundary_resistance{suffix}"] = excess / solved.conductivity
    weights = planes.entries[:, at.WEIGHT] * (planes.species_of == np.arange(solved.charge.shape[1])[:, None])
    means = _weighted(solved.out_entries[:, None, at.OCCUPANCY], weights)
    result["bulk_fraction"] = np.where(weights.any(axis=1), means, np.nan)
    per_area = ELEMENTARY_CHARGE / solved.cross_section
    total = planes.planes[:, at.SITE_CHARGE].sum() + (
        solved.charge[:, planes.species_of] * solved.out_entries[:, at.OCCUPANCY] * planes.count_of
    ).sum(axis=1)
    result["background_charge_density"] = -solved.scalars[:, at.BACKGROUND] * per_area / planes.length
    result["charge_balance"] = (total - solved.scalars[:, at.BACKGROUND]) * per_area
    result["potential_error_estimate"] = solved.scalars[:, at.LAST_STEP]
    return result
