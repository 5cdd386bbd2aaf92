"""``spacecharge run``: exit codes, what is written and what is not, what is said where."""

import errno
import gc
import os
from pathlib import Path

import numpy as np
import pytest

from spacecharge.store import UNFINISHED, WorkFile, read_results
from spacecharge.sweeping import engine

from .conftest import SWEEP


def files():
    return sorted(str(p) for p in Path(".").rglob("*") if p.is_file())


def test_run_writes_the_file_and_says_so(configuration, call):
    code, out, err = call("run", configuration(), "--workers", "2")
    assert code == 0
    assert out.startswith("results/r.h5: 27 points, 0 failed, ")
    assert out.count("\n") == 1
    # Nothing but what a reader has to know about the numbers.
    assert all(line.startswith(("validity: ", "assumed: ")) for line in err.splitlines())
    results = read_results("results/r.h5")
    assert results.sweep == ("electrode_potential", "temperature")
    assert results.shape == (9, 3)
    assert results["interface_resistance"].shape == (9, 3)
    assert results["contact_potential"].shape == (9, 3, 1, 2)
    assert results.attributes["config_yaml"] == Path("c.yaml").read_text()
    for key in ("Conventions", "title", "config_sha256", "created_utc", "numba_version", "host_cpu"):
        assert results.attributes[key]
    # At equal potentials there is no space charge.
    level = results["electrode_potential"] == 3.0
    np.testing.assert_allclose(results["space_charge_potential"][level], 0.0, atol=1e-9)
    assert files() == ["c.yaml", "results/r.h5"]


def test_run_leaves_the_collector_as_it_was(configuration, call):
    before = gc.get_threshold()
    assert call("run", configuration())[0] == 0
    assert call("run", configuration())[0] == 2
    assert gc.get_threshold() == before


def test_python_face_gives_the_same_values(configuration, call):
    import spacecharge as sc

    name = configuration()
    call("run", name)
    report = sc.run_sweep(name, output="again.h5", workers=1)
    a, b = read_results("results/r.h5"), read_results(report)
    for path in a.fields:
        np.testing.assert_array_equal(a[path], b[path])


def test_single_solve_has_profiles_and_no_axis(configuration, call):
    code, out, _ = call("run", configuration("output: {path: s.h5}\n"))
    assert code == 0
    assert "1 point, 0 failed" in out
    results = read_results("s.h5")
    assert results.sweep == ()
    assert results["interface_resistance"].shape == ()
    x = results["profiles/electrode/x"]
    assert x[-1] == 0.0
    assert results["profiles/electrode/potential"].shape == x.shape


def test_existing_output_is_refused_then_overwritten_or_resumed(configuration, call):
    name = configuration()
    assert call("run", name)[0] == 0
    before = Path("results/r.h5").read_bytes()
    code, out, err = call("run", name)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "--resume" in err
    assert Path("results/r.h5").read_bytes() == before
    code, out, _ = call("run", name, "--resume")
    assert code == 0
    assert "27 of them from before" in out
    assert Path("results/r.h5").read_bytes() == before
    assert call("run", name, "--overwrite")[0] == 0


def test_resume_with_changed_keys_names_them(configuration, call):
    name = configuration()
    call("run", name)
    configuration(SWEEP + "# a remark changes nothing\n", title="another title")
    assert call("run", name, "--resume")[0] == 0
    configuration(
        SWEEP.replace("280", "281"),
        **{"permittivity: 15\n    site_density_per_nm3: 19.7": ("permittivity: 16\n    site_density_per_nm3: 19.7")},
    )
    code, out, err = call("run", name, "--resume")
    assert (code, out) == (2, "")
    assert "different: layers.electrolyte.permittivity, sweep.temperature_K.0" in err
    assert err.count("\n") == 1


def test_failed_points_give_code_1_and_a_line_each(configuration, call):
    # Strong attraction of vacancies: a miscibility gap where the electrolyte is driven through it.
    gap = {"occupancy: 0.3756": "occupancy: 0.9\n    interaction: {vacancy_eV: -0.2}"}
    code, out, err = call("run", configuration(**gap))
    assert code == 1
    results = read_results("results/r.h5")
    status = results["status"]
    assert (status == 2).any()
    assert np.isnan(results["interface_resistance"][status == 2]).all()
    n_failed = int((status != 0).sum())
    assert f"27 points, {n_failed} failed" in out
    assert "electrolyte" in err
    assert "electrode.potential_V = " in err


def test_bad_input_writes_nothing(configuration, call):
    name = configuration(permittivity="permitivity")
    for arguments in (["run", name], ["run", "missing.yaml"], ["run", name, "--workers", "0"]):
        code, out, err = call(*arguments)
        assert (code, out) == (2, "")
        assert "Traceback" not in err
        assert err
    assert files() == ["c.yaml"]


