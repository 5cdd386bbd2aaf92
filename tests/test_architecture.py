"""The house: who may import whom, what loads when, and how files look."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Run as a script, the folder of the tests is on the path and that of the package is not.
sys.path.insert(0, str(ROOT))

import spacecharge as sc  # noqa: E402

PACKAGE = ROOT / "spacecharge"
MOST_LINES = 450
# Rooms whose functions have at most 80 lines and 8 arguments; elsewhere 100 lines.
METHOD = {"kernels", "lattice.kernels", "nmr.kernels", "solver"}

# Room: rooms that it may import. A room is a folder or a file of the package; `version` is the package's __init__.
# Every entry is used: a permission that nothing needs fails the test.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "constants": set(),
    "codes": set(),
    "version": set(),
    "kernels": set(),
    "units": {"constants"},
    "guide": {"errors"},
    "document": {"errors"},
    "model": {"codes", "constants", "defect_chemistry", "errors", "units"},
    "library": {"document", "errors", "model", "units"},
    "defect_chemistry": {"constants", "document", "errors", "measured"},
    "defects": {"defect_chemistry"},
    "analytic": {"codes", "constants", "defect_chemistry", "errors", "model"},
    "solver": {"codes", "constants", "errors", "kernels", "model", "units"},
    "lattice.kernels": {"kernels"},
    "lattice": {"codes", "constants", "errors", "lattice.kernels", "model", "solver"},
    "nmr.kernels": {"kernels"},
    "nmr": {"constants", "errors", "model", "nmr.kernels"},
    "measured": {"constants", "errors"},
    "config": {
        "codes", "constants", "defect_chemistry", "document", "errors", "lattice", "library", "measured", "model",
        "nmr", "solver", "store", "units",
    },
    "store": {"codes", "errors", "nmr", "units", "version"},
    "fitting": {
        "config", "constants", "document", "errors", "measured", "model", "nmr", "report", "solver", "store", "units",
    },
    "sweeping": {
        "codes", "config", "constants", "errors", "fitting", "kernels", "lattice", "library", "model", "solver",
        "store", "units", "version",
    },
    "report": {"codes", "constants", "errors", "store", "units"},
    "plotting": {"constants", "errors", "fitting", "model", "nmr", "report", "store", "units"},
    "commands": {
        "codes", "config", "defect_chemistry", "document", "errors", "fitting", "guide", "kernels", "lattice",
        "library", "model", "plotting", "report", "solver", "store", "sweeping",
    },
    "terminal": {"errors"},
    "cli": {"errors", "terminal", "version"},
    "__main__": {"cli"},
}  # fmt: skip

# Arrows against the table that exist, each inside a function. An entry that is no longer needed fails the test.
AGAINST_THE_TABLE = {
    (
        "model.layer",
        "library",
    ): "Layer(material=...) is the face; the library checks itself by the model",
    ("solver.solution", "plotting"): "Solution.plot() is the face; no solve needs a figure",
    ("sweeping.assumptions", "plotting"): "Assumptions.plot() is the face",
    ("sweeping.in_memory", "plotting"): "SweepTable.plot() is the face",
    ("sweeping.assumptions", "report"): "str(Assumptions) is the face",
    ("fitting.result", "plotting"): "FitResult.plot() is the face; no fit needs a figure",
    ("config.config", "fitting"): "Config.stack is the face; what refers to no fit needs none",
    ("config.schema_document", "fitting"): "the schema of all configurations has those of the kinds of fits",
}

# Library outside: modules or rooms that may import it.
OUTSIDE: dict[str, set[str]] = {
    "numba": {"kernels.compiling", "kernels._jit", "kernels._parts"},
    "llvmlite": {"kernels._jit"},
    "h5py": {"store"},
    "matplotlib": {"plotting"},
    "pydantic": {"config", "fitting"},
    "ruamel": {"document"},
    "lazy_loader": {"version", "config.__init__", "fitting.__init__", "plotting.__init__"},
    "openpyxl": {"report"},
    "plotext": {"report"},
    "xarray": {"store", "sweeping"},
    "pandas": {"store", "sweeping"},
    "distributed": {"sweeping.cluster"},
    "emcee": {"fitting.posterior"},
    "galvani": {"measured.cycler"},
    "scipy": {"analytic", "defect_chemistry", "fitting", "measured", "nmr", "plotting", "sweeping"},
    "numpy": {
        "analytic", "commands", "config", "defect_chemistry", "fitting", "kernels", "lattice", "lattice.kernels",
        "measured", "model", "nmr", "nmr.kernels", "plotting", "report", "solver", "store", "sweeping",
    },
}  # fmt: skip

# Modules of the kernels' room that are no kernels: the decorator, how they are compiled, the notice of it.
NO_KERNELS = {"kernels._fold", "kernels._jit", "kernels._parts", "kernels.cache_folder", "kernels.compiling"}
KERNEL_ROOMS = ("kernels", "lattice.kernels", "nmr.kernels")
KERNELS_MAY_IMPORT = {"__future__", "math", "cmath", "numpy"}
HEAVY = (
    "numba", "h5py", "matplotlib", "xarray", "dask", "pydantic", "scipy", "ruamel", "lmfit", "pandas", "distributed",
)  # fmt: skip


class Import(NamedTuple):
    module: str
    target: str
    at_top: bool


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts), path


def room_of(module: str) -> str:
    if module == "nmr.kernels":
        return module
    if module.startswith("lattice.kernels"):
        return "lattice.kernels"
    if module in ("", "__init__"):
        return "version"
    return module.split(".")[0]


def for_the_checker(tree: ast.Module) -> set[ast.AST]:
    """Everything under ``if TYPE_CHECKING``: never run."""
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    return {inner for block in blocks for inner in ast.walk(block)}


def targets(module: str, node: ast.Import | ast.ImportFrom) -> list[str]:
    """Full dotted names that an import statement loads."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parts = ["spacecharge", *module.split(".")]
        base = ".".join([*parts[: len(parts) - node.level], *([node.module] if node.module else [])])
    names = []
    for alias in node.names:
        inner = ROOT / base.replace(".", "/") / alias.name
        is_module = base.startswith("spacecharge") and (inner.is_dir() or inner.with_suffix(".py").exists())
        names.append(f"{base}.{alias.name}" if is_module else base)
    return names


