"""A composition takes its potential along, and the other way round: the values that the solve itself uses."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.model import stack_parameters
from spacecharge.plotting.lines import plot_sweep
from spacecharge.report.view import View
from spacecharge.store import read_results

LAYERS = {
    "electrolyte": {"material": "LLZO", "thickness_nm": 30},
    "cathode": {"material": "NMC811", "composition": 0.5, "thickness_nm": 30},
}


@pytest.mark.parametrize("mode", ["outer", "zip"])
def test_a_composition_carries_its_potential(mode, tmp_path):
    config = sc.load_config({"layers": LAYERS, "sweep": {"mode": mode, "cathode.composition": [0.35, 0.5, 0.8]}})
    sc.run_sweep(config, output=tmp_path / "r.h5")
    results = read_results(tmp_path / "r.h5")
    expected = stack_parameters(config.stack, {"cathode.composition": [0.35, 0.5, 0.8]}).potential[:, 1]
    np.testing.assert_array_equal(results["cathode_potential"], expected)
    data = sc.open_results(tmp_path / "r.h5")
    assert "cathode_potential" in data.coords
    assert data.cathode_potential.dims == (("cathode_composition",) if mode == "outer" else ("point",))
    view = View(results, [f"cathode_potential={expected[1]:.4f}"])
    assert view.variable("charge").values.shape == (2,)


def test_a_potential_carries_its_composition_and_the_figure_says_both(tmp_path):
    config = sc.load_config({"layers": LAYERS, "sweep": {"cathode.potential_V": {"start": 3.6, "stop": 4.1, "num": 6}}})
    sc.run_sweep(config, output=tmp_path / "r.h5")
    results = read_results(tmp_path / "r.h5")
    back = stack_parameters(config.stack, {"cathode.composition": results["cathode_composition"]}).potential[:, 1]
    # There and back through the same monotone interpolation of the table, read in both directions.
    np.testing.assert_allclose(back, results["cathode_potential"], atol=5e-3)
    figure = plot_sweep(View(results))
    tops = [child.get_xlabel() for panel in figure.axes for child in panel.child_axes]
    assert tops
    assert all("composition x" in text for text in tops)


def test_layers_without_a_table_have_no_companion(tmp_path, capsys):
    layers = {**LAYERS, "cathode": {"material": "NMC811", "potential_V": 3.9, "occupancy": 0.4, "thickness_nm": 30}}
    table = sc.sweep(sc.load_config({"layers": layers}), {"cathode.potential_V": [3.7, 3.9]})
    assert [c.name for c in table.layout.coordinates if c.name.startswith("cathode")] == ["cathode_potential"]
    assert main(["export", str(tmp_path / "none.h5")]) == 2
