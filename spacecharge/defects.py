"""Public face of bulk defect chemistry: formation energies in, Fermi level and carriers out.

``sc.defects.read_defects`` reads a file, ``sc.defects.equilibrium`` solves it; the room behind it is
:mod:`spacecharge.defect_chemistry`.
"""

from .defect_chemistry import (
    ChargeState,
    Defect,
    DefectSystem,
    DensityOfStates,
    EffectiveBands,
    Equilibrium,
    EquilibriumError,
    FixedCharge,
    Scan,
    StateConcentration,
    defects_of_mapping,
    equilibrium,
    lithium_from_name,
    read_defects,
    scan,
    to_py_sc_fermi,
)

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
    "lithium_from_name",
    "read_defects",
    "scan",
    "to_py_sc_fermi",
]
