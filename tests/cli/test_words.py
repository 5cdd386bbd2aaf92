"""Paths and words of users: the home folder, names that no file can have, what cannot be solved, what a point shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import spacecharge as sc
from spacecharge.errors import ConfigError
from spacecharge.store.fit_reader import read_fit
from spacecharge.store.fits import write_fit

DATA = Path(__file__).parent / "data"
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
ADDRESSES = ["tls://", "tls://localhost:1", "ucx://a", "nowhere", "abc://x", "tcp://" + "x" * 5000]
TRANSFER = """\
contacts:
  - charge_transfer: {rate_constant_per_m2_s: 3.0e20, activation_energy_eV: 0.3}
sweep: {temperature_K: [290, 298.15, 310]}
output: {path: ct.h5, resistance_of: [electrolyte]}
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def test_a_tilde_is_the_home_folder(home, call):
    code, out, _ = call("run", DATA / "tilde.yaml", "--quiet")
    assert code == 0
    assert str(home / "sc_results" / "a.h5") in out
    assert sc.open_results(home / "sc_results" / "a.h5").sizes["layer"] == 2
    assert list(Path().iterdir()) == []


def test_a_tilde_in_paths_of_data_and_of_fits(home, call):
    text = (CONFIGS / "exsy_livo.yaml").read_text()
    (home / "data.csv").write_text((CONFIGS / "data" / "exsy_livo.csv").read_text())
    Path("fit.yaml").write_text(text.replace("data/exsy_livo.csv", "~/data.csv").replace("results/", "~/results/"))
    assert call("fit", "fit.yaml", "--quiet")[0] == 0
    value = read_fit(home / "results" / "exsy_livo.h5", "diffusivity_m2_per_s").value
    Path("c.yaml").write_text(
        "layers:\n"
        "  electrode: {material: LixV2O5, potential_V: 3.4, thickness_nm: 30}\n"
        "  electrolyte: {material: LAGP, thickness_nm: 30,\n"
        "    diffusivity_m2_per_s: {from_fit: ~/results/exsy_livo.h5, parameter: diffusivity_m2_per_s}}\n"
    )
    # The number is there without another word.
    law = sc.load_config("c.yaml").stack["electrolyte"].diffusivity_m2_per_s
    assert law["value"] == value
    (home / "results" / "exsy_livo.h5").unlink()
    with pytest.raises(
        ConfigError, match=r"c.yaml:4:27: electrolyte.diffusivity_m2_per_s: .*exsy_livo.h5: no such file"
    ):
        _ = sc.load_config("c.yaml").stack


@pytest.mark.parametrize("name", ["n" * 300 + ".h5", "a/" + "n" * 300 + "/b.h5"])
@pytest.mark.parametrize("command", ["run", "fit"])
def test_an_output_that_no_file_system_takes_is_one_line(tmp_path, monkeypatch, configuration, call, command, name):
    config = configuration(rest="") if command == "run" else CONFIGS / "exsy_livo.yaml"
    code, _, err = call(command, config, "-o", name, "--quiet")
    assert code == 2
    assert err.count("\n") == 1
    assert "File name too long" in err
    assert len(err) < 400


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("~nobody_of_this_name/r.h5", "the user nobody_of_this_name is not known"),
        ("x/" * 1500 + "r.h5", "1500 folders"),
    ],
)
def test_folders_that_cannot_be_made_are_one_line(configuration, call, name, words):
    """A folder `~nobody_of_this_name` was made; a thousand missing folders were a traceback."""
    config = configuration(rest="")
    assert call("run", config, "-o", "r.h5", "--quiet")[0] == 0
    before = set(os.listdir())
    for command in (("run", config, "--quiet"), ("plot", "r.h5"), ("export", "r.h5")):
        asked = name if command[0] == "run" else name.replace(".h5", ".png" if command[0] == "plot" else ".csv")
        code, _, err = call(*command, "-o", asked)
        assert (code, err.count("\n")) == (2, 1), err
        assert words in err
        assert len(err) < 500
    assert set(os.listdir()) == before


def test_a_figure_whose_name_no_file_system_takes_is_one_line(configuration, call):
    assert call("run", configuration(), "--quiet")[0] == 0
    for name in ("n" * 300 + ".png", "nowhere/a.png/b.png"):
        Path("nowhere").mkdir(exist_ok=True)
        Path("nowhere/a.png").touch()
        code, _, err = call("plot", "results/r.h5", "-o", name)
        assert code == 2, err
        assert err.count("\n") == 1
        assert len(err) < 400


def test_a_zero_byte_in_a_path_is_one_line(configuration, call):
    config = configuration(rest='output: {path: "a\\0b.h5"}\n')
    for command in ("check", "run"):
        code, _, err = call(command, config)
        assert code == 2
        assert err.count("\n") == 1
        assert r"output.path: no text can hold the character \x00" in err


@pytest.mark.parametrize(
    "address", ["tls://", "tls://localhost:1", "ucx://a", "nowhere", "abc://x", "tcp://" + "x" * 5000]
)
def test_addresses_of_no_scheduler_are_one_line(configuration, call, address):
    pytest.importorskip("distributed")
    code, _, err = call("run", configuration(rest=""), "--scheduler", address, "--quiet")
    assert code == 2
    assert err.count("\n") == 1
    assert len(err) < 600