@cache
def imports() -> tuple[Import, ...]:
    found = []
    for module, path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        skipped = for_the_checker(tree)
        top = set(tree.body)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)) and node not in skipped:
                found.extend(Import(module, target, node in top) for target in targets(module, node))
    return tuple(found)


def own_arrows() -> Iterator[tuple[Import, str, str]]:
    for entry in imports():
        if entry.target.split(".")[0] == "spacecharge":
            source, goal = room_of(entry.module), room_of(entry.target.removeprefix("spacecharge").lstrip("."))
            if source != goal and entry.module != "__init__":
                yield entry, source, goal


def test_every_room_stands_in_the_table() -> None:
    assert {room_of(module) for module, _ in modules()} == set(ARROWS)


def test_the_table_has_no_circle() -> None:
    tuple(graphlib.TopologicalSorter(ARROWS).static_order())


def test_rooms_import_what_the_table_allows() -> None:
    wrong, used = [], set()
    for entry, source, goal in own_arrows():
        if goal in ARROWS[source]:
            continue
        key = (entry.module, goal)
        if key in AGAINST_THE_TABLE and not entry.at_top:
            used.add(key)
        else:
            wrong.append(f"{entry.module} imports {entry.target}")
    assert wrong == []
    assert set(AGAINST_THE_TABLE) - used == set(), "no longer needed: remove from AGAINST_THE_TABLE"
    present = {(source, goal) for _, source, goal in own_arrows()}
    idle = {(source, goal) for source, goals in ARROWS.items() for goal in goals} - present
    assert idle == set(), "permissions that nothing uses"


def test_imports_are_late_only_where_that_saves_something() -> None:
    """An import inside a function whose module is loaded at the top of the same file saves nothing."""
    at_top = {(entry.module, entry.target) for entry in imports() if entry.at_top}
    late = {(entry.module, entry.target) for entry in imports() if not entry.at_top}
    assert sorted(late & at_top) == []


