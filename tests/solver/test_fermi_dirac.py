"""Degenerate electrons and holes in layers: against the first integral, the Boltzmann limit, differences."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.polynomial import Chebyshev
from scipy.integrate import quad, solve_bvp
from scipy.optimize import brentq
from scipy.special import expit

import spacecharge as sc
from spacecharge.analytic import first_integral
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.model import stack_parameters

HELD = "electrostatic_potential_V"
IONS: dict[str, Any] = {
    "name": "ions", "thickness_nm": 300.0, "permittivity": 20.0, "site_density_per_nm3": 10.0, "occupancy": 0.3,
    "diffusivity_m2_per_s": 1e-14,
}  # fmt: skip


def carriers(electrons: float, holes: float, law: str = "fermi_dirac") -> dict[str, dict[str, Any]]:
    common = {"site_density_per_nm3": 0.025, "statistics": law, "diffusivity_m2_per_s": 1e-6}
    return {
        "electrons": {"charge_number": -1.0, "occupancy": electrons} | common,
        "holes": {"charge_number": 1.0, "occupancy": holes} | common,
    }


def stack(species: dict[str, dict[str, Any]], step: float = 0.25) -> sc.Stack:
    metal = sc.Layer(name="a", thickness_nm=4000.0, potential_V=3.0, permittivity=12.0, species=species)
    return sc.Stack([metal, sc.Layer(potential_V=3.0 - step, **IONS)])


def test_random_layers_against_the_first_integral() -> None:
    rng = np.random.default_rng(6)
    for _ in range(6):
        case = stack(
            carriers(float(rng.uniform(0.01, 0.999)), float(10.0 ** rng.uniform(-9, -1))), rng.uniform(-0.6, 0.6)
        )
        solution = sc.solve(case, tolerance_V=1e-7)
        (exact,) = first_integral(case)
        assert sc.space_charge_potential(solution)[0] == pytest.approx(exact.space_charge_potential, abs=1e-7)
        here = np.isfinite(exact.contact_occupancy)
        assert sc.contact_occupancy(solution)[0][here] == pytest.approx(exact.contact_occupancy[here], rel=1e-5)
        assert sc.debye_length(solution) == pytest.approx(exact.debye_length, rel=1e-12)
        assert sc.differential_capacitance(solution)[0] == pytest.approx(exact.differential_capacitance, rel=1e-6)
        assert sc.resistance(solution)[0] == pytest.approx(exact.resistance, rel=1e-4, abs=1e-12)
        assert sc.space_charge_width(solution)[0][here] == pytest.approx(exact.space_charge_width[here], rel=1e-4)
        assert np.isnan(sc.contact_vacancy(solution)[0, 0]).all()


def of_quadrature(order: float, eta: float) -> float:
    """Return the Fermi-Dirac integral of scipy's quadrature, x = t^2, normalised by Gamma(order + 1)."""
    ends = np.sqrt(np.clip([eta - 40.0, eta - 4.0, eta, eta + 4.0, eta + 40.0], 0.0, None))
    parts = (
        quad(lambda t: 2.0 * t ** (2.0 * order + 1.0) * expit(eta - t * t), a, b, epsabs=0.0, epsrel=1e-13, limit=200)[
            0
        ]
        for a, b in pairwise([0.0, *ends])
        if b > a
    )
    return float(sum(parts)) / math.gamma(order + 1.0)


