"""The line that says that the solver is being compiled: when it happens, once, and not otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from spacecharge.kernels import compiling
from spacecharge.kernels.compiling import NOTICE, compiling_announced
from spacecharge.sweeping.engine import run_task
from spacecharge.sweeping.pools import ThreadPool
from tests.sweeping.fake import FakeTask, fake_layout

ROOT = Path(__file__).parents[1]
SOON = 0.02
LONG, SHORT = 0.3, 0.0  # beside SOON, with room for a busy machine

KERNEL = """
import spacecharge.kernels.compiling as compiling
compiling.NOTICE_SECONDS = 0.0
with compiling.compiling_announced():
    import spacecharge.kernels.poisson_boltzmann  # drops what is stale; compiles nothing yet
    from spacecharge.kernels.elementary import exp_nonpositive
    exp_nonpositive(-1.0)
"""


def compile_for(
    seconds: float,
    module: str = "spacecharge.kernels.newton",
    inner: float = 0.0,
    error: type[BaseException] | None = None,
) -> None:
    """Do as numba does when it compiles a kernel that calls another one."""
    from numba.core.event import trigger_event

    data = {"dispatcher": SimpleNamespace(py_func=SimpleNamespace(__module__=module))}
    with trigger_event("numba:compile", data=data):
        with trigger_event("numba:compile", data=data):
            time.sleep(inner)
        time.sleep(seconds)
        if error is not None:
            raise error


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "NOTICE_SECONDS", SOON)


def test_a_long_compilation_is_announced_once() -> None:
    said: list[str] = []
    with compiling_announced(said.append):
        compile_for(LONG, inner=LONG)
        compile_for(LONG)
    assert said == [NOTICE]
    compile_for(LONG)
    assert said == [NOTICE]


def test_short_and_foreign_compilations_pass_in_silence() -> None:
    said: list[str] = []
    with compiling_announced(said.append):
        compile_for(SHORT)
        compile_for(LONG, module="spacecharge.nmr.kernels")
        compile_for(LONG, module="somebody.else")
    time.sleep(2 * SOON)
    assert said == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_stops_the_clock(error: type[BaseException]) -> None:
    said: list[str] = []
    with pytest.raises(error), compiling_announced(said.append):
        compile_for(SHORT, error=error)
    time.sleep(2 * SOON)
    assert said == []


def test_quiet_loads_nothing() -> None:
    code = (
        "import sys; from spacecharge.kernels.compiling import compiling_announced\n"
        "with compiling_announced(quiet=True): print('numba' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "False"


def test_a_kernel_from_the_cache_is_not_announced(tmp_path: Path) -> None:
    """With an empty cache, with what that run left, and with a cache whose kernels are of other sources."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}

    def run() -> str:
        command = [sys.executable, "-c", KERNEL]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment, timeout=300
        ).stderr

    assert run() == NOTICE + "\n"
    # What the run says of its answers it says each time.
    assert [line for line in run().splitlines() if not line.startswith(("validity: ", "assumed: "))] == []
    (stamp,) = tmp_path.rglob("*.sha256")
    stamp.write_text("of an older version")
    assert run() == NOTICE + "\n"


class Compiles(FakeTask):
    """Compiles a kernel before its first points."""

    def evaluate(self, lo, hi):
        if lo == 0:
            compile_for(LONG)
        return super().evaluate(lo, hi)


@pytest.mark.parametrize("quiet", [False, True])
def test_a_sweep_announces_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    task = Compiles(fake_layout((40,)))
    run_task(task, tmp_path / "r.h5", lambda t: ThreadPool(t, 2), quiet=quiet)
    assert capsys.readouterr().err == ("" if quiet else NOTICE + "\n")


@pytest.mark.slow
def test_a_first_run_says_why_it_waits(tmp_path: Path) -> None:
    """The program itself with an empty cache, then with a full one; about a minute."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, "-m", "spacecharge", "run", str(ROOT / "configs" / "joule2020_table.yaml")]

    def run(*options: str) -> str:
        return subprocess.run(
            [*command, "-o", str(tmp_path / "r.h5"), "--overwrite", *options],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=environment,
            timeout=600,
        ).stderr

    first = run()
    assert first.count(NOTICE) == 1
    # While nothing is done, there is nothing new to say.
    assert first.count("   0 %") <= 1
    # What the run says of its answers it says each time.
    assert [line for line in run().splitlines() if not line.startswith(("validity: ", "assumed: "))] == []
