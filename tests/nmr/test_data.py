"""Readers: columns and units of CSV files, Bruker directories, real measurements read in place."""

from pathlib import Path

import numpy as np
import pytest

from spacecharge.errors import FitError
from spacecharge.measured.bruker import matched_intensities, read_delays, read_intensities, read_recovery
from spacecharge.measured.columns import check_columns, read_columns, role_of

REAL = Path(__file__).parent / "data" / "relaxometrynmr_MIT"


def test_units_belong_to_the_role():
    assert role_of("mixing_time_ms").factor == 1e-3
    assert role_of("delay_us").factor == 1e-6
    assert (role_of("temperature_degC").shift, role_of("temperature_degC").unit) == (273.15, "K")
    assert role_of("sigma_T1_ms").stem == "sigma_T1"
    assert role_of("sigma_T1_ms").factor == 1e-3
    assert role_of("R1rho_per_s").unit == "s-1"
    # An error in degrees is no temperature: its shift is not taken over.
    assert role_of("sigma_temperature_degC").shift == 0.0


@pytest.mark.parametrize("key", ["mixing_time", "delay", "T1", "temperature", "R2", "sigma_T1"])
def test_a_missing_unit_is_asked_for(key):
    with pytest.raises(FitError, match="the unit is missing"):
        role_of(key)


def written(tmp_path, text):
    path = tmp_path / "data.csv"
    path.write_text(text)
    return path


COLUMNS = {"temperature_degC": "T", "delay_ms": "t"}


@pytest.mark.parametrize(
    "text",
    [
        "T,t\n25,1\n30,2\n",
        "# comment\n\nt;other;T\n1;x;25\n2;y;30\n",
        '"T"\tt\n25\t1\n\n30\t2\n',
        "\ufeffT,t\r\n25,1\r\n30,2\r\n",
    ],
)
def test_reads_what_spreadsheets_write(tmp_path, text):
    table = read_columns(written(tmp_path, text), COLUMNS)
    assert table["temperature"] == pytest.approx([298.15, 303.15], rel=1e-6, abs=0)
    assert table["delay"] == pytest.approx([1e-3, 2e-3], rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("T,t\n", "no rows"),
        ("T,x\n1,2\n", "data.csv:1: no column t"),
        ("T,t,t\n1,2,3\n", "stands twice"),
        ("T,t\n1,2\n3,abc\n", "data.csv:3: t: a number is needed, got abc"),
        ("T,t\n1,2\n# c\n3,\n", "data.csv:4: t: a number is needed, got nothing"),
        ("T,t\n1,nan\n", "data.csv:2: t: a finite number is needed, got nan"),
        ("T,t\n1,2\n3,inf\n", "data.csv:3: t: a finite number"),
        ("T,t\n1,2\n3\n", "data.csv:3: t: the row has 1 cells"),
    ],
)
def test_broken_files_are_one_line_with_its_number(tmp_path, text, message):
    with pytest.raises(FitError, match=message) as error:
        read_columns(written(tmp_path, text), COLUMNS)
    assert "\n" not in str(error.value)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(FitError, match="cannot be read: No such file"):
        read_columns(tmp_path / "none.csv", COLUMNS)
    binary = tmp_path / "b.csv"
    binary.write_bytes(b"T,t\n1,\xff\xfe\n")
    with pytest.raises(FitError, match=r"b\.csv:2: t: a number is needed, got ÿþ"):
        read_columns(binary, COLUMNS)
    with pytest.raises(FitError, match="two columns are given for delay"):
        read_columns(written(tmp_path, "a,b\n1,2\n"), {"delay_s": "a", "delay_ms": "b"})


@pytest.mark.parametrize(
    ("stem", "value", "rule"),
    [
        ("temperature", 0.0, "above 0 K"),
        ("delay", -1e-9, "at least 0"),
        ("sigma_T1", 0.0, "above 0"),
        ("T2", -1.0, "above 0"),
    ],
)
def test_impossible_values(stem, value, rule):
    with pytest.raises(FitError, match=f"row 2: {stem} .*{rule}"):
        check_columns("f.csv", {stem: np.array([1.0, value])})


