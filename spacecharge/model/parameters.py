"""From a stack, or a stack and swept values, to the SI arrays that kernels and oracles take.

This is the one place where units are converted. Everything is arrays with a leading axis over the
points of a sweep, so that a hundred thousand points cost a few NumPy calls and no Python loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE, NM, PER_NM3
from ..errors import ModelError
from .bulk_levels import boundary_paths, bulk_levels
from .cores import with_followers
from .interpolation import pchip
from .layer import (
    ARRHENIUS_REFERENCE_K,
    END_KINDS,
    RANGES,
    SPECIES_KEYS,
    STATISTICS_NAMES,
    TRANSPORT_NAMES,
    Layer,
    Stack,
)
from .statistics import EndKind
from .values import Values

Array = NDArray[np.float64]


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
        [1], [m^-3], [1], [1]. ``bulk_vacancy`` is 1 - occupancy, carried on its own.
    interaction_occupied, interaction_vacancy : ndarray, shape (n_points, n_layers, n_species)
        J_occ and J_vac [J].
    diffusivity : ndarray, shape (n_points, n_layers, n_species)
        Bulk self-diffusivity at the temperature of the point [m2/s]; NaN where none is given.
    neutral_offset : ndarray, shape (n_points, n_layers)
        What the electrostatic potential of the neutral bulk has beside U: 0 but for cores and aligned bands [V].
    fermi_level : ndarray, shape (n_points, n_layers)
        Above the valence band edge, NaN where no defects say it [eV].
    statistics, transport : ndarray of int, shape (n_layers, n_species)
        Codes of :class:`~spacecharge.model.Statistics` and :class:`~spacecharge.model.Transport`.
    contact_charge, contact_dipole : ndarray, shape (n_points, n_layers - 1)
        [C m-2], [V].
    end_kind : ndarray of int, shape (2,)
        Codes of the left and right end (order of ``END_KINDS``).
    end_value : ndarray, shape (n_points, 2)
        [V] against the neutral bulk of the last layer, or [C m-2].
    invalid : ndarray of bool, shape (n_points,)
        Points whose swept values leave the allowed range; the other arrays hold NaN-free fill values there.
    reasons : tuple of str
        One line for each kind of problem behind `invalid`.
    layer_names, species_names : tuple
        Names, for messages and results; `species_names` are those of the layer with the most.
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
    transport: NDArray[np.int64]
    contact_charge: Array
    contact_dipole: Array
    end_kind: NDArray[np.int64]
    end_value: Array
    invalid: NDArray[np.bool_]
    reasons: tuple[str, ...]
    layer_names: tuple[str, ...]
    species_names: tuple[str, ...]

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
    def contact_names(self) -> tuple[str, ...]:
        """Names of the contacts, left to right; an end with a fixed potential or charge is one of them."""
        names = [f"{a}|{b}" for a, b in zip(self.layer_names, self.layer_names[1:], strict=False)]
        if self.end_kind[0] >= EndKind.ELECTROSTATIC_POTENTIAL:
            names.insert(0, f"left|{self.layer_names[0]}")
        if self.end_kind[1] >= EndKind.ELECTROSTATIC_POTENTIAL:
            names.append(f"{self.layer_names[-1]}|right")
        return tuple(names)

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
        return self.neutral_potential[:, :-1] - self.neutral_potential[:, 1:] + self.contact_dipole

    @property
    def neutral_potential(self) -> Array:
        """Electrostatic potential of each neutral bulk up to a constant, shape (n_points, n_layers) [V]."""
        return self.potential + self.neutral_offset

    @property
    def bulk_conductivity(self) -> Array:
        """Conductivity of each neutral bulk by species, NaN without a diffusivity, shape as `diffusivity` [S/m]."""
        charge = (self.charge_number * ELEMENTARY_CHARGE) ** 2 * self.site_density * self.bulk_occupancy
        return charge * self.diffusivity / (BOLTZMANN * self.temperature[:, None, None])


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
    temperature = values.get("temperature_K", stack.temperature_K)
    n_layers = len(stack.layers)
    species_of = [layer.species_items() for layer in stack.layers]
    n_species = max(len(s) for s in species_of)
    per_layer = (n_points, n_layers)
    per_species = (n_points, n_layers, n_species)
    thickness, permittivity, potential = np.empty(per_layer), np.empty(per_layer), np.empty(per_layer)
    arrays = {
        "charge_number": np.ones(per_species),
        "site_density": np.zeros(per_species),
        "bulk_occupancy": np.full(per_species, 0.5),
        "interaction_occupied": np.zeros(per_species),
        "interaction_vacancy": np.zeros(per_species),
        "diffusivity": np.full(per_species, np.nan),
        "bulk_vacancy": np.full(per_species, np.nan),
    }
    statistics = np.zeros((n_layers, n_species), dtype=np.int64)
    transport = np.zeros((n_layers, n_species), dtype=np.int64)
    for i, layer in enumerate(stack.layers):
        thickness[:, i] = values.get(f"{layer.name}.thickness_nm", layer.thickness_nm) * NM
        permittivity[:, i] = values.get(f"{layer.name}.permittivity", layer.permittivity)
        potential[:, i] = values.get(f"{layer.name}.potential_V", layer.potential_V)
        for k, (suffix, spec) in enumerate(species_of[i]):
            path = f"{layer.name}{suffix}"
            if layer.defects is None:
                _species(values, layer, path, spec, temperature, arrays, potential, (i, k))
            else:
                arrays["charge_number"][:, i, k] = spec["charge_number"]
                arrays["diffusivity"][:, i, k] = _diffusivity(
                    values, path, spec.get("diffusivity_m2_per_s"), temperature
                )
            statistics[i, k] = STATISTICS_NAMES.index(spec.get("statistics", "lattice"))
            transport[i, k] = TRANSPORT_NAMES.index(spec.get("transport", "constant"))
    fermi_level, neutral_offset = bulk_levels(stack, values, arrays, statistics, temperature, potential)
    n_contacts = n_layers - 1
    charge, dipole = np.zeros((n_points, n_contacts)), np.zeros((n_points, n_contacts))
    for c, contact in enumerate(stack.contacts):
        charge[:, c] = values.get(f"contacts.{c}.charge_C_per_m2", contact.charge_C_per_m2)
        dipole[:, c] = values.get(f"contacts.{c}.dipole_V", contact.dipole_V)
    end_kind = np.array([END_KINDS.index(stack.left.kind), END_KINDS.index(stack.right.kind)], dtype=np.int64)
    end_value = np.zeros((n_points, 2))
    for side, (label, end) in enumerate((("left", stack.left), ("right", stack.right))):
        if end.kind in RANGES:
            end_value[:, side] = values.get(f"ends.{label}.{end.kind}", end.value)
    unknown = sorted(set(over) - values.used)
    if unknown:
        raise ModelError("names no number of this stack that a sweep can vary", unknown[0])
    if not over and values.invalid.any():
        path, _, message = values.reasons[0].partition(": ")
        raise ModelError(message, path)
    occupancy, vacancy = arrays["bulk_occupancy"], arrays["bulk_vacancy"]
    names = max(stack.layers, key=lambda layer: len(layer.species_names)).species_names
    result = StackParameters(
        temperature=temperature,
        thickness=thickness,
        permittivity=permittivity,
        potential=potential,
        charge_number=arrays["charge_number"],
        site_density=arrays["site_density"],
        bulk_occupancy=occupancy,
        bulk_vacancy=np.where(np.isnan(vacancy), 1.0 - occupancy, vacancy),
        interaction_occupied=arrays["interaction_occupied"],
        interaction_vacancy=arrays["interaction_vacancy"],
        diffusivity=arrays["diffusivity"],
        neutral_offset=neutral_offset,
        fermi_level=fermi_level,
        statistics=statistics,
        transport=transport,
        contact_charge=charge,
        contact_dipole=dipole,
        end_kind=end_kind,
        end_value=end_value,
        invalid=values.invalid,
        reasons=tuple(values.reasons),
        layer_names=stack.names,
        species_names=tuple(names),
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
    temperature: Array,
    arrays: Mapping[str, Array],
    potential: Array,
    where: tuple[int, int],
) -> None:
    """Fill the entries of one species of one layer; its composition, if swept, sets the layer's potential."""
    i, k = where
    at = np.s_[:, i, k]
    arrays["charge_number"][at] = values.get(f"{path}.charge_number", spec.get("charge_number", 1.0))
    arrays["site_density"][at] = values.get(f"{path}.site_density_per_nm3", spec["site_density_per_nm3"]) * PER_NM3
    interaction = spec.get("interaction", {})
    for name in ("occupied", "vacancy"):
        energy = values.get(f"{path}.interaction.{name}_eV", interaction.get(f"{name}_eV", 0.0))
        arrays[f"interaction_{name}"][at] = energy * ELEMENTARY_CHARGE
    arrays["diffusivity"][at] = _diffusivity(values, path, spec.get("diffusivity_m2_per_s"), temperature)
    occupancy = values.get(f"{path}.occupancy", spec.get("occupancy"))
    by_composition = values.has(f"{path}.composition") or "composition" in spec
    if values.has(f"{path}.occupancy") or ("occupancy" in spec and not by_composition):
        arrays["bulk_occupancy"][at] = occupancy
        return
    ocv = spec.get("ocv")
    if ocv is None:
        raise ModelError("needs an ocv that ties it to potential and occupancy", f"{path}.composition")
    if by_composition:
        composition = values.get(f"{path}.composition", spec.get("composition"))
        arrays["bulk_occupancy"][at] = _tabulated(values, ocv, "composition", "occupancy", composition, path)
        if not values.has(f"{layer.name}.potential_V"):
            potential[:, i] = _tabulated(values, ocv, "composition", "potential_V", composition, path)
        return
    arrays["bulk_occupancy"][at] = _tabulated(values, ocv, "potential_V", "occupancy", potential[:, i], path)


