"""From a stack, or a stack and swept values, to the SI arrays that kernels and oracles take.

This is the one place where units are converted. Everything is arrays with a leading axis over the
points of a sweep, so that a hundred thousand points cost a few NumPy calls and no Python loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import EndKind, Statistics
from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..errors import ModelError
from .arrhenius import arrhenius
from .bulk_levels import bulk_levels
from .conduction import apply_conduction, apply_mobile_fraction, carrier_factor, conductivity_law
from .cores import follow_diffusivity, with_followers
from .interpolation import on_table
from .layer import Layer, Stack
from .numbers import NUMBERS, SPECIES, number_of
from .places import numeric_paths
from .plain import plain_numbers
from .planes import Plane, planes_of
from .pools import close_pools
from .values import Values

Array = NDArray[np.float64]

_PER_STACK = frozenset(
    {
        "statistics",
        "pools",
        "transport",
        "end_kind",
        "reasons",
        "layer_names",
        "layer_species",
        "core_of",
        "from_defects",
        "planes",
        "more",
    }
)
"""Fields of :class:`StackParameters` that are the same at every point, and `more`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackParameters:
    """Numbers of a stack in SI units, for every point of a sweep.

    Shapes use ``n_points`` (1 for a single solve), ``n_layers`` and ``n_species`` (the largest number
    in any layer; absent species have site density 0).

    Attributes
    ----------
    temperature : ndarray, shape (n_points,)
        [K]
    thickness, permittivity, potential : ndarray, shape (n_points, n_layers)
        [m], relative permittivity [1], equilibrium potential U [V].
    charge_number, site_density, bulk_occupancy, bulk_vacancy : ndarray, shape (n_points, n_layers, n_species)
        [1], [m^-3], [1], [1]. ``bulk_vacancy`` is 1 - occupancy, carried on its own; of a pool, its empty
        share; 1 in a band.
    interaction_occupied, interaction_vacancy : ndarray, shape (n_points, n_layers, n_species)
        J_occ and J_vac [J].
    diffusivity : ndarray, shape (n_points, n_layers, n_species)
        Bulk self-diffusivity at the temperature of the point [m2/s]; NaN where none is given.
    neutral_offset : ndarray, shape (n_points, n_layers)
        What the electrostatic potential of the neutral bulk has beside U: 0 but for cores and aligned bands [V].
    fermi_level : ndarray, shape (n_points, n_layers)
        Above the valence band edge, NaN where no defects say it [eV].
    statistics, transport : ndarray of int, shape (n_layers, n_species)
        Codes of :class:`~spacecharge.codes.Statistics` and :class:`~spacecharge.codes.Transport`.
    pools : ndarray of int, shape (n_layers, n_species)
        Of species with statistics ``pool``: which of the layer's pools of sites they share; else 0.
    contact_charge, contact_dipole : ndarray, shape (n_points, n_layers - 1)
        [C m-2], [V].
    end_kind : ndarray of int, shape (2,)
        :class:`~spacecharge.codes.EndKind` of the left and right end.
    end_value : ndarray, shape (n_points, 2)
        [V] against the neutral bulk of the last layer, or [C m-2].
    invalid : ndarray of bool, shape (n_points,)
        Points whose swept values leave the allowed range; the other arrays hold NaN-free fill values there.
    reasons : tuple of str
        One line for each kind of problem behind `invalid`.
    layer_names, layer_species : tuple
        Names of the layers, and of the species of each, for messages and results.
    core_of : tuple of int
        Per layer, the layer whose core it is, or -1.
    from_defects : tuple of bool
        Per layer, whether its carriers follow from defects.
    planes : tuple of Plane
        Planes of sites in the contacts.
    more : dict of str to ndarray
        Arrays of numbers that the table declares and that have no field here, shaped like those of their scope; read
        them by :meth:`array`.
    """

    temperature: Array
    thickness: Array
    permittivity: Array
    potential: Array
    charge_number: Array
    site_density: Array
    bulk_occupancy: Array
    bulk_vacancy: Array
    interaction_occupied: Array
    interaction_vacancy: Array
    diffusivity: Array
    neutral_offset: Array
    fermi_level: Array
    statistics: NDArray[np.int64]
    pools: NDArray[np.int64]
    transport: NDArray[np.int64]
    contact_charge: Array
    contact_dipole: Array
    end_kind: NDArray[np.int64]
    end_value: Array
    invalid: NDArray[np.bool_]
    reasons: tuple[str, ...]
    layer_names: tuple[str, ...]
    layer_species: tuple[tuple[str, ...], ...]
    core_of: tuple[int, ...] = ()
    from_defects: tuple[bool, ...] = ()
    planes: tuple[Plane, ...] = ()
    more: dict[str, Array] = field(default_factory=dict)

    def array(self, name: str) -> Array:
        """Return the array of this name: a field, or one of `more`."""
        found: Array = self.more[name] if name in self.more else getattr(self, name)
        return found

    def over_points(self) -> dict[str, NDArray[Any]]:
        """Return every array with an axis over the points, by name."""
        return {name: getattr(self, name) for name in _OVER_POINTS} | self.more

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]], **changes: Any) -> StackParameters:
        """Return a copy with these arrays over points in place of its own."""
        own: dict[str, Any] = {name: values for name, values in arrays.items() if name not in self.more}
        return replace(self, **own, more={name: arrays[name] for name in self.more}, **changes)

    @property
    def n_points(self) -> int:
        """Number of points."""
        return int(self.temperature.shape[0])

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return int(self.thickness.shape[1])

    @property
    def n_species(self) -> int:
        """Largest number of species in a layer."""
        return int(self.site_density.shape[2])

    @property
    def species_names(self) -> tuple[str, ...]:
        """Names of the species of the layer with the most."""
        return max(self.layer_species, key=len)

    @property
    def contact_names(self) -> tuple[str, ...]:
        """Names of the contacts, left to right; an end with a fixed potential or charge is one of them."""
        names = [f"{a}|{b}" for a, b in zip(self.layer_names, self.layer_names[1:], strict=False)]
        left, right = self.end_contacts
        return (
            *((f"left|{self.layer_names[0]}",) if left else ()),
            *names,
            *((f"{self.layer_names[-1]}|right",) if right else ()),
        )

    @property
    def end_contacts(self) -> tuple[bool, bool]:
        """Whether the left and the right end count as contacts."""
        left, right = self.end_kind.tolist()
        return left in _CONTACTS, right in _CONTACTS

    @property
    def contact_planes(self) -> slice:
        """Contacts among the planes: left end, inner contacts, right end."""
        left, right = self.end_contacts
        return slice(0 if left else 1, self.n_layers + 1 if right else self.n_layers)

    @property
    def thermal_voltage(self) -> Array:
        """``kT/e``, shape (n_points,) [V]."""
        return BOLTZMANN * self.temperature / ELEMENTARY_CHARGE

    @property
    def contact_step(self) -> Array:
        """``v_right - v_left`` at each inner contact, shape (n_points, n_layers - 1) [V].

        v is the potential against the neutral bulk of its own layer, so the step is the difference of the neutral
        potentials, left minus right (``U_left - U_right`` between two grains), plus the dipole.
        """
        neutral = self.neutral_potential
        return neutral[:, :-1] - neutral[:, 1:] + self.contact_dipole

    @property
    def neutral_potential(self) -> Array:
        """Electrostatic potential of each neutral bulk up to a constant, shape (n_points, n_layers) [V].

        A bias lifts all layers left of its contact.
        """
        bias = self.more["contact_bias"]
        if not bias.any():
            return self.potential + self.neutral_offset
        lifted = np.zeros_like(self.potential)
        lifted[:, :-1] = np.cumsum(bias[:, ::-1], axis=1)[:, ::-1]
        return self.potential + self.neutral_offset + lifted

    @property
    def partial_conductivity(self) -> Array:
        """Conductivity of each neutral bulk by species, NaN without a diffusivity, shape as `diffusivity` [S/m]."""
        needed = ("charge_number", "site_density", "bulk_occupancy", "temperature")
        return carrier_factor({name: getattr(self, name) for name in needed}) * self.diffusivity


