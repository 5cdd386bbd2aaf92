"""Relaxation times against closed forms; their sum against the impedance, whose kernels know no poles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.constants import VACUUM_PERMITTIVITY
from spacecharge.solver.relaxation import singular_vectors

from .cases import CM2, between_plates, coated, homogeneous, mixed_layer, pair

FREQUENCY = np.geomspace(1e-4, 1e13, 69)
ELECTRONS = {"reversible": ["electrons"]}


def test_one_ion_between_plates() -> None:
    """Poles of DYNAMICS 4.1: 1/tau = sigma/eps (1 + a), a = [2 pi (n - 1/2) lambda/L]^2, and their residues."""
    stack, sigma, eps, debye, length = homogeneous(10.0)
    found = sc.relaxation_times(sc.solve(stack), ends="blocking")
    n = np.arange(1, 5)
    a = (2.0 * np.pi * (n - 0.5) * debye / length) ** 2
    assert found.time[:4] == pytest.approx(eps / sigma / (1.0 + a), rel=1e-7)
    strength = 8.0 * debye**2 / (length * sigma) / (a * (1.0 + a) ** 2)
    assert found.strength[:4] == pytest.approx(strength, rel=1e-6)
    # tanh tends to 1 at both plates: their double layers in series.
    series = eps / (2.0 * debye * np.tanh(0.5 * length / debye))
    assert found.capacitance == pytest.approx(series, rel=1e-8)
    exact = between_plates(2.0 * np.pi * FREQUENCY, sigma, eps, debye, length)
    assert np.abs(found.impedance(FREQUENCY) / exact - 1.0).max() < 1e-7


@pytest.mark.parametrize("shape", [(3, 5), (4, 4), (6, 4)])
def test_a_matrix_is_its_singular_vectors_whichever_side_is_longer(shape: tuple[int, int]) -> None:
    """More than five components have more nodes than elements of the circuit."""
    matrix = np.random.default_rng(1).normal(size=shape)
    left, singular, right = singular_vectors(matrix)
    assert (left * singular) @ right == pytest.approx(matrix, abs=1e-14)
    assert left.T @ left == pytest.approx(np.eye(min(shape)), abs=1e-14)
    assert right @ right.T == pytest.approx(np.eye(min(shape)), abs=1e-14)


@pytest.mark.slow
def test_six_components_through_reversible_ends_have_one_time() -> None:
    """Neutral everywhere: sigma is the sum of all six, beside one displacement current."""
    species = {
        f"s{i}": {
            "statistics": "dilute",
            "charge_number": (-1) ** i,
            "site_density_per_nm3": 1.0,
            "occupancy": 0.01 * (i + 1),
            "diffusivity_m2_per_s": 10.0 ** (-9 - i),
            "component": f"c{i}",
        }
        for i in range(6)
    }
    solution = sc.solve(sc.Stack([sc.Layer(name="a", potential_V=0, thickness_nm=2, permittivity=20, species=species)]))
    found = sc.relaxation_times(solution)
    sigma = float(solution.conductivity[0])
    assert found.time == pytest.approx([20 * VACUUM_PERMITTIVITY / sigma], rel=1e-9)
    assert found.strength == pytest.approx([2e-9 / sigma], rel=1e-9)


def test_one_ion_through_reversible_ends_has_one_time() -> None:
    stack, sigma, eps, _, length = homogeneous()
    found = sc.relaxation_times(sc.solve(stack))
    assert found.time == pytest.approx([eps / sigma], rel=1e-12)
    assert found.strength == pytest.approx([length / sigma], rel=1e-12)
    assert found.capacitance == np.inf
    assert found.places == {"only": "only"}


def test_mixed_conductor_between_plates_that_block_ions() -> None:
    """Poles of tanh(p)/p, p^2 = i w L^2/(4 D): p = i pi (n - 1/2), and their residues."""
    length = 1e-5
    stack, sigma, capacity = mixed_layer(1e4)
    d = 0.5 * sigma[0] * (2.0 / capacity[0])
    found = sc.relaxation_times(sc.solve(stack), ends={"left": ELECTRONS, "right": ELECTRONS})
    n = np.arange(1, 7)
    # Symmetric modes are not seen. The layers at the plates are lambda thick: first order in lambda/L.
    seen = found.strength > 1e-6 * found.strength.sum()
    assert found.time[seen][:6] == pytest.approx(length**2 / (4.0 * d * np.pi**2 * (n - 0.5) ** 2), rel=5e-5)
    change = length / sigma[1] - length / sigma.sum()
    assert found.strength[seen][:6] == pytest.approx(2.0 * change / (np.pi * (n - 0.5)) ** 2, rel=5e-5)
    dielectric = found.time < 1e-6
    assert found.strength[dielectric].sum() == pytest.approx(length / sigma.sum(), rel=1e-4)


def test_fast_layers_leave_the_contact_and_its_capacitance() -> None:
    stack = pair(thickness=10.0)
    fast = stack.replace(layers=tuple(layer.replace(diffusivity_m2_per_s=1e-4) for layer in stack.layers))
    solution = sc.solve(fast, tolerance_V=1e-9)
    found = sc.relaxation_times(solution, contact_resistance=[1e-2])
    capacitance = float(solution.differential_capacitance[0])
    assert found.time[0] == pytest.approx(1e-2 * capacitance, rel=1e-7)
    assert found.strength[0] == pytest.approx(1e-2, rel=1e-7)
    assert found.power[0][list(found.places).index("electrode|electrolyte")] == pytest.approx(1.0, abs=1e-9)


CASES: dict[str, tuple[Any, Any]] = {
    "pair": (lambda: pair(), None),
    "flat": (lambda: pair(3.0, 1.0), None),
    "contact": (lambda: pair(), [272.0 * CM2]),
    "thick": (lambda: homogeneous(1e7)[0], None),
    "blocked inside": (lambda: pair(thickness=8.0), [np.inf]),
    "coated": (lambda: coated(), [1e-6, 1e-4]),
    "mixed": (lambda: mixed_layer(300.0, ratio=30.0)[0], None),
}


@pytest.mark.parametrize("ends", ["reversible", "blocking", {"left": "blocking"}])
@pytest.mark.parametrize("case", CASES)
def test_poles_add_up_to_the_impedance(case: str, ends: Any) -> None:
    make, resistance = CASES[case]
    # The sum misses by 4e-8 at most, with half the rows that 1e-8 V takes.
    solution = sc.solve(make(), tolerance_V=1e-7)
    found = sc.relaxation_times(solution, ends=ends, contact_resistance=resistance)
    z = sc.impedance(solution, FREQUENCY, ends=ends, contact_resistance=resistance)
    assert np.abs(found.impedance(FREQUENCY) / z - 1.0).max() < 1e-6
    assert (found.strength >= 0.0).all()
    assert (np.diff(found.time) < 0.0).all()
    assert found.power.sum(axis=1) == pytest.approx(1.0, rel=1e-9)
    dc = sc.dc_resistance(solution, ends=ends, contact_resistance=resistance)
    assert np.isinf(found.capacitance) == np.isfinite(dc)
    if ends == "blocking":
        dc = sc.blocking_resistance(solution, contact_resistance=resistance)
    if np.isfinite(dc):
        assert found.strength.sum() == pytest.approx(dc, rel=1e-9)
    # High frequencies: nothing but displacement.
    fast = (found.strength / found.time).sum() + 1.0 / found.capacitance
    assert fast == pytest.approx(1.0 / sc.geometric_capacitance(solution), rel=1e-9)


def test_places_of_power() -> None:
    found = sc.relaxation_times(sc.solve(pair()), contact_resistance=[272.0 * CM2])
    assert tuple(found.places) == (
        "electrode", "electrode at electrode|electrolyte", "electrode|electrolyte",
        "electrolyte at electrode|electrolyte", "electrolyte",
    )  # fmt: skip
    assert found.power[0].argmax() == 2
    assert found.power[1].argmax() == 0
    # R C of the contact, 272 Ohm cm2 beside the differential capacitance; the layers add a thousandth.
    assert 1.0 / (2.0 * np.pi * found.time[0]) == pytest.approx(12.6, rel=1e-2)


LAW = sc.ChargeTransfer(rate_constant=1.9847733e20)


@pytest.mark.parametrize("ends", ["reversible", "blocking", {"left": "blocking"}])
@pytest.mark.parametrize(("current", "law"), [(0.0, LAW), (800.0, None), (-800.0, None), (-40.0, LAW), (2.0, LAW)])
def test_poles_about_a_current_add_up_to_the_impedance(current: float, law: Any, ends: Any) -> None:
    stack = pair(thickness=10.0, energy=0.1)
    state = sc.steady_state(stack, current_density=current, charge_transfer=law, tolerance_V=1e-7)
    found = sc.relaxation_times(state, ends=ends)
    z = sc.impedance(state, FREQUENCY, ends=ends)
    assert np.abs(found.impedance(FREQUENCY) / z - 1.0).max() < 1e-6
    assert np.isinf(found.capacitance) == (ends == "reversible")
    if ends == "reversible":
        assert found.strength.sum() == pytest.approx(state.differential_resistance, rel=1e-8)
    if current == 0.0:
        rest = sc.relaxation_times(sc.solve(state.stack, tolerance_V=1e-7), ends=ends, charge_transfer=law)
        assert found.time[0] == pytest.approx(rest.time[0], rel=1e-7)
        assert found.strength[0] == pytest.approx(rest.strength[0], rel=1e-7)
        # At rest the power, from singular vectors of a symmetric system.
        assert found.power[0] == pytest.approx(rest.power[0], abs=1e-6)
    assert found.power.sum(axis=1) == pytest.approx(1.0, abs=1e-9)


def test_poles_about_a_current_of_ions_and_electrons() -> None:
    """Two components whose conductivities the current moves; the relaxation of the mixed layers is in it."""
    both = {
        "Li": {"site_density_per_nm3": 12.0, "occupancy": 0.4, "diffusivity_m2_per_s": 3e-14},
        "electron": {
            "site_density_per_nm3": 12.0, "occupancy": 0.2, "charge_number": -1.0, "diffusivity_m2_per_s": 2e-13,
        },
    }  # fmt: skip
    layers = [
        sc.Layer(name=name, thickness_nm=6.0, potential_V=u, permittivity=20.0, species=both)
        for name, u in (("a", 3.1), ("b", 3.0))
    ]
    state = sc.steady_state(sc.Stack(layers, temperature_K=300.0), current_density=3e3, tolerance_V=1e-7)
    for ends in ("reversible", {"reversible": ["electrons"]}):
        found = sc.relaxation_times(state, ends=ends)
        z = sc.impedance(state, FREQUENCY, ends=ends)
        assert np.abs(found.impedance(FREQUENCY) / z - 1.0).max() < 1e-6


@pytest.mark.parametrize("eta", [-0.1, 0.1])
def test_pole_of_a_biased_contact_of_fast_layers(eta: float) -> None:
    """D -> inf: one pole, d eta/d j beside the capacitance of the double layer, both of equilibrium solves."""
    base = pair(thickness=20.0)
    fast = tuple(layer.replace(diffusivity_m2_per_s=1.0) for layer in base.layers)
    solution = sc.solve(base.replace(layers=fast, contacts=(sc.Contact(bias_V=eta),)), tolerance_V=1e-9)
    found = sc.relaxation_times(solution, charge_transfer=LAW)
    slope = float(sc.differential_resistance(solution, LAW))
    assert found.strength[0] == pytest.approx(slope, rel=1e-6)
    assert found.time[0] == pytest.approx(slope * float(sc.differential_capacitance(solution)[0]), rel=1e-4)
    assert np.abs(found.strength[1:]).sum() < 1e-6 * slope


def test_a_state_with_current_brings_its_contacts() -> None:
    with pytest.raises(sc.ModelError, match="brings its contacts"):
        sc.relaxation_times(sc.steady_state(pair(thickness=8.0), current_density=10.0), contact_resistance=[1.0])


def strongly_driven(current: float) -> sc.SteadyState:
    """Two grains of 40 nm with few sites; from some 100 A/m2 on one of them is depleted."""
    grain = {
        "thickness_nm": 40, "permittivity": 30, "site_density_per_nm3": 0.02, "occupancy": 0.3,
        "diffusivity_m2_per_s": 1e-13,
    }  # fmt: skip
    layers = [sc.Layer(name=n, potential_V=u, **grain) for n, u in (("left", 3.0), ("right", 2.9))]
    return sc.steady_state(sc.Stack(layers, temperature_K=400.0), current_density=current)


def test_poles_that_are_given_are_those_of_the_impedance() -> None:
    """However strong the current: which of the strong ones have none hangs on the rounding of the machine."""
    frequency = np.logspace(2, 12, 31)
    for current in (20.0, *np.arange(180.0, 330.0, 20.0)):
        state = strongly_driven(float(current))
        try:
            times = sc.relaxation_times(state)
        except sc.ConvergenceError as error:
            assert "drown in rounding" in str(error) and current > 20.0
            continue
        assert times.impedance(frequency) == pytest.approx(sc.impedance(state, frequency), rel=2e-3)


def test_poles_beside_the_impedance_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from spacecharge.solver import loaded_poles

    own = loaded_poles._poles

    def spoilt(*args: Any) -> Any:
        rate, strength, power = own(*args)
        return rate, np.where(np.abs(strength) == np.abs(strength).max(), 1.01, 1.0) * strength, power

    monkeypatch.setattr(loaded_poles, "_poles", spoilt)
    with pytest.raises(sc.ConvergenceError, match=r"drown in rounding: their sum misses the impedance by [\d.]+ %"):
        sc.relaxation_times(strongly_driven(20.0))