def experiment(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_delay_units_are_never_guessed(tmp_path):
    folder = experiment(tmp_path, vdlist="10u\n5m\n0.3\n2s\n")
    with pytest.raises(FitError, match=r"vdlist:3: 0\.3 has no unit; give delay_unit"):
        read_delays(folder, delay_unit=None)
    assert read_delays(folder, delay_unit="ms") == pytest.approx([1e-5, 5e-3, 3e-4, 2.0], rel=1e-6, abs=0)
    # With a unit on every entry none has to be given.
    assert read_delays(experiment(tmp_path, vdlist="10u\n5m\n"), delay_unit=None) == pytest.approx(
        [1e-5, 5e-3], rel=1e-6, abs=0
    )


def test_broken_delay_lists(tmp_path):
    with pytest.raises(FitError, match="no such directory"):
        read_delays(tmp_path / "none", delay_unit="s")
    with pytest.raises(FitError, match="no delay list"):
        read_delays(tmp_path, delay_unit="s")
    with pytest.raises(FitError, match="vdlist:2: a delay is needed, got ten"):
        read_delays(experiment(tmp_path, vdlist="1\nten\n"), delay_unit="s")
    with pytest.raises(FitError, match="no unit of time"):
        read_delays(tmp_path, delay_unit="h")
    with pytest.raises(FitError, match="negative"):
        read_delays(experiment(tmp_path, vdlist="-1\n"), delay_unit="s")
    with pytest.raises(FitError, match="is empty"):
        read_delays(experiment(tmp_path, vdlist="\n"), delay_unit="s")
    with pytest.raises(FitError, match="several delay lists"):
        read_delays(experiment(tmp_path, vdlist="1\n", vplist="1\n"), delay_unit="s")
    assert read_delays(tmp_path, delay_unit="us", delay_list="vplist") == pytest.approx([1e-6], rel=1e-6, abs=0)
    with pytest.raises(FitError, match="has no vclist"):
        read_delays(tmp_path, delay_unit="us", delay_list="vclist")


def test_loop_counts_need_the_echo_spacing(tmp_path):
    folder = experiment(tmp_path, vclist="2\n8\n")
    with pytest.raises(FitError, match="echo_spacing_s"):
        read_delays(folder, delay_unit="s")
    assert read_delays(folder, delay_unit=None, echo_spacing_s=1e-3) == pytest.approx([2e-3, 8e-3], rel=1e-6, abs=0)


def test_intensity_table(tmp_path):
    table = "3\n1 0 0\n0 0 2\n10 5.0 1\n20 7.0 2\n2 0 0\n0 0 2\n10 4.0 1\n20 6.0 2\n-1 0 0\n"
    folder = experiment(tmp_path, **{"t1ints.txt": table, "vdlist": "1\n2\n3\n"})
    assert read_intensities(folder) == pytest.approx([5.0, 4.0], rel=1e-6, abs=0)
    assert read_intensities(folder, peak=2) == pytest.approx([7.0, 6.0], rel=1e-6, abs=0)
    with pytest.raises(FitError, match="2 peaks"):
        read_intensities(folder, peak=3)
    with pytest.raises(FitError, match="3 delays but 2 intensities"):
        read_recovery(folder, delay_unit="s")
    with pytest.raises(FitError, match="no raw data"):
        read_intensities(folder, source="ser")
    with pytest.raises(FitError, match="no table"):
        read_intensities(experiment(tmp_path, **{"t1ints.txt": "1\n1 0\n"}))
    with pytest.raises(FitError, match="ser, t1ints"):
        read_intensities(folder, source="guess")


def test_matched_intensities_recover_signed_strengths():
    random = np.random.default_rng(0)
    true = np.array([-1.0, -0.5, 0.1, 0.6, 0.9, 1.0])
    t = np.arange(2048)
    decay = np.exp(2j * np.pi * 0.07 * t - t / 80.0 + 1.1j)
    noise = 0.05 * (random.standard_normal((6, 2048)) + 1j * random.standard_normal((6, 2048)))
    got = matched_intensities(true[:, None] * decay + noise)
    # The strongest one (here the first) is positive by convention; noise 0.05 over sqrt(40 points).
    assert np.abs(got) == pytest.approx(np.abs(true), abs=0.03)
    assert np.sign(got[0] * got[-1]) == -1
    exact = matched_intensities(true[1:, None] * decay)
    assert exact == pytest.approx(true[1:], rel=1e-9, abs=0)


def test_raw_signals_of_a_saturation_recovery_give_the_intensities_of_the_vendor():
    delay, strength = read_recovery(REAL / "T1_data" / "1", delay_unit="s")
    assert delay == pytest.approx(np.loadtxt(REAL / "T1_data" / "1" / "vdlist"), rel=1e-6, abs=0)
    report = (REAL / "T1_data" / "1" / "ct1t2.txt").read_text().split("Difference")[1]
    vendor = np.array(
        [float(line.split()[2]) for line in report.splitlines() if line.strip() and line.split()[0].isdigit()]
    )
    assert vendor.size == 15
    # Another way of integration: they agree within the scatter of the vendor's own points.
    assert strength == pytest.approx(vendor, abs=0.02)


def test_spin_lock_list_without_unit_is_refused():
    with pytest.raises(FitError, match=r"vplist:1: 10 has no unit; give delay_unit"):
        read_recovery(REAL / "T1_rho_data" / "79")
    with pytest.raises(FitError, match="counts loops"):
        read_delays(REAL / "T2_cpmg_data" / "38", delay_unit="s")
