"""One layout: what the faces pack is as long as the kernels count, and no two things share a place."""

import numpy as np
import pytest

from spacecharge.kernels import layout, rows, workspace
from spacecharge.model import stack_parameters
from spacecharge.solver.packing import pack_rows
from spacecharge.solver.prepared import used_rows, work_rows
from tests.oracles.cases import cheng_stack, swift_stack

STACKS = [cheng_stack(22.4, 0.1, 3.4, 0.2), swift_stack(0.1, 30.0, 0.01, 50.0)]


@pytest.mark.parametrize("stack", STACKS, ids=["two layers", "two species"])
def test_packed_rows_fill_the_layout(stack):
    p = stack_parameters(stack)
    packed, codes = pack_rows(p, 1e-6)
    assert packed.shape[1] == layout.row_size(p.n_layers, p.n_species)
    assert np.isfinite(packed[:, : layout.species_start(p.n_layers)]).all()
    assert codes.size == layout.plane_start(p.n_layers, p.n_species) + layout.PLANE_CODES * (p.n_layers - 1)


@pytest.mark.parametrize(("n_layers", "n_species"), [(1, 1), (2, 1), (3, 2), (5, 4)])
def test_parts_of_a_row_follow_each_other(n_layers: int, n_species: int) -> None:
    """Each part starts where the one before ends, counted here part by part."""
    contacts = rows.LAYER_START + rows.LAYER_SIZE * n_layers
    ends = contacts + rows.CONTACT_SIZE * (n_layers - 1)
    assert rows.contact_start(n_layers) == contacts
    assert rows.end_start(n_layers) == ends
    assert rows.species_start(n_layers) == ends + 2
    assert rows.row_size(n_layers, n_species) == ends + 2 + rows.SPECIES_SIZE * n_layers * n_species
    assert rows.face_size(n_species) == 3 + 3 * n_species
    assert rows.block_size(n_species) == rows.FACE_START + 2 * rows.face_size(n_species)
    blocks = rows.HEAD_SIZE + n_layers * rows.block_size(n_species)
    assert rows.capacitance_start(n_layers, n_species) == blocks
    assert rows.output_size(n_layers, n_species) == blocks + 2 * (n_layers + 1)
    # Work array: species, then tables side by side, then the two rows of elements in the making.
    last = workspace.species_row(n_species - 1) + workspace.SPECIES_ROWS
    assert used_rows(n_species) == workspace.table_row(0, 0, n_species) == last
    size = 3 + 2 * n_species
    places = [rows.table_row(layer, side, n_species) for layer in range(n_layers) for side in range(2)]
    assert places == [last + size * i for i in range(2 * n_layers)]
    assert rows.side_row(0, n_layers, n_species) == last + size * 2 * n_layers
    assert rows.side_row(1, n_layers, n_species) - rows.side_row(0, n_layers, n_species) == 4 + 2 * n_species
    assert work_rows(n_layers, n_species) == rows.side_row(2, n_layers, n_species)


def test_rows_of_the_work_array_do_not_overlap() -> None:
    five = ("DELTA", "PULL", "RATE")
    taken = [row for name in five for row in range(getattr(workspace, name), getattr(workspace, name) + 5)]
    names = "STRENGTH_Z CHARGE_Z THETA_B VACANCY_B OCC VAC ROOT_THETA ROOT_VACANCY LOWEST HIGHEST STRENGTH_DILUTE"
    taken += [getattr(workspace, name) for name in (*names.split(), "CONDUCT", "KEEP", "BLOCK")]
    assert sorted(taken) == list(range(workspace.SPECIES_ROWS))
    shared = "EXCESS SIZE STIFFNESS STRENGTH LAYER DIAGONAL OFF RHS JUMP SOURCE FIRST GRID TAIL_X TAIL_STEP"
    shared += " TAIL_DECAY PLANES PLANE_STIFFNESS"
    single = [getattr(workspace, name) for name in shared.split()]
    assert len(set(single)) == len(single)
    assert max(single) < workspace.SPECIES_START
