"""Currents and spectra from configurations: keys, axes, result files, broken files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.solver.outputs import OUTPUTS

LAYERS = {
    "electrode": {"material": "LixV2O5", "potential_V": 3.4, "thickness_nm": 10},
    "electrolyte": {"material": "LAGP", "thickness_nm": 10},
}
LAW = {"rate_constant_per_m2_s": 1.9847733e20}


def run(tmp_path: Path, **keys: Any) -> Any:
    config = sc.load_config({"layers": LAYERS, "temperature_K": 298.15} | keys)
    report = sc.run_sweep(config, output=tmp_path / "out.h5", workers=1)
    return config, sc.open_results(report, units="SI")


def test_spectra_of_a_sweep(tmp_path: Path) -> None:
    config, data = run(
        tmp_path,
        contacts=[{"charge_transfer": LAW}],
        impedance={
            "frequency_Hz": {"start": 1e8, "stop": 1e-2, "num": 6, "spacing": "log"},
            "ends": {"right": "blocking"},
        },
        sweep={"electrode.potential_V": [2.4, 3.4]},
    )
    assert data.impedance_real.dims == ("electrode_potential", "frequency")
    assert data.layer_impedance_real.dims == ("electrode_potential", "layer", "frequency")
    assert data.frequency.values == pytest.approx(np.geomspace(1e-2, 1e8, 6))
    assert data.frequency.attrs["units"] == "Hz"
    stack = config.stack.replace(layers=(config.stack.layers[0].replace(potential_V=2.4), config.stack.layers[1]))
    solution = sc.solve(stack)
    law = sc.ChargeTransfer(rate_constant=1.9847733e20)
    ends = {"left": "reversible", "right": "blocking"}
    z = sc.impedance(solution, data.frequency.values, ends=ends, charge_transfer=law)
    assert data.impedance_real[0].values + 1j * data.impedance_imag[0].values == pytest.approx(z, rel=1e-12)
    both = data.layer_impedance_real + 1j * data.layer_impedance_imag
    assert both.sum("layer").values[0] == pytest.approx(z, rel=1e-12)
    assert np.isinf(data.dc_resistance.values).all()
    assert data.blocking_resistance.values[0] == pytest.approx(sc.blocking_resistance(solution, charge_transfer=law))
    assert data.geometric_capacitance.values[1] == pytest.approx(sc.geometric_capacitance(solution))
    assert data.impedance_error_estimate.max() < 1e-6


def test_currents_of_a_sweep_and_a_point_that_fails(tmp_path: Path) -> None:
    config, data = run(
        tmp_path,
        contacts=[{"charge_transfer": {**LAW, "symmetry_factor": 0.0}}],
        sweep={"load.current_density_mA_per_cm2": [-1.0, 0.0, 1e4]},
        impedance={"frequency_Hz": [1e-5]},
    )
    assert data.status.values.tolist() == [0, 0, 1]
    assert data.load_current_density.values == pytest.approx([-10.0, 0.0, 1e5])
    law = sc.ChargeTransfer(rate_constant=1.9847733e20, symmetry_factor=0.0)
    state = sc.steady_state(config.stack, current_density=-10.0, charge_transfer=law)
    assert float(data.voltage[0]) == pytest.approx(state.voltage, rel=1e-12)
    assert data.overpotential[0].values == pytest.approx(state.overpotential)
    assert data.contact_occupancy[0].values == pytest.approx(state.scalars["contact_occupancy"])
    assert data.layer_voltage[0].values == pytest.approx(state.layer_voltage)
    assert float(data.impedance_real[0, 0]) == pytest.approx(state.differential_resistance, rel=1e-7)
    assert np.isnan(data.voltage[2])
    assert np.isnan(data.contact_potential[2]).all()
    assert np.isnan(data.impedance_real[2]).all()
    # Every variable is that of the state with current, and none of the state at rest where there is no such state.
    own = {"potential_error_estimate": state.potential_error_estimate, "validity": data.validity[0].values}
    own |= {"status": 0, "iterations": state.iterations, "resistance_error_estimate": state.voltage_error_estimate}
    for output in OUTPUTS:
        if output.name in data:
            values = data[output.name].values
            expected = own.get(output.name, state.scalars[output.name])
            np.testing.assert_allclose(values[0], expected, rtol=1e-9, err_msg=output.name)
            assert output.dtype == "i4" or np.isnan(values[2]).all(), output.name


def test_voltage_and_bias(tmp_path: Path) -> None:
    config, data = run(tmp_path, load={"voltage_V": 0.05})
    state = sc.steady_state(config.stack, voltage_V=0.05)
    assert float(data.current_density) == pytest.approx(state.current_density, rel=1e-9)
    # The right end is an electrolyte: there is no cell.
    assert "cell_voltage" not in data
    layers = {"left": LAYERS["electrode"], "right": {**LAYERS["electrode"], "potential_V": 3.0}}
    (tmp_path / "cell").mkdir()
    _, cell = run(tmp_path / "cell", layers=layers, load={"voltage_V": 0.05})
    assert float(cell.cell_voltage) == pytest.approx(0.45, rel=1e-9)
    (tmp_path / "bias").mkdir()
    _, biased = run(
        tmp_path / "bias", contacts=[{"charge_transfer": LAW}], sweep={"contacts.0.bias_V": [-0.1, 0.0, 0.1]}
    )
    assert biased.current_density.values[[0, 2]] == pytest.approx([-16.81691, 1.866939], rel=1e-4)
    assert biased.differential_resistance.values[1] == pytest.approx(
        float(biased.charge_transfer_resistance[1, 0]), rel=1e-9
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"impedance": {"frequency_Hz": [1e-20]}}, "impedance.frequency_Hz: 1e-20 is out of range"),
        ({"impedance": {"frequency_Hz": {"within_sigma": 1.0, "num": 3}}}, "comes from no fit"),
        ({"impedance": {"frequency_Hz": {"start": 1, "stop": 9e6, "num": 9_000_000}}}, "frequencies are too many"),
        ({"impedance": {"frequency_Hz": [1], "ends": {"left": {"reversible": ["Na"]}}}}, "no component is called 'Na'"),
        ({"impedance": {"frequency_Hz": [1], "ends": {"left": "open"}}}, "impedance.ends.left"),
        ({"sweep": {"impedance.frequency_Hz": [1, 2]}}, "names no number"),
        ({"load": {}}, "load: give one of"),
        ({"load": {"voltage_V": 0.1, "current_density_mA_per_cm2": 1.0}}, "load: give one of"),
        ({"load": {"voltage_V": 0.1}, "ends": {"left": "zero_field"}}, "ends.left: a load makes both ends"),
        ({"load": {"voltage_V": 0.1}, "contacts": [{"bias_V": 0.1}]}, "stands beside a load"),
    ],
)
def test_broken_files(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(sc.ConfigError, match=message.replace("(", r"\(")):
        sc.load_config({"layers": LAYERS, **keys})


@pytest.mark.parametrize(
    ("contact", "keys"),
    [
        ({"bias_V": 0.1}, {}),
        ({}, {"sweep": {"contacts.0.bias_V": [0.0, 0.1]}}),
        ({}, {"load": {"voltage_V": 0.1}, "impedance": {"frequency_Hz": [1e3], "arcs": True}}),
    ],
)
def test_planes_that_no_state_knows_are_refused_before_a_run(contact: dict[str, Any], keys: dict[str, Any]) -> None:
    sites = {"species": "Li", "density_per_nm2": 1.0}
    whole = {"layers": LAYERS, "temperature_K": 300, "impedance": {"frequency_Hz": [1e3]}} | keys
    with pytest.raises(sc.ConfigError, match=r"contacts\.0\.sites: .* does not know planes of sites: use a core"):
        sc.load_config(whole | {"contacts": [{"sites": sites} | contact]})


def test_two_components_carry_a_load(tmp_path: Path) -> None:
    species = {
        "Li": {"site_density_per_nm3": 5, "occupancy": 0.5, "diffusivity_m2_per_s": 1e-13},
        "electron": {
            "site_density_per_nm3": 5, "occupancy": 0.5, "charge_number": -1, "diffusivity_m2_per_s": 3e-13,
        },
    }  # fmt: skip
    layer = {"thickness_nm": 5, "potential_V": 3.0, "permittivity": 10, "species": species}
    layers = {"a": layer, "b": {**layer, "potential_V": 2.9}}
    law = {"rate_constant_per_m2_s": 1e22}
    config = sc.load_config(
        {
            "layers": layers,
            "contacts": [{"charge_transfer": law}],
            "load": {},
            "sweep": {"load.current_density_mA_per_cm2": [-10.0, 2.0]},
            "output": {"profiles": True},
        }
    )
    path = sc.run_sweep(config, output=tmp_path / "out.h5", workers=1)
    data = sc.open_results(path, units="SI")
    assert data.contact_current_density.dims[-2:] == ("contact", "species")
    assert data.contact_current_density.values.sum(axis=(1, 2)) == pytest.approx([-100.0, 20.0], rel=1e-12)
    for i, current in enumerate((-100.0, 20.0)):
        state = sc.steady_state(
            config.stack, current_density=current, charge_transfer=sc.ChargeTransfer(rate_constant=1e22)
        )
        assert float(data.voltage[i]) == pytest.approx(state.voltage, rel=1e-12)
        exchange = state.exchange_current_density
        assert float(data.exchange_current_density[i, 0]) == pytest.approx(float(exchange[0, 0]), rel=1e-12)
        profile = state.profiles
        for k, name in enumerate(("a", "b")):
            stored = sc.open_results(path, group=f"profiles/{name}", units="SI")
            x = stored.x.values
            part = profile["x"] <= 0.0 if k == 0 else profile["x"] >= 0.0
            for field, c in (("occupancy", 0), ("occupancy", 1), ("electrochemical_potential", 1)):
                there = np.interp(x, profile["x"][part], profile[field][c, part])
                # Between nodes straight lines are not the polynomials.
                # The contact has two values, and interpolation a straight line where the profile is steep.
                inside = np.abs(x) > 1e-9
                assert stored[field].values[i, c][inside] == pytest.approx(there[inside], abs=2e-2)
            assert stored.current_density.values[i].sum(axis=0) == pytest.approx(np.full(x.size, current), rel=1e-12)


@pytest.mark.parametrize("node", [0, 37, -1])
def test_profiles_of_a_load_are_those_of_the_state(tmp_path: Path, node: int) -> None:
    config = sc.load_config({"layers": LAYERS, "load": {"current_density_mA_per_cm2": 0.5}})
    state = sc.steady_state(config.stack, current_density=5.0)
    path = sc.run_sweep(config, output=tmp_path / "out.h5", workers=1)
    from spacecharge.solver.steady_profiles import sample_state

    profile = state.profiles
    x = profile["x"][[node]]
    layer = 0 if x[0] < 0.0 else 1
    found = sample_state(state, [x if layer == 0 else np.zeros(1), x if layer == 1 else np.zeros(1)])[layer]
    for name in ("potential", "occupancy", "vacancy", "electrochemical_potential", "current_density"):
        assert found[name][0] == pytest.approx(np.ravel(np.atleast_2d(profile[name])[0])[node], rel=1e-10, abs=1e-14)
    assert sc.open_results(path, units="SI", group=f"profiles/{config.stack.names[0]}").potential.notnull().all()


def test_species_of_one_component(tmp_path: Path) -> None:
    species = {
        "vacancy": {
            "site_density_per_nm3": 5, "occupancy": 0.1, "charge_number": -1, "diffusivity_m2_per_s": 1e-13,
            "component": "Li",
        },
        "interstitial": {
            "site_density_per_nm3": 8, "occupancy": 0.2, "diffusivity_m2_per_s": 1e-12, "component": "Li",
        },
    }  # fmt: skip
    layer = {"thickness_nm": 5, "potential_V": 3.0, "permittivity": 10, "species": species}
    config = sc.load_config({"layers": {"a": layer}, "load": {"current_density_mA_per_cm2": 1.0}})
    data = sc.open_results(sc.run_sweep(config, output=tmp_path / "out.h5", workers=1), units="SI")
    # Both move under one v: their conductivities add.
    sigma = 1.602176634e-19**2 * (5e27 * 0.1 * 1e-13 + 8e27 * 0.2 * 1e-12) / (1.380649e-23 * 298.15)
    assert float(data.voltage) == pytest.approx(10.0 * 5e-9 / sigma, rel=1e-9)
