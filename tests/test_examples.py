"""The examples that travel with the package: listed, copied with what they name, never over a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacecharge.cli import main
from spacecharge.errors import ConfigError, StoreError
from spacecharge.guide.examples import copy_example, examples, folder

ROOT = Path(__file__).parents[1]


def test_every_configuration_is_an_example_with_a_question(capsys):
    assert [e.name for e in examples()] == sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))
    assert main(["example"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(examples())
    for line, example in zip(lines, examples(), strict=True):
        assert line.startswith(example.name)
        assert example.question.endswith((".", "?")) or " " in example.question
        assert len(example.question) > 20


@pytest.mark.parametrize("name", [e.name for e in examples()])
def test_a_copied_example_checks_in_an_empty_folder(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["example", name]) == 0
    printed = capsys.readouterr().out.splitlines()
    command = printed[-1].removeprefix("now: spacecharge ").split()
    assert Path(command[1]).is_file()
    for path in printed[:-1]:
        assert Path(path).read_bytes() == (folder() / path).read_bytes()
    if command[0] == "run":
        assert main(["check", command[1]]) == 0


def test_an_example_never_replaces_a_file(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "exsy_livo.csv").write_text("mine")
    with pytest.raises(StoreError, match="exists already"):
        copy_example("exsy_livo", tmp_path)
    assert not (tmp_path / "exsy_livo.yaml").exists()
    assert (tmp_path / "data" / "exsy_livo.csv").read_text() == "mine"


def test_an_unknown_example_names_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="did you mean exsy_livo"):
        copy_example("exsy_liv", tmp_path)
