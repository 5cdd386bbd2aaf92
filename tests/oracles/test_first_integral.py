"""The first integral against the reference rows, 60-digit arithmetic, quadrature, and its own limits."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import quad

from spacecharge.analytic import (
    critical_interaction,
    first_integral,
    lattice_debye_length,
    make_side,
    side_profile,
)
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.errors import MiscibilityGapError, ModelError
from spacecharge.model import Contact, End, Layer, Stack, stack_parameters
from tests.solver.compare import simple_layer

from . import highprecision
from .cases import (
    REFERENCE_ROWS,
    cheng_stack,
    random_two_layer_cases,
    required_thickness,
    swift_stack,
    thickened,
)

CM2 = 1e-4
UC_PER_CM2 = 1e-2


def one_species(name: str, potential: float = 0.0, **changes: object) -> Layer:
    return simple_layer(name, potential, **{"thickness_nm": 100.0, **changes})


@pytest.mark.parametrize(("inputs", "charge", "drops", "occupancies", "resistance", "width"), REFERENCE_ROWS)
def test_reference_rows(
    inputs: tuple[float, ...],
    charge: float,
    drops: tuple[float, float],
    occupancies: tuple[float, float],
    resistance: float,
    width: float,
) -> None:
    (state,) = first_integral(cheng_stack(*inputs))

    def digits(value: float, printed: float, n: int) -> bool:
        return f"{abs(value):.{n}e}" == f"{printed:.{n}e}"

    assert digits(state.charge_left / UC_PER_CM2, charge, 4)
    for i in range(2):
        assert digits(state.space_charge_potential[i], drops[i], 3)
        assert digits(state.contact_occupancy[i, 0], occupancies[i], 3)
    assert digits(state.resistance[1] / CM2, resistance, 4)
    assert digits(state.space_charge_width[1, 0] * 1e9, width, 3)
    # The electrode gives Li to the electrolyte below 3.0 V and takes it above.
    assert math.copysign(1.0, state.charge_left) == (1.0 if inputs[2] > 3.0 else -1.0)
    # No diffusivity in the electrode: no resistance.
    assert np.isnan(state.resistance[0])
    assert np.isnan(state.excess_resistance[0])


def test_width_at_ten_percent() -> None:
    widths = [0.3409, 0.3438, 0.3517]
    for (inputs, *_), width in zip(REFERENCE_ROWS, widths, strict=True):
        (state,) = first_integral(cheng_stack(*inputs), fraction=0.1)
        # Printed to four digits.
        assert state.space_charge_width[1, 0] * 1e9 == pytest.approx(width, abs=5e-5)


def extreme_stacks() -> dict[str, Stack]:
    kt = BOLTZMANN * 300.0
    vac = 0.98 * critical_interaction(300.0, 0.0, -1.0) / ELEMENTARY_CHARGE
    both = 0.99 * critical_interaction(300.0, -1.0, -1.0) / ELEMENTARY_CHARGE
    assert vac > 4.0 * kt / ELEMENTARY_CHARGE

    def pair(temperature: float, step: float, left: tuple[float, ...], right: tuple[float, ...], laws: str) -> Stack:
        layers = []
        for name, u, (eps, n, theta, jo, jv), law in zip(
            ("a", "b"), (step, 0.0), (left, right), laws.split(), strict=True
        ):
            layers.append(
                one_species(
                    name,
                    u,
                    permittivity=eps,
                    site_density_per_nm3=n,
                    occupancy=theta,
                    interaction={"occupied_eV": jo, "vacancy_eV": jv},
                    transport=law,
                )
            )
        return Stack(tuple(layers), temperature_K=temperature)

    return {
        "cold accumulation in a poor layer": pair(
            150.0, 5.0, (2, 1e-3, 1e-6, 0.3, 0.3), (200, 100, 1 - 1e-6, 0, 0), "constant vacancy"
        ),
        "cold filling, no vacancies left": pair(
            150.0, 5.0, (2, 1, 0.3, 0.3, 0.3), (200, 1, 0.7, 0.3, 0.1), "constant vacancy"
        ),
        "cold depletion by exp(-387)": pair(
            150.0, -5.0, (2, 1e-3, 1e-6, 0.3, 0.3), (200, 100, 1 - 1e-6, 0, 0), "vacancy constant"
        ),
        "just below critical, vacancies": pair(
            300.0, -1.0, (20, 10, 0.2, 0, -vac), (20, 10, 0.9, -vac, 0), "constant vacancy"
        ),
        "just below critical, both": pair(
            300.0, 1.0, (20, 10, 0.2, -both, -both), (20, 3, 0.01, -both, -both), "vacancy constant"
        ),
        "a microvolt": pair(300.0, 1e-6, (20, 10, 0.2, 0.1, 0.1), (20, 3, 0.01, 0, 0), "vacancy constant"),
        "full beside empty": pair(800.0, 3.0, (200, 1e-3, 1e-6, 0, 0), (2, 100, 0.3, 0.1, 0.05), "vacancy constant"),
        "hot": pair(1500.0, 5.0, (20, 10, 0.5, 0, 0), (5, 30, 0.1, 0.1, 0), "constant vacancy"),
    }


@pytest.mark.parametrize("name", extreme_stacks())
def test_against_sixty_digits(name: str) -> None:
    stack = extreme_stacks()[name]
    (state,) = first_integral(stack)
    with mp.workdps(highprecision.DIGITS):
        v_left, v_right, *sides = highprecision.contact(stack)
        for i, (side, v) in enumerate(zip(sides, (v_left, v_right), strict=True)):
            # 1e-14 relative even for the smaller drop; the oracle is asked for 1e-11 V.
            assert float(state.space_charge_potential[i] / v - 1) == pytest.approx(0.0, abs=1e-14)
            width, resistance, excess = side.integrals(v)
            assert float(state.space_charge_width[i, 0]) == pytest.approx(float(width), rel=1e-12, abs=0.0)
            log_resistance = float(mp.log(resistance)) if resistance else -math.inf
            # The oracle is asked for 1e-9; round-off of exp(387) alone is 387 * 1e-16.
            assert state.log_resistance[i] == pytest.approx(log_resistance, abs=1e-12)
            # The reference leaves out the last 1e-15 of the shift next to the bulk.
            assert state.excess_resistance[i] == pytest.approx(float(excess), rel=1e-12, abs=0.0)
        # The relative error of the charge is that of the drop times e v/(2 kT), up to 200.
        assert state.charge_left == pytest.approx(float(sides[0].charge(v_left)), rel=1e-13, abs=0.0)


def test_equal_potentials_give_zero_and_the_linear_capacitance() -> None:
    stack = Stack((one_species("a", 3.0), one_species("b", 3.0, permittivity=5.0, occupancy=0.8)))
    (state,) = first_integral(stack)
    assert not state.space_charge_potential.any()
    assert state.charge_left == 0.0
    assert not state.space_charge_width.any()
    assert not state.resistance.any()
    assert not state.excess_resistance.any()
    assert not state.contact_field.any()
    series = 0.0
    for layer in stack.layers:
        length = lattice_debye_length(layer.permittivity, 298.15, 10e27, layer.occupancy)
        series += length / (VACUUM_PERMITTIVITY * layer.permittivity)
    # Algebra only: a few roundings.
    assert state.differential_capacitance == pytest.approx(1.0 / series, rel=1e-13, abs=0.0)
    assert state.static_capacitance == state.differential_capacitance
    # Towards it from a step so small that the next order is 1e-7 of it.
    (near,) = first_integral(stack.replace(layers=(stack.layers[0].replace(potential_V=3.0 + 1e-9), stack.layers[1])))
    assert near.static_capacitance == pytest.approx(1.0 / series, rel=1e-6, abs=0.0)


def test_differential_capacitance_is_the_slope_of_the_charge() -> None:
    for stack in random_two_layer_cases(6, seed=3):
        u = stack.layers[0].potential_V
        h = 1e-4 * BOLTZMANN * stack.temperature_K / ELEMENTARY_CHARGE

        def charge(shift: float, stack: Stack = stack, u: float = u) -> float:
            return first_integral(
                stack.replace(layers=(stack.layers[0].replace(potential_V=u + shift), stack.layers[1]))
            )[0].charge_left

        slope = (8.0 * (charge(h) - charge(-h)) - (charge(2 * h) - charge(-2 * h))) / (12.0 * h)
        (state,) = first_integral(stack)
        # Fourth-order differences of a charge good to 1e-13 over steps of 1e-4 kT/e.
        assert state.differential_capacitance == pytest.approx(slope, rel=1e-7, abs=0.0)
        step = stack.layers[0].potential_V - stack.layers[1].potential_V
        assert state.static_capacitance == pytest.approx(state.charge_left / step, rel=1e-13, abs=0.0)


def test_contact_charge_and_dipole_balance() -> None:
    layers = (one_species("a", 3.2), one_species("b", 3.0, permittivity=40.0, occupancy=0.6))
    for charge in (-0.3, -0.01, 0.02, 0.4):
        stack = Stack(layers, contacts=(Contact(charge_C_per_m2=charge, dipole_V=0.15),))
        (state,) = first_integral(stack)
        v = state.space_charge_potential
        assert v[1] - v[0] == pytest.approx(0.2 + 0.15, rel=1e-13, abs=0.0)
        displacement = VACUUM_PERMITTIVITY * np.array([20.0, 40.0]) * state.contact_field
        # (eps phi')_left - (eps phi')_right = sigma/eps0 with the field -phi'.
        assert displacement[1] - displacement[0] == pytest.approx(charge, rel=1e-12, abs=0.0)
        assert displacement[0] == pytest.approx(state.charge_left, rel=1e-12, abs=0.0)
        # Each charge by direct integration of the charge density over the potential.
        for i, layer in enumerate(layers):
            side = make_side(stack_parameters(stack), 0, i)
            theta = layer.occupancy
            psi = v[i] / side.thermal_voltage
            work = math.log1p(theta * math.expm1(-psi)) + theta * psi
            scale = 2.0 * VACUUM_PERMITTIVITY * layer.permittivity * 1e28 * BOLTZMANN * 298.15
            expected = -math.copysign(math.sqrt(scale * work), v[i])
            own = displacement[0] if i == 0 else -displacement[1]
            # The closed form cancels a little; 1e-10 leaves room for it.
            assert own == pytest.approx(expected, rel=1e-10, abs=0.0)
    (neutral,) = first_integral(Stack(layers, contacts=(Contact(dipole_V=-0.2),)))
    assert abs(neutral.charge_left) < 1e-15


def test_mirror_and_charge_conjugation() -> None:
    for stack in random_two_layer_cases(6, seed=11):
        (state,) = first_integral(stack)
        (mirrored,) = first_integral(Stack(stack.layers[::-1], temperature_K=stack.temperature_K))
        # The root is found along another path, to the same rounding.
        assert mirrored.space_charge_potential[::-1] == pytest.approx(state.space_charge_potential, rel=1e-13, abs=0.0)
        assert mirrored.charge_left == pytest.approx(-state.charge_left, rel=1e-12, abs=0.0)
        assert mirrored.log_resistance[::-1] == pytest.approx(state.log_resistance, rel=1e-12, abs=0.0)
        a, b = stack.layers
        conjugate = Stack(
            (
                a.replace(charge_number=-1.0, potential_V=b.potential_V),
                b.replace(charge_number=-1.0, potential_V=a.potential_V),
            ),
            temperature_K=stack.temperature_K,
        )
        (turned,) = first_integral(conjugate)
        assert turned.space_charge_potential == pytest.approx(-state.space_charge_potential, rel=1e-13, abs=0.0)
        assert turned.contact_occupancy == pytest.approx(state.contact_occupancy, rel=1e-11, abs=0.0)


@pytest.mark.parametrize(
    ("inputs", "charge", "capacitance", "quartiles"),
    [
        ((1.621636, 32.7455, 0.01439, 50.0), -5.3271, 52.632, (2.26, 4.96, 8.56)),
        ((2.183321, 80.8106, 0.86013, 7.27), -2.9964, 21.989, (0.82, 2.01, 73.0)),
    ],
)
def test_swift_two_species(
    inputs: tuple[float, ...], charge: float, capacitance: float, quartiles: tuple[float, ...]
) -> None:
    stack = swift_stack(*inputs)
    (state,) = first_integral(stack)
    # The wall carries the opposite of the layer's charge, in e/nm2; printed to five digits.
    assert -state.charge_left / ELEMENTARY_CHARGE * 1e-18 == pytest.approx(charge, abs=5.1e-5)
    # The second printed capacitance, 21.989, follows from inputs rounded to five digits: 21.9885 here.
    assert state.static_capacitance * 100.0 == pytest.approx(capacitance, abs=6e-4)
    assert state.contact_occupancy.shape == (2, 2)
    assert np.isnan(state.contact_occupancy[0]).all()
    profile = side_profile(stack, np.array(quartiles) * 1e-10, side=1)
    covered = 1.0 - profile.potential / inputs[0]
    # The distances are printed to three digits.
    assert covered == pytest.approx([0.25, 0.5, 0.75], abs=2e-3)


def test_interacting_species_beside_each_other() -> None:
    """Two interacting species against scipy's quadrature over the potential."""
    common = {"site_density_per_nm3": 5.0, "occupancy": 0.2}
    strength = -0.9 * critical_interaction(300.0, 0.0, -1.0) / ELEMENTARY_CHARGE
    layer = Layer(
        name="a",
        thickness_nm=100.0,
        potential_V=0.0,
        permittivity=10.0,
        species={
            "one": {**common, "interaction": {"vacancy_eV": strength}, "diffusivity_m2_per_s": 1e-12},
            "two": {
                **common,
                "charge_number": -2.0,
                "interaction": {"occupied_eV": 0.2},
                "transport": "vacancy",
                "diffusivity_m2_per_s": 1e-13,
            },
        },
    )
    end = End(kind="electrostatic_potential_V", value=-0.4)
    stack = Stack((layer,), temperature_K=300.0, left=end)
    (state,) = first_integral(stack)
    side = make_side(stack_parameters(stack), 0, 0)

    def density(v: float) -> float:
        total = 0.0
        for c in side.carriers:
            shift = float(c.shift_of(-c.charge_number * v / side.thermal_voltage))
            total += c.charge_number * ELEMENTARY_CHARGE * 5e27 * float(c.state(shift).change)
        return total

    work, _ = quad(density, -0.4, 0.0, epsabs=0.0, epsrel=1e-12, limit=400)
    charge = math.sqrt(2.0 * VACUUM_PERMITTIVITY * 10.0 * work)
    # The wall takes the charge that the layer gives; quad is asked for 1e-12.
    assert state.charge_left == pytest.approx(-charge, rel=1e-11, abs=0.0)
    x = np.linspace(0.0, 3e-9, 4001)
    profile = side_profile(stack, x, side=1)
    rho = np.array([density(v) for v in profile.potential[::100]])
    slope = np.gradient(profile.slope, x, edge_order=2)[::100]
    # Poisson's equation by second differences of the oracle's slope: 1e-4 of the largest density.
    error = VACUUM_PERMITTIVITY * 10.0 * slope[1:-1] + rho[1:-1]
    assert np.abs(error).max() < 1e-3 * np.abs(rho).max()
    assert np.isfinite(state.resistance[1])
    assert state.space_charge_width[1].shape == (2,)
    widest = side_profile(stack, state.space_charge_width[1], side=1)
    # The region ends with the widest of the two conducting species.
    far = float(state.space_charge_width[1].max())
    assert far > 1.01 * float(state.space_charge_width[1].min())
    nodes, weights = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(0.0, far, 21)
    x = (edges[:-1, None] + 0.5 * np.diff(edges)[:, None] * (1.0 + nodes)).ravel()
    weights = np.tile(0.5 * weights * edges[1], 20)
    theta = side_profile(stack, x, side=1).occupancy
    scale = ELEMENTARY_CHARGE**2 * 5e27 / (BOLTZMANN * 300.0)
    sigma = scale * (1e-12 * theta[0] + 4.0 * 1e-13 * theta[1] * (1.0 - theta[1]) / 0.8)
    # 400 nodes over some ten Debye lengths.
    assert state.resistance[1] == pytest.approx(float(weights @ (1.0 / sigma)), rel=1e-9, abs=0.0)
    for s, c in enumerate(side.carriers):
        off = abs(widest.occupancy[s, s] - c.occupancy)
        # A width good to 1e-12 on a decaying profile.
        assert off == pytest.approx(0.01 * min(c.occupancy, c.vacancy), rel=1e-9, abs=0.0)


