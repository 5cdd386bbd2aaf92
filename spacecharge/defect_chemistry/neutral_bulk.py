"""Fermi level and concentrations of a neutral bulk: one root of one monotone function.

Positive and negative charge are summed apart, as logarithms: ``h(E_F) = ln P - ln N`` falls strictly with the Fermi
level, neither over- nor underflows, and is close to a straight line where one pair of species rules, so that a
bracketed root finds it to the last digits. Where no Fermi level balances the charges, that is said with numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, BOLTZMANN_EV, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from ..errors import ModelError
from .notes import notes_on
from .system import PER_CM3, Defect, DefectSystem, check_number

Array = NDArray[np.float64]

WIDEST_EV = 120.0
"""Fermi levels are searched this far from the valence band edge; formation energies reach 100 eV."""


class EquilibriumError(ModelError):
    """No Fermi level makes the material neutral."""


@dataclass(frozen=True, slots=True)
class StateConcentration:
    """How many defects are in one charge state.

    Attributes
    ----------
    defect : str
        Name of the defect.
    charge : float
        Charge of the state [1].
    per_cm3 : float
        Concentration [cm^-3].
    """

    defect: str
    charge: float
    per_cm3: float


@dataclass(frozen=True, slots=True)
class Equilibrium:
    """A neutral bulk.

    Attributes
    ----------
    system : DefectSystem
        What was solved.
    temperature_K : float
        Temperature [K].
    potential_V : float or None
        Potential against Li/Li+, if one was given [V].
    frozen_at_K : float or None
        Temperature that the frozen totals come from [K].
    fermi_level_eV : float
        Fermi level above the valence band edge [eV].
    electrons_per_cm3, holes_per_cm3 : float
        n and p, 0 without bands [cm^-3].
    states : tuple of StateConcentration
        Every charge state.
    empty_shares : mapping of str to float
        Share of the sites left to them that is empty, for defects whose states are limited by sites [1].
    charge_balance : float
        (positive - negative)/(positive + negative) charge: what rounding left [1].
    notes : tuple of str
        What a reader of the numbers should know.
    """

    system: DefectSystem
    temperature_K: float
    potential_V: float | None
    frozen_at_K: float | None
    fermi_level_eV: float
    electrons_per_cm3: float
    holes_per_cm3: float
    states: tuple[StateConcentration, ...]
    empty_shares: Mapping[str, float]
    charge_balance: float
    notes: tuple[str, ...]

    def concentration_per_cm3(self, name: str, charge: float | None = None) -> float:
        """Return the concentration of a defect [cm^-3].

        Parameters
        ----------
        name, charge : str, float
            Of the defect, and of one of its states [1]; without it all states together.

        Raises
        ------
        ModelError
            There is no such defect or state.
        """
        found = [s.per_cm3 for s in self.states if s.defect == name and (charge is None or s.charge == charge)]
        if not found:
            known = ", ".join(dict.fromkeys(s.defect for s in self.states))
            raise ModelError(f"no such defect or charge state (known: {known})", name)
        return math.fsum(found)

    @property
    def totals_per_cm3(self) -> dict[str, float]:
        """Total of every defect [cm^-3]."""
        return {d.name: self.concentration_per_cm3(d.name) for d in self.system.defects}

    def debye_length_nm(self, permittivity: float, carriers: Mapping[str, float] | None = None) -> float:
        """Return the Debye length of the carriers named, sqrt(eps0 eps kT / (e^2 sum q^2 c)).

        Parameters
        ----------
        permittivity : float
            Relative permittivity [1].
        carriers : mapping of str to float, optional
            Names of the mobile defects with the charge of the state that counts. Default: every charged state.

        Returns
        -------
        float
            Debye length [nm]; inf without carriers. Dilute: sites that run out are not in it.
        """
        total = math.fsum(
            s.charge**2 * s.per_cm3
            for s in self.states
            if (s.charge != 0.0 if carriers is None else carriers.get(s.defect) == s.charge)
        )
        if carriers is None:
            total += self.electrons_per_cm3 + self.holes_per_cm3
        if total == 0.0:
            return math.inf
        kt = BOLTZMANN * self.temperature_K
        return 1e9 * math.sqrt(VACUUM_PERMITTIVITY * permittivity * kt / (ELEMENTARY_CHARGE**2 * total * PER_CM3))

    def as_dict(self) -> dict[str, object]:
        """Return everything as plain numbers and texts, keys with units."""
        return {
            "source": self.system.source,
            "temperature_K": self.temperature_K,
            "potential_V": self.potential_V,
            "frozen_at_K": self.frozen_at_K,
            "fermi_level_eV": self.fermi_level_eV,
            "electrons_per_cm3": self.electrons_per_cm3,
            "holes_per_cm3": self.holes_per_cm3,
            "concentrations_per_cm3": self.totals_per_cm3,
            "states_per_cm3": {
                d.name: {f"{s.charge:+g}": s.per_cm3 for s in self.states if s.defect == d.name}
                for d in self.system.defects
            },
            "fixed_charges_per_cm3": {
                f.name: {"charge": f.charge, "concentration_per_cm3": f.concentration_per_cm3}
                for f in self.system.fixed_charges
            },
            "charge_balance": self.charge_balance,
            "notes": list(self.notes),
        }


@dataclass(slots=True)
class _Equations:
    """The states as arrays: ln c = capacity + weight(E_F) - ln(offset + sum of the group's weights)."""

    charge: Array
    energy: Array
    """Formation energy at E_F = 0, the potential included [kT]."""
    degeneracy: Array
    """ln g."""
    capacity: Array
    """ln of what the group holds in all: its sites, or its fixed total [m^-3]."""
    group: NDArray[np.int64]
    dilute: NDArray[np.bool_]
    limited: NDArray[np.bool_]
    """Groups with empty sites of weight 1."""
    positive: float
    negative: float
    """Charge that does not depend on the Fermi level [m^-3]."""

    def log_concentrations(self, x: float) -> Array:
        """Return ln c of every state at the Fermi level x [kT]."""
        weight = self.degeneracy - self.energy - self.charge * x
        return weight if weight.size == 0 else self.capacity + weight - self._log_totals(weight)

    def _log_totals(self, weight: Array) -> Array:
        """Return, for every state, ln of what the weights of its group add up to, empty sites included."""
        starts = np.flatnonzero(np.diff(self.group, prepend=-1))
        totals = np.logaddexp.reduceat(weight, starts)
        totals = np.where(self.limited[starts], np.logaddexp(0.0, totals), totals)
        totals = np.where(self.dilute[starts], 0.0, totals)
        return np.repeat(totals, np.diff(starts, append=weight.size))

    def empty_shares(self, x: float, keys: list[tuple[str, float]]) -> dict[str, float]:
        """Return the empty share of the sites of every defect that is limited by sites."""
        if self.charge.size == 0:
            return {}
        # Of defects without a limit the total may be anything; only those with one are asked for, at least ln 1.
        totals = np.maximum(self._log_totals(self.degeneracy - self.energy - self.charge * x), 0.0)
        shares = np.exp(-totals)
        return {name: float(shares[i]) for i, (name, _) in enumerate(keys) if self.limited[i]}


def equilibrium(
    system: DefectSystem,
    *,
    temperature_K: float | None = None,
    potential_V: float | None = None,
    frozen_at_K: float | None = None,
) -> Equilibrium:
    """Return Fermi level and concentrations of a neutral material.

    ``c_q = N g_q exp[-(E_q + q E_F + dn_Li e (U - U_ref))/kT]``, or the same weights shared out over the sites of a
    pool; electrons and holes from the bands; ``sum q c_q + p - n + fixed charges = 0`` gives E_F.

    Parameters
    ----------
    system : DefectSystem
        Defects, bands, dopants.
    temperature_K : float, optional
        Temperature [K]. Default: the system's.
    potential_V : float, optional
        Potential U of the material against Li/Li+ [V]: sets mu_Li = mu_Li(metal) - e U. Default: the potential at
        which the formation energies were computed.
    frozen_at_K : float, optional
        Below it the total of every defect that freezes keeps its value of that temperature, taken at the reference
        potential (a later potential does not change what was fired); its charge states and the carriers
        re-equilibrate. Default: the system's.

    Returns
    -------
    Equilibrium
        Neutral to rounding.

    Raises
    ------
    EquilibriumError
        No Fermi level makes it neutral; the message says which charge is missing.
    ModelError
        A number out of range, or a potential where lithium counts or the reference potential are not known.

    References
    ----------
    .. [1] J. Buckeridge, Comput. Phys. Commun. 244, 329 (2019). DOI 10.1016/j.cpc.2019.06.017.
    """
    kelvin = check_number(
        system.temperature_K if temperature_K is None else temperature_K, "temperature_K", "temperature_K"
    )
    frozen = system.frozen_at_K if frozen_at_K is None else check_number(frozen_at_K, "temperature_K", "frozen_at_K")
    shift = _potential_shift(system, potential_V)
    totals: dict[str, float] = {}
    if frozen is not None and kelvin < frozen:
        before = _solve(system, frozen, 0.0, {})
        totals = {d.name: before.concentration_per_cm3(d.name) for d in system.defects if d.frozen}
    result = _solve(system, kelvin, shift, totals)
    return Equilibrium(
        system,
        kelvin,
        potential_V,
        frozen if totals else None,
        result.fermi_level_eV,
        result.electrons_per_cm3,
        result.holes_per_cm3,
        result.states,
        result.empty_shares,
        result.charge_balance,
        (*system.notes, *result.notes),
    )


def reference_of(system: DefectSystem) -> float:
    """Return U_ref [V]; refuses potentials where nobody knows at which one the formation energies were computed."""
    if system.reference_potential_V is None:
        raise ModelError(
            "needed with a potential: the potential against Li/Li+ at which the formation energies were computed "
            "(--reference-potential-V on the command line)",
            "reference_potential_V",
        )
    return system.reference_potential_V


def _potential_shift(system: DefectSystem, potential_V: float | None) -> float:
    """Return U - U_ref [V], after checking that the shift has a meaning."""
    if potential_V is None:
        return 0.0
    check_number(potential_V, "potential_V", "potential_V")
    shift = potential_V - reference_of(system)
    if shift != 0.0:
        unknown = [d.name for d in system.defects if d.lithium_count is None]
        if unknown:
            raise ModelError(
                "needed with a potential: lithium atoms that the defect adds (vacancy -1, interstitial +1)",
                f"{unknown[0]}.lithium",
            )
    return shift


def _solve(system: DefectSystem, kelvin: float, shift: float, frozen_totals: Mapping[str, float]) -> Equilibrium:
    """Solve neutrality at one temperature, with the totals given held."""
    kt = BOLTZMANN_EV * kelvin
    equations, keys, held = _equations(system, kt, shift, frozen_totals)
    x = _fermi_level(system, equations, kelvin) / kt
    log_n, log_p = _carriers(system, x * kt, kelvin)
    with np.errstate(over="ignore"):
        concentrations = np.exp(equations.log_concentrations(x))
    if not np.isfinite(concentrations).all():
        name, charge = keys[int(np.argmax(~np.isfinite(concentrations)))]
        raise EquilibriumError(
            f"its concentration exceeds any number: its formation energy is far below zero at {kelvin:g} K "
            f"(charge {charge:+g}); give a pool of sites or check the energy",
            name,
        )
    found = dict(zip(keys, (concentrations / PER_CM3).tolist(), strict=True)) | held
    states = tuple(
        StateConcentration(d.name, s.charge, found[d.name, s.charge]) for d in system.defects for s in d.states
    )
    charged = equations.charge * concentrations
    positive = math.fsum([*charged[charged > 0.0].tolist(), math.exp(log_p), equations.positive])
    negative = math.fsum([*(-charged[charged < 0.0]).tolist(), math.exp(log_n), equations.negative])
    balance = (positive - negative) / (positive + negative) if positive + negative > 0.0 else 0.0
    n, p = math.exp(log_n) / PER_CM3, math.exp(log_p) / PER_CM3
    notes = tuple(notes_on(system, x * kt, states, frozen_totals, (log_n, log_p), kelvin))
    empty = equations.empty_shares(x, keys)
    return Equilibrium(system, kelvin, None, None, x * kt, n, p, states, empty, balance, notes)


def _carriers(system: DefectSystem, fermi_level_eV: float, kelvin: float) -> tuple[float, float]:
    if system.bands is None:
        return -math.inf, -math.inf
    return system.bands.log_densities(fermi_level_eV, kelvin, system.cell_volume_A3)


def _equations(
    system: DefectSystem, kt: float, shift: float, frozen_totals: Mapping[str, float]
) -> tuple[_Equations, list[tuple[str, float]], dict[tuple[str, float], float]]:
    """Return the states that follow the Fermi level, their keys, and the concentrations of those that are held."""
    rows: list[tuple[float, float, float, float, int, bool, bool]] = []
    keys: list[tuple[str, float]] = []
    held: dict[tuple[str, float], float] = {}
    groups: dict[str, int] = {}
    # Defects of one group stand together, whatever their order in the file: sums run over neighbours.
    shared = [(_capacity(system, defect, frozen_totals), defect) for defect in system.defects]
    for (capacity, dilute, limited, name), defect in sorted(shared, key=lambda entry: entry[0][3]):
        for state in defect.states:
            if state.fixed_concentration_per_cm3 is not None:
                held[defect.name, state.charge] = state.fixed_concentration_per_cm3
                continue
            assert state.formation_energy_eV is not None
            lithium = (defect.lithium_count or 0.0) * shift
            if capacity <= 0.0:
                held[defect.name, state.charge] = 0.0
                continue
            group = groups.setdefault(name, len(groups))
            energy = (state.formation_energy_eV + lithium) / kt
            rows.append((state.charge, energy, math.log(state.degeneracy), math.log(capacity), group, dilute, limited))
            keys.append((defect.name, state.charge))
    fixed = [q * c * PER_CM3 for (_, q), c in held.items()]
    fixed += [f.charge * f.concentration_per_cm3 * PER_CM3 for f in system.fixed_charges]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    arrays = [np.array(column, dtype=float) for column in columns[:4]]
    equations = _Equations(
        arrays[0], arrays[1], arrays[2], arrays[3],
        np.array(columns[4], dtype=np.int64), np.array(columns[5], dtype=bool), np.array(columns[6], dtype=bool),
        math.fsum(q for q in fixed if q > 0.0), -math.fsum(q for q in fixed if q < 0.0),
    )  # fmt: skip
    return equations, keys, held


def _capacity(
    system: DefectSystem, defect: Defect, frozen_totals: Mapping[str, float]
) -> tuple[float, bool, bool, str]:
    """Return what the states of a defect share [m^-3], whether they are dilute, or limited, and their group's name."""
    total = frozen_totals.get(defect.name, defect.fixed_concentration_per_cm3)
    if total is not None:
        inside = sum(s.fixed_concentration_per_cm3 or 0.0 for s in defect.states)
        return max(total - inside, 0.0) * PER_CM3, False, False, f"total {defect.name}"
    sites = system.density_per_m3(defect.sites_per_cell)
    if defect.pool is None:
        if system.statistics == "dilute":
            return sites, True, False, f"dilute {defect.name}"
        members: list[Defect] = [defect]
    else:
        members = [d for d in system.defects if d.pool == defect.pool]
    taken = 0.0
    for member in members:
        fixed = frozen_totals.get(member.name, member.fixed_concentration_per_cm3)
        taken += fixed if fixed is not None else sum(s.fixed_concentration_per_cm3 or 0.0 for s in member.states)
    if taken * PER_CM3 > sites * (1.0 + 1e-12):
        raise EquilibriumError(
            f"{taken:g} cm-3 are held on its {sites / PER_CM3:g} sites per cm3", defect.pool or defect.name
        )
    return sites - taken * PER_CM3, False, True, f"pool {defect.pool}" if defect.pool else f"own {defect.name}"


def _log_charges(
    system: DefectSystem, equations: _Equations, fermi_level_eV: float, kelvin: float
) -> tuple[float, float]:
    """Return ln of the positive and of the negative charge [m^-3]."""
    log_n, log_p = _carriers(system, fermi_level_eV, kelvin)
    logs = equations.log_concentrations(fermi_level_eV / (BOLTZMANN_EV * kelvin))
    sums = []
    for sign, carrier, fixed in ((1.0, log_p, equations.positive), (-1.0, log_n, equations.negative)):
        chosen = equations.charge * sign > 0.0
        terms = [*(logs[chosen] + np.log(np.abs(equations.charge[chosen]))).tolist(), carrier]
        terms.append(math.log(fixed) if fixed > 0.0 else -math.inf)
        sums.append(float(np.logaddexp.reduce(terms)))
    return sums[0], sums[1]


def _fermi_level(system: DefectSystem, equations: _Equations, kelvin: float) -> float:
    """Return the Fermi level at which positive and negative charge are equal [eV]."""
    from scipy.optimize import brentq

    def excess(level: float) -> float:
        positive, negative = _log_charges(system, equations, level, kelvin)
        if positive == negative == -math.inf:
            return 0.0
        return min(max(positive - negative, -1e6), 1e6)

    middle = 0.5 * (system.bands.band_gap_eV if system.bands is not None else 0.0)
    low = high = middle
    step = 1.0
    while excess(low) < 0.0 and low > -WIDEST_EV:
        low, step = max(low - step, -WIDEST_EV), 2.0 * step
    step = 1.0
    while excess(high) > 0.0 and high < WIDEST_EV:
        high, step = min(high + step, WIDEST_EV), 2.0 * step
    if excess(low) < 0.0 or excess(high) > 0.0:
        at = low if excess(low) < 0.0 else high
        positive, negative = (math.exp(min(v, 700.0)) / PER_CM3 for v in _log_charges(system, equations, at, kelvin))
        lacking = "positive" if positive < negative else "negative"
        small, large = sorted((positive, negative))
        if small == 0.0:
            raise EquilibriumError(
                f"no Fermi level makes it neutral at {kelvin:g} K: nothing in it is {lacking}; {lacking} defects, "
                "carriers or fixed charges are missing"
            )
        raise EquilibriumError(
            f"no Fermi level makes it neutral at {kelvin:g} K: the {lacking} charge reaches {small:.4g} e/cm3 at the "
            f"most, {large:.4g} e/cm3 are needed; {lacking} defects, carriers or fixed charges are missing"
        )
    if low == high:
        return middle
    # The smallest tolerances that brentq takes: the answer is a root to the last digits.
    return float(brentq(excess, low, high, xtol=1e-300, rtol=8.9e-16, maxiter=500))
