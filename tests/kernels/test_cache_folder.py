"""Compiled kernels where neither package nor home can be written: a temporary folder, one line, the right numbers."""

import math
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from spacecharge.kernels import cache_folder

ROOT = Path(__file__).resolve().parents[2]
KERNEL = """
from spacecharge.kernels.elementary import exp_nonpositive
print(exp_nonpositive(-1.0)[0])
"""


@pytest.fixture
def read_only(tmp_path):
    """Return a copy of the package, and an environment, in which numba finds no folder to write.

    Files where folders would have to be keep out root as well, for whom permissions do not count.
    """
    package = tmp_path / "site" / "spacecharge"
    shutil.copytree(ROOT / "spacecharge", package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("kernels", "nmr"):
        (package / folder / "__pycache__").write_text("")
    kept = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    (tmp_path / "tmp").mkdir()
    return {**kept, "HOME": "/dev/null", "PYTHONPATH": str(package.parent), "TMPDIR": str(tmp_path / "tmp")}


def run(environment, code=KERNEL, *arguments):
    command = [sys.executable, *([*arguments] or ["-c", code])]
    cwd = environment["TMPDIR"]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.parametrize("given", [None, "unwritable"])
def test_kernels_are_kept_in_a_temporary_folder(tmp_path, read_only, given):
    if given:
        (tmp_path / "file").write_text("")
        read_only["NUMBA_CACHE_DIR"] = str(tmp_path / "file" / "cache")
    done = run(read_only)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(math.exp(-1.0), rel=1e-14)
    assert done.stderr.count("\n") == 1
    assert "package and home folder cannot be written: compiled kernels go to " in done.stderr
    (folder,) = (tmp_path / "tmp").iterdir()
    assert str(folder) in done.stderr
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    compiled = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nbc")}
    assert compiled
    # The next process finds what this one has compiled.
    again = run(read_only)
    assert again.stdout == done.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.nbc")} == compiled


def test_two_first_runs_at_once(read_only):
    command = [sys.executable, "-c", KERNEL]
    both = [
        subprocess.Popen(
            command, env=read_only, cwd=read_only["TMPDIR"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert all(float(out) == pytest.approx(math.exp(-1.0), rel=1e-14) for out, _ in outputs)


def test_without_any_folder_every_process_compiles(read_only):
    # Neither TMPDIR, nor /tmp, /var/tmp, /usr/tmp, nor the working directory.
    code = "import tempfile\ndef none():\n    raise FileNotFoundError\ntempfile.gettempdir = none\n" + KERNEL
    done = run(read_only, code)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(math.exp(-1.0), rel=1e-14)
    assert done.stderr == "spacecharge: no folder can be written: the solver is compiled by every process anew\n"


def test_a_folder_of_somebody_else_is_not_taken(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cache_folder.tempfile, "gettempdir", lambda: str(tmp_path))
    first = cache_folder.temporary_cache()
    assert cache_folder.temporary_cache() == first
    first.chmod(0o777)
    second = cache_folder.temporary_cache()
    assert second != first
    assert second.is_dir()
    assert "for this process" in capsys.readouterr().err
    first.rmdir()
    (tmp_path / "elsewhere").mkdir()
    first.symlink_to(tmp_path / "elsewhere")
    assert cache_folder.temporary_cache() not in (first, tmp_path / "elsewhere")


@pytest.mark.slow
def test_a_run_on_a_read_only_system(tmp_path, read_only):
    (tmp_path / "c.yaml").write_text(
        "layers:\n"
        "  electrode: {material: LixV2O5, potential_V: 2.4, thickness_nm: 30}\n"
        "  electrolyte: {material: LAGP, thickness_nm: 30}\n"
        "output: {resistance_of: [electrolyte]}\n"
    )
    file = tmp_path / "r.h5"
    done = run(read_only, "", "-m", "spacecharge", "run", str(tmp_path / "c.yaml"), "-o", str(file), "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1
    import spacecharge as sc

    here = sc.interface_resistance(sc.solve(sc.load_config(tmp_path / "c.yaml").stack, resistance_of=["electrolyte"]))
    there = float(sc.open_results(file, units="SI").interface_resistance)
    assert there == pytest.approx(float(here), rel=1e-12)
