"""Posteriors against closed forms: linear models, priors alone, bounds; and what is said where draws mean nothing."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy import stats

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import ConfigError, FitError, FitReason
from spacecharge.fitting.convergence import autocorrelation, split_rhat
from spacecharge.fitting.least_squares import Parameter, Problem, minimise
from spacecharge.fitting.posterior import sample
from spacecharge.fitting.priors import Prior, with_priors
from spacecharge.fitting.run import build
from spacecharge.fitting.search import searched
from spacecharge.fitting.uncertainty import bootstrap, profile
from tests.fitting.support import configured

X = np.linspace(-1.0, 1.0, 12)
Y = 2.0 + 3.0 * X + 0.2 * np.random.default_rng(3).standard_normal(12)
DESIGN = np.stack([np.ones(12), X], axis=1)
MANY = 60
"""Walkers where many draws are needed: what a step costs beside its evaluations is shared by all of them."""


def line(*more, absolute=True, **options):
    """Return the fit of a straight line; parameters beyond the two have no data."""
    parameters = (Parameter(name="a", initial=1.0), Parameter(name="b", initial=1.0), *more)
    return Problem(
        parameters=parameters,
        predict=lambda v: v[0] + v[1] * X,
        predict_many=lambda v, n: v[:, :1] + v[:, 1:2] * X,
        data=Y,
        sigma=np.full(12, 0.2),
        absolute_sigma=absolute,
        **options,
    )


def test_a_linear_fit_is_normal_or_students_t():
    best, rest = np.linalg.lstsq(DESIGN, Y, rcond=None)[:2]
    inverse = np.linalg.inv(DESIGN.T @ DESIGN)
    for absolute in (True, False):
        # Over ten seeds the outer quantiles of 24,000 draws scatter by 0.07: of 72,000 by 0.04.
        drawn = sample(minimise(line(absolute=absolute)), samples=72_000, walkers=MANY)
        assert drawn.converged
        law = stats.norm if absolute else stats.t(10)
        scale = 0.2 if absolute else np.sqrt(rest[0] / 10)
        for k, name in enumerate("ab"):
            sigma = scale * np.sqrt(inverse[k, k])
            found = (np.quantile(drawn.of(name), [0.025, 0.16, 0.5, 0.84, 0.975]) - best[k]) / sigma
            assert found == pytest.approx(law.ppf([0.025, 0.16, 0.5, 0.84, 0.975]), abs=0.12)
        correlation = np.corrcoef(drawn.of("a"), drawn.of("b"))[0, 1]
        assert correlation == pytest.approx(0.0, abs=0.06)


def test_the_moves_leave_a_normal_distribution_as_it_is():
    # Five independent data of five parameters. The snooker move of emcee 3.1 makes them ten percent too narrow.
    parameters = tuple(Parameter(name=f"p{k}", initial=0.5) for k in range(5))
    problem = Problem(
        parameters=parameters,
        predict=lambda v: v,
        data=np.zeros(5),
        sigma=np.ones(5),
        absolute_sigma=True,
        predict_many=lambda v, n: v,
    )
    drawn = sample(minimise(problem), samples=60_000, walkers=MANY)
    assert np.mean([drawn.of(f"p{k}").std() for k in range(5)]) == pytest.approx(1.0, abs=0.025)


def test_priors_alone_come_back_as_themselves():
    more = (
        Parameter(name="area", initial=1.0, minimum=0.0, maximum=10.0),
        Parameter(name="rate", initial=2.0, minimum=1e-3, maximum=1e3, log=True),
        Parameter(name="flat", initial=0.3, minimum=0.0, maximum=1.0),
    )
    priors = {
        "area": Prior(law="normal", first=2.0, second=0.3),
        "rate": Prior(law="log_normal", first=4.0, second=0.5),
        "flat": Prior(law="log_uniform", first=0.1, second=0.9),
    }
    problem = with_priors(line(*more), priors)
    drawn = sample(minimise(problem, check_rank=False), samples=60_000, seed=2)
    assert drawn.converged
    thin = int(np.ceil(2.0 * drawn.autocorrelation.max()))
    laws = {
        "area": stats.norm(2.0, 0.3),
        "rate": stats.lognorm(0.5, scale=4.0),
        "flat": stats.loguniform(0.1, 0.9),
    }
    for name, law in laws.items():
        draws = drawn.chain[::thin, :, drawn.names.index(name)].ravel()
        assert stats.kstest(draws, law.cdf).pvalue > 0.01
    # Least squares with the normal ones alone says the same.
    estimate = minimise(with_priors(line(*more[:2]), priors))
    assert estimate.value("area") == pytest.approx(2.0) and estimate.value("rate") == pytest.approx(4.0)
    assert estimate.sigma[2:] == pytest.approx([0.3, 0.5 * 4.0])
    assert estimate.chi2 == pytest.approx(minimise(line()).chi2)
    assert estimate.freedom == 10


@pytest.mark.parametrize("absolute", [True, False])
def test_a_normal_prior_is_a_datum_more(absolute):
    problem = with_priors(line(absolute=absolute), {"b": Prior(law="normal", first=2.5, second=0.05)})
    estimate = searched(minimise, problem)
    scale = 1.0 if absolute else estimate.chi2_reduced
    rows = np.vstack([DESIGN / (0.2 * np.sqrt(scale)), [0.0, 1.0 / 0.05]])
    right = np.append(Y / (0.2 * np.sqrt(scale)), 2.5 / 0.05)
    assert estimate.values == pytest.approx(np.linalg.lstsq(rows, right, rcond=None)[0], rel=1e-4)
    assert estimate.covariance == pytest.approx(np.linalg.inv(rows.T @ rows), rel=1e-3, abs=1e-12)
    # Of the data alone: no prior hides a misfit.
    assert estimate.chi2 == pytest.approx(np.sum(((Y - DESIGN @ estimate.values) / 0.2) ** 2))
    sigma = estimate.sigma[1]
    for level, reach in ((0.6827, 1.0), (0.9545, 2.0)):
        found = profile(estimate, "b", level=level)
        wide = reach if absolute else stats.t(estimate.freedom).ppf(0.5 + level / 2)
        assert found.upper - estimate.value("b") == pytest.approx(wide * sigma, rel=2e-3)
    assert bootstrap(estimate, n_samples=300).sigma()[1] == pytest.approx(sigma, rel=0.15)
    drawn = sample(estimate, samples=24_000)
    assert np.median(drawn.of("b")) == pytest.approx(estimate.value("b"), abs=0.1 * sigma)
    assert drawn.of("b").std() == pytest.approx(sigma, rel=0.1)


def test_a_bound_cuts_the_posterior():
    # The best slope lies at its bound: half a normal distribution, of which the covariance knows nothing.
    free = minimise(line())
    parameters = (Parameter(name="a", initial=2.0), Parameter(name="b", initial=1.0, maximum=free.value("b") - 0.1))
    held = minimise(replace(line(), parameters=parameters))
    assert np.isnan(held.sigma[1])
    drawn = sample(held, samples=24_000)
    law = stats.truncnorm(-np.inf, -0.1 / free.sigma[1], loc=free.value("b"), scale=free.sigma[1])
    assert np.quantile(drawn.of("b"), [0.05, 0.5, 0.95]) == pytest.approx(
        law.ppf([0.05, 0.5, 0.95]), abs=0.08 * free.sigma[1]
    )
    assert drawn.of("b").max() <= free.value("b") - 0.1


def test_draws_depend_on_the_seed_and_not_on_the_threads():
    # Each row by itself, by the threads.
    estimate = minimise(replace(line(), predict_many=None))
    one, two, other = (
        sample(estimate, samples=600, seed=seed, threads=n).chain for seed, n in ((1, 1), (1, 2), (2, 1))
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_diagnostics_against_closed_forms():
    # An autoregressive process of coefficient r has the autocorrelation time (1 + r)/(1 - r).
    random = np.random.default_rng(5)
    chain = np.empty((20_000, 8, 2))
    chain[0] = random.standard_normal((8, 2))
    for k in range(1, chain.shape[0]):
        r = np.array([0.8, 0.0])
        chain[k] = r * chain[k - 1] + np.sqrt(1.0 - r**2) * random.standard_normal((8, 2))
    assert autocorrelation(chain) == pytest.approx([9.0, 1.0], rel=0.1)
    assert np.all(split_rhat(chain) < 1.005)
    # Half of the walkers elsewhere, or twice as wide.
    shifted, wide = chain.copy(), chain.copy()
    shifted[:, :4] += 1.0
    wide[:, :4] *= 3.0
    assert np.all(split_rhat(shifted) > 1.1) and np.all(split_rhat(wide) > 1.1)


def exsy(tmp_path, **sections):
    t = np.tile(np.geomspace(1e-2, 3.0, 10), 2)
    temperature = np.repeat([300.0, 340.0], 10)
    rate = 0.5 * np.exp(0.3 / 8.617333e-5 * (1 / 300.0 - 1 / temperature))
    share = 0.5 * (1.0 - np.exp(-rate * t)) + 0.01 * np.random.default_rng(7).standard_normal(20)
    columns = {"temperature_K": temperature, "mixing_time_s": t, "diagonal_A": 1.0 - share, "cross_AB": share}
    columns |= {"sigma_diagonal_A": np.full(20, 0.01), "sigma_cross_AB": np.full(20, 0.01)}
    options = {"fit": "exsy", "model": {"kind": "kinetic"}, "reference_temperature_K": 320.0} | sections
    return configured(tmp_path, columns, **options)


def test_many_rows_are_predicted_as_each_of_them(tmp_path):
    problem = build(exsy(tmp_path)).problem
    rows = problem.initial * np.linspace(0.5, 2.0, 7)[:, None]
    found = problem.predict_many(rows, 1)
    assert np.ptp(found, axis=0).min() > 0.0
    assert found == pytest.approx(np.array([problem.predict(row) for row in rows]), rel=1e-13, abs=0.0)


def test_covariance_profile_and_posterior_agree(tmp_path):
    found = {
        method: sc.fit(exsy(tmp_path, uncertainty=method, absolute_sigma=True, level=0.6827))
        for method in ("covariance", "profile", "posterior")
    }
    for name in ("exchange_rate_per_s", "activation_energy_eV", "magnetisation_B"):
        p = {method: result.parameters[name] for method, result in found.items()}
        sigma = p["covariance"].sigma
        assert p["posterior"].sigma == pytest.approx(sigma, rel=0.1)
        assert p["posterior"].value == pytest.approx(p["covariance"].value, abs=0.1 * sigma)
        for end in ("lower", "upper"):
            ends = [getattr(p[method], end) for method in found]
            assert np.ptp(ends) < 0.1 * sigma
    assert len({r.estimate.chi2 for r in found.values()}) == 1


def test_file_table_json_and_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = exsy(tmp_path, uncertainty="posterior", samples=12_000, priors={"magnetisation_B": {"normal": [1.0, 0.1]}})
    Path("fit.yaml").write_text(config.text)
    assert main(["fit", "fit.yaml", "-o", "f.h5", "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)
    p = said["parameters"]["exchange_rate_per_s"]
    assert p["interval_95"][0] < p["interval_68"][0] < p["median"] < p["interval_68"][1] < p["interval_95"][1]
    assert p["sigma"] == pytest.approx((p["interval_68"][1] - p["interval_68"][0]) / 2, rel=0.15)
    assert said["posterior"]["status"] == "converged" and said["posterior"]["seed"] == 0
    assert said["posterior"]["parameters"]["magnetisation_B"]["prior"] == "normal, 1 +- 0.1"
    assert "(default)" in said["posterior"]["parameters"]["exchange_rate_per_s"]["prior"]
    with h5py.File("f.h5") as file:
        chain = file["fits/fit/posterior/chain"]
        assert chain.shape[0] * chain.shape[1] >= 12_000 and chain.compression == "gzip"
        assert [chain.dims[k].keys()[0] for k in range(3)] == ["step", "walker", "parameter"]
        assert list(file["fits/fit/posterior"].attrs["parameter_units"]) == ["s-1", "eV", "1"]
        rate = chain[()][:, :, 0]
        assert np.median(rate) == pytest.approx(p["median"], rel=1e-12)
        band = file["fits/fit/data/model_upper_95"]
        assert band.attrs["units"] == "1" and np.all(band[()] > file["fits/fit/data/model_median"][()])
    import xarray

    with xarray.open_dataset("f.h5", group="fits/fit/posterior", engine="h5netcdf") as chains:
        assert chains["chain"].dims == ("step", "walker", "parameter")
    from spacecharge.store.fit_reader import read_fit
    from spacecharge.store.stored_fit import read_fits

    number = read_fit("f.h5", "exchange_rate_per_s")
    assert (number.value, number.sigma) == (p["value"], p["sigma"])
    (stored,) = read_fits("f.h5")
    assert stored.summary["posterior"] == said["posterior"]
    assert stored.summary["parameters"]["exchange_rate_per_s"]["interval_68"] == p["interval_68"]
    assert main(["show", "f.h5"]) == 0
    shown = capsys.readouterr().out
    assert "parameters (posterior)" in shown and "posterior converged" in shown and "medians" in shown
    assert main(["plot", "f.h5"]) == 0
    assert Path("f.png").stat().st_size > 30_000 and Path("f_posterior.png").stat().st_size > 30_000
    # Either figure that is there already stays what it is, and then neither is drawn.
    Path("f_posterior.png").write_bytes(b"mine")
    Path("f.png").unlink()
    assert main(["plot", "f.h5"]) != 0
    assert "f_posterior.png: exists already; --overwrite replaces it" in capsys.readouterr().err
    assert Path("f_posterior.png").read_bytes() == b"mine" and not Path("f.png").exists()
    assert main(["plot", "f.h5", "--overwrite"]) == 0
    assert Path("f.png").stat().st_size > 30_000 and Path("f_posterior.png").stat().st_size > 30_000


def test_a_short_chain_gives_no_errors_but_a_number_of_samples(tmp_path):
    result = sc.fit(exsy(tmp_path, uncertainty="posterior", samples=600))
    said = result.to_json()
    assert said["posterior"]["status"] == "not converged"
    for p in (*said["parameters"].values(), *said["derived"].values()):
        if not p.get("fixed"):
            assert p["sigma"] is None and p["lower"] is None and p["median"] is None and p["interval_68"] is None
            assert p["value"] == p["best"]
    (warning,) = [w for w in result.warnings if "NOT converged" in w]
    corner = result.plot_posterior()
    assert not any("±" in panel.get_title() for panel in corner.axes) and "NOT CONVERGED" in corner.get_suptitle()
    needed = said["posterior"]["samples_needed"]
    assert f"samples: {needed} are needed" in warning
    again = sc.fit(exsy(tmp_path, uncertainty="posterior", samples=3 * needed))
    assert again.posterior.converged and again.parameters["exchange_rate_per_s"].sigma > 0.0
    from spacecharge.report.fits import fit_text

    assert "+- ?" in fit_text(said) and "NOT converged" in fit_text(said)


def test_what_occurs_as_a_product_is_named_before_sampling():
    from spacecharge.fitting.search import carried_by_priors, unresolved_by_data

    parameters = tuple(Parameter(name=n, initial=2.0, minimum=1e-3, maximum=1e3, log=True) for n in ("eps", "n", "c"))
    problem = Problem(
        parameters=parameters,
        predict=lambda v: np.array([v[0] * v[1] ** 2, v[2], 2.0 * v[2]]),
        data=np.array([50.0, 1.0, 2.1]),
        sigma=np.array([1.0, 0.1, 0.1]),
        absolute_sigma=True,
    )
    with pytest.raises(FitError) as refusal:
        minimise(problem)
    with pytest.raises(FitError, match=r"n x eps\^0.5 = 7\.07.*give priors.eps or priors.n") as error:
        carried_by_priors(problem, refusal.value)
    assert error.value.reason is FitReason.UNRESOLVED and set(error.value.names) == {"eps", "n"}
    # A proper prior of one of them carries the fit; a prior of what is known already does not.
    with pytest.raises(FitError, match="give priors"):
        carried_by_priors(with_priors(problem, {"c": Prior(law="normal", first=1.0, second=1.0)}), refusal.value)
    closed = with_priors(problem, {"eps": Prior(law="uniform", first=1.0, second=4.0)})
    estimate = carried_by_priors(closed, refusal.value)
    assert "the data determine only n x eps^0.5 = 7.07" in unresolved_by_data(estimate)
    drawn = sample(estimate, samples=60_000, walkers=MANY)
    assert drawn.converged
    thin = int(np.ceil(2.0 * drawn.autocorrelation.max()))
    eps, n = drawn.chain[::thin, :, 0].ravel(), drawn.chain[::thin, :, 1].ravel()
    assert (eps * n**2).std() == pytest.approx(1.0, rel=0.1)
    # The prior of eps is flat; n, flat in its logarithm, takes what the product leaves: eps stays flat.
    assert stats.kstest(eps, stats.uniform(1.0, 3.0).cdf).pvalue > 0.01


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ({"activation_energy_eV": {"uniform": [0.1, 6.0]}}, r"uniform: 0.1 to 6 is out of bounds \(allowed: -1 to 5"),
        ({"activation_energy_eV": {"uniform": [0.4, 0.1]}}, r"0.4 is not below 0.1"),
        ({"activation_energy_eV": {"normal": [0.3, 0.0]}}, r"sigma 0 is out of range \(allowed: above 0\)"),
        ({"activation_energy_eV": {"normal": [9.0, 1.0]}}, r"mean 9 is out of bounds"),
        ({"activation_energy_eV": {"log_uniform": [-0.5, 1.0]}}, r"-0.5 has no logarithm"),
        ({"activation_energy_eV": {"normal": [0.3, 0.1], "uniform": [0, 1]}}, r"one of normal, .* is needed, got 2"),
        ({"activation_energy": {"normal": [0.3, 0.1]}}, r"unknown key \(nearest: activation_energy_eV\)"),
        ({"offset": {"normal": [0.0, 0.1]}}, r"is not fitted, it takes no prior"),
        ({"activation_energy_eV": {"gauss": [0.3, 0.1]}}, r"gauss: unknown key \(known: normal"),
    ],
)
def test_priors_out_of_place_are_error_lines(tmp_path, priors, message):
    with pytest.raises(ConfigError, match=message):
        exsy(tmp_path, priors=priors)


def test_settings_of_the_sampler(tmp_path):
    with pytest.raises(ConfigError, match="an even number is needed, got 13"):
        exsy(tmp_path, sampling={"walkers": 13})
    with pytest.raises(FitError, match=r"sampling.walkers: 4 is too few for 3 parameters"):
        sc.fit(exsy(tmp_path, uncertainty="posterior", sampling={"walkers": 4}))
    sampling = {"walkers": 20, "warm_up": 7, "threads": 2}
    result = sc.fit(exsy(tmp_path, uncertainty="posterior", samples=400, seed=3, sampling=sampling))
    assert result.posterior.chain.shape == (20, 20, 3)
    assert (result.posterior.warm_up, result.posterior.threads, result.posterior.seed) == (7, 2, 3)


def test_without_emcee_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "emcee", None)
    with pytest.raises(FitError, match=r"needs emcee: pip install 'spacecharge\[fit\]'"):
        sc.fit(exsy(tmp_path, uncertainty="posterior"))
