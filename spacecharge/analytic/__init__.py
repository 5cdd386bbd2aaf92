"""The oracle: closed forms and the first integral, independent of the solver.

Nothing here shares code with the kernels; the model room is all that both read.
"""

from .balance import contact_drops, potential_of_charge
from .closed_forms import (
    debye_hueckel_potential,
    gouy_chapman_debye_length,
    gouy_chapman_excess,
    gouy_chapman_potential,
    grahame_charge,
    kornyshev_capacitance,
    lattice_capacitance,
    lattice_debye_length,
    mott_schottky_resistance,
    mott_schottky_width,
    poisson_fermi_dirac,
    small_signal_capacitance,
    thermal_voltage,
)
from .contact_state import ContactState, first_integral
from .laws import Side, make_side
from .profile import SideProfile, side_profile
from .stability import critical_interaction, spinodal, spinodal_log_odds

__all__ = [
    "ContactState",
    "Side",
    "SideProfile",
    "contact_drops",
    "critical_interaction",
    "debye_hueckel_potential",
    "first_integral",
    "gouy_chapman_debye_length",
    "gouy_chapman_excess",
    "gouy_chapman_potential",
    "grahame_charge",
    "kornyshev_capacitance",
    "lattice_capacitance",
    "lattice_debye_length",
    "make_side",
    "mott_schottky_resistance",
    "mott_schottky_width",
    "poisson_fermi_dirac",
    "potential_of_charge",
    "side_profile",
    "small_signal_capacitance",
    "spinodal",
    "spinodal_log_odds",
    "thermal_voltage",
]
