"""Bulk defect chemistry: formation energies in, Fermi level and concentrations out.

``sc.defects`` is its public part. What is solved, and in which signs, stands in :func:`equilibrium`.
"""

from .bands import DensityOfStates, EffectiveBands
from .neutral_bulk import Equilibrium, EquilibriumError, StateConcentration, equilibrium
from .py_sc_fermi import to_py_sc_fermi
from .read_yaml import defects_of_mapping
from .reading import read_defects
from .recognise import is_mapping
from .scanning import Scan, scan
from .system import ChargeState, Defect, DefectSystem, FixedCharge, lithium_from_name

__all__ = [
    "ChargeState",
    "Defect",
    "DefectSystem",
    "DensityOfStates",
    "EffectiveBands",
    "Equilibrium",
    "EquilibriumError",
    "FixedCharge",
    "Scan",
    "StateConcentration",
    "defects_of_mapping",
    "equilibrium",
    "is_mapping",
    "lithium_from_name",
    "read_defects",
    "scan",
    "to_py_sc_fermi",
]
