"""Between named quantities and the packed rows of the kernels: parameters in, observables and profiles out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import EndKind
from ..kernels import rows as k
from ..model import StackParameters
from ..model.numbers import SPECIES
from .output import Rows
from .outputs import OUTPUTS

Array = NDArray[np.float64]

_SPECIES_COLUMNS = tuple((getattr(k, number.column), number.array) for number in SPECIES if number.column)
"""Columns of a species in an input row, and the arrays that fill them."""
_FIXED_POTENTIAL = int(EndKind.ELECTROSTATIC_POTENTIAL)


@dataclass(frozen=True, slots=True)
class LayerProfile:
    """Profiles of one layer, left to right.

    Attributes
    ----------
    name : str
        Name of the layer.
    x : ndarray, shape (n_nodes,)
        Position [m], 0 at the first contact.
    potential : ndarray, shape (n_nodes,)
        Electrostatic potential [V], 0 in the neutral bulk of the last layer.
    occupancy, vacancy : ndarray, shape (n_nodes,) or (n_species, n_nodes)
        theta and 1 - theta [1]; the vacancy fraction is NaN for dilute species.
    """

    name: str
    x: Array
    potential: Array
    occupancy: Array
    vacancy: Array


def pack_rows(parameters: StackParameters, tolerance_V: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    """Return input rows (n_points, row_size) and integer codes for the kernels (see ``kernels.rows``)."""
    p = parameters
    n_points, n_layers, n_species = p.n_points, p.n_layers, p.n_species
    rows = np.empty((n_points, k.row_size(n_layers, n_species)))
    rows[:, k.TEMPERATURE] = p.temperature
    rows[:, k.TOLERANCE] = tolerance_V
    at, end = k.contact_start(n_layers), k.end_start(n_layers)
    rows[:, k.LAYER_START : at : k.LAYER_SIZE] = p.thickness
    rows[:, k.LAYER_START + 1 : at : k.LAYER_SIZE] = p.permittivity
    per_contact = rows[:, at:end].reshape(n_points, n_layers - 1, k.CONTACT_SIZE)
    per_contact[..., k.STEP] = p.contact_step
    per_contact[..., k.FIXED_AREAL_CHARGE] = p.contact_charge
    per_contact[..., k.PLANE_DENSITY] = per_contact[..., k.PLANE_ENERGY] = 0.0
    planes = np.zeros((n_layers - 1, k.PLANE_CODES))
    for plane in p.planes:
        per_contact[:, plane.contact, k.FIXED_AREAL_CHARGE] += np.nan_to_num(
            p.array("plane_background")[:, plane.contact]
        )
        per_contact[:, plane.contact, k.PLANE_DENSITY] = p.array("plane_density")[:, plane.contact]
        per_contact[:, plane.contact, k.PLANE_ENERGY] = np.nan_to_num(p.array("plane_energy")[:, plane.contact])
        planes[plane.contact] = 1 + plane.side, plane.species, plane.is_neutral
    rows[:, end : end + 2] = p.end_value
    if p.end_kind[0] == _FIXED_POTENTIAL:
        # The kernels count from the neutral bulk of the layer itself.
        rows[:, end] -= p.neutral_potential[:, 0] - p.neutral_potential[:, -1]
    species = rows[:, k.species_start(n_layers) :].reshape(n_points, n_layers, n_species, k.SPECIES_SIZE)
    for column, name in _SPECIES_COLUMNS:
        species[..., column] = p.array(name)
    species[..., k.VACANCY] = p.bulk_vacancy
    codes = np.empty(4 + 2 * n_layers * n_species + planes.size, dtype=np.int64)
    codes[0], codes[1], codes[2:4] = n_layers, n_species, p.end_kind
    laws = codes[4 : codes.size - planes.size]
    # Every pool is a law of its own to the kernels.
    laws[::2], laws[1::2] = (p.statistics + p.pools).ravel(), p.transport.ravel()
    codes[codes.size - planes.size :] = planes.ravel()
    return rows, codes


_READERS = {output.name: output.read for output in OUTPUTS if output.read is not None}


def unpack_scalars(rows: Rows) -> dict[str, Array]:
    """Return every observable of output rows, by name; NaN where a point has no answer."""
    return _without_failures({name: read(rows) for name, read in _READERS.items()}, rows)


class Observables(Mapping[str, Array]):
    """The same, each read when it is asked for: a chunk of a sweep writes two thirds of them.

    Parameters
    ----------
    rows : Rows
        The output rows and their points.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._read: dict[str, Array] = {}
        # A layer that does not exist is named before anything is read.
        _ = rows.counted

    def __getitem__(self, name: str) -> Array:
        found = self._read.get(name)
        if found is None:
            found = self._read[name] = _without_failures({name: _READERS[name](self._rows)}, self._rows)[name]
        return found

    def some(self, names: Iterable[str]) -> dict[str, Array]:
        """Return these, read together."""
        return _without_failures({name: _READERS[name](self._rows) for name in names}, self._rows)

    def __contains__(self, name: object) -> bool:
        return name in _READERS

    def __iter__(self) -> Iterator[str]:
        return iter(_READERS)

    def __len__(self) -> int:
        return len(_READERS)


