"""Bulk defect equilibria against published digits, closed forms, and py-sc-fermi."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spacecharge as sc
from spacecharge import constants
from spacecharge.defect_chemistry import (
    ChargeState,
    Defect,
    DefectSystem,
    DensityOfStates,
    EffectiveBands,
    EquilibriumError,
    FixedCharge,
    equilibrium,
    read_defects,
    to_py_sc_fermi,
)
from spacecharge.defect_chemistry.scanning import scan

ROOT = Path(__file__).resolve().parents[2]
LLZO = ROOT / "configs" / "data" / "t-LLZO"
GASB = Path(__file__).parent / "data"
K_EV = constants.BOLTZMANN / constants.ELEMENTARY_CHARGE
VOLUME = 1056.622886


@pytest.fixture(scope="module")
def llzo() -> DefectSystem:
    return read_defects(LLZO / "input-fermi-frozen.dat", cell_volume_A3=VOLUME)


@pytest.fixture(scope="module")
def py_sc_fermi() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("py_sc_fermi.defect_system")


def test_tetragonal_llzo_has_the_published_carriers(llzo: DefectSystem) -> None:
    """SC-Fermi's own output for these files: E_F, ions to 1e-4, electrons to 1 %."""
    result = equilibrium(llzo)
    assert result.temperature_K == 1400.0
    assert result.fermi_level_eV == pytest.approx(3.954151, abs=1e-6)
    assert result.electrons_per_cm3 == pytest.approx(1.29026e14, rel=1e-2)
    published = {"v_Li": 2.24874e20, "Li_i": 2.53258e18, "Li_Zr": 3.03784e20, "La_Zr": 6.51115e16, "v_O": 1.91692e12}
    for name, value in published.items():
        assert result.concentration_per_cm3(name) == pytest.approx(value, rel=1e-4), name
    assert abs(result.charge_balance) < 1e-13


def test_three_defects_of_llzo_reproduce_the_stored_output_of_sc_fermi(llzo: DefectSystem) -> None:
    """``analysis/out.txt`` of the repository that the data come from: v_Li, Li_i and v_O with that dopant."""
    few = tuple(d for d in llzo.defects if d.name in ("v_Li", "Li_i", "v_O"))
    result = equilibrium(llzo.replace(defects=few))
    assert result.fermi_level_eV == pytest.approx(4.1495863809835, abs=2e-6)
    assert result.electrons_per_cm3 == pytest.approx(0.6519446589240e15, rel=1e-4)
    assert result.holes_per_cm3 == pytest.approx(0.1061250061358e8, rel=1e-4)
    for key, value in {
        ("v_Li", -1.0): 0.1136252792035e22, ("v_Li", 0.0): 0.1506459779367e9, ("Li_i", 1.0): 0.5012186342280e18,
        ("Li_i", 0.0): 0.6776497271402e13, ("v_O", 0.0): 0.2119258857200e11, ("v_O", 1.0): 0.3690795453696e12,
        ("v_O", 2.0): 0.1207597605598e10,
    }.items():  # fmt: skip
        assert result.concentration_per_cm3(*key) == pytest.approx(value, rel=1e-4), key


def test_freezing_in_turns_micrometres_into_nanometres(llzo: DefectSystem) -> None:
    undoped = llzo.replace(fixed_charges=())
    relaxed = equilibrium(undoped, temperature_K=300.0)
    frozen = equilibrium(undoped, temperature_K=300.0, frozen_at_K=1500.0)
    assert relaxed.concentration_per_cm3("v_Li") == pytest.approx(4.4e12, rel=0.01)
    assert frozen.concentration_per_cm3("Li_i") == pytest.approx(3.2e19, rel=0.02)
    carriers = {"v_Li": -1.0, "Li_i": 1.0}
    assert relaxed.debye_length_nm(50.0, carriers) == pytest.approx(2900.0, rel=0.02)
    assert frozen.debye_length_nm(50.0, carriers) == pytest.approx(1.1, rel=0.08)
    hot = equilibrium(undoped, temperature_K=1500.0)
    for name, total in hot.totals_per_cm3.items():
        assert frozen.concentration_per_cm3(name) == pytest.approx(total, rel=1e-12), name
    assert equilibrium(undoped, temperature_K=1500.0, frozen_at_K=1200.0).frozen_at_K is None


def test_neutral_pair_follows_its_closed_form() -> None:
    """Vacancy and interstitial only: c = sqrt(N_v N_i) exp[-(E_v + E_i)/2kT] and E_F between their energies."""
    kt = K_EV * 700.0
    system = _frenkel(0.9, 0.5)
    result = equilibrium(system, temperature_K=700.0)
    expected = math.sqrt(3.0 * 2.0) / 1e-22 * math.exp(-0.5 * 1.4 / kt)
    assert result.concentration_per_cm3("v_Li") == pytest.approx(expected, rel=1e-12)
    assert result.concentration_per_cm3("Li_i") == pytest.approx(expected, rel=1e-12)
    assert result.fermi_level_eV == pytest.approx(0.5 * (0.9 - 0.5) - 0.5 * kt * math.log(3.0 / 2.0), abs=1e-13)


