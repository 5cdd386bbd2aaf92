"""The words of a published value stand where they cover nothing that is drawn."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from spacecharge.plotting.references import draw_references

LABEL = "published: H-terminated diamond on lithium conductors, 14 to 15"


def drawn(draw, low: float, high: float, *, logarithmic: bool = False, label: str = LABEL):
    """Return the words and the pixels of the data of a panel with a reference line."""
    figure = Figure(figsize=(4.5, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    lines = draw(panel)
    if logarithmic:
        panel.set_yscale("log")
    line = {"of": "y", "units": "1", "label": label, "low": low, "high": high}
    view = SimpleNamespace(results=SimpleNamespace(attributes={"reference_lines": [json.dumps(line)]}))
    draw_references(panel, view, ["y"])
    figure.canvas.draw()
    (text,) = panel.texts
    points = np.concatenate([panel.transData.transform(at.get_xydata()) for at in lines])
    return text, text.get_window_extent(), points, panel


def covered(box, points) -> int:
    inside = (points[:, 0] > box.x0) & (points[:, 0] < box.x1) & (points[:, 1] > box.y0) & (points[:, 1] < box.y1)
    return int(inside.sum())


def two_materials(panel):
    panel.set_xticks([0, 1], ["LAGP", "LLZO"])
    dots = [panel.plot([0, 1], [y, 3 * y], "o", linestyle="none")[0] for y in np.linspace(16.0, 60.0, 9)]
    return [*dots, *panel.plot([0, 1], [14.5, 500.0], "o", linestyle="none")]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_words_cover_no_dot_of_two_materials(logarithmic: bool) -> None:
    text, box, points, _ = drawn(two_materials, 14.0, 15.0, logarithmic=logarithmic)
    assert covered(box, points) == 0
    assert " ".join(text.get_text().split()) == LABEL


def test_words_stand_to_the_left_above_where_nothing_is_in_the_way() -> None:
    def curve(panel):
        return panel.plot(np.linspace(-1, 1, 81), 100.0 * np.exp(-(np.linspace(-2, 2, 81) ** 2)) + 30.0)

    text, box, points, panel = drawn(curve, 14.0, 15.0)
    assert covered(box, points) == 0
    assert text.get_text() == LABEL
    assert text.get_ha() == "left"
    assert box.y0 > panel.transData.transform((0.0, 15.0))[1]


def test_words_leave_the_left_where_a_curve_is() -> None:
    def curve(panel):
        panel.set_ylim(0.0, 100.0)
        return panel.plot(np.linspace(0, 1, 200), 52.0 + 40.0 * np.linspace(0, 1, 200))

    _, box, points, panel = drawn(curve, 50.0, 50.0)
    assert covered(box, points) == 0
    assert panel.get_window_extent().contains(box.x0, box.y0)


def test_a_label_of_blanks_leaves_a_line_without_words() -> None:
    text, _, _, panel = drawn(two_materials, 14.0, 15.0, label="  ")
    assert not text.get_text().strip()
    assert panel.patches
