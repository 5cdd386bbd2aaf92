"""The error of a curve in what is fitted with it: the stated part is what moving the curve by hand gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.fitting.curve_errors import HYSTERESIS, REFERENCE, curve_shifts, without_error
from spacecharge.measured import text as measured_text

CONFIGS = Path(__file__).parents[2] / "configs"
GITT = f"""
fit: ocv
data: {{path: {CONFIGS.as_posix()}/data/joule2020/gitt.bdf.csv, format: bdf, reference_sigma_V: 0.002}}
sample:
  {{area_cm2: 1, thickness_nm: 300, density_g_per_cm3: 3.36, formula: V2O5, composition_start: 0.1,
   composition_span: 2}}
model: {{kind: rests, rest_at_least_s: 7200, branch: discharge}}
"""
LAYER = """
fit: interface
temperature_K: 298.15
layers:
  electrode: {{material: LixV2O5, composition: 1.0, thickness_nm: 300, ocv: {ocv}}}
  electrolyte: {{material: LAGP, thickness_nm: 300}}
contacts:
  - charge_transfer: {{rate_constant_per_m2_s: 1.0e20}}
interfaces:
  one: {{at: {{electrode.composition: 1.05}}, exchange_current_density_mA_per_cm2: {{value: 0.75, sigma: 0.02}}}}
  two: {{at: {{electrode.composition: 1.98}}, exchange_current_density_mA_per_cm2: {{value: 0.036, sigma: 0.001}}}}
parameters:
  rate: {{paths: [contacts.0.charge_transfer.rate_constant_per_m2_s]}}
  half: {{paths: [contacts.0.charge_transfer.symmetry_factor], min: 0.1, max: 0.9}}
"""


def by_hand(folder: Path, x: np.ndarray, u: np.ndarray, name: str) -> dict[str, float]:
    """Numbers of the fit with a table in the place of the curve."""
    np.savetxt(folder / f"{name}.csv", np.column_stack([x, u]), delimiter=",", header="x,U", comments="")
    table = f"{{path: {name}.csv, columns: {{composition: x, potential_V: U}}, occupancy_per_composition: 0.47}}"
    (folder / f"{name}.yaml").write_text(LAYER.format(ocv=table).lstrip())
    result = sc.fit(folder / f"{name}.yaml")
    return {key: v.value for key, v in [*result.parameters.items(), *result.derived.items()]}


@pytest.mark.parametrize(("reference", "within"), [(0.002, 0.03), (0.02, 1e-4)])
def test_moving_the_curve_by_hand_moves_the_numbers_by_the_stated_part(
    tmp_path: Path, reference: float, within: float
) -> None:
    """By derivatives for 2 mV, which are not the whole; by a refit for 20 mV, which is."""
    (tmp_path / "gitt.yaml").write_text(GITT.lstrip().replace("0.002", f"{reference:g}"))
    curve = "{from_fit: gitt.yaml, occupancy_per_composition: 0.47}"
    (tmp_path / "model.yaml").write_text(LAYER.format(ocv=curve).lstrip())
    (tmp_path / "chain.yaml").write_text("fit: chain\nsteps: {gitt: gitt.yaml, model: model.yaml}\n")
    result = sc.fit(tmp_path / "chain.yaml")
    ocv = result.parts[0].ocv
    x, u = ocv.composition, ocv.potential
    base = by_hand(tmp_path, x, u, "base")
    shifts = curve_shifts(result.parts[0])
    near = min(shifts.keys() - {REFERENCE}, key=lambda key: abs(float(key.rpartition(" ")[2]) - 2.0))
    for key in (REFERENCE, near) if within > 1e-3 else (REFERENCE,):
        moved = by_hand(tmp_path, x, u + shifts[key], "moved")
        for name in ("rate", "half", "exchange_current_density_one", "total_resistance_two"):
            change, said = moved[name] - base[name], result.run.errors["model", name]["gitt", key]
            own = result.run.number("model", name).sigma
            assert said == pytest.approx(change, rel=within, abs=(1e-2 if within > 1e-3 else 1e-4) * own), (key, name)
    # The reference is an error of its own size in the whole: 2 mV move i0 of a law that knows U by some percent.
    alone = result.parts[1].parameters["half"].sigma
    parts = result.run.errors["model", "half"]
    assert abs(parts["gitt", REFERENCE]) > 0.02 * alone
    assert result.run.number("model", "half").sigma == pytest.approx(np.hypot(alone, np.hypot.reduce(
        [error for (step, _), error in parts.items() if step == "gitt"])), rel=1e-6)  # fmt: skip


def test_what_moves_points_together_and_what_moves_each(tmp_path: Path) -> None:
    text = (CONFIGS / "gitt_film.yaml").read_text().replace("path: data", f"path: {CONFIGS.as_posix()}/data")
    (tmp_path / "film.yaml").write_text(text.replace("data: {", "data: {reference_sigma_V: 0.001, "))
    result = sc.fit(tmp_path / "film.yaml")
    shifts, ocv = curve_shifts(result), result.ocv
    # 8 mV between charge and discharge, of which U is the middle.
    assert shifts[HYSTERESIS] == pytest.approx(np.full(ocv.potential.shape, 0.004), abs=5e-4)
    assert shifts[REFERENCE] == pytest.approx(np.full(ocv.potential.shape, 0.001))
    # Together they are the stated sigma, at every point.
    assert np.sqrt(sum(shift**2 for shift in shifts.values())) == pytest.approx(ocv.sigma, rel=1e-5)
    assert result.tables[""]["half_hysteresis"] == pytest.approx(ocv.half_hysteresis)
    assert without_error(result) == ""
    bare = replace(result, ocv=replace(ocv, sigma=np.full(ocv.sigma.shape, np.nan), reference_sigma=0.0))
    assert without_error(bare).startswith(f"{ocv.sigma.size} of {ocv.sigma.size} potentials have no error")


def test_a_chain_reads_a_file_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1")
    with measured_text.each_file_once():
        first = measured_text.read_text(tmp_path / "a.txt")
        (tmp_path / "a.txt").write_text("2")
        assert measured_text.read_text(tmp_path / "a.txt") is first
    assert measured_text.read_text(tmp_path / "a.txt").lines == ["2"]
