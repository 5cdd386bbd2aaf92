"""kill -9 and full disks in the middle of a run, in a process of its own."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from spacecharge.store import read_results
from tests.sweeping.fake import FakeTask, check_file, fake_layout

ROOT = Path(__file__).resolve().parents[2]
POINTS = 400


def start(path, *options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.sweeping.fake", str(path), "--points", str(POINTS), *options],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def task():
    return FakeTask(fake_layout((POINTS // 2, 2), n_x=20))


def kill_and_resume(path, rng, longest, *options):
    """Kill the run at a random moment until it gets through; return how often it was killed half way."""
    done = kills = 0
    while True:
        process = start(path, *options)
        deadline = time.monotonic() + rng.uniform(0.05, longest)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        if process.poll() is not None:
            assert process.returncode == 0, process.stderr.read()
            process.stderr.close()
            return kills
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        kills += 1
        if path.exists():
            with h5py.File(path) as file:
                assert file["status"].shape == (POINTS // 2, 2)
            now = check_file(path, task(), whole=False)
            assert now >= done, "a point that was done is gone"
            done = now
        longest *= 1.2


def test_kill_at_random_moments_and_resume(tmp_path):
    # Commits as fast as the loop turns: more moments at which a kill could hurt.
    path = tmp_path / "r.h5"
    kills = kill_and_resume(path, random.Random(1), 0.6, "--delay", "0.02", "--commit", "0")
    assert kills >= 2
    assert check_file(path, task()) == POINTS
    assert read_results(path).is_complete
    assert [p.name for p in tmp_path.iterdir()] == ["r.h5"]


@pytest.mark.slow
def test_a_hundred_kills(tmp_path):
    rng = random.Random(2)
    kills = rounds = 0
    while kills < 100:
        path = tmp_path / f"r{rounds}.h5"
        kills += kill_and_resume(path, rng, 0.5, "--delay", "0.02", "--commit", "0")
        rounds += 1
        assert check_file(path, task()) == POINTS


def test_file_size_limit_stops_with_code_3_and_resumes(tmp_path):
    path = tmp_path / "r.h5"
    process = start(path, "--delay", "0", "--file-limit", "50000")
    _, error = process.communicate()
    assert process.returncode == 3
    assert "File too large" in error
    assert "start again" in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    process = start(path, "--delay", "0")
    process.communicate()
    assert process.returncode == 0
    check_file(path, task())
