"""The generic engine: certified references, exact linear theory, bounds, one-sided data, refusals."""

import math

import numpy as np
import pytest

from spacecharge.errors import FitError
from spacecharge.fitting.least_squares import AT_LEAST, AT_MOST, Parameter, Problem, minimise
from spacecharge.fitting.uncertainty import bootstrap, profile, propagate

# NIST StRD, Misra1a (Misra, D., 1978, dental research in monomolecular adsorption), certified values.
MISRA_X = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
MISRA_Y = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]
MISRA = {"b1": (2.3894212918e02, 2.7070075241e00), "b2": (5.5015643181e-04, 7.2668688436e-06)}


def misra(start, log=False, jacobian=False):
    x = np.array(MISRA_X)

    def derivative(v):
        return np.column_stack([1 - np.exp(-v[1] * x), v[0] * x * np.exp(-v[1] * x)])

    return Problem(
        parameters=tuple(
            Parameter(name=n, initial=s, log=log, minimum=0.0) for n, s in zip(("b1", "b2"), start, strict=True)
        ),
        predict=lambda v: v[0] * (1 - np.exp(-v[1] * x)),
        data=np.array(MISRA_Y),
        jacobian=derivative if jacobian else None,
    )


@pytest.mark.parametrize("start", [(500.0, 1e-4), (250.0, 5e-4)])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("jacobian", [False, True])
def test_certified_values_and_errors(start, log, jacobian):
    fit = minimise(misra(start, log, jacobian))
    for k, (value, sigma) in enumerate(MISRA.values()):
        # Six digits of the values (NIST grades 4 as good), four of the errors: differences of 1e-9.
        assert fit.values[k] == pytest.approx(value, rel=1e-6, abs=0)
        assert fit.sigma[k] == pytest.approx(sigma, rel=1e-4, abs=0)
    assert fit.chi2 == pytest.approx(1.2455138894e-01, rel=1e-8, abs=0)
    assert fit.freedom == 12


def line(absolute=False, sigma=0.3, seed=0, log=False):
    x = np.linspace(0, 4, 12)
    y = 2.0 + 0.7 * x + sigma * np.random.default_rng(seed).standard_normal(12)
    design = np.column_stack([np.ones_like(x), x])
    problem = Problem(
        parameters=(Parameter(name="a", initial=1.0, log=log), Parameter(name="b", initial=0.5, log=log)),
        predict=lambda v: design @ v,
        data=y,
        sigma=np.full(12, sigma),
        absolute_sigma=absolute,
    )
    return problem, design, y, sigma


@pytest.mark.parametrize("absolute", [False, True])
def test_linear_problem_has_the_textbook_covariance(absolute):
    problem, design, y, sigma = line(absolute)
    fit = minimise(problem)
    exact, *_ = np.linalg.lstsq(design, y, rcond=None)
    chi2 = np.sum((design @ exact - y) ** 2) / sigma**2
    covariance = np.linalg.inv(design.T @ design) * sigma**2 * (1.0 if absolute else chi2 / 10)
    assert fit.values == pytest.approx(exact, rel=1e-7, abs=0)
    assert fit.covariance == pytest.approx(covariance, rel=1e-6, abs=0)
    assert fit.chi2 == pytest.approx(chi2, rel=1e-9, abs=0)


def test_profile_of_a_linear_problem_is_the_student_interval():
    fit = minimise(line()[0])
    walked = profile(fit, "b")
    # A parabola: profile and covariance interval are one, to the bisection (2^-12 of a step).
    assert (walked.lower, walked.upper) == pytest.approx(fit.interval("b"), rel=2e-3, abs=0)
    assert np.all(np.diff(walked.value) > 0)
    assert walked.chi2.min() == pytest.approx(fit.chi2, rel=1e-6, abs=0)


def test_student_quantile():
    fit = minimise(line()[0])
    from scipy.stats import norm, t

    assert fit.quantile(0.9545) == pytest.approx(t.ppf(0.97725, 10), rel=1e-6, abs=0)
    assert minimise(line(absolute=True)[0]).quantile(0.9545) == pytest.approx(norm.ppf(0.97725), rel=1e-6, abs=0)


def test_bootstrap_agrees_with_the_covariance():
    fit = minimise(line()[0])
    resampled = bootstrap(fit, n_samples=400, seed=3)
    # 400 samples know a standard deviation to 3.5 %; residuals of 12 points are not quite normal.
    assert resampled.sigma() == pytest.approx(fit.sigma, rel=0.15, abs=0)
    again = bootstrap(fit, n_samples=400, seed=3)
    assert np.array_equal(again.samples, resampled.samples)


def test_propagation_of_a_product_of_powers_is_exact():
    fit = minimise(line(log=True)[0])
    value, sigma = propagate(fit, lambda v: v[0] ** 2 / v[1])
    g = np.array([2.0, -1.0])
    assert sigma / value == pytest.approx(math.sqrt(g @ fit.internal_covariance @ g), rel=1e-6, abs=0)


