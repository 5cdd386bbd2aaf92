"""Physical constants, CODATA 2022 (a test holds them against ``scipy.constants``)."""

ELEMENTARY_CHARGE = 1.602176634e-19
"""Elementary charge e [C], exact."""

BOLTZMANN = 1.380649e-23
"""Boltzmann constant k [J/K], exact."""

BOLTZMANN_EV = BOLTZMANN / ELEMENTARY_CHARGE
"""Boltzmann constant over the elementary charge [eV/K]."""

AVOGADRO = 6.02214076e23
"""Avogadro constant [1/mol], exact."""

PLANCK_REDUCED = 1.054571817646156391e-34
"""Reduced Planck constant hbar [J s], exact up to rounding."""

ELECTRON_MASS = 9.1093837139e-31
"""Electron mass [kg]."""

VACUUM_PERMITTIVITY = 8.8541878188e-12
"""Electric constant eps0 [F/m]."""

VACUUM_PERMEABILITY = 1.25663706127e-6
"""Magnetic constant mu0 [N/A^2]."""

FARADAY = ELEMENTARY_CHARGE * AVOGADRO
"""Faraday constant F [C/mol]."""

GAS_CONSTANT = BOLTZMANN * AVOGADRO
"""Molar gas constant R [J/(mol K)]."""

NM = 1e-9
"""One nanometre [m]."""

CM2 = 1e-4
"""One square centimetre [m2]."""

PER_NM3 = 1e27
"""One per cubic nanometre [m^-3]."""
