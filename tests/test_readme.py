"""README and guide do what they say: Python prints what stands below it, commands exist, tables are computed."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import build_parser, main, module_of
from spacecharge.guide import pages
from spacecharge.store import read_results

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "spacecharge" / "guide"
README = (ROOT / "README.md").read_text()
PAGES = {"README": README, **{path.stem: path.read_text() for path in sorted(GUIDE.glob("*.md"))}}
NO_INTERACTION = {"occupied_eV": 0.0, "vacancy_eV": 0.0}
BLOCK = re.compile(r"^```(\w+)( no-run)?\n(.*?)^```$", flags=re.M | re.S)
BLOCKS = {page: BLOCK.findall(text) for page, text in PAGES.items()}


@pytest.fixture
def at_root(tmp_path, monkeypatch):
    """Work in a folder that looks like the repository, so that results do not land in it."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands() -> list[list[str]]:
    """Return every command line of this package, in blocks and indented, without comments."""
    lines = []
    for page, text in PAGES.items():
        lines += [line for language, _, body in BLOCKS[page] if language == "bash" for line in body.splitlines()]
        lines += re.findall(r"^    (spacecharge .*)$", text, flags=re.M)
    parts = [part.strip() for line in lines for part in line.split("&&")]
    found = [shlex.split(part, comments=True)[1:] for part in parts if part.startswith("spacecharge ")]
    return [arguments for i, arguments in enumerate(found) if arguments not in found[:i]]


@pytest.mark.parametrize("page", [page for page in PAGES if any(b[0] == "python" and not b[1] for b in BLOCKS[page])])
def test_python_prints_what_stands_below(page, at_root):
    """Every block is executed in order, in one namespace a page; a text block below holds what it prints."""
    names: dict[str, object] = {}
    pairs = list(itertools.pairwise([*BLOCKS[page], ("", "", "")]))
    for (language, no_run, body), (below, _, expected) in pairs:
        if language != "python" or no_run:
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(body, f"{page}.md", "exec"), names)
        assert printed.getvalue() == (expected if below == "text" else "")


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_commands_are_understood(arguments):
    args = build_parser().parse_args(arguments)
    assert callable(importlib.import_module(f"spacecharge.commands.{module_of(args.command)}").execute)
    config = getattr(args, "config", "CONFIG")
    assert config == "CONFIG" or (ROOT / config).is_file()
    topic = getattr(args, "topic", None)
    assert topic in (None, "TOPIC") or (GUIDE / f"{topic}.md").is_file()


def test_start(at_root, capsys):
    """The commands under Start work as typed, one after the other."""
    start = README.split("## Start")[1].split("\n| ")[0]
    lines = [part.strip() for line in start.splitlines() for part in line.split("&&")]
    run = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("spacecharge ")]
    assert len(run) >= 7
    for arguments in run:
        assert main(arguments) == 0, arguments
    assert (at_root / "results" / "lixv2o5_lagp.png").stat().st_size > 10_000


WHOLE = [
    (page, i, body)
    for page in PAGES
    for i, (language, no_run, body) in enumerate(BLOCKS[page])
    if language == "yaml" and not no_run and re.search(r"^layers:", body, flags=re.M)
]


def test_there_are_whole_configurations():
    assert {page for page, _, _ in WHOLE} >= {"README", "first_cell", "nmr"}


@pytest.mark.parametrize(("page", "i", "body"), WHOLE, ids=[f"{page}-{i}" for page, i, _ in WHOLE])
def test_configurations_can_be_run(page, i, body, at_root, capsys):
    """Every whole configuration is sound; those around a fit run with that fit."""
    for name in ("exsy_livo", "gitt_film"):
        if f"{name}.h5" in body:
            assert main(["fit", f"configs/{name}.yaml", "--quiet"]) == 0
    path = at_root / "configs" / f"{page}{i}.yaml"
    path.write_text(body)
    assert main(["run", str(path), "-o", "results/here.h5", "--quiet"]) == 0, capsys.readouterr().err
    if "within_sigma: 2, num: 9" in body:
        band = read_results("results/here.h5")
        assert band.sweep == ("electrode_diffusivity", "temperature")
        values = band["electrode_diffusivity"]
        # Nine values from exp(-2 s) to exp(2 s) of the middle one, s the relative error.
        assert values[8] * values[0] == pytest.approx(values[4] ** 2, rel=1e-12)


