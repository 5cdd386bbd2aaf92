"""The user's own cell: metal electrodes, conductivities, mobile fractions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE
from spacecharge.errors import ModelError
from spacecharge.model import stack_parameters
from spacecharge.model.parameters import numeric_paths
from spacecharge.model.tangents import parameter_tangent

LLZO = {"thickness_nm": 100, "potential_V": 2.5, "permittivity": 60, "site_density_per_nm3": 32.7, "occupancy": 0.7844}
LAWS = (
    0.03,
    {"value": 0.03, "at_K": 300.0, "activation_energy_eV": 0.35},
    {"value": 0.03, "at_K": 300.0, "activation_energy_eV": 0.35, "activation_energy_of": "sigma"},
)


def metal(volts: float) -> sc.End:
    return sc.End(kind="potential_V", value=volts)


def bulk_conductivity(stack: sc.Stack, temperature: float) -> float:
    """Nernst-Einstein by hand, from what the kernels are given [S/m]."""
    p = stack_parameters(stack, {"temperature_K": [temperature]})
    carriers = p.site_density[0, 0, 0] * p.bulk_occupancy[0, 0, 0] * p.charge_number[0, 0, 0] ** 2
    return float(carriers * ELEMENTARY_CHARGE**2 * p.diffusivity[0, 0, 0] / (BOLTZMANN * temperature))


@pytest.mark.parametrize("fraction", [1.0, 0.12])
@pytest.mark.parametrize("law", LAWS, ids=["number", "law of sigma T", "law of sigma"])
def test_conductivity_in_is_conductivity_out(law, fraction):
    stack = sc.Stack([sc.Layer(name="e", conductivity_S_per_m=law, mobile_fraction=fraction, **LLZO)])
    for temperature in (250.0, 300.0, 400.0):
        inverse = ELEMENTARY_CHARGE / BOLTZMANN * (1.0 / temperature - 1.0 / 300.0)
        expected = 0.03
        if isinstance(law, dict):
            expected *= np.exp(-0.35 * inverse)
            if "activation_energy_of" not in law:
                expected *= 300.0 / temperature
        assert bulk_conductivity(stack, temperature) == pytest.approx(expected, rel=1e-13)


def test_units_of_a_conductivity_agree():
    one = sc.Stack([sc.Layer(name="e", conductivity_S_per_m=0.03, **LLZO)])
    other = sc.Stack([sc.Layer(name="e", conductivity_mS_per_cm=0.3, **LLZO)])
    assert bulk_conductivity(one, 300.0) == pytest.approx(bulk_conductivity(other, 300.0), rel=1e-14)


def test_a_mobile_fraction_scales_the_sites_and_with_them_what_a_diffusivity_gives():
    whole = sc.Stack([sc.Layer(name="e", diffusivity_m2_per_s=1e-12, **LLZO)])
    part = sc.Stack([sc.Layer(name="e", diffusivity_m2_per_s=1e-12, mobile_fraction=0.12, **LLZO)])
    assert stack_parameters(part).site_density[0, 0, 0] == pytest.approx(0.12 * 32.7e27)
    assert bulk_conductivity(part, 300.0) == pytest.approx(0.12 * bulk_conductivity(whole, 300.0))
    ratio = sc.debye_length(sc.solve(part))[0] / sc.debye_length(sc.solve(whole))[0]
    assert ratio == pytest.approx(0.12**-0.5, rel=1e-12)


def test_a_conductivity_replaces_the_diffusivity_of_the_material():
    layer = sc.Layer(name="e", material="LLZO", thickness_nm=100, conductivity_mS_per_cm=0.3)
    assert layer.diffusivity_m2_per_s is None
    assert bulk_conductivity(sc.Stack([layer]), 340.0) == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"conductivity_S_per_m": 1.0, "diffusivity_m2_per_s": 1e-12}, "give one of them"),
        ({"conductivity_S_per_m": 1.0, "conductivity_mS_per_cm": 1.0}, "give one of them"),
        ({"conductivity_S_per_m": {"value": 1.0, "activation_energy_of": "D"}}, "allowed: sigma_T, sigma"),
        ({"diffusivity_m2_per_s": {"value": 1e-12, "activation_energy_of": "sigma"}}, "unknown key"),
        ({"conductivity_S_per_m": -1.0}, "out of range"),
        ({"mobile_fraction": 0.0}, "out of range"),
        ({"mobile_fraction": 1.2}, "out of range"),
    ],
)
def test_what_makes_no_sense_is_named(keys, message):
    with pytest.raises(ModelError, match=message):
        sc.Layer(name="e", **LLZO, **keys)


@settings(max_examples=25)
@given(
    law=st.sampled_from([1e-3, {"value": 1e-3, "at_K": 310.0, "activation_energy_eV": 0.4}, {**LAWS[2]}]),
    fraction=st.floats(0.05, 0.95),  # below 1, so that differences stay in the range
    kelvin=st.floats(250.0, 450.0),
)
def test_derivatives_against_differences(law, fraction, kelvin):
    layers = [
        sc.Layer(name="e", conductivity_S_per_m=law, mobile_fraction=fraction, **LLZO),
        sc.Layer(name="c", material="NMC811", composition=0.5, thickness_nm=30),
    ]
    stack = sc.Stack(layers, temperature_K=kelvin, left=metal(0.2), right=metal(3.9))
    wanted = [p for p in numeric_paths(stack) if p.startswith(("e.", "temperature", "ends", "c.composition"))]
    assert {"e.mobile_fraction", "ends.left.potential_V", "c.composition"} <= set(wanted)
    for path in wanted:
        base, tangent = parameter_tangent(stack, path)
        value, factor = number_at(stack, path)
        step = 1e-6 * max(abs(value), 1e-3)
        sides = [stack_parameters(stack, {path: [value + s]}) for s in (step, -step)]
        for name, array in tangent.over_points().items():
            if array.dtype != np.float64:
                continue
            slope = (sides[0].array(name) - sides[1].array(name)) / (2.0 * step * factor)
            # Differences lose digits where the array does not depend on the number.
            noise = 1e-9 * np.abs(np.nan_to_num(base.array(name))) / (step * factor)
            assert np.all(np.abs(np.nan_to_num(array - slope)) <= 1e-5 * np.abs(np.nan_to_num(slope)) + noise), path


def number_at(stack: sc.Stack, path: str) -> tuple[float, float]:
    """Return a number of the stack in the unit of its key, and the SI value of that unit."""
    from spacecharge.model.places import given as given_in
    from spacecharge.model.places import places

    place = dict(places(stack))[path]
    head, _, tail = path.partition(".")
    if path == "temperature_K":
        value = stack.temperature_K
    elif head == "ends":
        value = (stack.left if tail.startswith("left") else stack.right).value
    else:
        value = given_in(place.spec, place.number.key) if place.spec else getattr(stack[head], tail)
        value = place.number.default if value is None else value
    return float(value), place.number.unit.factor


def test_a_metal_stays_at_its_potential_whatever_the_cell_does():
    """Lithium | LLZO | NMC811: the lithium end lies at 0 V against Li/Li+ while the cathode is swept."""
    electrolyte = sc.Layer(name="llzo", conductivity_mS_per_cm=0.3, mobile_fraction=0.12, **LLZO)
    cathode = sc.Layer(name="cathode", material="NMC811", composition=0.5, thickness_nm=30)
    stack = sc.Stack([electrolyte, cathode], left=metal(0.0))
    table = sc.sweep(stack, {"cathode.potential_V": [3.7, 3.9, 4.1]})
    assert not table.status.any()
    # By hand: the metal lies U_Li - U_LLZO = -2.5 V from the neutral bulk of the electrolyte ...
    np.testing.assert_allclose(table["space_charge_potential"][:, 0, 1], -2.5, rtol=1e-12)
    # ... and -U_cathode from that of the cathode, where phi is zero.
    np.testing.assert_allclose(table["contact_potential"][:, 0, 1], [-3.7, -3.9, -4.1], rtol=1e-12)
    # Only the side that is a layer reports.
    assert np.isnan(table["space_charge_potential"][:, 0, 0]).all()


def test_a_metal_agrees_with_a_potential_worked_out_by_hand():
    layers = [sc.Layer(name="e", conductivity_S_per_m=0.01, **LLZO)]
    by_key = sc.solve(sc.Stack(layers, left=metal(3.1), right=sc.End(kind="bulk")))
    by_hand = sc.solve(
        sc.Stack(layers, left=sc.End(kind="electrostatic_potential_V", value=0.6), right=sc.End(kind="bulk"))
    )
    # 3.1 - 2.5 is 0.6 but for the last bit.
    assert float(sc.charge(by_key)[0]) == pytest.approx(float(sc.charge(by_hand)[0]), rel=1e-13)
    oracle = sc.analytic.first_integral(by_key.stack)[0]
    assert float(sc.charge(by_key)[0]) == pytest.approx(-oracle.charge_left, rel=1e-7)


def test_sensitivities_follow_the_metal():
    stack = sc.Stack(
        [sc.Layer(name="e", conductivity_S_per_m=0.01, **LLZO)], left=metal(3.0), right=sc.End(kind="bulk")
    )
    slopes = sc.sensitivities(stack, ["ends.left.potential_V", "e.potential_V"])
    first, second = (np.asarray(slopes[p]["charge"]) for p in ("ends.left.potential_V", "e.potential_V"))
    # Only the difference of the two potentials counts.
    np.testing.assert_allclose(first, -second, rtol=1e-9)


def test_a_stack_shows_itself_in_a_notebook():
    stack = sc.Stack([sc.Layer(name="<e>", material="LLZO", thickness_nm=30)], temperature_K=310.0)
    html = stack._repr_html_()
    assert "<td>&lt;e&gt;</td><td>LLZO</td><td>30 nm</td>" in html
    assert "310 K" in html


def test_arrays_and_series_stand_for_the_lists_of_a_table():
    pandas = pytest.importorskip("pandas")
    columns = {"composition": [0.2, 0.5, 0.9], "occupancy": [0.2, 0.5, 0.9], "potential_V": [4.2, 3.9, 3.5]}
    keys = {"thickness_nm": 30, "permittivity": 15, "site_density_per_nm3": 30, "composition": 0.4}
    lists = sc.Layer(name="c", ocv=columns, **keys)
    arrays = sc.Layer(name="c", ocv={key: np.array(values) for key, values in columns.items()}, **keys)
    series = sc.Layer(name="c", ocv=dict(pandas.DataFrame(columns).items()), **keys)
    assert lists == arrays == series
    own = {key: keys[key] for key in ("site_density_per_nm3", "composition")}
    rest = {key: keys[key] for key in ("thickness_nm", "permittivity")}
    inner = sc.Layer(name="c", species={"Li": {"ocv": {k: np.array(v) for k, v in columns.items()}, **own}}, **rest)
    assert inner.species["Li"]["ocv"] == columns
