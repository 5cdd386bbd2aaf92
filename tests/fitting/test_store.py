"""Fits in files, on the command line, in figures, and as sweeps."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import StoreError, SystemStop
from spacecharge.store.fit_reader import fit_names, read_fit, read_summaries, read_sweep
from spacecharge.store.fits import write_fit

ROOT = Path(__file__).parents[2]
EXSY = ROOT / "configs" / "exsy_livo.yaml"
RELAXATION = ROOT / "configs" / "relaxation_livo.yaml"


@pytest.fixture(scope="module")
def result():
    return sc.fit(EXSY)


def test_every_dataset_says_what_it_is(tmp_path, result):
    write_fit(tmp_path / "f.h5", result)
    with h5py.File(tmp_path / "f.h5") as file:
        assert {"Conventions", "title", "format_version", "spacecharge_version", "created_utc"} <= set(file.attrs)
        found = []

        def look(name, item):
            if isinstance(item, h5py.Dataset):
                found.append(name)
                assert item.attrs["units"], name
                assert item.attrs["long_name"], name
                if item.ndim and not item.is_scale:
                    assert all(len(dim) == 1 for dim in item.dims), name

        file.visititems(look)
        group = file["fits/exsy_livo"]
        assert group.attrs["config_yaml"] == EXSY.read_text()
        assert "Student" in group.attrs["errors"]
        assert group["covariance"].shape == (4, 4)
        assert list(group.attrs["parameter_names"]) == list(result.estimate.problem.names)
        data = group["data"]
        assert data["value"][()] - data["model"][()] == pytest.approx(data["residual"][()], abs=1e-15)
        assert data["mixing_time"].attrs["units"] == "s"
    assert len(found) > 20


def test_groups_open_in_xarray(tmp_path, result):
    import xarray

    write_fit(tmp_path / "f.h5", result)
    with xarray.open_dataset(tmp_path / "f.h5", group="fits/exsy_livo/data", engine="h5netcdf") as data:
        assert data["model"].dims == ("datum",)
        assert data["mixing_time"].attrs["units"] == "s"
    with xarray.open_dataset(tmp_path / "f.h5", group="fits/exsy_livo", engine="h5netcdf") as fit:
        assert fit["covariance"].dims == ("parameter", "other_parameter")
        assert fit["parameter"].values[0] == "diffusivity_m2_per_s"


def test_numbers_come_back(tmp_path, result):
    path = tmp_path / "sub" / "f.h5"
    write_fit(path, result)
    got = read_fit(path, "diffusivity_m2_per_s")
    own = result.parameters["diffusivity_m2_per_s"]
    assert (got.value, got.sigma, got.unit) == (own.value, own.sigma, "m2 s-1")
    assert got.activation_energy_eV == result.parameters["activation_energy_eV"].value
    assert got.reference_temperature_K == 298.15
    derived = read_fit(path, "interface_resistance")
    assert derived.value == result.derived["interface_resistance"].value
    assert derived.activation_energy_eV is None


def test_several_fits_share_a_file(tmp_path, result):
    path = tmp_path / "f.h5"
    write_fit(path, result)
    write_fit(path, sc.fit(RELAXATION))
    assert fit_names(path) == ("exsy_livo", "relaxation_livo")
    with pytest.raises(StoreError, match="several fits"):
        read_fit(path, "diffusivity_m2_per_s")
    tau = read_fit(path, "relaxation_livo/correlation_time_s")
    # A correlation time falls with temperature.
    assert tau.activation_energy_eV < 0
    with pytest.raises(StoreError, match="has a fit exsy_livo already; --overwrite"):
        write_fit(path, result)
    write_fit(path, result, overwrite=True)
    assert len(fit_names(path)) == 2


def test_what_is_not_there_is_said(tmp_path, result):
    path = tmp_path / "f.h5"
    with pytest.raises(StoreError, match="no such file"):
        read_fit(path, "x")
    path.write_text("no HDF5")
    with pytest.raises(StoreError, match=r"damaged or not ours .not an HDF5 file"):
        read_fit(path, "x")
    path.unlink()
    with h5py.File(path, "w"):
        pass
    with pytest.raises(StoreError, match="not a spacecharge result file"):
        read_fit(path, "x")
    with h5py.File(path, "w") as file:
        file.attrs["format_version"] = 1
    with pytest.raises(StoreError, match="holds no fits"):
        read_fit(path, "x")
    write_fit(path, result)
    with pytest.raises(StoreError, match=r"has no x .it has: diffusivity_m2_per_s"):
        read_fit(path, "x")
    with pytest.raises(StoreError, match="no fit other"):
        read_fit(path, "x", "other")
    with pytest.raises(StoreError, match="no sweep over fits"):
        read_sweep(path)


def test_summaries_equal_the_json(tmp_path, result):
    write_fit(tmp_path / "f.h5", result)
    (summary,) = read_summaries(tmp_path / "f.h5")
    expected = json.loads(json.dumps(result.to_json()))
    for section in ("parameters", "derived"):
        for name, entry in expected[section].items():
            assert summary[section][name]["value"] == entry["value"]
            assert summary[section][name]["sigma"] == entry["sigma"]
    assert summary["each_temperature"][0]["value"] == expected["each_temperature"][0]["value"]


@pytest.mark.parametrize("extra", [{"uncertainty": "profile"}, {"uncertainty": "bootstrap", "samples": 20}])
def test_profiles_and_bootstrap_are_kept(tmp_path, extra):
    from spacecharge.fitting.load import config_at, load_fit_config

    config = load_fit_config(EXSY)
    result = sc.fit(config_at(config, extra))
    write_fit(tmp_path / "f.h5", result)
    with h5py.File(tmp_path / "f.h5") as file:
        group = file["fits/exsy_livo"]
        if extra["uncertainty"] == "profile":
            chi2 = group["profile/diffusivity_m2_per_s/chi2"][()]
            assert chi2.min() == pytest.approx(result.estimate.chi2, rel=1e-6, abs=0)
        else:
            assert group["bootstrap"].shape == (20, 4)


def test_command_prints_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", str(EXSY), "--json"]) == 0
    out, err = capsys.readouterr()
    loaded = json.loads(out)
    assert loaded["parameters"]["diffusivity_m2_per_s"]["unit"] == "m2 s-1"
    assert "results/exsy_livo.h5" in err
    assert main(["fit", str(EXSY)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["fit", str(EXSY), "--overwrite", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "activation_energy_eV" in out
    assert err == ""
    assert main(["show", "results/exsy_livo.h5"]) == 0
    assert "Arrhenius regression" in capsys.readouterr().out
    assert main(["plot", "results/exsy_livo.h5", "-o", "f.png"]) == 0
    assert (tmp_path / "f.png").stat().st_size > 10_000


@pytest.mark.parametrize("change", ["missing_column", "text", "negative", "sigma_zero", "no_file", "one_point"])
def test_broken_data_are_one_line_and_exit_code_two(tmp_path, monkeypatch, capsys, change):
    monkeypatch.chdir(tmp_path)
    lines = (ROOT / "configs" / "data" / "exsy_livo.csv").read_text().splitlines()
    header = next(k for k, line in enumerate(lines) if line.startswith("T_K"))
    row = lines[header + 3].split(",")
    if change == "missing_column":
        lines[header] = lines[header].replace("I_AB,", "other,", 1)
    elif change == "one_point":
        lines = lines[: header + 2]
    else:
        place, text = {"text": (2, "high"), "negative": (1, "-0.1"), "sigma_zero": (5, "0")}.get(change, (0, row[0]))
        row[place] = text
        lines[header + 3] = ",".join(row)
    (tmp_path / "data").mkdir()
    if change != "no_file":
        (tmp_path / "data" / "exsy_livo.csv").write_text("\n".join(lines))
    (tmp_path / "fit.yaml").write_text(EXSY.read_text())
    assert main(["fit", "fit.yaml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_unsorted_rows_fit_the_same(tmp_path, monkeypatch, capsys, result):
    monkeypatch.chdir(tmp_path)
    lines = (ROOT / "configs" / "data" / "exsy_livo.csv").read_text().splitlines()
    header = next(k for k, line in enumerate(lines) if line.startswith("T_K"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "exsy_livo.csv").write_text("\n".join([*lines[: header + 1], *reversed(lines[header + 1 :])]))
    (tmp_path / "fit.yaml").write_text(EXSY.read_text())
    assert main(["fit", "fit.yaml", "--json", "--quiet"]) == 0
    value = json.loads(capsys.readouterr().out)["parameters"]["diffusivity_m2_per_s"]["value"]
    assert value == pytest.approx(result.parameters["diffusivity_m2_per_s"].value, rel=1e-6, abs=0)


def test_figure_of_a_relaxation_fit_and_of_a_bound(tmp_path):
    from spacecharge.plotting.fits import plot_fit

    write_fit(tmp_path / "f.h5", sc.fit(RELAXATION))
    assert plot_fit(tmp_path / "f.h5").name == "f.png"
    with pytest.raises(StoreError, match="holds no fit other"):
        plot_fit(tmp_path / "f.h5", name="other")


def swept(tmp_path, text=""):
    config = (ROOT / "configs" / "exsy_livo_sizes.yaml").read_text()
    config = config.replace("data/exsy_livo.csv", str(ROOT / "configs" / "data" / "exsy_livo.csv"))
    config = config.replace("{start: 20, stop: 200, num: 10}", "[20, 55]") + text
    (tmp_path / "sizes.yaml").write_text(config)
    return tmp_path / "sizes.yaml"


def test_sweep_over_geometry_and_size(tmp_path, monkeypatch, capsys, result):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", str(swept(tmp_path)), "--quiet"]) == 0
    sweep = read_sweep("results/exsy_livo_sizes.h5")
    assert sweep.axes == ("model_geometry", "model_size")
    assert sweep.points[-1] == ("sphere", 55e-9)
    assert np.all(sweep.status == 0)
    # The last point is the single fit of the example.
    assert sweep.values["diffusivity_m2_per_s"][-1] == pytest.approx(
        result.parameters["diffusivity_m2_per_s"].value, rel=1e-6, abs=0
    )
    # Size is not identifiable: D/a^2 is. Geometry is: slab fits worse than the truth, the sphere.
    d = sweep.values["diffusivity_m2_per_s"].reshape(3, 2)
    assert d[:, 1] / d[:, 0] == pytest.approx(np.full(3, (55 / 20) ** 2), rel=1e-4, abs=0)
    chi2 = sweep.chi2.reshape(3, 2)
    assert chi2[0, 0] > 3 * chi2[2, 0]
    capsys.readouterr()
    assert main(["show", "results/exsy_livo_sizes.h5"]) == 0
    assert "sphere" in capsys.readouterr().out
    assert main(["plot", "results/exsy_livo_sizes.h5"]) == 0
    assert main(["fit", "sizes.yaml", "--quiet"]) == 2
    data = sc.open_results("results/exsy_livo_sizes.h5")
    assert data["activation_energy_eV"].dims == ("model_geometry", "model_size")
    data.close()


def test_failed_fits_of_a_sweep_keep_their_row(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = swept(tmp_path)
    text = path.read_text().replace("boundary: sink", "boundary: barrier")
    path.write_text(
        text.replace(
            "model.geometry: [slab, cylinder, sphere]", "model.boundary: [sink, barrier]\n  model.geometry: [sphere]"
        )
    )
    assert main(["fit", str(path)]) == 1
    sweep = read_sweep("results/exsy_livo_sizes.h5")
    assert sweep.status.tolist() == [0, 0, 3, 3]
    assert np.isnan(sweep.values["diffusivity_m2_per_s"][2:]).all()
    assert "diffusion limits" in capsys.readouterr().err


def test_interrupted_sweep_goes_on(tmp_path, monkeypatch):
    from spacecharge.fitting.load import load_fit_config
    from spacecharge.sweeping.fits import FitTask, run_fit_sweep

    monkeypatch.chdir(tmp_path)
    config = load_fit_config(swept(tmp_path))
    whole = FitTask.evaluate
    calls = []

    def stops(self, lo, hi):
        calls.append(lo)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(self, lo, hi)

    monkeypatch.setattr(FitTask, "evaluate", stops)
    with pytest.raises(SystemStop, match=r"failed on every try.* 4 of 6 points are in the file"):
        run_fit_sweep(config, "f.h5")
    monkeypatch.setattr(FitTask, "evaluate", whole)
    report = run_fit_sweep(config, "f.h5")
    assert report.n_points == 6
    assert report.n_resumed >= 4
    assert np.all(read_sweep("f.h5").status == 0)


def test_invalid_points_of_a_sweep_are_refused_before_anything_runs(tmp_path, capsys):
    path = swept(tmp_path)
    path.write_text(path.read_text().replace("[20, 55]", "[20, -55]"))
    assert main(["fit", str(path)]) == 2
    err = capsys.readouterr().err
    assert "sweep.model.size_nm" in err
    assert "out of range" in err
