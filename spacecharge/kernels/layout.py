"""Places in input and output rows, for kernels: the constants of `rows`, and its functions compiled."""

from __future__ import annotations

from . import rows
from ._jit import inlined
from .rows import *  # noqa: F403  # kernels find constants and functions in one place, whatever `rows` gains

contact_start = inlined(rows.contact_start)
contact_column = inlined(rows.contact_column)
plane_start = inlined(rows.plane_start)
end_start = inlined(rows.end_start)
species_start = inlined(rows.species_start)
row_size = inlined(rows.row_size)
face_size = inlined(rows.face_size)
block_size = inlined(rows.block_size)
capacitance_start = inlined(rows.capacitance_start)
output_size = inlined(rows.output_size)
