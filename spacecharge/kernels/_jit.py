"""The one decorator of all kernels, and the bit casts that the elementary functions need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# "contract" allows fused multiply-add and nothing else: the full fastmath set makes isfinite(nan) true
# and may reorder the rounding trick of `elementary.exp_nonpositive`.
_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True, "fastmath": {"contract"}}


def kernel(function: Kernel) -> Kernel:
    """Compile `function` with the options shared by all kernels."""
    return njit(**_OPTIONS)(function)  # type: ignore[no-any-return]


def inlined(function: Kernel) -> Kernel:
    """Compile a scalar helper and have LLVM inline it, so that loops around it vectorise."""
    return njit(**_OPTIONS, forceinline=True)(function)  # type: ignore[no-any-return]


def merged(function: Kernel) -> Kernel:
    """Merge a kernel into its caller before compilation.

    For kernels with one caller: numba optimises a kernel again at every level that calls it, and a deep stack of
    calls costs seconds of compilation per level.
    """
    return njit(**_OPTIONS, inline="always")(function)  # type: ignore[no-any-return]


@intrinsic
def bits_of(typing_context: Any, value: Any) -> Any:
    """Return the 64 bits of a float as an integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def float_of(typing_context: Any, bits: Any) -> Any:
    """Return the float whose 64 bits are the integer given."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate
