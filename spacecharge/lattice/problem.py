"""A problem of lattice planes as the user writes it: one field per YAML key, units in the names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from ..errors import ModelError
from ..model.numbers import ARRHENIUS_REFERENCE_K, LATTICE, check_number
from .sites import Sites, read_sites

BOUNDARIES = ("periodic", "bulk")
CLOSURES = ("neutral", "uniform_background")
LAW_KEYS = tuple(row.key.rpartition(".")[2] for row in LATTICE if row.key.startswith("conductivity_S_per_m."))
"""Keys of a conductivity that follows an Arrhenius law."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatticeSpecies:
    """A defect that may stand on the sites of one sublattice.

    Parameters
    ----------
    site : str
        Label of its sublattice in the file of sites.
    charge_number : float
        Effective charge number z [1].
    fraction : float
        Mole fraction in the grain: share of its sites that it occupies [1].
    mobile : bool or mapping
        True: in equilibrium everywhere. False: its mole fraction everywhere. ``{frozen_at_K: T}``: the profile of the
        equilibrium at T [K], kept at every lower temperature.
    """

    site: str
    charge_number: float
    fraction: float
    mobile: bool | Mapping[str, float] = True

    @property
    def frozen_at(self) -> float:
        """Temperature below which it does not move [K]: 0 where it always does, infinite where it never does."""
        if isinstance(self.mobile, Mapping):
            return float(self.mobile["frozen_at_K"])
        return 0.0 if self.mobile else math.inf

    def check(self, path: str) -> None:
        """Check the values of a species.

        Parameters
        ----------
        path : str
            Dotted path of the species, for the message.

        Raises
        ------
        ModelError
            A value is out of its range.
        """
        if not isinstance(self.site, str) or not self.site:
            raise ModelError("the label of a sublattice is needed, as the file of sites has it", f"{path}.site")
        check_number(self.charge_number, f"{path}.charge_number")
        check_number(self.fraction, f"{path}.fraction")
        if isinstance(self.mobile, Mapping):
            if list(self.mobile) != ["frozen_at_K"]:
                raise ModelError("allowed: true, false, {frozen_at_K: temperature}", f"{path}.mobile")
            check_number(self.mobile["frozen_at_K"], f"{path}.mobile.frozen_at_K")
        elif not isinstance(self.mobile, bool):
            raise ModelError("allowed: true, false, {frozen_at_K: temperature}", f"{path}.mobile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """A grain boundary as planes of lattice sites, with segregation energies site by site.

    Parameters
    ----------
    sites : str, Path or Sites
        File of sites (a line a site: label, charge, position in m, then defects with their segregation energies in
        eV), or what :func:`spacecharge.lattice.read_sites` made of it.
    cross_section_nm2 : float
        Area to which the sites of the file belong [nm2].
    permittivity : float
        Relative permittivity [1].
    window_nm : sequence of two float, optional
        Part of the file that is solved [nm]; without: all of it.
    bulk_nm : sequence of two float
        Part of the window that counts as the interior of the grain [nm].
    species : mapping of str to LatticeSpecies or mapping
        The defects of the file; the first one that moves carries the current.
    temperature_K : float
        Temperature [K].
    boundary : {"periodic", "bulk"}
        The window repeats itself, or an undisturbed grain follows at both ends.
    closure : {"neutral", "uniform_background"}
        What closes a periodic cell: its own neutrality, or a uniform background charge as in pyscses.
    site_charges : bool
        Whether the charges of the perfect lattice count.
    conductivity_S_per_m : float or mapping, optional
        Conductivity of the grain [S/m], or ``{value, at_K, activation_energy_eV}`` (of sigma T): makes ohm m2 of the
        excess thickness.
    merge_nm : float
        Sites of the file that lie within this distance belong to one plane [nm]; 0.02 is pyscses' value.

    Raises
    ------
    ModelError
        A value is out of range, or the file and the species do not fit.
    ConfigError
        The file of sites is broken.
    """

    sites: Sites | str | Path
    cross_section_nm2: float
    permittivity: float
    bulk_nm: Sequence[float]
    species: Mapping[str, LatticeSpecies | Mapping[str, Any]]
    window_nm: Sequence[float] | None = None
    temperature_K: float = ARRHENIUS_REFERENCE_K
    boundary: str = "periodic"
    closure: str = "neutral"
    site_charges: bool = False
    conductivity_S_per_m: float | Mapping[str, float] | None = None
    merge_nm: float = 0.02
    cache: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What others derive from the problem once; it never changes its meaning."""

    def __post_init__(self) -> None:
        if isinstance(self.sites, (str, Path)):
            object.__setattr__(self, "sites", read_sites(self.sites))
        elif not isinstance(self.sites, Sites):
            raise ModelError("the path of a file of sites is needed", "lattice.sites")
        for key in ("temperature_K", "cross_section_nm2", "permittivity", "merge_nm"):
            path = key if key == "temperature_K" else f"lattice.{key}"
            check_number(getattr(self, key), path)
        if self.boundary not in BOUNDARIES:
            raise ModelError(f"{self.boundary!r} is not known (allowed: {', '.join(BOUNDARIES)})", "lattice.boundary")
        if self.closure not in CLOSURES:
            raise ModelError(f"{self.closure!r} is not known (allowed: {', '.join(CLOSURES)})", "lattice.closure")
        if self.boundary == "bulk" and self.closure != "neutral":
            raise ModelError(
                "a uniform background closes a periodic cell; remove it, or use boundary: periodic", "lattice.closure"
            )
        if not isinstance(self.site_charges, bool):
            raise ModelError("allowed: true, false", "lattice.site_charges")
        object.__setattr__(self, "bulk_nm", _interval(self.bulk_nm, "bulk_nm"))
        if self.window_nm is not None:
            object.__setattr__(self, "window_nm", _interval(self.window_nm, "window_nm"))
        self._check_conductivity()
        self._check_species()

    def _check_conductivity(self) -> None:
        given, path = self.conductivity_S_per_m, "lattice.conductivity_S_per_m"
        if isinstance(given, Mapping):
            for key, value in given.items():
                if key not in LAW_KEYS:
                    raise ModelError(f"unknown key (known: {', '.join(LAW_KEYS)})", f"{path}.{key}")
                check_number(value, f"{path}.{key}")
            if "value" not in given:
                raise ModelError("needed", f"{path}.value")
        elif given is not None:
            check_number(given, path)

    def _check_species(self) -> None:
        if not isinstance(self.species, Mapping) or not self.species:
            raise ModelError("at least one species is needed", "lattice.species")
        species: dict[str, LatticeSpecies] = {}
        sites = self.site_list
        for name, given in self.species.items():
            path = f"lattice.species.{name}"
            try:
                species[name] = given if isinstance(given, LatticeSpecies) else LatticeSpecies(**given)
            except TypeError:
                known = "site, charge_number, fraction, mobile"
                raise ModelError(f"needs the keys site, charge_number, fraction (known: {known})", path) from None
            species[name].check(path)
            labels = sites.labels_of(name)
            if not labels:
                found = ", ".join(sites.defects)
                raise ModelError(f"no site of {sites.source} lists this defect (it lists: {found})", path)
            if labels != (species[name].site,):
                raise ModelError(f"{sites.source} has it on {', '.join(labels)}", f"{path}.site")
        for name in sites.defects:
            if name not in species:
                raise ModelError(
                    f"{sites.source} lists the defect {name}: describe it here (fraction: 0 leaves it out)",
                    "lattice.species",
                )
        object.__setattr__(self, "species", species)
        for label in sites.labels:
            total = sum(s.fraction for s in species.values() if s.site == label)
            if total >= 1.0:
                raise ModelError(f"the fractions on {label} sites add up to {total:g} (allowed: below 1)", "lattice")
        if self.carrier is None:
            raise ModelError("one species must move (mobile: true) and have a fraction above 0", "lattice.species")

    @property
    def site_list(self) -> Sites:
        """The sites of the file."""
        return cast(Sites, self.sites)

    @property
    def defects(self) -> dict[str, LatticeSpecies]:
        """The species by name."""
        return cast("dict[str, LatticeSpecies]", self.species)

    @property
    def carrier(self) -> str | None:
        """The first species that always moves: it carries the current."""
        for name, species in self.defects.items():
            if species.frozen_at == 0.0 and species.fraction > 0.0:
                return name
        return None

    def replace(self, **changes: Any) -> Lattice:
        """Return a copy with the given keys changed.

        Parameters
        ----------
        **changes
            New values by name, as the constructor takes them; they are checked as there.

        Returns
        -------
        Lattice
        """
        return replace(self, **changes)


def _interval(given: Sequence[float], key: str) -> tuple[float, float]:
    """Return two rising numbers."""
    path = f"lattice.{key}"
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence) or len(given) != 2:
        raise ModelError("two positions are needed: [from, to]", path)
    low, high = (check_number(value, f"{path}.{i}") for i, value in enumerate(given))
    if not low < high:
        raise ModelError(f"must rise, got {low:g} to {high:g}", path)
    return low, high
