"""The benchmarks still find what they measure: nothing else runs them between releases."""

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


def found(module: str, name: str) -> bool:
    owner = importlib.import_module(module)
    return hasattr(owner, name) or importlib.util.find_spec(f"{module}.{name}") is not None


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_benchmark_imports_is_there(script: Path) -> None:
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spacecharge"):
            missing = [alias.name for alias in node.names if not found(str(node.module), alias.name)]
            assert not missing, f"line {node.lineno}: {node.module} has no {', '.join(missing)}"
