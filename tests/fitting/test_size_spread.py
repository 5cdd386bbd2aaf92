"""Distributions of particle sizes: a fitted spread, and what the median counts."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.nmr.exchange import Exchange, exchange_intensities
from tests.fitting.support import configured

D, SIZE = 2e-16, 50e-9


def gone(tau: np.ndarray) -> np.ndarray:
    """Return the fraction that has left a sphere: Crank's series, 4,000 terms."""
    n = np.arange(1, 4001)[:, None]
    return 1.0 - 6.0 / np.pi**2 * np.sum(np.exp(-(n**2) * np.pi**2 * np.asarray(tau)[None]) / n**2, axis=0)


def counted(t: np.ndarray, spread: float) -> np.ndarray:
    """Return the signal of spheres whose number is lognormal: each counts by its volume, on a fine grid of sizes."""
    z = np.linspace(-9.0, 9.0, 1201)
    size = SIZE * np.exp(spread * z)
    weight = np.exp(-0.5 * z**2) * size**3
    parts = np.array([gone(D * t / a**2) for a in size])
    return np.asarray(weight @ parts / weight.sum())


@pytest.mark.parametrize("spread", [0.2, 0.4])
def test_number_and_volume_differ_by_their_moment(spread: float) -> None:
    t = np.geomspace(0.02, 5.0, 6)
    number = Exchange(geometry="sphere", size=SIZE, size_spread=spread, weighting="number")
    assert exchange_intensities(number, t, diffusivity=D)[:, 1] == pytest.approx(counted(t, spread), rel=2e-4)
    volume = Exchange(geometry="sphere", size=SIZE * np.exp(3 * spread**2), size_spread=spread)
    assert exchange_intensities(volume, t, diffusivity=D)[:, 1] == pytest.approx(counted(t, spread), rel=2e-4)


def test_the_spread_is_a_parameter(tmp_path) -> None:
    t = np.geomspace(1e-3, 60.0, 40)
    shape = Exchange(geometry="sphere", size=SIZE, size_spread=0.45, weighting="number")
    curve = exchange_intensities(shape, t, diffusivity=D)
    columns = {
        "temperature_K": np.full(40, 298.15),
        "mixing_time_s": t,
        "diagonal_A": curve[:, 0],
        "cross_AB": curve[:, 1],
    }
    model = {"kind": "diffusion", "geometry": "sphere", "radius_nm": 50, "boundary": "sink"}
    parameters = {"activation_energy_eV": {"fixed": 0.3}, "size_spread": {"initial": 0.2}}

    def fit(weighting: str):
        config = configured(
            tmp_path, columns, fit="exsy", model={**model, "size_weighting": weighting}, parameters=parameters
        )
        return sc.fit(config).parameters

    number, volume = fit("number"), fit("volume")
    assert number["size_spread"].value == pytest.approx(0.45, rel=1e-6)
    assert number["diffusivity_m2_per_s"].value == pytest.approx(D, rel=1e-6)
    # Read as the median of the signal, the same size gives a diffusivity exp(6 spread^2) times smaller: 3.4.
    assert volume["size_spread"].value == pytest.approx(0.45, rel=1e-6)
    ratio = number["diffusivity_m2_per_s"].value / volume["diffusivity_m2_per_s"].value
    assert ratio == pytest.approx(np.exp(6 * 0.45**2), rel=1e-5)
