"""Fractions of a signal that decays: what one noise level makes of their errors."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.errors import FitError
from tests.fitting.support import configured

ENERGY, DIFFUSIVITY, RADIUS = 0.32, 1e-16, 55e-9
MODEL = {"kind": "diffusion", "geometry": "sphere", "radius_nm": 55.0, "boundary": "sink"}


def exchanged(temperature, time):
    """Return what has left a sphere (J. Crank, The Mathematics of Diffusion, eq. 6.20)."""
    d = DIFFUSIVITY * np.exp(-ENERGY / 8.617333262e-5 * (1.0 / temperature - 1.0 / 298.15))
    k = np.arange(1.0, 1500.0)[:, None]
    return 1.0 - 6.0 / np.pi**2 * np.sum(np.exp(-((k * np.pi / RADIUS) ** 2) * d * time) / k**2, axis=0)


def fitted(tmp_path, rng, **data):
    temperature = np.repeat([283.15, 298.15, 313.15, 328.15], 12)
    time = np.tile(np.geomspace(5e-4, 1.5, 12), 4)
    share, signal = exchanged(temperature, time), np.exp(-time / 0.4)
    noise = 0.003 * rng.normal(size=(2, time.size))
    columns = {"temperature_K": temperature, "mixing_time_s": time}
    columns |= {"diagonal_A": (1.0 - share) * signal + noise[0], "cross_AB": share * signal + noise[1]}
    columns |= data.pop("columns", {})
    parameters = {"diffusivity_m2_per_s": {"initial": 1e-16}, "activation_energy_eV": {"initial": 0.3}}
    return sc.fit(configured(tmp_path, columns, fit="exsy", model=MODEL, parameters=parameters, data=data))


def deviations(tmp_path, **data):
    rng = np.random.default_rng(8)
    found = []
    for _ in range(60):
        p = fitted(tmp_path, rng, **data).parameters
        d, energy = p["diffusivity_m2_per_s"], p["activation_energy_eV"]
        found.append(((d.value - DIFFUSIVITY) / d.sigma, (energy.value - ENERGY) / energy.sigma))
    return np.array(found)


def test_one_noise_level_gives_errors_that_hold(tmp_path):
    spread = deviations(tmp_path, one_noise_level=True).std(axis=0)
    # The standard deviation of 60 has an error of 9 %.
    assert spread == pytest.approx([1.0, 1.0], abs=0.3)


def test_equal_weights_say_that_their_errors_are_too_small(tmp_path):
    result = fitted(tmp_path, np.random.default_rng(8))
    assert any("one_noise_level: true" in line for line in result.warnings)
    assert deviations(tmp_path).std(axis=0).min() > 1.3


def test_errors_of_columns_are_not_thrown_away(tmp_path):
    errors = {"sigma_diagonal_A": np.full(48, 0.003), "sigma_cross_AB": np.full(48, 0.003)}
    with pytest.raises(FitError, match="give either"):
        fitted(tmp_path, np.random.default_rng(8), one_noise_level=True, columns=errors)
    assert not fitted(tmp_path, np.random.default_rng(8), columns=errors).warnings
