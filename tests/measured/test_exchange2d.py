"""Volumes of exchange spectra against the exchange matrix that they were made from."""

import math

import numpy as np
import pytest
from nmrglue.fileio import bruker

from spacecharge.errors import FitError
from spacecharge.measured.bruker2d import read_bruker_2d
from spacecharge.measured.volumes import peak_volumes

from .exchange2d import NOISE_PPM, REGIONS, axis, intensities, spectrum, write


def test_a_written_spectrum_is_read_with_axes_and_parameters(tmp_path):
    data = spectrum(intensities(3.0, 0.1), np.random.default_rng(0))
    got = read_bruker_2d(write(tmp_path / "7", data, mixing_time_s=0.1, temperature_K=313.5))
    assert np.abs(got.intensity - data).max() < 1e-8 * data.max()
    assert got.ppm_1 == pytest.approx(axis(128), abs=1e-9)
    assert got.ppm_2 == pytest.approx(axis(256), abs=1e-9)
    assert (got.mixing_time_s, got.temperature_K) == (0.1, 313.5)
    assert read_bruker_2d(tmp_path / "7", delay="P1").mixing_time_s == pytest.approx(1e-5)
    with pytest.raises(FitError, match="'X8' is no delay"):
        read_bruker_2d(tmp_path / "7", delay="X8")
    # The vendor's format as nmrglue reads it, in blocks.
    parameters, same = bruker.read_pdata(str(tmp_path / "7" / "pdata" / "1"), scale_data=True)
    assert np.array_equal(same / parameters["acqus"]["NS"], got.intensity)
    (tmp_path / "7" / "acqus").unlink()
    assert math.isnan(read_bruker_2d(tmp_path / "7").mixing_time_s)


def test_what_is_no_processed_spectrum(tmp_path):
    with pytest.raises(FitError, match="has no processed data pdata/1"):
        read_bruker_2d(tmp_path)
    folder = write(
        tmp_path / "1", spectrum(intensities(3.0, 0.1), np.random.default_rng(0)), mixing_time_s=1, temperature_K=300
    )
    with pytest.raises(FitError, match="has no processed data pdata/2"):
        read_bruker_2d(folder, procno=2)
    place = folder / "pdata" / "1"
    whole = (place / "2rr").read_bytes()
    (place / "2rr").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(FitError, match=r"2rr: holds [0-9]+ bytes, 128 x 256 points") as error:
        read_bruker_2d(folder)
    assert "\n" not in str(error.value)
    (place / "2rr").write_bytes(bytes(len(whole)))
    with pytest.raises(FitError, match="zero or not finite"):
        read_bruker_2d(folder)
    (place / "2rr").write_bytes(whole)
    said = (place / "procs").read_text()
    for old, other, message in (
        ("BYTORDP= 0", "BYTORDP= 1", "2rr: the bytes stand in the other order than BYTORDP"),
        ("##$NC_proc=", "##$NC_gone=", "procs: NC_proc, the power of two of the intensities, is needed"),
        ("XDIM= 128", "XDIM= 100", r"procs: XDIM, the size of a block, is needed \(allowed: a divisor of SI, 256"),
    ):
        assert old in said
        (place / "procs").write_text(said.replace(old, other))
        with pytest.raises(FitError, match=message):
            read_bruker_2d(folder)
    (place / "procs").write_text(said)
    acquired = (folder / "acqus").read_text()
    (folder / "acqus").write_text(acquired.replace("NS= 8", "NS= 0"))
    with pytest.raises(FitError, match="acqus: NS, the number of scans, is 0"):
        read_bruker_2d(folder)
    (folder / "acqus").write_text(acquired)
    text = (place / "proc2s").read_text()
    (place / "proc2s").write_text(text.replace("##$OFFSET= 40.0\n", ""))
    with pytest.raises(FitError, match="proc2s: OFFSET, SW_p and SF are needed"):
        read_bruker_2d(folder)
    (place / "proc2s").unlink()
    with pytest.raises(FitError, match="proc2s is missing"):
        read_bruker_2d(folder)


