"""Equilibrium potential against composition from what a cycler recorded: titrations, slow scans, single rests."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from .counted_charge import Sample, composition_of, summary_of, too_little
from .cycler import Cycling, rest_threshold, switched_on
from .equilibrium import (
    BRANCHES,
    CHARGE,
    DISCHARGE,
    MEAN,
    PLATEAU_SLOPE,
    Curve,
    Plateau,
    falling_regression,
    mean_of_branches,
    plateaus,
    single_branch,
)
from .rests import Rest, find_rests, interval_current
from .titration import BEND, SHORT, chemical_diffusivity, pulse_slope, slopes, surface_rate, thermodynamic_factor

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How the curve is taken.

    Parameters
    ----------
    kind : {'rests', 'slow_scan'}
        Ends of rests, or the mean of slow branches.
    rest_below : float
        Current that counts as none, in the unit of the file [A] or [A kg-1]; NaN: 1 % of the usual one.
    rest_at_least_s : float
        Shortest rest [s].
    extrapolate : {'end', 'sqrt_time'}
        See :func:`~spacecharge.measured.rests.find_rests`.
    branch : {'mean', 'charge', 'discharge'}
        Which branch the curve is.
    points : int
        Compositions of a slow scan's curve.
    plateau_slope : float
        See :func:`~spacecharge.measured.equilibrium.plateaus` [V].
    reference_sigma : float
        One sigma of what moves every potential alike: reference electrode, calibration [V].
    """

    kind: str = "rests"
    rest_below: float = math.nan
    rest_at_least_s: float = 600.0
    extrapolate: str = "end"
    branch: str = "mean"
    points: int = 101
    plateau_slope: float = PLATEAU_SLOPE
    reference_sigma: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ocv:
    """An equilibrium curve.

    Parameters
    ----------
    composition : ndarray, shape (n,)
        Rising strictly.
    potential, potential_measured, sigma : ndarray, shape (n,)
        After and before the monotone regression, and the uncertainty, that of the reference included [V].
    half_hysteresis : ndarray, shape (n,)
        Half of charge minus discharge, which `sigma` holds [V]; 0 of one branch.
    reference_sigma : float
        What `sigma` holds of the reference: it moves every point alike [V].
    branch : ndarray of int, shape (n,)
        See :data:`~spacecharge.measured.equilibrium.BRANCHES`.
    chemical_diffusivity : ndarray, shape (n,)
        [m2 s-1]; NaN where no pulse tells it.
    thermodynamic_factor : ndarray, shape (n,)
        d ln a/d ln x.
    plateaus : tuple of Plateau
        Where two phases stand side by side.
    branches : dict of int to Curve
        Charge and discharge, as measured.
    rests : tuple of Rest
        Rows of the file, in order.
    rest_composition : ndarray, shape (n_rests,)
        Of every rest.
    summary : dict of str to float
        Rows, duration [s], charge that passed in either direction [C] (or [C kg-1]), least and largest voltage [V].
    notes, warnings : tuple of str
        Choices; what a reader has to know.
    """

    composition: Array
    potential: Array
    potential_measured: Array
    sigma: Array
    half_hysteresis: Array
    reference_sigma: float
    branch: NDArray[np.int8]
    chemical_diffusivity: Array
    thermodynamic_factor: Array
    plateaus: tuple[Plateau, ...]
    branches: dict[int, Curve]
    rests: tuple[Rest, ...]
    rest_composition: Array
    summary: dict[str, float]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Said:
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def equilibrium_curve(cycling: Cycling, sample: Sample, analysis: Analysis) -> Ocv:
    """Return the equilibrium potential against composition.

    Parameters
    ----------
    cycling : Cycling
        What was recorded.
    sample, analysis : Sample, Analysis
        What was measured; how the curve is taken.

    Returns
    -------
    Ocv
        The curve, its branches and rests, diffusivity, thermodynamic factor.

    Raises
    ------
    FitError
        The charge does not belong to the capacity, the voltage falls on charge, there are no rests.
    """
    said = _Said()
    composition = composition_of(cycling, sample)
    flow = interval_current(cycling.time, cycling.current, cycling.charge)
    if voltage_falls_with_current(cycling):
        raise FitError(
            f"{cycling.path}: the voltage falls while the current is positive: positive has to be charge (lithium "
            "leaves the working electrode); give data.positive_current: discharge"
        )
    little = too_little(cycling, composition)
    if little:
        said.warnings.append(little)
    if composition.min() < -0.005:
        said.warnings.append(
            f"{cycling.path}: the composition falls to {composition.min():.4g}: composition_start "
            f"({sample.start:g}) or the capacity does not belong to this cell"
        )
    below = rest_threshold(flow) if math.isnan(analysis.rest_below) else analysis.rest_below
    rests = find_rests(
        cycling.time,
        cycling.voltage,
        flow,
        below=below,
        at_least_s=analysis.rest_at_least_s,
        extrapolate=analysis.extrapolate,
    )
    where = np.array([composition[rest.last] for rest in rests])
    if analysis.kind == "rests":
        branches = _branches_of_rests(cycling, rests, where, analysis)
    else:
        branches = _branches_of_scan(cycling, flow, below, composition, said)
    curve = _chosen(cycling, branches, analysis, said)
    potential = falling_regression(curve.potential)
    change = np.abs(potential - curve.potential)
    if np.any(change > 0.0):
        said.notes.append(
            f"monotone regression changed {int(np.sum(change > 0.0))} of {change.size} potentials, by "
            f"{1e3 * change.max():.3g} mV at most ({1e3 * math.sqrt(np.mean(change**2)):.2g} mV root mean square)"
        )
    flat = plateaus(curve.composition, potential, analysis.plateau_slope)
    said.warnings.extend(
        f"two-phase plateau: {plateau} (flatter than {analysis.plateau_slope:g} V)" for plateau in flat
    )
    diffusivity = np.full(curve.composition.shape, math.nan)
    if analysis.kind == "rests" and not math.isnan(sample.length):
        diffusivity = _diffusivity(cycling, sample, rests, composition, curve, flat, said)
    elif analysis.kind == "rests":
        said.notes.append(
            "no chemical diffusivity: give sample.particle_radius_nm or thickness_nm, or area_cm2 with "
            "molar_volume_cm3_per_mol or density_g_per_cm3"
        )
    return Ocv(
        composition=curve.composition,
        potential=potential,
        potential_measured=curve.potential,
        sigma=np.hypot(curve.sigma, analysis.reference_sigma),
        half_hysteresis=np.zeros(curve.sigma.shape) if curve.half_hysteresis is None else curve.half_hysteresis,
        reference_sigma=analysis.reference_sigma,
        branch=curve.branch,
        chemical_diffusivity=diffusivity,
        thermodynamic_factor=thermodynamic_factor(curve.composition, potential, sample.temperature, sample.electrons),
        plateaus=tuple(flat),
        branches=branches,
        rests=tuple(rests),
        rest_composition=where,
        summary=summary_of(cycling),
        notes=tuple(said.notes),
        warnings=tuple(said.warnings),
    )


