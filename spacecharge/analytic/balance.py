"""Charge against potential of thick layers, and the potential at which charges balance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..codes import Status
from ..constants import VACUUM_PERMITTIVITY
from ..errors import MiscibilityGapError, ModelError
from .laws import MAX_SHIFT, Side
from .panels import panels

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneOfSites:
    """Sites in a contact that are level with the bulk of one of its layers.

    Attributes
    ----------
    side : int
        0: of the left layer, 1: of the right one.
    charge_number : float
        z of what they hold [1].
    sites_charge : float
        z e n, all of them filled [C m-2].
    log_odds : float
        ln[theta/(1 - theta)] at that layer's neutral potential [1].
    fixed : float
        Charge that does not follow [C m-2].
    thermal_voltage : float
        kT/e [V].
    """

    side: int
    charge_number: float
    sites_charge: float
    log_odds: float
    fixed: float
    thermal_voltage: float

    def charge(self, v: float) -> tuple[float, float]:
        """Return the areal charge [C m-2] at a potential against its layer's bulk, and by how much it falls a volt."""
        u = self.log_odds - self.charge_number * v / self.thermal_voltage
        filled, empty = float(np.exp(-np.logaddexp(0.0, -u))), float(np.exp(-np.logaddexp(0.0, u)))
        slope = self.sites_charge * self.charge_number / self.thermal_voltage * filled * empty
        return self.fixed + self.sites_charge * filled, slope


def contact_drops(
    left: Side, right: Side, step: float, plane_charge: float = 0.0, plane: PlaneOfSites | None = None
) -> tuple[float, float]:
    """Return the space-charge potentials on the two sides of a contact of thick layers.

    Solves ``Q_left(v_left) + Q_right(v_left + step) + plane_charge = 0``; both charges fall with the
    potential, so there is one root at most.

    Parameters
    ----------
    left, right : Side
        The two layers.
    step : float
        v_right - v_left, which is U_left - U_right + dipole [V].
    plane_charge : float
        Areal charge of the contact plane [C m-2].
    plane : PlaneOfSites, optional
        Sites there, whose charge follows the potential; the field jumps by both charges.

    Returns
    -------
    v_left, v_right : float
        Potential at the contact minus that of each layer's bulk [V].

    Raises
    ------
    MiscibilityGapError
        A layer becomes unstable before the charges balance.
    ModelError
        The charge needs a potential beyond 10,000 kT/e.
    """
    if step == 0.0 and plane_charge == 0.0 and plane is None:
        return 0.0, 0.0
    inner = (min(0.0, -step), max(0.0, -step))
    limit = MAX_SHIFT * max(left.thermal_voltage, right.thermal_voltage)
    segments = [inner] if step else []
    if plane_charge or plane is not None:
        # A charged plane may drive both sides the same way; look ever further out.
        extent = max(left.thermal_voltage, right.thermal_voltage)
        while extent <= limit:
            segments += [(inner[1], inner[1] + extent), (inner[0] - extent, inner[0])]
            extent *= 8.0
    is_cut = False
    for low, high in segments:
        middle = 0.5 * (low + high)
        a = _Branch.build(left, middle, max(abs(low), abs(high)))
        b = _Branch.build(right, middle + step, max(abs(low + step), abs(high + step)))
        is_cut |= a.is_cut or b.is_cut
        found = _balance(a, b, step, (plane_charge, plane), low, high)
        if found is not None:
            return found
    if is_cut:
        cut = left if math.isfinite(min(left.reach(1.0), left.reach(-1.0))) else right
        raise MiscibilityGapError(cut.gap_message(), Status.MISCIBILITY_GAP)
    what = f"the charge of {plane_charge:g} C/m2" if plane is None else "the charge of the plane"
    raise ModelError(f"{what} needs more than {limit:.3g} V", f"{left.name}|{right.name}")


