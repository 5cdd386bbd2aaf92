"""Planes of one species against closed forms: decay per plane, and the continuum where their distance vanishes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.constants import elementary_charge, epsilon_0, k

import spacecharge as sc
from spacecharge.lattice import Site, Sites, solve_lattice_points

AREA, KELVIN, FRACTION, CHARGE = 1.0, 300.0, 0.3, 1.0
KT = k * KELVIN / elementary_charge


def charged_plane(n: int, distance: float, density: float, sigma: float, permittivity: float = 20.0) -> sc.Lattice:
    """Return 2 n + 1 equal planes in an endless grain, the one in the middle with the areal charge `sigma` [e/nm2].

    `density` is in sites per nm3, `distance` in nm. The sites carry one mobile species on a fixed background of its
    mean charge. Each plane holds a thousand of them: the cross-section follows.
    """
    per_plane = 1000
    area = per_plane / (density * distance)
    items = []
    for i in range(-n - 2, n + 3):
        x = i * distance * 1e-9
        items.append(Site("O", -CHARGE * FRACTION, x, (("V", 0.0),), per_plane))
        if i == 0:
            items.append(Site("core", sigma * area / 1000, x, (("nothing", 0.0),), 1000))
    return sc.Lattice(
        sites=Sites(tuple(items), "made here"),
        cross_section_nm2=area,
        permittivity=permittivity,
        window_nm=((-n - 0.5) * distance, (n + 0.5) * distance),
        bulk_nm=((-n - 0.5) * distance, (-n + 2.5) * distance),
        boundary="bulk",
        site_charges=True,
        merge_nm=0.0,
        temperature_K=KELVIN,
        species={
            "V": {"site": "O", "charge_number": CHARGE, "fraction": FRACTION},
            "nothing": {"site": "core", "charge_number": 1, "fraction": 0.0},
        },
    )


def debye_length(density: float, permittivity: float = 20.0) -> float:
    """Debye length of a lattice gas [nm]."""
    slope = CHARGE**2 * density * 1e27 * FRACTION * (1 - FRACTION) * elementary_charge / KT
    return math.sqrt(epsilon_0 * permittivity / slope) * 1e9


@pytest.mark.parametrize(("lengths", "ratio"), [(1.0, 0.381966), (2.0, 0.171573)])
def test_decay_per_plane(lengths: float, ratio: float) -> None:
    """1 + k - sqrt((1 + k)^2 - 1) with k = (a/lambda)^2/2, where the continuum has exp(-a/lambda)."""
    density = 5.0
    distance = lengths * debye_length(density)
    solution = sc.solve_lattice(charged_plane(25, distance, density, 1e-6))
    phi = solution.potential[25:30]
    assert phi[1:] / phi[:-1] == pytest.approx(np.full(4, ratio), abs=1e-6)
    half = lengths**2 / 2
    assert phi[1] / phi[0] == pytest.approx(1 + half - math.sqrt((1 + half) ** 2 - 1), abs=1e-7)


def grahame(phi: float, density: float, permittivity: float = 20.0) -> float:
    """Charge of a plane between two endless grains from the first integral of the continuum [e/nm2].

    (eps/2) E^2 = N kT [ln(1 - m + m exp(-u)) + m u], u = z e phi/kT: the derivative is -rho = -z e N (x - m).
    """
    u = CHARGE * phi / KT
    pressure = density * 1e27 * k * KELVIN * (math.log(1 - FRACTION + FRACTION * math.exp(-u)) + FRACTION * u)
    field = math.copysign(math.sqrt(2 * pressure / (epsilon_0 * permittivity)), phi)
    return 2 * epsilon_0 * permittivity * field / elementary_charge * 1e-18


@pytest.mark.parametrize("sigma", [-2.0, 0.8, 3.0])
def test_planes_of_vanishing_distance_are_the_continuum(sigma: float) -> None:
    """Second order in the distance, towards the first integral, far outside the linear range."""
    density = 3.0
    length = 25 * debye_length(density)
    errors = []
    for n in (100, 200, 400):
        phi = sc.solve_lattice(charged_plane(n, length / n, density, sigma)).potential[n]
        errors.append(abs(grahame(phi, density) / sigma - 1))
    assert abs(phi) > 2 * KT
    assert errors[-1] < 1e-3
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders == pytest.approx([2.0, 2.0], abs=0.1)


def test_excess_thickness_of_planes_is_that_of_the_continuum() -> None:
    """int (s_b/s - 1) dx with s = x: x_b/x - 1 = (1 - m)(exp(u) - 1), dx = dphi/E from the first integral."""
    density, sigma = 3.0, 0.8
    length = 25 * debye_length(density)
    solutions = [sc.solve_lattice(charged_plane(n, length / n, density, sigma)) for n in (400, 800)]
    coarse, fine = (s.scalars["excess_thickness"] for s in solutions)
    top = (4 * solutions[1].potential[800] - solutions[0].potential[400]) / 3
    # phi = top v^2 takes the root out of the field at small potentials.
    nodes, weights = np.polynomial.legendre.leggauss(80)
    v, dv = (nodes + 1) / 2, weights / 2
    phi = top * v**2
    field = np.array([grahame(float(p), density) for p in phi]) * elementary_charge * 1e18 / (2 * epsilon_0 * 20.0)
    excess = 2 * np.sum(dv * 2 * top * v / field * (1 - FRACTION) * np.expm1(CHARGE * phi / KT))
    assert (coarse - excess) / (fine - excess) == pytest.approx(4.0, abs=0.2)
    assert (4 * fine - coarse) / 3 == pytest.approx(excess, rel=1e-5)


def test_a_sweep_of_charges_of_both_signs_is_antisymmetric_where_it_must_be() -> None:
    """Charge conjugation: z -> -z, site charges -> their negative, potentials -> their negative."""
    plus = charged_plane(30, 0.1, 3.0, 0.5)
    items = tuple(Site(s.label, -s.charge, s.x, s.defects, s.count) for s in plus.site_list.items)
    species = {
        "V": {"site": "O", "charge_number": -CHARGE, "fraction": FRACTION},
        "nothing": {"site": "core", "charge_number": 1, "fraction": 0.0},
    }
    minus = plus.replace(sites=Sites(items, "made here"), species=species)
    a, b = sc.solve_lattice(plus), sc.solve_lattice(minus)
    assert np.array_equal(a.potential, -b.potential)
    for name in ("resistivity_ratio_perpendicular", "excess_thickness_blocked", "apparent_activation_energy"):
        assert a.scalars[name] == b.scalars[name], name
    assert a.scalars["barrier"] == -b.scalars["barrier"]


def test_debye_length_scales_with_the_permittivity() -> None:
    """Four times the permittivity is twice the Debye length: planes twice as far apart decay alike."""
    density, distance = 3.0, 0.2
    a = sc.solve_lattice(charged_plane(20, distance, density, 1e-7))
    swept = solve_lattice_points(
        charged_plane(20, 2 * distance, density, 1e-7), {"lattice.permittivity": [20.0, 80.0]}, with_profiles=True
    )
    ratio = swept.profiles[1]["potential"][20:26] / swept.profiles[1]["potential"][20]
    assert ratio == pytest.approx(a.potential[20:26] / a.potential[20], rel=1e-6)
