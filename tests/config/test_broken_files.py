"""Broken configurations: one line with its place, exit code 2, no traceback, nothing written.

Every case is a sound configuration with one thing broken, and states the one line it must give.
"""

import os
from pathlib import Path

import pytest

from spacecharge.cli import main
from spacecharge.config import load_config
from spacecharge.document.yaml import MAX_BYTES, read_yaml
from spacecharge.errors import ConfigError

from .broken import OF_THE_RUN, OF_YAML, SOUND, changed

# name: (text, position, dotted path, what the message must hold)
OF_LAYERS: dict[str, tuple[str, str, str, str]] = {
    "unknown key": (
        changed("    permittivity: 15", "    permitivity: 15\n    permittivity: 15"),
        "11:5",
        "layers.electrolyte.permitivity",
        "unknown key (nearest: permittivity)",
    ),
    "unknown key at the top": (
        changed("title: test", "titel: test"),
        "1:1",
        "titel",
        "unknown key (nearest: title)",
    ),
    "unknown key deep down": (
        changed("diffusivity_m2_per_s: 1.0e-13", "diffusivity_m2_per_s: {value: 1.0e-13, activation_eV: 0.2}"),
        "14:44",
        "layers.electrolyte.diffusivity_m2_per_s.activation_eV",
        "nearest: activation_energy_eV",
    ),
    "wrong unit suffix": (
        changed("    material: LixV2O5", "    material: LixV2O5\n    thickness_um: 1"),
        "6:5",
        "layers.electrode.thickness_um",
        "wrong unit suffix (nearest: thickness_nm)",
    ),
    "no unit suffix": (
        changed("temperature_K: 298.15", "temperature: 298.15"),
        "2:1",
        "temperature",
        "the unit is missing (nearest: temperature_K)",
    ),
    "duplicate key": (
        changed("    permittivity: 15", "    permittivity: 15\n    permittivity: 16"),
        "12:5",
        "layers.electrolyte.permittivity",
        "stands twice (first in line 11)",
    ),
    "text where a number belongs": (
        changed("permittivity: 15", "permittivity: fifteen"),
        "11:19",
        "layers.electrolyte.permittivity",
        "a number is needed, got 'fifteen' (allowed: 1 to 1e+07)",
    ),
    "number in quotes": (
        changed("permittivity: 15", "permittivity: '15'"),
        "11:19",
        "layers.electrolyte.permittivity",
        "without quotes",
    ),
    "number with its unit": (
        changed("permittivity: 15\n", "permittivity: 15\n    interaction: {occupied_eV: 0.1 eV}\n"),
        "12:32",
        "layers.electrolyte.interaction.occupied_eV",
        "got '0.1 eV'",
    ),
    "yes is no number": (
        changed("occupancy: 0.4", "occupancy: yes"),
        "13:16",
        "layers.electrolyte.occupancy",
        "got 'yes'",
    ),
    "true is no number": (
        changed("occupancy: 0.4", "occupancy: true"),
        "13:16",
        "layers.electrolyte.occupancy",
        "got true",
    ),
    "empty value": (
        changed("occupancy: 0.4", "occupancy:"),
        "13:5",
        "layers.electrolyte.occupancy",
        "is empty",
    ),
    "not a number": (
        changed("occupancy: 0.4", "occupancy: .nan"),
        "13:16",
        "layers.electrolyte.occupancy",
        "a finite number is needed",
    ),
    "infinite": (
        changed("potential_V: 3.0", "potential_V: -.inf"),
        "10:18",
        "layers.electrolyte.potential_V",
        "a finite number is needed",
    ),
    "more digits than any number": (
        changed("potential_V: 3.0", "potential_V: " + "9" * 5000),
        "10:18",
        "layers.electrolyte.potential_V",
        "a finite number is needed",
    ),
    "a list for a number": (
        changed("potential_V: 3.0", "potential_V: [3.0, 3.1]"),
        "10:18",
        "layers.electrolyte.potential_V",
        "a number is needed, got a list",
    ),
    "negative thickness": (
        changed("potential_V: 2.4\n    thickness_nm: 30", "potential_V: 2.4\n    thickness_nm: -30"),
        "7:19",
        "layers.electrode.thickness_nm",
        "-30 is out of range (allowed: 0.001 to 1e+08)",
    ),
    "occupancy above one": (
        changed("occupancy: 0.4", "occupancy: 1.2"),
        "13:16",
        "layers.electrolyte.occupancy",
        "1.2 is out of range (allowed: above 0 and below 1)",
    ),
    "occupancy of a full lattice": (
        changed("occupancy: 0.4", "occupancy: 1"),
        "13:16",
        "layers.electrolyte.occupancy",
        "1 is out of range (allowed: above 0 and below 1)",
    ),
    "Celsius": (
        changed("temperature_K: 298.15", "temperature_K: -15"),
        "2:16",
        "temperature_K",
        "-15 is out of range (allowed: 1 to 5000)",
    ),
    "charge number zero": (
        changed("occupancy: 0.4", "occupancy: 0.4\n    charge_number: 0"),
        "14:20",
        "layers.electrolyte.charge_number",
        "must carry charge",
    ),
    "missing permittivity": (
        changed("    permittivity: 15\n", ""),
        "8:3",
        "layers.electrolyte.permittivity",
        "needed (or name a material that gives it)",
    ),
    "material without the needed key": (
        changed("sweep:\n  electrode.potential_V: {start: 2.4, stop: 3.4, num: 5}\n", "sweep:\n").replace(
            "    potential_V: 2.4\n", ""
        ),
        "4:3",
        "layers.electrode.potential_V",
        "(allowed: 2.4 to 3.4)",
    ),
    "empty layers": (
        "temperature_K: 300\nlayers: {}\n",
        "2:9",
        "layers",
        "is empty (allowed: at least 1)",
    ),
    "no layers at all": ("temperature_K: 300\n", "", "layers", "is missing"),
    "layers as a list": (
        "layers:\n  - thickness_nm: 3\n",
        "1:1",
        "layers",
        "a mapping of keys is needed, got a list",
    ),
    "unknown material": (
        changed("material: LixV2O5", "material: LiV2O5"),
        "5:15",
        "layers.electrode.material",
        "unknown material 'LiV2O5' (nearest: LixV2O5)",
    ),
    "name with a dot": (
        SOUND.replace("  electrolyte:", "  solid.electrolyte:").replace("[electrolyte]", "[electrode]"),
        "8:3",
        "layers.solid.electrolyte",
        "letters, digits",
    ),
    "species with a dot": (
        "layers: {a: {thickness_nm: 1, permittivity: 9, potential_V: 3, species: {Li.1: "
        "{site_density_per_nm3: 9, occupancy: 0.5}}}}\n",
        "1:74",
        "layers.a.species.Li.1",
        "letters, digits",
    ),
    "unknown kind of fit": ("fit: exsi\ndata: {path: a.csv}\n", "1:6", "fit", "nearest: exsy"),
    "configuration of a fit": (
        "fit: recovery\ndata: {bruker: a}\nmodel: 3\n",
        "3:8",
        "model",
        "a mapping of keys is needed",
    ),
    "name with another meaning": (
        SOUND.replace("  electrolyte:", "  contact:").replace("[electrolyte]", "[electrode]"),
        "8:3",
        "layers.contact",
        "another meaning",
    ),
    "dilute with vacancies": (
        changed("occupancy: 0.4", "occupancy: 0.4\n    statistics: dilute\n    transport: vacancy"),
        "15:16",
        "layers.electrolyte.transport",
        "dilute statistics has no vacancies",
    ),
    "unknown transport law": (
        changed("occupancy: 0.4", "occupancy: 0.4\n    transport: vacancies"),
        "14:16",
        "layers.electrolyte.transport",
        "'vacancies' is not known (allowed: constant, vacancy; nearest: vacancy)",
    ),
    "table of unequal lengths": (
        changed(
            "occupancy: 0.4",
            "ocv: {composition: [0, 1], occupancy: [0.1, 0.5, 0.9], potential_V: [4, 3]}",
        ),
        "13:10",
        "layers.electrolyte.ocv",
        "one common length",
    ),
    "table that turns back": (
        changed(
            "occupancy: 0.4",
            "ocv: {composition: [0, 1, 2], occupancy: [0.1, 0.5, 0.9], potential_V: [4, 3, 3.5]}",
        ),
        "13:76",
        "layers.electrolyte.ocv.potential_V",
        "rise or fall strictly",
    ),
    "composition without a table": (
        changed("    occupancy: 0.4", "    composition: 0.4").replace("    potential_V: 3.0\n", ""),
        "12:18",
        "layers.electrolyte.composition",
        "needs an ocv",
    ),
    "species key beside species": (
        changed(
            "    diffusivity_m2_per_s: 1.0e-13",
            "    species: {Li: {site_density_per_nm3: 3, occupancy: 0.5}}",
        ).replace("    site_density_per_nm3: 19.7\n", ""),
        "12:16",
        "layers.electrolyte.occupancy",
        "move it into the species",
    ),
    "unknown end": (
        SOUND + "ends: {left: zero_feld}\n",
        "20:14",
        "ends.left",
        "'zero_feld' is not known (allowed: zero_field, bulk; nearest: zero_field)",
    ),
    "end with two conditions": (
        SOUND + "ends: {left: {electrostatic_potential_V: 1, surface_charge_C_per_m2: 0}}\n",
        "20:8",
        "ends.left",
        "give one of",
    ),
    "too many contacts": (
        SOUND + "contacts: [{dipole_V: 0.1}, {dipole_V: 0.2}]\n",
        "20:1",
        "contacts",
        "2 contacts given (allowed: at most 1 for 2 layers)",
    ),
    "charge transfer two ways": (
        SOUND + "contacts:\n  - charge_transfer: {rate_constant_per_m2_s: 1e22, from_fit: a.h5}\n",
        "21:5",
        "contacts.0.charge_transfer",
        "give one of",
    ),
    "calibration on no contact": (
        SOUND + "contacts:\n  - charge_transfer:\n      calibrate:\n        contact: electrode-electrolyte\n"
        "        exchange_current_density_mA_per_cm2: 0.77\n",
        "23:18",
        "contacts.0.charge_transfer.calibrate.contact",
        "nearest: electrode|electrolyte",
    ),
}
CASES = OF_LAYERS | OF_THE_RUN | OF_YAML


