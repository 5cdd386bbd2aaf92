"""Figures: what is drawn, on which scale, with which labels, and nothing outside the page."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.text import Annotation

from spacecharge.errors import StoreError
from spacecharge.fitting import fit
from spacecharge.plotting import plot_file, plot_profiles, plot_sweep
from spacecharge.plotting.fits import fit_figure
from spacecharge.plotting.maps import plot_map
from spacecharge.plotting.style import label_text, line_colours
from spacecharge.report.view import View
from spacecharge.store import read_results
from tests.fitting.support import configured

POTENTIAL = {"electrode_potential": (np.linspace(2.405, 3.405, 21), "V")}
TEMPERATURES = {"temperature": ([258.15, 298.15, 363.15], "K")}
MANY = {"temperature": (np.linspace(250.0, 350.0, 15), "K")}
BAND = {
    "coating_thickness": (np.array([0.01, 0.1, 1.0, 10.0, 20.0]) * 1e-9, "m"),
    "coating_permittivity": ([10.0, 20.0, 40.0], "1"),
    "electrolyte_permittivity": ([7.0, 15.0], "1"),
    "coating_potential": ([2.0, 3.0], "V"),
}


def view(path, *selections):
    return View(read_results(path), selections)


def note_of(figure):
    """What stands below the title in small letters."""
    return " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Annotation) if text.axes is None)


def assert_nothing_is_cut_off(figure):
    """Every text lies on the page, and no label of one axis covers another of it."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    page = figure.bbox
    texts = [figure._suptitle, *figure.texts, *figure.findobj(Annotation)]
    for panel in figure.axes:
        texts += [panel.title, panel._left_title, panel.xaxis.label, panel.yaxis.label, *panel.texts]
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [t for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
            labels = [t.label1 if t.label1.get_visible() else t.label2 for t in ticks]
            shown = [t for t in labels if t.get_text() and t.get_visible()]
            texts += shown
            boxes = [t.get_window_extent(renderer) for t in shown]
            for a in range(len(boxes)):
                for b in range(a):
                    assert not boxes[a].overlaps(boxes[b]), (shown[a].get_text(), shown[b].get_text())
    for legend in [*figure.legends, *(p.get_legend() for p in figure.axes)]:
        if legend is not None:
            texts += legend.get_texts()
    for text in texts:
        if text is None or not text.get_text() or not text.get_visible():
            continue
        box = text.get_window_extent(renderer)
        # Half a point of anti-aliasing at the rim is no loss.
        assert box.x0 >= page.x0 - 1 and box.y0 >= page.y0 - 1, text.get_text()
        assert box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1, text.get_text()


def test_sweep_has_resistances_potentials_and_widths(result_file):
    figure = plot_sweep(view(result_file({**POTENTIAL, **TEMPERATURES})), title="A title")
    assert len(figure.axes) == 4
    a, b, c, d = figure.axes
    assert a.get_ylabel() == "Interface resistance, space\ncharge of electrolyte (Ω cm$^{2}$)"
    assert b.get_yscale() == "symlog"
    assert c.get_yscale() == d.get_yscale() == "linear"
    assert c.get_ylabel() == "Space-charge potential (V)"
    assert d.get_ylabel() == "Space-charge width (nm)"
    assert len(a.lines) == 3
    assert len([line for line in c.lines if len(line.get_xdata()) == 21]) == 6
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["258.15 K", "298.15 K", "363.15 K"]
    assert [t.get_text() for t in c.get_legend().get_texts()] == ["electrode", "electrolyte"]
    assert_nothing_is_cut_off(figure)


def test_lines_carry_the_values_in_shown_units(result_file):
    path = result_file({**POTENTIAL, **TEMPERATURES})
    figure = plot_sweep(view(path))
    results = read_results(path)
    line = figure.axes[0].lines[1]
    np.testing.assert_allclose(line.get_ydata(), results["interface_resistance"][:, 1] * 1e4)
    np.testing.assert_allclose(line.get_xdata(), results["electrode_potential"])
    widths = figure.axes[3].lines[3]
    np.testing.assert_allclose(widths.get_ydata(), results["space_charge_width"][:, 0, 0, 1] * 1e9)


def test_zero_and_sign_changes_stay_visible(result_file):
    figure = plot_sweep(view(result_file(POTENTIAL)))
    excess = figure.axes[1]
    low, high = excess.get_ylim()
    values = np.concatenate([line.get_ydata() for line in excess.lines])
    values = np.asarray(values, float)
    assert low < np.nanmin(values) < 0 < np.nanmax(values) < high
    assert 0.0 in excess.get_yticks()


def test_many_lines_get_a_colour_bar(result_file):
    figure = plot_sweep(view(result_file({**TEMPERATURES, **POTENTIAL})))
    assert len(figure.axes) == 5
    assert not figure.legends
    assert_nothing_is_cut_off(figure)


def test_further_axes_become_a_band_and_the_coating_counts(result_file):
    path = result_file(BAND, n_layers=3)
    figure = plot_sweep(view(path), title="Does the coating help?")
    assert len(figure.axes) == 2
    whole, part = figure.axes
    assert "layer resistance" in whole.get_ylabel().replace("\n", " ")
    assert "coating" in whole.get_ylabel()
    assert "layer resistance" not in part.get_ylabel()
    results = read_results(path)
    total = (results["interface_resistance"] + results["layer_resistance"][..., 1]) * 1e4
    band = whole.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(np.nanmin(total))
    assert band.max() == pytest.approx(np.nanmax(total))
    assert whole.get_xscale() == "log"
    assert "Band: smallest to largest over coating permittivity" in note_of(figure)
    assert_nothing_is_cut_off(figure)


def test_several_contacts_have_rows_of_their_own(result_file):
    figure = plot_sweep(view(result_file(POTENTIAL, n_layers=3)))
    assert len(figure.axes) == 6
    assert figure.axes[2].get_title() == "cathode | coating"
    assert_nothing_is_cut_off(figure)


def test_few_points_are_bars(result_file):
    axes = {"electrode_composition": ([0.2, 1.0, 2.0], "1"), "temperature": ([298.0, 298.0, 298.0], "K")}
    figure = plot_sweep(view(result_file(axes, zipped=True)))
    first = figure.axes[0]
    assert len(first.patches) == 3
    assert [t.get_text() for t in first.get_xticklabels()] == ["0.2", "1", "2"]
    assert first.get_xlabel() == "Electrode composition"
    assert_nothing_is_cut_off(figure)


def test_y_takes_entries_and_sums(result_file):
    path = result_file(BAND, n_layers=3)
    figure = plot_sweep(view(path), y="interface_resistance+layer_resistance:coating")
    assert len(figure.axes) == 1
    figure = plot_sweep(view(path, "coating_permittivity=10", "coating_potential=2"), y="charge")
    assert len(figure.axes[0].get_legend().get_texts()) == 3
    with pytest.raises(StoreError, match=r"no variable chrage \(nearest: charge\)"):
        plot_sweep(view(path), y="chrage")
    with pytest.raises(StoreError, match="no entry anode"):
        plot_sweep(view(path), y="charge:anode")
    with pytest.raises(StoreError, match="cannot be added"):
        plot_sweep(view(path), y="charge:coating+interface_resistance")


def test_x_chooses_the_axis(result_file):
    path = result_file({**POTENTIAL, **TEMPERATURES})
    figure = plot_sweep(view(path), x="temperature_K")
    assert figure.axes[0].get_xlabel() == "Temperature (K)"
    with pytest.raises(StoreError, match="is not a free axis"):
        plot_sweep(view(path), x="charge")


def test_two_long_axes_make_a_map_with_contours(result_file):
    figure = plot_map(view(result_file({**POTENTIAL, **MANY})), title="A title")
    panels = [panel for panel in figure.axes if panel.get_label() != "<colorbar>"]
    assert len(panels) == 4
    assert panels[0].get_xlabel() == "Electrode potential (V)"
    assert panels[0].get_ylabel() == "Temperature (K)"
    mesh = panels[2].collections[0]
    # Zero is white: the colours of both signs are equally far.
    assert isinstance(mesh.norm, Normalize)
    assert mesh.norm.vmin == -mesh.norm.vmax
    assert len(panels[2].collections) > 1
    assert_nothing_is_cut_off(figure)


def test_map_of_a_variable_has_a_panel_per_entry(result_file):
    figure = plot_map(view(result_file({**POTENTIAL, **MANY})), y="charge")
    panels = [panel for panel in figure.axes if panel.get_label() != "<colorbar>"]
    assert len(panels) == 2


def test_profiles_zoom_to_where_something_happens(result_file):
    figure = plot_profiles(view(result_file({}, profiles=True)), title="A title")
    above, below = figure.axes
    low, high = above.get_xlim()
    # The profiles decay over 1 nm in layers of 30 nm.
    assert -15 < low < -3
    assert 3 < high < 15
    assert below.get_xlabel() == "Distance from the contact (nm)"
    assert {t.get_text() for t in above.texts} == {"electrode", "electrolyte"}
    assert_nothing_is_cut_off(figure)


def test_profiles_along_a_sweep(result_file):
    path = result_file({**POTENTIAL, **TEMPERATURES}, profiles=True)
    figure = plot_profiles(view(path), title="A title")
    assert len(figure.legends[0].get_texts()) == 6
    assert "temperature = 258.15 K" in note_of(figure)
    assert_nothing_is_cut_off(figure)
    with pytest.raises(StoreError, match="has no profiles"):
        plot_profiles(view(result_file(POTENTIAL, name="n.h5")))


def test_profiles_of_three_layers_and_an_end(result_file):
    figure = plot_profiles(view(result_file({}, profiles=True, n_layers=3, ends=True)))
    assert len(figure.axes) == 6
    assert_nothing_is_cut_off(figure)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_files_are_written_whole(result_file, tmp_path, suffix):
    path = result_file({**POTENTIAL, **TEMPERATURES})
    target = plot_file(path, tmp_path / "new" / f"figure.{suffix}")
    assert target.stat().st_size > 10_000
    assert [p.name for p in target.parent.iterdir()] == [f"figure.{suffix}"]


def test_default_name_and_bad_names(result_file, tmp_path):
    path = result_file({**POTENTIAL, **MANY})
    assert plot_file(path) == path.with_suffix(".png")
    with pytest.raises(StoreError, match="must name a format"):
        plot_file(path, tmp_path / "figure.h5")
    with pytest.raises(StoreError, match="cannot be written"):
        plot_file(path, path / "figure.png")


def test_all_failed_and_unfinished_files_can_be_drawn(result_file):
    path = result_file({**POTENTIAL, **TEMPERATURES}, packed=False)
    figure = plot_sweep(view(path))
    assert "Unfinished run" in note_of(figure)


def test_labels_keep_units_whole():
    assert label_text("space-charge potential", "V") == "Space-charge potential (V)"
    assert label_text("space-charge resistance of electrolyte", "Ω cm$^{2}$").endswith("(Ω cm$^{2}$)")
    assert label_text("electrode equilibrium potential against Li/Li+", "V", 46) == (
        "Electrode potential vs. Li/Li$^{+}$ (V)"
    )
    assert len(set(map(str, line_colours(9)))) == 9


def test_a_stack_without_contacts_shows_its_resistances(result_file):
    figure = plot_sweep(view(result_file(POTENTIAL, n_layers=1)))
    assert len(figure.axes) == 2
    assert_nothing_is_cut_off(figure)
    figure = plot_map(view(result_file({**POTENTIAL, **MANY}, name="m.h5", n_layers=1)))
    panels = [panel for panel in figure.axes if panel.get_label() != "<colorbar>"]
    assert len(panels) == 2


def test_a_fit_without_temperatures_is_drawn_along_its_delays(tmp_path):
    """As a kind of fit may be that asks for none: nothing of the figure hangs on the names of kinds."""
    t = np.geomspace(0.1, 30.0, 20)
    columns = {"delay_s": t, "intensity": 5.0 * np.exp(-t / 3.0)}
    model = {"kind": "exponential", "sequence": "decay"}
    stored = fit(configured(tmp_path, columns, fit="recovery", model=model)).stored()
    of_delays, table = stored.arrays, stored.tables["curves"]
    arrays = {name: values for name, values in of_delays.items() if name != "temperature"}
    smooth = replace(table, columns={name: c for name, c in table.columns.items() if name != "temperature"})
    figure = fit_figure(replace(stored, kind="new", arrays=arrays, tables={**stored.tables, "curves": smooth}))
    panel = figure.axes[0]
    assert panel.get_xlabel() == "Delay (s)"
    drawn = [line for line in panel.lines if line.get_linestyle() == "-"]
    x, y = drawn[-1].get_data()
    assert np.asarray(y) == pytest.approx(5.0 * np.exp(-np.asarray(x) / 3.0), abs=1e-6)