def test_unwritable_output(configuration, call, tmp_path):
    name = configuration()
    (tmp_path / "file").write_text("")
    code, _, err = call("run", name, "-o", "file/r.h5")
    assert code == 2
    assert "folder cannot be created" in err
    assert call("run", name, "-o", ".")[0] == 2
    assert files() == ["c.yaml", "file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(configuration, call, tmp_path):
    name = configuration()
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    code, _, err = call("run", name, "-o", "closed/r.h5")
    assert code == 2
    assert "permission denied" in err


def test_disk_full_is_code_3_and_resumable(configuration, call, monkeypatch):
    name = configuration()

    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(WorkFile, "commit", full)
        code, out, err = call("run", name)
    assert (code, out) == (3, "")
    assert "results/r.h5: No space left on device; free some space" in err
    assert err.count("\n") == 1
    assert read_results("results/r.h5").attributes["state"] == UNFINISHED
    assert call("show", "results/r.h5")[0] == 0
    assert call("run", name, "--resume")[0] == 0


def test_interrupt_is_code_130_and_resumable(configuration, call, monkeypatch):
    name = configuration()
    with monkeypatch.context() as patch:
        patch.setattr(engine.Interrupt, "check", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        code, out, err = call("run", name)
    assert (code, out) == (130, "")
    assert "--resume" in err
    code, out, _ = call("run", name, "--resume")
    assert code == 0
    assert read_results("results/r.h5").is_complete


def test_dry_run_says_what_it_takes_and_writes_nothing(configuration, call):
    sweep = "sweep:\n  electrode.potential_V: {start: 2.8, stop: 3.2, num: 10000}\n" + (
        "  temperature_K: {start: 250, stop: 350, num: 10000}\n"
    )
    code, out, err = call("run", configuration(sweep), "--dry-run", "--workers", "2")
    assert (code, err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["points"].startswith("100000000 (electrode_potential 10000 x temperature 10000) in ")
    assert "on 2 threads" in lines["time"]
    assert lines["memory"].startswith("about ")
    assert "GB" in lines["file"]
    assert files() == ["c.yaml"]


def test_points_from_a_table(configuration, call, tmp_path):
    rows = "electrode.potential_V,temperature_K\n3.1,290\n3.2,310\n"
    (tmp_path / "points.csv").write_text(rows)
    assert call("run", configuration("sweep: {points: points.csv}\noutput: {path: p.h5}\n"))[0] == 0
    results = read_results("p.h5")
    assert results.sweep == ("point",)
    np.testing.assert_array_equal(results["temperature"], [290.0, 310.0])
    assert results.fields["temperature"].dims == ("point",)


def test_axis_values_are_si_and_named_by_their_path(configuration, call):
    sweep = "sweep:\n  electrolyte.thickness_nm: [10, 20]\n  electrolyte.interaction.vacancy_eV: [0, 0.1]\n"
    assert call("run", configuration(sweep + "output: {path: t.h5}\n"))[0] == 0
    results = read_results("t.h5")
    assert results.sweep == ("electrolyte_thickness", "electrolyte_interaction_vacancy")
    np.testing.assert_allclose(results["electrolyte_thickness"], [1e-8, 2e-8], rtol=1e-15)
    assert results.fields["electrolyte_thickness"].units == "m"
    assert results.fields["electrolyte_interaction_vacancy"].units == "J"


def test_large_profiles_are_announced(configuration, call, monkeypatch):
    monkeypatch.setattr("spacecharge.sweeping.PROFILES_TO_ANNOUNCE", 1e3)
    rest = SWEEP.replace("path: results/r.h5,", "path: results/r.h5, profiles: true,")
    code, _, err = call("run", configuration(rest))
    assert code == 0
    assert "profiles take " in err
    assert "profiles: {nodes: " in err
    code, _, err = call("run", configuration(rest), "--overwrite", "--quiet")
    # Nothing but what a reader has to know about the numbers.
    assert all(line.startswith(("validity: ", "assumed: ")) for line in err.splitlines())


def test_a_disk_that_is_too_small_is_found_before_the_first_point(configuration, call, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: (0, 0, 1000))
    code, out, err = call("run", configuration())
    assert (code, out) == (3, "")
    assert "1 kB are free" in err
    assert files() == ["c.yaml"]


def test_check_names_an_axis_around_a_fit_without_the_fit(configuration, call):
    path = "electrolyte.diffusivity_m2_per_s"
    sweep = f"sweep:\n  {path}: {{within_sigma: 2, num: 9}}\n"
    name = configuration(sweep, **{"1.0e-13": "{from_fit: later.h5, parameter: diffusivity_m2_per_s}"})
    code, out, err = call("check", name)
    assert (code, err) == (0, "")
    assert f"axis            {path}: 9 within 2 sigma of the fit\n" in out
    code, out, err = call("run", name)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "later.h5: no such file" in err
    assert files() == ["c.yaml"]


def test_threads_that_cannot_be_started_leave_a_file_to_resume(configuration, call, monkeypatch):
    """A limit on memory or processes; the points are solved by then, the file is only to be packed."""

    def refuse(*given, **options):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "pack", refuse)
        code, _, err = call("run", configuration(), "--quiet")
    assert code == 3
    assert err == "spacecharge: no more threads can be started (memory or processes are limited)\n"
    assert not read_results("results/r.h5").is_complete
    assert call("run", configuration(), "--quiet", "--resume")[0] == 0
    assert read_results("results/r.h5").is_complete
