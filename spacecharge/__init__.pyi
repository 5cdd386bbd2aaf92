"""The public names and where they live: what type checkers see, and what loads when a name is first used.

Written ``name as name``: only so does a stub hand a name on, to type checkers and to editors that complete with jedi.
"""

from . import analytic as analytic
from . import defects as defects
from .config import load_config as load_config
from .errors import (
    ConfigError as ConfigError,
    ConvergenceError as ConvergenceError,
    ModelError as ModelError,
    SpaceChargeError as SpaceChargeError,
)
from .fitting import fit as fit
from .lattice import (
    Lattice as Lattice,
    LatticeSolution as LatticeSolution,
    LatticeSpecies as LatticeSpecies,
    solve_lattice as solve_lattice,
)
from .library import materials as materials
from .model import (
    Contact as Contact,
    End as End,
    Layer as Layer,
    Stack as Stack,
)
from .model.charge_transfer import (
    ChargeTransfer as ChargeTransfer,
    apparent_activation_energy as apparent_activation_energy,
)
from .solver.arcs import (
    Arc as Arc,
    impedance_arcs as impedance_arcs,
)
from .solver.bias import (
    cell_voltage as cell_voltage,
    contact_current_density as contact_current_density,
    current_density as current_density,
    differential_resistance as differential_resistance,
    layer_voltage as layer_voltage,
    overpotential as overpotential,
    voltage as voltage,
)
from .solver.bulk import (
    activation_energy as activation_energy,
    barrier as barrier,
    brick_layer_conductivity as brick_layer_conductivity,
    concentration as concentration,
    conductivity as conductivity,
    fermi_level as fermi_level,
    grain_boundary_resistance as grain_boundary_resistance,
    plane_charge as plane_charge,
    plane_occupancy as plane_occupancy,
    total_conductivity as total_conductivity,
    transference_number as transference_number,
)
from .solver.equilibrium import solve as solve
from .solver.impedance_limits import (
    blocking_resistance as blocking_resistance,
    dc_resistance as dc_resistance,
    geometric_capacitance as geometric_capacitance,
)
from .solver.options import SolverOptions as SolverOptions
from .solver.outputs import (
    characteristic_frequency as characteristic_frequency,
    charge as charge,
    charge_balance as charge_balance,
    contact_field as contact_field,
    contact_occupancy as contact_occupancy,
    contact_potential as contact_potential,
    contact_vacancy as contact_vacancy,
    debye_length as debye_length,
    differential_capacitance as differential_capacitance,
    excess_resistance as excess_resistance,
    interface_resistance as interface_resistance,
    iterations as iterations,
    layer_resistance as layer_resistance,
    potential_error_estimate as potential_error_estimate,
    resistance as resistance,
    resistance_error_estimate as resistance_error_estimate,
    space_charge_potential as space_charge_potential,
    space_charge_width as space_charge_width,
    static_capacitance as static_capacitance,
    status as status,
    validity as validity,
)
from .solver.relaxation import (
    RelaxationTimes as RelaxationTimes,
    relaxation_times as relaxation_times,
)
from .solver.sensitivity import sensitivities as sensitivities
from .solver.small_signal import (
    impedance as impedance,
    impedance_error_estimate as impedance_error_estimate,
)
from .solver.solution import Solution as Solution
from .solver.steady import (
    SteadyState as SteadyState,
    steady_state as steady_state,
)
from .solver.transfer import (
    charge_transfer_resistance as charge_transfer_resistance,
    exchange_current_density as exchange_current_density,
    total_resistance as total_resistance,
)
from .store import open_results as open_results
from .sweeping import run_sweep as run_sweep
from .sweeping.assumptions import (
    Assumptions as Assumptions,
    assume as assume,
)
from .sweeping.in_memory import (
    SweepTable as SweepTable,
    sweep as sweep,
)

__version__: str
