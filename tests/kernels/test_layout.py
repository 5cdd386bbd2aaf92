"""The faces count rows and columns in plain Python; the kernels' own counts have the last word."""

import pytest
from oracles.cases import cheng_stack, swift_stack

from spacecharge.kernels import layout, workspace
from spacecharge.model import stack_parameters
from spacecharge.solver.output import output_width
from spacecharge.solver.packing import pack_rows
from spacecharge.solver.prepared import used_rows, work_rows

STACKS = [cheng_stack(22.4, 0.1, 3.4, 0.2), swift_stack(0.1, 30.0, 0.01, 50.0)]


@pytest.mark.parametrize("stack", STACKS, ids=["two layers", "two species"])
def test_faces_and_kernels_count_alike(stack):
    p = stack_parameters(stack)
    rows, codes = pack_rows(p, 1e-6)
    assert rows.shape[1] == layout.row_size(p.n_layers, p.n_species)
    assert codes.size == layout.plane_start(p.n_layers, p.n_species) + layout.PLANE_CODES * (p.n_layers - 1)
    assert output_width(p) == layout.output_size(p.n_layers, p.n_species)
    assert used_rows(p.n_species) == workspace.table_row(0, 0, p.n_species)
    assert work_rows(p.n_layers, p.n_species) == workspace.n_rows(p.n_layers, p.n_species)