def test_a_stack_outside_its_curve_is_said_once(home, call):
    code, out, err = call("check", DATA / "outside.yaml")
    assert code == 2
    assert (out + err).count("lies outside the ocv (allowed: 0.73168 to 0.8747)") == 1
    assert err.count("\n") == 1
    code, _, err = call("run", DATA / "outside.yaml", "-o", "outside.h5")
    assert code == 1
    assert err.count("lies outside the ocv (allowed: 0.73168 to 0.8747)") == 1


def test_one_point_shows_the_charge_transfer(configuration, call):
    config = configuration(rest=TRANSFER)
    assert call("run", config, "--quiet")[0] == 0
    code, out, _ = call("show", "ct.h5", "--select", "temperature=298.15")
    assert code == 0
    for words in ("exchange current density", "charge transfer resistance", "total resistance", "activation energy"):
        assert words in out
    with sc.open_results("ct.h5") as data:
        here = data.isel(temperature=1)
        for name in ("exchange_current_density", "charge_transfer_resistance", "total_resistance"):
            assert f"{float(here[name].squeeze()):.5g}" in out, name


def test_the_stack_of_a_fitted_number_reads_it_anew(home):
    fit = sc.fit(CONFIGS / "exsy_livo.yaml")
    write_fit("f.h5", fit)
    Path("c.yaml").write_text(
        "layers:\n"
        "  a: {material: LixV2O5, potential_V: 3.4, thickness_nm: 30,\n"
        "    diffusivity_m2_per_s: {from_fit: f.h5, parameter: diffusivity_m2_per_s}}\n"
        "  b: {material: LAGP, thickness_nm: 30}\n"
    )
    config = sc.load_config("c.yaml")
    assert config.stack["a"].diffusivity_m2_per_s["value"] == fit.parameters["diffusivity_m2_per_s"].value
    os.unlink("f.h5")
    with pytest.raises(ConfigError, match=r"f.h5: no such file; the fit has not been read yet"):
        _ = config.stack


@pytest.mark.parametrize("ask", ["--overwrite", "--resume"])
def test_a_run_never_replaces_what_is_no_result(configuration, call, ask):
    """Its own configuration, its table of points, notes: `--overwrite` once took them all."""
    Path("points.csv").write_text("electrode.potential_V\n3.0\n3.1\n")
    Path("notes").write_text("precious")
    config = configuration(rest="sweep: {points: points.csv}\n")
    for name in (config, "points.csv", "notes"):
        before = Path(name).read_bytes()
        code, _, err = call("run", config, "-o", name, ask, "--quiet")
        assert (code, err.count("\n")) == (2, 1)
        assert f"{name}: is no result file" in err
        assert Path(name).read_bytes() == before
    # A damaged file of results, or one that was only begun, is what --overwrite is for.
    Path("r.h5").write_text("damaged")
    Path("begun").touch()
    if ask == "--overwrite":
        assert call("run", config, "-o", "r.h5", ask, "--quiet")[0] == 0
        assert call("run", config, "-o", "begun", ask, "--quiet")[0] == 0


def test_a_title_of_any_characters_in_tables_and_figures(configuration, call):
    """A workbook takes no control characters, a font has not every letter: a traceback, and a page of warnings."""
    import h5py

    config = configuration(title='"\\u65e5\\u672c \\e[31mred\\u202e \\a"')
    assert call("run", config, "--quiet")[0] == 0
    for name in ("t.xlsx", "t.csv", "t.json"):
        assert call("export", "results/r.h5", "-o", name)[::2] == (0, "")
    for name in ("t.png", "t.svg", "t.pdf"):
        assert call("plot", "results/r.h5", "-o", name, "--y", "debye_length")[::2] == (0, "")
    with h5py.File("results/r.h5", "r+") as file:
        file["debye_length"].attrs["units"] = b"\xff\xfe m"
    for name in ("t.xlsx", "t.csv", "t.json"):
        assert call("export", "results/r.h5", "-o", name, "--overwrite")[::2] == (0, "")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_figure_is_not_written_through_a_planted_link(configuration, call, suffix):
    assert call("run", configuration(), "--quiet")[0] == 0
    Path("victim").write_text("precious")
    for name in (f".f{suffix}.tmp-{os.getpid()}", f".g{suffix}.tmp-{os.getpid()}"):
        Path(name).symlink_to("victim")
    assert call("plot", "results/r.h5", "-o", f"f{suffix}", "--y", "debye_length")[0] == 0
    assert Path("victim").read_text() == "precious"
    assert Path(f"f{suffix}").stat().st_size > 1000
    os.mkfifo(f"pipe{suffix}")
    code, _, err = call("plot", "results/r.h5", "-o", f"pipe{suffix}", "--overwrite")
    assert (code, err.count("\n")) == (2, 1)
    assert "regular file" in err


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs a folder that nobody can write")
def test_a_figure_without_a_home_folder_says_nothing(configuration, call):
    assert call("run", configuration(), "--quiet")[0] == 0
    environment = {
        k: v for k, v in os.environ.items() if k not in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    }
    environment |= {"HOME": "/proc/nowhere", "PYTHONPATH": str(CONFIGS.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "spacecharge", "plot", "results/r.h5", "-o", "a.png"],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
