"""One compiled version per kernel, whatever the caller's arrays look like."""

from __future__ import annotations

import numpy as np

from spacecharge.model import Layer, Stack, stack_parameters
from spacecharge.solver.equilibrium import SolverOptions, profile_mesh, solve, solve_points
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack, swift_stack


def test_typical_calls_compile_once() -> None:
    from spacecharge.kernels.poisson_boltzmann import solve_rows
    from spacecharge.kernels.sample import read_nodes, read_positions

    reference = cheng_stack(*REFERENCE_ROWS[0][0])
    wall = swift_stack(0.1, 30.0, 0.01, 50.0)
    spacer = Layer(
        name="spacer",
        thickness_nm=2,
        potential_V=3,
        permittivity=5,
        site_density_per_nm3=1,
        occupancy=0.01,
        statistics="dilute",
    )
    for stack in (reference, wall, Stack((reference.layers[0], spacer, reference.layers[1]))):
        assert solve(stack).x.size
        assert solve(stack, tolerance_V=np.float32(1e-5), options=SolverOptions(max_refinements=np.int32(5))).x.size
    values = np.linspace(2.4, 3.4, 12)
    values.flags.writeable = False
    for swept in (values, values[::2], values.astype(np.float32), list(values), np.arange(2, 4)):
        parameters = stack_parameters(reference, {"electrode.potential_V": swept})
        tolerance = np.full(2 * parameters.n_points, 1e-5, dtype=np.float32)[::2]
        x = profile_mesh(parameters)
        readonly = x[0].astype(np.float32).astype(float)
        readonly.flags.writeable = False
        for mesh in (None, x, (readonly, x[1][::3]), (x[0].astype(np.float32), x[1])):
            points = solve_points(parameters, tolerance_V=tolerance, profile_x=mesh, n_threads=2)
            assert (points.scalars["status"] == 0).all()
    for function in (solve_rows, read_nodes, read_positions):
        assert len(function.nopython_signatures) == 1, function.nopython_signatures
