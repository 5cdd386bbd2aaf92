"""NMR kernels and fits beside plain NumPy, mpmath-like routes and scipy's own optimiser.

    python -m pytest benchmarks/bench_nmr.py --benchmark-enable --benchmark-only

Everything is compiled and checked before a clock starts; answers are asserted against the baseline.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import jn_zeros

from spacecharge.fitting.load import load_fit_config
from spacecharge.fitting.run import build, run_setup
from spacecharge.nmr.arrhenius import arrhenius
from spacecharge.nmr.diffusion import released_fraction
from spacecharge.nmr.exchange import Exchange, exchange_intensities

ROOT = Path(__file__).parents[1]
TAU = np.random.default_rng(0).permutation(np.geomspace(1e-6, 10.0, 10_000))


def series(geometry: str, n_terms: int) -> np.ndarray:
    """Return the textbook series with a fixed number of terms, in NumPy."""
    n = np.arange(1, n_terms + 1)
    if geometry == "slab":
        roots, weight = (n - 0.5) * np.pi, 2.0
    elif geometry == "cylinder":
        roots, weight = jn_zeros(0, n_terms), 4.0
    else:
        roots, weight = n * np.pi, 6.0
    return 1.0 - np.exp(-np.multiply.outer(TAU, roots**2)) @ (weight / roots**2)


@pytest.mark.parametrize("geometry", ["slab", "cylinder", "sphere"])
@pytest.mark.parametrize("who", ["ours", "series of 1000 terms"])
def test_sink(benchmark: Any, geometry: str, who: str) -> None:
    ours = released_fraction(TAU, geometry=geometry)
    late = TAU > 1e-3
    # The series has converged there; below it is wrong by up to a factor, which is why it is no match.
    assert ours[late] == pytest.approx(series(geometry, 1000)[late], rel=1e-9)
    run = (lambda: released_fraction(TAU, geometry=geometry)) if who == "ours" else (lambda: series(geometry, 1000))
    benchmark.extra_info |= {"points": TAU.size, "worst_relative_error_of_series": worst(geometry, ours)}
    benchmark(run)


def worst(geometry: str, ours: np.ndarray) -> float:
    """Return the largest relative error of the series over all tau."""
    return float(np.abs(series(geometry, 1000) / ours - 1.0).max())


@pytest.mark.parametrize("boundary", ["barrier", "bath", "barrier_bath", "two_phase"])
def test_contour(benchmark: Any, boundary: str) -> None:
    shape = Exchange(geometry="sphere", size=55e-9, boundary=boundary, geometry_b="slab", size_b=1e-7)
    time = np.geomspace(1e-4, 3.0, 60)
    options = {"surface_exchange": 4e-8} if "barrier" in boundary else {}

    def run() -> np.ndarray:
        return exchange_intensities(
            shape, time, diffusivity=2e-15, ratio=0.7, rate_a=1.0, rate_b=3.0, diffusivity_b=1e-15, **options
        )

    values = run()
    assert np.all(np.isfinite(values[:, :2]))
    assert np.all(values[:, 1] > 0.0)
    benchmark.extra_info["points"] = time.size
    benchmark(run)


@pytest.mark.parametrize("who", ["ours", "scipy curve_fit, no errors of derived numbers"])
def test_fit_of_sixty_points(benchmark: Any, who: str) -> None:
    config = load_fit_config(ROOT / "configs" / "exsy_livo.yaml")
    setup = build(config)
    ours = run_setup(config, setup)
    problem = setup.problem
    temperature, time = setup.columns["temperature"].values, setup.columns["mixing_time"].values
    shape = Exchange(geometry="sphere", size=55e-9)

    def model(_: np.ndarray, log_d: float, energy: float) -> np.ndarray:
        d = arrhenius(temperature, float(np.exp(log_d)), energy, 298.15)
        values = exchange_intensities(shape, time, diffusivity=d)
        return values[:, 1] / (values[:, 0] + values[:, 1])

    def baseline() -> np.ndarray:
        found, _ = curve_fit(model, time, problem.data, p0=(np.log(1e-16), 0.3), sigma=problem.sigma)
        return found

    d, energy = baseline()
    # Two searches with tolerances of 1e-8 and 1e-10.
    assert ours.parameters["diffusivity_m2_per_s"].value == pytest.approx(np.exp(d), rel=1e-4)
    assert ours.parameters["activation_energy_eV"].value == pytest.approx(energy, rel=1e-4)
    benchmark.extra_info["n_data"] = problem.data.size
    benchmark((lambda: run_setup(config, setup)) if who == "ours" else baseline)
