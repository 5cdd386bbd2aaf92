"""Where a number stands in the packed rows that go into and come out of the kernels, and how many rows those work on.

Free of numba: the faces count with these functions, and `layout` and `workspace` compile them for the kernels. Each
stands on constants alone, since a compiled function cannot call one that is not.

A point of a sweep is one row of float64; packing keeps kernel signatures short (a numba call costs
about 0.2 us per array) and lets neighbours in a sweep lie next to each other in memory.

Input row:   temperature, tolerance [V], then per layer (thickness, permittivity), per inner contact
             (step, charge, sites per area and segregation energy of its plane), the two end values, then per layer and
             species (z, N, theta_b, 1 - theta_b, J_occ, J_vac, D).
Integer codes: n_layers, n_species, kind of the left and right end, then statistics and transport per
             layer and species, then per inner contact of its plane of sites: the side that it belongs to, its species
             there, and whether it is neutral at that layer's bulk occupancy.
"""

from __future__ import annotations

# Input row.
TEMPERATURE, TOLERANCE = 0, 1
LAYER_START = 2
LAYER_SIZE = 2
CONTACT_SIZE = 4
STEP, FIXED_AREAL_CHARGE, PLANE_DENSITY, PLANE_ENERGY = range(4)
SPECIES_SIZE = 7
Z, SITES, THETA, VACANCY, J_OCC, J_VAC, DIFFUSIVITY = range(7)

# Integer codes.
N_LAYERS, N_SPECIES, END_LEFT, END_RIGHT, CODE_START = range(5)
ZERO_FIELD, BULK, ELECTROSTATIC_POTENTIAL, SURFACE_CHARGE = range(4)
# Every pool of sites of a layer has a law of its own, from POOL on: species of one law share their sites.
LATTICE, DILUTE, FERMI_DIRAC, POOL = range(4)
TRANSPORT_CONSTANT, TRANSPORT_VACANCY = 0, 1
PLANE_OF, PLANE_SPECIES, PLANE_NEUTRAL, PLANE_CODES = range(4)
NO_PLANE, OF_LEFT, OF_RIGHT = range(3)

# Columns of what the statistics needs of a species of a layer (see `species.fill_species`).
(
    P_STRENGTH,
    P_Z,
    P_THETA,
    P_VACANCY,
    P_OCC,
    P_VAC,
    P_ROOT_THETA,
    P_ROOT_VACANCY,
    P_LOWEST,
    P_HIGHEST,
    P_DILUTE,
    P_CONDUCT,
    P_RESPONSE,
    SPECIES_COLUMNS,
) = range(14)

# Places in `memo`, which a thread keeps from point to point: resolution, entries of the grid and of the tail for which
# tables hold; tolerance and its resolution; effort left for the present point.
MEMO_RESOLUTION, MEMO_GRID, MEMO_TAIL, MEMO_TOLERANCE, MEMO_OWN_RESOLUTION, EFFORT, MEMO_SIZE = range(7)


def contact_start(n_layers: int) -> int:
    """Column of the step of the first inner contact."""
    return LAYER_START + LAYER_SIZE * n_layers


def contact_column(n_layers: int, contact: int) -> int:
    """Column of the step of an inner contact."""
    return LAYER_START + LAYER_SIZE * n_layers + CONTACT_SIZE * contact


def plane_start(n_layers: int, n_species: int) -> int:
    """Place of the first code of the plane in the first inner contact."""
    return CODE_START + 2 * n_layers * n_species


def end_start(n_layers: int) -> int:
    """Column of the value of the left end."""
    return LAYER_START + LAYER_SIZE * n_layers + CONTACT_SIZE * (n_layers - 1)


def species_start(n_layers: int) -> int:
    """Column of the first species of the first layer."""
    return LAYER_START + LAYER_SIZE * n_layers + CONTACT_SIZE * (n_layers - 1) + 2


def row_size(n_layers: int, n_species: int) -> int:
    """Length of an input row."""
    contacts = CONTACT_SIZE * (n_layers - 1)
    return LAYER_START + LAYER_SIZE * n_layers + contacts + 2 + SPECIES_SIZE * n_layers * n_species


# Output row: head, then a block per layer, then two capacitances per face plane (left end, inner contacts, right end).
STATUS, ITERATIONS, ELEMENTS, POTENTIAL_ERROR, RESISTANCE_ERROR, BALANCE, VALIDITY, HEAD_SIZE = range(8)
CHARGE, DEBYE, RESISTANCE, EXCESS, REGION, CENTRE, FACE_START = range(7)
# Per face (left, right): potential against bulk, field, resistance of the region, then per species three numbers.
FACE_POTENTIAL, FACE_FIELD, FACE_RESISTANCE, FACE_SPECIES = range(4)
FACE_THETA, FACE_VACANCY, FACE_WIDTH, FACE_SPECIES_SIZE = range(4)
DIFFERENTIAL, STATIC, PLANE_SIZE = range(3)


def face_size(n_species: int) -> int:
    """Numbers per face of a layer."""
    return FACE_SPECIES + FACE_SPECIES_SIZE * n_species


def block_size(n_species: int) -> int:
    """Numbers per layer in an output row."""
    return FACE_START + 2 * (FACE_SPECIES + FACE_SPECIES_SIZE * n_species)


def capacitance_start(n_layers: int, n_species: int) -> int:
    """Column of the capacitances of the left end."""
    return HEAD_SIZE + n_layers * (FACE_START + 2 * (FACE_SPECIES + FACE_SPECIES_SIZE * n_species))


def output_size(n_layers: int, n_species: int) -> int:
    """Length of an output row."""
    blocks = n_layers * (FACE_START + 2 * (FACE_SPECIES + FACE_SPECIES_SIZE * n_species))
    return HEAD_SIZE + blocks + PLANE_SIZE * (n_layers + 1)


# The work array (its rows are named in `workspace`): entries of a row, elements of a mesh, rows shared by all species
# and rows of each species.
STRIDE = 8200
CAPACITY = 8192
WORK_SHARED, WORK_SPECIES = 45, 29


def species_row(s: int) -> int:
    """First row of species `s` in the work array."""
    return WORK_SHARED + WORK_SPECIES * s


def table_row(layer: int, side: int, n_species: int) -> int:
    """First row of the table of one side of a layer: |y|, |dy/dx|, its derivative by |y|, every Delta, d Delta/d|y|."""
    return WORK_SHARED + WORK_SPECIES * n_species + (3 + 2 * n_species) * (2 * layer + side)


def side_row(side: int, n_layers: int, n_species: int) -> int:
    """First row of the elements seen from a contact inwards (see `grading.grade_side`)."""
    tables = (3 + 2 * n_species) * 2 * n_layers
    return WORK_SHARED + WORK_SPECIES * n_species + tables + (4 + 2 * n_species) * side


def n_rows(n_layers: int, n_species: int) -> int:
    """Rows of a work array for so many layers and species."""
    tables = (3 + 2 * n_species) * 2 * n_layers
    return WORK_SHARED + WORK_SPECIES * n_species + tables + (4 + 2 * n_species) * 2
