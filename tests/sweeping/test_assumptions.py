"""What an answer owes to assumed values: which they are, and what their ranges do to it."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import ConfigError, StoreError
from spacecharge.store import read_results

CONFIG = """
title: NMC811 on LLZO
layers:
  electrolyte: {material: LLZO, thickness_nm: 30, occupancy: 0.7}
  cathode: {material: NMC811, potential_V: 3.8, thickness_nm: 30}
sweep: {cathode.potential_V: [3.7, 3.8, 3.9]}
output: {resistance_of: [electrolyte]}
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(CONFIG)
    return tmp_path / "c.yaml"


def test_what_is_given_or_swept_is_not_assumed(path):
    config = sc.load_config(path)
    paths = [item.path for item in config.assumed]
    assert "electrolyte.potential_V" in paths
    assert "electrolyte.occupancy" not in paths  # the file gives it
    assert "electrolyte.permittivity" not in paths  # the library has a source
    assert "cathode.potential_V" not in paths
    swept = sc.load_config({**YAML(), "sweep": {"electrolyte.potential_V": [1.0, 2.0]}})
    assert "electrolyte.potential_V" not in [item.path for item in swept.assumed]


def YAML() -> dict[str, object]:
    return {
        "layers": {
            "electrolyte": {"material": "LLZO", "thickness_nm": 30, "conductivity_mS_per_cm": 0.3},
            "cathode": {"material": "NMC811", "potential_V": 3.8, "thickness_nm": 30},
        }
    }


def test_a_conductivity_ends_what_is_assumed_of_the_diffusivity():
    paths = [item.path for item in sc.load_config(YAML()).assumed]
    assert not [p for p in paths if p.startswith("electrolyte.diffusivity")]
    assert "cathode.diffusivity_m2_per_s.activation_energy_eV" in paths


def test_each_value_is_run_through_its_range_alone(path):
    config = sc.load_config(path)
    result = sc.assume(config, num=3)
    assert {run.assumed.path for run in result.runs} == {item.path for item in config.assumed}
    run = next(r for r in result.runs if r.assumed.path == "electrolyte.potential_V")
    np.testing.assert_allclose(run.values, [1.0, 2.25, 3.5])
    base = config.stack
    for volts, y in zip(run.values, run.y, strict=True):
        moved = base.replace(layers=(base["electrolyte"].replace(potential_V=volts), base["cathode"]))
        alone = sc.solve(moved, resistance_of=["electrolyte"])
        assert y == pytest.approx(1e4 * float(sc.interface_resistance(alone)), rel=1e-12)
    assert result.base == pytest.approx(
        1e4 * float(sc.interface_resistance(sc.solve(base, resistance_of=["electrolyte"]))), rel=1e-12
    )
    effects = [np.log10(r.span[1] / r.span[0]) for r in result.runs]
    assert effects == sorted(effects, reverse=True)


def test_the_band_holds_the_runs_and_repeats_itself(path):
    config = sc.load_config(path)
    result = sc.assume(config, num=2, samples=60, seed=3)
    np.testing.assert_array_equal(result.axis_values, [3.7, 3.8, 3.9])
    assert result.band.shape == (3, 5)
    assert np.all(np.diff(result.band, axis=1) >= 0.0)
    again = sc.assume(config, num=2, samples=60, seed=3)
    np.testing.assert_array_equal(result.band, again.band)
    other = sc.assume(config, num=2, samples=60, seed=4)
    assert not np.array_equal(result.band, other.band)


def test_the_command_prints_writes_and_draws(path, capsys):
    assert main(["assume", str(path), "--samples", "20", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "cathode.permittivity" in text
    assert "no value was found" in text
    rows = list(csv.DictReader((path.parent / "c_assumed.csv").read_text().splitlines()))
    assert len(rows) == 11 * len(sc.load_config(path).assumed)
    assert float(rows[0]["interface_resistance (Ohm cm2)"]) > 0.0
    assert (path.parent / "c_assumed.png").stat().st_size > 10_000
    assert main(["assume", str(path), "--quiet"]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err


def test_check_run_and_show_say_what_is_assumed(path, capsys):
    line = "electrolyte.potential_V = 2.5 (plausible: 1 to 3.5 V; LLZO)"
    assert main(["check", str(path)]) == 0
    assert line in capsys.readouterr().out
    assert main(["run", str(path), "-o", "r.h5"]) == 0
    assert line in capsys.readouterr().err
    assert line in read_results("r.h5").attributes["assumed"]
    assert main(["show", "r.h5"]) == 0
    assert line in capsys.readouterr().out


def test_a_temperature_like_degrees_celsius_is_questioned(tmp_path, capsys):
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG + "temperature_K: 25\n")
    assert main(["check", str(file)]) == 0
    assert "write temperature_degC: 25" in capsys.readouterr().out
    file.write_text(CONFIG + "temperature_degC: 25\n")
    assert main(["check", str(file)]) == 0
    text = capsys.readouterr().out
    assert "298.15 K" in text
    assert "very cold" not in text


def test_answers_that_are_none_are_one_line(path):
    with pytest.raises(StoreError, match="no such answer"):
        sc.assume(path, y="nonsense", num=2)
    with pytest.raises(StoreError, match="one of several is needed"):
        sc.assume(path, y="space_charge_width", num=2)
    given = sc.Layer(
        name="e", thickness_nm=30, potential_V=3.0, permittivity=10, site_density_per_nm3=10, occupancy=0.5
    )
    with pytest.raises(ConfigError, match="nothing is assumed"):
        sc.assume(sc.Stack([given]))


@pytest.mark.parametrize("name", ["t.png", "t.h5", "t"])
def test_a_table_that_cannot_be_is_refused_before_anything_is_solved(path, capsys, monkeypatch, name):
    monkeypatch.setattr("spacecharge.sweeping.assumptions.assume", None)
    assert main(["assume", str(path), "-o", str(path.parent / name), "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("the ending says the format (allowed: .csv, .xlsx, .json)\n")