_LAWS = tuple(row for row in SPECIES if row.array and row.rule == "law")
_OWN = frozenset(f.name for f in fields(StackParameters))
_OVER_POINTS = tuple(f.name for f in fields(StackParameters) if f.name not in _PER_STACK)
_CONTACTS = frozenset(int(kind) for kind in EndKind if kind.is_contact)
"""Codes of ends that are contacts: looked up, members of an enumeration are slow to make."""


def stack_parameters(stack: Stack, overrides: Mapping[str, ArrayLike] | None = None) -> StackParameters:
    """Return the SI arrays of a stack, optionally with some of its numbers swept.

    Parameters
    ----------
    stack : Stack
        The stack at its base point.
    overrides : mapping of str to array_like, optional
        Values per point by dotted path, in the unit of the key: ``{"electrode.potential_V": [...]}``.
        All of one length. Paths are those of the YAML file below ``layers``, and ``temperature_K``,
        ``contacts.0.charge_C_per_m2``, ``ends.left.electrostatic_potential_V``.

    Returns
    -------
    StackParameters
        With ``n_points`` equal to the length of the overrides, or 1.

    Raises
    ------
    ModelError
        An override names no number of the stack. A value out of range raises for a stack
        without overrides, and marks the point as invalid with them.
    """
    if overrides is None and "parameters" in stack.cache:
        cached: StackParameters = stack.cache["parameters"]
        return cached
    over = {path: np.atleast_1d(np.asarray(v, dtype=float)) for path, v in (overrides or {}).items()}
    over = with_followers(stack.layers, over)
    n_points = max((v.size for v in over.values()), default=1)
    values = Values(over, n_points)
    plain = plain_numbers(stack)
    arrays = plain.arrays(values)
    statistics, transport = plain.statistics.copy(), plain.transport.copy()
    for i, layer in enumerate(stack.layers):
        for k, (suffix, spec) in enumerate(plain.species[i]):
            _species(values, layer, f"{layer.name}{suffix}", spec, arrays, (i, k))
    # Carriers of a band stand on no sites: n/N_c may exceed 1, and nothing is vacant.
    arrays["bulk_vacancy"] = 1.0 - arrays["bulk_occupancy"]
    if plain.has_bands:
        arrays["bulk_vacancy"][:, statistics == Statistics.FERMI_DIRAC] = 1.0
    apply_mobile_fraction(arrays)
    pools = plain.pools.copy()
    close_pools(stack.layers, values, arrays, statistics, pools)
    fermi_level, neutral_offset = bulk_levels(stack, values, arrays, statistics, pools)
    unknown = sorted(set(over) - values.used)
    if unknown:
        raise ModelError("names no number of this stack that a sweep can vary", unknown[0])
    if not over and values.invalid.any():
        path, message = values.reasons[0]
        raise ModelError(message, path)
    apply_conduction(arrays)
    follow_diffusivity(stack.layers, over, arrays)
    for side in plain.metals:
        # Level with the layers as two of them are with each other: phi_metal - phi_last = U_metal - U_last.
        arrays["end_value"][:, side] -= arrays["potential"][:, -1] + neutral_offset[:, -1]
    own = _OWN
    result = StackParameters(
        **{name: array for name, array in arrays.items() if name in own},
        neutral_offset=neutral_offset,
        fermi_level=fermi_level,
        statistics=statistics,
        pools=pools,
        transport=transport,
        end_kind=plain.end_kind.copy(),
        invalid=values.invalid,
        reasons=tuple(f"{path}: {message}" for path, message in values.reasons),
        layer_names=stack.names,
        layer_species=tuple(layer.species_names for layer in stack.layers),
        core_of=tuple(-1 if layer.core_of is None else stack.names.index(layer.core_of) for layer in stack.layers),
        planes=planes_of(stack.layers, stack.contacts),
        from_defects=tuple(layer.defects is not None for layer in stack.layers),
        more={name: array for name, array in arrays.items() if name not in own},
    )
    if values.invalid.any():
        _fill_invalid(result)
    if overrides is None:
        stack.cache["parameters"] = result
    return result