@pytest.mark.parametrize("filled", [1.0, 2.7, 30.0, 400.0])
def test_beyond_one_against_a_boundary_value_problem(filled: float) -> None:
    """Electrons with n/N_c of 1 and more, accumulated and depleted: F by scipy's quad, phi by solve_bvp."""
    sites, permittivity, temperature, lengths = 0.025, 12.0, 300.0, 8.0
    volt = BOLTZMANN * temperature / ELEMENTARY_CHARGE
    level = brentq(lambda eta: of_quadrature(0.5, eta) / filled - 1.0, -3.0, 80.0, xtol=1e-13, rtol=1e-14)
    strength = ELEMENTARY_CHARGE * sites * 1e27 / (VACUUM_PERMITTIVITY * permittivity * volt)
    steep = of_quadrature(-0.5, level)
    debye = 1.0 / math.sqrt(strength * steep)
    electrons = {"charge_number": -1.0, "site_density_per_nm3": sites, "statistics": "fermi_dirac"}
    layer = sc.Layer(
        name="a",
        thickness_nm=1e9 * lengths * debye,
        potential_V=0.0,
        permittivity=permittivity,
        species={"e": electrons | {"occupancy": filled}},
    )
    for shift in (2.0, -2.0):
        domain = sorted((level - 0.5 * shift, level + 1.5 * shift))
        filling = Chebyshev.interpolate(np.vectorize(lambda eta: of_quadrature(0.5, eta)), 40, domain=domain)
        x = lengths * np.linspace(0.0, 1.0, 200) ** 2
        exact = solve_bvp(
            lambda x, y, f=filling: np.vstack([y[1], (f(level + y[0]) - filled) / steep]),
            lambda a, b, s=shift: np.array([a[0] - s, b[1]]),
            x,
            shift * np.vstack([np.exp(-x), -np.exp(-x)]),
            tol=1e-8,
            max_nodes=50_000,
        )
        assert exact.success
        held = sc.Stack([layer], temperature_K=temperature, left=sc.End(kind=HELD, value=shift * volt))
        solution = sc.solve(held, tolerance_V=1e-9)
        assert solution.debye_length[0] == pytest.approx(debye, rel=1e-10)
        assert np.nanmax(solution.contact_occupancy) == pytest.approx(of_quadrature(0.5, level + shift), rel=1e-10)
        charge = VACUUM_PERMITTIVITY * permittivity * volt / debye * exact.y[1, 0]
        assert np.nanmax(np.abs(solution.charge)) == pytest.approx(abs(charge), rel=1e-7)


def test_degenerate_layers_against_the_first_integral() -> None:
    rng = np.random.default_rng(61)
    for filled in (1.0, 3.0, 20.0, 100.0):
        case = stack(carriers(filled, 1e-9), rng.uniform(-0.3, 0.3))
        solution = sc.solve(case, tolerance_V=1e-7)
        (exact,) = first_integral(case)
        assert sc.space_charge_potential(solution)[0] == pytest.approx(exact.space_charge_potential, abs=1e-7)
        here = np.isfinite(exact.contact_occupancy)
        assert sc.contact_occupancy(solution)[0][here] == pytest.approx(exact.contact_occupancy[here], rel=1e-5)
        assert sc.differential_capacitance(solution)[0] == pytest.approx(exact.differential_capacitance, rel=1e-6)
        assert sc.resistance(solution)[0] == pytest.approx(exact.resistance, rel=1e-4, abs=1e-12)
        assert np.isnan(sc.contact_vacancy(solution)[0, 0]).all()


def test_the_range_is_that_of_the_statistics(tmp_path: Path) -> None:
    """Every way to give an occupancy: by keyword, by key, as an axis, as a point of an array."""
    band, sites = (
        "2000 is out of range .allowed: above 0 and below 1000.",
        "1.5 is out of range .allowed: above 0 and below 1.",
    )
    with pytest.raises(sc.ModelError, match=band):
        stack(carriers(2000.0, 0.1))
    for law in ("dilute", "lattice", "pool"):
        with pytest.raises(sc.ModelError, match=sites):
            stack(carriers(1.5, 0.1, law))
    swept = stack_parameters(stack(carriers(0.5, 0.1)), {"a.species.electrons.occupancy": [1.5, 2000.0, 0.0]})
    assert swept.invalid.tolist() == [False, True, True]
    assert (swept.bulk_vacancy[0, 0] == 1.0).all()
    of_ions = stack_parameters(stack(carriers(0.5, 0.1)), {"ions.occupancy": [1.5]})
    assert of_ions.invalid.all() and "above 0 and below 1)" in of_ions.reasons[0]
    text = """\
layers:
  a:
    thickness_nm: 100
    permittivity: 12
    potential_V: 3
    species:
      e: {{charge_number: -1, site_density_per_nm3: 0.025, statistics: fermi_dirac, occupancy: {filled}}}
  b: {{thickness_nm: 9, permittivity: 9, potential_V: 3, site_density_per_nm3: 9, occupancy: {ions}}}
sweep: {{{axis}}}
"""
    file = tmp_path / "band.yaml"
    for filled, ions, axis, words in (
        ("2000", "0.5", "", ":7:.*: layers.a.species.e.occupancy: " + band),
        ("-1", "0.5", "", "a.species.e.occupancy: -1 is out of range .allowed: above 0 and below 1000."),
        ("x", "0.5", "", "a.species.e.occupancy: a number is needed, got 'x' .allowed: 0 to 1000."),
        ("0.5", "1.5", "", ":8:.*: layers.b.occupancy: " + sites),
        ("0.5", "0.5", "a.species.e.occupancy: [0.1, 2000]", "occupancy.1: " + band),
        ("0.5", "0.5", "b.occupancy: [0.1, 1.5]", "occupancy.1: " + sites),
    ):
        file.write_text(text.format(filled=filled, ions=ions, axis=axis))
        with pytest.raises(sc.ConfigError, match=words):
            sc.load_config(file)
    file.write_text(text.format(filled="30", ions="0.5", axis="a.species.e.occupancy: [0.1, 1, 100]"))
    assert sc.load_config(file).n_points == 3


