"""One thick layer seen from one contact: local statistics free of cancellation.

Everything here is a function of the drive ``-z e (phi - phi_b)/kT`` of a species or of the shift
``Delta = ln[theta/(1-theta)] - ln[theta_b/(1-theta_b)]`` that answers it; both vanish in the bulk.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import Status
from ..constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from ..errors import MiscibilityGapError, ModelError
from ..model import StackParameters, Transport
from .stability import critical_interaction
from .statistics import Law, Pool, law_of

Array = NDArray[np.float64]

MAX_SHIFT = 1e4
"""Largest reduced potential that a fixed charge may raise (259 V at room temperature) [1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalState:
    """A species at given shifts; all arrays have the shape of the shifts.

    Attributes
    ----------
    occupancy, vacancy : ndarray
        theta and 1 - theta, each to full relative precision (vacancy NaN for dilute statistics) [1].
    change : ndarray
        theta - theta_b without cancellation [1].
    log_ratio, log_vacancy_ratio : ndarray
        ln(theta/theta_b) and ln[(1-theta)/(1-theta_b)]; finite where theta itself underflows [1].
    drive, slope : ndarray
        (mu - mu_b)/kT and its derivative by the shift [1].
    """

    occupancy: Array
    vacancy: Array
    change: Array
    log_ratio: Array
    log_vacancy_ratio: Array
    drive: Array
    slope: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One mobile species in one layer, in reduced units.

    Attributes
    ----------
    charge_number : float
        z [1].
    share : float
        Its sites over all sites of the layer [1].
    occupancy, vacancy : float
        Bulk values [1].
    occupied_interaction, vacancy_interaction : float
        J_occ/kT and J_vac/kT [1].
    law : Law
        Its statistics.
    conductivity : float
        Bulk conductivity, NaN where no diffusivity is given [S/m].
    needs_vacancy : bool
        The diffusivity follows 1 - theta.
    gap_down, gap_up : float
        Distance from the bulk, in the shift, to the next spinodal below and above [1].
    """

    charge_number: float
    share: float
    occupancy: float
    vacancy: float
    occupied_interaction: float
    vacancy_interaction: float
    law: Law
    conductivity: float
    needs_vacancy: bool
    gap_down: float
    gap_up: float

    @property
    def interacts(self) -> bool:
        """Whether the chemical potential has an interaction part."""
        return self.occupied_interaction != 0.0 or self.vacancy_interaction != 0.0

    def state(self, shift: ArrayLike) -> LocalState:
        """Return the local state at the given shifts from the bulk."""
        delta = np.asarray(shift, dtype=float)
        jo, jv = 4.0 / 3.0 * self.occupied_interaction, 4.0 / 3.0 * self.vacancy_interaction
        tb, nb = self.occupancy, self.vacancy
        at = self.law.shifted(delta, tb, nb)
        drive, slope = delta, np.ones_like(delta)
        if self.interacts:
            added, slope = self.law.interaction(at, tb, nb, jo, jv)
            drive = delta + added
        return LocalState(
            occupancy=at.occupancy,
            vacancy=at.vacancy,
            change=at.change,
            log_ratio=at.log_ratio,
            log_vacancy_ratio=at.log_vacancy_ratio,
            drive=drive,
            slope=slope,
        )

    def shift_of(self, drive: ArrayLike) -> Array:
        """Return the shifts that answer the given drives: safeguarded Newton on the monotone branch.

        Drives beyond the spinodal return the shift of the spinodal.
        """
        psi = np.asarray(drive, dtype=float)
        if not self.interacts:
            return psi
        direction, size = np.sign(psi), np.abs(psi)
        pull = max(-self.occupied_interaction, 0.0) + max(-self.vacancy_interaction, 0.0)
        edge = np.where(direction > 0, self.gap_up, self.gap_down)
        reach = size + 4.0 / 3.0 * pull
        if math.isfinite(self.law.largest_shift):
            # The cube root of an occupancy without bound is itself unbounded: leave the bracket to the edge.
            reach = np.where(pull > 0.0, np.inf, reach)
        high = np.minimum(np.minimum(reach, edge), self.law.largest_shift)
        low = np.zeros_like(size)
        bulk_slope = float(self.state(0.0).slope)
        shift = np.clip(size / bulk_slope, low, high)
        before = np.full_like(size, np.inf)
        for _ in range(200):
            state = self.state(direction * shift)
            miss = np.abs(state.drive) - size
            low, high = np.where(miss < 0.0, shift, low), np.where(miss < 0.0, high, shift)
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = shift - miss / state.slope
            # Strong repulsion bends the drive twice: Newton can swing between two points; it has to halve the miss.
            inside = (newton >= low) & (newton <= high) & (np.abs(miss) <= 0.5 * before)
            before = np.abs(miss)
            new = np.where(inside, newton, 0.5 * (low + high))
            # A Newton step of 1e-9 leaves an error of its square; a bisection has to shrink to round-off.
            done = np.abs(new - shift) <= np.where(inside, 1e-9, 4e-16) * np.abs(new)
            shift = new
            if done.all():
                break
        return np.asarray(direction * shift)

    def threshold(self, fraction: float, direction: float) -> float:
        """Return the size of the shift that ends the width: off bulk by `fraction` of min(theta_b, n_b)."""
        return self.law.threshold(direction * fraction, self.occupancy, self.vacancy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A thick layer seen from one of its contacts.

    Attributes
    ----------
    name : str
        Name of the layer.
    temperature, permittivity : float
        [K], relative permittivity [1].
    carriers : tuple of Carrier
        Species with sites in this layer.
    species : tuple of int
        Index of each carrier on the species axis.
    length : float
        ``sqrt(eps0 eps kT/(e^2 N))`` with N all sites of the layer [m].
    """

    name: str
    temperature: float
    permittivity: float
    carriers: tuple[Carrier, ...]
    species: tuple[int, ...]
    length: float

    @property
    def thermal_voltage(self) -> float:
        """kT/e [V]."""
        return BOLTZMANN * self.temperature / ELEMENTARY_CHARGE

    @property
    def charge_scale(self) -> float:
        """``eps0 eps kT/(e length)`` [C m-2]."""
        return VACUUM_PERMITTIVITY * self.permittivity * self.thermal_voltage / self.length

    @property
    def debye_length(self) -> float:
        """``sqrt(eps0 eps/(-d rho/d phi))`` in the bulk [m]."""
        total = 0.0
        for c in self.carriers:
            response = c.law.response(c.occupancy, c.vacancy)
            total += c.share * c.charge_number**2 * response / float(c.state(0.0).slope)
        return self.length / math.sqrt(total)

    @property
    def conductivity(self) -> float:
        """Bulk conductivity of the species with a diffusivity, NaN where there is none [S/m]."""
        given = [c.conductivity for c in self.carriers if math.isfinite(c.conductivity)]
        return sum(given) if given else math.nan

    def gap_message(self) -> str:
        """Name the layer, the unstable occupancies and the critical interaction.

        Returns
        -------
        str
            One line.
        """
        for c in self.carriers:
            jo, jv = c.occupied_interaction, c.vacancy_interaction
            ranges = c.law.unstable(jo, jv)
            if not ranges:
                continue
            energy = BOLTZMANN * self.temperature / ELEMENTARY_CHARGE
            factor = critical_interaction(self.temperature, jo, jv) / (BOLTZMANN * self.temperature)
            text = ", ".join(f"{a:.4g} to {b:.4g}" for a, b in ranges)
            return (
                f"{self.name}: miscibility gap at {self.temperature:g} K for occupancies {text} "
                f"(J_occ {jo * energy:.4g} eV, J_vac {jv * energy:.4g} eV; "
                f"critical: {jo * energy * factor:.4g} eV, {jv * energy * factor:.4g} eV)"
            )
        return f"{self.name}: the chemical potential is not monotone at {self.temperature:g} K"

    def along(self, sign: float, parameter: Array) -> tuple[Array, Array, tuple[LocalState, ...]]:
        """Return what holds along the way from the bulk to a contact.

        Parameters
        ----------
        sign : float
            Of phi - phi_b on the way: 1 or -1.
        parameter : ndarray, shape (n,)
            What runs from 0 in the bulk. With one carrier it is the size of its shift, in which all integrands stay
            smooth even close to a critical point; with several the reduced potential ``e |phi - phi_b|/kT`` itself.

        Returns
        -------
        potential, slope : ndarray, shape (n,)
            Reduced potential and its derivative by the parameter.
        states : tuple of LocalState
            One for every carrier, with arrays of shape (n,).
        """
        if len(self.carriers) == 1:
            c = self.carriers[0]
            z = abs(c.charge_number)
            state = c.state(-math.copysign(1.0, c.charge_number) * sign * parameter)
            return np.abs(state.drive) / z, state.slope / z, (state,)
        states = tuple(c.state(c.shift_of(-c.charge_number * sign * parameter)) for c in self.carriers)
        return parameter, np.ones_like(parameter), states

    def push(self, states: tuple[LocalState, ...]) -> Array:
        """Return ``|sum z share (theta - theta_b)|``, the size of the reduced charge density.

        Parameters
        ----------
        states : tuple of LocalState
            Of the carriers, as `along` returns them.

        Returns
        -------
        ndarray
            [1], of the shape of the states.
        """
        parts = [c.charge_number * c.share * s.change for c, s in zip(self.carriers, states, strict=True)]
        # All of one sign but for states of a pool that others drive out; the sum is.
        return np.asarray(np.abs(sum(parts)))

    def parameter_of(self, sign: float, tau: ArrayLike) -> Array:
        """Return the parameter of :meth:`along` at given potentials.

        Parameters
        ----------
        sign : float
            Of phi - phi_b: 1 or -1.
        tau : array_like
            Reduced potentials ``e |phi - phi_b|/kT``.

        Returns
        -------
        ndarray, shape of `tau`
        """
        values = np.asarray(tau, dtype=float)
        if len(self.carriers) > 1:
            return values
        c = self.carriers[0]
        return np.abs(c.shift_of(-c.charge_number * sign * values))

    def reach(self, sign: float) -> float:
        """Return how far the potential may go.

        Parameters
        ----------
        sign : float
            Of phi - phi_b: 1 or -1.

        Returns
        -------
        float
            Reduced potential at which the first carrier meets its spinodal (a dilute one its limit); infinite if none.
        """
        limits = []
        for c in self.carriers:
            direction = -math.copysign(1.0, c.charge_number * sign)
            edge = c.gap_up if direction > 0 else c.gap_down
            edge = min(edge, c.law.largest_shift)
            if math.isfinite(edge):
                limits.append(abs(float(c.state(direction * edge).drive)) / abs(c.charge_number))
        return min(limits, default=math.inf)

    def knots(self, sign: float, tau: float, fraction: float) -> Array:
        """Return edges of the panels on which integrals from the bulk are taken.

        Parameters
        ----------
        sign : float
            Of phi - phi_b: 1 or -1.
        tau : float
            Reduced potential at which they end.
        fraction : float
            Share of min(theta_b, 1 - theta_b) at which the width ends; that place is an edge.

        Returns
        -------
        ndarray
            Of the parameter of `along`, rising.
        """
        edges = []
        for c in self.carriers:
            direction = -math.copysign(1.0, c.charge_number) * sign
            end = abs(float(c.shift_of(direction * abs(c.charge_number) * tau)))
            edges.append(_knots(c, direction, end, c.threshold(fraction, direction)))
        if len(self.carriers) == 1:
            return edges[0]
        taus = [
            np.abs(c.state(-math.copysign(1.0, c.charge_number) * sign * e).drive) / abs(c.charge_number)
            for c, e in zip(self.carriers, edges, strict=True)
        ]
        merged = np.unique(np.concatenate([np.concatenate(taus), [0.0, tau]]))
        return np.asarray(merged[merged <= tau])


def _knots(carrier: Carrier, direction: float, end: float, threshold: float) -> Array:
    """Return panel edges of the shift's size: geometric near the bulk, narrow near the poles, wide beyond.

    theta(u) has its nearest poles at u = +-i pi, so panels near u = 0 are narrow; elsewhere the integrands
    are exponentials. Near the bulk dx = dDelta/Delta asks for panels in constant ratio.
    """
    edges = [0.0]
    first = min(threshold, end)
    near = min(end, 1.0)
    if first < near:
        edges += list(np.geomspace(first, near, 1 + max(1, math.ceil(math.log2(near / first)))))
    else:
        edges.append(end)
    if end > edges[-1]:
        wide, narrow = (1.5, 0.75) if carrier.interacts else (3.0, 1.5)
        if isinstance(carrier.law, Pool):
            wide = narrow = 1.2 / carrier.law.steepness
        middle = direction * carrier.law.middle(carrier.occupancy, carrier.vacancy)
        stops = sorted({edges[-1], end, *(s for s in (middle - 5.0, middle + 5.0) if edges[-1] < s < end)})
        for a, b in itertools.pairwise(stops):
            width = narrow if abs(0.5 * (a + b) - middle) < 5.0 else wide
            edges += list(np.linspace(a, b, 1 + max(1, math.ceil((b - a) / width)))[1:])
    return np.asarray(edges)


def make_side(parameters: StackParameters, point: int, layer: int) -> Side:
    """Return a layer of one point of a sweep in reduced units.

    Parameters
    ----------
    parameters : StackParameters
        SI arrays of all points.
    point, layer : int
        Which one.

    Returns
    -------
    Side

    Raises
    ------
    MiscibilityGapError
        The bulk itself is unstable.
    ModelError
        The layer has no species.
    """
    temperature = float(parameters.temperature[point])
    energy = BOLTZMANN * temperature
    density = parameters.site_density[point, layer]
    total = float(density.sum())
    if not total > 0.0:
        raise ModelError("a layer needs at least one species", parameters.layer_names[layer])
    carriers, species = [], []
    for s in np.flatnonzero(density > 0.0):
        at = (point, layer, s)
        law = law_of(parameters, point, layer, int(s))
        theta, vac = float(parameters.bulk_occupancy[at]), float(parameters.bulk_vacancy[at])
        jo = float(parameters.interaction_occupied[at]) / energy
        jv = float(parameters.interaction_vacancy[at]) / energy
        z = float(parameters.charge_number[at])
        down, up = _gaps(theta, vac, jo, jv, law)
        carriers.append(
            Carrier(
                charge_number=z,
                share=float(density[s]) / total,
                occupancy=theta,
                vacancy=vac,
                occupied_interaction=jo,
                vacancy_interaction=jv,
                law=law,
                conductivity=(z * ELEMENTARY_CHARGE) ** 2
                * float(density[s])
                * theta
                * float(parameters.diffusivity[at])
                / energy,
                needs_vacancy=int(parameters.transport[layer, s]) == Transport.VACANCY,
                gap_down=down,
                gap_up=up,
            )
        )
        species.append(int(s))
    permittivity = float(parameters.permittivity[point, layer])
    side = Side(
        name=parameters.layer_names[layer],
        temperature=temperature,
        permittivity=permittivity,
        carriers=tuple(carriers),
        species=tuple(species),
        length=math.sqrt(VACUUM_PERMITTIVITY * permittivity * energy / (ELEMENTARY_CHARGE**2 * total)),
    )
    if any(float(c.state(0.0).slope) <= 0.0 for c in side.carriers):
        raise MiscibilityGapError(side.gap_message(), Status.MISCIBILITY_GAP)
    return side


def _gaps(theta: float, vac: float, jo: float, jv: float, law: Law) -> tuple[float, float]:
    """Return the distances in the shift from the bulk to the nearest spinodals below and above."""
    edges = [u - law.u(theta, vac) for u in law.turns(jo, jv)]
    down = min((-e for e in edges if e < 0.0), default=math.inf)
    up = min((e for e in edges if e > 0.0), default=math.inf)
    return down, up
