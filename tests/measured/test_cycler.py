"""Cyclers and impedance analysers: every way of writing a test gives the same arrays."""

import lzma
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from spacecharge.errors import DataError
from spacecharge.measured.cycler import read_cycling
from spacecharge.measured.spectra import read_spectrum

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    path = tmp_path_factory.mktemp("lnmo") / "LNMO_pOCV_DLR.bdf.csv"
    path.write_bytes(lzma.decompress((DATA / "LNMO_pOCV_DLR.bdf.csv.xz").read_bytes()))
    return path


def test_a_published_slow_scan_in_the_battery_data_format(published):
    scan = read_cycling(published, time_scale=1 / 3600)
    assert scan.format == "bdf"
    assert scan.time.size == 17_860
    assert scan.time[-1] / 3600 == pytest.approx(40.93, abs=0.005)
    assert (scan.voltage.min(), scan.voltage.max()) == pytest.approx((2.99383, 4.90010), abs=5e-6)
    steps = np.diff(scan.passed()) / 3.6
    assert steps[steps > 0.0].sum() == pytest.approx(6.288, abs=5e-4)
    assert -steps[steps < 0.0].sum() == pytest.approx(6.190, abs=5e-4)


def test_labels_and_machine_names_give_identical_arrays(published, tmp_path):
    header, rest = published.read_text().split("\n", 1)
    assert header == "test_time_second,voltage_volt,current_ampere,ambient_temperature_celsius"
    labels = tmp_path / "labels.csv"
    labels.write_text("Test Time / s,Voltage / V,Current / A,Ambient Temperature / degC\n" + rest)
    one, other = read_cycling(published), read_cycling(labels)
    for name in ("time", "voltage", "current", "lines"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert other.format == "bdf"


ROWS = np.array(
    [[0.0, 3.5, 0.1, 0.0], [10.0, 3.51, 0.1, 2.7e-4], [20.0, 3.52, 0.1, 5.5e-4], [30.0, 3.515, 0.0, 5.5e-4]]
)


def mpt(decimal, encoding="latin-1", header_lines=6):
    head = [
        "EC-Lab ASCII FILE", f"Nb header lines : {header_lines}                          ", "",
        "Galvanostatic Intermittent Titration, 25 °C", "Acquisition started on : 11/26/2026 06:00:00",
        "mode\ttime/s\tEwe/V\tI/mA\t(Q-Qo)/mA.h\t",
    ]  # fmt: skip
    rows = ["\t".join(["1", *(f"{x:.15E}".replace(".", decimal) for x in row)]) + "\t" for row in ROWS]
    return "\r\n".join(head + rows).encode(encoding) + b"\r\n"


@pytest.mark.parametrize("decimal", [".", ","])
def test_text_of_ec_lab(tmp_path, decimal):
    path = tmp_path / "a.mpt"
    path.write_bytes(mpt(decimal))
    got = read_cycling(path)
    assert got.format == "biologic"
    assert np.array_equal(got.time, ROWS[:, 0])
    assert np.array_equal(got.voltage, ROWS[:, 1])
    assert got.current == pytest.approx(ROWS[:, 2] * 1e-3, rel=1e-15, abs=0)
    assert list(got.lines) == [7, 8, 9, 10]
    assert "Latin-1" in got.notes[0]
    charge = read_cycling(path, columns={"capacity_mAh": "(Q-Qo)/mA.h"})
    assert charge.charge == pytest.approx(ROWS[:, 3] * 3.6, rel=1e-15, abs=0)
    assert charge.current is None


def test_a_wrong_count_of_header_lines(tmp_path):
    path = tmp_path / "a.mpt"
    path.write_bytes(mpt(".", header_lines=600))
    with pytest.raises(DataError, match="names 600 header lines, the file has 10"):
        read_cycling(path)
    path.write_text("time/s\tEwe/V\n1\t2\n")
    with pytest.raises(DataError, match="no text file of EC-Lab"):
        read_cycling(path, format="biologic")


def test_binary_files_need_their_reader(tmp_path, monkeypatch):
    path = tmp_path / "a.mpr"
    path.write_bytes(b"BIO-LOGIC MODULAR FILE")
    monkeypatch.setitem(sys.modules, "galvani", None)
    with pytest.raises(DataError, match="needs galvani"):
        read_cycling(path)

    names = ["time/s", "Ewe/V", "I/mA", "(Q-Qo)/mA.h"]
    data = np.rec.fromarrays(ROWS.T, names=names).view(np.ndarray)
    fake = types.ModuleType("galvani")
    fake.BioLogic = types.SimpleNamespace(MPRfile=lambda name: types.SimpleNamespace(data=data))
    monkeypatch.setitem(sys.modules, "galvani", fake)
    got = read_cycling(path)
    assert np.array_equal(got.voltage, ROWS[:, 1])
    assert got.current == pytest.approx(ROWS[:, 2] * 1e-3, rel=1e-15, abs=0)

    def broken(name):
        raise ValueError("bad\nmagic")

    fake.BioLogic = types.SimpleNamespace(MPRfile=broken)
    with pytest.raises(DataError, match=r"cannot be read by galvani: bad\\nmagic"):
        read_cycling(path)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("t,U\n0,1\n1,2\n", {"time_s": "t", "voltage_V": "U"}, r"a\.csv:1: neither a current nor a capacity"),
        ("t,U,I\n0,1,1\n1,2,1\n", {"time_s": "t", "current_A": "I"}, r"a\.csv:1: no column is known as voltage"),
        ("t,U,I\n0,1,1\n", {"time_s": "t", "voltage_V": "U", "current_A": "I"}, "fewer than two rows"),
        (
            "t,U,I\n0,1,1\n2,1,1\n1,2,1\n",
            {"time_s": "t", "voltage_V": "U", "current_A": "I"},
            r"a\.csv:4: the time falls",
        ),
        (
            "t,U,I,q\n0,1,1,1\n2,1,1,1\n",
            {"time_s": "t", "voltage_V": "U", "current_A": "I", "capacity_mAh_per_g": "q"},
            "once for the cell and once for a mass",
        ),
        ("t,U\n0,1\n1,2\n", {"time_s": "t", "time_h": "U"}, "two columns are given for time"),
    ],
)
def test_what_cannot_be_a_test_of_a_cell(tmp_path, text, columns, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_cycling(path, columns=columns)


FREQUENCY = np.array([1e5, 1e3, 10.0])
Z = np.array([12.0 - 3.5j, 40.0 - 20.0j, 90.0 - 7.0j])
FORMS = {
    "freq/Hz,Re(Z)/Ohm,-Im(Z)/Ohm": (FREQUENCY, Z.real, -Z.imag),
    "Frequency (kHz);Z' (Ohm);Z'' (Ohm)": (FREQUENCY / 1e3, Z.real, Z.imag),
    "f_Hz\tZ′ [Ω]\t−Z″ [Ω]": (FREQUENCY, Z.real, -Z.imag),
    "f,Zreal,Zimag": (FREQUENCY, Z.real, Z.imag),
    "Frequency,|Z| (kOhm),Phase of Z (deg)": (FREQUENCY, abs(Z) / 1e3, np.degrees(np.angle(Z))),
    "f [Hz],|Z|/Ohm,phase (rad)": (FREQUENCY, abs(Z), np.angle(Z)),
    "id,freq/MHz,Re(Z)/mOhm,-Im(Z)/mOhm,|Z|/Ohm,Phase(Z)/deg": (
        np.arange(3), FREQUENCY / 1e6, Z.real * 1e3, -Z.imag * 1e3, abs(Z), np.degrees(np.angle(Z)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("header", list(FORMS))
def test_impedance_in_its_common_shapes(tmp_path, header):
    delimiter = next(d for d in ";\t," if d in header)
    rows = [delimiter.join(repr(float(x)) for x in row) for row in zip(*FORMS[header], strict=True)]
    path = tmp_path / "z.csv"
    path.write_text("\n".join([header, *rows]))
    got = read_spectrum(path)
    assert got.frequency == pytest.approx(FREQUENCY, rel=1e-14, abs=0)
    assert got.impedance == pytest.approx(Z, rel=1e-14, abs=0)
    assert got.unit == "ohm"
    assert got.notes == ()


def test_impedance_of_ec_lab_and_by_named_columns(tmp_path):
    rows = [f"{f:.6E}\t{z.real:.6E}\t{-z.imag:.6E}\t{x}\t" for f, z, x in zip(FREQUENCY, Z, "123", strict=True)]
    rows.insert(0, "0\t0\t0\t0\t")
    text = "EC-Lab ASCII FILE\nNb header lines : 3\nfreq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\tx\t\n" + "\n".join(rows)
    path = tmp_path / "z.mpt"
    path.write_text(text.replace(".", ","))
    got = read_spectrum(path)
    assert got.impedance == pytest.approx(Z, rel=1e-14, abs=0)
    assert any("1 rows of frequency zero" in note for note in got.notes)
    path = tmp_path / "z.csv"
    path.write_text("a,b,c\n" + "\n".join(f"{f},{z.real},{z.imag}" for f, z in zip(FREQUENCY, Z, strict=True)))
    area = read_spectrum(path, columns={"frequency_Hz": "a", "real_ohm_cm2": "b", "imaginary_ohm_cm2": "c"})
    assert area.unit == "ohm m2"
    assert area.impedance == pytest.approx(Z * 1e-4, rel=1e-14, abs=0)
    wrong = read_spectrum(path, columns={"frequency_Hz": "a", "real_ohm": "b", "minus_imaginary_ohm": "c"})
    assert "positive at most frequencies" in wrong.notes[0]
    with pytest.raises(DataError, match="no frequency with Re and -Im"):
        read_spectrum(path)
    with pytest.raises(DataError, match="frequency_Hz is needed"):
        read_spectrum(path, columns={"real_ohm": "b"})
    path.write_text("f,Re,Im\n1,2,-3\n0,1,-1\n")
    with pytest.raises(DataError, match=r"z\.csv:3: the frequency is 0 Hz"):
        read_spectrum(path)


def shaped(path, header, *columns, delimiter=","):
    rows = [delimiter.join(repr(float(x)) for x in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_units_of_impedance_below_the_titles_count(tmp_path):
    """A row of units says kilo; numbers a thousand times too small were read without a word."""
    path = tmp_path / "z.csv"
    got = read_spectrum(shaped(path, "freq,Zre,-Zim\nkHz,kOhm,kOhm", FREQUENCY / 1e3, Z.real / 1e3, -Z.imag / 1e3))
    assert got.frequency == pytest.approx(FREQUENCY, rel=1e-14)
    assert got.impedance == pytest.approx(Z, rel=1e-14)
    with pytest.raises(DataError, match="no frequency with Re and -Im"):
        read_spectrum(shaped(path, "freq,Zre,-Zim\nHz,S,S", FREQUENCY, Z.real, -Z.imag))


@pytest.mark.parametrize(
    ("header", "columns", "factor"),
    [
        ("Freq(Hz),Z'(a),Z''(b)", (FREQUENCY, Z.real, Z.imag), 1.0),
        ("Frequency (Hz),|Z| (Ohm),-Phase (deg)", (FREQUENCY, abs(Z), -np.degrees(np.angle(Z))), 1.0),
        ("f (Hz),Re(Z) (Ω·cm²),-Im(Z) (Ω·cm²)", (FREQUENCY, Z.real, -Z.imag), 1e-4),
        ("f (Hz),Re(Z) (Ohm cm^2),-Im(Z) (Ohm cm^2)", (FREQUENCY, Z.real, -Z.imag), 1e-4),
    ],
)
def test_more_ways_to_write_an_impedance(tmp_path, header, columns, factor):
    got = read_spectrum(shaped(tmp_path / "z.csv", header, *columns))
    assert got.impedance == pytest.approx(factor * Z, rel=1e-14)
    assert got.unit == ("ohm" if factor == 1.0 else "ohm m2")


def test_what_an_impedance_cannot_be(tmp_path):
    path = tmp_path / "z.csv"
    polar = "Frequency (Hz),|Z| (Ohm),Phase"
    with pytest.raises(DataError, match=r"z.csv:1: the phase has no unit .* degrees or radians\? Name it"):
        read_spectrum(shaped(path, polar, FREQUENCY, abs(Z), np.angle(Z)))
    with pytest.raises(DataError, match=r"z.csv:2: the modulus is -"):
        read_spectrum(shaped(path, f"{polar} (deg)", FREQUENCY, -abs(Z), np.degrees(np.angle(Z))))
    with pytest.raises(DataError, match=r"z.csv:2: the impedance is 0"):
        read_spectrum(shaped(path, "f/Hz,Re(Z)/Ohm,-Im(Z)/Ohm", FREQUENCY, 0 * FREQUENCY, 0 * FREQUENCY))
    twice = (np.tile(FREQUENCY, 2), np.tile(Z.real, 2), np.tile(-Z.imag, 2))
    assert "3 rows repeat a frequency" in read_spectrum(shaped(path, "f/Hz,Re(Z)/Ohm,-Im(Z)/Ohm", *twice)).notes[0]


def test_quoted_titles_of_the_battery_data_format(tmp_path):
    path = tmp_path / "q.bdf.csv"
    path.write_text('"Test Time / s","Voltage / V","Current / A"\n0,3.5,0\n10,3.6,1e-3\n20,3.7,1e-3\n')
    assert read_cycling(path).voltage == pytest.approx([3.5, 3.6, 3.7])
