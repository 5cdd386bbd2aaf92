"""Layers whose carriers follow from defects: published Poisson-Fermi-Dirac rows, levels, sensitivities, refusals."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import spacecharge as sc
from spacecharge import constants
from spacecharge.model import stack_parameters
from spacecharge.model.places import numeric_paths
from spacecharge.model.tangents import parameter_tangent

ROOT = Path(__file__).resolve().parents[2]
LLZO = ROOT / "configs" / "data" / "t-LLZO" / "defects.yaml"
K_EV = constants.BOLTZMANN / constants.ELEMENTARY_CHARGE

# Swift, Swift, Qi, Nat. Comput. Sci. 2021 (their code's inputs and outputs): phase, wall V, N cm-3, Ef0 eV, eps,
# charge e/nm2, static capacitance uF/cm2, thickness nm that holds the layer.
PFD = [
    ("LLZO", 1.621636, 3.27455e22, 0.01439, 50.0, -5.3271, 52.632, 60.0),
    ("Li2O(111)", 2.183321, 8.08106e22, 0.86013, 7.27, -2.9964, 21.989, 5e6),
    ("LiF", 1.9160630915, 5.98412e22, 0.9733510181, 9.0, -2.4425, 20.4241, 5e7),
]
ALPHA = 0.1


def pfd_defects(sites_per_cm3: float, energy_eV: float) -> dict[str, Any]:
    """Vacancies and interstitials that saturate at alpha N, w = exp(-Ef0/kT)/alpha each at the neutral level."""
    per_cell = ALPHA * sites_per_cm3 * 1e-22
    shift = 1.3
    return {
        "cell_volume_A3": 100.0,
        "statistics": "pool",
        "species": {
            name: {
                "sites_per_cell": per_cell,
                "states": [{"charge": q, "formation_energy_eV": energy_eV - q * shift, "degeneracy": 1.0 / ALPHA}],
            }
            for name, q in (("v_Li", -1), ("Li_i", 1))
        },
    }


@pytest.mark.parametrize("row", PFD, ids=[row[0] for row in PFD])
def test_poisson_fermi_dirac_from_formation_energies(row: tuple[Any, ...]) -> None:
    _, wall, sites, energy, permittivity, charge, capacitance, thickness = row
    layer = sc.Layer(
        name="electrolyte", thickness_nm=thickness, permittivity=permittivity, potential_V=0.0,
        defects=pfd_defects(sites, energy),
    )  # fmt: skip
    stack = sc.Stack(
        [layer],
        temperature_K=300.0,
        left=sc.End(kind="electrostatic_potential_V", value=wall),
        right=sc.End(kind="bulk"),
    )
    p = stack_parameters(stack)
    # The neutral level is where both formation energies are equal, whatever they are counted from.
    assert p.fermi_level[0, 0] == pytest.approx(1.3, abs=1e-12)
    solution = sc.solve(stack, tolerance_V=1e-9)
    per_nm2 = float(sc.charge(solution)[0]) / constants.ELEMENTARY_CHARGE * 1e-18
    # The published code counts the field at the wall: all the charge of a layer that ends in its bulk.
    assert per_nm2 == pytest.approx(charge, abs=6e-5)
    # One unit of the last digit printed.
    assert float(sc.static_capacitance(solution)[0]) * 100.0 == pytest.approx(capacitance, rel=2.6e-5)
    assert per_nm2 == pytest.approx(-wall_charge_per_nm2(wall, sites, energy, permittivity), rel=2e-8)


def wall_charge_per_nm2(wall: float, sites_per_cm3: float, energy_eV: float, permittivity: float) -> float:
    """First integral as the published code has it: f'^2 = 2 {ln[(e^f + B)/(1 + B)] + ln[(e^-f + B)/(1 + B)]}."""
    kt = K_EV * 300.0
    f, b = wall / kt, ALPHA * math.exp(energy_eV / kt)
    slope = math.sqrt(2.0 * (f + math.log1p(b * math.exp(-f)) + math.log(math.exp(-f) + b) - 2.0 * math.log1p(b)))
    unit = constants.VACUUM_PERMITTIVITY * permittivity * kt / constants.ELEMENTARY_CHARGE
    return slope * math.sqrt(unit * ALPHA * sites_per_cm3 * 1e6) * 1e-18


