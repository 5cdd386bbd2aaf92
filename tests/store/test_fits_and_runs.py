"""Runs and fits in one file: one lock, one atomic write, nothing lost that was reported."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import spacecharge as sc
from spacecharge.errors import StoreError, SystemStop
from spacecharge.store import RunLock, fits, read_results
from spacecharge.store import files as files_module
from spacecharge.store import lock as lock_module
from spacecharge.store.fit_reader import fit_names, read_fit
from spacecharge.store.fits import write_fit
from spacecharge.sweeping import engine
from spacecharge.sweeping.pools import ThreadPool
from tests.sweeping.fake import FakeTask, check_file, fake_layout
from tests.sweeping.test_engine import half_done

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parent / "data"
T1 = "time_constant_s"


@pytest.fixture(scope="module")
def results():
    return [sc.fit(DATA / f"f{n}.yaml") for n in (1, 2)]


def run(task, path, **options):
    return engine.run_task(task, path, lambda t: ThreadPool(t, 2), workers=2, **options)


def alone(folder):
    """Return what stands in a folder: nothing may be left beside the result."""
    return sorted(p.name for p in folder.iterdir())


def test_two_fits_at_once_are_both_in_the_file(tmp_path, monkeypatch, results):
    path = tmp_path / "two.h5"
    write = fits._write

    def slowly(group, result):
        write(group, result)
        time.sleep(0.3)

    monkeypatch.setattr(fits, "_write", slowly)
    failures = []

    def store(result):
        try:
            write_fit(path, result)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=store, args=(result,)) for result in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(fit_names(path)) == {"fit1", "fit2"}
    assert alone(tmp_path) == ["two.h5"]


def test_a_fit_in_the_file_of_a_killed_run_survives_its_resumption(tmp_path, results):
    path = tmp_path / "r.h5"
    task = FakeTask(fake_layout((100,)), chunk_points=10)
    half_done(path, task)
    write_fit(path, results[0])
    with h5py.File(path) as file:
        before = {}
        file["fits"].visititems(lambda name, item: before.update({name: (dict(item.attrs), read(item), axes(item))}))
    assert read_results(path).status_counts() == {0: 40, -1: 60}
    assert run(task, path, resume=True).n_resumed == 40
    check_file(path, task)
    assert read_results(path).is_complete
    with h5py.File(path) as file:
        after = {}
        file["fits"].visititems(lambda name, item: after.update({name: (dict(item.attrs), read(item), axes(item))}))
    assert list(after) == list(before)
    for name, (attributes, values, scales) in before.items():
        assert after[name][2] == scales, name
        np.testing.assert_equal(after[name][1], values)
        for key in attributes.keys() - {"DIMENSION_LIST", "REFERENCE_LIST"}:
            np.testing.assert_equal(after[name][0][key], attributes[key])
    assert read_fit(path, T1).value == results[0].parameters[T1].value


def test_a_run_that_was_killed_before_its_file_begins_takes_over_the_fits(tmp_path, results):
    """The kill came first, the fit made the file: going on was refused, and --overwrite would have lost the fit."""
    path = tmp_path / "r.h5"
    for result in results[:2]:
        write_fit(path, result)
    task = FakeTask(fake_layout((100,)), chunk_points=10)

    class DyingTask(FakeTask):
        def evaluate(self, lo, hi):
            if lo >= 40:
                raise OSError("killed")
            return super().evaluate(lo, hi)

    with pytest.raises(SystemStop, match="40 of 100 points are in the file"):
        run(DyingTask(fake_layout((100,)), chunk_points=10), path, resume=True)
    # In the file from its first moment on, not only when the run is done.
    assert set(fit_names(path)) == {"fit1", "fit2"}
    assert not read_results(path).is_complete
    run(task, path, resume=True)
    check_file(path, task)
    assert set(fit_names(path)) == {"fit1", "fit2"}
    assert read_fit(path, f"fit1/{T1}").value == results[0].parameters[T1].value
    assert alone(tmp_path) == ["r.h5"]


def test_a_run_over_a_finished_one_keeps_the_fits(tmp_path, results, capfd):
    """`--overwrite` replaces points; the fits stored beside them went without a word."""
    path = tmp_path / "r.h5"
    run(FakeTask(fake_layout((10,))), path)
    for result in results[:2]:
        write_fit(path, result)
    task = FakeTask(fake_layout((20,)))
    run(task, path, overwrite=True, quiet=False)
    check_file(path, task)
    assert read_results(path).n_points == 20
    assert set(fit_names(path)) == {"fit1", "fit2"}
    assert read_fit(path, f"fit1/{T1}").value == results[0].parameters[T1].value
    assert "r.h5: keeps the fits that were stored in it: fit1, fit2\n" in capfd.readouterr().err
    # Fits that cannot be kept are no reason to lose them: the file stays.
    with h5py.File(path, "r+") as file:
        del file["fits/fit1/parameter"]
    before = path.read_bytes()
    with pytest.raises(StoreError, match="damaged or not ours"):
        run(task, path, overwrite=True)
    assert path.read_bytes() == before
    assert alone(tmp_path) == ["r.h5"]


def read(item):
    return item[()] if isinstance(item, h5py.Dataset) else None


def axes(item):
    return [[scale.name for scale in dim.values()] for dim in item.dims] if isinstance(item, h5py.Dataset) else None


def test_a_fit_waits_for_a_run_or_is_refused(tmp_path, monkeypatch, results):
    path = tmp_path / "r.h5"
    task = FakeTask(fake_layout((100,)), chunk_points=10)
    half_done(path, task)
    before = path.read_bytes()
    monkeypatch.setattr(fits, "WAIT_SECONDS", 0.1, raising=False)
    with RunLock(path):
        with pytest.raises(StoreError, match=f"in use by another run .process {os.getpid()}"):
            write_fit(path, results[0])
        with pytest.raises(StoreError, match="in use"):
            fits.refuse_existing(path, "fit1", False)
        assert path.read_bytes() == before
    monkeypatch.setattr(fits, "WAIT_SECONDS", 20.0)
    monkeypatch.setattr(lock_module, "SAY_SECONDS", 0.1)
    said = []
    with RunLock(path):
        thread = threading.Thread(target=write_fit, args=(path, results[0]), kwargs={"say": said.append})
        thread.start()
        time.sleep(0.4)
        assert path.read_bytes() == before
    thread.join()
    assert fit_names(path) == ("fit1",)
    assert len(said) == 1
    assert "waiting for another run" in said[0]


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    path = tmp_path / "r.h5"

    class Late(RunLock):
        def __enter__(self):
            path.write_text("of a run that was faster")
            return super().__enter__()

    monkeypatch.setattr(engine, "RunLock", Late)
    with pytest.raises(StoreError, match="exists already"):
        run(FakeTask(fake_layout((10,))), path)
    assert path.read_text() == "of a run that was faster"


def test_two_that_judge_a_lock_stale_at_once(tmp_path, monkeypatch):
    path = tmp_path / "r.h5"
    (tmp_path / "r.h5.lock").write_text("{}")
    os.utime(tmp_path / "r.h5.lock", (1.0, 1.0))
    judge, replace = lock_module._is_stale, os.replace
    both = threading.Barrier(2)
    judged = set()

    def together(*args):
        answer = judge(*args)
        if threading.get_ident() not in judged:
            judged.add(threading.get_ident())
            both.wait()
        return answer

    def late(*args):
        # Longer than the pause in which one that takes over looks whether it was alone.
        if threading.get_ident() == max(judged):
            time.sleep(0.2)
        replace(*args)

    monkeypatch.setattr(lock_module, "_is_stale", together)
    monkeypatch.setattr(os, "replace", late)
    inside, most, refused = [], [], []

    def hold():
        try:
            with RunLock(path):
                inside.append(1)
                time.sleep(0.5)
                most.append(len(inside))
                inside.pop()
        except StoreError as error:
            refused.append(error)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert len(refused) == 1


@pytest.mark.parametrize("who", ["fit", "run"])
def test_a_planted_link_is_not_written_through(tmp_path, results, who):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".r.h5.tmp-{os.getpid()}").symlink_to(victim)
    if who == "fit":
        write_fit(tmp_path / "r.h5", results[0])
    else:
        run(FakeTask(fake_layout((10,))), tmp_path / "r.h5")
    assert victim.read_text() == "precious"
    assert alone(tmp_path) == ["r.h5", "victim"]


def test_temporary_names_cannot_be_guessed_and_nothing_is_opened_through_a_link(tmp_path):
    names = {files_module.create_beside(tmp_path / "r.h5", 0o600).name for _ in range(3)}
    assert len(names) == 3
    assert all(str(os.getpid()) not in name for name in names)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "link").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        files_module.GuardedFile(tmp_path / "link", "w+")
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_overwriting_keeps_the_permissions(tmp_path, results, mode):
    path = tmp_path / "r.h5"
    for store in (
        lambda: run(FakeTask(fake_layout((10,))), path, overwrite=True),
        lambda: write_fit(path, results[0]),
        lambda: write_fit(path, results[0], overwrite=True),
    ):
        path.touch()
        path.chmod(mode)
        store()
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        run(FakeTask(fake_layout((10,))), tmp_path / "r.h5")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "r.h5").stat().st_mode) == 0o640


def test_overwriting_through_a_link_replaces_what_it_leads_to(tmp_path, results):
    (tmp_path / "deep").mkdir()
    real, link = tmp_path / "deep" / "real.h5", tmp_path / "link.h5"
    link.symlink_to("deep/real.h5")
    run(FakeTask(fake_layout((10,))), link)
    run(FakeTask(fake_layout((20,))), link, overwrite=True)
    write_fit(link, results[0])
    assert link.is_symlink()
    assert not real.is_symlink()
    assert read_results(real).n_points == 20
    assert fit_names(real) == ("fit1",)
    assert alone(tmp_path / "deep") == ["real.h5"]
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(StoreError, match="circle of links"):
        run(FakeTask(fake_layout((10,))), tmp_path / "circle", overwrite=True)


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_regular_file_is_not_replaced(tmp_path, results, kind):
    path = tmp_path / "r.h5"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind(os.path.relpath(path))
        server.close()
    else:
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root makes devices")
    before = path.lstat()
    with pytest.raises(StoreError, match=f"r.h5: is a {kind}; a result is written into a regular file only"):
        run(FakeTask(fake_layout((10,))), path, overwrite=True)
    with pytest.raises(StoreError, match="regular file"):
        write_fit(path, results[0], overwrite=True)
    assert path.lstat() == before
    assert alone(tmp_path) == ["r.h5"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a\0b.h5", r"a\\x00b.h5: no file can have this name .it holds a zero byte"),
        ("n" * 300, r"nnn\.\.\.: no file can have this name .File name too long"),
        ("", "no file can have this name .it is empty"),
    ],
)
def test_names_that_no_file_can_have(tmp_path, monkeypatch, results, name, message):
    monkeypatch.chdir(tmp_path)
    for store in (
        lambda: run(FakeTask(fake_layout((10,))), name),
        lambda: write_fit(name, results[0]),
        lambda: fits.refuse_existing(name, "fit1", False),
    ):
        with pytest.raises(StoreError, match=message) as caught:
            store()
        assert len(str(caught.value)) < 200


def test_no_file_is_open_while_it_is_replaced(tmp_path, monkeypatch, results):
    # Windows refuses to replace an open file.
    if not Path("/proc/self/fd").exists():
        pytest.skip("open files are listed under Linux only")
    path = tmp_path / "r.h5"
    replace, seen = os.replace, []

    def watching(source, target):
        opened = [os.path.realpath(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")]
        assert os.path.realpath(source) not in opened
        assert os.path.realpath(target) not in opened
        seen.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", watching)
    run(FakeTask(fake_layout((10,))), path)
    write_fit(path, results[0])
    assert len(seen) == 3


def test_a_run_that_lost_its_lock_does_not_replace_the_file(tmp_path, results):
    path = tmp_path / "r.h5"
    with RunLock(path) as lock:
        path.with_name("r.h5.lock").write_text("{}")
        with pytest.raises(sc.SpaceChargeError, match="took over"), files_module.replacing(path, lock):
            pass
        assert not path.exists()


SECOND_SIGNAL = """
import sys, time
from spacecharge.sweeping.engine import Interrupt
with Interrupt() as interrupt:
    print("ready", flush=True)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            time.sleep(0.02)
        except KeyboardInterrupt:
            pass
        if interrupt.asked:
            interrupt.asked = False
            print("asked", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_kills(number):
    process = subprocess.Popen([sys.executable, "-c", SECOND_SIGNAL], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == "asked\n"
    process.send_signal(number)
    assert process.wait(10) == -number
    process.stdout.close()
