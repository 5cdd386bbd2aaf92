"""Every kind of run on one thread, on two, after an interruption and on dask workers: the same file to the last bit."""

import re
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.store import WorkFile, read_results
from spacecharge.sweeping import engine, make_task, run_sweep
from spacecharge.sweeping.task import chunk_range, n_chunks

CONFIGS = Path(__file__).parents[2] / "configs"

LOAD = """
temperature_K: 298.15
layers:
  electrode: {material: LixV2O5, potential_V: 3.4, thickness_nm: 20}
  electrolyte: {material: LAGP, thickness_nm: 20}
load: {current_density_mA_per_cm2: 1.0}
sweep:
  load.current_density_mA_per_cm2: {start: -2, stop: 2, num: 5}
"""

LAWS = """
temperature_K: 600
layers:
  a: &layer
    thickness_nm: 30
    permittivity: 20
    potential_V: 3
    species:
      v1: &state
        charge_number: -1
        occupancy: 0.2
        site_density_per_nm3: 4
        statistics: pool
        diffusivity_m2_per_s: 1.0e-14
        component: Li
      v2: {<<: *state, charge_number: -2, occupancy: 0.01}
      electrons:
        charge_number: -1
        occupancy: 0.6
        site_density_per_nm3: 0.05
        statistics: fermi_dirac
        diffusivity_m2_per_s: 1.0e-8
  b: {<<: *layer, potential_V: 2.8, permittivity: 35}
"""
LAWS_BIAS = (
    LAWS
    + """
contacts: [{bias_V: 0.05}]
sweep:
  contacts.0.bias_V: {start: -0.1, stop: 0.1, num: 5}
"""
)
LAWS_LOAD = (
    LAWS
    + """
load: {current_density_mA_per_cm2: 1.0}
sweep:
  load.current_density_mA_per_cm2: {start: -2, stop: 2, num: 5}
"""
)
LAWS_IMPEDANCE = (
    LAWS
    + """
impedance: {frequency_Hz: {start: 1, stop: 1.0e+6, num: 7, spacing: log}}
sweep:
  temperature_K: {start: 500, stop: 700, num: 5}
"""
)

KINDS = {
    "pool and fermi_dirac": "titanate_boundary",
    "laws with a bias": LAWS_BIAS,
    "laws with a load": LAWS_LOAD,
    "laws with an impedance": LAWS_IMPEDANCE,
    "defects": "llzo_carriers",
    "core": "llzo_grain_boundary",
    "plane": "llzo_boundary_plane",
    "lattice": "ceria_111",
    "bias": "contact_iv",
    "impedance": "lagp_impedance",
    "metal": "own_cell",
    "load": LOAD,
}


@pytest.fixture(params=KINDS)
def config(request, tmp_path, monkeypatch):
    """A shipped configuration with short axes, cut into chunks of two points."""
    monkeypatch.setattr("spacecharge.sweeping.task.CHUNK_MIN_POINTS", 1)
    monkeypatch.setattr("spacecharge.sweeping.task.CHUNK_MAX_POINTS", 2)
    what = KINDS[request.param]
    text = what if "\n" in what else (CONFIGS / f"{what}.yaml").read_text(encoding="utf-8")
    (tmp_path / "data").symlink_to(CONFIGS / "data", target_is_directory=True)
    path = tmp_path / "c.yaml"
    # The one whose points take a second has two values on either axis.
    n = 2 if "core.background_charge_e_per_nm3: [" in text else 5
    text = text.replace("_per_nm3: [-1, -1.5, -2]", "_per_nm3: [-1, -2]")
    path.write_text(re.sub(r"num: \d+", f"num: {n}", text), encoding="utf-8")
    return sc.load_config(path)


def assert_same(first, second):
    one, other = read_results(first), read_results(second)
    assert set(one.fields) == set(other.fields)
    for path in one.fields:
        np.testing.assert_array_equal(one[path], other[path], err_msg=path)


def test_threads_and_resume_change_no_bit(config, tmp_path):
    serial = run_sweep(config, output=tmp_path / "serial.h5", workers=1, quiet=True)
    assert read_results(serial).status_counts().keys() == {0}
    assert_same(serial, run_sweep(config, output=tmp_path / "threads.h5", workers=2, quiet=True))
    task = make_task(config)
    assert n_chunks(task) >= 2
    with WorkFile.create(tmp_path / "resumed.h5", engine.file_layout(task)) as work:
        lo, hi = chunk_range(task, n_chunks(task) - 1)
        work.write(lo, task.evaluate(lo, hi))
        work.commit()
    resumed = run_sweep(config, output=tmp_path / "resumed.h5", workers=2, resume=True, quiet=True)
    assert resumed.n_resumed == hi - lo
    assert_same(serial, resumed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_dask_workers_change_no_bit(config, tmp_path):
    pytest.importorskip("distributed")
    serial = run_sweep(config, output=tmp_path / "serial.h5", workers=1, quiet=True)
    assert_same(serial, run_sweep(config, output=tmp_path / "dask.h5", workers=2, scheduler="local", quiet=True))


def test_spectra_of_several_species_without_a_law_are_those_of_single_solves(tmp_path):
    """Contacts without a law of charge transfer were refused as if they had one that knows a single species."""
    (tmp_path / "c.yaml").write_text(LAWS_IMPEDANCE, encoding="utf-8")
    config = sc.load_config(tmp_path / "c.yaml")
    stored = read_results(run_sweep(config, output=tmp_path / "c.h5", workers=1, quiet=True).path)
    alone = sc.impedance(sc.solve(config.stack), frequency_Hz=np.geomspace(1.0, 1e6, 7))
    assert stored["impedance_real"][2] == pytest.approx(alone.real, rel=1e-12)
    assert stored["impedance_imag"][2] == pytest.approx(alone.imag, rel=1e-12)
