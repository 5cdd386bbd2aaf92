"""The species axis of results goes by name, in whatever order the layers list theirs."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.config import parse_config
from spacecharge.errors import StoreError
from spacecharge.model.species_axis import SpeciesAxis, species_axis
from spacecharge.plotting.profiles import plot_profiles, plot_solution
from spacecharge.report.export import point_table
from spacecharge.report.view import View
from spacecharge.solver.reasons import gap_messages
from spacecharge.store import read_results
from spacecharge.store.read import to_dataframe
from spacecharge.sweeping import run_sweep
from spacecharge.sweeping.plan import InterfaceTask

LI = "Li: {site_density_per_nm3: 20, occupancy: 0.4, diffusivity_m2_per_s: 1.0e-13}"
ELECTRONS = (
    "electrons: {statistics: dilute, charge_number: -1, site_density_per_nm3: 1, occupancy: 1.0e-2, "
    "diffusivity_m2_per_s: 1.0e-9}"
)
HEAD = "thickness_nm: 6, permittivity: 20"


def text(left: str, right: str, *, more: str = "") -> str:
    """Two mixed conductors, 0.15 V apart."""
    return (
        f"layers:\n  left: {{{HEAD}, potential_V: 0.15, species: {{{left}}}}}\n"
        f"  right: {{{HEAD}, potential_V: 0, species: {{{right}}}}}\nsolver: {{tolerance_V: 1.0e-9}}\n{more}"
    )


def solved(path, left: str, right: str, more: str = ""):
    config = parse_config(text(left, right, more=more))
    return read_results(run_sweep(config, output=path, workers=1, quiet=True, overwrite=True))


BOTH, TURNED = f"{LI}, {ELECTRONS}", f"{ELECTRONS}, {LI}"
LOAD = "load: {current_density_mA_per_cm2: 1}\n"


@pytest.mark.parametrize("more", ["", LOAD])
def test_the_order_in_which_a_layer_lists_its_species_changes_nothing(tmp_path, more: str) -> None:
    one, other = solved(tmp_path / "a.h5", BOTH, BOTH, more), solved(tmp_path / "b.h5", BOTH, TURNED, more)
    assert one.names("species") == other.names("species") == ("Li", "electrons")
    for path, field in one.fields.items():
        if "species" in field.dims and path != "species":
            # Fields and resistances hang on the mesh, which is laid in the order of the species.
            np.testing.assert_allclose(other[path], one[path], rtol=1e-6, atol=1e-18, err_msg=path)
    assert {"contact_occupancy", "concentration", "profiles/right/occupancy"} <= set(one.fields)
    assert ("contact_current_density" in one.fields) is bool(more)


def test_what_a_layer_lacks_is_blank_under_its_name(tmp_path, capsys) -> None:
    vacancies = "v_Li: {charge_number: -1, site_density_per_nm3: 20, occupancy: 0.01, diffusivity_m2_per_s: 1.0e-13}, "
    results = solved(tmp_path / "r.h5", vacancies + ELECTRONS.replace("electrons", "e"), LI)
    assert results.names("species") == ("v_Li", "e", "Li")
    occupancy = results["contact_occupancy"][0]
    assert np.isnan(occupancy).tolist() == [[False, False, True], [True, True, False]]
    # The plain layer is lithium, whose sites are the same in the file and in Python.
    solution = sc.solve(parse_config(text(vacancies + ELECTRONS.replace("electrons", "e"), LI)).stack, tolerance_V=1e-9)
    assert occupancy[1, 2] == sc.contact_occupancy(solution)[0, 1, 0]
    assert results["profiles/right/occupancy"].shape[0] == 3
    columns = {c.name: c.values for c in point_table(results)}
    assert columns["contact_occupancy[left|right, right, Li]"][0] == occupancy[1, 2]
    assert np.isnan(columns["contact_occupancy[left|right, right, v_Li]"][0])
    assert to_dataframe(results.path)["concentration[right, Li]"].iloc[0] == pytest.approx(0.4 * 20e27, rel=1e-12)
    assert main(["show", str(results.path)]) == 0
    shown = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("left|right  right"))
    assert f"{occupancy[1, 2]:.5g}" in shown


def test_layers_that_count_alike_are_left_as_they_are() -> None:
    assert species_axis([("Li",), ("Li", "e"), ("Li",)]).is_plain
    assert not species_axis([("e", "Li"), ("Li",)]).is_plain
    axis = species_axis([("a", "b"), ("c", "b", "d")])
    assert axis.names == ("c", "b", "d", "a")
    assert axis.columns == ((3, 1), (0, 1, 2))


def test_a_run_begun_under_the_axis_of_one_layer_is_not_resumed(tmp_path, monkeypatch) -> None:
    """Before the axis went by name values of other layers stood under the names of the one with the most."""
    more = "sweep: {left.potential_V: [0.1, 0.15]}\n"
    plain = SpeciesAxis(("Li", "electrons"), ((0, 1), (0, 1)))
    for right, stops in ((TURNED, True), (BOTH, False)):
        path = tmp_path / "r.h5"
        with monkeypatch.context() as patched:
            patched.setattr(InterfaceTask, "_species", plain)
            solved(path, BOTH, right, more)
        with pytest.raises(StoreError, match="another configuration") if stops else nullcontext():
            run_sweep(parse_config(text(BOTH, right, more=more)), output=path, resume=True, workers=1, quiet=True)


def test_figures_of_a_file_and_of_a_solution_name_the_same_species(tmp_path) -> None:
    results = solved(tmp_path / "r.h5", BOTH, TURNED)
    of_file = plot_profiles(View(results))
    of_solution = plot_solution(sc.solve(parse_config(text(BOTH, TURNED)).stack, tolerance_V=1e-9))
    for figure in (of_file, of_solution):
        panel = figure.axes[1]
        assert [t.get_text() for t in panel.get_legend().get_texts()] == ["Li", "electrons"]
        # Lithium is the line of the first style on both sides: many, where electrons are few.
        lithium = [line for line in panel.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2]
        assert len(lithium) == 2
        assert all(np.median(line.get_ydata()) > 0.1 for line in lithium)
        assert panel.get_yscale() == "log"


def test_a_gap_names_the_species_of_its_own_layer() -> None:
    attracting = LI.replace("occupancy: 0.4", "occupancy: 0.4, interaction: {occupied_eV: -0.5, vacancy_eV: 0}")
    parameters = parse_config(text(f"{ELECTRONS}, {LI}", attracting)).parameters()
    assert "right, species Li: d mu/d theta" in gap_messages(parameters, 0)


def test_occupancies_of_one_decade_stay_linear() -> None:
    stack = sc.Stack(
        [
            sc.Layer(material="LixV2O5", name="electrode", potential_V=2.6, thickness_nm=20),
            sc.Layer(material="LAGP", name="electrolyte", thickness_nm=20),
        ]
    )
    solution = sc.solve(stack)
    assert solution.occupancy.min() > 0.01 * solution.occupancy.max()
    assert plot_solution(solution).axes[1].get_yscale() == "linear"
