"""Observables of neutral bulks and of grain boundaries: conductivities, carriers, Fermi levels, boundary resistance.

A boundary is a core, or a plane of sites in a contact, with the space-charge regions of the layers beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE, NM
from ..errors import ModelError
from . import output as o
from .output import Registry, Rows

if TYPE_CHECKING:
    from ..model.planes import Plane

Array = NDArray[np.float64]

of_bulks = Registry()


def _relative(value: Array, change: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(change / value)


def _partial_slope(rows: Rows, slopes: Rows) -> Array:
    """Return the derivative of the conductivity of every species."""
    p, d = rows.parameters, slopes.parameters
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = 2.0 * (d.charge_number / p.charge_number) - (d.temperature / p.temperature)[:, None, None]
        relative = relative + d.site_density / p.site_density
        relative = relative + d.bulk_occupancy / p.bulk_occupancy
        relative = relative + d.diffusivity / p.diffusivity
    return np.asarray(p.partial_conductivity * relative)


def _added(partial: Array) -> Array:
    """Return the sum over species that move; NaN where none does."""
    moves = np.isfinite(partial)
    if moves.all():
        return np.asarray(partial.sum(axis=2))
    return np.where(moves.any(axis=2), np.where(moves, partial, 0.0).sum(axis=2), np.nan)


def _conductivity_slope(rows: Rows, slopes: Rows) -> Array:
    return _added(_partial_slope(rows, slopes))


def _concentration_slope(rows: Rows, slopes: Rows) -> Array:
    p, d = rows.parameters, slopes.parameters
    return _of_species(rows, p.site_density * d.bulk_occupancy + d.site_density * p.bulk_occupancy)


def _of_species(rows: Rows, values: Array) -> Array:
    """Return values of species as the file has them: NaN where a layer lacks one, no axis for a single one."""
    p = rows.parameters
    present = np.where(p.site_density > 0.0, values, np.nan)
    return np.asarray(present[..., 0] if p.n_species == 1 else present)


@of_bulks(("layer",), "S m-1", "conductivity of the neutral layer", slope=_conductivity_slope)
def conductivity(rows: Rows) -> Array:
    """Return the conductivity of every neutral layer, all its carriers together."""
    return _added(rows.parameters.partial_conductivity)


@of_bulks(("layer", "species"), "m-3", "carriers in the neutral layer", slope=_concentration_slope)
def concentration(rows: Rows) -> Array:
    """Return how many carriers the neutral layers hold."""
    p = rows.parameters
    return _of_species(rows, p.site_density * p.bulk_occupancy)


@of_bulks(
    ("layer", "species"),
    "1",
    "share of the conductivity of the neutral layer",
    slope=False,
    needs="several_species",
)
def transference_number(rows: Rows) -> Array:
    """Return the share of every species in the conductivity of the neutral layers.

    Partial conductivities are these times `conductivity`.
    """
    partial = rows.parameters.partial_conductivity
    total = _added(partial)[:, :, None]
    return _of_species(rows, _relative(total, np.where(np.isfinite(partial), partial, 0.0)))


@of_bulks(("layer",), "eV", "Fermi level above the valence band edge", needs="defects")
def fermi_level(rows: Rows) -> Array:
    """Return the Fermi level of layers whose carriers follow from defects.

    Above the valence band edge of the neutral layer.
    """
    return rows.parameters.fermi_level.copy()


def _boundary_slope(rows: Rows, slopes: Rows) -> Array:
    """Return the derivative of the resistance of the boundaries."""
    p, d = rows.parameters, slopes.parameters
    total = np.zeros(p.n_points)
    if not _has_boundary(rows):
        return total
    sigma, change = conductivity_of(rows), _conductivity_slope(rows, slopes)
    for i, grain in _cores(rows):
        s = sigma[:, grain]
        total += slopes.blocks[:, i, o.RESISTANCE] - d.thickness[:, i] / s
        total += p.thickness[:, i] * change[:, grain] / s**2
    for layer, side in _beside_cores(rows):
        if _has_one_contact(rows, layer, side):
            total += slopes.blocks[:, layer, o.EXCESS]
            continue
        _, width = _region(rows, layer, side)
        d_resistance, d_width = _region(slopes, layer, side, rows)
        s = sigma[:, layer]
        total += d_resistance - d_width / s + width * change[:, layer] / s**2
    return total


@of_bulks((), "ohm m2", "grain-boundary resistance", slope=_boundary_slope, needs="grain_boundary")
def grain_boundary_resistance(rows: Rows) -> Array:
    """Return int (1/sigma - 1/sigma_grain) dx over cores and planes of a stack and the regions beside them.

    Negative where the boundary conducts better than its grain.

    Notes
    -----
    Beside a core counts all of a layer that has no other contact, else its region up to the width.
    """
    return _boundary_resistance(rows)


def _boundary_resistance(rows: Rows) -> Array:
    p = rows.parameters
    if not _has_boundary(rows):
        return np.full(p.n_points, np.nan)
    sigma, total = conductivity_of(rows), np.zeros(p.n_points)
    for i, grain in _cores(rows):
        total += rows.blocks[:, i, o.RESISTANCE] - p.thickness[:, i] / sigma[:, grain]
    for layer, side in _beside_cores(rows):
        if _has_one_contact(rows, layer, side):
            total += rows.blocks[:, layer, o.EXCESS]
        else:
            resistance, width = _region(rows, layer, side)
            total += resistance - width / sigma[:, layer]
    return total


def _polycrystal_slope(rows: Rows, slopes: Rows) -> Array:
    if not _has_boundary(rows):
        return np.full((rows.parameters.n_points, rows.parameters.n_layers), np.nan)
    sigma, total = conductivity_of(rows), _polycrystal(rows)
    size, change = rows.parameters.array("grain_size"), slopes.parameters.array("grain_size")
    resistance = _boundary_resistance(rows)[:, None]
    fall = _conductivity_slope(rows, slopes) / sigma**2 + resistance * np.nan_to_num(change) / size**2
    return np.asarray(total**2 * (fall - _boundary_slope(rows, slopes)[:, None] / size))


def _polycrystal(rows: Rows) -> Array:
    """Return the conductivity of a polycrystal of every layer with a grain size, shape (n_points, n_layers)."""
    if not _has_boundary(rows):
        return np.full((rows.parameters.n_points, rows.parameters.n_layers), np.nan)
    sigma, size = conductivity_of(rows), rows.parameters.array("grain_size")
    resistivity = 1.0 / sigma + _boundary_resistance(rows)[:, None] / size
    # A boundary that conducts better than as much grain, closer to the next than it is wide: the model has no answer.
    return np.divide(1.0, resistivity, out=np.full_like(resistivity, np.nan), where=resistivity > 0.0)


@of_bulks(
    ("layer",), "S m-1", "conductivity of a polycrystal of the layer", slope=_polycrystal_slope, needs="grain_size"
)
def total_conductivity(rows: Rows) -> Array:
    """Return the conductivity of a polycrystal of each layer that has a `grain_size_nm`, by the brick-layer model.

    1/(1/sigma_grain + R/d), R the `grain_boundary_resistance` of the stack and d the grain size: one boundary in
    series with every grain. NaN without a grain size, in a stack without a grain boundary, and where the
    resistivity comes out negative.

    References
    ----------
    .. [1] M. J. Verkerk, B. J. Middelhuis, A. J. Burggraaf, Solid State Ionics 6, 159 (1982).
    """
    return _polycrystal(rows)


def _has_boundary(rows: Rows) -> bool:
    return bool(_cores(rows) or rows.parameters.planes)


def _barrier_slope(rows: Rows, slopes: Rows) -> Array:
    if not _has_boundary(rows):
        return np.full(rows.parameters.n_points, np.nan)
    return _steepest(_boundary_potentials(rows), _boundary_potentials(slopes))


@of_bulks((), "V", "grain-boundary barrier", slope=_barrier_slope, needs="grain_boundary")
def barrier(rows: Rows) -> Array:
    """Return phi in the middle of a core, or on a plane of sites, minus phi of its grain's neutral bulk.

    Of several boundaries the one that is furthest from its grain; positive where cations are kept off.
    """
    if not _has_boundary(rows):
        return np.full(rows.parameters.n_points, np.nan)
    potentials = _boundary_potentials(rows)
    return _steepest(potentials, potentials)


def _steepest(potentials: Array, values: Array) -> Array:
    """Return of every row of `values` the entry at which `potentials` is largest in size."""
    at = np.argmax(np.abs(np.nan_to_num(potentials)), axis=1)
    return np.asarray(np.take_along_axis(values, at[:, None], axis=1)[:, 0])


def _boundary_potentials(rows: Rows) -> Array:
    """Return the potentials of all cores and planes against their grains, shape (n_points, n_boundaries) [V]."""
    p = rows.parameters
    found = [
        rows.blocks[:, i, o.CENTRE] + p.neutral_offset[:, i] - p.neutral_offset[:, grain] for i, grain in _cores(rows)
    ]
    found += [plane_potential(rows, plane) for plane in p.planes]
    return np.stack(found, axis=1)


def plane_potential(rows: Rows, plane: Plane) -> Array:
    """Return the potential of a plane against the neutral bulk of its layer, shape (n_points,) [V]."""
    contact = plane.contact + int(rows.parameters.end_contacts[0])
    return np.asarray(rows.sides[:, contact, plane.side, o.FACE_POTENTIAL])


def _plane_states(rows: Rows) -> list[tuple[int, Array, Array]]:
    """Return contact, occupancy and areal charge [C/m2] of every plane."""
    p = rows.parameters
    kt = BOLTZMANN * p.temperature
    found = []
    for plane in p.planes:
        at = (slice(None), plane.contact + plane.side, plane.species)
        z = p.charge_number[at]
        energy = p.array("plane_energy")[:, plane.contact] + z * ELEMENTARY_CHARGE * plane_potential(rows, plane)
        with np.errstate(over="ignore"):
            odds = p.bulk_occupancy[at] / p.bulk_vacancy[at] * np.exp(-energy / kt)
            theta = 1.0 - 1.0 / (1.0 + odds)
        sites = z * ELEMENTARY_CHARGE * p.array("plane_density")[:, plane.contact]
        background = p.array("plane_background")[:, plane.contact]
        fixed = -sites * p.bulk_occupancy[at] if plane.is_neutral else background
        found.append((plane.contact + int(p.end_contacts[0]), theta, sites * theta + fixed))
    return found


def _at_contacts(rows: Rows, which: int) -> Array:
    """Return occupancies (1) or charges (2) of planes at their contacts, NaN elsewhere."""
    values = np.full(rows.sides.shape[:2], np.nan)
    for state in _plane_states(rows):
        values[:, state[0]] = state[which]
    return values


@of_bulks(("contact",), "1", "occupancy of the plane of sites", slope=False, needs="planes")
def plane_occupancy(rows: Rows) -> Array:
    """Return the filled share of the sites of planes in contacts."""
    return _at_contacts(rows, 1)


@of_bulks(("contact",), "C m-2", "charge of the plane of sites", slope=False, needs="planes")
def plane_charge(rows: Rows) -> Array:
    """Return the areal charge of planes in contacts: their carriers and their background."""
    return _at_contacts(rows, 2)


def conductivity_of(rows: Rows) -> Array:
    """Return the conductivities of the neutral layers, shape (n_points, n_layers) [S/m]."""
    return _added(rows.parameters.partial_conductivity)


def _cores(rows: Rows) -> list[tuple[int, int]]:
    """Return every core with its grain."""
    return [(i, grain) for i, grain in enumerate(rows.parameters.core_of) if grain >= 0]


def _beside_cores(rows: Rows) -> list[tuple[int, int]]:
    """Return the layers beside cores with the side, 0 left or 1 right, at which the core lies."""
    p = rows.parameters
    near = {(i - 1, 1) for i, _ in _cores(rows)} | {(i + 1, 0) for i, _ in _cores(rows)}
    near |= {(plane.contact + side, 1 - side) for plane in p.planes for side in range(2)}
    return sorted((k, side) for k, side in near if 0 <= k < p.n_layers and p.core_of[k] < 0)


def _has_one_contact(rows: Rows, layer: int, side: int) -> bool:
    """Say whether a layer has no contact but the one at `side`."""
    p = rows.parameters
    others = (layer > 0 or p.end_contacts[0], layer < p.n_layers - 1 or p.end_contacts[1])
    return not others[1 - side]


def _region(rows: Rows, layer: int, side: int, of: Rows | None = None) -> tuple[Array, Array]:
    """Return resistance [ohm m2] and width [m] of the region at one side of a layer.

    The widest species that moves counts; `of` are the rows that decide which one, by default these.
    """
    p = rows.parameters
    contact = layer + side - (0 if p.end_contacts[0] else 1)
    resistance = rows.sides[:, contact, 1 - side, o.FACE_RESISTANCE]
    width = rows.of_species(o.FACE_WIDTH)[:, contact, 1 - side]
    if p.n_species > 1:
        decides = of or rows
        known = decides.of_species(o.FACE_WIDTH)[:, contact, 1 - side]
        moves = np.isfinite(decides.parameters.diffusivity[:, layer])
        widest = np.argmax(np.where(moves & np.isfinite(known), known, -np.inf), axis=1)
        width = np.take_along_axis(width, widest[:, None], axis=1)[:, 0]
    return np.asarray(resistance), np.asarray(width)


def brick_layer_conductivity(
    grain_conductivity: ArrayLike, grain_boundary_resistance: ArrayLike, grain_size_nm: ArrayLike
) -> Array:
    """Return the conductivity of a polycrystal of cubes, one boundary in series with every grain.

    Parameters
    ----------
    grain_conductivity : array_like
        Conductivity of a grain [S m-1].
    grain_boundary_resistance : array_like
        Resistance of one boundary beyond that of as much grain [ohm m2].
    grain_size_nm : array_like
        Edge of a grain [nm].

    Returns
    -------
    ndarray
        1/(1/sigma_grain + R/d) [S m-1]; boundaries along the current are left out, which is good where they block.

    References
    ----------
    .. [1] M. J. Verkerk, B. J. Middelhuis, A. J. Burggraaf, Solid State Ionics 6, 159 (1982).
    """
    size = np.asarray(grain_size_nm, dtype=float) * NM
    return np.asarray(1.0 / (1.0 / np.asarray(grain_conductivity) + np.asarray(grain_boundary_resistance) / size))


def activation_energy(temperature_K: ArrayLike, resistance: ArrayLike) -> Array:
    """Return the local activation energy d ln(R)/d(1/kT) of a resistance along a temperature sweep.

    Parameters
    ----------
    temperature_K : array_like, shape (n,)
        Rising or falling temperatures, at least three [K].
    resistance : array_like, shape (n,)
        Positive resistances, in any unit.

    Returns
    -------
    ndarray, shape (n,)
        [eV]; central differences of second order on the uneven grid of 1/kT.

    Raises
    ------
    ModelError
        Fewer than three points, or a resistance that is not positive.
    """
    kelvin, value = np.asarray(temperature_K, dtype=float), np.asarray(resistance, dtype=float)
    if kelvin.ndim != 1 or kelvin.shape != value.shape or kelvin.size < 3:
        raise ModelError("temperatures and resistances need one length of at least 3", "temperature_K")
    if not (value > 0.0).all():
        raise ModelError("resistances must be positive: only then have they a logarithm", "resistance")
    inverse = ELEMENTARY_CHARGE / (BOLTZMANN * kelvin)
    return np.asarray(np.gradient(np.log(value), inverse, edge_order=2))
