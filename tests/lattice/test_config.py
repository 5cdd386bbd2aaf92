"""`lattice:` in a configuration: its errors, runs, files, tables and figures, through the commands of everything."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.config.schema import json_schema
from spacecharge.store.work import WorkFile
from spacecharge.sweeping import engine, make_task
from spacecharge.sweeping.task import chunk_range

from .ceria import SITES, ceria

TEXT = """\
title: Ceria
temperature_K: 773.15
lattice:
  sites: SITES
  cross_section_nm2: 0.585725416929
  permittivity: 55
  window_nm: [-6.094, 5.16]
  bulk_nm: [-5.783, -2.502]
  closure: uniform_background
  species:
    Vo: {site: O, charge_number: 2, fraction: 0.05}
    Gd: {site: Ce, charge_number: -1, fraction: 0.2, mobile: false}
"""
SWEEP = """\
sweep:
  temperature_K: [673.15, 773.15, 873.15]
  lattice.species.Gd.fraction: {start: 0.1, stop: 0.3, num: 40}
output: {profiles: true}
"""


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str = TEXT, *changes: tuple[str, str]) -> Path:
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "ceria.yaml"
        path.write_text(text.replace("SITES", str(SITES)), encoding="utf-8")
        return path

    return write


def test_a_single_run_has_the_numbers_of_the_table(config: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "one.h5"
    assert main(["run", str(config()), "-o", str(out), "--quiet"]) == 0
    with h5py.File(out) as file:
        assert file.attrs["kind"] == "lattice"
        assert file["barrier"][()] == pytest.approx(0.3351599, abs=1e-6)
        assert file["barrier"].attrs["units"] == "V"
        assert file["resistivity_ratio_perpendicular"][()] == pytest.approx(2321.53, rel=1e-5)
        assert file["excess_thickness"][()] == pytest.approx(3993.23e-9, rel=1e-5)
        planes = file["profiles/planes"]
        assert planes["x"].shape == planes["potential"].shape == (108,)
        assert planes["occupancy"].shape == (2, 108)
        assert planes["occupancy"].dims[0][0].name == "/species"
        assert np.nanmax(planes["potential"]) == file["barrier_any_plane"][()]


def test_a_sweep_is_that_of_single_solves_on_any_number_of_threads(config: Callable[..., Path], tmp_path: Path) -> None:
    loaded = sc.load_config(config(TEXT + SWEEP))
    assert loaded.n_points == 120
    assert [axis.name for axis in loaded.axes] == ["temperature", "lattice_species_Gd_fraction"]
    one, two = tmp_path / "1.h5", tmp_path / "2.h5"
    sc.run_sweep(loaded, output=one, workers=1)
    sc.run_sweep(loaded, output=two, workers=2)
    with h5py.File(one) as a, h5py.File(two) as b:
        names = [name for name in a if name != "profiles"]
        assert "apparent_activation_energy" in names
        for name in [*names, "profiles/planes/potential", "profiles/planes/charge"]:
            assert np.array_equal(a[name][()], b[name][()], equal_nan=name in names and a[name].dtype.kind == "f"), name
        species = {
            "Vo": {"site": "O", "charge_number": 2, "fraction": 0.05},
            "Gd": {"site": "Ce", "charge_number": -1, "fraction": float(a["lattice_species_Gd_fraction"][17])},
        }
        species["Gd"]["mobile"] = False
        lattice = ceria(species=species, temperature_K=673.15, cross_section_nm2=0.585725416929)
        alone = sc.solve_lattice(lattice)
        assert a["barrier"][0, 17] == alone.scalars["barrier"]
        assert np.array_equal(a["profiles/planes/potential"][0, 17], alone.potential)


def test_an_interrupted_run_is_resumed_to_the_same_bits(config: Callable[..., Path], tmp_path: Path) -> None:
    path = config(TEXT + SWEEP)
    whole, part = tmp_path / "whole.h5", tmp_path / "part.h5"
    sc.run_sweep(sc.load_config(path), output=whole)
    task = make_task(sc.load_config(path))
    with WorkFile.create(part, engine.file_layout(task)) as work:
        lo, hi = chunk_range(task, 0)
        work.write(lo, task.evaluate(lo, hi))
        work.commit()
    report = sc.run_sweep(sc.load_config(path), output=part, resume=True)
    assert 0 < report.n_resumed == hi < 120
    with h5py.File(whole) as a, h5py.File(part) as b:
        assert np.array_equal(a["barrier"][()], b["barrier"][()])
    changed = config(TEXT + SWEEP, ("permittivity: 55", "permittivity: 50"))
    with pytest.raises(sc.SpaceChargeError, match=r"different: lattice\.permittivity"):
        sc.run_sweep(sc.load_config(changed), output=part, resume=True)


def test_failed_points_are_rows_with_a_reason(config: Callable[..., Path], tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    table = tmp_path / "points.csv"
    table.write_text(
        "lattice.species.Vo.fraction,lattice.species.Gd.fraction,temperature_K\n0.05,0.2,773.15\n0,0.2,700\n"
    )
    out = tmp_path / "points.h5"
    assert main(["run", str(config(TEXT + "sweep: {points: points.csv}\n")), "-o", str(out)]) == 1
    assert "Vo.fraction: the species that carries the current needs one above 0" in capsys.readouterr().err
    with h5py.File(out) as file:
        assert file["status"][()].tolist() == [0, 3]
        assert np.isnan(file["barrier"][()]).tolist() == [False, True]


def test_sweeps_in_memory(config: Callable[..., Path]) -> None:
    swept = {"temperature_K": [673.15, 873.15], "lattice.permittivity": [30.0, 55.0]}
    table = sc.sweep(ceria(), swept, profiles=True, workers=1)
    assert table["resistivity_ratio_perpendicular"][:, 1] == pytest.approx([12428.9, 640.652], rel=1e-5)
    assert table["profiles/planes/potential"].shape == (2, 2, 108)
    assert len(table.to_dataframe()) == 4
    of_config = sc.sweep(sc.load_config(config()), {"temperature_K": [673.15]})
    assert of_config["barrier"][0] == pytest.approx(table["barrier"][0, 1], abs=1e-12)
    with pytest.raises(sc.ModelError, match=r"did you mean lattice\.permittivity"):
        sc.sweep(ceria(), {"lattice.permitivity": [3.0]})
    with pytest.raises(sc.ModelError, match="resistance_of"):
        sc.sweep(ceria(), {"temperature_K": [300.0]}, resistance_of=["a"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("permittivity: 55", "permitivity: 55"), r":6:3: lattice\.permitivity: unknown key \(nearest: permittivity\)"),
        (("permittivity: 55", "permittivity: 0"), r":6:17: lattice\.permittivity: 0 is out of range \(allowed: 1 to"),
        (("permittivity: 55", "permittivity:"), r":6:3: lattice\.permittivity: is empty"),
        (("  permittivity: 55\n", ""), r":3:1: lattice\.permittivity: is missing"),
        (("cross_section_nm2: 0.5857", "cross_section: 0.5857"), r"the unit is missing \(nearest: cross_section_nm2\)"),
        (("closure: uniform_background", "closure: none"), r"allowed: neutral, uniform_background"),
        (
            ("mobile: false", "mobile: {frozen_at_K: 0}"),
            r"mobile\.frozen_at_K: 0 is out of range \(allowed: 1 to 5000\)",
        ),
        (("mobile: false", "mobile: {frozen: 900}"), r"lattice\.species\.Gd\.mobile\.frozen: unknown key"),
        (("site: Ce", "site: O"), r":12:16: lattice\.species\.Gd\.site: .* has it on Ce"),
        (("Gd: {", "Y: {"), r":12:\d+: lattice\.species\.Y: no site of .* lists this defect \(it lists: Vo, Gd\)"),
        (("[-6.094, 5.16]", "[5.16, -6.094]"), r":7:14: lattice\.window_nm: must rise, got 5\.16 to -6\.094"),
        (("[-6.094, 5.16]", "[-6.094]"), r":7:\d+: lattice\.window_nm:"),
        (("[-5.783, -2.502]", "[20, 30]"), r":8:12: lattice\.bulk_nm: needs three planes with sites of Vo in it"),
        (("sites: SITES", "sites: nowhere.txt"), r":4:10: lattice\.sites: there is no file .*nowhere\.txt"),
        (("lattice:", "layers: {a: {}}\nlattice:"), r":3:1: layers: stands beside lattice: give either"),
        (("title: Ceria", "sweep: {lattice.permitivity: [1]}"), r"nearest: lattice\.permittivity"),
        (
            ("title: Ceria", "sweep: {lattice.window_nm.0: [-7, -6]}\noutput: {profiles: true}"),
            "changes the planes from",
        ),
        (("title: Ceria", "output: {resistance_of: [a]}"), r"output\.resistance_of: unknown key"),
        (("title: Ceria", "sweep: {lattice.species.Gd.mobile.frozen_at_K: [900]}"), "names no number that a sweep can"),
    ],
)
def test_errors_stand_with_their_line(config: Callable[..., Path], capsys, change: tuple[str, str], said: str) -> None:  # type: ignore[no-untyped-def]
    path = config(TEXT, change)
    assert main(["check", str(path)]) == 2
    message = capsys.readouterr().err
    assert re.search(said, message), message
    assert "Traceback" not in message
    assert all(line.startswith(str(path)) for line in message.strip().splitlines()), message


def test_every_broken_line_of_the_sites_is_told(config: Callable[..., Path], tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine.txt").write_text("O -2 0\nO -2 1e-10 Vo\n")
    assert main(["check", str(config(TEXT, ("SITES", "mine.txt")))]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.split("mine.txt")[1][:3] for line in lines] == [":1:", ":2:"]


def test_check_show_and_plot(config: Callable[..., Path], tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    path = config(TEXT + SWEEP)
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "108 planes in the window, -6.094 to 5.16 nm" in said
    assert "Gd: on Ce, charge -1, fraction 0.2, fixed" in said
    assert "120 (3 x 40)" in said
    out = tmp_path / "ceria.h5"
    main(["run", str(path), "-o", str(out), "--quiet"])
    capsys.readouterr()
    assert main(["show", str(out)]) == 0
    assert "excess thickness [nm]" in capsys.readouterr().out
    assert main(["show", str(out), "--select", "lattice_species_Gd_fraction=0.2", "--rows", "3"]) == 0
    assert re.search(r"temperature +barrier +r across +r along +excess +activation +status", capsys.readouterr().out)
    assert (
        main(["show", str(out), "--select", "temperature=773.15", "--select", "lattice.species.Gd.fraction=0.2"]) == 0
    )
    single = capsys.readouterr().out
    assert re.search(r"mean mole fraction in the bulk window of Gd +0\.\d+", single)
    assert re.search(r"\(\d+ of 108 planes; --rows N shows more\)", single)
    assert main(["plot", str(out), "--text"]) == 0
    assert "excess_thickness [nm]" in capsys.readouterr().out
    for options in ([], ["--profiles"], ["--y", "barrier"]):
        figure = tmp_path / "figure.png"
        assert main(["plot", str(out), "-o", str(figure), "--overwrite", *options]) == 0
        # Some of the page is drawn on.
        assert 0.002 < np.mean(np.asarray(Image.open(figure).convert("L")) < 200) < 0.4


def test_a_charged_grain_is_warned_of(config: Callable[..., Path], capsys) -> None:  # type: ignore[no-untyped-def]
    assert main(["check", str(config())]) == 0
    assert "warning" not in capsys.readouterr().out
    assert main(["check", str(config(TEXT, ("fraction: 0.2", "fraction: 0.1")))]) == 0
    assert re.search(
        r"warning +at the mole fractions given the grain is charged: 4\.371 against -2\.185", capsys.readouterr().out
    )


def test_schema_and_kinds(config: Callable[..., Path]) -> None:
    schema = json_schema()
    planes = schema["$defs"]["LatticeConfiguration"]
    assert set(planes["properties"]) == {"title", "temperature_K", "lattice", "sweep", "solver", "output"}
    text = json.dumps(schema)
    for key in ("cross_section_nm2", "bulk_nm", "site_charges", "frozen_at_K", "closure"):
        assert f'"{key}"' in text
    loaded = sc.load_config(config())
    with pytest.raises(sc.ConfigError, match="describes lattice planes"):
        _ = loaded.stack
    assert repr(loaded).startswith("<LatticeConfig 'Ceria'")
    assert make_task(loaded).fingerprint == make_task(sc.load_config(config())).fingerprint


@pytest.mark.parametrize("command", ["assume", "defects", "fit"])
def test_commands_that_take_no_planes_say_so(config: Callable[..., Path], command: str, capsys) -> None:  # type: ignore[no-untyped-def]
    assert main([command, str(config())]) == 2
    message = capsys.readouterr().err
    assert message.strip()
    assert "Traceback" not in message


def test_schema_as_text_has_stacks_and_planes(capsys) -> None:  # type: ignore[no-untyped-def]
    for part, said in (
        ("lattice", "lattice: lattice.cross_section_nm2"),
        ("thickness_nm", "run: layers.NAME.thickness_nm"),
    ):
        assert main(["schema", "--text", part]) == 0
        assert said in capsys.readouterr().out


def test_numbers_that_only_the_sweep_gives(config: Callable[..., Path]) -> None:
    text = (
        TEXT.replace("temperature_K: 773.15\n", "")
        + "sweep: {temperature_K: [773.15], lattice.conductivity_S_per_m: [2, 4]}\n"
    )
    table = make_task(sc.load_config(config(text))).evaluate(0, 2)
    ohms = table["grain_boundary_resistance"]
    assert ohms == pytest.approx(table["excess_thickness"] / np.array([2.0, 4.0]), rel=1e-12)
    assert table["barrier"][0] == pytest.approx(0.3351599, abs=1e-6)


WORDS = (
    "nan",
    "-1",
    "1e400",
    "[]",
    "{}",
    '"x"',
    "true",
    "[1, 2, 3]",
    "{a: 1}",
    "0",
    "99999",
    "Vo",
    "",
    "- 3",
    "*a",
    "½",
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.integers(0, 15), at=st.integers(0, 60), word=st.sampled_from(WORDS), kind=st.integers(0, 3))
def test_mutants_are_checked_or_told_with_their_line(tmp_path: Path, line: int, at: int, word: str, kind: int) -> None:
    lines = (TEXT + SWEEP).replace("SITES", str(SITES)).splitlines()
    old = lines[line]
    key, colon, _ = old.partition(":")
    lines[line] = (
        old[:at] + word + old[at:],
        f"{key}: {word}" if colon else word,
        old[:at],
        old + "\n" + lines[(line + at) % len(lines)],
    )[kind]
    path = tmp_path / "mutant.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(["check", str(path)])
    assert code in (0, 2)
    if code == 2:
        assert all(message.startswith(str(path)) for message in said.getvalue().strip().splitlines())
