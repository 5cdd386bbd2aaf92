"""Polycrystals by the brick-layer model: results, sweeps, sensitivities and activation energies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spacecharge as sc

GRAIN: dict[str, Any] = {
    "thickness_nm": 25.0, "permittivity": 30.0, "potential_V": 3.0, "site_density_per_nm3": 2.0, "occupancy": 0.3,
    "diffusivity_m2_per_s": {"value": 1e-13, "activation_energy_eV": 0.35},
}  # fmt: skip


def boundary(energy: float = 0.25, size: float | None = 500.0, kelvin: float = 450.0, **core: Any) -> sc.Stack:
    layers = [
        sc.Layer(name="left", **GRAIN, grain_size_nm=size),
        sc.Layer(name="core", core_of="left", thickness_nm=1.0, segregation_energy_eV=energy, **core),
        sc.Layer(name="right", **GRAIN),
    ]
    return sc.Stack(layers, temperature_K=kelvin)


def test_one_boundary_in_series_with_every_grain() -> None:
    solution = sc.solve(boundary())
    grain, resistance = sc.conductivity(solution)[0], float(sc.grain_boundary_resistance(solution))
    total = sc.total_conductivity(solution)
    assert total[0] == pytest.approx(1.0 / (1.0 / grain + resistance / 500e-9), rel=1e-14)
    assert total[0] == pytest.approx(float(sc.brick_layer_conductivity(grain, resistance, 500.0)), rel=1e-14)
    assert np.isnan(total[1:]).all()
    assert np.isnan(sc.total_conductivity(sc.solve(boundary(size=None)))).all()
    # Of grains that are all boundary, one that blocks is what there is: sigma d/(R sigma) to first order.
    small = sc.total_conductivity(sc.solve(boundary(size=0.1)))[0]
    assert small == pytest.approx(0.1e-9 / resistance, rel=0.1e-9 / resistance / grain * 1.1)


def test_a_boundary_that_shorts_overlapping_grains_has_no_answer() -> None:
    fast = {"energy": 0.0, "diffusivity_m2_per_s": 1e-9}
    solution = sc.solve(boundary(**fast))
    assert float(sc.grain_boundary_resistance(solution)) < 0.0
    assert np.isfinite(sc.total_conductivity(solution)[0])
    assert np.isnan(sc.total_conductivity(sc.solve(boundary(size=0.1, **fast)))[0])


@pytest.mark.parametrize(
    ("path", "step", "factor"),
    [
        ("left.grain_size_nm", 1e-3, 1e-9),
        ("temperature_K", 1e-2, 1.0),
        ("core.segregation_energy_eV", 1e-5, 1.602176634e-19),
        ("left.occupancy", 1e-5, 1.0),
    ],
)
def test_sensitivities_are_those_of_differences(path: str, step: float, factor: float) -> None:
    here = {
        "left.grain_size_nm": 500.0,
        "temperature_K": 450.0,
        "core.segregation_energy_eV": 0.25,
        "left.occupancy": 0.3,
    }
    slopes = sc.sensitivities(boundary(), [path])[path]
    table = sc.sweep(boundary(), {path: here[path] + step * np.array([-1.0, 1.0])}, tolerance_V=1e-10)
    for name, unit in (("total_conductivity", 10.0), ("grain_boundary_resistance", 1e4)):
        # Tables are in mS/cm and Ohm cm2.
        values = table[name] / unit
        rough = (values[1] - values[0]) / (2.0 * step * factor)
        found = np.asarray(slopes[name])
        assert np.ravel(found)[0] == pytest.approx(float(np.ravel(rough)[0]), rel=1e-4), (path, name)


def test_activation_energies_of_a_sweep_are_slopes_of_its_logarithms(tmp_path: Path) -> None:
    """Exact at every temperature, against differences of whole solves, and `sc.activation_energy` of the sweep."""
    kelvin = np.linspace(380.0, 520.0, 29)
    config = sc.load_config(
        {
            "temperature_K": 450.0,
            "layers": {
                "left": GRAIN | {"grain_size_nm": 500.0},
                "core": {"core_of": "left", "thickness_nm": 1.0, "segregation_energy_eV": 0.25},
                "right": GRAIN,
            },
            "sweep": {"temperature_K": kelvin.tolist()},
            "solver": {"tolerance_V": 1e-9},
            "output": {"path": str(tmp_path / "boundary.h5")},
        }
    )
    results = sc.run_sweep(config)
    data = sc.open_results(results.path if hasattr(results, "path") else tmp_path / "boundary.h5", units="SI")
    resistance, total = data["grain_boundary_resistance"].values, data["total_conductivity"].values[:, 0]
    rough = sc.activation_energy(kelvin, resistance), sc.activation_energy(kelvin, 1.0 / total)
    inner = slice(1, -1)
    found = data["grain_boundary_activation_energy"].values
    assert found[inner] == pytest.approx(rough[0][inner], rel=1e-3)
    of_total = data["total_conductivity_activation_energy"].values
    assert of_total[inner, 0] == pytest.approx(rough[1][inner], rel=1e-3)
    assert np.isnan(of_total[:, 1:]).all()
    # A pair of solves around one temperature, to the digits of a sensitivity.
    high, low = (float(sc.grain_boundary_resistance(sc.solve(boundary(kelvin=450.0 + s), tolerance_V=1e-11)))
                 for s in (0.01, -0.01))  # fmt: skip
    at = int(np.argmin(np.abs(kelvin - 450.0)))
    slope = np.log(high / low) / (1.0 / 450.01 - 1.0 / 449.99) * 8.617333262e-5
    assert found[at] == pytest.approx(slope, rel=1e-5)
    assert data["total_conductivity"].attrs["units"] == "S m-1"
