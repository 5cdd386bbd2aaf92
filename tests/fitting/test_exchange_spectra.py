"""Exchange fits from the spectra themselves: the truth they were made with, and what the table of volumes gives."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import ConfigError, FitError
from spacecharge.nmr.kinetics import rate_matrix
from tests.measured.exchange2d import NOISE_PPM, POPULATIONS, REGIONS, intensities, spectrum, write

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def shipped():
    return sc.fit(CONFIGS / "exsy_spectra.yaml")


def test_the_shipped_spectra_give_what_they_were_made_with(shipped):
    d, energy = shipped.parameters["diffusivity_m2_per_s"], shipped.parameters["activation_energy_eV"]
    assert abs(d.value - 1e-16) < 3 * d.sigma < 0.02e-16
    assert abs(energy.value - 0.315) < 3 * energy.sigma < 0.01
    assert 0.2 < shipped.chi2_reduced < 2.0
    assert shipped.warnings == ()


def test_exchange_current_from_spectra_equals_that_from_the_table(shipped):
    """The table of the same truth with its own noise (configs/data/exsy_livo.csv)."""
    table = sc.fit(CONFIGS / "exsy_livo.yaml").derived["exchange_current_density"]
    spectra = shipped.derived["exchange_current_density"]
    assert abs(table.value - spectra.value) < 2.0 * np.hypot(table.sigma, spectra.sigma)


def test_result_file_and_figure(tmp_path, capsys):
    out = tmp_path / "s.h5"
    assert main(["check", str(CONFIGS / "exsy_spectra.yaml")]) == 0
    assert "15 spectra, data/exsy_spectra/1 to data/exsy_spectra/15" in capsys.readouterr().out
    assert main(["fit", str(CONFIGS / "exsy_spectra.yaml"), "-o", str(out), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "volumes of 15 spectra by lines" in shown["notes"][0]
    with h5py.File(out) as file:
        group = file["fits/exsy_spectra/spectra"]
        assert group["cross_AB"].shape == (15,)
        assert np.all(group["sigma_cross_AB"][:] < 0.01)
        assert group["mixing_time"][1] == 0.02
        assert group["temperature"].attrs["units"] == "K"
    assert main(["plot", str(out), "-o", str(tmp_path / "s.png")]) == 0
    assert (tmp_path / "s.png").stat().st_size > 50_000
    # Two contour plots with the regions, build-up, residuals, Arrhenius plot and its upper axis.
    assert len(sc.fit(CONFIGS / "exsy_spectra.yaml").plot().axes) >= 5


RATE, T1 = 2.0, 0.9
TIMES = (0.01, 0.05, 0.2, 0.5, 1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Spectra of two sites at one temperature, from the exponential of a known rate matrix."""
    path = tmp_path_factory.mktemp("spectra")
    random = np.random.default_rng(8)
    for number, time in enumerate(TIMES, start=1):
        write(
            path / str(number), spectrum(intensities(RATE, time, T1), random), mixing_time_s=time, temperature_K=300.0
        )
    return path


def kinetic(folder, data=None, without=()):
    """A configuration of the kinetic model on the spectra of a folder."""
    own = {
        "bruker_2d": [str(folder / str(n)) for n in range(1, len(TIMES) + 1)],
        "regions_ppm": REGIONS,
        "noise_ppm": NOISE_PPM,
        "observable": "intensities",
        **(data or {}),
    }
    own = {key: value for key, value in own.items() if key not in without}
    return {
        "fit": "exsy",
        "data": own,
        "model": {"kind": "kinetic", "sites": ["A", "B"]},
        "reference_temperature_K": 300.0,
        "parameters": {"activation_energy_AB_eV": {"fixed": 0.3}},
    }


def test_a_known_rate_matrix_comes_back(folder):
    config = kinetic(folder)
    config["parameters"] = {
        "activation_energy_eV": {"fixed": 0.3},
        "magnetisation_B": {"initial": 1.0},
        "t1_A_s": {"initial": 1.0},
        "t1_B_s": {"initial": 1.0},
    }
    got = sc.fit(config)
    assert got.n_data == 4 * len(TIMES)
    found = {name: got.parameters[name] for name in ("magnetisation_B", "t1_A_s", "t1_B_s")}
    for name, true in {"magnetisation_B": POPULATIONS[1], "t1_A_s": T1, "t1_B_s": T1}.items():
        assert abs(found[name].value - true) < 3 * found[name].sigma < 0.1 * true
    between = got.parameters["exchange_rate_per_s"].value * (1.0 - np.eye(2))
    matrix = rate_matrix(between, np.array([1.0, found["magnetisation_B"].value]))
    assert -matrix[0, 0] == pytest.approx(RATE, rel=0.02, abs=0)


def test_times_temperatures_and_boxes_can_be_given(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for number in range(1, len(TIMES) + 1):
        (copy / str(number) / "acqus").unlink()
    model = {
        "model": {"kind": "diffusion", "geometry": "sphere", "radius_nm": 55, "boundary": "sink"},
        "parameters": {"activation_energy_eV": {"fixed": 0.3}},
    }
    fraction = {"observable": "fraction"}
    with pytest.raises(FitError, match=r"1: its parameters do not say the mixing time: give data\.mixing_time_s"):
        sc.fit(kinetic(copy, fraction) | model)
    known = {**fraction, "mixing_time_s": list(TIMES)}
    with pytest.raises(FitError, match=r"do not say the temperature: give data\.temperature_K"):
        sc.fit(kinetic(copy, known) | model)
    with pytest.raises(FitError, match="2 mixing times for 5 spectra"):
        sc.fit(kinetic(copy, {**fraction, "mixing_time_s": [0.1, 0.2]}) | model)
    given = sc.fit(kinetic(copy, {**known, "temperature_K": 300.0}) | model)
    read = sc.fit(kinetic(folder, fraction) | model)
    assert given.parameters["diffusivity_m2_per_s"].value == read.parameters["diffusivity_m2_per_s"].value
    boxes = sc.fit(kinetic(folder, {**fraction, "volumes": "boxes"}) | model)
    assert "by boxes" in boxes.notes[0]
    # The tails of Lorentzian lines make boxes err where little is exchanged.
    off = boxes.data.values[0] - read.data.values[0]
    assert abs(off) > 3 * float(read.sigma[0])


@pytest.mark.parametrize(
    ("data", "without", "message"),
    [
        ({}, ("regions_ppm",), "regions_ppm is missing beside bruker_2d"),
        ({}, ("noise_ppm",), "noise_ppm is missing beside bruker_2d"),
        ({"regions_ppm": {"A": [8.5, 20.0], "C": [-2.0, 8.0]}}, (), "the sites A, B are needed, got A, C"),
        ({"regions_ppm": {"A": [8.5], "B": [-2.0, 8.0]}}, (), "regions_ppm.A"),
        ({"path": "a.csv"}, (), "one of path"),
        ({"columns": {"mixing_time_s": "t"}}, (), "belongs to path"),
        ({"from": "D8", "mixing_time_s": [1.0]}, (), "give either"),
        ({"from": "8"}, (), r"data\.from"),
        ({"volumes": "sums"}, (), "lines, boxes"),
        ({"path": "a.csv", "columns": {"mixing_time_s": "t"}}, ("bruker_2d",), "belongs to bruker_2d"),
    ],
)
def test_keys_of_spectra_are_checked(folder, data, without, message):
    with pytest.raises(ConfigError, match=message):
        sc.fit(kinetic(folder, data, without))
