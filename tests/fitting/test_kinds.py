"""The registry of fits: every kind is known to every command, and a new one needs its module and its line only."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.config.fields import Keys, Plain
from spacecharge.config.fit_keys import FitOutputKeys, result_name
from spacecharge.config.validation import validate
from spacecharge.errors import ConfigError, FitError, FitReason
from spacecharge.fitting.kind import Curve, Kind, Panel
from spacecharge.fitting.kinds import REGISTRY, kind_of
from spacecharge.fitting.load import load_fit_config, sweep_point
from spacecharge.fitting.result import draw
from spacecharge.store.fits import write_fit
from spacecharge.store.stored_fit import FitColumn, FitTable, StoredFit, read_fits
from tests.fitting.support import configured, write_csv

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    "exsy": "exsy_livo.yaml",
    "relaxation": "relaxation_livo.yaml",
    "interface": "joule2020_comparison.yaml",
    "comparison": "joule2020_nmr.yaml",
}


@pytest.mark.parametrize("kind", REGISTRY)
def test_a_kind_declares_itself(kind: str) -> None:
    declared = kind_of(kind)
    assert declared.name == kind
    assert declared.panels is not None or declared.figure
    assert not declared.sweeps or declared.build is not None
    assert declared.keys.model_fields["fit"].annotation == Literal[kind]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_check_knows_every_kind(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(ROOT / "configs" / EXAMPLES[kind])]) == 0
    out = capsys.readouterr().out
    assert {"exsy": "60 data, 5 temperatures", "relaxation": "19 data"}.get(kind, "LiV2O5") in out


def test_schema_knows_every_key_of_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    for kind in REGISTRY:
        assert set(schema["$defs"][kind]["properties"]) == set(kind_of(kind).keys.model_fields)
    assert main(["schema", "--text", "jump_length_nm"]) == 0
    out = capsys.readouterr().out
    assert "relaxation: transport.jump_length_nm" in out
    assert "0.001 to 1000; Jump length [nm]" in out
    for part, line in (
        ("run", "run: layers.NAME.thickness_nm"),
        ("cross_section_nm2", "lattice: lattice.cross_section_nm2"),
    ):
        assert main(["schema", "--text", part]) == 0
        assert line in capsys.readouterr().out
    assert main(["schema", "--text", "jump_lenght_nm"]) == 2
    assert "nearest: jump_length_nm" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "configs").glob("*.yaml")))
def test_shipped_configurations_hold_their_schema(name: str) -> None:
    """Every key that a shipped file writes stands in the schema of its kind."""
    from spacecharge.config.schema import json_schema
    from spacecharge.document.yaml import read_document

    schema = json_schema()
    data = read_document(ROOT / "configs" / name).data
    part = schema["$defs"][
        data["fit"] if "fit" in data else "LatticeConfiguration" if "lattice" in data else "Configuration"
    ]
    assert set(data) <= set(part["properties"]) <= set(schema["properties"])


def test_every_kind_by_python(tmp_path: Path) -> None:
    path = tmp_path / "all.h5"
    found = {}
    for kind, name in EXAMPLES.items():
        text = (ROOT / "configs" / name).read_text().replace("uncertainty: profile", "uncertainty: covariance")
        text = text.replace("path: data/", f"path: {ROOT}/configs/data/").replace("num: 201", "num: 5")
        text = text.replace("model: joule2020_table", f"model: {ROOT}/configs/joule2020_table")
        (tmp_path / name).write_text(text)
        result = sc.fit(tmp_path / name)
        assert result.kind == kind
        assert len(repr(result)) < 1500
        assert result.plot().axes
        write_fit(path, result)
        found[result.name] = result
    stored = {s.name: s for s in read_fits(path)}
    assert set(stored) == set(found)
    for name, result in found.items():
        # What the file gives draws and prints as what is in memory.
        assert kind_of(result.kind).text(stored[name]) == kind_of(result.kind).text(result.stored())
        assert draw(stored[name], tmp_path / f"{name}.png").stat().st_size > 10_000


def test_a_mapping_is_a_configuration(tmp_path: Path) -> None:
    t = np.geomspace(0.1, 30.0, 20)
    write_csv(tmp_path / "d.csv", {"delay_s": t, "intensity": 5.0 * np.exp(-t / 3.0)})
    columns = {"delay_s": "delay_s", "intensity": "intensity"}
    data = {"path": str(tmp_path / "d.csv"), "columns": columns, "temperature_K": 300.0}
    result = sc.fit({"fit": "recovery", "data": data, "model": {"kind": "exponential", "sequence": "decay"}})
    assert result.parameters["time_constant_s"].value == pytest.approx(3.0, rel=1e-6, abs=0)
    assert "time_constant_s = 3" in repr(result)
    with pytest.raises(ConfigError, match=r"recoverie.*nearest: recovery"):
        sc.fit({"fit": "recoverie"})


def swept(tmp_path: Path, axis: str) -> Path:
    text = (ROOT / "configs" / "exsy_livo_sizes.yaml").read_text()
    text = text.replace("data/exsy_livo.csv", str(ROOT / "configs" / "data" / "exsy_livo.csv"))
    path = tmp_path / "sizes.yaml"
    path.write_text(text.replace("{start: 20, stop: 200, num: 10}", axis))
    return path


@pytest.mark.parametrize("word", ["spacing", "scale"])
def test_log_axis_of_fits(tmp_path: Path, word: str) -> None:
    config = load_fit_config(swept(tmp_path, f"{{start: 20, stop: 2000, num: 3, {word}: log}}"))
    assert config.sweep["model.size_nm"] == pytest.approx([20.0, 200.0, 2000.0], rel=1e-12)
    assert sweep_point(config, 5) == {"model.geometry": "cylinder", "model.size_nm": 2000.0}


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("{start: 0, stop: 200, num: 10, spacing: log}", "log spacing needs start and stop of one sign"),
        ("{start: -1, stop: 200, num: 10, scale: log}", "log spacing needs start and stop of one sign"),
        ("{start: 1, stop: 200, num: 10, spacing: log, scale: log}", "are the same: give spacing"),
        ("{start: 1, stop: 200}", "num is missing"),
        ("{start: 1, stop: 200, num: 5, spacing: logarithmic}", "'logarithmic' is not known .allowed: linear, log"),
        ("[]", "a list of values"),
    ],
)
def test_broken_axes_of_fits(tmp_path: Path, axis: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        load_fit_config(swept(tmp_path, axis))
    assert all("sizes.yaml:19" in line for line in error.value.problems)


def test_ten_thousand_million_fits_are_refused_by_count(tmp_path: Path) -> None:
    path = swept(tmp_path, "{start: 10, stop: 100, num: 100000}")
    axis = "  parameters.activation_energy_eV.initial: {start: 0.1, stop: 0.5, num: 100000}\noutput:"
    path.write_text(path.read_text().replace("output:", axis))
    with pytest.raises(ConfigError, match=r"3 x 100000 x 100000 = 30000000000 fits are too many") as error:
        load_fit_config(path)
    assert len(error.value.problems) == 1


@pytest.mark.parametrize("name", [".", "..", "a/b"])
def test_names_that_are_no_group(tmp_path: Path, name: str) -> None:
    text = (ROOT / "configs" / "exsy_livo.yaml").read_text()
    (tmp_path / "c.yaml").write_text(f'name: "{name}"\n{text}')
    with pytest.raises(ConfigError, match=r"c.yaml:1:7: name: a name without a slash"):
        load_fit_config(tmp_path / "c.yaml")


def test_reasons_are_no_words(tmp_path: Path) -> None:
    t = np.geomspace(0.1, 30.0, 20)
    columns = {"delay_s": t, "intensity": 5.0 * (1.0 - np.exp(-t / 3.0))}
    parameters = {"offset": {"initial": 0.1}, "efficiency": {"initial": 0.9}}
    model = {"kind": "exponential", "sequence": "saturation"}
    with pytest.raises(FitError) as error:
        sc.fit(configured(tmp_path, columns, fit="recovery", model=model, parameters=parameters))
    assert error.value.reason is FitReason.UNRESOLVED


class ToyKeys(Keys):
    """A kind of this test."""

    fit: Literal["toy"]
    name: str | None = None
    slope: Plain
    output: FitOutputKeys = FitOutputKeys()


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    name: str
    slope: float
    output: str
    path: str
    text: str
    kind: str = "toy"
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class ToyResult:
    name: str
    text: str
    tables: dict[str, FitTable]
    kind: str = "toy"
    title: str = ""
    estimate: None = None
    n_failed: int = 0
    warnings: tuple[str, ...] = ()
    texts: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"remark": ("a line",)})

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "y": list(self.tables["line"]["y"])}

    def stored(self) -> StoredFit:
        return StoredFit(name=self.name, kind="toy", title="", tables=self.tables, attributes=dict(self.texts))


def toy_check(document: Any, problems: Any) -> ToyConfig | None:
    keys = validate(ToyKeys, document.data, problems, sections={})
    if keys is None:
        return None
    name = result_name(document, problems)
    return ToyConfig(name=name, slope=keys.slope, output=keys.output.path, path=document.path, text=document.text)


def toy_run(config: ToyConfig) -> ToyResult:
    x = np.linspace(0.0, 1.0, 5)
    columns = {
        "x": FitColumn(values=x, unit="m", long_name="place"),
        "y": FitColumn(values=config.slope * x, unit="V", long_name="height"),
    }
    return ToyResult(name=config.name, text=config.text, tables={"line": FitTable(columns=columns, axis="x")})


def toy_panels(stored: StoredFit) -> list[Panel]:
    line = stored.tables["line"]
    curves = [Curve(x=line["x"], y=line["y"], label="line"), Curve(x=line["x"], y=line["y"], style="points", colour=1)]
    return [Panel(x="place", y="height", x_unit="m", y_unit="V", curves=curves, zero=True)]


TOY = Kind(
    name="toy",
    words="a line",
    keys=ToyKeys,
    check=toy_check,
    run=toy_run,
    summary=lambda config: iter([("slope", f"{config.slope:g}")]),
    text=lambda stored: (
        f"toy {stored.name}: ends at {stored.tables['line']['y'][-1]:g} V, {stored.attributes['remark'][0]}"
    ),
    panels=toy_panels,
    draws=True,
)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the toy, and work in a folder of its own."""
    module = types.ModuleType("spacecharge.fitting.kinds.toy")
    module.KIND = TOY  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(REGISTRY, "toy", "toy")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("toy")
