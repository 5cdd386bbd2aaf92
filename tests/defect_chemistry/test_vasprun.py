"""A vasprun.xml as density of states: gap and electrons are in the file, its energies count from anywhere."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from string import Template

import numpy as np
import pytest

from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE
from spacecharge.defect_chemistry import DefectSystem, equilibrium, read_defects
from spacecharge.errors import ConfigError

pytestmark = pytest.mark.skipif(importlib.util.find_spec("py_sc_fermi") is None, reason="needs py-sc-fermi")

TOP = 3.25
"""eV: where the code that wrote the file puts the top of the valence band."""
GAP = 2.0
ELECTRONS = 8


def written(energy: np.ndarray, states: np.ndarray, gap: float, electrons: int) -> str:
    """Return the text of a file: the energies counted from a valence band edge at `TOP`."""
    template = Template((Path(__file__).parent / "data" / "vasprun.xml.template").read_text())
    levels = ((TOP - 1.0, 1.0), (TOP, 1.0), (TOP + gap, 0.0), (TOP + gap + 1.0, 0.0))
    return template.substitute(
        electrons=electrons,
        fermi=TOP + 0.1,
        dos="".join(f"<r> {e + TOP:.6f} {d:.6f} 0.0 </r>" for e, d in zip(energy, states, strict=True)),
        bands="".join(f"<r>{e:.4f} {o:.4f}</r>" for e, o in levels),
    )


def flat_bands() -> tuple[np.ndarray, np.ndarray]:
    """Two bands of one shape, 2 eV wide, on either side of the gap: the Fermi level lies in its middle."""
    energy = np.linspace(-3.0, 5.0, 8001)
    inside = ((energy > -2.0) & (energy < 0.0)) | ((energy > GAP) & (energy < GAP + 2.0))
    return energy, np.where(inside, 0.5 * ELECTRONS, 0.0)


def read(folder: Path, electrons: str) -> DefectSystem:
    file = folder / "defects.yaml"
    file.write_text(
        f"temperature_K: 800\ncell_volume_A3: 64\nelectrons: {{density_of_states: vasprun.xml{electrons}}}\n"
        "species:\n  v_Li: {sites_per_cell: 1, states: {0: {formation_energy_eV: 9.0}}}\n"
    )
    with warnings.catch_warnings():
        # Those of importing the library that reads it.
        warnings.simplefilter("ignore")
        return read_defects(file)


def test_gap_and_electrons_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "vasprun.xml").write_text(written(*flat_bands(), GAP, ELECTRONS))
    found = equilibrium(read(tmp_path, ""))
    assert found.fermi_level_eV == pytest.approx(0.5 * GAP, abs=1e-4)
    # A band of 4 states per eV and 64 A3 from the edge on: n = (4 kT/V) exp(-(gap/2)/kT).
    thermal = BOLTZMANN * 800.0 / ELEMENTARY_CHARGE
    expected = 0.5 * ELECTRONS * thermal / 64e-24 * np.exp(-0.5 * GAP / thermal)
    assert [found.electrons_per_cm3, found.holes_per_cm3] == pytest.approx([expected, expected], rel=0.02)


def test_what_stands_beside_the_file_counts(tmp_path: Path) -> None:
    (tmp_path / "vasprun.xml").write_text(written(*flat_bands(), GAP, ELECTRONS))
    for key, value in (("band_gap_eV", -1.0), ("electrons_per_cell", 0)):
        with pytest.raises(ConfigError, match=rf"defects\.yaml:3:\d+: electrons\.{key}: {value:g} is out of range"):
            read(tmp_path, f", {key}: {value}")
    bands = read(tmp_path, ", band_gap_eV: 2.5, electrons_per_cell: 8").bands
    assert bands is not None and bands.band_gap_eV == 2.5


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "vasprun.xml").write_text(written(*flat_bands(), GAP, ELECTRONS)[:900])
    with pytest.raises(ConfigError, match=r"vasprun\.xml: .*: cannot be read as vasprun\.xml: ") as error:
        read(tmp_path, "")
    assert "\n" not in str(error.value)
