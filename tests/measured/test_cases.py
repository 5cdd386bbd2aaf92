"""One measurement as instruments and spreadsheets write it: every table gives the fit of the plain one."""

from pathlib import Path

import numpy as np
import pytest

from spacecharge.config.load import load_config
from spacecharge.errors import ConfigError, FitError
from spacecharge.fitting.load import load_fit_config
from spacecharge.fitting.run import fit

DATA = Path(__file__).parent / "data"
PLAIN = (DATA / "exsy_plain.csv").read_text().splitlines()
HEADER, ROWS = PLAIN[0].split(","), [line.split(",") for line in PLAIN[1:]]
COLUMNS = {"temperature_K": "T_K", "mixing_time_s": "t_mix_s", "diagonal_A": "I_AA", "cross_AB": "I_AB"}
TITLED = ["T, K", "t_mix, s", "I(AA), a.u.", "I(AB), a.u.", "s1", "s2"]
TITLED_COLUMNS = {
    "temperature_K": "T, K",
    "mixing_time_s": "t_mix, s",
    "diagonal_A": "I(AA), a.u.",
    "cross_AB": "I(AB), a.u.",
}


def joined(rows, delimiter=",", header=HEADER, decimal="."):
    cells = [[cell.replace(".", decimal) for cell in row] for row in rows]
    titles = [f'"{title}"' if delimiter in title else title for title in header]
    return "\n".join(delimiter.join(row) for row in [titles, *cells]) + "\n"


