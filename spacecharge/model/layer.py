"""Layers, contacts, ends and stacks as the user writes them: one field per YAML key, units in the names.

The fields keep the units of their names (nm, eV, nm^-3); :func:`spacecharge.model.stack_parameters`
converts them to SI once, for one point or for all points of a sweep at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..codes import END_KINDS, EndKind, Statistics
from ..errors import ModelError
from .numbers import (
    ARRHENIUS_REFERENCE_K,
    CONTACT,
    LAYER,
    SPECIES,
    STACK,
    ContactNumbers,
    LayerNumbers,
    StackNumbers,
    check_number,
    described,
)
from .ocv import as_lists
from .planes import check_sites, planes_of
from .species_keys import MOBILITY_KEYS, SPECIES_KEYS, check_species

ELECTRONS = ("blocked", "level")
"""What electrons do at a contact; the first where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer(LayerNumbers):
    """One layer of a stack; every keyword is the YAML key of the same name.

    What is not given comes from `material`, if one is named. With several species the per-species
    keys stand in `species`, a mapping from the name of the species to a mapping of those keys.

    Parameters
    ----------
    name : str
        The user's name of the layer (unique in a stack).
    material : str, optional
        Name in the materials library (``sc.materials``).
    NUMBERS
    interaction : mapping
        ``{occupied_eV, vacancy_eV}``, cube-root interaction energies [eV].
    transport : {"constant", "vacancy"}
        Dependence of the diffusivity on the occupancy.
    statistics : {STATISTICS}
        STATED.
    component : str, optional
        Species of one component react locally and share one electrochemical potential; default: its own name.
    pool : str, optional
        With statistics ``pool``: name of the sites; species of one pool share them. Default: one pool a layer.
    ocv : mapping
        ``{composition, occupancy, potential_V}``: three lists of one length.
    species : mapping, optional
        Several species, each a mapping of the per-species keys. With `defects`: what the defects do not say of the
        species that follow from them (diffusivities).
    defects : str, path, mapping or DefectSystem, optional
        The defects of the material: its carriers follow from formation energies, temperature and `potential_V`
        instead of site densities and occupancies. A file, or a mapping (see :mod:`spacecharge.defects`).
    core_of : str, optional
        Name of the layer whose grain-boundary core this is: its species are level with that layer's neutral bulk,
        shifted by their `segregation_energy_eV`; what is not given is as in the grain.

    Raises
    ------
    ModelError
        A key that is needed is missing (the message names it) or a value is out of range.
    """

    name: str = ""
    material: str | None = None
    interaction: Mapping[str, float] | None = None
    transport: str | None = None
    statistics: str | None = None
    component: str | None = None
    pool: str | None = None
    ocv: Mapping[str, Sequence[float]] | None = None
    species: Mapping[str, Mapping[str, Any]] | None = None
    defects: Any = None
    core_of: str | None = None
    own_keys: frozenset[str] | None = field(default=None, repr=False, compare=False)
    """Of a core in a stack: what the user gave; the rest follows the grain."""

    def __post_init__(self) -> None:
        if self.defects is not None:
            from .cores import defects_of

            object.__setattr__(self, "defects", defects_of(self))
        # NumPy arrays and pandas Series may stand for the lists of a table.
        if isinstance(self.ocv, Mapping):
            object.__setattr__(self, "ocv", as_lists(self.ocv))
        if isinstance(self.species, Mapping):
            listed = {
                name: {**spec, "ocv": as_lists(spec["ocv"])} if isinstance(spec.get("ocv"), Mapping) else spec
                for name, spec in self.species.items()
            }
            object.__setattr__(self, "species", listed)
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
        if self.defects is not None and key in (*SPECIES_KEYS, "species"):
            return True
        if key == "occupancy" and self.composition is not None:
            return True
        if key == "potential_V" and self.composition is not None:
            return True
        if key in MOBILITY_KEYS and any(getattr(self, other) is not None for other in MOBILITY_KEYS if other != key):
            # A conductivity of the user's stands for the diffusivity of the material, and the other way round.
            return True
        return key == "species" and any(getattr(self, k) is not None for k in SPECIES_KEYS)

    def _check(self) -> None:
        label = self.label
        for row in LAYER:
            value = getattr(self, row.key)
            if value is not None:
                row.check(value, f"{label}.{row.key}")
            elif row.required and not (self.core_of is not None and row.key == "permittivity"):
                raise ModelError(self._missing(row.key), f"{label}.{row.key}")
        if self.composition is not None and self.potential_V is not None:
            raise ModelError("give either composition or potential_V: the ocv ties them", f"{label}.composition")
        if self.species is not None:
            extra = [k for k in SPECIES_KEYS if getattr(self, k) is not None]
            if extra:
                raise ModelError("stands beside species; move it into the species", f"{label}.{extra[0]}")
            if not self.species and self.core_of is None:
                raise ModelError("at least one species is needed", f"{label}.species")
        if self._has_boundary_keys():
            from .cores import check_boundary_keys

            check_boundary_keys(self)
        if self.core_of is not None:
            return
        if self.defects is None:
            for prefix, spec in self.species_items():
                check_species(spec, f"{label}{prefix}", self)
        if self.potential_V is None and not any("composition" in s for _, s in self.species_items()):
            raise ModelError(self._missing("potential_V"), f"{label}.potential_V")

    def _has_boundary_keys(self) -> bool:
        keys = (self.defects, self.core_of, self.ionisation_potential_eV, self.background_charge_e_per_nm3)
        return any(k is not None for k in keys) or any("segregation_energy_eV" in s for _, s in self.species_items())

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
        """Return what is given of each species.

        Returns
        -------
        list of (str, dict)
            Suffix of the dotted path, ``.species.NAME`` or empty for a single one, and the keys with their values.
        """
        if self.defects is not None:
            given = self.species or {}
            return [
                (
                    f".species.{s.name}",
                    {
                        "charge_number": s.charge_number,
                        "statistics": s.statistics,
                        **({"pool": s.pool} if s.pool else {}),
                        **given.get(s.name, {}),
                    },
                )
                for s in self.defects.species
            ]
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
        if self.defects is not None:
            return tuple(s.name for s in self.defects.species)
        return ("Li",) if self.species is None else tuple(self.species)

    def replace(self, **changes: Any) -> Layer:
        """Return a copy with the given keys changed.

        Parameters
        ----------
        **changes
            New values by name, as the constructor takes them; they are checked as there.

        Returns
        -------
        Layer
        """
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(ContactNumbers):
    """What sits in the plane between two layers.

    Parameters
    ----------
    NUMBERS
    electrons : {"blocked", "level"}
        Whether electrons cross. Blocked: each side is level with its own bulk. Level: they are in equilibrium, which
        needs one potential U for both layers, and leaves the alignment of the bands as the step.
    sites : mapping, optional
        A plane of sites whose charge follows its potential: ``{species, of, density_per_nm2, segregation_energy_eV,
        background}``, `of` the layer whose neutral bulk it is level with (default: the left one), `background`
        ``neutral`` (default: neutral at that layer's bulk occupancy) or ``{charge_e_per_nm2}``.
    """

    electrons: str = ELECTRONS[0]
    sites: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.sites is not None:
            check_sites(self.sites)
        if self.electrons not in ELECTRONS:
            raise ModelError(f"{self.electrons!r} is not known (allowed: {', '.join(ELECTRONS)})", "contact.electrons")
        for row in CONTACT:
            row.check(getattr(self, row.key), f"contact.{row.key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Condition at an outer end of the stack.

    Parameters
    ----------
    kind : str
        ``zero_field``, ``bulk``, ``electrostatic_potential_V``, ``surface_charge_C_per_m2`` or ``potential_V``, a
        perfect metal held at a potential against Li/Li+.
    value : float
        Potential against the neutral bulk of the last layer [V], areal charge [C m-2], or potential against Li/Li+ [V].
    """

    kind: str = "zero_field"
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in END_KINDS:
            raise ModelError(f"{self.kind!r} is not known (allowed: {', '.join(END_KINDS)})", "ends")
        if EndKind.of(self.kind).is_contact:
            check_number(self.value, f"ends.{self.kind}")


@dataclass(frozen=True, slots=True)
class Stack(StackNumbers):
    """An ordered list of layers, left to right, at one temperature.

    Parameters
    ----------
    layers : sequence of Layer
        At least one; names are made unique (``layer1`` ...) where none is given.
    NUMBERS
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
        for row in STACK:
            row.check(getattr(self, row.key), row.key)
        contacts = tuple(self.contacts)
        if len(contacts) > len(named) - 1:
            raise ModelError(f"{len(contacts)} contacts given, the stack has {len(named) - 1}", "contacts")
        contacts += (Contact(),) * (len(named) - 1 - len(contacts))
        if any(layer.core_of is not None for layer in named):
            from .cores import filled_cores

            named = filled_cores(named)
        if any(contact.electrons != ELECTRONS[0] for contact in contacts):
            from .cores import check_level_electrons

            check_level_electrons(named, contacts)
        planes_of(named, contacts)
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

    def _repr_html_(self) -> str:
        """Return a table of the layers for a notebook."""
        from html import escape

        cells = [(layer.name, layer.material or "", f"{layer.thickness_nm:g} nm") for layer in self.layers]
        rows = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in cells]
        ends = f"{escape(self.left.kind)} | {escape(self.right.kind)}, {self.temperature_K:g} K"
        return f"<table><caption>{ends}</caption>{''.join(rows)}</table>"

    def replace(self, **changes: Any) -> Stack:
        """Return a copy with the given fields changed.

        Parameters
        ----------
        **changes
            New values by name, as the constructor takes them; they are checked as there.

        Returns
        -------
        Stack
        """
        return replace(self, **changes)


for _class, _numbers in ((Layer, (*LAYER, *SPECIES)), (Contact, CONTACT), (Stack, STACK)):
    _text = (_class.__doc__ or "").replace("NUMBERS", described(_numbers))
    _class.__doc__ = _text.replace("STATISTICS", ", ".join(f'"{_law.name.lower()}"' for _law in Statistics)).replace(
        "STATED", ", ".join(f"{_law.words} ({_law.name.lower()})" for _law in Statistics).capitalize()
    )

__all__ = [
    "ARRHENIUS_REFERENCE_K",
    "Contact",
    "End",
    "Layer",
    "Stack",
]
