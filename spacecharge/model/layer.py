"""Layers, contacts, ends and stacks as the user writes them: one field per YAML key, units in the names.

The fields keep the units of their names (nm, eV, nm^-3); :func:`spacecharge.model.stack_parameters`
converts them to SI once, for one point or for all points of a sweep at the same time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..errors import ModelError

ARRHENIUS_REFERENCE_K = 298.15
"""Temperature at which a diffusivity holds when ``at_K`` is not given [K]."""

SPECIES_KEYS = (
    "site_density_per_nm3",
    "occupancy",
    "composition",
    "charge_number",
    "interaction",
    "diffusivity_m2_per_s",
    "transport",
    "statistics",
    "ocv",
)
"""Keys of a layer that belong to one species; with several species they stand in ``species:``."""

RANGES: dict[str, tuple[float, float]] = {
    "thickness_nm": (1e-3, 1e8),
    "potential_V": (-20.0, 20.0),
    "permittivity": (1.0, 1e7),
    "site_density_per_nm3": (1e-9, 1e4),
    "occupancy": (0.0, 1.0),
    "composition": (-100.0, 100.0),
    "charge_number": (-10.0, 10.0),
    "occupied_eV": (-10.0, 10.0),
    "vacancy_eV": (-10.0, 10.0),
    "diffusivity_m2_per_s": (1e-60, 1.0),
    "value": (1e-60, 1.0),
    "at_K": (1.0, 5000.0),
    "activation_energy_eV": (-5.0, 10.0),
    "temperature_K": (1.0, 5000.0),
    "electrostatic_potential_V": (-20.0, 20.0),
    "surface_charge_C_per_m2": (-100.0, 100.0),
    "charge_C_per_m2": (-100.0, 100.0),
    "dipole_V": (-20.0, 20.0),
}
"""Allowed range of every physical number, in the unit of its name (bounds included where finite and
physical; occupancy, permittivity and thickness exclude their lower bound by the checks below)."""

TOLERANCE_RANGE_V = (1e-11, 1e-2)
"""Allowed error of a contact potential [V]: below, rounding decides (2e-12 V at a step of 5 V)."""

TRANSPORT_NAMES = ("constant", "vacancy")
STATISTICS_NAMES = ("lattice", "dilute")
END_KINDS = ("zero_field", "bulk", "electrostatic_potential_V", "surface_charge_C_per_m2")


def check_number(value: object, key: str, path: str) -> float:
    """Return `value` as a float inside the allowed range of `key`, or say what is wrong.

    Parameters
    ----------
    value : object
        What the user gave.
    key : str
        Entry of :data:`RANGES`.
    path : str
        Dotted path for the message.

    Returns
    -------
    float
        The number, unchanged.

    Raises
    ------
    ModelError
        If it is no finite number or outside the range.
    """
    low, high = RANGES[key]
    if isinstance(value, bool) or (not isinstance(value, (int, float)) and not hasattr(value, "__float__")):
        raise ModelError(f"a number is needed, got {value!r} (allowed: {low:g} to {high:g})", path)
    number = float(value)
    if not math.isfinite(number) or not low <= number <= high:
        raise ModelError(f"{number:g} is out of range (allowed: {low:g} to {high:g})", path)
    if key == "occupancy" and not 0.0 < number < 1.0:
        raise ModelError(f"{number:g} is out of range (allowed: above 0 and below 1)", path)
    if key == "charge_number" and number == 0.0:
        raise ModelError("a mobile species must carry charge (allowed: -10 to 10, not 0)", path)
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a stack; every keyword is the YAML key of the same name.

    What is not given comes from `material`, if one is named. With several species the per-species
    keys stand in `species`, a mapping from the name of the species to a mapping of those keys.

    Parameters
    ----------
    name : str
        The user's name of the layer (unique in a stack).
    material : str, optional
        Name in the materials library (``sc.materials``).
    thickness_nm : float
        Thickness [nm].
    potential_V : float
        Equilibrium potential U against Li/Li+ [V].
    permittivity : float
        Relative permittivity [1].
    site_density_per_nm3 : float
        Lattice sites per volume [nm^-3].
    occupancy : float
        Bulk occupancy of the sites, 0 to 1 (dilute: may exceed nothing but 1) [1].
    composition : float
        Composition x of the `ocv`; sets potential and occupancy [1].
    charge_number : float
        Signed charge number z [1].
    interaction : mapping
        ``{occupied_eV, vacancy_eV}``, cube-root interaction energies [eV].
    diffusivity_m2_per_s : float or mapping
        Self-diffusivity [m2/s], or ``{value, at_K, activation_energy_eV}``.
    transport : {"constant", "vacancy"}
        Dependence of the diffusivity on the occupancy.
    statistics : {"lattice", "dilute"}
        Site-limited or Boltzmann statistics.
    ocv : mapping
        ``{composition, occupancy, potential_V}``: three lists of one length.
    species : mapping, optional
        Several species, each a mapping of the per-species keys.

    Raises
    ------
    ModelError
        A key that is needed is missing (the message names it) or a value is out of range.
    """

    name: str = ""
    material: str | None = None
    thickness_nm: float | None = None
    potential_V: float | None = None
    permittivity: float | None = None
    site_density_per_nm3: float | None = None
    occupancy: float | None = None
    composition: float | None = None
    charge_number: float | None = None
    interaction: Mapping[str, float] | None = None
    diffusivity_m2_per_s: float | Mapping[str, Any] | None = None
    transport: str | None = None
    statistics: str | None = None
    ocv: Mapping[str, Sequence[float]] | None = None
    species: Mapping[str, Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        if self.material is not None:
            # Data, not code: the library is read when a material is first named.
            from ..library import material_keys

            for key, value in material_keys(self.material).items():
                if self._shadowed(key):
                    continue
                given = getattr(self, key)
                if given is None:
                    object.__setattr__(self, key, value)
                elif key == "interaction":
                    object.__setattr__(self, key, {**value, **given})
        self._check()

    def _shadowed(self, key: str) -> bool:
        """Say whether what the user gave makes the library's `key` meaningless."""
        if self.species is not None and key in SPECIES_KEYS:
            return True
        if key == "occupancy" and self.composition is not None:
            return True
        if key == "potential_V" and self.composition is not None:
            return True
        return key == "species" and any(getattr(self, k) is not None for k in SPECIES_KEYS)

    def _check(self) -> None:
        label = self.name or self.material or "layer"
        for key in ("thickness_nm", "permittivity"):
            if getattr(self, key) is None:
                raise ModelError(self._missing(key), f"{label}.{key}")
            check_number(getattr(self, key), key, f"{label}.{key}")
        if self.potential_V is not None:
            check_number(self.potential_V, "potential_V", f"{label}.potential_V")
        if self.composition is not None and self.potential_V is not None:
            raise ModelError("give either composition or potential_V: the ocv ties them", f"{label}.composition")
        if self.species is not None:
            extra = [k for k in SPECIES_KEYS if getattr(self, k) is not None]
            if extra:
                raise ModelError("stands beside species; move it into the species", f"{label}.{extra[0]}")
            if not self.species:
                raise ModelError("at least one species is needed", f"{label}.species")
        for prefix, spec in self.species_items():
            _check_species(spec, f"{label}{prefix}", self)
        if self.potential_V is None and not any("composition" in s for _, s in self.species_items()):
            raise ModelError(self._missing("potential_V"), f"{label}.potential_V")

    def _missing(self, key: str) -> str:
        if key == "potential_V" and self.ocv is not None:
            potentials = self.ocv["potential_V"]
            return (
                f"needed, or composition: they set the occupancy by the ocv "
                f"(allowed: {min(potentials):g} to {max(potentials):g})"
            )
        if self.material is not None:
            return f"needed, and the material {self.material} does not give it"
        return "needed (or name a material that gives it)"

    @property
    def label(self) -> str:
        """Name for messages: the user's name, else the material."""
        return self.name or self.material or "layer"

    def species_items(self) -> list[tuple[str, dict[str, Any]]]:
        """Return ``(path suffix, keys given)`` per species; the suffix is empty for a single one."""
        if self.species is None:
            keys = {k: getattr(self, k) for k in SPECIES_KEYS if getattr(self, k) is not None}
            return [("", keys)]
        return [
            (f".species.{name}", {k: v for k, v in spec.items() if v is not None})
            for name, spec in self.species.items()
        ]

    @property
    def species_names(self) -> tuple[str, ...]:
        """Names of the species; ``("Li",)`` where the layer has a single unnamed one."""
        return ("Li",) if self.species is None else tuple(self.species)

    def replace(self, **changes: Any) -> Layer:
        """Return a copy with the given keys changed."""
        return replace(self, **changes)


def _check_species(spec: Mapping[str, Any], path: str, layer: Layer) -> None:
    """Check one species' keys; raises ModelError naming the key."""
    unknown = [k for k in spec if k not in SPECIES_KEYS]
    if unknown:
        raise ModelError(f"unknown key (known: {', '.join(SPECIES_KEYS)})", f"{path}.{unknown[0]}")
    if "site_density_per_nm3" not in spec:
        raise ModelError(layer._missing("site_density_per_nm3"), f"{path}.site_density_per_nm3")
    for key in ("site_density_per_nm3", "occupancy", "composition", "charge_number"):
        if key in spec:
            check_number(spec[key], key, f"{path}.{key}")
    statistics = spec.get("statistics", "lattice")
    if statistics not in STATISTICS_NAMES:
        raise ModelError(f"{statistics!r} is not known (allowed: lattice, dilute)", f"{path}.statistics")
    transport = spec.get("transport", "constant")
    if transport not in TRANSPORT_NAMES:
        raise ModelError(f"{transport!r} is not known (allowed: constant, vacancy)", f"{path}.transport")
    if statistics == "dilute" and transport == "vacancy":
        raise ModelError("dilute statistics has no vacancies (allowed: constant)", f"{path}.transport")
    interaction = spec.get("interaction", {})
    for key, value in interaction.items():
        if key not in ("occupied_eV", "vacancy_eV"):
            raise ModelError("unknown key (known: occupied_eV, vacancy_eV)", f"{path}.interaction.{key}")
        check_number(value, key, f"{path}.interaction.{key}")
    if statistics == "dilute" and interaction.get("vacancy_eV"):
        raise ModelError("dilute statistics has no vacancies (allowed: 0)", f"{path}.interaction.vacancy_eV")
    diffusivity = spec.get("diffusivity_m2_per_s")
    if isinstance(diffusivity, Mapping):
        for key, value in diffusivity.items():
            if key not in ("value", "at_K", "activation_energy_eV"):
                raise ModelError(
                    "unknown key (known: value, at_K, activation_energy_eV)",
                    f"{path}.diffusivity_m2_per_s.{key}",
                )
            check_number(value, key, f"{path}.diffusivity_m2_per_s.{key}")
        if "value" not in diffusivity:
            raise ModelError("needed", f"{path}.diffusivity_m2_per_s.value")
    elif diffusivity is not None:
        check_number(diffusivity, "diffusivity_m2_per_s", f"{path}.diffusivity_m2_per_s")
    ocv = spec.get("ocv")
    if ocv is not None:
        _check_ocv(ocv, f"{path}.ocv")
    if "composition" in spec and ocv is None:
        raise ModelError("needs an ocv that ties it to potential and occupancy", f"{path}.composition")
    if "composition" in spec and "occupancy" in spec:
        raise ModelError("give either composition or occupancy", f"{path}.composition")
    if "occupancy" not in spec and ocv is None:
        raise ModelError(layer._missing("occupancy"), f"{path}.occupancy")


def _check_ocv(ocv: Mapping[str, Sequence[float]], path: str) -> None:
    """Check the three lists of an open-circuit-voltage table."""
    lengths = set()
    for key in ("composition", "occupancy", "potential_V"):
        if key not in ocv:
            raise ModelError("needed", f"{path}.{key}")
        values = ocv[key]
        if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
            raise ModelError("a list of numbers is needed", f"{path}.{key}")
        for i, value in enumerate(values):
            check_number(value, key, f"{path}.{key}.{i}")
        lengths.add(len(values))
    extra = [k for k in ocv if k not in ("composition", "occupancy", "potential_V")]
    if extra:
        raise ModelError("unknown key (known: composition, occupancy, potential_V)", f"{path}.{extra[0]}")
    if len(lengths) != 1 or min(lengths) < 2:
        raise ModelError("the three lists need one common length of at least 2", path)
    for key in ("composition", "occupancy", "potential_V"):
        steps = [b - a for a, b in zip(ocv[key], ocv[key][1:], strict=False)]
        if not (all(s > 0 for s in steps) or all(s < 0 for s in steps)):
            raise ModelError("must rise or fall strictly along the list", f"{path}.{key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What sits in the plane between two layers.

    Parameters
    ----------
    charge_C_per_m2 : float
        Areal charge in the plane [C m-2].
    dipole_V : float
        Step of the electrostatic potential, right minus left [V].
    """

    charge_C_per_m2: float = 0.0
    dipole_V: float = 0.0

    def __post_init__(self) -> None:
        for f in fields(self):
            check_number(getattr(self, f.name), f.name, f"contact.{f.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Condition at an outer end of the stack.

    Parameters
    ----------
    kind : str
        ``zero_field``, ``bulk``, ``electrostatic_potential_V`` or ``surface_charge_C_per_m2``.
    value : float
        Potential against the neutral bulk of the last layer [V], or areal charge [C m-2].
    """

    kind: str = "zero_field"
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in END_KINDS:
            raise ModelError(f"{self.kind!r} is not known (allowed: {', '.join(END_KINDS)})", "ends")
        if self.kind in RANGES:
            check_number(self.value, self.kind, f"ends.{self.kind}")


@dataclass(frozen=True, slots=True)
class Stack:
    """An ordered list of layers, left to right, at one temperature.

    Parameters
    ----------
    layers : sequence of Layer
        At least one; names are made unique (``layer1`` ...) where none is given.
    temperature_K : float
        Temperature [K].
    contacts : sequence of Contact, optional
        One per inner contact, in order; shorter lists are filled with empty contacts.
    left, right : End
        Conditions at the two ends.

    Raises
    ------
    ModelError
        Empty stack, names used twice, a value out of range.
    """

    layers: Sequence[Layer]
    temperature_K: float = field(kw_only=True, default=298.15)
    contacts: Sequence[Contact] = field(kw_only=True, default=())
    left: End = field(kw_only=True, default=End())
    right: End = field(kw_only=True, default=End())
    cache: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What others derive from the stack once (its arrays in SI units); it never changes the meaning of the stack."""

    def __post_init__(self) -> None:
        layers = tuple(self.layers)
        if not layers:
            raise ModelError("at least one layer is needed", "layers")
        named = tuple(layer if layer.name else replace(layer, name=f"layer{i + 1}") for i, layer in enumerate(layers))
        names = [layer.name for layer in named]
        for name in names:
            if names.count(name) > 1:
                raise ModelError(f"the name {name!r} stands for two layers", "layers")
        check_number(self.temperature_K, "temperature_K", "temperature_K")
        contacts = tuple(self.contacts)
        if len(contacts) > len(named) - 1:
            raise ModelError(f"{len(contacts)} contacts given, the stack has {len(named) - 1}", "contacts")
        contacts += (Contact(),) * (len(named) - 1 - len(contacts))
        object.__setattr__(self, "layers", named)
        object.__setattr__(self, "contacts", contacts)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, left to right."""
        return tuple(layer.name for layer in self.layers)

    def __getitem__(self, name: str) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def replace(self, **changes: Any) -> Stack:
        """Return a copy with the given fields changed."""
        return replace(self, **changes)