def check(argument: Path | str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run `spacecharge check` in process; return its one line of error."""
    assert main(["check", str(argument)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_sound_one_is_sound(here: Path) -> None:
    (here / "c.yaml").write_text(SOUND)
    assert load_config("c.yaml").n_points == 10


def test_a_fit_is_no_run(here: Path) -> None:
    (here / "c.yaml").write_text("fit: exsy\ndata: {path: a.csv}\n")
    with pytest.raises(ConfigError, match=r"c.yaml:1:1: fit: .*run it by spacecharge fit"):
        load_config("c.yaml")


def test_there_are_at_least_forty() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_one_line_with_its_place(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, position, path, message = CASES[name]
    (here / "c.yaml").write_text(text)
    line = check("c.yaml", capsys)
    head = "c.yaml:" + (f"{position}:" if position else "") + (f" {path}: " if path else " ")
    assert line.startswith(head), line
    assert message in line
    assert os.listdir(here) == ["c.yaml"]


def test_every_error_at_once_in_the_order_of_the_file(here: Path) -> None:
    text = (
        SOUND.replace("occupancy: 0.4", "occupancy: 1.2")
        .replace("    permittivity: 15\n", "")
        .replace("material: LixV2O5", "material: LiV2O5")
        .replace("electrode.potential_V:", "electrode.potental_V:")
        .replace("tolerance_V: 1.0e-6", "tolerance_V: 5")
    )
    (here / "c.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config("c.yaml")
    paths = [line.split(": ")[1] for line in caught.value.problems]
    # A value that breaks the schema hides what only a whole stack can show, never what the file shows.
    assert paths == ["layers.electrolyte.occupancy", "sweep.electrode.potental_V", "solver.tolerance_V"]
    (here / "c.yaml").write_text(text.replace("1.2", "0.3").replace("tolerance_V: 5", "tolerance_V: 1e-5"))
    with pytest.raises(ConfigError) as caught:
        load_config("c.yaml")
    paths = [line.split(": ")[1] for line in caught.value.problems]
    assert paths == [
        "layers.electrode.material",
        "layers.electrolyte.permittivity",
        "sweep.electrode.potental_V",
    ]


def test_missing_keys_of_a_layer_are_all_named(here: Path) -> None:
    (here / "c.yaml").write_text("layers:\n  a: {}\n")
    with pytest.raises(ConfigError) as caught:
        load_config("c.yaml")
    paths = {line.split(": ")[1] for line in caught.value.problems}
    keys = ("thickness_nm", "permittivity", "potential_V", "site_density_per_nm3", "occupancy")
    assert paths == {f"layers.a.{key}" for key in keys}


def test_missing_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("none.yaml", capsys) == "none.yaml: no such file"


def test_directory(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(here, capsys) == f"{here}: is a directory, a YAML file is needed"


def test_path_with_a_zero_byte(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "cannot be read" in check("a\0b", capsys)


def test_unreadable(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser may read everything, so the refusal is put in by hand.
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert check("c.yaml", capsys) == "c.yaml: cannot be read: Permission denied"


def test_hundred_megabytes_are_refused_unread(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open(here / "c.yaml", "wb") as file:
        file.truncate(100_000_000)
    assert check("c.yaml", capsys) == f"c.yaml: is too large (allowed: {MAX_BYTES / 1e6:g} MB)"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"title: a\nb: \x00\n", "c.yaml:2:1: is no text: it holds a zero byte"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "c.yaml:3:1: is no text: it holds a zero byte"),
        (b"title: a\nname: \xff\n", "c.yaml:2:7: is no UTF-8 text (byte 0xff)"),
    ],
)
def test_binary(raw: bytes, expected: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "c.yaml").write_bytes(raw)
    assert check("c.yaml", capsys) == expected


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", "p.csv: needs a header"),
        ("electrode.potential_V\n", "p.csv: needs a header"),
        ("electrode.potential_V,temperature_K\n3,warm\n", "p.csv:2:3: column temperature_K: a finite number"),
        ("electrode.potential_V,temperature_K\n3,300\n3\n", "p.csv:3:1: 1 columns, the header has 2"),
        ("electrode.potential_V\nnan\n", "p.csv:2:1: column electrode.potential_V: a finite number"),
        ("electrode.potental_V\n3\n", "p.csv:1:1: column electrode.potental_V: names no number"),
        ("temperature_K\n-3\n", "p.csv: column temperature_K: -3 is out of range (allowed: 1 to 5000)"),
        # Both bounds of an occupancy are excluded, and an ion without charge is none: 0 lies within either range.
        ("electrolyte.occupancy\n0.5\n0\n", "p.csv: column electrolyte.occupancy: 0 is out of range (allowed: above 0"),
        ("electrode.charge_number\n1\n0\n", "p.csv: column electrode.charge_number: 0 is out of range (allowed: -"),
        ("temperature_K,temperature_K\n3,3\n", "p.csv:1:1: every column of the header needs a name"),
        (None, "c.yaml:16:11: sweep.points: p.csv cannot be read: No such file or directory"),
    ],
)
def test_table_of_points(table: str | None, expected: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, _, tail = SOUND.partition("sweep:\n")
    (here / "c.yaml").write_text(head + "sweep:\n  points: p.csv\n" + tail[tail.index("solver") :])
    if table is not None:
        (here / "p.csv").write_text(table)
    assert check("c.yaml", capsys).startswith(expected)


def test_large_list_is_refused_quickly(here: Path) -> None:
    # Two megabytes of numbers would keep the parser busy for minutes; the bound ends it in seconds.
    (here / "c.yaml").write_text("a: [" + ",".join(["1"] * 60_000) + "]\n")
    with pytest.raises(ConfigError, match="more values than a configuration may hold"):
        read_yaml("c.yaml")
