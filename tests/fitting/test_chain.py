"""Chains of fits: order, circles, numbers handed on with their errors, and the shipped one against its truth."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import ConfigError, FitError, StoreError
from spacecharge.fitting.load import load_fit_config
from spacecharge.store.fit_reader import fit_names, read_fit

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
DATA = CONFIGS / "data"
CHAIN = CONFIGS / "joule2020_from_data.yaml"


@pytest.fixture(scope="module")
def make():
    """The generating script as a module."""
    sys.path.insert(0, str(DATA))
    try:
        spec = importlib.util.spec_from_file_location("make_joule2020", DATA / "make_joule2020.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(DATA))


def numbers_of(text):
    return np.array([float(x) for x in re.findall(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?", text)])


def test_the_shipped_files_are_those_of_the_script(make, tmp_path):
    make.write_all(tmp_path / "made")
    shipped = sorted(p.relative_to(DATA / "joule2020") for p in (DATA / "joule2020").rglob("*") if p.is_file())
    made = sorted(p.relative_to(tmp_path / "made") for p in (tmp_path / "made").rglob("*") if p.is_file())
    assert made == shipped
    assert sum((DATA / "joule2020" / name).stat().st_size for name in shipped) < 200_000
    for name in shipped:
        own, other = DATA / "joule2020" / name, tmp_path / "made" / name
        if name.name == "2rr":
            # Counts of a spectrum scaled to 2^28: rounding of the last digits of a double.
            a, b = (np.fromfile(p, dtype="<i4").astype(float) for p in (own, other))
            assert np.abs(a - b).max() < 1e-6 * np.abs(a).max()
        else:
            assert numbers_of(other.read_text()) == pytest.approx(numbers_of(own.read_text()), rel=2e-5, abs=2e-6)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the one command stores, run once; its figure is drawn where it is looked at."""
    from spacecharge.store.fits import write_fit

    path = tmp_path_factory.mktemp("chain") / "all.h5"
    write_fit(path, sc.fit(CHAIN))
    return path


def test_every_number_of_the_shipped_chain_holds_its_truth(found, make, capsys):
    from spacecharge.store.stored_fit import read_fits

    (stored,) = read_fits(found, "joule2020_from_data")
    table, said = stored.tables[""], stored.attributes
    truth = make.truth()
    pulls = np.asarray(table["pull"])
    assert pulls.size == sum(map(len, truth.values())) == 27
    for step, name, value, sigma in zip(
        said["number_steps"], said["number_names"], table["value"], table["sigma"], strict=True
    ):
        true, _ = truth[step][name]
        assert sigma > 0.0
        assert abs(value - true) < 3.0 * sigma, (step, name)
        # And the error says something: none is so wide that it would hold anything.
        assert sigma < 0.2 * abs(true), (step, name)
    assert np.mean(np.abs(pulls) < 2.0) > 0.9
    # Each step stands in the file under its own name, and others take numbers from there.
    assert set(fit_names(found)) == {*(part.name for part in stored.parts), "joule2020_from_data"}
    assert read_fit(found, "joint/symmetry_factor").value == pytest.approx(0.5, abs=0.01)
    assert main(["show", str(found)]) == 0
    shown = capsys.readouterr().out
    assert "Li2V2O5: exchange current density at 298.15 K" in shown
    assert "(fit - truth)/sigma" in shown


def test_no_fit_reads_the_truth(found, tmp_path, monkeypatch):
    """The configuration of every step is stored as it ran: none names the file."""
    import h5py

    with h5py.File(found) as file:
        texts = [str(g.attrs["config_yaml"]) for name, g in file["fits"].items() if name != "joule2020_from_data"]
    assert len(texts) == 8
    assert not any("truth" in text for text in texts)


def test_the_figure_of_a_chain(found, tmp_path):
    out = tmp_path / "c.png"
    assert main(["plot", str(found), "--y", "joule2020_from_data", "-o", str(out)]) == 0
    assert out.stat().st_size > 100_000