def test_log_interval_is_symmetric_in_the_logarithm():
    fit = minimise(line(log=True)[0])
    low, high = fit.interval("b")
    assert math.sqrt(low * high) == pytest.approx(fit.value("b"), rel=1e-6, abs=0)


def test_fixed_parameters_stay_and_have_no_error():
    problem, design, y, _ = line()
    held = minimise(problem.with_fixed("b", 0.7))
    assert held.values[1] == 0.7
    assert held.sigma[1] == 0.0
    assert held.values[0] == pytest.approx(np.mean(y - 0.7 * design[:, 1]), rel=1e-7, abs=0)
    assert held.freedom == 11


def test_bound_is_respected_and_reported():
    problem, *_ = line()
    bounded = Problem(
        parameters=(Parameter(name="a", initial=1.0), Parameter(name="b", initial=0.1, maximum=0.2)),
        predict=problem.predict,
        data=problem.data,
        sigma=problem.sigma,
    )
    fit = minimise(bounded)
    assert fit.values[1] == pytest.approx(0.2, abs=1e-6)
    assert any("b ended at its bound" in w for w in fit.warnings)
    assert math.isnan(fit.sigma[1])
    assert fit.sigma[0] > 0


@pytest.mark.parametrize("kind", [AT_MOST, AT_LEAST])
def test_one_sided_data_equal_the_brute_force_likelihood(kind):
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    data, sigma, limit = np.array([1.0, 1.4, 0.9]), np.array([0.3, 0.2, 0.25]), np.array([0, 0, kind], np.int8)
    problem = Problem(
        parameters=(Parameter(name="m", initial=1.0),),
        predict=lambda v: np.full(3, v[0]),
        data=data,
        sigma=sigma,
        limit=limit,
        absolute_sigma=True,
    )
    fit = minimise(problem)

    def minus_log(m):
        bound = -kind * (m - 0.9) / 0.25
        return 0.5 * np.sum(((m - data[:2]) / sigma[:2]) ** 2) - norm.logcdf(-bound)

    exact = minimize_scalar(minus_log, bounds=(0, 3), method="bounded", options={"xatol": 1e-10}).x
    # The minimiser stops on relative changes of 1e-10 of chi-square, 1e-5 of the parameter.
    assert fit.values[0] == pytest.approx(exact, rel=1e-5, abs=0)


def test_a_bound_far_away_does_not_matter():
    problem, *_ = line(absolute=True)
    plain = minimise(problem)
    with_bound = Problem(
        parameters=problem.parameters,
        predict=lambda v: np.append(problem.predict(v), v[0]),
        data=np.append(problem.data, 1e3),
        sigma=np.append(problem.sigma, 1.0),
        limit=np.append(np.zeros(12, np.int8), np.int8(AT_MOST)),
        absolute_sigma=True,
    )
    fit = minimise(with_bound)
    assert fit.values == pytest.approx(plain.values, rel=1e-8, abs=0)
    assert fit.freedom == 10
    assert fit.residuals[-1] == 0.0


def test_the_best_start_is_used():
    x = np.linspace(0, 10, 60)
    problem = Problem(
        parameters=(Parameter(name="w", initial=0.3),),
        predict=lambda v: np.sin(v[0] * x),
        data=np.sin(2.0 * x),
        starts=tuple(np.array([w]) for w in (0.5, 1.0, 1.9, 3.0)),
    )
    assert minimise(problem).values[0] == pytest.approx(2.0, rel=1e-6, abs=0)


def product_problem(**more):
    x = np.linspace(0, 3, 20)
    y = 2.0 * np.exp(-x) + 0.01 * np.random.default_rng(1).standard_normal(20)
    return Problem(
        parameters=tuple(Parameter(name=n, initial=1.0, log=True) for n in ("height", "scale", "rate")),
        predict=lambda v: v[0] * v[1] * np.exp(-v[2] * x),
        data=y,
        **more,
    )


def test_rank_deficient_fit_names_the_parameters():
    with pytest.raises(FitError, match="cannot tell apart height and scale") as error:
        minimise(product_problem())
    assert "rate" not in str(error.value)


def test_parameter_without_effect_is_named():
    problem, *_ = line()
    idle = Problem(
        parameters=(*problem.parameters, Parameter(name="idle", initial=1.0)),
        predict=lambda v: problem.predict(v[:2]),
        data=problem.data,
    )
    with pytest.raises(FitError, match="do not depend on idle"):
        minimise(idle)


def test_parameter_with_hardly_any_effect_is_named():
    problem, *_ = line()
    # One sigma of its logarithm is 0.3 / (0.01 sqrt(6)), about twelve: the data say nothing about it.
    shape = 0.01 * np.sin(3.0 * np.arange(12))
    vague = Problem(
        parameters=(*problem.parameters, Parameter(name="vague", initial=1.0, log=True)),
        predict=lambda v: problem.predict(v[:2]) + shape * np.log(v[2]),
        data=problem.data,
    )
    with pytest.raises(FitError, match="hardly depend on vague"):
        minimise(vague)


