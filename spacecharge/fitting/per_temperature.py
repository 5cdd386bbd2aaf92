"""Each temperature fitted alone, with an Arrhenius regression after it: the check of a global fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..errors import FitError
from ..nmr.arrhenius import ArrheniusFit, arrhenius, arrhenius_regression
from ..nmr.parameters import FALLING, energy_of
from .least_squares import Array, Estimate, Problem, minimise
from .setup import Setup

MAX_TEMPERATURES = 200
"""More different temperatures than this are a continuum, not a list of experiments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One parameter at every temperature.

    Parameters
    ----------
    name, unit, long_name : str
        Of the parameter.
    temperature : ndarray, shape (n_temperatures,)
        [K].
    value, sigma : ndarray, shape (n_temperatures,)
        Of the fit to that temperature alone, sigma with the errors of what all temperatures share; NaN where it
        failed.
    global_value : ndarray, shape (n_temperatures,)
        What the global law gives.
    regression : ArrheniusFit or None
        Of `value` against temperature; None with fewer than two.
    """

    name: str
    unit: str
    long_name: str
    temperature: Array
    value: Array
    sigma: Array
    global_value: Array
    regression: ArrheniusFit | None


def each_temperature(
    setup: Setup, estimate: Estimate, reference_K: float
) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """Fit every temperature on its own.

    At each temperature the value of the law and the parameters of that temperature (amplitudes) are
    free; what the temperatures share stays where the global fit put it. Errors are those of the data,
    scaled by the global reduced chi-square where they are weights, and carry the errors of what is shared.

    Parameters
    ----------
    setup : Setup
        The fit.
    estimate : Estimate
        Its global result.
    reference_K : float
        Where the regression states its value [K].

    Returns
    -------
    series : tuple of Series
        One per law of the setup.
    warnings : tuple of str
        What failed.

    Notes
    -----
    A value at one temperature moves with its own data, and with all data through the shared parameters. Both are
    linear near the minimum, so each value has a vector of influences of the data; the products of these vectors are
    variances and covariances, which the regression takes as they are.
    """
    warnings: list[str] = []
    n = setup.temperatures.size
    if not setup.laws or n < 2:
        return (), ()
    if n > MAX_TEMPERATURES:
        return (), (f"{n} different temperatures: none was fitted on its own (allowed: {MAX_TEMPERATURES})",)
    out = []
    for name in setup.laws:
        position = estimate.problem.names.index(name)
        p = estimate.problem.parameters[position]
        energy = energy_of(name)
        slope = estimate.value(energy) if energy in estimate.problem.names else 0.0
        slope = -slope if name in FALLING else slope
        value, sigma = np.full(n, math.nan), np.full(n, math.nan)
        influences = np.zeros((n, estimate.problem.data.size + estimate.prior_jacobian.shape[0]))
        factor = arrhenius(setup.temperatures, 1.0, slope, reference_K)
        for k in range(n):
            try:
                alone = minimise(_alone(setup, estimate, name, k))
            except FitError as error:
                warnings.append(f"{name} at {setup.temperatures[k]:g} K alone: {error}")
                continue
            value[k] = alone.values[position] * factor[k]
            if math.isfinite(alone.sigma[position]):
                influences[k] = _influence(setup, estimate, alone, name, k)
                sigma[k] = value[k] * float(np.linalg.norm(influences[k]))
        good = np.isfinite(value) & np.isfinite(sigma) & (value > 0.0) & (sigma > 0.0)
        regression = None
        if np.sum(good) >= 2:
            regression = arrhenius_regression(
                setup.temperatures[good],
                value[good],
                sigma[good] / value[good],
                reference_K=reference_K,
                covariance_ln=influences[good] @ influences[good].T,
            )
            if name in FALLING:
                # The energy of the jumps, as the global law states it.
                regression = replace(
                    regression,
                    activation_energy_eV=-regression.activation_energy_eV,
                    correlation=-regression.correlation,
                )
        out.append(
            Series(
                name=name,
                unit=p.unit,
                long_name=p.long_name.removesuffix(" at the reference temperature"),
                temperature=setup.temperatures,
                value=value,
                sigma=sigma,
                global_value=estimate.values[position] * factor,
                regression=regression,
            )
        )
    return tuple(out), tuple(warnings)


def _influence(setup: Setup, estimate: Estimate, alone: Estimate, name: str, k: int) -> Array:
    """Return d ln(value at one temperature) by every datum and prior, in its sigma; laws are fitted as logarithms.

    Parameters
    ----------
    setup, estimate
        The fit and its global result.
    alone : Estimate
        The fit of temperature `k`.
    name : str
        The law.
    k : int
        Number of the temperature.
    """
    problem = estimate.problem
    rows = np.flatnonzero(setup.temperature_index == k)
    scale = 1.0 if problem.absolute_sigma or not estimate.chi2_reduced > 0.0 else math.sqrt(estimate.chi2_reduced)
    own = [alone.problem.names[i] for i in alone.problem.free]
    place = own.index(name)
    # Own parameters by own data; the weights of `alone` hold the scale already.
    by_data = np.linalg.pinv(alone.jacobian)
    # A prior of what is shared counts as one datum more.
    influence = np.zeros(problem.data.size + estimate.prior_jacobian.shape[0])
    influence[rows] = by_data[place]
    energy = energy_of(name)
    free = [problem.names[i] for i in problem.free]
    # The energy turns the law about the reference temperature: one temperature alone does not know it.
    amplitudes = [n for n in free if n.startswith("amplitude") and n not in own]
    shared = [m for m, n in enumerate(free) if n not in (*own, *amplitudes, energy, name)]
    if shared and np.all(np.isfinite(estimate.internal_covariance)):
        everything = np.linalg.pinv(np.vstack([estimate.jacobian, estimate.prior_jacobian])) * scale
        moved = -by_data @ (estimate.jacobian[rows][:, shared] / scale)
        influence += moved[place] @ everything[shared]
    return influence


def _alone(setup: Setup, estimate: Estimate, name: str, k: int) -> Problem:
    """Return the fit of one temperature."""
    problem = estimate.problem
    rows = np.flatnonzero(setup.temperature_index == k)
    chi2 = 1.0 if problem.absolute_sigma or not estimate.chi2_reduced > 0.0 else estimate.chi2_reduced
    sigma = np.ones(rows.size) if problem.sigma is None else problem.sigma[rows]
    own = f"_{k + 1}"
    parameters = tuple(
        replace(
            p,
            initial=float(np.clip(v, p.minimum, p.maximum)),
            fixed=p.fixed or not (p.name == name or (p.name.startswith("amplitude") and p.name.endswith(own))),
        )
        for p, v in zip(problem.parameters, estimate.values, strict=True)
    )
    return replace(
        problem,
        parameters=parameters,
        data=problem.data[rows],
        sigma=sigma * math.sqrt(chi2),
        absolute_sigma=True,
        limit=None if problem.limit is None else problem.limit[rows],
        starts=(),
        coarse=None,
        jacobian=None,
        priors={},
        noise=1.0,
        predict=lambda values: setup.predict(values, rows),
    )