def test_a_figure_of_somebody_else_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """`fit -o FILE` draws FILE.png: over its own figure of before, but over no other unless asked."""
    Path("c.yaml").write_text("fit: toy\nslope: 2.5\n")
    figure = Path("f.png")

    def fit(*options: str) -> str:
        Path("f.h5").unlink(missing_ok=True)
        assert main(["fit", "c.yaml", "-o", "f.h5", *options]) == 0
        assert Path("f.h5").exists()
        return capsys.readouterr().err

    figure.write_bytes(b"mine")
    said = fit()
    assert "f.png: exists already and is no figure of this program" in said and said.count("f.png") == 1
    assert figure.read_bytes() == b"mine"
    fit("--overwrite")
    drawn = figure.read_bytes()
    assert len(drawn) > 5000
    figure.write_bytes(drawn + b"0")
    assert fit().endswith("f.png\n")
    assert figure.read_bytes() == drawn
    # One that matplotlib drew elsewhere, with a caption that speaks of us.
    from matplotlib.figure import Figure

    Figure().savefig(figure, metadata={"Description": "not by spacecharge"})
    before = figure.read_bytes()
    fit()
    assert figure.read_bytes() == before


@pytest.mark.usefixtures("toy")
def test_a_second_fit_of_a_file_has_a_figure_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        Path(f"{name}.yaml").write_text("fit: toy\nslope: 2.5\n")
        assert main(["fit", f"{name}.yaml", "-o", "f.h5"]) == 0
    assert capsys.readouterr().err.endswith("f_two.png\n")
    assert Path("f.png").exists() and Path("f_two.png").exists()


