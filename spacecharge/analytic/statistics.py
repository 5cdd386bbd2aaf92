"""The statistics laws of the oracle: all that it knows of lattice and dilute species, one class each.

``u`` is what the ideal part of the chemical potential is kT times: ln[theta/(1 - theta)] on a lattice, ln theta where
sites do not limit; shifts are differences of u to the bulk. Shares no code with the kernels.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..codes import Statistics
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


LAWS: dict[Statistics, Law] = {Statistics.LATTICE: Lattice(), Statistics.DILUTE: Dilute()}

__all__ = ["LAWS", "Dilute", "Lattice", "Law", "Shifted"]
