"""The first integral with dilute species: Gouy-Chapman, and interactions beyond it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from spacecharge.analytic import (
    first_integral,
    gouy_chapman_excess,
    gouy_chapman_potential,
    grahame_charge,
    side_profile,
)
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.errors import MiscibilityGapError
from spacecharge.model import End, Layer, Stack

from .test_first_integral import one_species


def dilute_salt(enrichment_volts: float) -> Stack:
    species = {"site_density_per_nm3": 0.1, "occupancy": 0.01, "statistics": "dilute"}
    layer = Layer(
        name="salt",
        thickness_nm=1e4,
        potential_V=0.0,
        permittivity=10.0,
        species={
            "cation": {**species, "charge_number": 1.0, "diffusivity_m2_per_s": 1e-12},
            "anion": {**species, "charge_number": -1.0},
        },
    )
    end = End(kind="electrostatic_potential_V", value=enrichment_volts)
    return Stack((layer,), temperature_K=400.0, right=end)


@pytest.mark.parametrize("volts", [-0.4, -0.02, 0.05, 0.3])
def test_dilute_salt_is_gouy_chapman(volts: float) -> None:
    stack = dilute_salt(volts)
    (state,) = first_integral(stack)
    assert state.name == "salt|right"
    density = 0.1e27 * 0.01
    # All comparisons are of two double-precision routes to one closed form.
    assert state.charge_left == pytest.approx(grahame_charge(volts, 10.0, 400.0, density), rel=1e-12, abs=0.0)
    length = state.debye_length[0]
    # The last point lies in the tail that is taken as exponential.
    x = np.append(np.linspace(0.0, 8.0, 33), 40.0) * length
    profile = side_profile(stack, x)
    exact = gouy_chapman_potential(x, volts, length, 400.0)
    assert profile.potential == pytest.approx(exact, rel=1e-10, abs=0.0)
    # Gouy-Chapman field, 2 kT/(e lambda) sinh(e v/2kT).
    kt = BOLTZMANN * 400.0 / ELEMENTARY_CHARGE
    assert profile.slope == pytest.approx(-2.0 * kt / length * np.sinh(exact / (2.0 * kt)), rel=1e-9, abs=0.0)
    assert profile.occupancy[0] == pytest.approx(0.01 * np.exp(-exact / kt), rel=1e-9, abs=0.0)
    conductivity = ELEMENTARY_CHARGE**2 * density * 1e-12 / (BOLTZMANN * 400.0)
    _, excess = gouy_chapman_excess(math.exp(-volts / kt), length, conductivity)
    assert state.excess_resistance[0] == pytest.approx(excess, rel=1e-11, abs=0.0)


@pytest.mark.parametrize("volts", [-0.03, 0.3])
@pytest.mark.parametrize("energy", [-0.2, 0.3])
def test_interacting_dilute_species(volts: float, energy: float) -> None:
    """kT ln theta + (4/3) J theta^(1/3) by quadrature over theta, which dilute statistics makes plain."""
    kt = BOLTZMANN * 300.0 / ELEMENTARY_CHARGE
    layer = one_species("a", statistics="dilute", occupancy=1e-3, interaction={"occupied_eV": energy})
    end = End(kind="electrostatic_potential_V", value=volts)
    (state,) = first_integral(Stack((layer,), temperature_K=300.0, left=end))
    theta = float(state.contact_occupancy[1, 0])

    def mu(t: float) -> float:
        return kt * math.log(t) + 4.0 / 3.0 * energy * t ** (1.0 / 3.0)

    assert mu(theta) - mu(1e-3) == pytest.approx(-volts, rel=1e-12, abs=0.0)
    work, _ = quad(
        lambda w: (math.exp(w) - 1e-3) * (kt + 4.0 / 9.0 * energy * math.exp(w / 3.0)),
        math.log(1e-3),
        math.log(theta),
        epsabs=0.0,
        epsrel=1e-12,
    )
    charge = math.sqrt(2.0 * VACUUM_PERMITTIVITY * 20.0 * ELEMENTARY_CHARGE * 1e28 * work)
    # quad's own tolerance.
    assert abs(state.charge_left) == pytest.approx(charge, rel=1e-11, abs=0.0)
    off = side_profile(Stack((layer,), temperature_K=300.0, left=end), state.space_charge_width[1], side=1)
    assert abs(off.occupancy[0, 0] - 1e-3) == pytest.approx(1e-5, rel=1e-9, abs=0.0)


def test_dilute_attraction_has_its_own_limit() -> None:
    layer = one_species("a", statistics="dilute", occupancy=1e-3, interaction={"occupied_eV": -0.2})
    limit = (9.0 * BOLTZMANN * 300.0 / ELEMENTARY_CHARGE / (4.0 * 0.2)) ** 3
    kt = BOLTZMANN * 300.0 / ELEMENTARY_CHARGE
    turn = -kt * math.log(limit / 1e-3) + 4.0 / 3.0 * 0.2 * (limit ** (1.0 / 3.0) - 0.1)
    for volts, is_stable in ((0.999 * turn, True), (1.001 * turn, False)):
        end = End(kind="electrostatic_potential_V", value=volts)
        stack = Stack((layer,), temperature_K=300.0, left=end)
        if is_stable:
            assert first_integral(stack)[0].contact_occupancy[1, 0] < limit
        else:
            with pytest.raises(MiscibilityGapError, match="a: the chemical potential is not monotone"):
                first_integral(stack)