@pytest.mark.usefixtures("toy")
def test_a_new_kind_needs_its_module_and_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.yaml").write_text("fit: toy\nslope: 2.5\noutput: {path: out/f.h5}\n")
    assert main(["check", "c.yaml"]) == 0
    assert "slope           2.5" in capsys.readouterr().out
    assert main(["schema", "--text", "toy"]) == 0
    assert "toy: slope" in capsys.readouterr().out
    assert main(["fit", "c.yaml"]) == 0
    assert "toy c: ends at 2.5 V, a line" in capsys.readouterr().out
    assert Path("out/f.png").stat().st_size > 5000
    assert main(["show", "out/f.h5"]) == 0
    assert "toy c: ends at 2.5 V, a line" in capsys.readouterr().out
    assert main(["plot", "out/f.h5", "-o", "g.svg"]) == 0
    assert "Height" in Path("g.svg").read_text()
    assert sc.fit("c.yaml").to_json()["y"][-1] == 2.5
    assert main(["fit", "c.yaml"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    Path("c.yaml").write_text("fit: toy\nslop: 2.5\n")
    assert main(["check", "c.yaml"]) == 2
    assert "c.yaml:2:1: slop: unknown key (nearest: slope)" in capsys.readouterr().err


def test_a_sweep_over_fits_stores_its_intervals(tmp_path: Path) -> None:
    import h5py

    path = swept(tmp_path, "[20, 55]")
    text = path.read_text().replace("[slab, cylinder, sphere]", "[sphere]") + "uncertainty: profile\nlevel: 0.9\n"
    path.write_text(text)
    assert main(["fit", str(path), "-o", str(tmp_path / "f.h5"), "--quiet"]) == 0
    single = load_fit_config(path)
    from spacecharge.fitting.load import config_at

    expected = sc.fit(config_at(single, sweep_point(single, 1))).parameters["diffusivity_m2_per_s"]
    with h5py.File(tmp_path / "f.h5") as file:
        low, high = (file[f"{end}_diffusivity_m2_per_s"][0, 1] for end in ("lower", "upper"))
        assert "level 0.9" in file["lower_diffusivity_m2_per_s"].attrs["long_name"]
    assert (low, high) == pytest.approx((expected.lower, expected.upper), rel=1e-3)
    assert low < expected.value < high


@pytest.mark.parametrize("word", ["each", "arrhenius"])
def test_sweep_of_recovery_fits(tmp_path: Path, word: str) -> None:
    t = np.geomspace(0.1, 30.0, 20)
    columns = {
        "temperature_K": np.repeat([300.0, 320.0], 20),
        "delay_s": np.tile(t, 2),
        "intensity": np.concatenate([5.0 * np.exp(-t / 3.0), 5.0 * np.exp(-t / 2.0)]),
    }
    sections = {"model": {"sequence": "decay", "temperature_law": word}, "output": {"path": str(tmp_path / "f.h5")}}
    config = configured(
        tmp_path, columns, fit="recovery", sweep={"model.kind": ["exponential", "stretched"]}, **sections
    )
    from spacecharge.store.fit_reader import read_sweep
    from spacecharge.sweeping.fits import run_fit_sweep

    run_fit_sweep(config, config.output)
    sweep = read_sweep(config.output)
    assert sweep.status.tolist() == [0, 0]
    assert "stretching" in "".join(sweep.quantities)
