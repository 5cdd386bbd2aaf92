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

from ..codes import Status
from ..constants import ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from ..errors import MiscibilityGapError
from ..model import EndKind, Stack, StackParameters, stack_parameters
from .balance import PlaneOfSites, contact_drops, potential_of_charge
from .laws import LocalState, Side, make_side
from .panels import Panels, panels

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactState:
    """What the first integral says of one contact; names and signs as in ``solver.outputs.OUTPUTS``.

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
        d charge_left/dU and charge_left/(U - U_0), U the bias of the left against the right; the static one is NaN
        where a plane of sites answers, too [F m-2].
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
    .. [1] D. C. Grahame, Chem. Rev. 41, 441 (1947) (the dilute salt).
    .. [2] N. J. J. de Klerk and M. Wagemaker, ACS Appl. Energy Mater. 1, 5609 (2018).
       DOI 10.1021/acsaem.8b01141 (the model).
    """
    parameters = stack_parameters(stack) if isinstance(stack, Stack) else stack
    n_layers, n_species = parameters.n_layers, parameters.n_species
    sides = [make_side(parameters, point, i) for i in range(n_layers)]
    levels = parameters.neutral_potential[point] - parameters.neutral_potential[point, -1]
    names = list(parameters.contact_names)
    states: list[ContactState] = []

    def add(
        halves: tuple[_Half | None, _Half | None], layers: tuple[int, int], capacitance: tuple[float, float]
    ) -> None:
        states.append(_contact_state(names[len(states)], halves, layers, levels, n_species, capacitance))

    left_kind, right_kind = (EndKind(int(k)) for k in parameters.end_kind)
    if left_kind.is_contact:
        value = float(parameters.end_value[point, 0])
        v = _end_potential(sides[0], left_kind, value, float(levels[0]))
        half = _half(sides[0], v, fraction)
        static = half.capacitance if v == 0.0 else -half.charge / v
        add((None, half), (0, 0), (half.capacitance, static))
    for c in range(n_layers - 1):
        step = float(parameters.contact_step[point, c])
        plane = float(parameters.contact_charge[point, c])
        left, right = sides[c], sides[c + 1]
        sites = _plane_of(parameters, point, c)
        v_left, v_right = contact_drops(left, right, step, plane, sites)
        a, b = _half(left, v_left, fraction), _half(right, v_right, fraction)
        if sites is not None:
            stored = [a.capacitance, b.capacitance]
            stored[sites.side] += sites.charge((v_left, v_right)[sites.side])[1]
            # The plane answers to the bias, too: nothing of the charge is that of the layers alone.
            add((a, b), (c, c + 1), (1.0 / (1.0 / stored[0] + 1.0 / stored[1]), math.nan))
            continue
        series = 1.0 / (1.0 / a.capacitance + 1.0 / b.capacitance)
        neutral = potential_of_charge(right, -plane) if plane else 0.0
        static = series if step == neutral else a.charge / (step - neutral)
        add((a, b), (c, c + 1), (series, static))
    if right_kind.is_contact:
        value = float(parameters.end_value[point, 1])
        v = _end_potential(sides[-1], right_kind, value, 0.0)
        half = _half(sides[-1], v, fraction)
        static = half.capacitance if v == 0.0 else -half.charge / v
        add((half, None), (n_layers - 1, n_layers - 1), (half.capacitance, static))
    return tuple(states)


def _plane_of(parameters: StackParameters, point: int, contact: int) -> PlaneOfSites | None:
    """Return the plane of sites in an inner contact."""
    p = parameters
    for plane in p.planes:
        if plane.contact == contact:
            at = (point, contact + plane.side, plane.species)
            z, theta = float(p.charge_number[at]), float(p.bulk_occupancy[at])
            filled = z * ELEMENTARY_CHARGE * float(p.array("plane_density")[point, contact])
            energy = float(np.nan_to_num(p.array("plane_energy")[point, contact])) / ELEMENTARY_CHARGE
            volt = float(p.thermal_voltage[point])
            return PlaneOfSites(
                side=plane.side,
                charge_number=z,
                sites_charge=filled,
                log_odds=math.log(theta) - math.log(float(p.bulk_vacancy[at])) - energy / volt,
                fixed=-filled * theta if plane.is_neutral else float(p.array("plane_background")[point, contact]),
                thermal_voltage=volt,
            )
    return None


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
    push = float(side.push(states)[0])
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
            # theta n - theta_b n_b = (theta - theta_b)(n_b - theta), n_b - theta = n - theta_b: the pair of
            # smaller numbers, lest an almost full lattice cancel.
            full = state.vacancy < state.occupancy
            rest = np.where(full, state.vacancy - c.occupancy, c.vacancy - state.occupancy)
            relative = relative * rest / c.vacancy
        log_sigma = np.logaddexp(log_sigma, math.log(c.conductivity) + log_ratio)
        change = change - c.conductivity * relative
    largest = float(-log_sigma.min())
    scaled = np.exp(-log_sigma - largest) * length
    excess = float((scaled * (change / side.conductivity)).sum())
    region = float(scaled[min(first[k] for k in conducting) :].sum())
    log_region = math.log(region) + largest if region > 0.0 else -math.inf
    log_excess = math.log(abs(excess)) + largest if excess else -math.inf
    with np.errstate(over="ignore"):
        return float(np.exp(log_region)), log_region, math.copysign(float(np.exp(log_excess)), excess)


def _end_potential(side: Side, kind: int, value: float, level: float) -> float:
    """Return the space-charge potential at an end: fixed against the last bulk, or by its charge."""
    if kind == EndKind.ELECTROSTATIC_POTENTIAL:
        v = value - level
        if abs(v) / side.thermal_voltage > side.reach(v):
            raise MiscibilityGapError(side.gap_message(), Status.MISCIBILITY_GAP)
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
    pair = {key: np.full(2, np.nan) for key in ("phi", "v", "field", "debye", "resistance", "log", "excess")}
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
