"""Figures that a journal takes and that answer: names, formats, ratios, bounds, line styles, the terminal."""

from __future__ import annotations

import re

import numpy as np
import pytest

from spacecharge.cli import main
from spacecharge.errors import StoreError
from spacecharge.plotting.bounds import BLOCKED_OHM_M2
from spacecharge.plotting.figures import FigureStyle, default_target, plot_file, save
from spacecharge.plotting.frame import frame
from spacecharge.plotting.lines import plot_sweep
from spacecharge.plotting.style import single_column
from spacecharge.report.sketch import sketch
from spacecharge.report.view import View
from spacecharge.store import read_results

from .conftest import make_file
from .test_figures import note_of

VOLTS = (np.linspace(2.4, 3.4, 21), "V")
KELVINS = ([298.15, 363.15], "K")
FACTORS = ([0.3, 0.5, 0.7], "1")


@pytest.fixture
def three(tmp_path):
    path = tmp_path / "three.h5"
    make_file(path, {"electrode_potential": VOLTS, "symmetry_factor": FACTORS, "temperature": KELVINS})
    return path


def test_every_figure_has_a_name_of_its_own_and_replaces_nothing(three, capsys):
    assert main(["plot", str(three)]) == 0
    assert main(["plot", str(three), "--y", "interface_resistance"]) == 0
    assert {p.name for p in three.parent.glob("*.png")} == {"three.png", "three_interface_resistance.png"}
    before = three.with_suffix(".png").read_bytes()
    assert main(["plot", str(three)]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert three.with_suffix(".png").read_bytes() == before
    assert main(["plot", str(three), "--overwrite", "--dpi", "60"]) == 0
    assert three.with_suffix(".png").stat().st_size < len(before)
    assert default_target(three, "profiles").name == "three_profiles.png"
    assert default_target(three, "a:b + c").name == "three_a_b_c.png"


def test_pdf_has_truetype_and_svg_has_text(three):
    pdf, svg = three.with_suffix(".pdf"), three.with_suffix(".svg")
    plot_file(three, pdf)
    plot_file(three, svg)
    raw = pdf.read_bytes()
    assert b"/FontFile2" in raw or b"/TrueType" in raw or b"/CIDFontType2" in raw
    assert b"/Type3" not in raw
    text = svg.read_text()
    assert len(re.findall("<text", text)) > 20
    assert "a title" in re.search(r"<dc:description>(.*?)</dc:description>", text, re.S)[1]


def test_one_column_of_a_journal(three):
    with single_column():
        figure = plot_sweep(View(read_results(three)), title="t")
    assert figure.get_figwidth() == pytest.approx(3.5)
    lefts = {round(panel.get_position().x0, 2) for panel in figure.axes[:4]}
    assert len(lefts) == 1
    for keys in ({"width": "triple"}, {"dpi": 5}):
        with pytest.raises(StoreError, match="allowed"):
            FigureStyle(**keys)


def test_a_temperature_is_a_line_style_and_never_part_of_a_band(three):
    view = View(read_results(three))
    shape = frame(view)
    assert shape.styled_by == "temperature"
    assert shape.band == ()
    figure = plot_sweep(view, y="interface_resistance")
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 21]
    assert len(lines) == 3 * 2
    assert {line.get_linestyle() for line in lines} == {"-", "--"}
    values = 1e4 * read_results(three)["interface_resistance"]
    drawn = {tuple(np.nan_to_num(line.get_ydata()).round(9)) for line in lines}
    assert drawn == {tuple(np.nan_to_num(values[:, i, j]).round(9)) for i in range(3) for j in range(2)}


def test_ratios_to_a_reference_leave_it_out(three):
    view = View(read_results(three), ["temperature=298"])
    figure = plot_sweep(view, y="charge:electrode", relative_to="symmetry_factor=0.5")
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 21]
    values = read_results(three)["charge"][:, :, 0, 0]
    expected = [values[:, k] / values[:, 1] for k in (0, 2)]
    assert len(lines) == 2
    for line, ratio in zip(lines, expected, strict=True):
        np.testing.assert_allclose(line.get_ydata(), ratio, rtol=1e-12)
    with pytest.raises(StoreError, match="free axis"):
        plot_sweep(View(read_results(three), ["temperature=298"]), relative_to="temperature=298")


@pytest.mark.parametrize(("above", "is_said"), [(0.5, False), (2.0, True)])
def test_a_ratio_speaks_of_blocked_resistances_where_there_are_some(three, monkeypatch, above, is_said):
    view = View(read_results(three), ["temperature=298"])
    largest = float(np.nanmax(read_results(three)["interface_resistance"]))
    # The bound stands above or below the largest resistance of the file.
    monkeypatch.setattr("spacecharge.plotting.bounds.BLOCKED_OHM_M2", largest / above)
    figure = plot_sweep(view, relative_to="symmetry_factor=0.5")
    assert ("counts as blocked" in note_of(figure)) is is_said
    view = View(read_results(three), ["temperature=298"])
    figure = plot_sweep(view, y="charge:electrode", relative_to="symmetry_factor=0.5")
    assert "counts as blocked" not in note_of(figure)


def test_a_blocked_region_is_drawn_at_the_bound_and_named(tmp_path):
    from matplotlib.figure import Figure

    from spacecharge.plotting.bounds import blocked

    panel = Figure().subplots()
    bound = 1e4 * BLOCKED_OHM_M2
    values = np.array([1.0, 1e3, 1e21]).reshape(3, 1, 1, 1)
    ((_, drawn, _),) = blocked(panel, [("", values, "")], "ohm m2")
    np.testing.assert_array_equal(drawn.ravel(), [1.0, 1e3, bound])
    assert [text.get_text() for text in panel.texts] == ["blocked"]
    ((_, same, _),) = blocked(panel, [("", values, "")], "V")
    assert same.max() == 1e21


def test_equal_values_are_not_zoomed_into(tmp_path):
    from matplotlib.figure import Figure

    from spacecharge.plotting.bounds import widen

    panel = Figure().subplots()
    values = 5.0 + 1e-9 * np.arange(4.0)
    panel.plot(values)
    widen(panel, values)
    low, high = panel.get_ylim()
    assert high - low > 0.5
    other = Figure().subplots()
    other.plot([1.0, 2.0])
    before = other.get_ylim()
    widen(other, np.array([1.0, 2.0]))
    assert other.get_ylim() == before


def test_the_terminal_gets_a_sketch(three, capsys):
    pytest.importorskip("plotext")
    assert main(["plot", str(three), "--text", "--select", "temperature=298.15"]) == 0
    text = capsys.readouterr().out
    assert "interface_resistance" in text
    assert "electrode_potential [V]" in text
    assert "0.7" in text
    assert "\x1b" not in text
    assert not list(three.parent.glob("*.png"))
    with pytest.raises(StoreError, match="dimensions of its own"):
        sketch(three, y="charge")


def test_saving_is_whole_or_not_at_all(three, tmp_path):
    figure = plot_sweep(View(read_results(three)))
    with pytest.raises(StoreError, match="format of figures"):
        save(figure, tmp_path / "x.docx")
    assert not list(tmp_path.glob(".*tmp*"))