def _diffusivity(values: Values, path: str, law: Any, temperature: Array) -> Array:
    """Return D at each point: a number, or an Arrhenius law ``D = D_ref exp[-(Ea/k)(1/T - 1/T_ref)]``."""
    path = f"{path}.diffusivity_m2_per_s"
    if values.has(path):
        return values.get(path, None)
    if not isinstance(law, Mapping):
        return values.get(path, law)
    value = values.get(f"{path}.value", law["value"])
    reference = values.get(f"{path}.at_K", law.get("at_K", ARRHENIUS_REFERENCE_K))
    barrier = values.get(f"{path}.activation_energy_eV", law.get("activation_energy_eV", 0.0))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        result = value * np.exp(-barrier * ELEMENTARY_CHARGE / BOLTZMANN * (1.0 / temperature - 1.0 / reference))
        bad = ~(np.isfinite(result) & (result > 0.0))
    if bad.any():
        values.mark(bad, f"{path}: the Arrhenius law leaves the range of numbers (allowed: above 0, finite)")
    return np.asarray(result)


def _tabulated(values: Values, ocv: Mapping[str, Any], x: str, y: str, at: Array, path: str) -> Array:
    """Return column `y` of the ocv against column `x`, by monotone cubic interpolation (PCHIP).

    F. N. Fritsch and J. Butland, SIAM J. Sci. Stat. Comput. 5, 300 (1984). No extrapolation.
    """
    knots, column = np.asarray(ocv[x], dtype=float), np.asarray(ocv[y], dtype=float)
    order = np.argsort(knots)
    knots, column = knots[order], column[order]
    # Swept values from linspace may miss the end knots by rounding: that is no extrapolation.
    slack = 1e-12 * max(1.0, float(np.abs(knots).max()))
    bad = ~((at >= knots[0] - slack) & (at <= knots[-1] + slack))
    if bad.any():
        values.mark(bad, f"{path}.{x}: {at[bad][0]:g} lies outside the ocv (allowed: {knots[0]:g} to {knots[-1]:g})")
    return pchip(knots, column, np.clip(np.where(bad, knots[0], at), knots[0], knots[-1]))


