"""The solver against closed forms: Debye-Hueckel, Gouy-Chapman, Mott-Schottky, lattice-gas capacitances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

import spacecharge as sc
from spacecharge import analytic
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.model import End, Layer, Stack
from spacecharge.solver.equilibrium import solve
from tests.oracles.cases import swift_stack
from tests.oracles.test_dilute_species import dilute_salt

from .compare import simple_layer

T = 298.15
KT = BOLTZMANN * T
VOLT = KT / ELEMENTARY_CHARGE


def wall(layer: Layer, volts: float, *, right: bool = False) -> Stack:
    end = End(kind="electrostatic_potential_V", value=volts)
    return Stack((layer,), temperature_K=T, **{"right" if right else "left": end})


@pytest.mark.parametrize("interaction", [None, {"occupied_eV": 0.08, "vacancy_eV": 0.08}])
@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("volts", [2e-4, -2e-4])
def test_debye_hueckel(volts: float, right: bool, interaction: dict[str, float] | None) -> None:
    layer = simple_layer("a", occupancy=0.5, interaction=interaction)
    length = analytic.lattice_debye_length(
        20.0,
        T,
        1e28,
        0.5,
        interaction_occupied=0.0 if interaction is None else 0.08 * ELEMENTARY_CHARGE,
        interaction_vacancy=0.0 if interaction is None else 0.08 * ELEMENTARY_CHARGE,
    )
    solution = solve(wall(layer, volts, right=right), tolerance_V=1e-10)
    assert sc.debye_length(solution) == pytest.approx([length], rel=1e-12, abs=0.0)
    x = np.abs(solution.x - solution.x[-1 if right else 0])
    # At half filling the first correction is of order (e v/kT)^2 = 6e-5, with a factor below 1/12.
    exact = analytic.debye_hueckel_potential(x, volts, length)
    difference = np.abs(solution.potential - exact)
    assert difference[x < 5.0 * length].max() <= 5e-6 * abs(volts)
    # Beyond, where the mesh ends in one long element, the tail is cut.
    assert difference.max() <= 1e-4 * abs(volts)
    field = sc.contact_field(solution)[0, 0 if right else 1]
    assert field == pytest.approx((-1.0 if right else 1.0) * volts / length, rel=5e-6, abs=0.0)
    assert sc.charge(solution)[0] == pytest.approx(
        -analytic.small_signal_capacitance(20.0, length) * volts, rel=5e-6, abs=0.0
    )


def test_a_small_step_divides_as_the_capacitances() -> None:
    layers = (
        simple_layer("a", 1e-3, occupancy=0.5, permittivity=50.0, site_density_per_nm3=2.0),
        simple_layer("b", 0.0, occupancy=0.5, permittivity=8.0, charge_number=2.0),
    )
    solution = solve(Stack(layers, temperature_K=T), tolerance_V=1e-10)
    a = analytic.small_signal_capacitance(50.0, analytic.lattice_debye_length(50.0, T, 2e27, 0.5))
    b = analytic.small_signal_capacitance(8.0, analytic.lattice_debye_length(8.0, T, 1e28, 0.5, charge_number=2.0))
    # (e v/kT)^2/24 with v the larger part, 0.8 mV, and z = 1 there: 4e-5.
    assert sc.space_charge_potential(solution)[0] == pytest.approx([-1e-3 * b / (a + b), 1e-3 * a / (a + b)], rel=4e-5)
    assert sc.differential_capacitance(solution)[0] == pytest.approx(a * b / (a + b), rel=1e-4)


@pytest.mark.parametrize("volts", [-0.4, -0.02, 0.05, 0.3])
def test_gouy_chapman(volts: float) -> None:
    stack = dilute_salt(volts)
    density, temperature = 1e24, 400.0
    kt = BOLTZMANN * temperature / ELEMENTARY_CHARGE
    solution = solve(stack, tolerance_V=1e-9)
    length = analytic.gouy_chapman_debye_length(10.0, temperature, density)
    assert sc.debye_length(solution) == pytest.approx([length], rel=1e-12, abs=0.0)
    exact = analytic.gouy_chapman_potential(solution.x[-1] - solution.x, volts, length, temperature)
    # The wall is given; inside, 1e-9 V holds for nodes that elements share, the others converge more slowly.
    assert np.abs(solution.potential - exact).max() <= 3e-8
    assert solution.occupancy[0] == pytest.approx(0.01 * np.exp(-exact / kt), rel=1e-6, abs=0.0)
    assert solution.occupancy[1] == pytest.approx(0.01 * np.exp(exact / kt), rel=1e-6, abs=0.0)
    # Charge and excess depend on exp(e v/2kT): 1e-9 V there is 2e-8.
    charge = analytic.grahame_charge(volts, 10.0, temperature, density)
    assert sc.charge(solution)[0] == pytest.approx(charge, rel=1e-7, abs=0.0)
    conductivity = ELEMENTARY_CHARGE**2 * density * 1e-12 / (BOLTZMANN * temperature)
    _, excess = analytic.gouy_chapman_excess(math.exp(-volts / kt), length, conductivity)
    assert sc.excess_resistance(solution)[0] == pytest.approx(excess, rel=1e-7, abs=0.0)
    capacitance = analytic.small_signal_capacitance(10.0, length)
    assert sc.differential_capacitance(solution)[0] == pytest.approx(
        capacitance * math.cosh(volts / (2.0 * kt)), rel=1e-7
    )


@pytest.mark.parametrize("statistics", ["lattice", "dilute"])
@pytest.mark.parametrize("reduced", [15.0, 30.0, 60.0])
def test_mott_schottky(reduced: float, statistics: str) -> None:
    share = 1e-7
    layer = simple_layer("a", thickness_nm=4e5, site_density_per_nm3=10.0, occupancy=share, statistics=statistics)
    density = 1e28 * share
    volts = reduced * VOLT
    solution = solve(wall(layer, volts), tolerance_V=1e-9)
    # Near the contact phi is a parabola from a vertex at kT/e: E^2 = (2 e c/eps)(v - kT/e) up to exp(-u).
    width = analytic.mott_schottky_width(volts - VOLT, 20.0, density)
    charge = -ELEMENTARY_CHARGE * density * width
    # What is left out: exp(-15)/14 = 2e-8, and the share of filled sites, 1e-7, times u.
    assert sc.charge(solution)[0] == pytest.approx(charge, rel=1e-6, abs=0.0)
    conductivity = ELEMENTARY_CHARGE**2 * density * 1e-13 / KT
    resistance = math.e * width / conductivity * float(analytic.mott_schottky_resistance(reduced - 1.0))
    # The region near the foot of the parabola counts exp(-u) against the contact, times a width of some Debye lengths.
    foot = 60.0 * math.exp(1.0 - reduced) * reduced
    assert sc.resistance(solution)[0, 1] == pytest.approx(resistance, rel=5e-6 + foot, abs=0.0)
    assert sc.interface_resistance(solution) == pytest.approx(resistance, rel=5e-6 + foot, abs=0.0)
    # The leading term of the textbook is good to the next one, 1/(2u).
    textbook = math.e * width / conductivity * float(analytic.mott_schottky_resistance(reduced - 1.0, approximate=True))
    assert sc.resistance(solution)[0, 1] == pytest.approx(textbook, rel=1.0 / reduced)
    # Where the occupancy is 1 % off its bulk: u = -ln(0.99), found by quadrature of the first integral.
    length = math.sqrt(VACUUM_PERMITTIVITY * 20.0 * KT / density) / ELEMENTARY_CHARGE
    edge = -math.log(0.99)
    reach = sum(
        quad(lambda u: 1.0 / math.sqrt(2.0 * (u + math.expm1(-u))), a, b, epsrel=1e-11)[0]
        for a, b in ((edge, 0.1), (0.1, 2.0), (2.0, reduced))
    )
    assert sc.space_charge_width(solution)[0, 1] == pytest.approx(reach * length, rel=1e-5, abs=0.0)
    # The textbook's width stops at the vertex; the rest is a tail of some Debye lengths.
    assert 0.0 < sc.space_charge_width(solution)[0, 1] - width < 6.0 * length


@pytest.mark.parametrize(
    ("occupancy", "charge_number", "interaction"),
    [(0.3, 1.0, None), (1e-5, -1.0, None), (0.999, 2.0, None), (0.4, 1.0, {"occupied_eV": -0.05, "vacancy_eV": 0.1})],
)
def test_small_signal_capacitance(occupancy: float, charge_number: float, interaction: dict[str, float] | None) -> None:
    layer = simple_layer(
        "a", thickness_nm=1e4, occupancy=occupancy, charge_number=charge_number, interaction=interaction
    )
    energies = interaction or {"occupied_eV": 0.0, "vacancy_eV": 0.0}
    length = analytic.lattice_debye_length(
        20.0,
        T,
        1e28,
        occupancy,
        charge_number=charge_number,
        interaction_occupied=energies["occupied_eV"] * ELEMENTARY_CHARGE,
        interaction_vacancy=energies["vacancy_eV"] * ELEMENTARY_CHARGE,
    )
    exact = analytic.small_signal_capacitance(20.0, length)
    solution = solve(wall(layer, 0.0), tolerance_V=1e-8)
    # A linear problem: what is left is the mesh, whose cut at exp(-6.5) of the potential counts twice.
    assert sc.differential_capacitance(solution)[0] == pytest.approx(exact, rel=5e-6, abs=0.0)
    assert sc.static_capacitance(solution)[0] == pytest.approx(exact, rel=5e-6, abs=0.0)


@pytest.mark.parametrize("reduced", [-8.0, -3.0, -0.5, 0.2, 1.0, 4.0, 12.0])
def test_kornyshev_curve_of_a_lattice_gas_without_voids(reduced: float) -> None:
    """One species of charge 2 on half of the sites: every site carries +1 or -1, the lattice gas at g = 1."""
    layer = simple_layer("a", thickness_nm=400.0, occupancy=0.5, charge_number=2.0, site_density_per_nm3=3.0)
    zero = analytic.small_signal_capacitance(20.0, analytic.lattice_debye_length(20.0, T, 3e27, 0.5, charge_number=2.0))
    solution = solve(wall(layer, reduced * VOLT), tolerance_V=1e-9)
    curve = float(analytic.kornyshev_capacitance(reduced, 1.0))
    # The cut of the mesh, as above.
    assert sc.differential_capacitance(solution)[0] == pytest.approx(zero * curve, rel=5e-6, abs=0.0)


@pytest.mark.parametrize("occupancy", [1e-4, 0.2, 0.97])
def test_capacitance_of_a_lattice_at_any_filling(occupancy: float) -> None:
    layer = simple_layer("a", thickness_nm=2e4, occupancy=occupancy)
    zero = analytic.small_signal_capacitance(20.0, analytic.lattice_debye_length(20.0, T, 1e28, occupancy))
    for reduced in (-20.0, -6.0, -1.0, 0.3, 2.0, 15.0):
        solution = solve(wall(layer, reduced * VOLT), tolerance_V=1e-9)
        curve = float(analytic.lattice_capacitance(reduced, occupancy))
        assert sc.differential_capacitance(solution)[0] == pytest.approx(zero * curve, rel=5e-6, abs=0.0), reduced


@pytest.mark.parametrize("volts", [-1.2, -0.1, 0.05, 0.6, 1.6])
def test_two_saturating_species(volts: float) -> None:
    sites, formation, temperature = 3.27455e28, 0.2, 300.0
    solution = solve(swift_stack(volts, sites * 1e-27, formation, 50.0), tolerance_V=1e-9)

    def exact(v: float) -> tuple[float, float]:
        return analytic.poisson_fermi_dirac(v, sites, formation * ELEMENTARY_CHARGE, 50.0, temperature)

    charge, static = exact(volts)
    assert sc.charge(solution)[0] == pytest.approx(charge, rel=1e-7, abs=0.0)
    assert sc.static_capacitance(solution)[0] == pytest.approx(static, rel=1e-7, abs=0.0)
    h = 1e-5
    slope = -(8.0 * (exact(volts + h)[0] - exact(volts - h)[0]) - exact(volts + 2 * h)[0] + exact(volts - 2 * h)[0]) / (
        12.0 * h
    )
    # Differences of order four lose what 1e-16 of the charge makes over 1e-5 V.
    assert sc.differential_capacitance(solution)[0] == pytest.approx(slope, rel=5e-6, abs=0.0)
