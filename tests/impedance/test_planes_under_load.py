"""Planes of sites under a steady current: collocation by scipy, cores that get thinner, limits of small currents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_bvp

import spacecharge as sc
from spacecharge import constants as c

KELVIN = 400.0
VOLT = c.BOLTZMANN * KELVIN / c.ELEMENTARY_CHARGE
SITES, THETA, RELATIVE, DIFFUSIVITY, LENGTH = 2e25, 0.3, 30.0, 1e-13, 40e-9
SIGMA = c.ELEMENTARY_CHARGE * SITES * THETA * DIFFUSIVITY / VOLT
GRAIN: dict[str, Any] = {
    "thickness_nm": 1e9 * LENGTH, "permittivity": RELATIVE, "potential_V": 3.0, "site_density_per_nm3": 1e-27 * SITES,
    "occupancy": THETA, "diffusivity_m2_per_s": DIFFUSIVITY,
}  # fmt: skip
DENSITY, ENERGY, FIXED = 0.2, 0.05, 0.1
BULK = sc.End(kind="bulk")


def boundary(of: str = "left", energy: float = ENERGY, fixed: float = FIXED) -> sc.Stack:
    """Two equal grains with a plane whose fixed positive charge depletes both: back-to-back Schottky barriers."""
    sites = {
        "of": of, "density_per_nm2": DENSITY, "segregation_energy_eV": energy,
        "background": {"charge_e_per_nm2": fixed},
    }  # fmt: skip
    layers = [sc.Layer(name=name, **GRAIN) for name in ("left", "right")]
    return sc.Stack(layers, temperature_K=KELVIN, contacts=[sc.Contact(sites=sites)])


def share(theta_b: float, u: np.ndarray | float) -> np.ndarray:
    """Return the filled share of sites whose log-odds are those of theta_b plus u."""
    return np.asarray(1.0 / (1.0 + (1.0 - theta_b) / theta_b * np.exp(-np.asarray(u))))


def collocated(current: float, resistance: float = 0.0, side: int = 0) -> tuple[float, float, float]:
    """Return V, the plane's filled share and y on its left, by collocation of both grains at once.

    Unknowns of each grain over t in 0..1: y = (phi - v)/(kT/e), d = the displacement times LENGTH/(eps kT/e), V [kT/e].
    A resistance between the grains moves v, hence y: y_right = y_left + r J/(kT/e).
    """
    eps = RELATIVE * c.VACUUM_PERMITTIVITY
    charge = c.ELEMENTARY_CHARGE * SITES * LENGTH**2 / (eps * VOLT)
    drive = current * LENGTH / (SIGMA * VOLT)
    sheet = c.ELEMENTARY_CHARGE * 1e18 * LENGTH / (eps * VOLT)
    step = resistance * current / VOLT

    def slopes(_: np.ndarray, f: np.ndarray) -> np.ndarray:
        rows = []
        for i in (0, 3):
            theta = share(THETA, -f[i])
            loss = drive * THETA / theta
            rows += [f[i + 1] + loss, -charge * (theta - THETA), loss]
        return np.array(rows)

    def ends(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        y = float(b[0] if side == 0 else a[3])
        held = sheet * (FIXED + DENSITY * float(share(THETA, -ENERGY / VOLT - y)))
        return np.array([a[0], b[3], a[3] - b[0] - step, a[4] - b[1] + held, a[2], a[5] - b[2] - step])

    t = np.unique(np.concatenate([np.linspace(0.0, 1.0, 400), np.linspace(0.0, 0.1, 300), np.linspace(0.9, 1.0, 300)]))
    guess = np.zeros((6, t.size))
    guess[0], guess[3] = 5.0 * np.exp(-(1.0 - t) * 10.0), 5.0 * np.exp(-t * 10.0)
    whole = drive, step
    for part in np.linspace(0.0, 1.0, 9):
        drive, step = part * whole[0], part * whole[1]
        found = solve_bvp(slopes, ends, t, guess, tol=1e-6, max_nodes=20000)
        assert found.success, found.message
        t, guess = found.x, found.y
    at = found.y[0, -1] if side == 0 else found.y[3, 0]
    return float(found.y[5, -1] * VOLT), float(share(THETA, -ENERGY / VOLT - at)), float(found.y[0, -1])


@pytest.mark.parametrize("current", [-300.0, 10.0])
def test_against_collocation(current: float) -> None:
    state = sc.steady_state(boundary(), current_density=current, tolerance_V=1e-9)
    voltage, filled, _ = collocated(current)
    assert state.voltage == pytest.approx(voltage, rel=1e-6)
    assert state.scalars["plane_occupancy"][0] == pytest.approx(filled, rel=1e-6)


@pytest.mark.parametrize(("of", "side"), [("left", 0), ("right", 1)])
def test_beside_a_resistance(of: str, side: int) -> None:
    """The plane is level with its own side: a drop of v in the contact parts the two."""
    state = sc.steady_state(boundary(of), current_density=30.0, contact_resistance=[1e-3], tolerance_V=1e-9)
    voltage, filled, _ = collocated(30.0, 1e-3, side)
    assert state.voltage == pytest.approx(voltage, rel=1e-6)
    assert state.scalars["plane_occupancy"][0] == pytest.approx(filled, rel=1e-6)


def test_small_currents_meet_the_resistance_at_rest() -> None:
    """dV/dJ at J = 0 is the resistance of the boundary at rest, and of the grains, between ends of bulk."""
    rest = sc.solve(boundary().replace(left=BULK, right=BULK), tolerance_V=1e-9)
    state = sc.steady_state(boundary(), current_density=0.0, tolerance_V=1e-9)
    assert state.differential_resistance == pytest.approx(float(np.sum(sc.layer_resistance(rest))), rel=1e-9)
    through = float(np.sum(rest.scalars["grain_boundary_resistance"])) + 2.0 * LENGTH / SIGMA
    assert state.differential_resistance == pytest.approx(through, rel=1e-9)
    small = sc.steady_state(boundary(), current_density=1e-4, tolerance_V=1e-9)
    assert small.voltage == pytest.approx(1e-4 * state.differential_resistance, rel=1e-6)


def test_slopes_are_those_of_the_curve() -> None:
    """dV/dJ, exact, against differences; a symmetric boundary passes both ways alike."""
    j, h = 20.0, 0.01
    at = {x: sc.steady_state(boundary(), current_density=x, tolerance_V=1e-10) for x in (j - h, j, j + h, -j)}
    difference = (at[j + h].voltage - at[j - h].voltage) / (2.0 * h)
    assert at[j].differential_resistance == pytest.approx(difference, rel=1e-6)
    assert at[-j].voltage == pytest.approx(-at[j].voltage, rel=1e-9)
    given = sc.steady_state(boundary(), voltage_V=at[j].voltage, tolerance_V=1e-10)
    assert given.current_density == pytest.approx(j, rel=1e-7)


def cored(width: float) -> sc.Stack:
    """Sites and charge of a plane, which pull carriers out of the grains, spread over a core of a width [nm]."""
    core = sc.Layer(
        name="core", core_of="left", thickness_nm=width, permittivity=RELATIVE,
        site_density_per_nm3=DENSITY / width, segregation_energy_eV=-0.3, diffusivity_m2_per_s=DIFFUSIVITY,
        background_charge_e_per_nm3=-0.05 / width,
    )  # fmt: skip
    left, right = (sc.Layer(name=name, **GRAIN) for name in ("left", "right"))
    return sc.Stack([left, core, right], temperature_K=KELVIN)


@pytest.mark.parametrize("current", [30.0, -300.0])
def test_thin_cores_tend_to_the_plane(current: float) -> None:
    """Voltage and spectra about the current, at first order in the width."""
    plane = sc.steady_state(boundary("left", -0.3, -0.05), current_density=current, tolerance_V=1e-9)
    f = np.geomspace(1e2, 1e10, 9)
    z = sc.impedance(plane, f)
    missed = []
    for width in (0.02, 0.01):
        core = sc.steady_state(cored(width), current_density=current, tolerance_V=1e-8)
        missed.append((abs(core.voltage / plane.voltage - 1.0), np.abs(sc.impedance(core, f) / z - 1.0).max()))
    for first, second in zip(*missed, strict=True):
        assert second < 0.02
        assert first / second == pytest.approx(2.0, abs=0.3)


def test_spectra_about_a_current_end_at_its_slope_and_begin_at_rest() -> None:
    state = sc.steady_state(boundary(), current_density=20.0, tolerance_V=1e-9)
    assert sc.impedance(state, np.array([1e-6]))[0].real == pytest.approx(state.differential_resistance, rel=1e-7)
    f = np.geomspace(1e0, 1e11, 12)
    still = sc.impedance(sc.steady_state(boundary(), current_density=0.0, tolerance_V=1e-9), f)
    rest = sc.impedance(sc.solve(boundary().replace(left=BULK, right=BULK), tolerance_V=1e-9), f)
    assert np.abs(still / rest - 1.0).max() < 1e-7


@pytest.mark.parametrize(("exchanged", "current"), [(None, 2e4), (["Li"], 2e4), (["electrons"], 5e2)])
def test_two_components(exchanged: list[str] | None, current: float) -> None:
    """Thin cores tend to the plane of one of two components, which passes or keeps its amount, the plane included."""
    sites, energy = 1.5, -0.2
    ion = {"site_density_per_nm3": 2.0, "occupancy": 0.3, "diffusivity_m2_per_s": 1e-13}
    electrons = {
        "charge_number": -1, "site_density_per_nm3": 0.1, "occupancy": 0.2, "statistics": "dilute",
        "diffusivity_m2_per_s": 1e-12,
    }  # fmt: skip
    grain: dict[str, Any] = {
        "thickness_nm": 20.0, "permittivity": 30.0, "potential_V": 3.0, "species": {"Li": ion, "electrons": electrons},
    }  # fmt: skip
    left, right = (sc.Layer(name=name, **grain) for name in ("left", "right"))

    def voltage(layers: list[sc.Layer], *contacts: sc.Contact) -> float:
        stack = sc.Stack(layers, temperature_K=KELVIN, contacts=list(contacts))
        state = sc.steady_state(stack, current_density=current, components=exchanged, tolerance_V=1e-8)
        return float(state.voltage)

    held = {"species": "Li", "density_per_nm2": sites, "segregation_energy_eV": energy}
    target = voltage([left, right], sc.Contact(sites=held))
    missed = []
    for width in (0.02, 0.01):
        own = {
            "Li": {
                "site_density_per_nm3": sites / width, "segregation_energy_eV": energy, "diffusivity_m2_per_s": 1e-9,
            },
            "electrons": {"diffusivity_m2_per_s": 1e-9},
        }  # fmt: skip
        charge = -0.3 * sites / width + 0.02
        core = sc.Layer(
            name="core", core_of="left", thickness_nm=width, background_charge_e_per_nm3=charge, species=own
        )
        missed.append(abs(voltage([left, core, right]) / target - 1.0))
    assert missed[1] < 3e-3
    assert missed[0] / missed[1] == pytest.approx(2.0, abs=0.1)


PLANE_CONFIG: dict[str, Any] = {
    "temperature_K": KELVIN,
    "layers": {"left": GRAIN, "right": GRAIN},
    "contacts": [
        {
            "sites": {
                "of": "left", "density_per_nm2": DENSITY, "segregation_energy_eV": ENERGY,
                "background": {"charge_e_per_nm2": FIXED},
            }
        }
    ],
    "solver": {"tolerance_V": 1e-9},
}  # fmt: skip


def test_files_hold_the_boundary_in_the_state_with_current(tmp_path: Path) -> None:
    """Barrier, resistance, filling and charge of a row under a load are those of its state, against collocation."""
    config = sc.load_config(PLANE_CONFIG | {"sweep": {"load.current_density_mA_per_cm2": [0.0, 1.0]}})
    data = sc.open_results(sc.run_sweep(config, output=tmp_path / "out.h5", workers=1), units="SI")
    assert data.status.values.tolist() == [0, 0]
    _, filled, y = collocated(10.0)
    assert float(data.plane_occupancy[1, 0]) == pytest.approx(filled, rel=1e-6)
    charge = c.ELEMENTARY_CHARGE * 1e18 * (FIXED + DENSITY * filled)
    assert float(data.plane_charge[1, 0]) == pytest.approx(charge, rel=1e-8)
    assert float(data.barrier[1]) == pytest.approx(VOLT * y, rel=1e-6)
    through = data.layer_resistance[1].values.sum() - 2.0 * LENGTH / SIGMA
    assert float(data.grain_boundary_resistance[1]) == pytest.approx(through, rel=1e-9)
    # A law with the whole symmetry factor on one side passes its exchange current at most.
    law = {"charge_transfer": {"rate_constant_per_m2_s": 1e20, "symmetry_factor": 0.0}}
    limited = PLANE_CONFIG | {
        "contacts": [PLANE_CONFIG["contacts"][0] | law],
        "load": {"current_density_mA_per_cm2": 1e4},
    }
    failed = sc.open_results(sc.run_sweep(sc.load_config(limited), output=tmp_path / "failed.h5", workers=1))
    assert int(failed.status) == 1
    for name in ("plane_occupancy", "plane_charge", "barrier", "grain_boundary_resistance"):
        assert np.isnan(failed[name].values).all()


def test_no_activation_energy_of_the_state_at_rest_stands_beside_a_load(tmp_path: Path) -> None:
    axes = {"sweep": {"temperature_K": [390.0, 400.0]}}
    for load, there in (({}, True), ({"load": {"current_density_mA_per_cm2": 1.0}}, False)):
        config = sc.load_config(PLANE_CONFIG | axes | load)
        data = sc.open_results(sc.run_sweep(config, output=tmp_path / f"{there}.h5", workers=1))
        assert ("grain_boundary_activation_energy" in data) is there


def test_files_of_spectra_about_a_load_beside_planes(tmp_path: Path) -> None:
    """Spectra of a sweep end at dV/dJ and are those of their states; arcs do not stand there unless asked for."""
    spectra: dict[str, Any] = {"frequency_Hz": {"start": 1e-4, "stop": 1e10, "num": 12, "spacing": "log"}}
    keys = PLANE_CONFIG | {"sweep": {"load.current_density_mA_per_cm2": [0.0, 1.0]}}
    with pytest.raises(sc.ConfigError, match=r"contacts\.0\.sites: .* how a state with current relaxes"):
        sc.load_config(keys | {"impedance": spectra | {"arcs": True}})
    config = sc.load_config(keys | {"impedance": spectra})
    data = sc.open_results(sc.run_sweep(config, output=tmp_path / "out.h5", workers=1))
    assert "arc_resistance" not in data
    slow = data.impedance_real.values[:, 0]
    assert slow == pytest.approx(data.differential_resistance.values, rel=1e-7)
    state = sc.steady_state(config.stack, current_density=10.0, tolerance_V=1e-9)
    z = data.impedance_real.values[1] + 1j * data.impedance_imag.values[1]
    assert 1e-4 * z == pytest.approx(sc.impedance(state, data.frequency.values), rel=1e-9)


def random_plane(seed: int) -> tuple[sc.Stack, float, list[float]]:
    """Return two grains with a plane of sites between them, a current [A m-2] and resistances of the contact."""
    rng = np.random.default_rng(seed)
    species: dict[str, Any] = {
        "charge_number": float(rng.choice([-2, -1, 1, 2])),
        "occupancy": float(1.0 / (1.0 + np.exp(rng.uniform(-5.0, 5.0)))),
        "site_density_per_nm3": float(10.0 ** rng.uniform(-2.0, 1.5)), "diffusivity_m2_per_s": 1e-13,
    }  # fmt: skip
    grain = {
        "thickness_nm": float(10.0 ** rng.uniform(0.5, 2.0)), "permittivity": float(10.0 ** rng.uniform(0.7, 2.0)),
        "potential_V": 3.0, **species,
    }  # fmt: skip
    density = float(10.0 ** rng.uniform(-2.0, 1.0))
    sites: dict[str, Any] = {
        "of": str(rng.choice(["left", "right"])), "density_per_nm2": density,
        "segregation_energy_eV": float(rng.uniform(-0.4, 0.4)),
    }  # fmt: skip
    if rng.random() < 0.5:
        sites["background"] = {"charge_e_per_nm2": float(rng.uniform(-0.6, 0.6) * density)}
    kelvin = float(rng.uniform(300.0, 1000.0))
    layers = [sc.Layer(name=name, **grain) for name in ("left", "right")]
    stack = sc.Stack(layers, temperature_K=kelvin, contacts=[sc.Contact(sites=sites)])
    theta, z = species["occupancy"], species["charge_number"] * c.ELEMENTARY_CHARGE
    sigma = z**2 * 1e27 * species["site_density_per_nm3"] * theta * 1e-13 / (c.BOLTZMANN * kelvin)
    # Up to some twenty kT over the grains alone.
    scale = sigma * VOLT / (2e-9 * grain["thickness_nm"])
    current = float(rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-3.0, 1.3)) * scale
    resistance = [0.0] if rng.random() < 0.5 else [float(10.0 ** rng.uniform(-2.0, 0.0)) * VOLT / abs(current)]
    return stack, current, resistance


@pytest.mark.slow
def test_random_planes_under_a_load() -> None:
    """Solved, with V found again from its current and a spectrum that ends at dV/dJ; or refused with a reason."""
    solved = 0
    for seed in range(100):
        stack, current, resistance = random_plane(seed)
        state = sc.steady_state(
            stack, current_density=current, contact_resistance=resistance, tolerance_V=1e-9, throw=False
        )
        if not state.has_answer:
            assert state.message, seed
            continue
        solved += 1
        assert 0.0 <= state.scalars["plane_occupancy"][0] <= 1.0, seed
        assert current * state.voltage > 0.0, seed
        back = sc.steady_state(
            stack, voltage_V=state.voltage, contact_resistance=resistance, tolerance_V=1e-9, throw=False
        )
        assert back.has_answer, seed
        again = sc.steady_state(
            stack, current_density=back.current_density, contact_resistance=resistance, tolerance_V=1e-9
        )
        assert again.voltage == pytest.approx(state.voltage, rel=2e-9, abs=2e-9), seed
        slow = sc.impedance(state, np.array([1e-12]))[0].real
        assert slow == pytest.approx(state.differential_resistance, rel=1e-6), seed
    assert solved > 80
