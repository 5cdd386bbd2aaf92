"""Exchange and relaxation NMR: curves, rates, and what they say about transport.

The functions live in their modules: :mod:`~spacecharge.nmr.diffusion`, :mod:`~spacecharge.nmr.exchange`,
:mod:`~spacecharge.nmr.kinetics`, :mod:`~spacecharge.nmr.relaxation`, :mod:`~spacecharge.nmr.recovery`,
:mod:`~spacecharge.nmr.transport`, :mod:`~spacecharge.nmr.arrhenius`.
"""
