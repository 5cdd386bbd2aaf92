"""Make ``benchmarks`` and the shared oracles importable from every test; compile each kernel once for all processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# A change is judged by the same draws each time it is tested; what new draws find is looked for on purpose, by
# HYPOTHESIS_PROFILE=random. A draw's time says what else the machine does, hence no deadline.
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


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
