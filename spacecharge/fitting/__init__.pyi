"""The names of this room and where they live: what type checkers see, and what loads when a name is first used."""

from .least_squares import Estimate, Parameter, Problem, minimise
from .result import FitResult, Value
from .run import fit
from .uncertainty import bootstrap, profile, propagate

__all__ = [
    "Estimate",
    "FitResult",
    "Parameter",
    "Problem",
    "Value",
    "bootstrap",
    "fit",
    "minimise",
    "profile",
    "propagate",
]