RELAXATION = """
fit: relaxation
data: {{path: {data}, columns: {{temperature_K: T_K, T2_us: T2_us, sigma_T2_us: sigma_T2_us}}}}
model: {{kind: anderson_weiss}}
parameters:
  correlation_time_s: {{initial: 1.0e-5}}
  activation_energy_eV: {energy}
absolute_sigma: true
"""


def small(folder, second="{fixed: {from_fit: first.yaml, parameter: activation_energy_eV}}", first="{initial: 0.2}"):
    """A chain of two fits of one kind: the second takes the activation energy of the first."""
    data = (DATA / "relaxation_livo.csv").as_posix()
    (folder / "first.yaml").write_text(RELAXATION.format(data=data, energy=first))
    (folder / "second.yaml").write_text(RELAXATION.format(data=data, energy=second))
    (folder / "chain.yaml").write_text("fit: chain\nsteps: {b: second.yaml, a: first.yaml}\n")
    return folder / "chain.yaml"


def test_a_number_goes_on_with_its_error(tmp_path):
    """The second step holds the energy that the first fitted: of the same data, the whole error of both must agree."""
    result = sc.fit(small(tmp_path))
    assert [part.name for part in result.parts] == ["a", "b"]
    assert result.parts[1].parameters["activation_energy_eV"].fixed
    both = [result.run.number(step, "correlation_time_s") for step in "ab"]
    assert both[1].value == pytest.approx(both[0].value, rel=1e-4)
    # With the energy held the error of the second step alone is smaller; what the energy adds restores that of the
    # joint fit: sigma^2 = sigma_held^2 + (d tau/d Ea sigma_Ea)^2. One sigma of this time is a quarter of it, so the law
    # is not quite linear over it.
    alone = result.parts[1].parameters["correlation_time_s"].sigma
    assert alone < 0.7 * both[0].sigma
    assert both[1].sigma == pytest.approx(both[0].sigma, rel=0.1)
    assert result.pulls == {}
    assert "truth" not in repr(result)


