"""The one decorator of all kernels, and the bit casts that the elementary functions need."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import operator
import os
import struct
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from llvmlite import ir
from numba import config, jit, types
from numba.extending import intrinsic

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


class _Fold(ast.NodeTransformer):
    """Works out what the constants of a function's module say: rows, strides, weights, and sums and products of them.

    Numba types and lowers every name, attribute and operation on its own, and this is most of the time that the first
    run waits for; a place in the work array as `(w.CHARGE + 2) * S` costs it six steps, as a number one.
    """

    def __init__(self, function: Any) -> None:
        code = function.__code__
        self.known = function.__globals__
        self.own = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}

    def number(self, node: ast.expr) -> float | None:
        """Return the number that an expression stands for, None where it is not a constant."""
        value: Any = None
        if isinstance(node, ast.Constant):
            value = node.value
        elif isinstance(node, ast.Name) and node.id not in self.own:
            value = self.known.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id not in self.own:
            value = getattr(self.known.get(node.value.id), node.attr, None)
        elif isinstance(node, ast.BinOp) and type(node.op) in _FOLDED:
            left, right = self.number(node.left), self.number(node.right)
            if left is not None and right is not None:
                value = _FOLDED[type(node.op)](left, right)
        return value if type(value) in (int, float) else None

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Replace constants, but not arguments of calls: each number would make another copy of the kernel called."""
        if isinstance(node, ast.Call):
            node.args = [a if self.number(a) is not None else self.visit(a) for a in node.args]
            return node
        if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            value = self.number(node)
            if value is not None:
                return ast.copy_location(ast.Constant(value), node)
        return super().generic_visit(node)


_FOLDED = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def _folded(function: Kernel) -> Kernel:
    """Return the function with its constants worked out, at the same lines of the same file."""
    if config.DISABLE_JIT:
        return function
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    definition.body = [_Fold(function).visit(statement) for statement in definition.body]
    ast.fix_missing_locations(ast.increment_lineno(tree, function.__code__.co_firstlineno - 1))
    flags = annotations.compiler_flag
    code = compile(tree, function.__code__.co_filename, "exec", flags=flags, dont_inherit=True)
    names: dict[str, Any] = {}
    exec(code, function.__globals__, names)
    folded = names[function.__name__]
    folded.__module__, folded.__qualname__ = function.__module__, function.__qualname__
    return folded  # type: ignore[no-any-return]


def kernel(function: Kernel) -> Kernel:
    """Compile `function` with the options shared by all kernels."""
    dispatcher = _dispatcher(_folded(function))
    _drop_stale(dispatcher)
    return dispatcher  # type: ignore[no-any-return]


def inlined(function: Kernel) -> Kernel:
    """Compile a helper and have LLVM inline it, so that loops around it vectorise."""
    return _dispatcher(_folded(function), forceinline=True)  # type: ignore[no-any-return]


def merged(function: Kernel) -> Kernel:
    """Compile a kernel with one caller; LLVM makes it a piece of that one.

    Where numba compiles on its own it is merged before, since a deep stack of calls costs seconds of compilation per
    level.
    """
    if _parts is not None:
        return kernel(function)
    return _dispatcher(_folded(function), inline="always")  # type: ignore[no-any-return]


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