def test_profile_ends_where_the_width_says() -> None:
    for stack in random_two_layer_cases(8, seed=5):
        (state,) = first_integral(stack)
        for i, layer in enumerate(stack.layers):
            width = state.space_charge_width[i, 0]
            profile = side_profile(stack, [0.0, width], side=i)
            assert profile.potential[0] == pytest.approx(state.space_charge_potential[i], rel=1e-13, abs=0.0)
            if width > 0.0:
                off = abs(profile.occupancy[0, 1] - layer.occupancy)
                # 1 - theta_b itself is only known to 1e-10 at theta_b = 1 - 1e-6.
                assert off == pytest.approx(0.01 * min(layer.occupancy, 1.0 - layer.occupancy), rel=1e-8, abs=0.0)
            sign = 1.0 if i == 0 else -1.0
            assert sign * profile.slope[0] == pytest.approx(state.contact_field[i], rel=1e-12, abs=0.0)


def test_three_layers_have_two_independent_contacts() -> None:
    a, b, c = one_species("a", 3.4), one_species("b", 3.0, occupancy=0.7), one_species("c", 2.5)
    first, second = first_integral(Stack((a, b, c)))
    (alone,) = first_integral(Stack((a, b)))
    assert first.charge_left == alone.charge_left
    assert first.space_charge_potential == pytest.approx(alone.space_charge_potential, rel=1e-15, abs=0.0)
    # Gauge: the neutral bulk of the last layer.
    assert second.contact_potential[0] == pytest.approx(second.space_charge_potential[0] + 0.5, rel=1e-14, abs=0.0)
    assert first.contact_potential[0] == pytest.approx(first.contact_potential[1], rel=1e-13, abs=0.0)


