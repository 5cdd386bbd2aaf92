"""Figures of biased contacts, blocking plates and relaxation times: what is drawn against laws that need no file."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.plotting.currents import plot_capacitance, plot_currents
from spacecharge.plotting.figures import plot_file
from spacecharge.plotting.relaxation import plot_relaxation
from spacecharge.report.view import View
from spacecharge.store.read import read_results

ELECTRODE = {"material": "LixV2O5", "potential_V": 3.0, "thickness_nm": 10}
ELECTROLYTE = {"material": "LAGP", "thickness_nm": 10}
LAW = {"charge_transfer": {"rate_constant_per_m2_s": 1.9847733e20}}


def run(tmp_path, **keys):
    config = sc.load_config({"temperature_K": 298.15, **keys})
    return sc.run_sweep(config, output=tmp_path / "out.h5", workers=1).path


def test_current_against_bias(tmp_path):
    path = run(
        tmp_path,
        layers={"electrode": ELECTRODE, "electrolyte": ELECTROLYTE},
        contacts=[LAW],
        sweep={
            "electrode.potential_V": [3.0, 3.4],
            "contacts.0.bias_V": {"start": -0.1, "stop": 0.1, "num": 9},
        },
    )
    view = View(read_results(path))
    figure = plot_currents(view)
    linear, tafel = figure.axes[:2]
    lines = [line for line in linear.get_lines() if len(line.get_xdata()) == 9]
    curves, slopes = lines[:2], lines[2:]
    # DYNAMICS 2: +0.1 V passes 1.866939 A/m2 at 3.4 V.
    assert curves[1].get_ydata()[-1] == pytest.approx(0.1866939, rel=1e-3)
    # The line at equilibrium: bias over kT/(e i0) of a solve without bias.
    law = sc.ChargeTransfer(rate_constant=1.9847733e20)
    solution = sc.solve(sc.load_config({"layers": {"electrode": ELECTRODE, "electrolyte": ELECTROLYTE}}).stack)
    resistance = float(sc.charge_transfer_resistance(solution, law)[0])
    assert slopes[0].get_ydata()[-1] == pytest.approx(0.1 / resistance / 10.0, rel=1e-6)
    assert tafel.get_yscale() == "log"
    assert np.nanmin(tafel.get_lines()[0].get_ydata()) > 0.0
    # Without further flags, and lines of any other variable as before.
    assert plot_file(path, tmp_path / "iv.png").stat().st_size > 10000
    assert plot_file(path, tmp_path / "other.png", y="overpotential").stat().st_size > 10000


def test_capacitance_twice_and_a_published_value(tmp_path):
    path = run(
        tmp_path,
        layers={"electrolyte": {"material": "LAGP", "thickness_nm": 30}},
        ends={"left": {"electrostatic_potential_V": 0.0}, "right": "bulk"},
        impedance={"frequency_Hz": [1.0], "ends": {"left": "blocking", "right": "reversible"}},
        sweep={"ends.left.electrostatic_potential_V": {"start": -0.3, "stop": 0.3, "num": 5}},
        output={
            "reference_lines": [
                {"of": "differential_capacitance", "value": [14, 15], "unit": "uF/cm2", "label": "diamond"},
                {"of": "impedance_real", "value": 3.0, "unit": "Ohm cm2", "label": "elsewhere"},
            ]
        },
    )
    panel = plot_capacitance(View(read_results(path))).axes[0]
    static, dynamic = (line.get_ydata() for line in panel.get_lines()[:2])
    assert dynamic == pytest.approx(static, rel=1e-4)
    assert [text.get_text() for text in panel.texts] == ["diamond"]
    assert panel.patches[0].get_extents().transformed(panel.transData.inverted()).ymax == pytest.approx(15.0)
    assert plot_file(path, tmp_path / "c.png").stat().st_size > 10000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "{of: capacitance, value: 1, unit: uF/cm2, label: a}",
            "9:12: output.reference_lines.1.of: no variable is called 'capacitance' (nearest: ",
        ),
        (
            "{of: charge, value: 1, unit: nm, label: a}",
            "9:36: output.reference_lines.1.unit: charge is shown in uC/cm2, not in 'nm'",
        ),
        ("{of: charge, value: [1], unit: nm, label: a}", "9:"),
    ],
)
def test_reference_lines_that_cannot_be(tmp_path, capsys, line, message):
    # Checked without a run, at the place in the file.
    path = tmp_path / "wrong.yaml"
    path.write_text(
        "title: A line that no figure can draw\n"
        "temperature_K: 300\n"
        "layers:\n"
        "  a:\n"
        "    {material: LAGP, thickness_nm: 10}\n"
        "output:\n"
        "  reference_lines:\n"
        "    - {of: charge, value: 1, unit: uC/cm2, label: right}\n"
        f"    - {line}\n"
    )
    assert main(["check", str(path)]) == 2
    assert f"{path}:{message}" in capsys.readouterr().err


def test_relaxation_times_of_a_file(tmp_path):
    path = run(
        tmp_path,
        layers={"electrode": ELECTRODE | {"potential_V": 3.4}, "electrolyte": ELECTROLYTE},
        contacts=[LAW],
        impedance={"frequency_Hz": [1.0, 1e6], "arcs": True},
        sweep={"electrode.thickness_nm": [10, 20]},
    )
    results = read_results(path)
    stems, tops = plot_relaxation(View(results)).axes[:2]
    drawn = [line for line in stems.get_lines() if line.get_marker() == "o"]
    # The sum of the strengths is the resistance to a direct current, at both points.
    total = [line.get_ydata().sum() for line in drawn]
    assert total == pytest.approx(1e4 * results["dc_resistance"], rel=1e-4)
    named = [text.get_text() for text in tops.texts]
    assert named == ["electrode|electrolyte", "electrode"]
    # An RC element has its top at half its resistance.
    marks = [line for line in tops.get_lines() if line.get_marker() == "v"]
    assert marks[0].get_ydata()[0] == pytest.approx(0.5e4 * results["arc_resistance"][0, 0], rel=1e-9)
    curve = tops.get_lines()[0].get_xydata()
    top = curve[np.argmax(curve[:, 1])]
    assert top == pytest.approx([results["arc_frequency"][0, 0], marks[0].get_ydata()[0]], rel=0.03)
    assert plot_file(path, tmp_path / "r.png", y="relaxation_strength").stat().st_size > 10000
    plain = run(tmp_path / "plain", layers={"a": ELECTROLYTE})
    with pytest.raises(sc.SpaceChargeError, match="has no relaxation times"):
        plot_relaxation(View(read_results(plain)))
