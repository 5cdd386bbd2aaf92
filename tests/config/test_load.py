"""Loading: the repository's configurations, defaults, fits, light imports, the three commands."""

import hashlib
import json
import math
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.config import FitReference, changed_keys, load_config, parse_config
from spacecharge.config.schema import json_schema
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.errors import ConfigError
from spacecharge.model.interpolation import pchip

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
MAIN_JOB = CONFIGS / "lixv2o5_lagp.yaml"
STACKS = [p for p in sorted(CONFIGS.glob("*.yaml")) if "layers:" in p.read_text()]


@pytest.mark.parametrize("path", STACKS, ids=lambda p: p.stem)
def test_every_configuration_is_sound(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(path)]) == 0
    captured = capsys.readouterr()
    assert "points" in captured.out
    assert "warning" not in captured.out
    assert captured.err == ""


def test_main_job() -> None:
    config = load_config(MAIN_JOB)
    assert (config.shape, config.n_points) == ((201, 3), 603)
    assert config.sweep.dims == ("electrode_potential", "temperature")
    assert config.output.path == "results/lixv2o5_lagp.h5"
    assert config.output.resistance_of == ("electrolyte",)
    assert config.output.profiles
    assert config.solver.tolerance_V == 1e-6
    assert config.text == MAIN_JOB.read_text()
    assert config.sha256 == hashlib.sha256(MAIN_JOB.read_bytes()).hexdigest()
    assert config.source == MAIN_JOB
    assert isinstance(config.stack, sc.Stack)
    parameters = config.parameters()
    assert not parameters.invalid.any()
    # The compositions of the paper at the ends and in the middle of the sweep.
    at_room = parameters.bulk_occupancy.reshape(201, 3, 2, 1)[:, 1, :, 0]
    np.testing.assert_allclose(at_room[[0, 120, 200], 0], [0.99, 11.16 / 22.4, 11.16 * 0.2 / 22.4], rtol=1e-12)
    np.testing.assert_allclose(at_room[:, 1], 7.4 / 19.7, rtol=1e-15)


def test_table_of_the_paper() -> None:
    parameters = load_config(CONFIGS / "joule2020_table.yaml").parameters()
    np.testing.assert_allclose(parameters.potential[:, 0], [3.4, 3.0, 2.4], rtol=1e-15)
    np.testing.assert_allclose(parameters.diffusivity[:, 0, 0], [1.79e-15, 1.68e-15, 3.04e-15], rtol=1e-15)


def test_llzo_has_the_numbers_of_swift_and_qi() -> None:
    parameters = load_config(CONFIGS / "llzo_defects.yaml").parameters()
    thermal_voltage = BOLTZMANN * 300.0 / ELEMENTARY_CHARGE
    # The occupancy is written with 15 decimals.
    b = (1.0 - parameters.bulk_occupancy[0, 0]) / parameters.bulk_occupancy[0, 0]
    np.testing.assert_allclose(b, 0.1 * math.exp(0.01439 / thermal_voltage), rtol=1e-13)
    np.testing.assert_array_equal(parameters.charge_number[0, 0], [-1.0, 1.0])
    # Their exact first integral with the numbers of the file: the charge of the layer.
    density, permittivity = parameters.site_density[0, 0, 0], parameters.permittivity[0, 0]
    debye = math.sqrt(VACUUM_PERMITTIVITY * permittivity * thermal_voltage / (ELEMENTARY_CHARGE * density))
    f = -parameters.end_value[0, 0] / thermal_voltage
    slope = math.sqrt(
        2.0 * (math.log((math.exp(f) + b[0]) / (1 + b[0])) + math.log((math.exp(-f) + b[0]) / (1 + b[0])))
    )
    charge = VACUUM_PERMITTIVITY * permittivity * thermal_voltage / debye * slope
    assert charge / ELEMENTARY_CHARGE * 1e-18 == pytest.approx(5.3271, abs=5e-5)  # digits printed
    assert charge / parameters.end_value[0, 0] * 100 == pytest.approx(52.632, abs=5e-4)
    assert parameters.thickness[0, 0] > 100 * debye


def test_coating_covers_the_assumed_ranges() -> None:
    config = load_config(CONFIGS / "coated_cathode.yaml")
    assert config.stack.names == ("cathode", "coating", "electrolyte")
    assert config.axes[0].path == "coating.thickness_nm"
    for layer, name in (("coating", "LiNbO3"), ("electrolyte", "Li6PS5Cl")):
        ranges = sc.materials[name].assumed_ranges
        for axis in config.axes:
            key = axis.path.removeprefix(f"{layer}.")
            if key in ranges:
                assert (axis.grid.low, axis.grid.high) == ranges[key], axis.path
    assert len(config.axes) == 5


def test_defaults() -> None:
    config = parse_config("layers:\n  a: {material: LAGP, thickness_nm: 3}\n", "dir/job.yaml")
    assert config.title == "job"
    assert config.output.path == "results/job.h5"
    assert config.output.resistance_of == ("a",)
    assert not config.output.profiles
    assert config.stack.temperature_K == 298.15
    assert config.solver.tolerance_V == 1e-6
    assert "job" in repr(config)


def test_profiles_with_nodes() -> None:
    config = parse_config("layers:\n  a: {material: LAGP, thickness_nm: 3}\noutput: {profiles: {nodes: 64}}\n")
    assert (config.output.profiles, config.output.profile_nodes) == (True, 64)


