"""A disk that takes no more: one clear error, the old file untouched, nothing half-written."""

import errno
import subprocess
import sys

import pytest

from spacecharge.errors import SystemStop
from spacecharge.plotting.figures import save
from spacecharge.plotting.style import new_figure
from spacecharge.store import WorkFile, edited_hdf5, files, read_results, system_errors
from tests.sweeping.fake import FakeTask, fake_layout

LIMITED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.sweeping.fake import FakeTask, fake_layout
from spacecharge.store import WorkFile, pack
from spacecharge.store.lock import RunLock
path = Path({path!r})
layout = fake_layout((2000,), n_x=20)
{prepare}
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    {action}
except OSError as error:
    print(error.errno)
"""


def limited(tmp_path, prepare, action, limit):
    from pathlib import Path

    root = str(Path(__file__).resolve().parents[2])
    code = LIMITED.format(root=root, path=str(tmp_path / "r.h5"), prepare=prepare, action=action, limit=limit)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stderr == ""
    assert run.returncode == 0
    return run.stdout.strip()


# 20 kB end in the metadata that HDF5 writes, 100 kB in the data that we write.
@pytest.mark.parametrize("limit", [0, 20_000, 100_000])
def test_creating_the_work_file(tmp_path, limit):
    assert limited(tmp_path, "", "WorkFile.create(path, layout)", limit) == str(errno.EFBIG)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 20_000, 100_000])
def test_packing_leaves_the_work_file(tmp_path, limit):
    prepare = "work = WorkFile.create(path, layout); work.write(0, FakeTask(layout).evaluate(0, 2000)); work.commit()"
    assert limited(tmp_path, prepare, "pack(work, workers=2)", limit) == str(errno.EFBIG)
    assert [p.name for p in tmp_path.iterdir()] == ["r.h5"]
    results = read_results(tmp_path / "r.h5")
    assert not results.is_complete
    assert results.status_counts() == {0: 2000}


def test_a_write_that_fails_half_way_marks_nothing(tmp_path, monkeypatch):
    layout = fake_layout((100,))
    path = tmp_path / "r.h5"
    work = WorkFile.create(path, layout)
    real, calls = files.write_all, []

    def failing(file, data):
        calls.append(len(data))
        if len(calls) == 3:
            real(file, memoryview(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file, data)

    monkeypatch.setattr("spacecharge.store.work.write_all", failing)
    with pytest.raises(OSError, match="No space"):
        work.write(0, FakeTask(layout).evaluate(0, 50))
    work.commit()
    work.close()
    assert read_results(path).status_counts() == {-1: 100}


def test_editing(tmp_path, monkeypatch):
    path = tmp_path / "r.h5"
    work = WorkFile.create(path, fake_layout((10,)))
    work.close()
    before = path.read_bytes()

    def full(file, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("spacecharge.store.files.write_all", full)
    with (
        pytest.raises(SystemStop, match=r"r.h5: No space left on device; buy a disk"),
        system_errors(path, lambda: "buy a disk"),
        edited_hdf5(path) as file,
    ):
        file["fits/a"] = 1.0
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["r.h5"]


def test_taking_the_lock_leaves_nothing(tmp_path):
    assert limited(tmp_path, "", "RunLock(path).__enter__()", 0) == str(errno.EFBIG)
    assert list(tmp_path.iterdir()) == []


def test_a_figure_is_stopped_by_the_system_and_leaves_the_old_one(tmp_path, monkeypatch):
    def full(figure, temporary, **options):
        temporary.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a.png").write_bytes(b"old")
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    with pytest.raises(SystemStop, match=r"a.png: No space left on device; free some space and draw again"):
        save(new_figure(1, 1, "")[0], tmp_path / "a.png")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.png": b"old"}
