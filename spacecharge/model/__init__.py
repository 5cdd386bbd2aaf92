"""What is solved: frozen descriptions of species, layers and stacks, and their arrays in SI units."""

from .layer import ARRHENIUS_REFERENCE_K, Contact, End, Layer, Stack
from .parameters import StackParameters, stack_parameters
from .statistics import Statistics, Transport

__all__ = [
    "ARRHENIUS_REFERENCE_K",
    "Contact",
    "End",
    "Layer",
    "Stack",
    "StackParameters",
    "Statistics",
    "Transport",
    "stack_parameters",
]