def test_layers_keep_the_order_of_the_file() -> None:
    names = ["z", "b", "a", "y"]
    text = "layers:\n" + "".join(f"  {name}: {{material: LAGP, thickness_nm: 3}}\n" for name in names)
    assert list(parse_config(text).stack.names) == names


def test_a_config_travels_to_a_worker() -> None:
    config = load_config(MAIN_JOB)
    again = pickle.loads(pickle.dumps(config))
    np.testing.assert_array_equal(again.parameters().potential, config.parameters().potential)


FITTED = """\
layers:
  a: {material: LAGP, thickness_nm: 3, diffusivity_m2_per_s: {from_fit: fit.h5, parameter: D}}
  b:
    thickness_nm: 3
    permittivity: 9
    potential_V: 3
    species:
      Li: {site_density_per_nm3: 9, occupancy: 0.5, diffusivity_m2_per_s: {from_fit: fit.h5, parameter: D2}}
"""


def test_fits_are_filled_in_or_refused() -> None:
    config = parse_config(FITTED, "folder/c.yaml")
    assert [(r.path, r.parameter, r.where) for r in config.fit_references] == [
        ("a.diffusivity_m2_per_s", "D", "folder/c.yaml:2:62"),
        ("b.species.Li.diffusivity_m2_per_s", "D2", "folder/c.yaml:8:75"),
    ]
    assert Path(config.fit_references[0].file) == Path("folder/fit.h5")
    assert config.output.resistance_of == ("a", "b")
    for use in (lambda: config.stack, lambda: config.parameters()):
        with pytest.raises(ConfigError, match="has not been read yet"):
            use()

    def resolve(reference: FitReference) -> float | dict[str, float]:
        return {"value": 3e-14, "activation_energy_eV": 0.2} if reference.parameter == "D" else 5e-15

    solved = config.with_fits(resolve)
    np.testing.assert_allclose(solved.parameters().diffusivity[0, :, 0], [3e-14, 5e-15], rtol=1e-14)
    with pytest.raises(ConfigError, match=r"folder/c.yaml:2:62: a.diffusivity_m2_per_s: -1 is out of range"):
        config.with_fits(lambda _: -1.0)


def test_changed_keys() -> None:
    old = "a: 1\nb: {c: [1, 2], d: x}\n"
    assert changed_keys(old, "# comment\nb:\n  d: x\n  c:\n  - 1\n  - 2.0\na: 1.0\n") == []
    assert changed_keys(old, "a: 2\nb: {c: [1, 3, 4], e: x}\n") == ["a", "b.c.1", "b.c.2", "b.d", "b.e"]


def test_schema_describes_keys_units_and_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == json_schema()
    thickness = schema["$defs"]["LayerKeys"]["properties"]["thickness_nm"]["anyOf"][0]
    assert (thickness["minimum"], thickness["maximum"], thickness["unit"]) == (1e-3, 1e8, "nm")
    assert "Thickness" in thickness["description"]
    assert schema["additionalProperties"] is False
    occupancy = schema["$defs"]["LayerKeys"]["properties"]["occupancy"]["anyOf"][0]
    # The carriers of a band stand on no sites: what is above 1 is refused of all others.
    assert (occupancy["exclusiveMinimum"], occupancy["exclusiveMaximum"]) == (0.0, 1000.0)
    for keys in ("LayerKeys", "SpeciesKeys"):
        condition = schema["$defs"][keys]
        assert condition["if"] == {"properties": {"statistics": {"const": "fermi_dirac"}}, "required": ["statistics"]}
        assert condition["else"] == {"properties": {"occupancy": {"exclusiveMaximum": 1.0}}}


def test_check_warns_of_points_that_cannot_be_solved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = MAIN_JOB.read_text().replace("start: 2.4", "start: 2.0")
    (tmp_path / "c.yaml").write_text(text)
    assert main(["check", str(tmp_path / "c.yaml")]) == 0
    out = capsys.readouterr().out
    assert "of 201 values cannot be solved (status 3)" in out
    assert "603 (201 x 3)" in out


def test_loading_imports_nothing_heavy() -> None:
    code = (
        f"import sys, spacecharge.config as c; c.load_config({str(MAIN_JOB)!r}).parameters();"
        "print([m for m in ('numba', 'scipy', 'h5py', 'matplotlib', 'xarray', 'dask') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_loading_again_is_quick() -> None:
    load_config(MAIN_JOB)
    best = math.inf
    for _ in range(3):
        begun = time.thread_time()
        load_config(MAIN_JOB)
        best = min(best, time.thread_time() - begun)
    # Measured 8 ms; the bound leaves room for a busy machine.
    assert best < 0.08


def test_interpolation_agrees_with_scipy() -> None:
    from scipy.interpolate import PchipInterpolator

    rng = np.random.default_rng(1)
    for _ in range(200):
        n = int(rng.integers(2, 9))
        x = np.cumsum(rng.uniform(0.01, 2.0, n))
        y = rng.normal(size=n) if rng.random() < 0.5 else np.cumsum(rng.uniform(0.01, 1.0, n))
        at = np.linspace(x[0], x[-1], 101)
        # A few roundings of values of order one.
        np.testing.assert_allclose(pchip(x, y, at), PchipInterpolator(x, y)(at), atol=1e-13)