def _frenkel(vacancy_eV: float, interstitial_eV: float, **changes: Any) -> DefectSystem:
    vacancy = Defect(name="v_Li", sites_per_cell=3, states=(ChargeState(charge=-1, formation_energy_eV=vacancy_eV),))
    interstitial = Defect(
        name="Li_i", sites_per_cell=2, states=(ChargeState(charge=1, formation_energy_eV=interstitial_eV),)
    )
    return DefectSystem(defects=(vacancy, interstitial), cell_volume_A3=100.0, **changes)


def test_pool_fills_its_sites_and_no_more() -> None:
    """One donor on its own sites against one acceptor of fixed charge: a root in closed form."""
    kt = K_EV * 1000.0
    donor = Defect(name="D", sites_per_cell=1, states=(ChargeState(charge=1, formation_energy_eV=-0.4, degeneracy=2),))
    fixed = FixedCharge(name="A", charge=-1, concentration_per_cm3=0.999 / 1e-22)
    system = DefectSystem(defects=(donor,), cell_volume_A3=100.0, fixed_charges=(fixed,), statistics="pool")
    result = equilibrium(system, temperature_K=1000.0)
    # theta = 0.999: w = theta/(1 - theta) = g exp[-(E + E_F)/kT].
    assert result.fermi_level_eV == pytest.approx(0.4 - kt * math.log(0.999 / 0.001 / 2.0), abs=1e-12)
    with pytest.raises(EquilibriumError, match=r"positive charge reaches 1e\+22 e/cm3 at the most, 1\.001e\+22"):
        over = FixedCharge(name="A", charge=-1, concentration_per_cm3=1.001 / 1e-22)
        equilibrium(system.replace(fixed_charges=(over,)))


def test_defects_of_one_pool_share_its_sites() -> None:
    """Two kinds on one pool between two fixed charges: ln[c_1/c_2] is their energy difference, the sum is limited."""
    kt = K_EV * 900.0
    states = {"A": -0.3, "B": -0.25}
    defects = tuple(
        Defect(name=n, sites_per_cell=1, pool="M", states=(ChargeState(charge=1, formation_energy_eV=e),))
        for n, e in states.items()
    )
    fixed = FixedCharge(name="acceptor", charge=-1, concentration_per_cm3=0.9e22)
    system = DefectSystem(defects=defects, cell_volume_A3=100.0, fixed_charges=(fixed,))
    result = equilibrium(system, temperature_K=900.0)
    a, b = (result.concentration_per_cm3(n) for n in "AB")
    assert a + b == pytest.approx(0.9e22, rel=1e-13)
    assert math.log(a / b) == pytest.approx(0.05 / kt, rel=1e-10)
    # Empty sites have weight 1: c_A / empty = exp[-(E_A + E_F)/kT].
    assert a / (1e22 - a - b) == pytest.approx(math.exp(-(-0.3 + result.fermi_level_eV) / kt), rel=1e-9)


def test_polarons_share_out_a_frozen_total() -> None:
    """Ti4+/Ti3+ of a fixed total against an acceptor: half of them reduced is E_F at the transition level."""
    titanium = Defect(
        name="Ti", sites_per_cell=1, fixed_concentration_per_cm3=1e21,
        states=(ChargeState(charge=1, formation_energy_eV=0.0), ChargeState(charge=0, formation_energy_eV=2.2)),
    )  # fmt: skip
    fixed = FixedCharge(name="A", charge=-1, concentration_per_cm3=0.5e21)
    system = DefectSystem(defects=(titanium,), cell_volume_A3=100.0, fixed_charges=(fixed,))
    result = equilibrium(system, temperature_K=300.0)
    assert result.concentration_per_cm3("Ti") == pytest.approx(1e21, rel=1e-14)
    assert result.fermi_level_eV == pytest.approx(2.2, abs=1e-12)


@pytest.mark.parametrize("kelvin", [150.0, 300.0, 1200.0])
def test_mass_action_of_electrons_and_holes(kelvin: float) -> None:
    bands = EffectiveBands(band_gap_eV=3.0, electron_mass=0.4, hole_mass=1.5)
    system = _frenkel(1.0, 0.4, bands=bands)
    result = equilibrium(system, temperature_K=kelvin)
    unit = 2.0 * (2.0 * math.pi * 9.1093837139e-31 * 1.380649e-23 * kelvin / (6.62607015e-34) ** 2) ** 1.5 / 1e6
    product = unit * unit * (0.4 * 1.5) ** 1.5 * math.exp(-3.0 / (K_EV * kelvin))
    if product > 0.0:
        assert result.electrons_per_cm3 * result.holes_per_cm3 == pytest.approx(product, rel=1e-9)