def voltage_falls_with_current(cycling: Cycling) -> bool:
    """Tell whether a positive current is that of a discharge: work done on the cell would be negative.

    Parameters
    ----------
    cycling : Cycling
        What was recorded.

    Returns
    -------
    bool
        On charge the voltage is higher than on discharge, and it rises.
    """
    moved = np.diff(cycling.passed())
    rise = np.diff(cycling.voltage)
    up, down = moved > 0.0, moved < 0.0
    # The mean of the voltage weighted by charge is higher on charge than on discharge; of one direction, it rises.
    if np.any(up) and np.any(down) and min(moved[up].sum(), -moved[down].sum()) > 0.2 * np.abs(moved).sum():
        middle = 0.5 * (cycling.voltage[1:] + cycling.voltage[:-1])
        on_charge = float(np.average(middle[up], weights=moved[up]))
        return on_charge < float(np.average(middle[down], weights=-moved[down]))
    return float(np.sum(np.sign(moved) * rise)) < 0.0


def _branches_of_rests(cycling: Cycling, rests: list[Rest], where: Array, analysis: Analysis) -> dict[int, Curve]:
    if not rests:
        raise FitError(
            f"{cycling.path}: no rest of at least {analysis.rest_at_least_s:g} s found: see "
            "model.rest_current_below_A and rest_at_least_s, or model.kind: slow_scan"
        )
    # The direction of the charge that led to a rest; the first one belongs to the step that follows it.
    steps = np.diff(where, prepend=where[0])
    direction = -np.sign(steps)
    for k in range(direction.size - 2, -1, -1):
        direction[k] = direction[k] or direction[k + 1]
    for k in range(1, direction.size):
        direction[k] = direction[k] or direction[k - 1]
    potential = np.array([rest.potential for rest in rests])
    sigma = np.array([rest.sigma for rest in rests])
    out = {}
    for branch in (CHARGE, DISCHARGE):
        own = direction == branch
        if np.any(own):
            out[branch] = single_branch(where[own], potential[own], sigma[own], branch)
    # Without charge between them rests have no direction.
    return out or {MEAN: single_branch(where, potential, sigma, MEAN)}