def fitted(tmp_path, text, columns=COLUMNS, more=""):
    """Return the fit of a table, as a file and its configuration give it."""
    (tmp_path / "data.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    named = ", ".join(f"{key}: '{title}'" for key, title in columns.items())
    (tmp_path / "fit.yaml").write_text(
        f"fit: exsy\ndata: {{path: data.csv, columns: {{{named}}}{more}}}\n"
        "model: {kind: diffusion, geometry: sphere, radius_nm: 55, boundary: sink}\n"
        "parameters: {diffusivity_m2_per_s: {initial: 1.0e-16}, activation_energy_eV: {initial: 0.3}}\n"
    )
    return fit(load_fit_config(tmp_path / "fit.yaml"))


MICRO = [*HEADER[:1], "t (µs)", *HEADER[2:]]
WRITTEN = {
    "quoted titles with commas": (joined(ROWS, ",", TITLED), TITLED_COLUMNS, ""),
    "tabs, titles with commas": (joined(ROWS, "\t", TITLED), TITLED_COLUMNS, ""),
    "semicolons, titles with commas": (joined(ROWS, ";", TITLED), TITLED_COLUMNS, ""),
    "semicolons and decimal commas": (joined(ROWS, ";", decimal=","), COLUMNS, "decimal commas"),
    "tabs, commas everywhere": (joined(ROWS, "\t", TITLED, ","), TITLED_COLUMNS, "decimal commas"),
    "white space": (joined(ROWS, "  "), COLUMNS, ""),
    "Latin-1": (joined(ROWS, header=MICRO).encode("latin-1"), {**COLUMNS, "mixing_time_s": "t (µs)"}, "Latin-1"),
    "UTF-16": (joined(ROWS, "\t").encode("utf-16"), COLUMNS, ""),
    "a row of units": (joined([["K", "s", *["a.u."] * 4], *ROWS]), COLUMNS, "1 row of units (line 2)"),
    "lines above": ("Instrument: X, Y\nDate: 2026-11-01\n\n" + joined(ROWS), COLUMNS, "2 lines above the header"),
    "a row of NaN": (joined([*ROWS[:5], ["300", "1", *["nan"] * 4], *ROWS[5:]]), COLUMNS, "1 row without a value"),
    "rows of commas": (joined(ROWS) + ",,,,,\n,,,,,\n", COLUMNS, "2 rows without a value (lines 62 to 63)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("plain"), joined(ROWS))


def test_the_plain_table_gives_its_stated_fit(plain):
    d = plain.parameters["diffusivity_m2_per_s"]
    assert d.value == pytest.approx(9.47e-17, rel=2e-3, abs=0)
    assert d.sigma == pytest.approx(2.5e-18, rel=0.03, abs=0)
    assert plain.notes == ()


@pytest.mark.parametrize("written", list(WRITTEN))
def test_every_way_of_writing_gives_the_same_fit(written, plain, tmp_path):
    text, columns, note = WRITTEN[written]
    got = fitted(tmp_path, text, columns)
    for name, value in plain.parameters.items():
        assert got.parameters[name].value == pytest.approx(value.value, rel=1e-9, abs=0)
    assert len(got.notes) == bool(note)
    assert note in " ".join(got.notes)


def test_a_decimal_sign_can_be_given(plain, tmp_path):
    got = fitted(tmp_path, joined(ROWS, ";", decimal=","), more=", decimal: ','")
    assert got.parameters["diffusivity_m2_per_s"].value == plain.parameters["diffusivity_m2_per_s"].value
    assert got.notes == ()
    with pytest.raises(FitError, match=r"data\.csv:2: T_K: a number is needed, got 298,15"):
        fitted(tmp_path, joined(ROWS, ";", decimal=","), more=", decimal: '.'")
    with pytest.raises(ConfigError, match="decimal"):
        fitted(tmp_path, joined(ROWS), more=", decimal: ';'")


def test_impossible_values_are_named_by_their_line(tmp_path):
    text = "# made by hand\n\n" + joined([*ROWS[:3], ["-3", *ROWS[3][1:]], *ROWS[4:]])
    with pytest.raises(FitError, match=r"data\.csv:7: temperature is -3 \(allowed: above 0 K\)"):
        fitted(tmp_path, text)


def test_rows_that_decayed_into_noise_are_left_out_by_their_lines(tmp_path):
    columns = {"temperature_degC": "T_C", "mixing_time_ms": "tmix_ms", "cross_AB": "cross", "diagonal_A": "diag"}
    got = fitted(tmp_path, (DATA / "exsy_noise_row.csv").read_text(), columns)
    d, energy = got.parameters["diffusivity_m2_per_s"], got.parameters["activation_energy_eV"]
    assert d.value == pytest.approx(9.5e-17, abs=0.05e-17)
    assert d.sigma == pytest.approx(3e-18, abs=0.5e-18)
    assert (energy.value, energy.sigma) == pytest.approx((0.328, 0.009), abs=6e-4)
    # The truth within two errors.
    assert abs(d.value - 1e-16) < 2 * d.sigma
    assert abs(energy.value - 0.32) < 2 * energy.sigma
    assert "lines 13, 25, 37, 49, 61 left out" in got.notes[0]
    only_noise = "T_C,tmix_ms,cross,diag\n25,1,-0.01,0.02\n25,2,0.01,-0.02\n"
    with pytest.raises(FitError, match="not above 0 or its noise, as in every row"):
        fitted(tmp_path, only_noise, columns)


STACK = """
layers:
  electrode: {material: LixV2O5, potential_V: 3.4, thickness_nm: 30}
  electrolyte: {material: LAGP, thickness_nm: 30}
sweep: {points: points.csv}
output: {path: out.h5, resistance_of: [electrolyte]}
"""
POINTS = [["2.4", "298.15"], ["2.7", "310"], ["3.0", "320.5"], ["3.3", "298.15"]]


@pytest.mark.parametrize(
    ("delimiter", "decimal"), [(d, s) for d in (",", ";", "\t", " ") for s in ".," if (d, s) != (",", ",")]
)
def test_points_of_a_sweep_with_every_delimiter(tmp_path, delimiter, decimal):
    (tmp_path / "c.yaml").write_text(STACK)
    (tmp_path / "points.csv").write_text(joined(POINTS, delimiter, ["electrode.potential_V", "temperature_K"], decimal))
    config = load_config(tmp_path / "c.yaml")
    assert config.shape == (4,)
    values = config.point_values(0, 4)
    np.testing.assert_array_equal(values["temperature_K"], [298.15, 310.0, 320.5, 298.15])
    np.testing.assert_array_equal(values["electrode.potential_V"], [2.4, 2.7, 3.0, 3.3])
    assert len(config.sweep.notes) == (decimal == ",")


def test_a_point_is_never_left_out(tmp_path):
    (tmp_path / "c.yaml").write_text(STACK)
    (tmp_path / "points.csv").write_text("electrode.potential_V;temperature_K\n2.4;298\nnan;300\n")
    with pytest.raises(
        ConfigError, match=r"points\.csv:3:1: column electrode\.potential_V: a finite number is needed, got nan"
    ):
        load_config(tmp_path / "c.yaml")


@pytest.mark.parametrize("cell", ["9" * 140_000, "x" * 140_000, '"' + "x" * 140_000 + '"'])
def test_a_huge_cell_is_one_line(tmp_path, cell):
    (tmp_path / "c.yaml").write_text(STACK)
    (tmp_path / "points.csv").write_text(f"electrode.potential_V,temperature_K\n2.4,{cell}\n")
    with pytest.raises(ConfigError) as error:
        load_config(tmp_path / "c.yaml")
    assert len(str(error.value)) < 500
    with pytest.raises(FitError) as error:
        fitted(tmp_path, f"T_K,t_mix_s,I_AA,I_AB\n298,{cell},1,0\n")
    assert len(str(error.value)) < 500
