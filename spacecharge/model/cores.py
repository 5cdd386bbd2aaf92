"""Grain-boundary cores: what they take from their grain, and the neutral bulk that the two of them share a level with.

A species of a core is level with the neutral bulk of its grain, shifted by its segregation energy:
``g_s(theta) = g_s(theta_b,grain) - [E_seg + z e (phi - phi_grain)]/kT``. The core's own sites and background make it
neutral at one potential, which is the root of a falling function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codes import Statistics
from ..constants import PER_NM3
from ..errors import ModelError
from .conduction import MOBILITIES
from .layer import Contact, Layer
from .numbers import SPECIES
from .species_keys import MOBILITY_KEYS, SPECIES_KEYS, check_own, check_species
from .statistics import log_odds, of_log_odds, thermodynamic_slope

Array = NDArray[np.float64]

LARGEST = 700.0
"""Reduced potentials are searched up to this; exp stays finite."""


def defects_of(layer: Layer) -> Any:
    """Return what a layer's ``defects`` mean; errors name the key."""
    from ..defect_chemistry.layers import layer_defects

    try:
        return layer_defects(layer.defects)
    except ModelError as error:
        path = f"{layer.label}.defects.{error.path}" if error.path else f"{layer.label}.defects"
        raise ModelError(error.message, path) from None


def check_boundary_keys(layer: Layer) -> None:
    """Check the keys that defects and grain-boundary cores add; raises ModelError naming the key."""
    label = layer.label
    if layer.core_of is None:
        if layer.background_charge_e_per_nm3 is not None:
            raise ModelError("belongs to a core (core_of)", f"{label}.background_charge_e_per_nm3")
        for suffix, spec in layer.species_items():
            if _OF_CORES in spec:
                raise ModelError("belongs to a core (core_of)", f"{label}{suffix}.{_OF_CORES}")
    elif layer.ionisation_potential_eV is not None:
        raise ModelError("a core is level with its grain and has none of its own", f"{label}.ionisation_potential_eV")
    if layer.defects is None:
        if layer.ionisation_potential_eV is not None:
            raise ModelError("needs defects, which say where the Fermi level is", f"{label}.ionisation_potential_eV")
        return
    given = [key for key in SPECIES_KEYS if getattr(layer, key) is not None]
    if given:
        raise ModelError("stands beside defects, which say it; diffusivities go into species", f"{label}.{given[0]}")
    names = [s.name for s in layer.defects.species]
    allowed: tuple[str, ...] = (*MOBILITY_KEYS, "component")
    if layer.core_of is not None:
        allowed += (_OF_CORES, "site_density_per_nm3")
    for name, keys in (layer.species or {}).items():
        path = f"{label}.species.{name}"
        if name not in names:
            raise ModelError(f"no such species of the defects (known: {', '.join(names)})", path)
        for key in keys:
            if key not in allowed:
                raise ModelError(f"the defects say it (allowed here: {', '.join(allowed)})", f"{path}.{key}")
        for row in SPECIES:
            if row.key in allowed and row.key in keys:
                check_own(row, keys, path, layer)


def check_level_electrons(layers: Sequence[Layer], contacts: Sequence[Contact]) -> None:
    """Refuse ``electrons: level`` where it cannot be met.

    Raises
    ------
    ModelError
        The layers have different potentials, or do not know their bands.
    """
    for c, contact in enumerate(contacts):
        if contact.electrons != "level":
            continue
        path = f"contacts.{c}.electrons"
        left, right = layers[c], layers[c + 1]
        if left.core_of is not None or right.core_of is not None:
            raise ModelError("a core is level with its grain in everything: leave it out", path)
        for layer in (left, right):
            if layer.ionisation_potential_eV is None:
                raise ModelError(
                    f"level needs ionisation_potential_eV of {layer.name}: the bands decide the step", path
                )
            if not layer.defects.electronic_carriers:
                raise ModelError(f"level needs electronic_carriers of {layer.name}: nothing there crosses", path)
        if left.potential_V != right.potential_V:
            raise ModelError(
                f"level needs one potential_V for both layers (got {left.potential_V:g} and {right.potential_V:g} V): "
                "with ions and electrons level, lithium is level, and two potentials are two levels of lithium",
                path,
            )