def test_potential_moves_formation_energies_by_the_lithium_they_add() -> None:
    """One volt more makes vacancies cheaper by 1 eV and interstitials dearer: E_F follows, the pair product stays."""
    system = _frenkel(0.9, 0.5, reference_potential_V=3.0)
    here, there = (equilibrium(system, temperature_K=700.0, potential_V=u) for u in (3.0, 4.0))
    assert there.fermi_level_eV - here.fermi_level_eV == pytest.approx(-1.0, abs=1e-12)
    assert there.concentration_per_cm3("v_Li") == pytest.approx(here.concentration_per_cm3("v_Li"), rel=1e-10)
    with pytest.raises(sc.ModelError, match="reference_potential_V"):
        equilibrium(_frenkel(0.9, 0.5), potential_V=3.1)
    dopant = Defect(name="X", sites_per_cell=1, states=(ChargeState(charge=1, formation_energy_eV=1.0),))
    with pytest.raises(sc.ModelError, match=r"X\.lithium"):
        equilibrium(system.replace(defects=(*system.defects, dopant)), potential_V=3.1)


def test_a_dopant_scan_shows_the_brouwer_slopes() -> None:
    """Donor far above intrinsic: v_Li grows with slope 1, Li_i falls with slope -1."""
    system = _frenkel(0.9, 0.5, fixed_charges=(FixedCharge(name="D", charge=1, concentration_per_cm3=1.0),))
    found = scan(system, "D", np.geomspace(1e20, 1e21, 3), temperature_K=700.0)
    columns = found.concentrations_per_cm3()
    logs = {name: np.diff(np.log(columns[name])) / np.diff(np.log(found.values)) for name in ("v_Li", "Li_i")}
    assert logs["v_Li"] == pytest.approx(1.0, abs=1e-3)
    assert logs["Li_i"] == pytest.approx(-1.0, abs=1e-3)


def test_what_cannot_be_neutral_is_refused_with_its_numbers() -> None:
    donor = Defect(name="D", sites_per_cell=1, states=(ChargeState(charge=1, formation_energy_eV=1.0),))
    with pytest.raises(EquilibriumError, match="nothing in it is negative"):
        equilibrium(DefectSystem(defects=(donor,), cell_volume_A3=100.0))
    neutral = Defect(name="D", sites_per_cell=1, states=(
        ChargeState(charge=0, formation_energy_eV=-90.0), ChargeState(charge=1, formation_energy_eV=1.0),
        ChargeState(charge=-1, formation_energy_eV=1.0),
    ))  # fmt: skip
    with pytest.raises(EquilibriumError, match="exceeds any number"):
        equilibrium(DefectSystem(defects=(neutral,), cell_volume_A3=100.0), temperature_K=100.0)


def test_the_gallium_antimonide_example_agrees_with_py_sc_fermi(py_sc_fermi: Any) -> None:
    """Its own YAML read by both programs: fixed totals and fixed charge states, smeared density of states."""
    file, dos = GASB / "GaSb_defect_system.yaml", GASB / "GaSb_totdos.dat"
    theirs = py_sc_fermi.DefectSystem.from_yaml(str(file), dos_file=str(dos)).concentration_dict(decomposed=True)
    ours = equilibrium(read_defects(file, density_of_states=str(dos)))
    _agree(ours, theirs)


@pytest.mark.parametrize("seed", range(50))
def test_random_defects_agree_with_py_sc_fermi(seed: int, py_sc_fermi: Any) -> None:
    """Fifty random sets, every concentration to 1e-8 in its logarithm."""
    system = _random_dilute(np.random.default_rng(seed))
    # It multiplies concentrations that have overflowed at the ends of its bracket; the root is far from there.
    with np.errstate(over="ignore"):
        theirs = to_py_sc_fermi(system).concentration_dict(decomposed=True)
    _agree(equilibrium(system), theirs)


def _agree(ours: Any, theirs: dict[str, Any]) -> None:
    assert ours.fermi_level_eV == pytest.approx(theirs["Fermi Energy"], abs=1e-10)
    pairs = [(ours.electrons_per_cm3, theirs["n0"]), (ours.holes_per_cm3, theirs["p0"])]
    pairs += [(s.per_cm3, theirs[s.defect][int(s.charge)]) for s in ours.states]
    compared = 0
    for mine, other in pairs:
        if other > 1e-250:
            assert abs(math.log(mine / other)) < 1e-8
            compared += 1
    assert compared >= 3


