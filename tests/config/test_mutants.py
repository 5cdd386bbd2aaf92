"""Broken configurations by the thousand: no traceback, short lines, exit codes 0 and 2 only."""

import random
from pathlib import Path

import pytest

from spacecharge.cli import main

from .mutants import yaml_mutant

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SOURCES = sorted(CONFIGS.glob("*.yaml"))
LONGEST = 1000


def survey(folder, capsys, n, seed):
    rng = random.Random(seed)
    path = folder / "m.yaml"
    codes = {0: 0, 2: 0}
    for _ in range(n):
        source = rng.choice(SOURCES)
        text = yaml_mutant(source.read_text(), rng).replace("path: data/", f"path: {CONFIGS}/data/")
        path.write_text(text)
        code = main(["check", str(path)])
        out, err = capsys.readouterr()
        assert code in codes, text
        codes[code] += 1
        assert (code == 2) == bool(err), text
        assert all(len(line) < LONGEST for line in err.splitlines()), err
        assert not any(ord(c) < 32 and c not in "\n\t" for c in out + err), text
    return codes


def test_some_broken_configurations(tmp_path, capsys):
    codes = survey(tmp_path, capsys, 250, 1)
    # Some are still sound: the generator breaks by little.
    assert codes[0] >= 10
    assert codes[2] >= 100


@pytest.mark.slow
def test_four_and_a_half_thousand_broken_configurations(tmp_path, capsys):
    for seed in range(10, 19):
        survey(tmp_path, capsys, 500, seed)


@pytest.mark.parametrize("value", ["5", "1.5", "text", "[1]", "null", "[[a]]"])
@pytest.mark.parametrize("key", ["layers", "sweep", "contacts", "ends", "solver", "output"])
def test_something_else_under_a_top_key(tmp_path, capsys, key, value):
    lines = (CONFIGS / "lixv2o5_lagp.yaml").read_text().splitlines()
    start = next((k for k, line in enumerate(lines) if line.startswith(f"{key}:")), len(lines))
    end = next((k for k in range(start + 1, len(lines)) if lines[k][:1].strip()), len(lines))
    (tmp_path / "m.yaml").write_text("\n".join([*lines[:start], f"{key}: {value}", *lines[end:]]))
    code = main(["check", str(tmp_path / "m.yaml")])
    err = capsys.readouterr().err
    assert code in (0, 2)
    assert (code == 2) == bool(err)


def test_values_and_lists_are_cut_in_messages(tmp_path, capsys):
    long = "x" * 5000
    (tmp_path / "m.yaml").write_text(
        f"fit: exsy\nname: {long}\ndata: {long}\nmodel: {{kind: {long}}}\nparameters: {long}\n{long}: 1\n"
    )
    assert main(["check", str(tmp_path / "m.yaml")]) == 2
    assert all(len(line) < LONGEST for line in capsys.readouterr().err.splitlines())
    (tmp_path / "m.yaml").write_text(
        f"layers:\n  {long}: {{material: {long}}}\nsweep: {{{long}.{long}: [1]}}\n{long}: 2\n"
    )
    assert main(["check", str(tmp_path / "m.yaml")]) == 2
    assert all(len(line) < LONGEST for line in capsys.readouterr().err.splitlines())
