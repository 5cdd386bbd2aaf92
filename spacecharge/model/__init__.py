"""What is solved: frozen descriptions of species, layers and stacks, and their arrays in SI units."""

from ..codes import EndKind, Statistics, Transport
from .layer import ARRHENIUS_REFERENCE_K, Contact, End, Layer, Stack
from .parameters import StackParameters, stack_parameters

__all__ = [
    "ARRHENIUS_REFERENCE_K",
    "Contact",
    "End",
    "EndKind",
    "Layer",
    "Stack",
    "StackParameters",
    "Statistics",
    "Transport",
    "stack_parameters",
]