def test_table_of_the_paper(at_root):
    assert main(["run", "configs/joule2020_table.yaml", "--quiet"]) == 0
    results = read_results("results/joule2020_table.h5")
    widths, resistances = results.read("space_charge_width")[:, 0, 1], results.read("interface_resistance")
    section = PAGES["paper"].split("## The table of space-charge layers")[1].split("\n## ")[0]
    rows = re.findall(r"^\| Li\S*V2O5 .*$", section, flags=re.M)
    assert len(rows) == 3
    for row, width, resistance in zip(rows, widths, resistances, strict=True):
        cells = row.replace("\\|", "/").split("|")
        # Half a unit in the last digit printed.
        assert float(cells[3].split()[0]) == pytest.approx(1e9 * width, abs=5e-4)
        assert float(cells[4].split()[0]) == pytest.approx(1e4 * resistance, abs=5e-8)


def test_table_of_a_boundary_under_a_current(at_root):
    assert main(["run", "configs/boundary_under_current.yaml", "--quiet"]) == 0
    results = read_results("results/boundary_under_current.h5")
    currents = 10.0 * np.geomspace(1e-3, 100.0, 51)
    columns = [results.read(name)[-1] for name in ("voltage", "differential_resistance", "plane_occupancy")]
    columns[1] /= columns[1][0]
    section = PAGES["grain_boundaries"].split("dV/dJ over the first")[1]
    rows = re.findall(r"^\| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", section, flags=re.M)
    assert len(rows) == 5
    for current, *printed in rows:
        i = int(np.argmin(np.abs(currents / float(current) - 1.0)))
        assert currents[i] == pytest.approx(float(current), rel=1e-12)
        for text, column in zip(printed, columns, strict=True):
            # Half a unit in the last digit printed.
            digits = len(text.partition(".")[2])
            assert float(text) == pytest.approx(float(np.ravel(column[i])[0]), abs=0.5001 * 10.0**-digits)


def test_names_and_links_exist():
    table = PAGES["results"].split("## Names")[1]
    names = {name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
    keys = {"site_density", "charge_number", "permittivity", "interaction", "occupancy", "vacancy", "status"}
    assert names - keys <= set(sc.__all__)
    for text in [*PAGES.values(), (ROOT / "CONTRIBUTING.md").read_text(), (ROOT / "CHANGELOG.md").read_text()]:
        links = re.findall(r"\]\(([^)#:]+)\)", text)
        links += re.findall(r"`((?:configs|tests|benchmarks|spacecharge)/[^`\s]+?)(?::\d+)?`", text)
        # Links of the guide count from its folder.
        assert [link for link in links if not (ROOT / link).exists() and not (GUIDE / link).exists()] == []


def test_the_readme_lists_every_page_of_the_guide():
    table = README.split("## The guide")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \| (.*) \|$", table, flags=re.M)
    assert listed == [(page.topic, page.question) for page in pages()]


def test_every_extra_stands_in_the_readme_and_is_imported_somewhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # For developers; and a name without contents, kept for those who ask for it.
    extras = {
        name: needs for name, needs in project["optional-dependencies"].items() if name not in ("test", "dev", "bruker")
    }
    assert set(re.findall(r"\.\[(\w+)\]", README.split("Extras:")[1].split("\n\n")[0])) == set(extras)
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "spacecharge").rglob("*.py"))
    for name, needs in extras.items():
        libraries = [re.match(r"[\w-]+", need)[0].replace("-", "_") for need in needs]
        assert [library for library in libraries if library not in code] == [], name


def test_every_configuration_has_a_command_in_the_readme():
    table = README.split("| Configuration |")[1].split("\n\n")[0]
    assert set(re.findall(r"`configs/(\w+)\.yaml`", table)) == {path.stem for path in (ROOT / "configs").glob("*.yaml")}


def test_the_fitted_set_is_not_unique():
    limits = " ".join(README.split("### Limits")[1].split("\n## ")[0].split())
    for permittivities, printed in (((4, 30), "give 0.0051 and 0.00091 Ohm"), ((15, 15), "give 0.37 and 0.00071")):
        resistances = []
        for composition in (0.2, 2.0):
            layers = [
                sc.Layer(name=m, material=m, thickness_nm=30, permittivity=eps, interaction=NO_INTERACTION, **keys)
                for m, eps, keys in zip(
                    ("LixV2O5", "LAGP"), permittivities, ({"composition": composition}, {}), strict=True
                )
            ]
            solution = sc.solve(sc.Stack(layers, temperature_K=298.15), resistance_of=["LAGP"])
            resistances.append(f"{1e4 * sc.interface_resistance(solution):.2g}")
        assert f"give {resistances[0]} and {resistances[1]}" in printed
        assert printed in limits


def test_the_gallery_shows_every_configuration():
    shown = re.findall(r"^## (\w+)$", PAGES["gallery"], flags=re.M)
    assert shown == sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))
    assert len(re.findall(r"^!\[", PAGES["gallery"], flags=re.M)) == len(shown)
