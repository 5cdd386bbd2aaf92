"""Posteriors of fits of the interface model: the misfit stays what it is, products are named, bands are drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import spacecharge as sc
from spacecharge.document.yaml import parse_document
from spacecharge.errors import FitError, FitReason
from spacecharge.fitting.load import check_fit_document
from spacecharge.fitting.run import build
from tests.charge_transfer.test_interface_tables import C_ALONE, TEXT, config

COMPARISON = Path(__file__).parents[2] / "configs" / "joule2020_comparison.yaml"


def comparison(method: str, more: str = "") -> object:
    text = (
        COMPARISON.read_text().replace("uncertainty: profile", f"uncertainty: {method}").replace("num: 201", "num: 5")
    )
    return check_fit_document(parse_document(text + more, COMPARISON))


def test_no_method_and_no_prior_hides_the_misfit_of_the_comparison() -> None:
    plain = sc.fit(comparison("covariance"))
    assert plain.chi2_reduced == pytest.approx(38.66, abs=0.01)
    drawn = sc.fit(comparison("posterior", "samples: 360\nsampling: {warm_up: 0}\n"))
    assert drawn.estimate.chi2 == plain.estimate.chi2
    assert drawn.to_json()["posterior"]["status"] == "not converged"
    assert any("chi-square is 38.66" in text for text in drawn.warnings)
    # A prior far from the data costs chi-square; its own term is not part of it.
    pulled = sc.fit(comparison("covariance", "priors:\n  symmetry_factor: {normal: [0.5, 0.01]}\n"))
    assert pulled.estimate.penalty > 1.0
    assert pulled.estimate.chi2 > plain.estimate.chi2
    problem = pulled.estimate.problem
    r = (pulled.estimate.model - problem.data) / problem.sigma
    bound = problem.limit != 0
    assert pulled.estimate.chi2 == pytest.approx(np.sum(r[~bound] ** 2) - 2.0 * norm.logcdf(-r[bound]).sum())


@pytest.mark.slow
def test_chi_square_is_the_same_under_every_method() -> None:
    found = {method: sc.fit(comparison(method)) for method in ("covariance", "bootstrap", "profile", "posterior")}
    assert {round(r.estimate.chi2, 9) for r in found.values()} == {round(found["covariance"].estimate.chi2, 9)}
    assert found["covariance"].estimate.chi2 == pytest.approx(38.66, abs=0.01)
    assert found["posterior"].posterior.converged
    for result in found.values():
        assert any("chi-square is 38.66" in text for text in result.warnings)
    # Far from a parabola profile and posterior agree with each other; interaction_eV ends at its bound.
    for name in ("rate_constant_per_m2_s", "symmetry_factor"):
        drawn, walked = found["posterior"].parameters[name], found["profile"].parameters[name]
        for end in ("lower", "upper"):
            assert getattr(drawn, end) == pytest.approx(getattr(walked, end), abs=0.35 * drawn.sigma)
    assert found["posterior"].parameters["interaction_eV"].lower > -0.06


def test_capacitance_alone_is_sampled_under_a_prior_only() -> None:
    posterior = "uncertainty: posterior\nsamples: 4000\nseed: 1\nsampling: {walkers: 8, warm_up: 60}\n"
    with pytest.raises(FitError) as error:
        sc.fit(config(C_ALONE + posterior))
    assert error.value.reason is FitReason.UNRESOLVED
    text = str(error.value)
    assert "give priors.electrolyte.permittivity or priors.electrolyte.site_density_per_nm3" in text
    assert float(text.partition("site_density_per_nm3 = ")[2].split()[0].strip(";,")) == pytest.approx(200.0, rel=0.02)
    prior = "priors:\n  electrolyte.permittivity: {log_normal: [40, 0.2]}\n"
    result = sc.fit(config(C_ALONE + posterior + prior))
    assert result.posterior.converged
    eps, n = (result.posterior.of(f"electrolyte.{name}") for name in ("permittivity", "site_density_per_nm3"))
    # The prior of one comes back, and the product is as sharp as the covariance under the same prior says.
    assert np.log(eps).std() == pytest.approx(0.2, rel=0.1)
    inner = sc.fit(config(C_ALONE + prior)).estimate.internal_covariance
    assert np.log(eps * n).std() == pytest.approx(np.sqrt(inner.sum()), rel=0.1)
    assert np.median(eps * n) == pytest.approx(200.0, rel=0.02)
    assert any("beyond that the result is what the priors say" in text for text in result.warnings)


@pytest.mark.parametrize("made", [lambda: config(TEXT), lambda: comparison("posterior")], ids=["no law", "law"])
def test_what_is_derived_of_many_draws_is_what_is_derived_of_each(made: Callable[[], object]) -> None:
    setup = build(made())
    base = setup.problem.initial
    assert len(setup.derived) >= 2
    for quantity in setup.derived:
        rows = base * np.linspace(0.97, 1.03, 5)[:, None]
        assert quantity.many is not None
        each = [quantity.function(row) for row in rows]
        assert quantity.many(rows) == pytest.approx(each, rel=1e-13, abs=0.0)
        assert len(set(each)) == len(each)


def test_the_curve_has_the_bands_of_the_draws(tmp_path: Path) -> None:
    curve = "curve: {path: cathode.potential_V, start: 3.7, stop: 4.2, num: 6}\n"
    result = sc.fit(
        config(TEXT + curve + "uncertainty: posterior\nsamples: 4000\nsampling: {walkers: 8, warm_up: 60}\n")
    )
    straight = sc.fit(config(TEXT + curve))
    assert result.posterior.converged
    # Ends of 95.45 % of 200 draws scatter by a tenth of the half width each.
    widths = [np.log(r.curve["fitted_upper"] / r.curve["fitted_lower"]) for r in (result, straight)]
    assert np.mean(widths[0] / widths[1]) == pytest.approx(1.0, abs=0.2)
    middle = np.log(result.curve["fitted_median"] / straight.curve["fitted_total_resistance"])
    assert np.all(np.abs(middle) < 0.15 * widths[1])
    assert np.all(result.curve["fitted_lower"] < result.curve["fitted_lower_68"])
    assert np.all(result.curve["fitted_lower_68"] < result.curve["fitted_median"])
    for name in ("permittivity", "site_density_per_nm3"):
        drawn, plain = (r.parameters[f"electrolyte.{name}"] for r in (result, straight))
        assert drawn.sigma == pytest.approx(plain.sigma, rel=0.12)
        assert drawn.value == pytest.approx(plain.value, abs=0.25 * plain.sigma)
    assert result.plot(tmp_path / "f.png").stat().st_size > 20_000
    assert result.plot_posterior(tmp_path / "g.png").stat().st_size > 20_000
