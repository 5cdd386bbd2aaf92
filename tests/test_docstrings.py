"""Docstrings of what users call: numpydoc, every argument, what comes back; examples print what they say."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

import spacecharge as sc

from .test_architecture import ROOT, modules, nodes


def sections(text: str) -> set[str]:
    """Titles of a docstring: lines underlined at their full length."""
    pairs = itertools.pairwise(text.splitlines())
    return {title for title, line in pairs if len(title) == len(line) > 2 and set(line) == {"-"}}


def public() -> list[str]:
    return [name for name in sc.__all__ if callable(getattr(sc, name))]


@pytest.mark.parametrize("name", public())
def test_public_names_have_numpydoc_docstrings(name: str) -> None:
    thing = getattr(sc, name)
    text = inspect.getdoc(thing)
    assert text
    first, *rest = text.split("\n\n")
    assert "\n" not in first
    assert first.endswith(".")
    assert first[0].isupper()
    present = sections(text)
    if inspect.isclass(thing):
        own_arguments = "__init__" in vars(thing) and len(inspect.signature(thing).parameters) > 0
        assert present & {"Parameters", "Attributes"} or not own_arguments, rest
        return
    assert "Returns" in present
    arguments = inspect.signature(thing).parameters
    # An observable takes a Solution and nothing else.
    assert "Parameters" in present or list(arguments) == ["solution"]
    if "Parameters" in present:
        block = text.split("Parameters\n----------\n")[1].split("\n---")[0]
        missing = [a for a in arguments if not re.search(rf"^[\w, ]*\b{a}\b.* : ", block, re.MULTILINE)]
        assert missing == []


def methods() -> dict[str, Callable[..., Any]]:
    """Public functions of `sc.analytic` and `sc.defects`, and the public methods of every public class."""
    names = {name: getattr(sc, name) for name in sc.__all__}
    for room in (sc.analytic, sc.defects):
        names |= {f"{room.__name__.rpartition('.')[2]}.{name}": getattr(room, name) for name in room.__all__}
    found = {name: thing for name, thing in names.items() if "." in name and inspect.isfunction(thing)}
    for name, kind in names.items():
        if inspect.isclass(kind):
            for method, thing in vars(kind).items():
                plain = getattr(thing, "__func__", thing)
                if inspect.isfunction(plain) and not method.startswith("_"):
                    found[f"{name}.{method}"] = plain
    return found


@pytest.mark.parametrize(("name", "function"), methods().items(), ids=methods())
def test_methods_say_what_they_take_and_raise(name: str, function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function)
    assert text is not None
    assert text.split("\n\n")[0].count("\n") == 0
    arguments = [a for a in inspect.signature(function).parameters if a not in ("self", "cls")]
    block = text.partition("Parameters\n----------\n")[2].split("\n---")[0]
    assert [a for a in arguments if not re.search(rf"^[*\w, ]*\b{a}\b[\w, ]*(?: : |$)", block, re.MULTILINE)] == []
    # What a method without arguments returns is in its first line.
    if arguments and inspect.signature(function).return_annotation not in ("None", None):
        assert "Returns" in sections(text) or re.search(r"^Return .*\[.+\]\.$", text, re.MULTILINE)
    if re.search(r"^ +raise ", inspect.getsource(function), re.MULTILINE):
        assert "Raises" in sections(text)


@pytest.mark.parametrize("module", [m for m, path in modules() if ">>> " in path.read_text(encoding="utf-8")])
def test_examples_of_docstrings_print_what_they_say(module: str) -> None:
    name = ".".join(["spacecharge", *module.split(".")]).removesuffix(".__init__")
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def named_in(text: str, title: str) -> list[str]:
    """Names that a section of a docstring explains."""
    block = text.partition(f"{title}\n{'-' * len(title)}\n")[2].split("\n---")[0]
    entries = [line.split(" : ")[0] for line in block.splitlines() if re.match(r"[*\w]", line)]
    # The last of them is the title of the next section where one follows.
    return [name.strip("* ") for entry in entries for name in entry.split(",") if name.strip("* ").isidentifier()]


def test_docstrings_name_the_arguments_that_there_are() -> None:
    """Of every function, private ones included: a section Parameters has each argument and nothing else."""
    wrong, checked = [], 0
    for module, path in modules():
        for node in nodes(module):
            if not isinstance(node, ast.FunctionDef):
                continue
            text = ast.get_docstring(node) or ""
            if "Parameters\n----------\n" not in text:
                continue
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            arguments = {argument.arg for argument in every if argument is not None} - {"self", "cls"}
            named = set(named_in(text, "Parameters")) - {
                "Returns",
                "Raises",
                "Yields",
                "Notes",
                "References",
                "Examples",
            }
            checked += 1
            if named != arguments:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {sorted(named ^ arguments)}")
    assert checked > 300
    assert wrong == []


def test_docstrings_name_the_fields_that_there_are() -> None:
    """A public field of a class stands in its docstring, or has one of its own below it."""
    wrong, checked = [], 0
    for module, path in modules():
        for node in nodes(module):
            if not isinstance(node, ast.ClassDef):
                continue
            text = ast.get_docstring(node) or ""
            if not sections(text) & {"Parameters", "Attributes"}:
                continue
            named = {*named_in(text, "Parameters"), *named_in(text, "Attributes")}
            for field, after in itertools.zip_longest(node.body, node.body[1:]):
                if not isinstance(field, ast.AnnAssign) or "ClassVar" in ast.unparse(field.annotation):
                    continue
                name = ast.unparse(field.target)
                own = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                checked += 1
                if name not in named and not name.startswith("_") and not own:
                    wrong.append(f"{path.relative_to(ROOT)}:{field.lineno} {node.name}.{name}")
    assert checked > 300
    assert wrong == []
