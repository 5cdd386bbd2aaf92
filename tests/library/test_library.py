"""The materials library: complete, every value sourced, and what a layer of it is."""

from pathlib import Path

import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import ConfigError, ModelError
from spacecharge.library import Library, Material, material_keys
from spacecharge.model.numbers import number_of

NAMES = {
    *("LixV2O5", "LAGP", "LATP", "LLZO", "LiPON", "Li3PS4", "Li6PS5Cl"),
    *("LCO", "LiFePO4", "NMC811", "graphite", "LiNbO3"),
}


def test_the_library_holds_the_twelve() -> None:
    assert set(sc.materials) == NAMES
    assert len(sc.materials) == len(NAMES)
    assert "LAGP" in sc.materials
    assert "LAGP" in repr(sc.materials)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_value_has_a_source_or_a_range(name: str) -> None:
    material = sc.materials[name]
    assert material.title
    assert material.formula
    assert material.role in ("electrode", "electrolyte", "coating")
    for key, entry in material.values.items():
        assert bool(entry.source) != bool(entry.assumed), key
        assert len(entry.source or entry.assumed) > 10, key
        if entry.is_assumed and key != "ocv":
            assert entry.range is not None, key
        if entry.range is not None:
            low, high = number_of(key).low, number_of(key).high
            assert low <= entry.range[0] <= entry.value <= entry.range[1] <= high, key
            assert entry.range[0] < entry.range[1], key
        # What is from memory or derived is no source.
        assert "memory" not in entry.source, key
    assert set(material.sources) == set(material.values)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_material_makes_a_layer_that_conducts(name: str) -> None:
    material = sc.materials[name]
    extra = {"composition": material.values["ocv"].value["composition"][0]} if "ocv" in material.values else {}
    layer = material.layer(thickness_nm=30, **extra)
    assert layer.thickness_nm == 30
    assert layer.material == name
    assert layer.diffusivity_m2_per_s["value"] > 0
    assert 0 < layer.diffusivity_m2_per_s["activation_energy_eV"] < 1


@pytest.mark.parametrize("name", sorted(NAMES))
def test_tables_fall_with_lithium_content(name: str) -> None:
    table = sc.materials[name].keys().get("ocv")
    if table is not None:
        for key, sign in (("composition", 1), ("occupancy", 1), ("potential_V", -1)):
            steps = [sign * (b - a) for a, b in zip(table[key], table[key][1:], strict=False)]
            assert min(steps) > 0, key


def test_default_set_of_the_paper() -> None:
    lagp, electrode = sc.materials["LAGP"].keys(), sc.materials["LixV2O5"].keys()
    assert lagp["site_density_per_nm3"] == 19.7
    assert lagp["occupancy"] == 7.4 / 19.7
    assert (lagp["permittivity"], lagp["potential_V"]) == (15, 3.0)
    assert lagp["diffusivity_m2_per_s"] == {"value": 1e-13, "activation_energy_eV": 0.166}
    assert electrode["site_density_per_nm3"] == 22.4
    assert electrode["ocv"]["potential_V"] == [3.4, 3.0, 2.4]
    assert electrode["ocv"]["occupancy"] == pytest.approx([11.16 * 0.2 / 22.4, 11.16 / 22.4, 0.99], rel=1e-15)
    assert electrode["diffusivity_m2_per_s"] == {"value": 1.68e-15, "activation_energy_eV": 0.17}
    for name in ("LAGP", "LixV2O5"):
        for key in ("interaction.occupied_eV", "interaction.vacancy_eV"):
            entry = sc.materials[name].values[key]
            assert entry.value == 0.10
            assert "fitted to four printed numbers, not published" in entry.assumed


def test_only_the_fitted_pair_carries_interactions() -> None:
    with_interactions = {n for n in sc.materials if "interaction" in sc.materials[n].keys()}
    assert with_interactions == {"LAGP", "LixV2O5"}


def test_the_coating_is_all_assumed() -> None:
    material = sc.materials["LiNbO3"]
    assert set(material.assumed_ranges) == set(material.values)


def test_overrides_win() -> None:
    layer = sc.materials["LAGP"].layer(thickness_nm=5, permittivity=9, interaction={"occupied_eV": 0.0})
    assert layer.permittivity == 9
    assert layer.interaction == {"occupied_eV": 0.0, "vacancy_eV": 0.10}


