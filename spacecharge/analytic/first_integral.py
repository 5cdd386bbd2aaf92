"""The first integral of Poisson's equation between thick layers, exact for any local statistics.

In a layer that reaches its bulk, ``eps0 eps/2 phi'^2 = sum_s N_s W_s`` with
``W_s = integral of (theta - theta_b) dmu`` from the bulk. At a contact the charges of the two sides and of
the plane add up to zero, which is one scalar equation for the contact potential; widths and resistances are
quadratures. No mesh, no differential equation, nothing shared with the solver.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..constants import VACUUM_PERMITTIVITY
from ..errors import MiscibilityGapError, ModelError
from ..model import Stack, StackParameters, stack_parameters
from ..model.statistics import EndKind
from .laws import MAX_SHIFT, STATUS_GAP, Carrier, LocalState, Panels, Side, make_side, panels

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactState:
    """What the first integral says of one contact; names and signs as in ``observables.OUTPUTS``.

    Arrays have the side (left, right) as first axis; what a side does not have (an end) is NaN.

    Attributes
    ----------
    name : str
        Name of the contact.
    contact_potential : ndarray, shape (2,)
        Electrostatic potential at the contact against the neutral bulk of the last layer [V].
    space_charge_potential : ndarray, shape (2,)
        Potential at the contact minus that of the layer's neutral bulk [V].
    contact_field : ndarray, shape (2,)
        Electric field -dphi/dx at the contact [V/m].
    contact_occupancy, contact_vacancy : ndarray, shape (2, n_species)
        theta and 1 - theta at the contact [1].
    charge_left : float
        Areal charge of all that lies left of the contact plane [C m-2].
    debye_length : ndarray, shape (2,)
        Debye lengths of the two layers [m].
    space_charge_width : ndarray, shape (2, n_species)
        Distance over which a species is off bulk by more than the fraction [m].
    resistance, log_resistance : ndarray, shape (2,)
        Integral of dx/sigma over the widest region of the conducting species [ohm m2], and its natural
        logarithm, which stays finite where the resistance overflows (-inf where there is no region).
    excess_resistance : ndarray, shape (2,)
        Integral of (1/sigma - 1/sigma_b) dx over the whole side [ohm m2].
    differential_capacitance, static_capacitance : float
        d charge_left/dU and charge_left/(U - U_0), U the bias of the left against the right [F m-2].
    """

    name: str
    contact_potential: Array
    space_charge_potential: Array
    contact_field: Array
    contact_occupancy: Array
    contact_vacancy: Array
    charge_left: float
    debye_length: Array
    space_charge_width: Array
    resistance: Array
    log_resistance: Array
    excess_resistance: Array
    differential_capacitance: float
    static_capacitance: float


def first_integral(
    stack: Stack | StackParameters, point: int = 0, *, fraction: float = 0.01
) -> tuple[ContactState, ...]:
    """Return the exact state of every contact of a stack of thick layers.

    Every layer is taken as thick: its neutral bulk stands between its contacts, whatever its thickness.
    Ends that are field-free or held at the bulk carry no charge and are no contact.

    Parameters
    ----------
    stack : Stack or StackParameters
        The stack, or arrays of a sweep.
    point : int
        Which point of the sweep.
    fraction : float
        Deviation that ends the width, of min(theta_b, 1 - theta_b) (dilute: of theta_b) [1].

    Returns
    -------
    tuple of ContactState
        In the order of ``StackParameters.contact_names``.

    Raises
    ------
    MiscibilityGapError
        The chemical potential is not monotone within the occupancies that a contact reaches.
    ModelError
        A fixed charge asks for a potential beyond 10,000 kT/e.

    Notes
    -----
    Relative round-off in the results is near 1e-14; the contact potential is good to 1e-15 of the step.

    References
    ----------
    .. [1] D. C. Grahame, Chem. Rev. 41, 441 (1947). DOI 10.1021/cr60130a002 (the dilute salt).
    .. [2] N. J. J. de Klerk and M. Wagemaker, ACS Appl. Energy Mater. 1, 5609 (2018).
       DOI 10.1021/acsaem.8b01141 (the model).
    """
    parameters = stack_parameters(stack) if isinstance(stack, Stack) else stack
    n_layers, n_species = parameters.n_layers, parameters.n_species
    sides = [make_side(parameters, point, i) for i in range(n_layers)]
    levels = parameters.potential[point] - parameters.potential[point, -1]
    names = list(parameters.contact_names)
    states = []

    def add(
        halves: tuple[_Half | None, _Half | None], layers: tuple[int, int], capacitance: tuple[float, float]
    ) -> None:
        states.append(_contact_state(names[len(states)], halves, layers, levels, n_species, capacitance))

    left_kind, right_kind = (int(k) for k in parameters.end_kind)
    if left_kind >= EndKind.ELECTROSTATIC_POTENTIAL:
        value = float(parameters.end_value[point, 0])
        v = _end_potential(sides[0], left_kind, value, float(levels[0]))
        half = _half(sides[0], v, fraction)
        static = half.capacitance if v == 0.0 else -half.charge / v
        add((None, half), (0, 0), (half.capacitance, static))
    for c in range(n_layers - 1):
        step = float(parameters.contact_step[point, c])
        plane = float(parameters.contact_charge[point, c])
        left, right = sides[c], sides[c + 1]
        v_left, v_right = contact_drops(left, right, step, plane)
        a, b = _half(left, v_left, fraction), _half(right, v_right, fraction)
        series = 1.0 / (1.0 / a.capacitance + 1.0 / b.capacitance)
        neutral = potential_of_charge(right, -plane) if plane else 0.0
        static = series if step == neutral else a.charge / (step - neutral)
        add((a, b), (c, c + 1), (series, static))
    if right_kind >= EndKind.ELECTROSTATIC_POTENTIAL:
        value = float(parameters.end_value[point, 1])
        v = _end_potential(sides[-1], right_kind, value, 0.0)
        half = _half(sides[-1], v, fraction)
        static = half.capacitance if v == 0.0 else -half.charge / v
        add((half, None), (n_layers - 1, n_layers - 1), (half.capacitance, static))
    return tuple(states)


def contact_drops(left: Side, right: Side, step: float, plane_charge: float = 0.0) -> tuple[float, float]:
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
    if step == 0.0 and plane_charge == 0.0:
        return 0.0, 0.0
    inner = (min(0.0, -step), max(0.0, -step))
    limit = MAX_SHIFT * max(left.thermal_voltage, right.thermal_voltage)
    segments = [inner] if step else []
    if plane_charge:
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
        found = _balance(a, b, step, plane_charge, low, high)
        if found is not None:
            return found
    if is_cut:
        cut = left if math.isfinite(min(left.reach(1.0), left.reach(-1.0))) else right
        raise MiscibilityGapError(cut.gap_message(), STATUS_GAP)
    raise ModelError(
        f"the charge of {plane_charge:g} C/m2 needs more than {limit:.3g} V", f"{left.name}|{right.name}"
    )


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
            return sign * _newton(lambda v: _subtract(branch.charge(v), abs(charge)), guess, low, high)
        if branch.is_cut:
            raise MiscibilityGapError(side.gap_message(), STATUS_GAP)
        extent *= 8.0
    raise ModelError(f"the charge of {charge:g} C/m2 needs more than {limit:.3g} V", side.name)


def _subtract(pair: tuple[float, float], value: float) -> tuple[float, float]:
    return pair[0] - value, pair[1]


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
        end = side.parameter_of(self.sign, tau)
        k = min(max(int(np.searchsorted(self.edges, end)) - 1, 0), self.edges.size - 2)
        energy, push = energy_at(side, self.sign, self.edges[k], end, self.edge_energy[k])
        field = math.sqrt(2.0 * energy)
        return side.charge_scale * field, side.charge_scale / side.thermal_voltage * push / field


def energy_at(side: Side, sign: float, start: float, end: float, energy: float) -> tuple[float, float]:
    """Return the reduced energy at `end`, given that at `start`, and its derivative by the potential."""
    p = panels(side, sign, np.array([start]), np.array([end]), np.array([energy]))
    _, _, states = side.along(sign, np.array([end]))
    push = sum(
        abs(c.charge_number) * c.share * abs(float(s.change[0]))
        for c, s in zip(side.carriers, states, strict=True)
    )
    return float(p.edge_energy[0]), push


def _balance(
    a: _Branch, b: _Branch, step: float, plane: float, low: float, high: float
) -> tuple[float, float] | None:
    """Return (v_left, v_right) with v_left between `low` and `high`, or None if no root lies there."""
    v = np.concatenate([a.sign * a.volts, b.sign * b.volts - step])
    v = np.unique(v[(v >= low) & (v <= high)])
    v = v[(np.abs(v) <= a.volts[-1]) & (np.abs(v + step) <= b.volts[-1])]
    if v.size < 2:
        return None
    total = plane - a.sign * np.interp(np.abs(v), a.volts, a.charges)
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
        return -(plane - a.sign * q_left - b.sign * q_right), c_left + c_right

    start, stop = float(v[0]) - shift_left, float(v[-1]) - shift_left
    w = _newton(excess, guess - shift_left, start, stop)
    return w + shift_left, w + shift_right


def _newton(function, guess: float, low: float, high: float) -> float:  # type: ignore[no-untyped-def]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Half:
    """One side of a contact, solved."""

    side: Side
    potential: float
    charge: float
    capacitance: float
    states: tuple[LocalState, ...]
    widths: tuple[float, ...]
    resistance: float
    log_resistance: float
    excess: float


def _half(side: Side, potential: float, fraction: float) -> _Half:
    """Return everything about a side whose contact lies at `potential` against its bulk [V]."""
    n = len(side.carriers)
    known = math.isfinite(side.conductivity)
    if potential == 0.0:
        return _Half(
            side=side,
            potential=0.0,
            charge=0.0,
            capacitance=VACUUM_PERMITTIVITY * side.permittivity / side.debye_length,
            states=tuple(c.state(0.0) for c in side.carriers),
            widths=(0.0,) * n,
            resistance=0.0 if known else math.nan,
            log_resistance=-math.inf if known else math.nan,
            excess=0.0 if known else math.nan,
        )
    sign = math.copysign(1.0, potential)
    tau = abs(potential) / side.thermal_voltage
    edges = side.knots(sign, tau, fraction)
    p = panels(side, sign, edges[:-1], edges[1:])
    field = np.sqrt(2.0 * p.energy)
    length = side.length * p.weight / field
    distance = np.concatenate([np.cumsum(length.sum(axis=1)[::-1])[::-1], [0.0]])
    _, _, states = side.along(sign, edges[-1:])
    widths, first = [], []
    for c in side.carriers:
        direction = -math.copysign(1.0, c.charge_number) * sign
        at = c.threshold(fraction, direction)
        if n > 1:
            at = abs(float(c.state(direction * at).drive)) / abs(c.charge_number)
        k = int(np.argmin(np.abs(edges - at))) if at < edges[-1] else edges.size - 1
        first.append(k)
        widths.append(float(distance[k]))
    push = sum(
        abs(c.charge_number) * c.share * abs(float(s.change[0]))
        for c, s in zip(side.carriers, states, strict=True)
    )
    end_field = math.sqrt(2.0 * float(p.edge_energy[-1]))
    resistance, log_resistance, excess = _resistances(side, p, length, first)
    return _Half(
        side=side,
        potential=potential,
        charge=-sign * side.charge_scale * end_field,
        capacitance=side.charge_scale / side.thermal_voltage * push / end_field,
        states=states,
        widths=tuple(widths),
        resistance=resistance,
        log_resistance=log_resistance,
        excess=excess,
    )


def _resistances(side: Side, p: Panels, length: Array, first: list[int]) -> tuple[float, float, float]:
    """Return region resistance, its logarithm, and excess resistance [ohm m2].

    Everything is carried relative to the largest local resistivity, so that exp(400) is a plain number.
    """
    conducting = [k for k, c in enumerate(side.carriers) if math.isfinite(c.conductivity)]
    if not conducting:
        return math.nan, math.nan, math.nan
    log_sigma = np.full_like(length, -np.inf)
    change = np.zeros_like(length)
    for k in conducting:
        c, state = side.carriers[k], p.states[k]
        log_ratio, relative = state.log_ratio, state.change / c.occupancy
        if c.needs_vacancy:
            log_ratio = log_ratio + state.log_vacancy_ratio
            relative = relative * (c.vacancy - c.occupancy - state.change) / c.vacancy
        log_sigma = np.logaddexp(log_sigma, math.log(c.conductivity) + log_ratio)
        change = change - c.conductivity * relative
    largest = float(-log_sigma.min())
    scaled = np.exp(-log_sigma - largest) * length
    excess = float((scaled * (change / side.conductivity)).sum())
    region = float(scaled[min(first[k] for k in conducting) :].sum())
    log_region = math.log(region) + largest if region > 0.0 else -math.inf
    with np.errstate(over="ignore"):
        return float(np.exp(log_region)), log_region, float(excess * np.exp(largest))


def _end_potential(side: Side, kind: int, value: float, level: float) -> float:
    """Return the space-charge potential at an end: fixed against the last bulk, or by its charge."""
    if kind == EndKind.ELECTROSTATIC_POTENTIAL:
        v = value - level
        if abs(v) / side.thermal_voltage > side.reach(v):
            raise MiscibilityGapError(side.gap_message(), STATUS_GAP)
        return v
    return potential_of_charge(side, -value)


def _contact_state(
    name: str,
    halves: tuple[_Half | None, _Half | None],
    layers: tuple[int, int],
    levels: Array,
    n_species: int,
    capacitance: tuple[float, float],
) -> ContactState:
    """Gather the two sides of a contact; the left charge is that of the left layer or of the wall."""
    pair = {
        key: np.full(2, np.nan) for key in ("phi", "v", "field", "debye", "resistance", "log", "excess")
    }
    occupancy, vacancy, width = (np.full((2, n_species), np.nan) for _ in range(3))
    for i, half in enumerate(halves):
        if half is None:
            continue
        side = half.side
        pair["v"][i] = half.potential
        pair["phi"][i] = half.potential + levels[layers[i]]
        outward = half.charge if i == 0 else -half.charge
        pair["field"][i] = outward / (VACUUM_PERMITTIVITY * side.permittivity)
        pair["debye"][i] = side.debye_length
        pair["resistance"][i] = half.resistance
        pair["log"][i] = half.log_resistance
        pair["excess"][i] = half.excess
        for s, state, w in zip(side.species, half.states, half.widths, strict=True):
            occupancy[i, s] = float(np.ravel(state.occupancy)[0])
            vacancy[i, s] = float(np.ravel(state.vacancy)[0])
            width[i, s] = w
    left, right = halves
    charge = left.charge if left is not None else -right.charge if right is not None else math.nan
    return ContactState(
        name=name,
        contact_potential=pair["phi"],
        space_charge_potential=pair["v"],
        contact_field=pair["field"],
        contact_occupancy=occupancy,
        contact_vacancy=vacancy,
        charge_left=charge,
        debye_length=pair["debye"],
        space_charge_width=width,
        resistance=pair["resistance"],
        log_resistance=pair["log"],
        excess_resistance=pair["excess"],
        differential_capacitance=capacitance[0],
        static_capacitance=capacitance[1],
    )


__all__ = [
    "Carrier",
    "ContactState",
    "contact_drops",
    "energy_at",
    "first_integral",
    "make_side",
    "potential_of_charge",
]

