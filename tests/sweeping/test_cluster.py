"""Sweeps on dask.distributed: same values, dying workers, chunks that fail, schedulers that are not there."""

import contextlib
import os
import signal
import socket
import threading
import time

import numpy as np
import pytest

from spacecharge.errors import SpaceChargeError, SystemStop
from spacecharge.store import read_results
from spacecharge.sweeping import run_sweep
from spacecharge.sweeping.engine import run_task
from tests.sweeping.fake import FakeTask, check_file, fake_layout

distributed = pytest.importorskip("distributed")
# dask's own threads and sockets close when they please; what we hold is closed by the pool.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
OWN_PORT = {"dashboard_address": "127.0.0.1:0"}


def run(task, path, address="local", **options):
    from spacecharge.sweeping.cluster import ClusterPool

    patience = options.pop("patience", 60.0)
    return run_task(task, path, lambda t: ClusterPool(t, address, 2, no_worker_seconds=patience), workers=2, **options)


def test_scheduler_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr("spacecharge.sweeping.cluster.CONNECT_SECONDS", 0.5)
    for address, message in [
        ("tcp://127.0.0.1:1", "no scheduler answers there"),
        ("nothing", "neither local, nor tcp://HOST:PORT, nor a scheduler file"),
    ]:
        with pytest.raises(SpaceChargeError, match=message):
            run(FakeTask(fake_layout()), tmp_path / "r.h5", address)
    assert list(tmp_path.iterdir()) == []


def test_local_cluster_gives_the_same_file(tmp_path):
    task = FakeTask(fake_layout((100, 3), n_x=5), fails=7)
    report = run(task, tmp_path / "r.h5")
    assert report.n_failed == 300 // 7
    check_file(report, task)
    results = read_results(report)
    assert results.is_complete


def test_another_cluster_at_the_usual_port_goes_unnoticed(tmp_path):
    """The second of two runs on one machine was warned that port 8787 is in use: an error among these tests."""
    with socket.socket() as other:
        # Where it is in use already there is nothing to do.
        with contextlib.suppress(OSError):
            other.bind(("127.0.0.1", 8787))
            other.listen()
        run(FakeTask(fake_layout((10,))), tmp_path / "r.h5")


def test_chunks_that_fail_everywhere_end_in_a_report(tmp_path):
    with pytest.raises(SystemStop, match=r"19 chunks of 19 failed on every try.*RuntimeError: on purpose"):
        run(FakeTask(fake_layout(), error="raise"), tmp_path / "r.h5")
    assert read_results(tmp_path / "r.h5").status_counts() == {-1: 300}


def test_scheduler_without_workers_ends_in_a_report(tmp_path):
    with distributed.LocalCluster(n_workers=0, dashboard_address=None, scheduler_kwargs=OWN_PORT) as cluster:
        with pytest.raises(SystemStop, match="no worker for 1 s"):
            run(FakeTask(fake_layout()), tmp_path / "r.h5", cluster.scheduler_address, patience=1.0)
    assert read_results(tmp_path / "r.h5").status_counts() == {-1: 300}


def test_a_killed_worker_costs_its_chunk_only(tmp_path):
    path = tmp_path / "r.h5"
    task = FakeTask(fake_layout((200, 2)), chunk_points=8, delay=0.1)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, scheduler_kwargs=OWN_PORT, silence_logs=50
    ) as cluster:
        victim = next(iter(cluster.workers.values()))

        def kill():
            while not path.exists() or read_results(path).status_counts().get(0, 0) < 50:
                time.sleep(0.05)
            os.kill(victim.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        report = run(task, path, cluster.scheduler_address)
        killer.join()
    assert report.counts == {0: 400}
    check_file(path, task)


def test_workers_that_die_on_every_chunk_end_in_a_report(tmp_path):
    with pytest.raises(SystemStop, match=r"failed on every try.*KilledWorker"):
        run(FakeTask(fake_layout((10,)), chunk_points=10, error="exit"), tmp_path / "r.h5")


def test_real_solves_agree_with_a_local_run(tmp_path, monkeypatch):
    from .test_plan import SWEEP, TEXT

    (tmp_path / "c.yaml").write_text(TEXT + SWEEP)
    local = read_results(run_sweep(tmp_path / "c.yaml", output=tmp_path / "a.h5", workers=2))
    remote = read_results(run_sweep(tmp_path / "c.yaml", output=tmp_path / "b.h5", workers=2, scheduler="local"))
    assert set(local.fields) == set(remote.fields)
    for path in local.fields:
        np.testing.assert_array_equal(local[path], remote[path])


def test_every_worker_has_a_compile_cache_of_its_own(tmp_path, monkeypatch):
    import numba

    from spacecharge.sweeping.cluster import prepare_numba_cache

    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    given = tmp_path / "given"
    given.mkdir()
    (given / "index.nbi").write_text("x")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(given))
    folder = tmp_path / "worker" / "numba"
    prepare_numba_cache(folder)
    assert os.environ["NUMBA_CACHE_DIR"] == str(folder) == numba.config.CACHE_DIR
    # What is compiled already comes along: a restarted worker need not compile again.
    assert (folder / "index.nbi").exists()


def test_seeded_caches_are_found_by_numba(tmp_path):
    """Guards our use of numba's naming of cache folders, which is not part of its interface."""
    import subprocess
    import sys

    code = f"""
import sys
from pathlib import Path
from spacecharge.sweeping.cluster import prepare_numba_cache
prepare_numba_cache(Path({str(tmp_path / "cache")!r}))
from spacecharge.model import Layer, Stack
from spacecharge.solver.equilibrium import solve
layers = [Layer(name=n, thickness_nm=10, permittivity=10, potential_V=u, site_density_per_nm3=10, occupancy=0.5)
          for n, u in (("a", 3.0), ("b", 3.1))]
solve(Stack(layers))
from spacecharge.kernels.poisson_boltzmann import solve_rows
stats = solve_rows.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""
    warm = code.replace("prepare_numba_cache(Path", "(lambda p: None)(Path")
    subprocess.run([sys.executable, "-c", warm], check=True, capture_output=True)
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    hits, misses = map(int, run.stdout.split())
    assert hits > 0
    assert misses == 0