def _species(
    values: Values,
    layer: Layer,
    path: str,
    spec: Mapping[str, Any],
    arrays: Mapping[str, Array],
    where: tuple[int, int],
) -> None:
    """Fill what of one species is no plain number; its composition, if swept, sets the layer's potential."""
    at = np.s_[:, where[0], where[1]]
    for row in _LAWS:
        if row.key in spec or values.has(f"{path}.{row.key}"):
            law = _law(values, f"{path}.{row.key}", spec.get(row.key), arrays["temperature"])
            arrays[row.array][at] = law * row.unit.factor
    if layer.defects is None:
        # Else sites and occupancies follow from the defects, for all species at once.
        _bulk_occupancy(values, layer, path, spec, arrays, where)


def _bulk_occupancy(
    values: Values,
    layer: Layer,
    path: str,
    spec: Mapping[str, Any],
    arrays: Mapping[str, Array],
    where: tuple[int, int],
) -> None:
    """Fill the bulk occupancy of a species: given, or by its ocv from a composition or potential."""
    at, i = np.s_[:, where[0], where[1]], where[0]
    number = number_of("occupancy").under(spec.get("statistics"))
    occupancy = values.get(f"{path}.occupancy", spec.get("occupancy"), number)
    by_composition = values.has(f"{path}.composition") or "composition" in spec
    if values.has(f"{path}.occupancy") or ("occupancy" in spec and not by_composition):
        arrays["bulk_occupancy"][at] = occupancy
        return
    ocv = spec.get("ocv")
    if ocv is None:
        raise ModelError("needs an ocv that ties it to potential and occupancy", f"{path}.composition")
    potential = arrays["potential"]
    if by_composition:
        composition = values.get(f"{path}.composition", spec.get("composition"))
        arrays["bulk_occupancy"][at] = _tabulated(values, ocv, "composition", "occupancy", composition, path)
        if not values.has(f"{layer.name}.potential_V"):
            potential[:, i] = _tabulated(values, ocv, "composition", "potential_V", composition, path)
        return
    arrays["bulk_occupancy"][at] = _tabulated(values, ocv, "potential_V", "occupancy", potential[:, i], path)


