"""The one decorator of all kernels, and the bit casts that the elementary functions need."""

from __future__ import annotations

import functools
import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from llvmlite import ir
from numba import config, jit, types
from numba.extending import intrinsic

from ._fold import folded, noted
from .cache_folder import temporary_cache

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# "contract" allows fused multiply-add and nothing else: the full fastmath set makes isfinite(nan) true
# and may reorder the rounding trick of `elementary.exp_nonpositive`. Nothing calls a kernel as a C function, and the
# wrappers for that would take a twentieth of the compilation.
_OPTIONS: dict[str, Any] = {
    "nopython": True,
    "error_model": "numpy",
    "nogil": True,
    "fastmath": {"contract"},
    "no_cfunc_wrapper": True,
}


def _own_compiler() -> Any:
    """Return the module that compiles kernels as parts, None where the numba installed is not what it was made for."""
    if config.DISABLE_JIT:
        return None
    try:
        from . import _parts

        return _parts if _parts.fits() else None
    except (ImportError, AttributeError, ValueError):
        return None


_parts = _own_compiler()

_temporary_cache = functools.cache(temporary_cache)
"""Asked once: it says a line each time."""

_checked: set[Path] = set()


def _drop_stale(dispatcher: Any) -> None:
    """Delete cached machine code of a folder of kernels when any of its sources, or of ours, has changed.

    Numba's cache of a function notices an edit of its own file only, not of the files whose kernels it has inlined:
    after an upgrade or an edit it would go on running the old ones.
    """
    if not hasattr(dispatcher, "py_func"):
        # NUMBA_DISABLE_JIT: there is no machine code.
        return
    folder = Path(dispatcher.py_func.__code__.co_filename).parent
    if folder in _checked:
        return
    _checked.add(folder)
    try:
        cache = Path(dispatcher._cache.cache_path)
        sources = sorted({*folder.glob("*.py"), *Path(__file__).parent.glob("*.py")})
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        stamp = cache / "spacecharge-sources.sha256"
        if stamp.exists() and stamp.read_text() == digest:
            return
        for path in sources:
            for index in cache.glob(f"{path.stem}.*.nbi"):
                index.unlink(missing_ok=True)
        cache.mkdir(parents=True, exist_ok=True)
        written = cache / f"spacecharge-sources.{os.getpid()}"
        written.write_text(digest)
        written.replace(stamp)
    except (OSError, AttributeError):
        # A cache that cannot be read or written is numba's to deal with: it compiles anew.
        return


def _dispatcher(function: Kernel, **more: Any) -> Any:
    """Return numba's dispatcher of a function; where no folder takes its machine code, from a temporary one."""
    if config.DISABLE_JIT:
        return function
    if _parts is None:
        dispatcher: Any = jit(**_OPTIONS, **more)(function)
    else:
        dispatcher = _parts.Whole(function, targetoptions=_OPTIONS | more, pipeline_class=_parts.WholeCompiler)
    try:
        dispatcher.enable_caching()
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        folder = _temporary_cache()
        if folder is None:
            return dispatcher
        config.CACHE_DIR = str(folder)
        # For what this process starts, and for the workers of a local cluster.
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        dispatcher.enable_caching()
    return dispatcher


def _prepared(function: Kernel) -> Kernel:
    """Return what numba is given: parts and wholes are folded when they are compiled, others now."""
    if config.DISABLE_JIT:
        return function
    return noted(function) if _parts is not None else folded(noted(function))


def kernel(function: Kernel) -> Kernel:
    """Compile `function` with the options shared by all kernels."""
    dispatcher = _dispatcher(_prepared(function))
    _drop_stale(dispatcher)
    return dispatcher  # type: ignore[no-any-return]


def inlined(function: Kernel) -> Kernel:
    """Compile a helper and have LLVM inline it, so that loops around it vectorise."""
    return _dispatcher(_prepared(function), forceinline=True)  # type: ignore[no-any-return]


def merged(function: Kernel) -> Kernel:
    """Compile a kernel with one caller; LLVM makes it a piece of that one.

    Where numba compiles on its own it is merged before, since a deep stack of calls costs seconds of compilation per
    level.
    """
    if _parts is not None:
        return kernel(function)
    return _dispatcher(_prepared(function), inline="always")  # type: ignore[no-any-return]


def _bits_of(value: float) -> int:
    """Return the 64 bits of a float as an integer, without machine code."""
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def _float_of(bits: int) -> float:
    """Return the float whose 64 bits are the low bits of the integer given, without machine code."""
    return float(struct.unpack("<d", struct.pack("<Q", bits & 0xFFFFFFFFFFFFFFFF))[0])


@intrinsic
def _bits_of_compiled(typing_context: Any, value: Any) -> Any:
    """Return the 64 bits of a float as an integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _float_of_compiled(typing_context: Any, bits: Any) -> Any:
    """Return the float whose 64 bits are the integer given."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


# Under NUMBA_DISABLE_JIT kernels run as plain Python, where an intrinsic cannot be called.
bits_of = _bits_of if config.DISABLE_JIT else _bits_of_compiled
float_of = _float_of if config.DISABLE_JIT else _float_of_compiled