def potential_of_charge(side: Side, charge: float) -> float:
    """Return the space-charge potential at which a thick layer carries an areal charge.

    Parameters
    ----------
    side : Side
        The layer.
    charge : float
        Areal charge of the layer [C m-2].

    Returns
    -------
    float
        Potential at the contact minus bulk [V]; its sign is opposite to that of the charge.

    Raises
    ------
    MiscibilityGapError
        The layer becomes unstable before it carries the charge.
    ModelError
        The charge needs a potential beyond 10,000 kT/e.
    """
    if charge == 0.0:
        return 0.0
    sign = -math.copysign(1.0, charge)
    extent = side.thermal_voltage
    limit = MAX_SHIFT * side.thermal_voltage
    while extent <= limit:
        branch = _Branch.build(side, sign, extent)
        if branch.charges[-1] >= abs(charge):
            guess = float(np.interp(abs(charge), branch.charges, branch.volts))
            low, high = 0.0, float(branch.volts[-1])
            return sign * _newton(branch.excess_over(abs(charge)), guess, low, high)
        if branch.is_cut:
            raise MiscibilityGapError(side.gap_message(), Status.MISCIBILITY_GAP)
        extent *= 8.0
    raise ModelError(f"the charge of {charge:g} C/m2 needs more than {limit:.3g} V", side.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Branch:
    """Size of the charge of a side against the size of its potential, for one sign of the potential.

    `volts` and `charges` tabulate it at the nodes (for first guesses); `charge` evaluates it exactly.
    """

    side: Side
    sign: float
    edges: Array
    edge_energy: Array
    volts: Array
    charges: Array
    is_cut: bool

    @classmethod
    def build(cls, side: Side, sign: float, extent: float) -> _Branch:
        sign = math.copysign(1.0, sign)
        tau = extent / side.thermal_voltage
        reach = side.reach(sign)
        is_cut = tau > reach
        edges = side.knots(sign, min(tau, reach), 0.01)
        p = panels(side, sign, edges[:-1], edges[1:])
        volts = np.concatenate([[0.0], p.tau.ravel() * side.thermal_voltage, [min(tau, reach)]])
        volts[-1] *= side.thermal_voltage
        energy = np.concatenate([[0.0], p.energy.ravel(), p.edge_energy[-1:]])
        charges = side.charge_scale * np.sqrt(2.0 * energy)
        return cls(
            side=side,
            sign=sign,
            edges=edges,
            edge_energy=p.edge_energy,
            volts=volts,
            charges=charges,
            is_cut=is_cut,
        )

    def charge(self, volts: float) -> tuple[float, float]:
        """Return the size of the charge [C m-2] and the capacitance [F m-2] at the size of a potential."""
        side = self.side
        tau = volts / side.thermal_voltage
        if tau == 0.0:
            return 0.0, VACUUM_PERMITTIVITY * side.permittivity / side.debye_length
        end = float(side.parameter_of(self.sign, tau))
        k = min(max(int(np.searchsorted(self.edges, end)) - 1, 0), self.edges.size - 2)
        p = panels(side, self.sign, self.edges[k : k + 1], np.array([end]), self.edge_energy[k : k + 1])
        _, _, states = side.along(self.sign, np.array([end]))
        field = math.sqrt(2.0 * float(p.edge_energy[0]))
        slope = float(side.push(states)[0]) / field
        return side.charge_scale * field, side.charge_scale / side.thermal_voltage * slope

    def excess_over(self, charge: float) -> Callable[[float], tuple[float, float]]:
        """Return the function `charge of the branch - charge` and its slope."""

        def function(volts: float) -> tuple[float, float]:
            value, slope = self.charge(volts)
            return value - charge, slope

        return function


def _balance(
    a: _Branch, b: _Branch, step: float, planes: tuple[float, PlaneOfSites | None], low: float, high: float
) -> tuple[float, float] | None:
    """Return (v_left, v_right) with v_left between `low` and `high`, or None if no root lies there."""

    def of_plane(v_left: float, v_right: float) -> tuple[float, float]:
        charge, sites = planes
        if sites is None:
            return charge, 0.0
        held, slope = sites.charge((v_left, v_right)[sites.side])
        return charge + held, slope

    v = np.concatenate([a.sign * a.volts, b.sign * b.volts - step])
    v = np.unique(v[(v >= low) & (v <= high)])
    v = v[(np.abs(v) <= a.volts[-1]) & (np.abs(v + step) <= b.volts[-1])]
    if v.size < 2:
        return None
    total = np.array([of_plane(at, at + step)[0] for at in v.tolist()]) - a.sign * np.interp(
        np.abs(v), a.volts, a.charges
    )
    total -= b.sign * np.interp(np.abs(v + step), b.volts, b.charges)
    if total[0] < 0.0 or total[-1] > 0.0:
        return None
    k = min(max(int(np.searchsorted(-total, 0.0)), 1), v.size - 1)
    guess = float(v[k - 1] + (v[k] - v[k - 1]) * total[k - 1] / max(total[k - 1] - total[k], 1e-300))
    # The unknown is the smaller of the two drops, so that it keeps its relative accuracy.
    on_left = abs(guess) <= abs(guess + step)
    shift_left, shift_right = (0.0, step) if on_left else (-step, 0.0)

    def excess(w: float) -> tuple[float, float]:
        q_left, c_left = a.charge(abs(w + shift_left))
        q_right, c_right = b.charge(abs(w + shift_right))
        held, c_plane = of_plane(w + shift_left, w + shift_right)
        return -(held - a.sign * q_left - b.sign * q_right), c_left + c_right + c_plane

    start, stop = float(v[0]) - shift_left, float(v[-1]) - shift_left
    w = _newton(excess, guess - shift_left, start, stop)
    return w + shift_left, w + shift_right


def _newton(function: Callable[[float], tuple[float, float]], guess: float, low: float, high: float) -> float:
    """Return the root of a rising function inside [low, high]; `function` gives value and slope."""
    x = min(max(guess, low), high)
    for _ in range(200):
        value, slope = function(x)
        if value == 0.0:
            return x
        if value < 0.0:
            low = x
        else:
            high = x
        new = x - value / slope if slope > 0.0 else math.inf
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - x) <= 3e-16 * abs(new) or new in (low, high):
            return new
        x = new
    return x