def _branches_of_scan(cycling: Cycling, flow: Array, below: float, composition: Array, said: _Said) -> dict[int, Curve]:
    """Return the longest stretch of either direction."""
    out = {}
    for branch in (CHARGE, DISCHARGE):
        moving = np.concatenate([[False], branch * flow > below, [False]]).astype(np.int8)
        edges = np.diff(moving)
        stretches = list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True))
        if not stretches:
            continue
        sizes = [abs(composition[last] - composition[first]) for first, last in stretches]
        first, last = stretches[int(np.argmax(sizes))]
        if last - first < 2:
            continue
        others = sum(size > 0.05 * max(sizes) for size in sizes) - 1
        if others:
            said.notes.append(f"{cycling.path}: the longest {BRANCHES[branch]} is taken, {others} more left out")
        rows = slice(first + 1, last + 1)
        x = composition[rows]
        out[branch] = single_branch(x, cycling.voltage[rows], np.zeros(x.shape), branch)
    if not out:
        raise FitError(f"{cycling.path}: no stretch with a current above {below:g} was found")
    return out


def _chosen(cycling: Cycling, branches: dict[int, Curve], analysis: Analysis, said: _Said) -> Curve:
    """Return the curve of the branch that is asked for."""
    scan = analysis.kind == "slow_scan"
    names = {name: branch for branch, name in BRANCHES.items()}
    if analysis.branch != "mean" or len(branches) == 1:
        branch = names[analysis.branch] if analysis.branch != "mean" else next(iter(branches))
        if branch not in branches:
            raise FitError(f"{cycling.path}: has no {analysis.branch} (model.branch)")
        curve = branches[branch]
        if analysis.branch == "mean" and branch != MEAN:
            said.warnings.append(
                f"{cycling.path}: holds a {BRANCHES[branch]} only: hysteresis and overpotential are part of the curve"
            )
        if not scan:
            return curve
        x = np.linspace(curve.composition[0], curve.composition[-1], analysis.points)
        return Curve(
            x,
            np.interp(x, curve.composition, curve.potential),
            np.full(x.shape, math.nan),
            np.full(x.shape, branch, np.int8),
        )
    charge, discharge = branches[CHARGE], branches[DISCHARGE]
    low = max(charge.composition[0], discharge.composition[0])
    high = min(charge.composition[-1], discharge.composition[-1])
    grid = np.linspace(low, high, analysis.points) if scan else None
    mean = mean_of_branches(charge, discharge, grid) if high > low else None
    if mean is None:
        raise FitError(
            f"{cycling.path}: charge and discharge have no range of composition in common: choose model.branch"
        )
    outside = [
        c.composition[(c.composition < low - 1e-9) | (c.composition > high + 1e-9)].size for c in (charge, discharge)
    ]
    if sum(outside) and not scan:
        said.notes.append(f"{sum(outside)} rests outside the range of both branches ({low:.4g} to {high:.4g}) left out")
    return mean