def test_the_oracle_and_what_it_checks_share_nothing() -> None:
    """Nothing that `analytic` can reach is a kernel, and no kernel or solver reaches `analytic`."""
    arrows: dict[str, set[str]] = {}
    for _, source, goal in own_arrows():
        arrows.setdefault(source, set()).add(goal)

    def reached(room: str, seen: set[str]) -> set[str]:
        for goal in arrows.get(room, set()) - seen:
            seen.add(goal)
            reached(goal, seen)
        return seen

    direct = {goal for _, source, goal in own_arrows() if source == "analytic"}
    assert direct == {"codes", "constants", "defect_chemistry", "errors", "model"}
    assert not reached("analytic", set()) & {"kernels", "nmr.kernels", "solver"}
    for room in ("kernels", "solver"):
        assert "analytic" not in arrows.get(room, set()), room


def test_libraries_are_imported_where_they_belong() -> None:
    wrong: list[str] = []
    used: set[tuple[str, str]] = set()
    for entry in imports():
        library = entry.target.split(".")[0]
        if library in ("spacecharge", "__future__") or library in sys.stdlib_module_names:
            continue
        used.update((library, place) for place in (entry.module, room_of(entry.module)))
        if not {entry.module, room_of(entry.module)} & OUTSIDE.get(library, set()):
            wrong.append(f"{entry.module} imports {entry.target}")
    assert wrong == []
    idle = {(library, place) for library, places in OUTSIDE.items() for place in places} - used
    assert idle == set(), "permissions that nothing uses"


def test_kernels_are_bare() -> None:
    """No classes, no errors raised, no files: arrays in, arrays and numbers out."""
    wrong = []
    kernels = [(m, p) for m, p in modules() if room_of(m) in KERNEL_ROOMS and m not in NO_KERNELS]
    assert len(kernels) > 10
    for entry in imports():
        if room_of(entry.module) in KERNEL_ROOMS and entry.module not in NO_KERNELS:
            library = entry.target.split(".")[0]
            if library != "spacecharge" and library not in KERNELS_MAY_IMPORT:
                wrong.append(f"{entry.module} imports {library}")
    for module, path in kernels:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Raise, ast.Try, ast.ClassDef, ast.With)):
                wrong.append(f"{module}:{node.lineno} {type(node).__name__}")
    assert wrong == []


def test_no_module_is_called_as_a_public_object() -> None:
    """Else Python binds the module over the object; the two named here are the objects themselves."""
    leaves = {module: module.removesuffix(".__init__").rpartition(".")[2] for module, _ in modules()}
    taken = {module for module, leaf in leaves.items() if leaf in sc.__all__}
    assert taken == {"analytic.__init__", "defects"}
    # Nor, in a room, as what the room itself hands out.
    for room, names in (("analytic", sc.analytic.__all__), ("defect_chemistry", sc.defects.__all__)):
        assert {path.stem for path in (PACKAGE / room).glob("*.py")} & set(names) == set(), room


@pytest.mark.parametrize("statement", ["import spacecharge", "import spacecharge.cli"])
def test_importing_stays_light(statement: str) -> None:
    code = f"import sys; {statement}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.split() == []


def test_describing_a_stack_compiles_nothing() -> None:
    code = "import sys, spacecharge as sc; sc.Layer, sc.Stack, sc.SolverOptions; print('numba' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "False"


def test_all_is_what_can_be_had() -> None:
    assert len(sc.__all__) == len(set(sc.__all__))
    assert set(dir(sc)) - {"__version__"} == set(sc.__all__) - {"__version__"}
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    listed = [alias for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert all(alias.asname == alias.name for alias in listed), "a stub makes public what it imports `as` the same"
    assert sorted([*(alias.name for alias in listed), "__version__"]) == sorted(sc.__all__)


def test_a_type_checker_sees_the_real_types() -> None:
    # The bodies of the package's functions are checked by `mypy` itself; the script sees their signatures.
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "tests/typed_script.py"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout


def test_files_stay_short() -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in modules()}
    assert {m: n for m, n in lengths.items() if n > MOST_LINES} == {}


class Function(NamedTuple):
    name: str
    in_method: bool
    lines: int
    arguments: int


