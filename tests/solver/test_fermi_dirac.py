"""Degenerate electrons and holes in layers: against the first integral, the Boltzmann limit, differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.analytic import first_integral

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


def test_sensitivities_are_those_of_differences() -> None:
    def solved(electrons: float = 0.6) -> sc.Solution:
        return sc.solve(stack(carriers(electrons, 0.01)), tolerance_V=1e-10)

    slopes = sc.sensitivities(solved(), ["a.species.electrons.occupancy"])["a.species.electrons.occupancy"]
    high, low = solved(0.6 + 1e-6), solved(0.6 - 1e-6)
    for name in ("contact_potential", "charge", "debye_length", "differential_capacitance"):
        rough = (np.asarray(getattr(high, name)) - np.asarray(getattr(low, name))) / 2e-6
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
