"""Constants of kernels worked out before numba sees them."""

from __future__ import annotations

import ast
import inspect
import operator
import os
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


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
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
            left, right = self.number(node.left), self.number(node.right)
            if left is not None and right is not None:
                value = OPERATIONS[type(node.op)](left, right)
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


_seen: dict[str, int] = {}
"""When the files of kernels had last been changed as they were imported [ns]."""


def noted(function: Kernel) -> Kernel:
    """Note the file of a kernel that is imported, for :func:`folded`, and return the kernel."""
    file = function.__code__.co_filename
    if file not in _seen:
        _seen[file] = _changed(file)
    return function


def _changed(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0


def folded(function: Kernel) -> Kernel:
    """Return the function with its constants worked out, at the same lines of the same file.

    Reading the source takes half a millisecond a kernel: it is for those that are compiled, not for all that are
    imported. One whose file has changed meanwhile is compiled as it was imported.
    """
    code = function.__code__
    if _seen.get(code.co_filename) != _changed(code.co_filename):
        return function
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    definition.body = [_Fold(function).visit(statement) for statement in definition.body]
    ast.fix_missing_locations(ast.increment_lineno(tree, code.co_firstlineno - 1))
    names: dict[str, Any] = {}
    flags = annotations.compiler_flag
    exec(compile(tree, code.co_filename, "exec", flags=flags, dont_inherit=True), function.__globals__, names)
    made = names[function.__name__]
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__
    return made  # type: ignore[no-any-return]


__all__ = ["folded", "noted"]
