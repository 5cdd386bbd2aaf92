"""Planes of lattice sites: a grain boundary solved site by site, on a small kernel of its own."""

from __future__ import annotations

from .observables import OUTPUTS, PROFILES
from .planes import build_planes, notes_of, summary_of
from .problem import BOUNDARIES, CLOSURES, Lattice, LatticeSpecies
from .sites import Site, Sites, read_sites
from .solving import LatticePoints, LatticeSolution, lattice_paths, solve_lattice, solve_lattice_points, status_message

__all__ = [
    "BOUNDARIES",
    "CLOSURES",
    "OUTPUTS",
    "PROFILES",
    "Lattice",
    "LatticePoints",
    "LatticeSolution",
    "LatticeSpecies",
    "Site",
    "Sites",
    "build_planes",
    "lattice_paths",
    "notes_of",
    "read_sites",
    "solve_lattice",
    "solve_lattice_points",
    "status_message",
    "summary_of",
]
