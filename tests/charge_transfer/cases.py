"""The three interfaces of Cheng et al., Joule 2020, as stacks and as fits."""

from __future__ import annotations

import numpy as np

import spacecharge as sc
from spacecharge.config.interface_fit import InterfaceFitConfig
from spacecharge.document.yaml import parse_document
from spacecharge.fitting.load import check_fit_document
from spacecharge.model import stack_parameters
from spacecharge.model.charge_transfer import ChargeTransfer, calibrated_rate_constant
from spacecharge.solver.equilibrium import solve_points
from spacecharge.solver.transfer import transfer_scalars

ROOM, WARM = 298.15, 363.15
NEUTRAL_I0 = 7.7
"""0.77 mA/cm2 of LiV2O5 | LAGP [A m-2]."""

POTENTIALS = {"LiV2O5": 3.0, "Li2V2O5": 2.4, "Li0.2V2O5": 3.4}


def stack(potential: float = 3.0, interaction: float = 0.10, **changes: float) -> sc.Stack:
    """Return LixV2O5 | LAGP; keywords change the electrode."""
    energies = {"occupied_eV": interaction, "vacancy_eV": interaction}
    return sc.Stack(
        (
            sc.Layer(
                name="electrode",
                material="LixV2O5",
                potential_V=potential,
                thickness_nm=30.0,
                interaction=energies,
                **changes,
            ),
            sc.Layer(name="electrolyte", material="LAGP", thickness_nm=30.0, interaction=energies),
        )
    )


def law(interaction: float = 0.10, alpha: float = 0.5) -> ChargeTransfer:
    """Return the law calibrated by the neutral interface."""
    rate = calibrated_rate_constant(stack(3.0, interaction), "electrode|electrolyte", NEUTRAL_I0, symmetry_factor=alpha)
    return ChargeTransfer(rate_constant=float(rate), activation_energy_eV=0.315, symmetry_factor=alpha)


def transfer(interaction: float, alpha: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Return i0 [A m-2] and total resistance [ohm m2] of the interfaces (rows) at both temperatures (columns)."""
    potentials = np.repeat(list(POTENTIALS.values()), 2)
    temperatures = np.tile([ROOM, WARM], len(POTENTIALS))
    p = stack_parameters(stack(3.0, interaction), {"electrode.potential_V": potentials, "temperature_K": temperatures})
    scalars = solve_points(p, tolerance_V=1e-9, resistance_of=("electrolyte",)).scalars
    assert (scalars["status"] == 0).all()
    values = transfer_scalars([law(interaction, alpha)], p, scalars)
    return values["exchange_current_density"][:, 0].reshape(-1, 2), values["total_resistance"].reshape(-1, 2)


BASE = """
fit: interface
layers:
  electrode: {material: LixV2O5, potential_V: 3.0, thickness_nm: 30}
  electrolyte: {material: LAGP, thickness_nm: 30}
contacts:
  - charge_transfer:
      calibrate:
        contact: electrode|electrolyte
        exchange_current_density_mA_per_cm2: 0.77
        at: {electrode.potential_V: 3.0}
      activation_energy_eV: 0.315
output: {resistance_of: [electrolyte]}
"""

INTERACTION = """
  interaction_eV:
    paths: [electrode.interaction.occupied_eV, electrode.interaction.vacancy_eV,
            electrolyte.interaction.occupied_eV, electrolyte.interaction.vacancy_eV]
    initial: 0.08
    min: 0.0
    max: 0.5
"""
RATE = "  rate_constant_per_m2_s: {paths: [contacts.0.charge_transfer.rate_constant_per_m2_s]}\n"
ALPHA = "  symmetry_factor: {paths: [contacts.0.charge_transfer.symmetry_factor], min: 0.02, max: 0.98}\n"


def fit_config(text: str) -> InterfaceFitConfig:
    """Return a checked configuration of a fit: `text` follows the base."""
    config = check_fit_document(parse_document(BASE + text, "test.yaml"))
    assert isinstance(config, InterfaceFitConfig)
    return config


def grid_text(temperatures: tuple[float, ...] = (ROOM, WARM), sigma: float = 0.05) -> str:
    """Return resistances (of value 1) at six potentials and some temperatures."""
    lines = ["interfaces:"]
    for potential in (2.4, 2.6, 2.8, 3.0, 3.2, 3.4):
        lines.append(f"  U{potential}:")
        lines.append(f"    at: {{electrode.potential_V: {potential}}}")
        data = ", ".join(f"{{value: 1.0, sigma: {sigma}, temperature_K: {t}}}" for t in temperatures)
        lines.append(f"    resistance_ohm_cm2: [{data}]")
    return "\n".join(lines) + "\n"
