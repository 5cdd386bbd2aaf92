"""The public names and where they live: what type checkers see, and what loads when a name is first used."""

from . import analytic, defects
from .config import load_config
from .errors import (
    ConfigError,
    ConvergenceError,
    ModelError,
    SpaceChargeError,
)
from .fitting import fit
from .lattice import Lattice, LatticeSolution, LatticeSpecies, solve_lattice
from .library import materials
from .model import (
    Contact,
    End,
    Layer,
    Stack,
)
from .model.charge_transfer import ChargeTransfer, apparent_activation_energy
from .solver.arcs import Arc, impedance_arcs
from .solver.bias import (
    cell_voltage,
    contact_current_density,
    current_density,
    differential_resistance,
    layer_voltage,
    overpotential,
    voltage,
)
from .solver.bulk import (
    activation_energy,
    barrier,
    brick_layer_conductivity,
    concentration,
    conductivity,
    fermi_level,
    grain_boundary_resistance,
    plane_charge,
    plane_occupancy,
    total_conductivity,
    transference_number,
)
from .solver.equilibrium import solve
from .solver.impedance_limits import blocking_resistance, dc_resistance, geometric_capacitance
from .solver.options import SolverOptions
from .solver.outputs import (
    characteristic_frequency,
    charge,
    charge_balance,
    contact_field,
    contact_occupancy,
    contact_potential,
    contact_vacancy,
    debye_length,
    differential_capacitance,
    excess_resistance,
    interface_resistance,
    iterations,
    layer_resistance,
    potential_error_estimate,
    resistance,
    resistance_error_estimate,
    space_charge_potential,
    space_charge_width,
    static_capacitance,
    status,
    validity,
)
from .solver.relaxation import RelaxationTimes, relaxation_times
from .solver.sensitivity import sensitivities
from .solver.small_signal import impedance, impedance_error_estimate
from .solver.solution import Solution
from .solver.steady import SteadyState, steady_state
from .solver.transfer import charge_transfer_resistance, exchange_current_density, total_resistance
from .store import open_results
from .sweeping import run_sweep
from .sweeping.assumptions import Assumptions, assume
from .sweeping.in_memory import SweepTable, sweep

__all__ = [
    "Arc",
    "Assumptions",
    "ChargeTransfer",
    "ConfigError",
    "Contact",
    "ConvergenceError",
    "End",
    "Lattice",
    "LatticeSolution",
    "LatticeSpecies",
    "Layer",
    "ModelError",
    "RelaxationTimes",
    "Solution",
    "SolverOptions",
    "SpaceChargeError",
    "Stack",
    "SteadyState",
    "SweepTable",
    "__version__",
    "activation_energy",
    "analytic",
    "apparent_activation_energy",
    "assume",
    "barrier",
    "blocking_resistance",
    "brick_layer_conductivity",
    "cell_voltage",
    "characteristic_frequency",
    "charge",
    "charge_balance",
    "charge_transfer_resistance",
    "concentration",
    "conductivity",
    "contact_current_density",
    "contact_field",
    "contact_occupancy",
    "contact_potential",
    "contact_vacancy",
    "current_density",
    "dc_resistance",
    "debye_length",
    "defects",
    "differential_capacitance",
    "differential_resistance",
    "excess_resistance",
    "exchange_current_density",
    "fermi_level",
    "fit",
    "geometric_capacitance",
    "grain_boundary_resistance",
    "impedance",
    "impedance_arcs",
    "impedance_error_estimate",
    "interface_resistance",
    "iterations",
    "layer_resistance",
    "layer_voltage",
    "load_config",
    "materials",
    "open_results",
    "overpotential",
    "plane_charge",
    "plane_occupancy",
    "potential_error_estimate",
    "relaxation_times",
    "resistance",
    "resistance_error_estimate",
    "run_sweep",
    "sensitivities",
    "solve",
    "solve_lattice",
    "space_charge_potential",
    "space_charge_width",
    "static_capacitance",
    "status",
    "steady_state",
    "sweep",
    "total_conductivity",
    "total_resistance",
    "transference_number",
    "validity",
    "voltage",
]

__version__: str
