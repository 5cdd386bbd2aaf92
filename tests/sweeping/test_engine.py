"""The engine with a task that costs nothing: chunks, failures, resume, refusals, signals, progress."""

import io
import itertools
import os
import signal
import threading
from collections import Counter

import numpy as np
import pytest

from spacecharge.errors import ModelError, StoreError, SystemStop
from spacecharge.store import WorkFile, read_results
from spacecharge.sweeping import engine
from spacecharge.sweeping.engine import run_task
from spacecharge.sweeping.pools import ThreadPool
from spacecharge.sweeping.progress import Progress, duration, progress_line
from spacecharge.sweeping.task import chunk_points, chunk_range, n_chunks
from tests.sweeping.fake import FakeTask, check_file, fake_layout


def run(task, path, workers=2, **options):
    return run_task(task, path, lambda t: ThreadPool(t, workers), workers=workers, **options)


@pytest.mark.parametrize("shape", [(), (1,), (16,), (17,), (9, 11)], ids=str)
@pytest.mark.parametrize("workers", [1, 3])
def test_every_point_is_run_once(tmp_path, shape, workers):
    task = FakeTask(fake_layout(shape, n_x=5), chunk_points=16)
    report = run(task, tmp_path / "deep" / "er" / "r.h5", workers)
    assert report.n_failed == 0
    assert report.counts == {0: task.layout.n_points}
    check_file(report, task)
    assert read_results(report).is_complete
    assert [p.name for p in report.path.parent.iterdir()] == ["r.h5"]


def test_failed_points_keep_their_rows(tmp_path):
    task = FakeTask(fake_layout((50,)), fails=10)
    report = run(task, tmp_path / "r.h5")
    assert report.counts == {0: 45, 2: 5}
    assert report.n_failed == 5
    assert report.failures == ("point 9: status 2", "point 19: status 2", "point 29: status 2")
    results = read_results(report)
    bad = results["status"] == 2
    assert np.isnan(results["charge"][bad]).all()
    assert results["charge"].shape == (50, 2)


def test_existing_file_is_refused_and_untouched(tmp_path):
    path = tmp_path / "r.h5"
    path.write_text("precious")
    with pytest.raises(StoreError, match=r"--resume goes on.*--overwrite replaces"):
        run(FakeTask(fake_layout()), path)
    assert path.read_text() == "precious"
    run(FakeTask(fake_layout()), path, overwrite=True)
    assert read_results(path).is_complete


def test_paths_that_cannot_be_written(tmp_path):
    with pytest.raises(StoreError, match="is a directory"):
        run(FakeTask(fake_layout()), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="the folder cannot be created"):
        run(FakeTask(fake_layout()), tmp_path / "file" / "r.h5")


