"""Which row or column of the arrays of the kernels holds what; plain numbers, no numba."""

from __future__ import annotations

# Columns of `planes`: 1/spacing to the left and right neighbour [1/m] (an end row may carry a factor), share of the
# uniform background [1], weights of the gauge over planes of the first mobile species and over all planes [1], charge
# of the perfect lattice [e].
LOWER, UPPER, SHARE, GAUGE_CARRIER, GAUGE_ALL, SITE_CHARGE = range(6)
# Columns of `groups` (sites of one kind in one plane): plane, first entry, entry after the last, number of sites.
PLANE, FIRST, END, COUNT = range(4)
# Columns of `entries` (a defect on a group): species, segregation energy [eV], weight in the bulk mean of its species,
# group.
SPECIES, ENERGY, WEIGHT, GROUP = range(4)
# Columns of a point: temperature [K], e/kT [1/V], capacitance of two planes times their distance [e m/V]; then per
# species: charge number, mole fraction asked for, temperature at which it freezes [K] (0: never, infinity: it never
# moves), ln of its mole fraction over that of free sites.
TEMPERATURE, BETA, COUPLING, PER_SPECIES = range(4)
CHARGE, FRACTION, FROZEN, START_ODDS, SPECIES_COLUMNS = range(5)
# Rows of the species table of one stage: charge number, whether it moves, ln of mole fraction over free fraction, mole
# fraction asked for, whether its odds are adjusted, change of its odds with the parameter in question,
# odds to come back to.
Z, MOBILE, ODDS, ASKED, ADJUSTED, CHANGE, FIRST_ODDS, SPECIES_ROWS = range(8)
# Rows of the arrays over planes and over entries that a solve leaves.
PHI, SLOPE = range(2)
OCCUPANCY, REST, OCCUPANCY_SLOPE = range(3)
# Rows of the work array over planes.
RESIDUAL, CURVATURE, PIVOT, RIGHT, LAST, BELOW, STEP, TRIAL, START, COLUMNS = range(10)
# Columns of the output row.
STATUS, ITERATIONS, LAST_STEP, BACKGROUND, SCALARS = range(5)
PERIODIC, UNIFORM = range(2)

SOLVED, NOT_CONVERGED, INVALID, INACCURATE = 0, 1, 3, 4
"""Entries of the status table that a solve of planes can end with."""
