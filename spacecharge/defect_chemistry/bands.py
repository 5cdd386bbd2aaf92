"""Electrons and holes: from a density of states, or from effective densities of states.

Both give the logarithms of n and p, so that a gap of 6 eV at 100 K does not underflow.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN, BOLTZMANN_EV, ELECTRON_MASS, PLANCK_REDUCED
from ..errors import ModelError
from .fermi_dirac import fermi_integral

Array = NDArray[np.float64]

CARRIER_STATISTICS = ("boltzmann", "fermi_dirac")
LOWEST_LEVEL = -40.0
"""Below this eta F(eta) is exp(eta) to the last digit."""

QUADRATURES = ("edges", "mid_gap")
EDGE_TOLERANCE_EV = 1e-6
"""A grid point this close below an edge is the edge: energies are printed to four digits or more."""


class Bands(Protocol):
    """What the equilibrium asks of the bands."""

    @property
    def band_gap_eV(self) -> float:
        """Gap [eV]."""
        ...

    def log_densities(self, fermi_level_eV: float, temperature_K: float, cell_volume_A3: float) -> tuple[float, float]:
        """Return the logarithms of the densities of electrons and holes.

        Parameters
        ----------
        fermi_level_eV : float
            Above the valence band maximum [eV].
        temperature_K : float
            [K]
        cell_volume_A3 : float
            Of the cell that the density of states counts for [A^3].

        Returns
        -------
        ln_n, ln_p : float
            n and p in m^-3.
        """
        ...

    def digest(self) -> str:
        """Return a text that changes with every number of the bands."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveBands:
    """Two parabolic bands: n = N_c F[(E_F - E_gap)/kT], p = N_v F(-E_F/kT).

    F is exp with Boltzmann statistics, where n p = n_i^2, and the Fermi-Dirac integral of order 1/2 where the carriers
    are degenerate, above a tenth of N_c or N_v: there n p falls short of n_i^2.

    Parameters
    ----------
    band_gap_eV : float
        Gap [eV].
    conduction_per_cm3, valence_per_cm3 : float, optional
        Effective densities of states N_c and N_v [cm^-3], at every temperature.
    electron_mass, hole_mass : float, optional
        Density-of-states effective masses in units of the electron's instead: N = 2 (2 pi m kT/h^2)^(3/2).
    carrier_statistics : {"boltzmann", "fermi_dirac"}
        How the bands are filled.

    References
    ----------
    .. [1] J. S. Blakemore, Solid-State Electron. 25, 1067 (1982).
    """

    band_gap_eV: float
    conduction_per_cm3: float | None = None
    valence_per_cm3: float | None = None
    electron_mass: float | None = None
    hole_mass: float | None = None
    # Not in the repr: what was computed before there was a choice is still recognised by its digest.
    carrier_statistics: str = field(default="boltzmann", repr=False)

    def __post_init__(self) -> None:
        if self.carrier_statistics not in CARRIER_STATISTICS:
            allowed = ", ".join(CARRIER_STATISTICS)
            raise ModelError(f"{self.carrier_statistics!r} is not known (allowed: {allowed})", "carrier_statistics")
        if not 0.0 < self.band_gap_eV <= 20.0:
            raise ModelError(f"{self.band_gap_eV:g} is out of range (allowed: above 0 to 20)", "band_gap_eV")
        for density, mass in (("conduction_per_cm3", "electron_mass"), ("valence_per_cm3", "hole_mass")):
            given = [name for name in (density, mass) if getattr(self, name) is not None]
            if len(given) != 1:
                raise ModelError(f"give either {density} or {mass}", given[0] if given else density)
            value = getattr(self, given[0])
            high = 1e26 if given[0] == density else 1e4
            if not (math.isfinite(value) and 0.0 < value <= high):
                raise ModelError(f"{value:g} is out of range (allowed: above 0 to {high:g})", given[0])

    def log_effective_densities(self, temperature_K: float) -> tuple[float, float]:
        """Return the logarithms of the effective densities of states of both bands.

        Parameters
        ----------
        temperature_K : float
            [K]

        Returns
        -------
        ln_conduction, ln_valence : float
            N_c and N_v in m^-3: those given, else 2 (m k T/2 pi hbar^2)^(3/2) of the effective masses.
        """
        kt = BOLTZMANN * temperature_K
        unit = 2.0 * (ELECTRON_MASS * kt / (2.0 * math.pi * PLANCK_REDUCED**2)) ** 1.5
        logs = []
        for density, mass in ((self.conduction_per_cm3, self.electron_mass), (self.valence_per_cm3, self.hole_mass)):
            if density is not None:
                logs.append(math.log(density * 1e6))
            else:
                assert mass is not None
                logs.append(math.log(unit) + 1.5 * math.log(mass))
        return logs[0], logs[1]

    def log_densities(self, fermi_level_eV: float, temperature_K: float, cell_volume_A3: float) -> tuple[float, float]:
        """Return the logarithms of the densities of electrons and holes.

        Parameters
        ----------
        fermi_level_eV : float
            Above the valence band maximum [eV].
        temperature_K : float
            [K]
        cell_volume_A3 : float
            Of the cell that the density of states counts for [A^3].

        Returns
        -------
        ln_n, ln_p : float
            n and p in m^-3.
        """
        kt = BOLTZMANN_EV * temperature_K
        conduction, valence = self.log_effective_densities(temperature_K)
        below_conduction, above_valence = (self.band_gap_eV - fermi_level_eV) / kt, fermi_level_eV / kt
        if self.is_degenerate:
            return conduction + _log_fermi(-below_conduction), valence + _log_fermi(-above_valence)
        return conduction - below_conduction, valence - above_valence

    @property
    def is_degenerate(self) -> bool:
        """Whether the bands are filled by Fermi and Dirac."""
        return self.carrier_statistics == "fermi_dirac"

    def digest(self) -> str:
        """Return a text that changes with every number of the bands."""
        return repr(self) + (self.carrier_statistics if self.is_degenerate else "")

    def __str__(self) -> str:
        return f"gap {self.band_gap_eV:g} eV, effective densities of states" + (
            " filled by Fermi and Dirac" if self.is_degenerate else ""
        )


