"""Impedance about a state with current, one component a layer."""

from __future__ import annotations

from ._jit import kernel
from .signal_pass import impedances


@kernel
def drift_spectrum(omegas, meshes, order, counts, contacts, held, out):
    """Fill `out` as `signal_chain.spectrum` does, for at most one component a layer."""
    firsts, elements, values, which = meshes
    for i in range(omegas.shape[0]):
        mesh = (firsts[which[i]], firsts[0], elements, values)
        impedances(omegas[i], mesh, order, counts, contacts, held, out[i], True)