def test_boltzmann_limit_is_the_dilute_law() -> None:
    """At 1e-11 of N_c, pushed out further by the contact, both laws are one to 1e-9."""
    fermi, dilute = (sc.solve(stack(carriers(1e-11, 1e-12, law), -0.1), tolerance_V=1e-9)
                     for law in ("fermi_dirac", "dilute"))  # fmt: skip
    for name in ("contact_potential", "contact_occupancy", "charge", "resistance", "debye_length"):
        assert getattr(fermi, name) == pytest.approx(getattr(dilute, name), rel=1e-9, nan_ok=True), name


def test_degenerate_electrons_screen_less_than_boltzmann_says() -> None:
    """lambda = sqrt(eps kT/(e^2 N_c F_-1/2)), with F_-1/2 = 0.5826... at n/N_c = 0.8 instead of 0.8 itself."""
    fermi, dilute = (sc.solve(stack(carriers(0.8, 1e-9, law))) for law in ("fermi_dirac", "dilute"))
    ratio = float(fermi.debye_length[0] / dilute.debye_length[0])
    from spacecharge.defect_chemistry.fermi_dirac import fermi_integral, fermi_level_of

    assert ratio == pytest.approx(np.sqrt(0.8 / float(fermi_integral(-0.5, fermi_level_of(0.8)))), rel=1e-8)
    assert ratio > 1.1


@pytest.mark.parametrize("filled", [0.6, 25.0])
def test_sensitivities_are_those_of_differences(filled: float) -> None:
    def solved(electrons: float) -> sc.Solution:
        return sc.solve(stack(carriers(electrons, 0.01)), tolerance_V=1e-10)

    slopes = sc.sensitivities(solved(filled), ["a.species.electrons.occupancy"])["a.species.electrons.occupancy"]
    high, low = solved(filled * (1.0 + 2e-6)), solved(filled * (1.0 - 2e-6))
    for name in ("contact_potential", "charge", "debye_length", "differential_capacitance"):
        rough = (np.asarray(getattr(high, name)) - np.asarray(getattr(low, name))) / (4e-6 * filled)
        scale = float(np.nanmax(np.abs(rough)))
        assert np.asarray(slopes[name]) == pytest.approx(rough, rel=2e-4, abs=2e-5 * scale), name


def test_carriers_of_a_band_have_no_sites() -> None:
    for change, words in (
        ({"transport": "vacancy"}, "fermi_dirac statistics has no vacancies"),
        ({"interaction": {"occupied_eV": 0.1}}, "fermi_dirac statistics knows no interaction"),
    ):
        species = carriers(0.5, 0.1)
        species["electrons"] |= change
        with pytest.raises(sc.ModelError, match=words):
            stack(species)
    layers = stack(carriers(0.5, 0.1)).layers
    with pytest.raises(sc.ModelError, match="carriers of a band, which stand on no sites"):
        sc.Stack(layers, contacts=[sc.Contact(sites={"density_per_nm2": 1.0, "of": "a", "species": "electrons"})])
