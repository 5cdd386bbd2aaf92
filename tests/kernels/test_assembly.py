"""The assembled Newton system against central differences of a residual written here in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import legendre
from numpy.typing import NDArray

from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from spacecharge.kernels import workspace as w
from spacecharge.kernels.element import NODES, WEIGHTS
from spacecharge.kernels.layout import SPECIES_COLUMNS
from spacecharge.kernels.newton import assemble, equilibrate, evaluate_charge, join
from spacecharge.kernels.species import fill_species, is_interacting
from spacecharge.kernels.start import place_jumps
from spacecharge.model import Contact, End, Layer, Stack, stack_parameters
from spacecharge.solver.equilibrium import _work_array, solve
from spacecharge.solver.packing import pack_rows
from tests.solver.plain import plain_layers

Array = NDArray[np.float64]


def lobatto_stiffness() -> tuple[Array, Array, Array]:
    """Nodes, weights and stiffness of the degree-4 Gauss-Lobatto element on [0, 1], from their definition."""
    inner = legendre.legroots(legendre.legder([0.0, 0.0, 0.0, 0.0, 1.0]))
    nodes = 0.5 * (np.concatenate([[-1.0], inner, [1.0]]) + 1.0)
    weights = 1.0 / (20.0 * legendre.legval(2.0 * nodes - 1.0, [0.0, 0.0, 0.0, 0.0, 1.0]) ** 2)
    powers = np.linalg.inv(np.vander(nodes, 5, increasing=True))
    stiffness = np.zeros((5, 5))
    for i in range(5):
        for j in range(5):
            a = np.polynomial.Polynomial(powers[:, i]).deriv()
            b = np.polynomial.Polynomial(powers[:, j]).deriv()
            whole = (a * b).integ()
            stiffness[i, j] = whole(1.0) - whole(0.0)
    return nodes, weights, stiffness


def test_element_is_gauss_lobatto() -> None:
    nodes, weights, _ = lobatto_stiffness()
    assert NODES == pytest.approx(nodes, abs=1e-15)
    assert WEIGHTS == pytest.approx(weights, abs=1e-15)


def layer(name: str, potential: float, **changes: object) -> Layer:
    keys: dict[str, object] = {
        "name": name,
        "thickness_nm": 3.0,
        "potential_V": potential,
        "permittivity": 12.0,
        "site_density_per_nm3": 8.0,
        "occupancy": 0.4,
    }
    return Layer(**{**keys, **changes})  # type: ignore[arg-type]


def two_species(name: str, potential: float) -> Layer:
    return Layer(
        name=name,
        thickness_nm=2.0,
        potential_V=potential,
        permittivity=30.0,
        species={
            "a": {"site_density_per_nm3": 5.0, "occupancy": 0.2, "interaction": {"vacancy_eV": 0.1}},
            "b": {"site_density_per_nm3": 1.0, "occupancy": 0.7, "charge_number": -2.0},
        },
    )


STACKS = {
    "ideal": Stack((layer("a", 0.3), layer("b", 0.0, permittivity=40.0))),
    "interacting": Stack(
        (
            layer("a", 0.3, interaction={"occupied_eV": 0.2, "vacancy_eV": 0.05}),
            layer("b", 0.0, occupancy=0.9, interaction={"vacancy_eV": -0.05}),
        )
    ),
    "charge and dipole": Stack(
        (layer("a", 0.3), layer("b", 0.0, charge_number=-2.0)),
        contacts=(Contact(charge_C_per_m2=0.1, dipole_V=0.2),),
        left=End(kind="surface_charge_C_per_m2", value=0.05),
    ),
    "dilute between": Stack(
        (layer("a", 0.3), layer("b", 0.1, statistics="dilute", occupancy=0.01, thickness_nm=1.0), layer("c", 0.0))
    ),
    "two species": Stack((two_species("a", 0.2), layer("b", 0.0))),
}


@pytest.mark.parametrize("name", STACKS)
def test_assembled_system_is_the_derivative_of_the_residual(name: str) -> None:
    stack = STACKS[name]
    solution = solve(stack, tolerance_V=1e-4)
    p = stack_parameters(stack)
    row, codes = pack_rows(p, 1e-4)
    n_layers, n_species = p.n_layers, p.n_species
    n = (solution.stats.n_nodes - n_layers) // 4
    n_pad = (n + 7) // 8 * 8
    flat = _work_array(n_layers, n_species)
    work = flat.reshape(-1, w.STRIDE)
    species = np.empty((n_layers, n_species, SPECIES_COLUMNS))
    fill_species(row[0], codes, species)
    interacting = bool(is_interacting(codes, species))
    # Off the solution, so that no term is small by luck.
    rng = np.random.default_rng(4)
    work[w.Y : w.Y + 5, :n] += rng.normal(scale=0.3, size=(5, n))
    place_jumps(flat, row[0], codes, n)
    join(flat, n)
    if interacting:
        equilibrate(flat, codes, n)
    evaluate_charge(flat, codes, n, n_pad, interacting)

    layer_of = work[w.LAYER, :n].astype(int)
    size, jump = work[w.SIZE, :n].copy(), work[w.JUMP, : n + 1].copy()
    y = work[w.Y : w.Y + 5, :n].copy()
    _, weights, stiffness = lobatto_stiffness()
    laws = plain_layers(stack)
    volt = BOLTZMANN * float(p.temperature[0]) / ELEMENTARY_CHARGE

    def charge(values: Array) -> tuple[Array, Array]:
        """Density over eps0 kT/e and its derivative, shape (5, n)."""
        rho, slope = np.empty_like(values), np.empty_like(values)
        for i, law in enumerate(laws):
            mine = layer_of == i
            a, b = law.charge(values[:, mine].ravel())
            rho[:, mine], slope[:, mine] = a.reshape(5, -1), b.reshape(5, -1)
        return rho / (VACUUM_PERMITTIVITY * volt), slope / (VACUUM_PERMITTIVITY * volt)

    rho, slope = charge(y)
    scale = np.abs(slope).max()
    # The kernel against expit and a bisection: rounding of a few operations.
    assert work[w.CHARGE : w.CHARGE + 5, :n] == pytest.approx(rho, rel=1e-11, abs=1e-12 * np.abs(rho).max())
    assert -work[w.SLOPE : w.SLOPE + 5, :n] == pytest.approx(slope, rel=1e-9, abs=1e-11 * scale)

    # Unknowns: end points 0..n, then three mid nodes per element.
    index = np.empty((5, n), dtype=int)
    index[0], index[4] = np.arange(n), np.arange(1, n + 1)
    index[1:4] = n + 1 + np.arange(3 * n).reshape(3, n)
    offset = np.zeros((5, n))
    offset[0] = jump[:n]
    offset[0, 0] = 0.0
    unknowns = np.empty(4 * n + 1)
    for i in (0, 1, 2, 3, 4):
        unknowns[index[i]] = y[i] - offset[i]
    alpha = p.permittivity[0][layer_of]
    source = np.zeros(4 * n + 1)
    first = work[w.FIRST, : n_layers + 1].astype(int)
    for c in range(n_layers - 1):
        source[first[c + 1]] += p.contact_charge[0, c]
    for side, at in ((0, 0), (1, n)):
        if p.end_kind[side] == 3:
            source[at] += p.end_value[0, side]
    source /= VACUUM_PERMITTIVITY * volt

    def residual(u: Array) -> Array:
        values = u[index] + offset
        density, _ = charge(values)
        force = alpha / size * (stiffness @ (values - values[0])) - size * weights[:, None] * density
        total = np.zeros_like(u)
        np.add.at(total, index, force)
        return total - source

    h = 1e-4
    jacobian = np.empty((unknowns.size, unknowns.size))
    for k in range(unknowns.size):
        step = np.zeros_like(unknowns)
        step[k] = h
        jacobian[:, k] = (residual(unknowns + step) - residual(unknowns - step)) / (2.0 * h)
    outer, mid = slice(0, n + 1), slice(n + 1, None)
    eliminate = np.linalg.solve(jacobian[mid, mid], jacobian[mid, outer])
    schur = jacobian[outer, outer] - jacobian[outer, mid] @ eliminate
    here = residual(unknowns)
    rhs = -(here[outer] - jacobian[outer, mid] @ np.linalg.solve(jacobian[mid, mid], here[mid]))

    assemble(flat, n, n_pad)
    diagonal, off = work[w.DIAGONAL, : n + 1], work[w.OFF, :n]
    # Central differences of step 1e-4: a relative 1e-8 of the largest entry of a row.
    size_of_row = np.abs(schur).max(axis=1)
    assert np.abs(diagonal - np.diag(schur)) / size_of_row == pytest.approx(0.0, abs=1e-7)
    assert np.abs(off - np.diag(schur, 1)) / size_of_row[:-1] == pytest.approx(0.0, abs=1e-7)
    assert np.abs(schur - schur.T).max() <= 1e-7 * np.abs(schur).max()
    far = np.abs(np.triu(schur, 2)) / size_of_row[:, None]
    assert far.max() <= 1e-7
    assert work[w.RHS, : n + 1] == pytest.approx(rhs, abs=1e-7 * float(np.abs(rhs).max()))
