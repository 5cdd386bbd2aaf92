"""The public names and where they live: what type checkers see, and what loads when a name is first used.

Written `name as name`: editors that complete with jedi take only such names for public.
"""

from . import analytic as analytic
from . import defects as defects
from .config import load_config as load_config
from .errors import ConfigError as ConfigError
from .errors import ConvergenceError as ConvergenceError
from .errors import ModelError as ModelError
from .errors import SpaceChargeError as SpaceChargeError
from .fitting import fit as fit
from .lattice import Lattice as Lattice
from .lattice import LatticeSolution as LatticeSolution
from .lattice import LatticeSpecies as LatticeSpecies
from .lattice import solve_lattice as solve_lattice
from .library import materials as materials
from .model import Contact as Contact
from .model import End as End
from .model import Layer as Layer
from .model import Stack as Stack
from .model.charge_transfer import ChargeTransfer as ChargeTransfer
from .model.charge_transfer import apparent_activation_energy as apparent_activation_energy
from .solver.arcs import Arc as Arc
from .solver.arcs import impedance_arcs as impedance_arcs
from .solver.bias import cell_voltage as cell_voltage
from .solver.bias import contact_current_density as contact_current_density
from .solver.bias import current_density as current_density
from .solver.bias import differential_resistance as differential_resistance
from .solver.bias import layer_voltage as layer_voltage
from .solver.bias import overpotential as overpotential
from .solver.bias import voltage as voltage
from .solver.bulk import activation_energy as activation_energy
from .solver.bulk import barrier as barrier
from .solver.bulk import brick_layer_conductivity as brick_layer_conductivity
from .solver.bulk import concentration as concentration
from .solver.bulk import conductivity as conductivity
from .solver.bulk import fermi_level as fermi_level
from .solver.bulk import grain_boundary_resistance as grain_boundary_resistance
from .solver.bulk import plane_charge as plane_charge
from .solver.bulk import plane_occupancy as plane_occupancy
from .solver.bulk import total_conductivity as total_conductivity
from .solver.bulk import transference_number as transference_number
from .solver.equilibrium import solve as solve
from .solver.impedance_limits import blocking_resistance as blocking_resistance
from .solver.impedance_limits import dc_resistance as dc_resistance
from .solver.impedance_limits import geometric_capacitance as geometric_capacitance
from .solver.options import SolverOptions as SolverOptions
from .solver.outputs import characteristic_frequency as characteristic_frequency
from .solver.outputs import charge as charge
from .solver.outputs import charge_balance as charge_balance
from .solver.outputs import contact_field as contact_field
from .solver.outputs import contact_occupancy as contact_occupancy
from .solver.outputs import contact_potential as contact_potential
from .solver.outputs import contact_vacancy as contact_vacancy
from .solver.outputs import debye_length as debye_length
from .solver.outputs import differential_capacitance as differential_capacitance
from .solver.outputs import excess_resistance as excess_resistance
from .solver.outputs import interface_resistance as interface_resistance
from .solver.outputs import iterations as iterations
from .solver.outputs import layer_resistance as layer_resistance
from .solver.outputs import potential_error_estimate as potential_error_estimate
from .solver.outputs import resistance as resistance
from .solver.outputs import resistance_error_estimate as resistance_error_estimate
from .solver.outputs import space_charge_potential as space_charge_potential
from .solver.outputs import space_charge_width as space_charge_width
from .solver.outputs import static_capacitance as static_capacitance
from .solver.outputs import status as status
from .solver.outputs import validity as validity
from .solver.relaxation import RelaxationTimes as RelaxationTimes
from .solver.relaxation import relaxation_times as relaxation_times
from .solver.sensitivity import sensitivities as sensitivities
from .solver.small_signal import impedance as impedance
from .solver.small_signal import impedance_error_estimate as impedance_error_estimate
from .solver.solution import Solution as Solution
from .solver.steady import SteadyState as SteadyState
from .solver.steady import steady_state as steady_state
from .solver.transfer import charge_transfer_resistance as charge_transfer_resistance
from .solver.transfer import exchange_current_density as exchange_current_density
from .solver.transfer import total_resistance as total_resistance
from .store import open_results as open_results
from .sweeping import run_sweep as run_sweep
from .sweeping.assumptions import Assumptions as Assumptions
from .sweeping.assumptions import assume as assume
from .sweeping.in_memory import SweepTable as SweepTable
from .sweeping.in_memory import sweep as sweep

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
