"""Raw Bruker experiments with their faults: halted runs, short files, long lists, lines that wander."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from nmrglue.fileio import bruker

import spacecharge as sc
from spacecharge.errors import DataError, FitError
from spacecharge.measured.bruker import read_series
from spacecharge.measured.bruker_files import read_signals

T1 = 2.3
DELAYS = np.array([0.05, 0.15, 0.4, 0.9, 1.6, 2.5, 4.0, 6.5, 12.0])
POINTS = 1024


def signals(drift: float = 0.0, noise: float = 0.0) -> np.ndarray:
    """Return decays of a saturation recovery; the line wanders by `drift` linewidths from delay to delay."""
    strength = 1.0 - np.exp(-DELAYS / T1)
    t = np.arange(POINTS)
    decay_time = 60.0
    linewidth = 1.0 / (np.pi * decay_time)
    # A slow walk with the delays: the cold and the warm end of a magnet's day.
    moved = drift * linewidth * np.linspace(-1.0, 1.0, DELAYS.size)
    lines = np.exp(2j * np.pi * (0.11 + moved[:, None]) * t - t / decay_time + 0.7j)
    random = np.random.default_rng(3)
    white = random.standard_normal((DELAYS.size, POINTS)) + 1j * random.standard_normal((DELAYS.size, POINTS))
    return 1e6 * (strength[:, None] * lines + noise * white)


def experiment(folder: Path, data: np.ndarray, delays: np.ndarray = DELAYS, planned: int | None = None) -> Path:
    """Write ser, acqus, acqu2s and vdlist as TopSpin does: 32-bit integers, real and imaginary in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    both = np.empty((data.shape[0], 2 * POINTS), dtype="<i4")
    both[:, ::2], both[:, 1::2] = data.real.round(), data.imag.round()
    (folder / "ser").write_bytes(both.tobytes())
    head = "##TITLE= Parameter file\n##JCAMPDX= 5.0\n"
    more = "##$BYTORDA= 0\n##$DTYPA= 0\n##$AQ_mod= 3\n##$GRPDLY= -1\n##$DECIM= 1\n##$DSPFVS= 0\n##$NUC1= <7Li>\n"
    (folder / "acqus").write_text(f"{head}##$TD= {2 * POINTS}\n{more}##$PARMODE= 1\n##END=\n")
    (folder / "acqu2s").write_text(f"{head}##$TD= {planned or data.shape[0]}\n{more}##END=\n")
    (folder / "vdlist").write_text("\n".join(f"{d:g}" for d in delays) + "\n")
    return folder


def fitted(folder: Path, **data: object) -> object:
    return sc.fit(
        {
            "fit": "recovery",
            "data": {"bruker": str(folder), "delay_unit": "s", "temperature_K": 300.0, **data},
            "model": {"kind": "exponential", "sequence": "saturation"},
        }
    )


def test_three_ways_agree_where_the_line_stands(tmp_path: Path) -> None:
    series = read_series(experiment(tmp_path / "1", signals()), delay_unit="s")
    strength = 1.0 - np.exp(-DELAYS / T1)
    for values in (series.intensity, series.beside["region"], series.beside["magnitude"]):
        assert values / values[-1] == pytest.approx(strength / strength[-1], rel=2e-3)
    assert series.warnings == () and series.notes == ()
    result = fitted(tmp_path / "1")
    assert result.parameters["time_constant_s"].value == pytest.approx(T1, rel=2e-3)
    assert set(result.columns) == {"temperature", "delay", "region", "magnitude"}


def test_a_wandering_line_is_said_and_its_region_is_right(tmp_path: Path) -> None:
    folder = experiment(tmp_path / "1", signals(drift=0.6, noise=2e-3))
    result = fitted(folder)
    assert any("do not look alike" in text for text in result.warnings)
    # The projection is biased by several per cent, and the region is not.
    assert abs(result.parameters["time_constant_s"].value / T1 - 1.0) > 0.03
    region = fitted(folder, intensities="region")
    assert region.parameters["time_constant_s"].value == pytest.approx(T1, rel=0.02)


def test_noise_is_no_wandering_line(tmp_path: Path) -> None:
    result = fitted(experiment(tmp_path / "1", signals(noise=0.03)))
    assert not any("look alike" in text for text in result.warnings)


def test_signals_never_recorded_are_left_out(tmp_path: Path) -> None:
    data = signals()
    data[6:] = 0.0
    result = fitted(experiment(tmp_path / "1", data))
    assert result.n_data == 6
    assert any("3 of 9 signals are zero throughout" in text for text in result.notes)
    # With the zeros as data it was 0.59 s.
    assert result.parameters["time_constant_s"].value == pytest.approx(T1, rel=5e-3)


def test_a_short_file_says_how_much_of_it_is_there(tmp_path: Path) -> None:
    folder = experiment(tmp_path / "1", signals()[:6], planned=9)
    result = fitted(folder)
    assert result.n_data == 6
    assert any("6 of 9 signals are there" in text for text in result.notes)
    # Cut within a signal: the complete ones count.
    raw = (folder / "ser").read_bytes()
    (folder / "ser").write_bytes(raw[: len(raw) - 1000])
    assert any("5 of 9 signals are there" in text for text in fitted(folder).notes)