def llzo(**changes: Any) -> sc.Layer:
    keys: dict[str, Any] = {
        "name": "llzo", "thickness_nm": 40.0, "permittivity": 50.0, "potential_V": 2.0,
        "defects": {"path": str(LLZO), "frozen_at_K": 1500.0},
        "species": {"v_Li": {"diffusivity_m2_per_s": 1e-14}, "Li_i": {"diffusivity_m2_per_s": 3e-14}},
    }  # fmt: skip
    return sc.Layer(**(keys | changes))


def test_frozen_llzo_has_its_nanometre() -> None:
    """Vacancies and interstitials of t-LLZO, frozen at 1500 K: Debye length 1.1 nm, from the sites' own numbers."""
    p = stack_parameters(sc.Stack([llzo()], temperature_K=300.0))
    density = (p.site_density * p.bulk_occupancy)[0, 0]
    names = p.species_names
    assert density[list(names).index("Li_i")] == pytest.approx(3.244e25, rel=1e-3)
    solution = sc.solve(sc.Stack([llzo()], temperature_K=300.0))
    assert float(sc.debye_length(solution)[0]) == pytest.approx(1.0623e-9, rel=1e-4)
    sigma = p.partial_conductivity[0, 0]
    kt = constants.BOLTZMANN * 300.0
    expected = constants.ELEMENTARY_CHARGE**2 * 3.2440755e25 * 3e-14 / kt
    assert sigma[list(names).index("Li_i")] == pytest.approx(expected, rel=1e-6)


def test_what_rests_and_exchanges_electrons_re_equilibrates_as_a_two_state_lattice() -> None:
    """Ti4+/Ti3+ of 1e21 cm-3 beside mobile ions: a species of charge 1 on that many sites, half full at its level."""
    data = {
        "cell_volume_A3": 100.0,
        "fixed_charges": {"A": {"charge": -1, "concentration_per_cm3": 0.5e21}},
        "mobile": ["v_Li", "Li_i"],
        "redox": "Ti",
        "species": {
            "Ti": {
                "sites_per_cell": 1, "fixed_concentration_per_cm3": 1e21,
                "states": [{"charge": 1, "formation_energy_eV": 0.0}, {"charge": 0, "formation_energy_eV": 2.2}],
            },
            "v_Li": {"sites_per_cell": 1, "states": [{"charge": -1, "formation_energy_eV": 3.1}]},
            "Li_i": {"sites_per_cell": 1, "states": [{"charge": 1, "formation_energy_eV": -1.3}]},
        },
    }  # fmt: skip
    layer = sc.Layer(name="a", thickness_nm=20.0, permittivity=20.0, potential_V=2.0, defects=data)
    p = stack_parameters(sc.Stack([layer], temperature_K=300.0))
    names = list(p.species_names)
    assert names == ["Ti+1", "v_Li", "Li_i"]
    assert p.site_density[0, 0, 0] == pytest.approx(1e27, rel=1e-12)
    assert p.bulk_occupancy[0, 0, 0] == pytest.approx(0.5, abs=1e-9)
    assert p.charge_number[0, 0, 0] == 1.0