def _random_dilute(rng: np.random.Generator) -> DefectSystem:
    gap = rng.uniform(0.8, 6.0)
    energy = np.sort(np.concatenate([np.linspace(-8.0, 12.0, 900), rng.uniform(-8.0, 12.0, 100), [0.0, gap]]))
    states = np.where(energy <= 0.0, np.sqrt(np.maximum(-energy, 0.0)), 0.0) * rng.uniform(1.0, 9.0)
    states += np.where(energy >= gap, np.sqrt(np.maximum(energy - gap, 0.0)), 0.0) * rng.uniform(1.0, 9.0)
    bands = DensityOfStates(
        energy_eV=energy, states_per_eV=states, band_gap_eV=gap, electrons_per_cell=rng.integers(8, 600),
        quadrature="mid_gap",
    )  # fmt: skip
    defects = []
    for i in range(rng.integers(1, 9)):
        charges = rng.permutation(np.arange(-4, 5))[: rng.integers(1, 5)]
        own = tuple(
            ChargeState(
                charge=int(q), degeneracy=int(rng.integers(1, 9)),
                formation_energy_eV=float(rng.uniform(0.3, 5.0) - q * rng.uniform(0.0, gap)),
            )
            for q in charges
        )  # fmt: skip
        total = float(10.0 ** rng.uniform(14, 20)) if rng.random() < 0.3 else None
        sites = int(rng.integers(1, 25))
        defects.append(Defect(name=f"d{i}", sites_per_cell=sites, states=own, fixed_concentration_per_cm3=total))
    fixed = tuple(
        FixedCharge(
            name=f"f{i}", charge=int(rng.choice([-2, -1, 1, 2])), concentration_per_cm3=10.0 ** rng.uniform(14, 20)
        )
        for i in range(rng.integers(0, 3))
    )  # fmt: skip
    return DefectSystem(
        defects=tuple(defects), cell_volume_A3=float(rng.uniform(50, 2000)), bands=bands, fixed_charges=fixed,
        temperature_K=float(rng.uniform(300, 1800)),
    )  # fmt: skip


def test_five_hundred_random_sets_are_neutral_or_refused_with_a_reason() -> None:
    """Every kind of statistics, totals and freezing mixed; charge summed here again, in extended precision."""
    rng = np.random.default_rng(7)
    solved = 0
    for _ in range(500):
        system = _random_any(rng)
        try:
            result = equilibrium(system)
        except EquilibriumError as error:
            assert str(error)
            continue
        solved += 1
        charges = [s.charge * s.per_cm3 for s in result.states]
        charges += [f.charge * f.concentration_per_cm3 for f in system.fixed_charges]
        charges += [result.holes_per_cm3, -result.electrons_per_cm3]
        size = math.fsum(map(abs, charges))
        assert abs(math.fsum(charges)) <= 5e-13 * size
        for pool, sites in system.pools.items():
            inside = sum(result.concentration_per_cm3(d.name) for d in system.defects if d.pool == pool)
            assert inside * 1e6 <= system.density_per_m3(sites) * (1.0 + 1e-9)
    assert solved > 350


def _random_any(rng: np.random.Generator) -> DefectSystem:
    system = _random_dilute(rng)
    defects = []
    for defect in system.defects:
        pool = f"p{rng.integers(2)}" if rng.random() < 0.3 else None
        sites = 12.0 if pool else defect.sites_per_cell
        total = defect.fixed_concentration_per_cm3
        defects.append(
            Defect(
                name=defect.name, sites_per_cell=sites, states=defect.states, pool=pool,
                fixed_concentration_per_cm3=total, frozen=bool(rng.random() < 0.7),
            )
        )  # fmt: skip
    kind = rng.integers(3)
    bands = (None, system.bands, EffectiveBands(band_gap_eV=2.0, conduction_per_cm3=1e19, valence_per_cm3=2e19))[kind]
    return system.replace(
        defects=tuple(defects),
        bands=bands,
        statistics="pool" if rng.random() < 0.4 else "dilute",
        frozen_at_K=1400.0 if rng.random() < 0.4 else None,
    )


@settings(max_examples=60)
@given(
    vacancy=st.floats(-1.0, 4.0), interstitial=st.floats(-1.0, 4.0), kelvin=st.floats(100.0, 2000.0),
    dopant=st.floats(10.0, 23.0), sign=st.sampled_from([-1, 1]),
)  # fmt: skip
def test_neutral_whatever_the_numbers(
    vacancy: float, interstitial: float, kelvin: float, dopant: float, sign: int
) -> None:
    fixed = FixedCharge(name="D", charge=sign, concentration_per_cm3=10.0**dopant)
    result = equilibrium(_frenkel(vacancy, interstitial, fixed_charges=(fixed,)), temperature_K=kelvin)
    charge = [s.charge * s.per_cm3 for s in result.states] + [sign * 10.0**dopant]
    assert abs(math.fsum(charge)) <= 1e-12 * math.fsum(map(abs, charge))
