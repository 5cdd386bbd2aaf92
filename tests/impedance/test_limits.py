"""Limits at low and high frequency (DYNAMICS 4.2 and 4.3) against closed forms and quadratures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_bvp

import spacecharge as sc
from spacecharge.constants import VACUUM_PERMITTIVITY
from spacecharge.solver.small_signal import spectrum_of

from .cases import CM2, coated, homogeneous, pair
from .volumes import LayerLaws


def laws_of(solution: sc.Solution, layer: int) -> LayerLaws:
    profile = solution.layers[layer]
    logits = np.log(np.atleast_2d(profile.occupancy) / np.atleast_2d(profile.vacancy))
    return LayerLaws(profile.x - profile.x[0], logits, solution, layer, [0], 1)


@pytest.mark.parametrize("resistance", [0.0, 272.0 * CM2])
def test_direct_current(resistance: float) -> None:
    solution = sc.solve(pair())
    through = float(sc.layer_resistance(solution).sum()) + resistance
    assert sc.dc_resistance(solution, contact_resistance=[resistance]) == pytest.approx(through, rel=1e-12)
    z = complex(sc.impedance(solution, 1e-4, contact_resistance=[resistance]))
    assert z.real == pytest.approx(through, rel=1e-9)


def test_direct_current_of_components_in_parallel() -> None:
    solution = sc.solve(coated(), tolerance_V=1e-9)
    # Electrons are blocked: only what Li meets counts, by quadratures over the profiles of the solution.
    total = 0.0
    for i in range(3):
        profile = solution.layers[i]
        theta, vacancy = np.atleast_2d(profile.occupancy)[0], np.atleast_2d(profile.vacancy)[0]
        laws = LayerLaws(profile.x - profile.x[0], np.log(theta / vacancy)[None], solution, i, [0], 1)
        for a, b in zip(laws.nodes[:-1:4], laws.nodes[4::4], strict=True):
            x, w = np.polynomial.legendre.leggauss(8)
            sigma, _ = laws(0.5 * (a + b) + 0.5 * (b - a) * x)
            total += float(0.5 * (b - a) * np.sum(w / sigma[0]))
    assert sc.dc_resistance(solution) == pytest.approx(total, rel=1e-7)
    z = complex(sc.impedance(solution, 1e-4))
    assert z.real == pytest.approx(sc.dc_resistance(solution), rel=1e-9)


def test_nothing_gets_through_a_plate() -> None:
    solution = sc.solve(pair())
    assert sc.dc_resistance(solution, ends="blocking") == np.inf
    assert sc.dc_resistance(solution, ends={"left": "blocking"}) == np.inf
    assert sc.dc_resistance(solution, contact_resistance=[np.inf]) == np.inf


def test_high_frequencies() -> None:
    solution = sc.solve(pair(thickness=2.0), tolerance_V=1e-9)
    # Above 1e13 Hz what is left of Z, 7e-15, is its rounding.
    frequency = np.array([1e12, 3e12, 1e13])
    omega = 2.0 * np.pi * frequency
    z = sc.impedance(solution, frequency)
    assert abs(z[-1] * 1j * omega[-1] * sc.geometric_capacitance(solution) - 1.0) < 1e-3
    leading = np.zeros(3, dtype=complex)
    for i in range(2):
        laws = laws_of(solution, i)
        for a, b in zip(laws.nodes[:-1:4], laws.nodes[4::4], strict=True):
            x, w = np.polynomial.legendre.leggauss(8)
            sigma, _ = laws(0.5 * (a + b) + 0.5 * (b - a) * x)
            eps = 15.0 * VACUUM_PERMITTIVITY
            leading += 0.5 * (b - a) * np.sum(w / (sigma[0] + 1j * omega[:, None] * eps), axis=1)
    rest = np.abs(z - leading)
    # w^(-5/2): reached from above, since a full contact conducts better than the bulk.
    slopes = np.diff(np.log(rest)) / np.diff(np.log(omega))
    assert slopes[-1] == pytest.approx(-2.5, abs=0.08)
    assert (np.diff(slopes) > 0.0).all()


def test_geometric_capacitance() -> None:
    stack, _, eps, _, length = homogeneous()
    assert sc.geometric_capacitance(sc.solve(stack)) == pytest.approx(eps / length, rel=1e-14)


@pytest.mark.parametrize("wall", [0.0, 0.3, -0.4])
def test_blocking_capacitance_is_that_of_both_plates_in_series(wall: float) -> None:
    """One layer, its left plate held at a potential: the equilibrium solve gives its capacitance on its own."""
    base, _, eps, debye, _ = homogeneous(200.0)
    end = sc.End(kind="electrostatic_potential_V", value=wall)
    solution = sc.solve(base.replace(left=end), tolerance_V=1e-9)
    plate = float(sc.differential_capacitance(solution)[0])
    other = eps / debye
    omega = 1e-4
    z = complex(sc.impedance(solution, omega / (2.0 * np.pi), ends="blocking"))
    assert -1.0 / (omega * z.imag) == pytest.approx(plate * other / (plate + other), rel=1e-8)
    assert z.real == pytest.approx(sc.blocking_resistance(solution), rel=1e-9)


def displaced_charge(solution: sc.Solution) -> float:
    """int [dQ(x)/dQ]^2 dx/sigma of one ion in two layers, from phi at a fixed v by collocation."""
    p = solution.parameters
    laws = [laws_of(solution, i) for i in range(2)]
    eps = [VACUUM_PERMITTIVITY * float(e) for e in p.permittivity[0]]
    size = [float(d) for d in p.thickness[0]]
    # phi' = -D/eps and -D' = C phi for v = 0 (right plate: phi = 0 would shift v; what matters is D). Scaled to D = 1
    # at both plates, since the charge of one plate is minus that of the other.
    scale = 0.01

    def right(t: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = np.empty_like(y)
        for i in range(2):
            _, capacity = laws[i](t * size[i])
            out[2 * i] = -y[2 * i + 1] * size[i] / eps[i] * scale
            out[2 * i + 1] = -capacity[0] * y[2 * i] * size[i] / scale
        return out

    def ends(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([a[1] - 1.0, b[3] - 1.0, b[0] - a[2], b[1] - a[3]])

    grid = 0.5 * (1.0 + np.tanh(8.0 * np.linspace(-1, 1, 2001)) / np.tanh(8.0))
    run = solve_bvp(right, ends, grid, np.zeros((4, grid.size)), tol=1e-8, max_nodes=100000)
    assert run.success, run.message
    total = 0.0
    x, w = np.polynomial.legendre.leggauss(6)
    h = np.diff(run.x)
    t = (run.x[:-1, None] + 0.5 * h[:, None] * (1.0 + x)).ravel()
    weights = (0.5 * h[:, None] * w).ravel()
    state = run.sol(t)
    for i in range(2):
        sigma, _ = laws[i](t * size[i])
        # The displacement at x is the plate's charge plus what the ions between have moved: dQ/dQ = D - 1.
        total += float(np.sum(weights * size[i] * (state[2 * i + 1] - 1.0) ** 2 / sigma[0]))
    return total


def test_blocking_resistance_does_not_see_the_depleted_zone() -> None:
    """Electrolyte depleted at the contact: a direct current meets 0.7 Ohm cm2 there, the plates next to nothing."""
    wall = sc.End(kind="electrostatic_potential_V", value=0.3)
    alone = sc.Stack((pair(sites=33.5, energy=0.0).layers[1],), left=wall)
    solution = sc.solve(alone, tolerance_V=1e-9)
    through, blocked = sc.dc_resistance(solution), sc.blocking_resistance(solution)
    bulk = through - float(sc.excess_resistance(solution)[0])
    assert through > 20.0 * bulk
    assert blocked < 1.01 * bulk
    two = sc.solve(pair(thickness=8.0), tolerance_V=1e-9)
    assert sc.blocking_resistance(two) == pytest.approx(displaced_charge(two), rel=1e-6)


def test_contact_of_fast_layers_is_a_resistor_beside_the_double_layer() -> None:
    """D -> inf: both layers are level in themselves and R_ct lies in parallel with the differential capacitance."""
    stack = pair()
    fast = [layer.replace(diffusivity_m2_per_s=1.0) for layer in stack.layers]
    solution = sc.solve(stack.replace(layers=tuple(fast)), tolerance_V=1e-9)
    resistance = 272.0 * CM2
    capacitance = float(sc.differential_capacitance(solution)[0])
    frequency = 1.0 / (2.0 * np.pi * resistance * capacitance) * np.array([0.01, 1.0, 100.0])
    z = sc.impedance(solution, frequency, contact_resistance=[resistance])
    arc = resistance / (1.0 + 2j * np.pi * frequency * resistance * capacitance)
    # The layers themselves still have 1e-15 of the contact's resistance.
    assert np.abs(z / arc - 1.0).max() < 1e-7


def test_estimate_covers_the_error() -> None:
    frequency = np.geomspace(1e-4, 1e13, 35)
    for stack in (pair(), pair(sites=33.5, energy=0.0, thickness=5.0), coated()):
        for ends in ("reversible", "blocking"):
            found = spectrum_of(sc.solve(stack), frequency, ends=ends)
            exact = sc.impedance(sc.solve(stack, tolerance_V=1e-10), frequency, ends=ends)
            error = np.abs(found.impedance / exact - 1.0)
            assert error.max() < 1e-6
            assert (error <= found.error_estimate + 1e-12).all()
