"""Which species a layer has whose material is described by its defects, and how many of them its bulk holds.

In a layer the Fermi level and the electrochemical potential of lithium are level, so every charge state of a mobile
defect follows ``exp[-q e (phi - phi_b)/kT]``: a species of its own. Of a defect that does not move, the total is the
bulk's everywhere: it is background, or, where it exchanges electrons (``redox``), its charge states re-equilibrate: two
of them are one lattice species of their charge difference, more of them a pool.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..constants import BOLTZMANN_EV
from ..document.problems import Problems
from ..errors import ModelError
from .bands import EffectiveBands
from .neutral_bulk import Equilibrium, equilibrium
from .read_yaml import defects_of_mapping
from .reading import read_defects
from .system import PER_CM3, Defect, DefectSystem

SMALLEST = 1e-300
"""Occupancies below are set to this: nothing depends on them, and logarithms stay finite."""

MOST_SPECIES = 12
"""More species than this in a layer are refused: the cost grows with each, and most do nothing."""

LAYER_KEYS = ("mobile", "redox", "electronic_carriers")
"""Keys of a layer's ``defects`` beside those that describe the material."""

_LITHIUM_MOVES = re.compile(r"((v|V|Va|va|vac|Vac)_Li|Li_(i|int))(_.*)?\Z")


