"""Rows of the work array: one flat float64 array holds everything that a solve touches.

Entry ``e`` of row ``r`` is ``work[r * STRIDE + e]``. With one array and a stride known at compile time LLVM sees that
rows do not overlap and vectorises the loops over elements; with thirty arrays it gives up on the checks. The stride
is not a power of two, so that rows do not compete for the same lines of the cache.
Nodal quantities take five rows (see `element`), quantities of elements and of their end points one.
"""

from __future__ import annotations

from . import rows
from ._jit import inlined

STRIDE = rows.STRIDE
CAPACITY = rows.CAPACITY
"""Largest number of elements of a mesh."""

Y = 0  # potential against the neutral bulk of the own layer, e v / kT
CHARGE = 5  # -> charge density, in units of eps0 eps_ref kT / e [m^-2]
SLOPE = 10  # - d charge / d y [m^-2]
STEP = 15  # Newton step of y
SHAPE_LEFT = 20  # response of the three mid nodes to the left end point of the element
SHAPE_RIGHT = 23
MID = 26  # mid nodes at fixed end points
TOTAL = 15  # conductivity at nodes [S/m], then sigma_b/sigma - 1, where a step is no longer needed
CHANGE = 20  # conductivity minus that of the bulk at nodes
EXCESS = 28  # int (sigma_b/sigma - 1) dx of an element [m]
SIZE = 29  # length of the element [m]
STIFFNESS = 30  # eps / eps_ref / length
STRENGTH = 31  # length^2 / (eps / eps_ref)
LAYER = 32  # index of the layer of the element
DIAGONAL = 33  # end points, 0 .. n_elements
OFF = 34
RHS = 35
JUMP = 36  # y right of an end point minus y left of it
SOURCE = 37  # areal charge sitting at an end point, / (eps0 eps_ref kT / e) [m^-1]
FIRST = 38  # per layer: first element
GRID = 39  # |Delta| at which layers are tabulated, the same for all of them (see `tables.extend_grid`)
TAIL_X = 40  # element ends in an exponential tail, in Debye lengths from its start
TAIL_STEP = 41
TAIL_DECAY = 42  # exp(-x) there
PLANES = 43  # numbers of the planes of sites, contact by contact (see `planes`)
PLANE_STIFFNESS = 44  # response of the plane at an end point
SPECIES_START = rows.WORK_SHARED

# Per species.
DELTA = 0  # u minus bulk u at nodes, u = ln[theta / (1 - theta)]
PULL = 5  # inner Newton step of Delta at fixed y, with sign
RATE = 10  # - d Delta / d y
STRENGTH_Z, CHARGE_Z, THETA_B, VACANCY_B, OCC, VAC, ROOT_THETA, ROOT_VACANCY, LOWEST, HIGHEST = range(15, 25)
STRENGTH_DILUTE = 25
CONDUCT, KEEP, BLOCK = (
    26,
    27,
    28,
)  # conductivity over theta [S/m]; 1, 0 for constant D or 0, 1/(1 - theta_b) for vacancy
SPECIES_ROWS = rows.WORK_SPECIES


species_row = inlined(rows.species_row)
table_row = inlined(rows.table_row)
side_row = inlined(rows.side_row)
n_rows = inlined(rows.n_rows)


@inlined
def padded(n):
    """Return the number of elements in whole groups of eight, so that vector loops have no remainder."""
    return (n + 7) // 8 * 8


@inlined
def row_of(work, row):
    """Return row `row` as an array of its own."""
    return work[row * STRIDE : (row + 1) * STRIDE]
