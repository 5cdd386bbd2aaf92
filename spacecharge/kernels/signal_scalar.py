"""Impedance of a stack at rest with one component a layer: nearly all spectra are of this kind."""

from __future__ import annotations

from ._jit import kernel
from .signal_pass import impedances


@kernel
def scalar_spectrum(omegas, meshes, order, counts, contacts, held, out):
    """Fill `out` as `signal_chain.spectrum` does, for at most one component a layer, at rest."""
    firsts, elements, values, which = meshes
    for i in range(omegas.shape[0]):
        mesh = (firsts[which[i]], firsts[0], elements, values)
        impedances(omegas[i], mesh, order, counts, contacts, held, out[i], None)
