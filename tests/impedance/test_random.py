"""Random stacks: what holds for every spectrum at rest (DYNAMICS 4) and every steady current (DYNAMICS 3)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.solver.small_signal import spectrum_of

from .collocation import Collocation
from .random_stacks import Case, random_case
from .test_spectra import voigt_residual

WEIGHTS = np.array([1 / 20, 49 / 180, 16 / 45, 49 / 180, 1 / 20])
MANY = 300


def conductivities(solution: sc.Solution) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sizes of the elements of each layer [m] and sigma of its species at their nodes, (n, 5, n_species)."""
    p = solution.parameters
    kt = BOLTZMANN * float(p.temperature[0])
    layers = []
    for i, layer in enumerate(solution.layers):
        theta, vacancy = np.atleast_2d(layer.occupancy), np.atleast_2d(layer.vacancy)
        charge = p.charge_number[0, i] * ELEMENTARY_CHARGE
        sigma = (charge**2 * p.site_density[0, i] * p.diffusivity[0, i] / kt)[:, None] * theta
        share = np.where((p.transport[i] == 1)[:, None], vacancy / p.bulk_vacancy[0, i][:, None], 1.0)
        at = np.arange(0, layer.x.size - 1, 4)[:, None] + np.arange(5)
        layers.append((np.diff(layer.x[::4]), np.moveaxis((sigma * share)[:, at], 0, -1)))
    return layers


def mirrored(case: Case) -> dict[str, Any]:
    """Arguments of a spectrum seen from the other side, and the stack."""
    laws: list[sc.ChargeTransfer | None] = []
    for law in case.laws[::-1]:
        alpha = 0.0 if law is None else 1.0 - float(np.asarray(law.symmetry_factor))
        laws.append(law and sc.ChargeTransfer(rate_constant=law.rate_constant, symmetry_factor=alpha))
    ends = {"left": case.ends["right"], "right": case.ends["left"]}
    return {"charge_transfer": laws, "contact_resistance": case.resistances[::-1], "ends": ends}


def check_rest(seed: int) -> bool | None:
    """Assert what holds at rest; return whether the error lies below its estimate, None where nothing was solved."""
    case = random_case(seed)
    solution = sc.solve(case.stack, throw=False)
    if solution.status != 0:
        assert solution.message
        return None
    laws = list(case.laws) if any(case.laws) else None
    contacts: dict[str, Any] = {"charge_transfer": laws, "contact_resistance": case.resistances}
    frequency = np.geomspace(1e-4, 1e13, 120)
    found = spectrum_of(solution, frequency, ends=case.ends, **contacts)
    z = found.impedance
    assert (z.real >= -1e-12 * np.abs(z)).all(), seed
    assert voigt_residual(frequency, z) < 1e-4, seed
    assert np.abs(found.layers.sum(axis=1) / z - 1.0).max() < 1e-12, seed
    layers = conductivities(solution)
    paths = sum(np.einsum("e,i,eis->s", size, WEIGHTS, 1.0 / sigma) for size, sigma in layers)
    paths = paths + sum(case.resistances)
    if laws:
        paths = paths + np.nansum(sc.charge_transfer_resistance(solution, laws))
    direct = float(1.0 / np.sum(1.0 / paths))
    assert sc.dc_resistance(solution, **contacts) == pytest.approx(direct, rel=1e-9), seed
    slow = spectrum_of(solution, 1e-12, **contacts)
    # At the default tolerance the resistance itself is off by some 1e-9: strictly below, on a finer mesh.
    assert slow.impedance[0].real == pytest.approx(direct, rel=slow.error_estimate[0]), seed
    blocked = complex(sc.impedance(solution, 1e-9, ends="blocking", **contacts))
    assert blocked.real == pytest.approx(sc.blocking_resistance(solution, **contacts), rel=1e-6), seed
    omega, high = 2.0 * np.pi * 1e16, 0.0j
    for (size, sigma), eps in zip(layers, solution.parameters.permittivity[0], strict=True):
        admitted = sigma.sum(axis=-1) + 1j * omega * eps * VACUUM_PERMITTIVITY
        high += complex(np.einsum("e,i,ei->", size, WEIGHTS, 1.0 / admitted))
    assert abs(complex(sc.impedance(solution, 1e16, ends=case.ends, **contacts)) / high - 1.0) < 1e-6, seed
    other = sc.solve(case.stack.replace(layers=case.stack.layers[::-1]), throw=False)
    turned = mirrored(case) | ({} if laws else {"charge_transfer": None})
    again = spectrum_of(other, frequency[::6], **turned)
    allowed = found.error_estimate[::6] + again.error_estimate + 1e-9
    assert (np.abs(again.impedance / z[::6] - 1.0) < 3.0 * allowed).all(), seed
    fine = sc.solve(case.stack, tolerance_V=1e-10, throw=False)
    if fine.status != 0:
        return None
    steady = sc.dc_resistance(fine, **contacts)
    assert complex(sc.impedance(fine, 1e-12, **contacts)).real == pytest.approx(steady, rel=1e-9), seed
    exact = sc.impedance(fine, frequency, ends=case.ends, **contacts)
    return bool((np.abs(z / exact - 1.0) <= found.error_estimate + 1e-11).all())


@pytest.mark.parametrize("seed", range(8))
def test_what_holds_at_rest(seed: int) -> None:
    assert check_rest(seed) in (True, None)


