"""Make ``benchmarks`` and the shared oracles importable from every test; compile each kernel once for all processes."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# A change is judged by the same draws each time it is tested; what new draws find is looked for on purpose, by
# HYPOTHESIS_PROFILE=random. A draw's time says what else the machine does, hence no deadline.
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


WITHOUT_SOLVER = (
    "config/test_broken_files.py",
    "config/test_mutants.py",
    "config/test_yaml.py",
    "defect_chemistry/test_equilibrium.py",
    "defect_chemistry/test_reading.py",
    "defect_chemistry/test_recognising.py",
    "fitting/test_least_squares.py",
    "fitting/test_measured_relaxation.py",
    "fitting/test_recovery.py",
    "fitting/test_run.py",
    "library",
    "measured",
    "nmr",
    "store/test_roundtrip.py",
    "test_architecture.py",
)
"""Folders and files whose tests, a few aside, call no kernel of the solver."""

COMPILING = (
    "charge_transfer/test_interface_fit.py",
    "config/test_materials.py",
    "fitting/test_driven_spectra.py",
)
"""Files whose first tests compile the large kernels: of potentials, of capacitances, and of spectra about a load."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where processes share the tests, the first begins with those that compile, others with those without solver.

    With an empty cache the first process compiles the solver in its first tests; the others, each of which is given the
    next of equal shares of the list, would wait for it, or it for them.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    here = Path(__file__).parent
    compiling: list[pytest.Item] = []
    without: list[pytest.Item] = []
    solving: list[pytest.Item] = []
    for item in items:
        path = item.path.relative_to(here).as_posix()
        kind = compiling if path in COMPILING else without if path.startswith(WITHOUT_SOLVER) else solving
        kind.append(item)
    solving = compiling + solving
    ordered: list[pytest.Item] = []
    for left in range(processes, 0, -1):
        share = (len(items) - len(ordered)) // left
        begin = min(share, len(without) // left) if left < processes else 0
        ordered += without[:begin] + solving[: share - begin]
        del without[:begin], solving[: share - begin]
    items[:] = ordered + without + solving


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep the garbage collector from what is collected: it stays to the end, and each search of it takes 0.3 s."""
    gc.disable()
    try:
        _read_from_the_end(session)
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def _read_from_the_end(session: pytest.Session) -> None:
    """Let every second process read the tests from the end: what it compiles to bytecode the others need not, and back.

    What fails to load here is loaded again, and reported, by pytest.
    """
    if int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 2 == 0 or sys.dont_write_bytecode:
        return
    root = Path(__file__).parent.parent
    given = [Path(argument.partition("::")[0]).absolute() for argument in session.config.args]
    for path in sorted((p for top in given for p in top.rglob("test_*.py")), reverse=True):
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))


def pytest_configure() -> None:
    """Let one of the processes that share the tests compile a kernel, and the others read it from the cache.

    They start at once with an empty cache, and each would compile what the others do.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ or os.name != "posix":
        return
    import fcntl

    from spacecharge.kernels import _jit

    if _jit._parts is None:
        return
    compile_alone = _jit._parts.Whole.compile

    def compile_once(self: Any, signature: Any) -> Any:
        with Path(self.py_func.__code__.co_filename).open("rb") as source:
            fcntl.flock(source, fcntl.LOCK_EX)
            return compile_alone(self, signature)

    _jit._parts.Whole.compile = compile_once


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name raw bytes by their length: packed ones hold the second of packing, and processes must agree on names."""
    return f"{argname} of {len(val)} bytes" if isinstance(val, bytes) else None