def _fill_invalid(parameters: StackParameters) -> None:
    """Overwrite the rows of invalid points by those of a harmless one, so that no NaN reaches a kernel."""
    bad = parameters.invalid
    fills = {"temperature": 298.15, "thickness": 1e-8, "permittivity": 10.0, "potential": 0.0}
    fills |= {"charge_number": 1.0, "site_density": 1e28, "bulk_occupancy": 0.5, "bulk_vacancy": 0.5}
    fills |= {"interaction_occupied": 0.0, "interaction_vacancy": 0.0, "diffusivity": np.nan}
    fills |= {"neutral_offset": 0.0, "fermi_level": np.nan}
    fills |= {"contact_charge": 0.0, "contact_dipole": 0.0, "end_value": 0.0}
    for name, fill in fills.items():
        getattr(parameters, name)[bad] = fill


def numeric_paths(stack: Stack) -> list[str]:
    """Return the dotted path of every number of the stack that a sweep or a sensitivity may vary.

    Parameters
    ----------
    stack : Stack
        The stack.

    Returns
    -------
    list of str
        Paths as :func:`stack_parameters` takes them.
    """
    paths = ["temperature_K"]
    for layer in stack.layers:
        paths += [f"{layer.name}.{key}" for key in ("thickness_nm", "permittivity")]
        if layer.potential_V is not None:
            paths.append(f"{layer.name}.potential_V")
        paths += boundary_paths(layer)
        for suffix, spec in layer.species_items():
            base = f"{layer.name}{suffix}"
            if layer.defects is None:
                keys = ["site_density_per_nm3", "charge_number"]
                keys += [key for key in ("occupancy", "composition") if key in spec and layer.core_of is None]
                paths += [f"{base}.{key}" for key in keys]
                paths += [f"{base}.interaction.{key}" for key in ("occupied_eV", "vacancy_eV")]
            law = spec.get("diffusivity_m2_per_s")
            if isinstance(law, Mapping):
                paths += [f"{base}.diffusivity_m2_per_s.{key}" for key in ("value", "at_K", "activation_energy_eV")]
            elif law is not None:
                paths.append(f"{base}.diffusivity_m2_per_s")
    for c in range(len(stack.contacts)):
        paths += [f"contacts.{c}.charge_C_per_m2", f"contacts.{c}.dipole_V"]
    for label, end in (("left", stack.left), ("right", stack.right)):
        if end.kind in RANGES:
            paths.append(f"ends.{label}.{end.kind}")
    return paths