def half_done(path, task, n=40):
    with WorkFile.create(path, engine.file_layout(task)) as work:
        for chunk in range(n // task.chunk_points):
            lo, hi = chunk_range(task, chunk)
            work.write(lo, task.evaluate(lo, hi))
        work.commit()


class Counting(FakeTask):
    """Remembers which points were evaluated."""

    def evaluate(self, lo, hi):
        self.seen = [*getattr(self, "seen", []), (lo, hi)]
        return super().evaluate(lo, hi)


def test_resume_runs_the_missing_chunks_only(tmp_path):
    task = Counting(fake_layout((100,)), chunk_points=10)
    half_done(tmp_path / "r.h5", task)
    task.seen = []
    report = run(task, tmp_path / "r.h5", resume=True)
    assert sorted(task.seen) == [(lo, lo + 10) for lo in range(40, 100, 10)]
    assert report.n_resumed == 40
    assert report.counts == {0: 100}
    check_file(report, task)
    again = run(task, tmp_path / "r.h5", resume=True)
    assert again.n_resumed == 100
    assert len(task.seen) == 6


def test_a_chunk_cut_while_being_marked_is_run_again(tmp_path):
    task = Counting(fake_layout((100,)), chunk_points=10)
    path = tmp_path / "r.h5"
    half_done(path, task)
    with WorkFile.open(path, task.layout) as work:
        work.write(40, task.evaluate(40, 43))
        work.commit()
    task.seen = []
    report = run(task, path, resume=True)
    assert (40, 50) in task.seen
    assert report.n_resumed == 40
    check_file(path, task)


def test_resume_without_a_file_starts_afresh(tmp_path):
    task = FakeTask(fake_layout())
    assert run(task, tmp_path / "r.h5", resume=True).n_resumed == 0
    check_file(tmp_path / "r.h5", task)


@pytest.mark.parametrize("complete", [False, True])
def test_resume_with_another_configuration_is_refused(tmp_path, complete):
    path = tmp_path / "r.h5"
    task = FakeTask(fake_layout((100,), attributes={"config_yaml": "temperature_K: 300"}), chunk_points=10)
    if complete:
        run(task, path)
    else:
        half_done(path, task)
    before = path.read_bytes()
    other = FakeTask(task.layout, fingerprint="other")
    with pytest.raises(StoreError, match="another configuration; restore it"):
        run(other, path, resume=True)

    def explain(attributes):
        return "was " + attributes["config_yaml"]

    with pytest.raises(StoreError, match=r"another configuration \(was temperature_K: 300\); restore it"):
        run(other, path, resume=True, explain_change=explain)
    assert path.read_bytes() == before


def test_second_run_on_the_file_is_refused(tmp_path):
    path = tmp_path / "r.h5"
    slow = FakeTask(fake_layout((64,)), chunk_points=8, delay=0.1)
    thread = threading.Thread(target=run, args=(slow, path, 1))
    thread.start()
    while not path.exists():
        pass
    for options in ({"resume": True}, {"overwrite": True}):
        with pytest.raises(StoreError, match="in use by another run"):
            run(slow, path, **options)
    thread.join()
    check_file(path, slow)


def test_chunks_that_fail_everywhere_end_in_a_report(tmp_path):
    path = tmp_path / "r.h5"
    with pytest.raises(SystemStop, match=r"7 chunks of 7 failed.*points 0 to 15.*RuntimeError: on purpose"):
        run(FakeTask(fake_layout((100,)), error="raise"), path)
    assert read_results(path).status_counts() == {-1: 100}
    assert run(FakeTask(fake_layout((100,))), path, resume=True).counts == {0: 100}


def test_a_sweep_that_only_fails_gives_up_early(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "GIVE_UP_AFTER", 3)
    task = Counting(fake_layout((1000,)), chunk_points=1, error="raise")
    with pytest.raises(SystemStop, match="chunks of 1000 failed"):
        run(task, tmp_path / "r.h5", 1)
    assert len(task.seen) < 20


def test_errors_of_ours_and_of_memory_stop_at_once(tmp_path):
    class Bad(FakeTask):
        def evaluate(self, lo, hi):
            if lo >= 32:
                raise ModelError("is out of range", "electrode.permittivity")
            return super().evaluate(lo, hi)

    with pytest.raises(ModelError, match=r"electrode\.permittivity: is out of range"):
        run(Bad(fake_layout((100,))), tmp_path / "a.h5", 1)
    assert read_results(tmp_path / "a.h5").status_counts()[0] == 32
    with pytest.raises(MemoryError):
        run(FakeTask(fake_layout((100,)), error="memory"), tmp_path / "b.h5")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_commits_what_came_back(tmp_path, number):
    path = tmp_path / "r.h5"

    class Interrupting(FakeTask):
        def evaluate(self, lo, hi):
            if lo == 48:
                os.kill(os.getpid(), number)
            return super().evaluate(lo, hi)

    handler = signal.getsignal(number)
    task = Interrupting(fake_layout((400,)), delay=0.02)
    with pytest.raises(KeyboardInterrupt):
        run(task, path, 1)
    assert signal.getsignal(number) == handler
    done = check_file(path, task, whole=False)
    assert 48 <= done < 400
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.h5"]
    assert run(FakeTask(task.layout), path, resume=True).n_resumed == done
    check_file(path, task)


def test_interrupt_while_packing_leaves_the_work_file(tmp_path, monkeypatch):
    def pack_interrupted(work, workers, progress):
        os.kill(os.getpid(), signal.SIGINT)
        progress(0.5)

    task = FakeTask(fake_layout((40,)))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(engine, "pack", pack_interrupted)
        run(task, tmp_path / "r.h5")
    assert check_file(tmp_path / "r.h5", task) == 40
    assert run(task, tmp_path / "r.h5", resume=True).n_resumed == 40
    assert read_results(tmp_path / "r.h5").is_complete


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    (tmp_path / ".r.h5.tmp-123").write_text("half")
    run(FakeTask(fake_layout()), tmp_path / "r.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["r.h5"]


def test_chunks_cover_the_points_and_do_not_depend_on_workers():
    for n in (1, 63, 64, 603, 100_000, 10**8):
        task = FakeTask(fake_layout((min(n, 1000),)), chunk_points=chunk_points(min(n, 1000), 250))
        ranges = [chunk_range(task, i) for i in range(n_chunks(task))]
        assert ranges[0][0] == 0
        assert ranges[-1][1] == task.layout.n_points
        assert all(a[1] == b[0] for a, b in itertools.pairwise(ranges))
    assert chunk_points(10**8, 250) == 2048
    # Profiles of 20 kB: about four megabytes in flight per chunk.
    assert chunk_points(10**8, 20_000) == 209
    assert chunk_points(10, 10**9) == 1


def test_progress_line_and_duration():
    line = progress_line(100_000, 50_000, 3, 25_000, 0.25)
    assert line == "[##########----------]  50 %  50000/100000 points  100000/s  0:00:01 left  3 failed"
    assert progress_line(10, 1, 0, 1, 10.0).endswith("  0.1/s  0:01:30 left  0 failed")
    assert progress_line(10, 0, 0, 0, 0.0).endswith("0/10 points  0 failed")
    assert duration(3 * 3600 + 62) == "3:01:02"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_terminal_log_and_quiet(monkeypatch):
    monkeypatch.setattr("spacecharge.sweeping.progress.BAR_SECONDS", 0.0)
    bar = Terminal()
    progress = Progress(10, stream=bar)
    progress.update(5, 0)
    progress.message("a line")
    progress.update(6, 0)
    progress.close()
    text = bar.getvalue()
    assert "\n" in text
    assert text.count("\r") >= 4
    assert text.endswith("\r")
    log = io.StringIO()
    progress = Progress(10, stream=log)
    progress.update(5, 0)
    assert log.getvalue() == ""  # not yet a few seconds
    monkeypatch.setattr("spacecharge.sweeping.progress.LOG_SECONDS", 0.0)
    progress.update(6, 0)
    progress.close()
    assert log.getvalue().count("\n") == 1
    assert "\r" not in log.getvalue()
    quiet = Terminal()
    progress = Progress(10, stream=quiet, quiet=True)
    progress.post("a line")
    progress.update(5, 0)
    progress.message("a line")
    assert quiet.getvalue() == ""


def test_progress_in_a_log_repeats_nothing(monkeypatch):
    monkeypatch.setattr("spacecharge.sweeping.progress.LOG_SECONDS", 0.0)
    log = io.StringIO()
    progress = Progress(10, stream=log)
    progress.start(2)
    for done, failed in [(2, 0), (2, 0), (2, 0), (4, 0), (4, 1), (4, 1)]:
        progress.update(done, failed)
    lines = log.getvalue().splitlines()
    assert [line.split("  ")[2:3] + line.split("  ")[-1:] for line in lines] == [
        ["2/10 points", "0 failed"],
        ["4/10 points", "0 failed"],
        ["4/10 points", "1 failed"],
    ]
    progress.post("from elsewhere")
    assert "elsewhere" not in log.getvalue()
    progress.update(4, 1)
    assert log.getvalue().endswith("from elsewhere\n")


def test_the_first_failed_points_are_named_whatever_comes_back_first():
    tally = engine._Tally(Counter(), {})
    for lo in (40, 0, 20):
        status = np.zeros(20, dtype=np.int64)
        status[[9, 19]] = 2
        tally.add(lo, status)
    assert tally.examples[2] == [9, 19, 29]
    assert tally.counts == {0: 54, 2: 6}
