"""``--json`` of run, check and show: one object on standard output, the content of the text."""

import json
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.store.fits import write_fit

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def test_a_run_its_check_and_its_file(configuration, call):
    name = configuration()
    code, out, err = call("check", name, "--json")
    assert (code, err) == (0, "")
    checked = json.loads(out)
    assert checked["valid"] is True
    assert checked["title"] == "a small case"
    assert checked["points"] == "27 (9 x 3)"
    assert len(checked["axis"]) == len(checked["layer"]) == 2
    code, out, err = call("run", name, "--json", "--dry-run", "--quiet")
    assert (code, err) == (0, "")
    assert json.loads(out)["n_points"] == 27
    assert not Path("results").exists()
    code, out, err = call("run", name, "--json", "--quiet")
    assert (code, err) == (0, "")
    ran = json.loads(out)
    assert (ran["path"], ran["n_points"], ran["n_failed"], ran["status"]) == ("results/r.h5", 27, 0, {"0": 27})
    code, out, err = call("show", "results/r.h5", "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert shown["layers"] == ["electrode", "electrolyte"]
    assert shown["status"] == {"0": {"points": 27, "words": "solved"}}
    names = [column["name"] for column in shown["columns"]]
    units = {column["name"]: column["unit"] for column in shown["columns"]}
    assert len(shown["rows"]) == 27
    assert units["interface_resistance"] == "Ohm cm2"
    with sc.open_results("results/r.h5") as data:
        stored = data.interface_resistance.values.ravel()
    column = names.index("interface_resistance")
    np.testing.assert_allclose([row[column] for row in shown["rows"]], stored, rtol=1e-12)
    # The text has the same numbers.
    code, out, _ = call("show", "results/r.h5", "--json", "--select", "temperature=300", "--rows", "2")
    assert len(json.loads(out)["rows"]) == 2


def test_what_is_wrong_is_an_object_too(configuration, call):
    name = configuration(rest="sweep: {nothing: [1, 2]}\nother: 3\n")
    code, out, err = call("check", name, "--json")
    assert code == 2
    checked = json.loads(out)
    assert checked["valid"] is False
    assert "\n".join(checked["problems"]) + "\n" == err
    assert len(checked["problems"]) == 2


def test_failed_points_and_numbers_that_are_none(configuration, call):
    name = configuration(rest="sweep: {electrode.occupancy: [0.3, 0.5]}\n", **{"num: 9": "num: 9"})
    assert call("run", name, "-o", "r.h5", "--quiet")[0] in (0, 1)
    code, out, _ = call("show", "r.h5", "--json")
    assert code == 0
    assert "NaN" not in out
    assert "Infinity" not in out


@pytest.mark.parametrize("name", ["exsy_livo", "exsy_livo_sizes"])
def test_fits(tmp_path, monkeypatch, call, name):
    monkeypatch.chdir(tmp_path)
    code, out, _ = call("check", CONFIGS / f"{name}.yaml", "--json")
    assert code == 0
    assert json.loads(out)["valid"] is True
    if name == "exsy_livo":
        fit = sc.fit(CONFIGS / f"{name}.yaml")
        write_fit("f.h5", fit)
        code, out, _ = call("show", "f.h5", "--json")
        assert code == 0
        (stored,) = json.loads(out)["fits"]
        expected = json.loads(json.dumps(fit.to_json()))
        for section in ("parameters", "derived"):
            for key, entry in expected[section].items():
                for name in ("value", "sigma", "unit"):
                    assert stored[section][key][name] == entry[name]


def test_a_title_is_escaped(configuration, call):
    name = configuration(rest="", title='"\\e[31m"')
    code, out, _ = call("check", name, "--json")
    assert code == 0
    assert json.loads(out)["title"] == "\x1b[31m"
    assert "\x1b" not in out