def test_without_a_truth_every_fitted_number_is_listed(tmp_path, capsys):
    path = small(tmp_path)
    assert main(["fit", str(path), "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)
    names = {(n["step"], n["number"]) for n in said["numbers"]}
    assert {("a", "correlation_time_s"), ("a", "activation_energy_eV"), ("b", "correlation_time_s")} <= names
    assert ("b", "activation_energy_eV") not in names
    assert set(said["steps"]) == {"a", "b"}


def test_nothing_of_a_chain_is_overwritten_unasked(tmp_path):
    path, out = small(tmp_path), tmp_path / "r.h5"
    assert main(["fit", str(path), "-o", str(out), "--quiet"]) == 0
    before = out.read_bytes()
    assert main(["fit", str(path), "-o", str(out), "--quiet"]) == 2
    assert out.read_bytes() == before
    # A step whose name another fit has is refused before any work, and so is the whole chain.
    from spacecharge.store.fits import refuse_existing

    with pytest.raises(StoreError, match="has fits a, b already; --overwrite replaces them"):
        refuse_existing(out, ["other", "a", "b"])
    assert main(["fit", str(path), "-o", str(out), "--quiet", "--overwrite"]) == 0
    assert set(fit_names(out)) == {"a", "b", "chain"}


def test_circles_missing_files_and_strangers_are_one_line_each(tmp_path, capsys):
    circle = "{fixed: {from_fit: second.yaml, parameter: activation_energy_eV}}"
    path = small(tmp_path, first=circle)
    with pytest.raises(ConfigError, match=r"chain.yaml:2:1: steps: the steps need each other in a circle: [ab] ") as e:
        load_fit_config(path)
    assert len(e.value.problems) == 1
    path = small(tmp_path, second="{fixed: {from_fit: frist.yaml, parameter: activation_energy_eV}}")
    with pytest.raises(ConfigError, match=r"frist.yaml is no step of this chain \(nearest: first.yaml\)") as e:
        load_fit_config(path)
    assert len(e.value.problems) == 1
    path = small(tmp_path, second="{fixed: {from_fit: first.yaml}}")
    with pytest.raises(ConfigError, match="parameter is missing beside from_fit"):
        load_fit_config(path)
    path = small(tmp_path)
    (tmp_path / "first.yaml").unlink()
    with pytest.raises(ConfigError, match=r"first\.yaml") as e:
        load_fit_config(path)
    assert len(e.value.problems) == 1
    assert main(["check", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_numbers_that_do_not_belong_there(tmp_path):
    path = small(tmp_path, second="{fixed: {from_fit: first.yaml, parameter: energy}}")
    with pytest.raises(FitError, match=r"parameters.activation_energy_eV.fixed: a has no energy \(it has: correlation"):
        sc.fit(path)
    small(tmp_path, second="{fixed: 0.17}")
    (tmp_path / "truth.yaml").write_text("a: {nothing: 1.0}\n")
    path.write_text(path.read_text() + "truth: truth.yaml\n")
    with pytest.raises(ConfigError, match=r"truth: a: has no nothing"):
        sc.fit(path)
    (tmp_path / "truth.yaml").write_text("c: {x: 1.0}\na: {x: {unit: s}}\n")
    with pytest.raises(ConfigError, match=r"truth.yaml:1:1: c: a step with its numbers") as e:
        sc.fit(path)
    assert len(e.value.problems) == 2


def test_a_broken_step_is_said_with_its_own_file(tmp_path):
    path = small(tmp_path, first="{intial: 0.2}")
    with pytest.raises(ConfigError, match=r"first.yaml:7:\d+: parameters.activation_energy_eV.intial: unknown key"):
        load_fit_config(path)
    path.write_text("fit: chain\nsteps: {b: chain.yaml}\n")
    with pytest.raises(ConfigError, match="a step is a single fit, no chain and no sweep"):
        load_fit_config(path)


@pytest.mark.slow
def test_twenty_seeds_pull_as_a_normal_number_does(make, tmp_path, monkeypatch):
    """Mean 0 and width 1 of (fit - truth)/sigma over seeds; numbers of one seed go together, so the bounds are wide."""
    import shutil

    shutil.copytree(CONFIGS / "joule2020_from_data", tmp_path / "joule2020_from_data")
    shutil.copy(CHAIN, tmp_path)
    pulls = []
    for seed in range(1, 21):
        make.write_all(tmp_path / "data" / "joule2020", seed=seed)
        pulls.append(list(sc.fit(tmp_path / CHAIN.name).pulls.values()))
    pulls = np.array(pulls)
    print("mean", pulls.mean(axis=0), "width", pulls.std(axis=0))
    # 20 normal numbers: their mean within 4/sqrt(20), their width within 0.45 and 1.6 (chi-square, 1e-4 a number).
    assert np.abs(pulls.mean(axis=0)).max() < 0.9
    assert 0.8 < np.sqrt(np.mean(pulls**2)) < 1.2
    assert np.mean(np.abs(pulls) < 2.0) > 0.9


def test_the_guide_shows_what_the_chain_prints(found):
    """Numbers of the last digit shown may differ between machines; everything else is the same text."""
    from spacecharge.fitting.stored import fit_table

    page = (ROOT / "spacecharge" / "guide" / "chain.md").read_text()
    printed = fit_table(found)
    for block in re.findall(r"^```text\n(.*?)^```$", page, flags=re.M | re.S):
        for line in block.splitlines():
            words = [w for w in line.split() if not re.fullmatch(r"[-+(]*\d[\d.e+-]*[)]?", w)]
            rows = [r for r in printed.splitlines() if all(w in r.split() for w in words)]
            assert rows, line
            shown = [numbers_of(" ".join(w for w in r.split() if w not in words)) for r in rows]
            own = numbers_of(" ".join(w for w in line.split() if w not in words))
            assert any(n.size == own.size and np.allclose(n, own, rtol=0.02, atol=0.11) for n in shown), line


def test_check_names_the_steps_in_their_order(capsys):
    assert main(["check", str(CHAIN)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("step")]
    assert len(lines) == 8
    assert lines[0].split()[1:3] == ["gitt:", "ocv,"]
    assert "needs gitt, t2_electrode, t1rho_electrolyte" in lines[5]