def test_a_longer_list_of_delays_needs_a_word(tmp_path: Path) -> None:
    longer = np.append(DELAYS, [20.0, 40.0])
    folder = experiment(tmp_path / "1", signals(), longer)
    with pytest.raises(FitError, match=r"11 delays but 9 intensities \(use_first: N"):
        fitted(folder)
    result = fitted(folder, use_first=9)
    assert result.parameters["time_constant_s"].value == pytest.approx(T1, rel=2e-3)
    assert any("the first 9 delays" in text for text in result.notes)
    with pytest.raises(FitError, match="use_first is 12, there are 11 delays, 9 signals"):
        fitted(folder, use_first=12)


def test_the_table_of_processed_data(tmp_path: Path) -> None:
    place = tmp_path / "1" / "pdata" / "3"
    place.mkdir(parents=True)
    (tmp_path / "1" / "vdlist").write_text("1\n2\n")
    (place / "t1ints.txt").write_text("2\n1 0 0\n0 0 1\n10 5.0 1\n2 0 0\n0 0 1\n10 4.0 1\n-1 0 0\n")
    series = read_series(tmp_path / "1", delay_unit="s", procno=3)
    assert series.intensity == pytest.approx([5.0, 4.0])
    with pytest.raises(FitError, match=r"here or in pdata/1"):
        read_series(tmp_path / "1", delay_unit="s")


UNCLOSED = {
    "a text without its end": "##$EXP= <unclosed\n",
    "an array without its values": "##$D= (0..63)\n0 0.1\n",
    "an array without its numbers": "##$D= (0..\n",
    "a name without a value": "##$DIGMOD\n##=\n##$=\n",
}


@pytest.mark.parametrize("name", UNCLOSED)
def test_parameters_that_end_within_a_value_end_the_reading(name: str, tmp_path: Path) -> None:
    """A reader that waited for the closing mark of a cut file waited for ever; what stands before the cut counts."""
    folder = experiment(tmp_path / "1", signals())
    whole = read_series(folder, delay_unit="s")
    for file in ("acqus", "acqu2s"):
        text = (folder / file).read_text().replace("##END=\n", UNCLOSED[name])
        (folder / file).write_text(text)
    np.testing.assert_array_equal(read_series(folder, delay_unit="s").intensity, whole.intensity)


def test_damaged_parameters_are_read_or_refused(tmp_path: Path) -> None:
    folder = experiment(tmp_path / "1", signals())
    files = {name: (folder / name).read_bytes() for name in ("acqus", "acqu2s")}
    random = np.random.default_rng(5)
    read = 0
    for i in range(150):
        name = ("acqus", "acqu2s")[i % 2]
        raw = bytearray(files[name])
        if i % 3 == 0:
            raw = raw[: int(random.integers(len(raw)))]
        for _ in range(int(random.integers(1, 6))):
            if raw:
                raw[int(random.integers(len(raw)))] = int(random.integers(256))
        for file, content in files.items():
            (folder / file).write_bytes(content if file != name else bytes(raw))
        try:
            series = read_series(folder, delay_unit="s")
        except (FitError, DataError) as error:
            assert "\n" not in str(error)
        else:
            assert np.isfinite(series.intensity).all()
            read += 1
    assert 20 < read < 150


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("##$TD= 2048", "##$TD= 1e300"), "TD, the numbers of a signal, is needed"),
        (("##$TD= 2048", "##$TD= -4"), "TD, the numbers of a signal, is needed"),
        (("##$TD= 2048", "##$TD= 4000000"), "ser ends before its first signal"),
        (("##$DTYPA= 0", "##$DTYPA= 7"), "DTYPA 7 is not known"),
    ],
)
def test_parameters_that_cannot_be_say_so(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "1", signals())
    text = (folder / "acqus").read_text()
    assert change[0] in text
    (folder / "acqus").write_text(text.replace(*change))
    with pytest.raises(FitError, match=message):
        read_series(folder, delay_unit="s")


@pytest.mark.parametrize("points", [1000, 1024, 1100])
@pytest.mark.parametrize("kind", ["<i4", ">i4", "<f8", ">f8"])
def test_signals_in_every_number_format(points: int, kind: str, tmp_path: Path) -> None:
    """Blocks of 1024 bytes with zeros at their ends, and signals written without: the same numbers."""
    data = signals()[:, :points] if points <= POINTS else np.pad(signals(), ((0, 0), (0, points - POINTS)))
    both = np.empty((data.shape[0], 2 * points))
    both[:, ::2], both[:, 1::2] = data.real.round(), data.imag.round()
    folder = experiment(tmp_path / "1", signals())
    block = -(-2 * points * int(kind[2]) // 1024) * 1024 // int(kind[2])
    for dense in (False, True):
        values = both if dense else np.pad(both, ((0, 0), (0, block - 2 * points)))
        (folder / "ser").write_bytes(values.astype(kind).tobytes())
        text = f"##$TD= {2 * points}\n##$BYTORDA= {int(kind[0] == '>')}\n##$DTYPA= {2 * int(kind[1] == 'f')}\n"
        (folder / "acqus").write_text(text + "##$AQ_mod= 3\n##END=\n")
        found = read_signals(folder)
        np.testing.assert_array_equal(found[:, :points], both[:, ::2] + 1j * both[:, 1::2])
        assert not np.any(found[:, points:])
        # The reader of another program.
        if not dense:
            np.testing.assert_array_equal(found, bruker.read(str(folder), read_pulseprogram=False)[1])
