"""Figures along materials and of species: names that can be read, and nothing drawn between two materials."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spacecharge.plotting.maps import plot_map
from spacecharge.plotting.style import defect_label, name_ticks, new_figure
from spacecharge.report.view import Quantity, View
from spacecharge.store import Coordinate, Layout, Variable, WorkFile, pack, read_results
from spacecharge.units import display_of


@pytest.fixture
def many(tmp_path):
    """Thirteen materials at fifteen temperatures."""
    named = tuple(f"Material{i}" for i in range(13))
    coordinates = (
        Coordinate(name="electrolyte_material", values=np.arange(13.0), names=named),
        Coordinate(name="temperature", values=np.linspace(280.0, 350.0, 15), units="K"),
        Coordinate(name="layer", values=np.array(["electrolyte"], dtype=object)),
    )
    variables = (
        Variable(name="status", dtype="i4"),
        Variable(name="interface_resistance", units="ohm m2", attributes={"layers": ["electrolyte"]}),
        Variable(name="excess_resistance", dims=("layer",), units="ohm m2"),
    )
    sweep = ("electrolyte_material", "temperature")
    layout = Layout(sweep=sweep, shape=(13, 15), coordinates=coordinates, variables=variables)
    values = {"status": np.zeros(195, np.int32), "interface_resistance": np.geomspace(1e-4, 1.0, 195)}
    values["excess_resistance"] = values["interface_resistance"][:, None]
    with WorkFile.create(tmp_path / "m.h5", layout) as work:
        work.write(0, values)
        work.commit()
        pack(work)
    return read_results(tmp_path / "m.h5")


def test_a_map_has_no_contours_between_materials(many) -> None:
    panel = plot_map(View(many), y="interface_resistance").axes[0]
    assert [label.get_text() for label in panel.get_xticklabels()][-1] == "Material12"
    assert len(panel.collections) == 1
    assert not panel.texts


def test_names_of_many_materials_do_not_run_into_each_other(many) -> None:
    figure = plot_map(View(many), y="interface_resistance")
    figure.canvas.draw()
    labels = figure.axes[0].get_xticklabels()
    assert {label.get_rotation() for label in labels} == {45.0}
    boxes = [label.get_window_extent() for label in labels]
    # Of slanted names the ends are what may touch.
    assert all(b.x1 - a.x1 > 8.0 for a, b in itertools.pairwise(boxes))


def test_a_few_names_lie() -> None:
    _, panels = new_figure(1, 1, "")
    few = Quantity("m", np.arange(2.0), ("m",), display_of("1"), "material", names=("LAGP", "LLZO"))
    name_ticks(panels[0, 0].xaxis, few)
    assert {label.get_rotation() for label in panels[0, 0].get_xticklabels()} == {0.0}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("v_Li", "v$_{Li}$"),
        ("v_O+2", "v$_{O}^{2+}$"),
        ("Al_Li-1", "Al$_{Li}^{-}$"),
        ("v_O+0", "v$_{O}^{0}$"),
        ("electrons", "electrons"),
        ("a$b", r"a\$b"),
        ("x_{", "x_{"),
    ],
)
def test_names_of_species_in_figures(name: str, shown: str) -> None:
    assert defect_label(name) == shown
    figure, panels = new_figure(1, 1, "")
    panels[0, 0].text(0.5, 0.5, defect_label(name))
    figure.canvas.draw()