@pytest.mark.parametrize("lorentzian", [True, False])
def test_intensities_lie_within_their_errors_on_fifty_sets(lorentzian):
    """Noise, a tilted plane, tails of Lorentzian lines that overlap: a weak cross peak stands on strong tails."""
    random = np.random.default_rng(11)
    ppm_1, ppm_2, off = axis(128), axis(256), []
    for _ in range(50):
        true = intensities(random.uniform(0.1, 6.0), 10.0 ** random.uniform(-2.0, 0.0))
        data = spectrum(true, random, lorentzian=lorentzian)
        got = peak_volumes(ppm_1, ppm_2, data, REGIONS, NOISE_PPM)
        assert got.warnings == ()
        off.append((got.value - true) / got.sigma)
    off = np.array(off)
    # 200 numbers: 95.4 % within two errors, give or take 1.5 %.
    assert np.mean(np.abs(off) < 2.0) > 0.91
    assert np.abs(off).max() < 4.0
    # No bias: the mean of 50 is known to 0.14 errors.
    assert np.abs(off.mean(axis=0)).max() < 0.5
    assert off.std() == pytest.approx(1.0, abs=0.15)


def test_boxes_of_narrow_lines_agree_and_those_of_tails_do_not():
    random = np.random.default_rng(2)
    true = intensities(2.0, 0.2)
    ppm = axis(128), axis(256)
    narrow = peak_volumes(*ppm, spectrum(true, random, lorentzian=False), REGIONS, NOISE_PPM, method="boxes")
    assert np.abs((narrow.value - true) / narrow.sigma).max() < 3.5
    wide = peak_volumes(*ppm, spectrum(true, random), REGIONS, NOISE_PPM, method="boxes")
    assert abs(wide.value[0, 1] - true[0, 1]) > 8.0 * wide.sigma[0, 1]


def test_noise_that_goes_together_over_some_points_raises_the_errors():
    """Smoothing white noise over 3 x 3 points leaves sums over lines as they scatter; a point scatters by a third."""
    random = np.random.default_rng(4)
    ppm, true = (axis(128), axis(256)), intensities(2.0, 0.2)
    clean, off = spectrum(true, random, noise=0.0), []
    for _ in range(30):
        white = 1.5e-4 * random.standard_normal(clean.shape)
        grain = sum(np.roll(white, (a, b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1)) / 9.0
        got = peak_volumes(*ppm, clean + grain, REGIONS, NOISE_PPM)
        assert got.noise == pytest.approx(5e-5, rel=0.15, abs=0)
        # The right lines leave the noise of a point, however far it goes together.
        assert got.misfit == pytest.approx(1.0, abs=0.2) and not got.warnings
        off.append((got.value - true) / got.sigma)
    assert np.std(off) == pytest.approx(1.0, abs=0.25)


def test_lines_of_another_shape_are_said():
    true, random = intensities(2.0, 0.2), np.random.default_rng(5)
    data = spectrum(true, random, lorentzian=False)
    # A splitting: each line is two.
    data = 0.5 * (data + np.roll(data, 14, axis=1))
    got = peak_volumes(axis(128), axis(256), data, REGIONS, NOISE_PPM, name="folder")
    assert "folder: the lines fit the peaks to" in got.warnings[0]


@pytest.mark.parametrize(
    ("regions", "noise", "message"),
    [
        ({"A": [8.5, 20.0], "B": [-2.0, 9.5]}, NOISE_PPM, "regions_ppm overlap"),
        ({"A": [8.5, 8.7], "B": [-2.0, 8.0]}, NOISE_PPM, r"regions_ppm\.A: 8\.5 to 8\.7 ppm holds 1 points"),
        (REGIONS, [-50.0, -30.0], "noise_ppm: -50 to -30 ppm holds 0 points"),
    ],
)
def test_regions_that_hold_no_peak(regions, noise, message):
    data = spectrum(intensities(2.0, 0.2), np.random.default_rng(5))
    with pytest.raises(FitError, match=message):
        peak_volumes(axis(128), axis(256), data, regions, noise)
