"""The bridge to py-sc-fermi (extra ``defects``): its reader of vasprun.xml, and systems handed over to it.

References
----------
.. [1] A. G. Squires, D. O. Scanlon, B. J. Morgan, J. Open Source Softw. 8, 4962 (2023). DOI 10.21105/joss.04962.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from .bands import DensityOfStates
from .system import DefectSystem


def _module(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"py_sc_fermi.{name}")
    except ImportError:
        raise ModelError("needs py-sc-fermi: pip install spacecharge[defects]") from None


def density_of_states_from_vasprun(
    file: Path, band_gap_eV: float | None, electrons_per_cell: float | None, quadrature: str
) -> DensityOfStates:
    """Read the density of states of a ``vasprun.xml`` by py-sc-fermi; gap and electrons default to the file's.

    Raises
    ------
    ModelError
        py-sc-fermi is not there, or cannot read the file.
    """
    dos = _module("dos").DOS
    try:
        read = dos.from_vasprun(str(file), nelect=electrons_per_cell)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"cannot be read as vasprun.xml: {reason}", "density_of_states") from None
    return DensityOfStates(
        energy_eV=np.asarray(read.edos, dtype=float),
        states_per_eV=np.asarray(read.dos, dtype=float),
        band_gap_eV=float(read.bandgap if band_gap_eV is None else band_gap_eV),
        electrons_per_cell=float(read.nelect if electrons_per_cell is None else electrons_per_cell),
        quadrature=quadrature,
    )


def to_py_sc_fermi(system: DefectSystem, temperature_K: float | None = None) -> Any:
    """Return the same defects as a ``py_sc_fermi.defect_system.DefectSystem``, at the reference potential.

    Parameters
    ----------
    system : DefectSystem
        Dilute, with a density of states.
    temperature_K : float, optional
        Temperature [K]. Default: the system's.

    Returns
    -------
    py_sc_fermi.defect_system.DefectSystem
        Its own object, for its own analysis (transition levels, ...).

    Raises
    ------
    ModelError
        py-sc-fermi is not there, or does not know what the system holds (pools, effective masses).
    """
    if not isinstance(system.bands, DensityOfStates):
        raise ModelError("py-sc-fermi needs a density of states", "electrons")
    if system.statistics != "dilute" or system.pools:
        raise ModelError("py-sc-fermi knows dilute statistics only", "statistics")
    states, species = _module("defect_charge_state").DefectChargeState, _module("defect_species").DefectSpecies
    per_cell = system.cell_volume_A3 * 1e-24
    defects = []
    for defect in system.defects:
        own = {
            int(s.charge): states(
                charge=int(s.charge),
                degeneracy=s.degeneracy,
                energy=s.formation_energy_eV,
                fixed_concentration=_scaled(s.fixed_concentration_per_cm3, per_cell),
            )
            for s in defect.states
        }
        total = _scaled(defect.fixed_concentration_per_cm3, per_cell)
        defects.append(species(defect.name, defect.sites_per_cell, own, fixed_concentration=total))
    for fixed in system.fixed_charges:
        held = _scaled(fixed.concentration_per_cm3, per_cell)
        state = states(charge=fixed.charge, degeneracy=1, fixed_concentration=held)
        defects.append(species(fixed.name, 1, {fixed.charge: state}))
    bands = system.bands
    dos = _module("dos").DOS(
        dos=np.asarray(bands.states_per_eV, dtype=float),
        edos=np.asarray(bands.energy_eV, dtype=float),
        bandgap=bands.band_gap_eV,
        nelect=bands.electrons_per_cell,
        spin_polarised=np.ndim(bands.states_per_eV) == 2,
    )
    return _module("defect_system").DefectSystem(
        defect_species=defects,
        dos=dos,
        volume=system.cell_volume_A3,
        temperature=system.temperature_K if temperature_K is None else temperature_K,
    )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