def filled_cores(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers with every core completed by what its grain says.

    Raises
    ------
    ModelError
        The grain is not there, or is a core itself, or has no such species.
    """
    by_name = {layer.name: layer for layer in layers}
    filled = []
    for layer in layers:
        if layer.core_of is None:
            filled.append(layer)
            continue
        grain = by_name.get(layer.core_of)
        if grain is None or grain.core_of is not None:
            known = ", ".join(name for name, other in by_name.items() if other.core_of is None)
            raise ModelError(f"{layer.core_of!r} is no grain of this stack (known: {known})", f"{layer.name}.core_of")
        filled.append(_filled(layer, grain))
    return tuple(filled)


def _filled(core: Layer, grain: Layer) -> Layer:
    """Return a core with the keys of its grain where it has none of its own."""
    changes: dict[str, Any] = {
        key: getattr(grain, key)
        for key in ("permittivity", "potential_V", "composition", "ocv")
        if getattr(core, key) is None and getattr(grain, key) is not None
    }
    if core.potential_V is not None and core.potential_V != grain.potential_V:
        raise ModelError("is the grain's: a core is level with it", f"{core.name}.potential_V")
    names = dict(grain.species_items())
    changes["own_keys"] = _own_keys(core) if core.own_keys is None else core.own_keys
    if grain.species is None and grain.defects is None:
        if core.species is not None:
            raise ModelError(f"the grain {grain.name} has one species without a name", f"{core.name}.species")
        single = grain.species_items()[0][1]
        changes |= {k: v for k, v in single.items() if getattr(core, k) is None and k not in MOBILITY_KEYS}
        filled = core.replace(**changes)
        check_species(filled.species_items()[0][1], filled.name, filled)
        return filled
    given = [key for key in SPECIES_KEYS if getattr(core, key) is not None]
    if given:
        raise ModelError(f"the grain {grain.name} has several species: it goes into species", f"{core.name}.{given[0]}")
    known = [suffix.rpartition(".species.")[2] for suffix in names]
    own: dict[str, Mapping[str, Any]] = dict(core.species or {})
    for name in own:
        if name not in known:
            message = f"no such species of the grain {grain.name} (known: {', '.join(known)})"
            raise ModelError(message, f"{core.name}.species.{name}")
    if grain.defects is not None:
        return core.replace(**changes, defects=grain.defects)
    species = {
        name: {k: v for k, v in names[f".species.{name}"].items() if k not in MOBILITY_KEYS} | dict(own.get(name, {}))
        for name in known
    }
    filled = core.replace(**changes, species=species)
    for suffix, spec in filled.species_items():
        check_species(spec, f"{filled.name}{suffix}", filled)
    return filled


_OF_CORES = "segregation_energy_eV"
_FOLLOWED = {"permittivity"} | {
    row.key.partition(".")[0]
    for row in SPECIES
    if row.rule in ("plain", "law") and row.array not in ("", *MOBILITIES) and row.key != _OF_CORES
}
"""Keys of a grain that its core follows in a sweep, unless it has them itself."""


def follow_diffusivity(layers: Sequence[Layer], overrides: Mapping[str, Array], arrays: Mapping[str, Array]) -> None:
    """Give species of cores without a mobility of their own the diffusivity that they have in the grain."""
    names = [layer.name for layer in layers]
    for i, layer in enumerate(layers):
        if layer.core_of is not None:
            for k, (suffix, spec) in enumerate(layer.species_items()):
                swept = [path for path in overrides if path.startswith(f"{layer.name}{suffix}.")]
                if not any(key in spec or any(f".{key}" in path for path in swept) for key in MOBILITY_KEYS):
                    arrays["diffusivity"][:, i, k] = arrays["diffusivity"][:, names.index(layer.core_of), k]


def _own_keys(core: Layer) -> frozenset[str]:
    """Return what the user gave for a core: keys, and ``species.NAME.key``."""
    keys = {key for key in ("permittivity", *SPECIES_KEYS) if getattr(core, key) is not None}
    keys |= {f"species.{name}.{key}" for name, spec in (core.species or {}).items() for key in spec}
    return frozenset(keys)


def with_followers(layers: Sequence[Layer], overrides: Mapping[str, Array]) -> dict[str, Array]:
    """Return swept values, those that a core follows its grain in added.

    Parameters
    ----------
    layers : sequence of Layer
        Of a stack.
    overrides : mapping of str to ndarray
        Values by dotted path.

    Returns
    -------
    dict
        With a path of the core for every path of its grain that the core has no number of its own for.
    """
    over = dict(overrides)
    for layer in layers:
        if layer.core_of is None:
            continue
        prefix = f"{layer.core_of}."
        for path, value in overrides.items():
            if path.startswith(f"{layer.name}.") and path.endswith((".occupancy", ".composition", ".potential_V")):
                raise ModelError("follows from the grain of the core", path)
            tail = path.removeprefix(prefix)
            key = tail.split(".")[2] if tail.startswith("species.") else tail.split(".")[0]
            own = tail[: tail.index(key) + len(key)]
            if path.startswith(prefix) and key in _FOLLOWED and own not in (layer.own_keys or ()):
                over.setdefault(f"{layer.name}.{tail}", value)
    return over


@dataclass(frozen=True, slots=True)
class CoreBulk:
    """The neutral bulk of a core, at every point of a sweep.

    Attributes
    ----------
    potential : ndarray, shape (n_points,)
        Its neutral potential against that of the grain, in kT/e [1].
    occupancy, vacancy : ndarray, shape (n_points, n_species)
        [1].
    problems : list of (ndarray of bool, str)
        Points without a neutral bulk, and why.
    """

    potential: Array
    occupancy: Array
    vacancy: Array
    problems: list[tuple[NDArray[np.bool_], str]]


def core_bulk(
    charge_number: Array,
    site_density: Array,
    energies: Array,
    grain: tuple[Array, Array],
    interaction: tuple[Array, Array],
    laws: Sequence[int],
    pools: Sequence[NDArray[np.int64]],
    background: Array,
) -> CoreBulk:
    """Return the neutral bulk of a core.

    Parameters
    ----------
    charge_number, site_density : ndarray, shape (n_points, n_species)
        z [1] and the core's own N [m^-3].
    energies : ndarray, shape (n_points, n_species)
        Segregation energies in kT [1].
    grain : pair of ndarray, shape (n_points, n_species)
        Occupancy and vacancy of the grain's bulk [1].
    interaction : pair of ndarray, shape (n_points, n_species)
        J_occ/kT and J_vac/kT [1], the same in core and grain.
    laws : sequence of int
        Statistics per species.
    pools : sequence of ndarray of int
        Species that share their sites, pool by pool.
    background : ndarray, shape (n_points,)
        Fixed charge [m^-3].

    Returns
    -------
    CoreBulk
        Problems where there is none; the numbers there mean nothing.
    """
    n_points, n_species = charge_number.shape
    problems: list[tuple[NDArray[np.bool_], str]] = []
    u_of_grain = np.empty_like(charge_number)
    for s in range(n_species):
        u_of_grain[:, s] = log_odds(laws[s], grain[0][:, s], grain[1][:, s])
    bad = _unstable(interaction, laws)
    if bad.any():
        problems.append((bad, "attraction makes the chemical potential fall somewhere: a core needs one branch"))
    limited = np.array([Statistics(law).has_vacancies for law in laws])
    reach = np.where(limited, np.abs(charge_number) * site_density, np.inf)
    for sign, word in ((1.0, "negative"), (-1.0, "positive")):
        # Charge of one sign in the background needs the other sign on the sites.
        held = np.where(charge_number * sign < 0.0, reach, 0.0)
        for shared in pools:
            # The sites of a pool are filled by one state, that of the largest charge.
            held[:, shared[0]] = held[:, shared].max(axis=1)
            held[:, shared[1:]] = 0.0
        most = held.sum(axis=1)
        over = sign * background >= most
        over &= sign * background > 0.0
        if over.any():
            problems.append((over, _too_much(background[over][0], most[over][0], word)))

    def occupancies(y: Array) -> tuple[Array, Array]:
        u = u_of_grain - energies - charge_number * y[:, None]
        theta, vacancy = np.empty_like(u), np.empty_like(u)
        for s in range(n_species):
            start = u_of_grain[:, s], grain[0][:, s], grain[1][:, s]
            j = interaction[0][:, s], interaction[1][:, s]
            theta[:, s], vacancy[:, s] = _occupancy(u[:, s], laws[s], start, j)
        for shared in pools:
            weights = np.concatenate([np.zeros((n_points, 1)), u[:, shared]], axis=1)
            weights = np.exp(weights - weights.max(axis=1, keepdims=True))
            shares = weights / weights.sum(axis=1, keepdims=True)
            theta[:, shared], vacancy[:, shared] = shares[:, 1:], shares[:, :1]
        return theta, vacancy

    low, high = np.full(n_points, -LARGEST), np.full(n_points, LARGEST)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(70):
            middle = 0.5 * (low + high)
            positive = _excess(charge_number, site_density, background, occupancies(middle)[0]) > 0.0
            low, high = np.where(positive, middle, low), np.where(positive, high, middle)
        y = 0.5 * (low + high)
        theta, vacancy = occupancies(y)
    stuck = np.abs(y) > LARGEST - 1.0
    if stuck.any():
        problems.append((stuck, "no potential makes the core neutral: no mobile charge can balance its background"))
    return CoreBulk(y, np.maximum(theta, 1e-300), np.maximum(vacancy, 1e-300), problems)


def _too_much(background: float, most: float, word: str) -> str:
    return (
        f"a background of {background / PER_NM3:.6g} e/nm3 cannot be balanced: its sites hold at the most "
        f"{most / PER_NM3:.6g} e/nm3 of {word} charge"
    )


def _excess(z: Array, sites: Array, background: Array, theta: Array) -> Array:
    """Return positive minus negative charge [m^-3]; each sign is summed apart."""
    charge = z * sites * theta
    positive = np.where(charge > 0.0, charge, 0.0).sum(axis=1) + np.maximum(background, 0.0)
    negative = np.where(charge < 0.0, -charge, 0.0).sum(axis=1) + np.maximum(-background, 0.0)
    return np.asarray(positive - negative)


def _unstable(interaction: tuple[Array, Array], laws: Sequence[int]) -> NDArray[np.bool_]:
    """Say at which points an attraction ends the branch of rising chemical potential."""
    occ, vac = interaction
    bad = np.zeros(occ.shape[0], dtype=bool)
    theta = 1.0 / (1.0 + np.exp(-np.linspace(-25.0, 25.0, 2001)))
    for s in range(occ.shape[1]):
        for p in np.flatnonzero((occ[:, s] < 0.0) | (vac[:, s] < 0.0)):
            limited = Statistics(laws[s]).has_vacancies
            bad[p] |= not limited or thermodynamic_slope(theta, float(occ[p, s]), float(vac[p, s])).min() <= 0.0
    return bad


def _occupancy(
    target: Array, law: int, start: tuple[Array, Array, Array], j: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Return theta and 1 - theta where ``u + mu_int = target + mu_int,b``, u as in `log_odds`."""
    occ, vac = j
    if not occ.any() and not vac.any():
        return of_log_odds(law, target)

    def potential(theta: Array, vacancy: Array) -> Array:
        value = occ * np.cbrt(theta)
        return np.asarray((4.0 / 3.0) * (value - vac * np.cbrt(vacancy)))

    wanted = target + potential(start[1], start[2])
    low, high = np.full_like(target, -2.0 * LARGEST), np.full_like(target, 2.0 * LARGEST)
    for _ in range(80):
        u = 0.5 * (low + high)
        theta, vacancy = of_log_odds(law, u)
        below = u + potential(theta, vacancy) < wanted
        low, high = np.where(below, u, low), np.where(below, high, u)
    return of_log_odds(law, 0.5 * (low + high))
