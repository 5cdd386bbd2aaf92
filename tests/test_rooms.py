"""The rooms of the package and what they may import; what a bare import brings along."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "spacecharge"

FACES = {"cli", "commands", "__main__"}
FILES = {"store", "store_fits", "store_interface", "read_fits"}
DRAWING = {"plotting", "plotting_fits", "plotting_interface"}
SOLVER = {"solve", "solution", "unpack", "options", "profile_mesh", "sensitivity"}

# Room: the only rooms it may import.
ONLY = {
    "errors": set(),
    "constants": set(),
    "kernels": set(),
    "model": {"constants", "errors", "materials"},
    "analytic": {"model", "constants", "errors"},
    "observables": {"solution", "model", "constants"},
    "store": {"errors"},
}
# Room: what it must never import.
NEVER = {
    **dict.fromkeys(SOLVER, {"config", "sweep", "nmr", "fitting"} | FILES | FACES),
    "config": {"kernels", "solve", "sweep"} | FILES | DRAWING | FACES,
    "nmr": {"solve", "model", "sweep", "fitting"} | DRAWING | FACES,
    "fitting": {"sweep"} | FILES | DRAWING | FACES,
    "materials": {"solve", "kernels", "nmr", "sweep"} | FILES | DRAWING | FACES,
    "sweep": DRAWING | FACES,
    "plotting": {"solve", "kernels", "sweep", "config"} | FACES,
}
ARROWS_INTO_FACES = {"cli": {"__main__", "commands"}, "commands": set()}


def imports(source: str, package: list[str]) -> set[str]:
    """Return the modules that a file imports, anywhere in it, with relative ones spelled out."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            if node.module:
                found.add(".".join([*base, node.module]))
            else:
                found |= {".".join([*base, alias.name]) for alias in node.names}
    return found


def rooms() -> dict[str, set[str]]:
    """Return for every room the modules that its files import."""
    result: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        result.setdefault(parts[0], set()).update(imports(path.read_text(), ["spacecharge", *parts[:-1]]))
    return result


ROOMS = rooms()


def own(room: str) -> set[str]:
    """Return the other rooms of the package that `room` imports."""
    paths = (module.split(".") for module in ROOMS[room])
    return {path[1] for path in paths if path[0] == "spacecharge" and len(path) > 1} - {room, "__version__"}


def test_imports_are_read() -> None:
    source = "import a.b\nfrom ..solve import x\nfrom . import y\ndef f():\n    from .deep.er import z\n"
    assert imports(source, ["spacecharge", "store"]) == {
        "a.b",
        "spacecharge.solve",
        "spacecharge.store.y",
        "spacecharge.store.deep.er",
    }


@pytest.mark.parametrize("room", ONLY)
def test_rooms_that_know_little(room: str) -> None:
    assert own(room) <= ONLY[room]


@pytest.mark.parametrize("room", NEVER)
def test_forbidden_arrows(room: str) -> None:
    assert not own(room) & NEVER[room]


@pytest.mark.parametrize("face", ARROWS_INTO_FACES)
def test_nobody_calls_the_command_line(face: str) -> None:
    callers = {room for room in ROOMS if room != face and face in own(room)}
    # The command line names its commands by a string, so that none loads before it is needed.
    assert callers <= ARROWS_INTO_FACES[face]


def test_kernels_know_arrays_only() -> None:
    outside = {module.split(".")[0] for module in ROOMS["kernels"]} - {"spacecharge"}
    assert not outside & {"dataclasses", "logging", "h5py", "scipy", "pydantic"}


def test_a_bare_import_is_light() -> None:
    code = "import sys, spacecharge; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=PACKAGE.parent)
    loaded = {name.split(".")[0] for name in done.stdout.decode().split()}
    assert not loaded & {"numba", "llvmlite", "h5py", "matplotlib", "xarray", "dask", "pydantic", "scipy", "numpy"}