def law_parts(path: str, law: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    """Return path and base value of the parts of an Arrhenius law, by the last part of their key."""
    return {key: (f"{path}.{key}", law.get(key, default)) for key, default in _parts_of(path.rpartition(".")[2])}


@cache
def _parts_of(law: str) -> tuple[tuple[str, float | None], ...]:
    """Return the parts of a law by the last part of their key, with their defaults."""
    rows = [row for row in SPECIES if row.is_part and row.key.rpartition(".")[0] == law]
    return tuple((row.key.rpartition(".")[2], row.default) for row in rows)


def _law(values: Values, path: str, law: Any, temperature: Array) -> Array:
    """Return a number that may follow an Arrhenius law, at each point, in the unit of its key."""
    if values.has(path) or not isinstance(law, Mapping):
        return values.get(path, None if isinstance(law, Mapping) else law)
    parts = {key: values.plain(at, base) for key, (at, base) in law_parts(path, law).items()}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if number_of(path).array == "given_conductivity":
            result = conductivity_law(parts, temperature, law)
        else:
            result = arrhenius(parts["value"], parts["activation_energy_eV"], temperature, parts["at_K"])
        bad = ~(np.isfinite(result) & (result > 0.0))
    if bad.any():
        values.mark(bad, path, "the Arrhenius law leaves the range of numbers (allowed: above 0, finite)")
    return result


def _tabulated(values: Values, ocv: Mapping[str, Any], x: str, y: str, at: Array, path: str) -> Array:
    """Return :func:`tabulated` with the points outside marked, and the first entry of the table there."""
    found, low, high, first = on_table(ocv, x, y, at)
    bad = np.isnan(found)
    if bad.any():
        values.mark(bad, f"{path}.{x}", f"{at[bad][0]:g} lies outside the ocv (allowed: {low:g} to {high:g})")
    return np.where(bad, first, found)


def _fill_invalid(parameters: StackParameters) -> None:
    """Overwrite the rows of invalid points by those of a harmless one, so that no NaN reaches a kernel."""
    bad = parameters.invalid
    for row in NUMBERS:
        if row.array:
            parameters.array(row.array)[bad] = row.fill
    parameters.bulk_vacancy[bad] = 1.0 - parameters.bulk_occupancy[bad]
    parameters.neutral_offset[bad] = 0.0
    parameters.fermi_level[bad] = np.nan


__all__ = ["StackParameters", "law_parts", "numeric_paths", "stack_parameters"]
