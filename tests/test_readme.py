"""The README does what it says: its Python prints what stands below it, its commands exist, its table is computed."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
import shutil
from pathlib import Path

import pytest

import spacecharge as sc
from spacecharge.cli import build_parser, main, module_of
from spacecharge.store import read_results

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
NO_INTERACTION = {"occupied_eV": 0.0, "vacancy_eV": 0.0}
BLOCKS = re.findall(r"^```(\w+)( no-run)?\n(.*?)^```$", README, flags=re.M | re.S)


@pytest.fixture
def at_root(tmp_path, monkeypatch):
    """Work in a folder that looks like the repository, so that results do not land in it."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands() -> list[list[str]]:
    """Return every command line of this package, in blocks and indented, without comments."""
    text = "\n".join(body for language, _, body in BLOCKS if language == "bash")
    text += "\n" + "\n".join(re.findall(r"^    (spacecharge .*)$", README, flags=re.M))
    parts = [part.strip() for line in text.splitlines() for part in line.split("&&")]
    return [shlex.split(part, comments=True)[1:] for part in parts if part.startswith("spacecharge ")]


def test_python_prints_what_stands_below(at_root):
    names: dict[str, object] = {}
    pairs = list(zip(BLOCKS, [*BLOCKS[1:], ("", "", "")], strict=True))
    snippets = [(body, after[2]) for (language, no_run, body), after in pairs if language == "python" and not no_run]
    assert len(snippets) >= 2
    for body, expected in snippets:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(body, "README.md", "exec"), names)
        assert printed.getvalue() == expected


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_commands_are_understood(arguments):
    args = build_parser().parse_args(arguments)
    assert callable(importlib.import_module(f"spacecharge.commands.{module_of(args.command)}").execute)
    config = getattr(args, "config", "CONFIG")
    assert config == "CONFIG" or (ROOT / config).is_file()


def test_start(at_root, capsys):
    """The commands under Start work as typed, one after the other."""
    start = README.split("## Start")[1].split("\n| ")[0]
    lines = [part.strip() for line in start.splitlines() for part in line.split("&&")]
    run = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("spacecharge ")]
    assert len(run) >= 7
    for arguments in run:
        assert main(arguments) == 0, arguments
    assert (at_root / "results" / "lixv2o5_lagp.png").stat().st_size > 10_000


def test_configurations_can_be_run(at_root, capsys):
    """Every whole configuration is sound; the one around a fit runs with that fit."""
    texts = [body for language, _, body in BLOCKS if language == "yaml" and "layers:" in body]
    assert len(texts) == 2
    assert main(["fit", "configs/exsy_livo.yaml", "--quiet"]) == 0
    for i, text in enumerate(texts):
        path = at_root / "configs" / f"readme{i}.yaml"
        path.write_text(text)
        assert main(["run", str(path), "-o", f"results/readme{i}.h5", "--quiet"]) == 0, capsys.readouterr().err
    band = read_results("results/readme1.h5")
    assert band.sweep == ("electrode_diffusivity", "temperature")
    values = band["electrode_diffusivity"]
    # Nine values from exp(-2 s) to exp(2 s) of the middle one, s the relative error.
    assert values[8] * values[0] == pytest.approx(values[4] ** 2, rel=1e-12)


def test_table_of_the_paper(at_root):
    assert main(["run", "configs/joule2020_table.yaml", "--quiet"]) == 0
    results = read_results("results/joule2020_table.h5")
    widths, resistances = results.read("space_charge_width")[:, 0, 1], results.read("interface_resistance")
    section = README.split("## The paper's table")[1].split("\n## ")[0]
    rows = re.findall(r"^\| Li\S*V2O5 .*$", section, flags=re.M)
    assert len(rows) == 3
    for row, width, resistance in zip(rows, widths, resistances, strict=True):
        cells = row.replace("\\|", "/").split("|")
        # Half a unit in the last digit printed.
        assert float(cells[3].split()[0]) == pytest.approx(1e9 * width, abs=5e-4)
        assert float(cells[4].split()[0]) == pytest.approx(1e4 * resistance, abs=5e-8)


def test_names_and_links_exist():
    table = README.split("### Names")[1].split("### Limits")[0]
    names = {name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
    keys = {"site_density", "charge_number", "permittivity", "interaction", "occupancy", "vacancy", "status"}
    assert names - keys <= set(sc.__all__)
    links = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r"`((?:configs|tests|benchmarks)/[^`\s]+)`", README)
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


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
