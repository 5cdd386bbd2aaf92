"""Impedance about a state with current, and of a biased contact: low frequencies are slopes of the curves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.kernels.signal_chain import spectrum
from spacecharge.kernels.signal_drift import drift_spectrum
from spacecharge.kernels.signal_scalar import scalar_spectrum
from spacecharge.solver.network import components_of, held_components, network_of
from spacecharge.solver.state_impedance import linear_contacts, loaded_chain, state_values

from .cases import pair
from .random_stacks import random_case
from .volumes import extrapolated

LAW = sc.ChargeTransfer(rate_constant=1.9847733e20)


def as_solution(state: sc.SteadyState) -> Any:
    """What the finite volumes read of a solution, from the profiles of a state with current."""
    profile = state.profiles
    cut = np.flatnonzero(np.diff(profile["x"]) == 0.0) + 1
    occupancy, vacancy = (np.split(np.atleast_2d(profile[name]), cut, axis=1) for name in ("occupancy", "vacancy"))
    layers = [
        SimpleNamespace(x=x, occupancy=filled, vacancy=empty)
        for x, filled, empty in zip(np.split(profile["x"], cut), occupancy, vacancy, strict=True)
    ]
    assert state.chain is not None
    return SimpleNamespace(parameters=state.chain.solution.parameters, layers=layers)


@pytest.mark.parametrize(
    ("stack", "current", "frequency"),
    [
        (pair(sites=33.5, energy=0.0, thickness=10.0), 800.0, 3e2),
        (random_case(22).stack, 6.4, 1e1),
        (random_case(11).stack, 50.0, 1e3),
    ],
    ids=["one component", "four layers, slow diffusion", "two layers"],
)
def test_against_finite_volumes(stack: sc.Stack, current: float, frequency: float) -> None:
    """The direct current moves what the signal adds; at these frequencies Z differs from that at rest by 0.4 to 9 %."""
    state = sc.steady_state(stack, current_density=current)
    n, each = len(stack.layers), state.component_current_density.size
    expected = extrapolated(
        as_solution(state), 2.0 * np.pi * frequency, n=500, components=[list(range(each))] * n,
        held=((True,) * each, (True,) * each), currents=state.component_current_density,
    )  # fmt: skip
    z = complex(sc.impedance(state, frequency))
    assert abs(z / expected - 1.0) < 1e-6
    assert sc.impedance_error_estimate(state, [frequency])[0] < 5e-6
    rest = complex(sc.impedance(sc.steady_state(stack, current_density=0.0), frequency))
    assert abs(rest / z - 1.0) > 2e-3


@pytest.mark.parametrize(("current", "law"), [(800.0, None), (-800.0, None), (-40.0, LAW), (2.0, LAW)])
def test_low_frequencies_are_the_slope_of_the_curve(current: float, law: sc.ChargeTransfer | None) -> None:
    stack = pair(thickness=10.0, energy=0.1)
    state = sc.steady_state(stack, current_density=current, charge_transfer=law, tolerance_V=1e-9)
    z = complex(sc.impedance(state, 1e-5))
    assert z.real == pytest.approx(state.differential_resistance, rel=1e-8)
    assert abs(z.imag) < 1e-3 * z.real


def test_without_current_it_is_that_at_rest() -> None:
    bulk = {"left": sc.End(kind="bulk"), "right": sc.End(kind="bulk")}
    stack = pair(thickness=10.0).replace(**bulk)
    frequency = np.geomspace(1e-4, 1e10, 15)
    for ends in ("reversible", "blocking"):
        rest = sc.impedance(sc.solve(stack, tolerance_V=1e-9), frequency, ends=ends, charge_transfer=LAW)
        state = sc.steady_state(stack, current_density=0.0, charge_transfer=LAW, tolerance_V=1e-9)
        assert np.abs(sc.impedance(state, frequency, ends=ends) / rest - 1.0).max() < 1e-8


def test_high_frequencies_see_the_conductivity_that_the_current_left() -> None:
    state = sc.steady_state(pair(sites=33.5, energy=0.0, thickness=10.0), current_density=1000.0)
    frequency = 1e12
    profile = state.profiles
    omega, total = 2.0 * np.pi * frequency, 0.0j
    thickness = 20e-9
    assert profile["x"][-1] - profile["x"][0] == pytest.approx(thickness)
    total = thickness / (1j * omega * 15.0 * 8.8541878188e-12)
    assert complex(sc.impedance(state, frequency)) == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize("eta", [-0.1, 0.1])
def test_biased_contact_of_fast_layers(eta: float) -> None:
    """D -> inf: low frequencies are d eta/d j, high ones the double layer alone."""
    base = pair(thickness=20.0)
    fast = tuple(layer.replace(diffusivity_m2_per_s=1.0) for layer in base.layers)
    solution = sc.solve(base.replace(layers=fast, contacts=(sc.Contact(bias_V=eta),)), tolerance_V=1e-9)
    slope = sc.differential_resistance(solution, LAW)
    assert complex(sc.impedance(solution, 1e-6, charge_transfer=LAW)).real == pytest.approx(slope, rel=1e-7)
    capacitance = float(sc.differential_capacitance(solution)[0])
    frequency = 1e5
    z = complex(sc.impedance(solution, frequency, charge_transfer=LAW))
    assert -1.0 / (2.0 * np.pi * frequency * z.imag) == pytest.approx(capacitance, rel=1e-4)


def test_state_brings_its_contacts() -> None:
    state = sc.steady_state(pair(thickness=10.0), current_density=0.0)
    with pytest.raises(sc.ModelError, match="brings its contacts"):
        sc.impedance(state, 1.0, charge_transfer=LAW)


def test_estimate_covers_the_error() -> None:
    frequency = np.geomspace(1e-2, 1e11, 14)
    stack = pair(thickness=10.0)
    state = sc.steady_state(stack, current_density=500.0)
    fine = sc.steady_state(stack, current_density=500.0, tolerance_V=1e-10)
    exact = sc.impedance(fine, frequency)
    error = np.abs(sc.impedance(state, frequency) / exact - 1.0)
    assert error.max() < 1e-6
    estimate = sc.impedance_error_estimate(state, frequency)
    assert (error <= estimate + 1e-11).all()


@pytest.mark.parametrize("ends", ["reversible", "blocking", {"left": "blocking", "right": "reversible"}])
@pytest.mark.parametrize(
    ("stack", "current", "law"),
    [(pair(thickness=10.0, energy=0.1), -40.0, LAW), (random_case(19).stack, 100.0, None)],
    ids=["contact with a law", "random layers"],
)
def test_scalar_pass_is_that_on_matrices(
    stack: sc.Stack, current: float, law: sc.ChargeTransfer | None, ends: Any
) -> None:
    """Numbers instead of matrices on the same mesh; without the drift the answer is another one."""
    chain, _ = loaded_chain(sc.steady_state(stack, current_density=current, charge_transfer=law), None, None)
    components = components_of(stack)
    network = network_of(chain.solution.parameters, 0, components)
    currents = np.tile(chain.flows, (len(stack.layers) - 1, 1))
    network.contacts[:, :2] = linear_contacts(chain, currents, len(components.names))
    omega = np.geomspace(1e-3, 1e11, 15)
    meshes = state_values(chain, network, 1e5)
    every = (meshes[0][None], *meshes[1:], np.zeros(omega.size, dtype=np.int64))
    passes = []
    for run in (spectrum, drift_spectrum, scalar_spectrum):
        out = np.empty((omega.size, len(stack.layers)), dtype=np.complex128)
        run(omega, every, network.order, network.counts, network.contacts, held_components(ends, components), out)
        passes.append(out)
    size = np.abs(passes[0].sum(axis=1))
    assert (np.abs(passes[1] - passes[0]).sum(axis=1) / size).max() < 1e-12
    assert (np.abs(passes[2] - passes[0]).sum(axis=1) / size).max() > 1e-5