def test_bands_align_where_both_layers_know_them() -> None:
    """phi_a - phi_b = U_a - U_b + [(E_F - I)_a - (E_F - I)_b]/e; with one of them only, the difference of U."""
    a = pfd_defects(3e22, 0.3)
    b = pfd_defects(1e22, 0.2)

    def step(left: float | None, right: float | None) -> float:
        common = {"thickness_nm": 50.0, "permittivity": 20.0}
        layers = [
            sc.Layer(name="a", potential_V=2.4, defects=a, ionisation_potential_eV=left, **common),
            sc.Layer(name="b", potential_V=3.0, defects=b, ionisation_potential_eV=right, **common),
        ]
        return float(stack_parameters(sc.Stack(layers)).contact_step[0, 0])

    assert step(None, None) == pytest.approx(-0.6)
    assert step(6.0, None) == pytest.approx(-0.6)
    # Both Fermi levels lie 1.3 eV above their band edge.
    assert step(6.0, 5.5) == pytest.approx(-0.6 + (1.3 - 6.0) - (1.3 - 5.5))


def test_electrons_and_holes_follow_the_potential_as_their_product_does_not() -> None:
    """n p = n_i^2 at every node of a solved layer, and E_F is flat: ln n + phi/kT is one number."""
    data = pfd_defects(3e20, 0.35) | {
        "electrons": {"band_gap_eV": 2.6, "conduction_per_cm3": 2e19, "valence_per_cm3": 1e19},
        "electronic_carriers": True,
    }
    layer = sc.Layer(name="a", thickness_nm=60.0, permittivity=20.0, potential_V=2.0, defects=data)
    stack = sc.Stack(
        [layer],
        temperature_K=300.0,
        left=sc.End(kind="electrostatic_potential_V", value=0.4),
        right=sc.End(kind="bulk"),
    )
    solution = sc.solve(stack, tolerance_V=1e-9)
    p = stack_parameters(stack)
    profile = solution.layers[0]
    density = p.site_density[0, 0][:, None] * np.asarray(profile.occupancy).reshape(p.n_species, -1)
    names = list(p.species_names)
    n, h = density[names.index("electrons")], density[names.index("holes")]
    intrinsic = math.log(2e25) + math.log(1e25) - 2.6 / (K_EV * 300.0)
    assert np.abs(np.log(n) + np.log(h) - intrinsic).max() < 1e-11
    level = np.log(n) - np.asarray(profile.potential) / (K_EV * 300.0)
    assert np.ptp(level) < 1e-10


