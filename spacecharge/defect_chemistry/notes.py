"""What a reader of an equilibrium should know: where a law is asked for more than it knows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .bands import EffectiveBands
from .fermi_dirac import DEGENERATE
from .system import PER_CM3, DefectSystem

if TYPE_CHECKING:
    from .neutral_bulk import StateConcentration

DILUTE_LIMIT = 0.1
"""Dilute statistics of a defect on more than this share of its sites is no longer sound: said in a note."""


def notes_on(
    system: DefectSystem,
    level: float,
    states: tuple[StateConcentration, ...],
    frozen_totals: Mapping[str, float],
    carriers: tuple[float, float],
    kelvin: float,
) -> list[str]:
    """Return what is out of the range of the laws used."""
    notes = []
    if system.bands is None:
        notes.append("without electrons and holes: no density of states and no electrons: {band_gap_eV, ...} given")
    if isinstance(system.bands, EffectiveBands) and not system.bands.is_degenerate:
        filled = zip(carriers, system.bands.log_effective_densities(kelvin), ("electrons", "holes"), strict=True)
        for log_density, log_states, word in filled:
            if log_density - log_states > math.log(DEGENERATE):
                share = math.exp(min(log_density - log_states, 700.0))
                notes.append(
                    f"{word} fill {share:.3g} of their effective density of states: Boltzmann statistics overestimates "
                    "them (carrier_statistics: fermi_dirac)"
                )
    if system.bands is not None and not 0.0 <= level <= system.bands.band_gap_eV:
        band = "valence" if level < 0.0 else "conduction"
        notes.append(f"the Fermi level ({level:.4g} eV) lies in the {band} band: the material is degenerate")
    for defect in system.defects:
        held = defect.name in frozen_totals or defect.fixed_concentration_per_cm3 is not None
        if system.statistics == "dilute" and defect.pool is None and not held:
            total = math.fsum(s.per_cm3 for s in states if s.defect == defect.name)
            share = total * PER_CM3 / system.density_per_m3(defect.sites_per_cell)
            if share > DILUTE_LIMIT:
                notes.append(
                    f"{defect.name} fills {100.0 * share:.3g} % of its sites: dilute statistics overestimates it "
                    "(statistics: pool)"
                )
    return notes