@dataclass(frozen=True, slots=True)
class DefectSpecies:
    """One mobile or re-equilibrating species of a layer.

    Attributes
    ----------
    name : str
        Name of the defect, with the charge where it has several states: ``v_O+2``.
    charge_number : float
        z [1].
    statistics : str
        ``dilute``, ``lattice``, ``pool`` or ``fermi_dirac``.
    defect : str
        The defect; ``electrons`` or ``holes`` for carriers of the bands.
    charge : float
        Charge of the state that counts as occupied [1].
    reference : float or None
        Charge of the state that counts as empty, for a defect that does not move [1].
    pool : str
        Name of the sites shared with other species; empty for sites of its own.
    """

    name: str
    charge_number: float
    statistics: str
    defect: str
    charge: float
    reference: float | None = None
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Bulk:
    """What the neutral bulk of a layer holds, one entry a species.

    Attributes
    ----------
    site_density_per_m3, occupancy, vacancy : tuple of float
        [m^-3], [1], [1].
    fermi_level_eV : float
        Above the valence band edge [eV].
    result : Equilibrium
        All of it.
    """

    site_density_per_m3: tuple[float, ...]
    occupancy: tuple[float, ...]
    vacancy: tuple[float, ...]
    fermi_level_eV: float
    result: Equilibrium


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDefects:
    """The defects of a layer: a material, what moves in it, and whether its electrons and holes take part.

    Parameters
    ----------
    system : DefectSystem
        The material.
    mobile : tuple of str, optional
        Defects that move. Default: vacancies and interstitials of lithium as their names say (``v_Li``, ``Li_i``), or
        every defect where there are none.
    redox : tuple of str
        Defects that do not move and change their charge with the Fermi level (small polarons). Default: none, a defect
        that rests is background.
    electronic_carriers : bool
        Electrons and holes are species too.
    data : mapping, optional
        What the system was made of, for numbers that are swept.
    folder : Path
        What file names in `data` are relative to.

    Attributes
    ----------
    species : tuple of DefectSpecies
        What moves or changes its charge, and the carriers that take part: the species of the layer.
    """

    system: DefectSystem
    mobile: tuple[str, ...] | None = None
    redox: tuple[str, ...] = ()
    electronic_carriers: bool = False
    data: Mapping[str, Any] | None = None
    folder: Path = field(default=Path(), repr=False)
    species: tuple[DefectSpecies, ...] = field(init=False)

    def __post_init__(self) -> None:
        for name in (*(self.mobile or ()), *self.redox):
            self.system.defect(name)
        both = [name for name in self.redox if name in self.moving]
        if both:
            raise ModelError("moves, and with it all its charge states: take it out of redox or of mobile", both[0])
        if self.electronic_carriers and self.system.bands is None:
            raise ModelError("needs bands: a density of states or effective densities of states", "electronic_carriers")
        object.__setattr__(self, "species", tuple(self._species()))
        if not self.species:
            raise ModelError("no charged defect moves: nothing could form a space charge", "mobile")
        if len(self.species) > MOST_SPECIES:
            raise ModelError(
                f"{len(self.species)} species are more than a layer may have (allowed: {MOST_SPECIES}): name the "
                "defects that move, the others stay where they are",
                "mobile",
            )

    @property
    def moving(self) -> tuple[str, ...]:
        """Names of the defects that move."""
        if self.mobile is not None:
            return self.mobile
        lithium = tuple(d.name for d in self.system.defects if _LITHIUM_MOVES.match(d.name))
        return lithium or tuple(d.name for d in self.system.defects)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Dotted paths of the numbers of its data; the temperature is that of the stack."""
        return () if self.data is None else tuple(p for p in numbers_of(self.data) if p != "temperature_K")

    def _species(self) -> list[DefectSpecies]:
        found: list[DefectSpecies] = []
        for defect in self.system.defects:
            if defect.name in self.moving:
                found += self._of_mobile(defect)
            elif defect.name in self.redox:
                found += _of_resting(defect)
        sharing = [s.pool for s in found if s.pool]
        # Alone on its sites, a state is a plain lattice species.
        found = [
            replace(s, statistics="lattice", pool="") if s.pool and sharing.count(s.pool) == 1 else s for s in found
        ]
        if self.electronic_carriers:
            law = "fermi_dirac" if _is_degenerate(self.system) else "dilute"
            found += [
                DefectSpecies("electrons", -1.0, law, "electrons", -1.0),
                DefectSpecies("holes", 1.0, law, "holes", 1.0),
            ]
        return found

    def _of_mobile(self, defect: Defect) -> list[DefectSpecies]:
        charged = [s.charge for s in defect.states if s.charge != 0.0 and s.fixed_concentration_per_cm3 is None]
        limited = defect.pool is not None or self.system.statistics == "pool"
        names = {q: defect.name if len(charged) == 1 else f"{defect.name}{q:+g}" for q in charged}
        pool = (defect.pool or defect.name) if limited else ""
        law = "pool" if limited else "dilute"
        return [DefectSpecies(names[q], q, law, defect.name, q, None, pool) for q in charged]

    def bulk(self, temperature_K: float, potential_V: float | None) -> Bulk:
        """Return the neutral bulk at a temperature and, where the energies know how to follow it, a potential.

        Raises
        ------
        ModelError
            No equilibrium, or a species with more carriers than sites.
        """
        system = self.system
        if system.reference_potential_V is None:
            potential_V = None
        result = equilibrium(system, temperature_K=temperature_K, potential_V=potential_V)
        sites, occupancies, vacancies = [], [], []
        for species in self.species:
            density, theta, vacancy = self._numbers(species, result)
            sites.append(density)
            occupancies.append(max(theta, SMALLEST))
            vacancies.append(max(vacancy, SMALLEST))
        return Bulk(tuple(sites), tuple(occupancies), tuple(vacancies), result.fermi_level_eV, result)

    def _numbers(self, species: DefectSpecies, result: Equilibrium) -> tuple[float, float, float]:
        """Return site density [m^-3], occupancy and vacancy of one species."""
        if species.defect in ("electrons", "holes"):
            return self._carrier(species, result)
        held = result.concentration_per_cm3(species.defect, species.charge) * PER_CM3
        if species.reference is not None:
            total = _total(result, species.defect)
            empty = result.concentration_per_cm3(species.defect, species.reference) * PER_CM3
            return max(total, SMALLEST), held / max(total, SMALLEST), empty / max(total, SMALLEST)
        defect = self.system.defect(species.defect)
        sites = self.system.density_per_m3(defect.sites_per_cell)
        if species.statistics == "dilute":
            if held >= sites:
                raise ModelError(
                    f"{held / sites:.3g} per site: dilute statistics does not hold (statistics: pool)", species.name
                )
            return sites, held / sites, 1.0
        members = [d for d in self.system.defects if d.name == defect.name or (d.pool and d.pool == defect.pool)]
        resting = sum(_total(result, d.name) for d in members if d.name not in self.moving)
        free = sites - resting
        charged = sum(
            result.concentration_per_cm3(s.defect, s.charge) * PER_CM3 for s in self.species if s.pool == species.pool
        ) if species.pool else held  # fmt: skip
        share = result.empty_shares.get(defect.name)
        # A pool may be full to rounding: what of it is empty is a number of its own.
        most = free if share is None else free * (1.0 + 1e-12)
        if not charged < most:
            raise ModelError(f"{charged:.4g} m-3 stand on {free:.4g} free sites per m3", species.name)
        empty = (free - charged) / free
        if share is not None:
            # Empty sites and neutral states, added up: nothing cancels on nearly full sites.
            neutral = sum(
                s.per_cm3 * PER_CM3
                for s in result.states
                if s.charge == 0.0 and any(d.name == s.defect and d.name in self.moving for d in members)
            )
            left = sites - sum(_total(result, d.name) for d in members if d.name not in result.empty_shares)
            empty = (share * left + neutral) / free
        return free, held / free, empty

    def _carrier(self, species: DefectSpecies, result: Equilibrium) -> tuple[float, float, float]:
        """Return effective density of states, share of it that is filled, and 1."""
        bands = self.system.bands
        assert bands is not None
        kt = BOLTZMANN_EV * result.temperature_K
        if species.defect == "electrons":
            density, distance = result.electrons_per_cm3, bands.band_gap_eV - result.fermi_level_eV
        else:
            density, distance = result.holes_per_cm3, result.fermi_level_eV
        if isinstance(bands, EffectiveBands) and bands.is_degenerate:
            of_electrons, of_holes = bands.log_effective_densities(result.temperature_K)
            states = math.exp(of_electrons if species.defect == "electrons" else of_holes)
            return states, density * PER_CM3 / states, 1.0
        # N_eff = n exp(distance/kT) is N_c by definition of n, also for a density of states.
        log_effective = math.log(max(density * PER_CM3, SMALLEST)) + distance / kt
        if distance <= 0.0:
            hint = " (carrier_statistics: fermi_dirac)" if isinstance(bands, EffectiveBands) else ""
            raise ModelError(
                f"the Fermi level lies in the band: electrons and holes are not dilute there{hint}", species.name
            )
        effective = math.exp(min(log_effective, 80.0))
        return effective, density * PER_CM3 / effective, 1.0

    def at(self, changes: Mapping[str, float]) -> LayerDefects:
        """Return a copy with numbers of its data changed, by dotted path.

        Raises
        ------
        ModelError
            There is no such number.
        """
        if self.data is None:
            raise ModelError("defects given as an object have no numbers to sweep; give a mapping", next(iter(changes)))
        data = _changed(self.data, changes)
        return layer_defects(data, self.folder)


def _is_degenerate(system: DefectSystem) -> bool:
    """Say whether the bands are filled by Fermi and Dirac, with effective densities of states."""
    return isinstance(system.bands, EffectiveBands) and system.bands.is_degenerate


def _total(result: Equilibrium, name: str) -> float:
    """Return the total of a defect [m^-3]."""
    return result.concentration_per_cm3(name) * PER_CM3


def _of_resting(defect: Defect) -> list[DefectSpecies]:
    """Return what re-equilibrates of a defect that does not move."""
    charges = sorted((s.charge for s in defect.states if s.fixed_concentration_per_cm3 is None), reverse=True)
    if len(charges) < 2:
        return []
    lowest = charges[-1]
    law, pool = ("lattice", "") if len(charges) == 2 else ("pool", f"states of {defect.name}")
    return [DefectSpecies(f"{defect.name}{q:+g}", q - lowest, law, defect.name, q, lowest, pool) for q in charges[:-1]]


def _changed(data: Mapping[str, Any], changes: Mapping[str, float]) -> dict[str, Any]:
    """Return a deep copy of nested mappings with numbers changed by dotted path."""
    copied: dict[str, Any] = {k: _changed(v, {}) if isinstance(v, Mapping) else v for k, v in data.items()}
    for path, value in changes.items():
        head, _, tail = path.partition(".")
        if tail and isinstance(copied.get(head), Mapping):
            copied[head] = _changed(copied[head], {tail: value})
        elif not tail and isinstance(copied.get(head), (int, float)):
            copied[head] = value
        else:
            raise ModelError("names no number of these defects", path)
    return copied


def numbers_of(data: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the dotted paths of every number in nested mappings."""
    found = []
    for key, value in data.items():
        if isinstance(value, Mapping):
            found += numbers_of(value, f"{prefix}{key}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found.append(f"{prefix}{key}")
    return found


def layer_defects(
    given: LayerDefects | DefectSystem | Mapping[str, Any] | str | Path,
    folder: Path | None = None,
    problems: Problems | None = None,
    prefix: str = "",
) -> LayerDefects:
    """Return the defects of a layer from whatever a user may give.

    Parameters
    ----------
    given : LayerDefects, DefectSystem, mapping, str or Path
        An object, a file, or a mapping: keys of this package's YAML with ``mobile`` and ``electronic_carriers``.
    folder : Path, optional
        What file names are relative to. Default: the working directory.
    problems : Problems, optional
        Takes errors, with positions of a configuration.
    prefix : str
        Dotted path in the configuration, with a dot at its end.

    Returns
    -------
    LayerDefects
        Checked.
    """
    if isinstance(given, LayerDefects):
        return given
    if isinstance(given, DefectSystem):
        return LayerDefects(system=given)
    base = folder or Path()
    if isinstance(given, (str, Path)):
        return LayerDefects(system=read_defects(base / given), data={"path": str(given)}, folder=base)
    mobile, redox = _names(given, "mobile"), _names(given, "redox")
    carriers = given.get("electronic_carriers", False)
    if not isinstance(carriers, bool):
        raise ModelError(f"true or false is needed, got {carriers!r}", "electronic_carriers")
    material = {key: value for key, value in given.items() if key not in LAYER_KEYS}
    system = defects_of_mapping(material, problems=problems, prefix=prefix, folder=base)
    if mobile == ("all",):
        mobile = tuple(d.name for d in system.defects)
    return LayerDefects(
        system=system,
        mobile=mobile,
        redox=redox or (),
        electronic_carriers=carriers,
        data=dict(given),
        folder=base,
    )


def _names(given: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    """Return the names that a key lists, one of them or several; None where it is not given."""
    value = given.get(key)
    if value is None:
        return None
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else (None,)
    if not all(isinstance(name, str) for name in names):
        raise ModelError(f"names of defects are needed, got {value!r}", key)
    return tuple(map(str, names))
