"""From a fit configuration to its result."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ..errors import FitError, FitReason
from ..store.stored_fit import FitColumn, FitTable
from .kind import Outcome
from .least_squares import Array, Estimate, Parameter, Problem, minimise
from .misfit import misfit
from .per_temperature import each_temperature
from .posterior import Posterior, sample
from .priors import Prior, with_priors
from .result import FitResult, FitSettings, Value
from .search import carried_by_priors, searched, unresolved_by_data
from .setup import Quantity, Setup
from .uncertainty import Bootstrap, Profile, bootstrap, profile, propagate, widened


def fit(config: Any) -> Any:
    """Fit data as a configuration says.

    Parameters
    ----------
    config : path, mapping or configuration
        The YAML file of a fit of any kind, its content, or what :func:`spacecharge.fitting.load.load_fit_config`
        returned. Of a configuration with a sweep, give one point (:func:`spacecharge.fitting.load.config_at`).

    Returns
    -------
    FitResult or another result
        Parameters, derived quantities, residuals, warnings; of the kind ``comparison`` the numbers of each
        interface. ``print(result)`` is short, ``result.plot()`` draws.

    Raises
    ------
    ConfigError
        The configuration is broken.
    FitError
        The data cannot be read or fitted, or cannot tell the parameters apart.

    Examples
    --------
    >>> import spacecharge as sc
    >>> result = sc.fit("configs/exsy_livo.yaml")                  # doctest: +SKIP
    >>> result.parameters["activation_energy_eV"].value            # doctest: +SKIP
    """
    from .kinds import kind_of

    config = _loaded(config)
    if getattr(config, "sweep", None):
        raise FitError(f"{config.path}: sweeps {', '.join(config.sweep)}; spacecharge fit runs it, or fit one point")
    outcome: Outcome = kind_of(config.kind).run(config)
    return outcome


def _loaded(config: Any) -> Any:
    """Return the checked configuration of a file or mapping."""
    if isinstance(config, (str, os.PathLike)):
        from .load import load_fit_config

        return load_fit_config(config)
    if isinstance(config, Mapping):
        from .load import check_fit_mapping

        return check_fit_mapping(config)
    return config


def build(config: Any) -> Setup:
    """Read the data of a configuration and return its fit, ready to run.

    Raises
    ------
    FitError
        The data cannot be read or do not belong to the model.
    """
    from .kinds import kind_of

    make = kind_of(config.kind).build
    if make is None:
        raise FitError(f"{config.path}: a fit of kind {config.kind} fits no parameters")
    return make(config)


def run_curve_fit(config: FitSettings) -> FitResult:
    """Build and run a fit of measured curves: the `run` of their kinds."""
    started = time.perf_counter()
    return run_setup(config, build(config), started)


def run_setup(config: FitSettings, setup: Setup, started: float | None = None) -> FitResult:
    """Run a fit that has been built; see :func:`fit`."""
    started = time.perf_counter() if started is None else started
    if config.absolute_sigma and setup.problem.sigma is None:
        raise FitError(f"{config.path or config.name}: absolute_sigma needs a column with the errors of the data")
    given = {n: Prior(**asdict(p)) for n, p in config.priors.items()}
    setup = replace(setup, problem=with_priors(setup.problem, given)) if given else setup
    drawn: Posterior | None = None
    try:
        # What priors carry is searched with normal errors; Student's need the data to tell all parameters apart.
        normal = not getattr(config, "student", 0.0)
        estimate = _found(setup, config.uncertainty == "posterior" and normal)
        if config.uncertainty == "posterior":
            drawn = sample(estimate, samples=config.samples, seed=config.seed, **asdict(config.sampling))
    except FitError as error:
        raise FitError(f"{config.path or config.name}: {error}", error.reason, error.names) from None
    alone, trouble = each_temperature(setup, estimate, config.reference_temperature_K)
    warnings = [*setup.warnings, *estimate.warnings, *trouble, *(drawn.warnings() if drawn is not None else ())]
    if given and (open_ones := unresolved_by_data(estimate)):
        warnings.append(f"{open_ones}; beyond that the result is what the priors say")
    resampled: Bootstrap | None = None
    profiles: dict[str, Profile] = {}
    if config.uncertainty == "bootstrap":
        resampled = bootstrap(estimate, n_samples=config.samples, seed=config.seed)
        if resampled.n_failed:
            warnings.append(f"{resampled.n_failed} of {config.samples} resamplings did not converge")
    elif config.uncertainty == "profile":
        for name in (estimate.problem.names[i] for i in estimate.problem.free):
            try:
                profiles[name] = profile(estimate, name, level=config.level)
            except FitError as error:
                warnings.append(str(error))
                continue
            if not (math.isfinite(profiles[name].lower) and math.isfinite(profiles[name].upper)):
                warnings.append(f"{name}: the profile does not close, the data bound it on one side only")
    parameters = {
        p.name: _parameter(estimate, k, config.level, resampled, profiles)
        if drawn is None or p.fixed
        else _of_draws(p, float(estimate.values[k]), drawn.of(p.name), drawn.converged, config.level)
        for k, p in enumerate(estimate.problem.parameters)
    }
    for name, bound in setup.bounds(estimate, config.level).items():
        if drawn is not None and name in estimate.problem.priors:
            continue
        # No error, but an end: the data say on which side it lies.
        one_sided = replace(parameters[name], sigma=math.nan, lower=bound.lower, upper=bound.upper, fixed=False)
        parameters[name] = one_sided
        warnings.append(bound.text)
    warnings += misfit(setup, estimate)
    some = drawn.some(DERIVED_DRAWS) if drawn is not None and drawn.converged else None
    derived = {
        q.name: _derived(estimate, q, config.level, resampled)
        if drawn is None
        else _of_draws(q, float(q.function(estimate.values)), _each(q, some), drawn.converged, config.level)
        for q in setup.derived
    }
    return FitResult(
        name=config.name,
        kind=config.kind,
        config=config,
        estimate=estimate,
        parameters=parameters,
        derived=derived,
        columns=setup.columns,
        data=setup.quantity,
        series=setup.series,
        series_names=setup.series_names,
        is_log=setup.is_log,
        each_temperature=alone,
        error_statement=_statement(config, estimate, drawn),
        warnings=tuple(dict.fromkeys(warnings)),
        notes=setup.notes,
        tables={**setup.tables, **_smooth(setup, estimate, some)},
        bootstrap=resampled,
        profiles=profiles,
        posterior=drawn,
        bands={} if some is None else _bands(setup, some),
        seconds=time.perf_counter() - started,
    )


DERIVED_DRAWS = 250
"""Draws from which derived quantities and bands are made, evenly over the chain: each may cost a solve. They give a
sigma to 4.5 percent."""

BANDS = {"68": 0.6827, "95": 0.95}
"""Bands of a posterior: name and level."""


def _found(setup: Setup, may_sample: bool) -> Estimate:
    """Return the best point; where the data leave parameters open, of what is sampled if priors close it."""
    try:
        estimate = searched(setup.search, _with_coarse(setup))
        _refuse_superfluous(setup, estimate)
    except FitError as error:
        if not may_sample or error.reason is not FitReason.UNRESOLVED:
            raise
        return carried_by_priors(setup.problem, error)
    return estimate


def _each(quantity: Quantity, draws: Array | None) -> Array:
    """Return a derived quantity of every draw."""
    if draws is None:
        return np.array([])
    if quantity.many is not None:
        return quantity.many(draws)
    return np.array([quantity.function(v) for v in draws], dtype=float)


def _bands(setup: Setup, draws: Array) -> dict[str, Array]:
    """Return median and bands of the prediction of every datum, in the unit of the data."""
    problem = setup.problem
    with np.errstate(all="ignore"):
        if problem.predict_many is not None:
            predicted = problem.predict_many(draws, os.cpu_count() or 1)
        else:
            predicted = np.array([problem.predict(values) for values in draws])
    if setup.is_log:
        predicted = np.exp(predicted)
    return {f"model_{name}": values for name, values in bands_of(predicted).items()}


def _smooth(setup: Setup, estimate: Estimate, draws: Array | None) -> dict[str, FitTable]:
    """Return the law along a dense axis, with bands of a posterior, as the table ``curves``; empty without one."""
    if setup.dense is None:
        return {}
    dense = setup.dense
    model = dense.problem.predict(estimate.values)
    columns = {
        name: FitColumn(values=c.values, unit=c.unit, long_name=c.long_name) for name, c in dense.columns.items()
    }
    words = {"series": "curve, as position in series_names", "model": f"{dense.quantity.long_name} of the fit"}
    found = {"series": dense.series, "model": np.exp(model) if dense.is_log else model}
    if draws is not None:
        found |= _bands(dense, draws)
    for name, values in found.items():
        said = words.get(name, f"{name.removeprefix('model_').replace('_', ' ')} of the posterior")
        unit = "1" if name == "series" else dense.quantity.unit
        columns[name] = FitColumn(values=values, unit=unit, long_name=said)
    columns["point"] = FitColumn(values=np.arange(dense.series.size), unit="1", long_name="number of the point")
    return {"curves": FitTable(columns=columns, axis="point")}


def bands_of(draws: Array, level: float | None = None) -> dict[str, Array]:
    """Return ``median`` and ``lower_68`` to ``upper_95`` of the columns of draws, NaN of columns without a value.

    Parameters
    ----------
    draws : ndarray, shape (n_draws, n)
        May hold NaN, which is left out.
    level : float, optional
        Of the further band ``lower``, ``upper``.
    """
    ends = {"median": 0.5}
    for name, share in [*((f"_{name}", share) for name, share in BANDS.items()), *([("", level)] if level else [])]:
        ends |= {f"lower{name}": 0.5 - 0.5 * share, f"upper{name}": 0.5 + 0.5 * share}
    known = np.isfinite(draws).any(axis=0)
    found = np.full((len(ends), draws.shape[1]), math.nan)
    found[:, known] = np.nanquantile(draws[:, known], list(ends.values()), axis=0)
    return dict(zip(ends, found, strict=True))


_COARSE_ABOVE = 4000
"""Data above which starting points are compared on a part of them."""


def _with_coarse(setup: Setup) -> Problem:
    """Return the problem with a thinned copy where there are many data."""
    problem = setup.problem
    if problem.data.size <= _COARSE_ABOVE or not problem.starts:
        return problem
    rows = np.unique(np.linspace(0, problem.data.size - 1, _COARSE_ABOVE // 2).astype(np.intp))
    part = replace(
        problem,
        data=problem.data[rows],
        sigma=None if problem.sigma is None else problem.sigma[rows],
        limit=None if problem.limit is None else problem.limit[rows],
        starts=(),
        jacobian=None,
        predict=lambda values: setup.predict(values, rows),
    )
    return replace(problem, coarse=part)


_LIMIT_LEVEL = 0.9545
"""A limit that is not excluded at this confidence leaves a parameter open on one side."""


def _refuse_superfluous(setup: Setup, estimate: Estimate) -> None:
    """Refuse a fit that is as good without one of its parameters.

    Where the search ends, the covariance may look fine although the data allow the parameter to grow
    without end: the likelihood is far from a parabola. Comparing with the limit itself sees that.
    """
    scale = 1.0 if estimate.problem.absolute_sigma else estimate.chi2_reduced
    for name, value in setup.limits:
        without = minimise(estimate.problem.with_fixed(name, value), check_rank=False)
        rise = without.height - estimate.height
        if rise < estimate.quantile(_LIMIT_LEVEL) ** 2 * scale:
            others = [n for n, _ in setup.limits]
            advise = estimate.problem.advise
            advice = advise(without.values, others) if advise is not None else ""
            raise FitError(
                f"the data cannot tell apart {' and '.join(others)}: without the effect of {name} chi-square rises "
                f"by {rise:.2g} only; {advice}",
                FitReason.UNRESOLVED,
                tuple(others),
            )


def _of_draws(what: Parameter | Quantity, best: float, draws: Array, converged: bool, level: float) -> Value:
    """Return median, standard deviation and intervals of draws; of a chain that is too short the best value alone."""
    plain = Value(
        name=what.name,
        unit=what.unit,
        long_name=what.long_name,
        value=best,
        sigma=math.nan,
        lower=math.nan,
        upper=math.nan,
        best=best,
    )
    draws = draws[np.isfinite(draws)]
    if not converged or draws.size < 2:
        return plain
    spread = float(draws.std(ddof=1))
    ends = {share: np.quantile(draws, [0.5 - 0.5 * share, 0.5 + 0.5 * share]) for share in (level, *BANDS.values())}
    return replace(
        plain,
        value=float(np.median(draws)),
        # What no sampled parameter moves has no error, not that of its last digit.
        sigma=spread if spread > 1e-14 * float(np.abs(draws).max()) else 0.0,
        lower=float(ends[level][0]),
        upper=float(ends[level][1]),
        intervals={name: (float(ends[share][0]), float(ends[share][1])) for name, share in BANDS.items()},
    )


def _parameter(
    estimate: Estimate, k: int, level: float, resampled: Bootstrap | None, profiles: dict[str, Profile]
) -> Value:
    p, value = estimate.problem.parameters[k], float(estimate.values[k])
    sigma = float(estimate.sigma[k])
    lower, upper = (value, value) if p.fixed else estimate.interval(p.name, level)
    if resampled is not None and not p.fixed:
        sigma = float(resampled.sigma()[k])
        lower, upper = widened(resampled.interval(k, level), value, estimate, level, log=p.log)
    if p.name in profiles:
        lower, upper = profiles[p.name].lower, profiles[p.name].upper
    return Value(
        name=p.name,
        unit=p.unit,
        long_name=p.long_name,
        value=value,
        sigma=sigma,
        lower=lower,
        upper=upper,
        fixed=p.fixed,
    )


def _derived(estimate: Estimate, q: Quantity, level: float, resampled: Bootstrap | None) -> Value:
    """Return a derived quantity; its interval is taken in its logarithm where it is positive."""
    function: Callable[..., float] = q.function
    value, sigma = propagate(estimate, function)
    reach = estimate.quantile(level) * sigma
    lower, upper = value - reach, value + reach
    if resampled is not None:
        samples = np.array([function(v) for v in resampled.samples])
        sigma = float(samples.std(ddof=1))
        low, high = np.quantile(samples, [0.5 - 0.5 * level, 0.5 + 0.5 * level])
        lower, upper = widened((float(low), float(high)), value, estimate, level, log=True)
    elif value > 0.0 and math.isfinite(reach):
        factor = math.exp(min(reach / value, 700.0))
        lower, upper = value / factor, value * factor
    return Value(name=q.name, unit=q.unit, long_name=q.long_name, value=value, sigma=sigma, lower=lower, upper=upper)


def _statement(config: FitSettings, estimate: Estimate, drawn: Posterior | None = None) -> str:
    percent = f"{100 * config.level:.4g} %"
    if drawn is not None:
        said = "given errors" if config.absolute_sigma else "errors of the data of unknown common size"
        if not drawn.converged:
            return f"posterior ({said}): NOT converged; values are those of the least-squares fit, without errors"
        return (
            f"posterior ({said}): values are medians, sigma the standard deviation and the interval {percent} of "
            f"{drawn.n_draws} draws (seed {drawn.seed}; worth {float(np.min(drawn.effective)):.0f} independent ones)"
        )
    scaled = (
        "covariance of the given absolute errors"
        if config.absolute_sigma
        else f"covariance scaled by the reduced chi-square {estimate.chi2_reduced:.4g}"
    )
    if estimate.problem.sigma is None:
        scaled = "covariance scaled by the scatter about the fit (the data carry no errors)"
    if config.uncertainty == "bootstrap":
        refits = f"{config.samples} bootstrap refits (seed {config.seed})"
        few = "" if config.absolute_sigma else f", widened by Student's t with {estimate.freedom} degrees of freedom"
        return f"sigma: standard deviation of {refits}; interval: their {percent} percentiles{few}"
    law = "the normal law" if config.absolute_sigma else f"Student's t with {estimate.freedom} degrees of freedom"
    if config.uncertainty == "profile":
        return f"sigma: 1 sigma from the {scaled}; interval: {percent} profile likelihood, by {law}"
    return f"sigma: 1 sigma from the {scaled}; interval: {percent} by {law}"