def _log_fermi(eta: float) -> float:
    """Return ln of the Fermi-Dirac integral of order 1/2."""
    return eta if eta < LOWEST_LEVEL else math.log(float(fermi_integral(0.5, eta)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DensityOfStates:
    """Bands as a calculated density of states, filled by Fermi and Dirac.

    Parameters
    ----------
    energy_eV : array_like, shape (n,)
        Rising energies, 0 at the valence band edge [eV].
    states_per_eV : array_like, shape (n,) or (2, n)
        Density of states of the cell, summed over two spins if there are two [eV^-1]; its scale does not matter.
    band_gap_eV : float
        Gap [eV].
    electrons_per_cell : float
        Electrons of the cell: the valence states are normalised to them [1].
    quadrature : {"edges", "mid_gap"}
        ``edges`` (SC-Fermi's): trapezoids, the valence band up to the first grid point at or above 0, the conduction
        band from the first grid point at or above the gap. ``mid_gap`` (py-sc-fermi's): trapezoids up to, and from,
        the middle of the gap, in between which a smeared density of states is not cut.

    Notes
    -----
    Where the density of states is steep at an edge, the two differ by one grid step: 40 % of n for t-LLZO on a grid
    of 21.5 meV at 1400 K, 1e-8 of the ions.
    """

    energy_eV: ArrayLike
    states_per_eV: ArrayLike
    band_gap_eV: float
    electrons_per_cell: float
    quadrature: str = "edges"
    _valence: tuple[Array, Array] = field(init=False, repr=False)
    _conduction: tuple[Array, Array] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        energy = np.asarray(self.energy_eV, dtype=float)
        states = np.asarray(self.states_per_eV, dtype=float)
        states = states.sum(axis=0) if states.ndim == 2 else states
        if self.quadrature not in QUADRATURES:
            raise ModelError(f"{self.quadrature!r} is not known (allowed: {', '.join(QUADRATURES)})", "quadrature")
        self._check(energy, states)
        if self.quadrature == "mid_gap":
            valence_edge, conduction_edge = (
                int(np.abs(energy).argmin()),
                int(np.abs(energy - self.band_gap_eV).argmin()),
            )
            middle = (valence_edge + conduction_edge) // 2
            last, first = max(middle, valence_edge + 1), min(middle, conduction_edge - 1) + 1
        else:
            last = int(np.argmax(energy >= -EDGE_TOLERANCE_EV)) + 1
            first = int(np.argmax(energy >= self.band_gap_eV - EDGE_TOLERANCE_EV))
        weights = _trapezoid(energy[:last]) * states[:last]
        total = float(weights.sum())
        if not total > 0.0:
            raise ModelError("no states below the gap: nothing to normalise to", "density_of_states")
        scale = self.electrons_per_cell / total
        for name, block, weight in (
            ("_valence", slice(0, last), weights * scale),
            ("_conduction", slice(first, None), _trapezoid(energy[first:]) * states[first:] * scale),
        ):
            filled = weight > 0.0
            object.__setattr__(self, name, (energy[block][filled], np.log(weight[filled])))

    def _check(self, energy: Array, states: Array) -> None:
        path = "density_of_states"
        if energy.ndim != 1 or energy.shape != states.shape or energy.size < 3:
            raise ModelError(f"energies {energy.shape} and states {states.shape} need one shape, at least 3 long", path)
        if not (np.isfinite(energy).all() and np.isfinite(states).all()):
            raise ModelError("holds a number that is not finite", path)
        if not (np.diff(energy) > 0.0).all():
            at = int(np.argmax(np.diff(energy) <= 0.0)) + 1
            raise ModelError(f"energies must rise, entry {at + 1} ({energy[at]:g} eV) does not", path)
        if (states < 0.0).any():
            at = int(np.argmax(states < 0.0))
            raise ModelError(f"entry {at + 1} ({energy[at]:g} eV) is negative", path)
        if not 0.0 < self.band_gap_eV <= 20.0:
            raise ModelError(f"{self.band_gap_eV:g} is out of range (allowed: above 0 to 20)", "band_gap_eV")
        if not (energy[0] < 0.0 and energy[-1] > self.band_gap_eV):
            raise ModelError(
                f"reaches from {energy[0]:g} to {energy[-1]:g} eV; it must hold 0 (valence band edge) and the gap of "
                f"{self.band_gap_eV:g} eV",
                path,
            )
        if not (math.isfinite(self.electrons_per_cell) and self.electrons_per_cell > 0.0):
            raise ModelError(f"{self.electrons_per_cell:g} is out of range (allowed: above 0)", "electrons_per_cell")

    def log_densities(self, fermi_level_eV: float, temperature_K: float, cell_volume_A3: float) -> tuple[float, float]:
        """Return the logarithms of the densities of electrons and holes.

        Parameters
        ----------
        fermi_level_eV : float
            Above the valence band maximum [eV].
        temperature_K : float
            [K]
        cell_volume_A3 : float
            Of the cell that the density of states counts for [A^3].

        Returns
        -------
        ln_n, ln_p : float
            n and p in m^-3.
        """
        kt = BOLTZMANN_EV * temperature_K
        volume = math.log(cell_volume_A3 * 1e-30)
        logs = []
        for (energy, weight), sign in ((self._conduction, 1.0), (self._valence, -1.0)):
            if energy.size == 0:
                logs.append(-math.inf)
                continue
            terms = weight - np.logaddexp(0.0, sign * (energy - fermi_level_eV) / kt)
            logs.append(float(np.logaddexp.reduce(terms)) - volume)
        return logs[0], logs[1]

    def digest(self) -> str:
        """Return a text that changes with every number of the bands."""
        parts = (self._valence, self._conduction)
        return hashlib.sha256(b"".join(a.tobytes() for part in parts for a in part)).hexdigest() + repr(
            self.band_gap_eV
        )

    def __str__(self) -> str:
        return (
            f"gap {self.band_gap_eV:g} eV, density of states of {np.size(self.energy_eV)} energies, "
            f"{self.electrons_per_cell:g} electrons"
        )


def _trapezoid(energy: Array) -> Array:
    """Return the weights of the trapezoidal rule on a grid."""
    weights = np.zeros_like(energy)
    steps = 0.5 * np.diff(energy)
    weights[:-1] += steps
    weights[1:] += steps
    return weights
