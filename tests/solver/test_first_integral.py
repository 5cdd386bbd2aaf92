"""Two thick layers: every observable against the first integral, which shares no code with the solver."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.analytic import first_integral, poisson_fermi_dirac, side_profile
from spacecharge.codes import Status
from spacecharge.constants import ELEMENTARY_CHARGE
from spacecharge.model import Stack
from spacecharge.solver.equilibrium import SolverOptions, solve
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack, random_two_layer_cases

from .compare import ROUNDING_V, TrueErrors, true_errors

ROOT = Path(__file__).resolve().parents[2]
UC_PER_CM2, CM2, NM = 1e-2, 1e-4, 1e-9
LARGEST_BALANCE = 1e-12


def last_digit(text: str) -> float:
    """Return half a unit of the last printed digit."""
    mantissa, _, exponent = text.partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


PRINTED = (
    ("27.441", ("0.1287", "0.2713"), ("0.9144", "1.560e-5"), "0.69285"),
    ("22.003", ("0.1802", "0.2198"), ("0.7205", "4.395e-3"), "5.9721e-3"),
    ("31.441", ("0.3221", "0.2779"), ("0.1504", "0.9951"), "9.7817e-4"),
)
"""The rows as they are printed in the design of the package."""


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize("start", ["estimate", "flat"])
def test_reference_rows_to_all_printed_digits(row: int, start: str) -> None:
    solution = solve(cheng_stack(*REFERENCE_ROWS[row][0]), options=SolverOptions(start=start))
    charge, drops, occupancies, resistance = PRINTED[row]

    def printed(value: float, text: str) -> bool:
        # 1e-9 for digits of which the next is a five.
        return abs(abs(value) - float(text)) <= last_digit(text) * (1.0 + 1e-9)

    assert printed(float(sc.charge(solution)[0]) / UC_PER_CM2, charge)
    for side in range(2):
        assert printed(float(sc.space_charge_potential(solution)[0, side]), drops[side])
        assert printed(float(sc.contact_occupancy(solution)[0, side]), occupancies[side])
    assert printed(float(sc.resistance(solution)[0, 1]) / CM2, resistance)
    assert float(sc.interface_resistance(solution)) == float(sc.resistance(solution)[0, 1])
    # The fifth number of the table of widths, to its four digits.
    assert float(sc.space_charge_width(solution)[0, 1]) / NM == pytest.approx(REFERENCE_ROWS[row][5], abs=6e-5)
    if row > 0:
        # Electrode above electrolyte gives its Li away; the lower one takes it.
        assert np.sign(sc.charge(solution)[0]) == (1.0 if row == 1 else -1.0)


def test_swift_from_the_configuration_file() -> None:
    config = sc.load_config(ROOT / "configs" / "llzo_defects.yaml")
    solution = solve(config.stack, tolerance_V=1e-8)
    per_nm2 = float(sc.charge(solution)[0]) / ELEMENTARY_CHARGE * 1e-18
    capacitance = float(sc.static_capacitance(solution)[0]) / UC_PER_CM2
    # Published code: -5.3271 e/nm2, 52.632 uF/cm2.
    assert per_nm2 == pytest.approx(-5.3271, abs=5e-5)
    assert capacitance == pytest.approx(52.632, abs=5e-4)
    charge, static = poisson_fermi_dirac(1.621636, 3.27455e28, 0.01439 * ELEMENTARY_CHARGE, 50.0)
    # The occupancy in the file carries 15 digits.
    assert float(sc.charge(solution)[0]) == pytest.approx(charge, rel=1e-7)
    assert float(sc.static_capacitance(solution)[0]) == pytest.approx(static, rel=1e-7)
    assert solution.occupancy.shape == (2, solution.x.size)


class Score:
    """Counts over many cases."""

    def __init__(self) -> None:
        self.solved, self.total = 0, 0
        self.beyond_estimate, self.beyond_resistance_estimate = 0, 0

    def add(self, case: int, stack: Stack, tolerance: float) -> None:
        solution = solve(stack, tolerance_V=tolerance, throw=False)
        self.total += 1
        assert solution.status in list(Status)
        if solution.status != 0:
            # A failure says so and leaves no numbers that could pass for an answer, or says that it is inaccurate.
            assert solution.status == 4 or np.isnan(solution.scalars["space_charge_potential"]).all()
            return
        self.solved += 1
        (exact,) = first_integral(stack)
        errors = true_errors(solution, exact)
        assert errors.potential <= tolerance, f"case {case}: {errors}"
        assert errors.charge_balance <= LARGEST_BALANCE, f"case {case}: {errors}"
        self.judge(solution.stats.potential_error_estimate, solution.stats.resistance_error_estimate, errors)

    def judge(self, potential: float, resistance: float, errors: TrueErrors) -> None:
        self.beyond_estimate += errors.potential > max(potential, ROUNDING_V)
        self.beyond_resistance_estimate += errors.resistance > resistance


@pytest.fixture(scope="module")
def few_cases() -> list[Stack]:
    return random_two_layer_cases(60, seed=77)


@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8])
def test_sixty_random_cases(few_cases: list[Stack], tolerance: float) -> None:
    score = Score()
    for i, stack in enumerate(few_cases):
        score.add(i, stack, tolerance)
    assert score.solved == score.total == 60
    # Fewer than 1 of 100 is what is promised; 60 cases cannot tell 0 from 1.
    assert score.beyond_estimate <= 1
    assert score.beyond_resistance_estimate <= 1


@pytest.mark.slow
@pytest.mark.parametrize("tolerance", [1e-6, 1e-4, 1e-8, 1e-10])
def test_a_thousand_random_cases(tolerance: float) -> None:
    score = Score()
    for i, stack in enumerate(random_two_layer_cases(1000, seed=2024)):
        score.add(i, stack, tolerance)
    assert score.solved >= 995
    assert score.beyond_estimate <= 10
    assert score.beyond_resistance_estimate <= 10


def test_flat_start_gives_the_same_answer(few_cases: list[Stack]) -> None:
    for i, stack in enumerate(few_cases):
        guessed = solve(stack)
        flat = solve(stack, options=SolverOptions(start="flat"))
        found = flat.scalars["space_charge_potential"]
        # Same mesh or another one of the same quality: with the same mesh only Newton's last step differs.
        same_mesh = flat.stats.n_nodes == guessed.stats.n_nodes
        allowed = 1e-11 if same_mesh else 1e-6
        assert np.abs(found - guessed.scalars["space_charge_potential"]).max() <= allowed, i


def test_all_observables_of_random_cases(few_cases: list[Stack]) -> None:
    tolerance = 1e-8
    for i, stack in enumerate(few_cases):
        (exact,) = first_integral(stack)
        solution = solve(stack, tolerance_V=tolerance)
        found = solution.scalars
        volt = float(solution.parameters.thermal_voltage[0])
        # An error dv in a potential is an error e dv/kT in every exponential of it; interactions only damp that.
        relative = 2.0 * tolerance / volt + 1e-9
        for name in ("contact_occupancy", "contact_vacancy"):
            assert found[name][0] == pytest.approx(getattr(exact, name)[:, 0], rel=relative, abs=1e-300), (i, name)
        assert found["contact_potential"][0] == pytest.approx(exact.contact_potential, abs=tolerance), i
        assert found["debye_length"] == pytest.approx(exact.debye_length, rel=1e-13), i
        # Charge and field follow the potential at the contact no faster than exponentially.
        assert found["contact_field"][0] == pytest.approx(exact.contact_field, rel=relative), i
        assert found["charge"] == pytest.approx([exact.charge_left, -exact.charge_left], rel=relative), i
        # A derivative: one order less where the curve bends.
        assert found["differential_capacitance"][0] == pytest.approx(exact.differential_capacitance, rel=1e-5), i
        assert found["static_capacitance"][0] == pytest.approx(exact.static_capacitance, rel=relative), i
        # The edge lies in the exponential tail: an error of 1e-6 of the threshold moves it by 1e-6 Debye lengths.
        width = np.abs(found["space_charge_width"][0] - exact.space_charge_width[:, 0])
        assert (width <= 1e-5 * np.maximum(exact.debye_length, exact.space_charge_width[:, 0])).all(), i
        assert found["excess_resistance"] == pytest.approx(exact.excess_resistance, rel=relative, abs=1e-300), i


def test_profiles_of_random_cases(few_cases: list[Stack]) -> None:
    for i, stack in enumerate(few_cases[:20]):
        solution = solve(stack, tolerance_V=1e-8)
        for side, layer in enumerate(solution.layers):
            exact = side_profile(stack, np.abs(layer.x), side=side)
            level = stack.layers[side].potential_V - stack.layers[1].potential_V  # type: ignore[operator]
            # Nodes inside elements converge one to three orders more slowly than those that elements share.
            assert np.abs(layer.potential - level - exact.potential).max() <= 1e-7, i
            bulk = stack.layers[side].occupancy
            assert bulk is not None
            # exp(1e-7 e/kT) - 1 at 150 K is 8e-6.
            assert layer.occupancy == pytest.approx(exact.occupancy[0], rel=2e-5), i
            assert layer.vacancy == pytest.approx(exact.vacancy[0], rel=2e-5), i


def test_positions_and_gauge() -> None:
    solution = solve(cheng_stack(*REFERENCE_ROWS[0][0]))
    left, right = solution.layers
    assert left.x[0] == pytest.approx(-30e-9, rel=1e-12)
    assert left.x[-1] == right.x[0] == 0.0
    assert right.x[-1] == pytest.approx(30e-9, rel=1e-12)
    assert (np.diff(left.x) > 0.0).all()
    assert (np.diff(right.x) > 0.0).all()
    # The neutral bulk of the last layer is the zero; the electrode at 3.4 V lies 0.4 V above.
    assert right.potential[-1] == pytest.approx(0.0, abs=1e-12)
    assert left.potential[0] == pytest.approx(0.4, abs=1e-12)
    assert left.potential[-1] == pytest.approx(right.potential[0], abs=1e-14)
    assert solution.x.size == solution.stats.n_nodes == solution.potential.size