@pytest.mark.slow
def test_what_holds_at_rest_in_many_stacks() -> None:
    told = [check_rest(seed) for seed in range(MANY)]
    assert told.count(None) <= 0.02 * MANY
    assert told.count(False) <= 0.01 * MANY


def load_of(case: Case, seed: int) -> float:
    """A current from 1e-6 to 10 times the least i0 or, without laws, kT/(e R) [A m-2]."""
    rng = np.random.default_rng(10_000 + seed)
    rest = sc.steady_state(
        case.stack, current_density=0.0, charge_transfer=case.laws, contact_resistance=case.resistances
    )
    volt = BOLTZMANN * case.stack.temperature_K / ELEMENTARY_CHARGE
    scale = volt / rest.differential_resistance
    if any(case.laws):
        scale = float(np.nanmin(rest.exchange_current_density))
    return float(rng.choice([-1.0, 1.0])) * scale * 10.0 ** float(rng.uniform(-6.0, 1.0))


def check_load(seed: int) -> tuple[int, float]:
    """Assert what holds of a state with current; return its status and the time that it took [s]."""
    case = random_case(seed)
    current = load_of(case, seed)
    begin = time.perf_counter()
    state = sc.steady_state(
        case.stack, current_density=current, charge_transfer=case.laws, contact_resistance=case.resistances, throw=False
    )
    seconds = time.perf_counter() - begin
    if state.status != 0:
        assert state.message and (state.status == 4 or np.isnan(state.voltage)), seed
        return int(state.status), seconds
    assert state.component_current_density.sum() == pytest.approx(current, rel=1e-12), seed
    assert state.voltage * current > 0.0, seed
    drops = state.layer_voltage.sum() + np.nansum(state.overpotential)
    assert drops == pytest.approx(state.voltage, rel=1e-8), seed
    assert state.potential_error_estimate <= 1e-6, seed
    v = np.atleast_2d(state.profiles["electrochemical_potential"])
    assert v[:, 0] == pytest.approx(np.full(v.shape[0], state.voltage), rel=1e-7), seed
    assert v[:, -1] == pytest.approx(np.zeros(v.shape[0]), abs=1e-7 * abs(state.voltage)), seed
    return 0, seconds


@pytest.mark.parametrize("seed", range(100, 108))
def test_what_holds_under_a_load(seed: int) -> None:
    status, seconds = check_load(seed)
    assert status in (0, 1, 4)
    assert seconds < 20.0


@pytest.mark.slow
def test_what_holds_under_a_load_in_many_stacks() -> None:
    found = [check_load(seed) for seed in range(MANY)]
    statuses = [status for status, _ in found]
    assert statuses.count(0) >= 0.9 * MANY
    assert statuses.count(4) == 0
    assert max(seconds for _, seconds in found) < 60.0


def error_about(seed: int) -> tuple[float, float] | None:
    """Return the largest error of Z about a load [1], and its largest ratio to the estimate; None: nothing solved."""
    case = random_case(seed)
    load: dict[str, Any] = {"current_density": load_of(case, seed), "throw": False}
    load |= {"charge_transfer": case.laws, "contact_resistance": case.resistances}
    state, fine = sc.steady_state(case.stack, **load), sc.steady_state(case.stack, tolerance_V=1e-9, **load)
    if state.status != 0 or fine.status != 0:
        return None
    frequency = np.geomspace(1e-4, 1e13, 18)
    found = spectrum_of(state, frequency, ends=case.ends)
    exact = sc.impedance(fine, frequency, ends=case.ends)
    error = np.abs(found.impedance / exact - 1.0)
    return float(error.max()), float((error / (found.error_estimate + 1e-11)).max())


@pytest.mark.parametrize("seed", [3, 22, 23, 24])
def test_spectra_under_a_load(seed: int) -> None:
    told = error_about(seed)
    assert told is not None
    assert told[0] < 1e-6
    assert told[1] <= 1.0


@pytest.mark.slow
def test_spectra_under_a_load_in_many_stacks() -> None:
    told = [found for found in map(error_about, range(MANY)) if found is not None]
    assert len(told) >= 0.9 * MANY
    assert sum(ratio > 1.0 for _, ratio in told) <= 0.01 * MANY
    assert sum(error > 1e-6 for error, _ in told) <= 0.01 * MANY


def collocated_error(seed: int) -> float | None:
    """Relative deviation of V from collocation; None where no state with its load was found."""
    case = random_case(seed, interaction=False)
    current = load_of(case, seed)
    state = sc.steady_state(
        case.stack, current_density=current, charge_transfer=case.laws, tolerance_V=1e-8, throw=False
    )
    if state.status != 0:
        return None
    rates = np.zeros((len(case.laws), len(case.components)))
    for i, law in enumerate(case.laws):
        if law is not None:
            rates[i, 0] = float(law.rate_at(case.stack.temperature_K))
    run = Collocation(case.stack, rates).solve(current)
    return abs(state.voltage / run.voltage - 1.0)


@pytest.mark.slow
def test_voltages_against_collocation() -> None:
    errors: list[float] = []
    seed = 0
    while len(errors) < 20:
        error = collocated_error(seed)
        seed += 1
        if error is not None:
            errors.append(error)
    assert max(errors) < 1e-6