def functions() -> Iterator[Function]:
    """Every function of the package; arguments counted as Python does, with the object that a method belongs to."""
    for module, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                arguments = len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs])
                yield Function(f"{module}.{node.name}", room_of(module) in METHOD, lines, arguments)


def test_functions_stay_short() -> None:
    assert {f.name: f.lines for f in functions() if f.lines > (80 if f.in_method else 100)} == {}


def test_functions_of_the_method_take_few_arguments() -> None:
    assert {f.name: f.arguments for f in functions() if f.in_method and f.arguments > 8} == {}


def test_the_contributors_page_points_at_the_method() -> None:
    """Every `name`, `file:line` of the page is a function of that file, and the line one of its own."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    pointers = re.findall(r"`(\w+)`,\s`([\w/]+\.py):(\d+)`", page)
    assert len(pointers) == len(re.findall(r"\.py:\d", page)) >= 10
    wrong = []
    for name, path, line in pointers:
        nodes = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        found = [
            (n.lineno, n.end_lineno or n.lineno) for n in nodes if isinstance(n, ast.FunctionDef) and n.name == name
        ]
        if not any(first <= int(line) <= last for first, last in found):
            wrong.append(f"{path}:{line}: {name} stands at {found}")
    assert wrong == []


def test_the_page_of_the_method_names_every_file_of_its_room() -> None:
    page = (PACKAGE / "kernels" / "__init__.py").read_text(encoding="utf-8")
    assert 100 <= len(page.splitlines()) <= 150
    table = page.split("\nFiles\n-----\n")[1].split("\n\n")[0]
    listed: list[str] = []
    for entry in re.findall(r"^(\w+(?:, \w+)*)  ", table, re.MULTILINE):
        first, *rest = entry.split(", ")
        # `steady_nodes, _element` is short for two files of one kind, `_jit, _parts` is not.
        kind = "" if first.startswith("_") else first.partition("_")[0]
        listed += [first, *(kind + name if name.startswith("_") else name for name in rest)]
    assert sorted(listed) == sorted(p.stem for p in (PACKAGE / "kernels").glob("*.py") if p.stem != "__init__")
    for place, name in re.findall(r"`(\w+)\.(\w+)`", page):
        kernel = PACKAGE / "kernels" / f"{place}.py"
        if kernel.exists():
            assert re.search(rf"^(?:def )?{name}\b", kernel.read_text(encoding="utf-8"), re.MULTILINE), name
        elif (PACKAGE / place).is_dir():
            assert (PACKAGE / place / f"{name}.py").exists(), f"{place}.{name}"


def test_no_path_of_a_machine_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, cwd=ROOT)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: no list of committed files")
    folders = "|".join(("work", "home", "opt", "Users", "root", "mnt", "tmp", "scratch", "var/tmp"))
    pattern = re.compile(rf"(?<![\w.])/(?:{folders})/\w|\b[A-Z]:\\\w")
    wrong = []
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if not name or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        wrong.extend(f"{name}:{i}" for i, line in enumerate(text.splitlines(), 1) if pattern.search(line))
    assert wrong == []


def main() -> None:
    """Print rooms by floor, the arrows between them, and circles: what the table above is held against."""
    weights: dict[tuple[str, str], int] = {}
    graph: dict[str, set[str]] = {room_of(module): set() for module, _ in modules()}
    for _, source, goal in own_arrows():
        weights[source, goal] = weights.get((source, goal), 0) + 1
        if (source, goal) not in {(room_of(module), goal) for module, goal in AGAINST_THE_TABLE}:
            graph[source].add(goal)
    floors: dict[str, int] = {}
    for room in graphlib.TopologicalSorter(graph).static_order():
        floors[room] = 1 + max((floors[goal] for goal in graph[room]), default=-1)
    print(f"{len(graph)} rooms on {1 + max(floors.values())} floors, {len(weights)} arrows, no circle")
    for floor in range(max(floors.values()), -1, -1):
        for room in sorted(r for r, f in floors.items() if f == floor):
            goals = ", ".join(f"{g} ({weights[room, g]})" for g in sorted(graph[room]))
            print(f"  {floor}  {room:<16} -> {goals}")
    for module, goal in AGAINST_THE_TABLE:
        print(f"  inside a function: {module} -> {goal}")


if __name__ == "__main__":
    main()
