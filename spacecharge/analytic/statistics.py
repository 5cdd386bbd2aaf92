"""The statistics laws of the oracle: all that it knows of every kind of species, one class each.

``u`` is what the ideal part of the chemical potential is kT times: ln[theta/(1 - theta)] on a lattice, ln theta where
sites do not limit; shifts are differences of u to the bulk. Shares no code with the kernels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..codes import Statistics
from ..defect_chemistry.fermi_dirac import fermi_difference, fermi_integral, fermi_level_of
from ..model import StackParameters
from ..model.pools import members
from .stability import spinodal, spinodal_log_odds

Array = NDArray[np.float64]


class Shifted(NamedTuple):
    """Occupancies at shifts from the bulk, each to full relative precision; NaN for vacancies that there are not.

    Attributes
    ----------
    occupancy, vacancy, change : ndarray
        theta, 1 - theta, theta - theta_b.
    log_ratio, log_vacancy_ratio : ndarray
        ln(theta/theta_b) and ln[(1 - theta)/(1 - theta_b)].
    """

    occupancy: Array
    vacancy: Array
    change: Array
    log_ratio: Array
    log_vacancy_ratio: Array


class Law(Protocol):
    """What the oracle asks of a statistics law."""

    largest_shift: float

    def shifted(self, delta: Array, occupancy: float, vacancy: float) -> Shifted:
        """Return the occupancies at the shifts `delta` from a bulk."""
        ...

    def interaction(self, at: Shifted, occupancy: float, vacancy: float, jo: float, jv: float) -> tuple[Array, Array]:
        """Return (mu_int - mu_int,b)/kT and d(mu/kT)/du for 4/3 of J_occ/kT and J_vac/kT."""
        ...

    def response(self, occupancy: float, vacancy: float) -> float:
        """Return d theta/du."""
        ...

    def u(self, occupancy: float, vacancy: float) -> float:
        """Return u of an occupancy; the middle of its curve lies at u = 0 where it has one."""
        ...

    def middle(self, occupancy: float, vacancy: float) -> float:
        """Return the shift at which the occupancy curve bends, far off where it does not."""
        ...

    def threshold(self, off: float, occupancy: float, vacancy: float) -> float:
        """Return the size of the shift where theta is off bulk by `off` of the smaller of theta_b and 1 - theta_b."""
        ...

    def turns(self, jo: float, jv: float) -> list[float]:
        """Return u of the spinodals for J_occ/kT and J_vac/kT."""
        ...

    def unstable(self, jo: float, jv: float) -> list[tuple[float, float]]:
        """Return the ranges of unstable occupancies, where they can be named."""
        ...


class Lattice:
    """Sites hold one carrier each: theta = 1/(1 + exp(-u))."""

    largest_shift = math.inf

    def shifted(self, delta: Array, occupancy: float, vacancy: float) -> Shifted:
        """Return the occupancies at the shifts `delta` from a bulk."""
        tb, nb = occupancy, vacancy
        size = np.abs(delta)
        small = np.exp(-size)
        up = delta > 0.0
        below = np.where(up, tb + nb * small, nb + tb * small)
        log_below = np.log(below)
        return Shifted(
            occupancy=np.asarray(tb * np.where(up, 1.0, small) / below),
            vacancy=np.asarray(nb * np.where(up, small, 1.0) / below),
            change=np.asarray(np.copysign(tb * nb * -np.expm1(-size) / below, delta)),
            log_ratio=np.asarray(np.where(up, 0.0, delta) - log_below),
            log_vacancy_ratio=np.asarray(np.where(up, -delta, 0.0) - log_below),
        )

    def interaction(self, at: Shifted, occupancy: float, vacancy: float, jo: float, jv: float) -> tuple[Array, Array]:
        """Return (mu_int - mu_int,b)/kT and d(mu/kT)/du for 4/3 of J_occ/kT and J_vac/kT."""
        # Differences of cube roots as a^3 - b^3 over a^2 + ab + b^2: nothing cancels near the bulk.
        a, b = np.cbrt(at.occupancy), np.cbrt(occupancy)
        c, d = np.cbrt(at.vacancy), np.cbrt(vacancy)
        drive = at.change * (jo / (a * a + a * b + b * b) + jv / (c * c + c * d + d * d))
        return drive, np.asarray(1.0 + (jo * a * at.vacancy + jv * c * at.occupancy) / 3.0)

    def response(self, occupancy: float, vacancy: float) -> float:
        """Return d theta/du."""
        return occupancy * vacancy

    def u(self, occupancy: float, vacancy: float) -> float:
        """Return the logarithm of the odds."""
        return math.log(occupancy / vacancy)

    def middle(self, occupancy: float, vacancy: float) -> float:
        """Return the shift at which half of the sites are filled."""
        return -self.u(occupancy, vacancy)

    def threshold(self, off: float, occupancy: float, vacancy: float) -> float:
        """Return the size of the shift where theta is off bulk by `off` of the smaller of theta_b and 1 - theta_b."""
        change = off * min(occupancy, vacancy)
        return abs(math.log1p(change / occupancy) - math.log1p(-change / vacancy))

    def turns(self, jo: float, jv: float) -> list[float]:
        """Return u of the spinodals."""
        return list(spinodal_log_odds(jo, jv))

    def unstable(self, jo: float, jv: float) -> list[tuple[float, float]]:
        """Return the ranges of unstable occupancies."""
        return list(spinodal(jo, jv))


class Dilute:
    """Sites do not limit: theta = exp(u)."""

    largest_shift = 600.0
    """exp(600) sites still square without overflow."""

    def shifted(self, delta: Array, occupancy: float, vacancy: float) -> Shifted:
        """Return the occupancies at the shifts `delta` from a bulk."""
        nothing = np.full_like(delta, np.nan)
        return Shifted(
            occupancy=np.asarray(occupancy * np.exp(delta)),
            vacancy=nothing,
            change=np.asarray(occupancy * np.expm1(delta)),
            log_ratio=delta,
            log_vacancy_ratio=nothing,
        )

    def interaction(self, at: Shifted, occupancy: float, vacancy: float, jo: float, jv: float) -> tuple[Array, Array]:
        """Return (mu_int - mu_int,b)/kT and d(mu/kT)/du for 4/3 of J_occ/kT."""
        root, root_b = np.cbrt(at.occupancy), math.cbrt(occupancy)
        return jo * at.change / (root * root + root * root_b + root_b**2), np.asarray(1.0 + jo / 3.0 * root)

    def response(self, occupancy: float, vacancy: float) -> float:
        """Return d theta/du."""
        return occupancy

    def u(self, occupancy: float, vacancy: float) -> float:
        """Return the logarithm of the occupancy."""
        return math.log(occupancy)

    def middle(self, occupancy: float, vacancy: float) -> float:
        """Return a shift far below: the curve does not bend."""
        return -1e9

    def threshold(self, off: float, occupancy: float, vacancy: float) -> float:
        """Return the size of the shift at which theta is off bulk by `off` of itself."""
        return abs(math.log1p(off))

    def turns(self, jo: float, jv: float) -> list[float]:
        """Return u at which kT ln theta + (4/3) J theta^(1/3) turns: theta^(1/3) = -9/(4 j)."""
        return [3.0 * math.log(-9.0 / (4.0 * jo))] if jo < 0.0 else []

    def unstable(self, jo: float, jv: float) -> list[tuple[float, float]]:
        """Return nothing: the unstable occupancies have no upper end."""
        return []


class FermiDirac(Dilute):
    """Electrons or holes of a parabolic band: theta = n/N_c is the Fermi-Dirac integral of order 1/2.

    Its pressure is kT N_c F_3/2.
    """

    largest_shift = math.inf

    def shifted(self, delta: Array, occupancy: float, vacancy: float) -> Shifted:
        """Return the occupancies at the shifts `delta` from a bulk."""
        nothing = np.full_like(delta, np.nan)
        bulk = self.u(occupancy, vacancy)
        theta, change = fermi_integral(0.5, bulk + delta), fermi_difference(bulk, delta)
        near = np.abs(delta) < 0.1
        ratio = np.where(near, np.log1p(np.where(near, change / occupancy, 0.0)), np.log(theta / occupancy))
        return Shifted(
            occupancy=theta, vacancy=nothing, change=change, log_ratio=np.asarray(ratio), log_vacancy_ratio=nothing
        )

    def response(self, occupancy: float, vacancy: float) -> float:
        """Return d theta/du, the integral of order -1/2."""
        return float(fermi_integral(-0.5, self.u(occupancy, vacancy)))

    def u(self, occupancy: float, vacancy: float) -> float:
        """Return the Fermi level against the edge, over kT."""
        return _level_of(occupancy)

    def middle(self, occupancy: float, vacancy: float) -> float:
        """Return the shift at which the Fermi level meets the edge."""
        return -self.u(occupancy, vacancy)

    def threshold(self, off: float, occupancy: float, vacancy: float) -> float:
        """Return the size of the shift at which theta is off bulk by `off` of itself."""
        return abs(self.u(occupancy * (1.0 + off), 1.0) - self.u(occupancy, 1.0))

    def turns(self, jo: float, jv: float) -> list[float]:
        """Return nothing: there is no interaction."""
        return []


@lru_cache(maxsize=256)
def _level_of(occupancy: float) -> float:
    return float(fermi_level_of(occupancy))


@dataclass(frozen=True)
class Pool(Lattice):
    """One of the charge states that share a pool of sites: theta = w/(1 + sum w).

    ``vacancy`` is the empty share of the sites. The pressure of the pool is kT ln(1 + sum w) a site.

    Parameters
    ----------
    ratios, occupancies : tuple of float
        Charges of the other states over its own, and their bulk occupancies [1].
    """

    ratios: tuple[float, ...]
    occupancies: tuple[float, ...]

    def _weights(self, delta: Array, occupancy: float, vacancy: float) -> tuple[Array, Array]:
        """Return exponents and bulk shares of the empty sites, the state itself, and the others, along a first axis."""
        ratios = np.array([0.0, 1.0, *self.ratios])
        shares = np.array([vacancy, occupancy, *self.occupancies])
        shape = (-1, *(1,) * delta.ndim)
        return ratios.reshape(shape) * delta, shares.reshape(shape)

    def shifted(self, delta: Array, occupancy: float, vacancy: float) -> Shifted:
        """Return the occupancies at the shifts `delta` from a bulk."""
        exponents, shares = self._weights(delta, occupancy, vacancy)
        top = exponents.max(axis=0)
        log_total = np.log((shares * np.exp(exponents - top)).sum(axis=0)) + top
        log_ratio = exponents[1] - log_total
        # theta - theta_b = sum over the pairs of theta_b theta_j,b (E - E_j)/D, every difference a hyperbolic sine.
        half = 0.5 * (exponents[1] - exponents)
        mean = 0.5 * (exponents[1] + exponents) - log_total
        size = np.exp(mean + np.abs(half)) * -np.expm1(-2.0 * np.abs(half))
        change = occupancy * (shares * np.copysign(size, half)).sum(axis=0)
        near = np.abs(change) < 0.1 * occupancy
        ratio = np.where(near, np.log1p(np.where(near, change / occupancy, 0.0)), log_ratio)
        return Shifted(
            occupancy=occupancy * np.exp(log_ratio),
            vacancy=vacancy * np.exp(-log_total),
            change=change,
            log_ratio=np.asarray(ratio),
            log_vacancy_ratio=-log_total,
        )

    def response(self, occupancy: float, vacancy: float) -> float:
        """Return d theta/du as its pool moves along: of either sign."""
        rest = sum(theta * (1.0 - ratio) for ratio, theta in zip(self.ratios, self.occupancies, strict=True))
        return occupancy * (vacancy + rest)

    def middle(self, occupancy: float, vacancy: float) -> float:
        """Return nothing of use: several states have several middles (see `steepness`)."""
        return 0.0

    @property
    def steepness(self) -> float:
        """Largest difference of two charges of the pool over its own: the poles lie i pi over it off the real axis."""
        all_of_them = (0.0, 1.0, *self.ratios)
        return max(all_of_them) - min(all_of_them)

    def threshold(self, off: float, occupancy: float, vacancy: float) -> float:
        """Return the first shift, in the direction of `off`, with theta off bulk by `off` of min(theta_b, 1 - theta_b).

        Infinite where theta never gets there.
        """
        wanted = abs(off) * min(occupancy, vacancy + sum(self.occupancies))

        def miss(size: float) -> float:
            at = np.asarray(math.copysign(size, off))
            return abs(float(self.shifted(at, occupancy, vacancy).change)) - wanted

        sizes = np.geomspace(1e-4 * abs(off), 2e3, 800)
        beyond = next((k for k, size in enumerate(sizes) if miss(size) > 0.0), None)
        if beyond is None:
            return math.inf
        low, high = (sizes[beyond - 1] if beyond else 0.0), sizes[beyond]
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if miss(middle) < 0.0 else (low, middle)
        return float(high)


LAWS: dict[Statistics, Law] = {
    Statistics.LATTICE: Lattice(),
    Statistics.DILUTE: Dilute(),
    Statistics.FERMI_DIRAC: FermiDirac(),
}
"""Laws of species on their own; a pool is made of its members (:class:`Pool`)."""


def law_of(parameters: StackParameters, point: int, layer: int, s: int) -> Law:
    """Return the law of a species, with what it has to know of those that share its sites."""
    for shared in members(parameters.pools, parameters.statistics, layer):
        if s in shared:
            others = shared[shared != s]
            z = parameters.charge_number[point, layer]
            return Pool(
                tuple((z[others] / z[s]).tolist()), tuple(parameters.bulk_occupancy[point, layer, others].tolist())
            )
    return LAWS[Statistics(int(parameters.statistics[layer, s]))]


__all__ = ["LAWS", "Dilute", "FermiDirac", "Lattice", "Law", "Pool", "Shifted", "law_of"]
