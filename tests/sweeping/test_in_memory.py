"""Sweeps in memory: the answers of single solves, in the shapes and units that tables have."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.errors import ConfigError, ModelError, StoreError

LAYERS = (
    sc.Layer(name="electrode", material="LixV2O5", potential_V=3.4, thickness_nm=30),
    sc.Layer(name="electrolyte", material="LAGP", thickness_nm=30),
)
STACK = sc.Stack(LAYERS, temperature_K=298.15)
VOLTS = np.array([3.4, 2.4, 2.9])


@pytest.fixture(scope="module")
def table():
    return sc.sweep(
        STACK,
        {"electrode.potential_V": VOLTS, "temperature_K": [298.15, 330.0]},
        resistance_of=["electrolyte"],
        profiles=True,
        sensitivities=["electrode.permittivity"],
    )


def test_every_point_is_the_solve_of_its_stack(table):
    assert table.status.shape == (3, 2)
    assert not table.status.any()
    for i, volts in enumerate(VOLTS):
        for j, kelvin in enumerate((298.15, 330.0)):
            stack = STACK.replace(layers=(LAYERS[0].replace(potential_V=volts), LAYERS[1]), temperature_K=kelvin)
            alone = sc.solve(stack, resistance_of=["electrolyte"])
            assert table["interface_resistance"][i, j] == 1e4 * float(sc.interface_resistance(alone))
            np.testing.assert_array_equal(table["space_charge_potential"][i, j], sc.space_charge_potential(alone))
            profile = table["profiles/electrode/potential"][i, j]
            assert profile[-1] == pytest.approx(alone.layer("electrode").potential[-1], abs=1e-9)
    slopes = sc.sensitivities(STACK, ["electrode.permittivity"], resistance_of=["electrolyte"])
    expected = slopes["electrode.permittivity"]["charge"]
    # The file keeps derivatives in SI; shown in their own unit where that has none to show.
    np.testing.assert_allclose(table["sensitivities/electrode_permittivity/charge"][0, 0], 1e2 * expected, rtol=1e-12)


def test_values_keep_the_order_given_and_threads_change_nothing(table):
    np.testing.assert_array_equal(table["electrode_potential"], VOLTS)
    axes = {"electrode.potential_V": np.linspace(2.4, 3.4, 700)}
    one, two = (sc.sweep(STACK, axes, workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one["charge"], two["charge"])


def test_dataframe_and_dataset_speak_shown_units(table):
    frame = table.to_dataframe()
    assert frame.shape[0] == 6
    assert list(frame.columns[:2]) == ["electrode_potential", "temperature"]
    assert frame.attrs["units"]["interface_resistance"] == "Ohm cm2"
    np.testing.assert_array_equal(frame["interface_resistance"], table["interface_resistance"].ravel())
    name = "space_charge_width[electrode|electrolyte, right]"
    np.testing.assert_array_equal(frame[name], table["space_charge_width"][:, :, 0, 1].ravel())
    data, si = table.to_xarray(), table.to_xarray(units="SI")
    assert data.space_charge_width.attrs["units"] == "nm"
    np.testing.assert_allclose(data.charge, 1e2 * si.charge, rtol=1e-15)
    value = data.charge.sel(electrode_potential=2.9, temperature=330, layer="electrolyte")
    assert float(value) == table["charge"][2, 1, 1]
    assert "6 of 6 solved" in repr(table)


def test_series_tuples_and_zips(table):
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([2.4, 3.4], name="volts")
    zipped = sc.sweep(
        STACK, {"electrode.potential_V": series, "temperature_K": (330.0, 298.15)}, mode="zip",
        resistance_of=["electrolyte"],
    )  # fmt: skip
    np.testing.assert_array_equal(
        zipped["interface_resistance"], [table["interface_resistance"][1, 1], table["interface_resistance"][0, 0]]
    )
    assert list(zipped.to_dataframe().columns[:2]) == ["electrode_potential", "temperature"]
    single = sc.sweep(STACK, {})
    assert single["interface_resistance"].shape == ()


def test_a_configuration_brings_its_charge_transfer_along():
    config = sc.load_config(
        {
            "layers": {
                "electrode": {"material": "LixV2O5", "potential_V": np.float64(3.0), "thickness_nm": 30},
                "electrolyte": {"material": "LAGP", "thickness_nm": 30},
            },
            "contacts": [{"charge_transfer": {"rate_constant_per_m2_s": 1.98e20}}],
            "output": {"resistance_of": ("electrolyte",)},
        }
    )
    table = sc.sweep(config, {"electrode.potential_V": VOLTS})
    law = sc.ChargeTransfer(rate_constant=1.98e20)
    alone = sc.solve(config.stack.replace(layers=(LAYERS[0], config.stack["electrolyte"])))
    assert table["exchange_current_density"][0] == pytest.approx(
        0.1 * sc.exchange_current_density(alone, law), rel=1e-12
    )
    assert table["interface_resistance"][0] == pytest.approx(5.9721e-3, rel=1e-4)


def test_a_failed_point_keeps_its_place():
    table = sc.sweep(STACK, {"electrode.potential_V": [2.4, 9.0, 3.4]})
    assert table.status.tolist() == [0, 3, 0]
    assert np.isnan(table["charge"][1]).all()


@pytest.mark.parametrize(
    ("axes", "options", "error", "message"),
    [
        ({"electrode.permitivity": [3]}, {}, ModelError, "did you mean electrode.permittivity"),
        ({"electrode.potential_V": [[2.4]]}, {}, ModelError, "in one dimension"),
        ({"electrode.potential_V": [np.nan]}, {}, ModelError, "finite numbers"),
        ({"electrode.potential_V": [1, 2], "temperature_K": [300]}, {"mode": "zip"}, ConfigError, "one length"),
        ({}, {"mode": "both"}, ConfigError, "allowed: outer, zip"),
    ],
)
def test_wrong_axes_are_one_line(axes, options, error, message):
    with pytest.raises(error, match=message):
        sc.sweep(STACK, axes, **options)


def test_an_unknown_variable_lists_the_known(table):
    with pytest.raises(StoreError, match="has no variable nonsense"):
        table["nonsense"]


def test_columns_are_drawn_into_axes_of_ones_own(table):
    from matplotlib.figure import Figure

    figure = Figure()
    panel = figure.subplots()
    assert table.plot("interface_resistance", ax=panel) is figure
    assert len(panel.lines) == 2
    np.testing.assert_array_equal(panel.lines[1].get_xdata(), VOLTS)
    np.testing.assert_array_equal(panel.lines[1].get_ydata(), table["interface_resistance"][:, 1])
    assert panel.lines[1].get_label() == "temperature 330 K"
    across = table.plot("space_charge_width[electrode|electrolyte, right]", x="temperature")
    assert len(across.axes[0].lines) == 3
    solution = sc.solve(STACK)
    solution.plot(ax=panel)
    np.testing.assert_array_equal(panel.lines[-1].get_ydata(), solution.layer("electrolyte").potential)
    with pytest.raises(StoreError, match="no column space_charge_width"):
        table.plot("space_charge_width")
    with pytest.raises(StoreError, match="no axis"):
        table.plot(x="nonsense")


def test_every_layer_that_conducts_counts_where_none_is_named() -> None:
    """As of a single solve: the default of `resistance_of`."""
    table = sc.sweep(STACK, {"electrode.potential_V": [2.8, 3.2]})
    for point, potential in enumerate((2.8, 3.2)):
        layers = [
            layer.replace(potential_V=potential) if layer.name == "electrode" else layer for layer in STACK.layers
        ]
        alone = sc.solve(STACK.replace(layers=tuple(layers)))
        assert table["interface_resistance"][point] == pytest.approx(1e4 * float(alone.interface_resistance), rel=1e-4)


@pytest.mark.parametrize(
    ("values", "got"),
    [
        ([], "at least one, got shape \\(0,\\)"),
        ([[300.0, 310.0]], "at least one, got shape \\(1, 2\\)"),
        ([300.0, np.nan], "got nan at 1"),
        (["warm", "hot"], "got \\['warm', 'hot'\\]"),
        ([[1.0], [2.0, 3.0]], "got \\[\\[1.0\\], \\[2.0, 3.0\\]\\]"),
        ([300.0 + 1.0j], "got \\[\\(300\\+1j\\)\\]"),
        (np.array(["2026-11-27"], dtype="M8[D]"), "got \\['2026-11-27'\\]"),
    ],
)
def test_values_that_make_no_axis_are_named(values, got):
    stack = sc.Stack([sc.Layer(name="electrolyte", material="LAGP", thickness_nm=40)], temperature_K=298.15)
    with pytest.raises(ModelError, match=f"^temperature_K: finite numbers in one dimension are needed, {got}$"):
        sc.sweep(stack, {"temperature_K": values})