def test_surface_charge_end_and_potential_end_agree() -> None:
    a = one_species("a", 3.4)
    by_charge = Stack((a,), left=End(kind="surface_charge_C_per_m2", value=0.25))
    (state,) = first_integral(by_charge)
    assert state.charge_left == pytest.approx(0.25, rel=1e-13, abs=0.0)
    volts = float(state.contact_potential[1])
    assert volts > 0.0
    by_volts = Stack((a,), left=End(kind="electrostatic_potential_V", value=volts))
    (again,) = first_integral(by_volts)
    assert again.charge_left == pytest.approx(0.25, rel=1e-12, abs=0.0)
    assert again.static_capacitance == pytest.approx(0.25 / volts, rel=1e-12, abs=0.0)


def test_miscibility_gap_is_named() -> None:
    layers = (
        one_species("a", 3.3),
        one_species("LAGP", 3.0, occupancy=0.37, interaction={"vacancy_eV": -0.2}),
    )
    with pytest.raises(MiscibilityGapError, match=r"LAGP: miscibility gap at 298.15 K .*critical: .*-0.1224 eV") as e:
        first_integral(Stack(layers))
    assert e.value.status == 2
    # A gap that the contact does not reach is none: depletion of vacancies only, bulk above the spinodal.
    far = (one_species("a", 3.1), one_species("b", 3.0, occupancy=0.99, interaction={"occupied_eV": -0.15}))
    (state,) = first_integral(Stack(far))
    assert np.isfinite(state.charge_left)
    with pytest.raises(MiscibilityGapError, match="b: miscibility gap"):
        first_integral(Stack((far[0].replace(potential_V=5.0), far[1])))


