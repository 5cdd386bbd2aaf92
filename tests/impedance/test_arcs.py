"""Arcs: RC elements that are known, where they sit, and how they move with the temperature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.solver.arcs import arcs_of, place_names

from .cases import CM2, homogeneous, mixed_layer, pair

ELECTRONS = {"reversible": ["electrons"]}


def elements(times: Any, strengths: Any) -> sc.RelaxationTimes:
    """RC elements that stand in no stack, each at a place of its own."""
    n = len(times)
    return sc.RelaxationTimes(
        np.array(times, dtype=float),
        np.array(strengths, dtype=float),
        np.inf,
        {f"p{k}": "" for k in range(n)},
        np.eye(n),
    )


def test_equal_elements_are_two_arcs_beyond_5_8() -> None:
    """The sum of two equal Debye peaks has one maximum up to a ratio of (1 + sqrt 2)^2 = 5.828 of their times."""
    assert len(arcs_of(elements([5.7, 1.0], [1.0, 1.0]))) == 1
    # At 12 the dip is deeper than a hundredth.
    two = arcs_of(elements([12.0, 1.0], [1.0, 1.0]))
    assert len(two) == 2
    assert [arc.place for arc in two] == ["p0", "p1"]


def test_elements_apart_are_read_off() -> None:
    times, strengths = [1e2, 1e-3, 1e-7], [1.0, 20.0, 0.3]
    arcs = arcs_of(elements(times, strengths))
    assert [arc.resistance for arc in arcs] == pytest.approx(strengths, rel=1e-14)
    assert [arc.frequency for arc in arcs] == pytest.approx(1.0 / (2.0 * np.pi * np.array(times)), rel=1e-12)
    assert [arc.capacitance for arc in arcs] == pytest.approx(np.array(times) / strengths, rel=1e-12)
    # A weak element on the flank of a strong one makes no maximum.
    assert len(arcs_of(elements([1.0, 1e-2], [1.0, 1e-4]))) == 1


def test_negative_elements_and_pairs_of_one_arc_count_by_their_sum() -> None:
    """Around 1 s a negative element beside a stronger one, around 1e-6 s a pair of complex times."""
    times, strengths = np.array([1.2, 1.0, 1e-6 * (1 + 0.3j), 1e-6 * (1 - 0.3j)]), np.array([3.0, -1.0, 2.0, 2.0])
    found = arcs_of(sc.RelaxationTimes(times, strengths, np.inf, {"p": ""}, np.ones((4, 1), dtype=complex)))
    assert [arc.resistance for arc in found] == pytest.approx([2.0, 4.0])
    for arc, members in zip(found, (slice(0, 2), slice(2, 4)), strict=True):
        omega = 2.0 * np.pi * arc.frequency * np.linspace(0.9, 1.1, 20001)
        z = (strengths[members] / (1.0 + 1j * omega[:, None] * times[members])).sum(axis=1)
        assert omega[np.argmin(z.imag)] / (2.0 * np.pi) == pytest.approx(arc.frequency, rel=2e-5)
        assert arc.share == pytest.approx(1.0)


def test_an_inductive_loop_is_no_arc() -> None:
    """A negative element of its own: -Im Z is below 0 around its frequency, which the message gives."""
    with pytest.raises(sc.ModelError, match="inductive loop") as caught:
        arcs_of(elements([10.0, 1e-3], [-0.5, 1.0]))
    told = float(str(caught.value).split("below 0, at ")[1].split(" Hz")[0])
    assert told == pytest.approx(1.0 / (2.0 * np.pi * 10.0), rel=0.05)


def biased_contact(step: float, rate: float) -> tuple[float, float]:
    """j and the charge of the left layer of LixV2O5 | LAGP without interaction, thick and level in themselves.

    `step`: phi of the left bulk minus that of the right one [V], of which 0.4 V are at rest. The first integral gives
    the displacement at each face, (eps phi')^2 = 2 eps kT N int (theta_b - theta) dy; both are equal.
    """
    from scipy.optimize import brentq

    from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY

    e, kt, eps = ELEMENTARY_CHARGE, BOLTZMANN * 298.15, 15.0 * VACUUM_PERMITTIVITY
    sites, bulk = np.array([22.4e27, 19.7e27]), np.array([11.16 * 0.2 / 22.4, 7.4 / 19.7])
    odds = np.log(bulk / (1.0 - bulk))

    def displaced(y: float, i: int) -> float:
        # int_0^y (theta_b - theta) dy, theta = 1/(1 + exp(y - odds)); signed root.
        work = bulk[i] * y + np.logaddexp(0.0, odds[i] - y) - np.logaddexp(0.0, odds[i])
        return float(np.sign(y) * np.sqrt(2.0 * eps * kt * sites[i] * max(work, 0.0)))

    total = step * e / kt
    left = brentq(lambda y: displaced(y, 0) + displaced(y + total, 1), -abs(total), abs(total), xtol=1e-14)
    theta = 1.0 / (1.0 + np.exp(np.array([left, left + total]) - odds))
    exchange = e * rate * np.sqrt(theta[0] * (1 - theta[0]) * theta[1] * (1 - theta[1]))
    return exchange * 2.0 * np.sinh(0.5 * (step - 0.4) * e / kt), displaced(left, 0)


@pytest.mark.parametrize("eta", [-0.1, -0.03, 0.05])
def test_arc_of_a_contact_under_bias(eta: float) -> None:
    """D -> inf: d eta/dj beside dQ/d eta, both from the first integral; by a bias and by a load."""
    rate, h = 1.9847733e20, 1e-4
    (low, below), (high, above) = (biased_contact(0.4 + eta + sign * h, rate) for sign in (-1, 1))
    (lower, _), (higher, _) = (biased_contact(0.4 + eta + 2 * sign * h, rate) for sign in (-1, 1))
    resistance = 12.0 * h / (8.0 * (high - low) - (higher - lower))
    capacitance = abs(above - below) / (2.0 * h)
    base = pair(thickness=30.0, energy=0.0)
    fast = base.replace(layers=tuple(layer.replace(diffusivity_m2_per_s=1e-3) for layer in base.layers))
    law = sc.ChargeTransfer(rate_constant=rate)
    # Errors are 3e-10 and 2e-8 here; each digit less of the tolerance is twice the time for the eigenvalues.
    biased = sc.solve(fast.replace(contacts=(sc.Contact(bias_V=eta),)), tolerance_V=1e-6)
    loaded = sc.steady_state(fast, voltage_V=eta, charge_transfer=law, tolerance_V=1e-6)
    for arc in (sc.impedance_arcs(biased, charge_transfer=law)[0], sc.impedance_arcs(loaded)[0]):
        assert arc.resistance == pytest.approx(resistance, rel=1e-6)
        assert arc.capacitance == pytest.approx(capacitance, rel=1e-5)
        assert arc.place == "electrode|electrolyte"
        assert arc.share == pytest.approx(1.0, abs=1e-6)


def test_arcs_about_a_current_add_up_to_the_slope_of_its_curve() -> None:
    stack, law, h = pair(thickness=10.0), sc.ChargeTransfer(rate_constant=1.9847733e20), 0.02
    state = sc.steady_state(stack, current_density=-40.0, charge_transfer=law, tolerance_V=1e-9)
    contact, electrode = sc.impedance_arcs(state)
    assert (contact.place, electrode.place) == ("electrode|electrolyte", "electrode")
    below, above = (
        sc.steady_state(stack, current_density=-40.0 + sign * h, charge_transfer=law, tolerance_V=1e-10)
        for sign in (-1, 1)
    )
    assert contact.resistance + electrode.resistance == pytest.approx(
        (above.voltage - below.voltage) / (2.0 * h), rel=1e-5
    )
    # Butler and Volmer, eta = 2 (kT/e) arsinh(j/2 i0), with the exchange current that is there and moves with j; what
    # the layer at the contact takes besides is 0.35 %.
    current, volt = -40.0, 0.0256926
    exchange = float(state.exchange_current_density[0])
    moves = float(above.exchange_current_density[0] - below.exchange_current_density[0]) / (2.0 * h)
    slope = 2.0 * volt / np.hypot(1.0, current / (2.0 * exchange))
    slope *= (1.0 - current * moves / exchange) / (2.0 * exchange)
    assert contact.resistance == pytest.approx(slope, rel=0.01)


def test_contact_and_electrode() -> None:
    solution = sc.solve(pair())
    contact, electrode = sc.impedance_arcs(solution, contact_resistance=[272.0 * CM2])
    assert (contact.place, electrode.place) == ("electrode|electrolyte", "electrode")
    assert contact.resistance == pytest.approx(272.0 * CM2, rel=1e-3)
    assert contact.capacitance == pytest.approx(float(solution.differential_capacitance[0]), rel=2e-3)
    # The electrode beside its own permittivity, L/sigma and eps/L; the thin layers at its face count a little.
    assert electrode.resistance == pytest.approx(float(solution.layer_resistance[0]), rel=0.01)
    assert electrode.capacitance == pytest.approx(15.0 * 8.8541878e-12 / 30e-9, rel=0.01)
    assert contact.power.sum() == pytest.approx(1.0)


def test_a_chain_of_diffusion_is_one_arc() -> None:
    """tanh(p)/p: -Im Z has its top at w L^2/D = 2.5406 (Z = 1/sqrt(i w) tanh sqrt(i w), p^2 = i w L^2/4D)."""
    stack, sigma, capacity = mixed_layer(1e4)
    slow, fast = sc.impedance_arcs(sc.solve(stack), ends={"left": ELECTRONS, "right": ELECTRONS})
    d = 0.5 * sigma[0] * (2.0 / capacity[0])
    x = np.linspace(2.4, 2.7, 30001)
    root = np.sqrt(1j * x)
    top = x[np.argmax(-(np.tanh(root) / root).imag)]
    assert slow.frequency == pytest.approx(top * 4.0 * d / 1e-5**2 / (2.0 * np.pi), rel=1e-4)
    assert slow.resistance == pytest.approx(1e-5 / sigma[1] - 1e-5 / sigma.sum(), rel=1e-3)
    assert (slow.place, fast.place) == ("mixed", "mixed")


def test_plates_on_a_conductor_show_its_dielectric_arc() -> None:
    stack, sigma, eps, _, length = homogeneous(1e4)
    (arc,) = sc.impedance_arcs(sc.solve(stack), ends="blocking")
    assert arc.frequency == pytest.approx(sigma / eps / (2.0 * np.pi), rel=1e-3)
    assert arc.resistance == pytest.approx(length / sigma, rel=1e-3)
    assert place_names(sc.solve(stack).parameters) == ("only", "all of only", "several places")


LAYERS = {
    "electrode": {
        "material": "LixV2O5", "potential_V": 3.4, "thickness_nm": 10,
        "diffusivity_m2_per_s": {"value": 1.79e-15, "at_K": 298.15, "activation_energy_eV": 0.42},
    },
    "electrolyte": {"material": "LAGP", "thickness_nm": 10},
}  # fmt: skip
CONFIG = {
    "layers": LAYERS,
    "contacts": [{"charge_transfer": {"rate_constant_per_m2_s": 1.9847733e20, "activation_energy_eV": 0.315}}],
    "impedance": {"frequency_Hz": [1.0, 1e6], "arcs": True},
    "sweep": {"temperature_K": [280.0, 298.15, 330.0]},
}

SPECTRUM = {"frequency_Hz": {"start": 1.0, "stop": 1e9, "num": 10, "spacing": "log"}}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("arcs") / "out.h5"
    sc.run_sweep(sc.load_config(CONFIG), output=path, workers=1)
    return path


def test_arcs_of_a_sweep_over_the_temperature(swept: Path) -> None:
    data = sc.open_results(swept, units="SI")
    assert data.arc_resistance.dims == ("temperature", "arc")
    names = data.arc_place.attrs["names"]
    assert [names[k] for k in data.arc_place.values[1, :2]] == ["electrode|electrolyte", "electrode"]
    # R_ct/T is k/(|z| e i0): the slope that the derivatives of the solve have for i0.
    energy = data.arc_activation_energy.values[:, 0]
    assert energy == pytest.approx(data.apparent_activation_energy.values[:, 0], abs=2e-5)
    # Nernst and Einstein: R/T of a layer goes as 1/D; a hundredth of the arc is dissipated elsewhere.
    assert data.arc_activation_energy.values[:, 1] == pytest.approx(0.42, abs=5e-3)
    # All points: the ends of the axis against the middle, as one would from a table.
    r, t = data.arc_resistance.values[:, 1], data.temperature.values
    slope = np.log(r[0] / t[0] / (r[2] / t[2])) / (1.0 / t[0] - 1.0 / t[2]) * 8.617333e-5
    assert slope == pytest.approx(0.42, abs=5e-3)
    assert np.isnan(data.arc_resistance.values[:, 2:]).all()
    total = np.nansum(data.relaxation_strength.values, axis=1)
    assert total == pytest.approx(data.dc_resistance.values, rel=1e-5)


def test_arcs_are_shown(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(swept)]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("arcs of the spectra, the slowest first")
    assert lines[at + 1].split("  ")[0] == "temperature"
    assert "electrode|electrolyte" in lines[at + 3]
    assert main(["show", str(swept), "--json", "--select", "temperature=330"]) == 0
    arcs = json.loads(capsys.readouterr().out)["arcs"]
    assert {"name": "arc_activation_energy", "unit": "eV"} in arcs["columns"]
    assert [row[-2] for row in arcs["rows"]] == ["electrode|electrolyte", "electrode"]


def test_who_has_no_arcs(tmp_path: Path) -> None:
    plain = {**CONFIG, "sweep": {"electrode.potential_V": [3.4]}}
    for keys, has in (
        ({"impedance": {"frequency_Hz": [1.0], "arcs": False}}, False),
        ({"load": {"voltage_V": 0.01}, "impedance": SPECTRUM}, False),
        ({"sweep": {"electrode.thickness_nm": {"start": 5, "stop": 10, "num": 101}}, "impedance": SPECTRUM}, False),
        ({"impedance": {"frequency_Hz": [1.0]}}, False),
        ({"impedance": SPECTRUM}, True),
        ({}, True),
    ):
        config = sc.load_config({**plain, **keys})
        from spacecharge.sweeping.facts import facts_of

        assert ("arcs" in facts_of(config)) == has


def test_arcs_of_a_sweep_over_the_current(tmp_path: Path) -> None:
    """Asked for, they stand beside a load: as of single states."""
    asked = {"impedance": {"frequency_Hz": [1.0], "arcs": True}, "load": {"current_density_mA_per_cm2": 0.0}}
    config = sc.load_config({**CONFIG, **asked, "sweep": {"load.current_density_mA_per_cm2": [-4.0, 0.5]}})
    sc.run_sweep(config, output=tmp_path / "out.h5", workers=1)
    data = sc.open_results(tmp_path / "out.h5", units="SI")
    assert "arc_activation_energy" not in data
    law = sc.ChargeTransfer(rate_constant=1.9847733e20, activation_energy_eV=0.315)
    for row, current in enumerate((-40.0, 5.0)):
        state = sc.steady_state(config.base_stack, current_density=current, charge_transfer=law)
        arcs = sc.impedance_arcs(state)
        assert data.arc_resistance.values[row, : len(arcs)] == pytest.approx([arc.resistance for arc in arcs], rel=1e-8)
        assert np.nansum(data.relaxation_strength.values[row]) == pytest.approx(state.differential_resistance, rel=1e-6)


@pytest.mark.parametrize("spoilt", [False, True])
def test_an_inductive_loop_is_said_where_arcs_are_shown(
    spoilt: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second of three points gets RC elements of which one is negative, around 0.016 Hz, or poles beside its
    impedance; the others keep theirs."""
    from spacecharge.solver import points

    own, asked = points.relaxation_times, []

    def of_point(solution: Any, **options: Any) -> sc.RelaxationTimes:
        asked.append(solution)
        if spoilt and len(asked) == 2:
            raise sc.ConvergenceError("relaxation times about this state drown in rounding", 1)
        return elements([10.0, 1e-3], [-0.5, 1.0]) if len(asked) == 2 else own(solution, **options)

    monkeypatch.setattr(points, "relaxation_times", of_point)
    load = {"load": {"current_density_mA_per_cm2": 0.0}, "sweep": {"load.current_density_mA_per_cm2": [-4.0, 0.5, 1.0]}}
    path = tmp_path / "out.h5"
    sc.run_sweep(sc.load_config({**CONFIG, **load}), output=path, workers=1)
    assert main(["show", str(path)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "inductive loop" in line)
    assert line.startswith("no arcs at 1 of 3 points, first at load_current_density")
    assert " 0.5 mA" in line
    assert main(["show", str(path), "--select", "load_current_density=1.0"]) == 0
    assert "inductive loop" not in capsys.readouterr().out