def number_at(stack: Stack, path: str) -> float:
    """Return the number of a stack at a dotted path, in the unit of its key.

    Parameters
    ----------
    stack : Stack
        The stack.
    path : str
        One of :func:`numeric_paths`.

    Returns
    -------
    float
        Its value; defaults where the stack leaves it open.
    """
    head, _, tail = path.partition(".")
    if path == "temperature_K":
        return stack.temperature_K
    if head == "contacts":
        index, _, key = tail.partition(".")
        return float(getattr(stack.contacts[int(index)], key))
    if head == "ends":
        return float((stack.left if tail.startswith("left") else stack.right).value)
    found: Any = stack[head]
    if tail.startswith("defects."):
        found, tail = found.defects.data, tail.removeprefix("defects.")
    else:
        specs = {suffix.removeprefix("."): spec for suffix, spec in found.species_items()}
        name = ".".join(tail.split(".")[:2]) if tail.startswith("species.") else ""
        if name in specs:
            found, tail = specs[name], tail[len(name) + 1 :] if name else tail
            if not name and tail.split(".")[0] not in specs[""]:
                found = stack[head]
    for part in tail.split("."):
        found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
    if found is None:
        found = {"charge_number": 1.0, "at_K": ARRHENIUS_REFERENCE_K}.get(path.rsplit(".", 1)[-1], 0.0)
    return float(found)


__all__ = ["SPECIES_KEYS", "StackParameters", "number_at", "numeric_paths", "stack_parameters"]
