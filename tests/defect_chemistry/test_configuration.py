"""Defects and cores in configurations: check, run, sweeps, errors with their line, result variables."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge import constants as c
from spacecharge.cli import main
from spacecharge.config import parse_config
from spacecharge.store import read_results

ROOT = Path(__file__).resolve().parents[2]

TEXT = """\
title: boundary
temperature_K: 400
layers:
  left: &grain
    thickness_nm: 30
    permittivity: 50
    potential_V: 2
    defects: {path: t-LLZO/defects.yaml, frozen_at_K: 1500}
    species: {v_Li: {diffusivity_m2_per_s: 1.0e-13}, Li_i: {diffusivity_m2_per_s: 2.0e-13}}
  core: {core_of: left, thickness_nm: 1, species: {v_Li: {segregation_energy_eV: -0.2}}}
  right: *grain
sweep:
  core.species.v_Li.segregation_energy_eV: [-0.1, 0.1]
  temperature_K: [380, 400, 420]
output: {path: boundary.h5, profiles: {nodes: 2001}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "configs" / "data" / "t-LLZO", tmp_path / "t-LLZO")
    (tmp_path / "boundary.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_check_says_what_the_layers_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "boundary.yaml"]) == 0
    text = capsys.readouterr().out
    assert "core: core of left" in text
    # The carriers frozen in from 1500 K, at 380 K.
    assert "left: v_Li 3.086e+19, Li_i 3.244e+19 cm-3, E_F" in text


def test_a_run_stores_bulks_and_the_boundary(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "boundary.yaml", "--quiet"]) == 0
    results = read_results(folder / "boundary.h5")
    # Along one axis the table of `show` begins with what was computed for: barrier and resistance of the boundary.
    select = ["--select", "core_species_v_Li_segregation_energy=-0.1"]
    capsys.readouterr()
    assert main(["show", "boundary.h5", *select]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = next(line for line in lines if line.split()[:1] == ["380"]).split()
    names = next(line for line in lines if "barrier" in line.split()).split()
    assert float(first[names.index("barrier")]) == pytest.approx(results["barrier"][0, 0], rel=1e-4)
    boundary = results["grain_boundary_resistance"][0, 0] * 1e4
    assert float(first[names.index("boundary")]) == pytest.approx(boundary, rel=1e-4)
    data = sc.open_results(folder / "boundary.h5", units="SI")
    assert results.n_points == 6
    kt = c.BOLTZMANN * np.array([380.0, 400.0, 420.0])
    held = data["concentration"].sel(layer="left").transpose(..., "species").to_numpy()[0]
    assert held[:, list(data["species"].to_numpy()).index("Li_i")] == pytest.approx(3.2441e25, rel=1e-3)
    sigma = c.ELEMENTARY_CHARGE**2 * (held * np.array([1e-13, 2e-13])).sum(axis=1) / kt
    assert data["conductivity"].sel(layer="left").to_numpy()[0] == pytest.approx(sigma, rel=1e-12)
    shares = data["transference_number"].sel(layer="left").to_numpy()
    assert shares.sum(axis=-1) == pytest.approx(1.0)
    assert np.isfinite(data["fermi_level"]).all()
    _compare_boundary(folder, data)


def _compare_boundary(folder: Path, data: object) -> None:
    """Resistance of the boundary again, by trapezoids over the stored profiles."""
    import h5py

    # Sites per cell in input-fermi-frozen.dat, and the diffusivities of the configuration.
    weights = {"v_Li": 3.0 * 1e-13, "Li_i": 1.0 * 2e-13}
    bulk = data["conductivity"].sel(layer="left").to_numpy()  # type: ignore[index]  # a Dataset
    with h5py.File(folder / "boundary.h5") as file:
        factor = c.ELEMENTARY_CHARGE**2 / (c.BOLTZMANN * file["temperature"][:]) / 1056.622886e-30
        names = [name.decode() for name in file["species"][:]]
        total = np.zeros((2, 3))
        for layer in ("left", "core", "right"):
            x, theta = file[f"profiles/{layer}/x"][:], file[f"profiles/{layer}/occupancy"][:]
            sigma = factor[None, :, None] * sum(weights[s] * theta[..., names.index(s), :] for s in weights)
            total += np.trapezoid(1.0 / sigma - 1.0 / bulk[..., None], x, axis=-1)
        stored = file["grain_boundary_resistance"][:]
    assert stored == pytest.approx(total, rel=2e-3)


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("frozen_at_K: 1500}", "frozen_at_K: hot}", "boundary.yaml:8:", "a number is needed, got 'hot'"),
        ("t-LLZO/defects.yaml", "t-LLZO/none.yaml", "boundary.yaml:8:", "no such file"),
        ("frozen_at_K: 1500}", "mobile: [v_Na]}", "boundary.yaml:8:", "no such defect"),
        ("core_of: left", "core_of: middle", "boundary.yaml:10:", "no grain of this stack"),
        (
            "segregation_energy_eV: -0.2",
            "segregation_energy: -0.2",
            "boundary.yaml:10:",
            "nearest: segregation_energy_eV",
        ),
        ("frozen_at_K: 1500}", "frozn_at_K: 1500}", "boundary.yaml:8:", "nearest: frozen_at_K"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    old: str, new: str, place: str, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert TEXT.count(old) == 1
    (folder / "boundary.yaml").write_text(TEXT.replace(old, new))
    assert main(["check", "boundary.yaml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(place), lines
    assert words in lines[0], lines


def test_level_electrons_need_bands_and_one_potential() -> None:
    layer = """{thickness_nm: 20, permittivity: 10, potential_V: %s, ionisation_potential_eV: %s,
    defects: {cell_volume_A3: 100, statistics: pool, electronic_carriers: true,
      electrons: {band_gap_eV: 3, conduction_per_cm3: 1.0e19, valence_per_cm3: 1.0e19},
      species: {v_Li: {sites_per_cell: 1, states: {-1: {formation_energy_eV: 1.6}}},
                Li_i: {sites_per_cell: 1, states: {1: {formation_energy_eV: -1.0}}}}}}"""
    text = "layers:\n  a: {}\n  b: {}\ncontacts: [{{electrons: level}}]\n"
    config = parse_config(text.format(layer % (2.0, 6.0), layer % (2.0, 5.5)))
    # Both Fermi levels lie 1.3 eV above their band edge: the bands alone make the step.
    assert config.parameters(0, 1).contact_step[0, 0] == pytest.approx(-0.5, abs=1e-9)
    with pytest.raises(sc.ConfigError, match="two potentials are two levels of lithium"):
        parse_config(text.format(layer % (2.0, 6.0), layer % (3.0, 5.5)))


def test_brick_layer_and_activation_energy() -> None:
    """One boundary of 2 Ohm cm2 per 100 nm in series with 1 mS/cm; an Arrhenius resistance gives its energy back."""
    total = sc.brick_layer_conductivity(0.1, 2e-4, 100.0)
    assert 1.0 / total == pytest.approx(1.0 / 0.1 + 2e-4 / 1e-7)
    kelvin = np.linspace(300.0, 500.0, 41)
    kt = c.BOLTZMANN * kelvin / c.ELEMENTARY_CHARGE
    assert sc.activation_energy(kelvin, 3.0 * np.exp(0.37 / kt)) == pytest.approx(0.37, rel=1e-12)
    with pytest.raises(sc.ModelError, match="positive"):
        sc.activation_energy(kelvin, np.zeros(41))


def test_the_command_prints_and_draws_the_layers_of_a_configuration(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["defects", "boundary.yaml", "-o", "carriers.png"]) == 0
    text = capsys.readouterr().out
    assert "[left]" in text
    assert "totals frozen at      1500 K" in text
    assert (folder / "carriers.png").stat().st_size > 10_000
    assert main(["defects", "boundary.yaml", "--temperature-K", "300"]) == 2
    assert "a configuration says it itself" in capsys.readouterr().err


def test_the_shipped_rows_of_poisson_fermi_dirac(tmp_path: Path) -> None:
    """Three materials from one table of points, in one run."""
    output = tmp_path / "pfd.h5"
    assert main(["run", str(ROOT / "configs" / "pfd_materials.yaml"), "-o", str(output), "--quiet"]) == 0
    data = sc.open_results(output, units="SI")
    charge = data["charge"].to_numpy()[:, 0] / c.ELEMENTARY_CHARGE * 1e-18
    assert charge == pytest.approx([-5.3271, -2.9964, -2.4425], abs=6e-5)
    assert data["static_capacitance"].to_numpy()[:, 0] * 100.0 == pytest.approx([52.632, 21.9885, 20.4240], rel=1e-5)


def test_a_plane_of_sites_from_a_configuration(folder: Path) -> None:
    """Numbers of the plane are swept; barrier and charge stand in the file."""
    text = TEXT.replace(
        "  core: {core_of: left, thickness_nm: 1, species: {v_Li: {segregation_energy_eV: -0.2}}}\n", ""
    )
    text = text.replace("  core.species.v_Li.segregation_energy_eV: ", "  contacts.0.sites.segregation_energy_eV: ")
    text = text.replace(
        "sweep:",
        "contacts: [{sites: {species: v_Li, density_per_nm2: 2.84, background: {charge_e_per_nm2: 0.2}}}]\nsweep:",
    )
    (folder / "plane.yaml").write_text(text)
    assert main(["run", "plane.yaml", "-o", "plane.h5", "--quiet"]) == 0
    data = sc.open_results(folder / "plane.h5", units="SI")
    held = data["plane_charge"].to_numpy()[..., 0]
    assert held == pytest.approx(-data["charge"].to_numpy().sum(axis=-1), rel=1e-6)
    assert data["barrier"].to_numpy() == pytest.approx(data["space_charge_potential"].to_numpy()[..., 0, 0])
    (folder / "plane.yaml").write_text(text.replace("density_per_nm2: 2.84", "density_per_nm3: 2.84"))
    assert main(["check", "plane.yaml"]) == 2


def test_a_run_is_resumed_whatever_its_files_are_called(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack that a result is recognised by does not know from which folder its defects were read."""
    here = repr(sc.load_config("boundary.yaml").base_stack)
    monkeypatch.chdir(folder.parent)
    assert repr(sc.load_config(f"{folder.name}/boundary.yaml").base_stack) == here
