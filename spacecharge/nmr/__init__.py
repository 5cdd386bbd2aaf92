"""Exchange and relaxation NMR: curves, rates, and what they say about transport.

The functions live in their modules: :mod:`~spacecharge.nmr.diffusion`, :mod:`~spacecharge.nmr.exchange`,
:mod:`~spacecharge.nmr.kinetics`, :mod:`~spacecharge.nmr.relaxation`, :mod:`~spacecharge.nmr.recovery`,
:mod:`~spacecharge.nmr.transport`, :mod:`~spacecharge.nmr.arrhenius`.

The number chains of Cheng et al., Joule 4, 1311 (2020), recomputed (``tests/nmr/test_transport.py``):

- tau_inf, tau_c at 298.15 K and D of all three compositions follow from the printed tau_c at the break and
  Ea to the rounding of the print; for Li0.2V2O5 the paper goes on from a rounded tau_inf (36.2 us printed,
  36.6 us computed).
- Both exchange current densities share one constant, 1.351 and 1.367 mA/cm2 per unit fraction.
- kT/(e i0) gives 33.4 and 62.7 Ohm cm2 (printed 33 and 63). The third does not follow: 0.13 mA/cm2 gives
  198 Ohm cm2, the printed 188 would need 0.137.
- The printed D_eff and exchanged fractions do not belong to one particle size: as spheres with a sink they
  need diameters of 97 and of 43 nm.
- 57 % and 30 % in one second are no initial rates: read as first order they are 1.48 and 1.19 times larger.
"""