def test_without_electronic_carriers_nothing_is_added() -> None:
    with_bands = pfd_defects(3e20, 0.35) | {
        "electrons": {"band_gap_eV": 2.6, "conduction_per_cm3": 2e19, "valence_per_cm3": 1e19}
    }
    layer = sc.Layer(name="a", thickness_nm=60.0, permittivity=20.0, potential_V=2.0, defects=with_bands)
    assert layer.species_names == ("v_Li", "Li_i")


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"defects": {"path": "missing.csv", "cell_volume_A3": 1}}, "", "no such file"),
        ({"defects": {"path": str(LLZO), "mobile": ["v_Na"]}}, "llzo.defects.v_Na", "no such defect"),
        ({"defects": {"path": str(LLZO), "mobile": "all"}}, "llzo.defects.mobile", "more than a layer may have"),
        ({"occupancy": 0.3}, "llzo.occupancy", "stands beside"),
        ({"species": {"v_Na": {}}}, "llzo.species.v_Na", "no such species"),
        ({"species": {"v_Li": {"occupancy": 0.2}}}, "llzo.species.v_Li.occupancy", "the defects say it"),
        ({"background_charge_e_per_nm3": 1.0}, "llzo.background_charge_e_per_nm3", "belongs to a core"),
        ({"defects": None, "species": None, "ionisation_potential_eV": 6.0, "occupancy": 0.5,
          "site_density_per_nm3": 3.0}, "llzo.ionisation_potential_eV", "needs defects"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(sc.SpaceChargeError, match=words) as error:
        llzo(**changes)
    assert not path or error.value.path == path  # type: ignore[attr-defined]  # a ModelError


def test_a_layer_that_cannot_be_neutral_is_named_by_its_defects() -> None:
    data = {
        "cell_volume_A3": 100.0,
        "fixed_charges": {"D": {"charge": 1, "concentration_per_cm3": 1e19}},
        "species": {"h": {"sites_per_cell": 1, "states": [{"charge": 1, "formation_energy_eV": 1.0}]}},
    }
    layer = sc.Layer(name="b", thickness_nm=20.0, permittivity=20.0, potential_V=2.0, defects=data)
    with pytest.raises(sc.ModelError, match=r"^b\.defects: no Fermi level makes it neutral at") as error:
        stack_parameters(sc.Stack([layer]))
    assert error.value.path == "b.defects"


def test_a_sweep_moves_the_equilibrium_and_marks_what_has_none() -> None:
    layer = llzo(defects={"path": str(LLZO), "cell_volume_A3": 1056.622886})
    stack = sc.Stack([layer])
    p = stack_parameters(stack, {"temperature_K": np.array([300.0, 1500.0])})
    density = (p.site_density * p.bulk_occupancy)[:, 0, list(p.species_names).index("Li_i")]
    assert density == pytest.approx([4.3902e18, 3.244e25], rel=1e-3)
    p = stack_parameters(stack, {"llzo.defects.cell_volume_A3": np.array([1056.622886, -1.0])})
    assert p.invalid.tolist() == [False, True]
    assert "out of range" in p.reasons[0]


@pytest.mark.parametrize("path", ["temperature_K", "llzo.defects.frozen_at_K", "llzo.permittivity", "llzo.potential_V"])
def test_derivatives_of_the_bulk_are_those_of_differences(path: str) -> None:
    """Against a coarser rule of another order, on the logarithm of what is held."""
    # Where everything is frozen, the Fermi level hangs on traces, and its last digits are rounding.
    frozen = {"frozen_at_K": 1500.0} if "frozen" in path else {}
    stack = sc.Stack([llzo(defects={"path": str(LLZO), **frozen})], temperature_K=400.0)
    assert path in numeric_paths(stack)
    _, tangent = parameter_tangent(stack, path)
    value = {"temperature_K": 400.0, "llzo.defects.frozen_at_K": 1500.0}.get(path, 50.0 if "perm" in path else 2.0)
    step = value * 1e-5
    high, low = (stack_parameters(stack, {path: [value + s * step]}) for s in (1.0, -1.0))
    for name in ("bulk_occupancy", "site_density", "fermi_level", "permittivity", "potential"):
        rough = (getattr(high, name) - getattr(low, name)) / (2.0 * step)
        scale = np.abs(getattr(high, name)).max() / value
        assert getattr(tangent, name) == pytest.approx(rough, rel=2e-4, abs=1e-8 * scale), name


def test_several_charged_states_share_their_pool_in_a_layer() -> None:
    """c_q = N g w_q/(1 + sum g w) at every potential: the layer's weights against those of the formation energies."""
    data = pfd_defects(3e22, 0.35)
    data["species"]["v_Li"]["states"].append({"charge": -2, "formation_energy_eV": 3.1, "degeneracy": 3.0})
    layer = sc.Layer(name="a", thickness_nm=3000.0, permittivity=20.0, potential_V=2.0, defects=data)
    left = sc.End(kind="electrostatic_potential_V", value=-0.9)
    stack = sc.Stack([layer], temperature_K=300.0, left=left, right=sc.End(kind="bulk"))
    p = stack_parameters(stack)
    assert list(p.species_names) == ["v_Li-1", "v_Li-2", "Li_i"]
    assert [sc.model.Statistics(int(law)).name for law in p.statistics[0]] == ["POOL", "POOL", "LATTICE"]
    solution = sc.solve(stack, tolerance_V=1e-9)
    occupancy = sc.contact_occupancy(solution)[0, 1]
    energies = {-1.0: (0.35 + 1.3, 10.0), -2.0: (3.1, 3.0)}
    level = float(p.fermi_level[0, 0]) - 0.9
    weights = {q: g * math.exp(-(e + q * level) / (K_EV * 300.0)) for q, (e, g) in energies.items()}
    total = 1.0 + sum(weights.values())
    assert occupancy[:2] == pytest.approx([w / total for w in weights.values()], rel=1e-9)
    assert sc.contact_vacancy(solution)[0, 1, :2] == pytest.approx(1.0 / total, rel=1e-9)
    (exact,) = sc.analytic.first_integral(stack)
    assert float(sc.charge(solution)[0]) == pytest.approx(-exact.charge_left, rel=1e-8)
    assert occupancy == pytest.approx(exact.contact_occupancy[1], rel=1e-9)


def test_three_states_of_a_defect_at_rest_are_a_pool_over_its_lowest() -> None:
    """Ti4+/Ti3+/Ti2+ on 1e21 cm-3: two species on as many sites, what is left of them is the lowest state."""
    data = {
        "cell_volume_A3": 100.0,
        "fixed_charges": {"A": {"charge": -1, "concentration_per_cm3": 0.9e21}},
        "mobile": ["v_Li", "Li_i"], "redox": "Ti",
        "species": {
            "Ti": {
                "sites_per_cell": 1, "fixed_concentration_per_cm3": 1e21,
                "states": [
                    {"charge": 2, "formation_energy_eV": 0.0}, {"charge": 1, "formation_energy_eV": 2.2},
                    {"charge": 0, "formation_energy_eV": 4.45},
                ],
            },
            "v_Li": {"sites_per_cell": 1, "states": [{"charge": -1, "formation_energy_eV": 3.1}]},
            "Li_i": {"sites_per_cell": 1, "states": [{"charge": 1, "formation_energy_eV": -1.3}]},
        },
    }  # fmt: skip
    layer = sc.Layer(name="a", thickness_nm=20.0, permittivity=20.0, potential_V=2.0, defects=data)
    p = stack_parameters(sc.Stack([layer], temperature_K=300.0))
    assert list(p.species_names)[:2] == ["Ti+2", "Ti+1"]
    assert p.charge_number[0, 0, :2].tolist() == [2.0, 1.0]
    level = float(p.fermi_level[0, 0])
    weights = [math.exp(-(e + q * level) / (K_EV * 300.0)) for q, e in ((2.0, 0.0), (1.0, 2.2), (0.0, 4.45))]
    assert p.bulk_occupancy[0, 0, :2] == pytest.approx([w / sum(weights) for w in weights[:2]], rel=1e-9)
    assert p.bulk_vacancy[0, 0, :2] == pytest.approx(weights[2] / sum(weights), rel=1e-9)
    assert p.site_density[0, 0, :2] == pytest.approx(1e27, rel=1e-12)
    assert sc.solve(sc.Stack([layer, layer.replace(name="b", potential_V=2.3)], temperature_K=300.0)).status == 0


def doped(donors_per_cm3: float, law: str, **carriers: float) -> dict[str, Any]:
    return {
        "cell_volume_A3": 100.0, "electronic_carriers": True, "mobile": ["v_Li"],
        "fixed_charges": {"D": {"charge": 1, "concentration_per_cm3": donors_per_cm3}},
        "electrons": {
            "band_gap_eV": 1.2, "conduction_per_cm3": 2e19, "valence_per_cm3": 1e19, "carrier_statistics": law,
            **carriers,
        },
        "species": {"v_Li": {"sites_per_cell": 1, "states": [{"charge": -1, "formation_energy_eV": 3.0}]}},
    }  # fmt: skip


def test_degenerate_electrons_fill_their_band_by_fermi_and_dirac() -> None:
    """n = N_c F_1/2 of its level, n p < n_i^2; far below N_c the answer is Boltzmann's to 1e-9."""
    from spacecharge.defects import equilibrium

    volt = K_EV * 300.0
    keys = {"thickness_nm": 60.0, "permittivity": 20.0, "potential_V": 2.0}
    for donors, degenerate in ((1e20, True), (1e9, False)):
        fermi, boltzmann = (
            stack_parameters(sc.Stack([sc.Layer(name="a", defects=doped(donors, law), **keys)], temperature_K=300.0))
            if not (degenerate and law == "boltzmann") else None
            for law in ("fermi_dirac", "boltzmann")
        )  # fmt: skip
        assert fermi is not None
        eta = (float(fermi.fermi_level[0, 0]) - 1.2) / volt
        n = float(fermi.bulk_occupancy[0, 0, 1])
        exact = float(-mp.polylog(mp.mpf(3) / 2, -mp.exp(eta)).real)
        assert n == pytest.approx(exact, rel=1e-10)
        product = n * float(fermi.bulk_occupancy[0, 0, 2]) / math.exp(-1.2 / volt)
        if degenerate:
            assert n == pytest.approx(5.0, rel=1e-6) and product < 0.5
            assert sc.model.Statistics(int(fermi.statistics[0, 1])).name == "FERMI_DIRAC"
        else:
            assert product == pytest.approx(1.0, rel=1e-9)
            assert boltzmann is not None
            assert fermi.fermi_level[0, 0] == pytest.approx(boltzmann.fermi_level[0, 0], rel=1e-10)
            density = [float((q.site_density * q.bulk_occupancy)[0, 0, 1]) for q in (fermi, boltzmann)]
            assert density[0] == pytest.approx(density[1], rel=1e-9)
    with pytest.raises(sc.ModelError, match="carrier_statistics: fermi_dirac"):
        stack_parameters(sc.Stack([sc.Layer(name="a", defects=doped(1e20, "boltzmann"), **keys)], temperature_K=300.0))
    notes = equilibrium(sc.Layer(name="a", defects=doped(1e20, "boltzmann"), **keys).defects.system).notes
    assert any("electrons fill 5" in note for note in notes)


def test_degenerate_layer_solves_and_its_levels_are_flat() -> None:
    keys = {"thickness_nm": 60.0, "permittivity": 20.0}
    layers = [
        sc.Layer(name=name, potential_V=u, defects=doped(1e20, "fermi_dirac"), **keys)
        for name, u in (("a", 2.0), ("b", 2.2))
    ]
    solution = sc.solve(sc.Stack(layers, temperature_K=300.0), tolerance_V=1e-8)
    volt = K_EV * 300.0
    # What the profile holds, read back as a level: that of the bulk at every node.
    for i, layer in enumerate(solution.layers):
        p = solution.parameters
        v = layer.potential - (p.potential[0, i] - p.potential[0, 1])
        for at in range(0, len(v), 40):
            eta = (float(p.fermi_level[0, i]) - 1.2 + v[at]) / volt
            assert layer.occupancy[1, at] == pytest.approx(
                float(-mp.polylog(mp.mpf(3) / 2, -mp.exp(eta)).real), rel=1e-8
            )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"carrier_statistics": "bose"}, "'bose' is not known .allowed: boltzmann, fermi_dirac"),
        ({"carrier_statistics": 3}, "a text is needed"),
    ],
)
def test_broken_carrier_statistics_is_one_line(change: dict[str, Any], words: str) -> None:
    data = doped(1e18, "boltzmann")
    data["electrons"] |= change
    with pytest.raises((sc.ModelError, sc.ConfigError), match=words):
        sc.Layer(name="a", defects=data, thickness_nm=60.0, permittivity=20.0, potential_V=2.0)
    data = doped(1e18, "boltzmann")
    data["electrons"] = {"carrier_statistics": "fermi_dirac"}
    with pytest.raises((sc.ModelError, sc.ConfigError), match="belongs to effective densities of states"):
        sc.Layer(name="a", defects=data, thickness_nm=60.0, permittivity=20.0, potential_V=2.0)


def test_vacancies_and_interstitials_may_be_one_component() -> None:
    species = {name: {"diffusivity_m2_per_s": 1e-14, "component": "Li"} for name in ("v_Li", "Li_i")}
    assert llzo(species=species).species_items()[0][1]["component"] == "Li"
