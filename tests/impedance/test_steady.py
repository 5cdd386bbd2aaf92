"""Steady currents (DYNAMICS 3): the table of the design, collocation on the same equations, limits, statuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_bvp
from scipy.optimize import brentq

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY

from .cases import pair

LAW = sc.ChargeTransfer(rate_constant=1.9847733e20)
VOLT = BOLTZMANN * 298.15 / ELEMENTARY_CHARGE


@pytest.mark.parametrize(
    ("sites", "energy", "current", "voltage", "contact", "left", "right"),
    [
        (33.5, 0.0, 1000.0, 0.50475, 0.36011, 0.96084, 3.5824e-5),
        (33.5, 0.0, -1000.0, -0.43856, 0.23579, 0.88542, 1.1282e-5),
        (22.4, 0.10, 1000.0, 0.395939, 0.223178, 0.71804, 4.30145e-3),
    ],
)
def test_digits_of_the_design(
    sites: float, energy: float, current: float, voltage: float, contact: float, left: float, right: float
) -> None:
    stack = pair(sites=sites, energy=energy, thickness=10.0)
    state = sc.steady_state(stack, current_density=current)
    assert state.voltage == pytest.approx(voltage, abs=6e-6)
    assert state.scalars["contact_potential"][0] == pytest.approx([contact] * 2, abs=6e-6)
    assert state.scalars["contact_occupancy"][0] == pytest.approx([left, right], rel=5e-5)
    assert state.cell_voltage == pytest.approx(0.4 + state.voltage)
    assert state.layer_voltage.sum() == pytest.approx(state.voltage, rel=1e-12)
    back = sc.steady_state(stack, voltage_V=state.voltage)
    assert back.current_density == pytest.approx(current, rel=1e-9)


def collocated(stack: sc.Stack, current: float, rate: float) -> tuple[float, float, float]:
    """V, y left and right of the contact (in kT/e) of two lattice layers without interaction, by ``solve_bvp``."""
    p = sc.solve(stack).parameters
    volt = float(p.thermal_voltage[0])
    eps = VACUUM_PERMITTIVITY * p.permittivity[0]
    size, sites, theta = p.thickness[0], p.site_density[0, :, 0], p.bulk_occupancy[0, :, 0]
    odds = np.log(theta / (1.0 - theta))
    sigma0 = ELEMENTARY_CHARGE**2 * sites * p.diffusivity[0, :, 0] / (BOLTZMANN * float(p.temperature[0]))
    step = float(p.contact_step[0, 0]) / volt
    # y, the displacement eps phi' in units of eps_0' below, and v/volt, from left to right in each layer.
    unit = ELEMENTARY_CHARGE * 1e27 * 1e-9

    def occupied(y: np.ndarray, i: int) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(y - odds[i]))

    def right(t: np.ndarray, s: np.ndarray) -> np.ndarray:
        out = np.empty_like(s)
        for i in range(2):
            y, d = s[3 * i], s[3 * i + 1]
            filled = occupied(y, i)
            drift = -current / (sigma0[i] * filled) / volt
            out[3 * i] = size[i] * (d * unit / eps[i] / volt - drift)
            out[3 * i + 1] = -size[i] * ELEMENTARY_CHARGE * sites[i] * (filled - theta[i]) / unit
            out[3 * i + 2] = size[i] * drift
        return out

    def eta(left: float, rightmost: float) -> float:
        if rate == 0.0:
            return 0.0
        a, b = occupied(left, 0), occupied(rightmost, 1)
        exchange = ELEMENTARY_CHARGE * rate * np.sqrt(a * (1 - b) * b * (1 - a))
        return float(2.0 * np.arcsinh(0.5 * current / exchange))

    def ends(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        jump = eta(b[0], a[3])
        return np.array([a[0], b[3], b[1] - a[4], a[3] - b[0] - step - jump, a[2], a[5] - b[2] + jump])

    rest = sc.steady_state(stack, current_density=0.0).profiles
    t = 0.5 * (1.0 + np.tanh(6.0 * np.linspace(-1, 1, 401)) / np.tanh(6.0))
    guess = np.zeros((6, t.size))
    at = np.flatnonzero(np.diff(rest["x"]) == 0.0)[0] + 1
    for i, part in enumerate((slice(0, at), slice(at, None))):
        x = rest["x"][part]
        level = float(p.neutral_potential[0, i] - p.neutral_potential[0, -1])
        guess[3 * i] = np.interp(x[0] + t * size[i], x, (rest["potential"][part] - level) / volt)
        guess[3 * i + 1] = np.gradient(guess[3 * i], t) * eps[i] * volt / size[i] / unit
    run = solve_bvp(right, ends, t, guess, tol=1e-7, max_nodes=20000)
    assert run.success, run.message
    return -float(run.y[5, -1]) * volt, float(run.y[0, -1]), float(run.y[3, 0])


# With a transfer at the contact the current in reverse saturates near -5.91 and 7.12 A/m2 as the layer depletes.
ALL = [(p, j, 0.0) for p in (2.8, 3.2) for j in (-300.0, -3.0, 3.0, 200.0)]
ALL += [
    (p, j, 1.9847733e21)
    for p, currents in ((2.8, (-5.8, -3.0, 3.0, 200.0)), (3.2, (-300.0, -3.0, 3.0, 7.0)))
    for j in currents
]


@pytest.mark.parametrize(
    ("potential", "current", "rate"),
    [
        case
        if case in ((2.8, -3.0, 1.9847733e21), (3.2, -300.0, 0.0), (3.2, 7.0, 1.9847733e21))
        else pytest.param(*case, marks=pytest.mark.slow)
        for case in ALL
    ],
)
def test_against_collocation(potential: float, current: float, rate: float) -> None:
    stack = pair(potential, 1.0, sites=33.5, energy=0.0, thickness=5.0)
    law = sc.ChargeTransfer(rate_constant=rate) if rate else None
    state = sc.steady_state(stack, current_density=current, charge_transfer=law, tolerance_V=1e-9)
    voltage, left, right = collocated(stack, current, rate)
    # Relative residuals of 1e-7 leave less at the faces.
    assert state.voltage == pytest.approx(voltage, rel=1e-6)
    faces = state.scalars["space_charge_potential"][0] / VOLT
    assert faces == pytest.approx([left, right], abs=2e-7)


@pytest.mark.parametrize("law", [None, LAW])
def test_slope_at_rest_is_what_stands_in_series(law: sc.ChargeTransfer | None) -> None:
    stack = pair(thickness=10.0)
    state = sc.steady_state(stack, current_density=0.0, charge_transfer=law)
    bulk = stack.replace(left=sc.End(kind="bulk"), right=sc.End(kind="bulk"))
    solution = sc.solve(bulk)
    series = float(sc.layer_resistance(solution).sum())
    series += float(sc.charge_transfer_resistance(solution, law)[0]) if law else 0.0
    assert state.voltage == pytest.approx(0.0, abs=1e-15)
    assert state.differential_resistance == pytest.approx(series, rel=1e-9)


@pytest.mark.parametrize("current", [-50.0, 0.0, 2.0])
def test_slope_is_that_of_the_curve(current: float) -> None:
    stack, step = pair(thickness=10.0), 0.05
    values = [
        sc.steady_state(stack, current_density=current + k * step, charge_transfer=LAW, tolerance_V=1e-10).voltage
        for k in (-2, -1, 1, 2)
    ]
    slope = (8.0 * (values[2] - values[1]) - (values[3] - values[0])) / (12.0 * step)
    state = sc.steady_state(stack, current_density=current, charge_transfer=LAW, tolerance_V=1e-10)
    assert state.differential_resistance == pytest.approx(slope, rel=1e-5)


def test_fast_layers_leave_the_contact_alone() -> None:
    """D -> inf: the current is that of the contact biased by eta, all of it in the contact."""
    stack = pair()
    fast = stack.replace(layers=tuple(layer.replace(diffusivity_m2_per_s=1.0) for layer in stack.layers))
    state = sc.steady_state(fast, voltage_V=-0.1, charge_transfer=LAW, tolerance_V=1e-9)
    assert state.current_density == pytest.approx(-16.81691, rel=1e-6)
    assert state.overpotential == pytest.approx([-0.1], rel=1e-9)
    assert float(state.exchange_current_density[0]) == pytest.approx(2.452014, rel=1e-6)


def test_a_function_of_every_name_of_the_file() -> None:
    state = sc.steady_state(pair(), voltage_V=-0.1, charge_transfer=LAW)
    assert sc.voltage(state) == pytest.approx(-0.1, rel=1e-9)
    # The pair's potentials are in the stack: U of the left electrode minus U of the right end.
    left, right = (layer.potential_V for layer in state.stack.layers)
    assert sc.cell_voltage(state) == pytest.approx(left - right - 0.1, rel=1e-9)
    drops = sc.layer_voltage(state)
    assert drops.shape == (2,)
    assert drops.sum() + sc.overpotential(state).sum() == pytest.approx(-0.1, rel=1e-9)
    assert sc.contact_current_density(state) == pytest.approx([sc.current_density(state)], rel=1e-9)
    rest = sc.solve(pair())
    for observable in (sc.voltage, sc.cell_voltage, sc.layer_voltage):
        with pytest.raises(sc.ModelError, match="steady_state"):
            observable(rest)


def test_homogeneous_layer_obeys_ohm() -> None:
    layer = pair(sites=33.5, energy=0.0).layers[1]
    state = sc.steady_state(sc.Stack([layer]), current_density=1e4)
    sigma = 30e-9 / float(sc.layer_resistance(sc.solve(sc.Stack([layer])))[0])
    assert state.voltage == pytest.approx(1e4 * 30e-9 / sigma, rel=1e-12)
    profile = state.profiles
    assert np.diff(profile["potential"]) == pytest.approx(-1e4 / sigma * np.diff(profile["x"]), abs=1e-15)


def test_mirror() -> None:
    stack = pair(sites=33.5, energy=0.0, thickness=10.0)
    one = sc.steady_state(stack, current_density=-400.0, charge_transfer=LAW)
    law = sc.ChargeTransfer(rate_constant=1.9847733e20)
    two = sc.steady_state(stack.replace(layers=stack.layers[::-1]), current_density=400.0, charge_transfer=law)
    assert two.voltage == pytest.approx(-one.voltage, rel=1e-7)
    assert two.layer_voltage[::-1] == pytest.approx(-one.layer_voltage, rel=1e-7)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("ratio", [-1e30, -20.0, -0.5, -1e-12, 1e-12, 0.5, 20.0, 1e30])
def test_overpotential_of_a_current(alpha: float, ratio: float) -> None:
    from spacecharge.kernels.steady_nodes import overpotential_of

    found = overpotential_of(ratio, alpha)
    if (alpha == 0.0 and ratio >= 1.0) or (alpha == 1.0 and ratio <= -1.0):
        assert np.isnan(found)
        return

    def miss(delta: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.expm1(alpha * delta) - np.expm1(-(1.0 - alpha) * delta)) - ratio

    far = 5.0 * (1.0 + np.log1p(abs(ratio))) * 10.0
    exact = brentq(miss, -far, far, xtol=1e-300, rtol=1e-15)
    assert found == pytest.approx(exact, rel=1e-12)


def test_a_current_that_cannot_flow_is_a_status() -> None:
    """alpha = 0 saturates: no overpotential drives more than i0 one way, and that is below |z| e k0 = 31.8 A/m2."""
    law = sc.ChargeTransfer(rate_constant=1.9847733e20, symmetry_factor=0.0)
    state = sc.steady_state(pair(thickness=10.0), current_density=1e3, charge_transfer=law, throw=False)
    assert state.status == 1
    # What is known, and no more: how far a path came.
    assert "no path to this load was found" in state.message
    reached = float(state.message.split(" A/m2 flow")[0].split()[-1])
    assert 0.0 < reached < ELEMENTARY_CHARGE * 1.9847733e20
    assert np.isnan(state.voltage)
    with pytest.raises(sc.ConvergenceError, match="no path to this load"):
        sc.steady_state(pair(thickness=10.0), current_density=1e3, charge_transfer=law)


def test_what_cannot_be() -> None:
    stack = pair(thickness=10.0)
    with pytest.raises(sc.ModelError, match="either a current"):
        sc.steady_state(stack)
    held = stack.replace(left=sc.End(kind="electrostatic_potential_V", value=0.1))
    with pytest.raises(sc.ModelError, match="reservoirs"):
        sc.steady_state(held, current_density=1.0)
