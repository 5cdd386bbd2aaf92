"""One run per file: held, released, stale, taken over."""

import json
import os
import socket
import subprocess
import sys

import pytest

from spacecharge.errors import StoreError, SystemStop
from spacecharge.store import RunLock
from spacecharge.store import lock as lock_module


def write_lock(path, **changes):
    holder = {**lock_module._identity(os.getpid()), "token": "theirs", **changes}
    lock = path.with_name(path.name + ".lock")
    lock.write_text(json.dumps(holder))
    return lock


def test_second_holder_is_refused_and_the_file_goes_away(tmp_path):
    path = tmp_path / "r.h5"
    with RunLock(path):
        with pytest.raises(StoreError, match=f"in use by another run .process {os.getpid()}"), RunLock(path):
            pass
        assert (tmp_path / "r.h5.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_lock_of_a_dead_process_is_taken_over(tmp_path):
    path = tmp_path / "r.h5"
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    write_lock(path, pid=child.pid, started="1")
    with RunLock(path) as lock:
        assert json.loads(lock.path.read_text())["pid"] == os.getpid()


def test_what_a_killed_run_left_before_it_had_the_lock_goes_and_that_of_a_living_one_stays(tmp_path):
    path = tmp_path / "r.h5"
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    dead = {**lock_module._identity(os.getpid()), "pid": child.pid, "started": "1"}
    (tmp_path / ".r.h5.lock.dead").write_text(json.dumps(dead))
    (tmp_path / ".r.h5.lock.living").write_text(json.dumps(lock_module._identity(os.getpid())))
    (tmp_path / ".r.h5.lock.beginning").write_text("")
    (tmp_path / ".other.h5.lock.dead").write_text(json.dumps(dead))
    with RunLock(path):
        pass
    left = {".r.h5.lock.living", ".r.h5.lock.beginning", ".other.h5.lock.dead"}
    assert {p.name for p in tmp_path.iterdir()} == left


def test_lock_of_another_process_of_the_same_number_is_stale(tmp_path):
    path = tmp_path / "r.h5"
    lock = write_lock(path, started="another start time")
    with RunLock(path):
        assert json.loads(lock.read_text())["started"] == lock_module._identity(os.getpid())["started"]
    assert not lock.exists()


def test_lock_of_another_host_is_judged_by_its_age(tmp_path):
    path = tmp_path / "r.h5"
    lock = write_lock(path, host=socket.gethostname() + "-other")
    with pytest.raises(StoreError, match="-other"), RunLock(path):
        pass
    old = lock.stat().st_mtime - lock_module.STALE_SECONDS - 5
    os.utime(lock, (old, old))
    with RunLock(path):
        pass


def test_a_damaged_lock_is_judged_by_its_age(tmp_path):
    path = tmp_path / "r.h5"
    lock = tmp_path / "r.h5.lock"
    lock.write_text("{")
    with pytest.raises(StoreError, match="in use"), RunLock(path):
        pass
    os.utime(lock, (1.0, 1.0))
    with RunLock(path):
        pass


def test_a_holder_that_lost_its_lock_stops_and_leaves_the_new_one(tmp_path, monkeypatch):
    monkeypatch.setattr(lock_module, "TOUCH_SECONDS", 0.0)
    path = tmp_path / "r.h5"
    with RunLock(path) as lock:
        lock.touch()
        write_lock(path)
        with pytest.raises(SystemStop, match="another run took over"):
            lock.touch()
    assert json.loads((tmp_path / "r.h5.lock").read_text())["token"] == "theirs"


def test_works_without_hard_links(tmp_path, monkeypatch):
    def no_links(*args):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "r.h5"
    with RunLock(path), pytest.raises(StoreError, match="in use"), RunLock(path):
        pass
    assert list(tmp_path.iterdir()) == []