def unpack_sensitivities(rows: Rows, slopes: Rows) -> dict[str, Array]:
    """Return the derivatives of observables with respect to one parameter, by name.

    Parameters
    ----------
    rows : Rows
        The output rows and their points.
    slopes : Rows
        Derivatives of both.

    Returns
    -------
    dict
        Arrays shaped like the observables, in their unit per SI unit of the parameter.
    """
    named = {}
    for output in OUTPUTS:
        if output.is_sensitive and output.read is not None:
            named[output.name] = output.read(slopes) if output.slope is None else output.slope(rows, slopes)
    return _without_failures(named, rows)


def _without_failures(named: dict[str, Array], rows: Rows) -> dict[str, Array]:
    """Return the values with NaN at points that have no answer; their status says why."""
    if not rows.all_answered:
        failed = ~rows.has_answer
        for name, values in named.items():
            if values.dtype.kind == "f":
                named[name] = np.where(failed.reshape(-1, *(1,) * (values.ndim - 1)), np.nan, values)
    return named


def profile_positions(parameters: StackParameters, profile_x: Sequence[Array]) -> tuple[Array, NDArray[np.int64]]:
    """Return distances from the faces for `kernels.sample.read_positions`, and where each layer starts in them."""
    parts = []
    for i, x in enumerate(profile_x):
        if i == 0 and parameters.n_layers > 1:
            parts.append(-np.asarray(x, dtype=float))
        else:
            parts.append(np.asarray(x, dtype=float) - float(x[0]))
    starts = np.concatenate([[0], np.cumsum([part.size for part in parts])]).astype(np.int64)
    return np.ascontiguousarray(np.concatenate(parts)), starts


def unpack_profiles(
    parameters: StackParameters, starts: NDArray[np.int64], y: Array, occupancy: Array, vacancy: Array
) -> tuple[dict[str, Array], ...]:
    """Split sampled profiles by layer; potentials in volts against the neutral bulk of the last layer."""
    p = parameters
    result = []
    for i in range(p.n_layers):
        part = slice(starts[i], starts[i + 1])
        neutral = p.neutral_potential[:, i] - p.neutral_potential[:, -1]
        fields = {"potential": y[:, part] * p.thermal_voltage[:, None] + neutral[:, None]}
        for name, values in (("occupancy", occupancy), ("vacancy", vacancy)):
            fields[name] = values[:, 0, part] if p.n_species == 1 else values[:, :, part]
        result.append(fields)
    return tuple(result)


def unpack_layers(state: Array, parameters: StackParameters) -> tuple[LayerProfile, ...]:
    """Return the nodes of the solve whose work array is `state`, layer by layer."""
    from ..kernels.sample import read_nodes
    from ..kernels.workspace import FIRST, STRIDE

    p = parameters
    row, codes = pack_rows(p, 1e-6)
    work = np.zeros(state.shape[0] * STRIDE)
    work.reshape(-1, STRIDE)[:, : state.shape[1]] = state
    first = state[FIRST, : p.n_layers + 1].astype(int)
    volt = float(p.thermal_voltage[0])
    left = -float(p.thickness[0, 0]) if p.n_layers > 1 else 0.0
    layers = []
    for i, name in enumerate(p.layer_names):
        n = 4 * (first[i + 1] - first[i]) + 1
        x, y = np.empty(n), np.empty(n)
        occupancy, vacancy = np.empty((p.n_species, n)), np.empty((p.n_species, n))
        read_nodes(work, row[0], codes, i, x, y, occupancy, vacancy)
        x += left
        left += float(p.thickness[0, i])
        if i == 0 and p.n_layers > 1:
            x[-1] = 0.0
        neutral = float(p.neutral_potential[0, i] - p.neutral_potential[0, -1])
        if p.n_species == 1:
            occupancy, vacancy = occupancy[0], vacancy[0]
        layers.append(LayerProfile(name, x, y * volt + neutral, occupancy, vacancy))
    return tuple(layers)