def test_changes_of_the_keys_do_not_reach_the_library() -> None:
    keys = material_keys("LixV2O5")
    keys["ocv"]["potential_V"][0] = 99.0
    keys["interaction"]["occupied_eV"] = 99.0
    assert material_keys("LixV2O5")["ocv"]["potential_V"][0] == 3.4
    assert material_keys("LixV2O5")["interaction"]["occupied_eV"] == 0.10


def test_unknown_names_give_the_nearest() -> None:
    for use in (lambda: sc.materials["LAPG"], lambda: material_keys("LAPG")):
        with pytest.raises(ModelError, match=r"unknown material 'LAPG' \(nearest: LAGP\)"):
            use()
    with pytest.raises(KeyError):
        sc.materials["LAPG"]
    assert sc.materials.get("LAPG") is None
    with pytest.raises(ModelError, match="nearest: LAGP"):
        sc.Layer(material="lagp", thickness_nm=3)


def test_an_electrode_needs_its_potential_and_says_which() -> None:
    with pytest.raises(ModelError, match=r"needed, or composition.*allowed: 2\.4 to 3\.4"):
        sc.materials["LixV2O5"].layer(thickness_nm=3)


def test_materials_print_values_units_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["materials", "LAGP"]) == 0
    out = capsys.readouterr().out
    assert "Li1.5Al0.5Ge1.5(PO4)3, electrolyte" in out
    assert "19.7 nm-3  (plausible: 9.86 to 19.7 nm-3)" in out
    assert "assumed: fitted to four printed numbers" in out
    assert "source: Cheng et al., Joule 2020" in out
    assert str(sc.materials["LAGP"]) + "\n" == out
    assert main(["materials", "LixV2O5"]) == 0
    assert "3.4, 3, 2.4  [V]" in capsys.readouterr().out


def test_the_list_names_every_material(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["materials"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == NAMES
    assert main(["materials", "LAPG"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "material: unknown material 'LAPG' (nearest: LAGP)\n"


SOUND = """\
title: A material
formula: X
role: electrolyte
values:
  potential_V: {value: 3.0, source: somewhere in print}
  permittivity: {value: 15, assumed: a guess, range: [10, 20]}
  site_density_per_nm3: {value: 20, source: somewhere in print}
  occupancy: {value: 0.5, source: somewhere in print}
"""


def library(folder: Path, text: str) -> Material:
    (folder / "X.yaml").write_text(text)
    return Library(folder)["X"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("formula: X", "formla: X", r"X.yaml:2:1: formla: unknown key \(nearest: formula\)"),
        ("electrolyte", "elektrolyte", r"3:7: role: 'elektrolyte' is not known"),
        ("permittivity:", "permitivity:", r"6:3: values.permitivity: unknown key \(nearest: permittivity\)"),
        (", range: [10, 20]", "", "an assumed value needs a range"),
        ("range: [10, 20]", "range: [16, 20]", "the value lies outside it"),
        ("range: [10, 20]", "range: 10", "two numbers are needed"),
        ("assumed: a guess", "assumed: a guess, source: a book", "either source or assumed"),
        ("value: 15", "value: high", "a number is needed, got 'high'"),
        ("value: 15", "valu: 15", "a mapping with value and source"),
        ("  occupancy: {value: 0.5, source: somewhere in print}\n", "", "X.occupancy: needed"),
        ("value: 0.5", "value: 1.5", "X.occupancy: 1.5 is out of range"),
    ],
)
def test_broken_material_files(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert library(tmp_path, SOUND).values["permittivity"].range == (10.0, 20.0)
    folder = tmp_path / "broken"
    folder.mkdir()
    assert SOUND.count(old) == 1
    with pytest.raises(ConfigError, match=message):
        library(folder, SOUND.replace(old, new))


def test_the_library_answers_however_it_was_imported() -> None:
    import subprocess
    import sys

    from spacecharge.library import materials

    for first in ("", "import spacecharge.library; ", "sc.load_config; sc.Layer(material='LAGP', thickness_nm=3); "):
        code = f"import spacecharge as sc; {first}print(repr(sc.materials), sc.materials['LAGP'].name)"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout == f"{materials!r} LAGP\n"
