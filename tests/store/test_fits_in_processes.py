"""Fits and runs in processes of their own, some of them killed, and one file: what was reported is there."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from spacecharge.store import read_results
from spacecharge.store.fit_reader import fit_names
from tests.sweeping.fake import FakeTask, check_file, fake_layout

from .test_fits_and_runs import DATA, ROOT, alone, run


def started(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", *(str(a) for a in arguments)]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def pairs_of_fits(tmp_path, n):
    for k in range(n):
        path = tmp_path / f"two{k}.h5"
        both = [started("spacecharge", "fit", "-o", path, DATA / f"f{i}.yaml", cwd=tmp_path) for i in (1, 2)]
        errors = [process.communicate()[1] for process in both]
        landed = {f"fit{i}" for i, process in enumerate(both, 1) if process.returncode == 0}
        assert all(process.returncode in (0, 2) for process in both), errors
        assert landed, errors
        assert set(fit_names(path)) == landed
        assert alone(tmp_path) == [path.name]
        path.unlink()


def fits_into_killed_runs(tmp_path, n, rng):
    """Store fits in a file whose run is killed at random moments; return how many landed."""
    task = FakeTask(fake_layout((200, 2), n_x=20), chunk_points=8)
    landed = 0
    for _ in range(n):
        path = tmp_path / "r.h5"
        done, held = 0, set()
        while True:
            of_run = started(
                "tests.sweeping.fake", path, "--points", 400, "--delay", 0.05, "--commit", 0.05, cwd=tmp_path
            )
            name = 1 if "fit1" not in held else 2
            of_fit = None
            if "fit2" not in held:
                time.sleep(rng.uniform(0.0, 1.0))
                of_fit = started("spacecharge", "fit", "-o", path, DATA / f"f{name}.yaml", cwd=tmp_path)
            time.sleep(rng.uniform(0.3, 3.0))
            if rng.random() < 0.7:
                of_run.send_signal(signal.SIGKILL)
            if of_fit is not None and rng.random() < 0.3:
                time.sleep(rng.uniform(0.0, 1.5))
                of_fit.send_signal(signal.SIGKILL)
            run_error = of_run.communicate()[1]
            if of_fit is not None:
                error = of_fit.communicate()[1]
                assert of_fit.returncode in (0, 2, -signal.SIGKILL), error
                if of_fit.returncode == 0:
                    held.add(f"fit{name}")
                    landed += 1
            # The file may belong to a fit alone when the fit came first: then the run is refused, as it should.
            assert of_run.returncode in (0, 2, -signal.SIGKILL), run_error
            if path.exists():
                assert held <= set(fit_names(path))
                if read_results(path).n_points:
                    now = check_file(path, task, whole=False)
                    assert now >= done, "a point that was done is gone"
                    done = now
                elif of_run.returncode == 2:
                    assert "belongs to another configuration" in run_error or "in use" in run_error
                    break
            if of_run.returncode == 0:
                assert done == 400
                break
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
    return landed


def test_a_pair_of_fits_in_processes(tmp_path):
    pairs_of_fits(tmp_path, 1)


def test_a_fit_into_a_running_and_killed_run(tmp_path):
    path = tmp_path / "r.h5"
    task = FakeTask(fake_layout((200, 2), n_x=20), chunk_points=8)
    of_run = started("tests.sweeping.fake", path, "--points", 400, "--delay", 0.2, "--commit", 0.05, cwd=tmp_path)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (path.exists() and read_results(path).status_counts().get(0)):
        time.sleep(0.05)
    of_fit = started("spacecharge", "fit", "-o", path, DATA / "f1.yaml", cwd=tmp_path)
    time.sleep(1.0)
    done = read_results(path).status_counts()[0]
    of_run.send_signal(signal.SIGKILL)
    of_run.communicate()
    error = of_fit.communicate()[1]
    assert of_fit.returncode == 0, error
    assert fit_names(path) == ("fit1",)
    assert check_file(path, task, whole=False) >= done
    assert run(task, path, resume=True).n_resumed >= done
    assert fit_names(path) == ("fit1",)
    check_file(path, task)
    assert alone(tmp_path) == ["r.h5"]


@pytest.mark.slow
def test_fifty_pairs_of_fits(tmp_path):
    pairs_of_fits(tmp_path, 50)


@pytest.mark.slow
def test_twenty_fits_into_runs_with_kills(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    landed = fits_into_killed_runs(folder, 20, random.Random(3))
    # Some fits are killed, some come first and leave the run without its file.
    assert landed >= 8
