"""Observables of neutral bulks and of grain boundaries: conductivities, carriers, Fermi levels; boundary resistance.

A boundary is a core with the space-charge regions of the layers beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..errors import ModelError
from ..model import StackParameters
from .outputs import Output

if TYPE_CHECKING:
    from .solution import Solution

Array = NDArray[np.float64]

CONDUCTIVITY = Output("conductivity", ("layer",), "S m-1", "conductivity of the neutral layer")
CONCENTRATION = Output("concentration", ("layer", "species"), "m-3", "carriers in the neutral layer")
TRANSFERENCE = Output(
    "transference_number", ("layer", "species"), "1", "share of the conductivity of the neutral layer"
)
FERMI_LEVEL = Output("fermi_level", ("layer",), "eV", "Fermi level above the valence band edge")
BOUNDARY = Output("grain_boundary_resistance", (), "ohm m2", "resistance of the grain boundary")


def bulk_outputs(parameters: StackParameters) -> tuple[Output, ...]:
    """Return the variables that a stack has beside those of every solve."""
    p = parameters
    return (
        CONDUCTIVITY,
        CONCENTRATION,
        *((TRANSFERENCE,) if p.n_species > 1 else ()),
        *((FERMI_LEVEL,) if any(p.from_defects) else ()),
        *((BOUNDARY,) if has_boundary(p) else ()),
    )


def has_boundary(parameters: StackParameters) -> bool:
    """Say whether a stack has a grain boundary."""
    return any(grain >= 0 for grain in parameters.core_of)


def bulk_scalars(parameters: StackParameters, scalars: Mapping[str, Array]) -> dict[str, Array]:
    """Return these variables for solved points; NaN where a point has no answer.

    Parameters
    ----------
    parameters : StackParameters
        The points.
    scalars : mapping
        Their solved observables.

    Returns
    -------
    dict
        ``conductivity`` (n_points, n_layers), and so on, by the names of :func:`bulk_outputs`.
    """
    p = parameters
    partial = p.partial_conductivity
    moves = np.isfinite(partial)
    total = np.where(moves.any(axis=2), np.where(moves, partial, 0.0).sum(axis=2), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(moves, partial, 0.0) / total[:, :, None]
    present = p.site_density > 0.0
    density = np.where(present, p.site_density * p.bulk_occupancy, np.nan)
    values = {
        "conductivity": total,
        "concentration": density[..., 0] if p.n_species == 1 else density,
        "transference_number": np.where(present, share, np.nan),
        "fermi_level": p.fermi_level.copy(),
    }
    if has_boundary(p):
        values["grain_boundary_resistance"] = boundary_resistance(p, total, scalars)
    failed = ~np.isfinite(scalars["debye_length"]).any(axis=1)
    for array in values.values():
        array[failed] = np.nan
    return {output.name: values[output.name] for output in bulk_outputs(p)}


def boundary_resistance(parameters: StackParameters, conductivity: Array, scalars: Mapping[str, Array]) -> Array:
    """Return int (1/sigma - 1/sigma_grain) dx over cores and the regions beside them, shape (n_points,) [ohm m2]."""
    p = parameters
    total = np.zeros(p.n_points)
    counted: set[tuple[int, int]] = set()
    for i, grain in enumerate(p.core_of):
        if grain < 0:
            continue
        total += scalars["layer_resistance"][:, i] - p.thickness[:, i] / conductivity[:, grain]
        for layer, side in ((i - 1, 1), (i + 1, 0)):
            if 0 <= layer < p.n_layers and p.core_of[layer] < 0 and (layer, side) not in counted:
                counted.add((layer, side))
                total += _side_excess(p, conductivity, scalars, layer, side)
    return total


def _side_excess(
    parameters: StackParameters, conductivity: Array, scalars: Mapping[str, Array], layer: int, side: int
) -> Array:
    """Return the excess resistance of a layer towards its left (0) or right (1) contact [ohm m2].

    All of the layer's where it has no other contact; else that of the region, up to its width.
    """
    p = parameters
    contacts = [layer > 0 or p.end_contacts[0], layer < p.n_layers - 1 or p.end_contacts[1]]
    if not contacts[1 - side]:
        return np.asarray(scalars["excess_resistance"][:, layer])
    contact = layer + side - (0 if p.end_contacts[0] else 1)
    of_layer = 1 - side
    width = scalars["space_charge_width"][:, contact, of_layer]
    if p.n_species > 1:
        width = np.nanmax(np.where(np.isfinite(p.diffusivity[:, layer]), width, np.nan), axis=1)
    return np.asarray(scalars["resistance"][:, contact, of_layer] - width / conductivity[:, layer])


def _of_solution(solution: Solution, name: str) -> Array:
    scalars = {key: np.asarray(value)[None] for key, value in solution.scalars.items()}
    values = bulk_scalars(solution.parameters, scalars)
    if name not in values:
        raise ModelError(f"this stack has no {name.replace('_', ' ')}")
    return np.asarray(values[name][0])


def conductivity(solution: Solution) -> Array:
    """Return the conductivity of every neutral layer, all its carriers together.

    Parameters
    ----------
    solution : Solution
        A solve.

    Returns
    -------
    ndarray, shape (n_layers,)
        [S m-1]; NaN where nothing has a diffusivity.
    """
    return _of_solution(solution, "conductivity")


def concentration(solution: Solution) -> Array:
    """Return how many carriers the neutral layers hold.

    Parameters
    ----------
    solution : Solution
        A solve.

    Returns
    -------
    ndarray, shape (n_layers,) or (n_layers, n_species)
        [m-3]
    """
    return _of_solution(solution, "concentration")


def transference_number(solution: Solution) -> Array:
    """Return the share of every species in the conductivity of the neutral layers.

    Parameters
    ----------
    solution : Solution
        A solve of a stack with several species.

    Returns
    -------
    ndarray, shape (n_layers, n_species)
        [1]; partial conductivities are these times `conductivity`.
    """
    return _of_solution(solution, "transference_number")


def fermi_level(solution: Solution) -> Array:
    """Return the Fermi level of layers whose carriers follow from defects.

    Parameters
    ----------
    solution : Solution
        A solve.

    Returns
    -------
    ndarray, shape (n_layers,)
        Above the valence band edge of the neutral layer [eV]; NaN for layers without defects.
    """
    return _of_solution(solution, "fermi_level")


def grain_boundary_resistance(solution: Solution) -> Array:
    """Return int (1/sigma - 1/sigma_grain) dx over the cores of a stack and the space-charge regions beside them.

    Parameters
    ----------
    solution : Solution
        A solve of a stack with a core.

    Returns
    -------
    ndarray, shape ()
        [ohm m2]; negative where the boundary conducts better than its grain.
    """
    return _of_solution(solution, "grain_boundary_resistance")


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
    size = np.asarray(grain_size_nm, dtype=float) * 1e-9
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
