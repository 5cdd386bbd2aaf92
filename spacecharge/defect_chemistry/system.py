"""What a material's defects are: species, charge states, sites, and the bands they exchange electrons with.

Plain data with the units in the names, as defect calculations give them: eV against the valence band edge, sites per
cell, Angstrom, cm^-3. :mod:`~spacecharge.defect_chemistry.neutral_bulk` turns them into concentrations.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ModelError
from .bands import Bands

RANGES: dict[str, tuple[float, float]] = {
    "charge": (-20.0, 20.0),
    "formation_energy_eV": (-100.0, 100.0),
    "degeneracy": (1e-6, 1e9),
    "sites_per_cell": (0.0, 1e6),
    "lithium": (-20.0, 20.0),
    "concentration_per_cm3": (0.0, 1e26),
    "cell_volume_A3": (0.0, 1e7),
    "temperature_K": (1.0, 5000.0),
    "potential_V": (-20.0, 20.0),
}
"""Allowed range of every number, in the unit of its name; sites and volume exclude zero."""

PER_CM3 = 1e6
"""One per cubic centimetre [m^-3]."""

_ABOVE_ZERO = ("sites_per_cell", "cell_volume_A3")
_WHOLE = ("charge", "lithium")
STATISTICS_NAMES = ("dilute", "pool")


def check_number(value: object, key: str, path: str = "") -> float:
    """Return `value` as a float inside the range of `key`, or say what is wrong.

    Parameters
    ----------
    value : object
        What was given.
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
        No finite number, or out of range.
    """
    low, high = RANGES[key]
    bound = "above 0" if key in _ABOVE_ZERO else f"{low:g}"
    allowed = f"allowed: {bound} to {high:g}" + (", whole" if key in _WHOLE else "")
    if isinstance(value, (bool, str)) or not (isinstance(value, (int, float)) or hasattr(value, "__float__")):
        raise ModelError(f"a number is needed, got {value!r} ({allowed})", path)
    number = float(value)
    outside = not math.isfinite(number) or not low <= number <= high or (key in _ABOVE_ZERO and number <= low)
    if outside or (key in _WHOLE and number != round(number)):
        raise ModelError(f"{number:g} is out of range ({allowed})", path)
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeState:
    """One charge state of a defect.

    Parameters
    ----------
    charge : float
        Charge q in units of e, a whole number [1].
    formation_energy_eV : float, optional
        Formation energy with the Fermi level at the valence band edge, at the reference potential [eV].
    degeneracy : float
        Spin and configurations of one site, g [1].
    fixed_concentration_per_cm3 : float, optional
        Held at this value instead of following its energy [cm^-3].
    """

    charge: float
    formation_energy_eV: float | None = None
    degeneracy: float = 1.0
    fixed_concentration_per_cm3: float | None = None

    def __post_init__(self) -> None:
        check_number(self.charge, "charge", "charge")
        check_number(self.degeneracy, "degeneracy", "degeneracy")
        if self.formation_energy_eV is not None:
            check_number(self.formation_energy_eV, "formation_energy_eV", "formation_energy_eV")
        if self.fixed_concentration_per_cm3 is not None:
            check_number(self.fixed_concentration_per_cm3, "concentration_per_cm3", "fixed_concentration_per_cm3")
        elif self.formation_energy_eV is None:
            raise ModelError("a formation energy or a fixed concentration is needed", "formation_energy_eV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """A defect species: one kind of site, several charge states.

    Parameters
    ----------
    name : str
        The user's name, e.g. ``v_Li``.
    sites_per_cell : float
        Sites on which it can form, per cell [1].
    states : tuple of ChargeState
        Its charge states, every charge once.
    lithium : float, optional
        Lithium atoms that it adds to the crystal: -1 for a vacancy, +1 for an interstitial [1]. Default: read from
        names such as ``v_Li``, ``Li_i``, ``Zr_Li``; where a name does not say it, a change of potential is refused.
    pool : str, optional
        Defects of one pool share its sites; default: sites of its own.
    fixed_concentration_per_cm3 : float, optional
        Total held at this value, its charge states re-equilibrate [cm^-3].
    frozen : bool
        Takes part in the freezing below ``frozen_at_K``.
    """

    name: str
    sites_per_cell: float
    states: tuple[ChargeState, ...]
    lithium: float | None = None
    pool: str | None = None
    fixed_concentration_per_cm3: float | None = None
    frozen: bool = True

    def __post_init__(self) -> None:
        check_number(self.sites_per_cell, "sites_per_cell", f"{self.name}.sites_per_cell")
        if not self.states:
            raise ModelError("at least one charge state is needed", f"{self.name}.states")
        charges = [state.charge for state in self.states]
        if len(set(charges)) != len(charges):
            twice = next(q for q in charges if charges.count(q) > 1)
            raise ModelError(f"the charge {twice:+g} stands twice", f"{self.name}.states")
        if self.lithium is not None:
            check_number(self.lithium, "lithium", f"{self.name}.lithium")
        if self.fixed_concentration_per_cm3 is not None:
            path = f"{self.name}.fixed_concentration_per_cm3"
            total = check_number(self.fixed_concentration_per_cm3, "concentration_per_cm3", path)
            held = sum(s.fixed_concentration_per_cm3 or 0.0 for s in self.states)
            if held > total * (1.0 + 1e-12):
                raise ModelError(f"its states hold {held:g} cm-3, more than the total of {total:g} cm-3", path)
            if all(s.fixed_concentration_per_cm3 is not None for s in self.states) and held < total * (1.0 - 1e-12):
                raise ModelError(f"all its states are fixed, at {held:g} cm-3 instead of {total:g} cm-3", path)

    @property
    def lithium_count(self) -> float | None:
        """Lithium atoms added: as given, else as the name says, else None."""
        return self.lithium if self.lithium is not None else lithium_from_name(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedCharge:
    """Charge that does not react, e.g. a dopant.

    Parameters
    ----------
    name : str
        The user's name.
    charge : float
        Charge of one of them, in units of e [1].
    concentration_per_cm3 : float
        How many [cm^-3].
    """

    name: str
    charge: float
    concentration_per_cm3: float

    def __post_init__(self) -> None:
        path = f"{self.name}.charge"
        if not (isinstance(self.charge, (int, float)) and -20.0 <= self.charge <= 20.0):
            raise ModelError(f"{self.charge!r} is out of range (allowed: -20 to 20)", path)
        check_number(self.concentration_per_cm3, "concentration_per_cm3", f"{self.name}.concentration_per_cm3")


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectSystem:
    """All defects of a material, and the bands.

    Parameters
    ----------
    defects : tuple of Defect
        Every name once.
    cell_volume_A3 : float
        Volume of the cell that the sites are counted in [A^3].
    bands : Bands, optional
        Electrons and holes; default: none take part.
    fixed_charges : tuple of FixedCharge
        Dopants.
    temperature_K : float
        Temperature that the file states [K].
    statistics : {"dilute", "pool"}
        ``dilute``: c = N g exp(-E/kT). ``pool``: the states of a defect share its sites, c = N g w/(1 + sum g w).
        Defects that name a pool of theirs share it under both.
    frozen_at_K : float, optional
        Below it every total keeps the value of this temperature [K].
    reference_potential_V : float, optional
        Potential against Li/Li+ at which the formation energies were computed [V].
    notes : tuple of str
        What a reader had to decide, in words.
    source : str
        File that it was read from.

    Attributes
    ----------
    pools : dict of str to float
        Name of every pool of sites that defects share, and its sites per cell.
    """

    defects: tuple[Defect, ...]
    cell_volume_A3: float
    bands: Bands | None = None
    fixed_charges: tuple[FixedCharge, ...] = ()
    temperature_K: float = 298.15
    statistics: str = "dilute"
    frozen_at_K: float | None = None
    reference_potential_V: float | None = None
    notes: tuple[str, ...] = field(default=(), repr=False)
    # Not in the repr, which results are recognised by: a run is resumed under whatever path its files are called.
    source: str = field(default="", repr=False)
    pools: dict[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_number(self.cell_volume_A3, "cell_volume_A3", "cell_volume_A3")
        check_number(self.temperature_K, "temperature_K", "temperature_K")
        if self.frozen_at_K is not None:
            check_number(self.frozen_at_K, "temperature_K", "frozen_at_K")
        if self.reference_potential_V is not None:
            check_number(self.reference_potential_V, "potential_V", "reference_potential_V")
        if self.statistics not in STATISTICS_NAMES:
            raise ModelError(f"{self.statistics!r} is not known (allowed: dilute, pool)", "statistics")
        if not self.defects:
            raise ModelError("at least one defect is needed", "species")
        names = [d.name for d in self.defects] + [f.name for f in self.fixed_charges]
        if len(set(names)) != len(names):
            raise ModelError("the name stands twice", next(n for n in names if names.count(n) > 1))
        pools: dict[str, float] = {}
        for defect in self.defects:
            if defect.pool is not None:
                sites = pools.setdefault(defect.pool, defect.sites_per_cell)
                if sites != defect.sites_per_cell:
                    raise ModelError(
                        f"{defect.sites_per_cell:g} sites, but its pool {defect.pool} has {sites:g}",
                        f"{defect.name}.sites_per_cell",
                    )
        object.__setattr__(self, "pools", pools)

    def replace(self, **changes: Any) -> DefectSystem:
        """Return a copy with the given fields changed.

        Parameters
        ----------
        **changes
            New values by name, as the constructor takes them; they are checked as there.

        Returns
        -------
        DefectSystem
        """
        return replace(self, **changes)

    def defect(self, name: str) -> Defect:
        """Return one defect.

        Parameters
        ----------
        name : str
            Of the defect.

        Returns
        -------
        Defect

        Raises
        ------
        ModelError
            There is none.
        """
        for defect in self.defects:
            if defect.name == name:
                return defect
        raise ModelError(f"no such defect (known: {', '.join(d.name for d in self.defects)})", name)

    def density_per_m3(self, per_cell: float) -> float:
        """Return a number per cell as a density.

        Parameters
        ----------
        per_cell : float
            Number in the cell of the file [1].

        Returns
        -------
        float
            [m^-3]
        """
        return per_cell / (self.cell_volume_A3 * 1e-30)

    def __str__(self) -> str:
        return (
            f"{len(self.defects)} defects in {self.cell_volume_A3:g} A3"
            f"{f', {len(self.fixed_charges)} fixed charges' if self.fixed_charges else ''}, {self.bands or 'no bands'}"
        )


_PARTS = re.compile(r"(v|V|Va|va|vac|Vac|[A-Z][a-z]?)_(i|int|[A-Z][a-z]?)(?:_.*)?\Z")


def lithium_from_name(name: str) -> float | None:
    """Return how many lithium atoms a defect adds, as its name says: ``A_B`` is A on a site of B.

    Parameters
    ----------
    name : str
        ``v_Li``, ``Li_i``, ``Zr_Li_tet``, ``La_Zr``, ...

    Returns
    -------
    float or None
        None where the name has another form.

    Examples
    --------
    >>> [lithium_from_name(name) for name in ("v_Li", "Li_i", "Zr_Li_tet", "La_Zr", "dopant")]
    [-1.0, 1.0, -1.0, 0.0, None]
    """
    match = _PARTS.match(name)
    if match is None:
        return None
    # A vacancy and an interstitial site are no atoms; "V" alone is read as a vacancy, as in V_O.
    return float(match[1] == "Li") - float(match[2] == "Li")
