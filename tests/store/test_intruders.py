"""Another program replaces or writes into the file of a run at work: nothing is lost, nothing wrong is solved."""

import os
import shutil
import time
from pathlib import Path

import h5py
import pytest

from spacecharge.errors import SystemStop
from tests.sweeping.fake import FakeTask, check_file, fake_layout

from .test_fits_and_runs import run

POINTS, CHUNK, AT = 100, 10, 50


class Attacked(FakeTask):
    """Calls `attack` before one of its later chunks, when what came before is on the disk."""

    path = attack = None

    def evaluate(self, lo, hi):
        if lo == AT and self.attack is not None:
            deadline = time.monotonic() + 20.0
            while not (self.path.exists() and check_file(self.path, self, whole=False) >= AT - 2 * CHUNK):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            self.attack()
        return super().evaluate(lo, hi)


def attacked(path, attack, monkeypatch):
    """Run with a commit behind every chunk, and an attack half way."""
    monkeypatch.setattr("spacecharge.sweeping.engine.COMMIT_SECONDS", 0.0)
    task = Attacked(fake_layout((POINTS,)), chunk_points=CHUNK)
    task.path, task.attack = path, attack
    return task, lambda: run(task, path)


def other_text(path):
    new = path.with_name("new")
    new.write_text("of somebody else")
    os.replace(new, path)


def other_results(path):
    new = path.with_name("new.h5")
    with h5py.File(new, "w") as file:
        file["x"] = 1.0
    os.replace(new, path)


def other_link(path):
    path.with_name("elsewhere").write_text("of somebody else")
    path.unlink()
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("put", [other_text, other_results, other_link])
def test_a_file_put_in_the_place_of_a_run_stays_and_the_run_goes_on_beside_it(tmp_path, monkeypatch, put):
    path = tmp_path / "r.h5"
    theirs = []

    def attack():
        put(path)
        theirs.append((path.read_bytes(), path.is_symlink()))

    task, start = attacked(path, attack, monkeypatch)
    with pytest.raises(SystemStop, match=r"stays; go on with -o .*r-saved1\.h5 --resume"):
        start()
    assert [(path.read_bytes(), path.is_symlink())] == theirs
    saved = tmp_path / "r-saved1.h5"
    assert check_file(saved, task, whole=False) >= AT - 2 * CHUNK
    task.attack = None
    assert run(task, saved, resume=True).n_resumed >= AT - 2 * CHUNK
    assert check_file(saved, task) == POINTS
    assert not list(tmp_path.glob(".*"))


def cut(path):
    os.truncate(path, 0)


def copied_over(path):
    """As `cp` does: into the file that stands there."""
    Path(path.with_name("small")).write_bytes(b"\0" * 100)
    shutil.copyfile(path.with_name("small"), path)


@pytest.mark.parametrize("write", [cut, copied_over])
def test_a_file_that_somebody_wrote_into_is_no_result(tmp_path, monkeypatch, write):
    """Its holes read as zeros, and status 0 is solved."""
    path = tmp_path / "r.h5"
    _, start = attacked(path, lambda: write(path), monkeypatch)
    with pytest.raises(SystemStop, match="wrote into the file of this run"):
        start()


@pytest.mark.parametrize("how", ["removed", "renamed"])
def test_a_file_that_is_removed_or_renamed_appears_at_the_end(tmp_path, monkeypatch, how):
    path = tmp_path / "r.h5"
    task, start = attacked(
        path, path.unlink if how == "removed" else lambda: path.rename(tmp_path / "b.h5"), monkeypatch
    )
    start()
    assert check_file(path, task) == POINTS