def test_rank_is_found_without_logarithms_too():
    x = np.linspace(0, 3, 20)
    problem = Problem(
        parameters=tuple(Parameter(name=n, initial=1.0) for n in ("first", "second", "slope")),
        predict=lambda v: v[0] + v[1] + v[2] * x,
        data=1.0 + 2.0 * x + 0.1 * np.sin(9 * x),
    )
    with pytest.raises(FitError, match="cannot tell apart first and second"):
        minimise(problem)


def test_advice_is_part_of_the_refusal():
    with pytest.raises(FitError, match="weigh the sample"):
        minimise(product_problem(advise=lambda values, names: "weigh the sample"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": np.array([])}, "no data"),
        ({"data": np.array([1.0, np.nan])}, "datum 2 of 2"),
        ({"data": np.ones(2), "sigma": np.array([1.0, 0.0])}, "sigma of datum 2 is 0"),
        ({"data": np.ones(2), "sigma": np.ones(3)}, "shape"),
        ({"data": np.ones(2), "limit": np.array([0, -1], np.int8)}, "needs a sigma"),
    ],
)
def test_bad_problems(change, message):
    options = {"parameters": (Parameter(name="a", initial=1.0),), "predict": lambda v: np.full(2, v[0])}
    with pytest.raises(FitError, match=message):
        Problem(**options, **change)


def test_bad_parameters():
    for options, message in (
        ({"initial": math.inf}, "finite"),
        ({"initial": 2.0, "maximum": 1.0}, "out of bounds"),
        ({"initial": 1.0, "minimum": 1.0, "maximum": 1.0}, "fixed"),
        ({"initial": 0.0, "log": True}, "above 0"),
    ):
        with pytest.raises(FitError, match=message):
            Parameter(name="a", **options)
    with pytest.raises(FitError, match="two parameters of one name"):
        Problem(parameters=(Parameter(name="a", initial=1.0),) * 2, predict=lambda v: v, data=np.ones(3))


def test_too_few_data_and_models_that_are_not_finite():
    with pytest.raises(FitError, match=r"2 parameters .* cannot be fitted to 1 datum"):
        minimise(Problem(parameters=line()[0].parameters, predict=lambda v: v[:1], data=np.ones(1)))
    with pytest.raises(FitError, match="not finite at the initial values"):
        minimise(Problem(parameters=line()[0].parameters, predict=lambda v: np.full(3, np.nan), data=np.ones(3)))


def test_as_many_data_as_parameters_has_no_errors():
    fit = minimise(
        Problem(
            parameters=line()[0].parameters, predict=lambda v: np.array([v[0], v[0] + v[1]]), data=np.array([1.0, 3.0])
        )
    )
    assert fit.values == pytest.approx([1.0, 2.0], rel=1e-6, abs=0)
    assert np.all(np.isnan(fit.sigma))
    assert any("as many parameters as data" in w for w in fit.warnings)
    with pytest.raises(FitError, match="bootstrap"):
        bootstrap(fit)
    with pytest.raises(FitError, match="sigma of a is not known"):
        profile(fit, "a")
    with pytest.raises(FitError, match="not fitted"):
        profile(fit, "c")


def test_large_linear_values_stay_quiet():
    # Intensities of spectrometers are 1e8 and more; warnings are errors in these tests.
    x = np.linspace(0.0, 3.0, 20)
    problem = Problem(
        parameters=(
            Parameter(name="a", initial=4e8),
            Parameter(name="b", initial=0.0),
            Parameter(name="t", initial=1.0, log=True),
        ),
        predict=lambda v: v[0] * np.exp(-x / v[2]) + v[1],
        data=3e8 * np.exp(-x / 0.7) + 2e7 + 1e5 * np.sin(37 * x),
    )
    fit = minimise(problem)
    assert fit.values == pytest.approx([3e8, 2e7, 0.7], rel=2e-2, abs=0)


@pytest.mark.parametrize("unit", [1e-15, 1e-12, 1e-5, 1e12])
def test_the_unit_of_the_data_does_not_move_the_answer(unit):
    """A search ended at once where the data were small in their unit: 10 % off at 1e-12, with small errors."""
    x = np.linspace(0.0, 5.0, 16)
    noise = 1e-3 * np.random.default_rng(1).standard_normal(x.size)

    def fitted(scale):
        return minimise(
            Problem(
                parameters=(
                    Parameter(name="a", initial=1.5 * scale),
                    Parameter(name="tau", initial=4.0, minimum=1e-3, maximum=1e3, log=True),
                ),
                predict=lambda v: v[0] * np.exp(-x / v[1]),
                data=scale * (np.exp(-x / 2.0) + noise),
            )
        )

    one, other = fitted(1.0), fitted(unit)
    assert other.values / [unit, 1.0] == pytest.approx(one.values, rel=1e-7)
    assert np.sqrt(np.diag(other.covariance)) / [unit, 1.0] == pytest.approx(np.sqrt(np.diag(one.covariance)), rel=1e-4)
