"""Ten million points in little memory: nothing of the size of the sweep is ever held."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spacecharge.store import read_results

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")

CODE = """
import re, sys
from pathlib import Path
from tests.sweeping.fake import FakeTask, fake_layout
from spacecharge.sweeping.engine import run_task
from spacecharge.sweeping.pools import ThreadPool
task = FakeTask(fake_layout((1000, int(sys.argv[2]) // 1000)), chunk_points=2048)
report = run_task(task, Path(sys.argv[1]), lambda t: ThreadPool(t, 2), workers=2)
assert report.counts == {0: task.layout.n_points}
# What getrusage says begins with the peak of the process that started this one; the status counts this program alone.
print(int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text()).group(1)) * 1024)
"""


def peak(path, n):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    run = subprocess.run(
        [sys.executable, "-c", CODE, str(path), str(n)], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


def test_memory_does_not_grow_with_the_points(tmp_path):
    small, large = peak(tmp_path / "a.h5", 10_000), peak(tmp_path / "b.h5", 1_000_000)
    # A million points are 56 MB of values; slabs and chunks in flight may take 100 MB, whatever the sweep.
    assert large - small < 100e6


@pytest.mark.slow
def test_ten_million_points_stay_under_a_gibibyte(tmp_path):
    path = tmp_path / "r.h5"
    assert peak(path, 10_000_000) < 2**30
    assert read_results(path).status_counts() == {0: 10_000_000}
