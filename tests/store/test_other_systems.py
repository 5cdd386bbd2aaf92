"""What Windows and macOS lack is taken away, one thing at a time: runs, fits and locks go on."""

import builtins
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import spacecharge as sc
from spacecharge.errors import StoreError
from spacecharge.kernels import cache_folder
from spacecharge.store import RunLock, files
from spacecharge.store import lock as lock_module
from spacecharge.store.fit_reader import fit_names
from spacecharge.store.fits import write_fit
from spacecharge.store.provenance import host_cpu
from spacecharge.sweeping import available_cores
from tests.sweeping.fake import FakeTask, check_file, fake_layout
from tests.sweeping.test_engine import half_done

from .test_fits_and_runs import DATA, alone, run

ROOT = Path(__file__).resolve().parents[2]

MISSING = {
    os: ("sched_getaffinity", "link", "getuid", "fchown", "fchmod", "O_NOFOLLOW", "O_CLOEXEC", "mkfifo", "fork"),
    signal: ("SIGTERM", "SIGKILL", "SIGHUP", "pthread_sigmask"),
}


@pytest.fixture(scope="module")
def fit():
    return sc.fit(DATA / "f1.yaml")


def everything(folder, fit):
    """Run, store a fit, resume, overwrite; keep out a second writer; leave nothing behind."""
    path = folder / "r.h5"
    task = FakeTask(fake_layout((100,)), chunk_points=10)
    half_done(path, task)
    write_fit(path, fit)
    with RunLock(path), pytest.raises(StoreError, match="in use"), RunLock(path):
        pass
    assert run(task, path, resume=True).n_resumed == 40
    check_file(path, task)
    assert fit_names(path) == ("fit1",)
    run(task, path, overwrite=True)
    assert alone(folder) == ["r.h5"]
    assert available_cores() >= 1
    assert host_cpu() is not None


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in MISSING.items() for n in names])
def test_without_a_function(tmp_path, monkeypatch, fit, module, name):
    monkeypatch.delattr(module, name, raising=False)
    everything(tmp_path, fit)
    monkeypatch.setattr(cache_folder.tempfile, "gettempdir", lambda: str(tmp_path))
    assert cache_folder.temporary_cache().is_dir()


@pytest.mark.parametrize("name", ["fcntl", "resource", "pwd", "grp", "termios"])
def test_without_a_module(tmp_path, monkeypatch, fit, name):
    monkeypatch.setitem(sys.modules, name, None)
    everything(tmp_path, fit)


def test_without_proc(tmp_path, monkeypatch, fit):
    def hide(real):
        def hidden(path, *args, **options):
            if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith("/proc"):
                raise FileNotFoundError(2, "No such file or directory", str(path))
            return real(path, *args, **options)

        return hidden

    # pathlib reads through io.open, and asks by os.stat.
    for module, name in ((builtins, "open"), (files.io, "open"), (os, "readlink"), (os, "stat"), (os, "open")):
        monkeypatch.setattr(module, name, hide(getattr(module, name)))
    assert lock_module._boot() == ""
    assert lock_module._started(os.getpid()) == "alive"
    everything(tmp_path, fit)
    # A process that is gone is known without it too.
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert lock_module._started(child.pid) is None


def test_where_folders_cannot_be_opened(tmp_path, monkeypatch, fit):
    real = os.open

    def refusing(path, flags, *args, **options):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", refusing)
    everything(tmp_path, fit)


def open_files():
    return {os.path.realpath(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")}


def test_where_open_files_can_be_neither_replaced_nor_removed(tmp_path, monkeypatch, fit):
    if not Path("/proc/self/fd").exists():
        pytest.skip("open files are listed under Linux only")
    monkeypatch.setattr(files, "WINDOWS", True)
    monkeypatch.setattr(files, "REPLACE_SECONDS", 0.3)
    monkeypatch.setattr(lock_module, "WINDOWS", True)
    for name in ("replace", "unlink", "remove", "rename"):
        real = getattr(os, name)

        def refusing(*paths, real=real, **options):
            if any(os.path.realpath(p) in open_files() for p in paths):
                raise PermissionError(13, "Permission denied", str(paths[-1]))
            return real(*paths, **options)

        monkeypatch.setattr(os, name, refusing)
    everything(tmp_path, fit)
    # A reader that is done soon is waited for, one that is not is named.
    path = tmp_path / "r.h5"
    before = path.read_bytes()
    with open(path, "rb"), pytest.raises(StoreError, match=r"r.h5: cannot be written \(Permission denied\)"):
        write_fit(path, fit, overwrite=True)
    assert path.read_bytes() == before
    assert alone(tmp_path) == ["r.h5"]


def test_signal_zero_is_not_sent_where_it_is_ctrl_c(tmp_path, monkeypatch, fit):
    monkeypatch.setattr(lock_module, "WINDOWS", True)
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda p, **o: False if str(p).startswith("/proc") else exists(p, **o))
    monkeypatch.setattr(os, "kill", lambda *args: pytest.fail("a signal was sent"))
    assert lock_module._started(2**22 + 12345) == lock_module.UNKNOWN
    # The age of the lock decides.
    lock = tmp_path / "r.h5.lock"
    lock.write_text('{"pid": 4206649, "host": "", "boot": ""}')
    monkeypatch.setattr(lock_module.socket, "gethostname", lambda: "")
    monkeypatch.setattr(lock_module, "_boot", lambda: "")
    with pytest.raises(StoreError, match="in use"), RunLock(tmp_path / "r.h5"):
        pass
    os.utime(lock, (1.0, 1.0))
    with RunLock(tmp_path / "r.h5"):
        pass


EVERY_MODULE = """
import importlib, os, pkgutil, signal, sys
import numpy, numba, scipy.optimize, h5py, pydantic, ruamel.yaml, matplotlib.figure, concurrent.futures, subprocess
try:
    import distributed, xarray, pandas
except ImportError:
    pass
for name in ("fcntl", "resource", "pwd", "grp", "termios", "posix"):
    sys.modules[name] = None
for name in ("sched_getaffinity", "link", "getuid", "geteuid", "fchown", "fchmod", "O_NOFOLLOW", "O_CLOEXEC", "fork"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGALRM", "setitimer", "pthread_sigmask"):
    if hasattr(signal, name):
        delattr(signal, name)
import spacecharge
n = 0
for found in pkgutil.walk_packages(spacecharge.__path__, "spacecharge."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
        n += 1
print(n)
from spacecharge.cli import main
sys.exit(main(["fit", "-o", sys.argv[1], sys.argv[2], "--quiet"]) or main(["show", sys.argv[1]]))
"""


def test_every_module_loads_without_what_windows_lacks(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", EVERY_MODULE, str(tmp_path / "f.h5"), str(DATA / "f1.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 100
    assert "time_constant_s" in done.stdout
