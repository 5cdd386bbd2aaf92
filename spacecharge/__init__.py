"""spacecharge: space-charge layers in all-solid-state batteries.

The public names load on first use, so that ``import spacecharge`` stays light: numba, h5py,
matplotlib, xarray and pydantic come in only with the function that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Contact": "model",
    "End": "model",
    "Layer": "model",
    "Stack": "model",
    "materials": "library",
    "load_config": "config",
    "Solution": "solver.solution",
    "SolverOptions": "solver.options",
    "solve": "solver.equilibrium",
    "run_sweep": "sweeping",
    "sensitivities": "solver.sensitivity",
    "open_results": "store",
    "fit": "fitting",
    "ChargeTransfer": "model.charge_transfer",
    "apparent_activation_energy": "model.charge_transfer",
    "exchange_current_density": "solver.transfer",
    "charge_transfer_resistance": "solver.transfer",
    "total_resistance": "solver.transfer",
    "SpaceChargeError": "errors",
    "ConvergenceError": "errors",
    "ConfigError": "errors",
    "ModelError": "errors",
}
_OBSERVABLES = (
    "contact_potential",
    "contact_field",
    "space_charge_potential",
    "contact_occupancy",
    "contact_vacancy",
    "space_charge_width",
    "resistance",
    "charge",
    "debye_length",
    "layer_resistance",
    "excess_resistance",
    "interface_resistance",
    "static_capacitance",
    "differential_capacitance",
    "characteristic_frequency",
    "potential_error_estimate",
    "resistance_error_estimate",
    "charge_balance",
    "validity",
)

_MODULES = {"defects": "defect_chemistry"}
"""Public names that are rooms themselves."""

__all__ = [*_HOMES, *_OBSERVABLES, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    elif name in _OBSERVABLES:
        value = getattr(import_module(".solver.observables", __name__), name)
    elif name in _MODULES:
        value = import_module(f".{_MODULES[name]}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
