"""The Kramers-Kronig test: networks pass, drift and a wrong imaginary part do not, the noise comes out."""

from __future__ import annotations

import numpy as np
import pytest

from spacecharge.measured.kramers_kronig import kramers_kronig

F = np.geomspace(1e-2, 1e6, 61)
S = 2j * np.pi * F
NETWORK = 10 + 100 / (1 + S * 1e-3) + 50 / (1 + (S * 1.0) ** 0.8) + 1e2 / S + S * 1e-7


@pytest.mark.parametrize("noise", [1e-3, 1e-2])
def test_a_network_passes_and_its_noise_comes_out(noise: float) -> None:
    random = np.random.default_rng(3)
    z = NETWORK + noise * np.abs(NETWORK) * (random.standard_normal(61) + 1j * random.standard_normal(61))
    found = kramers_kronig(F, z)
    # Of 122 numbers a third of the freedom may go: sigma is known to 8 %.
    assert found.noise == pytest.approx(noise, rel=0.25)
    assert found.order > -4.5
    assert kramers_kronig(F[::-1], z[::-1]).rms == pytest.approx(found.rms, rel=1e-9)


def test_without_noise_next_to_nothing_is_left() -> None:
    assert kramers_kronig(F, NETWORK).rms < 1e-5


@pytest.mark.parametrize("per_decade", [None, 3.0])
def test_drift_and_a_scaled_part_break_the_relations(per_decade: float | None) -> None:
    resistance = 100.0 * np.linspace(1.3, 1.0, 61)
    drifting = 10 + resistance / (1 + S * resistance * 1e-5) + 50 / (1 + (S * 1.0) ** 0.8)
    found = kramers_kronig(F, drifting, per_decade=per_decade)
    assert found.order < -4.5
    assert found.rms > 5e-3
    scaled = kramers_kronig(F, NETWORK.real + 0.8j * NETWORK.imag, per_decade=per_decade)
    assert scaled.order < -4.5
    assert scaled.rms > 0.02