def _diffusivity(
    cycling: Cycling,
    sample: Sample,
    rests: list[Rest],
    composition: Array,
    curve: Curve,
    flat: list[Plateau],
    said: _Said,
) -> Array:
    """Return the diffusivity at the compositions of the curve: of every pulse, where it starts."""
    starts, values = [], []
    potential = np.array([rest.potential for rest in rests])
    where = np.array([composition[rest.last] for rest in rests])
    for k in range(len(rests) - 1):
        span = where[k + 1] - where[k]
        if span == 0.0 or any(plateau.low <= where[k] <= plateau.high for plateau in flat):
            continue
        first, last = k, k + 1
        while first > 0 and (where[first] - where[first - 1]) * span > 0.0:
            first -= 1
        while last < len(rests) - 1 and (where[last + 1] - where[last]) * span > 0.0:
            last += 1
        if first > 0:
            # Where the direction turned the rest is on the other branch: a step from it holds the hysteresis.
            first += 1
        if k < first or last - first < 2:
            continue
        branch = where[first : last + 1], potential[first : last + 1]
        value = _of_pulse(cycling, sample, (rests[k].last, rests[k + 1].first), branch, k - first)
        starts.append(where[k])
        values.append(value)
    lost = sum(map(math.isnan, values))
    if lost:
        said.notes.append(
            f"{lost} of {len(values)} pulses give no diffusivity: tau D/L^2 above {SHORT:g}, too few rows, or a "
            "transient that leaves the curve"
        )
    out = np.full(curve.composition.shape, math.nan)
    for k, x in enumerate(curve.composition):
        near = [v for s, v in zip(starts, values, strict=True) if abs(s - x) < 1e-6 and not math.isnan(v)]
        if near:
            out[k] = float(np.exp(np.mean(np.log(near))))
    return out


def _of_pulse(
    cycling: Cycling, sample: Sample, ends: tuple[int, int], branch: tuple[Array, Array], place: int
) -> float:
    """Return the diffusivity of one pulse between the last row of a rest and the first of the next."""
    begin, end = ends
    rows = np.arange(begin + 1, end + 1)
    if rows.size < 3:
        return math.nan
    on = switched_on(cycling.time, begin + 1)
    time, voltage = cycling.time[rows] - on, cycling.voltage[rows]
    x, u = branch
    span, duration = float(x[place + 1] - x[place]), float(time[-1])
    transient, spread = pulse_slope(time, voltage)
    slope = float(slopes(x, u)[place])
    if not duration > 0.0 or not slope != 0.0 or not transient / slope * span > 0.0:
        return math.nan
    guess = transient / slope
    rising = (x, u) if x[0] < x[-1] else (x[::-1], u[::-1])
    surface = curvature = 0.0
    for _ in range(3 if sample.radius < math.inf else 1):
        surface = surface_rate(time, voltage, rising, float(x[place]), guess, curvature)
        if math.isnan(surface):
            surface = guess if spread < BEND else math.nan
            break
        root = 2.0 / math.sqrt(math.pi) * sample.length * (span / duration) / surface
        curvature = 0.5 * math.sqrt(math.pi) * root / sample.radius
    return chemical_diffusivity(sample.length, span / duration, surface, duration)


__all__ = ["Analysis", "Ocv", "equilibrium_curve", "voltage_falls_with_current"]