def test_impossible_charge_is_refused() -> None:
    poor = one_species("a", site_density_per_nm3=1e-6, occupancy=1e-4)
    with pytest.raises(ModelError, match="needs more than"):
        first_integral(Stack((poor,), left=End(kind="surface_charge_C_per_m2", value=10.0)))
    with pytest.raises(ModelError, match="no layer on that side"):
        side_profile(swift_stack(0.1, 30.0, 0.01, 50.0), [0.0], side=0)
    with pytest.raises(ModelError, match="cannot be negative"):
        side_profile(swift_stack(0.1, 30.0, 0.01, 50.0), [-1e-9], side=1)


def test_random_cases_are_thick_finite_and_repeatable() -> None:
    cases = random_two_layer_cases(60, seed=1)
    assert cases == random_two_layer_cases(60, seed=1)
    assert cases != random_two_layer_cases(60, seed=2)
    attractive = 0
    for i, stack in enumerate(cases):
        p = stack_parameters(stack)
        (state,) = first_integral(p)
        interacts = bool(p.interaction_occupied.any() or p.interaction_vacancy.any())
        assert interacts == (i % 2 == 1)
        attractive += bool((p.interaction_vacancy < 0.0).any())
        for k in range(2):
            needed = required_thickness(make_side(p, 0, k), float(state.space_charge_potential[k]))
            assert min(needed, 1e-3) <= p.thickness[0, k] * (1.0 + 1e-12)
            assert state.space_charge_width[k, 0] < p.thickness[0, k]
        for values in (state.excess_resistance, state.contact_field, state.contact_vacancy):
            assert np.isfinite(values).all()
        assert state.differential_capacitance > 0.0
        assert p.thickness.max() <= 1e-3 * (1.0 + 1e-12)
    assert attractive > 0
    poor = {"permittivity": 200.0, "site_density_per_nm3": 1e-3, "occupancy": 1e-6}
    wide = Stack((one_species("a", 8.0, **poor), one_species("b", 3.0, **poor)), temperature_K=1500.0)
    assert thickened(wide, np.random.default_rng(0)) is None
