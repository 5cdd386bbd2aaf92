"""Sensitivities: implicit derivatives against Richardson-extrapolated differences of whole solves."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.errors import ModelError
from spacecharge.model import Contact, Stack, stack_parameters
from spacecharge.model.parameters import numeric_paths
from spacecharge.model.places import value_of
from spacecharge.solver.equilibrium import solve_points
from spacecharge.solver.outputs import SENSITIVE
from spacecharge.units import unit_of
from tests.oracles.cases import cheng_stack

OCV = {"composition": [0.2, 1.0, 2.0], "occupancy": [0.0996, 0.498, 0.95], "potential_V": [3.4, 3.0, 2.4]}
# Widths follow a threshold on the element polynomials, of lower order than the nodes.
ALLOWED = {"space_charge_width": 1e-4}


def two_layers(rng: np.random.Generator, interaction: float, transport: str) -> Stack:
    """Return an interface with everything that has a derivative: ocv, Arrhenius law, interactions, both conducting."""
    repulsion = {"occupied_eV": interaction, "vacancy_eV": 0.8 * interaction}
    electrode = sc.Layer(
        name="electrode",
        # Nearer to the neutral 3.0 V a width is the logarithm of a small step and the differences lose their digits.
        potential_V=float(rng.choice([rng.uniform(2.5, 2.85), rng.uniform(3.15, 3.35)])),
        thickness_nm=20.0,
        mobile_fraction=0.8,
        permittivity=float(rng.uniform(5.0, 40.0)),
        site_density_per_nm3=float(rng.uniform(10.0, 40.0)),
        ocv=OCV,
        diffusivity_m2_per_s=1e-15,
        transport=transport,
        interaction=repulsion,
    )
    electrolyte = sc.Layer(
        name="electrolyte",
        potential_V=3.0,
        thickness_nm=20.0,
        mobile_fraction=0.8,
        permittivity=float(rng.uniform(5.0, 40.0)),
        site_density_per_nm3=float(rng.uniform(10.0, 40.0)),
        occupancy=float(rng.uniform(0.1, 0.9)),
        diffusivity_m2_per_s={"value": 1e-13, "at_K": 300.0, "activation_energy_eV": 0.2},
        interaction=repulsion,
    )
    # Not 0: differences step to both sides of every number.
    contact = sc.Contact(resistance_ohm_cm2=1.0)
    return Stack((electrode, electrolyte), contacts=(contact,), temperature_K=float(rng.uniform(250.0, 400.0)))


def differences(stack: Stack, path: str, room: float | None = None) -> dict[str, np.ndarray]:
    """Return five-point differences of solves at 1e-11 V: mesh errors then stay below 1e-8 of the derivative.

    `room`: what is empty of the sites that an occupancy fills, if not all that it leaves.
    """
    value = value_of(stack, path)
    step = 1e-3 * abs(value) if value else 1e-4
    if path.endswith("occupancy"):
        # The smaller of the filled and the empty share is what changes by a relative step.
        step = 1e-3 * min(value, 1.0 - value if room is None else room)
    if path.endswith("potential_V"):
        step = 1.5e-4  # a width starts as the logarithm of a step that may be 10 mV
    values = value + step * np.array([-2.0, -1.0, 1.0, 2.0])
    solved = solve_points(stack_parameters(stack, {path: values}), tolerance_V=1e-11).scalars
    assert (solved["status"] == 0).all()
    factor = unit_of(path).factor
    # An interaction of 0 has the scale of the library's value, 0.1 eV.
    scale = (abs(value) or (0.1 if path.endswith("eV") else 1.0)) * factor
    result = {}
    for name in SENSITIVE:
        f = solved[name]
        slope = (8.0 * (f[2] - f[1]) - (f[3] - f[0])) / (12.0 * step * factor)
        # The larger of the derivative and the observable's scale, per scale of the parameter.
        result[name] = (slope, np.maximum(np.abs(slope), np.abs(f[1]) / scale))
    return result


def worst(stack: Stack, path: str) -> dict[str, float]:
    """Return the largest deviation of every observable's sensitivity, relative to its scale."""
    # The same fine mesh as the differences, whose widths and regions still carry their interpolation error.
    exact = sc.sensitivities(stack, [path], tolerance_V=1e-11)[path]
    result = {}
    for name, (slope, scale) in differences(stack, path).items():
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.abs(exact[name] - slope) / scale
        error = error[np.isfinite(error)]
        if error.size:
            result[name] = float(error.max())
    return result


def assert_small(found: dict[str, float], path: str) -> None:
    late = {name: error for name, error in found.items() if not error < ALLOWED.get(name, 1e-6)}
    assert not late, f"{path}: {late}"


@pytest.mark.parametrize("seed", range(3))
def test_every_number_of_an_interface(seed):
    rng = np.random.default_rng(seed)
    stack = two_layers(rng, (0.0, 0.1, 0.05)[seed], ("constant", "vacancy", "constant")[seed])
    for path in numeric_paths(stack):
        assert_small(worst(stack, path), path)


@pytest.mark.slow
def test_thirty_random_cases():
    for seed in range(30):
        rng = np.random.default_rng(100 + seed)
        stack = two_layers(rng, float(rng.choice([0.0, 0.05, 0.1, 0.2])), str(rng.choice(["constant", "vacancy"])))
        for path in numeric_paths(stack):
            assert_small(worst(stack, path), f"seed {seed}, {path}")


def test_static_capacitance_knows_that_the_neutral_bias_moves():
    electrode, electrolyte = cheng_stack(22.4, 0.1, 3.4, 0.2).layers
    coating = electrode.replace(name="coating", thickness_nm=1.0, potential_V=3.1, occupancy=0.3)
    stack = Stack(
        (electrode, coating, electrolyte),
        temperature_K=310.0,
        contacts=(Contact(charge_C_per_m2=0.02), Contact(dipole_V=0.05)),
    )
    for path in ("contacts.0.charge_C_per_m2", "coating.thickness_nm", f"{electrode.name}.potential_V"):
        assert_small(worst(stack, path), path)


def test_a_path_that_names_no_number_is_refused():
    with pytest.raises(ModelError, match="names no number"):
        sc.sensitivities(cheng_stack(22.4, 0.1, 3.4, 0.2), ["electrode.colour"])


def test_relative_sensitivities_are_slopes_of_logarithms() -> None:
    layers = [
        sc.Layer(name="a", material="LixV2O5", potential_V=3.3, thickness_nm=30),
        sc.Layer(name="b", material="LAGP", thickness_nm=30),
    ]
    stack = sc.Stack(layers, temperature_K=310.0)
    paths = ["b.permittivity", "temperature_K", "b.site_density_per_nm3", "a.potential_V"]
    plain = sc.sensitivities(stack, paths)
    relative = sc.sensitivities(stack, paths, relative=True)
    solution = sc.solve(stack)
    for path, number in zip(paths, (15.0, 310.0, 19.7e27, 3.3), strict=True):
        for name in ("charge", "layer_resistance", "debye_length"):
            expected = plain[path][name] * number / getattr(sc, name)(solution)
            np.testing.assert_allclose(relative[path][name], expected, rtol=1e-12)
    # Nothing but the sites themselves sets how the Debye length goes with them: lambda ~ N^(-1/2).
    assert relative["b.site_density_per_nm3"]["debye_length"][1] == pytest.approx(-0.5, rel=1e-6)
